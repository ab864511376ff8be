package document

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const placed = `# é
version: 1
"people":   # c
  - email:   bill@example.com   # c
    name: 'Ö'
    note: |
      text
    é: {a: [1, "x"], b: }
    team: &t
      - x
  -
  - *t
  - team: *t
    <<: &m {k: v}
`

// places lists every key and value with where it stands.
func places(n *Node, path string, list *[]string) {
	*list = append(*list, fmt.Sprintf("%s %v %d:%d", path, n.Kind, n.Line, n.Column))
	for i, item := range n.Items {
		places(item, fmt.Sprintf("%s/%d", path, i), list)
	}
	for _, e := range n.Entries {
		*list = append(*list, fmt.Sprintf("%s/%s key %d:%d", path, e.Key, e.Line, e.Column))
		places(e.Value, path+"/"+e.Key, list)
	}
}

func TestPlaces(t *testing.T) {
	root, problems := Parse([]byte(placed), Limits{})
	if problems != nil {
		t.Fatal(problems)
	}
	var got []string
	places(root, "", &got)
	want := strings.Split(` map 2:1
/version key 2:1
/version whole number 2:10
/people key 3:1
/people list 4:3
/people/0 map 4:5
/people/0/email key 4:5
/people/0/email text 4:14
/people/0/name key 5:5
/people/0/name text 5:11
/people/0/note key 6:5
/people/0/note text 6:11
/people/0/é key 8:5
/people/0/é map 8:8
/people/0/é/a key 8:9
/people/0/é/a list 8:12
/people/0/é/a/0 whole number 8:13
/people/0/é/a/1 text 8:16
/people/0/é/b key 8:22
/people/0/é/b null 8:23
/people/0/team key 9:5
/people/0/team list 10:7
/people/0/team/0 text 10:9
/people/1 null 11:3
/people/2 list 12:5
/people/2/0 text 10:9
/people/3 map 13:5
/people/3/team key 13:5
/people/3/team list 13:11
/people/3/team/0 text 10:9
/people/3/k key 14:13
/people/3/k text 14:16`, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	crlf, problems := Parse([]byte(strings.ReplaceAll(placed, "\n", "\r\n")), Limits{})
	if problems != nil {
		t.Fatal(problems)
	}
	got = nil
	places(crlf, "", &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("with CRLF:", diff)
	}
}

func TestFind(t *testing.T) {
	root, problems := Parse([]byte(placed), Limits{})
	if problems != nil {
		t.Fatal(problems)
	}
	for _, test := range []struct {
		path         string
		kind         Kind
		line, column int
		ok           bool
	}{
		{"", Map, 2, 1, true},
		{"version", Int, 2, 1, true},
		{"people/0/email", String, 4, 5, true},
		{"people/0/é/a/1", String, 8, 16, true},
		{"people/2", List, 12, 5, true},
		{"people/0/missing", Map, 4, 5, false},
		{"people/4", List, 3, 1, false},
		{"people/00", List, 3, 1, false},
		{"people/-1", List, 3, 1, false},
		{"people/x", List, 3, 1, false},
		{"version/x", Int, 2, 1, false},
	} {
		var path []string
		if test.path != "" {
			path = strings.Split(test.path, "/")
		}
		node, line, column, ok := root.Find(path)
		if node == nil || node.Kind != test.kind || line != test.line || column != test.column || ok != test.ok {
			t.Errorf("%q: got %+v, %d:%d, %v", test.path, node, line, column, ok)
		}
	}
	if node, _, _, ok := (*Node)(nil).Find(nil); node != nil || ok {
		t.Error("a nil node was found")
	}
}

func TestNode(t *testing.T) {
	root, problems := Parse([]byte("i: -12\nf: 1.5\nb: True\nn: false\nz:\nt: x\nl: [1]\nm: {a: b}"), Limits{})
	if problems != nil {
		t.Fatal(problems)
	}
	type all struct {
		Text  string
		Bool  bool
		Int   int64
		Float float64
		Any   any
	}
	for key, want := range map[string]all{
		"i":       {Int: -12, Float: -12, Any: int64(-12)},
		"f":       {Float: 1.5, Any: 1.5},
		"b":       {Bool: true, Any: true},
		"n":       {Any: false},
		"z":       {},
		"t":       {Text: "x", Any: "x"},
		"l":       {Any: []any{int64(1)}},
		"m":       {Any: map[string]any{"a": "b"}},
		"missing": {},
	} {
		n := root.Get(key)
		if diff := cmp.Diff(want, all{n.Text(), n.Bool(), n.Int(), n.Float(), n.Any()}); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if entry, ok := root.Entry("f"); !ok || entry.Line != 2 || entry.Column != 1 || entry.Value != root.Get("f") {
		t.Errorf("got %+v, %v", entry, ok)
	}
	if root.Get("t").Get("x") != nil || root.Get("l").Get("0") != nil {
		t.Error("a key was found in what is no map")
	}
	for kind, want := range map[Kind]string{Null: "null", Bool: "bool", Int: "whole number", Float: "number", String: "text", List: "list", Map: "map", 99: "unknown"} {
		if kind.String() != want {
			t.Errorf("kind %d is %q", kind, kind)
		}
	}
}

// What Any returns can be changed without changing the tree or another value.
func TestAnySharesNothing(t *testing.T) {
	root, problems := Parse([]byte("a: &a {x: [1]}\nb: *a"), Limits{})
	if problems != nil {
		t.Fatal(problems)
	}
	value := root.Any().(map[string]any)
	value["a"].(map[string]any)["x"].([]any)[0] = "changed"
	if got := encode(t, value); got != `{"a":{"x":["changed"]},"b":{"x":[1]}}` {
		t.Error(got)
	}
	if got := encode(t, root.Any()); got != `{"a":{"x":[1]},"b":{"x":[1]}}` {
		t.Error(got)
	}
}

func TestFloatIsFinite(t *testing.T) {
	root, problems := Parse([]byte("a: "+strings.Repeat("9", 308)+".5"), Limits{})
	if problems != nil || math.IsInf(root.Get("a").Float(), 0) || root.Get("a").Float() == 0 {
		t.Error(problems)
	}
}
