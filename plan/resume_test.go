package plan_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// resumed saves a plan, reads it again and takes it up under what the house has by
// now. forge may alter it on the way, as somebody could who knows the checksum.
func (h *house) resumed(p *planned, forge func(*plan.Plan)) (*planned, []string) {
	h.t.Helper()
	saved := readPlan(h.t, p.JSON())
	if forge != nil {
		forge(saved)
		saved.Forge()
		saved = readPlan(h.t, saved.JSON())
	}
	accounts, connections := h.accounts(false)
	all := sources.Resolve(h.roster, h.config, registry.Rules, today)
	reasons := saved.Resume(plan.Circumstances{
		Access: all, Scope: plan.Scope{Providers: []string{}, People: append([]string{}, h.people...)},
		Guardrails: h.config.Guardrails, Providers: accounts,
	})
	return &planned{Plan: saved, access: all, accounts: accounts, connections: connections}, reasons
}

// applySaved applies a plan that was saved.
func (h *house) applySaved(p *planned, forge func(*plan.Plan)) *plan.Result {
	h.t.Helper()
	saved, reasons := h.resumed(p, forge)
	if len(reasons) > 0 {
		h.t.Fatalf("the plan is refused: %q", reasons)
	}
	return h.apply(saved, func(a *plan.Applier) { a.Built = time.Time{} })
}

const savedRoster = `version: 1
teams:
  seller: {access: {vendasta: {platformAccess: ["tm:access"]}}}
people:
  - {email: new@example.com, givenName: Nora, teams: [seller], access: {vendasta: {welcomeEmail: true}}}
  - {email: cara@example.com, givenName: Cara, familyName: Diaz, access: {vendasta: {platformAccess: ["pc:access"]}}}
  - {email: dora@example.com, givenName: Dora, teams: [seller]}
  - {email: rita@example.com, teams: [seller]}
  - {email: ana@example.com, status: departed}
`

func savedUsers() []map[string]any {
	return []map[string]any{
		user("U-cara", "cara@example.com", list("tm:access"), "givenName", "Carla", "familyName", "Diaz"),
		user("U-dora", "dora@example.com", list("tm:access"), "givenName", "Dora"),
		user("U-rita", "rita@example.com", list()),
		user("U-ana", "ana@example.com", list("tm:access"), "businessLocations", list("AG-1")),
	}
}

const (
	doAna  = 0
	doCara = 1
	doNew  = 2
	doRita = 3
)

// TestSavedPlanIsApplied: as it was, once; a second time all of it is done already,
// and nothing is sent for it.
func TestSavedPlanIsApplied(t *testing.T) {
	h := newHouse(t, "", savedRoster, savedUsers()...)
	p := h.plan()
	before := h.count()
	r := h.applySaved(p, nil)
	if r.Count(plan.Applied) != 4 || r.Exit != 0 || r.PlanDigest != p.Digest {
		t.Fatalf("exit %d:\n%s", r.Exit, r.Text(plan.Style{}))
	}
	if counts := h.count(); counts.Created != 1 || counts.Mails != 1 || counts.Writes-before.Writes != 5 {
		t.Errorf("%+v", counts)
	}
	h.settled()
	before = h.count()
	r = h.applySaved(p, nil)
	if r.Count(plan.Already) != 4 || r.Exit != 0 || h.count().Writes != before.Writes {
		t.Errorf("exit %d, %d writes:\n%s", r.Exit, h.count().Writes-before.Writes, r.Text(plan.Style{}))
	}
	if id := r.Changes[doNew].UserID; id == "" {
		t.Error("the user who is there already is not named")
	}
}

// TestOnlyWhoIsChangedIsLookedAt: a saved plan asks nothing of anybody else.
func TestOnlyWhoIsChangedIsLookedAt(t *testing.T) {
	h := newHouse(t, "", savedRoster, savedUsers()...)
	p := h.plan()
	before := h.count()
	r := h.applySaved(p, func(saved *plan.Plan) { saved.Changes = saved.Changes[doCara : doCara+1] })
	if counts := h.count(); counts.Reads-before.Reads != 1 || counts.Writes-before.Writes != 1 || r.Count(plan.Applied) != 1 {
		t.Errorf("%d reads, %d writes:\n%s", counts.Reads-before.Reads, counts.Writes-before.Writes, r.Text(plan.Style{}))
	}
}

