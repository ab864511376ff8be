package monitor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/providers"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tick is a time of the schedule.
var tick = time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)

// hostile is an address that is a message to browsers, terminals and readers.
const hostile = `"><script>alert(1)</script>` + "\u202egnp.exe\x1b[31m@example.com"

// A clock is what a test says it is.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// watch makes a monitor with a clock that shows tick.
func watch(t testing.TB, change ...func(*Options)) (*Monitor, *clock) {
	t.Helper()
	c := &clock{tick}
	options := Options{
		Now: c.now, Started: tick.Add(-time.Hour), Version: "v1.2.3",
		Failures: func() map[string]int { return map[string]int{"webhook": 2, "slack": 0} },
	}
	for _, f := range change {
		f(&options)
	}
	m := New(options)
	m.Configure("0 2 * * *", time.FixedZone("CST", -6*60*60), 4*time.Hour)
	return m, c
}

// ask makes a request as a browser on this machine does.
func ask(m *Monitor, token sources.Secret, method, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:9090"+path, nil)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	m.Handler(token).ServeHTTP(w, r)
	return w
}

// scrape reads the metrics, by series.
func scrape(t testing.TB, m *Monitor) map[string]float64 {
	t.Helper()
	w := ask(m, sources.Secret{}, http.MethodGet, "/metrics")
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics is %d: %s", w.Code, w.Body)
	}
	series := make(map[string]float64)
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, " ")
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		series[line[:i]] = value
	}
	return series
}

// expect compares some series; NaN-like -1 is "not there".
func expect(t testing.TB, m *Monitor, want map[string]float64) {
	t.Helper()
	got := scrape(t, m)
	for series, value := range want {
		have, there := got[series]
		if value == gone && there {
			t.Errorf("%s is %v and should not be there", series, have)
		}
		if value != gone && (!there || have != value) {
			t.Errorf("%s is %v (there: %v), want %v", series, have, there, value)
		}
	}
}

// gone is what expect takes for a series that is not there.
const gone = -1

// a run that began at tick and took two minutes.
func ranAtTick(outcome service.Outcome) service.Report {
	exits := map[service.Outcome]int{
		service.Converged: 0, service.Incomplete: 3, service.Refused: 4, service.Invalid: 5, service.Failed: 1, service.Interrupted: 130,
	}
	return service.Report{
		Run: service.Run{Tick: tick, Reason: service.Scheduled, Began: tick}, Ended: tick.Add(2 * time.Minute),
		Outcome: outcome, Exit: exits[outcome], Providers: []string{"partoo", "vendasta"},
	}
}

func states2(vendasta, partoo plan.ReadState) []plan.ProviderState {
	return []plan.ProviderState{
		{Name: "partoo", Kind: "partoo", State: partoo, Mode: sources.ModeFull, Unchanged: 40},
		{Name: "vendasta", Kind: "vendasta", State: vendasta, Mode: sources.ModeReport, Unchanged: 312},
	}
}

// clean is a run after which all is as the roster says.
func clean() service.Report {
	r := ranAtTick(service.Converged)
	r.Plan = &plan.Plan{
		Ledger: plan.LedgerPresent, Providers: states2(plan.Read, plan.Read),
		Changes: []plan.Change{{ID: "vendasta/bill@example.com", Provider: "vendasta", Email: "bill@example.com", Action: plan.Update}},
	}
	r.Result = plan.NewResult(r.Plan)
	r.Result.Changes[0].Status, r.Result.Changes[0].Error = plan.Applied, ""
	r.Requests = map[string]providers.Requests{"vendasta": {Reads: 314, Writes: 1, Sent: 320, Retries: 5, Waited: 21 * time.Second}}
	r.Commit = "0123456789abcdef0123456789abcdef01234567"
	return r
}

