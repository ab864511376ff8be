package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A freshness says how old the list may be in which users are looked for.
type freshness uint8

const (
	// firstList is the first of the run: what a plan is made with.
	firstList freshness = iota
	// recentList is one that was begun less than recent ago.
	recentList
	// newList is one that is begun after it is asked for.
	newList
)

// recent is how old a list may be that stands for a look at the vendor.
const recent = time.Minute

// A listing finds users in lists of all of them. Where the vendor has other ways,
// they serve for whoever the list does not have; where it has none, every look is one
// into a list. A list that failed or is incomplete leaves everybody unknown. It is
// safe for concurrent use.
type listing struct {
	rolls    *rolls
	fresh    freshness
	getter   Getter   // nil: users are read in lists alone
	searcher Searcher // nil: users are searched for in lists alone
	// page is how many users one answer of a list has at most, 0 being all.
	page int
	// after is the number of a list that does not count, nor do those before it.
	after int
}

// rolls are the lists of all users that were read, of which the first and the newest
// are kept. Each is read once, by whoever needs it first while the others wait.
type rolls struct {
	lister Lister

	mu            sync.Mutex
	begun         int // lists
	first, newest *roll
}

// A roll is one list of all users.
type roll struct {
	number  int // from 1
	begun   time.Time
	done    chan struct{} // closed when what follows is there
	ended   bool
	users   []*User
	byEmail map[string][]*User
	byID    map[string]*User
	err     error
}

// list returns a list that is fresh enough and has a higher number, reading it if
// there is none.
func (r *rolls) list(ctx context.Context, fresh freshness, after int) (*roll, error) {
	if fresh == newList {
		r.mu.Lock()
		after = r.begun
		r.mu.Unlock()
	}
	for {
		list, suits, mine := r.pick(fresh, after)
		if mine {
			r.fill(ctx, list)
		}
		select {
		case <-list.done:
		case <-ctx.Done():
			return nil, &rest.Error{Kind: rest.KindCanceled, Method: "list", Path: "of all users", Err: ctx.Err()}
		}
		// A list that was begun too early, and a reading that was ended from outside,
		// say nothing to those who still wait.
		if suits && (mine || !Interrupted(list.err)) {
			return list, list.err
		}
	}
}

// pick returns the list to wait for: one that suits or, as long as another one is
// under way, that. Where there is neither it is a new one, for the caller to fill.
func (r *rolls) pick(fresh freshness, after int) (list *roll, suits, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if fresh == firstList && after == 0 && r.first != nil {
		return r.first, true, false
	}
	if list = r.newest; list != nil {
		suits = list.number > after
		if fresh == recentList && (time.Since(list.begun) >= recent || list.ended && list.err != nil) {
			suits = false
		}
		if suits || !list.ended {
			return list, suits, false
		}
	}
	r.begun++
	list = &roll{number: r.begun, begun: time.Now(), done: make(chan struct{})}
	r.newest = list
	if r.first == nil {
		r.first = list
	}
	return list, true, true
}

// fill reads the list. It always ends with a list or an error in it.
func (r *rolls) fill(ctx context.Context, l *roll) {
	l.err = errors.New("the list of all users broke")
	defer func() {
		r.mu.Lock()
		l.ended = true
		if Interrupted(l.err) {
			if r.first == l {
				r.first = nil
			}
			r.newest = nil
		}
		r.mu.Unlock()
		close(l.done)
	}()
	users, err := r.lister.List(ctx)
	if errors.Is(err, rest.ErrShifting) {
		users, err = r.lister.List(ctx)
	}
	if l.err = err; err != nil {
		return
	}
	l.users = users
	l.byEmail, l.byID = make(map[string][]*User, len(users)), make(map[string]*User, len(users))
	for _, user := range users {
		l.byID[user.ID] = user
		var keys []string
		for _, address := range user.Addresses() {
			if key := addressKey(address); !slices.Contains(keys, key) {
				keys = append(keys, key)
				l.byEmail[key] = append(l.byEmail[key], user)
			}
		}
	}
}

// addressKey is the same for two addresses that are the same.
func addressKey(email string) string {
	if canonical, err := sources.CanonicalEmail(email); err == nil {
		return canonical
	}
	return sources.FoldText(email)
}