// TestMeanwhile: what somebody else did since the plan was made decides of that one
// change, and every other goes on.
func TestMeanwhile(t *testing.T) {
	set := func(id, name string, value any) func(h *house) {
		return func(h *house) {
			err := h.world.Edit("vendasta", id, func(data map[string]any) {
				if name == "platformAccess" || name == "businessLocations" {
					data[name] = value
				} else {
					data["attributes"].(map[string]any)[name] = value
				}
			})
			if err != nil {
				h.t.Fatal(err)
			}
		}
	}
	all := func(edits ...func(h *house)) func(h *house) {
		return func(h *house) {
			for _, edit := range edits {
				edit(h)
			}
		}
	}
	tests := []struct {
		name   string
		edit   func(h *house)
		change int
		want   plan.Status
		next   []string // what the next plan changes
		open   int
	}{
		{"changed otherwise", set("U-cara", "platformAccess", list("ssc:access")), doCara, plan.Stale, []string{"update cara@example.com"}, 0},
		{"one of two done", set("U-cara", "givenName", "Cara"), doCara, plan.Stale, []string{"update cara@example.com"}, 0},
		{"done", all(set("U-cara", "givenName", "Cara"), set("U-cara", "platformAccess", list("pc:access"))), doCara, plan.Already, nil, 0},
		{"suspended", set("U-cara", "platformAccess", list()), doCara, plan.Stale, []string{"restore cara@example.com"}, 0},
		{"deleted", func(h *house) { h.world.Remove("vendasta", "U-cara") }, doCara, plan.Stale, []string{"create cara@example.com"}, 0},
		{"deleted and made anew", func(h *house) {
			h.world.Remove("vendasta", "U-cara")
			h.add(user("U-other", "cara@example.com", list("tm:access"), "givenName", "Carla", "familyName", "Diaz"))
		}, doCara, plan.Stale, []string{"update cara@example.com"}, 0},
		{"twice there", func(h *house) { h.add(user("U-other", "cara@example.com", list("tm:access"))) }, doCara, plan.Stale, nil, 0},
		{"of another name, which nobody manages", set("U-cara", "greetingName", "C."), doCara, plan.Applied, nil, 0},
		{"of another name, which the roster states", set("U-cara", "familyName", "Else"), doCara, plan.Stale, []string{"update cara@example.com"}, 0},
		{"created as wanted", func(h *house) { h.add(user("U-new", "new@example.com", list("tm:access"), "givenName", "Nora")) }, doNew, plan.Already, nil, 0},
		{"created otherwise", func(h *house) { h.add(user("U-new", "New@example.com", list("pc:access"), "givenName", "Nora")) }, doNew, plan.Stale, []string{"update new@example.com"}, 0},
		{"restored", set("U-rita", "platformAccess", list("tm:access")), doRita, plan.Already, nil, 0},
		{"restored otherwise", set("U-rita", "platformAccess", list("pc:access")), doRita, plan.Stale, []string{"update rita@example.com"}, 0},
		{"leaver suspended", all(set("U-ana", "platformAccess", list()), set("U-ana", "businessLocations", list())), doAna, plan.Already, nil, 0},
		{"leaver half suspended", set("U-ana", "businessLocations", list()), doAna, plan.Stale, []string{"suspend ana@example.com"}, 1},
		{"leaver deleted", func(h *house) { h.world.Remove("vendasta", "U-ana") }, doAna, plan.Already, nil, 0},
		{"leaver with another address", set("U-ana", "email", "else@example.com"), doAna, plan.Stale, nil, 1},
		{"leaver with more access", set("U-ana", "businessLocations", list("AG-1", "AG-2")), doAna, plan.Stale, []string{"suspend ana@example.com"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, "", savedRoster, savedUsers()...)
			p := h.plan()
			tt.edit(h)
			users := len(h.world.Users("vendasta"))
			r := h.applySaved(p, nil)
			exit := 0
			if tt.want == plan.Stale {
				exit = plan.ExitIncomplete
			}
			for i, c := range r.Changes {
				if want := tt.want; i == tt.change && c.Status != want || i != tt.change && c.Status != plan.Applied {
					t.Errorf("%s is %s: %s", c.ID, c.Status, c.Error)
				}
			}
			if r.Exit != exit || len(r.Open) != tt.open {
				t.Errorf("exit %d, open %v", r.Exit, r.Open)
			}
			if created := int64(len(h.world.Users("vendasta")) - users); created != h.count().Created || created > 1 || tt.change == doNew && created != 0 {
				t.Errorf("%d users were created", created)
			}
			var next []string
			for _, c := range h.plan().Changes {
				next = append(next, string(c.Action)+" "+c.Email)
			}
			if !slices.Equal(next, tt.next) {
				t.Errorf("next are %q, not %q", next, tt.next)
			}
		})
	}
}

