package plan_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/plan"
	"rollcall/providers/simulator"
	"rollcall/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testdata is this package's folder of golden files, whatever folder a test
// works in.
var testdata, _ = filepath.Abs("testdata")

// golden compares a text with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

const everything = `version: 1
teams:
  seller:
    access: {vendasta: {platformAccess: ["tm:access"]}}
people:
  - email: bill@example.com
    givenName: William
    familyName: "Smith\u001b[31m"
    phones: [{number: "+1 306 555 1234", type: mobile}]
    address: {line1: 1 Main St, city: Saskatoon}
    teams: [seller]
    access: {vendasta: {welcomeEmail: true}}
  - email: cara@example.com
    familyName: Diaz-Lopez
    address: {city: Regina}
    access: {vendasta: {platformAccess: ["pc:access"]}}
  - {email: dora@example.com, givenName: Dora, teams: [seller]}
  - {email: ana@example.com, previousEmails: [ana.souza@example.com], status: departed}
  - {email: sue@example.com, status: suspended, teams: [seller]}
  - {email: rita@example.com, teams: [seller]}
  - {email: owner@example.com, givenName: Olive, teams: [seller]}
  - {email: tom@example.com, timeZone: null, teams: [seller]}
  - {email: moved@example.com, previousEmails: [old@example.com], givenName: Moe, teams: [seller]}
  - {email: client@example.com, givenName: Cliff, teams: [seller]}
  - {email: twice@example.com, previousEmails: [twice.old@example.com], teams: [seller]}
  - {email: later@example.com, from: 2027-01-01, teams: [seller]}
  - {email: ended@example.com, until: 2026-11-20, teams: [seller]}
  - {email: gone@example.com, status: departed}
  - email: pinned@example.com
    access: {vendasta: {userID: U-none, platformAccess: ["tm:access"]}}
`

func everybody() []map[string]any {
	return []map[string]any{
		user("U-cara", "Cara@example.com", list("tm:access"), "familyName", "Diaz", "address", map[string]any{"line1": "2 Side St", "city": "Moose Jaw"}),
		user("U-dora", "dora@example.com", list("tm:access"), "givenName", "Dora"),
		user("U-ana", "ana.souza@example.com", list("pc:access"), "businessLocations", list("AG-2", "AG-1")),
		user("U-sue", "sue@example.com", list("tm:access")),
		user("U-rita", "rita@example.com", list()),
		user("U-owner", "owner@example.com", list("tm:access")),
		user("U-tom", "tom@example.com", list("tm:access"), "timeZone", "America/Toronto"),
		user("U-moe", "old@example.com", list("tm:access")),
		user("U-client", "client@example.com", list(), "businessLocations", list("AG-9")),
		user("U-twice1", "twice@example.com", list("tm:access")),
		user("U-twice2", "twice.old@example.com", list("tm:access")),
		user("U-later", "later@example.com", list("pc:access")),
		user("U-ended", "ended@example.com", list("tm:access")),
	}
}

const everyGuard = baseConfig + "guardrails: {protect: [\"owner@*\"]}\n"

// TestEverything: one roster with every case, its text and its JSON.
func TestEverything(t *testing.T) {
	h := newHouse(t, everyGuard, everything, everybody()...)
	p := h.plan()
	golden(t, "everything.txt", p.Text(plan.Style{}))
	golden(t, "everything.json", string(p.JSON()))
	checkSchema(t, schemas.CompilePlan, p.JSON())
	if again := h.plan(); string(again.JSON()) != string(p.JSON()) {
		t.Error("the same files and answers give other bytes")
	}
	if h.count().Writes != 0 {
		t.Errorf("planning made %d writes", h.count().Writes)
	}

	r := h.apply(p)
	for i := range r.Changes {
		if r.Changes[i].RequestID == "" {
			t.Errorf("%s has no request id", r.Changes[i].ID)
		}
		r.Changes[i].RequestID = "" // given in the order in which requests arrive
	}
	golden(t, "everything.result.json", string(r.JSON()))
	golden(t, "everything.result.txt", r.Text(plan.Style{}))
	checkSchema(t, schemas.CompileResult, r.JSON())
	h.settled()
}

