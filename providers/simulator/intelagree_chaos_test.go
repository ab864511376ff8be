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

const findGina = "/users?email=gina@example.com"

// Each fault of a rule happens, has or has not its effect, and is counted.
func TestIntelAgreeFaults(t *testing.T) {
	tests := []struct {
		name    string
		rule    Rule
		status  int
		text    string // part of the body
		err     error
		effects int64 // users created
		fired   string
	}{
		{name: "400", rule: Rule{Status: 400}, status: 400, text: `{"message":"the service failed on purpose"}`, fired: "status-400"},
		{name: "401", rule: Rule{Status: 401}, status: 401, text: `{"message":"the service failed on purpose"}`, fired: "status-401"},
		{name: "404", rule: Rule{Status: 404}, status: 404, text: `{"message":`, fired: "status-404"},
		{name: "503", rule: Rule{Status: 503}, status: 503, text: `{"message":`, fired: "status-503"},
		{name: "502 after", rule: Rule{Status: 502, After: true}, status: 502, effects: 1, fired: "status-502"},
		{name: "html", rule: Rule{Fault: FaultHTML}, status: 502, text: "<html>", fired: "html-502"},
		{name: "empty", rule: Rule{Fault: FaultEmpty}, status: 200, fired: "empty"},
		{name: "no content", rule: Rule{Fault: FaultNoContent}, status: 204, fired: "no-content"},
		{name: "redirect", rule: Rule{Fault: FaultRedirect, Location: "https://elsewhere.example/"}, status: 307, fired: "redirect"},
		{name: "refused", rule: Rule{Fault: FaultRefused}, err: syscall.ECONNREFUSED, fired: "refused"},
		{name: "closed", rule: Rule{Fault: FaultClosed}, err: syscall.ECONNRESET, fired: "closed"},
		{name: "lost answer", rule: Rule{Fault: FaultLostAnswer}, err: io.EOF, effects: 1, fired: "lost-answer"},
		{name: "cut body", rule: Rule{Fault: FaultCutBody}, status: 201, err: io.ErrUnexpectedEOF, effects: 1, fired: "cut-body"},
		{name: "wrong type", rule: Rule{Fault: FaultWrongType}, status: 201, text: "bill@example.com", effects: 1, fired: "wrong-type"},
		{name: "429", rule: Rule{Status: 429, RetryAfter: time.Minute}, status: 429, text: `{"message":"Rate limit is exceeded. Try again in 60 seconds.","statusCode":429}`, fired: "status-429"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Operation = Create
			w := world(t, Options{})
			w.SetChaos(Chaos{Fail: []Rule{test.rule}}, "intelagree")
			resp, text, err := tryIntelAgree(t, w, "POST", "/users", intelagreeNew)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if resp != nil && (resp.StatusCode != test.status || !strings.Contains(text, test.text)) {
				t.Errorf("%d %s", resp.StatusCode, text)
			}
			if test.status == 429 && resp.Header.Get("Retry-After") != "60" {
				t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
			}
			fired(t, w, test.fired, 1)
			if c := w.Counts(); c.Created != test.effects || len(w.Users("intelagree")) != 3+int(test.effects) || c.Vendors["partoo"].Faults != nil {
				t.Errorf("%+v", c)
			}
		})
	}
	// Where nothing is answered, there is nothing to cut.
	w := world(t, Options{IntelAgree: IntelAgreeOptions{SilentCreate: true}, Chaos: Chaos{Fail: []Rule{{Fault: FaultCutBody, Operation: Create}}}})
	if _, _, err := tryIntelAgree(t, w, "POST", "/users", intelagreeNew); !errors.Is(err, io.EOF) || w.Counts().Created != 1 {
		t.Error(err)
	}
}

// A rule matches by the operation, whatever the method.
func TestIntelAgreeOperations(t *testing.T) {
	requests := map[Operation][3]string{
		Token: {"POST", "/Accounts", `{"accountKey":"k"}`}, Search: {"GET", findGina}, Get: {"GET", pathGina},
		Create: {"POST", "/users", intelagreeNew}, Update: {"PUT", pathGina, intelagreeNew}, Other: {"GET", "/organizations"},
	}
	for op := range requests {
		w := world(t, Options{Chaos: Chaos{Fail: []Rule{{Operation: op, Status: 599}}}})
		for other, request := range requests {
			if resp, _ := askIntelAgree(t, w, request[0], request[1], request[2]); (resp.StatusCode == 599) != (other == op) {
				t.Errorf("rule for %s, request to %s: %d", op, other, resp.StatusCode)
			}
		}
	}
}

