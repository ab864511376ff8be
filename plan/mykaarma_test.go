package plan_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// myKaarmaConfig is a provider with further settings.
func myKaarmaConfig(more string) string {
	return "version: 1\nguardrails: {maxRemovals: 100%}\nproviders:\n  mykaarma: {dealerUUID: d-1, auth: {username: {env: UNUSED}, password: {env: UNUSED}}, rate: unlimited" + more + "}\n"
}

const (
	assumeAll   = ", assume: [update, suspend], departments: [dep-1, dep-2]"
	assumeRoles = assumeAll + ", roleNames: {r-1: Service Advisor, r-2: Technician}"
)

// atMyKaarma is a house whose only vendor is myKaarma.
func atMyKaarma(t *testing.T, options simulator.MyKaarmaOptions, more, roster string, users ...map[string]any) *house {
	t.Helper()
	h := newHouse(t, myKaarmaConfig(more), roster)
	h.world = simulator.New(simulator.Options{MyKaarma: options})
	for _, user := range users {
		if _, err := h.world.Add("mykaarma", user); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// myKaarmaUser is a user to begin with.
func myKaarmaUser(id, email string, more ...any) map[string]any {
	u := map[string]any{
		"id": id, "dealerUUID": "d-1", "emailAddress": email, "username": "user of " + id, "firstName": "Ana", "lastName": "Souza", "departmentUUID": "dep-1", "roleUUID": "r-1",
	}
	for i := 0; i+1 < len(more); i += 2 {
		u[more[i].(string)] = more[i+1]
	}
	return u
}

// myKaarmaPeople is a roster of people, each an entry without its braces.
func myKaarmaPeople(entries ...string) string {
	roster := "version: 1\npeople:\n"
	for _, entry := range entries {
		roster += "  - {givenName: Ana, familyName: Souza, " + entry + "}\n"
	}
	return roster
}

// ana is an entry with an access block that has a role and a department, and more.
func ana(block string, lines ...string) string {
	return strings.Join(append([]string{"email: ana@example.com", "access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-1" + block + "}}"}, lines...), ", ")
}

// dealers are the myKaarma users by id.
func (h *house) dealers() map[string]map[string]any {
	users := make(map[string]map[string]any)
	for _, u := range h.world.Users("mykaarma") {
		users[u.ID] = u.Data
	}
	return users
}

// A dealer of 5,000 users and a roster of 3,000 people cost one request.
func TestOneListForAll(t *testing.T) {
	var entries []string
	for i := range 3000 {
		status := "active"
		if i%100 == 7 {
			status = "departed"
		}
		entries = append(entries, fmt.Sprintf("email: p%d@example.com, previousEmails: [old%d@example.com], status: %s, access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-1}}", i, i, status))
	}
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, ", assume: [update, suspend], departments: [dep-1], update: merge", myKaarmaPeople(entries...))
	for i := range 5000 {
		// Every tenth of the roster is not there.
		name := fmt.Sprintf("p%d@example.com", i)
		if i%10 == 0 {
			name = fmt.Sprintf("stranger%d@example.com", i)
		}
		if _, err := h.world.Add("mykaarma", myKaarmaUser(fmt.Sprintf("u-%d", i), name)); err != nil {
			t.Fatal(err)
		}
	}
	p := h.plan()
	if counts := h.count(); counts.Reads != 1 || counts.Writes != 0 {
		t.Errorf("%+v", counts)
	}
	creates, suspensions := 0, 0
	for _, c := range p.Changes {
		switch c.Action {
		case plan.Create:
			creates++
		case plan.Suspend:
			suspensions++
		default:
			t.Fatalf("%+v", c)
		}
	}
	if creates != 300 || suspensions != 30 || len(p.Held)+len(p.Manual) > 0 || p.Providers[0].Requests != 2*300+3*30 {
		t.Errorf("%d creates, %d suspensions, %d held, %d manual, %+v", creates, suspensions, len(p.Held), len(p.Manual), p.Providers[0])
	}
}

// A mail is announced where one goes out, and only there.
func TestMailOfACreate(t *testing.T) {
	for block, mails := range map[string][2]int{
		"": {0, 0}, ", userInvite: true": {0, 0}, ", sendEmail: true": {0, 0}, ", userInvite: true, sendEmail: true": {1, 1}, ", userInvite: true, sendEmail: false": {0, 0},
		// A text is announced as a mail is.
		`, userInvite: true, sendText: true, textNumber: "1"`: {1, 0}, `, userInvite: true, sendText: true, sendEmail: true, textNumber: "1"`: {1, 1},
	} {
		h := atMyKaarma(t, simulator.MyKaarmaOptions{}, "", myKaarmaPeople(ana(block)))
		p := h.plan()
		announced := 0
		if slices.Contains(p.Changes[0].Effects, plan.EffectInvite) {
			announced = 1
		}
		result := h.apply(p)
		if counts := h.count(); announced != mails[0] || counts.Mails != int64(mails[1]) || counts.Created != 1 || result.Exit != plan.ExitOK {
			t.Errorf("%s: %d announced, %+v\n%s", block, announced, counts, result.Text(plan.Style{}))
		}
		if p.Changes[0].Requests != 2 || h.count().Reads != 2 || h.count().Writes != 1 {
			t.Errorf("%s: %d requests were announced, and %+v", block, p.Changes[0].Requests, h.count())
		}
		h.settled()
	}
}

// Without anything assumed, what can not be done is manual, with the line that turns it
// on; a leaver stays open, and who is invalid already is done.
func TestNothingAssumed(t *testing.T) {
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, "", myKaarmaPeople(
		`email: ana@example.com, phones: [{number: "1", type: work}], access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-2, bio: Sells cars}}`,
		"email: bill@example.com, status: departed", "email: cara@example.com, status: departed",
		"email: dora@example.com, access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-1}}",
	), myKaarmaUser("u-1", "ana@example.com"), myKaarmaUser("u-2", "bill@example.com"), myKaarmaUser("u-3", "cara@example.com", "isValid", false), myKaarmaUser("u-4", "dora@example.com", "isValid", false))
	p := h.plan()
	if len(p.Changes) > 0 || len(p.Held) > 0 || len(p.Manual) != 3 {
		t.Fatal(p.Text(plan.Style{}))
	}
	for i, want := range []struct{ user, what, why string }{
		{"u-1", `set phone to "1"`, "assume: [update]"}, {"u-2", "take the access away", "assume: [suspend]"}, {"u-4", "give him his access back", "assume: [suspend]"},
	} {
		if m := p.Manual[i]; m.UserID != want.user || m.What != want.what || !strings.Contains(m.Why, want.why) {
			t.Errorf("%+v", m)
		}
	}
	if result := h.apply(p); result.Exit != plan.ExitIncomplete || len(result.Open) != 1 || result.Open[0].Email != "bill@example.com" {
		t.Errorf("exit %d, %+v", result.Exit, result.Open)
	}
}

