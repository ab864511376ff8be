package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/plan"
)

type applyFlags struct {
	yes   bool
	allow string
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func (a *app) applyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Show the plan, ask, and carry it out",
		Long: `Builds the plan as rollcall plan does, shows it, asks, and carries it out: the
changes of all providers side by side. A failed change stops no other. The exit
code is 0 only when everything that the plan has was done and no leaver still
has access.`,
		Example: `  rollcall apply
  rollcall apply --yes --result result.json
  rollcall apply --person ana@example.com --yes   # the emergency exit
  rollcall apply --yes --allow sha256:…           # lifts the limit on removals for that plan`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := a.apply(cmd.Context(), flags)
			return a.finishApply(result, err, a.resultFile)
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
	defer func() {
		if r := recover(); r != nil {
			err = &exitError{code: plan.ExitError, err: fmt.Errorf("rollcall broke: %v; this is a bug, report it with the output of -v", r)}
		}
	}()
	if flags.allow != "" && !digestForm.MatchString(flags.allow) {
		return result, invalid(fmt.Errorf("--allow %q: write the digest that the plan shows, sha256: and 64 digits", flags.allow))
	}
	in, err := a.load(ctx)
	if err != nil {
		return result, err
	}
	s, err := a.connect(ctx, in, false)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, a.disconnect(s)) }()
	m, err := a.build(ctx, s)
	if err != nil {
		return result, err
	}
	result = plan.NewResult(m.plan)
	if err := a.show(m.plan, "text"); err != nil {
		return result, err
	}
	if n := m.plan.Applicable(flags.allow); n > 0 && !flags.yes {
		if err := a.ask(ctx, n); err != nil {
			return result, err
		}
	}
	if flags.allow != "" && flags.allow != m.plan.Digest {
		_, _ = fmt.Fprintln(a.stderr, "rollcall: --allow names another plan than this one, so it lifts nothing")
	}
	a.finish()
	applier := plan.Applier{
		Plan: m.plan, Accounts: s.accounts, Connections: s.connections, Access: m.access, Protect: s.config.Guardrails.Protect,
		Allow: flags.allow, Observe: !plan.Fresh(m.created, time.Now()), Stop: a.stop, Log: a.log,
	}
	result = applier.Apply(ctx)
	if err := a.print([]byte(result.Text(a.style()))); err != nil {
		return result, err
	}
	return result, exit(result.Exit)
}

// ask asks on the terminal whether to go on; without one there is nobody to ask.
func (a *app) ask(ctx context.Context, changes int) error {
	if !isTerminal(a.stdin) {
		return invalid(fmt.Errorf("there are changes and no terminal to ask at: add --yes to apply them"))
	}
	_, _ = fmt.Fprintf(a.stderr, "Apply %s? Only \"yes\" goes on: ", plural(changes, "change"))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return exit(plan.ExitInterrupted)
	case line := <-answer:
		if strings.TrimSpace(line) != "yes" {
			return &exitError{code: plan.ExitError, err: errors.New("declined: nothing was changed")}
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
func (a *app) finishApply(result *plan.Result, err error, file string) error {
	code := plan.ExitOK
	var coded *exitError
	switch {
	case errors.As(err, &coded):
		code = coded.code
	case err != nil:
		code = plan.ExitError
	}
	begun := result.Count(plan.Applied)+result.Count(plan.Failed)+result.Count(plan.Unknown) > 0
	if code == plan.ExitError && begun {
		code = plan.ExitIncomplete
	}
	if a.interrupted() {
		code = plan.ExitInterrupted
		result.Interrupted = true
	}
	result.Exit = code
	if coded != nil && coded.err != nil {
		result.Error = a.secrets.Redact(coded.err.Error())
	}
	if file != "" {
		a.resultFile = ""
		if writeErr := writeFile(file, a.redactedBytes(result.JSON())); writeErr != nil {
			writeErr = fmt.Errorf("--result %s: %w", file, unwrapPath(writeErr))
			if begun || code == plan.ExitInterrupted {
				return &exitError{code: max(code, plan.ExitIncomplete), err: errors.Join(writeErr, told(coded))}
			}
			return &exitError{code: max(code, plan.ExitError), err: errors.Join(writeErr, told(coded))}
		}
	}
	if code == plan.ExitOK {
		return nil
	}
	return &exitError{code: code, err: told(coded)}
}

func told(e *exitError) error {
	if e == nil {
		return nil
	}
	return e.err
}

func (a *app) redactedBytes(data []byte) []byte { return []byte(a.secrets.Redact(string(data))) }
