package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/rollcall/internal/monitor"
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
	told  []string // by webhook
	beats int      // heartbeats
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

// RoundTrip takes notifications for others, and notes them.
func (l *logbook) RoundTrip(r *http.Request) (*http.Response, error) {
	var told struct{ Event, Summary string }
	if r.URL.Path == "/hook" {
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if told.Event == "" {
		l.beats++
	} else {
		summary, _, _ := strings.Cut(told.Summary, ": /")
		l.told = append(l.told, time.Now().In(l.zone).Format("Mon 15:04 ")+told.Event+": "+summary)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: http.NoBody, Request: r}, nil
}

// listeners are told one after the other.
type listeners []service.Listener

func (all listeners) each(tell func(service.Listener)) {
	for _, l := range all {
		tell(l)
	}
}

func (all listeners) Waiting(next time.Time) { all.each(func(l service.Listener) { l.Waiting(next) }) }

func (all listeners) Standby(holder string)  { all.each(func(l service.Listener) { l.Standby(holder) }) }
func (all listeners) Began(run service.Run)  { all.each(func(l service.Listener) { l.Began(run) }) }
func (all listeners) Ended(r service.Report) { all.each(func(l service.Listener) { l.Ended(r) }) }
func (all listeners) Skipped(n int)          { all.each(func(l service.Listener) { l.Skipped(n) }) }

// A week is a service in a bubble of time, and the files that it reads.
type week struct {
	t    *testing.T
	dir  string
	book *logbook
	app  *app
	told tail
	done chan int
	// monitor is told of everything, as if it were one service.
	monitor *monitor.Monitor
}

const weekConfig = `version: 1
schedule: {cron: %q, timeZone: Europe/Berlin, catchUp: true, deadline: %s}
notify:
  webhook: {url: {command: [echo, "https://notify.invalid/hook"]}}
  heartbeat: {command: [echo, "https://notify.invalid/beat"]}
  openFor: 12h
  quietFor: 30h
providers:
  vendasta: {partner: ABC, auth: {token: {env: UNUSED}}, rate: %s}
  partoo: {auth: {apiKey: {env: UNUSED}}, rate: unlimited}
`

func (w *week) config(cron, rate, deadline string) {
	write(w.t, w.dir, "rollcall.yaml", fmt.Sprintf(weekConfig, cron, deadline, rate))
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
	w.app.listener, w.app.transport = listeners{w.book, w.monitor}, w.book
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

// scrape is what Prometheus would get.
func scrape(t *testing.T, m *monitor.Monitor) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler(sources.Secret{}).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Errorf("metrics: %d %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
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
		name          string
		begins        time.Time // a Thursday; the clocks change on Sunday
		before, after string
		sunday        string // when the run is
	}{
		{"forward", time.Date(2000, 3, 23, 1, 0, 0, 0, zone), "+0100", "+0200", "Sun 03:00 +0200"},
		{"back", time.Date(2000, 10, 26, 1, 0, 0, 0, zone), "+0200", "+0100", "Sun 02:30 +0200"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := &week{t: t, dir: dir, book: &logbook{zone: zone}}
				time.Sleep(time.Until(test.begins))
				w.monitor = monitor.New(monitor.Options{})
				w.config("30 2 * * *", "unlimited", "24h")
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
				w.config("30 */2 * * *", "2/h", "24h")
				w.app.hangups <- struct{}{}
				w.until("23:00") // a run takes hours now
				w.config("30 2 * * *", "unlimited", "24h")
				w.until("12:00") // Tuesday
				w.stop()
				w.until("12:00") // Wednesday, without the service
				w.roster(7, true)
				w.start()
				w.until("13:00")
				w.stop()
				want := []string{
					"Thu 02:30 scheduled Thu 02:30 " + test.before, "Thu 02:30 converged, exit 0, 4 applied, 0 open",
					"Fri 02:30 scheduled Fri 02:30 " + test.before, "Fri 02:30 incomplete, exit 3, 2 applied, 1 open",
					"Sat 02:30 scheduled Sat 02:30 " + test.before, "Sat 02:30 converged, exit 0, 2 applied, 0 open",
					test.sunday[:9] + " scheduled " + test.sunday, test.sunday[:9] + " converged, exit 0, 2 applied, 0 open",
					"Mon 02:30 scheduled Mon 02:30 " + test.after, `Mon 02:30 invalid, exit 5, roster.yaml:3:29: unknown key "acess"; did you mean "access"?`,
					"Mon 12:30 scheduled Mon 12:30 " + test.after, "Mon 15:30 converged, exit 0, 4 applied, 0 open", "Mon 15:30 skipped 1",
					"Mon 16:30 scheduled Mon 16:30 " + test.after, "Mon 18:30 converged, exit 0, 0 applied, 0 open", "Mon 18:30 skipped 1",
					"Mon 20:30 scheduled Mon 20:30 " + test.after, "Mon 22:30 converged, exit 0, 0 applied, 0 open", "Mon 22:30 skipped 1",
					"Tue 00:30 scheduled Tue 00:30 " + test.after, "Tue 00:30 converged, exit 0, 0 applied, 0 open",
					"Tue 02:30 scheduled Tue 02:30 " + test.after, "Tue 02:30 converged, exit 0, 0 applied, 0 open",
					"Wed 12:00 missed Wed 02:30 " + test.after, "Wed 12:00 converged, exit 0, 2 applied, 0 open",
				}
				w.book.mu.Lock()
				defer w.book.mu.Unlock()
				if diff := cmp.Diff(want, w.book.lines); diff != "" {
					t.Errorf("-want +got\n%s\n%s", diff, w.told.text)
				}
				utc := func(text string) string {
					if !strings.ContainsAny(text, "+") {
						text += " " + test.before
						if strings.HasPrefix(text, test.begins.AddDate(0, 0, 4).Format(time.DateOnly)) {
							text = strings.TrimSuffix(text, test.before) + test.after
						}
					}
					at, err := time.Parse("2006-01-02 15:04 -0700", text)
					if err != nil {
						t.Fatal(err)
					}
					return at.UTC().Format("2006-01-02 15:04 UTC")
				}
				day := func(n int) string { return test.begins.AddDate(0, 0, n).Format(time.DateOnly) }
				sunday := utc(day(3) + test.sunday[3:])
				quietAgain, _ := time.Parse("2006-01-02 15:04 UTC", sunday)
				told := []string{
					"Fri 02:30 run.failed: The run of " + utc(day(1)+" 02:30") + " left something undone: partoo: could not be read (and 1 more).",
					"Fri 08:30 quiet: No run has succeeded since " + utc(day(0)+" 02:30") + ", for 30 hours: see whether rollcall can reach its roster and its vendors.",
					"Fri 14:30 leaver.open: 1 leaver has kept access for 12 hours or longer: p0@example.com at partoo.",
					"Sat 02:30 recovered: All is well again: the run of " + utc(day(2)+" 02:30") + " left nothing undone.",
					"Mon 02:30 run.failed: The run of " + utc(day(4)+" 02:30") + " did nothing, since roster or configuration is wrong",
					quietAgain.Add(30*time.Hour).In(zone).Format("Mon 15:04 ") + "quiet: No run has succeeded since " + sunday + ", for 30 hours: see whether rollcall can reach its roster and its vendors.",
					"Mon 15:30 recovered: All is well again: the run of " + utc(day(4)+" 12:30") + " left nothing undone.",
				}
				if diff := cmp.Diff(told, w.book.told); diff != "" {
					t.Errorf("told: -want +got\n%s", diff)
				}
				if w.book.beats != 9 {
					t.Errorf("%d heartbeats", w.book.beats)
				}
				metrics := scrape(t, w.monitor)
				for _, line := range []string{
					`rollcall_runs_total{outcome="converged",reason="scheduled"} 8`, `rollcall_runs_total{outcome="converged",reason="missed"} 1`,
					`rollcall_runs_total{outcome="incomplete",reason="scheduled"} 1`, `rollcall_runs_total{outcome="invalid",reason="scheduled"} 1`,
					`rollcall_ticks_skipped_total 3`, `rollcall_running 0`, `rollcall_last_run_exit_code 0`,
					`rollcall_changes_total{action="create",provider="partoo",status="applied"} 7`, `rollcall_changes_total{action="create",provider="vendasta",status="applied"} 7`,
					`rollcall_changes_total{action="suspend",provider="partoo",status="applied"} 1`, `rollcall_changes_total{action="suspend",provider="vendasta",status="applied"} 1`,
					`rollcall_open_leavers{provider="partoo"} 0`, `rollcall_open_leavers{provider="vendasta"} 0`,
				} {
					if !strings.Contains(metrics, "\n"+line+"\n") {
						t.Errorf("there is no %s", line)
					}
				}
				if t.Failed() {
					t.Log(metrics)
				}
			})
		})
	}
}

