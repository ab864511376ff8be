package document

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// maxKey is how many characters a key may have; YAML itself has this bound.
const maxKey = 1024

// What stands before the present token.
type before uint8

const (
	atStart before = iota
	afterColon
	afterDash
	afterOpen  // [ or {
	afterComma // in brackets or braces
	afterKey   // only the colon can follow
	afterValue // nothing can follow on this line but an end
)

// A level is a block list or block map that is open at the present place: its
// column, its line and how many keys it has.
type level struct {
	column, line, keys int
	list               bool
}

// A bracket is an open "[" or "{" and its place.
type bracket struct {
	kind         byte
	line, column int
}

// A layout is the structure of the text up to the present place. It is judged
// independently of the library's parser, and more strictly.
type layout struct {
	before       before
	beforeLine   int
	levels       []level
	flow         []bracket
	keyPlain     bool // the key before the colon has no quotes
	begun, ended bool // there was a --- or content; there was a ...
	anchorLine   int  // of an anchor that waits for its value, or 0
}

// top returns the innermost block list or map.
func (a *audit) top() *level {
	if len(a.levels) == 0 {
		return &level{}
	}
	return &a.levels[len(a.levels)-1]
}

// push opens a block list or map at the present place.
func (a *audit) push(list bool) {
	if !a.fresh && a.lastTab == a.line {
		a.fail("a tab stands before this: write blanks, since columns count here")
		return
	}
	a.levels = append(a.levels, level{column: a.column, line: a.line, list: list})
	a.checkDepth()
}

func (a *audit) checkDepth() {
	if len(a.levels)+len(a.flow) > a.limits.Depth {
		a.fail(fmt.Sprintf("lists and maps stand in one another more than %d deep: make it flatter", a.limits.Depth))
	}
}

// opens says whether a block list or map can begin here as a value.
func (a *audit) opens() bool {
	switch a.before {
	case atStart, afterDash:
		return a.anchorLine != a.line
	case afterColon:
		return a.fresh
	default:
		return false
	}
}

// pop closes the block lists and maps that end before a token in this column,
// and says whether there were any. Then nothing can be opened by this token.
func (a *audit) pop() (closed bool) {
	for a.fresh && len(a.levels) > 0 && a.top().column > a.column {
		a.levels = a.levels[:len(a.levels)-1]
		closed = true
	}
	return closed
}

// missing hands on the value that the colon or dash before it lacks.
func (a *audit) missing() {
	if a.before == afterColon || a.before == afterDash || (a.before == atStart && a.anchorLine > 0) {
		a.emitNull()
	}
	a.anchorLine, a.tagged = 0, false
}

const misplaced = "the indentation of this line fits nothing above it: align it with the line it belongs to"

// dash takes the "-" of a list entry.
func (a *audit) dash(tk *token.Token) {
	if len(a.flow) > 0 {
		a.fail("a dash can not begin an entry in brackets: remove it")
		return
	}
	a.begun = true
	closed := a.pop()
	top := a.top()
	switch {
	case a.fresh && top.list && top.column == a.column:
		a.missing()
	case !closed && a.opens() && (a.before == atStart || top.column < a.column || (top.column == a.column && !top.list)):
		a.push(true)
		a.anchorLine = 0
	case a.fresh:
		a.fail(misplaced)
	default:
		a.fail("a list can not begin on this line: begin it on the next line, or write it in brackets")
	}
	if a.fatal != nil {
		return
	}
	if a.cut.at > 0 && a.pos == a.cut.at+a.column-1 {
		a.cut.clean = true
	}
	a.indicator(tk, "-")
	a.before, a.beforeLine = afterDash, a.line
}

// isKey says whether a colon follows the token that is being read.
func (a *audit) isKey() bool {
	return len(a.tokens) > 0 && a.tokens[0].Type == token.MappingValueType
}

