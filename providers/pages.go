package providers

import (
	"context"
	"fmt"
	"net/http"

	"rollcall/providers/internal/rest"
)

// A Paging is how a vendor answers users page by page.
type Paging struct {
	// Budget is how many pages are read at most.
	Budget int
	// Call is how the page of a cursor is asked for, "" being the first.
	Call func(cursor string) rest.Call
	// Page reads an answer. Of a record that can not be read it has the id and the
	// address as an Unreadable user; an error is about the whole page.
	Page func(cursor string, answer *rest.Response) (rest.Page[*User], error)
}

// Search reads all pages. Any record that can not be read is an error: it may be the
// one that was searched for.
func (p Paging) Search(ctx context.Context, reader rest.Reader) ([]*User, error) {
	page := p.Page
	p.Page = func(cursor string, answer *rest.Response) (rest.Page[*User], error) {
		found, err := page(cursor, answer)
		for _, user := range found.Items {
			if err == nil && user.Unreadable != nil {
				err = user.Unreadable
			}
		}
		return found, err
	}
	return p.List(ctx, reader)
}

// List reads all pages. A record of which only id and address can be read concerns
// nobody else.
func (p Paging) List(ctx context.Context, reader rest.Reader) ([]*User, error) {
	return rest.ReadPages(ctx, reader, p.Budget, func(u *User) string { return u.ID }, p.Call, p.Page)
}

// ReadOne asks for one user by the path of his id. A 404 in the vendor's own form, with
// one of the codes or with any when none is named, is ErrAbsent; another may come from
// whatever stands in front of the vendor, and proves nothing.
func ReadOne(ctx context.Context, reader rest.Reader, path string, codes ...string) (*rest.Response, error) {
	response, err := reader.Read(ctx, rest.Call{Path: path, Success: []int{http.StatusOK}})
	switch {
	case rest.Absent(err, codes...):
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	case rest.NotOpen(err):
		return nil, WithRemedy(err, "the answer does not prove that there is no such user: check baseURL")
	default:
		return response, err
	}
}

// Unread makes of a user of whom only id and address could be read one who says so.
func Unread(user *User, answer *rest.Response, cause error) *User {
	id := []rune(user.ID)
	user.Attributes = nil
	user.Unreadable = answer.Unusable(fmt.Errorf("%w, of user %s", cause, string(id[:min(len(id), maxShownID)])))
	return user
}

// maxShownID is how much of an id an error shows, in characters.
const maxShownID = 64
