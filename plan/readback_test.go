package plan_test

import (
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// An address that the vendor says it has changed, and has not, is a failed change:
// neither a success nor something to be recorded.
func TestAddressIsReadBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := remembering(t, bothConfig, people(anaEntry)+seller)
		renamed := people(strings.Replace(anaEntry, "ana@", "ana.lima@", 1)) + seller
		h.load(bothConfig, renamed)
		p := h.plan()
		if got := lines(p); got != "partoo/ana.lima@example.com update edited email:ana@example.com->ana.lima@example.com" {
			t.Fatal(got)
		}
		h.world.SetChaos(simulator.Chaos{StoreDifferently: map[string]func(any) any{"email": simulator.Always("ana@example.com")}}, "partoo")
		r := h.apply(p)
		if got := only(t, r); got.Status != plan.Failed || r.Exit != plan.ExitIncomplete || !strings.Contains(got.Error, "another value than was sent: email") {
			t.Errorf("%s, exit %d: %s", got.Status, r.Exit, got.Error)
		}
		if h.count().Faults["stored-differently"] == 0 {
			t.Error("the address was stored as it was sent")
		}
		// It is still to be done, and is once the vendor does what it says.
		h.world.SetChaos(simulator.Chaos{}, "partoo")
		if got := lines(h.plan()); got != lines(p) {
			t.Errorf("the next plan has %q", got)
		}
		h.apply(h.plan())
		if h.settled(); h.stored("ana.lima@example.com")["id"] == "" {
			t.Error("she is not there by her new address")
		}
	})
}

// What a vendor can not change after the create is a step for a person: it is never
// sent, also not beside something else that is.
func TestImmutable(t *testing.T) {
	h := atMyKaarma(t, simulator.MyKaarmaOptions{UpdateMerges: true}, assumeAll+", update: merge", myKaarmaPeople(strings.Replace(ana(""), "email:", "nickname: Annie, email:", 1)),
		myKaarmaUser("u-ana", "ana@example.com", "nickName", "Old", "firstName", "Anna"))
	p := h.plan()
	if len(p.Manual) != 1 || !strings.Contains(p.Manual[0].What, "set nickName to Annie") || !strings.Contains(p.Manual[0].Why, "can not change it after the create") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	if got := lines(p); got != "mykaarma/ana@example.com update edited firstName:Anna->Ana" {
		t.Error(got)
	}
	if r := h.apply(p); r.Exit != plan.ExitOK {
		t.Error(r.Text(plan.Style{}))
	}
	if got := h.dealers()["u-ana"]; got["nickName"] != "Old" || got["firstName"] != "Ana" {
		t.Errorf("%v", got)
	}
	h.settled()
}
