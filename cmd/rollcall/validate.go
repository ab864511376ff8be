package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check roster and configuration, offline and without credentials",
		Long: `Reads rollcall.yaml and the rosters that it names and tells every mistake at
once, each with its place. It needs no network and reads no secret: of a roster in
a git repository it checks what plan or apply fetched last, and says so.`,
		Example: `  rollcall validate
  rollcall validate -C examples/quickstart`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.offline = true
			in, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			people := "people"
			if len(in.roster.People) == 1 {
				people = "person"
			}
			return a.print([]byte(fmt.Sprintf("valid: %d %s, %s\n", len(in.roster.People), people, plural(len(in.config.Providers), "provider"))))
		},
	}
}
