package providertest

import (
	"errors"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/providers/simulator"
)

// A sought is somebody to look up and what has to come of it.
type sought struct {
	name      string
	users     []string // the addresses of the vendor's users
	suspended int      // the last so many of them are suspended
	pin       int      // the place among them of the pinned user, from 1; unknownPin is nobody's id
	emails    []string
	want      providers.Finding
	who       []int // the users found or ambiguous, by place from 1
}

const unknownPin = -1

// cases of lookups: who is found, and above all who is not.
var cases = []sought{
	{name: "one of several", users: []string{bill, ana, cara}, emails: []string{ana}, want: providers.Found, who: []int{2}},
	{name: "nobody among others", users: []string{bill, cara}, emails: []string{ana}, want: providers.Absent},
	{name: "nobody at all", emails: []string{ana}, want: providers.Absent},
	{name: "capitals in the roster", users: []string{ana, bill}, emails: []string{"Ana@EXAMPLE.com"}, want: providers.Found, who: []int{1}},
	{name: "capitals at the vendor", users: []string{"Ana@Example.com", bill}, emails: []string{ana}, want: providers.Found, who: []int{1}},
	{name: "by a previous address", users: []string{bill, "ana.souza@example.com"}, emails: []string{ana, "ana.souza@example.com"}, want: providers.Found, who: []int{2}},
	{name: "by the oldest address", users: []string{"a.s@example.com"}, emails: []string{ana, "ana.souza@example.com", "a.s@example.com"}, want: providers.Found, who: []int{1}},
	{name: "old and new address", users: []string{"ana.souza@example.com", ana}, emails: []string{ana, "ana.souza@example.com"}, want: providers.Ambiguous, who: []int{1, 2}},
	{name: "two with one address", users: []string{ana, bill, ana}, emails: []string{ana}, want: providers.Ambiguous, who: []int{1, 3}},
	{name: "two whose capitals differ", users: []string{ana, "Ana@Example.com"}, emails: []string{ana}, want: providers.Ambiguous, who: []int{1, 2}},

	{name: "pinned", users: []string{bill, ana}, pin: 2, emails: []string{ana}, want: providers.Found, who: []int{2}},
	{name: "pinned, capitals differ", users: []string{"Ana@Example.com"}, pin: 1, emails: []string{ana}, want: providers.Found, who: []int{1}},
	{name: "pinned, with a previous address", users: []string{"ana.souza@example.com"}, pin: 1, emails: []string{ana, "ana.souza@example.com"}, want: providers.Found, who: []int{1}},
	{name: "pinned, one of two with one address", users: []string{ana, ana}, pin: 2, emails: []string{ana}, want: providers.Found, who: []int{2}},
	{name: "pinned, with another address", users: []string{bill, ana}, pin: 1, emails: []string{ana}, want: providers.Ambiguous, who: []int{1}},
	{name: "pinned to nobody, there by address", users: []string{bill, ana}, pin: unknownPin, emails: []string{ana}, want: providers.Found, who: []int{2}},
	{name: "pinned to nobody, there by a previous address", users: []string{"ana.souza@example.com"}, pin: unknownPin, emails: []string{ana, "ana.souza@example.com"}, want: providers.Found, who: []int{1}},
	{name: "pinned to nobody, absent", users: []string{bill}, pin: unknownPin, emails: []string{ana}, want: providers.Absent},

	{name: "suspended", users: []string{bill, ana}, suspended: 1, emails: []string{ana}, want: providers.Found, who: []int{2}},
	{name: "suspended, capitals differ", users: []string{"Ana@Example.com"}, suspended: 1, emails: []string{ana}, want: providers.Found, who: []int{1}},
	{name: "suspended, by a previous address", users: []string{"ana.souza@example.com"}, suspended: 1, emails: []string{ana, "ana.souza@example.com"}, want: providers.Found, who: []int{1}},
	{name: "suspended, pinned", users: []string{ana}, suspended: 1, pin: 1, emails: []string{ana}, want: providers.Found, who: []int{1}},
	{name: "suspended at the old address, active at the new", users: []string{ana, "ana.souza@example.com"}, suspended: 1, emails: []string{ana, "ana.souza@example.com"}, want: providers.Ambiguous, who: []int{1, 2}},
	{name: "suspended, two with one address", users: []string{ana, ana}, suspended: 2, emails: []string{ana}, want: providers.Ambiguous, who: []int{1, 2}},

	{name: "plus", users: []string{ana, "ana+test@example.com"}, emails: []string{"ana+test@example.com"}, want: providers.Found, who: []int{2}},
	{name: "plus at another's", users: []string{"ana+test@example.com"}, emails: []string{ana}, want: providers.Absent},
	{name: "plus against its escape", users: []string{"ana%2btest@example.com"}, emails: []string{"ana+test@example.com"}, want: providers.Absent},
	{name: "characters with a meaning in addresses of the web", users: []string{bill, "o'brien&co=x#1?y/z%41!$*@example.com"}, emails: []string{"o'brien&co=x#1?y/z%41!$*@example.com"}, want: providers.Found, who: []int{2}},
	{name: "an ampersand that would end a parameter", users: []string{ana}, emails: []string{"ana&x=@example.com"}, want: providers.Absent},
	{name: "letters beyond ASCII", users: []string{"zoë@example.com"}, emails: []string{"zoë@example.com"}, want: providers.Found, who: []int{1}},
	{name: "letters beyond ASCII, composed otherwise", users: []string{"zoë@example.com"}, emails: []string{"zoe\u0308@example.com"}, want: providers.Found, who: []int{1}},
	{name: "a domain beyond ASCII", users: []string{"ana@xn--bcher-kva.example"}, emails: []string{"ana@bücher.example"}, want: providers.Found, who: []int{1}},
	{name: "wildcards are none", users: []string{ana}, emails: []string{"a*@example.com", "%@example.com", "an_@example.com", "*@example.com"}, want: providers.Absent},

	{name: "neighbours alone", users: []string{"ana@example.com.br", "dana@example.com", "ana@example.co", "an@example.com", "ana@xexample.com"}, emails: []string{ana}, want: providers.Absent},
	{name: "among neighbours", users: []string{"ana@example.com.br", "dana@example.com", ana, "ana@example.co"}, emails: []string{ana}, want: providers.Found, who: []int{3}},
}

