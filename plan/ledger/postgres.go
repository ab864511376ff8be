package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// inPostgreSQL is the dialect of a PostgreSQL database. What bounds a transaction is set
// in it alone, since a pooler may give each one another connection: one whose program
// was paused in the middle is ended before those who wait for it give up.
var inPostgreSQL = &dialect{
	remote: true, numbered: true,
	// to_regclass may not see yet what was made while this connection waited.
	tables:    "SELECT count(*) FROM pg_catalog.pg_class WHERE relname IN ('migrations', 'chain') AND relkind IN ('r', 'p') AND pg_table_is_visible(oid)",
	settings:  "SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '10s';",
	serial:    "LOCK TABLE chain IN EXCLUSIVE MODE",
	migrating: "SELECT pg_advisory_xact_lock(7290105213)", // any number that is nobody else's
	share:     " FOR SHARE", update: " FOR UPDATE",
	clock:    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
	snapshot: sql.LevelRepeatableRead,
}

// Of the connections to a database: how many there are at most, and how long it may
// take to make one.
const (
	connections = 4
	connecting  = 10 * time.Second
)

// OpenDatabase opens the ledger in a PostgreSQL database for writing, making its tables
// if there are none. The address is a postgres:// URL. No error holds its password; one
// that is about the database wraps ErrUnreadable.
func OpenDatabase(ctx context.Context, address string) (*Ledger, error) {
	l, err := connect(address)
	if err != nil {
		return nil, err
	}
	if err := l.migrate(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// ReadDatabase opens the ledger in a PostgreSQL database for reading: the database
// refuses to write for it.
// fs.ErrNotExist is wrapped where there is none, or one that nothing was written to.
func ReadDatabase(ctx context.Context, address string) (*Ledger, error) {
	l, err := connect(address)
	if err != nil {
		return nil, err
	}
	l.reading = true
	if err := l.used(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := l.current(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// used fails for a ledger without a row.
func (l *Ledger) used(ctx context.Context) error {
	ctx, cancel := l.within(ctx, patience)
	defer cancel()
	steps, err := l.version(ctx, l.db)
	if err != nil {
		return l.unreadable(err)
	}
	rows := 0
	if steps > 0 {
		if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT seq FROM chain LIMIT 1) AS first").Scan(&rows); err != nil {
			return l.unreadable(err)
		}
	}
	if rows == 0 {
		return fmt.Errorf("ledger %s: %w", l.path, fs.ErrNotExist)
	}
	return nil
}

// Address is the address of a PostgreSQL database as it can be shown, without its
// password. It fails for what is no address and for one by which the ledger would cross
// a network in the clear, with an error that goes on after what was read; nothing is
// connected to.
func Address(address string) (string, error) {
	_, shown, err := parse(address)
	return shown, err
}

func connect(address string) (*Ledger, error) {
	config, shown, err := parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the ledger %w", err)
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute)
	return newLedger(db, inPostgreSQL, shown), nil
}

// parse reads an address. What was wrong with it is told in words of its own: those of
// the libraries may repeat the address, and with it the password.
func parse(address string) (config *pgx.ConnConfig, shown string, err error) {
	const form = "write postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full" //nolint:gosec // a form to fill in
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return nil, "", errors.New("is not the address of a PostgreSQL database: " + form + ", with what is special in a password percent-encoded")
	}
	if config, err = pgx.ParseConfig(address); err != nil {
		why := ""
		if inner := errors.Unwrap(err); inner != nil {
			why = " (" + without(inner.Error(), parsed) + ")"
		}
		return nil, "", fmt.Errorf("is not an address that can be used%s: %s", why, form)
	}
	hosts := []*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}
	for _, host := range append(hosts, config.Fallbacks...) {
		if host.TLSConfig == nil && !local(host.Host) {
			return nil, "", fmt.Errorf("would send the ledger to %s in the clear: add sslmode=verify-full to the address, with sslrootcert=FILE where the server's certificate is of an authority of your own, or at least sslmode=require", host.Host)
		}
	}
	if config.ConnectTimeout <= 0 || config.ConnectTimeout > connecting {
		config.ConnectTimeout = connecting
	}
	// A server that is gone without a word is noticed within half a minute.
	dialer := net.Dialer{Timeout: connecting, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	config.DialFunc = dialer.DialContext
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rollcall"
	}
	return config, show(config), nil
}

// local reports whether a host is this machine: a socket of its own, or loopback.
func local(host string) bool {
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" || net.ParseIP(host).IsLoopback()
}

// show is the address without its password.
func show(config *pgx.ConnConfig) string {
	shown := url.URL{Scheme: "postgres", User: url.User(config.User), Path: "/" + config.Database}
	if network, _ := pgconn.NetworkAddress(config.Host, config.Port); network == "unix" {
		shown.RawQuery = "host=" + config.Host
	} else {
		shown.Host = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	}
	return shown.String()
}

// without takes the passwords of an address out of a text.
func without(text string, address *url.URL) string {
	secrets := append([]string{}, address.Query()["password"]...)
	secrets = append(secrets, address.Query()["sslpassword"]...)
	if password, has := address.User.Password(); has {
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			if form != "" {
				text = strings.ReplaceAll(text, form, "…")
			}
		}
	}
	return text
}

// plain is an error without the configuration that it was made with.
func plain(err error) error {
	var refused *pgconn.ConnectError
	if errors.As(err, &refused) {
		return tries{refused.Unwrap()}
	}
	return err
}

// tries are what became of several tries to connect, of which each that went as another
// did is told once.
type tries struct{ err error }

func (t tries) Unwrap() error { return t.err }

// Error tells them in one line.
func (t tries) Error() string {
	var told []string
	for line := range strings.Lines(t.err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(told, line) {
			told = append(told, line)
		}
	}
	return strings.Join(told, "; ")
}
