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

const partooNew = `{"email":"bill@example.com","first_name":"Bill","last_name":"Smith"}`

// with adds members to a create's body.
func with(members string) string { return strings.TrimSuffix(partooNew, "}") + "," + members + "}" }

// Each route as the vendor documents it, answers as fixtures.
func TestPartooRoutes(t *testing.T) {
	const nobody = "/user/000000000000000000000000"
	tests := []struct {
		name, method, path, body string
		status                   int
		golden                   string
	}{
		{"create", "POST", "/user", fixture(t, "partoo/create-request.json"), 200, "create-response.json"},
		{"create the least", "POST", "/user", partooNew, 200, ""},
		{"duplicate", "POST", "/user", strings.Replace(partooNew, "bill@", "CARA@", 1), 400, "duplicate.json"},
		{"duplicate of a disabled user", "POST", "/user", strings.Replace(partooNew, "bill@", "evan@", 1), 400, ""},
		{"duplicate elsewhere", "POST", "/user", strings.Replace(partooNew, "bill@", "fred@", 1), 400, ""},
		{"get", "GET", "/user/" + cara, "", 200, "get.json"},
		{"get one of businesses", "GET", "/user/" + dora, "", 200, "get-business-manager.json"},
		{"get one disabled", "GET", "/user/" + evan, "", 200, ""},
		{"get nobody", "GET", nobody, "", 404, "not-found.json"},
		{"me", "GET", "/user/me", "", 200, "me.json"},
		{"search", "GET", "/user/search?email=cara%40EXAMPLE.com&page=1&per_page=2", "", 200, "search.json"},
		{"search nobody", "GET", "/user/search?email=x%2By%40example.com&page=1", "", 200, "search-none.json"},
		{"search all", "GET", "/user/search", "", 200, ""},
		{"count", "GET", "/user/search/count?role=PUBLISHER,GROUP_MANAGER", "", 200, "count.json"},
		{"update", "POST", "/user/" + cara, `{"last_name":"Diaz","disabled":true}`, 200, "success.json"},
		{"update nothing", "POST", "/user/" + cara, `{}`, 200, "success.json"},
		{"update nobody", "POST", nobody, `{}`, 404, "not-found.json"},
		{"update to another's email", "POST", "/user/" + cara, `{"email":"Evan@example.com"}`, 400, "duplicate.json"},
		{"delete", "DELETE", "/user/" + cara, "", 200, "success.json"},
		{"delete nobody", "DELETE", nobody, "", 404, "not-found.json"},
		{"invite", "POST", "/user/" + dora + "/invite", "", 200, "invite.json"},
		{"invite one who is active", "POST", "/user/" + cara + "/invite", "", 400, "invite-active.json"},
		{"invite nobody", "POST", nobody + "/invite", "", 404, "not-found.json"},
		{"businesses", "GET", "/user/" + dora + "/businesses", "", 200, "businesses.json"},
		{"businesses of one without", "GET", "/user/" + cara + "/businesses?page=1&per_page=10", "", 200, ""},
		{"businesses of nobody", "GET", nobody + "/businesses", "", 404, ""},
		{"put", "PUT", "/user/" + cara, "{}", 405, "not-allowed.json"},
		{"patch", "PATCH", "/user/" + cara, "{}", 405, ""},
		{"post to search", "POST", "/user/search", "{}", 405, ""},
		{"options", "OPTIONS", "/user", "", 405, ""},
		{"plural", "POST", "/users", partooNew, 404, ""},
		{"trailing slash", "GET", "/user/" + cara + "/", "", 404, ""},
		{"below search", "GET", "/user/search/invite", "", 404, ""},
		{"undocumented", "GET", "/user/" + cara + "/reports", "", 404, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			resp, text := askPartoo(t, w, test.method, test.path, test.body)
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, test.status, text)
			}
			if test.golden != "" {
				golden(t, "partoo/"+test.golden, text)
			}
			if kind := resp.Header.Get("Content-Type"); kind != partooJSON {
				t.Errorf("Content-Type %q", kind)
			}
			if resp.Header.Get("X-RateLimit-Limit") != "" || resp.Header.Get("Date") == "" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
}

