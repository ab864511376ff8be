package sources_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// instant is noon of a day in UTC, or a time as it is written.
func instant(t testing.TB, text string) time.Time {
	t.Helper()
	if !strings.Contains(text, "T") {
		text += "T12:00:00Z"
	}
	i, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// shown is an access as tests write it: provider, state with its day, values.
func shown(a *sources.Access) string {
	text := a.Provider + ": " + string(a.State)
	if a.Starts != "" {
		text += ", starts " + a.Starts
	}
	if a.Returns != "" {
		text += ", returns " + a.Returns
	}
	for _, v := range a.Values {
		data, _ := json.Marshal(sources.Normal(v.Data))
		text += " " + v.Name + "=" + string(data)
	}
	return text
}

// effective is the access of the roster's people at an instant, one a line.
func (l loaded) effective(t testing.TB, when string) []string {
	t.Helper()
	l.wantSaid(t)
	if l.roster == nil {
		t.FailNow()
	}
	lines := []string{}
	for _, a := range sources.Resolve(l.roster, l.config, rules, instant(t, when)) {
		lines = append(lines, strings.ReplaceAll(shown(a), "platformAccess", "access"))
	}
	return lines
}

const teams = `version: 1
teams:
  seller: {access: {vendasta: {platformAccess: ["tm:access"]}}}
  support: {access: {vendasta: {platformAccess: ["tm:access", "tm:manage"], businessLocations: [AG-1]}}}
  english: {access: {vendasta: {languageLocaleCode: en-US, address: {city: London, countryCode: GB}}}}
  british: {access: {vendasta: {languageLocaleCode: en-US, address: {line1: 1 High Street, city: London}}}}
  french: {access: {vendasta: {languageLocaleCode: fr-FR, address: {city: Paris, countryCode: FR}}}}
  silent: {access: {vendasta: {languageLocaleCode: null, address: null, platformAccess: null}}}
  nothing: {}
  summer: {access: {vendasta: {from: 2026-06-01, until: 2026-08-31, platformAccess: ["tm:summer"]}}}
  autumn: {access: {vendasta: {from: 2026-10-01, until: 2026-10-31, platformAccess: ["tm:autumn"], languageLocaleCode: fr-FR}}}
  spring: {access: {vendasta: {until: 2026-05-31, languageLocaleCode: de-DE}}}
  ownScope: {access: {vendasta: {until: 2026-05-31, platformAccess: ["crm:contacts:write:own"]}}}
people:
  - email: a@example.com
    `

// ofPerson is the roster of teams with one person, in flow style after the email.
func ofPerson(fields ...string) map[string]string {
	return map[string]string{"roster.yaml": teams + strings.Join(fields, "\n    ") + "\n"}
}

func TestMerging(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, teams, own string
		want             string // without the state
	}{
		{name: "own block alone", own: "{platformAccess: [x]}", want: `access=["x"]`},
		{name: "a team alone", teams: "seller", want: `access=["tm:access"]`},
		{name: "a team without access", teams: "nothing, seller", want: `access=["tm:access"]`},
		{name: "sets of teams unite", teams: "seller, support", want: `businessLocations=["AG-1"] access=["tm:access","tm:manage"]`},
		{name: "the order of teams is nothing", teams: "support, seller", want: `businessLocations=["AG-1"] access=["tm:access","tm:manage"]`},
		{name: "sets unite with his own", teams: "seller", own: `{platformAccess: [x, "tm:access"]}`, want: `access=["tm:access","x"]`},
		{name: "an empty list of his own takes nothing", teams: "seller", own: "{platformAccess: []}", want: `access=["tm:access"]`},
		{name: "null of his own takes no grant of a team", teams: "seller", own: "{platformAccess: null}", want: `access=["tm:access"]`},
		{name: "null of a team takes no grant of another", teams: "silent, seller", want: `address=null languageLocaleCode=null access=["tm:access"]`},
		{name: "null of a team takes no grant of his own", teams: "silent", own: "{platformAccess: [x]}", want: `address=null languageLocaleCode=null access=["x"]`},
		{name: "null clears a list", own: "{platformAccess: [x], businessLocations: null}", want: `businessLocations=null access=["x"]`},
		{name: "his own single value wins", teams: "english, seller", own: "{languageLocaleCode: it}", want: `address={"city":"London","countryCode":"GB"} languageLocaleCode="it" access=["tm:access"]`},
		{name: "his own null wins", teams: "english, seller", own: "{languageLocaleCode: null, address: null}", want: `address=null languageLocaleCode=null access=["tm:access"]`},
		{name: "his own value beats a null", teams: "silent", own: "{languageLocaleCode: it, address: {city: Rome}, platformAccess: [x]}", want: `address={"city":"Rome"} languageLocaleCode="it" access=["x"]`},
		{name: "objects unite field by field", teams: "english, seller", own: "{address: {city: Leeds, line1: null}}", want: `address={"city":"Leeds","countryCode":"GB","line1":null} languageLocaleCode="en-US" access=["tm:access"]`},
		{name: "teams that agree", teams: "english, british, seller", want: `address={"city":"London","countryCode":"GB","line1":"1 High Street"} languageLocaleCode="en-US" access=["tm:access"]`},
		{name: "his own settles what teams disagree on", teams: "english, french, seller", own: "{languageLocaleCode: it, address: {city: Rome, countryCode: IT}}", want: `address={"city":"Rome","countryCode":"IT"} languageLocaleCode="it" access=["tm:access"]`},
		{name: "his own null settles it too", teams: "english, french, seller", own: "{languageLocaleCode: null, address: null}", want: `address=null languageLocaleCode=null access=["tm:access"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fields := []string{"teams: [" + test.teams + "]"}
			if test.own != "" {
				fields = append(fields, "access: {vendasta: "+test.own+"}")
			}
			got := load(t, ofPerson(fields...)).effective(t, "2026-03-01")
			if diff := cmp.Diff([]string{"vendasta: active " + test.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// disagreement is what is said of the person of ofPerson and two places.
func disagreement(one, other, attribute string) string {
	return "roster.yaml:15:12: a@example.com is in team " + one + " and in team " + other + ", which disagree on " + attribute + ": state it in his own block, or in one team only"
}

func TestDisagreements(t *testing.T) {
	t.Parallel()
	const (
		englishLocale, frenchLocale, britishLocale    = "english at roster.yaml:5:33", "french at roster.yaml:7:32", "british at roster.yaml:6:33"
		englishAddress, frenchAddress, britishAddress = "english at roster.yaml:5:60", "french at roster.yaml:7:59", "british at roster.yaml:6:60"
		autumnLocale                                  = "autumn at roster.yaml:11:100"
	)
	for _, test := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"two teams", []string{"teams: [seller, french, english]"}, []string{
			disagreement(englishLocale, frenchLocale, "languageLocaleCode"),
			disagreement(englishAddress, frenchAddress, "address.city"),
			disagreement(englishAddress, frenchAddress, "address.countryCode"),
		}},
		{"his own settles one field", []string{"teams: [seller, french, english]", "access: {vendasta: {languageLocaleCode: it, address: {city: Rome}}}"}, []string{
			disagreement(englishAddress, frenchAddress, "address.countryCode"),
		}},
		{"of three, the two that disagree", []string{"teams: [seller, british, english, french]", "access: {vendasta: {languageLocaleCode: it, address: {city: Rome}}}"}, []string{
			disagreement(englishAddress, frenchAddress, "address.countryCode"),
		}},
		{"on some day only", []string{"teams: [seller, autumn, english]"}, []string{disagreement(autumnLocale, englishLocale, "languageLocaleCode")}},
		{"never on one day", []string{"teams: [seller, autumn, spring]"}, nil},
		{"never while he is here", []string{"until: 2026-09-30", "teams: [seller, autumn, english]"}, nil},
		{"his own window does not settle other days", []string{"teams: [seller, french, british]", "access: {vendasta: {until: 2026-01-01, languageLocaleCode: it, address: {city: Rome}}}"}, []string{
			disagreement(britishLocale, frenchLocale, "languageLocaleCode"),
			disagreement(britishAddress, frenchAddress, "address.city"),
		}},
		{"of a leaver nothing is asked", []string{"status: departed", "teams: [french, english]"}, nil},
		{"of somebody suspended neither", []string{"status: suspended", "teams: [french, english]", "access: {vendasta: {}}"}, nil},
		{"two scopes of an object", []string{"teams: [ownScope]", `access: {vendasta: {platformAccess: ["crm:contacts:write:all", "crm:companies:write:all"]}}`}, []string{
			"roster.yaml:17:14: a@example.com at vendasta: crm:contacts:write:all and crm:contacts:write:own can not stand together (from team ownScope at roster.yaml:13:23 and his own block at roster.yaml:17:14)",
		}},
		{"two scopes never on one day", []string{"teams: [ownScope]", `access: {vendasta: {from: 2026-06-01, platformAccess: ["crm:contacts:write:all"]}}`}, nil},
		{"nothing required", []string{"teams: [english, british]"}, []string{
			"roster.yaml:15:12: a@example.com at vendasta: no grant: state platformAccess or businessLocations (from team british at roster.yaml:6:22 and team english at roster.yaml:5:22)",
		}},
		{"required, judged with all windows open", []string{"teams: [english]", "access: {vendasta: {until: 2020-01-01, platformAccess: [x]}}"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			load(t, ofPerson(test.fields...)).wantSaid(t, test.want...)
		})
	}
}

// TestDisagreementsAreToldOnce, however many people are in both teams.
func TestDisagreementsAreToldOnce(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{"roster.yaml": teams + "teams: [english, spring, seller]\n  - {email: b@example.com, teams: [english, spring, seller]}\n  - {email: c@example.com, teams: [seller, spring, english]}\n"})
	if len(l.diagnostics) != 1 {
		t.Errorf("said %v", l.said())
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	own := func(block string) string { return "access: {vendasta: " + block + "}" }
	const seller = ` access=["tm:access"]`
	for _, test := range []struct {
		name   string
		fields []string
		when   string
		want   string
	}{
		{"before from", []string{"from: 2026-12-01", "teams: [seller]"}, "2026-11-30", "not started, starts 2026-12-01" + seller},
		{"on the first day", []string{"from: 2026-12-01", "teams: [seller]"}, "2026-12-01", "active" + seller},
		{"until is inclusive", []string{"until: 2026-12-01", "teams: [seller]"}, "2026-12-01T23:59:59Z", "active" + seller},
		{"after until", []string{"until: 2026-12-01", "teams: [seller]"}, "2026-12-02T00:00:00Z", "expired" + seller},
		{"one day", []string{"from: 2026-12-01", "until: 2026-12-01", "teams: [seller]"}, "2026-12-01", "active" + seller},
		{"the block's from", []string{own("{from: 2026-12-01, platformAccess: [x]}")}, "2026-11-30", `not started, starts 2026-12-01 access=["x"]`},
		{"the block's until", []string{own("{until: 2026-12-01, platformAccess: [x]}")}, "2026-12-02", `expired access=["x"]`},
		{"one contribution of two has ended", []string{"teams: [seller]", own("{until: 2026-03-01, platformAccess: [x]}")}, "2026-03-02", "active" + seller},
		{"one contribution of two has not begun", []string{"teams: [seller]", own("{from: 2026-03-03, platformAccess: [x]}")}, "2026-03-02", "active" + seller},
		{"the person's window bounds the block's", []string{"until: 2026-03-01", own("{until: 2026-12-31, platformAccess: [x]}")}, "2026-03-02", `expired access=["x"]`},
		{"the person's from bounds the block's", []string{"from: 2026-03-03", own("{from: 2026-01-01, platformAccess: [x]}")}, "2026-03-02", `not started, starts 2026-03-03 access=["x"]`},
		{"the block's from within the person's", []string{"from: 2026-01-01", own("{from: 2026-03-03, platformAccess: [x]}")}, "2026-03-02", `not started, starts 2026-03-03 access=["x"]`},
		{"a gap", []string{"teams: [summer, autumn]"}, "2026-09-15", `expired, returns 2026-10-01 languageLocaleCode="fr-FR" access=["tm:autumn","tm:summer"]`},
		{"before both", []string{"teams: [summer, autumn]"}, "2026-05-15", `not started, starts 2026-06-01 languageLocaleCode="fr-FR" access=["tm:autumn","tm:summer"]`},
		{"after both", []string{"teams: [summer, autumn]"}, "2026-11-01", `expired languageLocaleCode="fr-FR" access=["tm:autumn","tm:summer"]`},
		{"within the second", []string{"teams: [summer, autumn]"}, "2026-10-31", `active languageLocaleCode="fr-FR" access=["tm:autumn"]`},
		{"a gap that the person does not come back from", []string{"until: 2026-09-30", "teams: [summer, autumn]"}, "2026-09-15", `expired languageLocaleCode="fr-FR" access=["tm:autumn","tm:summer"]`},
		{"only what lacks the required value is left", []string{own("{until: 2026-03-01, platformAccess: [x]}"), "teams: [english]"}, "2026-03-02", `expired address={"city":"London","countryCode":"GB"} languageLocaleCode="en-US" access=["x"]`},
		{"only what lacks it has begun", []string{own("{from: 2026-03-03, platformAccess: [x]}"), "teams: [english]"}, "2026-03-02", `not started, starts 2026-03-03 address={"city":"London","countryCode":"GB"} languageLocaleCode="en-US" access=["x"]`},
		{"an ended single value is dropped before merging", []string{"teams: [seller, spring]"}, "2026-06-01", "active" + seller},
		{"a single value in its window", []string{"teams: [seller, spring]"}, "2026-05-31", `active languageLocaleCode="de-DE"` + seller},
		{"his own single value ends, the team's comes back", []string{"teams: [seller, british]", own("{until: 2026-03-01, languageLocaleCode: it}")}, "2026-03-02", `active address={"city":"London","line1":"1 High Street"} languageLocaleCode="en-US"` + seller},
		{"never open together, before", []string{"until: 2026-06-30", own("{from: 2027-01-01, platformAccess: [x]}")}, "2026-06-30", `not started, starts 2027-01-01 access=["x"]`},
		{"never open together, after", []string{"until: 2026-06-30", own("{from: 2027-01-01, platformAccess: [x]}")}, "2026-07-01", `expired access=["x"]`},
		{"never open together the other way, before", []string{"from: 2027-01-01", own("{until: 2026-06-30, platformAccess: [x]}")}, "2026-06-30", `not started, starts 2027-01-01 access=["x"]`},
		{"never open together the other way, after", []string{"from: 2027-01-01", own("{until: 2026-06-30, platformAccess: [x]}")}, "2026-07-01", `expired access=["x"]`},
		{"departed whatever the window", []string{"status: departed", "from: 2027-01-01", "teams: [seller]"}, "2026-03-02", "departed" + seller},
		{"suspended whatever the window", []string{"status: suspended", "until: 2020-01-01", "teams: [seller]"}, "2026-03-02", "suspended" + seller},
		{"departed without any access", []string{"status: departed"}, "2026-03-02", "departed"},
		{"suspended without any access", []string{"status: suspended"}, "2026-03-02", "suspended"},
		{"active, said", []string{"status: active", "teams: [seller]"}, "2026-03-02", "active" + seller},
		{"no access", []string{"givenName: Ana"}, "2026-03-02", ""},
		{"a team without access here", []string{"teams: [nothing]"}, "2026-03-02", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := []string{"vendasta: " + test.want}
			if test.want == "" {
				want = []string{}
			}
			if diff := cmp.Diff(want, load(t, ofPerson(test.fields...)).effective(t, test.when)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNeverComplete has two values that are required and never in their windows
// together.
func TestNeverComplete(t *testing.T) {
	t.Parallel()
	both := func(string) sources.Rules {
		return sources.Rules{Missing: func(values sources.Values) string {
			for _, name := range []string{"givenName", "familyName"} {
				if _, stated := values.Get(name); !stated {
					return name + " is missing"
				}
			}
			return ""
		}}
	}
	dir := folder(t, map[string]string{"rollcall.yaml": minimal, "roster.yaml": `version: 1
teams:
  first: {access: {vendasta: {from: 2026-02-01, until: 2026-02-28, givenName: A}}}
people:
  - {email: a@example.com, teams: [first], access: {vendasta: {from: 2026-04-01, until: 2026-04-30, familyName: B}}}
`})
	config, roster, ds := sources.Load(t.Context(), dir+"/rollcall.yaml", sources.Options{Rules: both})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	for when, want := range map[string]string{
		"2026-01-31": "vendasta: not started, starts 2026-02-01", "2026-02-01": "vendasta: expired", "2026-03-15": "vendasta: expired", "2026-04-15": "vendasta: expired", "2026-05-01": "vendasta: expired",
	} {
		access := sources.Resolve(roster, config, both, instant(t, when))
		if got := shown(access[0]); len(access) != 1 || !strings.HasPrefix(got, want+" familyName") {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
}

// TestNothingRequired: where the vendor requires nothing, {} is an account, and
// its window counts all the same. Without rules it is the same.
func TestNothingRequired(t *testing.T) {
	t.Parallel()
	none := func(string) sources.Rules { return sources.Rules{} }
	dir := folder(t, map[string]string{"rollcall.yaml": minimal, "roster.yaml": `version: 1
people:
  - {email: a@example.com, access: {vendasta: {}}}
  - {email: b@example.com, access: {vendasta: {until: 2026-03-01}}}
  - {email: c@example.com, access: {vendasta: {from: 2026-03-03}}}
`})
	for _, options := range []sources.Options{{}, {Rules: none}} {
		config, roster, ds := sources.Load(t.Context(), dir+"/rollcall.yaml", options)
		if len(ds) > 0 {
			t.Fatal(ds)
		}
		var got []string
		for _, a := range sources.Resolve(roster, config, none, instant(t, "2026-03-02")) {
			got = append(got, shown(a))
		}
		if diff := cmp.Diff([]string{"vendasta: active", "vendasta: expired", "vendasta: not started, starts 2026-03-03"}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestZones: days are days where the person is, else where the schedule is, else
// in UTC.
func TestZones(t *testing.T) {
	t.Parallel()
	regina := "schedule: {timeZone: America/Regina}\n" + minimal
	const until = "until: 2026-11-21"
	for _, test := range []struct {
		name, config, zone, when, want string
	}{
		{"UTC, last second", minimal, "", "2026-11-21T23:59:59Z", "active"},
		{"UTC, past it", minimal, "", "2026-11-22T00:00:00Z", "expired"},
		{"the schedule's, last second", regina, "", "2026-11-22T05:59:59Z", "active"},
		{"the schedule's, past it", regina, "", "2026-11-22T06:00:00Z", "expired"},
		{"Auckland, last second", regina, "Pacific/Auckland", "2026-11-21T10:59:59Z", "active"},
		{"Auckland, past it", regina, "Pacific/Auckland", "2026-11-21T11:00:00Z", "expired"},
		{"Auckland before daylight saving", minimal, "Pacific/Auckland", "2026-11-21T10:59:59Z", "active"},
		{"Kiritimati is a day ahead", regina, "Pacific/Kiritimati", "2026-11-21T10:00:00Z", "expired"},
		{"Pago Pago is the last", regina, "Pacific/Pago_Pago", "2026-11-22T10:59:59Z", "active"},
		{"null is no zone", regina, "null", "2026-11-22T05:59:59Z", "active"},
		{"the instant's own zone is nothing", minimal, "", "2026-11-22T10:00:00+14:00", "active"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fields := []string{until, "teams: [seller]"}
			if test.zone != "" {
				fields = append(fields, "timeZone: "+test.zone)
			}
			files := ofPerson(fields...)
			files["rollcall.yaml"] = test.config
			if got, want := load(t, files).effective(t, test.when), []string{"vendasta: " + test.want + ` access=["tm:access"]`}; !cmp.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// TestStatusSpeaksForEveryProvider, a window for its own.
func TestStatusSpeaksForEveryProvider(t *testing.T) {
	t.Parallel()
	two := minimal + "  agency: {kind: vendasta, partner: DEF, auth: {token: {env: TOKEN}}}\n"
	for _, test := range []struct {
		fields []string
		want   []string
	}{
		{[]string{"status: departed"}, []string{"agency: departed", "vendasta: departed"}},
		{[]string{"status: suspended", "teams: [seller]"}, []string{"agency: suspended", `vendasta: suspended access=["tm:access"]`}},
		{[]string{"access: {agency: {until: 2026-01-01, platformAccess: [x]}, vendasta: {platformAccess: [y]}}"}, []string{`agency: expired access=["x"]`, `vendasta: active access=["y"]`}},
		{[]string{"until: 2026-01-01", "access: {agency: {platformAccess: [x]}, vendasta: {platformAccess: [y]}}"}, []string{`agency: expired access=["x"]`, `vendasta: expired access=["y"]`}},
		{[]string{"until: 2026-01-01", "teams: [seller]"}, []string{`vendasta: expired access=["tm:access"]`}},
	} {
		files := ofPerson(test.fields...)
		files["rollcall.yaml"] = two
		if diff := cmp.Diff(test.want, load(t, files).effective(t, "2026-03-01")); diff != "" {
			t.Errorf("%v: %s", test.fields, diff)
		}
	}
}

func TestLeavers(t *testing.T) {
	t.Parallel()
	for state, want := range map[sources.State]bool{
		sources.Active: false, sources.NotStarted: false, sources.Expired: true, sources.Departed: true, sources.Suspended: true,
	} {
		if state.Leaver() != want {
			t.Errorf("%s: leaver %t", state, state.Leaver())
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{"roster.yaml": `version: 1
people:
  - email: Ana@Example.com
    previousEmails: [ana.souza@example.com, ANA2@example.com]
    access: {vendasta: {platformAccess: [x], userID: U-1, email: ana2@example.com, until: 2020-01-01}}
  - {email: bill@example.com, previousEmails: [b@example.com], access: {vendasta: {platformAccess: [x]}}}
`})
	l.wantSaid(t)
	access := sources.Resolve(l.roster, l.config, rules, instant(t, "2026-01-01"))
	ana, bill := access[0], access[1]
	if diff := cmp.Diff([]string{"ana2@example.com", "Ana@Example.com", "ana.souza@example.com"}, ana.Emails()); diff != "" {
		t.Error(diff)
	}
	if ana.Email != "ana2@example.com" || ana.UserID != "U-1" || ana.Person.Email != "Ana@Example.com" || ana.Person.Key != "ana@example.com" {
		t.Errorf("%+v", ana)
	}
	if diff := cmp.Diff([]string{"bill@example.com", "b@example.com"}, bill.Emails()); diff != "" || bill.UserID != "" {
		t.Error(bill.UserID, diff)
	}
	for email, want := range map[string]string{"ANA@example.com": "ana@example.com", "Ana.Souza@example.com": "ana@example.com", "B@EXAMPLE.com": "bill@example.com", "ana2@example.com": "ana@example.com", "nobody@example.com": "", "": ""} {
		p, known := l.roster.Person(email)
		if known != (want != "") || known && p.Key != want {
			t.Errorf("Person(%q) = %v, %t", email, p, known)
		}
	}
}

// TestOrigins: what made the state, so that it can be shown.
func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fields []string
		when   string
		want   []string
	}{
		{[]string{"teams: [seller, spring]", "access: {vendasta: {platformAccess: [x]}}"}, "2026-03-01", []string{"3:21 seller", "12:21 spring", "17:14 "}},
		{[]string{"teams: [seller, spring]", "access: {vendasta: {platformAccess: [x]}}"}, "2026-09-01", []string{"3:21 seller", "17:14 "}},
		{[]string{"teams: [seller]", "until: 2026-02-01"}, "2026-03-01", []string{"17:5 "}},
		{[]string{"teams: [summer, autumn]"}, "2026-12-01", []string{"11:50 "}},
		{[]string{"status: departed", "teams: [seller]"}, "2026-03-01", []string{"16:5 "}},
		{[]string{"from: 2027-01-01", "teams: [seller]"}, "2026-03-01", []string{"3:21 seller"}},
	} {
		l := load(t, ofPerson(test.fields...))
		l.wantSaid(t)
		var got []string
		for _, o := range sources.Resolve(l.roster, l.config, rules, instant(t, test.when))[0].Origins {
			got = append(got, fmt.Sprintf("%d:%d %s", o.Line, o.Column, o.Team))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v: %s", test.fields, diff)
		}
	}
}

// TestManaged: what the roster states and nothing else; absent is not null.
func TestManaged(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{"roster.yaml": `version: 1
x-top: [any]
people:
  - email: a@example.com
    x-person: {any: thing}
    labels: {manager: cara@example.com, deep: [1, {a: b}]}
    id: E-1
    givenName: Ana
    familyName: null
    phones: [{number: "1", type: work, x-note: 1}, {number: "2", type: home}]
    address: {city: Bonn, line2: null, x-note: 1}
    access:
      x-none: 5
      vendasta: {platformAccess: [x], givenName: A., phoneNumbers: [{number: "1", typeCode: work, x-note: 1}], address: {line1: null, x-note: {a: b}}, welcomeEmail: true, x-note: [1]}
`})
	l.wantSaid(t)
	values := func(vs sources.Values) map[string]any {
		data := make(map[string]any)
		for _, v := range vs {
			data[v.Name] = v.Data
		}
		return data
	}
	person := l.roster.People[0]
	want := map[string]any{
		"id": "E-1", "givenName": "Ana", "familyName": nil, "address": map[string]any{"city": "Bonn", "line2": nil},
		"phones": []any{map[string]any{"number": "1", "type": "work"}, map[string]any{"number": "2", "type": "home"}},
	}
	if diff := cmp.Diff(want, values(person.Values)); diff != "" {
		t.Errorf("person: %s", diff)
	}
	if v, stated := person.Values.Get("familyName"); !stated || v.Data != nil || v.Origins[0].Line != 9 {
		t.Errorf("null is stated: %v, %t", v, stated)
	}
	if _, stated := person.Values.Get("title"); stated {
		t.Error("what is absent is stated")
	}
	want = map[string]any{
		"platformAccess": []any{"x"}, "givenName": "A.", "address": map[string]any{"line1": nil}, "welcomeEmail": true,
		"phoneNumbers": []any{map[string]any{"number": "1", "typeCode": "work"}},
	}
	if diff := cmp.Diff(want, values(person.Own["vendasta"].Values)); diff != "" || len(person.Own) != 1 {
		t.Errorf("access: %s", diff)
	}
}

// TestResolveLeavesTheRosterAlone: resolving twice, and at once, gives the same.
func TestResolveLeavesTheRosterAlone(t *testing.T) {
	t.Parallel()
	l := load(t, ofPerson("teams: [english, british, seller, support]", "access: {vendasta: {platformAccess: [x], address: {line1: null}}}"))
	first := l.effective(t, "2026-03-01")
	done := make(chan []string)
	for range 4 {
		go func() { done <- l.effective(t, "2026-03-01") }()
	}
	for range 4 {
		if diff := cmp.Diff(first, <-done); diff != "" {
			t.Error(diff)
		}
	}
}

// A conflict may be a warning: it is told in the same way, refuses nothing, and hides
// nothing else that is wrong.
func TestConflictsThatAreWarnings(t *testing.T) {
	t.Parallel()
	warns := func(kind string) sources.Rules {
		r := rules(kind)
		r.Conflicts = func(_ sources.ProviderConfig, values sources.Values) []sources.Issue {
			access, _ := values.Get("platformAccess")
			if len(texts(access.Data)) > 1 {
				return []sources.Issue{{Attribute: "platformAccess", Message: "says a thing twice", Warning: true}}
			}
			return nil
		}
		r.Missing = func(values sources.Values) string {
			if access, _ := values.Get("platformAccess"); len(texts(access.Data)) > 2 {
				return "lacks something"
			}
			return ""
		}
		return r
	}
	for _, test := range []struct {
		files  map[string]string
		failed bool
		want   []string
	}{
		{ofPerson("teams: [seller]", "access: {vendasta: {platformAccess: [x]}}"), false, []string{"warning: a@example.com at vendasta: says a thing twice (from team seller"}},
		{people("  - {email: a@example.com, access: {vendasta: {platformAccess: [x, y, z]}}}"), true, []string{
			"a@example.com at vendasta: lacks something", "warning: a@example.com at vendasta: says a thing twice",
		}},
	} {
		test.files["rollcall.yaml"] = minimal
		_, _, ds := sources.Load(t.Context(), filepath.Join(folder(t, test.files), "rollcall.yaml"), sources.Options{Rules: warns, Stdin: strings.NewReader("")})
		if ds.Failed() != test.failed || len(ds) != len(test.want) {
			t.Fatalf("failed %v: %v", ds.Failed(), ds)
		}
		for i, want := range test.want {
			if !strings.Contains(ds[i].String(), want) {
				t.Errorf("%s, want %s", ds[i], want)
			}
		}
	}
}
