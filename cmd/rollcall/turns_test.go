package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/sources"
)

// TestTurns: a tick is one instance's at a time, until it has ended; one that was begun and
// not ended is for whoever comes next, a few times, and is taken up by a later one.
func TestTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", "version: 1\nproviders: {vendasta: {partner: ABC, auth: {token: {env: UNUSED}}}}\n")
	config, problems := sources.LoadConfig(filepath.Join(dir, "rollcall.yaml"))
	if config == nil {
		t.Fatal(problems)
	}
	instance := func() *turns {
		var told strings.Builder
		all := &turns{app: newApp(strings.NewReader(""), &told, &told)}
		if err := all.use(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		return all
	}
	one, other := instance(), instance()
	first := time.Now().Truncate(time.Hour)
	left := func(want time.Time) {
		t.Helper()
		if at, err := one.Left(t.Context()); err != nil || !at.Equal(want) {
			t.Errorf("%v is left, %v; want %v", at, err, want)
		}
	}
	take := func(all *turns, tick time.Time) service.Turn {
		t.Helper()
		turn, err := all.Take(t.Context(), tick)
		if err != nil {
			t.Fatal(err)
		}
		return turn
	}
	end := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	left(time.Time{})
	turn := take(one, first)
	var busy *service.BusyError
	if _, err := other.Take(t.Context(), first); !errors.As(err, &busy) || !strings.Contains(busy.Holder, "another rollcall (process ") {
		t.Errorf("both have a turn: %v", err)
	}
	end(turn.Release(t.Context()))
	left(first)
	turn = take(other, first)
	if !turn.Again() {
		t.Error("it does not tell that somebody began it")
	}
	end(turn.Done(t.Context(), service.Converged))
	left(time.Time{})
	if _, err := one.Take(t.Context(), first); !errors.Is(err, service.ErrDone) {
		t.Errorf("it is run twice: %v", err)
	}
	if last, err := one.Last(t.Context()); err != nil || !last.Equal(first) {
		t.Errorf("the last is %v, %v", last, err)
	}

	// One that was left is taken up by the next one.
	second, third := first.Add(2*time.Hour), first.Add(3*time.Hour)
	end(take(one, second).Release(t.Context()))
	left(second)
	turn = take(one, third)
	if turn.Again() {
		t.Error("it is not the one that was left")
	}
	end(turn.Done(t.Context(), service.Converged))
	left(time.Time{})
	if _, err := one.Take(t.Context(), second); !errors.Is(err, service.ErrDone) {
		t.Errorf("what was taken up is run again: %v", err)
	}

	// One that ends the program each time is given up.
	fourth := first.Add(4 * time.Hour)
	for range maxAttempts {
		end(take(one, fourth).Release(t.Context()))
	}
	if _, err := one.Take(t.Context(), fourth); !errors.Is(err, service.ErrGivenUp) {
		t.Errorf("it is begun for ever: %v", err)
	}
	left(time.Time{})
}
