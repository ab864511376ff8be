package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/sources"
)

type runFlags struct {
	once   bool
	next   bool
	listen string
	grace  time.Duration
}

// defaultGrace is how long what is under way may take once the program is told to stop.
const defaultGrace = 30 * time.Second

func (a *app) runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Stay up and sync on the schedule",
		Long: `Applies the roster at every time of schedule.cron, as rollcall apply --yes does,
one run at a time: what comes due while a run is under way is skipped and counted.
Roster and configuration are read again for each run. What is wrong with them is
reported, changes nothing, and does not end the program.

Times are those of schedule.timeZone. A time that is skipped when clocks are put
forward comes right after it; one that comes twice counts once.

The first SIGTERM or interrupt lets the changes under way finish, within --grace;
the second ends them too. What was not done is left to the next run, or to another
instance with the same ledger. SIGHUP has the configuration read again.

--once makes one run at once and ends with its exit code; for a timer of the
system. --next says when the next five runs are.

` + exitHelp(func(s situation) string { return s.apply }),
		Example: `  rollcall run
  rollcall run --listen 127.0.0.1:9090
  rollcall run --once
  rollcall run --next`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(a.people) > 0 {
				return invalid(errors.New("rollcall run is for everybody: leave --person to rollcall apply"))
			}
			if flags.grace < 0 {
				return invalid(errors.New("--grace: write how long, as in 30s"))
			}
			config, err := a.readConfig()
			if err != nil {
				return err
			}
			switch {
			case flags.next && flags.once:
				return invalid(errors.New("--next and --once: write one of them"))
			case flags.next:
				return a.nextRuns(config)
			case flags.once:
				return a.runOnce(cmd.Context(), config, flags)
			default:
				return a.keepRunning(cmd.Context(), config, flags)
			}
		},
	}
	cmd.Flags().BoolVar(&flags.once, "once", false, "make one run at once, and end with its exit code")
	cmd.Flags().BoolVar(&flags.next, "next", false, "print when the next five runs are")
	cmd.Flags().StringVar(&flags.listen, "listen", "", "serve a page, metrics and health at `ADDR`, such as 127.0.0.1:9090")
	cmd.Flags().DurationVar(&flags.grace, "grace", defaultGrace, "how long changes under way may take once told to stop")
	return cmd
}

// readConfig reads the configuration alone: a roster that is wrong is for the run to
// tell.
func (a *app) readConfig() (*sources.Config, error) {
	config, problems := sources.LoadConfig(a.config)
	if config == nil {
		return nil, a.refuse(problems, plan.ExitInvalid)
	}
	return config, nil
}

// scheduleOf is the schedule of a configuration; tests put their own in its place.
var scheduleOf = func(config *sources.Config) sources.Schedule { return config.Schedule }

// noSchedule is the error for a configuration that does not say when to run.
func noSchedule(config *sources.Config) error {
	return invalid(fmt.Errorf(`%s: schedule.cron is missing: write when to run, as in schedule: {cron: "0 2 * * *", timeZone: America/Regina}, or use --once`, config.File))
}

// nextRuns prints the next five times.
func (a *app) nextRuns(config *sources.Config) error {
	schedule := scheduleOf(config)
	if schedule.Cron == "" {
		return noSchedule(config)
	}
	text := ""
	next := time.Now()
	for range 5 {
		if next = schedule.Next(next); next.IsZero() {
			break
		}
		text += next.In(config.Zone).Format("Mon 2006-01-02 15:04:05 -07:00 MST") + "\n"
	}
	return a.print([]byte(text))
}

// runOnce makes one run, as a timer of the system has it.
func (a *app) runOnce(ctx context.Context, config *sources.Config, flags runFlags) error {
	c := a.fork()
	listeners, end, err := a.listeners(ctx, config)
	if err != nil {
		return err
	}
	defer end()
	schedule := scheduleOf(config)
	now := time.Now()
	report, err := c.cycle(ctx, a.stop, service.Run{Tick: now, Reason: service.ByHand, Began: now}, limits{deadline: schedule.Deadline, grace: flags.grace})
	a.counted = c.counted
	for _, l := range listeners {
		l.Ended(report)
	}
	return err
}

// keepRunning runs until it is told to stop.
func (a *app) keepRunning(ctx context.Context, config *sources.Config, flags runFlags) error {
	if scheduleOf(config).Cron == "" {
		return noSchedule(config)
	}
	a.unattended = true
	a.openLog()
	a.hangups = make(chan struct{}, 1)
	a.finish()
	listeners, end, err := a.listeners(ctx, config)
	if err != nil {
		return err
	}
	defer end()
	s := &service.Service{Log: a.log, Listeners: listeners}
	turns := &turns{app: a}
	var within limits
	s.Read = func(ctx context.Context) (service.Settings, error) {
		config, err := a.readConfig()
		if err != nil {
			return service.Settings{}, err
		}
		schedule := scheduleOf(config)
		if schedule.Cron == "" {
			return service.Settings{}, noSchedule(config)
		}
		if err := turns.use(ctx, config); err != nil {
			return service.Settings{}, err
		}
		within = limits{deadline: schedule.Deadline, grace: flags.grace}
		return service.Settings{Schedule: schedule, Poll: turns.poll(), Turns: turns}, nil
	}
	s.Once = func(ctx context.Context, stop <-chan struct{}, run service.Run, turn service.Turn) service.Report {
		c := a.fork()
		c.turn = turn.(*turnTaken)
		report, _ := c.cycle(ctx, stop, run, within)
		return report
	}
	return s.Serve(ctx, a.stop, a.hangups)
}

// listeners are those who are told of runs; end has them finish.
func (a *app) listeners(ctx context.Context, config *sources.Config) (all []service.Listener, end func(), err error) {
	if a.listener != nil {
		all = append(all, a.listener)
	}
	return all, func() {}, nil
}
