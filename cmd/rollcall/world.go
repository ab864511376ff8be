package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// seedFile is what the simulated vendors begin with, beside the configuration,
// and how they misbehave.
const seedFile = "simulator.yaml"

// openWorld opens the simulated vendors whose state stands beside the
// configuration.
func (a *app) openWorld(dir string) (*simulator.World, error) {
	var file *sources.YAMLFile
	seed := func() (any, error) {
		path := filepath.Join(dir, seedFile)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		read, problems := sources.ReadYAML(path)
		if problems.Failed() {
			return nil, problems
		}
		file = read
		return file.Data(), nil
	}
	world, err := simulator.Open(dir, seed, simulator.Options{})
	var problems sources.Diagnostics
	var wrong *simulator.SeedError
	switch {
	case errors.As(err, &problems):
		return nil, a.refuse(problems, plan.ExitError)
	case errors.Is(err, simulator.ErrState): // that file is not for people to mend
		return nil, broken(err)
	case errors.As(err, &wrong):
		return nil, a.refuse(file.Problem(wrong.Path, wrong.Error()), plan.ExitError)
	case err != nil:
		return nil, broken(err)
	}
	return world, nil
}

// stockChaos is the value of --chaos without one.
const stockChaos = "stock"

// readChaos is the chaos that --chaos names, by kind of vendor.
func (a *app) readChaos(name string) (map[string]simulator.Chaos, error) {
	if name == stockChaos {
		all := make(map[string]simulator.Chaos)
		for _, kind := range simulator.New(simulator.Options{}).Kinds() {
			all[kind] = simulator.StockChaos()
		}
		return all, nil
	}
	file, problems := sources.ReadYAML(name)
	if problems.Failed() {
		return nil, a.refuse(problems, plan.ExitInvalid)
	}
	all, err := simulator.ReadChaos(file.Data())
	var wrong *simulator.SeedError
	switch {
	case errors.As(err, &wrong):
		return nil, a.refuse(file.Problem(wrong.Path, wrong.Error()), plan.ExitInvalid)
	case err != nil:
		return nil, invalid(fmt.Errorf("--chaos=%s: %w", name, err))
	case len(all) == 0:
		return nil, invalid(fmt.Errorf("--chaos=%s: there is no chaos in this file; write a chaos: block at its top, or below a vendor's name", name))
	}
	return all, nil
}

// simulated are settings that lead to the simulated vendors.
func simulated(world *simulator.World, kind *providers.Kind, settings providers.Settings) providers.Settings {
	settings.Transport = world.Transport()
	settings.Config.BaseURL = world.BaseURL(settings.Config.Kind)
	settings.Config.TokenURL = world.TokenURL(settings.Config.Kind)
	settings.Auth = make(map[string]sources.Secret)
	for name, value := range kind.SimulatedAuth {
		settings.Auth[name] = sources.NewSecret(value)
	}
	return settings
}
