package schemas

import (
	"strings"
	"unicode"
)

// near finds the candidate that a word was probably meant to be, or "". Case,
// hyphens and underscores do not count.
func near(word string, candidates []string) string {
	plain := plainWord(word)
	if len(plain) > 64 {
		return ""
	}
	best, least := "", tolerance(plain)+1
	for _, candidate := range candidates {
		other := plainWord(candidate)
		// inactive was not meant to be active.
		if len(plain) > len(other)+1 && strings.HasSuffix(plain, other) {
			continue
		}
		if d := distance([]rune(plain), []rune(other)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// plainWord is a word as near compares it.
func plainWord(word string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
}

// tolerance is how many slips a word of that length may have.
func tolerance(word string) int {
	switch n := len(word); {
	case n < 3:
		return 0
	case n < 6:
		return 1
	case n < 10:
		return 2
	default:
		return 3
	}
}

// distance counts the characters to insert, delete, replace or swap with their
// neighbour that make one word of the other.
func distance(a, b []rune) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
