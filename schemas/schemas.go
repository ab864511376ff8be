// Package schemas holds the JSON Schemas (2020-12) of everything that rollcall
// reads and writes, and validates values against them.
//
// The roster and rollcall.yaml depend on the providers that are configured: what
// may stand under access.<name> is what the vendor of that name's kind can do.
// So their schemas are composed, of one file for the common part and one file
// for each kind. A kind's file <kind>.schema.json has two definitions, both
// without the closing and the common keys, which composition adds:
//
//	$defs/access    an access block of the roster, by the vendor's names
//	$defs/provider  the kind's own keys in rollcall.yaml, auth among them
//
// It may refer to its own definitions and to those of another file, as in
// config.schema.json#/$defs/secret. Adding the file adds the kind.
//
// Beside the keywords of the standard the files use two that editors know:
// errorMessage says in a sentence what must stand in a place, for type, const,
// enum, format and too few members; patternErrorMessage does for pattern. Both
// begin with "must be" or are sentences of their own, and end up in violations.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"slices"
	"strings"
)

//go:embed *.schema.json
var files embed.FS

// The documents that are no kind.
const (
	roster       = "roster"
	config       = "config"
	plan         = "plan"
	result       = "result"
	notification = "notification"
)

const suffix = ".schema.json"

// Kinds lists the kinds of provider that have a schema, sorted.
func Kinds() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("schemas: " + err.Error())
	}
	var kinds []string
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), suffix)
		if !slices.Contains([]string{roster, config, plan, result, notification}, name) {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// Roster is the schema of a roster for providers, a map from name to kind, as
// one document that refers to nothing outside itself. The blocks of a provider
// whose kind is unknown may hold anything: it is the configuration that is wrong
// then. The bytes are the same for the same providers.
func Roster(providers map[string]string) ([]byte, error) {
	return encode(composeRoster(providers), "  ")
}

// Config is the schema of rollcall.yaml as one document. It is good for any
// providers; those that are given, a map from name to kind, are described by
// name.
func Config(providers map[string]string) ([]byte, error) {
	return encode(composeConfig(providers), "  ")
}

// Plan is the schema of rollcall.plan/1.
func Plan() []byte { return static(plan) }

// Result is the schema of rollcall.result/1.
func Result() []byte { return static(result) }

// Notification is the schema of rollcall.notification/1.
func Notification() []byte { return static(notification) }

func static(name string) []byte {
	data, err := encode(composeStatic(name), "  ")
	if err != nil {
		panic("schemas: " + err.Error())
	}
	return data
}

// encode writes a document with its keys in order.
func encode(document map[string]any, indent string) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(document)
	return out.Bytes(), err
}

// Ignored tells whether a key of a roster or of rollcall.yaml is the user's own,
// which the schemas let pass with whatever stands under it. It holds for the
// names under teams and providers too: nothing under such a name was validated.
func Ignored(key string) bool { return strings.HasPrefix(key, "x-") }
