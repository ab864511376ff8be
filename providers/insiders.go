package providers

import (
	"context"
	"errors"
	"slices"

	"rollcall/providers/internal/rest"
)

// Identifier tells whose the credentials are that a connection was opened with.
//
// The user of the answer has what is known of him: an id, or an address, or both.
// ErrAbsent tells that the vendor does not say, or that they are nobody's who could
// be removed; after any other error it is not known for now. It changes nothing, is
// safe for concurrent use, and ends early when the context does.
type Identifier interface {
	Self(ctx context.Context) (*User, error)
}

// Administrators says by what the users of a vendor are known who manage the others.
type Administrators struct {
	Means string // in words: what makes one
	// Reads names the attributes that tell one, and Is judges by their values.
	Reads []string
	Is    func(values map[string]any) bool
	// Acts reports of one, who is not suspended, that he can do his work now; nil is
	// that all can. In doubt he can not.
	Acts func(user *User) bool
}

// Administrator reports whether the user, with some of his attributes changed, manages
// the others; known is false when not everything is shown that tells it.
func (k *Kind) Administrator(user *User, changed map[string]any) (is, known bool) {
	if k.Administrators == nil {
		return false, false
	}
	values := make(map[string]any)
	for _, name := range k.Administrators.Reads {
		value, set := changed[name]
		if live := user.Attributes[name]; !set {
			if !live.Shown {
				return false, false
			}
			value = live.Data
		}
		values[name] = value
	}
	return k.Administrators.Is(values), true
}

// ActiveAdministrator reports whether it is known of the user that he manages the
// others, and that nothing keeps him from it.
func (k *Kind) ActiveAdministrator(user *User) bool {
	if is, _ := k.Administrator(user, nil); !is || user.Unreadable != nil {
		return false
	}
	active := len(k.Suspension.Suspended) == 0
	for name, value := range k.Suspension.Suspended {
		attribute, _ := k.Attribute(name)
		live := user.Attributes[name]
		active = active || live.Shown && !attribute.Equal(live.Data, value)
	}
	return active && (k.Administrators.Acts == nil || k.Administrators.Acts(user))
}

// Self tells whose the credentials are; ErrAbsent where that is not told.
func (c *Connection) Self(ctx context.Context) (*User, error) {
	identifier, can := c.reads.(Identifier)
	if !can {
		return nil, ErrAbsent
	}
	user, err := identifier.Self(ctx)
	if err == nil && user.ID == "" && user.Email == "" {
		return nil, ErrAbsent
	}
	return user, err
}

// Untold makes ErrAbsent of an error of Self after which asking again is no use: the
// vendor does not tell whose the credentials are, or not in a form that is known.
func Untold(err error) error {
	told := []rest.Kind{rest.KindAuth, rest.KindForbidden, rest.KindRefused, rest.KindAnswer, rest.KindRedirect}
	if errors.Is(err, ErrAbsent) || rest.NotOpen(err) || slices.Contains(told, rest.KindOf(err)) {
		return ErrAbsent
	}
	return err
}

// ErrNoList is what FindAdministrator answers where the vendor has no list of all users.
var ErrNoList = errors.New("there is no list of all users")

// maxLooks is how many users are read one by one to find an administrator whom the list
// of all of them does not show as one.
const maxLooks = 100

// FindAdministrator finds an active administrator among all users of whom counts does
// not say no, or nil where none is known. They are listed, once more or, if the list
// will do that was read already, as it is; where the list does not show by what one is
// known, as many as maxLooks are read one by one. The error tells that not everybody
// could be read.
func (c *Connection) FindAdministrator(ctx context.Context, k *Kind, anew bool, counts func(*User) bool) (*User, error) {
	users, err := c.everybody(ctx, anew)
	if err != nil {
		return nil, err
	}
	var doubtful []*User
	for _, user := range users {
		_, known := k.Administrator(user, nil)
		switch {
		case user.ID == "" || user.Unreadable != nil || !counts(user):
		case k.ActiveAdministrator(user):
			return user, nil
		case !known:
			doubtful = append(doubtful, user)
		}
	}
	for _, user := range doubtful[:min(len(doubtful), maxLooks)] {
		read, err := c.Recent.Get(ctx, user.ID)
		switch {
		case errors.Is(err, ErrAbsent):
		case err != nil:
			return nil, err
		case read.ID == user.ID && counts(read) && k.ActiveAdministrator(read):
			return read, nil
		}
	}
	return nil, nil
}

// everybody lists all users.
func (c *Connection) everybody(ctx context.Context, anew bool) ([]*User, error) {
	if l, is := c.Reader.(*listing); is && !anew {
		r, err := l.list(ctx)
		if err != nil {
			return nil, err
		}
		return r.users, nil
	}
	lister := c.Lists()
	if lister == nil {
		return nil, ErrNoList
	}
	return lister.List(ctx)
}
