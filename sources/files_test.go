package sources_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// one is a roster of one person.
func one(name string) string {
	return "version: 1\npeople: [{email: " + name + "@example.com}]\n"
}

// from is a configuration with these roster entries.
func from(entries string) string { return "roster: [" + entries + "]\n" + minimal }

func TestRosterEntries(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"roster.yaml": one("a"), "people/b.yaml": one("b"), "people/c.yml": one("c"), "people/deep/er/d.yaml": one("d"),
		"people/.hidden.yaml": "not a roster", "people/.git/e.yaml": "not a roster", "people/notes.txt": "not a roster", "people/deep/README.md": "",
		"empty/notes.txt": "", "[odd]/f.yaml": one("f"), "dir.yaml/g.yaml": one("g"), ".dot/h.yaml": one("h"),
	}
	for _, test := range []struct {
		entries string
		want    []string
		said    string
	}{
		{entries: "roster.yaml", want: []string{"roster.yaml"}},
		{entries: "people", want: []string{"people/b.yaml", "people/c.yml", "people/deep/er/d.yaml"}},
		{entries: "people/", want: []string{"people/b.yaml", "people/c.yml", "people/deep/er/d.yaml"}},
		{entries: "people/*.yaml", want: []string{"people/b.yaml"}},
		{entries: "people/*", want: []string{"people/b.yaml", "people/c.yml", "people/notes.txt"}, said: "people/notes.txt:1:1: "},
		{entries: `"people/[bc].*"`, want: []string{"people/b.yaml", "people/c.yml"}},
		{entries: "people/*/*/?.yaml", want: []string{"people/deep/er/d.yaml"}},
		{entries: "people/.*", want: []string{"people/.hidden.yaml"}, said: "people/.hidden.yaml:1:1: "},
		{entries: ".dot", want: []string{".dot/h.yaml"}},
		{entries: "dir.yaml", want: []string{"dir.yaml/g.yaml"}},
		{entries: `"[odd]/f.yaml"`, want: []string{"[odd]/f.yaml"}},
		{entries: "people, people/b.yaml, people/*.yaml, ./people/../people/deep, roster.yaml, ./roster.yaml", want: []string{"people/b.yaml", "people/c.yml", "people/deep/er/d.yaml", "roster.yaml"}},
		{entries: "missing.yaml", said: `rollcall.yaml:1:10: roster "missing.yaml" does not exist`},
		{entries: "roster.yaml, missing/", said: `rollcall.yaml:1:23: roster "missing/" does not exist`},
		{entries: "empty", said: `rollcall.yaml:1:10: roster "empty" holds no .yaml or .yml file`},
		{entries: "nothing/*.yaml", said: `rollcall.yaml:1:10: roster "nothing/*.yaml" matches no file`},
		{entries: "empty/*.yaml", said: `rollcall.yaml:1:10: roster "empty/*.yaml" matches no file`},
		{entries: `"people/[b.yaml"`, said: `rollcall.yaml:1:10: roster "people/[b.yaml" is not a pattern that can be read: look at its brackets`},
		{entries: "people/**/*.yaml", said: `rollcall.yaml:1:10: roster "people/**/*.yaml" has **, which is not known here: name the directory, it is read with all below it`},
		{entries: "rollcall.yaml", said: `rollcall.yaml:1:10: roster "rollcall.yaml" is the configuration itself: a roster is a file of its own`},
		{entries: "roster.yaml/x", said: `rollcall.yaml:1:10: roster "roster.yaml/x" can not be read: not a directory`},
	} {
		t.Run(test.entries, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(test.said, "not a directory") && runtime.GOOS == "windows" {
				t.Skip("said otherwise there")
			}
			files := mapsWith(files, "rollcall.yaml", from(test.entries))
			l := load(t, files)
			if test.said != "" {
				if len(l.diagnostics) != 1 || !strings.HasPrefix(l.diagnostics[0].String(), test.said) {
					t.Errorf("said %v, want %s", l.said(), test.said)
				}
				return
			}
			l.wantSaid(t)
			if diff := cmp.Diff(test.want, l.files()); diff != "" {
				t.Error(diff)
			}
			if len(l.roster.People) != len(test.want) {
				t.Errorf("%d people, want %d", len(l.roster.People), len(test.want))
			}
		})
	}
}

func mapsWith(files map[string]string, name, content string) map[string]string {
	with := map[string]string{name: content}
	for name, content := range files {
		with[name] = content
	}
	return with
}

// TestConfigurationIsNoRoster: beside rosters it is left out.
func TestConfigurationIsNoRoster(t *testing.T) {
	t.Parallel()
	for _, entries := range []string{".", `"*.yaml"`, "./"} {
		l := load(t, map[string]string{"rollcall.yaml": from(entries), "a.yaml": one("a"), "b.yml": one("b")})
		l.wantSaid(t)
		if slices.Contains(l.files(), "rollcall.yaml") {
			t.Errorf("%s: files %q", entries, l.files())
		}
		// Alone it is no roster of nobody, which would take everybody's access away.
		l = load(t, map[string]string{"rollcall.yaml": from(entries)})
		if !l.diagnostics.Failed() {
			t.Errorf("%s: a roster without a file was accepted", entries)
		}
	}
}

