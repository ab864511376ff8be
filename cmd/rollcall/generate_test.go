package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall/internal/monitor"
	"rollcall/plan"
	"rollcall/providers/registry"
)

// TestGenerated keeps what is made from the code as the code has it: sections of
// READMEs and the schemas of the examples. With -update it writes them.
func TestGenerated(t *testing.T) {
	t.Parallel()
	root := newApp(nil, io.Discard, io.Discard).root()
	for _, section := range []struct{ file, name, text string }{
		{"README.md", "exit-codes", exitTable()},
		{"README.md", "capabilities", capabilityTable(registry.Kinds())},
		{"cmd/rollcall/README.md", "commands", commandsText(root)},
		{"cmd/rollcall/internal/monitor/README.md", "metrics", monitor.Table()},
	} {
		path := filepath.Join(repository, filepath.FromSlash(section.file))
		old := read(t, path)
		fresh, err := replaceSection(old, section.name, section.text)
		if err != nil {
			t.Errorf("%s: %v", section.file, err)
			continue
		}
		keep(t, path, old, fresh)
	}

	for _, example := range []string{"quickstart", "full"} {
		dir := filepath.Join(repository, "examples", example)
		code, schema, stderr := rollcall(dir, "schema", "roster")
		if code != plan.ExitOK {
			t.Fatalf("schema roster ends with %d: %s", code, stderr)
		}
		path := filepath.Join(dir, "roster.schema.json")
		keep(t, path, read(t, path), schema)
	}
}

// read reads a file; one that does not exist is empty.
func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// keep fails when a file is stale, or makes it fresh under -update.
func keep(t *testing.T, path, old, fresh string) {
	t.Helper()
	if old == fresh {
		return
	}
	if !*update {
		t.Errorf("%s is stale; write it anew with: go test ./cmd/rollcall -run TestGenerated -update\n%s", filepath.ToSlash(path), cmp.Diff(old, fresh))
		return
	}
	//nolint:gosec // these files are for everybody
	if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
		t.Error(err)
	}
}

// replaceSection puts text between the markers of a section.
func replaceSection(page, name, text string) (string, error) {
	begin, end := fmt.Sprintf("<!-- begin generated: %s -->\n", name), fmt.Sprintf("<!-- end generated: %s -->", name)
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("lacks the section %q: it goes between %q and %q", name, strings.TrimSpace(begin), end)
	}
	return before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after, nil
}

// commandsText describes every command in Markdown, from what its help says.
func commandsText(root *cobra.Command) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Every command takes the global flags:\n\n```\n%s```\n", root.PersistentFlags().FlagUsages())
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" || cmd.Hidden {
			continue
		}
		long, codes, _ := strings.Cut(cmd.Long, "\n\nExit codes:\n")
		fmt.Fprintf(&out, "\n## %s\n\n%s.\n\n", cmd.CommandPath(), cmd.Short)
		if cmd.Name() != "completion" { // whose text is about its own subcommands
			fmt.Fprintf(&out, "%s\n\n", strings.TrimSpace(long))
		}
		usage := cmd.UseLine()
		if cmd.HasAvailableSubCommands() {
			names := make([]string, 0, len(cmd.Commands()))
			for _, sub := range cmd.Commands() {
				names = append(names, sub.Name())
			}
			usage = cmd.CommandPath() + " " + strings.Join(names, "|")
		}
		fmt.Fprintf(&out, "```\n%s\n\n%s\n```\n", usage, cmd.Example)
		if flags := cmd.LocalNonPersistentFlags(); flags.HasAvailableFlags() {
			fmt.Fprintf(&out, "\n```\n%s```\n", flags.FlagUsages())
		}
		if codes != "" {
			fmt.Fprintf(&out, "\nExit codes:\n\n```\n%s\n```\n", codes)
		}
	}
	return out.String()
}

func TestReplaceSection(t *testing.T) {
	t.Parallel()
	page := "a\n<!-- begin generated: x -->\nold\n<!-- end generated: x -->\nb\n"
	fresh, err := replaceSection(page, "x", "new\n")
	if want := "a\n<!-- begin generated: x -->\n\nnew\n\n<!-- end generated: x -->\nb\n"; err != nil || fresh != want {
		t.Errorf("it is %q, %v; want %q", fresh, err, want)
	}
	if again, _ := replaceSection(fresh, "x", "new\n"); again != fresh {
		t.Error("replacing twice differs from replacing once")
	}
	for _, broken := range []string{"", "<!-- begin generated: y -->\n<!-- end generated: y -->", "<!-- begin generated: x -->\n"} {
		if _, err := replaceSection(broken, "x", "new"); err == nil {
			t.Errorf("%q has no section x, and nobody is told", broken)
		}
	}
}
