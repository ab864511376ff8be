package simulator

import (
	"slices"
	"strings"
	"time"
)

// myreportsUser is one user: one person, whatever the number of his accounts. That
// he has the same roles in all of them is a simplification: the documentation does
// not say whether they are kept for each.
type myreportsUser struct {
	entry
	email, displayName string
	roles              []string // never changed in place, as accounts
	// primaryTenant is the tenant that owns him, which is one of his accounts.
	primaryTenant string
	accounts      []string
}

func (u *myreportsUser) copy() *myreportsUser {
	c := *u
	return &c
}

// key is the email, whatever its case: one address is one person, since a user can
// belong to several tenants (DOC M-DEL). That it is so is inferred.
func (u *myreportsUser) key() string { return strings.ToLower(u.email) }

func (u *myreportsUser) newID(seed, n int64) string { return uuid("myreports", seed, n) }
func (u *myreportsUser) seedID(n int) string        { return uuid("myreports", u.key(), n) }

func (u *myreportsUser) belongs(account string) bool { return slices.Contains(u.accounts, account) }

// shown is the user as answers show him (DOC M-GET), or, without roles, as lists do
// (DOC M-LIST).
func (u *myreportsUser) shown(c *call, roles bool) map[string]any {
	shown := map[string]any{
		"id": u.id, "displayName": u.displayName, "email": u.email, "primaryTenant": u.primaryTenant,
	}
	if roles {
		shown["roles"] = texts(u.roles)
	}
	hide(c, c.ch.Hidden, shown, nil)
	return shown
}

// user is the user in the form of the state file.
func (u *myreportsUser) user() User {
	return User{ID: u.id, Email: u.email, Data: map[string]any{
		"id": u.id, "email": u.email, "displayName": u.displayName, "roles": texts(u.roles),
		"primaryTenant": u.primaryTenant, "accounts": texts(u.accounts),
	}}
}

func (m *myreports) read(n node, now time.Time) (replace func(), err error) {
	fresh, err := readRecords(n, now, m.readUser)
	return func() { m.records.replaceAll(fresh) }, err
}

func (m *myreports) dump() map[string]any { return m.records.dump() }

func (m *myreports) list() []User                { return m.records.list() }
func (m *myreports) find(id string) (User, bool) { return m.records.one(id) }
func (m *myreports) drop(id string) bool         { return m.records.drop(id) }

func (m *myreports) put(data map[string]any, now time.Time) (string, error) {
	u, err := readPut(data, now, m.readUser)
	if err != nil {
		return "", err
	}
	return m.records.put(u), nil
}

// readUser reads a user of a seed or a state. Omitted roles are those of whoever was
// created without any. The primary tenant is the first account when left out, and
// one of the accounts in any case.
func (m *myreports) readUser(n node, now time.Time) (*myreportsUser, error) {
	members, err := n.object("id", "email", "displayName", "roles", "primaryTenant", "accounts")
	if err != nil {
		return nil, err
	}
	if _, ok := members["email"]; !ok {
		return nil, n.errorf("email must be given")
	}
	u := &myreportsUser{entry: entry{created: now, indexed: true}, roles: []string{myreportsLogin}}
	f := &fields{members: members}
	take(f, "id", &u.id, node.filled)
	take(f, "email", &u.email, node.filled)
	take(f, "displayName", &u.displayName, node.text)
	take(f, "roles", &u.roles, node.texts)
	take(f, "primaryTenant", &u.primaryTenant, node.filled)
	take(f, "accounts", &u.accounts, node.texts)
	switch {
	case u.primaryTenant != "":
	case len(u.accounts) > 0:
		u.primaryTenant = u.accounts[0]
	default:
		u.primaryTenant = m.options.MyReports.Account
	}
	if !u.belongs(u.primaryTenant) {
		u.accounts = append(u.accounts, u.primaryTenant)
	}
	return u, f.err
}
