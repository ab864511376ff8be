package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const findAna = "/users?filter[partner.id]=ABC&filter[email]=ana@example.com"

// Each fault of a rule happens, has or has not its effect, and is counted.
func TestFaults(t *testing.T) {
	tests := []struct {
		name    string
		rule    Rule
		status  int
		text    string // part of the body
		err     error
		effects int64 // mails sent
		fired   string
	}{
		{name: "status", rule: Rule{Status: 503}, status: 503, text: `"status":"503"`, fired: "status-503"},
		{name: "default", rule: Rule{}, status: 500, text: `"errors"`, fired: "status-500"},
		{name: "status after", rule: Rule{Fault: FaultStatus, Status: 502, After: true}, status: 502, effects: 1, fired: "status-502"},
		{name: "html", rule: Rule{Fault: FaultHTML}, status: 502, text: "<html>", fired: "html-502"},
		{name: "html 200", rule: Rule{Fault: FaultHTML, Status: 200}, status: 200, text: "<html>", fired: "html-200"},
		{name: "empty", rule: Rule{Fault: FaultEmpty}, status: 200, fired: "empty"},
		{name: "no content", rule: Rule{Fault: FaultNoContent}, status: 204, fired: "no-content"},
		{name: "redirect", rule: Rule{Fault: FaultRedirect, Location: "https://elsewhere.example/"}, status: 307, fired: "redirect"},
		{name: "refused", rule: Rule{Fault: FaultRefused}, err: syscall.ECONNREFUSED, fired: "refused"},
		{name: "closed", rule: Rule{Fault: FaultClosed}, err: syscall.ECONNRESET, fired: "closed"},
		{name: "lost answer", rule: Rule{Fault: FaultLostAnswer}, err: io.EOF, effects: 1, fired: "lost-answer"},
		{name: "cut without body", rule: Rule{Fault: FaultCutBody}, err: io.EOF, effects: 1, fired: "cut-body"},
		{name: "wrong type", rule: Rule{Fault: FaultWrongType}, status: 202, effects: 1, fired: "wrong-type"},
		{name: "429", rule: Rule{Status: 429, RetryAfter: 2 * time.Second}, status: 429, text: `"retryAfter":2`, fired: "status-429"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Operation = Invite
			w := world(t, Options{Chaos: Chaos{Fail: []Rule{test.rule}}})
			resp, text, err := try(t, w, "GET", "/users/U-1/actions/sendWelcomeEmail", "")
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err == nil && (resp.StatusCode != test.status || !strings.Contains(text, test.text)) {
				t.Errorf("%d %s", resp.StatusCode, text)
			}
			fired(t, w, test.fired, 1)
			c := w.Counts()
			if c.Mails != test.effects {
				t.Errorf("%d mails, want %d", c.Mails, test.effects)
			}
			if seen := c.Writes; (seen == 0) != (test.rule.Fault == FaultRefused) {
				t.Errorf("%d writes", seen)
			}
		})
	}
}

func TestCutBody(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{Fail: []Rule{{Fault: FaultCutBody}}}})
	resp, text, err := try(t, w, "GET", "/users/U-1", "")
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(text) == 0 || int64(len(text)) >= resp.ContentLength {
		t.Errorf("%v after %d of %d bytes", err, len(text), resp.ContentLength)
	}
	w.SetChaos(Chaos{Fail: []Rule{{Fault: FaultWrongType}}})
	resp, text = ask(t, w, "GET", "/users/U-1", "")
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || !strings.Contains(text, "U-1") {
		t.Errorf("%v %s", resp.Header, text)
	}
}

func TestHangAndLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Options{Chaos: Chaos{Fail: []Rule{{Fault: FaultHang, Nth: 1}, {Fault: FaultHang, After: true, Nth: 2}}, Latency: 3 * time.Second, Jitter: time.Second}})
		if err := w.Seed(seed()); err != nil {
			t.Fatal(err)
		}
		get := func(wait time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.BaseURL("vendasta")+"/users/U-1/actions/sendWelcomeEmail", nil)
			r.Header.Set("Authorization", "Bearer x")
			resp, err := w.Transport().RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			return err
		}
		start := time.Now()
		for i, mails := range []int64{0, 1} {
			if err := get(time.Minute); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("hang %d: %v", i, err)
			}
			if got := w.Counts().Mails; got != mails {
				t.Errorf("hang %d: %d mails", i, got)
			}
		}
		if got := time.Since(start); got != 2*time.Minute {
			t.Errorf("hung for %v", got)
		}
		if err := get(time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("latency: %v", err)
		}
		start = time.Now()
		if err := get(time.Minute); err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got < 3*time.Second || got >= 4*time.Second {
			t.Errorf("waited %v", got)
		}
		fired(t, w, "hang", 2)
		fired(t, w, "latency", 4)
	})
}

