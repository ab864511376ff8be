// Package notify tells people, and the programs that watch for them, what became of the
// runs of rollcall run: that one failed or was refused, that a leaver keeps access for
// long, that nothing has succeeded for long, and that all is well again.
//
// What is wrong is a condition, and a condition is told once: again only when something
// is added to it (another problem, another leaver) or when it has held for another day,
// so that the same trouble does not make the same noise every night. A problem counts as
// the same when it is at the same place with the same text, numbers and ids apart. When
// no condition is left, that is told once too. What nobody could be told is told again
// after the next run.
//
// Telling harms nothing: it is done in the background, each receiver has a queue of its
// own, and a receiver that is slow, dead or hostile costs a line in the log.
package notify

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/sources"
)

// again is after how long a condition that still holds is told again.
const again = 24 * time.Hour

// lookEvery is how often the clock is looked at while something is due: the clock of a
// machine that sleeps goes on without its timers.
const lookEvery = time.Minute

// grace is how long a service that has just begun to run may take until it is told that
// nothing succeeds: it may be about to make up for what was missed.
const grace = time.Minute

// Options are what a Notifier needs.
type Options struct {
	// Log is told of deliveries; nil drops them.
	Log *slog.Logger
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Transport sends; nil is a transport of the Notifier's own.
	Transport http.RoundTripper
	// Secrets are taken out of everything that is sent or logged; nil are none.
	Secrets *sources.Secrets
	// Instance names this rollcall run, as the name of its host does.
	Instance string
}

// Settings are who is told, and of what. They are those of sources.NotifyConfig with the
// secrets read.
type Settings struct {
	// Webhook, Slack and Heartbeat are addresses; empty is none. Sign is what the
	// notifications for Webhook are signed with; empty is not at all.
	Webhook, Sign, Slack, Heartbeat sources.Secret
	OpenFor, QuietFor               time.Duration
}

// A Past is what is known of the runs before this Notifier began.
type Past struct {
	// Succeeded is when a run last did all that it could; zero where that is not known.
	Succeeded time.Time
	// Troubled says that the last run did not, so that it is told when all is well again.
	Troubled bool
}

// A Notifier is a service.Listener that tells others. It is safe for concurrent use. It
// knows what it told only while it lives: one that begins anew tells what is wrong once
// more.
type Notifier struct {
	options Options
	client  *http.Client
	targets []*target // webhook, slack, heartbeat

	stop     context.CancelFunc // ends deliveries that are under way
	stopped  context.Context
	wake     chan struct{} // tells watch that something changed
	closing  chan struct{}
	workers  sync.WaitGroup
	finished chan struct{} // once all workers have ended

	mu       sync.Mutex
	closed   bool
	settings Settings
	// active is since when this instance is the one that runs; zero on standby and before
	// it begins.
	active    time.Time
	began     time.Time // of the run under way; zero when there is none
	succeeded time.Time // the last run that did, or active where that is not known
	known     bool      // whether succeeded is that of a run
	last      *view     // of the last run that came to an end
	leavers   []leaver  // of the last run that knew them
	seen      map[who]time.Time
	// What is wrong.
	run, open, quiet condition
	trouble          time.Time // since when something is; zero when all is well
	troubled         bool
}

// New returns a Notifier that tells nobody until it is configured. Close ends it.
func New(options Options) *Notifier {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Secrets == nil {
		options.Secrets = &sources.Secrets{}
	}
	n := &Notifier{
		options: options, client: newClient(options.Transport),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), finished: make(chan struct{}),
		settings: Settings{OpenFor: sources.DefaultOpenFor},
		run:      condition{event: RunFailed}, open: condition{event: LeaverOpen}, quiet: condition{event: Quiet},
	}
	n.stopped, n.stop = context.WithCancel(context.Background())
	for _, name := range []string{Webhook, Slack, Heartbeat} {
		t := newTarget(name)
		n.targets = append(n.targets, t)
		n.workers.Go(func() { n.work(t) })
	}
	n.workers.Go(n.watch)
	go func() {
		n.workers.Wait()
		close(n.finished)
	}()
	return n
}

// Configure says who is told from now on. An address that can not be one is an error, and
// the one before it stays: a mistake in the settings is what people have to be told of.
// What waits for an address that is no more is dropped.
func (n *Notifier) Configure(settings Settings) error {
	err := check(settings)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, at := range []struct{ address, before *sources.Secret }{
		{&settings.Webhook, &n.settings.Webhook},
		{&settings.Slack, &n.settings.Slack},
		{&settings.Heartbeat, &n.settings.Heartbeat},
	} {
		if text := at.address.Reveal(); text != "" && CheckAddress(text) != nil {
			*at.address = *at.before
		}
	}
	n.settings = settings
	for _, t := range n.targets {
		if n.address(t) == "" {
			for _, d := range t.queue {
				n.settle(t, d, false)
			}
			t.queue = nil
		}
	}
	n.look()
	return err
}

