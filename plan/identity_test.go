package plan_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// A tenant is the roster of one kind's vendor, of which the people all have the same
// access there.
type tenant struct {
	*house
	kind *providers.Kind
	walk walk
	// settings are more of the provider's.
	settings []string
}

// everyTenant runs a test for every kind of the registry.
func everyTenant(t *testing.T, f func(m *tenant)) {
	for _, kind := range registry.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := &tenant{kind: kind, walk: walks[kind.Name]}
				m.house = newHouse(t, configure(kind, m.walk.settings), "version: 1\n")
				m.world = simulator.New(m.walk.world)
				f(m)
			})
		})
	}
}

// entry is somebody of the roster with the id, and more lines of his.
func (m *tenant) entry(id, email string, lines ...string) string {
	own := "id: " + id
	if m.walk.entry != "" {
		own = strings.ReplaceAll(m.walk.entry, "{person}", id)
	}
	all := append([]string{"email: " + email, "givenName: Ana", "familyName: Souza", own}, lines...)
	return "  - {" + strings.Join(all, ", ") + fmt.Sprintf(", access: {%s: {%s}}}\n", m.kind.Name, m.walk.minimal.block)
}

// roster has the vendor's people by these entries.
func (m *tenant) roster(entries ...string) {
	m.t.Helper()
	m.load(configure(m.kind, append([]string{m.walk.settings}, m.settings...)...), "version: 1\npeople:\n"+strings.Join(entries, ""))
}

// users are the vendor's.
func (m *tenant) users() []simulator.User { return m.world.Users(m.kind.Name) }

// user is the vendor's with the address.
func (m *tenant) user(email string) simulator.User {
	m.t.Helper()
	users := slices.DeleteFunc(m.users(), func(u simulator.User) bool { return u.Email != email })
	if len(users) != 1 {
		m.t.Fatalf("%d users have the address %s", len(users), email)
	}
	return users[0]
}

