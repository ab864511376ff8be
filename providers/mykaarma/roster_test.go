package mykaarma

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// byPerson states what it can by the person's fields, byVendor by the vendor's; each
// has all twenty fields of the create.
const (
	byPerson = `version: 1
people:
  - email: bill@example.com
    givenName: William
    familyName: Smith
    nickname: Billy
    displayName: Bill Smith
    legalName: William A. Smith
    title: Advisor
    id: E-1042
    locale: en-US
    phones: [{number: "1", type: home}, {number: "+1 306 555 1234", type: work}, {number: "+1 306 555 9999", type: mobile}, {number: "2", type: work}]
    labels: {manager: arthur@example.com}
    x-note: kept out
    access:
      mykaarma:
        departmentUUID: dep-1
        roleUUID: r-1
        username: bill
        password: {env: BILL_PASSWORD}
        dmsID: DMS-7
        userInvite: true
        sendEmail: true
        sendText: false
        userInviteEmailTemplate: SIMPLE
        imageUrl: https://images.example.com/bill.png
        ssoFeatureEnabled: true
        bio: Sells cars
        mfaFeatureEnabled: false
        x-note: kept out
`
	byVendor = `version: 1
teams:
  service: {access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-9, userInvite: true, ssoFeatureEnabled: true}}}
people:
  - email: someone@example.org
    givenName: Other
    familyName: Name
    nickname: Another
    phones: [{number: "1", type: work}, {number: "2", type: mobile}]
    teams: [service]
    access:
      mykaarma:
        email: bill@example.com
        dealerUUID: d-1
        firstName: William
        lastName: Smith
        nickName: Billy
        roleUUID: r-1
        username: bill
        password: {file: bill.password}
        dmsID: DMS-7
        phone: "+1 306 555 1234"
        textNumber: "+1 306 555 9999"
        sendEmail: true
        sendText: false
        userInviteEmailTemplate: SIMPLE
        imageUrl: https://images.example.com/bill.png
        bio: Sells cars
        mfaFeatureEnabled: false
`
)

// names are lines that a create wants of everybody.
var names = []string{"givenName: William", "familyName: Smith"}

// person is a roster of one person with names, and with what a block has to have.
func person(block string, lines ...string) string {
	return vendor.Person("{departmentUUID: dep-1, roleUUID: r-1"+block+"}", append(slices.Clone(names), lines...)...)
}

