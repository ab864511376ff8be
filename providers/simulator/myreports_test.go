package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	atHome   = "/api/v1.0/accounts/" + home + "/users"
	atBranch = "/api/v1.0/accounts/" + branch + "/users"
	// elsewhere is the account of whoever a seed puts in none.
	elsewhere = "/api/v1.0/accounts/00000000-0000-0000-0000-000000000000/users"

	stranger     = "/ffffffff-0000-4000-8000-000000000000"
	activate     = "/sendActivationEmail"
	myreportsNew = `{"email":"new.user@example.com","displayName":"New User"}`
)

// withRoles adds roles to a create's body.
func withRoles(roles string) string {
	return strings.TrimSuffix(myreportsNew, "}") + `,"roles":` + roles + "}"
}

// patch is a patch of one operation; without a value it has none.
func patch(op, path, value string) string {
	if value != "" {
		value = `,"value":` + value
	}
	return fmt.Sprintf(`[{"op":%q,"path":%q%s}]`, op, path, value)
}

// Each route as the vendor documents it, answers as fixtures.
func TestMyReportsRoutes(t *testing.T) {
	tests := []struct {
		name, method, path, body string
		status                   int
		golden                   string
	}{
		{"list", "GET", atHome, "", 200, "list.json"},
		{"list of the branch", "GET", atBranch + "?pageIndex=0&pageSize=1000", "", 200, ""},
		{"list of nobody", "GET", "/api/v1.0/accounts/FFFFFFFF-0000-4000-8000-00000000000F/users", "", 200, "list-none.json"},
		{"list page", "GET", atBranch + "?pageIndex=1&pageSize=2", "", 200, "list-page.json"},
		{"get", "GET", atHome + "/" + gina, "", 200, "get.json"},
		{"get at another account", "GET", atBranch + "/" + gina, "", 200, "get.json"},
		{"get one without roles", "GET", atBranch + "/" + iris, "", 200, "get-no-roles.json"},
		{"get nobody", "GET", atHome + stranger, "", 404, "not-found.json"},
		{"get one of another account", "GET", atHome + "/" + iris, "", 404, "not-found.json"},
		{"create", "POST", atHome, fixture(t, "myreports/create-request.json"), 201, "create-response.json"},
		{"create the least", "POST", atHome, myreportsNew, 201, "create-response.json"},
		{"duplicate", "POST", atHome, strings.Replace(myreportsNew, "new.user@", "GINA@", 1), 400, "duplicate.json"},
		{"duplicate of a guest", "POST", atHome, strings.Replace(myreportsNew, "new.user@", "hugo@", 1), 400, "duplicate.json"},
		{"create one of another account", "POST", atHome, strings.Replace(myreportsNew, "new.user@", "IRIS@", 1), 201, "create-joined.json"},
		{"update", "PATCH", atHome + "/" + gina, fixture(t, "myreports/update-request.json"), 200, "success.json"},
		{"update nothing", "PATCH", atHome + "/" + gina, "[]", 200, "success.json"},
		{"update nobody", "PATCH", atHome + stranger, "[]", 404, "not-found.json"},
		{"update one of another account", "PATCH", atHome + "/" + iris, "[]", 404, "not-found.json"},
		{"update the email", "PATCH", atHome + "/" + gina, patch("replace", "/email", `"g@example.com"`), 400, "no-target.json"},
		{"delete", "DELETE", atHome + "/" + gina, "", 200, "success.json"},
		{"delete a guest", "DELETE", atHome + "/" + hugo, "", 200, "success.json"},
		{"delete nobody", "DELETE", atHome + stranger, "", 404, "not-found.json"},
		{"delete one of another account", "DELETE", atHome + "/" + iris, "", 404, "not-found.json"},
		{"activation", "POST", atHome + "/" + gina + activate, "", 204, ""},
		{"activation of a guest", "POST", atHome + "/" + hugo + activate, "", 400, "tenant-not-primary.json"},
		{"activation of nobody", "POST", atHome + stranger + activate, "", 404, "not-found.json"},
		{"bad tenant id", "GET", "/api/v1.0/accounts/ABC/users", "", 400, "bad-tenant.json"},
		{"bad user id", "GET", atHome + "/42", "", 400, "bad-user.json"},
		{"put", "PUT", atHome + "/" + gina, "{}", 405, "not-allowed.json"},
		{"post to a user", "POST", atHome + "/" + gina, "{}", 405, ""},
		{"delete all", "DELETE", atHome, "", 405, ""},
		{"get an activation", "GET", atHome + "/" + gina + activate, "", 405, ""},
		{"options", "OPTIONS", atHome, "", 405, ""},
		{"without /api", "GET", strings.TrimPrefix(atHome, "/api"), "", 404, "not-found.json"},
		{"accounts", "GET", "/api/v1.0/accounts", "", 404, ""},
		{"an account", "GET", strings.TrimSuffix(atHome, "/users"), "", 404, ""},
		{"customers", "GET", strings.TrimSuffix(atHome, "users") + "customers", "", 404, ""},
		{"trailing slash", "GET", atHome + "/", "", 404, ""},
		{"no account", "GET", "/api/v1.0/accounts//users", "", 404, ""},
		{"below a user", "GET", atHome + "/" + gina + "/roles", "", 404, ""},
		{"below an activation", "POST", atHome + "/" + gina + activate + "/x", "", 404, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			resp, text := askMyReports(t, w, test.method, test.path, test.body)
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, test.status, text)
			}
			if test.golden != "" {
				golden(t, "myreports/"+test.golden, text)
			}
			kind := "application/json; charset=utf-8"
			if test.status == 204 {
				kind = ""
			}
			if got := resp.Header.Get("Content-Type"); got != kind || (kind == "") != (text == "") {
				t.Errorf("Content-Type %q of %q", got, text)
			}
			if resp.Header.Get("X-RateLimit-Limit") != "" || resp.Header.Get("Date") == "" {
				t.Errorf("headers %v", resp.Header)
			}
			location := ""
			if test.status == 201 {
				location = w.BaseURL("myreports") + atHome + "/" + dig(t, decode(t, text), "data", "id").(string)
			}
			if got := resp.Header.Get("Location"); got != location {
				t.Errorf("Location %q, want %q", got, location)
			}
		})
	}
}

