package simulator

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxVendastaUsers bounds what requests can fill the memory with.
const maxVendastaUsers = 200_000

// vendastaUser is one user. It is never changed once it is among the records:
// a change replaces it by a copy, so that readers need no lock.
type vendastaUser struct {
	seq         int64 // order of creation
	id, partner string
	// attributes are those that were written, under their current names.
	attributes        map[string]any
	platformAccess    []string
	businessLocations []string
	created, updated  time.Time

	// How long a search index would not know this user: see Chaos.IndexLag.
	indexed    bool
	bornSearch int64
}

// copy is a user that may be changed in its top-level fields and attributes.
func (u *vendastaUser) copy() *vendastaUser {
	c := *u
	c.attributes = maps.Clone(u.attributes)
	return &c
}

// text returns a text attribute, "" if unset.
func (u *vendastaUser) text(name string) string {
	s, _ := u.attributes[name].(string)
	return s
}

func (u *vendastaUser) email() string { return u.text("email") }

// vendastaRecords holds all users of all partners.
type vendastaRecords struct {
	searches atomic.Int64

	mu      sync.RWMutex
	made    int64 // users ever made, for their ids
	lastSeq int64
	ids     map[string]*vendastaUser
	emails  map[string][]*vendastaUser // by partner and folded email
	order   []*vendastaUser            // by seq
}

func vendastaKey(partner, email string) string { return partner + "\x00" + strings.ToLower(email) }

func (r *vendastaRecords) clear() {
	r.ids = map[string]*vendastaUser{}
	r.emails = map[string][]*vendastaUser{}
	r.order = nil
	r.made, r.lastSeq = 0, 0
}

// replaceAll swaps the content for that of other, which nobody else uses.
func (r *vendastaRecords) replaceAll(other *vendastaRecords) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made, r.lastSeq = other.made, other.lastSeq
	r.ids, r.emails, r.order = other.ids, other.emails, other.order
}

func (r *vendastaRecords) byID(id string) *vendastaUser {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ids[id]
}

// byEmail returns the users of any or one partner with that folded email.
func (r *vendastaRecords) byEmail(partner, email string) []*vendastaUser {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.emails[vendastaKey(partner, email)])
}

// after calls f with the users made after seq, oldest first, until it returns
// false.
func (r *vendastaRecords) after(seq int64, f func(*vendastaUser) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	start, _ := r.find(seq + 1)
	for _, u := range r.order[start:] {
		if !f(u) {
			return
		}
	}
}

func (r *vendastaRecords) all() []*vendastaUser {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.order)
}

func (r *vendastaRecords) find(seq int64) (int, bool) {
	return slices.BinarySearchFunc(r.order, seq, func(u *vendastaUser, seq int64) int { return cmp.Compare(u.seq, seq) })
}

// verdict of an insertion.
type vendastaVerdict int

const (
	vendastaInserted vendastaVerdict = iota
	vendastaDuplicate
	vendastaFull
)

// insert adds a new user under an id of its own, unless its partner has its
// email already.
func (r *vendastaRecords) insert(u *vendastaUser, seed int64) vendastaVerdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.emails[vendastaKey(u.partner, u.email())]) > 0 {
		return vendastaDuplicate
	}
	if len(r.order) >= maxVendastaUsers {
		return vendastaFull
	}
	u.bornSearch = r.searches.Load()
	for u.id == "" || r.ids[u.id] != nil {
		r.made++
		u.id = "U-" + uuid("vendasta", seed, r.made)
	}
	r.add(u)
	return vendastaInserted
}

// add puts a user with an id of its own at the end.
func (r *vendastaRecords) add(u *vendastaUser) {
	r.lastSeq++
	u.seq = r.lastSeq
	r.ids[u.id] = u
	r.order = append(r.order, u)
	key := vendastaKey(u.partner, u.email())
	r.emails[key] = append(r.emails[key], u)
}

// update lets f change a copy of the user, which replaces him, and returns it;
// nil if there is no such user. f must not wait for anything.
func (r *vendastaRecords) update(id string, f func(*vendastaUser)) *vendastaUser {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.ids[id]
	if old == nil {
		return nil
	}
	u := old.copy()
	f(u)
	r.unindex(old)
	r.ids[id] = u
	if i, ok := r.find(old.seq); ok {
		r.order[i] = u
	}
	key := vendastaKey(u.partner, u.email())
	r.emails[key] = append(r.emails[key], u)
	return u
}

func (r *vendastaRecords) drop(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.ids[id]
	if u == nil {
		return false
	}
	delete(r.ids, id)
	r.unindex(u)
	if i, ok := r.find(u.seq); ok {
		r.order = slices.Delete(r.order, i, i+1)
	}
	return true
}

// unindex takes the user out of the email index.
func (r *vendastaRecords) unindex(u *vendastaUser) {
	key := vendastaKey(u.partner, u.email())
	rest := slices.DeleteFunc(r.emails[key], func(o *vendastaUser) bool { return o == u })
	if len(rest) == 0 {
		delete(r.emails, key)
		return
	}
	r.emails[key] = rest
}
