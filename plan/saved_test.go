package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
)

// readPlan reads a saved plan that has to be right.
func readPlan(t testing.TB, data []byte) *plan.Plan {
	t.Helper()
	p, err := plan.ReadSaved(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rich is a plan with every member that a plan can have, and attributes of every
// type.
func rich(t testing.TB) *plan.Plan {
	t.Helper()
	h := newHouse(t, everyGuard, everything, everybody()...)
	p := h.plan().Plan
	p.Changes[0].Attributes = append(p.Changes[0].Attributes,
		plan.AttributeChange{Name: "whole", Before: int64(math.MaxInt64), After: int64(math.MinInt64)},
		plan.AttributeChange{Name: "part", Before: 0.1, After: -2.5e-300},
		plan.AttributeChange{Name: "large", Before: 1e300, After: 1e20},
		plan.AttributeChange{Name: "truth", Before: true, After: false},
		plan.AttributeChange{Name: "text", Before: "\u2028 </script> \x1b[31m \U0001F600", After: ""},
		plan.AttributeChange{Name: "lists", Before: []any{[]any{int64(1), int64(2)}, []any{}}, After: []any{map[string]any{"": nil, "a.b": []any{"x"}}}},
		plan.AttributeChange{Name: "nothing"},
	)
	p.Changes[0].Blocked, p.Changes[0].Note = plan.BlockedLimit, "a note"
	p.Held[0].UserID, p.Held[0].Leaver, p.Held[0].Wanted = "U-1", true, plan.Suspend
	p.Providers[0].Error, p.Providers[0].Kept = "GET /users: 401", 3
	p.Scope = plan.Scope{Providers: []string{"vendasta"}, People: []string{"ana@example.com"}}
	p.Forge()
	return p
}

// TestSavedPlansAreExact: what is read is what was written.
func TestSavedPlansAreExact(t *testing.T) {
	p := rich(t)
	if diff := cmp.Diff(p, readPlan(t, p.JSON())); diff != "" {
		t.Error(diff)
	}
	data, err := p.Save()
	if err != nil || !bytes.Equal(data, p.JSON()) {
		t.Errorf("saved as %s, %v", data, err)
	}
	// The same plan made at another time has the same checksum.
	later := *p
	later.Created = "2027-01-01T00:00:00Z"
	if a, b := members(t, data).(map[string]any)["checksum"], members(t, later.JSON()).(map[string]any)["checksum"]; a != b {
		t.Errorf("%s at another time: %s", a, b)
	}
	h := newHouse(t, "", "version: 1\npeople: []\n")
	empty := h.plan().Plan
	if diff := cmp.Diff(empty, readPlan(t, empty.JSON())); diff != "" {
		t.Error(diff)
	}
	// Whole numbers come back as what a roster holds, however a vendor gave them.
	p.Changes[0].Attributes[0].Before = float64(3)
	p.Forge()
	if got := readPlan(t, p.JSON()).Changes[0].Attributes[0].Before; got != int64(3) {
		t.Errorf("3 is read as %T", got)
	}
}

// TestLayoutIsNoEdit: white space, the order of keys, escapes and a byte order mark
// say nothing.
func TestLayoutIsNoEdit(t *testing.T) {
	p := rich(t)
	text := p.JSON()
	var compact, wide bytes.Buffer
	if err := errors.Join(json.Compact(&compact, text), json.Indent(&wide, text, " ", "\t\t")); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(members(t, text)) // which also escapes otherwise
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string][]byte{
		"compact": compact.Bytes(), "wide": wide.Bytes(), "sorted": sorted,
		"byte order mark": append([]byte("\uFEFF"), text...), "CRLF": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
	} {
		if bytes.Equal(other, text) {
			t.Errorf("%s: it is as it was", name)
		}
		if diff := cmp.Diff(p, readPlan(t, other)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// members is a document with its numbers as they are written.
func members(t testing.TB, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// edits are all the documents in which one thing is another than in v: a value
// changed or of another type, a key dropped, renamed or added, an item dropped,
// repeated or moved.
func edits(v any, path string, edit func(path string, v any)) {
	edit(path+" to null", otherThan(v, nil))
	edit(path+" to a list", otherThan(v, []any{}))
	edit(path+" to a mapping", otherThan(v, map[string]any{}))
	switch v := v.(type) {
	case string:
		edit(path+" longer", v+"x")
		edit(path+" empty", otherThan(v, ""))
		edit(path+" in capitals", otherThan(v, strings.ToUpper(v)))
		edit(path+" with a blank", " "+v)
		if v != "" {
			edit(path+" shorter", v[:len(v)-1])
		}
	case bool:
		edit(path, !v)
		edit(path+" as text", strconv.FormatBool(v))
	case json.Number:
		edit(path+" as text", v.String())
		edit(path+" as zero", otherThan(v, json.Number("0")))
		edit(path+" as one", otherThan(v, json.Number("1")))
	case []any:
		edit(path+" with an item more", append(slices.Clone(v), "x"))
		for i, item := range v {
			here := fmt.Sprintf("%s.%d", path, i)
			edit(here+" dropped", slices.Delete(slices.Clone(v), i, i+1))
			edit(here+" repeated", slices.Insert(slices.Clone(v), i, item))
			if i > 0 {
				swapped := slices.Clone(v)
				swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
				edit(here+" moved", otherThan(v, swapped))
			}
			edits(item, here, func(path string, item any) {
				edited := slices.Clone(v)
				edited[i] = item
				edit(path, edited)
			})
		}
	case map[string]any:
		with := func(key string, value any) map[string]any {
			edited := maps.Clone(v)
			edited[key] = value
			return edited
		}
		edit(path+" with a key more", with("more", "x"))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			here := path + "." + key
			dropped := maps.Clone(v)
			delete(dropped, key)
			edit(here+" dropped", dropped)
			renamed := maps.Clone(dropped)
			renamed[strings.ToUpper(key)+"x"] = v[key]
			edit(here+" renamed", renamed)
			edits(v[key], here, func(path string, value any) { edit(path, with(key, value)) })
		}
	}
}

// same marks an edit that would change nothing.
type same struct{}

func otherThan(v, other any) any {
	if cmp.Equal(v, other) {
		return same{}
	}
	return other
}

func unchanged(v any) bool {
	switch v := v.(type) {
	case same:
		return true
	case []any:
		return slices.ContainsFunc(v, unchanged)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), unchanged)
	default:
		return false
	}
}

// TestEveryEditIsRefused: there is nothing in a saved plan that could be another
// without being noticed.
func TestEveryEditIsRefused(t *testing.T) {
	once(t)
	p := rich(t)
	p.Changes = p.Changes[:3] // the others have nothing of their own
	p.Forge()
	document := members(t, readPlan(t, p.JSON()).JSON())
	n := 0
	edits(document, "plan", func(path string, edited any) {
		if unchanged(edited) {
			return
		}
		n++
		text, err := json.Marshal(edited)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.ReadSaved(bytes.NewReader(text)); err == nil {
			t.Errorf("%s: is read", path)
		}
	})
	if n < 1000 {
		t.Errorf("only %d edits were tried", n)
	}
}

// TestNoPlan: what is no plan is refused in words, each with its own.
func TestNoPlan(t *testing.T) {
	once(t)
	good := string(rich(t).JSON())
	with := func(old, changed string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the plan does not have %s", old)
		}
		return strings.Replace(good, old, changed, 1)
	}
	const give = "; give the file that rollcall plan --out wrote"
	format := `"format": "rollcall.plan/1"`
	tests := []struct{ name, text, want string }{
		{"nothing", "", "is no plan of rollcall: it is not JSON, by line 1" + give},
		{"YAML", "version: 1\npeople: []\n", "is no plan of rollcall: it is not JSON, by line 1" + give},
		{"cut", good[:len(good)/2], "is no plan of rollcall: it is not JSON, by line"},
		{"something behind", good + "x", "is no plan of rollcall: it is not JSON, by line"},
		{"two plans", good + good, "is no plan of rollcall: it is not JSON, by line"},
		{"null", "null", "is no plan of rollcall: its format is not rollcall.plan/1" + give},
		{"a list", "[]", "its format is not rollcall.plan/1"},
		{"a secret", `{"private_key": "secret", "format": "key"}`, "is no plan of rollcall: its format is not rollcall.plan/1" + give},
		{"no format", with(format+",", ""), "its format is not rollcall.plan/1"},
		{"format as a list", with(format, `"format": []`), "its format is not rollcall.plan/1"},
		{"format that is like it", with(format, `"format": "rollcall.plan/01"`), "its format is not rollcall.plan/1"},
		{"newer", with(format, `"format": "rollcall.plan/2"`), "has the format rollcall.plan/2, which a newer rollcall wrote, and this one reads rollcall.plan/1: apply it with the rollcall that wrote it, or make a new plan with this one"},
		{"much newer", `{"format": "rollcall.plan/999999999", "unknown": 1}`, "which a newer rollcall wrote"},
		{"older", with(format, `"format": "rollcall.plan/0"`), "has the format rollcall.plan/0, which an older rollcall wrote"},
		{"result", `{"format": "rollcall.result/1"}`, "is no plan of rollcall: it is the result of an apply" + give},
		{"edited", with(`"asOf": "2026-11-21"`, `"asOf": "2026-11-22"`), "was changed after rollcall wrote it, and a plan is not edited by hand: change the roster, and make a new plan"},
		{"several mistakes", strings.Replace(with(`"action": "suspend"`, `"action": "remove"`), `"mode": "full"`, `"mode": 7`, 1), "is no plan of rollcall, or was edited: give the file as rollcall plan --out wrote it\n" +
			"changes.0.action: must be one of delete, suspend, restore, create, adopt, update, not \"remove\"\nproviders.0.mode: must be text: put it in quotes"},
		{"no checksum", good[:strings.LastIndex(good, ",\n")] + "}", "\nchecksum is missing"},
		{"no guardrails", with(`"guardrails"`, `"x-guardrails"`), "\nguardrails is missing"},
		{"key twice", with(`"ledger": "absent"`, `"ledger": "absent", "ledger": "absent"`), "\nledger: stands there twice"},
		{"key twice deep down", with(`"city": "Regina"`, `"city": "Regina", "city": "Regina"`), "after.city: stands there twice"},
		{"key twice by escapes", with(`"ledger": "absent"`, `"ledger": "absent", "l\u0065dger": "absent"`), "\nledger: stands there twice"},
		{"other spelling", with(`"ledger"`, `"Ledger"`), `Ledger: unknown key "Ledger"; did you mean "ledger"?`},
		{"hostile key", with(`"ledger"`, `"\u001b[2J\u202e\nledger"`), "\n\\u001b[2J\\u202e\\u000aledger: unknown key"},
		{"long key", with(`"ledger"`, `"`+strings.Repeat("l", 5000)+`"`), "\n…" + strings.Repeat("l", 100) + ": unknown key"},
		{"not UTF-8", with("absent", "abs\xffent"), "is no plan of rollcall: it has text that is not Unicode"},
		{"half a character", with("absent", `abs\ud83dent`), "it has text that is not Unicode"},
		{"the other half", with("absent", `abs\ude00ent`), "it has text that is not Unicode"},
		{"two first halves", with("absent", `abs\ud83d\ud83d`), "it has text that is not Unicode"},
		{"too large a number", with(`"kept": 3`, `"kept": 9223372036854775809`), "providers.0.kept: is a number that can not be read exactly"},
		{"much too large a number", with(`"kept": 3`, `"kept": 1e999`), "providers.0.kept: is a number that can not be read exactly"},
		{"deep", with(`"absent"`, strings.Repeat("[", 100)+strings.Repeat("]", 100)), "is no plan of rollcall: it holds too much"},
		{"deeper than JSON goes", with(`"absent"`, strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)), "is no plan of rollcall: it is not JSON"},
		{"many values", with(`"absent"`, "["+strings.Repeat("0,", 5<<20)+"0]"), "is no plan of rollcall: it holds too much"},
		{"too large", good + strings.Repeat(" ", plan.MaxSaved), "is no plan of rollcall: it is larger than 64 MiB"},
		{"many mistakes", with(`"needs": []`, `"needs": [`+strings.Repeat("0,", 100)+"0]"), "\nand 81 more mistakes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := plan.ReadSaved(strings.NewReader(tt.text))
			if err == nil || p != nil {
				t.Fatal("it is read")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("it says %q, not %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\x1b\u202e") {
				t.Errorf("it says too much: %q", err)
			}
		})
	}
	if _, err := plan.ReadSaved(iotest.ErrReader(errors.New("broken disk"))); err == nil || err.Error() != "can not be read: broken disk" {
		t.Errorf("it says %v", err)
	}
}