func TestPartooEffects(t *testing.T) {
	w := world(t, Options{})
	_, text := askPartoo(t, w, "POST", "/user", partooNew)
	id := decode(t, text)["id"].(string)
	if len(id) != 24 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("id %q", id)
	}
	askPartoo(t, w, "DELETE", "/user/"+id, "")
	if resp, _ := askPartoo(t, w, "DELETE", "/user/"+id, ""); resp.StatusCode != 404 {
		t.Errorf("second delete: %d", resp.StatusCode)
	}
	_, text = askPartoo(t, w, "POST", "/user", partooNew)
	if again := decode(t, text)["id"]; again == id {
		t.Errorf("the id %s was used again", id)
	}
	askPartoo(t, w, "POST", "/user/"+dora+"/invite", "")
	askPartoo(t, w, "GET", "/user/search/count", "")
	askPartoo(t, w, "GET", "/user/me", "")
	c := w.Counts()
	want := Counts{Reads: 2, Writes: 5, Mails: 1, Created: 2, AtOnce: 1}
	all := c.Vendors
	c.Vendors = nil
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]Counts{"intelagree": {}, "mykaarma": {}, "myreports": {}, "partoo": want, "vendasta": {}}, all); diff != "" {
		t.Error(diff)
	}
}

// What a create stores, and which mails it sends.
func TestPartooCreate(t *testing.T) {
	tests := []struct {
		name, body string
		want       map[string]any // beside what every new user has
		mails      int64
	}{
		{"the least", partooNew, nil, 0},
		{"everything", fixture(t, "partoo/create-request.json"), map[string]any{
			"role": "GROUP_MANAGER", "org_id": int64(8), "custom_role": "my_custom_role", "lang": "pt-br", "sso_only": true,
			"accesses":      []any{[]any{int64(1), int64(2)}, []any{int64(1), int64(3)}},
			"sidebar_pages": []any{"messages", "posts"}, "status": "invited",
		}, 0},
		{"invited now", with(`"send_invitation":true,"password":"weak"`), map[string]any{"status": "invited", "invited_at": "2026-11-21T09:30:00.123456789Z"}, 1},
		{"invited now, said to be active", with(`"send_invitation":true,"status":"active"`), map[string]any{"status": "invited", "invited_at": "2026-11-21T09:30:00.123456789Z"}, 1},
		{"invited later", with(`"send_invitation":false,"status":"invited"`), map[string]any{"status": "invited"}, 0},
		{"invited, by SSO only", with(`"send_invitation":true,"sso_only":true`), map[string]any{"sso_only": true}, 0},
		{"businesses", with(`"role":"BUSINESS_MANAGER","business_ids":["b-9"]`), map[string]any{"role": "BUSINESS_MANAGER", "business_ids": []any{"b-9"}}, 0},
		{"businesses of another role", with(`"business_ids":["b-9"]`), nil, 0},
		{"all features", with(`"sidebar_pages":null`), nil, 0},
		{"a password", with(`"password":"Tr0ub4dor&3"`), nil, 0},
		{"unicode", with(`"custom_role":"Ñandú 李"`), map[string]any{"custom_role": "Ñandú 李"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			resp, text := askPartoo(t, w, "POST", "/user", test.body)
			if resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode, text)
			}
			want := map[string]any{
				"id": decode(t, text)["id"], "email": "bill@example.com", "first_name": "Bill", "last_name": "Smith",
				"role": "ORG_ADMIN", "org_id": int64(42), "status": "active", "disabled": false, "sso_only": false,
				"created_at": epoch.Unix(),
			}
			maps.Copy(want, test.want)
			u, _ := w.User("partoo", want["id"].(string))
			if diff := cmp.Diff(want, u.Data); diff != "" {
				t.Error(diff)
			}
			if c := w.Counts(); c.Mails != test.mails || c.Created != 1 {
				t.Errorf("%+v", c)
			}
			if len(w.Users("partoo")) != len(seed()["partoo"].(map[string]any)["users"].([]any))+1 {
				t.Error("not one user more")
			}
		})
	}
}

