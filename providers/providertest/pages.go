package providertest

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
)

// A pager is a way to read users over several pages.
type pager struct {
	name string
	size int
	// email is the address of each user that there is.
	email func(n int) string
	read  func(b *bench, c *providers.Connection) ([]*providers.User, error)
}

// unpaged as a SearchPage says that a search answers all hits at once.
const unpaged = 1 << 30

// pagers are the ways that the provider has.
func (s Subject) pagers() []pager {
	var all []pager
	if s.can("search pages") {
		all = append(all, pager{
			// A vendor has one user an address; that it answers several is what makes a
			// search have more than one page.
			"search", s.SearchPage,
			func(int) string { return ana },
			func(b *bench, c *providers.Connection) ([]*providers.User, error) { return c.Reader.Search(b.ctx, ana) },
		})
	}
	if s.can("pages") {
		all = append(all, pager{
			"list", s.ListPage,
			func(n int) string { return fmt.Sprintf("p%04d@example.com", n) },
			func(b *bench, c *providers.Connection) ([]*providers.User, error) {
				return b.lister(c).List(b.ctx)
			},
		})
	}
	return all
}

// turned is what may come of pages that do not add up.
type turned int

const (
	whole   turned = iota // every user, once
	wholeOr               // every user, once, or an error
	broken                // an error
)

// A disorder is something wrong with the second of several pages.
type disorder struct {
	name  string
	chaos simulator.Chaos
	fired string
	want  turned
}

// second fails the second page alone.
func second(rule simulator.Rule) simulator.Chaos {
	rule.Operation, rule.Nth = simulator.Search, 2
	return failing(rule)
}

// phantoms is how many pages a vendor claims that are not there, and spare how many
// requests more than there are pages a provider may make.
const phantoms, spare = 20, 6

var disorders = []disorder{
	{"a repeated cursor", simulator.Chaos{RepeatedCursor: true}, "repeated-cursor", broken},
	{"pages that are not there", simulator.Chaos{PhantomPages: phantoms}, "phantom-pages", whole},
	{"overlapping pages", simulator.Chaos{OverlappingPages: true}, "overlapping-pages", wholeOr},
	{"second page, 500", second(simulator.Rule{Fault: simulator.FaultStatus, Status: 500}), "status-500", broken},
	{"second page, 404", second(simulator.Rule{Fault: simulator.FaultStatus, Status: 404}), "status-404", broken},
	{"second page, 429", second(simulator.Rule{Fault: simulator.FaultStatus, Status: 429}), "status-429", broken},
	{"second page, HTML", second(simulator.Rule{Fault: simulator.FaultHTML, Status: 200}), "html-200", broken},
	{"second page, empty", second(simulator.Rule{Fault: simulator.FaultEmpty}), "empty", broken},
	{"second page, 204", second(simulator.Rule{Fault: simulator.FaultNoContent}), "no-content", broken},
	{"second page, cut", second(simulator.Rule{Fault: simulator.FaultCutBody}), "cut-body", broken},
	{"second page, of the wrong type", second(simulator.Rule{Fault: simulator.FaultWrongType}), "wrong-type", broken},
	{"second page, answer lost", second(simulator.Rule{Fault: simulator.FaultLostAnswer}), "lost-answer", broken},
	{"second page, refused", second(simulator.Rule{Fault: simulator.FaultRefused}), "refused", broken},
	{"second page, hangs", second(simulator.Rule{Fault: simulator.FaultHang}), "hang", broken},
}

// pageLaws are about answers that come in several pages.
func (s Subject) pageLaws() []law {
	var laws []law
	for _, p := range s.pagers() {
		for _, more := range []int{-1, 0, 1} {
			laws = append(laws, law{fmt.Sprintf("pages/%s/one page and %+d", p.name, more), func(b *bench) { b.complete(p, p.size+more) }})
		}
		laws = append(
			laws,
			law{"pages/" + p.name + "/nobody", func(b *bench) { b.complete(p, 0) }},
			law{"pages/" + p.name + "/three pages", func(b *bench) { b.complete(p, 2*p.size+1) }},
			law{"pages/" + p.name + "/a second page that comes later", func(b *bench) { b.comesLater(p) }},
			law{"pages/" + p.name + "/somebody leaves meanwhile", func(b *bench) { b.shifts(p) }},
		)
		for _, d := range disorders {
			if s.Without[d.fired] == "" {
				laws = append(laws, law{"pages/" + p.name + "/" + d.name, func(b *bench) { b.disorderly(p, d) }})
			}
		}
	}
	if s.can("search") && s.Without["ignored-filter"] == "" {
		laws = append(laws, law{"pages/search/the filter is ignored", (*bench).unfiltered})
	}
	if s.can("list") {
		laws = append(laws, law{"pages/list/those suspended too", (*bench).listsAll})
	}
	return laws
}

// crowd puts so many users at the vendor.
func (b *bench) crowd(p pager, people int) []string {
	there := make([]string, people)
	for i := range there {
		there[i] = b.put(b.New(p.email(i)))
	}
	slices.Sort(there)
	return there
}