// Where an update replaces the whole user and the list does not show all of him, a
// profile is held; role and suspension are calls of their own.
func TestListThatDoesNotShowAll(t *testing.T) {
	roster := myKaarmaPeople(
		`email: ana@example.com, phones: [{number: "1", type: work}], access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-2}}`,
		"email: bill@example.com, status: departed", "email: cara@example.com, access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-1}}",
	)
	users := []map[string]any{
		myKaarmaUser("u-1", "ana@example.com", "bio", "Sells cars"), myKaarmaUser("u-2", "bill@example.com", "bio", "Sells cars"), myKaarmaUser("u-3", "cara@example.com", "isValid", false),
	}
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeRoles, roster, users...)
	p := h.plan()
	if len(p.Held) != 1 || p.Held[0].Reason != plan.HeldUnreadable || !strings.Contains(p.Held[0].Detail, "phone can not be set: an update replaces the whole user, and bio and imageUrl are not shown") ||
		!strings.Contains(p.Held[0].Remedy, "set update: merge, once myKaarma says that an update keeps what it does not send") {
		t.Errorf("%+v", p.Held)
	}
	result := h.apply(p)
	if result.Count(plan.Applied) != 3 {
		t.Fatal(result.Text(plan.Style{}))
	}
	stored := h.dealers()
	if stored["u-1"]["roleUUID"] != "r-2" || stored["u-1"]["phone"] != nil || stored["u-1"]["bio"] != "Sells cars" || stored["u-2"]["isValid"] != false || stored["u-2"]["bio"] != "Sells cars" || stored["u-3"]["isValid"] != true {
		t.Errorf("%v", stored)
	}
	if next := h.plan(); len(next.Changes) > 0 || len(next.Held) != 1 {
		t.Error(next.Text(plan.Style{}))
	}
	// What helps is what the remedy says.
	h = atMyKaarma(t, simulator.MyKaarmaOptions{UpdateMerges: true}, assumeRoles+", update: merge", roster, users...)
	p = h.plan()
	if result := h.apply(p); len(p.Held) > 0 || result.Count(plan.Applied) != 3 || result.Exit != plan.ExitOK {
		t.Fatal(result.Text(plan.Style{}))
	}
	if stored := h.dealers()["u-1"]; stored["phone"] != "1" || stored["bio"] != "Sells cars" || stored["roleUUID"] != "r-2" {
		t.Errorf("%v", stored)
	}
	h.settled()
}

