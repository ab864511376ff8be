package plan_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers/simulator"
)

// one is one person's entry at both vendors; own is what his entry has besides.
func one(name, id, own string) string {
	entry := fmt.Sprintf(`  - {email: %s@example.com, givenName: G, familyName: F, access: {vendasta: {platformAccess: ["tm:access"]}, partoo: {role: PUBLISHER}}`, name)
	if id != "" {
		entry += ", id: " + id
	}
	if own != "" {
		entry += ", " + own
	}
	return entry + "}"
}

// held are what a plan holds, one line each.
func held(p *planned) string {
	var all []string
	for _, h := range p.Held {
		all = append(all, fmt.Sprintf("%s/%s %s %s", h.Provider, h.Email, h.Reason, h.Detail))
	}
	return strings.Join(all, "\n")
}

// row is what the ledger has of somebody.
func (h *house) row(provider, email string) (ledger.User, bool) {
	h.t.Helper()
	h.remember()
	user, known := h.state.Users[ledger.Key{Provider: provider, Email: email}]
	return user, known
}

// Somebody gets another address, and a new hire the one that he had: each has a user of
// his own in the end, and nobody is changed into somebody else.
func TestAddressGivenOn(t *testing.T) {
	h := remembering(t, bothConfig, people(one("ana", "E-1", "")))
	partoo, vendasta := h.stored("ana@example.com")["id"], h.atVendasta("ana@example.com")["id"]
	h.load(bothConfig, people(one("ana.lima", "E-1", ""), one("ana", "E-3", "nickname: New")))
	p := h.plan()
	if got := lines(p); got != "partoo/ana.lima@example.com update edited email:ana@example.com->ana.lima@example.com" {
		t.Errorf("%s", got)
	}
	if got := held(p); strings.Count(got, "/ana@example.com ambiguous") != 2 || strings.Contains(got, "lima@example.com ambiguous") {
		t.Errorf("%s", got)
	}
	h.apply(p)
	h.people = []string{"ana@example.com"}
	if p = h.plan(); strings.Contains(lines(p), "vendasta/") || !strings.Contains(held(p), "vendasta/ana@example.com ambiguous the ledger has user") {
		t.Errorf("%s\n%s", lines(p), held(p))
	}
	h.people = nil
	p = h.plan()
	if got := lines(p); !strings.HasPrefix(got, "partoo/ana@example.com create joined") || len(p.Changes) != 1 || len(p.Held) != 1 {
		t.Errorf("%s\n%s", got, held(p))
	}
	h.apply(p)
	if err := h.world.Edit("vendasta", vendasta.(string), func(data map[string]any) { data["attributes"].(map[string]any)["email"] = "ana.lima@example.com" }); err != nil {
		t.Fatal(err)
	}
	h.applied()
	if h.stored("ana.lima@example.com")["id"] != partoo || h.stored("ana@example.com")["id"] == partoo || h.atVendasta("ana.lima@example.com")["id"] != vendasta || h.atVendasta("ana@example.com")["id"] == vendasta {
		t.Error("they have each other's users")
	}
}

// While it could not be read whether the one who had the address is there, the new hire
// does not get his user either.
func TestAddressGivenOnUnread(t *testing.T) {
	h := remembering(t, bothConfig, people(one("ana", "E-1", "")))
	id := h.atVendasta("ana@example.com")["id"].(string)
	h.load(bothConfig, people(one("ana.lima", "E-1", ""), one("ana", "E-3", "nickname: New")))
	h.apply(h.plan()) // from now on the ledger has her under her new address
	h.changed = func(r *http.Request, body []byte) []byte {
		if strings.Contains(r.URL.Path, id) {
			return []byte("{")
		}
		return body
	}
	if p := h.plan(); strings.Contains(lines(p), "vendasta/") || !strings.Contains(held(p), "vendasta/ana.lima@example.com unknown") || !strings.Contains(held(p), "vendasta/ana@example.com ambiguous") {
		t.Errorf("%s\n%s", lines(p), held(p))
	}
	// Her user is not the new hire's, so that it is taken from her when she leaves.
	h.changed = nil
	h.load(bothConfig, people(one("ana.lima", "E-1", "status: departed"), one("ana", "E-3", "nickname: New")))
	if p := h.plan(); !strings.Contains(lines(p), "vendasta/ana.lima@example.com suspend left") || strings.Contains(lines(p), "vendasta/ana@") {
		t.Errorf("%s\n%s", lines(p), held(p))
	}
}

