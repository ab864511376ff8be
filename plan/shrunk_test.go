package plan_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// tenPeople is a roster of ten, and one of three of them.
func tenPeople() (whole, third string) {
	var entries []string
	for i := range 10 {
		entries = append(entries, fmt.Sprintf(`  - {email: p%d@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}`, i))
	}
	return people(entries...), people(entries[:3]...)
}

// A vendor that can not be read removes nobody of those who are gone from the roster,
// and loses nobody either: once it can be read they are removed.
func TestUnreadVendorRemovesNobody(t *testing.T) {
	for name, chaos := range map[string]simulator.Chaos{
		"500 by id":                             {Fail: []simulator.Rule{{Operation: simulator.Get, Fault: simulator.FaultStatus}}},
		"500":                                   {Fail: []simulator.Rule{{Fault: simulator.FaultStatus}}},
		"404 in another form than the vendor's": {Fail: []simulator.Rule{{Fault: simulator.FaultHTML, Status: http.StatusNotFound}}},
		"200 and nothing":                       {Fail: []simulator.Rule{{Fault: simulator.FaultEmpty}}},
		"credentials refused":                   {Fail: []simulator.Rule{{Fault: simulator.FaultStatus, Status: http.StatusUnauthorized}}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := remembering(t, bothConfig, people(anaEntry)+seller)
				h.load(bothConfig, people()+seller)
				h.world.SetChaos(chaos)
				p := h.plan()
				if len(p.Changes) > 0 || p.Exit(false) != plan.ExitIncomplete {
					t.Errorf("exit %d:\n%s", p.Exit(false), p.Text(plan.Style{}))
				}
				if r := h.apply(p); r.Exit != plan.ExitIncomplete || len(r.Open) != 2 {
					t.Errorf("exit %d, open %+v", r.Exit, r.Open)
				}
				h.world.SetChaos(simulator.Chaos{})
				if got := lines(h.applied()); !strings.Contains(got, "partoo/ana@example.com suspend left") || !strings.Contains(got, "vendasta/ana@example.com suspend left") {
					t.Errorf("once it can be read: %s", got)
				}
			})
		})
	}
}

// A roster of which a part was lost is not taken for the one that was applied, whatever
// kept its removals from being done: the guard stands in the next run too.
func TestSmallerRosterStands(t *testing.T) {
	whole, third := tenPeople()
	report := strings.Replace(bothConfig, "rate: unlimited}\n  partoo", "rate: unlimited, mode: report}\n  partoo", 1)
	for name, run := range map[string]func(h *house){
		"refused": func(h *house) { h.apply(h.plan()) },
		"interrupted before anything was begun": func(h *house) {
			p := h.plan()
			close(h.stop)
			h.apply(p)
			h.stop = make(chan struct{})
		},
		"a vendor that can not be read": func(h *house) {
			h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Fault: simulator.FaultStatus, Status: http.StatusForbidden}}})
			h.apply(h.plan())
			h.world.SetChaos(simulator.Chaos{})
		},
		"a mode that holds everything": func(h *house) {
			h.load(report, third)
			h.apply(h.plan())
			h.load(bothConfig, third)
		},
		"one person alone": func(h *house) {
			h.people = []string{"p0@example.com"}
			h.apply(h.plan())
			h.people = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := remembering(t, bothConfig, whole)
				h.load(bothConfig, third)
				run(h)
				for range 2 {
					p := h.plan()
					for _, c := range p.Changes {
						if c.Blocked != plan.BlockedLimit {
							t.Errorf("%s is planned to %s, and not refused", c.ID, c.Action)
						}
					}
					if len(p.Changes) != 7 || p.Exit(false) != plan.ExitRefused {
						t.Fatalf("exit %d:\n%s", p.Exit(false), p.Text(plan.Style{}))
					}
					h.apply(p)
				}
				// Once it is allowed it is the roster that was applied.
				p := h.plan()
				if r := h.apply(p, func(a *plan.Applier) { a.Allow = p.Digest }); r.Exit != plan.ExitOK {
					t.Fatalf("%s", r.Text(plan.Style{}))
				}
				h.remember()
				if n := h.state.People["vendasta"]; n != 4 {
					t.Errorf("the roster that was applied has %d people there", n)
				}
			})
		})
	}
}