// The requests that a change takes are those that were announced.
func TestRequestsAtMyKaarma(t *testing.T) {
	h := atMyKaarma(t, simulator.MyKaarmaOptions{ListShowsAll: true}, assumeRoles, myKaarmaPeople(
		`email: ana@example.com, phones: [{number: "1", type: work}], access: {mykaarma: {departmentUUID: dep-1, roleUUID: r-2}}`,
	), myKaarmaUser("u-1", "ana@example.com", "isValid", false))
	p := h.plan()
	before := h.count()
	h.apply(p)
	after := h.count()
	if got := after.Reads + after.Writes - before.Reads - before.Writes; p.Changes[0].Action != plan.Restore || int64(p.Changes[0].Requests) != got || got != 7 {
		t.Errorf("%d were announced, and %d made\n%s", p.Changes[0].Requests, got, p.Text(plan.Style{}))
	}
	h.settled()
}

// Without the names of roles a role is sent at the create and never compared.
func TestRolesByHand(t *testing.T) {
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeAll, myKaarmaPeople(ana("")), myKaarmaUser("u-1", "ana@example.com", "roleUUID", "r-2"))
	h.settled()
	h = atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeRoles, myKaarmaPeople(ana("")), myKaarmaUser("u-1", "ana@example.com", "roleUUID", "r-9"))
	p := h.plan()
	if len(p.Changes) != 1 || p.Changes[0].Attributes[0].Before != "r-9" || p.Changes[0].Attributes[0].After != "r-1" || !slices.Contains(p.Changes[0].Risks, plan.RiskPrivilege) {
		t.Error(p.Text(plan.Style{}))
	}
	// Somebody who is several things is not touched.
	h = atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeRoles, myKaarmaPeople(ana("")), myKaarmaUser("u-1", "ana@example.com", "roleUUID", "r-2", "associates", list(map[string]any{"departmentUUID": "dep-2", "roleUUID": "r-2"})))
	p = h.plan()
	if len(p.Changes) > 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldUnreadable || !strings.Contains(p.Held[0].Remedy, "several that are valid") {
		t.Error(p.Text(plan.Style{}))
	}
}

// A leaver is suspended in every configured department; where he keeps another one, or
// a call fails, he has access and is told as such.
func TestSuspendedInEveryDepartment(t *testing.T) {
	other := func(department string) []any {
		return list(map[string]any{"departmentUUID": department, "roleUUID": "r-2"})
	}
	roster := myKaarmaPeople("email: ana@example.com, status: departed")
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeAll, roster, myKaarmaUser("u-1", "ana@example.com", "associates", other("dep-2")))
	p := h.plan()
	if result := h.apply(p); result.Exit != plan.ExitOK || h.count().Writes != 2 || h.dealers()["u-1"]["isValid"] != false || p.Changes[0].Note == "" {
		t.Errorf("%s%v", result.Text(plan.Style{}), h.dealers())
	}
	h.settled()

	bubble(t, func(t *testing.T) {
		h := atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeAll, roster, myKaarmaUser("u-1", "ana@example.com", "associates", other("dep-9")))
		result := h.apply(h.plan())
		if c := result.Changes[0]; c.Status != plan.Failed || !strings.Contains(c.Error, "stores another value than was sent: isValid") || len(result.Open) != 1 {
			t.Errorf("%+v", c)
		}
	})
	bubble(t, func(t *testing.T) {
		h := atMyKaarma(t, simulator.MyKaarmaOptions{}, assumeAll, roster, myKaarmaUser("u-1", "ana@example.com", "associates", other("dep-2")))
		p := h.plan()
		h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Update, Nth: 2, Fault: simulator.FaultStatus, Status: 403}}})
		result := h.apply(p)
		if c := result.Changes[0]; c.Status != plan.Failed || !strings.Contains(c.Error, "done in part") || !strings.Contains(c.Error, "manage.dealerassociate.write") || len(result.Open) != 1 {
			t.Errorf("%+v", c)
		}
		// The next run does the rest.
		h.world.SetChaos(simulator.Chaos{})
		if result := h.apply(h.plan()); result.Exit != plan.ExitOK || h.dealers()["u-1"]["isValid"] != false {
			t.Error(result.Text(plan.Style{}))
		}
		h.settled()
	})
}

