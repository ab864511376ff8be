package sources_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/sources"
)

// A model is a roster as data, which can be written in many ways.
type model struct {
	teams  map[string]map[string]any
	people []map[string]any
}

func drawModel(t *rapid.T) model {
	m := model{teams: map[string]map[string]any{}}
	grants := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"tm:access", "tm:manage", "pc:access", "ssc:access"}), 1, 4, rapid.ID)
	day := rapid.SampledFrom([]string{"2026-01-01", "2026-03-15", "2026-11-20", "2026-11-21", "2026-11-22", "2027-02-28"})
	windowed := func(block map[string]any) map[string]any {
		if rapid.IntRange(0, 2).Draw(t, "windowed") == 0 {
			days := []string{day.Draw(t, "from"), day.Draw(t, "until")}
			slices.Sort(days)
			block["from"], block["until"] = days[0], days[1]
		}
		return block
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "teams") {
		block := windowed(map[string]any{"platformAccess": grants.Draw(t, "grants"), "languageLocaleCode": "en-US"})
		m.teams[fmt.Sprintf("team%d", i)] = map[string]any{"access": map[string]any{"vendasta": block}}
	}
	for i := range rapid.IntRange(2, 5).Draw(t, "people") {
		p := windowed(map[string]any{
			"email": fmt.Sprintf("Person%d@example.com", i), "previousEmails": []string{fmt.Sprintf("b%d@example.com", i), fmt.Sprintf("a%d@example.com", i)},
			"givenName": "Ana", "phones": []any{map[string]any{"number": "1", "type": "work"}, map[string]any{"number": "2", "type": "home"}},
			"status": rapid.SampledFrom([]string{"active", "active", "active", "departed", "suspended"}).Draw(t, "status"),
		})
		if names := slices.Sorted(maps.Keys(m.teams)); len(names) > 0 {
			p["teams"] = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names), rapid.ID).Draw(t, "memberships")
		}
		if rapid.Bool().Draw(t, "own") {
			p["access"] = map[string]any{"vendasta": windowed(map[string]any{
				"platformAccess": grants.Draw(t, "grants"), "businessLocations": []string{"AG-1", "AG-2"}, "address": map[string]any{"city": "Bonn", "line1": nil},
			})}
		}
		m.people = append(m.people, p)
	}
	// Somebody departed is listed everywhere, so a change of his is always seen.
	m.people[0]["status"] = "departed"
	return m
}

// write writes the roster into a new directory, spread over files, in an order
// that is drawn.
func (m model) write(t *rapid.T, dir string) {
	files := rapid.IntRange(1, 3).Draw(t, "files")
	people := make([][]any, files)
	teams := make([]map[string]any, files)
	for i := range teams {
		people[i], teams[i] = []any{}, map[string]any{}
	}
	for _, p := range rapid.Permutation(m.people).Draw(t, "people's order") {
		i := rapid.IntRange(0, files-1).Draw(t, "file")
		people[i] = append(people[i], shuffled(t, p))
	}
	for _, name := range slices.Sorted(maps.Keys(m.teams)) {
		teams[rapid.IntRange(0, files-1).Draw(t, "file")][name] = shuffled(t, m.teams[name])
	}
	names := rapid.Permutation([]string{"a.yaml", "b.yaml", "c.yml"}).Draw(t, "names")
	for i := range files {
		// JSON is YAML, and keeps no order of keys; a line of its own moves places.
		text, err := json.Marshal(map[string]any{"version": 1, "people": people[i], "teams": teams[i]})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Repeat("# moved\n", rapid.IntRange(0, 3).Draw(t, "lines"))
		if err := os.WriteFile(filepath.Join(dir, "people", names[i]), []byte(lines+string(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shuffled is the value with every list in an order that is drawn.
func shuffled(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out[key] = shuffled(t, v[key])
		}
		return out
	case []string:
		return append([]string{}, rapid.Permutation(v).Draw(t, "list")...)
	case []any:
		return append([]any{}, rapid.Permutation(v).Draw(t, "list")...)
	default:
		return v
	}
}

// effect loads what was written and returns the digest and what is effective.
func (m model) effect(t *rapid.T, root string) (digest string, access []string) {
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "people"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rollcall.yaml"), []byte(from("people")), 0o600); err != nil {
		t.Fatal(err)
	}
	m.write(t, dir)
	config, roster, ds := sources.Load(t.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	all := sources.Resolve(roster, config, rules, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	for _, a := range all {
		access = append(access, a.Person.Key+" "+shown(a))
	}
	return sources.Digest(all), access
}

// TestOrderIsNothing: the order of people, teams, list members and files changes
// neither the digest nor what is effective; a changed value changes the digest.
func TestOrderIsNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		digest, access := m.effect(t, root)
		again, other := m.effect(t, root)
		if diff := cmp.Diff(access, other); diff != "" || again != digest {
			t.Fatalf("another order is another roster: %s, %s\n%s", digest, again, diff)
		}
		p := m.people[0]
		changes := map[string]any{
			"email": "person0@example.com", "previousEmails": []string{"a0@example.com"}, "givenName": nil, "familyName": "Diaz",
			"phones": []any{map[string]any{"number": "1", "type": "work"}}, "status": "suspended", "id": "E-1",
			"access": map[string]any{"vendasta": map[string]any{"platformAccess": []string{"tm:other"}}},
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(changes))).Draw(t, "change")
		p[name] = changes[name]
		if again, _ := m.effect(t, root); again == digest {
			t.Fatalf("a changed %s leaves the digest as it was", name)
		}
	})
}

