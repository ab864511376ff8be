package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A listing finds users by address in one list of all of them, instead of a
// search for each. The list is read once, by whoever needs it first while the
// others wait; a list that failed or is incomplete leaves everybody unknown. Users
// who were written since are looked at by id, because the list is older than they
// are. It is safe for concurrent use.
type listing struct {
	Reader // by id, which is always read anew
	lister Lister

	mu      sync.Mutex
	current *roll
	written map[string]bool     // ids that the list may be wrong about
	created map[string][]string // canonical address → ids made since
}

// A roll is one list of all users.
type roll struct {
	done    chan struct{} // closed when what follows is there
	read    time.Time     // when its reading began
	byEmail map[string][]*User
	byID    map[string]*User
	unnamed bool // somebody's address is not shown
	err     error
}

func newListing(reader Reader, lister Lister) *listing {
	return &listing{Reader: reader, lister: lister, written: make(map[string]bool), created: make(map[string][]string)}
}

// list returns the current list, reading it if there is none.
func (l *listing) list(ctx context.Context) (*roll, error) {
	for {
		l.mu.Lock()
		r := l.current
		mine := r == nil
		if mine {
			r = &roll{done: make(chan struct{}), read: time.Now()}
			l.current = r
		}
		l.mu.Unlock()
		if mine {
			l.fill(ctx, r)
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, &rest.Error{Kind: rest.KindCanceled, Method: "list", Path: "of all users", Err: ctx.Err()}
		}
		// A reading that was ended from outside says nothing to those who still wait.
		if mine || !Interrupted(r.err) {
			return r, r.err
		}
	}
}

// fill reads the list. It always ends with a list or an error in r.
func (l *listing) fill(ctx context.Context, r *roll) {
	r.err = errors.New("the list of all users broke")
	defer func() {
		if Interrupted(r.err) {
			l.drop(r)
		}
		close(r.done)
	}()
	users, err := l.lister.List(ctx)
	if errors.Is(err, rest.ErrShifting) {
		users, err = l.lister.List(ctx)
	}
	if r.err = err; err != nil {
		return
	}
	r.byEmail, r.byID = make(map[string][]*User, len(users)), make(map[string]*User, len(users))
	for _, user := range users {
		r.byID[user.ID] = user
		r.unnamed = r.unnamed || user.Email == ""
		key := addressKey(user.Email)
		r.byEmail[key] = append(r.byEmail[key], user)
	}
}

func (l *listing) drop(r *roll) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == r {
		l.current = nil
	}
}

// addressKey is the same for two addresses that are the same.
func addressKey(email string) string {
	if canonical, err := sources.CanonicalEmail(email); err == nil {
		return canonical
	}
	return sources.FoldText(email)
}

// Search finds the users of the list who carry the address.
func (l *listing) Search(ctx context.Context, email string) ([]*User, error) {
	r, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	key := addressKey(email)
	hits := slices.Clone(r.byEmail[key])
	l.mu.Lock()
	for _, id := range l.created[key] {
		if r.byID[id] == nil {
			hits = append(hits, &User{ID: id, Email: email})
		}
	}
	l.mu.Unlock()
	live := hits[:0]
	for _, hit := range hits {
		if l.isWritten(hit.ID) {
			if hit, err = l.Get(ctx, hit.ID); errors.Is(err, ErrAbsent) {
				continue
			} else if err != nil {
				return nil, err
			}
			if hit.Email != "" && addressKey(hit.Email) != key {
				continue
			}
		}
		live = append(live, hit)
	}
	if len(live) == 0 && r.unnamed {
		return nil, WithRemedy(errors.New("the list has users whose addresses are not shown"), "let the credentials read the addresses of users")
	}
	return live, nil
}

// find is Get for a lookup: what the list has of the user will do.
func (l *listing) find(ctx context.Context, id string) (*User, error) {
	if !l.isWritten(id) {
		r, err := l.list(ctx)
		if err != nil {
			return nil, err
		}
		if user := r.byID[id]; user != nil {
			return user, nil
		}
	}
	return l.Get(ctx, id)
}

func (l *listing) isWritten(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written[id]
}

// Wrote tells the connection of a write that was sent for a user, so that no list
// is believed about him that was read before. id is empty when it is not known,
// and then neither is whether the user is there.
func (c *Connection) Wrote(id, email string) {
	l, is := c.Reader.(*listing)
	if !is {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" {
		l.current = nil
		return
	}
	l.written[id] = true
	if key := addressKey(email); !slices.Contains(l.created[key], id) {
		l.created[key] = append(l.created[key], id)
	}
}

// Refresh has the next lookup of a user see what the vendor had no longer than age
// ago; id is empty when he is not known to be there.
func (c *Connection) Refresh(id string, age time.Duration) {
	l, is := c.Reader.(*listing)
	if !is {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.current == nil || time.Since(l.current.read) < age:
	case id != "":
		l.written[id] = true
	default:
		l.current = nil
	}
}

// Connect opens a connection with what the kind's defaults fill in, finding users
// in the way that is configured. It sends nothing.
func (k *Kind) Connect(ctx context.Context, settings Settings) (*Connection, error) {
	config := &settings.Config
	if config.BaseURL == "" {
		config.BaseURL = k.BaseURL
	}
	if !config.RateSet {
		config.Rate, config.RateSet = k.Rate, true
	}
	connection, err := k.Open(ctx, settings)
	if err != nil || config.Lookup != sources.LookupList {
		return connection, err
	}
	lister, can := connection.Reader.(Lister)
	if !can {
		return nil, fmt.Errorf("%s has no list of all users: set lookup: search", k.Title)
	}
	connection.Reader = newListing(connection.Reader, lister)
	return connection, nil
}
