package partoo

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	userID   = "5309c3a237bbc544d8e26737" // of the fixtures
	perceval = "perceval@example.com"     // of the fixtures
	apiKey   = "k-0123456789"
)

type step = vendortest.Step

// vendor is Partoo with an API key.
var vendor = vendortest.Vendor{
	Kind:        Kind(),
	Config:      "{auth: {apiKey: {env: PARTOO_API_KEY}}}",
	Settings:    map[string]string{},
	Auth:        map[string]sources.SecretRef{"apiKey": {Env: "PARTOO_API_KEY"}},
	Secrets:     map[string]string{"apiKey": apiKey},
	Media:       "application/json",
	Credentials: http.Header{http.CanonicalHeaderKey("x-APIKey"): {apiKey}},
	Created:     step{Status: http.StatusOK, Answer: "write-response.json"},
}

// ofOrganization configures organization 42.
func ofOrganization(s *providers.Settings) {
	s.Config.Settings = map[string]string{organization: "42"}
}

// A lookup is a request for a page of users: by an address, or for all of them.
func lookup(page int, filter url.Values) step {
	query := maps.Clone(filter)
	query.Set("page", strconv.Itoa(page))
	query.Set("per_page", "100")
	return step{Method: "GET", Path: "/user/search", Query: query, Status: 200}
}

func search(page int) step { return lookup(page, url.Values{"email": {perceval}}) }

func searchDisabled(page int) step {
	return lookup(page, url.Values{"email": {perceval}, "disabled": {"true"}})
}

func list(page int) step { return lookup(page, url.Values{"order_by": {"email"}}) }

func listDisabled(page int) step {
	return lookup(page, url.Values{"order_by": {"email"}, "disabled": {"true"}})
}

func get(status int, answer string) step {
	return step{Method: "GET", Path: "/user/" + userID, Status: status, Answer: answer}
}

func create(body string) step {
	return step{Method: "POST", Path: "/user", Body: body, Status: 200, Answer: "write-response.json"}
}

func update(body string) step {
	return step{Method: "POST", Path: "/user/" + userID, Body: body, Status: 200, Answer: "write-response.json"}
}

func remove() step {
	return step{Method: "DELETE", Path: "/user/" + userID, Status: 200, Answer: "write-response.json"}
}

func invite() step {
	return step{Method: "POST", Path: "/user/" + userID + "/invite", Typed: true, Status: 200, Answer: "invite-response.json"}
}

// with is a map with further values.
func with(values map[string]any, more map[string]any) map[string]any {
	all := maps.Clone(values)
	maps.Copy(all, more)
	return all
}

// billDraft is the draft of create-request.json, fullDraft that of
// create-full-request.json.
func billDraft(more map[string]any) providers.Draft {
	return providers.Draft{Email: "bill@example.com", Values: with(map[string]any{"first_name": "William", "last_name": "Smith"}, more)}
}

func businessDraft() providers.Draft {
	return billDraft(map[string]any{roleName: businessManager, businessIDs: []any{userID}})
}

func fullDraft() providers.Draft {
	return providers.Draft{Email: perceval, Values: map[string]any{
		"first_name": "Perceval", "last_name": "de Galles", "org_id": int64(42), accesses: access12and13(), businessIDs: []any{userID},
		roleName: groupManager, customRole: "my_custom_role", sidebarPages: []any{"posts", "review_management"}, sendInvitation: false,
		statusName: "active", "password": "Excalibur!", "lang": "fr", "sso_only": true,
	}}
}

func access12and13() []any { return []any{groupIDs(1, 2), groupIDs(1, 3)} }

// groupIDs is one access.
func groupIDs(ids ...int64) []any {
	access := make([]any, len(ids))
	for i, id := range ids {
		access[i] = id
	}
	return access
}

// shown are the attributes that a user with these values has.
func shown(values map[string]any) map[string]providers.Live {
	live := make(map[string]providers.Live)
	for name, value := range values {
		live[name] = providers.Show(value)
	}
	return live
}

// livePerceval is the user of get-response.json.
func livePerceval() *providers.User {
	return &providers.User{ID: userID, Email: perceval, State: "active", Attributes: shown(map[string]any{
		"first_name": "Perceval", "last_name": "de Galles", "org_id": int64(42), roleName: groupManager, customRole: "my_custom_role",
		accesses: access12and13(), businessIDs: nil, sidebarPages: []any{"posts", "review_management"}, "lang": "fr", "sso_only": false,
		"phone": "+33 1 23 45 67 89", disabled: false, "keywords": []any{"north"},
	})}
}

// foundPerceval is the user of search-one-response.json.
func foundPerceval() *providers.User {
	return &providers.User{ID: userID, Email: perceval, State: "invited", Attributes: shown(map[string]any{
		"first_name": "Perceval", "last_name": "de Galles", "org_id": int64(42), roleName: businessManager,
		accesses: nil, businessIDs: []any{"6409c3a237bbc544d8e26737", "7509c3a237bbc544d8e26737"}, sidebarPages: allPages(), "lang": "en",
		"sso_only": false, "phone": nil, disabled: false,
	})}
}

// allPages are the features of the sidebar as the vendor documents them.
func allPages() []any {
	return vendortest.Texts("bulk_modification", "diffusion", "feedback_management", "messages", "posts", "presence_analytics", "review_analytics", "review_invite", "review_management")
}

// calls are all uses of a connection, with the requests that they are made of.
func calls() map[string]struct {
	call vendortest.Call
	step step
} {
	return map[string]struct {
		call vendortest.Call
		step step
	}{
		"search": {vendortest.Search(perceval), search(1).Answers("search-one-response.json")},
		"list":   {vendortest.List(), list(1).Answers("search-one-response.json")},
		"get":    {vendortest.Get(userID), get(200, "get-response.json")},
		"create": {vendortest.Create(businessDraft()), create("create-request.json")},
		"update": {vendortest.Update(userID, map[string]any{disabled: true}), update(`{"disabled":true}`)},
		"delete": {vendortest.Delete(userID), remove()},
		"invite": {vendortest.Invite(userID), invite()},
	}
}

// operations are the names of calls in their order.
func operations() []string { return slices.Sorted(maps.Keys(calls())) }
