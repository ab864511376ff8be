package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	intelagreeNew = `{"name":"Bill","legalName":"Bill Smith","email":"bill@example.com"}`

	pathGina = "/users/HR/E-1"
	pathHank = "/users/rollcall/hank"
)

// alongside adds members to the body of a create or an update.
func alongside(members string) string {
	return strings.TrimSuffix(intelagreeNew, "}") + "," + members + "}"
}

// businessKey is one in JSON.
func businessKey(name, value string) string {
	return fmt.Sprintf(`{"entity":"User","name":%q,"value":%q}`, name, value)
}

// keyList is business keys as a state has them: names and values by turns.
func keyList(parts ...string) []any {
	list := []any{}
	for pair := range slices.Chunk(parts, 2) {
		list = append(list, map[string]any{"entity": "User", "name": pair[0], "value": pair[1]})
	}
	return list
}

// Each route as it is documented or assumed, answers as fixtures.
func TestIntelAgreeRoutes(t *testing.T) {
	lone := IntelAgreeOptions{NoLookups: true}
	tests := []struct {
		name, method, path, body string
		options                  IntelAgreeOptions
		status                   int
		golden                   string
	}{
		{"token", "POST", "/Accounts", fixture(t, "intelagree/token-request.json"), lone, 200, "token-response.json"},
		{"create", "POST", "/users", fixture(t, "intelagree/create-request.json"), lone, 201, "create-response.json"},
		{"create the least", "POST", "/users", intelagreeNew, lone, 201, "create-least-response.json"},
		{"create without an answer", "POST", "/users", intelagreeNew, IntelAgreeOptions{SilentCreate: true}, 201, ""},
		{"duplicate", "POST", "/users", strings.Replace(intelagreeNew, "bill@", "GINA@", 1), lone, 400, "duplicate.json"},
		{"duplicate business key", "POST", "/users", alongside(`"businessKeys":[` + businessKey("x", "y") + "," + businessKey("HR", "E-1") + `]`), lone, 400, "duplicate-key.json"},
		{"search", "GET", "/users?email=gina%40EXAMPLE.com", "", IntelAgreeOptions{}, 200, "search.json"},
		{"search, in an envelope", "GET", "/users?email=hank@example.com", "", IntelAgreeOptions{Envelope: "users"}, 200, "search-envelope.json"},
		{"search nobody", "GET", "/users?email=x%2By%40example.com", "", IntelAgreeOptions{}, 200, "search-none.json"},
		{"search nobody, in an envelope", "GET", "/users?email=nobody@example.com", "", IntelAgreeOptions{Envelope: "data"}, 200, "search-none-envelope.json"},
		{"get", "GET", pathGina, "", IntelAgreeOptions{}, 200, "get.json"},
		{"get by a key with odd characters", "GET", "/users/CRM%2Feu/c%207%2F%C3%BC", "", IntelAgreeOptions{}, 200, "get.json"},
		{"get one of whom little is known", "GET", pathHank, "", IntelAgreeOptions{}, 200, "get-least.json"},
		{"get nobody", "GET", "/users/HR/E-2", "", IntelAgreeOptions{}, 404, "not-found.json"},
		{"get by a value of another type", "GET", "/users/CRM/E-1", "", IntelAgreeOptions{}, 404, "not-found.json"},
		{"get by a key in another case", "GET", "/users/hr/E-1", "", IntelAgreeOptions{}, 404, ""},
		{"get one who has no key", "GET", "/users/rollcall/iris", "", IntelAgreeOptions{}, 404, ""},
		{"update", "PUT", pathGina, fixture(t, "intelagree/update-request.json"), IntelAgreeOptions{}, 200, "update-response.json"},
		{"update nobody", "PUT", "/users/HR/E-2", intelagreeNew, IntelAgreeOptions{}, 404, "not-found.json"},
		{"update to another's email", "PUT", pathGina, strings.Replace(intelagreeNew, "bill@", "Hank@", 1), IntelAgreeOptions{}, 400, "duplicate.json"},
		{"update to another's key", "PUT", pathHank, strings.Replace(alongside(`"businessKeys":[`+businessKey("HR", "E-1")+`]`), "bill@", "hank@", 1), IntelAgreeOptions{}, 400, "duplicate-key.json"},
		{"search where there is none", "GET", "/users?email=gina@example.com", "", lone, 404, "nothing.json"},
		{"get where there is none", "GET", pathGina, "", lone, 404, "nothing.json"},
		{"update where there is none", "PUT", pathGina, intelagreeNew, lone, 404, "nothing.json"},
		{"delete", "DELETE", pathGina, "", IntelAgreeOptions{}, 404, "nothing.json"},
		{"patch", "PATCH", pathGina, "{}", IntelAgreeOptions{}, 404, "nothing.json"},
		{"post to a user", "POST", pathGina, intelagreeNew, IntelAgreeOptions{}, 404, "nothing.json"},
		{"get of tokens", "GET", "/Accounts", "", IntelAgreeOptions{}, 404, ""},
		{"another case", "POST", "/accounts", `{"accountKey":"k"}`, IntelAgreeOptions{}, 404, ""},
		{"capital users", "POST", "/Users", intelagreeNew, IntelAgreeOptions{}, 404, ""},
		{"a value alone", "GET", "/users/E-1", "", IntelAgreeOptions{}, 404, "nothing.json"},
		{"no value", "GET", "/users/HR/", "", IntelAgreeOptions{}, 404, "nothing.json"},
		{"no type", "GET", "/users//E-1", "", IntelAgreeOptions{}, 404, "nothing.json"},
		{"a slash that is not escaped", "GET", "/users/CRM%2Feu/c%207/%C3%BC", "", IntelAgreeOptions{}, 404, "nothing.json"},
		{"trailing slash", "GET", pathGina + "/", "", IntelAgreeOptions{}, 404, "nothing.json"},
		{"not simulated", "GET", "/organizations", "", IntelAgreeOptions{}, 404, "nothing.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{IntelAgree: test.options})
			resp, text := askIntelAgree(t, w, test.method, test.path, test.body)
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, test.status, text)
			}
			if test.golden != "" {
				golden(t, "intelagree/"+test.golden, text)
			}
			if test.options.SilentCreate {
				if text != "" || resp.Header.Get("Content-Type") != "" || w.Counts().Created != 1 {
					t.Errorf("%q %v", text, resp.Header)
				}
				return
			}
			if kind := resp.Header.Get("Content-Type"); kind != "application/json" {
				t.Errorf("Content-Type %q", kind)
			}
			if resp.Header.Get("X-RateLimit-Limit") != "" || resp.Header.Get("Date") == "" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
}

