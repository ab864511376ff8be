package sources_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/schemas"
	"rollcall/sources"
)

// TestTwentyFiveMistakes plants one mistake of each kind and wants each told
// once, at its place, in the same bytes every time.
func TestTwentyFiveMistakes(t *testing.T) {
	t.Parallel()
	first := ""
	for run := range 50 {
		config, roster, ds := sources.Load(t.Context(), "testdata/mistakes/rollcall.yaml", sources.Options{Rules: rules})
		if config != nil || roster != nil || !ds.Failed() {
			t.Fatal("a roster with mistakes was accepted")
		}
		text := ds.Error() + "\n"
		if run == 0 {
			first = text
			if len(ds) != 25 {
				t.Errorf("%d diagnostics, want 25", len(ds))
			}
			checkRendering(t, ds)
			golden(t, "mistakes.golden", text)
		}
		if text != first {
			t.Fatalf("run %d differs:\n%s", run, text)
		}
	}
}

var firstLine = regexp.MustCompile(`^testdata/mistakes/[a-z/]+\.yaml:[0-9]+:[0-9]+: \S.*$`)

// checkRendering checks the form of each diagnostic: the place and message, the
// line, and a caret below the column. And their order.
func checkRendering(t *testing.T, ds sources.Diagnostics) {
	t.Helper()
	places := make([]string, len(ds))
	for i, d := range ds {
		places[i] = fmt.Sprintf("%s:%05d:%05d", d.File, d.Line, d.Column)
		lines := strings.Split(strings.TrimSuffix(d.Render(), "\n"), "\n")
		if len(lines) != 3 || !firstLine.MatchString(lines[0]) {
			t.Errorf("not a place, a line and a caret:\n%s", d.Render())
			continue
		}
		_, source, _ := strings.Cut(lines[1], " | ")
		_, caret, _ := strings.Cut(lines[2], "| ")
		if source != d.Source || caret != strings.Repeat(" ", d.Column-1)+"^" {
			t.Errorf("the caret is not below column %d:\n%s", d.Column, d.Render())
		}
	}
	if !slices.IsSorted(places) {
		t.Errorf("not sorted: %q", places)
	}
}

func TestOneFileThatDoesNotParse(t *testing.T) {
	t.Parallel()
	// The team of the file that can not be read is not missed in the other one.
	l := load(t, map[string]string{
		"rollcall.yaml": "version: 1\nroster: [a.yaml, b.yaml]\nproviders:\n  vendasta: {partner: ABC, auth: {token: {env: TOKEN}}}\n",
		"a.yaml":        "version: 1\nteams:\n  seller: {access: {vendasta: {platformAccess: [\"tm:access\"}}}\npeople: []\n",
		"b.yaml":        "version: 1\npeople:\n  - {email: a@example.com, teams: [seller]}\n  - {email: b@example.com, titel: x}\n",
	})
	l.wantSaid(t,
		"a.yaml:3:60: this bracket closes another kind than the one that is open: pair [ with ] and { with }",
		`b.yaml:4:28: unknown key "titel"; did you mean "title"?`,
	)
}

// TestRefusedValuesDoNotHideMistakes wants what the parser refuses and what the
// schema does side by side, one report for a place.
func TestRefusedValuesDoNotHideMistakes(t *testing.T) {
	t.Parallel()
	l := load(t, people(
		"  - email: a@example.com",
		"    address: {postalCode: 01067}",
		"    titel: x",
		"    teams: *nobody",
		"    7: x",
	))
	var places []string
	for _, d := range l.diagnostics {
		places = append(places, fmt.Sprintf("%d:%d", d.Line, d.Column))
	}
	if want := []string{"4:27", "5:5", "6:12", "7:5"}; !slices.Equal(places, want) {
		t.Errorf("reported at %v, want %v:\n%v", places, want, l.diagnostics)
	}
}

