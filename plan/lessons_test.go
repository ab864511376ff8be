package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Lessons are rows of LESSONS.md; in their last column each test stands between
// backquotes, a script by its file and another one behind the folder of its package.
var (
	lessonRow  = regexp.MustCompile(`^\| (F\d\d) \|`)
	namedTest  = regexp.MustCompile("`([^`]*)`")
	namedFunc  = regexp.MustCompile(`^([a-z/]+)\.((?:Test|Fuzz)\w+)$`)
	namedFile  = regexp.MustCompile(`^[a-z0-9_]+\.txtar$`)
	lessonLink = regexp.MustCompile(`\]\(([^)]*)\)`)
	issueLink  = regexp.MustCompile(`^https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+$`)
)

// lessonProblems are what is wrong with the rows of a text, whose tests are below a
// folder.
func lessonProblems(text, root string) (problems []string, rows int) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for line := range strings.Lines(text) {
		found := lessonRow.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		rows++
		id := found[1]
		if want := fmt.Sprintf("F%02d", rows); id != want {
			say("%s stands where %s should", id, want)
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) == "" }) {
			say("%s has not five columns with something in them", id)
			continue
		}
		for _, link := range lessonLink.FindAllStringSubmatch(cells[2], -1) {
			if !issueLink.MatchString(link[1]) {
				say("%s: %s leads to no issue", id, link[1])
			}
		}
		tests := namedTest.FindAllStringSubmatch(cells[4], -1)
		if len(tests) == 0 {
			say("%s has no test", id)
		}
		for i, name := range tests {
			if !thereIsTest(root, name[1]) {
				say("%s: there is no test %s", id, name[1])
			}
			if slices.ContainsFunc(tests[:i], func(other []string) bool { return other[1] == name[1] }) {
				say("%s names %s twice", id, name[1])
			}
		}
	}
	return problems, rows
}

// thereIsTest reports whether a named test is in the sources below a folder.
func thereIsTest(root, name string) bool {
	if namedFile.MatchString(name) {
		_, err := os.Stat(filepath.Join(root, "cmd", "rollcall", "testdata", "script", name))
		return err == nil
	}
	parts := namedFunc.FindStringSubmatch(name)
	if parts == nil {
		return false
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(parts[1]), "*_test.go"))
	return err == nil && slices.ContainsFunc(files, func(file string) bool {
		source, err := os.ReadFile(file)
		return err == nil && strings.Contains("\n"+string(source), "\nfunc "+parts[2]+"(")
	})
}

// repository is the root of the module.
var repository = filepath.Join(testdata, "..", "..")

// lessons is how many there are.
const lessons = 40

// Every lesson names tests, and they are there.
func TestLessons(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "plan", "LESSONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	problems, rows := lessonProblems(string(text), repository)
	if rows != lessons {
		t.Errorf("%d lessons, want %d", rows, lessons)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// What is wrong with a table is found.
func TestLessonProblems(t *testing.T) {
	good := "| F01 | a | [b](https://github.com/c/d/issues/1) | e | `plan.TestLessons`, `exit_nothing.txtar` (f) |\n"
	for name, test := range map[string]struct{ text, says string }{
		"nothing":          {good, ""},
		"a gap":            {good + strings.Replace(good, "F01", "F03", 1), "F03 stands where F02 should"},
		"twice":            {good + good, "F01 stands where F02 should"},
		"no rule":          {strings.Replace(good, "| e |", "| |", 1), "F01 has not five columns"},
		"a column more":    {strings.Replace(good, "| e |", "| e | e |", 1), "F01 has not five columns"},
		"no test":          {strings.ReplaceAll(good, "`", ""), "F01 has no test"},
		"another test":     {strings.Replace(good, "TestLessons", "TestLesson", 1), "there is no test plan.TestLesson"},
		"another package":  {strings.Replace(good, "plan.Test", "sources.Test", 1), "there is no test sources.TestLessons"},
		"no package":       {strings.Replace(good, "plan.Test", "Test", 1), "there is no test TestLessons"},
		"another script":   {strings.Replace(good, "exit_nothing", "exit_anything", 1), "there is no test exit_anything.txtar"},
		"a test twice":     {strings.Replace(good, "exit_nothing.txtar", "plan.TestLessons", 1), "names plan.TestLessons twice"},
		"another link":     {strings.Replace(good, "issues/1", "issues", 1), "leads to no issue"},
		"a file elsewhere": {strings.Replace(good, "exit_nothing.txtar", "../exit_nothing.txtar", 1), "there is no test ../exit_nothing.txtar"},
	} {
		problems, rows := lessonProblems(test.text, repository)
		if said := strings.Join(problems, "\n"); rows == 0 || !strings.Contains(said, test.says) || (said == "") != (test.says == "") {
			t.Errorf("%s: %d rows, %q, want %q", name, rows, said, test.says)
		}
	}
}
