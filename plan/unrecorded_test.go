package plan_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/plan/ledger"
)

// What was done and could not be recorded is done, and the run has not succeeded all
// the same: nothing else that went well hides it.
func TestDoneAndUnrecorded(t *testing.T) {
	h := remembering(t, bothConfig, people())
	h.load(bothConfig, people(strings.Replace(anaEntry, ", teams: [seller]", "", 1)))
	p := h.plan()
	l, err := ledger.Open(t.Context(), h.ledger)
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	recorder := &plan.Recorder{Ledger: l, Run: "run-x", Point: func() {
		if points++; points == 3 { // what is about to be sent is recorded, and how it ended is not yet
			_ = l.Close()
		}
	}}
	a := &plan.Applier{Plan: p.Plan, Providers: p.accounts, Connections: p.connections, Access: p.access, Built: time.Now(), Recorder: recorder}
	r := a.Apply(t.Context())
	if got := only(t, r); got.Status != plan.Applied || r.Exit != plan.ExitIncomplete || !strings.Contains(r.Error, "ledger") {
		t.Errorf("%s, exit %d, %q", got.Status, r.Exit, r.Error)
	}
	// The next run finds what was done, and records it.
	next := h.plan()
	if len(next.Interrupted) != 1 || next.Interrupted[0].Found != "the user is there" || len(next.Changes) != 0 {
		t.Errorf("%s", next.Text(plan.Style{}))
	}
	h.apply(next)
	if h.remember(); h.state.Users[ledger.Key{Provider: "partoo", Email: "ana@example.com"}].UserID == "" || len(h.state.Unfinished) != 0 {
		t.Errorf("%+v", h.state)
	}
}

// TestNothingAfterUnrecorded: once the ledger could not take something nothing further is
// begun, also where it would take the next thing.
func TestNothingAfterUnrecorded(t *testing.T) {
	h := remembering(t, baseConfig, "version: 1\npeople: []\n")
	h.load(strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, concurrency: 1", 1), `version: 1
people:
  - {email: ana@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: bill@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
`)
	p := h.plan()
	whole, err := ledger.Open(t.Context(), h.ledger)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = whole.Close() }()
	broken, err := ledger.Open(t.Context(), h.ledger)
	if err != nil {
		t.Fatal(err)
	}
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	recorder := &plan.Recorder{Ledger: whole, Run: "run-x"}
	points := 0
	recorder.Point = func() {
		switch points++; points {
		case 3: // how the first ended is about to be recorded
			recorder.Ledger = broken
		case 4:
			recorder.Ledger = whole
		}
	}
	a := &plan.Applier{Plan: p.Plan, Providers: p.accounts, Connections: p.connections, Access: p.access, Built: time.Now(), Recorder: recorder}
	r := a.Apply(t.Context())
	if r.Count(plan.Applied) != 1 || r.Count(plan.Skipped) != 1 || r.Exit != plan.ExitIncomplete {
		t.Errorf("%s", r.Text(plan.Style{}))
	}
	if users := h.world.Users("vendasta"); len(users) != 1 {
		t.Errorf("%d users", len(users))
	}
}
