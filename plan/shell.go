package plan

import (
	"regexp"
	"strings"
)

// plainWord is what a shell takes for one word as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// ShellWord quotes a word for a shell where that is needed, in a command that is shown
// to be copied.
func ShellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
