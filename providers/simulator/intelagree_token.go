package simulator

import (
	"net/http"
	"strings"
)

// intelagreeMoment is how a token's end is written: UTC, with seven digits of a
// second (DOC I-GS).
const intelagreeMoment = "2006-01-02T15:04:05.0000000Z"

// issueToken exchanges the account key for a token (DOC I-GS). What a wrong key is
// answered is not documented; assumed is a 401.
func (a *intelagree) issueToken(c *call) *response {
	k := &checker{}
	body, ok := k.decode(c.body)
	var key string
	if ok {
		if m, ok := k.object("", body, "accountKey"); ok {
			key, _ = k.member("", m, "accountKey")
		}
	}
	if len(k.problems) > 0 {
		return a.refuse(c, k.problems...)
	}
	if !intelagreeIs(key, a.options.IntelAgree.AccountKey) {
		return a.failure(c, http.StatusUnauthorized, "the account key is unknown")
	}
	resp := jsonAnswer(http.StatusOK, intelagreeJSON, map[string]any{
		"token":   a.tokens.issue("intelagree", c.now, a.options.TokenLifetime, nil),
		"expires": c.now.Add(a.options.TokenLifetime).UTC().Format(intelagreeMoment),
	})
	resp.header.Set("Cache-Control", "no-store")
	return resp
}

// knows checks the token (DOC S003).
func (a *intelagree) knows(c *call) bool {
	values := c.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	name, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok || name == "" || strings.ContainsAny(name, " \t") {
		return false
	}
	if a.options.Tokens == AnyBearer {
		return true
	}
	_, ok = a.tokens.scopes(name, c.now)
	return ok
}