func TestIntelAgreeEffects(t *testing.T) {
	w := world(t, Options{})
	askIntelAgree(t, w, "POST", "/Accounts", `{"accountKey":"k"}`)
	askIntelAgree(t, w, "POST", "/users", intelagreeNew)
	askIntelAgree(t, w, "POST", "/users", intelagreeNew)
	askIntelAgree(t, w, "POST", "/users", strings.Replace(intelagreeNew, "bill@", "bob@", 1))
	askIntelAgree(t, w, "PUT", pathGina, intelagreeNew)
	askIntelAgree(t, w, "GET", pathGina, "")
	askIntelAgree(t, w, "GET", "/users?email=bill@example.com", "")
	askIntelAgree(t, w, "DELETE", pathGina, "")
	want := Counts{Reads: 2, Writes: 5, Created: 2, AtOnce: 1, Tokens: 1}
	if diff := cmp.Diff(want, w.Counts().Vendors["intelagree"]); diff != "" {
		t.Error(diff)
	}
	if e := w.Endpoint(Root, "intelagree"); e.BaseURL != Root+"/intelagree/api" || e.TokenURL != "" {
		t.Errorf("%+v", e)
	}
}

// What a create stores.
func TestIntelAgreeCreate(t *testing.T) {
	const madeUp = "aa"
	clone := func(name, value string) string { return `"userPermissionsToClone":` + businessKey(name, value) }
	rights := []any{"Contracts.View", int64(12), map[string]any{"id": int64(3), "levels": []any{1.5, nil, true}}}
	tests := []struct {
		name, body string
		headers    []string
		want       map[string]any // beside what every new user has; no id is one that is made up
	}{
		{"the least", intelagreeNew, nil, nil},
		{"everything", fixture(t, "intelagree/create-request.json"), nil, map[string]any{
			"id": "E-77", "name": "Bill Smith", "legalName": "William Smith", "title": "Contract Manager",
			"businessKeys":        keyList("HR", "E-77", "CRM", "0055"),
			"userPermissions":     []any{"Contracts.View", int64(7), map[string]any{"permission": "Parties.Edit", "organizations": []any{int64(1), int64(2)}}},
			"hasAllOrganizations": true, "primaryLegalEntityId": int64(3),
		}},
		{"presets", alongside(`"permissionPresets":["Reviewer",-2,{}],"title":""`), nil, map[string]any{"permissionPresets": []any{"Reviewer", int64(-2), map[string]any{}}, "title": ""}},
		{"no permissions", alongside(`"userPermissions":[],"hasAllOrganizations":false`), nil, nil},
		{"a value that is another's id", alongside(`"businessKeys":[` + businessKey("CRM", "E-1") + `]`), nil, map[string]any{"businessKeys": keyList("CRM", "E-1")}},
		{"a type and a value of others", alongside(`"businessKeys":[` + businessKey("HR", "c 7/ü") + `]`), nil, map[string]any{"id": "c 7/ü", "businessKeys": keyList("HR", "c 7/ü")}},
		{"one type twice", alongside(`"businessKeys":[` + businessKey("HR", "1") + "," + businessKey("HR", "2") + `]`), nil, map[string]any{"id": "1", "businessKeys": keyList("HR", "1", "HR", "2")}},
		{"a clone", alongside(clone("HR", "E-1")), nil, map[string]any{"userPermissions": rights, "permissionPresets": []any{"Reviewer"}, "hasAllOrganizations": true}},
		{"a clone, for some organisations", alongside(clone("CRM/eu", "c 7/ü") + `,"hasAllOrganizations":false`), nil, map[string]any{"userPermissions": rights, "permissionPresets": []any{"Reviewer"}}},
		{"a clone of nothing", alongside(clone("rollcall", "hank")), nil, nil},
		{"by somebody", intelagreeNew, []string{"AsUserType: HR", "AsUserKey: E-1"}, map[string]any{"createdBy": "HR/E-1"}},
		{"by somebody who is not known", intelagreeNew, []string{"AsUserType: HR", "AsUserKey: E 9/é"}, map[string]any{"createdBy": "HR/E 9/é"}},
		{"nested", alongside(`"userPermissions":[{"a":{"b":[[1e3,1.25,123456789012345678901,null,"x",true]]}}]`), nil, map[string]any{
			"userPermissions": []any{map[string]any{"a": map[string]any{"b": []any{[]any{int64(1000), 1.25, 123456789012345678901.0, nil, "x", true}}}}},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			before := w.Users("intelagree")
			resp, text := askIntelAgree(t, w, "POST", "/users", test.body, test.headers...)
			if resp.StatusCode != 201 {
				t.Fatal(resp.StatusCode, text)
			}
			all := w.Users("intelagree")
			u := all[len(all)-1]
			want := map[string]any{
				"id": madeUp, "email": "bill@example.com", "name": "Bill", "legalName": "Bill Smith",
				"businessKeys": []any{}, "userPermissions": []any{}, "permissionPresets": []any{}, "hasAllOrganizations": false,
			}
			maps.Copy(want, test.want)
			if want["id"] == madeUp {
				want["id"] = u.ID
				if len(u.ID) != 24 || strings.Trim(u.ID, "0123456789abcdef") != "" {
					t.Errorf("id %q", u.ID)
				}
			}
			if diff := cmp.Diff(want, u.Data); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, all[:len(all)-1]); diff != "" {
				t.Error("others changed", diff)
			}
			if c := w.Counts(); c.Mails != 0 || c.Created != 1 {
				t.Errorf("%+v", c)
			}
			// The answer is what a search shows.
			_, found := askIntelAgree(t, w, "GET", "/users?email=bill@example.com", "")
			if "["+text+"]" != found {
				t.Errorf("created %s, found %s", text, found)
			}
		})
	}
}

