package ledger

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestSecurityRewritten: what the chain proves, and what it does not. Whoever has the
// file can make another one that holds together; only a head that was kept elsewhere
// shows it.
func TestSecurityRewritten(t *testing.T) {
	l, path, head := sites[0].chained(t)
	honest, err := l.Entries(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	forged, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = forged.Close() }()
	for i := range honest {
		e := honest[i]
		if e.Kind == ChangeSent {
			e.Action = "nothing"
		}
		appended(t, forged, Update{}, &e)
	}
	if _, err := forged.Verify(t.Context(), ""); err != nil {
		t.Errorf("a chain that was made anew does not hold together: %v", err)
	}
	if _, err := forged.Verify(t.Context(), head); !errors.Is(err, ErrAltered) {
		t.Errorf("the head that was kept does not show it: %v", err)
	}
}

// TestSecurityForgotten: of what was forgotten nothing is left by which a guess at it,
// such as an address, could be proven right: neither the text nor the salt of its hash,
// and each hash has a salt of its own.
func TestSecurityForgotten(t *testing.T) {
	l, path := sites[0].fresh(t)
	same := &Details{Email: "secretive@example.com"}
	appended(t, l, Update{}, &Entry{Kind: ChangeEnded, Details: same}, &Entry{Kind: ChangeEnded, Details: same})
	salts, hashes := make(map[string]bool), make(map[string]bool)
	rows, err := l.db.QueryContext(t.Context(), "SELECT d.salt, c.details FROM chain c JOIN details d ON d.seq = c.seq")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var salt, hash string
		if err := rows.Scan(&salt, &hash); err != nil {
			t.Fatal(err)
		}
		salts[salt], hashes[hash] = true, true
		if len(salt) < 26 { // 128 bits in base32
			t.Errorf("the salt %q is short", salt)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	if len(salts) != 2 || len(hashes) != 2 {
		t.Errorf("the same details have %d salts and %d hashes", len(salts), len(hashes))
	}
	if n, err := l.Forget(t.Context(), "secretive@example.com", "cara"); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for _, file := range []string{path, path + "-wal", path + "-journal"} {
		data, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for salt := range salts {
			if strings.Contains(string(data), salt) {
				t.Errorf("%s still has the salt", file)
			}
		}
		if strings.Contains(string(data), "secretive@") {
			t.Errorf("%s still has the address", file)
		}
	}
}