// key takes the place of a key in the layout; its token is emitted by the
// caller.
func (a *audit) key() {
	a.begun = true
	if a.anchorLine == a.line {
		a.fail("an anchor can not stand before a key: put it behind the colon")
		return
	}
	if len(a.flow) > 0 {
		a.flowKey()
	} else {
		a.blockKey()
	}
	a.before, a.beforeLine = afterKey, a.line
}

func (a *audit) flowKey() {
	switch {
	case a.flow[len(a.flow)-1].kind == '[' && a.fresh:
		a.fail(fmt.Sprintf("a key can not stand in brackets, and the bracket of line %d is open here: close it", a.flow[len(a.flow)-1].line))
	case a.flow[len(a.flow)-1].kind == '[':
		a.fail("a key can not stand in brackets: write {key: value}, or put the text in quotes")
	case a.before == afterColon:
		a.fail("two colons in one pair: put a comma between the pairs, or write text with a colon in quotes")
	case a.before != afterOpen && a.before != afterComma:
		a.fail("a comma is missing before this key")
	}
}

func (a *audit) blockKey() {
	if !a.fresh && a.before != afterDash && a.before != atStart {
		a.fail("a second key on this line: begin a new line, or write text with a colon in quotes")
		return
	}
	closed := a.pop()
	if a.fresh && len(a.levels) > 1 && a.top().list && a.top().column == a.column {
		a.levels = a.levels[:len(a.levels)-1]
		closed = true
	}
	top := a.top()
	switch {
	case len(a.levels) > 0 && !top.list && top.column == a.column:
		a.missing()
	case !closed && a.opens() && top.column < a.column:
		a.push(false)
		a.anchorLine = 0
	default:
		a.fail(misplaced)
		return
	}
	top = a.top()
	top.keys++
	if top.keys > a.limits.Width {
		a.fatalAt(top.line, top.column, fmt.Sprintf("this map has more than %d keys: write a list", a.limits.Width))
	}
}

// colon takes the ":" behind a key.
func (a *audit) colon(tk *token.Token) {
	switch {
	case a.before == afterValue && a.beforeLine == a.line:
		a.fail("a key must be text: write it in quotes, and lists and maps as values only")
	case a.before != afterKey:
		a.fail("there is no key before this colon: write one, or put the text in quotes")
	case a.beforeLine != a.line:
		a.fail("a key and its colon must stand on one line")
	}
	if a.fatal != nil {
		return
	}
	if rest := a.text[a.pos+1:]; a.keyPlain && rest != "" && !isBlank(rest[0]) {
		a.refuse(a.line, a.column, "a blank is missing behind this colon: write one, or put the text in quotes")
	}
	a.indicator(tk, ":")
	a.before, a.beforeLine = afterColon, a.line
}

// value takes the place of a value in the layout: a scalar that is no key, an
// alias, or an opening bracket.
func (a *audit) value() {
	a.begun = true
	if len(a.flow) > 0 {
		a.flowValue()
	} else {
		top := a.top()
		switch {
		case a.before == afterValue && len(a.levels) == 0:
			a.fail("something stands behind the end of the value: remove it, or write all of it in quotes")
		case a.before == afterValue && a.beforeLine == a.line:
			a.fail("something stands behind the value: remove it, or write all of it in quotes")
		case a.before == afterValue:
			a.fail("this line is neither a key nor a list entry: mend the indentation, or write the text above in quotes")
		case a.fresh && top.column >= a.column && len(a.levels) > 0:
			a.fail("this value must be indented more than the line it belongs to")
		}
	}
	a.anchorLine = 0
	a.before, a.beforeLine = afterValue, a.line
}

func (a *audit) flowValue() {
	braces := a.flow[len(a.flow)-1].kind == '{'
	switch {
	case a.before == afterValue:
		a.fail("a comma is missing before this value")
	case braces && a.before != afterColon:
		a.fail("a key in braces needs a colon and a value: write {key: value}")
	}
}

