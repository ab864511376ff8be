package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/sources"
)

// Style is how a text is rendered; the zero value is plain.
type Style struct {
	Color bool
	// Allow is the digest of the plan whose limit on removals is lifted.
	Allow string
	// Applying says that the plan is about to be applied, so that its digest will
	// not be the next plan's.
	Applying bool
	// Command is the command that applies the plan, where it is a saved one.
	Command string
	// Program is how the program was called, with the flags that say for what, so that
	// a command that is shown does the same; empty is rollcall.
	Program string
}

func (s Style) program() string { return inert(cmp.Or(s.Program, "rollcall")) }

// ANSI colours of the text.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

func (s Style) paint(color, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return color + text + reset
}

// Text renders the plan for people: each user with a diff of YAML lines, then
// what is held and manual, the guards and the cost.
func (p *Plan) Text(style Style) string {
	t := text{style: style}
	t.line("%s", "ledger: "+p.ledgerLine())
	t.line("plan as of %s for %s%s", p.AsOf, listed(p.Roster.Files), p.scopeWords())
	if style.Allow == p.Digest {
		p = p.lifted()
	}
	for i := range p.Changes {
		t.change(&p.Changes[i])
	}
	if len(p.Held) > 0 {
		t.heading("held")
		t.allHeld(p.Held)
	}
	if len(p.Manual) > 0 {
		t.heading("manual: to be done by a person")
		for _, m := range p.Manual {
			t.manual(m)
		}
	}
	if len(p.Interrupted) > 0 {
		t.heading("under way when an earlier run ended")
		for _, i := range p.Interrupted {
			t.line("  %s %s: %s: %s now", inert(i.Provider), inert(i.Email), i.Action, inert(i.Found))
		}
	}
	if len(p.Scheduled) > 0 {
		t.heading("to be deleted, unless they come back")
		for _, s := range p.Scheduled {
			t.line("  %s %s%s on %s", inert(s.Provider), inert(s.Email), userID(s.UserID), s.On)
		}
	}
	if len(p.NotStarted) > 0 {
		t.heading("not started")
		for _, n := range p.NotStarted {
			t.line("  %s %s from %s", inert(n.Provider), inert(n.Email), n.From)
		}
	}
	t.footer(p)
	return t.String()
}

// lifting says how to lift the limit on removals: with the digest of this plan, or,
// when its other changes are about to be applied, of the one that comes after.
func (t *text) lifting(p *Plan) string {
	if t.style.Applying && p.Applicable("") > 0 {
		return "afterwards, run " + t.style.program() + " plan, and apply --allow with the digest that it shows"
	}
	command := t.style.Command
	if command == "" {
		command = t.style.program() + " apply"
		for _, name := range p.Scope.Providers {
			command += " --provider " + inert(ShellWord(name))
		}
		for _, email := range p.Scope.People {
			command += " --person " + inert(ShellWord(email))
		}
	}
	return command + " --allow " + p.Digest
}

// lifted is the plan without the marks of the limit on removals.
func (p *Plan) lifted() *Plan {
	lifted := *p
	lifted.Changes = slices.Clone(p.Changes)
	for i := range lifted.Changes {
		if lifted.Changes[i].Blocked == BlockedLimit {
			lifted.Changes[i].Blocked = ""
		}
	}
	lifted.Guards = nil
	lifted.Providers = slices.Clone(p.Providers)
	for i := range lifted.Providers {
		entry := &lifted.Providers[i]
		entry.Requests = 0
		for _, c := range lifted.Changes {
			if c.Provider == entry.Name && c.Blocked == "" {
				entry.Requests += c.Requests
			}
		}
	}
	return &lifted
}

func (p *Plan) ledgerLine() string {
	if p.Ledger == LedgerAbsent {
		return "absent (people deleted from the roster can not be recognised; say status: departed)"
	}
	return string(p.Ledger)
}

func (p *Plan) scopeWords() string {
	var words []string
	if len(p.Scope.Providers) > 0 {
		words = append(words, "provider "+listed(p.Scope.Providers))
	}
	if len(p.Scope.People) > 0 {
		words = append(words, "person "+listed(p.Scope.People))
	}
	if len(words) == 0 {
		return ""
	}
	return ", only " + strings.Join(words, " and ")
}

type text struct {
	strings.Builder
	style Style
}

// line adds a line. What a CI service would obey is shown as an escape: anybody's name
// may be such a text.
func (t *text) line(format string, args ...any) {
	// A strings.Builder takes everything.
	_, _ = t.WriteString(sources.WithoutCommands(fmt.Sprintf(format, args...)) + "\n")
}

func (t *text) heading(name string) {
	t.line("")
	t.line("%s", t.style.paint(bold, name))
}

