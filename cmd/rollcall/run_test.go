package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"rollcall/plan"
)

// write makes a file in dir.
func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// rollcall runs the program inside this process, with the configuration in dir.
func rollcall(dir string, args ...string) (code int, stdout, stderr string) {
	var out, told bytes.Buffer
	code = run(append([]string{"-c", filepath.Join(dir, "rollcall.yaml")}, args...), strings.NewReader(""), &out, &told)
	return code, out.String(), told.String()
}

const simulatedConfig = `version: 1
providers: {vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: unlimited}}
`

// TestOrderOfTheRosterIsIrrelevant plans a roster and a hundred shuffles of it:
// people, teams, lists and files in any order are one plan.
func TestOrderOfTheRosterIsIrrelevant(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", "version: 1\nroster: [people/]\n"+strings.TrimPrefix(simulatedConfig, "version: 1\n"))
	write(t, dir, "simulator.yaml", `vendasta:
  users:
    - {id: U-1, partner: ABC, attributes: {email: one@example.com}, platformAccess: ["pc:access", "tm:access"], businessLocations: ["AG-2", "AG-1"]}
    - {id: U-2, partner: ABC, attributes: {email: two@example.com}, platformAccess: ["tm:access"]}
`)
	if err := os.Mkdir(filepath.Join(dir, "people"), 0o700); err != nil {
		t.Fatal(err)
	}
	teams := []string{
		`  sales: {access: {vendasta: {platformAccess: ["pc:access", "tm:access"]}}}`,
		`  shops: {access: {vendasta: {businessLocations: ["AG-1", "AG-2", "AG-3"]}}}`,
		`  tasks: {access: {vendasta: {platformAccess: ["ssc:access"]}}}`,
	}
	people := []string{
		`  - {email: one@example.com, teams: [shops, sales], givenName: One}`,
		`  - {email: two@example.com, status: departed}`,
		`  - {email: three@example.com, teams: [sales, tasks, shops], phones: [{number: "1", type: work}, {number: "2", type: home}]}`,
		`  - {email: four@example.com, previousEmails: [for@example.com], access: {vendasta: {platformAccess: ["pc:access"]}}, teams: [tasks]}`,
		`  - {email: five@example.com, teams: [sales], access: {vendasta: {businessLocations: ["AG-9"]}}}`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	digests := make(map[string]int)
	for range 101 {
		random.Shuffle(len(teams), func(i, j int) { teams[i], teams[j] = teams[j], teams[i] })
		random.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
		cut := random.IntN(len(people) - 1)
		write(t, dir, "people/a.yaml", "version: 1\nteams:\n"+strings.Join(teams, "\n")+"\npeople:\n"+strings.Join(people[:cut+1], "\n")+"\n")
		write(t, dir, "people/b.yaml", "version: 1\npeople:\n"+strings.Join(people[cut+1:], "\n")+"\n")
		code, stdout, stderr := rollcall(dir, "--simulate", "plan", "--format", "json")
		if code != plan.ExitOK {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		var made plan.Plan
		if err := json.Unmarshal([]byte(stdout), &made); err != nil {
			t.Fatal(err)
		}
		if len(made.Changes) != 5 {
			t.Fatalf("%d changes, want 5: %s", len(made.Changes), stdout)
		}
		digests[made.Digest]++
	}
	if len(digests) != 1 {
		t.Errorf("%d digests, want 1: %v", len(digests), digests)
	}
}

// TestSameBytes: two plans of the same files and answers differ in nothing but
// the time they were made.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	var plans []string
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "examples", "quickstart"))); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := os.RemoveAll(filepath.Join(dir, ".rollcall")); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := rollcall(dir, "--simulate", "plan", "--format", "json")
		if code != plan.ExitOK {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		if err := checkSchema([]byte(stdout), "plan"); err != nil {
			t.Error(err)
		}
		var lines []string
		for line := range strings.Lines(stdout) {
			if !strings.HasPrefix(line, `  "created": `) {
				lines = append(lines, line)
			}
		}
		plans = append(plans, strings.Join(lines, ""))
	}
	if diff := cmp.Diff(plans[0], plans[1]); diff != "" {
		t.Error(diff)
	}
}

// breaking is a stream with a bug that shows after so many writes.
type breaking struct{ writes int }

func (b *breaking) Write(p []byte) (int, error) {
	if b.writes == 0 {
		panic("the stream\x1b[31m broke")
	}
	b.writes--
	return len(p), nil
}

