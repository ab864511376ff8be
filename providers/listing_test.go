package providers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A vendor of a few users, who can be listed.
type listed struct {
	mu    sync.Mutex
	users map[string]*User
	lists int
	gets  int

	searches    int
	searchFails error
	unlisted    string // id of one whom no list shows
	unshown     string // an attribute that no list shows

	fail   []error       // of the next lists; nil is none
	takes  time.Duration // that a list takes
	onList func()
}

func (v *listed) List(ctx context.Context) ([]*User, error) {
	v.mu.Lock()
	v.lists++
	var err error
	if len(v.fail) > 0 {
		err, v.fail = v.fail[0], v.fail[1:]
	}
	var all []*User
	for _, u := range v.users {
		copied := *u
		copied.Attributes = maps.Clone(u.Attributes)
		delete(copied.Attributes, v.unshown)
		if u.ID != v.unlisted {
			all = append(all, &copied)
		}
	}
	onList := v.onList
	v.mu.Unlock()
	if onList != nil {
		onList()
	}
	if v.takes > 0 {
		select {
		case <-time.After(v.takes):
		case <-ctx.Done():
			return nil, &rest.Error{Kind: rest.KindCanceled, Err: ctx.Err()}
		}
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (v *listed) Get(_ context.Context, id string) (*User, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gets++
	if u := v.users[id]; u != nil {
		copied := *u
		return &copied, nil
	}
	return nil, fmt.Errorf("%w: 404", ErrAbsent)
}

func (v *listed) Search(_ context.Context, email string) ([]*User, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.searches++
	var hits []*User
	for _, u := range v.users {
		if sources.SameEmail(u.Email, email) {
			hits = append(hits, u)
		}
	}
	return hits, v.searchFails
}

func (v *listed) put(id, email string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users[id] = &User{ID: id, Email: email, Attributes: map[string]Live{"role": Show("R")}}
}

func (v *listed) remove(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.users, id)
}

func (v *listed) counts() (lists, gets int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lists, v.gets
}

// listedBy connects to a vendor by list.
func listedBy(t *testing.T, users ...string) (*listed, *Connection) {
	t.Helper()
	v := &listed{users: make(map[string]*User)}
	for i := 0; i+1 < len(users); i += 2 {
		v.put(users[i], users[i+1])
	}
	kind := &Kind{Title: "Acme", Open: func(context.Context, Settings) (*Connection, error) {
		return &Connection{reads: v}, nil
	}}
	c, err := kind.Connect(t.Context(), Settings{Config: sources.ProviderConfig{Lookup: sources.LookupList}})
	if err != nil {
		t.Fatal(err)
	}
	return v, c
}

func found(o Observation) string {
	if o.User == nil {
		return string(o.Finding)
	}
	return string(o.Finding) + " " + o.User.ID
}

func ask(c *Connection, emails ...string) Observation {
	return Lookup(context.Background(), c.Reader, Query{Emails: emails})
}

func TestListingLookups(t *testing.T) {
	v, c := listedBy(t, "U-1", "Ana@Example.com", "U-2", "bo@example.com", "U-3", "bo.old@example.com", "U-4", "x@bücher.example")
	for _, test := range []struct {
		query Query
		want  string
	}{
		{Query{Emails: []string{"ana@example.com"}}, "found U-1"},
		{Query{Emails: []string{"ANA@EXAMPLE.COM"}}, "found U-1"},
		{Query{Emails: []string{"x@xn--bcher-kva.example"}}, "found U-4"},
		{Query{Emails: []string{"an@example.com"}}, "absent"},
		{Query{Emails: []string{"bo@example.com", "bo.old@example.com"}}, "ambiguous"},
		{Query{Emails: []string{"new@example.com", "bo.old@example.com"}}, "found U-3"},
		{Query{UserID: "U-1", Emails: []string{"ana@example.com"}}, "found U-1"},
		{Query{UserID: "U-2", Emails: []string{"ana@example.com"}}, "ambiguous"},
	} {
		if got := found(Lookup(t.Context(), c.Reader, test.query)); got != test.want {
			t.Errorf("%v: %s, want %s", test.query, got, test.want)
		}
	}
	if lists, gets := v.counts(); lists != 1 || gets != 0 {
		t.Errorf("%d lists and %d gets, want 1 and 0", lists, gets)
	}
	// A pinned id that the list does not have is asked for: the list may not show
	// everybody whom the vendor knows.
	v.put("U-9", "zoe@example.com")
	if got := found(Lookup(t.Context(), c.Reader, Query{UserID: "U-9", Emails: []string{"zoe@example.com"}})); got != "found U-9" {
		t.Error(got)
	}
	if o := Lookup(t.Context(), c.Reader, Query{UserID: "U-8", Emails: []string{"kim@example.com"}}); o.Finding != Absent || !o.PinMissing {
		t.Errorf("%+v", o)
	}
}

// Somebody may be known by further addresses, and is found by each of them once.
func TestListingAliases(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com", "U-2", "bo@example.com", "U-3", "")
	v.users["U-1"].Aliases = []string{"a.souza@example.com", "Ana@Example.com"}
	v.users["U-2"].Aliases = []string{"Ana@example.com"}
	v.users["U-3"].Aliases = []string{"zoe@example.com"}
	for _, test := range []struct {
		query Query
		want  string
	}{
		{Query{Emails: []string{"A.Souza@example.com"}}, "found U-1"},
		{Query{Emails: []string{"bo@example.com"}}, "found U-2"},
		{Query{Emails: []string{"zoe@example.com"}}, "found U-3"},
		{Query{Emails: []string{"ana@example.com"}}, "ambiguous"},
		{Query{Emails: []string{"bo@example.com", "a.souza@example.com"}}, "ambiguous"},
		{Query{UserID: "U-2", Emails: []string{"ana@example.com"}}, "found U-2"},
		{Query{UserID: "U-2", Emails: []string{"a.souza@example.com"}}, "ambiguous"},
	} {
		if got := found(Lookup(t.Context(), c.Reader, test.query)); got != test.want {
			t.Errorf("%v: %s, want %s", test.query, got, test.want)
		}
	}
	if users, err := c.Reader.Search(t.Context(), "ana@example.com"); err != nil || len(users) != 2 {
		t.Errorf("%v %v", users, err)
	}
}

// listedAlone connects to a vendor whose list is all that it has, in one answer or in
// pages.
func listedAlone(t *testing.T, v *listed, page int) *Connection {
	t.Helper()
	kind := &Kind{Title: "Acme", ListPage: page, Open: func(context.Context, Settings) (*Connection, error) {
		return &Connection{reads: struct{ Lister }{v}}, nil
	}}
	c, err := kind.Connect(t.Context(), Settings{Config: sources.ProviderConfig{Lookup: sources.LookupList}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A list that is one answer proves who is not there by itself, however new it has to be.
func TestOneAnswerProvesAbsence(t *testing.T) {
	for page, want := range map[int]int{0: 1, 1: 2} {
		for name, reader := range map[string]func(*Connection) Reader{
			"first": func(c *Connection) Reader { return c.Reader }, "recent": func(c *Connection) Reader { return c.Recent }, "new": func(c *Connection) Reader { return c.Live },
		} {
			v, _ := listedBy(t, "U-1", "ana@example.com")
			if o := Lookup(t.Context(), reader(listedAlone(t, v, page)), Query{Emails: []string{"bo@example.com"}}); o.Finding != Absent {
				t.Errorf("%s: %s", name, o.Finding)
			}
			if lists, _ := v.counts(); lists < want || page == 0 && lists != 1 {
				t.Errorf("%s, pages of %d: %d lists", name, page, lists)
			}
			v, _ = listedBy(t, "U-1", "ana@example.com")
			if _, err := reader(listedAlone(t, v, page)).Get(t.Context(), "U-2"); !errors.Is(err, ErrAbsent) {
				t.Errorf("%s: %v", name, err)
			}
			if lists, _ := v.counts(); lists < want || page == 0 && lists != 1 {
				t.Errorf("%s by id, pages of %d: %d lists", name, page, lists)
			}
		}
	}
}

// Users may come and go while a list is read, so that one of them is on no page, and
// one whose address no list shows is on none that counts: whoever the list does not
// have is searched for, and nobody else.
func TestListingProvesNobodyAbsent(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com", "U-2", "bo@example.com", "U-3", "")
	v.unlisted = "U-2"
	both := Query{Emails: []string{"bo@example.com", "bo.old@example.com"}}
	if got := found(Lookup(t.Context(), c.Reader, both)); got != "found U-2" {
		t.Error(got)
	}
	for email, want := range map[string]string{"ana@example.com": "found U-1", "nobody@example.com": "absent"} {
		if got := found(ask(c, email)); got != want {
			t.Errorf("%s: %s", email, got)
		}
	}
	if v.searches != 3 {
		t.Errorf("%d searches, want 3", v.searches)
	}
	v.searchFails = errors.New("503")
	if o := Lookup(t.Context(), c.Reader, both); o.Finding != Unknown {
		t.Errorf("%+v", o)
	}
}

// What a list does not show is looked at by id, also of a user whom the roster pins.
func TestListingShowsLess(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com")
	v.unshown = "role"
	for _, q := range []Query{{Emails: []string{"ana@example.com"}}, {UserID: "U-1", Emails: []string{"ana@example.com"}}} {
		if o := Lookup(t.Context(), c.Reader, q); o.Finding != Found || o.User.Attributes["role"].Shown {
			t.Errorf("%+v", o)
		}
		q.Stated = []string{"role"}
		if o := Lookup(t.Context(), c.Reader, q); o.Finding != Found || !o.User.Attributes["role"].Shown || o.ByID != (q.UserID != "") {
			t.Errorf("%+v", o)
		}
	}
	if _, gets := v.counts(); gets != 2 {
		t.Errorf("%d gets", gets)
	}
}

// Whoever comes while the list is read waits for it, and it is read once.
func TestListingSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, c := listedBy(t, "U-1", "ana@example.com")
		v.takes = time.Second
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := found(ask(c, "ana@example.com")); got != "found U-1" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if lists, _ := v.counts(); lists != 1 {
			t.Errorf("%d lists", lists)
		}
	})
}

// A list that fails leaves everybody unknown, and is not read again for each of
// them.
func TestListingFails(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com")
	broken := errors.New("the second page is missing")
	v.fail = []error{broken}
	for _, email := range []string{"ana@example.com", "nobody@example.com"} {
		if o := ask(c, email); o.Finding != Unknown || !errors.Is(o.Err, broken) {
			t.Errorf("%s: %+v", email, o)
		}
	}
	if o := Lookup(t.Context(), c.Reader, Query{UserID: "U-1", Emails: []string{"ana@example.com"}}); o.Finding != Unknown {
		t.Errorf("pinned: %+v", o)
	}
	if lists, _ := v.counts(); lists != 1 {
		t.Errorf("%d lists", lists)
	}
}

// A list that changed while it was read is read once more, and no oftener.
func TestListingShifts(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com")
	v.fail = []error{fmt.Errorf("page 2: %w", rest.ErrShifting)}
	if got := found(ask(c, "ana@example.com")); got != "found U-1" {
		t.Error(got)
	}
	v, c = listedBy(t, "U-1", "ana@example.com")
	v.fail = []error{rest.ErrShifting, rest.ErrShifting}
	if o := ask(c, "nobody@example.com"); o.Finding != Unknown {
		t.Errorf("%+v", o)
	}
	if lists, _ := v.counts(); lists != 2 {
		t.Errorf("%d lists", lists)
	}
}

// One whose context ends leaves the list to the others.
func TestListingCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, c := listedBy(t, "U-1", "ana@example.com")
		v.takes = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			o := Lookup(ctx, c.Reader, Query{Emails: []string{"ana@example.com"}})
			if o.Finding != Unknown || !Interrupted(o.Err) {
				t.Errorf("the one whose time is over: %+v", o)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if got := found(ask(c, "ana@example.com")); got != "found U-1" {
				t.Errorf("the one who waits: %s", got)
			}
		})
		all.Wait()
	})
}

