package plan

import (
	"maps"
	"slices"

	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// takeLost takes away the grants that were applied once and that the roster does not
// state any more: a team left is a team lost. What somebody else gave stays.
func (d *difference) takeLost(p Provider, e Entry, record ledger.User) {
	stated := make(map[string]bool)
	for _, w := range wants(p.Kind, e.Access) {
		stated[w.Attribute.Name] = true
	}
	for _, a := range p.Kind.Attributes {
		applied := record.Applied[a.Name]
		if stated[a.Name] || !p.losable(a) || providers.Empty(applied) {
			continue
		}
		live := e.Observation.User.Attributes[a.Name]
		if !live.Shown {
			d.unreadable = append(d.unreadable, a.Name)
			continue
		}
		after, taken := without(a, live.Data, applied)
		switch {
		case !taken:
		case a.Manual != "":
			d.manual = append(d.manual, Manual{What: "take " + a.Name + " away, which was " + inline(applied), Why: a.Manual})
		case providers.Empty(after) && a.Default == nil && a.Clear == providers.ClearUnsupported:
			d.manual = append(d.manual, Manual{What: "take " + a.Name + " away, which was " + inline(applied), Why: "the roster does not state it any more, and " + p.Kind.Title + " documents no way to clear it"})
		default:
			d.changes = append(d.changes, shown(a, emptyList(a, live.Data), after))
			d.lost = true
		}
	}
}

// losable reports whether an attribute is taken away when the roster does not state it
// any more.
func (p Provider) losable(a providers.Attribute) bool {
	_, state := p.Kind.Suspension.Active[a.Name]
	return a.Grant && a.Mode == providers.Managed && !state
}

// without is a live value without what was applied; taken tells that there was
// something of it.
func without(a providers.Attribute, live, applied any) (after any, taken bool) {
	if a.Shape != sources.Set && a.Shape != sources.SetOfSets {
		if providers.Empty(live) || !a.Equal(live, applied) || a.Default != nil && a.Equal(live, a.Default) {
			return live, false
		}
		return a.Default, true
	}
	given, _ := applied.([]any)
	members, _ := live.([]any)
	rest := []any{}
	for _, member := range members {
		lost := slices.ContainsFunc(given, func(one any) bool { return a.Equal([]any{one}, []any{member}) })
		if !lost {
			rest = append(rest, member)
		}
	}
	return rest, len(rest) < len(members)
}

// giveBack gives somebody who was suspended back what the suspension took away and the
// roster does not state.
func (d *difference) giveBack(p Provider, e Entry, record ledger.User) {
	if !p.Kind.Suspended(e.Observation.User) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(record.Before)) {
		a, known := p.Kind.Attribute(name)
		_, state := p.Kind.Suspension.Active[name]
		before := record.Before[name]
		stated := slices.ContainsFunc(wants(p.Kind, e.Access), func(w providers.Wanted) bool { return w.Attribute.Name == name })
		if last, given := record.Applied[name]; known && given && p.losable(a) {
			before, _ = without(a, before, last) // the roster gave it, and states it no more
		}
		if !known || state || stated || providers.Empty(before) {
			continue
		}
		d.changes = append(d.changes, shown(a, emptyList(a, e.Observation.User.Attributes[name].Data), before))
		d.edited = true
	}
}

// applied is what the ledger keeps as the last applied values of somebody who is as the
// roster wants him: what it states and, of the grants that it does not state any more,
// those that he still has.
func (p Provider) applied(access *sources.Access, record ledger.User, has func(name string) providers.Live) map[string]any {
	values := make(map[string]any)
	for _, w := range p.Kind.Wants(access) {
		if w.Attribute.Mode == providers.Managed && !w.Attribute.Sensitive {
			values[w.Attribute.Name] = w.Data
		}
	}
	for _, a := range p.Kind.Attributes {
		last, was := record.Applied[a.Name]
		if _, stated := values[a.Name]; stated || !was || !p.losable(a) || providers.Empty(last) {
			continue
		}
		live := has(a.Name)
		if _, taken := without(a, live.Data, last); !live.Shown || taken {
			values[a.Name] = last
		}
	}
	return values
}
