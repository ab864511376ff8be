package myreports

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

// shownAs reads a user with these members beside the id.
func shownAs(t testing.TB, members string) (*providers.User, error) {
	t.Helper()
	if members != "" {
		members = "," + members
	}
	var r record
	if err := json.Unmarshal([]byte(`{"id":"U-1"`+members+`}`), &r); err != nil {
		t.Fatalf("%v in %s", err, members)
	}
	return r.user()
}

// Not shown, empty and a value are told apart for every attribute.
func TestShown(t *testing.T) {
	hidden, empty := providers.Live{}, providers.Live{Shown: true}
	texts := map[string]providers.Live{"": hidden, "null": empty, `""`: empty, `"x"`: providers.Show("x")}
	for name, cases := range map[string]map[string]providers.Live{
		displayName: texts, primaryTenant: texts,
		rolesName: {"": hidden, "null": empty, "[]": empty, `["b","a"]`: providers.Show(vendortest.Texts("b", "a")), `["new.role"]`: providers.Show(vendortest.Texts("new.role"))},
	} {
		for value, want := range cases {
			members := `"isParent":true,"new":{"a":[null]}`
			if value != "" {
				members += fmt.Sprintf(`,%q:%s`, name, value)
			}
			user, err := shownAs(t, members)
			if err != nil {
				t.Fatalf("%s: %v", members, err)
			}
			got, stands := user.Attributes[name]
			if diff := cmp.Diff(want, got); diff != "" || stands != want.Shown || len(user.Attributes) > 1 {
				t.Errorf("%s %s: %v\n%s", name, value, user.Attributes, diff)
			}
		}
	}
}

// Whoever is read has his id and his address, without blanks around it; where that is
// not shown it is empty.
func TestIdentity(t *testing.T) {
	for members, email := range map[string]string{
		`"email":"Ana@Example.com"`: "Ana@Example.com", `"email":" ana@example.com\n"`: "ana@example.com", `"email":null`: "", `"email":""`: "", "": "", `"Email":"ana@example.com"`: "",
	} {
		user, err := shownAs(t, members)
		if err != nil || user.ID != "U-1" || user.Email != email {
			t.Errorf("%s: %+v %v", members, user, err)
		}
	}
}

// A wrong type is an error that names its place; what nobody asks for may have any.
func TestWrongTypes(t *testing.T) {
	for name, values := range map[string][]string{
		"email": {"7", "[]", "{}", "true"}, displayName: {"7", "[]", "false"}, primaryTenant: {"{}", "1.5"},
		rolesName: {`"account.user"`, "{}", "[7]", "[null]", `["a",null]`, `[["a"]]`, "true"},
	} {
		for _, value := range values {
			user, err := shownAs(t, fmt.Sprintf(`%q:%s`, name, value))
			if !errors.Is(err, errForm) || !strings.HasSuffix(err.Error(), "at data."+name) || (user == nil) != (name == "email") {
				t.Errorf("%s %s: %v %v", name, value, user, err)
			}
		}
	}
	for _, id := range []string{`null`, `""`, `7`, `[]`, `{}`} {
		var r record
		if err := json.Unmarshal([]byte(`{"id":`+id+`}`), &r); err != nil {
			t.Fatal(err)
		}
		if user, err := r.user(); user != nil || !errors.Is(err, errForm) || !strings.HasSuffix(err.Error(), "at data.id") {
			t.Errorf("id %s: %v %v", id, user, err)
		}
	}
}

// The bodies of writes have what was given and the role that everybody has, and what
// was given is left as it was.
func TestBodies(t *testing.T) {
	given := map[string]any{displayName: "N", rolesName: vendortest.Texts("user.admin")}
	body := draft(providers.Draft{Email: "a@example.com", Values: given})
	if diff := cmp.Diff(map[string]any{"email": "a@example.com", displayName: "N", rolesName: vendortest.Texts(signIn, "user.admin")}, body); diff != "" {
		t.Error(diff)
	}
	want := []operation{{"replace", "/displayName", "N"}, {"replace", "/roles", vendortest.Texts(signIn, "user.admin")}}
	if diff := cmp.Diff(want, patch(given)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{displayName: "N", rolesName: vendortest.Texts("user.admin")}, given); diff != "" {
		t.Errorf("what was given is changed:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"email": "a@example.com", rolesName: vendortest.Texts(signIn)}, draft(providers.Draft{Email: "a@example.com"})); diff != "" {
		t.Error(diff)
	}
	if text, err := json.Marshal(patch(nil)); err != nil || string(text) != "[]" {
		t.Errorf("%s %v", text, err)
	}
}

// Whatever a vendor answers, for one user or for a page of them, reading it does not
// panic, reads the same twice, and what is read holds together.
func FuzzRecord(f *testing.F) {
	for _, name := range []string{
		"get-response.json", "create-joined-response.json", "list-response.json", "list-empty-response.json", "write-response.json", "error-400-primary.json", "error-404.json",
	} {
		f.Add(vendortest.Fixture(f, name))
	}
	for _, text := range []string{
		`{"data":{"id":"U-1","email":" A@b.example ","roles":["a","a"],"primaryTenant":null}}`, `{"data":[null,{}],"status":"success"}`,
		`{"data":[{"id":"U-1"}],"page_index":1,"page_size":-1}`, `{"data":null}`, `null`, `{"data":{"id":null,"roles":[null]},"status":null}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		errorCode(data)
		read := func() (user *providers.User, found rest.Page[*providers.User], failed string) {
			response := &rest.Response{Status: 200, Body: data}
			var answer one
			if err := response.Decode(&answer); err == nil {
				user, err = answer.user()
				if user == nil && err == nil || err != nil && !errors.Is(err, errForm) {
					t.Fatalf("%v beside %v", user, err)
				}
				if err == nil {
					vendor.Sound(t, user)
				}
				failed = fmt.Sprint(err)
			}
			found, err := (&listing{limit: pageSize}).page("", response)
			if err != nil && rest.KindOf(err) != rest.KindAnswer {
				t.Fatalf("error %v", err)
			}
			return user, found, failed + fmt.Sprint(err)
		}
		user, page, failed := read()
		again, pageAgain, failedAgain := read()
		byText := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
		if diff := cmp.Diff(user, again, byText) + cmp.Diff(page, pageAgain, byText); diff != "" || failed != failedAgain {
			t.Fatalf("%s %s:\n%s", failed, failedAgain, diff)
		}
		for _, user := range page.Items {
			switch {
			case user.Unreadable == nil:
				vendor.Sound(t, user)
			case user.ID == "" || user.Attributes != nil || rest.KindOf(user.Unreadable) != rest.KindAnswer:
				t.Fatalf("%+v", user)
			}
		}
		if len(page.Items) == 0 && page.Next != "" {
			t.Fatalf("an empty page goes on: %+v", page)
		}
	})
}