func TestPartooUpdate(t *testing.T) {
	tests := []struct {
		name, id, body string
		options        PartooOptions
		want           map[string]any // nil takes a member away
	}{
		{name: "nothing", id: cara, body: `{}`},
		{name: "one field", id: cara, body: `{"first_name":"Carola"}`, want: map[string]any{"first_name": "Carola"}},
		{name: "every field", id: cara, body: fixture(t, "partoo/update-request.json"), want: map[string]any{
			"email": "cara.diaz@example.com", "first_name": "C", "last_name": "Diaz", "org_id": int64(7), "role": "BUSINESS_MANAGER",
			"custom_role": "other", "accesses": nil, "business_ids": []any{"b-1"}, "sidebar_pages": []any{"diffusion"}, "status": "invited",
			"lang": "hu", "sso_only": true, "phone": "1", "disabled": true, "keywords": []any{"z"}, "receive_reviews_email_notifications": false,
		}},
		{name: "own email in another case", id: cara, body: `{"email":"cara@example.com"}`, want: map[string]any{"email": "cara@example.com"}},
		{name: "disabled", id: cara, body: `{"disabled":true}`, want: map[string]any{"disabled": true}},
		{name: "enabled again", id: evan, body: `{"disabled":false}`, want: map[string]any{"disabled": false}},
		{name: "a list is replaced", id: cara, body: `{"accesses":[[9]],"keywords":[]}`, want: map[string]any{"accesses": []any{[]any{int64(9)}}, "keywords": []any{}}},
		{name: "a list is merged", id: cara, body: `{"accesses":[[1,2],[9]]}`, options: PartooOptions{MergeLists: true}, want: map[string]any{
			"accesses": []any{[]any{int64(1), int64(2)}, []any{int64(1), int64(3)}, []any{int64(9)}},
		}},
		{name: "another role ends groups", id: cara, body: `{"role":"ORG_ADMIN"}`, want: map[string]any{"role": "ORG_ADMIN", "accesses": nil}},
		{name: "another role ends businesses", id: dora, body: `{"role":"GROUP_MANAGER","accesses":[[1]]}`, want: map[string]any{
			"role": "GROUP_MANAGER", "accesses": []any{[]any{int64(1)}}, "business_ids": nil,
		}},
		{name: "businesses of another role", id: cara, body: `{"business_ids":["b-1"]}`},
		{name: "a password is not kept", id: cara, body: `{"password":"Tr0ub4dor&3"}`},
		{name: "an empty name", id: cara, body: `{"last_name":""}`, want: map[string]any{"last_name": ""}},
		{name: "a key that sees one organisation", id: cara, body: `{"org_id":7,"first_name":"C"}`, options: PartooOptions{Role: "ORG_MANAGER"}, want: map[string]any{"first_name": "C"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{Partoo: test.options})
			others := w.Users("partoo")
			before, _ := w.User("partoo", test.id)
			if resp, text := askPartoo(t, w, "POST", "/user/"+test.id, test.body); resp.StatusCode != 200 || decode(t, text)["id"] != test.id {
				t.Fatal(resp.StatusCode, text)
			}
			after, _ := w.User("partoo", test.id)
			for name, value := range test.want {
				before.Data[name] = value
				if value == nil {
					delete(before.Data, name)
				}
			}
			if diff := cmp.Diff(before.Data, after.Data); diff != "" {
				t.Error(diff)
			}
			is := func(u User) bool { return u.ID == test.id }
			if diff := cmp.Diff(slices.DeleteFunc(others, is), slices.DeleteFunc(w.Users("partoo"), is)); diff != "" {
				t.Error("others changed", diff)
			}
			if c := w.Counts(); c.Mails != 0 || c.Writes != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// One mail in five minutes, by the world's clock.
func TestPartooInvite(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }})
	_, text := askPartoo(t, w, "POST", "/user", with(`"send_invitation":true`))
	id := decode(t, text)["id"].(string)
	for _, step := range []struct {
		wait   time.Duration
		status int
		mails  int64
	}{
		{0, 400, 1},
		{5*time.Minute - time.Nanosecond, 400, 1},
		{time.Nanosecond, 200, 2},
		{0, 400, 2},
		{time.Hour, 200, 3},
	} {
		now = now.Add(step.wait)
		resp, text := askPartoo(t, w, "POST", "/user/"+id+"/invite", "")
		if resp.StatusCode != step.status || w.Counts().Mails != step.mails {
			t.Errorf("%v later: %d, %d mails: %s", step.wait, resp.StatusCode, w.Counts().Mails, text)
		}
	}
	// The pause is part of the state.
	var saved strings.Builder
	if err := w.Save(&saved); err != nil {
		t.Fatal(err)
	}
	again := New(Options{Clock: func() time.Time { return now }})
	if err := again.Load(strings.NewReader(saved.String())); err != nil {
		t.Fatal(err)
	}
	if resp, _ := askPartoo(t, again, "POST", "/user/"+id+"/invite", ""); resp.StatusCode != 400 {
		t.Errorf("after a restart: %d", resp.StatusCode)
	}
	// Who has become active is not invited again.
	now = now.Add(time.Hour)
	askPartoo(t, w, "POST", "/user/"+id, `{"status":"active"}`)
	if resp, _ := askPartoo(t, w, "POST", "/user/"+id+"/invite", ""); resp.StatusCode != 400 || w.Counts().Mails != 3 {
		t.Errorf("active: %d", resp.StatusCode)
	}
}

