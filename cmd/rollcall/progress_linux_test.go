package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

const watchedRoster = `version: 1
people:
  - {email: bill@example.com, givenName: Bill, access: &access {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: cara@example.com, access: *access}
`

// A sitting is one run of rollcall in front of a person, whose vendor can be made to
// wait.
type sitting struct {
	t       *testing.T
	dir     string
	gate    gate
	command *exec.Cmd
	person  *os.File
	seen    watched // everything that was written to the terminal
	copied  chan struct{}
}

// The size of the terminal.
const columns, rows = 200, 50

// sit prepares a vendor, a folder and a terminal.
func sit(t *testing.T) (s *sitting, terminal *os.File) {
	t.Helper()
	s = &sitting{t: t, dir: t.TempDir(), copied: make(chan struct{})}
	world := simulator.New(simulator.Options{})
	server := httptest.NewServer(s.gate.before(world.Handler()))
	t.Cleanup(server.Close)
	t.Cleanup(s.gate.open)
	base := ""
	for _, endpoint := range world.Endpoints(server.URL) {
		if endpoint.Kind == "vendasta" {
			base = endpoint.BaseURL
		}
	}
	write(t, s.dir, "rollcall.yaml", "version: 1\nproviders: {vendasta: {partner: ABC, baseURL: "+base+", auth: {token: {env: VENDASTA_TOKEN}}, rate: unlimited, concurrency: 1}}\n")
	write(t, s.dir, "roster.yaml", watchedRoster)
	terminal, s.person = openTerminal(t)
	size := [4]uint16{rows, columns}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
		t.Fatal(errno)
	}
	return s, terminal
}

// start runs rollcall with these streams; nil ones are the terminal.
func (s *sitting) start(terminal *os.File, stdin io.Reader, stdout, stderr io.Writer, args ...string) {
	s.t.Helper()
	s.command = exec.Command("rollcall", append([]string{"-C", s.dir}, args...)...)
	s.command.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=1", "VENDASTA_TOKEN=long-enough")
	s.command.Stdin, s.command.Stdout, s.command.Stderr = stdin, stdout, stderr
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	if err := terminal.Close(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(&s.seen, s.person) // ends when no program has the terminal any more
		close(s.copied)
	}()
}

func (s *sitting) until(pattern string) {
	s.t.Helper()
	if !s.seen.until(regexp.MustCompile(pattern), patience) {
		s.t.Fatalf("%s never came: %q", pattern, s.seen.String())
	}
}

// ends waits for the end and returns what is left on the terminal.
func (s *sitting) ends(code int) string {
	s.t.Helper()
	var exit *exec.ExitError
	got := 0
	if err := s.command.Wait(); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	if got != code {
		s.t.Errorf("exit code %d, want %d", got, code)
	}
	<-s.copied
	u := newTube(s.t, columns, rows)
	_, _ = u.Write([]byte(s.seen.String()))
	return u.String()
}

// TestBarsBesideAPlan: standard output is what it is without bars, and of the bars
// nothing is left.
func TestBarsBesideAPlan(t *testing.T) {
	t.Parallel()
	s, terminal := sit(t)
	var with, without bytes.Buffer
	s.gate.hold("GET")
	s.start(terminal, nil, &with, terminal, "plan")
	s.until(`vendasta  lookups  \[-+\]  0 of 2`)
	s.gate.open()
	if left := s.ends(plan.ExitOK); left != "" {
		t.Errorf("the terminal still has\n%s", left)
	}
	quiet := exec.Command("rollcall", "-C", s.dir, "plan")
	quiet.Env, quiet.Stdout = s.command.Env, &without
	if err := quiet.Run(); err != nil {
		t.Fatal(err)
	}
	if with.String() != without.String() || !strings.Contains(with.String(), "2 to create") {
		t.Errorf("with bars standard output is\n%s\nand without\n%s", with.String(), without.String())
	}
}

