package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// Finding is what a lookup proved.
type Finding string

// The findings. Unknown means that nothing was proved: it is never taken for
// Absent.
const (
	Found     Finding = "found"
	Absent    Finding = "absent"
	Ambiguous Finding = "ambiguous"
	Unknown   Finding = "unknown"
)

// An Observation is what a lookup proved of one person at one provider.
type Observation struct {
	Finding Finding
	User    *User // when found
	// Candidates are the users among which an ambiguous lookup could not choose.
	Candidates []*User
	// ByID tells that the user was found by the userID of the roster.
	ByID bool
	// ByKnownID tells that the user was found by the id that the ledger has of him.
	ByKnownID bool
	// PinMissing tells that the userID of the roster is unknown to the vendor.
	PinMissing bool
	Err        error // when unknown
	Detail     string
	Remedy     string
	// Steps are the looks at the vendor that led here, in their order.
	Steps []Step
}

// A Step is one look at a vendor, and what it was answered: users, nobody, or an
// error.
type Step struct {
	By    StepBy
	Value string // the id or the address that was asked for
	// InList tells that it was looked for in the list of all users, Second that this
	// was a further one, for whoever the first does not have.
	InList, Second bool
	// Users are those of the answer who may be the person, Others how many it had
	// besides.
	Users  []*User
	Others int
	// Unshown names what is to be compared and what the search did not show.
	Unshown []string
	Err     error // ErrAbsent when it is proven that the id is nobody's
}

// StepBy is by what a step looks.
type StepBy string

// The steps: by the userID of the roster, by the id that the ledger has, by one of the
// addresses, and by the id of the user whom that found, because the search showed too
// little of him. Where nobody is searched for: by the id that he would have been created
// with, and by whether the ledger has him, Err being why that proves nothing.
const (
	ByPin     StepBy = "userID"
	ByKnownID StepBy = "known id"
	ByAddress StepBy = "address"
	ByFoundID StepBy = "id"
	ByOwnID   StepBy = "own id"
	ByLedger  StepBy = "ledger"
)

// A Query is whom to look up.
type Query struct {
	UserID string // that the roster pins, or empty
	// KnownID is the id that the ledger has of him; empty is none. Only is to find
	// nobody but the user with that id.
	KnownID string
	Only    bool
	// IDsOnly is to search for nobody: whoever is not found by an id is taken for absent,
	// unless Unproven says why that would be rash. OwnID is a further id to look by: the
	// one that he would have been created with.
	IDsOnly  bool
	Unproven error
	OwnID    string
	// Young tells that the user with that id was created so short a time ago that a list
	// may not have him yet.
	Young bool
	// Patient is to look again for somebody who may have been created a moment ago.
	Patient bool
	Emails  []string // the wanted address first
	// Stated names the attributes that will be compared: where the search does
	// not show one of them, the user is read once more by id.
	Stated []string
	// ShowEmail is what to do where the addresses of users are not shown; empty is
	// said in general words.
	ShowEmail string
	// Doubtful reports of a hit that what the search left out decides who or what
	// he is, so that he is read once more too; nil is never.
	Doubtful func(*User) bool
}

// Lookup finds a user: by the pinned id, then by each address, and proves absence
// only when every step does. Every hit is compared with the addresses; what the
// vendor answers beyond them proves nothing. It is the one lookup for all
// vendors.
func Lookup(ctx context.Context, reader Reader, q Query) Observation {
	var steps []Step
	o := lookup(ctx, reader, q, &steps)
	o.Steps = steps
	return o
}

