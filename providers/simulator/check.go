package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// problem is one thing wrong with a request's body. The pointer is a JSON
// pointer (RFC 6901) without escapes.
type problem struct {
	pointer, detail string
}

// checker reads a body strictly and collects what is wrong with it.
type checker struct {
	problems []problem
}

func (k *checker) wrong(pointer, format string, args ...any) {
	k.problems = append(k.problems, problem{pointer: pointer, detail: fmt.Sprintf(format, args...)})
}

// decode reads JSON and nothing after it.
func (k *checker) decode(body []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		k.wrong("", "the body is no JSON: %v", err)
		return nil, false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		k.wrong("", "there is something after the body's end")
		return nil, false
	}
	return v, true
}

// object wants an object without members of other names. That unknown members
// are refused is assumed of every vendor: whoever misspells a name should hear
// of it.
func (k *checker) object(pointer string, v any, names ...string) (map[string]any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		k.wrong(pointer, "must be an object")
		return nil, false
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(names, name) {
			k.wrong(pointer+"/"+name, "is not a known member")
		}
	}
	return m, true
}

// text wants text. Null would clear a value; no vendor here documents that it
// does, so null is refused (assumed).
func (k *checker) text(pointer string, v any) (string, bool) {
	s, ok := v.(string)
	switch {
	case v == nil:
		k.wrong(pointer, "must not be null")
	case !ok:
		k.wrong(pointer, "must be a string")
	default:
		return s, true
	}
	return "", false
}

// isEmail checks the format roughly, as a JSON Schema validator would.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}