// lookupLaws are about finding somebody, in each way that the provider has.
func (s Subject) lookupLaws() []law {
	var laws []law
	for _, way := range s.ways() {
		for _, c := range cases {
			if c.suspended > 0 && !s.can("suspend") || c.pin == unknownPin && !s.can("absence") {
				continue
			}
			laws = append(laws, law{"lookup/" + way + "/" + c.name, func(b *bench) { b.lookup(way, c) }})
		}
	}
	laws = append(
		laws,
		law{"lookup/odd ids", (*bench).oddIDs},
		law{"lookup/an id that is nobody's", func(b *bench) { b.unknownID(simulator.Chaos{}) }},
	)
	if s.Without["singular-error"] == "" {
		laws = append(laws, law{"lookup/an id that is nobody's, in the other form of errors", func(b *bench) {
			b.unknownID(simulator.Chaos{SingularError: true})
			b.fired("singular-error")
		}})
	}
	return laws
}

// ways are the ways in which the provider looks users up.
func (s Subject) ways() []string {
	var ways []string
	for _, lookup := range s.Kind.Lookups {
		ways = append(ways, string(lookup))
	}
	return ways
}

// way is the change of settings that makes a connection look users up like that.
func way(name string) func(*providers.Settings) {
	if name == "list" {
		return listed
	}
	return func(*providers.Settings) {}
}