// TestDoneLeaverIsNotOpen: whom somebody suspended before he was to be deleted has
// no access left, as in a plan.
func TestDoneLeaverIsNotOpen(t *testing.T) {
	h := newHouse(t, strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, onLeave: delete", 1), oneLeaver, user("U-ana", "ana@example.com", list("tm:access")))
	p := h.plan()
	_ = h.world.Edit("vendasta", "U-ana", func(data map[string]any) { data["platformAccess"] = list() })
	r := h.applySaved(p, nil)
	if got := only(t, r); got.Status != plan.Already || r.Exit != 0 || len(r.Open) != 0 || h.count().Writes != 0 {
		t.Errorf("%s, exit %d, open %v", got.Status, r.Exit, r.Open)
	}
}

// TestForged: a plan whose checksum and digest are right does nothing that the
// roster does not ask, whatever it says: the forged change is not done, and that is
// told by the exit code.
func TestForged(t *testing.T) {
	attribute := func(c *plan.Change, name string) *plan.AttributeChange {
		for i := range c.Attributes {
			if c.Attributes[i].Name == name {
				return &c.Attributes[i]
			}
		}
		t.Fatalf("there is no %s", name)
		return nil
	}
	suspension := []plan.AttributeChange{
		{Name: "businessLocations", Before: []any{}, After: []any{}},
		{Name: "platformAccess", Before: []any{"tm:access"}, After: []any{}},
	}
	tests := []struct {
		name   string
		change int
		forge  func(c *plan.Change)
	}{
		{"another grant", doCara, func(c *plan.Change) { attribute(c, "platformAccess").After = []any{"pc:access", "pc:manageUsers"} }},
		{"another before", doCara, func(c *plan.Change) { attribute(c, "platformAccess").Before = []any{} }},
		{"an attribute more", doCara, func(c *plan.Change) {
			c.Attributes = append(c.Attributes, plan.AttributeChange{Name: "businessLocations", Before: []any{}, After: []any{"AG-1"}})
		}},
		{"an attribute that is none", doCara, func(c *plan.Change) {
			c.Attributes = append(c.Attributes, plan.AttributeChange{Name: "isAdmin", After: true})
		}},
		{"an attribute of an update less, with its risks", doCara, func(c *plan.Change) {
			c.Attributes, c.Risks = []plan.AttributeChange{*attribute(c, "givenName")}, []plan.Risk{plan.RiskFirstContact}
		}},
		{"an attribute less", doAna, func(c *plan.Change) { c.Attributes = c.Attributes[1:] }},
		{"an attribute of a create less", doNew, func(c *plan.Change) { c.Attributes = c.Attributes[:len(c.Attributes)-1] }},
		{"no attribute", doCara, func(c *plan.Change) { c.Attributes = []plan.AttributeChange{} }},
		{"no attribute, and another fingerprint", doCara, func(c *plan.Change) {
			c.Attributes, c.Fingerprint = []plan.AttributeChange{}, "sha256:"+strings.Repeat("0", 64)
		}},
		{"somebody else's id", doCara, func(c *plan.Change) { c.UserID = "U-dora" }},
		{"no id", doCara, func(c *plan.Change) { c.UserID = "" }},
		{"suspend for update", doCara, func(c *plan.Change) {
			c.Action, c.Attributes, c.Risks = plan.Suspend, suspension, []plan.Risk{plan.RiskRemoval}
		}},
		{"delete for update", doCara, func(c *plan.Change) { c.Action = plan.Delete }},
		{"create for update", doCara, func(c *plan.Change) { c.Action = plan.Create }},
		{"restore for update", doCara, func(c *plan.Change) { c.Action = plan.Restore }},
		{"a risk less", doCara, func(c *plan.Change) { c.Risks = []plan.Risk{plan.RiskFirstContact} }},
		{"another cause", doCara, func(c *plan.Change) { c.Cause = plan.CauseLeft }},
		{"a mail", doCara, func(c *plan.Change) { c.Effects = []plan.Effect{plan.EffectInvite} }},
		{"a need", doCara, func(c *plan.Change) { c.Needs = []string{"vendasta/new@example.com"} }},
		{"another fingerprint", doCara, func(c *plan.Change) { c.Fingerprint = "sha256:" + strings.Repeat("0", 64) }},
		{"delete for suspend", doAna, func(c *plan.Change) { c.Action = plan.Delete }},
		{"half a suspension", doAna, func(c *plan.Change) {
			c.Attributes = []plan.AttributeChange{*attribute(c, "platformAccess")}
		}},
		{"half a suspension, with its risks", doAna, func(c *plan.Change) {
			c.Attributes, c.Risks = []plan.AttributeChange{*attribute(c, "platformAccess")}, []plan.Risk{plan.RiskFirstContact}
		}},
		{"no suspension", doAna, func(c *plan.Change) {
			c.Attributes, c.Fingerprint = []plan.AttributeChange{}, "sha256:"+strings.Repeat("0", 64)
		}},
		{"a suspension that is done", doAna, func(c *plan.Change) {
			c.Attributes = []plan.AttributeChange{{Name: "platformAccess", Before: []any{"tm:access"}, After: []any{"tm:access"}}}
			c.Fingerprint = "sha256:" + strings.Repeat("0", 64)
		}},
		{"a removal that is none", doAna, func(c *plan.Change) { c.Risks = []plan.Risk{} }},
		{"an update for a leaver", doAna, func(c *plan.Change) {
			c.Action, c.Attributes = plan.Update, []plan.AttributeChange{{Name: "platformAccess", Before: []any{"tm:access"}, After: []any{"pc:access"}}}
		}},
		{"more than the roster has", doNew, func(c *plan.Change) { attribute(c, "platformAccess").After = []any{"pc:access"} }},
		{"less than the roster has", doNew, func(c *plan.Change) {
			c.Attributes = slices.DeleteFunc(c.Attributes, func(a plan.AttributeChange) bool { return a.Name == "givenName" })
		}},
		{"another address", doNew, func(c *plan.Change) { attribute(c, "email").After = "else@example.com" }},
		{"no mail", doNew, func(c *plan.Change) {
			c.Attributes = slices.DeleteFunc(c.Attributes, func(a plan.AttributeChange) bool { return a.Name == "welcomeEmail" })
			c.Effects = []plan.Effect{}
		}},
		{"a mail that is not told", doNew, func(c *plan.Change) { c.Effects = []plan.Effect{} }},
		{"somebody who is not in the roster", doNew, func(c *plan.Change) { c.Email, c.ID = "else@example.com", "vendasta/else@example.com" }},
		{"somebody who is as he should be", doCara, func(c *plan.Change) {
			c.Email, c.ID, c.UserID, c.Action = "dora@example.com", "vendasta/dora@example.com", "U-dora", plan.Suspend
			c.Attributes, c.Risks = suspension, []plan.Risk{plan.RiskRemoval}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, "", savedRoster, savedUsers()...)
			p := h.plan()
			before := h.world.Users("vendasta")
			r := h.applySaved(p, func(saved *plan.Plan) {
				c := &saved.Changes[tt.change]
				if tt.forge(c); c.Fingerprint == p.Changes[tt.change].Fingerprint {
					// Whoever forges a plan knows how fingerprints are made, too.
					c.Fingerprint = h.fingerprint(p, c)
				}
				saved.Changes = saved.Changes[tt.change : tt.change+1]
			})
			got := only(t, r)
			if !slices.Contains([]plan.Status{plan.Refused, plan.Stale, plan.Skipped}, got.Status) || r.Exit != plan.ExitRefused && r.Exit != plan.ExitIncomplete {
				t.Errorf("%s, exit %d: %s", got.Status, r.Exit, got.Error)
			}
			if after := h.world.Users("vendasta"); h.count().Writes > 0 || len(after) != len(before) {
				t.Errorf("%d writes were sent", h.count().Writes)
			}
		})
	}
}

