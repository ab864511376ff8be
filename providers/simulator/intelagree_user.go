package simulator

import (
	"maps"
	"strings"
	"time"
)

// intelagreeUser is one user. The vendor has no id for him: what he is known by
// are his business keys. His record's id is the value of the first of them when he
// was made, unless another record has it; an update that takes the key away leaves
// the id.
type intelagreeUser struct {
	entry
	// attributes are the fields under the API's names: texts, bools, int64, and
	// lists as []any. Without businessKeys, which only seeds leave out, he has the
	// one that ownKey makes.
	attributes map[string]any
	creator    string // TYPE/KEY of who made him, "" for the API's own user
}

// intelagreeBlank is a user of whom nothing is said.
func intelagreeBlank() map[string]any {
	return map[string]any{"userPermissions": []any{}, "permissionPresets": []any{}, "hasAllOrganizations": false}
}

func (u *intelagreeUser) copy() *intelagreeUser {
	c := *u
	c.attributes = maps.Clone(u.attributes)
	return &c
}

// key is the email, which is one user's whatever its case, assumed.
func (u *intelagreeUser) key() string { return strings.ToLower(u.email()) }

// handles are the business keys, each of which is one user's, assumed.
func (u *intelagreeUser) handles() []string {
	var all []string
	for _, key := range intelagreeKeysIn(u.businessKeys()) {
		all = append(all, key.handle())
	}
	return all
}

func (u *intelagreeUser) newID(seed, n int64) string { return hex24("intelagree", seed, n) }

func (u *intelagreeUser) seedID(n int) string {
	if first := u.firstValue(); n == 0 && first != "" {
		return first
	}
	return hex24("intelagree", u.key(), n)
}

// firstValue is that of the first business key, "" if there is none.
func (u *intelagreeUser) firstValue() string {
	list, _ := u.attributes["businessKeys"].([]any)
	if len(list) == 0 {
		return ""
	}
	return intelagreeKeyOf(list[0]).value
}

// businessKeys are his keys; for a user of a seed that says nothing of any it is
// one of the business system rollcall, which has his id: without a key he could be
// reached by no call.
func (u *intelagreeUser) businessKeys() []any {
	if list, ok := u.attributes["businessKeys"].([]any); ok {
		return list
	}
	return []any{map[string]any{"entity": intelagreeEntity, "name": "rollcall", "value": u.id}}
}

func (u *intelagreeUser) email() string {
	s, _ := u.attributes["email"].(string)
	return s
}

// shown is the user as answers show him. None is documented: the names of a
// create's fields are assumed, null for an unset text or number and [] for an
// unset list. There is no id but the business keys, and nothing that says whether
// he is active.
func (u *intelagreeUser) shown(c *call) map[string]any {
	shown := map[string]any{"name": nil, "legalName": nil, "title": nil, "primaryLegalEntityId": nil}
	maps.Copy(shown, u.attributes)
	shown["businessKeys"] = u.businessKeys()
	hide(c, c.ch.Hidden, shown, nil)
	return shown
}

// user is the user in the form of the state file.
func (u *intelagreeUser) user() User {
	copied, err := plain(u.attributes, 0)
	if err != nil {
		panic("simulator: " + err.Error()) // what is stored was checked
	}
	keys, _ := plain(u.businessKeys(), 0)
	data := copied.(map[string]any)
	data["id"], data["businessKeys"] = u.id, keys
	if u.creator != "" {
		data["createdBy"] = u.creator
	}
	return User{ID: u.id, Email: u.email(), Data: data}
}

func (a *intelagree) read(n node, now time.Time) (replace func(), err error) {
	fresh, err := readRecords(n, now, readIntelAgreeUser)
	return func() { a.records.replaceAll(fresh) }, err
}

func (a *intelagree) dump() map[string]any { return a.records.dump() }

func (a *intelagree) list() []User                { return a.records.list() }
func (a *intelagree) find(id string) (User, bool) { return a.records.one(id) }
func (a *intelagree) drop(id string) bool         { return a.records.drop(id) }

func (a *intelagree) put(data map[string]any, now time.Time) (string, error) {
	u, err := readPut(data, now, readIntelAgreeUser)
	if err != nil {
		return "", err
	}
	return a.records.put(u), nil
}

// readIntelAgreeUser reads a user of a seed or a state: the fields of the API,
// flat, and who made him. The email alone must be there.
func readIntelAgreeUser(n node, now time.Time) (*intelagreeUser, error) {
	names := []string{"id", "createdBy"}
	for _, f := range intelagreeFields {
		if f.name != intelagreeClone {
			names = append(names, f.name)
		}
	}
	members, err := n.object(names...)
	if err != nil {
		return nil, err
	}
	if _, ok := members["email"]; !ok {
		return nil, n.errorf("email must be given")
	}
	u := &intelagreeUser{entry: entry{created: now, indexed: true}, attributes: intelagreeBlank()}
	f := &fields{members: members}
	take(f, "id", &u.id, node.filled)
	take(f, "createdBy", &u.creator, node.filled)
	for _, field := range intelagreeFields {
		var value any
		take(f, field.name, &value, field.read)
		if value != nil {
			u.attributes[field.name] = value
		}
	}
	return u, f.err
}
