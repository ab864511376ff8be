package plan_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

const (
	anaID  = "64a00000000000000000000a"
	billID = "64a00000000000000000000b"
	caraID = "64a00000000000000000000c"
)

// tryOnce repeats no request.
var tryOnce = strings.Replace(partooConfig, "retries: 1", "retries: 0", 1)

// atPartooAs is atPartoo for a key that belongs to the user with that id.
func atPartooAs(t *testing.T, options simulator.PartooOptions, config, roster string, users ...map[string]any) *house {
	t.Helper()
	h := newHouse(t, config, roster)
	h.world = simulator.New(simulator.Options{Partoo: options})
	for _, user := range users {
		if _, err := h.world.Add("partoo", user); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// heldOf is the one held entry of somebody.
func heldOf(t *testing.T, p *planned, email string) plan.Held {
	t.Helper()
	held := slices.DeleteFunc(slices.Clone(p.Held), func(h plan.Held) bool { return h.Email != email })
	if len(held) != 1 || slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.Email == email }) {
		t.Fatalf("%s is not held alone:\n%s", email, p.Text(plan.Style{}))
	}
	return held[0]
}

func unarmed(p *planned) string { return strings.Join(p.Providers[0].Unarmed, ",") }

// The user whose key rollcall uses is never removed, in whatever way the roster asks for
// it; what does not remove him goes on, and so do the others.
func TestOwnUserIsKept(t *testing.T) {
	for name, test := range map[string]struct {
		config, ana string
		wanted      plan.Action
	}{
		"suspended":  {partooConfig, "{email: ana@example.com, status: departed}", plan.Suspend},
		"deleted":    {strings.Replace(partooConfig, "retries: 1", "retries: 1, onLeave: delete", 1), "{email: ana@example.com, status: departed}", plan.Delete},
		"demoted":    {partooConfig, "{email: ana@example.com, access: {partoo: {role: PUBLISHER}}}", plan.Update},
		"last grant": {partooConfig, "{email: ana@example.com, access: {partoo: {role: BUSINESS_MANAGER, business_ids: null}}}", plan.Update},
	} {
		t.Run(name, func(t *testing.T) {
			roster := "version: 1\npeople:\n  - " + test.ana + "\n  - {email: bill@example.com, status: departed}\n"
			role, more := "ORG_ADMIN", []any{}
			if name == "last grant" {
				role, more = "BUSINESS_MANAGER", []any{"business_ids", list("x")}
			}
			users := []map[string]any{
				partooUser(anaID, "Ana@Example.com", role, more...), partooUser(billID, "bill@example.com", "PUBLISHER"), partooUser(caraID, "cara@example.com", "ORG_ADMIN"),
			}
			h := atPartooAs(t, simulator.PartooOptions{Me: anaID}, test.config, roster, users...)
			p := h.plan()
			held := heldOf(t, p, "ana@example.com")
			if held.Reason != plan.HeldProtected || held.Wanted != test.wanted || !strings.Contains(held.Detail, "whom the credentials belong to that rollcall uses") || held.Leaver != (test.wanted != plan.Update) || unarmed(p) != "" {
				t.Errorf("%+v", held)
			}
			r := h.apply(p)
			if len(p.Changes) != 1 || r.Count(plan.Applied) != 1 || len(r.Open) != map[bool]int{true: 1}[held.Leaver] {
				t.Error(r.Text(plan.Style{}))
			}
			if ana := h.stored("Ana@Example.com"); ana["disabled"] != false || ana["role"] != role {
				t.Errorf("she has %v", ana)
			}
			// Somebody else's key: then it is done.
			h = atPartooAs(t, simulator.PartooOptions{Me: caraID}, test.config, roster, users...)
			if p := h.plan(); len(p.Changes) != 2 {
				t.Error(p.Text(plan.Style{}))
			}
		})
	}
	// What removes nobody is done at him too, and then nobody is asked who he is.
	h := atPartooAs(t, simulator.PartooOptions{Me: anaID}, partooConfig, "version: 1\npeople:\n  - {email: ana@example.com, givenName: Anna, access: {partoo: {role: ORG_ADMIN}}}\n", partooUser(anaID, "ana@example.com", "ORG_ADMIN"))
	if p := h.plan(); len(p.Changes) != 1 || h.count().Reads != 1 {
		t.Errorf("%d reads:\n%s", h.count().Reads, p.Text(plan.Style{}))
	}
}

