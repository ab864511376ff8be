package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// provenBy is a test as SECURITY.md names it: its folder, and a function or a script.
var provenBy = regexp.MustCompile("`((?:[a-z]+/)*[a-z]+)/((?:Test|Fuzz)[A-Za-z0-9]+|[a-z0-9_]+\\.txtar)`")

// claim is an item of a list.
var claim = regexp.MustCompile(`(?m)^- .*(?:\n  .*)*`)

// TestSecurityPage keeps SECURITY.md true: every test that it names is there, every
// defence that it claims names one, and no test of a defence is left out.
func TestSecurityPage(t *testing.T) {
	t.Parallel()
	page, tests := read(t, filepath.Join(repository, "SECURITY.md")), testsByFolder(t)
	for _, problem := range securityProblems(page, tests) {
		t.Error(problem)
	}
	// A page that is wrong is found to be.
	for name, wrong := range map[string]string{
		"a function that is gone": strings.Replace(page, "plan/TestForged`", "plan/TestForgedByNobody`", 1),
		"in another folder":       strings.Replace(page, "plan/TestForged`", "sources/TestForged`", 1),
		"a script that is gone":   strings.ReplaceAll(page, "security_ci.txtar", "security_gone.txtar"),
		"a claim without a test":  strings.Replace(page, "- **Names are text.**", "- **Nothing can happen.**\n- **Names are text.**", 1),
		"a test that is left out": strings.ReplaceAll(page, "`sources/TestSecurityLinks`, ", ""),
	} {
		if wrong == page || len(securityProblems(wrong, tests)) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

func securityProblems(page string, tests map[string][]string) []string {
	var problems []string
	named := make(map[string]bool)
	for _, found := range provenBy.FindAllStringSubmatch(page, -1) {
		folder, name := found[1], found[2]
		named[folder+"/"+name] = true
		if !slices.Contains(tests[folder], name) {
			problems = append(problems, fmt.Sprintf("SECURITY.md names %s in %s, which is not there", name, folder))
		}
	}
	_, claims, _ := strings.Cut(page, "## What each attacker can do")
	claims, _, _ = strings.Cut(claims, "### The supply chain")
	all := claim.FindAllString(claims, -1)
	if len(all) < 20 {
		problems = append(problems, fmt.Sprintf("SECURITY.md has only %d claims", len(all)))
	}
	for _, text := range all {
		if !strings.Contains(text, "Test: ") && !strings.Contains(text, "Test:\n") && !strings.Contains(text, "Tests:") || !provenBy.MatchString(text) {
			problems = append(problems, "SECURITY.md claims without a test: "+text)
		}
	}
	for folder, names := range tests {
		for _, name := range names {
			test := folder + "/" + name
			if (strings.HasPrefix(name, "TestSecurity") || strings.HasPrefix(name, "security_")) && !named[test] && name != "TestSecurityPage" {
				problems = append(problems, "SECURITY.md does not name "+test)
			}
		}
	}
	return problems
}

// testsByFolder are the test functions and the scripts of each folder.
func testsByFolder(t *testing.T) map[string][]string {
	t.Helper()
	tests := make(map[string][]string)
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != repository && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		folder, err := filepath.Rel(repository, filepath.Dir(path))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		switch {
		case strings.HasSuffix(name, ".txtar"):
			folder = strings.TrimSuffix(folder, "/testdata/script")
			tests[folder] = append(tests[folder], name)
		case strings.HasSuffix(name, "_test.go"):
			parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, declared := range parsed.Decls {
				if function, is := declared.(*ast.FuncDecl); is && function.Recv == nil {
					tests[folder] = append(tests[folder], function.Name.Name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
