package simulator

import "net/http"

func (m *mykaarma) create(c *call) *response {
	k := &checker{}
	given := m.fields(k, c, false)
	// An invitation goes out by mail or by text or by both (DOC S002); that either
	// flag alone sends nothing is assumed. A text needs a number (K-HELP1), which of
	// the two is inferred.
	mail := given["userInvite"] == true && given["sendEmail"] == true
	text := given["userInvite"] == true && given["sendText"] == true
	if number, _ := given["textNumber"].(string); text && number == "" && len(k.problems) == 0 {
		k.wrong("/textNumber", "must be given for an invitation by text")
	}
	switch {
	case len(k.problems) > 0:
		return m.refuse(c, k.problems...)
	case !m.reaches(given["dealerUUID"]):
		return m.forbidden(c)
	}
	u := &mykaarmaUser{
		entry: entry{created: c.now}, attributes: map[string]any{}, valid: true,
		associates: []mykaarmaAssociate{{attributes: map[string]any{}, valid: true}},
	}
	faults := m.set(c, u, given)
	if mail || text {
		u.invited, u.inviteStatus = c.now, "PENDING"
	}
	if c.ch.MisspelledEmailCase {
		u.attributes["emailAddress"] = otherCase(u.text("emailAddress"))
		faults = append(faults, "misspelled-email-case")
	}
	switch m.records.insert(u, m.options.Seed) {
	case duplicate:
		return m.duplicate(c)
	case full:
		return m.failure(c, http.StatusInsufficientStorage, "the simulator holds no more users")
	}
	c.created()
	if mail {
		c.mailed() // a text is no mail
	}
	m.wrote(c, faults)
	return m.envelope(c, http.StatusOK, nil, map[string]any{"userUuid": u.id})
}

// update is the partner's update of a profile: eight fields, and nothing of a
// department (K-REF).
func (m *mykaarma) update(c *call, id string) *response {
	k := &checker{}
	given := m.fields(k, c, true)
	merges := m.options.MyKaarma.UpdateMerges
	if _, ok := given["emailAddress"]; !ok && !merges && len(k.problems) == 0 {
		k.wrong("/emailAddress", "must be given") // assumed: nobody is without one
	}
	old, ok := m.records.byID(id)
	switch {
	case len(k.problems) > 0:
		return m.refuse(c, k.problems...)
	case !ok:
		return m.nobody(c)
	case !m.reaches(old.attributes["dealerUUID"]):
		return m.forbidden(c)
	}
	var faults []string
	_, did := m.records.change(id, func(u *mykaarmaUser) {
		for _, f := range mykaarmaFields {
			if f.update && !merges {
				delete(u.attributes, f.name)
			}
		}
		faults = m.set(c, u, given)
	})
	switch did {
	case nobody:
		return m.nobody(c)
	case duplicate:
		return m.duplicate(c)
	}
	m.wrote(c, faults)
	return m.envelope(c, http.StatusOK, nil, map[string]any{"userUuid": id})
}

// set gives a user, and the associate of his create, these fields, or other values
// than those sent where chaos wants it; it returns the faults that this is.
func (m *mykaarma) set(c *call, u *mykaarmaUser, given map[string]any) (faults []string) {
	for _, f := range mykaarmaFields {
		value, ok := given[f.name]
		if !ok || f.part == ofRequest {
			continue
		}
		stored, other := c.ch.differently(f.name, value, f.read)
		if other {
			faults = append(faults, "stored-differently")
		}
		if f.part == ofAssociate {
			u.associates[0].attributes[f.name] = stored
		} else {
			u.attributes[f.name] = stored
		}
	}
	u.named()
	return faults
}

// wrote notes a change that was made, and the faults that it had.
func (m *mykaarma) wrote(c *call, faults []string) {
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
}