// Whoever was made can be found by each of his keys, and only by those.
func TestIntelAgreeKeys(t *testing.T) {
	w := world(t, Options{})
	askIntelAgree(t, w, "POST", "/users", fixture(t, "intelagree/create-request.json"))
	status := func(path string) int {
		resp, _ := askIntelAgree(t, w, "GET", path, "")
		return resp.StatusCode
	}
	for path, want := range map[string]int{"/users/HR/E-77": 200, "/users/CRM/0055": 200, "/users/CRM/55": 404, "/users/HR/0055": 404, "/users/rollcall/E-77": 404} {
		if got := status(path); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	// Another key takes the place of the old ones, which are free again.
	if resp, text := askIntelAgree(t, w, "PUT", "/users/CRM/0055", alongside(`"businessKeys":[`+businessKey("ERP", "1")+`]`)); resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, text)
	}
	for path, want := range map[string]int{"/users/HR/E-77": 404, "/users/CRM/0055": 404, "/users/ERP/1": 200} {
		if got := status(path); got != want {
			t.Errorf("after the update, %s: %d", path, got)
		}
	}
	if u, ok := w.User("intelagree", "E-77"); !ok || u.Email != "bill@example.com" {
		t.Errorf("the record has another id: %v", w.Users("intelagree"))
	}
	freed := strings.Replace(alongside(`"businessKeys":[`+businessKey("CRM", "0055")+`]`), "bill@", "gina@", 1)
	if resp, text := askIntelAgree(t, w, "PUT", pathGina, freed); resp.StatusCode != 200 {
		t.Error(resp.StatusCode, text)
	}
	// Who is left without a key can be found by his address alone.
	if resp, text := askIntelAgree(t, w, "PUT", "/users/ERP/1", intelagreeNew); resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, text)
	}
	if _, text := askIntelAgree(t, w, "GET", "/users?email=bill@example.com", ""); status("/users/ERP/1") != 404 || len(intelagreeEmails(t, text)) != 1 {
		t.Error(text)
	}
}

