package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// acquired is a lease that has to be had.
func acquired(t testing.TB, l *Ledger, holder string, span time.Duration) *Lease {
	t.Helper()
	lease, err := l.Acquire(context.Background(), "apply", holder, span)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// runOut has the database's clock pass the end of a lease.
func runOut(t testing.TB, l *Ledger) {
	t.Helper()
	if _, err := l.db.Exec("UPDATE leases SET until = 1"); err != nil {
		t.Fatal(err)
	}
}

// One at a time has a lease; whoever has it next has a higher token, and knows whether
// the one before gave it back.
func TestLease(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		other := at.opened(t, place)
		before := time.Now()
		first := acquired(t, l, "cara", time.Hour)
		var held *HeldError
		if _, err := other.Acquire(t.Context(), "apply", "bill", time.Hour); !errors.Is(err, ErrHeld) || !errors.As(err, &held) {
			t.Fatal(err)
		}
		if in := held.Until.Sub(before); held.Holder != "cara" || in < 59*time.Minute || in > 61*time.Minute || !strings.Contains(held.Error(), "the lease apply is held by cara until 20") {
			t.Errorf("%v", held)
		}
		if _, err := l.Acquire(t.Context(), "apply", "cara", time.Hour); !errors.Is(err, ErrHeld) {
			t.Errorf("the holder himself: %v", err)
		}
		if another, err := other.Acquire(t.Context(), "else", "bill", time.Hour); err != nil || another.Token() != 1 {
			t.Errorf("another lease: %v", err)
		}
		if err := errors.Join(first.Renew(t.Context()), first.Release(t.Context()), first.Release(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := first.Renew(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("renewed after it was released: %v", err)
		}
		second := acquired(t, other, "bill", time.Hour)
		if second.Token() <= first.Token() || second.Abandoned() != "" {
			t.Errorf("%d after %d, abandoned by %q", second.Token(), first.Token(), second.Abandoned())
		}
		// One that ran out is renewed as long as nobody else had it.
		runOut(t, l)
		if err := second.Renew(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := l.Acquire(t.Context(), "apply", "cara", time.Hour); !errors.Is(err, ErrHeld) {
			t.Errorf("after it was renewed: %v", err)
		}
		runOut(t, l)
		third := acquired(t, l, "dan", 0)
		if third.Token() <= second.Token() || third.Abandoned() != "bill" {
			t.Errorf("%d after %d, abandoned by %q", third.Token(), second.Token(), third.Abandoned())
		}
		if err := second.Renew(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("renewed when another has it: %v", err)
		}
		select {
		case <-second.Lost():
		default:
			t.Error("nothing says that it is lost")
		}
		// Giving back what another has by now takes nothing from him; one of no while has
		// run out at once.
		if err := second.Release(t.Context()); err != nil {
			t.Error(err)
		}
		if fourth := acquired(t, other, "eve", time.Hour); fourth.Abandoned() != "dan" {
			t.Errorf("abandoned by %q", fourth.Abandoned())
		}
	})
}

// Many who want a lease at once, each with connections of his own: one gets it, and the
// tick with it.
func TestLeaseRace(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		_, place := at.fresh(t)
		var ledgers []*Ledger
		for range 8 {
			ledgers = append(ledgers, at.opened(t, place))
		}
		for round := range int64(10) {
			var group sync.WaitGroup
			var got atomic.Int64
			begin := make(chan struct{})
			for i, l := range ledgers {
				group.Go(func() {
					<-begin
					lease, err := l.Acquire(context.Background(), "apply", fmt.Sprint(i), time.Hour)
					switch {
					case errors.Is(err, ErrHeld):
						return
					case err != nil:
						t.Error(err)
						return
					}
					got.Add(1)
					if lease.Token() != round+1 {
						t.Errorf("token %d in round %d", lease.Token(), round)
					}
					l.Fence(lease)
					if claim, err := l.Claim(context.Background(), time.Unix(1000, 0)); err != nil || !claim.Mine || claim.Attempts != int(round)+1 {
						t.Errorf("%+v, %v", claim, err)
					}
				})
			}
			close(begin)
			group.Wait()
			if got.Load() != 1 {
				t.Errorf("%d have it", got.Load())
			}
			runOut(t, ledgers[0])
		}
	})
}

