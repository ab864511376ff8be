package simulator

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// myreportsLogin is the role that every new user gets (DOC S004).
const myreportsLogin = "account.user"

// myreportsRoles are the roles of accounts (DOC M-USERS). Those of customers are not
// among them. That any other is refused is assumed.
var myreportsRoles = []string{
	myreportsLogin, "user.admin", "account.service.status", "account.storage.admin",
	"branding.admin", "customer.admin", "onboarding.admin", "webhooks.admin",
}

// The longest texts (DOC M-USERS), counted in characters, assumed.
const (
	myreportsLongestName  = 100
	myreportsLongestEmail = 200
)

// myreportsDraft reads the body of a create: email and displayName are required,
// roles are not (DOC M-USERS).
func myreportsDraft(k *checker, body []byte) *myreportsUser {
	u := &myreportsUser{}
	decoded, ok := k.decode(body)
	if !ok {
		return u
	}
	given, ok := k.object("", decoded, "email", "displayName", "roles")
	if !ok {
		return u
	}
	for _, name := range []string{"email", "displayName"} {
		if _, ok := given[name]; !ok {
			k.wrong("/"+name, "must be given")
		}
	}
	if v, ok := given["email"]; ok {
		u.email = k.myreportsEmail("/email", v)
	}
	if v, ok := given["displayName"]; ok {
		u.displayName = k.myreportsName("/displayName", v)
	}
	if v, ok := given["roles"]; ok {
		u.roles = k.myreportsRoles("/roles", v)
	}
	// The role is granted regardless (DOC S004).
	if !slices.Contains(u.roles, myreportsLogin) {
		u.roles = append([]string{myreportsLogin}, u.roles...)
	}
	return u
}

func (k *checker) myreportsEmail(pointer string, v any) string {
	s, ok := k.text(pointer, v)
	switch {
	case ok && !isEmail(s):
		k.wrong(pointer, "must be an email address")
	case utf8.RuneCountInString(s) > myreportsLongestEmail:
		k.wrong(pointer, "must have %d characters at most", myreportsLongestEmail)
	}
	return s
}

// myreportsName reads a displayName. It is required (DOC M-USERS); that blanks are
// none is assumed.
func (k *checker) myreportsName(pointer string, v any) string {
	s, ok := k.text(pointer, v)
	switch {
	case ok && strings.TrimSpace(s) == "":
		k.wrong(pointer, "must not be empty")
	case utf8.RuneCountInString(s) > myreportsLongestName:
		k.wrong(pointer, "must have %d characters at most", myreportsLongestName)
	}
	return s
}

// myreportsRoles reads a set of roles. That one given twice counts once is assumed.
func (k *checker) myreportsRoles(pointer string, v any) []string {
	roles := []string{}
	_, _ = k.list(pointer, v, func(at string, item any) (any, bool) {
		role := k.myreportsRole(at, item)
		if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
		return role, true
	})
	return roles
}

func (k *checker) myreportsRole(pointer string, v any) string {
	s, ok := k.text(pointer, v)
	if ok && !slices.Contains(myreportsRoles, s) {
		k.wrong(pointer, "must be one of %s", strings.Join(myreportsRoles, ", "))
	}
	return s
}
