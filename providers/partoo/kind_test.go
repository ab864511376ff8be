package partoo

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// What the kind declares is what the vendor documents.
func TestKind(t *testing.T) {
	kind := Kind()
	var said []string
	for _, c := range kind.Capabilities {
		said = append(said, c.Operation)
		if old := c.Operation == "self"; c.Source == "" || c.How == "" || c.Evidence != map[bool]providers.Evidence{true: providers.Assumed, false: providers.Documented}[old] {
			t.Errorf("%+v", c)
		}
	}
	if diff := cmp.Diff([]string{"find", "create", "update", "suspend", "restore", "delete", "invite", "self", "administrators"}, said); diff != "" {
		t.Error(diff)
	}
	for _, action := range []string{"suspend", "restore", "delete"} {
		if kind.Notes(action) == "" {
			t.Errorf("nothing is said of %s", action)
		}
	}
	if kind.Notes("update") != "" || kind.OnLeave != sources.LeaveSuspend || kind.Rate.String() != "4/s" || kind.BaseURL != "https://api.partoo.co/v2" {
		t.Errorf("%q %s %s %s", kind.Notes("update"), kind.OnLeave, kind.Rate, kind.BaseURL)
	}
	if kind.AbsenceReads != 2 || kind.Remedies[disabled] == "" {
		t.Errorf("%d requests prove that somebody is absent, %q", kind.AbsenceReads, kind.Remedies)
	}
	if !kind.ReadBack || !kind.Readdress || !slices.Equal(kind.Required, []string{"first_name", "last_name"}) || !slices.Equal(kind.Account, []string{"organization"}) {
		t.Errorf("%+v", kind)
	}
	if diff := cmp.Diff(map[string]any{disabled: true}, kind.Suspension.Suspended) + cmp.Diff(map[string]any{disabled: false}, kind.Suspension.Active); diff != "" {
		t.Error(diff)
	}
}