// messy is a run that left much to look at.
func messy() service.Report {
	r := ranAtTick(service.Refused)
	p := &plan.Plan{
		Ledger: plan.LedgerPresent, Providers: states2(plan.Read, plan.Partial),
		Changes: []plan.Change{
			{ID: "vendasta/bill@example.com", Provider: "vendasta", Email: "bill@example.com", Action: plan.Update},
			{ID: "vendasta/eve@example.com", Provider: "vendasta", Email: "eve@example.com", UserID: "U-7", Action: plan.Suspend, Blocked: plan.BlockedLimit, Since: "2026-11-28"},
			{ID: "vendasta/mo@example.com", Provider: "vendasta", Email: "mo@example.com", Action: plan.Create},
		},
		Held: []plan.Held{
			{Provider: "partoo", Email: hostile, UserID: "77", Wanted: plan.Suspend, Leaver: true, Reason: plan.HeldAmbiguous, Detail: "two users have this address", Remedy: "write userID: \"77\" or userID: \"78\" in the roster"},
			{Provider: "partoo", Email: "ida@example.com", Reason: plan.HeldUnknown, Detail: "GET /user: 503", Remedy: "the next run looks again"},
			{Provider: "vendasta", Email: "owner@example.com", Wanted: plan.Update, Reason: plan.HeldProtected, Detail: "guardrails.protect has owner@example.com", Remedy: "do it by hand, or take the line away"},
		},
		Manual: []plan.Manual{
			{Provider: "partoo", Email: "kim@example.com", UserID: "9", What: "change the address to kim.lee@example.com", Why: "the vendor documents no way to change it"},
		},
	}
	r.Plan, r.Result = p, plan.NewResult(p)
	r.Result.Changes[0].Status, r.Result.Changes[0].Error = plan.Applied, ""
	r.Result.Changes[1].Status, r.Result.Changes[1].Error = plan.Refused, "4 removals, and maxRemovals allows 3"
	r.Result.Changes[2].Status, r.Result.Changes[2].Error = plan.Failed, "POST /users: 503 (request 7f2c)"
	// As a result ends: who is blocked or held is open.
	r.Result.Open = []plan.Open{
		{Provider: "vendasta", Email: "eve@example.com", UserID: "U-7", Reason: "refused: 4 removals, and maxRemovals allows 3", Since: "2026-11-28"},
		{Provider: "partoo", Email: hostile, UserID: "77", Reason: "ambiguous: two users have this address"},
	}
	r.Requests = map[string]providers.Requests{"partoo": {Reads: 40, Sent: 52, Retries: 12, Waited: 3 * time.Minute, Paused: time.Minute}, "vendasta": {Reads: 314, Writes: 2, Sent: 316}}
	return r
}

// end tells of a run as the service does.
func end(m *Monitor, c *clock, r service.Report) {
	m.Began(r.Run)
	c.at = r.Ended
	m.Ended(r)
	m.Waiting(r.Tick.Add(24 * time.Hour))
}

func TestHealth(t *testing.T) {
	for name, test := range map[string]struct {
		does  func(*Monitor)
		after time.Duration
		ready int
		live  int
	}{
		"just begun":                   {func(*Monitor) {}, time.Minute, 503, 200},
		"never gets going":             {func(*Monitor) {}, 6 * time.Minute, 503, 503},
		"waits":                        {func(m *Monitor) { m.Waiting(tick.Add(time.Hour)) }, time.Hour, 200, 200},
		"waits for nothing":            {func(m *Monitor) { m.Waiting(time.Time{}) }, 1000 * time.Hour, 200, 200},
		"is a little late":             {func(m *Monitor) { m.Waiting(tick.Add(time.Hour)) }, time.Hour + Slack, 200, 200},
		"has not begun its run":        {func(m *Monitor) { m.Waiting(tick.Add(time.Hour)) }, time.Hour + Slack + 1, 200, 503},
		"stands by":                    {func(m *Monitor) { m.Standby("other (pid 7)") }, 1000 * time.Hour, 200, 200},
		"runs":                         {func(m *Monitor) { m.Began(service.Run{Began: tick}) }, 4*time.Hour + Slack, 200, 200},
		"runs past its deadline":       {func(m *Monitor) { m.Began(service.Run{Began: tick}) }, 4*time.Hour + Slack + 1, 200, 503},
		"ended and does nothing after": {func(m *Monitor) { m.Ended(clean()) }, 6 * time.Minute, 200, 503},
		"ended long after the tick": {func(m *Monitor) {
			m.Waiting(tick.Add(-24 * time.Hour))
			m.Ended(clean())
		}, time.Minute, 200, 200},
	} {
		t.Run(name, func(t *testing.T) {
			m, c := watch(t)
			test.does(m)
			c.at = tick.Add(test.after)
			for path, want := range map[string]int{"/readyz": test.ready, "/healthz": test.live} {
				if w := ask(m, sources.Secret{}, http.MethodGet, path); w.Code != want {
					t.Errorf("%s is %d %q, want %d", path, w.Code, w.Body, want)
				}
			}
			if stuck := strings.Contains(ask(m, sources.Secret{}, http.MethodGet, "/").Body.String(), "rollcall is stuck"); stuck != (test.live == 503) {
				t.Errorf("the page says that it is stuck: %v", stuck)
			}
		})
	}
	t.Run("no deadline", func(t *testing.T) {
		m, c := watch(t)
		m.Configure("0 2 * * *", time.UTC, 0)
		m.Began(service.Run{Began: tick})
		c.at = tick.Add(1000 * time.Hour)
		if w := ask(m, sources.Secret{}, http.MethodGet, "/healthz"); w.Code != http.StatusOK {
			t.Errorf("it is %d", w.Code)
		}
	})
}

