package myreports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// pageSize is the largest that there is for accounts, and the default ([ACC]; assumed
// for users). maxPages bounds the list.
const (
	pageSize = 1000
	maxPages = 1000
)

// notFoundCode is what a 404 of the vendor's has in it ([GET]).
const notFoundCode = "404"

// reader finds users. It can not write.
type reader struct {
	rest     rest.Reader
	account  string
	explains func(error) error
}

var (
	_ providers.Getter = reader{}
	_ providers.Lister = reader{}
)

// users is the path of all users, one that of a user.
func (r reader) users() string { return rest.Path("/api/v1.0/accounts/{account}/users", r.account) }

func (r reader) one(id string) string {
	return rest.Path("/api/v1.0/accounts/{account}/users/{user}", r.account, id)
}

// List reads all users ([LIST]). A 404 is about the account, and proves nothing.
func (r reader) List(ctx context.Context) ([]*providers.User, error) {
	l := &listing{reader: r, limit: pageSize}
	users, err := providers.Paging{Budget: maxPages, Page: l.page, Call: l.call}.List(ctx, r.rest)
	switch {
	case rest.NotOpen(err):
		err = providers.WithRemedy(err, "the users of this account do not answer there: check account, and region or baseURL")
	case errors.Is(err, rest.ErrSamePage):
		err = providers.WithRemedy(err, "who else is there is not known, so nothing is done: tell the vendor that its list of users has one page again and again")
	}
	return users, r.explains(err)
}

// A listing is a list that is being read. That users come in pages is assumed: so it is with
// accounts and customers ([ACC], [CUST]). Nothing tells how many there are, so a page
// that is not full is the last one.
type listing struct {
	reader reader
	first  map[string]bool // the ids of the first page
	leads  string          // the first of them
	limit  int             // how many users a full page has
}

// call asks for a page, counted from 0.
func (l *listing) call(number string) rest.Call {
	return rest.Call{Path: l.reader.users(), Success: []int{http.StatusOK}, Query: url.Values{
		"pageIndex": {cmp.Or(number, "0")}, "pageSize": {strconv.Itoa(pageSize)},
	}}
}

// page reads a page of users.
func (l *listing) page(number string, response *rest.Response) (found rest.Page[*providers.User], err error) {
	var answer page
	if err := response.Decode(&answer); err != nil {
		return found, err
	}
	if err := answer.contradicts(response.Body); err != nil {
		return found, response.Unusable(err)
	}
	for _, record := range *answer.Data {
		user, err := record.user()
		switch {
		case user == nil:
			return found, response.Unusable(err)
		case err != nil:
			user = providers.Unread(user, response, err)
		}
		found.Items = append(found.Items, user)
	}
	asked, _ := strconv.Atoi(number) // it is one of ours; the first is ""
	again, err := l.again(asked, found.Items)
	switch {
	case err != nil:
		return found, response.Unusable(err)
	case again:
		return found, nil
	case answer.Index != nil && *answer.Index != asked:
		return found, response.Unusable(malformed("page_index"))
	case asked == 0:
		l.begin(found.Items)
	}
	if len(found.Items) >= l.limit {
		found.Next = strconv.Itoa(asked + 1)
	}
	return found, nil
}

// begin takes the first page. One that is short and has a round number of users may be
// a full one all the same, of a server that answers fewer at once than it is asked for:
// then what comes behind it shows.
func (l *listing) begin(users []*providers.User) {
	if n := len(users); n >= 10 && n < pageSize && n%5 == 0 {
		l.limit = n
	}
	l.first = make(map[string]bool, len(users))
	for i, user := range users {
		if i == 0 {
			l.leads = user.ID
		}
		l.first[user.ID] = true
	}
}

// again reports whether the second page is the first one once more. A server that does
// so ignores which page is asked for, and answers all users each time. If there are
// just as many as were asked for at most, it may ignore the page and not the size:
// then it is not known whether they are all.
func (l *listing) again(asked int, users []*providers.User) (bool, error) {
	if asked == 0 || len(users) == 0 || users[0].ID != l.leads {
		return false, nil
	}
	seen := make(map[string]bool, len(users))
	for _, user := range users {
		seen[user.ID] = true
		if !l.first[user.ID] {
			return false, rest.ErrShifting
		}
	}
	switch {
	case len(seen) != len(l.first):
		return false, rest.ErrShifting
	case asked > 1 || len(users) == pageSize:
		return false, rest.ErrSamePage
	default:
		return true, nil
	}
}

// Get reads a user by id ([GET]). Only a 404 in the vendor's own form proves that there
// is none; it is the same for an account that there is not, which the list shows.
func (r reader) Get(ctx context.Context, id string) (*providers.User, error) {
	user, _, err := r.get(ctx, id)
	return user, err
}

