package service_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/sources"
)

// turns are those of one instance, in memory; somebody else may be busy with one.
type turns struct {
	ended map[int64]service.Outcome // by the tick's second
	begun map[int64]int
	last  time.Time
	busy  func() error
	lose  chan struct{} // closed, the next turn is lost
	fails error         // what Done fails with
}

func newTurns() *turns {
	return &turns{ended: make(map[int64]service.Outcome), begun: make(map[int64]int)}
}

func (t *turns) Take(_ context.Context, tick time.Time) (service.Turn, error) {
	if t.busy != nil {
		if err := t.busy(); err != nil {
			return nil, err
		}
	}
	if _, done := t.ended[tick.Unix()]; done {
		return nil, service.ErrDone
	}
	t.begun[tick.Unix()]++
	return &turn{all: t, tick: tick, lost: t.lose}, nil
}
func (t *turns) Last(context.Context) (time.Time, error) { return t.last, nil }
func (t *turns) Left(context.Context) (time.Time, error) {
	for tick := range t.begun {
		if _, done := t.ended[tick]; !done {
			return time.Unix(tick, 0), nil
		}
	}
	return time.Time{}, nil
}

type turn struct {
	all  *turns
	tick time.Time
	lost chan struct{}
}

func (t *turn) Again() bool           { return t.all.begun[t.tick.Unix()] > 1 }
func (t *turn) Lost() <-chan struct{} { return t.lost }
func (t *turn) Done(_ context.Context, outcome service.Outcome) error {
	if t.all.fails != nil {
		return t.all.fails
	}
	t.all.ended[t.tick.Unix()], t.all.last = outcome, t.tick
	return nil
}
func (*turn) Release(context.Context) error { return nil }

// A diary is what a listener was told, a line each.
type diary struct{ lines []string }

func (d *diary) add(format string, args ...any) {
	d.lines = append(d.lines, time.Now().UTC().Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}
func (d *diary) Waiting(next time.Time) { d.add("waiting for %s", next.UTC().Format("02 15:04")) }
func (d *diary) Standby(holder string)  { d.add("standby for %s", holder) }
func (d *diary) Began(run service.Run) {
	d.add("began %s %s", run.Tick.UTC().Format("02 15:04"), run.Reason)
}
func (d *diary) Ended(r service.Report) { d.add("ended %s %s", r.Outcome, r.Error) }
func (d *diary) Skipped(n int)          { d.add("skipped %d", n) }

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	for i, line := range d.lines {
		d.lines[i] = strings.TrimSpace(line)
	}
	if got, want := strings.Join(d.lines, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// night is a service in a bubble of time, at midnight of the first of January 2000.
type night struct {
	service.Service
	diary  diary
	turns  *turns
	mu     sync.Mutex // for cron and broken
	cron   string
	broken error
	reload chan struct{}
	runs   func(stop <-chan struct{}, run service.Run) service.Report
}

func newNight(cron string) *night {
	n := &night{turns: newTurns(), cron: cron, reload: make(chan struct{}, 1)}
	n.Read = func(context.Context) (service.Settings, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		schedule, err := sources.NewSchedule(n.cron, time.UTC, time.Now())
		if err = errors.Join(err, n.broken); err != nil {
			return service.Settings{}, err
		}
		return service.Settings{Schedule: *schedule, Poll: 10 * time.Second, Turns: n.turns}, nil
	}
	n.runs = func(_ <-chan struct{}, run service.Run) service.Report {
		time.Sleep(time.Minute)
		return service.Report{Run: run, Outcome: service.Converged}
	}
	n.Once = func(_ context.Context, stop <-chan struct{}, run service.Run, _ service.Turn) service.Report {
		return n.runs(stop, run)
	}
	n.Listeners, n.Log = []service.Listener{&n.diary}, slog.New(slog.DiscardHandler)
	return n
}

// say changes the configuration.
func (n *night) say(cron string, broken error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cron, n.broken = cron, broken
}

// serve lets it run for a while.
func (n *night) serve(t *testing.T, span time.Duration) {
	t.Helper()
	done, stop := make(chan error), make(chan struct{})
	go func() { done <- n.Serve(t.Context(), stop, n.reload) }()
	time.Sleep(span)
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		n.serve(t, 27*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled", "01 02:01:00 ended converged",
			"01 02:01:00 waiting for 02 02:00", "02 02:00:00 began 02 02:00 scheduled", "02 02:01:00 ended converged", "02 02:01:00 waiting for 03 02:00")
	})
}

func TestJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		read := n.Read
		n.Read = func(ctx context.Context) (service.Settings, error) {
			s, err := read(ctx)
			s.Schedule.Jitter = 10 * time.Minute
			return s, err
		}
		n.Chance = func() float64 { return 0.5 }
		n.serve(t, 3*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:05", "01 02:05:00 began 01 02:00 scheduled", "01 02:06:00 ended converged", "01 02:06:00 waiting for 02 02:05")
	})
}

// TestSkipped: what comes while a run is under way is skipped and counted, and never run
// beside it.
func TestSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("*/10 * * * *")
		n.runs = func(_ <-chan struct{}, run service.Run) service.Report {
			if run.Tick.Minute() == 10 && run.Tick.Hour() == 0 {
				time.Sleep(25 * time.Minute)
			}
			return service.Report{Run: run, Outcome: service.Incomplete}
		}
		n.serve(t, 45*time.Minute)
		n.diary.want(t, "01 00:00:00 waiting for 01 00:10", "01 00:10:00 began 01 00:10 scheduled", "01 00:35:00 ended incomplete", "01 00:35:00 skipped 2",
			"01 00:35:00 waiting for 01 00:40", "01 00:40:00 began 01 00:40 scheduled", "01 00:40:00 ended incomplete", "01 00:40:00 waiting for 01 00:50")
	})
}

// TestPanic: a panic ends the run, not the service.
func TestPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		n.runs = func(<-chan struct{}, service.Run) service.Report { panic("no") }
		n.serve(t, 27*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled", "01 02:00:00 ended failed rollcall broke: no; this is a bug",
			"01 02:00:00 waiting for 02 02:00", "02 02:00:00 began 02 02:00 scheduled", "02 02:00:00 ended failed rollcall broke: no; this is a bug", "02 02:00:00 waiting for 03 02:00")
	})
}

// TestMissed: a run that was missed is made up for once, if that is asked for; one that
// was begun and not ended always is.
func TestMissed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		catchUp bool
		last    time.Duration
		left    time.Duration
		want    string
	}{
		{"caught up with", true, -50 * time.Hour, 0, "began 31 02:00 missed"},
		{"not asked for", false, -50 * time.Hour, 0, ""},
		{"nothing missed", true, -22 * time.Hour, 0, ""},
		{"never ran", true, 0, 0, ""},
		{"left", false, -50 * time.Hour, -46 * time.Hour, "began 30 02:00 taken over"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNight("0 2 * * *")
				read := n.Read
				n.Read = func(ctx context.Context) (service.Settings, error) {
					s, err := read(ctx)
					s.Schedule.CatchUp = test.catchUp
					return s, err
				}
				if test.last != 0 {
					n.turns.last = time.Now().Add(test.last)
				}
				if test.left != 0 {
					n.turns.begun[time.Now().Add(test.left).Unix()] = 1
				}
				n.serve(t, time.Hour)
				lines := []string{"01 00:00:00 waiting for 01 02:00"}
				if test.want != "" {
					lines = []string{"01 00:00:00 " + test.want, "01 00:01:00 ended converged", "01 00:01:00 waiting for 01 02:00"}
				}
				n.diary.want(t, lines...)
			})
		})
	}
}