func TestIntelAgreeRateLimit(t *testing.T) {
	soon := epoch.Add(90*time.Second + 1500*time.Millisecond)
	at := unixUp(soon)
	for _, test := range []struct {
		form                   RetryForm
		retry, millis, resetAt string
		says                   string
		body                   bool
	}{
		{form: "", retry: "92", says: " Try again in 92 seconds."},
		{form: RetrySeconds, retry: "92", says: " Try again in 92 seconds."},
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
				if resp, _ := askIntelAgree(t, w, "GET", findGina, ""); resp.StatusCode != 200 {
					t.Fatal(resp.StatusCode, resp.Header)
				}
				// Tokens are not limited.
				if resp, _ := askIntelAgree(t, w, "POST", "/Accounts", `{"accountKey":"k"}`); resp.StatusCode != 200 {
					t.Fatal(resp.StatusCode, resp.Header)
				}
			}
			resp, text := askIntelAgree(t, w, "GET", findGina, "")
			h, body := resp.Header, decode(t, text)
			if resp.StatusCode != 429 || body["statusCode"] != 429.0 || body["message"] != "Rate limit is exceeded."+test.says {
				t.Fatalf("%d %v %s", resp.StatusCode, h, text)
			}
			if h.Get("Retry-After") != test.retry || h.Get("Retry-After-Ms") != test.millis || h.Get("X-RateLimit-Reset") != test.resetAt {
				t.Errorf("headers %v", h)
			}
			if got := body["retryAfter"] == 92.0; got != test.body {
				t.Errorf("body %s", text)
			}
			fired(t, w, "rate-limit", 1)
			now = now.Add(91500 * time.Millisecond)
			if resp, _ := askIntelAgree(t, w, "GET", findGina, ""); resp.StatusCode != 200 {
				t.Errorf("after the window: %d", resp.StatusCode)
			}
		})
	}
}

