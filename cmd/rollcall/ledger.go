package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/sources"
)

// simulatedLedger is the record of simulated users, beside the configuration: it must
// never be taken for that of real ones.
const simulatedLedger = ".rollcall/simulator.ledger.db"

// A place is where the record of these users stands: a file, or a database that several
// machines share.
type place struct {
	path string         // of the file; empty where it is a database
	url  sources.Secret // of the database
	name string         // of either, as it can be shown
}

// place finds it. The address of a database is read once for a configuration.
func (a *app) place(ctx context.Context, config *sources.Config) (place, error) {
	ref := config.Ledger.URL
	switch {
	case a.simulate:
		path := filepath.Join(filepath.Dir(config.File), filepath.FromSlash(simulatedLedger))
		return place{path: path, name: filepath.ToSlash(path)}, nil
	case ref == nil:
		return place{path: config.Ledger.Path, name: filepath.ToSlash(config.Ledger.Path)}, nil
	case a.placed.of == config:
		return a.placed.at, nil
	}
	address, err := a.secrets.Read(ctx, *ref)
	if err != nil {
		return place{}, invalid(fmt.Errorf("%s: ledger.url: %w", ref.Origin, err))
	}
	if parsed, err := url.Parse(address.Reveal()); err == nil {
		password, _ := parsed.User.Password()
		for _, secret := range append(parsed.Query()["password"], password) {
			a.secrets.Remember(secret)
		}
	}
	name, err := ledger.Address(address.Reveal())
	if err != nil {
		return place{}, invalid(fmt.Errorf("%s: ledger.url: %s %w", ref.Origin, ref, err))
	}
	a.placed.of, a.placed.at = config, place{url: address, name: name}
	return a.placed.at, nil
}

// read opens the ledger for reading. fs.ErrNotExist is wrapped where there is none.
func (p place) read(ctx context.Context) (*ledger.Ledger, error) {
	if p.path != "" {
		return ledger.Read(ctx, p.path)
	}
	return ledger.ReadDatabase(ctx, p.url.Reveal())
}

// open opens it for writing, making it where there is none.
func (p place) open(ctx context.Context) (*ledger.Ledger, error) {
	if p.path != "" {
		return ledger.Open(ctx, p.path)
	}
	return ledger.OpenDatabase(ctx, p.url.Reveal())
}

// remember reads the ledger, before anything is asked of a vendor: without writing to
// it, and without a lock. That there is none is no error unless one is required.
func (a *app) remember(ctx context.Context, config *sources.Config) error {
	a.memory = nil
	at, err := a.place(ctx, config)
	if err != nil {
		return err
	}
	opened, err := at.read(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist) && config.Ledger.Require:
		return broken(fmt.Errorf("ledger.require: there is no ledger at %s: put it back, or take require out for the apply that begins a new one", at.name))
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return at.unreadable(err)
	}
	defer func() { _ = opened.Close() }()
	state, err := opened.State(ctx)
	if err != nil {
		return at.unreadable(err)
	}
	a.memory = state
	return a.sameAccounts(config, state)
}

// unreadable says what can be done about a ledger that can not be read.
func (p place) unreadable(err error) error {
	what := "mend it, or put a copy back: a run without it would not know whom it manages"
	if p.path == "" {
		what = "see that the database runs, can be reached from here and lets this user in, and run again: nothing is done without it"
	}
	return broken(fmt.Errorf("%w; %s", err, what))
}

// sameAccounts refuses a provider that stands for another account than the one whose
// users the ledger has under its name.
func (a *app) sameAccounts(config *sources.Config, state *ledger.State) error {
	users := make(map[string]int)
	for key := range state.Users {
		users[key.Provider]++
	}
	var wrong []error
	for _, c := range config.Providers {
		provider := a.provider(c)
		if then := state.Targets[c.Name]; a.inScope(c.Name) && users[c.Name] > 0 && then != "" && then != provider.Target {
			settings := strings.Join(append(append([]string{}, provider.Kind.Account...), "baseURL"), " and ")
			wrong = append(wrong, fmt.Errorf("%s: %s: the ledger has %s of another account under this name: put %s back as they were, or give this account a name of its own", c.Origin, c.Name, plural(users[c.Name], "user"), settings))
		}
	}
	if len(wrong) > 0 {
		return invalid(errors.Join(wrong...))
	}
	return nil
}