func checkSchema(t *testing.T, compile func() (*schemas.Schema, error), text []byte) {
	t.Helper()
	schema, err := compile()
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for _, v := range schema.Validate(document) {
		t.Errorf("schema: %v", v)
	}
}

// TestOrderOfTheRoster: a hundred shuffles of a roster give one digest and, but
// for the places, one plan.
func TestOrderOfTheRoster(t *testing.T) {
	once(t)
	head, people, _ := strings.Cut(everything, "people:\n")
	entries := strings.Split(strings.TrimSuffix(people, "\n"), "\n  - ")
	entries[0] = strings.TrimPrefix(entries[0], "  - ")
	want := ""
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		random.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		h := newHouse(t, everyGuard, head+"people:\n  - "+strings.Join(entries, "\n  - ")+"\n", everybody()...)
		got := h.plan().Digest
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("another order gives another digest")
		}
	}
}

// TestDigest: everything that an apply acts on changes the digest; places and
// the guards' marks do not.
func TestDigest(t *testing.T) {
	base := newHouse(t, everyGuard, everything, everybody()...).plan().Digest
	digest := func(config, roster string, edit func(h *house)) string {
		h := newHouse(t, config, roster, everybody()...)
		if edit != nil {
			edit(h)
		}
		return h.plan().Digest
	}
	same := map[string]string{
		"a comment and an empty line": digest(everyGuard, strings.Replace(everything, "people:", "\n# comment\npeople:", 1), nil),
		"a label":                     digest(everyGuard, strings.Replace(everything, "givenName: William", "givenName: William\n    labels: {a: b}", 1), nil),
		"concurrency":                 digest(strings.Replace(everyGuard, "rate: unlimited", "rate: 1000/s, concurrency: 2, timeout: 5s, retries: 1", 1), everything, nil),
	}
	for name, got := range same {
		if got != base {
			t.Errorf("%s changes the digest", name)
		}
	}
	other := map[string]string{
		"a value": digest(everyGuard, strings.Replace(everything, "givenName: William", "givenName: Will", 1), nil),
		"maxRemovals": digest(everyGuard, everything, func(h *house) {
			h.load(strings.Replace(everyGuard, "protect", "maxRemovals: 7, protect", 1), everything)
		}),
		"protect":              digest(strings.Replace(everyGuard, "owner@*", "boss@*", 1), everything, nil),
		"mode":                 digest(strings.Replace(everyGuard, "rate: unlimited", "rate: unlimited, mode: add", 1), everything, nil),
		"onLeave":              digest(strings.Replace(everyGuard, "rate: unlimited", "rate: unlimited, onLeave: delete", 1), everything, nil),
		"a live user":          digest(everyGuard, everything, func(h *house) { h.world.Remove("vendasta", "U-dora") }),
		"scope":                digest(everyGuard, everything, func(h *house) { h.people = []string{"bill@example.com"} }),
		"somebody else's name": digest(everyGuard, strings.Replace(everything, "{email: gone@", "{email: gone2@", 1), nil),
	}
	for name, got := range other {
		if got == base {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

// TestRemovalLimit is the guard's arithmetic: n leavers among so many people
// found.
func TestRemovalLimit(t *testing.T) {
	tests := []struct {
		found, leavers int
		written        string
		named          bool
		blocked        bool
	}{
		{found: 1, leavers: 1},
		{found: 2, leavers: 1},
		{found: 2, leavers: 2, blocked: true},
		{found: 3, leavers: 2},
		{found: 3, leavers: 3, blocked: true},
		{found: 30, leavers: 3},
		{found: 30, leavers: 4, blocked: true},
		{found: 31, leavers: 4},
		{found: 40, leavers: 5, blocked: true},
		{found: 2, leavers: 1, written: "0", blocked: true},
		{found: 4, leavers: 4, written: "4"},
		{found: 10, leavers: 1, written: "10%"},
		{found: 10, leavers: 2, written: "10%", blocked: true},
		{found: 11, leavers: 2, written: "10%"},
		{found: 4, leavers: 4, written: "100%"},
		{found: 1, leavers: 1, written: "0%", blocked: true},
		{found: 2, leavers: 2, named: true},
		{found: 4, leavers: 4, named: true, blocked: true},
		{found: 1, leavers: 1, named: true, written: "0"},
		{found: 5, leavers: 5, named: true, written: "5"},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("%d of %d, written %q, named %v", tt.leavers, tt.found, tt.written, tt.named)
		t.Run(name, func(t *testing.T) {
			config := baseConfig
			if tt.written != "" {
				config += "guardrails: {maxRemovals: " + tt.written + "}\n"
			}
			var roster strings.Builder
			roster.WriteString("version: 1\npeople:\n")
			var users []map[string]any
			var people []string
			for i := range tt.found {
				email := fmt.Sprintf("p%d@example.com", i)
				if i < tt.leavers {
					fmt.Fprintf(&roster, "  - {email: %s, status: departed}\n", email)
				} else {
					fmt.Fprintf(&roster, "  - {email: %s, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", email)
				}
				users = append(users, user(fmt.Sprintf("U-%d", i), email, list("tm:access")))
				people = append(people, email)
			}
			h := newHouse(t, config, roster.String(), users...)
			if tt.named {
				h.people = people
			}
			p := h.plan()
			for _, c := range p.Changes {
				if (c.Blocked == plan.BlockedLimit) != tt.blocked {
					t.Fatalf("%s is blocked %q, want blocked %v: %+v", c.ID, c.Blocked, tt.blocked, p.Guards)
				}
			}
		})
	}
}

// TestUnknownIsNotAbsent: whatever goes wrong with a search, nobody is created
// and nobody is removed.
func TestUnknownIsNotAbsent(t *testing.T) {
	roster := `version: 1
people:
  - {email: new@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: left@example.com, status: departed}
`
	search := func(fault simulator.Fault, status int) simulator.Chaos {
		return simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: fault, Status: status}}}
	}
	for name, chaos := range map[string]simulator.Chaos{
		"400": search(simulator.FaultStatus, 400), "401": search(simulator.FaultStatus, 401), "403": search(simulator.FaultStatus, 403),
		"404": search(simulator.FaultStatus, 404), "410": search(simulator.FaultStatus, 410), "500": search(simulator.FaultStatus, 500),
		"503": search(simulator.FaultStatus, 503), "HTML with 200": search(simulator.FaultHTML, 200), "HTML with 404": search(simulator.FaultHTML, 404),
		"empty 200": search(simulator.FaultEmpty, 200), "204": search(simulator.FaultNoContent, 0), "cut": search(simulator.FaultCutBody, 0),
		"text": search(simulator.FaultWrongType, 0), "closed": search(simulator.FaultClosed, 0), "refused": search(simulator.FaultRefused, 0),
		"redirect":         {Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultRedirect, Location: "https://elsewhere.example/users"}}},
		"filter ignored":   {IgnoreFilter: true},
		"same page always": {RepeatedCursor: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHouse(t, "", roster, user("U-left", "left@example.com", list("tm:access")), user("U-other", "other@example.com", list("tm:access")))
				h.world.SetChaos(chaos)
				p := h.plan()
				for _, c := range p.Changes {
					// A search that found the leaver proves that he is there.
					if c.Action == plan.Create || name != "filter ignored" {
						t.Errorf("%s is planned: %s", c.ID, c.Action)
					}
				}
				if code := p.Exit(true); code != plan.ExitIncomplete {
					t.Errorf("exit %d, want 3", code)
				}
				unknown := func(email string) bool {
					return slices.ContainsFunc(p.Held, func(h plan.Held) bool { return h.Email == email && h.Reason == plan.HeldUnknown })
				}
				if !unknown("new@example.com") {
					t.Errorf("new@example.com is not held as unknown: %+v", p.Held)
				}
				if len(h.count().Faults) == 0 {
					t.Error("no fault fired")
				}
				r := h.apply(p)
				if h.count().Created != 0 || r.Exit != plan.ExitIncomplete && r.Exit != plan.ExitRefused {
					t.Errorf("%d created, exit %d", h.count().Created, r.Exit)
				}
			})
		})
	}
}

