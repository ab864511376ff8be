package sources_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/cgi" //nolint:gosec // the server is git's own, on loopback
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// TestMain keeps the settings of whoever runs the tests from git.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "", "GIT_SSH_COMMAND": "", "GIT_ASKPASS": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// A repository is one of git in a directory of its own.
type repository struct {
	t   testing.TB
	dir string
}

func newRepository(t testing.TB) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := repository{t: t, dir: filepath.Join(t.TempDir(), "roster")}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	command := exec.Command("git", args...)
	command.Dir = r.dir
	command.Env = append(os.Environ(), "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := command.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, and returns the commit that has them.
func (r repository) commit(files map[string]string) string {
	r.t.Helper()
	for name, content := range files {
		path := filepath.Join(r.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "-m", "x")
	return r.git("rev-parse", "HEAD")
}

// gitConfig is a configuration with these roster entries.
func gitConfig(entries ...string) string {
	return strings.Replace(minimal, "providers:", "roster:\n  - "+strings.Join(entries, "\n  - ")+"\nproviders:", 1)
}

// entry is a roster entry for the repository, with other keys.
func (r repository) entry(more string) string {
	return fmt.Sprintf("{git: %q%s}", filepath.ToSlash(r.dir), more)
}

// gitLoad loads a configuration that stands in a directory. What it says has no paths of
// the machine.
func gitLoad(t testing.TB, dir, config string, options sources.Options) loaded {
	t.Helper()
	file := filepath.Join(dir, "rollcall.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if options.Rules == nil {
		options.Rules = rules
	}
	c, roster, ds := sources.Load(t.Context(), file, options)
	l := loaded{config: c, roster: roster, diagnostics: slices.Clone(ds), dir: filepath.ToSlash(dir) + "/"}
	for i := range l.diagnostics {
		l.diagnostics[i].File = strings.TrimPrefix(l.diagnostics[i].File, l.dir)
	}
	return l
}

func (l loaded) emails() []string {
	emails := []string{}
	if l.roster != nil {
		for _, p := range l.roster.People {
			emails = append(emails, p.Email)
		}
	}
	return emails
}

// wantOne fails unless there is one diagnostic and it has all of these texts.
func (l loaded) wantOne(t testing.TB, texts ...string) sources.Diagnostic {
	t.Helper()
	if len(l.diagnostics) != 1 {
		t.Fatalf("said %q, want one with %q", l.said(), texts)
	}
	for _, text := range texts {
		if !strings.Contains(l.said()[0], text) {
			t.Errorf("said %q, which does not have %q", l.said()[0], text)
		}
	}
	return l.diagnostics[0]
}

// TestGitIsAsLocal: the same files give the same roster, from a folder and from a
// repository, but for the names of the files.
func TestGitIsAsLocal(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"people/a.yaml": one("a"), "people/deep/b.yml": one("b"), "people/.hidden.yaml": "no roster", "people/.git2/c.yaml": "no roster",
		"people/notes.txt": "no roster", "single": one("s"), "people/:x.yaml": one("x"), "people/-y.yaml": one("y"), "people/é.yaml": one("e"),
	}
	repo := newRepository(t)
	commit := repo.commit(files)
	local := filepath.ToSlash(folder(t, files))
	short := "roster@" + commit[:12] + ":"
	for _, path := range []string{"people", "people/", "./people//", "people/*.yaml", "people/[ab].yaml", "single", "people/deep/b.yml", "*/*/*.yml", "*/?x.yaml"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			want := gitLoad(t, t.TempDir(), gitConfig(fmt.Sprintf("%q", local+"/"+path)), sources.Options{})
			got := gitLoad(t, t.TempDir(), gitConfig(repo.entry(fmt.Sprintf(", ref: main, path: %q", path))), sources.Options{})
			got.wantSaid(t)
			want.wantSaid(t)
			if diff := cmp.Diff(want.emails(), got.emails()); diff != "" || len(got.emails()) == 0 {
				t.Errorf("people (-local +git):\n%s", diff)
			}
			var names []string
			for _, name := range want.roster.Files {
				names = append(names, short+strings.TrimPrefix(name, local+"/"))
			}
			if diff := cmp.Diff(names, got.roster.Files); diff != "" {
				t.Errorf("files (-local +git):\n%s", diff)
			}
			if sources.Digest(resolve(want)) != sources.Digest(resolve(got)) {
				t.Error("another digest")
			}
			if len(got.roster.Commits) != 1 || got.roster.Commits[0].String() != "roster@"+commit {
				t.Errorf("commits %v, want %s", got.roster.Commits, commit)
			}
		})
	}
}