// signs mark the actions, so that they can be told apart without colour.
var signs = map[Action]string{Create: "+", Update: "~", Adopt: "~", Restore: "+", Suspend: "-", Delete: "-"}

func (t *text) change(c *Change) {
	color := map[string]string{"+": green, "~": yellow, "-": red}[signs[c.Action]]
	t.line("")
	t.line("%s", t.style.paint(bold+color, fmt.Sprintf("%s %s: %s %s%s", signs[c.Action], inert(c.Provider), c.Action, inert(c.Email), userID(c.UserID))))
	for _, a := range c.Attributes {
		t.diff(a)
	}
	for _, o := range firstOrigins(c.Origin) {
		t.line("    %s", inert(o))
	}
	notes := []string{"cause: " + string(c.Cause)}
	if c.Since != "" {
		notes = append(notes, "open since "+c.Since)
	}
	for _, r := range c.Risks {
		notes = append(notes, "risk: "+string(r))
	}
	for _, e := range c.Effects {
		notes = append(notes, "effect: "+string(e))
	}
	t.line("    %s", strings.Join(notes, ", "))
	if c.Note != "" {
		t.line("    %s", inert(c.Note))
	}
	if len(c.Needs) > 0 {
		t.line("    needs %s", inert(listed(c.Needs)))
	}
	if c.Blocked != "" {
		t.line("    %s", t.style.paint(red, "refused: "+blockedBecause(c.Blocked)))
	}
}

// maxOrigins is how many places of one change the text names.
const maxOrigins = 3

func firstOrigins(origins []sources.Origin) []string {
	var lines []string
	for i, o := range origins {
		if i == maxOrigins {
			lines = append(lines, fmt.Sprintf("and %d more places", len(origins)-maxOrigins))
			break
		}
		line := "at " + o.String()
		if o.Team != "" {
			line += ", team " + o.Team
		}
		lines = append(lines, line)
	}
	return lines
}

// diff shows one attribute before and after, as YAML lines.
func (t *text) diff(a AttributeChange) {
	before, after := yamlLines(a.Name, a.Before), yamlLines(a.Name, a.After)
	for _, line := range diffLines(before, after) {
		color := map[byte]string{'-': red, '+': green}[line[0]]
		t.line("    %s", t.style.paint(color, strings.TrimRight(line, " ")))
	}
}

// maxUnread is how many unread people of one provider the text names.
const maxUnread = 5

// allHeld lists what is held. When a provider can not be read, everybody there is
// held for much the same reason: the text names some of them, and every leaver.
func (t *text) allHeld(held []Held) {
	unread := make(map[string]int)
	for _, h := range held {
		if h.Reason == HeldUnknown && !h.Leaver {
			if unread[h.Provider]++; unread[h.Provider] > maxUnread {
				continue
			}
		}
		t.held(h)
	}
	for _, provider := range slices.Sorted(maps.Keys(unread)) {
		if more := unread[provider] - maxUnread; more > 0 {
			t.line("  %s: and %d more who could not be read; --format json lists them", inert(provider), more)
		}
	}
}

func (t *text) held(h Held) {
	wanted := string(h.Wanted) + " is held"
	if h.Wanted == "" {
		wanted = "is held"
	}
	t.line("  %s %s%s: %s (%s): %s%s", inert(h.Provider), inert(h.Email), userID(h.UserID), wanted, h.Reason, inert(h.Detail), leaverMark(h.Leaver, h.Since))
	for _, a := range h.Attributes {
		t.diff(a)
	}
	if h.Remedy != "" {
		t.line("      %s", inert(h.Remedy))
	}
}

func (t *text) manual(m Manual) {
	t.line("  [ ] %s %s%s: %s%s", inert(m.Provider), inert(m.Email), userID(m.UserID), inert(m.What), leaverMark(m.Leaver, m.Since))
	t.line("      %s", inert(m.Why))
}

func because(cause string) string {
	if cause == "" {
		return ""
	}
	return " (" + inert(cause) + ")"
}

func userID(id string) string {
	if id == "" {
		return ""
	}
	return " (" + inert(id) + ")"
}

func leaverMark(leaver bool, since string) string {
	switch {
	case !leaver:
		return ""
	case since == "":
		return " [a leaver: he still has access]"
	default:
		return " [a leaver: he still has access, since " + since + "]"
	}
}