// TestBusy: while somebody else runs, this instance stands by: it takes over when he
// dies, goes on when he is done, and lets a tick be when the next one is due.
func TestBusy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		until time.Duration
		then  func(n *night)
		want  []string
	}{
		{"who died", 5 * time.Minute, func(n *night) { n.turns.begun[time.Now().Truncate(time.Hour).Unix()] = 1 }, []string{"01 02:05:00 began 01 02:00 taken over", "01 02:06:00 ended converged", "01 02:06:00 waiting for 02 02:00"}},
		{"who is done", 5 * time.Minute, func(n *night) { n.turns.ended[time.Now().Truncate(time.Hour).Unix()] = service.Converged }, []string{"01 02:05:00 waiting for 02 02:00"}},
		{"who was doing something else", 5 * time.Minute, func(*night) {}, []string{"01 02:05:00 began 01 02:00 scheduled", "01 02:06:00 ended converged", "01 02:06:00 waiting for 02 02:00"}},
		{"who takes longer", 30 * time.Hour, func(*night) {}, []string{"02 01:59:50 skipped 1", "02 01:59:50 ended overlapped ana is still running", "02 01:59:50 waiting for 02 02:00", "02 02:00:00 standby for ana"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNight("0 2 * * *")
				begins := time.Now().Add(2 * time.Hour)
				over := false
				n.turns.busy = func() error {
					if time.Since(begins) < test.until {
						return &service.BusyError{Holder: "ana"}
					}
					if !over {
						over = true
						test.then(n)
					}
					return nil
				}
				n.serve(t, 27*time.Hour-30*time.Minute)
				n.diary.want(t, append([]string{"01 00:00:00 waiting for 01 02:00", "01 02:00:00 standby for ana"}, append(test.want, rest(test.until)...)...)...)
			})
		})
	}
}

// rest is what follows on the second day.
func rest(until time.Duration) []string {
	if until > 24*time.Hour {
		return nil
	}
	return []string{"02 02:00:00 began 02 02:00 scheduled", "02 02:01:00 ended converged", "02 02:01:00 waiting for 03 02:00"}
}

// TestTurnsUnreadable: whose turn it is can not be read, which is told once, and tried
// again until it can.
func TestTurnsUnreadable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		begins := time.Now().Add(2 * time.Hour)
		n.turns.busy = func() error {
			if time.Since(begins) < 5*time.Minute {
				return errors.New("the database is away")
			}
			return nil
		}
		n.serve(t, 3*time.Hour)
		// Each time that it waits to ask again it says so, and is not taken for stuck.
		asked := 0
		n.diary.lines = slices.DeleteFunc(n.diary.lines, func(line string) bool {
			again := strings.Contains(line, " waiting for 01 02:0") && !strings.HasPrefix(line, "01 00")
			if again {
				asked++
			}
			return again
		})
		if asked != 30 {
			t.Errorf("it asked %d times", asked)
		}
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled", "01 02:00:00 ended failed the database is away",
			"01 02:05:00 began 01 02:00 scheduled", "01 02:06:00 ended converged", "01 02:06:00 waiting for 02 02:00")
	})
}

// TestStop: what is under way is told to stop, and is left for whoever comes next.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		n.runs = func(stop <-chan struct{}, run service.Run) service.Report {
			<-stop
			time.Sleep(20 * time.Second) // the changes under way
			return service.Report{Run: run, Outcome: service.Interrupted}
		}
		n.serve(t, 2*time.Hour+time.Minute)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled", "01 02:01:20 ended interrupted")
		if left, _ := n.turns.Left(t.Context()); left.IsZero() {
			t.Error("the tick counts as run")
		}
		n.diary.lines = nil
		n.runs = func(_ <-chan struct{}, run service.Run) service.Report {
			return service.Report{Run: run, Outcome: service.Converged}
		}
		n.serve(t, time.Hour)
		n.diary.want(t, "01 02:01:20 began 01 02:00 taken over", "01 02:01:20 ended converged", "01 02:01:20 waiting for 02 02:00")
	})
}

// TestReload: the settings are read again when that is asked for and before each run; one
// that can not be used changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		go func() {
			time.Sleep(10 * time.Minute)
			n.say("30 0 * * *", nil)
			n.reload <- struct{}{}
			time.Sleep(10 * time.Minute)
			n.say("30 0 * * *", errors.New("no such key"))
			n.reload <- struct{}{}
		}()
		n.serve(t, time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 00:10:00 waiting for 01 00:30", "01 00:20:00 waiting for 01 00:30",
			"01 00:30:00 began 01 00:30 scheduled", "01 00:31:00 ended converged", "01 00:31:00 waiting for 02 00:30")
	})
}

