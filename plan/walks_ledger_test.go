package plan_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// A pose is what the roster has of one person on a day.
type pose struct {
	gone     bool // the roster does not have him
	departed bool
	stay     func(w walk) stay
	team     bool // beside the least of his own, a team gives him the stay
	renamed  bool // he has another address, known as his by his id alone
}

// A remembered walk is people who are taken through a roster's days at one provider whose
// ledger is kept.
type rememberedWalk struct {
	walker
	chance *rand.Rand
	people []string
	poses  map[string]pose
	ids    map[string]string // the vendor's, of everybody who was ever created
	acted  map[plan.Action]int
}

// change lets a day pass on the roster.
func (w *rememberedWalk) change() {
	for _, person := range w.people {
		p := w.poses[person]
		if w.chance.IntN(3) == 0 {
			continue // as he was
		}
		switch w.chance.IntN(6) {
		case 0:
			p = pose{gone: true, renamed: p.renamed}
		case 1:
			p = pose{departed: true, stay: full, renamed: p.renamed}
		case 2:
			p = pose{stay: minimal, renamed: p.renamed}
		case 3:
			p = pose{stay: func(w walk) stay { return w.grants }, renamed: p.renamed}
		case 4:
			p = pose{stay: full, team: true, renamed: p.renamed}
		default:
			p = pose{stay: full, renamed: p.renamed != (!p.gone && !p.departed)}
		}
		w.poses[person] = p
	}
}

// address is the one that the roster has of a person.
func (w *rememberedWalk) address(person string) string {
	both := addresses(person)
	if w.poses[person].renamed {
		return both[1]
	}
	return both[0]
}

// load reads the roster, in which somebody stays as he is.
func (w *rememberedWalk) load() {
	w.t.Helper()
	var entries, teams strings.Builder
	for _, person := range append([]string{"still"}, w.people...) {
		p := w.poses[person]
		if p.gone {
			continue
		}
		given := p.stay(w.walk)
		lines := []string{"email: " + w.address(person), "givenName: Ana", "familyName: Souza"}
		if w.walk.entry != "" {
			lines = append(lines, strings.ReplaceAll(w.walk.entry, "{person}", person))
		}
		if !strings.Contains(w.walk.entry, "{person}") {
			lines = append(lines, "id: "+person)
		}
		if given.person != "" {
			lines = append(lines, given.person)
		}
		if p.departed {
			lines = append(lines, "status: departed")
		}
		if p.team {
			lines = append(lines, "teams: ["+person+"]")
			fmt.Fprintf(&teams, "  %s: {access: {%s: {%s}}}\n", person, w.kind.Name, given.block)
		} else {
			lines = append(lines, fmt.Sprintf("access: {%s: {%s}}", w.kind.Name, given.block))
		}
		entries.WriteString("  - {" + strings.Join(lines, ", ") + "}\n")
	}
	roster := "version: 1\npeople:\n" + entries.String()
	if teams.Len() > 0 {
		roster += "teams:\n" + teams.String()
	}
	leave := ""
	if w.leaving(sources.LeaveSuspend) == sources.LeaveDelete {
		leave = "onLeave: delete"
	}
	w.h.load(configure(w.kind, w.walk.settings, leave), roster)
}

// day applies the roster and looks: whoever is to be there is, with what it states, under
// the id that he always had; whoever is not has no access, or is open; nobody is there
// twice; and the ledger says the same.
func (w *rememberedWalk) day() {
	w.t.Helper()
	w.load()
	p := w.h.plan()
	r := w.h.apply(p)
	for _, c := range p.Changes {
		w.acted[c.Action]++
	}
	if want := map[bool]int{true: plan.ExitIncomplete, false: plan.ExitOK}[len(r.Open) > 0]; r.Exit != want || len(p.Held) > 0 {
		w.t.Fatalf("exit %d, want %d:\n%s\n%s", r.Exit, want, p.Text(plan.Style{}), r.Text(plan.Style{}))
	}
	if next := w.h.plan(); len(next.Changes)+len(next.Held)+len(next.Recognised)+len(next.Interrupted) > 0 {
		w.t.Fatalf("the plan after the apply is not empty:\n%s", next.Text(plan.Style{}))
	}
	rows := make(map[string][]ledger.User)
	for _, row := range w.h.state.Users {
		rows[row.UserID] = append(rows[row.UserID], row)
	}
	open := len(w.h.state.Open)
	for _, person := range append([]string{"still"}, w.people...) {
		open -= w.agrees(person, rows)
	}
	if open != 0 || len(w.h.state.Unfinished) != 0 || len(rows) != len(w.h.state.Users) {
		w.t.Fatalf("the ledger has %v open, %v unfinished and %d rows of %d users", w.h.state.Open, w.h.state.Unfinished, len(w.h.state.Users), len(rows))
	}
}

