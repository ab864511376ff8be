package providers

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A listing finds users by address in one list of all of them, instead of a search
// for each. The list is read once, by whoever needs it first while the others wait;
// a list that failed or is incomplete leaves everybody unknown. It is what a plan is
// made with; what is done afterwards looks at the vendor itself. It is safe for
// concurrent use.
type listing struct {
	Reader // what the vendor answers now
	lister Lister

	mu      sync.Mutex
	current *roll
}

// A roll is one list of all users.
type roll struct {
	done    chan struct{} // closed when what follows is there
	byEmail map[string][]*User
	byID    map[string]*User
	err     error
}

// list returns the list, reading it if there is none.
func (l *listing) list(ctx context.Context) (*roll, error) {
	for {
		l.mu.Lock()
		r := l.current
		mine := r == nil
		if mine {
			r = &roll{done: make(chan struct{})}
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
			l.mu.Lock()
			l.current = nil
			l.mu.Unlock()
		}
		close(r.done)
	}()
	users, err := l.lister.List(ctx)
	if errors.Is(err, rest.ErrShifting) {
		users, err = l.lister.List(ctx)
	}
	if err != nil && Remedy(err) == "" {
		err = WithRemedy(err, "until the list can be read whole: set lookup: search, or name people with --person, who are searched for")
	}
	if r.err = err; err != nil {
		return
	}
	r.byEmail, r.byID = make(map[string][]*User, len(users)), make(map[string]*User, len(users))
	for _, user := range users {
		r.byID[user.ID] = user
		key := addressKey(user.Email)
		r.byEmail[key] = append(r.byEmail[key], user)
	}
}

// addressKey is the same for two addresses that are the same.
func addressKey(email string) string {
	if canonical, err := sources.CanonicalEmail(email); err == nil {
		return canonical
	}
	return sources.FoldText(email)
}

// Search finds the users of the list who carry the address. That there is none proves
// nothing: Lookup asks the vendor then.
func (l *listing) Search(ctx context.Context, email string) ([]*User, error) {
	r, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	return r.byEmail[addressKey(email)], nil
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
	lister, can := connection.Live.(Lister)
	if !can {
		return nil, fmt.Errorf("%s has no list of all users: set lookup: search", k.Title)
	}
	connection.Reader = &listing{Reader: connection.Live, lister: lister}
	return connection, nil
}
