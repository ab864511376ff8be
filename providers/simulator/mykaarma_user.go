package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// mykaarmaUser is one user, of whatever dealer.
type mykaarmaUser struct {
	entry
	// attributes are the texts of the user himself, under the names of a create.
	attributes map[string]any
	// valid is what the list shows as isValid. Who is not has no valid associate.
	valid        bool
	associates   []mykaarmaAssociate // the one of the create first
	inviteStatus string
	invited      time.Time // when the last invitation went out, zero if none did
}

// mykaarmaAssociate is what a user is in one department.
type mykaarmaAssociate struct {
	attributes map[string]any // texts and flags under the names of a create
	valid      bool
}

func (u *mykaarmaUser) copy() *mykaarmaUser {
	c := *u
	c.attributes = maps.Clone(u.attributes)
	c.associates = slices.Clone(u.associates)
	for i := range c.associates {
		c.associates[i].attributes = maps.Clone(c.associates[i].attributes)
	}
	return &c
}

// key is the address at its dealer, and handles has the user name.
func (u *mykaarmaUser) key() string {
	return strings.ToLower("email\x00" + u.text("dealerUUID") + "\x00" + u.text("emailAddress"))
}

func (u *mykaarmaUser) handles() []string {
	return []string{strings.ToLower("name\x00" + u.text("dealerUUID") + "\x00" + u.text("username"))}
}

func (u *mykaarmaUser) newID(seed, n int64) string { return uuid("mykaarma", seed, n) }
func (u *mykaarmaUser) seedID(n int) string        { return uuid("mykaarma", u.key(), n) }

// text returns a text attribute, "" if unset.
func (u *mykaarmaUser) text(name string) string {
	s, _ := u.attributes[name].(string)
	return s
}

// at returns the place of the associate in that department, -1 if there is none.
func (u *mykaarmaUser) at(department string) int {
	return slices.IndexFunc(u.associates, func(a mykaarmaAssociate) bool { return a.department() == department })
}

func (a mykaarmaAssociate) department() string { return a.text("departmentUUID") }

func (a mykaarmaAssociate) text(name string) string {
	s, _ := a.attributes[name].(string)
	return s
}

// associateUUID is made of the two that it is about: a user has one associate in a
// department.
func (u *mykaarmaUser) associateUUID(a mykaarmaAssociate) string {
	return uuid("mykaarma", "associate", u.id, a.department())
}

// named gives the user a name to sign in with where he has none: that it is then
// the address is assumed.
func (u *mykaarmaUser) named() {
	if u.text("username") == "" {
		u.attributes["username"] = u.text("emailAddress")
	}
}

// invitation is how answers show the last invitation. Neither the words nor the
// form of the time is documented; PENDING is one of those that a search of
// associates takes (K-REF).
func (u *mykaarmaUser) invitation() (status, date, id any) {
	if u.inviteStatus != "" {
		status = u.inviteStatus
	}
	if !u.invited.IsZero() {
		date = u.invited.UTC().Format(time.RFC3339)
		id = uuid("mykaarma", "invitation", u.id, u.invited.UnixNano())
	}
	return status, date, id
}

// mykaarmaSynonyms are names of one thing: as a create has it, as the list has it
// and as an associate has it. Chaos that names one of them means them all.
var mykaarmaSynonyms = [][]string{
	{"emailAddress", "email"},
	{"username", "userName"},
	{"phone", "cellPhone"},
	{"nickName", "nickname"},
	{"dmsID", "associateDmsID"},
	{"roleUUID", "roleName", "role"},
	{"departmentUUID", "department"},
}

// hidden leaves out what chaos names, under whatever name the answer has it.
func (m *mykaarma) hidden(c *call, names []string, shown map[string]any) {
	var all []string
	for _, name := range names {
		all = append(all, name)
		for _, same := range mykaarmaSynonyms {
			if slices.Contains(same, name) {
				all = append(all, same...)
			}
		}
	}
	slices.Sort(all)
	hide(c, slices.Compact(all), shown, nil)
}