// TestHiddenAddresses: a user whose address is not shown may be anybody.
func TestHiddenAddresses(t *testing.T) {
	h := newHouse(t, "", oneLeaver, user("U-ana", "ana@example.com", list("tm:access")))
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"email"}})
	p := h.plan()
	if len(p.Changes) != 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldUnknown || !strings.Contains(p.Held[0].Remedy, "user.contact:read") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// TestIncompleteReads: more than 5 % unknown lookups block all removals of the
// provider, fewer only that person's, and --allow does not lift it.
func TestIncompleteReads(t *testing.T) {
	for _, tt := range []struct {
		people, failing int
		blocked         bool
	}{{40, 1, false}, {40, 2, false}, {40, 3, true}, {20, 1, false}, {19, 1, true}} {
		t.Run(fmt.Sprintf("%d of %d", tt.failing, tt.people), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var roster strings.Builder
				roster.WriteString("version: 1\npeople:\n  - {email: a@example.com, status: departed}\n")
				for i := 1; i < tt.people; i++ {
					fmt.Fprintf(&roster, "  - {email: p%d@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", i)
				}
				config := strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, concurrency: 1, retries: 0", 1)
				h := newHouse(t, config, roster.String(), user("U-a", "a@example.com", list("tm:access")))
				h.world.SetChaos(simulator.Chaos{Fail: func() (rules []simulator.Rule) {
					for i := range tt.failing {
						rules = append(rules, simulator.Rule{Operation: simulator.Search, Nth: i + 2, Fault: simulator.FaultStatus, Status: 500})
					}
					return rules
				}()})
				p := h.plan()
				h.world.SetChaos(simulator.Chaos{})
				blocked := p.Changes[0].Blocked == plan.BlockedIncomplete
				if blocked != tt.blocked || p.Exit(false) != plan.ExitIncomplete {
					t.Fatalf("blocked %v, exit %d; want %v, 3", blocked, p.Exit(false), tt.blocked)
				}
				r := h.apply(p, func(a *plan.Applier) { a.Allow = p.Digest })
				if (r.Changes[0].Status == plan.Refused) != tt.blocked || r.Exit != plan.ExitIncomplete {
					t.Errorf("%s, exit %d", r.Changes[0].Status, r.Exit)
				}
			})
		})
	}
}

