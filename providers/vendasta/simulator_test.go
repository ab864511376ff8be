package vendasta

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/providers/internal/vendortest"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// inWorld runs a test with fake time against the simulated vendor, which knows
// the users given.
func inWorld(t *testing.T, options simulator.Options, users []map[string]any, f func(*testing.T, *simulator.World, *providers.Connection)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(options)
		for _, u := range users {
			if _, err := world.Add("vendasta", u); err != nil {
				t.Fatal(err)
			}
		}
		f(t, world, vendor.Simulated(t, world))
	})
}

func ana(change ...any) map[string]any {
	u := map[string]any{
		"id": "U-1", "partner": "ABC", "platformAccess": anyList("tm:access", "pc:access"), "businessLocations": anyList("AG-1"),
		"attributes": map[string]any{"email": "ana@example.com", "givenName": "Ana", "timeZone": "America/Regina", "address": map[string]any{"line1": "1 Main St", "city": "Regina"}},
	}
	for i := 0; i < len(change); i += 2 {
		u[change[i].(string)] = change[i+1]
	}
	return u
}

func anaDraft() providers.Draft {
	return providers.Draft{Email: "ana@example.com", Values: map[string]any{"givenName": "Ana", platformAccess: anyList("tm:access")}}
}

func failing(rules ...simulator.Rule) simulator.Options {
	return simulator.Options{Chaos: simulator.Chaos{Fail: rules}}
}

