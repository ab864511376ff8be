package intelagree

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers/internal/vendortest"
)

const (
	byPerson = `version: 1
people:
  - email: bill@example.com
    id: E-1042
    givenName: William
    familyName: Smith
    access: {intelagree: {permissionPresets: [Reviewer]}}
`
	byVendor = `version: 1
teams:
  legal: {access: {intelagree: {userPermissions: [Contracts.View], title: Clerk}}}
people:
  - email: someone@example.org
    id: X-1
    displayName: Someone
    teams: [legal]
    access:
      intelagree:
        email: bill@example.com
        name: Bill Smith
        legalName: William Smith
        title: Contract Manager
        businessKeys: [{name: HR, value: E-77}, {name: rollcall, value: E-1042}]
        userPermissions: [{permission: Parties.Edit, organizations: [1, 2]}, 7]
        hasAllOrganizations: true
        primaryLegalEntityId: 3
        x-note: kept out
`
	byReference = `version: 1
people:
  - email: bill@example.com
    id: E-1042
    givenName: William
    familyName: Smith
    access: {intelagree: {userPermissionsToClone: ANA@example.com}}
  - {email: ana@example.com, id: E-1, givenName: Ana, familyName: Souza, access: {intelagree: {permissionPresets: [Reviewer]}}}
`
	byReferenceToKeys = `version: 1
people:
  - email: bill@example.com
    id: E-1042
    givenName: William
    familyName: Smith
    access: {intelagree: {userPermissionsToClone: ana@example.com}}
  - {email: ana@example.com, id: E-2, givenName: Ana, access: {intelagree: {businessKeys: [{name: HR, value: H-1}, {name: rollcall, value: E-1}]}}}
`
	byForeignKey = `version: 1
people:
  - {email: bill@example.com, id: E-1042, legalName: William Smith, givenName: William, familyName: Smith, access: {intelagree: {userPermissionsToClone: {name: rollcall, value: E-1}}}}
`
)

// From the text of a roster to the request, each field that the create is documented
// to take arrives under its name and with its value, and nothing else is sent; the
// simulated vendor, which is strict, takes it.
func TestCreateFromRoster(t *testing.T) {
	for _, test := range []struct{ name, roster, want string }{
		{"by the person's fields", byPerson, "create-request.json"},
		{"by the vendor's fields", byVendor, "create-full-request.json"},
		{"with the permissions of somebody in the roster", byReference, "create-clone-request.json"},
		{"with the permissions of somebody whose keys are stated", byReferenceToKeys, "create-clone-request.json"},
		{"with the permissions of somebody else", byForeignKey, "create-clone-request.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, diagnostics := vendor.LoadAll(t, test.roster)
			if diagnostics.Failed() {
				t.Fatal(diagnostics)
			}
			draft, after := vendor.Draft(all[0])
			if draft.Email != bill && len(all) > 1 {
				draft, after = vendor.Draft(all[1])
			}
			if len(after) > 0 {
				t.Errorf("to be sent after the create: %v", after)
			}
			if diff := cmp.Diff(inOrder(vendortest.Decoded(t, vendortest.Fixture(t, test.want))), inOrder(vendor.CreateBody(t, draft))); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(test.want, "clone") {
				vendor.Strictly(t, vendor.Load(t, test.roster))
			}
		})
	}
}

// What stands in for a name is sent at the create and not managed afterwards.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		lines       []string
		block       string
		name, legal any
		wantName    any
		wantLegal   any
	}{
		{[]string{"givenName: Bill", "familyName: Smith"}, "{}", "Bill Smith", "Bill Smith", vendortest.Unstated, vendortest.Unstated},
		{[]string{"familyName: Smith"}, "{}", "Smith", "Smith", vendortest.Unstated, vendortest.Unstated},
		{[]string{"displayName: Billy", "givenName: Bill"}, "{}", "Billy", "Billy", "Billy", vendortest.Unstated},
		{[]string{"displayName: Billy", "legalName: William"}, "{}", "Billy", "William", "Billy", "William"},
		{[]string{"displayName: Billy", "legalName: William"}, "{name: Bill, legalName: W.}", "Bill", "W.", "Bill", "W."},
		{[]string{"displayName: null", "givenName: Bill"}, "{}", nil, "Bill", nil, vendortest.Unstated},
	} {
		access := vendor.Load(t, vendor.Person(test.block, append(test.lines, "id: E-1")...))
		draft, _ := vendor.Draft(access)
		got := []any{draft.Values[nameName], draft.Values[legalName], vendor.Wanted(access, nameName), vendor.Wanted(access, legalName)}
		if diff := cmp.Diff([]any{test.name, test.legal, test.wantName, test.wantLegal}, got); diff != "" {
			t.Errorf("%v %s: %s", test.lines, test.block, diff)
		}
	}
}