// Nobody acquires a lease between the look whether it is still ours and the end of what
// is written under it.
func TestFenceHolds(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		l.Fence(acquired(t, l, "cara", time.Hour))
		other := at.opened(t, place)
		runOut(t, other)
		err := l.write(t.Context(), false, func(context.Context, *transaction) error {
			limited, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			if lease, err := other.Acquire(limited, "apply", "bill", time.Hour); err == nil {
				t.Errorf("acquired with token %d", lease.Token())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		acquired(t, other, "bill", time.Hour)
	})
}

// Whoever is paused while his lease runs out and another takes over can write nothing
// any more, of whatever kind. What had run out and was taken by nobody can still say how
// a change ended, and begin none.
func TestFence(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		paused, place := at.fresh(t)
		lease := acquired(t, paused, "cara", time.Hour)
		paused.Fence(lease)
		appended(t, paused, Update{}, &Entry{Kind: RunBegan, Run: "run-1"}, sent(ana("vendasta"), "create"))
		day := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
		if claim, err := paused.Claim(t.Context(), day); err != nil || !claim.Mine || claim.Holder != "cara" || claim.Token != lease.Token() {
			t.Fatalf("%+v, %v", claim, err)
		}

		other := at.opened(t, place)
		runOut(t, other)
		if _, err := paused.Append(t.Context(), Update{}, sent(ana("partoo"), "create")); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "not renewed in time") {
			t.Errorf("a change begins when the lease has run out: %v", err)
		}
		appended(t, paused, Update{Finished: []int64{2}}, &Entry{Kind: ChangeEnded, Provider: "vendasta", Details: &Details{Email: "ana@example.com"}})

		took := acquired(t, other, "bill", time.Hour)
		other.Fence(took)
		for name, write := range map[string]func() error{
			"a change begins": func() error {
				_, err := paused.Append(t.Context(), Update{}, sent(ana("partoo"), "create"))
				return err
			},
			"a change ended": func() error {
				_, err := paused.Append(t.Context(), Update{Drop: []Key{ana("vendasta")}}, &Entry{Kind: ChangeEnded, Details: &Details{Email: "x"}})
				return err
			},
			"the state alone": func() error {
				_, err := paused.Append(t.Context(), Update{Put: []User{{Key: ana("partoo")}}})
				return err
			},
			"prune":  func() error { _, err := paused.Prune(t.Context(), time.Now().Add(time.Hour)); return err },
			"forget": func() error { _, err := paused.Forget(t.Context(), "ana@example.com", "cara"); return err },
			"claim":  func() error { _, err := paused.Claim(t.Context(), day.Add(time.Hour)); return err },
			"finish": func() error { return paused.Finish(t.Context(), day, "converged") },
		} {
			if err := write(); !errors.Is(err, ErrLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		select {
		case <-lease.Lost():
		default:
			t.Error("nothing says that it is lost")
		}
		// The other one goes on where he was, the tick included.
		appended(t, other, Update{}, sent(ana("partoo"), "create"))
		if claim, err := other.Claim(t.Context(), day); err != nil || !claim.Mine || claim.Attempts != 2 || claim.Holder != "bill" {
			t.Errorf("%+v, %v", claim, err)
		}
		if head, err := other.Verify(t.Context(), ""); err != nil || !strings.HasPrefix(head, "4-") {
			t.Errorf("%s, %v", head, err)
		}
		paused.Fence(nil)
		appended(t, paused, Update{}, &Entry{Kind: RunEnded})
	})
}

// A lease that is kept outlives its while, until somebody else has it.
func TestKeep(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		lease := acquired(t, l, "cara", 3*time.Second)
		lease.mu.Lock()
		first := lease.good
		lease.mu.Unlock()
		stop := lease.Keep(t.Context())
		renewed := func() bool {
			lease.mu.Lock()
			defer lease.mu.Unlock()
			return lease.good.After(first)
		}
		for !renewed() {
			select {
			case <-lease.Lost():
				t.Fatal("lost before it was renewed once")
			case <-t.Context().Done():
				t.Fatal("never renewed")
			default:
				// Each look takes a while.
				_, _ = l.State(t.Context())
			}
		}
		stop()
		select {
		case <-lease.Lost():
			t.Error("lost by stopping")
		default:
		}
		other := at.opened(t, place)
		runOut(t, other)
		acquired(t, other, "bill", time.Hour)
		stop = lease.Keep(t.Context())
		<-lease.Lost()
		stop()
	})
}

// A lease that can not be renewed is given up when its while has passed, even when the
// database does not answer at all.
func TestKeepWithoutDatabase(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		lease := acquired(t, l, "cara", 300*time.Millisecond)
		// Somebody holds the row, and renewals wait for him.
		tx, err := at.opened(t, place).db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.Exec("UPDATE leases SET holder = 'nobody'"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		stop := lease.Keep(t.Context())
		<-lease.Lost()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("noticed after %v", took)
		}
		stop()
	})
}
