package mykaarma

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// reader finds users in the list of all, for no search and no look at one user is
// documented. It can not write.
type reader struct {
	rest        rest.Reader
	paths       paths
	dealer      string
	departments []string
	roles       map[string]string // names by UUID; empty: roles are not managed
	explains    func(error) error
}

var _ providers.Lister = reader{}

// List reads all users of the dealer, those who are not valid with them, and their
// roles where those are managed.
func (r reader) List(ctx context.Context) ([]*providers.User, error) {
	found, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	users := make([]*providers.User, len(found))
	for i, one := range found {
		users[i] = one.User
	}
	if len(r.roles) == 0 || len(users) == 0 {
		return users, nil
	}
	associates, err := r.associates(ctx)
	if err != nil {
		return nil, err
	}
	for _, user := range users {
		if a, known := sole(associates[user.ID]); known && a.role != nil && user.Unreadable == nil {
			user.Attributes[roleUUID] = providers.Show(uuidOf(r.roles, *a.role))
		}
	}
	return users, nil
}

// list reads the list of users ([LIST]), which is one answer. A user of whom only id
// and address can be read concerns nobody else.
func (r reader) list(ctx context.Context) ([]listed, error) {
	response, err := r.rest.Read(ctx, rest.Call{
		Path: r.paths.at(listUsers, map[string]string{"dealerUUID": r.dealer}), Query: url.Values{"includeInvalid": {"true"}}, Success: []int{http.StatusOK},
	})
	if err != nil {
		return nil, r.unanswered(err, listUsers)
	}
	answer, err := r.answered(response, listUsers)
	if err != nil {
		return nil, err
	}
	records, _, err := read[[]object](answer, "users", "")
	if err != nil || records == nil {
		return nil, r.unanswered(response.Unusable(malformed("users")), listUsers)
	}
	var users []listed
	seen, addressed := make(map[string]bool), false
	for _, record := range records {
		user, err := record.user()
		switch {
		case user.User == nil:
			return nil, r.unanswered(response.Unusable(err), listUsers)
		case seen[user.ID]:
			return nil, r.unanswered(response.Unusable(fmt.Errorf("%w: a user is there twice", errForm)), listUsers)
		case err != nil:
			user.User = providers.Unread(user.User, response, err)
		}
		seen[user.ID], addressed = true, addressed || user.Email != ""
		users = append(users, user)
	}
	if len(users) > 0 && !addressed {
		return nil, r.unanswered(response.Unusable(errors.New("the list shows the address of nobody")), listUsers)
	}
	return users, nil
}

// associates reads what the users are in the configured departments, by user, in the
// order of the departments ([GH]). That departments alone select all of them is assumed.
func (r reader) associates(ctx context.Context) (map[string][]associate, error) {
	response, err := r.rest.Read(ctx, rest.Call{
		Method: http.MethodPost, Path: r.paths.at(dealerAssociates, nil), Body: map[string]any{"departmentUuids": r.departments}, Success: []int{http.StatusOK},
	})
	if err != nil {
		return nil, r.unanswered(err, dealerAssociates)
	}
	answer, err := r.answered(response, dealerAssociates)
	if err != nil {
		return nil, err
	}
	records, _, err := read[map[string]object](answer, "dealerAssociates", "")
	if err != nil || records == nil {
		return nil, r.unanswered(response.Unusable(malformed("dealerAssociates")), dealerAssociates)
	}
	found := make(map[string][]associate)
	for _, id := range slices.Sorted(maps.Keys(records)) {
		if !records[id].isAssociate() {
			continue
		}
		a, err := records[id].associate()
		if err != nil {
			return nil, r.unanswered(response.Unusable(err), dealerAssociates)
		}
		if a.department == "" || slices.Contains(r.departments, a.department) {
			found[a.user] = append(found[a.user], a)
		}
	}
	for _, all := range found {
		slices.SortStableFunc(all, func(a, b associate) int {
			return slices.Index(r.departments, a.department) - slices.Index(r.departments, b.department)
		})
	}
	return found, nil
}

// answered reads the answer to a read, which proves nothing where it has errors.
func (r reader) answered(response *rest.Response, path string) (object, error) {
	e, err := unwrap(response)
	if err == nil && len(e.codes) > 0 {
		err = response.Refused(e.codes[0])
	}
	if err != nil {
		return nil, r.unanswered(err, path)
	}
	return e.object, nil
}

