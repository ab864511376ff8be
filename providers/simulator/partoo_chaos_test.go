package simulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const findCara = "/user/search?email=cara@example.com&page=1"

// Each fault of a rule happens, has or has not its effect, and is counted.
func TestPartooFaults(t *testing.T) {
	tests := []struct {
		name    string
		rule    Rule
		status  int
		text    string // part of the body
		err     error
		effects int64 // mails sent
		fired   string
	}{
		{name: "400", rule: Rule{Status: 400}, status: 400, text: `{"errors":{"json":"the service failed on purpose"}}`, fired: "status-400"},
		{name: "401", rule: Rule{Status: 401}, status: 401, text: `{"errors":{"authentication":"User not authenticated"}}`, fired: "status-401"},
		{name: "403", rule: Rule{Status: 403}, status: 403, text: `{"errors":{"authorization":"Operation not allowed"}}`, fired: "status-403"},
		{name: "404", rule: Rule{Status: 404}, status: 404, text: `{"errors":{"json":"Resource not found"}}`, fired: "status-404"},
		{name: "503", rule: Rule{Status: 503}, status: 503, text: `{"errors":{"json":`, fired: "status-503"},
		{name: "502 after", rule: Rule{Status: 502, After: true}, status: 502, effects: 1, fired: "status-502"},
		{name: "html", rule: Rule{Fault: FaultHTML}, status: 502, text: "<html>", fired: "html-502"},
		{name: "empty", rule: Rule{Fault: FaultEmpty}, status: 200, fired: "empty"},
		{name: "no content", rule: Rule{Fault: FaultNoContent}, status: 204, fired: "no-content"},
		{name: "redirect", rule: Rule{Fault: FaultRedirect, Location: "https://elsewhere.example/"}, status: 307, fired: "redirect"},
		{name: "refused", rule: Rule{Fault: FaultRefused}, err: syscall.ECONNREFUSED, fired: "refused"},
		{name: "closed", rule: Rule{Fault: FaultClosed}, err: syscall.ECONNRESET, fired: "closed"},
		{name: "lost answer", rule: Rule{Fault: FaultLostAnswer}, err: io.EOF, effects: 1, fired: "lost-answer"},
		{name: "cut body", rule: Rule{Fault: FaultCutBody}, status: 200, err: io.ErrUnexpectedEOF, effects: 1, fired: "cut-body"},
		{name: "wrong type", rule: Rule{Fault: FaultWrongType}, status: 200, text: "success", effects: 1, fired: "wrong-type"},
		{name: "429", rule: Rule{Status: 429, RetryAfter: time.Minute}, status: 429, text: `{"errors":{"json":"Too many requests"}}`, fired: "status-429"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Operation = Invite
			w := world(t, Options{})
			w.SetChaos(Chaos{Fail: []Rule{test.rule}}, "partoo")
			resp, text, err := tryPartoo(t, w, "POST", "/user/"+dora+"/invite", "")
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if resp != nil && (resp.StatusCode != test.status || !strings.Contains(text, test.text)) {
				t.Errorf("%d %s", resp.StatusCode, text)
			}
			if after := "60"; test.status == 429 && resp.Header.Get("Retry-After") != after {
				t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
			}
			fired(t, w, test.fired, 1)
			if c := w.Counts(); c.Mails != test.effects || c.Vendors["vendasta"].Faults != nil {
				t.Errorf("%+v", c)
			}
			// The other vendor is as it was.
			if resp, _ := ask(t, w, "GET", "/users/U-1/actions/sendWelcomeEmail", ""); resp.StatusCode != 202 {
				t.Errorf("vendasta: %d", resp.StatusCode)
			}
		})
	}
}

// A rule matches by the operation, whatever the method.
func TestPartooOperations(t *testing.T) {
	for op, request := range map[Operation][2]string{
		Search: {"GET", "/user/search"}, Get: {"GET", "/user/" + cara}, Create: {"POST", "/user"},
		Update: {"POST", "/user/" + cara}, Delete: {"DELETE", "/user/" + cara}, Invite: {"POST", "/user/" + dora + "/invite"}, Other: {"GET", "/group"},
	} {
		w := world(t, Options{Chaos: Chaos{Fail: []Rule{{Operation: op, Status: 599}}}})
		for other, request := range map[Operation][2]string{op: request, Search: {"GET", "/user/search/count"}, Get: {"GET", "/user/me"}} {
			if resp, _ := askPartoo(t, w, request[0], request[1], ""); (resp.StatusCode == 599) != (other == op) {
				t.Errorf("rule for %s, request to %s: %d", op, other, resp.StatusCode)
			}
		}
	}
}

