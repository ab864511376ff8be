package plan

import (
	"math"
	"slices"

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
	changes := b.plan.Changes[b.first:]
	entry := ProviderState{
		Name: name, Kind: b.provider.Kind.Name, Target: b.provider.Target, State: Read,
		Mode: b.provider.Config.Mode, OnLeave: b.provider.onLeave(), Unchanged: b.unchanged, Kept: b.kept, Error: b.authError,
	}
	switch {
	case b.unknown > 0 && b.unknown == b.lookups:
		entry.State = Unread
	case b.unknown > 0:
		entry.State = Partial
	}
	b.guard(changes, in)
	for _, c := range changes {
		if c.Blocked == "" {
			entry.Requests += requests(c)
		}
	}
	entry.Seconds = b.provider.rate().Seconds(entry.Requests)
	b.plan.Providers = append(b.plan.Providers, entry)
}

// requests is how many requests a change takes: the welcome mail is one of its
// own, and a deletion is looked at again.
func requests(c Change) int {
	if c.Action == Delete || slices.Contains(c.Effects, EffectInvite) {
		return 2
	}
	return 1
}

// guard blocks the removals of the provider when there are more of them than the
// limit, or when too little is known of its users. It looks at the whole plan
// before the first write and blocks nothing else.
func (b *builder) guard(changes []Change, in Input) {
	removals := 0
	for i := range changes {
		if changes[i].removal() {
			removals++
		}
	}
	limit := removalLimit(in.Guardrails.MaxRemovals, b.found, len(in.Scope.People) > 0)
	incomplete := b.authError != "" || b.unknown*100 > b.lookups*maxUnknownShare
	tripped := removals > limit && !incomplete
	if removals > 0 {
		b.plan.Guards = append(b.plan.Guards, GuardInfo{
			Provider: b.provider.Config.Name, Guard: "maxRemovals", Figure: removals, Limit: limit, Base: b.found, Tripped: tripped,
		})
	}
	for i := range changes {
		switch {
		case !changes[i].removal():
		case incomplete:
			changes[i].Blocked = BlockedIncomplete
		case tripped:
			changes[i].Blocked = BlockedLimit
		}
	}
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