// agrees fails unless vendor, roster and ledger agree on a person. It returns how many
// open leavers he is.
func (w *rememberedWalk) agrees(person string, rows map[string][]ledger.User) (open int) {
	w.t.Helper()
	p, users := w.poses[person], w.records(person)
	if len(users) > 1 {
		w.t.Fatalf("%s is there twice: %v", person, users)
	}
	if len(users) == 0 {
		if !p.gone && !p.departed {
			w.t.Fatalf("%s is not there", person)
		}
		if id := w.ids[person]; id != "" && len(rows[id]) > 0 {
			w.t.Fatalf("%s is not there, and the ledger has %+v", person, rows[id])
		}
		delete(w.ids, person)
		return 0
	}
	user := users[0]
	if id := w.ids[person]; id != "" && id != user.ID {
		w.t.Fatalf("%s was %s and is %s", person, id, user.ID)
	}
	w.ids[person] = user.ID
	if len(rows[user.ID]) != 1 {
		w.t.Fatalf("%s: the ledger has %+v of %s", person, rows[user.ID], user.ID)
	}
	row := rows[user.ID][0]
	if row.Person != person || row.How != ledger.Created {
		w.t.Fatalf("%s: the ledger has %+v", person, row)
	}
	if !p.gone && !p.departed {
		if row.Email != w.address(person) || !row.Left.IsZero() || row.Before != nil || w.suspended(user) {
			w.t.Fatalf("%s: the ledger has %+v, and there is %v", person, row, user)
		}
		for place, value := range p.stay(w.walk).record {
			if !has(user.Data, map[string]any{place: value}) {
				w.t.Fatalf("%s: %s is not %v: %v", person, place, value, user.Data)
			}
		}
		kind, _ := w.kind.Configure(w.h.config.Providers[0])
		if kind.Readdress && !sources.SameEmail(user.Email, w.address(person)) {
			w.t.Fatalf("%s has the address %s", person, user.Email)
		}
		return 0
	}
	isOpen := slices.ContainsFunc(addressesOf(person), func(address string) bool {
		return !w.h.state.Open[ledger.Key{Provider: w.kind.Name, Email: address}].IsZero()
	})
	if w.suspended(user) == isOpen || w.suspended(user) == row.Left.IsZero() {
		w.t.Fatalf("%s has left: the ledger has %+v, open: %v, and there is %v", person, row, isOpen, user)
	}
	if isOpen {
		return 1
	}
	return 0
}

func addressesOf(person string) []string {
	both := addresses(person)
	return both[:]
}

// TestDaysWithLedger takes people through days of a roster at every provider: they vanish
// and come back, leave and return, lose teams and get other addresses.
func TestDaysWithLedger(t *testing.T) {
	for _, kind := range registry.Kinds() {
		known, ok := walks[kind.Name]
		if !ok {
			t.Errorf("there is no walk for %s", kind.Name)
			continue
		}
		for seed := range uint64(1) {
			t.Run(fmt.Sprintf("%s/seed %d", kind.Name, seed), func(t *testing.T) {
				h := newHouse(t, configure(kind, known.settings), "version: 1\n")
				h.world = simulator.New(known.world)
				h.ledger = filepath.Join(t.TempDir(), "ledger.db")
				w := &rememberedWalk{
					walker: walker{t: t, h: h, kind: kind, walk: known}, chance: rand.New(rand.NewPCG(seed, 11)), //nolint:gosec // repeatable on purpose
					people: []string{"ana", "bill", "cara"}, poses: make(map[string]pose), ids: make(map[string]string), acted: make(map[plan.Action]int),
				}
				for _, person := range append([]string{"still"}, w.people...) {
					w.poses[person] = pose{stay: full}
				}
				for range 18 {
					w.day()
					w.change()
				}
				fitted, _ := kind.Configure(h.config.Providers[0])
				wanted := []plan.Action{plan.Create, plan.Update}
				if fitted.Cannot("suspend") == "" && fitted.Cannot("restore") == "" {
					wanted = append(wanted, plan.Suspend, plan.Restore)
				} else if fitted.Cannot("delete") == "" {
					wanted = append(wanted, plan.Delete)
				}
				for _, action := range wanted {
					if w.acted[action] == 0 {
						t.Errorf("nobody was to %s: %v", action, w.acted)
					}
				}
			})
		}
	}
}
