package schemas

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// value reads JSON into the types that a loader gives.
func value(t testing.TB, text string) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return numbers(v)
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return v
}

func must(t testing.TB) func(*Schema, error) *Schema {
	return func(s *Schema, err error) *Schema {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

var twoVendastas = map[string]string{"vendasta": "vendasta", "agency": "vendasta"}

// A mistakeCase is a document with one mistake. The path is joined with
// slashes; one that ends in one means the key.
type mistakeCase struct{ name, document, path, message string }

func runMistakes(t *testing.T, s *Schema, cases []mistakeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			violations := s.Validate(value(t, c.document))
			if len(violations) != 1 {
				t.Fatalf("want one violation, got %d: %v", len(violations), violations)
			}
			got := violations[0]
			path := strings.Join(got.Path, "/")
			if got.Key {
				path += "/"
			}
			if diff := cmp.Diff([]string{c.path, c.message}, []string{path, got.Message}); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if got.Keyword == "" {
				t.Error("no keyword")
			}
		})
	}
}

// person is a roster of one person with these members beside the email.
func person(members string) string {
	return `{"version":1,"people":[{"email":"bill@example.com",` + members + `}]}`
}

// access is a roster of one person with this block at vendasta.
func access(block string) string { return person(`"access":{"vendasta":` + block + `}`) }