// A user whose account was renamed for a successor is the successor's once the roster says
// so: that the one who had it is gone takes nothing from him, before or later.
func TestHandedOver(t *testing.T) {
	for name, ana := range map[string]string{
		"vanished": "", "departed": one("ana", "", "status: departed"), "expired": one("ana", "", "until: 2026-11-20"),
	} {
		t.Run(name, func(t *testing.T) {
			h := remembering(t, bothConfig, people(one("ana", "", "")))
			id := h.atVendasta("ana@example.com")["id"].(string)
			rename := func(data map[string]any) { data["attributes"].(map[string]any)["email"] = "bob@example.com" }
			if err := h.world.Edit("vendasta", id, rename); err != nil {
				t.Fatal(err)
			}
			h.load(bothConfig, people(ana, one("bob", "", "nickname: B")))
			p := h.plan()
			if got := held(p); strings.Contains(lines(p), "vendasta/") || !strings.Contains(got, "vendasta/ana@example.com ambiguous") || !strings.Contains(got, "vendasta/bob@example.com ambiguous") {
				t.Fatalf("%s\n%s", lines(p), got)
			}
			h.apply(p)
			h.load(bothConfig, people(ana, strings.Replace(one("bob", "", "nickname: B"), "{platformAccess", "{userID: "+id+", platformAccess", 1)))
			for range 3 {
				h.applied()
				if got := fmt.Sprint(h.atVendasta("bob@example.com")["platformAccess"]); got != "[tm:access]" {
					t.Fatalf("the successor has %s", got)
				}
			}
			if user, known := h.row("vendasta", "ana@example.com"); known {
				t.Errorf("the ledger still has her: %+v", user)
			}
			if h.stored("ana@example.com")["disabled"] != true {
				t.Error("her own user has access")
			}
			// And the successor is a leaver like any other.
			h.load(bothConfig, people())
			h.applied()
			if got := fmt.Sprint(h.atVendasta("bob@example.com")["platformAccess"]); got != "[]" {
				t.Errorf("who left has %s", got)
			}
		})
	}
}

// Two entries that become one have two users: which is to stay is for people to say,
// with a ledger as without one.
func TestMerged(t *testing.T) {
	h := remembering(t, bothConfig, people(one("ana", "", ""), one("a.souza", "", "")))
	h.load(bothConfig, people(one("ana", "", "previousEmails: [a.souza@example.com]")))
	p := h.plan()
	if got := held(p); strings.Count(got, "/ana@example.com ambiguous 2 users may be this person") != 2 || len(p.Changes) != 0 {
		t.Fatalf("%s\n%s", lines(p), got)
	}
	h.apply(p)
	// One of them is removed by hand: the other is hers, whichever it is.
	h.world.Remove("vendasta", h.atVendasta("ana@example.com")["id"].(string))
	h.world.Remove("partoo", h.stored("a.souza@example.com")["id"].(string))
	p = h.plan()
	if len(p.Held) != 0 || lines(p) != "" {
		t.Fatalf("%s\n%s", lines(p), held(p))
	}
	h.apply(p)
	for _, provider := range []string{"vendasta", "partoo"} {
		if _, old := h.row(provider, "a.souza@example.com"); old {
			t.Errorf("%s: the ledger has her twice", provider)
		}
	}
}

// A person takes over somebody's address, whose user is another one than his own.
func TestTakenOver(t *testing.T) {
	h := remembering(t, bothConfig, people(one("ana", "E-1", ""), one("sales", "E-2", "")))
	h.load(bothConfig, people(one("sales", "E-1", "")))
	p := h.plan()
	if got := held(p); strings.Count(got, "/sales@example.com ambiguous the ledger has him as user") != 2 || len(p.Changes) != 0 {
		t.Fatalf("%s\n%s", lines(p), got)
	}
	// Ids that were given anew all at once move nobody.
	h.load(bothConfig, people(one("ana", "E-2", ""), one("sales", "E-1", "")))
	h.applied()
	if user, _ := h.row("partoo", "ana@example.com"); user.Person != "E-2" || user.UserID != h.stored("ana@example.com")["id"] {
		t.Errorf("%+v", user)
	}
}

