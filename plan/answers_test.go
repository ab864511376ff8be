package plan_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/simulator"
)

// Whoever is there by the time he is to be created is seen, whatever the vendor answers
// then: no second one is made, and who is not as wanted is left as he is.
func TestDuplicateInWhateverForm(t *testing.T) {
	status := func(code int) *simulator.Rule {
		return &simulator.Rule{Operation: simulator.Create, Fault: simulator.FaultStatus, Status: code}
	}
	forms := map[string]*simulator.Rule{
		"as the vendor refuses it": nil,
		"400":                      status(http.StatusBadRequest), "403": status(http.StatusForbidden), "404": status(http.StatusNotFound),
		"409": status(http.StatusConflict), "422": status(http.StatusUnprocessableEntity), "500": status(http.StatusInternalServerError),
		"a page with 409": {Operation: simulator.Create, Fault: simulator.FaultHTML, Status: http.StatusConflict},
		"a page with 200": {Operation: simulator.Create, Fault: simulator.FaultHTML, Status: http.StatusOK},
	}
	type meanwhile struct {
		form    string
		differs bool
	}
	everyTenant(t, func(m *tenant) {
		wanted := m.entry("E-1", "ana@example.com")
		worlds, plans := make(map[meanwhile]*simulator.World), make(map[meanwhile]*planned)
		m.roster(wanted)
		for form := range forms {
			for _, differs := range []bool{false, true} {
				m.world = simulator.New(m.walk.world)
				worlds[meanwhile{form, differs}], plans[meanwhile{form, differs}] = m.world, m.plan()
			}
		}
		for _, differs := range []bool{false, true} {
			if differs {
				m.roster(strings.Replace(wanted, m.walk.minimal.block, m.walk.grants.block, 1))
			}
			for form, rule := range forms {
				m.world = worlds[meanwhile{form, differs}]
				if r := m.apply(m.plan()); r.Exit != plan.ExitOK {
					m.t.Fatal(r.Text(plan.Style{}))
				}
				before := m.users()
				if rule != nil {
					m.world.SetChaos(fail(*rule))
				}
				got := m.apply(plans[meanwhile{form, differs}]).Changes[0]
				if done(got) == differs || got.UserID != before[0].ID {
					m.t.Errorf("%s, differs %v: ends %s, user %q: %s", form, differs, got.Status, got.UserID, got.Error)
				}
				if diff := cmp.Diff(before, m.users()); diff != "" || m.count().Created != 1 {
					m.t.Errorf("%s, differs %v: %d were created:\n%s", form, differs, m.count().Created, diff)
				}
			}
		}
	})
}

// ignorable names, by kind, an attribute of the stay "single values" that a vendor may
// take and not store.
var ignorable = map[string]string{"vendasta": "greetingName", "partoo": "custom_role", "mykaarma": "bio", "intelagree": "title", "myreports": "displayName"}

// A vendor that takes an update, says that it is done and stores nothing of it is not
// believed: the change has failed, and whoever was to lose his access is open.
func TestIgnoredUpdates(t *testing.T) {
	everyWay(t, map[string]simulator.Chaos{"calm": {}}, func(w *walker) {
		w.step(map[string]desire{"ana": {stay: full}}, w.leaving("suspend"))
		ignored := func(d desire, names ...string) *plan.Result {
			before := w.records("ana")[0]
			w.load(map[string]desire{"ana": d}, w.leaving("suspend"))
			chaos := simulator.Chaos{StoreDifferently: make(map[string]func(any) any)}
			for _, name := range names {
				old := before.Data[name]
				if place := "attributes." + name; at(before.Data, place) != nil {
					old = at(before.Data, place)
				}
				chaos.StoreDifferently[name] = simulator.Always(old)
			}
			w.h.world.SetChaos(chaos)
			r := w.h.apply(w.h.plan())
			if w.h.count().Faults["stored-differently"] == 0 {
				w.t.Errorf("%v were stored as they were sent", names)
			}
			got := only(w.t, r)
			if got.Status != plan.Failed || r.Exit != plan.ExitIncomplete || !strings.Contains(got.Error, "the vendor stores another value than was sent: ") || !strings.Contains(got.Error, names[0]) {
				w.t.Errorf("%v ignored: %s, exit %d: %s", names, got.Status, r.Exit, got.Error)
			}
			w.h.world.SetChaos(simulator.Chaos{})
			return r
		}
		ignored(desire{stay: func(w walk) stay { return w.scalar }}, ignorable[w.kind.Name])
		w.step(map[string]desire{"ana": {stay: full}}, w.leaving("suspend"))
		kind, _ := w.kind.Configure(w.h.config.Providers[0])
		if kind.Cannot("suspend") != "" {
			return
		}
		r := ignored(desire{stay: full, entry: "status: departed", leaves: true}, slices.Sorted(maps.Keys(kind.Suspension.Suspended))...)
		if len(r.Open) != 1 || r.Open[0].Email != "ana@example.com" {
			w.t.Errorf("open: %+v", r.Open)
		}
	})
}

// done reports whether a change is as the plan wants it.
func done(c plan.ChangeResult) bool { return c.Status == plan.Applied || c.Status == plan.Already }

// Whoever was never looked up is not taken for absent.
func TestNotLookedUpIsNotAbsent(t *testing.T) {
	h := newHouse(t, "", oneNew)
	in := h.input()
	in.Entries[0].Observation = providers.Observation{}
	p := plan.Build(in)
	if len(p.Changes) > 0 || len(p.Held) != 1 || p.Held[0].Reason != plan.HeldUnknown || p.Exit(false) != plan.ExitIncomplete {
		t.Errorf("exit %d:\n%s", p.Exit(false), p.Text(plan.Style{}))
	}
}
