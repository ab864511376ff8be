package schemas

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// A Schema validates values. It is safe for concurrent use.
type Schema struct {
	name      string
	document  map[string]any
	compiled  *jsonschema.Schema
	providers []string // of a roster, sorted
}

// A Violation is one mistake in a document.
type Violation struct {
	// Path leads to the place, key by key; list items count from 0. It is empty
	// for the document itself.
	Path []string
	// Key is set when the place is the key at Path and not its value, as with a
	// key that is unknown.
	Key bool
	// Message says what is wrong and what may stand there, in lower case. It
	// never holds a value from a place where a secret may stand.
	Message string
	// Keyword is the keyword of the schema that was violated.
	Keyword string
}

// String renders the violation for logs and tests.
func (v Violation) String() string {
	return strings.Join(v.Path, ".") + ": " + v.Message
}

// CompileRoster compiles Roster.
func CompileRoster(providers map[string]string) (*Schema, error) {
	s, err := compile(roster, composeRoster(providers))
	if err != nil {
		return nil, err
	}
	s.providers = slices.Sorted(maps.Keys(providers))
	return s, nil
}

// CompileConfig compiles Config.
func CompileConfig(providers map[string]string) (*Schema, error) {
	return compile(config, composeConfig(providers))
}

// CompilePlan compiles Plan.
func CompilePlan() (*Schema, error) { return compile(plan, composeStatic(plan)) }

// CompileResult compiles Result.
func CompileResult() (*Schema, error) { return compile(result, composeStatic(result)) }

// CompileNotification compiles Notification.
func CompileNotification() (*Schema, error) {
	return compile(notification, composeStatic(notification))
}

func compile(name string, document map[string]any) (*Schema, error) {
	data, err := encode(document, "")
	if err != nil {
		return nil, fmt.Errorf("encode the schema of %s: %w", name, err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.Draft = jsonschema.Draft2020
	compiler.AssertFormat = true
	compiler.Formats = formats()
	compiler.LoadURL = func(string) (io.ReadCloser, error) { return nil, errOutside }
	id, _ := document["$id"].(string)
	if err := compiler.AddResource(id, bytes.NewReader(data)); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", name, err)
	}
	compiled, err := compiler.Compile(id)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of %s: %w", name, err)
	}
	return &Schema{name: name, document: document, compiled: compiled}, nil
}

var errOutside = errors.New("the schema refers to something outside itself")

// Validate returns what is wrong with the value, one violation for each mistake,
// sorted by path; none means it is valid. Of a great many the first are returned,
// with one more that says so. The value is made of nil, bool, int64,
// float64, string, []any and map[string]any; anything else in it is a violation,
// and so is a number that is not finite. It never panics.
func (s *Schema) Validate(v any) (violations []Violation) {
	defer func() {
		if recover() != nil {
			violations = []Violation{{Message: "holds something that can not be checked"}}
		}
	}()
	survey := survey{}
	survey.visit(v, nil)
	if len(survey.foreign) > 0 {
		sortViolations(survey.foreign)
		return survey.foreign
	}
	checked := v
	if survey.emptyKeys {
		checked = renameKeys(v, "", emptyKey)
	}
	violations = s.check(checked, v)
	sortViolations(violations)
	return limited(violations)
}

// maxViolations is how many violations of one document are told, partSize how many
// people are validated at once.
const (
	maxViolations = 20_000
	partSize      = 1000
)

func limited(violations []Violation) []Violation {
	if more := len(violations) - maxViolations; more > 0 {
		violations = append(violations[:maxViolations:maxViolations], Violation{Message: fmt.Sprintf("has more mistakes than the first %d: mend these, then look again", maxViolations)})
	}
	return violations
}

