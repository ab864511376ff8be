package partoo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
)

func TestRoutes(t *testing.T) {
	done := providers.Receipt{UserID: userID}
	named := create("create-full-request.json")
	named.Header = http.Header{"X-Request-Id": {"r-1"}}
	gone := remove()
	gone.Status, gone.Answer, gone.Header = 204, "", named.Header
	for _, test := range []struct {
		name  string
		steps []step
		call  vendortest.Call
		want  any
	}{
		{"create with every field that is documented", []step{named}, vendortest.Create(fullDraft()), providers.Receipt{UserID: userID, RequestID: "r-1"}},
		{"create with what is stated alone", []step{create("create-request.json")}, vendortest.Create(businessDraft()), done},
		{"create with an invitation", []step{create("create-invitation-request.json")}, vendortest.Create(billDraft(map[string]any{roleName: "ORG_MANAGER", sendInvitation: true})), done},
		{"create of somebody who is to be invited afterwards", []step{create("create-welcome-request.json")}, vendortest.Create(billDraft(map[string]any{roleName: "ORG_MANAGER", welcomeEmail: true})), done},
		{
			"create of somebody who is to be invited afterwards, as stated",
			[]step{create("create-welcome-request.json")},
			vendortest.Create(billDraft(map[string]any{roleName: "ORG_MANAGER", welcomeEmail: true, sendInvitation: false, statusName: "invited"})), done,
		},
		{"update", []step{update("update-request.json")}, vendortest.Update(userID, map[string]any{roleName: groupManager, accesses: access12and13(), "phone": "+33 1 23 45 67 89"}), done},
		{"update of one field", []step{update(`{"last_name":"of Wales"}`)}, vendortest.Update(userID, map[string]any{"last_name": "of Wales"}), done},
		{
			"update of what a create can not carry",
			[]step{update(`{"phone":"1","keywords":["north"],"receive_reviews_email_notifications":false}`)},
			vendortest.Update(userID, map[string]any{"phone": "1", "keywords": []any{"north"}, "receive_reviews_email_notifications": false}), done,
		},
		{
			"update that empties lists",
			[]step{update(`{"accesses":[],"business_ids":[],"keywords":[]}`)},
			vendortest.Update(userID, map[string]any{accesses: []any{}, businessIDs: []any{}, "keywords": []any{}}), done,
		},
		{"suspend", []step{update(`{"disabled":true}`)}, vendortest.Update(userID, Kind().Suspension.Suspended), done},
		{"restore", []step{update(`{"disabled":false}`)}, vendortest.Update(userID, Kind().Suspension.Active), done},
		{"delete", []step{remove()}, vendortest.Delete(userID), done},
		{"delete answered without a body", []step{gone}, vendortest.Delete(userID), providers.Receipt{UserID: userID, RequestID: "r-1"}},
		{"invite", []step{invite()}, vendortest.Invite(userID), done},
		{"get", []step{get(200, "get-response.json")}, vendortest.Get(userID), livePerceval()},
		{
			"an id is one path segment",
			[]step{{Method: "GET", Path: "/user/a%2Fb%3Fc", Status: 200, Answer: `{"id":"a/b?c"}`}},
			vendortest.Get("a/b?c"), &providers.User{ID: "a/b?c", Attributes: map[string]providers.Live{}},
		},
		{"search finds one", []step{search(1).Answers("search-one-response.json")}, vendortest.Search(perceval), []*providers.User{foundPerceval()}},
		{
			"search sends the address as it is written",
			[]step{lookup(1, url.Values{"email": {"A+b&c=d#e@Example.com"}}).Answers("search-one-response.json")},
			vendortest.Search("A+b&c=d#e@Example.com"),
			[]*providers.User{foundPerceval()},
		},
		{
			"list",
			[]step{list(1).Answers("search-page-1-response.json"), list(2).Answers("search-page-2-response.json"), listDisabled(1).Answers("search-empty-response.json")},
			vendortest.Who(vendortest.List()),
			[]string{"U-1 ana@example.com", "U-2 bill@example.com", "U-3 Cara@Example.com"},
		},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Succeeds(t, test.steps, test.call, test.want) })
	}
}

// listing is a page of users; count and max_page are left out where they are "".
func listing(maxPage, count string, ids ...string) string {
	var members []string
	for name, value := range map[string]string{"max_page": maxPage, "count": count} {
		if value != "" {
			members = append(members, fmt.Sprintf("%q:%s", name, value))
		}
	}
	users := make([]string, len(ids))
	for i, id := range ids {
		users[i] = fmt.Sprintf(`{"id":%q,"email":"%s@example.com"}`, id, id)
	}
	return "{" + strings.Join(append(members, `"users":[`+strings.Join(users, ",")+"]"), ",") + "}"
}

// pages are the requests for some pages and what each is answered with.
func pages(of func(page int) step, answers ...string) []step {
	steps := make([]step, len(answers))
	for i, answer := range answers {
		steps[i] = of(i + 1).Answers(answer)
	}
	return steps
}