func resolve(l loaded) []*sources.Access {
	return sources.Resolve(l.roster, l.config, rules, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
}

// TestGitPlaces: what is wrong in a file is told by the name that people know it by, with
// the line.
func TestGitPlaces(t *testing.T) {
	t.Parallel()
	repo := newRepository(t)
	commit := repo.commit(map[string]string{"people/a.yaml": "version: 1\npeople:\n  - emial: a@example.com\n"})
	d := gitLoad(t, t.TempDir(), gitConfig(repo.entry("")), sources.Options{}).wantOne(t, "roster@"+commit[:12]+`:people/a.yaml:3:5: unknown key "emial"`)
	if d.Source != "  - emial: a@example.com" || d.Unread {
		t.Errorf("%+v", d)
	}
}

// TestGitFollows: each load reads what the ref leads to by then, also when it was forced
// back, and fails when the ref is gone; offline it stays where it was, and says so.
func TestGitFollows(t *testing.T) {
	t.Parallel()
	repo := newRepository(t)
	dir := t.TempDir()
	config := gitConfig(repo.entry(", ref: main"))
	load := func(offline bool, want ...string) loaded {
		t.Helper()
		l := gitLoad(t, dir, config, sources.Options{Offline: offline})
		if diff := cmp.Diff(append([]string{}, want...), l.emails()); diff != "" {
			t.Errorf("people (-want +got):\n%s%v", diff, l.said())
		}
		return l
	}
	first := repo.commit(map[string]string{"a.yaml": one("a")})
	if d := load(true).wantOne(t, "not fetched yet", "run rollcall plan once"); !d.Unread || d.Severity != sources.Error {
		t.Errorf("%+v", d)
	}
	load(false, "a@example.com").wantSaid(t)
	repo.commit(map[string]string{"b.yaml": one("b")})
	if d := load(true, "a@example.com").wantOne(t, "warning: git ", "is read as of commit "+first[:12]+", fetched at 20"); d.Severity != sources.Warning {
		t.Errorf("%+v", d)
	}
	load(false, "a@example.com", "b@example.com").wantSaid(t)
	repo.git("reset", "--quiet", "--hard", first)
	repo.commit(map[string]string{"c.yaml": one("c")})
	load(false, "a@example.com", "c@example.com").wantSaid(t)
	repo.git("branch", "--move", "other")
	if d := load(false).wantOne(t, `has no branch, tag or commit "main"`); d.Unread || d.Severity != sources.Error {
		t.Errorf("%+v", d)
	}
	if err := os.Rename(repo.dir, repo.dir+".away"); err != nil {
		t.Fatal(err)
	}
	if d := load(false).wantOne(t, "can not be read: git said: fatal: "); !d.Unread {
		t.Errorf("%+v", d)
	}
	info, err := os.Stat(filepath.Join(dir, ".rollcall", "git"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestGitRefs: HEAD by default, branches before tags, tags that are objects, commits.
func TestGitRefs(t *testing.T) {
	t.Parallel()
	repo := newRepository(t)
	tagged := repo.commit(map[string]string{"roster.yaml": one("tagged")})
	repo.git("tag", "--annotate", "-m", "x", "v1")
	repo.git("tag", "main")
	repo.commit(map[string]string{"roster.yaml": one("main")})
	repo.git("checkout", "--quiet", "-b", "stage/next")
	repo.commit(map[string]string{"roster.yaml": one("next")})
	for ref, want := range map[string]string{
		"": "next", "HEAD": "next", "main": "main", "refs/tags/main": "tagged", "v1": "tagged", "stage/next": "next", "refs/heads/main": "main", tagged: "tagged",
	} {
		more := ", path: roster.yaml"
		if ref != "" {
			more += fmt.Sprintf(", ref: %q", ref)
		}
		l := gitLoad(t, t.TempDir(), gitConfig(repo.entry(more)), sources.Options{})
		if !slices.Equal(l.emails(), []string{want + "@example.com"}) {
			t.Errorf("%s: %v %v", ref, l.emails(), l.said())
		}
	}
	l := gitLoad(t, t.TempDir(), gitConfig(repo.entry(", ref: "+strings.Repeat("1a", 20))), sources.Options{})
	l.wantOne(t, "has no branch, tag or commit")
	// Two entries of one repository are of one commit, and a file that both name is read once.
	l = gitLoad(t, t.TempDir(), gitConfig(repo.entry(", path: roster.yaml"), repo.entry(`, path: "*.yaml"`)), sources.Options{})
	l.wantSaid(t)
	if len(l.roster.Files) != 1 || len(l.roster.Commits) != 1 {
		t.Errorf("%v %v", l.roster.Files, l.roster.Commits)
	}
}

// TestGitRefuses: what stands in a repository and is no file is not followed, and whatever
// does not lead to a file is told.
func TestGitRefuses(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a right there")
	}
	repo := newRepository(t)
	for link, to := range map[string]string{"folder": "real", "real/link.yaml": "/etc/passwd", "up/away": "../../.."} {
		path := filepath.Join(repo.dir, filepath.FromSlash(link))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	repo.commit(map[string]string{"real/a.yaml": one("a"), "empty/x.txt": "", "large.yaml": strings.Repeat("#", 16<<20) + "\n##"})
	repo.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",subs/module")
	repo.git("commit", "--quiet", "-m", "x")
	wants := map[string]string{
		"real":           `leads to "real/link.yaml", a link, which is not followed in a repository`,
		"real/*":         `leads to "real/link.yaml", a link, which is not followed in a repository`,
		"real/link.yaml": `leads to "real/link.yaml", a link`,
		"folder":         `leads to "folder", a link`,
		"folder/a.yaml":  `leads to "folder", a link`,
		"folder/*.yaml":  `leads to "folder", a link`,
		"up":             `leads to "up/away", a link`,
		"subs":           `leads to "subs/module", a submodule`,
		"subs/module/x":  `leads to "subs/module", a submodule`,
		"nothing":        `does not exist (commit `,
		"real/a.yaml/b":  `does not exist (commit `,
		"empty":          `holds no .yaml or .yml file`,
		"empty/*.yaml":   `matches no file`,
		"**/a.yaml":      `has **, which is not known here`,
		"real/[":         `is not a pattern that can be read`,
		"large.yaml":     `:large.yaml:1:1: is larger than 16 MiB`,
	}
	paths := slices.Sorted(maps.Keys(wants))
	entries := make([]string, len(paths))
	for i, path := range paths {
		entries[i] = repo.entry(fmt.Sprintf(", path: %q", path))
	}
	l := gitLoad(t, t.TempDir(), gitConfig(entries...), sources.Options{})
	if len(l.diagnostics) != len(paths) || l.roster != nil {
		t.Errorf("said %q", l.said())
	}
	for i, path := range paths {
		place := fmt.Sprintf("rollcall.yaml:%d:5: git ", i+3)
		if !slices.ContainsFunc(l.diagnostics, func(d sources.Diagnostic) bool {
			return (strings.HasPrefix(d.String(), place) || strings.HasPrefix(d.File, "roster@")) && strings.Contains(d.String(), wants[path]) && !d.Unread
		}) {
			t.Errorf("%s: not among %q", path, l.said())
		}
	}
}

// TestGitPasswords: no path is relative to a file that stands in no folder.
func TestGitPasswords(t *testing.T) {
	t.Parallel()
	repo := newRepository(t)
	with := func(place string) string {
		return "version: 1\npeople:\n  - email: a@example.com\n    access: {partoo: {role: PUBLISHER, password: " + place + "}}\n"
	}
	// Who proposes a change of the roster is not to choose a file of the machine: the one
	// folder that it may be in is that of the configuration.
	dir := t.TempDir()
	repo.commit(map[string]string{
		"relative.yaml": with("{file: a.password}"), "absolute.yaml": with("{file: /run/secrets/a}"), "env.yaml": with("{env: A}"),
		"beside.yaml": with(fmt.Sprintf("{file: %q}", filepath.ToSlash(filepath.Join(dir, "a.password")))),
	})
	config := func(path string) string {
		return "version: 1\nroster: [" + repo.entry(", path: "+path) + "]\nproviders: {partoo: {auth: {apiKey: {env: KEY}}}}\n"
	}
	load := func(path string) loaded {
		return gitLoad(t, dir, config(path), sources.Options{Rules: func(string) sources.Rules { return sources.Rules{} }})
	}
	load("relative.yaml").wantOne(t, ":relative.yaml:4:", "password names a file by a path that is relative", "write an absolute path or {env: NAME}")
	if runtime.GOOS != "windows" {
		load("absolute.yaml").wantOne(t, ":absolute.yaml:4:", "file /run/secrets/a stands in the folder of neither ", "put it there, or give it as {env: NAME}")
	}
	load("env.yaml").wantSaid(t)
	load("beside.yaml").wantSaid(t)
}

// TestGitEntries: what can not be an entry is refused before anything is run.
func TestGitEntries(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"{git: https://me:hunter2hunter2@git.example.com/r.git}":         "has a user or a password in it",
		"{git: https://hunter2hunter2@git.example.com/r.git}":            "has a user or a password in it",
		"{git: 'https://me:hunter2%hunter2@git.example.com/r.git'}":      "has a user or a password in it",
		"{git: ssh://git:hunter2hunter2@git.example.com/r.git}":          "has a password in it",
		"{git: 'git:hunter2hunter2@git.example.com:r.git'}":              "has a password in it",
		"{git: http://git.example.com/r.git}":                            "http:// can be read and changed on the way",
		"{git: git://git.example.com/r.git}":                             "is of a kind that is not read",
		"{git: 'ext::sh -c touch% evil'}":                                "is of a kind that is not read",
		"{git: 'fd::17/foo'}":                                            "is of a kind that is not read",
		"{git: 'https://git.example.com/r.git?token=hunter2hunter2'}":    "has ? or # in it",
		"{git: --upload-pack=evil}":                                      "begins with a hyphen",
		"{git: 'ssh://-oProxyCommand=evil/r'}":                           "write an address such as",
		"{git: '-oProxyCommand=evil:r'}":                                 "begins with a hyphen",
		"{git: 'git@-oProxyCommand=evil:r'}":                             "write an address such as",
		"{git: https://}":                                                "write an address such as",
		"{git: ' '}":                                                     "must be the address or the path of a repository",
		"{git: r, ref: --upload-pack=evil}":                              "begins with a hyphen",
		"{git: r, ref: 'main:refs/heads/x'}":                             "is not the name of a branch or a tag",
		"{git: r, ref: '+main'}":                                         "is not the name of a branch or a tag",
		"{git: r, ref: 'a..b'}":                                          "is not the name of a branch or a tag",
		"{git: r, path: --output=x}":                                     "begins with a hyphen",
		"{git: r, path: ../x}":                                           "has to be a path from the root of the repository down",
		"{git: r, path: /etc}":                                           "has to be a path from the root of the repository down",
		"{git: git@git.example.com:r.git, auth: {env: T}}":               "a token is for https:// only",
		"{git: r, auth: {env: T}}":                                       "a token is for https:// only",
		"{git: https://git.example.com/r.git, user: x}":                  "goes with a token",
		"{git: https://git.example.com/r.git, auth: hunter2hunter2}":     "secrets never stand in a file of rollcall",
		"{git: https://git.example.com/r.git, auth: {hunter2hunter2: }}": "unknown key: known here are command, env, file",
		"{url: https://git.example.com/r.git}":                           `unknown key "url"`,
		"{ref: main}":                                                    "git is missing",
		"{git: r}\nschedul: {}":                                          `unknown key "schedul"`,
		"5":                                                              "must be a path, or a mapping such as {git:",
	} {
		dir := t.TempDir()
		l := gitLoad(t, dir, gitConfig(entry), sources.Options{})
		if text := l.diagnostics.Error(); !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: said %s, want %s", entry, text, want)
		}
		if _, err := os.Stat(filepath.Join(dir, ".rollcall")); err == nil {
			t.Errorf("%s: something was fetched", entry)
		}
	}
}

// TestGitToken: a server that wants a token gets it in a header; it stands in no argument
// and no message.
func TestGitToken(t *testing.T) {
	repo := newRepository(t)
	backend := filepath.Join(strings.TrimSpace(repo.git("--exec-path")), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git http-backend is not installed")
	}
	commit := repo.commit(map[string]string{"a.yaml": one("a")})
	const token = "hunter2-token"
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("gitlab-ci-token:"+token))
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(repo.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the token went elsewhere: %v", r.Header)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/moved"):
			http.Redirect(w, r, elsewhere.URL+r.URL.Path+"?"+r.URL.RawQuery, http.StatusFound)
		case len(r.Header.Values("Authorization")) != 1 || r.Header.Get("Authorization") != want:
			// What a hostile server sends back is shown to nobody.
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, "\x1b[31mno: %s\n", r.Header.Get("Authorization"))
		default:
			handler.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	load := func(repository, value string) (loaded, *sources.Secrets) {
		t.Setenv("ROSTER_TOKEN", value)
		secrets := &sources.Secrets{}
		config := gitConfig(fmt.Sprintf("{git: %s/%s, user: gitlab-ci-token, auth: {env: ROSTER_TOKEN}}", server.URL, repository))
		return gitLoad(t, t.TempDir(), config, sources.Options{Secrets: secrets}), secrets
	}
	l, secrets := load("roster", token)
	l.wantSaid(t)
	if l.roster == nil || len(l.roster.Commits) != 1 || l.roster.Commits[0].ID != commit {
		t.Fatalf("%v", l.said())
	}
	if redacted := secrets.Redact(token + " " + want); redacted != "[secret] Basic [secret]" {
		t.Errorf("not known as a secret: %s", redacted)
	}
	l, _ = load("roster", "hunter2-wrong")
	d := l.wantOne(t, "can not be read: git said: fatal: ", "403")
	if text := d.Render(); !d.Unread || strings.Contains(text, "hunter2") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("gitlab-ci-token:hunter2-wrong"))) || strings.Contains(text, "\x1b") {
		t.Errorf("%+v", d)
	}
	l, _ = load("moved/roster", token)
	l.wantOne(t, "can not be read: git said: ")
	l, _ = load("roster", "")
	if d := l.wantOne(t, "can not be read without its token: environment variable ROSTER_TOKEN is empty"); d.Unread {
		t.Errorf("%+v", d)
	}
}

