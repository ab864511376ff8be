package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// diffLines marks each line with what became of it: "- ", "+ " or "  ".
func diffLines(before, after []string) []string {
	differ := diffmatchpatch.New()
	// Its default of one second would make the output depend on the machine.
	differ.DiffTimeout = 0
	a, b, lines := differ.DiffLinesToRunes(joined(before), joined(after))
	marks := map[diffmatchpatch.Operation]string{diffmatchpatch.DiffDelete: "- ", diffmatchpatch.DiffInsert: "+ ", diffmatchpatch.DiffEqual: "  "}
	var out []string
	for _, d := range differ.DiffCharsToLines(differ.DiffMainRunes(a, b, false), lines) {
		for _, line := range strings.Split(strings.TrimSuffix(d.Text, "\n"), "\n") {
			out = append(out, marks[d.Type]+line)
		}
	}
	return out
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// yamlLines renders an attribute as the lines of YAML that would state it; an
// empty one has none.
func yamlLines(name string, data any) []string {
	switch v := data.(type) {
	case nil:
		return nil
	case []any:
		if len(v) == 0 {
			return []string{name + ": []"}
		}
		lines := []string{name + ":"}
		for _, item := range v {
			lines = append(lines, "  - "+inline(item))
		}
		return lines
	case map[string]any:
		lines := []string{name + ":"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, "  "+scalar(key)+": "+inline(v[key]))
		}
		return lines
	default:
		return []string{name + ": " + inline(v)}
	}
}

// inline renders a value as YAML on one line.
func inline(data any) string {
	switch v := data.(type) {
	case nil:
		return "null"
	case string:
		return scalar(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = inline(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, scalar(key)+": "+inline(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return string(raw)
	}
}

// plainScalar is text that YAML reads back as the same text without quotes.
var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_@./+-]*(:[A-Za-z][A-Za-z0-9_@./+-]*)*( [A-Za-z0-9_@./+-]+)*$`)

// scalar renders text for YAML: plain where that is safe, else in double quotes
// with everything escaped that could move a cursor.
func scalar(value string) string {
	switch strings.ToLower(value) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return strconv.Quote(value)
	}
	if plainScalar.MatchString(value) {
		return value
	}
	return quoted(value)
}

// quoted escapes control and direction characters and leaves other text as it
// reads.
func quoted(value string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r):
			fmt.Fprintf(&out, "\\u%04x", r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// inert makes prose from outside harmless: what could move the cursor is shown
// as an escape.
func inert(prose string) string {
	for _, r := range prose {
		if !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			q := quoted(prose)
			return q[1 : len(q)-1]
		}
	}
	return prose
}
