package vendasta

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
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
			access := load(t, roster)
			sent := decoded(t, sentBy(t, draft(access)))
			fields := leaves("", decoded(t, fixture(t, "seed-create-request.json")))
			if len(fields) != 21 {
				t.Fatalf("the seed has %d fields", len(fields))
			}
			current := strings.NewReplacer("streetAddress", "line1", "additionalAddress", "line2")
			got := leaves("", sent)
			for path, value := range fields {
				if got[current.Replace(path)] != value {
					t.Errorf("%s is %v, want %v", current.Replace(path), got[current.Replace(path)], value)
				}
			}
			if diff := cmp.Diff(decoded(t, fixture(t, "create-request.json")), sent); diff != "" {
				t.Errorf("the request:\n%s", diff)
			}
			strictly(t, draft(access))
		})
	}
}

// Every attribute and relationship that [P] lets a create have can be stated;
// the block beats the person, his block beats his teams, and lists unite.
func TestEveryFieldFromRoster(t *testing.T) {
	access := load(t, everyVendorField)
	sent := decoded(t, sentBy(t, draft(access)))
	want := decoded(t, fixture(t, "create-full-request.json"))
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
	strictly(t, draft(access))
	if invites := wanted(access, welcomeEmail); invites != true {
		t.Errorf("welcomeEmail is %v", invites)
	}
	if !slices.Equal(access.Emails(), []string{"bill@example.com", "someone@example.org"}) {
		t.Errorf("looked up by %v", access.Emails())
	}
}

// Every attribute but the read-only ones is one that a roster can state.
func TestEveryAttributeHasAField(t *testing.T) {
	access := load(t, everyVendorField)
	for _, a := range Kind().Attributes {
		if _, stated := access.Values.Get(a.Name); !stated {
			t.Errorf("the roster that has every field does not have %s", a.Name)
		}
	}
}

// sentBy is the body that a create with the draft sends.
func sentBy(t *testing.T, d providers.Draft) []byte {
	t.Helper()
	var body []byte
	c := connect(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		body = readAll(t, r)
		return reply(t, r, step{status: 201, answer: "create-response.json"}), nil
	}))
	if _, err := c.Writer.(providers.Creator).Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return body
}

