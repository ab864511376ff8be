package simulator

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// MyReportsOptions settles, for MyReports, what its documentation leaves open.
type MyReportsOptions struct {
	// Accounts are the tenant ids of the accounts that there are; without any,
	// every well-formed one is that of an account.
	Accounts []string
	// Account is the account of whoever a seed puts in none; default
	// 00000000-0000-0000-0000-000000000000.
	Account string

	// ClientID and ClientSecret are the only ones that the login accepts; "" accepts
	// any that is not empty.
	ClientID, ClientSecret string
	// RefreshToken is one that was issued before this world began, for whatever
	// client. It matters under [Issued], where only issued ones are accepted.
	RefreshToken string
	// RotateRefreshTokens answers each refresh with a new refresh token, and the one
	// used is dead. Not documented; by default a refresh token stays the same.
	RotateRefreshTokens bool
	// NoPKCE has the login know no code challenges, and not announce them. Not
	// documented either way.
	NoPKCE bool
	// NoDiscovery takes the description of the login away, which is assumed.
	NoDiscovery bool

	// DemandAcceptCharges refuses a create or an update without the header
	// accept-charges: true. The samples send it (DOC S004, M-PATCH); what its
	// absence means is not documented.
	DemandAcceptCharges bool
	// IgnorePaging answers every list with all users, whatever page is asked for:
	// for users no paging is documented (M-LIST), only for their siblings (M-ACC).
	IgnorePaging bool
	// ListShowsRoles has lists show the roles, which the sample lacks (DOC M-LIST).
	ListShowsRoles bool
}

const (
	myreportsAPI  = "/api/v1.0"
	myreportsJSON = "application/json; charset=utf-8" // (DOC S004)

	// myreportsNobody is the account of whoever is in none.
	myreportsNobody = "00000000-0000-0000-0000-000000000000"
	// myreportsTime is the form of timestamps (DOC S004).
	myreportsTime = "2006-01-02T15:04:05.0000000Z"
)

// myreportsID is the form of ids: the samples look like UUIDs (DOC M-REF). That
// any version will do, in either case, is assumed; so is that cases are told apart
// when ids are compared, which nobody notices who sends them as he got them.
var myreportsID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// myreports is the Enterprise API v1.0 of Xarios Dimensions, which is sold as
// MyReports, for the users of accounts, and its login. In production the login has
// a host of its own (DOC M-AUTH); here it stands below the same root.
type myreports struct {
	options Options
	tokens  tokenStore
	grants  myreportsGrants
	records records[*myreportsUser]
}

func newMyReports(options Options) *myreports {
	if options.MyReports.Account == "" {
		options.MyReports.Account = myreportsNobody
	}
	m := &myreports{options: options}
	if token := options.MyReports.RefreshToken; token != "" {
		m.grants.refresh.put(token, "")
	}
	return m
}

func (m *myreports) kind() string                { return "myreports" }
func (m *myreports) paths() (base, token string) { return "", myreportsTokenPath }
func (m *myreports) credentials() string         { return "Authorization" }

// revokeTokens ends the refresh tokens as well, so that only a login helps.
func (m *myreports) revokeTokens() {
	m.tokens.revoke()
	m.grants.revoke()
}

// stamp adds nothing: no header is documented that stands on every answer.
func (m *myreports) stamp(*call, http.Header) {}

// myreportsPlace is a documented path.
type myreportsPlace int

const (
	myreportsNowhere myreportsPlace = iota
	myreportsDiscovery
	myreportsAuthorize
	myreportsTokens
	myreportsUsers
	myreportsOne
	myreportsActivation
)

// login tells whether the path is one of the login and none of the API.
func (p myreportsPlace) login() bool {
	return p == myreportsDiscovery || p == myreportsAuthorize || p == myreportsTokens
}

// myreportsPath is a path and the ids in it.
type myreportsPath struct {
	place         myreportsPlace
	account, user string
}

// myreportsParse finds the documented path. Accounts, customers and their users are
// not simulated.
func myreportsParse(path string) myreportsPath {
	switch path {
	case myreportsDiscoveryPath:
		return myreportsPath{place: myreportsDiscovery}
	case myreportsAuthorizePath:
		return myreportsPath{place: myreportsAuthorize}
	case myreportsTokenPath:
		return myreportsPath{place: myreportsTokens}
	}
	rest, ok := strings.CutPrefix(path, myreportsAPI+"/accounts/")
	steps := strings.Split(rest, "/")
	if !ok || slices.Contains(steps, "") || len(steps) < 2 || steps[1] != "users" {
		return myreportsPath{}
	}
	p := myreportsPath{account: steps[0]}
	switch {
	case len(steps) == 2:
		p.place = myreportsUsers
	case len(steps) == 3:
		p.place, p.user = myreportsOne, steps[2]
	case len(steps) == 4 && steps[3] == "sendActivationEmail":
		p.place, p.user = myreportsActivation, steps[2]
	}
	return p
}