// partooEmails lists whom a search found.
func partooEmails(t *testing.T, text string) []string {
	t.Helper()
	list := []string{}
	for _, item := range dig(t, decode(t, text), "users").([]any) {
		list = append(list, dig(t, item, "email").(string))
	}
	return list
}

func TestPartooSearch(t *testing.T) {
	const c, d, e, f = "Cara@example.com", "dora@example.com", "evan@example.com", "fred@example.com"
	tests := []struct {
		query   string
		options PartooOptions
		want    []string
	}{
		{query: "", want: []string{c, d, f}},
		{query: "", options: PartooOptions{SearchShowsDisabled: true}, want: []string{c, d, e, f}},
		{query: "disabled=true", want: []string{e}},
		{query: "disabled=True", options: PartooOptions{SearchShowsDisabled: true}, want: []string{e}},
		{query: "disabled=false", options: PartooOptions{SearchShowsDisabled: true}, want: []string{c, d, f}},
		{query: "email=CARA@EXAMPLE.COM", want: []string{c}},
		{query: "email=ara@example.com", want: []string{}},
		{query: "email=evan@example.com", want: []string{}},
		{query: "email=evan@example.com&disabled=true", want: []string{e}},
		{query: "email=cara@example.com&disabled=true", want: []string{}},
		{query: "query=ARA", want: []string{c}},
		{query: "query=dora+ab", want: []string{d}},
		{query: "query=example", want: []string{c, d, f}},
		{query: "status=invited", want: []string{d}},
		{query: "status=active", want: []string{c, f}},
		{query: "role=PUBLISHER", want: []string{f}},
		{query: "role=PUBLISHER,GROUP_MANAGER", want: []string{c, f}},
		{query: "role=PROVIDER", want: []string{}},
		{query: "org_id=7", want: []string{f}},
		{query: "org_id=42", want: []string{c, d}},
		{query: "org_id=42", options: PartooOptions{Role: "ORG_ADMIN", Org: 7}, want: []string{f}},
		{query: "", options: PartooOptions{Role: "ORG_ADMIN"}, want: []string{c, d}},
		{query: "order_by=last_name", want: []string{d, f, c}},
		{query: "order_by=-last_name", want: []string{c, f, d}},
		{query: "order_by=org_id", want: []string{f, c, d}},
		{query: "order_by=-org_id", want: []string{c, d, f}},
		{query: "order_by=group_id", want: []string{c, d, f}},
		{query: "order_by=-group_id", want: []string{c, d, f}},
		{query: "order_by=email&status=active", want: []string{c, f}},
	}
	for _, test := range tests {
		w := world(t, Options{Partoo: test.options})
		_, text := askPartoo(t, w, "GET", "/user/search?"+test.query, "")
		if diff := cmp.Diff(test.want, partooEmails(t, text)); diff != "" {
			t.Errorf("%q %+v: %s", test.query, test.options, diff)
		}
		if n := decode(t, text)["count"]; n != float64(len(test.want)) {
			t.Errorf("%q: count %v", test.query, n)
		}
		if !strings.Contains(test.query, "order_by") {
			_, text = askPartoo(t, w, "GET", "/user/search/count?"+test.query, "")
			if n := decode(t, text)["count"]; n != float64(len(test.want)) {
				t.Errorf("%q: count alone %v", test.query, n)
			}
		}
	}
	w := world(t, Options{})
	for value, want := range map[string]bool{"True": true, "False": false} {
		_, text := askPartoo(t, w, "GET", "/user/search?email=dora@example.com&display_business_ids="+value, "")
		_, shown := dig(t, decode(t, text), "users", 0).(map[string]any)["business_ids"]
		if shown != want {
			t.Errorf("display_business_ids=%s: shown is %v", value, shown)
		}
	}
}

func fillPartoo(t *testing.T, w *World, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.Add("partoo", map[string]any{"email": fmt.Sprintf("u%03d@example.com", i), "org_id": 9}); err != nil {
			t.Fatal(err)
		}
	}
}

// partooPages asks page after page, up to most, until one is empty or max_page
// is reached.
func partooPages(t *testing.T, w *World, query string, most int) (found []string, asked, last int) {
	t.Helper()
	for page := 1; page <= most; page++ {
		_, text := askPartoo(t, w, "GET", fmt.Sprintf("/user/search?%s&page=%d", query, page), "")
		body := decode(t, text)
		users := partooEmails(t, text)
		if body["page"] != float64(page) {
			t.Errorf("page %v, want %d", body["page"], page)
		}
		found, asked, last = append(found, users...), page, int(body["max_page"].(float64))
		if page >= last || len(users) == 0 {
			break
		}
	}
	return found, asked, last
}

