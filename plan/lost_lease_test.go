package plan_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
)

const twoNew = `version: 1
people:
  - {email: ana@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: bo@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
`

// Once another run may have taken over nothing further is begun, and nobody is told that
// it was an interrupt.
func TestLostLease(t *testing.T) {
	h := newHouse(t, "", twoNew)
	p := h.plan()
	lost := make(chan struct{})
	close(lost)
	r := h.apply(p, func(a *plan.Applier) { a.Lost = lost })
	if r.Count(plan.Skipped) != 2 || r.Exit != plan.ExitIncomplete || r.Interrupted || len(h.world.Users("vendasta")) != 0 {
		t.Errorf("exit %d, %d users: %s", r.Exit, len(h.world.Users("vendasta")), r.Text(plan.Style{}))
	}
	if !strings.Contains(r.Changes[0].Error, "the lease of the ledger was lost") {
		t.Error(r.Changes[0].Error)
	}
	// With a lease that is not lost all is done, and nothing runs on.
	if r := h.apply(p, func(a *plan.Applier) { a.Lost = make(chan struct{}) }); r.Exit != plan.ExitOK {
		t.Error(r.Text(plan.Style{}))
	}
}

// A change that was recorded and only waits for the vendor to take it is not sent after
// the lease is lost.
func TestLostLeaseEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "", oneNew)
		p := h.plan()
		h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Create, Fault: simulator.FaultStatus, Status: 429, RetryAfter: 5 * time.Minute}))
		lost := make(chan struct{})
		begun := time.Now()
		go func() {
			time.Sleep(time.Second)
			close(lost)
		}()
		r := h.apply(p, func(a *plan.Applier) { a.Lost = lost })
		if got := only(t, r); got.Status != plan.Skipped || r.Exit != plan.ExitIncomplete || time.Since(begun) > 2*time.Second {
			t.Errorf("%s after %s, exit %d: %s", got.Status, time.Since(begun), r.Exit, got.Error)
		}
	})
}

// Whoever was paused while another took over sends nothing, though nothing told him: he
// can not record it.
func TestPausedRunSendsNothing(t *testing.T) {
	h := newHouse(t, "", twoNew)
	p := h.plan()
	path := filepath.Join(t.TempDir(), "ledger.db")
	fenced := func(holder string) *ledger.Ledger {
		l, err := ledger.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		lease, err := l.Acquire(t.Context(), "apply", holder, 0) // runs out at once
		if err != nil {
			t.Fatal(err)
		}
		l.Fence(lease)
		return l
	}
	paused := fenced("paused")
	_ = fenced("another")
	a := plan.Applier{
		Plan: p.Plan, Providers: p.accounts, Connections: p.connections, Access: p.access, Built: time.Now(), Stop: h.stop,
		Recorder: &plan.Recorder{Ledger: paused, Run: "run-1"},
	}
	r := a.Apply(t.Context())
	if r.Count(plan.Skipped) != 2 || r.Exit != plan.ExitIncomplete || len(h.world.Users("vendasta")) != 0 {
		t.Errorf("exit %d, %d users: %s", r.Exit, len(h.world.Users("vendasta")), r.Text(plan.Style{}))
	}
	if !strings.Contains(r.Error, "the lease was lost") {
		t.Error(r.Error)
	}
	if _, err := a.Recorder.Ended(t.Context(), p.Plan, p.accounts, p.entries, p.all, r); !errors.Is(err, ledger.ErrLost) {
		t.Error(err)
	}
}