// TestDeadline: a run that takes too long begins nothing more, says so, and leaves the
// rest to the next one.
func TestDeadline(t *testing.T) {
	t.Parallel()
	if code, _, stderr := rollcall(t.TempDir(), "--version"); code != plan.ExitOK {
		t.Fatal(stderr)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, dir: dir, book: &logbook{zone: time.UTC}}
		w.monitor = monitor.New(monitor.Options{})
		w.config("0 2 * * *", "3/h", "90m")
		w.chaos("vendasta:\n  users: []\n")
		w.roster(4, false)
		w.start()
		time.Sleep(40 * time.Hour)
		w.stop()
		w.book.mu.Lock()
		defer w.book.mu.Unlock()
		want := []string{
			"Sat 01:00 scheduled Sat 01:00 +0000", "Sat 02:30 incomplete, exit 3, 6 applied, 0 open",
			"Sun 01:00 scheduled Sun 01:00 +0000", "Sun 02:00 converged, exit 0, 2 applied, 0 open",
		}
		if diff := cmp.Diff(want, w.book.lines); diff != "" || !strings.Contains(string(w.told.text), "the deadline of 1h30m was over before everything was done: the next run goes on from there") {
			t.Errorf("-want +got\n%s\n%s", diff, w.told.text)
		}
	})
}
