package plan_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// Somebody who has left by himself, or whom the vendor has blocked, breaks no run: the
// plan says what became of him, he alone fails, and everybody else gets what he is to
// have.
func TestGoneByHimself(t *testing.T) {
	bo := `  - {email: bo@example.com, givenName: Bo, familyName: Ek, access: {partoo: {role: PUBLISHER}}}`
	cara := `  - {email: cara@example.com, givenName: Cara, familyName: Diaz, access: {partoo: {role: PUBLISHER}}}`
	h := remembering(t, bothConfig, people(anaEntry, bo)+seller)
	was := h.atVendasta("ana@example.com")["id"].(string)
	h.world.Remove("vendasta", was)
	h.load(bothConfig, people(anaEntry, strings.Replace(bo, "Ek", "Eklund", 1), cara)+seller)
	p := h.plan()
	i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.ID == "vendasta/ana@example.com" })
	if i < 0 || p.Changes[i].Action != plan.Create || !strings.Contains(p.Changes[i].Note, "he was there as "+was+" and is not any more") {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	if text := p.Text(plan.Style{}); strings.Count(text, "and is not any more") != 1 || len(p.Changes) != 3 {
		t.Errorf("%s", text)
	}
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Update, Fault: simulator.FaultStatus, Status: 403}}}, "partoo")
	r := h.apply(p)
	if r.Count(plan.Applied) != 2 || r.Count(plan.Failed) != 1 || r.Exit != plan.ExitIncomplete {
		t.Errorf("%s", r.Text(plan.Style{}))
	}
	h.world.SetChaos(simulator.Chaos{}, "partoo")
	if got := lines(h.applied()); got != "partoo/bo@example.com update edited last_name:Ek->Eklund" {
		t.Error(got)
	}
	// A leaver who has gone by himself is done.
	h.world.Remove("vendasta", h.atVendasta("ana@example.com")["id"].(string))
	h.load(bothConfig, people(strings.Replace(anaEntry, "id: E-1", "status: departed", 1), strings.Replace(bo, "Ek", "Eklund", 1), cara)+seller)
	if got := lines(h.applied()); got != "partoo/ana@example.com suspend left disabled:false->true" {
		t.Error(got)
	}
}
