package simulator

import (
	"crypto"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendastaOptions settles, for Vendasta, what its documentation leaves open.
type VendastaOptions struct {
	// CaseSensitiveSearch makes filter[email] tell cases apart. Not documented;
	// SCIM's userName there is case-insensitive ([S]), hence the default.
	CaseSensitiveSearch bool
	// MergeAddress keeps the address fields that a PATCH leaves out. By default
	// a given address replaces the old one as a whole, assumed because the
	// schema calls address one attribute, and omitted attributes are what is
	// kept ([P]).
	MergeAddress bool
	// Key, an RSA or ECDSA public key, has the token endpoint check signatures.
	// Without it any signature will do.
	Key crypto.PublicKey
}

const (
	jsonAPI        = "application/vnd.api+json"
	vendastaBase   = "/platform"
	vendastaToken  = "/oauth2/token" //nolint:gosec // a path, no credential
	vendastaScopes = "user.admin"
)

// vendastaBearer is the documented pattern of the Authorization header ([P]).
var vendastaBearer = regexp.MustCompile(`^Bearer\s(\S+)$`)

// vendasta is Vendasta's platform API for users, and its token endpoint.
type vendasta struct {
	options Options
	tokens  tokenStore
	records records[*vendastaUser]
}

func newVendasta(options Options) *vendasta {
	return &vendasta{options: options}
}

func (v *vendasta) kind() string                { return "vendasta" }
func (v *vendasta) paths() (base, token string) { return vendastaBase, vendastaToken }
func (v *vendasta) revokeTokens()               { v.tokens.revoke() }
func (v *vendasta) credentials() string         { return "Authorization" }

// vendastaPath is a documented path.
type vendastaPath int

const (
	vendastaNowhere vendastaPath = iota
	vendastaTokens
	vendastaUsers
	vendastaOne
	vendastaLocations
	vendastaWelcome
)

// vendastaParse finds the documented path ([P], operations 1 to 10). The custom
// fields (11 to 13) are not simulated. The id "me" is nobody here: it needs a
// token of a logged-in user ([P]).
func vendastaParse(path string) (vendastaPath, string) {
	if path == vendastaToken {
		return vendastaTokens, ""
	}
	rest, ok := strings.CutPrefix(path, vendastaBase+"/users")
	if !ok {
		return vendastaNowhere, ""
	}
	if rest == "" {
		return vendastaUsers, ""
	}
	rest, ok = strings.CutPrefix(rest, "/")
	id, tail, _ := strings.Cut(rest, "/")
	switch {
	case !ok || id == "":
	case rest == id:
		return vendastaOne, id
	case tail == "relationships/businessLocations":
		return vendastaLocations, id
	case tail == "actions/sendWelcomeEmail":
		return vendastaWelcome, id
	}
	return vendastaNowhere, ""
}

// vendastaMethods holds what each path can do, and the scopes of which one is
// needed ([P], [G-AUTH]).
var vendastaMethods = map[vendastaPath]map[string]struct {
	op     Operation
	scopes []string
}{
	vendastaTokens: {"POST": {op: Token}},
	vendastaUsers: {
		"POST": {op: Create, scopes: []string{vendastaScopes}},
		"GET":  {op: Search, scopes: []string{vendastaScopes, "user.list"}},
	},
	vendastaOne: {
		"GET": {op: Get, scopes: []string{
			vendastaScopes, "user.profile:read", "user.contact:read", "user.permission:read", "user.permission",
			"self.user.admin", "self.user.contact:read", "openid", "profile", "email", "phone", "address",
		}},
		"PATCH":  {op: Update, scopes: []string{vendastaScopes}},
		"DELETE": {op: Delete, scopes: []string{vendastaScopes}},
	},
	vendastaLocations: {
		"GET":    {op: Get, scopes: []string{vendastaScopes}},
		"POST":   {op: Update, scopes: []string{vendastaScopes}},
		"PATCH":  {op: Update, scopes: []string{vendastaScopes}},
		"DELETE": {op: Update, scopes: []string{vendastaScopes}},
	},
	vendastaWelcome: {"GET": {op: Invite, scopes: []string{vendastaScopes}}},
}

func (v *vendasta) classify(method, path string) (Operation, bool) {
	where, _ := vendastaParse(path)
	if m, ok := vendastaMethods[where][method]; ok {
		return m.op, m.op != Search && m.op != Get
	}
	return Other, method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

func (v *vendasta) serve(c *call) *response {
	where, id := vendastaParse(c.path)
	methods, ok := vendastaMethods[where]
	if !ok {
		return v.failure(c, http.StatusNotFound, "there is nothing at this path")
	}
	if c.Method == http.MethodOptions && where != vendastaTokens {
		return &response{status: http.StatusNoContent, header: http.Header{}} // [P]: CORS only
	}
	method, ok := methods[c.Method]
	if !ok {
		return notAllowed(c, slices.Sorted(maps.Keys(methods)))
	}
	if method.op == Token {
		return v.issueToken(c)
	}
	if refusal := v.authorize(c, method.scopes); refusal != nil {
		return refusal
	}
	if refusal := v.checkType(c, where); refusal != nil {
		return refusal
	}
	switch method.op {
	case Search:
		return v.search(c)
	case Create:
		return v.create(c)
	}
	if refusal := v.checkQuery(c); refusal != nil {
		return refusal
	}
	switch {
	case where == vendastaLocations:
		return v.locations(c, id)
	case method.op == Get:
		return v.get(c, id)
	case method.op == Update:
		return v.update(c, id)
	case method.op == Delete:
		return v.remove(c, id)
	default:
		return v.welcome(c, id)
	}
}

// authorize checks the Authorization header. 401 and 403 have these meanings
// in [UNMERGED-DOC] only.
func (v *vendasta) authorize(c *call, scopes []string) *response {
	match := vendastaBearer.FindStringSubmatch(c.Header.Get("Authorization"))
	if match == nil || len(c.Header.Values("Authorization")) != 1 {
		return v.failure(c, http.StatusUnauthorized, "the Authorization header is missing or malformed")
	}
	if v.options.Tokens == AnyBearer {
		return nil
	}
	granted, ok := v.tokens.scopes(match[1], c.now)
	if !ok {
		return v.failure(c, http.StatusUnauthorized, "the access token is unknown or expired")
	}
	for _, scope := range scopes {
		if slices.Contains(granted, scope) {
			return nil
		}
	}
	return v.failure(c, http.StatusForbidden, "the access token needs one of the scopes "+strings.Join(scopes, ", "))
}

// checkType wants the documented Content-Type on POST, PATCH and DELETE with a
// body ([P]). 415 is assumed: no error is declared.
func (v *vendasta) checkType(c *call, where vendastaPath) *response {
	hasBody := c.Method == http.MethodPost || c.Method == http.MethodPatch ||
		c.Method == http.MethodDelete && where == vendastaLocations
	if hasBody && !c.hasType(jsonAPI) {
		return v.failure(c, http.StatusUnsupportedMediaType, "the Content-Type must be "+jsonAPI)
	}
	return nil
}

// checkQuery refuses query parameters where only the fields are known.
func (v *vendasta) checkQuery(c *call) *response {
	q, refusal := v.query(c)
	if refusal != nil {
		return refusal
	}
	for name := range q {
		if name != vendastaFields || c.Method != http.MethodGet {
			return v.badQuery(c, name, q.Get(name), "this parameter is not known here")
		}
	}
	return nil
}

func (v *vendasta) get(c *call, id string) *response {
	u, ok := v.records.byID(id)
	if !ok {
		return v.noUser(c)
	}
	return v.document(c, http.StatusOK, u)
}

// remove deletes for good: the id is never used again ([P]). That a second
// deletion finds nothing is assumed.
func (v *vendasta) remove(c *call, id string) *response {
	if !v.records.drop(id) {
		return v.noUser(c)
	}
	c.changed()
	return &response{status: http.StatusNoContent, header: http.Header{}}
}

// welcome sends the welcome email: 202 without a body ([P]).
func (v *vendasta) welcome(c *call, id string) *response {
	if _, ok := v.records.byID(id); !ok {
		return v.noUser(c)
	}
	c.mailed()
	return &response{status: http.StatusAccepted, header: http.Header{}}
}

// document answers with one user and links.self ([P]).
func (v *vendasta) document(c *call, status int, u *vendastaUser) *response {
	self := c.root() + vendastaBase + "/users/" + u.id
	return vendastaJSON(status, map[string]any{
		"data":  v.resource(c, u, false),
		"links": map[string]any{"self": self},
	})
}

func vendastaJSON(status int, body any) *response { return jsonAnswer(status, jsonAPI, body) }

// stamp adds the rate limit headers, on every response ([UNMERGED-RL]). Without
// a limit in force they show the documented 100 a second as if this were the
// only request in it, so that nobody slows down for nothing.
func (v *vendasta) stamp(c *call, header http.Header) {
	if c.op == Token {
		return
	}
	r := c.rate
	if !r.limited {
		r = rateVerdict{limit: 100, used: 1, resets: c.now.Add(time.Second)}
	}
	header.Set("X-RateLimit-Limit", strconv.Itoa(r.limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, r.limit-r.used)))
	header.Set("X-RateLimit-Used", strconv.Itoa(r.used))
	documented := r.form == "" || r.form == RetrySeconds
	if !r.over || documented {
		header.Set("X-RateLimit-Reset", strconv.FormatInt(unixUp(r.resets), 10))
	}
}

// limited is a 429 with Retry-After and a plain JSON body ([UNMERGED-RL]).
func (v *vendasta) limited(c *call, rate rateVerdict) *response {
	details := map[string]any{"limit": rate.limit, "remaining": 0}
	switch rate.form {
	case "", RetrySeconds, RetryBody:
		details["retryAfter"] = seconds(max(0, rate.resets.Sub(c.now)))
	}
	resp := vendastaJSON(http.StatusTooManyRequests, map[string]any{
		"code": 429, "message": "Rate limit exceeded" + c.echo(), "details": details,
	})
	resp.header.Set("Content-Type", "application/json")
	rate.hint(resp.header, c.now)
	return resp
}
