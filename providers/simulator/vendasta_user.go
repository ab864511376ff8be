package simulator

import (
	"maps"
	"strings"
	"time"
)

// vendastaUser is one user of one partner.
type vendastaUser struct {
	entry
	partner string
	// attributes are those that were written, under their current names.
	attributes        map[string]any
	platformAccess    []string
	businessLocations []string
	updated           time.Time
}

func (u *vendastaUser) copy() *vendastaUser {
	c := *u
	c.attributes = maps.Clone(u.attributes)
	return &c
}

// key is the email at the partner: he may have it once ([G-PARTNER]).
func (u *vendastaUser) key() string { return vendastaKey(u.partner, u.email()) }

func vendastaKey(partner, email string) string { return partner + "\x00" + strings.ToLower(email) }

func (u *vendastaUser) newID(seed, n int64) string { return "U-" + uuid("vendasta", seed, n) }

func (u *vendastaUser) seedID(n int) string {
	return "U-" + uuid("vendasta", u.partner, strings.ToLower(u.email()), n)
}

// text returns a text attribute, "" if unset.
func (u *vendastaUser) text(name string) string {
	s, _ := u.attributes[name].(string)
	return s
}

func (u *vendastaUser) email() string { return u.text("email") }

// displayName is computed: it always has a value ([P]).
func (u *vendastaUser) displayName() string {
	name := strings.TrimSpace(u.text("givenName") + " " + u.text("familyName"))
	if name == "" {
		name = u.email()
	}
	return name
}