func TestRuleMatching(t *testing.T) {
	tests := []struct {
		name string
		rule Rule
		want []int // which of six searches fail
	}{
		{"all", Rule{}, []int{1, 2, 3, 4, 5, 6}},
		{"nth", Rule{Nth: 2}, []int{2}},
		{"every", Rule{Every: 3}, []int{3, 6}},
		{"first", Rule{First: 2}, []int{1, 2}},
		{"method", Rule{Method: "GET", Nth: 1}, []int{1}},
		{"other method", Rule{Method: "POST"}, nil},
		{"path", Rule{Path: "/vendasta/*/users", Nth: 1}, []int{1}},
		{"other path", Rule{Path: "/vendasta/*/users/*"}, nil},
		{"operation", Rule{Operation: Search, Nth: 6}, []int{6}},
		{"other operation", Rule{Operation: Get}, nil},
	}
	for _, test := range tests {
		w := world(t, Options{Chaos: Chaos{Fail: []Rule{test.rule}}})
		var failed []int
		for i := range 6 {
			if resp, _ := ask(t, w, "GET", findAna, ""); resp.StatusCode != 200 {
				failed = append(failed, i+1)
			}
		}
		if diff := cmp.Diff(test.want, failed); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	chance := func(seed int64) (failed []int) {
		w := world(t, Options{Seed: seed, Chaos: Chaos{Fail: []Rule{{Probability: 0.5}}}})
		for i := range 40 {
			if resp, _ := ask(t, w, "GET", findAna, ""); resp.StatusCode != 200 {
				failed = append(failed, i)
			}
		}
		return failed
	}
	if a := chance(1); len(a) < 5 || len(a) > 35 || !slices.Equal(a, chance(1)) || slices.Equal(a, chance(2)) {
		t.Errorf("chance is not repeatable or not by seed: %v", a)
	}
}

func TestRateLimit(t *testing.T) {
	soon := epoch.Add(90*time.Second + 1500*time.Millisecond)
	at := unixUp(soon)
	tests := []struct {
		form                   RetryForm
		retry, millis, resetAt string
		body                   bool
	}{
		{form: RetrySeconds, retry: "92", resetAt: itoa(at), body: true},
		{form: RetryDate, retry: time.Unix(at, 0).UTC().Format(http.TimeFormat)},
		{form: RetryEpoch, retry: itoa(at)},
		{form: RetryEpochMillis, retry: itoa(soon.UnixMilli())},
		{form: RetryMillis, millis: "91500"},
		{form: RetryBody, body: true},
		{form: RetryReset, resetAt: itoa(at)},
		{form: RetryNone},
	}
	for _, test := range tests {
		t.Run(string(test.form), func(t *testing.T) {
			now := epoch
			w := world(t, Options{
				Clock: func() time.Time { return now },
				Chaos: Chaos{RateLimit: &RateLimit{Limit: 2, Window: 91500 * time.Millisecond, Form: test.form}},
			})
			for i := range 2 {
				resp, _ := ask(t, w, "GET", findAna, "")
				if resp.StatusCode != 200 || resp.Header.Get("X-RateLimit-Remaining") != itoa(int64(1-i)) || resp.Header.Get("X-RateLimit-Reset") != itoa(at) {
					t.Fatal(resp.StatusCode, resp.Header)
				}
			}
			resp, text := ask(t, w, "GET", findAna, "")
			h := resp.Header
			if resp.StatusCode != 429 || h.Get("Content-Type") != "application/json" || dig(t, decode(t, text), "code") != 429.0 {
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
			if resp, _ := ask(t, w, "GET", findAna, ""); resp.StatusCode != 200 {
				t.Errorf("after the window: %d", resp.StatusCode)
			}
		})
	}
	w := world(t, Options{Chaos: Chaos{RateLimit: &RateLimit{Limit: 1, Window: time.Second, PerEndpoint: true}}})
	for path, want := range map[string]int{findAna: 200, "/users/U-1": 200} {
		if resp, _ := ask(t, w, "GET", path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestHidden(t *testing.T) {
	user := func(w *World, path string) map[string]any {
		_, text := ask(t, w, "GET", path, "")
		data := decode(t, text)["data"]
		if list, ok := data.([]any); ok {
			data = list[0]
		}
		return data.(map[string]any)
	}
	shown := func(u map[string]any) (name any, named, access bool) {
		name, named = u["attributes"].(map[string]any)["givenName"]
		relation := dig(t, u, "relationships", "platformAccess").(map[string]any)
		if relation["links"] == nil {
			t.Error("the links are gone")
		}
		_, access = relation["data"]
		return name, named, access
	}
	w := world(t, Options{Chaos: Chaos{Hidden: []string{"givenName", "platformAccess", "unknown"}}})
	if _, named, access := shown(user(w, "/users/U-1")); named || access {
		t.Error("shown by id")
	}
	fired(t, w, "hidden", 2)
	w.SetChaos(Chaos{HiddenInSearch: []string{"givenName", "platformAccess"}, Blank: true})
	if name, named, access := shown(user(w, findAna)); name != "" || !named || access {
		t.Error("shown in search")
	}
	if name, _, access := shown(user(w, "/users/U-1")); name != "Ana" || !access {
		t.Error("hidden by id")
	}
	fired(t, w, "hidden", 4)
}

func TestIndexLag(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Chaos: Chaos{IndexLag: 5 * time.Second}})
	const find = "/users?filter[partner.id]=ABC&filter[email]=bill@example.com"
	search := func() int {
		_, text := ask(t, w, "GET", find, "")
		return len(emails(t, text))
	}
	_, text := ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	id := dig(t, decode(t, text), "data", "id").(string)
	if n := search(); n != 0 {
		t.Errorf("found %d at once", n)
	}
	if resp, _ := ask(t, w, "GET", "/users/"+id, ""); resp.StatusCode != 200 {
		t.Errorf("by id: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, w, "POST", "/users", fixture(t, "create-request.json")); resp.StatusCode != 409 {
		t.Errorf("second create: %d", resp.StatusCode)
	}
	now = now.Add(5 * time.Second)
	if n := search(); n != 1 {
		t.Errorf("found %d later", n)
	}
	fired(t, w, "index-lag", 1)

	w = world(t, Options{Chaos: Chaos{IndexLagSearches: 2}})
	ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	var found []int
	for range 4 {
		found = append(found, search())
	}
	if !slices.Equal(found, []int{0, 0, 1, 1}) {
		t.Errorf("found %v", found)
	}
}

func TestBrokenLists(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{RepeatedCursor: true}})
	fill(t, w, 15)
	if found, n := pages(t, w, "/users?filter[partner.id]=BIG", 5); n != 5 || len(found) != 10+4*5 {
		t.Errorf("%d users on %d pages", len(found), n)
	}
	fired(t, w, "repeated-cursor", 4)
	if _, n := pages(t, w, findAna, 5); n != 5 {
		t.Errorf("a search by email ended after %d pages", n)
	}

	w = world(t, Options{Chaos: Chaos{OverlappingPages: true}})
	fill(t, w, 15)
	found, n := pages(t, w, "/users?filter[partner.id]=BIG", 9)
	if n != 2 || len(found) != 16 || found[9] != found[10] {
		t.Errorf("%v on %d pages", found, n)
	}
	fired(t, w, "overlapping-pages", 1)

	w = world(t, Options{Chaos: Chaos{IgnoreFilter: true}})
	_, text := ask(t, w, "GET", findAna, "")
	if got := emails(t, text); len(got) != 3 {
		t.Errorf("found %v", got)
	}
	fired(t, w, "ignored-filter", 1)
}

func TestEchoAuthorization(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{EchoAuthorization: true}})
	_, text := ask(t, w, "GET", "/users/none", "")
	for _, member := range []string{"title", "detail"} {
		if s := dig(t, decode(t, text), "errors", 0, member).(string); !strings.Contains(s, "Bearer secret-token") {
			t.Errorf("%s: %s", member, s)
		}
	}
	fired(t, w, "echo-authorization", 1)
}

