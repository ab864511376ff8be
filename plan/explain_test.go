package plan_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// input is what a plan is built from for which only these people were looked up, or
// everybody.
func (h *house) input(people ...string) plan.Input {
	h.t.Helper()
	accounts, connections := h.accounts(true)
	readers := make(map[string]providers.Reader)
	for name, connection := range connections {
		readers[name] = connection.Reader
	}
	all := sources.Resolve(h.roster, h.config, registry.Rules, today)
	access := slices.DeleteFunc(slices.Clone(all), func(a *sources.Access) bool {
		return len(people) > 0 && !slices.Contains(people, a.Person.Key)
	})
	entries, err := plan.Observe(context.Background(), accounts, readers, access, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	in := plan.Input{
		Created: today, AsOf: today.Format(time.DateOnly), Roster: plan.RosterInfo{Digest: sources.Digest(all), Files: []string{"roster.yaml"}},
		Scope: plan.Scope{Providers: []string{}, People: []string{}}, Guardrails: h.config.Guardrails, Providers: accounts, Entries: entries,
	}
	if in.Insiders, err = plan.FindInsiders(context.Background(), in, connections); err != nil {
		h.t.Fatal(err)
	}
	return in
}

// explain explains somebody, all of these people having been looked up.
func (h *house) explain(email string, lookedUp ...string) *plan.Explanation {
	h.t.Helper()
	person, known := h.roster.Person(email)
	if !known {
		h.t.Fatalf("nobody is %s", email)
	}
	return plan.Explain(h.input(lookedUp...), person, h.config.Zone, today)
}

// explained is the one part of an explanation.
func (h *house) explained(email string, lookedUp ...string) plan.ExplainedPart {
	h.t.Helper()
	x := h.explain(email, lookedUp...)
	if len(x.Parts) != 1 {
		h.t.Fatalf("%s has %d parts", email, len(x.Parts))
	}
	return x.Parts[0]
}

// TestExplainEverything: the text of every case there is.
func TestExplainEverything(t *testing.T) {
	h := newHouse(t, everyGuard, everything, everybody()...)
	var all strings.Builder
	for _, person := range h.roster.People {
		all.WriteString(h.explain(person.Email).Text(plan.Style{}) + "\n")
	}
	golden(t, "explain.txt", all.String())
	if strings.Contains(all.String(), "\x1b") {
		t.Error("the text can move the cursor")
	}
	if h.count().Writes != 0 {
		t.Errorf("explaining made %d writes", h.count().Writes)
	}
}

// TestExplainInColour: colours mark what is refused, and change no word.
func TestExplainInColour(t *testing.T) {
	h := newHouse(t, strings.Replace(everyGuard, "protect:", "maxRemovals: 1, protect:", 1), everything, everybody()...)
	colours := regexp.MustCompile("\x1b\\[[0-9]+m")
	for _, person := range h.roster.People {
		x := h.explain(person.Email)
		plain, painted := x.Text(plan.Style{}), x.Text(plan.Style{Color: true})
		if colours.ReplaceAllString(painted, "") != plain {
			t.Errorf("%s: with colours it says something else", person.Email)
		}
		if part := x.Parts[0]; part.Change != nil && part.Change.Blocked != "" && !strings.Contains(painted, "\x1b[31mvendasta: suspend") {
			t.Errorf("%s: what is refused is not red: %q", person.Email, painted)
		}
	}
}

// TestExplainHasThePlansEntries: whoever is explained has the very entries of the
// plan, also when nobody else was looked up, as long as access is not taken away.
func TestExplainHasThePlansEntries(t *testing.T) {
	for name, chaos := range map[string]simulator.Chaos{
		"as it is":         {},
		"lists hidden":     {Hidden: []string{"businessLocations"}},
		"lists not found":  {HiddenInSearch: []string{"platformAccess", "businessLocations"}},
		"searches refused": fail(simulator.Rule{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 403}),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, everyGuard, everything, everybody()...)
			h.world.SetChaos(chaos)
			p := h.plan()
			changes, held, manual := 0, 0, 0
			for _, person := range h.roster.People {
				whole := h.explained(person.Email)
				alone := h.explained(person.Email, person.Key)
				for _, part := range []plan.ExplainedPart{whole, alone} {
					if part.Change != nil {
						want := p.Changes[changeOf(t, p, person.Email)]
						if part.Lookups == 1 {
							want.Blocked = "" // only the whole plan says that
						}
						if diff := cmp.Diff(want, *part.Change); diff != "" {
							t.Errorf("%s: %s", person.Email, diff)
						}
					}
					heldOf := slices.DeleteFunc(slices.Clone(p.Held), func(x plan.Held) bool { return x.Email != person.Email })
					for _, held := range [][]plan.Held{heldOf, part.Held} {
						for i := range held {
							held[i].Detail = requestID.ReplaceAllString(held[i].Detail, "")
						}
					}
					manualOf := slices.DeleteFunc(slices.Clone(p.Manual), func(x plan.Manual) bool { return x.Email != person.Email })
					if !slices.EqualFunc(heldOf, part.Held, func(x, y plan.Held) bool { return cmp.Equal(x, y) }) || !slices.Equal(manualOf, part.Manual) {
						t.Errorf("%s: %v and %v, and the plan has %v and %v", person.Email, part.Held, part.Manual, heldOf, manualOf)
					}
				}
				if whole.Change != nil {
					changes++
				}
				held, manual = held+len(whole.Held), manual+len(whole.Manual)
			}
			if changes != len(p.Changes) || held != len(p.Held) || manual != len(p.Manual) {
				t.Errorf("%d changes, %d held and %d manual are explained, and the plan has %d, %d and %d", changes, held, manual, len(p.Changes), len(p.Held), len(p.Manual))
			}
		})
	}
}

