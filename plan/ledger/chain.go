package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A row is an entry as the chain has it: nothing in it names anybody.
type row struct {
	Seq      int64  `json:"seq"`
	At       string `json:"at"`
	Kind     Kind   `json:"kind"`
	Run      string `json:"run"`
	Provider string `json:"provider"`
	Action   string `json:"action"`
	Status   string `json:"status"`
	Details  string `json:"details"` // the salted hash of what stands beside
	Prev     string `json:"prev"`
}

// hash is that of the row, the one before counted in.
func (r row) hash() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // unreachable: every member is text or a number
	}
	return sum(text)
}

func sum(text []byte) string {
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}

// bind is the salted hash of details.
func bind(salt, body string) string { return sum([]byte(salt + "\n" + body)) }

// genesis stands before the first row.
const genesis = ""

// Append adds entries to the chain, and what follows from them to the state. Seq, At
// and Hash are filled in, in the entries too. It returns the new head. With a fence it
// fails once the lease is lost; see Fence.
func (l *Ledger) Append(ctx context.Context, update Update, entries ...*Entry) (head string, err error) {
	err = l.write(ctx, slices.ContainsFunc(entries, (*Entry).begins), func(ctx context.Context, tx *transaction) error {
		last, err := lastRow(ctx, tx)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := l.add(ctx, tx, &last, e); err != nil {
				return err
			}
		}
		head = headOf(last.Seq, last.hash)
		return apply(ctx, tx, update)
	})
	if err != nil {
		return "", err
	}
	return head, nil
}

// begins reports whether something is about to be done at a vendor.
func (e *Entry) begins() bool { return e.Kind == ChangeSent || e.Kind == RunBegan }

// A tip is the last row.
type tip struct {
	Seq  int64
	hash string
}

func lastRow(ctx context.Context, tx *transaction) (tip, error) {
	last := tip{hash: genesis}
	err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1").Scan(&last.Seq, &last.hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last, err
}

// headOf names the end of the chain: how many rows it has, and the hash of the last.
func headOf(seq int64, hash string) string {
	if seq == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%s", seq, hash)
}

