package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busy is how long a writer or reader waits for another one.
const busy = 5 * time.Second

// A Ledger is one open ledger.
type Ledger struct {
	db   *sql.DB
	now  func() time.Time
	path string
}

// Open opens the ledger at a path for writing, making it and its folder if there is
// none. An error that is about a ledger which is there wraps ErrUnreadable.
func Open(ctx context.Context, path string) (*Ledger, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("ledger %s: its folder can not be made: %w", filepath.ToSlash(path), cause(err))
	}
	// SQLite would make the file with the umask's mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger %s can not be written: %w", filepath.ToSlash(path), cause(err))
	}
	_ = file.Close()
	l, err := open(path, "rwc")
	if err != nil {
		return nil, err
	}
	if err := l.migrate(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Read opens the ledger at a path for reading: it makes nothing and keeps no writer
// waiting.
// fs.ErrNotExist is wrapped where there is none.
func Read(ctx context.Context, path string) (*Ledger, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("ledger %s: %w", filepath.ToSlash(path), fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, filepath.ToSlash(path), cause(err))
	case info.Size() == 0: // made and never used
		return nil, fmt.Errorf("ledger %s: %w", filepath.ToSlash(path), fs.ErrNotExist)
	}
	l, err := read(ctx, path, "ro")
	var refused *sqlite.Error
	if errors.As(err, &refused) && refused.Code()&0xff == sqlite3.SQLITE_READONLY {
		// Whoever wrote it last died while he did: half a transaction is to be rolled back
		// before anything can be read, which SQLite does under locks of its own.
		return read(ctx, path, "rw")
	}
	return l, err
}

func read(ctx context.Context, path, mode string) (*Ledger, error) {
	l, err := open(path, mode)
	if err != nil {
		return nil, err
	}
	if err := l.current(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func open(path, mode string) (*Ledger, error) {
	query := url.Values{
		"mode": {mode}, "_txlock": {"immediate"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)"},
	}
	if mode == "ro" {
		query.Del("_txlock")
	}
	address := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, filepath.ToSlash(path), err)
	}
	db.SetMaxOpenConns(1)
	return &Ledger{db: db, now: time.Now, path: filepath.ToSlash(path)}, nil
}

// Close closes it.
func (l *Ledger) Close() error { return l.db.Close() }

// cause strips the path from an error whose message names it already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// unreadable is an error about a ledger that is there.
func (l *Ledger) unreadable(err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreadable, l.path, err)
}

// migrations make the tables, each step once. They are never changed: a ledger made
// by an older rollcall takes the steps that it lacks.
var migrations = []string{
	`CREATE TABLE chain (
		seq BIGINT PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, run TEXT NOT NULL, provider TEXT NOT NULL,
		action TEXT NOT NULL, status TEXT NOT NULL, details TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
	CREATE TABLE details (seq BIGINT PRIMARY KEY, email TEXT NOT NULL, salt TEXT NOT NULL, body TEXT NOT NULL);
	CREATE INDEX details_email ON details (email);
	CREATE TABLE users (
		provider TEXT NOT NULL, email TEXT NOT NULL, user_id TEXT NOT NULL, person TEXT NOT NULL, how TEXT NOT NULL,
		since TEXT NOT NULL, applied TEXT NOT NULL, before TEXT NOT NULL, left_at TEXT NOT NULL, PRIMARY KEY (provider, email));
	CREATE TABLE leavers (provider TEXT NOT NULL, email TEXT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (provider, email));
	CREATE TABLE done (provider TEXT NOT NULL, email TEXT NOT NULL, at TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY (provider, email));
	CREATE TABLE unfinished (
		seq BIGINT PRIMARY KEY, provider TEXT NOT NULL, email TEXT NOT NULL, run TEXT NOT NULL, action TEXT NOT NULL,
		user_id TEXT NOT NULL, mail INTEGER NOT NULL, at TEXT NOT NULL);
	CREATE TABLE accounts (provider TEXT PRIMARY KEY, target TEXT NOT NULL, people INTEGER NOT NULL);`,
}

// version is how many migrations the ledger has had.
func (l *Ledger) version(ctx context.Context) (int, error) {
	var n int
	err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	err = l.db.QueryRowContext(ctx, "SELECT count(*) FROM migrations").Scan(&n)
	return n, err
}

// current fails for a ledger that is older or newer than this program.
func (l *Ledger) current(ctx context.Context) error {
	n, err := l.version(ctx)
	switch {
	case err != nil:
		return l.unreadable(err)
	case n > len(migrations):
		return l.unreadable(fmt.Errorf("it was written by a newer rollcall (version %d, this one knows %d): use that one", n, len(migrations)))
	case n < len(migrations):
		return l.unreadable(fmt.Errorf("it is of an older version (%d of %d): the next apply brings it up to date", n, len(migrations)))
	}
	return nil
}

// migrate takes the steps that the ledger lacks.
func (l *Ledger) migrate(ctx context.Context) error {
	n, err := l.version(ctx)
	if err != nil {
		return l.unreadable(err)
	}
	if n >= len(migrations) {
		return l.current(ctx)
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return l.unreadable(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations (step INTEGER PRIMARY KEY, at TEXT NOT NULL)"); err != nil {
		return l.unreadable(err)
	}
	for step := n; step < len(migrations); step++ {
		if _, err := tx.ExecContext(ctx, migrations[step]); err != nil {
			return l.unreadable(err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO migrations (step, at) VALUES (?, ?)", step+1, stamp(l.now())); err != nil {
			return l.unreadable(err)
		}
	}
	if err := tx.Commit(); err != nil {
		return l.unreadable(err)
	}
	return nil
}

// stamp is a moment as columns hold it, sortable as text; the zero time is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}
