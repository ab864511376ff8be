package simulator

import (
	"crypto/subtle"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MyKaarmaOptions settles, for myKaarma, what its documentation leaves open.
type MyKaarmaOptions struct {
	// Username and Password are the only ones accepted; where both are "" any are
	// that are not empty.
	Username, Password string
	// Dealers are those that the account is authorised for; every other is refused.
	// Without any all are known.
	Dealers []string
	// Roles are the names of roles by their UUID. No catalogue of them is
	// documented; the default has r-1 Service Advisor, r-2 Technician, r-3 Service
	// Administrator and r-4 BDC Rep, names that help pages show (K-HELP2). A UUID
	// that is none of these names itself.
	Roles map[string]string

	// UpdateMerges has an update keep what it does not send. Not documented; the
	// default empties that, which is the harder case: who sends only what changes
	// then loses the rest.
	UpdateMerges bool
	// ListShowsAll has the list of users show bio and imageUrl as well. They are not
	// among the documented fields of it (K-REF).
	ListShowsAll bool
	// ErrorsIn200 answers a create or an update of somebody whose address or user
	// name another user has with 200, errors and no id, as is documented of dealer
	// associates (K-REF); else with 400.
	ErrorsIn200 bool
}

const (
	mykaarmaBase = "/manage/v2/"
	mykaarmaJSON = "application/json"
)

// mykaarma is myKaarma's Manage API v2 for users and their dealer associates: a
// user is a login, and a dealer associate what he is in one department (K-REF).
type mykaarma struct {
	options Options
	records records[*mykaarmaUser]
}

func newMyKaarma(options Options) *mykaarma {
	if options.MyKaarma.Roles == nil {
		options.MyKaarma.Roles = map[string]string{
			"r-1": "Service Advisor", "r-2": "Technician", "r-3": "Service Administrator", "r-4": "BDC Rep",
		}
	}
	return &mykaarma{options: options}
}

func (m *mykaarma) kind() string                { return "mykaarma" }
func (m *mykaarma) paths() (base, token string) { return "", "" }
func (m *mykaarma) credentials() string         { return "Authorization" }

// revokeTokens does nothing: there are none, but a user name and a password
// (K-AUTH).
func (m *mykaarma) revokeTokens() {}

// stamp adds nothing: no header is documented that stands on every answer.
func (m *mykaarma) stamp(*call, http.Header) {}

// mykaarmaRoute is a path that is served.
type mykaarmaRoute int

const (
	mykaarmaNowhere mykaarmaRoute = iota
	mykaarmaCreate
	mykaarmaUpdate
	mykaarmaList
	mykaarmaAssociates
	mykaarmaAssociateUpdate
	mykaarmaRole
)

// mykaarmaMethods holds the one method of each path and what it does. Documented
// are those of a create (DOC S002), of the associates (K-GH) and of a role (K-REF).
// Of the others the schemas are known and the paths are not: that of the list is
// inferred from a sibling (K-TPL), and those of the two updates are assumed.
var mykaarmaMethods = map[mykaarmaRoute]struct {
	method string
	op     Operation
}{
	mykaarmaCreate:          {"POST", Create},
	mykaarmaUpdate:          {"PUT", Update},
	mykaarmaList:            {"GET", Search},
	mykaarmaAssociates:      {"POST", Get},
	mykaarmaAssociateUpdate: {"PUT", Update},
	mykaarmaRole:            {"POST", Update},
}

// mykaarmaTarget is what a path names.
type mykaarmaTarget struct {
	where                          mykaarmaRoute
	dealer, department, user, role string
}

// mykaarmaParse finds the path. Passwords, authorities, features and dealers
// themselves are not simulated, nor is the paged search of associates. All that
// follows roleName is the name, whatever is in it.
func mykaarmaParse(path string) (t mykaarmaTarget) {
	rest, ok := strings.CutPrefix(path, mykaarmaBase)
	if !ok {
		return t
	}
	rest, name, named := strings.Cut(rest, "/roleName/")
	parts := strings.Split(rest, "/")
	if slices.Contains(parts, "") || named && name == "" {
		return t
	}
	is := func(pattern ...string) bool {
		return slices.EqualFunc(parts, pattern, func(part, want string) bool { return want == "" || part == want })
	}
	switch {
	case named && is("department", "", "user", ""):
		return mykaarmaTarget{where: mykaarmaRole, department: parts[1], user: parts[3], role: name}
	case named:
	case is("user", "partner"):
		return mykaarmaTarget{where: mykaarmaCreate}
	case is("user", "partner", ""):
		return mykaarmaTarget{where: mykaarmaUpdate, user: parts[2]}
	case is("dealer", "", "users"):
		return mykaarmaTarget{where: mykaarmaList, dealer: parts[1]}
	case is("department", "dealerAssociate", "list"):
		return mykaarmaTarget{where: mykaarmaAssociates}
	case is("department", "", "user", "", "dealerAssociate"):
		return mykaarmaTarget{where: mykaarmaAssociateUpdate, department: parts[1], user: parts[3]}
	}
	return t
}

func (m *mykaarma) classify(method, path string) (Operation, bool) {
	if served, ok := mykaarmaMethods[mykaarmaParse(path).where]; ok && served.method == method {
		return served.op, served.op != Search && served.op != Get
	}
	return Other, method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

func (m *mykaarma) serve(c *call) *response {
	t := mykaarmaParse(c.path)
	if served, ok := mykaarmaMethods[t.where]; !ok || served.method != c.Method {
		return mykaarmaLogin()
	}
	if !m.knows(c) {
		return m.failure(c, http.StatusUnauthorized, "the credentials are missing or wrong")
	}
	if t.where != mykaarmaList && c.URL.RawQuery != "" {
		// Assumed, of these and of bodies where none is documented: what is not known
		// is refused.
		return m.refuse(c, problem{"", "there are no parameters here"})
	}
	if t.where == mykaarmaList || t.where == mykaarmaRole {
		if len(c.body) > 0 {
			return m.refuse(c, problem{"", "there is no body here"})
		}
	} else if !c.hasType(mykaarmaJSON) {
		// No 415 is listed (DOC S002), hence assumed.
		return m.refuse(c, problem{"", "the Content-Type must be " + mykaarmaJSON})
	}
	switch t.where {
	case mykaarmaCreate:
		return m.create(c)
	case mykaarmaUpdate:
		return m.update(c, t.user)
	case mykaarmaList:
		return m.users(c, t.dealer)
	case mykaarmaAssociates:
		return m.associates(c)
	case mykaarmaRole:
		return m.changeRole(c, t)
	default:
		return m.updateAssociate(c, t)
	}
}

// knows checks the user name and the password, which stand in every request as
// HTTP Basic has it (K-AUTH).
func (m *mykaarma) knows(c *call) bool {
	user, password, ok := c.BasicAuth()
	if !ok || user == "" || password == "" || len(c.Header.Values("Authorization")) != 1 {
		return false
	}
	o := m.options.MyKaarma
	if o.Username == "" && o.Password == "" {
		return true
	}
	same := subtle.ConstantTimeCompare([]byte(user), []byte(o.Username))
	return same&subtle.ConstantTimeCompare([]byte(password), []byte(o.Password)) == 1
}

// reaches tells whether the account is authorised for the dealer (K-AUTH).
func (m *mykaarma) reaches(dealer any) bool {
	all := m.options.MyKaarma.Dealers
	return len(all) == 0 || slices.ContainsFunc(all, func(known string) bool { return known == dealer })
}

// roleName and roleUUID are the two names of a role. Of several UUIDs with one
// name the first in order is meant.
func (m *mykaarma) roleName(id string) string {
	if name, ok := m.options.MyKaarma.Roles[id]; ok {
		return name
	}
	return id
}

func (m *mykaarma) roleUUID(name string) (id string, ok bool) {
	for _, id := range slices.Sorted(maps.Keys(m.options.MyKaarma.Roles)) {
		if m.options.MyKaarma.Roles[id] == name {
			return id, true
		}
	}
	return name, false
}

// admitsJSON tells whether the request accepts JSON. The vendor offers protobuf as
// well (DOC S002), and a request without an Accept leaves the choice to it: that it
// then chooses protobuf is assumed, so that whoever forgets the header notices.
func admitsJSON(c *call) bool {
	for _, line := range c.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			kind, with, err := mime.ParseMediaType(part)
			if err != nil || kind != mykaarmaJSON && kind != "application/*" && kind != "*/*" {
				continue
			}
			if q, err := strconv.ParseFloat(with["q"], 64); err != nil || q > 0 {
				return true
			}
		}
	}
	return false
}

func (m *mykaarma) read(n node, now time.Time) (replace func(), err error) {
	fresh, err := readRecords(n, now, readMyKaarmaUser)
	return func() { m.records.replaceAll(fresh) }, err
}

func (m *mykaarma) dump() map[string]any { return m.records.dump() }

func (m *mykaarma) list() []User                { return m.records.list() }
func (m *mykaarma) find(id string) (User, bool) { return m.records.one(id) }
func (m *mykaarma) drop(id string) bool         { return m.records.drop(id) }

func (m *mykaarma) put(data map[string]any, now time.Time) (string, error) {
	u, err := readPut(data, now, readMyKaarmaUser)
	if err != nil {
		return "", err
	}
	return m.records.put(u), nil
}
