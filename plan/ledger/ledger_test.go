package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"rollcall/plan/ledger/pgtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Main{M: m}, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// A site is a kind of place where a ledger can stand: what holds at one has to hold at
// the other.
type site struct {
	name       string
	place      func(t testing.TB) string // a new one
	open, read func(context.Context, string) (*Ledger, error)
}

var sites = []site{
	{"sqlite", func(t testing.TB) string { return filepath.Join(t.TempDir(), "deep", "ledger.db") }, Open, Read},
	{"postgres", pgtest.Database, OpenDatabase, ReadDatabase},
}

// everywhere runs a test at each site.
func everywhere(t *testing.T, test func(t *testing.T, at site)) {
	for _, at := range sites {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			test(t, at)
		})
	}
}

// opened is the ledger at a place.
func (s site) opened(t testing.TB, place string) *Ledger {
	t.Helper()
	l, err := s.open(context.Background(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// fresh is a new ledger whose clock moves by a second with each row.
func (s site) fresh(t testing.TB) (*Ledger, string) {
	t.Helper()
	place := s.place(t)
	l := s.opened(t, place)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	l.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	return l, place
}

func ana(provider string) Key { return Key{provider, "ana@example.com"} }

// sent is an entry of a change that is about to be sent.
func sent(k Key, action string) *Entry {
	return &Entry{Kind: ChangeSent, Run: "run-1", Provider: k.Provider, Action: action, Details: &Details{Email: k.Email, UserID: "U-1", Values: []Value{{Name: "role", After: []byte(`"R"`)}}}}
}

func appended(t testing.TB, l *Ledger, u Update, entries ...*Entry) string {
	t.Helper()
	head, err := l.Append(context.Background(), u, entries...)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestState(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, path := at.fresh(t)
		day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		user := User{
			Key: ana("vendasta"), UserID: "U-1", Person: "E-1", How: Created, Since: day,
			Applied: map[string]any{"platformAccess": []any{"tm:access"}, "seats": 3.0, "nothing": nil}, Before: map[string]any{"businessLocations": []any{"AG-1"}}, Left: day,
		}
		other := User{Key: ana("partoo"), UserID: "P-1", How: Met, Since: day}
		first := sent(ana("vendasta"), "create")
		first.Details.Facts = map[string]string{"mail": "yes"}
		appended(t, l, Update{
			Put: []User{user, other}, Open: map[Key]time.Time{ana("partoo"): day}, Done: map[Key]Mark{ana("myreports"): {At: day, Note: "by hand", Who: "cara"}},
			Targets: map[string]string{"vendasta": "sha256:1", "partoo": "sha256:2"}, People: map[string]int{"vendasta": 7},
		}, first, sent(ana("partoo"), "update"))
		s, err := l.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := &State{
			Users: map[Key]User{user.Key: user, other.Key: other}, Open: map[Key]time.Time{ana("partoo"): day},
			Done: map[Key]Mark{ana("myreports"): {At: day, Note: "by hand", Who: "cara"}}, People: map[string]int{"vendasta": 7, "partoo": 0},
			Targets: map[string]string{"vendasta": "sha256:1", "partoo": "sha256:2"}, Head: s.Head, Last: s.Last,
			Unfinished: []Unfinished{
				{Key: ana("vendasta"), Seq: 1, Run: "run-1", Action: "create", UserID: "U-1", Mail: true, At: first.At},
				{Key: ana("partoo"), Seq: 2, Run: "run-1", Action: "update", UserID: "U-1", At: first.At.Add(time.Second)},
			},
		}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Error(diff)
		}
		// What is open stays open since the first day; everything else can be taken back.
		appended(t, l, Update{Open: map[Key]time.Time{ana("partoo"): day.AddDate(0, 1, 0)}})
		reread, err := at.read(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reread.Close() }()
		if s, _ := reread.State(t.Context()); !s.Open[ana("partoo")].Equal(day) {
			t.Errorf("open since %v", s.Open)
		}
		user.Applied, user.Before, user.Left = nil, nil, time.Time{}
		appended(t, l, Update{Put: []User{user}, Drop: []Key{other.Key}, Closed: []Key{ana("partoo")}, Undone: []Key{ana("myreports")}, Finished: []int64{1, 2}})
		s, err = l.State(t.Context())
		if err != nil || len(s.Users) != 1 || len(s.Open)+len(s.Done)+len(s.Unfinished) != 0 {
			t.Errorf("%v: %+v", err, s)
		}
		if diff := cmp.Diff(user, s.Users[user.Key]); diff != "" {
			t.Error(diff)
		}
	})
}

// Rows and state are written together or not at all.
func TestAppendIsWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, _ := at.fresh(t)
		if _, err := l.db.Exec("ALTER TABLE accounts RENAME TO gone"); err != nil {
			t.Fatal(err)
		}
		_, err := l.Append(t.Context(), Update{Put: []User{{Key: ana("vendasta")}}, Targets: map[string]string{"vendasta": "x"}}, sent(ana("vendasta"), "create"))
		if err == nil || !strings.Contains(err.Error(), "can not be written") {
			t.Fatal(err)
		}
		if _, err := l.db.Exec("ALTER TABLE gone RENAME TO accounts"); err != nil {
			t.Fatal(err)
		}
		s, err := l.State(t.Context())
		if err != nil || len(s.Users)+len(s.Unfinished) != 0 || s.Head != "" {
			t.Errorf("%v: %+v", err, s)
		}
	})
}