// nobody is the answer to a search that finds nobody.
const nobody = "search-empty-response.json"

// While a search finds nobody, it asks for the users whose account is disabled too,
// and only then.
func TestSearchAsksForDisabledUsers(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"nobody, disabled or not", []step{search(1).Answers(nobody), searchDisabled(1).Answers(nobody)}, nil},
		{"nobody, and no page", []step{search(1).Answers(listing("0", "0")), searchDisabled(1).Answers(listing("0", "0"))}, nil},
		{"somebody disabled", []step{search(1).Answers(nobody), searchDisabled(1).Answers(listing("1", "1", "U-1"))}, []string{"U-1 U-1@example.com"}},
		{"somebody", []step{search(1).Answers(listing("1", "1", "U-1"))}, []string{"U-1 U-1@example.com"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			vendor.Succeeds(t, test.steps, vendortest.Who(vendortest.Search(perceval)), test.want)
		})
	}
	// What the second search does not prove is not proven.
	for name, second := range map[string]step{
		"refused": searchDisabled(1).Refuses(400, "error-400.json"), "not permitted": searchDisabled(1).Refuses(403, "error-403.json"),
		"cut short": searchDisabled(1).Answers(listing("1", "1")), "no list": searchDisabled(1).Answers(`{"users":null}`),
	} {
		t.Run("the second search is "+name, func(t *testing.T) {
			_, err := vendortest.Search(perceval)(t.Context(), vendor.Connect(t, vendor.Plays(t, search(1).Answers(nobody), second)))
			if err == nil || errors.Is(err, providers.ErrAbsent) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// All pages are read, whatever the vendor says how many there are: count and an
// empty page end a list, max_page alone never does; and no more pages are asked for
// than it takes to know.
func TestEveryPage(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []string
		want    string
	}{
		{"one page", []string{listing("1", "1", "U-1")}, "U-1"},
		{"two pages", []string{listing("2", "3", "U-1", "U-2"), listing("2", "3", "U-3")}, "U-1 U-2 U-3"},
		{"max_page is 0", []string{listing("0", "1", "U-1")}, "U-1"},
		{"max_page is less than there are", []string{listing("1", "3", "U-1", "U-2"), listing("1", "3", "U-3")}, "U-1 U-2 U-3"},
		{"max_page is more than there are", []string{listing("7", "1", "U-1"), listing("7", "1")}, "U-1"},
		{"max_page is more than there are, over several pages", []string{listing("9", "2", "U-1"), listing("9", "2", "U-2"), listing("9", "2")}, "U-1 U-2"},
		{"max_page is missing", []string{listing("", "2", "U-1", "U-2"), listing("", "2")}, "U-1 U-2"},
		{"max_page is null", []string{listing("null", "1", "U-1"), listing("null", "1")}, "U-1"},
		{"count is missing", []string{listing("1", "", "U-1"), listing("1", "", "U-2"), listing("1", "")}, "U-1 U-2"},
		{"both are missing", []string{listing("", "", "U-1"), listing("", "", "U-2"), listing("", "")}, "U-1 U-2"},
		{"pages overlap", []string{listing("2", "3", "U-1", "U-2"), listing("2", "3", "U-2", "U-3")}, "U-1 U-2 U-3"},
		{"pages overlap, so that there are more", []string{listing("2", "4", "U-1", "U-2"), listing("2", "4", "U-2", "U-3"), listing("2", "4", "U-4")}, "U-1 U-2 U-3 U-4"},
		{"a user twice on one page", []string{listing("1", "1", "U-1", "U-1")}, "U-1"},
	} {
		var want []string
		for id := range strings.FieldsSeq(test.want) {
			want = append(want, id+" "+id+"@example.com")
		}
		t.Run("search: "+test.name, func(t *testing.T) {
			vendor.Succeeds(t, pages(search, test.answers...), vendortest.Who(vendortest.Search(perceval)), want)
		})
		t.Run("search of disabled users: "+test.name, func(t *testing.T) {
			steps := append(pages(search, nobody), pages(searchDisabled, test.answers...)...)
			vendor.Succeeds(t, steps, vendortest.Who(vendortest.Search(perceval)), want)
		})
		t.Run("list: "+test.name, func(t *testing.T) {
			steps := append(pages(list, test.answers...), pages(listDisabled, nobody)...)
			vendor.Succeeds(t, steps, vendortest.Who(vendortest.List()), want)
		})
		t.Run("list of disabled users: "+test.name, func(t *testing.T) {
			steps := append(pages(list, nobody), pages(listDisabled, test.answers...)...)
			vendor.Succeeds(t, steps, vendortest.Who(vendortest.List()), want)
		})
	}
}

// Pages that do not add up are an error, in every search and list.
func TestPagesThatDoNotAddUp(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []string
		says    string
	}{
		{"count is larger than what came", []string{listing("1", "3", "U-1", "U-2"), listing("1", "3")}, "ends before it is complete: 2 of 3"},
		{"count is larger than what came, max_page too", []string{listing("4", "3", "U-1"), listing("4", "3", "U-2"), listing("4", "3")}, "ends before it is complete: 2 of 3"},
		{"nobody, and nobody is counted", []string{listing("1", "")}, "documented form at count"},
		{"count without users", []string{listing("1", "1")}, "ends before it is complete: 0 of 1"},
		{"count grows", []string{listing("2", "2", "U-1"), listing("2", "3", "U-2")}, "the list changed while it was read"},
		{"count shrinks", []string{listing("2", "3", "U-1", "U-2"), listing("2", "2", "U-3")}, "the list changed while it was read"},
		{"count shrinks to none", []string{listing("2", "2", "U-1"), listing("0", "0")}, "the list changed while it was read"},
		{"a page that repeats", []string{listing("2", "4", "U-1", "U-2"), listing("2", "4", "U-1", "U-2")}, "the same page again"},
		{"a page that repeats, and no count", []string{listing("5", "", "U-1", "U-2"), listing("5", "", "U-2", "U-1")}, "the same page again"},
		{"a page that repeats, and all are there", []string{listing("5", "1", "U-1"), listing("5", "1", "U-1")}, "the same page again"},
		{"count is below 0", []string{listing("1", "-1", "U-1")}, "documented form at count"},
		{"count is a text", []string{listing("1", `"1"`, "U-1")}, "documented form at count"},
		{"max_page is a text", []string{listing(`"1"`, "1", "U-1")}, "documented form at max_page"},
		{"the second page has no list", []string{listing("2", "2", "U-1"), `{"max_page":2,"count":2}`}, "documented form at users"},
		{"one bad user among good ones", []string{`{"max_page":1,"count":2,"users":[{"id":"U-1","email":"ana@example.com"},{"id":"U-2","email":7}]}`}, "documented form at users.email"},
	} {
		for _, pass := range []struct {
			name   string
			before []step
			of     func(int) step
			call   vendortest.Call
		}{
			{"search", nil, search, vendortest.Search(perceval)},
			{"search of disabled users", pages(search, nobody), searchDisabled, vendortest.Search(perceval)},
			{"list", nil, list, vendortest.List()},
			{"list of disabled users", pages(list, listing("1", "1", "U-9")), listDisabled, vendortest.List()},
		} {
			t.Run(pass.name+": "+test.name, func(t *testing.T) {
				vendor.ReadFails(t, append(pass.before, pages(pass.of, test.answers...)...), pass.call, test.says, "")
			})
		}
	}
}

// A list is that of the users and that of the disabled ones together, each user
// once.
func TestListHasDisabledUsers(t *testing.T) {
	who := func(ids ...string) []string {
		for i, id := range ids {
			ids[i] = id + " " + id + "@example.com"
		}
		return ids
	}
	for _, test := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"nobody", append(pages(list, nobody), pages(listDisabled, nobody)...), nil},
		{"disabled users are not among the users", append(pages(list, listing("1", "1", "U-1")), pages(listDisabled, listing("1", "2", "U-2", "U-3"))...), who("U-1", "U-2", "U-3")},
		{"disabled users are among the users", append(pages(list, listing("1", "2", "U-1", "U-2")), pages(listDisabled, listing("1", "1", "U-2"))...), who("U-1", "U-2")},
		{"the filter is ignored", append(pages(list, listing("1", "2", "U-1", "U-2")), pages(listDisabled, listing("1", "2", "U-1", "U-2"))...), who("U-1", "U-2")},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Succeeds(t, test.steps, vendortest.Who(vendortest.List()), test.want) })
	}
}