// add writes one entry behind the last row.
func (l *Ledger) add(ctx context.Context, tx *transaction, last *tip, e *Entry) error {
	e.Seq, e.At = last.Seq+1, l.now()
	r := row{Seq: e.Seq, At: stamp(e.At), Kind: e.Kind, Run: e.Run, Provider: e.Provider, Action: e.Action, Status: e.Status, Prev: last.hash}
	if e.Details != nil {
		body, err := json.Marshal(e.Details)
		if err != nil {
			return err
		}
		salt := rand.Text()
		r.Details = bind(salt, string(body))
		_, err = tx.ExecContext(ctx, "INSERT INTO details (seq, email, salt, body) VALUES (?, ?, ?, ?)", r.Seq, e.Details.Email, salt, string(body))
		if err != nil {
			return err
		}
	}
	e.Hash = r.hash()
	_, err := tx.ExecContext(ctx, "INSERT INTO chain (seq, at, kind, run, provider, action, status, details, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.Seq, r.At, r.Kind, r.Run, r.Provider, r.Action, r.Status, r.Details, r.Prev, e.Hash)
	if err != nil {
		return err
	}
	if e.Kind == ChangeSent && e.Details != nil {
		mail := 0
		if e.Details.Facts["mail"] != "" {
			mail = 1
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO unfinished (seq, provider, email, run, action, user_id, mail, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			r.Seq, e.Provider, e.Details.Email, e.Run, e.Action, e.Details.UserID, mail, r.At)
		if err != nil {
			return err
		}
	}
	*last = tip{Seq: e.Seq, hash: e.Hash}
	return nil
}

// A Filter selects entries; what is empty selects all.
type Filter struct {
	Email        string // canonical
	Provider     string
	Since, Until time.Time // Until itself not
	Run          string
	Kinds        []Kind
}

// Entries returns the selected entries, the oldest first.
func (l *Ledger) Entries(ctx context.Context, f Filter) ([]Entry, error) {
	ctx, cancel := l.within(ctx, longest)
	defer cancel()
	var where []string
	var args []any
	add := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	if f.Email != "" {
		add("d.email = ?", f.Email)
	}
	if f.Provider != "" {
		add("c.provider = ?", f.Provider)
	}
	if f.Run != "" {
		add("c.run = ?", f.Run)
	}
	if !f.Since.IsZero() {
		add("c.at >= ?", stamp(f.Since))
	}
	if !f.Until.IsZero() {
		add("c.at < ?", stamp(f.Until))
	}
	if len(f.Kinds) > 0 {
		where = append(where, "c.kind IN (?"+strings.Repeat(", ?", len(f.Kinds)-1)+")")
		for _, kind := range f.Kinds {
			args = append(args, kind)
		}
	}
	query := "SELECT c.seq, c.at, c.kind, c.run, c.provider, c.action, c.status, c.hash, coalesce(d.body, '') FROM chain c LEFT JOIN details d ON d.seq = c.seq"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	rows, err := l.db.QueryContext(ctx, query+" ORDER BY c.seq", args...)
	if err != nil {
		return nil, l.unreadable(err)
	}
	defer func() { _ = rows.Close() }()
	entries := []Entry{}
	for rows.Next() {
		var e Entry
		var at, body string
		if err := rows.Scan(&e.Seq, &at, &e.Kind, &e.Run, &e.Provider, &e.Action, &e.Status, &e.Hash, &body); err != nil {
			return nil, l.unreadable(err)
		}
		if e.At, err = moment(at); err != nil {
			return nil, l.unreadable(err)
		}
		if body != "" {
			if err := json.Unmarshal([]byte(body), &e.Details); err != nil {
				return nil, l.unreadable(err)
			}
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, l.unreadable(err)
	}
	return entries, nil
}

// Verify reads the whole chain: every row has to hold the hash of the one before and
// its own, and all details have to be those that it was bound to, or forgotten by a
// row that says so. With a head that was noted earlier, the row that it names has to
// be there as it was. An error that wraps ErrAltered says which row it is.
func (l *Ledger) Verify(ctx context.Context, head string) (present string, err error) {
	ctx, cancel := l.within(ctx, longest)
	defer cancel()
	if err := l.sound(ctx, "integrity_check"); err != nil {
		return "", err
	}
	rows, err := l.db.QueryContext(ctx, "SELECT c.seq, c.at, c.kind, c.run, c.provider, c.action, c.status, c.details, c.prev, c.hash, coalesce(d.salt, ''), coalesce(d.body, '') FROM chain c LEFT JOIN details d ON d.seq = c.seq ORDER BY c.seq")
	if err != nil {
		return "", l.unreadable(err)
	}
	defer func() { _ = rows.Close() }()
	last, seen := tip{hash: genesis}, head == ""
	missing, forgotten := make(map[int64]bool), make(map[int64]bool)
	for rows.Next() {
		var r row
		var hash, salt, body string
		if err := rows.Scan(&r.Seq, &r.At, &r.Kind, &r.Run, &r.Provider, &r.Action, &r.Status, &r.Details, &r.Prev, &hash, &salt, &body); err != nil {
			return "", l.unreadable(err)
		}
		switch {
		case r.Seq != last.Seq+1:
			return "", fmt.Errorf("%w: row %d is followed by row %d", ErrAltered, last.Seq, r.Seq)
		case r.Prev != last.hash:
			return "", fmt.Errorf("%w: row %d does not follow the row before", ErrAltered, r.Seq)
		case r.hash() != hash:
			return "", fmt.Errorf("%w: row %d is not as it was written", ErrAltered, r.Seq)
		case body == "" && r.Details != "":
			missing[r.Seq] = true
		case body != "" && bind(salt, body) != r.Details:
			return "", fmt.Errorf("%w: the details of row %d are not as they were written", ErrAltered, r.Seq)
		}
		if r.Kind == Forgot {
			var d Details
			if err := json.Unmarshal([]byte(body), &d); err != nil {
				return "", fmt.Errorf("%w: row %d does not say what was forgotten", ErrAltered, r.Seq)
			}
			for _, seq := range d.Rows {
				forgotten[seq] = true
			}
		}
		last = tip{Seq: r.Seq, hash: hash}
		seen = seen || headOf(r.Seq, hash) == head
	}
	if err := rows.Err(); err != nil {
		return "", l.unreadable(err)
	}
	if err := rows.Close(); err != nil {
		return "", l.unreadable(err)
	}
	for _, seq := range sortedKeys(missing) {
		if !forgotten[seq] {
			return "", fmt.Errorf("%w: the details of row %d are gone, and no row says that they were forgotten", ErrAltered, seq)
		}
	}
	if !seen {
		return "", fmt.Errorf("%w: it ends at %s, and does not have %s", ErrAltered, headOf(last.Seq, last.hash), head)
	}
	return headOf(last.Seq, last.hash), l.strays(ctx)
}

// strays fails for details that belong to no row.
func (l *Ledger) strays(ctx context.Context) error {
	var seq int64
	err := l.db.QueryRowContext(ctx, "SELECT seq FROM details WHERE seq NOT IN (SELECT seq FROM chain) LIMIT 1").Scan(&seq)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return l.unreadable(err)
	default:
		return fmt.Errorf("%w: there are details of row %d, which the chain does not have", ErrAltered, seq)
	}
}

func sortedKeys(m map[int64]bool) []int64 {
	keys := make([]int64, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Forget takes away the details of all rows that are about an address, and says how
// many; the chain keeps the rows. What the state has of him stays: it is what keeps him
// from being taken for somebody unknown.
func (l *Ledger) Forget(ctx context.Context, email, who string) (int, error) {
	return l.forget(ctx, who, email, "")
}

// Prune takes away the details of all rows before a moment.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (int, error) {
	return l.forget(ctx, "rollcall", nil, stamp(before))
}

// forget takes away the details of rows about an address, nil being none, and of those
// before a moment, "" being none. It never takes those of a row that says what was
// forgotten, nor of a change that is under way.
func (l *Ledger) forget(ctx context.Context, who string, email any, before string) (n int, err error) {
	err = l.write(ctx, false, func(ctx context.Context, tx *transaction) error {
		var gone []int64
		err := each(ctx, tx, "SELECT d.seq FROM details d JOIN chain c ON c.seq = d.seq WHERE (d.email = ? OR c.at < ?) AND c.kind <> ? AND d.seq NOT IN (SELECT seq FROM unfinished) ORDER BY d.seq", func(scan func(...any) error) error {
			var seq int64
			err := scan(&seq)
			gone = append(gone, seq)
			return err
		}, email, before, Forgot)
		if n = len(gone); err != nil || n == 0 {
			return err
		}
		last, err := lastRow(ctx, tx)
		if err != nil {
			return err
		}
		if err := l.add(ctx, tx, &last, &Entry{Kind: Forgot, Details: &Details{Rows: gone, Who: who}}); err != nil {
			return err
		}
		for _, seq := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM details WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