func TestIntelAgreeUpdate(t *testing.T) {
	tests := []struct {
		name, path, id, body string
		want                 map[string]any // beside id and createdBy, which stay, and what the least body gives
	}{
		{"the least", pathGina, "E-1", intelagreeNew, nil},
		{"everything", pathGina, "E-1", fixture(t, "intelagree/update-request.json"), map[string]any{
			"name": "Gina Reyes", "legalName": "Regina Reyes", "email": "gina.reyes@example.com", "title": "Head of Purchasing",
			"businessKeys": keyList("HR", "E-1", "ERP", "9"), "permissionPresets": []any{"Approver", int64(4)}, "primaryLegalEntityId": int64(41),
		}},
		{"own email and key", pathGina, "E-1", strings.Replace(alongside(`"businessKeys":[`+businessKey("HR", "E-1")+`]`), "bill@", "gina@", 1), map[string]any{
			"email": "gina@example.com", "businessKeys": keyList("HR", "E-1"),
		}},
		{"a clone", pathHank, "hank", alongside(`"userPermissionsToClone":` + businessKey("HR", "E-1")), map[string]any{
			"userPermissions": []any{"Contracts.View", int64(12), map[string]any{"id": int64(3), "levels": []any{1.5, nil, true}}}, "permissionPresets": []any{"Reviewer"}, "hasAllOrganizations": true,
		}},
		{"a clone of himself", pathGina, "E-1", alongside(`"userPermissionsToClone":` + businessKey("HR", "E-1") + `,"hasAllOrganizations":false`), map[string]any{
			"userPermissions": []any{"Contracts.View", int64(12), map[string]any{"id": int64(3), "levels": []any{1.5, nil, true}}}, "permissionPresets": []any{"Reviewer"},
		}},
		{"all permissions away", pathGina, "E-1", alongside(`"userPermissions":[]`), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			others := w.Users("intelagree")
			before, _ := w.User("intelagree", test.id)
			resp, text := askIntelAgree(t, w, "PUT", test.path, test.body, "AsUserType: HR")
			if resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode, text)
			}
			want := map[string]any{
				"id": test.id, "email": "bill@example.com", "name": "Bill", "legalName": "Bill Smith",
				"businessKeys": []any{}, "userPermissions": []any{}, "permissionPresets": []any{}, "hasAllOrganizations": false,
			}
			if creator, ok := before.Data["createdBy"]; ok {
				want["createdBy"] = creator
			}
			maps.Copy(want, test.want)
			after, _ := w.User("intelagree", test.id)
			if diff := cmp.Diff(want, after.Data); diff != "" {
				t.Error(diff)
			}
			is := func(u User) bool { return u.ID == test.id }
			if diff := cmp.Diff(slices.DeleteFunc(others, is), slices.DeleteFunc(w.Users("intelagree"), is)); diff != "" {
				t.Error("others changed", diff)
			}
			if _, found := askIntelAgree(t, w, "GET", "/users?email="+after.Email, ""); "["+text+"]" != found {
				t.Errorf("answered %s, found %s", text, found)
			}
			if c := w.Counts(); c.Mails != 0 || c.Created != 0 || c.Writes != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// intelagreeEmails lists whom a search found.
func intelagreeEmails(t *testing.T, text string) []string {
	t.Helper()
	list := []string{}
	for _, item := range dig(t, decode(t, `{"users":`+text+`}`), "users").([]any) {
		list = append(list, dig(t, item, "email").(string))
	}
	return list
}

func TestIntelAgreeSearch(t *testing.T) {
	w := world(t, Options{})
	for _, email := range []string{"gina@example.com", "gina+x@example.com", "zoë@example.com", "o'b&c=x#1?y/z%41!$*@example.com"} {
		if _, err := w.Add("intelagree", map[string]any{"email": email}); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string][]string{
		"GINA@EXAMPLE.COM":     {"Gina@example.com", "gina@example.com"},
		"gina%2Bx@example.com": {"gina+x@example.com"},
		"gina+x@example.com":   {},
		"gina%40example.co":    {},
		"ina@example.com":      {},
		"*":                    {},
		"%20gina@example.com":  {},
		"zo%C3%AB@example.com": {"zoë@example.com"},
		"o'b%26c%3Dx%231%3Fy%2Fz%2541!$*@example.com": {"o'b&c=x#1?y/z%41!$*@example.com"},
	} {
		if _, text := askIntelAgree(t, w, "GET", "/users?email="+query, ""); !slices.Equal(intelagreeEmails(t, text), want) {
			t.Errorf("%s: %s", query, text)
		}
	}
}

// Each rule of strictness.
func TestIntelAgreeStrictness(t *testing.T) {
	const find = "/users?email=gina@example.com"
	key := businessKey("HR", "E-9")
	tests := []struct {
		name, method, path, body string
		header                   string
		options                  IntelAgreeOptions
		status                   int
		says                     string
	}{
		{name: "no subscription key", method: "GET", path: pathGina, header: "Ocp-Apim-Subscription-Key:", status: 401, says: "missing subscription key"},
		{name: "no subscription key to search", method: "GET", path: find, header: "Ocp-Apim-Subscription-Key:", status: 401, says: "missing subscription key"},
		{name: "no subscription key to create", method: "POST", path: "/users", body: intelagreeNew, header: "Ocp-Apim-Subscription-Key:", status: 401, says: "missing subscription key"},
		{name: "no subscription key for a token", method: "POST", path: "/Accounts", body: `{"accountKey":"k"}`, header: "Ocp-Apim-Subscription-Key:", status: 401, says: "missing subscription key"},
		{name: "another subscription key", method: "GET", path: pathGina, options: IntelAgreeOptions{SubscriptionKey: "the-key"}, status: 401, says: "invalid subscription key"},
		{name: "another subscription key for a token", method: "POST", path: "/Accounts", body: `{"accountKey":"k"}`, options: IntelAgreeOptions{SubscriptionKey: "the-key"}, status: 401, says: "invalid subscription key"},
		{name: "a subscription key in the query", method: "GET", path: pathGina + "?subscription-key=subscription-key", header: "Ocp-Apim-Subscription-Key:", status: 401, says: "missing subscription key"},
		{name: "no version", method: "GET", path: pathGina, header: "ApiVersion:", status: 400, says: "ApiVersion must be 2.0"},
		{name: "no version for a token", method: "POST", path: "/Accounts", body: `{"accountKey":"k"}`, header: "ApiVersion:", status: 400, says: "ApiVersion must be 2.0"},
		{name: "version 2", method: "POST", path: "/users", body: intelagreeNew, header: "ApiVersion: 2", status: 400, says: "original version is not simulated"},
		{name: "version 1.0", method: "PUT", path: pathGina, body: intelagreeNew, header: "ApiVersion: 1.0", status: 400, says: "ApiVersion must be 2.0"},
		{name: "no token", method: "GET", path: pathGina, header: "Authorization:", status: 401, says: "the token is missing"},
		{name: "no token to create", method: "POST", path: "/users", body: intelagreeNew, header: "Authorization:", status: 401, says: "the token is missing"},
		{name: "no token to update", method: "PUT", path: pathGina, body: intelagreeNew, header: "Authorization:", status: 401, says: "the token is missing"},
		{name: "no token to search", method: "GET", path: find, header: "Authorization:", status: 401, says: "the token is missing"},
		{name: "a token without its scheme", method: "GET", path: pathGina, header: "Authorization: secret-token", status: 401, says: "the token is missing"},
		{name: "another scheme", method: "GET", path: pathGina, header: "Authorization: Basic eA==", status: 401, says: "the token is missing"},
		{name: "an empty token", method: "GET", path: pathGina, header: "Authorization: Bearer", status: 401, says: "the token is missing"},
		{name: "two tokens", method: "GET", path: pathGina, header: "Authorization: Bearer a b", status: 401, says: "the token is missing"},
		{name: "no content type", method: "POST", path: "/users", body: intelagreeNew, header: "Content-Type:", status: 415, says: "Content-Type"},
		{name: "a form", method: "POST", path: "/Accounts", body: "accountKey=k", header: "Content-Type: application/x-www-form-urlencoded", status: 415, says: "Content-Type"},
		{name: "no content type to update", method: "PUT", path: pathGina, body: intelagreeNew, header: "Content-Type:", status: 415, says: "Content-Type"},
		{name: "too large", method: "POST", path: "/users", body: strings.Repeat(" ", maxBody+1), status: 413, says: "too large"},

		{name: "no address", method: "GET", path: "/users", status: 400, says: "email must be given"},
		{name: "empty address", method: "GET", path: "/users?email=", status: 400, says: "email must be given"},
		{name: "two addresses", method: "GET", path: find + "&email=hank@example.com", status: 400, says: "email must be given"},
		{name: "a page", method: "GET", path: find + "&page=1", status: 400, says: "nothing else"},
		{name: "a name", method: "GET", path: "/users?name=Gina", status: 400, says: "email must be given"},
		{name: "bad query", method: "GET", path: find + "&%zz", status: 400, says: "email must be given"},
		{name: "parameter of get", method: "GET", path: pathGina + "?x=1", status: 400, says: "no parameters"},
		{name: "parameter of create", method: "POST", path: "/users?x=1", body: intelagreeNew, status: 400, says: "no parameters"},
		{name: "parameter of a token", method: "POST", path: "/Accounts?x=1", body: `{"accountKey":"k"}`, status: 400, says: "no parameters"},

		{name: "no account key", method: "POST", path: "/Accounts", body: `{}`, status: 400, says: "accountKey must be given"},
		{name: "empty account key", method: "POST", path: "/Accounts", body: `{"accountKey":" "}`, status: 400, says: "accountKey must not be empty"},
		{name: "null account key", method: "POST", path: "/Accounts", body: `{"accountKey":null}`, status: 400, says: "accountKey must not be null"},
		{name: "number for an account key", method: "POST", path: "/Accounts", body: `{"accountKey":1}`, status: 400, says: "accountKey must be a string"},
		{name: "more than an account key", method: "POST", path: "/Accounts", body: `{"accountKey":"k","scope":"x"}`, status: 400, says: "scope is not a known member"},
		{name: "text for an account", method: "POST", path: "/Accounts", body: `"k"`, status: 400, says: "must be an object"},
		{name: "no JSON for an account", method: "POST", path: "/Accounts", body: `k`, status: 400, says: "the body is no JSON"},
		{name: "another account key", method: "POST", path: "/Accounts", body: `{"accountKey":"k"}`, options: IntelAgreeOptions{AccountKey: "the-key"}, status: 401, says: "the account key is unknown"},

		{name: "no JSON", method: "POST", path: "/users", body: "{", status: 400, says: "the body is no JSON"},
		{name: "no body", method: "POST", path: "/users", status: 400, says: "the body is no JSON"},
		{name: "two values", method: "POST", path: "/users", body: intelagreeNew + "{}", status: 400, says: "something after the body's end"},
		{name: "a list", method: "POST", path: "/users", body: "[" + intelagreeNew + "]", status: 400, says: "must be an object"},
		{name: "no name", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `"name":"Bill",`, "", 1), status: 400, says: "name must be given"},
		{name: "no legal name", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `"legalName":"Bill Smith",`, "", 1), status: 400, says: "legalName must be given"},
		{name: "no email", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `,"email":"bill@example.com"`, "", 1), status: 400, says: "email must be given"},
		{name: "empty name", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `"Bill"`, `""`, 1), status: 400, says: "name must not be empty"},
		{name: "blank legal name", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `"Bill Smith"`, `"\t "`, 1), status: 400, says: "legalName must not be empty"},
		{name: "empty email", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `bill@example.com`, ``, 1), status: 400, says: "email must not be empty"},
		{name: "no email address", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `bill@example.com`, `bill`, 1), status: 400, says: "email must be an email address"},
		{name: "number for a name", method: "POST", path: "/users", body: strings.Replace(intelagreeNew, `"Bill"`, `1`, 1), status: 400, says: "name must be a string"},
		{name: "unknown field", method: "POST", path: "/users", body: alongside(`"isActive":true`), status: 400, says: "isActive is not a known member"},
		{name: "fields of the original version", method: "POST", path: "/users", body: alongside(`"organizations":[1],"roles":[2]`), status: 400, says: "organizations is not a known member; roles is not"},
		{name: "another case", method: "POST", path: "/users", body: alongside(`"Title":"x"`), status: 400, says: "Title is not a known member"},
		{name: "an id", method: "POST", path: "/users", body: alongside(`"id":"1"`), status: 400, says: "id is not a known member"},
		{name: "number for a title", method: "POST", path: "/users", body: alongside(`"title":1`), status: 400, says: "title must be a string"},
		{name: "null title", method: "POST", path: "/users", body: alongside(`"title":null`), status: 400, says: "title must not be null"},
		{name: "text for a flag", method: "POST", path: "/users", body: alongside(`"hasAllOrganizations":"true"`), status: 400, says: "hasAllOrganizations must be a boolean"},
		{name: "null flag", method: "POST", path: "/users", body: alongside(`"hasAllOrganizations":null`), status: 400, says: "hasAllOrganizations must be a boolean"},
		{name: "text for a number", method: "POST", path: "/users", body: alongside(`"primaryLegalEntityId":"3"`), status: 400, says: "primaryLegalEntityId must be an integer"},
		{name: "no integer", method: "POST", path: "/users", body: alongside(`"primaryLegalEntityId":3.5`), status: 400, says: "primaryLegalEntityId must be an integer"},
		{name: "text for permissions", method: "POST", path: "/users", body: alongside(`"userPermissions":"x"`), status: 400, says: "userPermissions must be an array"},
		{name: "null permissions", method: "POST", path: "/users", body: alongside(`"userPermissions":null`), status: 400, says: "userPermissions must be an array"},
		{name: "a flag as a permission", method: "POST", path: "/users", body: alongside(`"userPermissions":["x",true]`), status: 400, says: "userPermissions/1 must be a string, an integer or an object"},
		{name: "a fraction as a permission", method: "POST", path: "/users", body: alongside(`"userPermissions":[1.5]`), status: 400, says: "userPermissions/0 must be"},
		{name: "null as a preset", method: "POST", path: "/users", body: alongside(`"permissionPresets":[null]`), status: 400, says: "permissionPresets/0 must be"},
		{name: "a list as a preset", method: "POST", path: "/users", body: alongside(`"permissionPresets":[[]]`), status: 400, says: "permissionPresets/0 must be"},
		{name: "a number beyond all", method: "POST", path: "/users", body: alongside(`"permissionPresets":[{"a":1e999}]`), status: 400, says: "permissionPresets/0 must be"},
		{name: "nested too deep", method: "POST", path: "/users", body: alongside(`"permissionPresets":[{"a":[[[[[[[[1]]]]]]]]}]`), status: 400, says: "permissionPresets/0 must be"},
		{name: "one business key", method: "POST", path: "/users", body: alongside(`"businessKeys":` + key), status: 400, says: "businessKeys must be an array"},
		{name: "no business key", method: "POST", path: "/users", body: alongside(`"businessKeys":[]`), status: 400, says: "businessKeys must have one or more"},
		{name: "update to no business key", method: "PUT", path: pathGina, body: alongside(`"businessKeys":[]`), status: 400, says: "businessKeys must have one or more"},
		{name: "text as a business key", method: "POST", path: "/users", body: alongside(`"businessKeys":["E-9"]`), status: 400, says: "businessKeys/0 must be an object"},
		{name: "another entity", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + strings.Replace(key, `"User"`, `"Party"`, 1) + `]`), status: 400, says: "businessKeys/0/entity must be User"},
		{name: "no entity", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + strings.Replace(key, `"entity":"User",`, ``, 1) + `]`), status: 400, says: "businessKeys/0/entity must be given"},
		{name: "no type", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + strings.Replace(key, `"name":"HR",`, ``, 1) + `]`), status: 400, says: "businessKeys/0/name must be given"},
		{name: "empty type", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + businessKey("", "x") + `]`), status: 400, says: "businessKeys/0/name must not be empty"},
		{name: "blank value", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + key + `,` + businessKey("HR", " ") + `]`), status: 400, says: "businessKeys/1/value must not be empty"},
		{name: "number for a value", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + strings.Replace(key, `"E-9"`, `9`, 1) + `]`), status: 400, says: "businessKeys/0/value must be a string"},
		{name: "more in a business key", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + strings.Replace(key, `{`, `{"type":"HR",`, 1) + `]`), status: 400, says: "businessKeys/0/type is not a known member"},
		{name: "a business key twice", method: "POST", path: "/users", body: alongside(`"businessKeys":[` + key + `,` + key + `]`), status: 400, says: "businessKeys must not have one twice"},
		{name: "permissions and presets", method: "POST", path: "/users", body: alongside(`"userPermissions":["x"],"permissionPresets":[]`), status: 400, says: "permissionPresets must not stand beside userPermissions"},
		{name: "permissions and a clone", method: "POST", path: "/users", body: alongside(`"userPermissions":[],"userPermissionsToClone":` + businessKey("HR", "E-1")), status: 400, says: "userPermissionsToClone must not stand beside userPermissions"},
		{name: "presets and a clone", method: "POST", path: "/users", body: alongside(`"permissionPresets":["x"],"userPermissionsToClone":` + businessKey("HR", "E-1")), status: 400, says: "userPermissionsToClone must not stand beside permissionPresets"},
		{name: "a clone of nobody", method: "POST", path: "/users", body: alongside(`"userPermissionsToClone":` + key), status: 400, says: "userPermissionsToClone is nobody's business key"},
		{name: "a clone of a list", method: "POST", path: "/users", body: alongside(`"userPermissionsToClone":[` + businessKey("HR", "E-1") + `]`), status: 400, says: "userPermissionsToClone must be an object"},
		{name: "a clone by value", method: "POST", path: "/users", body: alongside(`"userPermissionsToClone":"E-1"`), status: 400, says: "userPermissionsToClone must be an object"},

		{name: "a creator's type alone", method: "POST", path: "/users", body: intelagreeNew, header: "AsUserType: HR", status: 400, says: "AsUserType and AsUserKey must be given both"},
		{name: "a creator's key alone", method: "POST", path: "/users", body: intelagreeNew, header: "AsUserKey: E-1", status: 400, says: "AsUserType and AsUserKey must be given both"},

		{name: "update without a legal name", method: "PUT", path: pathGina, body: strings.Replace(intelagreeNew, `"legalName":"Bill Smith",`, "", 1), status: 400, says: "legalName must be given"},
		{name: "update of one field", method: "PUT", path: pathGina, body: `{"title":"x"}`, status: 400, says: "name must be given; legalName must be given; email must be given"},
		{name: "update with an unknown field", method: "PUT", path: pathGina, body: alongside(`"createdBy":"x"`), status: 400, says: "createdBy is not a known member"},
		{name: "update to permissions and presets", method: "PUT", path: pathGina, body: alongside(`"permissionPresets":[],"userPermissions":[]`), status: 400, says: "must not stand beside"},
		{name: "update to a clone of nobody", method: "PUT", path: pathGina, body: alongside(`"userPermissionsToClone":` + key), status: 400, says: "nobody's business key"},
		{name: "update to a null number", method: "PUT", path: pathGina, body: alongside(`"primaryLegalEntityId":null`), status: 400, says: "must be an integer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.header != "" {
				headers = strings.Split(test.header, "\n")
			}
			w := world(t, Options{IntelAgree: test.options})
			before := w.Users("intelagree")
			resp, text := askIntelAgree(t, w, test.method, test.path, test.body, headers...)
			if resp.StatusCode != test.status || resp.Header.Get("Content-Type") != "application/json" {
				t.Fatalf("%d, want %d: %s", resp.StatusCode, test.status, text)
			}
			body := decode(t, text)
			if said, _ := body["message"].(string); !strings.Contains(said, test.says) {
				t.Errorf("%s, want %q", text, test.says)
			}
			// Only what the gateway says has its status in it.
			members := 1
			if strings.Contains(test.says, "subscription key") {
				members = 2
				if body["statusCode"] != float64(test.status) {
					t.Errorf("statusCode of %s", text)
				}
			}
			if len(body) != members {
				t.Error(text)
			}
			if diff := cmp.Diff(before, w.Users("intelagree")); diff != "" || w.Counts().Created != 0 {
				t.Errorf("a refused request had an effect: %s", diff)
			}
		})
	}
}

