package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Paths of the login: the first is assumed to be at the usual place, the others are
// documented (DOC M-AUTH).
const (
	myreportsDiscoveryPath = "/.well-known/openid-configuration"
	myreportsAuthorizePath = "/connect/authorize"
	myreportsTokenPath     = "/connect/token" //nolint:gosec // a path, no credential
)

// myreportsScopes are asked for (DOC M-AUTH). That it has to be all of them and no
// other is assumed: the documentation knows one list, which its sample misspells.
var myreportsScopes = []string{"offline_access", "onboarding", "openid"}

// myreportsChallenge is a challenge by S256: a SHA-256 in base64url (RFC 7636).
var myreportsChallenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// discover describes the login, with the usual members. All of it is assumed: the
// documentation does not say that there is a description.
func (m *myreports) discover(c *call) *response {
	if c.URL.RawQuery != "" {
		return oauthError(c, http.StatusBadRequest, "invalid_request", "there are no parameters here")
	}
	body := map[string]any{
		"issuer":                   c.root(),
		"authorization_endpoint":   c.root() + myreportsAuthorizePath,
		"token_endpoint":           c.root() + myreportsTokenPath,
		"scopes_supported":         texts(myreportsScopes),
		"response_types_supported": []any{"code"},
		"grant_types_supported":    []any{"authorization_code", "refresh_token"},
	}
	if !m.options.MyReports.NoPKCE {
		body["code_challenge_methods_supported"] = []any{"S256"}
	}
	return jsonAnswer(http.StatusOK, "application/json", body)
}

// authorize is the page where a person signs in and approves (DOC M-AUTH). Here he
// does so at once: the answer leads back with a code. Errors are never sent there,
// assumed, so that whoever opens the page sees them.
func (m *myreports) authorize(c *call) *response {
	q, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return oauthError(c, http.StatusBadRequest, "invalid_request", "the query can not be decoded")
	}
	if code, wrong := m.checkLogin(q); code != "" {
		return oauthError(c, http.StatusBadRequest, code, wrong)
	}
	back, err := loopback(q.Get("redirect_uri"))
	if err != nil {
		return oauthError(c, http.StatusBadRequest, "invalid_request", err.Error())
	}
	to := back.Query()
	to.Set("code", m.grants.newCode(myreportsCode{
		client: q.Get("client_id"), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		expires: c.now.Add(myreportsCodeLife),
	}))
	to.Set("state", q.Get("state"))
	back.RawQuery = to.Encode()
	return &response{status: http.StatusFound, header: http.Header{
		"Location": {back.String()}, "Cache-Control": {"no-store"},
	}}
}

// checkLogin checks the parameters of the page (DOC M-AUTH), and those of PKCE (RFC
// 7636). That each of the documented ones must be given, and that others are refused,
// is assumed.
func (m *myreports) checkLogin(q url.Values) (code, wrong string) {
	needed := []string{"client_id", "redirect_uri", "response_type", "scope", "state"}
	known := needed
	if !m.options.MyReports.NoPKCE {
		known = append(slices.Clone(needed), "code_challenge", "code_challenge_method")
	}
	if wrong = onlyFields(q, known...); wrong != "" {
		return "invalid_request", wrong
	}
	for _, name := range needed {
		if q.Get(name) == "" {
			return "invalid_request", name + " must be given"
		}
	}
	scopes := strings.Fields(q.Get("scope"))
	slices.Sort(scopes)
	challenge, method := q.Get("code_challenge"), q.Get("code_challenge_method")
	client := m.options.MyReports.ClientID
	switch {
	case client != "" && q.Get("client_id") != client:
		return "unauthorized_client", "the client is unknown"
	case q.Get("response_type") != "code":
		return "unsupported_response_type", "response_type must be code"
	case !slices.Equal(slices.Compact(scopes), myreportsScopes):
		return "invalid_scope", "scope must be openid offline_access onboarding"
	case challenge == "" && method == "":
		return "", ""
	case method != "S256": // that plain is refused is assumed
		return "invalid_request", "code_challenge_method must be S256"
	case !myreportsChallenge.MatchString(challenge):
		return "invalid_request", "code_challenge must be a SHA-256 in base64url"
	default:
		return "", ""
	}
}

var errNotLoopback = errors.New("redirect_uri must be an http address of this machine")

// loopback reads an address to lead back to. The documented default is
// http://127.0.0.1:8000 (DOC M-AUTH); that none but of this machine is allowed is
// assumed.
func loopback(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errNotLoopback
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "http" || u.User != nil || u.Fragment != "" || u.Hostname() != "localhost" && !ip.IsLoopback() {
		return nil, errNotLoopback
	}
	return u, nil
}

// challengeOf is what a client that has the verifier sends as its challenge.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
