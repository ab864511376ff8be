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

// Each fault of a rule happens, has or has not its effect, and is counted.
func TestMyReportsFaults(t *testing.T) {
	tests := []struct {
		name    string
		rule    Rule
		status  int
		text    string // part of the body
		err     error
		effects int64 // mails sent
		fired   string
	}{
		{name: "400", rule: Rule{Status: 400}, status: 400, text: `"message":"the service failed on purpose"`, fired: "status-400"},
		{name: "401", rule: Rule{Status: 401}, status: 401, fired: "status-401"},
		{name: "404", rule: Rule{Status: 404}, status: 404, text: `"error":404`, fired: "status-404"},
		{name: "503", rule: Rule{Status: 503}, status: 503, text: `"status":"error"`, fired: "status-503"},
		{name: "502 after", rule: Rule{Status: 502, After: true}, status: 502, effects: 1, fired: "status-502"},
		{name: "html", rule: Rule{Fault: FaultHTML}, status: 502, text: "<html>", fired: "html-502"},
		{name: "empty", rule: Rule{Fault: FaultEmpty}, status: 200, fired: "empty"},
		{name: "no content", rule: Rule{Fault: FaultNoContent}, status: 204, fired: "no-content"},
		{name: "redirect", rule: Rule{Fault: FaultRedirect, Location: "https://elsewhere.example/"}, status: 307, fired: "redirect"},
		{name: "refused", rule: Rule{Fault: FaultRefused}, err: syscall.ECONNREFUSED, fired: "refused"},
		{name: "closed", rule: Rule{Fault: FaultClosed}, err: syscall.ECONNRESET, fired: "closed"},
		{name: "lost answer", rule: Rule{Fault: FaultLostAnswer}, err: io.EOF, effects: 1, fired: "lost-answer"},
		{name: "cut body", rule: Rule{Fault: FaultCutBody}, err: io.EOF, effects: 1, fired: "cut-body"}, // there is none to cut
		{name: "wrong type", rule: Rule{Fault: FaultWrongType}, status: 204, effects: 1, fired: "wrong-type"},
		{name: "429", rule: Rule{Status: 429, RetryAfter: time.Minute}, status: 429, text: `"message":"Too Many Requests"`, fired: "status-429"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Operation = Invite
			w := world(t, Options{})
			w.SetChaos(Chaos{Fail: []Rule{test.rule}}, "myreports")
			resp, text, err := tryMyReports(t, w, "POST", atHome+"/"+gina+activate, "")
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
			if c := w.Counts(); c.Mails != test.effects || c.Vendors["partoo"].Faults != nil {
				t.Errorf("%+v", c)
			}
		})
	}
}

// A rule matches by the operation, whatever the method.
func TestMyReportsOperations(t *testing.T) {
	for op, request := range map[Operation][2]string{
		Search: {"GET", atHome}, Get: {"GET", atHome + "/" + gina}, Create: {"POST", atHome}, Update: {"PATCH", atHome + "/" + gina},
		Delete: {"DELETE", atHome + "/" + gina}, Invite: {"POST", atHome + "/" + gina + activate}, Token: {"POST", "/connect/token"}, Other: {"GET", "/connect/authorize"},
	} {
		w := world(t, Options{Chaos: Chaos{Fail: []Rule{{Operation: op, Status: 599}}}})
		for other, request := range map[Operation][2]string{
			op: request, Search: {"GET", atBranch}, Get: {"GET", atBranch + "/" + gina}, Other: {"GET", "/.well-known/openid-configuration"},
		} {
			if resp, _ := askMyReports(t, w, request[0], request[1], ""); (resp.StatusCode == 599) != (other == op) {
				t.Errorf("rule for %s, request to %s: %d", op, other, resp.StatusCode)
			}
		}
	}
}