func lookup(ctx context.Context, reader Reader, q Query, steps *[]Step) Observation {
	var o Observation
	if q.UserID != "" {
		user, err := byID(ctx, reader, q.UserID)
		*steps = append(*steps, Step{By: ByPin, Value: q.UserID, Users: one(user, err), Err: err})
		switch {
		case err == nil:
			o := pinned(user, q)
			if _, is := reader.(*listing); is && o.Finding == Found {
				return detailed(ctx, reader, q, user, o, steps) // a list may show less than a look by id
			}
			return o
		case rest.NotOpen(err) && !errors.Is(err, ErrAbsent):
			return unknown(WithRemedy(err, "the answer does not prove that there is no such user: check baseURL, and take the userID line out if the id is an old one"))
		case !errors.Is(err, ErrAbsent):
			return unknown(err)
		}
		o.PinMissing = true
	}
	var unproven error // of the known id
	if q.KnownID != "" && q.KnownID != q.UserID {
		user, err := byID(ctx, reader, q.KnownID)
		*steps = append(*steps, Step{By: ByKnownID, Value: q.KnownID, Users: one(user, err), Err: err})
		switch {
		case err == nil && user.ID != q.KnownID:
			return unknown(fmt.Errorf("the vendor answered another user than %s", q.KnownID))
		case err == nil && user.Email == "":
			return unknown(WithRemedy(fmt.Errorf("the address of user %s is not shown", user.ID), q.showEmail()))
		case err == nil:
			o.Finding, o.User, o.ByKnownID = Found, user, true
			if _, is := reader.(*listing); is {
				return detailed(ctx, reader, q, user, o, steps)
			}
			return o
		case errors.Is(err, ErrAbsent) && q.Young && listsAlone(reader):
			unproven = WithRemedy(fmt.Errorf("user %s was created a short while ago, and the list of all users does not have him", q.KnownID), "run again in an hour: if he is not there then, he was deleted")
			if q.Only {
				return unknown(unproven)
			}
		case errors.Is(err, ErrAbsent) && q.Only:
			o.Finding = Absent
			return o
		case errors.Is(err, ErrAbsent):
		case rest.NotOpen(err):
			unproven = err
		default:
			return unknown(err)
		}
	}
	if len(q.Emails) == 0 {
		return unknown(errors.New("there is no address to look for"))
	}
	if q.IDsOnly {
		return unsearched(ctx, reader, q, o, unproven, steps)
	}
	hits, err := searchAll(ctx, reader, q, steps)
	if l, is := reader.(*listing); is && err == nil && len(hits) == 0 {
		if other := l.otherwise(ctx); other != nil {
			hits, err = searchAll(ctx, other, q, steps)
		}
	}
	if err != nil {
		return unknown(err)
	}
	switch len(hits) {
	case 0:
		if unproven != nil {
			return unknown(unproven)
		}
		o.Finding = Absent
		return o
	case 1:
		return detailed(ctx, reader, q, hits[0], o, steps)
	}
	o.Finding, o.Candidates = Ambiguous, hits
	o.Detail = fmt.Sprintf("%d users may be this person: %s", len(hits), nameUsers(hits))
	o.Remedy = pinLines(hits)
	return o
}

// unsearched ends a lookup in which nobody is searched for, after the roster's id and the
// ledger's have found nobody. That the id which he would have is not there proves nothing
// by itself, since the vendors that this is for do not document what such an answer means.
func unsearched(ctx context.Context, reader Reader, q Query, o Observation, unproven error, steps *[]Step) Observation {
	if unproven != nil {
		return unknown(unproven)
	}
	if q.OwnID != "" && q.OwnID != q.KnownID && q.OwnID != q.UserID {
		user, err := byID(ctx, reader, q.OwnID)
		*steps = append(*steps, Step{By: ByOwnID, Value: q.OwnID, Users: one(user, err), Err: err})
		switch {
		case err == nil:
			q.UserID = q.OwnID
			found := pinned(user, q)
			if found.ByID = false; found.Finding == Ambiguous {
				found.Remedy = "give the person the id that is his, or add the address to previousEmails"
			}
			return found
		case !errors.Is(err, ErrAbsent) && !rest.NotOpen(err):
			return unknown(err)
		}
	}
	*steps = append(*steps, Step{By: ByLedger, Value: q.Emails[0], Err: q.Unproven})
	if q.Unproven != nil {
		return unknown(q.Unproven)
	}
	o.Finding = Absent
	return o
}

