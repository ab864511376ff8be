package document

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// resolve says what a plain scalar is. A message that is not empty refuses it;
// the kind is then String. The package comment states the rule.
func resolve(text string) (kind Kind, refusal string) {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return Null, ""
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool, ""
	}
	if c := text[0]; !isDigit(c) && c != '+' && c != '-' && c != '.' {
		return String, ""
	}
	switch unsigned(text) {
	case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
		return String, fmt.Sprintf("%s is not a number that can be used here: write it in quotes if it is text", text)
	}
	whole, fraction := jsonNumber(text)
	switch {
	case whole && fraction:
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(value, 0) {
			return String, quoted(text) + " is too large: write it in quotes if it is text"
		}
		return Float, ""
	case whole:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return String, quoted(text) + " does not fit 64 bits: write it in quotes if it is text"
		}
		return Int, ""
	case numberLike(text):
		return String, quoted(text) + " is a different number, or text, to different programs: write it in quotes if it is text, else as a plain decimal number"
	}
	return String, ""
}

// quoted shows a number in a message, unless it is long.
func quoted(number string) string {
	if utf8.RuneCountInString(number) > 40 {
		return "this number"
	}
	return number
}

// unsigned takes one sign away.
func unsigned(text string) string {
	if text[0] == '+' || text[0] == '-' {
		return text[1:]
	}
	return text
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// jsonNumber says whether text is -?(0|[1-9][0-9]*)(\.[0-9]+)?, and whether it
// has the fraction.
func jsonNumber(text string) (ok, fraction bool) {
	rest := strings.TrimPrefix(text, "-")
	digits := countAny(rest, "0123456789")
	if digits == 0 || (digits > 1 && rest[0] == '0') {
		return false, false
	}
	rest = rest[digits:]
	if rest == "" {
		return true, false
	}
	if rest[0] != '.' || len(rest) == 1 || countAny(rest[1:], "0123456789") != len(rest)-1 {
		return false, false
	}
	return true, true
}

// numberLike says whether any reader in use takes text for a number: YAML 1.1
// and 1.2, their implementations with 0X, 0O and 0B, and those that read 1,000.
// Sexagesimal numbers (12:30) are left out on purpose: they are times.
func numberLike(text string) bool {
	rest := unsigned(text)
	if len(rest) > 2 && rest[0] == '0' {
		digits := ""
		switch rest[1] {
		case 'x', 'X':
			digits = "0123456789abcdefABCDEF_"
		case 'o', 'O':
			digits = "01234567_"
		case 'b', 'B':
			digits = "01_"
		}
		if digits != "" {
			return countAny(rest[2:], digits) == len(rest)-2
		}
	}
	whole := 0
	if rest != "" && isDigit(rest[0]) {
		whole = countAny(rest, "0123456789_,")
	}
	rest = rest[whole:]
	if rest != "" && rest[0] == '.' {
		rest = rest[1:]
		if whole == 0 && (rest == "" || !isDigit(rest[0])) {
			return false
		}
		rest = rest[countAny(rest, "0123456789_"):]
	} else if whole == 0 {
		return false
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		return rest != "" && countAny(rest, "0123456789") == len(rest)
	}
	return rest == ""
}

// countAny returns how many bytes at the beginning of text are one of chars.
func countAny(text, chars string) int {
	for i := range len(text) {
		if strings.IndexByte(chars, text[i]) < 0 {
			return i
		}
	}
	return len(text)
}