func TestMyReportsRateLimit(t *testing.T) {
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
				if resp, _ := askMyReports(t, w, "GET", atHome, ""); resp.StatusCode != 200 {
					t.Fatal(resp.StatusCode, resp.Header)
				}
			}
			resp, text := askMyReports(t, w, "GET", atHome, "")
			h := resp.Header
			if resp.StatusCode != 429 || decode(t, text)["error"] != 429.0 || decode(t, text)["message"] != "Too Many Requests" {
				t.Fatalf("%d %v %s", resp.StatusCode, h, text)
			}
			if h.Get("Retry-After") != test.retry || h.Get("Retry-After-Ms") != test.millis || h.Get("X-RateLimit-Reset") != test.resetAt {
				t.Errorf("headers %v", h)
			}
			if got := strings.Contains(text, `"retryAfter":92`); got != test.body {
				t.Errorf("body %s", text)
			}
			fired(t, w, "rate-limit", 1)
			if status, _ := askToken(t, w, byRefresh("r")); status != 200 {
				t.Errorf("the token endpoint is limited: %d", status)
			}
			now = now.Add(91500 * time.Millisecond)
			if resp, _ := askMyReports(t, w, "GET", atHome, ""); resp.StatusCode != 200 {
				t.Errorf("after the window: %d", resp.StatusCode)
			}
		})
	}
}

func TestMyReportsHidden(t *testing.T) {
	names := []string{"displayName", "roles", "primaryTenant", "unknown"}
	user := func(w *World, path string) map[string]any {
		_, text := askMyReports(t, w, "GET", path, "")
		data := decode(t, text)["data"]
		if list, ok := data.([]any); ok {
			data = list[0]
		}
		return data.(map[string]any)
	}
	const one = atHome + "/" + gina
	w := world(t, Options{Chaos: Chaos{Hidden: names}})
	for path, n := range map[string]int64{one: 3, atHome: 4} { // two users without roles
		before := w.Counts().Faults["hidden"]
		u := user(w, path)
		for _, name := range names {
			if _, shown := u[name]; shown {
				t.Errorf("%s is shown at %s", name, path)
			}
		}
		fired(t, w, "hidden", before+n)
	}
	_, text := askMyReports(t, w, "POST", atHome, myreportsNew)
	if got := dig(t, decode(t, text), "data").(map[string]any); len(got) != 2 {
		t.Errorf("a create shows %v", got)
	}

	w = world(t, Options{MyReports: MyReportsOptions{ListShowsRoles: true}, Chaos: Chaos{HiddenInSearch: names, Blank: true}})
	if diff := cmp.Diff(map[string]any{
		"id": gina, "email": "Gina@example.com", "displayName": "", "roles": []any{}, "primaryTenant": "",
	}, user(w, atHome)); diff != "" {
		t.Error(diff)
	}
	fired(t, w, "hidden", 6)
	if u := user(w, one); len(u["roles"].([]any)) != 2 || u["displayName"] != "Gina Costa" {
		t.Errorf("hidden by id: %v", u)
	}
	fired(t, w, "hidden", 6)
}

func TestMyReportsIndexLag(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Chaos: Chaos{IndexLag: 5 * time.Second}})
	list := func() int {
		_, text := askMyReports(t, w, "GET", atHome, "")
		return len(myreportsEmails(t, text))
	}
	_, text := askMyReports(t, w, "POST", atHome, myreportsNew)
	id := dig(t, decode(t, text), "data", "id").(string)
	if n := list(); n != 2 {
		t.Errorf("listed %d at once", n)
	}
	// Another account's list is not late.
	if _, text := askMyReports(t, w, "GET", atBranch, ""); len(myreportsEmails(t, text)) != 3 {
		t.Error(text)
	}
	fired(t, w, "index-lag", 1)
	if resp, _ := askMyReports(t, w, "GET", atHome+"/"+id, ""); resp.StatusCode != 200 {
		t.Errorf("by id: %d", resp.StatusCode)
	}
	if resp, _ := askMyReports(t, w, "POST", atHome, myreportsNew); resp.StatusCode != 400 {
		t.Errorf("second create: %d", resp.StatusCode)
	}
	now = now.Add(5 * time.Second)
	if n := list(); n != 3 {
		t.Errorf("listed %d later", n)
	}
	fired(t, w, "index-lag", 1)

	w = world(t, Options{Chaos: Chaos{IndexLagSearches: 2}})
	askMyReports(t, w, "POST", atHome, myreportsNew)
	var found []int
	for range 4 {
		found = append(found, list())
	}
	if !slices.Equal(found, []int{2, 2, 3, 3}) {
		t.Errorf("listed %v", found)
	}
}