func TestRosterMistakes(t *testing.T) {
	runMistakes(t, must(t)(CompileRoster(twoVendastas)), []mistakeCase{
		{"empty file", `null`, "", "must be a mapping with version and people"},
		{"a list", `[]`, "", "must be a mapping with version and people"},
		{"no version", `{"people":[]}`, "", "version is missing"},
		{"newer version", `{"version":2}`, "version", "must be 1, the version of the format, not 2"},
		{"version in quotes", `{"version":"1"}`, "version", "must be 1, the version of the format"},
		{"unknown at the top", `{"version":1,"poeple":[]}`, "poeple/", `unknown key "poeple"; did you mean "people"?`},
		{"unknown, nothing near", `{"version":1,"users":[]}`, "users/", `unknown key "users": known here are people, teams, version`},
		{"empty people", `{"version":1,"people":null}`, "people", "must be a list: null (or nothing) is not allowed here"},
		{"people as a mapping", `{"version":1,"people":{}}`, "people", "must be a list, not a mapping"},
		{"person as text", `{"version":1,"people":["bill@example.com"]}`, "people/0", `must be a mapping, not "bill@example.com"`},
		{"empty person", `{"version":1,"people":[null]}`, "people/0", "must be a mapping: null is not allowed in a list"},
		{"no email", `{"version":1,"people":[{"givenName":"Bill"}]}`, "people/0", "email is missing"},
		{"misspelt email", `{"version":1,"people":[{"emial":"bill@example.com"}]}`, "people/0/emial/", `unknown key "emial"; did you mean "email"?`},
		{"no address", `{"version":1,"people":[{"email":"bill"}]}`, "people/0/email", `must be an email address such as ana@example.com, without blanks, not "bill"`},
		{"empty address", `{"version":1,"people":[{"email":""}]}`, "people/0/email", `must be an email address such as ana@example.com, without blanks, not ""`},
		{"blank in address", `{"version":1,"people":[{"email":" bill@example.com"}]}`, "people/0/email", `must be an email address such as ana@example.com, without blanks, not " bill@example.com"`},
		{"wide blank in address", `{"version":1,"people":[{"email":"bill\u00a0@example.com"}]}`, "people/0/email", `must be an email address such as ana@example.com, without blanks, not "bill\u00a0@example.com"`},
		{"hidden character in address", `{"version":1,"people":[{"email":"bill\u200b@example.com"}]}`, "people/0/email", `must be an email address such as ana@example.com, without blanks, not "bill\u200b@example.com"`},
		{"no dot in address", `{"version":1,"people":[{"email":"bill@localhost"}]}`, "people/0/email", `must be an email address such as ana@example.com, without blanks, not "bill@localhost"`},
		{"long address", `{"version":1,"people":[{"email":"` + strings.Repeat("a", 250) + `@example.com"}]}`, "people/0/email", "must have at most 254 characters and has 262"},
		{"null address", `{"version":1,"people":[{"email":null}]}`, "people/0/email", "must be text: null (or nothing) is not allowed here"},
		{"address as number", `{"version":1,"people":[{"email":5}]}`, "people/0/email", "must be text: put it in quotes"},
		{"snake case", person(`"given_name":"Bill"`), "people/0/given_name/", `unknown key "given_name"; did you mean "givenName"?`},
		{"unknown with odd characters", person(`"a/b ~é":1`), "people/0/a/b ~é/", `unknown key "a/b ~é": known here are access, address, displayName, email, familyName, from, givenName, id, labels, legalName, locale, nickname, phones, previousEmails, status, teams, timeZone, title, until`},
		{"empty key", `{"version":1,"":2}`, "/", `unknown key "": known here are people, teams, version`},
		{"mistake below an empty key", `{"version":1,"people":[],"x-":{"":1},"teams":{"a":{"access":{"vendasta":{"address":{"":"x"}}}}}}`, "teams/a/access/vendasta/address//", `unknown key "": known here are city, countryCode, line1, line2, postalCode, regionCode`},
		{"number as id", person(`"id":1042`), "people/0/id", "must be text: put it in quotes"},
		{"null id", person(`"id":null`), "people/0/id", "must be text: null (or nothing) is not allowed here"},
		{"blank name", person(`"givenName":" "`), "people/0/givenName", `must not be blank: write null to clear it, or leave the key out, not " "`},
		{"true as name", person(`"familyName":true`), "people/0/familyName", "must be text: put it in quotes"},
		{"name as list", person(`"givenName":["Bill"]`), "people/0/givenName", "must be text or null, not a list"},
		{"status in capitals", person(`"status":"Departed"`), "people/0/status", `must be one of active, suspended, departed, not "Departed"; did you mean "departed"?`},
		{"status that is none", person(`"status":"inactive"`), "people/0/status", `must be one of active, suspended, departed, not "inactive"`},
		{"control characters", person(`"status":"\u001b[31mred\u202e"`), "people/0/status", `must be one of active, suspended, departed, not "\x1b[31mred\u202e"`},
		{"long value", person(`"status":"` + strings.Repeat("é", 60) + `"`), "people/0/status", `must be one of active, suspended, departed, not "` + strings.Repeat("é", 40) + `…"`},
		{"null status", person(`"status":null`), "people/0/status", "must be text: null (or nothing) is not allowed here"},
		{"no day", person(`"until":"2024-02-30"`), "people/0/until", `must be a date such as 2026-12-31, not "2024-02-30"`},
		{"day the other way round", person(`"from":"31.12.2026"`), "people/0/from", `must be a date such as 2026-12-31, not "31.12.2026"`},
		{"time as day", person(`"from":"2026-12-31T00:00:00Z"`), "people/0/from", `must be a date such as 2026-12-31, not "2026-12-31T00:00:00Z"`},
		{"year as day", person(`"until":2026`), "people/0/until", "must be a date such as 2026-12-31"},
		{"null day", person(`"until":null`), "people/0/until", "must be a date such as 2026-12-31"},
		{"locale with underscore", person(`"locale":"en_US"`), "people/0/locale", `must be a language with an optional region, such as en-US, pt-BR or de, not "en_US"`},
		{"no such zone", person(`"timeZone":"America/Regna"`), "people/0/timeZone", `must be a time zone such as America/Regina, not "America/Regna"`},
		{"local zone", person(`"timeZone":"Local"`), "people/0/timeZone", `must be a time zone such as America/Regina, not "Local"`},
		{"region without country", person(`"address":{"region":"SK"}`), "people/0/address/region", `must be a country and a region, such as CA-SK or US-FL, not "SK"`},
		{"country by name", person(`"address":{"country":"Canada"}`), "people/0/address/country", `must be a country of two capital letters, such as CA, not "Canada"`},
		{"number as postal code", person(`"address":{"postalCode":1067}`), "people/0/address/postalCode", "must be text: put it in quotes"},
		{"unknown in address", person(`"address":{"regionCode":"CA-SK"}`), "people/0/address/regionCode/", `unknown key "regionCode": known here are city, country, line1, line2, postalCode, region`},
		{"phone without type", person(`"phones":[{"number":"1"}]`), "people/0/phones/0", "type is missing"},
		{"phone of no type", person(`"phones":[{"number":"1","type":"mobil"}]`), "people/0/phones/0/type", `must be one of mobile, work, home, fax, pager, not "mobil"; did you mean "mobile"?`},
		{"phone as number", person(`"phones":[{"number":13065551234,"type":"work"}]`), "people/0/phones/0/number", "must be text: put it in quotes"},
		{"phone as text", person(`"phones":["1"]`), "people/0/phones/0", `must be a mapping, not "1"`},
		{"null phone", person(`"phones":[null]`), "people/0/phones/0", "must be a mapping: null is not allowed in a list"},
		{"same team twice", person(`"teams":["seller","lead","seller"]`), "people/0/teams/2", `"seller" stands in this list twice`},
		{"team as text", person(`"teams":"seller"`), "people/0/teams", `must be a list, not "seller"`},
		{"null team", person(`"teams":[null]`), "people/0/teams/0", "must be text: null is not allowed in a list"},
		{"previous address", person(`"previousEmails":["bill"]`), "people/0/previousEmails/0", `must be an email address such as ana@example.com, without blanks, not "bill"`},
		{"labels as list", person(`"labels":["a"]`), "people/0/labels", "must be a mapping, not a list"},
		{"provider not configured", person(`"access":{"slack":{}}`), "people/0/access/slack/", `no provider "slack" is configured in rollcall.yaml; configured: agency, vendasta`},
		{"provider misspelt", person(`"access":{"vendsta":{}}`), "people/0/access/vendsta/", `no provider "vendsta" is configured in rollcall.yaml; configured: agency, vendasta; did you mean "vendasta"?`},
		{"team at a provider not configured", `{"version":1,"teams":{"a":{"access":{"slack":{}}}}}`, "teams/a/access/slack/", `no provider "slack" is configured in rollcall.yaml; configured: agency, vendasta`},
		{"null access", person(`"access":null`), "people/0/access", "must be a mapping: null (or nothing) is not allowed here"},
		{"null block", access(`null`), "people/0/access/vendasta", "must be a mapping: write {} for an account of which nothing more is managed"},
		{"block as list", access(`["tm:access"]`), "people/0/access/vendasta", "must be a mapping: write {} for an account of which nothing more is managed"},
		{"unknown in block", access(`{"platfromAccess":[]}`), "people/0/access/vendasta/platfromAccess/", `unknown key "platfromAccess"; did you mean "platformAccess"?`},
		{"grant as text", access(`{"platformAccess":"tm:access"}`), "people/0/access/vendasta/platformAccess", `must be a list or null, not "tm:access"`},
		{"null grant", access(`{"platformAccess":[null]}`), "people/0/access/vendasta/platformAccess/0", "must be text: null is not allowed in a list"},
		{"grant twice", access(`{"platformAccess":["a","a"]}`), "people/0/access/vendasta/platformAccess/1", `"a" stands in this list twice`},
		{"blank in grant", access(`{"platformAccess":["tm access"]}`), "people/0/access/vendasta/platformAccess/0", `must be the id of a feature such as tm:access, without blanks, not "tm access"`},
		{"location as number", access(`{"businessLocations":[123]}`), "people/0/access/vendasta/businessLocations/0", "must be text: put it in quotes"},
		{"long name", access(`{"givenName":"` + strings.Repeat("ä", 51) + `"}`), "people/0/access/vendasta/givenName", "must have at most 50 characters and has 51"},
		{"yes for true", access(`{"welcomeEmail":"yes"}`), "people/0/access/vendasta/welcomeEmail", `must be true or false, not "yes"`},
		{"true in quotes", access(`{"welcomeEmail":"true"}`), "people/0/access/vendasta/welcomeEmail", `must be true or false: take the quotes away`},
		{"null flag", access(`{"phoneNumbersSet":null}`), "people/0/access/vendasta/phoneNumbersSet", "must be true or false: null (or nothing) is not allowed here"},
		{"script in language", access(`{"languageLocaleCode":"zh-Hant"}`), "people/0/access/vendasta/languageLocaleCode", `must be a language of two letters with an optional region, such as en-US or it, not "zh-Hant"`},
		{"our name for the type", access(`{"phoneNumbers":[{"number":"1","typecode":"work"}]}`), "people/0/access/vendasta/phoneNumbers/0/typecode/", `unknown key "typecode"; did you mean "typeCode"?`},
		{"null userID", access(`{"userID":null}`), "people/0/access/vendasta/userID", "must be text: null (or nothing) is not allowed here"},
		{"userID of a team", `{"version":1,"teams":{"a":{"access":{"agency":{"userID":"U-1"}}}}}`, "teams/a/access/agency/userID/", "userID pins one user: it belongs in a person's own block, not in a team's"},
		{"email of a team", `{"version":1,"teams":{"a":{"access":{"agency":{"email":"a@example.com"}}}}}`, "teams/a/access/agency/email/", "email is the address of one person: it belongs in a person's own block, not in a team's"},
		{"unknown in a team", `{"version":1,"teams":{"a":{"acces":{}}}}`, "teams/a/acces/", `unknown key "acces"; did you mean "access"?`},
		{"blank team", `{"version":1,"teams":{" ":{}}}`, "teams/ /", `must be the name of a team, not " "`},
	})
}

