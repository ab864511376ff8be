package plan_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/plan"
)

// Who is protected is told by the address that the vendor has too: nobody takes the
// account of somebody protected by leading another entry of the roster to it. It is
// looked at when planning, and again before anything is sent.
func TestProtectedByLiveAddress(t *testing.T) {
	config := strings.Replace(bothConfig, "maxRemovals: 100%", `maxRemovals: 100%, protect: ["owner@*"]`, 1)
	readdress := func(h *house) {
		t.Helper()
		if err := h.world.Edit("partoo", h.stored("ana@example.com")["id"].(string), func(data map[string]any) { data["email"] = "Owner@Example.com" }); err != nil {
			t.Fatal(err)
		}
	}
	leaves := people() + seller
	edited := people(strings.Replace(anaEntry, "role: PUBLISHER", "role: ORG_ADMIN", 1)) + seller
	for name, roster := range map[string]string{"left": leaves, "edited": edited} {
		h := remembering(t, config, people(anaEntry)+seller)
		readdress(h)
		h.load(config, roster)
		p := h.plan()
		held := 0
		for _, one := range p.Held {
			if one.Provider == "partoo" && one.Email == "ana@example.com" && one.Reason == plan.HeldProtected && one.Detail == "guardrails.protect has owner@*" {
				held++
			}
		}
		if held != 1 || strings.Contains(lines(p), "partoo/ana@") {
			t.Errorf("%s: %d held\n%s", name, held, p.Text(plan.Style{}))
		}
	}
	for name, roster := range map[string]string{"left": leaves, "edited": edited} {
		h := remembering(t, config, people(anaEntry)+seller)
		h.load(config, roster)
		p := h.plan()
		readdress(h)
		before := h.count().Vendors["partoo"].Writes
		r := h.apply(p, func(a *plan.Applier) { a.Built = time.Now().Add(-time.Hour) })
		for _, c := range r.Changes {
			if c.Provider == "partoo" && (c.Status != plan.Refused || c.Error != "guardrails.protect has owner@*") {
				t.Errorf("%s: %s, %s", name, c.Status, c.Error)
			}
		}
		if n := h.count().Vendors["partoo"].Writes - before; n != 0 || r.Exit != plan.ExitRefused || !strings.Contains(lines(p), "partoo/ana@") {
			t.Errorf("%s: %d writes, exit %d\n%s", name, n, r.Exit, lines(p))
		}
	}
}