// ledgerState is whether there is a ledger.
func (a *app) ledgerState() plan.LedgerState {
	if a.memory == nil {
		return plan.LedgerAbsent
	}
	return plan.LedgerPresent
}

// A holder says who keeps other applies from running.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Began   time.Time `json:"began"`
	Version string    `json:"version"`
}

// ourselves is this process as a holder.
func ourselves() []byte {
	text, _ := json.Marshal(holder{PID: os.Getpid(), Host: hostname(), User: username(), Began: time.Now(), Version: version()})
	return text
}

// heldBy reads who that is, or was.
func heldBy(text []byte) (who holder, known bool) {
	known = json.Unmarshal(text, &who) == nil && who.PID != 0
	return who, known
}

// applying is the refusal to apply beside another.
func applying(text []byte, until string) error {
	told := "another rollcall"
	if who, known := heldBy(text); known {
		told = fmt.Sprintf("another rollcall (process %d of %s on %s, since %s)", who.PID, inert(who.User), inert(who.Host), who.Began.UTC().Format(time.RFC3339))
	}
	return &exitError{code: plan.ExitError, err: &busyError{who: told, until: until}}
}

// A busyError means that somebody else applies.
type busyError struct{ who, until string }

func (e *busyError) Error() string {
	return fmt.Sprintf("%s is applying with this ledger: wait until it ends%s", e.who, e.until)
}

// abandoned tells of an apply that ended without letting others run.
func (a *app) abandoned(text []byte) {
	if who, known := heldBy(text); known {
		a.log.Warn("an earlier run ended without saying so; what was under way is looked at", "process", who.PID, "host", who.Host, "since", who.Began)
	}
}

// applyLease is the name of the lease that every apply needs.
const applyLease = "apply"

// A hold keeps every other apply with the same ledger from running.
type hold struct {
	// lease is that of a ledger in a database; nil for a file, whose lock the system
	// keeps for as long as the process lives.
	lease   *ledger.Lease
	release func()
}

// lost is closed when others may run all the same.
func (h *hold) lost() <-chan struct{} {
	if h.lease == nil {
		return nil
	}
	return h.lease.Lost()
}

// hold keeps every other apply with this ledger from running until it is released.
// Whoever died without doing so is told.
func (a *app) hold(ctx context.Context, config *sources.Config) (*hold, error) {
	at, err := a.place(ctx, config)
	if err != nil {
		return nil, err
	}
	if a.turn != nil {
		return a.turn.during(at)
	}
	if at.path == "" {
		return a.holdLease(ctx, at, config.Ledger.Lease)
	}
	return a.holdLock(at.path)
}

// holdLock holds the lock beside a file.
func (a *app) holdLock(path string) (*hold, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, broken(fmt.Errorf("the ledger's folder %s can not be made: %w", filepath.ToSlash(filepath.Dir(path)), unwrapPath(err)))
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, broken(fmt.Errorf("%s.lock can not be locked: %w", filepath.ToSlash(path), unwrapPath(err)))
	}
	// Its own file, since a locked one can not be read everywhere.
	held := path + ".holder"
	before, _ := os.ReadFile(held)
	if !got {
		return nil, applying(before, "")
	}
	a.abandoned(before)
	if err := writeFile(held, ourselves()); err != nil {
		_ = lock.Unlock()
		return nil, broken(fmt.Errorf("%s can not be written: %w", filepath.ToSlash(held), unwrapPath(err)))
	}
	return &hold{release: func() {
		_ = os.Remove(held)
		_ = lock.Unlock()
	}}, nil
}

// releasing is how long it may take to give a lease back. Where it can not be, it runs
// out.
const releasing = 5 * time.Second