// complete: every user is there, and once.
func (b *bench) complete(p pager, people int) {
	want := b.crowd(p, people)
	before := b.records()
	users, err := p.read(b, b.connect())
	if err != nil || !slices.Equal(ids(users), want) {
		b.Errorf("%d of %d users: %v", len(users), len(want), err)
	}
	b.readsOnly(before)
}

// comesLater: a page that fails and comes when it is asked for again is no reason
// to give up.
func (b *bench) comesLater(p pager) {
	want := b.crowd(p, 2*p.size+1)
	for _, rule := range []simulator.Rule{
		{Fault: simulator.FaultStatus, Status: http.StatusServiceUnavailable},
		{Fault: simulator.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: 2 * time.Second},
		{Fault: simulator.FaultCutBody},
	} {
		b.chaos(second(rule))
		if users, err := p.read(b, b.connect()); err != nil || !slices.Equal(ids(users), want) {
			b.Errorf("%s: %d of %d users: %v", rule.Fault, len(users), len(want), err)
		}
	}
	for _, name := range []string{"status-503", "status-429", "cut-body"} {
		b.fired(name)
	}
}

// disorderly: an answer that is not whole is an error; one that is has everybody
// once.
func (b *bench) disorderly(p pager, d disorder) {
	want := b.crowd(p, 2*p.size+1)
	b.chaos(d.chaos)
	users, err := p.read(b, b.connect(single))
	b.fired(d.fired)
	switch {
	case d.want == broken && err == nil:
		b.Errorf("%d of %d users, and no error", len(users), len(want))
	case err == nil && !slices.Equal(ids(users), want), err != nil && d.want == whole:
		b.Errorf("%d of %d users: %v", len(users), len(want), err)
	}
	if isAbsent(err) {
		b.Errorf("is taken for a proof: %v", err)
	}
	if n := len(b.requests()); n > 3+spare {
		b.Errorf("%d requests for three pages", n)
	}
	o := providers.Lookup(b.ctx, b.connect(single).Reader, providers.Query{Emails: []string{"nobody-else@example.com"}})
	if o.Finding == providers.Found || o.Finding == providers.Ambiguous {
		b.Errorf("somebody who is not there is %s", o.Finding)
	}
}

// shifts: whoever is there all the time is not missed when somebody else leaves
// between two pages; else it is an error.
func (b *bench) shifts(p pager) {
	there := b.crowd(p, 2*p.size+1)
	first := b.world.Users(b.Kind.Name)[0]
	c := b.connect()
	b.warm(c, first.ID)
	b.chaos(simulator.Chaos{Latency: 2 * time.Second})
	time.AfterFunc(3*time.Second, func() { b.world.Remove(b.Kind.Name, first.ID) })
	users, err := p.read(b, c)
	if err != nil {
		return
	}
	found := ids(users)
	for _, id := range there {
		if id == first.ID || slices.Contains(found, id) {
			continue
		}
		if !b.can("search") {
			b.overlooks()
			return
		}
		b.Errorf("user %s was there all the time and is missing, without an error", id)
	}
}

// overlooks: where nothing tells how many users there are, and users are looked up in
// lists alone, a list may miss somebody who was there all the time. No lookup takes him
// for absent then.
func (b *bench) overlooks() {
	b.chaos(simulator.Chaos{})
	b.put(b.New(cara)) // as many as before
	all := b.world.Users(b.Kind.Name)
	c := b.connect(listed)
	b.warm(c, all[0].ID)
	b.chaos(simulator.Chaos{Latency: 2 * time.Second})
	time.AfterFunc(3*time.Second, func() { b.world.Remove(b.Kind.Name, all[0].ID) })
	for _, u := range all[1:] {
		if o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{u.Email}}); o.Finding == providers.Absent {
			b.Errorf("user %s was there all the time and is taken for absent", u.ID)
		}
	}
}

// unfiltered: a search that answers everybody does not prove that somebody is not
// there, and finds only the one who is.
func (b *bench) unfiltered() {
	for i := range b.SearchPage%unpaged + 2 {
		b.add(fmt.Sprintf("p%04d@example.com", i))
	}
	id := b.add(ana)
	b.chaos(simulator.Chaos{IgnoreFilter: true})
	c := b.connect()
	if o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}}); o.Finding != providers.Found || o.User.ID != id {
		b.Errorf("the one who is there is %s: %s", o.Finding, o.Detail)
	}
	if o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{cara}}); o.Finding != providers.Unknown {
		b.Errorf("one who is not there is %s: %s", o.Finding, o.Detail)
	}
	b.fired("ignored-filter")
}

// listsAll: a list that left suspended users out would have them made anew.
func (b *bench) listsAll() {
	want := []string{b.add(ana), b.add(cara)}
	if b.can("suspend") {
		want = append(want, b.add(bill, b.suspended()))
	}
	slices.Sort(want)
	users, err := b.lister(b.connect()).List(b.ctx)
	if err != nil || !slices.Equal(ids(users), want) {
		b.Errorf("%d of %d users: %v", len(users), len(want), err)
	}
}
