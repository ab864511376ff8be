package document

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// invalid reports a token that the library could not read.
func (a *audit) invalid(tk *token.Token) {
	if a.pos < len(a.text) {
		switch a.text[a.pos] {
		case '"', '\'':
			if a.badQuote() {
				return
			}
		case '@', '`':
			a.fail("text that begins with this character must stand in quotes")
			return
		case '!':
			a.tag(a.text[a.pos:])
			a.mismatch()
			return
		case '|', '>':
			a.fail("text that begins with | or > must stand in quotes; a block of text begins on the line behind it")
			return
		}
	}
	line, column := a.clamp(tk.Position)
	a.fatalAt(line, column, inOurWords(tk.Error))
}

// syntax is the problem that the parser's error means.
func (a *audit) syntax(err error) Problem {
	var located interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if !errors.As(err, &located) {
		return Problem{1, 1, inOurWords("")}
	}
	problem := Problem{1, 1, inOurWords(located.GetMessage())}
	if tk := located.GetToken(); tk != nil {
		problem.Line, problem.Column = a.clamp(tk.Position)
	}
	return problem
}

// clamp makes a place of the library one inside the text and not before the
// present one, up to which all was well.
func (a *audit) clamp(position *token.Position) (line, column int) {
	if position == nil {
		return a.line, a.column
	}
	lines := 1 + strings.Count(a.text, "\n")
	if position.Line < 1 || position.Line > lines {
		return a.line, a.column
	}
	return position.Line, min(max(position.Column, 1), 1+lineLength(a.text, position.Line))
}

// lineLength counts the characters of a line.
func lineLength(text string, line int) int {
	for ; line > 1; line-- {
		_, text, _ = strings.Cut(text, "\n")
	}
	text, _, _ = strings.Cut(text, "\n")
	return len([]rune(text))
}

// inOurWords says what an error message of the library means. Its own words are
// not shown: some of them hold values of the document.
func inOurWords(message string) string {
	for _, known := range []struct{ part, words string }{
		{"tab character", "a tab can not stand here: indent with spaces, or write the text in quotes"},
		{"found character '\t'", "a tab is used as indentation: indent with spaces"},
		{"end character of", notClosed},
		{"unknown escape", badEscape},
		{"reserved character", "text that begins with this character must stand in quotes"},
		{"document separator", "a line of --- or ... stands inside a value: indent it"},
		{"multi-line header", "the lines below are indented less than this block states: mend the indentation"},
		{"invalid header option", "text that begins with | or > must stand in quotes; a block of text begins on the line behind it"},
		{"multi-line content", "the text of this block is missing: write it indented on the next lines"},
		{"space only", "an empty line above has more blanks than this line: remove them"},
		{"'}'", "a brace is opened and never closed: close it"},
		{"']'", "a bracket is opened and never closed: close it"},
		{"'['", "nothing is open that this bracket could close: remove it, or write the text in quotes"},
		{"'{'", "nothing is open that this brace could close: remove it, or write the text in quotes"},
		{"implicit line break", "a key and its colon must stand on one line"},
		{"unexpected key name", "a key must stand on one line, with text before the colon: write it in quotes"},
		{"anchor", "an anchor can not stand here: put it before a value"},
		{"invalid key", "a key must be text: write it in quotes"},
		{"map key-value is pre-defined", "this line belongs to nothing: mend the indentation, or write the text above in quotes"},
		{"not allowed in this context", "this can not stand here: mend the indentation, or write the text in quotes"},
		{"non-map value", "this line is no key with a colon as those beside it are: mend the indentation, or write the text in quotes"},
	} {
		if strings.Contains(message, known.part) {
			return known.words
		}
	}
	return "this can not be read: look at the indentation, the quotes and the brackets"
}
