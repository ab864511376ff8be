package myreports

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollcall/providers/internal/vendortest"
)

// pages are the requests for some pages and what each is answered with.
func pages(answers ...string) []step {
	steps := make([]step, len(answers))
	for i, answer := range answers {
		steps[i] = list(i).Answers(answer)
	}
	return steps
}

// A list goes on as long as pages are full. Where a server ignores which page is asked
// for, its first answer is all there is.
func TestEveryPage(t *testing.T) {
	const nobody = "list-empty-response.json"
	twice := func(answer string) []string { return []string{answer, answer} }
	for _, test := range []struct {
		name    string
		answers []string
		want    int
	}{
		{"one page", []string{someone("a", 3, `"page_index":0,"page_size":3`)}, 3},
		{"a page that is not full", []string{someone("a", 999, "")}, 999},
		{"a full page and nobody behind it", []string{someone("a", 1000, ""), nobody}, 1000},
		{"a full page and one behind it", []string{someone("a", 1000, `"page_index":0`), someone("b", 1, `"page_index":1`)}, 1001},
		{"three pages", []string{someone("a", 1000, ""), someone("b", 1000, ""), someone("c", 500, "")}, 2500},
		{"a later page may have a round number of users", []string{someone("a", 1000, ""), someone("b", 500, "")}, 1500},
		{"a size that is the one asked for", []string{someone("a", 3, `"page_size":1000`)}, 3},
		// A server that answers fewer at once than it is asked for.
		{"pages of 20", []string{someone("a", 20, ""), someone("b", 20, ""), someone("c", 7, "")}, 47},
		{"pages of 100, all full", []string{someone("a", 100, ""), someone("b", 100, ""), nobody}, 200},
		{"a round number of users", []string{someone("a", 50, ""), nobody}, 50},
		{"few users are no limit of a server's", []string{someone("a", 5, "")}, 5},
		// A server that ignores what page is asked for.
		{"all users each time, more than asked for", twice(someone("a", 1500, "")), 1500},
		{"all users each time, a round number", twice(someone("a", 100, "")), 100},
		{"all users each time, called the first page", twice(someone("a", 1500, `"page_index":0`)), 1500},
		{"all users once", []string{someone("a", 1200, ""), nobody}, 1200},
		{"a user twice on one page", []string{strings.Replace(someone("a", 3, ""), "a-1", "a-0", 1)}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := vendor.Connect(t, vendor.Plays(t, pages(test.answers...)...)).Lists().List(t.Context())
			ids := make(map[string]bool)
			for _, user := range got {
				ids[user.ID] = true
			}
			if err != nil || len(got) != test.want || len(ids) != test.want {
				t.Errorf("%d users with %d ids, %v", len(got), len(ids), err)
			}
		})
	}
}

// Pages that do not add up are an error.
func TestPagesThatDoNotAddUp(t *testing.T) {
	full, more := someone("a", 1000, ""), someone("a", 1500, "")
	for _, test := range []struct {
		name    string
		answers []string
		says    string
		remedy  string
	}{
		// A server may heed the size and not the page: then there are others.
		{"as many as are asked for, each time", []string{full, full}, "the same page again", "tell the vendor"},
		{"a second page that comes again", []string{full, someone("b", 1000, ""), someone("b", 1000, "")}, "the same page again", "tell the vendor"},
		{"the first page as the third", []string{full, someone("b", 1000, ""), full}, "the same page again", "tell the vendor"},
		{"all users each time, and one more", []string{more, strings.Replace(more, "a-1499", "z-1", 1)}, "the list changed while it was read", ""},
		{"all users each time, and one less", []string{more, someone("a", 1499, "")}, "the list changed while it was read", ""},
		{"another page than the one asked for", []string{full, someone("b", 3, `"page_index":0`)}, "documented form at page_index", ""},
		{"a second page that is none", []string{full, `{"status":"success"}`}, "documented form at data", ""},
		{"a second page that is refused", []string{full, ""}, "400 Bad Request", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			steps := pages(test.answers...)
			if last := &steps[len(steps)-1]; last.Answer == "" {
				*last = last.Refuses(400, "error-400.json")
			}
			vendor.ReadFails(t, steps, vendortest.List(), test.says, test.remedy)
		})
	}
}

// A list ends, whatever the vendor answers.
func TestPageBudget(t *testing.T) {
	asked := 0
	endless := vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
		asked++
		return vendor.Reply(t, r, list(0).Answers(someone(fmt.Sprintf("p%d", asked), 10, ""))), nil
	})
	got, err := vendor.Connect(t, endless).Lists().List(t.Context())
	if got != nil || err == nil || !strings.Contains(err.Error(), "more than 1000 pages are not read") || asked != maxPages {
		t.Errorf("%d users after %d pages, %v", len(got), asked, err)
	}
}

// A user of a list who can not be read concerns nobody else.
func TestUnreadableUser(t *testing.T) {
	const before, after = `{"data":[{"id":"U-1","email":"ana@example.com"},{"id":"U-2","email":"bill@example.com",`, `},{"id":"U-3"}],"status":"success"}`
	for member, says := range map[string]string{
		`"displayName":7`: "documented form at data.displayName", `"primaryTenant":{}`: "documented form at data.primaryTenant",
		`"roles":"account.user"`: "documented form at data.roles", `"roles":[null]`: "documented form at data.roles",
	} {
		got, err := vendor.Connect(t, vendor.Plays(t, list(0).Answers(before+member+after))).Lists().List(t.Context())
		if err != nil || len(got) != 3 || got[0].Unreadable != nil || got[2].Unreadable != nil {
			t.Fatal(got, err)
		}
		if b := got[1]; b.ID != "U-2" || b.Email != "bill@example.com" || b.Attributes != nil || b.Unreadable == nil || !strings.Contains(b.Unreadable.Error(), says) {
			t.Errorf("%s: %+v", member, b)
		}
	}
}
