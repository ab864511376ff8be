package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/providers"
)

// limits are how long an apply that nobody waits for may take.
type limits struct {
	// deadline is after how long nothing further is begun; grace how long what is under
	// way then, or when the program is told to stop, may still take.
	deadline, grace time.Duration
}

// fork is an app for one run of many: with the same flags, and with a memory of its
// own, for secrets too.
func (a *app) fork() *app {
	c := newApp(a.stdin, a.stdout.to, a.stderr.to)
	c.config, c.providers, c.simulate, c.logFormat, c.verbose, c.noColor = a.config, a.providers, a.simulate, a.logFormat, a.verbose, a.noColor
	c.unattended, c.monitor = a.unattended, a.monitor
	if c.unattended {
		c.stdout.to = io.Discard
	} else {
		c.openScreen()
	}
	c.openLog()
	return c
}

// cycle is one apply of everything, without a question, and what became of it. Once stop
// is closed, or the deadline is over, nothing further is begun. The error is that of an
// apply, for whoever looks on.
func (a *app) cycle(ctx context.Context, stop <-chan struct{}, run service.Run, within limits) (service.Report, error) {
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := make(chan struct{})
	go a.end(ctx, stop, late, within, cancel)
	result, err := a.apply(providers.WithPatience(ctx, within.deadline), applyFlags{yes: true})
	err = a.finishApply(result, err)
	ended := &a.trace
	select {
	case <-late:
		// It was not told to stop: it took too long.
		if ended.code == plan.ExitInterrupted {
			ended.code = plan.ExitIncomplete
			ended.why = fmt.Errorf("the deadline of %s was over before everything was done: the next run goes on from there; more concurrency, a higher rate or a later schedule.deadline leave it the time", short(within.deadline))
			err = &exitError{code: ended.code, err: ended.why}
		}
	default:
	}
	report := service.Report{
		Run: run, Ended: time.Now(), Outcome: service.OutcomeOf(ended.code), Exit: ended.code,
		Problems: ended.problems, Requests: ended.requests,
	}
	report.Began = began
	if ended.why != nil {
		report.Error = a.secrets.Redact(ended.why.Error())
	}
	if ended.config != nil {
		report.Providers = providerNames(ended.config)
	}
	if ended.made != nil {
		report.Plan = without(a, ended.made.plan)
		report.Result = without(a, result)
		report.Commit = ended.commit
	}
	return report, err
}

// without is a plan or a result in which no secret stands: the last net below those
// that keep them from coming so far.
func without[T plan.Plan | plan.Result](c *app, data *T) *T {
	text, err := json.Marshal(data)
	if err != nil {
		return nil // unreachable: they are written as files too
	}
	clean := c.secrets.Redact(string(text))
	if clean == string(text) {
		return data
	}
	copied := new(T)
	if json.Unmarshal([]byte(clean), copied) != nil {
		return nil
	}
	return copied
}

// end ends the run in time: what is under way is let finish first, and left then.
func (a *app) end(ctx context.Context, stop <-chan struct{}, late chan<- struct{}, within limits, cancel context.CancelFunc) {
	deadline := time.NewTimer(within.deadline)
	defer deadline.Stop()
	select {
	case <-ctx.Done():
		return
	case <-stop:
	case <-deadline.C:
		close(late)
		a.remark("the deadline is over: what is under way is finished")
	}
	if _, finishing := a.halt(); !finishing {
		cancel() // nothing is changed yet
		return
	}
	grace := time.NewTimer(within.grace)
	defer grace.Stop()
	select {
	case <-ctx.Done():
		return
	case <-grace.C:
	}
	a.log.Error("what was under way took too long and is left", "after", within.grace)
	cancel()
}

// short is a duration of whole minutes as people write it.
func short(d time.Duration) string {
	text := d.String()
	if minutes, whole := strings.CutSuffix(text, "m0s"); whole {
		text = minutes + "m"
	}
	if hours, whole := strings.CutSuffix(text, "h0m"); whole {
		text = hours + "h"
	}
	return text
}