// Whoever signs in with the address is not made a second time.
func TestKnownByNameToSignIn(t *testing.T) {
	h := atMyKaarma(t, simulator.MyKaarmaOptions{}, "", myKaarmaPeople(ana("")), myKaarmaUser("u-1", "a.souza@example.com", "username", "Ana@example.com"))
	p := h.plan()
	if len(p.Changes) > 0 || len(p.Manual) != 1 || p.Manual[0].What != "change his address from a.souza@example.com to ana@example.com" {
		t.Fatal(p.Text(plan.Style{}))
	}
	// Beside somebody with that very address it is not known which of them he is.
	if _, err := h.world.Add("mykaarma", myKaarmaUser("u-2", "ana@example.com")); err != nil {
		t.Fatal(err)
	}
	p = h.plan()
	if len(p.Changes) > 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldAmbiguous || !strings.Contains(p.Held[0].Remedy, "userID: u-1; userID: u-2") {
		t.Fatal(p.Text(plan.Style{}))
	}
}

// Where the list is not what it is taken for, nobody is absent: a wrong path is answered
// with a page to sign in.
func TestListThatIsNotThere(t *testing.T) {
	roster := myKaarmaPeople(ana(""), "email: bill@example.com, status: departed")
	for name, more := range map[string]string{"a wrong path": `, paths: {listUsers: "/manage/v2/dealers/{dealerUUID}/users"}`, "a wrong dealer": ""} {
		h := atMyKaarma(t, simulator.MyKaarmaOptions{Dealers: []string{"d-2"}}, more+assumeAll, roster)
		p := h.plan()
		if len(p.Changes) > 0 || len(p.Held) != 2 || p.Providers[0].State != plan.Unread {
			t.Fatalf("%s: %s", name, p.Text(plan.Style{}))
		}
		remedy := map[string]string{"a wrong path": "check baseURL and paths.listUsers", "a wrong dealer": "manage.user.read"}[name]
		for _, held := range p.Held {
			if held.Reason != plan.HeldUnknown || !strings.Contains(held.Remedy, remedy) {
				t.Errorf("%s: %+v", name, held)
			}
		}
		if counts := h.count(); counts.Writes != 0 {
			t.Errorf("%+v", counts)
		}
	}
}

// A create whose answer is lost, or says two things at once, is looked for; one that is
// refused by what it answers is not made twice.
func TestCreateInDoubtAtMyKaarma(t *testing.T) {
	for name, changed := range map[string]func(body string) string{
		"a page instead of an answer": func(string) string { return "<html></html>" },
		"errors beside the id": func(body string) string {
			return strings.Replace(body, `"errors":[]`, `"errors":[{"errorCode":7,"errorTitle":"x","errorMessage":"y"}]`, 1)
		},
		"no id": func(body string) string { return strings.Replace(body, `"userUuid"`, `"user"`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := atMyKaarma(t, simulator.MyKaarmaOptions{}, "", myKaarmaPeople(ana("")))
				h.changed = func(r *http.Request, body []byte) []byte {
					if r.Method != http.MethodPost {
						return body
					}
					other := changed(strings.ReplaceAll(string(body), `": `, `":`))
					if other == string(body) {
						t.Errorf("nothing was changed in %s", body)
					}
					return []byte(other)
				}
				result := h.apply(h.plan())
				if counts := h.count(); result.Count(plan.Applied) != 1 || counts.Created != 1 || counts.Writes != 1 {
					t.Errorf("%s%+v", result.Text(plan.Style{}), counts)
				}
				h.settled()
			})
		})
	}
	for _, errorsIn200 := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			h := atMyKaarma(t, simulator.MyKaarmaOptions{ErrorsIn200: errorsIn200}, "", myKaarmaPeople(ana(", username: taken")), myKaarmaUser("u-1", "bill@example.com", "username", "taken"))
			result := h.apply(h.plan())
			if c, counts := result.Changes[0], h.count(); c.Status != plan.Failed || !strings.Contains(c.Error, "code 400") || strings.Contains(c.Error, "may have taken effect") || counts.Created != 0 || counts.Writes != 1 {
				t.Errorf("%+v %+v", c, counts)
			}
		})
	}
}
