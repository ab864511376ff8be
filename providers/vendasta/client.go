package vendasta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// maxPages bounds a search: an address has at most one user a partner ([G-SYNC]).
const maxPages = 20

// reader finds users. It can not write.
type reader struct {
	rest     rest.Reader
	partner  string
	explains func(error) error
}

var _ providers.Reader = reader{}

// Search asks for the users with the address, all pages of them ([P] get-users).
// No match is 200 with an empty list ([G-SYNC]); anything else proves nothing.
func (r reader) Search(ctx context.Context, email string) ([]*providers.User, error) {
	call := rest.Call{Path: "/users", Query: url.Values{"filter[partner.id]": {r.partner}, "filter[email]": {email}}, Success: []int{http.StatusOK}}
	var users []*providers.User
	seen := make(map[string]bool)
	for range maxPages {
		response, err := r.rest.Read(ctx, call)
		if err != nil {
			return nil, r.explains(err)
		}
		var answer page
		if err := response.Decode(&answer); err != nil {
			return nil, err
		}
		if answer.Data == nil {
			return nil, errForm
		}
		for i := range *answer.Data {
			user, err := (*answer.Data)[i].user(r.partner)
			if err != nil {
				return nil, err
			}
			users = append(users, user)
		}
		next := answer.Links.Next
		if next == "" {
			return users, nil
		}
		if seen[next] {
			return nil, errors.New("the search answers the same page again and again")
		}
		seen[next] = true
		call = rest.Call{URL: next, Success: []int{http.StatusOK}}
	}
	return nil, fmt.Errorf("the search for one address answers more than %d pages", maxPages)
}

// Get reads a user by id ([P] get-users-id). Only the vendor's own 404 proves
// that there is none.
func (r reader) Get(ctx context.Context, id string) (*providers.User, error) {
	response, err := r.rest.Read(ctx, rest.Call{Path: rest.Path("/users/{id}", id), Success: []int{http.StatusOK}})
	if err != nil {
		var failure *rest.Error
		if errors.As(err, &failure) && failure.Status == http.StatusNotFound && !failure.Foreign {
			return nil, fmt.Errorf("%w: %w", providers.ErrAbsent, err)
		}
		return nil, r.explains(err)
	}
	return decodeUser(response, r.partner)
}

func decodeUser(response *rest.Response, partner string) (*providers.User, error) {
	var answer one
	if err := response.Decode(&answer); err != nil {
		return nil, err
	}
	return answer.Data.user(partner)
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
	switch rest.Status(err) {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		err = providers.WithRemedy(err, "Vendasta labels updating users as proposed and may refuse it to an account: check the scope user.admin, ask Vendasta to open PATCH /users for the partner, or make the change in Partner Center")
	}
	return w.receipt(response, err, patch.UserID)
}

// receipt reads the user that a write was answered with. An answer that can not
// be read leaves what was stored to be looked at.
func (w writer) receipt(response *rest.Response, err error, id string) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: id}
	if err != nil {
		receipt.RequestID = requestID(err)
		return receipt, w.reader.explains(err)
	}
	receipt.RequestID = response.RequestID
	user, err := decodeUser(response, w.reader.partner)
	switch {
	case err == nil:
		receipt.UserID, receipt.Stored = user.ID, user
	case id == "":
		return receipt, providers.InDoubt(err)
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
	receipt.RequestID = requestID(err)
	if rest.Status(err) == http.StatusNotFound {
		if _, found := w.reader.Get(ctx, id); errors.Is(found, providers.ErrAbsent) {
			return receipt, nil
		}
	}
	switch rest.Status(err) {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		err = providers.WithRemedy(err, "deleting users is open to trusted testers of Vendasta only: check the scope user.admin, or set onLeave: suspend")
	}
	return receipt, w.reader.explains(err)
}

// Invite sends the welcome mail ([P] get-sendWelcomeEmail-by-userid): a GET with
// an effect, so it is never repeated blindly.
func (w writer) Invite(ctx context.Context, id string) (providers.Receipt, error) {
	response, err := w.client.WriteOnce(ctx, rest.Call{
		Path: rest.Path("/users/{id}/actions/sendWelcomeEmail", id), DiscardBody: true,
		Success: []int{http.StatusAccepted, http.StatusOK, http.StatusNoContent},
	})
	if err != nil {
		return providers.Receipt{UserID: id, RequestID: requestID(err)}, w.reader.explains(err)
	}
	return providers.Receipt{UserID: id, RequestID: response.RequestID}, nil
}

func requestID(err error) string {
	var failure *rest.Error
	if errors.As(err, &failure) {
		return failure.RequestID
	}
	return ""
}

// retryAfter reads the wait from the body of a 429, which is not JSON:API
// (assumed from an unpublished text).
func retryAfter(body []byte) (time.Duration, bool) {
	var answer struct {
		Details struct {
			RetryAfter *float64 `json:"retryAfter"`
		} `json:"details"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Details.RetryAfter == nil {
		return 0, false
	}
	return time.Duration(*answer.Details.RetryAfter * float64(time.Second)), true
}

// errorCode reads the code of the first error and what it is about ([G-INTRO]);
// source is an object or, in another text, a string.
func errorCode(body []byte) (code, place string) {
	var answer struct {
		Errors []struct {
			Code   string          `json:"code"`
			Source json.RawMessage `json:"source"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
		return "", ""
	}
	var source struct {
		Parameter string `json:"parameter"`
		Pointer   string `json:"pointer"`
	}
	if json.Unmarshal(answer.Errors[0].Source, &source) != nil {
		return answer.Errors[0].Code, ""
	}
	return answer.Errors[0].Code, either(source.Pointer, source.Parameter)
}

// explain adds to an error what a person can do about it.
func explain(config sources.ProviderConfig) func(error) error {
	return func(err error) error {
		switch {
		case providers.Remedy(err) != "":
			return err
		case rest.KindOf(err) == rest.KindForbidden:
			return providers.WithRemedy(err, "the credentials lack a permission: give the service account the scope user.admin")
		default:
			return providers.ExplainCredentials(err, config)
		}
	}
}
