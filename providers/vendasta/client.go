package vendasta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// maxPages bounds a search, since an address has at most one user a partner
// ([G-SYNC]); maxListed bounds the list of all of them.
const (
	maxPages  = 20
	maxListed = 10000
)

// pageSize is the largest that there is ([P] get-users).
const pageSize = 100

// reader finds users. It can not write.
type reader struct {
	rest    rest.Reader
	partner string
	// self is the address of the service account that the credentials are of, or "".
	self     string
	explains func(error) error
}

var (
	_ providers.Reader = reader{}
	_ providers.Lister = reader{}

	_ providers.Identifier = reader{}
)

// serviceAccountDomain is what the address of a service account ends with ([G-AUTH]).
const serviceAccountDomain = "@partner-service-account.apigateway.co"

// Self is the service account, which its key file names ([G-AUTH]); it takes no request.
// Whose a static token is, the vendor tells only with a scope for people who are signed
// in ([P] get-users-id), which such a token need not have.
func (r reader) Self(context.Context) (*providers.User, error) {
	if r.self == "" {
		return nil, providers.ErrAbsent
	}
	return &providers.User{Email: r.self}, nil
}

// Search asks for the users with the address, all pages of them ([P] get-users).
// No match is 200 with an empty list ([G-SYNC]); anything else proves nothing.
func (r reader) Search(ctx context.Context, email string) ([]*providers.User, error) {
	return r.search(ctx, url.Values{"filter[partner.id]": {r.partner}, "filter[email]": {email}})
}

func (r reader) search(ctx context.Context, filter url.Values) ([]*providers.User, error) {
	users, err := r.paging(maxPages, filter).Search(ctx, r.rest)
	return users, r.unanswered(err)
}

// List reads all users of the partner ([P] get-users), those of client businesses
// among them ([G-USERS]).
func (r reader) List(ctx context.Context) ([]*providers.User, error) {
	users, err := r.paging(maxListed, url.Values{"filter[partner.id]": {r.partner}, "page[limit]": {strconv.Itoa(pageSize)}}).List(ctx, r.rest)
	return users, r.unanswered(err)
}

func (r reader) paging(budget int, filter url.Values) providers.Paging {
	return providers.Paging{Budget: budget, Page: r.page, Call: func(link string) rest.Call {
		if link != "" {
			return rest.Call{Path: "/users", URL: link, Success: []int{http.StatusOK}}
		}
		return rest.Call{Path: "/users", Query: filter, Success: []int{http.StatusOK}}
	}}
}

// page reads one page of users.
func (r reader) page(_ string, response *rest.Response) (found rest.Page[*providers.User], err error) {
	var answer page
	if err := response.Decode(&answer); err != nil {
		return found, err
	}
	if err := contradicts(response.Body, answer.Errors); err != nil {
		return found, response.Unusable(err)
	}
	found.Next = answer.Links.Next
	for i := range *answer.Data {
		user, err := (*answer.Data)[i].user(r.partner)
		switch {
		case user == nil:
			return found, response.Unusable(err)
		case err != nil:
			user = providers.Unread(user, response, err)
		}
		found.Items = append(found.Items, user)
	}
	return found, nil
}

// unanswered says of a failed search or list what can be done about it.
func (r reader) unanswered(err error) error {
	if rest.NotOpen(err) {
		err = providers.WithRemedy(err, "the users API does not answer there: check baseURL, and that Vendasta has opened the API to the partner")
	}
	return r.explains(err)
}

// effect: what stands under actions is done by a GET ([P]
// get-sendWelcomeEmail-by-userid).
func effect(path string) bool { return strings.Contains(strings.ToLower(path), "/actions") }

// Get reads a user by id ([P] get-users-id). Only a 404 that holds the vendor's
// own errors ([G-INTRO]) proves that there is none: one without may come from
// whatever stands in front of the vendor.
func (r reader) Get(ctx context.Context, id string) (*providers.User, error) {
	response, err := providers.ReadOne(ctx, r.rest, rest.Path("/users/{id}", id))
	if err != nil {
		return nil, r.explains(err)
	}
	var answer one
	if err := response.Decode(&answer); err != nil {
		return nil, err
	}
	user, err := answer.Data.user(r.partner)
	if contradiction := contradicts(response.Body, answer.Errors); contradiction != nil {
		err = contradiction
	}
	if err != nil {
		return nil, response.Unusable(err)
	}
	return user, nil
}

