package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A tick is run by one, and by another again only if it did not end.
func TestTicks(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		night := time.Date(2026, 11, 21, 2, 0, 0, 0, time.FixedZone("", 3600))
		if last, err := l.LastTick(t.Context()); err != nil || !last.At.IsZero() {
			t.Fatalf("%+v, %v", last, err)
		}
		lease := acquired(t, l, "cara", time.Hour)
		l.Fence(lease)
		if claim, err := l.Claim(t.Context(), night); err != nil || !claim.Mine || claim.Attempts != 1 {
			t.Fatalf("%+v, %v", claim, err)
		}
		if claim, err := l.Claim(t.Context(), night); err != nil || claim.Mine || claim.Attempts != 1 || !claim.Ended.IsZero() {
			t.Errorf("it is under way: %+v, %v", claim, err)
		}
		unended, err := l.Unended(t.Context())
		if err != nil || len(unended) != 1 || !unended[0].At.Equal(night) || unended[0].Holder != "cara" || unended[0].Token != lease.Token() || unended[0].Began.IsZero() {
			t.Errorf("%+v, %v", unended, err)
		}
		if last, err := l.LastTick(t.Context()); err != nil || !last.At.IsZero() {
			t.Errorf("one that has not ended: %+v, %v", last, err)
		}
		// He dies, and another takes over what he had begun.
		other := at.opened(t, place)
		runOut(t, other)
		other.Fence(acquired(t, other, "bill", time.Hour))
		if claim, err := other.Claim(t.Context(), night); err != nil || !claim.Mine || claim.Attempts != 2 || claim.Holder != "bill" {
			t.Errorf("%+v, %v", claim, err)
		}
		if err := other.Finish(t.Context(), night, "converged"); err != nil {
			t.Fatal(err)
		}
		if err := other.Finish(t.Context(), night, "failed"); err != nil {
			t.Errorf("finished again: %v", err)
		}
		if err := other.Finish(t.Context(), night.Add(time.Hour), "failed"); err == nil || !strings.Contains(err.Error(), "never begun") {
			t.Errorf("one that was never begun: %v", err)
		}
		claim, err := other.Claim(t.Context(), night)
		if err != nil || claim.Mine || claim.Status != "converged" || claim.Ended.IsZero() || claim.Attempts != 2 {
			t.Errorf("%+v, %v", claim, err)
		}
		last, err := other.LastTick(t.Context())
		if diff := cmp.Diff(claim.Tick, last); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if unended, err := other.Unended(t.Context()); err != nil || len(unended) != 0 {
			t.Errorf("%+v, %v", unended, err)
		}
	})
}

// Without a lease whoever comes next takes over what has not ended, since the caller
// keeps others out.
func TestTicksWithoutLease(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		night := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
		for attempt := 1; attempt <= 2; attempt++ {
			if claim, err := l.Claim(t.Context(), night); err != nil || !claim.Mine || claim.Attempts != attempt || claim.Token != 0 {
				t.Errorf("%+v, %v", claim, err)
			}
			l = at.opened(t, place)
		}
		if err := l.Finish(t.Context(), night, "converged"); err != nil {
			t.Fatal(err)
		}
		if claim, err := l.Claim(t.Context(), night); err != nil || claim.Mine {
			t.Errorf("%+v, %v", claim, err)
		}
	})
}

// The latest ticks are kept, whatever became of them.
func TestTicksArePruned(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, _ := at.fresh(t)
		night := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
		tx, err := l.db.begin(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range keptTicks + 5 {
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO ticks (at, holder, token, began, ended, attempts, status) VALUES (?, '', 0, '', '', 1, '')", stamp(night.Add(time.Duration(i)*time.Minute))); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Claim(t.Context(), night.AddDate(0, 0, 7)); err != nil {
			t.Fatal(err)
		}
		unended, err := l.Unended(t.Context())
		if err != nil || len(unended) != keptTicks || !unended[0].At.Equal(night.Add(6*time.Minute)) {
			t.Errorf("%d, %v", len(unended), err)
		}
	})
}

// A ledger of the first version is read as it is, and has no ticks; the first who
// writes it brings it up to date.
func TestFirstVersion(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, place := at.fresh(t)
		head := appended(t, l, Update{Put: []User{{Key: ana("vendasta"), How: Met}}}, &Entry{Kind: RunEnded})
		for _, statement := range []string{"DROP TABLE leases", "DROP TABLE ticks", "DELETE FROM migrations WHERE step > 1"} {
			if _, err := l.db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		old, err := at.read(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = old.Close() }()
		s, err := old.State(t.Context())
		last, wrong := old.LastTick(t.Context())
		if err := errors.Join(err, wrong); err != nil || s.Head != head || len(s.Users) != 1 || !last.At.IsZero() {
			t.Errorf("%+v, %+v, %v", s, last, err)
		}
		current := at.opened(t, place)
		acquired(t, current, "cara", time.Hour)
		if present, err := current.Verify(t.Context(), head); err != nil || present != head {
			t.Errorf("%s, %v", present, err)
		}
	})
}