// Each attribute is sent when the vendor takes it and compared when the vendor
// shows it. The columns are those of its documentation: what a create takes, what
// an update takes, what an answer shows.
func TestAttributes(t *testing.T) {
	type fields struct{ create, update, shown, grant, list bool }
	documented := map[string]fields{
		"first_name": {true, true, true, false, false}, "last_name": {true, true, true, false, false},
		"org_id": {true, true, true, true, false}, "role": {true, true, true, true, false}, "custom_role": {true, true, true, true, false},
		"accesses": {true, true, true, true, true}, "business_ids": {true, true, true, true, true}, "sidebar_pages": {true, true, true, true, true},
		"lang": {true, true, true, false, false}, "sso_only": {true, true, true, false, false},
		"phone": {false, true, true, false, false}, "keywords": {false, true, true, false, true},
		"receive_reviews_email_notifications": {false, true, false, false, false},
		"disabled":                            {false, true, true, true, false},
		// Shown, but only meant for the create: the vendor changes it by itself.
		"status":          {true, true, false, false, false},
		"send_invitation": {true, false, false, false, false}, "password": {true, true, false, false, false},
		// A word of rollcall's own.
		"welcomeEmail": {true, false, false, false, false},
	}
	seen := make(map[string]bool)
	for _, a := range Kind().Attributes {
		want, known := documented[a.Name]
		if !known || seen[a.Name] || a.Source == "" {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
		_, suspends := Kind().Suspension.Suspended[a.Name] // never part of a create
		switch {
		case a.AfterCreate != (!want.create && !suspends):
			t.Errorf("%s: a create can not carry it: %v", a.Name, a.AfterCreate)
		case (a.Mode == providers.Managed) != want.shown, a.Mode != providers.Managed && a.Mode != providers.CreateOnly:
			t.Errorf("%s: %s", a.Name, a.Mode)
		case a.Grant != want.grant:
			t.Errorf("%s: a grant is %v", a.Name, a.Grant)
		case (a.Shape != sources.Scalar) != want.list, (a.Shape == sources.SetOfSets) != (a.Name == "accesses"):
			t.Errorf("%s: %s", a.Name, a.Shape)
		case (a.Default == false) != (a.Name == "sso_only" || a.Name == disabled), a.Default != nil && a.Default != false:
			t.Errorf("%s: nothing means %v", a.Name, a.Default)
		case a.Sensitive != (a.Name == "password"), a.Invites != (a.Name == "welcomeEmail"), a.Mails != (a.Name == "send_invitation"):
			t.Errorf("%+v", a)
		case a.Mode == providers.Managed && (a.Clear == providers.ClearEmpty) != (want.list && a.Name != "sidebar_pages"):
			t.Errorf("%s: clearing it is %s", a.Name, a.Clear)
		}
	}
	if len(seen) != len(documented) {
		t.Errorf("%v", seen)
	}
}

// Whether the change of a grant may give something: where it is not certain that
// it takes, it does.
func TestPrivilege(t *testing.T) {
	texts, groups := vendortest.Texts, func(lists ...[]any) []any {
		all := make([]any, len(lists))
		for i, list := range lists {
			all[i] = list
		}
		return all
	}
	for _, test := range []struct {
		name          string
		attribute     string
		before, after any
		more          bool
	}{
		{"a role for nobody's", roleName, nil, "PUBLISHER", true},
		{"an admin made a manager", roleName, "ORG_ADMIN", "ORG_MANAGER", false},
		{"an admin made a business manager", roleName, "ORG_ADMIN", "BUSINESS_MANAGER", false},
		{"a provider made an admin", roleName, "PROVIDER", "ORG_ADMIN", false},
		{"a manager made an admin", roleName, "ORG_MANAGER", "ORG_ADMIN", true},
		{"a group manager made a business manager", roleName, "GROUP_MANAGER", "BUSINESS_MANAGER", true},
		{"a manager made a publisher", roleName, "ORG_MANAGER", "PUBLISHER", true},
		{"a new role of the vendor's made another", roleName, "NEW_ROLE", "PUBLISHER", true},
		{"a role kept", roleName, "BUSINESS_MANAGER", "BUSINESS_MANAGER", false},
		{"a role taken, for which the vendor may give its default", roleName, "PUBLISHER", nil, true},

		{"a first access", accesses, nil, groups(groupIDs(1)), true},
		{"an access more", accesses, groups(groupIDs(1)), groups(groupIDs(1), groupIDs(2)), true},
		{"an access less", accesses, groups(groupIDs(1, 2), groupIDs(1, 3)), groups(groupIDs(1, 3)), false},
		{"the last access less", accesses, groups(groupIDs(1)), groups(), false},
		{"no access any more", accesses, groups(groupIDs(1)), nil, false},
		{"a group less in an access, which may widen it", accesses, groups(groupIDs(1, 2)), groups(groupIDs(1)), true},
		{"a group less in one access of two", accesses, groups(groupIDs(1, 2), groupIDs(3)), groups(groupIDs(1), groupIDs(3)), true},
		{"a group more in an access", accesses, groups(groupIDs(1)), groups(groupIDs(1, 2)), true},
		{"a group for another", accesses, groups(groupIDs(1)), groups(groupIDs(2)), true},
		{"another order of the accesses", accesses, groups(groupIDs(1), groupIDs(2)), groups(groupIDs(2), groupIDs(1)), false},
		{"another order of the groups", accesses, groups(groupIDs(1, 2)), groups(groupIDs(2, 1)), false},
		{"a group said twice", accesses, groups(groupIDs(1, 2)), groups(groupIDs(2, 1, 2)), false},
		{"two accesses made one", accesses, groups(groupIDs(1), groupIDs(2)), groups(groupIDs(1, 2)), true},
		{"one access made two", accesses, groups(groupIDs(1, 2)), groups(groupIDs(1), groupIDs(2)), true},

		{"a first business", businessIDs, nil, texts("b1"), true},
		{"a business more", businessIDs, texts("b1"), texts("b1", "b2"), true},
		{"a business less", businessIDs, texts("b1", "b2"), texts("b2"), false},
		{"a business for another", businessIDs, texts("b1"), texts("b2"), true},
		{"another order of the businesses", businessIDs, texts("b1", "b2"), texts("b2", "b1"), false},
		{"no business any more", businessIDs, texts("b1"), []any{}, false},

		{"a page more", sidebarPages, texts("posts"), texts("posts", "messages"), true},
		{"a page less", sidebarPages, texts("posts", "messages"), texts("posts"), false},
		{"all pages narrowed", sidebarPages, allPages(), texts("posts"), false},
		{"all pages", sidebarPages, texts("posts"), allPages(), true},
		{"a first page", sidebarPages, nil, texts("posts"), true},

		{"a custom role", customRole, nil, "my_custom_role", true},
		{"another custom role", customRole, "my_custom_role", "other", true},
		{"no custom role, for which the vendor gives its own", customRole, "my_custom_role", nil, true},
		{"a custom role kept", customRole, "my_custom_role", "my_custom_role", false},
		{"another organization", "org_id", int64(42), int64(43), true},
		{"an organization kept", "org_id", int64(42), int64(42), false},
		{"disabled", disabled, false, true, false},
		{"disabled, who was not shown to be", disabled, nil, true, false},
		{"enabled", disabled, true, false, true},
		{"enabled by taking it away", disabled, true, nil, true},
		{"left enabled", disabled, false, false, false},
		{"left disabled", disabled, true, true, false},
	} {
		if got := privilege(test.attribute, test.before, test.after); got != test.more {
			t.Errorf("%s: more privilege is %v", test.name, got)
		}
	}
}

// Of a list, every member that was not there before counts, whatever the order,
// and fewer members never do.
func TestPrivilegeOfLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		access := rapid.Map(rapid.SliceOfNDistinct(rapid.Int64Range(1, 4), 1, 3, rapid.ID[int64]), func(ids []int64) any { return groupIDs(ids...) })
		before := rapid.SliceOfN(access, 0, 4).Draw(t, "before")
		after := rapid.SliceOfN(access, 0, 4).Draw(t, "after")
		got := privilege(accesses, before, after)
		fresh := slices.ContainsFunc(after, func(a any) bool {
			return !slices.ContainsFunc(before, func(b any) bool { return cmp.Equal(sources.Normal(a), sources.Normal(b)) })
		})
		if got != fresh {
			t.Fatalf("more privilege is %v", got)
		}
		if privilege(accesses, rapid.Permutation(before).Draw(t, "shuffled"), after) != got {
			t.Fatal("the order matters")
		}
		if len(before) > 0 && privilege(accesses, before, before[1:]) {
			t.Fatal("losing an access gives more")
		}
	})
}

