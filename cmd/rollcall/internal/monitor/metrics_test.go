package monitor

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/providers"
	"rollcall/sources"
)

// TestTableIsWhole holds the table against what is served.
func TestTableIsWhole(t *testing.T) {
	m, c := watch(t)
	end(m, c, messy())
	m.Exchange("vendasta")(providers.Exchange{Status: 200})
	w := ask(m, sources.Secret{}, http.MethodGet, "/metrics")
	served := make(map[string]string)
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (rollcall_\S+) (\S+)$`).FindAllStringSubmatch(w.Body.String(), -1) {
		served[match[1]] = match[2]
	}
	for _, f := range families {
		if served[f.name] != f.kind {
			t.Errorf("%s is a %s in the table and %q where it is served", f.name, f.kind, served[f.name])
		}
		for _, l := range f.labels {
			if !regexp.MustCompile(`(?m)^` + f.name + `(_bucket)?\{[^}]*\b` + l + `="`).MatchString(w.Body.String()) {
				t.Errorf("%s is served without the label %s", f.name, l)
			}
		}
		if !strings.Contains(Table(), "`"+f.name+"`") {
			t.Errorf("%s is not in the table", f.name)
		}
		delete(served, f.name)
	}
	for name := range served {
		t.Errorf("%s is served and not in the table", name)
	}
	for _, runtime := range []string{"go_goroutines", "process_start_time_seconds"} {
		if !strings.Contains(w.Body.String(), "\n"+runtime+" ") {
			t.Errorf("%s is not served", runtime)
		}
	}
}

// TestNames keeps to what Prometheus asks of names.
func TestNames(t *testing.T) {
	for _, f := range families {
		if !regexp.MustCompile(`^rollcall_[a-z_]+$`).MatchString(f.name) || f.help == "" {
			t.Errorf("%+v", f)
		}
		if strings.HasSuffix(f.name, "_total") != (f.kind == counter) {
			t.Errorf("%s: counters end in _total, and nothing else does", f.name)
		}
	}
}

// TestNobodyInMetrics has no person in any label, whatever a plan says.
func TestNobodyInMetrics(t *testing.T) {
	m, c := watch(t)
	end(m, c, messy())
	body := ask(m, sources.Secret{}, http.MethodGet, "/metrics").Body.String()
	for _, of := range []string{"@", "example.com", "<script", "U-7"} {
		if strings.Contains(body, of) {
			t.Errorf("the metrics have %q in them", of)
		}
	}
}

func TestMetricsOfRuns(t *testing.T) {
	past := []PastRun{
		{tick.Add(-49 * time.Hour), tick.Add(-48 * time.Hour), service.Converged, []string{"vendasta"}},
		{tick.Add(-25 * time.Hour), tick.Add(-24 * time.Hour), service.Failed, nil},
	}
	m, c := watch(t, func(o *Options) { o.Past = past })
	expect(t, m, map[string]float64{
		`rollcall_build_info{goversion="` + goversion(t, m) + `",version="v1.2.3"}`: 1,
		`rollcall_runs_total{outcome="converged",reason="scheduled"}`:               0,
		`rollcall_runs_total{outcome="overlapped",reason="taken_over"}`:             0,
		`rollcall_run_duration_seconds_count`:                                       0,
		`rollcall_last_success_timestamp_seconds`:                                   unix(tick.Add(-48 * time.Hour)),
		`rollcall_last_run_timestamp_seconds`:                                       unix(tick.Add(-24 * time.Hour)),
		`rollcall_provider_last_success_timestamp_seconds{provider="vendasta"}`:     unix(tick.Add(-48 * time.Hour)),
		`rollcall_last_run_exit_code`:                                               gone,
		`rollcall_next_run_timestamp_seconds`:                                       0,
		`rollcall_running`:                                                          0,
		`rollcall_standby`:                                                          0,
		`rollcall_open_leavers{provider="vendasta"}`:                                gone,
		`rollcall_provider_read_state{provider="vendasta",state="read"}`:            gone,
	})
	m.Waiting(tick.Add(time.Hour))
	expect(t, m, map[string]float64{`rollcall_next_run_timestamp_seconds`: unix(tick.Add(time.Hour))})
	m.Standby("b")
	expect(t, m, map[string]float64{`rollcall_standby`: 1, `rollcall_next_run_timestamp_seconds`: 0})
	m.Began(clean().Run)
	expect(t, m, map[string]float64{`rollcall_standby`: 0, `rollcall_running`: 1})
	m.Skipped(2)
	m.Skipped(-1)
	end(m, c, clean())
	expect(t, m, map[string]float64{
		`rollcall_running`: 0,
		`rollcall_runs_total{outcome="converged",reason="scheduled"}`:                  1,
		`rollcall_run_duration_seconds_sum`:                                            120,
		`rollcall_run_duration_seconds_count`:                                          1,
		`rollcall_ticks_skipped_total`:                                                 2,
		`rollcall_last_success_timestamp_seconds`:                                      unix(tick.Add(2 * time.Minute)),
		`rollcall_last_run_exit_code`:                                                  0,
		`rollcall_next_run_timestamp_seconds`:                                          unix(tick.Add(24 * time.Hour)),
		`rollcall_changes_total{action="update",provider="vendasta",status="applied"}`: 1,
	})
	// One that was overlapped is counted and is the last run of nobody.
	lapped := ranAtTick(service.Overlapped)
	lapped.Reason, lapped.Ended = service.TakenOver, tick.Add(time.Hour)
	end(m, c, lapped)
	expect(t, m, map[string]float64{
		`rollcall_runs_total{outcome="overlapped",reason="taken_over"}`: 1,
		`rollcall_run_duration_seconds_count`:                           1,
		`rollcall_last_run_timestamp_seconds`:                           unix(tick.Add(2 * time.Minute)),
	})
	broke := ranAtTick(service.Failed)
	broke.Ended = tick.Add(2 * time.Hour)
	end(m, c, broke)
	expect(t, m, map[string]float64{
		`rollcall_last_run_exit_code`:             1,
		`rollcall_last_run_timestamp_seconds`:     unix(tick.Add(2 * time.Hour)),
		`rollcall_last_success_timestamp_seconds`: unix(tick.Add(2 * time.Minute)),
	})
}