// holdLease holds the lease in a database, and renews it until it is released.
func (a *app) holdLease(ctx context.Context, at place, span time.Duration) (*hold, error) {
	opened, err := at.open(ctx)
	if err != nil {
		return nil, at.unreadable(err)
	}
	lease, err := opened.Acquire(ctx, applyLease, string(ourselves()), span)
	var held *ledger.HeldError
	switch {
	case errors.As(err, &held):
		until := ", or, if it has died, until " + held.Until.UTC().Format(time.RFC3339)
		return nil, errors.Join(applying([]byte(held.Holder), until), opened.Close())
	case err != nil:
		return nil, errors.Join(broken(err), opened.Close())
	}
	a.abandoned([]byte(lease.Abandoned()))
	ctx = context.WithoutCancel(ctx)
	stop := lease.Keep(ctx)
	return &hold{lease: lease, release: func() {
		stop()
		limited, cancel := context.WithTimeout(ctx, releasing)
		defer cancel()
		if err := errors.Join(lease.Release(limited), opened.Close()); err != nil {
			a.log.Warn("the lease could not be given back; others wait until it has run out", "lease", span, "error", err)
		}
	}}, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// username is who runs the program, as the system knows him.
func username() string {
	if current, err := user.Current(); err == nil {
		return current.Username
	}
	return "unknown"
}

// journalPoint is called before and after whatever is written to the ledger; nil but in
// tests, which end the program there.
var journalPoint func()

// record opens the ledger for writing, making it if there is none, and records that the
// run begins. Once the hold is lost, nothing is recorded any more.
func (a *app) record(ctx context.Context, in *inputs, p *plan.Plan, allow string, held *hold) (*plan.Recorder, func() error, error) {
	at, err := a.place(ctx, in.config)
	if err != nil {
		return nil, nil, err
	}
	opened, err := at.open(ctx)
	if err != nil {
		return nil, nil, broken(err)
	}
	opened.Fence(held.lease)
	recorder := &plan.Recorder{Ledger: opened, Point: journalPoint, Run: time.Now().UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:6])}
	facts := map[string]string{"roster": p.Roster.Digest, "files": strings.Join(p.Roster.Files, " "), "plan": p.Digest, "version": version()}
	names := make([]string, len(p.Providers))
	for i, provider := range p.Providers {
		names[i] = provider.Name
	}
	facts["providers"] = strings.Join(names, " ")
	a.trace.commit = a.commits(ctx, in)
	if commit := a.trace.commit; commit != "" {
		facts["commit"] = commit
	}
	if scope := strings.Join(append(append([]string{}, p.Scope.Providers...), p.Scope.People...), " "); scope != "" {
		facts["scope"] = scope
	}
	for _, g := range p.Guards {
		text := fmt.Sprintf("%d of at most %d", g.Figure, g.Limit)
		switch {
		case g.Tripped && allow == p.Digest:
			text += ", lifted by --allow"
		case g.Tripped:
			text += ", refused"
		}
		facts["guard "+g.Provider+" "+g.Guard] = text
	}
	if err := recorder.Began(ctx, username(), hostname(), facts); err != nil {
		return nil, nil, errors.Join(broken(err), opened.Close())
	}
	return recorder, opened.Close, nil
}

// commits are what the run reads, as far as they are commits: the checkout that the
// configuration stands in, and each repository that the roster is in.
func (a *app) commits(ctx context.Context, in *inputs) string {
	var all []string
	if own := a.commit(ctx, in.config); own != "" {
		all = append(all, own)
	}
	for _, commit := range in.roster.Commits {
		all = append(all, commit.String())
	}
	return strings.Join(all, ", ")
}

// commitMax is how long git may take.
const commitMax = 5 * time.Second

// commit is the commit that the configuration's folder is at, where it is a checkout,
// marked where files there differ from it.
func (a *app) commit(ctx context.Context, config *sources.Config) string {
	limited, cancel := context.WithTimeout(ctx, commitMax)
	defer cancel()
	git := func(args ...string) (string, error) {
		command := exec.CommandContext(limited, "git", append([]string{"-C", filepath.Dir(config.File)}, args...)...) //nolint:gosec // no argument comes from outside
		command.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
		out, err := command.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--verify", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no", "--", "."); err != nil || changed != "" {
		commit += " with changes"
	}
	return commit
}

// finishRecord records the end of the run, and what is to be forgotten by now. What the
// ledger can not take is told, and the run has not succeeded.
func (a *app) finishRecord(ctx context.Context, recorder *plan.Recorder, m *made, s *session, result *plan.Result) error {
	ctx = context.WithoutCancel(ctx)
	head, err := recorder.Ended(ctx, m.plan, s.inScope, m.entries, m.all, result)
	if keep := s.config.Ledger.Keep; err == nil && keep > 0 {
		if _, err = recorder.Ledger.Prune(ctx, time.Now().Add(-keep)); err == nil {
			var state *ledger.State
			if state, err = recorder.Ledger.State(ctx); err == nil {
				head = state.Head
			}
		}
	}
	if err != nil {
		return &exitError{code: plan.ExitIncomplete, err: err}
	}
	result.LedgerHead = head
	a.log.Info("ledger", "head", head)
	return nil
}