// A full page may have one behind it, whatever the vendor counts: it may count no
// more than it answers at once.
func TestFullPage(t *testing.T) {
	full := make([]string, pageSize)
	for i := range full {
		full[i] = fmt.Sprintf("U-%d", i)
	}
	for name, test := range map[string]struct {
		second []string // on the second page
		want   int
	}{"and nobody behind it": {nil, 100}, "and somebody behind it": {[]string{"U-100"}, 101}} {
		t.Run(name, func(t *testing.T) {
			steps := append(pages(list, listing("1", "100", full...), listing("1", "100", test.second...)), pages(listDisabled, nobody)...)
			users, err := vendor.Connect(t, vendor.Plays(t, steps...)).Reader.(providers.Lister).List(t.Context())
			if err != nil || len(users) != test.want {
				t.Errorf("%d users, %v", len(users), err)
			}
		})
	}
}

// A user of a list who can not be read concerns nobody else; in a search he may be
// the one who is searched for.
func TestUnreadableUser(t *testing.T) {
	const before, after = `{"max_page":1,"count":3,"users":[{"id":"U-1","email":"ana@example.com"},{"id":"U-2","email":"bill@example.com",`, `},{"id":"U-3"}]}`
	for member, says := range map[string]string{
		`"role":7`: "documented form at users.role", `"accesses":[null]`: "documented form at users.accesses", `"org_id":43`: "belongs to another organization",
	} {
		t.Run(member, func(t *testing.T) {
			of := func(s step) step { s.Query.Set("org_id", "42"); return s }
			c := vendor.Connect(t, vendor.Plays(t, of(list(1)).Answers(before+member+after), of(listDisabled(1)).Answers(nobody), of(search(1)).Answers(before+member+after)), ofOrganization)
			users, err := c.Reader.(providers.Lister).List(t.Context())
			if err != nil || len(users) != 3 || users[0].Unreadable != nil || users[2].Unreadable != nil {
				t.Fatal(users, err)
			}
			broken := users[1]
			if broken.ID != "U-2" || broken.Email != "bill@example.com" || broken.Attributes != nil || broken.Unreadable == nil || !strings.Contains(broken.Unreadable.Error(), says) {
				t.Errorf("%+v", broken)
			}
			if users, err := c.Reader.Search(t.Context(), perceval); users != nil || err == nil || !strings.Contains(err.Error(), says) {
				t.Error(users, err)
			}
		})
	}
}

