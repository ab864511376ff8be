package plan

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/providers"
	"rollcall/sources"
)

// freshFor is how long after it was built a plan's changes begin without another
// look at their users.
const freshFor = 60 * time.Second

// Applier carries out a plan.
type Applier struct {
	Plan        *Plan
	Providers   []Provider
	Connections map[string]*providers.Connection
	// Access is the effective access that the plan was built from.
	Access  []*sources.Access
	Protect []sources.Pattern
	// Allow is the digest of a plan whose limit on removals is lifted.
	Allow string
	// Built is when the users were observed. A change that begins longer than a
	// minute after it looks at its user again first.
	Built time.Time
	// Stop, once closed, begins no further change; those under way are finished.
	Stop <-chan struct{}
	// Lost, once closed, says that another run may have taken over: no further change
	// begins, those that wait to be sent are not, and the run is incomplete. nil is never.
	Lost <-chan struct{}
	// Secrets reads what the roster only names, such as passwords; nil can not.
	Secrets *sources.Secrets
	// Simulated tells that the vendors are, so that no secret is needed for them.
	Simulated bool
	Log       *slog.Logger // nil is none
	// Progress is told of the changes; nil is nobody.
	Progress Progress
	// Recorder keeps the ledger; nil keeps none. A change that can not be recorded is
	// not sent.
	Recorder *Recorder
	// Insiders are those that the plan was built with; nil, of a saved plan, is none.
	Insiders map[string]Insiders
}

// Apply carries out the plan: the changes of all providers side by side, each
// provider's within its concurrency, each change when those that it needs are
// done. A failed change stops nothing; what needs it is skipped. The context ends
// even the changes under way; Stop does not. The result is complete whatever
// happens.
func (a *Applier) Apply(ctx context.Context) *Result {
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	result := NewResult(a.Plan)
	stop, end := either(a.Stop, a.Lost)
	defer end()
	newRun(a, result).start(providers.WithStop(ctx, stop))
	select {
	case <-a.Stop:
		result.Interrupted = true
	default:
	}
	result.Interrupted = result.Interrupted || ctx.Err() != nil
	result.finish(a.Plan)
	return result
}

// either is closed once one of two channels is, until end is called.
func either(a, b <-chan struct{}) (first <-chan struct{}, end func()) {
	if b == nil {
		return a, func() {}
	}
	both, ended := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		select {
		case <-a:
		case <-b:
		case <-ended:
			return
		}
		close(both)
	})
	return both, func() {
		close(ended)
		group.Wait()
	}
}

// A run schedules the changes of one apply. Who waits for another change holds no
// slot: a change enters its provider's queue only when all that it needs are done.
type run struct {
	*Applier
	result *Result
	byName map[string]Provider
	access map[string]*sources.Access // by change id
	index  map[string]int             // change id → place in the plan

	mu      sync.Mutex
	waiting []int   // how many needs of each change are not done
	next    [][]int // changes that need this one
	queues  map[string]chan int
	watches map[string]*watch // by provider
	left    int
	idle    chan struct{}
}

func newRun(a *Applier, result *Result) *run {
	r := &run{
		Applier: a, result: result, byName: make(map[string]Provider), access: make(map[string]*sources.Access),
		index: make(map[string]int), waiting: make([]int, len(a.Plan.Changes)), next: make([][]int, len(a.Plan.Changes)),
		queues: make(map[string]chan int), watches: make(map[string]*watch), left: len(a.Plan.Changes), idle: make(chan struct{}),
	}
	for _, provider := range a.Providers {
		r.byName[provider.Config.Name] = provider
	}
	for _, access := range a.Access {
		r.access[access.Provider+"/"+access.Person.Email] = access
	}
	for i, c := range a.Plan.Changes {
		r.index[c.ID] = i
	}
	for i, c := range a.Plan.Changes {
		for _, need := range c.Needs {
			if j, known := r.index[need]; known {
				r.waiting[i]++
				r.next[j] = append(r.next[j], i)
			}
		}
	}
	return r
}

// start runs all changes and returns when each has ended.
func (r *run) start(ctx context.Context) {
	r.skipCycles()
	var all errgroup.Group
	counts := make(map[string]int)
	for _, c := range r.Plan.Changes {
		counts[c.Provider]++
	}
	for name, n := range counts {
		r.queues[name] = make(chan int, n)
		told(r.Progress).Begin(name, n)
	}
	if r.left == 0 {
		close(r.idle)
	}
	for name, queue := range r.queues {
		limit := max(1, r.byName[name].Config.Concurrency)
		all.Go(func() error {
			var group errgroup.Group
			group.SetLimit(limit)
			for {
				select {
				case i := <-queue:
					group.Go(func() error {
						r.one(ctx, i)
						return nil
					})
				case <-r.idle:
					return group.Wait()
				}
			}
		})
	}
	r.mu.Lock()
	for i, n := range r.waiting {
		if n == 0 {
			r.queues[r.Plan.Changes[i].Provider] <- i
		}
	}
	r.mu.Unlock()
	_ = all.Wait() // every task returns nil: its outcome is in the result
}

