// Package pgtest gives tests a PostgreSQL server: a real one, which the first test that
// asks for a database starts, and which ends with the test binary. Where PostgreSQL is
// not installed, those tests are skipped. It is for tests alone.
package pgtest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Password is that of the server's one user, to be looked for where it must not be.
const Password = "pg/Canary+7Wd?&q=5t" //nolint:gosec // of a server that tests start and end

const role = "rollcall"

// A server is one that runs; the zero value is one that does not.
type server struct {
	once    sync.Once
	folder  string
	process *exec.Cmd
	err     error
}

var shared server

// A Main is the tests of a package, with the server ended behind them. It takes the
// place of *testing.M in TestMain.
type Main struct{ *testing.M }

// Run runs the tests.
func (m Main) Run() int {
	defer shared.stop()
	return m.M.Run()
}

// Available reports whether PostgreSQL is installed.
func Available() bool {
	_, err := programs()
	return err == nil
}

// Database is the address of a new, empty database. A test without one is skipped.
func Database(t testing.TB) string {
	t.Helper()
	if !Available() {
		t.Skip("PostgreSQL is not installed (no initdb and postgres in PATH or /usr/lib/postgresql): skipped")
	}
	address, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// New is Database for what is no test.
func New() (string, error) {
	shared.once.Do(func() { shared.err = shared.start() })
	if shared.err != nil {
		return "", fmt.Errorf("PostgreSQL does not start: %w", shared.err)
	}
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, shared.address("postgres"))
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close(ctx) }()
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := connection.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return shared.address(name), nil
}

// Socket is the path of the server's socket, once there is a database.
func Socket() string { return filepath.Join(shared.folder, ".s.PGSQL.5432") }

func (s *server) address(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(role, Password), Path: "/" + database, RawQuery: url.Values{"host": {s.folder}}.Encode()}).String()
}

// programs finds the folder of PostgreSQL's programs.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			path = resolved
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("initdb is nowhere")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// start makes a server that listens on a socket in a folder of its own, and waits until
// it is ready. It is quick, and forgets everything when the machine fails.
func (s *server) start() (err error) {
	bin, err := programs()
	if err != nil {
		return err
	}
	owner, err := unprivileged()
	if err != nil {
		return err
	}
	// The path of a socket is short.
	if s.folder, err = os.MkdirTemp("", "pg"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(s.folder)
		}
	}()
	secret := filepath.Join(s.folder, "password")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o600); err != nil {
		return err
	}
	if err := owner.take(s.folder, secret); err != nil {
		return err
	}
	data := filepath.Join(s.folder, "data")
	initdb := s.command(owner, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username="+role, "--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.process = s.command(owner, filepath.Join(bin, "postgres"), "-D", data, "-k", s.folder, "-p", "5432", "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "log_min_messages=log", "-c", "lc_messages=C")
	reading, writing, err := os.Pipe()
	if err != nil {
		return err
	}
	s.process.Stderr = writing
	err = s.process.Start()
	_ = writing.Close()
	// Nobody reads what it says later, which does not stop it.
	defer func() { _ = reading.Close() }()
	if err != nil {
		s.process = nil
		return err
	}
	said := ""
	for lines := bufio.NewScanner(reading); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "ready to accept connections") {
			return nil
		}
	}
	err = errors.Join(s.process.Wait(), fmt.Errorf("it said: %s", said))
	s.process = nil
	return err
}

func (s *server) command(owner account, program string, args ...string) *exec.Cmd {
	command := exec.Command(program, args...) //nolint:gosec // PostgreSQL's own
	command.Dir = s.folder
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	owner.become(command)
	return command
}

func (s *server) stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(os.Interrupt) // connections are ended, too
	_ = s.process.Wait()
	_ = os.RemoveAll(s.folder)
	s.process = nil
}
