package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/sources"
)

// TestOnceTells: whoever the configuration names is told of a run --once that failed, of
// one that did not even begin, and that all is well again, also by another process.
func TestOnceTells(t *testing.T) {
	t.Parallel()
	w := &week{t: t, dir: t.TempDir(), book: &logbook{zone: time.UTC}}
	w.config("0 2 * * *", "unlimited", "4h")
	w.chaos("vendasta:\n  users: []\n")
	once := func(want int, args ...string) {
		t.Helper()
		var told tail
		a := newApp(strings.NewReader(""), &told, &told)
		a.transport = w.book
		if code := a.execute(context.Background(), append([]string{"-c", filepath.Join(w.dir, "rollcall.yaml"), "--simulate", "run", "--once"}, args...)); code != want {
			t.Errorf("exit code %d, want %d: %s", code, want, told.text)
		}
	}
	w.roster(2, false)
	once(plan.ExitOK)
	write(t, w.dir, "roster.yaml", "version: 1\npeople:\n  - {email: p0@example.com, acess: {}}\n")
	once(plan.ExitInvalid)
	w.roster(3, false)
	once(plan.ExitOK, "--provider", "vendasta")
	once(plan.ExitOK)
	file := filepath.Join(w.dir, filepath.FromSlash(simulatedLedger))
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w.dir, simulatedLedger, "this is no ledger, but long enough to be looked at")
	once(plan.ExitError)
	write(t, w.dir, simulatedLedger, string(good))
	var events []string
	for _, told := range w.book.told {
		event, _, _ := strings.Cut(told[len("Mon 15:04 "):], ":")
		events = append(events, event)
	}
	// An invalid roster is not in the ledger, so that nothing is known to be well again.
	if diff := cmp.Diff([]string{"run.failed", "run.failed"}, events); diff != "" {
		t.Errorf("-want +got\n%s\n%v", diff, w.book.told)
	}
	if !strings.Contains(w.book.told[1], "the ledger can not be read") {
		t.Errorf("%v", w.book.told)
	}
	if w.book.beats != 3 {
		t.Errorf("%d heartbeats", w.book.beats)
	}
}

// TestPast: runs of a part only say nothing of the others, and each says which providers
// it was for.
func TestPast(t *testing.T) {
	t.Parallel()
	w := &week{t: t, dir: t.TempDir(), book: &logbook{zone: time.UTC}}
	w.config("0 2 * * *", "unlimited", "4h")
	w.chaos("vendasta:\n  users: []\n")
	w.roster(2, false)
	for _, args := range [][]string{{"--provider", "vendasta"}, {}, {"--person", "p1@example.com"}} {
		if code, out, told := rollcall(w.dir, append([]string{"--simulate", "apply", "--yes"}, args...)...); code != plan.ExitOK {
			t.Fatalf("exit code %d: %s%s", code, out, told)
		}
	}
	config, problems := sources.LoadConfig(filepath.Join(w.dir, "rollcall.yaml"))
	if config == nil {
		t.Fatal(problems)
	}
	var told tail
	a := newApp(strings.NewReader(""), &told, &told)
	a.simulate = true
	past, err := a.past(t.Context(), config)
	if err != nil || len(past) != 1 || past[0].Outcome != service.Converged || !cmp.Equal(past[0].Providers, []string{"partoo", "vendasta"}) {
		t.Errorf("%+v, %v", past, err)
	}
}

// TestMovedLedger: a run whose ledger moved between its turn and its beginning changes
// nothing: somebody else may have the turn there.
func TestMovedLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", "version: 1\nledger: a.db\nproviders: {vendasta: {partner: ABC, auth: {token: {env: UNUSED}}}}\n")
	load := func() *sources.Config {
		config, problems := sources.LoadConfig(filepath.Join(dir, "rollcall.yaml"))
		if config == nil {
			t.Fatal(problems)
		}
		return config
	}
	var told tail
	all := &turns{app: newApp(strings.NewReader(""), &told, &told)}
	if err := all.use(t.Context(), load()); err != nil {
		t.Fatal(err)
	}
	turn, err := all.Take(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = turn.Release(t.Context()) }()
	c := newApp(strings.NewReader(""), &told, &told)
	c.turn = turn.(*turnTaken)
	held, err := c.hold(t.Context(), load())
	if err != nil {
		t.Fatal(err)
	}
	held.release() // lets nobody in: the turn is not over
	if _, err := newApp(strings.NewReader(""), &told, &told).hold(t.Context(), load()); err == nil || !strings.Contains(err.Error(), "is applying with this ledger") {
		t.Errorf("somebody else may apply: %v", err)
	}
	write(t, dir, "rollcall.yaml", "version: 1\nledger: b.db\nproviders: {vendasta: {partner: ABC, auth: {token: {env: UNUSED}}}}\n")
	_, err = c.hold(t.Context(), load())
	var coded *exitError
	if !errors.As(err, &coded) || coded.code != plan.ExitInvalid || !strings.Contains(err.Error(), "the next run goes by what the configuration says") {
		t.Errorf("a ledger that moved: %v", err)
	}
}

// TestReportsHoldNoSecret: whatever came into a plan or a result, no secret of the run is
// in what is reported of it.
func TestReportsHoldNoSecret(t *testing.T) {
	t.Parallel()
	var told tail
	a := newApp(strings.NewReader(""), &told, &told)
	a.secrets.Remember("sesame-sesame")
	p := &plan.Plan{Held: []plan.Held{{Email: "ana@example.com", Detail: "the vendor says sesame-sesame"}}}
	if clean := without(a, p); clean == p || strings.Contains(clean.Held[0].Detail, "sesame") || clean.Held[0].Email != "ana@example.com" {
		t.Errorf("%+v", clean.Held)
	}
	r := plan.NewResult(nil)
	r.Error = "sesame-sesame"
	if clean := without(a, r); strings.Contains(clean.Error, "sesame") {
		t.Errorf("%+v", clean)
	}
	if same := without(a, &plan.Plan{}); same == nil {
		t.Error("nothing is left of a plan without secrets")
	}
}
