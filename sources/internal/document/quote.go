package document

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	notClosed = "this quote is never closed: close it, and double a quote in '…' or escape it in \"…\""
	badEscape = "this escape does not exist: write \\\\ for a backslash, or use single quotes"
)

// unquote decodes the scalar in quotes that begins at text[at] and returns the
// place behind it. When a problem is returned, end is its place.
func unquote(text string, at int) (value string, end int, problem string) {
	if text[at] == '\'' {
		return unquoteSingle(text, at)
	}
	return unquoteDouble(text, at)
}

func unquoteSingle(text string, at int) (string, int, string) {
	i := at + 1
	plain := true
	for ; ; i++ {
		if i == len(text) {
			return "", at, notClosed
		}
		switch text[i] {
		case '\n':
			plain = false
			continue
		case '\'':
			if i+1 < len(text) && text[i+1] == '\'' {
				plain = false
				i++
				continue
			}
		default:
			continue
		}
		break
	}
	inner := text[at+1 : i]
	if plain {
		return inner, i + 1, ""
	}
	return strings.ReplaceAll(foldQuoted(inner), "''", "'"), i + 1, ""
}

// foldQuoted joins the lines in single quotes. Blanks count at the outer ends
// alone.
func foldQuoted(inner string) string {
	first, rest, several := strings.Cut(inner, "\n")
	if !several {
		return inner
	}
	text := append([]byte(nil), strings.TrimRight(first, " \t")...)
	ends := 0
	for several {
		var line string
		line, rest, several = strings.Cut(rest, "\n")
		ends++
		line = strings.TrimLeft(line, " \t")
		if several {
			line = strings.TrimRight(line, " \t")
		}
		if line != "" || !several {
			text = append(fold(text, ends), line...)
			ends = 0
		}
	}
	return string(text)
}

func unquoteDouble(text string, at int) (string, int, string) {
	if length := strings.IndexAny(text[at+1:min(len(text), at+256)], "\"\\\n"); length >= 0 && text[at+1+length] == '"' {
		return text[at+1 : at+1+length], at + length + 2, ""
	}
	var value []byte
	kept := 0 // length of value up to the last escape: blanks there are kept
	for i := at + 1; i < len(text); {
		switch c := text[i]; c {
		case '"':
			return string(value), i + 1, ""
		case '\n':
			for len(value) > kept && isBlank(value[len(value)-1]) {
				value = value[:len(value)-1]
			}
			ends := 0
			for ; i < len(text) && isBlank(text[i]); i++ {
				if text[i] == '\n' {
					ends++
				}
			}
			value = fold(value, ends)
			kept = len(value)
		case '\\':
			decoded, length, problem := escape(value, text[i:])
			if problem != "" {
				return "", i, problem
			}
			value = decoded
			i += length
			if text[i-1] == '\n' {
				// The blanks behind an escaped line end are gone; empty lines are not.
				for ; i < len(text) && isBlank(text[i]); i++ {
					if text[i] == '\n' {
						value = append(value, '\n')
					}
				}
			}
			kept = len(value)
		default:
			value = append(value, c)
			i++
		}
	}
	return "", at, notClosed
}

// simpleEscapes are the escapes of one character.
var simpleEscapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r",
	'e': "\x1b", ' ': " ", '"': "\"", '/': "/", '\\': "\\", 'N': "\u0085", '_': "\u00a0", 'L': "\u2028",
	'P': "\u2029", '\n': "",
}

// escape appends what the escape that text begins with stands for, and returns
// its length.
func escape(value []byte, text string) (decoded []byte, length int, problem string) {
	if len(text) < 2 {
		return nil, 0, notClosed
	}
	if simple, ok := simpleEscapes[text[1]]; ok {
		return append(value, simple...), 2, ""
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[1]]
	if digits == 0 {
		return nil, 0, badEscape
	}
	r, ok := hex(text, 2, digits)
	if !ok {
		return nil, 0, fmt.Sprintf("this escape needs %d hexadecimal digits: write them, or use single quotes", digits)
	}
	length = 2 + digits
	if digits == 4 && r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(text[length:], `\u`) {
		if low, ok := hex(text, length+2, 4); ok && low >= 0xdc00 && low < 0xe000 {
			r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
			length += 6
		}
	}
	if !utf8.ValidRune(r) {
		return nil, 0, "this escape is no character: correct its digits"
	}
	return utf8.AppendRune(value, r), length, ""
}

// hex reads exactly n hexadecimal digits; eight of them may overflow to what is
// no character either.
func hex(text string, at, n int) (value rune, ok bool) {
	if at+n > len(text) {
		return 0, false
	}
	for _, c := range []byte(text[at : at+n]) {
		switch {
		case isDigit(c):
			value = value<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			value = value<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return value, true
}
