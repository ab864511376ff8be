package myreports

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// byPerson states what it can by the person's fields, byVendor by the vendor's; each
// has all fields that a create is documented to take.
const (
	byPerson = `version: 1
people:
  - email: new.user@example.com
    givenName: Nina
    familyName: User
    displayName: New User
    nickname: Newbie
    legalName: Nina U. User
    title: Agent
    id: E-1042
    locale: fr-FR
    timeZone: Europe/Paris
    labels: {manager: arthur@example.com}
    x-note: kept out
    access:
      myreports: {roles: [webhooks.admin, customer.admin, account.user], x-note: kept out}
`
	byVendor = `version: 1
teams:
  support: {access: {myreports: {roles: [customer.admin]}}}
people:
  - email: someone@example.org
    displayName: Other Name
    teams: [support]
    access: {myreports: {email: new.user@example.com, displayName: New User, roles: [webhooks.admin]}}
`
	byNames = `version: 1
people:
  - {email: new.user@example.com, givenName: New, familyName: User, access: {myreports: {roles: [customer.admin, webhooks.admin]}}}
`
	unstated = `version: 1
people:
  - {email: new.user@example.com, givenName: New, familyName: User, access: {myreports: {}}}
`
)

// inOrder is a request whose roles are in one order.
func inOrder(request any) any {
	fields, _ := request.(map[string]any)
	fields[rolesName] = sources.Normal(fields[rolesName])
	return fields
}

// From the text of a roster to the request, each field that the create is documented
// to take arrives under its name and with its value, and nothing else is sent; the
// simulated vendor, which is strict, takes it.
func TestCreateFromRoster(t *testing.T) {
	for name, test := range map[string]struct{ roster, request string }{
		"by the person's fields":      {byPerson, "create-full-request.json"},
		"by the vendor's fields":      {byVendor, "create-full-request.json"},
		"by given and family name":    {byNames, "create-full-request.json"},
		"nothing stated":              {unstated, "create-request.json"},
		"roles that are null":         {strings.Replace(unstated, "{}", "{roles: null}", 1), "create-request.json"},
		"roles that are none":         {strings.Replace(unstated, "{}", "{roles: []}", 1), "create-request.json"},
		"the role that everybody has": {strings.Replace(unstated, "{}", "{roles: [account.user]}", 1), "create-request.json"},
	} {
		t.Run(name, func(t *testing.T) {
			access := vendor.Load(t, test.roster)
			create, after := vendor.Draft(access)
			if len(after) > 0 {
				t.Errorf("to be sent after the create: %v", after)
			}
			want := inOrder(vendortest.Decoded(t, vendortest.Fixture(t, test.request)))
			if diff := cmp.Diff(want, inOrder(vendor.CreateBody(t, create))); diff != "" {
				t.Error(diff)
			}
			vendor.Strictly(t, access)
		})
	}
}

// Every attribute is one that a roster can state, but for the one that is only shown.
func TestEveryAttributeHasAField(t *testing.T) {
	stated := make(map[string]bool)
	for _, value := range vendor.Load(t, byVendor).Values {
		stated[value.Name] = true
	}
	for _, a := range Kind().Attributes {
		if stated[a.Name] == (a.Name == primaryTenant) {
			t.Errorf("%s can be stated: %v", a.Name, stated[a.Name])
		}
	}
	if _, diagnostics := vendor.LoadAll(t, vendor.Person("{primaryTenant: "+other+"}")); !diagnostics.Failed() {
		t.Error("a roster can state who owns a user")
	}
}

