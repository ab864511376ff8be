package document

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// A mark is what the audit found out about one token: where it stands and, for a
// scalar, what it says.
type mark struct {
	text         string
	line, column int32
}

// An audit walks through the text and the library's tokens side by side. It
// finds each token in the text, which gives exact places and shows what the
// library dropped or joined; it decodes the scalars; and it checks brackets and
// indentation (layout.go). What comes out are tokens that are safe to parse:
// comments and tags are gone, values that are not there are explicit, keys are
// short, and Position.Offset is the index of the token's mark.
type audit struct {
	limits Limits
	text   string

	pos          int // of the next byte to read
	line, column int
	fresh        bool // nothing but blanks stands before pos on its line
	tabLine      int  // where a tab stands in the indentation, or 0
	tabColumn    int
	lastTab      int // the last line with a tab between tokens
	cut          cut

	tokens   token.Tokens // as the library made them, consumed from the front
	out      token.Tokens
	marks    []mark
	problems []Problem
	refused  int // how often refuse was called
	fatal    *Problem

	aliases int
	anchors int
	tagged  bool // the next scalar has a tag, which was reported: it is text
	block   *blockHeader
	layout
}

// A cut says that some lines of the file are left out of the text before the
// line that begins at at, if that is not 0. It is clean when that line begins
// with a dash that is a token.
type cut struct {
	at, lines int
	clean     bool
}

func newAudit(text string, limits Limits) *audit {
	return &audit{limits: limits, text: text, line: 1, column: 1, fresh: true}
}

// run audits all tokens. It stops at the first fatal problem.
func (a *audit) run(tokens token.Tokens) {
	a.tokens = tokens
	a.out = make(token.Tokens, 0, len(tokens)+len(tokens)/8)
	a.marks = make([]mark, 0, len(tokens)+len(tokens)/8)
	for len(a.tokens) > 0 && a.fatal == nil {
		tk := a.tokens[0]
		a.tokens = a.tokens[1:]
		a.token(tk)
	}
	if a.fatal != nil {
		return
	}
	if a.block != nil {
		a.blockContent(token.String("", "", &token.Position{}))
	}
	a.skip()
	switch {
	case a.fatal != nil:
	case a.pos == len(a.text):
		a.end()
	case a.text[a.pos] == '!':
		// The library drops a tag at the end of the file.
		a.tag(a.text[a.pos:])
		a.end()
	default:
		a.mismatch()
	}
}

// empty says whether there is nothing to parse.
func (a *audit) empty() bool {
	for _, tk := range a.out {
		if tk.Type != token.DocumentHeaderType && tk.Type != token.DocumentEndType {
			return false
		}
	}
	return true
}

// token takes one token of the library.
func (a *audit) token(tk *token.Token) {
	if tk.Type == token.CommentType {
		a.comment()
		return
	}
	if a.block != nil {
		a.blockContent(tk)
		return
	}
	a.skip()
	if a.fatal != nil {
		return
	}
	if a.ended && tk.Type != token.DocumentEndType {
		a.secondDocument()
		return
	}
	switch tk.Type {
	case token.InvalidType:
		a.invalid(tk)
	case token.DocumentHeaderType:
		if a.begun {
			a.secondDocument()
			return
		}
		a.begun = true
		a.indicator(tk, "---")
	case token.DocumentEndType:
		a.end()
		a.ended = true
		a.indicator(tk, "...")
	case token.DirectiveType:
		a.fail("lines that begin with % are not read: remove this line, or write the text in quotes")
	case token.TagType:
		a.tag(tk.Value)
	case token.MappingKeyType:
		a.fail("keys written with a question mark are not read: write key: value")
	case token.AnchorType:
		a.anchor(tk)
	case token.AliasType:
		a.alias(tk)
	case token.LiteralType, token.FoldedType:
		a.blockHeader(tk)
	case token.MappingValueType:
		a.colon(tk)
	case token.SequenceEntryType:
		a.dash(tk)
	case token.CollectEntryType:
		a.comma(tk)
	case token.MappingStartType, token.SequenceStartType:
		a.open(tk)
	case token.MappingEndType, token.SequenceEndType:
		a.close(tk)
	case token.MergeKeyType:
		a.mergeKey(tk)
	case token.SingleQuoteType, token.DoubleQuoteType:
		a.quotedScalar(tk)
	default:
		if !isPlain(tk.Type) {
			a.mismatch()
			return
		}
		a.plainScalar(tk)
	}
}

// skip moves over blanks and line ends. A tab in the indentation of a line that
// is neither empty nor a comment is fatal.
func (a *audit) skip() {
	for ; a.pos < len(a.text); a.pos++ {
		switch a.text[a.pos] {
		case ' ':
			a.column++
		case '\t':
			if a.fresh && a.tabLine != a.line {
				a.tabLine, a.tabColumn = a.line, a.column
			}
			a.column++
			a.lastTab = a.line
		case '\n':
			a.nextLine()
			a.fresh = true
		default:
			if a.fresh && a.tabLine == a.line && a.text[a.pos] != '#' && len(a.flow) == 0 {
				a.fatalAt(a.tabLine, a.tabColumn, "a tab is used as indentation: indent with spaces")
			}
			return
		}
	}
}

