package simulator

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// partooUser is one user, of whatever organisation.
type partooUser struct {
	entry
	// attributes are the fields under the API's names: texts, bools, int64, and
	// lists of those as []any.
	attributes map[string]any
	invited    time.Time // when the last mail went out, zero if none did
}

func (u *partooUser) copy() *partooUser {
	c := *u
	c.attributes = maps.Clone(u.attributes)
	return &c
}

// key is the email, which must be unique (DOC S001): in all organisations, and
// whatever its case, assumed because the search ignores it (DOC P-SEARCH).
func (u *partooUser) key() string { return strings.ToLower(u.email()) }

func (u *partooUser) newID(seed, n int64) string { return hex24("partoo", seed, n) }
func (u *partooUser) seedID(n int) string        { return hex24("partoo", u.key(), n) }

// text returns a text attribute, "" if unset.
func (u *partooUser) text(name string) string {
	s, _ := u.attributes[name].(string)
	return s
}

func (u *partooUser) email() string { return u.text("email") }

// shown is the user as answers show him (DOC P-GET). Unset texts are null and
// unset lists empty, assumed. A password and whether mails about reviews are
// wanted are never shown. businesses says whether the list of them is asked for.
func (u *partooUser) shown(c *call, businesses bool) map[string]any {
	shown := map[string]any{
		"id": u.id, "provider": "partoo", "created_at": u.created.Unix(), "shadow_user_id": "",
		"custom_role": nil, "accesses": []any{}, "phone": nil, "lang": nil, "keywords": []any{},
		"sso_only": false, "disabled": false,
		"sidebar_pages": texts(partooSidebar), // all features (DOC S001)
	}
	role := u.attributes["role"]
	if role == partooGroupManager || role == partooBusinessManager {
		// The built-in role for that role (DOC S001); its name is assumed.
		shown["custom_role"] = strings.ToLower(role.(string))
	}
	if role == partooBusinessManager {
		shown["business_ids"] = []any{}
	}
	maps.Copy(shown, u.attributes)
	delete(shown, "receive_reviews_email_notifications")
	if !businesses {
		delete(shown, "business_ids")
	}
	hide(c, c.ch.Hidden, shown, nil)
	return shown
}

// user is the user in the form of the state file.
func (u *partooUser) user() User {
	copied, err := plain(u.attributes, 0)
	if err != nil {
		panic("simulator: " + err.Error()) // what is stored was checked
	}
	data := copied.(map[string]any)
	data["id"], data["created_at"] = u.id, u.created.Unix()
	if !u.invited.IsZero() {
		data["invited_at"] = u.invited.UTC().Format(time.RFC3339Nano)
	}
	return User{ID: u.id, Email: u.email(), Data: data}
}

func (p *partoo) read(n node, now time.Time) (replace func(), err error) {
	fresh, err := readRecords(n, now, p.readUser)
	return func() { p.records.replaceAll(fresh) }, err
}

func (p *partoo) dump() map[string]any { return p.records.dump() }

func (p *partoo) list() []User                { return p.records.list() }
func (p *partoo) find(id string) (User, bool) { return p.records.one(id) }
func (p *partoo) drop(id string) bool         { return p.records.drop(id) }

func (p *partoo) put(data map[string]any, now time.Time) (string, error) {
	u, err := readPut(data, now, p.readUser)
	if err != nil {
		return "", err
	}
	return p.records.put(u), nil
}

// readUser reads a user of a seed or a state: the fields of the API, flat, and
// when the last invitation went out. Omitted fields get what a create gives them.
func (p *partoo) readUser(n node, now time.Time) (*partooUser, error) {
	names := []string{"id", "created_at", "invited_at"}
	for _, f := range partooFields {
		if f.name != "send_invitation" && f.name != "password" {
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
	u := &partooUser{entry: entry{created: now, indexed: true}, attributes: map[string]any{
		"role": partooOrgAdmin, "org_id": p.options.Partoo.Org, "status": partooActive, "disabled": false, "sso_only": false,
	}}
	f := &fields{members: members}
	take(f, "id", &u.id, node.filled)
	take(f, "created_at", &u.created, node.unix)
	take(f, "invited_at", &u.invited, node.time)
	for _, field := range partooFields {
		var value any
		take(f, field.name, &value, field.read)
		if value != nil {
			u.attributes[field.name] = value
		}
	}
	return u, f.err
}

// read reads a value of a seed or a state as it is kept.
func (f partooField) read(n node) (any, error) {
	switch f.kind {
	case partooFlag:
		return n.boolean()
	case partooNumber:
		return n.integer()
	case partooTexts:
		return n.each(func(item node) (any, error) { return item.text() })
	case partooNumberSets:
		return n.each(func(item node) (any, error) {
			return item.each(func(item node) (any, error) { return item.integer() })
		})
	default:
		if f.name == "email" {
			return n.filled()
		}
		return n.text()
	}
}

// merged is the union of two lists, the old one first.
func merged(old, more []any) []any {
	all := slices.Clone(old)
	for _, item := range more {
		if !slices.ContainsFunc(all, func(have any) bool { return reflect.DeepEqual(have, item) }) {
			all = append(all, item)
		}
	}
	return all
}
