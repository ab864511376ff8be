package plan_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// cloning is a roster of people who get a copy of others' permissions: "ana zoe" tells
// that ana gets zoe's, and a name alone that nobody's are copied.
func cloning(people ...string) string {
	roster := "version: 1\npeople:\n"
	for _, text := range people {
		name, source, clones := strings.Cut(text, " ")
		access := "permissionPresets: [Reviewer]"
		if clones {
			access = "userPermissionsToClone: " + source + "@example.com"
		}
		roster += fmt.Sprintf("  - {email: %s@example.com, id: key-%s, givenName: %s, familyName: Smith, access: {intelagree: {%s}}}\n", name, name, name, access)
	}
	return roster
}

// listens keeps the addresses of the users that are created, in their order.
func (h *house) listens() *[]string {
	var mu sync.Mutex
	var made []string
	h.sent = func(r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/users") {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			h.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		mu.Lock()
		defer mu.Unlock()
		for _, name := range []string{"ana", "bill", "cara", "zoe"} {
			if strings.Contains(string(body), name+"@example.com") {
				made = append(made, name)
			}
		}
	}
	return &made
}

// change is the outcome of a person's change.
func outcome(t *testing.T, r *plan.Result, email string) plan.ChangeResult {
	t.Helper()
	i := slices.IndexFunc(r.Changes, func(c plan.ChangeResult) bool { return c.Email == email })
	if i < 0 {
		t.Fatalf("there is no change of %s:\n%s", email, r.Text(plan.Style{}))
	}
	return r.Changes[i]
}

// TestNeedsComeFirst: whoever is cloned is created before, also where one request at a
// time is sent: who waits holds no slot.
func TestNeedsComeFirst(t *testing.T) {
	h := atIntelAgree(t, with("concurrency: 1"), cloning("ana bill", "bill zoe", "cara", "zoe"), simulator.IntelAgreeOptions{})
	made := h.listens()
	p := h.plan()
	for i, needs := range [][]string{{"intelagree/bill@example.com"}, {"intelagree/zoe@example.com"}, {}, {}} {
		if c := p.Changes[i]; !slices.Equal(c.Needs, needs) {
			t.Errorf("%s needs %v, want %v", c.ID, c.Needs, needs)
		}
	}
	result := h.apply(p)
	if result.Count(plan.Applied) != 4 || result.Exit != plan.ExitOK {
		t.Fatalf("%s", result.Text(plan.Style{}))
	}
	if at := func(name string) int { return slices.Index(*made, name) }; len(*made) != 4 || at("zoe") > at("bill") || at("bill") > at("ana") {
		t.Errorf("created: %v", *made)
	}
	for _, name := range []string{"ana", "bill", "zoe"} {
		if got := fmt.Sprint(h.atIntelAgreeNow(name + "@example.com")[0].Data["permissionPresets"]); got != "[Reviewer]" {
			t.Errorf("%s has %s", name, got)
		}
	}
	h.settled()
}

// TestNeedsFail: nothing is created whose source was not, and it says whom it needed;
// the others go on.
func TestNeedsFail(t *testing.T) {
	h := atIntelAgree(t, intelagreeConfig, cloning("ana bill", "bill zoe", "cara", "zoe"), simulator.IntelAgreeOptions{})
	made := h.listens()
	p := h.plan()
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Create, First: 1, Fault: simulator.FaultStatus, Status: 403}}})
	// One at a time, and zoe, whom two wait for, is the last who waits for nobody.
	p.accounts[0].Config.Concurrency = 1
	p.Changes = slices.DeleteFunc(p.Changes, func(c plan.Change) bool { return c.Email == "cara@example.com" })
	result := h.apply(p)
	if c := outcome(t, result, "zoe@example.com"); c.Status != plan.Failed {
		t.Errorf("%+v", c)
	}
	for name, need := range map[string]string{"ana": "bill", "bill": "zoe"} {
		if c := outcome(t, result, name+"@example.com"); c.Status != plan.Skipped || !strings.Contains(c.Error, "needs intelagree/"+need+"@example.com") {
			t.Errorf("%s: %s %q", name, c.Status, c.Error)
		}
	}
	if result.Exit != plan.ExitIncomplete || !slices.Equal(*made, []string{"zoe"}) {
		t.Errorf("exit %d, created: %v", result.Exit, *made)
	}
	h.world.SetChaos(simulator.Chaos{})
	if result := h.apply(h.plan()); result.Count(plan.Applied) != 4 {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
	h.settled()
}