func TestEntries(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, _ := at.fresh(t)
		bill := Key{"partoo", "bill@example.com"}
		appended(t, l, Update{}, &Entry{Kind: RunBegan, Run: "run-1", Details: &Details{Who: "cara", Facts: map[string]string{"roster": "sha256:1"}}}, sent(ana("vendasta"), "create"), sent(bill, "update"))
		appended(t, l, Update{}, &Entry{Kind: ChangeEnded, Run: "run-1", Provider: "partoo", Action: "update", Status: "applied", Details: &Details{Email: bill.Email}}, &Entry{Kind: RunEnded, Run: "run-1", Status: "0"})
		all, err := l.Entries(t.Context(), Filter{})
		if err != nil || len(all) != 5 {
			t.Fatalf("%d entries, %v", len(all), err)
		}
		if all[2].Details.Values[0].Name != "role" || string(all[2].Details.Values[0].After) != `"R"` || all[0].Details.Facts["roster"] != "sha256:1" || all[4].Details != nil {
			t.Errorf("%+v", all)
		}
		for name, test := range map[string]struct {
			filter Filter
			want   string
		}{
			"a person":            {Filter{Email: "ana@example.com"}, "[2]"},
			"a provider":          {Filter{Provider: "partoo"}, "[3 4]"},
			"both":                {Filter{Email: bill.Email, Provider: "vendasta"}, "[]"},
			"a run":               {Filter{Run: "run-1"}, "[1 2 3 4 5]"},
			"no such run":         {Filter{Run: "run-2"}, "[]"},
			"a kind":              {Filter{Kinds: []Kind{RunEnded}}, "[5]"},
			"kinds of a run":      {Filter{Run: "run-1", Kinds: []Kind{RunBegan, RunEnded}}, "[1 5]"},
			"since":               {Filter{Since: all[3].At}, "[4 5]"},
			"until, without it":   {Filter{Until: all[1].At}, "[1]"},
			"between two moments": {Filter{Since: all[1].At, Until: all[3].At}, "[2 3]"},
		} {
			got, err := l.Entries(t.Context(), test.filter)
			seqs := []int64{}
			for _, e := range got {
				seqs = append(seqs, e.Seq)
			}
			if err != nil || fmt.Sprint(seqs) != test.want {
				t.Errorf("%s: %v, %v", name, seqs, err)
			}
		}
	})
}