// TestNoCascades plants one mistake that others could follow from.
func TestNoCascades(t *testing.T) {
	t.Parallel()
	member := "people:\n  - {email: a@example.com, teams: [seller]}\n  - {email: b@example.com, teams: [seller]}\n"
	seller := "  seller: {access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n"
	both := "version: 1\npeople:\n  - {email: a@example.com, access: {vendasta: {platformAccess: [x]}}}\n  - {email: b@example.com, access: {vendasta: {platformAccess: [x]}}}\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"teams is no mapping", map[string]string{"roster.yaml": "version: 1\nteams: []\n" + member}, "roster.yaml:2:8: must be a mapping, not a list"},
		{"teams is misspelt", map[string]string{"roster.yaml": "version: 1\nteam:\n" + seller + member}, `roster.yaml:2:1: unknown key "team"; did you mean "teams"?`},
		{"a team is wrong", map[string]string{"roster.yaml": "version: 1\nteams:\n  seller: {acces: {}}\n" + member}, `roster.yaml:3:12: unknown key "acces"; did you mean "access"?`},
		{
			"the same entry twice",
			people("  - &a {email: a@example.com, id: E-1, access: {vendasta: {platformAccess: [x], userID: U-1, email: a2@example.com}}}", "  - *a"),
			"roster.yaml:3:16: a@example.com is here as email and at roster.yaml:3:16 as email: one address belongs to one person",
		},
		{"providers is misspelt", map[string]string{"rollcall.yaml": strings.Replace(minimal, "providers", "provider", 1), "roster.yaml": both}, `rollcall.yaml:2:1: unknown key "provider"; did you mean "providers"?`},
		{"providers is missing", map[string]string{"rollcall.yaml": "version: 1\n", "roster.yaml": both}, "rollcall.yaml:1:1: providers is missing"},
		{"roster is misspelt", map[string]string{"rollcall.yaml": "rosters: [people]\n" + minimal}, `rollcall.yaml:1:1: unknown key "rosters"; did you mean "roster"?`},
		{"a kind is wrong", map[string]string{"rollcall.yaml": strings.Replace(minimal, "{partner", "{kind: vendesta, partner", 1), "roster.yaml": both}, `rollcall.yaml:3:20: must be one of ` + strings.Join(schemas.Kinds(), ", ") + `, not "vendesta"; did you mean "vendasta"?`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			load(t, test.files).wantSaid(t, test.want)
		})
	}
}

// TestConfigurationAndRosterAtOnce wants the problems of all files, also beside a
// roster that is not there.
func TestConfigurationAndRosterAtOnce(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{
		"rollcall.yaml": "version: 1\nroster: [roster.yaml, missing.yaml]\nproviders:\n  vendasta: {partner: ABC, timeout: 11m, auth: {token: {env: TOKEN}}}\n  agency: {kind: vendasta, partner: A, auth: {token: {env: TOKEN}}}\n",
		"roster.yaml":   "version: 1\npeople:\n  - {email: a@example.com, access: {agency: {platformAccess: [1]}}}\n  - {email: b@example.com, teams: [elsewhere]}\n",
	})
	l.wantSaid(t,
		`rollcall.yaml:2:23: roster "missing.yaml" does not exist`,
		"rollcall.yaml:4:37: write a time of more than 0s and at most 10m",
		`rollcall.yaml:5:37: must be a partner id of 3 or 4 letters and digits, such as ABC, not "A"`,
		"roster.yaml:3:63: must be text: put it in quotes",
	)
}

// TestMessagesAreInert: names of the roster and of files stand in messages, and
// must not be able to write lines of their own or move the cursor.
func TestMessagesAreInert(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{"roster.yaml": `version: 1
teams:
  "a\n::error file=x::\e[2Jb\u202E\u2028": {access: {vendasta: {languageLocaleCode: en-US}}}
  other: {access: {vendasta: {languageLocaleCode: fr-FR}}}
people:
  - {email: a@example.com, teams: [other, "a\n::error file=x::\e[2Jb\u202E\u2028"]}
  - {email: b@example.com, teams: ["\n::error"]}
`})
	if len(l.diagnostics) != 2 {
		t.Fatalf("%d diagnostics, want 2", len(l.diagnostics))
	}
	for _, d := range l.diagnostics {
		if lines := strings.Split(d.Render(), "\n"); len(lines) != 4 || strings.ContainsAny(d.Render(), "\x1b\r\u202e\u2028") {
			t.Errorf("not inert: %q", d.Render())
		}
	}
}

