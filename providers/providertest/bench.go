package providertest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// Addresses that no vendor gives a meaning.
const (
	ana  = "ana@example.com"
	bill = "bill@example.com"
	cara = "cara@example.com"
)

// concurrency and retries are those of a connection, unless a law says otherwise.
const (
	concurrency = 4
	retries     = 4
	timeout     = 30 * time.Second
)

// A bench is what one law works with: a world, and connections to it.
type bench struct {
	T
	Subject
	ctx   context.Context // of the law, which is as long as the bench
	world *simulator.World

	// rotating are the credentials that are renewed as they are used, which all
	// connections share.
	rotating map[string]sources.Rotating

	mu        sync.Mutex
	sent      []sent
	rewriting rewriting
	rewritten int // answers
}

// A sent is one request as it left.
type sent struct {
	at                time.Time
	token             bool // it asks for a token
	host, credentials string
	authorization     string // without its scheme
	body              []byte
}

// settings are those of a connection without a rate limit.
func (b *bench) settings() providers.Settings {
	config := sources.ProviderConfig{
		Name: "subject", Kind: b.Kind.Name, Mode: sources.ModeFull, Assume: b.Assume, Lists: b.Lists, Tables: b.Tables,
		BaseURL: b.world.BaseURL(b.Kind.Name), TokenURL: b.world.TokenURL(b.Kind.Name),
		Concurrency: concurrency, Retries: retries, Timeout: timeout, RateSet: true,
		Settings: maps.Clone(b.Settings), Auth: make(map[string]sources.SecretRef),
	}
	s := providers.Settings{
		Config: config, Auth: make(map[string]sources.Secret), Secrets: &sources.Secrets{},
		Transport: roundTripper(b.carry), Log: slog.New(slog.DiscardHandler),
	}
	for name := range b.Kind.SimulatedAuth {
		s.Config.Auth[name] = sources.SecretRef{Env: strings.ToUpper(name) + "_OF_SUBJECT"}
		s.Auth[name] = sources.NewSecret(b.secret(name))
	}
	s.Rotating = b.rotating
	return s
}

// secret is the credential of that name; no other text contains it.
func (b *bench) secret(name string) string {
	return b.Kind.SimulatedAuth[name] + "-7q1x9ZkW"
}

// connect opens a connection; change may alter its settings first.
func (b *bench) connect(change ...func(*providers.Settings)) *providers.Connection {
	b.Helper()
	s := b.settings()
	for _, f := range change {
		f(&s)
	}
	if b.tune != nil {
		b.tune(&s)
	}
	c, err := b.Kind.Connect(b.ctx, s)
	if err != nil {
		b.Fatalf("the connection does not open: %v", err)
	}
	if s.Config.Lookup != sources.LookupList {
		c.Reader = c.Live // the laws look at the vendor as it is now
	}
	if b.bend != nil {
		b.bend(b, c)
	}
	return c
}

// single is for connect: no call is repeated.
func single(s *providers.Settings) { s.Config.Retries = 0 }

// listed is for connect: users are found in the list of all.
func listed(s *providers.Settings) { s.Config.Lookup = sources.LookupList }

func readOnly(s *providers.Settings) { s.ReadOnly = true }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// carry takes a request to the world and keeps what was sent.
func (b *bench) carry(r *http.Request) (*http.Response, error) {
	s := sent{at: time.Now(), host: r.URL.Host, token: b.TokenPath != "" && strings.HasSuffix(r.URL.Path, b.TokenPath)}
	if _, value, is := strings.Cut(r.Header.Get("Authorization"), " "); is {
		s.authorization = value
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		s.credentials += strings.Join(r.Header[name], "\n") + "\n"
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		s.body = body
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	b.mu.Lock()
	b.sent = append(b.sent, s)
	b.mu.Unlock()
	response, err := b.world.Transport().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return b.rewrites(response)
}

// requests are those that left until now, those for a token aside.
func (b *bench) requests() []sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.sent), func(s sent) bool { return s.token })
}

// warm has a connection fetch its token, where it needs one, before anything is wrong.
func (b *bench) warm(c *providers.Connection, id string) {
	b.Helper()
	if b.TokenPath == "" {
		return
	}
	if _, err := c.Live.Get(b.ctx, id); err != nil {
		b.Fatalf("the first request: %v", err)
	}
	b.mu.Lock()
	b.sent = nil
	b.mu.Unlock()
}

// byList reports whether users are read in lists alone.
func (s Subject) byList() bool { return s.Asks["get"] == simulator.Search }

// requestsOf is how many requests one ask makes.
func (b *bench) requestsOf() int {
	if b.byList() && slices.Contains(b.Looks, "update") {
		return 2
	}
	return 1
}

// ask makes one request about a user, and one more before it where an update looks.
func (b *bench) ask(c *providers.Connection, id string) error {
	if b.byList() {
		_, err := b.updater(c).Update(b.ctx, providers.Patch{UserID: id, Values: b.Updates[0].Values})
		return err
	}
	_, err := c.Reader.Get(b.ctx, id)
	return err
}

