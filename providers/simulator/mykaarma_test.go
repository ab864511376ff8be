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

// Users of myKaarma in the seed.
const (
	gus  = "0b6f3c1e-5a0d-4d6e-9f3a-6a3f0c9f1a01"
	hana = "0b6f3c1e-5a0d-4d6e-9f3a-6a3f0c9f1a02"
	ivo  = "0b6f3c1e-5a0d-4d6e-9f3a-6a3f0c9f1a03"
	jill = "0b6f3c1e-5a0d-4d6e-9f3a-6a3f0c9f1a04"
)

// mykaarmaSeed is one who has everything, one who is invited and works in two
// departments, one who is not valid, and one of another dealer.
func mykaarmaSeed() map[string]any {
	return map[string]any{"users": []any{
		map[string]any{
			"id": gus, "dealerUUID": "d-1", "emailAddress": "Gus@example.com", "username": "gus", "firstName": "Gus", "lastName": "Hall",
			"nickName": "G", "phone": "+1 562 555 0110", "textNumber": "+1 562 555 0111", "bio": "Old.", "imageUrl": "https://images.example/gus.png",
			"departmentUUID": "dep-1", "roleUUID": "r-1", "dmsID": "DMS-1", "ssoFeatureEnabled": true, "mfaFeatureEnabled": true,
		},
		map[string]any{
			"id": hana, "dealerUUID": "d-1", "emailAddress": "hana@example.com", "firstName": "Hana", "lastName": "Mori",
			"departmentUUID": "dep-1", "roleUUID": "r-2", "associates": []any{
				map[string]any{"departmentUUID": "dep-2", "roleUUID": "Body Shop", "dmsID": "DMS-2"},
			},
			"inviteStatus": "PENDING", "invitedAt": "2026-11-20T08:00:00Z",
		},
		map[string]any{
			"id": ivo, "dealerUUID": "d-1", "emailAddress": "ivo@example.com", "firstName": "Ivo", "isValid": false,
			"departmentUUID": "dep-1", "roleUUID": "r-4",
		},
		map[string]any{"id": jill, "dealerUUID": "d-2", "emailAddress": "jill@example.com", "username": "gus", "departmentUUID": "dep-3"},
	}}
}