// user is the user in the form of the state file: the associate of the create is
// flat, and only those of other departments are a list.
func (u *mykaarmaUser) user() User {
	data := maps.Clone(u.attributes)
	data["id"], data["isValid"] = u.id, u.valid
	for i, a := range u.associates {
		if i == 0 {
			maps.Copy(data, a.attributes)
			if a.valid != u.valid {
				data["associateIsValid"] = a.valid
			}
			continue
		}
		item := maps.Clone(a.attributes)
		item["isValid"] = a.valid
		others, _ := data["associates"].([]any)
		data["associates"] = append(others, item)
	}
	if u.inviteStatus != "" {
		data["inviteStatus"] = u.inviteStatus
	}
	if !u.invited.IsZero() {
		data["invitedAt"] = u.invited.UTC().Format(time.RFC3339Nano)
	}
	return User{ID: u.id, Email: u.text("emailAddress"), Data: data}
}

// readMyKaarmaUser reads a user of a seed or a state: the fields of a create,
// flat, whether he is valid, the associates of other departments and the last
// invitation.
func readMyKaarmaUser(n node, now time.Time) (*mykaarmaUser, error) {
	names := append(mykaarmaNames(ofUser, ofAssociate), "id", "isValid", "associateIsValid", "associates", "inviteStatus", "invitedAt")
	members, err := n.object(names...)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"dealerUUID", "emailAddress"} {
		if _, ok := members[name]; !ok {
			return nil, n.errorf("%s must be given", name)
		}
	}
	u := &mykaarmaUser{entry: entry{created: now, indexed: true}, valid: true}
	f := &fields{members: members}
	take(f, "id", &u.id, node.filled)
	take(f, "isValid", &u.valid, node.boolean)
	take(f, "inviteStatus", &u.inviteStatus, node.text)
	take(f, "invitedAt", &u.invited, node.time)
	u.attributes = takeMyKaarma(f, ofUser)
	first := mykaarmaAssociate{attributes: takeMyKaarma(f, ofAssociate), valid: u.valid}
	take(f, "associateIsValid", &first.valid, node.boolean)
	var others []mykaarmaAssociate
	take(f, "associates", &others, readMyKaarmaAssociates)
	if f.err != nil {
		return nil, f.err
	}
	if _, said := members["associateIsValid"]; said || len(first.attributes) > 0 {
		others = slices.Insert(others, 0, first)
	}
	for _, a := range others {
		switch {
		case a.department() == "":
			return nil, n.errorf("departmentUUID must be given beside what is true of a department")
		case u.at(a.department()) >= 0:
			return nil, n.errorf("there is another associate in the department %s", a.department())
		}
		a.valid = a.valid && u.valid
		u.associates = append(u.associates, a)
	}
	u.settle()
	u.named()
	return u, nil
}

// settle makes the user as valid as his associates: that nobody is without a valid
// one is assumed, and that one is enough.
func (u *mykaarmaUser) settle() {
	if len(u.associates) > 0 {
		u.valid = slices.ContainsFunc(u.associates, func(a mykaarmaAssociate) bool { return a.valid })
	}
}

// takeMyKaarma takes the fields of one part.
func takeMyKaarma(f *fields, part mykaarmaPart) map[string]any {
	attributes := map[string]any{}
	for _, field := range mykaarmaFields {
		if field.part != part {
			continue
		}
		var value any
		take(f, field.name, &value, field.read)
		if value != nil {
			attributes[field.name] = value
		}
	}
	return attributes
}

func readMyKaarmaAssociates(n node) ([]mykaarmaAssociate, error) {
	items, err := n.list()
	if err != nil {
		return nil, err
	}
	all := make([]mykaarmaAssociate, len(items))
	for i, item := range items {
		members, err := item.object(append(mykaarmaNames(ofAssociate), "isValid")...)
		f := &fields{members: members, err: err}
		a := mykaarmaAssociate{attributes: takeMyKaarma(f, ofAssociate), valid: true}
		take(f, "isValid", &a.valid, node.boolean)
		if f.err == nil && a.department() == "" {
			f.err = item.errorf("departmentUUID must be given")
		}
		if f.err != nil {
			return nil, f.err
		}
		all[i] = a
	}
	return all, nil
}
