package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan/ledger"
	"rollcall/plan/ledger/pgtest"
	"rollcall/providers/simulator"
)

var ticks = flag.Int("ticks", 0, "run two replicas for so many ticks, of three seconds each, instead of for a few")

// A replica is one rollcall run of two.
type replica struct {
	t       *testing.T
	dir     string
	url     string
	command *exec.Cmd
	told    tail
	done    chan error
}

// apply is an apply by hand.
func (r *replica) apply() ([]byte, error) {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	command := exec.Command(self)
	command.Args = []string{"rollcall", "-C", r.dir, "apply", "--yes"}
	command.Env = append(os.Environ(), "KILLED_SECRET=anything-goes", "REPLICA_LEDGER="+r.url)
	return command.CombinedOutput()
}

// start has it run, and kill itself at a point of its journal; 0 is never.
func (r *replica) start(at int) {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	r.command = exec.Command(self)
	r.command.Args = []string{"rollcall", "-C", r.dir, "run", "--grace", "10s"}
	r.command.Env = append(os.Environ(), "KILLED_SECRET=anything-goes", "REPLICA_LEDGER="+r.url, every+"="+apart.String())
	if at > 0 {
		r.command.Env = append(r.command.Env, fmt.Sprintf("%s=%d", killAt, at))
	}
	r.command.Stdout, r.command.Stderr = &r.told, &r.told
	if err := r.command.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.done = make(chan error, 1)
	go func() { r.done <- r.command.Wait() }()
}

// apart is the time between two ticks: more than a lease and the time that a run takes.
const apart = 3 * time.Second

// The people of the replicas' roster, and how many of them each roster changes.
const replicaPeople, replicaChanges = 20, 10

func replicaRoster(round int) string {
	var out strings.Builder
	out.WriteString("version: 1\npeople:\n")
	for i := range replicaPeople {
		grant := "tm:access"
		if i < replicaChanges && round%2 == 1 {
			grant = "ssc:access"
		}
		fmt.Fprintf(&out, "  - {email: p%03d@example.com, givenName: P, familyName: Q, access: {vendasta: {platformAccess: [%q]}}}\n", i, grant)
	}
	return out.String()
}

// TestReplicas has two processes run with one ledger in PostgreSQL, one of which is
// killed twice in the middle of a run: each tick is run by one of them, what the killed
// one left is taken over before the next tick, and no change is made twice.
func TestReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	t.Parallel()
	h := &theatre{t: t, dir: t.TempDir(), world: simulator.New(simulator.Options{}), database: pgtest.Database(t)}
	h.serve()
	replicas := make([]*replica, 2)
	for i := range replicas {
		dir := filepath.Join(h.dir, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "rollcall.yaml", fmt.Sprintf(`version: 1
guardrails: {maxRemovals: 100%%}
ledger: {url: {env: REPLICA_LEDGER}, lease: 1s}
providers: {vendasta: {partner: ABC, baseURL: %q, auth: {token: {env: KILLED_SECRET}}, rate: unlimited, concurrency: 2}}
`, h.endpoint("vendasta")))
		replicas[i] = &replica{t: t, dir: dir, url: h.database}
	}
	round := 0
	roster := func() {
		for _, r := range replicas {
			file := filepath.Join(r.dir, "roster.yaml")
			write(t, r.dir, "new.yaml", replicaRoster(round))
			if err := os.Rename(filepath.Join(r.dir, "new.yaml"), file); err != nil {
				t.Fatal(err)
			}
		}
	}
	roster()
	// Everybody is there before: what a create left is looked for with patience, which is
	// not what is tried here.
	if out, err := replicas[1].apply(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	round++
	roster()
	l, err := ledger.OpenDatabase(t.Context(), h.database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	const at = 15 // in the middle of a run's changes
	replicas[0].start(at)
	replicas[1].start(0)
	defer func() {
		for _, r := range replicas {
			_ = r.command.Process.Kill()
			r.end()
		}
		if t.Failed() {
			for i, r := range replicas {
				t.Logf("replica %d:\n%s", i, r.told.text)
			}
		}
	}()

	var ended []ledger.Tick
	kills, before := 0, 0 // and how many ticks had ended before the last kill
	wanted, most := max(6, *ticks), max(60, *ticks+60)
	deadline := time.After(time.Duration(most) * apart)
	// What the last kill left is taken over, and one more is run, before they are stopped.
	for len(ended) < wanted || kills < 2 || len(ended) < before+2 {
		select {
		case <-deadline:
			t.Fatalf("%d ticks and %d kills", len(ended), kills)
		case err := <-replicas[0].done:
			if kills++; kills > 2 {
				t.Fatalf("it ended by itself: %v", err)
			}
			before = len(ended)
			replicas[0].start([]int{at, 0}[kills-1])
		case <-time.After(50 * time.Millisecond):
		}
		last, err := l.LastTick(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !last.At.IsZero() && (len(ended) == 0 || last.At.After(ended[len(ended)-1].At)) {
			ended = append(ended, last)
			round++
			roster()
		}
	}
	for _, r := range replicas {
		if err := r.command.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		err := <-r.done
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
		r.done <- err
	}
	// On a machine that is busy with something else a run can take so long that the next
	// tick is skipped, as it should be. Whoever asks for many ticks has one that is not.
	skipped := t.Errorf
	if *ticks == 0 {
		skipped = t.Logf
	}
	begun, overlapped := 0, 0
	for i, tick := range ended {
		begun += tick.Attempts
		if i > 0 && !tick.At.Equal(ended[i-1].At.Add(apart)) {
			skipped("after the tick of %s comes that of %s", ended[i-1].At, tick.At)
		}
		switch tick.Status {
		case string(service.Converged):
		case string(service.Overlapped), "superseded":
			overlapped++
			skipped("the tick of %s is %s", tick.At, tick.Status)
		default:
			t.Errorf("the tick of %s: %s", tick.At, tick.Status)
		}
	}
	if begun != len(ended)+2 {
		skipped("%d ticks were begun %d times, with 2 kills", len(ended), begun)
	}
	// Whether the last roster was applied is not known; all before were, once, but for
	// those at whose tick nothing was run.
	writes := int(h.world.Counts().Writes)
	most = replicaPeople + replicaChanges*round
	if least := most - replicaChanges*(1+2*overlapped); writes < least || writes > most {
		t.Errorf("%d writes in %d rounds, want %d to %d", writes, round, least, most)
	}
	if created := h.world.Counts().Created; created != replicaPeople {
		t.Errorf("%d users created", created)
	}
	if wrong := h.agrees(); wrong != "" {
		t.Error(wrong)
	}
	if left, err := l.Unended(context.Background()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	t.Logf("%d ticks, %d writes", len(ended), writes)
}

// end waits for it to have ended, however it did.
func (r *replica) end() {
	for range r.done {
		return
	}
}
