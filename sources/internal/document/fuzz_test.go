package document

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse checks what holds for every file: no panic, the same answer each
// time, problems that are sorted, stand in the file and do not show it, and
// values that JSON can hold.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		placed, string(roster(2)), "", "a: |\n  b\n", "a: >+2\n   b\n\n", "a: \"b\\u00e9\\\n c\"", "a: 'b''c\n d'", "[a, {b: c}, *d]", "&a [*a]",
		"? a\n: b", "a: !!str 1", "%YAML 1.2\n---\n", "a: 1\n---\nb: 2\n...\n", "a:\n\tb", "a<<: b\n<<: {c: d}", "- - a\n  - b\n-\n", "a: 1e3\n0x1: .5",
		"a: b\n  - c", "\ufeffa: b\r\nc: d\r\n", "{a:b, \"c\":d, e}", "a: }\nb: ,c", "k: |\n", "\xff\xfea\x00", "a: &b\nc: *b\nd: &e\n  f: g", "\"", "'", "|", "-\t- a",
		"a:\n- b\n- c: |\n   x\n- d:\n- \"e\n- f\"\n- [g]\nh: i",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{Expanded: 10_000}
		root, problems := Parse(data, limits)
		again, problemsAgain := Parse(data, limits)
		if !reflect.DeepEqual(problems, problemsAgain) || !reflect.DeepEqual(root, again) {
			t.Fatal("two answers")
		}
		checkProblems(t, data, problems)
		checkParts(t, data)
		if root == nil {
			if len(problems) != 1 {
				t.Fatalf("no tree and %d problems", len(problems))
			}
			return
		}
		if _, err := json.Marshal(root.Any()); err != nil {
			t.Fatal(err)
		}
		checkPlaces(t, data, root)
	})
}

// checkParts checks that a text that is read in parts, as small as they can be,
// is what it is when it is read as a whole.
func checkParts(t interface{ Fatalf(string, ...any) }, data []byte) (parted bool) {
	limits := Limits{}.withDefaults()
	text, problem := prepare(data, limits.Bytes)
	if problem != nil {
		return false
	}
	parts := readRun(text, limits, longestRun(text), 1)
	if parts == nil {
		return false
	}
	whole, problems := newAudit(text, limits).read()
	if len(problems) > 0 || !reflect.DeepEqual(parts, whole) {
		t.Fatalf("%q is different in parts: %+v", text, problems)
	}
	return true
}

func checkProblems(t *testing.T, data []byte, problems []Problem) {
	t.Helper()
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	for i, p := range problems {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > 1+utf8.RuneCountInString(lines[p.Line-1]) {
			t.Fatalf("%+v is not in the file", p)
		}
		if p.Message == "" || !utf8.ValidString(p.Message) || len(p.Message) > 250 || strings.Contains(p.Message, "can not be read from here on") {
			t.Fatalf("%+v", p)
		}
		if i > 0 && (p.Line < problems[i-1].Line || (p.Line == problems[i-1].Line && p.Column < problems[i-1].Column) || p == problems[i-1]) {
			t.Fatalf("%+v behind %+v", p, problems[i-1])
		}
	}
}

// checkPlaces checks that what is said to stand somewhere stands there.
func checkPlaces(t *testing.T, data []byte, root *Node) {
	t.Helper()
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	at := func(line, column int32) string {
		runes := []rune(lines[line-1])
		return string(runes[column-1:])
	}
	var walk func(*Node)
	walk = func(n *Node) {
		switch n.Kind {
		case Bool, Int, Float:
			if rest := at(n.Line, n.Column); rest[0] != '*' && rest[0] != '!' && !strings.HasPrefix(rest, n.text) {
				t.Fatalf("%q is not at %d:%d", n.text, n.Line, n.Column)
			}
		case String, Null:
			_ = at(n.Line, n.Column)
		case List, Map:
			if rest := at(n.Line, n.Column); rest == "" {
				t.Fatalf("nothing at %d:%d", n.Line, n.Column)
			}
		}
		for _, item := range n.Items {
			walk(item)
		}
		for _, e := range n.Entries {
			rest := at(e.Line, e.Column)
			if rest[0] != '"' && rest[0] != '\'' && !strings.HasPrefix(rest, e.Key) {
				t.Fatalf("key %q is not at %d:%d", e.Key, e.Line, e.Column)
			}
			walk(e.Value)
		}
	}
	walk(root)
}