// Whom a run was about to create when it died may be there: he is not forgotten when the
// roster does not have him any more.
func TestCreatedAndGone(t *testing.T) {
	for _, seen := range []bool{false, true} {
		t.Run(fmt.Sprintf("seen meanwhile: %v", seen), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := remembering(t, bothConfig, people())
				l, err := ledger.Open(t.Context(), h.ledger)
				if err != nil {
					t.Fatal(err)
				}
				e := &ledger.Entry{Kind: ledger.ChangeSent, Run: "run-0", Provider: "vendasta", Action: "create", Details: &ledger.Details{Email: "ana@example.com"}}
				if _, err := l.Append(t.Context(), ledger.Update{}, e); err != nil {
					t.Fatal(err)
				}
				_ = l.Close()
				h.add(user("U-ana", "ana@example.com", list("ssc:access", "tm:access")))
				if seen { // by a run that was stopped before it changed anything
					h.load(bothConfig, people(anaEntry)+seller)
					stopped := make(chan struct{})
					close(stopped)
					h.apply(h.plan(), func(a *plan.Applier) { a.Stop = stopped })
				}
				h.load(bothConfig, people())
				p := h.applied()
				if got := lines(p); !strings.Contains(got, "vendasta/ana@example.com suspend left") {
					t.Errorf("%s", got)
				}
				h.remember()
				if len(h.state.Unfinished) != 0 {
					t.Errorf("%+v", h.state.Unfinished)
				}
			})
		})
	}
}

// The days until a deletion are those since somebody left for good, not those for which
// he was away before.
func TestAwayThenGone(t *testing.T) {
	config := strings.Replace(bothConfig, "rate: unlimited}\n  partoo", "rate: unlimited, onLeave: {suspend: now, delete: 30d}}\n  partoo", 1)
	for name, away := range map[string]string{"suspended": "status: suspended", "returns": ""} {
		t.Run(name, func(t *testing.T) {
			h := remembering(t, config, people(one("ana", "", "")))
			entry := one("ana", "", away)
			if away == "" {
				entry = strings.Replace(entry, "{platformAccess", "{from: 2027-06-01, platformAccess", 1) + "\n"
				entry = strings.Replace(entry, "familyName: F", "familyName: F, teams: [old]", 1)
			}
			roster := people(entry) + "teams:\n  old: {access: {vendasta: {platformAccess: [\"tm:access\"], until: 2026-11-20}}}\n"
			h.load(config, roster)
			h.applied()
			h.later = 60
			h.applied()
			h.later = 61
			h.load(config, people())
			p := h.applied()
			if h.atVendasta("ana@example.com") == nil || len(p.Scheduled) != 1 || p.Scheduled[0].On != "2027-02-20" {
				t.Fatalf("%s", p.Text(plan.Style{}))
			}
			h.later = 91
			h.applied()
			if h.atVendasta("ana@example.com") != nil {
				t.Error("she is still there")
			}
		})
	}
}

// A leaver with a new address whose deletion fails is still known when the roster does
// not have him any more.
func TestFailedDeletionIsKnown(t *testing.T) {
	config := strings.Replace(bothConfig, "rate: unlimited}\n  partoo", "rate: unlimited, onLeave: delete}\n  partoo", 1)
	h := remembering(t, config, people(one("ana", "", "")))
	h.load(config, people(one("ana.lima", "", "previousEmails: [ana@example.com], status: departed")))
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Delete, Fault: simulator.FaultStatus, Status: 422}}}, "vendasta")
	if r := h.apply(h.plan()); r.Exit != plan.ExitIncomplete {
		t.Fatalf("%s", r.Text(plan.Style{}))
	}
	h.world.SetChaos(simulator.Chaos{}, "vendasta")
	h.load(config, people())
	h.applied()
	if h.atVendasta("ana@example.com") != nil {
		t.Error("she was forgotten")
	}
}

// Whoever comes back gets back what he had besides, not what a team gave that he has
// left meanwhile.
func TestGivenBack(t *testing.T) {
	teams := "teams:\n  seller: {access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n  desk: {access: {vendasta: {businessLocations: [\"AG-1\"]}}}\n"
	ana := func(team string) string {
		return `  - {email: ana@example.com, givenName: Ana, familyName: Souza, teams: [` + team + `]}`
	}
	h := remembering(t, bothConfig, people(ana("seller"))+teams)
	h.load(bothConfig, people()+teams)
	h.applied()
	h.load(bothConfig, people(ana("desk"))+teams)
	p := h.applied()
	if got := lines(p); !strings.HasPrefix(got, "vendasta/ana@example.com restore joined") || strings.Contains(got, "platformAccess") {
		t.Errorf("%s", got)
	}
}

