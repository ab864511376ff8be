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
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busy is how long a writer or reader waits for another one.
const busy = 5 * time.Second

// inSQLite is the dialect of a file. One process at a time writes it, in transactions
// that begin as such.
var inSQLite = &dialect{
	tables: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('migrations', 'chain')",
	clock:  "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
}

// Open opens the ledger at a path for writing, making it and its folder if there is
// none. An error that is about a ledger which is there wraps ErrUnreadable.
func Open(ctx context.Context, path string) (*Ledger, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("ledger %s: its folder can not be made: %w", filepath.ToSlash(path), cause(err))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = create(ctx, path)
	case err == nil && info.Size() == 0:
		return nil, empty(path)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger %s can not be written: %w", filepath.ToSlash(path), cause(err))
	}
	l, err := open(path, "rw")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(l.sound(ctx, "quick_check"), l.migrate(ctx)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// create makes a ledger beside its place and puts it there whole, so that one which is
// empty is never a new one.
func create(ctx context.Context, path string) error {
	// SQLite would make the file with the umask's mode.
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if err := file.Close(); err != nil {
		return err
	}
	l, err := open(file.Name(), "rw")
	if err != nil {
		return err
	}
	if err := errors.Join(l.migrate(ctx), l.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil // somebody else may have made one meanwhile
	}
	return os.Rename(file.Name(), path)
}

// empty is the error for a file that has nothing in it.
func empty(path string) error {
	return fmt.Errorf("%w: %s: it is empty, as after a full disk; put a copy back, or delete it if there never was another", ErrUnreadable, filepath.ToSlash(path))
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
	case info.IsDir():
		return nil, fmt.Errorf("%w: %s: it is a folder", ErrUnreadable, filepath.ToSlash(path))
	case info.Size() == 0:
		return nil, empty(path)
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

// sound looks whether a file is whole, by one of SQLite's own checks.
func (l *Ledger) sound(ctx context.Context, check string) error {
	if l.db.dialect.remote {
		return nil // for whoever keeps the server
	}
	var found string
	err := l.db.QueryRowContext(ctx, "PRAGMA "+check+"(1)").Scan(&found)
	if err == nil && found != "ok" {
		err = fmt.Errorf("the file is damaged (%s)", strings.Join(strings.Fields(found), " "))
	}
	if err != nil {
		return l.unreadable(err)
	}
	return nil
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
	return newLedger(db, inSQLite, filepath.ToSlash(path)), nil
}

// cause strips the path from an error whose message names it already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