func TestPageBudget(t *testing.T) {
	endless := func(n int) []string {
		answers := make([]string, n)
		for i := range answers {
			answers[i] = listing("", "", fmt.Sprintf("U-%d", i))
		}
		return answers
	}
	vendor.ReadFails(t, pages(search, endless(maxPages)...), vendortest.Search(perceval), "more than 20 pages", "")
	// As many pages as are allowed are an answer.
	steps := pages(search, append(endless(maxPages-1), listing("", ""))...)
	if users, err := vendortest.Search(perceval)(t.Context(), vendor.Connect(t, vendor.Plays(t, steps...))); err != nil || len(users.([]*providers.User)) != maxPages-1 {
		t.Error(users, err)
	}
}

// What is no proof is an error: nothing below tells of absence.
func TestReadErrors(t *testing.T) {
	const html = "<html>not here</html>"
	const forbidden, base, unproven = "give him a role that manages the users", "check baseURL", "does not prove"
	find, all, read := vendortest.Search(perceval), vendortest.List(), vendortest.Get(userID)
	one := search(1)
	for _, test := range []struct {
		name   string
		steps  []step
		call   vendortest.Call
		says   string
		remedy string
	}{
		{"search: 400", []step{one.Refuses(400, "error-400.json")}, find, "400 Bad Request (code json, at email.role)", ""},
		{"search: 400 as the guide has it", []step{one.Refuses(400, "error-400-guide.json")}, find, "400 Bad Request (code json, at email.role)", ""},
		{"search: 401", []step{one.Refuses(401, "error-401.json")}, find, "401 Unauthorized (code authentication)", "look at environment variable PARTOO_API_KEY"},
		{"search: 401 as the guide has it", []step{one.Refuses(401, "error-401-guide.json")}, find, "401 Unauthorized (code authentication)", "look at environment variable PARTOO_API_KEY"},
		{"search: 403", []step{one.Refuses(403, "error-403.json")}, find, "403 Forbidden (code authorization)", forbidden},
		{"search: 403 as the guide has it", []step{one.Refuses(403, "error-403-guide.json")}, find, "403 Forbidden (code authorization)", forbidden},
		{"search: 404 in the vendor's form", []step{one.Refuses(404, "error-404.json")}, find, "404 Not Found (code json)", base},
		{"search: 404 of a proxy", []step{one.Refuses(404, html).As("text/html")}, find, "404 Not Found", base},
		{"search: 404 without a body", []step{one.Refuses(404, "")}, find, "404 Not Found", base},
		{"search: 405", []step{one.Refuses(405, "")}, find, "405", base},
		{"search: 415", []step{one.Refuses(415, "error-415.json")}, find, "415 Unsupported Media Type (code json)", ""},
		{"search: 501", []step{one.Refuses(501, "")}, find, "501", base},
		{"search: 204", []step{one.Refuses(204, "")}, find, "204", ""},
		{"search: 206", []step{one.Refuses(206, nobody)}, find, "206", ""},
		{"search: 200 without a body", []step{one}, find, "can not be decoded", ""},
		{"search: HTML", []step{one.Answers(html).As("text/html")}, find, "the answer is text/html", ""},
		{"search: not JSON", []step{one.Answers("users")}, find, "broken JSON", ""},
		{"search: without users", []step{one.Answers(`{"page":1,"max_page":1,"count":0}`)}, find, "documented form at users", ""},
		{"search: null", []step{one.Answers("null")}, find, "documented form at users", ""},
		{"search: users is null", []step{one.Answers(`{"count":0,"users":null}`)}, find, "documented form at users", ""},
		{"search: users is an object", []step{one.Answers(`{"count":1,"users":{"id":"U-1"}}`)}, find, "documented form at users", ""},
		{"search: users in another spelling", []step{one.Answers(`{"count":0,"Users":[]}`)}, find, "documented form at users", ""},
		{"search: users twice", []step{one.Answers(`{"users":[{"id":"U-1"}],"users":[]}`)}, find, "says the same thing twice", ""},
		{"search: an error with 200", []step{one.Answers("error-404.json")}, find, "documented form at errors", ""},
		{"search: an error with 200, as the guide has it", []step{one.Answers("error-404-guide.json")}, find, "documented form at errors", ""},
		{"search: nobody and an error", []step{one.Answers(`{"count":0,"users":[],"errors":{"json":"x"}}`)}, find, "documented form at errors", ""},
		{"search: nobody and an error, as the guide has it", []step{one.Answers(`{"count":0,"users":[],"error":{"json":"x"}}`)}, find, "documented form at errors", ""},
		{"search: no UTF-8", []step{one.Answers("{\"users\":[],\"x\":\"\xff\"}")}, find, "can not be decoded", ""},
		{"search: a hole in the list", []step{one.Answers(`{"users":[null]}`)}, find, "documented form at users.id", ""},
		{"search: without id", []step{one.Answers(`{"users":[{"email":"ana@example.com"}]}`)}, find, "documented form at users.id", ""},
		{"search: the second page fails", []step{one.Answers(listing("2", "2", "U-1")), search(2).Refuses(403, "error-403.json")}, find, "403", forbidden},
		{"search: the second page is not there", []step{one.Answers(listing("2", "2", "U-1")), search(2).Refuses(404, "error-404.json")}, find, "404", base},
		{"list: 400", []step{list(1).Refuses(400, "error-400.json")}, all, "400 Bad Request (code json, at email.role)", ""},
		{"list: 401", []step{list(1).Refuses(401, "error-401.json")}, all, "401", "PARTOO_API_KEY"},
		{"list: 403", []step{list(1).Refuses(403, "error-403.json")}, all, "403", forbidden},
		{"list: 404", []step{list(1).Refuses(404, "error-404.json")}, all, "404", base},
		{"list: 405", []step{list(1).Refuses(405, "")}, all, "405", base},
		{"list: 415", []step{list(1).Refuses(415, "error-415.json")}, all, "415", ""},
		{"list: the disabled users are refused", []step{list(1).Answers(listing("1", "1", "U-1")), listDisabled(1).Refuses(400, "error-400.json")}, all, "400", ""},
		{"list: the disabled users are not there", []step{list(1).Answers(nobody), listDisabled(1).Refuses(404, "error-404.json")}, all, "404", base},
		{"get: 400", []step{get(400, "error-400.json")}, read, "400 Bad Request (code json, at email.role)", ""},
		{"get: 401", []step{get(401, "error-401.json")}, read, "401", "PARTOO_API_KEY"},
		{"get: 403", []step{get(403, "error-403.json")}, read, "403", forbidden},
		{"get: 405", []step{get(405, "")}, read, "405", base},
		{"get: 410", []step{get(410, "error-404.json")}, read, "410", ""},
		{"get: 415", []step{get(415, "error-415.json")}, read, "415", ""},
		{"get: 501", []step{get(501, "")}, read, "501", base},
		{"get: null", []step{get(200, "null")}, read, "documented form at users.id", ""},
		{"get: a list", []step{get(200, `[{"id":"U-1"}]`)}, read, "does not have the documented form", ""},
		{"get: without id", []step{get(200, `{"email":"ana@example.com"}`)}, read, "documented form at users.id", ""},
		{"get: an empty id", []step{get(200, `{"id":""}`)}, read, "documented form at users.id", ""},
		{"get: an error with 200", []step{get(200, `{"id":"U-1","errors":{"json":"x"}}`)}, read, "documented form at errors", ""},
		{"get: an error with 200, as the guide has it", []step{get(200, `{"id":"U-1","error":{"json":"x"}}`)}, read, "documented form at errors", ""},
		{"get: a member twice", []step{get(200, `{"id":"U-1","role":"ORG_ADMIN","Role":"PUBLISHER"}`)}, read, "says the same thing twice", ""},
		{"get: 404 of a proxy", []step{get(404, html).As("text/html")}, read, "404", unproven},
		{"get: 404 without a body", []step{get(404, "")}, read, "404", unproven},
		{"get: 404 in the vendor's form, called something else", []step{get(404, "error-404.json").As("text/plain")}, read, "404", unproven},
		{"get: 404 of a gateway", []step{get(404, `{"message":"no Route matched"}`)}, read, "404", unproven},
		{"get: 404 of a gateway that has an error in it", []step{get(404, `{"error":{"code":404,"message":"Not Found"}}`)}, read, "404", unproven},
		{"get: 404 of a gateway that has a text in it", []step{get(404, `{"error":"Not Found"}`)}, read, "404", unproven},
		{"get: 404 of a gateway that has a list in it", []step{get(404, `{"errors":[{"status":"404"}]}`)}, read, "404", unproven},
		{"get: 404 that says nothing", []step{get(404, `{"errors":{}}`)}, read, "404", unproven},
		{"get: 404 that is about something else", []step{get(404, "error-403.json")}, read, "404", unproven},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.ReadFails(t, test.steps, test.call, test.says, test.remedy) })
	}
}

