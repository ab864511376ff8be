package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// message says what is wrong, to somebody who is tired.
func (s *Schema) message(m mistake) string {
	switch m.keyword {
	case "unevaluatedProperties":
		return s.unknownKey(m)
	case "required":
		return s.missingKey(m)
	case "type":
		return s.wrongType(m)
	case "enum":
		return s.notInEnum(m)
	case "uniqueItems":
		return m.shown("stands in this list twice", func(value string) string { return value + " stands in this list twice" })
	case "oneOf":
		return oneOf(m)
	case "minimum", "maximum":
		return m.not(bounds(m.schema))
	case "maxLength":
		return fmt.Sprintf("must have at most %v characters and has %d", m.schema[m.keyword], len([]rune(text(m.value))))
	case "minLength":
		return fmt.Sprintf("must have at least %v characters", m.schema[m.keyword])
	}
	if m.keyword == "pattern" {
		if said, has := m.schema["patternErrorMessage"].(string); has {
			return m.not(said)
		}
	}
	if said, has := m.schema["errorMessage"].(string); has {
		return m.not(said)
	}
	switch m.keyword {
	case "const":
		return m.not(fmt.Sprintf("must be %v", m.schema["const"]))
	case "pattern":
		return m.not(fmt.Sprintf("must match %v", m.schema["pattern"]))
	case "format":
		return m.not(fmt.Sprintf("must be a %v", m.schema["format"]))
	case "minItems":
		return fmt.Sprintf("must have at least %v", count(m.schema["minItems"], "item"))
	case "minProperties":
		return fmt.Sprintf("must have at least %v", count(m.schema["minProperties"], "key"))
	case "maxItems":
		return fmt.Sprintf("must have at most %v", count(m.schema["maxItems"], "item"))
	case "maxProperties":
		return fmt.Sprintf("must have at most %v", count(m.schema["maxProperties"], "key"))
	default:
		return "is not allowed here"
	}
}

func (s *Schema) unknownKey(m mistake) string {
	name := m.path[len(m.path)-1]
	if s.name == config && isUnbuilt(m.path, "") {
		return "rollcall does not honour " + name + " yet: leave it out"
	}
	if s.name == roster && len(m.path) == 4 && m.path[2] == "access" {
		return s.unknownProvider(m, name)
	}
	if said, is := personal[name]; is && s.name == roster && len(m.path) == 5 && m.path[0] == "teams" && m.path[2] == "access" {
		return said
	}
	said := "unknown key " + quote(name)
	if parent := m.path[:len(m.path)-1]; Sensitive(parent) && (!slices.Contains(named, parent[len(parent)-1]) || parent[0] == "roster") {
		said = "unknown key" // a secret written into the wrong place may have become one
	}
	if m.near != "" {
		return said + didYouMean(m.near)
	}
	known := slices.Sorted(maps.Keys(object(m.schema, "properties")))
	if len(known) == 0 {
		return said + ": no key is known here"
	}
	return said + ": known here are " + strings.Join(known, ", ")
}

func (s *Schema) unknownProvider(m mistake, name string) string {
	configured := "none"
	if len(s.providers) > 0 {
		configured = strings.Join(s.providers, ", ")
	}
	said := "no provider " + quote(name) + " is configured in rollcall.yaml; configured: " + configured
	if m.near != "" {
		said += didYouMean(m.near)
	}
	return said
}

func (s *Schema) missingKey(m mistake) string {
	if s.name == config && m.name == "kind" && len(m.path) == 2 {
		kinds := strings.Join(Kinds(), ", ")
		name := m.path[1]
		if isUnbuilt([]string{"providers", name, "kind"}, name) {
			return "rollcall does not honour the kind " + quote(name) + " yet; kinds: " + kinds
		}
		said := quote(name) + " is not a kind of provider: add kind, one of " + kinds
		if meant := near(name, Kinds()); meant != "" {
			said += didYouMean(meant)
		}
		return said
	}
	return m.name + " is missing"
}

func (s *Schema) notInEnum(m mistake) string {
	var allowed []string
	enum, _ := m.schema["enum"].([]any)
	for _, item := range enum {
		allowed = append(allowed, fmt.Sprint(item))
	}
	must := "must be " + allowed[0]
	if len(allowed) > 1 {
		must = "must be one of " + strings.Join(allowed, ", ")
	}
	if s.name == config && isUnbuilt(m.path, text(m.value)) {
		return "rollcall does not honour " + quote(text(m.value)) + " yet: " + must
	}
	if said, has := m.schema["errorMessage"].(string); has {
		must = said
	}
	must = m.not(must)
	if meant := near(text(m.value), allowed); meant != "" && !Sensitive(m.path) {
		must += didYouMean(meant)
	}
	return must
}

