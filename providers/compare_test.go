package providers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/sources"
)

func shape(s sources.Shape) Attribute { return Attribute{Name: "a", Shape: s, Mode: Managed} }

type object = map[string]any

func TestEqualAndTakes(t *testing.T) {
	folded := shape(sources.Scalar)
	folded.Normal = func(data any) any {
		text, isText := data.(string)
		if !isText {
			return data
		}
		return strings.ToLower(strings.TrimSpace(text))
	}
	set, sets, obj, scalar := shape(sources.Set), shape(sources.SetOfSets), shape(sources.Object), shape(sources.Scalar)
	for _, test := range []struct {
		name         string
		a            Attribute
		x, y         any
		equal, takes bool
	}{
		{"nothing", scalar, nil, nil, true, false},
		{"nothing and an empty text", scalar, nil, "", true, false},
		{"nothing and an empty list", set, nil, []any{}, true, false},
		{"an empty object and nothing", obj, object{}, nil, true, false},
		{"false says something", scalar, nil, false, false, false},
		{"zero says something", scalar, nil, int64(0), false, false},
		{"a text", scalar, "x", "x", true, false},
		{"a text in another case", scalar, "x", "X", false, true},
		{"a text with its own equality", folded, " X ", "x", true, false},
		{"a text that is normally empty", folded, " ", nil, true, false},
		{"a text given", scalar, nil, "x", false, false},
		{"a text taken", scalar, "x", nil, false, true},
		{"a number of the roster and one of JSON", scalar, int64(3), float64(3), true, false},
		{"half a number", scalar, 3.5, int64(3), false, true},
		{"a number and a text", scalar, int64(3), "3", false, true},
		{"large numbers stay apart", scalar, float64(1 << 60), int64(1<<60 + 1), false, true},
		{"the order of a set", set, []any{"a", "b"}, []any{"b", "a"}, true, false},
		{"twice in a set", set, []any{"a", "a", "b"}, []any{"b", "a"}, true, false},
		{"the order of a scalar that is a list", scalar, []any{"a", "b"}, []any{"b", "a"}, false, false},
		{"a member more", set, []any{"a"}, []any{"a", "b"}, false, false},
		{"a member less", set, []any{"a", "b"}, []any{"b"}, false, true},
		{"a member for another", set, []any{"a"}, []any{"b"}, false, true},
		{"all members", set, []any{"a"}, nil, false, true},
		{"members that are objects", set, []any{object{"n": "1", "t": "w"}, object{"n": "2"}}, []any{object{"n": "2"}, object{"t": "w", "n": "1"}}, true, false},
		{"members of two kinds", set, []any{int64(1), "1"}, []any{"1"}, false, true},
		{"numbers as members", set, []any{int64(1), float64(1), int64(2)}, []any{float64(2), float64(1)}, true, false},
		{"sets of sets", sets, []any{[]any{int64(1), int64(2)}, []any{int64(3)}}, []any{[]any{float64(3)}, []any{float64(2), float64(1), float64(1)}}, true, false},
		{"a set for its parts", sets, []any{[]any{int64(1), int64(2)}}, []any{[]any{int64(1)}, []any{int64(2)}}, false, true},
		{"an inner member less", sets, []any{[]any{int64(1), int64(2)}}, []any{[]any{int64(1)}}, false, true},
		{"a set more", sets, []any{[]any{int64(1)}}, []any{[]any{int64(2)}, []any{int64(1)}}, false, false},
		{"a set less", sets, []any{[]any{int64(1)}, []any{int64(2)}}, []any{[]any{int64(2)}}, false, true},
		{"an object", obj, object{"a": "1", "b": []any{"x", "y"}}, object{"b": []any{"y", "x"}, "a": "1"}, true, false},
		{"a field more", obj, object{"a": "1"}, object{"a": "1", "b": "2"}, false, false},
		{"a field less", obj, object{"a": "1", "b": "2"}, object{"a": "1"}, false, true},
		{"a field changed", obj, object{"a": "1"}, object{"a": "2"}, false, true},
		{"an empty field less", obj, object{"a": "1", "b": nil, "c": ""}, object{"a": "1"}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.a.Equal(test.x, test.y); got != test.equal {
				t.Errorf("equal is %v", got)
			}
			if got := test.a.Equal(test.y, test.x); got != test.equal {
				t.Errorf("the other way round equal is %v", got)
			}
			if got := test.a.Takes(test.x, test.y); got != test.takes {
				t.Errorf("takes is %v", got)
			}
		})
	}
}

