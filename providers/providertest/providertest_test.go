package providertest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/providers/vendasta"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small is a subject with what these tests need of one.
func small() Subject {
	record := func(email string) map[string]any {
		return map[string]any{"partner": "ABC", "platformAccess": []any{"tm:access"}, "attributes": map[string]any{"email": email, "givenName": "Ana"}}
	}
	return Subject{
		Kind: vendasta.Kind(), Settings: map[string]string{"partner": "ABC"}, SearchPage: 10, ListPage: 100,
		User: record, New: record, Volatile: []string{"createdAt", "updatedAt"},
		Creates: []Sample{{Name: "one", Values: map[string]any{"platformAccess": []any{"tm:access"}}}},
		Without: map[string]string{"phantom-pages": "pages have no numbers", "singular-error": "errors have one form"},
		Updates: []Sample{{Name: "name", Values: map[string]any{"givenName": "Anna"}, Record: map[string]any{"attributes.givenName": "Anna"}}},
	}
}

// named is the law of that name.
func named(t *testing.T, s Subject, name string) law {
	t.Helper()
	for _, l := range s.laws() {
		if l.name == name {
			return l
		}
	}
	t.Fatalf("there is no law %s", name)
	return law{}
}

// A law that holds reports nothing; one that does not says what is wrong.
func TestTry(t *testing.T) {
	s := small()
	if said, failed := try(t, s, named(t, s, "update/name")); failed || len(said) > 0 {
		t.Errorf("a law that holds fails: %v", said)
	}
	s.Updates[0].Record = map[string]any{"attributes.givenName": "Hannah"}
	if said, failed := try(t, s, named(t, s, "update/name")); !failed || !strings.Contains(said[0], "Hannah") {
		t.Errorf("a law that does not hold says %v", said)
	}
	if said, failed := try(t, s, law{"breaks", func(*bench) { panic("so") }}); !failed || said[0] != "it broke: so" {
		t.Errorf("a law that breaks says %v", said)
	}
	said, failed := try(t, s, law{"ends", func(b *bench) {
		for _, word := range []string{"no", "not again"} {
			b.Fatalf("%s", word)
		}
	}})
	if !failed || !slices.Equal(said, []string{"no"}) {
		t.Errorf("a law that ends says %v", said)
	}
}

// A fault that does not happen fails its law, whatever else comes of it.
func TestFaultsHaveToFire(t *testing.T) {
	s := small()
	for _, o := range s.operations() {
		never := fault{name: "never", rule: simulator.Rule{Path: "/nowhere"}, fired: "status-500", reads: recovers, sets: recovers, makes: recovers, done: true}
		said, failed := try(t, s, law{"never", func(b *bench) { b.meets(never, o) }})
		if !failed || len(said) != 1 || !strings.Contains(said[0], "status-500 did not fire") {
			t.Errorf("%s: %v", o.name, said)
		}
	}
}

// Every operation meets every fault but those that a vendor can not have, and no
// law is there twice.
func TestEveryFaultAtEveryOperation(t *testing.T) {
	s := small()
	s.Without["hang"], s.Without["429 twice, body"] = "never", "it has no such body"
	names := make(map[string]bool)
	for _, l := range s.laws() {
		if names[l.name] {
			t.Errorf("the law %s is there twice", l.name)
		}
		names[l.name] = true
	}
	for _, f := range faults() {
		for _, o := range every {
			want := f.fired != "hang" && f.name != "429 twice, body"
			if got := names["faults/"+f.name+"/"+o.name]; got != want {
				t.Errorf("%s at %s: %v, want %v", f.name, o.name, got, want)
			}
		}
	}
	for _, want := range []simulator.Fault{
		simulator.FaultStatus, simulator.FaultHTML, simulator.FaultEmpty, simulator.FaultNoContent, simulator.FaultRedirect, simulator.FaultRefused,
		simulator.FaultClosed, simulator.FaultLostAnswer, simulator.FaultCutBody, simulator.FaultWrongType, simulator.FaultHang,
	} {
		if !slices.ContainsFunc(faults(), func(f fault) bool { return f.rule.Fault == want }) {
			t.Errorf("the table lacks %s", want)
		}
	}
}

// Every flaw is found by a law, also where the subject has little; and what is no
// flaw is found by none.
func TestProve(t *testing.T) {
	s := small()
	laws := s.laws()
	sound := flaw{bend: bend(func(*bent) {}), tune: func(*providers.Settings) {}, kind: func(*providers.Kind) {}}
	for _, f := range flaws() {
		sound.found = f.found
		if s.canAll(f.needs) && !slices.ContainsFunc(laws, func(l law) bool { return strings.HasPrefix(l.name, f.found) }) {
			t.Errorf("%s: there are no laws %s…", f.name, f.found)
		}
	}
	for _, found := range []string{"lookup/", "update/", "suspend/", "delete/", "invite/", "access/", "pages/", "storage/", "faults/500"} {
		sound.found = found
		if name, said := sound.foundBy(t, s, laws); name != "" && !strings.HasPrefix(name, "kind/") {
			t.Errorf("%s finds what is no flaw: %s", name, said)
		}
	}
}

// A subject that says too little, or something of what is not there, is refused.
func TestLacks(t *testing.T) {
	s := small()
	if lacks := s.lacks(); lacks != "" {
		t.Error(lacks)
	}
	for name, change := range map[string]func(*Subject){
		"no kind":               func(s *Subject) { s.Kind = nil },
		"no records":            func(s *Subject) { s.New = nil },
		"no creates":            func(s *Subject) { s.Creates = nil },
		"no updates":            func(s *Subject) { s.Updates = nil },
		"no pages":              func(s *Subject) { s.ListPage = 0 },
		"without no fault":      func(s *Subject) { s.Without = map[string]string{"phantoms": "so"} },
		"without but no reason": func(s *Subject) { s.Without = map[string]string{"hang": ""} },
	} {
		s := small()
		if change(&s); s.lacks() == "" {
			t.Errorf("%s is not refused", name)
		}
	}
}

func TestRecords(t *testing.T) {
	record := map[string]any{"a": 1, "b": map[string]any{"c": "x", "d": []any{"q", "p"}}, "id": "7", "e": "", "f": false, "g": map[string]any{"h": nil}}
	b := &bench{Subject: Subject{Volatile: []string{"b.c", "nowhere.at.all"}}}
	for _, test := range []struct {
		places map[string]any
		same   bool
	}{
		{nil, true},
		{map[string]any{"id": "8", "b.c": "y", "e": nil, "i.j": ""}, true},
		{map[string]any{"b.d": []string{"p", "q"}}, true},
		{map[string]any{"a": int64(1)}, true},
		{map[string]any{"a": 2}, false},
		{map[string]any{"b.d": []any{"p"}}, false},
		{map[string]any{"f": true}, false},
		{map[string]any{"g.h": "x"}, false},
	} {
		if same := reflect.DeepEqual(b.settled(record), b.settled(with(record, test.places))); same != test.same {
			t.Errorf("with %v: the same is %v", test.places, same)
		}
	}
	if len(record) != 6 || record["id"] != "7" {
		t.Errorf("the record is changed: %v", record)
	}
}
