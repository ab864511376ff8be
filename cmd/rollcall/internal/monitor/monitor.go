// Package monitor shows how rollcall run is: a page for people, metrics for Prometheus,
// and whether it lives.
//
// A Monitor is told what the service does, as its Listener, and answers from what it
// remembers of that. It asks nothing of anybody and keeps nothing: after a restart it
// knows of earlier runs what it is given.
package monitor

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/providers"
)

// Options make a Monitor.
type Options struct {
	// Now is the clock; nil is the computer's.
	Now func() time.Time
	// Started is when the process began; zero is now.
	Started time.Time
	Version string
	// Failures counts the notifications that each receiver did not get; nil is not known.
	Failures func() map[string]int
	// Past are the runs that are known from before, in any order. Only whole runs belong
	// here: an apply for one person says nothing of the others.
	Past []PastRun
	// Log is told of what goes wrong while the page is served; nil is nobody.
	Log *slog.Logger
}

// A PastRun is a run from before this process began, as the ledger has it.
type PastRun struct {
	Began, Ended time.Time
	Outcome      service.Outcome
	// Providers are those that it was for, where that is known.
	Providers []string
}

// Slack is how much later than it should anything may come before the process counts as
// stuck.
const Slack = 5 * time.Minute

// keptRuns is how many runs the page shows.
const keptRuns = 20

// A Monitor is a service.Listener that shows what it was told. It is safe for
// concurrent use.
type Monitor struct {
	now      func() time.Time
	started  time.Time
	version  string
	failures func() map[string]int
	log      *slog.Logger
	metrics  *metrics

	mu       sync.Mutex
	schedule string
	zone     *time.Location
	deadline time.Duration
	doing    doing
	since    time.Time // of doing
	ready    bool
	next     time.Time
	holder   string
	run      service.Run
	runs     []ran // the last ones, the latest first
	last     *told // the last run of this process that was not overlapped
	found    *found
	success  time.Time
	provider map[string]*account // those that are configured
	// first is when this process saw first that a leaver is open, by provider and address.
	first map[[2]string]time.Time
}

// doing is what the service is at.
type doing uint8

const (
	starting doing = iota
	waiting
	standing // by, while another instance runs
	running
	between // a run and what follows it
)

// ran is a line of the page's list of runs.
type ran struct {
	began, ended time.Time
	outcome      service.Outcome
	reason       service.Reason // empty for one from before
	counts       []count
	planned      bool // there was a result to count
	err          string
	commit       string
}

// A count is how many changes ended with a status.
type count struct {
	status plan.Status
	n      int
}

// told is what is kept of the last report.
type told struct {
	ran
	exit     int
	problems []string
	found    bool // there was a plan
}

// found is what is kept of the last report that had a plan.
type found struct {
	at     time.Time
	ledger plan.LedgerState
	open   []open
	held   []plan.Held   // of those who are not leavers
	manual []plan.Manual // likewise
	undone []undone      // likewise
	// How many they are in all, and how many are held because they are unknown.
	manyHeld, manyManual, manyUndone, manyUnknown int
}

// open is a leaver who still has access and what to do about it.
type open struct {
	plan.Open
	since  time.Time
	known  bool // the ledger knows since when; else it is when this process saw it first
	remedy string
}

// undone is a change that did not end well.
type undone struct {
	plan.ChangeResult
	remedy string
}

// account is what is known of one provider.
type account struct {
	plan.ProviderState
	planned  bool // a run of this process made a plan for it
	read     time.Time
	success  time.Time // everybody read, every change done
	converge time.Time // and nothing held, manual or open
	held     map[plan.Reason]int
	manual   int
	open     int
	oldest   time.Time // of the open leavers
	requests providers.Requests
}

var _ service.Listener = (*Monitor)(nil)