func TestMetricsOfProviders(t *testing.T) {
	m, c := watch(t)
	end(m, c, clean())
	at := unix(tick.Add(2 * time.Minute))
	expect(t, m, map[string]float64{
		`rollcall_provider_last_success_timestamp_seconds{provider="vendasta"}`:     at,
		`rollcall_provider_last_convergence_timestamp_seconds{provider="vendasta"}`: at,
		`rollcall_held{provider="vendasta",reason="unknown"}`:                       0,
		`rollcall_open_leavers{provider="vendasta"}`:                                0,
		`rollcall_open_leavers_oldest_age_seconds{provider="vendasta"}`:             0,
	})
	worse := messy()
	worse.Ended = tick.Add(24 * time.Hour)
	end(m, c, worse)
	c.at = c.at.Add(time.Hour)
	expect(t, m, map[string]float64{
		`rollcall_provider_last_success_timestamp_seconds{provider="vendasta"}`:     at, // a change failed
		`rollcall_provider_last_success_timestamp_seconds{provider="partoo"}`:       at, // read in part
		`rollcall_provider_last_convergence_timestamp_seconds{provider="vendasta"}`: at,
		`rollcall_provider_read_state{provider="partoo",state="partial"}`:           1,
		`rollcall_provider_read_state{provider="partoo",state="read"}`:              0,
		`rollcall_held{provider="partoo",reason="unknown"}`:                         1,
		`rollcall_held{provider="partoo",reason="ambiguous"}`:                       1,
		`rollcall_held{provider="vendasta",reason="protected"}`:                     1,
		`rollcall_manual{provider="partoo"}`:                                        1,
		`rollcall_open_leavers{provider="vendasta"}`:                                1,
		`rollcall_open_leavers{provider="partoo"}`:                                  1,
		// From the day that the ledger knows; from when it was seen first.
		`rollcall_open_leavers_oldest_age_seconds{provider="vendasta"}`:                 c.at.Sub(time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)).Seconds(),
		`rollcall_open_leavers_oldest_age_seconds{provider="partoo"}`:                   3600,
		`rollcall_changes_total{action="suspend",provider="vendasta",status="refused"}`: 1,
		`rollcall_changes_total{action="create",provider="vendasta",status="failed"}`:   1,
	})

	// A leaver whom a later run finds open again is as old as before; a run without a plan
	// changes nothing of it.
	again := messy()
	again.Ended = tick.Add(48 * time.Hour)
	end(m, c, again)
	end(m, c, ranAtTick(service.Invalid))
	c.at = again.Ended
	expect(t, m, map[string]float64{
		`rollcall_open_leavers_oldest_age_seconds{provider="partoo"}`: (24 * time.Hour).Seconds(),
		`rollcall_open_leavers{provider="partoo"}`:                    1,
	})

	// Only held: everything is done, and yet it is not as the roster says.
	held := clean()
	held.Ended = tick.Add(72 * time.Hour)
	held.Plan.Held = []plan.Held{{Provider: "vendasta", Email: "owner@example.com", Reason: plan.HeldProtected}}
	end(m, c, held)
	expect(t, m, map[string]float64{
		`rollcall_provider_last_success_timestamp_seconds{provider="vendasta"}`:     unix(held.Ended),
		`rollcall_provider_last_convergence_timestamp_seconds{provider="vendasta"}`: at,
		`rollcall_provider_last_convergence_timestamp_seconds{provider="partoo"}`:   unix(held.Ended),
		`rollcall_open_leavers_oldest_age_seconds{provider="partoo"}`:               0,
	})

	// A provider that is not configured any more is gone; not to know which are configured
	// drops none.
	unknown := ranAtTick(service.Invalid)
	unknown.Providers = nil
	end(m, c, unknown)
	expect(t, m, map[string]float64{`rollcall_manual{provider="partoo"}`: 0})
	dropped := ranAtTick(service.Failed)
	dropped.Providers = []string{"scim", "vendasta"}
	end(m, c, dropped)
	expect(t, m, map[string]float64{
		`rollcall_manual{provider="partoo"}`:                                    gone,
		`rollcall_provider_last_success_timestamp_seconds{provider="partoo"}`:   gone,
		`rollcall_provider_last_success_timestamp_seconds{provider="scim"}`:     0,
		`rollcall_provider_last_success_timestamp_seconds{provider="vendasta"}`: unix(held.Ended),
	})
}