// TestEscapesAreText: backslashes that are text are no halves of characters.
func TestEscapesAreText(t *testing.T) {
	p := rich(t)
	p.Manual[0].What = `\ud83d \\ud83d " \`
	p.Held[0].Detail = "\U0001F600"
	text := bytes.ReplaceAll(p.JSON(), []byte("\U0001F600"), []byte(`\ud83d\ude00`))
	if diff := cmp.Diff(p, readPlan(t, text)); diff != "" {
		t.Error(diff)
	}
}

// TestInconsistent: a plan whose checksum and digest are right is refused all the
// same when its changes are not such as rollcall makes them.
func TestInconsistent(t *testing.T) {
	for name, forge := range map[string]func(p *plan.Plan){
		"two changes for one person": func(p *plan.Plan) { p.Changes = append(p.Changes, p.Changes[0]) },
		"two changes with one id":    func(p *plan.Plan) { p.Changes[1].ID = p.Changes[0].ID },
		"id of somebody else":        func(p *plan.Plan) { p.Changes[0].ID = "vendasta/else@example.com" },
		"provider that is not there": func(p *plan.Plan) {
			p.Changes[0].Provider, p.Changes[0].ID = "else", "else/"+p.Changes[0].Email
		},
		"provider twice":       func(p *plan.Plan) { p.Providers = append(p.Providers, p.Providers[0]) },
		"held somewhere else":  func(p *plan.Plan) { p.Held[0].Provider = "else" },
		"to do somewhere else": func(p *plan.Plan) { p.Manual[0].Provider = "else" },
	} {
		p := rich(t)
		forge(p)
		p.Forge()
		if _, err := plan.ReadSaved(bytes.NewReader(p.JSON())); err == nil || !strings.HasPrefix(err.Error(), "was changed after") {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := rich(t)
	p.Digest = "sha256:" + strings.Repeat("0", 64)
	if _, err := plan.ReadSaved(bytes.NewReader(p.JSON())); err == nil || !strings.HasPrefix(err.Error(), "was changed after") {
		t.Errorf("another digest: %v", err)
	}
}

// TestLessThanAPlan: a document that leaves out what every plan says is none, even
// with the checksum of what it does say.
func TestLessThanAPlan(t *testing.T) {
	for _, drop := range []string{"", "remedy"} {
		document := members(t, rich(t).JSON()).(map[string]any)
		delete(document["held"].([]any)[0].(map[string]any), drop)
		delete(document, "checksum")
		document["checksum"] = plan.Checksum(document)
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.ReadSaved(bytes.NewReader(text)); (err == nil) != (drop == "") {
			t.Errorf("without %q: %v", drop, err)
		}
	}
}

// TestTooLargeToSave: a plan that could not be read again is not saved.
func TestTooLargeToSave(t *testing.T) {
	once(t)
	p := rich(t)
	p.Held[0].Detail = strings.Repeat("x", plan.MaxSaved)
	if _, err := p.Save(); err == nil || !strings.Contains(err.Error(), "larger than the 64 MiB that can be read again: make it smaller with --provider or --person") {
		t.Errorf("it is saved: %v", err)
	}
	p = rich(t)
	p.Held[0].Reason = "invented"
	if _, err := p.Save(); err == nil || !strings.Contains(err.Error(), "could not be read again") {
		t.Errorf("it is saved: %v", err)
	}
}

// FuzzRead: whatever a file holds, reading it never breaks, and what is read as a
// plan is one that is written the same.
func FuzzRead(f *testing.F) {
	// No house is built for it: that would lead what is found into another folder.
	good, err := os.ReadFile(filepath.Join(testdata, "everything.json"))
	if err != nil {
		f.Fatal(err)
	}
	if p, _ := resealed(f, good); p == nil {
		f.Fatal("the golden plan is not read as a saved one")
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(bytes.Replace(good, []byte(`"rollcall.plan/1"`), []byte(`"rollcall.plan/2"`), 1))
	f.Add(bytes.Replace(good, []byte(`"after": `), []byte(`"after": "\ud800", "after": `), 1))
	f.Add([]byte(`{"format":"rollcall.plan/1","scope":{"":1e400}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func() (*plan.Plan, error){
			func() (*plan.Plan, error) { return plan.ReadSaved(bytes.NewReader(data)) },
			func() (*plan.Plan, error) { return resealed(t, data) },
		} {
			p, err := read()
			if err != nil {
				if p != nil || err.Error() == "" {
					t.Errorf("%v with %v", p, err)
				}
				continue
			}
			if diff := cmp.Diff(p, readPlan(t, p.JSON())); diff != "" {
				t.Error(diff)
			}
			_ = p.Text(plan.Style{})
		}
	})
}

// resealed reads a document with its checksum put right, so that it is looked into
// further.
func resealed(t testing.TB, data []byte) (*plan.Plan, error) {
	t.Helper()
	var document map[string]any
	if json.Unmarshal(data, &document) != nil || document == nil {
		return nil, errors.New("is no mapping")
	}
	delete(document, "checksum")
	document["checksum"] = plan.Checksum(document)
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return plan.ReadSaved(bytes.NewReader(text))
}