// askMyKaarma is ask for myKaarma.
func askMyKaarma(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp, text, err := tryMyKaarma(t, w, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, text
}

func tryMyKaarma(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.BaseURL("mykaarma")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("subscriber", "secret-password")
	r.Header.Set("Accept", mykaarmaJSON)
	if body != "" {
		r.Header.Set("Content-Type", mykaarmaJSON)
	}
	return send(w, r, headers)
}

const (
	mykaarmaNew     = `{"dealerUUID":"d-1","firstName":"Bill","lastName":"Smith","emailAddress":"bill@example.com","roleUUID":"r-1","departmentUUID":"dep-1"}`
	mykaarmaMake    = "/manage/v2/user/partner"
	mykaarmaDealer1 = "/manage/v2/dealer/d-1/users"
	mykaarmaLookup  = "/manage/v2/department/dealerAssociate/list"
	mykaarmaInvalid = `{"dealerAssociate":{"isValid":false},"changeValidStatus":true}`
	mykaarmaValid   = `{"dealerAssociate":{"isValid":true},"changeValidStatus":true}`
)

// adding adds members to a create's body, or gives its own other values.
func adding(members string) string { return strings.TrimSuffix(mykaarmaNew, "}") + "," + members + "}" }

// inDepartment is the path to a user there.
func inDepartment(department, user, rest string) string {
	return "/manage/v2/department/" + department + "/user/" + user + "/" + rest
}

// Each route as the vendor documents it, answers as fixtures.
func TestMyKaarmaRoutes(t *testing.T) {
	const nobody = "00000000-0000-0000-0000-000000000000"
	two := MyKaarmaOptions{Dealers: []string{"d-2"}}
	tests := []struct {
		name, method, path, body string
		options                  MyKaarmaOptions
		status                   int
		golden                   string
	}{
		{name: "create", method: "POST", path: mykaarmaMake, body: fixture(t, "mykaarma/create-request.json"), status: 200, golden: "create-response.json"},
		{name: "create the least", method: "POST", path: mykaarmaMake, body: mykaarmaNew, status: 200},
		{name: "duplicate", method: "POST", path: mykaarmaMake, body: strings.Replace(mykaarmaNew, "bill@", "GUS@", 1), status: 400, golden: "duplicate.json"},
		{name: "duplicate in 200", method: "POST", path: mykaarmaMake, body: strings.Replace(mykaarmaNew, "bill@", "gus@", 1), options: MyKaarmaOptions{ErrorsIn200: true}, status: 200, golden: "duplicate-200.json"},
		{name: "duplicate of one who is not valid", method: "POST", path: mykaarmaMake, body: strings.Replace(mykaarmaNew, "bill@", "ivo@", 1), status: 400, golden: "duplicate.json"},
		{name: "duplicate user name", method: "POST", path: mykaarmaMake, body: adding(`"username":"Gus"`), status: 400, golden: "duplicate.json"},
		{name: "duplicate of an address as a user name", method: "POST", path: mykaarmaMake, body: adding(`"username":"hana@example.com"`), status: 400, golden: "duplicate.json"},
		{name: "of another dealer", method: "POST", path: mykaarmaMake, body: strings.NewReplacer("bill@", "gus@", "d-1", "d-2").Replace(mykaarmaNew), status: 200},
		{name: "create at a dealer of others", method: "POST", path: mykaarmaMake, body: mykaarmaNew, options: two, status: 403, golden: "not-authorized.json"},

		{name: "list", method: "GET", path: mykaarmaDealer1, status: 200, golden: "list.json"},
		{name: "list all", method: "GET", path: mykaarmaDealer1 + "?includeInvalid=true", status: 200, golden: "list-invalid.json"},
		{name: "list the valid", method: "GET", path: mykaarmaDealer1 + "?includeInvalid=false", status: 200, golden: "list.json"},
		{name: "list with everything", method: "GET", path: mykaarmaDealer1, options: MyKaarmaOptions{ListShowsAll: true}, status: 200, golden: "list-all.json"},
		{name: "list nobody", method: "GET", path: "/manage/v2/dealer/d-9/users", status: 200, golden: "list-none.json"},
		{name: "list a dealer of others", method: "GET", path: mykaarmaDealer1, options: two, status: 403, golden: "not-authorized.json"},
		{name: "list a dealer of one's own", method: "GET", path: mykaarmaDealer1, options: MyKaarmaOptions{Dealers: []string{"d-2", "d-1"}}, status: 200, golden: "list.json"},

		{name: "update", method: "PUT", path: mykaarmaMake + "/" + gus, body: fixture(t, "mykaarma/update-request.json"), status: 200, golden: "update-response.json"},
		{name: "update nobody", method: "PUT", path: mykaarmaMake + "/" + nobody, body: `{"emailAddress":"x@example.com"}`, status: 400, golden: "nobody.json"},
		{name: "update to another's address", method: "PUT", path: mykaarmaMake + "/" + gus, body: `{"emailAddress":"Hana@example.com"}`, status: 400, golden: "duplicate.json"},
		{name: "update to another's address in 200", method: "PUT", path: mykaarmaMake + "/" + gus, body: `{"emailAddress":"hana@example.com"}`, options: MyKaarmaOptions{ErrorsIn200: true}, status: 200, golden: "duplicate-200.json"},
		{name: "update to another's user name", method: "PUT", path: mykaarmaMake + "/" + hana, body: `{"emailAddress":"hana@example.com","username":"GUS"}`, status: 400, golden: "duplicate.json"},
		{name: "update at a dealer of others", method: "PUT", path: mykaarmaMake + "/" + gus, body: `{"emailAddress":"x@example.com"}`, options: two, status: 403, golden: "not-authorized.json"},

		{name: "associates", method: "POST", path: mykaarmaLookup, body: fixture(t, "mykaarma/associates-request.json"), status: 200, golden: "associates.json"},
		{name: "associates of nobody", method: "POST", path: mykaarmaLookup, body: `{"dealerAssociateUuids":["x"]}`, status: 200, golden: "associates-none.json"},
		{name: "associates at a dealer of others", method: "POST", path: mykaarmaLookup, body: `{"departmentUuids":["dep-1"]}`, options: two, status: 403, golden: "not-authorized.json"},
		{name: "role", method: "POST", path: inDepartment("dep-1", gus, "roleName/BDC%20Rep"), status: 200, golden: "associate-response.json"},
		{name: "role of nobody", method: "POST", path: inDepartment("dep-1", nobody, "roleName/Technician"), status: 200, golden: "associate-nobody.json"},
		{name: "role in another department", method: "POST", path: inDepartment("dep-2", gus, "roleName/Technician"), status: 200, golden: "associate-nobody.json"},
		{name: "role at a dealer of others", method: "POST", path: inDepartment("dep-1", gus, "roleName/Technician"), options: two, status: 403, golden: "not-authorized.json"},
		{name: "associate", method: "PUT", path: inDepartment("dep-1", gus, "dealerAssociate"), body: fixture(t, "mykaarma/associate-update-request.json"), status: 200, golden: "associate-response.json"},
		{name: "associate of nobody", method: "PUT", path: inDepartment("dep-1", nobody, "dealerAssociate"), body: mykaarmaInvalid, status: 200, golden: "associate-nobody.json"},
		{name: "associate in another department", method: "PUT", path: inDepartment("dep-9", hana, "dealerAssociate"), body: mykaarmaInvalid, status: 200, golden: "associate-nobody.json"},
		{name: "associate at a dealer of others", method: "PUT", path: inDepartment("dep-1", gus, "dealerAssociate"), body: mykaarmaInvalid, options: two, status: 403, golden: "not-authorized.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{MyKaarma: test.options})
			resp, text := askMyKaarma(t, w, test.method, test.path, test.body)
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, test.status, text)
			}
			if test.golden != "" {
				golden(t, "mykaarma/"+test.golden, text)
			}
			if kind := resp.Header.Get("Content-Type"); kind != mykaarmaJSON {
				t.Errorf("Content-Type %q", kind)
			}
			if id := resp.Header.Get("X-Request-Id"); decode(t, text)["apiRequestId"] != id || id == "" || resp.Header.Get("Date") == "" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
}

// What the API does not have is answered with a page, and has no effect.
func TestMyKaarmaNowhere(t *testing.T) {
	w := world(t, Options{})
	before := w.Users("mykaarma")
	for _, route := range []string{
		"GET /", "GET /manage/v2", "GET /manage/v2/user/partner", "PUT /manage/v2/user/partner", "POST /manage/v1/user/partner", "POST /v2/user/partner",
		"POST /manage/v2/users/partner", "POST /manage/v2/user/partner/", "POST /manage/v2/user/partner/" + gus, "PATCH /manage/v2/user/partner/" + gus,
		"GET /manage/v2/user/partner/" + gus, "DELETE /manage/v2/user/partner/" + gus, "PUT /manage/v2/user/partner/" + gus + "/x",
		"POST /manage/v2/dealer/d-1/users", "HEAD /manage/v2/dealer/d-1/users", "GET /manage/v2/dealers/d-1/users", "GET /manage/v2/dealer//users", "GET /manage/v2/dealer/d-1",
		"GET " + mykaarmaLookup, "PUT " + mykaarmaLookup, "OPTIONS " + mykaarmaLookup,
		"GET " + inDepartment("dep-1", gus, "dealerAssociate"), "POST " + inDepartment("dep-1", gus, "dealerAssociate"), "PUT " + inDepartment("", gus, "dealerAssociate"),
		"PUT " + inDepartment("dep-1", gus, "roleName/Technician"), "POST " + inDepartment("dep-1", gus, "roleName/"), "POST " + inDepartment("dep-1", gus, "roleName"),
		"POST " + inDepartment("dep-1", "a%2Fb", "roleName/Technician"), "POST /manage/v2/user/partner/roleName/Technician",
	} {
		method, path, _ := strings.Cut(route, " ")
		resp, text := askMyKaarma(t, w, method, path, "", "Authorization:")
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(kind, "text/html") || method != "HEAD" && !strings.Contains(text, "Sign in") {
			t.Errorf("%s: %d %s %s", route, resp.StatusCode, kind, text)
		}
	}
	if diff := cmp.Diff(before, w.Users("mykaarma")); diff != "" {
		t.Error(diff)
	}
}

// JSON is for those who ask for it. The effect is there all the same.
func TestMyKaarmaAccept(t *testing.T) {
	for accept, json := range map[string]bool{
		"application/json": true, "*/*": true, "application/*": true, "text/html, application/json;q=0.5": true, "Application/JSON; charset=utf-8": true,
		"": false, "application/x-protobuf": false, "application/json;q=0": false, "text/*": false, "application/jsonx": false, ";": false,
	} {
		w := world(t, Options{})
		resp, text := askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew, "Accept: "+accept)
		kind := resp.Header.Get("Content-Type")
		if want := map[bool]string{true: mykaarmaJSON, false: "application/x-protobuf"}[json]; kind != want || resp.StatusCode != 200 {
			t.Errorf("%q: %d %s %s", accept, resp.StatusCode, kind, text)
		}
		if !json && text != "\n\x0creq-00000001" {
			t.Errorf("%q: %q", accept, text)
		}
		if n := w.Counts().Created; n != 1 {
			t.Errorf("%q: %d created", accept, n)
		}
		// Errors are offered as JSON alone.
		if resp, _ := askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew, "Accept: "+accept); resp.StatusCode != 400 || resp.Header.Get("Content-Type") != mykaarmaJSON {
			t.Errorf("%q: %d %v", accept, resp.StatusCode, resp.Header)
		}
	}
}

