package vendasta

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/providers"
	"rollcall/sources"
)

var noAccess = &sources.Access{Person: &sources.Person{}}

// Each risk is judged by what the lists mean, not by their length.
func TestPrivilege(t *testing.T) {
	all := slices.DeleteFunc(slices.Clone(features), func(id string) bool { return !strings.HasPrefix(id, "pc:") })
	for _, test := range []struct {
		name          string
		attribute     string
		before, after []string
		more          bool
	}{
		{"nothing to nothing", platformAccess, nil, nil, false},
		{"a first feature", platformAccess, nil, []string{"tm:access"}, true},
		{"the same in another order", platformAccess, []string{"tm:access", "pc:access"}, []string{"pc:access", "tm:access"}, false},
		{"all taken", platformAccess, []string{"pc:access", "tm:access"}, nil, false},
		{"one taken", platformAccess, []string{"tm:access", "tm:manage"}, []string{"tm:access"}, false},
		{"one swapped", platformAccess, []string{"tm:access"}, []string{"ssc:access"}, true},
		{"pc:access narrowed", platformAccess, []string{"pc:access"}, []string{"pc:access", "pc:canManageSales"}, false},
		{"pc:access narrowed to all there are", platformAccess, []string{"pc:access"}, all, false},
		{"pc:access widened by taking the last narrowing feature", platformAccess, []string{"pc:access", "pc:canManageSales"}, []string{"pc:access"}, true},
		{"all documented features, then whatever there is", platformAccess, all, []string{"pc:access"}, true},
		{"one of two narrowing features taken", platformAccess, []string{"pc:access", "pc:canManageSales", "pc:canManageTasks"}, []string{"pc:access", "pc:canManageTasks"}, false},
		{"one narrowing feature for another", platformAccess, []string{"pc:access", "pc:canManageSales"}, []string{"pc:access", "pc:canManageTasks"}, true},
		{"pc:access taken from its features", platformAccess, []string{"pc:access", "pc:canManageSales"}, []string{"pc:canManageSales"}, false},
		{"pc:access given to a feature", platformAccess, []string{"pc:canManageSales"}, []string{"pc:access", "pc:canManageSales"}, true},
		{"a feature that pc:access had", platformAccess, []string{"pc:access"}, []string{"pc:canManageSales"}, false},
		{"an undocumented feature given", platformAccess, []string{"pc:access"}, []string{"pc:access", "pc:new"}, true},
		{"an undocumented feature taken from pc:access", platformAccess, []string{"pc:access", "pc:new", "pc:canManageSales"}, []string{"pc:access", "pc:canManageSales"}, true},
		{"an undocumented feature taken with everything", platformAccess, []string{"pc:access", "pc:new"}, nil, false},
		{"an undocumented feature taken from where there is no pc:access", platformAccess, []string{"pc:new", "pc:canManageSales"}, []string{"pc:canManageSales"}, false},
		{"a wider write scope", platformAccess, []string{"crm:contacts:write:own"}, []string{"crm:contacts:write:ownunowned"}, true},
		{"a narrower write scope", platformAccess, []string{"crm:contacts:write:all"}, []string{"crm:contacts:write:own"}, false},
		{"another object", platformAccess, []string{"crm:contacts:write:all"}, []string{"crm:companies:write:own"}, true},
		{"an unknown scope", platformAccess, []string{"crm:contacts:write:all"}, []string{"crm:contacts:write:none"}, true},
		{"managing fields", platformAccess, []string{"crm:contacts:write:all"}, []string{"crm:contacts:write:all", "crm:contacts:manage"}, true},
		{"a location more", businessLocations, []string{"AG-1"}, []string{"AG-1", "AG-2"}, true},
		{"a location less", businessLocations, []string{"AG-1", "AG-2"}, []string{"AG-2"}, false},
		{"another location", businessLocations, []string{"AG-1"}, []string{"AG-2"}, true},
		{"no location any more", businessLocations, []string{"AG-1"}, nil, false},
	} {
		if got := privilege(test.attribute, anyList(test.before...), anyList(test.after...)); got != test.more {
			t.Errorf("%s: more privilege is %v", test.name, got)
		}
	}
	if privilege(platformAccess, nil, nil) || !privilege(platformAccess, nil, anyList("tm:access")) || privilege(platformAccess, anyList("tm:access"), nil) {
		t.Error("nil is not taken for the empty list")
	}
}

