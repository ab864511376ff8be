package document

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

// A writer writes a value as YAML in one of the many ways that mean the same to
// every reader.
type writer struct {
	t *rapid.T
	b strings.Builder
}

func (w *writer) choose(n int) int { return rapid.IntRange(0, n-1).Draw(w.t, "choice") }

// block writes a value behind a colon or dash; its lines are indented by indent.
func (w *writer) block(value any, indent int) {
	pad := strings.Repeat(" ", indent)
	switch value := value.(type) {
	case map[string]any:
		if len(value) == 0 || w.choose(3) == 0 {
			break
		}
		for _, key := range sortedKeys(value) {
			w.newLine(pad)
			w.b.WriteString(w.text(key) + ":")
			w.block(value[key], indent+1+w.choose(4))
		}
		return
	case []any:
		if len(value) == 0 || w.choose(3) == 0 {
			break
		}
		for _, item := range value {
			w.newLine(pad)
			w.b.WriteString("-")
			w.block(item, indent+1+w.choose(4))
		}
		return
	case string:
		if plainLines(value) && w.choose(2) == 0 {
			w.b.WriteString([]string{" |", " |  # c"}[w.choose(2)])
			for line := range strings.SplitSeq(strings.TrimSuffix(value, "\n"), "\n") {
				w.newLine(pad)
				w.b.WriteString(line)
			}
			return
		}
	}
	w.b.WriteString(" ")
	w.flow(value, pad)
	w.b.WriteString([]string{"", "  ", " # comment: 'x"}[w.choose(3)])
}

// newLine begins a line.
func (w *writer) newLine(pad string) { w.b.WriteString("\n" + pad) }

func (w *writer) flow(value any, pad string) {
	switch value := value.(type) {
	case map[string]any:
		w.b.WriteString("{")
		for i, key := range sortedKeys(value) {
			if i > 0 {
				w.b.WriteString([]string{",", ", ", ",  # c\n" + pad + "  "}[w.choose(3)])
			}
			w.b.WriteString(w.text(key) + ": ")
			w.flow(value[key], pad)
		}
		w.b.WriteString("}")
	case []any:
		w.b.WriteString("[")
		for i, item := range value {
			if i > 0 {
				w.b.WriteString([]string{", ", ",\n" + pad + " "}[w.choose(2)])
			}
			w.flow(item, pad)
		}
		w.b.WriteString("]")
	case string:
		w.b.WriteString(w.text(value))
	case nil:
		w.b.WriteString([]string{"null", "~"}[w.choose(2)])
	default:
		fmt.Fprint(&w.b, value)
	}
}

// text writes text on one line.
func (w *writer) text(value string) string {
	switch style := w.choose(3); {
	case style == 0 && plainText(value):
		return value
	case style == 1 && !strings.ContainsAny(value, "\n\t\x00"):
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	quoted, _ := json.Marshal(value)
	return string(quoted)
}

// plainText says whether text surely needs no quotes.
func plainText(text string) bool {
	if text == "" || text == "null" || text == "true" || text == "NULL" {
		return false
	}
	for i, c := range text {
		if (c < 'a' || c > 'z') && c != 'é' && (i == 0 || i == len(text)-1 || !strings.ContainsRune("0123456789-_@. /", c)) {
			return false
		}
	}
	return true
}

// plainLines says whether text can stand as it is in a block.
func plainLines(text string) bool {
	if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") || strings.ContainsAny(text, "\t\x00") {
		return false
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" || line[0] == ' ' || line[len(line)-1] == ' ' {
			return false
		}
	}
	return true
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

var words = rapid.OneOf(
	rapid.SampledFrom([]string{
		"", "a", "role", "bill@example.com", "2026-12-01", "12:30", "no", "null", "true", "0123", "1e3", "+1 306 555", "x: y", "- x", "# x", "a # b", "it's", "\"",
		"\\", "two\nlines\n", "a\n b\n", "# not\n- a: comment\n", "tab\there", " lead", "trail ", "é", "😀", "[x]", "{x}", "*x", "&x", "!x", "%x", "|", ">", "~", "?", "-", ":", ",", "=", "<<", "k}", "---", "...",
	}),
	rapid.StringOf(rapid.RuneFrom([]rune("ab \n:-#'\"\\{}[],é1"))),
)

func values(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Map(words, func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.IntRange(-9999, 9999), func(i int) any { f, _ := strconv.ParseFloat(fmt.Sprintf("%d.5", i), 64); return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just(any(nil)),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	keys := words.Filter(func(s string) bool { return s != "" && !strings.ContainsAny(s, "\n") && s != "<<" })
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(values(depth-1), 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(keys, values(depth-1), 0, 4), func(m map[string]any) any { return m }))...)
}

// TestDifferential writes values as YAML in many ways and reads them here and
// with the library alone.
func TestDifferential(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := map[string]any{"root": values(4).Draw(t, "value")}
		w := writer{t: t}
		w.b.WriteString("root:")
		w.block(value["root"], 1+w.choose(4))
		w.b.WriteString("\n")
		text := w.b.String()
		root, problems := Parse([]byte(text), Limits{})
		if problems != nil {
			t.Fatalf("%s\n%+v", text, problems)
		}
		got := root.Any()
		if !reflect.DeepEqual(got, any(value)) {
			t.Fatalf("%s\n got %#v\nwant %#v", text, got, value)
		}
		var library any
		if err := yaml.Unmarshal([]byte(text), &library); err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		ours, _ := json.Marshal(got)
		theirs, _ := json.Marshal(library)
		if string(ours) != string(theirs) {
			t.Fatalf("%s\n ours %s\ntheirs %s", text, ours, theirs)
		}
	})
}