// keys are the names that the bodies of all requests have, at any depth, and those
// that the operations of a JSON Patch are about.
func (b *bench) keys() []string {
	found := make(map[string]bool)
	var collect func(any)
	collect = func(data any) {
		switch v := data.(type) {
		case map[string]any:
			if path, is := v["path"].(string); is && v["op"] != nil {
				name, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
				found[name] = true
			}
			for name, item := range v {
				found[name] = true
				collect(item)
			}
		case []any:
			for _, item := range v {
				collect(item)
			}
		}
	}
	for _, s := range b.requests() {
		var data any
		if json.Unmarshal(s.body, &data) == nil {
			collect(data)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// add puts the record of somebody who has everything at the vendor, with what
// else is to stand in it, by place, and returns the id.
func (b *bench) add(email string, more ...map[string]any) string {
	b.Helper()
	return b.put(b.User(email), more...)
}

func (b *bench) put(record map[string]any, more ...map[string]any) string {
	b.Helper()
	for _, places := range more {
		record = with(record, places)
	}
	id, err := b.world.Add(b.Kind.Name, record)
	if err != nil {
		b.Fatalf("the simulated vendor does not take the record: %v", err)
	}
	return id
}

// edit changes a record behind the provider's back.
func (b *bench) edit(id string, places map[string]any) {
	b.Helper()
	err := b.world.Edit(b.Kind.Name, id, func(data map[string]any) {
		for place, value := range places {
			set(data, place, value)
		}
	})
	if err != nil {
		b.Fatalf("the simulated vendor does not take the record: %v", err)
	}
}

// stranger is an id that is formed as the vendor's are and that nobody has.
func (b *bench) stranger() string {
	b.Helper()
	id := b.add("nobody@example.com")
	b.world.Remove(b.Kind.Name, id)
	return id
}

// chaos has the vendor misbehave from now on.
func (b *bench) chaos(c simulator.Chaos) { b.world.SetChaos(c, b.Kind.Name) }

// failing is chaos that fails requests.
func failing(rules ...simulator.Rule) simulator.Chaos { return simulator.Chaos{Fail: rules} }

// hiding is chaos that hides an attribute, in all answers or in those of searches
// alone.
func hiding(name string, everywhere bool) simulator.Chaos {
	if everywhere {
		return simulator.Chaos{Hidden: []string{name}}
	}
	return simulator.Chaos{HiddenInSearch: []string{name}}
}

func (b *bench) counts() simulator.Counts { return b.world.Counts().Vendors[b.Kind.Name] }

// fired fails unless the fault really happened.
func (b *bench) fired(name string) {
	b.Helper()
	if faults := b.counts().Faults; faults[name] == 0 {
		b.Errorf("the fault %s did not fire: %v", name, faults)
	}
}

// The abilities that write; a law asks only for those that the kind says it has.

func (b *bench) creator(c *providers.Connection) providers.Creator {
	b.Helper()
	return ability[providers.Creator](b, c.Writer)
}

func (b *bench) updater(c *providers.Connection) providers.Updater {
	b.Helper()
	return ability[providers.Updater](b, c.Writer)
}

func (b *bench) deleter(c *providers.Connection) providers.Deleter {
	b.Helper()
	return ability[providers.Deleter](b, c.Writer)
}

func (b *bench) inviter(c *providers.Connection) providers.Inviter {
	b.Helper()
	return ability[providers.Inviter](b, c.Writer)
}

func (b *bench) lister(c *providers.Connection) providers.Lister {
	b.Helper()
	if own, is := c.Reader.(providers.Lister); is {
		return own // a bent one
	}
	return c.Lists()
}

func ability[A any](b *bench, of any) A {
	b.Helper()
	a, can := of.(A)
	if !can {
		b.Fatalf("%T is no %T", of, (*A)(nil))
	}
	return a
}

// can reports whether the vendor has the operation, documented or assumed, or finds
// users in that way: search or list, or those in several pages; or has grants that are
// sets.
func (s Subject) can(operation string) bool {
	switch operation {
	case "search":
		return s.Kind.Finds(sources.LookupSearch)
	case "list":
		return s.Kind.Finds(sources.LookupList)
	case "search pages":
		return s.Kind.Finds(sources.LookupSearch) && s.SearchPage < unpaged
	case "pages":
		return s.Kind.Finds(sources.LookupList) && s.Kind.ListPage > 0
	case "sets":
		return slices.ContainsFunc(s.Kind.Attributes, func(a providers.Attribute) bool { return a.Grant && a.Shape != sources.Scalar })
	case "absence":
		return s.Unproven == ""
	case "by id":
		return !s.byList()
	case "readdress":
		return s.Kind.Readdress && s.can("update")
	case "invite":
		return slices.ContainsFunc(s.Kind.Attributes, func(a providers.Attribute) bool { return a.Invites })
	}
	kind, _ := s.Kind.Configure(sources.ProviderConfig{Assume: s.Assume, Settings: s.Settings, Lists: s.Lists, Tables: s.Tables})
	return kind.Cannot(operation) == ""
}

// get reads a user who is there.
func (b *bench) get(c *providers.Connection, id string) *providers.User {
	b.Helper()
	user, err := c.Reader.Get(b.ctx, id)
	if err != nil {
		b.Fatalf("reading user %s: %v", id, err)
	}
	if user.ID != id {
		b.Fatalf("asked for user %s, got %s", id, user.ID)
	}
	return user
}

// readable are the names of the attributes that a vendor shows.
func (s Subject) readable() []string {
	var names []string
	for _, a := range s.Kind.Attributes {
		if a.Mode != providers.CreateOnly && !a.Sensitive {
			names = append(names, a.Name)
		}
	}
	return names
}

// sorted sorts users by id.
func sorted(users []*providers.User) []*providers.User {
	users = slices.Clone(users)
	slices.SortFunc(users, func(a, b *providers.User) int { return cmp.Compare(a.ID, b.ID) })
	return users
}

func ids(users []*providers.User) []string {
	list := make([]string, len(users))
	for i, u := range sorted(users) {
		list[i] = u.ID
	}
	return list
}
