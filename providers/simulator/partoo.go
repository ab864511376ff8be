package simulator

import (
	"crypto/subtle"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// PartooOptions settles, for Partoo, what its documentation leaves open.
type PartooOptions struct {
	// Key is the only API key accepted; "" accepts any that is not empty.
	Key string
	// Role and Org are those of the user whom the key belongs to: they decide
	// what it can do (DOC S001). Default PROVIDER, whom nothing is refused, and 42,
	// the organisation of the documented example.
	Role string
	Org  int64
	// Me is the id of that user among those of the organisation; "" is one whom no
	// search finds.
	Me string
	// NoMe has no path for him: only the older texts have one (DOC-OLD).
	NoMe bool

	// SearchShowsDisabled has a search without the filter disabled show disabled
	// users as well. Not documented; the default hides them, which is the harder
	// case: who trusts one search then takes a suspended user for nobody.
	SearchShowsDisabled bool
	// EmptyMaxPage is the max_page of a search that finds nobody: 0 or 1. Not
	// documented.
	EmptyMaxPage int
	// MergeLists has an update add to a list instead of replacing it. Not stated;
	// replacing is inferred, a plain JSON property being set.
	MergeLists bool
	// SingularError spells the member of error bodies "error" for 400, 401, 403
	// and 404, as the guide does (P-ERR); else all are "errors", as in the
	// reference (DOC S001). See also [Chaos.SingularError].
	SingularError bool
}

const (
	partooBase = "/v2"
	partooJSON = "application/json"
	partooKey  = "x-APIKey" //nolint:gosec // the name of the header, no credential

	// partooInvitePause is the shortest time between two mails to one user (DOC
	// P-INV).
	partooInvitePause = 5 * time.Minute
)

// partoo is Partoo's REST API v2 for users.
type partoo struct {
	options Options
	records records[*partooUser]
}

func newPartoo(options Options) *partoo {
	if options.Partoo.Role == "" {
		options.Partoo.Role = partooProvider
	}
	if options.Partoo.Org == 0 {
		options.Partoo.Org = 42
	}
	return &partoo{options: options}
}

func (p *partoo) kind() string                { return "partoo" }
func (p *partoo) paths() (base, token string) { return partooBase, "" }
func (p *partoo) credentials() string         { return partooKey }

// revokeTokens does nothing: keys are not issued here.
func (p *partoo) revokeTokens() {}

// stamp adds nothing: no header is documented that stands on every answer.
func (p *partoo) stamp(*call, http.Header) {}

// partooPath is a documented path.
type partooPath int

const (
	partooNowhere partooPath = iota
	partooUsers
	partooSearch
	partooCount
	partooMe
	partooOne
	partooInvite
	partooBusinesses
)

// partooParse finds the documented path. Custom roles, groups and permissions
// are not simulated.
func partooParse(path string) (where partooPath, id string) {
	rest, ok := strings.CutPrefix(path, partooBase+"/user")
	if !ok {
		return partooNowhere, ""
	}
	switch rest {
	case "":
		return partooUsers, ""
	case "/search":
		return partooSearch, ""
	case "/search/count":
		return partooCount, ""
	case "/me":
		return partooMe, ""
	}
	rest, ok = strings.CutPrefix(rest, "/")
	id, tail, _ := strings.Cut(rest, "/")
	switch {
	case !ok || id == "" || id == "search" || id == "me":
	case rest == id:
		return partooOne, id
	case tail == "invite":
		return partooInvite, id
	case tail == "businesses":
		return partooBusinesses, id
	}
	return partooNowhere, ""
}

// partooMethods holds what each path can do.
var partooMethods = map[partooPath]map[string]Operation{
	partooUsers:      {"POST": Create},
	partooSearch:     {"GET": Search},
	partooCount:      {"GET": Search},
	partooMe:         {"GET": Get},
	partooOne:        {"GET": Get, "POST": Update, "DELETE": Delete}, // POST, not PATCH (DOC P-UPD)
	partooInvite:     {"POST": Invite},
	partooBusinesses: {"GET": Get},
}

func (p *partoo) classify(method, path string) (Operation, bool) {
	where, _ := partooParse(path)
	if op, ok := partooMethods[where][method]; ok {
		return op, op != Search && op != Get
	}
	return Other, method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

func (p *partoo) serve(c *call) *response {
	where, id := partooParse(c.path)
	methods, ok := partooMethods[where]
	if !ok {
		return p.failure(c, http.StatusNotFound, "")
	}
	if _, ok := methods[c.Method]; !ok {
		return notAllowed(c, slices.Sorted(maps.Keys(methods)))
	}
	if !p.knows(c) {
		return p.failure(c, http.StatusUnauthorized, "")
	}
	// Of every POST, says the documentation (P-ERR), so also of the one that has
	// no body.
	if c.Method == http.MethodPost && !c.hasType(partooJSON) {
		return p.failure(c, http.StatusUnsupportedMediaType, "")
	}
	if where != partooSearch && where != partooCount && where != partooBusinesses && c.URL.RawQuery != "" {
		// Assumed: what is not known is refused.
		return p.refuse(c, problem{"", "there are no parameters here"})
	}
	switch where {
	case partooUsers:
		return p.create(c)
	case partooSearch:
		return p.search(c)
	case partooCount:
		return p.count(c)
	case partooMe:
		if p.options.Partoo.NoMe {
			return p.failure(c, http.StatusNotFound, "")
		}
		return jsonAnswer(http.StatusOK, partooJSON, p.me().shown(c, true))
	}
	u, ok := p.records.byID(id)
	switch {
	case !ok:
		return p.failure(c, http.StatusNotFound, "")
	case !p.reaches(u):
		return p.failure(c, http.StatusForbidden, "")
	case where == partooInvite:
		return p.invite(c, id)
	case where == partooBusinesses:
		return p.businesses(c, u)
	case c.Method == http.MethodGet:
		return jsonAnswer(http.StatusOK, partooJSON, u.shown(c, true))
	case c.Method == http.MethodPost:
		return p.update(c, u)
	default:
		return p.remove(c, id)
	}
}

// knows checks the API key, which stands in its header on every call (DOC S001).
func (p *partoo) knows(c *call) bool {
	keys := c.Header.Values(partooKey)
	if len(keys) != 1 || keys[0] == "" {
		return false
	}
	want := p.options.Partoo.Key
	return want == "" || subtle.ConstantTimeCompare([]byte(keys[0]), []byte(want)) == 1
}

// reaches tells whether the key may read and write the user: a provider's reaches
// all organisations, any other its own (DOC S001).
func (p *partoo) reaches(u *partooUser) bool {
	return p.options.Partoo.Role == partooProvider || u.attributes["org_id"] == p.options.Partoo.Org
}

// me is the user whom the key belongs to. Unless he is one of the organisation's, he is
// nobody's to manage, so that no search finds him.
func (p *partoo) me() *partooUser {
	if u, ok := p.records.byID(p.options.Partoo.Me); ok {
		return u
	}
	return &partooUser{
		entry: entry{id: hex24("partoo", "me"), created: time.Unix(0, 0)},
		attributes: map[string]any{
			"email": "api@partoo.example", "first_name": "API", "last_name": "Key",
			"role": p.options.Partoo.Role, "org_id": p.options.Partoo.Org, "status": partooActive,
		},
	}
}

// success is all that a write answers (DOC S001, P-UPD, P-DEL).
func (p *partoo) success(id string) *response {
	return jsonAnswer(http.StatusOK, partooJSON, map[string]any{"id": id, "status": "success"})
}

// remove deletes for good, and the email is free again: not documented, assumed.
// A second deletion finds nothing (DOC-OLD).
func (p *partoo) remove(c *call, id string) *response {
	if !p.records.drop(id) {
		return p.failure(c, http.StatusNotFound, "")
	}
	c.changed()
	return p.success(id)
}

// invite sends the invitation to a user whose status is invited, once in five
// minutes at most (DOC P-INV). What anything else is answered is not documented:
// assumed is a 400.
func (p *partoo) invite(c *call, id string) *response {
	if len(c.body) > 0 {
		return p.refuse(c, problem{"", "an invitation has no body"})
	}
	wrong := ""
	_, did := p.records.change(id, func(u *partooUser) {
		switch {
		case u.attributes["status"] != partooInvited:
			wrong = "the user is not invited but active"
		case !u.invited.IsZero() && c.now.Before(u.invited.Add(partooInvitePause)):
			wrong = "an invitation was sent less than 5 minutes ago"
		default:
			u.invited = c.now
		}
	})
	switch {
	case did != done:
		return p.failure(c, http.StatusNotFound, "")
	case wrong != "":
		return p.refuse(c, problem{"/status", wrong})
	}
	c.mailed()
	c.changed()
	return jsonAnswer(http.StatusOK, partooJSON, map[string]any{"status": "success"})
}