// skipCycles ends the changes that need each other, which could never begin.
func (r *run) skipCycles() {
	waiting := append([]int{}, r.waiting...)
	var ready []int
	for i, n := range waiting {
		if n == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		i := ready[0]
		ready = ready[1:]
		for _, j := range r.next[i] {
			if waiting[j]--; waiting[j] == 0 {
				ready = append(ready, j)
			}
		}
	}
	for i, n := range waiting {
		if n > 0 {
			c := &r.Plan.Changes[i]
			r.result.Changes[i] = newChangeResult(c, Skipped, "needs itself by way of "+strings.Join(c.Needs, ", "))
			r.left--
		}
	}
}

// one carries out one change, stores how it ended and lets those begin that
// needed it. A panic on the way leaves the change unknown and stops nothing.
func (r *run) one(ctx context.Context, i int) {
	c := &r.Plan.Changes[i]
	outcome := newChangeResult(c, Unknown, "")
	defer func() { r.end(i, outcome) }()
	defer func() {
		if p := recover(); p != nil {
			outcome = newChangeResult(c, Unknown, "rollcall broke on this change: look at the user by hand, and report it")
			r.Log.Error("a change broke", "change", c.ID, "panic", fmt.Sprint(p))
		}
	}()
	outcome = r.decide(ctx, c)
	r.Log.Info("change", "change", c.ID, "action", c.Action, "status", outcome.Status, "user", outcome.UserID, "request", outcome.RequestID, "error", outcome.Error)
}

func (r *run) end(i int, outcome ChangeResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Changes[i] = outcome
	if outcome.Status != Skipped {
		told(r.Progress).Done(outcome.Provider)
	}
	for _, j := range r.next[i] {
		if r.waiting[j]--; r.waiting[j] == 0 {
			r.queues[r.Plan.Changes[j].Provider] <- j
		}
	}
	if r.left--; r.left == 0 {
		close(r.idle)
	}
}

// decide does what must be decided before anything is sent, then carries out the
// change.
func (r *run) decide(ctx context.Context, c *Change) ChangeResult {
	select {
	case <-r.Stop:
		return newChangeResult(c, Skipped, "not begun: interrupted")
	case <-ctx.Done():
		return newChangeResult(c, Skipped, "not begun: interrupted")
	case <-r.Lost:
		return newChangeResult(c, Skipped, "not begun: the lease of the ledger was lost, so another run may have taken over")
	default:
	}
	if why := r.unwritten(); why != "" {
		return newChangeResult(c, Skipped, "not begun: "+why)
	}
	provider, known := r.byName[c.Provider]
	access := r.access[c.ID]
	connection := r.Connections[c.Provider]
	if !known || access == nil || connection == nil || connection.Writer == nil {
		return newChangeResult(c, Refused, "is not part of what was read")
	}
	if need := r.undone(c); need != "" {
		return newChangeResult(c, Skipped, "needs "+need+", which is not done")
	}
	if by := protectedBy(r.Protect, append(access.Emails(), c.Email)...); by != "" {
		return newChangeResult(c, Refused, "guardrails.protect has "+by)
	}
	if c.removal() && r.Insiders[c.Provider].isOwn(&providers.User{ID: c.UserID, Email: c.Email}) {
		return newChangeResult(c, Refused, ownUser)
	}
	if c.Blocked == BlockedIncomplete || c.Blocked == BlockedLimit && r.Allow != r.Plan.Digest {
		return newChangeResult(c, Refused, blockedBecause(c.Blocked))
	}
	w := worker{log: r.Log, secrets: r.Secrets, simulated: r.Simulated, provider: provider, access: access, connection: connection, change: c}
	if age := time.Since(r.Built); age < 0 || age >= freshFor {
		if outcome, settled := w.again(ctx, r.Protect, r.watch(ctx, c.Provider, connection)); settled {
			return outcome
		}
	}
	return r.send(ctx, &w)
}

// send carries a change out, with what the ledger is to have of it before and after.
func (r *run) send(ctx context.Context, w *worker) ChangeResult {
	seq, err := r.Recorder.sent(ctx, w)
	if err != nil {
		r.unrecorded(err)
		return newChangeResult(w.change, Skipped, "not begun: "+err.Error())
	}
	outcome := w.do(ctx)
	// What was done is recorded even when the run is to end.
	if err := r.Recorder.ended(context.WithoutCancel(ctx), w, seq, outcome); err != nil {
		r.unrecorded(err)
	}
	return outcome
}

// unwritten is what the ledger could not take, after which nothing further is begun; ""
// while it takes everything.
func (r *run) unwritten() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result.unrecorded
}

// unrecorded notes that the ledger could not take something.
func (r *run) unrecorded(err error) {
	r.Log.Error("ledger", "error", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result.unrecorded == "" {
		r.result.unrecorded = err.Error()
	}
}

func blockedBecause(b Block) string {
	if b == BlockedIncomplete {
		return "too little is known of the provider's users to remove anybody"
	}
	return "more removals than guardrails.maxRemovals allows"
}

// undone names a need of the change that did not end well, or "".
func (r *run) undone(c *Change) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, need := range c.Needs {
		i, known := r.index[need]
		if !known || !r.result.Changes[i].done() {
			return need
		}
	}
	return ""
}
