package sources

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// assemble puts the files together and checks what spans people, teams and
// files.
//
// With partial set some files could not be read: that a team is not there means
// nothing then.
func assemble(files []*rosterFile, partial bool, config *Config, rules func(kind string) Rules) (*Roster, Diagnostics) {
	c := checker{config: config, rules: rules, partial: partial, teams: make(map[string]*team), sources: make(map[string]*sourceFile), reported: make(map[string]bool)}
	roster := &Roster{}
	for _, file := range files {
		roster.Files = append(roster.Files, file.src.name)
		c.sources[file.src.name] = file.src
		c.partial = c.partial || file.partial
		file.src.diagnostics = nil
		roster.People = append(roster.People, file.people...)
		for _, t := range file.teams {
			c.addTeam(t)
		}
	}
	slices.Sort(roster.Files)
	slices.SortStableFunc(roster.People, func(a, b *Person) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line))
	})
	for _, name := range slices.Sorted(maps.Keys(c.teams)) {
		c.checkTeam(c.teams[name])
	}
	for _, p := range roster.People {
		c.linkTeams(p)
	}
	c.addresses(roster.People)
	c.ids(roster.People)
	for _, provider := range config.Providers {
		c.pins(roster.People, provider.Name)
		for _, p := range roster.People {
			if !p.broken {
				c.access(p, provider)
				c.references(p, provider, roster)
			}
		}
	}
	return roster, c.diagnostics
}

type checker struct {
	config      *Config
	partial     bool // teams may be missing because a file could not be read
	rules       func(kind string) Rules
	teams       map[string]*team
	sources     map[string]*sourceFile
	diagnostics Diagnostics
	reported    map[string]bool // what was said of a pair of teams already
}

func (c *checker) report(o Origin, format string, args ...any) {
	c.add(Error, o, fmt.Sprintf(format, args...))
}

func (c *checker) add(severity Severity, o Origin, message string) {
	d := Diagnostic{Severity: severity, File: o.File, Line: o.Line, Column: o.Column, Message: message}
	if src := c.sources[o.File]; src != nil {
		d.Source = src.line(o.Line, o.Column)
	}
	c.diagnostics = append(c.diagnostics, d)
}

func (c *checker) addTeam(t *team) {
	if other, taken := c.teams[t.name]; taken {
		c.report(t.origin, "team %s is already there %s: put both into one", quote(t.name), at(other.origin))
		return
	}
	c.teams[t.name] = t
}

func (c *checker) checkTeam(t *team) {
	for _, name := range slices.Sorted(maps.Keys(t.blocks)) {
		c.doubts(t.blocks[name])
		c.passwords(t.blocks[name])
	}
}

func (c *checker) doubts(b *Block) {
	provider, known := c.config.Provider(b.provider)
	if !known {
		return
	}
	if doubts := c.rules(provider.Kind).Doubts; doubts != nil {
		for _, issue := range doubts(b.Values) {
			o := b.origin
			if v, stated := b.Values.Get(issue.Attribute); stated {
				o = v.Origins[0]
			}
			c.add(Warning, o, issue.Message)
		}
	}
}

func (c *checker) linkTeams(p *Person) {
	for i, name := range p.Teams {
		t, exists := c.teams[name]
		switch {
		case !exists && c.partial:
			p.broken = true
		case !exists:
			c.report(p.teamOrigins[i], "%s is in team %s, which does not exist; teams: %s", p.Email, quote(name), list(slices.Sorted(maps.Keys(c.teams))))
			p.broken = true
		case t.broken:
			p.broken = true
		default:
			p.teams = append(p.teams, t)
		}
	}
}

// addresses finds the same address twice, whoever it belongs to.
func (c *checker) addresses(people []*Person) {
	type owner struct {
		person *Person
		what   string
		place  Origin
	}
	owners := make(map[string]owner)
	claim := func(p *Person, address, what string, place Origin) {
		key, err := CanonicalEmail(address)
		if err != nil {
			return
		}
		other, taken := owners[key]
		switch {
		case !taken:
			owners[key] = owner{p, what, place}
		case other.person == p:
			c.report(place, "%s is named twice for the same person, as %s and as %s", address, other.what, what)
			p.broken = true
		default:
			c.report(place, "%s is here as %s and %s as %s: one address belongs to one person", address, what, at(other.place), other.what)
			p.broken = true
		}
	}
	for _, p := range people {
		claim(p, p.Email, "email", p.Origin)
	}
	for _, p := range people {
		for i, previous := range p.PreviousEmails {
			claim(p, previous, "previous email", p.previousOrigins[i])
		}
	}
}

func (c *checker) ids(people []*Person) {
	owners := make(map[string]*Person)
	for _, p := range people {
		if p.ID == "" {
			continue
		}
		if other, taken := owners[p.ID]; taken {
			if other.Key == p.Key {
				continue // it is the same person twice, which is told
			}
			c.report(idOrigin(p), "id %s is also %s's %s: an id belongs to one person", quote(p.ID), other.Email, at(idOrigin(other)))
			continue
		}
		owners[p.ID] = p
	}
}

func idOrigin(p *Person) Origin {
	if v, stated := p.Values.Get("id"); stated {
		return v.Origins[0]
	}
	return p.Origin
}

