package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"rollcall/plan"
	"rollcall/sources"
)

// What progress is of.
const (
	lookups = "lookups"
	changes = "changes"
)

// How progress is shown.
const (
	hesitation = 500 * time.Millisecond // a shorter run shows none
	redraw     = 200 * time.Millisecond
	logEvery   = 10 * time.Second // where there is no terminal
)

// openScreen prepares a terminal at standard error for lines that come and go.
// Where there is none, or one that can do nothing but print, there are no such
// lines.
func (a *app) openScreen() {
	file, is := a.stderr.to.(*os.File)
	if kind := os.Getenv("TERM"); !is || !isTerminal(file) || kind == "" || kind == "dumb" {
		return
	}
	s := &screen{to: file, size: func() (int, int) {
		width, height, err := term.GetSize(int(file.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}}
	a.stderr.screen = s
	if isTerminal(a.stdout) {
		a.stdout.screen = s
	}
}

// progress tells people how far each provider has come with its lookups or its
// changes, until end is called, be it once or more often: with bars at a terminal,
// else with lines in the log. It is nil where nobody would see either.
func (a *app) progress(what string, s *session) (progress plan.Progress, end func()) {
	screen := a.stderr.screen
	if screen == nil && !a.verbose {
		return nil, func() {}
	}
	m := &meter{what: what, pause: s.pause, names: make(map[string]*gauge)}
	if what == lookups {
		m.listed = s.listed
	}
	tell := m.tell(a.log)
	first, every, last := logEvery, logEvery, tell
	if screen != nil {
		screen.show(nil)
		first, every = hesitation, redraw
		tell = func() {
			width, _ := screen.size()
			screen.show(m.bars(time.Now(), width))
		}
		last = func() { screen.show(nil) }
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		timer := time.NewTimer(first)
		defer timer.Stop()
		for {
			select {
			case <-quit:
				return
			case <-timer.C:
				tell()
				timer.Reset(every)
			}
		}
	}()
	return m, sync.OnceFunc(func() {
		close(quit)
		<-ended
		last()
	})
}

// pause is how long the provider's vendor has asked to send nothing.
func (s *session) pause(provider string) time.Duration {
	connection, known := s.connections[provider]
	if !known {
		return 0
	}
	return connection.Requests().Paused
}

// listed reports whether the provider's users are found in one list, so that nobody is
// before all of it is read.
func (s *session) listed(provider string) bool {
	return slices.ContainsFunc(s.inScope, func(p plan.Provider) bool {
		return p.Config.Name == provider && p.Config.Lookup == sources.LookupList
	})
}

// A meter counts how far each provider has come. It is safe for concurrent use,
// and nobody who tells it anything waits for a terminal.
type meter struct {
	what string
	// pause is how long a provider has to wait because its vendor asks for it; nil is
	// not known.
	pause func(provider string) time.Duration
	// listed reports whether nothing can be done at a provider before a list is read;
	// nil is never.
	listed func(provider string) bool

	mu    sync.Mutex
	names map[string]*gauge
}

// Begin is that of plan.Progress.
func (m *meter) Begin(provider string, total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if total > 0 {
		m.names[provider] = &gauge{name: inert(provider), total: total, began: time.Now()}
	}
}

// Done is that of plan.Progress.
func (m *meter) Done(provider string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.names[provider]; g != nil && g.done < g.total {
		g.count(time.Now())
	}
}

// gauges are how far the providers have come now, by name.
func (m *meter) gauges() []gauge {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]gauge, 0, len(m.names))
	for _, g := range m.names {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b gauge) int { return strings.Compare(a.name, b.name) })
	return list
}

// tell writes to the log how far each provider has come, once more when it has
// finished, and no more after that.
func (m *meter) tell(log *slog.Logger) func() {
	finished := make(map[string]bool)
	return func() {
		now := time.Now()
		for _, g := range m.gauges() {
			if finished[g.name] {
				continue
			}
			finished[g.name] = g.done == g.total
			words := []any{"provider", g.name, m.what, g.done, "of", g.total}
			rate, left := g.pace(now)
			switch {
			case finished[g.name]:
				words = append(words, "took", g.ended.Sub(g.began).Round(time.Millisecond))
			case rate > 0:
				words = append(words, "rate", rateWords(rate), "left", timeWords(left))
			}
			log.Info("progress", words...)
		}
	}
}

// Columns of the bars.
const (
	gap          = 2
	speedColumn  = 8  // 1234.5/s
	restColumn   = 12 // 59m 59s left
	widestBar    = 30
	narrowestBar = 8
)

