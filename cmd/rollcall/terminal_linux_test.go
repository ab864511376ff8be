package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"unsafe"

	"rollcall/plan"
)

// TestInterruptedAtThePrompt interrupts while rollcall asks. testscript's ttyin
// types before the program has begun, so this has a terminal of its own.
func TestInterruptedAtThePrompt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", "version: 1\nproviders: {vendasta: {partner: ABC, auth: {token: {env: UNUSED}}}}\n")
	write(t, dir, "roster.yaml", "version: 1\npeople:\n  - {email: bill@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n")
	terminal, _ := openTerminal(t)
	var stderr watched
	command := exec.Command("rollcall", "-C", dir, "--simulate", "apply", "--result", "result.json")
	command.Stdin, command.Stderr = terminal, &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if !stderr.until(regexp.MustCompile(`goes on: $`), patience) {
		t.Errorf("it does not ask: %s", stderr.String())
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != plan.ExitInterrupted {
		t.Errorf("it ended with %v, want %d", err, plan.ExitInterrupted)
	}
	if !regexp.MustCompile(`\nsimulator: 1 reads, 0 writes, `).MatchString(stderr.String()) {
		t.Errorf("standard error does not end with what was counted: %q", stderr.String())
	}
	result, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSchema(result, "result"); err != nil {
		t.Error(err)
	}
}

// openTerminal opens a pseudo-terminal and returns the side that programs use and the
// one that people sit at.
func openTerminal(t *testing.T) (terminal, person *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals:", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var locked, number int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return terminal, master
}
