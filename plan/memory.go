package plan

import (
	"slices"
	"strings"
	"time"

	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// A Memory is what the ledger has of one provider: whom rollcall manages there, and
// since when. It is a record of ownership, never of how users are now. A nil Memory is
// that of a run without a ledger. It is never changed, and safe for concurrent use.
type Memory struct {
	provider   string
	users      map[string]ledger.User // by the person's canonical address
	people     map[string]ledger.User // by his id in the roster
	open       map[string]time.Time
	done       map[string]ledger.Mark
	unfinished map[string]ledger.Unfinished // the newest of each person
	// roster is how many people had access there by the last applied roster.
	roster int
	today  time.Time
	last   time.Time // when the ledger was last written to
}

// Remember is the memory of a provider. today is the day of the plan.
func Remember(state *ledger.State, provider string, today time.Time) *Memory {
	m := &Memory{
		provider: provider, users: make(map[string]ledger.User), people: make(map[string]ledger.User), open: make(map[string]time.Time),
		done: make(map[string]ledger.Mark), unfinished: make(map[string]ledger.Unfinished), roster: state.People[provider], today: today, last: state.Last,
	}
	for k, user := range state.Users {
		if k.Provider == provider {
			m.users[k.Email] = user
			if user.Person != "" {
				m.people[user.Person] = user
			}
		}
	}
	for k, since := range state.Open {
		if k.Provider == provider {
			m.open[k.Email] = since
		}
	}
	for k, mark := range state.Done {
		if k.Provider == provider {
			m.done[k.Email] = mark
		}
	}
	for _, u := range state.Unfinished {
		if u.Provider == provider {
			m.unfinished[u.Email] = u
		}
	}
	return m
}

// keys are the canonical addresses under which the ledger may have a person.
func keys(access *sources.Access) []string {
	all := []string{access.Person.Key}
	for _, email := range access.Emails() {
		if key, err := sources.CanonicalEmail(email); err == nil && !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}

// candidates are the users of the ledger who may be the person's: by each of his
// addresses, and by his id, whatever address he had then, unless one of his addresses is
// known as his.
func (m *Memory) candidates(access *sources.Access) []ledger.User {
	if m == nil {
		return nil
	}
	var all []ledger.User
	id, his := access.Person.ID, false
	for _, key := range keys(access) {
		if user, known := m.users[key]; known {
			all = append(all, user)
			his = his || user.Person == "" || user.Person == id
		}
	}
	if user, known := m.people[id]; known && id != "" && !his {
		all = append(all, user)
	}
	return all
}

// of is the user whom rollcall manages for a person: of several who may be his, the one
// with the id that the roster pins, or that was found, else by his address.
func (m *Memory) of(access *sources.Access, found ...string) (ledger.User, bool) {
	all := m.candidates(access)
	if len(all) == 0 {
		return ledger.User{}, false
	}
	for _, id := range append(found, access.UserID) {
		for _, user := range all {
			if id != "" && user.UserID == id {
				return user, true
			}
		}
	}
	return all[0], true
}

// several reports whether the ledger has more than one user who may be the person's.
func (m *Memory) several(access *sources.Access) bool {
	ids := make(map[string]bool)
	for _, user := range m.candidates(access) {
		ids[user.UserID] = true
	}
	return len(ids) > 1
}

// manages reports whether the user who was found is the one whom rollcall manages for
// the person, and returns the record. One that a run created which then died is ours
// too, although it recorded no more than that it was about to.
func (m *Memory) manages(access *sources.Access, user *providers.User) (ledger.User, bool) {
	if m == nil || user == nil {
		return ledger.User{}, false
	}
	if record, known := m.of(access, user.ID); known && (record.UserID == "" || record.UserID == user.ID) {
		return record, true
	}
	if u, was := m.interrupted(access); was && u.Action == string(Create) {
		return ledger.User{
			Key: ledger.Key{Provider: m.provider, Email: access.Person.Key}, UserID: user.ID, Person: access.Person.ID,
			How: ledger.Recovered, Since: u.At,
		}, true
	}
	return ledger.User{}, false
}

// interrupted is the change of a person that was under way when its run ended.
func (m *Memory) interrupted(access *sources.Access) (ledger.Unfinished, bool) {
	if m == nil {
		return ledger.Unfinished{}, false
	}
	for _, key := range keys(access) {
		if u, was := m.unfinished[key]; was {
			return u, true
		}
	}
	return ledger.Unfinished{}, false
}

// marked reports whether a person has seen to the leaver by hand.
func (m *Memory) marked(access *sources.Access) bool {
	if m == nil {
		return false
	}
	_, is := m.done[access.Person.Key]
	return is
}

// openSince is since when somebody's access was to have ended; zero when the ledger
// does not say.
func (m *Memory) openSince(key string) time.Time {
	if m == nil {
		return time.Time{}
	}
	return m.open[key]
}

// vanished are those whom rollcall manages at the provider, or may have created there,
// and whom the roster does not have there any more, in the order of their addresses. access is everybody's who has
// something at the provider, whatever the scope.
func (m *Memory) vanished(access []*sources.Access) []*sources.Access {
	if m == nil {
		return nil
	}
	here := make(map[string]bool)
	for _, a := range access {
		if a.Provider != m.provider {
			continue
		}
		for _, user := range m.candidates(a) {
			if a.UserID == "" || a.UserID == user.UserID {
				here[user.Email] = true
			}
		}
		for _, key := range keys(a) {
			here[key] = true
		}
	}
	var gone []*sources.Access
	for email := range m.users {
		if !here[email] {
			gone = append(gone, sources.Gone(m.provider, email))
		}
	}
	for email := range m.unfinished {
		// Whom a run may have created of which no more is known.
		if _, managed := m.users[email]; !managed && !here[email] {
			gone = append(gone, sources.Gone(m.provider, email))
		}
	}
	slices.SortFunc(gone, func(a, b *sources.Access) int { return strings.Compare(a.Email, b.Email) })
	return gone
}

// WithVanished is the access of everybody together with that of those whom the ledger
// has at one of the providers and the roster does not. all is everybody's in the whole
// roster.
func WithVanished(in []Provider, all []*sources.Access) []*sources.Access {
	access := slices.Clone(all)
	for _, provider := range in {
		access = append(access, provider.Memory.vanished(all)...)
	}
	return access
}

// dueDay is the day on which a suspended leaver is deleted; zero when he is not.
func (p Provider) dueDay(record ledger.User) time.Time {
	if p.Config.DeleteAfter <= 0 || record.Left.IsZero() {
		return time.Time{}
	}
	return record.Left.Add(p.Config.DeleteAfter)
}

// due reports whether the day has come. It never comes by a clock that went back. Nor
// does it by one that was put forward over much of the time at once: somebody must have
// applied, and could have seen the day in a plan, not long before it.
func (p Provider) due(record ledger.User) bool {
	day := p.dueDay(record)
	if day.IsZero() || p.Memory == nil || p.Memory.today.Before(day) {
		return false
	}
	return !p.Memory.last.Before(day.Add(-p.Config.DeleteAfter / unseen))
}

// unseen is the part of the time until a deletion that may pass without a run.
const unseen = 4