// check validates a document. The people of a long roster go in parts, since the
// validator keeps every error of what it is given in memory: once there are more
// than will be told, the rest is left.
func (s *Schema) check(checked, v any) []Violation {
	document, _ := checked.(map[string]any)
	original, _ := v.(map[string]any)
	people, _ := document["people"].([]any)
	known, _ := original["people"].([]any)
	if s.name != roster || len(people) <= partSize || len(known) != len(people) {
		return s.part(checked, v, 0)
	}
	with := func(m map[string]any, people []any) map[string]any {
		m = maps.Clone(m)
		m["people"] = people
		return m
	}
	violations := s.part(with(document, people[:partSize]), with(original, known[:partSize]), 0)
	for at := partSize; at < len(people) && len(violations) <= maxViolations; at += partSize {
		end := min(at+partSize, len(people))
		head := map[string]any{"version": int64(1), "people": people[at:end]}
		violations = append(violations, s.part(head, map[string]any{"version": int64(1), "people": known[at:end]}, at)...)
	}
	return violations
}

// part validates a document whose people are those of a longer one from an index
// on.
func (s *Schema) part(checked, v any, from int) []Violation {
	err := s.compiled.Validate(checked)
	if err == nil {
		return nil
	}
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return []Violation{{Message: "holds something that can not be checked"}}
	}
	var violations []Violation
	for _, m := range consequences(s.mistakes(failed, v, nil)) {
		if from > 0 && len(m.path) > 1 && m.path[0] == "people" {
			if i, err := strconv.Atoi(m.path[1]); err == nil {
				m.path = slices.Clone(m.path)
				m.path[1] = strconv.Itoa(from + i)
			}
		}
		violations = append(violations, Violation{Path: m.path, Key: m.key, Message: s.message(m), Keyword: m.keyword})
	}
	return violations
}

// A mistake is one failed keyword, with what a message about it needs.
type mistake struct {
	path    []string
	key     bool
	keyword string
	schema  map[string]any // that has the keyword
	value   any            // at path; for a key, the key
	parent  any            // what holds the value
	name    string         // of the missing key
	near    string         // what an unknown key may have been meant to be
}

// mistakes collects the leaves of the validator's tree of errors. The validator
// goes through maps in random order, so the order means nothing.
func (s *Schema) mistakes(failed *jsonschema.ValidationError, v any, found []mistake) []mistake {
	steps := pointer(failed.KeywordLocation)
	choice := len(steps) > 0 && (steps[len(steps)-1] == "oneOf" || steps[len(steps)-1] == "anyOf")
	if len(failed.Causes) > 0 && !choice {
		for _, cause := range failed.Causes {
			found = s.mistakes(cause, v, found)
		}
		return found
	}
	if failed.Message == "" || len(steps) == 0 {
		return found
	}
	_, fragment, _ := strings.Cut(failed.AbsoluteKeywordLocation, "#")
	location := pointer(fragment)
	m := mistake{path: pointer(failed.InstanceLocation), keyword: steps[len(steps)-1]}
	m.schema = s.schemaAt(location)
	m.parent, m.value = at(v, m.path)
	switch {
	case slices.Contains(steps, "propertyNames"):
		m.key, m.value = true, m.path[len(m.path)-1]
		return append(found, m)
	case m.keyword == "unevaluatedProperties":
		m.key, m.value = true, m.path[len(m.path)-1]
		m.near = near(m.path[len(m.path)-1], absent(m.schema, m.parent))
		return append(found, m)
	case m.keyword == "required":
		return append(found, missing(m)...)
	case m.keyword == "uniqueItems":
		return append(found, repeated(m)...)
	default:
		return append(found, m)
	}
}

// missing splits a mistake by the keys that are not there.
func missing(m mistake) []mistake {
	var all []mistake
	value, _ := m.value.(map[string]any)
	required, _ := m.schema["required"].([]any)
	for _, item := range required {
		name, _ := item.(string)
		if _, there := value[name]; !there {
			m.name = name
			all = append(all, m)
		}
	}
	return all
}

// repeated splits a mistake by the items that stand in the list already.
func repeated(m mistake) []mistake {
	var all []mistake
	seen := make(map[string]bool)
	list, _ := m.value.([]any)
	for i, item := range list {
		text, err := json.Marshal(item)
		if err != nil {
			continue
		}
		if seen[string(text)] {
			again := m
			again.path = append(slices.Clone(m.path), strconv.Itoa(i))
			again.value = item
			all = append(all, again)
		}
		seen[string(text)] = true
	}
	return all
}

