package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// keptTicks is how many ticks are kept.
const keptTicks = 1000

// A Tick is a time of a schedule, and what became of the run that it is for.
type Tick struct {
	At       time.Time
	Holder   string // of the lease under which it was begun last; empty without one
	Token    int64
	Began    time.Time // when it was begun last
	Ended    time.Time // zero while nothing says how it ended
	Attempts int       // how often it was begun
	Status   string
}

// A Claim says whose a tick is.
type Claim struct {
	// Mine reports whether the caller is to run it now.
	Mine bool
	// Tick is as it is by now. Where it is not the caller's, it has either ended, or was
	// begun under this very lease and is under way.
	Tick
}

// Claim begins a tick that nobody has begun, or takes one over that was begun under an
// older lease and has not ended: whoever ran it died. Without a fence every tick that
// has not ended is taken over, so that the caller has to keep others out.
func (l *Ledger) Claim(ctx context.Context, at time.Time) (Claim, error) {
	var holder string
	var token int64
	if lease := l.fence.Load(); lease != nil {
		holder, token = lease.holder, lease.token
	}
	var claim Claim
	err := l.write(ctx, true, func(ctx context.Context, tx *transaction) error {
		claim = Claim{}
		found, err := ticks(ctx, tx, "WHERE at = ?", stamp(at))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			claim.Tick = found[0]
			if !claim.Ended.IsZero() || claim.Token == token && token != 0 {
				return nil
			}
		}
		claim.Mine = true
		claim.Tick = Tick{At: at.UTC(), Holder: holder, Token: token, Began: l.now().UTC(), Attempts: claim.Attempts + 1}
		_, err = tx.ExecContext(ctx, `INSERT INTO ticks (at, holder, token, began, ended, attempts, status) VALUES (?, ?, ?, ?, '', ?, '')
			ON CONFLICT (at) DO UPDATE SET holder = excluded.holder, token = excluded.token, began = excluded.began, attempts = excluded.attempts`,
			stamp(at), holder, token, stamp(claim.Began), claim.Attempts)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM ticks WHERE at < (SELECT min(at) FROM (SELECT at FROM ticks ORDER BY at DESC LIMIT ?) AS kept)", keptTicks)
		return err
	})
	return claim, err
}

// Finish notes how a tick ended. One that has ended already keeps what it ended with.
func (l *Ledger) Finish(ctx context.Context, at time.Time, status string) error {
	return l.write(ctx, false, func(ctx context.Context, tx *transaction) error {
		found, err := ticks(ctx, tx, "WHERE at = ?", stamp(at))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("the tick %s was never begun", at.UTC().Format(time.RFC3339))
		}
		_, err = tx.ExecContext(ctx, "UPDATE ticks SET ended = ?, status = ? WHERE at = ? AND ended = ''", stamp(l.now()), status, stamp(at))
		return err
	})
}

// LastTick is the latest tick that ended; the zero Tick when there is none.
func (l *Ledger) LastTick(ctx context.Context) (Tick, error) {
	found, err := l.ticks(ctx, "WHERE ended <> '' ORDER BY at DESC LIMIT 1")
	if err != nil || len(found) == 0 {
		return Tick{}, err
	}
	return found[0], nil
}

// Unended are the ticks that were begun and of which nothing says how they ended, the
// oldest first.
func (l *Ledger) Unended(ctx context.Context) ([]Tick, error) {
	return l.ticks(ctx, "WHERE ended = '' ORDER BY at")
}

func (l *Ledger) ticks(ctx context.Context, which string) ([]Tick, error) {
	if l.steps < stepTicks {
		return nil, nil // written by an older rollcall, which had none
	}
	ctx, cancel := l.within(ctx, patience)
	defer cancel()
	tx, err := l.db.begin(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, l.unreadable(err)
	}
	defer func() { _ = tx.Rollback() }()
	found, err := ticks(ctx, tx, which)
	if err != nil {
		return nil, l.unreadable(err)
	}
	return found, nil
}

func ticks(ctx context.Context, tx *transaction, which string, args ...any) ([]Tick, error) {
	var found []Tick
	err := each(ctx, tx, "SELECT at, holder, token, began, ended, attempts, status FROM ticks "+which, func(scan func(...any) error) error {
		var t Tick
		var at, began, ended string
		if err := scan(&at, &t.Holder, &t.Token, &began, &ended, &t.Attempts, &t.Status); err != nil {
			return err
		}
		var wrong [3]error
		t.At, wrong[0] = moment(at)
		t.Began, wrong[1] = moment(began)
		t.Ended, wrong[2] = moment(ended)
		found = append(found, t)
		return errors.Join(wrong[:]...)
	}, args...)
	return found, err
}