// Where it could not be read whose key it is, nobody is removed; where the vendor has no
// way to tell, the plan says that the guard is not armed.
func TestOwnUserIsNotKnown(t *testing.T) {
	roster := "version: 1\npeople:\n  - {email: ana@example.com, status: departed}\n  - {email: new@example.com, givenName: N, familyName: C, access: {partoo: {role: PUBLISHER}}}\n"
	h := atPartooAs(t, simulator.PartooOptions{Me: anaID}, tryOnce, roster, partooUser(anaID, "ana@example.com", "PUBLISHER"))
	h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 503}))
	p := h.plan()
	if held := heldOf(t, p, "ana@example.com"); held.Reason != plan.HeldUnknown || !strings.Contains(held.Detail, "503") || p.Exit(false) != plan.ExitIncomplete || len(p.Changes) != 1 {
		t.Error(p.Text(plan.Style{}))
	}
	h.world.SetChaos(simulator.Chaos{})
	h = atPartooAs(t, simulator.PartooOptions{Me: anaID, NoMe: true}, partooConfig, roster, partooUser(anaID, "ana@example.com", "PUBLISHER"))
	p = h.plan()
	if len(p.Held) != 0 || unarmed(p) != "own user" || !strings.Contains(p.Text(plan.Style{}), "\npartoo: it is not told whose credentials rollcall uses, so only guardrails.protect keeps such users\n") {
		t.Error(p.Text(plan.Style{}))
	}
	// Where nobody is removed, nothing has to be armed.
	h.load(partooConfig, "version: 1\npeople:\n  - {email: new@example.com, givenName: N, familyName: C, access: {partoo: {role: PUBLISHER}}}\n")
	if p := h.plan(); unarmed(p) != "" {
		t.Error(p.Text(plan.Style{}))
	}
}

// The last administrator who is known is never removed. Only who is active counts as
// another one.
func TestLastAdministratorIsKept(t *testing.T) {
	leaves := "{email: ana@example.com, status: departed}"
	for name, test := range map[string]struct {
		ana    string
		others []map[string]any
		kept   bool
		reads  int64 // beside the one that finds her
	}{
		"nobody else":                {leaves, nil, true, 3}, // whose key it is, and a list of two halves
		"somebody else":              {leaves, []map[string]any{partooUser(billID, "bill@example.com", "ORG_ADMIN")}, false, 3},
		"one who is suspended":       {leaves, []map[string]any{partooUser(billID, "bill@example.com", "ORG_ADMIN", "disabled", true)}, true, 3},
		"one who has not come":       {leaves, []map[string]any{partooUser(billID, "bill@example.com", "ORG_ADMIN", "status", "invited")}, true, 3},
		"one of another role":        {leaves, []map[string]any{partooUser(billID, "bill@example.com", "ORG_MANAGER")}, true, 3},
		"demoted":                    {"{email: ana@example.com, access: {partoo: {role: ORG_MANAGER}}}", nil, true, 3},
		"demoted, and somebody else": {"{email: ana@example.com, access: {partoo: {role: ORG_MANAGER}}}", []map[string]any{partooUser(billID, "bill@example.com", "ORG_ADMIN")}, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			h := atPartoo(t, "version: 1\npeople:\n  - "+test.ana+"\n", append(test.others, partooUser(anaID, "ana@example.com", "ORG_ADMIN"))...)
			p := h.plan()
			if reads := h.count().Reads; reads != 1+test.reads {
				t.Errorf("%d reads", reads)
			}
			if !test.kept {
				if r := h.apply(p); len(p.Changes) != 1 || r.Exit != plan.ExitOK {
					t.Error(p.Text(plan.Style{}))
				}
				return
			}
			if held := heldOf(t, p, "ana@example.com"); held.Reason != plan.HeldProtected || !strings.Contains(held.Detail, "may be the last administrator there: nobody else is known who is active and has the role ORG_ADMIN") {
				t.Errorf("%+v", held)
			}
		})
	}
}