// pins finds a vendor's user, or an address at a vendor, that two people claim.
func (c *checker) pins(people []*Person, provider string) {
	ids := make(map[string]*Person)
	emails := make(map[string]*Person)
	for _, p := range people {
		for _, address := range append([]string{p.Email}, p.PreviousEmails...) {
			key, err := CanonicalEmail(address)
			if _, taken := emails[key]; err == nil && !taken {
				emails[key] = p
			}
		}
	}
	for _, p := range people {
		own := p.Own[provider]
		if own == nil {
			continue
		}
		if own.UserID != "" {
			switch other, taken := ids[own.UserID]; {
			case taken && other.Key == p.Key:
			case taken:
				c.report(own.idOrigin, "userID %s is also %s's %s: one user belongs to one person", quote(own.UserID), other.Email, at(other.Own[provider].idOrigin))
			default:
				ids[own.UserID] = p
			}
		}
		if own.Email == "" {
			continue
		}
		key, err := CanonicalEmail(own.Email)
		if err != nil {
			c.report(own.emailOrigin, "%s %s", quote(own.Email), err)
			continue
		}
		if other, taken := emails[key]; taken && other.Key != p.Key {
			c.report(own.emailOrigin, "%s is also an address of %s %s: one address belongs to one person", own.Email, other.Email, at(other.Origin))
			continue
		}
		emails[key] = p
	}
}

// access checks what results for one person at one provider. Conflicts count on
// every day on which both sides are in their windows; what is required counts
// with all windows open, so that whether a roster is valid does not depend on
// the day.
func (c *checker) access(p *Person, provider ProviderConfig) {
	blocks := p.contributions(provider.Name)
	if len(blocks) == 0 {
		return
	}
	rules := c.rules(provider.Kind)
	if own := p.Own[provider.Name]; own != nil {
		c.doubts(own)
		c.passwords(own)
	}
	if p.Status != StatusActive {
		return
	}
	if c.conflicts(p, blocks, provider, rules) {
		return
	}
	c.address(p, provider, rules)
	values, _ := merge(blocks, rules)
	if rules.Unfit != nil {
		for _, issue := range rules.Unfit(provider, p.Values, values) {
			place := p.Origin
			if v, stated := p.Values.Get(issue.Attribute); stated {
				place = v.Origins[0]
			}
			c.add(issue.severity(), place, fmt.Sprintf("%s at %s: %s", p.Email, provider.Name, issue.Message))
		}
	}
	if rules.Missing == nil {
		return
	}
	if missing := rules.Missing(values); missing != "" {
		c.report(blocks[len(blocks)-1].originOr(p), "%s at %s: %s (from %s)", p.Email, provider.Name, missing, describeAll(blocks))
	}
}

// address checks the address that somebody is to have at a provider.
func (c *checker) address(p *Person, provider ProviderConfig, rules Rules) {
	if rules.Address == nil {
		return
	}
	email, place := p.Email, p.Origin
	if own := p.Own[provider.Name]; own != nil && own.Email != "" {
		email, place = own.Email, own.emailOrigin
	}
	if why := rules.Address(email); why != "" {
		c.report(place, "%s at %s: %s", p.Email, provider.Name, why)
	}
}

// references checks the values that name somebody else in the roster.
func (c *checker) references(p *Person, provider ProviderConfig, roster *Roster) {
	rules := c.rules(provider.Kind)
	if p.Status != StatusActive || len(rules.References) == 0 {
		return
	}
	values, _ := merge(p.contributions(provider.Name), rules)
	for _, name := range rules.References {
		v, _ := values.Get(name)
		address, isText := v.Data.(string)
		if !isText {
			continue
		}
		other, known := roster.Person(address)
		switch {
		case !known && c.partial:
		case !known:
			c.report(v.Origins[0], "%s at %s: %s names %s, who is not in the roster", p.Email, provider.Name, name, address)
		case other == p:
			c.report(v.Origins[0], "%s at %s: %s names himself", p.Email, provider.Name, name)
		case len(other.contributions(provider.Name)) == 0:
			c.report(v.Origins[0], "%s at %s: %s names %s, who has no access there", p.Email, provider.Name, name, address)
		case rules.Referable != nil:
			theirs, _ := merge(other.contributions(provider.Name), rules)
			if why := rules.Referable(provider, other, theirs); why != "" {
				c.report(v.Origins[0], "%s at %s: %s names %s, %s", p.Email, provider.Name, name, address, why)
			}
		}
	}
}

// originOr is the block's own place when it is the person's, else the person's.
func (b *Block) originOr(p *Person) Origin {
	if b.team == "" {
		return b.origin
	}
	return p.Origin
}

// conflicts reports what can not stand together on some day, each thing once.
func (c *checker) conflicts(p *Person, blocks []*Block, provider ProviderConfig, rules Rules) bool {
	found := false
	for _, d := range turningPoints(p, blocks) {
		counted := inWindow(p, blocks, d)
		values, clashes := merge(counted, rules)
		for _, clash := range clashes {
			found = true
			c.disagreement(p, clash)
		}
		if rules.Conflicts == nil || len(clashes) > 0 {
			continue
		}
		for _, issue := range rules.Conflicts(provider, values) {
			found = found || !issue.Warning
			key := fmt.Sprint(p.Key, provider.Name, issue)
			if c.reported[key] {
				continue
			}
			c.reported[key] = true
			c.add(issue.severity(), blocks[len(blocks)-1].originOr(p), fmt.Sprintf("%s at %s: %s (from %s)", p.Email, provider.Name, issue.Message, describeAll(counted)))
		}
	}
	return found
}

// disagreement reports two teams that state one value differently, once however
// many people are in both.
func (c *checker) disagreement(p *Person, clash conflict) {
	a, b := clash.a.Origins[0], clash.b.Origins[0]
	key := fmt.Sprint(a, b, clash)
	if c.reported[key] {
		return
	}
	c.reported[key] = true
	c.report(p.Origin, "%s is in %s and in %s, which disagree on %s: state it in his own block, or in one team only", p.Email, describe(a), describe(b), clash)
}
