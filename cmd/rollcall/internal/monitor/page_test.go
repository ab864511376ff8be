package monitor

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/sources"
)

// shown is the page and its text as a reader has it.
func shown(t testing.TB, m *Monitor) (source, words string) {
	t.Helper()
	w := ask(m, sources.Secret{}, http.MethodGet, "/")
	if w.Code != http.StatusOK {
		t.Fatalf("the page is %d %s", w.Code, w.Body)
	}
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			text.WriteString(n.Data)
			text.WriteString(" ")
		}
	}
	return w.Body.String(), strings.Join(strings.Fields(text.String()), " ")
}

// TestPage has on it what a person looks for.
func TestPage(t *testing.T) {
	m, c := watch(t)
	end(m, c, clean())
	r := messy()
	r.Ended = tick.Add(26 * time.Hour)
	end(m, c, r)
	m.Waiting(tick.Add(48 * time.Hour))
	_, words := shown(t, m)
	for _, want := range []string{
		"Problem 2 leavers still have access A guard refused changes: somebody has to look at them",
		"Next run Thu 2026-12-03 02:00:00 -06:00 (in 22 h)",
		"Last run that left nothing undone Tue 2026-12-01 02:02:00 -06:00 (25 h 58 min ago)",
		"eve@example.com U-7 vendasta 4 days since 2026-11-28 refused: 4 removals, and maxRemovals allows 3 if it is meant so: rollcall plan, and rollcall apply --allow",
		"ambiguous: two users have this address write userID: \"77\" or userID: \"78\" in the roster",
		"mo@example.com vendasta create: failed POST /users: 503 (request 7f2c) the next run tries again",
		"owner@example.com vendasta update, protected: guardrails.protect has owner@example.com do it by hand",
		"kim@example.com partoo change the address to kim.lee@example.com the vendor documents no way to change it",
		"read in part", "40 as wanted, 1 open, 1 unknown, 1 held, 1 manual",
		"52 sent reads 40, writes 0, tried again 12 waited 3 min asked to pause for 1 min more",
		"mode report",
		"a guard refused changes 1 applied, 1 failed, 1 refused scheduled",
		"all as the roster says 1 applied roster 0123456789ab scheduled",
		"rollcall v1.2.3, up since Tue 2026-12-01 01:00:00 -06:00",
		"schedule 0 2 * * *",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(words)
	}
	if strings.Index(words, "eve@example.com") > strings.Index(words, "owner@example.com") {
		t.Error("leavers do not come first")
	}
}

// TestPageOfStates has what is only there at times.
func TestPageOfStates(t *testing.T) {
	m, c := watch(t)
	m.Began(service.Run{Tick: tick, Reason: service.Missed, Began: tick.Add(-90 * time.Second)})
	source, words := shown(t, m)
	if !strings.Contains(words, "Running now since Tue 2026-12-01 01:58:30 -06:00 (1 min ago) ; missed") || !strings.Contains(source, `content="10"`) {
		t.Errorf("during a run it says %s", words)
	}
	m.Standby("db-2 (pid 7)")
	if _, words = shown(t, m); !strings.Contains(words, "Standing by: another instance runs") || !strings.Contains(words, "Running instead db-2 (pid 7)") {
		t.Errorf("on standby it says %s", words)
	}

	r := messy()
	r.Plan.Ledger = plan.LedgerAbsent
	end(m, c, r)
	wrong := ranAtTick(service.Invalid)
	wrong.Ended = tick.Add(time.Hour)
	wrong.Error = "the roster is not valid"
	for i := range shownProblems + 380 {
		wrong.Problems = append(wrong.Problems, fmt.Sprintf("roster.yaml:%d:5: unknown field \"rolle\"\n   12 |     rolle: ADMIN\n      |     ^", i))
	}
	end(m, c, wrong)
	_, words = shown(t, m)
	for _, want := range []string{
		"the roster is not valid", `roster.yaml:0:5: unknown field "rolle"`, "and 380 more: rollcall validate shows them",
		"The last run made no plan: people and providers are as the run of Tue 2026-12-01 02:02:00 -06:00", "2 leavers still have access",
		"There is no ledger",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("after an invalid run it does not say %q:\n%s", want, words)
		}
	}
	lapped := ranAtTick(service.Overlapped)
	lapped.Ended = tick.Add(2 * time.Hour)
	end(m, c, lapped)
	if _, words = shown(t, m); !strings.Contains(words, "did not begin: another run was under way") {
		t.Errorf("after an overlapped run it says %s", words)
	}
}

