package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A vendor is a Reader that answers from memory and remembers what it was asked.
type vendor struct {
	byID     map[string]any   // a *User, or an error; others are absent
	byEmail  map[string][]any // the users, or one error
	asked    []string
	anywhere []*User // what every search answers besides
}

func (v *vendor) Get(_ context.Context, id string) (*User, error) {
	v.asked = append(v.asked, "get "+id)
	switch answer := v.byID[id].(type) {
	case *User:
		return answer, nil
	case error:
		return nil, answer
	default:
		return nil, fmt.Errorf("%w: GET %s: 404", ErrAbsent, id)
	}
}

func (v *vendor) Search(_ context.Context, email string) ([]*User, error) {
	v.asked = append(v.asked, "search "+email)
	users := slices.Clone(v.anywhere)
	for _, answer := range v.byEmail[email] {
		switch answer := answer.(type) {
		case *User:
			users = append(users, answer)
		case error:
			return nil, answer
		}
	}
	return users, nil
}

func user(id, email string, shown ...string) *User {
	u := &User{ID: id, Email: email, Attributes: make(map[string]Live)}
	for _, pair := range shown {
		name, value, _ := strings.Cut(pair, "=")
		u.Attributes[name] = Show(value)
	}
	return u
}

const now, before, older = "ana@example.com", "ana.souza@example.com", "a.souza@example.com"

