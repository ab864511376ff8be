package partoo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// byPerson states what it can by the person's fields, byVendor by the vendor's;
// together with the businesses, these are all fields that a create is documented
// to take.
const (
	byPerson = `version: 1
people:
  - email: perceval@example.com
    givenName: Perceval
    familyName: de Galles
    nickname: Percy
    displayName: Sir Perceval
    title: Knight
    id: E-1042
    locale: fr-FR
    timeZone: Europe/Paris
    labels: {manager: arthur@example.com}
    x-note: kept out
    access:
      partoo:
        org_id: 42
        accesses: [[1, 2], [1, 3]]
        role: GROUP_MANAGER
        custom_role: my_custom_role
        sidebar_pages: [posts, review_management]
        send_invitation: false
        status: active
        password: {env: PERCEVAL_PASSWORD}
        sso_only: true
        x-note: kept out
`
	byVendor = `version: 1
teams:
  knight: {access: {partoo: {accesses: [[1, 2]], sidebar_pages: [review_management], role: PUBLISHER, lang: en}}}
people:
  - email: someone@example.org
    givenName: Other
    familyName: Name
    locale: de-DE
    teams: [knight]
    access:
      partoo:
        email: perceval@example.com
        first_name: Perceval
        last_name: de Galles
        org_id: 42
        accesses: [[1, 3]]
        role: GROUP_MANAGER
        custom_role: my_custom_role
        sidebar_pages: [posts]
        send_invitation: false
        status: active
        password: {file: perceval.password}
        lang: fr
        sso_only: true
`
	byBusinesses = `version: 1
people:
  - email: bill@example.com
    givenName: William
    familyName: Smith
    access: {partoo: {role: BUSINESS_MANAGER, business_ids: ["5309c3a237bbc544d8e26737"]}}
`
	everything = `version: 1
people:
  - email: bill@example.com
    givenName: William
    familyName: Smith
    phones: [{number: "+1 306 555 1234", type: mobile}]
    access:
      partoo:
        role: ORG_MANAGER
        phone: "+33 1 23 45 67 89"
        keywords: [north, south]
        receive_reviews_email_notifications: true
        welcomeEmail: true
`
)