// myreportsMethods holds what each path can do.
var myreportsMethods = map[myreportsPlace]map[string]Operation{
	myreportsDiscovery:  {"GET": Other},
	myreportsAuthorize:  {"GET": Other},
	myreportsTokens:     {"POST": Token},
	myreportsUsers:      {"GET": Search, "POST": Create},
	myreportsOne:        {"GET": Get, "PATCH": Update, "DELETE": Delete},
	myreportsActivation: {"POST": Invite},
}

func (m *myreports) classify(method, path string) (Operation, bool) {
	if op, ok := myreportsMethods[myreportsParse(path).place][method]; ok {
		return op, op != Search && op != Get && op != Other
	}
	return Other, method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

func (m *myreports) serve(c *call) *response {
	p := myreportsParse(c.path)
	methods, ok := myreportsMethods[p.place]
	if !ok || p.place == myreportsDiscovery && m.options.MyReports.NoDiscovery {
		return m.notFound(c)
	}
	if _, ok := methods[c.Method]; !ok {
		return notAllowed(c, slices.Sorted(maps.Keys(methods)))
	}
	switch p.place {
	case myreportsDiscovery:
		return m.discover(c)
	case myreportsAuthorize:
		return m.authorize(c)
	case myreportsTokens:
		return m.issueToken(c)
	}
	if refusal := m.check(c, p); refusal != nil {
		return refusal
	}
	switch c.op {
	case Search:
		return m.search(c, p.account)
	case Create:
		return m.create(c, p.account)
	}
	u, ok := m.records.byID(p.user)
	if !ok || !u.belongs(p.account) {
		return m.notFound(c)
	}
	switch c.op {
	case Get:
		return m.answer(c, http.StatusOK, map[string]any{"data": u.shown(c, true)})
	case Update:
		return m.update(c, u.id)
	case Delete:
		return m.remove(c, u, p.account)
	default:
		return m.activate(c, u, p.account)
	}
}

// check checks what calls of the API have in common. The order is assumed.
func (m *myreports) check(c *call, p myreportsPath) *response {
	known := m.options.MyReports.Accounts
	switch {
	case !m.knows(c):
		return m.failure(c, http.StatusUnauthorized, "")
	case !myreportsID.MatchString(p.account):
		return m.badID(c, p.account)
	case p.user != "" && !myreportsID.MatchString(p.user):
		return m.badID(c, p.user)
	case len(known) > 0 && !slices.Contains(known, p.account):
		return m.notFound(c)
	case c.op != Search && c.URL.RawQuery != "":
		// Assumed: what is not known is refused.
		return m.refuse(c, problem{"", "there are no parameters here"})
	case c.op == Create || c.op == Update:
		return m.checkBody(c)
	default:
		return nil
	}
}

// checkBody checks the headers of a call with a body: its type, which is this one
// for JSON Patch as well (DOC M-PATCH) and whose 415 is assumed, and accept-charges.
// That any other value than true and false is refused is assumed.
func (m *myreports) checkBody(c *call) *response {
	if !c.hasType("application/json") {
		return m.failure(c, http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
	}
	given := c.Header.Values("Accept-Charges")
	switch {
	case m.options.MyReports.DemandAcceptCharges && !slices.Equal(given, []string{"true"}):
		return m.refuse(c, problem{"", "the header accept-charges must be true"})
	case len(given) > 1 || len(given) == 1 && given[0] != "true" && given[0] != "false":
		return m.refuse(c, problem{"", "the header accept-charges must be true or false"})
	default:
		return nil
	}
}

// knows checks the access token (DOC S004). All that the login issues reach the
// API, since it has one set of scopes.
func (m *myreports) knows(c *call) bool {
	values := c.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok || token == "" || strings.ContainsAny(token, " \t") {
		return false
	}
	if m.options.Tokens == AnyBearer {
		return true
	}
	_, ok = m.tokens.scopes(token, c.now)
	return ok
}
