package simulator

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// IntelAgreeOptions settles, for IntelAgree, what its documentation leaves open.
// It has the token call and the request that makes a user; whatever is answered,
// and every other call on users, is assumed.
type IntelAgreeOptions struct {
	// SubscriptionKey and AccountKey are the only keys accepted; "" accepts any
	// that is not empty.
	SubscriptionKey, AccountKey string

	// NoLookups leaves the calls that are documented, and answers the others, a
	// search, a look by business key and an update, as calls that are not there.
	NoLookups bool
	// Envelope is the member that has the list of a search's answer; by default
	// the answer is the list.
	Envelope string
	// SilentCreate answers a create with 201 and nothing else; by default the user
	// follows.
	SilentCreate bool
}

const (
	intelagreeBase    = "/api"
	intelagreeJSON    = "application/json"
	intelagreeVersion = "2.0" // of the API, in the header ApiVersion (DOC I-GS)

	intelagreeKeyHeader = "Ocp-Apim-Subscription-Key" //nolint:gosec // the name of the header, no credential
)

// intelagree is IntelAgree's API v2 for users.
type intelagree struct {
	options Options
	records records[*intelagreeUser]
	tokens  tokenStore
}

func newIntelAgree(options Options) *intelagree { return &intelagree{options: options} }

func (a *intelagree) kind() string { return "intelagree" }

// paths has no token endpoint of its own: tokens are issued below the API's base
// (DOC I-GS).
func (a *intelagree) paths() (base, token string) { return intelagreeBase, "" }

func (a *intelagree) credentials() string { return "Authorization" }
func (a *intelagree) revokeTokens()       { a.tokens.revoke() }

// stamp adds nothing: no header is documented that stands on every answer.
func (a *intelagree) stamp(*call, http.Header) {}

// intelagreePath is a path that has a meaning here.
type intelagreePath int

const (
	intelagreeNowhere intelagreePath = iota
	intelagreeTokens
	intelagreeUsers
	intelagreeOne
)

// intelagreeParse finds the path. Cases differ in the documentation and are kept
// as it writes them (DOC I-GS, S003); that /accounts is another path is assumed.
// Organisations, templates, contracts and parties are not simulated.
func intelagreeParse(path string) intelagreePath {
	switch path {
	case intelagreeBase + "/Accounts":
		return intelagreeTokens
	case intelagreeBase + "/users":
		return intelagreeUsers
	}
	if key, ok := strings.CutPrefix(path, intelagreeBase+"/users/"); ok && strings.Contains(key, "/") {
		return intelagreeOne
	}
	return intelagreeNowhere
}

// intelagreeMethods holds what each path can do. Documented are the token call
// (DOC I-GS) and the create (DOC S003); the others are assumed, in the form in
// which such APIs mostly have them. There is no deletion.
var intelagreeMethods = map[intelagreePath]map[string]Operation{
	intelagreeTokens: {"POST": Token},
	intelagreeUsers:  {"POST": Create, "GET": Search},
	intelagreeOne:    {"GET": Get, "PUT": Update},
}

func (a *intelagree) classify(method, path string) (Operation, bool) {
	if op, ok := intelagreeMethods[intelagreeParse(path)][method]; ok {
		return op, op != Search && op != Get
	}
	return Other, method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

func (a *intelagree) serve(c *call) *response {
	_, known := intelagreeMethods[intelagreeParse(c.path)][c.Method]
	documented := c.op == Token || c.op == Create
	if !known || a.options.IntelAgree.NoLookups && !documented {
		return a.nothing(c)
	}
	if refusal := a.admit(c); refusal != nil {
		return refusal
	}
	switch c.op {
	case Token:
		return a.issueToken(c)
	case Create:
		return a.create(c)
	case Search:
		return a.search(c)
	}
	key, ok := intelagreeAddress(c)
	if !ok {
		return a.nothing(c)
	}
	u, ok := a.withKey(key)
	switch {
	case !ok:
		return a.failure(c, http.StatusNotFound, intelagreeNobody)
	case c.op == Update:
		return a.update(c, u)
	default:
		return jsonAnswer(http.StatusOK, intelagreeJSON, u.shown(c))
	}
}

// admit checks what every call has to bring: the subscription key, which the
// gateway looks at first (INFERRED), the version of the API, a
// token for all calls but the one for tokens (DOC I-GS, S003), and, assumed, the
// type of a body and no parameters but a search's.
func (a *intelagree) admit(c *call) *response {
	keys := c.Header.Values(intelagreeKeyHeader)
	if len(keys) != 1 || keys[0] == "" {
		return a.gateway(c, http.StatusUnauthorized, intelagreeNoKey)
	}
	if !intelagreeIs(keys[0], a.options.IntelAgree.SubscriptionKey) {
		return a.gateway(c, http.StatusUnauthorized, intelagreeBadKey)
	}
	if versions := c.Header.Values("ApiVersion"); len(versions) != 1 || versions[0] != intelagreeVersion {
		// Without it the original version answers (DOC I-GS), which has other fields.
		return a.failure(c, http.StatusBadRequest, "ApiVersion must be "+intelagreeVersion+": the original version is not simulated")
	}
	if c.op != Token && !a.knows(c) {
		return a.failure(c, http.StatusUnauthorized, "the token is missing, unknown or expired")
	}
	if (c.Method == http.MethodPost || c.Method == http.MethodPut) && !c.hasType(intelagreeJSON) {
		return a.failure(c, http.StatusUnsupportedMediaType, "the Content-Type must be "+intelagreeJSON)
	}
	if c.op != Search && c.URL.RawQuery != "" {
		return a.failure(c, http.StatusBadRequest, "there are no parameters here")
	}
	return nil
}

// intelagreeIs compares a secret with the only one accepted, "" being any.
func intelagreeIs(given, want string) bool {
	return want == "" || subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
}