// unanswered says of a call that failed what can be done about it. An unknown path is
// answered with a page to sign in ([3P]).
func (r reader) unanswered(err error, path string) error {
	if rest.NotOpen(err) || rest.KindOf(err) == rest.KindAnswer {
		remedy := "check baseURL"
		if path != "" {
			remedy += " and paths." + path + ", which is not documented (ask myKaarma)"
		}
		return providers.WithRemedy(err, remedy+"; it answers a wrong path with a page to sign in")
	}
	if rest.KindOf(err) == rest.KindRefused && rest.Code(err) == notAuthorized {
		return providers.WithRemedy(err, forbidden)
	}
	return r.explains(err)
}

// notAuthorized is the code of an error about a right that is missing ([TPL]).
const notAuthorized = "100004"

// forbidden is what a person can do about a 403 ([AUTH], [LIST], [UPD], [DA]).
const forbidden = "the service subscriber may not do this for this dealer: have myKaarma grant it manage.user.read and manage.user.write, and for roles and suspensions manage.dealerassociate.read and manage.dealerassociate.write"

// creator has the ability that is always there.
type creator struct{ writer writer }

var _ providers.Creator = creator{}

// Create is the writer's.
func (c creator) Create(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
	return c.writer.Create(ctx, draft)
}

// writer has the abilities that change users.
type writer struct {
	client   *rest.Client
	reader   reader
	replaces bool                          // an update loses what it does not send
	cannot   func(operation string) string // why it is not done, or ""
}

var (
	_ providers.Creator = writer{}
	_ providers.Updater = writer{}
)

// Create makes a user, with a dealer associate in one department ([SEED]). Its answer
// has only the id. What it answers for an address that is taken is not documented: what
// a refusal means has to be found out by looking.
func (w writer) Create(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
	body := map[string]any{dealerUUID: w.reader.dealer, username: draft.Email}
	maps.Copy(body, draft.Values)
	body[emailAddress] = draft.Email
	response, err := w.client.WriteOnce(ctx, rest.Call{Method: http.MethodPost, Path: createUser, Body: body, Success: []int{http.StatusOK}})
	if err != nil {
		return providers.Receipt{RequestID: rest.RequestID(err)}, w.reader.unanswered(err, "")
	}
	receipt := providers.Receipt{RequestID: response.RequestID}
	if receipt.UserID, err = wrote(response, writtenID); err != nil {
		return receipt, w.reader.unanswered(err, "")
	}
	return receipt, nil
}

// Update sets what the patch names: first the profile, then the role, then whether he is
// valid. Each sets a state. When one fails after another was done, it is in doubt what
// was done.
func (w writer) Update(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
	receipt := providers.Receipt{UserID: patch.UserID}
	steps, err := w.steps(ctx, patch)
	if err != nil {
		receipt.RequestID = rest.RequestID(err)
		return receipt, err
	}
	for i, s := range steps {
		if i > 0 {
			ctx = providers.WithStop(ctx, nil) // what is begun is finished
		}
		response, err := w.client.Write(ctx, s.call)
		if err == nil {
			receipt.RequestID = response.RequestID
			_, err = s.done(response)
		} else {
			receipt.RequestID = rest.RequestID(err)
		}
		if err != nil {
			err = w.reader.unanswered(err, s.path)
			if i > 0 {
				err = inPart(err)
			}
			return receipt, err
		}
	}
	return receipt, nil
}

// inPart is the error of a call that failed after another one had been done.
func inPart(err error) error {
	return providers.WithRemedy(providers.InDoubt(fmt.Errorf("done in part: %w", err)), providers.Remedy(err))
}

// A step is one call of an update.
type step struct {
	call rest.Call
	path string // the setting that its path is, or ""
	id   string // that its answer has to have; "" is any
	name string // of the member with the id
}

// done reads the answer to the call.
func (s step) done(response *rest.Response) (string, error) {
	id, err := wrote(response, s.name)
	if err == nil && s.id != "" && id != s.id {
		err = response.Unusable(errors.New("the answer is about another user"))
	}
	return id, err
}

