package simulator

import (
	"encoding/json"
	"maps"
	"math"
	"strings"
)

// intelagreeType is the type of a field, in JSON and in a state.
type intelagreeType int

const (
	intelagreeText intelagreeType = iota
	intelagreeFlag
	intelagreeNumber // an integer
	intelagreeKeys   // a list of business keys
	intelagreeSource // a business key
	intelagreeRights // a list whose items have no documented type
)

// intelagreeField is one field of a user, as the documentation lists them.
type intelagreeField struct {
	name     string
	kind     intelagreeType
	required bool
}

// intelagreeFields are the fields of a create (DOC S003). That an update has the
// same and answers show them under the same names is assumed.
var intelagreeFields = []intelagreeField{
	{name: "name", required: true},
	{name: "legalName", required: true},
	{name: "email", required: true},
	{name: "title"},
	{name: "businessKeys", kind: intelagreeKeys},
	{name: "userPermissions", kind: intelagreeRights},
	{name: "permissionPresets", kind: intelagreeRights},
	{name: intelagreeClone, kind: intelagreeSource},
	{name: "hasAllOrganizations", kind: intelagreeFlag},
	{name: "primaryLegalEntityId", kind: intelagreeNumber},
}

// intelagreeClone is a request's alone: what it copies is kept, and it is not.
const intelagreeClone = "userPermissionsToClone"

// intelagreeWays are the ways to say what a user may do. Which of them wins is
// not documented; that one request has one of them is assumed.
var intelagreeWays = []string{"userPermissions", "permissionPresets", intelagreeClone}

// intelagreeDepth bounds how deep a permission nests that is an object.
const intelagreeDepth = 8

// fields reads the body of a create or an update: the fields that it has, as they
// are kept.
func (a *intelagree) fields(k *checker, body []byte) map[string]any {
	given := map[string]any{}
	decoded, ok := k.decode(body)
	if !ok {
		return given
	}
	var known []string
	for _, f := range intelagreeFields {
		known = append(known, f.name)
	}
	m, ok := k.object("", decoded, known...)
	if !ok {
		return given
	}
	for _, f := range intelagreeFields {
		v, sent := m[f.name]
		switch {
		case !sent && f.required:
			k.wrong("/"+f.name, "must be given")
		case sent:
			if value, ok := f.sent(k, "/"+f.name, v); ok {
				given[f.name] = value
			}
		}
	}
	var ways []string
	for _, way := range intelagreeWays {
		if _, sent := m[way]; sent {
			ways = append(ways, way)
		}
	}
	if len(ways) > 1 {
		k.wrong("/"+ways[1], "must not stand beside %s", ways[0])
	}
	return given
}

// sent checks the type of a value and returns it as it is kept. That what is
// required must not be empty, and an email be an address, is assumed.
func (f intelagreeField) sent(k *checker, pointer string, v any) (any, bool) {
	switch f.kind {
	case intelagreeFlag:
		b, ok := v.(bool)
		if !ok {
			k.wrong(pointer, "must be a boolean")
		}
		return b, ok
	case intelagreeNumber:
		return k.integer(pointer, v)
	case intelagreeKeys:
		return k.businessKeys(pointer, v)
	case intelagreeSource:
		return k.businessKey(pointer, v)
	case intelagreeRights:
		return k.list(pointer, v, func(at string, item any) (any, bool) {
			right, err := readRight(node{v: item})
			if err != nil {
				k.wrong(at, "must be a string, an integer or an object")
			}
			return right, err == nil
		})
	}
	if !f.required {
		return k.text(pointer, v)
	}
	s, ok := k.filled(pointer, v)
	if ok && f.name == "email" && !isEmail(s) {
		k.wrong(pointer, "must be an email address")
		ok = false
	}
	return s, ok
}

// filled wants text that is not empty.
func (k *checker) filled(pointer string, v any) (string, bool) {
	s, ok := k.text(pointer, v)
	if ok && strings.TrimSpace(s) == "" {
		k.wrong(pointer, "must not be empty")
		return "", false
	}
	return s, ok
}

// member wants a member that is text and not empty.
func (k *checker) member(pointer string, m map[string]any, name string) (string, bool) {
	v, ok := m[name]
	if !ok {
		k.wrong(pointer+"/"+name, "must be given")
		return "", false
	}
	return k.filled(pointer+"/"+name, v)
}

// read reads a value of a seed or a state as it is kept.
func (f intelagreeField) read(n node) (any, error) {
	switch f.kind {
	case intelagreeFlag:
		return n.boolean()
	case intelagreeNumber:
		return n.integer()
	case intelagreeKeys:
		return n.each(readBusinessKey)
	case intelagreeRights:
		return n.each(readRight)
	default:
		if f.name == "email" {
			return n.filled()
		}
		return n.text()
	}
}

// readRight reads an item of a list whose items have no documented type: assumed
// are texts, whole numbers and objects of whatever is in them.
func readRight(n node) (any, error) {
	switch v := n.v.(type) {
	case string:
		return v, nil
	case map[string]any:
		kept, ok := intelagreeKept(v, 0)
		if !ok {
			return nil, n.errorf("has a number that can not be kept, or is nested too deep")
		}
		return kept, nil
	}
	i, err := n.integer()
	if err != nil {
		return nil, n.wrong("text, a whole number or an object")
	}
	return i, nil
}

// intelagreeKept is a value of whatever type in the types that a state has, so
// that it is the same after it was saved.
func intelagreeKept(v any, depth int) (any, bool) {
	if depth > intelagreeDepth {
		return nil, false
	}
	switch v := v.(type) {
	case nil, string, bool:
		return v, true
	case []any:
		kept := make([]any, len(v))
		for i, item := range v {
			var ok bool
			if kept[i], ok = intelagreeKept(item, depth+1); !ok {
				return nil, false
			}
		}
		return kept, true
	case map[string]any:
		kept := maps.Clone(v)
		for name, item := range v {
			var ok bool
			if kept[name], ok = intelagreeKept(item, depth+1); !ok {
				return nil, false
			}
		}
		return kept, true
	}
	if i, err := (node{v: v}).integer(); err == nil {
		return i, true
	}
	return intelagreeFraction(v)
}

// intelagreeFraction is a number that is not read as a whole one, unless it is.
func intelagreeFraction(v any) (any, bool) {
	var f float64
	switch v := v.(type) {
	case float64:
		f = v
	case uint64:
		f = float64(v)
	case json.Number:
		var err error
		if f, err = v.Float64(); err != nil {
			return nil, false
		}
	default:
		return nil, false
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f), true
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}
