package plan_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

const intelagreeConfig = `version: 1
guardrails: {maxRemovals: 5}
providers:
  intelagree: {auth: {subscriptionKey: {env: UNUSED}, accountKey: {env: UNUSED}}, rate: unlimited, retries: 0}
`

// with is a configuration whose provider has more settings.
func with(settings string) string {
	return strings.Replace(intelagreeConfig, "retries: 0", "retries: 0, "+settings, 1)
}

// atIntelAgree is a house whose IntelAgree does what is not documented in that way.
func atIntelAgree(t *testing.T, config, roster string, options simulator.IntelAgreeOptions, users ...map[string]any) *house {
	t.Helper()
	h := newHouse(t, config, roster)
	h.world = simulator.New(simulator.Options{IntelAgree: options})
	for _, user := range users {
		h.join(user)
	}
	return h
}

func (h *house) join(user map[string]any) {
	h.t.Helper()
	if _, err := h.world.Add("intelagree", user); err != nil {
		h.t.Fatal(err)
	}
}

// intelagreeUser is an IntelAgree user to begin with, whose business key is the id.
func intelagreeUser(id, email string, more ...any) map[string]any {
	u := map[string]any{"id": id, "email": email, "name": "N", "legalName": "L"}
	for i := 0; i+1 < len(more); i += 2 {
		u[more[i].(string)] = more[i+1]
	}
	return u
}

// atIntelAgreeNow are the users with an address.
func (h *house) atIntelAgreeNow(email string) []simulator.User {
	var users []simulator.User
	for _, u := range h.world.Users("intelagree") {
		if u.Email == email {
			users = append(users, u)
		}
	}
	return users
}

// held is the one held entry of a person.
func (p *planned) held(t *testing.T, email string) plan.Held {
	t.Helper()
	for _, h := range p.Held {
		if h.Email == email {
			return h
		}
	}
	t.Fatalf("%s is not held:\n%s", email, p.Text(plan.Style{}))
	return plan.Held{}
}

// byHand is the one manual entry of a person.
func (p *planned) byHand(t *testing.T, email string) plan.Manual {
	t.Helper()
	for _, m := range p.Manual {
		if m.Email == email {
			return m
		}
	}
	t.Fatalf("nothing is manual for %s:\n%s", email, p.Text(plan.Style{}))
	return plan.Manual{}
}

// Where the lookup that is assumed is not there nobody is created, a leaver is open,
// and every other vendor's changes are applied.
func TestNoLookups(t *testing.T) {
	const beside = `
  partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited}
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited}
`
	h := atIntelAgree(t, strings.TrimRight(intelagreeConfig, "\n")+beside, `version: 1
people:
  - email: ana@example.com
    id: E-1
    givenName: Ana
    familyName: Souza
    access: {intelagree: {permissionPresets: [Reviewer]}, partoo: {role: PUBLISHER}, vendasta: {platformAccess: ["tm:access"]}}
  - email: bill@example.com
    id: E-2
    givenName: Bill
    familyName: Smith
    access: {intelagree: {permissionPresets: [Reviewer]}, partoo: {role: PUBLISHER}, vendasta: {platformAccess: ["tm:access"]}}
  - {email: cara@example.com, id: E-3, status: departed}
`, simulator.IntelAgreeOptions{NoLookups: true}, intelagreeUser("E-3", "cara@example.com"))
	p := h.plan()
	for _, email := range []string{"ana@example.com", "bill@example.com", "cara@example.com"} {
		held := p.held(t, email)
		if held.Provider != "intelagree" || held.Reason != plan.HeldUnknown || held.Leaver != (email == "cara@example.com") ||
			!strings.Contains(held.Detail, "404") || !strings.Contains(held.Remedy, "ask IntelAgree") || !strings.Contains(held.Remedy, "set paths") || !strings.Contains(held.Remedy, "nobody is created") {
			t.Errorf("%+v", held)
		}
	}
	result := h.apply(p)
	if len(p.Held) != 3 || len(p.Changes) != 4 || result.Count(plan.Applied) != 4 || result.Exit != plan.ExitIncomplete {
		t.Errorf("exit %d:\n%s%s", result.Exit, p.Text(plan.Style{}), result.Text(plan.Style{}))
	}
	if len(result.Open) != 1 || result.Open[0].Email != "cara@example.com" {
		t.Errorf("%+v", result.Open)
	}
	if n := len(h.world.Users("intelagree")); n != 1 {
		t.Errorf("%d users", n)
	}
}

