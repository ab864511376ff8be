package plan_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// tally is a plan.Progress that counts.
type tally struct {
	mu           sync.Mutex
	totals, done map[string]int
	early        bool // something was done that had not begun
}

func newTally() *tally { return &tally{totals: make(map[string]int), done: make(map[string]int)} }

func (t *tally) Begin(provider string, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.totals[provider] += total
}

func (t *tally) Done(provider string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, begun := t.totals[provider]
	t.early = t.early || !begun
	t.done[provider]++
}

func (t *tally) check(tt *testing.T, totals, done map[string]int) {
	tt.Helper()
	if !maps.Equal(t.totals, totals) || !maps.Equal(t.done, done) || t.early {
		tt.Errorf("%v of %v are done (early: %v), want %v of %v", t.done, t.totals, t.early, done, totals)
	}
}

const twoAccounts = `version: 1
providers:
  one: {kind: vendasta, partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited}
  two: {kind: vendasta, partner: DEF, auth: {token: {env: UNUSED}}, rate: unlimited, retries: 0}
`

const threePeople = `version: 1
people:
  - {email: a@example.com, access: {one: &access {platformAccess: ["tm:access"]}, two: *access}}
  - {email: b@example.com, access: {one: *access, two: *access}}
  - {email: c@example.com, from: 2999-01-01, access: {one: *access}}
`

// TestProgressOfLookups: each lookup that is made is done once, failed ones too.
func TestProgressOfLookups(t *testing.T) {
	h := newHouse(t, twoAccounts, threePeople)
	h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultStatus, Status: 403}))
	accounts, connections := h.accounts(true)
	readers := make(map[string]providers.Reader)
	for name, connection := range connections {
		readers[name] = connection.Reader
	}
	access := sources.Resolve(h.roster, h.config, registry.Rules, today)
	progress := newTally()
	if _, err := plan.Observe(context.Background(), accounts, readers, access, progress); err != nil {
		t.Fatal(err)
	}
	progress.check(t, map[string]int{"one": 2, "two": 2}, map[string]int{"one": 2, "two": 2})

	ended, end := context.WithCancel(context.Background())
	end()
	progress = newTally()
	if _, err := plan.Observe(ended, accounts, readers, access, progress); err == nil {
		t.Fatal("an interrupt is no error")
	}
	progress.check(t, map[string]int{"one": 2, "two": 2}, map[string]int{})
}

// TestProgressOfChanges: each change that is begun is done once; those that an
// interrupt leaves are not.
func TestProgressOfChanges(t *testing.T) {
	h := newHouse(t, twoAccounts, threePeople)
	h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Create, Nth: 2, Fault: simulator.FaultStatus, Status: 422}))
	p := h.plan()
	progress := newTally()
	r := h.apply(p, func(a *plan.Applier) { a.Progress = progress })
	progress.check(t, map[string]int{"one": 2, "two": 2}, map[string]int{"one": 2, "two": 2})
	if r.Count(plan.Applied) != 3 || r.Count(plan.Failed) != 1 {
		t.Errorf("%d are applied and %d failed", r.Count(plan.Applied), r.Count(plan.Failed))
	}
	progress = newTally()
	stopped := make(chan struct{})
	close(stopped)
	h.apply(p, func(a *plan.Applier) { a.Progress, a.Stop, a.Built = progress, stopped, time.Now() })
	progress.check(t, map[string]int{"one": 2, "two": 2}, map[string]int{})
}