// advance moves to a later place of the text.
func (a *audit) advance(to int) {
	if to > a.pos {
		a.fresh = false
	}
	for ; a.pos < to; a.pos++ {
		switch c := a.text[a.pos]; {
		case c == '\n':
			a.nextLine()
		case utf8.RuneStart(c):
			a.column++
		}
	}
}

// nextLine counts the line that ends at pos.
func (a *audit) nextLine() {
	a.line++
	a.column = 1
	if a.pos+1 == a.cut.at {
		a.line += a.cut.lines
	}
}

// place returns the place of a byte that stands at or after pos.
func (a *audit) place(at int) (line, column int) {
	line, column = a.line, a.column
	for i := a.pos; i < min(at, len(a.text)); i++ {
		switch c := a.text[i]; {
		case c == '\n':
			line++
			column = 1
		case utf8.RuneStart(c):
			column++
		}
	}
	return line, column
}

// emit hands a token on as standing at the given place.
func (a *audit) emit(tk *token.Token, text string, line, column int) {
	tk.Position.Line, tk.Position.Column, tk.Position.Offset = line, column, len(a.marks)
	//nolint:gosec // maxBytes keeps lines and columns below 1<<31
	a.marks = append(a.marks, mark{text: text, line: int32(line), column: int32(column)})
	a.out = append(a.out, tk)
}

// emitNull hands on a value that is not there, behind the token before it.
func (a *audit) emitNull() {
	last := a.marks[len(a.marks)-1]
	tk := token.New("null", "null", &token.Position{})
	a.emit(tk, "", int(last.line), int(last.column)+1)
	// The parser needs a place behind the token; people are shown the token.
	a.marks[len(a.marks)-1].column--
}

// indicator takes a token that is written one way.
func (a *audit) indicator(tk *token.Token, text string) {
	if !strings.HasPrefix(a.text[a.pos:], text) {
		a.mismatch()
		return
	}
	a.emit(tk, text, a.line, a.column)
	a.advance(a.pos + len(text))
}

// comment moves behind a comment.
func (a *audit) comment() {
	if a.block == nil {
		a.skip()
	} else {
		for a.pos < len(a.text) && (a.text[a.pos] == ' ' || a.text[a.pos] == '\t') {
			a.advance(a.pos + 1)
		}
	}
	if a.fatal != nil {
		return
	}
	if a.pos == len(a.text) || a.text[a.pos] != '#' {
		a.mismatch()
		return
	}
	if !a.fresh && a.text[a.pos-1] != ' ' && a.text[a.pos-1] != '\t' {
		a.fail("a comment needs a blank before the #: write one, or put the text in quotes")
		return
	}
	end := strings.IndexByte(a.text[a.pos:], '\n')
	if end < 0 {
		end = len(a.text) - a.pos
	}
	a.advance(a.pos + end)
}

// tag reports a tag and moves behind it.
func (a *audit) tag(value string) {
	if a.fatal != nil {
		return
	}
	end := strings.IndexAny(value, " \t\n,[]{}")
	if end < 0 {
		end = len(value)
	}
	if !strings.HasPrefix(a.text[a.pos:], value[:end]) {
		a.mismatch()
		return
	}
	a.refuse(a.line, a.column, "tags (words that begin with !) are not read: remove it, and write the value in quotes if it is text")
	a.advance(a.pos + end)
	a.tagged = true
	if end < len(value) {
		// The library took what follows for a part of the tag.
		a.mismatch()
	}
}

// refuse reports a problem that leaves the rest readable.
func (a *audit) refuse(line, column int, message string) {
	a.refused++
	if len(a.problems) >= 8*maxProblems {
		a.problems = sortProblems(a.problems)
	}
	a.problems = append(a.problems, Problem{line, column, message})
}

// fail reports that nothing behind this place can be read.
func (a *audit) fail(message string) { a.fatalAt(a.line, a.column, message) }

func (a *audit) fatalAt(line, column int, message string) {
	if a.fatal == nil {
		a.fatal = &Problem{line, column, message}
	}
}

// here is a problem at the present place.
func (a *audit) here(message string) Problem { return Problem{a.line, a.column, message} }

// first is the one problem of a document that can not be parsed: what was found
// before the place where parsing ended explains it better.
func (a *audit) first(fatal Problem) Problem {
	return sortProblems(append([]Problem{fatal}, a.problems...))[0]
}

// mismatch reports that the library and the text disagree about this place.
func (a *audit) mismatch() {
	if a.pos < len(a.text) {
		switch a.text[a.pos] {
		case '\t':
			a.fail("a tab can not stand here: use spaces, or write the text in quotes")
			return
		case '"', '\'':
			if a.badQuote() {
				return
			}
		}
	}
	a.fail("this can not be read: write the text in quotes, or mend the indentation")
}

// secondDocument reports more than one document.
func (a *audit) secondDocument() {
	a.fail(fmt.Sprintf("a second document begins at line %d: a file holds one, so move it into its own file", a.line))
}
