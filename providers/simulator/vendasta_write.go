package simulator

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
)

// vendastaBody is a users resource as sent, checked.
type vendastaBody struct {
	attributes map[string]any
	partner    string
	// nil means not sent.
	platformAccess, businessLocations []string
}

// body checks the body of a create, or of an update of the user with that id.
func (k *vendastaChecker) body(raw []byte, id string) vendastaBody {
	var b vendastaBody
	decoded, ok := k.decode(raw)
	if !ok {
		return b
	}
	top, ok := k.object("", decoded, "data")
	if !ok {
		return b
	}
	data, ok := k.object("/data", top["data"], "type", "id", "attributes", "relationships")
	if !ok {
		return b
	}
	// "users" is the default of type ([P]); an update has it and the id, in the
	// body as in the path ([P], [G-SYNC]). The id sent to a create is ignored.
	if kind, given := data["type"]; (given || k.patch) && kind != "users" {
		k.wrong("/data/type", `must be "users"`)
	}
	if k.patch && data["id"] != id {
		k.wrong("/data/id", "must be the id in the path")
	}
	b.attributes = k.attributes(data["attributes"])
	if v, ok := data["relationships"]; ok {
		k.relationships(&b, v)
	}
	return b
}

func (k *vendastaChecker) relationships(b *vendastaBody, v any) {
	const at = "/data/relationships"
	m, _ := k.object(at, v, "partner", "businessLocations", "platformAccess")
	for _, name := range slices.Sorted(maps.Keys(m)) {
		member, ok := k.object(at+"/"+name, m[name], "data")
		if !ok {
			continue
		}
		pointer := at + "/" + name + "/data"
		switch name {
		case "partner":
			partner, ok := k.linkage(pointer, member["data"], "partners")
			if ok && (len(partner) < 3 || len(partner) > 4) { // [P], partners schema
				k.wrong(pointer+"/id", "must have 3 or 4 characters")
			}
			b.partner = partner
		case "businessLocations":
			b.businessLocations = k.list(pointer, member["data"], "businessLocations")
		case "platformAccess":
			b.platformAccess = k.list(pointer, member["data"], "appFeatures")
		}
	}
}

func (v *vendasta) create(c *call) *response {
	if refusal := v.checkQuery(c); refusal != nil {
		return refusal
	}
	k := &vendastaChecker{}
	b := k.body(c.body, "")
	if len(k.problems) == 0 {
		k.required(b)
	}
	if len(k.problems) > 0 {
		return v.badBody(c, k.problems)
	}
	u := &vendastaUser{entry: entry{created: c.now}, partner: b.partner, attributes: b.attributes, updated: c.now}
	var faults []string // they fire when the user is stored
	if c.ch.MisspelledEmailCase {
		u.attributes["email"] = otherCase(u.email())
		faults = append(faults, "misspelled-email-case")
	}
	faults = append(faults, apply(c, u, b)...)
	switch v.records.insert(u, v.options.Seed) {
	case duplicate:
		return v.duplicate(c, u.email())
	case full:
		return v.failure(c, http.StatusInsufficientStorage, "the simulator holds no more users")
	}
	c.created()
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	resp := v.document(c, http.StatusCreated, u)
	resp.header.Set("Location", c.root()+vendastaBase+"/users/"+u.id) // [P]
	return resp
}

// required is what a create must have: email and partner ([P]), and a role,
// through one list or both ([G-BUS]).
func (k *vendastaChecker) required(b vendastaBody) {
	if _, ok := b.attributes["email"]; !ok {
		k.wrong("/data/attributes/email", "must be given")
	}
	if b.partner == "" {
		k.wrong("/data/relationships/partner", "must be given")
	}
	if len(b.platformAccess) == 0 && len(b.businessLocations) == 0 {
		k.wrong("/data/relationships", "must give a role through platformAccess or businessLocations")
	}
}

