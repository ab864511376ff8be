package sources

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// State is where a person stands at a provider on a day.
type State string

// The states. Departed, Expired, Suspended and Vanished people are leavers: their
// access is to end.
const (
	Active     State = "active"
	NotStarted State = "not started"
	Expired    State = "expired"
	Departed   State = "departed"
	Suspended  State = "suspended"
	Vanished   State = "vanished" // no longer in the roster, or not at this provider
)

// Leaver reports whether the person's access at the provider is to end.
func (s State) Leaver() bool {
	return s == Expired || s == Departed || s == Suspended || s == Vanished
}

// Access is the effective access of one person at one provider on a day: what
// results from his teams, his own block, their windows and his status.
type Access struct {
	Person   *Person
	Provider string
	State    State
	// Values is what the roster wants at the provider, by the vendor's names. For
	// a leaver it is what the roster still states, whatever the windows.
	Values Values
	UserID string // the vendor's id that the roster pins, or empty
	Email  string // the address wanted at the provider, as written
	// Starts is the day on which somebody not started begins.
	Starts string
	// Returns is the day on which somebody expired begins again, if he does.
	Returns string
	// Origins are the places that made the state: the status, the window's end,
	// or the blocks.
	Origins []Origin
	// References are those whose addresses the values name, by value; see
	// Rules.
	References map[string]Reference
}

// Gone is the access of somebody whom the roster does not have at a provider any
// more, by the address that he had there.
func Gone(provider, email string) *Access {
	return &Access{Person: &Person{Email: email, Key: email, Status: StatusActive}, Provider: provider, State: Vanished, Email: email}
}

// Emails lists the addresses that may be the person's at the provider, the
// wanted one first, each once.
func (a *Access) Emails() []string {
	emails := []string{a.Email}
	for _, e := range append([]string{a.Person.Email}, a.Person.PreviousEmails...) {
		if !slices.ContainsFunc(emails, func(other string) bool { return SameEmail(e, other) }) {
			emails = append(emails, e)
		}
	}
	return emails
}

// Resolve gives the effective access of everybody at every provider at an
// instant, sorted by provider and person. People who have nothing at a provider
// are not listed there, unless their status speaks for every provider.
func Resolve(roster *Roster, config *Config, rules func(kind string) Rules, instant time.Time) []*Access {
	var all []*Access
	for _, provider := range config.Providers {
		r := rules(provider.Kind)
		for _, person := range roster.People {
			if access := resolve(person, provider.Name, r, config.Zone, instant); access != nil {
				access.References = roster.references(access.Values, provider.Name, r)
				all = append(all, access)
			}
		}
	}
	return all
}

func resolve(p *Person, provider string, rules Rules, zone *time.Location, instant time.Time) *Access {
	blocks := p.contributions(provider)
	access := &Access{Person: p, Provider: provider, State: Active, Email: p.Email}
	if own := p.Own[provider]; own != nil {
		access.UserID = own.UserID
		access.Email = cmp.Or(own.Email, p.Email)
	}
	if p.Status == StatusDeparted || p.Status == StatusSuspended {
		access.State = Departed
		if p.Status == StatusSuspended {
			access.State = Suspended
		}
		access.Values, _ = merge(blocks, rules)
		access.Origins = []Origin{p.StatusOrigin}
		return access
	}
	if len(blocks) == 0 {
		return nil
	}
	if p.zone != nil {
		zone = p.zone
	}
	today := dayOf(instant, zone)
	counted := inWindow(p, blocks, today)
	access.Values, _ = merge(counted, rules)
	if complete(access.Values, counted, rules) {
		access.Origins = origins(counted)
		return access
	}
	begun, next := entitled(p, blocks, rules, today)
	access.Values, _ = merge(blocks, rules)
	access.Origins = origins(blocks)
	if !begun {
		access.State, access.Starts = NotStarted, next.String()
		return access
	}
	access.State, access.Returns = Expired, next.String()
	if ended := lastEnd(p, blocks, today); ended.Line != 0 {
		access.Origins = []Origin{ended}
	}
	return access
}

// A Reference is somebody whom a value names by his address.
type Reference struct {
	Person *Person
	// Values are what he is to have at the provider, with all windows open.
	Values Values
}

// references are those whose addresses the values name.
func (r *Roster) references(values Values, provider string, rules Rules) map[string]Reference {
	var named map[string]Reference
	for _, name := range rules.References {
		v, _ := values.Get(name)
		address, isText := v.Data.(string)
		if !isText {
			continue
		}
		if person, known := r.Person(address); known {
			if named == nil {
				named = make(map[string]Reference)
			}
			theirs, _ := merge(person.contributions(provider), rules)
			named[name] = Reference{Person: person, Values: theirs}
		}
	}
	return named
}