// readdressed gives a user another address, as somebody does at the vendor.
func (m *tenant) readdressed(id, email string) {
	m.t.Helper()
	path := strings.Split(m.walk.address, ".")
	err := m.world.Edit(m.kind.Name, id, func(data map[string]any) {
		for _, place := range path[:len(path)-1] {
			data = data[place].(map[string]any)
		}
		data[path[len(path)-1]] = email
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// can reports whether the vendor, as it is configured, can do something.
func (m *tenant) can(operation string) bool {
	kind, _ := m.kind.Configure(m.config.Providers[0])
	return kind.Cannot(operation) == ""
}

// Whoever gets another address is neither made a second time nor removed, however it is
// known that he is the same, and also where leavers are deleted at once.
func TestRenamedIsOne(t *testing.T) {
	const old, now = "ana@example.com", "ana.lima@example.com"
	for name, test := range map[string]struct {
		ledger bool
		rename func(m *tenant, id string)
	}{
		"by his id in the roster": {true, func(m *tenant, _ string) { m.roster(m.entry("E-1", now)) }},
		"by his previous address": {false, func(m *tenant, _ string) { m.roster(m.entry("E-1", now, "previousEmails: ["+old+"]")) }},
		"by his previous address, the vendor's too": {false, func(m *tenant, id string) {
			m.readdressed(id, now)
			m.roster(m.entry("E-1", now, "previousEmails: ["+old+"]"))
		}},
		"by the id that the vendor gave him": {true, func(m *tenant, id string) { m.readdressed(id, now) }},
	} {
		t.Run(name, func(t *testing.T) {
			everyTenant(t, func(m *tenant) {
				if m.can("delete") {
					m.settings = []string{"onLeave: delete"}
				}
				if test.ledger {
					m.ledger = filepath.Join(m.t.TempDir(), "ledger.db")
				}
				m.roster(m.entry("E-1", old))
				m.applied()
				before := m.users()
				test.rename(m, before[0].ID)
				for range 2 {
					p := m.plan()
					for _, c := range p.Changes {
						if c.Action != plan.Update || c.UserID != before[0].ID {
							m.t.Errorf("%s is planned to %s %s", c.ID, c.Action, c.UserID)
						}
					}
					if len(p.Held) > 0 {
						m.t.Errorf("%+v", p.Held)
					}
					m.apply(p)
				}
				if after := m.users(); len(after) != 1 || after[0].ID != before[0].ID {
					m.t.Errorf("there was %+v, and is %+v", before, after)
				}
			})
		})
	}
}

// Somebody whose address was changed at the vendor is found by his id there, and nobody
// else is kept waiting for what is to become of it.
func TestRenamedStopsNobody(t *testing.T) {
	everyTenant(t, func(m *tenant) {
		m.ledger = filepath.Join(m.t.TempDir(), "ledger.db")
		m.roster(m.entry("E-1", "ana@example.com"), m.entry("E-2", "bo@example.com"))
		m.applied()
		id := m.user("ana@example.com").ID
		m.readdressed(id, "somebody@example.com")
		m.roster(m.entry("E-1", "ana@example.com"), m.entry("E-2", "bo@example.com"), m.entry("E-3", "cy@example.com"))
		p := m.plan()
		told := slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.UserID == id && c.Attributes[0].Name == "email" }) ||
			slices.ContainsFunc(p.Manual, func(x plan.Manual) bool {
				return x.UserID == id && strings.Contains(x.What, "from somebody@example.com to ana@example.com")
			})
		if !told || m.kind.Readdress != (len(p.Manual) == 0) {
			m.t.Errorf("nothing is said of the address:\n%s", p.Text(plan.Style{}))
		}
		if r := m.apply(p); r.Exit != plan.ExitOK {
			m.t.Errorf("%s", r.Text(plan.Style{}))
		}
		made := slices.ContainsFunc(m.users(), func(u simulator.User) bool { return u.Email == "cy@example.com" })
		if !made || len(m.users()) != 3 {
			m.t.Errorf("%+v", m.users())
		}
	})
}

// forms are spellings of one address; the last is none that a vendor keeps.
var forms = []string{
	"ana+ops@bücher.example", "Ana+Ops@Bücher.example", "ANA+OPS@BÜCHER.EXAMPLE", "ana+ops@xn--bcher-kva.example",
	"ana+ops@bu\u0308cher.example",
}

// An address that the vendor spells otherwise is the same: nobody is made for it, it is
// not changed, and nobody is gone.
func TestSpellingsOfAnAddress(t *testing.T) {
	once(t)
	everyTenant(t, func(m *tenant) {
		m.ledger = filepath.Join(m.t.TempDir(), "ledger.db")
		m.roster(m.entry("E-1", forms[0]))
		m.applied()
		id := m.users()[0].ID
		for _, there := range forms[:4] {
			m.readdressed(id, there)
			for _, here := range forms {
				for _, ledger := range []string{"", m.ledger} {
					was := m.ledger
					m.ledger = ledger
					m.roster(m.entry("E-1", here))
					if p := m.plan(); len(p.Changes)+len(p.Held)+len(p.Manual) > 0 {
						m.t.Errorf("%s in the roster, %s at the vendor, ledger %q:\n%s", here, there, ledger, p.Text(plan.Style{}))
					}
					m.ledger = was
				}
			}
		}
	})
}

// An address is sent as the roster spells it.
func TestAddressIsSentAsWritten(t *testing.T) {
	const written = "Ana.O'Brien+Ops@Example.com"
	everyTenant(t, func(m *tenant) {
		var sent []string
		m.roster(m.entry("E-1", `"`+written+`"`))
		p := m.plan()
		for _, a := range p.Changes[0].Attributes {
			if a.Name == "email" {
				sent = append(sent, fmt.Sprint(a.After))
			}
		}
		if r := m.apply(p); r.Exit != plan.ExitOK {
			m.t.Fatal(r.Text(plan.Style{}))
		}
		sent = append(sent, m.users()[0].Email)
		if !slices.Equal(sent, []string{written, written}) {
			m.t.Errorf("%q", sent)
		}
		m.settled()
	})
}

// Whoever was created and is not yet to be found is known by his id: he is not made once
// more.
func TestCreatedAndNotYetFound(t *testing.T) {
	everyTenant(t, func(m *tenant) {
		m.ledger = filepath.Join(m.t.TempDir(), "ledger.db")
		m.world.SetChaos(simulator.Chaos{IndexLag: time.Hour})
		m.roster(m.entry("E-1", "ana@example.com"))
		m.apply(m.plan())
		p := m.plan()
		for _, c := range p.Changes {
			m.t.Errorf("%s is planned to %s", c.ID, c.Action)
		}
		m.apply(p)
		if n := len(m.users()); n != 1 || m.count().Created != 1 {
			m.t.Errorf("%d users, %d were created", n, m.count().Created)
		}
		time.Sleep(2 * time.Hour)
		m.settled()
	})
}

// Nor is he forgotten when he leaves at once.
func TestLeftBeforeHeWasFound(t *testing.T) {
	everyTenant(t, func(m *tenant) {
		m.ledger = filepath.Join(m.t.TempDir(), "ledger.db")
		m.world.SetChaos(simulator.Chaos{IndexLag: time.Hour})
		bo := m.entry("E-2", "bo@example.com")
		m.roster(m.entry("E-1", "ana@example.com"), bo)
		m.apply(m.plan())
		m.roster(bo)
		m.apply(m.plan())
		m.later++
		time.Sleep(2 * time.Hour)
		p := m.plan()
		removed := slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.Email == "ana@example.com" && c.Action == plan.Suspend }) ||
			slices.ContainsFunc(p.Manual, func(x plan.Manual) bool { return x.Email == "ana@example.com" && x.Leaver })
		if user := m.user("ana@example.com"); !removed && (len(m.kind.Suspension.Suspended) == 0 || !has(user.Data, m.kind.Suspension.Suspended)) {
			m.t.Errorf("%v has access, and the plan has\n%s", user.Data, p.Text(plan.Style{}))
		}
	})
}

