package monitor

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/providers"
)

// A family is one metric with all its labels. None of these ever holds anything of a
// person: what a label can be is bounded by the program and by the configuration.
type family struct {
	name, kind, help string
	labels           []string
}

// The kinds of a family.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// The families.
var (
	buildInfo = family{"rollcall_build_info", gauge, "1, with the version of rollcall and of Go", []string{"version", "goversion"}}

	runsTotal     = family{"rollcall_runs_total", counter, "Runs that ended", []string{"outcome", "reason"}}
	runSeconds    = family{"rollcall_run_duration_seconds", histogram, "How long runs took, those apart that were overlapped", nil}
	lastRunAt     = family{"rollcall_last_run_timestamp_seconds", gauge, "When the last run ended, however it did; 0 where none is known", nil}
	lastRunExit   = family{"rollcall_last_run_exit_code", gauge, "What the last run of this process ended with, as rollcall apply would have; not there before the first", nil}
	lastSuccessAt = family{"rollcall_last_success_timestamp_seconds", gauge, "When the last run ended that left nothing undone, before a restart too; 0 where none is known", nil}
	ticksSkipped  = family{"rollcall_ticks_skipped_total", counter, "Times of the schedule that passed while a run was under way", nil}
	nextRunAt     = family{"rollcall_next_run_timestamp_seconds", gauge, "When the next run begins; 0 where none is to, and during a run", nil}
	runningNow    = family{"rollcall_running", gauge, "1 during a run", nil}
	standbyNow    = family{"rollcall_standby", gauge, "1 while another instance runs", nil}

	notTold = family{"rollcall_notifications_failed_total", counter, "Notifications that a receiver did not get, after all tries", []string{"receiver"}}

	readState     = family{"rollcall_provider_read_state", gauge, "1 for how much of the provider the last plan could read: read, partial or unread", []string{"provider", "state"}}
	providerAt    = family{"rollcall_provider_last_success_timestamp_seconds", gauge, "When a run ended that read everybody and did every change there; 0 where none is known", []string{"provider"}}
	convergedAt   = family{"rollcall_provider_last_convergence_timestamp_seconds", gauge, "When a run of this process ended that also left nothing held, manual or open there; 0 where none did", []string{"provider"}}
	changesTotal  = family{"rollcall_changes_total", counter, "Changes of the plans that were applied, by how they ended", []string{"provider", "action", "status"}}
	heldNow       = family{"rollcall_held", gauge, "Entries that the last plan holds", []string{"provider", "reason"}}
	manualNow     = family{"rollcall_manual", gauge, "Entries of the last plan that a person has to do", []string{"provider"}}
	openNow       = family{"rollcall_open_leavers", gauge, "Leavers who still have access after the last run that made a plan", []string{"provider"}}
	openAge       = family{"rollcall_open_leavers_oldest_age_seconds", gauge, "For how long the longest of them has been open, now; from the day that the ledger knows, else from when this process saw it first; 0 without one", []string{"provider"}}
	requestsTotal = family{"rollcall_provider_requests_total", counter, "Requests that were sent, by what their call was declared as (read, write) and the status of the answer; none is no answer", []string{"provider", "class", "code"}}
	requestTime   = family{"rollcall_provider_request_duration_seconds", histogram, "How long requests took until their answer was read whole", []string{"provider", "class"}}
	retriesTotal  = family{"rollcall_provider_retries_total", counter, "Requests that were not the first of their call: other tries, and redirects that were followed", []string{"provider"}}
	waitSeconds   = family{"rollcall_provider_wait_seconds_total", counter, "How long calls waited, because the vendor asked for it or for another try, summed over calls side by side", []string{"provider"}}
)

// families lists them all, as the table has them.
var families = []family{
	runsTotal, runSeconds, lastRunAt, lastRunExit, lastSuccessAt, ticksSkipped, nextRunAt, runningNow, standbyNow, notTold,
	openNow, openAge, heldNow, manualNow, changesTotal, readState, providerAt, convergedAt,
	requestsTotal, requestTime, retriesTotal, waitSeconds, buildInfo,
}

// What labels can be.
var (
	reasons  = []service.Reason{service.Scheduled, service.Missed, service.TakenOver}
	heldFor  = []plan.Reason{plan.HeldAmbiguous, plan.HeldUnknown, plan.HeldProtected, plan.HeldMode, plan.HeldUnreadable, plan.HeldNeeds}
	states   = []plan.ReadState{plan.Read, plan.Partial, plan.Unread}
	statuses = []plan.Status{plan.Applied, plan.Already, plan.Failed, plan.Unknown, plan.Stale, plan.Skipped, plan.Refused}
)

// The classes of requests.
const (
	classRead  = "read"
	classWrite = "write"
)

// Table describes the metrics in Markdown.
func Table() string {
	var out strings.Builder
	out.WriteString("| metric | kind | labels | what it says |\n|---|---|---|---|\n")
	for _, f := range families {
		labels := "–"
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", f.name, f.kind, labels, f.help)
	}
	return out.String()
}

func (f family) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.name, Help: f.help}, f.labels)
}

func (f family) histogram(buckets ...float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.name, Help: f.help, Buckets: buckets}, f.labels)
}

// metrics are the counters, and the registry that they and all else are read from.
type metrics struct {
	registry *prometheus.Registry
	runs     *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	skipped  prometheus.Counter
	changes  *prometheus.CounterVec
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	retries  *prometheus.CounterVec
	waits    *prometheus.CounterVec
}

