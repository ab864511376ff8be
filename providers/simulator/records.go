package simulator

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxUsers bounds what requests can fill the memory with, a vendor.
const maxUsers = 200_000

// entry is what the records of every vendor know of a user.
type entry struct {
	seq     int64 // order of creation
	id      string
	created time.Time

	// How long a search index would not know this user: see Chaos.IndexLag.
	indexed    bool
	bornSearch int64
}

func (e *entry) base() *entry { return e }

// lagging tells whether the search index does not know the user yet.
func (e *entry) lagging(c *call, searches int64) bool {
	if e.indexed {
		return false
	}
	return c.now.Sub(e.created) < c.ch.IndexLag ||
		c.ch.IndexLagSearches > 0 && searches-e.bornSearch <= int64(c.ch.IndexLagSearches)
}

// record is a pointer to one vendor's user, which embeds an entry. A user is
// never changed once it is among the records: a change replaces it by a copy,
// so that readers need no lock.
type record[U any] interface {
	comparable
	base() *entry
	// key is what no two users may have in common, with folded case.
	key() string
	// copy is a user that may be changed in its top-level fields.
	copy() U
	// user is the user in the form of the state file.
	user() User
	// newID is the id of the nth user that requests made, or of one that a seed
	// names without an id, which then depends on nothing but the user himself.
	newID(seed, n int64) string
	seedID(n int) string
}

// handled is a record with more than its key that no two users may have in common.
type handled interface {
	// handles are in no other user's key.
	handles() []string
}

// keysOf is all that no other user may have.
func keysOf[U record[U]](u U) []string {
	keys := []string{u.key()}
	if h, ok := any(u).(handled); ok {
		keys = append(keys, h.handles()...)
	}
	return keys
}

// records holds all users of one vendor. Its zero value is none.
type records[U record[U]] struct {
	searches atomic.Int64

	mu      sync.RWMutex
	made    int64 // users ever made by requests, for their ids
	lastSeq int64
	ids     map[string]U
	keys    map[string][]U
	order   []U // by seq
}

// replaceAll swaps the content for that of other, which nobody else uses.
func (r *records[U]) replaceAll(other *records[U]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made, r.lastSeq = other.made, other.lastSeq
	r.ids, r.keys, r.order = other.ids, other.keys, other.order
}

// byID returns the user, or false if there is none.
func (r *records[U]) byID(id string) (U, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	u, ok := r.ids[id]
	return u, ok
}

// byKey returns the users with that key or handle, oldest first: more than one where a
// test or a seed broke the vendor's rule.
func (r *records[U]) byKey(key string) []U {
	r.mu.RLock()
	defer r.mu.RUnlock()
	users := slices.Clone(r.keys[key])
	slices.SortFunc(users, func(a, b U) int { return cmp.Compare(a.base().seq, b.base().seq) })
	return users
}

// after calls f with the users made after seq, oldest first, until it returns
// false.
func (r *records[U]) after(seq int64, f func(U) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	start, _ := r.find(seq + 1)
	for _, u := range r.order[start:] {
		if !f(u) {
			return
		}
	}
}

// all returns all users, oldest first, and how many were ever made.
func (r *records[U]) all() (users []U, made int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.order), r.made
}

func (r *records[U]) find(seq int64) (int, bool) {
	return slices.BinarySearchFunc(r.order, seq, func(u U, seq int64) int { return cmp.Compare(u.base().seq, seq) })
}

// verdict of an insertion or a change.
type verdict int

const (
	done verdict = iota
	duplicate
	full
	nobody
)

// insert adds a new user under an id of its own, unless there is one with its
// key or one of its handles already.
func (r *records[U]) insert(u U, seed int64) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(keysOf(u), r.taken) {
		return duplicate
	}
	if len(r.order) >= maxUsers {
		return full
	}
	e := u.base()
	e.bornSearch = r.searches.Load()
	for e.id == "" || r.has(e.id) {
		r.made++
		e.id = u.newID(seed, r.made)
	}
	r.add(u)
	return done
}

// taken tells whether a user has the key.
func (r *records[U]) taken(key string) bool { return len(r.keys[key]) > 0 }

func (r *records[U]) has(id string) bool {
	_, ok := r.ids[id]
	return ok
}

