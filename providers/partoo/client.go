package partoo

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

// organization is the setting with the id of the organisation.
const organization = "organization"

// maxPages bounds a search, since an address is unique ([SEED]); maxListed bounds
// the list of all users.
const (
	maxPages  = 20
	maxListed = 10000
)

// notFoundCode is where a 404 says that there is no such user ([OLD], [ERR]).
const notFoundCode = "json"

// pageSize is the largest that there is ([SEARCH]).
const pageSize = 100

// reader finds users. It can not write.
type reader struct {
	rest         rest.Reader
	organization string
	explains     func(error) error
}

var (
	_ providers.Reader = reader{}
	_ providers.Lister = reader{}

	_ providers.Identifier = reader{}
)

// Search asks for the users with exactly the address ([SEARCH]). Whether one whose
// account is disabled is among them is not documented: while nobody is, it asks for
// the disabled ones too.
func (r reader) Search(ctx context.Context, email string) ([]*providers.User, error) {
	for _, filter := range []url.Values{{"email": {email}}, {"email": {email}, "disabled": {"true"}}} {
		users, err := r.paging(maxPages, filter).Search(ctx, r.rest)
		if err != nil || len(users) > 0 {
			return users, r.unanswered(err)
		}
	}
	return nil, nil
}

// List reads all users ([SEARCH]), those whose account is disabled with them.
func (r reader) List(ctx context.Context) ([]*providers.User, error) {
	var users []*providers.User
	listed := make(map[string]bool)
	for _, filter := range []url.Values{{"order_by": {"email"}}, {"order_by": {"email"}, "disabled": {"true"}}} {
		some, err := r.paging(maxListed, filter).List(ctx, r.rest)
		if err != nil {
			return nil, r.unanswered(err)
		}
		for _, user := range some {
			if !listed[user.ID] {
				listed[user.ID] = true
				users = append(users, user)
			}
		}
	}
	return users, nil
}

// paging reads all pages that a filter has. Pages are counted from 1, and the one
// after the last is empty ([SEARCH]); max_page is not relied on, since what it is
// for no users is not documented.
func (r reader) paging(budget int, filter url.Values) providers.Paging {
	filter.Set("per_page", strconv.Itoa(pageSize))
	if r.organization != "" {
		filter.Set("org_id", r.organization) // [SEARCH]
	}
	return providers.Paging{Budget: budget, Page: r.page, Call: func(number string) rest.Call {
		filter.Set("page", cmp.Or(number, "1"))
		return rest.Call{Path: "/user/search", Query: filter, Success: []int{http.StatusOK}}
	}}
}

// page reads one page of users.
func (r reader) page(number string, response *rest.Response) (found rest.Page[*providers.User], err error) {
	var answer page
	if err := response.Decode(&answer); err != nil {
		return found, err
	}
	if err := answer.contradicts(response.Body); err != nil {
		return found, response.Unusable(err)
	}
	if number == "" && len(*answer.Users) == 0 && answer.Count == nil {
		return found, response.Unusable(malformed("count")) // nobody, and nobody counted
	}
	found.Total = answer.Count
	for _, record := range *answer.Users {
		user, err := record.user(r.organization)
		switch {
		case user == nil:
			return found, response.Unusable(err)
		case err != nil:
			user = providers.Unread(user, response, err)
		}
		found.Items = append(found.Items, user)
	}
	if len(found.Items) > 0 {
		asked, _ := strconv.Atoi(cmp.Or(number, "1")) // it is one of ours
		found.Next = strconv.Itoa(asked + 1)
		// A full page may have one behind it, whatever the vendor counts.
		found.Last = answer.Count != nil && answer.MaxPage != nil && asked >= *answer.MaxPage && len(found.Items) < pageSize
	}
	return found, nil
}

// unanswered says of a failed search or list what can be done about it.
func (r reader) unanswered(err error) error {
	if rest.NotOpen(err) {
		err = providers.WithRemedy(err, "the user API does not answer there: check baseURL")
	}
	return r.explains(err)
}

// Get reads a user by id ([GET]). Only a 404 in the vendor's own form ([OLD],
// [ERR]) proves that there is none: another may come from whatever stands in front
// of the vendor, and gateways have an error in their answers too.
func (r reader) Get(ctx context.Context, id string) (*providers.User, error) {
	response, err := providers.ReadOne(ctx, r.rest, rest.Path("/user/{id}", id), notFoundCode)
	if err != nil {
		return nil, r.explains(err)
	}
	var answer record
	if err := response.Decode(&answer); err != nil {
		return nil, err
	}
	user, err := answer.user(r.organization)
	if err != nil {
		return nil, response.Unusable(err)
	}
	return user, nil
}

