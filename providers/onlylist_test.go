package providers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/sources"
)

// onlyList is a vendor that has a list and nothing else; listAndGet can read one user
// too.
type (
	onlyList   struct{ v *listed }
	listAndGet struct{ v *listed }
)

func (o onlyList) List(ctx context.Context) ([]*User, error)           { return o.v.List(ctx) }
func (o listAndGet) List(ctx context.Context) ([]*User, error)         { return o.v.List(ctx) }
func (o listAndGet) Get(ctx context.Context, id string) (*User, error) { return o.v.Get(ctx, id) }

// withoutSearch connects to a vendor that can not search, whose list comes in pages of
// that size; 0 is all at once.
func withoutSearch(t *testing.T, page int, reads func(*listed) any, users ...string) (*listed, *Connection) {
	t.Helper()
	v := &listed{users: make(map[string]*User)}
	for i := 0; i+1 < len(users); i += 2 {
		v.put(users[i], users[i+1])
	}
	kind := &Kind{
		Title: "Acme", Lookups: []sources.Lookup{sources.LookupList}, ListPage: page,
		Open: func(context.Context, Settings) (*Connection, error) { return &Connection{reads: reads(v)}, nil },
	}
	c, err := kind.Connect(t.Context(), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return v, c
}

func justList(v *listed) any { return onlyList{v} }
func listGet(v *listed) any  { return listAndGet{v} }

// One list serves a whole plan, and proves absence where it comes at once.
func TestListAlone(t *testing.T) {
	v, c := withoutSearch(t, 0, justList, "U-1", "Ana@Example.com", "U-2", "bo@example.com", "U-3", "bo.old@example.com")
	for _, test := range []struct {
		query Query
		want  string
		pin   bool // it is missing
	}{
		{Query{Emails: []string{"ana@example.com"}}, "found U-1", false},
		{Query{Emails: []string{"nobody@example.com"}}, "absent", false},
		{Query{Emails: []string{"bo@example.com", "bo.old@example.com"}}, "ambiguous", false},
		{Query{UserID: "U-2", Emails: []string{"bo@example.com"}}, "found U-2", false},
		{Query{UserID: "U-2", Emails: []string{"ana@example.com"}}, "ambiguous", false},
		{Query{UserID: "U-9", Emails: []string{"ana@example.com"}}, "found U-1", true},
		{Query{UserID: "U-9", Emails: []string{"kim@example.com"}}, "absent", true},
		{Query{Emails: []string{"ana@example.com"}, Stated: []string{"elsewhere"}}, "found U-1", false},
	} {
		o := Lookup(t.Context(), c.Reader, test.query)
		if found(o) != test.want || o.PinMissing != test.pin {
			t.Errorf("%v: %s, want %s", test.query, found(o), test.want)
		}
	}
	if lists, _ := v.counts(); lists != 1 {
		t.Errorf("%d lists, want 1", lists)
	}
	for _, id := range []string{"", " ", ".", ".."} {
		if _, err := c.Reader.Get(t.Context(), id); err == nil || errors.Is(err, ErrAbsent) {
			t.Errorf("the id %q: %v", id, err)
		}
	}
}

// Whoever a list that comes in pages does not have is looked for in a second one, which
// serves everybody: he may have been on no page while others came and went.
func TestSecondListProvesAbsence(t *testing.T) {
	v, c := withoutSearch(t, 2, listGet, "U-1", "ana@example.com", "U-2", "bo@example.com", "U-3", "cy@example.com")
	for email, want := range map[string]string{"ana@example.com": "found U-1", "nobody@example.com": "absent", "noone@example.com": "absent"} {
		if got := found(ask(c, email)); got != want {
			t.Errorf("%s: %s, want %s", email, got, want)
		}
	}
	if lists, _ := v.counts(); lists != 2 {
		t.Errorf("%d lists, want 2", lists)
	}
	// A list that one answer holds can not have changed while it was read.
	v, c = withoutSearch(t, 4, listGet, "U-1", "ana@example.com")
	if got := found(ask(c, "nobody@example.com")); got != "absent" || v.lists != 1 {
		t.Errorf("%s after %d lists", got, v.lists)
	}
}

// A look at the vendor as it is now takes one list where one answer holds it, and two
// where it comes in pages.
func TestListsOfALook(t *testing.T) {
	for page, want := range map[int]int{0: 1, 4: 1, 1: 2} {
		v, c := withoutSearch(t, page, listGet, "U-1", "ana@example.com", "U-2", "bo@example.com")
		o := Lookup(t.Context(), c.Live, Query{Emails: []string{"nobody@example.com"}})
		if lists, _ := v.counts(); o.Finding != Absent || lists != want {
			t.Errorf("pages of %d: %s after %d lists, want %d", page, o.Finding, lists, want)
		}
	}
}

func TestMissedByTheFirstList(t *testing.T) {
	v, c := withoutSearch(t, 1, listGet, "U-1", "ana@example.com", "U-2", "bo@example.com")
	v.unlisted = "U-2"
	if got := found(ask(c, "ana@example.com")); got != "found U-1" {
		t.Fatal(got)
	}
	v.unlisted = ""
	if got := found(ask(c, "bo@example.com")); got != "found U-2" {
		t.Error(got)
	}
	// A second list that can not be read proves nothing.
	v, c = withoutSearch(t, 1, listGet, "U-1", "ana@example.com")
	v.fail = []error{nil, errors.New("503")}
	if o := ask(c, "bo@example.com"); o.Finding != Unknown {
		t.Errorf("%+v", o)
	}
}

// What is looked at after a write is a list that was begun after it; those who look at
// the same time share one.
func TestNewLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, c := withoutSearch(t, 0, justList, "U-1", "ana@example.com")
		v.takes = time.Second
		if got := found(ask(c, "ana@example.com")); got != "found U-1" {
			t.Fatal(got)
		}
		v.put("U-2", "bo@example.com")
		if user, err := c.Live.Get(t.Context(), "U-2"); err != nil || user.Email != "bo@example.com" {
			t.Errorf("%v, %v", user, err)
		}
		if got := found(Lookup(t.Context(), c.Live, Query{Emails: []string{"bo@example.com"}})); got != "found U-2" {
			t.Error(got)
		}
		before, _ := v.counts()
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				time.Sleep(time.Duration(i%2) * 500 * time.Millisecond) // half of them come while a list is read
				id := fmt.Sprintf("N-%d", i)
				v.put(id, id+"@example.com")
				if _, err := c.Live.Get(t.Context(), id); err != nil {
					t.Errorf("%s is not in a list that was begun after him: %v", id, err)
				}
			})
		}
		all.Wait()
		if lists, _ := v.counts(); lists-before != 2 {
			t.Errorf("%d lists for 40 looks at two moments", lists-before)
		}
	})
}