func TestIntelAgreeHidden(t *testing.T) {
	names := []string{"businessKeys", "userPermissions", "hasAllOrganizations", "primaryLegalEntityId", "title", "createdBy"}
	user := func(w *World, method, path, body string) map[string]any {
		_, text := askIntelAgree(t, w, method, path, body)
		if strings.HasPrefix(text, "[") {
			text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
		}
		return decode(t, text)
	}
	w := world(t, Options{Chaos: Chaos{Hidden: names}})
	for i, request := range [][3]string{{"GET", pathGina}, {"GET", findGina}, {"POST", "/users", intelagreeNew}, {"PUT", pathHank, strings.Replace(intelagreeNew, "bill@", "h@", 1)}} {
		u := user(w, request[0], request[1], request[2])
		for _, name := range names {
			if _, shown := u[name]; shown {
				t.Errorf("%s is shown at %s", name, request)
			}
		}
		if len(u) != 4 {
			t.Errorf("%v", u)
		}
		fired(t, w, "hidden", int64(5*(i+1)))
	}
	w.SetChaos(Chaos{HiddenInSearch: names, Blank: true})
	u := user(w, "GET", findGina, "")
	want := map[string]any{"businessKeys": []any{}, "userPermissions": []any{}, "hasAllOrganizations": false, "primaryLegalEntityId": 0.0, "title": "", "createdBy": nil}
	for name, value := range want {
		if diff := cmp.Diff(value, u[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	fired(t, w, "hidden", 25)
	if u := user(w, "GET", pathGina, ""); u["title"] != "Buyer" || len(u["businessKeys"].([]any)) != 2 {
		t.Errorf("hidden by key: %v", u)
	}
	fired(t, w, "hidden", 25)
}

func TestIntelAgreeIndexLag(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Chaos: Chaos{IndexLag: 5 * time.Second}})
	search := func() int {
		_, text := askIntelAgree(t, w, "GET", "/users?email=bill@example.com", "")
		return len(intelagreeEmails(t, text))
	}
	keyed := alongside(`"businessKeys":[` + businessKey("HR", "E-9") + `]`)
	askIntelAgree(t, w, "POST", "/users", keyed)
	if n := search(); n != 0 {
		t.Errorf("found %d at once", n)
	}
	if resp, _ := askIntelAgree(t, w, "GET", "/users/HR/E-9", ""); resp.StatusCode != 200 {
		t.Errorf("by key: %d", resp.StatusCode)
	}
	if resp, text := askIntelAgree(t, w, "POST", "/users", intelagreeNew); resp.StatusCode != 400 || !strings.Contains(text, "email is another user's") {
		t.Errorf("second create: %d %s", resp.StatusCode, text)
	}
	cloned := strings.Replace(alongside(`"userPermissionsToClone":`+businessKey("HR", "E-9")), "bill@", "bob@", 1)
	if resp, text := askIntelAgree(t, w, "POST", "/users", cloned); resp.StatusCode != 201 {
		t.Errorf("a clone of him: %d %s", resp.StatusCode, text)
	}
	// An update makes him no newer.
	now = now.Add(5 * time.Second)
	askIntelAgree(t, w, "PUT", "/users/HR/E-9", keyed)
	if n := search(); n != 1 {
		t.Errorf("found %d later", n)
	}
	fired(t, w, "index-lag", 1)

	w = world(t, Options{Chaos: Chaos{IndexLagSearches: 2}})
	askIntelAgree(t, w, "POST", "/users", intelagreeNew)
	var found []int
	for range 4 {
		found = append(found, search())
	}
	if !slices.Equal(found, []int{0, 0, 1, 1}) {
		t.Errorf("found %v", found)
	}
}

// A search has one page, so that what is wrong with pages does not happen.
func TestIntelAgreeLists(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{IgnoreFilter: true, RepeatedCursor: true, OverlappingPages: true, PhantomPages: 3}})
	_, text := askIntelAgree(t, w, "GET", findGina, "")
	if got := intelagreeEmails(t, text); !slices.Equal(got, []string{"Gina@example.com", "hank@example.com", "iris@example.com"}) {
		t.Errorf("found %v", got)
	}
	fired(t, w, "ignored-filter", 1)
	w.Remove("intelagree", "hank")
	w.Remove("intelagree", "iris")
	askIntelAgree(t, w, "GET", findGina, "") // it would have found the same
	if diff := cmp.Diff(map[string]int64{"ignored-filter": 1}, w.Counts().Faults); diff != "" {
		t.Error(diff)
	}
}

