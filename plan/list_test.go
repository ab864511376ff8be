package plan_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

const listConfig = `version: 1
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited, lookup: list, onLeave: delete, retries: 0}
`

// A list leads to the same plan as searches do, and costs a request a page.
func TestListIsAsSearch(t *testing.T) {
	roster := new(strings.Builder)
	fmt.Fprintln(roster, "version: 1\npeople:")
	var users []map[string]any
	for i := range 250 {
		email := fmt.Sprintf("p%d@example.com", i)
		fmt.Fprintf(roster, "  - email: %s\n", email)
		switch i % 5 {
		case 0:
			fmt.Fprintln(roster, "    status: departed")
		case 1:
			fmt.Fprintf(roster, "    previousEmails: [old%d@example.com]\n", i)
		case 2:
			fmt.Fprintf(roster, "    givenName: N%d\n", i)
		}
		fmt.Fprintln(roster, `    access: {vendasta: {platformAccess: ["tm:access"]}}`)
		if i%3 != 0 {
			if i%5 == 1 {
				email = fmt.Sprintf("OLD%d@example.com", i)
			}
			users = append(users, user(fmt.Sprintf("U-%d", i), email, list("tm:access"), "givenName", "N"))
		}
	}
	for i := range 60 {
		users = append(users, user(fmt.Sprintf("U-other%d", i), fmt.Sprintf("other%d@example.com", i), list("tm:access")))
	}
	plans := make(map[string]*planned)
	for _, lookup := range []string{"list", "search"} {
		h := newHouse(t, strings.Replace(listConfig, "lookup: list", "lookup: "+lookup, 1), roster.String(), users...)
		plans[lookup] = h.plan()
		if lookup == "list" {
			absent := int64(0)
			for _, c := range plans[lookup].Changes {
				if c.Action == plan.Create {
					absent++ // who is to be created is searched for too
				}
			}
			if got, pages := h.count().Reads, int64(len(users)+99)/100; got < pages+absent || got > pages+2*absent {
				t.Errorf("%d reads for %d users and %d who are absent, want %d pages", got, len(users), absent, pages)
			}
		}
	}
	a, b := plans["list"].Plan, plans["search"].Plan
	if diff := cmp.Diff(b.Changes, a.Changes); diff != "" || len(a.Changes) < 100 || a.Digest != b.Digest {
		t.Errorf("%d changes, -search +list:\n%s", len(a.Changes), diff)
	}
	if diff := cmp.Diff(b.Manual, a.Manual); diff != "" || len(a.Manual) == 0 {
		t.Error(diff)
	}
	if a.Providers[0].Lookup != "list" || b.Providers[0].Lookup != "search" {
		t.Errorf("%+v %+v", a.Providers, b.Providers)
	}
}

// A list that is not complete proves nobody absent and removes nobody.
func TestListIncomplete(t *testing.T) {
	var users []map[string]any
	for i := range 150 {
		users = append(users, user(fmt.Sprintf("U-%d", i), fmt.Sprintf("p%d@example.com", i), list("tm:access")))
	}
	roster := `version: 1
people:
  - {email: p1@example.com, status: departed}
  - email: new@example.com
    access: {vendasta: {platformAccess: ["tm:access"]}}
  - email: p2@example.com
    access: {vendasta: {platformAccess: ["tm:manage"]}}
`
	for _, chaos := range []simulator.Chaos{
		{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultStatus}}},
		{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultCutBody}}},
		{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultEmpty}}},
		{RepeatedCursor: true},
	} {
		h := newHouse(t, listConfig, roster, users...)
		h.world.SetChaos(chaos)
		p := h.plan()
		if len(p.Changes) > 0 || len(p.Held) != 3 || p.Providers[0].State != plan.Unread {
			t.Errorf("%+v:\n%s", chaos, p.Text(plan.Style{}))
		}
	}
}

