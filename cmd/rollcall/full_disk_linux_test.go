package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
)

// fileMax is the variable by which a program under test is told how large a file that
// it writes can become, which is what a full disk is to it.
const fileMax = "ROLLCALL_TEST_FILE_MAX"

func init() { //nolint:gochecknoinits // before anything is written
	limit, err := strconv.ParseUint(os.Getenv(fileMax), 10, 64)
	if err != nil {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
}

// recorded is how many rows of a kind the ledger has.
func (h *theatre) recorded(kind ledger.Kind) int {
	l, err := h.openLedger()
	if err != nil {
		h.t.Fatal(err)
	}
	entries, err := l.Entries(h.t.Context(), ledger.Filter{Kinds: []ledger.Kind{kind}})
	if err = errors.Join(err, l.Close()); err != nil {
		h.t.Fatal(err)
	}
	return len(entries)
}

// TestFullDisk has an apply run out of space at ever later points: what can not be
// recorded is not sent, it is said, and after the next run nothing is lost or doubled.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	t.Parallel()
	h := newTheatre(t)
	undisturbed := newTheatre(t)
	undisturbed.reset()
	undisturbed.world.SetChaos(simulator.Chaos{})
	if out, err := undisturbed.run(0); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := undisturbed.vendors()
	size := len(h.ledger)
	stopped := 0
	for _, more := range []int{0, 24 << 10, 80 << 10} {
		h.reset()
		h.world.SetChaos(simulator.Chaos{})
		before, begun := h.world.Counts(), h.recorded(ledger.ChangeSent)
		out, err := h.run(0, fmt.Sprintf("%s=%d", fileMax, size+more))
		if err == nil {
			continue // there was room for it
		}
		stopped++
		if !strings.Contains(out, "the ledger") || strings.Contains(out, "goroutine") {
			t.Errorf("%d more: %v\n%s", more, err, out)
		}
		if writes, recorded := int(h.world.Counts().Writes-before.Writes), h.recorded(ledger.ChangeSent)-begun; writes > recorded {
			t.Errorf("%d more: %d writes, %d of them recorded", more, writes, recorded)
		}
		if out, err = h.run(0); err != nil {
			t.Errorf("%d more: the next run: %v\n%s", more, err, out)
		}
		if twice := h.twice(); len(twice) > 0 {
			t.Errorf("%d more: are there twice: %v", more, twice)
		}
		if got := h.vendors(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%d more: the vendors have something else: %v", more, got)
		}
		if wrong := h.agrees(); wrong != "" {
			t.Errorf("%d more: %s", more, wrong)
		}
	}
	if stopped < 2 {
		t.Errorf("%d runs ran out of space", stopped)
	}
}