func TestLongLinesAreClippedAroundTheCaret(t *testing.T) {
	t.Parallel()
	d := sources.Diagnostic{File: "f", Line: 1, Column: 501, Message: "m", Source: strings.Repeat("a", 500) + "!" + strings.Repeat("b", 500)}
	lines := strings.Split(d.Render(), "\n")
	at := strings.IndexByte(lines[2], '^')
	if len(lines[1]) > 120 || at < 0 || lines[1][at] != '!' {
		t.Errorf("the caret does not point at the place:\n%s", d.Render())
	}
}

// Where a line was masked before or at the place, a caret would point at something
// else, so the line is left out; a long name is no key material.
func TestCaretsPointAtTheMistake(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ config, shows, at string }{
		"behind the mask":  {"version: 1\nproviders:\n  vendasta: {partner: ABC, auth: {token: {env: VT}}, timeout: 0s}\n", "", ""},
		"before the mask":  {"version: 1\nproviders:\n  vendasta: {timeout: 0s, partner: ABC, auth: {token: {env: VT}}}\n", "{timeout: 0s, partner: ABC, auth: [secret]", "0s"},
		"a roster's entry": {"version: 1\nroster: [nope.yaml]\nproviders:\n  vendasta: {partner: ABC, auth: {token: {env: VT}}}\n", "roster: [nope.yaml]", "nope"},
	} {
		l := load(t, map[string]string{"rollcall.yaml": tt.config, "roster.yaml": "version: 1\npeople: []\n"})
		i := slices.IndexFunc(l.diagnostics, func(d sources.Diagnostic) bool { return d.Severity == sources.Error })
		if i < 0 {
			t.Fatalf("%s: %v", name, l.said())
		}
		d := l.diagnostics[i]
		if (d.Source == "") != (tt.shows == "") || !strings.Contains(d.Source, tt.shows) {
			t.Errorf("%s: %s", name, d.Render())
		}
		if lines := strings.Split(d.Render(), "\n"); tt.shows != "" && !strings.HasPrefix(lines[1][strings.IndexByte(lines[2], '^'):], tt.at) {
			t.Errorf("%s: the caret is elsewhere:\n%s", name, d.Render())
		}
	}
	long := strings.Repeat("Abcdefgh", 7)
	l := load(t, people("  - {email: a@example.com, givenName: "+long+", titel: x, access: {vendasta: {platformAccess: [\"pc:access\"]}}}"))
	if len(l.diagnostics) != 1 || !strings.Contains(l.diagnostics[0].Source, long) {
		t.Errorf("%v", l.diagnostics)
	}
}

func TestMessagesStayShort(t *testing.T) {
	t.Parallel()
	var teams strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&teams, "  team%d: {}\n", i)
	}
	l := load(t, map[string]string{"roster.yaml": "version: 1\nteams:\n" + teams.String() + "people:\n  - {email: a@example.com, teams: [nobody]}\n"})
	if len(l.diagnostics) != 1 || len(l.diagnostics[0].Message) > 400 || !strings.Contains(l.diagnostics[0].Message, "and 980 more") {
		t.Errorf("message: %v", l.said())
	}
}

func TestDoubtsAreWarnings(t *testing.T) {
	t.Parallel()
	l := load(t, people(`  - {email: a@example.com, access: {vendasta: {platformAccess: ["new:x"]}}}`))
	l.wantSaid(t, `roster.yaml:3:48: warning: "new:x" is not documented`)
	load(t, map[string]string{"roster.yaml": "version: 1\npeople: []\n"}).wantSaid(t, "rollcall.yaml: warning: the roster names nobody")
}
