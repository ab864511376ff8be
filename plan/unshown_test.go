package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// A list of grants is set whole, so what is to be taken out of it can be taken only
// while the rest of it is shown: else it is held, and nothing is sent in its place.
func TestTeamLeftUnshown(t *testing.T) {
	ana := strings.Replace(anaEntry, ", access: {partoo: {role: PUBLISHER}}", ", access: {vendasta: {businessLocations: [\"AG-1\"]}}", 1)
	h := remembering(t, bothConfig, people(ana)+seller)
	id := h.atVendasta("ana@example.com")["id"].(string)
	if err := h.world.Edit("vendasta", id, func(data map[string]any) { data["platformAccess"] = list("pc:access", "ssc:access", "tm:access") }); err != nil {
		t.Fatal(err)
	}
	h.load(bothConfig, people(strings.Replace(ana, "teams: [seller], ", "", 1))+seller)
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"platformAccess"}}, "vendasta")
	p := h.plan()
	held := ""
	for _, one := range p.Held {
		if one.Email == "ana@example.com" {
			held += fmt.Sprintf("%s: %s", one.Reason, one.Detail)
		}
	}
	if held != "unreadable: platformAccess is not shown" || len(p.Changes) != 0 {
		t.Errorf("%q is held\n%s", held, p.Text(plan.Style{}))
	}
	before := h.count().Writes
	h.apply(p)
	if got := h.atVendasta("ana@example.com")["platformAccess"]; h.count().Writes != before || len(got.([]any)) != 3 {
		t.Errorf("%d writes, she has %v", h.count().Writes-before, got)
	}
	// It is not forgotten: once it is shown, what the team gave is taken, and what somebody
	// else gave stays.
	h.world.SetChaos(simulator.Chaos{}, "vendasta")
	if got := lines(h.applied()); got != "vendasta/ana@example.com update left platformAccess:[pc:access ssc:access tm:access]->[pc:access]" {
		t.Error(got)
	}
}
