package plan

import (
	"math"

	"rollcall/providers"
	"rollcall/sources"
)

// Limits of the guard on removals when the configuration states none.
const (
	defaultRemovals      = 3
	defaultRemovalsShare = 10 // percent of the base
	maxUnknownShare      = 5  // percent of the lookups; beyond it nothing is removed
)

// finish guards the provider's changes and says what they cost.
func (b *builder) finish(in Input) {
	name := b.provider.Config.Name
	entry := ProviderState{
		Name: name, Kind: b.provider.Kind.Name, Target: b.provider.Target, State: Read,
		Mode: b.provider.Config.Mode, Lookup: b.provider.Config.Lookup, Reads: in.Reads[name], OnLeave: b.provider.onLeave(), Unchanged: b.unchanged, Kept: b.kept, Marked: b.marked, Error: b.authError,
	}
	switch {
	case b.unknown > 0 && b.unknown == b.lookups:
		entry.State = Unread
	case b.unknown > 0:
		entry.State = Partial
	}
	b.keepInsiders()
	entry.Unarmed = b.unarmed
	b.needs()
	changes := b.plan.Changes[b.first:]
	b.guard(changes, in)
	for _, c := range changes {
		if c.Blocked == "" {
			entry.Requests += c.Requests
		}
	}
	entry.Seconds = b.provider.rate().Seconds(entry.Requests)
	b.plan.Providers = append(b.plan.Providers, entry)
}

// requests is how many requests a change takes when all goes well: the write, what
// it can not carry, the welcome mail, and looking at what was stored.
func requests(kind *providers.Kind, c Change, access *sources.Access) int {
	if kind.Requests != nil {
		names := make([]string, len(c.Attributes))
		for i, a := range c.Attributes {
			names[i] = a.Name
		}
		return kind.Requests(string(c.Action), names)
	}
	n := 1
	switch {
	case c.Action == Delete:
		n += len(access.Emails()) * max(1, kind.AbsenceReads)
		if kind.Deletion != nil {
			n++ // a look at what the deletion would do
		}
		if access.UserID != "" {
			n++
		}
	case kind.ReadBack && (c.Action != Create || !kind.ShowsCreated):
		n++
	}
	if c.Action != Create {
		return n
	}
	invites, late := false, false
	for _, a := range c.Attributes {
		attribute, _ := kind.Attribute(a.Name)
		invites, late = invites || attribute.Invites, late || attribute.AfterCreate
	}
	if invites {
		n++
	}
	if late {
		n += 2 // the update, and a look before it whether the user is the one
	}
	return n
}

// guard blocks the removals of the provider when there are more of them than the
// limit, or when too little is known of its users. It looks at the whole plan
// before the first write and blocks nothing else.
func (b *builder) guard(changes []Change, in Input) {
	own := make([]*Change, len(changes))
	for i := range changes {
		own[i] = &changes[i]
	}
	base := b.provider.Memory.base(b.found)
	named := len(in.Scope.People) > 0
	info := judge(own, removalLimit(in.Guardrails.MaxRemovals, base, named), b.authError != "" || tooFewRead(b.unknown, b.lookups))
	if info.Figure > 0 {
		info.Provider, info.Base = b.provider.Config.Name, base
		b.plan.Guards = append(b.plan.Guards, info)
	}
	if !named {
		b.plan.guardRoster(b.provider, own, b.people)
	}
}

// guardRoster blocks the removals of those who vanished when the roster is empty there
// by now, or much smaller than the one that was applied last: more likely than that so
// many left is that a part of it was lost. A limit that is lifted lifts this too.
func (p *Plan) guardRoster(provider Provider, changes []*Change, people map[string]bool) {
	if provider.Memory == nil {
		return
	}
	now, before := len(people), provider.Memory.roster
	if !shrunk(now, before) {
		return
	}
	blocked := 0
	for _, c := range changes {
		if key, err := sources.CanonicalEmail(c.Email); c.leaver() && (err != nil || !people[key]) {
			blocked++
			if c.Blocked == "" {
				c.Blocked = BlockedLimit
			}
		}
	}
	if blocked > 0 {
		p.Guards = append(p.Guards, GuardInfo{Provider: provider.Config.Name, Guard: guardRosterName, Figure: now, Limit: (before + 1) / 2, Base: before, Tripped: true})
	}
}

// lastRoster is how many people had access there by the roster that was applied last;
// none where that is not known.
func (m *Memory) lastRoster() int {
	if m == nil {
		return 0
	}
	return m.roster
}

// shrunk reports whether a roster is empty by now, or much smaller than the one before.
func shrunk(now, before int) bool {
	return before > 0 && (now == 0 || now*2 < before && before-now > defaultRemovals)
}

// guardRosterName is the guard against a roster of which a part was lost.
const guardRosterName = "smallerRoster"

// base is what a share of removals is taken of: the users managed there or, without a
// ledger, the roster's people found there. The first run with a ledger manages nobody
// yet.
func (m *Memory) base(found int) int {
	if m == nil {
		return found
	}
	managed := 0
	for _, user := range m.users {
		if user.Left.IsZero() {
			managed++
		}
	}
	return max(managed, found)
}

// tooFewRead reports whether so many lookups failed that nobody may be removed.
func tooFewRead(unknown, lookups int) bool { return unknown*100 > lookups*maxUnknownShare }

// judge marks those of a provider's changes that may not be done, and no others.
func judge(changes []*Change, limit int, incomplete bool) GuardInfo {
	info := GuardInfo{Guard: "maxRemovals", Limit: limit}
	for _, c := range changes {
		c.Blocked = ""
		if c.removal() {
			info.Figure++
		}
	}
	info.Tripped = info.Figure > limit && !incomplete
	for _, c := range changes {
		switch {
		case !c.removal():
		case incomplete:
			c.Blocked = BlockedIncomplete
		case info.Tripped:
			c.Blocked = BlockedLimit
		}
	}
	return info
}

// removalLimit is how many removals one plan may have at a provider. A written
// limit is taken as it stands. The default is the larger of 3 and 10 % of the
// base, but at most half of the base. For named people the half does not count,
// and the limit is never below 3.
func removalLimit(written sources.Limit, base int, named bool) int {
	limit := written.Of(base)
	if !written.Set {
		limit = max(defaultRemovals, int(math.Ceil(float64(base)*defaultRemovalsShare/100-1e-9)))
		if !named {
			limit = min(limit, (base+1)/2)
		}
	}
	if named {
		limit = max(limit, defaultRemovals)
	}
	return limit
}
