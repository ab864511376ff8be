package myreports

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// A credential that can not be sent is refused before anything is: the error names
// where it stands, and does not show it.
func TestUnusableCredentials(t *testing.T) {
	for name, place := range map[string]string{
		clientID: "environment variable MYREPORTS_CLIENT_ID: ", clientSecret: "environment variable MYREPORTS_CLIENT_SECRET: ", refreshToken: "file myreports.token: ",
	} {
		for _, value := range []string{"", " ", "x-12345\n6789", "x-123456789 ", "x-12345\u2026"} {
			s := vendor.Open(vendor.Plays(t), func(s *providers.Settings) {
				s.Auth = maps.Clone(s.Auth)
				s.Auth[name] = sources.NewSecret(value)
			})
			_, err := Kind().Connect(t.Context(), s)
			if err == nil || !strings.HasPrefix(err.Error(), place) || strings.Contains(err.Error(), "12345") {
				t.Errorf("%s %q: %v", name, value, err)
			}
		}
	}
}

// Where the login refuses the refresh token, nothing is sent any more, and every error
// says where it stands and how to have another one.
func TestRefreshTokenRefused(t *testing.T) {
	asked := 0
	refusing := vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
		asked++
		if r.URL.String() != Kind().TokenURL {
			t.Errorf("a request to %s", r.URL)
		}
		return vendor.Reply(t, r, step{Status: 400, Answer: `{"error":"invalid_grant","error_description":"refresh-0123"}`}), nil
	})
	alone := vendor
	alone.Tokens = ""
	c := alone.Connect(t, refusing)
	for _, operation := range operations() {
		_, err := uses()[operation].call(t.Context(), c)
		if !providers.CredentialsRefused(err) || providers.OutcomeUnknown(err) || strings.Contains(err.Error()+providers.Remedy(err), "-0123") {
			t.Errorf("%s: %v", operation, err)
		}
		if remedy := providers.Remedy(err); !strings.Contains(remedy, "file myreports.token") || !strings.Contains(remedy, "rollcall login myreports") {
			t.Errorf("%s: %q", operation, remedy)
		}
	}
	if asked != 1 {
		t.Errorf("%d requests with a token that is refused", asked)
	}
}

// A login that can not be reached, or does not answer as one, is no refusal.
func TestLoginOutOfOrder(t *testing.T) {
	for name, answer := range map[string]step{
		"busy": {Status: 503}, "no token": {Status: 200, Answer: `{"token_type":"Bearer"}`}, "HTML": {Status: 200, Answer: "<html></html>", Media: "text/html"},
	} {
		alone := vendor
		alone.Tokens = ""
		c := alone.Connect(t, alone.Always(t, answer), func(s *providers.Settings) { s.Config.Retries = 0 })
		_, err := vendortest.Get(ginaID)(t.Context(), c)
		if err == nil || providers.CredentialsRefused(err) || strings.Contains(providers.Remedy(err), "rollcall login") {
			t.Errorf("%s: %v, remedy %q", name, err, providers.Remedy(err))
		}
	}
}

func TestOpenRefusesAddresses(t *testing.T) {
	vendor.RefusesAddresses(t)
	for _, address := range []string{"http://login.xarios.cloud/connect/token", "https://user:hunter2@login.xarios.cloud/connect/token", "ftp://login.xarios.cloud"} {
		_, err := vendor.Kind.Connect(t.Context(), vendor.Open(vendor.Plays(t), func(s *providers.Settings) { s.Config.TokenURL = address }))
		if err == nil || !strings.Contains(err.Error(), "tokenURL") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestRate(t *testing.T) {
	vendor.KeepsRate(t, vendortest.Get(ginaID), get(200, "get-response.json"), 3*time.Second)
}
