package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/plan"
)

type applyFlags struct {
	yes   bool
	allow string
	saved bool   // whether a saved plan is named
	plan  string // where it stands
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func (a *app) applyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Show the plan, ask, and carry it out",
		Long: `Builds the plan as rollcall plan does, shows it, asks, and carries it out: the
changes of all providers side by side. A failed change stops no other. The exit
code is 0 only when everything that the plan has was done and no leaver still
has access.

With PLAN, a file that rollcall plan --out wrote, it is that plan and no other
that is carried out. Each user whom the plan changes is looked at again first:
who is as wanted by now is done already, and who is not as he was is stale and
left for the next plan. A plan that was edited, or that was made for another
roster, scope, account or for other guardrails, is refused.

` + exitHelp(func(s situation) string { return s.apply }),
		Example: `  rollcall apply
  rollcall apply --yes --result result.json
  rollcall apply plan.json                        # that rollcall plan --out plan.json wrote
  rollcall apply --person ana@example.com --yes   # the emergency exit
  rollcall apply --yes --allow sha256:…           # lifts the limit on removals for that plan`,
		Args: atMostOnePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				flags.saved, flags.plan = true, args[0]
			}
			result, err := a.apply(cmd.Context(), flags)
			return a.finishApply(result, err)
		},
	}
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&flags.allow, "allow", "", "lift the limit on removals for the plan with this `DIGEST`")
	cmd.Flags().StringVar(&a.resultFile, "result", "", "write the result as JSON to `FILE`, on every way out")
	return cmd
}

// apply runs to the end of the changes. The result is there on every way out.
func (a *app) apply(ctx context.Context, flags applyFlags) (result *plan.Result, err error) {
	result = plan.NewResult(nil)
	applying := false
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		err = broken(bug(r))
		for i := range result.Changes {
			if applying {
				result.Changes[i].Status, result.Changes[i].Error = plan.Unknown, "rollcall broke: look at the user by hand"
			}
		}
	}()
	if flags.saved {
		a.reads = append(a.reads, flags.plan)
	}
	if flags.allow != "" && !digestForm.MatchString(flags.allow) {
		return result, invalid(fmt.Errorf("--allow %q: write the digest that the plan shows, sha256: and 64 digits", flags.allow))
	}
	if a.resultFile != "" {
		if err := checkWritable(a.resultFile); err != nil {
			return result, broken(fmt.Errorf("--result %s can not be written: %w", a.resultFile, unwrapPath(err)))
		}
	}
	var saved *plan.Plan
	var unread error
	if flags.saved {
		saved, unread = readPlan(flags.plan)
	}
	in, err := a.load(ctx)
	if err := errors.Join(unread, err); err != nil {
		return result, err
	}
	if a.resultFile != "" {
		if err := a.refuseInputs("--result", a.resultFile); err != nil {
			return result, err
		}
	}
	held, err := a.hold(ctx, in.config)
	if err != nil {
		return result, err
	}
	defer held.release()
	if err := a.remember(ctx, in.config); err != nil {
		return result, err
	}
	var m *made
	if saved != nil {
		result = plan.NewResult(saved)
		if m, err = a.resume(flags.plan, saved, in); err != nil {
			return result, err
		}
	}
	s, err := a.connect(ctx, in, false)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, a.disconnect(s)) }()
	style := a.style()
	style.Allow, style.Applying = flags.allow, true
	if saved == nil {
		m, err = a.build(ctx, s)
	} else {
		style.Command = a.applyLine(flags.plan)
		m.access = a.narrow(s, m.access)
		err = a.print([]byte(savedLine(flags.plan, saved)))
	}
	if err != nil {
		return result, err
	}
	a.trace.made = m
	result = plan.NewResult(m.plan)
	if err := a.print([]byte(m.plan.Text(style))); err != nil {
		return result, err
	}
	if flags.allow != "" && flags.allow != m.plan.Digest {
		a.remark("rollcall: --allow names another plan than this one, so it lifts nothing")
	}
	if n := m.plan.Applicable(flags.allow); n > 0 && !flags.yes {
		if err := a.ask(ctx, n); err != nil {
			return result, err
		}
	}
	recorder, closeLedger, err := a.record(ctx, in, m.plan, flags.allow, held)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, closeLedger()) }()
	a.finish()
	applier := plan.Applier{
		Plan: m.plan, Providers: s.inScope, Connections: s.connections, Access: m.access, Protect: s.config.Guardrails.Protect,
		Allow: flags.allow, Built: m.created, Stop: a.stop, Secrets: a.secrets, Simulated: s.world != nil, Log: a.log,
		Recorder: recorder, Insiders: m.insiders, Lost: held.lost(),
	}
	progress, end := a.progress(changes, s)
	defer end()
	applier.Progress = progress
	applying = true
	result = applier.Apply(ctx)
	applying = false
	end()
	unrecorded := a.finishRecord(ctx, recorder, m, s, result)
	if err := a.print([]byte(result.Text(a.style()))); err != nil {
		return result, errors.Join(err, unrecorded)
	}
	return result, errors.Join(unrecorded, exit(result.Exit))
}

// atMostOnePlan refuses more arguments than the file of a plan.
func atMostOnePlan(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return fmt.Errorf("%s takes one PLAN, not %d; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
}

// ask asks on the terminal whether to go on; without one there is nobody to ask.
func (a *app) ask(ctx context.Context, changes int) error {
	if !isTerminal(a.stdin) {
		return invalid(errors.New("there are changes and no terminal to ask at, so nothing was changed: add --yes to apply them"))
	}
	_, _ = fmt.Fprintf(a.stderr, "Apply %s? Only \"yes\" goes on: ", plural(changes, "change"))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(a.stderr)
		return errInterrupted
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") {
			_, _ = fmt.Fprintln(a.stderr) // the terminal has not begun a new line
		}
		if strings.TrimSpace(line) != "yes" {
			return broken(errors.New("declined: nothing was changed"))
		}
		return nil
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// finishApply writes the result file and settles the exit code. Once something was
// written at a vendor, whatever breaks is incomplete, not a failed start.
func (a *app) finishApply(result *plan.Result, err error) error {
	code, why, tell := outcome(err, plan.ExitError)
	begun := result.Count(plan.Applied)+result.Count(plan.Failed)+result.Count(plan.Unknown) > 0
	broke := func() int {
		if begun {
			return stronger(result.Exit, plan.ExitIncomplete)
		}
		return plan.ExitError
	}
	if code == plan.ExitError {
		code = broke()
	}
	if a.interrupted() {
		code = plan.ExitInterrupted
		result.Interrupted = true
	}
	if a.resultFile != "" {
		file := a.resultFile
		a.resultFile, a.resultWritten = "", true
		if err := a.writeResult(file, result, code, why); err != nil {
			code, tell = stronger(code, broke()), errors.Join(tell, err)
		}
	}
	a.trace.code, a.trace.why = code, why
	if code == plan.ExitOK {
		return nil
	}
	return &exitError{code: code, err: tell}
}

// writeResult writes the result file, without any secret.
func (a *app) writeResult(file string, result *plan.Result, code int, why error) error {
	if err := a.refuseInputs("--result", file); err != nil {
		if why != nil && strings.Contains(why.Error(), err.Error()) {
			return nil // it is told already
		}
		return err
	}
	result.Exit = code
	if why != nil {
		result.Error = why.Error()
	}
	if err := writeFile(file, []byte(a.secrets.Redact(string(result.JSON())))); err != nil {
		return fmt.Errorf("the result can not be written to %s: %w", file, unwrapPath(err))
	}
	return nil
}