func TestMyReportsEffects(t *testing.T) {
	w := world(t, Options{})
	create := func() string {
		_, text := askMyReports(t, w, "POST", atHome, myreportsNew)
		return dig(t, decode(t, text), "data", "id").(string)
	}
	id := create()
	if !myreportsID.MatchString(id) {
		t.Errorf("id %q", id)
	}
	askMyReports(t, w, "DELETE", atHome+"/"+id, "")
	if resp, _ := askMyReports(t, w, "DELETE", atHome+"/"+id, ""); resp.StatusCode != 404 {
		t.Errorf("second delete: %d", resp.StatusCode)
	}
	if again := create(); again == id {
		t.Errorf("the id %s was used again", id)
	}
	askMyReports(t, w, "POST", atHome+"/"+gina+activate, "")
	askMyReports(t, w, "POST", atHome+"/"+gina+activate, "")
	askMyReports(t, w, "PATCH", atHome+"/"+gina, "[]")
	askMyReports(t, w, "GET", atHome, "")
	askMyReports(t, w, "GET", atHome+"/"+gina, "")
	c := w.Counts().Vendors["myreports"]
	if diff := cmp.Diff(Counts{Reads: 2, Writes: 7, Mails: 4, Created: 2, AtOnce: 1}, c); diff != "" {
		t.Error(diff)
	}
}

// What a create stores. The mail goes out at once.
func TestMyReportsCreate(t *testing.T) {
	tests := []struct {
		roles string // "" leaves them out
		want  []any
	}{
		{"", []any{"account.user"}},
		{`[]`, []any{"account.user"}},
		{`["account.user"]`, []any{"account.user"}},
		{`["user.admin"]`, []any{"account.user", "user.admin"}},
		{`["user.admin","account.user","user.admin"]`, []any{"user.admin", "account.user"}},
	}
	for _, role := range myreportsRoles[1:] {
		tests = append(tests, struct {
			roles string
			want  []any
		}{`["` + role + `"]`, []any{"account.user", role}})
	}
	for _, test := range tests {
		body := myreportsNew
		if test.roles != "" {
			body = withRoles(test.roles)
		}
		w := world(t, Options{})
		resp, text := askMyReports(t, w, "POST", atHome, body)
		if resp.StatusCode != 201 {
			t.Fatal(test.roles, resp.StatusCode, text)
		}
		id := dig(t, decode(t, text), "data", "id").(string)
		u, _ := w.User("myreports", id)
		if diff := cmp.Diff(map[string]any{
			"id": id, "email": "new.user@example.com", "displayName": "New User",
			"roles": test.want, "primaryTenant": home, "accounts": []any{home},
		}, u.Data); diff != "" {
			t.Errorf("%s: %s", test.roles, diff)
		}
		if diff := cmp.Diff(test.want, dig(t, decode(t, text), "data", "roles")); diff != "" {
			t.Errorf("%s, as answered: %s", test.roles, diff)
		}
		if c := w.Counts(); c.Mails != 1 || c.Created != 1 || len(w.Users("myreports")) != 5 {
			t.Errorf("%+v", c)
		}
	}
	// What is just short enough.
	w := world(t, Options{})
	long := `{"email":"` + strings.Repeat("e", 188) + `@example.com","displayName":"` + strings.Repeat("é", 100) + `"}`
	if resp, text := askMyReports(t, w, "POST", atHome, long); resp.StatusCode != 201 {
		t.Error(resp.StatusCode, text)
	}
}

