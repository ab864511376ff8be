package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/sources"
)

// Text renders the explanation for people: for each provider first what is to
// happen, then the roster, the lookup, the attributes, the plan's entry and the
// guards that led there.
func (x *Explanation) Text(style Style) string {
	t := text{style: style}
	if place := x.Person.Origin.String(); place != "" {
		t.line("%s at %s", inert(x.Person.Email), inert(place))
	} else {
		t.line("%s: not in the roster any more, but in the ledger", inert(x.Person.Email))
	}
	if len(x.Person.PreviousEmails) > 0 {
		t.line("previous emails: %s", listed(x.Person.PreviousEmails))
	}
	if len(x.Person.Teams) > 0 {
		t.line("teams: %s", listed(x.Person.Teams))
	}
	t.line("as of %s", x.AsOf)
	for i := range x.Parts {
		t.part(&x.Parts[i])
	}
	if len(x.Parts) == 0 {
		t.line("")
		t.line("The roster gives this person access nowhere%s: no team and no block has any.", at(x.Nowhere))
		t.line("Nobody is looked up and nothing is changed. To end access that is left from earlier, write status: departed.")
		return t.String()
	}
	for _, name := range x.Nowhere {
		t.line("")
		t.line("%s: nothing: the roster gives no access there, so nobody is looked up and nothing is changed", inert(name))
	}
	return t.String()
}

// at names the providers that an explanation is narrowed to.
func at(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + listed(names) + ")"
}

func (t *text) part(part *ExplainedPart) {
	color, headline := part.headline()
	t.line("")
	t.line("%s", t.style.paint(bold+color, inert(part.Access.Provider)+": "+headline))
	t.section("roster", part.rosterLines())
	t.section("ledger", part.ledgerLines())
	t.section("looked up"+part.lookupWords(), part.lookupLines())
	t.section("attributes", part.attributeLines(t.style))
	t.section("plan", part.planLines(t.style))
	t.section("guards", part.guardLines(t.style))
}

// section prints lines that belong together, if there are any.
func (t *text) section(name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.line("  %s", t.style.paint(bold, name))
	for _, line := range lines {
		t.line("    %s", line)
	}
}

// headline is what is to happen, and why, in one line.
func (part *ExplainedPart) headline() (color, words string) {
	state := part.Access.State
	switch c := part.Change; {
	case c != nil && c.Blocked != "":
		return red, fmt.Sprintf("%s%s is refused: %s", c.Action, userID(c.UserID), blockedBecause(c.Blocked))
	case c != nil:
		words = fmt.Sprintf("%s%s, because %s", c.Action, userID(c.UserID), part.because())
		if len(part.Held)+len(part.Manual) > 0 {
			words += "; not all of it can be done"
		}
		return map[string]string{"+": green, "~": yellow, "-": red}[signs[c.Action]], words
	case len(part.Held) > 0:
		return yellow, fmt.Sprintf("held (%s): nothing is done%s", part.Held[0].Reason, part.leaverWords())
	case len(part.Manual) > 0:
		return yellow, "manual: for a person to do" + part.leaverWords()
	case state == sources.NotStarted:
		return "", "nothing yet: access begins on " + part.Access.Starts
	case !part.Provider.needsLookup(part.Access):
		return yellow, "nothing: access has ended, and onLeave: keep leaves it"
	case part.Observation.Finding == providers.Absent && state == sources.Vanished:
		return "", "nothing to do: access has ended, and the user whom the ledger has is gone"
	case part.Observation.Finding == providers.Absent:
		return "", "nothing to do: access has ended, and nobody there has such an address"
	case state.Leaver():
		return "", "nothing to do: access has ended, and the user is suspended already"
	default:
		return "", "nothing to do: everything is as the roster wants it"
	}
}

func (part *ExplainedPart) leaverWords() string {
	if part.Access.State.Leaver() {
		return ", and access that has ended is still there"
	}
	return ""
}

