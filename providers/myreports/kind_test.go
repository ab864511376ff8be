package myreports

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// What the kind declares is what the vendor documents.
func TestKind(t *testing.T) {
	kind := Kind()
	evidence := make(map[string]providers.Evidence)
	for _, c := range kind.Capabilities {
		evidence[c.Operation] = c.Evidence
		if c.How == "" || (c.Source == "") != (c.Evidence == providers.None) {
			t.Errorf("%+v", c)
		}
	}
	want := map[string]providers.Evidence{
		"find": providers.Documented, "create": providers.Documented, "update": providers.Documented, "delete": providers.Documented, "invite": providers.Documented,
		"self": providers.None, "administrators": providers.Documented,
		"suspend": providers.None, "restore": providers.None,
	}
	if diff := cmp.Diff(want, evidence); diff != "" {
		t.Error(diff)
	}
	if kind.OnLeave != "" || kind.Rate.String() != "5/s" || kind.ListPage != 1000 || kind.Readdress || len(kind.Suspension.Suspended) > 0 {
		t.Errorf("%+v", kind)
	}
	if !slices.Equal(kind.Lookups, []sources.Lookup{sources.LookupList}) || !slices.Equal(kind.Required, []string{displayName}) || !slices.Equal(kind.Account, []string{region, account}) {
		t.Errorf("%+v", kind)
	}
	if !kind.MailsAtCreate || !kind.ReadBack || !kind.ShowsCreated || !slices.Equal(kind.Rotates, []string{refreshToken}) || !slices.Equal(kind.DeleteReads, []string{primaryTenant}) {
		t.Errorf("%+v", kind)
	}
	if strings.Join(kind.Consent.Scopes, " ") != "openid offline_access onboarding" || kind.Consent.RedirectURL != "http://127.0.0.1:8000" || kind.Consent.AuthorizeURL != "https://login.xarios.cloud/connect/authorize" || kind.TokenURL != "https://login.xarios.cloud/connect/token" {
		t.Errorf("%+v %s", kind.Consent, kind.TokenURL)
	}
	if !strings.Contains(kind.Notes("create"), "becomes a member") || kind.Notes("update") != "" || kind.Remedies[rolesName] == "" || kind.Remedies[primaryTenant] == "" {
		t.Errorf("%q %v", kind.Notes("create"), kind.Remedies)
	}
}

func TestAttributes(t *testing.T) {
	type fields struct {
		mode  providers.AttributeMode
		shape sources.Shape
		clear providers.Clearing
		grant bool
	}
	got := make(map[string]fields)
	for _, a := range Kind().Attributes {
		got[a.Name] = fields{a.Mode, a.Shape, a.Clear, a.Grant}
		if a.Source == "" || a.Sensitive || a.Mails || a.Invites || a.AfterCreate || a.Default != nil {
			t.Errorf("%+v", a)
		}
	}
	want := map[string]fields{
		displayName:   {providers.Managed, sources.Scalar, providers.ClearUnsupported, false},
		rolesName:     {providers.Managed, sources.Set, providers.ClearEmpty, true},
		primaryTenant: {providers.ReadOnly, sources.Scalar, providers.ClearUnsupported, false},
	}
	if !maps.Equal(want, got) {
		t.Errorf("%v", got)
	}
	tenantOf, _ := Kind().Attribute(primaryTenant)
	if !tenantOf.Equal(strings.ToUpper(other), other) || tenantOf.Equal(tenant, other) {
		t.Error("the case of a tenant's id means something")
	}
}

