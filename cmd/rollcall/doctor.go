package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/sources"
)

// maxExamined is how many people of the roster are looked for at a provider until one
// is found.
const maxExamined = 20

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check credentials and each endpoint, with reads only",
		Long: `Tries at each provider whatever a plan would read: the credentials, the search or
the list, and what is shown of somebody of the roster who is there. It says what it
learned of the vendor: whether the search is exact and ignores case, how the list
comes, which attributes are not shown, and which rate limit it tells of. Whatever is
in doubt is told as failed. It sends no request that could change anything, so that
what rollcall writes is not tried.

Exit codes:
  0    everything that was tried works
  3    something failed, at any provider
  5    invalid roster, configuration, flags or secrets
  130  interrupted`,
		Example: `  rollcall doctor
  rollcall doctor --provider partoo`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

func (a *app) doctor(ctx context.Context) (err error) {
	in, err := a.load(ctx)
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, in, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.disconnect(s)) }()
	access := a.narrow(s, sources.Resolve(in.roster, in.config, registry.Rules, time.Now()))
	reports := make([][]providers.Check, len(s.inScope))
	var all sync.WaitGroup
	for i, provider := range s.inScope {
		all.Go(func() {
			reports[i] = examine(ctx, provider, s.connections[provider.Config.Name], addresses(access, provider.Config.Name))
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return errInterrupted
	}
	text, failed := "", false
	for i, provider := range s.inScope {
		text += doctorText(provider, reports[i])
		failed = failed || slices.ContainsFunc(reports[i], func(c providers.Check) bool { return c.Verdict == providers.Failed })
	}
	if err := a.print([]byte(text)); err != nil {
		return err
	}
	if failed {
		return exit(plan.ExitIncomplete)
	}
	return nil
}

// examine is the examination of one provider; a panic on the way is a failed check.
func examine(ctx context.Context, provider plan.Provider, c *providers.Connection, emails []string) (checks []providers.Check) {
	defer func() {
		if r := recover(); r != nil {
			checks = append(checks, providers.Check{Name: "doctor", Verdict: providers.Failed, Detail: "the examination broke inside rollcall", Remedy: "report this, with the output of -v"})
		}
	}()
	return provider.Kind.Examine(ctx, c, provider.Config.Lookup, emails)
}

// addresses are those of people who should be at a provider.
func addresses(access []*sources.Access, provider string) []string {
	var emails []string
	for _, a := range access {
		if a.Provider == provider && a.State == sources.Active && len(emails) < maxExamined {
			emails = append(emails, a.Email)
		}
	}
	return emails
}

// doctorText is what was found out about one provider.
func doctorText(provider plan.Provider, checks []providers.Check) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s (%s, %s)\n", inert(provider.Config.Name), provider.Kind.Title, cmp.Or(provider.Config.BaseURL, provider.Kind.BaseURL))
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		detail := strings.TrimPrefix(c.Detail, provider.Config.Name+": ")
		if c.Remedy != "" {
			detail += "; " + c.Remedy
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", c.Verdict, c.Name, inert(detail))
	}
	_ = table.Flush() // writing to a strings.Builder never fails
	return out.String()
}
