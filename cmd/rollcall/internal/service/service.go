package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"rollcall/plan"
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

func (e *BusyError) Error() string { return e.Holder + " is still running" }

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
	// Once makes one run. Once stop is closed it is to end soon; once the turn is lost it
	// has to begin nothing further.
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
func (s *Service) Serve(ctx context.Context, stop, reload <-chan struct{}) (err error) {
	if s.Chance == nil {
		s.Chance = rand.Float64
	}
	if s.settings, err = s.read(ctx); err != nil {
		return err
	}
	last, err := s.begin(ctx, stop, reload)
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
		begins := tick.Add(time.Duration(s.Chance() * float64(s.settings.Schedule.Jitter)))
		s.each(func(l Listener) { l.Waiting(begins) })
		s.Log.Info("waiting", "next", begins)
		woken := s.sleep(ctx, stop, reload, begins)
		for woken == reloaded && !time.Now().Before(tick) {
			// Its time has come, whatever the schedule says from now on.
			s.reread(ctx)
			woken = s.sleep(ctx, stop, reload, begins)
		}
		switch woken {
		case stopped:
			return nil
		case reloaded:
			s.reread(ctx)
			last = time.Now()
			continue
		case due:
		}
		s.reread(ctx)
		last = s.passed(s.tick(ctx, stop, reload, Run{Tick: tick, Reason: Scheduled}))
	}
}

// begin makes up for what was left or missed while nothing ran, and returns the last
// tick that is dealt with.
func (s *Service) begin(ctx context.Context, stop, reload <-chan struct{}) (time.Time, error) {
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
	s.tick(ctx, stop, reload, run)
	return s.passed(now), nil
}

// next is the tick after the last one.
func (s *Service) next(last time.Time) time.Time {
	now := time.Now()
	if last.Sub(now) > clockBack {
		s.Log.Warn("the clock was put back", "last", last, "now", now)
		last = now
	}
	return s.settings.Schedule.Next(last)
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
	settings, err := s.read(ctx)
	if err != nil {
		s.Log.Error("the configuration can not be used; what it said before holds", "error", err)
		return
	}
	s.settings = settings
}

// read reads the settings; a panic ends the reading and not the service.
func (s *Service) read(ctx context.Context) (settings Settings, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rollcall broke: %v; this is a bug", r)
		}
	}()
	return s.Read(ctx)
}

// tick runs a tick when it is this instance's turn, and returns it.
func (s *Service) tick(ctx context.Context, stop, reload <-chan struct{}, run Run) time.Time {
	standing, told := false, false
	for {
		turn, err := s.settings.Turns.Take(ctx, run.Tick)
		var busy *BusyError
		switch {
		case err == nil:
			if s.run(ctx, stop, run, turn) {
				return run.Tick
			}
		case errors.Is(err, ErrDone):
			if !standing {
				// What this instance knew is old by now.
				s.each(func(l Listener) { l.Standby("") })
			}
			return run.Tick
		case errors.Is(err, ErrOverlapped):
			s.overlapped(run, err)
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
			if !told || errors.Is(err, ErrGivenUp) {
				s.failed(run, err)
				told = true
			}
			if errors.Is(err, ErrGivenUp) {
				return run.Tick
			}
		}
		again := time.Now().Add(s.settings.Poll)
		if over := s.settings.Schedule.Next(run.Tick); !over.IsZero() && !again.Before(over) {
			if busy != nil {
				s.overlapped(run, busy)
			}
			return run.Tick
		}
		if busy == nil {
			s.each(func(l Listener) { l.Waiting(again) })
		}
		switch s.sleep(ctx, stop, reload, again) {
		case stopped:
			return run.Tick
		case reloaded:
			s.reread(ctx)
		case due:
		}
	}
}

// overlapped reports a tick that somebody else left no time for.
func (s *Service) overlapped(run Run, why error) {
	run.Began = time.Now()
	s.Log.Warn("no run: somebody else was still running", "tick", run.Tick, "why", why)
	report := Report{Run: run, Ended: run.Began, Outcome: Overlapped, Exit: plan.ExitError, Error: why.Error()}
	s.each(func(l Listener) {
		l.Skipped(1)
		l.Ended(report)
	})
}

// failed reports a tick whose turn could not be asked for.
func (s *Service) failed(run Run, err error) {
	now := time.Now()
	run.Began = now
	s.Log.Error("no run", "tick", run.Tick, "error", err)
	report := Report{Run: run, Ended: now, Outcome: Failed, Exit: plan.ExitError, Error: err.Error()}
	s.each(func(l Listener) {
		l.Began(run)
		l.Ended(report)
	})
}

// run makes one run in its turn. It is false when the turn was lost meanwhile, so that
// the tick has to be asked for again.
func (s *Service) run(ctx context.Context, stop <-chan struct{}, run Run, turn Turn) (ended bool) {
	if turn.Again() {
		run.Reason = TakenOver
	}
	run.Began = time.Now()
	s.each(func(l Listener) { l.Began(run) })
	s.Log.Info("run begins", "tick", run.Tick, "reason", string(run.Reason))
	report := s.once(ctx, stop, run, turn)
	after := context.WithoutCancel(ctx)
	var err error
	lost := isClosed(turn.Lost())
	switch {
	case lost:
		report.spoilt("the turn was lost before the run had ended: whoever has it by now goes on from there")
		err = turn.Release(after)
	case report.Outcome == Interrupted:
		// Left for whoever takes it next.
		err = turn.Release(after)
	default:
		err = turn.Done(after, report.Outcome)
	}
	if err != nil {
		s.Log.Error("the end of the run could not be recorded", "tick", run.Tick, "error", err)
		report.spoilt(fmt.Sprintf("the end of the run could not be recorded: %v", err))
	}
	s.each(func(l Listener) { l.Ended(report) })
	level := slog.LevelInfo
	if report.Outcome != Converged {
		level = slog.LevelError
	}
	s.Log.Log(after, level, "run ended", "tick", run.Tick, "outcome", string(report.Outcome), "exit", report.Exit, "took", report.Ended.Sub(run.Began), "error", report.Error)
	return !lost || isClosed(stop)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// once makes the run; a panic in it ends the run and not the service.
func (s *Service) once(ctx context.Context, stop <-chan struct{}, run Run, turn Turn) (report Report) {
	defer func() {
		if r := recover(); r != nil {
			report = Report{Run: run, Ended: time.Now(), Outcome: Failed, Exit: plan.ExitError, Error: fmt.Sprintf("rollcall broke: %v; this is a bug", r)}
		}
	}()
	report = s.Once(ctx, stop, run, turn)
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