// Nobody is listed where another administrator is known without, or where no
// administrator is removed.
func TestAdministratorsAreListedOnlyWhereTheyHaveToBe(t *testing.T) {
	ana := partooUser(anaID, "ana@example.com", "ORG_ADMIN")
	for name, test := range map[string]struct {
		options simulator.PartooOptions
		roster  string
		reads   int64
	}{
		"another in the roster": {simulator.PartooOptions{}, "  - {email: ana@example.com, status: departed}\n  - {email: bill@example.com, access: {partoo: {role: ORG_ADMIN}}}\n", 2 + 1},
		"rollcall's own":        {simulator.PartooOptions{Role: "ORG_ADMIN"}, "  - {email: ana@example.com, status: departed}\n", 1 + 1},
		"no administrator goes": {simulator.PartooOptions{}, "  - {email: cara@example.com, status: departed}\n", 1 + 1},
		"nobody goes":           {simulator.PartooOptions{}, "  - {email: ana@example.com, access: {partoo: {role: ORG_ADMIN}}}\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := atPartooAs(t, test.options, partooConfig, "version: 1\npeople:\n"+test.roster, ana, partooUser(billID, "bill@example.com", "ORG_ADMIN"), partooUser(caraID, "cara@example.com", "PUBLISHER"))
			if p := h.plan(); h.count().Reads != test.reads || len(p.Held) != 0 {
				t.Errorf("%d reads, want %d:\n%s", h.count().Reads, test.reads, p.Text(plan.Style{}))
			}
		})
	}
}

// All administrators at once: the last by address stays, whatever the order of the
// roster, and the others go. Whom something else holds stays too.
func TestAllAdministratorsAtOnce(t *testing.T) {
	users := []map[string]any{partooUser(caraID, "cara@example.com", "ORG_ADMIN"), partooUser(anaID, "ana@example.com", "ORG_ADMIN"), partooUser(billID, "bill@example.com", "ORG_ADMIN")}
	digests := make(map[string]bool)
	for _, order := range [][]string{{"ana", "bill", "cara"}, {"cara", "ana", "bill"}} {
		roster := "version: 1\npeople:\n"
		for _, name := range order {
			roster += "  - {email: " + name + "@example.com, status: departed}\n"
		}
		h := atPartoo(t, roster, users...)
		p := h.plan()
		digests[p.Digest] = true
		if heldOf(t, p, "cara@example.com"); len(p.Changes) != 2 {
			t.Error(p.Text(plan.Style{}))
		}
		if r := h.apply(p); r.Exit != plan.ExitIncomplete || r.Count(plan.Applied) != 2 || len(r.Open) != 1 {
			t.Error(r.Text(plan.Style{}))
		}
		h = atPartoo(t, roster, users...)
		h.load(strings.Replace(partooConfig, "maxRemovals: 5", "maxRemovals: 5, protect: [ana@example.com]", 1), roster)
		p = h.plan()
		if heldOf(t, p, "ana@example.com"); len(p.Changes) != 2 {
			t.Error(p.Text(plan.Style{}))
		}
	}
	if len(digests) != 1 {
		t.Errorf("%d digests", len(digests))
	}
}

// A list that can not be read proves no other administrator, and nobody else is held
// for it.
func TestAdministratorsUnread(t *testing.T) {
	h := atPartooAs(t, simulator.PartooOptions{}, tryOnce, "version: 1\npeople:\n  - {email: ana@example.com, status: departed}\n  - {email: bill@example.com, status: departed}\n",
		partooUser(anaID, "ana@example.com", "ORG_ADMIN"), partooUser(billID, "bill@example.com", "PUBLISHER"), partooUser(caraID, "cara@example.com", "ORG_ADMIN"))
	h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Search, Nth: 3, Fault: simulator.FaultStatus, Status: 503}))
	p := h.plan()
	if held := heldOf(t, p, "ana@example.com"); held.Reason != plan.HeldUnknown || !strings.Contains(held.Detail, "it could not be read whether there is another one: GET /user/search: 503") || len(p.Changes) != 1 || p.Exit(false) != plan.ExitIncomplete {
		t.Error(p.Text(plan.Style{}))
	}
}

