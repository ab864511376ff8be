package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// killAt is the variable by which a program under test is told at which point of its
// journal to kill itself.
const killAt = "ROLLCALL_TEST_KILL_AT"

// toBeKilled has the program kill itself where the variable says.
func toBeKilled() {
	at, err := strconv.ParseInt(os.Getenv(killAt), 10, 64)
	if err != nil {
		return
	}
	var points atomic.Int64
	journalPoint = func() {
		if points.Add(1) != at {
			return
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {} // until it takes effect
	}
}

var everyPoint = flag.Bool("every-point", false, "kill at every point of the journal, which takes some minutes, instead of at some of them")

// The roster before, and the one that is applied: a quarter each is created, changed,
// departs and vanishes.
const killedPeople = 200

// killedRoster is a roster of the people; before says which.
func killedRoster(before bool) string {
	var out strings.Builder
	out.WriteString("version: 1\npeople:\n")
	for i := range killedPeople {
		email := fmt.Sprintf("p%03d@example.com", i)
		name, status, there := "Old", "", true
		switch i % 4 {
		case 0:
			there = !before
		case 1:
			if !before {
				name = "New"
			}
		case 2:
			if !before {
				status = "status: departed, "
			}
		case 3:
			there = before
		}
		if there {
			where := []string{`vendasta: {platformAccess: ["tm:access"]}`, "partoo: {role: PUBLISHER}", `desk: {platformAccess: ["ssc:access"]}`}[i/4%3]
			fmt.Fprintf(&out, "  - {email: %s, %sgivenName: %s, familyName: Person, access: {%s}}\n", email, status, name, where)
		}
	}
	return out.String()
}

// A theatre is one place in which runs are killed: vendors, roster and ledger.
type theatre struct {
	t      *testing.T
	dir    string
	world  *simulator.World
	server *httptest.Server

	state, ledger []byte // at the beginning
	// database is where the ledger stands; empty is a file.
	database string
}

// lossy loses answers to writes after their effect.
var lossy = simulator.Chaos{Fail: []simulator.Rule{
	{Operation: simulator.Create, Every: 7, Fault: simulator.FaultLostAnswer}, {Operation: simulator.Update, Every: 5, Fault: simulator.FaultLostAnswer},
}}

func newTheatre(t *testing.T) *theatre {
	t.Helper()
	h := &theatre{t: t, dir: t.TempDir(), world: simulator.New(simulator.Options{})}
	h.serve()
	config := "version: 1\nguardrails: {maxRemovals: 100%}\nproviders:\n"
	for name, partner := range map[string]string{"vendasta": "ABC", "desk": "XYZ"} {
		config += fmt.Sprintf("  %s: {kind: vendasta, partner: %s, baseURL: %q, auth: {token: {env: KILLED_SECRET}}, rate: unlimited}\n", name, partner, h.endpoint("vendasta"))
	}
	config += fmt.Sprintf("  partoo: {baseURL: %q, auth: {apiKey: {env: KILLED_SECRET}}, rate: unlimited}\n", h.endpoint("partoo"))
	write(t, h.dir, "rollcall.yaml", config)
	write(t, h.dir, "roster.yaml", killedRoster(true))
	if out, err := h.run(0); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var state bytes.Buffer
	if err := h.world.Save(&state); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.ledger, err = os.ReadFile(h.ledgerPath()); err != nil {
		t.Fatal(err)
	}
	h.state = state.Bytes()
	write(t, h.dir, "roster.yaml", killedRoster(false))
	return h
}

func (h *theatre) serve() {
	h.server = httptest.NewServer(h.world.Handler())
	h.t.Cleanup(h.server.Close)
}

func (h *theatre) endpoint(kind string) string {
	return h.world.Endpoint(h.server.URL, kind).BaseURL
}

func (h *theatre) ledgerPath() string {
	return filepath.Join(h.dir, filepath.FromSlash(sources.DefaultLedger))
}

func (h *theatre) openLedger() (*ledger.Ledger, error) {
	if h.database != "" {
		return ledger.ReadDatabase(context.Background(), h.database)
	}
	return ledger.Read(context.Background(), h.ledgerPath())
}

// reset puts everything back to the beginning.
func (h *theatre) reset() {
	h.t.Helper()
	h.world.SetChaos(lossy)
	if err := h.world.Load(bytes.NewReader(h.state)); err != nil {
		h.t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(h.ledgerPath())); err != nil {
		h.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(h.ledgerPath()), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.ledgerPath(), h.ledger, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// run applies the roster in a process of its own, which is killed at a point of its
// journal; 0 is never.
func (h *theatre) run(at int, env ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, self)
	command.Args = []string{"rollcall", "-C", h.dir, "apply", "--yes"}
	command.Env = append(append(os.Environ(), "KILLED_SECRET=anything-goes"), env...)
	if at > 0 {
		command.Env = append(command.Env, fmt.Sprintf("%s=%d", killAt, at))
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

// vendors are the users as the vendors have them, one line each, without what differs
// from one run to the next.
func (h *theatre) vendors() []string {
	var lines []string
	for _, kind := range []string{"vendasta", "partoo"} {
		for _, u := range h.world.Users(kind) {
			data := u.Data
			for _, name := range []string{"id", "createdAt", "updatedAt", "created_at", "invited_at"} {
				delete(data, name)
			}
			lines = append(lines, fmt.Sprintf("%s %s %v", kind, u.Email, data))
		}
	}
	slices.Sort(lines)
	return lines
}

// twice are the addresses that two users of one account have.
func (h *theatre) twice() []string {
	seen := make(map[string]int)
	for _, kind := range []string{"vendasta", "partoo"} {
		for _, u := range h.world.Users(kind) {
			seen[fmt.Sprint(kind, u.Data["partner"], strings.ToLower(u.Email))]++
		}
	}
	var twice []string
	for who, n := range seen {
		if n > 1 {
			twice = append(twice, who)
		}
	}
	return twice
}

// agrees says in what the ledger and the vendors differ, or "".
func (h *theatre) agrees() string {
	l, err := h.openLedger()
	if err != nil {
		return err.Error()
	}
	defer func() { _ = l.Close() }()
	if _, err := l.Verify(context.Background(), ""); err != nil {
		return err.Error()
	}
	state, err := l.State(context.Background())
	if err != nil {
		return err.Error()
	}
	if len(state.Unfinished)+len(state.Open) > 0 {
		return fmt.Sprintf("unfinished %v, open %v", state.Unfinished, state.Open)
	}
	managed := make(map[string]ledger.User)
	for _, user := range state.Users {
		managed[user.UserID] = user
	}
	total := 0
	for _, kind := range []string{"vendasta", "partoo"} {
		for _, u := range h.world.Users(kind) {
			total++
			user, known := managed[u.ID]
			suspended := u.Data["disabled"] == true || kind == "vendasta" && fmt.Sprint(u.Data["platformAccess"]) == "[]"
			if !known || user.Email != u.Email || user.Left.IsZero() == suspended {
				return fmt.Sprintf("%s %s: %v in the ledger, suspended %v", kind, u.Email, user, suspended)
			}
		}
	}
	if total != len(managed) {
		return fmt.Sprintf("%d users, %d in the ledger", total, len(managed))
	}
	return ""
}

// TestKilled kills an apply of 200 changes at three accounts, whose vendors lose
// answers, at points of its journal: before and after each row. After one more run the
// vendors have what an undisturbed run gives them, nobody is there twice, and the
// ledger has what they have.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	undisturbed := newTheatre(t)
	undisturbed.reset()
	out, err := undisturbed.run(0)
	if err != nil || !strings.Contains(out, "200 applied") {
		t.Fatalf("%v\n%s", err, out)
	}
	want := undisturbed.vendors()
	if wrong := undisturbed.agrees(); wrong != "" {
		t.Fatal(wrong)
	}
	// Two points for the beginning, two for the end, and four for each change.
	const points = 2 + 2 + 4*200
	stride := 53
	switch {
	case *everyPoint:
		stride = 1
	case raced:
		stride = 211
	}
	queue := make(chan int)
	var group sync.WaitGroup
	var killed atomic.Int64
	for range 2 {
		h := newTheatre(t)
		group.Go(func() {
			for at := range queue {
				if h.killedAt(at, want) {
					killed.Add(1)
				}
			}
		})
	}
	for at := 1; at <= points; at += stride {
		queue <- at
	}
	close(queue)
	group.Wait()
	if n := killed.Load(); n != int64((points+stride-1)/stride) {
		t.Errorf("%d runs were killed at %d points", n, points)
	}
}

// killedAt kills one run and looks at what the next one makes of it.
func (h *theatre) killedAt(at int, want []string) (killed bool) {
	h.reset()
	out, err := h.run(at)
	if exit := (&exec.ExitError{}); err == nil || !asExit(err, &exit) || exit.ExitCode() != -1 && exit.ExitCode() != 1 || strings.Contains(out, "applied") {
		h.t.Errorf("point %d: the run was not killed: %v\n%s", at, err, out)
		return false
	}
	out, err = h.run(0)
	if err != nil {
		h.t.Errorf("point %d: the next run: %v\n%s", at, err, out)
	}
	if twice := h.twice(); len(twice) > 0 {
		h.t.Errorf("point %d: are there twice: %v", at, twice)
	}
	if diff := gocmp.Diff(want, h.vendors()); diff != "" {
		h.t.Errorf("point %d: the vendors have something else:\n%s", at, diff)
	}
	if wrong := h.agrees(); wrong != "" {
		h.t.Errorf("point %d: %s", at, wrong)
	}
	return true
}

func asExit(err error, to **exec.ExitError) bool {
	exit, is := err.(*exec.ExitError) //nolint:errorlint // what Run returns
	*to = cmp.Or(exit, *to)
	return is
}
