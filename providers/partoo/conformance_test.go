package partoo

import (
	"testing"

	"rollcall/providers/providertest"
	"rollcall/providers/simulator"
)

// The laws of every provider hold for this one.
func TestConformance(t *testing.T) { providertest.Run(t, subject()) }

// They hold too where the vendor does what is not documented in the other way.
func TestConformanceOtherwise(t *testing.T) {
	s := subject()
	s.World.Partoo = simulator.PartooOptions{SearchShowsDisabled: true, EmptyMaxPage: 1, SingularError: true}
	s.Without["singular-error"] = "all errors are in that form"
	providertest.Run(t, s)
}

// The laws would find a provider that is broken.
func TestConformanceFinds(t *testing.T) { providertest.Prove(t, subject()) }

// subject is what the laws have to be told of Partoo.
func subject() providertest.Subject {
	access := func(groups ...int64) []any {
		list := make([]any, len(groups))
		for i, group := range groups {
			list[i] = group
		}
		return list
	}
	set := func(name string, value any) providertest.Sample {
		return providertest.Sample{Name: name, Values: map[string]any{name: value}}
	}
	named := func(name string, values map[string]any) providertest.Sample {
		return providertest.Sample{Name: name, Values: values}
	}
	business := map[string]any{roleName: businessManager, businessIDs: []any{"5f1", "5f2"}, accesses: []any{}}
	return providertest.Subject{
		Kind: Kind(), SearchPage: 100, ListPage: 100, Volatile: []string{"created_at", "invited_at"},
		User: func(email string) map[string]any {
			return map[string]any{
				"email": email, "first_name": "Ana", "last_name": "Souza", roleName: groupManager, customRole: "regional", accesses: []any{access(1, 2), access(3)},
				sidebarPages: []any{"posts", "messages"}, "lang": "pt-br", "phone": "+1 306 555 1234", "keywords": []any{"north", "south"}, "org_id": 42, "status": "active",
			}
		},
		New: func(email string) map[string]any {
			return map[string]any{"email": email, "status": "active", "org_id": 42}
		},
		Shown: map[string]map[string]any{businessIDs: business, accesses: nil},
		Needs: map[string]string{businessIDs: roleName, accesses: roleName},
		Creates: []providertest.Sample{
			named("with a role", map[string]any{"first_name": "Ana", "last_name": "Souza", roleName: "PUBLISHER"}),
			{
				Name: "with everything",
				Values: map[string]any{
					"first_name": "Ana", "last_name": "Souza", roleName: groupManager, customRole: "regional", accesses: []any{access(1, 2), access(1, 3)}, sidebarPages: []any{"posts"},
					"org_id": int64(43), "lang": "fr", "sso_only": true, statusName: "invited", sendInvitation: false, "password": "Secret-7q1x",
				},
				Record: map[string]any{
					"first_name": "Ana", "last_name": "Souza", roleName: groupManager, customRole: "regional", accesses: []any{access(1, 2), access(1, 3)}, sidebarPages: []any{"posts"},
					"org_id": 43, "lang": "fr", "sso_only": true, "status": "invited",
				},
			},
			named("with businesses", map[string]any{"first_name": "Ana", "last_name": "Souza", roleName: businessManager, businessIDs: []any{"5f1", "5f2"}}),
			{
				Name:   "with an invitation",
				Values: map[string]any{"first_name": "Ana", "last_name": "Souza", roleName: orgAdmin, sendInvitation: true},
				Record: map[string]any{"first_name": "Ana", "last_name": "Souza", roleName: orgAdmin, "status": "invited"}, Mails: 1,
			},
			{
				Name:   "to be invited later",
				Values: map[string]any{"first_name": "Ana", "last_name": "Souza", roleName: orgAdmin, welcomeEmail: true},
				Record: map[string]any{"first_name": "Ana", "last_name": "Souza", roleName: orgAdmin, "status": "invited"}, With: []string{statusName, sendInvitation},
			},
		},
		Updates: []providertest.Sample{
			set("first_name", "Anna-Lena"), set("last_name", "da Silva"), set("lang", "it"), set("phone", "+49 89 123456"), set("sso_only", true), set("org_id", int64(43)),
			set(customRole, "local"), set(sidebarPages, []any{"presence_analytics", "posts", "diffusion"}), set(disabled, true), set("receive_reviews_email_notifications", true),
			set(accesses, []any{access(4), access(1, 2)}), named("no access", map[string]any{accesses: []any{}}),
			set("keywords", []any{"east"}), named("no keyword", map[string]any{"keywords": []any{}}),
			{Name: "another role", Values: map[string]any{roleName: "ORG_MANAGER"}, Record: map[string]any{roleName: "ORG_MANAGER", accesses: []any{}}},
			{Name: "another role and its scope", Values: map[string]any{roleName: businessManager, businessIDs: []any{"5f3"}}, Record: map[string]any{roleName: businessManager, businessIDs: []any{"5f3"}, accesses: []any{}}},
		},
		Invitable: map[string]any{"status": "invited"},
		Without:   map[string]string{"429 twice, body": "no body of a 429 is documented"},
	}
}