func origins(blocks []*Block) []Origin {
	places := make([]Origin, len(blocks))
	for i, b := range blocks {
		places[i] = b.origin
	}
	return places
}

// contributions are the blocks that make a person's access at a provider, his
// teams' in the order of their names, then his own.
func (p *Person) contributions(provider string) []*Block {
	var blocks []*Block
	for _, t := range p.teams {
		if b := t.blocks[provider]; b != nil {
			blocks = append(blocks, b)
		}
	}
	slices.SortFunc(blocks, func(a, b *Block) int { return strings.Compare(a.team, b.team) })
	if own := p.Own[provider]; own != nil {
		blocks = append(blocks, own)
	}
	return blocks
}

// inWindow are the contributions that count on a day: the person's own window
// bounds them all.
func inWindow(p *Person, blocks []*Block, d day) []*Block {
	if !p.window.contains(d) {
		return nil
	}
	var counted []*Block
	for _, b := range blocks {
		if b.window.contains(d) {
			counted = append(counted, b)
		}
	}
	return counted
}

func complete(values Values, counted []*Block, rules Rules) bool {
	return len(counted) > 0 && (rules.Missing == nil || rules.Missing(values) == "")
}

// entitled looks at the days around today, on which access is not complete: begun
// tells whether it began already, and next is the first later day on which it is
// complete, or the last of days when there is none. Access that is never complete
// has begun when one of its contributions has; until then next is the day on
// which the first of them would.
func entitled(p *Person, blocks []*Block, rules Rules, today day) (begun bool, next day) {
	next = lastDay
	for _, d := range turningPoints(p, blocks) {
		counted := inWindow(p, blocks, d)
		values, _ := merge(counted, rules)
		if !complete(values, counted, rules) {
			continue
		}
		if d <= today {
			begun = true
		} else {
			next = min(next, d)
		}
	}
	if begun || next != lastDay {
		return begun, next
	}
	first := lastDay
	for _, b := range blocks {
		w := b.window.within(p.window)
		if w.From <= today || w.Until < today {
			return true, lastDay
		}
		first = min(first, w.From)
	}
	return false, first
}

// lastEnd is where the window is written that ended last before today.
func lastEnd(p *Person, blocks []*Block, today day) Origin {
	last, ended := firstDay, Origin{}
	for _, b := range blocks {
		if w := b.window.within(p.window); w.Until < today && w.Until >= last {
			last, ended = w.Until, w.untilOrigin
		}
	}
	return ended
}

// turningPoints are the days on which the set of contributions that count may
// change, in order. Access is the same on all days between two of them.
func turningPoints(p *Person, blocks []*Block) []day {
	days := []day{firstDay}
	add := func(w Window) {
		if w.From != firstDay {
			days = append(days, w.From)
		}
		if w.Until != lastDay {
			days = append(days, w.Until+1)
		}
	}
	add(p.window)
	for _, b := range blocks {
		add(b.window)
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// Digest identifies the effective access of everybody: it is the same for any
// order and layout of the same roster, and another one when anything differs that
// a plan acts on. Places, labels and comments do not count.
func Digest(access []*Access) string {
	type value struct {
		Name string
		Data any
	}
	type entry struct {
		Provider, Key, Email, UserID string
		Emails                       []string
		State                        State
		Values, Person               []value
	}
	entries := make([]entry, 0, len(access))
	for _, a := range access {
		e := entry{Provider: a.Provider, Key: a.Person.Key, Email: a.Email, UserID: a.UserID, Emails: slices.Clone(a.Person.PreviousEmails), State: a.State}
		slices.Sort(e.Emails)
		for _, v := range a.Values {
			e.Values = append(e.Values, value{v.Name, Normal(v.Data)})
		}
		for _, v := range a.Person.Values {
			e.Person = append(e.Person, value{v.Name, Normal(v.Data)})
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.Key, b.Key))
	})
	hash := sha256.New()
	encoder := json.NewEncoder(hash)
	for _, e := range entries {
		// A hash never fails to be written to, and the types are all JSON's own.
		_ = encoder.Encode(e)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// Normal brings a value into the one form that stands for it whatever its order
// was: lists sorted by the JSON of their normal members, each member once.
func Normal(data any) any {
	switch v := data.(type) {
	case []any:
		type member struct {
			text string
			data any
		}
		members := make([]member, len(v))
		for i, item := range v {
			normal := Normal(item)
			text, _ := json.Marshal(normal)
			members[i] = member{string(text), normal}
		}
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.text, b.text) })
		members = slices.CompactFunc(members, func(a, b member) bool { return a.text == b.text })
		out := make([]any, len(members))
		for i, m := range members {
			out[i] = m.data
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = Normal(item)
		}
		return out
	default:
		return data
	}
}