func TestMyReportsBrokenLists(t *testing.T) {
	distinct := func(found []string) int { return len(slices.Compact(slices.Sorted(slices.Values(found)))) }
	crowd := func(c Chaos, n int) *World {
		w := world(t, Options{Chaos: c})
		w.Remove("myreports", ivan)
		fillMyReports(t, w, n)
		return w
	}

	// The page after the second is the second, for ever.
	w := crowd(Chaos{RepeatedCursor: true}, 25)
	found, asked := myreportsPages(t, w, 10, 6)
	if asked != 6 || len(found) != 60 || distinct(found) != 20 {
		t.Errorf("repeated: %d users on %d pages", len(found), asked)
	}
	fired(t, w, "repeated-cursor", 4)
	// Where the second page ends the list, nobody asks on.
	w = crowd(Chaos{RepeatedCursor: true}, 15)
	if found, asked = myreportsPages(t, w, 10, 6); asked != 2 || len(found) != 15 {
		t.Errorf("repeated: %d users on %d pages", len(found), asked)
	}
	fired(t, w, "repeated-cursor", 0)

	// Each page begins with the last user of the one before, and all are reached.
	for n, want := range map[int]int{0: 1, 9: 1, 10: 2, 11: 2, 18: 2, 19: 3, 20: 3, 27: 3, 28: 4, 29: 4} {
		w = crowd(Chaos{OverlappingPages: true}, n)
		found, asked = myreportsPages(t, w, 10, 9)
		if asked != want || distinct(found) != n {
			t.Errorf("overlapping, %d users: %d of them on %d pages", n, distinct(found), asked)
		}
		if n > 10 && found[9] != found[10] {
			t.Errorf("no overlap: %v", found)
		}
		if got := w.Counts().Faults["overlapping-pages"]; got != int64(len(found)-n) {
			t.Errorf("%d users: fired %d times", n, got)
		}
	}
	w = crowd(Chaos{OverlappingPages: true}, 3)
	if found, asked = myreportsPages(t, w, 1, 9); len(found) != 3 || asked != 4 {
		t.Errorf("pages of one can not overlap: %v on %d pages", found, asked)
	}
	fired(t, w, "overlapping-pages", 0)

	// There is no filter to ignore, and no number of pages to get wrong.
	w = crowd(Chaos{IgnoreFilter: true, PhantomPages: 3}, 25)
	if found, asked = myreportsPages(t, w, 10, 9); len(found) != 25 || asked != 3 || len(w.Counts().Faults) > 0 {
		t.Errorf("%d users on %d pages, %v", len(found), asked, w.Counts().Faults)
	}
}

func TestMyReportsTricks(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{
		EchoAuthorization: true, SingularError: true, ClockSkew: time.Hour, MisspelledEmailCase: true,
		StoreDifferently: map[string]func(any) any{
			"displayName": Always("Bob"),
			"email":       func(v any) any { return v },
			"roles":       func(v any) any { return append(slices.Clone(v.([]string)), "webhooks.admin") },
		},
	}})
	resp, text := askMyReports(t, w, "POST", atHome, myreportsNew)
	if want := epoch.Add(time.Hour).Format(http.TimeFormat); resp.StatusCode != 201 || resp.Header.Get("Date") != want {
		t.Fatal(resp.Header, text)
	}
	if got := decode(t, text)["timestamp"]; got != "2026-11-21T10:30:00.1234567Z" {
		t.Error(got)
	}
	id := dig(t, decode(t, text), "data", "id").(string)
	u, _ := w.User("myreports", id)
	if diff := cmp.Diff(map[string]any{
		"id": id, "email": "New.user@example.com", "displayName": "Bob", "roles": []any{"account.user", "webhooks.admin"},
		"primaryTenant": home, "accounts": []any{home},
	}, u.Data); diff != "" {
		t.Error(diff)
	}
	fired(t, w, "stored-differently", 2)
	fired(t, w, "misspelled-email-case", 1)
	fired(t, w, "clock-skew", 1)

	// Of an update only what it changes, once.
	askMyReports(t, w, "PATCH", atHome+"/"+gina, `[{"op":"remove","path":"/roles/0"},{"op":"add","path":"/roles/-","value":"branding.admin"}]`)
	u, _ = w.User("myreports", gina)
	if diff := cmp.Diff([]any{"user.admin", "branding.admin", "webhooks.admin"}, u.Data["roles"]); diff != "" || u.Data["displayName"] != "Gina Costa" {
		t.Error(diff, u.Data)
	}
	fired(t, w, "stored-differently", 3)
	// Whoever joins keeps his name and address.
	askMyReports(t, w, "POST", atHome, strings.Replace(myreportsNew, "new.user@", "iris@", 1))
	if u, _ = w.User("myreports", iris); u.Email != "Iris@example.com" && u.Email != "iris@example.com" || u.Data["displayName"] != "Iris Neri" {
		t.Error(u.Data)
	}
	fired(t, w, "stored-differently", 4)
	fired(t, w, "misspelled-email-case", 1)
	// What was stored is a state that can be read again.
	var saved strings.Builder
	if err := w.Save(&saved); err != nil {
		t.Fatal(err)
	}
	if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
		t.Error(err)
	}

	for _, test := range []struct{ method, path, body string }{
		{"GET", atHome + stranger, ""},
		{"POST", atHome, "{}"},
		{"PUT", atHome, ""},
		{"POST", atHome + "/" + hugo + activate, ""},
		{"GET", "/api/v1.0/accounts/x/users", ""},
	} {
		if _, text := askMyReports(t, w, test.method, test.path, test.body); !strings.Contains(text, "(request had Bearer secret-token)") {
			t.Errorf("%s %s: %s", test.method, test.path, text)
		}
	}
	fired(t, w, "echo-authorization", 5)
	// A 401 has no body to echo in.
	askMyReports(t, w, "GET", atHome, "", "Authorization: secret-token")
	fired(t, w, "echo-authorization", 5)
	fired(t, w, "singular-error", 0)

	// What can not be read as a value is not stored.
	w.SetChaos(Chaos{StoreDifferently: map[string]func(any) any{"displayName": Always(7), "roles": Always("x"), "email": Always("")}})
	_, text = askMyReports(t, w, "POST", atHome, strings.Replace(myreportsNew, "new.user@", "b@", 1))
	if u, _ = w.User("myreports", dig(t, decode(t, text), "data", "id").(string)); u.Email != "b@example.com" || u.Data["displayName"] != "New User" {
		t.Error(u.Data)
	}
	fired(t, w, "stored-differently", 4)
}