func drawFeatures(t *rapid.T, name string) []string {
	ids := append(slices.Clone(features), "pc:new", "tm:new", "crm:deals:write:own", "crm:contacts:write:new")
	return rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, 6, rapid.ID[string]).Draw(t, name)
}

// pcOf are the features of Partner Center that a list gives, by the words of the
// vendor: pc:access alone means all, listing features narrows it.
func pcOf(ids []string) (given []string, whole bool) {
	for _, id := range ids {
		if strings.HasPrefix(id, "pc:") && id != "pc:access" {
			given = append(given, id)
		}
	}
	return given, len(given) == 0 && slices.Contains(ids, "pc:access")
}

func TestPrivilegeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawFeatures(t, "before"), drawFeatures(t, "after")
		a, b := anyList(before...), anyList(after...)
		got := privilege(platformAccess, a, b)
		shuffled := anyList(rapid.Permutation(before).Draw(t, "shuffled")...)
		if privilege(platformAccess, append(shuffled, shuffled...), b) != got {
			t.Fatal("order or duplicates matter")
		}
		if privilege(platformAccess, a, a) || privilege(platformAccess, a, nil) {
			t.Fatal("keeping or losing everything is more")
		}
		// Outside Partner Center a feature that was not there is more, whatever
		// else goes; a write scope is no more if a wider one was there.
		for _, id := range after {
			_, scope, isWrite := crmWrite(id)
			if strings.HasPrefix(id, "pc:") || isWrite && scope != "all" || slices.Contains(before, id) {
				continue
			}
			if !got {
				t.Fatalf("%s is given and not said", id)
			}
		}
		// Inside Partner Center: all of it after less than all of it is more.
		_, wholeBefore := pcOf(before)
		if _, wholeAfter := pcOf(after); wholeAfter && !wholeBefore && !got {
			t.Fatal("all of Partner Center is given and not said")
		}
		// Where there is no pc:access, taking features away never gives more.
		if !slices.Contains(before, "pc:access") {
			for i := range before {
				if privilege(platformAccess, a, anyList(slices.Delete(slices.Clone(before), i, i+1)...)) {
					t.Fatalf("losing %s gives more", before[i])
				}
			}
		}
	})
}

// Taking narrowing features away one by one ends at everything: at least one of
// the steps says so.
func TestPrivilegeOfWidening(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pc []string
		for _, id := range features {
			if strings.HasPrefix(id, "pc:") && id != "pc:access" {
				pc = append(pc, id)
			}
		}
		now := append([]string{"pc:access"}, rapid.SliceOfNDistinct(rapid.SampledFrom(pc), 1, len(pc), rapid.ID[string]).Draw(t, "narrowing")...)
		said := false
		for len(now) > 1 {
			i := rapid.IntRange(1, len(now)-1).Draw(t, "taken")
			next := slices.Delete(slices.Clone(now), i, i+1)
			more := privilege(platformAccess, anyList(now...), anyList(next...))
			if more != (len(next) == 1) {
				t.Fatalf("%v to %v: more privilege is %v", now, next, more)
			}
			said, now = said || more, next
		}
		if !said {
			t.Fatal("the way to everything was never said to be more")
		}
	})
}

func values(platform, locations any) sources.Values {
	return sources.Values{{Name: businessLocations, Data: locations}, {Name: platformAccess, Data: platform}}
}

