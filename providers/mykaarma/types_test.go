package mykaarma

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/providers/internal/vendortest"
)

// userOf reads a user of the list with these members beside his id.
func userOf(t testing.TB, members string) (listed, error) {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(`{"uuid":"u-1",`+members+`}`), &o); err != nil {
		t.Fatal(err)
	}
	return o.user()
}

// Whoever has no address may sign in with one; whoever signs in with another one is
// known by both.
func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		name, members, email, address string
		aliases                       []string
	}{
		{"an address", `"email":"bill@example.com"`, bill, bill, nil},
		{"an address with blanks", `"email":" Bill@example.com ","userName":" bill@example.com "`, "Bill@example.com", "Bill@example.com", nil},
		{"a name beside it", `"email":"bill@example.com","userName":"bill"`, bill, bill, nil},
		{"the address as a name", `"email":"bill@example.com","userName":"BILL@example.com"`, bill, bill, nil},
		{"another address as a name", `"email":"bill@example.com","userName":"will@example.com"`, bill, bill, []string{"will@example.com"}},
		{"an address as a name alone", `"email":null,"userName":"bill@example.com"`, bill, "", nil},
		{"an empty address", `"email":"","userName":"bill@example.com"`, bill, "", nil},
		{"an address that is not shown", `"userName":"bill@example.com"`, bill, "", nil},
		{"no address", `"email":null,"userName":"bill"`, "", "", nil},
		{"nothing", `"email":"","userName":null`, "", "", nil},
	} {
		u, err := userOf(t, test.members)
		if err != nil || u.Email != test.email || u.address != test.address {
			t.Errorf("%s: %+v %v", test.name, u, err)
		}
		if diff := cmp.Diff(test.aliases, u.Aliases); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// What the list shows, and what it does not: what is missing is not shown, null is
// empty, and whether somebody is valid has no empty.
func TestShown(t *testing.T) {
	u, err := userOf(t, `"email":"bill@example.com","firstName":"","lastName":null,"phone":"1","isValid":null,"passwordExpires":7,"forcePasswordChange":"x","latestInviteStatus":{}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shown(map[string]any{"firstName": nil, "lastName": nil, "phone": "1"}), u.Attributes); diff != "" {
		t.Error(diff)
	}
	for _, valid := range []bool{true, false} {
		u, err := userOf(t, fmt.Sprintf(`"email":"bill@example.com","isValid":%v`, valid))
		if err != nil || u.Attributes[isValid] != providers.Show(valid) {
			t.Errorf("%v: %+v %v", valid, u.Attributes, err)
		}
	}
	for _, f := range fields {
		if f.name == emailAddress {
			continue
		}
		for _, value := range []string{"7", "[]", "{}", "true"} {
			u, err := userOf(t, fmt.Sprintf(`"email":"bill@example.com",%q:%s`, f.listed, value))
			if !errors.Is(err, errForm) || !strings.HasSuffix(err.Error(), "at users."+f.listed) || (u.User == nil) != (f.name == username) {
				t.Errorf("%s %s: %v", f.listed, value, err)
			}
		}
	}
	for _, value := range []string{"7", `"true"`, "[]"} {
		if u, err := userOf(t, `"email":"bill@example.com","isValid":`+value); !errors.Is(err, errForm) || u.User == nil {
			t.Errorf("isValid %s: %v", value, err)
		}
	}
}

// A role is that of the one associate, or of the one that is valid, in the configured
// departments; what is no such thing is not shown.
func TestRoles(t *testing.T) {
	one := func(valid, department, role string) string {
		members := []string{`"userUuid":"u-1"`}
		if valid != "" {
			members = append(members, `"isValid":`+valid)
		}
		if department != "" {
			members = append(members, `"department":{"uuid":"`+department+`"}`)
		}
		if role != "" {
			members = append(members, `"role":`+role)
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	const advisor, technician, cashier = `{"roleName":"Service Advisor"}`, `{"roleName":"Technician"}`, `{"roleName":"Cashier"}`
	for _, test := range []struct {
		name  string
		all   []string
		shown bool
		want  any
	}{
		{"none", nil, false, nil},
		{"one", []string{one("true", "dep-1", advisor)}, true, "r-1"},
		{"one that is not valid", []string{one("false", "dep-1", technician)}, true, "r-2"},
		{"one of which it is not shown", []string{one("", "dep-1", technician)}, true, "r-2"},
		{"one whose department is not shown", []string{one("true", "", technician)}, true, "r-2"},
		{"a role that is not configured", []string{one("true", "dep-1", cashier)}, true, "Cashier"},
		{"a role that is null", []string{one("true", "dep-1", `{"roleName":null}`)}, true, nil},
		{"a role that is not shown", []string{one("true", "dep-1", `{}`)}, false, nil},
		{"no role", []string{one("true", "dep-1", "")}, false, nil},
		{"null for a role", []string{one("true", "dep-1", "null")}, false, nil},
		{"two of which one is valid", []string{one("false", "dep-1", advisor), one("true", "dep-2", technician)}, true, "r-2"},
		{"two that are valid", []string{one("true", "dep-1", advisor), one("true", "dep-2", technician)}, false, nil},
		{"two that are valid, of one role", []string{one("true", "dep-1", advisor), one("true", "dep-2", advisor)}, false, nil},
		{"two that are not", []string{one("false", "dep-1", advisor), one("false", "dep-2", technician)}, false, nil},
		{"two of which one is not shown", []string{one("", "dep-1", advisor), one("true", "dep-2", technician)}, false, nil},
		{"one more in another department", []string{one("true", "dep-1", advisor), one("true", "dep-9", technician)}, true, "r-1"},
		{"one in another department alone", []string{one("true", "dep-9", technician)}, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var members []string
			for i, a := range test.all {
				members = append(members, fmt.Sprintf(`"da-%d":%s`, i, a))
			}
			answer := associates().Answers(`{"errors":[],"dealerAssociates":{` + strings.Join(members, ",") + `}}`)
			users, err := vendor.Connect(t, vendor.Plays(t, list(), answer), roles).Lists().List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := users[0].Attributes[roleUUID]; got.Shown != test.shown || got.Data != test.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Whatever a vendor answers, reading it does not panic, reads the same twice, and what
// is read holds together.
func FuzzAnswer(f *testing.F) {
	for _, name := range []string{
		"list-response.json", "list-all-response.json", "list-none-response.json", "associates-response.json", "associates-two-response.json", "write-response.json",
		"duplicate-response.json", "associate-response.json", "associate-refused-response.json", "error-400.json", "error-403.json",
	} {
		f.Add(vendortest.Fixture(f, name))
	}
	for _, text := range []string{
		`{"users":[{"uuid":"u","email":null,"userName":" a@b.example ","isValid":null}]}`, `{"users":[null]}`, `null`, `[]`, `{"errors":[{"errorCode":1e3}],"userUuid":"u"}`,
		`{"dealerAssociates":{"x":null,"y":{"userUuid":"u","role":{"roleName":null}}}}`, `{"users":[{"uuid":"u","email":"A@b.example","userName":"c@d.example","phone":""}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		response := &rest.Response{Status: 200, Body: data}
		id, err := wrote(response, writtenID)
		if again, errAgain := wrote(response, writtenID); again != id || fmt.Sprint(err) != fmt.Sprint(errAgain) || (err == nil) == (id == "") {
			t.Fatalf("%q %v, %q %v", id, err, again, errAgain)
		}
		_, _ = errorCode(data)
		_ = requestID(data)
		e, err := unwrap(response)
		if err != nil {
			if rest.KindOf(err) != rest.KindAnswer {
				t.Fatalf("error %v", err)
			}
			return
		}
		records, _, _ := read[[]object](e.object, "users", "")
		for _, record := range records {
			user, err := record.user()
			again, errAgain := record.user()
			if diff := cmp.Diff(user.User, again.User); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
				t.Fatalf("%v %v:\n%s", err, errAgain, diff)
			}
			switch {
			case err == nil:
				vendor.Sound(t, user.User)
			case !errors.Is(err, errForm), user.User != nil && user.ID == "":
				t.Fatalf("%v beside %v", user, err)
			}
		}
		found, _, _ := read[map[string]object](e.object, "dealerAssociates", "")
		var all []associate
		for _, record := range found {
			if a, err := record.associate(); err == nil && a.user == "" || err != nil && !errors.Is(err, errForm) {
				t.Fatalf("%+v %v", a, err)
			} else if err == nil {
				all = append(all, a)
			}
		}
		if a, known := sole(all); known && a.user == "" || !known && len(all) == 1 {
			t.Fatalf("%+v %v of %v", a, known, all)
		}
	})
}