// searchAll searches for each address. Every user is among the hits once; of those who
// have no id, one answer may have several, and another answer those again.
func searchAll(ctx context.Context, reader Reader, q Query, steps *[]Step) ([]*User, error) {
	var hits []*User
	for _, email := range q.Emails {
		users, err := searchForms(ctx, reader, email, q, steps)
		if err != nil {
			return nil, err
		}
		before := hits
		for _, user := range users {
			known := slices.ContainsFunc(hits, func(h *User) bool { return h.ID != "" && h.ID == user.ID }) ||
				user.ID == "" && slices.ContainsFunc(before, func(h *User) bool { return h.ID == "" && sources.SameEmail(h.Email, user.Email) })
			if !known {
				hits = append(hits, user)
			}
		}
	}
	return hits, nil
}

// one are the users of an answer about one.
func one(user *User, err error) []*User {
	if err != nil {
		return nil
	}
	return []*User{user}
}

// listsAlone reports whether a user can be read in a list alone.
func listsAlone(reader Reader) bool {
	l, is := reader.(*listing)
	return is && l.getter == nil
}

// byID finds a user by the id that the roster pins: in the list where there is one.
func byID(ctx context.Context, reader Reader, id string) (*User, error) {
	if l, is := reader.(*listing); is {
		return l.find(ctx, id)
	}
	return reader.Get(ctx, id)
}

// unknown is the observation of a step that failed.
func unknown(err error) Observation {
	return Observation{Finding: Unknown, Err: err, Detail: err.Error(), Remedy: Remedy(err)}
}

// showEmail is the remedy where addresses are not shown.
func (q Query) showEmail() string {
	return cmp.Or(q.ShowEmail, "let the credentials read the addresses of users")
}

// pinned judges a user found by the id that the roster pins.
func pinned(user *User, q Query) Observation {
	switch {
	case user.ID != q.UserID:
		return unknown(WithRemedy(fmt.Errorf("the vendor answered another user than %s", q.UserID), "write userID exactly as the vendor shows the id, or take the line out"))
	case user.Email == "":
		return unknown(WithRemedy(fmt.Errorf("the address of user %s is not shown", user.ID), q.showEmail()))
	case !carries(user, q.Emails):
		return Observation{
			Finding: Ambiguous, Candidates: []*User{user},
			Detail: fmt.Sprintf("user %s has the address %s, which the roster does not give this person", user.ID, user.Email),
			Remedy: "correct userID, or add the address to previousEmails",
		}
	}
	return Observation{Finding: Found, User: user, ByID: true}
}

func carries(user *User, emails []string) bool {
	return slices.ContainsFunc(user.Addresses(), func(address string) bool {
		return slices.ContainsFunc(emails, func(e string) bool { return sources.SameEmail(e, address) })
	})
}

// Addresses are the user's address and his aliases.
func (u *User) Addresses() []string { return append([]string{u.Email}, u.Aliases...) }

// searchForms searches for the address as it is written and, while that finds
// nobody, in lower case, in the form in which addresses are compared, and in that with
// the domain as people read it: no vendor's search is trusted to ignore case, or to
// know the two forms of a domain.
func searchForms(ctx context.Context, reader Reader, email string, q Query, steps *[]Step) ([]*User, error) {
	l, inList := reader.(*listing)
	second := inList && l.after > 0
	forms := []string{email, strings.ToLower(email)}
	if canonical, err := sources.CanonicalEmail(email); err == nil {
		forms = append(forms, canonical)
	}
	if readable, err := sources.ReadableEmail(email); err == nil {
		forms = append(forms, readable)
	}
	for i, form := range forms {
		if slices.Contains(forms[:i], form) {
			continue
		}
		users, others, err := searchOne(ctx, reader, form, q)
		*steps = append(*steps, Step{By: ByAddress, InList: inList, Second: second, Value: form, Users: users, Others: others, Err: err})
		if err != nil || len(users) > 0 {
			return users, err
		}
	}
	return nil, nil
}