// What a create stores, and which mails it sends.
func TestMyKaarmaCreate(t *testing.T) {
	invited := map[string]any{"inviteStatus": "PENDING", "invitedAt": "2026-11-21T09:30:00.123456789Z"}
	tests := []struct {
		name, body string
		want       map[string]any // beside what every new user has
		mails      int64
	}{
		{"the least", mykaarmaNew, nil, 0},
		{"everything", fixture(t, "mykaarma/create-request.json"), map[string]any{
			"username": "bsmith", "dmsID": "DMS-7", "phone": "+1 562 555 0100", "textNumber": "+1 562 555 0101", "roleUUID": "r-2",
			"imageUrl": "https://images.example/bill.png", "ssoFeatureEnabled": true, "bio": "Repairs what others give up.",
			"mfaFeatureEnabled": true, "nickName": "Billy", "inviteStatus": "PENDING", "invitedAt": "2026-11-21T09:30:00.123456789Z",
		}, 1},
		{"invited by mail", adding(`"userInvite":true,"sendEmail":true,"userInviteEmailTemplate":"SSO"`), invited, 1},
		{"invited by text", adding(`"userInvite":true,"sendText":true,"textNumber":"1"`), map[string]any{
			"textNumber": "1", "inviteStatus": "PENDING", "invitedAt": "2026-11-21T09:30:00.123456789Z",
		}, 0},
		{"invited by nothing", adding(`"userInvite":true`), nil, 0},
		{"a mail without an invitation", adding(`"sendEmail":true`), nil, 0},
		{"a mail and no invitation", adding(`"userInvite":false,"sendEmail":true`), nil, 0},
		{"a text without an invitation", adding(`"sendText":true`), nil, 0},
		{"an empty user name", adding(`"username":""`), nil, 0},
		{"a role that nobody knows", adding(`"roleUUID":"r-99"`), map[string]any{"roleUUID": "r-99"}, 0},
		{"empty texts", adding(`"bio":"","dmsID":""`), map[string]any{"bio": "", "dmsID": ""}, 0},
		{"flags that are off", adding(`"ssoFeatureEnabled":false`), map[string]any{"ssoFeatureEnabled": false}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			resp, text := askMyKaarma(t, w, "POST", mykaarmaMake, test.body)
			id, _ := decode(t, text)["userUuid"].(string)
			if resp.StatusCode != 200 || len(id) != 36 {
				t.Fatal(resp.StatusCode, text)
			}
			want := map[string]any{
				"id": id, "dealerUUID": "d-1", "emailAddress": "bill@example.com", "username": "bill@example.com",
				"firstName": "Bill", "lastName": "Smith", "roleUUID": "r-1", "departmentUUID": "dep-1", "isValid": true,
			}
			maps.Copy(want, test.want)
			u, _ := w.User("mykaarma", id)
			if diff := cmp.Diff(want, u.Data); diff != "" || u.Email != "bill@example.com" {
				t.Error(u.Email, diff)
			}
			if c := w.Counts(); c.Mails != test.mails || c.Created != 1 || c.Writes != 1 || c.Reads != 0 {
				t.Errorf("%+v", c)
			}
			if len(w.Users("mykaarma")) != 5 {
				t.Error("not one user more")
			}
		})
	}
}

