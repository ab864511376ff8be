package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"rollcall/sources"
)

// A Check is one thing that was tried at a provider, by reads alone, and what came of
// it.
type Check struct {
	Name    string
	Verdict Verdict
	Detail  string
	Remedy  string // what to do, where it failed
}

// Verdict is what came of a check.
type Verdict string

// The verdicts. What could not be told for lack of somebody to look at is NotTried;
// whatever is in doubt Failed.
const (
	Works    Verdict = "ok"
	Failed   Verdict = "failed"
	NotTried Verdict = "not tried"
)

// nobody is an address that no vendor has a user with: it is of a domain for examples.
const nobody = "rollcall.doctor.nobody@example.com"

// Examine tries each way in which a provider is read: with an address that nobody has,
// and with the first of the given ones that somebody has. It says what can be learned
// of the vendor on the way: whether its search is exact and ignores case, how its list
// comes, what it shows, and which rate limit it tells of. It changes nothing.
func (k *Kind) Examine(ctx context.Context, c *Connection, lookup sources.Lookup, addresses []string) []Check {
	x := &examination{kind: k, connection: c}
	if lookup == sources.LookupList {
		x.list(ctx)
	}
	if lookup == sources.LookupLedger {
		x.add("find", NotTried, "people are looked up by the ids that the ledger has, and nobody is searched for", "")
	} else {
		if k.Finds(sources.LookupSearch) {
			x.search(ctx)
		}
		x.somebody(ctx, addresses)
	}
	if !x.refused && slices.ContainsFunc(x.checks, func(c Check) bool { return c.Verdict == Works }) {
		x.checks = slices.Insert(x.checks, 0, Check{Name: "credentials", Verdict: Works, Detail: "accepted"})
	}
	x.self(ctx)
	x.limits()
	for _, capability := range k.Capabilities {
		if assumable(capability.Operation) == "" || capability.Evidence == Documented {
			continue
		}
		detail := "absent: manual"
		if capability.Evidence == Assumed {
			detail = "assumed, and off: assume: [" + assumable(capability.Operation) + "] turns it on"
			if capability.On {
				detail = "assumed, and on: reading does not show whether it works"
			}
		}
		x.add(capability.Operation, NotTried, detail, "")
	}
	return x.checks
}

type examination struct {
	kind       *Kind
	connection *Connection
	checks     []Check
	listed     []*User
	refused    bool // the credentials
}

func (x *examination) add(name string, verdict Verdict, detail, remedy string) {
	x.checks = append(x.checks, Check{Name: name, Verdict: verdict, Detail: detail, Remedy: remedy})
}

// fail adds a check that did not work. Refused credentials are told once.
func (x *examination) fail(name string, err error) {
	if CredentialsRefused(err) {
		if !x.refused {
			x.add("credentials", Failed, err.Error(), Remedy(err))
		}
		x.refused = true
		return
	}
	x.add(name, Failed, err.Error(), Remedy(err))
}

// self asks whose the credentials are, where the vendor may tell.
func (x *examination) self(ctx context.Context) {
	if _, can := x.connection.reads.(Identifier); !can || x.refused {
		return
	}
	user, err := x.connection.Self(ctx)
	switch {
	case errors.Is(err, ErrAbsent):
		x.add("self", NotTried, "the vendor does not tell whose the credentials are, so nothing but guardrails.protect keeps that user from being removed", "")
	case err != nil:
		x.fail("self", err)
	default:
		x.add("self", Works, "the credentials are those of "+cmp.Or(user.Email, "user "+user.ID)+", who is never removed", "")
	}
}

// list reads all users once.
func (x *examination) list(ctx context.Context) {
	before := x.connection.Requests().Reads
	users, err := x.connection.Lists().List(ctx)
	if err != nil {
		x.fail("list", err)
		return
	}
	x.listed = users
	addresses, twice, unreadable := make(map[string]int), 0, 0
	for _, u := range users {
		addresses[addressKey(u.Email)]++
		if addresses[addressKey(u.Email)] == 2 {
			twice++
		}
		if u.Unreadable != nil {
			unreadable++
		}
	}
	detail := fmt.Sprintf("%d users in %d requests", len(users), x.connection.Requests().Reads-before)
	if twice > 0 {
		detail += fmt.Sprintf("; %d addresses are those of several users, who have to be pinned with userID", twice)
	}
	if unreadable > 0 {
		x.add("list", Failed, fmt.Sprintf("%s; %d of them can not be read", detail, unreadable), "look at the first of them by hand: "+firstUnreadable(users).Error())
		return
	}
	x.add("list", Works, detail, "")
}