// TestTitle has each state in words.
func TestTitle(t *testing.T) {
	quiet := clean()
	quiet.Plan.Held = []plan.Held{{Provider: "vendasta", Email: "owner@example.com", Reason: plan.HeldProtected}}
	quiet.Plan.Manual = []plan.Manual{{Provider: "vendasta", Email: "kim@example.com"}, {Provider: "vendasta", Email: "lo@example.com"}}
	without := func(outcome service.Outcome) service.Report { return ranAtTick(outcome) }
	for name, test := range map[string]struct {
		past  []PastRun
		ends  []service.Report
		after func(*Monitor)
		level level
		want  []string
	}{
		"nothing yet":       {level: idle, want: []string{"No run yet"}},
		"a good past":       {past: []PastRun{{tick, tick, service.Converged, nil}}, level: fine, want: []string{"The last run, before this process began, left all as the roster says"}},
		"a bad past":        {past: []PastRun{{tick, tick, service.Incomplete, nil}}, level: problem, want: []string{"The last run, before this process began: something left undone or unread", "What it found is not kept here: the next run says it again, and rollcall plan says it now"}},
		"clean":             {ends: []service.Report{clean()}, level: fine, want: []string{"All is as the roster says"}},
		"held and manual":   {ends: []service.Report{quiet}, level: fine, want: []string{"All is as the roster says", "1 entry is held", "2 steps are left for a person"}},
		"messy":             {ends: []service.Report{messy()}, level: problem, want: []string{"2 leavers still have access", "A guard refused changes: somebody has to look at them", "1 provider could not be read whole", "1 lookup has no answer, and nothing is done there", "1 change is not done", "2 entries are held", "1 step is left for a person"}},
		"invalid":           {ends: []service.Report{without(service.Invalid)}, level: problem, want: []string{"The roster or the configuration is wrong: nothing is done until it is mended"}},
		"broke":             {ends: []service.Report{without(service.Failed)}, level: problem, want: []string{"The last run broke"}},
		"told to stop":      {ends: []service.Report{without(service.Interrupted)}, level: notice, want: []string{"The last run was told to stop before it was done"}},
		"incomplete":        {ends: []service.Report{without(service.Incomplete)}, level: problem, want: []string{"The last run could not do everything"}},
		"clean, overlapped": {ends: []service.Report{clean(), without(service.Overlapped)}, level: notice, want: []string{"A run did not begin, because another was still under way", "All is as the roster says"}},
		"open, then broke":  {ends: []service.Report{messy(), without(service.Failed)}, level: problem, want: []string{"The last run broke", "2 leavers still have access", "1 provider could not be read whole", "1 lookup has no answer, and nothing is done there", "1 change is not done", "2 entries are held", "1 step is left for a person"}},
		"stands by":         {ends: []service.Report{messy()}, after: func(m *Monitor) { m.Standby("b") }, level: idle, want: []string{"Standing by: another instance runs"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, c := watch(t, func(o *Options) { o.Past = test.past })
			for _, r := range test.ends {
				end(m, c, r)
			}
			if test.after != nil {
				test.after(m)
			}
			v := m.view()
			if got := append([]string{v.Title}, v.Also...); fmt.Sprint(got) != fmt.Sprint(test.want) || v.Level != test.level {
				t.Errorf("it says, as %s:\n%q\nwant, as %s:\n%q", v.Level.Word(), got, test.level.Word(), test.want)
			}
		})
	}
}

// TestSince takes the ledger's day for what it is.
func TestSince(t *testing.T) {
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		day   string
		want  time.Time
		known bool
	}{
		{"", noon, false},
		{"yesterday", noon, false},
		{"2026-12-01", noon, true},
		{"2026-11-28", time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), true},
		{"2026-12-02", time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), true},
	} {
		if at, known := since(test.day, noon); !at.Equal(test.want) || known != test.known {
			t.Errorf("%q is %s, %v; want %s, %v", test.day, at, known, test.want, test.known)
		}
	}
}

// TestRemedy has something to do for every change that is not done.
func TestRemedy(t *testing.T) {
	for _, status := range statuses {
		for _, blocked := range []plan.Block{"", plan.BlockedLimit, plan.BlockedIncomplete} {
			if remedy(status, blocked) == "" {
				t.Errorf("%s, %s: nothing to do", status, blocked)
			}
		}
	}
	if !strings.Contains(remedy(plan.Refused, plan.BlockedLimit), "--allow") {
		t.Error("how to lift the limit is not said")
	}
}

// TestBounded keeps a process that runs for years from growing.
func TestBounded(t *testing.T) {
	m, c := watch(t, func(o *Options) {
		for i := range 100 {
			o.Past = append(o.Past, PastRun{Began: tick, Ended: tick.Add(time.Duration(i) * time.Second), Outcome: service.Failed})
		}
	})
	for range 100 {
		r := messy()
		for i := range 1000 {
			r.Plan.Held = append(r.Plan.Held, plan.Held{Provider: "vendasta", Email: fmt.Sprintf("p%d@example.com", i), Reason: plan.HeldMode})
		}
		end(m, c, r)
	}
	if len(m.runs) != keptRuns || len(m.first) != 2 || len(m.found.held) != shownHeld || m.found.manyHeld != 1002 {
		t.Errorf("it keeps %d runs, %d first sights, %d of %d held", len(m.runs), len(m.first), len(m.found.held), m.found.manyHeld)
	}
}
