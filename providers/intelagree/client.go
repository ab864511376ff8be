package intelagree

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// reader finds users. It can not write. No text says how users are found or read:
// the paths are assumed, and settings.
type reader struct {
	rest     rest.Reader
	keyType  string
	paths    map[string]string
	explains func(error) error
}

var _ providers.Reader = reader{}

// Names under paths.
const (
	findPath   = "findUser"
	getPath    = "getUser"
	updatePath = "updateUser"
)

// pathsOf are the paths of a provider: its own, or those that are assumed.
func pathsOf(config sources.ProviderConfig) map[string]string {
	all := map[string]string{findPath: "/users", getPath: "/users/{type}/{value}", updatePath: "/users/{type}/{value}"}
	maps.Copy(all, config.Tables[paths])
	return all
}

// at is a path with the type and the value of a business key in it.
func (r reader) at(name, value string) string {
	template := r.paths[name]
	var parts []string
	for _, place := range strings.Split(template, "{")[1:] {
		if strings.HasPrefix(place, "type}") {
			parts = append(parts, r.keyType)
		} else {
			parts = append(parts, value)
		}
	}
	return rest.Path(template, parts...)
}

// Search asks for the users with the address (assumed).
func (r reader) Search(ctx context.Context, email string) ([]*providers.User, error) {
	response, err := r.rest.Read(ctx, rest.Call{Path: r.paths[findPath], Query: url.Values{"email": {email}}, Success: []int{http.StatusOK}})
	if err != nil {
		return nil, r.explains(err)
	}
	records, err := found(response)
	if err != nil {
		return nil, err
	}
	var users []*providers.User
	for _, record := range records {
		user, err := record.user(r.keyType)
		if err != nil {
			return nil, response.Unusable(err)
		}
		users = append(users, user)
	}
	return users, nil
}

// Get reads a user by the value of his business key (assumed). No answer proves that
// there is none: what a 404 means is not documented.
func (r reader) Get(ctx context.Context, value string) (*providers.User, error) {
	user, _, err := r.get(ctx, value)
	return user, err
}

// get is Get, with his business keys.
func (r reader) get(ctx context.Context, value string) (*providers.User, []any, error) {
	response, err := r.rest.Read(ctx, rest.Call{Path: r.at(getPath, value), Success: []int{http.StatusOK}})
	if err != nil {
		if rest.NotOpen(err) {
			err = providers.WithRemedy(err, fmt.Sprintf(
				"IntelAgree does not document what this answer means, so it does not prove that the business key of type %s is nobody's: check it, and paths.getUser", r.keyType,
			))
		}
		return nil, nil, r.explains(err)
	}
	var answer record
	if err := response.Decode(&answer); err != nil {
		return nil, nil, err
	}
	user, err := answer.user(r.keyType)
	if err != nil {
		return nil, nil, response.Unusable(err)
	}
	keys, _, err := answer.keys()
	if err != nil {
		return nil, nil, response.Unusable(err)
	}
	if user.ID != value && carries(keys, r.keyType, value) {
		user.ID = value // he has several of the type
	}
	return user, keys, nil
}

// carries reports whether there is a business key of that type with that value.
func carries(keys []any, kind, value string) bool {
	for _, key := range keys {
		if keyIn([]any{key}, kind) == value {
			return true
		}
	}
	return false
}

// creates makes users.
type creates struct {
	client  *rest.Client
	reader  reader
	creator map[string]string // headers that name who creates
	// explains an error of the create, which is documented.
	explains func(error) error
}

// changes makes users and changes them, which has to be assumed.
type changes struct{ creates }

var (
	_ providers.Creator = creates{}
	_ providers.Creator = changes{}
	_ providers.Updater = changes{}
)

// creator are the headers that name a user as the one who creates ([SEED]); by default
// the user of the API is.
func creator(config sources.ProviderConfig) map[string]string {
	who := config.Tables[asUser]
	if len(who) == 0 {
		return nil
	}
	return map[string]string{"AsUserType": who["type"], "AsUserKey": who["key"]}
}

// created are the statuses that a create may be answered with: which it is, is not
// documented.
var created = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}

// Create makes a user ([SEED]). What it answers is not documented: after anything of a
// success but the user, which is assumed, he has to be looked up; and whoever was told
// of a success does not ask for another one, since the lookup too is assumed.
func (w creates) Create(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
	fields := maps.Clone(draft.Values)
	if fields == nil {
		fields = make(map[string]any)
	}
	fields["email"] = draft.Email
	response, err := w.client.WriteOnce(ctx, rest.Call{Method: http.MethodPost, Path: "/users", Body: fields, Header: w.creator, Success: created})
	if err != nil {
		if rest.OutcomeUnknown(err) && rest.Status(err)/100 == 2 {
			err = providers.Acknowledged(err)
		}
		return providers.Receipt{RequestID: rest.RequestID(err)}, w.explains(err)
	}
	receipt := providers.Receipt{UserID: keyIn(fields[businessKeys], w.reader.keyType), RequestID: response.RequestID}
	var answer record
	if response.Decode(&answer) == nil {
		if user, err := answer.user(w.reader.keyType); err == nil && sources.SameEmail(user.Email, draft.Email) {
			receipt.Stored = user
			if user.ID != "" {
				receipt.UserID = user.ID
			}
			return receipt, nil
		}
	}
	return receipt, providers.Acknowledged(errors.New("the answer to the create does not show the user"))
}

var errOther = errors.New("the vendor answered another user than the one who was asked for")

// Update reads the user and sends him back whole with the new values: a PUT that is
// assumed to replace him.
func (w changes) Update(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: patch.UserID}
	user, keys, err := w.reader.get(ctx, patch.UserID)
	switch {
	case err != nil:
		return receipt, err
	case user.ID != patch.UserID:
		return receipt, errOther
	}
	fields, err := whole(user, keys, patch)
	if err != nil {
		return receipt, err
	}
	response, err := w.client.Write(ctx, rest.Call{
		Method: http.MethodPut, Path: w.reader.at(updatePath, patch.UserID), Body: fields, Header: w.creator, Success: []int{http.StatusOK, http.StatusNoContent},
	})
	if err != nil {
		receipt.RequestID = rest.RequestID(err)
		return receipt, w.reader.explains(err)
	}
	receipt.RequestID = response.RequestID
	var answer record
	if response.Status == http.StatusOK && response.Decode(&answer) == nil {
		if stored, err := answer.user(w.reader.keyType); err == nil && stored.ID == patch.UserID {
			receipt.Stored = stored
		}
	}
	return receipt, nil
}

// forbidden is what a person can do about a 403.
const forbidden = "the account key may not do this: ask IntelAgree which rights its user needs"

// explain adds that what is assumed is not there, where that is what the answer says.
func explain(next func(error) error) func(error) error {
	return notOpen(next, "IntelAgree documents no way to find or change users, and the one that rollcall assumes is not there: ask IntelAgree for it, and set paths; until then nobody is created")
}

// explainCreate adds that the create is documented, where the answer says that it is
// not there.
func explainCreate(next func(error) error) func(error) error {
	return notOpen(next, "IntelAgree documents this call: check baseURL, and ask IntelAgree whether the account may create users")
}

// notOpen adds a remedy where a call is not there.
func notOpen(next func(error) error, remedy string) func(error) error {
	return func(err error) error {
		if rest.NotOpen(err) && providers.Remedy(err) == "" {
			err = providers.WithRemedy(err, remedy)
		}
		return next(err)
	}
}