// TestBracketsInTheDirectory: only what is written in the file is a pattern.
func TestBracketsInTheDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such names there")
	}
	dir := folder(t, map[string]string{"[prod]*/rollcall.yaml": from(`"*/?.yaml"`), "[prod]*/people/a.yaml": one("a")})
	l := loadFrom(t, filepath.Join(dir, "[prod]*"))
	l.wantSaid(t)
	if want := []string{"people/a.yaml"}; !slices.Equal(l.files(), want) {
		t.Errorf("files %q, want %q", l.files(), want)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, dir, to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	t.Run("one file under three names", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, map[string]string{"people/a.yaml": one("a")})
		link(t, dir, "a.yaml", "people/z.yaml")
		text := from("people, '" + filepath.ToSlash(filepath.Join(dir, "people", "a.yaml")) + "'")
		if err := os.WriteFile(filepath.Join(dir, "rollcall.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := loadFrom(t, dir)
		l.wantSaid(t)
		if len(l.files()) != 1 || len(l.roster.People) != 1 {
			t.Errorf("files %q", l.files())
		}
	})
	t.Run("a directory that is a link", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, map[string]string{"rollcall.yaml": from("people"), "real/deep/a.yaml": one("a")})
		link(t, dir, "real", "people")
		l := loadFrom(t, dir)
		l.wantSaid(t)
		if want := []string{"people/deep/a.yaml"}; !slices.Equal(l.files(), want) {
			t.Errorf("files %q, want %q", l.files(), want)
		}
	})
	t.Run("a link to a directory inside", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, map[string]string{"rollcall.yaml": from("people"), "people/a.yaml": one("a"), "more/b.yaml": one("b")})
		link(t, dir, "../more", "people/more")
		if l := loadFrom(t, dir); len(l.diagnostics) != 1 || !strings.HasSuffix(l.said()[0], `holds "more", a link to a directory, which is not followed: name that directory in roster`) {
			t.Errorf("said %v", l.said())
		}
	})
	t.Run("a mounted folder", func(t *testing.T) {
		t.Parallel()
		// As Kubernetes mounts one: the files are links through a hidden link.
		dir := folder(t, map[string]string{"rollcall.yaml": from("people"), "people/..2026/a.yaml": one("a")})
		link(t, dir, "..2026", "people/..data")
		link(t, dir, "..data/a.yaml", "people/a.yaml")
		l := loadFrom(t, dir)
		l.wantSaid(t)
		if want := []string{"people/a.yaml"}; !slices.Equal(l.files(), want) {
			t.Errorf("files %q, want %q", l.files(), want)
		}
	})
	t.Run("a link to nothing", func(t *testing.T) {
		t.Parallel()
		for _, entries := range []string{"people", "people/*.yaml"} {
			dir := folder(t, map[string]string{"rollcall.yaml": from(entries), "people/a.yaml": one("a")})
			link(t, dir, "nothing", "people/b.yaml")
			loadFrom(t, dir).wantSaid(t, "people/b.yaml: does not exist")
		}
	})
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"rollcall.yaml": from(`"-", roster.yaml`), "roster.yaml": one("a")})
	file := filepath.Join(dir, "rollcall.yaml")
	_, roster, ds := sources.Load(t.Context(), file, sources.Options{Rules: rules, Stdin: strings.NewReader(one("b"))})
	if len(ds) > 0 || len(roster.People) != 2 || !slices.Contains(roster.Files, "<stdin>") {
		t.Errorf("roster %v, diagnostics %v", roster, ds)
	}
	if p, known := roster.Person("B@example.com"); !known || p.Origin != (sources.Origin{File: "<stdin>", Line: 2, Column: 18}) {
		t.Errorf("origin %v", p.Origin)
	}
	_, _, ds = sources.Load(t.Context(), file, sources.Options{Rules: rules})
	if len(ds) != 1 || ds[0].String() != "<stdin>: there is no standard input to read a roster from" {
		t.Errorf("without standard input: %v", ds)
	}
	_, _, ds = sources.Load(t.Context(), file, sources.Options{Rules: rules, Stdin: strings.NewReader("")})
	if !ds.Failed() {
		t.Error("empty standard input is a roster of nobody")
	}
	_, _, ds = sources.Load(t.Context(), file, sources.Options{Rules: rules, Stdin: iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(one("b"))))})
	if len(ds) != 1 || ds[0].String() != "<stdin>: can not be read: timeout" {
		t.Errorf("cut off: %v", ds)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"rollcall.yaml": minimal, "dir/x": ""})
	if _, ds := sources.LoadConfig(filepath.Join(dir, "dir")); len(ds) != 1 || !strings.HasSuffix(ds[0].String(), "/dir: is a directory, not a file") {
		t.Errorf("a directory: %v", ds)
	}
	if _, ds := sources.LoadConfig(filepath.Join(dir, "nothing")); len(ds) != 1 || !strings.HasSuffix(ds[0].String(), "/nothing: does not exist") {
		t.Errorf("nothing: %v", ds)
	}
	loadFrom(t, dir).wantSaid(t, "roster.yaml: does not exist")
	if runtime.GOOS != "windows" {
		if _, ds := sources.LoadConfig(os.DevNull); len(ds) != 1 || ds[0].String() != os.DevNull+": is not a regular file" {
			t.Errorf("a device: %v", ds)
		}
	}
	if file, ds := sources.ReadYAML(filepath.Join(dir, "nothing")); file != nil || !ds.Failed() {
		t.Errorf("ReadYAML: %v, %v", file, ds)
	}
}

