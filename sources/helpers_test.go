package sources_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rules are those of a kind like vendasta: two sets of grants of which one has to
// be there, an object, and at most one write scope for each crm object.
func rules(string) sources.Rules {
	return sources.Rules{
		Shapes: map[string]sources.Shape{
			"platformAccess": sources.Set, "businessLocations": sources.Set, "phoneNumbers": sources.Set, "address": sources.Object,
		},
		Missing: func(values sources.Values) string {
			for _, name := range []string{"platformAccess", "businessLocations"} {
				if v, _ := values.Get(name); len(texts(v.Data)) > 0 {
					return ""
				}
			}
			return "no grant: state platformAccess or businessLocations"
		},
		Conflicts: func(_ sources.ProviderConfig, values sources.Values) []sources.Issue {
			access, _ := values.Get("platformAccess")
			scopes := make(map[string][]string)
			for _, id := range texts(access.Data) {
				if parts := strings.Split(id, ":"); len(parts) == 4 && parts[2] == "write" {
					scopes[parts[1]] = append(scopes[parts[1]], id)
				}
			}
			var issues []sources.Issue
			for _, object := range slices.Sorted(maps.Keys(scopes)) {
				if ids := scopes[object]; len(ids) > 1 {
					slices.Sort(ids)
					issues = append(issues, sources.Issue{Attribute: "platformAccess", Message: strings.Join(ids, " and ") + " can not stand together"})
				}
			}
			return issues
		},
		Doubts: func(values sources.Values) []sources.Issue {
			access, _ := values.Get("platformAccess")
			var issues []sources.Issue
			for _, id := range texts(access.Data) {
				if strings.HasPrefix(id, "new:") {
					issues = append(issues, sources.Issue{Attribute: "platformAccess", Message: fmt.Sprintf("%q is not documented", id)})
				}
			}
			return issues
		},
	}
}

func texts(data any) []string {
	list, _ := data.([]any)
	var found []string
	for _, item := range list {
		if text, is := item.(string); is {
			found = append(found, text)
		}
	}
	return found
}

// minimal is a configuration with one provider.
const minimal = `version: 1
providers:
  vendasta: {partner: ABC, auth: {token: {env: TOKEN}}}
`

// folder writes files, given by slashed path, into a new directory.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loaded is what Load returns, with the directory taken out of what it says.
type loaded struct {
	config      *sources.Config
	roster      *sources.Roster
	diagnostics sources.Diagnostics
	dir         string
}

// load writes the files and loads their rollcall.yaml, which is minimal when it
// is not among them.
func load(t testing.TB, files map[string]string) loaded {
	t.Helper()
	if _, there := files["rollcall.yaml"]; !there {
		files = maps.Clone(files)
		files["rollcall.yaml"] = minimal
	}
	return loadFrom(t, folder(t, files))
}

func loadFrom(t testing.TB, dir string) loaded {
	t.Helper()
	config, roster, ds := sources.Load(t.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules, Stdin: strings.NewReader("")})
	l := loaded{config: config, roster: roster, diagnostics: slices.Clone(ds), dir: filepath.ToSlash(dir) + "/"}
	for i := range l.diagnostics {
		l.diagnostics[i].File = strings.TrimPrefix(l.diagnostics[i].File, l.dir)
		l.diagnostics[i].Message = strings.ReplaceAll(l.diagnostics[i].Message, l.dir, "")
	}
	if (config != nil) != !ds.Failed() || (roster != nil) != !ds.Failed() {
		t.Fatalf("configuration given: %t, roster given: %t, failed: %t", config != nil, roster != nil, ds.Failed())
	}
	return l
}

// people is a roster of one file.
func people(lines ...string) map[string]string {
	return map[string]string{"roster.yaml": "version: 1\npeople:\n" + strings.Join(lines, "\n") + "\n"}
}

// said are the first lines of the diagnostics.
func (l loaded) said() []string {
	lines := []string{}
	for _, d := range l.diagnostics {
		lines = append(lines, d.String())
	}
	return lines
}

// wantSaid fails unless exactly these diagnostics were given.
func (l loaded) wantSaid(t testing.TB, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), l.said()); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

// files are the names of the roster's files, without the directory.
func (l loaded) files() []string {
	var names []string
	for _, file := range l.roster.Files {
		names = append(names, strings.TrimPrefix(file, l.dir))
	}
	return names
}

// golden compares a text with a file in testdata.
func golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
