package plan_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
)

// TestSecurityTakenOver: another address for somebody's entry would hand his account over
// where a vendor changes addresses. The change carries the risk that says so, and who is
// protected by his address keeps it.
func TestSecurityTakenOver(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	taken := people(strings.Replace(anaEntry, "ana@", "mallory@", 1)) + seller
	h.load(bothConfig, taken)
	p := h.plan()
	if got := lines(p); got != "partoo/mallory@example.com update edited email:ana@example.com->mallory@example.com" || !slices.Equal(p.Changes[0].Risks, []plan.Risk{plan.RiskEmail}) {
		t.Errorf("%s\n%s", got, p.Text(plan.Style{}))
	}
	h.load(strings.Replace(bothConfig, "guardrails: {", "guardrails: {protect: [ana@example.com], ", 1), taken)
	p = h.plan()
	if len(p.Changes) != 0 || len(p.Held) == 0 || p.Held[0].Reason != plan.HeldProtected {
		t.Errorf("protected: %s", p.Text(plan.Style{}))
	}
}

// TestSecurityForgedLedger: a ledger that somebody put into the repository can call
// anybody's user managed and gone from the roster. Who is protected is not touched all
// the same, under whichever address the ledger has him, and the limit on removals holds
// for the others.
func TestSecurityForgedLedger(t *testing.T) {
	config := strings.Replace(baseConfig, "providers:", "guardrails: {protect: [owner@example.com]}\nproviders:", 1)
	users := []map[string]any{user("U-owner", "owner@example.com", list("tm:access"))}
	forged := []ledger.User{{Key: ledger.Key{Provider: "vendasta", Email: "ghost@example.com"}, UserID: "U-owner", How: ledger.Created, Since: today}}
	for i := range 10 {
		id, email := fmt.Sprintf("U-%d", i), fmt.Sprintf("user%d@example.com", i)
		users = append(users, user(id, email, list("tm:access")))
		forged = append(forged, ledger.User{Key: ledger.Key{Provider: "vendasta", Email: email}, UserID: id, How: ledger.Created, Since: today})
	}
	h := newHouse(t, config, "version: 1\npeople: [{email: user0@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}]\n", users...)
	h.ledger = filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(t.Context(), h.ledger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), ledger.Update{Put: forged}, &ledger.Entry{Kind: ledger.RunEnded}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := h.plan()
	if len(p.Changes) != 9 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldProtected || p.Held[0].UserID != "U-owner" {
		t.Errorf("%d changes\n%s", len(p.Changes), p.Text(plan.Style{}))
	}
	h.apply(p)
	if n := h.count().Writes; n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestSecurityProtectedAlias: who is protected by a name that he signs in with is
// protected, also where the roster has him by another address.
func TestSecurityProtectedAlias(t *testing.T) {
	config := strings.Replace(myKaarmaConfig(assumeAll), "guardrails: {", "guardrails: {protect: [owner@example.com], ", 1)
	roster := myKaarmaPeople("email: ana@example.com, status: departed")
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeAll, roster, myKaarmaUser("u-1", "ana@example.com", "username", "Owner@example.com"))
	if p := h.plan(); len(p.Changes) != 1 {
		t.Fatalf("unprotected: %s", p.Text(plan.Style{}))
	}
	h.load(config, roster)
	p := h.plan()
	if len(p.Changes) != 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldProtected || p.Held[0].Detail != "guardrails.protect has owner@example.com" {
		t.Errorf("protected: %s", p.Text(plan.Style{}))
	}
}
