package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/plan"
)

func (a *app) planCommand() *cobra.Command {
	var format string
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Print what an apply would change, and change nothing",
		Long: `Reads roster and live users and prints the changes that would make the users
match the roster, with what is held and what has to be done by hand. It sends no
request that could change anything.`,
		Example: `  rollcall plan
  rollcall plan --provider vendasta --format json
  rollcall plan --detailed-exitcode   # 2 when there are changes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if format != "text" && format != "json" {
				return invalid(fmt.Errorf("--format %q: write text or json", format))
			}
			in, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			s, err := a.connect(cmd.Context(), in, true)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.disconnect(s)) }()
			m, err := a.build(cmd.Context(), s)
			if err != nil {
				return err
			}
			if err := a.show(m.plan, format); err != nil {
				return err
			}
			return exit(m.plan.Exit(detailed))
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "the form of the plan: text or json")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "end with 2 when there are changes")
	return cmd
}

// show prints a plan to standard output.
func (a *app) show(p *plan.Plan, format string) error {
	output := []byte(p.Text(a.style()))
	if format == "json" {
		output = p.JSON()
	}
	return a.print(output)
}

// print writes results to standard output; not being able to is an error, since
// nobody would see them.
func (a *app) print(output []byte) error {
	if _, err := a.stdout.Write(output); err != nil {
		return &exitError{code: plan.ExitError, err: fmt.Errorf("standard output: %w", unwrapPath(err))}
	}
	return nil
}
