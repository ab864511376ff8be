package partoo

import (
	"strings"
	"testing"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// A key that can not be sent is refused before anything is: the error names where
// it stands, and does not show it.
func TestUnusableKey(t *testing.T) {
	for _, key := range []string{"", " ", "k-12345\n6789", "k-123456789 ", "k-12345\u2026"} {
		s := vendor.Open(vendor.Plays(t), func(s *providers.Settings) { s.Auth = map[string]sources.Secret{"apiKey": sources.NewSecret(key)} })
		_, err := Kind().Connect(t.Context(), s)
		if err == nil || !strings.HasPrefix(err.Error(), "environment variable PARTOO_API_KEY: ") || strings.Contains(err.Error(), "12345") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// The 401 of a key is final: there is nothing to renew it with, so nothing is sent
// any more, and every error says where the key comes from.
func TestKeyRefused(t *testing.T) {
	c := vendor.Connect(t, vendor.Plays(t, search(1).Refuses(401, "error-401.json")))
	for _, operation := range append([]string{"search"}, operations()...) {
		_, err := calls()[operation].call(t.Context(), c)
		if !providers.CredentialsRefused(err) || providers.OutcomeUnknown(err) || providers.Remedy(err) != "look at environment variable PARTOO_API_KEY" || strings.Contains(err.Error(), apiKey) {
			t.Errorf("%s: %v, remedy %q", operation, err, providers.Remedy(err))
		}
	}
}

func TestOpenRefusesAddresses(t *testing.T) { vendor.RefusesAddresses(t) }

func TestRate(t *testing.T) {
	vendor.KeepsRate(t, vendortest.Get(userID), step{Status: 200, Answer: "get-response.json"}, 4*time.Second)
}
