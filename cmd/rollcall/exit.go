package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"rollcall/plan"
)

// An exitError ends the program with a code. Its error, if any, says why; told
// means that people have been told already.
type exitError struct {
	code int
	err  error
	told bool
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit is an error that says nothing more, what was wrong being told already.
func exit(code int) error {
	if code == plan.ExitOK {
		return nil
	}
	return &exitError{code: code}
}

// errInterrupted ends a run that was interrupted before it changed anything.
var errInterrupted = &exitError{code: plan.ExitInterrupted, err: errors.New("interrupted: nothing was changed")}

// broken is an error of the machine: files that can not be written, a state that
// can not be read.
func broken(err error) error { return &exitError{code: plan.ExitError, err: err} }

// invalid is an error of input: files, flags, secrets.
func invalid(err error) error { return &exitError{code: plan.ExitInvalid, err: err} }

// precedence orders the exit codes for runs in which several apply.
var precedence = []int{
	plan.ExitInterrupted, plan.ExitInvalid, plan.ExitError, plan.ExitRefused, plan.ExitIncomplete, plan.ExitChanges, plan.ExitOK,
}

// stronger is the one of two exit codes that a run ends with.
func stronger(a, b int) int {
	if slices.Index(precedence, b) < slices.Index(precedence, a) {
		return b
	}
	return a
}

// outcome is how a run ended with err: the exit code, why, and what of that is
// still to be told. Whatever has no code of its own has the one given.
func outcome(err error, otherwise int) (code int, why, tell error) {
	if err == nil {
		return plan.ExitOK, nil, nil
	}
	if many, is := err.(interface{ Unwrap() []error }); is { //nolint:errorlint // only what errors.Join made is taken apart
		var whys, tells []error
		for _, one := range many.Unwrap() {
			c, w, t := outcome(one, otherwise)
			code, whys, tells = stronger(code, c), append(whys, w), append(tells, t)
		}
		return code, errors.Join(whys...), errors.Join(tells...)
	}
	var coded *exitError
	switch {
	case !errors.As(err, &coded):
		return otherwise, err, err
	case coded.told:
		return coded.code, coded.err, nil
	default:
		return coded.code, coded.err, coded.err
	}
}

// A situation is one row of the table of exit codes: how each command ends in it.
type situation struct{ when, plan, detailed, apply, run string }

// Cells of the table that are no code.
const (
	noEffect = "no effect"
	never    = "–"
)

// situations is the table of exit codes, for help and README.
var situations = []situation{
	{"nothing to change", "0", "0", "0", "0"},
	{"changes", "0", "2", "0 if all applied", "0 if all applied"},
	{"held or manual, and the person is not a leaver", noEffect, noEffect, noEffect, noEffect},
	{"a leaver held or manual: he still has access", noEffect, noEffect, "3", "3"},
	{"anything unknown: a person or a provider unread", "3", "3", "3", "3"},
	{"a change failed, stale, unknown or skipped", never, never, "3", "3"},
	{"a guard refused", "4", "4", "4, the rest is applied", "4, the rest is applied"},
	{"invalid roster, configuration, flags or secrets", "5", "5", "5", "5"},
	{"a saved plan that is edited, unreadable or for something else", never, never, "5", never},
	{"something to apply, no terminal and no --yes", never, never, "5", never},
	{"broke before the first write", "1", "1", "1", "1"},
	{"declined at the prompt", never, never, "1", never},
	{"broke after the first write", never, never, "3, result written", "3"},
	{"interrupted", "130", "130", "130, what was under way is finished", "130, what was under way is finished"},
}

// exitTable is the table of exit codes in Markdown.
func exitTable() string {
	var out strings.Builder
	out.WriteString("| situation | plan | plan --detailed-exitcode | apply, run --once |\n|---|---|---|---|\n")
	for _, s := range situations {
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", s.when, s.plan, s.detailed, s.apply)
	}
	codes := make([]string, len(precedence))
	for i, code := range precedence {
		codes[i] = fmt.Sprint(code)
	}
	fmt.Fprintf(&out, "\nWhere several apply, the first of these counts: %s.\n", strings.Join(codes, ", "))
	return out.String()
}

// exitHelp is the column of one command as text for its help.
func exitHelp(column func(situation) string) string {
	var out strings.Builder
	out.WriteString("Exit codes:\n")
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, s := range situations {
		cell := column(s)
		if cell == noEffect || cell == never {
			continue
		}
		code, condition, _ := strings.Cut(cell, " ")
		if condition != "" {
			condition = " (" + condition + ")"
		}
		// Writing to a strings.Builder never fails.
		_, _ = fmt.Fprintf(table, "  %s\t%s%s\n", strings.TrimSuffix(code, ","), s.when, condition)
	}
	_ = table.Flush()
	return strings.TrimSuffix(out.String(), "\n")
}