// nameless gives a user of a seed without an id one, so that adding others to
// the seed does not change it.
func (r *records[U]) nameless(u U) {
	e := u.base()
	for n := 0; e.id == ""; n++ {
		if id := u.seedID(n); !r.has(id) {
			e.id = id
		}
	}
}

// add puts a user with an id of its own at the end.
func (r *records[U]) add(u U) {
	if r.ids == nil {
		r.ids, r.keys = map[string]U{}, map[string][]U{}
	}
	e := u.base()
	r.lastSeq++
	e.seq = r.lastSeq
	r.ids[e.id] = u
	r.order = append(r.order, u)
	r.index(u)
}

// change lets f change a copy of the user, which then replaces him, unless a
// key or handle that is new to him is another user's. f must not wait for anything.
func (r *records[U]) change(id string, f func(U)) (U, verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, ok := r.ids[id]
	if !ok {
		return old, nobody
	}
	u := old.copy()
	f(u)
	had := keysOf(old)
	if slices.ContainsFunc(keysOf(u), func(key string) bool { return !slices.Contains(had, key) && r.taken(key) }) {
		return old, duplicate
	}
	r.swap(old, u)
	return u, done
}

func (r *records[U]) swap(old, u U) {
	r.unindex(old)
	r.ids[u.base().id] = u
	if i, ok := r.find(old.base().seq); ok {
		r.order[i] = u
	}
	r.index(u)
}

// put adds a user or replaces the one with its id, whatever the vendor's rules
// are, for the hooks of tests.
func (r *records[U]) put(u U) (id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := u.base()
	if old, ok := r.ids[e.id]; ok {
		was := old.base()
		e.seq, e.bornSearch, e.indexed = was.seq, was.bornSearch, was.indexed
		r.swap(old, u)
		return e.id
	}
	r.nameless(u)
	r.add(u)
	return e.id
}

func (r *records[U]) drop(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := r.ids[id]
	if !ok {
		return false
	}
	delete(r.ids, id)
	r.unindex(u)
	if i, ok := r.find(u.base().seq); ok {
		r.order = slices.Delete(r.order, i, i+1)
	}
	return true
}

// index puts the user into the index of keys.
func (r *records[U]) index(u U) {
	for _, key := range keysOf(u) {
		r.keys[key] = append(r.keys[key], u)
	}
}

// unindex takes the user out of it.
func (r *records[U]) unindex(u U) {
	for _, key := range keysOf(u) {
		rest := slices.DeleteFunc(r.keys[key], func(o U) bool { return o == u })
		if len(rest) == 0 {
			delete(r.keys, key)
		} else {
			r.keys[key] = rest
		}
	}
}

// list and one are what the hooks of tests see.
func (r *records[U]) list() []User {
	users, _ := r.all()
	list := make([]User, len(users))
	for i, u := range users {
		list[i] = u.user()
	}
	return list
}

func (r *records[U]) one(id string) (User, bool) {
	u, ok := r.byID(id)
	if !ok {
		return User{}, false
	}
	return u.user(), true
}

// dump is the state: made counts the users ever made, so that no id comes twice.
func (r *records[U]) dump() map[string]any {
	users, made := r.all()
	list := make([]any, len(users))
	for i, u := range users {
		list[i] = u.user().Data
	}
	return map[string]any{"made": made, "users": list}
}

// readRecords reads a vendor's users. Types and names are strict; formats, enums
// and unique emails are not checked, since records at a vendor can be older than
// its rules, and tests need such ones.
func readRecords[U record[U]](n node, now time.Time, read func(node, time.Time) (U, error)) (*records[U], error) {
	var made int
	var users []node
	members, err := n.object("users", "made", "chaos")
	f := &fields{members: members, err: err}
	take(f, "made", &made, node.count)
	take(f, "users", &users, node.list)
	if f.err != nil {
		return nil, f.err
	}
	if len(users) > maxUsers {
		return nil, n.errorf("more than %d users", maxUsers)
	}
	fresh := &records[U]{made: int64(made)}
	for _, item := range users {
		u, err := read(item, now)
		if err != nil {
			return nil, err
		}
		if id := u.base().id; fresh.has(id) {
			return nil, item.errorf("there is another user with the id %s", id)
		}
		fresh.nameless(u)
		fresh.add(u)
	}
	return fresh, nil
}
