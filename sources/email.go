package sources

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address that mail can carry (RFC 5321, 4.5.3.1.3).
const maxEmail = 254

var errEmail = errors.New("is not an email address: write it like ana@example.com")

// domains maps a domain to the one form in which two spellings of it compare
// equal (UTS 46, non-transitional).
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true))

// CanonicalEmail is the form in which addresses are compared: trimmed, NFC, the
// domain in its ASCII form, case-folded. It is never sent; vendors get the
// address as it is written. Folding never turns another letter into an ASCII
// one, so that no look-alike address compares equal to somebody's.
func CanonicalEmail(address string) (string, error) {
	address = strings.TrimSpace(address)
	if address == "" || len(address) > maxEmail || !utf8.ValidString(address) {
		return "", errEmail
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 {
		return "", errEmail
	}
	local, domain := address[:at], address[at+1:]
	for _, r := range local {
		if r == '@' || r == '"' || r == ',' || r == ';' || r == '<' || r == '>' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return "", errEmail
		}
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || ascii == "" || strings.HasPrefix(ascii, ".") {
		return "", errEmail
	}
	return FoldText(local) + "@" + strings.ToLower(ascii), nil
}

// FoldText folds a text for comparison: NFC, lower case. Letters that would turn
// into an ASCII letter, such as the dotted capital I, stay as they are.
func FoldText(text string) string {
	folded := strings.Map(func(r rune) rune {
		lower := unicode.ToLower(r)
		if r >= utf8.RuneSelf && lower < utf8.RuneSelf {
			return r
		}
		return lower
	}, norm.NFC.String(text))
	return norm.NFC.String(folded)
}

// SameEmail reports whether two addresses compare equal. What is no address is
// equal to nothing.
func SameEmail(a, b string) bool {
	x, errX := CanonicalEmail(a)
	y, errY := CanonicalEmail(b)
	return errX == nil && errY == nil && x == y
}

// A Pattern matches addresses: one address, or one in which * stands for any
// run of characters, as in *@breakglass.example.com.
type Pattern struct {
	text   string // as written
	folded string
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	trimmed := strings.TrimSpace(text)
	if !strings.Contains(trimmed, "*") {
		folded, err := CanonicalEmail(trimmed)
		return Pattern{text: trimmed, folded: folded}, err
	}
	local, domain, found := strings.Cut(trimmed, "@")
	if !found || local == "" || domain == "" || strings.ContainsAny(trimmed, " \t\n") {
		return Pattern{}, errors.New("is not an address pattern: write it like *@example.com")
	}
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		if strings.Contains(label, "*") {
			labels[i] = FoldText(label)
			continue
		}
		ascii, err := domains.ToASCII(label)
		if err != nil || ascii == "" {
			return Pattern{}, errors.New("is not an address pattern: its domain is not one")
		}
		labels[i] = strings.ToLower(ascii)
	}
	return Pattern{text: trimmed, folded: FoldText(local) + "@" + strings.Join(labels, ".")}, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Match reports whether the address matches. What is no address does not.
func (p Pattern) Match(address string) bool {
	folded, err := CanonicalEmail(address)
	return err == nil && wildcard(p.folded, folded)
}

// wildcard matches text against a pattern in which * stands for any run of
// characters, in linear space and without backtracking further than the last *.
func wildcard(pattern, text string) bool {
	star, resume := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
