package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"rollcall/plan/ledger/pgtest"
	"rollcall/schemas"
)

var update = flag.Bool("update", false, "rewrite generated files and the expected output in scripts")

// quickExit tells programs under the race detector not to sleep before they end.
const quickExit = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", quickExit); err != nil {
		panic(err)
	}
	scheduleOf = scheduleInTests
	testscript.Main(pgtest.Main{M: m}, map[string]func(){
		"rollcall": func() {
			toBeKilled()
			oftener()
			os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs testdata/script: sessions at a terminal, one behaviour each.
// Beside testscript's own commands there are those below.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true, UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", quickExit)
			// For scripts that try to move somebody's cursor.
			env.Setenv("EVIL", "evil\x1b[31m\u202e\u009b2J")
			s := &stage{}
			env.Values[stageKey{}] = s
			env.Defer(s.close)
			return nil
		},
		// [postgres]: PostgreSQL is installed, for scripts with the command database.
		Condition: func(name string) (bool, error) {
			if name != "postgres" {
				return false, fmt.Errorf("there is no condition %s", name)
			}
			return pgtest.Available(), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// About rollcall's output.
			"quickstart": quickstart,  // quickstart: copies examples/quickstart here
			"exits":      exits,       // exits CODE PROGRAM ARG…: runs it, which has to end with that code
			"capture":    capture,     // capture NAME FILE REGEXP: sets a variable to the first group
			"json":       jsonField,   // json FILE PATH VALUE: changes.0.status, changes.len
			"jsonlines":  jsonLines,   // jsonlines FILE: every line is JSON
			"conforms":   conforms,    // conforms FILE plan|result: to its schema
			"inert":      inertOutput, // inert FILE: nothing in it can move the cursor
			"timeless":   timeless,    // timeless FILE NEW: a copy without the day that a plan is made for
			"mode":       fileMode,    // mode 600 FILE
			"lastline":   lastLine,    // lastline FILE REGEXP
			// A ledger in PostgreSQL.
			"database": database, // database: puts the address of a new one into ROLLCALL_LEDGER
			"sql":      inSQL,    // sql STATEMENT: changes at least one row in it
			// A vendor on loopback, and rollcall in the background.
			"servicekey": onStage((*stage).serviceKey), // servicekey FILE: writes the key file of a service account
			"vendor":     onStage((*stage).vendor),     // vendor [strict]: serves simulator.yaml; strict: only to tokens that it issued for the key
			"served":     onStage((*stage).served),     // served FILE…: puts in the addresses that rollcall simulate printed
			"fetch":      onStage((*stage).fetch),      // fetch FILE URL
			"hold":       onStage((*stage).hold),       // hold METHOD: requests wait from now on
			"arrives":    onStage((*stage).arrives),    // arrives: waits until one does
			"release":    onStage((*stage).release),    // release: all go on
			"meanwhile":  onStage((*stage).meanwhile),  // meanwhile add|edit|remove KIND …: somebody else changes a user
			"counts":     onStage((*stage).counts),     // counts FIELD=N…: what the vendor counted
			"start":      onStage((*stage).start),      // start PROGRAM ARG…
			"until":      onStage((*stage).until),      // until stdout|stderr REGEXP: waits for it
			"hangup":     onStage((*stage).hangup),     // hangup: nobody reads standard output any more
			"interrupt":  onStage((*stage).interrupt),  // interrupt [TIMES]: sends SIGINT
			"reread":     onStage((*stage).reread),     // reread: sends SIGHUP
			"terminate":  onStage((*stage).terminate),  // terminate: sends SIGTERM
			"insist":     onStage((*stage).insist),     // insist: sends SIGINT again and again until the process ends
			"ends":       onStage((*stage).ends),       // ends CODE
		},
	})
}

// repository is the root of the module, from this package.
const repository = "../.."

func quickstart(ts *testscript.TestScript, _ bool, _ []string) {
	from := filepath.Join(startDir, repository, "examples", "quickstart")
	entries, err := os.ReadDir(from)
	ts.Check(err)
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			data, err := os.ReadFile(filepath.Join(from, entry.Name()))
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(entry.Name()), data, 0o600))
		}
	}
}

// startDir is where the tests were started.
var startDir = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

func capture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: capture NAME FILE REGEXP")
	}
	found := regexp.MustCompile(args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) < 2 {
		ts.Fatalf("%s does not have %s", args[1], args[2])
	}
	ts.Setenv(args[0], found[1])
}

func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var data any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &data))
	got, err := dig(data, strings.Split(args[1], "."))
	ts.Check(err)
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %s, not %s", args[1], got, args[2])
	}
}

// dig finds a value by the names and numbers that lead to it. A text is returned
// as it is, everything else as JSON; len is how many there are.
func dig(data any, path []string) (string, error) {
	for i, step := range path {
		switch v := data.(type) {
		case map[string]any:
			member, there := v[step]
			if !there {
				return "nothing", nil
			}
			data = member
		case []any:
			if step == "len" {
				return strconv.Itoa(len(v)), nil
			}
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(v) {
				return "nothing", nil
			}
			data = v[n]
		default:
			return "", fmt.Errorf("%s has nothing below it", strings.Join(path[:i], "."))
		}
	}
	if text, is := data.(string); is {
		return text, nil
	}
	raw, err := json.Marshal(data)
	return string(raw), err
}

func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("this line is no JSON: %s", line)
		}
	}
}

func conforms(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: conforms FILE plan|result")
	}
	ts.Check(checkSchema([]byte(ts.ReadFile(args[0])), args[1]))
}

// checkSchema checks a plan or a result against its schema.
func checkSchema(text []byte, name string) error {
	compile := schemas.CompileResult
	if name == "plan" {
		compile = schemas.CompilePlan
	}
	schema, err := compile()
	if err != nil {
		return err
	}
	var data any
	if err := json.Unmarshal(text, &data); err != nil {
		return err
	}
	var wrong []error
	for _, violation := range schema.Validate(data) {
		wrong = append(wrong, errors.New(violation.String()))
	}
	return errors.Join(wrong...)
}

// harmful is what a terminal could obey: control characters, and those that turn
// the direction of text.
var harmful = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f\x{80}-\x9f\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{061c}]`)

func inertOutput(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	found := harmful.FindString(text)
	if found != "" && !neg {
		ts.Fatalf("%s has %+q in %+q", args[0], found, text)
	}
	if found == "" && neg {
		ts.Fatalf("%s has nothing that could move the cursor", args[0])
	}
}

func timeless(ts *testscript.TestScript, _ bool, args []string) {
	text := regexp.MustCompile(`as of [0-9-]+`).ReplaceAllString(ts.ReadFile(args[0]), "as of today")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

func fileMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatInt(int64(info.Mode().Perm()), 8); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

func lastLine(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	if last := lines[len(lines)-1]; !regexp.MustCompile(args[1]).MatchString(last) {
		ts.Fatalf("the last line of %s is %q", args[0], last)
	}
}

// ledgerVariable is where scripts have the address of the database with the ledger.
const ledgerVariable = "ROLLCALL_LEDGER"

func database(ts *testscript.TestScript, _ bool, _ []string) {
	address, err := pgtest.New()
	ts.Check(err)
	ts.Setenv(ledgerVariable, address)
}

func inSQL(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, ts.Getenv(ledgerVariable))
	ts.Check(err)
	defer func() { _ = connection.Close(ctx) }()
	done, err := connection.Exec(ctx, args[0])
	ts.Check(err)
	if done.RowsAffected() == 0 {
		ts.Fatalf("%s changes nothing", args[0])
	}
}
