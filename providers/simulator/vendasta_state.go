package simulator

import (
	"maps"
	"slices"
	"time"
)

func (v *vendasta) read(n node, now time.Time) (replace func(), err error) {
	fresh, err := readRecords(n, now, readVendastaUser)
	return func() { v.records.replaceAll(fresh) }, err
}

func readVendastaUser(n node, now time.Time) (*vendastaUser, error) {
	m, err := n.object("id", "partner", "attributes", "platformAccess", "businessLocations", "createdAt", "updatedAt")
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"partner", "attributes"} {
		if _, ok := m[key]; !ok {
			return nil, n.errorf("%s must be given", key)
		}
	}
	u := &vendastaUser{entry: entry{created: now, indexed: true}}
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
		if attributes[name], err = readAttribute(name, m[name]); err != nil {
			return nil, err
		}
	}
	return attributes, nil
}

// readAttribute reads an attribute, or a relationship as a []string, as it is
// kept.
func readAttribute(name string, n node) (any, error) {
	switch name {
	case "email":
		return n.filled()
	case "phoneNumbers":
		return readPhones(n)
	case "address":
		return readFields(n, "line1", "line2", "city", "postalCode", "regionCode", "countryCode")
	case "platformAccess", "businessLocations":
		return n.texts()
	default:
		return n.text()
	}
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

func (v *vendasta) dump() map[string]any { return v.records.dump() }

func (v *vendasta) list() []User                { return v.records.list() }
func (v *vendasta) find(id string) (User, bool) { return v.records.one(id) }
func (v *vendasta) drop(id string) bool         { return v.records.drop(id) }

func (v *vendasta) put(data map[string]any, now time.Time) (string, error) {
	u, err := readPut(data, now, readVendastaUser)
	if err != nil {
		return "", err
	}
	return v.records.put(u), nil
}
