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