// A manager of groups or businesses has access by what he was given; a list that
// is not shown may hold something; whose account is disabled has none.
func TestHasAccess(t *testing.T) {
	groups, businesses := []any{groupIDs(1)}, vendortest.Texts("b1")
	for _, test := range []struct {
		name   string
		grants map[string]any
		has    bool
	}{
		{"an admin", map[string]any{roleName: "ORG_ADMIN", accesses: nil, businessIDs: nil}, true},
		{"a manager of the organization", map[string]any{roleName: "ORG_MANAGER"}, true},
		{"a publisher", map[string]any{roleName: "PUBLISHER", disabled: false}, true},
		{"a provider", map[string]any{roleName: "PROVIDER"}, true},
		{"a new role of the vendor's", map[string]any{roleName: "NEW_ROLE"}, true},
		{"a role that is not shown", map[string]any{accesses: nil, businessIDs: nil}, true},
		{"nothing shown", nil, true},
		{"a group manager with groups", map[string]any{roleName: groupManager, accesses: groups, businessIDs: nil}, true},
		{"a group manager without groups", map[string]any{roleName: groupManager, accesses: nil, businessIDs: nil}, false},
		{"a group manager whose groups were taken", map[string]any{roleName: groupManager, accesses: []any{}}, false},
		{"a group manager with businesses, which do not count", map[string]any{roleName: groupManager, accesses: nil, businessIDs: businesses}, false},
		{"a group manager whose groups are not shown", map[string]any{roleName: groupManager, businessIDs: nil}, true},
		{"a business manager with businesses", map[string]any{roleName: businessManager, accesses: nil, businessIDs: businesses}, true},
		{"a business manager without businesses", map[string]any{roleName: businessManager, accesses: nil, businessIDs: nil}, false},
		{"a business manager with groups, which do not count", map[string]any{roleName: businessManager, accesses: groups, businessIDs: []any{}}, false},
		{"a business manager whose businesses are not shown", map[string]any{roleName: businessManager}, true},
		{"a disabled admin", map[string]any{roleName: "ORG_ADMIN", disabled: true}, false},
		{"a disabled manager with groups", map[string]any{roleName: groupManager, accesses: groups, disabled: true}, false},
		{"an account of which disabled is empty", map[string]any{roleName: "ORG_ADMIN", disabled: nil}, true},
		{"other grants give none", map[string]any{roleName: businessManager, businessIDs: nil, customRole: "x", sidebarPages: vendortest.Texts("posts"), "org_id": int64(42)}, false},
	} {
		if got := hasAccess(test.grants); got != test.has {
			t.Errorf("%s: access is %v", test.name, got)
		}
	}
}