// A plan costs one list, whatever it is about; what is written is looked at by
// itself.
func TestListOnce(t *testing.T) {
	h := newHouse(t, listConfig, `version: 1
people:
  - {email: ana@example.com, status: departed}
  - email: new@example.com
    access: {vendasta: {platformAccess: ["tm:access"]}}
  - email: cara@example.com
    access: {vendasta: {platformAccess: ["tm:access"]}}
`, user("U-ana", "ana@example.com", list("tm:access")), user("U-cara", "cara@example.com", list("tm:manage")))
	p := h.plan()
	result := h.apply(p)
	if result.Count(plan.Applied) != 3 || result.Exit != plan.ExitOK {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
	if n := h.count().Reads; n != 3 {
		t.Errorf("%d reads, want the list, a search for who is to be created, and one for who was deleted", n)
	}
	h.settled()
}

// A create whose answer is lost is looked for at the vendor, and never sent again.
func TestListAfterLostAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, listConfig, `version: 1
people:
  - email: new@example.com
    access: {vendasta: {platformAccess: ["tm:access"]}}
`)
		p := h.plan()
		h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Create, Nth: 1, Fault: simulator.FaultLostAnswer}}})
		result := h.apply(p)
		if result.Count(plan.Applied) != 1 || h.count().Created != 1 || h.count().Writes != 1 {
			t.Errorf("%s%+v", result.Text(plan.Style{}), h.count())
		}
		h.settled()
	})
}

// A plan that is old looks at each user again whom it changes, and reads no list.
func TestListAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var users []map[string]any
		roster := "version: 1\npeople:\n"
		for i := range 20 {
			email := fmt.Sprintf("p%d@example.com", i)
			roster += fmt.Sprintf("  - email: %s\n    access: {vendasta: {platformAccess: [\"tm:access\"]}}\n", email)
			if i%2 == 0 {
				users = append(users, user(fmt.Sprintf("U-%d", i), email, list("tm:manage")))
			}
		}
		h := newHouse(t, listConfig, roster, users...)
		p := h.plan()
		h.world.Remove("vendasta", "U-0")
		h.add(user("U-1", "p1@example.com", list("tm:manage")))
		time.Sleep(time.Hour)
		_, p.connections = h.accounts(false)
		before := h.count().Reads
		result := h.apply(p, func(a *plan.Applier) { a.Built = time.Time{} })
		if result.Count(plan.Stale) != 2 || result.Count(plan.Applied) != 18 {
			t.Errorf("%s", result.Text(plan.Style{}))
		}
		if n := h.count().Reads - before; n != 21 {
			t.Errorf("%d reads, want one for each of the 20, and one more for the one who is gone", n)
		}
	})
}

// What a vendor refuses is not known before its answer is whole: a 404 that is cut
// short is asked for again.
func TestCutRefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, "", `version: 1
people:
  - {email: ana@example.com, status: departed, access: {vendasta: {userID: U-gone, platformAccess: ["tm:access"]}}}
`)
		h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Get, First: 1, Fault: simulator.FaultCutBody}}})
		if p := h.plan(); len(p.Held) > 0 || p.Providers[0].State != plan.Read {
			t.Errorf("%s", p.Text(plan.Style{}))
		}
	})
}

// A record that can not be read concerns that user, who is named, and nobody else.
func TestListUnreadableRecord(t *testing.T) {
	h := newHouse(t, strings.Replace(partooConfig, "retries: 1", "lookup: list, retries: 0", 1), `version: 1
people:
  - {email: ana@example.com, status: departed}
  - {email: bo@example.com, status: departed}
`)
	h.put(partooUser("64a00000000000000000000a", "ana@example.com", "PUBLISHER"))
	h.put(partooUser("64a00000000000000000000b", "bo@example.com", "PUBLISHER", "last_name", "Odd"))
	h.changed = func(_ *http.Request, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`"Odd"`), []byte(`7`))
	}
	p := h.plan()
	if len(p.Changes) != 1 || p.Changes[0].Email != "ana@example.com" || len(p.Held) != 1 || !strings.Contains(p.Held[0].Detail, "64a00000000000000000000b") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}