var requestID = regexp.MustCompile(`, request req-[0-9]+`)

func changeOf(t *testing.T, p *planned, email string) int {
	t.Helper()
	i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Email == email })
	if i < 0 {
		t.Fatalf("the plan has no change of %s", email)
	}
	return i
}

// TestExplainCompares: each attribute with its verdict, the value of each place of
// the roster, and what the vendor has.
func TestExplainCompares(t *testing.T) {
	const roster = `version: 1
teams:
  seller: {access: {vendasta: {platformAccess: ["tm:access"]}}}
  over: {access: {vendasta: {platformAccess: ["ssc:access"], until: 2026-11-20}}}
people:
  - email: cara@example.com
    givenName: Cara
    familyName: Diaz
    nickname: null
    timeZone: null
    address: {city: Regina}
    teams: [seller, over]
    access: {vendasta: {platformAccess: ["pc:access"], businessLocations: ["AG-1"], welcomeEmail: true}}
`
	h := newHouse(t, "", roster, user("U-cara", "cara@example.com", list("tm:access"), "givenName", "Cara", "familyName", "Dias",
		"timeZone", "America/Regina", "languageLocaleCode", "en-US", "address", map[string]any{"line1": "2 Side St", "city": "Regina"}))
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"businessLocations"}})
	part := h.explained("cara@example.com")
	verdicts := make(map[string]plan.Verdict)
	for _, c := range part.Compared {
		verdicts[c.Name] = c.Verdict
	}
	want := map[string]plan.Verdict{
		"email": plan.AsWanted, "givenName": plan.AsWanted, "familyName": plan.Differs, "greetingName": plan.AsWanted, "timeZone": plan.ByHand,
		"address": plan.AsWanted, "platformAccess": plan.Differs, "businessLocations": plan.NotShown, "welcomeEmail": plan.AtCreate,
		"languageLocaleCode": plan.LeftAlone,
	}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Error(diff)
	}
	access := part.Compared[slices.IndexFunc(part.Compared, func(c plan.Compared) bool { return c.Name == "platformAccess" })]
	if diff := cmp.Diff(plan.Compared{
		Name: "platformAccess", Verdict: plan.Differs, Stated: true, Wanted: []any{"pc:access", "tm:access"}, Live: providers.Show([]any{"tm:access"}),
		Given: []plan.Given{
			{Origin: sources.Origin{File: "roster.yaml", Line: 3, Column: 32, Team: "seller"}, Data: []any{"tm:access"}},
			{Origin: sources.Origin{File: "roster.yaml", Line: 13, Column: 25}, Data: []any{"pc:access"}},
		},
	}, access); diff != "" {
		t.Error(diff)
	}
	counts := make(map[string]bool)
	for _, block := range part.Blocks {
		counts[block.Origin.Team] = block.Counts
	}
	if diff := cmp.Diff(map[string]bool{"seller": true, "over": false, "": true}, counts); diff != "" {
		t.Error(diff)
	}
}

