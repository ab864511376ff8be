package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rollcall/providers"
	"rollcall/providers/registry"
)

func (a *app) providersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "providers",
		Short: "Print what rollcall can do at each vendor, and who says so",
		Long: `Prints for each kind of provider what it can do, whether the vendor documents
that or it is assumed, and where. Then the attributes that a roster can state.`,
		Example: `  rollcall providers`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print([]byte(providersText(registry.Kinds())))
		},
	}
}

// providersText is the capability table for a terminal.
func providersText(kinds []*providers.Kind) string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for i, kind := range kinds {
		if i > 0 {
			_, _ = fmt.Fprintln(table)
		}
		_, _ = fmt.Fprintf(table, "%s (%s)\t\t\t\n", kind.Name, kind.Title)
		for _, c := range kind.Capabilities {
			_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", c.Operation, c.Evidence, c.How, c.Source)
		}
		_, _ = fmt.Fprintf(table, "  rate\t%s\t\t\n", kind.Rate)
		_, _ = fmt.Fprintf(table, "  onLeave\t%s\t%s\t\n", leaveWords(kind), kind.Suspension.Means)
		for _, attribute := range kind.Attributes {
			if _, state := kind.Suspension.Active[attribute.Name]; state {
				continue // no roster states it
			}
			_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", attribute.Name, attribute.Mode, attributeWords(attribute), attribute.Source)
		}
	}
	// Writing to a strings.Builder never fails.
	_ = table.Flush()
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

func leaveWords(kind *providers.Kind) string {
	if kind.OnLeave == "" {
		return "manual"
	}
	return string(kind.OnLeave)
}

func attributeWords(attribute providers.Attribute) string {
	words := string(attribute.Shape)
	if attribute.Grant {
		words += ", grant"
	}
	if attribute.Person != "" {
		words += ", from " + attribute.Person
	}
	if attribute.Sensitive {
		words += ", a secret by reference"
	}
	if attribute.AfterCreate {
		words += ", set right after a create"
	}
	return words
}

// capabilityTable is the table of all kinds for a README, in Markdown.
func capabilityTable(kinds []*providers.Kind) string {
	var out strings.Builder
	out.WriteString("| |")
	for _, kind := range kinds {
		out.WriteString(" " + kind.Name + " |")
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, operation := range []string{"find", "create", "update", "suspend", "restore", "delete", "invite", "self", "administrators"} {
		out.WriteString("| " + operation + " |")
		for _, kind := range kinds {
			out.WriteString(" " + capabilityCell(kind, operation) + " |")
		}
		out.WriteString("\n")
	}
	return out.String()
}

func capabilityCell(kind *providers.Kind, operation string) string {
	for _, c := range kind.Capabilities {
		if c.Operation == operation {
			return fmt.Sprintf("%s: %s", c.Evidence, c.How)
		}
	}
	return string(providers.None)
}
