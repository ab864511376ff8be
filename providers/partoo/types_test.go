package partoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	return r.user("")
}

// Not shown, empty and a value are told apart for every attribute.
func TestShown(t *testing.T) {
	hidden, empty := providers.Live{}, providers.Live{Shown: true}
	texts := map[string]providers.Live{"": hidden, "null": empty, `""`: empty, `"x"`: providers.Show("x")}
	flags := map[string]providers.Live{"": hidden, "null": empty, "false": providers.Show(false), "true": providers.Show(true)}
	scopeOf := map[string]string{accesses: groupManager, businessIDs: businessManager} // which they are shown for
	lists := map[string]providers.Live{"": hidden, "null": empty, "[]": empty, `["b","a"]`: providers.Show(vendortest.Texts("b", "a"))}
	for name, cases := range map[string]map[string]providers.Live{
		"first_name": texts, "last_name": texts, roleName: texts, customRole: texts, "lang": texts, "phone": texts,
		"sso_only": flags, disabled: flags,
		"org_id":    {"": hidden, "null": empty, "0": providers.Show(int64(0)), "42": providers.Show(int64(42)), "-1": providers.Show(int64(-1)), "9223372036854775807": providers.Show(int64(9223372036854775807))},
		"keywords":  lists,
		businessIDs: lists,
		accesses: {
			"": hidden, "null": empty, "[]": empty, "[[]]": providers.Show([]any{[]any{}}), "[[1,2],[1,3]]": providers.Show(access12and13()),
			"[[9007199254740993]]": providers.Show([]any{groupIDs(9007199254740993)}),
		},
		sidebarPages: {"": hidden, "null": providers.Show(allPages()), "[]": empty, `["posts"]`: providers.Show(vendortest.Texts("posts")), `["new_page"]`: providers.Show(vendortest.Texts("new_page"))},
	} {
		for value, want := range cases {
			members := `"features":["posts"],"new":{"a":[null]}`
			if role := scopeOf[name]; role != "" {
				members += `,"role":"` + role + `"`
			}
			if value != "" {
				members += fmt.Sprintf(`,%q:%s`, name, value)
			}
			// The lists that give a role its scope count beside that role only.
			role, scoped := map[string]string{accesses: groupManager, businessIDs: businessManager}[name]
			if scoped {
				members += fmt.Sprintf(`,"role":%q`, role)
			}
			user, err := shownAs(t, members)
			if err != nil {
				t.Fatalf("%s: %v", members, err)
			}
			got, stands := user.Attributes[name]
			if diff := cmp.Diff(want, got); diff != "" || stands != want.Shown {
				t.Errorf("%s %s:\n%s", name, value, diff)
			}
			if name != roleName && !scoped && len(user.Attributes) > 1 {
				t.Errorf("%s shows %v", members, user.Attributes)
			}
		}
	}
}

// Whoever is read has his id and his address, without blanks around it; where that
// is not shown it is empty.
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

// The list that gives a role its scope counts for that role alone: at another one
// it is empty, whether the vendor shows something of it or not. Where the role is not
// shown, neither are they: whether they count is not known.
func TestScopeOfRole(t *testing.T) {
	hidden, empty := providers.Live{}, providers.Live{Shown: true}
	groups, businesses := providers.Show([]any{groupIDs(1)}), providers.Show(vendortest.Texts("b1"))
	const both = `,"accesses":[[1]],"business_ids":["b1"]`
	for _, test := range []struct {
		members            string
		accesses, business providers.Live
	}{
		{`"role":"GROUP_MANAGER"` + both, groups, empty},
		{`"role":"GROUP_MANAGER"`, hidden, empty},
		{`"role":"GROUP_MANAGER","accesses":[],"business_ids":null`, empty, empty},
		{`"role":"BUSINESS_MANAGER"` + both, empty, businesses},
		{`"role":"BUSINESS_MANAGER"`, empty, hidden},
		{`"role":"ORG_ADMIN"` + both, empty, empty},
		{`"role":"ORG_MANAGER"` + both, empty, empty},
		{`"role":"PUBLISHER"`, empty, empty},
		{`"role":"PROVIDER"` + both, empty, empty},
		{`"role":"NEW_ROLE"` + both, empty, empty},
		{`"role":null` + both, hidden, hidden},
		{`"x":1` + both, hidden, hidden},
	} {
		user, err := shownAs(t, test.members)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]providers.Live{test.accesses, test.business}, []providers.Live{user.Attributes[accesses], user.Attributes[businessIDs]}); diff != "" {
			t.Errorf("%s:\n%s", test.members, diff)
		}
	}
	user, err := shownAs(t, `"role":"PROVIDER"`)
	if err != nil || user.Attributes[roleName] != providers.Show("PROVIDER") {
		t.Errorf("%+v %v", user, err)
	}
}