// What the vendor answers now is not what the list has.
func TestLiveIsNotListed(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com")
	if got := found(ask(c, "ana@example.com")); got != "found U-1" {
		t.Fatal(got)
	}
	v.remove("U-1")
	v.put("U-2", "new@example.com")
	for email, want := range map[string]string{"ana@example.com": "absent", "new@example.com": "found U-2"} {
		if got := found(Lookup(t.Context(), c.Live, Query{Emails: []string{email}})); got != want {
			t.Errorf("%s: %s, want %s", email, got, want)
		}
	}
	if lists, _ := v.counts(); lists != 1 {
		t.Errorf("%d lists", lists)
	}
}

// A record that can not be read concerns whoever is looked up, and nobody else.
func TestListingUnreadable(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com", "U-2", "bo@example.com")
	broken := errors.New("the record of user U-2 is broken")
	v.users["U-2"].Unreadable = broken
	if got := found(ask(c, "ana@example.com")); got != "found U-1" {
		t.Error(got)
	}
	for _, q := range []Query{{Emails: []string{"bo@example.com"}}, {UserID: "U-2", Emails: []string{"bo@example.com"}}} {
		if o := Lookup(t.Context(), c.Reader, q); o.Finding != Unknown || !errors.Is(o.Err, broken) {
			t.Errorf("%+v", o)
		}
	}
}

