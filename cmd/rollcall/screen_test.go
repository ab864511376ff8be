package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"rollcall/sources"
)

// A tube is a terminal in memory: it wraps, scrolls and obeys the few sequences
// that rollcall writes. Rows that have scrolled out of its view stay in rows.
type tube struct {
	mu            sync.Mutex
	t             rapid.TB
	width, height int
	rows          []string // as long as what was written to them
	row, column   int
	writes        int
	wrapped       bool // some row was filled over its end
}

func newTube(t rapid.TB, width, height int) *tube {
	return &tube{t: t, width: width, height: height, rows: []string{""}}
}

func (u *tube) size() (width, height int) { return u.width, u.height }

// top is the first row that is in view.
func (u *tube) top() int { return max(0, len(u.rows)-u.height) }

var sequence = regexp.MustCompile(`^\x1b\[([0-9]*)([AJ])`)

func (u *tube) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.writes++
	for text := string(p); text != ""; {
		if found := sequence.FindStringSubmatch(text); found != nil {
			text = text[len(found[0]):]
			switch n, _ := strconv.Atoi(found[1]); found[2] {
			case "A":
				u.row = max(u.top(), u.row-n)
			case "J":
				u.rows = u.rows[:u.row+1]
				line := []rune(u.rows[u.row])
				u.rows[u.row] = string(line[:min(u.column, len(line))])
			}
			continue
		}
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == '\n':
			u.column = 0
			u.down()
		case c == '\r':
			u.column = 0
		case !unicode.IsPrint(c):
			u.t.Fatalf("%q is written to the terminal", text)
		default:
			if u.column == u.width {
				u.wrapped = true
				u.column = 0
				u.down()
			}
			line := []rune(u.rows[u.row])
			for len(line) <= u.column {
				line = append(line, ' ')
			}
			line[u.column] = c
			u.rows[u.row] = string(line)
			u.column++
		}
		text = text[size:]
	}
	return len(p), nil
}

func (u *tube) down() {
	u.row++
	if u.row == len(u.rows) {
		u.rows = append(u.rows, "")
	}
}

// narrow makes the terminal narrower or wider, and wraps what stands there anew, as
// most terminals do.
func (u *tube) narrow(width int) {
	var rows []string
	for i, row := range u.rows {
		if i == u.row {
			u.row = len(rows)
		}
		for len(row) > width {
			rows, row = append(rows, row[:width]), row[width:]
		}
		rows = append(rows, row)
	}
	u.width, u.rows = width, rows
}

func (u *tube) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.TrimRight(strings.Join(u.rows, "\n"), "\n")
}

// plain is what a terminal of that width shows of text alone.
func plain(t rapid.TB, width int, text string) string {
	u := newTube(t, width, 1000)
	_, _ = u.Write([]byte(text))
	return u.String()
}

// Whatever is written between, above and below them: lines that come and go leave
// no trace, and no line of theirs wraps.
func TestScreenLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 60).Draw(t, "width")
		u := newTube(t, width, rapid.IntRange(2, 12).Draw(t, "height"))
		s := &screen{to: u, size: u.size}
		stderr := &output{to: u, screen: s, secrets: &sources.Secrets{}}
		// Another stream to the same terminal.
		stdout := &output{to: struct{ *tube }{u}, screen: s, secrets: &sources.Secrets{}}
		text := rapid.StringMatching(`[a-z]{0,30}`)
		var written strings.Builder
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			to := stderr
			if rapid.Bool().Draw(t, "to standard output") {
				to = stdout
			}
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				line := text.Draw(t, "text") + rapid.SampledFrom([]string{"\n", "\n", "", "\nand\n"}).Draw(t, "end")
				written.WriteString(line)
				_, _ = to.Write([]byte(line))
			case 2:
				u.wrapped = false
				s.show(rapid.SliceOfN(rapid.StringMatching(`[A-Z#]{1,90}`), 1, 20).Draw(t, "lines"))
				if u.wrapped {
					t.Fatalf("a line wraps at %d columns:\n%s", width, u)
				}
			case 3:
				if len(s.lines) > u.height-1 {
					t.Fatalf("%d lines on %d rows", len(s.lines), u.height)
				}
				if len(s.lines) > 0 {
					if shown := strings.Join(s.lines, "\n"); !strings.HasSuffix(u.String(), shown) {
						t.Fatalf("the lines\n%s\nare not the last of\n%s", shown, u)
					}
				}
			}
		}
		s.show(nil)
		if got, want := u.String(), plain(t, width, written.String()); got != want {
			t.Fatalf("what is left is\n%s\nand not\n%s", got, want)
		}
	})
}