// lookup checks one case.
func (b *bench) lookup(how string, c sought) {
	var there []string
	for i, email := range c.users {
		var places map[string]any
		if i >= len(c.users)-c.suspended {
			places = b.suspended()
		}
		there = append(there, b.add(email, places))
	}
	query := providers.Query{Emails: c.emails}
	switch {
	case c.pin > 0:
		query.UserID = there[c.pin-1]
	case c.pin == unknownPin:
		query.UserID = b.stranger()
	}
	before := b.records()
	o := providers.Lookup(b.ctx, b.connect(way(how)).Reader, query)
	var want, got []string
	for _, place := range c.who {
		want = append(want, there[place-1])
	}
	slices.Sort(want)
	switch o.Finding {
	case providers.Found:
		got = ids([]*providers.User{o.User})
		if c.suspended > 0 && !b.Kind.Suspended(o.User) {
			b.Errorf("he is not seen to be suspended: %v", o.User.Attributes)
		}
		if c.suspended == 0 && b.can("suspend") && b.Kind.Suspended(o.User) {
			b.Errorf("he is taken for suspended: %v", o.User.Attributes)
		}
	case providers.Ambiguous:
		if got = ids(o.Candidates); o.Remedy == "" {
			b.Errorf("nothing says what would settle it")
		}
	case providers.Absent, providers.Unknown:
	}
	if o.Finding != c.want || !slices.Equal(got, want) {
		b.Errorf("is %s (%v), want %s (%v): %s", o.Finding, got, c.want, want, o.Detail)
	}
	if o.ByID != (c.pin > 0 && c.want == providers.Found) || o.PinMissing != (c.pin == unknownPin) {
		b.Errorf("found by the id is %v, the id is missing is %v", o.ByID, o.PinMissing)
	}
	b.readsOnly(before)
}

// suspended is what stands in the record of somebody who is suspended.
func (b *bench) suspended() map[string]any { return b.Kind.Suspension.Suspended }

// readsOnly fails when there was a write, or what the vendor has is not what it
// had.
func (b *bench) readsOnly(before map[string]map[string]any) {
	b.Helper()
	if n := b.counts(); n.Writes != 0 || n.Mails != 0 {
		b.Errorf("%d requests that write, %d mails", n.Writes, n.Mails)
	}
	b.unchanged(before)
}

// oddIDs: an id that is none, or one that would be another address, finds nobody
// and changes nobody. What a vendor calls me is whoever asks.
func (b *bench) oddIDs() {
	id := b.add(ana)
	b.add(bill)
	before := b.records()
	c := b.connect()
	for _, odd := range []string{"", " ", ".", "..", "../" + id, "./" + id, "me", "search", id + "/", "/" + id, id + "?x=1", id + "#x", "?", "%", "%2e%2e", id + "%2F..", "a/b", "a\nb", strings.Repeat("x", 4000), ana} {
		if o := providers.Lookup(b.ctx, c.Reader, providers.Query{UserID: odd, Emails: []string{ana}}); o.ByID || o.Finding == providers.Ambiguous {
			b.Errorf("the id %.60q found user %v", odd, o.User)
		}
		if _, err := c.Reader.Get(b.ctx, odd); err == nil && odd != "me" || strings.Trim(odd, ".") == "" && isAbsent(err) {
			b.Errorf("the id %.60q is no id: %v", odd, err)
		}
		for _, o := range b.operations() {
			if o.class == reading || o.name == "create" {
				continue
			}
			if err := o.do(b.ctx, b, c, odd); err == nil && o.name != "delete" {
				b.Errorf("%s of the id %.60q is no error", o.name, odd)
			}
		}
		b.unchanged(before)
	}
	if n := b.counts(); n.Mails != 0 {
		b.Errorf("%d mails", n.Mails)
	}
}

// isAbsent reports whether the error of a Get proves that there is nobody.
func isAbsent(err error) bool { return errors.Is(err, providers.ErrAbsent) }

// unknownID: an id that nobody has is proven to be nobody's, and whoever is
// written to there is not made.
func (b *bench) unknownID(chaos simulator.Chaos) {
	id := b.stranger()
	b.chaos(chaos)
	b.add(bill)
	before := b.records()
	c := b.connect()
	if _, err := c.Reader.Get(b.ctx, id); err == nil || isAbsent(err) != b.can("absence") {
		b.Errorf("that the id is proven to be nobody's is %v: %v", isAbsent(err), err)
	}
	for _, o := range b.operations() {
		if o.class == reading || o.name == "create" {
			continue
		}
		if err := o.do(b.ctx, b, c, id); (err == nil) != (o.name == "delete") || providers.OutcomeUnknown(err) {
			b.Errorf("%s: %v", o.name, err)
		}
	}
	b.unchanged(before)
	if n := b.counts(); n.Mails != 0 {
		b.Errorf("%d mails", n.Mails)
	}
}
