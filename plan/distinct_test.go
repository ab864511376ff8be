package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// heldTogether fails unless nothing is planned, whoever is named is held as ambiguous,
// and an apply leaves the user as he is.
func (h *house) heldTogether(kind, id string, emails ...string) {
	h.t.Helper()
	before, _ := h.world.User(kind, id)
	p := h.plan()
	held := make(map[string]string)
	for _, one := range p.Held {
		if one.Reason == plan.HeldAmbiguous && strings.Contains(one.Remedy, "previousEmails") {
			held[one.Email] = one.Detail
		}
	}
	if len(p.Changes)+len(p.Recognised) > 0 || len(held) != len(emails) {
		h.t.Errorf("want nothing but %v held:\n%s", emails, p.Text(plan.Style{}))
	}
	for i, email := range emails {
		if other := emails[1-i]; !strings.Contains(held[email], id) || !strings.Contains(held[email], "is found for "+other+" too") {
			h.t.Errorf("%s is held with %q", email, held[email])
		}
	}
	h.apply(p)
	if after, _ := h.world.User(kind, id); cmp.Diff(before, after) != "" {
		h.t.Errorf("the user was changed:\n%s", cmp.Diff(before, after))
	}
}

// Two people of the roster who are found to be one user are both held: what is done for
// one of them, such as the end of his access, would be done to the other.
func TestOneUserForTwo(t *testing.T) {
	t.Run("by his address and by the name he signs in with", func(t *testing.T) {
		h := atMyKaarma(t, simulator.MyKaarmaOptions{ListShowsAll: true}, assumeAll,
			myKaarmaPeople(ana(""), "email: bob@example.com, status: departed"),
			myKaarmaUser("u-1", "ana@example.com", "username", "Bob@example.com"))
		h.heldTogether("mykaarma", "u-1", "ana@example.com", "bob@example.com")
		if r := h.apply(h.plan()); r.Exit != plan.ExitIncomplete || len(r.Open) != 1 || r.Open[0].Email != "bob@example.com" {
			t.Errorf("exit %d, open %+v", r.Exit, r.Open)
		}
	})

	const lima = `  - {email: ana.lima@example.com, givenName: Ana, familyName: Souza, access: {vendasta: {platformAccess: ["tm:access"]}}}`
	once := strings.Replace(lima, "ana.lima@", "ana@", 1)
	renamed := func(t *testing.T, roster string) (*house, string) {
		h := remembering(t, bothConfig, people(once))
		id := fmt.Sprint(h.atVendasta("ana@example.com")["id"])
		if err := h.world.Edit("vendasta", id, func(data map[string]any) {
			data["attributes"].(map[string]any)["email"] = "ana.lima@example.com"
		}); err != nil {
			t.Fatal(err)
		}
		h.load(bothConfig, roster)
		return h, id
	}
	t.Run("gone from the roster, and there by another address", func(t *testing.T) {
		// She married, and both the vendor and the roster have her new address.
		h, id := renamed(t, people(lima))
		h.heldTogether("vendasta", id, "ana@example.com", "ana.lima@example.com")
		// Said to be one, she is.
		h.load(bothConfig, people(strings.Replace(lima, "givenName", "previousEmails: [ana@example.com], givenName", 1)))
		h.applied()
	})
	t.Run("an account that was given to somebody else", func(t *testing.T) {
		h, id := renamed(t, people(once, strings.Replace(lima, "givenName: Ana", "givenName: Lia", 1)))
		h.heldTogether("vendasta", id, "ana@example.com", "ana.lima@example.com")
	})
	t.Run("two users are two", func(t *testing.T) {
		h := newHouse(t, bothConfig, people(once, lima), user("U-1", "ana@example.com", list("pc:access")), user("U-2", "ana.lima@example.com", list("pc:access")))
		if r := h.apply(h.plan()); r.Exit != plan.ExitOK {
			t.Errorf("%s", r.Text(plan.Style{}))
		}
	})
}
