package notify

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"rollcall/cmd/rollcall/internal/service"
)

// Format is the version of the JSON that the webhook is sent.
const Format = "rollcall.notification/1"

// The events.
const (
	RunFailed  = "run.failed"  // a run broke, was invalid, or left something undone
	RunRefused = "run.refused" // a guard refused
	LeaverOpen = "leaver.open" // leavers keep access for longer than openFor
	Quiet      = "quiet"       // no run has succeeded for longer than quietFor
	Recovered  = "recovered"   // all is well again
)

// What one notification holds at most.
const (
	maxProblems   = 20
	maxLeavers    = 50
	maxSlackLines = 10
	maxSlack      = 3000 // characters; Slack itself cuts at 40,000
)

// A body is a notification as JSON. Its schema is notification.schema.json.
type body struct {
	Format        string         `json:"format"`
	ID            string         `json:"id"`
	Event         string         `json:"event"`
	Time          string         `json:"time"`
	Instance      string         `json:"instance,omitempty"`
	Summary       string         `json:"summary"`
	Repeated      bool           `json:"repeated"`
	Since         string         `json:"since,omitempty"`
	Run           *runBody       `json:"run,omitempty"`
	Providers     []providerBody `json:"providers"`
	Counts        *countsBody    `json:"counts,omitempty"`
	Problems      []string       `json:"problems"`
	ProblemsTotal int            `json:"problemsTotal"`
	Leavers       []leaverBody   `json:"leavers"`
	LeaversTotal  int            `json:"leaversTotal"`
}

type runBody struct {
	Tick    string `json:"tick,omitempty"`
	Began   string `json:"began"`
	Ended   string `json:"ended"`
	Outcome string `json:"outcome"`
	Exit    int    `json:"exit"`
	Commit  string `json:"commit,omitempty"`
}

type providerBody struct {
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
	Error string `json:"error,omitempty"`
}

