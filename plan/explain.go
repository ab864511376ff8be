package plan

import (
	"slices"
	"time"

	"rollcall/providers"
	"rollcall/sources"
)

// An Explanation says why a plan has what it has for one person.
type Explanation struct {
	AsOf   string // the day of the plan
	Person *sources.Person
	// Parts are the providers at which the roster gives him access, or ends it.
	Parts []ExplainedPart
	// Nowhere names the other providers that were asked about.
	Nowhere []string
}

// An ExplainedPart is one person at one provider, from the lines of the roster to
// what the plan has for him.
type ExplainedPart struct {
	Entry    // what is wanted and what was seen
	Provider Provider
	// Blocks are what his access there is made of, those included that do not count
	// on this day.
	Blocks   []sources.Contribution
	Compared []Compared

	// What the plan has for him there: the very entries of Build.
	Change *Change
	Held   []Held
	Manual []Manual

	// Protected is the pattern of guardrails.protect that he matches, or "".
	Protected string
	// Removals is what the guard on removals counted there, and MaxRemovals what it
	// is written to allow; Removals is nil unless his change is a removal.
	// Shrunk is the guard against a roster of which a part was lost, where it tripped.
	Removals    *GuardInfo
	MaxRemovals string
	Shrunk      *GuardInfo
	// Kept is why the guards on rollcall's own user and on administrators hold his change,
	// or ""; Unarmed names those of them that know too little to judge removals there.
	Kept    string
	Unarmed []string
	// Lookups is how many people's users the plan needs to know there, of those who
	// are part of it, and Unread how many of them it does not.
	Lookups, Unread int
}

// Compared is one attribute of a user, as it is wanted and as it is.
type Compared struct {
	Name    string
	Verdict Verdict
	// Stated tells that there is a wanted value; nil is one that is to be empty.
	// Given is where the roster states it: nowhere, where it is what makes a user
	// suspended or not. Values of sensitive attributes are Masked.
	Stated bool
	Wanted any
	Given  []Given
	Live   providers.Live
}

// Given is what one place of the roster states of a value.
type Given struct {
	Origin sources.Origin
	Data   any
}

// A Verdict is what became of an attribute.
type Verdict string

// The verdicts.
const (
	AsWanted Verdict = "as wanted"
	Differs  Verdict = "differs"
	ByHand   Verdict = "differs, and only a person can change it"
	NotShown Verdict = "not shown"
	// NotSendable: an update would have to send something that is not shown.
	NotSendable Verdict = "differs, and can not be sent"
	AtCreate    Verdict = "sent at a create only"
	Sent        Verdict = "sent at the create"
	SentAfter   Verdict = "sent right after the create"
	NotSent     Verdict = "empty, so not sent at the create"
	LeftAlone   Verdict = "not in the roster, so left alone"
	Kept        Verdict = "left as it is"
	Removed     Verdict = "is deleted with the user"
	NotSettled  Verdict = "not compared"
)

// Explain says why the plan that Build makes of the input has what it has for one
// person. Nothing is planned anew: what the plan has is the plan's own, and each
// attribute is judged by the comparison that made it. The instant is the one that
// the access of the entries was resolved for, and the zone the one in which it was,
// for people who have none of their own.
func Explain(in Input, person *sources.Person, zone *time.Location, instant time.Time) *Explanation {
	in.Entries = distinct(in.Providers, in.Entries)
	p := Build(in)
	x := &Explanation{AsOf: in.AsOf, Person: person}
	for _, provider := range in.Providers {
		part := ExplainedPart{Provider: provider, MaxRemovals: p.Guardrails.MaxRemovals}
		for _, e := range in.Entries {
			if e.Access.Provider != provider.Config.Name {
				continue
			}
			if Concerns(e.Access, person) {
				part.Entry = e
			}
			if provider.needsLookup(e.Access) {
				part.Lookups++
				if e.Observation.Finding == providers.Unknown || e.Observation.Finding == "" {
					part.Unread++
				}
			}
		}
		if part.Access == nil {
			x.Nowhere = append(x.Nowhere, provider.Config.Name)
			continue
		}
		part.Blocks = sources.Contributions(person, provider.Config.Name, zone, instant)
		part.take(p)
		part.compare(in.Guardrails.Protect)
		x.Parts = append(x.Parts, part)
	}
	return x
}

// Concerns reports whether an access is the person's: his by the roster, or that of a user
// who vanished from it and had one of his addresses.
func Concerns(access *sources.Access, person *sources.Person) bool {
	if access.Person == person || access.Person.Key == person.Key {
		return true
	}
	return access.State == sources.Vanished && slices.ContainsFunc(person.PreviousEmails, func(email string) bool { return sources.SameEmail(email, access.Email) })
}

// Unknown reports whether the plan lacks something about the person because it
// could not be read.
func (x *Explanation) Unknown() bool {
	return slices.ContainsFunc(x.Parts, func(part ExplainedPart) bool {
		return slices.ContainsFunc(part.Held, func(h Held) bool { return h.Reason == HeldUnknown })
	})
}

// take takes what the plan has for the person at the provider.
func (part *ExplainedPart) take(p *Plan) {
	name, email := part.Access.Provider, part.Access.Person.Email
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Provider == name && c.Email == email {
			part.Change = c
		}
	}
	for _, h := range p.Held {
		if h.Provider == name && h.Email == email {
			part.Held = append(part.Held, h)
		}
	}
	for _, m := range p.Manual {
		if m.Provider == name && m.Email == email {
			part.Manual = append(part.Manual, m)
		}
	}
	if i := slices.IndexFunc(p.Providers, func(s ProviderState) bool { return s.Name == name }); i >= 0 {
		part.Unarmed = p.Providers[i].Unarmed
	}
	for i := range p.Guards {
		switch g := &p.Guards[i]; {
		case g.Provider != name || part.Change == nil || !part.Change.removal():
		case g.Guard == guardRosterName:
			part.Shrunk = g
		default:
			part.Removals = g
		}
	}
}

