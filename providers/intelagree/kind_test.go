package intelagree

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

func normal(list []any) any { return sources.Normal(list) }

// Fewer permissions are less, and so is one organisation less; whatever is there that
// was not there may give more.
func TestPrivilege(t *testing.T) {
	for _, test := range []struct {
		attribute     string
		before, after any
		want          bool
	}{
		{permissions, []any{"a", int64(1)}, []any{int64(1)}, false},
		{permissions, []any{"a"}, []any{"a", "b"}, true},
		{permissions, []any{map[string]any{"id": int64(1)}}, []any{map[string]any{"id": int64(2)}}, true},
		{permissions, []any{map[string]any{"id": int64(1), "on": []any{"x", "y"}}}, []any{map[string]any{"on": []any{"y", "x"}, "id": int64(1)}}, false},
		{presets, nil, []any{"Reviewer"}, true},
		{presets, []any{"Reviewer"}, []any{}, false},
		{everywhere, false, true, true},
		{everywhere, nil, true, true},
		{everywhere, true, false, false},
		{everywhere, true, true, false},
	} {
		if got := privilege(test.attribute, test.before, test.after); got != test.want {
			t.Errorf("%s from %v to %v: %v", test.attribute, test.before, test.after, got)
		}
	}
}

func TestHasAccess(t *testing.T) {
	for _, test := range []struct {
		grants map[string]any
		want   bool
	}{
		{map[string]any{permissions: nil, presets: nil, everywhere: true}, false},
		{map[string]any{permissions: []any{"a"}, presets: nil}, true},
		{map[string]any{permissions: nil, presets: []any{"a"}}, true},
		{map[string]any{permissions: nil}, true}, // presets are not shown
	} {
		if got := hasAccess(test.grants); got != test.want {
			t.Errorf("%v: %v", test.grants, got)
		}
	}
}

// Nothing is changed at somebody whom no call can name.
func TestImmovable(t *testing.T) {
	kind, _ := vendor.Kind.Configure(sources.ProviderConfig{Settings: map[string]string{keyTypeSetting: "HR"}})
	if why := kind.Immovable(&providers.User{Email: bill}); !strings.Contains(why, "no business key of the type HR") {
		t.Error(why)
	}
	if why := kind.Immovable(&providers.User{ID: "1"}); why != "" {
		t.Error(why)
	}
	if why := vendor.Kind.Immovable(&providers.User{}); !strings.Contains(why, "type rollcall") {
		t.Error(why)
	}
}

// A record is read as it is or not at all, and the same in every run.
func FuzzRecord(f *testing.F) {
	for _, name := range []string{"get-response.json", "error.json", "create-full-request.json"} {
		f.Add(vendortest.Fixture(f, name))
	}
	for _, text := range []string{
		`{"email":"a@b.example","userPermissions":[1.5,1e3,9223372036854775808,{"a":[{}]},[]],"hasAllOrganizations":null}`,
		`{"email":" A@b.example ","businessKeys":[{"name":"rollcall","value":"x","entity":"user"}],"permissionPresets":null}`,
		`{"email":"a@b.example","businessKeys":[{"name":1}]}`, `null`, `{}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second record
		if json.Unmarshal(data, &first) != nil || json.Unmarshal(data, &second) != nil {
			return
		}
		user, err := first.user("rollcall")
		again, errAgain := second.user("rollcall")
		if diff := cmp.Diff(user, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%v %v:\n%s", err, errAgain, diff)
		}
		if (err == nil) == (user == nil) {
			t.Fatalf("%v beside %v", user, err)
		}
		if err == nil && user.ID != "" {
			vendor.Sound(t, user)
		}
	})
}