// From the text of a roster to the request, each field that the create is
// documented to take arrives under its name and with its value, and nothing else is
// sent; the simulated vendor, which is strict, takes it.
func TestCreateFromRoster(t *testing.T) {
	full := vendortest.Decoded(t, vendortest.Fixture(t, "create-full-request.json")).(map[string]any)
	group := maps.Clone(full)
	delete(group, businessIDs)
	for _, test := range []struct {
		name, roster, password string
		want                   any
	}{
		{"by the person's fields", byPerson, "environment variable PERCEVAL_PASSWORD", group},
		{"by the vendor's fields", byVendor, "perceval.password", group},
		{"a manager of businesses", byBusinesses, "", vendortest.Decoded(t, vendortest.Fixture(t, "create-request.json"))},
		{"somebody to invite afterwards", vendor.Person("{role: ORG_MANAGER, welcomeEmail: true}", names...), "", vendortest.Decoded(t, vendortest.Fixture(t, "create-welcome-request.json"))},
		{"somebody to invite at the create", vendor.Person("{role: ORG_MANAGER, send_invitation: true}", names...), "", vendortest.Decoded(t, vendortest.Fixture(t, "create-invitation-request.json"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			access := vendor.Load(t, test.roster)
			draft, after := vendor.Draft(access)
			if len(after) > 0 {
				t.Errorf("to be sent after the create: %v", after)
			}
			if test.password != "" {
				if place := fmt.Sprint(draft.Values["password"]); !strings.HasPrefix(place, "secret of ") || !strings.HasSuffix(place, test.password) {
					t.Errorf("the password is %s", place)
				}
				draft.Values["password"] = "Excalibur!"
			}
			if diff := cmp.Diff(inOrder(test.want), inOrder(vendor.CreateBody(t, draft))); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(full) != 14 {
		t.Errorf("the create takes 14 fields, not %d", len(full))
	}
}

// names are lines that Partoo wants of everybody.
var names = []string{"givenName: William", "familyName: Smith"}

// inOrder is a request whose sets are in one order.
func inOrder(request any) any {
	fields := maps.Clone(request.(map[string]any))
	for _, name := range []string{accesses, businessIDs, sidebarPages} {
		if list, stated := fields[name]; stated {
			fields[name] = sources.Normal(list)
		}
	}
	return fields
}

// The simulated vendor, which refuses what is not documented, takes every create
// that comes of a roster, and what is sent right after it, and stores it as it was
// sent.
func TestSimulatedVendorTakesIt(t *testing.T) {
	strong := strings.NewReplacer("{env: PERCEVAL_PASSWORD}", "{env: Perceval_Password}")
	for name, roster := range map[string]string{
		"by the person's fields": strong.Replace(byPerson), "a manager of businesses": byBusinesses, "everything else": everything,
		"an admin who is invited": vendor.Person("{role: ORG_ADMIN, send_invitation: true, lang: pt-br}", names...),
	} {
		t.Run(name, func(t *testing.T) { vendor.Strictly(t, vendor.Load(t, roster)) })
	}
}

// What the create is not documented to take is never in it: it is set in an update
// right after. welcomeEmail is in neither.
func TestNeverInACreate(t *testing.T) {
	draft, after := vendor.Draft(vendor.Load(t, everything))
	want := map[string]any{"phone": "+33 1 23 45 67 89", "keywords": vendortest.Texts("north", "south"), "receive_reviews_email_notifications": true}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	sent := vendor.CreateBody(t, draft)
	if diff := cmp.Diff(vendortest.Decoded(t, vendortest.Fixture(t, "create-welcome-request.json")), sent); diff != "" {
		t.Error(diff)
	}
	steps := []step{update(`{"phone":"+33 1 23 45 67 89","keywords":["north","south"],"receive_reviews_email_notifications":true}`)}
	vendor.Succeeds(t, steps, vendortest.Update(userID, after), providers.Receipt{UserID: userID})
	// The phone of the person's entry as well, and the welcome mail that is not to
	// be sent.
	person := vendor.Person("{role: ORG_MANAGER, welcomeEmail: false}", append(slices.Clone(names), `phones: [{number: "1", type: work}]`)...)
	draft, after = vendor.Draft(vendor.Load(t, person))
	if diff := cmp.Diff(map[string]any{"phone": "1"}, after) + cmp.Diff(billDraft(map[string]any{roleName: "ORG_MANAGER"}), draft); diff != "" {
		t.Error(diff)
	}
}

// Every attribute is one that a roster can state, but for the one that suspends.
func TestEveryAttributeHasAField(t *testing.T) {
	stated := make(map[string]bool)
	for _, roster := range []string{byVendor, byBusinesses, everything} {
		for _, value := range vendor.Load(t, roster).Values {
			stated[value.Name] = true
		}
	}
	for _, a := range Kind().Attributes {
		if stated[a.Name] == (a.Name == disabled) {
			t.Errorf("%s can be stated: %v", a.Name, stated[a.Name])
		}
	}
	if _, diagnostics := vendor.LoadAll(t, vendor.Person("{role: ORG_ADMIN, disabled: true}", names...)); !diagnostics.Failed() {
		t.Error("a roster can disable an account; status says that")
	}
}

// What a person's entry means in the vendor's terms.
func TestFromPerson(t *testing.T) {
	group := func(lists ...[]any) []any {
		all := make([]any, len(lists))
		for i, list := range lists {
			all[i] = list
		}
		return all
	}
	for _, test := range []struct {
		name, block, person, attribute string
		want                           any
	}{
		{"nothing stated", "", "", "first_name", vendortest.Unstated},
		{"given name", "", "givenName: Ana", "first_name", "Ana"},
		{"family name", "", "familyName: Souza", "last_name", "Souza"},
		{"null clears", "", "givenName: null", "first_name", nil},
		{"the block beats the person", ", first_name: Annie", "givenName: Ana", "first_name", "Annie"},
		{"a language", "", "locale: fr", "lang", "fr"},
		{"a language with a region", "", "locale: en-GB", "lang", "en"},
		{"Portuguese of Brazil", "", "locale: pt-BR", "lang", "pt-br"},
		{"Portuguese of Portugal", "", "locale: pt-PT", "lang", "pt"},
		{"Portuguese", "", "locale: pt", "lang", "pt"},
		{"a language with a script", "", "locale: ro-Latn-RO", "lang", "ro"},
		{"a language that Partoo does not have", "", "locale: nb-NO", "lang", vendortest.Unstated},
		{"a language that begins like one that it has", "", "locale: fil-PH", "lang", vendortest.Unstated},
		{"a language that Partoo does not have, and one of the block's", ", lang: en", "locale: nb-NO", "lang", "en"},
		{"locale cleared", "", "locale: null", "lang", nil},
		{"the first phone", "", `phones: [{number: "1", type: work}, {number: "2", type: mobile}]`, "phone", "1"},
		{"the first phone that is no fax and no pager", "", `phones: [{number: "1", type: fax}, {number: "2", type: pager}, {number: "3", type: home}, {number: "4", type: mobile}]`, "phone", "3"},
		{"no phone but a fax", "", `phones: [{number: "1", type: fax}]`, "phone", vendortest.Unstated},
		{"no phone", "", "phones: []", "phone", []any{}},
		{"phones cleared", "", "phones: null", "phone", nil},
		{"the block's phone", `, phone: "9"`, `phones: [{number: "1", type: work}]`, "phone", "9"},
		{"the block's null over the phone", ", phone: null", `phones: [{number: "1", type: work}]`, "phone", nil},
		{"accesses", ", accesses: [[2, 1], [3]]", "", accesses, group(groupIDs(2, 1), groupIDs(3))},
		{"accesses cleared", ", accesses: null", "", accesses, nil},
		{"what Partoo has no place for", "", "nickname: X\n    displayName: Y\n    legalName: Z\n    title: T\n    timeZone: Europe/Paris", "displayName", vendortest.Unstated},
	} {
		t.Run(test.name, func(t *testing.T) {
			access := vendor.Load(t, vendor.Person("{role: GROUP_MANAGER"+test.block+"}", test.person))
			if diff := cmp.Diff(test.want, vendor.Wanted(access, test.attribute)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the kind's rules say stands at the place in the roster that it is about.
func TestRules(t *testing.T) {
	person := func(block string, lines ...string) string {
		return vendor.Person(block, append(slices.Clone(names), lines...)...)
	}
	keywords := func(prefix string, n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("%s%d", prefix, i)
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	teams := func(first, second int) string {
		return "version: 1\nteams:\n  a: {access: {partoo: {keywords: " + keywords("a", first) + "}}}\n  b: {access: {partoo: {keywords: " + keywords("b", second) + "}}}\n" +
			strings.TrimPrefix(person("{role: ORG_ADMIN}", "teams: [a, b]"), "version: 1\n")
	}
	const warning = true
	for _, test := range []struct {
		name, roster, says string
		warning            bool
	}{
		{"no role", person("{}"), "no role: state one, for Partoo makes an ORG_ADMIN of a user without", false},
		{"no role beside other grants", person("{org_id: 42, custom_role: x}"), "no role", false},
		{"accesses of an admin", person("{role: ORG_ADMIN, accesses: [[1]]}"), "accesses are only for a GROUP_MANAGER, not for a ORG_ADMIN", false},
		{"accesses of a business manager", person("{role: BUSINESS_MANAGER, accesses: [[1]]}"), "accesses are only for a GROUP_MANAGER, not for a BUSINESS_MANAGER", false},
		{
			"accesses by way of a team",
			"version: 1\nteams: {a: {access: {partoo: {accesses: [[1]]}}}}\n" + strings.TrimPrefix(person("{role: PUBLISHER}", "teams: [a]"), "version: 1\n"), "team a", false,
		},
		{"businesses of a group manager", person(`{role: GROUP_MANAGER, business_ids: ["b1"]}`), "business_ids are only for a BUSINESS_MANAGER, not for a GROUP_MANAGER", false},
		{"businesses of a manager", person(`{role: ORG_MANAGER, business_ids: ["b1"]}`), "business_ids are only for a BUSINESS_MANAGER", false},
		{"a custom role of an admin", person("{role: ORG_ADMIN, custom_role: x}"), "an ORG_ADMIN can not have a custom role", false},
		{"two invitations", person("{role: ORG_ADMIN, send_invitation: true, welcomeEmail: true}"), "would mail him twice", false},
		{"an invitation of somebody with SSO", person("{role: ORG_ADMIN, send_invitation: true, sso_only: true}"), "mails no invitation at the create of a user with sso_only", false},
		{"a welcome mail for an active user", person("{role: ORG_ADMIN, welcomeEmail: true, status: active}"), "works for users whose status is invited only", false},
		{"13 keywords of two teams", teams(7, 6), "at most 12 keywords", false},
		{"a password beside an invitation", person("{role: ORG_ADMIN, send_invitation: true, password: {env: P}}"), "Partoo ignores a password beside send_invitation: true", warning},
		{"a language that Partoo does not have", person("{role: ORG_ADMIN}", "locale: nb-NO"), "Partoo has no locale like this, so it is left alone there; state lang in his access block", warning},
		{"a fax alone", person("{role: ORG_ADMIN}", `phones: [{number: "1", type: fax}]`), "state phone in his access block", warning},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Objects(t, test.roster, test.says, test.warning) })
	}
	for name, roster := range map[string]string{
		"a role alone":                          person("{role: PUBLISHER}"),
		"accesses of a group manager":           person("{role: GROUP_MANAGER, accesses: [[1]]}"),
		"businesses of a business manager":      person(`{role: BUSINESS_MANAGER, business_ids: ["b1"]}`),
		"empty lists at another role":           person("{role: ORG_ADMIN, accesses: [], business_ids: null}"),
		"a custom role of a manager":            person("{role: ORG_MANAGER, custom_role: x}"),
		"no custom role of an admin":            person("{role: ORG_ADMIN, custom_role: null}"),
		"an invitation at the create":           person("{role: ORG_ADMIN, send_invitation: true, status: invited}"),
		"a welcome mail":                        person("{role: ORG_ADMIN, send_invitation: false, welcomeEmail: true, status: invited}"),
		"an invitation without SSO":             person("{role: ORG_ADMIN, send_invitation: true, sso_only: false}"),
		"SSO and an invitation that is not one": person("{role: ORG_ADMIN, send_invitation: false, sso_only: true}"),
		"a welcome mail of a user with SSO":     person("{role: ORG_ADMIN, welcomeEmail: true, sso_only: true}"),
		"12 keywords of two teams":              teams(6, 6),
		"a password":                            person("{role: ORG_ADMIN, send_invitation: false, password: {env: P}}"),
		"a language of the block's":             person("{role: ORG_ADMIN, lang: en}", "locale: nb-NO"),
		"names of the block's":                  vendor.Person("{role: ORG_ADMIN, first_name: William, last_name: Smith}"),
		// Whoever is there already needs none; a create without them is a manual step.
		"no names": vendor.Person("{role: ORG_ADMIN}"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, diagnostics := vendor.LoadAll(t, roster); len(diagnostics) > 0 {
				t.Error(diagnostics)
			}
		})
	}
}

// Users of another organization than the configured one are never looked at, so
// nobody can be put into one.
func TestRuleOfOrganization(t *testing.T) {
	here := vendor
	here.Config = "{organization: 42, auth: {apiKey: {env: PARTOO_API_KEY}}}"
	here.Objects(t, here.Person("{role: ORG_ADMIN, org_id: 43}", names...), "the provider's organization is 42", false)
	for _, block := range []string{"{role: ORG_ADMIN, org_id: 42}", "{role: ORG_ADMIN}"} {
		if _, diagnostics := here.LoadAll(t, here.Person(block, names...)); len(diagnostics) > 0 {
			t.Error(diagnostics)
		}
	}
}

// The rules ignore what has no form that they are about; that is the schema's.
func TestRulesOfOddValues(t *testing.T) {
	odd := []any{nil, 7, true, "x", []any{7}, map[string]any{"a": 1}}
	for _, a := range Kind().Attributes {
		for _, role := range odd {
			for _, data := range odd {
				values := sources.Values{{Name: a.Name, Data: data}, {Name: roleName, Data: role}}
				missing(values)
				conflicts(sources.ProviderConfig{}, values)
				doubts(values)
			}
		}
	}
	if missing(nil) == "" || conflicts(sources.ProviderConfig{}, nil) != nil || doubts(nil) != nil {
		t.Error("nothing stated")
	}
}
