package sources_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"rollcall/sources"
)

// TestAddresses: one address belongs to one person, whatever it is to him.
func TestAddresses(t *testing.T) {
	t.Parallel()
	const one = ": one address belongs to one person"
	for _, test := range []struct {
		name   string
		people []string
		want   []string
	}{
		{"twice, spelt differently", []string{"  - email: jos\u00e9@b\u00fccher.example", "  - email: JOSE\u0301@XN--BCHER-KVA.example"}, []string{
			"roster.yaml:4:12: JOSE\u0301@XN--BCHER-KVA.example is here as email and at roster.yaml:3:12 as email" + one,
		}},
		{"look-alikes are two", []string{"  - email: kim@example.com", "  - email: \u212aim@example.com", "  - email: k.im@example.com", "  - email: kim+x@example.com"}, nil},
		{"previous of two people", []string{"  - {email: a@example.com, previousEmails: [x@example.com]}", "  - {email: b@example.com, previousEmails: [y@example.com, X@example.com]}"}, []string{
			"roster.yaml:4:60: X@example.com is here as previous email and at roster.yaml:3:45 as previous email" + one,
		}},
		{"previous and present of one person", []string{"  - {email: a@example.com, previousEmails: [A@example.com]}"}, []string{
			"roster.yaml:3:45: A@example.com is named twice for the same person, as email and as previous email",
		}},
		{"previous twice of one person", []string{"  - {email: a@example.com, previousEmails: [b@example.com, B@example.com]}"}, []string{
			"roster.yaml:3:60: B@example.com is named twice for the same person, as previous email and as previous email",
		}},
		{"present here, previous there", []string{"  - {email: b@example.com, previousEmails: [a@example.com]}", "  - email: A@example.com"}, []string{
			"roster.yaml:3:45: a@example.com is here as previous email and at roster.yaml:4:12 as email" + one,
		}},
		{"his previous address at a provider", []string{"  - {email: a@example.com, previousEmails: [b@example.com], access: {vendasta: {platformAccess: [x], email: B@example.com}}}"}, nil},
		{"somebody's previous address at a provider", []string{"  - {email: a@example.com, previousEmails: [b@example.com]}", "  - {email: c@example.com, access: {vendasta: {platformAccess: [x], email: B@example.com}}}"}, []string{
			"roster.yaml:4:69: B@example.com is also an address of a@example.com at roster.yaml:3:13" + one,
		}},
		{"one address of two people at a provider", []string{"  - {email: a@example.com, access: {vendasta: {platformAccess: [x], email: c@example.com}}}", "  - {email: b@example.com, access: {vendasta: {platformAccess: [x], email: C@example.com}}}"}, []string{
			"roster.yaml:4:69: C@example.com is also an address of a@example.com at roster.yaml:3:13" + one,
		}},
		{"an address that the schema lets pass", []string{"  - {email: a@b-.example, previousEmails: [a@-b.example], access: {vendasta: {platformAccess: [x], email: a@xn--0.com}}}"}, []string{
			`roster.yaml:3:13: "a@b-.example" is not an email address: write it like ana@example.com`,
			`roster.yaml:3:44: "a@-b.example" is not an email address: write it like ana@example.com`,
		}},
		{"such an address at a provider", []string{"  - {email: a@example.com, access: {vendasta: {platformAccess: [x], email: a@xn--0.com}}}"}, []string{
			`roster.yaml:3:69: "a@xn--0.com" is not an email address: write it like ana@example.com`,
		}},
		{"a wrong previous address", []string{"  - {email: a@example.com, titel: x, previousEmails: [a@-b.example]}"}, []string{
			`roster.yaml:3:28: unknown key "titel"; did you mean "title"?`,
			`roster.yaml:3:55: "a@-b.example" is not an email address: write it like ana@example.com`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			load(t, people(test.people...)).wantSaid(t, test.want...)
		})
	}
}

// TestIgnoredNames: nothing under an x- key is read, so nobody can be in such a
// team or have access at such a provider.
func TestIgnoredNames(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{
		"rollcall.yaml": minimal + "  x-off: 5\n",
		"roster.yaml":   "version: 1\nx-people: [{email: 5}]\nteams: {x-old: {anything: 1}}\npeople:\n  - {email: a@example.com, teams: [x-old], access: {x-off: 7}}\n",
	})
	l.wantSaid(t, `roster.yaml:5:36: a@example.com is in team "x-old", which does not exist; teams: none`)
}

// FuzzLoad: whatever the roster, loading it ends with a roster that can be
// resolved or with errors that have their place in it.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		one("a"), teams + "teams: [english, french]\n", "version: 1\npeople: [{email: a@example.com, <<: {teams: [x]}}]\n", "people: [*a]\n",
		"version: 1\nteams: &t {a: {access: {vendasta: {platformAccess: [x], until: 2026-01-01}}}}\nx-t: *t\npeople:\n- &p {email: a@b.c, teams: [a], from: 2026-02-01}\n- {<<: *p, email: b@b.c, status: departed}\n",
		"\ufeffversion: 1\r\npeople: []\r\n", "version: 1\npeople:\n- email: \"a\\n@b.c\"\n  access: {vendasta: {email: x@y.z, userID: \"\\e\"}}\n",
	} {
		f.Add(text)
	}
	dir := folder(f, map[string]string{"rollcall.yaml": from(`"-"`)})
	f.Fuzz(func(t *testing.T, text string) {
		config, roster, ds := sources.Load(t.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules, Stdin: strings.NewReader(text)})
		if (roster == nil) != ds.Failed() {
			t.Fatalf("roster %v, diagnostics %v", roster, ds)
		}
		lines := strings.Count(text, "\n") + 1
		for _, d := range ds {
			if d.File == "<stdin>" && (d.Line < 1 || d.Line > lines || d.Column < 1) {
				t.Errorf("%v has no place in the file", d)
			}
			if rendered := d.Render(); !utf8.ValidString(rendered) || strings.Count(rendered, "\n") > 3 || strings.Contains(rendered, "\x1b") {
				t.Errorf("rendered as %q", rendered)
			}
		}
		if roster != nil {
			for _, when := range []string{"2026-01-01", "2026-11-21"} {
				access := sources.Resolve(roster, config, rules, instant(t, when))
				if sources.Digest(access) != sources.Digest(sources.Resolve(roster, config, rules, instant(t, when))) {
					t.Error("the digest is not the same twice")
				}
			}
		}
	})
}
