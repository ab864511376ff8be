package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/plan"
)

// Taking somebody's last grant is a removal, by whatever action it comes: it counts
// against the limit as a suspension does, also once the plan is saved, and what an
// update takes of several grants does not.
func TestLastGrantIsRemoval(t *testing.T) {
	const config = `version: 1
guardrails: {maxRemovals: 1}
providers:
  partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited}
`
	roster := `version: 1
people:
  - {email: left@example.com, status: departed}
  - {email: last@example.com, access: {partoo: {role: BUSINESS_MANAGER, business_ids: null}}}
  - {email: less@example.com, access: {partoo: {role: BUSINESS_MANAGER, business_ids: [x]}}}
`
	h := newHouse(t, config, roster)
	h.put(partooUser("64a00000000000000000000a", "left@example.com", "PUBLISHER"))
	h.put(partooUser("64a00000000000000000000b", "last@example.com", "BUSINESS_MANAGER", "business_ids", list("x")))
	h.put(partooUser("64a00000000000000000000c", "less@example.com", "BUSINESS_MANAGER", "business_ids", list("x", "y")))
	p := h.plan()
	want := map[string]plan.Block{"left@example.com": plan.BlockedLimit, "last@example.com": plan.BlockedLimit, "less@example.com": ""}
	check := func(p *planned) {
		t.Helper()
		for _, c := range p.Changes {
			if blocked, known := want[c.Email]; !known || c.Blocked != blocked {
				t.Errorf("%s of %s is blocked %q, want %q", c.Action, c.Email, c.Blocked, blocked)
			}
		}
		if len(p.Changes) != len(want) || p.Exit(false) != plan.ExitRefused || len(p.Guards) != 1 || p.Guards[0].Figure != 2 {
			t.Errorf("exit %d, %+v\n%s", p.Exit(false), p.Guards, p.Text(plan.Style{}))
		}
	}
	check(p)
	saved, reasons := h.resumed(p, nil)
	if len(reasons) > 0 {
		t.Fatal(reasons)
	}
	check(saved)
	if r := h.apply(p); r.Count(plan.Refused) != 2 || r.Count(plan.Applied) != 1 || r.Exit != plan.ExitRefused {
		t.Error(r.Text(plan.Style{}))
	}
	if got := fmt.Sprint(h.stored("last@example.com")["business_ids"], h.stored("less@example.com")["business_ids"]); got != "[x] [x]" {
		t.Error(got)
	}
}

// The limit counts what the plan takes away and nobody else: not those who are
// suspended or gone already, nor users whom no roster names. So it does not fill up,
// and once it was lifted for a plan it stands again, untouched by what was done.
func TestOldLeaversDoNotCount(t *testing.T) {
	roster := new(strings.Builder)
	fmt.Fprintln(roster, "version: 1\npeople:")
	var users []map[string]any
	for i := range 12 {
		fmt.Fprintf(roster, "  - {email: old%d@example.com, status: departed}\n", i)
		if i > 3 { // the others are gone
			users = append(users, user(fmt.Sprintf("U-old%d", i), fmt.Sprintf("old%d@example.com", i), list()))
		}
		users = append(users, user(fmt.Sprintf("U-stranger%d", i), fmt.Sprintf("stranger%d@example.com", i), list("tm:access")))
	}
	for _, onLeave := range []string{"suspend", "delete"} {
		config := strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, onLeave: "+onLeave, 1) + "guardrails: {maxRemovals: 1}\n"
		entries := roster.String()
		h := newHouse(t, config, entries, users...)
		leave := func(names ...string) *planned {
			t.Helper()
			for _, name := range names {
				h.add(user("U-"+name, name+"@example.com", list("tm:access")))
				entries += "  - {email: " + name + "@example.com, status: departed}\n"
			}
			h.load(config, entries)
			p := h.plan()
			if len(p.Changes) != len(names) || len(p.Guards) != 1 || p.Guards[0].Figure != len(names) || p.Guards[0].Tripped != (len(names) > 1) {
				t.Fatalf("onLeave %s, %v: %+v\n%s", onLeave, names, p.Guards, p.Text(plan.Style{}))
			}
			return p
		}
		if r := h.apply(leave("ana")); r.Exit != plan.ExitOK {
			t.Error(r.Text(plan.Style{}))
		}
		p := leave("bo", "cara")
		if r := h.apply(p); r.Exit != plan.ExitRefused {
			t.Error(r.Text(plan.Style{}))
		}
		if r := h.apply(p, func(a *plan.Applier) { a.Allow = p.Digest }); r.Exit != plan.ExitOK {
			t.Error(r.Text(plan.Style{}))
		}
		h.settled()
		if r := h.apply(leave("dora")); r.Exit != plan.ExitOK {
			t.Error(r.Text(plan.Style{}))
		}
		h.settled()
	}
}
