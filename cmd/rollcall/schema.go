package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"rollcall/plan"
	"rollcall/providers/registry"
	"rollcall/schemas"
	"rollcall/sources"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema NAME",
		Short: "Print a JSON Schema: roster, config, plan, result or notification",
		Long: `Prints a JSON Schema (2020-12). The schemas of roster and config are composed
for the providers that rollcall.yaml configures, or for every kind when there is
no rollcall.yaml.`,
		Example: `  rollcall schema roster > roster.schema.json
  rollcall schema config`,
		ValidArgs: []string{"roster", "config", "plan", "result", "notification"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return invalid(errors.New("name one schema: roster, config, plan, result or notification"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := a.schema(args[0])
			if err != nil {
				return err
			}
			return a.print(text)
		},
	}
}

func (a *app) schema(name string) ([]byte, error) {
	switch name {
	case "plan":
		return schemas.Plan(), nil
	case "result":
		return schemas.Result(), nil
	case "notification":
		return schemas.Notification(), nil
	case "roster", "config":
	default:
		return nil, invalid(fmt.Errorf("no schema is called %q: there are roster, config, plan, result and notification", name))
	}
	kinds, err := a.configuredKinds()
	if err != nil {
		return nil, err
	}
	compose := schemas.Roster
	if name == "config" {
		compose = schemas.Config
	}
	text, err := compose(kinds)
	if err != nil {
		return nil, invalid(err)
	}
	return text, nil
}

// configuredKinds maps the configured providers to their kinds, or each kind to
// itself when there is no configuration.
func (a *app) configuredKinds() (map[string]string, error) {
	if _, err := os.Stat(a.config); errors.Is(err, fs.ErrNotExist) {
		kinds := make(map[string]string)
		for _, kind := range registry.Kinds() {
			kinds[kind.Name] = kind.Name
		}
		return kinds, nil
	}
	config, problems := sources.LoadConfig(a.config)
	if config == nil {
		return nil, a.refuse(problems, plan.ExitInvalid)
	}
	a.render(problems)
	return config.Kinds(), nil
}