// What is not assumed is manual, with the line that turns it on, and a leaver keeps
// his access until a person took it, unless the provider keeps leavers.
func TestIntelAgreeAssumesNothing(t *testing.T) {
	const roster = `version: 1
people:
  - {email: ana@example.com, access: {intelagree: {title: Buyer, permissionPresets: [Reviewer]}}}
  - {email: bill@example.com, status: departed}
  - {email: cara@example.com, status: suspended}
`
	h := atIntelAgree(
		t, intelagreeConfig, roster, simulator.IntelAgreeOptions{},
		intelagreeUser("E-1", "ana@example.com"), intelagreeUser("E-2", "bill@example.com"), intelagreeUser("E-3", "cara@example.com"),
	)
	p := h.plan()
	if m := p.byHand(t, "ana@example.com"); !strings.Contains(m.Why, "assume: [update]") || !strings.Contains(m.What, "Buyer") || !strings.Contains(m.What, "Reviewer") {
		t.Errorf("%+v", m)
	}
	for _, email := range []string{"bill@example.com", "cara@example.com"} {
		if m := p.byHand(t, email); !m.Leaver || !strings.Contains(m.Why, "IntelAgree documents no way to suspend") {
			t.Errorf("%+v", m)
		}
	}
	result := h.apply(p)
	if len(p.Changes) != 0 || result.Exit != plan.ExitIncomplete || len(result.Open) != 2 || h.count().Writes != 0 {
		t.Errorf("exit %d, %+v:\n%s", result.Exit, h.count(), p.Text(plan.Style{}))
	}
	h.load(with("onLeave: keep"), strings.Replace(roster, "status: suspended", "status: departed", 1))
	if p := h.plan(); len(p.Manual) != 1 || len(p.Open()) != 0 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.load(with("assume: [update]"), roster)
	if p := h.plan(); len(p.Changes) != 1 || p.Changes[0].Action != plan.Update || p.Changes[0].UserID != "E-1" || len(p.Open()) != 2 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.apply(h.plan())
	if p := h.plan(); len(p.Changes) != 0 || h.atIntelAgreeNow("ana@example.com")[0].Data["title"] != "Buyer" {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// Nothing is changed at a user whom no business key names, two of them are two, and
// another type of key is none.
func TestWithoutBusinessKey(t *testing.T) {
	h := atIntelAgree(
		t, with("assume: [update]"), `version: 1
people:
  - {email: ana@example.com, access: {intelagree: {title: Buyer}}}
  - {email: bill@example.com, access: {intelagree: {title: Buyer}}}
  - {email: cara@example.com, access: {intelagree: {title: Buyer}}}
`, simulator.IntelAgreeOptions{},
		intelagreeUser("x1", "ana@example.com", "businessKeys", list()),
		intelagreeUser("x2", "bill@example.com", "businessKeys", list(map[string]any{"entity": "User", "name": "HR", "value": "7"})),
		intelagreeUser("x3", "cara@example.com", "businessKeys", list()),
		intelagreeUser("x4", "cara@example.com", "businessKeys", list()),
	)
	p := h.plan()
	for _, email := range []string{"ana@example.com", "bill@example.com"} {
		if m := p.byHand(t, email); !strings.Contains(m.Why, "no business key of the type rollcall") || !strings.Contains(m.Why, "give him one in IntelAgree") {
			t.Errorf("%+v", m)
		}
	}
	if held := p.held(t, "cara@example.com"); held.Reason != plan.HeldAmbiguous || !strings.Contains(held.Detail, "2 users may be this person") || strings.Contains(held.Remedy, "userID") {
		t.Errorf("%+v", held)
	}
	if len(p.Changes) != 0 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// A pinned key that the vendor does not know is not proven to be nobody's.
func TestPinnedKey(t *testing.T) {
	h := atIntelAgree(t, intelagreeConfig, `version: 1
people:
  - {email: ana@example.com, id: E-1, displayName: Ana, access: {intelagree: {userID: E-9}}}
`, simulator.IntelAgreeOptions{})
	p := h.plan()
	if held := p.held(t, "ana@example.com"); held.Reason != plan.HeldUnknown || !strings.Contains(held.Remedy, "userID") || len(p.Changes) != 0 {
		t.Errorf("%+v", held)
	}
}

const alone = `version: 1
people:
  - {email: ana@example.com, id: E-1, givenName: Ana, familyName: Souza, access: {intelagree: {permissionPresets: [Reviewer]}}}
`

// What a create answers is not documented: after any success the user is looked up,
// and one is made whatever that finds.
func TestCreateWithoutAnAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		chaos  simulator.Chaos
		status plan.Status
		exit   int
	}{
		{"found at once", simulator.Chaos{}, plan.Applied, plan.ExitOK},
		{"found late", simulator.Chaos{IndexLagSearches: 1}, plan.Applied, plan.ExitOK},
		{"never found", simulator.Chaos{IndexLagSearches: 100}, plan.Unknown, plan.ExitIncomplete},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := atIntelAgree(t, intelagreeConfig, alone, simulator.IntelAgreeOptions{SilentCreate: true})
				p := h.plan()
				h.world.SetChaos(test.chaos)
				result := h.apply(p)
				if c := result.Changes[0]; c.Status != test.status || result.Exit != test.exit || test.exit != plan.ExitOK && !strings.Contains(c.Error, "look at him by hand") {
					t.Errorf("exit %d, %s: %s", result.Exit, c.Status, c.Error)
				}
				if n := len(h.atIntelAgreeNow("ana@example.com")); n != 1 || h.count().Created != 1 {
					t.Errorf("%d users, %+v", n, h.count())
				}
				h.world.SetChaos(simulator.Chaos{})
				h.settled()
			})
		})
	}
}

