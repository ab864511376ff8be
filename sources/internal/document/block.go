package document

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// A blockHeader is the "|" or ">" whose lines are read next.
type blockHeader struct {
	folded       bool
	chomp        byte // '-', '+' or 0
	indent       int  // stated, or 0
	parent       int  // indentation of what the block belongs to
	line, column int
}

// blockHeader takes "|" or ">" and what stands behind it.
func (a *audit) blockHeader(tk *token.Token) {
	if len(a.flow) > 0 {
		a.fail("a block of text can not stand in brackets: write it in quotes")
		return
	}
	if a.pos == len(a.text) || a.text[a.pos] != '|' && a.text[a.pos] != '>' {
		a.mismatch()
		return
	}
	c := a.text[a.pos]
	a.value()
	if a.fatal != nil {
		return
	}
	header := &blockHeader{folded: c == '>', parent: max(a.top().column-1, 0), line: a.line, column: a.column}
	end := a.pos + 1
	for ; end < len(a.text) && !isBlank(a.text[end]); end++ {
		switch c := a.text[end]; {
		case (c == '-' || c == '+') && header.chomp == 0:
			header.chomp = c
		case c >= '1' && c <= '9' && header.indent == 0:
			header.indent = int(c - '0')
		default:
			a.fail("text that begins with | or > must stand in quotes; a block of text begins on the line behind it")
			return
		}
	}
	a.tagged = false
	a.emit(tk, "", a.line, a.column)
	a.advance(end)
	a.block = header
}

// blockContent takes the lines of a block. The library's token for them is empty
// when there are none.
func (a *audit) blockContent(tk *token.Token) {
	header := a.block
	a.block = nil
	for a.pos < len(a.text) && (a.text[a.pos] == ' ' || a.text[a.pos] == '\t') {
		a.advance(a.pos + 1)
	}
	if a.pos < len(a.text) {
		if a.text[a.pos] != '\n' {
			a.mismatch()
			return
		}
		a.advance(a.pos + 1)
	}
	a.fresh = true
	text, lines, problem := header.decode(a.text[a.pos:])
	if problem != "" {
		a.fatalAt(a.line+lines, 1, problem)
		return
	}
	if tk.Type == token.InvalidType {
		a.invalid(tk)
		return
	}
	for range lines {
		next := strings.IndexByte(a.text[a.pos:], '\n')
		if next < 0 {
			a.advance(len(a.text))
			break
		}
		a.pos += next
		a.nextLine()
		a.pos++
	}
	a.fresh = a.column == 1
	tk.Type, tk.Value = token.StringType, ""
	a.emit(tk, text, header.line, header.column)
	a.beforeLine = a.line - 1
}

// decode reads the lines of the block from rest and returns their text and how
// many they are. When a problem is returned, lines is where.
func (h *blockHeader) decode(rest string) (text string, lines int, problem string) {
	indent := 0 // not known yet
	if h.indent > 0 {
		indent = h.parent + h.indent
	}
	var content []string
	widest := 0 // of the empty lines before the first that is not
	for ; rest != ""; lines++ {
		line, after, ended := strings.Cut(rest, "\n")
		spaces := countAny(line, " ")
		switch {
		case indent > 0 && spaces >= indent:
			content = append(content, line[indent:])
		case strings.Trim(line, " \t") == "":
			widest = max(widest, spaces)
			content = append(content, "")
		case indent == 0 && spaces > h.parent:
			indent = spaces
			if widest > indent {
				return "", lines, "an empty line above has more blanks than this line: remove them"
			}
			content = append(content, line[indent:])
		case line[spaces] == '\t':
			return "", lines, "a tab is used as indentation: indent with spaces"
		default:
			return h.join(content, true), lines, ""
		}
		if !ended {
			return h.join(content, false), lines + 1, ""
		}
		rest = after
	}
	return h.join(content, true), lines, ""
}

// join makes one text of the lines of a block. The last of them may not be ended
// by a line feed.
func (h *blockHeader) join(content []string, ended bool) string {
	last := len(content)
	for last > 0 && content[last-1] == "" {
		last--
	}
	ends := len(content) - last // line feeds at the end of the text
	if last > 0 {
		ends++
	}
	if !ended && ends > 0 {
		ends--
	}
	switch h.chomp {
	case '-':
		ends = 0
	case '+':
	default:
		ends = min(ends, 1)
		if last == 0 {
			ends = 0
		}
	}
	text := ""
	if h.folded {
		text = foldBlock(content[:last])
	} else {
		text = strings.Join(content[:last], "\n")
	}
	return text + strings.Repeat("\n", ends)
}

// foldBlock joins the lines of a folded block: a line end between two lines that
// do not begin with a blank is a blank, and gone when empty lines follow it.
func foldBlock(content []string) string {
	var text []byte
	ends, deep := 0, false // behind the last line; that line begins with a blank
	for i, line := range content {
		if line == "" {
			ends++
			continue
		}
		deeper := line[0] == ' ' || line[0] == '\t'
		switch {
		case i == ends: // nothing but empty lines above
			text = append(text, strings.Repeat("\n", ends)...)
		case deep || deeper:
			text = append(text, strings.Repeat("\n", ends+1)...)
		default:
			text = fold(text, ends+1)
		}
		text = append(text, line...)
		deep, ends = deeper, 0
	}
	return string(text)
}
