package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/plan"
	"rollcall/providers/registry"
	"rollcall/sources"
)

// savePlan writes a plan for a later apply. A plan never holds a secret; if it has
// a text that is one all the same, it is not written, since a plan with something
// taken out of it would be another plan.
func (a *app) savePlan(file string, p *plan.Plan) error {
	data, err := p.Save()
	if err == nil && a.secrets.Redact(string(data)) != string(data) {
		err = errors.New("it has a text that is also one of the secrets in use, and a plan is read by people: take that text out of the roster, or change the secret")
	}
	if err == nil {
		err = writeFile(file, data)
	}
	if err != nil {
		return broken(fmt.Errorf("the plan can not be written to %s: %w", file, unwrapPath(err)))
	}
	return nil
}

// readPlan reads a saved plan; each line of the error names it.
func readPlan(file string) (*plan.Plan, error) {
	if file == "" {
		return nil, invalid(errors.New("PLAN is empty: name the file that rollcall plan --out wrote, or leave it out"))
	}
	p, err := openPlan(file)
	if err == nil {
		return p, nil
	}
	var lines []error
	for line := range strings.Lines(unwrapPath(err).Error()) {
		lines = append(lines, fmt.Errorf("%s: %s", file, strings.TrimSuffix(line, "\n")))
	}
	return nil, invalid(errors.Join(lines...))
}

func openPlan(file string) (*plan.Plan, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("is a directory, not a plan")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file") // a pipe would wait for somebody to write to it
	}
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = opened.Close() }()
	return plan.ReadSaved(opened)
}

// resume takes a saved plan up again: the scope is the plan's where the flags say
// none, and everything else that it was made for has to be as it was. What is made
// has everybody's access, whatever the scope.
func (a *app) resume(file string, p *plan.Plan, in *inputs) (*made, error) {
	scope := plan.Scope{Providers: sorted(a.providers), People: a.canonicalPeople(in.roster)}
	if len(a.providers) == 0 {
		scope.Providers, a.providers = p.Scope.Providers, p.Scope.Providers
	}
	if len(a.people) == 0 {
		scope.People, a.people = p.Scope.People, p.Scope.People
	}
	all := sources.Resolve(in.roster, in.config, registry.Rules, time.Now())
	now := plan.Circumstances{Scope: scope, Guardrails: in.config.Guardrails}
	for _, config := range in.config.Providers {
		if len(p.Scope.Providers) == 0 || slices.Contains(p.Scope.Providers, config.Name) {
			now.Providers = append(now.Providers, a.provider(config))
		}
	}
	if p.Ledger == plan.LedgerAbsent {
		// What it has was planned without a memory, and is judged without one.
		for i := range now.Providers {
			now.Providers[i].Record, now.Providers[i].Memory = now.Providers[i].Memory, nil
		}
		a.forgetful = true
	}
	now.Access = a.withVanished(now.Providers, all)
	reasons := p.Resume(now)
	if len(reasons) == 0 {
		return &made{plan: p, access: now.Access, all: all}, nil
	}
	lines := make([]error, len(reasons))
	for i, reason := range reasons {
		lines[i] = fmt.Errorf("%s: %s", file, reason)
	}
	return nil, invalid(errors.Join(lines...))
}

// savedLine says which plan is about to be applied.
func savedLine(file string, p *plan.Plan) string {
	return fmt.Sprintf("saved plan %s, made %s: each user is looked at again before he is changed\n", inert(file), p.Created)
}

// applyLine is the command that applies the plan in a file, to be copied.
func (a *app) applyLine(file string) string {
	if strings.HasPrefix(file, "-") {
		file = "./" + file
	}
	return a.program() + " apply " + plan.ShellWord(file)
}

// program is how the program was called, to be copied: with the flags that say for
// which configuration and which vendors.
func (a *app) program() string {
	words := []string{"rollcall"}
	if a.chdir != "" {
		words = append(words, "-C", plan.ShellWord(a.chdir))
	}
	if a.config != defaultConfig {
		words = append(words, "-c", plan.ShellWord(a.config))
	}
	if a.simulate {
		words = append(words, "--simulate")
	}
	return strings.Join(words, " ")
}

// refuseInputs refuses to write over what a run reads: the files that were noted in
// a.reads, and any file of YAML, which may be part of a roster that could not be read.
func (a *app) refuseInputs(flag, file string) error {
	target, err := os.Stat(file)
	if err != nil || !target.Mode().IsRegular() {
		return nil // there is nothing yet, or nothing to lose
	}
	for _, input := range a.reads {
		if info, err := os.Stat(filepath.FromSlash(input)); err == nil && os.SameFile(info, target) {
			return invalid(fmt.Errorf("%s %s: that is %s, which this run reads: name another file", flag, file, input))
		}
	}
	if extension := strings.ToLower(filepath.Ext(file)); extension == ".yaml" || extension == ".yml" {
		return invalid(fmt.Errorf("%s %s: that is a file of YAML, and what would be written over it is JSON: name another file", flag, file))
	}
	return nil
}