// Each ability does what its law says, as the vendor sees it.
func TestAbilities(t *testing.T) {
	inWorld(t, simulator.Options{}, nil, func(t *testing.T, world *simulator.World, c *providers.Connection) {
		ctx := t.Context()
		made, err := c.Writer.(providers.Creator).Create(ctx, anaDraft())
		if err != nil || made.UserID == "" || made.RequestID == "" || made.Stored.Email != "ana@example.com" {
			t.Fatalf("%+v %v", made, err)
		}
		if n := world.Counts(); n.Created != 1 || n.Mails != 0 {
			t.Errorf("after a create: %+v", n)
		}
		found, err := c.Reader.Search(ctx, "ana@example.com")
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		read, err := c.Reader.Get(ctx, made.UserID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(found[0], read) + cmp.Diff(made.Stored, read); diff != "" {
			t.Error(diff)
		}
		updated, err := c.Writer.(providers.Updater).Update(ctx, providers.Patch{UserID: made.UserID, Values: map[string]any{"familyName": "Souza"}})
		if err != nil || updated.Stored.Attributes["givenName"] != providers.Show("Ana") || !slices.Equal(texts(updated.Stored.Attributes[platformAccess].Data), []string{"tm:access"}) {
			t.Errorf("an update changes what it does not name: %+v %v", updated.Stored, err)
		}
		if _, err := c.Writer.(providers.Inviter).Invite(ctx, made.UserID); err != nil || world.Counts().Mails != 1 {
			t.Errorf("%v %+v", err, world.Counts())
		}
		for range 2 {
			if _, err := c.Writer.(providers.Deleter).Delete(ctx, made.UserID); err != nil {
				t.Errorf("a user who is gone already is no error: %v", err)
			}
		}
		if _, err := c.Reader.Get(ctx, made.UserID); !errors.Is(err, providers.ErrAbsent) {
			t.Error(err)
		}
		if users, err := c.Reader.Search(ctx, "ana@example.com"); err != nil || len(users) != 0 {
			t.Error(users, err)
		}
		// The second delete is followed by the two reads that prove it.
		want := providers.Requests{Reads: 6, Writes: 5, Sent: 11}
		if got := c.Requests(); got != want {
			t.Errorf("requests %+v, want %+v", got, want)
		}
		if n := world.Counts(); n.Reads != 6 || n.Writes != 5 || n.Created != 1 || n.Mails != 1 {
			t.Errorf("counts %+v", n)
		}
	})
}

// The user that an answer could not be had for is there, and a lookup finds him.
func TestCreateWithLostAnswer(t *testing.T) {
	inWorld(t, failing(simulator.Rule{Operation: simulator.Create, Fault: simulator.FaultCutBody}), nil, func(t *testing.T, world *simulator.World, c *providers.Connection) {
		receipt, err := c.Writer.(providers.Creator).Create(t.Context(), anaDraft())
		if !providers.OutcomeUnknown(err) || receipt.UserID != "" || world.Counts().Created != 1 {
			t.Fatalf("%+v %v", receipt, err)
		}
		o := providers.Lookup(t.Context(), c.Reader, providers.Query{Emails: []string{"ana@example.com"}, Stated: []string{platformAccess}})
		if o.Finding != providers.Found {
			t.Errorf("%+v", o)
		}
	})
}

// Suspending is one PATCH that empties both lists and leaves the rest alone; one
// that is given a single list does not touch the other.
func TestSuspend(t *testing.T) {
	for name, test := range map[string]struct {
		values              map[string]any
		features, locations []any
	}{
		"both lists":              {map[string]any{platformAccess: []any{}, businessLocations: []any{}}, []any{}, []any{}},
		"the features alone":      {map[string]any{platformAccess: []any{}}, []any{}, anyList("AG-1")},
		"the locations alone":     {map[string]any{businessLocations: []any{}}, anyList("tm:access", "pc:access"), []any{}},
		"features, given as null": {map[string]any{platformAccess: nil}, []any{}, anyList("AG-1")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, simulator.Options{Chaos: simulator.Chaos{Hidden: []string{platformAccess}}}, []map[string]any{ana()}, func(t *testing.T, world *simulator.World, c *providers.Connection) {
				if _, err := c.Writer.(providers.Updater).Update(t.Context(), providers.Patch{UserID: "U-1", Values: test.values}); err != nil {
					t.Fatal(err)
				}
				u, _ := world.User("vendasta", "U-1")
				want := ana()
				if diff := cmp.Diff([]any{test.features, test.locations, want["attributes"]}, []any{u.Data[platformAccess], u.Data[businessLocations], u.Data["attributes"]}); diff != "" {
					t.Error(diff)
				}
				if n := world.Counts(); n.Writes != 1 || n.Reads != 0 {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// A delete whose answer was lost is repeated, and the 404 that follows is looked
// into.
func TestDeleteWithLostAnswer(t *testing.T) {
	inWorld(t, failing(simulator.Rule{Operation: simulator.Delete, Fault: simulator.FaultLostAnswer, First: 1}), []map[string]any{ana()}, func(t *testing.T, world *simulator.World, c *providers.Connection) {
		if _, err := c.Writer.(providers.Deleter).Delete(t.Context(), "U-1"); err != nil {
			t.Error(err)
		}
		if _, there := world.User("vendasta", "U-1"); there || world.Counts().Writes != 2 || world.Counts().Reads != 2 {
			t.Errorf("%+v", world.Counts())
		}
	})
}

// A read that does not succeed is never an absence.
func TestLookupUnderFaults(t *testing.T) {
	q := providers.Query{Emails: []string{"ana@example.com"}, Stated: []string{platformAccess}}
	for _, test := range []struct {
		name    string
		chaos   simulator.Chaos
		finding providers.Finding
	}{
		{"nothing wrong", simulator.Chaos{}, providers.Found},
		{"search 404", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 404}}}, providers.Unknown},
		{"search 500", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 500}}}, providers.Unknown},
		{"search 500 once", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 500, First: 1}}}, providers.Found},
		{"search 403", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 403}}}, providers.Unknown},
		{"search 204", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultNoContent}}}, providers.Unknown},
		{"search without a body", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultEmpty}}}, providers.Unknown},
		{"search cut", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultCutBody}}}, providers.Unknown},
		{"search as text", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultWrongType}}}, providers.Unknown},
		{"search by a proxy", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultHTML, Status: 200}}}, providers.Unknown},
		{"search redirected elsewhere", simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultRedirect, Location: "https://evil.example.com/"}}}, providers.Unknown},
		{"filter ignored", simulator.Chaos{IgnoreFilter: true}, providers.Found},
		{"repeated cursor", simulator.Chaos{RepeatedCursor: true}, providers.Unknown},
		{"features hidden in the search", simulator.Chaos{HiddenInSearch: []string{platformAccess}}, providers.Found},
		{"features hidden everywhere", simulator.Chaos{Hidden: []string{platformAccess}}, providers.Found},
		{"addresses hidden", simulator.Chaos{Hidden: []string{"email"}, Blank: true}, providers.Unknown},
		{"the detail fails", simulator.Chaos{HiddenInSearch: []string{platformAccess}, Fail: []simulator.Rule{{Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 500}}}, providers.Unknown},
		{"the detail is not there", simulator.Chaos{HiddenInSearch: []string{platformAccess}, Fail: []simulator.Rule{{Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 404}}}, providers.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, simulator.Options{Chaos: test.chaos}, []map[string]any{ana(), ana("id", "U-2", "attributes", map[string]any{"email": "bill@example.com"})}, func(t *testing.T, world *simulator.World, c *providers.Connection) {
				o := providers.Lookup(t.Context(), c.Reader, q)
				if o.Finding != test.finding {
					t.Errorf("%s: %s", o.Finding, o.Detail)
				}
				if shown := o.User != nil && o.User.Attributes[platformAccess].Shown; o.Finding == providers.Found && shown == (test.name == "features hidden everywhere") {
					t.Errorf("platformAccess is shown: %v", shown)
				}
				if world.Counts().Writes != 0 {
					t.Error("a lookup writes")
				}
			})
		})
	}
	// Nobody with the address and a vendor that does not search: no proof.
	inWorld(t, simulator.Options{Chaos: simulator.Chaos{IgnoreFilter: true}}, []map[string]any{ana("attributes", map[string]any{"email": "bill@example.com"})}, func(t *testing.T, _ *simulator.World, c *providers.Connection) {
		if o := providers.Lookup(t.Context(), c.Reader, q); o.Finding != providers.Unknown || !strings.Contains(o.Remedy, "userID") {
			t.Errorf("%+v", o)
		}
	})
}