// because is why there is a change.
func (part *ExplainedPart) because() string {
	switch part.Change.Action {
	case Create:
		return "nobody there has such an address"
	case Suspend, Delete:
		switch part.Access.State {
		case sources.Expired:
			return "access has ended"
		case sources.Vanished:
			return "the roster does not have this person there any more"
		default:
			return "the roster says " + string(part.Access.State)
		}
	case Restore:
		return "the user is suspended and is to have access"
	case Update:
	}
	names := make([]string, len(part.Change.Attributes))
	for i, a := range part.Change.Attributes {
		names[i] = a.Name
	}
	if len(names) == 1 {
		return inert(names[0]) + " differs"
	}
	return inert(strings.Join(names[:len(names)-1], ", ")+" and "+names[len(names)-1]) + " differ"
}

// rosterLines say what the person's state is, and which lines say so.
func (part *ExplainedPart) rosterLines() []string {
	access := part.Access
	lines := []string{string(access.State)}
	switch access.State {
	case sources.Departed, sources.Suspended:
		return []string{fmt.Sprintf("%s, by status: %s (%s)", access.State, access.State, placeWords(access.Origins[0]))}
	case sources.Expired:
		if access.Returns != "" {
			lines[0] += ", until access begins again on " + access.Returns
		}
	case sources.Vanished:
		lines[0] += ": nothing in it gives this person access there any more"
	case sources.NotStarted:
		lines[0] += ": access begins on " + access.Starts
	case sources.Active:
	}
	for _, block := range part.Blocks {
		line := "own block"
		if block.Origin.Team != "" {
			line = "team " + block.Origin.Team
		}
		line += " (" + block.Origin.String() + ")"
		if block.From != "" {
			line += ", from " + block.From + " (" + block.FromOrigin.String() + ")"
		}
		if block.Until != "" {
			line += ", until " + block.Until + " (" + block.UntilOrigin.String() + ")"
		}
		if !block.Counts {
			line += ": does not count now"
		}
		lines = append(lines, inert(line))
	}
	return lines
}

// lookupWords say how users are found there.
func (part *ExplainedPart) lookupWords() string {
	switch part.Provider.Config.Lookup {
	case sources.LookupList:
		return " in one list of all users"
	case sources.LookupLedger:
		return " by the ledger, and not searched for"
	case sources.LookupSearch, sources.LookupAuto:
	}
	return ""
}

// lookupLines say how the user was looked for, and what was answered.
func (part *ExplainedPart) lookupLines() []string {
	if !part.Provider.needsLookup(part.Access) {
		return []string{"not at all: whatever there is, nothing is to be done"}
	}
	var lines []string
	for _, step := range part.Observation.Steps {
		by := part.by(step)
		if part.Provider.Config.Lookup == sources.LookupList && step.By == providers.ByAddress && !step.InList {
			by = "searched for too, " + by
		}
		if step.By == providers.ByLedger {
			lines = append(lines, inert(byLedger(step)))
			continue
		}
		if step.Second {
			by = "in a second list too, " + by
		}
		lines = append(lines, inert(by+": "+answer(step)))
	}
	switch part.Observation.Finding {
	case providers.Absent:
		lines = append(lines, "so it is proven that there is no such user")
	case providers.Ambiguous:
		lines = append(lines, "so it is not settled who is this person")
	case providers.Unknown, "":
		lines = append(lines, "so it is not known whether there is such a user")
	case providers.Found:
	}
	return lines
}

// by names what a step looked for, and where the roster has it.
func (part *ExplainedPart) by(step providers.Step) string {
	access := part.Access
	switch {
	case step.By == providers.ByPin:
		return fmt.Sprintf("by userID %s (%s)", step.Value, access.PinOrigin())
	case step.By == providers.ByKnownID:
		return fmt.Sprintf("by the id that the ledger has, %s", step.Value)
	case step.By == providers.ByOwnID:
		return fmt.Sprintf("by the id that a create gives, %s", step.Value)
	case step.By == providers.ByFoundID && len(step.Unshown) > 0:
		names, were := unshown(step), "was"
		if len(names) > 1 {
			were = "were"
		}
		return fmt.Sprintf("once more by id %s, because %s %s not shown", step.Value, strings.Join(names, " and "), were)
	case step.By == providers.ByFoundID:
		return fmt.Sprintf("once more by id %s, because not everything was shown that says who it is", step.Value)
	case access.State == sources.Vanished:
		return fmt.Sprintf("by email %s, which the ledger has", step.Value)
	case sources.SameEmail(step.Value, access.Email):
		return fmt.Sprintf("by email %s (%s)", step.Value, access.EmailOrigin())
	case sources.SameEmail(step.Value, access.Person.Email):
		return fmt.Sprintf("by email %s (%s)", step.Value, access.Person.Origin)
	default:
		return fmt.Sprintf("by previous email %s (%s)", step.Value, access.Person.PreviousOrigin(step.Value))
	}
}