// A refused write fires nothing that it did not do.
func TestMyReportsFaultsOfRefusals(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{MisspelledEmailCase: true, StoreDifferently: map[string]func(any) any{
		"displayName": Always("Bob"), "roles": Always([]any{"x"}),
	}}})
	askMyReports(t, w, "POST", atHome, strings.Replace(myreportsNew, "new.user@", "gina@", 1))
	askMyReports(t, w, "PATCH", atHome+"/"+gina, `[{"op":"replace","path":"/displayName","value":"x"},{"op":"remove","path":"/roles/7"}]`)
	if faults := w.Counts().Faults; len(faults) > 0 {
		t.Error(faults)
	}
}

// Creates at two accounts, updates, lists, removals and saves side by side, for the
// race detector: each address is created once and is in both accounts then.
func TestMyReportsConcurrency(t *testing.T) {
	w := world(t, Options{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 25 {
				path := []string{atHome, atBranch}[i%2]
				askMyReports(t, w, "POST", path, strings.Replace(myreportsNew, "new.user@", fmt.Sprintf("b%d@", j), 1))
				askMyReports(t, w, "PATCH", path+"/"+gina, patch("replace", "/displayName", fmt.Sprintf(`"n%d"`, i)))
				askMyReports(t, w, "PATCH", path+"/"+gina, `[{"op":"replace","path":"/roles","value":[]},{"op":"add","path":"/roles/-","value":"user.admin"}]`)
				askMyReports(t, w, "GET", path, "")
				askMyReports(t, w, "POST", elsewhere, strings.Replace(myreportsNew, "new.user@", "c@", 1))
				for _, u := range w.Users("myreports") {
					if u.Email == "c@example.com" {
						askMyReports(t, w, "DELETE", elsewhere+"/"+u.ID, "")
					}
				}
				_ = w.Save(io.Discard)
				w.SetChaos(Chaos{Hidden: []string{"roles"}})
			}
		})
	}
	group.Wait()
	both := 0
	for _, u := range w.Users("myreports") {
		if strings.HasPrefix(u.Email, "b") && len(u.Data["accounts"].([]any)) == 2 {
			both++
		}
	}
	if u, _ := w.User("myreports", gina); both != 25 || fmt.Sprint(u.Data["roles"]) != "[user.admin]" {
		t.Errorf("%d in both accounts, gina has %v", both, u.Data["roles"])
	}
}