// A message that tells of thirty mistakes tells of the first twenty.
func TestIntelAgreeManyMistakes(t *testing.T) {
	members := make([]string, 30)
	for i := range members {
		members[i] = fmt.Sprintf(`"x%02d":1`, i)
	}
	w := world(t, Options{})
	_, text := askIntelAgree(t, w, "POST", "/users", alongside(strings.Join(members, ",")))
	if said := decode(t, text)["message"].(string); strings.Count(said, ";") != 19 || !strings.HasSuffix(said, "x19 is not a known member") {
		t.Error(said)
	}
}

// A header that stands there twice is none.
func TestIntelAgreeHeaders(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		status int
	}{
		{"Ocp-Apim-Subscription-Key", []string{"the-key"}, 201},
		{"Ocp-Apim-Subscription-Key", []string{"the-key", "the-key"}, 401},
		{"Ocp-Apim-Subscription-Key", []string{""}, 401},
		{"Ocp-Apim-Subscription-Key", []string{"the-keys"}, 401},
		{"ApiVersion", []string{"2.0", "2.0"}, 400},
		{"Authorization", []string{"Bearer a", "Bearer a"}, 401},
		{"AsUserType", []string{"HR", "HR"}, 400},
		{"AsUserType", []string{"HR"}, 201},
		{"AsUserType", []string{""}, 400},
		{"AsUserType", []string{" "}, 400},
		{"AsUserKey", []string{"a\tb"}, 400},
		{"AsUserKey", []string{"a\xff"}, 400},
	} {
		w := world(t, Options{IntelAgree: IntelAgreeOptions{SubscriptionKey: "the-key"}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.BaseURL("intelagree")+"/users", strings.NewReader(intelagreeNew))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{
			"Ocp-Apim-Subscription-Key": {"the-key"}, "Apiversion": {"2.0"}, "Authorization": {"Bearer a"},
			"Content-Type": {"application/json; charset=utf-8"}, "Asusertype": {"HR"}, "Asuserkey": {"E-1"},
		}
		r.Header[http.CanonicalHeaderKey(test.name)] = test.values
		if resp, text, err := send(w, r, nil); err != nil || resp.StatusCode != test.status {
			t.Errorf("%s %q: %v %s", test.name, test.values, err, text)
		}
	}
}

