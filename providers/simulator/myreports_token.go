package simulator

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// myreportsCodeLife is how long a code can be exchanged: assumed.
const myreportsCodeLife = 5 * time.Minute

var (
	errGrant    = errors.New("the code or refresh token is unknown, used, expired or another client's")
	errVerifier = errors.New("code_verifier does not fit the code_challenge")
)

// myreportsCode is what a code stands for.
type myreportsCode struct {
	client, redirect, challenge string
	expires                     time.Time
}

// myreportsGrants are the codes and refresh tokens that the login issued. They are no
// part of the state: after a restart a person has to sign in again.
type myreportsGrants struct {
	mu      sync.Mutex
	made    int64
	codes   kept[myreportsCode]
	refresh kept[string]   // whose client's they are, "" for any
	spent   kept[struct{}] // refresh tokens that were used up
}

func (g *myreportsGrants) name(what string) string {
	g.made++
	return fmt.Sprintf("myreports-%s-%06d-%x", what, g.made, digest("myreports", what, g.made)[:8])
}

func (g *myreportsGrants) newCode(code myreportsCode) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := g.name("code")
	g.codes.put(name, code)
	return name
}

func (g *myreportsGrants) newRefresh(client string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := g.name("refresh")
	g.refresh.put(name, client)
	return name
}

// useCode takes a code, which is used up whether or not it is exchanged (assumed).
func (g *myreportsGrants) useCode(name string) (myreportsCode, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.codes.take(name)
}

// useRefresh tells whether a client may use a refresh token. With once, it is used up;
// with any, it need not have been issued.
func (g *myreportsGrants) useRefresh(name, client string, once, any bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	owner, issued := g.refresh.items[name]
	_, spent := g.spent.items[name]
	if spent || !issued && !any || owner != "" && owner != client {
		return false
	}
	if once {
		g.refresh.take(name)
		g.spent.put(name, struct{}{})
	}
	return true
}

func (g *myreportsGrants) revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.codes, g.refresh = kept[myreportsCode]{}, kept[string]{}
}

// issueToken exchanges a code or a refresh token for an access token (DOC M-AUTH).
// The fields are those of standard OAuth (INFERRED), and so are the errors.
func (m *myreports) issueToken(c *call) *response {
	form, err := tokenForm(c)
	if err != nil {
		return oauthError(c, http.StatusBadRequest, "invalid_request", err.Error())
	}
	known := []string{"grant_type", "client_id", "client_secret"}
	needed := []string{"refresh_token"}
	switch form.Get("grant_type") {
	case "":
		return oauthError(c, http.StatusBadRequest, "invalid_request", "grant_type must be given")
	case "authorization_code":
		needed = []string{"code", "redirect_uri"}
		if !m.options.MyReports.NoPKCE {
			known = append(known, "code_verifier")
		}
	case "refresh_token":
	default:
		return oauthError(c, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
	}
	// That unknown fields are refused is assumed.
	if wrong := onlyFields(form, append(known, needed...)...); wrong != "" {
		return oauthError(c, http.StatusBadRequest, "invalid_request", wrong)
	}
	if !m.isClient(form.Get("client_id"), form.Get("client_secret")) {
		return oauthError(c, http.StatusBadRequest, "invalid_client", "client_id or client_secret is missing or wrong")
	}
	for _, name := range needed {
		if form.Get(name) == "" {
			return oauthError(c, http.StatusBadRequest, "invalid_request", name+" must be given")
		}
	}
	if form.Get("grant_type") == "authorization_code" {
		err = m.exchange(form, c.now)
	} else if !m.grants.useRefresh(form.Get("refresh_token"), form.Get("client_id"), m.options.MyReports.RotateRefreshTokens, m.options.Tokens == AnyBearer) {
		err = errGrant
	}
	if err != nil {
		return oauthError(c, http.StatusBadRequest, "invalid_grant", err.Error())
	}
	return m.tokensFor(c, form)
}

// isClient checks the credentials of a client, which stand in the form (INFERRED).
func (m *myreports) isClient(id, secret string) bool {
	is := func(got, want string) bool {
		return got != "" && (want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1)
	}
	return is(id, m.options.MyReports.ClientID) && is(secret, m.options.MyReports.ClientSecret)
}

// exchange uses up a code, which is bound to whom and what it was issued for.
func (m *myreports) exchange(form url.Values, now time.Time) error {
	code, ok := m.grants.useCode(form.Get("code"))
	verifier := form.Get("code_verifier")
	switch {
	case !ok || !now.Before(code.expires) || code.client != form.Get("client_id") || code.redirect != form.Get("redirect_uri"):
		return errGrant
	case code.challenge == "" && verifier == "":
		return nil
	case challengeOf(verifier) != code.challenge:
		return errVerifier
	default:
		return nil
	}
}

// tokensFor answers with new tokens. The access token is no JWT here, which it is at
// the vendor (DOC M-AUTH): what stands in one is for the vendor to read. Nor is there
// an id_token.
func (m *myreports) tokensFor(c *call, form url.Values) *response {
	body := map[string]any{
		"access_token": m.tokens.issue("myreports", c.now, m.options.TokenLifetime, myreportsScopes),
		"expires_in":   int64(m.options.TokenLifetime / time.Second),
		"token_type":   "Bearer",
		"scope":        strings.Join(myreportsScopes, " "),
	}
	if form.Get("grant_type") == "authorization_code" || m.options.MyReports.RotateRefreshTokens {
		body["refresh_token"] = m.grants.newRefresh(form.Get("client_id"))
	}
	resp := jsonAnswer(http.StatusOK, "application/json", body)
	resp.header.Set("Cache-Control", "no-store")
	return resp
}
