package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/sources"
)

// Circumstances are what a saved plan would be applied under.
type Circumstances struct {
	// Access is the effective access of everybody at every provider, as it is now, and
	// that of those who vanished.
	Access []*sources.Access
	// Scope is what the flags say; the plan's own where they say nothing.
	Scope      Scope
	Guardrails sources.Guardrails
	Providers  []Provider // in the plan's scope, sorted by name
}

// Roster is the access of those whom the roster has.
func (c Circumstances) Roster() []*sources.Access {
	return slices.DeleteFunc(slices.Clone(c.Access), func(a *sources.Access) bool { return a.State == sources.Vanished })
}

// Resume takes a saved plan up again. It returns every reason, in words that say
// what to do, why the plan was not made for these circumstances; a plan that has
// one is not applied. Otherwise the guards have judged the plan anew, by today's
// code and for no more users than the roster has people, whatever the plan says of
// that.
//
// What does not show in a plan refuses none: concurrency, rate, timeouts,
// authentication, ledger and schedule.
func (p *Plan) Resume(now Circumstances) []string {
	var reasons []string
	if sources.Digest(now.Roster()) != p.Roster.Digest {
		reasons = append(reasons, fmt.Sprintf("the roster, or the day, gives people other access than when the plan was made (as of %s): make a new plan", p.AsOf))
	}
	reasons = append(reasons, p.otherScope(now.Scope)...)
	reasons = append(reasons, p.otherGuardrails(guardrailsOf(now.Guardrails))...)
	reasons = append(reasons, p.otherProviders(now.Providers)...)
	if len(reasons) > 0 {
		return reasons
	}
	saved := p.Guards
	p.Guards = nil
	for i, provider := range now.Providers {
		base := 0
		for _, g := range saved {
			if g.Provider == provider.Config.Name {
				base = g.Base
			}
		}
		p.judgeAgain(&p.Providers[i], provider, base, now)
	}
	return nil
}

func (p *Plan) otherScope(now Scope) []string {
	var reasons []string
	for _, side := range []struct {
		flag      string
		then, now []string
	}{{"--provider", p.Scope.Providers, now.Providers}, {"--person", p.Scope.People, now.People}} {
		switch {
		case slices.Equal(side.then, side.now):
		case len(side.then) == 0:
			reasons = append(reasons, fmt.Sprintf("the plan was made without %s: leave it out, or make a new plan with it", side.flag))
		default:
			reasons = append(reasons, fmt.Sprintf("the plan was made with %s %s: leave the flag out, or make a new plan with yours", side.flag, inert(strings.Join(side.then, ","))))
		}
	}
	return reasons
}

func (p *Plan) otherGuardrails(now Guardrails) []string {
	var reasons []string
	if then := p.Guardrails.MaxRemovals; then != now.MaxRemovals {
		reasons = append(reasons, changed("guardrails.maxRemovals", then, now.MaxRemovals))
	}
	if then := p.Guardrails.Protect; !slices.Equal(then, now.Protect) {
		reasons = append(reasons, changed("guardrails.protect", orNobody(then), orNobody(now.Protect)))
	}
	return reasons
}

func orNobody(patterns []string) string {
	if len(patterns) == 0 {
		return "nobody"
	}
	return strings.Join(patterns, ", ")
}

// changed is the reason that something is not as it was.
func changed(what, then, now string) string {
	return fmt.Sprintf("%s was %s when the plan was made and is %s now: put it back, or make a new plan", inert(what), inert(then), inert(now))
}

func (p *Plan) otherProviders(now []Provider) []string {
	var reasons []string
	for _, then := range p.Providers {
		i := slices.IndexFunc(now, func(n Provider) bool { return n.Config.Name == then.Name })
		if i < 0 {
			reasons = append(reasons, fmt.Sprintf("the plan has the provider %s, which the configuration does not have: put it back, or make a new plan", inert(then.Name)))
			continue
		}
		reasons = append(reasons, then.other(now[i])...)
	}
	for _, n := range now {
		if !slices.ContainsFunc(p.Providers, func(then ProviderState) bool { return then.Name == n.Config.Name }) {
			reasons = append(reasons, fmt.Sprintf("the plan does not have the provider %s, which the configuration has: make a new plan", inert(n.Config.Name)))
		}
	}
	if len(reasons) == 0 && !slices.EqualFunc(p.Providers, now, func(then ProviderState, n Provider) bool { return then.Name == n.Config.Name }) {
		reasons = append(reasons, "the plan has its providers in another order than rollcall writes them: make a new plan")
	}
	return reasons
}

// other says in what a provider is another one than when the plan was made.
func (s *ProviderState) other(now Provider) []string {
	var reasons []string
	if s.Kind != now.Kind.Name {
		return []string{changed("the kind of "+s.Name, s.Kind, now.Kind.Name)}
	}
	switch {
	case s.Target == now.Target:
	case s.Target == SimulatedTarget:
		reasons = append(reasons, fmt.Sprintf("%s: the plan was made for simulated users: add --simulate, or make a new plan without it", inert(s.Name)))
	case now.Target == SimulatedTarget:
		reasons = append(reasons, fmt.Sprintf("%s: the plan was made for real users: leave --simulate out, or make a new plan with it", inert(s.Name)))
	default:
		settings := strings.Join(append(slices.Clone(now.Kind.Account), "baseURL"), " and ")
		reasons = append(reasons, fmt.Sprintf("%s: the plan was made for another account: put %s back as they were, or make a new plan", inert(s.Name), settings))
	}
	if s.Mode != now.Config.Mode {
		reasons = append(reasons, changed("the mode of "+s.Name, string(s.Mode), string(now.Config.Mode)))
	}
	if leave := now.onLeave(); s.OnLeave != leave {
		reasons = append(reasons, changed("onLeave of "+s.Name, orManual(s.OnLeave), orManual(leave)))
	}
	return reasons
}

