package simulator

import (
	"net/http"
	"slices"
)

// create makes a user and sends the activation mail at once (DOC S004). Whoever is
// at the vendor already, in other accounts only, is taken into this one: inferred,
// since users can belong to several tenants (DOC M-DEL). He keeps id, name and
// primary tenant and gets the roles sent; that no mail goes out then is assumed.
func (m *myreports) create(c *call, account string) *response {
	k := &checker{}
	u := myreportsDraft(k, c.body)
	if len(k.problems) > 0 {
		return m.refuse(c, k.problems...)
	}
	roles := u.roles
	u.created, u.primaryTenant, u.accounts = c.now, account, []string{account}
	faults := u.keep(c, "email", "displayName", "roles")
	if c.ch.MisspelledEmailCase {
		u.email = otherCase(u.email)
		faults = append(faults, "misspelled-email-case")
	}
	for {
		switch m.records.insert(u, m.options.Seed) {
		case done:
			c.created()
			c.mailed()
			return m.createdAnswer(c, account, u, faults)
		case full:
			return m.failure(c, http.StatusInsufficientStorage, "the simulator holds no more users")
		}
		same := m.records.byKey(u.key())
		if slices.ContainsFunc(same, func(other *myreportsUser) bool { return other.belongs(account) }) {
			return m.duplicate(c)
		}
		if len(same) == 0 {
			continue // he was deleted meanwhile
		}
		there := false
		joined, did := m.records.change(same[0].id, func(other *myreportsUser) {
			if there = other.belongs(account); !there {
				other.accounts, other.roles = append(slices.Clone(other.accounts), account), roles
				faults = other.keep(c, "roles")
			}
		})
		switch {
		case did != done: // as well
		case there:
			return m.duplicate(c)
		default:
			return m.createdAnswer(c, account, joined, faults)
		}
	}
}

// createdAnswer is a 201 with the address and the user (DOC S004).
func (m *myreports) createdAnswer(c *call, account string, u *myreportsUser, faults []string) *response {
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	resp := m.answer(c, http.StatusCreated, map[string]any{"data": u.shown(c, true)})
	resp.header.Set("Location", c.root()+myreportsAPI+"/accounts/"+account+"/users/"+u.id)
	return resp
}

// duplicate is the answer to an email that a user of the account has already. Not
// documented; assumed is a 400, the only status that is for what was sent.
func (m *myreports) duplicate(c *call) *response {
	return m.refuse(c, problem{"/email", "another user of the account has this email"})
}

// keep has a user keep another value than the one in these fields, where chaos
// wants it; it returns the faults that this is.
func (u *myreportsUser) keep(c *call, names ...string) (faults []string) {
	for _, name := range names {
		other := false
		switch name {
		case "email":
			u.email, other = storedAs(c, name, u.email, node.filled)
		case "displayName":
			u.displayName, other = storedAs(c, name, u.displayName, node.text)
		case "roles":
			u.roles, other = storedAs(c, name, u.roles, node.texts)
		}
		if other {
			faults = append(faults, "stored-differently")
		}
	}
	return faults
}

// storedAs is what becomes of a value that is written, and whether that is another.
func storedAs[T any](c *call, name string, value T, read func(node) (T, error)) (T, bool) {
	stored, other := c.ch.differently(name, value, func(n node) (any, error) { return read(n) })
	return stored.(T), other
}

// remove deletes a user whose primary tenant the account is, in all accounts, and
// for good; any other only leaves the account (DOC M-DEL).
func (m *myreports) remove(c *call, u *myreportsUser, account string) *response {
	if u.primaryTenant == account {
		if !m.records.drop(u.id) {
			return m.notFound(c)
		}
	} else if _, did := m.records.change(u.id, func(u *myreportsUser) {
		u.accounts = slices.DeleteFunc(slices.Clone(u.accounts), func(a string) bool { return a == account })
	}); did != done {
		return m.notFound(c)
	}
	c.changed()
	return m.answer(c, http.StatusOK, map[string]any{})
}

// activate sends the activation mail, at the primary tenant alone (DOC M-ACT). That
// a body is refused, and that there is no pause between two mails, is assumed.
func (m *myreports) activate(c *call, u *myreportsUser, account string) *response {
	switch {
	case len(c.body) > 0:
		return m.refuse(c, problem{"", "there is no body here"})
	case u.primaryTenant != account:
		return m.error(c, http.StatusBadRequest, "TenantNotPrimary", "The tenant is not the primary tenant of the user.")
	}
	c.mailed()
	return &response{status: http.StatusNoContent, header: http.Header{}}
}