// The lookup order, and what each step proves.
func TestLookup(t *testing.T) {
	broken := WithRemedy(errors.New("GET /users: 503"), "wait")
	all := []string{now, before, older}
	everywhere := []string{"search " + now, "search " + before, "search " + older}
	for _, test := range []struct {
		name    string
		vendor  vendor
		pin     string
		emails  []string
		stated  []string
		finding Finding
		userID  string
		byID    bool
		missing bool
		asked   []string
		says    string
		remedy  string
	}{
		{name: "nobody", emails: all, finding: Absent, asked: everywhere},
		{
			name: "by the wanted address", emails: all, finding: Found, userID: "U-1", asked: everywhere,
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}}},
		},
		{
			name: "by a previous address", emails: all, finding: Found, userID: "U-1", asked: everywhere,
			vendor: vendor{byEmail: map[string][]any{older: {user("U-1", older)}}},
		},
		{
			name: "old and new address, two users", emails: all, finding: Ambiguous, asked: everywhere,
			vendor: vendor{byEmail: map[string][]any{now: {user("U-2", now)}, before: {user("U-1", before)}}},
			says:   "2 users may be this person: U-1 (" + before + "), U-2 (" + now + ")", remedy: "userID: U-1; userID: U-2",
		},
		{
			name: "old and new address, one user", emails: all, finding: Found, userID: "U-1", asked: everywhere,
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}, before: {user("U-1", now)}}},
		},
		{
			name: "the old address finds the user by his new one alone", emails: all, finding: Found, userID: "U-1", asked: everywhere,
			vendor: vendor{byEmail: map[string][]any{before: {user("U-1", now)}}},
		},
		{
			name: "two users with one address", emails: []string{now}, finding: Ambiguous, asked: everywhere[:1],
			vendor: vendor{byEmail: map[string][]any{now: {user("U-9", "Ana@Example.com"), user("U-1", now)}}},
			says:   "U-1 (" + now + "), U-9 (Ana@Example.com)", remedy: "add one of these to his access block: userID: U-1; userID: U-9",
		},
		{
			name: "one user twice, as overlapping pages have it", emails: []string{now}, finding: Found, userID: "U-1", asked: everywhere[:1],
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now), user("U-1", now)}}},
		},
		{
			name: "a hit among others", emails: []string{now}, finding: Found, userID: "U-1", asked: everywhere[:1],
			vendor: vendor{anywhere: []*User{user("U-2", "bill@example.com")}, byEmail: map[string][]any{now: {user("U-1", now)}}},
		},
		{
			name: "others alone", emails: all, finding: Unknown, asked: everywhere[:1], says: "answered 2 users with other addresses", remedy: "pin the person with userID",
			vendor: vendor{anywhere: []*User{user("U-2", "bill@example.com"), user("U-3", "joxe@example.com")}},
		},
		{
			name: "one other alone", emails: all, finding: Unknown, asked: everywhere[:1], says: "a user with another address", remedy: "pin the person with userID",
			vendor: vendor{anywhere: []*User{user("U-2", "bill@example.com")}},
		},
		{
			name: "hits that show no address", emails: all, finding: Unknown, asked: everywhere[:1], says: "does not show their addresses", remedy: "let the credentials read the addresses of users",
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", "")}}},
		},
		{
			name: "the first search fails", emails: all, finding: Unknown, asked: everywhere[:1], says: "503", remedy: "wait",
			vendor: vendor{byEmail: map[string][]any{now: {broken}}},
		},
		{
			name: "the last search fails after a hit", emails: all, finding: Unknown, asked: everywhere, says: "503", remedy: "wait",
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}, older: {broken}}},
		},
		{
			name: "a search that tells of absence proves nothing", emails: all, finding: Unknown, asked: everywhere[:1], says: "no such user",
			vendor: vendor{byEmail: map[string][]any{now: {fmt.Errorf("%w", ErrAbsent)}}},
		},
		{name: "no address to look for", finding: Unknown, says: "no address"},

		{
			name: "by the pinned id", pin: "U-1", emails: all, finding: Found, userID: "U-1", byID: true, asked: []string{"get U-1"},
			vendor: vendor{byID: map[string]any{"U-1": user("U-1", now)}, byEmail: map[string][]any{now: {user("U-2", now)}}},
		},
		{
			name: "by the pinned id, previous address in another case", pin: "U-1", emails: all, finding: Found, userID: "U-1", byID: true, asked: []string{"get U-1"},
			vendor: vendor{byID: map[string]any{"U-1": user("U-1", "A.SOUZA@example.COM")}},
		},
		{
			name: "the pinned user shows less than is stated: one GET is all", pin: "U-1", emails: all, stated: []string{"role"}, finding: Found, userID: "U-1", byID: true, asked: []string{"get U-1"},
			vendor: vendor{byID: map[string]any{"U-1": user("U-1", now)}},
		},
		{
			name: "the pinned user has another address", pin: "U-1", emails: all, finding: Ambiguous, asked: []string{"get U-1"},
			vendor: vendor{byID: map[string]any{"U-1": user("U-1", "bill@example.com")}, byEmail: map[string][]any{now: {user("U-2", now)}}},
			says:   "user U-1 has the address bill@example.com", remedy: "correct userID, or add the address to previousEmails",
		},
		{
			name: "the pinned user shows no address", pin: "U-1", emails: all, finding: Unknown, asked: []string{"get U-1"},
			vendor: vendor{byID: map[string]any{"U-1": user("U-1", "")}}, says: "the address of user U-1 is not shown", remedy: "let the credentials read the addresses of users",
		},
		{
			name: "the id finds another user", pin: "me", emails: all, finding: Unknown, asked: []string{"get me"},
			vendor: vendor{byID: map[string]any{"me": user("U-1", now)}}, says: "another user than me", remedy: "write userID exactly",
		},
		{
			name: "the pinned id fails", pin: "U-1", emails: all, finding: Unknown, asked: []string{"get U-1"}, says: "503", remedy: "wait",
			vendor: vendor{byID: map[string]any{"U-1": broken}, byEmail: map[string][]any{now: {user("U-1", now)}}},
		},
		{name: "the pinned id is unknown, and nobody", pin: "U-1", emails: all, finding: Absent, missing: true, asked: append([]string{"get U-1"}, everywhere...)},
		{
			name: "the pinned id is unknown, by address", pin: "U-1", emails: all, finding: Found, userID: "U-2", missing: true, asked: append([]string{"get U-1"}, everywhere...),
			vendor: vendor{byEmail: map[string][]any{now: {user("U-2", now)}}},
		},
		{
			name: "the pinned id is unknown, two by address", pin: "U-1", emails: all[:2], finding: Ambiguous, missing: true, asked: append([]string{"get U-1"}, everywhere[:2]...),
			vendor: vendor{byEmail: map[string][]any{now: {user("U-2", now)}, before: {user("U-3", before)}}}, remedy: "userID: U-2",
		},
		{
			name: "the pinned id is unknown, and the search fails", pin: "U-1", emails: all, finding: Unknown, asked: append([]string{"get U-1"}, everywhere[:1]...),
			vendor: vendor{byEmail: map[string][]any{now: {broken}}}, says: "503",
		},

		{
			name: "another case of the address", emails: []string{"Ana@Example.com"}, finding: Found, userID: "U-1", asked: []string{"search Ana@Example.com"},
			vendor: vendor{byEmail: map[string][]any{"Ana@Example.com": {user("U-1", "aNA@eXAMPLE.com")}}},
		},
		{
			name: "lower case after as it is written", emails: []string{"Ana@Example.com"}, finding: Found, userID: "U-1", asked: []string{"search Ana@Example.com", "search " + now},
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}}},
		},
		{
			name: "lower case fails", emails: []string{"Ana@Example.com"}, finding: Unknown, asked: []string{"search Ana@Example.com", "search " + now},
			vendor: vendor{byEmail: map[string][]any{now: {broken}}}, says: "503",
		},
		{
			name: "the two forms of a domain", emails: []string{"ana@bücher.example"}, finding: Found, userID: "U-1", asked: []string{"search ana@bücher.example", "search ana@xn--bcher-kva.example"},
			vendor: vendor{byEmail: map[string][]any{"ana@xn--bcher-kva.example": {user("U-1", "ana@xn--bcher-kva.example")}}},
		},
		{
			name: "the domain as people read it", emails: []string{"Ana@XN--BCHER-KVA.example"}, finding: Found, userID: "U-1",
			asked:  []string{"search Ana@XN--BCHER-KVA.example", "search ana@xn--bcher-kva.example", "search ana@bücher.example"},
			vendor: vendor{byEmail: map[string][]any{"ana@bücher.example": {user("U-1", "ana@bücher.example")}}},
		},
		{
			name: "lower case of an international domain", emails: []string{"Ana@BÜCHER.example"}, finding: Found, userID: "U-1", asked: []string{"search Ana@BÜCHER.example", "search ana@bücher.example"},
			vendor: vendor{byEmail: map[string][]any{"ana@bücher.example": {user("U-1", "ana@bücher.example")}}},
		},

		{
			name: "what is stated is shown: no GET", emails: []string{now}, stated: []string{"role", "name"}, finding: Found, userID: "U-1", asked: everywhere[:1],
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now, "role=", "name=x")}}},
		},
		{
			name: "what is not shown is not stated: no GET", emails: []string{now}, stated: []string{"name"}, finding: Found, userID: "U-1", asked: everywhere[:1],
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now, "name=x")}}, byID: map[string]any{"U-1": broken}},
		},
		{
			name: "the GET fails", emails: []string{now}, stated: []string{"role"}, finding: Unknown, asked: []string{"search " + now, "get U-1"}, says: "reading user U-1: GET /users: 503", remedy: "wait",
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}}, byID: map[string]any{"U-1": broken}},
		},
		{
			name: "the GET finds nobody", emails: []string{now}, stated: []string{"role"}, finding: Unknown, asked: []string{"search " + now, "get U-1"}, says: "reading user U-1: no such user",
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}}},
		},
		{
			name: "the GET finds another id", emails: []string{now}, stated: []string{"role"}, finding: Unknown, asked: []string{"search " + now, "get U-1"}, says: "another user by id",
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}}, byID: map[string]any{"U-1": user("U-2", now)}},
		},
		{
			name: "the GET finds another address", emails: []string{now, before}, stated: []string{"role"}, finding: Unknown, asked: []string{"search " + now, "search " + before, "get U-1"}, says: "another user by id",
			vendor: vendor{byEmail: map[string][]any{now: {user("U-1", now)}}, byID: map[string]any{"U-1": user("U-1", before)}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Lookup(t.Context(), &test.vendor, Query{UserID: test.pin, Emails: test.emails, Stated: test.stated})
			if o.Finding != test.finding || o.ByID != test.byID || o.PinMissing != test.missing {
				t.Errorf("%s, by id %v, pin missing %v: %s", o.Finding, o.ByID, o.PinMissing, o.Detail)
			}
			if found := o.User; (found != nil) != (test.userID != "") || found != nil && found.ID != test.userID {
				t.Errorf("user %+v", found)
			}
			if diff := cmp.Diff(test.asked, test.vendor.asked); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(o.Detail, test.says) || !strings.Contains(o.Remedy, test.remedy) || test.says == "" && o.Finding == Found && o.Detail+o.Remedy != "" {
				t.Errorf("detail %q, remedy %q", o.Detail, o.Remedy)
			}
			if (o.Finding == Unknown) != (o.Err != nil) || (o.Finding == Ambiguous) != (len(o.Candidates) > 0) {
				t.Errorf("%s with error %v and candidates %v", o.Finding, o.Err, o.Candidates)
			}
		})
	}
}