func TestPartooRateLimit(t *testing.T) {
	soon := epoch.Add(90*time.Second + 1500*time.Millisecond)
	at := unixUp(soon)
	for _, test := range []struct {
		form                   RetryForm
		retry, millis, resetAt string
		body                   bool
	}{
		{form: "", retry: "92"},
		{form: RetrySeconds, retry: "92"},
		{form: RetryDate, retry: time.Unix(at, 0).UTC().Format(http.TimeFormat)},
		{form: RetryEpoch, retry: itoa(at)},
		{form: RetryEpochMillis, retry: itoa(soon.UnixMilli())},
		{form: RetryMillis, millis: "91500"},
		{form: RetryBody, body: true},
		{form: RetryReset, resetAt: itoa(at)},
		{form: RetryNone},
	} {
		t.Run(string(test.form), func(t *testing.T) {
			now := epoch
			w := world(t, Options{
				Clock: func() time.Time { return now },
				Chaos: Chaos{RateLimit: &RateLimit{Limit: 2, Window: 91500 * time.Millisecond, Form: test.form}},
			})
			for range 2 {
				if resp, _ := askPartoo(t, w, "GET", findCara, ""); resp.StatusCode != 200 || resp.Header.Get("X-RateLimit-Reset") != "" {
					t.Fatal(resp.StatusCode, resp.Header)
				}
			}
			resp, text := askPartoo(t, w, "GET", findCara, "")
			h := resp.Header
			if resp.StatusCode != 429 || dig(t, decode(t, text), "errors", "json") != "Too many requests" {
				t.Fatalf("%d %v %s", resp.StatusCode, h, text)
			}
			if h.Get("Retry-After") != test.retry || h.Get("Retry-After-Ms") != test.millis || h.Get("X-RateLimit-Reset") != test.resetAt {
				t.Errorf("headers %v", h)
			}
			if got := strings.Contains(text, `"retryAfter":92`); got != test.body {
				t.Errorf("body %s", text)
			}
			fired(t, w, "rate-limit", 1)
			now = now.Add(91500 * time.Millisecond)
			if resp, _ := askPartoo(t, w, "GET", findCara, ""); resp.StatusCode != 200 {
				t.Errorf("after the window: %d", resp.StatusCode)
			}
		})
	}
}

