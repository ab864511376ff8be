package vendasta

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	userID = "U-7a3c4f2e-5d0b-4f6e-9c1a-2b8d6e4f0a13" // of the fixtures
	token  = "t-0123456789"
)

type step = vendortest.Step

// anyList is a list as values hold it.
func anyList(items ...string) []any { return vendortest.Texts(items...) }

// vendor is Vendasta with a static token.
var vendor = vendortest.Vendor{
	Kind:        Kind(),
	Config:      "{partner: ABC, auth: {token: {env: VENDASTA_TOKEN}}}",
	Settings:    map[string]string{"partner": "ABC"},
	Auth:        map[string]sources.SecretRef{"token": {Env: "VENDASTA_TOKEN"}},
	Secrets:     map[string]string{"token": token},
	Media:       mediaType,
	Credentials: http.Header{"Authorization": {"Bearer " + token}},
	Created:     step{Status: http.StatusCreated, Answer: "create-response.json"},
}