func TestStoreDifferently(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{MisspelledEmailCase: true, StoreDifferently: map[string]func(any) any{
		"givenName":      Always("Bob"),
		"familyName":     func(v any) any { return v },
		"timeZone":       Always(7), // a wrong type is not stored
		"platformAccess": func(v any) any { return append(v.([]string), "pc:access") },
	}}})
	_, text := ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	u, _ := w.User("vendasta", dig(t, decode(t, text), "data", "id").(string))
	if u.Email != "Bill@example.com" {
		t.Error(u.Email)
	}
	attributes := u.Data["attributes"].(map[string]any)
	if attributes["givenName"] != "Bob" || attributes["familyName"] != "Smith" || attributes["timeZone"] != "America/Regina" {
		t.Error(attributes)
	}
	if diff := cmp.Diff([]any{"ssc:access", "ssc:manage", "pc:access"}, u.Data["platformAccess"]); diff != "" {
		t.Error(diff)
	}
	fired(t, w, "stored-differently", 2)
	fired(t, w, "misspelled-email-case", 1)
}

func TestClockSkew(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{ClockSkew: time.Hour}})
	resp, _ := ask(t, w, "GET", findAna, "")
	if want := epoch.Add(time.Hour).Format(http.TimeFormat); resp.Header.Get("Date") != want {
		t.Errorf("Date %s, want %s", resp.Header.Get("Date"), want)
	}
	fired(t, w, "clock-skew", 1)
}