// What a suspension took is not forgotten by the next one, which takes something else.
func TestSuspendedTwice(t *testing.T) {
	h := remembering(t, bothConfig, people(one("ana", "", "")))
	id := h.atVendasta("ana@example.com")["id"].(string)
	give := func(name string, value ...any) {
		t.Helper()
		if err := h.world.Edit("vendasta", id, func(data map[string]any) { data[name] = value }); err != nil {
			t.Fatal(err)
		}
	}
	give("businessLocations", "AG-9")
	h.load(bothConfig, people())
	h.applied()
	give("platformAccess", "tm:access")
	h.applied()
	h.load(bothConfig, people(one("ana", "", "")))
	h.applied()
	if got := fmt.Sprint(h.live(id)["businessLocations"]); got != "[AG-9]" {
		t.Errorf("has %s", got)
	}
}

// What was done by hand for a leaver does not count for the next time that he leaves, nor
// for a user who is there anew.
func TestMarkEnds(t *testing.T) {
	key := ledger.Key{Provider: "myreports", Email: "ana@example.com"}
	config := "version: 1\nguardrails: {maxRemovals: 100%}\nproviders:\n  myreports: {region: na, account: 00000000-0000-0000-0000-000000000000, auth: {clientId: {env: UNUSED}, clientSecret: {env: UNUSED}, refreshToken: {file: unused.token}}, rate: unlimited}\n"
	roster := func(role, more string) string {
		return "version: 1\npeople:\n  - {email: ana@example.com, displayName: A, access: {myreports: {roles: [" + role + "]}}" + more + "}\n"
	}
	begin := func(t *testing.T) *house {
		h := remembering(t, config, roster("customer.admin", ""))
		h.load(config, roster("customer.admin", ", status: departed"))
		if r := h.apply(h.plan()); len(r.Open) != 1 {
			t.Fatalf("%+v", r.Open)
		}
		l, err := ledger.Open(t.Context(), h.ledger)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), ledger.Update{Done: map[ledger.Key]ledger.Mark{key: {At: today, Note: "n"}}, Closed: []ledger.Key{key}}); err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if r := h.apply(h.plan()); len(r.Open) != 0 {
			t.Fatalf("%+v", r.Open)
		}
		return h
	}
	departs := func(t *testing.T, h *house) {
		t.Helper()
		h.load(config, roster("branding.admin", ", status: departed"))
		if r := h.apply(h.plan()); len(r.Open) != 1 {
			t.Errorf("a leaver who still has access is not open: %s", r.Text(plan.Style{}))
		}
	}
	t.Run("comes back, and his update fails", func(t *testing.T) {
		h := begin(t)
		h.load(config, roster("branding.admin", ""))
		h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Update, Fault: simulator.FaultStatus, Status: 422}}}, "myreports")
		if r := h.apply(h.plan()); r.Exit != plan.ExitIncomplete {
			t.Fatal(r.Text(plan.Style{}))
		}
		h.world.SetChaos(simulator.Chaos{}, "myreports")
		departs(t, h)
	})
	t.Run("is gone, and there anew", func(t *testing.T) {
		h := begin(t)
		u := h.world.Users("myreports")[0]
		h.world.Remove("myreports", u.ID)
		h.applied()
		if _, err := h.world.Add("myreports", u.Data); err != nil {
			t.Fatal(err)
		}
		departs(t, h)
	})
}

// A roster of which a part was lost is not taken for the applied one because the run was
// stopped, or because nobody could be looked up.
func TestSmallerRosterStays(t *testing.T) {
	var entries []string
	for i := range 10 {
		entries = append(entries, fmt.Sprintf(`  - {email: p%d@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}`, i))
	}
	for name, first := range map[string]func(h *house){
		"stopped": func(h *house) {
			stopped := make(chan struct{})
			close(stopped)
			h.apply(h.plan(), func(a *plan.Applier) { a.Stop = stopped })
		},
		"unread": func(h *house) {
			h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Fault: simulator.FaultStatus, Status: 403}}}, "vendasta")
			h.apply(h.plan())
			h.world.SetChaos(simulator.Chaos{}, "vendasta")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := remembering(t, bothConfig, people(entries...))
			h.load(bothConfig, people())
			first(h)
			p := h.plan()
			if p.Exit(false) != plan.ExitRefused || !slices.ContainsFunc(p.Guards, func(g plan.GuardInfo) bool { return g.Guard == "smallerRoster" }) {
				t.Errorf("%s", p.Text(plan.Style{}))
			}
		})
	}
}