// Users of other partners are never looked at, by address or by id.
func TestOtherPartner(t *testing.T) {
	inWorld(t, simulator.Options{}, []map[string]any{ana("partner", "XYZ")}, func(t *testing.T, _ *simulator.World, c *providers.Connection) {
		if o := providers.Lookup(t.Context(), c.Reader, providers.Query{Emails: []string{"ana@example.com"}}); o.Finding != providers.Absent {
			t.Errorf("%+v", o)
		}
		o := providers.Lookup(t.Context(), c.Reader, providers.Query{UserID: "U-1", Emails: []string{"ana@example.com"}})
		if o.Finding != providers.Unknown || !strings.Contains(o.Detail, "another partner") || !strings.Contains(o.Remedy, "userID") {
			t.Errorf("%+v", o)
		}
	})
}

// A connection for reading has nothing to write with, and its reader is no
// writer in disguise.
func TestReadOnly(t *testing.T) {
	inWorld(t, simulator.Options{}, []map[string]any{ana()}, func(t *testing.T, world *simulator.World, c *providers.Connection) {
		only := vendor.Simulated(t, world, func(s *providers.Settings) { s.ReadOnly = true })
		if only.Writer != nil {
			t.Errorf("a writer %T", only.Writer)
		}
		for _, r := range []any{c.Reader, only.Reader} {
			_, creates := r.(providers.Creator)
			_, updates := r.(providers.Updater)
			_, deletes := r.(providers.Deleter)
			_, invites := r.(providers.Inviter)
			if creates || updates || deletes || invites {
				t.Errorf("%T can write", r)
			}
		}
		if users, err := only.Reader.Search(t.Context(), "ana@example.com"); err != nil || len(users) != 1 {
			t.Error(users, err)
		}
		// Even a writer over such a client is refused before anything is sent.
		client, err := rest.New(rest.Options{Provider: "vendasta", BaseURL: world.BaseURL("vendasta"), Transport: world.Transport(), ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		refused := writer{client: client, reader: reader{rest: client.Reader(), partner: "ABC", explains: providers.Explain(sources.ProviderConfig{}, forbidden)}}
		sent := world.Counts()
		for name, write := range map[string]func() (providers.Receipt, error){
			"create": func() (providers.Receipt, error) { return refused.Create(t.Context(), anaDraft()) },
			"update": func() (providers.Receipt, error) { return refused.Update(t.Context(), providers.Patch{UserID: "U-1"}) },
			"delete": func() (providers.Receipt, error) { return refused.Delete(t.Context(), "U-1") },
			"invite": func() (providers.Receipt, error) { return refused.Invite(t.Context(), "U-1") },
		} {
			if _, err := write(); !errors.Is(err, rest.ErrReadOnly) || !providers.DidNothing(err) || providers.OutcomeUnknown(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := world.Counts(); got.Writes != 0 || got.Reads != sent.Reads {
			t.Errorf("%+v", got)
		}
	})
}

// Neither a redirect nor a link of the vendor's takes the credentials to another
// host, whatever the call.
func TestNoCredentialsElsewhere(t *testing.T) {
	const elsewhere = "https://evil.example.com/platform/users"
	var mu sync.Mutex
	hosts := make(map[string]int)
	send := func(status int, answer string) *providers.Connection {
		return vendor.Connect(t, vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			hosts[r.URL.Host]++
			return vendor.Reply(t, r, step{Status: status, Answer: answer, Header: http.Header{"Location": {elsewhere}}}), nil
		}), func(s *providers.Settings) { s.Config.Retries = 0 })
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := send(status, "")
		w := c.Writer.(writer)
		for name, call := range map[string]func(context.Context) error{
			"search": func(ctx context.Context) error { _, err := c.Reader.Search(ctx, "ana@example.com"); return err },
			"get":    func(ctx context.Context) error { _, err := c.Reader.Get(ctx, userID); return err },
			"create": func(ctx context.Context) error { _, err := w.Create(ctx, anaDraft()); return err },
			"update": func(ctx context.Context) error { _, err := w.Update(ctx, providers.Patch{UserID: userID}); return err },
			"delete": func(ctx context.Context) error { _, err := w.Delete(ctx, userID); return err },
			"invite": func(ctx context.Context) error { _, err := w.Invite(ctx, userID); return err },
		} {
			if err := call(t.Context()); err == nil || errors.Is(err, providers.ErrAbsent) {
				t.Errorf("%s %d: %v", name, status, err)
			}
		}
	}
	if _, err := send(200, `{"data":[],"links":{"next":"`+elsewhere+`"}}`).Reader.Search(t.Context(), "ana@example.com"); err == nil {
		t.Error("a link to another host is followed")
	}
	if len(hosts) != 1 || hosts["prod.apigateway.co"] != 31 {
		t.Errorf("requests by host: %v", hosts)
	}
}

// Tokens that the simulated issuer gives and takes back, with keys that it
// checks.
func TestIssuedTokens(t *testing.T) {
	file := credentials(t, pkcs1(rsaKey()))
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(simulator.Options{Tokens: simulator.Issued, Vendasta: simulator.VendastaOptions{Key: &rsaKey().PublicKey}})
		c := vendor.Simulated(t, world, withAccount(file), func(s *providers.Settings) { s.Config.TokenURL = world.TokenURL("vendasta") })
		for step, tokens := range []int64{1, 1, 2, 3} {
			switch step {
			case 2:
				world.RevokeTokens()
			case 3:
				time.Sleep(30 * time.Minute)
			}
			if _, err := c.Reader.Search(t.Context(), "ana@example.com"); err != nil || world.Counts().Tokens != tokens {
				t.Errorf("step %d: %d tokens, %v", step, world.Counts().Tokens, err)
			}
		}
	})
}