// TestPageIsBounded says how much it leaves out.
func TestPageIsBounded(t *testing.T) {
	r := messy()
	for i := range 480 {
		email := fmt.Sprintf("p%03d@example.com", i)
		r.Result.Open = append(r.Result.Open, plan.Open{Provider: "vendasta", Email: email, Reason: strings.Repeat("long ", 1000)})
		r.Plan.Held = append(r.Plan.Held, plan.Held{Provider: "vendasta", Email: email, Reason: plan.HeldMode})
		r.Plan.Manual = append(r.Plan.Manual, plan.Manual{Provider: "vendasta", Email: email})
		r.Result.Changes = append(r.Result.Changes, plan.ChangeResult{ID: "partoo/" + email, Provider: "partoo", Email: email, Status: plan.Failed})
	}
	m, c := watch(t)
	end(m, c, r)
	source, words := shown(t, m)
	for _, want := range []string{
		"482 leavers still have access", "and 432 more: rollcall plan shows them", "482 entries are held", "and 462 more: rollcall plan shows them",
		"481 steps are left", "and 461 more: rollcall plan shows them", "481 changes are not done", "and 461 more: rollcall history shows them",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if len(source) > 300_000 {
		t.Errorf("it has %d bytes", len(source))
	}
}

// TestHostile keeps what comes from outside text, wherever it comes from.
func TestHostile(t *testing.T) {
	m, c := watch(t, func(o *Options) {
		o.Version = hostile
	})
	m.Configure(hostile, time.UTC, 0)
	m.Standby(hostile)
	for range 2 {
		if source, _ := shown(t, m); strings.Contains(source, "<script") {
			t.Error("the holder is markup")
		}
		r := messy()
		r.Error, r.Problems, r.Commit = hostile, []string{hostile, "bytes \xff\xfe"}, hostile
		r.Plan.Providers[0].Error, r.Plan.Providers[0].Kind = hostile, hostile
		for i := range r.Plan.Held {
			r.Plan.Held[i].Email, r.Plan.Held[i].Detail, r.Plan.Held[i].Remedy = hostile, hostile, hostile
		}
		r.Plan.Manual[0] = plan.Manual{Provider: "partoo", Email: hostile, UserID: hostile, What: hostile, Why: hostile}
		r.Result.Changes[2].Email, r.Result.Changes[2].Error = hostile, hostile
		r.Result.Open[1] = plan.Open{Provider: "partoo", Email: hostile, UserID: hostile, Reason: hostile, Since: hostile}
		end(m, c, r)
	}
	source, words := shown(t, m)
	if strings.Contains(source, "<script") || strings.Contains(source, "\u202e") || strings.Contains(source, "\x1b") {
		t.Error("it is more than text")
	}
	if !strings.Contains(words, `"><script>alert(1)</script>\u202egnp.exe\u001b[31m@example.com`) {
		t.Error("it is not shown as it is")
	}
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" || n.Data == "img" || n.Data == "a" || n.Data == "link" || n.Data == "form" {
			t.Errorf("there is a <%s>", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" {
				t.Errorf("there is %s=%q", a.Key, a.Val)
			}
		}
	}
}

// TestPolicy lets the style that is served through, and only that.
func TestPolicy(t *testing.T) {
	m, c := watch(t)
	end(m, c, messy())
	w := ask(m, sources.Secret{}, http.MethodGet, "/")
	styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(styles) != 1 {
		t.Fatalf("there are %d styles", len(styles))
	}
	digest := sha256.Sum256([]byte(styles[0][1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("the policy is\n%s\nwant\n%s", got, want)
	}
}

// TestSemantics holds the page to what screen readers go by.
func TestSemantics(t *testing.T) {
	m, c := watch(t)
	end(m, c, messy())
	source, _ := shown(t, m)
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	attr := func(n *html.Node, key string) string {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val
			}
		}
		return ""
	}
	count := make(map[string]int)
	ids := make(map[string]bool)
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		if id := attr(n, "id"); id != "" && ids[id] {
			t.Errorf("the id %s is there twice", id)
		} else if id != "" {
			ids[id] = true
		}
		switch n.Data {
		case "html":
			if attr(n, "lang") != "en" {
				t.Error("the language is not said")
			}
		case "th":
			if attr(n, "scope") == "" {
				t.Error("a heading of a table without its scope")
			}
		case "table":
			if attr(n, "role") != "table" { // which display: block would take away
				t.Error("a table without its role")
			}
		case "time":
			if _, err := time.Parse(time.RFC3339, attr(n, "datetime")); err != nil {
				t.Error(err)
			}
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["table"] != 6 || count["h2"] != 6 || count["title"] != 1 {
		t.Errorf("it has %v", count)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "under 1 s", 0: "under 1 s", time.Second: "1 s", 59 * time.Second: "59 s", time.Minute: "1 min", 59*time.Minute + 59*time.Second: "59 min",
		time.Hour: "1 h", 47*time.Hour + 59*time.Minute: "47 h 59 min", 48 * time.Hour: "2 days", 1000 * time.Hour: "41 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

// TestOutcomesHaveWords leaves none without.
func TestOutcomesHaveWords(t *testing.T) {
	for _, outcome := range service.Outcomes {
		if ended[outcome].words == "" {
			t.Errorf("%s has no words", outcome)
		}
	}
	m, _ := watch(t)
	if m.viewRan(ran{outcome: "new"}).Outcome != "new" {
		t.Error("an outcome that is not known is not shown")
	}
}