// New makes a monitor of a service that has not begun.
func New(options Options) *Monitor {
	m := &Monitor{
		now: options.Now, started: options.Started, version: options.Version, log: options.Log,
		failures: options.Failures, zone: time.UTC,
		provider: make(map[string]*account), first: make(map[[2]string]time.Time),
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.started.IsZero() {
		m.started = m.now()
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.since = m.now()
	past := slices.Clone(options.Past)
	slices.SortStableFunc(past, func(a, b PastRun) int { return b.Ended.Compare(a.Ended) })
	for _, p := range past {
		if len(m.runs) < keptRuns {
			m.runs = append(m.runs, ran{began: p.Began, ended: p.Ended, outcome: p.Outcome})
		}
		if p.Outcome != service.Converged {
			continue
		}
		m.success = later(m.success, p.Ended)
		for _, name := range p.Providers {
			a := m.account(name)
			a.success = later(a.success, p.Ended)
		}
	}
	m.metrics = newMetrics(m)
	return m
}

// Configure says what the configuration has by now: when runs begin, for the page; the
// zone of its times; and how long one run may take with all that follows, after which a
// process that still runs it is not healthy, 0 being not judged.
func (m *Monitor) Configure(schedule string, zone *time.Location, longest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.schedule, m.zone, m.deadline = schedule, zone, longest
}

// account is that of a provider, made where there is none.
func (m *Monitor) account(name string) *account {
	a := m.provider[name]
	if a == nil {
		a = &account{ProviderState: plan.ProviderState{Name: name}}
		m.provider[name] = a
	}
	return a
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// turn notes what the service is at now. The lock is held.
func (m *Monitor) turn(to doing) {
	m.doing, m.since, m.ready = to, m.now(), true
	m.next, m.holder = time.Time{}, ""
}

// Waiting says when the next run begins.
func (m *Monitor) Waiting(next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(waiting)
	m.next = next
}

// Standby says that another instance runs.
func (m *Monitor) Standby(holder string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(standing)
	m.holder = holder
}

// Began says that a run begins.
func (m *Monitor) Began(run service.Run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(running)
	m.run = run
}

// Skipped says how many times of the schedule passed while a run was under way.
func (m *Monitor) Skipped(ticks int) {
	if ticks > 0 {
		m.metrics.skipped.Add(float64(ticks))
	}
}

// Exchange returns what counts the requests of a provider, as providers.Settings take it.
func (m *Monitor) Exchange(provider string) func(providers.Exchange) {
	return m.metrics.exchange(provider)
}

// Ended says what became of a run.
func (m *Monitor) Ended(report service.Report) {
	m.metrics.ended(&report)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(between)
	line := ran{
		began: report.Began, ended: report.Ended, outcome: report.Outcome, reason: report.Reason,
		err: report.Error, commit: report.Commit,
	}
	if report.Result != nil {
		line.planned, line.counts = true, counts(report.Result)
	}
	m.runs = slices.Insert(m.runs, 0, line)
	m.runs = m.runs[:min(len(m.runs), keptRuns)]
	if report.Outcome == service.Overlapped {
		return // whatever it says of anything is not from a run
	}
	m.last = &told{ran: line, exit: report.Exit, problems: report.Problems, found: report.Plan != nil}
	if report.Outcome == service.Converged {
		m.success = later(m.success, report.Ended)
	}
	if report.Plan != nil {
		m.planned(&report)
	}
	for name, requests := range report.Requests {
		if a := m.provider[name]; a != nil {
			a.requests = requests
		}
	}
	if report.Providers == nil {
		return
	}
	for _, name := range report.Providers {
		m.account(name)
	}
	for name := range m.provider {
		if !slices.Contains(report.Providers, name) {
			delete(m.provider, name)
		}
	}
}

// counts is how many changes ended how, in the order of statuses.
func counts(result *plan.Result) []count {
	var list []count
	for _, status := range statuses {
		if n := result.Count(status); n > 0 {
			list = append(list, count{status, n})
		}
	}
	return list
}

// planned takes what a plan and its result say of everybody. The lock is held.
func (m *Monitor) planned(report *service.Report) {
	p, result := report.Plan, report.Result
	if result == nil {
		result = plan.NewResult(p) // nothing was done
	}
	now := &found{at: report.Ended, ledger: p.Ledger}
	for _, state := range p.Providers {
		a := m.account(state.Name)
		*a = account{
			ProviderState: state, planned: true, read: a.read, success: a.success, converge: a.converge,
			held: make(map[plan.Reason]int), requests: a.requests,
		}
	}
	at := func(name string) *account { // one that the plan does not list is counted nowhere
		if a := m.provider[name]; a != nil && a.planned {
			return a
		}
		return &account{held: make(map[plan.Reason]int)}
	}
	for _, h := range p.Held {
		at(h.Provider).held[h.Reason]++
		if h.Reason == plan.HeldUnknown {
			now.manyUnknown++
		}
		if !h.Leaver {
			now.manyHeld++
			now.held = keep(now.held, h, shownHeld)
		}
	}
	for _, e := range p.Manual {
		at(e.Provider).manual++
		if !e.Leaver {
			now.manyManual++
			now.manual = keep(now.manual, e, shownManual)
		}
	}
	now.open = m.opened(p, result, report.Ended)
	isOpen := make(map[[2]string]bool)
	for _, o := range now.open {
		isOpen[[2]string{o.Provider, o.Email}] = true
		a := at(o.Provider)
		if a.open++; a.oldest.IsZero() || o.since.Before(a.oldest) {
			a.oldest = o.since
		}
	}
	blocked := blocks(p)
	behind := make(map[string]bool) // providers with a change that is not done
	for _, c := range result.Changes {
		if c.Status == plan.Applied || c.Status == plan.Already {
			continue
		}
		behind[c.Provider] = true
		if !isOpen[[2]string{c.Provider, c.Email}] {
			now.manyUndone++
			now.undone = keep(now.undone, undone{c, remedy(c.Status, blocked[c.ID])}, shownUndone)
		}
	}
	for _, state := range p.Providers {
		a := m.provider[state.Name]
		if state.State == plan.Unread {
			continue
		}
		a.read = report.Ended
		if state.State != plan.Read || a.held[plan.HeldUnknown] > 0 || behind[state.Name] {
			continue
		}
		a.success = later(a.success, report.Ended)
		if len(a.held)+a.manual+a.open == 0 {
			a.converge = report.Ended
		}
	}
	m.found = now
}

// keep appends to a list that is shown no further than that.
func keep[T any](list []T, item T, most int) []T {
	if len(list) < most {
		list = append(list, item)
	}
	return list
}

// blocks are the changes that a guard blocks, by id.
func blocks(p *plan.Plan) map[string]plan.Block {
	blocked := make(map[string]plan.Block)
	for i := range p.Changes {
		blocked[p.Changes[i].ID] = p.Changes[i].Blocked
	}
	return blocked
}

// opened lists the leavers who still have access, the longest open first, and notes when
// each was seen first.
func (m *Monitor) opened(p *plan.Plan, result *plan.Result, at time.Time) []open {
	remedies := make(map[[2]string]string)
	add := func(provider, email, text string) {
		if key := [2]string{provider, email}; remedies[key] == "" {
			remedies[key] = text
		}
	}
	blocked := blocks(p)
	for _, c := range result.Changes {
		if c.Status != plan.Applied && c.Status != plan.Already {
			add(c.Provider, c.Email, remedy(c.Status, blocked[c.ID]))
		}
	}
	for _, h := range p.Held {
		if h.Leaver {
			add(h.Provider, h.Email, h.Remedy)
		}
	}
	for _, e := range p.Manual {
		if e.Leaver {
			add(e.Provider, e.Email, "do it by hand: "+e.Why)
		}
	}
	first := make(map[[2]string]time.Time)
	list := make([]open, 0, len(result.Open))
	for _, o := range result.Open {
		key := [2]string{o.Provider, o.Email}
		seen, again := m.first[key]
		if !again {
			seen = at
		}
		first[key] = seen
		entry := open{Open: o, remedy: remedies[key]}
		entry.since, entry.known = since(o.Since, seen)
		list = append(list, entry)
	}
	m.first = first
	slices.SortStableFunc(list, func(a, b open) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.Provider, b.Provider), strings.Compare(a.Email, b.Email))
	})
	return list
}

