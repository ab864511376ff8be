package rest

import (
	"context"
	"sync"
	"time"

	"rollcall/sources"
)

// slots bounds how many requests are under way.
type slots chan struct{}

func (s slots) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) release() { <-s }

// A limiter lets requests pass so that in no span of a limit's length more than
// its number pass, for all limits at once. It remembers the moments of the last
// N requests. A token bucket, such as golang.org/x/time/rate, holds the mean but
// lets nearly 2N through in one span: a full bucket at once and what it refills
// meanwhile; a vendor that counts spans answers that with a 429.
type limiter struct {
	turn    chan struct{} // held by the one whose turn it is: first come, first served
	start   time.Time
	windows []window
}

// A window holds the moments, counted from the limiter's start, of the last
// requests that passed, as a ring once it is full.
type window struct {
	limit  sources.RateLimit
	passed []time.Duration
	oldest int
}

func newLimiter(rate sources.Rate) *limiter {
	l := &limiter{turn: make(chan struct{}, 1), start: time.Now()}
	for _, limit := range rate {
		if limit.Requests > 0 && limit.Per > 0 {
			l.windows = append(l.windows, window{limit: limit})
		}
	}
	return l
}

// free is the moment from which another request may pass.
func (w *window) free() time.Duration {
	if len(w.passed) < w.limit.Requests {
		return 0
	}
	return w.passed[w.oldest] + w.limit.Per
}

func (w *window) pass(now time.Duration) {
	if len(w.passed) < w.limit.Requests {
		w.passed = append(w.passed, now)
		return
	}
	w.passed[w.oldest] = now
	w.oldest = (w.oldest + 1) % len(w.passed)
}

// pass waits until the rate allows a request, runs last and, unless that fails,
// counts the request. Nothing is reserved ahead, so who is canceled while
// waiting takes nothing from those behind. last runs while the turn is held and
// before the moment is taken: credentials that have to be fetched there are
// neither stale nor do they make the request later than it was counted.
func (l *limiter) pass(ctx context.Context, last func() error) error {
	if len(l.windows) == 0 {
		return last()
	}
	if err := l.queue(ctx); err != nil {
		return err
	}
	defer func() { <-l.turn }()
	for {
		var free time.Duration
		for i := range l.windows {
			free = max(free, l.windows[i].free())
		}
		wait := free - time.Since(l.start)
		if wait <= 0 {
			break
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	if err := last(); err != nil {
		return err
	}
	now := time.Since(l.start)
	for i := range l.windows {
		l.windows[i].pass(now)
	}
	return nil
}

// queue waits for the caller's turn. Who need not wait has it, stopped or not.
func (l *limiter) queue(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-stopped(ctx):
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A pause holds every caller back until a moment: what a vendor asks for with a
// 429 is asked of the client, not of the one call that met it.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

func (p *pause) extend(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.IsZero() {
		return 0
	}
	return max(0, time.Until(p.until))
}

type stopKey struct{}

// WithStop returns a context under which waits end once stop is closed: those for
// another try, for a pause and for the rate. A request that is under way is
// finished, and one that has to wait for nothing is still sent. A nil stop is
// none, whatever the context had before.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// stopped is the channel of WithStop, or nil.
func stopped(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stopKey{}).(<-chan struct{})
	return stop
}

func sleep(ctx context.Context, wait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-stopped(ctx):
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}