// fingerprint is that of the user whom a forged change is about, as he is now.
func (h *house) fingerprint(p *planned, c *plan.Change) string {
	h.t.Helper()
	readers := make(map[string]providers.Reader)
	for name, connection := range p.connections {
		readers[name] = connection.Reader
	}
	entries, err := plan.Observe(h.t.Context(), p.accounts, readers, p.access, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Access.Person.Email == c.Email {
			return plan.Fingerprint(p.accounts[0], e.Observation, e.Access, c.Attributes)
		}
	}
	return c.Fingerprint
}

// TestForgedGuards: a plan that says that its guards allow more than they do is
// judged as if it did not.
func TestForgedGuards(t *testing.T) {
	var roster strings.Builder
	roster.WriteString("version: 1\npeople:\n")
	var users []map[string]any
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		roster.WriteString("  - {email: " + name + "@example.com, status: departed}\n")
		users = append(users, user("U-"+name, name+"@example.com", list("tm:access")))
	}
	for _, name := range []string{"p", "q", "r"} {
		roster.WriteString("  - {email: " + name + "@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n")
	}
	freed := func(p *plan.Plan) {
		for i := range p.Changes {
			p.Changes[i].Blocked = ""
		}
	}
	hide := simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 1, Fault: simulator.FaultStatus, Status: 400}}}
	tests := []struct {
		name  string
		chaos simulator.Chaos
		block plan.Block
		exit  int
		forge func(p *plan.Plan)
	}{
		{"marks taken away", simulator.Chaos{}, plan.BlockedLimit, plan.ExitRefused, freed},
		{"a guard that did not trip", simulator.Chaos{}, plan.BlockedLimit, plan.ExitRefused, func(p *plan.Plan) {
			freed(p)
			p.Guards[0].Tripped, p.Guards[0].Limit, p.Guards[0].Figure = false, 100, 1
		}},
		{"no guard", simulator.Chaos{}, plan.BlockedLimit, plan.ExitRefused, func(p *plan.Plan) {
			freed(p)
			p.Guards = nil
		}},
		{"a larger base", simulator.Chaos{}, plan.BlockedLimit, plan.ExitRefused, func(p *plan.Plan) {
			freed(p)
			p.Guards[0].Base = 1_000_000
		}},
		{"removals that are none", simulator.Chaos{}, plan.BlockedLimit, plan.ExitRefused, func(p *plan.Plan) {
			freed(p)
			for i := range p.Changes {
				p.Changes[i].Risks = []plan.Risk{}
			}
		}},
		{"too little read", hide, plan.BlockedIncomplete, plan.ExitIncomplete, freed},
		{"too little read, and that not told", hide, plan.BlockedIncomplete, plan.ExitIncomplete, func(p *plan.Plan) {
			freed(p)
			p.Providers[0].State = plan.Read
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, retries: 0, concurrency: 1", 1), roster.String(), users...)
			h.world.SetChaos(tt.chaos)
			p := h.plan()
			h.world.SetChaos(simulator.Chaos{})
			saved, reasons := h.resumed(p, tt.forge)
			if len(reasons) > 0 {
				t.Fatal(reasons)
			}
			blocked := 0
			for _, c := range saved.Changes {
				if c.Blocked == tt.block {
					blocked++
				}
			}
			if want := 4; blocked < want || saved.Applicable("") > 3 || saved.Guards[0].Base > 8 {
				t.Errorf("%d are blocked, %d go on, %+v", blocked, saved.Applicable(""), saved.Guards)
			}
			r := h.apply(saved, func(a *plan.Applier) { a.Built = time.Time{} })
			if r.Exit != tt.exit {
				t.Errorf("exit %d, want %d:\n%s", r.Exit, tt.exit, r.Text(plan.Style{}))
			}
			for _, u := range h.world.Users("vendasta") {
				if strings.HasPrefix(u.ID, "U-") && len(u.Data["platformAccess"].([]any)) == 0 {
					t.Errorf("%s lost his access", u.ID)
				}
			}
		})
	}
}