func TestMyKaarmaUpdate(t *testing.T) {
	merges := MyKaarmaOptions{UpdateMerges: true}
	full := map[string]any{
		"firstName": "G", "lastName": "Hall", "emailAddress": "gus.hall@example.com", "username": "ghall", "phone": "1", "textNumber": "2",
		"imageUrl": "https://images.example/g.png", "bio": "New.",
	}
	tests := []struct {
		name, id, body string
		options        MyKaarmaOptions
		want           map[string]any // nil takes a member away
	}{
		{name: "every field", id: gus, body: fixture(t, "mykaarma/update-request.json"), want: full},
		{name: "every field, merged", id: gus, body: fixture(t, "mykaarma/update-request.json"), options: merges, want: full},
		{name: "what is not sent is emptied", id: gus, body: `{"emailAddress":"Gus@example.com","firstName":"G"}`, want: map[string]any{
			"firstName": "G", "lastName": nil, "username": "Gus@example.com", "phone": nil, "textNumber": nil, "imageUrl": nil, "bio": nil,
		}},
		{name: "what is not sent is kept", id: gus, body: `{"firstName":"G"}`, options: merges, want: map[string]any{"firstName": "G"}},
		{name: "nothing", id: gus, body: `{}`, options: merges},
		{name: "empty texts", id: gus, body: `{"bio":"","username":""}`, options: merges, want: map[string]any{"bio": "", "username": "Gus@example.com"}},
		{name: "own address in another case", id: gus, body: `{"emailAddress":"gus@EXAMPLE.com"}`, options: merges, want: map[string]any{"emailAddress": "gus@EXAMPLE.com"}},
		{name: "own user name in another case", id: gus, body: `{"username":"GUS"}`, options: merges, want: map[string]any{"username": "GUS"}},
		{name: "a user name of another dealer", id: jill, body: `{"username":"hana@example.com"}`, options: merges, want: map[string]any{"username": "hana@example.com"}},
		{name: "one of two departments", id: hana, body: `{"phone":"1"}`, options: merges, want: map[string]any{"phone": "1"}},
		{name: "one who is not valid", id: ivo, body: `{"phone":"1"}`, options: merges, want: map[string]any{"phone": "1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changes(t, test.options, "PUT", mykaarmaMake+"/"+test.id, test.body, test.id, test.want)
		})
	}
}