func orManual(o sources.OnLeave) string {
	if o == "" {
		return "manual"
	}
	return string(o)
}

// judgeAgain has the guards judge one provider's part of a saved plan: what a plan
// says of its own guards lifts none. The base is that of the plan, as far as the
// roster has so many people.
func (p *Plan) judgeAgain(entry *ProviderState, provider Provider, base int, now Circumstances) {
	lookups, unknown := 0, 0
	people := make(map[string]bool)
	for _, access := range now.Access {
		if access.Provider == entry.Name && access.State != sources.Vanished {
			people[access.Person.Key] = true
		}
		if access.Provider == entry.Name && p.Scope.has(access.Person) && provider.needsLookup(access) {
			lookups++
		}
	}
	if provider.Memory != nil {
		base = provider.Memory.base(min(base, lookups))
	} else {
		base = min(base, lookups)
	}
	for _, h := range p.Held {
		// A pinned id that the vendor does not know was read well enough.
		if h.Provider == entry.Name && h.Reason == HeldUnknown && h.Wanted != Create {
			unknown++
		}
	}
	var changes []*Change
	for i := range p.Changes {
		if p.Changes[i].Provider == entry.Name {
			changes = append(changes, &p.Changes[i])
		}
	}
	named := len(p.Scope.People) > 0
	info := judge(changes, removalLimit(now.Guardrails.MaxRemovals, base, named), entry.Error != "" || tooFewRead(unknown, lookups))
	if info.Figure > 0 {
		info.Provider, info.Base = entry.Name, base
		p.Guards = append(p.Guards, info)
	}
	if !named {
		p.guardRoster(provider, changes, people)
	}
	entry.Requests = 0
	for _, c := range changes {
		if c.Blocked == "" {
			entry.Requests += c.Requests
		}
	}
	entry.Seconds = provider.rate().Seconds(entry.Requests)
}

// has reports whether the scope has a person.
func (s Scope) has(person *sources.Person) bool {
	return len(s.People) == 0 || slices.Contains(s.People, person.Key)
}

// asked builds the worker's change anew, from the roster and from what was just
// seen of the user, and compares. A plan says what was to be done, but only the
// roster says what may be: a change that it does not ask for is refused. What the
// user's state explains, though the fingerprint does not cover it, is stale.
// settled is false when the change may go on.
func (w *worker) asked(o providers.Observation, protect []sources.Pattern) (outcome ChangeResult, settled bool) {
	fresh := w.provider.alone(Entry{Access: w.access, Observation: o}, protect)
	refused := w.end(Refused, "is not what the roster asks: make a new plan")
	switch {
	case len(fresh.Changes) == 1:
	case len(fresh.Held) > 0:
		return w.end(Stale, fmt.Sprintf("is held by now (%s): %s", fresh.Held[0].Reason, fresh.Held[0].Detail)), true
	default:
		return refused, true
	}
	saved, asked := w.change.bare(), fresh.Changes[0].bare()
	if slices.ContainsFunc(saved.Needs, func(need string) bool { return !slices.Contains(mayNeed(w.access), need) }) {
		return refused, true
	}
	asked.Needs = saved.Needs // of which users are there, the roster says nothing
	attributes, risks := asked.Attributes, asked.Risks
	asked.Attributes, asked.Risks, asked.Fingerprint = saved.Attributes, saved.Risks, saved.Fingerprint
	if !same(saved, asked) {
		return refused, true
	}
	if same(saved.Attributes, attributes) && same(saved.Risks, risks) {
		return ChangeResult{}, false
	}
	some := slices.ContainsFunc(saved.Attributes, func(a AttributeChange) bool {
		return !slices.ContainsFunc(attributes, func(b AttributeChange) bool { return same(a, b) })
	})
	if some || o.Finding != providers.Found {
		return refused, true
	}
	return w.stale(), true
}

// already reports whether the user is by now as the roster wants him, what is manual or
// not shown aside unless he is a leaver: nothing is left for a change to do.
func (w *worker) already(o providers.Observation, protect []sources.Pattern) bool {
	fresh := w.provider.alone(Entry{Access: w.access, Observation: o}, protect)
	if len(fresh.Changes) > 0 || w.change.leaver() != w.access.State.Leaver() {
		return false
	}
	if w.change.leaver() {
		return len(fresh.Held)+len(fresh.Manual) == 0
	}
	// What is not shown is held in every plan, whatever a change does.
	held := slices.ContainsFunc(fresh.Held, func(h Held) bool { return h.Reason != HeldUnreadable })
	return !held && o.Finding == providers.Found && (len(fresh.Held) == 0 || w.wanted(o))
}

// found ends a change whose user is as wanted already.
func (w *worker) found(o providers.Observation) ChangeResult {
	outcome := w.end(Already, "")
	if slices.Contains(w.change.Effects, EffectInvite) {
		outcome.Error = "he was there already; this run has sent no welcome mail"
	}
	if o.User != nil {
		outcome.UserID = o.User.ID
	}
	return outcome
}

// stale ends a change whose user is another than he was.
func (w *worker) stale() ChangeResult {
	return w.end(Stale, "the user is not as he was when the plan was made; plan again")
}

// alone is a plan for one entry, without the guards on the whole.
func (p Provider) alone(e Entry, protect []sources.Pattern) *Plan {
	part := &Plan{}
	newBuilder(part, p, protect).entry(e)
	return part
}

// same reports whether two values are the same in a plan's JSON.
func same(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}
