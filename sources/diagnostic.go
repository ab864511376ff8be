package sources

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Severity tells a mistake from advice.
type Severity uint8

// The severities: an Error refuses the input, a Warning does not.
const (
	Error Severity = iota
	Warning
)

// A Diagnostic is one thing to tell about a file: where, and what is wrong or
// doubtful. It is data; Render makes text of it.
type Diagnostic struct {
	Severity Severity
	File     string
	Line     int // from 1; 0 when the whole file is meant
	Column   int // from 1, in characters
	Message  string
	// Source is the line at hand, safe to show: what looks like a secret is
	// masked. Empty when there is nothing to show.
	Source string
	// Unread says that what is wrong is not what is written, but that something which it
	// names could not be got at: it may be different the next time.
	Unread bool
}

// String is the first line of Render: file:line:column: message.
func (d Diagnostic) String() string {
	place := Origin{File: d.File, Line: d.Line, Column: d.Column}.String()
	if d.Severity == Warning {
		return inert(place + ": warning: " + d.Message)
	}
	return inert(place + ": " + d.Message)
}

// inert makes the characters of a text harmless that could move a cursor, end a
// line or turn its direction: a name in a message must not become a message.
func inert(text string) string {
	return strings.Map(func(r rune) rune {
		if MovesCursor(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// MovesCursor reports whether a character could do more at a terminal than to
// stand there: move the cursor, end a line, or turn the direction of the text.
func MovesCursor(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// Render is the diagnostic as people see it: its place and message, and below
// them the line with a caret.
func (d Diagnostic) Render() string {
	if d.Source == "" || d.Line == 0 {
		return d.String() + "\n"
	}
	line, caret := clip(d.Source, d.Column)
	number := fmt.Sprintf("%5d | ", d.Line)
	return fmt.Sprintf("%s\n%s%s\n%s| %s^\n", d, number, line, strings.Repeat(" ", len(number)-2), strings.Repeat(" ", caret))
}

// maxSnippet is how many characters of a line a diagnostic shows.
const maxSnippet = 100

// clip cuts a long line so that the column stays in view, makes control
// characters harmless, and returns the line with the caret's offset in it.
func clip(line string, column int) (string, int) {
	runes := []rune(line)
	for i, r := range runes {
		if MovesCursor(r) {
			runes[i] = ' '
		}
	}
	caret := min(max(column-1, 0), len(runes))
	start := 0
	if caret > maxSnippet*3/4 {
		start = caret - maxSnippet/2
	}
	end := min(len(runes), start+maxSnippet)
	return string(runes[start:end]), caret - start
}

// Diagnostics is a list of diagnostics; as an error it prints them all.
type Diagnostics []Diagnostic

// Error renders all of them.
func (ds Diagnostics) Error() string {
	var text strings.Builder
	for _, d := range ds {
		text.WriteString(d.Render())
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// Failed reports whether any of them is an Error.
func (ds Diagnostics) Failed() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// sortDiagnostics orders by file, place and message, and drops what is said
// twice.
func sortDiagnostics(ds Diagnostics) Diagnostics {
	slices.SortFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity), strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(ds)
}
