// Command rollcall keeps people's access at many vendors true to one roster.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	_ "time/tzdata" // zones for machines that have none

	"rollcall/plan"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code. A panic is a bug,
// told as one; Go's own exit code for it would read as "there are changes".
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	// Files and documents are parsed into many small values; collecting less often
	// buys speed for memory that is bounded by the limits of the loader.
	debug.SetGCPercent(gcPercent)
	a := newApp(stdin, stdout, stderr)
	defer func() {
		if r := recover(); r != nil {
			a.tell(bug(r))
			code = plan.ExitError
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	// A reader of the output that goes away must not kill an apply half-way: with
	// this, writing to it is an error like any other.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go a.interrupts(ctx, signals, cancel)
	return a.execute(ctx, args)
}

// bug is what is told of a panic.
func bug(r any) error {
	return fmt.Errorf("rollcall broke: %v; this is a bug, report it with the command and the output of -v", r)
}

// gcPercent is how much the heap may grow between two collections.
const gcPercent = 100
