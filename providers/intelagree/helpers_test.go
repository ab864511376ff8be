package intelagree

import (
	"net/http"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type step = vendortest.Step

// vendor is IntelAgree, with changes assumed.
var vendor = vendortest.Vendor{
	Kind:     Kind(),
	Config:   "{auth: {subscriptionKey: {env: INTELAGREE_SUBSCRIPTION_KEY}, accountKey: {env: INTELAGREE_ACCOUNT_KEY}}, assume: [update]}",
	Settings: map[string]string{},
	Auth: map[string]sources.SecretRef{
		"subscriptionKey": {Env: "INTELAGREE_SUBSCRIPTION_KEY"}, "accountKey": {Env: "INTELAGREE_ACCOUNT_KEY"},
	},
	Secrets:   map[string]string{"subscriptionKey": "s-0123456789", "accountKey": "a-0123456789"},
	Media:     "application/json",
	Tokens:    `{"token":"t-0123456789","expires":"2099-01-01T00:00:00.0000000Z"}`,
	TokenPath: "/Accounts",
	Credentials: http.Header{
		"Ocp-Apim-Subscription-Key": {"s-0123456789"}, "Apiversion": {"2.0"}, "Authorization": {"Bearer t-0123456789"},
	},
	Created: step{Status: http.StatusCreated, Answer: "create-response.json"},
}

// assuming turns changes on.
func assuming(s *providers.Settings) { s.Config.Assume = []string{"update"} }

const bill = "bill@example.com"

func search() step {
	return step{Method: "GET", Path: "/users", Query: url.Values{"email": {bill}}, Status: 200}
}

func get() step {
	return step{Method: "GET", Path: "/users/rollcall/E-1042", Status: 200, Answer: "get-response.json"}
}

func create(body string) step {
	return step{Method: "POST", Path: "/users", Body: body, Status: 201, Answer: "create-response.json"}
}

func update(body string) step {
	return step{Method: "PUT", Path: "/users/rollcall/E-1042", Body: body, Status: 200, Answer: "get-response.json"}
}

// shown are the attributes that a user with these values has.
func shown(values map[string]any) map[string]providers.Live {
	live := make(map[string]providers.Live)
	for name, value := range values {
		live[name] = providers.Show(value)
	}
	return live
}

// liveBill is the user of get-response.json.
func liveBill() *providers.User {
	return &providers.User{ID: "E-1042", Email: bill, Attributes: shown(map[string]any{
		nameName: "Bill Smith", legalName: "William Smith", titleName: "Contract Manager", presets: nil, everywhere: true, primaryEntity: int64(3),
		permissions: []any{"Contracts.View", int64(7), map[string]any{"permission": "Parties.Edit", "organizations": []any{int64(1), int64(2)}}},
	})}
}
