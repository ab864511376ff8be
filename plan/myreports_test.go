package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

const (
	ourAccount   = "00000000-0000-0000-0000-000000000000"
	otherAccount = "11111111-1111-1111-1111-111111111111"
)

// atMyReports is a house with MyReports alone, its further settings and users.
func atMyReports(t testing.TB, settings, roster string, users ...map[string]any) *house {
	t.Helper()
	h := newHouse(t, configure(registry.Kind("myreports"), "region: na, account: "+ourAccount, settings), roster)
	for _, user := range users {
		if _, err := h.world.Add("myreports", user); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// member is a user of our account, which owns him unless another one does.
func member(email, owner string, roles ...any) map[string]any {
	return map[string]any{"email": email, "displayName": "N", "roles": roles, "primaryTenant": owner, "accounts": list(ourAccount, owner)}
}

// A plan costs one list, page by page, and a look at those alone whose roster states
// what the list does not show.
func TestMyReportsListIsReadOnce(t *testing.T) {
	for _, people := range []int{1, 999, 2500} {
		var roster strings.Builder
		roster.WriteString("version: 1\npeople:\n")
		users := make([]map[string]any, people)
		looks := 0
		for i := range people {
			email := fmt.Sprintf("p%d@example.com", i)
			users[i] = member(email, ourAccount, "account.user", "user.admin")
			switch i % 10 {
			case 3:
				looks++
				fmt.Fprintf(&roster, "  - {email: %s, access: {myreports: {roles: [user.admin]}}}\n", email)
			case 5:
				fmt.Fprintf(&roster, "  - {email: %s, displayName: N, access: {myreports: {}}}\n", email)
			default:
				fmt.Fprintf(&roster, "  - {email: %s, access: {myreports: {}}}\n", email)
			}
		}
		h := atMyReports(t, "", roster.String(), users...)
		p := h.plan()
		if len(p.Changes)+len(p.Held)+len(p.Manual) > 0 {
			t.Fatalf("%s", p.Text(plan.Style{}))
		}
		if pages, n := people/1000+1, h.count(); n.Reads != int64(pages+looks) || n.Writes != 0 {
			t.Errorf("%d people: %d reads, want %d pages and %d looks", people, n.Reads, pages, looks)
		}
	}
}

// A leaver whom another account owns loses his membership; one whom this account owns
// would be deleted everywhere, which has to be written.
func TestMyReportsDeletion(t *testing.T) {
	const roster = `version: 1
people:
  - {email: a@example.com, status: departed}
  - {email: b@example.com, status: departed}
`
	users := []map[string]any{member("a@example.com", otherAccount, "account.user"), member("b@example.com", ourAccount, "account.user")}
	h := atMyReports(t, "onLeave: delete", roster, users...)
	p := h.plan()
	if len(p.Changes) != 1 || p.Changes[0].Email != "a@example.com" || p.Changes[0].Note != "removes his membership of this account; he stays at "+otherAccount {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	if len(p.Held) != 1 || !p.Held[0].Leaver || p.Held[0].Reason != plan.HeldMode || !strings.Contains(p.Held[0].Remedy, "set deleteEverywhere: true for myreports, or remove him by hand") {
		t.Fatalf("%+v", p.Held)
	}
	r := h.apply(p)
	if r.Count(plan.Applied) != 1 || r.Exit != plan.ExitIncomplete {
		t.Errorf("exit %d:\n%s", r.Exit, r.Text(plan.Style{}))
	}
	left := h.world.Users("myreports")
	if len(left) != 2 || !slices.Equal(left[0].Data["accounts"].([]any), list(otherAccount)) {
		t.Errorf("%+v", left)
	}

	h = atMyReports(t, "onLeave: delete, deleteEverywhere: true", roster, users...)
	p = h.plan()
	if len(p.Changes) != 2 || p.Changes[1].Note != "deletes him everywhere, from all account tenants" {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	before := h.count()
	if r := h.apply(p); r.Exit != plan.ExitOK || len(h.world.Users("myreports")) != 1 {
		t.Errorf("exit %d:\n%s", r.Exit, r.Text(plan.Style{}))
	}
	now := h.count()
	if sent := now.Reads + now.Writes - before.Reads - before.Writes; sent != int64(p.Changes[0].Requests+p.Changes[1].Requests) {
		t.Errorf("%d requests were sent, and %d and %d announced", sent, p.Changes[0].Requests, p.Changes[1].Requests)
	}
	h.settled()

	// Without it leavers are for a person to see to.
	h = atMyReports(t, "", roster, users...)
	if p := h.plan(); len(p.Changes) != 0 || len(p.Manual) != 2 || !p.Manual[0].Leaver || !strings.Contains(p.Manual[0].Why, "documents no way to suspend a user, and onLeave does not say delete") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// Who owns a user is looked at again before he is deleted, and has to be shown.
func TestMyReportsDeletionIsLookedAtAgain(t *testing.T) {
	const roster = "version: 1\npeople:\n  - {email: a@example.com, status: departed}\n"
	h := atMyReports(t, "onLeave: delete", roster, member("a@example.com", otherAccount, "account.user"))
	p := h.plan()
	if len(p.Changes) != 1 {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	id := h.world.Users("myreports")[0].ID
	if err := h.world.Edit("myreports", id, func(data map[string]any) { data["primaryTenant"] = ourAccount }); err != nil {
		t.Fatal(err)
	}
	r := h.apply(p)
	if c := r.Changes[0]; c.Status != plan.Failed || !strings.Contains(c.Error, "this account owns him") || !strings.Contains(c.Error, "deleteEverywhere") || h.count().Writes != 0 {
		t.Errorf("%s: %s", c.Status, c.Error)
	}

	h.world.SetChaos(simulator.Chaos{Hidden: []string{"primaryTenant"}})
	if p := h.plan(); len(p.Changes) != 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldUnreadable || !strings.Contains(p.Held[0].Detail, "primaryTenant is not shown") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// A plan says what a create and an update do beside what they are for, and what they
// cost.
func TestMyReportsEffects(t *testing.T) {
	const roster = `version: 1
people:
  - {email: a@example.com, displayName: A, access: {myreports: {roles: [user.admin]}}}
  - {email: b@example.com, displayName: B, access: {myreports: {roles: [user.admin]}}}
  - {email: c@example.com, access: {myreports: {}}}
`
	for settings, want := range map[string][][]plan.Effect{
		"":                     {{plan.EffectInvite, plan.EffectBillable}, {plan.EffectBillable}},
		"acceptCharges: true":  {{plan.EffectInvite, plan.EffectBillable}, {plan.EffectBillable}},
		"acceptCharges: false": {{plan.EffectInvite}, {}},
	} {
		h := atMyReports(t, settings, roster, member("b@example.com", ourAccount, "account.user"))
		p := h.plan()
		if len(p.Changes) != 2 || len(p.Manual) != 1 || p.Manual[0].What != "create him, or state displayName and he is created" {
			t.Fatalf("%s", p.Text(plan.Style{}))
		}
		for i, c := range p.Changes {
			slices.Sort(c.Effects)
			slices.Sort(want[i])
			if !slices.Equal(c.Effects, want[i]) {
				t.Errorf("%s %s: %v, want %v", settings, c.ID, c.Effects, want[i])
			}
		}
		if !strings.Contains(p.Changes[0].Note, "becomes a member of this one") || !strings.Contains(p.Text(plan.Style{}), p.Changes[0].Note) {
			t.Errorf("%q", p.Changes[0].Note)
		}
		before := h.count()
		if r := h.apply(p); r.Count(plan.Applied) != 2 {
			t.Errorf("%s", r.Text(plan.Style{}))
		}
		now := h.count()
		if sent := now.Reads + now.Writes - before.Reads - before.Writes; sent != int64(p.Changes[0].Requests+p.Changes[1].Requests) || now.Mails != 1 {
			t.Errorf("%d requests were sent, and %d and %d announced; %d mails", sent, p.Changes[0].Requests, p.Changes[1].Requests, now.Mails)
		}
		h.settled()
	}
}

// Whoever is known at another account alone is no user of this one: he is created, and
// thereby becomes a member of it, who keeps his name and his owner.
func TestMyReportsKnownElsewhere(t *testing.T) {
	stranger := map[string]any{"email": "a@example.com", "displayName": "Known", "primaryTenant": otherAccount}
	h := atMyReports(t, "", "version: 1\npeople:\n  - {email: a@example.com, givenName: A, access: {myreports: {roles: [user.admin]}}}\n", stranger)
	p := h.plan()
	if len(p.Changes) != 1 || p.Changes[0].Action != plan.Create {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	r := h.apply(p)
	users := h.world.Users("myreports")
	if len(users) != 1 || users[0].Data["primaryTenant"] != otherAccount || !slices.Equal(users[0].Data["accounts"].([]any), list(otherAccount, ourAccount)) {
		t.Errorf("%+v", users)
	}
	// His name is another than was sent, which is told.
	if c := r.Changes[0]; c.Status != plan.Failed || !strings.Contains(c.Error, "another value than was sent: displayName") || c.UserID != users[0].ID {
		t.Errorf("%s: %s", c.Status, c.Error)
	}
	h.settled()
}

// What is put off while a list is not whole is nobody's end: nobody is created, and
// nobody removed.
func TestMyReportsListIncomplete(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const roster = `version: 1
people:
  - {email: p1@example.com, status: departed}
  - {email: new@example.com, displayName: New, access: {myreports: {}}}
`
		var users []map[string]any
		for i := range 1500 {
			users = append(users, member(fmt.Sprintf("p%d@example.com", i), otherAccount, "account.user"))
		}
		for _, chaos := range []simulator.Chaos{
			{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultStatus, Status: 404}}},
			{Fail: []simulator.Rule{{Operation: simulator.Search, Nth: 2, Fault: simulator.FaultEmpty}}},
			{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultStatus, Status: 500}}},
			{Fail: []simulator.Rule{{Operation: simulator.Search, Fault: simulator.FaultCutBody}}},
		} {
			h := atMyReports(t, "onLeave: delete", roster, users...)
			h.world.SetChaos(chaos)
			p := h.plan()
			if len(p.Changes) > 0 || len(p.Held) != 2 || p.Providers[0].State != plan.Unread {
				t.Errorf("%+v:\n%s", chaos, p.Text(plan.Style{}))
			}
		}
	})
}

// Whoever a list misses because somebody else left while it was read is not created.
func TestMyReportsListShifts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var users []map[string]any
		for i := range 1500 {
			users = append(users, member(fmt.Sprintf("p%d@example.com", i), ourAccount, "account.user"))
		}
		h := atMyReports(t, "", "version: 1\npeople:\n  - {email: p1000@example.com, displayName: N, access: {myreports: {}}}\n", users...)
		first := h.world.Users("myreports")[0].ID
		h.world.SetChaos(simulator.Chaos{Latency: 2 * time.Second})
		time.AfterFunc(5*time.Second, func() { h.world.Remove("myreports", first) }) // the token, and the first page, took four
		p := h.plan()
		if len(p.Changes)+len(p.Held) > 0 || h.count().Reads != 4 {
			t.Errorf("%d reads, want two lists of two pages:\n%s", h.count().Reads, p.Text(plan.Style{}))
		}
	})
}

// A saved plan is for one account in one region.
func TestMyReportsTarget(t *testing.T) {
	kind := registry.Kind("myreports")
	seen := make(map[string]string)
	for _, settings := range []map[string]string{
		{"region": "na", "account": ourAccount},
		{"region": "eu", "account": ourAccount},
		{"region": "uk", "account": ourAccount},
		{"region": "au", "account": ourAccount},
		{"region": "na", "account": otherAccount},
	} {
		target := plan.NewProvider(kind, sources.ProviderConfig{Name: "myreports", Kind: "myreports", Settings: settings}).Target
		if other, taken := seen[target]; taken {
			t.Errorf("%v and %s have one target", settings, other)
		}
		seen[target] = fmt.Sprint(settings)
		// What does not tell accounts apart does not count.
		more := map[string]string{"region": settings["region"], "account": settings["account"], "acceptCharges": "false", "redirectURL": "http://127.0.0.1:9000"}
		if plan.Target(kind, sources.ProviderConfig{Settings: more}) != target {
			t.Errorf("%v has another target", more)
		}
	}
}
