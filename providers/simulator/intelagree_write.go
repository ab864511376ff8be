package simulator

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// create makes a user (DOC S003). Whether a mail goes out is not documented;
// assumed is that none does.
func (a *intelagree) create(c *call) *response {
	creator, wrong := intelagreeCreator(c.Header)
	if wrong != "" {
		return a.failure(c, http.StatusBadRequest, wrong)
	}
	given, refusal := a.given(c)
	if refusal != nil {
		return refusal
	}
	u := &intelagreeUser{entry: entry{created: c.now}, creator: creator}
	faults := u.set(c, given)
	u.id = u.firstValue()
	if c.ch.MisspelledEmailCase {
		u.attributes["email"] = otherCase(u.email())
		faults = append(faults, "misspelled-email-case")
	}
	switch a.records.insert(u, a.options.Seed) {
	case duplicate:
		return a.duplicate(c, nil, u.key())
	case full:
		return a.failure(c, http.StatusInsufficientStorage, "the simulator holds no more users")
	}
	c.created()
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	// Neither the status nor the body is documented; assumed is the user as a look
	// shows him.
	if a.options.IntelAgree.SilentCreate {
		return &response{status: http.StatusCreated, header: http.Header{}}
	}
	return jsonAnswer(http.StatusCreated, intelagreeJSON, u.shown(c))
}

// intelagreeCreator is who makes a user: the type and the value of his business
// key, or, without the two headers, the API's own user (DOC S003), which is "".
// That one header needs the other is assumed, and so is that nobody looks whether
// there is such a user.
func intelagreeCreator(header http.Header) (creator, wrong string) {
	types, keys := header.Values("AsUserType"), header.Values("AsUserKey")
	if len(types) == 0 && len(keys) == 0 {
		return "", ""
	}
	if len(types) != 1 || len(keys) != 1 {
		return "", "AsUserType and AsUserKey must be given both, once, or neither"
	}
	for _, part := range []string{types[0], keys[0]} {
		if strings.TrimSpace(part) == "" || !utf8.ValidString(part) || strings.ContainsFunc(part, unicode.IsControl) {
			return "", "AsUserType and AsUserKey must be plain text and not empty"
		}
	}
	return types[0] + "/" + keys[0], ""
}

// update replaces a user by what the body has, which is assumed throughout: the
// fields of a create, of which those that are not sent are unset.
func (a *intelagree) update(c *call, old *intelagreeUser) *response {
	given, refusal := a.given(c)
	if refusal != nil {
		return refusal
	}
	var faults []string
	u, did := a.records.change(old.id, func(u *intelagreeUser) { faults = u.set(c, given) })
	switch did {
	case nobody:
		return a.failure(c, http.StatusNotFound, intelagreeNobody)
	case duplicate:
		return a.duplicate(c, old, given["email"].(string))
	}
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	return jsonAnswer(http.StatusOK, intelagreeJSON, u.shown(c))
}

// given is what the body of a create or an update gives a user, with what another
// one's permissions add. What cloning copies is not documented; assumed are his
// permissions, his presets, and, where the body does not say it, whether they
// hold for all organisations. That nobody having the key is a 400 is assumed.
func (a *intelagree) given(c *call) (map[string]any, *response) {
	k := &checker{}
	given := a.fields(k, c.body)
	if len(k.problems) > 0 {
		return nil, a.refuse(c, k.problems...)
	}
	source, ok := given[intelagreeClone]
	if !ok {
		return given, nil
	}
	other, ok := a.withKey(intelagreeKeyOf(source))
	if !ok {
		return nil, a.refuse(c, problem{"/" + intelagreeClone, "is nobody's business key"})
	}
	for _, name := range []string{"userPermissions", "permissionPresets", "hasAllOrganizations"} {
		if _, sent := given[name]; !sent {
			given[name] = other.attributes[name]
		}
	}
	return given, nil
}

// set gives a user these fields and no others, or other values than those sent
// where chaos wants it; it returns the faults that this is.
func (u *intelagreeUser) set(c *call, given map[string]any) (faults []string) {
	u.attributes = intelagreeBlank()
	u.attributes["businessKeys"] = []any{}
	for _, f := range intelagreeFields {
		value, ok := given[f.name]
		if !ok || f.name == intelagreeClone {
			continue
		}
		stored, other := c.ch.differently(f.name, value, f.read)
		if other {
			faults = append(faults, "stored-differently")
		}
		u.attributes[f.name] = stored
	}
	return faults
}
