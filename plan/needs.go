package plan

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/sources"
)

// A referral is whom a create refers to, and the id by which it names him, "" where
// that is not to be seen.
type referral struct {
	person *sources.Person
	id     string
}

// needs settles for the creates that refer to other people, such as to one whose
// permissions are cloned: whose user has to be there first is either there, or is
// created by a change that comes before. A create that nothing can come before is
// held, and so is one that would have to come before itself.
func (b *builder) needs() {
	if len(b.refers) == 0 {
		return
	}
	b.holdCircles()
	for {
		waiting := make(map[string]string) // by id of the change: why
		for _, c := range b.plan.Changes[b.first:] {
			for _, other := range b.refers[c.ID] {
				if why := b.lacks(other); why != "" {
					waiting[c.ID] = why
				}
			}
		}
		if len(waiting) == 0 {
			break
		}
		b.withdraw(func(c *Change) (string, string, bool) {
			why, waits := waiting[c.ID]
			return why, "see to him first, and run again", waits
		})
	}
	for i := range b.plan.Changes[b.first:] {
		c := &b.plan.Changes[b.first+i]
		for _, other := range b.refers[c.ID] {
			if b.creates(other.person) {
				c.Needs = append(c.Needs, b.changeID(other.person))
			}
		}
		slices.Sort(c.Needs)
		c.Needs = slices.Compact(c.Needs)
	}
}

// changeID is the id of a person's change at the provider.
func (b *builder) changeID(p *sources.Person) string {
	return b.provider.Config.Name + "/" + p.Email
}

// creates reports whether the plan creates the person.
func (b *builder) creates(p *sources.Person) bool {
	id := b.changeID(p)
	return slices.ContainsFunc(b.plan.Changes[b.first:], func(c Change) bool { return c.ID == id && c.Action == Create })
}

// lacks says why the user of somebody who is referred to will not be there, or "".
func (b *builder) lacks(r referral) string {
	p := r.person
	finding, known := b.findings[p.Key]
	switch live := b.ids[p.Key]; {
	case finding == providers.Found && live == "":
		return fmt.Sprintf("needs %s, who is there but has no id by which he could be named", p.Email)
	case finding == providers.Found && r.id != "" && r.id != live:
		return fmt.Sprintf("needs %s, who is there as %s, while the roster would name him %s, who may be somebody else", p.Email, live, r.id)
	case finding == providers.Found, b.creates(p):
		return ""
	case !known:
		return fmt.Sprintf("needs %s, who was not looked up: the plan is narrowed to other people, or his access has not begun", p.Email)
	default:
		return fmt.Sprintf("needs %s, who is not there and whom the plan does not create", p.Email)
	}
}

// holdCircles holds the creates that need each other.
func (b *builder) holdCircles() {
	next := make(map[string][]string)
	for _, c := range b.plan.Changes[b.first:] {
		for _, other := range b.refers[c.ID] {
			if b.creates(other.person) {
				next[c.ID] = append(next[c.ID], b.changeID(other.person))
			}
		}
	}
	b.withdraw(func(c *Change) (string, string, bool) {
		circle := circleOf(c.ID, next)
		return "they need each other: " + strings.Join(circle, " needs "), "let one of them need nobody", len(circle) > 0
	})
}

// circleOf is the way from a change through those that it needs back to itself, or
// nil when there is none.
func circleOf(id string, next map[string][]string) []string {
	type step struct {
		id  string
		way []string
	}
	seen := make(map[string]bool)
	todo := []step{{id, []string{id}}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, other := range next[at.id] {
			way := append(slices.Clone(at.way), other)
			if other == id {
				return way
			}
			if !seen[other] {
				seen[other] = true
				todo = append(todo, step{other, way})
			}
		}
	}
	return nil
}

// withdraw takes changes of the provider back and holds them.
func (b *builder) withdraw(which func(*Change) (why, remedy string, is bool)) {
	kept := slices.Clone(b.plan.Changes[:b.first])
	for _, c := range b.plan.Changes[b.first:] {
		why, remedy, is := which(&c)
		if !is {
			kept = append(kept, c)
			continue
		}
		b.plan.Held = append(b.plan.Held, Held{Provider: c.Provider, Email: c.Email, Wanted: c.Action, Reason: HeldNeeds, Detail: why, Remedy: remedy})
	}
	b.plan.Changes = kept
}

// mayNeed are the ids of the changes that a person's change may need.
func mayNeed(access *sources.Access) []string {
	var ids []string
	for _, other := range access.References {
		ids = append(ids, access.Provider+"/"+other.Person.Email)
	}
	return ids
}
