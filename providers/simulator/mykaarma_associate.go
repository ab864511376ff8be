package simulator

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
)

// associates answers with dealer associates by their UUIDs, or all of departments:
// a read, although it is a POST (K-GH). That departmentUuids alone mean all of
// them, invalid ones too, is assumed, and so is that both lists together mean what
// is in both, that what is not there is left out, and that something must be asked
// for. What validate and doNotValidate do is not documented: nothing, here.
func (m *mykaarma) associates(c *call) *response {
	k := &checker{}
	var uuids, departments []any
	if body, ok := k.body(c, "dealerAssociateUuids", "departmentUuids", "validate", "doNotValidate"); ok {
		uuids, departments = k.wanted(body, "dealerAssociateUuids"), k.wanted(body, "departmentUuids")
		for _, name := range []string{"validate", "doNotValidate"} {
			if v, ok := body[name]; ok {
				mykaarmaField{flag: true}.sent(k, "/"+name, v)
			}
		}
	}
	if len(k.problems) == 0 && len(uuids)+len(departments) == 0 {
		k.wrong("", "dealerAssociateUuids or departmentUuids must be given")
	}
	if len(k.problems) > 0 {
		return m.refuse(c, k.problems...)
	}
	found := map[string]any{}
	allowed := true
	m.records.after(0, func(u *mykaarmaUser) bool {
		for _, a := range u.associates {
			if len(departments) > 0 && !slices.Contains(departments, any(a.department())) {
				continue
			}
			id := u.associateUUID(a)
			if len(uuids) > 0 && !slices.Contains(uuids, any(id)) {
				continue
			}
			allowed = allowed && m.reaches(u.attributes["dealerUUID"])
			found[id] = m.associated(c, u, a)
		}
		return allowed
	})
	if !allowed {
		return m.forbidden(c)
	}
	return m.envelope(c, http.StatusOK, nil, map[string]any{"dealerAssociates": found})
}

// body reads a body that is an object.
func (k *checker) body(c *call, names ...string) (map[string]any, bool) {
	decoded, ok := k.decode(c.body)
	if !ok {
		return nil, false
	}
	return k.object("", decoded, names...)
}

// wanted reads a list of UUIDs, if there is one.
func (k *checker) wanted(body map[string]any, name string) []any {
	v, ok := body[name]
	if !ok {
		return nil
	}
	list, _ := k.list("/"+name, v, func(at string, item any) (any, bool) { return k.text(at, item) })
	all, _ := list.([]any)
	return all
}

// associated is a dealer associate as answers show it (K-REF). Departments,
// dealers and roles themselves are not simulated: that their names are the UUIDs,
// what their numbers are, and that a role's acronym is made of its first letters,
// is assumed.
func (m *mykaarma) associated(c *call, u *mykaarmaUser, a mykaarmaAssociate) map[string]any {
	shown := mykaarmaAssociated.unset()
	for at, name := range map[string]string{
		"firstName": "firstName", "lastName": "lastName", "nickname": "nickName", "userName": "username", "emailAddress": "emailAddress",
		"cellPhone": "phone", "textNumber": "textNumber", "imageUrl": "imageUrl", "bio": "bio",
	} {
		shown[at] = u.attributes[name]
	}
	id := u.associateUUID(a)
	shown["uuid"], shown["id"], shown["userUuid"], shown["isValid"] = id, mykaarmaNumber(id), u.id, a.valid
	shown["associateDmsID"] = a.attributes["dmsID"]
	shown["ssoFeatureEnabled"] = a.attributes["ssoFeatureEnabled"] == true
	shown["userInviteStatus"], _, _ = u.invitation()

	department, dealer := a.department(), u.text("dealerUUID")
	of := shown["department"].(map[string]any)
	of["uuid"], of["name"], of["id"] = department, department, mykaarmaNumber(department)
	by := of["dealer"].(map[string]any)
	by["uuid"], by["name"], by["id"], by["isValid"] = dealer, dealer, mykaarmaNumber(dealer), true
	role := shown["role"].(map[string]any)
	if id := a.text("roleUUID"); id != "" {
		role["roleName"], role["roleAcronym"] = m.roleName(id), acronym(m.roleName(id))
	}
	m.hidden(c, c.ch.Hidden, shown)
	return shown
}

