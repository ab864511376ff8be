package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan/ledger"
	"rollcall/sources"
)

// turns say whose it is to run a tick, by the ledger: whoever keeps others from applying
// with it and is the first to note the tick there. A tick that was begun and not ended is
// for whoever comes next.
type turns struct {
	app    *app
	config *sources.Config
}

// How often others are asked for who has the turn: often enough that whoever dies is
// found soon after his lease has run out.
const (
	pollFile  = 10 * time.Second
	pollLeast = 200 * time.Millisecond
)

// maxAttempts is how often a tick is begun: one that ends the program each time is left
// alone in the end.
const maxAttempts = 3

// use has the ledger of a configuration say it from now on.
func (t *turns) use(ctx context.Context, config *sources.Config) error {
	if _, err := t.app.place(ctx, config); err != nil {
		return err
	}
	t.config = config
	return nil
}

func (t *turns) poll() time.Duration {
	if t.config.Ledger.URL == nil || t.app.simulate {
		return pollFile
	}
	return min(pollFile, max(pollLeast, t.config.Ledger.Lease/6))
}

// Take takes the turn for a tick, which keeps everybody else from applying until it
// ends.
func (t *turns) Take(ctx context.Context, tick time.Time) (turn service.Turn, err error) {
	at, err := t.app.place(ctx, t.config)
	if err != nil {
		return nil, err
	}
	held, err := t.app.hold(ctx, t.config)
	var busy *busyError
	if errors.As(err, &busy) {
		return nil, &service.BusyError{Holder: busy.who}
	}
	if err != nil {
		return nil, err
	}
	taken := &turnTaken{tick: tick, at: at, held: held}
	defer func() {
		if err != nil {
			err = errors.Join(err, taken.end())
		}
	}()
	if taken.ledger, err = at.open(ctx); err != nil {
		return nil, err
	}
	taken.ledger.Fence(held.lease)
	last, err := taken.ledger.LastTick(ctx)
	if err != nil {
		return nil, err
	}
	claim, err := taken.ledger.Claim(ctx, tick)
	switch {
	case err != nil:
		return nil, err
	case !claim.Mine:
		return nil, service.ErrDone
	case claim.Attempts > maxAttempts:
		return nil, errors.Join(fmt.Errorf("the run of %s: %w: see what the log has of it", tick.Format(time.RFC3339), service.ErrGivenUp), taken.ledger.Finish(ctx, tick, "given up"))
	case claim.Attempts == 1 && last.At.Before(tick) && last.Ended.After(tick):
		return nil, errors.Join(service.ErrOverlapped, taken.ledger.Finish(ctx, tick, string(service.Overlapped)))
	}
	taken.again = claim.Attempts > 1
	return taken, supersede(ctx, taken.ledger, tick)
}

// supersede ends the ticks before one that were begun and not ended: what they left is
// taken up by the run that is made now.
func supersede(ctx context.Context, l *ledger.Ledger, tick time.Time) error {
	left, err := l.Unended(ctx)
	for _, other := range left {
		if err == nil && other.At.Before(tick) {
			err = l.Finish(ctx, other.At, "superseded")
		}
	}
	return err
}

// read reads something of the ledger; where there is none yet, nothing is read.
func (t *turns) read(ctx context.Context, read func(*ledger.Ledger) error) error {
	at, err := t.app.place(ctx, t.config)
	if err != nil {
		return err
	}
	opened, err := at.read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return at.unreadable(err)
	}
	return errors.Join(read(opened), opened.Close())
}

// Last is the last tick that was run to its end.
func (t *turns) Last(ctx context.Context) (last time.Time, err error) {
	err = t.read(ctx, func(l *ledger.Ledger) error {
		tick, err := l.LastTick(ctx)
		last = tick.At
		return err
	})
	return last, err
}

// Left is the last tick that was begun and has not ended, unless a later one has.
func (t *turns) Left(ctx context.Context) (left time.Time, err error) {
	err = t.read(ctx, func(l *ledger.Ledger) error {
		last, err := l.LastTick(ctx)
		if err != nil {
			return err
		}
		unended, err := l.Unended(ctx)
		if n := len(unended); n > 0 && unended[n-1].At.After(last.At) {
			left = unended[n-1].At
		}
		return err
	})
	return left, err
}

// A turnTaken is the turn for one tick.
type turnTaken struct {
	tick   time.Time
	at     place
	held   *hold
	ledger *ledger.Ledger
	again  bool
}

// Again tells that somebody began the tick before.
func (t *turnTaken) Again() bool { return t.again }

// Lost is closed when others may run all the same.
func (t *turnTaken) Lost() <-chan struct{} { return t.held.lost() }

// Done notes how the tick ended.
func (t *turnTaken) Done(ctx context.Context, outcome service.Outcome) error {
	return errors.Join(t.ledger.Finish(ctx, t.tick, string(outcome)), t.end())
}

// Release leaves the tick to whoever comes next.
func (t *turnTaken) Release(context.Context) error { return t.end() }

// during is the hold of the apply that the turn is for, which ends with the turn.
func (t *turnTaken) during(at place) (*hold, error) {
	if at.name != t.at.name {
		return nil, invalid(fmt.Errorf("the ledger was at %s and is at %s now: the next run goes by what the configuration says", t.at.name, at.name))
	}
	return &hold{lease: t.held.lease, release: func() {}}, nil
}

// end lets others apply again.
func (t *turnTaken) end() error {
	defer t.held.release()
	if t.ledger == nil {
		return nil
	}
	return t.ledger.Close()
}
