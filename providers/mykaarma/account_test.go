package mykaarma

import (
	"strings"
	"testing"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// Credentials that can not be sent are refused before anything is: the error names
// where they stand, and does not show them.
func TestUnusableCredentials(t *testing.T) {
	for _, pair := range [][2]string{{"", "p"}, {"u", ""}, {"u:12345", "p"}, {"u", "12345\n6789"}, {"12345\x00", "p"}, {"u", "12345\xff"}} {
		s := vendor.Open(vendor.Plays(t), func(s *providers.Settings) {
			s.Auth = map[string]sources.Secret{"username": sources.NewSecret(pair[0]), "password": sources.NewSecret(pair[1])}
		})
		_, err := Kind().Connect(t.Context(), s)
		if err == nil || !strings.HasPrefix(err.Error(), "environment variable MYKAARMA_USERNAME and environment variable MYKAARMA_PASSWORD: ") || strings.Contains(err.Error(), "12345") {
			t.Errorf("%q: %v", pair, err)
		}
	}
}

// A 401 is final: there is nothing to renew the credentials with, so nothing is sent any
// more, and every error says where they come from.
func TestCredentialsRefused(t *testing.T) {
	c := vendor.Connect(t, vendor.Plays(t, list().Refuses(401, "error-400.json")), everything)
	for _, name := range append([]string{"list"}, writes()...) {
		_, err := uses()[name].call(t.Context(), c)
		if !providers.CredentialsRefused(err) || providers.OutcomeUnknown(err) || !strings.HasPrefix(providers.Remedy(err), "look at environment variable MYKAARMA_PASSWORD and ") || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v, remedy %q", name, err, providers.Remedy(err))
		}
	}
}

func TestOpenRefusesAddresses(t *testing.T) { vendor.RefusesAddresses(t) }

func TestRate(t *testing.T) {
	vendor.KeepsRate(t, vendortest.List(), scripted{Status: 200, Answer: "list-response.json"}, 3*time.Second)
}

// A configuration that no schema looked at is refused with its place, too.
func TestOpenRefusesSettings(t *testing.T) {
	for says, change := range map[string]func(*providers.Settings){
		"departments of mykaarma (rollcall.yaml:4:3): assume: [suspend] needs them": func(s *providers.Settings) { s.Config.Assume = []string{"suspend"} },
		"paths.updateUser of mykaarma (rollcall.yaml:4:3): {uuid}": func(s *providers.Settings) {
			s.Config.Tables = map[string]map[string]string{pathsSetting: {updateUser: "/user/{uuid}"}}
		},
	} {
		_, err := Kind().Connect(t.Context(), vendor.Open(vendor.Plays(t), change, func(s *providers.Settings) {
			s.Config.Origin = sources.Origin{File: "rollcall.yaml", Line: 4, Column: 3}
		}))
		if err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}
