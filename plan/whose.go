package plan

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// seen is the address that a user of the ledger had at the vendor when he was looked at
// last: kept among what was applied, since it may be another than the person's.
func seen(record ledger.User) string {
	if address, is := record.Applied[emailName].(string); is {
		return address
	}
	return record.Email
}

// handedOver is the entry of whoever has by now the user who was a leaver's; nil where
// nobody has: an account that was renamed for a successor, for whom the roster pins it.
func handedOver(e Entry, all []Entry) *Entry {
	if !e.Access.State.Leaver() || e.Observation.Finding != providers.Found || e.Observation.ByID {
		return nil
	}
	i := slices.IndexFunc(all, func(other Entry) bool {
		o := other.Observation
		return other.Access.Provider == e.Access.Provider && !other.Access.State.Leaver() && o.Finding == providers.Found && o.ByID && o.User.ID == e.Observation.User.ID
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

// hasAddress reports whether an address is one of a person's.
func hasAddress(access *sources.Access, email string) bool {
	return slices.ContainsFunc(access.Emails(), func(own string) bool { return sources.SameEmail(own, email) })
}

// whose says why it is not known whether the user who was found is the person's, by what
// the ledger has of others, and what to do about it, or "".
func (b *builder) whose(e Entry) (why, remedy string) {
	if e.Observation.ByID {
		return "", ""
	}
	if b.provider.Named {
		if other, is := b.provider.Memory.another(e.Access, e.Observation.User); is {
			return fmt.Sprintf("the ledger has user %s (%s) as that of %s", other.UserID, e.Observation.User.Email, other.Email),
				"plan without --person, or add to his access block, if the user is his: userID: " + other.UserID
		}
	}
	return b.moved(e)
}

// another is the record by which a user, with the address that he has, is somebody else's.
func (m *Memory) another(access *sources.Access, user *providers.User) (ledger.User, bool) {
	if m == nil || user.ID == "" {
		return ledger.User{}, false
	}
	if own, known := m.of(access, user.ID); known && own.UserID == user.ID {
		return ledger.User{}, false
	}
	for _, record := range m.users {
		if record.UserID == user.ID && sources.SameEmail(seen(record), user.Email) {
			return record, true
		}
	}
	return ledger.User{}, false
}

// his reports whether the ledger has the user, with the address that he has, by the
// person's id.
func (m *Memory) his(access *sources.Access, user *providers.User) bool {
	if m == nil || access.Person.ID == "" {
		return false
	}
	record, known := m.people[access.Person.ID]
	return known && record.UserID == user.ID && sources.SameEmail(seen(record), user.Email)
}

// moved says why somebody whom the ledger has by his id as one user, and by his address
// as another one's, is not known to have either. Whose old address somebody else of the
// roster has is not meant: then it is the ids that were given anew.
func (b *builder) moved(e Entry) (why, remedy string) {
	m, leaver := b.provider.Memory, e.Access.State.Leaver()
	if m == nil || len(b.all) == 0 || b.provider.Named && leaver {
		return "", ""
	}
	record, known := m.of(e.Access, e.Observation.User.ID)
	id := e.Access.Person.ID
	if !known || id == "" || record.Person == "" || record.Person == id {
		return "", ""
	}
	if b.provider.Named {
		return fmt.Sprintf("the ledger has user %s as that of somebody with another id", record.UserID), "plan without --person, or add to his access block: userID: " + record.UserID
	}
	old, other := m.people[id]
	if !other || old.UserID == record.UserID || slices.ContainsFunc(b.all, func(e Entry) bool { return slices.Contains(keys(e.Access), old.Email) }) {
		return "", ""
	}
	return fmt.Sprintf("the ledger has him as user %s (%s), and his address as that of user %s", old.UserID, old.Email, record.UserID), pinEither(old, record)
}

func pinEither(users ...ledger.User) string {
	lines := make([]string, len(users))
	for i, user := range users {
		lines[i] = "userID: " + user.UserID
	}
	return "add the right one to his access block: " + strings.Join(lines, "; ")
}