// byLedger says what the ledger's word is worth, where nobody is searched for.
func byLedger(step providers.Step) string {
	if step.Err != nil {
		return "the ledger proves nothing: " + step.Err.Error()
	}
	return "the ledger has nobody of this name, and its word is taken"
}

// unshown names what had not been shown before a step, each once.
func unshown(step providers.Step) []string {
	return slices.Compact(slices.Sorted(slices.Values(step.Unshown)))
}

// answer is what a step was answered.
func answer(step providers.Step) string {
	names := make([]string, len(step.Users))
	for i, user := range step.Users {
		names[i] = fmt.Sprintf("%s (%s)", user.ID, cmp.Or(user.Email, "no address is shown"))
	}
	switch {
	case errors.Is(step.Err, providers.ErrAbsent):
		return "unknown there"
	case step.By == providers.ByOwnID && providers.NotOpen(step.Err):
		return "no user, which proves nothing by itself: " + step.Err.Error()
	case step.Err != nil:
		return "no answer to rely on: " + step.Err.Error()
	case len(names) == 0:
		return "nobody"
	case step.By != providers.ByAddress && step.Users[0].ID != step.Value:
		return "answered another user, " + names[0]
	case step.By == providers.ByFoundID:
		hidden := slices.DeleteFunc(unshown(step), func(name string) bool { return step.Users[0].Attributes[name].Shown })
		if len(hidden) > 0 {
			return "answered, and " + notShown(hidden) + " either"
		}
		return "answered"
	case step.Others > 0:
		return fmt.Sprintf("found %s, and %s with other addresses", strings.Join(names, ", "), count(step.Others, "user"))
	default:
		return "found " + strings.Join(names, ", ")
	}
}

// prominence orders the verdicts for people: what asks for something first.
var prominence = []Verdict{Differs, ByHand, NotSendable, NotShown, NotSettled, Sent, SentAfter, NotSent, AtCreate, Removed, AsWanted, Kept, LeftAlone}

// attributeLines compare the attributes, what is to be changed first.
func (part *ExplainedPart) attributeLines(style Style) []string {
	sorted := slices.Clone(part.Compared)
	slices.SortStableFunc(sorted, func(a, b Compared) int {
		return cmp.Compare(slices.Index(prominence, a.Verdict), slices.Index(prominence, b.Verdict))
	})
	var lines []string
	for _, c := range sorted {
		head := fmt.Sprintf("%s: %s", inert(c.Name), c.Verdict)
		switch c.Verdict {
		case Differs, ByHand, NotShown:
			lines = append(lines, style.paint(yellow, head), "  wanted: "+valueWords(c.Wanted)+part.place(c))
			lines = append(lines, c.places("    ")...)
			if c.Live.Shown {
				lines = append(lines, "  there:  "+valueWords(c.Live.Data))
			}
		case LeftAlone, Kept, Removed:
			lines = append(lines, head+": "+valueWords(c.Live.Data))
		default:
			lines = append(lines, head+": "+valueWords(c.Wanted)+part.place(c))
			lines = append(lines, c.places("  ")...)
		}
	}
	return lines
}

func valueWords(data any) string {
	if data == nil {
		return "empty"
	}
	return inline(data)
}

// place is where a value comes from, when it is one place.
func (part *ExplainedPart) place(c Compared) string {
	switch {
	case len(c.Given) == 1:
		return " (" + placeWords(c.Given[0].Origin) + ")"
	case len(c.Given) > 1:
		return ""
	case part.Access.State.Leaver():
		return " (suspended)"
	default:
		return " (not suspended)"
	}
}

// places are where a value comes from, when they are several.
func (c *Compared) places(indent string) []string {
	if len(c.Given) < 2 {
		return nil
	}
	lines := make([]string, len(c.Given))
	for i, given := range c.Given {
		lines[i] = indent + valueWords(given.Data) + " (" + placeWords(given.Origin) + ")"
	}
	return lines
}