// steps are the calls that a patch takes. Whatever has to be known for them is read
// before the first.
func (w writer) steps(ctx context.Context, patch providers.Patch) ([]step, error) {
	profile, role, valid, err := w.parts(patch.Values)
	if err != nil {
		return nil, err
	}
	var steps []step
	if len(profile) > 0 {
		if w.replaces {
			if profile, err = w.whole(ctx, patch.UserID, profile); err != nil {
				return nil, err
			}
		}
		path := w.reader.paths.at(updateUser, map[string]string{"userUUID": patch.UserID})
		steps = append(steps, step{
			rest.Call{Method: http.MethodPut, Path: path, Body: profile, Success: []int{http.StatusOK}}, updateUser, patch.UserID, writtenID,
		})
	}
	if role == "" && valid == nil {
		return steps, nil
	}
	all, err := w.reader.associates(ctx)
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(all[patch.UserID], func(a associate) bool { return a.department == "" })
	if len(own) != len(all[patch.UserID]) || len(own) == 0 {
		return nil, providers.WithRemedy(errors.New("he is shown to be nothing in the configured departments, so that there is nothing to change"), "list his department under departments")
	}
	if role != "" {
		a, known := sole(own)
		if !known {
			return nil, errors.New("he is not one thing alone in the configured departments: change his role by hand")
		}
		path := rest.Path(changeRole, a.department, patch.UserID, role)
		steps = append(steps, step{rest.Call{Method: http.MethodPost, Path: path, Success: []int{http.StatusOK}}, "", "", changedID})
	}
	if valid != nil {
		for _, a := range own {
			path := w.reader.paths.at(updateAssociate, map[string]string{"departmentUUID": a.department, "userUUID": patch.UserID})
			body := map[string]any{"dealerAssociate": map[string]any{isValid: *valid}, "changeValidStatus": true}
			steps = append(steps, step{rest.Call{Method: http.MethodPut, Path: path, Body: body, Success: []int{http.StatusOK}}, updateAssociate, "", changedID})
		}
	}
	return steps, nil
}

// parts sorts the values of a patch: those of the profile, the name of the role, and
// whether he is valid. It refuses what is not turned on, and what has no call.
func (w writer) parts(values map[string]any) (profile map[string]any, role string, valid *bool, err error) {
	profile = make(map[string]any)
	needs := make(map[string]bool) // operations
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch value := values[name]; {
		case updatable(name):
			profile[name] = value
			needs["update"] = true
		case name == roleUUID && len(w.reader.roles) > 0:
			if role = w.reader.roles[text(value)]; role == "" {
				return nil, "", nil, errors.New("the role has no name under roleNames: add it there")
			}
		case name == isValid:
			flag, is := value.(bool)
			if !is {
				return nil, "", nil, errors.New("isValid is true or false")
			}
			valid = &flag
			needs["suspend"] = true
		default:
			return nil, "", nil, fmt.Errorf("myKaarma documents no way to change %s", name)
		}
	}
	for _, operation := range slices.Sorted(maps.Keys(needs)) {
		if why := w.cannot(operation); why != "" {
			return nil, "", nil, errors.New(why)
		}
	}
	return profile, role, valid, nil
}

// whole is a profile with all of its fields: those given, and of the others what the
// list shows now. What it does not show would be lost.
func (w writer) whole(ctx context.Context, id string, given map[string]any) (map[string]any, error) {
	users, err := w.reader.list(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(users, func(u listed) bool { return u.ID == id })
	switch {
	case at < 0:
		return nil, fmt.Errorf("%w: the list of all users does not have the id", providers.ErrAbsent)
	case users[at].Unreadable != nil:
		return nil, users[at].Unreadable
	case users[at].address == "":
		return nil, errors.New("an update replaces the whole user, and he is shown to have no address: change him by hand")
	}
	profile := map[string]any{emailAddress: users[at].address}
	for _, f := range fields {
		live := users[at].Attributes[f.name]
		value, stated := given[f.name]
		switch {
		case !f.update || f.name == emailAddress:
		case stated:
			profile[f.name] = value
		case !live.Shown:
			return nil, providers.WithRemedy(fmt.Errorf("an update replaces the whole user, and %s is not shown", f.name), remedyUnlisted(f.name))
		default:
			profile[f.name] = text(live.Data)
		}
	}
	return profile, nil
}
