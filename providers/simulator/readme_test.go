package simulator

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Every YAML in the README can be used as it stands, and that of the stock mix
// is the stock mix.
func TestReadmeYAML(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) < 12 {
		t.Errorf("%d blocks", len(blocks))
	}
	mixes, chaotic := 0, 0
	for _, block := range blocks {
		path := filepath.Join(t.TempDir(), "simulator.yaml")
		if err := os.WriteFile(path, []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		file, problems := sources.ReadYAML(path)
		if problems.Failed() {
			t.Errorf("%v in\n%s", problems, block[1])
			continue
		}
		if err := New(Options{}).Seed(file.Data()); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		chaos, err := ReadChaos(file.Data())
		if err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		for kind := range chaos {
			if !reflect.ValueOf(chaos[kind]).IsZero() {
				chaotic++
				break
			}
		}
		if !strings.HasPrefix(block[1], "# the stock mix\n") {
			continue
		}
		mixes++
		for _, kind := range New(Options{}).Kinds() {
			if diff := cmp.Diff(StockChaos(), chaos[kind]); diff != "" {
				t.Errorf("%s (-code +README):\n%s", kind, diff)
			}
		}
	}
	if mixes != 1 || chaotic != len(blocks) {
		t.Errorf("%d mixes; %d of %d blocks have chaos", mixes, chaotic, len(blocks))
	}
}

// Every key, and every word that a key can have, stands in a table of the README,
// and no other does.
func TestReadmeTables(t *testing.T) {
	known := map[string][]string{
		"| key | what the vendor does": chaosKeys,
		"| fault |":                    wordsOf(faults),
	}
	text := readme(t)
	for header, want := range known {
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(firstCells(t, text, header)))); diff != "" {
			t.Errorf("%s (-code +README):\n%s", header, diff)
		}
	}
	// Two tables have the same header: those of a rate limit and of a rule.
	_, rest, _ := strings.Cut(text, "A `rateLimit` has these keys:")
	limit, rule, _ := strings.Cut(rest, "A rule in `fail` has these keys.")
	for part, want := range map[string][]string{limit: rateLimitKeys, rule: ruleKeys} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(firstCells(t, part, "| key | meaning |")))); diff != "" {
			t.Errorf("(-code +README):\n%s", diff)
		}
	}
	for row, want := range map[string][]string{"| `form` |": wordsOf(retryForms), "| `operation` |": wordsOf(operations)} {
		_, cell, _ := strings.Cut(rest, row)
		cell, _, _ = strings.Cut(cell, "\n")
		for _, word := range want {
			if !strings.Contains(cell, "`"+word+"`") {
				t.Errorf("%s lacks %s", row, word)
			}
		}
	}
}

func wordsOf[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, word := range list {
		words[i] = string(word)
	}
	return words
}

// firstCells are the words in the first column of the table with that header.
func firstCells(t *testing.T, text, header string) (cells []string) {
	t.Helper()
	_, table, found := strings.Cut(text, header)
	if !found {
		t.Fatalf("no table %s", header)
	}
	lines := strings.Split(table, "\n")[2:] // what is left of the header, and the rule below it
	for _, line := range lines {
		if !strings.HasPrefix(line, "|") {
			break
		}
		for _, word := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			cells = append(cells, word[1])
		}
	}
	return cells
}

// The keys are the names of the fields: none can be set in Go alone.
func TestChaosKeys(t *testing.T) {
	for value, keys := range map[any][]string{reflect.TypeFor[Chaos](): chaosKeys, reflect.TypeFor[RateLimit](): rateLimitKeys, reflect.TypeFor[Rule](): ruleKeys} {
		var names []string
		for field := range value.(reflect.Type).Fields() {
			names = append(names, strings.ToLower(field.Name[:1])+field.Name[1:])
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(keys))); diff != "" {
			t.Errorf("%v (-fields +keys):\n%s", value, diff)
		}
	}
}