func TestPartooHidden(t *testing.T) {
	names := []string{"role", "org_id", "keywords", "disabled", "phone", "unknown"}
	user := func(w *World, path string) map[string]any {
		_, text := askPartoo(t, w, "GET", path, "")
		u := decode(t, text)
		if users, ok := u["users"].([]any); ok {
			u = users[0].(map[string]any)
		}
		return u
	}
	w := world(t, Options{Chaos: Chaos{Hidden: names}})
	for i, path := range []string{"/user/" + cara, findCara} {
		u := user(w, path)
		for _, name := range names {
			if _, shown := u[name]; shown {
				t.Errorf("%s is shown at %s", name, path)
			}
		}
		fired(t, w, "hidden", int64(5*(i+1)))
	}
	w.SetChaos(Chaos{HiddenInSearch: names, Blank: true})
	u := user(w, findCara)
	want := map[string]any{"role": "", "org_id": 0.0, "keywords": []any{}, "disabled": false, "phone": "", "unknown": nil}
	for name, value := range want {
		if diff := cmp.Diff(value, u[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	fired(t, w, "hidden", 15)
	if u := user(w, "/user/"+cara); u["role"] != "GROUP_MANAGER" || u["phone"] == "" {
		t.Errorf("hidden by id: %v", u)
	}
	fired(t, w, "hidden", 15)
}

func TestPartooIndexLag(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Chaos: Chaos{IndexLag: 5 * time.Second}})
	const find = "/user/search?email=bill@example.com"
	search := func(path string) int {
		_, text := askPartoo(t, w, "GET", path, "")
		return int(decode(t, text)["count"].(float64))
	}
	_, text := askPartoo(t, w, "POST", "/user", partooNew)
	id := decode(t, text)["id"].(string)
	if n := search(find); n != 0 {
		t.Errorf("found %d at once", n)
	}
	if n := search("/user/search?query=bill"); n != 0 {
		t.Errorf("listed %d at once", n)
	}
	if resp, _ := askPartoo(t, w, "GET", "/user/"+id, ""); resp.StatusCode != 200 {
		t.Errorf("by id: %d", resp.StatusCode)
	}
	if resp, _ := askPartoo(t, w, "POST", "/user", partooNew); resp.StatusCode != 400 {
		t.Errorf("second create: %d", resp.StatusCode)
	}
	now = now.Add(5 * time.Second)
	if n := search(find); n != 1 {
		t.Errorf("found %d later", n)
	}
	fired(t, w, "index-lag", 2)

	w = world(t, Options{Chaos: Chaos{IndexLagSearches: 2}})
	askPartoo(t, w, "POST", "/user", partooNew)
	var found []int
	for range 4 {
		found = append(found, search(find))
	}
	if !slices.Equal(found, []int{0, 0, 1, 1}) {
		t.Errorf("found %v", found)
	}
}

func TestPartooBrokenLists(t *testing.T) {
	distinct := func(found []string) int { return len(slices.Compact(slices.Sorted(slices.Values(found)))) }

	// The page after the second is the second, for ever.
	w := world(t, Options{Chaos: Chaos{RepeatedCursor: true}})
	fillPartoo(t, w, 25)
	found, asked, last := partooPages(t, w, "org_id=9&per_page=10", 6)
	if asked != 6 || last != 7 || len(found) != 60 || distinct(found) != 20 {
		t.Errorf("repeated: %d users on %d of %d pages", len(found), asked, last)
	}
	fired(t, w, "repeated-cursor", 5)
	if found, asked, _ = partooPages(t, w, "email=cara@example.com", 6); asked != 2 || len(found) != 1 {
		t.Errorf("repeated: a search by email has %v on %d pages", found, asked)
	}

	// Each page begins with the last user of the one before, and all are reached.
	for n, want := range map[int]int{1: 1, 9: 1, 10: 1, 11: 2, 19: 2, 20: 3, 28: 3, 29: 4} {
		w = world(t, Options{Chaos: Chaos{OverlappingPages: true}})
		fillPartoo(t, w, n)
		found, asked, last = partooPages(t, w, "org_id=9&per_page=10", 9)
		if asked != want || last != want || len(found) != n+want-1 || distinct(found) != n {
			t.Errorf("overlapping, %d users: %d of them on %d of %d pages", n, len(found), asked, last)
		}
		if want > 1 && found[9] != found[10] {
			t.Errorf("no overlap: %v", found)
		}
		if n := w.Counts().Faults["overlapping-pages"]; n != int64(want-1) {
			t.Errorf("fired %d times on %d pages", n, want)
		}
		// Beyond the last page there is nothing, not even the overlap.
		if _, text := askPartoo(t, w, "GET", fmt.Sprintf("/user/search?org_id=9&per_page=10&page=%d", want+1), ""); len(partooEmails(t, text)) != 0 {
			t.Errorf("overlapping, %d users: a page too many: %s", n, text)
		}
	}
	w = world(t, Options{Chaos: Chaos{OverlappingPages: true}})
	if found, asked, _ := partooPages(t, w, "per_page=1", 9); len(found) != 3 || asked != 3 {
		t.Errorf("pages of one can not overlap: %v on %d pages", found, asked)
	}

	// There are fewer pages than max_page says.
	w = world(t, Options{Chaos: Chaos{PhantomPages: 3}})
	fillPartoo(t, w, 25)
	for page, want := range map[int]int{1: 10, 3: 5, 4: 0, 6: 0} {
		_, text := askPartoo(t, w, "GET", fmt.Sprintf("/user/search?org_id=9&per_page=10&page=%d", page), "")
		if body := decode(t, text); body["max_page"] != 6.0 || body["count"] != 25.0 || len(partooEmails(t, text)) != want {
			t.Errorf("phantom page %d: %s", page, text)
		}
	}
	fired(t, w, "phantom-pages", 4)
	if _, text := askPartoo(t, w, "GET", "/user/search?email=nobody@example.com", ""); decode(t, text)["max_page"] != 3.0 || decode(t, text)["count"] != 0.0 {
		t.Errorf("phantom pages of nobody: %s", text)
	}

	w = world(t, Options{Chaos: Chaos{IgnoreFilter: true}})
	_, text := askPartoo(t, w, "GET", "/user/search?email=cara@example.com&role=GROUP_MANAGER,BUSINESS_MANAGER", "")
	if got := partooEmails(t, text); len(got) != 2 { // the email is ignored, the role is not
		t.Errorf("found %v", got)
	}
	fired(t, w, "ignored-filter", 1)
	askPartoo(t, w, "GET", "/user/search?email=cara@example.com&role=GROUP_MANAGER", "")
	fired(t, w, "ignored-filter", 1) // it would have found the same
}

func TestPartooTricks(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{
		EchoAuthorization: true, SingularError: true, ClockSkew: time.Hour, MisspelledEmailCase: true,
		StoreDifferently: map[string]func(any) any{
			"first_name":   Always("Bob"),
			"last_name":    func(v any) any { return v },
			"role":         Always("BUSINESS_MANAGER"),
			"business_ids": func(v any) any { return append(slices.Clone(v.([]any)), "b-9") },
			"lang":         Always(7), // a wrong type is not stored
			"disabled":     Always(false),
			"accesses":     Always([]any{[]any{1}, []any{uint64(2)}}),
			"keywords":     Always([]string{"k"}),
		},
	}})
	resp, text := askPartoo(t, w, "POST", "/user", with(`"business_ids":["b-1"],"lang":"fr","role":"PUBLISHER"`))
	if want := epoch.Add(time.Hour).Format(http.TimeFormat); resp.StatusCode != 200 || resp.Header.Get("Date") != want {
		t.Fatal(resp.Header, text)
	}
	u, _ := w.User("partoo", decode(t, text)["id"].(string))
	want := map[string]any{
		"id": u.ID, "email": "Bill@example.com", "first_name": "Bob", "last_name": "Smith", "role": "BUSINESS_MANAGER",
		"business_ids": []any{"b-1", "b-9"}, "lang": "fr", "org_id": int64(42), "status": "active", "disabled": false, "sso_only": false,
		"created_at": epoch.Add(time.Hour).Unix(),
	}
	if diff := cmp.Diff(want, u.Data); diff != "" {
		t.Error(diff)
	}
	fired(t, w, "stored-differently", 3)
	fired(t, w, "misspelled-email-case", 1)
	fired(t, w, "clock-skew", 1)

	askPartoo(t, w, "POST", "/user/"+cara, `{"disabled":true,"accesses":[[5]],"keywords":["a"],"email":"cara@example.com"}`)
	u, _ = w.User("partoo", cara)
	if u.Email != "cara@example.com" || u.Data["disabled"] != false || fmt.Sprint(u.Data["accesses"], u.Data["keywords"]) != "[[1] [2]] [k]" {
		t.Errorf("%v", u.Data)
	}
	fired(t, w, "stored-differently", 6)
	// What was stored is a state that can be read again.
	var saved strings.Builder
	if err := w.Save(&saved); err != nil {
		t.Fatal(err)
	}
	if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
		t.Error(err)
	}

	for _, test := range []struct {
		method, path, body string
		member             string
	}{
		{"GET", "/user/none", "", `"error"`}, {"POST", "/user/" + cara, `{"email":1}`, `"error"`}, {"PUT", "/user", "", `"errors"`},
	} {
		if _, text := askPartoo(t, w, test.method, test.path, test.body); !strings.Contains(text, "(request had secret-key)") || !strings.HasPrefix(text, "{"+test.member) {
			t.Errorf("%s %s: %s", test.method, test.path, text)
		}
	}
	fired(t, w, "echo-authorization", 3)
	fired(t, w, "singular-error", 2)
}