// changes sends a write and wants one user to have other values, where nil takes a
// member away, and every other user to be as he was.
func changes(t *testing.T, options MyKaarmaOptions, method, path, body, id string, want map[string]any) {
	t.Helper()
	w := world(t, Options{MyKaarma: options})
	others := w.Users("mykaarma")
	before, _ := w.User("mykaarma", id)
	resp, text := askMyKaarma(t, w, method, path, body)
	if resp.StatusCode != 200 || len(decode(t, text)["errors"].([]any)) > 0 {
		t.Fatal(resp.StatusCode, text)
	}
	after, _ := w.User("mykaarma", id)
	for name, value := range want {
		before.Data[name] = value
		if value == nil {
			delete(before.Data, name)
		}
	}
	if diff := cmp.Diff(before.Data, after.Data); diff != "" {
		t.Error(diff)
	}
	is := func(u User) bool { return u.ID == id }
	if diff := cmp.Diff(slices.DeleteFunc(others, is), slices.DeleteFunc(w.Users("mykaarma"), is)); diff != "" {
		t.Error("others changed", diff)
	}
	if c := w.Counts(); c.Mails != 0 || c.Writes != 1 {
		t.Errorf("%+v", c)
	}
}

func TestMyKaarmaRole(t *testing.T) {
	own := MyKaarmaOptions{Roles: map[string]string{"b": "Parts/Service", "a": "Parts/Service", "c": "Porter"}}
	second := func(role string) []any {
		return []any{map[string]any{"departmentUUID": "dep-2", "roleUUID": role, "dmsID": "DMS-2", "isValid": true}}
	}
	for _, test := range []struct {
		name, id, department, role string
		options                    MyKaarmaOptions
		want                       map[string]any
	}{
		{name: "another", id: gus, department: "dep-1", role: "Service%20Administrator", want: map[string]any{"roleUUID": "r-3"}},
		{name: "the same", id: gus, department: "dep-1", role: "Service%20Advisor"},
		{name: "in the second department", id: hana, department: "dep-2", role: "Technician", want: map[string]any{"associates": second("r-2")}},
		{name: "of one who is not valid", id: ivo, department: "dep-1", role: "Technician", want: map[string]any{"roleUUID": "r-2"}},
		{name: "of one who had none", id: jill, department: "dep-3", role: "Technician", want: map[string]any{"roleUUID": "r-2"}},
		{name: "one's own", id: gus, department: "dep-1", role: "Porter", options: own, want: map[string]any{"roleUUID": "c"}},
		{name: "the first of two", id: gus, department: "dep-1", role: "Parts%2FService", options: own, want: map[string]any{"roleUUID": "a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes(t, test.options, "POST", inDepartment(test.department, test.id, "roleName/"+test.role), "", test.id, test.want)
		})
	}
}