// list is that of the rolls, with what a person can do about one that can not be read.
func (l *listing) list(ctx context.Context) (*roll, error) {
	r, err := l.rolls.list(ctx, l.fresh, l.after)
	if err != nil && Remedy(err) == "" && l.searcher != nil {
		err = WithRemedy(err, "until the list can be read whole: set lookup: search, or name people with --person, who are searched for")
	}
	return r, err
}

// Search finds the users of the list who carry the address. Whether it proves that
// there is none, otherwise says.
func (l *listing) Search(ctx context.Context, email string) ([]*User, error) {
	r, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	return r.byEmail[addressKey(email)], nil
}

// otherwise is who proves that somebody whom the list does not have is not there; nil
// tells that the list does. Users come and go while a list is read page by page, so
// that one who was there all the time may be on no page: such a list alone proves
// nobody absent. The vendor is searched then or, where it can not be, has to leave him
// out of a second list too.
func (l *listing) otherwise(ctx context.Context) Reader {
	if l.searcher != nil {
		return searching{l.searcher, l.getter}
	}
	if l.page == 0 {
		return nil // it was one answer, and no other has to be read
	}
	looked := *l
	if looked.fresh == newList {
		looked.fresh = recentList // that which he was just looked for in
	}
	r, err := looked.list(ctx)
	if err != nil || len(r.users) < l.page {
		return nil
	}
	again := *l
	again.page, again.after = 0, r.number // the second is the last word
	return &again
}

// searching is the vendor itself, for whoever a list does not have.
type searching struct {
	Searcher
	Getter
}

var _ Reader = searching{}

// Get reads a user as he is now or, where the vendor has no way to read one, as the
// list has him.
func (l *listing) Get(ctx context.Context, id string) (*User, error) {
	if l.getter != nil {
		return l.getter.Get(ctx, id)
	}
	if strings.Trim(id, ". ") == "" {
		return nil, errors.New("an id can not be empty")
	}
	r, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	user := r.byID[id]
	if user == nil {
		if again := l.otherwise(ctx); again != nil {
			return again.Get(ctx, id)
		}
		return nil, fmt.Errorf("%w: the list of all users does not have the id", ErrAbsent)
	}
	return user, user.Unreadable
}

// find is Get for a lookup: what the list has of the user will do. Whoever it does
// not have may be known to the vendor all the same.
func (l *listing) find(ctx context.Context, id string) (*User, error) {
	r, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	if user := r.byID[id]; user != nil {
		return user, user.Unreadable
	}
	return l.Get(ctx, id)
}

// Connect opens a connection of the configured kind, finding users in the way that is
// configured. It sends nothing.
func (k *Kind) Connect(ctx context.Context, settings Settings) (*Connection, error) {
	kind, config := k.Configure(settings.Config)
	settings.Config = config
	connection, err := kind.Open(ctx, settings)
	if err != nil {
		return nil, err
	}
	return connection, kind.complete(connection, config)
}

// complete makes readers of what the vendor can read.
func (k *Kind) complete(c *Connection, config sources.ProviderConfig) error {
	getter, _ := c.reads.(Getter)
	searcher, _ := c.reads.(Searcher)
	lister, lists := c.reads.(Lister)
	both, direct := c.reads.(Reader)
	if direct {
		c.Reader, c.Live, c.Recent = both, both, both
	}
	switch {
	case config.Lookup == sources.LookupLedger && !k.ByLedger:
		return fmt.Errorf("%s can be searched or listed, which proves more than the ledger does: leave lookup out", k.Title)
	case config.Lookup == sources.LookupList && !lists:
		return fmt.Errorf("%s has no list of all users: set lookup: search", k.Title)
	case (config.Lookup == sources.LookupSearch || config.Lookup == sources.LookupLedger) && !direct:
		return fmt.Errorf("%s has no search: set lookup: list", k.Title)
	case direct && config.Lookup != sources.LookupList:
		return nil
	}
	l := listing{rolls: &rolls{lister: lister}, getter: getter, searcher: searcher, page: k.ListPage}
	c.Reader = &l
	if !direct {
		live, again := l, l
		live.fresh, again.fresh = newList, recentList
		c.Live, c.Recent = &live, &again
	}
	return nil
}
