package myreports

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Ids and addresses of the fixtures.
const (
	tenant = "3f0c2b1e-5d7a-4c1b-9e2f-0a1b2c3d4e5f" // the account
	other  = "7b9d1c42-8e3f-4a56-b1c0-5d6e7f809112" // another one
	ginaID = "a1b2c3d4-0000-4000-8000-000000000001"
	gina   = "gina@example.com"
	newID  = "b9126c20-c074-4c79-827a-2cecb8e9a69f"
)

const users = "/api/v1.0/accounts/" + tenant + "/users"

type step = vendortest.Step

// vendor is MyReports, whose login has given a token already.
var vendor = vendortest.Vendor{
	Kind:     Kind(),
	Config:   "{region: na, account: " + tenant + ", auth: {clientId: {env: MYREPORTS_CLIENT_ID}, clientSecret: {env: MYREPORTS_CLIENT_SECRET}, refreshToken: {file: myreports.token}}}",
	Settings: map[string]string{region: "na", account: tenant},
	Auth: map[string]sources.SecretRef{
		clientID: {Env: "MYREPORTS_CLIENT_ID"}, clientSecret: {Env: "MYREPORTS_CLIENT_SECRET"}, refreshToken: {File: "myreports.token"},
	},
	Secrets:     map[string]string{clientID: "client-0123", clientSecret: "secret-0123", refreshToken: "refresh-0123"},
	Media:       "application/json",
	Credentials: http.Header{"Authorization": {"Bearer access-0123"}},
	Tokens:      `{"access_token":"access-0123","expires_in":3600,"token_type":"Bearer"}`,
	Created:     step{Status: http.StatusCreated, Answer: "create-response.json"},
}

// with sets further settings.
func with(settings ...string) func(*providers.Settings) {
	return func(s *providers.Settings) {
		s.Config.Settings = maps.Clone(s.Config.Settings)
		for i := 0; i+1 < len(settings); i += 2 {
			s.Config.Settings[settings[i]] = settings[i+1]
		}
	}
}

// charged is a request that agrees to charges.
func charged(s step) step {
	s.Sends = http.Header{"Accept-Charges": {"true"}}
	return s
}

func list(page int) step {
	return step{Method: "GET", Path: users, Query: url.Values{"pageIndex": {strconv.Itoa(page)}, "pageSize": {"1000"}}, Status: 200}
}

func get(status int, answer string) step {
	return step{Method: "GET", Path: users + "/" + ginaID, Status: status, Answer: answer}
}

func create(body string) step {
	return charged(step{Method: "POST", Path: users, Body: body, Status: 201, Answer: "create-response.json"})
}

func update(body string) step {
	return charged(step{Method: "PATCH", Path: users + "/" + ginaID, Body: body, Status: 200, Answer: "write-response.json"})
}

func remove() step {
	return step{Method: "DELETE", Path: users + "/" + ginaID, Status: 200, Answer: "write-response.json"}
}

// someone is the page number, from 0, of a list of n users whose ids begin with
// prefix; members are further ones of the page.
func someone(prefix string, n int, members string) string {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf(`{"id":"%s-%d","email":"%s%d@example.com"}`, prefix, i, prefix, i)
	}
	if members != "" {
		members += ","
	}
	return fmt.Sprintf(`{%s"data":[%s],"status":"success"}`, members, strings.Join(records, ","))
}

// newDraft is the draft of create-request.json.
func newDraft(roles ...string) providers.Draft {
	values := map[string]any{displayName: "New User"}
	if roles != nil {
		values[rolesName] = vendortest.Texts(roles...)
	}
	return providers.Draft{Email: "new.user@example.com", Values: values}
}

// shown are the attributes that a user with these values has.
func shown(values map[string]any) map[string]providers.Live {
	live := make(map[string]providers.Live)
	for name, value := range values {
		live[name] = providers.Show(value)
	}
	return live
}

// liveGina is the user of get-response.json.
func liveGina() *providers.User {
	return &providers.User{ID: ginaID, Email: "Gina@example.com", Attributes: shown(map[string]any{
		displayName: "Gina Costa", primaryTenant: tenant, rolesName: vendortest.Texts(signIn, "user.admin"),
	})}
}

// newUser is the user of create-response.json.
func newUser() *providers.User {
	return &providers.User{ID: newID, Email: "new.user@example.com", Attributes: shown(map[string]any{
		displayName: "New User", primaryTenant: tenant, rolesName: vendortest.Texts(signIn),
	})}
}

// joinedUser is the user of create-joined-response.json.
func joinedUser() *providers.User {
	return &providers.User{ID: "a1b2c3d4-0000-4000-8000-000000000002", Email: "new.user@example.com", Attributes: shown(map[string]any{
		displayName: "Hugo Lima", primaryTenant: other, rolesName: vendortest.Texts(signIn),
	})}
}

// listed is a user of list-response.json.
func listed(id, email, name, owner string) *providers.User {
	return &providers.User{ID: id, Email: email, Attributes: shown(map[string]any{displayName: name, primaryTenant: owner})}
}

// use is one use of a connection, with the requests that it is made of.
type use struct {
	call  vendortest.Call
	steps []step
}

// uses are all of them, for an account whose users may be deleted.
func uses() map[string]use {
	return map[string]use{
		"search": {vendortest.Search(gina), []step{list(0).Answers("list-response.json")}},
		"list":   {vendortest.List(), []step{list(0).Answers("list-response.json")}},
		"get":    {vendortest.Get(ginaID), []step{get(200, "get-response.json")}},
		"create": {vendortest.Create(newDraft()), []step{create("create-request.json")}},
		"update": {vendortest.Update(ginaID, map[string]any{displayName: "G"}), []step{update(`[{"op":"replace","path":"/displayName","value":"G"}]`)}},
		"delete": {vendortest.Delete(ginaID), []step{get(200, "get-elsewhere-response.json"), remove()}},
	}
}

// operations are the names of uses in their order.
func operations() []string { return slices.Sorted(maps.Keys(uses())) }
