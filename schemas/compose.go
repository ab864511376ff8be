package schemas

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// A composer makes one self-contained document of several files. Definitions of
// other files come in under the name of their file: secret of config.schema.json
// becomes config-secret.
type composer struct {
	name     string
	document map[string]any
	defs     map[string]any
}

func newComposer(name string) *composer {
	c := &composer{name: name, document: load(name)}
	c.defs = object(c.document, "$defs")
	if c.defs == nil {
		c.defs = make(map[string]any)
		c.document["$defs"] = c.defs
	}
	return c
}

// load parses an embedded file anew, so that the caller may change it. A file
// that is not there or no JSON is a fault of the build.
func load(name string) map[string]any {
	data, err := files.ReadFile(name + suffix)
	if err != nil {
		panic("schemas: " + err.Error())
	}
	var document map[string]any
	if err := json.Unmarshal(data, &document); err != nil {
		panic("schemas: " + name + suffix + ": " + err.Error())
	}
	return document
}

// object walks down a schema; it is nil when there is no object.
func object(schema map[string]any, path ...string) map[string]any {
	for _, step := range path {
		schema, _ = schema[step].(map[string]any)
	}
	return schema
}

func composeRoster(providers map[string]string) map[string]any {
	c := newComposer(roster)
	block := object(c.defs, "block")
	access := object(c.defs, "access", "properties")
	team := object(c.defs, "teamAccess", "properties")
	known := Kinds()
	for name, kind := range providers {
		if !slices.Contains(known, kind) {
			open := map[string]any{"description": "Access at " + name + ", whose kind is unknown."}
			access[name], team[name] = open, open
			continue
		}
		if c.defs[kind+"-access"] == nil {
			c.defs[kind+"-access"] = merge(block, c.definition(kind, "access"))
			shared := merge(block, c.definition(kind, "access"))
			for word := range personal {
				delete(object(shared, "properties"), word)
			}
			c.defs[kind+"-teamAccess"] = shared
		}
		description := "Access at " + name + ", of the kind " + kind + "."
		access[name] = map[string]any{"description": description, "$ref": "#/$defs/" + kind + "-access"}
		team[name] = map[string]any{"description": description, "$ref": "#/$defs/" + kind + "-teamAccess"}
	}
	return c.finish()
}

func composeConfig(providers map[string]string) map[string]any {
	c := newComposer(config)
	common := object(c.defs, "provider")
	anyProvider := object(c.defs, "anyProvider")
	named := object(c.document, "properties", "providers", "properties")
	kinds := Kinds()
	enum := make([]any, len(kinds))
	choices := make([]any, len(kinds))
	for i, kind := range kinds {
		ref := map[string]any{"$ref": "#/$defs/" + kind + "-provider"}
		c.defs[kind+"-provider"] = merge(common, c.definition(kind, "provider"))
		// A provider that is called as a kind is of that kind unless it says otherwise.
		named[kind] = map[string]any{
			"description": "The provider " + kind + ".",
			"if":          map[string]any{"required": []any{"kind"}},
			"then":        map[string]any{"$ref": "#/$defs/anyProvider"},
			"else":        ref,
		}
		enum[i] = kind
		choices[i] = map[string]any{
			"if":   map[string]any{"required": []any{"kind"}, "properties": map[string]any{"kind": map[string]any{"const": kind}}},
			"then": ref,
		}
	}
	anyProvider["allOf"] = choices
	object(anyProvider, "properties", "kind")["enum"] = enum
	for _, kind := range kinds {
		object(c.defs, kind+"-provider", "properties", "kind")["enum"] = enum
	}
	for name, kind := range providers {
		ref := "#/$defs/anyProvider"
		if slices.Contains(kinds, kind) {
			ref = "#/$defs/" + kind + "-provider"
		}
		named[name] = map[string]any{"description": "The provider " + name + ".", "$ref": ref}
	}
	return c.finish()
}

func composeStatic(name string) map[string]any { return newComposer(name).finish() }

// definition is a definition of another file, its references made good here.
func (c *composer) definition(file, name string) map[string]any {
	schema := object(load(file), "$defs", name)
	c.resolve(schema, file)
	return schema
}

// resolve rewrites the references of a schema that stands in a file to point
// into the document, and brings in what they point to.
func (c *composer) resolve(schema any, file string) {
	switch s := schema.(type) {
	case []any:
		for _, item := range s {
			c.resolve(item, file)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(s)) {
			ref, isText := s[key].(string)
			if key != "$ref" || !isText {
				c.resolve(s[key], file)
				continue
			}
			from, name, found := strings.Cut(ref, "#/$defs/")
			if !found {
				continue
			}
			from = strings.TrimSuffix(from, suffix)
			if from == "" {
				from = file
			}
			here := name
			if from != c.name {
				here = from + "-" + name
				if c.defs[here] == nil {
					// It is entered before it is resolved: it may refer to itself.
					found := object(load(from), "$defs", name)
					c.defs[here] = found
					c.resolve(found, from)
				}
			}
			s["$ref"] = "#/$defs/" + here
		}
	}
}

// merge makes a closed schema of the common keys and a kind's own. Where both
// have one, the kind's own counts, so that a kind can narrow a common key.
func merge(common, own map[string]any) map[string]any {
	merged := maps.Clone(common)
	maps.Copy(merged, own)
	properties := make(map[string]any)
	for name, schema := range object(common, "properties") {
		// The members of a schema may be changed later, and common has several users.
		if s, isObject := schema.(map[string]any); isObject {
			properties[name] = maps.Clone(s)
		}
	}
	maps.Copy(properties, object(own, "properties"))
	// A common key that a kind has no use for is false in its own definition.
	maps.DeleteFunc(properties, func(_ string, schema any) bool { return schema == false })
	merged["properties"] = properties
	return merged
}

// finish brings in what the document refers to and drops the definitions that
// nothing refers to.
func (c *composer) finish() map[string]any {
	c.resolve(c.document, c.name)
	used := make(map[string]any)
	var mark func(any)
	mark = func(schema any) {
		switch s := schema.(type) {
		case []any:
			for _, item := range s {
				mark(item)
			}
		case map[string]any:
			for _, value := range s {
				mark(value)
			}
			ref, _ := s["$ref"].(string)
			if name, found := strings.CutPrefix(ref, "#/$defs/"); found && used[name] == nil {
				used[name] = c.defs[name]
				mark(c.defs[name])
			}
		}
	}
	delete(c.document, "$defs")
	mark(c.document)
	if len(used) > 0 {
		c.document["$defs"] = used
	}
	return c.document
}
