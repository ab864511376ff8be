package plan_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
)

var byLedger = with("lookup: ledger, assume: [update]")

// crowd are people who are to have access at IntelAgree, each with an id.
func crowd(names ...string) string {
	roster := "version: 1\npeople:\n"
	for _, name := range names {
		roster += fmt.Sprintf("  - {email: %s@example.com, id: E-%s, displayName: %s, access: {intelagree: {permissionPresets: [Reviewer]}}}\n", name, name, strings.ToUpper(name))
	}
	return roster
}

// ledgerHouse is a house that finds its IntelAgree users by a ledger, which has ana if
// begun says so.
func ledgerHouse(t *testing.T, options simulator.IntelAgreeOptions, begun bool, people ...string) *house {
	t.Helper()
	h := atIntelAgree(t, byLedger, crowd("ana"), options)
	h.ledger = t.TempDir() + "/ledger.db"
	if begun {
		h.begin()
		h.people = []string{"ana@example.com"}
		if r := h.apply(h.plan()); r.Count(plan.Applied) != 1 {
			t.Fatal(r.Text(plan.Style{}))
		}
		h.people = nil
		h.later++
	}
	h.load(byLedger, crowd(append([]string{"ana"}, people...)...))
	return h
}

// begin makes an empty ledger.
func (h *house) begin() {
	h.t.Helper()
	l, err := ledger.Open(h.t.Context(), h.ledger)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// The ledger finds people by their ids, and nobody is searched for. Whom it does not have
// is created, once.
func TestByLedger(t *testing.T) {
	h := ledgerHouse(t, simulator.IntelAgreeOptions{}, true, "bill")
	h.sent = func(r *http.Request) {
		if r.URL.Query().Has("email") {
			t.Errorf("searched: %s", r.URL)
		}
	}
	p := h.plan()
	if got := lines(p); !strings.HasPrefix(got, "intelagree/bill@example.com create joined") || len(p.Changes) != 1 || p.Providers[0].Lookup != "ledger" || p.Providers[0].Unchanged != 1 {
		t.Error(p.Text(plan.Style{}))
	}
	if r := h.apply(p); r.Exit != plan.ExitOK {
		t.Error(r.Text(plan.Style{}))
	}
	h.settled()
	// An edit, an address that he has got there, and a leaver: all by the id.
	if err := h.world.Edit("intelagree", h.atIntelAgreeNow("bill@example.com")[0].ID, func(data map[string]any) { data["email"] = "other@example.com" }); err != nil {
		t.Fatal(err)
	}
	h.load(byLedger, strings.Replace(crowd("ana", "bill"), "displayName: ANA", "displayName: Anna", 1))
	p = h.plan()
	if got := lines(p); !strings.Contains(got, "name:ANA->Anna") || p.byHand(t, "bill@example.com").What != "change his address from other@example.com to bill@example.com" {
		t.Error(p.Text(plan.Style{}))
	}
	h.load(byLedger, crowd("ana"))
	if manual := h.plan().byHand(t, "bill@example.com"); !manual.Leaver || manual.UserID != "E-bill" {
		t.Errorf("%+v", manual)
	}
	if n := len(h.world.Users("intelagree")); n != 2 {
		t.Errorf("%d users", n)
	}
}

// What proves nothing creates nobody: no ledger, one that has nobody there, an answer
// that is an error, an id that is gone, a record without an id.
func TestByLedgerUnproven(t *testing.T) {
	options := simulator.IntelAgreeOptions{}
	none := ledgerHouse(t, options, false, "bill")
	empty := ledgerHouse(t, options, false, "bill")
	empty.begin()
	failing := ledgerHouse(t, options, true, "bill")
	failing.world.SetChaos(fail(simulator.Rule{Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 503}))
	gone := ledgerHouse(t, options, true)
	if !gone.world.Remove("intelagree", gone.atIntelAgreeNow("ana@example.com")[0].ID) {
		t.Fatal("nobody is removed")
	}
	for _, test := range []struct {
		name, says, remedy string
		h                  *house
		people             []string
		state              plan.ReadState
	}{
		{"no ledger", "there is no ledger", "put the ledger back", none, []string{"ana", "bill"}, plan.Unread},
		{"nobody in the ledger", "the ledger has nobody there", "rollcall apply --person bill@example.com", empty, []string{"bill"}, plan.Unread},
		{"no answer", "503", "", failing, []string{"ana", "bill"}, plan.Unread},
		{"an id that is gone", "404", "", gone, []string{"ana"}, plan.Unread},
	} {
		p := test.h.plan()
		if len(p.Changes) > 0 || p.Exit(false) != plan.ExitIncomplete || p.Providers[0].State != test.state {
			t.Fatal(test.name, p.Text(plan.Style{}))
		}
		for _, name := range test.people {
			if held := p.held(t, name+"@example.com"); held.Reason != plan.HeldUnknown || !strings.Contains(held.Detail, test.says) || !strings.Contains(held.Remedy, test.remedy) {
				t.Errorf("%s: %+v", test.name, held)
			}
		}
		before := len(test.h.world.Users("intelagree"))
		test.h.apply(p)
		if n := len(test.h.world.Users("intelagree")); n != before {
			t.Errorf("%s: %d users", test.name, n)
		}
	}
	// Who is named begins a ledger, also after an apply that created nobody; once it has
	// somebody there, the others follow. A departed person whom it does not have is done.
	none.people = []string{"ana@example.com"}
	if r := none.apply(none.plan()); r.Count(plan.Applied) != 1 {
		t.Fatal(r.Text(plan.Style{}))
	}
	none.people = nil
	none.later++
	none.load(byLedger, crowd("ana", "bill")+"  - {email: dora@example.com, status: departed}\n")
	if p := none.plan(); len(p.Changes) != 1 || len(p.Held) != 0 {
		t.Error(p.Text(plan.Style{}))
	}
}

// Who is there already with the business key that he would get is found by it, and one
// who has another address there is not taken for him.
func TestByLedgerOwnID(t *testing.T) {
	h := ledgerHouse(t, simulator.IntelAgreeOptions{}, true, "bill", "cara")
	h.join(intelagreeUser("E-bill", "bill@example.com", "permissionPresets", list("Reviewer")))
	h.join(intelagreeUser("E-cara", "stranger@example.com"))
	p := h.plan()
	if held := p.held(t, "cara@example.com"); held.Reason != plan.HeldAmbiguous || !strings.Contains(held.Detail, "stranger@example.com") || len(p.Changes) != 0 && p.Changes[0].Action == plan.Create {
		t.Error(p.Text(plan.Style{}))
	}
	if len(p.Recognised)+len(p.Changes) != 1 {
		t.Errorf("bill is not met:\n%s", p.Text(plan.Style{}))
	}
}

// A create without an answer is never sent again: not in the run, and not in the next.
func TestByLedgerNeverTwice(t *testing.T) {
	for _, blind := range []bool{false, true} { // whether the vendor shows nobody by a business key either
		t.Run(fmt.Sprint("blind ", blind), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := ledgerHouse(t, simulator.IntelAgreeOptions{SilentCreate: true}, true, "bill")
				h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Create, Fault: simulator.FaultLostAnswer}}})
				if blind {
					h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{
						{Operation: simulator.Create, Fault: simulator.FaultLostAnswer},
						{Operation: simulator.Get, Path: "/*/*/*/*/E-bill", Fault: simulator.FaultStatus, Status: 404},
					}})
				}
				creates := 0
				h.sent = func(r *http.Request) {
					if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users") {
						creates++
					}
				}
				p := h.plan()
				r := h.apply(p)
				want := plan.Applied
				if blind {
					want = plan.Unknown
				}
				if len(p.Changes) != 1 || r.Changes[0].Status != want || len(h.atIntelAgreeNow("bill@example.com")) != 1 {
					t.Fatal(p.Text(plan.Style{}) + r.Text(plan.Style{}))
				}
				for range 2 {
					h.later++
					p = h.plan()
					if blind {
						if held := p.held(t, "bill@example.com"); held.Reason != plan.HeldUnknown || len(p.Changes) != 0 {
							t.Error(p.Text(plan.Style{}))
						}
					} else if len(p.Changes)+len(p.Held) != 0 {
						t.Error(p.Text(plan.Style{}))
					}
					h.apply(p)
				}
				if n := len(h.atIntelAgreeNow("bill@example.com")); n != 1 || creates != 1 {
					t.Errorf("%d users by %d creates", n, creates)
				}
			})
		})
	}
}

// A run that died while it created somebody leaves him unknown, until he is seen.
func TestByLedgerInterrupted(t *testing.T) {
	h := ledgerHouse(t, simulator.IntelAgreeOptions{}, true, "bill")
	l, err := ledger.Open(t.Context(), h.ledger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), ledger.Update{}, &ledger.Entry{Kind: ledger.ChangeSent, Run: "dead", At: time.Now(), Provider: "intelagree", Action: string(plan.Create), Details: &ledger.Details{Email: "bill@example.com"}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p := h.plan()
		if held := p.held(t, "bill@example.com"); held.Reason != plan.HeldUnknown || !strings.Contains(held.Detail, "under way when its run ended") || len(p.Changes) > 0 {
			t.Error(p.Text(plan.Style{}))
		}
		h.apply(p)
		h.later++
	}
	h.join(intelagreeUser("E-bill", "bill@example.com", "name", "BILL", "permissionPresets", list("Reviewer")))
	if p := h.plan(); len(p.Held) != 0 || len(p.Changes) > 0 && p.Changes[0].Action == plan.Create {
		t.Error(p.Text(plan.Style{}))
	}
}