// TestNeedsInACircle: who would have to be created before himself is held, and so is
// who needs him.
func TestNeedsInACircle(t *testing.T) {
	h := atIntelAgree(t, intelagreeConfig, cloning("ana bill", "bill ana", "cara ana", "zoe"), simulator.IntelAgreeOptions{})
	p := h.plan()
	for email, says := range map[string]string{
		"ana@example.com":  "intelagree/ana@example.com needs intelagree/bill@example.com needs intelagree/ana@example.com",
		"bill@example.com": "they need each other",
		"cara@example.com": "needs ana@example.com, who is not there and whom the plan does not create",
	} {
		if held := p.held(t, email); held.Reason != plan.HeldNeeds || held.Wanted != plan.Create || !strings.Contains(held.Detail, says) {
			t.Errorf("%+v", held)
		}
	}
	if result := h.apply(p); len(p.Changes) != 1 || result.Exit != plan.ExitOK || len(h.world.Users("intelagree")) != 1 {
		t.Errorf("exit %d:\n%s", result.Exit, p.Text(plan.Style{}))
	}
	// One of them is there: there is no circle.
	h.join(intelagreeUser("key-bill", "bill@example.com", "permissionPresets", list("Reviewer")))
	if p := h.plan(); len(p.Held) != 0 || len(p.Changes) != 2 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// TestNeedsNobody: who is there already is waited for by nobody, as long as he is known
// by the key that the copy would name.
func TestNeedsNobody(t *testing.T) {
	roster := cloning("ana zoe", "zoe")
	h := atIntelAgree(t, intelagreeConfig, roster, simulator.IntelAgreeOptions{}, intelagreeUser("key-zoe", "zoe@example.com", "permissionPresets", list("Reviewer")))
	p := h.plan()
	if len(p.Changes) != 1 || len(p.Changes[0].Needs) != 0 || len(p.Held) != 0 {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	if result := h.apply(p); result.Exit != plan.ExitOK {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
	h.settled()
	for _, test := range []struct {
		name, says string
		keys       []any
	}{
		{"no key", "needs zoe@example.com, who is there but has no id", list()},
		{"another key", "who is there as other, while the roster would name him key-zoe", list(map[string]any{"entity": "User", "name": "rollcall", "value": "other"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := atIntelAgree(
				t, intelagreeConfig, roster, simulator.IntelAgreeOptions{},
				intelagreeUser("x", "zoe@example.com", "businessKeys", test.keys, "permissionPresets", list("Reviewer")),
				intelagreeUser("key-zoe", "somebody.else@example.com", "permissionPresets", list("Admin")),
			)
			p := h.plan()
			if held := p.held(t, "ana@example.com"); held.Reason != plan.HeldNeeds || !strings.Contains(held.Detail, test.says) || len(p.Changes) != 0 {
				t.Errorf("%+v\n%s", held, p.Text(plan.Style{}))
			}
		})
	}
}

// TestNeedsBeyondThePlan: a copy of somebody whom the plan does not look at is held.
func TestNeedsBeyondThePlan(t *testing.T) {
	h := atIntelAgree(t, intelagreeConfig, cloning("ana zoe", "zoe"), simulator.IntelAgreeOptions{})
	h.people = []string{"ana@example.com"}
	p := h.plan()
	if held := p.held(t, "ana@example.com"); held.Reason != plan.HeldNeeds || !strings.Contains(held.Detail, "zoe@example.com, who was not looked up") || len(p.Changes) != 0 {
		t.Errorf("%+v", held)
	}
	h.people = append(h.people, "zoe@example.com")
	if p := h.plan(); len(p.Held) != 0 || len(p.Changes) != 2 {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	// A lookup that failed is no absence, and the other waits for it.
	h.people = nil
	h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultStatus, Status: 403}}})
	h.load(with("concurrency: 1"), cloning("ana zoe", "zoe"))
	p = h.plan()
	if len(p.Held) != 2 || len(p.Changes) != 0 || p.held(t, "zoe@example.com").Reason != plan.HeldUnknown || p.held(t, "ana@example.com").Reason != plan.HeldNeeds {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// TestNeedsAreSaved: a saved plan keeps what comes first, and a forged one does not
// make anybody wait for others than the roster names.
func TestNeedsAreSaved(t *testing.T) {
	h := atIntelAgree(t, with("concurrency: 1"), cloning("ana zoe", "cara", "zoe"), simulator.IntelAgreeOptions{})
	made := h.listens()
	p := h.plan()
	result := h.applySaved(p, func(forged *plan.Plan) { forged.Changes[0].Needs = []string{"intelagree/cara@example.com"} })
	if c := outcome(t, result, "ana@example.com"); c.Status == plan.Applied || len(h.atIntelAgreeNow("ana@example.com")) > 0 {
		t.Errorf("%+v", c)
	}
	h.world = simulator.New(simulator.Options{})
	*made = nil
	result = h.applySaved(p, nil)
	if result.Count(plan.Applied) != 3 || result.Exit != plan.ExitOK || slices.Index(*made, "zoe") > slices.Index(*made, "ana") {
		t.Errorf("%s%v", result.Text(plan.Style{}), *made)
	}
	h.settled()
	if again := h.applySaved(p, nil); again.Count(plan.Already) != 3 {
		t.Errorf("%s", again.Text(plan.Style{}))
	}
}