func newMetrics(m *Monitor) *metrics {
	skipped := ticksSkipped.counter()
	n := &metrics{
		registry: prometheus.NewRegistry(),
		runs:     runsTotal.counter(),
		seconds:  runSeconds.histogram(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400),
		skipped:  skipped.WithLabelValues(),
		changes:  changesTotal.counter(),
		requests: requestsTotal.counter(),
		took:     requestTime.histogram(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
		retries:  retriesTotal.counter(),
		waits:    waitSeconds.counter(),
	}
	for _, outcome := range service.Outcomes { // so that the first of a kind is an increase
		for _, reason := range reasons {
			n.runs.WithLabelValues(string(outcome), label(reason))
		}
	}
	n.seconds.WithLabelValues()
	n.registry.MustRegister(
		n.runs, n.seconds, skipped, n.changes, n.requests, n.took, n.retries, n.waits, gauges{m, descriptions()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return n
}

// label is a reason as labels have it, in one word.
func label(reason service.Reason) string { return strings.ReplaceAll(string(reason), " ", "_") }

// handler serves the metrics.
func (n *metrics) handler() http.Handler {
	return promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{})
}

// ended counts a run.
func (n *metrics) ended(report *service.Report) {
	n.runs.WithLabelValues(string(report.Outcome), label(report.Reason)).Inc()
	if report.Outcome == service.Overlapped {
		return
	}
	n.seconds.WithLabelValues().Observe(max(0, report.Ended.Sub(report.Began).Seconds()))
	if report.Result == nil {
		return
	}
	for _, c := range report.Result.Changes {
		n.changes.WithLabelValues(c.Provider, string(c.Action), string(c.Status)).Inc()
	}
}

// exchange counts the requests of one provider.
func (n *metrics) exchange(provider string) func(providers.Exchange) {
	retries, waits := n.retries.WithLabelValues(provider), n.waits.WithLabelValues(provider)
	took := map[string]prometheus.Observer{
		classRead: n.took.WithLabelValues(provider, classRead), classWrite: n.took.WithLabelValues(provider, classWrite),
	}
	return func(e providers.Exchange) {
		class := classRead
		if e.Write {
			class = classWrite
		}
		n.requests.WithLabelValues(provider, class, code(e.Status)).Inc()
		took[class].Observe(e.Duration.Seconds())
		if e.Attempt > 1 {
			retries.Inc()
		}
		waits.Add(max(0, e.Waited.Seconds()))
	}
}

// code is a status as a label; a vendor that makes one up adds none.
func code(status int) string {
	switch {
	case status == 0:
		return "none"
	case status < 100 || status > 599:
		return "other"
	default:
		return strconv.Itoa(status)
	}
}

// gauges are read from the monitor when they are asked for, so that an age is that of now
// and a provider that is not configured any more is not there.
type gauges struct {
	m    *Monitor
	desc map[string]*prometheus.Desc
}

// descriptions are those of the families that gauges has: all gauges, and the counter that
// is kept elsewhere.
func descriptions() map[string]*prometheus.Desc {
	desc := make(map[string]*prometheus.Desc)
	for _, f := range families {
		if f.kind == gauge || f.name == notTold.name {
			desc[f.name] = prometheus.NewDesc(f.name, f.help, f.labels, nil)
		}
	}
	return desc
}

// Describe says what there can be.
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range g.desc {
		to <- desc
	}
}

// Collect says how it is.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	// Read under the lock and sent without it: whoever receives is not waited for.
	var list []prometheus.Metric
	set := func(f family, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if f.kind == counter {
			kind = prometheus.CounterValue
		}
		list = append(list, prometheus.MustNewConstMetric(g.desc[f.name], kind, value, labels...))
	}
	if g.m.failures != nil {
		for receiver, n := range g.m.failures() {
			set(notTold, float64(n), receiver)
		}
	}
	g.m.gauges(set)
	for _, metric := range list {
		to <- metric
	}
}

// gauges sets each of them.
func (m *Monitor) gauges(set func(f family, value float64, labels ...string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	set(buildInfo, 1, m.version, runtime.Version())
	set(runningNow, truth(m.doing == running))
	set(standbyNow, truth(m.doing == standing))
	set(nextRunAt, stamp(m.next))
	set(lastSuccessAt, stamp(m.success))
	var ended time.Time
	for _, r := range m.runs {
		if r.outcome != service.Overlapped {
			ended = later(ended, r.ended)
		}
	}
	set(lastRunAt, stamp(ended))
	if m.last != nil {
		set(lastRunExit, float64(m.last.exit))
	}
	for _, name := range slices.Sorted(maps.Keys(m.provider)) {
		a := m.provider[name]
		set(providerAt, stamp(a.success), name)
		set(convergedAt, stamp(a.converge), name)
		if !a.planned {
			continue
		}
		for _, state := range states {
			set(readState, truth(a.State == state), name, string(state))
		}
		for _, reason := range heldFor {
			set(heldNow, float64(a.held[reason]), name, string(reason))
		}
		set(manualNow, float64(a.manual), name)
		set(openNow, float64(a.open), name)
		age := 0.0
		if a.open > 0 {
			age = max(0, now.Sub(a.oldest).Seconds())
		}
		set(openAge, age, name)
	}
}

// truth is a flag as gauges have it.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// stamp is a time as gauges have it; 0 is none, so that an alert on its age fires where
// there never was one.
func stamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