// TestGuardsJudgeTheSame: a plan that nobody forged comes back as it was, with the
// limit lifted by its digest as before.
func TestGuardsJudgeTheSame(t *testing.T) {
	for name, config := range map[string]string{
		"everything": everyGuard, "tripped": everyGuard[:len(everyGuard)-2] + ", maxRemovals: 1}\n",
		"share": everyGuard[:len(everyGuard)-2] + ", maxRemovals: 10%}\n", "none": everyGuard[:len(everyGuard)-2] + ", maxRemovals: 0}\n",
	} {
		h := newHouse(t, config, everything, everybody()...)
		p := h.plan()
		saved, reasons := h.resumed(p, nil)
		if len(reasons) > 0 || !bytes.Equal(saved.JSON(), p.JSON()) {
			t.Errorf("%s: %q\n%s\nnot\n%s", name, reasons, saved.JSON(), p.JSON())
		}
		if name != "tripped" {
			continue
		}
		r := h.apply(saved, func(a *plan.Applier) { a.Built, a.Allow = time.Time{}, p.Digest })
		if r.Count(plan.Applied) != len(p.Changes) || r.Exit != plan.ExitIncomplete { // somebody is unknown
			t.Errorf("exit %d:\n%s", r.Exit, r.Text(plan.Style{}))
		}
	}
	// A pinned id that is unknown, and leavers without a lookup, do not count as unread.
	roster := "version: 1\npeople:\n  - {email: ana@example.com, status: departed}\n  - {email: pinned@example.com, access: {vendasta: {userID: U-none, platformAccess: [\"tm:access\"]}}}\n"
	h := newHouse(t, "", roster, user("U-ana", "ana@example.com", list("tm:access")))
	p := h.plan()
	if saved, reasons := h.resumed(p, nil); len(reasons) > 0 || !bytes.Equal(saved.JSON(), p.JSON()) || saved.Changes[0].Blocked != "" {
		t.Errorf("%q: %s", reasons, saved.JSON())
	}
}