func TestIntelAgreeTokens(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.FixedZone("", 3600))
	w := world(t, Options{
		Clock: func() time.Time { return now }, Tokens: Issued, TokenLifetime: 90 * time.Minute,
		IntelAgree: IntelAgreeOptions{AccountKey: "account-key"},
	})
	issue := func() string {
		_, text := askIntelAgree(t, w, "POST", "/Accounts", `{"accountKey":"account-key"}`)
		body := decode(t, text)
		if expires := body["expires"]; expires != "2026-11-21T12:30:00.0000000Z" || len(body) != 2 {
			t.Errorf("%s", text)
		}
		return body["token"].(string)
	}
	first, second := issue(), issue()
	if first == second {
		t.Error("two tokens are one")
	}
	try := func(token, method, path string) int {
		resp, _ := askIntelAgree(t, w, method, path, intelagreeNew, "Authorization: Bearer "+token)
		return resp.StatusCode
	}
	if got := try(first, "GET", pathGina); got != 200 {
		t.Errorf("issued: %d", got)
	}
	if got := try("made-up", "GET", pathGina); got != 401 {
		t.Errorf("unknown: %d", got)
	}
	now = now.Add(90*time.Minute - time.Nanosecond)
	if got := try(second, "POST", "/users"); got != 201 {
		t.Errorf("in its last moment: %d", got)
	}
	now = now.Add(time.Nanosecond)
	for method, path := range map[string]string{"GET": "/users?email=gina@example.com", "PUT": pathGina, "POST": "/users"} {
		if got := try(second, method, path); got != 401 {
			t.Errorf("expired, %s: %d", method, got)
		}
	}
	now = now.Add(-90 * time.Minute)
	third := issue()
	if got := try(third, "GET", pathGina); got != 200 {
		t.Errorf("issued anew: %d", got)
	}
	w.RevokeTokens()
	if got := try(third, "GET", pathGina); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	if c := w.Counts(); c.Tokens != 3 || c.Reads != 5 || c.Writes != 3 {
		t.Errorf("%+v", c)
	}
}