// Chaos in the seed is the same as in Go, and is no state.
func TestChaosFromSeed(t *testing.T) {
	data := seed()
	data["vendasta"].(map[string]any)["chaos"] = map[string]any{
		"latency": "0s", "rateLimit": map[string]any{"limit": 5, "window": "1m", "form": "date"},
		"fail":             []any{map[string]any{"operation": "search", "nth": uint64(2), "fault": "status", "status": 503}},
		"storeDifferently": map[string]any{"givenName": "Bob"}, "hidden": []any{"timeZone"}, "indexLagSearches": 1.0,
	}
	w := New(Options{Clock: fixedClock})
	if err := w.Seed(data); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{200, 503} {
		if resp, _ := ask(t, w, "GET", findAna, ""); resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
	}
	if got := w.hosts["vendasta"].chaos.Load(); got.RateLimit.Form != RetryDate || got.IndexLagSearches != 1 {
		t.Errorf("%+v", got.Chaos)
	}
	var saved strings.Builder
	if err := w.Save(&saved); err != nil || strings.Contains(saved.String(), "chaos") {
		t.Errorf("%v: %s", err, saved.String())
	}
}

func TestChaosIsStrict(t *testing.T) {
	tests := []struct{ chaos, want, path string }{
		{`"latency":5`, "AT.latency: expected text", "/latency"},
		{`"latency":"soon"`, "AT.latency: expected a duration", "/latency"},
		{`"late":true`, `AT: unknown key "late"; known are blank, clockSkew`, "/late"},
		{`"fail":[{},{"fault":"boom"}]`, "AT.fail[1].fault: expected one of", "/fail/1/fault"},
		{`"fail":[{"status":42}]`, "AT.fail[0]: status must be between", "/fail/0"},
		{`"fail":[{"path":"["}]`, "AT.fail[0]: path is no pattern", "/fail/0"},
		{`"fail":[{"operation":"welcome"}]`, "AT.fail[0].operation: expected one of [search get create update delete invite", "/fail/0/operation"},
		{`"fail":[{"probability":2}]`, "AT.fail[0].probability: expected a number from 0 to 1", "/fail/0/probability"},
		{`"rateLimit":{"limit":0,"window":"1s"}`, "AT.rateLimit: limit and window", "/rateLimit"},
		{`"storeDifferently":[]`, "AT.storeDifferently: expected an object", "/storeDifferently"},
		{`"phantomPages":-1`, "AT.phantomPages: must be between", "/phantomPages"},
		{`"singularError":"yes"`, "AT.singularError: expected true or false, got text", "/singularError"},
	}
	for _, test := range tests {
		for at, text := range map[string]string{
			"chaos": `{"chaos":{` + test.chaos + `}}`, "partoo.chaos": `{"partoo":{"chaos":{` + test.chaos + `}}}`,
		} {
			w := world(t, Options{})
			before := w.Users("partoo")
			var data any
			if err := json.Unmarshal([]byte(text), &data); err != nil {
				t.Fatal(err)
			}
			_, err := ReadChaos(data)
			for _, err := range []error{err, w.Seed(data)} {
				var wrong *SeedError
				if !errors.As(err, &wrong) || !strings.Contains(err.Error(), strings.Replace(test.want, "AT", at, 1)) {
					t.Errorf("%s: got %v, want %q", text, err, test.want)
				} else if got := strings.Join(wrong.Path, "/"); got != strings.ReplaceAll(at, ".", "/")+test.path {
					t.Errorf("%s: at %s, want %s", text, got, test.path)
				}
			}
			if diff := cmp.Diff(before, w.Users("partoo")); diff != "" {
				t.Errorf("%s: the state changed: %s", text, diff)
			}
		}
	}
}

