package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"rollcall/sources"
)

// Errors of Turns.Take.
var (
	// ErrDone means that the tick has been run.
	ErrDone = errors.New("it has been run")
	// ErrGivenUp means that the tick was begun so often without an end that it is left
	// alone.
	ErrGivenUp = errors.New("it was begun again and again and never ended")
	// ErrOverlapped means that another run was still under way when its time came.
	ErrOverlapped = errors.New("another run was under way")
)

// A BusyError means that somebody else runs.
type BusyError struct{ Holder string }

func (e *BusyError) Error() string { return "busy: " + e.Holder }

// Turns says which of several instances runs a tick, so that exactly one does. It
// outlives the program.
type Turns interface {
	// Take asks for a tick. While somebody else runs, the error is a *BusyError.
	Take(ctx context.Context, tick time.Time) (Turn, error)
	// Last is the last tick that was run to its end; zero when there is none.
	Last(ctx context.Context) (time.Time, error)
	// Left is the last tick that was begun and has not ended; zero when there is none.
	// Somebody may still be running it.
	Left(ctx context.Context) (time.Time, error)
}

// A Turn is the right to run a tick. It ends with Done or Release.
type Turn interface {
	// Again tells that somebody else began the tick and died, or was stopped.
	Again() bool
	// Lost is closed when somebody else may run: nothing further may be begun.
	Lost() <-chan struct{}
	// Done says that the tick was run.
	Done(ctx context.Context, outcome Outcome) error
	// Release gives the tick back to whoever takes it next.
	Release(ctx context.Context) error
}

// Settings are what the configuration says. They are read anew for each run.
type Settings struct {
	Schedule sources.Schedule
	// Poll is how long to wait before asking again for a turn that somebody else has.
	Poll time.Duration
	// Turns is whose turn it is.
	Turns Turns
}

// A Service runs at the times of a schedule. Serve is called once.
type Service struct {
	// Read reads the settings. When it fails, those from before hold.
	Read func(ctx context.Context) (Settings, error)
	// Once makes one run, and is to end soon once stop is closed. It does not panic.
	Once func(ctx context.Context, stop <-chan struct{}, run Run, turn Turn) Report
	// Listeners are told what happens.
	Listeners []Listener
	Log       *slog.Logger
	// Chance is a number in [0, 1) for the jitter; nil is a random one.
	Chance func() float64

	settings Settings
}

// look is how long at most nobody looks at the clock, which may be put forward or back,
// or stand still while a machine sleeps.
const look = time.Minute

// clockBack is how far before the last run a clock may show and be believed.
const clockBack = 24 * time.Hour

// Serve runs until stop is closed, and returns when what is under way has ended. Reload
// has the settings read anew. The context ends even that.
func (s *Service) Serve(ctx context.Context, stop <-chan struct{}, reload <-chan struct{}) error {
	if s.Chance == nil {
		s.Chance = rand.Float64
	}
	settings, err := s.Read(ctx)
	if err != nil {
		return err
	}
	s.settings = settings
	last, err := s.begin(ctx, stop)
	if err != nil {
		return err
	}
	for {
		if s.sleep(ctx, stop, nil, time.Time{}) == stopped {
			return nil
		}
		tick := s.next(last)
		if tick.IsZero() {
			return errors.New("schedule.cron has no further time")
		}
		s.each(func(l Listener) { l.Waiting(tick) })
		s.Log.Info("waiting", "next", tick)
		begins := tick.Add(time.Duration(s.Chance() * float64(s.settings.Schedule.Jitter)))
		switch s.sleep(ctx, stop, reload, begins) {
		case stopped:
			return nil
		case reloaded:
			s.reread(ctx)
			continue
		case due:
		}
		s.reread(ctx)
		last = s.passed(s.tick(ctx, stop, Run{Tick: tick, Reason: Scheduled}))
	}
}

// begin makes up for what was left or missed while nothing ran, and returns the last
// tick that is dealt with.
func (s *Service) begin(ctx context.Context, stop <-chan struct{}) (time.Time, error) {
	now := time.Now()
	left, err := s.settings.Turns.Left(ctx)
	if err != nil {
		return time.Time{}, err
	}
	ended, err := s.settings.Turns.Last(ctx)
	if err != nil {
		return time.Time{}, err
	}
	run := Run{Tick: left, Reason: TakenOver}
	if left.IsZero() && s.settings.Schedule.CatchUp && !ended.IsZero() {
		run = Run{Tick: s.settings.Schedule.Missed(ended, now), Reason: Missed}
	}
	if run.Tick.IsZero() || run.Tick.After(now) {
		return now, nil
	}
	s.tick(ctx, stop, run)
	return time.Now(), nil
}

// next is the tick after the last one.
func (s *Service) next(last time.Time) time.Time {
	now := time.Now()
	if last.Sub(now) > clockBack {
		s.Log.Warn("the clock was put back", "last", last, "now", now)
		last = now
	}
	if now.Before(last) {
		now = last
	}
	return s.settings.Schedule.Next(now)
}

// passed counts the ticks that came while one was run, and returns the last one.
func (s *Service) passed(tick time.Time) time.Time {
	now, skipped := time.Now(), 0
	for next := s.settings.Schedule.Next(tick); !next.IsZero() && !next.After(now); next = s.settings.Schedule.Next(next) {
		tick = next
		if skipped++; skipped >= maxCounted {
			tick = now
			break
		}
	}
	if skipped > 0 {
		s.Log.Warn("a run took longer than the time to the next", "skipped", skipped)
		s.each(func(l Listener) { l.Skipped(skipped) })
	}
	return tick
}

