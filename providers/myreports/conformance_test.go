package myreports

import (
	"testing"

	"rollcall/providers/providertest"
	"rollcall/providers/simulator"
)

// The laws of every provider hold for this one.
func TestConformance(t *testing.T) { providertest.Run(t, subject()) }

// They hold too where the vendor does what is not documented in the other way: a login
// that renews its refresh tokens and takes each once, lists that show roles, and
// charges that have to be agreed to.
func TestConformanceOtherwise(t *testing.T) {
	s := subject()
	s.World.Tokens, s.World.MyReports.RefreshToken = simulator.Issued, "simulated-7q1x9ZkW" // what the laws begin with
	s.World.MyReports.RotateRefreshTokens, s.World.MyReports.ListShowsRoles, s.World.MyReports.DemandAcceptCharges = true, true, true
	s.ByID = nil
	providertest.Run(t, s)
}

// The laws would find a provider that is broken.
func TestConformanceFinds(t *testing.T) { providertest.Prove(t, subject()) }

// subject is what the laws have to be told of MyReports.
func subject() providertest.Subject {
	set := func(name string, value any) providertest.Sample {
		return providertest.Sample{Name: name, Values: map[string]any{name: value}}
	}
	return providertest.Subject{
		Kind: Kind(), ListPage: pageSize, SearchPage: pageSize,
		Settings:  map[string]string{region: "na", account: tenant, deleteEverywhere: "true"},
		World:     simulator.Options{MyReports: simulator.MyReportsOptions{Account: tenant, Accounts: []string{tenant}}},
		TokenPath: "/connect/token",
		ByID:      []string{rolesName},
		Looks:     []string{"delete"},
		User: func(email string) map[string]any {
			return map[string]any{
				"email": email, displayName: "Ana Souza", rolesName: []any{signIn, "user.admin"}, primaryTenant: tenant, "accounts": []any{tenant},
			}
		},
		New: func(email string) map[string]any {
			return map[string]any{"email": email, rolesName: []any{signIn}, primaryTenant: tenant, "accounts": []any{tenant}}
		},
		Creates: []providertest.Sample{
			{Name: "with a name", Values: map[string]any{displayName: "Ana Souza"}, With: []string{rolesName}, Mails: 1},
			{
				Name:   "with everything",
				Values: map[string]any{displayName: "Zoë “Z” O'Neill", rolesName: []any{signIn, "customer.admin", "webhooks.admin"}}, Mails: 1,
			},
		},
		Updates: []providertest.Sample{
			set(displayName, "Anna-Lena da Silva"), set(rolesName, []any{signIn, "customer.admin", "onboarding.admin"}),
			{Name: "a role less", Values: map[string]any{rolesName: []any{signIn}}},
			{Name: "everything", Values: map[string]any{displayName: "A", rolesName: []any{signIn, "account.storage.admin"}}},
		},
		Without: map[string]string{
			"singular-error": "there is one form of errors", "phantom-pages": "no answer tells how many pages there are",
			"429 twice, body":            "no body of a 429 is documented",
			"what is empty is not shown": "nothing that a user may have is empty at a new one",
		},
	}
}