func TestIntelAgreeTricks(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{
		EchoAuthorization: true, ClockSkew: time.Hour, MisspelledEmailCase: true,
		StoreDifferently: map[string]func(any) any{
			"name":                   Always("Bob"),
			"legalName":              func(v any) any { return v },
			"title":                  Always("never sent"),
			"businessKeys":           func(v any) any { return v.([]any)[1:] },
			"permissionPresets":      func(v any) any { return append(slices.Clone(v.([]any)), uint64(9)) },
			"userPermissions":        Always("x"), // a wrong type is not stored
			"hasAllOrganizations":    Always(false),
			"primaryLegalEntityId":   Always(uint64(5)),
			"userPermissionsToClone": Always("x"),
		},
	}})
	body := alongside(`"businessKeys":[` + businessKey("HR", "E-9") + "," + businessKey("CRM", "C-9") + `],"userPermissionsToClone":` + businessKey("HR", "E-1") + `,"primaryLegalEntityId":3`)
	resp, text := askIntelAgree(t, w, "POST", "/users", body)
	if want := epoch.Add(time.Hour).Format(http.TimeFormat); resp.StatusCode != 201 || resp.Header.Get("Date") != want {
		t.Fatal(resp.Header, text)
	}
	u, _ := w.User("intelagree", "C-9")
	want := map[string]any{
		"id": "C-9", "email": "Bill@example.com", "name": "Bob", "legalName": "Bill Smith", "businessKeys": keyList("CRM", "C-9"),
		"userPermissions":   []any{"Contracts.View", int64(12), map[string]any{"id": int64(3), "levels": []any{1.5, nil, true}}},
		"permissionPresets": []any{"Reviewer", int64(9)}, "hasAllOrganizations": false, "primaryLegalEntityId": int64(5),
	}
	if diff := cmp.Diff(want, u.Data); diff != "" {
		t.Error(diff)
	}
	fired(t, w, "stored-differently", 5)
	fired(t, w, "misspelled-email-case", 1)
	fired(t, w, "clock-skew", 1)

	askIntelAgree(t, w, "PUT", pathHank, alongside(`"hasAllOrganizations":true,"email":"HANK@example.com"`))
	u, _ = w.User("intelagree", "hank")
	if u.Email != "HANK@example.com" || u.Data["hasAllOrganizations"] != false || u.Data["name"] != "Bob" || u.Data["title"] != nil {
		t.Errorf("%v", u.Data)
	}
	fired(t, w, "stored-differently", 7)
	_, text = askIntelAgree(t, w, "POST", "/Accounts", `{"accountKey":"k"}`)
	if expires := decode(t, text)["expires"]; expires != "2026-11-21T11:00:00.1234567Z" {
		t.Errorf("by the vendor's clock the token ends at %v", expires)
	}
	// What was stored is a state that can be read again.
	var saved strings.Builder
	if err := w.Save(&saved); err != nil {
		t.Fatal(err)
	}
	if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
		t.Error(err)
	}

	// The gateway's texts and its own repeat credentials alike.
	for _, request := range [][4]string{
		{"GET", "/users/HR/none", "", "X: y"},
		{"POST", "/users", `{"name":1}`, "X: y"},
		{"DELETE", pathGina, "", "X: y"},
		{"GET", pathGina, "", "ApiVersion:"},
		{"GET", pathGina, "", "Ocp-Apim-Subscription-Key:"},
		{"GET", "/users", "", "X: y"},
	} {
		if _, text := askIntelAgree(t, w, request[0], request[1], request[2], request[3]); !strings.Contains(decode(t, text)["message"].(string), "(request had Bearer secret-token)") {
			t.Errorf("%s: %s", request, text)
		}
	}
	if _, text := askIntelAgree(t, w, "POST", "/Accounts", `{"accountKey":"secret","x":1}`); !strings.Contains(decode(t, text)["message"].(string), `"accountKey":"secret"`) {
		t.Error(text)
	}
	fired(t, w, "echo-authorization", 7)
}

// A refused request fires nothing that it did not do.
func TestIntelAgreeFaultsOfRefusals(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{MisspelledEmailCase: true, StoreDifferently: map[string]func(any) any{"name": Always("Bob")}}})
	askIntelAgree(t, w, "POST", "/users", strings.Replace(intelagreeNew, "bill@", "gina@", 1))
	askIntelAgree(t, w, "PUT", pathHank, strings.Replace(intelagreeNew, "bill@", "gina@", 1))
	if faults := w.Counts().Faults; len(faults) > 0 {
		t.Error(faults)
	}
}

// Creates, updates, searches and saves side by side, for the race detector; of
// creates of one email or of one business key one wins.
func TestIntelAgreeConcurrency(t *testing.T) {
	w := world(t, Options{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 25 {
				askIntelAgree(t, w, "POST", "/users", strings.ReplaceAll(intelagreeNew, "bill@", fmt.Sprintf("b%d@", j)))
				keyed := alongside(`"businessKeys":[` + businessKey("HR", fmt.Sprintf("n%d", j)) + `],"userPermissionsToClone":` + businessKey("HR", "E-1"))
				askIntelAgree(t, w, "POST", "/users", strings.ReplaceAll(keyed, "bill@", fmt.Sprintf("k%d.%d@", i, j)))
				askIntelAgree(t, w, "PUT", pathHank, strings.Replace(alongside(fmt.Sprintf(`"title":"%d","businessKeys":[%s]`, i, businessKey("rollcall", "hank"))), "bill@", "hank@", 1))
				askIntelAgree(t, w, "GET", findGina, "")
				askIntelAgree(t, w, "GET", pathGina, "")
				askIntelAgree(t, w, "POST", "/Accounts", `{"accountKey":"k"}`)
				_ = w.Users("intelagree")
				_ = w.Save(io.Discard)
				w.SetChaos(Chaos{Hidden: []string{"title"}})
			}
		})
	}
	group.Wait()
	if c := w.Counts(); c.Created != 50 || len(w.Users("intelagree")) != 53 {
		t.Errorf("%d created, %d there", c.Created, len(w.Users("intelagree")))
	}
}