// searchOne keeps the hits that carry an address of the person's. An answer that
// has only others shows that the vendor did not search for it, so it proves
// nothing.
func searchOne(ctx context.Context, reader Reader, email string, q Query) (hits []*User, others int, err error) {
	users, err := reader.Search(ctx, email)
	if err != nil {
		return nil, 0, err
	}
	hits = make([]*User, 0, 1)
	for _, user := range users {
		if carries(user, q.Emails) && user.Unreadable != nil {
			return nil, 0, user.Unreadable
		}
		if carries(user, q.Emails) {
			hits = append(hits, user)
		}
	}
	others = len(users) - len(hits)
	switch {
	case len(hits) > 0 || len(users) == 0:
		return hits, others, nil
	case slices.ContainsFunc(users, func(u *User) bool { return u.Email == "" }):
		return nil, others, WithRemedy(errors.New("the search found users but does not show their addresses"), q.showEmail())
	case len(users) == 1:
		err = errors.New("the search answered a user with another address")
	default:
		err = fmt.Errorf("the search answered %d users with other addresses", len(users))
	}
	return nil, others, WithRemedy(err, "the search is not exact here: pin the person with userID, and tell the vendor")
}

// detailed reads a hit once more by id where the search left out what will be
// compared. What only the search showed is kept.
func detailed(ctx context.Context, reader Reader, q Query, hit *User, o Observation, steps *[]Step) Observation {
	o.Finding, o.User = Found, hit
	var unshown []string
	for _, name := range q.Stated {
		if !hit.Attributes[name].Shown {
			unshown = append(unshown, name)
		}
	}
	if hit.ID == "" || len(unshown) == 0 && (q.Doubtful == nil || !q.Doubtful(hit)) {
		return o
	}
	user, err := reader.Get(ctx, hit.ID)
	*steps = append(*steps, Step{By: ByFoundID, Value: hit.ID, Users: one(user, err), Unshown: unshown, Err: err})
	if err == nil && (user.ID != hit.ID || user.Email != "" && !sources.SameEmail(user.Email, hit.Email)) {
		err = errors.New("the vendor answered another user by id than by address")
	}
	if err != nil {
		return unknown(fmt.Errorf("reading user %s: %w", hit.ID, err))
	}
	both := &User{ID: hit.ID, Email: cmp.Or(user.Email, hit.Email), Aliases: hit.Aliases, State: cmp.Or(user.State, hit.State), Attributes: maps.Clone(hit.Attributes)}
	for name, live := range user.Attributes {
		if live.Shown {
			if both.Attributes == nil {
				both.Attributes = make(map[string]Live)
			}
			both.Attributes[name] = live
		}
	}
	o.User = both
	return o
}

func nameUsers(users []*User) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = cmp.Or(u.ID, "one without an id") + " (" + u.Email + ")"
	}
	return few(names, ", ")
}

// maxNamed is how many of several users a message names.
const maxNamed = 5

// few joins the first of some texts in their order and counts the others.
func few(texts []string, separator string) string {
	slices.Sort(texts)
	if more := len(texts) - maxNamed; more > 0 {
		texts = append(texts[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, separator)
}

// pinLines are the lines that would settle an ambiguous lookup, one a candidate.
func pinLines(users []*User) string {
	var lines []string
	for _, u := range users {
		if u.ID == "" {
			return "see to it at the vendor that only one of them has the address"
		}
		lines = append(lines, "userID: "+u.ID)
	}
	return "add one of these to his access block: " + few(lines, "; ")
}

// WithRemedy adds to an error what a person can do about it.
func WithRemedy(err error, remedy string) error { return &remedyError{err, remedy} }

type remedyError struct {
	err    error
	remedy string
}

func (e *remedyError) Error() string { return e.err.Error() }
func (e *remedyError) Unwrap() error { return e.err }

// Remedy is what a person can do about an error, or "".
func Remedy(err error) string {
	var e *remedyError
	if errors.As(err, &e) {
		return e.remedy
	}
	return ""
}
