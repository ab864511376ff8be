package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"rollcall/providers"
	"rollcall/sources"
)

// hashJSON is the digest of a value as encoding/json writes it: fields in the
// order of the type, keys of maps sorted.
func hashJSON(v any) string {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(v); err != nil {
		panic(err) // unreachable: every value is of encoding/json's own types
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// digest covers what an apply acts on and what it was judged by: format, roster,
// scope, guardrails, each provider's account, mode and onLeave, and the changes.
// Times, places, costs, prose and the guards' marks do not count.
func digest(p *Plan) string {
	type provider struct {
		Name, Kind, Target string
		Mode               sources.Mode
		OnLeave            sources.OnLeave
	}
	type covered struct {
		Format, Roster string
		Scope          Scope
		MaxRemovals    string
		Protect        []string
		Providers      []provider
		Changes        []Change
	}
	c := covered{Format: p.Format, Roster: p.Roster.Digest, Scope: p.Scope, MaxRemovals: p.Guardrails.MaxRemovals}
	c.Protect = append(c.Protect, p.Guardrails.Protect...)
	for _, entry := range p.Providers {
		c.Providers = append(c.Providers, provider{entry.Name, entry.Kind, entry.Target, entry.Mode, entry.OnLeave})
	}
	for _, change := range p.Changes {
		c.Changes = append(c.Changes, change.bare())
	}
	return hashJSON(c)
}

// bare is the change without what does not count: where it comes from, the mark of
// a guard, its cost and prose.
func (c Change) bare() Change {
	c.Origin, c.Blocked, c.Requests, c.Note, c.Since = nil, "", 0, "", ""
	return c
}

// Target identifies the account that a provider's name stands for: its kind, its
// base URL and what tells one account there from another.
func Target(kind *providers.Kind, config sources.ProviderConfig) string {
	base := config.BaseURL
	if base == "" {
		base = kind.BaseURL
	}
	account := make(map[string]string)
	for _, name := range kind.Account {
		account[name] = config.Settings[name]
	}
	return hashJSON([]any{kind.Name, base, account})
}

// SimulatedTarget is the target of every provider under simulation.
const SimulatedTarget = "simulator"

// fingerprint covers what a change was planned upon: the user's id, address and
// state, the attributes that the roster states, those that the change overwrites, and
// all grants of somebody suspended.
// Somebody who is absent has one of his own.
func (p Provider) fingerprint(o providers.Observation, access *sources.Access, changes []AttributeChange) string {
	if o.Finding != providers.Found {
		return hashJSON([]string{string(o.Finding)})
	}
	names := p.query(access).Stated
	for _, c := range changes {
		names = append(names, c.Name)
	}
	kind := p.Kind
	for _, attribute := range kind.Attributes {
		if attribute.Grant && kind.Suspended(o.User) {
			names = append(names, attribute.Name) // a restore gives all of them back
		}
	}
	attributes := make(map[string]any)
	for _, name := range slices.Concat(names, slices.Collect(maps.Keys(kind.Suspension.Suspended))) {
		live := o.User.Attributes[name]
		attributes[name] = []any{live.Shown, sources.Normal(live.Data)}
	}
	email, err := sources.CanonicalEmail(o.User.Email)
	if err != nil {
		email = o.User.Email
	}
	return hashJSON([]any{o.User.ID, email, kind.Suspended(o.User), attributes})
}
