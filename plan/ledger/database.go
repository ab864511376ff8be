package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// How long a database over the network may take, so that a server which is gone is an
// error and not a wait without end: for a few statements, and for reading all.
const (
	patience = 45 * time.Second
	longest  = 10 * time.Minute
)

// A Ledger is one open ledger.
type Ledger struct {
	db   *database
	now  func() time.Time
	path string // of the file, or the address of the database without its password

	reading bool          // nothing may be written
	turn    chan struct{} // held by whoever writes
	steps   int           // the migrations that it has had
	fence   atomic.Pointer[Lease]
}

func newLedger(db *sql.DB, d *dialect, path string) *Ledger {
	return &Ledger{db: &database{DB: db, dialect: d}, now: time.Now, path: path, turn: make(chan struct{}, 1)}
}

// Close closes it.
func (l *Ledger) Close() error { return l.db.Close() }

// within bounds what a database over the network may take.
func (l *Ledger) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if !l.db.dialect.remote {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// unreadable is an error about a ledger that is there.
func (l *Ledger) unreadable(err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreadable, l.path, plain(err))
}

func (l *Ledger) unwritten(err error) error {
	return fmt.Errorf("the ledger %s can not be written: %w", l.path, plain(err))
}

// A dialect is in what the databases differ. Whatever else is said to them is the same.
type dialect struct {
	remote   bool // it is at the other end of a connection
	numbered bool // parameters are $1, $2 and so on, in place of question marks
	// tables counts those of migrations and of the chain.
	tables string
	// settings begin every transaction that writes, serial lets one at a time write the
	// chain, and migrating lets one at a time make tables.
	settings, serial, migrating string
	// share and update end a query whose rows nobody else may change until the
	// transaction ends: with share, others may hold them likewise.
	share, update string
	// clock is the database's, in milliseconds since 1970.
	clock string
	// snapshot is the isolation in which all queries see the same moment.
	snapshot sql.IsolationLevel
}

// bind writes the parameters of a query, question marks, as the database has them. No
// query has one in a text.
func (d *dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	parts := strings.Split(query, "?")
	var out strings.Builder
	for i, part := range parts {
		out.WriteString(part)
		if i < len(parts)-1 {
			out.WriteString("$" + strconv.Itoa(i+1))
		}
	}
	return out.String()
}

// A database is one with its dialect, in which queries are written with question marks.
type database struct {
	*sql.DB
	dialect *dialect
}

// QueryContext asks.
func (d *database) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.DB.QueryContext(ctx, d.dialect.bind(query), args...)
}

// QueryRowContext asks for one row.
func (d *database) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return d.DB.QueryRowContext(ctx, d.dialect.bind(query), args...)
}

func (d *database) begin(ctx context.Context, options *sql.TxOptions) (*transaction, error) {
	tx, err := d.BeginTx(ctx, options)
	return &transaction{tx, d.dialect}, err
}

// A transaction is one of a database, likewise.
type transaction struct {
	*sql.Tx
	dialect *dialect
}

// ExecContext changes something.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.Tx.ExecContext(ctx, t.dialect.bind(query), args...)
}

// QueryContext asks.
func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.Tx.QueryContext(ctx, t.dialect.bind(query), args...)
}

// QueryRowContext asks for one row.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.Tx.QueryRowContext(ctx, t.dialect.bind(query), args...)
}

// changing runs a transaction that may change something, after what its dialect has for
// such ones. It is whole or was not.
func (l *Ledger) changing(ctx context.Context, first string, do func(context.Context, *transaction) error) error {
	ctx, cancel := l.within(ctx, patience)
	defer cancel()
	tx, err := l.db.begin(ctx, &sql.TxOptions{ReadOnly: l.reading})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if first = l.db.dialect.settings + first; first != "" {
		if _, err := tx.ExecContext(ctx, first); err != nil {
			return err
		}
	}
	if err := do(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// write runs a transaction that nobody else writes beside. With a fence it begins only
// while the lease is ours, and where something is about to be sent, not run out either.
func (l *Ledger) write(ctx context.Context, sending bool, do func(context.Context, *transaction) error) error {
	// Those of this process wait here, where they keep no connection.
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return l.unwritten(context.Cause(ctx))
	}
	err := l.changing(ctx, l.db.dialect.serial, func(ctx context.Context, tx *transaction) error {
		if err := l.fenced(ctx, tx, sending); err != nil {
			return err
		}
		return do(ctx, tx)
	})
	if err != nil {
		return l.unwritten(err)
	}
	return nil
}