// A 404 in the vendor's own form is the proof, in both spellings.
func TestGetProvesAbsence(t *testing.T) {
	for _, body := range []string{"error-404.json", "error-404-guide.json", `{"errors":{"json":{"user_id":"Resource not found"}}}`} {
		_, err := vendor.Connect(t, vendor.Plays(t, get(404, body))).Reader.Get(t.Context(), userID)
		if !errors.Is(err, providers.ErrAbsent) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// A definitive refusal of a write did nothing, says what to do, tells nothing of
// what was sent, and is not repeated.
func TestRefusedWrites(t *testing.T) {
	const key, role, invited = "look at environment variable PARTOO_API_KEY", "may give this role", "only users whose status is invited"
	for _, refusal := range []struct {
		status   int
		answer   string
		says     string
		remedy   string
		onInvite string
	}{
		{400, "error-400.json", "400 Bad Request (code json, at email.role, request", "", invited},
		{400, "error-400-guide.json", "400 Bad Request (code json, at email.role, request", "", invited},
		{400, "", "400 Bad Request (request", "", invited},
		{401, "error-401.json", "401 Unauthorized (code authentication, request", key, key},
		{401, "error-401-guide.json", "401 Unauthorized (code authentication, request", key, key},
		{403, "error-403.json", "403 Forbidden (code authorization, request", role, role},
		{403, "error-403-guide.json", "403 Forbidden (code authorization, request", role, role},
		{404, "error-404.json", "404 Not Found (code json, request", "", ""},
		{405, "", "405", "", ""},
		{409, "error-400.json", "409", "", invited},
		{415, "error-415.json", "415 Unsupported Media Type (code json, request", "", invited},
	} {
		for _, operation := range []string{"create", "update", "delete", "invite"} {
			use := calls()[operation]
			steps, remedy := []step{use.step.Refuses(refusal.status, refusal.answer)}, refusal.remedy
			switch {
			case operation == "invite":
				remedy = refusal.onInvite
			case operation == "delete" && refusal.status == 404: // it is looked whether he is gone
				steps = append(steps, get(200, "get-response.json"))
			}
			t.Run(fmt.Sprintf("%s: %d %s", operation, refusal.status, refusal.answer), func(t *testing.T) {
				vendor.WriteFails(t, steps, use.call, refusal.says, remedy)
			})
		}
	}
}

// A 404 to a delete is done only when reading the user proves that there is none.
func TestDeleteNotFound(t *testing.T) {
	notFound := remove().Refuses(404, "error-404.json")
	for _, test := range []struct {
		name string
		then step
		gone bool
	}{
		{"gone", get(404, "error-404.json"), true},
		{"gone, as the guide says it", get(404, "error-404-guide.json"), true},
		{"still there", get(200, "get-response.json"), false},
		{"no answer", get(403, "error-403.json"), false},
		{"no proof", get(404, ""), false},
		{"no proof of a proxy", get(404, "<html></html>").As("text/html"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := vendor.Connect(t, vendor.Plays(t, notFound, test.then)).Writer.(providers.Deleter).Delete(t.Context(), userID)
			if (err == nil) != test.gone || receipt.UserID != userID || !test.gone && !strings.Contains(err.Error(), "DELETE") {
				t.Errorf("%+v %v", receipt, err)
			}
		})
	}
}

// A create that is answered in a way that can not be used may have had its effect.
func TestCreateInDoubt(t *testing.T) {
	made := create("create-request.json")
	for name, answer := range map[string]step{
		"no body": made.Answers(""), "null": made.Answers("null"), "a list": made.Answers("[]"), "a text": made.Answers(`"success"`),
		"without id": made.Answers(`{"status":"success"}`), "an empty id": made.Answers(`{"id":"","status":"success"}`), "an id that is a number": made.Answers(`{"id":7,"status":"success"}`),
		"without status": made.Answers(`{"id":"U-1"}`), "another status": made.Answers(`{"id":"U-1","status":"error"}`), "another spelling of the status": made.Answers(`{"id":"U-1","status":"Success"}`),
		"an error with 200": made.Answers("error-400.json"), "two ids": made.Answers(`{"id":"U-1","id":"U-2","status":"success"}`),
		"broken": made.Answers(`{"id":`), "HTML": made.Answers("<html></html>").As("text/html"), "201": made.Refuses(201, "write-response.json"), "204": made.Refuses(204, ""), "302": made.Refuses(302, ""),
	} {
		t.Run(name, func(t *testing.T) {
			receipt, err := vendor.Connect(t, vendor.Plays(t, answer)).Writer.(providers.Creator).Create(t.Context(), businessDraft())
			vendortest.InDoubt(t, receipt, err)
		})
	}
}

// Neither is an invitation whose answer can not be used taken for one that was
// mailed.
func TestInviteInDoubt(t *testing.T) {
	for name, answer := range map[string]step{
		"no body": invite().Answers(""), "null": invite().Answers("null"), "a list": invite().Answers("[]"), "without status": invite().Answers("{}"),
		"another status": invite().Answers(`{"status":"error"}`), "an error with 200": invite().Answers("error-400.json"), "broken": invite().Answers(`{"status":`),
		"HTML": invite().Answers("<html></html>").As("text/html"), "204": invite().Refuses(204, ""),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := vendortest.Invite(userID)(t.Context(), vendor.Connect(t, vendor.Plays(t, answer))); !providers.OutcomeUnknown(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// lost are the ways in which an answer does not come, or not from the vendor.
func lost(s step) map[string]step {
	closed := s
	closed.Lost = true
	all := map[string]step{"closed": closed, "cut": s.Answers(`{"id":"5309c3a237`), "502 of a proxy": s.Refuses(502, "<html></html>").As("text/html")}
	for _, status := range []int{408, 500, 503, 504} {
		all[fmt.Sprint(status)] = s.Refuses(status, "")
	}
	return all
}

// A lost answer to what must not be done twice is never followed by a second POST.
func TestLostAnswerIsNotFollowedBySecondPost(t *testing.T) {
	for name, answer := range lost(create("create-request.json")) {
		t.Run("create: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				receipt, err := vendor.Connect(t, vendor.Plays(t, answer)).Writer.(providers.Creator).Create(t.Context(), businessDraft())
				vendortest.InDoubt(t, receipt, err)
			})
		})
	}
	for name, answer := range lost(invite()) {
		t.Run("invite: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if _, err := vendortest.Invite(userID)(t.Context(), vendor.Connect(t, vendor.Plays(t, answer))); !providers.OutcomeUnknown(err) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// A lost answer to what sets a state is followed by another try.
func TestLostAnswerToUpdateIsFollowedByAnother(t *testing.T) {
	for _, operation := range []string{"update", "delete"} {
		use := calls()[operation]
		for name, answer := range lost(use.step) {
			if operation == "delete" && name == "cut" { // what a delete is answered with is not needed
				continue
			}
			t.Run(operation+": "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					vendor.Succeeds(t, []step{answer, use.step}, use.call, providers.Receipt{UserID: userID})
				})
			})
		}
	}
}

// A wait that the vendor asks for is kept to, on every route, and then the call is
// made once more: nothing was done.
func TestRateLimited(t *testing.T) {
	for _, operation := range operations() {
		t.Run(operation, func(t *testing.T) {
			use := calls()[operation]
			limited := use.step.Refuses(429, "")
			limited.Header = http.Header{"Retry-After": {"60"}}
			steps := []step{limited, use.step}
			if operation == "list" {
				steps = append(steps, listDisabled(1).Answers(nobody))
			}
			vendor.Waits(t, use.call, time.Minute, steps...)
		})
	}
}

func TestErrorCode(t *testing.T) {
	vendortest.ErrorCodes(t, errorCode, map[string][2]string{
		"error-400.json":       {"json", "email.role"},
		"error-400-guide.json": {"json", "email.role"},
		"error-401.json":       {"authentication", ""},
		"error-401-guide.json": {"authentication", ""},
		"error-403.json":       {"authorization", ""},
		"error-404.json":       {"json", ""},
		"error-404-guide.json": {"json", ""},
		"error-415.json":       {"json", ""},
		`{"errors":{"json":{"email":{"0":["taken"]}}}}`:               {"json", "email"},
		`{"errors":{"json":{"ana@example.com":"taken","role":"x"}}}`:  {"json", "role"},
		`{"errors":{"json":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}}}`:   {"json", "a.b.c.d.e"},
		`{"errors":{"json":{}}}`:                                      {"json", ""},
		`{"errors":{"json":["email"]}}`:                               {"json", ""},
		`{"errors":{"json":null}}`:                                    {"json", ""},
		`{"errors":{"ana@example.com":"taken"}}`:                      {"", ""},
		`{"errors":{"ana@example.com":"taken","json":{"email":"x"}}}`: {"json", "email"},
		`{"errors":{},"error":{"json":"x"}}`:                          {"json", ""},
		`{"errors":null,"error":{"json":"x"}}`:                        {"json", ""},
		`{"errors":{"authorization":"x"},"error":{"json":"x"}}`:       {"authorization", ""},
		`{"error":"ana@example.com"}`:                                 {"", ""},
		`{"errors":[]}`:                                               {"", ""},
		`{"errors":{}}`:                                               {"", ""},
		`{"message":"x"}`:                                             {"", ""},
		`[]`:                                                          {"", ""},
		``:                                                            {"", ""},
	})
}

// Where an organization is configured, users of others are never looked at, and new
// ones belong to it.
func TestOrganization(t *testing.T) {
	of := func(s step) step { s.Query.Set("org_id", "42"); return s }
	for _, test := range []struct {
		name  string
		steps []step
		call  vendortest.Call
		want  any
	}{
		{"search", []step{of(search(1)).Answers("search-one-response.json")}, vendortest.Search(perceval), []*providers.User{foundPerceval()}},
		{"search of disabled users", []step{of(search(1)).Answers(nobody), of(searchDisabled(1)).Answers(nobody)}, vendortest.Search(perceval), []*providers.User(nil)},
		{"every page of a search", []step{of(search(1)).Answers("search-page-1-response.json"), of(search(2)).Answers("search-page-2-response.json")}, vendortest.Who(vendortest.Search(perceval)), []string{"U-1 ana@example.com", "U-2 bill@example.com", "U-3 Cara@Example.com"}},
		{"list", []step{of(list(1)).Answers("search-one-response.json"), of(listDisabled(1)).Answers(nobody)}, vendortest.List(), []*providers.User{foundPerceval()}},
		{"get", []step{get(200, "get-response.json")}, vendortest.Get(userID), livePerceval()},
		{"get of somebody whose organization is not shown", []step{get(200, `{"id":"U-1"}`)}, vendortest.Get(userID), &providers.User{ID: "U-1", Attributes: map[string]providers.Live{}}},
		{"create", []step{create(`{"email":"bill@example.com","first_name":"William","last_name":"Smith","role":"PUBLISHER","org_id":42}`)}, vendortest.Create(billDraft(map[string]any{roleName: "PUBLISHER"})), providers.Receipt{UserID: userID}},
		{
			"create with an organization of its own",
			[]step{create(`{"email":"bill@example.com","first_name":"William","last_name":"Smith","role":"PUBLISHER","org_id":43}`)},
			vendortest.Create(billDraft(map[string]any{roleName: "PUBLISHER", "org_id": int64(43)})),
			providers.Receipt{UserID: userID},
		},
		{"update", []step{update(`{"disabled":true}`)}, vendortest.Update(userID, map[string]any{disabled: true}), providers.Receipt{UserID: userID}},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Succeeds(t, test.steps, test.call, test.want, ofOrganization) })
	}
	for _, id := range []string{"43", "420", "-42", "0"} {
		other := `{"id":"U-1","email":"ana@example.com","org_id":` + id + `}`
		users := `{"max_page":1,"count":1,"users":[` + other + `]}`
		for name, test := range map[string]struct {
			steps []step
			call  vendortest.Call
		}{
			"search":                   {[]step{of(search(1)).Answers(users)}, vendortest.Search(perceval)},
			"search of disabled users": {[]step{of(search(1)).Answers(nobody), of(searchDisabled(1)).Answers(users)}, vendortest.Search(perceval)},
			"get":                      {[]step{get(200, other)}, vendortest.Get(userID)},
		} {
			t.Run(name+": a user of organization "+id, func(t *testing.T) {
				vendor.ReadFails(t, test.steps, test.call, "belongs to another organization", "setting organization", ofOrganization)
			})
		}
	}
}