// A grant of which it is not known whether it was given is lost with the team all the
// same.
func TestPerhapsGiven(t *testing.T) {
	bubble(t, func(t *testing.T) {
		teams := "teams:\n  desk: {access: {vendasta: {businessLocations: [\"AG-1\"]}}}\n"
		h := remembering(t, bothConfig, people(one("ana", "", ""))+teams)
		h.load(bothConfig, people(one("ana", "", "teams: [desk]"))+teams)
		p := h.plan()
		lost := simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Update, Fault: simulator.FaultLostAnswer}, {Operation: simulator.Get, Fault: simulator.FaultStatus, Status: 500}}}
		h.world.SetChaos(lost, "vendasta")
		if r := h.apply(p); r.Count(plan.Unknown) != 1 {
			t.Fatal(r.Text(plan.Style{}))
		}
		h.world.SetChaos(simulator.Chaos{}, "vendasta")
		if got := fmt.Sprint(h.atVendasta("ana@example.com")["businessLocations"]); got != "[AG-1]" {
			t.Fatalf("has %s", got)
		}
		h.load(bothConfig, people(one("ana", "", ""))+teams)
		if got := lines(h.applied()); got != "vendasta/ana@example.com update left businessLocations:[AG-1]->[]" {
			t.Errorf("%s", got)
		}
	})
}

// A plan that was made and saved where there is no ledger leaves in the ledger what it
// does not know of.
func TestSavedWithoutLedger(t *testing.T) {
	teams := "teams:\n  desk: {access: {vendasta: {businessLocations: [\"AG-1\"]}}}\n"
	h := remembering(t, bothConfig, people(one("ana", "", "teams: [desk]"))+teams)
	before, _ := h.row("vendasta", "ana@example.com")
	path := h.ledger
	h.load(bothConfig, people(one("ana", "", "nickname: Annie"))+teams)
	h.ledger = ""
	p := h.plan()
	h.ledger = path
	h.remember()
	for i, provider := range p.accounts {
		p.accounts[i].Record = plan.Remember(h.state, provider.Config.Name, today)
	}
	p.entries = nil
	if r := h.apply(p); r.Exit != plan.ExitOK {
		t.Fatal(r.Text(plan.Style{}))
	}
	if after, _ := h.row("vendasta", "ana@example.com"); after.How != before.How || !after.Since.Equal(before.Since) {
		t.Errorf("was %+v and is %+v", before, after)
	}
	if got := lines(h.applied()); got != "vendasta/ana@example.com update left businessLocations:[AG-1]->[]" {
		t.Errorf("%s", got)
	}
}

// The account behind a name is known from the first person on.
func TestTargetOfNamed(t *testing.T) {
	h := newHouse(t, bothConfig, people())
	h.ledger = t.TempDir() + "/ledger.db"
	h.people = []string{"always@example.com"}
	h.applied()
	h.remember()
	if h.state.Targets["vendasta"] != plan.SimulatedTarget || h.state.People["vendasta"] != 0 {
		t.Errorf("%v %v", h.state.Targets, h.state.People)
	}
	h.people = nil
	h.applied()
	h.people = []string{"always@example.com"}
	h.applied()
	h.remember()
	if h.state.People["vendasta"] != 1 {
		t.Errorf("%v", h.state.People)
	}
}

// Two people who have got each other's address, at the vendor too, keep their users, and
// the ledger has both.
func TestSwapped(t *testing.T) {
	h := remembering(t, bothConfig, people(one("ana", "E-1", ""), one("bob", "E-2", "")))
	ids := map[string]string{"ana": h.stored("ana@example.com")["id"].(string), "bob": h.stored("bob@example.com")["id"].(string)}
	for name, other := range map[string]string{"ana": "bob", "bob": "ana"} {
		if err := h.world.Edit("partoo", ids[name], func(data map[string]any) { data["email"] = other + "@example.com" }); err != nil {
			t.Fatal(err)
		}
	}
	pinned := func(name, id, user string) string {
		return strings.Replace(one(name, id, ""), "{role", "{userID: "+user+", role", 1)
	}
	h.load(bothConfig, people(pinned("bob", "E-1", ids["ana"]), pinned("ana", "E-2", ids["bob"])))
	h.applied()
	for address, id := range map[string]string{"bob@example.com": ids["ana"], "ana@example.com": ids["bob"]} {
		if row, known := h.row("partoo", address); !known || row.UserID != id {
			t.Errorf("%s: the ledger has %+v", address, row)
		}
	}
}
