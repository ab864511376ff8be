package plan_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

const partooConfig = `version: 1
guardrails: {maxRemovals: 5}
providers:
  partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited, retries: 1}
`

// atPartoo is a house whose only vendor is Partoo.
func atPartoo(t *testing.T, roster string, users ...map[string]any) *house {
	t.Helper()
	h := newHouse(t, partooConfig, roster)
	for _, user := range users {
		if _, err := h.world.Add("partoo", user); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// partooUser is a Partoo user to begin with.
func partooUser(id, email, role string, more ...any) map[string]any {
	u := map[string]any{"id": id, "email": email, "first_name": "F", "last_name": "L", "role": role}
	for i := 0; i+1 < len(more); i += 2 {
		u[more[i].(string)] = more[i+1]
	}
	return u
}

// stored is the one Partoo user with the address.
func (h *house) stored(email string) map[string]any {
	h.t.Helper()
	for _, u := range h.world.Users("partoo") {
		if u.Data["email"] == email {
			return u.Data
		}
	}
	h.t.Fatalf("nobody has the address %s", email)
	return nil
}

const newcomer = `version: 1
people:
  - email: bill@example.com
    givenName: Bill
    familyName: Smith
    phones: [{number: "+1 306 555 1234", type: mobile}]
    access:
      partoo: {role: PUBLISHER, keywords: [north], receive_reviews_email_notifications: true, welcomeEmail: true}
`

// What a create can not carry is set right after, looked at, and mailed last.
func TestAfterCreate(t *testing.T) {
	h := atPartoo(t, newcomer)
	p := h.plan()
	before := h.count()
	result := h.apply(p)
	counts := h.count()
	if got := p.Changes[0].Requests; got != 5 || counts.Reads+counts.Writes-before.Reads-before.Writes != 5 {
		t.Errorf("%d requests were announced, and %+v", got, counts)
	}
	if result.Count(plan.Applied) != 1 || counts.Writes != 3 || counts.Mails != 1 || counts.Created != 1 {
		t.Errorf("%s%+v", result.Text(plan.Style{}), counts)
	}
	if bill := h.stored("bill@example.com"); bill["phone"] != "+1 306 555 1234" || bill["status"] != "invited" {
		t.Errorf("stored: %v", bill)
	}
	h.settled()
}

// When that fails the user is there, nothing is mailed, the change says what is
// missing, and the next plan has just that.
func TestAfterCreateFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		rule   simulator.Rule
		status plan.Status
		says   string
	}{
		{"refused", simulator.Rule{Operation: simulator.Update, Fault: simulator.FaultStatus, Status: 403}, plan.Failed, "created, but keywords, phone, receive_reviews_email_notifications could not be set"},
		{"in doubt", simulator.Rule{Operation: simulator.Update, Fault: simulator.FaultClosed}, plan.Unknown, "could not be set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := atPartoo(t, newcomer)
				p := h.plan()
				h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{test.rule}})
				result := h.apply(p)
				c := result.Changes[0]
				if c.Status != test.status || !strings.Contains(c.Error, test.says) || c.UserID == "" || !strings.Contains(c.Error, "welcome email not confirmed") {
					t.Errorf("%+v", c)
				}
				if counts := h.count(); counts.Mails != 0 || counts.Created != 1 {
					t.Errorf("%+v", counts)
				}
				h.world.SetChaos(simulator.Chaos{})
				next := h.plan()
				if len(next.Changes) != 1 || next.Changes[0].Action != plan.Update || len(next.Changes[0].Attributes) != 2 {
					t.Fatalf("%s", next.Text(plan.Style{}))
				}
				h.apply(next)
				h.settled()
			})
		})
	}
}

// A create without an answer that had its effect goes on where it was.
func TestAfterCreateInDoubt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := atPartoo(t, newcomer)
		p := h.plan()
		h.world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{Operation: simulator.Create, Nth: 1, Fault: simulator.FaultLostAnswer}}})
		result := h.apply(p)
		if counts := h.count(); result.Count(plan.Applied) != 1 || counts.Created != 1 || counts.Mails != 1 || counts.Writes != 3 {
			t.Errorf("%s%+v", result.Text(plan.Style{}), counts)
		}
		h.settled()
	})
}