// Configured, the kind is that of its region and of what it agrees to; configured
// again, it stays the same.
func TestAdapt(t *testing.T) {
	for name, test := range map[string]struct {
		settings map[string]string
		base     string
		billable []string
	}{
		"na":             {map[string]string{region: "na"}, "https://api.na.myreports.cloud", []string{"create", "update"}},
		"eu":             {map[string]string{region: "eu"}, "https://api.eu.myreports.cloud", []string{"create", "update"}},
		"uk":             {map[string]string{region: "uk", acceptCharges: "true"}, "https://api.uk.myreports.cloud", []string{"create", "update"}},
		"au, no charges": {map[string]string{region: "au", acceptCharges: "false"}, "https://api.au.myreports.cloud", nil},
		"no region":      {nil, "", []string{"create", "update"}},
		"another region": {map[string]string{region: "us"}, "", []string{"create", "update"}},
	} {
		config := sources.ProviderConfig{Settings: test.settings}
		once, given := Kind().Configure(config)
		twice, again := once.Configure(config)
		for _, kind := range []*providers.Kind{once, twice} {
			if kind.BaseURL != test.base || !slices.Equal(kind.Billable, test.billable) || kind.Deletion == nil {
				t.Errorf("%s: %q %v", name, kind.BaseURL, kind.Billable)
			}
		}
		if given.BaseURL != test.base || again.BaseURL != test.base || given.Lookup != sources.LookupList {
			t.Errorf("%s: %q %q %q", name, given.BaseURL, again.BaseURL, given.Lookup)
		}
	}
	own := sources.ProviderConfig{BaseURL: "https://proxy.example.com", Settings: map[string]string{region: "eu"}}
	if _, given := Kind().Configure(own); given.BaseURL != own.BaseURL {
		t.Errorf("%q", given.BaseURL)
	}
}

// What deleting somebody does depends on who owns him.
func TestDeletion(t *testing.T) {
	const everyone, refused = "deletes him everywhere, from all account tenants", "this account owns him"
	for _, test := range []struct {
		name, everywhere, owner string
		means, refused          string
	}{
		{"another account owns him", "", other, "removes his membership of this account; he stays at " + other, ""},
		{"another account owns him, and all may be deleted", "true", other, "removes his membership of this account; he stays at " + other, ""},
		{"this account owns him", "", tenant, everyone, refused},
		{"this account owns him, in capitals", "", strings.ToUpper(tenant), everyone, refused},
		{"this account owns him, and the configuration says no", "false", tenant, everyone, refused},
		{"this account owns him, and all may be deleted", "true", tenant, everyone, ""},
		{"nobody is shown to own him", "true", "", "unknown", "his primary tenant is not shown"},
	} {
		kind, _ := Kind().Configure(sources.ProviderConfig{Name: "calls", Settings: map[string]string{account: tenant, deleteEverywhere: test.everywhere}})
		d := kind.Deletion(&providers.User{ID: "U-1", Attributes: shown(map[string]any{primaryTenant: test.owner})})
		if d.Means != test.means || !strings.HasPrefix(d.Refused, test.refused) || (d.Refused == "") != (test.refused == "") || (d.Remedy == "") != (d.Refused == "") {
			t.Errorf("%s: %+v", test.name, d)
		}
		if test.refused == refused && d.Remedy != "set deleteEverywhere: true for calls, or remove him by hand" {
			t.Errorf("%s: %q", test.name, d.Remedy)
		}
	}
}

// Whether a change of roles may give something: every role that was not there does.
func TestPrivilege(t *testing.T) {
	texts := vendortest.Texts
	for _, test := range []struct {
		name          string
		before, after any
		more          bool
	}{
		{"a first role", nil, texts(signIn), true},
		{"a role more", texts(signIn), texts(signIn, "user.admin"), true},
		{"a role less", texts(signIn, "user.admin"), texts(signIn), false},
		{"a role for another", texts(signIn, "user.admin"), texts(signIn, "branding.admin"), true},
		{"another order", texts("user.admin", signIn), texts(signIn, "user.admin"), false},
		{"no role any more", texts(signIn), nil, false},
		{"a role of the vendor's that is not documented", texts(signIn), texts(signIn, "new.role"), true},
	} {
		if got := privilege(rolesName, test.before, test.after); got != test.more {
			t.Errorf("%s: more is %v", test.name, got)
		}
	}
}

// The role that everybody has is sent with every set, and given once.
func TestWithSignIn(t *testing.T) {
	for _, test := range []struct{ data, want any }{
		{nil, vendortest.Texts(signIn)},
		{[]any{}, vendortest.Texts(signIn)},
		{vendortest.Texts("a"), vendortest.Texts(signIn, "a")},
		{vendortest.Texts("a", signIn), vendortest.Texts("a", signIn)},
		{"a", "a"},
		{int64(7), int64(7)},
		{[]any{[]any{"a"}}, []any{signIn, []any{"a"}}},
	} {
		if diff := cmp.Diff(test.want, withSignIn(test.data)); diff != "" {
			t.Errorf("%v:\n%s", test.data, diff)
		}
	}
}
