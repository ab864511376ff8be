package ledger

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/plan/ledger/pgtest"
)

// The ledger crosses no network in the clear, whatever the library would agree to.
func TestTransport(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for address, refused := range map[string]bool{
		"postgres://u:p@db.example.com/x":                                      true, // prefer
		"postgres://u:p@db.example.com/x?sslmode=prefer":                       true,
		"postgres://u:p@db.example.com/x?sslmode=allow":                        true,
		"postgres://u:p@db.example.com/x?sslmode=disable":                      true,
		"postgres://u:p@192.0.2.1/x?sslmode=disable":                           true,
		"postgres://u:p@localhost,db.example.com/x?sslmode=prefer":             true,
		"postgres://u:p@db.example.com/x?sslmode=require":                      false,
		"postgres://u:p@db.example.com/x?sslmode=verify-ca":                    false,
		"postgresql://u:p@db.example.com/x?sslmode=verify-full":                false,
		"postgres://u:p@localhost/x?sslmode=disable":                           false,
		"postgres://u:p@127.0.0.1:5433/x":                                      false,
		"postgres://u:p@[::1]/x?sslmode=prefer":                                false,
		"postgres://u:p@/x?host=/var/run/postgresql":                           false,
		"postgres://u:p@/x?host=db.example.com":                                true,
		"postgres://u:p@/x?host=/var/run/postgresql,db.example.com":            true,
		"postgres://u:p@a.example.com,b.example.com/x?sslmode=verify-full":     false,
		"postgres://u:p@localhost.example.com/x?sslmode=disable":               true,
		"postgres://u:p@127.0.0.1.example.com/x?sslmode=disable&host=10.0.0.1": true,
	} {
		_, err := Address(address)
		if refused != (err != nil && strings.Contains(err.Error(), "in the clear: add sslmode=verify-full")) || !refused && err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if _, opened := OpenDatabase(t.Context(), address); refused && (opened == nil || !strings.HasSuffix(opened.Error(), err.Error())) {
			t.Errorf("%s is opened: %v", address, opened)
		}
	}
	// The environment can ask for less, and does not get it.
	t.Setenv("PGSSLMODE", "disable")
	if _, err := Address("postgres://u:p@db.example.com/x"); err == nil {
		t.Error("PGSSLMODE is obeyed")
	}
}

// An address that can not be used, or leads to no ledger, is told without its password.
func TestNoPasswordInErrors(t *testing.T) {
	if shown, err := Address("postgres://cara:se%2Fcret@127.0.0.1/roll?sslmode=disable"); err != nil || shown != "postgres://cara@127.0.0.1:5432/roll" {
		t.Errorf("%s, %v", shown, err)
	}
	escaped := url.QueryEscape(pgtest.Password)
	addresses := map[string]string{
		"no URL":               "host=127.0.0.1 password='" + pgtest.Password + "'",
		"another scheme":       "mysql://cara:" + escaped + "@127.0.0.1/x",
		"not escaped":          "postgres://cara:" + pgtest.Password + "%zz@127.0.0.1/x",
		"a slash in it":        "postgres://cara:" + pgtest.Password + "@127.0.0.1/x",
		"a port":               "postgres://cara:" + escaped + "@127.0.0.1:port/x",
		"too high a port":      "postgres://cara:" + escaped + "@127.0.0.1:99999/x",
		"a mode":               "postgres://cara:" + escaped + "@127.0.0.1/x?sslmode=" + escaped,
		"an authority":         "postgres://cara:" + escaped + "@db.example.com/x?sslmode=verify-full&sslrootcert=" + escaped,
		"in the clear":         "postgres://cara:" + escaped + "@db.example.com/x",
		"in the query":         "postgres://127.0.0.1:1/x?user=cara&sslmode=prefer&password=" + escaped,
		"nobody listens":       "postgres://cara:" + escaped + "@127.0.0.1:1/x",
		"no such socket":       "postgres://cara:" + escaped + "@/x?host=/nowhere",
		"an unknown name":      "postgres://cara:" + escaped + "@rollcall.invalid/x?sslmode=require",
		"an unknown parameter": "postgres://cara:" + escaped + "@127.0.0.1:1/x?frobnicate=" + escaped,
	}
	if pgtest.Available() {
		real := pgtest.Database(t)
		addresses["a wrong password"] = strings.Replace(real, ":", "x:", 2) // the user's name, too
		wrong, _ := url.Parse(real)
		wrong.User = url.UserPassword("rollcall", pgtest.Password+"x")
		addresses["another password"] = wrong.String()
		wrong, _ = url.Parse(real)
		wrong.Path = "/nosuch"
		addresses["an unknown database"] = wrong.String()
	}
	for name, address := range addresses {
		for how, open := range map[string]func(context.Context, string) (*Ledger, error){"open": OpenDatabase, "read": ReadDatabase} {
			l, err := open(t.Context(), address)
			if err == nil {
				_ = l.Close()
				t.Errorf("%s, %s: no error", name, how)
				continue
			}
			if errors.Is(err, fs.ErrNotExist) && name != "an authority" && name != "no such socket" {
				t.Errorf("%s, %s: is taken for one that is not there: %v", name, how, err)
			}
			for _, form := range []string{pgtest.Password, escaped, url.PathEscape(pgtest.Password), "Canary"} {
				if strings.Contains(err.Error(), form) {
					t.Errorf("%s, %s: %v", name, how, err)
				}
			}
		}
	}
}