// since is the moment that stands for a day of the ledger, which keeps them in UTC: when
// it was seen where that was the same day, else the day's beginning. Without a day it is
// when it was seen first.
func since(day string, seen time.Time) (at time.Time, known bool) {
	begins, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return seen, false
	}
	if !seen.Before(begins) && seen.Before(begins.AddDate(0, 0, 1)) {
		return seen, true
	}
	return begins, true
}

// remedy says what to do about a change that is not done.
func remedy(status plan.Status, blocked plan.Block) string {
	switch {
	case status == plan.Refused && blocked == plan.BlockedLimit:
		return "if it is meant so: rollcall plan, and rollcall apply --allow with the digest that it shows"
	case status == plan.Refused && blocked == plan.BlockedIncomplete:
		return "the next run tries again; rollcall doctor shows what can not be read"
	case status == plan.Refused:
		return "guardrails.protect stands against it: change that, or do it by hand"
	case status == plan.Stale:
		return "somebody else changed it meanwhile; the next run looks again"
	case status == plan.Unknown:
		return "the next run looks again; until then, look at the vendor's"
	default:
		return "the next run tries again; rollcall apply tries now"
	}
}

// stuck says what should have happened and has not; empty is nothing. The lock is held.
func (m *Monitor) stuck() string {
	now := m.now()
	switch m.doing {
	case waiting:
		if !m.next.IsZero() && now.After(m.next.Add(Slack)) {
			return "The run of " + m.clock(m.next) + " has not begun"
		}
	case running:
		if m.deadline > 0 && now.After(m.run.Began.Add(m.deadline+Slack)) {
			return "The run that began at " + m.clock(m.run.Began) + " is past its deadline and has not ended"
		}
	case starting, between:
		if now.After(m.since.Add(Slack)) {
			return "Nothing has moved since " + m.clock(m.since)
		}
	case standing:
	}
	return ""
}

// clock is a time as the page says it, with the offset of its zone.
func (m *Monitor) clock(t time.Time) string {
	return t.In(m.zone).Format("2006-01-02 15:04 -07:00")
}