// A look again before a change takes a list of the last minute, but none that failed.
func TestRecentLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, c := withoutSearch(t, 0, justList, "U-1", "ana@example.com")
		look := func() string { return found(Lookup(t.Context(), c.Recent, Query{Emails: []string{"ana@example.com"}})) }
		for _, step := range []struct {
			wait  time.Duration
			fails error
			want  string
			lists int
		}{
			{0, nil, "found U-1", 1},
			{59 * time.Second, nil, "found U-1", 1},
			{time.Second, errors.New("503"), "unknown", 2},
			{0, nil, "found U-1", 3},
		} {
			time.Sleep(step.wait)
			v.fail = []error{step.fails}
			if got := look(); got != step.want || v.lists != step.lists {
				t.Errorf("%s after %d lists, want %s after %d", got, v.lists, step.want, step.lists)
			}
		}
	})
}

// A vendor without a search is not asked to search, and one without a list not to list.
func TestConnectAbilities(t *testing.T) {
	v := &listed{}
	for name, test := range map[string]struct {
		reads   any
		lookups []sources.Lookup
		lookup  sources.Lookup
		says    string
	}{
		"list by default":       {onlyList{v}, []sources.Lookup{sources.LookupList}, "", ""},
		"search of a list":      {listAndGet{v}, []sources.Lookup{sources.LookupList}, sources.LookupSearch, "Acme has no search: set lookup: list"},
		"search by default":     {v, []sources.Lookup{sources.LookupSearch, sources.LookupList}, "", ""},
		"list where both are":   {v, []sources.Lookup{sources.LookupSearch, sources.LookupList}, sources.LookupList, ""},
		"list where none is":    {onlyReader{}, []sources.Lookup{sources.LookupSearch}, sources.LookupList, "Acme has no list of all users: set lookup: search"},
		"nothing is said of it": {onlyReader{}, nil, "", ""},
	} {
		kind := &Kind{Title: "Acme", Lookups: test.lookups, Open: func(context.Context, Settings) (*Connection, error) { return &Connection{reads: test.reads}, nil }}
		c, err := kind.Connect(t.Context(), Settings{Config: sources.ProviderConfig{Lookup: test.lookup}})
		if err == nil != (test.says == "") || err != nil && err.Error() != test.says {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (c.Reader == nil || c.Live == nil || c.Recent == nil) {
			t.Errorf("%s: something can not be read: %+v", name, c)
		}
	}
}
