package monitor

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/providers"
	"rollcall/sources"
)

// How much the page shows of each list, and of one text.
const (
	shownOpen     = 50
	shownHeld     = 20
	shownManual   = 20
	shownUndone   = 20
	shownProblems = 30
	shownText     = 600 // characters
)

// How often a browser asks for the page again, in seconds.
const (
	refresh     = 60
	refreshSoon = 10 // during a run
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"text": text}).Parse(pageText))

// pagePolicy lets the page have its own style, by its digest, and nothing else: no
// script, no picture, nothing from anywhere, whatever a name in it says.
var pagePolicy = "default-src 'none'; style-src 'sha256-" + styleDigest(pageText) +
	"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// styleDigest is that of the style of a page, as Content-Security-Policy has it.
func styleDigest(page string) string {
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	digest := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(digest[:])
}

// text makes what comes from rosters and vendors fit to be shown: no longer than a
// person reads, and with control and direction characters as escapes. That it stays text
// is the template's.
func text(value any) string {
	shown := strings.ToValidUTF8(fmt.Sprint(value), "\uFFFD")
	if runes := []rune(shown); len(runes) > shownText {
		shown = string(runes[:shownText]) + "…"
	}
	var out strings.Builder
	for _, r := range shown {
		if r != '\n' && r != '\t' && sources.MovesCursor(r) {
			_, _ = fmt.Fprintf(&out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// A level is how much a person has to care, the least first.
type level int

const (
	fine level = iota
	idle
	notice
	problem
)

// Name and Word say it to style sheets and to people.
func (l level) Name() string { return [...]string{"fine", "idle", "notice", "problem"}[l] }

// Word says it to people.
func (l level) Word() string { return [...]string{"OK", "Waiting", "Attention", "Problem"}[l] }

// A moment is a time as the page shows it: for machines, in the schedule's zone, and from
// now.
type moment struct{ Machine, Clock, Away string }

// A view is all that the page shows, as it is at one moment.
type view struct {
	Level    level
	Title    string
	Also     []string // what else there is to know at once
	Refresh  int
	Now      moment
	Started  moment
	Version  string
	Schedule string
	Next     *moment
	Running  *viewRun
	Success  *moment
	Holder   string // who runs instead

	Error        string // of the last run
	Problems     []string
	MoreProblems int

	From     *moment // when the lists below were true; nil where there are none
	Stale    bool    // the last run made no plan, so they are of one before
	NoLedger bool
	Open     []viewOpen
	Held     []plan.Held
	Manual   []plan.Manual
	Undone   []undone
	// How many there are beside those that are shown.
	MoreOpen, MoreHeld, MoreManual, MoreUndone int

	Providers []viewProvider
	Runs      []viewRan
}

type viewRun struct {
	Began  moment
	Reason service.Reason
}

type viewOpen struct {
	open
	Since, Age string
}

// Remedy is what to do.
func (o viewOpen) Remedy() string { return o.remedy }

// Remedy is what to do.
func (u undone) Remedy() string { return u.remedy }

type viewProvider struct {
	*account
	Level                    level
	Word                     string
	Unknown                  int
	OthersHeld               int
	Read, Success, Converged *moment
	Waited, Paused           string
}

// Planned reports whether a run of this process made a plan for it.
func (p viewProvider) Planned() bool { return p.planned }

// Open is how many leavers still have access there.
func (p viewProvider) Open() int { return p.open }

// Manual is how many entries a person has to do there.
func (p viewProvider) Manual() int { return p.manual }

// Sent is what was requested in the last run.
func (p viewProvider) Sent() providers.Requests { return p.requests }

type viewRan struct {
	Began         moment
	Took          string
	Level         level
	Outcome       string
	Reason        service.Reason
	Counts        string
	Error, Commit string
}

// view is how it is now.
func (m *Monitor) view() *view {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	v := &view{
		Refresh: refresh, Now: m.at(now), Started: m.at(m.started), Version: m.version, Schedule: m.schedule,
		Next: m.moment(m.next), Success: m.moment(m.success), Holder: m.holder,
	}
	v.Level, v.Title, v.Also = m.state()
	if m.doing == running {
		v.Refresh, v.Running = refreshSoon, &viewRun{m.at(m.run.Began), m.run.Reason}
	}
	if m.last != nil {
		v.Error = m.last.err
		v.Problems = m.last.problems[:min(len(m.last.problems), shownProblems)]
		v.MoreProblems = len(m.last.problems) - len(v.Problems)
	}
	if f := m.found; f != nil {
		v.From, v.Stale, v.NoLedger = m.moment(f.at), !m.last.found, f.ledger == plan.LedgerAbsent
		for _, o := range f.open[:min(len(f.open), shownOpen)] {
			shown := viewOpen{open: o, Age: span(now.Sub(o.since))}
			if o.known {
				shown.Since = "since " + o.Since
			} else {
				shown.Since = "first seen " + m.clock(o.since)
			}
			v.Open = append(v.Open, shown)
		}
		v.Held, v.Manual, v.Undone = f.held, f.manual, f.undone
		v.MoreOpen, v.MoreHeld = len(f.open)-len(v.Open), f.manyHeld-len(f.held)
		v.MoreManual, v.MoreUndone = f.manyManual-len(f.manual), f.manyUndone-len(f.undone)
	}
	for _, name := range slices.Sorted(maps.Keys(m.provider)) {
		v.Providers = append(v.Providers, m.viewProvider(*m.provider[name]))
	}
	for _, r := range m.runs {
		v.Runs = append(v.Runs, m.viewRan(r))
	}
	return v
}

func (m *Monitor) viewProvider(a account) viewProvider {
	v := viewProvider{
		account: &a, Read: m.moment(a.read), Success: m.moment(a.success), Converged: m.moment(a.converge),
		Unknown: a.held[plan.HeldUnknown],
	}
	for _, n := range a.held {
		v.OthersHeld += n
	}
	v.OthersHeld -= v.Unknown
	switch {
	case !a.planned:
		v.Level, v.Word = idle, "not read yet"
	case a.State == plan.Unread:
		v.Level, v.Word = problem, "could not be read"
	case a.State == plan.Partial:
		v.Level, v.Word = problem, "read in part"
	case v.Unknown > 0:
		v.Level, v.Word = problem, "read, with unknowns"
	case a.open > 0:
		v.Level, v.Word = problem, "leavers open"
	case !a.read.Equal(a.success):
		v.Level, v.Word = problem, "changes not done"
	case !a.read.Equal(a.converge):
		v.Level, v.Word = notice, "done, but for some"
	default:
		v.Level, v.Word = fine, "as the roster says"
	}
	if a.requests.Waited > 0 {
		v.Waited = span(a.requests.Waited)
	}
	if a.requests.Paused > 0 {
		v.Paused = span(a.requests.Paused)
	}
	return v
}

func (m *Monitor) viewRan(r ran) viewRan {
	v := viewRan{
		Began: m.at(r.began), Took: span(r.ended.Sub(r.began)), Outcome: ended[r.outcome].words, Level: ended[r.outcome].level,
		Reason: r.reason, Error: r.err, Commit: r.commit,
	}
	if v.Outcome == "" {
		v.Outcome = string(r.outcome)
	}
	switch {
	case r.outcome == service.Overlapped:
		v.Took = ""
	case r.planned && len(r.counts) == 0:
		v.Counts = "nothing to change"
	default:
		parts := make([]string, 0, len(r.counts))
		for _, c := range r.counts {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.status))
		}
		v.Counts = strings.Join(parts, ", ")
	}
	return v
}

// ended says of each outcome what it means and how much that matters.
var ended = map[service.Outcome]struct {
	words string
	level level
}{
	service.Converged:   {"all as the roster says", fine},
	service.Incomplete:  {"something left undone or unread", problem},
	service.Refused:     {"a guard refused changes", problem},
	service.Invalid:     {"roster or configuration wrong", problem},
	service.Failed:      {"broke", problem},
	service.Interrupted: {"told to stop", notice},
	service.Overlapped:  {"did not begin: another run was under way", notice},
}

// state says how it is in words: what matters most as the title, what else there is to
// know at once after it. The lock is held.
func (m *Monitor) state() (worst level, title string, also []string) {
	type fact struct {
		level level
		text  string
	}
	var facts []fact
	say := func(l level, format string, args ...any) {
		facts = append(facts, fact{l, fmt.Sprintf(format, args...)})
	}
	if stuck := m.stuck(); stuck != "" {
		say(problem, "%s: rollcall is stuck", stuck)
	}
	switch {
	case m.last != nil:
		m.stateOfLast(func(l level, text string) { say(l, "%s", text) })
	case len(m.runs) > 0 && m.runs[0].outcome == service.Converged:
		say(fine, "The last run, before this process began, left all as the roster says")
	case len(m.runs) > 0:
		outcome := ended[m.runs[0].outcome]
		say(outcome.level, "The last run, before this process began: %s", outcome.words)
		say(notice, "What it found is not kept here: the next run says it again, and rollcall plan says it now")
	default:
		say(idle, "No run yet")
	}
	if m.last != nil && m.runs[0].outcome == service.Overlapped {
		say(notice, "A run did not begin, because another was still under way")
	}
	if m.doing == standing {
		// What this one found last may be long over.
		facts = []fact{{idle, "Standing by: another instance runs"}}
	}
	slices.SortStableFunc(facts, func(a, b fact) int { return int(b.level) - int(a.level) })
	for _, f := range facts[1:] {
		also = append(also, f.text)
	}
	return facts[0].level, facts[0].text, also
}

// stateOfLast says what the last run left.
func (m *Monitor) stateOfLast(say func(l level, text string)) {
	switch m.last.outcome {
	case service.Invalid:
		say(problem, "The roster or the configuration is wrong: nothing is done until it is mended")
	case service.Failed:
		say(problem, "The last run broke")
	case service.Interrupted:
		say(notice, "The last run was told to stop before it was done")
	case service.Converged, service.Incomplete, service.Refused, service.Overlapped:
	}
	f := m.found
	if f == nil {
		f = new(found)
	}
	if n := len(f.open); n > 0 {
		say(problem, few(n, "leaver still has access", "leavers still have access"))
	}
	if m.last.outcome == service.Refused {
		say(problem, "A guard refused changes: somebody has to look at them")
	}
	unread := 0
	for _, a := range m.provider {
		if a.planned && a.State != plan.Read {
			unread++
		}
	}
	if unread > 0 {
		say(problem, few(unread, "provider could not be read whole", "providers could not be read whole"))
	}
	if f.manyUnknown > 0 {
		say(problem, few(f.manyUnknown, "lookup has no answer, and nothing is done there", "lookups have no answer, and nothing is done there"))
	}
	if f.manyUndone > 0 {
		say(problem, few(f.manyUndone, "change is not done", "changes are not done"))
	}
	switch m.last.outcome {
	case service.Converged:
		say(fine, "All is as the roster says")
	case service.Incomplete:
		if len(f.open)+unread+f.manyUnknown+f.manyUndone == 0 {
			say(problem, "The last run could not do everything")
		}
	case service.Refused, service.Invalid, service.Failed, service.Interrupted, service.Overlapped:
	}
	if n := f.manyHeld; n > 0 {
		say(fine, few(n, "entry is held", "entries are held"))
	}
	if n := f.manyManual; n > 0 {
		say(fine, few(n, "step is left for a person", "steps are left for a person"))
	}
}

// few is a number with its noun.
func few(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// moment is a time as the page shows it; nil for none.
func (m *Monitor) moment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	local := t.In(m.zone)
	shown := &moment{Machine: local.Format(time.RFC3339), Clock: local.Format("Mon 2006-01-02 15:04:05 -07:00")}
	switch away := t.Sub(m.now()); {
	case away >= time.Second:
		shown.Away = "in " + span(away)
	case away > -time.Second:
		shown.Away = "now"
	default:
		shown.Away = span(-away) + " ago"
	}
	return shown
}

// at is moment for a time that there has to be.
func (m *Monitor) at(t time.Time) moment {
	if shown := m.moment(t); shown != nil {
		return *shown
	}
	return moment{Clock: "unknown"}
}

// span is a duration as people say it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0)
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		if minutes := d % time.Hour / time.Minute; minutes > 0 {
			return fmt.Sprintf("%d h %d min", d/time.Hour, minutes)
		}
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/day)
	}
}