// Without what every create needs there is no create, and a person is told.
func TestRequiredAtCreate(t *testing.T) {
	h := atPartoo(t, `version: 1
people:
  - {email: bill@example.com, givenName: Bill, access: {partoo: {role: PUBLISHER}}}
  - {email: dora@example.com, access: {partoo: {role: PUBLISHER}}}
`, partooUser("64a000000000000000000001", "dora@example.com", "PUBLISHER"))
	p := h.plan()
	if len(p.Changes) != 0 || len(p.Manual) != 1 || p.Manual[0].Email != "bill@example.com" || !strings.Contains(p.Manual[0].Why, "last_name") || strings.Contains(p.Manual[0].Why, "first_name") {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
}

// A password is read when it is needed, sent, and nowhere to be seen. One that can
// not be had fails its change and no other.
func TestPasswordByReference(t *testing.T) {
	const secret, weak = "Sup3r-Secret-Phrase", "short"
	roster := `version: 1
people:
  - {email: a@example.com, givenName: A, familyName: A, access: {partoo: {role: PUBLISHER, password: {env: ROLLCALL_TEST_GOOD}}}}
  - {email: b@example.com, givenName: B, familyName: B, access: {partoo: {role: PUBLISHER, password: {env: ROLLCALL_TEST_UNSET}}}}
  - {email: c@example.com, givenName: C, familyName: C, access: {partoo: {role: PUBLISHER, password: {env: ROLLCALL_TEST_WEAK}}}}
  - {email: d@example.com, givenName: D, familyName: D, access: {partoo: {role: PUBLISHER, password: {file: missing.txt}}}}
`
	t.Setenv("ROLLCALL_TEST_GOOD", secret)
	t.Setenv("ROLLCALL_TEST_WEAK", weak)
	h := atPartoo(t, roster)
	var bodies []string
	h.sent = func(r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			bodies = append(bodies, string(body))
		}
	}
	p := h.plan()
	result := h.apply(p, func(a *plan.Applier) { a.Secrets = &sources.Secrets{} })
	for _, want := range []struct {
		email  string
		status plan.Status
		says   string
	}{
		{"a@example.com", plan.Applied, ""},
		{"b@example.com", plan.Failed, "ROLLCALL_TEST_UNSET"},
		{"c@example.com", plan.Failed, "Partoo wants a password with at least 8 characters and an upper case letter and a special character"},
		{"d@example.com", plan.Failed, "missing.txt"},
	} {
		i := slices.IndexFunc(result.Changes, func(c plan.ChangeResult) bool { return c.Email == want.email })
		if c := result.Changes[i]; c.Status != want.status || !strings.Contains(c.Error, want.says) || want.says != "" && !strings.Contains(c.Error, "roster.yaml:") {
			t.Errorf("%s: %s %q", want.email, c.Status, c.Error)
		}
	}
	if counts := h.count(); counts.Created != 1 || counts.Writes != 1 {
		t.Errorf("%+v", counts)
	}
	for _, text := range []string{p.Text(plan.Style{}), string(p.JSON()), result.Text(plan.Style{}), string(result.JSON())} {
		if strings.Contains(text, secret) || strings.Contains(text, weak) {
			t.Errorf("the password is told:\n%s", text)
		}
	}
	if len(bodies) != 1 || !strings.Contains(bodies[0], `"password":"`+secret+`"`) {
		t.Errorf("the password was not sent: %q", bodies)
	}
}

// What is a risk at Partoo.
func TestPartooRisks(t *testing.T) {
	roster := `version: 1
people:
  - {email: a@example.com, access: {partoo: {role: BUSINESS_MANAGER, business_ids: null}}}
  - {email: b@example.com, access: {partoo: {role: GROUP_MANAGER, accesses: [[2, 1]]}}}
  - {email: c@example.com, access: {partoo: {role: GROUP_MANAGER, accesses: [[1]]}}}
  - {email: d@example.com, access: {partoo: {role: PUBLISHER}}}
  - {email: e@example.com, access: {partoo: {role: PUBLISHER}}}
`
	h := atPartoo(t, roster,
		partooUser("64a00000000000000000000a", "a@example.com", "BUSINESS_MANAGER", "business_ids", list("x")),
		partooUser("64a00000000000000000000b", "b@example.com", "GROUP_MANAGER", "accesses", list(list(1, 2), list(3))),
		partooUser("64a00000000000000000000c", "c@example.com", "GROUP_MANAGER", "accesses", list(list(1, 2))),
		partooUser("64a00000000000000000000d", "d@example.com", "ORG_ADMIN"),
		partooUser("64a00000000000000000000e", "e@example.com", "PUBLISHER", "disabled", true),
		partooUser("64a00000000000000000000f", "f@example.com", "ORG_ADMIN"),
	)
	p := h.plan()
	want := map[string][]plan.Risk{
		"a@example.com": {plan.RiskRemoval, plan.RiskFirstContact},
		"b@example.com": {plan.RiskFirstContact},
		"c@example.com": {plan.RiskPrivilege, plan.RiskFirstContact},
		"d@example.com": {plan.RiskFirstContact},
		"e@example.com": {plan.RiskPrivilege, plan.RiskFirstContact},
	}
	for _, c := range p.Changes {
		if !slices.Equal(c.Risks, want[c.Email]) {
			t.Errorf("%s: risks %v, want %v", c.Email, c.Risks, want[c.Email])
		}
		if action := map[bool]plan.Action{true: plan.Restore, false: plan.Update}[c.Email == "e@example.com"]; c.Action != action || len(c.Origin) == 0 {
			t.Errorf("%s: %s at %v", c.Email, c.Action, c.Origin)
		}
	}
	if len(p.Changes) != len(want) {
		t.Errorf("%s", p.Text(plan.Style{}))
	}
	h.apply(p)
	h.settled()
}