// TestGitHostile: neither the settings of the user nor what was left in the mirror run
// anything.
func TestGitHostile(t *testing.T) {
	repo := newRepository(t)
	repo.commit(map[string]string{"a.yaml": one("a")})
	dir := t.TempDir()
	config := gitConfig(repo.entry(""))
	gitLoad(t, dir, config, sources.Options{}).wantSaid(t)
	mirror := onlyMirror(t, dir)
	evil := filepath.Join(t.TempDir(), "evil")
	hooks := filepath.Join(t.TempDir(), "hooks")
	script := "#!/bin/sh\ntouch '" + evil + "'\n"
	for _, path := range []string{filepath.Join(hooks, "reference-transaction"), filepath.Join(mirror, "hooks", "reference-transaction")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	settings := "[core]\n\tbare = true\n\thooksPath = " + hooks + "\n[url \"ext::sh -c touch% " + evil + "% \"]\n\tinsteadOf = " + filepath.ToSlash(repo.dir) + "\n"
	if err := os.WriteFile(filepath.Join(mirror, "config"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	repo.commit(map[string]string{"b.yaml": one("b")})
	l := gitLoad(t, dir, config, sources.Options{})
	l.wantSaid(t)
	if len(l.emails()) != 2 {
		t.Errorf("people %v", l.emails())
	}
	global := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(global, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", global)
	t.Setenv("GIT_DIR", t.TempDir())
	gitLoad(t, dir, config, sources.Options{}).wantOne(t, "transport 'ext' not allowed")
	if _, err := os.Stat(evil); err == nil {
		t.Error("something was run")
	}
}

func onlyMirror(t testing.TB, dir string) string {
	t.Helper()
	heads, err := filepath.Glob(filepath.Join(dir, ".rollcall", "git", "*", "HEAD"))
	if err != nil || len(heads) != 1 {
		t.Fatalf("mirrors %v, %v", heads, err)
	}
	return filepath.Dir(heads[0])
}

// TestGitDamage: a mirror that is broken is made anew, and one that a killed process left
// locked is used.
func TestGitDamage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, mirror string){
		"packs gone": func(t *testing.T, mirror string) {
			if err := os.RemoveAll(filepath.Join(mirror, "objects", "pack")); err != nil {
				t.Fatal(err)
			}
		},
		"packs cut": func(t *testing.T, mirror string) {
			packs, _ := filepath.Glob(filepath.Join(mirror, "objects", "pack", "*.pack"))
			for _, pack := range packs {
				if err := errorsOf(os.Chmod(pack, 0o600), os.Truncate(pack, 40)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"HEAD gone": func(t *testing.T, mirror string) {
			if err := os.Remove(filepath.Join(mirror, "HEAD")); err != nil {
				t.Fatal(err)
			}
		},
		"locked by the dead": func(t *testing.T, mirror string) {
			for _, name := range []string{"shallow.lock", "HEAD.lock", "refs/rollcall/x.lock", "packed-refs.lock"} {
				if err := os.WriteFile(filepath.Join(mirror, filepath.FromSlash(name)), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := newRepository(t)
			repo.commit(map[string]string{"a.yaml": one("a")})
			dir := t.TempDir()
			config := gitConfig(repo.entry(""))
			gitLoad(t, dir, config, sources.Options{}).wantSaid(t)
			damage(t, onlyMirror(t, dir))
			repo.commit(map[string]string{"b.yaml": one("b")})
			l := gitLoad(t, dir, config, sources.Options{})
			l.wantSaid(t)
			if len(l.emails()) != 2 {
				t.Errorf("people %v", l.emails())
			}
			if name == "locked by the dead" {
				return
			}
			// Offline there is nothing to make it anew from.
			damage(t, onlyMirror(t, dir))
			if d := gitLoad(t, dir, config, sources.Options{Offline: true}).wantOne(t, "run rollcall plan"); !d.Unread || d.Severity != sources.Error {
				t.Errorf("%+v", d)
			}
		})
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestGitPartial: while a repository can not be read, nobody is said to be in a team that
// does not exist, and no roster is given.
func TestGitPartial(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := folder(t, map[string]string{"local.yaml": "version: 1\npeople:\n  - email: a@example.com\n    teams: [elsewhere]\n"})
	l := gitLoad(t, dir, gitConfig("local.yaml", "{git: nothing}"), sources.Options{})
	if d := l.wantOne(t, `rollcall.yaml:4:5: git "nothing" can not be read: git said: `); !d.Unread {
		t.Errorf("%+v", d)
	}
	if l.roster != nil {
		t.Error("half of a roster was given")
	}
}

// TestGitAtOnce: several that read one repository at once wait for each other.
func TestGitAtOnce(t *testing.T) {
	t.Parallel()
	repo := newRepository(t)
	repo.commit(map[string]string{"a.yaml": one("a")})
	dir := t.TempDir()
	file := filepath.Join(dir, "rollcall.yaml")
	if err := os.WriteFile(file, []byte(gitConfig(repo.entry(""))), 0o600); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, roster, ds := sources.Load(t.Context(), file, sources.Options{Rules: rules}); roster == nil || len(roster.People) != 1 {
				t.Errorf("said %v", ds)
			}
		})
	}
	all.Wait()
}

func TestGitInterrupted(t *testing.T) {
	t.Parallel()
	repo := newRepository(t)
	repo.commit(map[string]string{"a.yaml": one("a")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := folder(t, map[string]string{"rollcall.yaml": gitConfig(repo.entry(""))})
	_, roster, ds := sources.Load(ctx, filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules})
	if roster != nil || !ds.Failed() || !strings.Contains(ds.Error(), "interrupted") {
		t.Errorf("%v", ds)
	}
}

func TestGitMissing(t *testing.T) {
	repo := newRepository(t)
	t.Setenv("PATH", t.TempDir())
	if d := gitLoad(t, t.TempDir(), gitConfig(repo.entry("")), sources.Options{}).wantOne(t, "there is no program git on this machine: install it"); !d.Unread {
		t.Errorf("%+v", d)
	}
}
