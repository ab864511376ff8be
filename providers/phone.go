package providers

import (
	"strings"
	"unicode"
)

// NormalPhone brings a phone number into the form in which two spellings of one
// compare equal: without blanks and what people put between digits. How an
// extension is marked counts, since a pause is not a wait.
func NormalPhone(number string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("().\u2212/", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, number)
	return strings.ReplaceAll(bare, "extension", "ext")
}