// TestResumeRefuses: a plan that was made for something else is refused with each
// reason at once; what does not show in a plan refuses none.
func TestResumeRefuses(t *testing.T) {
	const config = `version: 1
guardrails: {maxRemovals: 10%, protect: ["owner@*", b@example.com]}
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited}
`
	const roster = `version: 1
people:
  - {email: a@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: b@example.com, status: departed}
`
	tests := []struct {
		name           string
		config, roster string
		edit           func(p *plan.Plan)
		people         []string
		want           []string
	}{
		{name: "the same", config: config, roster: roster},
		{
			name: "other settings", roster: roster,
			config: strings.Replace(config, "rate: unlimited", "rate: 1/s, concurrency: 2, timeout: 5s, retries: 1, lookup: list, mode: full, onLeave: suspend", 1) + "schedule: {timeZone: America/Regina}\n",
		},
		{name: "other credentials", config: strings.Replace(config, "token: {env: UNUSED}", "serviceAccount: {file: key.json}", 1), roster: roster},
		{name: "protected in another order", config: strings.Replace(config, `["owner@*", b@example.com]`, `[b@example.com, "owner@*"]`, 1), roster: roster},
		{
			name: "another layout", config: config,
			roster: "# by hand\nversion: 1\npeople:\n  - {email: b@example.com, status: departed, labels: {x: y}}\n\n  - email: a@example.com # first\n    access: {vendasta: {platformAccess: [\"tm:access\"]}}\n",
		},
		{name: "another roster", config: config, roster: strings.Replace(roster, "tm:access", "pc:access", 1), want: []string{"the roster, or the day, gives people other access than when the plan was made (as of 2026-11-21): make a new plan"}},
		{name: "somebody more", config: config, roster: roster + "  - {email: c@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", want: []string{"the roster, or the day,"}},
		{name: "another limit", config: strings.Replace(config, "10%", "20%", 1), roster: roster, want: []string{"guardrails.maxRemovals was 10% when the plan was made and is 20% now: put it back, or make a new plan"}},
		{name: "nobody protected", config: strings.Replace(config, `, protect: ["owner@*", b@example.com]`, "", 1), roster: roster, want: []string{"guardrails.protect was b@example.com, owner@* when the plan was made and is nobody now"}},
		{name: "another mode", config: strings.Replace(config, "rate:", "mode: report, rate:", 1), roster: roster, want: []string{"the mode of vendasta was full when the plan was made and is report now"}},
		{name: "another end", config: strings.Replace(config, "rate:", "onLeave: delete, rate:", 1), roster: roster, want: []string{"onLeave of vendasta was suspend when the plan was made and is delete now"}},
		{name: "another account", config: config, roster: roster, edit: func(p *plan.Plan) { p.Providers[0].Target = "sha256:" + strings.Repeat("0", 64) }, want: []string{"vendasta: the plan was made for real users: leave --simulate out"}},
		{name: "another kind", config: config, roster: roster, edit: func(p *plan.Plan) { p.Providers[0].Kind = "partoo" }, want: []string{"the kind of vendasta was partoo when the plan was made and is vendasta now"}},
		{name: "provider gone", config: config, roster: roster, edit: func(p *plan.Plan) {
			p.Providers = append(p.Providers, p.Providers[0])
			p.Providers[1].Name = "zeta"
		}, want: []string{"the plan has the provider zeta, which the configuration does not have"}},
		{name: "provider new", config: config, roster: roster, edit: func(p *plan.Plan) {
			p.Providers, p.Changes, p.Held, p.Manual = []plan.ProviderState{}, []plan.Change{}, []plan.Held{}, []plan.Manual{}
		}, want: []string{"the plan does not have the provider vendasta, which the configuration has"}},
		{name: "another person", config: config, roster: roster, people: []string{"a@example.com"}, want: []string{"the plan was made without --person: leave it out, or make a new plan with it"}},
		{
			name: "no person", config: config, roster: roster, edit: func(p *plan.Plan) { p.Scope.People = []string{"a@example.com", "b@example.com"} },
			want: []string{"the plan was made with --person a@example.com,b@example.com: leave the flag out, or make a new plan with yours"},
		},
		{
			name: "everything", people: []string{"a@example.com"}, roster: strings.Replace(roster, "tm:access", "pc:access", 1),
			config: strings.NewReplacer("10%", "3", `, protect: ["owner@*", b@example.com]`, "", "rate:", "mode: add, onLeave: keep, rate:").Replace(config),
			want:   []string{"the roster", "without --person", "guardrails.maxRemovals was 10%", "guardrails.protect was", "the mode of vendasta", "onLeave of vendasta"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, config, roster)
			p := h.plan()
			h.load(tt.config, tt.roster)
			h.people = tt.people
			accounts := []plan.Provider{}
			for _, config := range h.config.Providers {
				accounts = append(accounts, plan.Provider{Config: config, Kind: registry.Kind(config.Kind), Target: plan.SimulatedTarget})
			}
			saved := p.Plan
			if tt.edit != nil {
				tt.edit(saved)
			}
			reasons := saved.Resume(plan.Circumstances{
				Access: sources.Resolve(h.roster, h.config, registry.Rules, today), Scope: plan.Scope{People: h.people},
				Guardrails: h.config.Guardrails, Providers: accounts,
			})
			if len(reasons) != len(tt.want) {
				t.Fatalf("%d reasons, want %d: %q", len(reasons), len(tt.want), reasons)
			}
			for i, want := range tt.want {
				if !strings.Contains(reasons[i], want) {
					t.Errorf("reason %q does not have %q", reasons[i], want)
				}
			}
		})
	}
}

