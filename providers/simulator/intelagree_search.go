package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

// search answers GET /users?email=ADDRESS, which is assumed: the users with
// exactly that address, whatever its case, oldest first, on one page. A list of
// all is not to be had, so that any other parameter, or none, is refused.
func (a *intelagree) search(c *call) *response {
	q, err := url.ParseQuery(c.URL.RawQuery)
	email := q.Get("email")
	if err != nil || len(q) != 1 || len(q["email"]) != 1 || email == "" {
		return a.failure(c, http.StatusBadRequest, "email must be given, once, and nothing else")
	}
	shown := []any{}
	for _, u := range a.found(c, strings.ToLower(email)) {
		one := u.shown(c)
		hide(c, c.ch.HiddenInSearch, one, nil)
		shown = append(shown, one)
	}
	if envelope := a.options.IntelAgree.Envelope; envelope != "" {
		return jsonAnswer(http.StatusOK, intelagreeJSON, map[string]any{envelope: shown})
	}
	return jsonAnswer(http.StatusOK, intelagreeJSON, shown)
}

// found is all users that a search finds.
func (a *intelagree) found(c *call, key string) []*intelagreeUser {
	searches := a.records.searches.Add(1)
	var users []*intelagreeUser
	wrong := 0
	take := func(u *intelagreeUser) bool {
		switch {
		case u.lagging(c, searches):
			c.fired("index-lag")
			return true
		case u.key() != key:
			wrong++
		}
		users = append(users, u)
		return true
	}
	if c.ch.IgnoreFilter {
		a.records.after(0, take)
	} else {
		for _, u := range a.records.byKey(key) {
			take(u)
		}
	}
	if wrong > 0 {
		c.fired("ignored-filter")
	}
	return users
}