// A list that breaks is an error for everybody who waits.
func TestListingPanics(t *testing.T) {
	v, c := listedBy(t, "U-1", "ana@example.com")
	v.onList = func() { panic("broken") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		ask(c, "ana@example.com")
	}()
	if o := ask(c, "ana@example.com"); o.Finding != Unknown {
		t.Errorf("%+v", o)
	}
}

func TestConnectDefaults(t *testing.T) {
	var got sources.ProviderConfig
	kind := &Kind{
		Title: "Acme", BaseURL: "https://api.acme.example", Rate: sources.Rate{{Requests: 5, Per: time.Second}},
		Open: func(_ context.Context, s Settings) (*Connection, error) {
			got = s.Config
			return &Connection{reads: onlyReader{}}, nil
		},
	}
	if _, err := kind.Connect(t.Context(), Settings{}); err != nil || got.BaseURL != kind.BaseURL || len(got.Rate) != 1 || !got.RateSet {
		t.Errorf("%+v %v", got, err)
	}
	own := sources.ProviderConfig{BaseURL: "https://eu.acme.example", RateSet: true}
	if _, err := kind.Connect(t.Context(), Settings{Config: own}); err != nil || got.BaseURL != own.BaseURL || got.Rate != nil {
		t.Errorf("%+v %v", got, err)
	}
	_, err := kind.Connect(t.Context(), Settings{Config: sources.ProviderConfig{Lookup: sources.LookupList}})
	if err == nil || err.Error() != "Acme has no list of all users: set lookup: search" {
		t.Error(err)
	}
}

// onlyReader has no list.
type onlyReader struct{ Reader }
