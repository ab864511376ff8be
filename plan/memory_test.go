package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
)

const bothConfig = `version: 1
guardrails: {maxRemovals: 100%}
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited}
  partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited}
`

// remembering is a house with a ledger, whose roster was applied once.
func remembering(t *testing.T, config, roster string, users ...map[string]any) *house {
	t.Helper()
	h := newHouse(t, config, roster, users...)
	h.ledger = filepath.Join(t.TempDir(), "ledger.db")
	h.applied()
	return h
}

// applied plans and applies, and fails unless all is done and the next plan is empty.
func (h *house) applied() *planned {
	h.t.Helper()
	p := h.plan()
	if r := h.apply(p); r.Exit != plan.ExitOK {
		h.t.Fatalf("exit %d:\n%s\n%s", r.Exit, p.Text(plan.Style{}), r.Text(plan.Style{}))
	}
	if next := h.plan(); len(next.Changes)+len(next.Held) > 0 {
		h.t.Fatalf("the plan after the apply is not empty:\n%s", next.Text(plan.Style{}))
	}
	return p
}

// lines are the changes of a plan, one line each.
func lines(p *planned) string {
	var all []string
	for _, c := range p.Changes {
		line := fmt.Sprintf("%s %s %s", c.ID, c.Action, c.Cause)
		for _, a := range c.Attributes {
			line += fmt.Sprintf(" %s:%v->%v", a.Name, a.Before, a.After)
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

// people is a roster of the entries.
func people(entries ...string) string {
	return "version: 1\npeople:\n  - {email: always@example.com, givenName: Al, familyName: Ways, access: {vendasta: {platformAccess: [\"tm:access\"]}, partoo: {role: PUBLISHER}}}\n" +
		strings.Join(entries, "\n") + "\n"
}

const (
	anaEntry = `  - {email: ana@example.com, id: E-1, givenName: Ana, familyName: Souza, teams: [seller], access: {partoo: {role: PUBLISHER}}}`
	seller   = "teams:\n  seller: {access: {vendasta: {platformAccess: [\"tm:access\", \"ssc:access\"]}}}\n"
)

// atVendasta is the one Vendasta user with the address.
func (h *house) atVendasta(email string) map[string]any {
	h.t.Helper()
	for _, u := range h.world.Users("vendasta") {
		if u.Email == email {
			return u.Data
		}
	}
	return nil
}

// Whoever is deleted from the roster is suspended where he was managed, and whoever
// comes back gets back what he had. Somebody else's users are not touched.
func TestVanished(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller, user("U-else", "else@example.com", list("tm:access")))
	ana := h.atVendasta("ana@example.com")
	if err := h.world.Edit("vendasta", ana["id"].(string), func(data map[string]any) { data["businessLocations"] = []any{"AG-9"} }); err != nil {
		t.Fatal(err)
	}
	h.load(bothConfig, people()+seller)
	p := h.applied()
	if got := lines(p); !strings.Contains(got, "partoo/ana@example.com suspend left disabled:false->true\nvendasta/ana@example.com suspend left businessLocations:[AG-9]->[] platformAccess:[ssc:access tm:access]->[]") || len(p.Changes) != 2 {
		t.Errorf("%s", got)
	}
	if p.Changes[0].Risks[0] != plan.RiskRemoval || h.atVendasta("else@example.com")["platformAccess"].([]any)[0] != "tm:access" {
		t.Error(lines(p))
	}
	// She comes back: with what the roster states, and with what she had besides.
	h.load(bothConfig, people(anaEntry)+seller)
	p = h.applied()
	if got := lines(p); !strings.Contains(got, "vendasta/ana@example.com restore joined platformAccess:[]->[ssc:access tm:access] businessLocations:[]->[AG-9]") || !strings.Contains(got, "partoo/ana@example.com restore joined disabled:true->false") {
		t.Errorf("%s", got)
	}
	if got := h.atVendasta("ana@example.com")["businessLocations"]; fmt.Sprint(got) != "[AG-9]" {
		t.Errorf("has %v", got)
	}
	// At one provider only: the block is gone, and the person is not.
	h.load(bothConfig, people(strings.Replace(anaEntry, ", access: {partoo: {role: PUBLISHER}}", "", 1))+seller)
	if got := lines(h.applied()); got != "partoo/ana@example.com suspend left disabled:false->true" {
		t.Error(got)
	}
}

// Without the ledger nobody is known to have vanished, and the plan says so.
func TestVanishedWithoutLedger(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	if err := os.Remove(h.ledger); err != nil {
		t.Fatal(err)
	}
	h.load(bothConfig, people()+seller)
	p := h.plan()
	if len(p.Changes) != 0 || !strings.HasPrefix(p.Text(plan.Style{}), "ledger: absent (people deleted from the roster can not be recognised") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	// Under --person nobody else is removed.
	h = remembering(t, bothConfig, people(anaEntry)+seller)
	h.load(bothConfig, people()+seller)
	h.people = []string{"always@example.com"}
	if p := h.plan(); len(p.Changes) != 0 || p.Ledger != plan.LedgerPresent {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// Somebody else may have the address of one who is gone.
func TestVanishedReplaced(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	id := h.atVendasta("ana@example.com")["id"].(string)
	h.world.Remove("vendasta", id)
	h.add(user("U-other", "ana@example.com", list("tm:access")))
	h.load(bothConfig, people()+seller)
	p := h.applied()
	if got := lines(p); strings.Contains(got, "vendasta") || len(p.Changes) != 1 {
		t.Error(got)
	}
	// The roster has her again: the other user is met for the first time.
	h.load(bothConfig, people(anaEntry)+seller)
	if got := lines(h.plan()); !strings.Contains(got, "vendasta/ana@example.com adopt joined") {
		t.Error(got)
	}
}

// A team left is a team lost: what it gave is taken, and what somebody else gave stays.
func TestTeamLeft(t *testing.T) {
	config := bothConfig
	teams := "teams:\n" +
		"  seller: {access: {vendasta: {platformAccess: [\"tm:access\", \"ssc:access\"]}, partoo: {role: GROUP_MANAGER, accesses: [[1], [2, 3]], custom_role: regional}}}\n" +
		"  desk: {access: {vendasta: {businessLocations: [\"AG-1\"]}}}\n"
	ana := func(in, own string) string {
		return `  - {email: ana@example.com, givenName: Ana, familyName: Souza, teams: [` + in + `], access: {` + own + `}}`
	}
	h := remembering(t, config, people(ana("seller, desk", "partoo: {role: GROUP_MANAGER}"))+teams)
	id := h.atVendasta("ana@example.com")["id"].(string)
	if err := h.world.Edit("vendasta", id, func(data map[string]any) {
		data["platformAccess"] = append(data["platformAccess"].([]any), "tm:manage")
	}); err != nil {
		t.Fatal(err)
	}
	if got := lines(h.plan()); !strings.Contains(got, "vendasta/ana@example.com update drifted platformAccess:[ssc:access tm:access tm:manage]->[ssc:access tm:access]") {
		t.Errorf("what somebody gave beside what the roster states: %s", got)
	}
	h.load(config, people(ana("desk", "partoo: {role: GROUP_MANAGER}"))+teams)
	p := h.plan()
	got := lines(p)
	if !strings.Contains(got, "vendasta/ana@example.com update left platformAccess:[ssc:access tm:access tm:manage]->[tm:manage]") ||
		!strings.Contains(got, "partoo/ana@example.com update left accesses:[[1] [2 3]]->[]") || len(p.Changes) != 2 {
		t.Error(got)
	}
	// Partoo documents no way to clear a custom role: that is for a person, until he has
	// done it, however often the roster is applied.
	for range 2 {
		p := h.plan()
		if len(p.Manual) != 1 || p.Manual[0].What != "take custom_role away, which was regional" {
			t.Fatalf("%s", p.Text(plan.Style{}))
		}
		if r := h.apply(p); r.Exit != plan.ExitOK {
			t.Fatal(r.Text(plan.Style{}))
		}
	}
	if got := h.atVendasta("ana@example.com"); fmt.Sprint(got["platformAccess"], got["businessLocations"]) != "[tm:manage] [AG-1]" {
		t.Errorf("has %v", got)
	}
	partoo := h.stored("ana@example.com")
	if err := h.world.Edit("partoo", partoo["id"].(string), func(data map[string]any) { data["custom_role"] = "other" }); err != nil {
		t.Fatal(err)
	}
	if p := h.plan(); len(p.Manual)+len(p.Changes) != 0 {
		t.Errorf("what somebody else gave is to be taken: %s", p.Text(plan.Style{}))
	}
}

// A user who is as wanted when he is met is recognised; one who is not is adopted, and
// his address is not touched then.
func TestFirstContactWithLedger(t *testing.T) {
	h := remembering(t, bothConfig, people())
	h.add(user("U-ana", "ana.old@example.com", list("ssc:access", "tm:access"), "givenName", "Ana", "familyName", "Souza"))
	if _, err := h.world.Add("partoo", partooUser("64a000000000000000000009", "ana.old@example.com", "ORG_MANAGER")); err != nil {
		t.Fatal(err)
	}
	entry := strings.Replace(anaEntry, "id: E-1", "previousEmails: [ana.old@example.com]", 1)
	h.load(bothConfig, people(entry)+seller)
	p := h.plan()
	if got := lines(p); got != "partoo/ana@example.com adopt joined first_name:F->Ana last_name:L->Souza role:ORG_MANAGER->PUBLISHER" {
		t.Error(got)
	}
	if len(p.Recognised) != 0 || len(p.Manual) != 2 { // both addresses
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.apply(p)
	// By now she is managed, so Partoo's address is changed; Vendasta documents no way.
	p = h.plan()
	if got := lines(p); got != "partoo/ana@example.com update edited email:ana.old@example.com->ana@example.com" || len(p.Manual) != 1 {
		t.Errorf("%s\n%s", got, p.Text(plan.Style{}))
	}
	if p.Changes[0].Risks[0] != plan.RiskEmail {
		t.Errorf("%v", p.Changes[0].Risks)
	}
	h.applied()
	if h.stored("ana@example.com")["role"] != "PUBLISHER" {
		t.Error("she is not there by her new address")
	}
}

func TestRecognised(t *testing.T) {
	h := remembering(t, bothConfig, people())
	h.add(user("U-ana", "ana@example.com", list("ssc:access", "tm:access"), "givenName", "Ana", "familyName", "Souza"))
	h.load(bothConfig, people(strings.Replace(anaEntry, ", access: {partoo: {role: PUBLISHER}}", "", 1))+seller)
	p := h.plan()
	if len(p.Changes) != 0 || len(p.Recognised) != 1 || p.Recognised[0].UserID != "U-ana" {
		t.Fatalf("%s %v", p.Text(plan.Style{}), p.Recognised)
	}
	h.apply(p)
	if p := h.plan(); len(p.Recognised) != 0 {
		t.Error("is recognised twice")
	}
	// From now on she is managed: out of the team, she loses what it gave.
	h.load(bothConfig, people())
	if got := lines(h.plan()); got != "vendasta/ana@example.com suspend left businessLocations:[]->[] platformAccess:[ssc:access tm:access]->[]" {
		t.Error(got)
	}
}

// Somebody with another address and the same id is the same person.
func TestRenamedByID(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	before := len(h.world.Users("partoo")) + len(h.world.Users("vendasta"))
	h.load(bothConfig, people(strings.Replace(anaEntry, "ana@", "ana.lima@", 1))+seller)
	p := h.plan()
	if got := lines(p); got != "partoo/ana.lima@example.com update edited email:ana@example.com->ana.lima@example.com" || len(p.Manual) != 1 {
		t.Errorf("%s\n%s", got, p.Text(plan.Style{}))
	}
	h.apply(p)
	p = h.plan()
	if len(p.Changes) != 0 || len(p.Manual) != 1 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.apply(p)
	if after := len(h.world.Users("partoo")) + len(h.world.Users("vendasta")); after != before {
		t.Errorf("%d users, there were %d", after, before)
	}
	// The ledger has her under the new address alone.
	h.remember()
	for key := range h.state.Users {
		if key.Email == "ana@example.com" {
			t.Errorf("%v", key)
		}
	}
	if user := h.state.Users[ledger.Key{Provider: "partoo", Email: "ana.lima@example.com"}]; user.Person != "E-1" || user.How != ledger.Created {
		t.Errorf("%+v", user)
	}
}

// A leaver is deleted so many days after he was suspended, unless he comes back.
func TestDeletedLater(t *testing.T) {
	config := strings.Replace(bothConfig, "rate: unlimited}\n  partoo", "rate: unlimited, onLeave: {suspend: now, delete: 30d}}\n  partoo", 1)
	h := remembering(t, config, people(anaEntry)+seller)
	h.load(config, people()+seller)
	p := h.applied()
	if got := p.Changes[1].Note; !strings.Contains(got, "to be deleted on 2026-12-21 unless he comes back") {
		t.Error(got)
	}
	h.later = 29
	p = h.plan()
	if len(p.Changes) != 0 || len(p.Scheduled) != 1 || p.Scheduled[0].On != "2026-12-21" || !strings.Contains(p.Text(plan.Style{}), "vendasta ana@example.com (U-") || !strings.Contains(p.Text(plan.Style{}), "on 2026-12-21") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	// Nobody has applied for long, or the clock was put forward: the next run is not the
	// one that deletes.
	h.later, h.away = 400, 390
	p = h.plan()
	if len(p.Changes) != 0 || len(p.Scheduled) != 1 || !strings.Contains(p.Text(plan.Style{}), "on 2026-12-21") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.later, h.away = 30, 0
	p = h.plan()
	if got := lines(p); !strings.HasPrefix(got, "vendasta/ana@example.com delete left") || p.Changes[0].Risks[0] != plan.RiskRemoval {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	// She comes back in time, and leaves again: the days are counted anew.
	h.later = 29
	h.load(config, people(anaEntry)+seller)
	h.applied()
	h.load(config, people()+seller)
	h.applied()
	h.later = 40
	if p := h.plan(); len(p.Changes) != 0 || p.Scheduled[0].On != "2027-01-19" {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.later = 60
	h.applied()
	if h.atVendasta("ana@example.com") != nil {
		t.Error("she is still there")
	}
	if p := h.plan(); len(p.Changes)+len(p.Scheduled) != 0 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	// A clock that went back deletes nobody.
	h.later = -400
	h.load(config, people(anaEntry)+seller)
	h.applied()
}

// A leaver who still has access is told with the day since when.
func TestOpenSince(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	h.load(bothConfig, people(strings.Replace(anaEntry, "id: E-1", "status: departed", 1))+seller)
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Update, Fault: simulator.FaultStatus, Status: 422}}}, "partoo")
	r := h.apply(h.plan())
	if r.Exit != plan.ExitIncomplete || len(r.Open) != 1 {
		t.Fatalf("%s", r.Text(plan.Style{}))
	}
	h.later = 5
	h.remember()
	if since := h.state.Open[ledger.Key{Provider: "partoo", Email: "ana@example.com"}]; !since.Equal(today) {
		t.Errorf("open since %v", since)
	}
	r = h.apply(h.plan())
	if len(r.Open) != 1 || r.Open[0].Since != "2026-11-21" || !strings.Contains(r.Text(plan.Style{}), "still has access, since 2026-11-21") {
		t.Errorf("%+v", r.Open)
	}
	h.world.SetChaos(simulator.Chaos{}, "partoo")
	h.applied()
	h.remember()
	if len(h.state.Open) != 0 {
		t.Errorf("%v", h.state.Open)
	}
}

// A roster of which a part was lost removes nobody, whatever the limit is.
func TestSmallerRoster(t *testing.T) {
	var entries []string
	for i := range 10 {
		entries = append(entries, fmt.Sprintf(`  - {email: p%d@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}`, i))
	}
	whole := people(entries...)
	for name, test := range map[string]struct {
		roster  string
		blocked bool
	}{
		"empty":     {"version: 1\npeople: []\n", true},
		"a third":   {people(entries[:3]...), true},
		"more":      {people(entries[:6]...), false},
		"as before": {whole, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := remembering(t, bothConfig, whole)
			h.load(bothConfig, test.roster)
			p := h.plan()
			blocked := 0
			for _, c := range p.Changes {
				if c.Provider == "vendasta" && c.Blocked == plan.BlockedLimit {
					blocked++
				}
			}
			if (blocked > 0) != test.blocked || test.blocked && p.Exit(false) != plan.ExitRefused {
				t.Fatalf("%d blocked:\n%s", blocked, p.Text(plan.Style{}))
			}
			if !test.blocked {
				return
			}
			if !strings.Contains(p.Text(plan.Style{}), "nobody who is gone from it is removed. If all are right: rollcall apply --allow "+p.Digest) {
				t.Errorf("%s", p.Text(plan.Style{}))
			}
			r := h.apply(p)
			if r.Exit != plan.ExitRefused || h.count().Vendors["vendasta"].Writes != 11 {
				t.Errorf("%s", r.Text(plan.Style{}))
			}
			// It stands until the roster is whole again, or it is allowed.
			p = h.plan()
			if p.Exit(false) != plan.ExitRefused {
				t.Errorf("%s", p.Text(plan.Style{}))
			}
			r = h.apply(p, func(a *plan.Applier) { a.Allow = p.Digest })
			if r.Exit != plan.ExitOK {
				t.Errorf("%s", r.Text(plan.Style{}))
			}
			h.settled()
		})
	}
}

// A change that somebody else makes is told apart from one of the roster.
func TestDrifted(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	id := h.stored("ana@example.com")["id"].(string)
	if err := h.world.Edit("partoo", id, func(data map[string]any) { data["last_name"] = "Lopez" }); err != nil {
		t.Fatal(err)
	}
	if got := lines(h.plan()); got != "partoo/ana@example.com update drifted last_name:Lopez->Souza" {
		t.Error(got)
	}
	h.load(bothConfig, people(strings.Replace(anaEntry, "Souza", "Lima", 1))+seller)
	if got := lines(h.plan()); !strings.Contains(got, "partoo/ana@example.com update edited last_name:Lopez->Lima") {
		t.Error(got)
	}
}

// A run that died left what it was about to do. The next one looks, patiently, and
// takes what it made for its own.
func TestAfterADeath(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, bothConfig, people(anaEntry)+seller)
		h.ledger = filepath.Join(t.TempDir(), "ledger.db")
		l, err := ledger.Open(t.Context(), h.ledger)
		if err != nil {
			t.Fatal(err)
		}
		for _, provider := range []string{"vendasta", "partoo"} {
			e := &ledger.Entry{Kind: ledger.ChangeSent, Run: "run-0", Provider: provider, Action: "create", Details: &ledger.Details{Email: "ana@example.com", Facts: map[string]string{"mail": "follows"}}}
			if _, err := l.Append(t.Context(), ledger.Update{}, e); err != nil {
				t.Fatal(err)
			}
		}
		_ = l.Close()
		h.add(user("U-ana", "ana@example.com", list("ssc:access", "tm:access"), "givenName", "Ana"))
		begun := time.Now()
		p := h.plan()
		if took := time.Since(begun); took < 3*time.Second {
			t.Errorf("whoever may have been created a moment ago is looked for for %s", took)
		}
		if len(p.Interrupted) != 2 || p.Interrupted[0].Found != "there is no such user" || p.Interrupted[1].Found != "the user is there" {
			t.Errorf("%+v", p.Interrupted)
		}
		if got := lines(p); !strings.Contains(got, "vendasta/ana@example.com update edited familyName:<nil>->Souza") || !strings.Contains(got, "partoo/ana@example.com create joined") {
			t.Error(got)
		}
		if len(p.Manual) != 1 || !strings.Contains(p.Manual[0].What, "welcome mail") {
			t.Errorf("%+v", p.Manual)
		}
		h.apply(p)
		h.remember()
		if len(h.state.Unfinished) != 0 || h.state.Users[ledger.Key{Provider: "vendasta", Email: "ana@example.com"}].UserID != "U-ana" {
			t.Errorf("%+v", h.state)
		}
		if p := h.plan(); len(p.Interrupted)+len(p.Changes)+len(p.Manual) != 0 {
			t.Errorf("%s", p.Text(plan.Style{}))
		}
	})
}

// What can not be recorded is not sent.
func TestUnrecorded(t *testing.T) {
	h := remembering(t, bothConfig, people())
	h.load(bothConfig, people(anaEntry)+seller)
	p := h.plan()
	l, err := ledger.Open(t.Context(), h.ledger)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	before := h.count().Writes
	a := &plan.Applier{Plan: p.Plan, Providers: p.accounts, Connections: p.connections, Access: p.access, Built: time.Now(), Recorder: &plan.Recorder{Ledger: l, Run: "run-x"}}
	r := a.Apply(t.Context())
	if r.Exit != plan.ExitIncomplete || r.Count(plan.Skipped) != len(p.Changes) || h.count().Writes != before || !strings.Contains(r.Error, "can not be written") {
		t.Errorf("exit %d, %d writes, %q\n%s", r.Exit, h.count().Writes-before, r.Error, r.Text(plan.Style{}))
	}
}