func TestMyKaarmaAssociateUpdate(t *testing.T) {
	second := func(valid bool) []any {
		return []any{map[string]any{"departmentUUID": "dep-2", "roleUUID": "Body Shop", "dmsID": "DMS-2", "isValid": valid}}
	}
	for _, test := range []struct {
		name, id, department, body string
		want                       map[string]any
	}{
		{"not valid", gus, "dep-1", mykaarmaInvalid, map[string]any{"isValid": false}},
		{"not valid, with everything", gus, "dep-1", fixture(t, "mykaarma/associate-update-request.json"), map[string]any{"isValid": false}},
		{"valid already", gus, "dep-1", mykaarmaValid, nil},
		{"valid again", ivo, "dep-1", mykaarmaValid, map[string]any{"isValid": true}},
		{"the first of two", hana, "dep-1", mykaarmaInvalid, map[string]any{"associateIsValid": false}},
		{"the second of two", hana, "dep-2", mykaarmaInvalid, map[string]any{"associates": second(false)}},
		{"without changeValidStatus", gus, "dep-1", `{"dealerAssociate":{"isValid":false}}`, nil},
		{"changeValidStatus false", gus, "dep-1", `{"dealerAssociate":{"isValid":false},"changeValidStatus":false}`, nil},
		{"no isValid", gus, "dep-1", `{"dealerAssociate":{"isValid":null,"associateDmsID":"x"}}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes(t, MyKaarmaOptions{}, "PUT", inDepartment(test.department, test.id, "dealerAssociate"), test.body, test.id, test.want)
		})
	}

	// The last department that ends makes the user invalid, the first that is given
	// back makes him valid, and the other one stays as it was.
	w := world(t, Options{})
	for i, step := range []struct {
		department, body string
		valid            bool
		associates       string
	}{
		{"dep-1", mykaarmaInvalid, true, "dep-1 false dep-2 true"},
		{"dep-2", mykaarmaInvalid, false, "dep-1 false dep-2 false"},
		{"dep-2", mykaarmaValid, true, "dep-1 false dep-2 true"},
		{"dep-1", mykaarmaValid, true, "dep-1 true dep-2 true"},
	} {
		askMyKaarma(t, w, "PUT", inDepartment(step.department, hana, "dealerAssociate"), step.body)
		_, text := askMyKaarma(t, w, "GET", mykaarmaDealer1+"?includeInvalid=true", "")
		if valid := dig(t, decode(t, text), "users", 1, "isValid"); valid != step.valid {
			t.Errorf("step %d: isValid %v", i, valid)
		}
		_, text = askMyKaarma(t, w, "GET", mykaarmaDealer1, "")
		if there := strings.Contains(text, hana); there != step.valid {
			t.Errorf("step %d: listed is %v", i, there)
		}
		got := []string{}
		for _, a := range mykaarmaAssociatesOf(t, w, `{"departmentUuids":["dep-1","dep-2"]}`) {
			if a["userUuid"] == hana {
				got = append(got, fmt.Sprint(dig(t, a, "department", "uuid"), " ", a["isValid"]))
			}
		}
		if slices.Sort(got); strings.Join(got, " ") != step.associates {
			t.Errorf("step %d: %v", i, got)
		}
		var saved strings.Builder
		if err := w.Save(&saved); err != nil {
			t.Fatal(err)
		}
		again := New(Options{})
		if err := again.Load(strings.NewReader(saved.String())); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w.Users("mykaarma"), again.Users("mykaarma")); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}

// mykaarmaAssociatesOf asks for dealer associates.
func mykaarmaAssociatesOf(t *testing.T, w *World, body string) map[string]map[string]any {
	t.Helper()
	resp, text := askMyKaarma(t, w, "POST", mykaarmaLookup, body)
	if resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, text)
	}
	all := map[string]map[string]any{}
	for id, a := range decode(t, text)["dealerAssociates"].(map[string]any) {
		all[id] = a.(map[string]any)
	}
	return all
}

// Which associates are answered, under their own UUIDs, and that asking is a read.
func TestMyKaarmaAssociates(t *testing.T) {
	w := world(t, Options{})
	place := map[string]string{} // the UUIDs by whose they are and where
	for id, a := range mykaarmaAssociatesOf(t, w, `{"departmentUuids":["dep-1","dep-2","dep-3","dep-4"]}`) {
		if a["uuid"] != id {
			t.Errorf("%s is %v", id, a["uuid"])
		}
		place[fmt.Sprint(dig(t, a, "department", "uuid"), a["firstName"])] = id
	}
	for _, test := range []struct {
		uuids, departments []string
		want               []string
	}{
		{nil, []string{"dep-1"}, []string{"dep-1Gus", "dep-1Hana", "dep-1Ivo"}},
		{nil, []string{"dep-2", "dep-3"}, []string{"dep-2Hana", "dep-3<nil>"}},
		{[]string{place["dep-1Gus"], place["dep-2Hana"], "none"}, nil, []string{"dep-1Gus", "dep-2Hana"}},
		{[]string{place["dep-1Gus"], place["dep-2Hana"]}, []string{"dep-2"}, []string{"dep-2Hana"}},
		{[]string{place["dep-1Gus"]}, []string{"dep-2"}, []string{}},
	} {
		quoted := func(list []string) string { return strings.ReplaceAll(fmt.Sprintf("%q", list), `" "`, `","`) }
		got := []string{}
		for _, a := range mykaarmaAssociatesOf(t, w, fmt.Sprintf(`{"dealerAssociateUuids":%s,"departmentUuids":%s}`, quoted(test.uuids), quoted(test.departments))) {
			got = append(got, fmt.Sprint(dig(t, a, "department", "uuid"), a["firstName"]))
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%v %v: %v", test.uuids, test.departments, got)
		}
	}
	if c := w.Counts(); c.Writes != 0 || c.Reads != 6 {
		t.Errorf("%+v", c)
	}
}

func TestMyKaarmaEffects(t *testing.T) {
	w := world(t, Options{})
	askMyKaarma(t, w, "POST", mykaarmaMake, fixture(t, "mykaarma/create-request.json"))
	askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew)
	askMyKaarma(t, w, "POST", inDepartment("dep-1", gus, "roleName/Technician"), "")
	askMyKaarma(t, w, "PUT", inDepartment("dep-1", gus, "dealerAssociate"), mykaarmaInvalid)
	askMyKaarma(t, w, "PUT", mykaarmaMake+"/"+gus, `{"emailAddress":"gus@example.com"}`)
	askMyKaarma(t, w, "GET", mykaarmaDealer1, "")
	askMyKaarma(t, w, "POST", mykaarmaLookup, `{"departmentUuids":["dep-1"]}`)
	want := Counts{Reads: 2, Writes: 5, Mails: 1, Created: 1, AtOnce: 1}
	if diff := cmp.Diff(want, w.Counts().Vendors["mykaarma"]); diff != "" {
		t.Error(diff)
	}
	// A new user has an id that nobody had.
	w.Remove("mykaarma", w.Users("mykaarma")[4].ID)
	_, first := askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew)
	w.Remove("mykaarma", decode(t, first)["userUuid"].(string))
	if _, second := askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew); decode(t, first)["userUuid"] == decode(t, second)["userUuid"] {
		t.Error("an id was used again")
	}
}