func TestPartooPages(t *testing.T) {
	w := world(t, Options{})
	fillPartoo(t, w, 65)
	for _, test := range []struct {
		query       string
		asked, last int
	}{
		{"org_id=9", 3, 3}, {"org_id=9&per_page=65", 1, 1}, {"org_id=9&per_page=64", 2, 2}, {"org_id=9&per_page=1", 65, 65}, {"org_id=9&per_page=100", 1, 1},
	} {
		found, asked, last := partooPages(t, w, test.query, 99)
		if len(found) != 65 || asked != test.asked || last != test.last || !slices.IsSorted(found) || len(slices.Compact(found)) != 65 {
			t.Errorf("%s: %d users on %d of %d pages", test.query, len(found), asked, last)
		}
	}
	// A page beyond the last is empty, one below 1 is the first.
	for page, want := range map[string]int{"4": 0, "9223372036854775807": 0, "0": 30, "-3": 30} {
		_, text := askPartoo(t, w, "GET", "/user/search?org_id=9&page="+page, "")
		if got := partooEmails(t, text); len(got) != want || decode(t, text)["count"] != 65.0 || decode(t, text)["max_page"] != 3.0 {
			t.Errorf("page %s: %s", page, text)
		}
	}
	for most, option := range []PartooOptions{{}, {EmptyMaxPage: 1}} {
		w := world(t, Options{Partoo: option})
		if _, text := askPartoo(t, w, "GET", "/user/search?org_id=10", ""); decode(t, text)["max_page"] != float64(most) {
			t.Error(text)
		}
	}
}