// words are the types as people call them.
var words = map[string]string{
	"string": "text", "integer": "a whole number", "number": "a number", "array": "a list",
	"object": "a mapping", "boolean": "true or false", "null": "null",
}

func (s *Schema) wrongType(m mistake) string {
	var types []string
	switch t := m.schema["type"].(type) {
	case string:
		types = []string{t}
	case []any:
		for _, item := range t {
			types = append(types, fmt.Sprint(item))
		}
	}
	named := make([]string, len(types))
	for i, t := range types {
		named[i] = words[t]
	}
	must := "must be " + strings.Join(named, " or ")
	if said, has := m.schema["errorMessage"].(string); has {
		return said
	}
	switch value := m.value.(type) {
	case nil:
		if _, inList := m.parent.([]any); inList {
			return must + ": null is not allowed in a list"
		}
		return must + ": null (or nothing) is not allowed here"
	case int64, float64, bool:
		if slices.Contains(types, "string") {
			return "must be text: put it in quotes"
		}
		return m.not(must)
	case string:
		if unquoted(value, types) {
			return must + ": take the quotes away"
		}
		return m.not(must)
	case []any:
		return must + ", not a list"
	default:
		return must + ", not a mapping"
	}
}

// unquoted tells whether a text would be of one of the types without its quotes.
func unquoted(value string, types []string) bool {
	for _, t := range types {
		switch t {
		case "boolean":
			if value == "true" || value == "false" {
				return true
			}
		case "integer":
			if _, err := strconv.ParseInt(value, 10, 64); err == nil {
				return true
			}
		}
	}
	return false
}

// oneOf speaks of a choice among keys, the only choice that our schemas have.
func oneOf(m mistake) string {
	var names []string
	there := 0
	value, _ := m.value.(map[string]any)
	branches, _ := m.schema["oneOf"].([]any)
	for _, branch := range branches {
		b, _ := branch.(map[string]any)
		required, _ := b["required"].([]any)
		for _, item := range required {
			name := fmt.Sprint(item)
			names = append(names, name)
			if _, has := value[name]; has {
				there++
			}
		}
	}
	if there > 1 {
		return "takes only one of " + strings.Join(names, ", ")
	}
	return "needs one of " + strings.Join(names, ", ")
}

func bounds(schema map[string]any) string {
	low, hasLow := schema["minimum"]
	high, hasHigh := schema["maximum"]
	switch {
	case hasLow && hasHigh:
		return fmt.Sprintf("must be from %v to %v", low, high)
	case hasLow:
		return fmt.Sprintf("must be at least %v", low)
	default:
		return fmt.Sprintf("must be at most %v", high)
	}
}

// not adds the value to a message, where it is one line and no secret.
func (m mistake) not(said string) string {
	return m.shown(said, func(value string) string { return said + ", not " + value })
}

// shown is with(value) where the value may be shown, else said.
func (m mistake) shown(said string, with func(value string) string) string {
	switch value := m.value.(type) {
	case string:
		if Sensitive(m.path) || strings.Contains(value, "://") && strings.Contains(value, "@") {
			return said
		}
		return with(quote(value))
	case int64, float64, bool:
		if Sensitive(m.path) {
			return said
		}
		return with(fmt.Sprint(value))
	default:
		return said
	}
}

// Sensitive tells whether a secret may stand at a place or below it: whoever knows the
// address of a webhook can send to it.
func Sensitive(path []string) bool {
	if len(path) > 0 && path[0] == "notify" && (len(path) == 1 || path[1] != "openFor" && path[1] != "quietFor") {
		return true
	}
	return slices.ContainsFunc(path, func(step string) bool {
		step = strings.ToLower(step)
		return step == "auth" || strings.HasSuffix(step, "password") || strings.HasSuffix(step, "token")
	})
}

// named are the keys below which an unknown one is a mistake of whoever knows what
// stands there, and no secret.
var named = []string{"auth", "notify", "webhook"}

func text(v any) string {
	t, _ := v.(string)
	return t
}

func count(n any, noun string) string {
	if n == float64(1) {
		return "1 " + noun
	}
	return fmt.Sprintf("%v %ss", n, noun)
}

func didYouMean(name string) string { return "; did you mean " + quote(name) + "?" }

// maxShown is how many characters of a value a message shows.
const maxShown = 40

// quote shows a value, short and with every character that could move a cursor
// or hide others spelt out.
func quote(value string) string {
	runes := []rune(value)
	if len(runes) > maxShown {
		return strconv.Quote(string(runes[:maxShown]) + "…")
	}
	return strconv.Quote(value)
}