// get also tells the request.
func (r reader) get(ctx context.Context, id string) (user *providers.User, request string, err error) {
	response, err := providers.ReadOne(ctx, r.rest, r.one(id), notFoundCode)
	if err != nil {
		return nil, rest.RequestID(err), r.explains(err)
	}
	var answer one
	if err := response.Decode(&answer); err != nil {
		return nil, response.RequestID, err
	}
	if user, err = answer.user(); err != nil {
		return nil, response.RequestID, response.Unusable(err)
	}
	return user, response.RequestID, nil
}

// writer has the abilities that change users.
type writer struct {
	client *rest.Client
	reader reader
	// header is what creates and updates carry beside the credentials: the consent to
	// charges ([SEED], [PATCH]; what it means is inferred).
	header   map[string]string
	deletion func(*providers.User) providers.Deletion
}

var (
	_ providers.Creator = writer{}
	_ providers.Updater = writer{}
	_ providers.Deleter = writer{}
)

// Create makes a user, whom the vendor mails at once ([SEED]). What it answers to an
// address that is taken is not documented: what a refusal means has to be found out by
// looking. Whoever is known at another account only may be taken into this one
// (inferred); the answer has him then, with the tenant that owns him.
func (w writer) Create(ctx context.Context, d providers.Draft) (providers.Receipt, error) {
	if why := fitsAddress(d.Email); why != "" {
		return providers.Receipt{}, providers.WithRemedy(errors.New(why), shorter)
	}
	response, err := w.client.WriteOnce(ctx, rest.Call{
		Method: http.MethodPost, Path: w.reader.users(), Body: draft(d), Header: w.header, Success: []int{http.StatusCreated},
	})
	if err != nil {
		return providers.Receipt{RequestID: rest.RequestID(err)}, w.reader.explains(err)
	}
	receipt := providers.Receipt{RequestID: response.RequestID}
	var answer one
	if err := response.Decode(&answer); err != nil {
		return receipt, providers.InDoubt(fmt.Errorf("the answer to the create can not be used: %w", err))
	}
	user, err := answer.user()
	if err != nil {
		return receipt, providers.InDoubt(fmt.Errorf("the answer to the create can not be used: %w", err))
	}
	receipt.UserID, receipt.Stored = user.ID, user
	return receipt, nil
}

// Update replaces the values that the patch names and no others ([PATCH]). The answer
// does not show the user.
func (w writer) Update(ctx context.Context, p providers.Patch) (providers.Receipt, error) {
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodPatch, Path: w.reader.one(p.UserID), Body: patch(p.Values), Header: w.header,
		DiscardBody: true, Success: []int{http.StatusOK},
	})
	if err != nil {
		return providers.Receipt{UserID: p.UserID, RequestID: rest.RequestID(err)}, w.reader.explains(err)
	}
	return providers.Receipt{UserID: p.UserID, RequestID: response.RequestID}, nil
}

// Delete removes a user from the account, or for good where the account owns him
// ([DEL]). Which it would be is looked at first, and what is not allowed is not sent.
// A 404 counts as done only when reading the user proves that there is none.
func (w writer) Delete(ctx context.Context, id string) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: id}
	user, request, err := w.reader.get(ctx, id)
	receipt.RequestID = request
	switch {
	case errors.Is(err, providers.ErrAbsent):
		return receipt, nil
	case err != nil:
		return receipt, err
	case user.ID != id:
		return receipt, errors.New("the vendor answered another user than the one to delete: nothing was deleted")
	}
	if d := w.deletion(user); d.Refused != "" {
		return receipt, providers.WithRemedy(errors.New(d.Refused), d.Remedy)
	}
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodDelete, Path: w.reader.one(id), DiscardBody: true, Success: []int{http.StatusOK, http.StatusNoContent},
	})
	if err == nil {
		receipt.RequestID = response.RequestID
		return receipt, nil
	}
	receipt.RequestID = rest.RequestID(err)
	if rest.Status(err) == http.StatusNotFound {
		if _, gone := w.reader.Get(ctx, id); errors.Is(gone, providers.ErrAbsent) {
			return receipt, nil
		}
	}
	return receipt, w.reader.explains(err)
}

// notPrimary is the code of an error that only the owner of a user does not get
// ([ACT]).
const notPrimary = "TenantNotPrimary"

// explain adds to what is said of errors what the vendor's own code means.
func explain(next func(error) error) func(error) error {
	return func(err error) error {
		if rest.Code(err) == notPrimary && providers.Remedy(err) == "" {
			err = providers.WithRemedy(err, "another account owns this user, and only that one may do this: do it there")
		}
		return next(err)
	}
}

// forbidden is what a person can do about a 403, which no page shows.
const forbidden = "whoever gave the consent may not do this: let somebody with the role REST API Administrator (onboarding.admin) of this account sign in to rollcall login"