// footer says what the guards found, what it costs, and the sum of it all.
func (t *text) footer(p *Plan) {
	t.line("")
	for _, g := range p.Guards {
		switch {
		case g.Tripped && g.Guard == guardRosterName:
			t.line("%s", t.style.paint(red, fmt.Sprintf("%s: the roster has %d of the %s that it had there when it was applied last: nobody who is gone from it is removed. If all are right: %s", inert(g.Provider), g.Figure, countPeople(g.Base), t.lifting(p))))
		case g.Tripped:
			t.line("%s", t.style.paint(red, fmt.Sprintf("%s: %s, but the limit is %d for the %s found there: none of them is done. If all are right: %s", inert(g.Provider), count(g.Figure, "removal"), g.Limit, count(g.Base, "user"), t.lifting(p))))
		}
	}
	for _, provider := range p.Providers {
		if provider.State != Read {
			t.line("%s", t.style.paint(red, fmt.Sprintf("%s: %s%s; whoever could not be read is neither created nor removed", inert(provider.Name), provider.State, because(provider.Error))))
		}
		if cost := costOf(provider); cost != "" {
			t.line("%s: %s", inert(provider.Name), cost)
		}
		if unarmed := unarmedLine(provider); unarmed != "" {
			t.line("%s: %s", inert(provider.Name), unarmed)
		}
		if provider.Kept > 0 {
			t.line("%s: %s with access, as onLeave: keep says", inert(provider.Name), count(provider.Kept, "leaver"))
		}
	}
	if open := p.Open(); len(open) > 0 {
		t.line("%s", t.style.paint(red, fmt.Sprintf("%s still with access, whom this plan can not remove", count(len(open), "leaver"))))
	}
	t.line("%s", t.style.paint(bold, p.Summary()))
	if len(p.Changes) > 0 {
		t.line("digest %s", p.Digest)
	}
	if t.style.Command != "" && !t.style.Applying {
		t.line("saved; to apply it: %s", inert(t.style.Command))
	}
}

// costOf says what the provider was asked for the plan, and what applying will cost.
func costOf(provider ProviderState) string {
	var parts []string
	if provider.Reads > 0 {
		read := "read with " + count(provider.Reads, "request")
		switch provider.Lookup {
		case sources.LookupList:
			read += ", as one list"
		case sources.LookupLedger:
			read += ", by the ids that the ledger has"
		case sources.LookupSearch, sources.LookupAuto:
		}
		parts = append(parts, read)
	}
	if provider.Requests > 0 {
		parts = append(parts, fmt.Sprintf("%s to apply, at least %d s at its rate", count(provider.Requests, "request"), provider.Seconds))
	}
	return strings.Join(parts, "; ")
}

// Summary is the plan in one line.
func (p *Plan) Summary() string {
	actions := make(map[Action]int)
	effects := make(map[Effect]int)
	unchanged := 0
	for _, c := range p.Changes {
		actions[c.Action]++
		for _, e := range c.Effects {
			effects[e]++
		}
	}
	for _, provider := range p.Providers {
		unchanged += provider.Unchanged
	}
	head := "nothing to change"
	if len(p.Changes) > 0 {
		var parts []string
		for _, action := range []Action{Create, Adopt, Update, Restore, Suspend, Delete} {
			if n := actions[action]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d to %s", n, action))
			}
		}
		head = strings.Join(parts, ", ")
	}
	if n := effects[EffectInvite]; n > 0 {
		head += fmt.Sprintf(" (%s to be sent)", count(n, "mail"))
	}
	if n := effects[EffectBillable]; n > 0 {
		head += fmt.Sprintf(" (%d may be charged for)", n)
	}
	return fmt.Sprintf("%s; %d held, %d manual, %d unchanged", head, len(p.Held), len(p.Manual), unchanged)
}

// Text renders how an apply ended: what did not end well, change by change, and
// the sum.
func (r *Result) Text(style Style) string {
	t := text{style: style}
	for _, c := range r.Changes {
		if c.Status == Applied && c.Error == "" {
			continue
		}
		color := red
		if c.Status == Already || c.Status == Applied {
			color = yellow
		}
		line := fmt.Sprintf("%s: %s %s %s%s", c.Status, inert(c.Provider), c.Action, inert(c.Email), userID(c.UserID))
		if c.Error != "" {
			line += ": " + inert(c.Error)
		}
		t.line("%s", t.style.paint(color, line))
	}
	for _, o := range r.Open {
		t.line("%s", t.style.paint(red, fmt.Sprintf("open: %s %s%s still has access%s: %s", inert(o.Provider), inert(o.Email), userID(o.UserID), sinceWords(o.Since), inert(o.Reason))))
	}
	var parts []string
	for _, status := range []Status{Applied, Already, Stale, Failed, Unknown, Skipped, Refused} {
		if n := r.Count(status); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	if len(parts) > 0 {
		t.line("%s", t.style.paint(bold, strings.Join(parts, ", ")))
	}
	return t.String()
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sinceWords say since which day, if that is known.
func sinceWords(day string) string {
	if day == "" {
		return ""
	}
	return ", since " + day
}

func countPeople(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func listed(names []string) string { return inert(strings.Join(names, ", ")) }