// TestPanic: a bug is told as one, with exit code 1 and a result, and what comes
// of it can not move the cursor.
func TestPanic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", simulatedConfig)
	write(t, dir, "roster.yaml", "version: 1\npeople: [{email: bill@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}]\n")
	for _, command := range [][]string{{"apply", "--yes", "--result", filepath.Join(dir, "result.json")}, {"plan"}, {"validate"}} {
		var told bytes.Buffer
		code := run(append([]string{"--simulate", "-c", filepath.Join(dir, "rollcall.yaml")}, command...), strings.NewReader(""), &breaking{}, &told)
		if code != plan.ExitError {
			t.Errorf("%s: exit code %d, want %d", command[0], code, plan.ExitError)
		}
		want := `rollcall: rollcall broke: the stream\u001b[31m broke; this is a bug, report it with the command and the output of -v`
		if !strings.Contains(told.String(), want) {
			t.Errorf("%s: standard error is %q", command[0], told.String())
		}
	}
	result, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSchema(result, "result"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(result), `"exit": 1,`) || !strings.Contains(string(result), `"status": "skipped"`) {
		t.Errorf("the result is %s", result)
	}
}

// TestPanicAfterTheWrites: once changes are done, a bug makes the run incomplete,
// and the result still has what was done.
func TestPanicAfterTheWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", simulatedConfig)
	write(t, dir, "roster.yaml", "version: 1\npeople: [{email: bill@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}]\n")
	file := filepath.Join(dir, "result.json")
	code := run([]string{"--simulate", "-c", filepath.Join(dir, "rollcall.yaml"), "apply", "--yes", "--result", file}, strings.NewReader(""), &breaking{writes: 1}, io.Discard)
	if code != plan.ExitIncomplete {
		t.Errorf("exit code %d, want %d", code, plan.ExitIncomplete)
	}
	if result := read(t, file); !strings.Contains(result, `"exit": 3,`) || !strings.Contains(result, `"status": "applied"`) {
		t.Errorf("the result is %s", result)
	}
}

// TestHelp: every command says what it does and gives an example, and every flag
// is described.
func TestHelp(t *testing.T) {
	t.Parallel()
	root := newApp(nil, io.Discard, io.Discard).root()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s has no summary, no description or no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.LocalFlags().FlagUsages()) {
			if fields := strings.Fields(line); len(fields) < 3 {
				t.Errorf("%s: a flag says too little: %s", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	some := errors.New("some")
	more := errors.New("more")
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	tests := []struct {
		err       error
		code      int
		why, tell string
	}{
		{nil, 0, "", ""},
		{some, 7, "some", "some"},
		{exit(plan.ExitIncomplete), 3, "", ""},
		{invalid(some), 5, "some", "some"},
		{&exitError{code: 5, err: some, told: true}, 5, "some", ""},
		{errors.Join(exit(plan.ExitIncomplete), broken(some)), 1, "some", "some"},
		{errors.Join(broken(some), &exitError{code: 5, err: more, told: true}), 5, "some\nmore", "some"},
		{errors.Join(errors.Join(exit(plan.ExitRefused), exit(plan.ExitIncomplete)), nil), 4, "", ""},
		{errors.Join(exit(plan.ExitInterrupted), invalid(some)), 130, "some", "some"},
		{fmt.Errorf("around: %w", broken(some)), 1, "some", "some"},
	}
	for _, test := range tests {
		code, why, tell := outcome(test.err, 7)
		if code != test.code || text(why) != test.why || text(tell) != test.tell {
			t.Errorf("outcome(%v) = %d, %q, %q; want %d, %q, %q", test.err, code, why, tell, test.code, test.why, test.tell)
		}
	}
}

// TestNothingRunsOn: a run leaves no goroutine behind. It looks at all of them, so
// it runs alone.
func TestNothingRunsOn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", simulatedConfig)
	write(t, dir, "roster.yaml", "version: 1\npeople: [{email: bill@example.com, access: {vendasta: {platformAccess: [\"tm:access\"]}}}]\n")
	before := goleak.IgnoreCurrent()
	for _, args := range [][]string{{"--simulate", "apply", "--yes"}, {"--simulate", "plan"}, {"--simulate", "explain", "bill@example.com"}, {"plan"}, {"--bogus"}} {
		rollcall(dir, args...)
	}
	goleak.VerifyNone(t, before)
}
