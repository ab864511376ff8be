package document

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds on shapes of text that cost the lexer far more than their size.
const (
	maxMarks    = 4_000_000 // characters that can begin a token
	maxTabCost  = 1 << 26   // tabs of a line times its length
	maxAngleRun = 64        // "<" in a row
)

// prepare checks the bytes of a file and returns them as text with a byte order
// mark taken away and with every line end a single line feed, which changes no
// line and no column.
func prepare(data []byte, limit int) (string, *Problem) {
	if len(data) > limit {
		return "", &Problem{1, 1, fmt.Sprintf("is larger than %s: split it into several files", byteSize(limit))}
	}
	if utf16Like(data) {
		return "", &Problem{1, 1, "is not UTF-8 but looks like UTF-16: save it as UTF-8"}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var (
		lineStart, tabs, marks, angles int
		carriageReturns                bool
	)
	fail := func(at int, message string) (string, *Problem) {
		return "", &Problem{
			Line:    1 + bytes.Count(data[:at], []byte("\n")),
			Column:  1 + utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1:at]),
			Message: message,
		}
	}
	for i := 0; i < len(data); {
		c := data[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(data[i:])
			if message := refusedRune(r, size); message != "" {
				return fail(i, message)
			}
			i += size
			angles = 0
			continue
		}
		switch class[c] {
		case newLine:
			if tabs > 0 && tabs*(i-lineStart) > maxTabCost {
				return fail(lineStart, "this line is too long for the number of tabs in it: break it")
			}
			lineStart, tabs = i+1, 0
			marks++
		case tab:
			tabs++
		case carriageReturn:
			if i+1 == len(data) || data[i+1] != '\n' {
				return fail(i, "a carriage return without a line feed: save the file with LF line ends")
			}
			carriageReturns = true
		case indicator:
			if c != '-' || i+1 == len(data) || data[i+1] <= ' ' {
				marks++
			}
			if c == '<' {
				angles++
				if angles > maxAngleRun {
					return fail(i, "too many < in a row: shorten this text")
				}
				if angles == 7 && i-lineStart == 6 {
					return fail(lineStart, "an unresolved merge conflict: keep one of the two versions and remove the <<<<<<<, ======= and >>>>>>> lines")
				}
				i++
				continue
			}
		case control:
			return fail(i, fmt.Sprintf("the control character U+%04X can not stand here: remove it, or write it as an escape in double quotes", c))
		case plain:
		}
		angles = 0
		i++
	}
	if tabs > 0 && tabs*(len(data)-lineStart) > maxTabCost {
		return fail(lineStart, "this line is too long for the number of tabs in it: break it")
	}
	if marks > maxMarks {
		return "", &Problem{1, 1, "holds too many values: split it into several files"}
	}
	text := string(data)
	if carriageReturns {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	return text, nil
}

// utf16Like says whether the file begins as UTF-16 or UTF-32 text does.
func utf16Like(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return true
	}
	return len(data) >= 2 && (data[0] == 0) != (data[1] == 0)
}

// refusedRune says what is wrong with a character outside ASCII, or "".
func refusedRune(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return "this byte is not UTF-8: save the file as UTF-8"
	case r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff:
		return fmt.Sprintf("the invisible character U+%04X can not stand here: remove it, or write it as an escape in double quotes", r)
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return fmt.Sprintf("the character U+%04X turns the direction of the text and hides what it says: remove it, or write it as an escape in double quotes", r)
	}
	return ""
}

// byteSize writes a limit for people.
func byteSize(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// The classes of ASCII characters that prepare tells apart.
const (
	plain = iota
	newLine
	tab
	carriageReturn
	indicator
	control
)

// class is the class of each ASCII character.
var class = func() (table [utf8.RuneSelf]byte) {
	for c := range table {
		if c < ' ' || c == 0x7f {
			table[c] = control
		}
	}
	for _, c := range "[]{},:-?&*!|>%@`#'\"<" {
		table[c] = indicator
	}
	table['\n'], table['\t'], table['\r'] = newLine, tab, carriageReturn
	return table
}()