// compare judges the attributes in the way that Build does.
func (part *ExplainedPart) compare(protect []sources.Pattern) {
	b := newBuilder(&Plan{}, part.Provider, protect)
	part.Protected = b.protected(part.Entry)
	if i := slices.IndexFunc(part.Held, func(h Held) bool { return h.Reason == HeldProtected }); i >= 0 && part.Protected == "" {
		part.Kept = part.Held[i].Detail
	}
	switch leaver := part.Access.State.Leaver(); part.Observation.Finding {
	case providers.Found:
		if leaver {
			part.compareLeaver()
		} else {
			part.comparePresent(b)
		}
	case providers.Absent:
		if !leaver {
			part.stated(part.Provider.Kind.Drafts(part.Access), Sent)
		}
	default:
		if part.Access.State == sources.Active {
			part.stated(wants(part.Provider.Kind, part.Access), NotSettled)
		}
	}
}

// stated lists what the roster states, where nothing is there to compare it with.
func (part *ExplainedPart) stated(wanted []providers.Wanted, verdict Verdict) {
	for _, w := range wanted {
		c := part.wanted(w)
		c.Verdict = verdict
		if _, sent := atCreate(w); verdict == Sent && !sent {
			c.Verdict = NotSent
		} else if verdict == Sent && w.Attribute.AfterCreate {
			c.Verdict = SentAfter
		}
		part.Compared = append(part.Compared, c)
	}
}

func (part *ExplainedPart) wanted(w providers.Wanted) Compared {
	c := Compared{Name: w.Attribute.Name, Stated: true, Wanted: visible(w.Attribute, w.Data)}
	for _, origin := range w.Origins {
		given := Given{Origin: origin, Data: w.Data}
		for _, block := range part.Blocks {
			if value, stated := block.Values.Get(w.Attribute.Name); stated && slices.Contains(value.Origins, origin) {
				given.Data = value.Data
			}
		}
		given.Data = visible(w.Attribute, given.Data)
		c.Given = append(c.Given, given)
	}
	return c
}

// visible is a value as it may be shown.
func visible(a providers.Attribute, data any) any {
	if a.Sensitive && data != nil {
		return Masked
	}
	return ordered(a, data)
}

func (part *ExplainedPart) live(a providers.Attribute) providers.Live {
	live := part.Observation.User.Attributes[a.Name]
	live.Data = visible(a, live.Data)
	return live
}

// comparePresent judges the attributes of somebody who is there and should be.
func (part *ExplainedPart) comparePresent(b *builder) {
	kind, user := part.Provider.Kind, part.Observation.User
	d := b.difference(part.Entry)
	email := Compared{
		Name: "email", Stated: true, Wanted: part.Access.Email, Live: providers.Show(user.Email),
		Given: []Given{{Origin: part.Access.EmailOrigin(), Data: part.Access.Email}}, Verdict: ByHand,
	}
	if sources.SameEmail(user.Email, part.Access.Email) {
		email.Verdict = AsWanted
	}
	part.Compared = append(part.Compared, email)
	stated := make(map[string]bool)
	for _, w := range wants(kind, part.Access) {
		stated[w.Attribute.Name] = true
		c := part.wanted(w)
		c.Live = part.live(w.Attribute)
		switch name := w.Attribute.Name; {
		case w.Attribute.Mode == providers.CreateOnly:
			c.Verdict = AtCreate
		case slices.Contains(d.unreadable, name):
			c.Verdict = NotShown
		case slices.Contains(d.unsendable, name):
			c.Verdict = NotSendable
		case slices.ContainsFunc(d.changes, func(a AttributeChange) bool { return a.Name == name }):
			c.Verdict = Differs
		case w.Attribute.Matches(user.Attributes[name].Data, w.Data):
			c.Verdict = AsWanted
		default:
			c.Verdict = ByHand
		}
		part.Compared = append(part.Compared, c)
	}
	part.unstated(stated)
}

// unstated lists what the vendor shows of other attributes.
func (part *ExplainedPart) unstated(stated map[string]bool) {
	for _, a := range part.Provider.Kind.Attributes {
		if live := part.live(a); !stated[a.Name] && live.Data != nil {
			part.Compared = append(part.Compared, Compared{Name: a.Name, Verdict: LeftAlone, Live: live})
		}
	}
}

// compareLeaver judges the attributes of somebody who is there and should not be:
// those that suspend him, or his grants.
func (part *ExplainedPart) compareLeaver() {
	kind, user := part.Provider.Kind, part.Observation.User
	deleted := part.Provider.leaving(part.Access) == sources.LeaveDelete
	for _, a := range kind.Attributes {
		value, suspends := kind.Suspension.Suspended[a.Name]
		c := Compared{Name: a.Name, Stated: suspends, Wanted: visible(a, value), Live: part.live(a)}
		switch {
		case !suspends && (!a.Grant || c.Live.Data == nil):
			continue
		case deleted:
			c.Stated, c.Wanted, c.Verdict = false, nil, Removed
		case !suspends:
			c.Verdict = Kept
		case !c.Live.Shown:
			c.Verdict = NotShown
		case a.Equal(user.Attributes[a.Name].Data, value):
			c.Verdict = AsWanted
		case part.Provider.leaving(part.Access) == "":
			c.Verdict = ByHand
		default:
			c.Verdict = Differs
		}
		part.Compared = append(part.Compared, c)
	}
}