// What a roster wants, and what it leaves alone.
func TestWanted(t *testing.T) {
	for _, test := range []struct {
		name, block, person, attribute string
		want                           any
	}{
		{"no name", "{}", "", displayName, vendortest.Unstated},
		{"given and family name are not managed", "{}", "givenName: Ana\n    familyName: Souza", displayName, vendortest.Unstated},
		{"the person's name", "{}", "displayName: Ana", displayName, "Ana"},
		{"the block's name", "{displayName: Annie}", "displayName: Ana", displayName, "Annie"},
		{"the person's name cleared", "{}", "displayName: null", displayName, nil},
		{"no roles stated", "{}", "", rolesName, vendortest.Unstated},
		{"roles", "{roles: [user.admin]}", "", rolesName, vendortest.Texts(signIn, "user.admin")},
		{"roles with the first", "{roles: [user.admin, account.user]}", "", rolesName, vendortest.Texts("user.admin", signIn)},
		{"no roles", "{roles: []}", "", rolesName, vendortest.Texts(signIn)},
		{"roles cleared", "{roles: null}", "", rolesName, vendortest.Texts(signIn)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := vendor.Wanted(vendor.Load(t, vendor.Person(test.block, test.person)), test.attribute)
			if list, is := got.([]any); is && len(list) == 2 && list[0] != test.want.([]any)[0] {
				list[0], list[1] = list[1], list[0] // a set
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the kind's rules say stands at the place in the roster that it is about.
func TestRules(t *testing.T) {
	long := strings.Repeat("ä", 101)
	address202 := "bill@" + strings.Repeat("a.", 95) + "example"
	const warning = true
	for _, test := range []struct {
		name, roster, says string
		warning            bool
	}{
		{"a role that is not documented", vendor.Person("{roles: [customer.user]}"), `MyReports documents no role "customer.user" for accounts; it documents account.user, user.admin`, warning},
		{"a role that is misspelt in a team", "version: 1\nteams: {a: {access: {myreports: {roles: [user.admn]}}}}\npeople:\n  - {email: bill@example.com, teams: [a]}\n", `no role "user.admn"`, warning},
		{"a long name", vendor.Person("{}", "displayName: "+long), "MyReports takes no such displayName: at most 100 characters, and it has 101", false},
		{"long names together", vendor.Person("{}", "givenName: "+long[:120], "familyName: "+long[:100]), "given and family name together are too long for MyReports", false},
		{"a long name in the block", vendor.Person("{displayName: " + long + "}"), "must have at most 100 characters and has 101", false},
		{"a blank name in the block", vendor.Person(`{displayName: " "}`), "must be a name", false},
		{"a name cleared in the block", vendor.Person("{displayName: null}"), "null (or nothing) is not allowed here", false},
		{"a role twice", vendor.Person("{roles: [user.admin, user.admin]}"), "stands in this list twice", false},
		{"a role that is a list", vendor.Person("{roles: [[user.admin]]}"), "must be text", false},
		{"an empty role", vendor.Person(`{roles: [""]}`), "must be the key of a role", false},
		{"roles that are text", vendor.Person("{roles: user.admin}"), "must be a list", false},
		{"a long address in the block", vendor.Person("{email: " + address202 + "}"), "MyReports takes addresses of at most 200 characters, and this one has 202; state a shorter email in his access block", false},
		{"a long address of the person", "version: 1\npeople:\n  - {email: " + address202 + ", access: {myreports: {}}}\n", "at most 200 characters, and this one has 202", false},
		{"what there is no place for", vendor.Person("{enabled: false}"), `unknown key "enabled"`, false},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Objects(t, test.roster, test.says, test.warning) })
	}
	for name, roster := range map[string]string{
		"all roles that are documented": vendor.Person("{roles: [" + strings.Join(roleKeys, ", ") + "]}"),
		"a name of 100 characters":      vendor.Person("{}", "displayName: "+long[:200]),
		"long names beside a short one": vendor.Person("{displayName: B}", "givenName: "+long, "familyName: "+long),
		"long names, and a displayName": vendor.Person("{}", "givenName: "+long, "familyName: "+long, "displayName: B"),
		"nothing":                       vendor.Person("{}"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, diagnostics := vendor.LoadAll(t, roster); len(diagnostics) > 0 {
				t.Error(diagnostics)
			}
		})
	}
}

// The rules ignore what has no form that they are about; that is the schema's.
func TestRulesOfOddValues(t *testing.T) {
	for _, data := range []any{nil, 7, true, "x", []any{7, nil, []any{"x"}}, map[string]any{"a": 1}} {
		for _, name := range []string{displayName, rolesName, primaryTenant, "givenName"} {
			values := sources.Values{{Name: name, Data: data}}
			none := sources.ProviderConfig{}
			if len(doubts(values))+len(unfit(none, values, values))+len(unfit(none, values, nil)) > 0 {
				t.Errorf("%s: %v", name, data)
			}
			privilege(name, data, data)
			withSignIn(data)
		}
	}
}