func TestRosterRules(t *testing.T) {
	const two = "version: 1\npeople:\n  - {email: bill@example.com, id: E-1, access: {intelagree: {userPermissionsToClone: ana@example.com}}}\n  - {email: ana@example.com, "
	for _, test := range []struct {
		roster, says string
		warning      bool
	}{
		{vendor.Person("{userPermissions: [a], permissionPresets: [b]}", "id: E-1"), "userPermissions and permissionPresets together", false},
		{vendor.Person("{permissionPresets: [b], userPermissionsToClone: {name: HR, value: x}}", "id: E-1"), "permissionPresets and userPermissionsToClone together", false},
		{vendor.Person("{businessKeys: [{name: rollcall, value: a}, {name: rollcall, value: b}]}"), "two business keys of the type rollcall", false},
		{vendor.Person("{permissionPresets: [b]}"), "give him an id", true},
		{vendor.Person("{businessKeys: [{name: HR, value: a}]}", "id: E-1"), "add one to his businessKeys", true},
		{vendor.Person("{businessKeys: [{value: a}]}"), "name is missing", false},
		{vendor.Person("{businessKeys: []}"), "must be a list of business keys", false},
		{vendor.Person("{permissionPresets: [1.5]}", "id: E-1"), "must be a text, a whole number or a mapping", false},
		{vendor.Person("{permissionPresets: [{}]}", "id: E-1"), "must be a text, a whole number or a mapping", false},
		{vendor.Person("{userPermissionsToClone: ana}", "id: E-1"), "must be an email address", false},
		{vendor.Person("{userPermissionsToClone: 7}", "id: E-1"), "must be the address of somebody in the roster", false},
		{vendor.Person("{userPermissionsToClone: ana@example.com}", "id: E-1"), "who is not in the roster", false},
		{vendor.Person("{primaryLegalEntityId: x}", "id: E-1"), "must be a whole number", false},
		{vendor.Person("{enabled: true}", "id: E-1"), `unknown key "enabled"`, false},
		{two + "access: {}}\n", "who has no access there", false},
	} {
		t.Run(test.says, func(t *testing.T) { vendor.Objects(t, test.roster, test.says, test.warning) })
	}
	// Whoever is cloned has to have a key; that he has none is said besides.
	for rest, says := range map[string]string{
		"access: {intelagree: {}}}\n": "who has no id, by which IntelAgree would know him: give him one",
		"id: E-2, access: {intelagree: {businessKeys: [{name: HR, value: E-3}]}}}\n": "who has businessKeys without one of the type rollcall, by which he would be named: add it",
	} {
		_, diagnostics := vendor.LoadAll(t, two+rest)
		if text := fmt.Sprint(diagnostics); !diagnostics.Failed() || !strings.Contains(text, says) {
			t.Error(text)
		}
	}
	// Emptying one way is no second way.
	vendor.Load(t, vendor.Person("{userPermissions: null, permissionPresets: [b]}", "id: E-1"))
}

// The type of business key is the provider's.
func TestBusinessKeyType(t *testing.T) {
	hr := vendor
	hr.Config = strings.Replace(vendor.Config, "{auth", "{businessKeyType: HR, auth", 1)
	if _, diagnostics := hr.LoadAll(t, hr.Person("{businessKeys: [{name: HR, value: a}]}")); len(diagnostics) > 0 {
		t.Error(diagnostics)
	}
	hr.Objects(t, hr.Person("{businessKeys: [{name: rollcall, value: a}]}"), "business key of the type HR", true)
}

// inOrder is a request whose sets are in one order.
func inOrder(request any) any {
	fields := request.(map[string]any)
	for _, name := range []string{businessKeys, permissions, presets} {
		if list, is := fields[name].([]any); is {
			fields[name] = normal(list)
		}
	}
	return fields
}
