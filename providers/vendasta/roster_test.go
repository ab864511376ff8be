package vendasta

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers/internal/vendortest"
)

// seedByPerson states the create request of the seed by the person's fields,
// seedByVendor by the vendor's.
const (
	seedByPerson = `version: 1
people:
  - email: bill@example.com
    givenName: William
    familyName: Smith
    nickname: Billy
    displayName: Mr. William Smith
    legalName: William A. Smith
    title: Account executive
    id: E-1042
    locale: en-US
    phones: [{number: "+1 306 555 1234 ext. 5", type: mobile, x-note: private}]
    address: {line1: 190 11th Street E., line2: Unit 342, city: Saskatoon, region: CA-SK, postalCode: H0H 0H0, country: CA, x-note: home}
    timeZone: America/Regina
    labels: {manager: cara@example.com}
    x-note: the person of the seed
    access: {vendasta: {platformAccess: ["ssc:access", "ssc:manage"]}}
`
	seedByVendor = `version: 1
people:
  - email: bill@example.com
    access:
      vendasta:
        givenName: William
        familyName: Smith
        greetingName: Billy
        languageLocaleCode: en-US
        phoneNumbers: [{number: "+1 306 555 1234 ext. 5", typeCode: mobile, x-note: private}]
        address: {line1: 190 11th Street E., line2: Unit 342, city: Saskatoon, regionCode: CA-SK, postalCode: H0H 0H0, countryCode: CA}
        timeZone: America/Regina
        platformAccess: ["ssc:access", "ssc:manage"]
        x-note: kept out
`
	everyVendorField = `version: 1
teams:
  reader: {access: {vendasta: {businessLocations: [AG-456], platformAccess: ["pc:access"], languageLocaleCode: fr-FR}}}
people:
  - email: someone@example.org
    givenName: Other
    familyName: Name
    nickname: Nick
    locale: de-DE
    timeZone: Europe/Berlin
    phones: [{number: "1", type: fax}]
    address: {line1: elsewhere, city: Berlin, country: DE}
    teams: [reader]
    access:
      vendasta:
        email: bill@example.com
        givenName: William
        familyName: Smith
        greetingName: Billy
        languageLocaleCode: en-US
        phoneNumbers: [{number: "+1 306 555 1234 ext. 5", typeCode: mobile}, {number: "+1 306 555 9876", typeCode: work}]
        phoneNumbersSet: true
        address: {line1: 190 11th Street E., line2: Unit 342, city: Saskatoon, regionCode: CA-SK, postalCode: H0H 0H0, countryCode: CA}
        timeZone: America/Regina
        platformAccess: ["pc:canManageSales", "crm:contacts:write:own"]
        businessLocations: [AG-123]
        welcomeEmail: true
`
)

// From the text of a roster to the request, each field of the seed's create
// request arrives at its place, under its current name and with its value, and
// nothing else is sent; the simulated vendor, which is strict, takes it.
func TestSeedFromRoster(t *testing.T) {
	for name, roster := range map[string]string{"by the person's fields": seedByPerson, "by the vendor's fields": seedByVendor} {
		t.Run(name, func(t *testing.T) {
			access := vendor.Load(t, roster)
			draft, _ := vendor.Draft(access)
			sent := vendor.CreateBody(t, draft)
			fields := vendortest.Leaves(vendortest.Decoded(t, vendortest.Fixture(t, "seed-create-request.json")))
			if len(fields) != 21 {
				t.Fatalf("the seed has %d fields", len(fields))
			}
			current := strings.NewReplacer("streetAddress", "line1", "additionalAddress", "line2")
			got := vendortest.Leaves(sent)
			for path, value := range fields {
				if got[current.Replace(path)] != value {
					t.Errorf("%s is %v, want %v", current.Replace(path), got[current.Replace(path)], value)
				}
			}
			if diff := cmp.Diff(vendortest.Decoded(t, vendortest.Fixture(t, "create-request.json")), sent); diff != "" {
				t.Errorf("the request:\n%s", diff)
			}
			vendor.Strictly(t, access)
		})
	}
}