// Remember says what is known of earlier runs: at the start, and whenever this instance
// takes over from another.
func (n *Notifier) Remember(past Past) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if past.Succeeded.After(n.succeeded) || !n.known && !past.Succeeded.IsZero() {
		n.succeeded, n.known = past.Succeeded.Round(0), true
	}
	n.troubled = n.troubled || past.Troubled
	n.look()
}

// Failures counts the notifications that each receiver did not get, by Webhook, Slack and
// Heartbeat.
func (n *Notifier) Failures() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	failures := make(map[string]int, len(n.targets))
	for _, t := range n.targets {
		failures[t.name] = t.failures
	}
	return failures
}

// Waiting is told when the next run begins: this instance is the one that runs.
func (n *Notifier) Waiting(time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.activate()
	n.began = time.Time{}
	n.look()
}

// activate notes that this instance runs.
func (n *Notifier) activate() {
	if !n.active.IsZero() {
		return
	}
	n.active = n.now()
	if !n.known {
		n.succeeded = n.active
	}
}

// Standby is told that another instance runs. That one tells what is wrong, and what this
// one knows is old by the time it takes over.
func (n *Notifier) Standby(string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.active, n.began, n.succeeded, n.known = time.Time{}, time.Time{}, time.Time{}, false
	n.last, n.leavers, n.seen = nil, nil, nil
	for _, c := range n.conditions() {
		c.clear()
	}
	n.trouble, n.troubled = time.Time{}, false
	n.look()
}

// Began is told that a run begins.
func (n *Notifier) Began(run service.Run) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.activate()
	n.began = cmp.Or(run.Began.Round(0), n.now())
	n.look()
}

// Skipped is told of times that passed during a run. It tells nobody: a schedule that is
// too dense is no trouble as long as runs succeed.
func (*Notifier) Skipped(int) {}

// Ended is told what became of a run.
func (n *Notifier) Ended(report service.Report) {
	defer n.contain()
	view := n.examine(&report)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.activate()
	n.began = time.Time{}
	now := n.now()
	if report.Outcome == service.Overlapped {
		n.evaluate(now)
		n.look()
		return
	}
	n.last = view
	if report.Result != nil {
		n.meet(view.leavers, now)
	}
	switch {
	case report.Outcome == service.Interrupted:
		// It says nothing about what it did not come to.
	case view.succeeded:
		n.succeeded, n.known = now, true
		n.run.set(nil, nil)
	default:
		if n.run.event != view.event {
			n.run.clear()
		}
		n.run.event = view.event
		n.run.set(view.problemKeys, view)
	}
	for _, c := range n.conditions() {
		if c.missed {
			c.clearTold()
		}
	}
	n.evaluate(now)
	if view.succeeded && n.troubled && n.well() && n.tell(Recovered, view, n.trouble, false, nil) {
		n.trouble, n.troubled = time.Time{}, false
	}
	if report.Outcome == service.Converged {
		n.enqueue(n.target(Heartbeat), &delivery{id: newID(), event: "heartbeat", news: &news{}})
	}
	n.look()
}

// Close ends the Notifier: what is waiting is delivered, with its repetitions, until the
// context ends, and dropped then. It says how many notifications that were.
func (n *Notifier) Close(ctx context.Context) error {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.closing)
	}
	n.mu.Unlock()
	defer n.stop()
	select {
	case <-n.finished:
		return nil
	case <-ctx.Done():
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	left := 0
	for _, t := range n.targets {
		left += len(t.queue)
		if t.busy {
			left++
		}
		t.queue = nil
	}
	if left == 0 {
		return nil
	}
	return undelivered(left)
}

// now is the time without the reading of the clock that stands still while a machine
// sleeps.
func (n *Notifier) now() time.Time { return n.options.Now().Round(0) }

// contain ends a panic: a bug in telling must not end what is told of.
func (n *Notifier) contain() {
	if value := recover(); value != nil {
		n.options.Log.Error("what is wrong could not be told: a bug in rollcall", "panic", n.clean(fmt.Sprint(value), longText))
	}
}