// update is documented though "proposed": a list given replaces the whole list,
// what is omitted is kept ([P], [G-SYNC]).
func (v *vendasta) update(c *call, id string) *response {
	old, ok := v.records.byID(id)
	if !ok {
		return v.noUser(c)
	}
	k := &vendastaChecker{patch: true}
	b := k.body(c.body, id)
	// No text says that the email may change, or the partner: refused (assumed).
	if email, ok := b.attributes["email"]; ok && email != old.email() {
		k.wrong("/data/attributes/email", "can not be changed")
	}
	if b.partner != "" && b.partner != old.partner {
		k.wrong("/data/relationships/partner", "can not be changed")
	}
	if len(k.problems) > 0 {
		return v.badBody(c, k.problems)
	}
	delete(b.attributes, "email")
	u, did := v.records.change(id, func(u *vendastaUser) {
		before := maps.Clone(u.attributes)
		for name, value := range b.attributes {
			u.attributes[name] = v.merged(name, before[name], value)
		}
		for _, name := range apply(c, u, b) {
			c.fired(name)
		}
		// Profile changes only, not permission changes ([P]).
		if !reflect.DeepEqual(before, u.attributes) {
			u.updated = c.now
		}
	})
	if did != done {
		return v.noUser(c)
	}
	c.changed()
	return v.document(c, http.StatusOK, u)
}

// merged is the value of an attribute after an update.
func (v *vendasta) merged(name string, old, sent any) any {
	if name != "address" || !v.options.Vendasta.MergeAddress {
		return sent
	}
	address := map[string]any{}
	if o, ok := old.(map[string]any); ok {
		maps.Copy(address, o)
	}
	maps.Copy(address, sent.(map[string]any))
	return address
}

// apply sets the lists that were sent, and keeps other values than those sent
// where chaos wants it. It returns the faults that this is.
func apply(c *call, u *vendastaUser, b vendastaBody) (faults []string) {
	keep := func(name string, value any) any {
		stored, other := c.ch.differently(name, value, func(n node) (any, error) { return readAttribute(name, n) })
		if other {
			faults = append(faults, "stored-differently")
		}
		return stored
	}
	if b.platformAccess != nil {
		u.platformAccess = keep("platformAccess", b.platformAccess).([]string)
	}
	if b.businessLocations != nil {
		u.businessLocations = keep("businessLocations", b.businessLocations).([]string)
	}
	for name := range b.attributes {
		u.attributes[name] = keep(name, u.attributes[name])
	}
	return faults
}

// locations serves the relationship: GET, POST adds, PATCH replaces, DELETE
// removes ([P]). The answers carry the user, as the schema says ([P]); JSON:API
// itself would have the list there.
func (v *vendasta) locations(c *call, id string) *response {
	if c.Method == http.MethodGet {
		return v.get(c, id)
	}
	if _, ok := v.records.byID(id); !ok {
		return v.noUser(c)
	}
	k := &vendastaChecker{patch: true}
	var ids []string
	if decoded, ok := k.decode(c.body); ok {
		if top, ok := k.object("", decoded, "data"); ok {
			ids = k.list("/data", top["data"], "businessLocations")
		}
	}
	if len(k.problems) > 0 {
		return v.badBody(c, k.problems)
	}
	u, did := v.records.change(id, func(u *vendastaUser) {
		list := []string{}
		switch c.Method {
		case http.MethodPatch:
			list = ids
		case http.MethodPost: // those present already are ignored ([P], [G-BUS])
			list = append(list, u.businessLocations...)
			for _, location := range ids {
				if !slices.Contains(list, location) {
					list = append(list, location)
				}
			}
		default: // those absent already are ignored ([P], [G-BUS])
			for _, location := range u.businessLocations {
				if !slices.Contains(ids, location) {
					list = append(list, location)
				}
			}
		}
		for _, name := range apply(c, u, vendastaBody{businessLocations: list}) {
			c.fired(name)
		}
	})
	if did != done {
		return v.noUser(c)
	}
	c.changed()
	switch c.Method {
	case http.MethodPost:
		return v.document(c, http.StatusCreated, u)
	case http.MethodDelete:
		return &response{status: http.StatusNoContent, header: http.Header{}}
	default:
		return v.document(c, http.StatusOK, u)
	}
}
