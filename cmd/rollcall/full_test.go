package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/registry"
	"rollcall/schemas"
	"rollcall/sources"
)

// TestFullExample: examples/full has every key that a roster and a configuration can
// have, is valid, and comes to what it says at the simulated vendors.
func TestFullExample(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "examples", "full"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".rollcall")); err != nil {
		t.Fatal(err)
	}
	config, problems := sources.ReadYAML(filepath.Join(dir, "rollcall.yaml"))
	roster, more := sources.ReadYAML(filepath.Join(dir, "roster.yaml"))
	if problems.Failed() || more.Failed() {
		t.Fatal(problems, more)
	}
	kindOf := make(map[string]string)
	at := func(data any, path ...string) any {
		for _, step := range path {
			object, _ := data.(map[string]any)
			data = object[step]
		}
		return data
	}
	providers, _ := at(config.Data(), "providers").(map[string]any)
	written := make(map[string]map[string]bool) // by definition: the keys that are there
	note := func(definition string, data any) {
		object, _ := data.(map[string]any)
		if written[definition] == nil {
			written[definition] = make(map[string]bool)
		}
		for key := range object {
			written[definition][key] = true
		}
	}
	note("config", config.Data())
	note("guardrails", at(config.Data(), "guardrails"))
	note("schedule", at(config.Data(), "schedule"))
	for name, data := range providers {
		kindOf[name] = name
		if kind, is := at(data, "kind").(string); is {
			kindOf[name] = kind
		}
		note("provider", data)
		note(kindOf[name]+".provider", data)
	}
	note("roster", roster.Data())
	people, _ := at(roster.Data(), "people").([]any)
	for _, person := range people {
		note("person", person)
		access, _ := at(person, "access").(map[string]any)
		for name, block := range access {
			note("block", block)
			note(kindOf[name]+".access", block)
		}
	}
	teams, _ := at(roster.Data(), "teams").(map[string]any)
	for _, team := range teams {
		note("team", team)
		access, _ := at(team, "access").(map[string]any)
		for name, block := range access {
			note(kindOf[name]+".access", block)
		}
	}
	check := func(definition string, schema any) {
		properties, _ := at(schema, "properties").(map[string]any)
		if len(properties) == 0 {
			t.Errorf("%s has no keys", definition)
		}
		for key, value := range properties {
			if value != false && !written[definition][key] {
				t.Errorf("%s: %s stands nowhere", definition, key)
			}
		}
	}
	file := func(name string) any {
		var schema any
		if err := json.Unmarshal([]byte(read(t, filepath.Join(repository, "schemas", name+".schema.json"))), &schema); err != nil {
			t.Fatal(err)
		}
		return schema
	}
	whole, named := file("config"), file("roster")
	check("config", whole)
	check("guardrails", at(whole, "properties", "guardrails"))
	check("schedule", at(whole, "properties", "schedule"))
	check("provider", at(whole, "$defs", "provider"))
	check("roster", named)
	for _, definition := range []string{"person", "block", "team"} {
		check(definition, at(named, "$defs", definition))
	}
	for _, kind := range registry.Kinds() {
		check(kind.Name+".provider", at(file(kind.Name), "$defs", "provider"))
		check(kind.Name+".access", at(file(kind.Name), "$defs", "access"))
	}
	if len(schemas.Kinds()) != len(registry.Kinds()) {
		t.Errorf("%v have a schema", schemas.Kinds())
	}

	if code, stdout, stderr := rollcall(dir, "validate"); code != plan.ExitOK || stdout != "valid: 3 people, 5 providers\n" || stderr != "" {
		t.Errorf("validate ends with %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := rollcall(dir, "--simulate", "apply", "--yes"); code != plan.ExitOK || !strings.HasSuffix(stdout, "\n11 applied\n") {
		t.Errorf("apply ends with %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := rollcall(dir, "--simulate", "plan", "--detailed-exitcode"); code != plan.ExitOK || !strings.Contains(stdout, "nothing to change; 2 held, 0 manual, 11 unchanged") {
		t.Errorf("the second plan ends with %d: %s%s", code, stdout, stderr)
	}
}