// Whose key it is, is told by a path that only older texts have: where it is not there,
// not open or answers something else, nobody is known; only what may pass is an error.
func TestSelf(t *testing.T) {
	self := vendortest.Call(func(ctx context.Context, c *providers.Connection) (any, error) { return c.Self(ctx) })
	me := func(status int, answer string) step {
		return step{Method: "GET", Path: "/user/me", Status: status, Answer: answer}
	}
	vendor.Succeeds(t, []step{me(200, "get-response.json")}, self, livePerceval())
	// He may be of another organization than those whom the key manages.
	vendor.Succeeds(t, []step{me(200, `{"id":"U-9","org_id":7}`)}, self, &providers.User{ID: "U-9", Attributes: map[string]providers.Live{"org_id": providers.Show(int64(7))}}, ofOrganization)
	vendor.Succeeds(t, []step{me(200, `{"id":"U-9","email":"a@example.com","role":7}`)}, self, &providers.User{ID: "U-9", Email: "a@example.com"})
	for _, answer := range []step{
		me(404, "error-404.json"), me(403, "error-403.json"), me(401, "error-401.json"), me(400, "error-400.json"), me(405, ""), me(501, ""),
		me(200, "{}"), me(200, "[]"), me(200, ""), me(200, `{"user":{"id":"U-9"}}`),
	} {
		_, err := self(t.Context(), vendor.Connect(t, vendor.Plays(t, answer)))
		if !errors.Is(err, providers.ErrAbsent) {
			t.Errorf("%d %s: %v", answer.Status, answer.Answer, err)
		}
	}
	for _, status := range []int{429, 500, 503} {
		_, err := self(t.Context(), vendor.Connect(t, vendor.Always(t, me(status, "")), func(s *providers.Settings) { s.Config.Retries = 0 }))
		if err == nil || errors.Is(err, providers.ErrAbsent) {
			t.Errorf("%d: %v", status, err)
		}
	}
}
