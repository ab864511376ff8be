package sources

import (
	"slices"
	"strings"
	"time"
)

// Status is what the roster says of a person.
type Status string

// The statuses.
const (
	StatusActive    Status = "active"
	StatusSuspended Status = "suspended"
	StatusDeparted  Status = "departed"
)

// A Roster is all people of all files, with the problems of the files apart.
type Roster struct {
	Files  []string  // as people know them, sorted
	People []*Person // sorted by Key
	// Commits are what the repositories were read at that the configuration names, in its
	// order.
	Commits []Commit
}

// Person returns the person whose email or previous email this is.
func (r *Roster) Person(email string) (*Person, bool) {
	key, err := CanonicalEmail(email)
	if err != nil {
		return nil, false
	}
	if i, found := slices.BinarySearchFunc(r.People, key, func(p *Person, k string) int { return strings.Compare(p.Key, k) }); found {
		return r.People[i], true
	}
	for _, p := range r.People {
		if slices.ContainsFunc(p.PreviousEmails, func(e string) bool { return SameEmail(e, key) }) {
			return p, true
		}
	}
	return nil, false
}

// A Person is one entry of the roster.
type Person struct {
	Email          string // as written
	Key            string // canonical, unique in the roster
	PreviousEmails []string
	ID             string
	Status         Status
	// Values holds what the roster states of the person by the roster's own
	// names: givenName, familyName, nickname, displayName, legalName, title,
	// phones, locale, timeZone, address, and id where it is stated.
	Values Values
	Teams  []string
	// Own holds his own access block at each provider that has one.
	Own map[string]*Block

	Origin          Origin // of the email
	StatusOrigin    Origin
	previousOrigins []Origin // of PreviousEmails, one by one
	teamOrigins     []Origin // of Teams, one by one
	window          Window
	zone            *time.Location // nil: the schedule's
	teams           []*team        // those of Teams that exist
	broken          bool           // something of him is reported already
}

// A Block is one access block as it is written: of a person or of a team.
type Block struct {
	Values Values
	UserID string
	Email  string

	provider    string
	team        string // empty: the person's own
	window      Window
	origin      Origin // of the provider's key
	emailOrigin Origin
	idOrigin    Origin
}

// A team is a named bundle of access.
type team struct {
	name   string
	blocks map[string]*Block
	origin Origin
	broken bool
}

// A Value is one named thing that the roster states. Data is nil (cleared), a
// bool, an int64, a float64, a string, a []any or a map[string]any.
type Value struct {
	Name    string
	Data    any
	Origins []Origin
}

// Values is a list of values, sorted by name, each name once.
type Values []Value

// Get returns the value of that name; stated is false when there is none, which
// is not the same as a nil Data.
func (vs Values) Get(name string) (value Value, stated bool) {
	i, found := vs.find(name)
	if !found {
		return Value{}, false
	}
	return vs[i], true
}

func (vs Values) find(name string) (int, bool) {
	return slices.BinarySearchFunc(vs, name, func(v Value, n string) int { return strings.Compare(v.Name, n) })
}

// set adds a value or replaces the one of its name.
func (vs Values) set(v Value) Values {
	i, found := vs.find(v.Name)
	if found {
		vs[i] = v
		return vs
	}
	return slices.Insert(vs, i, v)
}

// A day is a calendar day, as days since 1970-01-01, in whatever zone it is
// asked for.
type day int32

const (
	firstDay day = -1 << 31
	lastDay  day = 1<<31 - 1
)

// dayOf is the calendar day of an instant in a zone.
func dayOf(instant time.Time, zone *time.Location) day {
	y, m, d := instant.In(zone).Date()
	return day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400) //nolint:gosec // a year has four digits, in files and on clocks
}

// parseDay reads 2026-12-31.
func parseDay(text string) (day, bool) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, false
	}
	return dayOf(t, time.UTC), true
}

// String renders the day as 2026-12-31; the ends of time are empty.
func (d day) String() string {
	if d == firstDay || d == lastDay {
		return ""
	}
	return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly)
}

// A Window is a span of days, both ends included.
type Window struct {
	From, Until             day
	fromOrigin, untilOrigin Origin
}

// always is the window that has no ends.
func always() Window { return Window{From: firstDay, Until: lastDay} }

func (w Window) contains(d day) bool { return w.From <= d && d <= w.Until }

// within is the part of w that lies in outer.
func (w Window) within(outer Window) Window {
	if outer.From > w.From {
		w.From, w.fromOrigin = outer.From, outer.fromOrigin
	}
	if outer.Until < w.Until {
		w.Until, w.untilOrigin = outer.Until, outer.untilOrigin
	}
	return w
}

// Shape says how the values of an attribute combine and compare.
type Shape string

// The shapes. Sets have no order and no duplicates; a SetOfSets is a set whose
// members are sets; an Object is managed field by field.
const (
	Scalar    Shape = "scalar"
	Set       Shape = "set"
	SetOfSets Shape = "set of sets"
	Object    Shape = "object"
)

// Rules is what a provider's kind says about its access blocks. The functions
// are pure and safe for concurrent use; any of them may be nil.
type Rules struct {
	// Shapes names the attributes that are not scalar.
	Shapes map[string]Shape
	// Missing says what merged access lacks that the vendor requires, or "".
	Missing func(Values) string
	// Address says why the vendor takes no such address, or ""; nil takes all.
	Address func(email string) string
	// Unfit says which of a person's own values the vendor would refuse or, as a
	// warning, has no place for. They count where his access does not state its own;
	// an Issue names the person's value.
	Unfit func(config ProviderConfig, person, access Values) []Issue
	// Conflicts says what in merged access can not stand together, or not with the
	// provider's own settings.
	Conflicts func(config ProviderConfig, values Values) []Issue
	// References names the attributes that may be the address of somebody else in
	// the roster, whose user has to be there first. Referable says why a person can
	// not be named so, or "".
	References []string
	Referable  func(config ProviderConfig, p *Person, values Values) string
	// Doubts says what in one block, as written, is unknown but allowed.
	Doubts func(Values) []Issue
}

// An Issue is something that Rules have to say about one attribute.
type Issue struct {
	Attribute string
	Message   string
	// Warning says that it is to be told, but nothing to refuse.
	Warning bool
}

func (i Issue) severity() Severity {
	if i.Warning {
		return Warning
	}
	return Error
}