// Self reads the user whom the key belongs to ([OLD], and in no newer text): he may be
// of another organisation than those whom it manages.
func (r reader) Self(ctx context.Context) (*providers.User, error) {
	response, err := r.rest.Read(ctx, rest.Call{Path: "/user/me", Success: []int{http.StatusOK}})
	if err != nil {
		return nil, providers.Untold(err)
	}
	var answer record
	if err := response.Decode(&answer); err != nil {
		return nil, providers.Untold(err)
	}
	user, err := answer.user("")
	if user == nil {
		return nil, providers.ErrAbsent
	}
	if err != nil { // what is not known of him is not shown
		user.Attributes = nil
	}
	return user, nil
}

// writer has the abilities that change users.
type writer struct {
	client *rest.Client
	reader reader
}

var (
	_ providers.Creator = writer{}
	_ providers.Updater = writer{}
	_ providers.Deleter = writer{}
	_ providers.Inviter = writer{}
)

// Create makes a user ([SEED]). Its answer has only the id. It mails an invitation
// only if send_invitation says so; whoever is to be invited afterwards is created
// as [SEED] says. The vendor gives no code for an address that is taken: what a
// refusal means has to be found out by looking.
func (w writer) Create(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
	fields := body(draft.Values)
	fields["email"] = draft.Email
	if draft.Values[welcomeEmail] == true {
		fields[sendInvitation], fields[statusName] = false, "invited"
	}
	if _, stated := fields["org_id"]; !stated && w.reader.organization != "" {
		if id, err := strconv.ParseInt(w.reader.organization, 10, 64); err == nil {
			fields["org_id"] = id
		}
	}
	response, err := w.client.WriteOnce(ctx, rest.Call{Method: http.MethodPost, Path: "/user", Body: fields, Success: []int{http.StatusOK}})
	return w.receipt(response, err, "")
}

// Update sets the fields that the patch names and no other ([UPD]): a POST that
// sets a state.
func (w writer) Update(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
	fields := body(patch.Values)
	if patch.Email != "" {
		fields["email"] = patch.Email
	}
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodPost, Path: rest.Path("/user/{id}", patch.UserID), Body: fields, Success: []int{http.StatusOK},
	})
	return w.receipt(response, err, patch.UserID)
}

// receipt reads the answer to a write. Whether what was written is stored has to
// be looked at: the answer does not show it.
func (w writer) receipt(response *rest.Response, err error, id string) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: id}
	if err != nil {
		receipt.RequestID = rest.RequestID(err)
		return receipt, w.reader.explains(err)
	}
	receipt.RequestID = response.RequestID
	if id != "" {
		return receipt, nil
	}
	var answer done
	if err := response.Decode(&answer); err != nil {
		return receipt, providers.InDoubt(fmt.Errorf("the answer to the create can not be used: %w", err))
	}
	if answer.ID == "" || answer.Status != "success" {
		return receipt, providers.InDoubt(fmt.Errorf("the answer to the create can not be used: %w", errForm))
	}
	receipt.UserID = answer.ID
	return receipt, nil
}

// Delete removes a user ([DEL]). A 404 counts as done only when reading the user
// proves that there is none (that it means so is assumed).
func (w writer) Delete(ctx context.Context, id string) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: id}
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodDelete, Path: rest.Path("/user/{id}", id), DiscardBody: true, Success: []int{http.StatusOK, http.StatusNoContent},
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

// Invite mails the invitation ([INV]). The call has no body, but a type is asked for
// on every POST ([ERR]).
func (w writer) Invite(ctx context.Context, id string) (providers.Receipt, error) {
	response, err := w.client.WriteOnce(ctx, rest.Call{
		Method: http.MethodPost, Path: rest.Path("/user/{id}/invite", id), ContentType: "application/json",
		Success: []int{http.StatusOK},
	})
	if err == nil {
		var answer done
		if err = response.Decode(&answer); err == nil && answer.Status != "success" {
			err = response.Unusable(errForm)
		}
		if err != nil {
			err = providers.InDoubt(err)
		}
		return providers.Receipt{UserID: id, RequestID: response.RequestID}, err
	}
	if rest.KindOf(err) == rest.KindRefused && !rest.NotOpen(err) {
		err = providers.WithRemedy(err, "Partoo invites only users whose status is invited, and each at most once in five minutes")
	}
	return providers.Receipt{UserID: id, RequestID: rest.RequestID(err)}, w.reader.explains(err)
}

// forbidden is what a person can do about a 403.
const forbidden = "the user whom the API key belongs to may not do this: give him a role that manages the users of the organization and may give this role"