// absent lists the keys that a schema knows and an object does not have.
func absent(schema map[string]any, value any) []string {
	has, _ := value.(map[string]any)
	var names []string
	for name := range object(schema, "properties") {
		if _, there := has[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// rank orders the keywords that can fail together for one reason: a blank
// address is too short, no address and of the wrong pattern, and one of these is
// worth saying. Keywords that are not here come last.
var rank = map[string]int{
	"type": 1, "const": 2, "enum": 3, "required": 4, "minLength": 5, "maxLength": 6, "format": 7, "pattern": 8, "oneOf": 10, "anyOf": 10,
}

func rankOf(keyword string) int {
	if r, ranked := rank[keyword]; ranked {
		return r
	}
	return 9
}

// consequences drops what follows from another mistake: a key that is missing
// only because it is misspelt, and all but the first thing that is wrong with
// one value.
func consequences(all []mistake) []mistake {
	type place struct {
		path string
		name string
	}
	best := make(map[string]int)     // of the keywords that failed for one value
	badName := make(map[string]bool) // keys that no provider or team can have
	unknown := make(map[string]bool) // mappings with an unknown key
	misspelt := make(map[place]bool) // keys that an unknown key was meant to be
	id := func(path []string) string { return strings.Join(path, "\x00") }
	for _, m := range all {
		switch here := id(m.path); {
		case m.key && m.keyword == "unevaluatedProperties":
			parent := id(m.path[:len(m.path)-1])
			unknown[parent] = true
			if m.near != "" {
				misspelt[place{parent, m.near}] = true
			}
		case m.key:
			badName[here] = true
		default:
			if r, seen := best[here]; !seen || rankOf(m.keyword) < r {
				best[here] = rankOf(m.keyword)
			}
		}
	}
	return slices.DeleteFunc(all, func(m mistake) bool {
		here := id(m.path)
		switch {
		case m.key:
			return false
		case badName[here], rankOf(m.keyword) > best[here]:
			return true
		case m.keyword == "required":
			return misspelt[place{here, m.name}]
		case m.keyword == "oneOf":
			return unknown[here]
		default:
			return false
		}
	})
}

// schemaAt is the schema that has the keyword at a location.
func (s *Schema) schemaAt(location []string) map[string]any {
	var here any = s.document
	for _, step := range location[:max(len(location)-1, 0)] {
		switch h := here.(type) {
		case map[string]any:
			here = h[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(h) {
				return nil
			}
			here = h[i]
		}
	}
	schema, _ := here.(map[string]any)
	return schema
}

// at is the value at a path and what holds it.
func at(v any, path []string) (parent, value any) {
	value = v
	for _, step := range path {
		parent = value
		switch p := parent.(type) {
		case map[string]any:
			value = p[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(p) {
				return parent, nil
			}
			value = p[i]
		}
	}
	return parent, value
}

// pointer reads the validator's locations: JSON pointers whose steps are escaped
// for URLs besides.
func pointer(location string) []string {
	location = strings.TrimPrefix(location, "/")
	if location == "" {
		return nil
	}
	steps := strings.Split(location, "/")
	for i, step := range steps {
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		if step == emptyKey {
			step = ""
		}
		steps[i] = step
	}
	return steps
}

func sortViolations(vs []Violation) {
	slices.SortFunc(vs, func(a, b Violation) int {
		return cmp.Or(
			slices.CompareFunc(a.Path, b.Path, compareSteps),
			strings.Compare(a.Keyword, b.Keyword), strings.Compare(a.Message, b.Message),
		)
	})
}

// compareSteps puts list items in their order, before names.
func compareSteps(a, b string) int {
	i, errA := strconv.Atoi(a)
	j, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Or(cmp.Compare(i, j), strings.Compare(a, b))
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	default:
		return strings.Compare(a, b)
	}
}
