package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// read reads the users of a seed or a state. Types and names are strict;
// formats, enums and unique emails are not checked, since records at a vendor
// can be older than its rules, and tests need such ones.
func (v *vendasta) read(n node, now time.Time) (replace func(), err error) {
	fresh := &vendastaRecords{}
	fresh.clear()
	var made int
	var users []node
	members, err := n.object("users", "made")
	f := &fields{members: members, err: err}
	take(f, "made", &made, node.count)
	take(f, "users", &users, node.list)
	if f.err != nil {
		return nil, f.err
	}
	if len(users) > maxVendastaUsers {
		return nil, n.errorf("more than %d users", maxVendastaUsers)
	}
	fresh.made = int64(made)
	for _, item := range users {
		u, err := v.readUser(item, now)
		if err != nil {
			return nil, err
		}
		if fresh.ids[u.id] != nil {
			return nil, item.errorf("there is another user with the id %s", u.id)
		}
		fresh.nameless(u)
		fresh.add(u)
	}
	return func() { v.records.replaceAll(fresh) }, nil
}

// nameless gives a user without an id one that depends on nothing but its
// partner and email, so that adding others to a seed does not change it.
func (r *vendastaRecords) nameless(u *vendastaUser) {
	for n := 0; u.id == ""; n++ {
		id := "U-" + uuid("vendasta", u.partner, strings.ToLower(u.email()), n)
		if r.ids[id] == nil {
			u.id = id
		}
	}
}

func (v *vendasta) readUser(n node, now time.Time) (*vendastaUser, error) {
	m, err := n.object("id", "partner", "attributes", "platformAccess", "businessLocations", "createdAt", "updatedAt")
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"partner", "attributes"} {
		if _, ok := m[key]; !ok {
			return nil, n.errorf("%s must be given", key)
		}
	}
	u := &vendastaUser{created: now, indexed: true}
	f := &fields{members: m}
	take(f, "id", &u.id, node.filled)
	take(f, "partner", &u.partner, node.filled)
	take(f, "attributes", &u.attributes, readAttributes)
	take(f, "platformAccess", &u.platformAccess, node.texts)
	take(f, "businessLocations", &u.businessLocations, node.texts)
	take(f, "createdAt", &u.created, node.time)
	u.updated = u.created
	take(f, "updatedAt", &u.updated, node.time)
	return u, f.err
}

func (n node) time() (time.Time, error) {
	s, err := n.text()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, n.errorf("expected a time such as 2026-01-31T09:30:00Z")
	}
	return t, nil
}

func readAttributes(n node) (map[string]any, error) {
	m, err := n.object("email", "givenName", "familyName", "greetingName", "languageLocaleCode", "timeZone", "phoneNumbers", "address")
	if err != nil {
		return nil, err
	}
	if _, ok := m["email"]; !ok {
		return nil, n.errorf("email must be given")
	}
	attributes := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		value := m[name]
		switch name {
		case "email":
			attributes[name], err = value.filled()
		case "phoneNumbers":
			attributes[name], err = readPhones(value)
		case "address":
			attributes[name], err = readFields(value, "line1", "line2", "city", "postalCode", "regionCode", "countryCode")
		default:
			attributes[name], err = value.text()
		}
		if err != nil {
			return nil, err
		}
	}
	return attributes, nil
}

func readPhones(n node) ([]any, error) {
	list, err := n.list()
	if err != nil {
		return nil, err
	}
	phones := make([]any, len(list))
	for i, item := range list {
		if phones[i], err = readFields(item, "number", "typeCode"); err != nil {
			return nil, err
		}
	}
	return phones, nil
}

// readFields is an object of texts.
func readFields(n node, names ...string) (map[string]any, error) {
	m, err := n.object(names...)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s, err := m[name].text()
		if err != nil {
			return nil, err
		}
		fields[name] = s
	}
	return fields, nil
}

// put adds a user or replaces the one with its id, for the hooks of tests.
func (v *vendasta) put(data map[string]any, now time.Time) (string, error) {
	copied, err := plain(data, 0)
	if err != nil {
		return "", err
	}
	u, err := v.readUser(node{path: "user", v: copied}, now)
	if err != nil {
		return "", err
	}
	r := &v.records
	if u.id != "" && r.update(u.id, func(old *vendastaUser) {
		u.seq, u.bornSearch, u.indexed = old.seq, old.bornSearch, old.indexed
		*old = *u
	}) != nil {
		return u.id, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nameless(u)
	r.add(u)
	return u.id, nil
}

func (v *vendasta) drop(id string) bool { return v.records.drop(id) }