// The chaos of the top level holds for every vendor that has none of its own.
func TestChaosOfAll(t *testing.T) {
	fails := func(status int) map[string]any {
		return map[string]any{"fail": []any{map[string]any{"status": status}}}
	}
	statuses := func(w *World) []int {
		vendasta, _ := ask(t, w, "GET", "/users/U-1", "")
		partoo, _ := askPartoo(t, w, "GET", "/user/"+cara, "")
		return []int{vendasta.StatusCode, partoo.StatusCode}
	}
	for _, test := range []struct {
		name                  string
		all, vendasta, partoo map[string]any
		want                  []int
	}{
		{name: "none", want: []int{200, 200}},
		{name: "all", all: fails(503), want: []int{503, 503}},
		{name: "one", partoo: fails(401), want: []int{200, 401}},
		{name: "its own replaces", all: fails(503), partoo: fails(401), want: []int{503, 401}},
		{name: "its own is none", all: fails(503), vendasta: map[string]any{}, want: []int{200, 503}},
	} {
		data := seed()
		for name, chaos := range map[string]map[string]any{"vendasta": test.vendasta, "partoo": test.partoo} {
			if chaos != nil {
				data[name].(map[string]any)["chaos"] = chaos
			}
		}
		if test.all != nil {
			data["chaos"] = test.all
		}
		w := New(Options{Clock: fixedClock})
		if err := w.Seed(data); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, statuses(w)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		chaos, err := ReadChaos(data)
		if err != nil {
			t.Fatal(err)
		}
		w.SetChaos(Chaos{})
		for kind, c := range chaos {
			w.SetChaos(c, kind)
		}
		if diff := cmp.Diff(test.want, statuses(w)); diff != "" {
			t.Errorf("%s, read alone: %s", test.name, diff)
		}
	}
}

// The mix lets everything through in the end, and every fault of it happens.
func TestStockChaos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Options{Chaos: StockChaos()})
		if err := w.Seed(seed()); err != nil {
			t.Fatal(err)
		}
		retry := func(status int, do func() (int, error)) {
			for range 10 {
				if got, err := do(); err == nil && got == status {
					return
				}
				time.Sleep(time.Second)
			}
			t.Errorf("never %d", status)
		}
		send := func(method, path, body string) func() (int, error) {
			return func() (int, error) {
				resp, _, err := tryPartoo(t, w, method, path, body)
				if err != nil {
					return 0, err
				}
				return resp.StatusCode, nil
			}
		}
		for i := range 20 {
			email := "u" + strconv.Itoa(i) + "@example.com"
			body := `{"email":"` + email + `","first_name":"U","last_name":"V"}`
			retry(400, send("POST", "/user", body)) // after the one that created him
			retry(200, send("GET", "/user/search?page=1&email="+email, ""))
			retry(200, send("GET", "/user/"+cara, ""))
			retry(200, send("POST", "/user/"+cara, `{"phone":"`+strconv.Itoa(i)+`"}`))
		}
		for _, u := range w.Users("partoo") {
			if strings.HasPrefix(u.Email, "u") {
				retry(404, send("DELETE", "/user/"+u.ID, "")) // after the one that deleted him
			}
		}
		for _, name := range []string{"latency", "index-lag", "status-429", "status-503", "lost-answer", "cut-body"} {
			if w.Counts().Faults[name] == 0 {
				t.Errorf("%s never fired: %v", name, w.Counts().Faults)
			}
		}
		if n := len(w.Users("partoo")); n != len(seed()["partoo"].(map[string]any)["users"].([]any)) {
			t.Errorf("%d users are left", n)
		}
	})
}
