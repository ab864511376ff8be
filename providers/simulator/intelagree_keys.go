package simulator

import (
	"net/url"
	"slices"
	"strings"
)

// intelagreeEntity is the only entity of a user's business keys, in the original
// version (DOC I-CU1); v2's form was not recovered, and the same is INFERRED.
const intelagreeEntity = "User"

// intelagreeKey is a business key: what a business system calls a user. The two
// parts are compared as they are, assumed.
type intelagreeKey struct{ name, value string }

// intelagreeAddress is the business key in the path: its name and its value. A
// slash in one of them is escaped, so that they are taken apart before they are
// decoded.
func intelagreeAddress(c *call) (intelagreeKey, bool) {
	rest, ok := strings.CutPrefix(c.URL.EscapedPath(), "/"+c.host.kind+intelagreeBase+"/users/")
	name, value, both := strings.Cut(rest, "/")
	if !ok || !both || strings.Contains(value, "/") {
		return intelagreeKey{}, false
	}
	decodedName, err1 := url.PathUnescape(name)
	decodedValue, err2 := url.PathUnescape(value)
	return intelagreeKey{decodedName, decodedValue}, name != "" && value != "" && err1 == nil && err2 == nil
}

// withKey is the user with that business key, the oldest where a seed or a test
// gave it to several.
func (a *intelagree) withKey(key intelagreeKey) (*intelagreeUser, bool) {
	users := a.records.byKey(key.handle())
	if len(users) == 0 {
		return nil, false
	}
	return users[0], true
}

// businessKey wants an object with exactly the three members of one.
func (k *checker) businessKey(pointer string, v any) (any, bool) {
	before := len(k.problems)
	m, ok := k.object(pointer, v, "entity", "name", "value")
	if !ok {
		return nil, false
	}
	for _, name := range []string{"entity", "name", "value"} {
		_, _ = k.member(pointer, m, name)
	}
	if len(k.problems) == before && m["entity"] != intelagreeEntity {
		k.wrong(pointer+"/entity", "must be "+intelagreeEntity)
	}
	return m, len(k.problems) == before
}

// businessKeys wants a list of them, of one or more (DOC S003). That none may be
// there twice is assumed.
func (k *checker) businessKeys(pointer string, v any) (any, bool) {
	list, ok := k.list(pointer, v, k.businessKey)
	if !ok {
		return nil, false
	}
	switch n := len(list.([]any)); {
	case n == 0:
		k.wrong(pointer, "must have one or more, or be left out")
	case len(intelagreeKeysIn(list)) < n:
		k.wrong(pointer, "must not have one twice")
	default:
		return list, true
	}
	return nil, false
}

// handle is what the key is looked up by. No email begins like it.
func (key intelagreeKey) handle() string { return "\x00" + key.name + "\x00" + key.value }

// intelagreeKeysIn are the business keys in a list of them, each once.
func intelagreeKeysIn(list any) (keys []intelagreeKey) {
	items, _ := list.([]any)
	for _, item := range items {
		if key := intelagreeKeyOf(item); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func intelagreeKeyOf(v any) intelagreeKey {
	m, _ := v.(map[string]any)
	name, _ := m["name"].(string)
	value, _ := m["value"].(string)
	return intelagreeKey{name, value}
}

func readBusinessKey(n node) (any, error) {
	members, err := n.object("entity", "name", "value")
	key := map[string]any{}
	for _, name := range []string{"entity", "name", "value"} {
		member, ok := members[name]
		if err == nil && !ok {
			err = n.errorf("%s must be given", name)
		}
		if err == nil {
			key[name], err = member.filled()
		}
	}
	return key, err
}
