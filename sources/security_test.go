package sources_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/sources"
)

// link makes a symbolic link, or skips the test where there are none.
func link(t *testing.T, dir, to, name string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Skip(err)
	}
}

// TestSecurityPasswords: a roster can not send a secret of the configuration, or any
// file of the machine, to a vendor as somebody's password.
func TestSecurityPasswords(t *testing.T) {
	t.Parallel()
	outside := folder(t, map[string]string{"id_ed25519": "key\n", "key.json": "{}\n"})
	config := fmt.Sprintf(`version: 1
providers:
  partoo: {auth: {apiKey: {env: PARTOO_KEY}}}
  mine: {kind: partoo, auth: {apiKey: {file: mine.key}}}
  other: {kind: partoo, auth: {apiKey: {file: %q}}}
`, filepath.ToSlash(filepath.Join(outside, "key.json")))
	const (
		theKey  = " holds auth.apiKey of partoo at rollcall.yaml:3:19: a provider's secret is nobody's password: name another place"
		mineKey = " holds auth.apiKey of mine at rollcall.yaml:4:31: a provider's secret is nobody's password: name another place"
		away    = " stands in the folder of neither rollcall.yaml nor this roster, whether by its path or by a link: put it there, or give it as {env: NAME}"
	)
	for _, test := range []struct {
		name, password string
		want           string // behind what names the place
	}{
		{"a variable", "{env: BILL_PASSWORD}", ""},
		{"a variable of a like name", "{env: PARTOO_KEY_2}", ""},
		{"a provider's variable", "{env: PARTOO_KEY}", theKey},
		{"a file", "{file: bill.password}", ""},
		{"a file below", "{file: passwords/bill}", ""},
		{"a file that is not there", "{file: nothing/at/all}", ""},
		{"a file by its whole path", "{file: HERE/bill.password}", ""},
		{"a link that stays", "{file: linked.password}", ""},
		{"a provider's file", "{file: mine.key}", mineKey},
		{"a provider's file by another path", "{file: passwords/../mine.key}", mineKey},
		{"a provider's file by its whole path", "{file: HERE/mine.key}", mineKey},
		{"a provider's file by a link", "{file: passwords/again}", mineKey},
		{"a provider's file by a name of its own", "{file: hard.key}", mineKey},
		{"a file elsewhere", "{file: OUTSIDE/id_ed25519}", away},
		{"a file above", "{file: ../id_ed25519}", away},
		{"a file below that is above", "{file: passwords/../../id_ed25519}", away},
		{"a file through a link", "{file: stray.password}", away},
		{"a file through a folder that is a link", "{file: away/id_ed25519}", away},
		{"a file that is not there, through a link", "{file: away/nothing}", away},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, map[string]string{"rollcall.yaml": config, "bill.password": "x\n", "passwords/bill": "x\n", "mine.key": "x\n"})
			link(t, dir, "bill.password", "linked.password")
			link(t, dir, "../mine.key", "passwords/again")
			link(t, dir, filepath.Join(outside, "id_ed25519"), "stray.password")
			link(t, dir, outside, "away")
			if err := os.Link(filepath.Join(dir, "mine.key"), filepath.Join(dir, "hard.key")); err != nil {
				t.Skip(err)
			}
			password := strings.NewReplacer("HERE", filepath.ToSlash(dir), "OUTSIDE", filepath.ToSlash(outside)).Replace(test.password)
			for where, text := range map[string]string{
				"his own block": "people: [{email: bill@example.com, access: {partoo: {role: PUBLISHER, password: " + password + "}}}]\n",
				"of a departed": "people: [{email: bill@example.com, status: departed, access: {partoo: {role: PUBLISHER, password: " + password + "}}}]\n",
				"a team":        "people: []\nteams: {all: {access: {mine: {role: PUBLISHER, password: " + password + "}}}}\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, "roster.yaml"), []byte("version: 1\n"+text), 0o600); err != nil {
					t.Fatal(err)
				}
				_, _, ds := sources.Load(t.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{})
				var said []string
				for _, d := range ds {
					if d.Severity == sources.Error {
						said = append(said, strings.ReplaceAll(d.String(), filepath.ToSlash(dir)+"/", ""))
					}
				}
				if test.want == "" && len(said) > 0 || test.want != "" && (len(said) != 1 || !strings.HasPrefix(said[0], "roster.yaml:") || !strings.HasSuffix(said[0], test.want)) {
					t.Errorf("%s: said %q, want %q", where, said, test.want)
				}
			}
		})
	}
	t.Run("beside a roster that stands elsewhere", func(t *testing.T) {
		t.Parallel()
		elsewhere := folder(t, map[string]string{
			"people/a.yaml": "version: 1\npeople: [{email: a@example.com, access: {partoo: {role: PUBLISHER, password: {file: a.password}}}}]\n",
			"people/b.yaml": "version: 1\npeople: [{email: b@example.com, access: {partoo: {role: PUBLISHER, password: {file: ../b.password}}}}]\n",
		})
		dir := folder(t, map[string]string{"rollcall.yaml": fmt.Sprintf("version: 1\nroster: [%q]\nproviders: {partoo: {auth: {apiKey: {env: PARTOO_KEY}}}}\n", filepath.ToSlash(elsewhere))})
		_, _, ds := sources.Load(t.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{})
		if len(ds) != 1 || !strings.Contains(ds[0].String(), "/people/b.yaml:") {
			t.Errorf("said %v", ds)
		}
	})
}