// TestTargets: accounts are told apart by what tells them apart at the vendor, and
// simulated ones from real ones.
func TestTargets(t *testing.T) {
	h := newHouse(t, "", oneNew)
	kind := registry.Kind("vendasta")
	account := h.config.Providers[0]
	other := account
	other.Settings = map[string]string{"partner": "XYZ"}
	elsewhere := account
	elsewhere.BaseURL = "https://other.example.com"
	for _, tt := range []struct {
		name, then, now, want string
	}{
		{"the same", plan.Target(kind, account), plan.Target(kind, account), ""},
		{"partner", plan.Target(kind, account), plan.Target(kind, other), "vendasta: the plan was made for another account: put partner and baseURL back as they were, or make a new plan"},
		{"address", plan.Target(kind, account), plan.Target(kind, elsewhere), "vendasta: the plan was made for another account"},
		{"simulated", plan.SimulatedTarget, plan.Target(kind, account), "vendasta: the plan was made for simulated users: add --simulate, or make a new plan without it"},
		{"real", plan.Target(kind, account), plan.SimulatedTarget, "vendasta: the plan was made for real users: leave --simulate out, or make a new plan with it"},
	} {
		p := h.plan()
		p.Providers[0].Target = tt.then
		reasons := p.Resume(plan.Circumstances{
			Access:    sources.Resolve(h.roster, h.config, registry.Rules, today),
			Providers: []plan.Provider{{Config: account, Kind: kind, Target: tt.now}},
		})
		if got := strings.Join(reasons, "\n"); tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSavedPlanUnderFaults: a saved plan's creates are no more repeated than any
// other's, and an interrupt leaves the rest for later.
func TestSavedPlanUnderFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "", savedRoster, savedUsers()...)
		p := h.plan()
		h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Create, First: 1, Fault: simulator.FaultLostAnswer}, simulator.Rule{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultStatus, Status: 503}))
		r := h.applySaved(p, nil)
		if counts := h.count(); r.Exit != 0 || counts.Created != 1 || counts.Mails != 1 || counts.Faults["lost-answer"] != 1 || counts.Faults["status-503"] != 1 {
			t.Errorf("exit %d, %+v:\n%s", r.Exit, counts, r.Text(plan.Style{}))
		}
		h.settled()
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, strings.Replace(baseConfig, "rate: unlimited", "rate: 1/s, concurrency: 1", 1), savedRoster, savedUsers()...)
		p := h.plan()
		go func() {
			time.Sleep(2500 * time.Millisecond)
			close(h.stop)
		}()
		r := h.applySaved(p, nil)
		if r.Exit != plan.ExitInterrupted || r.Count(plan.Skipped) == 0 || r.Count(plan.Applied) == 0 {
			t.Errorf("exit %d:\n%s", r.Exit, r.Text(plan.Style{}))
		}
		done := r.Count(plan.Applied)
		h.stop = make(chan struct{})
		r = h.applySaved(p, nil)
		if r.Exit != 0 || r.Count(plan.Already) != done || r.Count(plan.Applied) != 4-done {
			t.Errorf("exit %d after %d were done:\n%s", r.Exit, done, r.Text(plan.Style{}))
		}
		h.settled()
	})
}