func TestMissing(t *testing.T) {
	for _, test := range []struct {
		values sources.Values
		lacks  bool
	}{
		{nil, true},
		{values(nil, nil), true},
		{values([]any{}, []any{}), true},
		{values(anyList("tm:access"), nil), false},
		{values(nil, anyList("AG-1")), false},
		{values([]any{}, anyList("AG-1")), false},
		{sources.Values{{Name: "givenName", Data: "Ana"}}, true},
	} {
		if got := missing(test.values); (got != "") != test.lacks {
			t.Errorf("%v: %q", test.values, got)
		}
	}
}

func TestConflictsAndDoubts(t *testing.T) {
	for _, test := range []struct {
		ids               []string
		conflicts, doubts int
	}{
		{nil, 0, 0},
		{[]string{"crm:contacts:write:own", "crm:companies:write:all", "crm:contacts:manage"}, 0, 0},
		{[]string{"crm:contacts:write:own", "crm:contacts:write:own"}, 0, 0},
		{[]string{"crm:contacts:write:own", "crm:contacts:write:all", "crm:contacts:write:ownunowned"}, 1, 0},
		{[]string{"crm:contacts:write:own", "crm:contacts:write:all", "crm:custom_objects:write:own", "crm:custom_objects:write:all"}, 2, 0},
		{[]string{"crm:deals:write:own", "crm:deals:write:all"}, 1, 2},
		{[]string{"TM:access", "tm:access "}, 0, 2},
		{features[:19], 0, 0},
	} {
		v := values(anyList(test.ids...), nil)
		if c, d := conflicts(sources.ProviderConfig{}, v), doubts(v); len(c) != test.conflicts || len(d) != test.doubts {
			t.Errorf("%v: %v, %v", test.ids, c, d)
		}
	}
	if conflicts(sources.ProviderConfig{}, nil) != nil || doubts(nil) != nil || conflicts(sources.ProviderConfig{}, values("x", 7)) != nil || doubts(values(map[string]any{}, nil)) != nil {
		t.Error("what is no list has no features")
	}
}

// The order of a list never matters to what is said of it.
func TestRulesIgnoreOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := drawFeatures(t, "ids")
		shuffled := rapid.Permutation(ids).Draw(t, "shuffled")
		a, b := conflicts(sources.ProviderConfig{}, values(anyList(ids...), nil)), conflicts(sources.ProviderConfig{}, values(anyList(shuffled...), nil))
		if !slices.Equal(a, b) {
			t.Fatalf("%v and %v", a, b)
		}
		if (missing(values(anyList(ids...), nil)) == "") != (len(ids) > 0) {
			t.Fatal("missing")
		}
	})
}

