package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// A rehearsal is what the simulator's README invites people to try: some words,
// with the exit code among them, and the YAML to copy.
var rehearsal = regexp.MustCompile("(?m)^([A-Z].*?exit (\\d+).*)\n\n```yaml\n((?s:.*?))```")

// TestRehearsals does what the README says of each rehearsal, in the quickstart:
// the run ends with the code that stands there, and nobody is there twice.
func TestRehearsals(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(repository, "providers", "simulator", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### Rehearsals\n")
	section, _, _ = strings.Cut(section, "\n## ")
	all := rehearsal.FindAllStringSubmatch(section, -1)
	if blocks := strings.Count(section, "```yaml"); len(all) != blocks || blocks < 10 {
		t.Errorf("%d of %d rehearsals say how they end", len(all), blocks)
	}
	// What a process begins once, such as listening to signals, must not begin in
	// the time of one run.
	if code, _, stderr := rollcall(t.TempDir(), "--version"); code != plan.ExitOK {
		t.Fatal(stderr)
	}
	for _, try := range all {
		t.Run(strings.ReplaceAll(strings.SplitN(try[1], ".", 2)[0], " ", "_"), func(t *testing.T) {
			t.Parallel()
			dir := quickstartWith(t, try[3])
			code, stdout, stderr := quickly(t, dir, "--simulate", "apply", "--yes")
			if want := int(try[2][0] - '0'); code != want {
				t.Errorf("exit code %d, want %d: %s%s", code, want, stdout, stderr)
			}
			once(t, dir)
			if code != plan.ExitOK {
				return
			}
			// What was applied under chaos is settled without it.
			seed(t, dir, "")
			if code, stdout, stderr := quickly(t, dir, "--simulate", "plan", "--detailed-exitcode"); code != plan.ExitOK {
				t.Errorf("the next plan: exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

// TestStockMix: under what --chaos does a crowd is created, changed and made to
// leave at every vendor. Everything is applied, nobody is there twice, and each of
// them has the one mail that was asked for.
func TestStockMix(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(repository, "providers", "simulator", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	mix := regexp.MustCompile("(?s)```yaml\n# the stock mix\n(.*?)```").FindSubmatch(readme)
	if mix == nil {
		t.Fatal("the README does not show the stock mix")
	}
	if code, _, stderr := rollcall(t.TempDir(), "--version"); code != plan.ExitOK {
		t.Fatal(stderr)
	}
	for _, lookup := range []string{"search", "list"} {
		t.Run(lookup, func(t *testing.T) { underStockMix(t, string(mix[1]), lookup) })
	}
}

func underStockMix(t *testing.T, mix, lookup string) {
	dir := t.TempDir()
	write(t, dir, seedFile, mix)
	write(t, dir, "rollcall.yaml", strings.ReplaceAll(`version: 1
guardrails: {maxRemovals: 100%}
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, onLeave: delete, lookup: LOOKUP}
  partoo: {auth: {apiKey: {env: UNUSED}}, onLeave: delete, lookup: LOOKUP}
`, "LOOKUP", lookup))
	const crowd = 20
	for step, person := range []string{
		"{email: u%02d@example.com, givenName: Una, familyName: Ulm, access: {vendasta: {platformAccess: [tm:access], welcomeEmail: true}, partoo: {role: PUBLISHER, welcomeEmail: true}}}",
		"{email: u%02d@example.com, givenName: Una, familyName: Urs, access: {vendasta: {platformAccess: [tm:access, tm:manage]}, partoo: {role: ORG_MANAGER}}}",
		"{email: u%02d@example.com, givenName: Una, familyName: Urs, status: departed}",
	} {
		roster := "version: 1\npeople:\n"
		for i := range crowd {
			roster += "  - " + fmt.Sprintf(strings.ReplaceAll(person, "tm:access", `"tm:access"`), i) + "\n"
		}
		write(t, dir, "roster.yaml", strings.ReplaceAll(roster, "tm:manage", `"tm:manage"`))
		code, stdout, stderr := quickly(t, dir, "--simulate", "apply", "--yes")
		if code != plan.ExitOK || !strings.HasSuffix(stdout, fmt.Sprintf("\n%d applied\n", 2*crowd)) {
			t.Fatalf("step %d: exit code %d: %s%s", step, code, stdout, stderr)
		}
		if mails := strings.Contains(stderr, fmt.Sprintf(", %d mails, ", 2*crowd)); mails != (step == 0) {
			t.Errorf("step %d: %s", step, stderr)
		}
		if step < 2 {
			once(t, dir)
		}
		if code, stdout, _ := quickly(t, dir, "--simulate", "plan", "--detailed-exitcode"); code != plan.ExitOK {
			t.Errorf("step %d, the next plan: exit code %d: %s", step, code, stdout)
		}
	}
}

// quickly runs the program in a time of its own, which passes at once.
func quickly(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { code, stdout, stderr = rollcall(dir, args...) })
	return code, stdout, stderr
}

// quickstartWith is a copy of the quickstart whose vendors misbehave.
func quickstartWith(t *testing.T, chaos string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "examples", "quickstart"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".rollcall")); err != nil {
		t.Fatal(err)
	}
	seed(t, dir, chaos)
	return dir
}

// seed writes the quickstart's simulator.yaml with that chaos in it: at the top,
// or below the vendors' names.
func seed(t *testing.T, dir, chaos string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "examples", "quickstart", seedFile))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, part := range regexp.MustCompile(`(?m)^\w+:(?:.*\n)(?:[ #].*\n)*`).FindAllString(chaos, -1) {
		name, rest, _ := strings.Cut(part, ":\n")
		if name == "chaos" {
			text = part + text
			continue
		}
		with := strings.Replace("\n"+text, "\n"+name+":\n", "\n"+name+":\n"+rest, 1)
		if with == "\n"+text {
			t.Fatalf("the quickstart has no %s", name)
		}
		text = with
	}
	write(t, dir, seedFile, text)
}

// once looks at the state: no address is at a vendor twice, and somebody is at each
// that the configuration has, at the others nobody.
func once(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(simulator.StateFile)))
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(dir, "rollcall.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]json.RawMessage
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatal(err)
	}
	delete(state, "format")
	for kind, raw := range state {
		var vendor struct {
			Users []struct {
				Email        string                 `json:"email"`
				EmailAddress string                 `json:"emailAddress"`
				Attributes   struct{ Email string } `json:"attributes"`
			} `json:"users"`
		}
		if err := json.Unmarshal(raw, &vendor); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for _, user := range vendor.Users {
			email := strings.ToLower(user.Email + user.EmailAddress + user.Attributes.Email)
			if email == "" || seen[email] {
				t.Errorf("%s has %q twice, or not at all", kind, email)
			}
			seen[email] = true
		}
		if used := strings.Contains(string(config), "\n  "+kind+":"); used != (len(seen) > 0) {
			t.Errorf("%d users are at %s, which the configuration has: %v", len(seen), kind, used)
		}
	}
}