// What seeds and tests can leave out, and the rules that they may break.
func TestIntelAgreeRecords(t *testing.T) {
	w := New(Options{Clock: fixedClock})
	add := func(data map[string]any) string {
		id, err := w.Add("intelagree", data)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for _, test := range []struct {
		data map[string]any
		id   string // "" is one that is made up
		keys []any  // nil is the one of the id
	}{
		{data: map[string]any{"email": "a@example.com"}},
		{data: map[string]any{"email": "a@example.com"}},
		{data: map[string]any{"email": "A@example.com", "id": "E 1/x"}, id: "E 1/x"},
		{data: map[string]any{"email": "b@example.com", "businessKeys": []any{}}, keys: []any{}},
		{data: map[string]any{"email": "c@example.com", "businessKeys": keyList("HR", "9", "CRM", "8")}, id: "9", keys: keyList("HR", "9", "CRM", "8")},
		{data: map[string]any{"email": "c@example.com", "businessKeys": keyList("HR", "9")}, keys: keyList("HR", "9")},
		{data: map[string]any{"email": "d@example.com", "id": "7", "businessKeys": keyList("HR", "8")}, id: "7", keys: keyList("HR", "8")},
	} {
		id := add(test.data)
		u, ok := w.User("intelagree", id)
		if !ok || test.id != "" && id != test.id || test.id == "" && len(id) != 24 {
			t.Errorf("%v has the id %q", test.data, id)
		}
		keys := test.keys
		if keys == nil {
			keys = keyList("rollcall", id)
			if resp, text := askIntelAgree(t, w, "GET", "/users/rollcall/"+strings.ReplaceAll(strings.ReplaceAll(id, " ", "%20"), "/", "%2F"), ""); resp.StatusCode != 200 || decode(t, text)["email"] != test.data["email"] {
				t.Errorf("%v: %s", test.data, text)
			}
		}
		if diff := cmp.Diff(keys, u.Data["businessKeys"]); diff != "" {
			t.Errorf("%v: %s", test.data, diff)
		}
	}
	// Of those who have one key the oldest has it; each can be found by the address.
	if err := w.Edit("intelagree", "9", func(data map[string]any) { data["title"] = "the first" }); err != nil {
		t.Fatal(err)
	}
	if _, text := askIntelAgree(t, w, "GET", "/users/HR/9", ""); decode(t, text)["title"] != "the first" {
		t.Error(text)
	}
	if _, text := askIntelAgree(t, w, "GET", "/users?email=a@example.com", ""); len(intelagreeEmails(t, text)) != 3 {
		t.Error(text)
	}
	// Whoever shares a key may keep it.
	if resp, text := askIntelAgree(t, w, "PUT", "/users/HR/9", alongside(`"businessKeys":[`+businessKey("HR", "9")+`]`)); resp.StatusCode != 200 {
		t.Error(text)
	}
	w.Remove("intelagree", "9")
	if _, text := askIntelAgree(t, w, "GET", "/users/HR/9", ""); decode(t, text)["email"] != "c@example.com" {
		t.Error(text)
	}
	if resp, _ := askIntelAgree(t, w, "GET", "/users/CRM/8", ""); resp.StatusCode != 404 {
		t.Error("the key of somebody who is gone is still his")
	}
}

// What a create and an update did is there after a restart.
func TestIntelAgreeSaved(t *testing.T) {
	dir := t.TempDir()
	for _, write := range [][3]string{
		{"POST", "/users", fixture(t, "intelagree/create-request.json")},
		{"PUT", "/users/HR/E-77", fixture(t, "intelagree/update-request.json")},
		{"PUT", "/users/ERP/9", intelagreeNew},
	} {
		w, err := Open(dir, nil, Options{Clock: fixedClock})
		if err != nil {
			t.Fatal(err)
		}
		if resp, text := askIntelAgree(t, w, write[0], write[1], write[2]); resp.StatusCode >= 300 {
			t.Errorf("%s %s: %s", write[0], write[1], text)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(dir, nil, Options{Clock: fixedClock})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w.Users("intelagree"), again.Users("intelagree")); diff != "" || len(again.Users("intelagree")) != 1 {
			t.Errorf("%s %s: %s", write[0], write[1], diff)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