func TestOpenAndReadDatabase(t *testing.T) {
	address := pgtest.Database(t)
	absent := func(when string) {
		t.Helper()
		if _, err := ReadDatabase(t.Context(), address); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", when, err)
		}
	}
	absent("without tables")
	// Many who open it at once make the tables once.
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			l, err := OpenDatabase(context.Background(), address)
			if err != nil {
				t.Error(err)
				return
			}
			_ = l.Close()
		})
	}
	group.Wait()
	absent("without a row")
	l := sites[1].opened(t, address)
	head := appended(t, l, Update{}, &Entry{Kind: RunEnded})
	reading, err := ReadDatabase(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := reading.State(t.Context()); err != nil || s.Head != head {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := reading.Append(t.Context(), Update{}, &Entry{Kind: RunEnded}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a ledger that was opened for reading: %v", err)
	}
	_ = reading.Close()

	if _, err := l.db.Exec("INSERT INTO migrations (step, at) VALUES (1000, 'x')"); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(context.Context, string) (*Ledger, error){"open": OpenDatabase, "read": ReadDatabase} {
		if _, err := open(t.Context(), address); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "newer rollcall") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Somebody else's database is left alone.
	if _, err := l.db.Exec("DROP TABLE chain"); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(context.Context, string) (*Ledger, error){"open": OpenDatabase, "read": ReadDatabase} {
		if _, err := open(t.Context(), address); !errors.Is(err, ErrUnreadable) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "somebody else's") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A gate is a way to the server that can be shut.
type gate struct {
	listener net.Listener
	mu       sync.Mutex
	shut     bool // bytes are taken and lead nowhere
	ends     []net.Conn
	group    sync.WaitGroup
}

// gated is the address of a database behind a gate.
func gated(t *testing.T, address string) (*gate, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: listener}
	g.group.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", pgtest.Socket())
			if err != nil {
				_ = from.Close()
				continue
			}
			g.mu.Lock()
			g.ends = append(g.ends, from, to)
			g.mu.Unlock()
			g.group.Go(func() { g.pass(to, from) })
			g.group.Go(func() { g.pass(from, to) })
		}
	})
	t.Cleanup(func() {
		g.cut()
		_ = listener.Close()
		g.group.Wait()
	})
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Host, parsed.RawQuery = listener.Addr().String(), "sslmode=disable"
	return g, parsed.String()
}

func (g *gate) pass(to io.Writer, from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if !shut {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut ends all connections.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, end := range g.ends {
		_ = end.Close()
	}
	g.ends = nil
}

// A server that goes away is an error and no wait, and one that comes back is used.
func TestServerGone(t *testing.T) {
	g, address := gated(t, pgtest.Database(t))
	l := sites[1].opened(t, address)
	appended(t, l, Update{}, &Entry{Kind: RunBegan})
	g.cut()
	// The connections that were cut are replaced, now or by the next one.
	_, err := l.Append(t.Context(), Update{}, &Entry{Kind: RunEnded})
	if err != nil {
		appended(t, l, Update{}, &Entry{Kind: RunEnded})
	}
	if _, err := l.Verify(t.Context(), ""); err != nil {
		t.Error(err)
	}
	// It takes all and says nothing.
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := l.Append(ctx, Update{}, sent(ana("vendasta"), "create")); err == nil {
		t.Error("written to a server that does not answer")
	}
	if _, err := l.State(ctx); !errors.Is(err, ErrUnreadable) {
		t.Errorf("read from a server that does not answer: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
	// Nobody is there.
	_ = g.listener.Close()
	g.cut()
	if _, err := l.Append(t.Context(), Update{}, sent(ana("vendasta"), "create")); err == nil || !strings.Contains(err.Error(), "can not be written") {
		t.Errorf("written to a server that is gone: %v", err)
	}
	if _, err := ReadDatabase(t.Context(), address); !errors.Is(err, ErrUnreadable) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// The folder of the test server is its own.
func TestServerIsPrivate(t *testing.T) {
	pgtest.Database(t)
	info, err := os.Stat(filepath.Dir(pgtest.Socket()))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