// Each rule of strictness, with the documented error.
func TestPartooStrictness(t *testing.T) {
	const one = "/user/" + cara
	tests := []struct {
		name, method, path, body string
		header                   string
		options                  PartooOptions
		status                   int
		field                    string // of a 400, or the member of the others
	}{
		{name: "no key", method: "GET", path: one, header: "x-APIKey:", status: 401, field: "authentication"},
		{name: "bearer", method: "GET", path: one, header: "x-APIKey:\nAuthorization: Bearer secret-key", status: 401, field: "authentication"},
		{name: "another key", method: "GET", path: one, options: PartooOptions{Key: "the-key"}, status: 401, field: "authentication"},
		{name: "no key to me", method: "GET", path: "/user/me", header: "x-APIKey:", status: 401, field: "authentication"},
		{name: "no key to search", method: "GET", path: "/user/search", header: "x-APIKey:", status: 401, field: "authentication"},
		{name: "no content type", method: "POST", path: "/user", body: partooNew, header: "Content-Type:", status: 415, field: "json"},
		{name: "JSON:API", method: "POST", path: one, body: "{}", header: "Content-Type: application/vnd.api+json", status: 415, field: "json"},
		{name: "no content type to invite", method: "POST", path: "/user/" + dora + "/invite", header: "Content-Type:", status: 415, field: "json"},
		{name: "too large", method: "POST", path: "/user", body: strings.Repeat(" ", maxBody+1), status: 413, field: "json"},

		{name: "another organisation's user", method: "GET", path: "/user/" + fred, options: PartooOptions{Role: "ORG_ADMIN"}, status: 403, field: "authorization"},
		{name: "update of another organisation's user", method: "POST", path: "/user/" + fred, body: "{}", options: PartooOptions{Role: "ORG_ADMIN"}, status: 403, field: "authorization"},
		{name: "delete of another organisation's user", method: "DELETE", path: "/user/" + fred, options: PartooOptions{Role: "ORG_ADMIN"}, status: 403, field: "authorization"},
		{name: "an admin by an admin", method: "POST", path: "/user", body: partooNew, options: PartooOptions{Role: "ORG_ADMIN"}, status: 403, field: "authorization"},
		{name: "a group manager by a group manager", method: "POST", path: "/user", body: with(`"role":"GROUP_MANAGER"`), options: PartooOptions{Role: "GROUP_MANAGER"}, status: 403, field: "authorization"},
		{name: "promotion by an admin", method: "POST", path: one, body: `{"role":"ORG_MANAGER"}`, options: PartooOptions{Role: "ORG_ADMIN"}, status: 403, field: "authorization"},
		{name: "SSO by a group manager", method: "POST", path: one, body: `{"sso_only":true}`, options: PartooOptions{Role: "GROUP_MANAGER"}, status: 403, field: "authorization"},

		{name: "no email address in a search", method: "GET", path: "/user/search?email=cara", status: 400, field: "email"},
		{name: "empty filter", method: "GET", path: "/user/search?query=", status: 400, field: "query"},
		{name: "unknown status", method: "GET", path: "/user/search?status=disabled", status: 400, field: "status"},
		{name: "unknown role", method: "GET", path: "/user/search?role=PUBLISHER,ADMIN", status: 400, field: "role"},
		{name: "no flag", method: "GET", path: "/user/search?disabled=1", status: 400, field: "disabled"},
		{name: "no organisation", method: "GET", path: "/user/search?org_id=x", status: 400, field: "org_id"},
		{name: "no page", method: "GET", path: "/user/search?page=last", status: 400, field: "page"},
		{name: "per_page 0", method: "GET", path: "/user/search?per_page=0", status: 400, field: "per_page"},
		{name: "per_page 101", method: "GET", path: "/user/search?per_page=101", status: 400, field: "per_page"},
		{name: "unknown order", method: "GET", path: "/user/search?order_by=created_at", status: 400, field: "order_by"},
		{name: "unknown filter", method: "GET", path: "/user/search?phone=1", status: 400, field: "phone"},
		{name: "repeated filter", method: "GET", path: "/user/search?page=1&page=2", status: 400, field: "page"},
		{name: "page of a count", method: "GET", path: "/user/search/count?page=1", status: 400, field: "page"},
		{name: "bad query", method: "GET", path: "/user/search?%zz", status: 400, field: "_schema"},
		{name: "parameter of get", method: "GET", path: one + "?x=1", status: 400, field: "_schema"},
		{name: "parameter of businesses", method: "GET", path: "/user/" + dora + "/businesses?role=PUBLISHER", status: 400, field: "role"},

		{name: "no JSON", method: "POST", path: "/user", body: "{", status: 400, field: "_schema"},
		{name: "no body", method: "POST", path: "/user", status: 400, field: "_schema"},
		{name: "two values", method: "POST", path: "/user", body: "{}{}", status: 400, field: "_schema"},
		{name: "no object", method: "POST", path: one, body: "[]", status: 400, field: "_schema"},
		{name: "no email", method: "POST", path: "/user", body: strings.Replace(partooNew, `"email":"bill@example.com",`, "", 1), status: 400, field: "email"},
		{name: "no first name", method: "POST", path: "/user", body: strings.Replace(partooNew, `"first_name":"Bill",`, "", 1), status: 400, field: "first_name"},
		{name: "no last name", method: "POST", path: "/user", body: strings.Replace(partooNew, `,"last_name":"Smith"`, "", 1), status: 400, field: "last_name"},
		{name: "no email address", method: "POST", path: "/user", body: strings.Replace(partooNew, "bill@example.com", "bill", 1), status: 400, field: "email"},
		{name: "unknown field", method: "POST", path: "/user", body: with(`"title":"x"`), status: 400, field: "title"},
		{name: "another case", method: "POST", path: "/user", body: with(`"Lang":"fr"`), status: 400, field: "Lang"},
		{name: "phone at create", method: "POST", path: "/user", body: with(`"phone":"1"`), status: 400, field: "phone"},
		{name: "disabled at create", method: "POST", path: "/user", body: with(`"disabled":false`), status: 400, field: "disabled"},
		{name: "keywords at create", method: "POST", path: "/user", body: with(`"keywords":[]`), status: 400, field: "keywords"},
		{name: "notifications at create", method: "POST", path: "/user", body: with(`"receive_reviews_email_notifications":true`), status: 400, field: "receive_reviews_email_notifications"},
		{name: "read-only field", method: "POST", path: "/user", body: with(`"id":"5309c3a237bbc544d8e26737"`), status: 400, field: "id"},
		{name: "number for text", method: "POST", path: "/user", body: with(`"custom_role":1`), status: 400, field: "custom_role"},
		{name: "text for a number", method: "POST", path: "/user", body: with(`"org_id":"42"`), status: 400, field: "org_id"},
		{name: "no integer", method: "POST", path: "/user", body: with(`"org_id":4.5`), status: 400, field: "org_id"},
		{name: "text for a flag", method: "POST", path: "/user", body: with(`"send_invitation":"True"`), status: 400, field: "send_invitation"},
		{name: "text for a list", method: "POST", path: "/user", body: with(`"sidebar_pages":"posts"`), status: 400, field: "sidebar_pages"},
		{name: "number in a list", method: "POST", path: "/user", body: with(`"role":"BUSINESS_MANAGER","business_ids":[1]`), status: 400, field: "business_ids"},
		{name: "one list of groups", method: "POST", path: "/user", body: with(`"role":"GROUP_MANAGER","accesses":[1,2]`), status: 400, field: "accesses"},
		{name: "text for a group", method: "POST", path: "/user", body: with(`"role":"GROUP_MANAGER","accesses":[["1"]]`), status: 400, field: "accesses"},
		{name: "groups of the default role", method: "POST", path: "/user", body: with(`"accesses":[[1]]`), status: 400, field: "accesses"},
		{name: "no groups of another role", method: "POST", path: "/user", body: with(`"role":"PUBLISHER","accesses":[]`), status: 400, field: "accesses"},
		{name: "role", method: "POST", path: "/user", body: with(`"role":"ADMIN"`), status: 400, field: "role"},
		{name: "role that is read only", method: "POST", path: "/user", body: with(`"role":"PROVIDER"`), status: 400, field: "role"},
		{name: "status", method: "POST", path: "/user", body: with(`"status":"disabled"`), status: 400, field: "status"},
		{name: "lang", method: "POST", path: "/user", body: with(`"lang":"pt-BR"`), status: 400, field: "lang"},
		{name: "sidebar page", method: "POST", path: "/user", body: with(`"sidebar_pages":["posts","stats"]`), status: 400, field: "sidebar_pages"},
		{name: "custom role with a comma", method: "POST", path: "/user", body: with(`"custom_role":"a,b"`), status: 400, field: "custom_role"},
		{name: "custom role too long", method: "POST", path: "/user", body: with(`"custom_role":"` + strings.Repeat("é", 101) + `"`), status: 400, field: "custom_role"},
		{name: "empty custom role", method: "POST", path: "/user", body: with(`"custom_role":""`), status: 400, field: "custom_role"},
		{name: "short password", method: "POST", path: "/user", body: with(`"password":"Abcde&7"`), status: 400, field: "password"},
		{name: "password without upper case", method: "POST", path: "/user", body: with(`"password":"abcdefg&7"`), status: 400, field: "password"},
		{name: "password without lower case", method: "POST", path: "/user", body: with(`"password":"ABCDEFG&7"`), status: 400, field: "password"},
		{name: "password without a special character", method: "POST", path: "/user", body: with(`"password":"Abcdefgh7"`), status: 400, field: "password"},
		{name: "password, no mail", method: "POST", path: "/user", body: with(`"password":"weak","send_invitation":false`), status: 400, field: "password"},
		{name: "null", method: "POST", path: "/user", body: with(`"lang":null`), status: 400, field: "lang"},
		{name: "null flag", method: "POST", path: "/user", body: with(`"sso_only":null`), status: 400, field: "sso_only"},
		{name: "null list", method: "POST", path: "/user", body: with(`"business_ids":null`), status: 400, field: "business_ids"},
		{name: "null number", method: "POST", path: "/user", body: with(`"org_id":null`), status: 400, field: "org_id"},

		{name: "null at update", method: "POST", path: one, body: `{"phone":null}`, status: 400, field: "phone"},
		{name: "null pages at update", method: "POST", path: one, body: `{"sidebar_pages":null}`, status: 400, field: "sidebar_pages"},
		{name: "invitation at update", method: "POST", path: one, body: `{"send_invitation":true}`, status: 400, field: "send_invitation"},
		{name: "old group", method: "POST", path: one, body: `{"group_id":1}`, status: 400, field: "group_id"},
		{name: "13 keywords", method: "POST", path: one, body: `{"keywords":["1","2","3","4","5","6","7","8","9","10","11","12","13"]}`, status: 400, field: "keywords"},
		{name: "text for disabled", method: "POST", path: one, body: `{"disabled":"true"}`, status: 400, field: "disabled"},
		{name: "weak password", method: "POST", path: one, body: `{"password":"weak"}`, status: 400, field: "password"},
		{name: "no email address at update", method: "POST", path: one, body: `{"email":"@"}`, status: 400, field: "email"},
		{name: "groups of a role to come", method: "POST", path: one, body: `{"role":"PUBLISHER","accesses":[[1]]}`, status: 400, field: "accesses"},
		{name: "groups of the present role", method: "POST", path: "/user/" + dora, body: `{"accesses":[[1]]}`, status: 400, field: "accesses"},
		{name: "an invitation with a body", method: "POST", path: "/user/" + dora + "/invite", body: `{}`, status: 400, field: "_schema"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.header != "" {
				headers = strings.Split(test.header, "\n")
			}
			for _, singular := range []bool{false, true} {
				test.options.SingularError = singular
				w := world(t, Options{Partoo: test.options})
				before := w.Users("partoo")
				resp, text := askPartoo(t, w, test.method, test.path, test.body, headers...)
				if resp.StatusCode != test.status {
					t.Fatalf("%d, want %d: %s", resp.StatusCode, test.status, text)
				}
				name := "errors"
				if singular && (test.status < 405) {
					name = "error"
				}
				body := decode(t, text)
				said, ok := body[name].(map[string]any)
				if !ok || len(body) != 1 || len(said) != 1 {
					t.Fatalf("%s: %s", name, text)
				}
				if test.status == 400 {
					said, _ = said["json"].(map[string]any)
				}
				if _, ok := said[test.field]; !ok || len(said) != 1 {
					t.Errorf("no %s in %s", test.field, text)
				}
				if diff := cmp.Diff(before, w.Users("partoo")); diff != "" || w.Counts().Mails != 0 {
					t.Errorf("a refused request had an effect: %s", diff)
				}
			}
		})
	}
}