// Suspending keeps what the user has, and restoring brings him back with it.
func TestPartooSuspends(t *testing.T) {
	present := `version: 1
people:
  - {email: a@example.com, access: {partoo: {role: BUSINESS_MANAGER}}}
`
	h := atPartoo(t, present, partooUser("64a00000000000000000000a", "a@example.com", "BUSINESS_MANAGER", "business_ids", list("x")))
	h.load(partooConfig, strings.Replace(present, "access:", "status: departed, access:", 1))
	p := h.plan()
	if len(p.Changes) != 1 || p.Changes[0].Action != plan.Suspend || len(p.Changes[0].Attributes) != 1 {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	h.apply(p)
	h.settled()
	if a := h.stored("a@example.com"); a["disabled"] != true || a["role"] != "BUSINESS_MANAGER" {
		t.Errorf("%v", a)
	}
	h.load(partooConfig, present)
	p = h.plan()
	if len(p.Changes) != 1 || p.Changes[0].Action != plan.Restore {
		t.Fatalf("%s", p.Text(plan.Style{}))
	}
	h.apply(p)
	h.settled()
	if a := h.stored("a@example.com"); a["disabled"] == true {
		t.Errorf("%v", a)
	}
}

// Whether an account is enabled has to be shown.
func TestPartooUnshown(t *testing.T) {
	h := atPartoo(t, `version: 1
people:
  - {email: a@example.com, access: {partoo: {role: PUBLISHER}}}
  - {email: b@example.com, status: departed}
`, partooUser("64a00000000000000000000a", "a@example.com", "PUBLISHER"), partooUser("64a00000000000000000000b", "b@example.com", "PUBLISHER"))
	h.world.SetChaos(simulator.Chaos{HiddenInSearch: []string{"disabled"}})
	if p := h.plan(); len(p.Held) != 0 || len(p.Changes) != 1 {
		t.Errorf("shown by id:\n%s", p.Text(plan.Style{}))
	}
	h.world.SetChaos(simulator.Chaos{Hidden: []string{"disabled"}})
	p := h.plan()
	if len(p.Changes) != 0 || len(p.Held) != 2 || p.Held[0].Reason != plan.HeldUnreadable || !p.Held[1].Leaver {
		t.Errorf("never shown:\n%s", p.Text(plan.Style{}))
	}
}

// Somebody who is there meanwhile but is suspended is not as wanted.
func TestThereButSuspended(t *testing.T) {
	roster := `version: 1
people:
  - {email: bill@example.com, givenName: F, familyName: L, access: {partoo: {role: PUBLISHER}}}
`
	twin := partooUser("64a00000000000000000000b", "bill@example.com", "PUBLISHER", "disabled", true)
	for _, test := range []struct {
		name   string
		saved  bool
		before func(h *house)
		want   plan.Status
	}{
		{"a saved plan", true, func(h *house) { h.put(twin) }, plan.Stale},
		{"a create that is refused", false, func(h *house) { h.put(twin) }, plan.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := atPartoo(t, roster)
				p := h.plan()
				test.before(h)
				result := h.apply(p, func(a *plan.Applier) {
					if test.saved {
						a.Built = time.Time{}
					}
				})
				if got := result.Changes[0]; got.Status != test.want || result.Exit != plan.ExitIncomplete {
					t.Errorf("exit %d, %s: %s", result.Exit, got.Status, got.Error)
				}
				if next := h.plan(); len(next.Changes) != 1 || next.Changes[0].Action != plan.Restore {
					t.Errorf("%s", next.Text(plan.Style{}))
				}
			})
		})
	}
}

func (h *house) put(user map[string]any) {
	h.t.Helper()
	if _, err := h.world.Add("partoo", user); err != nil {
		h.t.Fatal(err)
	}
}