// TestReloadWhileJitterRuns: a run whose time has come is made, whatever is read anew
// before it begins.
func TestReloadWhileJitterRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		read := n.Read
		n.Read = func(ctx context.Context) (service.Settings, error) {
			s, err := read(ctx)
			s.Schedule.Jitter = 10 * time.Minute
			return s, err
		}
		n.Chance = func() float64 { return 0.5 }
		go func() {
			time.Sleep(2*time.Hour + 2*time.Minute)
			n.reload <- struct{}{}
		}()
		n.serve(t, 3*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:05", "01 02:05:00 began 01 02:00 scheduled", "01 02:06:00 ended converged", "01 02:06:00 waiting for 02 02:05")
	})
}

// TestReloadWhilePolling: what is wrong with the settings can be mended while somebody is
// asked for the turn again and again.
func TestReloadWhilePolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		away := true
		read := n.Read
		reads := 0
		n.Read = func(ctx context.Context) (service.Settings, error) {
			if reads++; reads > 2 { // at the start, at the tick, and then by the reload
				away = false
			}
			return read(ctx)
		}
		n.turns.busy = func() error {
			if away {
				return errors.New("the password is wrong")
			}
			return nil
		}
		go func() {
			time.Sleep(2*time.Hour + 65*time.Second)
			n.reload <- struct{}{}
		}()
		n.serve(t, 2*time.Hour+30*time.Minute)
		if got := strings.TrimSpace(n.diary.lines[len(n.diary.lines)-2]); got != "01 02:02:05 ended converged" {
			t.Errorf("%q", n.diary.lines)
		}
	})
}

// TestLost: a run whose turn was lost has not ended well, is told, and its tick is taken
// up again.
func TestLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		n.turns.lose = make(chan struct{})
		n.runs = func(_ <-chan struct{}, run service.Run) service.Report {
			if run.Reason == service.Scheduled {
				close(n.turns.lose)
			}
			return service.Report{Run: run, Outcome: service.Converged}
		}
		take := n.Once
		n.Once = func(ctx context.Context, stop <-chan struct{}, run service.Run, turn service.Turn) service.Report {
			report := take(ctx, stop, run, turn)
			n.turns.lose = nil // the next one is not
			return report
		}
		n.serve(t, 3*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled",
			"01 02:00:00 ended incomplete the turn was lost before the run had ended: whoever has it by now goes on from there",
			"01 02:00:00 waiting for 01 02:00", "01 02:00:10 began 01 02:00 taken over", "01 02:00:10 ended converged", "01 02:00:10 waiting for 02 02:00")
	})
}

// TestUnrecorded: a run whose end could not be recorded is not told as one that went well.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		n.turns.fails = errors.New("the disk is full")
		n.serve(t, 3*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled",
			"01 02:01:00 ended incomplete the end of the run could not be recorded: the disk is full", "01 02:01:00 waiting for 02 02:00")
	})
}

// TestBrokenSettings: a panic while the settings are read ends neither the run nor the
// service.
func TestBrokenSettings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("0 2 * * *")
		read, first := n.Read, true
		n.Read = func(ctx context.Context) (service.Settings, error) {
			if !first {
				panic("no")
			}
			first = false
			return read(ctx)
		}
		n.serve(t, 3*time.Hour)
		n.diary.want(t, "01 00:00:00 waiting for 01 02:00", "01 02:00:00 began 01 02:00 scheduled", "01 02:01:00 ended converged", "01 02:01:00 waiting for 02 02:00")
	})
}

// TestLeftOfTheFuture: what was begun by a clock that was ahead is not run before its
// time.
func TestLeftOfTheFuture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNight("@hourly")
		n.turns.begun[time.Now().Add(time.Hour).Unix()] = 1
		n.serve(t, 30*time.Minute)
		n.diary.want(t, "01 00:00:00 waiting for 01 01:00")
	})
}