// A refused create fires nothing that it did not do.
func TestPartooFaultsOfRefusals(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{MisspelledEmailCase: true, StoreDifferently: map[string]func(any) any{"first_name": Always("Bob")}}})
	askPartoo(t, w, "POST", "/user", strings.Replace(partooNew, "bill@", "cara@", 1))
	askPartoo(t, w, "POST", "/user/"+dora, `{"email":"cara@example.com","first_name":"x"}`)
	if faults := w.Counts().Faults; len(faults) > 0 {
		t.Error(faults)
	}
}

// Creates, updates, searches, invitations and saves side by side, for the race
// detector; of creates of one email one wins, and of invitations one.
func TestPartooConcurrency(t *testing.T) {
	w := world(t, Options{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 25 {
				askPartoo(t, w, "POST", "/user", strings.ReplaceAll(partooNew, "bill@", fmt.Sprintf("b%d@", j)))
				askPartoo(t, w, "POST", "/user/"+cara, fmt.Sprintf(`{"phone":"%d"}`, i))
				askPartoo(t, w, "POST", "/user/"+dora+"/invite", "")
				askPartoo(t, w, "GET", "/user/search?per_page=100&order_by=email", "")
				_ = w.Users("partoo")
				_ = w.Save(io.Discard)
				w.SetChaos(Chaos{Hidden: []string{"phone"}})
			}
		})
	}
	group.Wait()
	if c := w.Counts(); c.Created != 25 || c.Mails != 1 || len(w.Users("partoo")) != 29 {
		t.Errorf("%d created, %d mails, %d there", c.Created, c.Mails, len(w.Users("partoo")))
	}
}