// MyReports shows no roles in its list: they are read user by user, until one is found
// who is an administrator.
func TestAdministratorsByID(t *testing.T) {
	roster := "version: 1\npeople:\n  - {email: ana@example.com, status: departed}\n"
	for _, other := range []any{"customer.admin", "user.admin"} {
		h := atMyReports(t, "deleteEverywhere: true, onLeave: delete", roster,
			member("ana@example.com", ourAccount, "account.user", "user.admin"), member("bill@example.com", ourAccount, "account.user", other))
		p := h.plan()
		if kept := len(p.Changes) == 0; kept != (other == "customer.admin") || unarmed(p) != "own user" {
			t.Errorf("%s:\n%s", other, p.Text(plan.Style{}))
		}
	}
}

// At Vendasta an administrator has pc:access, and one whom something narrows is not
// relied on.
func TestVendastaAdministrators(t *testing.T) {
	for _, test := range []struct {
		other []any
		email string
		kept  bool
	}{
		{list("pc:access"), "bill@example.com", false},
		{list("pc:access", "pc:canManageAdmins", "tm:access"), "bill@example.com", false},
		{list("pc:access", "pc:canManageSales"), "bill@example.com", true},
		{list("tm:manage"), "bill@example.com", true},
		{list("pc:access"), "robot@partner-service-account.apigateway.co", true},
	} {
		h := newHouse(t, "", "version: 1\npeople:\n  - {email: ana@example.com, status: departed}\n", user("U-ana", "ana@example.com", list("pc:access")), user("U-bill", test.email, test.other))
		if p := h.plan(); (len(p.Changes) == 0) != test.kept {
			t.Errorf("%v:\n%s", test, p.Text(plan.Style{}))
		}
	}
}

// Both guards look again when a saved plan is applied: at who the users are by then.
func TestInsidersAreLookedAtAgain(t *testing.T) {
	roster := "version: 1\npeople:\n  - {email: ana@example.com, status: departed}\n"
	plain := partooUser(anaID, "ana@example.com", "ORG_ADMIN")
	for name, test := range map[string]struct {
		then, now simulator.PartooOptions
		meanwhile func(h *house)
		status    plan.Status
		says      string
	}{
		"nothing changed":   {status: plan.Applied},
		"it is her key now": {now: simulator.PartooOptions{Me: anaID}, status: plan.Refused, says: "whom the credentials belong to that rollcall uses"},
		"the other one is gone": {meanwhile: func(h *house) {
			if !h.world.Remove("partoo", billID) {
				t.Fatal("nobody is removed")
			}
		}, status: plan.Refused, says: "may be the last administrator"},
		"it can not be read": {meanwhile: func(h *house) {
			h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 503}))
		}, status: plan.Failed, says: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			users := []map[string]any{plain, partooUser(billID, "bill@example.com", "ORG_ADMIN")}
			h := atPartooAs(t, test.then, tryOnce, roster, users...)
			p := h.plan()
			if len(p.Changes) != 1 {
				t.Fatal(p.Text(plan.Style{}))
			}
			if test.now.Me != "" {
				later := atPartooAs(t, test.now, tryOnce, roster, users...)
				h.world = later.world
			}
			if test.meanwhile != nil {
				test.meanwhile(h)
			}
			r := h.applySaved(p, nil)
			if r.Changes[0].Status != test.status || !strings.Contains(r.Changes[0].Error, test.says) {
				t.Error(r.Text(plan.Style{}))
			}
			if ana := h.stored("ana@example.com"); (ana["disabled"] == true) != (test.status == plan.Applied) {
				t.Errorf("she has %v", ana)
			}
		})
	}
	// A plan of this run that has him all the same is refused without a look.
	h := atPartooAs(t, simulator.PartooOptions{}, partooConfig, roster, plain, partooUser(billID, "bill@example.com", "ORG_ADMIN"))
	p := h.plan()
	own := p.insiders["partoo"]
	own.Own = p.entries[0].Observation.User
	r := h.apply(p, func(a *plan.Applier) { a.Insiders = map[string]plan.Insiders{"partoo": own} })
	if r.Count(plan.Refused) != 1 || h.count().Writes != 0 {
		t.Error(r.Text(plan.Style{}))
	}
}