// TestHiddenLists: an unshown list is never sent, and the plan is stable.
func TestHiddenLists(t *testing.T) {
	roster := `version: 1
people:
  - {email: cara@example.com, givenName: Cara, access: {vendasta: {platformAccess: ["pc:access"]}}}
  - {email: ana@example.com, status: departed}
`
	h := newHouse(t, "", roster,
		user("U-cara", "cara@example.com", list("tm:access")),
		user("U-ana", "ana@example.com", list("tm:access"), "businessLocations", list("AG-1")))
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"platformAccess"}})
	p := h.plan()
	r := h.apply(p)
	if r.Count(plan.Applied) != 2 || r.Exit != plan.ExitIncomplete {
		t.Fatalf("%s", r.Text(plan.Style{}))
	}
	for _, id := range []string{"U-cara", "U-ana"} {
		if got := fmt.Sprint(h.live(id)["platformAccess"]); got != "[tm:access]" {
			t.Errorf("%s has platformAccess %s: the unshown list was sent", id, got)
		}
	}
	if len(r.Open) != 1 || r.Open[0].Email != "ana@example.com" {
		t.Errorf("open leavers: %+v", r.Open)
	}
	next := h.plan()
	golden(t, "hidden.txt", next.Text(plan.Style{}))
	if len(next.Changes) != 0 || len(next.Held) != 2 {
		t.Errorf("the next plan has %d changes and %d held, want 0 and 2", len(next.Changes), len(next.Held))
	}
	if again := h.plan(); again.Digest != next.Digest {
		t.Error("the plan is not stable")
	}
}

