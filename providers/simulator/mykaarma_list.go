package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// users answers with all users of a dealer at once: no parameter for pages is
// documented (K-REF).
func (m *mykaarma) users(c *call, dealer string) *response {
	invalidToo, problems := mykaarmaQuery(c)
	switch {
	case len(problems) > 0:
		return m.refuse(c, problems...)
	case !m.reaches(dealer):
		return m.forbidden(c)
	}
	searches := m.records.searches.Add(1)
	shown := []any{}
	m.records.after(0, func(u *mykaarmaUser) bool {
		switch {
		case u.text("dealerUUID") != dealer || !u.valid && !invalidToo:
		case u.lagging(c, searches):
			c.fired("index-lag")
		default:
			shown = append(shown, m.listed(c, u))
		}
		return true
	})
	return m.envelope(c, http.StatusOK, nil, map[string]any{"users": shown})
}

// mykaarmaQuery reads the one parameter of the list, whether users who are not
// valid are wanted too (K-REF). Assumed are that they are not without it, and that
// anything else is refused.
func mykaarmaQuery(c *call) (invalidToo bool, problems []problem) {
	const name = "includeInvalid"
	q, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return false, []problem{{"", "the query can not be decoded"}}
	}
	k := &checker{}
	for _, other := range slices.Sorted(maps.Keys(q)) {
		if other != name {
			k.wrong("/"+other, "is not known here")
		}
	}
	switch values := q[name]; {
	case len(values) > 1:
		k.wrong("/"+name, "may be given once")
	case len(values) == 1 && values[0] != "true" && values[0] != "false":
		k.wrong("/"+name, "must be true or false")
	}
	return q.Get(name) == "true", k.problems
}

// listed is a user as the list shows him (K-REF). What nobody can set is unset.
func (m *mykaarma) listed(c *call, u *mykaarmaUser) map[string]any {
	shown := mykaarmaListed.unset()
	for at, name := range map[string]string{
		"firstName": "firstName", "lastName": "lastName", "nickName": "nickName", "userName": "username",
		"email": "emailAddress", "phone": "phone", "textNumber": "textNumber",
	} {
		shown[at] = u.attributes[name]
	}
	if m.options.MyKaarma.ListShowsAll {
		shown["bio"], shown["imageUrl"] = u.attributes["bio"], u.attributes["imageUrl"]
	}
	shown["uuid"], shown["isValid"] = u.id, u.valid
	shown["latestInviteStatus"], shown["latestInviteDate"], shown["latestInviteUUID"] = u.invitation()
	m.hidden(c, slices.Concat(c.ch.Hidden, c.ch.HiddenInSearch), shown)
	return shown
}