// bars are a line for each provider. Where the terminal is too narrow for all that
// there is to say, they say less.
func (m *meter) bars(now time.Time, width int) []string {
	gauges := m.gauges()
	names, digits := 0, 0
	for _, g := range gauges {
		names, digits = max(names, len([]rune(g.name))), max(digits, len(strconv.Itoa(g.total)))
	}
	left := width - 1 - names - gap - (2*digits + len(" of "))
	withRest := left >= gap+restColumn
	left -= gap + restColumn
	withSpeed := withRest && left >= gap+speedColumn
	left -= gap + speedColumn + gap + len(m.what) + gap
	withBar := withSpeed && left >= narrowestBar

	lines := make([]string, len(gauges))
	for i, g := range gauges {
		columns := []string{fmt.Sprintf("%-*s", names, g.name)}
		if withBar {
			columns = append(columns, m.what, g.bar(min(left, widestBar)))
		}
		columns = append(columns, fmt.Sprintf("%*d of %-*d", digits, g.done, digits, g.total))
		speed, rest := m.words(g, now)
		if withSpeed {
			columns = append(columns, fmt.Sprintf("%*s", speedColumn, speed))
		}
		if withRest {
			columns = append(columns, rest)
		}
		lines[i] = strings.TrimRight(strings.Join(columns, strings.Repeat(" ", gap)), " ")
	}
	return lines
}

// words say how fast it goes at a provider, and how long it will still take.
func (m *meter) words(g gauge, now time.Time) (speed, rest string) {
	if g.done == g.total {
		return "", "done"
	}
	if m.pause != nil {
		if pause := m.pause(g.name); pause >= time.Second {
			return "", "paused " + timeWords(pause) + " by the vendor"
		}
	}
	if g.done == 0 && m.listed != nil && m.listed(g.name) {
		return "", "reading the list"
	}
	rate, left := g.pace(now)
	if rate == 0 {
		return "", ""
	}
	return rateWords(rate), timeWords(left) + " left"
}

// A gauge is how far one provider has come.
type gauge struct {
	name        string
	total, done int
	began       time.Time
	ended       time.Time // once all are done
	// seconds counts the steps that ended in each of the last seconds; second is the
	// current one, from 0.
	seconds [recent]int
	second  int
}

// What says how fast it goes: the last seconds in which enough steps ended, so that
// neither a burst nor a pause long ago counts.
const (
	recent = 60 // seconds, at most
	least  = 5  // seconds
	enough = 20 // steps
)

func (g *gauge) count(now time.Time) {
	g.forward(now)
	g.done++
	g.seconds[g.second%recent]++
	if g.done == g.total {
		g.ended = now
	}
}

// forward begins the seconds that have begun.
func (g *gauge) forward(now time.Time) {
	second := int(now.Sub(g.began) / time.Second)
	if second-g.second >= recent {
		g.seconds = [recent]int{}
		g.second = second
	}
	for g.second < second {
		g.second++
		g.seconds[g.second%recent] = 0
	}
}

// pace is how many steps end in a second, and how long the others will take at
// that; zero while nobody can know.
func (g gauge) pace(now time.Time) (rate float64, left time.Duration) {
	passed := now.Sub(g.began)
	if passed < time.Second {
		return 0, 0
	}
	g.forward(now)
	steps, start := 0, 0
	for back := range recent {
		if start = g.second - back; start < 0 {
			start = 0
			break
		}
		steps += g.seconds[start%recent]
		if steps >= enough && back+1 >= least {
			break
		}
	}
	if steps == 0 {
		return 0, 0
	}
	rate = float64(steps) / (passed.Seconds() - float64(start))
	return rate, time.Duration(float64(g.total-g.done) / rate * float64(time.Second))
}

// bar is a picture of how far it is, so many characters wide.
func (g gauge) bar(width int) string {
	width -= len("[]")
	full := width * g.done / g.total
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// rateWords are how many steps end in a second or, where that is few, in a minute.
func rateWords(rate float64) string {
	switch {
	case rate >= 10:
		return fmt.Sprintf("%.0f/s", rate)
	case rate >= 0.1:
		return fmt.Sprintf("%.1f/s", rate)
	default:
		return fmt.Sprintf("%.1f/m", rate*60)
	}
}

// timeWords are a time that is still to pass, rounded up to the second.
func timeWords(d time.Duration) string {
	seconds := int((d + time.Second - 1) / time.Second)
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm %02ds", seconds/60, seconds%60)
	default:
		return fmt.Sprintf("%dh %02dm", seconds/3600, seconds/60%60)
	}
}
