package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"rollcall/sources"
)

// An output is a stream to people or programs. It takes known secrets out of
// everything that is written, as the last net below those that keep them from
// coming so far, and remembers the first failure. It is safe for concurrent use.
type output struct {
	to      io.Writer
	secrets *sources.Secrets
	// inert shows what could move the cursor, or be a command to a CI service, as an
	// escape. It is for standard error, which has no colours: what stands there quotes
	// files, flags and vendors.
	inert bool
	// screen is the terminal that is written to, if it has lines that come and go.
	screen *screen

	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	text := o.secrets.Redact(string(p))
	if o.inert {
		text = inert(text)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.screen.write(o.to, text); err != nil {
		if o.err == nil {
			o.err = err
		}
		return 0, err
	}
	return len(p), nil
}

// inert shows control and direction characters, and what a CI service would obey, as
// escapes, in the form that JSON has for them too.
func inert(text string) string {
	text = sources.WithoutCommands(text)
	if !strings.ContainsFunc(text, moves) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if moves(r) {
			_, _ = fmt.Fprintf(&out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// moves reports whether a character could do harm at a terminal; lines and tabs are
// the program's own.
func moves(r rune) bool {
	return r != '\n' && r != '\t' && sources.MovesCursor(r)
}

// inertLine is inert for a text that is part of a line: its own line ends and tabs are
// shown as escapes too, so that nobody's name makes a line of its own.
func inertLine(text string) string {
	return strings.NewReplacer("\n", "\\u000a", "\t", "\\u0009").Replace(inert(text))
}