func (n *Notifier) look() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// watch tells what becomes due without a run: that nothing succeeds, that a leaver is
// open for too long by now, that something has held for another day.
func (n *Notifier) watch() {
	defer n.contain()
	for {
		timer := n.timer()
		select {
		case <-n.closing:
			return
		case <-n.wake:
		case <-timer:
		}
		n.evaluateNow()
	}
}

// timer is when to look again; nil is not before something changes.
func (n *Notifier) timer() <-chan time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	due := n.due(now)
	if due.IsZero() {
		return nil
	}
	return time.After(min(max(due.Sub(now), 0), lookEvery))
}

func (n *Notifier) evaluateNow() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.evaluate(n.now())
}

// who is a leaver at a provider.
type who struct{ provider, email string }

// meet notes the leavers of a run. Where no ledger says since when one is open, it is
// since he was first seen so.
func (n *Notifier) meet(leavers []leaver, now time.Time) {
	seen := make(map[who]time.Time, len(leavers))
	for i, l := range leavers {
		seen[l.who] = now
		if first, before := n.seen[l.who]; before {
			seen[l.who] = first
		}
		if l.from.IsZero() {
			leavers[i].from = seen[l.who]
		}
	}
	n.seen, n.leavers = seen, leavers
}

// overdue are the leavers who have been open for too long.
func (n *Notifier) overdue(now time.Time) []leaver {
	var late []leaver
	for _, l := range n.leavers {
		if !l.from.Add(n.settings.OpenFor).After(now) {
			late = append(late, l)
		}
	}
	return late
}

// quietDue is when it is due to tell that nothing succeeds; zero is never. A run that is
// under way is given as long as there was to wait for it.
func (n *Notifier) quietDue() time.Time {
	if n.settings.QuietFor <= 0 || n.active.IsZero() {
		return time.Time{}
	}
	due := n.succeeded.Add(n.settings.QuietFor)
	if earliest := n.active.Add(grace); n.last == nil && due.Before(earliest) {
		due = earliest
	}
	if !n.began.IsZero() && due.Before(n.began.Add(n.settings.QuietFor)) {
		due = n.began.Add(n.settings.QuietFor)
	}
	return due
}

// isQuiet reports whether nothing has succeeded for too long. A run that is under way may
// put off that it is told, and does not end it.
func (n *Notifier) isQuiet(now time.Time) bool {
	due := n.quietDue()
	if len(n.quiet.items) > 0 && !due.IsZero() {
		due = n.succeeded.Add(n.settings.QuietFor)
	}
	return !due.IsZero() && !now.Before(due)
}

// due is when evaluate has something to do next without a run; zero is never.
func (n *Notifier) due(now time.Time) time.Time {
	if n.active.IsZero() || len(n.receivers()) == 0 {
		return time.Time{}
	}
	var first time.Time
	consider := func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, c := range n.conditions() {
		if c.told != nil {
			consider(c.at.Add(again))
		}
	}
	if len(n.quiet.items) == 0 {
		consider(n.quietDue())
	}
	for _, l := range n.leavers {
		if at := l.from.Add(n.settings.OpenFor); at.After(now) {
			consider(at)
		}
	}
	return first
}

func (n *Notifier) conditions() []*condition { return []*condition{&n.run, &n.open, &n.quiet} }

// well reports whether nothing is wrong.
func (n *Notifier) well() bool {
	for _, c := range n.conditions() {
		if len(c.items) > 0 {
			return false
		}
	}
	return true
}

// evaluate tells what is to be told now.
func (n *Notifier) evaluate(now time.Time) {
	if n.active.IsZero() || n.closed {
		return
	}
	late := n.overdue(now)
	keys := make(map[string]bool, len(late))
	for _, l := range late {
		keys[l.key] = true
	}
	n.open.set(keys, n.last)
	if n.isQuiet(now) {
		n.quiet.set(map[string]bool{Quiet: true}, n.last)
	} else {
		n.quiet.set(nil, nil)
	}
	for _, c := range n.conditions() {
		if !c.due(now) {
			continue
		}
		since := c.since
		switch c {
		case &n.open:
			since = late[0].from
		case &n.quiet:
			since = n.succeeded
		case &n.run:
			since = cmp.Or(c.since, c.view.ended)
		}
		if !n.tell(c.event, c.view, since, !c.fresh(), c) {
			continue
		}
		c.since = since
		c.told, c.at, c.missed = maps.Clone(c.items), now, false
		if n.trouble.IsZero() || since.Before(n.trouble) {
			n.trouble = since
		}
		n.troubled = true
	}
}