func TestSuspended(t *testing.T) {
	for name, test := range map[string]struct {
		live    map[string]any
		is, may bool
	}{
		"disabled": {map[string]any{disabled: true}, true, false}, "enabled": {map[string]any{disabled: false}, false, false},
		"empty": {map[string]any{disabled: nil}, false, false}, "not shown": {nil, false, false},
	} {
		user := &providers.User{ID: "U-1", Attributes: shown(test.live)}
		if Kind().Suspended(user) != test.is || Kind().PerhapsSuspended(user) != test.may {
			t.Errorf("%s: %v %v", name, Kind().Suspended(user), Kind().PerhapsSuspended(user))
		}
	}
}

// What the vendor would refuse of a password is said without showing it.
func TestFitsPassword(t *testing.T) {
	for password, lacks := range map[any][]string{
		"Excalibur!": nil, "Exc4l!br": nil, "ÉxcalibÜr€": nil, "aB!45678": nil,
		"pass word A!": nil,
		"aB!4567":      {"8 characters"},
		"ÀÉüé!":        {"8 characters"},
		"excalibur!":   {"an upper case letter"},
		"EXCALIBUR!":   {"a lower case letter"},
		"Excalibur7":   {"a special character"},
		"Excalibur 7":  {"a special character"},
		"12345678":     {"an upper case letter", "a lower case letter", "a special character"},
		"secret":       {"8 characters", "an upper case letter", "a special character"},
		"":             {"8 characters", "an upper case letter", "a lower case letter", "a special character"},
		7:              {"8 characters", "an upper case letter", "a lower case letter", "a special character"},
	} {
		want := ""
		if lacks != nil {
			want = "Partoo wants a password with at least " + strings.Join(lacks, " and ")
		}
		got := fitsPassword(password)
		if got != want {
			t.Errorf("%v: %q, want %q", password, got, want)
		}
		if text, is := password.(string); is && text != "" && strings.Contains(got, text) {
			t.Errorf("%q shows %q", got, text)
		}
	}
	attribute, _ := Kind().Attribute("password")
	if !attribute.Sensitive || attribute.Fits == nil || attribute.Fits("excalibur!") == "" {
		t.Errorf("%+v", attribute)
	}
}

// The messages say which rule a password breaks and nothing that depends on more
// of it.
func TestFitsPasswordTellsNothing(t *testing.T) {
	said := make(map[string]bool)
	rapid.Check(t, func(t *rapid.T) { said[fitsPassword(rapid.String().Draw(t, "password"))] = true })
	if most := 1 << 4; len(said) > most {
		t.Errorf("%d messages for four rules: %v", len(said), slices.Sorted(maps.Keys(said)))
	}
}

// Two spellings of one phone number compare equal, and every scalar that has no
// spellings as it is.
func TestPhones(t *testing.T) {
	attribute, _ := Kind().Attribute("phone")
	for _, same := range []string{"+33123456789", "+33 (1) 23-45.67.89", " +33\u00a01 23 45 67 89 "} {
		if !attribute.Equal("+33 1 23 45 67 89", same) {
			t.Errorf("%q is another number", same)
		}
	}
	for _, other := range []any{"0123456789", "+33 1 23 45 67 80", "+33 1 23 45 67 89 ext. 5", "", nil, int64(33123456789)} {
		if attribute.Equal("+33 1 23 45 67 89", other) {
			t.Errorf("%v is the same number", other)
		}
	}
	for _, odd := range []any{int64(7), []any{"1"}, map[string]any{"number": "1"}, ""} {
		if !attribute.Equal(odd, odd) {
			t.Errorf("%v", odd)
		}
	}
}