// gone reports whether it is proven twice that there is no such user: by the id
// ([P] get-users-id), and by a search for it that finds nothing ([P] get-users).
// A 404 alone may also mean that an operation is not open to the account.
func (r reader) gone(ctx context.Context, id string) bool {
	if _, err := r.Get(ctx, id); !errors.Is(err, providers.ErrAbsent) {
		return false
	}
	users, err := r.search(ctx, url.Values{"filter[id]": {id}})
	return err == nil && len(users) == 0
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

// Create makes a user ([P] post-users). It sends no mail ([G-PARTNER]).
func (w writer) Create(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
	response, err := w.client.WriteOnce(ctx, rest.Call{
		Method: http.MethodPost, Path: "/users", ContentType: mediaType,
		Body:    document("", w.reader.partner, draft.Email, draft.Values),
		Success: []int{http.StatusCreated, http.StatusOK},
	})
	if rest.NotOpen(err) {
		err = providers.WithRemedy(err, "creating users is open to trusted testers of Vendasta only: ask Vendasta to open POST /users for the partner, or create the user in Partner Center")
	}
	return w.receipt(response, err, "")
}

// Update sets attributes and whole lists ([P] patch-users-id, [G-SYNC]). Vendasta
// labels the operation "proposed", so an account may be refused it.
func (w writer) Update(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodPatch, Path: rest.Path("/users/{id}", patch.UserID), ContentType: mediaType,
		Body:    document(patch.UserID, "", "", patch.Values),
		Success: []int{http.StatusOK},
	})
	if rest.NotOpen(err) || rest.Status(err) == http.StatusForbidden {
		err = providers.WithRemedy(err, "Vendasta labels updating users as proposed and may refuse it to an account: check the scope user.admin, ask Vendasta to open PATCH /users for the partner, or make the change in Partner Center")
	}
	return w.receipt(response, err, patch.UserID)
}

// receipt reads the user that a write was answered with. An answer that can not
// be read leaves what was stored to be looked at.
func (w writer) receipt(response *rest.Response, err error, id string) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: id}
	if err != nil {
		receipt.RequestID = rest.RequestID(err)
		return receipt, w.reader.explains(err)
	}
	receipt.RequestID = response.RequestID
	var answer one
	var user *providers.User
	if err = response.Decode(&answer); err == nil {
		user, err = answer.Data.user(w.reader.partner)
	}
	switch {
	case err == nil && (id == "" || user.ID == id):
		receipt.UserID, receipt.Stored = user.ID, user
	case id == "":
		return receipt, providers.InDoubt(fmt.Errorf("the answer to the create can not be used: %w", err))
	}
	return receipt, nil
}

// Delete removes a user for good ([P] delete-users-id). Since a 404 may also mean
// that the operation is not open to the account, the user is looked for then.
func (w writer) Delete(ctx context.Context, id string) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: id}
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodDelete, Path: rest.Path("/users/{id}", id), DiscardBody: true,
		Success: []int{http.StatusNoContent, http.StatusOK},
	})
	if err == nil {
		receipt.RequestID = response.RequestID
		return receipt, nil
	}
	receipt.RequestID = rest.RequestID(err)
	if rest.Status(err) == http.StatusNotFound && w.reader.gone(ctx, id) {
		return receipt, nil
	}
	if rest.NotOpen(err) || rest.Status(err) == http.StatusForbidden {
		err = providers.WithRemedy(err, "deleting users is open to trusted testers of Vendasta only: check the scope user.admin, or set onLeave: suspend")
	}
	return receipt, w.reader.explains(err)
}

// Invite sends the welcome mail ([P] get-sendWelcomeEmail-by-userid): a GET with
// an effect, so it is never repeated blindly.
func (w writer) Invite(ctx context.Context, id string) (providers.Receipt, error) {
	response, err := w.client.WriteOnce(ctx, rest.Call{
		Path: rest.Path("/users/{id}/actions/sendWelcomeEmail", id), DiscardBody: true,
		Success: []int{http.StatusAccepted},
	})
	if err != nil {
		return providers.Receipt{UserID: id, RequestID: rest.RequestID(err)}, w.reader.explains(err)
	}
	return providers.Receipt{UserID: id, RequestID: response.RequestID}, nil
}

// retryAfter reads the wait from the body of a 429, which is not JSON:API
// (assumed from an unpublished text).
func retryAfter(body []byte) (time.Duration, bool) {
	var answer struct {
		Details struct {
			RetryAfter *float64 `json:"retryAfter"`
		} `json:"details"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Details.RetryAfter == nil || *answer.Details.RetryAfter <= 0 {
		return 0, false
	}
	const longest = 1e9 // seconds; more would overflow a Duration
	return time.Duration(min(*answer.Details.RetryAfter, longest) * float64(time.Second)), true
}

// errorCode reads the code of the first error and what it is about ([G-INTRO]).
// An error without a code that can be shown is named by its status, else
// "unnamed": any code shows that the answer is the vendor's own. source is an
// object or, in another text, a string ([CM]).
func errorCode(body []byte) (code, place string) {
	var answer struct {
		Errors []struct {
			Code   json.RawMessage `json:"code"`
			Status json.RawMessage `json:"status"`
			Source json.RawMessage `json:"source"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
		return "", ""
	}
	first := answer.Errors[0]
	code = cmp.Or(word(first.Code), word(first.Status), "unnamed")
	var source struct {
		Parameter string `json:"parameter"`
		Pointer   string `json:"pointer"`
	}
	if json.Unmarshal(first.Source, &source) == nil {
		return code, cmp.Or(source.Pointer, source.Parameter)
	}
	_ = json.Unmarshal(first.Source, &place) // what is no text says nothing
	return code, place
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// word is a JSON text or number that is one plain word, or "".
func word(raw json.RawMessage) string {
	text := strings.Trim(string(raw), `"`)
	if text == "null" || !plainWord.MatchString(text) {
		return ""
	}
	return text
}

// forbidden is what a person can do about a 403.
const forbidden = "the credentials lack a permission: give the service account the scope user.admin"
