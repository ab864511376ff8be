package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall/internal/monitor"
	"rollcall/cmd/rollcall/internal/notify"
	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/plan/ledger"
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

The first SIGTERM or interrupt lets the changes under way finish, within --grace,
and the program ends with 0; the second ends them too. What was not done is left to the next run, or to another
instance with the same ledger. SIGHUP has the configuration read again.

--once makes one run at once and ends with its exit code; for a timer of the
system. --next says when the next five runs are.

` + exitHelp(func(s situation) string { return s.run }),
		Example: `  rollcall run
  rollcall run --listen 127.0.0.1:9090
  rollcall run --once
  rollcall run --next`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(a.people) > 0 {
				return invalid(errors.New("rollcall run is for everybody: leave --person to rollcall apply"))
			}
			if flags.listen != "" && (flags.once || flags.next) {
				return invalid(errors.New("--listen is for a program that stays up: leave out --once and --next"))
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
	cmd.Flags().DurationVar(&flags.grace, "grace", defaultGrace, "the `TIME` that changes under way may take once told to stop")
	return cmd
}

// readConfig reads the configuration alone: a roster that is wrong is for the run to
// tell.
func (a *app) readConfig() (*sources.Config, error) {
	a.trace.problems = nil
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
	notifier, stop, err := a.notifier(ctx, config)
	if err != nil {
		return err
	}
	defer stop()
	run := service.Run{Tick: time.Now(), Reason: service.ByHand, Began: time.Now()}
	past, err := a.past(ctx, config)
	if err != nil {
		a.tellStart(notifier, run, err)
		return err
	}
	notifier.Remember(remembered(past))
	a.finish() // the cycle says what it lets finish
	report, err := c.cycle(ctx, a.stop, run, limits{deadline: scheduleOf(config).Deadline, grace: flags.grace})
	a.counted = c.counted
	notifier.Began(report.Run)
	notifier.Ended(report)
	return err
}

// tellStart tells of a run that did not even begin.
func (a *app) tellStart(n *notify.Notifier, run service.Run, err error) {
	code, why, _ := outcome(err, plan.ExitError)
	if why == nil {
		why = err
	}
	n.Began(run)
	n.Ended(service.Report{
		Run: run, Ended: time.Now(), Outcome: service.OutcomeOf(code), Exit: code,
		Error: a.secrets.Redact(why.Error()), Problems: a.trace.problems,
	})
}

// keepRunning runs until it is told to stop.
func (a *app) keepRunning(ctx context.Context, config *sources.Config, flags runFlags) error {
	if scheduleOf(config).Cron == "" {
		return noSchedule(config)
	}
	a.unattended = true
	a.openLog()
	hangups := make(chan struct{}, 1)
	a.mu.Lock()
	a.hangups = hangups
	a.mu.Unlock()
	a.finish()
	notifier, stop, err := a.notifier(ctx, config)
	if err != nil {
		return err
	}
	defer stop()
	began := service.Run{Tick: time.Now(), Reason: service.Scheduled, Began: time.Now()}
	past, err := a.past(ctx, config)
	if err != nil {
		a.tellStart(notifier, began, err)
		return err
	}
	notifier.Remember(remembered(past))
	listeners := []service.Listener{notifier}
	if a.listener != nil {
		listeners = append(listeners, a.listener)
	}
	if flags.listen != "" {
		config.Listen.Address = flags.listen
	}
	if config.Listen.Address != "" {
		stop, err := a.listen(ctx, config, past, notifier)
		if err != nil {
			return err
		}
		defer stop()
		listeners = append(listeners, a.monitor)
	}
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
		a.renotify(ctx, notifier, config)
		if a.monitor != nil {
			a.monitor.Configure(schedule.Cron, config.Zone, schedule.Deadline+flags.grace)
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
	err = s.Serve(ctx, a.stop, hangups)
	if err != nil {
		a.tellStart(notifier, began, err)
	}
	return err
}

// pastKept is how far back runs are looked at that a service knows of at its start.
const pastKept = 31 * 24 * time.Hour

// past are the runs of everything that the ledger has, the oldest first.
func (a *app) past(ctx context.Context, config *sources.Config) (runs []monitor.PastRun, err error) {
	at, err := a.place(ctx, config)
	if err != nil {
		return nil, err
	}
	opened, err := at.read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, at.unreadable(err)
	}
	entries, err := opened.Entries(ctx, ledger.Filter{Since: time.Now().Add(-pastKept), Kinds: []ledger.Kind{ledger.RunBegan, ledger.RunEnded}})
	if err = errors.Join(err, opened.Close()); err != nil {
		return nil, at.unreadable(err)
	}
	began := make(map[string]ledger.Entry)
	for _, e := range entries {
		if e.Kind == ledger.RunBegan {
			began[e.Run] = e
			continue
		}
		first, known := began[e.Run]
		exit, err := strconv.Atoi(e.Status)
		if !known || err != nil || first.Details != nil && first.Details.Facts["scope"] != "" {
			continue // of some only, which says nothing of the others
		}
		run := monitor.PastRun{Began: first.At, Ended: e.At, Outcome: service.OutcomeOf(exit)}
		if first.Details != nil {
			run.Providers = strings.Fields(first.Details.Facts["providers"])
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// listen shows the service at an address, until stop is called.
func (a *app) listen(ctx context.Context, config *sources.Config, past []monitor.PastRun, notifier *notify.Notifier) (stop func(), err error) {
	var token sources.Secret
	if ref := config.Listen.Token; ref != nil {
		if token, err = a.secrets.Read(ctx, *ref); err != nil {
			return nil, invalid(fmt.Errorf("%s: listen.token: %w", ref.Origin, err))
		}
		if len(token.Reveal()) < tokenLeast {
			return nil, invalid(fmt.Errorf("%s: listen.token: %s has fewer than %d characters: wrong ones are not counted, so make it with openssl rand -hex 32", ref.Origin, ref, tokenLeast))
		}
	}
	listener, err := monitor.Listen(ctx, config.Listen.Address, token)
	if err != nil {
		return nil, invalid(err)
	}
	a.monitor = monitor.New(monitor.Options{Version: version(), Past: past, Failures: notifier.Failures, Log: a.log})
	a.log.Info("listening", "address", "http://"+listener.Addr().String())
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := a.monitor.Serve(ctx, listener, token); err != nil {
			a.log.Error("it is not shown any more how the service is", "error", err)
		}
	}()
	return func() {
		cancel()
		<-served
	}, nil
}

// tokenLeast is how long a token has to be that can be tried as often as one likes.
const tokenLeast = 16

// flushing is how long at the end notifications that wait may take.
const flushing = 10 * time.Second

// notifier tells whom the configuration names of runs, until stop is called.
func (a *app) notifier(ctx context.Context, config *sources.Config) (n *notify.Notifier, stop func(), err error) {
	settings, err := a.notifySettings(ctx, config)
	if err != nil {
		return nil, nil, invalid(err)
	}
	options := notify.Options{Log: a.log, Secrets: a.secrets, Instance: hostname(), Transport: a.transport}
	n = notify.New(options)
	if err := n.Configure(settings); err != nil {
		a.log.Error("notify", "error", err) // unreachable: they are checked as they are read
	}
	return n, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushing)
		defer cancel()
		if err := n.Close(limited); err != nil {
			a.log.Warn("notify", "error", err)
		}
	}, nil
}

// renotify tells those whom the configuration names by now. What is wrong with them keeps
// no run from being made: it is said in the log, and those from before are told further.
func (a *app) renotify(ctx context.Context, n *notify.Notifier, config *sources.Config) {
	settings, err := a.notifySettings(ctx, config)
	if err == nil {
		err = n.Configure(settings)
	}
	if err != nil {
		a.log.Error("whoever was told before is told further", "error", err)
	}
	if config.Ledger.URL == nil {
		return
	}
	// Others may have run meanwhile.
	past, err := a.past(ctx, config)
	if err != nil {
		a.log.Warn("what other instances did is not known", "error", err)
		return
	}
	n.Remember(remembered(past))
}

func (a *app) notifySettings(ctx context.Context, config *sources.Config) (notify.Settings, error) {
	settings, err := notify.Read(ctx, a.secrets, config.Notify)
	if err != nil {
		err = fmt.Errorf("%s: %w", config.File, err)
	}
	return settings, err
}

// remembered is what earlier runs say to whoever tells people.
func remembered(past []monitor.PastRun) (p notify.Past) {
	for _, run := range past {
		p.Troubled = run.Outcome != service.Converged && run.Outcome != service.Interrupted
		if run.Outcome == service.Converged {
			p.Succeeded = run.Ended
		}
	}
	return p
}