// chained is a ledger with some rows, one of which was forgotten, and its head.
func (s site) chained(t testing.TB) (*Ledger, string, string) {
	t.Helper()
	l, path := s.fresh(t)
	for i := range 6 {
		e := sent(Key{"vendasta", fmt.Sprintf("p%d@example.com", i)}, "update")
		appended(t, l, Update{Finished: []int64{int64(i + 1)}}, e)
	}
	if n, err := l.Forget(context.Background(), "p3@example.com", "cara"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	head := appended(t, l, Update{}, &Entry{Kind: RunEnded, Run: "run-1", Status: "0"})
	if present, err := l.Verify(context.Background(), head); err != nil || present != head {
		t.Fatalf("%s, %v", present, err)
	}
	return l, path, head
}

// One changed byte in any column of any row is found, and so are rows and details that
// are gone, added or in another place.
func TestVerify(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, _, head := at.chained(t)
		count := func(table string) (n int) {
			if err := l.db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		altered := func(name, head string, statements ...string) {
			t.Helper()
			tx, err := l.db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range statements {
				if r, err := tx.Exec(s); err != nil {
					t.Fatalf("%s: %v", s, err)
				} else if n, _ := r.RowsAffected(); n == 0 {
					t.Fatalf("%s changes nothing", s)
				}
			}
			// Verify reads through the one connection, so the change has to be committed.
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Verify(t.Context(), head); !errors.Is(err, ErrAltered) {
				t.Errorf("%s is not found: %v", name, err)
			}
		}
		backup := func() func() {
			for _, table := range []string{"chain", "details"} {
				if _, err := l.db.Exec("CREATE TABLE kept_" + table + " AS SELECT * FROM " + table); err != nil {
					t.Fatal(err)
				}
			}
			return func() {
				for _, table := range []string{"chain", "details"} {
					for _, s := range []string{"DELETE FROM " + table, "INSERT INTO " + table + " SELECT * FROM kept_" + table, "DROP TABLE kept_" + table} {
						if _, err := l.db.Exec(s); err != nil {
							t.Fatal(err)
						}
					}
				}
				if _, err := l.Verify(t.Context(), head); err != nil {
					t.Fatalf("restored: %v", err)
				}
			}
		}
		for seq := 1; seq <= count("chain"); seq++ {
			for _, column := range []string{"at", "kind", "run", "provider", "action", "status", "details", "prev", "hash"} {
				restore := backup()
				altered(fmt.Sprintf("column %s of row %d", column, seq), "", fmt.Sprintf("UPDATE chain SET %s = %s || 'x' WHERE seq = %d", column, column, seq))
				restore()
			}
			restore := backup()
			if seq < count("chain") {
				altered(fmt.Sprintf("row %d that is gone", seq), "", fmt.Sprintf("DELETE FROM chain WHERE seq = %d", seq))
			} else {
				altered("a last row that is gone, with a head", head, fmt.Sprintf("DELETE FROM chain WHERE seq = %d", seq))
			}
			restore()
		}
		for _, column := range []string{"salt", "body"} {
			for _, seq := range []int{1, 2, 3, 5, 6, 7} {
				restore := backup()
				altered(fmt.Sprintf("%s of row %d", column, seq), "", fmt.Sprintf("UPDATE details SET %s = replace(%s, substr(%s, 3, 1), '#') WHERE seq = %d", column, column, column, seq))
				restore()
			}
		}
		for name, statements := range map[string][]string{
			"details that are gone":             {"DELETE FROM details WHERE seq = 2"},
			"details that are another row's":    {"UPDATE details SET seq = 99 WHERE seq = 1", "UPDATE details SET seq = 1 WHERE seq = 2", "UPDATE details SET seq = 2 WHERE seq = 99"},
			"details that nobody has":           {"INSERT INTO details VALUES (99, 'x', 'y', '{}')"},
			"details where there were none":     {fmt.Sprintf("INSERT INTO details VALUES (%d, 'x', 'y', '{}')", count("chain"))},
			"what was forgotten is forgotten":   {"DELETE FROM details WHERE seq = 7"},
			"a row that was added at the end":   {"INSERT INTO chain SELECT seq + 1, at, kind, run, provider, action, status, details, prev, hash FROM chain ORDER BY seq DESC LIMIT 1"},
			"a row that was added before all":   {"INSERT INTO chain SELECT 0, at, kind, run, provider, action, status, details, prev, hash FROM chain WHERE seq = 1"},
			"two rows that changed their place": {"UPDATE chain SET seq = 99 WHERE seq = 1", "UPDATE chain SET seq = 1 WHERE seq = 2", "UPDATE chain SET seq = 2 WHERE seq = 99"},
		} {
			restore := backup()
			altered(name, "", statements...)
			restore()
		}
		// A cut tail alone does not show; a head that was noted shows it.
		restore := backup()
		if _, err := l.db.Exec("DELETE FROM chain WHERE seq > 6"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.db.Exec("DELETE FROM details WHERE seq > 6"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Verify(t.Context(), head); !errors.Is(err, ErrAltered) {
			t.Error(err)
		}
		restore()
	})
}

// What is forgotten is gone from the file too, and the chain holds.
func TestForget(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, path := at.fresh(t)
		appended(t, l, Update{}, sent(Key{"vendasta", "secretive@example.com"}, "create"))
		if n, err := l.Forget(t.Context(), "secretive@example.com", "cara"); err != nil || n != 0 {
			t.Errorf("%d rows of a change that is under way are forgotten, %v", n, err)
		}
		appended(t, l, Update{Finished: []int64{1}}, &Entry{Kind: ChangeEnded, Provider: "vendasta", Details: &Details{Email: "secretive@example.com", Error: "no"}})
		appended(t, l, Update{}, &Entry{Kind: RunEnded, Details: &Details{Who: "cara"}})
		if n, err := l.Forget(t.Context(), "secretive@example.com", "cara"); err != nil || n != 2 {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := l.Forget(t.Context(), "secretive@example.com", "cara"); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
		if _, err := l.Verify(t.Context(), ""); err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(path)
		if at.name != "sqlite" {
			data, err = nil, nil // the server's files are its own
		}
		if err != nil || strings.Contains(string(data), "secretive@") {
			t.Errorf("the file still has the address, %v", err)
		}
		all, _ := l.Entries(t.Context(), Filter{})
		if len(all) != 4 || all[0].Details != nil || all[0].Action != "create" || all[3].Kind != Forgot || all[3].Details.Who != "cara" {
			t.Errorf("%+v", all)
		}
	})
}

func TestPrune(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, _, _ := at.chained(t)
		all, _ := l.Entries(t.Context(), Filter{})
		if n, err := l.Prune(t.Context(), all[2].At); err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := l.Verify(t.Context(), ""); err != nil {
			t.Error(err)
		}
		// What was forgotten stays told.
		if _, err := l.Prune(t.Context(), all[len(all)-1].At.Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if _, err := l.Verify(t.Context(), ""); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if _, err := Read(t.Context(), path); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrUnreadable) {
		t.Errorf("where there is none: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("reading makes one")
	}
	l, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	head := appended(t, l, Update{}, &Entry{Kind: RunEnded})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// Opened again it is as it was, and migrations are not taken twice.
	for range 2 {
		l, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := l.State(t.Context()); err != nil || s.Head != head {
			t.Errorf("%+v, %v", s, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	reading, err := Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reading.Append(t.Context(), Update{}, &Entry{Kind: RunEnded}); err == nil {
		t.Error("a ledger that was opened for reading can be written")
	}
	_ = reading.Close()

	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec("INSERT INTO migrations (step, at) VALUES (1000, 'x')"); err != nil {
		t.Fatal(err)
	}
	_ = raw.Close()
	for name, open := range map[string]func(context.Context, string) (*Ledger, error){"open": Open, "read": Read} {
		if _, err := open(t.Context(), path); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "newer rollcall") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"no database": strings.Repeat("this is no database\n", 100), "cut": "SQLite format 3\x00", "empty": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for how, open := range map[string]func(context.Context, string) (*Ledger, error){"open": Open, "read": Read} {
			if _, err := open(t.Context(), path); !errors.Is(err, ErrUnreadable) {
				t.Errorf("%s, %s: %v", name, how, err)
			}
		}
	}
	if _, err := Open(t.Context(), filepath.Join(path, "below", "a.file")); err == nil || errors.Is(err, ErrUnreadable) {
		t.Errorf("below a file: %v", err)
	}
}

// TestDamaged: a file of which a part was written over is not written to, and not said to
// be whole.
func TestDamaged(t *testing.T) {
	l, path := sites[0].fresh(t)
	for range 200 {
		appended(t, l, Update{}, sent(ana("vendasta"), "create"))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := 4096; at+4096 <= len(data); at += 4096 { // every page but the first
		damaged := bytes.Clone(data)
		copy(damaged[at:at+512], bytes.Repeat([]byte{0xa5}, 512))
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if opened, err := Open(t.Context(), path); err == nil {
			_ = opened.Close()
			t.Errorf("page %d: it is written to", at/4096)
		} else if errors.Is(err, ErrUnreadable) {
			refused++
		}
		reader, err := Read(t.Context(), path)
		if err != nil {
			continue
		}
		if _, err := reader.Verify(t.Context(), ""); err == nil {
			t.Errorf("page %d: it is said to be whole", at/4096)
		}
		_ = reader.Close()
	}
	if refused == 0 {
		t.Error("no page was damaged")
	}
}

// A reader takes no lock: what was committed is read while somebody writes, and
// writers wait for each other.
func TestAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, at site) {
		l, path := at.fresh(t)
		appended(t, l, Update{}, &Entry{Kind: RunBegan})
		other, err := at.open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				to := l
				if i%2 == 0 {
					to = other
				}
				if _, err := to.Append(context.Background(), Update{}, &Entry{Kind: Recognised, Details: &Details{Email: fmt.Sprint(i)}}); err != nil {
					t.Error(err)
				}
				reading, err := at.read(context.Background(), path)
				if err == nil {
					_, err = reading.State(context.Background())
					_ = reading.Close()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if head, err := l.Verify(t.Context(), ""); err != nil || !strings.HasPrefix(head, "41-") {
			t.Errorf("%s, %v", head, err)
		}
	})
}

// The hashes of a chain are of a fixed form: a ledger that is there already has to
// verify with every later rollcall.
func TestChainForm(t *testing.T) {
	r := row{Seq: 1, At: "2026-11-21T12:00:00.000000000Z", Kind: RunBegan, Run: "run-1", Details: bind("salt", `{"who":"cara"}`)}
	if got := r.hash(); got != "75c4c0de732ddfc7417cc4267a4ce67aa816231f4cd1680124d009c81d082907" {
		t.Error(got)
	}
	if got, want := bind("salt", `{"who":"cara"}`), sum([]byte("salt\n{\"who\":\"cara\"}")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func BenchmarkAppend(b *testing.B) {
	l, _ := sites[0].fresh(b)
	for b.Loop() {
		if _, err := l.Append(context.Background(), Update{}, sent(ana("vendasta"), "update")); err != nil {
			b.Fatal(err)
		}
	}
}
