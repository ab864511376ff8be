package sources

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address that mail can carry (RFC 5321, 4.5.3.1.3), and
// maxSpelling the longest spelling of one that is looked at.
const (
	maxEmail    = 254
	maxSpelling = 4 * maxEmail
)

var errEmail = errors.New("is not an email address: write it like ana@example.com")

// domains maps a domain to the one form in which two spellings of it compare
// equal (UTS 46, non-transitional).
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// CanonicalEmail is the form in which addresses are compared: trimmed, NFC, the
// domain in its ASCII form, case-folded. It is never sent; vendors get the
// address as it is written. Before the @ no other letter turns into an ASCII one,
// so that no look-alike address compares equal to somebody's; a domain is what
// name servers take it for. The canonical form of a canonical form is itself.
func CanonicalEmail(address string) (string, error) {
	address = strings.TrimSpace(address)
	if len(address) > maxSpelling || !utf8.ValidString(address) {
		return "", errEmail
	}
	local, domain, found := strings.Cut(address, "@")
	if !found || !isLocal(composed(local)) {
		return "", errEmail
	}
	ascii, ok := asciiDomain(domain)
	canonical := FoldText(local) + "@" + ascii
	if !ok || len(canonical) > maxEmail {
		return "", errEmail
	}
	return canonical, nil
}

// ReadableEmail is the canonical form of an address with its domain as people read it: a
// vendor may know an address by either.
func ReadableEmail(address string) (string, error) {
	canonical, err := CanonicalEmail(address)
	if err != nil {
		return "", err
	}
	local, ascii, _ := strings.Cut(canonical, "@")
	domain, err := domains.ToUnicode(ascii)
	if readable := local + "@" + domain; err == nil && SameEmail(readable, canonical) {
		return readable, nil
	}
	return canonical, nil
}

// isLocal reports whether the text can stand before the @ of an address.
func isLocal(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return strings.ContainsRune(`@",;<>`, r) || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}

// asciiDomain is the form of a domain, or of a label of one, that name servers
// know.
func asciiDomain(domain string) (ascii string, ok bool) {
	// Composed first: else a letter is mapped before a mark behind it is put on it.
	ascii, err := domains.ToASCII(composed(domain))
	return strings.ToLower(ascii), err == nil && ascii != "" && !strings.HasPrefix(ascii, ".") && !strings.HasSuffix(ascii, ".")
}

// FoldText folds a text for comparison: NFC, lower case. Letters that would turn
// into an ASCII letter, such as the dotted capital I, stay as they are.
func FoldText(text string) string {
	return composed(strings.Map(func(r rune) rune {
		lower := unicode.ToLower(r)
		switch {
		case r >= utf8.RuneSelf && lower < utf8.RuneSelf:
			return r
		case lower == 'ς': // as a capital it is the other sigma's
			return 'σ'
		default:
			return lower
		}
	}, composed(text)))
}

// asciiTwins are the characters that NFC replaces by ASCII ones: the Greek
// question mark, the Greek varia and the Kelvin sign.
const asciiTwins = "\u037e\u1fef\u212a"

// composed is NFC, except that asciiTwins stay what they are.
func composed(text string) string {
	if !strings.ContainsAny(text, asciiTwins) {
		return norm.NFC.String(text)
	}
	var out strings.Builder
	for {
		i := strings.IndexAny(text, asciiTwins)
		if i < 0 {
			out.WriteString(norm.NFC.String(text))
			return out.String()
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		out.WriteString(norm.NFC.String(text[:i]))
		out.WriteString(text[i : i+size])
		text = text[i+size:]
	}
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

// What is wrong with a pattern. One that could never match would protect nobody
// and say nothing, so it is refused.
var (
	errPattern       = errors.New("is not an address pattern: write it like *@example.com")
	errPatternDomain = errors.New("is not an address pattern: its domain is not one")
	errPatternIDN    = errors.New("has a * beside a letter that is not ASCII in one label of its domain: write that label without *, or in its xn-- form")
)

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	trimmed := strings.TrimSpace(text)
	if !strings.Contains(trimmed, "*") {
		folded, err := CanonicalEmail(trimmed)
		return Pattern{text: trimmed, folded: folded}, err
	}
	local, domain, found := strings.Cut(trimmed, "@")
	if !found || len(trimmed) > maxSpelling || !utf8.ValidString(trimmed) || !isLocal(local) || domain == "" {
		return Pattern{}, errPattern
	}
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		if strings.Contains(label, "*") {
			if labels[i] = strings.ToLower(label); strings.ContainsFunc(label, notInDomain) {
				return Pattern{}, errPatternIDN
			}
			continue
		}
		ascii, ok := asciiDomain(label)
		if !ok {
			return Pattern{}, errPatternDomain
		}
		labels[i] = ascii
	}
	return Pattern{text: trimmed, folded: FoldText(local) + "@" + strings.Join(labels, ".")}, nil
}

// notInDomain reports what no label of an ASCII domain holds, * apart.
func notInDomain(r rune) bool {
	return r != '*' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
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
