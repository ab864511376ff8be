package plan_test

import (
	"strings"
	"testing"

	"rollcall/plan"
)

// Who was invited and has not come yet is a user like any other: he is not made or
// mailed a second time, whoever invited him, he loses his access when he leaves, and he
// is not mailed when he comes back.
func TestInvited(t *testing.T) {
	for name, config := range map[string]string{
		"search": partooConfig, "list": strings.Replace(partooConfig, "retries: 1", "retries: 1, lookup: list", 1),
	} {
		for _, by := range []string{"rollcall", "somebody else"} {
			roster := strings.Replace(newcomer, ", keywords: [north], receive_reviews_email_notifications: true", "", 1)
			h := newHouse(t, config, roster)
			if by == "somebody else" {
				h.put(partooUser("64a00000000000000000000a", "bill@example.com", "PUBLISHER", "first_name", "Bill", "last_name", "Smith", "phone", "+1 306 555 1234", "status", "invited"))
			} else if r := h.apply(h.plan()); r.Exit != plan.ExitOK {
				t.Fatal(r.Text(plan.Style{}))
			}
			mails := h.count().Mails
			if want := map[string]int64{"rollcall": 1, "somebody else": 0}[by]; mails != want || h.stored("bill@example.com")["status"] != "invited" {
				t.Fatalf("%s, by %s: %d mails, %v", name, by, mails, h.stored("bill@example.com"))
			}
			id := h.stored("bill@example.com")["id"]
			for _, step := range []struct {
				roster string
				want   plan.Action
			}{
				{roster, ""},
				{strings.Replace(roster, "email:", "status: departed\n    email:", 1), plan.Suspend},
				{roster, plan.Restore},
			} {
				h.load(config, step.roster)
				p := h.plan()
				var did plan.Action
				for _, c := range p.Changes {
					did = c.Action
					if len(c.Effects) > 0 {
						t.Errorf("%s, by %s: %s has the effects %v", name, by, c.Action, c.Effects)
					}
				}
				if r := h.apply(p); did != step.want || len(p.Held)+len(p.Manual) > 0 || r.Exit != plan.ExitOK {
					t.Errorf("%s, by %s: %q, want %q\n%s\n%s", name, by, did, step.want, p.Text(plan.Style{}), r.Text(plan.Style{}))
				}
				h.settled()
				bill := h.stored("bill@example.com")
				if disabled := bill["disabled"] == true; disabled != (step.want == plan.Suspend) || bill["id"] != id || bill["status"] != "invited" {
					t.Errorf("%s, by %s, after %q: %v", name, by, step.want, bill)
				}
			}
			if counts := h.count(); counts.Mails != mails || len(h.world.Users("partoo")) != 1 {
				t.Errorf("%s, by %s: %d mails, there were %d; %d users", name, by, counts.Mails, mails, len(h.world.Users("partoo")))
			}
		}
	}
}
