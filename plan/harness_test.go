package plan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// today is the day that tests plan for.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const baseConfig = `version: 1
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited}
`

// A house is a roster, its configuration and the simulated vendors.
type house struct {
	t      testing.TB
	world  *simulator.World
	config *sources.Config
	roster *sources.Roster
	people []string // --person
	stop   chan struct{}
	later  int    // days after today
	away   int    // days before that on which nobody applied
	root   string // of the vendors on a socket; empty: in memory
	// ledger is where the ledger stands; empty: there is none. state is what it has, of
	// the last plan.
	ledger string
	state  *ledger.State
	// sent sees each request on its way; nil is nobody.
	sent func(r *http.Request)
	// changed makes another answer of one; nil leaves it.
	changed func(r *http.Request, body []byte) []byte
}

// configure is a configuration with one provider of a kind, with its own settings
// and what else is to stand in its block; nothing is too much to remove there.
func configure(kind *providers.Kind, more ...string) string {
	auth := make([]string, 0, len(kind.SimulatedAuth))
	for _, name := range slices.Sorted(maps.Keys(kind.SimulatedAuth)) {
		place := "env: UNUSED"
		if slices.Contains(kind.Rotates, name) {
			place = "file: unused.token"
		}
		auth = append(auth, name+": {"+place+"}")
	}
	block := []string{"rate: unlimited", "auth: {" + strings.Join(auth, ", ") + "}"}
	for _, text := range more {
		if text != "" {
			block = append(block, text)
		}
	}
	return fmt.Sprintf("version: 1\nguardrails: {maxRemovals: 100%%}\nproviders:\n  %s: {%s}\n", kind.Name, strings.Join(block, ", "))
}

// newHouse loads a roster with a configuration (empty: baseConfig) and seeds the
// vendors with Vendasta users.
func newHouse(t testing.TB, config, roster string, users ...map[string]any) *house {
	t.Helper()
	h := &house{t: t, world: simulator.New(simulator.Options{}), stop: make(chan struct{})}
	for _, user := range users {
		h.add(user)
	}
	h.load(config, roster)
	return h
}

func (h *house) load(config, roster string) {
	h.t.Helper()
	dir := h.t.TempDir()
	if config == "" {
		config = baseConfig
	}
	for name, text := range map[string]string{"rollcall.yaml": config, "roster.yaml": roster} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	h.t.Chdir(dir)
	var problems sources.Diagnostics
	h.config, h.roster, problems = sources.Load(h.t.Context(), "rollcall.yaml", sources.Options{Rules: registry.Rules})
	if problems.Failed() {
		h.t.Fatal(problems)
	}
}

func (h *house) add(user map[string]any) string {
	h.t.Helper()
	id, err := h.world.Add("vendasta", user)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// user is a Vendasta user for add.
func user(id, email string, access []any, more ...any) map[string]any {
	attributes := map[string]any{"email": email}
	u := map[string]any{"id": id, "partner": "ABC", "attributes": attributes, "platformAccess": access}
	for i := 0; i+1 < len(more); i += 2 {
		name := more[i].(string)
		if name == "businessLocations" {
			u[name] = more[i+1]
		} else {
			attributes[name] = more[i+1]
		}
	}
	return u
}

func list(ids ...any) []any { return ids }

// accounts are the configured providers, led to the simulated vendors.
func (h *house) accounts(readOnly bool) ([]plan.Provider, map[string]*providers.Connection) {
	h.t.Helper()
	var accounts []plan.Provider
	connections := make(map[string]*providers.Connection)
	for _, config := range h.config.Providers {
		kind := registry.Kind(config.Kind)
		account := plan.NewProvider(kind, config)
		account.Target, account.Named = plan.SimulatedTarget, len(h.people) > 0
		if h.state != nil {
			account.Memory = plan.Remember(h.state, config.Name, h.today())
		}
		accounts = append(accounts, account)
		config = account.Config
		settings := providers.Settings{
			Config: config, Transport: h.world.Transport(), Secrets: &sources.Secrets{}, ReadOnly: readOnly,
			Auth: make(map[string]sources.Secret), Log: slog.New(slog.DiscardHandler),
		}
		for name, value := range kind.SimulatedAuth {
			settings.Auth[name] = sources.NewSecret(value)
		}
		if h.sent != nil || h.changed != nil {
			settings.Transport = seen{h, settings.Transport}
		}
		settings.Config.BaseURL, settings.Config.TokenURL = h.world.BaseURL(config.Kind), h.world.TokenURL(config.Kind)
		if h.root != "" {
			settings.Transport = nil
			for _, endpoint := range h.world.Endpoints(h.root) {
				if endpoint.Kind == config.Kind {
					settings.Config.BaseURL, settings.Config.TokenURL = endpoint.BaseURL, endpoint.TokenURL
				}
			}
		}
		connection, err := kind.Connect(h.t.Context(), settings)
		if err != nil {
			h.t.Fatal(err)
		}
		connections[config.Name] = connection
	}
	return accounts, connections
}

// seen shows each request before it is sent, and each answer.
type seen struct {
	house *house
	next  http.RoundTripper
}

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.house.sent != nil {
		s.house.sent(r)
	}
	response, err := s.next.RoundTrip(r)
	if err != nil || s.house.changed == nil {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	body = s.house.changed(r, body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, nil
}

// A planned plan has with it what an apply needs.
type planned struct {
	*plan.Plan
	entries     []plan.Entry
	all         []*sources.Access
	access      []*sources.Access
	accounts    []plan.Provider
	connections map[string]*providers.Connection
	insiders    map[string]plan.Insiders
}

func (h *house) plan() *planned {
	h.t.Helper()
	ledger := h.remember()
	accounts, connections := h.accounts(false)
	all := sources.Resolve(h.roster, h.config, registry.Rules, h.today())
	whole := all
	if len(h.people) == 0 {
		whole = plan.WithVanished(accounts, all)
	}
	var access []*sources.Access
	for _, a := range whole {
		keep := len(h.people) == 0
		for _, person := range h.people {
			keep = keep || a.Person.Key == person
		}
		if keep {
			access = append(access, a)
		}
	}
	readers := make(map[string]providers.Reader)
	for name, connection := range connections {
		readers[name] = connection.Reader
	}
	entries, err := plan.Observe(context.Background(), accounts, readers, access, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	in := plan.Input{
		Created: h.today(), AsOf: h.today().Format(time.DateOnly), Ledger: ledger, Roster: plan.RosterInfo{Digest: sources.Digest(all), Files: []string{"roster.yaml"}},
		Scope:      plan.Scope{Providers: []string{}, People: append([]string{}, h.people...)},
		Guardrails: h.config.Guardrails, Providers: accounts, Entries: entries,
	}
	if in.Insiders, err = plan.FindInsiders(context.Background(), in, connections); err != nil {
		h.t.Fatal(err)
	}
	return &planned{Plan: plan.Build(in), insiders: in.Insiders, entries: entries, all: all, access: access, accounts: accounts, connections: connections}
}

// today is the day that the house plans for.
func (h *house) today() time.Time { return today.AddDate(0, 0, h.later) }

// remember reads the ledger.
func (h *house) remember() plan.LedgerState {
	h.t.Helper()
	h.state = nil
	if h.ledger == "" {
		return plan.LedgerAbsent
	}
	l, err := ledger.Read(h.t.Context(), h.ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return plan.LedgerAbsent
	}
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if h.state, err = l.State(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	// The ledger has a clock of its own; here somebody applied the day before.
	h.state.Last = today.AddDate(0, 0, h.later-1-h.away)
	return plan.LedgerPresent
}

// apply carries out the plan; change may alter the applier first.
func (h *house) apply(p *planned, change ...func(*plan.Applier)) *plan.Result {
	h.t.Helper()
	a := &plan.Applier{
		Plan: p.Plan, Providers: p.accounts, Connections: p.connections, Access: p.access,
		Protect: h.config.Guardrails.Protect, Stop: h.stop, Built: time.Now(),
		Insiders: p.insiders,
	}
	if h.ledger != "" {
		l, err := ledger.Open(h.t.Context(), h.ledger)
		if err != nil {
			h.t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		a.Recorder = &plan.Recorder{Ledger: l, Run: fmt.Sprintf("run-%d", h.later), Now: h.today}
	}
	for _, f := range change {
		f(a)
	}
	result := a.Apply(h.t.Context())
	head, err := a.Recorder.Ended(h.t.Context(), p.Plan, p.accounts, p.entries, p.all, result)
	if err != nil {
		h.t.Fatal(err)
	}
	result.LedgerHead = head
	return result
}

// settled fails unless a new plan has no change.
func (h *house) settled() {
	h.t.Helper()
	if p := h.plan(); len(p.Changes) > 0 {
		h.t.Errorf("the plan after the apply is not empty:\n%s", p.Text(plan.Style{}))
	}
}

// live is a Vendasta user as the vendor has him.
func (h *house) live(id string) map[string]any {
	h.t.Helper()
	u, found := h.world.User("vendasta", id)
	if !found {
		h.t.Fatalf("there is no user %s", id)
	}
	return u.Data
}

func (h *house) count() simulator.Counts { return h.world.Counts() }

// panicking is a writer that breaks.
type panicking struct{}

func (panicking) Create(context.Context, providers.Draft) (providers.Receipt, error) {
	panic("broken")
}

// bubble runs a test under a clock of its own.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// once leaves a test that takes long, and does one thing after the other, to the runs
// without the race detector.
func once(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("one thing after the other")
	}
}
