package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// documents are all files as they stand and all compositions of them.
func documents(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"composed plan": Plan(), "composed result": Result(), "composed notification": Notification()}
	for _, name := range append(Kinds(), roster, config, plan, result, notification) {
		data, err := files.ReadFile(name + suffix)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	providers := map[string]string{"odd": "no-such-kind"}
	for _, kind := range Kinds() {
		providers[kind], providers["other-"+kind] = kind, kind
	}
	for name, compose := range map[string]func(map[string]string) ([]byte, error){"roster": Roster, "config": Config} {
		for label, given := range map[string]map[string]string{"composed ": providers, "empty ": nil} {
			data, err := compose(given)
			if err != nil {
				t.Fatal(err)
			}
			all[label+name] = data
		}
	}
	return all
}

// The validator ignores keywords it does not know, keys that stand twice and
// what follows the document, so that a slip in a schema would let mistakes pass.
func TestFilesAreSound(t *testing.T) {
	// The standard's metaschema, closed, with the two keywords of our own. All
	// subschemas are held to it too: $dynamicAnchor makes them refer back here.
	const strict = `{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://rollcall.invalid/strict",
		"$dynamicAnchor": "meta", "$ref": "https://json-schema.org/draft/2020-12/schema",
		"properties": {"errorMessage": {"type": "string"}, "patternErrorMessage": {"type": "string"}},
		"unevaluatedProperties": false
	}`
	meta, err := jsonschema.CompileString("https://rollcall.invalid/strict", strict)
	if err != nil {
		t.Fatal(err)
	}
	sound := func(data []byte) error {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var document any
		if err := decoder.Decode(&document); err != nil {
			return err
		}
		if decoder.More() {
			return fmt.Errorf("something follows the document")
		}
		return meta.Validate(document)
	}
	for name, data := range documents(t) {
		if err := sound(data); err != nil {
			t.Errorf("%s: %#v", name, err)
		}
		if err := uniqueKeys(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, slip := range []string{
		`{"requird":["a"]}`, `{"$defs":{"a":{"typ":"string"}}}`, `{"properties":{"a":{"items":{"typ":"string"}}}}`, `{} {}`,
	} {
		if sound([]byte(slip)) == nil {
			t.Errorf("%s is taken for sound", slip)
		}
	}
	if uniqueKeys([]byte(`{"a":{"b":1,"c":[],"b":2}}`)) == nil {
		t.Error("a key that stands twice is not seen")
	}
}

// uniqueKeys finds keys that stand twice in one object.
func uniqueKeys(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	var visit func() error
	visit = func() error {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		open, isDelim := token.(json.Delim)
		if !isDelim {
			return nil
		}
		seen := make(map[any]bool)
		for decoder.More() {
			if open == '{' {
				key, err := decoder.Token()
				if err != nil {
					return err
				}
				if seen[key] {
					return fmt.Errorf("the key %v stands twice", key)
				}
				seen[key] = true
			}
			if err := visit(); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
		return err
	}
	return visit()
}

// subschemas visits a schema and everything in it that is one.
func subschemas(path string, schema any, visit func(path string, schema map[string]any)) {
	s, isObject := schema.(map[string]any)
	if !isObject {
		return
	}
	visit(path, s)
	for _, keyword := range []string{"properties", "patternProperties", "$defs"} {
		for name, sub := range object(s, keyword) {
			subschemas(path+"/"+keyword+"/"+name, sub, visit)
		}
	}
	for _, keyword := range []string{"items", "additionalProperties", "propertyNames", "if", "then", "else", "not"} {
		subschemas(path+"/"+keyword, s[keyword], visit)
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		branches, _ := s[keyword].([]any)
		for i, branch := range branches {
			subschemas(fmt.Sprintf("%s/%s/%d", path, keyword, i), branch, visit)
		}
	}
}

func TestEverySchemaIsDescribedAndClosed(t *testing.T) {
	for name, data := range documents(t) {
		var document map[string]any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		composed := strings.HasPrefix(name, "composed")
		machine := strings.Contains(name, plan) || strings.Contains(name, result) || strings.Contains(name, notification)
		subschemas(name, document, func(path string, s map[string]any) {
			conditional := strings.Contains(path, "/if") || strings.Contains(path, "/oneOf")
			for property, sub := range object(s, "properties") {
				if !conditional && sub != false && object(map[string]any{"": sub}, "")["description"] == nil {
					t.Errorf("%s: %s has no description", path, property)
				}
			}
			if format, has := s["format"].(string); has {
				_, ours := formats()[format]
				if !ours && format != "date" && format != "date-time" {
					t.Errorf("%s: nothing checks the format %s", path, format)
				}
			}
			if ref, has := s["$ref"].(string); composed && has {
				definition, local := strings.CutPrefix(ref, "#/$defs/")
				if !local || object(document, "$defs", definition) == nil {
					t.Errorf("%s: %s leads nowhere", path, ref)
				}
			}
			if !composed || conditional || s["properties"] == nil || strings.HasSuffix(path, "/anyProvider") {
				return
			}
			additional, _ := s["additionalProperties"].(map[string]any)
			if s["unevaluatedProperties"] != false && additional == nil {
				t.Errorf("%s is open", path)
			}
			if passes := object(s, "patternProperties")["^x-"] == true; passes == machine {
				t.Errorf("%s: keys that begin with x- pass: %v", path, passes)
			}
		})
	}
}

// What people copy out of a schema has to be right.
func TestExamplesAreValid(t *testing.T) {
	for name, data := range documents(t) {
		if !strings.HasPrefix(name, "composed") {
			continue
		}
		var document map[string]any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		id, _ := document["$id"].(string)
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat = true
		compiler.Formats = formats()
		if err := compiler.AddResource(id, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		subschemas("#", document, func(path string, s map[string]any) {
			examples, _ := s["examples"].([]any)
			if preset, has := s["default"]; has {
				examples = append(examples, preset)
			}
			if len(examples) == 0 || strings.Contains(path, "^") {
				return
			}
			compiled, err := compiler.Compile(id + path)
			if err != nil {
				t.Fatal(err)
			}
			for _, example := range examples {
				if err := compiled.Validate(example); err != nil {
					t.Errorf("%s: %s: %v: %v", name, path, example, err)
				}
			}
		})
	}
}

func TestKinds(t *testing.T) {
	if kinds := Kinds(); !slices.IsSorted(kinds) || !slices.Contains(kinds, "vendasta") || slices.Contains(kinds, roster) {
		t.Errorf("kinds are %v", kinds)
	}
	for _, kind := range Kinds() {
		for _, definition := range []string{"access", "provider"} {
			if object(load(kind), "$defs", definition, "properties") == nil {
				t.Errorf("%s has no $defs/%s", kind, definition)
			}
		}
		for word := range object(load(roster), "$defs", "block", "properties") {
			if object(load(kind), "$defs", "access", "properties")[word] != nil {
				t.Errorf("%s: access has rollcall's own word %s", kind, word)
			}
		}
	}
}

func TestUnbuiltIsRefused(t *testing.T) {
	s := must(t)(CompileConfig(nil))
	for _, entry := range unbuilt {
		steps := strings.Split(strings.Replace(entry.place, "*", "vendasta", 1), ".")
		document, _ := value(t, settings(`"x-":0`)).(map[string]any)
		parent := document
		for _, step := range steps[:len(steps)-1] {
			if parent[step] == nil {
				parent[step] = map[string]any{}
			}
			parent = object(parent, step)
		}
		switch entry.value {
		case "":
			parent[steps[len(steps)-1]] = "x"
		default:
			parent[steps[len(steps)-1]] = entry.value
		}
		violations := s.Validate(document)
		if len(violations) != 1 || !strings.Contains(violations[0].Message, "does not honour") {
			t.Errorf("%v: %v", entry, violations)
		}
	}
}

func TestTheSameBytesForTheSameProviders(t *testing.T) {
	first := make(map[string]string)
	for range 200 {
		for name, data := range documents(t) {
			if seen, again := first[name]; again && seen != string(data) {
				t.Fatalf("%s differs from one time to the next", name)
			}
			first[name] = string(data)
		}
	}
	// A caller that changes the bytes changes no one else's.
	clear(Plan())
	if string(Plan()) != first["composed plan"] {
		t.Error("the plan's schema can be changed")
	}
	if !slices.Contains(slices.Collect(maps.Keys(first)), "composed roster") {
		t.Error("nothing was compared")
	}
}