// The GET adds what the search did not show, and what only the search showed
// stays. Neither answer is changed: a reader may keep them.
func TestLookupUnitesAnswers(t *testing.T) {
	hit, detail := user("U-1", now, "name=old", "nick=x"), user("U-1", "", "name=new", "role=admin")
	detail.Attributes["nick"] = Live{}
	v := &vendor{byEmail: map[string][]any{now: {hit}}, byID: map[string]any{"U-1": detail}}
	o := Lookup(t.Context(), v, Query{Emails: []string{now}, Stated: []string{"role"}})
	if diff := cmp.Diff(user("U-1", now, "name=new", "nick=x", "role=admin"), o.User); diff != "" {
		t.Error(diff)
	}
	if len(hit.Attributes) != 2 || len(detail.Attributes) != 3 || detail.Email != "" {
		t.Error("an answer was changed")
	}
	bare := &vendor{byEmail: map[string][]any{now: {&User{ID: "U-1", Email: now}}}, byID: map[string]any{"U-1": &User{ID: "U-1", Email: now}}}
	if o := Lookup(t.Context(), bare, Query{Emails: []string{now}, Stated: []string{"role"}}); o.Finding != Found || o.User.Attributes["role"].Shown {
		t.Errorf("%+v", o)
	}
}

// A hit that is in doubt is read once more too, whatever is stated.
func TestLookupOfDoubtfulHit(t *testing.T) {
	for name, asked := range map[string][]string{"role=": {"search " + now, "get U-1"}, "role=x": {"search " + now}} {
		v := &vendor{byEmail: map[string][]any{now: {user("U-1", now, name)}}, byID: map[string]any{"U-1": user("U-1", now, "role=", "place=here")}}
		o := Lookup(t.Context(), v, Query{Emails: []string{now}, Doubtful: func(u *User) bool { return u.Attributes["role"].Data == nil }})
		if diff := cmp.Diff(asked, v.asked); diff != "" || o.Finding != Found || o.User.Attributes["place"].Shown != (len(asked) > 1) {
			t.Errorf("%s: %+v\n%s", name, o, diff)
		}
	}
}