func TestReadYAML(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"good.yaml": "a: [1, 2.5, x, null, true]\n", "bad.yaml": "a: 0123\n"})
	file, ds := sources.ReadYAML(filepath.Join(dir, "good.yaml"))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	if diff := cmp.Diff(map[string]any{"a": []any{int64(1), 2.5, "x", nil, true}}, file.Data()); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]string{"a": "1:1: wrong\n", "a/2": "1:13: wrong\n", "a/9/b": "1:1: wrong\n", "b": "1:1: wrong\n", "": "1:1: wrong\n"} {
		got := file.Problem(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }), "wrong")
		if !strings.Contains(got.Error()+"\n", "good.yaml:"+want+"    1 | a: [1, 2.5, x, null, true]\n") || !got.Failed() {
			t.Errorf("%s: %s", path, got.Error())
		}
	}
	if file, ds := sources.ReadYAML(filepath.Join(dir, "bad.yaml")); file != nil || !ds.Failed() {
		t.Errorf("%v, %v", file, ds)
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() <= 0 {
		t.Skip("nothing is unreadable here")
	}
	dir := folder(t, map[string]string{"rollcall.yaml": from("people"), "people/a.yaml": one("a"), "people/b/c.yaml": one("c")})
	if err := os.Chmod(filepath.Join(dir, "people", "a.yaml"), 0); err != nil {
		t.Fatal(err)
	}
	loadFrom(t, dir).wantSaid(t, "people/a.yaml: can not be read: permission denied")
	if err := os.Chmod(filepath.Join(dir, "people", "b"), 0); err != nil {
		t.Fatal(err)
	}
	if l := loadFrom(t, dir); !l.diagnostics.Failed() {
		t.Error("a directory that can not be read was passed over")
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{"roster.yaml": one("a") + strings.Repeat("# a comment\n", 1_500_000)})
	if len(l.diagnostics) != 1 || !strings.HasPrefix(l.said()[0], "roster.yaml:1:1: is larger than 16 MiB") {
		t.Errorf("said %v", l.said())
	}
}

// TestLineEndsAndByteOrderMarks: an editor's habits change neither the roster nor
// the places.
func TestLineEndsAndByteOrderMarks(t *testing.T) {
	t.Parallel()
	text := "version: 1\npeople:\n  - email: a@example.com\n    givenName: \u00c5sa\n    labels: {note: \"two\n      lines\"}\n"
	wrong := text + "    titel: x\n"
	plain := load(t, map[string]string{"roster.yaml": text})
	for name, change := range map[string]func(string) string{
		"CRLF": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"BOM":  func(s string) string { return "\ufeff" + s },
		"both": func(s string) string { return "\ufeff" + strings.ReplaceAll(s, "\n", "\r\n") },
	} {
		l := load(t, map[string]string{"roster.yaml": change(text), "rollcall.yaml": change(minimal)})
		l.wantSaid(t)
		if diff := cmp.Diff(plain.roster.People[0].Values, l.roster.People[0].Values, ignoreFile); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		l = load(t, map[string]string{"roster.yaml": change(wrong)})
		l.wantSaid(t, `roster.yaml:7:5: unknown key "titel"; did you mean "title"?`)
		if d := l.diagnostics[0]; d.Source != "    titel: x" {
			t.Errorf("%s: shows %q", name, d.Source)
		}
	}
	l := load(t, map[string]string{"roster.yaml": "\ufeffversions: 1\n"})
	if d := l.diagnostics[0]; d.Column != 1 || d.Source != "versions: 1" {
		t.Errorf("after a byte order mark: %d, %q", d.Column, d.Source)
	}
}

var ignoreFile = cmp.Transformer("place", func(o sources.Origin) [2]int { return [2]int{o.Line, o.Column} })

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	dir := folder(t, map[string]string{"rollcall.yaml": minimal, "roster.yaml": one("a")})
	_, roster, ds := sources.Load(ctx, filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules})
	if roster != nil || !ds.Failed() {
		t.Error("half of a roster was given")
	}
}

// TestPanicsComeBack: a panic beside the caller's goroutine would end the program
// with a code that means something else.
func TestPanicsComeBack(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"rollcall.yaml": from(`"-"`)})
	defer func() {
		if got := recover(); got != "a reader that panics" {
			t.Errorf("recovered %v", got)
		}
	}()
	_, _, ds := sources.Load(t.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules, Stdin: panicking{}})
	t.Errorf("no panic, but %v", ds)
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a reader that panics") }