// TestBarsAndEverythingElse sits at a terminal that has it all: the log, bars, the
// plan, the question, its answer, bars again, and the result.
func TestBarsAndEverythingElse(t *testing.T) {
	t.Parallel()
	s, terminal := sit(t)
	s.gate.hold("GET")
	s.start(terminal, terminal, terminal, terminal, "apply", "-v")
	s.until(`lookups  \[-+\]  0 of 2`)
	s.gate.open()
	s.until(`goes on: $`)
	s.gate.hold("POST")
	if _, err := s.person.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	s.until(`changes  \[-+\]  0 of 2`)
	s.gate.open()
	left := s.ends(plan.ExitOK)
	if regexp.MustCompile(`\[[-#]+\]|[0-9] of 2\b`).MatchString(left) {
		t.Errorf("bars are left:\n%s", left)
	}
	var told []string
	for line := range strings.Lines(left) {
		if !strings.HasPrefix(line, "time=") {
			told = append(told, line)
		}
	}
	text := strings.Join(told, "")
	for _, want := range []string{
		"ledger: absent ", "\n+ vendasta: create bill@example.com\n", "\nApply 2 changes? Only \"yes\" goes on: yes\n2 applied",
	} {
		if !strings.Contains("\n"+text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if n := strings.Count(left, "msg=request "); n != 4 {
		t.Errorf("%d requests are in the log, want 4:\n%s", n, left)
	}
}

// TestBarsInterrupted: an interrupt leaves no trace of bars either.
func TestBarsInterrupted(t *testing.T) {
	t.Parallel()
	s, terminal := sit(t)
	s.gate.hold("GET")
	s.start(terminal, nil, io.Discard, terminal, "plan")
	s.until(`lookups  \[-+\]  0 of 2`)
	if err := s.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if left := s.ends(plan.ExitInterrupted); strings.TrimSpace(left) != "rollcall: interrupted: nothing was changed" {
		t.Errorf("the terminal still has\n%s", left)
	}
}

// TestBarsFinishing: bars go on below the words about an interrupt, and say no more
// than what was done.
func TestBarsFinishing(t *testing.T) {
	t.Parallel()
	s, terminal := sit(t)
	s.gate.hold("POST")
	s.start(terminal, nil, io.Discard, terminal, "apply", "--yes", "--result", filepath.Join(s.dir, "result.json"))
	s.until(`changes  \[-+\]  0 of 2`)
	if err := s.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.until(`again to leave them\r\nvendasta  changes  \[-+\]  0 of 2`)
	s.gate.open()
	const want = "interrupted: finishing the changes under way; interrupt again to leave them"
	if left := s.ends(plan.ExitInterrupted); left != want {
		t.Errorf("the terminal has\n%s", left)
	}
	if strings.Contains(s.seen.String(), "2 of 2") {
		t.Error("what was not begun counts as done")
	}
}

// TestWhereThereAreBars: at a terminal that can more than print, and nowhere else.
func TestWhereThereAreBars(t *testing.T) {
	terminal, _ := openTerminal(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, test := range []struct {
		name           string
		kind           string
		stdout, stderr io.Writer
		bars, shared   bool
	}{
		{"terminal", "xterm", terminal, terminal, true, true},
		{"standard output elsewhere", "xterm", file, terminal, true, false},
		{"standard error elsewhere", "xterm", terminal, file, false, false},
		{"dumb", "dumb", terminal, terminal, false, false},
		{"unknown", "", terminal, terminal, false, false},
		{"no file", "xterm", terminal, io.Discard, false, false},
	} {
		t.Setenv("TERM", test.kind)
		a := newApp(nil, test.stdout, test.stderr)
		a.openScreen()
		if bars, shared := a.stderr.screen != nil, a.stdout.screen != nil; bars != test.bars || shared != test.shared {
			t.Errorf("%s: bars %v, want %v; standard output minds them %v, want %v", test.name, bars, test.bars, shared, test.shared)
		}
	}
}