// A protected address is nobody's to change, whether the roster has it or the vendor:
// who was found by an id, or by a name to sign in with, may have it too.
func TestProtectedHoweverFound(t *testing.T) {
	const owner = "owner@example.com"
	for name, entry := range map[string]func(m *tenant) []string{
		"gone":     func(*tenant) []string { return nil },
		"departed": func(m *tenant) []string { return []string{m.entry("E-1", "ana@example.com", "status: departed")} },
		"changed": func(m *tenant) []string {
			return []string{strings.Replace(m.entry("E-1", "ana@example.com"), m.walk.minimal.block, m.walk.scope.block, 1)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyTenant(t, func(m *tenant) {
				m.ledger = filepath.Join(m.t.TempDir(), "ledger.db")
				bo := m.entry("E-2", "bo@example.com")
				m.roster(m.entry("E-1", "ana@example.com"), bo)
				m.applied()
				before := m.user("ana@example.com")
				m.readdressed(before.ID, "Owner@Example.com")
				m.roster(append(entry(m), bo)...)
				m.guarded(owner)
				p := m.plan()
				if len(p.Changes) > 0 || !slices.ContainsFunc(p.Held, func(h plan.Held) bool { return h.Reason == plan.HeldProtected && h.UserID == before.ID }) {
					m.t.Errorf("want him held as protected:\n%s", p.Text(plan.Style{}))
				}
				if len(p.Manual) > 0 {
					m.t.Errorf("a person is asked to: %+v", p.Manual)
				}
			})
		})
	}
	t.Run("by a name to sign in with", func(t *testing.T) {
		h := atMyKaarma(t, simulator.MyKaarmaOptions{ListShowsAll: true}, assumeAll, myKaarmaPeople("email: ana@example.com, status: departed"),
			myKaarmaUser("u-1", "ana@example.com", "username", owner))
		unguarded := h.plan()
		h.config.Guardrails.Protect = patterns(t, owner)
		if p := h.plan(); len(p.Changes) > 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldProtected {
			t.Error(p.Text(plan.Style{}))
		}
		// Looked at again, he is refused.
		r := h.apply(unguarded, func(a *plan.Applier) { a.Built = time.Time{} })
		if got := only(t, r); got.Status != plan.Refused || h.count().Writes > 0 {
			t.Errorf("%s, %d writes: %s", got.Status, h.count().Writes, got.Error)
		}
	})
	t.Run("looked at again", func(t *testing.T) {
		h := remembering(t, bothConfig, people(anaEntry)+seller)
		h.load(bothConfig, people()+seller)
		p := h.plan()
		id := fmt.Sprint(h.atVendasta("ana@example.com")["id"])
		if err := h.world.Edit("vendasta", id, func(data map[string]any) { data["attributes"].(map[string]any)["email"] = owner }); err != nil {
			t.Fatal(err)
		}
		h.config.Guardrails.Protect = patterns(t, owner)
		r := h.apply(p, func(a *plan.Applier) { a.Built = time.Time{} })
		for _, c := range r.Changes {
			if want := map[string]plan.Status{"vendasta": plan.Refused, "partoo": plan.Applied}[c.Provider]; c.Status != want {
				t.Errorf("%s is %s: %s", c.ID, c.Status, c.Error)
			}
		}
	})
}

// guarded protects an address.
func (m *tenant) guarded(email string) { m.config.Guardrails.Protect = patterns(m.t, email) }

func patterns(t testing.TB, texts ...string) []sources.Pattern {
	t.Helper()
	var all []sources.Pattern
	for _, text := range texts {
		pattern, err := sources.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pattern)
	}
	return all
}

// Somebody else who has the address of one who was managed is met for the first time:
// nothing of his is taken that rollcall never gave him, and his address is his.
func TestAnotherUserWithHisAddress(t *testing.T) {
	h := remembering(t, bothConfig, people(anaEntry)+seller)
	h.world.Remove("partoo", fmt.Sprint(h.stored("ana@example.com")["id"]))
	h.world.Remove("vendasta", fmt.Sprint(h.atVendasta("ana@example.com")["id"]))
	if _, err := h.world.Add("partoo", partooUser("64a000000000000000000009", "ana.old@example.com", "PUBLISHER")); err != nil {
		t.Fatal(err)
	}
	h.add(user("U-other", "ana@example.com", list("ssc:access", "tm:access"), "givenName", "Anna", "familyName", "Souza"))
	entry := strings.Replace(anaEntry, "id: E-1", "id: E-1, previousEmails: [ana.old@example.com]", 1)
	h.load(bothConfig, people(strings.Replace(entry, "teams: [seller]", "title: Buyer", 1))+seller)
	p := h.plan()
	if got := lines(p); got != "partoo/ana@example.com adopt joined first_name:F->Ana last_name:L->Souza" || len(p.Manual) != 1 {
		t.Errorf("%s\n%s", got, p.Text(plan.Style{}))
	}
}