// Of an object only what is wanted counts; of everything else all.
func TestMatches(t *testing.T) {
	folded := shape(sources.Object)
	folded.Normal = func(data any) any {
		fields := make(object)
		for name, value := range data.(object) {
			fields[name] = strings.ToLower(fmt.Sprint(value))
		}
		return fields
	}
	for _, test := range []struct {
		name         string
		a            Attribute
		live, wanted any
		want         bool
	}{
		{"the vendor fills in others", shape(sources.Object), object{"a": "1", "b": "2"}, object{"a": "1"}, true},
		{"a field differs", shape(sources.Object), object{"a": "1"}, object{"a": "2"}, false},
		{"a field is missing", shape(sources.Object), object{}, object{"a": "2"}, false},
		{"nothing is there", shape(sources.Object), nil, object{"a": "2"}, false},
		{"a field that is to be cleared counts while it is there", shape(sources.Object), object{"a": "1", "b": "2"}, object{"a": "1", "b": nil}, false},
		{"no field", shape(sources.Object), object{"a": "1"}, object{}, true},
		{"numbers in fields", shape(sources.Object), object{"a": float64(1)}, object{"a": int64(1)}, true},
		{"fields with their own equality", folded, object{"a": "X", "b": "y"}, object{"a": "x"}, true},
		{"nothing wanted, nothing there", shape(sources.Object), nil, nil, true},
		{"nothing wanted, something there", shape(sources.Object), object{"a": "1"}, nil, false},
		{"the live value is no object", shape(sources.Object), "x", object{"a": "1"}, false},
		{"a scalar that is an object counts as a whole", shape(sources.Scalar), object{"a": "1", "b": "2"}, object{"a": "1"}, false},
		{"a set counts as a whole", shape(sources.Set), []any{"a", "b"}, []any{"a"}, false},
		{"a set in another order", shape(sources.Set), []any{"a", "b"}, []any{"b", "a"}, true},
		{"an empty set", shape(sources.Set), []any{}, nil, true},
	} {
		if got := test.a.Matches(test.live, test.wanted); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func drawAtom(t *rapid.T) any {
	return rapid.SampledFrom([]any{nil, "", "a", "b", int64(1), float64(1), 1.5, true, object{"a": "b"}, object{"a": int64(1)}, object{}}).Draw(t, "atom")
}

func drawData(t *rapid.T, s sources.Shape) any {
	list := func(item func() any) any {
		items := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range items {
			items[i] = item()
		}
		return items
	}
	switch s {
	case sources.Set:
		return list(func() any { return drawAtom(t) })
	case sources.SetOfSets:
		return list(func() any { return list(func() any { return drawAtom(t) }) })
	case sources.Object:
		fields := make(object)
		for _, name := range []string{"a", "b"} {
			if rapid.Bool().Draw(t, name) {
				fields[name] = drawAtom(t)
			}
		}
		return fields
	default:
		return drawAtom(t)
	}
}

// shuffle gives the same set in another order, with members twice.
func shuffle(t *rapid.T, s sources.Shape, data any) any {
	list, isList := data.([]any)
	if !isList || s != sources.Set && s != sources.SetOfSets {
		return data
	}
	list = slices.Clone(list)
	if s == sources.SetOfSets {
		for i := range list {
			list[i] = shuffle(t, sources.Set, list[i])
		}
	}
	if len(list) > 0 {
		list = append(list, list[rapid.IntRange(0, len(list)-1).Draw(t, "twice")])
		list = rapid.Permutation(list).Draw(t, "order")
	}
	return list
}

func TestCompareProperties(t *testing.T) {
	for _, s := range []sources.Shape{sources.Scalar, sources.Set, sources.SetOfSets, sources.Object} {
		t.Run(string(s), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a := shape(s)
				x, y, z := drawData(t, s), drawData(t, s), drawData(t, s)
				if !a.Equal(x, x) || a.Equal(x, y) != a.Equal(y, x) || a.Equal(x, y) && a.Equal(y, z) && !a.Equal(x, z) {
					t.Fatal("equal is no equivalence")
				}
				if Empty(x) && Empty(y) && !a.Equal(x, y) {
					t.Fatal("empty values differ")
				}
				if other := shuffle(t, s, x); !a.Equal(x, other) || a.Equal(x, y) != a.Equal(other, y) || a.Takes(x, y) != a.Takes(other, y) || a.Takes(y, x) != a.Takes(y, other) {
					t.Fatalf("order or duplicates matter: %v and %v", x, other)
				}
				if a.Equal(x, y) && (!a.Matches(x, y) || a.Takes(x, y)) {
					t.Fatal("equal values do not match, or take something")
				}
				if s != sources.Object && a.Matches(x, y) != a.Equal(x, y) {
					t.Fatal("matches is not equal")
				}
				if !a.Equal(x, nil) && s != sources.Object && !a.Takes(x, nil) || a.Takes(nil, x) {
					t.Fatal("everything taken takes nothing, or giving takes")
				}
				if !a.Takes(x, y) && !a.Takes(y, z) && a.Takes(x, z) {
					t.Fatal("two changes that take nothing take something together")
				}
			})
		})
	}
}