// maxCounted is how many skipped ticks are counted one by one.
const maxCounted = 10000

// reread reads the settings, keeping the old ones where they can not be used.
func (s *Service) reread(ctx context.Context) {
	settings, err := s.Read(ctx)
	if err != nil {
		s.Log.Error("the configuration can not be used; what it said before holds", "error", err)
		return
	}
	s.settings = settings
}

// tick runs a tick when it is this instance's turn, and returns it.
func (s *Service) tick(ctx context.Context, stop <-chan struct{}, run Run) time.Time {
	over := s.settings.Schedule.Next(run.Tick)
	standing, told := false, false
	for {
		turn, err := s.settings.Turns.Take(ctx, run.Tick)
		var busy *BusyError
		switch {
		case err == nil:
			s.run(ctx, stop, run, turn)
			return run.Tick
		case errors.Is(err, ErrDone):
			return run.Tick
		case errors.Is(err, ErrOverlapped):
			s.each(func(l Listener) { l.Skipped(1) })
			return run.Tick
		case errors.As(err, &busy):
			if !standing {
				s.Log.Info("somebody else runs", "holder", busy.Holder, "tick", run.Tick)
				s.each(func(l Listener) { l.Standby(busy.Holder) })
				standing = true
			}
		case ctx.Err() != nil:
			return run.Tick
		default:
			if !told {
				s.failed(run, err)
				told = true
			}
			if errors.Is(err, ErrGivenUp) {
				return run.Tick
			}
		}
		if !over.IsZero() && !time.Now().Add(s.settings.Poll).Before(over) {
			if busy != nil {
				s.overlapped(run, busy)
			}
			return run.Tick
		}
		if s.sleep(ctx, stop, nil, time.Now().Add(s.settings.Poll)) == stopped {
			return run.Tick
		}
	}
}

// overlapped reports a tick that somebody else left no time for. An instance that
// stands by says nothing: whoever runs does.
func (s *Service) overlapped(run Run, busy *BusyError) {
	s.Log.Warn("skipped: somebody else was still running when the next run was due", "tick", run.Tick, "holder", busy.Holder)
	s.each(func(l Listener) { l.Skipped(1) })
}

// failed reports a tick whose turn could not be asked for.
func (s *Service) failed(run Run, err error) {
	now := time.Now()
	run.Began = now
	s.Log.Error("no run", "tick", run.Tick, "error", err)
	report := Report{Run: run, Ended: now, Outcome: Failed, Exit: 1, Error: err.Error()}
	s.each(func(l Listener) {
		l.Began(run)
		l.Ended(report)
	})
}

// run makes one run in its turn.
func (s *Service) run(ctx context.Context, stop <-chan struct{}, run Run, turn Turn) {
	if turn.Again() {
		run.Reason = TakenOver
	}
	run.Began = time.Now()
	s.each(func(l Listener) { l.Began(run) })
	s.Log.Info("run begins", "tick", run.Tick, "reason", string(run.Reason))
	report := s.once(ctx, stop, run, turn)
	// What was stopped is left for whoever takes it next; so is what somebody else has
	// taken already.
	after := context.WithoutCancel(ctx)
	var err error
	if report.Outcome == Interrupted {
		err = turn.Release(after)
	} else {
		err = turn.Done(after, report.Outcome)
	}
	if err != nil {
		s.Log.Error("the end of the run could not be recorded", "tick", run.Tick, "error", err)
		if report.Outcome == Converged {
			report.Outcome, report.Exit = Incomplete, 3
		}
		if report.Error == "" {
			report.Error = fmt.Sprintf("the end of the run could not be recorded: %v", err)
		}
	}
	s.each(func(l Listener) { l.Ended(report) })
	level := slog.LevelInfo
	if report.Outcome != Converged {
		level = slog.LevelError
	}
	s.Log.Log(after, level, "run ended", "tick", run.Tick, "outcome", string(report.Outcome), "exit", report.Exit, "took", report.Ended.Sub(run.Began), "error", report.Error)
}

// once makes the run; a panic in it ends the run and not the service.
func (s *Service) once(ctx context.Context, stop <-chan struct{}, run Run, turn Turn) (report Report) {
	defer func() {
		if r := recover(); r != nil {
			report = Report{Run: run, Ended: time.Now(), Outcome: Failed, Exit: 1, Error: fmt.Sprintf("rollcall broke: %v; this is a bug", r)}
		}
	}()
	either := make(chan struct{})
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-stop:
		case <-turn.Lost():
		case <-done:
			return
		}
		close(either)
	}()
	report = s.Once(ctx, either, run, turn)
	if report.Ended.IsZero() {
		report.Ended = time.Now()
	}
	return report
}

// A woken says why a sleep ended.
type woken int

const (
	due woken = iota
	stopped
	reloaded
)

// sleep waits until a time on the clock.
func (s *Service) sleep(ctx context.Context, stop, reload <-chan struct{}, until time.Time) woken {
	until = until.Round(0) // by the clock that people see, not by how long it takes
	for {
		select {
		case <-stop:
			return stopped
		case <-ctx.Done():
			return stopped
		default:
		}
		left := until.Sub(time.Now().Round(0))
		if left <= 0 {
			return due
		}
		timer := time.NewTimer(min(left, look))
		select {
		case <-stop:
			timer.Stop()
			return stopped
		case <-ctx.Done():
			timer.Stop()
			return stopped
		case <-reload:
			timer.Stop()
			return reloaded
		case <-timer.C:
		}
	}
}

func (s *Service) each(tell func(Listener)) {
	for _, l := range s.Listeners {
		tell(l)
	}
}
