// Package service runs rollcall again and again: at the times of a schedule, one run at
// a time, and whatever one of them does ends that run alone.
//
// It knows nothing of rosters and vendors: what a run is comes from its caller, and
// what became of it goes to whoever listens.
package service

import (
	"time"

	"rollcall/plan"
	"rollcall/providers"
)

// An Outcome is how a run ended, in one word.
type Outcome string

// The outcomes, by exit code; the last two are of runs that did nothing.
const (
	Converged   Outcome = "converged"   // 0: the vendors are as the roster wants them
	Incomplete  Outcome = "incomplete"  // 3: something is left undone or was not readable
	Refused     Outcome = "refused"     // 4: a guard refused; the rest is applied
	Invalid     Outcome = "invalid"     // 5: the roster or the configuration is wrong
	Failed      Outcome = "failed"      // 1: it broke
	Interrupted Outcome = "interrupted" // 130: it was told to stop
	Overlapped  Outcome = "overlapped"  // another run was still under way
)

// Outcomes lists them all.
var Outcomes = []Outcome{Converged, Incomplete, Refused, Invalid, Failed, Interrupted, Overlapped}

// outcomes are those of the exit codes.
var outcomes = map[int]Outcome{
	plan.ExitOK: Converged, plan.ExitIncomplete: Incomplete, plan.ExitRefused: Refused, plan.ExitInvalid: Invalid,
	plan.ExitError: Failed, plan.ExitInterrupted: Interrupted,
}

// OutcomeOf is the outcome that an exit code stands for.
func OutcomeOf(exit int) Outcome {
	if outcome, known := outcomes[exit]; known {
		return outcome
	}
	return Failed
}

// A Reason is why a run began.
type Reason string

// The reasons.
const (
	Scheduled Reason = "scheduled"  // its time had come
	Missed    Reason = "missed"     // its time had passed while nothing was running
	TakenOver Reason = "taken over" // whoever ran it died
	ByHand    Reason = "by hand"    // somebody, or a timer of the system, began it
)

// A Run is one run that begins.
type Run struct {
	// Tick is the time of the schedule that it is for.
	Tick   time.Time
	Reason Reason
	Began  time.Time
}

// A Report is what became of a run. Its texts hold no secret; whatever came from
// rosters and vendors is as it came, so that whoever shows it has to make it harmless.
type Report struct {
	Run
	Ended   time.Time
	Outcome Outcome
	// Exit is what rollcall apply would have ended with.
	Exit int
	// Error says why it broke or was refused; empty when it did not.
	Error string
	// Problems are what is wrong with roster and configuration, each with its place.
	Problems []string
	// Plan and Result are nil where the run did not come so far.
	Plan   *plan.Plan
	Result *plan.Result
	// Commit is that of the roster, where it comes from git.
	Commit string
	// Requests are those of each provider.
	Requests map[string]providers.Requests
	// Providers are the names of those that are configured, sorted; nil where the
	// configuration could not be read.
	Providers []string
}

// spoilt notes what keeps a run that may have gone well from having ended well.
func (r *Report) spoilt(why string) {
	if r.Outcome == Converged || r.Outcome == Interrupted {
		r.Outcome, r.Exit = Incomplete, plan.ExitIncomplete
	}
	if r.Error == "" {
		r.Error = why
	}
}

// A Listener is told what a service does. Its methods return soon, never panic, and are
// called one after the other.
type Listener interface {
	// Waiting says when the next run begins; zero when there is none.
	Waiting(next time.Time)
	// Standby says that another instance runs, or ran, and which, until Waiting is called.
	Standby(holder string)
	// Began says that a run begins.
	Began(run Run)
	// Ended says what became of it.
	Ended(report Report)
	// Skipped says how many times of the schedule passed while a run was under way.
	Skipped(ticks int)
}