// Every attribute and relationship that [P] lets a create have can be stated;
// the block beats the person, his block beats his teams, and lists unite.
func TestEveryFieldFromRoster(t *testing.T) {
	access := vendor.Load(t, everyVendorField)
	draft, _ := vendor.Draft(access)
	sent := vendor.CreateBody(t, draft)
	want := vendortest.Decoded(t, vendortest.Fixture(t, "create-full-request.json"))
	for _, body := range []any{sent, want} {
		for _, name := range []string{platformAccess, businessLocations} {
			list := body.(map[string]any)["data"].(map[string]any)["relationships"].(map[string]any)[name].(map[string]any)["data"].([]any)
			slices.SortFunc(list, func(a, b any) int {
				return strings.Compare(a.(map[string]any)["id"].(string), b.(map[string]any)["id"].(string))
			})
		}
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
	vendor.Strictly(t, access)
	if invites := vendor.Wanted(access, welcomeEmail); invites != true {
		t.Errorf("welcomeEmail is %v", invites)
	}
	if !slices.Equal(access.Emails(), []string{"bill@example.com", "someone@example.org"}) {
		t.Errorf("looked up by %v", access.Emails())
	}
}

// Every attribute but the read-only ones is one that a roster can state.
func TestEveryAttributeHasAField(t *testing.T) {
	access := vendor.Load(t, everyVendorField)
	for _, a := range Kind().Attributes {
		if _, stated := access.Values.Get(a.Name); !stated {
			t.Errorf("the roster that has every field does not have %s", a.Name)
		}
	}
}

// What a person's entry means in the vendor's terms.
func TestFromPerson(t *testing.T) {
	object := func(pairs ...any) map[string]any {
		m := make(map[string]any)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for _, test := range []struct {
		name, block, person, attribute string
		want                           any
	}{
		{"nothing stated", "", "", "givenName", vendortest.Unstated},
		{"null clears", "", "givenName: null", "givenName", nil},
		{"the block beats the person", ", givenName: Will", "givenName: William", "givenName", "Will"},
		{"the block's null beats the person", ", givenName: null", "givenName: William", "givenName", nil},
		{"the person's null below the block", ", givenName: Will", "givenName: null", "givenName", "Will"},
		{"nickname", "", "nickname: Bill", "greetingName", "Bill"},
		{"locale", "", "locale: en-US", "languageLocaleCode", "en-US"},
		{"language alone", "", "locale: it", "languageLocaleCode", "it"},
		{"a script is left out", "", "locale: zh-Hant-TW", "languageLocaleCode", "zh-TW"},
		{"a script and no region", "", "locale: zh-Hant", "languageLocaleCode", "zh"},
		{"a region that is a number is left out", "", "locale: es-419", "languageLocaleCode", "es"},
		{"locale cleared", "", "locale: null", "languageLocaleCode", nil},
		{"phones", "", "phones: [{number: \"1 2\", type: work}, {number: \"3\", type: pager}]", "phoneNumbers", []any{object("number", "1 2", "typeCode", "work"), object("number", "3", "typeCode", "pager")}},
		{"no phones", "", "phones: []", "phoneNumbers", []any{}},
		{"phones cleared", "", "phones: null", "phoneNumbers", nil},
		{"phones of the block alone", ", phoneNumbers: [{number: \"9\", typeCode: fax}]", "phones: [{number: \"1\", type: work}]", "phoneNumbers", []any{object("number", "9", "typeCode", "fax")}},
		{"address", "", "address: {line1: a, region: CA-SK, country: CA}", "address", object("line1", "a", "regionCode", "CA-SK", "countryCode", "CA")},
		{"a field of the address cleared", "", "address: {line2: null}", "address", object("line2", nil)},
		{"address cleared", "", "address: null", "address", nil},
		{"fields of the block over the person's", ", address: {city: B, line2: null}", "address: {line1: a, line2: x, city: A}", "address", object("line1", "a", "line2", nil, "city", "B")},
		{"the block's address alone", ", address: {city: B}", "", "address", object("city", "B")},
		{"the block's null over the person's address", ", address: null", "address: {line1: a}", "address", nil},
		{"the block's address over the person's null", ", address: {city: B}", "address: null", "address", object("city", "B")},
		{"time zone", "", "timeZone: Europe/Berlin", "timeZone", "Europe/Berlin"},
		{"names that Vendasta has no place for", "", "displayName: X\n    legalName: Y\n    title: Z", "displayName", vendortest.Unstated},
	} {
		t.Run(test.name, func(t *testing.T) {
			access := vendor.Load(t, vendor.Person(`{platformAccess: ["tm:access"]`+test.block+"}", test.person))
			if diff := cmp.Diff(test.want, vendor.Wanted(access, test.attribute)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the kind's rules say stands at the place in the roster that it is about.
func TestRules(t *testing.T) {
	person := func(block string) string { return vendor.Person(block) }
	fields := func(field, block string) string { return vendor.Person(block, field) }
	for _, test := range []struct{ name, roster, says string }{
		{"no grant", person("{}"), "no grant: state platformAccess or businessLocations"},
		{"empty lists", person("{platformAccess: [], businessLocations: null}"), "no grant"},
		{"two write scopes", person(`{platformAccess: ["crm:contacts:write:own", "crm:contacts:write:all"]}`), "crm:contacts:write:all and crm:contacts:write:own can not stand together: at most one write scope for contacts"},
		{
			"two write scopes by way of a team",
			"version: 1\nteams: {a: {access: {vendasta: {platformAccess: [\"crm:companies:write:own\"]}}}}\npeople:\n  - email: bill@example.com\n    teams: [a]\n    access: {vendasta: {platformAccess: [\"crm:companies:write:all\"]}}\n",
			"team a",
		},
		{"a language that the vendor does not take", fields("locale: fil-PH", `{platformAccess: ["tm:access"]}`), "state another languageLocaleCode in his access block"},
		{"a name that is too long", fields("familyName: "+strings.Repeat("é", 51), `{platformAccess: ["tm:access"]}`), "it takes at most 50 characters"},
		{"an unknown feature", person(`{platformAccess: ["pc:new"]}`), `"pc:new" is no feature that Vendasta documents; it is sent as it is`},
	} {
		t.Run(test.name, func(t *testing.T) {
			vendor.Objects(t, test.roster, test.says, test.name == "an unknown feature")
		})
	}
	for _, roster := range []string{
		person("{businessLocations: [AG-1]}"),
		fields("familyName: "+strings.Repeat("é", 50), "{businessLocations: [AG-1]}"),
		fields("familyName: "+strings.Repeat("é", 51), "{businessLocations: [AG-1], familyName: short}"),
		fields("locale: fil-PH", "{businessLocations: [AG-1], languageLocaleCode: en-PH}"),
		fields("locale: null", "{businessLocations: [AG-1]}"),
	} {
		if _, diagnostics := vendor.LoadAll(t, roster); len(diagnostics) > 0 {
			t.Error(diagnostics)
		}
	}
}