// The texts that are documented, and the form of several mistakes at once.
func TestPartooErrors(t *testing.T) {
	w := world(t, Options{Partoo: PartooOptions{Role: "PUBLISHER"}})
	for _, test := range []struct{ path, body, header, want string }{
		{"/user/" + cara, "", "x-APIKey:", `{"errors":{"authentication":"User not authenticated"}}`},
		{"/user", with(`"role":"PUBLISHER"`), "x-APIKey: k", `{"errors":{"authorization":"Operation not allowed"}}`},
		{"/user/none", "{}", "x-APIKey: k", `{"errors":{"json":"Resource not found"}}`},
		{"/user", `{"email":1,"role":"X","accesses":[[1],["x"],2]}`, "x-APIKey: k", `{"errors":{"json":{` +
			`"accesses":["1/0: must be an integer","2: must be an array"],` +
			`"email":["must be a string"],"role":["must be one of ORG_ADMIN, ORG_MANAGER, GROUP_MANAGER, BUSINESS_MANAGER, PUBLISHER"]}}}`},
	} {
		if _, text := askPartoo(t, w, "POST", test.path, test.body, test.header); text != test.want {
			t.Errorf("%s: got %s, want %s", test.path, text, test.want)
		}
	}
	_, text := askPartoo(t, w, "POST", "/user", "{}", "Content-Type:")
	if said := dig(t, decode(t, text), "errors", "json").(string); !strings.HasPrefix(said, "Unsupported media type") {
		t.Error(text)
	}
	members := make([]string, 30)
	for i := range members {
		members[i] = fmt.Sprintf(`"x%d":1`, i)
	}
	_, text = askPartoo(t, w, "POST", "/user", "{"+strings.Join(members, ",")+"}")
	if got := len(dig(t, decode(t, text), "errors", "json").(map[string]any)); got != 20 {
		t.Errorf("%d of 30 mistakes are told", got)
	}
}

