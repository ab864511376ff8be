package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Errors of a lease.
var (
	// ErrHeld means that somebody else has it. The error is a HeldError.
	ErrHeld = errors.New("somebody else holds the lease")
	// ErrLost means that it is ours no longer.
	ErrLost = errors.New("the lease was lost")
)

// A HeldError says who holds a lease, in the words that he acquired it with, and until
// when unless he renews it.
type HeldError struct {
	Name, Holder string
	Until        time.Time // by the database's clock
}

// Error says so.
func (e *HeldError) Error() string {
	return fmt.Sprintf("the lease %s is held by %s until %s", e.Name, e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Is reports whether it is ErrHeld.
func (*HeldError) Is(target error) bool { return target == ErrHeld }

// A Lease is the right to be the only one, for a while that is renewed. Whoever has it
// has a token that is higher than those of all before him. Whether it has run out is for
// the database to say, whose clock is the same for all.
//
// It is safe for concurrent use.
type Lease struct {
	ledger       *Ledger
	name, holder string
	token        int64
	span         time.Duration
	abandoned    string

	mu   sync.Mutex
	good time.Time // before the last renewal that succeeded was sent
	lost chan struct{}
	over bool // lost is closed
}

// Acquire gets a lease for a while, or fails with ErrHeld. The holder is what others are
// told about who has it.
func (l *Ledger) Acquire(ctx context.Context, name, holder string, span time.Duration) (*Lease, error) {
	lease := &Lease{ledger: l, name: name, holder: holder, span: span, good: time.Now(), lost: make(chan struct{})}
	d := l.db.dialect
	err := l.changing(ctx, "", func(ctx context.Context, tx *transaction) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO leases (name, holder, token, until) VALUES (?, '', 0, 0) ON CONFLICT (name) DO NOTHING", name); err != nil {
			return err
		}
		var before string
		var until, now int64
		// Others who acquire it wait here.
		err := tx.QueryRowContext(ctx, "SELECT holder, token, until, "+d.clock+" FROM leases WHERE name = ?"+d.update, name).Scan(&before, &lease.token, &until, &now)
		if err != nil {
			return err
		}
		if until > now {
			return &HeldError{Name: name, Holder: before, Until: time.UnixMilli(until)}
		}
		if until > 0 {
			lease.abandoned = before
		}
		lease.token++
		_, err = tx.ExecContext(ctx, "UPDATE leases SET holder = ?, token = ?, until = "+d.clock+" + ? WHERE name = ?", holder, lease.token, span.Milliseconds(), name)
		return err
	})
	if errors.Is(err, ErrHeld) {
		return nil, err
	}
	if err != nil {
		return nil, l.unwritten(err)
	}
	return lease, nil
}

// Token is higher than that of everybody who had the lease before.
func (e *Lease) Token() int64 { return e.token }

// Abandoned is the holder who had the lease before and let it run out without a word,
// as one does who dies; empty when it was released.
func (e *Lease) Abandoned() string { return e.abandoned }

// Renew has the lease hold for its whole while again, from now on, or fails with
// ErrLost.
func (e *Lease) Renew(ctx context.Context) error {
	sent := time.Now()
	err := e.set(ctx, e.ledger.db.dialect.clock+" + ?", e.span.Milliseconds())
	switch {
	case errors.Is(err, ErrLost):
		e.lose()
	case err == nil:
		e.mu.Lock()
		if sent.After(e.good) {
			e.good = sent
		}
		e.mu.Unlock()
	}
	return err
}

// Release lets others have the lease at once. One that is lost already is no error.
func (e *Lease) Release(ctx context.Context) error {
	if err := e.set(ctx, "0"); err != nil && !errors.Is(err, ErrLost) {
		return err
	}
	return nil
}

// set changes until when the lease holds, if it is ours.
func (e *Lease) set(ctx context.Context, until string, args ...any) error {
	err := e.ledger.changing(ctx, "", func(ctx context.Context, tx *transaction) error {
		result, err := tx.ExecContext(ctx, "UPDATE leases SET until = "+until+" WHERE name = ? AND token = ? AND until > 0", append(args, e.name, e.token)...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("%w: %s is another's by now", ErrLost, e.name))
		}
		return nil
	})
	if err != nil {
		return e.ledger.unwritten(err)
	}
	return nil
}

// Lost is closed once the lease is lost, or may be: it was not renewed within its while.
// Without Keep it is closed only by a Renew that fails with ErrLost.
func (e *Lease) Lost() <-chan struct{} { return e.lost }

func (e *Lease) lose() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.over = true
		close(e.lost)
	}
}

// left is how long the lease holds for certain.
func (e *Lease) left() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.span - time.Since(e.good)
}

// Keep renews the lease every third of its while, in the background, until it is lost,
// the context ends or stop is called, which waits for the last renewal to end.
func (e *Lease) Keep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { e.keep(ctx) })
	group.Go(func() { e.expire(ctx) })
	return func() {
		cancel()
		group.Wait()
	}
}

func (e *Lease) keep(ctx context.Context) {
	wait := time.NewTimer(e.span / 3)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.lost:
			return
		case <-wait.C:
		}
		// One that hangs gives way to another attempt.
		limited, cancel := context.WithTimeout(ctx, e.span/3)
		err := e.Renew(limited)
		cancel()
		if err == nil {
			wait.Reset(e.span / 3)
		} else {
			wait.Reset(e.span / 20)
		}
	}
}

// expire gives the lease up when its while has passed. It does not wait for a renewal
// that hangs.
func (e *Lease) expire(ctx context.Context) {
	wait := time.NewTimer(e.left())
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.lost:
			return
		case <-wait.C:
		}
		left := e.left()
		if left <= 0 {
			e.lose()
			return
		}
		wait.Reset(left) // renewed meanwhile
	}
}

// Fence has everything that is written from now on checked against the lease, in the
// transaction that writes it: it fails with ErrLost once somebody else has acquired it.
// The beginning of a run or of a change, which something is sent after, fails also when
// the lease has run out. So whoever was paused and goes on when another has taken over
// can record nothing, and hence send nothing. nil takes the fence away.
func (l *Ledger) Fence(lease *Lease) { l.fence.Store(lease) }

// fenced fails where there is a fence and the lease is lost. Nobody acquires it while
// the transaction lasts.
func (l *Ledger) fenced(ctx context.Context, tx *transaction, sending bool) error {
	lease := l.fence.Load()
	if lease == nil {
		return nil
	}
	d := l.db.dialect
	var token, until, now int64
	err := tx.QueryRowContext(ctx, "SELECT token, until, "+d.clock+" FROM leases WHERE name = ?"+d.share, lease.name).Scan(&token, &until, &now)
	switch {
	case err != nil:
		return err
	case token != lease.token || until == 0:
		lease.lose()
		return fmt.Errorf("%w: %s is another's by now", ErrLost, lease.name)
	case sending && until <= now:
		return fmt.Errorf("%w: %s was not renewed in time", ErrLost, lease.name)
	}
	return nil
}
