package simulator

import (
	"net/http"
	"slices"
)

// partooAssigns is whom a key of a role may give which role: ORG_ADMIN as in
// P-ROLES before there was an ORG_MANAGER, GROUP_MANAGER as in DOC-OLD. A
// provider's may give all, assumed: DOC-OLD names two roles, from before the
// others. That anything else is a 403 is inferred.
var partooAssigns = map[string][]string{
	partooProvider:     partooRoles,
	partooOrgAdmin:     {partooGroupManager, partooBusinessManager},
	partooGroupManager: {partooBusinessManager},
}

// allowed tells whether the key may write these fields.
func (p *partoo) allowed(given map[string]any) bool {
	own := p.options.Partoo.Role
	if role, ok := given["role"].(string); ok && !slices.Contains(partooAssigns[own], role) {
		return false
	}
	_, sso := given["sso_only"] // (DOC S001)
	return !sso || own == partooOrgAdmin || own == partooProvider
}

// onlyGroups refuses accesses for any role but the one that has them. That they
// are for it alone is documented (DOC S001); that others are refused is assumed.
func onlyGroups(k *checker, given map[string]any, role any) {
	if _, ok := given["accesses"]; ok && role != partooGroupManager {
		k.wrong("/accesses", "are for the role GROUP_MANAGER only")
	}
}

func (p *partoo) create(c *call) *response {
	k := &checker{}
	given := p.fields(k, c.body, false)
	for _, name := range []string{"email", "first_name", "last_name"} {
		if _, ok := given[name]; !ok && len(k.problems) == 0 {
			k.wrong("/"+name, "must be given")
		}
	}
	if _, ok := given["role"]; !ok {
		given["role"] = partooOrgAdmin // (DOC P-USER)
	}
	onlyGroups(k, given, given["role"])
	switch {
	case len(k.problems) > 0:
		return p.refuse(c, k.problems...)
	case !p.allowed(given):
		return p.failure(c, http.StatusForbidden, "")
	}
	if _, ok := given["org_id"]; !ok || p.options.Partoo.Role != partooProvider {
		given["org_id"] = p.options.Partoo.Org // (DOC S001)
	}
	// The mail goes out at once, except to one who signs in by SSO alone (DOC
	// P-USER). That he is invited then, whatever status says, is assumed.
	mail := given["send_invitation"] == true && given["sso_only"] != true
	u := &partooUser{entry: entry{created: c.now}, attributes: map[string]any{
		"status": partooActive, "disabled": false, "sso_only": false,
	}}
	faults := p.set(c, u, given)
	if mail {
		u.attributes["status"], u.invited = partooInvited, c.now
	}
	if c.ch.MisspelledEmailCase {
		u.attributes["email"] = otherCase(u.email())
		faults = append(faults, "misspelled-email-case")
	}
	switch p.records.insert(u, p.options.Seed) {
	case duplicate:
		return p.duplicate(c)
	case full:
		return p.failure(c, http.StatusInsufficientStorage, "the simulator holds no more users")
	}
	c.created()
	if mail {
		c.mailed()
	}
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	return p.success(u.id)
}

// update changes what the body has and nothing else (DOC P-UPD).
func (p *partoo) update(c *call, old *partooUser) *response {
	k := &checker{}
	given := p.fields(k, c.body, true)
	role, ok := given["role"]
	if !ok {
		role = old.attributes["role"]
	}
	onlyGroups(k, given, role)
	switch {
	case len(k.problems) > 0:
		return p.refuse(c, k.problems...)
	case !p.allowed(given):
		return p.failure(c, http.StatusForbidden, "")
	}
	if p.options.Partoo.Role != partooProvider {
		delete(given, "org_id") // (DOC S001)
	}
	var faults []string
	_, did := p.records.change(old.id, func(u *partooUser) { faults = p.set(c, u, given) })
	switch did {
	case nobody:
		return p.failure(c, http.StatusNotFound, "")
	case duplicate:
		return p.duplicate(c)
	}
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	return p.success(old.id)
}

// set gives a user these fields, or other values than those sent where chaos
// wants it; it returns the faults that this is. What is never shown is not kept,
// and a password least of all.
func (p *partoo) set(c *call, u *partooUser, given map[string]any) (faults []string) {
	for _, f := range partooFields {
		value, ok := given[f.name]
		if !ok || f.name == "send_invitation" || f.name == "password" {
			continue
		}
		if old, ok := u.attributes[f.name].([]any); ok && p.options.Partoo.MergeLists {
			value = merged(old, value.([]any))
		}
		stored, other := c.ch.differently(f.name, value, f.read)
		if other {
			faults = append(faults, "stored-differently")
		}
		u.attributes[f.name] = stored
	}
	// Each list is for one role (DOC S001, P-GUIDE). That it is gone when the role
	// is another is assumed.
	for name, role := range map[string]string{"accesses": partooGroupManager, "business_ids": partooBusinessManager} {
		if u.attributes["role"] != role {
			delete(u.attributes, name)
		}
	}
	return faults
}