// mykaarmaNumber is the number of what has that UUID.
func mykaarmaNumber(id string) int64 {
	return int64(binary.BigEndian.Uint32(digest("mykaarma", "number", id)))
}

// acronym is the first letters of all words.
func acronym(name string) string {
	letters := ""
	for word := range strings.FieldsSeq(name) {
		letters += string([]rune(word)[:1])
	}
	return letters
}

// changeRole gives a user another role in a department, by the role's name
// (K-REF). Which names there are is not documented; that another than those known
// is a 400 is assumed. The flags of an associate and whether it is valid stay.
func (m *mykaarma) changeRole(c *call, t mykaarmaTarget) *response {
	if _, ok := m.roleUUID(t.role); !ok {
		return m.refuse(c, problem{"/roleName", "is not the name of a role"})
	}
	text := mykaarmaField{}
	name, otherName := c.ch.differently("roleName", t.role, text.read)
	id, _ := m.roleUUID(name.(string))
	role, otherRole := c.ch.differently("roleUUID", id, text.read)
	var faults []string
	if otherName || otherRole {
		faults = append(faults, "stored-differently")
	}
	return m.changeAssociate(c, t, faults, func(a *mykaarmaAssociate) { a.attributes["roleUUID"] = role })
}

// updateAssociate sets whether an associate is valid, where changeValidStatus says
// so (K-REF). What that member means is not described; assumed is that without it
// isValid is not looked at. That the object's other members must be as documented
// and change nothing is assumed as well.
func (m *mykaarma) updateAssociate(c *call, t mykaarmaTarget) *response {
	k := &checker{}
	var valid any
	changes := false
	if body, ok := k.body(c, "dealerAssociate", "changeValidStatus"); ok {
		valid = mykaarmaAssociated.check(k, "/dealerAssociate", body["dealerAssociate"])["isValid"]
		if v, ok := body["changeValidStatus"]; ok {
			mykaarmaField{flag: true}.sent(k, "/changeValidStatus", v)
			changes = v == true
		}
	}
	if changes && valid == nil && len(k.problems) == 0 {
		k.wrong("/dealerAssociate/isValid", "must be given where changeValidStatus is true")
	}
	if len(k.problems) > 0 {
		return m.refuse(c, k.problems...)
	}
	var faults []string
	if changes {
		stored, other := c.ch.differently("isValid", valid, mykaarmaField{flag: true}.read)
		if valid = stored; other {
			faults = append(faults, "stored-differently")
		}
	}
	return m.changeAssociate(c, t, faults, func(a *mykaarmaAssociate) {
		if changes {
			a.valid = valid.(bool)
		}
	})
}

// changeAssociate lets f change what a user is in a department. Where he is nothing
// there the answer is 200 with errors and no id, which is documented of associates
// (K-REF).
func (m *mykaarma) changeAssociate(c *call, t mykaarmaTarget, faults []string, f func(*mykaarmaAssociate)) *response {
	nothing := func() *response {
		errors := mistakes(c, http.StatusBadRequest, "the user is no dealer associate of this department")
		return m.envelope(c, http.StatusOK, errors, map[string]any{"dealerAssociateUuid": nil})
	}
	old, ok := m.records.byID(t.user)
	switch {
	case !ok:
		return nothing()
	case !m.reaches(old.attributes["dealerUUID"]):
		return m.forbidden(c)
	}
	id := ""
	u, did := m.records.change(t.user, func(u *mykaarmaUser) {
		at := u.at(t.department)
		if at < 0 {
			return
		}
		f(&u.associates[at])
		u.settle()
		id = u.associateUUID(u.associates[at])
	})
	if did != done || u.at(t.department) < 0 {
		return nothing()
	}
	m.wrote(c, faults)
	return m.envelope(c, http.StatusOK, nil, map[string]any{"dealerAssociateUuid": id})
}
