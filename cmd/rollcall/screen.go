package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A screen is the terminal at standard error. It has lines at its end that stand
// there for a while; whatever else is written to the terminal goes above them. It
// is safe for concurrent use. A nil screen has no such lines.
type screen struct {
	to   io.Writer
	size func() (width, height int)

	mu    sync.Mutex
	lines []string // as they stand there now
	want  []string // as they are to stand there
	// open tells that what was written last has not ended its line, so that no line
	// of ours may follow.
	open bool
}

// show has these lines stand at the end, and no others; none at all leave no trace.
// They have no control characters and are cut to the width.
func (s *screen) show(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(lines) == 0 {
		s.open = false
	}
	s.want = lines
	width, height := s.size()
	fresh := fit(lines, width, height)
	if s.open || slices.Equal(fresh, s.lines) {
		return
	}
	// Who can not be told how far things are has to do without.
	_, _ = io.WriteString(s.to, s.erasure(width)+s.drawing(fresh))
}

// write writes text to the terminal or, through another stream, to the same one.
func (s *screen) write(to io.Writer, text string) error {
	if s == nil {
		_, err := io.WriteString(to, text)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	width, height := s.size()
	before, after := s.erasure(width), ""
	if text != "" {
		s.open = !strings.HasSuffix(text, "\n")
	}
	if !s.open {
		after = s.drawing(fit(s.want, width, height))
	}
	if to == s.to {
		_, err := io.WriteString(to, before+text+after)
		return err
	}
	_, _ = io.WriteString(s.to, before)
	_, err := io.WriteString(to, text)
	_, _ = io.WriteString(s.to, after)
	return err
}

// erasure takes the lines away. The cursor stands below them. A terminal that has
// become narrower meanwhile has wrapped them.
func (s *screen) erasure(width int) string {
	rows := 0
	for _, line := range s.lines {
		rows += max(1, (utf8.RuneCountInString(line)+width-1)/width)
	}
	s.lines = nil
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
}

// drawing puts lines where the cursor is, which is at the beginning of a line, and
// leaves it below them.
func (s *screen) drawing(lines []string) string {
	s.lines = lines
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// fit cuts lines to a terminal: none wraps, and the first of them stays in view.
func fit(lines []string, width, height int) []string {
	// The last column is left free, since to fill it wraps on some terminals, and the
	// last row is the cursor's.
	width, height = max(width-1, 1), max(height-1, 1)
	if len(lines) > height {
		more := fmt.Sprintf("and %d more", len(lines)-height+1)
		lines = append(append([]string{}, lines[:height-1]...), more)
	}
	cut := make([]string, len(lines))
	for i, line := range lines {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width])
		}
		cut[i] = line
	}
	return cut
}
