package notify

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
)

// How long the texts of a notification are at most, in characters.
const (
	longText  = 500
	shortText = 320 // which an address fits in
)

// A view is what there is to tell of a run, harmless and without a secret.
type view struct {
	run       runBody
	ended     time.Time
	event     string // where it did not succeed
	succeeded bool
	providers []providerBody
	counts    *countsBody
	problems  []string
	// problemKeys tell the problems from those of another run.
	problemKeys map[string]bool
	leavers     []leaver // those of longest first
}

// A leaver still has access.
type leaver struct {
	who
	since  string    // the day, where the ledger knows it
	from   time.Time // the begin of that day
	reason string
	key    string // tells him and why from others
}

// examine finds what there is to tell of a run.
func (n *Notifier) examine(r *service.Report) *view {
	r.Ended = cmp.Or(r.Ended, n.now())
	if !slices.Contains(service.Outcomes, r.Outcome) {
		r.Outcome = service.Failed
	}
	v := &view{
		run: runBody{
			Tick: stamp(r.Tick), Began: stamp(cmp.Or(r.Began, r.Ended)), Ended: stamp(r.Ended),
			Outcome: string(r.Outcome), Exit: min(max(r.Exit, 0), 255), Commit: n.clean(r.Commit, shortText),
		},
		ended: r.Ended.Round(0), event: RunFailed, problemKeys: make(map[string]bool),
	}
	if r.Outcome == service.Refused {
		v.event = RunRefused
	}
	v.providers = n.providers(r)
	if r.Result != nil {
		v.counts = count(r.Result)
		v.leavers = n.openLeavers(r.Result.Open)
	}
	if r.Outcome != service.Converged {
		n.findProblems(v, r)
	}
	v.succeeded = r.Outcome == service.Converged || r.Outcome == service.Incomplete && r.Plan != nil && r.Result != nil && len(v.problems) == 0
	if !v.succeeded && len(v.problems) == 0 {
		v.add(string(r.Outcome), "it ended as "+string(r.Outcome)+" and said nothing more")
	}
	return v
}

// add adds a problem, unless it is there already.
func (v *view) add(key, text string) {
	if key = sameness(key); !v.problemKeys[key] {
		v.problemKeys[key] = true
		v.problems = append(v.problems, text)
	}
}

// findProblems lists what went wrong, the worst first. Open leavers are none: they are
// told when they have been open for long.
func (n *Notifier) findProblems(v *view, r *service.Report) {
	whole := func(text string) {
		if text = n.clean(text, longText); text != "" {
			v.add(text, text)
		}
	}
	whole(r.Error)
	if r.Result != nil {
		whole(r.Result.Error)
	}
	// Beside a plan they are warnings, and its place tells a mistake from another.
	if r.Plan == nil || r.Outcome == service.Invalid {
		for _, problem := range r.Problems {
			if text := n.clean(problem, longText); text != "" {
				v.add(exact(text), text)
			}
		}
	}
	if r.Plan != nil {
		n.findUnread(v, r.Plan)
	}
	if r.Result == nil {
		return
	}
	blocked := make(map[string]plan.Block)
	if r.Plan != nil {
		for _, c := range r.Plan.Changes {
			blocked[c.ID] = c.Blocked
		}
	}
	for _, c := range r.Result.Changes {
		if c.Status == plan.Applied || c.Status == plan.Already || r.Result.Interrupted && c.Status == plan.Skipped {
			continue
		}
		provider, email := n.clean(c.Provider, shortText), n.clean(c.Email, shortText)
		text := fmt.Sprintf("%s: %s of %s: %s", provider, n.clean(string(c.Action), shortText), email, n.clean(string(c.Status), shortText))
		why := n.clean(cmp.Or(c.Error, string(blocked[c.ID])), longText)
		if why != "" {
			text += ": " + why
		}
		v.add(strings.Join([]string{exact(provider), exact(email), string(c.Action), string(c.Status), why}, " "), text)
	}
}