// Values of the access come before those of the person, fields of an object one
// by one, in the order of the kind; what nobody states is not wanted.
func TestWants(t *testing.T) {
	translated := func(data any) any { return "for the vendor: " + data.(string) }
	kind := &Kind{Attributes: []Attribute{
		{Name: "shown", Shape: sources.Scalar, Mode: ReadOnly},
		{Name: "name", Shape: sources.Scalar, Mode: Managed, Person: "givenName", FromPerson: translated},
		{Name: "address", Shape: sources.Object, Mode: Managed, Person: "address"},
		{Name: "roles", Shape: sources.Set, Mode: Managed},
	}}
	value := func(name string, data any, line int) sources.Value {
		return sources.Value{Name: name, Data: data, Origins: []sources.Origin{{File: "r", Line: line}}}
	}
	person := &sources.Person{Values: sources.Values{value("address", object{"city": "A", "line1": "1"}, 2), value("givenName", "Ana", 1)}}
	type want struct {
		Name  string
		Data  any
		Lines []int
	}
	for _, test := range []struct {
		name   string
		values sources.Values
		person *sources.Person
		want   []want
	}{
		{"the person alone", nil, person, []want{{"name", "for the vendor: Ana", []int{1}}, {"address", object{"city": "A", "line1": "1"}, []int{2}}}},
		{"nothing", nil, &sources.Person{}, nil},
		{
			"the access first",
			sources.Values{value("address", object{"city": "B", "line2": nil}, 5), value("name", "Anna", 4), value("roles", []any{"x"}, 6), value("shown", "x", 7)},
			person,
			[]want{{"name", "Anna", []int{4}}, {"address", object{"city": "B", "line1": "1", "line2": nil}, []int{5, 2}}, {"roles", []any{"x"}, []int{6}}},
		},
		{"cleared", sources.Values{value("address", nil, 5), value("name", nil, 4)}, person, []want{{"name", nil, []int{4}}, {"address", nil, []int{5}}}},
		{"the person's null", nil, &sources.Person{Values: sources.Values{value("address", nil, 2), value("givenName", nil, 1)}}, []want{{"name", nil, []int{1}}, {"address", nil, []int{2}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []want
			for _, w := range kind.Wants(&sources.Access{Person: test.person, Values: test.values}) {
				var lines []int
				for _, o := range w.Origins {
					lines = append(lines, o.Line)
				}
				got = append(got, want{w.Attribute.Name, w.Data, lines})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if diff := cmp.Diff(object{"city": "A", "line1": "1"}, person.Values[0].Data); diff != "" {
		t.Errorf("the roster was changed:\n%s", diff)
	}
}

func TestSuspendedAndRules(t *testing.T) {
	kind := &Kind{
		Attributes: []Attribute{{Name: "roles", Shape: sources.Set, Mode: Managed}, {Name: "active", Shape: sources.Scalar, Mode: Managed}},
		Suspension: Suspension{Suspended: object{"roles": []any{}, "active": false}},
	}
	live := func(roles, active Live) *User {
		return &User{Attributes: map[string]Live{"roles": roles, "active": active}}
	}
	for name, test := range map[string]struct {
		user          *User
		want, perhaps bool
	}{
		"both":                             {live(Show(nil), Show(false)), true, false},
		"a role left":                      {live(Show([]any{"x"}), Show(false)), false, false},
		"still active":                     {live(Show(nil), Show(true)), false, false},
		"roles not shown":                  {live(Live{}, Show(false)), false, true},
		"active not shown":                 {live(Show(nil), Live{}), false, true},
		"a role left and active not shown": {live(Show([]any{"x"}), Live{}), false, false},
		"nothing shown":                    {&User{}, false, false},
		"shown and no flag":                {live(Show(nil), Show(nil)), false, false},
	} {
		if got := kind.Suspended(test.user); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := kind.PerhapsSuspended(test.user); got != test.perhaps {
			t.Errorf("%s: perhaps %v", name, got)
		}
	}
	if none := (&Kind{}); none.Suspended(live(Show(nil), Show(false))) || none.PerhapsSuspended(live(Show(nil), Live{})) {
		t.Error("a vendor without such a state has suspended users")
	}
	if shapes := kind.Rules().Shapes; !maps.Equal(shapes, map[string]sources.Shape{"roles": sources.Set}) {
		t.Error(shapes)
	}
	if _, known := kind.Attribute("none"); known {
		t.Error("an attribute that is not there")
	}
}