// A user who looks like a client's is not taken for the person unless the roster
// states locations for him.
func TestConfirm(t *testing.T) {
	with := func(platform, locations providers.Live) *providers.User {
		return &providers.User{ID: "U-1", Attributes: map[string]providers.Live{platformAccess: platform, businessLocations: locations}}
	}
	hidden, empty, some := providers.Live{}, providers.Show(nil), providers.Show(anyList("x"))
	states := func(data any) *sources.Access {
		return &sources.Access{Person: &sources.Person{}, Values: sources.Values{{Name: businessLocations, Data: data}}}
	}
	for _, test := range []struct {
		name   string
		user   *providers.User
		access *sources.Access
		doubt  bool
	}{
		{"locations and no feature", with(empty, some), noAccess, true},
		{"a feature", with(some, some), noAccess, false},
		{"neither", with(empty, empty), noAccess, false},
		{"features not shown", with(hidden, some), noAccess, false},
		{"locations not shown", with(empty, hidden), noAccess, false},
		{"nothing shown", &providers.User{ID: "U-1"}, noAccess, false},
		{"the roster states locations", with(empty, some), states(anyList("AG-1")), false},
		{"the roster takes locations", with(empty, some), states(nil), false},
		{"the roster states features alone", with(empty, some), &sources.Access{Person: &sources.Person{}, Values: sources.Values{{Name: platformAccess, Data: anyList("tm:access")}}}, true},
	} {
		if got := confirm(test.user, test.access); (got != "") != test.doubt || test.doubt && !strings.Contains(got, "U-1") {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

// Two spellings of one number compare equal, two numbers never do.
func TestPhones(t *testing.T) {
	attribute, _ := Kind().Attribute("phoneNumbers")
	phones := func(numbers ...string) []any {
		list := make([]any, len(numbers))
		for i, n := range numbers {
			number, kind, _ := strings.Cut(n, "|")
			list[i] = map[string]any{"number": number, "typeCode": kind}
		}
		return list
	}
	for _, same := range []string{
		"+1 306 555 1234 ext. 5", "+13065551234ext5", "+1 (306) 555-1234 ext 5", "+1.306.555.1234 EXT. 5", "+1-306-555-1234 extension 5",
		"+1/306/555/1234 Ext.5", "\t+1 306\u00a0555\u202f1234 ext. 5 ", "+1\u2011306\u2013555\u22121234 ext. 5", "+1\u200b306 555 1234 ext. 5",
	} {
		if !attribute.Equal(phones("+1 306 555 1234 ext. 5|mobile"), phones(same+"|mobile")) {
			t.Errorf("%q is another number", same)
		}
	}
	for _, other := range []string{
		"+1 306 555 1234|mobile", "+1 306 555 1234 ext. 6|mobile", "+1 306 555 1234,5|mobile", "+1 306 555 1234;5|mobile", "306 555 1234 ext. 5|mobile",
		"+1 306 555 1234 ext. 5|work", "+1 306 555 12345|mobile", "|mobile",
	} {
		if attribute.Equal(phones("+1 306 555 1234 ext. 5|mobile"), phones(other)) {
			t.Errorf("%q is the same number", other)
		}
	}
	if !attribute.Equal(phones("1|work", "2|home", "1|work"), phones("2|home", "1|work")) || attribute.Equal(phones("1|work"), phones("1|work", "2|work")) {
		t.Error("numbers are no set")
	}
	for _, odd := range []any{"x", anyList("1", "2"), []any{map[string]any{"number": 7}}, []any{nil}} {
		if !attribute.Equal(odd, odd) || attribute.Equal(odd, phones("1|work")) {
			t.Errorf("%v", odd)
		}
	}
}

// What the kind declares holds together.
func TestKind(t *testing.T) {
	kind := Kind()
	operations := []string{"find", "create", "update", "suspend", "restore", "delete", "invite", "self", "administrators"}
	var said []string
	for _, c := range kind.Capabilities {
		said = append(said, c.Operation)
		if c.Source == "" || c.How == "" || c.Evidence != providers.Documented {
			t.Errorf("%+v", c)
		}
	}
	if !slices.Equal(said, operations) {
		t.Errorf("capabilities %v", said)
	}
	seen := make(map[string]bool)
	for _, a := range kind.Attributes {
		if seen[a.Name] || a.Source == "" || a.Mode == "" || a.Shape == "" {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
		if _, suspends := kind.Suspension.Suspended[a.Name]; a.Grant != suspends {
			t.Errorf("%s is a grant: %v, and is taken away by suspending: %v", a.Name, a.Grant, suspends)
		}
		if clears := a.Clear == providers.ClearEmpty; a.Grant != clears {
			t.Errorf("%s: only the two lists are documented to be cleared", a.Name)
		}
	}
	for name, remedy := range kind.Remedies {
		if !seen[name] && name != "email" || remedy == "" {
			t.Errorf("remedy for %s: %q", name, remedy)
		}
	}
	for _, action := range []string{"suspend", "restore", "delete"} {
		if kind.Notes(action) == "" {
			t.Errorf("nothing is said of %s", action)
		}
	}
	if kind.Notes("update") != "" || kind.OnLeave != sources.LeaveSuspend || kind.Rate.String() != "8/s, 10000/h" {
		t.Errorf("%q %s %s", kind.Notes("update"), kind.OnLeave, kind.Rate)
	}
	if len(features) != 31 {
		t.Errorf("%d features; [P] lists 19 and 12 of the CRM", len(features))
	}
}