// A wrong type is an error that names its place; what nobody asks for may have
// any.
func TestWrongTypes(t *testing.T) {
	for name, values := range map[string][]string{
		"email": {"7", "[]", "{}", "true"}, "first_name": {"7", "[]"}, "last_name": {"{}"}, roleName: {"7", `["ORG_ADMIN"]`}, customRole: {"7", "{}"}, "lang": {"false"}, "phone": {"33123456789"},
		"sso_only": {`"true"`, "1", "[]"}, disabled: {`"False"`, "0", "{}"},
		"org_id":     {`"42"`, "42.5", "4.2e1", "1e400", "9223372036854775808", "[]", "true"},
		businessIDs:  {`"b1"`, "{}", "[7]", "[null]", `["b1",null]`, `[["b1"]]`},
		"keywords":   {`"north"`, "[7]", "[null]"},
		sidebarPages: {`"posts"`, `{"posts":true}`, "[7]", "[null]"},
		accesses:     {"1", "{}", "[1]", `["1"]`, `[["1"]]`, "[[1.5]]", "[[null]]", "[null]", "[[1],null]", "[[[1]]]", "[[9223372036854775808]]"},
	} {
		for _, value := range values {
			user, err := shownAs(t, fmt.Sprintf(`%q:%s`, name, value))
			if !errors.Is(err, errForm) || !strings.HasSuffix(err.Error(), "at users."+name) || (user == nil) != (name == "email") {
				t.Errorf("%s %s: %v %v", name, value, user, err)
			}
		}
	}
	for _, id := range []string{`null`, `""`, `7`, `[]`, `{}`} {
		var r record
		if err := json.Unmarshal([]byte(`{"id":`+id+`}`), &r); err != nil {
			t.Fatal(err)
		}
		if user, err := r.user(""); user != nil || !errors.Is(err, errForm) || !strings.HasSuffix(err.Error(), "at users.id") {
			t.Errorf("id %s: %v %v", id, user, err)
		}
	}
	if user, err := shownAs(t, `"status":7,"created_at":"yesterday","provider":[],"features":"all","group_id":{},"shadow_user_id":null,"reports":1,"new":0.5`); err != nil || len(user.Attributes) != 0 {
		t.Errorf("%+v %v", user, err)
	}
}

// The body of a write has what was given and nothing else, and what was given is
// left as it was.
func TestBody(t *testing.T) {
	for name, test := range map[string]struct {
		values map[string]any
		want   map[string]any
	}{
		"nothing":                    {nil, map[string]any{}},
		"a value":                    {map[string]any{"lang": "fr"}, map[string]any{"lang": "fr"}},
		"false and empty are values": {map[string]any{disabled: false, accesses: []any{}}, map[string]any{disabled: false, accesses: []any{}}},
		"the welcome mail is none":   {map[string]any{welcomeEmail: true, "lang": "fr"}, map[string]any{"lang": "fr"}},
		// What the new role does not read does not count any more, and may be refused.
		"a scope taken with its role": {
			map[string]any{roleName: "ORG_MANAGER", accesses: []any{}, businessIDs: []any{}}, map[string]any{roleName: "ORG_MANAGER"},
		},
		"a scope taken for another one's": {
			map[string]any{roleName: businessManager, accesses: []any{}, businessIDs: []any{"b1"}}, map[string]any{roleName: businessManager, businessIDs: []any{"b1"}},
		},
		"a scope emptied at its role": {
			map[string]any{roleName: groupManager, accesses: []any{}, "keywords": []any{}}, map[string]any{roleName: groupManager, accesses: []any{}, "keywords": []any{}},
		},
		"a scope that the role does not read": {
			map[string]any{roleName: groupManager, businessIDs: []any{"b1"}}, map[string]any{roleName: groupManager, businessIDs: []any{"b1"}},
		},
	} {
		given := maps.Clone(test.values)
		if diff := cmp.Diff(test.want, body(test.values)) + cmp.Diff(given, test.values); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Whatever a vendor answers, for one user or for a page of them, reading it does
// not panic, reads the same twice, and what is read holds together.
func FuzzRecord(f *testing.F) {
	for _, name := range []string{
		"get-response.json", "search-one-response.json", "search-empty-response.json", "search-page-1-response.json", "write-response.json",
		"error-400.json", "error-404-guide.json",
	} {
		f.Add(vendortest.Fixture(f, name))
	}
	for _, text := range []string{
		`{"id":"U-1","role":"PROVIDER","accesses":[[1],null],"business_ids":[null],"sidebar_pages":null,"org_id":4.2e1}`,
		`{"id":"U-1","role":"GROUP_MANAGER","accesses":[[],[2,1,2]],"disabled":null,"email":" A@b.example "}`,
		`{"id":null}`, `null`, `{"users":[null,{}]}`, `{"users":[{"id":"U-1","disabled":true}],"count":-1,"max_page":1e9}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, organization := range []string{"", "42"} {
			var first, second record
			if json.Unmarshal(data, &first) != nil || json.Unmarshal(data, &second) != nil {
				continue
			}
			user, err := first.user(organization)
			again, errAgain := second.user(organization)
			if diff := cmp.Diff(user, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
				t.Fatalf("%v %v:\n%s", err, errAgain, diff)
			}
			switch {
			case err == nil:
				vendor.Sound(t, user)
			case user != nil && user.ID == "", !errors.Is(err, errForm) && !errors.Is(err, errOrganization):
				t.Fatalf("%v beside %v", user, err)
			}
		}
		page, err := reader{}.page("1", &rest.Response{Status: 200, Body: data})
		again, errAgain := reader{}.page("1", &rest.Response{Status: 200, Body: data})
		byText := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
		if diff := cmp.Diff(page, again, byText); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%v %v:\n%s", err, errAgain, diff)
		}
		if err != nil {
			if rest.KindOf(err) != rest.KindAnswer {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, user := range page.Items {
			switch {
			case user.Unreadable == nil:
				vendor.Sound(t, user)
			case user.ID == "" || user.Attributes != nil || rest.KindOf(user.Unreadable) != rest.KindAnswer:
				t.Fatalf("%+v", user)
			}
		}
		if len(page.Items) == 0 && (page.Next != "" || page.Last) {
			t.Fatalf("an empty page goes on: %+v", page)
		}
	})
}