// TestExplainKeepsSecrets: where a password stands may be known, what it is may not.
func TestExplainKeepsSecrets(t *testing.T) {
	const config = "version: 1\nproviders: {partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited}}\n"
	const roster = `version: 1
people:
  - email: bill@example.com
    givenName: Bill
    familyName: Smith
    access: {partoo: {role: ORG_ADMIN, password: {env: CANARY}}}
`
	t.Setenv("CANARY", "hunter2-hunter2")
	part := newHouse(t, config, roster).explained("bill@example.com")
	i := slices.IndexFunc(part.Compared, func(c plan.Compared) bool { return c.Name == "password" })
	if i < 0 {
		t.Fatalf("the password is not among %v", part.Compared)
	}
	c := part.Compared[i]
	if c.Wanted != plan.Masked || len(c.Given) != 1 || c.Given[0].Data != plan.Masked || c.Verdict != plan.Sent {
		t.Errorf("the password is %+v", c)
	}
}

// TestExplainNowhere: providers at which somebody has nothing are named, and those at
// which he has something come in their order.
func TestExplainNowhere(t *testing.T) {
	h := newHouse(t, twoAccounts, threePeople+"  - {email: zoe@example.com}\n")
	x := h.explain("c@example.com")
	if len(x.Parts) != 1 || x.Parts[0].Access.Provider != "one" || !slices.Equal(x.Nowhere, []string{"two"}) {
		t.Errorf("%d parts, and nothing at %v", len(x.Parts), x.Nowhere)
	}
	if text := x.Text(plan.Style{}); !strings.Contains(text, "\none: nothing yet: access begins on 2999-01-01\n") || !strings.Contains(text, "\ntwo: nothing: the roster gives no access there") {
		t.Errorf("it says\n%s", text)
	}
	if x := h.explain("a@example.com"); len(x.Parts) != 2 || x.Parts[0].Access.Provider != "one" || x.Parts[1].Access.Provider != "two" || len(x.Nowhere) != 0 {
		t.Errorf("%d parts, and nothing at %v", len(x.Parts), x.Nowhere)
	}
	if text := h.explain("zoe@example.com").Text(plan.Style{}); !strings.Contains(text, "access nowhere (one, two)") {
		t.Errorf("it says\n%s", text)
	}
}

// TestExplainRemovals: what the guard counted is there for removals and nobody else,
// and how much of the provider is known.
func TestExplainRemovals(t *testing.T) {
	const roster = `version: 1
people:
  - {email: ana@example.com, status: departed}
  - {email: ben@example.com, status: departed}
  - {email: cara@example.com, givenName: Cara, access: {vendasta: {platformAccess: ["tm:access"]}}}
  - {email: dora@example.com, from: 2027-01-01, access: {vendasta: {platformAccess: ["tm:access"]}}}
`
	h := newHouse(t, baseConfig+"guardrails: {maxRemovals: 1}\n", roster,
		user("U-ana", "ana@example.com", list("tm:access")), user("U-ben", "ben@example.com", list("tm:access")), user("U-cara", "cara@example.com", list("tm:access")))
	part := h.explained("ana@example.com")
	if diff := cmp.Diff(&plan.GuardInfo{Provider: "vendasta", Guard: "maxRemovals", Figure: 2, Limit: 1, Base: 3, Tripped: true}, part.Removals); diff != "" {
		t.Error(diff)
	}
	if part.Change.Blocked != plan.BlockedLimit || part.Lookups != 3 || part.Unread != 0 {
		t.Errorf("it is blocked by %q, with %d lookups of which %d failed", part.Change.Blocked, part.Lookups, part.Unread)
	}
	if cara := h.explained("cara@example.com"); cara.Change == nil || cara.Removals != nil {
		t.Errorf("who is not removed has %+v", cara.Removals)
	}
	h.world.SetChaos(fail(simulator.Rule{Operation: simulator.Search, Nth: 3, Fault: simulator.FaultStatus, Status: 403}))
	h.config.Providers[0].Concurrency = 1
	x := h.explain("ana@example.com")
	if part := x.Parts[0]; part.Change.Blocked != plan.BlockedIncomplete || part.Lookups != 3 || part.Unread != 1 {
		t.Errorf("it is blocked by %q, with %d lookups of which %d failed", part.Change.Blocked, part.Lookups, part.Unread)
	}
	if x.Unknown() {
		t.Error("what is not known of others counts as his")
	}
}