// A terminal that becomes narrower wraps the lines that stand there; they go all
// the same, and take nothing with them.
func TestScreenOfATerminalThatIsMadeNarrower(t *testing.T) {
	t.Parallel()
	u := newTube(t, 60, 20)
	s := &screen{to: u, size: u.size}
	stderr := &output{to: u, screen: s, secrets: &sources.Secrets{}}
	_, _ = fmt.Fprintln(stderr, "a warning")
	s.show([]string{strings.Repeat("a", 59), strings.Repeat("b", 20)})
	for _, width := range []int{25, 10, 50} {
		u.narrow(width)
		s.show([]string{strings.Repeat("c", 59), strings.Repeat("d", width)})
		if want := "a warning\n" + strings.Repeat("c", width-1) + "\n" + strings.Repeat("d", width-1); u.String() != want {
			t.Errorf("at %d columns there is\n%s", width, u)
		}
	}
	s.show(nil)
	if u.String() != "a warning" {
		t.Errorf("what is left is\n%s", u)
	}
}

// Lines that have not changed are not written again, and none stands behind text
// that has not ended its line.
func TestScreenWritesWhatIsNew(t *testing.T) {
	t.Parallel()
	u := newTube(t, 60, 20)
	s := &screen{to: u, size: u.size}
	stderr := &output{to: u, screen: s, secrets: &sources.Secrets{}}
	for range 3 {
		s.show([]string{"1 of 2"})
	}
	if u.writes != 1 {
		t.Errorf("one line took %d writes", u.writes)
	}
	_, _ = fmt.Fprint(stderr, "Go on? ")
	s.show([]string{"2 of 2"})
	if u.String() != "Go on? " {
		t.Errorf("behind a question there is\n%s", u)
	}
	_, _ = fmt.Fprintln(stderr, "yes")
	if u.String() != "Go on? yes\n2 of 2" {
		t.Errorf("once the line has ended there is\n%s", u)
	}
	// Whoever answers a question ends its line, and the terminal tells nobody.
	s.show(nil)
	_, _ = fmt.Fprint(stderr, "Go on? ")
	_, _ = u.Write([]byte("yes\n"))
	s.show(nil)
	s.show([]string{"1 of 9"})
	if u.String() != "Go on? yes\nGo on? yes\n1 of 9" {
		t.Errorf("after an answer there is\n%s", u)
	}
}

// More lines than there is room for are counted, and a tiny terminal has one.
func TestFit(t *testing.T) {
	t.Parallel()
	lines := []string{"one", "two", "three", "four"}
	for _, test := range []struct {
		width, height int
		want          []string
	}{
		{80, 24, lines},
		{80, 5, lines},
		{80, 4, []string{"one", "two", "and 2 more"}},
		{4, 24, []string{"one", "two", "thr", "fou"}},
		{1, 1, []string{"a"}},
		{12, 2, []string{"and 4 more"}},
	} {
		if got := fit(lines, test.width, test.height); !slices.Equal(got, test.want) {
			t.Errorf("%d by %d: %q, want %q", test.width, test.height, got, test.want)
		}
	}
}

// gone is a terminal that takes nothing any more.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("gone") }

// What can not be written is an error when it is text, and none when it is lines
// that would have come and gone.
func TestScreenThatIsGone(t *testing.T) {
	t.Parallel()
	g := gone{}
	s := &screen{to: g, size: func() (int, int) { return 80, 24 }}
	stderr := &output{to: g, screen: s, secrets: &sources.Secrets{}}
	var other bytes.Buffer
	stdout := &output{to: &other, screen: s, secrets: &sources.Secrets{}}
	s.show([]string{"1 of 2"})
	if _, err := stdout.Write([]byte("text\n")); err != nil || other.String() != "text\n" {
		t.Errorf("standard output has %q, %v", other.String(), err)
	}
	if _, err := stderr.Write([]byte("text\n")); err == nil || stderr.err == nil {
		t.Error("nobody is told that standard error can not be written")
	}
}