// TestDigestTellsApart lists rosters that differ in one thing each.
func TestDigestTellsApart(t *testing.T) {
	t.Parallel()
	entry := func(fields string) map[string]string {
		return people("  - {email: a@example.com, " + fields + "}")
	}
	same := [][2]string{
		{"access: {vendasta: {platformAccess: [x, y]}}", "access: {vendasta: {platformAccess: [y, x]}}"},
		{"labels: {a: 1}, access: {vendasta: {platformAccess: [x]}}", "x-note: 2, access: {vendasta: {x-note: 3, platformAccess: [x]}}"},
		{"status: active, access: {vendasta: {platformAccess: [x]}}", "from: 2020-01-01, access: {vendasta: {platformAccess: [x], until: 2030-01-01}}"},
		{"access: {}", "givenName: A"}, // without access nothing is done
	}
	apart := []string{
		"access: {}", "status: departed", "status: suspended", "access: {vendasta: {platformAccess: [x]}}", "access: {vendasta: {platformAccess: [y]}}", "access: {vendasta: {platformAccess: [x, y]}}",
		"access: {vendasta: {platformAccess: [x], businessLocations: null}}", "access: {vendasta: {platformAccess: [x], businessLocations: []}}",
		"access: {vendasta: {platformAccess: [x], userID: U-1}}", "access: {vendasta: {platformAccess: [x], email: b@example.com}}", "access: {vendasta: {platformAccess: [x], welcomeEmail: true}}",
		"access: {vendasta: {platformAccess: [x], givenName: null}}", "givenName: null, access: {vendasta: {platformAccess: [x]}}", "givenName: x, access: {vendasta: {platformAccess: [x]}}",
		"access: {vendasta: {platformAccess: [x], until: 2026-01-01}}", "access: {vendasta: {platformAccess: [x], from: 2030-01-01}}", "previousEmails: [b@example.com], access: {vendasta: {platformAccess: [x]}}",
		"id: E-1, access: {vendasta: {platformAccess: [x]}}", "status: departed, access: {vendasta: {platformAccess: [x]}}",
	}
	digest := func(fields string) string {
		l := load(t, entry(fields))
		l.wantSaid(t)
		return sources.Digest(sources.Resolve(l.roster, l.config, rules, instant(t, "2026-11-21")))
	}
	for _, pair := range same {
		if digest(pair[0]) != digest(pair[1]) {
			t.Errorf("told apart: %s and %s", pair[0], pair[1])
		}
	}
	seen := make(map[string]string)
	for _, fields := range apart {
		d := digest(fields)
		if other, taken := seen[d]; taken {
			t.Errorf("not told apart: %s and %s", fields, other)
		}
		seen[d] = fields
	}
}

func TestNormal(t *testing.T) {
	t.Parallel()
	pair := func(a, b int64) any { return []any{a, b} }
	for _, test := range []struct{ data, want any }{
		{nil, nil},
		{"x", "x"},
		{int64(1), int64(1)},
		{[]any{"b", "a", "b"}, []any{"a", "b"}},
		{[]any{pair(2, 1), pair(1, 3), pair(1, 2)}, []any{pair(1, 2), pair(1, 3)}},
		{map[string]any{"l": []any{"b", "a"}}, map[string]any{"l": []any{"a", "b"}}},
		{[]any{}, []any{}},
	} {
		before, _ := json.Marshal(test.data)
		if diff := cmp.Diff(test.want, sources.Normal(test.data)); diff != "" {
			t.Error(diff)
		}
		if after, _ := json.Marshal(test.data); string(after) != string(before) {
			t.Errorf("the value itself changed: %s to %s", before, after)
		}
	}
}