// Whoever is in other accounts only joins this one, and stays who he is.
func TestMyReportsJoin(t *testing.T) {
	w := world(t, Options{})
	body := `{"email":"IRIS@example.com","displayName":"Somebody Else","roles":["customer.admin"]}`
	resp, text := askMyReports(t, w, "POST", atHome, body)
	if resp.StatusCode != 201 {
		t.Fatal(resp.StatusCode, text)
	}
	u, _ := w.User("myreports", iris)
	if diff := cmp.Diff(map[string]any{
		"id": iris, "email": "iris@example.com", "displayName": "Iris Neri", "roles": []any{"account.user", "customer.admin"},
		"primaryTenant": branch, "accounts": []any{branch, home},
	}, u.Data); diff != "" {
		t.Error(diff)
	}
	if c := w.Counts(); c.Created != 0 || c.Mails != 0 || c.Writes != 1 || len(w.Users("myreports")) != 4 {
		t.Errorf("%+v", c)
	}
	if resp, _ := askMyReports(t, w, "POST", atHome, body); resp.StatusCode != 400 {
		t.Errorf("a second time: %d", resp.StatusCode)
	}
	// Where an address is there twice, each of them is in the way, not the first alone.
	if _, err := w.Add("myreports", map[string]any{"email": "Iris@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{atBranch, elsewhere} {
		if resp, _ := askMyReports(t, w, "POST", path, body); resp.StatusCode != 400 {
			t.Errorf("twice there: %d", resp.StatusCode)
		}
	}
}

func TestMyReportsDelete(t *testing.T) {
	left := func(w *World, id string) any {
		u, ok := w.User("myreports", id)
		if !ok {
			return nil
		}
		return u.Data["accounts"]
	}
	for _, test := range []struct {
		name, path, id string
		want           any
	}{
		{"at the primary tenant", atHome, gina, nil},
		{"at another account", atBranch, gina, []any{home}},
		{"a guest", atHome, hugo, []any{branch}},
		{"a guest at home", atBranch, hugo, nil},
		{"in no account", elsewhere, ivan, nil},
	} {
		w := world(t, Options{})
		before := w.Users("myreports")
		if resp, text := askMyReports(t, w, "DELETE", test.path+"/"+test.id, ""); resp.StatusCode != 200 {
			t.Fatal(test.name, resp.StatusCode, text)
		}
		if diff := cmp.Diff(test.want, left(w, test.id)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if resp, _ := askMyReports(t, w, "GET", test.path+"/"+test.id, ""); resp.StatusCode != 404 {
			t.Errorf("%s: is still there: %d", test.name, resp.StatusCode)
		}
		is := func(u User) bool { return u.ID == test.id }
		if diff := cmp.Diff(slices.DeleteFunc(before, is), slices.DeleteFunc(w.Users("myreports"), is)); diff != "" {
			t.Errorf("%s: others changed: %s", test.name, diff)
		}
	}
}

func TestMyReportsUpdate(t *testing.T) {
	tests := []struct {
		name, body  string
		displayName string
		roles       []any // nil: as they were
	}{
		{name: "nothing", body: `[]`},
		{name: "name", body: patch("replace", "/displayName", `"G"`), displayName: "G"},
		{name: "all roles", body: patch("replace", "/roles", `["account.user","branding.admin"]`), roles: []any{"account.user", "branding.admin"}},
		{name: "what is not listed is gone, the login too", body: patch("replace", "/roles", `["webhooks.admin"]`), roles: []any{"webhooks.admin"}},
		{name: "no roles", body: patch("replace", "/roles", `[]`), roles: []any{}},
		{name: "a role twice", body: patch("replace", "/roles", `["user.admin","user.admin"]`), roles: []any{"user.admin"}},
		{name: "a role more", body: patch("add", "/roles/-", `"onboarding.admin"`), roles: []any{"account.user", "user.admin", "onboarding.admin"}},
		{name: "a role that is there", body: patch("add", "/roles/-", `"account.user"`)},
		{name: "a role less", body: patch("remove", "/roles/1", ""), roles: []any{"account.user"}},
		{name: "the first role", body: patch("remove", "/roles/0", ""), roles: []any{"user.admin"}},
		{
			name: "one after the other", displayName: "Gina Diaz", body: fixture(t, "myreports/update-request.json"),
			roles: []any{"account.user", "branding.admin", "webhooks.admin"},
		},
		{name: "places shift", body: `[{"op":"remove","path":"/roles/0"},{"op":"remove","path":"/roles/0"}]`, roles: []any{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			want := w.Users("myreports")
			if test.displayName != "" {
				want[0].Data["displayName"] = test.displayName
			}
			if test.roles != nil {
				want[0].Data["roles"] = test.roles
			}
			if resp, text := askMyReports(t, w, "PATCH", atHome+"/"+gina, test.body); resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode, text)
			}
			if diff := cmp.Diff(want, w.Users("myreports")); diff != "" {
				t.Error(diff)
			}
			if c := w.Counts(); c.Mails != 0 || c.Writes != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// myreportsEmails lists whom a list has.
func myreportsEmails(t *testing.T, text string) []string {
	t.Helper()
	list := []string{}
	for _, item := range dig(t, decode(t, text), "data").([]any) {
		list = append(list, dig(t, item, "email").(string))
	}
	return list
}

func fillMyReports(t *testing.T, w *World, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.Add("myreports", map[string]any{"email": fmt.Sprintf("u%04d@example.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// myreportsPages asks page after page, up to most, until one is not full.
func myreportsPages(t *testing.T, w *World, size, most int) (found []string, asked int) {
	t.Helper()
	for page := range most {
		_, text := askMyReports(t, w, "GET", fmt.Sprintf("%s?pageIndex=%d&pageSize=%d", elsewhere, page, size), "")
		body, users := decode(t, text), myreportsEmails(t, text)
		if body["page_index"] != float64(page) || body["page_size"] != float64(len(users)) {
			t.Errorf("page %d of %d: page_index %v, page_size %v", page, len(users), body["page_index"], body["page_size"])
		}
		found, asked = append(found, users...), page+1
		if len(users) < size {
			break
		}
	}
	return found, asked
}

func TestMyReportsPages(t *testing.T) {
	w := world(t, Options{})
	if !w.Remove("myreports", ivan) {
		t.Fatal("no ivan")
	}
	fillMyReports(t, w, 65)
	for size, want := range map[int]int{1000: 1, 66: 1, 65: 2, 64: 2, 30: 3, 13: 6, 1: 66} {
		found, asked := myreportsPages(t, w, size, 99)
		if len(found) != 65 || asked != want || !slices.IsSorted(found) || len(slices.Compact(found)) != 65 {
			t.Errorf("pages of %d: %d users on %d pages", size, len(found), asked)
		}
	}
	for _, page := range []string{"3", "9223372036854775807"} {
		if _, text := askMyReports(t, w, "GET", elsewhere+"?pageSize=30&pageIndex="+page, ""); len(myreportsEmails(t, text)) != 0 {
			t.Errorf("page %s: %s", page, text)
		}
	}
	// The longest page is the default.
	fillMyReports(t, w, 936)
	for query, want := range map[string]int{"": 1000, "?pageIndex=1": 1, "?pageSize=1000": 1000} {
		if _, text := askMyReports(t, w, "GET", elsewhere+query, ""); len(myreportsEmails(t, text)) != want {
			t.Errorf("%q: %d users", query, len(myreportsEmails(t, text)))
		}
	}

	w = world(t, Options{MyReports: MyReportsOptions{IgnorePaging: true}})
	for _, query := range []string{"", "?pageIndex=0&pageSize=1", "?pageIndex=1&pageSize=1", "?pageIndex=-1&pageSize=x"} {
		_, text := askMyReports(t, w, "GET", atBranch+query, "")
		if _, has := decode(t, text)["page_index"]; has || len(myreportsEmails(t, text)) != 3 || decode(t, text)["page_size"] != 3.0 {
			t.Errorf("ignored, %q: %s", query, text)
		}
	}
	if resp, text := askMyReports(t, w, "GET", atBranch+"?filter=gina", ""); resp.StatusCode != 400 {
		t.Error(resp.StatusCode, text)
	}
}

func TestMyReportsOptions(t *testing.T) {
	w := world(t, Options{MyReports: MyReportsOptions{
		Account: home, Accounts: []string{home}, ListShowsRoles: true, DemandAcceptCharges: true,
	}})
	_, text := askMyReports(t, w, "GET", atHome, "")
	if diff := cmp.Diff([]string{"Gina@example.com", "hugo@example.com", "ivan@example.com"}, myreportsEmails(t, text)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"account.user", "user.admin"}, dig(t, decode(t, text), "data", 0, "roles")); diff != "" {
		t.Error(diff)
	}
	if resp, text := askMyReports(t, w, "GET", atBranch, ""); resp.StatusCode != 404 {
		t.Errorf("an account that is not there: %d %s", resp.StatusCode, text)
	} else {
		golden(t, "myreports/not-found.json", text)
	}
	for value, want := range map[string]int{"": 400, " false": 400, " yes": 400, " true": 201} {
		if resp, text := askMyReports(t, w, "POST", atHome, myreportsNew, "Accept-Charges:"+value); resp.StatusCode != want {
			t.Errorf("%q: %d %s", value, resp.StatusCode, text)
		}
	}
	if resp, text := askMyReports(t, w, "PATCH", atHome+"/"+gina, "[]", "Accept-Charges:"); resp.StatusCode != 400 {
		t.Error(resp.StatusCode, text)
	}
	// What has no body needs no consent.
	if resp, _ := askMyReports(t, w, "POST", atHome+"/"+gina+activate, ""); resp.StatusCode != 204 {
		t.Error(resp.StatusCode)
	}
	// By default none is demanded.
	w = world(t, Options{})
	for value, want := range map[string]int{"": 200, " false": 200, " true": 200, " True": 400, " 1": 400} {
		if resp, text := askMyReports(t, w, "PATCH", atHome+"/"+gina, "[]", "Accept-Charges:"+value); resp.StatusCode != want {
			t.Errorf("%q: %d %s", value, resp.StatusCode, text)
		}
	}
}

// Each rule of strictness, with the documented error.
func TestMyReportsStrictness(t *testing.T) {
	const one = atHome + "/" + gina
	long := strings.Repeat("é", 101)
	draft := func(email, name string) string { return fmt.Sprintf(`{"email":%s,"displayName":%s}`, email, name) }
	tests := []struct {
		name, method, path, body string
		header                   string
		status                   int
		said                     string // part of the message
	}{
		{name: "basic", method: "GET", path: one, header: "Authorization: Basic YTpi", status: 401},
		{name: "lower case scheme", method: "GET", path: one, header: "Authorization: bearer x", status: 401},
		{name: "two tokens", method: "GET", path: one, header: "Authorization: Bearer x y", status: 401},
		{name: "no token", method: "GET", path: one, header: "Authorization: Bearer ", status: 401},
		{name: "no token to list", method: "GET", path: atHome, header: "Authorization:", status: 401},
		{name: "no token to create", method: "POST", path: atHome, body: myreportsNew, header: "Authorization:", status: 401},
		{name: "no token to activate", method: "POST", path: one + activate, header: "Authorization:", status: 401},
		{name: "British spelling", method: "GET", path: one, header: "Authorization:\nAuthorisation: Bearer x", status: 401},

		{name: "short tenant id", method: "POST", path: "/api/v1.0/accounts/" + home[1:] + "/users", body: myreportsNew, status: 400, said: "The value '" + home[1:] + "' is not valid."},
		{name: "tenant id in braces", method: "GET", path: "/api/v1.0/accounts/{" + home + "}/users", status: 400, said: "is not valid"},
		{name: "long user id", method: "DELETE", path: one + "0", status: 400, said: "The value '" + gina + "0' is not valid."},
		{name: "user id to update", method: "PATCH", path: atHome + "/me", body: "[]", status: 400, said: "The value 'me' is not valid."},
		{name: "user id to activate", method: "POST", path: atHome + "/me" + activate, status: 400, said: "is not valid"},
		{name: "id of another case", method: "GET", path: atHome + "/" + strings.ToUpper(gina), status: 404, said: "Not Found"},

		{name: "no content type", method: "POST", path: atHome, body: myreportsNew, header: "Content-Type:", status: 415, said: "application/json"},
		{name: "form", method: "POST", path: atHome, body: "email=a", header: "Content-Type: application/x-www-form-urlencoded", status: 415, said: "application/json"},
		{name: "JSON Patch", method: "PATCH", path: one, body: "[]", header: "Content-Type: application/json-patch+json", status: 415, said: "application/json"},
		{name: "charges", method: "POST", path: atHome, body: myreportsNew, header: "Accept-Charges: maybe", status: 400, said: "accept-charges must be true or false"},
		{name: "too large", method: "POST", path: atHome, body: strings.Repeat(" ", maxBody+1), status: 413, said: "too large"},

		{name: "page below", method: "GET", path: atHome + "?pageIndex=-1", status: 400, said: "pageIndex: must not be negative"},
		{name: "no page", method: "GET", path: atHome + "?pageIndex=last", status: 400, said: "pageIndex: must be an integer"},
		{name: "empty page", method: "GET", path: atHome + "?pageIndex=", status: 400, said: "pageIndex: must be an integer"},
		{name: "pageSize 0", method: "GET", path: atHome + "?pageSize=0", status: 400, said: "pageSize: must be between 1 and 1000"},
		{name: "pageSize 1001", method: "GET", path: atHome + "?pageSize=1001", status: 400, said: "pageSize: must be between 1 and 1000"},
		{name: "two pages", method: "GET", path: atHome + "?pageIndex=0&pageIndex=1", status: 400, said: "pageIndex: this parameter may be given once"},
		{name: "filter", method: "GET", path: atHome + "?filter=gina", status: 400, said: "filter: this parameter is not known"},
		{name: "another case", method: "GET", path: atHome + "?pageindex=0", status: 400, said: "pageindex: this parameter is not known"},
		{name: "bad query", method: "GET", path: atHome + "?%zz", status: 400, said: "the query"},
		{name: "parameter of get", method: "GET", path: one + "?x=1", status: 400, said: "no parameters"},
		{name: "parameter of create", method: "POST", path: atHome + "?x=1", body: myreportsNew, status: 400, said: "no parameters"},
		{name: "parameter of delete", method: "DELETE", path: one + "?force=true", status: 400, said: "no parameters"},
		{name: "parameter of activation", method: "POST", path: one + activate + "?x", status: 400, said: "no parameters"},

		{name: "no JSON", method: "POST", path: atHome, body: "{", status: 400, said: "no JSON"},
		{name: "no body", method: "POST", path: atHome, header: "Content-Type: application/json", status: 400, said: "no JSON"},
		{name: "two values", method: "POST", path: atHome, body: "{}{}", status: 400, said: "after the body's end"},
		{name: "no object", method: "POST", path: atHome, body: "[]", status: 400, said: "must be an object"},
		{name: "nothing", method: "POST", path: atHome, body: "{}", status: 400, said: "email: must be given; displayName: must be given"},
		{name: "no email", method: "POST", path: atHome, body: `{"displayName":"x"}`, status: 400, said: "email: must be given"},
		{name: "no name", method: "POST", path: atHome, body: `{"email":"a@b.example"}`, status: 400, said: "displayName: must be given"},
		{name: "no email address", method: "POST", path: atHome, body: draft(`"a"`, `"x"`), status: 400, said: "email: must be an email address"},
		{name: "long email", method: "POST", path: atHome, body: draft(`"`+strings.Repeat("e", 189)+`@example.com"`, `"x"`), status: 400, said: "email: must have 200 characters at most"},
		{name: "null email", method: "POST", path: atHome, body: draft(`null`, `"x"`), status: 400, said: "email: must not be null"},
		{name: "number for an email", method: "POST", path: atHome, body: draft(`1`, `"x"`), status: 400, said: "email: must be a string"},
		{name: "blank name", method: "POST", path: atHome, body: draft(`"a@b.example"`, `" "`), status: 400, said: "displayName: must not be empty"},
		{name: "long name", method: "POST", path: atHome, body: draft(`"a@b.example"`, `"`+long+`"`), status: 400, said: "displayName: must have 100 characters at most"},
		{name: "null name", method: "POST", path: atHome, body: draft(`"a@b.example"`, `null`), status: 400, said: "displayName: must not be null"},
		{name: "number for a name", method: "POST", path: atHome, body: draft(`"a@b.example"`, `1`), status: 400, said: "displayName: must be a string"},
		{name: "null roles", method: "POST", path: atHome, body: withRoles(`null`), status: 400, said: "roles: must be an array"},
		{name: "text for roles", method: "POST", path: atHome, body: withRoles(`"account.user"`), status: 400, said: "roles: must be an array"},
		{name: "number for a role", method: "POST", path: atHome, body: withRoles(`["account.user",1]`), status: 400, said: "roles/1: must be a string"},
		{name: "unknown role", method: "POST", path: atHome, body: withRoles(`["admin"]`), status: 400, said: "roles/0: must be one of account.user, user.admin"},
		{name: "role of a customer", method: "POST", path: atHome, body: withRoles(`["customer.user"]`), status: 400, said: "roles/0: must be one of"},
		{name: "role in another case", method: "POST", path: atHome, body: withRoles(`["User.Admin"]`), status: 400, said: "roles/0: must be one of"},
		{name: "unknown member", method: "POST", path: atHome, body: `{"email":"a@b.example","displayName":"x","enabled":true}`, status: 400, said: "enabled: is not a known member"},
		{name: "member of another case", method: "POST", path: atHome, body: `{"email":"a@b.example","displayName":"x","Roles":[]}`, status: 400, said: "Roles: is not a known member"},
		{name: "id", method: "POST", path: atHome, body: `{"email":"a@b.example","displayName":"x","id":"` + iris + `"}`, status: 400, said: "id: is not a known member"},
		{name: "primary tenant", method: "POST", path: atHome, body: `{"email":"a@b.example","displayName":"x","primaryTenant":"` + home + `"}`, status: 400, said: "primaryTenant: is not a known member"},

		{name: "no JSON for a patch", method: "PATCH", path: one, body: `[`, status: 400, said: "no JSON"},
		{name: "an object for a patch", method: "PATCH", path: one, body: `{"displayName":"x"}`, status: 400, said: "must be an array"},
		{name: "no operation", method: "PATCH", path: one, body: `["x"]`, status: 400, said: "0: must be an object"},
		{name: "no op", method: "PATCH", path: one, body: `[{"path":"/displayName","value":"x"}]`, status: 400, said: "0/op: must not be null"},
		{name: "no path", method: "PATCH", path: one, body: `[{"op":"replace","value":"x"}]`, status: 400, said: "0/path: must not be null"},
		{name: "number for an op", method: "PATCH", path: one, body: `[{"op":1,"path":"/displayName","value":"x"}]`, status: 400, said: "0/op: must be a string"},
		{name: "no value", method: "PATCH", path: one, body: patch("replace", "/displayName", ""), status: 400, said: "0/value: must not be null"},
		{name: "blank new name", method: "PATCH", path: one, body: patch("replace", "/displayName", `""`), status: 400, said: "0/value: must not be empty"},
		{name: "long new name", method: "PATCH", path: one, body: patch("replace", "/displayName", `"`+long+`"`), status: 400, said: "0/value: must have 100"},
		{name: "number for a new name", method: "PATCH", path: one, body: patch("replace", "/displayName", `1`), status: 400, said: "0/value: must be a string"},
		{name: "one role for all", method: "PATCH", path: one, body: patch("replace", "/roles", `"account.user"`), status: 400, said: "0/value: must be an array"},
		{name: "unknown role among all", method: "PATCH", path: one, body: patch("replace", "/roles", `["account.user","x"]`), status: 400, said: "0/value/1: must be one of"},
		{name: "unknown role to add", method: "PATCH", path: one, body: patch("add", "/roles/-", `"x"`), status: 400, said: "0/value: must be one of"},
		{name: "roles to add", method: "PATCH", path: one, body: patch("add", "/roles/-", `["account.user"]`), status: 400, said: "0/value: must be a string"},
		{name: "value to remove", method: "PATCH", path: one, body: patch("remove", "/roles/0", `"account.user"`), status: 400, said: "0/value: is not for this operation"},
		{name: "role beyond the end", method: "PATCH", path: one, body: patch("remove", "/roles/2", ""), status: 400, said: "path segment '2' is out of bounds"},
		{name: "role 00", method: "PATCH", path: one, body: patch("remove", "/roles/00", ""), status: 400, said: "path segment '00'"},
		{name: "last role", method: "PATCH", path: one, body: patch("remove", "/roles/-", ""), status: 400, said: "path segment '-'"},
		{name: "role by name", method: "PATCH", path: one, body: patch("remove", "/roles/user.admin", ""), status: 400, said: "path segment 'user.admin'"},
		{name: "all roles away", method: "PATCH", path: one, body: patch("remove", "/roles", ""), status: 400, said: "path segment 'roles'"},
		{name: "role in place", method: "PATCH", path: one, body: patch("replace", "/roles/0", `"user.admin"`), status: 400, said: "path segment '0'"},
		{name: "role at a place", method: "PATCH", path: one, body: patch("add", "/roles/0", `"user.admin"`), status: 400, said: "path segment '0'"},
		{name: "name away", method: "PATCH", path: one, body: patch("remove", "/displayName", ""), status: 400, said: "path segment 'displayName'"},
		{name: "unknown property", method: "PATCH", path: one, body: patch("replace", "/enabled", `false`), status: 400, said: "path segment 'enabled'"},
		{name: "new primary tenant", method: "PATCH", path: one, body: patch("replace", "/primaryTenant", `"`+branch+`"`), status: 400, said: "path segment 'primaryTenant'"},
		{name: "property of another case", method: "PATCH", path: one, body: patch("replace", "/DisplayName", `"x"`), status: 400, said: "path segment 'DisplayName'"},
		{name: "no slash", method: "PATCH", path: one, body: patch("replace", "displayName", `"x"`), status: 400, said: "path segment 'displayName'"},
		{name: "all", method: "PATCH", path: one, body: patch("replace", "", `{}`), status: 400, said: "path segment ''"},
		{name: "test", method: "PATCH", path: one, body: patch("test", "/displayName", `"Gina Costa"`), status: 400, said: "for the operation 'test'"},
		{name: "op of another case", method: "PATCH", path: one, body: patch("Replace", "/displayName", `"x"`), status: 400, said: "for the operation 'Replace'"},
		{name: "move", method: "PATCH", path: one, body: `[{"op":"move","from":"/roles/0","path":"/roles/1"}]`, status: 400, said: "0/from: is not a known member"},
		{name: "all or nothing", method: "PATCH", path: one, body: `[{"op":"replace","path":"/displayName","value":"x"},{"op":"remove","path":"/roles/7"}]`, status: 400, said: "'7' is out of bounds"},
		{name: "all or nothing, in a list", method: "PATCH", path: one, body: `[{"op":"remove","path":"/roles/0"},{"op":"remove","path":"/roles/1"}]`, status: 400, said: "'1' is out of bounds"},
		{name: "all or nothing, by form", method: "PATCH", path: one, body: `[{"op":"replace","path":"/displayName","value":"x"},{"op":"remove","path":"/email"}]`, status: 400, said: "path segment 'email'"},
		{name: "activation with a body", method: "POST", path: one + activate, body: `{}`, status: 400, said: "no body"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.header != "" {
				headers = strings.Split(test.header, "\n")
			}
			w := world(t, Options{})
			before := w.Users("myreports")
			resp, text := askMyReports(t, w, test.method, test.path, test.body, headers...)
			if resp.StatusCode != test.status {
				t.Fatalf("%d, want %d: %s", resp.StatusCode, test.status, text)
			}
			if test.status == 401 {
				if text != "" || resp.Header.Get("Content-Type") != "" {
					t.Errorf("%v %q", resp.Header, text)
				}
			} else if body := decode(t, text); len(body) != 4 || body["error"] != float64(test.status) || body["status"] != "error" ||
				body["timestamp"] != "2026-11-21T09:30:00.1234567Z" || !strings.Contains(body["message"].(string), test.said) {
				t.Errorf("no %q in %s", test.said, text)
			}
			if diff := cmp.Diff(before, w.Users("myreports")); diff != "" || w.Counts().Mails != 0 {
				t.Errorf("a refused request had an effect: %s", diff)
			}
		})
	}
	// Of many mistakes some are told.
	members := make([]string, 30)
	for i := range members {
		members[i] = fmt.Sprintf(`"x%02d":1`, i)
	}
	_, text := askMyReports(t, world(t, Options{}), "POST", atHome, "{"+strings.Join(members, ",")+"}")
	if got := strings.Count(dig(t, decode(t, text), "message").(string), "; ") + 1; got != 20 {
		t.Errorf("%d of 32 mistakes are told", got)
	}
}

// Two tokens in one request are none.
func TestMyReportsOneToken(t *testing.T) {
	w := world(t, Options{})
	for n, want := range []int{401, 200, 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.BaseURL("myreports")+atHome, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			r.Header.Add("Authorization", "Bearer secret-token")
		}
		if resp, _, err := send(w, r, nil); err != nil || resp.StatusCode != want {
			t.Errorf("%d tokens: %v %v", n, resp, err)
		}
	}
}

// Who is at an account of MyReports by what a seed says, and what is filled in.
func TestMyReportsSeed(t *testing.T) {
	const other = "/x"
	for _, test := range []struct {
		data map[string]any
		want map[string]any
	}{
		{nil, map[string]any{"primaryTenant": home, "accounts": []any{home}}},
		{map[string]any{"accounts": []any{}}, map[string]any{"primaryTenant": home, "accounts": []any{home}}},
		{map[string]any{"accounts": []any{other, home}}, map[string]any{"primaryTenant": other, "accounts": []any{other, home}}},
		{map[string]any{"primaryTenant": other}, map[string]any{"primaryTenant": other, "accounts": []any{other}}},
		{map[string]any{"primaryTenant": other, "accounts": []any{home}}, map[string]any{"primaryTenant": other, "accounts": []any{home, other}}},
		{map[string]any{"displayName": "A", "roles": []any{}}, map[string]any{"displayName": "A", "roles": []any{}, "primaryTenant": home, "accounts": []any{home}}},
	} {
		w := New(Options{MyReports: MyReportsOptions{Account: home}})
		data := map[string]any{"email": "a@b.example"}
		maps.Copy(data, test.data)
		id, err := w.Add("myreports", data)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"id": id, "email": "a@b.example", "displayName": "", "roles": []any{"account.user"}}
		maps.Copy(want, test.want)
		if u, _ := w.User("myreports", id); !myreportsID.MatchString(id) || !cmp.Equal(want, u.Data) {
			t.Errorf("%v: %s", test.data, cmp.Diff(want, u.Data))
		}
	}
	if _, err := New(Options{}).Add("myreports", map[string]any{"email": 1}); err == nil {
		t.Error("a wrong type was accepted")
	}
	// Whoever a seed puts in no account is in the default one.
	w := world(t, Options{})
	if resp, text := askMyReports(t, w, "GET", elsewhere+"/"+ivan, ""); resp.StatusCode != 200 {
		t.Error(resp.StatusCode, text)
	}
}