func placeWords(o sources.Origin) string {
	if o.Team != "" {
		return inert(o.String() + ", team " + o.Team)
	}
	return inert(o.String())
}

// planLines are the plan's own entries.
func (part *ExplainedPart) planLines(style Style) []string {
	change, others := text{style: style}, text{style: style}
	if part.Change != nil {
		change.change(part.Change)
	}
	for _, h := range part.Held {
		others.held(h)
	}
	for _, m := range part.Manual {
		others.manual(m)
	}
	var lines []string
	for line := range strings.Lines(strings.TrimPrefix(change.String(), "\n")) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	for line := range strings.Lines(others.String()) {
		lines = append(lines, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "  "))
	}
	return lines
}

// guardLines say what each guard makes of what is planned.
func (part *ExplainedPart) guardLines(style Style) []string {
	if part.Change == nil && len(part.Held) == 0 {
		return nil
	}
	lines := []string{"protect: no pattern matches"}
	if part.Protected != "" {
		lines[0] = style.paint(red, inert(fmt.Sprintf("protect: %s matches, so nothing is changed", part.Protected)))
	}
	switch unarmed := unarmedLine(ProviderState{Unarmed: part.Unarmed}); {
	case part.Kept != "":
		lines = append(lines, style.paint(red, inert("own user and administrators: "+part.Kept)))
	case part.Change != nil && part.Change.removal() && unarmed != "":
		lines = append(lines, "own user and administrators: "+unarmed)
	case part.Change != nil && part.Change.removal():
		lines = append(lines, "own user and administrators: this is not the user whose credentials rollcall uses, nor the last administrator known")
	}
	mode := fmt.Sprintf("mode: %s lets it through", part.Provider.Config.Mode)
	if slices.ContainsFunc(part.Held, func(h Held) bool { return h.Reason == HeldMode }) {
		mode = style.paint(red, fmt.Sprintf("mode: %s holds it", part.Provider.Config.Mode))
	}
	if part.Change != nil || slices.ContainsFunc(part.Held, func(h Held) bool { return h.Reason == HeldMode }) {
		lines = append(lines, mode)
	}
	switch {
	case part.Change == nil:
		return lines
	case part.Removals == nil:
		return append(lines, "maxRemovals: this removes nobody")
	}
	g := part.Removals
	removals := fmt.Sprintf("maxRemovals: %s planned there and %d allowed (maxRemovals: %s, %s found)", count(g.Figure, "removal"), g.Limit, part.MaxRemovals, count(g.Base, "user"))
	reads := fmt.Sprintf("reads: everybody there was looked up, since access is to be taken away: %s", count(part.Lookups, "lookup"))
	if part.Unread > 0 {
		reads += fmt.Sprintf(", %d without an answer", part.Unread)
	} else {
		reads += ", all answered"
	}
	vanished := part.Access.State == sources.Vanished
	switch {
	case part.Change.Blocked == BlockedLimit && g.Tripped:
		removals = style.paint(red, removals+": refused")
	case part.Change.Blocked == BlockedIncomplete:
		reads = style.paint(red, reads+", which is too little to remove anybody: refused")
	default:
		removals += ": let through"
	}
	lines = append(lines, removals, reads)
	if s := part.Shrunk; s != nil && vanished {
		lines = append(lines, style.paint(red, fmt.Sprintf("%s: the roster has %d of the %s that it had there when it was applied last, so nobody who is gone from it is removed: refused", guardRosterName, s.Figure, countPeople(s.Base))))
	}
	if part.Change.Blocked == BlockedLimit {
		lines = append(lines, fmt.Sprintf("to remove them all: %[1]s plan, and %[1]s apply --allow with the digest that it shows", style.program()))
	}
	if part.Change.Blocked != "" {
		first := ""
		if vanished {
			first = "put him back into the roster with status: departed, and "
		}
		lines = append(lines, inert(fmt.Sprintf("to remove this one alone: %s%s apply --person %s --provider %s", first, style.program(), ShellWord(part.Access.Person.Email), ShellWord(part.Access.Provider))))
	}
	return lines
}