// From the text of a roster to the request, each field that the create is documented to
// take arrives under its name and with its value, and nothing else is sent.
func TestCreateFromRoster(t *testing.T) {
	full := vendortest.Decoded(t, vendortest.Fixture(t, "create-full-request.json")).(map[string]any)
	for _, test := range []struct {
		name, roster, password string
		want                   any
	}{
		{"by the person's fields", byPerson, "environment variable BILL_PASSWORD", full},
		{"by the vendor's fields", byVendor, "bill.password", full},
		{"with the least", person(""), "", vendortest.Decoded(t, vendortest.Fixture(t, "create-request.json"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			draft, after := vendor.Draft(vendor.Load(t, test.roster))
			if len(after) > 0 {
				t.Errorf("to be sent after the create: %v", after)
			}
			if test.password != "" {
				if place := fmt.Sprint(draft.Values["password"]); !strings.HasPrefix(place, "secret of ") || !strings.HasSuffix(place, test.password) {
					t.Errorf("the password is %s", place)
				}
				draft.Values["password"] = "Excalibur!"
			}
			given := maps.Clone(draft.Values)
			if diff := cmp.Diff(test.want, vendor.CreateBody(t, draft)) + cmp.Diff(given, draft.Values); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(full) != 20 {
		t.Errorf("the create takes 20 fields, not %d", len(full))
	}
}

// The simulated vendor, which refuses what is not documented, takes every create that
// comes of a roster, and stores it as it was sent.
func TestSimulatedVendorTakesIt(t *testing.T) {
	for name, roster := range map[string]string{
		"by the person's fields": byPerson, "with the least": person(""),
		"by the vendor's fields": strings.Replace(byVendor, "{file: bill.password}", "{env: BILL_PASSWORD}", 1),
		"with a text":            person(`, userInvite: true, sendText: true, textNumber: "1"`),
	} {
		t.Run(name, func(t *testing.T) { vendor.Strictly(t, vendor.Load(t, roster)) })
	}
}

// Every attribute is one that a roster can state, but for the one that suspends.
func TestEveryAttributeHasAField(t *testing.T) {
	stated := make(map[string]bool)
	for _, value := range vendor.Load(t, byVendor).Values {
		stated[value.Name] = true
	}
	for _, a := range Kind().Attributes {
		if stated[a.Name] == (a.Name == isValid) {
			t.Errorf("%s can be stated: %v", a.Name, stated[a.Name])
		}
	}
	if _, diagnostics := vendor.LoadAll(t, person(", isValid: false")); !diagnostics.Failed() {
		t.Error("a roster can make somebody invalid; status says that")
	}
}

// What a person's entry means in the vendor's terms.
func TestFromPerson(t *testing.T) {
	for _, test := range []struct {
		name, block, person, attribute string
		want                           any
	}{
		{"nothing stated", "", "", "firstName", vendortest.Unstated},
		{"given name", "", "givenName: Ana", "firstName", "Ana"},
		{"family name", "", "familyName: Souza", "lastName", "Souza"},
		{"nickname", "", "nickname: Annie", "nickName", "Annie"},
		{"the block beats the person", ", firstName: Annie", "givenName: Ana", "firstName", "Annie"},
		{"null clears", "", "nickname: null", "nickName", nil},
		{"no name to sign in with", "", "givenName: Ana", username, vendortest.Unstated},
		{"the first work phone", "", `phones: [{number: "1", type: mobile}, {number: "2", type: work}, {number: "3", type: work}]`, "phone", "2"},
		{"the first mobile phone", "", `phones: [{number: "1", type: work}, {number: "2", type: mobile}, {number: "3", type: mobile}]`, textNumber, "2"},
		{"no work phone", "", `phones: [{number: "1", type: mobile}]`, "phone", vendortest.Unstated},
		{"no mobile phone", "", `phones: [{number: "1", type: work}]`, textNumber, vendortest.Unstated},
		{"phones of other types", "", `phones: [{number: "1", type: home}, {number: "2", type: fax}]`, "phone", vendortest.Unstated},
		{"no phones", "", "phones: []", "phone", []any{}},
		{"phones cleared", "", "phones: null", textNumber, nil},
		{"the block's phone", `, phone: "9"`, `phones: [{number: "1", type: work}]`, "phone", "9"},
		{"the block's null over the phone", ", phone: null", `phones: [{number: "1", type: work}]`, "phone", nil},
		{"what myKaarma has no place for", "", "displayName: Y\n    legalName: Z\n    title: T\n    timeZone: Europe/Paris", "title", vendortest.Unstated},
	} {
		t.Run(test.name, func(t *testing.T) {
			access := vendor.Load(t, vendor.Person("{departmentUUID: dep-1, roleUUID: r-1"+test.block+"}", test.person))
			if diff := cmp.Diff(test.want, vendor.Wanted(access, test.attribute)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the kind's rules say stands at the place in the roster that it is about.
func TestRules(t *testing.T) {
	const warning, mobile = true, `phones: [{number: "1", type: mobile}]`
	managed := vendor
	managed.Config = "{dealerUUID: d-1, departments: [dep-1, dep-2], roleNames: {r-1: A}, auth: {username: {env: U}, password: {env: P}}}"
	for _, test := range []struct {
		name         string
		vendor       vendortest.Vendor
		roster, says string
		warning      bool
	}{
		{"neither role nor department", vendor, vendor.Person("{}", names...), "no departmentUUID and no roleUUID: state one", false},
		{"no role", vendor, vendor.Person("{departmentUUID: dep-1}", names...), "no roleUUID: state one", false},
		{"no department", vendor, vendor.Person("{roleUUID: r-1}", names...), "no departmentUUID: state one", false},
		{"another dealer", vendor, person(", dealerUUID: d-2"), "the provider's dealerUUID is d-1, and users of another dealer are never looked at: configure a provider for it", false},
		{"a role without a name", managed, managed.Person("{departmentUUID: dep-1, roleUUID: r-2}", names...), "roleUUID r-2 has no name under roleNames", false},
		{"another department", managed, managed.Person("{departmentUUID: dep-3, roleUUID: r-1}", names...), "departmentUUID dep-3 is not among the provider's departments", false},
		{"a mail without an invitation", vendor, person(", sendEmail: true"), "sendEmail says nothing without userInvite: true", warning},
		{"a mail beside no invitation", vendor, person(", userInvite: false, sendEmail: true"), "sendEmail says nothing without userInvite: true", warning},
		{"a text without an invitation", vendor, person(", sendText: true", mobile), "sendText says nothing without userInvite: true", warning},
		{"a template without an invitation", vendor, person(", userInviteEmailTemplate: SSO"), "userInviteEmailTemplate says nothing without userInvite: true", warning},
		{"an invitation that goes nowhere", vendor, person(", userInvite: true"), "userInvite: true sends nothing by itself", warning},
		{"an invitation that is sent in no way", vendor, person(", userInvite: true, sendEmail: false"), "userInvite: true sends nothing by itself", warning},
		{"a text to nobody", vendor, person(", userInvite: true, sendText: true"), "sendText: true needs a number to text to", warning},
		{"a text to a work phone", vendor, person(", userInvite: true, sendText: true", `phones: [{number: "1", type: work}]`), "sendText: true needs a number to text to", warning},
		{"a text to a number that is cleared", vendor, person(", userInvite: true, sendText: true, textNumber: null", mobile), "sendText: true needs a number to text to", warning},
		{"a fax alone", vendor, person("", `phones: [{number: "1", type: fax}]`), "myKaarma has no phones like this, so it is left alone there; state phone or textNumber in his access block", warning},
		{
			"an invitation by way of two teams",
			vendor, "version: 1\nteams: {a: {access: {mykaarma: {sendEmail: true}}}}\n" + strings.TrimPrefix(person("", "teams: [a]"), "version: 1\n"), "(from team a", warning,
		},
	} {
		t.Run(test.name, func(t *testing.T) { test.vendor.Objects(t, test.roster, test.says, test.warning) })
	}
	for name, test := range map[string]struct {
		vendor vendortest.Vendor
		roster string
	}{
		"the least":                          {vendor, person("")},
		"the provider's dealer":              {vendor, person(", dealerUUID: d-1")},
		"a mail":                             {vendor, person(", userInvite: true, sendEmail: true, userInviteEmailTemplate: SSO")},
		"a text to a mobile phone":           {vendor, person(", userInvite: true, sendText: true", mobile)},
		"a text to a number of the block's":  {vendor, person(`, userInvite: true, sendText: true, textNumber: "1"`)},
		"flags that are false":               {vendor, person(", userInvite: false, sendEmail: false, sendText: false")},
		"a mobile phone alone":               {vendor, person("", mobile)},
		"a work phone alone":                 {vendor, person("", `phones: [{number: "1", type: work}]`)},
		"a fax, and a number of the block's": {vendor, person(`, phone: "1"`, `phones: [{number: "1", type: fax}]`)},
		"a role that has a name":             {managed, managed.Person("{departmentUUID: dep-2, roleUUID: r-1}", names...)},
		"a role that nobody names":           {vendor, vendor.Person("{departmentUUID: dep-9, roleUUID: r-9}", names...)},
		"names of the block's":               {vendor, vendor.Person("{departmentUUID: dep-1, roleUUID: r-1, firstName: W, lastName: S}")},
		// Whoever is there already needs none; a create without them is a manual step.
		"no names": {vendor, vendor.Person("{departmentUUID: dep-1, roleUUID: r-1}")},
		"an invitation by way of a team": {vendor, "version: 1\nteams: {a: {access: {mykaarma: {userInvite: true}}}}\n" +
			strings.TrimPrefix(person(", sendEmail: true", "teams: [a]"), "version: 1\n")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, diagnostics := test.vendor.LoadAll(t, test.roster); len(diagnostics) > 0 {
				t.Error(diagnostics)
			}
		})
	}
}

// The rules ignore what has no form that they are about; that is the schema's.
func TestRulesOfOddValues(t *testing.T) {
	odd := []any{nil, 7, true, "x", []any{7}, map[string]any{"a": 1}}
	for _, a := range Kind().Attributes {
		for _, other := range odd {
			for _, data := range odd {
				values := sources.Values{{Name: a.Name, Data: data}, {Name: userInvite, Data: true}, {Name: sendText, Data: other}}
				slices.SortFunc(values, func(x, y sources.Value) int { return strings.Compare(x.Name, y.Name) })
				missing(values)
				conflicts(sources.ProviderConfig{}, values)
				unfit(sources.ProviderConfig{}, sources.Values{{Name: "phones", Data: other}}, values)
				mails(map[string]any{a.Name: data, userInvite: true, sendText: other})
			}
		}
	}
	if missing(nil) == "" || conflicts(sources.ProviderConfig{}, nil) != nil || unfit(sources.ProviderConfig{}, nil, nil) != nil {
		t.Error("nothing stated")
	}
}

// Two people are told apart by address and by name to sign in with: whoever is known by
// an address in either way is found by it, and two of them are ambiguous.
func TestFoundByEither(t *testing.T) {
	of := func(records ...string) scripted {
		return list().Answers(`{"errors":[],"users":[` + strings.Join(records, ",") + `]}`)
	}
	const (
		byAddress = `{"uuid":"u-1","email":"bill@example.com","userName":"bill"}`
		byName    = `{"uuid":"u-2","email":"","userName":"Bill@example.com"}`
		byOther   = `{"uuid":"u-3","email":"will@example.com","userName":"bill@example.com"}`
		nobodyAt  = `{"uuid":"u-4","email":"dana@example.com","userName":"bill"}`
	)
	for _, test := range []struct {
		name  string
		list  scripted
		query providers.Query
		want  providers.Finding
		who   string
	}{
		{"by address", of(byAddress, nobodyAt), providers.Query{Emails: []string{bill}}, providers.Found, "u-1"},
		{"by name, without an address", of(byName, nobodyAt), providers.Query{Emails: []string{bill}}, providers.Found, "u-2"},
		{"by name, with another address", of(byOther, nobodyAt), providers.Query{Emails: []string{bill}}, providers.Found, "u-3"},
		{"by a name that is no address", of(nobodyAt), providers.Query{Emails: []string{bill}}, providers.Absent, ""},
		{"the address and the name of two", of(byAddress, byName), providers.Query{Emails: []string{bill}}, providers.Ambiguous, ""},
		{"the address of one and another's name", of(byAddress, byOther), providers.Query{Emails: []string{bill}}, providers.Ambiguous, ""},
		{"both addresses of one", of(byOther), providers.Query{Emails: []string{bill, "will@example.com"}}, providers.Found, "u-3"},
		{"pinned among two", of(byAddress, byOther), providers.Query{UserID: "u-3", Emails: []string{bill}}, providers.Found, "u-3"},
		{"pinned to somebody else", of(byAddress, nobodyAt), providers.Query{UserID: "u-4", Emails: []string{bill}}, providers.Ambiguous, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := providers.Lookup(t.Context(), vendor.Connect(t, vendor.Plays(t, test.list)).Reader, test.query)
			if o.Finding != test.want || test.who != "" && o.User.ID != test.who {
				t.Errorf("%s %+v: %s", o.Finding, o.User, o.Detail)
			}
		})
	}
}

// One list serves everybody, at the simulated vendor too.
func TestOneList(t *testing.T) {
	world := simulator.New(simulator.Options{})
	for i := range 50 {
		if _, err := world.Add("mykaarma", map[string]any{dealerUUID: "d-1", emailAddress: fmt.Sprintf("p%d@example.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
	c := vendor.Simulated(t, world)
	for i := range 100 {
		o := providers.Lookup(t.Context(), c.Reader, providers.Query{Emails: []string{fmt.Sprintf("p%d@example.com", i)}})
		if (o.Finding == providers.Found) != (i < 50) || (o.Finding == providers.Absent) != (i >= 50) {
			t.Fatalf("%d is %s: %s", i, o.Finding, o.Detail)
		}
	}
	if got := c.Requests().Reads; got != 1 {
		t.Errorf("%d reads", got)
	}
}