// Whatever a vendor answers, these hold: nobody is taken for the person who does
// not carry one of his addresses; absence needs every answer to be a success
// without a user; and what is found does not depend on the order in which a
// search answers.
func TestLookupProperties(t *testing.T) {
	addresses := []string{now, before, "ANA@example.com", "bill@example.com", ""}
	rapid.Check(t, func(t *rapid.T) {
		emailOf := map[string]string{}
		for _, id := range []string{"U-1", "U-2"} {
			emailOf[id] = rapid.SampledFrom(addresses).Draw(t, "email of "+id)
		}
		answers := func(label string) []any {
			if rapid.IntRange(0, 5).Draw(t, label+" fails") == 0 {
				return []any{errors.New("503")}
			}
			var list []any
			for range rapid.IntRange(0, 3).Draw(t, label) {
				id := rapid.SampledFrom([]string{"U-1", "U-2"}).Draw(t, "id")
				list = append(list, user(id, emailOf[id]))
			}
			return list
		}
		v := &vendor{byEmail: map[string][]any{now: answers("new"), before: answers("old")}, byID: map[string]any{}}
		q := Query{Emails: []string{now, before}}
		switch rapid.IntRange(0, 3).Draw(t, "pin") {
		case 0:
			q.UserID = "U-1"
			v.byID["U-1"] = user("U-1", emailOf["U-1"])
		case 1:
			q.UserID = "U-3"
		}
		o := Lookup(context.Background(), v, q)
		quiet := true
		for _, list := range v.byEmail {
			quiet = quiet && len(list) == 0
		}
		switch o.Finding {
		case Found:
			if !carries(o.User, q.Emails) {
				t.Fatalf("%+v is taken for the person", o.User)
			}
		case Absent:
			if !quiet || q.UserID == "U-1" {
				t.Fatal("absent although somebody was answered, or nobody answered")
			}
		case Ambiguous, Unknown:
			if quiet && q.UserID != "U-1" {
				t.Fatalf("%s: %s", o.Finding, o.Detail)
			}
		}
		for email := range v.byEmail {
			slices.Reverse(v.byEmail[email])
		}
		again := Lookup(context.Background(), v, q)
		if again.Finding != o.Finding || again.Detail != o.Detail || again.Remedy != o.Remedy {
			t.Fatalf("%s %q, and in the other order %s %q", o.Finding, o.Detail, again.Finding, again.Detail)
		}
	})
}