// TestSecurityLinks: a link in a roster's folder does not make rollcall read, and show
// the lines of, a file elsewhere.
func TestSecurityLinks(t *testing.T) {
	t.Parallel()
	const canary = "TOKEN=canary-of-another-folder"
	const leaves = "a link that leads out of it, which is not followed: name what it leads to in roster"
	const isLink = "is a link that leads out of the folder of the configuration: name what it leads to"
	for _, test := range []struct {
		name, entries string
		to, at        string // a link, seen from the configuration's folder
		want          string
	}{
		{"a file in a folder", "people", "../../secret/environ", "people/z.yaml", `roster "people" holds "people/z.yaml", ` + leaves},
		{"a file that matches", `"people/*.yaml"`, "../../secret/environ", "people/z.yaml", `roster "people/*.yaml" holds "people/z.yaml", ` + leaves},
		{"a file below a link that matches", `"*/*.yaml"`, "../secret", "z", `roster "*/*.yaml" holds "z/s.yaml", ` + leaves},
		{"the roster itself", "people, roster.yaml", "../secret/environ", "roster.yaml", `roster "roster.yaml" ` + isLink},
		{"a folder that is named", "people, more", "../secret", "more", `roster "more" ` + isLink},
		{"a folder through a folder", "people, z/below", "../secret", "z", `roster "z/below" ` + isLink},
		{"a folder elsewhere, a link in it", "../other", "../secret/environ", "../other/z.yaml", `roster "../other" holds "../other/z.yaml", ` + leaves},
		{"a pattern elsewhere, a link that matches", `"../other/*.yaml"`, "../secret/environ", "../other/z.yaml", `roster "../other/*.yaml" holds "../other/z.yaml", ` + leaves},
		{"a file elsewhere, by its name", "../other/a.yaml", "", "", ""},
		{"a folder elsewhere", "../other", "", "", ""},
		{"a link that stays", "people", "a.yaml", "people/z.yaml", ""},
		{"a link to a neighbour", "people", "../roster2.yml", "people/z.yaml", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, map[string]string{
				"here/rollcall.yaml": from(test.entries), "here/people/a.yaml": one("a"), "here/roster2.yml": one("b"), "other/a.yaml": one("c"),
				"secret/environ": canary + "\n", "secret/s.yaml": canary + "\n", "secret/below/t.yaml": canary + "\n",
			})
			if test.to != "" {
				link(t, filepath.Join(dir, "here"), test.to, test.at)
			}
			l := loadFrom(t, filepath.Join(dir, "here"))
			if test.want == "" {
				l.wantSaid(t)
				return
			}
			if said := l.said(); len(said) != 1 || !strings.HasPrefix(said[0], "rollcall.yaml:1:") || !strings.HasSuffix(said[0], test.want) {
				t.Errorf("said %q, want %s", said, test.want)
			}
			if strings.Contains(l.diagnostics.Error(), "canary") {
				t.Errorf("shows the file elsewhere: %v", l.diagnostics)
			}
		})
	}
}
