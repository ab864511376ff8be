package mykaarma

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/sources"
)

// What the kind declares is what the vendor documents, and what is assumed says so.
func TestKind(t *testing.T) {
	kind := Kind()
	said := make(map[string]providers.Evidence)
	for _, c := range kind.Capabilities {
		said[c.Operation] = c.Evidence
		if c.How == "" || (c.Source == "") != (c.Evidence == providers.None) {
			t.Errorf("%+v", c)
		}
	}
	want := map[string]providers.Evidence{
		"find": providers.Assumed, "create": providers.Documented, "update": providers.Assumed, "suspend": providers.Assumed, "restore": providers.Assumed,
		"delete": providers.None, "invite": providers.Documented,
		"self": providers.None, "administrators": providers.None,
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	for action, says := range map[string]string{"suspend": "nobody takes over his message threads", "restore": "those too that were not before", "update": "", "create": ""} {
		if got := kind.Notes(action); !strings.Contains(got, says) || says == "" && got != "" {
			t.Errorf("%s: %q", action, got)
		}
	}
	if kind.OnLeave != "" || kind.Rate.String() != "5/s" || kind.BaseURL != "https://api.mykaarma.com" || kind.TokenURL != "" {
		t.Errorf("%s %s %s", kind.OnLeave, kind.Rate, kind.BaseURL)
	}
	if !slices.Equal(kind.Lookups, []sources.Lookup{sources.LookupList}) || kind.ListPage != 0 || !slices.Equal(kind.Account, []string{dealerUUID}) {
		t.Errorf("%v %d %v", kind.Lookups, kind.ListPage, kind.Account)
	}
	if !kind.ReadBack || kind.Readdress || kind.MailsAtCreate || !slices.Equal(kind.Required, []string{"firstName", "lastName"}) {
		t.Errorf("%+v", kind)
	}
	if diff := cmp.Diff(map[string]any{isValid: false}, kind.Suspension.Suspended) + cmp.Diff(map[string]any{isValid: true}, kind.Suspension.Active); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{isValid, bio, imageURL, roleUUID, "email"} {
		if kind.Remedies[name] == "" {
			t.Errorf("nothing says what to do where %s is not shown", name)
		}
	}
}

// Each attribute is sent when the vendor takes it and compared when the vendor shows
// it. The columns are those of its documentation: what a create takes, what an update
// takes, what the list shows.
func TestAttributes(t *testing.T) {
	type columns struct{ create, update, shown bool }
	documented := map[string]columns{
		"firstName": {true, true, true}, "lastName": {true, true, true}, username: {true, true, true}, "phone": {true, true, true}, textNumber: {true, true, true},
		bio: {true, true, false}, imageURL: {true, true, false}, "nickName": {true, false, true}, isValid: {false, false, true},
		dealerUUID: {true, false, false}, departmentUUID: {true, false, false}, roleUUID: {true, false, false}, "dmsID": {true, false, false}, "ssoFeatureEnabled": {true, false, false},
		"mfaFeatureEnabled": {true, false, false}, userInvite: {true, false, false}, sendEmail: {true, false, false}, sendText: {true, false, false}, inviteTemplate: {true, false, false},
		"password": {true, false, false},
	}
	creates := 0
	for _, a := range configured().Attributes {
		want, known := documented[a.Name]
		if !known || a.Source == "" || a.Shape != sources.Scalar || a.Clear != providers.ClearUnsupported || a.Default != nil || a.AfterCreate || a.Invites || a.Mails {
			t.Errorf("%+v", a)
		}
		mode := providers.CreateOnly
		switch {
		case want.shown && (want.update || !want.create):
			mode = providers.Managed
		case want.shown:
			mode = providers.Immutable
		}
		if a.Mode != mode || updatable(a.Name) != want.update || a.Whole != want.update {
			t.Errorf("%s: %s, want %s; an update has it: %v %v", a.Name, a.Mode, mode, updatable(a.Name), a.Whole)
		}
		if grant := slices.Contains([]string{isValid, roleUUID, departmentUUID}, a.Name); a.Grant != grant || a.Sensitive != (a.Name == "password") || a.OwnCall != (a.Name == isValid) {
			t.Errorf("%+v", a)
		}
		if want.create {
			creates++
		}
		delete(documented, a.Name)
	}
	// The address is the twentieth field of a create.
	if len(documented) > 0 || creates != 19 || !updatable(emailAddress) {
		t.Errorf("%d, without %v", creates, documented)
	}
}

// What is compared, what goes along with every update, and what is manual depends on
// what the provider assumes.
func TestConfigured(t *testing.T) {
	tables := map[string]map[string]string{rolesSetting: {"r-1": "A"}}
	lists := map[string][]string{departmentsSetting: {"dep-1"}}
	for _, test := range []struct {
		name              string
		config            sources.ProviderConfig
		manual            string // of firstName, isValid and roleUUID
		bio, role         providers.AttributeMode
		whole             bool
		leave             sources.OnLeave
		creates, suspends int // requests
	}{
		{"nothing", sources.ProviderConfig{}, "firstName isValid", providers.CreateOnly, providers.CreateOnly, true, "", 2, 3},
		{"updates", sources.ProviderConfig{Assume: []string{"update"}}, "isValid", providers.Managed, providers.CreateOnly, true, "", 2, 3},
		{"merging updates", sources.ProviderConfig{Assume: []string{"update"}, Settings: map[string]string{updateSetting: merge}}, "isValid", providers.Managed, providers.CreateOnly, false, "", 2, 3},
		{"suspensions", sources.ProviderConfig{Assume: []string{"suspend"}, Lists: lists}, "firstName", providers.CreateOnly, providers.CreateOnly, true, sources.LeaveSuspend, 2, 3},
		{"roles", sources.ProviderConfig{Lists: lists, Tables: tables}, "firstName isValid", providers.CreateOnly, providers.Managed, true, "", 3, 4},
		{"names of roles without departments", sources.ProviderConfig{Tables: tables}, "firstName isValid", providers.CreateOnly, providers.CreateOnly, true, "", 2, 3},
		{"everything", sources.ProviderConfig{Assume: []string{"update", "suspend"}, Lists: lists, Tables: tables}, "", providers.Managed, providers.Managed, true, sources.LeaveSuspend, 3, 4},
	} {
		kind, config := Kind().Configure(test.config)
		again, _ := kind.Configure(config)
		for _, k := range []*providers.Kind{kind, again} {
			var manual []string
			for _, name := range []string{"firstName", isValid, roleUUID} {
				if a, _ := k.Attribute(name); a.Manual != "" {
					manual = append(manual, name)
				}
			}
			about, _ := k.Attribute(bio)
			first, _ := k.Attribute("firstName")
			role, _ := k.Attribute(roleUUID)
			if got := strings.Join(manual, " "); got != test.manual || about.Mode != test.bio || role.Mode != test.role || first.Whole != test.whole || k.OnLeave != test.leave {
				t.Errorf("%s: manual %q, bio %s, role %s, whole %v, onLeave %q", test.name, got, about.Mode, role.Mode, first.Whole, k.OnLeave)
			}
			if role.OwnCall != (role.Mode == providers.Managed) {
				t.Errorf("%s: %+v", test.name, role)
			}
			if k.Requests("create", nil) != test.creates || k.Requests("suspend", []string{isValid}) != test.suspends {
				t.Errorf("%s: %d requests create, %d suspend", test.name, k.Requests("create", nil), k.Requests("suspend", []string{isValid}))
			}
		}
	}
	for _, test := range []struct {
		replaces bool
		names    []string
		want     int
	}{
		{true, []string{"phone", bio}, 2}, {false, []string{"phone", bio}, 1}, {true, []string{roleUUID}, 2}, {true, []string{roleUUID, isValid, "phone"}, 5}, {false, nil, 0},
	} {
		if got := calls(test.replaces, test.names); got != test.want {
			t.Errorf("%v: %d", test, got)
		}
	}
}

// Roles compare by their names, which is all that can be changed.
func TestRoleNames(t *testing.T) {
	kind, _ := Kind().Configure(sources.ProviderConfig{
		Lists:  map[string][]string{departmentsSetting: {"dep-1"}},
		Tables: map[string]map[string]string{rolesSetting: {"r-1": "Advisor", "r-2": "Technician", "r-3": "Advisor"}},
	})
	role, _ := kind.Attribute(roleUUID)
	for _, test := range []struct {
		x, y any
		same bool
	}{{"r-1", "r-1", true}, {"r-1", "r-3", true}, {"r-1", "r-2", false}, {"r-1", "Cashier", false}, {"Cashier", "Cashier", true}, {"r-1", nil, false}, {"r-1", "", false}} {
		if role.Equal(test.x, test.y) != test.same {
			t.Errorf("%v and %v are the same: %v", test.x, test.y, !test.same)
		}
	}
	names := map[string]string{"r-1": "Advisor", "r-2": "Technician", "r-3": "Advisor"}
	for name, want := range map[string]string{"Advisor": "r-1", "Technician": "r-2", "Cashier": "Cashier", "": ""} {
		if got := uuidOf(names, name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// A mail or a text goes out where the invitation and one of its ways are asked for, and
// nowhere else.
func TestMails(t *testing.T) {
	for _, test := range []struct {
		values map[string]any
		mails  bool
	}{
		{nil, false},
		{map[string]any{userInvite: true}, false},
		{map[string]any{sendEmail: true, sendText: true}, false},
		{map[string]any{userInvite: false, sendEmail: true}, false},
		{map[string]any{userInvite: true, sendEmail: false, sendText: false}, false},
		{map[string]any{userInvite: true, sendEmail: true}, true},
		{map[string]any{userInvite: true, sendText: true}, true},
		{map[string]any{userInvite: true, sendEmail: true, sendText: true}, true},
		{map[string]any{userInvite: "true", sendEmail: "true"}, false},
	} {
		if mails(test.values) != test.mails {
			t.Errorf("%v: %v", test.values, !test.mails)
		}
	}
}

// Whether the change of a grant may give something: another role always may.
func TestPrivilege(t *testing.T) {
	for _, test := range []struct {
		attribute     string
		before, after any
		more          bool
	}{
		{isValid, false, true, true},
		{isValid, nil, true, true},
		{isValid, true, true, false},
		{isValid, true, false, false},
		{isValid, nil, false, false},
		{isValid, false, false, false},
		{isValid, false, nil, true},
		{roleUUID, nil, "r-1", true},
		{roleUUID, "r-1", "r-2", true},
		{roleUUID, "r-1", nil, true},
		{roleUUID, "r-1", "r-1", false},
	} {
		if got := privilege(test.attribute, test.before, test.after); got != test.more {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestHasAccess(t *testing.T) {
	for _, test := range []struct {
		grants map[string]any
		has    bool
	}{
		{map[string]any{isValid: true, roleUUID: "r-1"}, true},
		{map[string]any{isValid: true}, true},
		{map[string]any{isValid: false, roleUUID: "r-1"}, false},
		{map[string]any{isValid: nil}, true},
		{nil, true},
	} {
		if hasAccess(test.grants) != test.has {
			t.Errorf("%v", test.grants)
		}
	}
}

func TestSuspended(t *testing.T) {
	for name, test := range map[string]struct {
		live map[string]any
		is   bool
	}{"not valid": {map[string]any{isValid: false}, true}, "valid": {map[string]any{isValid: true}, false}, "not shown": {nil, false}} {
		user := &providers.User{ID: userU1, Attributes: shown(test.live)}
		if Kind().Suspended(user) != test.is || Kind().PerhapsSuspended(user) {
			t.Errorf("%s: %v", name, Kind().Suspended(user))
		}
	}
}

// Two spellings of one number compare equal, and of a name to sign in with.
func TestEquality(t *testing.T) {
	for _, name := range []string{"phone", textNumber} {
		a, _ := Kind().Attribute(name)
		if !a.Equal("+1 306 555 1234", "+1 (306) 555-1234") || a.Equal("+1 306 555 1234", "+1 306 555 1235") || a.Equal("1", nil) || !a.Equal(int64(7), int64(7)) {
			t.Errorf("%s", name)
		}
	}
	a, _ := Kind().Attribute(username)
	if !a.Equal("Bill", "bILL") || a.Equal("bill", "will") || a.Equal("bill", "") || !a.Equal(int64(7), int64(7)) {
		t.Error("a name to sign in with")
	}
	b, _ := Kind().Attribute("firstName")
	if b.Equal("Bill", "bill") {
		t.Error("a name")
	}
}

// Every field of an update stands in a create too, and under one name in the list.
func TestFields(t *testing.T) {
	created := slices.Sorted(maps.Keys(fullDraft().Values))
	listedAs := make(map[string]bool)
	updates := 0
	for _, f := range fields {
		if f.name != emailAddress && !slices.Contains(created, f.name) || listedAs[f.listed] || f.listed == "" {
			t.Errorf("%+v", f)
		}
		listedAs[f.listed] = true
		if f.update {
			updates++
		}
	}
	if updates != 8 {
		t.Errorf("an update has 8 fields, not %d", updates)
	}
}