// strictly has the simulated vendor create the draft, and reads it back as it was
// sent.
func strictly(t *testing.T, d providers.Draft) {
	t.Helper()
	world := simulator.New(simulator.Options{})
	c := simulated(t, world)
	receipt, err := c.Writer.(providers.Creator).Create(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	user, err := c.Reader.Get(t.Context(), receipt.UserID)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range d.Values {
		attribute, _ := Kind().Attribute(name)
		if live := user.Attributes[name]; attribute.Mode == providers.Managed && (!live.Shown || !attribute.Equal(live.Data, value)) {
			t.Errorf("%s is stored as %v, sent was %v", name, live, value)
		}
	}
}

// leaves maps the path of every value that is no list or object to the value.
func leaves(at string, data any) map[string]any {
	found := make(map[string]any)
	add := func(name string, item any) {
		for path, value := range leaves(at+"/"+name, item) {
			found[path] = value
		}
	}
	switch v := data.(type) {
	case map[string]any:
		for name, item := range v {
			add(name, item)
		}
	case []any:
		for i, item := range v {
			add(string(rune('0'+i)), item)
		}
	default:
		found[at] = data
	}
	return found
}

func wanted(access *sources.Access, name string) any {
	for _, w := range Kind().Wants(access) {
		if w.Attribute.Name == name {
			return w.Data
		}
	}
	return "not stated"
}

// What a person's entry means in the vendor's terms.
func TestFromPerson(t *testing.T) {
	const head = "version: 1\npeople:\n  - email: bill@example.com\n    access: {vendasta: {platformAccess: [\"tm:access\"]%s}}\n%s"
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
		{"nothing stated", "", "", "givenName", "not stated"},
		{"null clears", "", "    givenName: null\n", "givenName", nil},
		{"the block beats the person", ", givenName: Will", "    givenName: William\n", "givenName", "Will"},
		{"the block's null beats the person", ", givenName: null", "    givenName: William\n", "givenName", nil},
		{"the person's null below the block", ", givenName: Will", "    givenName: null\n", "givenName", "Will"},
		{"nickname", "", "    nickname: Bill\n", "greetingName", "Bill"},
		{"locale", "", "    locale: en-US\n", "languageLocaleCode", "en-US"},
		{"language alone", "", "    locale: it\n", "languageLocaleCode", "it"},
		{"a script is left out", "", "    locale: zh-Hant-TW\n", "languageLocaleCode", "zh-TW"},
		{"a script and no region", "", "    locale: zh-Hant\n", "languageLocaleCode", "zh"},
		{"a region that is a number is left out", "", "    locale: es-419\n", "languageLocaleCode", "es"},
		{"locale cleared", "", "    locale: null\n", "languageLocaleCode", nil},
		{"phones", "", "    phones: [{number: \"1 2\", type: work}, {number: \"3\", type: pager}]\n", "phoneNumbers", []any{object("number", "1 2", "typeCode", "work"), object("number", "3", "typeCode", "pager")}},
		{"no phones", "", "    phones: []\n", "phoneNumbers", []any{}},
		{"phones cleared", "", "    phones: null\n", "phoneNumbers", nil},
		{"phones of the block alone", ", phoneNumbers: [{number: \"9\", typeCode: fax}]", "    phones: [{number: \"1\", type: work}]\n", "phoneNumbers", []any{object("number", "9", "typeCode", "fax")}},
		{"address", "", "    address: {line1: a, region: CA-SK, country: CA}\n", "address", object("line1", "a", "regionCode", "CA-SK", "countryCode", "CA")},
		{"a field of the address cleared", "", "    address: {line2: null}\n", "address", object("line2", nil)},
		{"address cleared", "", "    address: null\n", "address", nil},
		{"fields of the block over the person's", ", address: {city: B, line2: null}", "    address: {line1: a, line2: x, city: A}\n", "address", object("line1", "a", "line2", nil, "city", "B")},
		{"the block's address alone", ", address: {city: B}", "", "address", object("city", "B")},
		{"the block's null over the person's address", ", address: null", "    address: {line1: a}\n", "address", nil},
		{"the block's address over the person's null", ", address: {city: B}", "    address: null\n", "address", object("city", "B")},
		{"time zone", "", "    timeZone: Europe/Berlin\n", "timeZone", "Europe/Berlin"},
		{"names that Vendasta has no place for", "", "    displayName: X\n    legalName: Y\n    title: Z\n", "displayName", "not stated"},
	} {
		t.Run(test.name, func(t *testing.T) {
			roster := strings.Replace(strings.Replace(head, "%s", test.block, 1), "%s", test.person, 1)
			if diff := cmp.Diff(test.want, wanted(load(t, roster), test.attribute)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the kind's rules say stands at the place in the roster that it is about.
func TestRules(t *testing.T) {
	person := func(block string) string {
		return "version: 1\npeople:\n  - email: bill@example.com\n    access: {vendasta: " + block + "}\n"
	}
	fields := func(field, block string) string {
		return "version: 1\npeople:\n  - email: bill@example.com\n    " + field + "\n    access: {vendasta: " + block + "}\n"
	}
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
			_, diagnostics := loadAll(t, test.roster)
			if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Message, test.says) || diagnostics[0].Line == 0 {
				t.Errorf("%v", diagnostics)
			}
			if unknown := test.name == "an unknown feature"; diagnostics.Failed() == unknown {
				t.Errorf("%v", diagnostics)
			}
		})
	}
	for _, roster := range []string{
		person("{businessLocations: [AG-1]}"),
		fields("familyName: "+strings.Repeat("é", 50), "{businessLocations: [AG-1]}"),
		fields("familyName: "+strings.Repeat("é", 51), "{businessLocations: [AG-1], familyName: short}"),
		fields("locale: fil-PH", "{businessLocations: [AG-1], languageLocaleCode: en-PH}"),
		fields("locale: null", "{businessLocations: [AG-1]}"),
	} {
		if _, diagnostics := loadAll(t, roster); len(diagnostics) > 0 {
			t.Error(diagnostics)
		}
	}
}
