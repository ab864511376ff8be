package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/sources"
)

// A logbook is what a listener was told, a line each, with the time that clocks of the
// zone show.
type logbook struct {
	zone  *time.Location
	mu    sync.Mutex
	lines []string
}

func (l *logbook) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, time.Now().In(l.zone).Format("Mon 15:04 ")+fmt.Sprintf(format, args...))
}
func (l *logbook) Waiting(time.Time)     {}
func (l *logbook) Standby(holder string) { l.add("standby for %s", holder) }
func (l *logbook) Began(run service.Run) {
	l.add("%s %s", run.Reason, run.Tick.In(l.zone).Format("Mon 15:04 -0700"))
}

func (l *logbook) Ended(r service.Report) {
	text := fmt.Sprintf("%s, exit %d", r.Outcome, r.Exit)
	if r.Result != nil {
		text += fmt.Sprintf(", %d applied, %d open", r.Result.Count(plan.Applied), len(r.Result.Open))
	}
	for _, problem := range r.Problems {
		text += ", " + problem[strings.LastIndex(problem, "roster.yaml"):]
	}
	l.add("%s", text)
}
func (l *logbook) Skipped(n int) { l.add("skipped %d", n) }

// A week is a service in a bubble of time, and the files that it reads.
type week struct {
	t    *testing.T
	dir  string
	book *logbook
	app  *app
	told tail
	done chan int
}

const weekConfig = `version: 1
schedule: {cron: %q, timeZone: Europe/Berlin, catchUp: true, deadline: 24h}
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: %s}
  partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited}
`

func (w *week) config(cron, rate string) {
	write(w.t, w.dir, "rollcall.yaml", fmt.Sprintf(weekConfig, cron, rate))
}

// roster has so many people, of whom the first has departed if that is said.
func (w *week) roster(people int, departed bool) {
	var out strings.Builder
	out.WriteString("version: 1\npeople:\n")
	for i := range people {
		status := ""
		if i == 0 && departed {
			status = "status: departed, "
		}
		fmt.Fprintf(&out, "  - {email: p%d@example.com, %sgivenName: P, familyName: Q, access: {vendasta: {platformAccess: [\"tm:access\"]}, partoo: {role: PUBLISHER}}}\n", i, status)
	}
	write(w.t, w.dir, "roster.yaml", out.String())
}

func (w *week) chaos(text string) { write(w.t, w.dir, seedFile, text) }

func (w *week) start() {
	w.app = newApp(strings.NewReader(""), &w.told, &w.told)
	w.app.listener = w.book
	w.done = make(chan int)
	go func() {
		w.done <- w.app.execute(context.Background(), []string{"-c", filepath.Join(w.dir, "rollcall.yaml"), "--simulate", "run"})
	}()
}

func (w *week) stop() {
	w.t.Helper()
	w.app.once.Do(func() { close(w.app.stop) })
	if code := <-w.done; code != 0 {
		w.t.Errorf("exit code %d", code)
	}
}

// until waits until clocks show a time of the day, today or tomorrow.
func (w *week) until(clock string) {
	now := time.Now().In(w.book.zone)
	at, err := time.ParseInLocation("2006-01-02 15:04", now.Format("2006-01-02 ")+clock, w.book.zone)
	if err != nil {
		w.t.Fatal(err)
	}
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	time.Sleep(time.Until(at))
}

// TestSevenDays has the service run for seven days, over clocks that are put forward and
// over clocks that are put back: with an outage of one vendor, a roster that is wrong, a
// run that takes longer than the time to the next, and a day without the service.
func TestSevenDays(t *testing.T) {
	t.Parallel()
	// What a process begins once must not begin in the bubble.
	if code, _, stderr := rollcall(t.TempDir(), "--version"); code != plan.ExitOK {
		t.Fatal(stderr)
	}
	zone, err := sources.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		begins time.Time // a Thursday; the clocks change on Sunday
		sunday []string
	}{
		{"forward", time.Date(2000, 3, 23, 1, 0, 0, 0, zone), []string{"Sun 03:00 scheduled Sun 03:00 +0200", "Sun 03:00 converged, exit 0, 2 applied, 0 open"}},
		{"back", time.Date(2000, 10, 26, 1, 0, 0, 0, zone), []string{"Sun 02:30 scheduled Sun 02:30 +0200", "Sun 02:30 converged, exit 0, 2 applied, 0 open"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := &week{t: t, dir: dir, book: &logbook{zone: zone}}
				time.Sleep(time.Until(test.begins))
				w.config("30 2 * * *", "unlimited")
				w.chaos("vendasta:\n  users: []\n")
				w.roster(2, false)
				w.start()
				w.until("12:00") // Thursday
				w.roster(3, true)
				w.chaos("partoo:\n  chaos: {fail: [{fault: status, status: 503}]}\n")
				w.until("12:00") // Friday: partoo is away, so that nobody is removed or made there
				w.chaos("vendasta:\n  users: []\n")
				w.until("12:00") // Saturday
				w.roster(4, true)
				w.until("12:00") // Sunday
				write(t, dir, "roster.yaml", "version: 1\npeople:\n  - {email: p0@example.com, acess: {}}\n")
				w.until("12:00") // Monday: the roster is wrong
				w.roster(6, true)
				w.config("30 */2 * * *", "2/h")
				w.app.hangups <- struct{}{}
				w.until("23:00") // a run takes hours now
				w.config("30 2 * * *", "unlimited")
				w.until("12:00") // Tuesday
				w.stop()
				w.until("12:00") // Wednesday, without the service
				w.roster(7, true)
				w.start()
				w.until("13:00")
				w.stop()
				want := append([]string{
					"Thu 02:30 scheduled Thu 02:30 ZONE", "Thu 02:30 converged, exit 0, 4 applied, 0 open",
					"Fri 02:30 scheduled Fri 02:30 ZONE", "Fri 02:30 incomplete, exit 3, 2 applied, 1 open",
					"Sat 02:30 scheduled Sat 02:30 ZONE", "Sat 02:30 converged, exit 0, 2 applied, 0 open",
				}, test.sunday...)
				w.book.mu.Lock()
				defer w.book.mu.Unlock()
				if diff := cmp.Diff(want, w.book.lines); diff != "" {
					t.Errorf("-want +got\n%s\n%s", diff, w.told.text)
				}
			})
		})
	}
}