// Two keys in one request are none.
func TestPartooOneKey(t *testing.T) {
	w := world(t, Options{Partoo: PartooOptions{Key: "the-key"}})
	for _, test := range []struct {
		keys   []string
		status int
	}{{[]string{"the-key"}, 200}, {[]string{"the-key", "the-key"}, 401}, {[]string{""}, 401}, {nil, 401}, {[]string{"the-keys"}, 401}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.BaseURL("partoo")+"/user/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range test.keys {
			r.Header.Add("X-APIKEY", key)
		}
		resp, _, err := send(w, r, nil)
		if err != nil || resp.StatusCode != test.status {
			t.Errorf("%q: %v %v", test.keys, resp, err)
		}
	}
	w.RevokeTokens() // keys are not issued, so none is revoked
	if resp, _ := askPartoo(t, w, "GET", "/user/me", "", "x-APIKey: the-key"); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}
}

// Issued is about token endpoints, of which Partoo has none.
func TestPartooWithoutTokens(t *testing.T) {
	w := world(t, Options{Tokens: Issued})
	if resp, _ := askPartoo(t, w, "GET", "/user/me", ""); resp.StatusCode != 200 || w.TokenURL("partoo") != "" {
		t.Error(resp.StatusCode, w.TokenURL("partoo"))
	}
}
