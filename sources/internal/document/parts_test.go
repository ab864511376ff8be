package document

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestParts reads long lists of all kinds of values in parts and as a whole.
func TestParts(t *testing.T) {
	parted, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := writer{t: t}
		indent := w.choose(3)
		pad := strings.Repeat(" ", indent)
		w.b.WriteString("before: [a]\nlist:")
		for _, item := range rapid.SliceOfN(values(3), 3, 12).Draw(t, "items") {
			w.newLine(pad)
			w.b.WriteString("-")
			w.block(item, indent+1+w.choose(4))
		}
		w.b.WriteString([]string{"", "\n", "\nafter: |\n  - x\n  - y\n", "\n# c\nafter:\n- 1\n- 2"}[w.choose(4)])
		all++
		if checkParts(t, []byte(w.b.String())) {
			parted++
		}
	})
	if parted < all/2 {
		t.Errorf("only %d of %d were read in parts", parted, all)
	}
}

// What looks like the entries of a list and is none is read as a whole.
func TestPartsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"literal":              "a: |\n  - x\n  - y\n  - z\n  - w\n",
		"double quotes":        "a: \"\n  - x\n  - y\n  - z\n  - w\"\n",
		"quotes that go on":    "a:\n  - x\n  - \"y\n  - z\n  - w\"\n  - v\n  - u",
		"quotes over the cut":  "a:\n  - \"x\n  - y\n  - z\nw\"\n  - v\n",
		"anchors":              "a:\n  - x\n  - &y y\n  - z\n  - *y\n",
		"anchor of the last":   "a:\n  - x\n  - &y y\n  - z\nb: *y\n",
		"alias from above":     "t: &t 1\na:\n  - x\n  - *t\n  - z\n",
		"a problem":            "a:\n  - x\n  - 08\n  - y\n  - z\n",
		"two entries":          "a:\n  - x\n  - y\n",
		"not aligned":          "a:\n  - x\n   - y\n  - z\n - w\n",
		"entries of two lists": "a:\n  - |\n   x\n  - b\n  - c\nd:\n  - e\n  - [f\n  - g]\n  - h\n  - i",
	} {
		limits := Limits{}.withDefaults()
		if root := readRun(text, limits, longestRun(text), 1); root != nil {
			t.Errorf("%s: read in parts", name)
		}
	}
}

// A roster that is read in parts is the same as when it is read as a whole, and
// problems have their places.
func TestPartsOfRoster(t *testing.T) {
	data := append(roster(2000), "after: x\n"...)
	limits := Limits{}.withDefaults()
	parts := readInParts(string(data), limits)
	whole, problems := newAudit(string(data), limits).read()
	if parts == nil || problems != nil || !reflect.DeepEqual(parts, whole) {
		t.Fatalf("different in parts: %v", problems)
	}
	if line := parts.Get("people").Items[1999].Line; line != 2+1999*12+1 {
		t.Errorf("the last person stands at line %d", line)
	}
	bad := bytes.Replace(data, []byte("title: Account executive\n    locale: en-US\n    teams: [seller, support, team050]"), []byte("title: 1e3\n    locale: en-US\n    teams: [seller, support, team050]"), 1)
	_, problems = Parse(bad, Limits{})
	if len(problems) != 1 || problems[0].Line != 2+50*12+5 || problems[0].Column != 12 {
		t.Errorf("got %+v", problems)
	}
}

func TestLongestRun(t *testing.T) {
	for _, test := range []struct {
		text string
		want string
	}{
		{"", "0 []"},
		{"a: b", "0 []"},
		{"- a\n- b\n", "0 [0 4]"},
		{"a:\n- b\n- c\nd:\n  - e\n  - f\n\n# x\n  -\n", "2 [14 20 31]"},
		{"a:\n  - b:\n    - x\n    - y\n  - c", "2 [3 26]"},
	} {
		r := longestRun(test.text)
		if got := fmt.Sprint(r.indent, " ", r.starts); got != test.want {
			t.Errorf("%q: got %s, want %s", test.text, got, test.want)
		}
	}
}
