package sources

import (
	"bytes"
	"regexp"
	"strings"
)

// What may be a secret in a line of a file: all behind a key that names one, the
// password of a URL, and long runs of key material.
const secretName = `(?:[\w-]*(?:token|secret|password|passwd|passphrase|credential|api[_-]?key|account[_-]?key|private[_-]?key|subscription[_-]?key|authorization|service[_-]?account|webhook|heartbeat)[\w-]*|[\w-]*auth|notify)["']?\s*[:=]` //nolint:gosec // words that name secrets, and no secret

var (
	secretKey   = regexp.MustCompile(`(?i)` + secretName)
	userinfo    = regexp.MustCompile(`://[^\s/@]*@`)
	keyMaterial = regexp.MustCompile(`-----BEGIN|[A-Za-z0-9+/_=.-]{40,}`) // counts with a digit in it: a long name is none
	// keyLine is a line that begins with a key, as in "- name:".
	keyLine = regexp.MustCompile(`^[ -]*(?:"[^"]*"|'[^']*'|[^\s"'#:{}\[\],&*!|>-][^#:{}\[\],"']*)\s*:(?:\s|$)`)
)

// maskSource takes out of a line what may be a secret.
func maskSource(line string) string {
	if place := secretKey.FindStringIndex(line); place != nil {
		if rest := line[place[1]:]; len(bytes.TrimSpace([]byte(rest))) > 0 {
			line = line[:place[1]] + " " + redacted
		}
	}
	line = userinfo.ReplaceAllString(line, "://"+redacted+"@")
	return keyMaterial.ReplaceAllStringFunc(line, func(run string) string {
		if strings.HasPrefix(run, "-----") || strings.ContainsAny(run, "0123456789") {
			return redacted
		}
		return run
	})
}

// faithful reports whether what a line shows up to a column, and the character
// there, is as it is in the file: else a caret would point at something else.
func faithful(line, shown string, column int) bool {
	a, b := []rune(line), []rune(shown)
	end := min(column, len(a))
	return end <= len(b) && string(a[:end]) == string(b[:end])
}

// namesSecret reports whether what stands behind the text is a secret's value.
func namesSecret(text string) bool { return secretKey.MatchString(text) }

// secretLines finds the lines that belong to a secret without naming it: those
// below a key that names one, down to the next key that is not indented deeper.
// It works on files that can not be parsed, and in doubt hides a line.
func secretLines(lines [][]byte) []bool {
	hidden := make([]bool, len(lines))
	indent := -1 // of the key that names a secret; below it, -1 elsewhere
	for i, line := range lines {
		if len(line) > maxShown {
			hidden[i] = true // never shown, and not worth looking through
			continue
		}
		column := len(line) - len(bytes.TrimLeft(line, " -"))
		if indent >= 0 {
			if hidden[i] = column > indent || !keyLine.Match(line); hidden[i] {
				continue
			}
			indent = -1
		}
		if bytes.IndexByte(line, ':') >= 0 && line[min(column, len(line)-1)] != '#' && secretKey.Match(line) {
			indent = column
		}
	}
	return hidden
}