// settings is a configuration whose provider vendasta has these members beside
// those that it needs.
func settings(members string) string {
	return `{"version":1,"providers":{"vendasta":{"partner":"ABC","auth":{"token":{"env":"T"}},` + members + `}}}`
}

// auth is a configuration whose provider vendasta has this auth.
func auth(auth string) string {
	return `{"version":1,"providers":{"vendasta":{"partner":"ABC","auth":` + auth + `}}}`
}

// top is a configuration with these members beside those that it needs.
func top(members string) string {
	return `{"version":1,"providers":{"vendasta":{"partner":"ABC","auth":{"token":{"env":"T"}}}},` + members + `}`
}

func TestConfigMistakes(t *testing.T) {
	const literal = "secrets never stand in a file of rollcall: write {env: NAME}, {file: PATH} or {command: [program, argument]}"
	kinds := strings.Join(Kinds(), ", ")
	calls := func(change ...string) string {
		all := `{"version":1,"providers":{"myreports":{"region":"na","account":"00000000-0000-0000-0000-000000000000","auth":{"clientId":{"env":"I"},"clientSecret":{"env":"S"},"refreshToken":{"file":"t"}}}}}`
		return strings.NewReplacer(change...).Replace(all)
	}
	dealer := func(change ...string) string {
		all := `{"version":1,"providers":{"mykaarma":{"dealerUUID":"d-1","auth":{"username":{"env":"U"},"password":{"env":"P"}}}}}`
		return strings.NewReplacer(change...).Replace(all)
	}
	cases := []mistakeCase{
		{"empty file", `null`, "", "must be a mapping with version and providers"},
		{"no providers", `{"version":1}`, "", "providers is missing"},
		{"empty providers", `{"version":1,"providers":{}}`, "providers", "must be a mapping with at least one provider"},
		{"unknown at the top", top(`"guardrail":{}`), "guardrail/", `unknown key "guardrail"; did you mean "guardrails"?`},
		{"roster as text", top(`"roster":"roster.yaml"`), "roster", `must be a list, not "roster.yaml"`},
		{"no roster", top(`"roster":[]`), "roster", "must have at least 1 item"},
		{"same roster twice", top(`"roster":["a","a"]`), "roster/1", `"a" stands in this list twice`},
		{"roster as a number", top(`"roster":[5]`), "roster/0", "must be a path, or a mapping such as {git: https://git.example.com/hr/roster.git, path: people/}"},
		{"no repository", top(`"roster":[{"ref":"main"}]`), "roster/0", "git is missing"},
		{"repository misspelt", top(`"roster":[{"gti":"x"}]`), "roster/0/gti/", `unknown key "gti"; did you mean "git"?`},
		{"same repository twice", top(`"roster":[{"git":"x"},{"git":"x"}]`), "roster/1", "stands in this list twice"},
		{"branch as number", top(`"roster":[{"git":"x","ref":2026}]`), "roster/0/ref", "must be text: put it in quotes"},
		{"user with a colon", top(`"roster":[{"git":"x","user":"a:b"}]`), "roster/0/user", `must be the name of a user, without blanks and colons, not "a:b"`},
		{"literal token", top(`"roster":[{"git":"x","auth":"hunter2"}]`), "roster/0/auth", literal},
		{"token as key", top(`"roster":[{"git":"x","auth":{"hunter2":null}}]`), "roster/0/auth/hunter2/", "unknown key: known here are command, env, file"},
		{"ledger as a list", top(`"ledger":["x.db"]`), "ledger", "must be a path, or a mapping such as {path: .rollcall/ledger.db, require: true}"},
		{"empty ledger", top(`"ledger":" "`), "ledger", `must be a path, not " "`},
		{"ledger by a URL", top(`"ledger":{"url":"postgres://db/rollcall"}`), "ledger/url", "secrets never stand in a file of rollcall: write {env: NAME}, {file: PATH} or {command: [program, argument]}"},
		{"cron", top(`"schedule":{"cron":2}`), "schedule/cron", `must be a cron expression such as "0 2 * * *"`},
		{"no such zone", top(`"schedule":{"timeZone":"Regina"}`), "schedule/timeZone", `must be a time zone such as America/Regina, not "Regina"`},
		{"negative limit", top(`"guardrails":{"maxRemovals":-1}`), "guardrails/maxRemovals", "must be at least 0, not -1"},
		{"fraction as limit", top(`"guardrails":{"maxRemovals":0.5}`), "guardrails/maxRemovals", "must be a whole number or a share such as 10%"},
		{"limit without percent sign", top(`"guardrails":{"maxRemovals":"10"}`), "guardrails/maxRemovals", `must be a whole number or a share such as 10%, not "10"`},
		{"limit above all", top(`"guardrails":{"maxRemovals":"110%"}`), "guardrails/maxRemovals", `must be a whole number or a share such as 10%, not "110%"`},
		{"protect a name", top(`"guardrails":{"protect":["bill"]}`), "guardrails/protect/0", `must be an address or a pattern such as "*@breakglass.example.com", not "bill"`},
		{"null protect", top(`"guardrails":{"protect":null}`), "guardrails/protect", "must be a list: null (or nothing) is not allowed here"},
		{"bad name", `{"version":1,"providers":{"Vendasta":{"partner":"ABC"}}}`, "providers/Vendasta/", `must be a name of at most 32 lower-case letters, digits and hyphens that begins with a letter, not "Vendasta"`},
		{"empty provider", `{"version":1,"providers":{"vendasta":null}}`, "providers/vendasta", "must be a mapping: null (or nothing) is not allowed here"},
		{"no kind", `{"version":1,"providers":{"acme":{}}}`, "providers/acme", `"acme" is not a kind of provider: add kind, one of ` + kinds},
		{"no kind, near one", `{"version":1,"providers":{"vendsta":{}}}`, "providers/vendsta", `"vendsta" is not a kind of provider: add kind, one of ` + kinds + `; did you mean "vendasta"?`},
		{"kind to come by name", `{"version":1,"providers":{"scim":{"auth":{}}}}`, "providers/scim", `rollcall does not honour the kind "scim" yet; kinds: ` + kinds},
		{"kind to come", `{"version":1,"providers":{"slack":{"kind":"scim"}}}`, "providers/slack/kind", `rollcall does not honour "scim" yet: must be one of ` + kinds},
		{"unknown kind", `{"version":1,"providers":{"acme":{"kind":"vendsta"}}}`, "providers/acme/kind", `must be one of ` + kinds + `, not "vendsta"; did you mean "vendasta"?`},
		{"kind as number", `{"version":1,"providers":{"acme":{"kind":5}}}`, "providers/acme/kind", "must be text: put it in quotes"},
		{"no partner", `{"version":1,"providers":{"vendasta":{"auth":{"token":{"env":"T"}}}}}`, "providers/vendasta", "partner is missing"},
		{"no partner, other name", `{"version":1,"providers":{"acme":{"kind":"vendasta","auth":{"token":{"env":"T"}}}}}`, "providers/acme", "partner is missing"},
		{"partner as number", `{"version":1,"providers":{"vendasta":{"partner":123,"auth":{"token":{"env":"T"}}}}}`, "providers/vendasta/partner", "must be text: put it in quotes"},
		{"long partner", `{"version":1,"providers":{"vendasta":{"partner":"ABCDE","auth":{"token":{"env":"T"}}}}}`, "providers/vendasta/partner", `must be a partner id of 3 or 4 letters and digits, such as ABC, not "ABCDE"`},
		{"unknown key", settings(`"baseUrl":"https://x.example"`), "providers/vendasta/baseUrl/", `unknown key "baseUrl"; did you mean "baseURL"?`},
		{"assume", settings(`"assume":["update"]`), "providers/vendasta/assume/", `unknown key "assume": known here are auth, baseURL, concurrency, kind, lookup, mode, onLeave, partner, rate, retries, timeout, tokenURL`},
		{"onLeave later", settings(`"onLeave":{"suspend":"later","delete":"30d"}`), "providers/vendasta/onLeave/suspend", `must be now, not "later"`},
		{"onLeave of no kind", settings(`"onLeave":"remove"`), "providers/vendasta/onLeave", `must be one of suspend, delete, keep, not "remove"`},
		{"mode", settings(`"mode":"ful"`), "providers/vendasta/mode", `must be one of report, add, full, not "ful"; did you mean "full"?`},
		{"lookup by the ledger where there is a search", settings(`"lookup":"ledger"`), "providers/vendasta/lookup", `must be one of search, list, auto, not "ledger"`},
		{"lookup of no kind", settings(`"lookup":"guess"`), "providers/vendasta/lookup", `must be one of search, list, auto, not "guess"`},
		{"no concurrency", settings(`"concurrency":0`), "providers/vendasta/concurrency", "must be from 1 to 100, not 0"},
		{"concurrency in quotes", settings(`"concurrency":"8"`), "providers/vendasta/concurrency", "must be a whole number: take the quotes away"},
		{"half a retry", settings(`"retries":0.5`), "providers/vendasta/retries", "must be a whole number, not 0.5"},
		{"many retries", settings(`"retries":11`), "providers/vendasta/retries", "must be from 0 to 10, not 11"},
		{"rate without unit", settings(`"rate":"8"`), "providers/vendasta/rate", `must be a rate such as 8/s, 300/m or 10000/h, a list of these, or unlimited, not "8"`},
		{"rate as number", settings(`"rate":8`), "providers/vendasta/rate", "must be text: put it in quotes"},
		{"no rate", settings(`"rate":"0/s"`), "providers/vendasta/rate", `must be a rate such as 8/s, 300/m or 10000/h, a list of these, or unlimited, not "0/s"`},
		{"unlimited in a list", settings(`"rate":["8/s","unlimited"]`), "providers/vendasta/rate/1", `must be a rate such as 8/s, 300/m or 10000/h, not "unlimited"`},
		{"empty rate", settings(`"rate":[]`), "providers/vendasta/rate", "must have at least 1 item"},
		{"timeout without unit", settings(`"timeout":"30"`), "providers/vendasta/timeout", `must be a duration such as 30s, 1m30s or 2d, not "30"`},
		{"timeout as number", settings(`"timeout":30`), "providers/vendasta/timeout", "must be a duration such as 30s, 1m30s or 2d"},
		{"other scheme", settings(`"baseURL":"ftp://x.example"`), "providers/vendasta/baseURL", `must be an https:// address without user, query and fragment, such as https://api.example.com/v2, not "ftp://x.example"`},
		{"password in address", settings(`"tokenURL":"https://me:hunter2@x.example"`), "providers/vendasta/tokenURL", `must be an https:// address without user, query and fragment, such as https://api.example.com/v2`},
		{"literal secret", auth(`{"token":"hunter2"}`), "providers/vendasta/auth/token", literal},
		{"literal number", auth(`{"token":1234}`), "providers/vendasta/auth/token", literal},
		{"literal key file", auth(`{"serviceAccount":["hunter2"]}`), "providers/vendasta/auth/serviceAccount", literal},
		{"null secret", auth(`{"token":null}`), "providers/vendasta/auth/token", literal},
		{"literal key file as mapping", auth(`{"serviceAccount":{"private_key":"hunter2"}}`), "providers/vendasta/auth/serviceAccount/private_key/", "unknown key: known here are command, env, file"},
		{"secret as key", auth(`{"token":{"hunter2":null}}`), "providers/vendasta/auth/token/hunter2/", "unknown key: known here are command, env, file"},
		{"secret misspelt", auth(`{"token":{"envv":"T"}}`), "providers/vendasta/auth/token/envv/", `unknown key; did you mean "env"?`},
		{"secret without a place", auth(`{"token":{}}`), "providers/vendasta/auth/token", "needs one of env, file, command"},
		{"secret with two places", auth(`{"token":{"env":"T","file":"t"}}`), "providers/vendasta/auth/token", "takes only one of env, file, command"},
		{"secret as name of a variable", auth(`{"token":{"env":"hunter-2"}}`), "providers/vendasta/auth/token/env", "must be the name of an environment variable: letters, digits and _, no digit first"},
		{"command as text", auth(`{"token":{"command":"pass show x"}}`), "providers/vendasta/auth/token/command", "must be a list of a program and its arguments, such as [pass, show, vendasta]"},
		{"empty command", auth(`{"token":{"command":[]}}`), "providers/vendasta/auth/token/command", "must be a list of a program and its arguments, such as [pass, show, vendasta]"},
		{"both ways in", auth(`{"token":{"env":"T"},"serviceAccount":{"file":"k"}}`), "providers/vendasta/auth", "takes only one of serviceAccount, token"},
		{"no way in", auth(`{}`), "providers/vendasta/auth", "needs one of serviceAccount, token"},
		{"way in misspelt", auth(`{"tokne":{"env":"T"}}`), "providers/vendasta/auth/tokne/", `unknown key "tokne"; did you mean "token"?`},
		{"no dealer", dealer(`"dealerUUID":"d-1",`, ``), "providers/mykaarma", "dealerUUID is missing"},
		{"a dealer as a number", dealer(`"d-1"`, `7`), "providers/mykaarma/dealerUUID", "must be text: put it in quotes"},
		{"a dealer with a blank", dealer(`"d-1"`, `"d 1"`), "providers/mykaarma/dealerUUID", `must be an id, in quotes where it is a number, and without blanks, not "d 1"`},
		{"half of the credentials", dealer(`,"password":{"env":"P"}`, ``), "providers/mykaarma/auth", "password is missing"},
		{"a literal user name", dealer(`{"env":"U"}`, `"hunter2"`), "providers/mykaarma/auth/username", literal},
		{"no token endpoint", dealer(`"auth"`, `"tokenURL":"https://x.example","auth"`), "providers/mykaarma/tokenURL/", `unknown key "tokenURL": known here are assume, auth, baseURL, concurrency, dealerUUID, departments, kind, lookup, mode, onLeave, paths, rate, retries, roleNames, timeout, update`},
		{"deleting where there is no way", dealer(`"auth"`, `"onLeave":"delete","auth"`), "providers/mykaarma/onLeave", `must be one of suspend, keep, not "delete"`},
		{"searching where there is no way", dealer(`"auth"`, `"lookup":"search","auth"`), "providers/mykaarma/lookup", `must be list, not "search"`},
		{"assuming what is documented", dealer(`"auth"`, `"assume":["create"],"auth"`), "providers/mykaarma/assume/0", `must be one of update, suspend, not "create"`},
		{"assuming nothing", dealer(`"auth"`, `"assume":[],"auth"`), "providers/mykaarma/assume", "must have at least 1 item"},
		{"suspending without departments", dealer(`"auth"`, `"assume":["update","suspend"],"auth"`), "providers/mykaarma", "departments is missing"},
		{"names of roles without departments", dealer(`"auth"`, `"roleNames":{"r-1":"A"},"auth"`), "providers/mykaarma", "departments is missing"},
		{"both without departments", dealer(`"auth"`, `"roleNames":{"r-1":"A"},"assume":["suspend"],"auth"`), "providers/mykaarma", "departments is missing"},
		{"no department", dealer(`"auth"`, `"departments":[],"auth"`), "providers/mykaarma/departments", "must have at least 1 item"},
		{"names of roles as a list", dealer(`"auth"`, `"roleNames":["A"],"departments":["x"],"auth"`), "providers/mykaarma/roleNames", "must be a mapping of role ids to names, such as {r-1: Service Advisor}"},
		{"an empty name of a role", dealer(`"auth"`, `"roleNames":{"r-1":""},"departments":["x"],"auth"`), "providers/mykaarma/roleNames/r-1", `must be the name of a role, not ""`},
		{"an update that is neither", dealer(`"auth"`, `"update":"patch","auth"`), "providers/mykaarma/update", `must be one of replace, merge, not "patch"`},
		{"a path that is not there", dealer(`"auth"`, `"paths":{"createUser":"/x"},"auth"`), "providers/mykaarma/paths/createUser/", `unknown key "createUser"; did you mean "updateUser"?`},
		{"a path without its id", dealer(`"auth"`, `"paths":{"updateUser":"/manage/v2/user"},"auth"`), "providers/mykaarma/paths/updateUser", `must be a path that has {userUUID} once, such as /manage/v2/user/partner/{userUUID}, not "/manage/v2/user"`},
		{"a path with the id twice", dealer(`"auth"`, `"paths":{"updateUser":"/{userUUID}/{userUUID}"},"auth"`), "providers/mykaarma/paths/updateUser", `must be a path that has {userUUID} once, such as /manage/v2/user/partner/{userUUID}, not "/{userUUID}/{userUUID}"`},
		{"a path with another id", dealer(`"auth"`, `"paths":{"listUsers":"/{dealerUuid}/users"},"auth"`), "providers/mykaarma/paths/listUsers", `must be a path that has {dealerUUID} once, such as /manage/v2/dealer/{dealerUUID}/users, not "/{dealerUuid}/users"`},
		{"a path with half of its ids", dealer(`"auth"`, `"paths":{"updateDealerAssociate":"/d/{departmentUUID}"},"auth"`), "providers/mykaarma/paths/updateDealerAssociate", `must be a path that has {departmentUUID} and {userUUID} once each, such as /manage/v2/department/{departmentUUID}/user/{userUUID}/dealerAssociate, not "/d/{departmentUUID}"`},
		{"a path that leads up", dealer(`"auth"`, `"paths":{"dealerAssociates":"/../x"},"auth"`), "providers/mykaarma/paths/dealerAssociates", `must be a path without placeholders, such as /manage/v2/department/dealerAssociate/list, not "/../x"`},
		{"a path with a query", dealer(`"auth"`, `"paths":{"dealerAssociates":"/x?y=1"},"auth"`), "providers/mykaarma/paths/dealerAssociates", `must be a path without placeholders, such as /manage/v2/department/dealerAssociate/list, not "/x?y=1"`},
		{"no region and no address", calls(`"region":"na",`, ``), "providers/myreports", "region is missing"},
		{"a region that is not there", calls(`"na"`, `"us"`), "providers/myreports/region", `must be one of na, eu, uk, au, not "us"`},
		{"no account", calls(`"account":"00000000-0000-0000-0000-000000000000",`, ``), "providers/myreports", "account is missing"},
		{"an account by name", calls(`00000000-0000-0000-0000-000000000000`, `Acme`), "providers/myreports/account", `must be the id of an account's tenant, such as 00000000-0000-0000-0000-000000000000, not "Acme"`},
		{"a refresh token in a variable", calls(`{"file":"t"}`, `{"env":"T"}`), "providers/myreports/auth/refreshToken/env/", "unknown key: known here are file"},
		{"a refresh token without a place", calls(`{"file":"t"}`, `{}`), "providers/myreports/auth/refreshToken", "file is missing"},
		{"a literal refresh token", calls(`{"file":"t"}`, `"hunter2"`), "providers/myreports/auth/refreshToken", "the refresh token is renewed as it is used, so it has to stand in a file of its own: write {file: PATH}"},
		{"suspending where there is no such state", calls(`"region"`, `"onLeave":"suspend","region"`), "providers/myreports/onLeave", `must be one of delete, keep, not "suspend"`},
		{"searching where there is no search", calls(`"region"`, `"lookup":"search","region"`), "providers/myreports/lookup", `must be list, not "search"`},
		{"a flag in quotes", calls(`"region"`, `"deleteEverywhere":"true","region"`), "providers/myreports/deleteEverywhere", "must be true or false: take the quotes away"},
		{"a browser sent elsewhere", calls(`"region"`, `"redirectURL":"http://10.0.0.1:8000","region"`), "providers/myreports/redirectURL", `must be an http address of this machine, such as http://127.0.0.1:8000, not "http://10.0.0.1:8000"`},
		{"assuming where nothing is assumed", calls(`"region"`, `"assume":["suspend"],"region"`), "providers/myreports/assume/", `unknown key "assume": known here are acceptCharges, account, auth, authorizeURL, baseURL, concurrency, deleteEverywhere, kind, lookup, mode, onLeave, rate, redirectURL, region, retries, timeout, tokenURL`},
		{"auth as text", auth(`"hunter2"`), "providers/vendasta/auth", "must be a mapping with serviceAccount or token that says where the secret is, such as {token: {env: VENDASTA_TOKEN}}"},
	}
	t.Run("unnamed", func(t *testing.T) { runMistakes(t, must(t)(CompileConfig(nil)), cases) })
	t.Run("named", func(t *testing.T) {
		// What a loader makes of each document: the name stands in for the kind.
		for _, c := range cases {
			kinds := make(map[string]string)
			document, _ := value(t, c.document).(map[string]any)
			for name, provider := range object(document, "providers") {
				kinds[name] = name
				if p, isMapping := provider.(map[string]any); isMapping {
					if kind, isText := p["kind"].(string); isText {
						kinds[name] = kind
					}
				}
			}
			runMistakes(t, must(t)(CompileConfig(kinds)), []mistakeCase{c})
		}
	})
	for _, c := range cases {
		if strings.Contains(c.message, "hunter") || strings.Contains(c.message, "1234") {
			t.Errorf("%s: the message shows the secret: %s", c.name, c.message)
		}
	}
}