// TestAlreadyBesideUnshown: what is not shown is held in every plan, and does not make
// a change that is done look undone.
func TestAlreadyBesideUnshown(t *testing.T) {
	h := newHouse(t, "", `version: 1
people:
  - {email: bill@example.com, givenName: Will, access: {vendasta: {platformAccess: ["tm:access"], businessLocations: [AG-1]}}}
`, user("U-bill", "bill@example.com", list("tm:access"), "givenName", "Bill"))
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"businessLocations"}})
	p := h.plan()
	for _, want := range []plan.Status{plan.Applied, plan.Already} {
		if c := h.applySaved(p, nil).Changes[0]; c.Status != want {
			t.Errorf("%s, want %s: %s", c.Status, want, c.Error)
		}
	}
}

// TestAlreadyGone: somebody whom every search proves absent is gone, also where a look
// by id is answered by something else than the vendor.
func TestAlreadyGone(t *testing.T) {
	h := newHouse(t, strings.Replace(partooConfig, "retries: 1", "onLeave: delete, retries: 0", 1), `version: 1
people:
  - {email: bob@example.com, status: departed}
`)
	h.put(partooUser("64a00000000000000000000b", "bob@example.com", "PUBLISHER"))
	p := h.plan()
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Get, Fault: simulator.FaultHTML, Status: 404}}})
	for _, want := range []plan.Status{plan.Applied, plan.Already} {
		if r := h.applySaved(p, nil); r.Changes[0].Status != want || len(r.Open) > 0 {
			t.Errorf("%s", r.Text(plan.Style{}))
		}
	}
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 500}}})
	if r := h.applySaved(p, nil); r.Changes[0].Status != plan.Failed || len(r.Open) != 1 {
		t.Errorf("%s", r.Text(plan.Style{}))
	}
}

// TestShownCommands: what is shown to be copied is quoted for a shell.
func TestShownCommands(t *testing.T) {
	h := newHouse(t, strings.Replace(baseConfig, "providers:", "guardrails: {maxRemovals: 0}\nproviders:", 1), `version: 1
people:
  - {email: "o'brien@example.com", status: departed}
  - {email: a@example.com, status: departed}
  - {email: b@example.com, status: departed}
  - {email: c@example.com, status: departed}
`, user("U-1", "o'brien@example.com", list("tm:access")), user("U-2", "a@example.com", list("tm:access")), user("U-3", "b@example.com", list("tm:access")), user("U-4", "c@example.com", list("tm:access")))
	h.people = []string{"a@example.com", "b@example.com", "c@example.com", "o'brien@example.com"}
	if text := h.plan().Text(plan.Style{Program: "rollcall --simulate"}); !strings.Contains(text, `rollcall --simulate apply --person a@example.com --person b@example.com --person c@example.com --person 'o'\''brien@example.com' --allow sha256:`) {
		t.Error(text)
	}
}