// A saved restore gives back what was seen when it was planned, and nothing else:
// not even what the roster does not state may have changed.
func TestRestoreOfMore(t *testing.T) {
	h := atPartoo(t, `version: 1
people:
  - {email: bill@example.com, access: {partoo: {role: PUBLISHER}}}
`, partooUser("64a00000000000000000000b", "bill@example.com", "PUBLISHER", "disabled", true))
	p := h.plan()
	if err := h.world.Edit("partoo", "64a00000000000000000000b", func(data map[string]any) { data["custom_role"] = "everything" }); err != nil {
		t.Fatal(err)
	}
	result := h.apply(p, func(a *plan.Applier) { a.Built = time.Time{} })
	if result.Count(plan.Stale) != 1 || h.stored("bill@example.com")["disabled"] != true {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
}

// An invitation is announced only where one is asked for, and what ends with a
// deletion is what gave access.
func TestPartooPlans(t *testing.T) {
	h := newHouse(t, strings.Replace(partooConfig, "retries: 1", "onLeave: delete", 1), `version: 1
people:
  - {email: a@example.com, givenName: A, familyName: A, access: {partoo: {role: PUBLISHER, send_invitation: false}}}
  - {email: b@example.com, givenName: B, familyName: B, access: {partoo: {role: PUBLISHER, send_invitation: true}}}
  - {email: c@example.com, status: departed}
`)
	h.put(partooUser("64a00000000000000000000c", "c@example.com", "BUSINESS_MANAGER", "business_ids", list("x")))
	p := h.plan()
	for i, effects := range []int{0, 1, 0} {
		if got := len(p.Changes[i].Effects); got != effects {
			t.Errorf("%s has %d effects, want %d", p.Changes[i].ID, got, effects)
		}
	}
	for _, a := range p.Changes[2].Attributes {
		if a.Name == "disabled" {
			t.Errorf("%+v", p.Changes[2].Attributes)
		}
	}
	before := h.count()
	result := h.apply(p)
	counts := h.count()
	if result.Exit != plan.ExitOK || counts.Mails != 1 {
		t.Errorf("%s%+v", result.Text(plan.Style{}), counts)
	}
	if sent := counts.Reads + counts.Writes - before.Reads - before.Writes; sent != int64(p.Providers[0].Requests) {
		t.Errorf("%d requests were sent, and %d announced", sent, p.Providers[0].Requests)
	}
	h.settled()
}

// A list that a role no longer reads is not sent with the new role, which may refuse
// it.
func TestScopeLeftBehind(t *testing.T) {
	h := atPartoo(t, `version: 1
people:
  - {email: a@example.com, access: {partoo: {role: BUSINESS_MANAGER, business_ids: [b1], accesses: null}}}
`, partooUser("64a00000000000000000000a", "a@example.com", "GROUP_MANAGER", "accesses", list(list(1))))
	if result := h.apply(h.plan()); result.Exit != plan.ExitOK {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
	h.settled()
}

// Simulated vendors are given a password of their own.
func TestSimulatedPassword(t *testing.T) {
	h := atPartoo(t, `version: 1
people:
  - {email: a@example.com, givenName: A, familyName: A, access: {partoo: {role: PUBLISHER, password: {env: ROLLCALL_TEST_UNSET}}}}
`)
	if result := h.apply(h.plan(), func(a *plan.Applier) { a.Simulated = true }); result.Exit != plan.ExitOK {
		t.Errorf("%s", result.Text(plan.Style{}))
	}
}

// A password that would arrive as another one is not sent.
func TestPasswordAsWritten(t *testing.T) {
	for name, password := range map[string]string{"Latin-1": "Geh\xe9im!23Ab", "a byte order mark": "\ufeffGeheim!23Ab", "two lines": "Geheim!23Ab\n\n", "a tab": "Geheim!23\tAb"} {
		h := atPartoo(t, `version: 1
people:
  - {email: a@example.com, givenName: A, familyName: A, access: {partoo: {role: PUBLISHER, password: {file: secret.txt}}}}
`)
		if err := os.WriteFile("secret.txt", []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
		result := h.apply(h.plan(), func(a *plan.Applier) { a.Secrets = &sources.Secrets{} })
		if c := result.Changes[0]; c.Status != plan.Failed || !strings.Contains(c.Error, "file secret.txt") || h.count().Writes != 0 {
			t.Errorf("%s: %s %q", name, c.Status, c.Error)
		}
	}
}

// A create that is answered with somebody else's id changes nothing of his.
func TestAnsweredWithAnotherID(t *testing.T) {
	h := atPartoo(t, newcomer, partooUser("64a00000000000000000000e", "else@example.com", "PUBLISHER"))
	h.changed = func(r *http.Request, body []byte) []byte {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/user") {
			return []byte(`{"id":"64a00000000000000000000e","status":"success"}`)
		}
		return body
	}
	result := h.apply(h.plan())
	if c := result.Changes[0]; c.Status != plan.Unknown || !strings.Contains(c.Error, "another address") {
		t.Errorf("%s: %s", c.Status, c.Error)
	}
	if phone, is := h.stored("else@example.com")["phone"]; is && phone != nil || h.count().Mails > 0 {
		t.Errorf("%v", h.stored("else@example.com"))
	}
}