// TestHiddenInSearch: what the search leaves out is read by id, for people whose
// roster states it and for leavers only.
func TestHiddenInSearch(t *testing.T) {
	roster := `version: 1
people:
  - {email: cara@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: dora@example.com, access: {vendasta: {businessLocations: ["AG-1"]}}}
  - {email: ana@example.com, status: departed}
  - {email: gone@example.com, status: departed}
`
	h := newHouse(t, "", roster,
		user("U-cara", "cara@example.com", list("tm:access")), user("U-dora", "dora@example.com", list(), "businessLocations", list("AG-1")),
		user("U-ana", "ana@example.com", list()))
	h.world.SetChaos(simulator.Chaos{HiddenInSearch: []string{"platformAccess"}})
	if p := h.plan(); len(p.Changes)+len(p.Held) != 0 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	if reads := h.count().Reads; reads != 4+2 {
		t.Errorf("%d reads, want 4 searches and 2 by id", reads)
	}
}

// TestModes: report holds everything, add holds what takes something away.
func TestModes(t *testing.T) {
	roster := `version: 1
people:
  - {email: new@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: more@example.com, access: {vendasta: {platformAccess: ["tm:access", "tm:manage"]}}}
  - {email: other@example.com, access: {vendasta: {platformAccess: ["tm:manage"]}}}
  - {email: back@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: left@example.com, status: departed}
`
	users := []map[string]any{
		user("U-more", "more@example.com", list("tm:access")), user("U-other", "other@example.com", list("tm:access")),
		user("U-back", "back@example.com", list()), user("U-left", "left@example.com", list("tm:access")),
	}
	for mode, want := range map[string][]string{
		"full":   {"back@example.com restore", "left@example.com suspend", "more@example.com update", "new@example.com create", "other@example.com update"},
		"add":    {"more@example.com update", "new@example.com create"},
		"report": nil,
	} {
		h := newHouse(t, strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, mode: "+mode, 1), roster, users...)
		p := h.plan()
		var got []string
		for _, c := range p.Changes {
			got = append(got, c.Email+" "+string(c.Action))
		}
		if !slices.Equal(got, want) || len(p.Held)+len(p.Changes) != 5 {
			t.Errorf("mode %s plans %v and holds %d", mode, got, len(p.Held))
		}
		r := h.apply(p)
		if wantExit := map[string]int{"full": 0, "add": 3, "report": 3}[mode]; r.Exit != wantExit {
			t.Errorf("mode %s exits with %d, want %d: a leaver who is held still has access", mode, r.Exit, wantExit)
		}
	}
}

// TestHiddenInSearchDecides: what the search leaves out is read where it decides
// who or what a user is: a client's user is held and a suspended one restored,
// however they leave, and whatever the roster states.
func TestHiddenInSearchDecides(t *testing.T) {
	active := `version: 1
people:
  - {email: client@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: back@example.com, access: {vendasta: {platformAccess: ["tm:access"]}}}
`
	left := `version: 1
people:
  - {email: client@example.com, status: departed}
  - {email: back@example.com, status: departed}
`
	users := []map[string]any{
		user("U-client", "client@example.com", list(), "businessLocations", list("AG-1")), user("U-back", "back@example.com", list()),
	}
	for _, hidden := range []string{"platformAccess", "businessLocations"} {
		for name, tt := range map[string]struct{ config, roster, change string }{
			"active":        {baseConfig, active, "back@example.com restore"},
			"left":          {baseConfig, left, ""},
			"left, deleted": {strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, onLeave: delete", 1), left, ""},
		} {
			h := newHouse(t, tt.config, tt.roster, users...)
			h.world.SetChaos(simulator.Chaos{HiddenInSearch: []string{hidden}})
			p := h.plan()
			got := ""
			for _, c := range p.Changes {
				got += c.Email + " " + string(c.Action)
			}
			if got != tt.change || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldAmbiguous || p.Held[0].Email != "client@example.com" {
				t.Errorf("%s, %s hidden: %q is planned, and %+v held", name, hidden, got, p.Held)
			}
		}
	}
}

// TestDoubtComesFirst: of somebody who may be a client's user nothing is asked of
// anybody, not even by hand.
func TestDoubtComesFirst(t *testing.T) {
	roster := `version: 1
people:
  - {email: client@example.com, timeZone: null, access: {vendasta: {email: new@example.com, platformAccess: ["tm:access"]}}}
`
	h := newHouse(t, "", roster, user("U-client", "client@example.com", list(), "businessLocations", list("AG-1"), "timeZone", "America/Regina"))
	if p := h.plan(); len(p.Manual) != 0 || len(p.Changes) != 0 || len(p.Held) != 1 || !strings.Contains(p.Held[0].Remedy, "userID: U-client") {
		t.Error(p.Text(plan.Style{}))
	}
}

// TestAddModeJudgesByMeaning: listing a feature of Partner Center beside pc:access
// takes all the others away, which mode add holds.
func TestAddModeJudgesByMeaning(t *testing.T) {
	config := strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, mode: add", 1)
	roster := `version: 1
people:
  - {email: narrowed@example.com, access: {vendasta: {platformAccess: ["pc:access", "pc:canManageSales"]}}}
  - {email: widened@example.com, access: {vendasta: {platformAccess: ["pc:access"]}}}
`
	p := newHouse(t, config, roster, user("U-1", "narrowed@example.com", list("pc:access")), user("U-2", "widened@example.com", list("pc:access", "pc:canManageSales"))).plan()
	if len(p.Changes) != 1 || p.Changes[0].Email != "widened@example.com" || len(p.Held) != 1 {
		t.Error(p.Text(plan.Style{}))
	}
}

// TestAllowedText: what people read before they say yes is what will be done.
func TestAllowedText(t *testing.T) {
	roster := `version: 1
people:
  - {email: a@example.com, status: departed}
  - {email: b@example.com, status: departed}
`
	p := newHouse(t, baseConfig+"guardrails: {maxRemovals: 1}\n", roster, user("U-a", "a@example.com", list("tm:access")), user("U-b", "b@example.com", list("tm:access"))).plan()
	refused, allowed := p.Text(plan.Style{}), p.Text(plan.Style{Allow: p.Digest})
	if !strings.Contains(refused, "refused") || !strings.Contains(refused, "apply --allow "+p.Digest) || !strings.Contains(refused, "2 leavers still with access") {
		t.Error(refused)
	}
	// With nothing else to apply the digest stays the same, and is worth naming.
	if applying := p.Text(plan.Style{Applying: true}); !strings.Contains(applying, "apply --allow "+p.Digest) {
		t.Error(applying)
	}
	more := newHouse(t, baseConfig+"guardrails: {maxRemovals: 1}\n", roster+"  - {email: new@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", user("U-a", "a@example.com", list("tm:access")), user("U-b", "b@example.com", list("tm:access"))).plan()
	if applying := more.Text(plan.Style{Applying: true}); strings.Contains(applying, "--allow "+more.Digest) || !strings.Contains(applying, "afterwards, run rollcall plan") {
		t.Error(applying)
	}
	if strings.Contains(allowed, "refused") || strings.Contains(allowed, "still with access") || !strings.Contains(allowed, "2 requests") {
		t.Error(allowed)
	}
}

// TestKeep: a leaver whom onLeave keeps is not looked up, and is said.
func TestKeep(t *testing.T) {
	h := newHouse(t, strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, onLeave: keep", 1), oneLeaver, user("U-ana", "ana@example.com", list("tm:access")))
	p := h.plan()
	if len(p.Changes) != 0 || h.count().Reads != 0 || !strings.Contains(p.Text(plan.Style{}), "1 leaver with access, as onLeave: keep says") {
		t.Error(p.Text(plan.Style{}))
	}
}

// TestPrivilege: risk is judged by what features mean, not by counting them.
func TestPrivilege(t *testing.T) {
	for _, tt := range []struct {
		before, after []any
		privilege     bool
	}{
		{list("tm:access"), list("tm:access", "tm:manage"), true},
		{list("tm:access", "tm:manage"), list("tm:access"), false},
		{list("pc:access"), list("pc:access", "pc:canManageSales"), false},
		{list("pc:access", "pc:canManageSales"), list("pc:access"), true},
		{list("pc:access", "pc:canManageSales", "pc:canAccessOrders"), list("pc:access", "pc:canManageSales"), false},
		{list("pc:access", "pc:canManageSales"), list("pc:access", "pc:canAccessOrders"), true},
		{list("crm:contacts:write:all"), list("crm:contacts:write:own"), false},
		{list("crm:contacts:write:own"), list("crm:contacts:write:ownunowned"), true},
		{list("pc:access", "pc:canManageSales", "pc:narrowing"), list("pc:access", "pc:canManageSales"), true},
	} {
		ids, _ := json.Marshal(tt.after)
		roster := fmt.Sprintf("version: 1\npeople:\n  - {email: a@example.com, access: {vendasta: {platformAccess: %s}}}\n", ids)
		p := newHouse(t, "", roster, user("U-a", "a@example.com", tt.before)).plan()
		if got := slices.Contains(p.Changes[0].Risks, plan.RiskPrivilege); got != tt.privilege {
			t.Errorf("%v to %v: privilege %v, want %v", tt.before, tt.after, got, tt.privilege)
		}
	}
}

// TestWalks: from any state to any wanted state and on to the next: after each
// apply the plan is empty and nobody is there twice.
func TestWalks(t *testing.T) {
	once(t) // TestEveryDesire walks there too
	features := []string{"pc:access", "pc:canManageSales", "tm:access", "tm:manage", "crm:contacts:write:own", "crm:contacts:manage"}
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(t, baseConfig+"guardrails: {maxRemovals: 100%}\n", "version: 1\n", user("U-owner", "owner@example.com", list("pc:access"))) // who stays an administrator
		for step := range rapid.IntRange(2, 4).Draw(rt, "steps") {
			var roster strings.Builder
			roster.WriteString("version: 1\npeople:\n")
			for i := range 6 {
				status := rapid.SampledFrom([]string{"active", "active", "active", "suspended", "departed"}).Draw(rt, "status")
				access := rapid.SliceOfNDistinct(rapid.SampledFrom(features), 1, 4, rapid.ID).Draw(rt, "access")
				ids, _ := json.Marshal(access)
				fmt.Fprintf(&roster, "  - {email: p%d@example.com, status: %s, givenName: %s, phones: [{number: \"+1 306 555 %04d\", type: work}], address: {city: %s}, access: {vendasta: {platformAccess: %s, businessLocations: [\"AG-%d\"]}}}\n",
					i, status, rapid.SampledFrom([]string{"Ada", "Bo", "Cy", "Dé"}).Draw(rt, "name"), rapid.IntRange(0, 3).Draw(rt, "phone"), rapid.SampledFrom([]string{"Regina", "Lomé"}).Draw(rt, "city"), ids, rapid.IntRange(0, 2).Draw(rt, "location"))
			}
			h.load(baseConfig+"guardrails: {maxRemovals: 100%}\n", roster.String())
			r := h.apply(h.plan())
			if r.Exit != 0 {
				rt.Fatalf("step %d: %s", step, r.Text(plan.Style{}))
			}
			if p := h.plan(); len(p.Changes)+len(p.Held)+len(p.Manual) > 0 {
				rt.Fatalf("step %d: the plan after the apply is not empty:\n%s", step, p.Text(plan.Style{}))
			}
		}
		seen := make(map[string]bool)
		for _, u := range h.world.Users("vendasta") {
			if seen[u.Email] {
				rt.Fatalf("%s is there twice", u.Email)
			}
			seen[u.Email] = true
		}
	})
}

// TestManyUnread: a provider that can not be read does not flood the text, and
// every leaver is still named.
func TestManyUnread(t *testing.T) {
	var roster strings.Builder
	roster.WriteString("version: 1\npeople:\n  - {email: z-left@example.com, status: departed}\n")
	for i := range 50 {
		fmt.Fprintf(&roster, "  - {email: p%02d@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", i)
	}
	h := newHouse(t, strings.Replace(baseConfig, "rate: unlimited", "rate: unlimited, concurrency: 1", 1), roster.String())
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 401}}})
	p := h.plan()
	golden(t, "unread.txt", p.Text(plan.Style{}))
	if len(p.Held) != 51 {
		t.Errorf("%d held, want 51", len(p.Held))
	}
	if reads := h.count().Reads; reads != 1 {
		t.Errorf("%d requests were sent with credentials that are refused", reads)
	}
}
