package document

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// mergeKey takes "<<" before a colon.
func (a *audit) mergeKey(tk *token.Token) {
	if !a.isKey() {
		a.mismatch()
		return
	}
	a.key()
	if a.fatal == nil {
		a.keyPlain = true
		tk.Value = "k"
		a.indicator(tk, "<<")
	}
}

// plainScalar takes a scalar without quotes.
func (a *audit) plainScalar(tk *token.Token) {
	end := a.plainEnd(tk.Value)
	if end <= a.pos || strings.IndexByte("[]{},#&*!|>'\"%@`", a.text[a.pos]) >= 0 {
		if end > a.pos && a.text[a.pos] != '"' && a.text[a.pos] != '\'' {
			a.fail("text that begins with this character must stand in quotes")
			return
		}
		a.mismatch()
		return
	}
	source := a.text[a.pos:end]
	switch alone := len(source) == 1 || isBlank(source[1]); {
	case source[0] == '-' && alone, (source[0] == '?' || source[0] == ':') && (alone || len(a.flow) > 0):
		a.fail("text that begins with this character must stand in quotes")
		return
	}
	if !a.plainBounds(source, end) {
		return
	}
	text := source
	if lastLine := strings.LastIndexByte(source, '\n'); lastLine >= 0 {
		if a.isKey() {
			lastLine += countAny(source[lastLine:], " \t\n")
			line, column := a.place(a.pos + lastLine)
			a.fatalAt(line, column, "this line would go on with the text above, and be no key: mend the indentation, or write the text above in quotes")
			return
		}
		text = foldPlain(source)
	}
	tk.Type = token.StringType
	if a.tagged {
		tk.Type = token.SingleQuoteType
	}
	a.scalar(tk, text, end)
}

// scalar takes a key or a value of which text and end are known.
func (a *audit) scalar(tk *token.Token, text string, end int) {
	line, column := a.line, a.column
	quoted := tk.Type != token.StringType
	if a.isKey() {
		a.key()
		if a.fatal != nil {
			return
		}
		if text == "<<" && !quoted {
			tk.Type = token.MergeKeyType
		}
		a.checkKey(text, quoted)
		// The parser builds a path of keys for each node: keep it short.
		tk.Value, tk.Origin = "k", "k"
		a.keyPlain = !quoted
	} else {
		a.value()
		if a.fatal != nil {
			return
		}
	}
	a.tagged = false
	a.emit(tk, text, line, column)
	a.advance(end)
	a.beforeLine = a.line
	if a.before == afterKey && a.line != line {
		a.fatalAt(line, column, "a key and its colon must stand on one line")
	}
}

// checkKey refuses keys that are not text.
func (a *audit) checkKey(text string, quoted bool) {
	kind, refusal := resolve(text)
	switch {
	case text == "":
		a.refuse(a.line, a.column, "this key is empty: give it a name")
	case len(text) > maxKey && utf8.RuneCountInString(text) > maxKey:
		a.refuse(a.line, a.column, "this key has more than 1024 characters: shorten it")
	case !quoted && (kind != String || refusal != ""):
		a.refuse(a.line, a.column, "a key must be text: write it in quotes")
	}
}

// plainEnd finds the end of a plain scalar of which the library says that it
// reads as value, by matching all of it that is not blank; 0 when the text says
// something else.
func (a *audit) plainEnd(value string) int {
	rest := a.text[a.pos:]
	if strings.HasPrefix(rest, value) && strings.IndexByte(value, '\n') < 0 {
		return a.pos + len(value)
	}
	at := a.pos
	for i := 0; i < len(value); i++ {
		if isBlank(value[i]) {
			continue
		}
		for at < len(a.text) && isBlank(a.text[at]) {
			at++
		}
		if at == len(a.text) || a.text[at] != value[i] {
			return 0
		}
		at++
	}
	return at
}

// plainBounds checks what a plain scalar holds and what follows it.
func (a *audit) plainBounds(source string, end int) bool {
	inFlow := len(a.flow) > 0
	lineStart, tabs := false, false
	for i := range len(source) {
		c := source[i]
		switch {
		case c == '\n':
			lineStart = true
			continue
		case c == '\t' && !lineStart && !tabs && !tabEndsLine(source[i:]):
			tabs = true
			line, column := a.place(a.pos + i)
			a.refuse(line, column, "a tab stands in this text: write a blank, or put the text in double quotes with \\t")
		case c == '#' && i > 0 && isBlank(source[i-1]),
			c == ':' && (a.pos+i+1 == len(a.text) || isBlank(a.text[a.pos+i+1])),
			inFlow && strings.IndexByte("[]{},", c) >= 0:
			line, column := a.place(a.pos + i)
			a.fatalAt(line, column, "this character can not stand in text without quotes: write the text in quotes, or mend the indentation")
			return false
		case c == '-' && lineStart && (i+1 == len(source) || isBlank(source[i+1])):
			line, column := a.place(a.pos + i)
			a.fatalAt(line, column, "this line would go on with the text above, and be no list entry: mend the indentation, or write the text in quotes")
			return false
		}
		if c != ' ' && c != '\t' {
			lineStart = false
		}
	}
	switch rest := a.text[end:]; {
	case rest == "" || isBlank(rest[0]) || rest[0] == ':':
	case inFlow && strings.IndexByte("[]{},", rest[0]) >= 0:
	default:
		a.advance(end)
		a.mismatch()
		return false
	}
	return true
}

// tabEndsLine says whether nothing but blanks stands before the end of the line.
func tabEndsLine(text string) bool {
	rest := strings.TrimLeft(text, " \t")
	return rest != "" && rest[0] == '\n'
}

// foldPlain joins the lines of a plain scalar.
func foldPlain(source string) string {
	var text []byte
	ends := 0
	for line := range strings.SplitSeq(source, "\n") {
		line = strings.Trim(line, " \t")
		if line != "" {
			text = append(fold(text, ends), line...)
			ends = 0
		}
		ends++
	}
	return string(text)
}

// fold appends what a number of line ends in a row stands for in a scalar that
// goes over several lines: one is a blank, each further one a line feed.
func fold(text []byte, ends int) []byte {
	if ends == 1 {
		return append(text, ' ')
	}
	for range ends - 1 {
		text = append(text, '\n')
	}
	return text
}

// quotedScalar takes a scalar in quotes.
func (a *audit) quotedScalar(tk *token.Token) {
	want := byte('\'')
	if tk.Type == token.DoubleQuoteType {
		want = '"'
	}
	if a.text[a.pos] != want {
		a.mismatch()
		return
	}
	text, end, problem := unquote(a.text, a.pos)
	if problem != "" {
		line, column := a.place(end)
		a.fatalAt(line, column, problem)
		return
	}
	switch rest := a.text[end:]; {
	case rest == "" || isBlank(rest[0]) || rest[0] == ':':
	case len(a.flow) > 0 && strings.IndexByte("]},", rest[0]) >= 0:
	default:
		line, column := a.place(end)
		a.fatalAt(line, column, "something stands directly behind the closing quote: double a quote in '…' and escape it in \"…\", or write a blank")
		return
	}
	a.scalar(tk, text, end)
}

// badQuote reports what is wrong with the quoted scalar that begins here, if
// anything is.
func (a *audit) badQuote() bool {
	_, end, problem := unquote(a.text, a.pos)
	if problem == "" {
		return false
	}
	line, column := a.place(end)
	a.fatalAt(line, column, problem)
	return true
}