type countsBody struct {
	Applied int `json:"applied"`
	Already int `json:"already"`
	Stale   int `json:"stale"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	Skipped int `json:"skipped"`
	Refused int `json:"refused"`
	Held    int `json:"held"`
	Manual  int `json:"manual"`
	Open    int `json:"open"`
}

type leaverBody struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	Since    string `json:"since,omitempty"`
	Reason   string `json:"reason"`
}

// receivers are those who get notifications.
func (n *Notifier) receivers() []*target {
	var to []*target
	for _, t := range n.targets {
		if t.name != Heartbeat && n.address(t) != "" {
			to = append(to, t)
		}
	}
	return to
}

// tell sends a notification to everybody who is to get them, and reports whether there is
// anybody. of is the run that it is about, and about what is wrong; nil is none.
func (n *Notifier) tell(event string, of *view, since time.Time, repeated bool, about *condition) bool {
	to := n.receivers()
	if len(to) == 0 || n.closed {
		return false
	}
	b := n.compose(event, of, since, repeated)
	told := &news{about: about, pending: len(to)}
	if about != nil {
		about.last = told
	}
	for _, t := range to {
		payload := encode(b)
		if t.name == Slack {
			payload = encode(map[string]string{"text": slackText(b)})
		}
		n.enqueue(t, &delivery{id: b.ID, event: event, payload: payload, news: told})
	}
	return true
}

// newID names a notification.
func newID() string { return rand.Text() }

func (n *Notifier) compose(event string, of *view, since time.Time, repeated bool) *body {
	now := n.now()
	late := n.overdue(now)
	b := &body{
		Format: Format, ID: newID(), Event: event, Time: stamp(now), Instance: n.clean(n.options.Instance, shortText),
		Repeated: repeated, Since: stamp(since),
		Providers: []providerBody{}, Problems: []string{}, Leavers: []leaverBody{}, LeaversTotal: len(late),
	}
	if of != nil {
		run := of.run
		b.Run, b.Providers, b.Counts, b.ProblemsTotal = &run, of.providers, of.counts, len(of.problems)
		b.Problems = append(b.Problems, of.problems[:min(len(of.problems), maxProblems)]...)
	}
	for _, l := range late[:min(len(late), maxLeavers)] {
		b.Leavers = append(b.Leavers, leaverBody{Provider: l.provider, Email: l.email, Since: l.since, Reason: l.reason})
	}
	b.Summary = n.summary(b, since, now)
	return b
}

// summary is what a person reads first.
func (n *Notifier) summary(b *body, since, now time.Time) string {
	text := ""
	switch b.Event {
	case RunRefused:
		text = "a guard refused what " + theRun(b.Run) + " was to do" + first(b.Problems, b.ProblemsTotal) + "; the rest was done as far as it could be"
	case LeaverOpen:
		text = number(b.LeaversTotal, "leaver has", "leavers have") + " kept access for " + span(n.settings.OpenFor) + " or longer"
		if len(b.Leavers) > 0 {
			l := b.Leavers[0]
			name := l.Email + " at " + l.Provider
			if l.Since != "" {
				name += " since " + l.Since
			}
			text += first([]string{name}, b.LeaversTotal)
		}
	case Quiet:
		text = "no run has succeeded since " + minute(since) + ", for " + span(now.Sub(since)) + ": see whether rollcall can reach its roster and its vendors"
		if b.Run == nil {
			text = "no run has succeeded since " + minute(since) + ", for " + span(now.Sub(since)) + ", and none has ended since this instance began"
		}
	case Recovered:
		text = "all is well again: " + theRun(b.Run) + " left nothing undone"
		if b.Counts != nil && b.Counts.Open > 0 {
			text = "all is well again: " + theRun(b.Run) + " did all that it could; " + number(b.Counts.Open, "leaver has", "leavers have") + " access still"
		}
	default:
		text = theRun(b.Run) + " " + cmp.Or(failing[b.Run.Outcome], "ended as "+b.Run.Outcome) + first(b.Problems, b.ProblemsTotal)
	}
	if b.Repeated {
		return "Still: " + text + "."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// failing says how a run ended that did not succeed.
var failing = map[string]string{
	string(service.Failed): "broke", string(service.Invalid): "did nothing, since roster or configuration is wrong",
	string(service.Incomplete): "left something undone",
}

func theRun(r *runBody) string {
	at := r.Tick
	if at == "" {
		at = r.Began
	}
	if t, err := time.Parse(time.RFC3339, at); err == nil {
		return "the run of " + minute(t)
	}
	return "the run"
}

// first names the first of some things and how many more there are.
func first(things []string, total int) string {
	if len(things) == 0 {
		return ""
	}
	text := ": " + strings.TrimRight(things[0], ".")
	if total > 1 {
		text += fmt.Sprintf(" (and %d more)", total-1)
	}
	return text
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span is a duration for people.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return number(int(d/(24*time.Hour)), "day", "days")
	case d >= time.Hour:
		return number(int(d/time.Hour), "hour", "hours")
	default:
		return number(int(d/time.Minute), "minute", "minutes")
	}
}

// encode writes a value of this package as JSON; they marshal without fail.
func encode(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // unreachable: every value is of encoding/json's own types
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

var titles = map[string]string{
	RunFailed: "a run failed", RunRefused: "a guard refused", LeaverOpen: "leavers keep access", Quiet: "nothing succeeds", Recovered: "all is well again",
}

// slackText is a notification in Slack's mrkdwn.
func slackText(b *body) string {
	head := "*rollcall: " + titles[b.Event] + "*"
	if b.Instance != "" {
		head += " (" + slackEscape(b.Instance) + ")"
	}
	lines := []string{head, slackEscape(b.Summary)}
	list := func(items []string, total int) {
		shown := items[:min(len(items), maxSlackLines)]
		for _, item := range shown {
			lines = append(lines, "• "+slackEscape(item))
		}
		if more := total - len(shown); more > 0 {
			lines = append(lines, fmt.Sprintf("• and %d more", more))
		}
	}
	switch b.Event {
	case RunFailed, RunRefused:
		if b.ProblemsTotal > 1 {
			list(b.Problems, b.ProblemsTotal)
		}
	case LeaverOpen:
		var leavers []string
		for _, l := range b.Leavers {
			leavers = append(leavers, l.Email+" at "+l.Provider+": "+l.Reason)
		}
		list(leavers, b.LeaversTotal)
	}
	text := ""
	for i, line := range lines {
		if i > 0 {
			line = "\n" + line
		}
		// What does not fit is left out line by line, so that no escape is cut in two.
		if len([]rune(text+line)) > maxSlack-2 {
			text += "\n…"
			break
		}
		text += line
	}
	return text
}

// mention is what those like Slack take for everybody without any markup; link is what
// they take for a link with a text of its own.
var mention = regexp.MustCompile(`(?i)@(channel|here|everyone|all)\b`)

var slackMarkup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "](", "]\u200b(")

// slackEscape makes a text one that mentions nobody, links nowhere and is all shown.
func slackEscape(text string) string {
	return mention.ReplaceAllString(slackMarkup.Replace(text), "@\u200b$1")
}