func firstUnreadable(users []*User) error {
	for _, u := range users {
		if u.Unreadable != nil {
			return u.Unreadable
		}
	}
	return errors.New("nobody")
}

// search looks for somebody who is not there: an answer with others shows that it is
// not the address that was searched for.
func (x *examination) search(ctx context.Context) {
	o := Lookup(ctx, x.connection.Live, Query{Emails: []string{nobody}})
	switch o.Finding {
	case Absent:
		x.add("search", Works, "an address that nobody has finds nobody", "")
	case Unknown:
		if CredentialsRefused(o.Err) {
			x.fail("search", o.Err)
			return
		}
		x.add("search", Failed, o.Detail, o.Remedy)
	case Found, Ambiguous:
		x.add("search", Failed, "an address that nobody can have finds somebody", "tell the vendor: its search can not be relied on")
	}
}

// somebody looks for the first of the addresses that somebody has, and at what is
// shown of him.
func (x *examination) somebody(ctx context.Context, addresses []string) {
	if x.refused {
		return
	}
	if len(addresses) == 0 && len(x.listed) > 0 {
		addresses = []string{x.listed[0].Email}
	}
	for _, email := range addresses {
		o := Lookup(ctx, x.connection.Reader, Query{Emails: []string{email}})
		if o.Finding == Unknown {
			x.fail("find", o.Err)
			return
		}
		if o.Finding != Found {
			continue
		}
		x.add("find", Works, fmt.Sprintf("%s is user %s", email, o.User.ID), "")
		if x.kind.Finds(sources.LookupSearch) {
			x.letters(ctx, o.User)
		}
		x.byID(ctx, o.User)
		return
	}
	x.add("find", NotTried, "nobody of those who were looked for is there, so that it is not known what is shown of users", "")
}

// letters looks for the user's address in the other case, and for one that his begins
// with.
func (x *examination) letters(ctx context.Context, user *User) {
	other := swapCase(user.Email)
	users, err := x.connection.Live.Search(ctx, other)
	has := slices.ContainsFunc(users, func(u *User) bool { return u.ID == user.ID })
	switch {
	case err != nil:
		x.fail("case", err)
	case has:
		x.add("case", Works, "the search ignores case", "")
	default:
		x.add("case", Works, "the search tells capitals apart, so rollcall asks for an address as it is written and in lower case", "")
	}
	local, domain, _ := strings.Cut(user.Email, "@")
	runes := []rune(local)
	if len(runes) < 2 {
		return
	}
	users, err = x.connection.Live.Search(ctx, string(runes[:len(runes)-1])+"@"+domain)
	has = slices.ContainsFunc(users, func(u *User) bool { return u.ID == user.ID })
	switch {
	case err != nil:
		x.fail("filter", err)
	case has:
		x.add("filter", Works, "the search answers addresses that are only like the one asked for, so rollcall compares each", "")
	default:
		x.add("filter", Works, "the search is exact", "")
	}
}

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, text)
}

// byID reads the user by his id, and says which attributes are shown of him.
func (x *examination) byID(ctx context.Context, user *User) {
	if user.ID == "" {
		x.add("read", NotTried, "the user has no id that rollcall knows him by", "")
		return
	}
	read, err := x.connection.Live.Get(ctx, user.ID)
	if err != nil {
		x.fail("read", err)
		return
	}
	shown := maps.Clone(user.Attributes)
	if shown == nil {
		shown = make(map[string]Live)
	}
	for name, live := range read.Attributes {
		if live.Shown {
			shown[name] = live
		}
	}
	var unshown []string
	remedy := ""
	for _, a := range x.kind.Attributes {
		if a.Mode == CreateOnly || a.Sensitive || shown[a.Name].Shown {
			continue
		}
		unshown = append(unshown, a.Name)
		if remedy == "" {
			remedy = x.kind.Remedies[a.Name]
		}
	}
	if len(unshown) == 0 {
		x.add("read", Works, "all that a roster can state is shown of him", "")
		return
	}
	detail := "not shown of him: " + strings.Join(unshown, ", ") + "; what the roster states of it is held"
	if remedy != "" {
		detail += " (" + remedy + ")"
	}
	x.add("read", Works, detail, "")
}

// limits says what the vendor told of its rate limit.
func (x *examination) limits() {
	seen := x.connection.Limits()
	if len(seen) == 0 {
		x.add("rate", Works, "no header tells of a limit; rollcall keeps to its own", "")
		return
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		parts = append(parts, name+": "+seen[name])
	}
	x.add("rate", Works, strings.Join(parts, ", "), "")
}