// A success that is answered for what is no create makes one request, and the change
// is not taken for done.
func TestCreateThatDidNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := atIntelAgree(t, intelagreeConfig, alone, simulator.IntelAgreeOptions{})
		posts := 0
		h.sent = func(r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users") {
				posts++
			}
		}
		h.changed = func(r *http.Request, body []byte) []byte {
			switch {
			case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users"):
				return []byte(`{"status":"queued"}`)
			case r.Method == http.MethodGet && posts > 0:
				return []byte(`[]`)
			}
			return body
		}
		result := h.apply(h.plan())
		if c := result.Changes[0]; c.Status != plan.Unknown || posts != 1 {
			t.Errorf("%s after %d requests: %s", c.Status, posts, c.Error)
		}
	})
}

// A saved plan sees that a user has another key by now.
func TestOtherKeyMeanwhile(t *testing.T) {
	h := atIntelAgree(t, with("assume: [update]"), `version: 1
people:
  - {email: ana@example.com, access: {intelagree: {title: Buyer}}}
`, simulator.IntelAgreeOptions{}, intelagreeUser("E-1", "ana@example.com"))
	p := h.plan()
	h.world = simulator.New(simulator.Options{})
	h.join(intelagreeUser("E-2", "ana@example.com"))
	later := h.plan()
	result := h.apply(&planned{Plan: p.Plan, access: later.access, accounts: later.accounts, connections: later.connections}, func(a *plan.Applier) { a.Built = time.Time{} })
	if result.Count(plan.Stale) != 1 || h.atIntelAgreeNow("ana@example.com")[0].Data["title"] != nil {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
}

// An update sends the whole user, so that nothing is sent of somebody who is not wholly
// shown, also where the roster does not state what is hidden; and where nothing has to
// be sent, nothing is in the way.
func TestNotWhollyShown(t *testing.T) {
	h := atIntelAgree(t, with("assume: [update]"), `version: 1
people:
  - {email: ana@example.com, access: {intelagree: {title: Buyer}}}
  - {email: bill@example.com, access: {intelagree: {title: Clerk}}}
`, simulator.IntelAgreeOptions{}, intelagreeUser("E-1", "ana@example.com"), intelagreeUser("E-2", "bill@example.com", "title", "Clerk"))
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"legalName", "permissionPresets"}})
	p := h.plan()
	held := p.held(t, "ana@example.com")
	if held.Reason != plan.HeldUnreadable || !strings.Contains(held.Detail, "title can not be set") || !strings.Contains(held.Detail, "legalName and permissionPresets are not shown") {
		t.Errorf("%+v", held)
	}
	if len(p.Held) != 1 || len(p.Changes) != 0 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	// What only the search leaves out is read by business key.
	h.world.SetChaos(simulator.Chaos{HiddenInSearch: []string{"legalName", "permissionPresets"}})
	if result := h.apply(h.plan()); result.Count(plan.Applied) != 1 {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
	h.settled()
}

// Whoever has permissions in both ways can not be changed by a request that has one of
// them: that is manual in the plan, until the roster says which he loses.
func TestPermissionsInBothWays(t *testing.T) {
	const one = "version: 1\npeople:\n  - {email: ana@example.com, access: {intelagree: {title: Buyer%s}}}\n"
	h := atIntelAgree(t, with("assume: [update]"), fmt.Sprintf(one, ""), simulator.IntelAgreeOptions{},
		intelagreeUser("E-1", "ana@example.com", "userPermissions", list("a"), "permissionPresets", list("Reviewer")))
	p := h.plan()
	if manual := p.byHand(t, "ana@example.com"); len(p.Changes) != 0 || manual.What != "set title to Buyer" || !strings.Contains(manual.Why, "state the one that he is to lose as null") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.load(with("assume: [update]"), fmt.Sprintf(one, ", userPermissions: null"))
	if r := h.apply(h.plan()); r.Count(plan.Applied) != 1 {
		t.Error(r.Text(plan.Style{}))
	}
	h.settled()
	// Nor is he given the other way beside the one that he has.
	h.load(with("assume: [update]"), fmt.Sprintf(one, ", userPermissions: [b]"))
	if p := h.plan(); len(p.Changes) != 0 || p.byHand(t, "ana@example.com").What != "set userPermissions to [b]" {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// A flag that is empty is one that is off.
func TestNoFlagIsOff(t *testing.T) {
	h := atIntelAgree(t, with("assume: [update]"), `version: 1
people:
  - {email: ana@example.com, access: {intelagree: {hasAllOrganizations: false}}}
`, simulator.IntelAgreeOptions{}, intelagreeUser("E-1", "ana@example.com"))
	h.settled()
	replaced := false
	h.changed = func(_ *http.Request, body []byte) []byte {
		replaced = replaced || strings.Contains(string(body), `"hasAllOrganizations":false`)
		return []byte(strings.Replace(string(body), `"hasAllOrganizations":false`, `"hasAllOrganizations":null`, 1))
	}
	h.settled()
	if !replaced {
		t.Error("it was never shown as empty")
	}
}
