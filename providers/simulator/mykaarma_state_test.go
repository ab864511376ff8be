package simulator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a seed may say in more than one way is kept in one.
func TestMyKaarmaRecords(t *testing.T) {
	type object = map[string]any
	type list = []any
	for _, test := range []struct {
		name        string
		given, want object // beside the id, the dealer and the address
	}{
		{"the least", object{}, object{"username": "a@b.example", "isValid": true}},
		{"an empty user name", object{"username": ""}, object{"username": "a@b.example", "isValid": true}},
		{"one department", object{"departmentUUID": "p", "roleUUID": "r-1"}, object{"username": "a@b.example", "isValid": true, "departmentUUID": "p", "roleUUID": "r-1"}},
		{
			"departments in the list alone",
			object{"associates": list{object{"departmentUUID": "p", "dmsID": "1"}, object{"departmentUUID": "q", "isValid": false}}},
			object{
				"username": "a@b.example", "isValid": true, "departmentUUID": "p", "dmsID": "1",
				"associates": list{object{"departmentUUID": "q", "isValid": false}},
			},
		},
		{
			"not valid, so nowhere",
			object{"isValid": false, "departmentUUID": "p", "associateIsValid": true, "associates": list{object{"departmentUUID": "q", "isValid": true}}},
			object{"username": "a@b.example", "isValid": false, "departmentUUID": "p", "associates": list{object{"departmentUUID": "q", "isValid": false}}},
		},
		{
			"valid nowhere, so not valid",
			object{"isValid": true, "departmentUUID": "p", "associateIsValid": false, "associates": list{object{"departmentUUID": "q", "isValid": false}}},
			object{"username": "a@b.example", "isValid": false, "departmentUUID": "p", "associates": list{object{"departmentUUID": "q", "isValid": false}}},
		},
		{
			"valid in the second alone",
			object{"departmentUUID": "p", "associateIsValid": false, "associates": list{object{"departmentUUID": "q"}}},
			object{"username": "a@b.example", "isValid": true, "departmentUUID": "p", "associateIsValid": false, "associates": list{object{"departmentUUID": "q", "isValid": true}}},
		},
		{"valid, and in no department", object{"isValid": true}, object{"username": "a@b.example", "isValid": true}},
		{"invited", object{"inviteStatus": "ACTIVE", "invitedAt": "2026-01-01T00:00:00+02:00"}, object{
			"username": "a@b.example", "isValid": true, "inviteStatus": "ACTIVE", "invitedAt": "2025-12-31T22:00:00Z",
		}},
	} {
		w := New(Options{})
		test.given["dealerUUID"], test.given["emailAddress"] = "d-1", "a@b.example"
		id, err := w.Add("mykaarma", test.given)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		test.want["id"], test.want["dealerUUID"], test.want["emailAddress"] = id, "d-1", "a@b.example"
		u, _ := w.User("mykaarma", id)
		if diff := cmp.Diff(test.want, u.Data); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// Who is made invalid behind the back of everybody is invalid everywhere, and what
// one test does to a record another can not see.
func TestMyKaarmaHooks(t *testing.T) {
	w := world(t, Options{})
	if err := w.Edit("mykaarma", hana, func(data map[string]any) { data["isValid"] = false }); err != nil {
		t.Fatal(err)
	}
	for _, a := range mykaarmaAssociatesOf(t, w, `{"departmentUuids":["dep-1","dep-2"]}`) {
		if a["userUuid"] == hana && a["isValid"] != false {
			t.Errorf("%v", a)
		}
	}
	if _, text := askMyKaarma(t, w, "GET", mykaarmaDealer1, ""); strings.Contains(text, hana) {
		t.Error("she is listed")
	}
	u, _ := w.User("mykaarma", hana)
	u.Data["associates"].([]any)[0].(map[string]any)["dmsID"] = "other"
	if again, _ := w.User("mykaarma", hana); again.Data["associates"].([]any)[0].(map[string]any)["dmsID"] != "DMS-2" {
		t.Error("the state was reached through a copy")
	}
	// An address may be there twice, whatever the vendor says.
	if _, err := w.Add("mykaarma", map[string]any{"dealerUUID": "d-1", "emailAddress": "gus@example.com", "departmentUUID": "dep-1"}); err != nil {
		t.Error(err)
	}
	// Whoever is gone leaves address and user name to others.
	for _, other := range w.Users("mykaarma") {
		w.Remove("mykaarma", other.ID)
	}
	if resp, text := askMyKaarma(t, w, "POST", mykaarmaMake, strings.Replace(adding(`"username":"gus"`), "bill@", "gus@", 1)); resp.StatusCode != 200 {
		t.Error(text)
	}
}

// What a write changed is saved soon; what was read or refused is not worth it.
func TestMyKaarmaSaves(t *testing.T) {
	for _, test := range []struct {
		method, path, body string
		saves              bool
	}{
		{"POST", mykaarmaMake, mykaarmaNew, true},
		{"PUT", mykaarmaMake + "/" + gus, `{"emailAddress":"gus@example.com"}`, true},
		{"POST", inDepartment("dep-1", gus, "roleName/Technician"), "", true},
		{"PUT", inDepartment("dep-1", gus, "dealerAssociate"), mykaarmaInvalid, true},
		{"POST", mykaarmaMake, `{}`, false},
		{"POST", inDepartment("dep-9", gus, "roleName/Technician"), "", false},
		{"POST", mykaarmaLookup, `{"departmentUuids":["dep-1"]}`, false},
		{"GET", mykaarmaDealer1, "", false},
	} {
		w := world(t, Options{})
		w.store = &store{dirty: make(chan struct{}, 1)}
		askMyKaarma(t, w, test.method, test.path, test.body)
		if saves := len(w.store.dirty) > 0; saves != test.saves {
			t.Errorf("%s %s %s: saved is %v", test.method, test.path, test.body, saves)
		}
	}
}

// The same as FuzzLoad with one user of myKaarma, so that every input comes as far
// as that.
func FuzzLoadMyKaarma(f *testing.F) {
	f.Add(`"dealerUUID":"d","emailAddress":"a@b.example"`)
	f.Add(`"id":"1","dealerUUID":"d","emailAddress":"A@b.example","username":"a","departmentUUID":"p","roleUUID":"r-1","ssoFeatureEnabled":false,"isValid":false`)
	f.Add(`"dealerUUID":"d","emailAddress":"a","departmentUUID":"p","associateIsValid":false,"associates":[{"departmentUUID":"q"},{"departmentUUID":"r","isValid":false}]`)
	f.Add(`"dealerUUID":"d","emailAddress":"a","associates":[{"departmentUUID":"q","dmsID":""}],"inviteStatus":"","invitedAt":"2026-01-01T00:00:00.5+01:00"`)
	f.Fuzz(func(t *testing.T, members string) { roundTrip(t, `{"mykaarma":{"users":[{`+members+`}]}}`) })
}

// Whatever the body, a write is done or refused, and leaves a state that can be
// read again.
func FuzzMyKaarmaBody(f *testing.F) {
	f.Add(mykaarmaNew)
	f.Add(mykaarmaInvalid)
	f.Add(`{"dealerAssociate":{"role":{"roleName":null},"department":{"dealer":{}}},"changeValidStatus":false}`)
	f.Add(`{"departmentUuids":["dep-1"],"dealerAssociateUuids":[],"validate":true}`)
	f.Add(`{"emailAddress":"a@b","firstName":"","lastName":"\u0000","username":"","bio":"x"}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := world(t, Options{})
		for _, request := range [][2]string{
			{"POST", mykaarmaMake}, {"PUT", mykaarmaMake + "/" + gus}, {"POST", mykaarmaLookup}, {"PUT", inDepartment("dep-1", hana, "dealerAssociate")},
		} {
			resp, text := askMyKaarma(t, w, request[0], request[1], body, "Content-Type: "+mykaarmaJSON)
			if resp.StatusCode != 200 && resp.StatusCode != 400 || decode(t, text)["apiRequestId"] == "" {
				t.Fatalf("%v: %d %s", request, resp.StatusCode, text)
			}
		}
		var saved strings.Builder
		if err := w.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
			t.Fatal(err)
		}
	})
}