// TestNothingApplied counts who is to lose access and has not, where a run broke between
// plan and apply.
func TestNothingApplied(t *testing.T) {
	m, c := watch(t)
	r := messy()
	r.Outcome, r.Result = service.Failed, nil
	r.Plan.Changes[1].Blocked = ""
	end(m, c, r)
	expect(t, m, map[string]float64{
		`rollcall_open_leavers{provider="vendasta"}`:                                    1,
		`rollcall_changes_total{action="suspend",provider="vendasta",status="skipped"}`: gone,
	})
}

func TestExchange(t *testing.T) {
	m, _ := watch(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			count := m.Exchange("vendasta")
			count(providers.Exchange{Attempt: 1, Status: 429, Duration: 100 * time.Millisecond})
			count(providers.Exchange{Attempt: 2, Status: 200, Duration: 2 * time.Second, Waited: 7 * time.Second})
			count(providers.Exchange{Write: true, Attempt: 1, Duration: 30 * time.Second})
			count(providers.Exchange{Write: true, Attempt: 1, Status: 999})
		})
	}
	wait.Wait()
	m.Exchange("partoo")
	expect(t, m, map[string]float64{
		`rollcall_provider_requests_total{class="read",code="429",provider="vendasta"}`:              4,
		`rollcall_provider_requests_total{class="read",code="200",provider="vendasta"}`:              4,
		`rollcall_provider_requests_total{class="write",code="none",provider="vendasta"}`:            4,
		`rollcall_provider_requests_total{class="write",code="other",provider="vendasta"}`:           4,
		`rollcall_provider_request_duration_seconds_count{class="read",provider="vendasta"}`:         8,
		`rollcall_provider_request_duration_seconds_bucket{class="read",provider="vendasta",le="1"}`: 4,
		`rollcall_provider_retries_total{provider="vendasta"}`:                                       4,
		`rollcall_provider_wait_seconds_total{provider="vendasta"}`:                                  28,
		`rollcall_provider_retries_total{provider="partoo"}`:                                         0,
		`rollcall_provider_wait_seconds_total{provider="partoo"}`:                                    0,
	})
}

// TestAllAtOnce tells and asks from many sides; the race detector judges.
func TestAllAtOnce(t *testing.T) {
	m := New(Options{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			m.Waiting(time.Now())
			m.Began(service.Run{Began: time.Now()})
			m.Ended(messy())
			m.Skipped(1)
			m.Standby("x")
		})
		wait.Go(func() {
			for _, path := range []string{"/", "/metrics", "/healthz", "/readyz"} {
				if w := ask(m, sources.Secret{}, http.MethodGet, path); w.Code != http.StatusOK && w.Code != http.StatusServiceUnavailable {
					t.Errorf("%s is %d", path, w.Code)
				}
			}
		})
	}
	wait.Wait()
}

// TestCollectorIsConsistent checks the descriptions as strictly as the library can.
func TestCollectorIsConsistent(t *testing.T) {
	m, c := watch(t)
	end(m, c, messy())
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(gauges{m, descriptions()}); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

func unix(t time.Time) float64 { return float64(t.Unix()) }

// goversion is the label as it is served.
func goversion(t testing.TB, m *Monitor) string {
	t.Helper()
	for series := range scrape(t, m) {
		if match := regexp.MustCompile(`^rollcall_build_info\{goversion="([^"]+)"`).FindStringSubmatch(series); match != nil {
			return match[1]
		}
	}
	t.Fatal("there is no build info")
	return ""
}
