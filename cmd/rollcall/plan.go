package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/plan"
)

func (a *app) planCommand() *cobra.Command {
	var format, out string
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Print what an apply would change, and change nothing",
		Long: `Reads roster and live users and prints the changes that would make the users
match the roster, with what is held and what has to be done by hand. It sends no
request that could change anything. --out saves the plan, so that exactly it can
be applied later.

` + exitHelp(func(s situation) string {
			if s.detailed != s.plan {
				return s.plan + " " + s.detailed + " with --detailed-exitcode"
			}
			return s.plan
		}),
		Example: `  rollcall plan
  rollcall plan --out plan.json && rollcall apply plan.json
  rollcall plan --provider vendasta --format json
  rollcall plan --detailed-exitcode   # 2 when there are changes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if format != "text" && format != "json" {
				return invalid(fmt.Errorf("--format %q: write text or json", format))
			}
			if out != "" {
				if err := checkWritable(out); err != nil {
					return broken(fmt.Errorf("--out %s can not be written: %w", out, unwrapPath(err)))
				}
			}
			in, err := a.load(cmd.Context())
			if err == nil && out != "" {
				err = a.refuseInputs("--out", out)
			}
			if err != nil {
				return err
			}
			if err := a.remember(cmd.Context(), in.config); err != nil {
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
			style := a.style()
			var unsaved error
			if out != "" {
				if unsaved = a.savePlan(out, m.plan); unsaved == nil {
					style.Command = a.applyLine(out)
				}
			}
			// What was planned is shown even when it could not be saved.
			if err := errors.Join(unsaved, a.show(m.plan, format, style)); err != nil {
				return err
			}
			return exit(m.plan.Exit(detailed))
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "print the plan as `FORM`: text or json")
	cmd.Flags().StringVar(&out, "out", "", "save the plan as JSON to `FILE`, for rollcall apply FILE")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "end with 2 when there are changes")
	return cmd
}

// show prints a plan to standard output.
func (a *app) show(p *plan.Plan, format string, style plan.Style) error {
	output := []byte(p.Text(style))
	if format == "json" {
		// JSON leaves some characters as they are that a terminal could obey.
		output = []byte(inert(string(p.JSON())))
	}
	return a.print(output)
}

// print writes results to standard output; not being able to is an error, since
// nobody would see them.
func (a *app) print(text []byte) error {
	if _, err := a.stdout.Write(text); err != nil {
		return broken(unwritten(err))
	}
	return nil
}

func unwritten(err error) error {
	return fmt.Errorf("standard output can not be written: %w", unwrapPath(err))
}