// open takes "[" or "{".
func (a *audit) open(tk *token.Token) {
	a.value()
	if a.fatal != nil {
		return
	}
	a.flow = append(a.flow, bracket{tk.Value[0], a.line, a.column})
	a.checkDepth()
	a.tagged = false
	a.indicator(tk, tk.Value)
	a.before, a.beforeLine = afterOpen, a.line
}

// close takes "]" or "}".
func (a *audit) close(tk *token.Token) {
	opening := map[string]byte{"]": '[', "}": '{'}[tk.Value]
	switch {
	case len(a.flow) == 0:
		a.fail("nothing is open that this bracket could close: remove it, or write the text in quotes")
	case a.flow[len(a.flow)-1].kind != opening:
		a.fail("this bracket closes another kind than the one that is open: pair [ with ] and { with }")
	case a.before == afterKey:
		a.fail("a key in braces needs a colon and a value: write {key: value}")
	}
	if a.fatal != nil {
		return
	}
	if a.before == afterColon || a.anchorLine > 0 {
		a.emitNull()
	}
	a.anchorLine, a.tagged = 0, false
	a.flow = a.flow[:len(a.flow)-1]
	a.indicator(tk, tk.Value)
	a.before, a.beforeLine = afterValue, a.line
}

// comma takes "," in brackets or braces.
func (a *audit) comma(tk *token.Token) {
	if a.before == afterColon || (a.anchorLine > 0 && len(a.flow) > 0) {
		a.emitNull()
		a.before = afterValue
	}
	if len(a.flow) == 0 || a.before != afterValue {
		a.fail("there is nothing before this comma: remove it")
		return
	}
	a.anchorLine, a.tagged = 0, false
	a.indicator(tk, ",")
	a.before, a.beforeLine = afterComma, a.line
}

// anchor takes "&" and the name behind it.
func (a *audit) anchor(tk *token.Token) {
	if a.before == afterValue || a.before == afterKey || a.anchorLine > 0 || (a.fresh && len(a.flow) == 0 && a.before != atStart && a.column <= a.top().column) {
		a.fail("an anchor can not stand here: put it before a value")
		return
	}
	line := a.line
	a.anchors++
	a.named(tk, "&")
	a.begun = true
	a.anchorLine = line
}

// alias takes "*" and the name behind it.
func (a *audit) alias(tk *token.Token) {
	a.aliases++
	if a.aliases > a.limits.Aliases {
		a.fail(fmt.Sprintf("more than %d aliases: write the values out", a.limits.Aliases))
		return
	}
	if a.anchorLine > 0 {
		a.fail("an anchor can not stand before an alias: remove one of them")
		return
	}
	a.value()
	a.tagged = false
	if a.fatal == nil {
		a.named(tk, "*")
	}
}

// named takes an indicator and a name directly behind it.
func (a *audit) named(tk *token.Token, indicator string) {
	a.indicator(tk, indicator)
	if a.fatal != nil {
		return
	}
	length := 0
	for a.pos+length < len(a.text) && isNameByte(a.text[a.pos+length]) {
		length++
	}
	name := a.text[a.pos : a.pos+length]
	if name == "" || len(a.tokens) == 0 || a.tokens[0].Value != name {
		a.fail("the name behind & or * is made of letters, digits, - and _ and stands directly behind it; write text that begins with one of them in quotes")
		return
	}
	next := a.tokens[0]
	a.tokens = a.tokens[1:]
	next.Type = token.StringType
	a.emit(next, name, a.line, a.column)
	a.advance(a.pos + length)
}

func isNameByte(c byte) bool {
	return isDigit(c) || c == '-' || c == '_' || c == '.' || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z')
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// end takes the end of the document.
func (a *audit) end() {
	if a.fatal != nil || a.ended {
		return
	}
	switch {
	case len(a.flow) > 0:
		open := a.flow[len(a.flow)-1]
		a.fatalAt(open.line, open.column, "this bracket is never closed: close it")
	case a.before == afterKey:
		a.mismatch()
	default:
		a.missing()
		a.before = afterValue
	}
}