// findUnread lists the guards that tripped, and what could not be read.
func (n *Notifier) findUnread(v *view, p *plan.Plan) {
	for _, g := range p.Guards {
		if g.Tripped {
			name := n.clean(g.Provider, shortText)
			guard := n.clean(g.Guard, shortText)
			v.add("guard "+exact(name)+" "+guard, fmt.Sprintf("%s: the guard %s tripped: %d where %d are allowed", name, guard, g.Figure, g.Limit))
		}
	}
	for _, provider := range p.Providers {
		name := n.clean(provider.Name, shortText)
		why := n.clean(provider.Error, longText)
		switch provider.State {
		case plan.Read:
			continue
		case plan.Partial:
			v.add("partial "+exact(name)+" "+why, strings.TrimSuffix(name+": not everything could be read: "+why, ": "))
		default:
			v.add("unread "+exact(name)+" "+why, strings.TrimSuffix(name+": could not be read: "+why, ": "))
		}
	}
	unknown := make(map[string]int)
	for _, h := range p.Held {
		if h.Reason == plan.HeldUnknown {
			unknown[h.Provider]++
		}
	}
	for _, h := range p.Held {
		if people := unknown[h.Provider]; h.Reason == plan.HeldUnknown && people > 0 {
			delete(unknown, h.Provider)
			name := n.clean(h.Provider, shortText)
			v.add("unknown "+exact(name), fmt.Sprintf("%s: %s could not be looked up; the first is %s: %s", name, number(people, "person", "people"), n.clean(h.Email, shortText), n.clean(h.Detail, longText)))
		}
	}
}

func (n *Notifier) providers(r *service.Report) []providerBody {
	providers := []providerBody{}
	if r.Plan == nil {
		for _, name := range r.Providers {
			providers = append(providers, providerBody{Name: n.clean(name, shortText)})
		}
		return providers
	}
	for _, p := range r.Plan.Providers {
		body := providerBody{Name: n.clean(p.Name, shortText), Error: n.clean(p.Error, longText)}
		switch p.State {
		case plan.Read, plan.Partial, plan.Unread:
			body.State = string(p.State)
		}
		providers = append(providers, body)
	}
	return providers
}

func count(r *plan.Result) *countsBody {
	return &countsBody{
		Applied: r.Count(plan.Applied), Already: r.Count(plan.Already), Stale: r.Count(plan.Stale), Failed: r.Count(plan.Failed),
		Unknown: r.Count(plan.Unknown), Skipped: r.Count(plan.Skipped), Refused: r.Count(plan.Refused),
		Held: len(r.Held), Manual: len(r.Manual), Open: len(r.Open),
	}
}

func (n *Notifier) openLeavers(open []plan.Open) []leaver {
	leavers := make([]leaver, 0, len(open))
	for _, o := range open {
		l := leaver{who: who{n.clean(o.Provider, shortText), n.clean(o.Email, shortText)}, reason: n.clean(o.Reason, longText)}
		// The day is told too early rather than too late: since its begin.
		if day, err := time.Parse(time.DateOnly, o.Since); err == nil {
			l.since, l.from = o.Since, day
		}
		l.key = sameness(strings.Join([]string{exact(l.provider), exact(l.email), l.reason}, " "))
		leavers = append(leavers, l)
	}
	slices.SortStableFunc(leavers, func(a, b leaver) int {
		return cmp.Or(
			strings.Compare(cmp.Or(a.since, "9999"), cmp.Or(b.since, "9999")),
			strings.Compare(a.provider, b.provider), strings.Compare(a.email, b.email),
		)
	})
	return leavers
}

// clean makes a text from outside fit to be sent: on one line, with nothing that could
// move a cursor or turn the direction, without a secret, and not longer than most
// characters.
func (n *Notifier) clean(text string, most int) string {
	// What is cut off is cut off last: half a secret would not be known as one.
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), unicode.Is(unicode.Bidi_Control, r):
			return utf8.RuneError
		default:
			return r
		}
	}, n.options.Secrets.Redact(text))
	text = strings.TrimSpace(n.options.Secrets.Redact(text))
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most-1]) + "…"
	}
	return text
}

// numbered are words with a digit: times, counts, ids of requests.
var numbered = regexp.MustCompile(`[0-9A-Za-z_.:+-]*[0-9][0-9A-Za-z_.:+-]*`)

// statusCode is what a number may be that says what is wrong.
var statusCode = regexp.MustCompile(`^[1-5][0-9]{2}$`)

// sameness is a text without what differs each time that the same happens.
func sameness(text string) string {
	return numbered.ReplaceAllStringFunc(text, func(word string) string {
		if statusCode.MatchString(strings.Trim(word, ".:")) {
			return word
		}
		return "#"
	})
}

// exact writes a text so that sameness leaves it as it is.
func exact(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'ａ' + r - '0'
		}
		return r
	}, text)
}

// stamp is a time as it is written; empty where there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
