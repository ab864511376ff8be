package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

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
	`CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, until BIGINT NOT NULL);
	CREATE TABLE ticks (
		at TEXT PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, began TEXT NOT NULL, ended TEXT NOT NULL,
		attempts INTEGER NOT NULL, status TEXT NOT NULL);`,
}

// The steps that a ledger has to have had: to be read at all, and for what came later.
const (
	stepState = 1 // chain and state
	stepTicks = 2 // leases and ticks
)

// version is how many migrations the ledger has had.
func (l *Ledger) version(ctx context.Context, q querier) (int, error) {
	var n int
	err := q.QueryRowContext(ctx, l.db.dialect.tables).Scan(&n)
	switch {
	case err != nil || n == 0:
		return 0, err
	case n == 1:
		return 0, errors.New("it has some of a ledger's tables, and not all: they are somebody else's, so give the ledger a place of its own")
	}
	err = q.QueryRowContext(ctx, "SELECT count(*) FROM migrations").Scan(&n)
	return n, err
}

// A querier is the database or a transaction in it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// current fails for a ledger that this program can not read.
func (l *Ledger) current(ctx context.Context) error {
	ctx, cancel := l.within(ctx, patience)
	defer cancel()
	var err error
	l.steps, err = l.version(ctx, l.db)
	switch {
	case err != nil:
		return l.unreadable(err)
	case l.steps > len(migrations):
		return l.unreadable(newer(l.steps))
	case l.steps < stepState:
		return l.unreadable(errors.New("it has no tables: the next apply makes them"))
	}
	return nil
}

func newer(steps int) error {
	return fmt.Errorf("it was written by a newer rollcall (version %d, this one knows %d): use that one", steps, len(migrations))
}

// migrate takes the steps that the ledger lacks.
func (l *Ledger) migrate(ctx context.Context) error {
	limited, cancel := l.within(ctx, patience)
	defer cancel()
	n, err := l.version(limited, l.db)
	if err == nil && n < len(migrations) {
		err = l.changing(ctx, l.db.dialect.migrating, func(ctx context.Context, tx *transaction) error {
			n, err = l.version(ctx, tx) // somebody else may have been here meanwhile
			if err != nil {
				return err
			}
			return l.take(ctx, tx, n)
		})
	}
	switch {
	case err != nil:
		return l.unreadable(err)
	case n > len(migrations):
		return l.unreadable(newer(n))
	}
	l.steps = len(migrations)
	return nil
}

// take takes the steps from the nth on.
func (l *Ledger) take(ctx context.Context, tx *transaction, n int) error {
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations (step INTEGER PRIMARY KEY, at TEXT NOT NULL)"); err != nil {
		return err
	}
	for step := n; step < len(migrations); step++ {
		if _, err := tx.ExecContext(ctx, migrations[step]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO migrations (step, at) VALUES (?, ?)", step+1, stamp(l.now())); err != nil {
			return err
		}
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
