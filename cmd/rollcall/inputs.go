package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// inputs is what the files say, validated.
type inputs struct {
	config *sources.Config
	roster *sources.Roster
}

// load reads configuration and roster and tells every problem. It needs neither network
// nor credentials, but to fetch the repositories that the roster is in.
func (a *app) load(ctx context.Context) (*inputs, error) {
	config, roster, problems := sources.Load(ctx, a.config, sources.Options{Stdin: a.stdin, Rules: registry.Rules, Secrets: a.secrets, Offline: a.offline})
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	a.note(config, roster, problems)
	a.trace.config = config
	if config == nil || roster == nil {
		err := a.refuse(problems, refusal(problems))
		if _, missing := os.Stat(a.config); errors.Is(missing, fs.ErrNotExist) {
			a.remark("name the configuration with --config FILE, or its folder with --chdir DIR")
		}
		return nil, err
	}
	a.render(problems)
	a.sizes = sizes(config, roster)
	return &inputs{config: config, roster: roster}, a.checkScope(config, roster)
}

// sizes are how many people of the roster have something at each provider that chooses
// by it how they are looked up.
func sizes(config *sources.Config, roster *sources.Roster) map[string]int {
	if !slices.ContainsFunc(config.Providers, func(p sources.ProviderConfig) bool { return p.Lookup == sources.LookupAuto }) {
		return nil
	}
	sizes := make(map[string]int)
	for _, access := range sources.Resolve(roster, config, registry.Rules, time.Now()) {
		if access.State != sources.NotStarted {
			sizes[access.Provider]++
		}
	}
	return sizes
}

// refusal is the exit code of files that can not be used: they are wrong, or all that is
// wrong is that something could not be got at.
func refusal(problems sources.Diagnostics) int {
	for _, problem := range problems {
		if problem.Severity == sources.Error && !problem.Unread {
			return plan.ExitInvalid
		}
	}
	return plan.ExitError
}

// note remembers what the run reads, also where it can not be used.
func (a *app) note(config *sources.Config, roster *sources.Roster, problems sources.Diagnostics) {
	a.reads = append(a.reads, a.config, filepath.Join(filepath.Dir(a.config), seedFile))
	for _, problem := range problems {
		a.reads = append(a.reads, problem.File)
	}
	if roster != nil {
		a.reads = append(a.reads, roster.Files...)
	}
	if config == nil {
		return
	}
	for _, provider := range config.Providers {
		for _, secret := range provider.Auth {
			if secret.File != "" {
				a.reads = append(a.reads, secret.File)
			}
		}
	}
}

// render shows problems, each with its place.
func (a *app) render(problems sources.Diagnostics) {
	for _, problem := range problems {
		switch {
		case !a.unattended:
			_, _ = fmt.Fprint(a.stderr, problem.Render())
		case problem.Severity == sources.Error:
			a.log.Error("problem", "what", problem.String())
		default:
			a.log.Warn("problem", "what", problem.String())
		}
		if problem.Severity == sources.Error {
			a.trace.problems = append(a.trace.problems, a.secrets.Redact(problem.String()))
		}
	}
}

// refuse shows the problems of files that can not be used, and counts them. The
// first of them is named in the result.
func (a *app) refuse(problems sources.Diagnostics, code int) error {
	a.render(problems)
	problems = slices.DeleteFunc(problems, func(d sources.Diagnostic) bool { return d.Severity != sources.Error })
	if !a.unattended {
		_, _ = fmt.Fprintln(a.stderr, plural(len(problems), "problem"))
	}
	if len(problems) == 0 {
		return exit(code)
	}
	first := problems[0].String()
	if len(problems) > 1 {
		first += fmt.Sprintf(" (the first of %d problems)", len(problems))
	}
	return &exitError{code: code, err: errors.New(first), told: true}
}

// checkScope checks what --provider and --person name.
func (a *app) checkScope(config *sources.Config, roster *sources.Roster) error {
	var wrong []error
	for _, name := range a.providers {
		if _, known := config.Provider(name); !known {
			wrong = append(wrong, fmt.Errorf("--provider %q: %s has no provider of that name, only %s", name, config.File, strings.Join(providerNames(config), ", ")))
		}
	}
	for _, email := range a.people {
		if _, known := roster.Person(email); !known {
			wrong = append(wrong, fmt.Errorf("--person %q: nobody in the roster has this as email or previous email; to end somebody's access, keep him there with status: departed", email))
		}
	}
	if len(wrong) > 0 {
		return invalid(errors.Join(wrong...))
	}
	return nil
}

func providerNames(config *sources.Config) []string {
	names := make([]string, len(config.Providers))
	for i, p := range config.Providers {
		names[i] = p.Name
	}
	return names
}

// A session is everything that a plan is made and applied with.
type session struct {
	*inputs
	inScope     []plan.Provider
	connections map[string]*providers.Connection
	world       *simulator.World // nil without --simulate
}

// provider is a configured provider as a plan knows it. People who are named are
// searched for: no list of all users is read for them, and none stands in their way.
func (a *app) provider(config sources.ProviderConfig) plan.Provider {
	provider := plan.NewProvider(registry.Kind(config.Kind), config)
	provider.Named = len(a.people) > 0
	if provider.Config.Lookup == sources.LookupAuto {
		provider.Config.Lookup = provider.Kind.Choose(a.sizes[config.Name])
	}
	if provider.Named && provider.Config.Lookup == sources.LookupList && provider.Kind.Finds(sources.LookupSearch) {
		provider.Config.Lookup = sources.LookupSearch
	}
	if a.simulate {
		provider.Target = plan.SimulatedTarget
	}
	if a.memory != nil {
		provider.Memory = plan.Remember(a.memory, config.Name, time.Now())
	}
	if a.forgetful {
		provider.Record, provider.Memory = provider.Memory, nil
	}
	return provider
}

// inScope reports whether --provider names the provider, or none.
func (a *app) inScope(name string) bool {
	return len(a.providers) == 0 || slices.Contains(a.providers, name)
}

// connect opens the providers in scope.
func (a *app) connect(ctx context.Context, in *inputs, readOnly bool) (*session, error) {
	s := &session{inputs: in, connections: make(map[string]*providers.Connection)}
	if a.simulate {
		world, err := a.openWorld(filepath.Dir(in.config.File))
		if err != nil {
			return nil, err
		}
		s.world = world
	}
	var wrong []error
	for _, config := range in.config.Providers {
		if !a.inScope(config.Name) {
			continue
		}
		provider := a.provider(config)
		settings := providers.Settings{Config: provider.Config, Secrets: a.secrets, Log: a.log, ReadOnly: readOnly}
		if a.monitor != nil {
			settings.Observed = a.monitor.Exchange(config.Name)
		}
		if s.world != nil {
			settings = simulated(s.world, provider.Kind, settings)
		} else if err := readSecrets(ctx, provider.Kind, &settings); err != nil {
			wrong = append(wrong, err)
			continue
		}
		connection, err := provider.Kind.Connect(ctx, settings)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", config.Name, err))
			continue
		}
		s.inScope = append(s.inScope, provider)
		s.connections[config.Name] = connection
	}
	if len(wrong) > 0 {
		return nil, errors.Join(invalid(errors.Join(wrong...)), a.disconnect(s))
	}
	return s, nil
}

// readSecrets resolves the provider's secrets; all that are wrong are told.
func readSecrets(ctx context.Context, kind *providers.Kind, settings *providers.Settings) error {
	settings.Auth, settings.Rotating = make(map[string]sources.Secret), make(map[string]sources.Rotating)
	var wrong []error
	for name, ref := range settings.Config.Auth {
		secret, err := settings.Secrets.Read(ctx, ref)
		renewed := slices.Contains(kind.Rotates, name)
		if err == nil && renewed {
			settings.Rotating[name], err = sources.NewSecretFile(ref, settings.Secrets)
		}
		if err != nil && renewed && kind.Consent != nil {
			err = fmt.Errorf("%w; rollcall login %s writes it", err, settings.Config.Name)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: auth.%s: %w", ref.Origin, settings.Config.Name, name, err))
			continue
		}
		settings.Auth[name] = secret
	}
	slices.SortFunc(wrong, func(x, y error) int { return strings.Compare(x.Error(), y.Error()) })
	return errors.Join(wrong...)
}

// disconnect saves the simulated vendors and notes what they counted.
func (a *app) disconnect(s *session) error {
	if s == nil {
		return nil
	}
	a.trace.requests = make(map[string]providers.Requests, len(s.connections))
	for name, connection := range s.connections {
		requests := connection.Requests()
		a.trace.requests[name] = requests
		connection.Close()
		a.log.Info("requests", "provider", name, "readOnly", connection.Writer == nil, "reads", requests.Reads, "writes", requests.Writes, "sent", requests.Sent, "retries", requests.Retries, "waited", requests.Waited)
	}
	if s.world == nil {
		return nil
	}
	err := s.world.Close()
	counts := s.world.Counts()
	for _, fault := range slices.Sorted(maps.Keys(counts.Faults)) {
		a.log.Info("simulated fault", "fault", fault, "times", counts.Faults[fault])
	}
	a.counted = fmt.Sprintf("simulator: %d reads, %d writes, %d mails, at most %d at once", counts.Reads, counts.Writes, counts.Mails, counts.AtOnce)
	if err != nil {
		return broken(err)
	}
	return nil
}

// A made plan is a plan with what it was made from.
type made struct {
	plan    *plan.Plan
	access  []*sources.Access
	all     []*sources.Access // of everybody, whatever the scope
	entries []plan.Entry      // none of a saved plan
	created time.Time

	insiders map[string]plan.Insiders // none of a saved plan
}

// build observes and builds the plan.
func (a *app) build(ctx context.Context, s *session) (*made, error) {
	now := time.Now()
	all := sources.Resolve(s.roster, s.config, registry.Rules, now)
	access := a.narrow(s, a.withVanished(s.inScope, all))
	entries, err := a.observe(ctx, s, access)
	if err != nil {
		return nil, err
	}
	in, err := a.planInput(ctx, s, all, entries, now)
	if err != nil {
		return nil, err
	}
	return &made{plan: plan.Build(in), insiders: in.Insiders, access: access, all: all, entries: entries, created: in.Created}, nil
}

// withVanished adds those whom the roster does not have any more, unless people are
// named: then nobody else is removed.
func (a *app) withVanished(in []plan.Provider, all []*sources.Access) []*sources.Access {
	if len(a.people) > 0 {
		return all
	}
	return plan.WithVanished(in, all)
}

// observe looks people up and tells how far it is.
func (a *app) observe(ctx context.Context, s *session, access []*sources.Access) ([]plan.Entry, error) {
	readers := make(map[string]providers.Reader)
	for name, connection := range s.connections {
		readers[name] = connection.Reader
	}
	progress, end := a.progress(lookups, s)
	defer end()
	entries, err := plan.Observe(ctx, s.inScope, readers, access, progress)
	if err != nil {
		return nil, errInterrupted
	}
	return entries, nil
}

// planInput is what a plan is built from that is made as of an instant. all is
// everybody's access, whatever the scope. Where somebody is to be removed, it is found
// out who must not be.
func (a *app) planInput(ctx context.Context, s *session, all []*sources.Access, entries []plan.Entry, asOf time.Time) (plan.Input, error) {
	in := a.draftInput(s, all, entries, asOf)
	insiders, err := plan.FindInsiders(ctx, in, s.connections)
	if err != nil {
		return in, errInterrupted
	}
	in.Insiders, in.Reads = insiders, s.reads()
	return in, nil
}

// draftInput is planInput before anything is known of those who must not be removed.
func (a *app) draftInput(s *session, all []*sources.Access, entries []plan.Entry, asOf time.Time) plan.Input {
	return plan.Input{
		Created: time.Now(), AsOf: asOf.In(s.config.Zone).Format(time.DateOnly),
		Roster:     plan.RosterInfo{Digest: sources.Digest(all), Files: s.roster.Files},
		Scope:      plan.Scope{Providers: sorted(a.providers), People: a.canonicalPeople(s.roster)},
		Guardrails: s.config.Guardrails, Providers: s.inScope, Entries: entries,
		Ledger: a.ledgerState(),
	}
}

// reads is how many requests the providers have been read with.
func (s *session) reads() map[string]int {
	reads := make(map[string]int, len(s.connections))
	for name, connection := range s.connections {
		reads[name] = connection.Requests().Reads
	}
	return reads
}

// narrow keeps what --provider and --person name.
func (a *app) narrow(s *session, all []*sources.Access) []*sources.Access {
	people := a.canonicalPeople(s.roster)
	return slices.DeleteFunc(slices.Clone(all), func(access *sources.Access) bool {
		_, connected := s.connections[access.Provider]
		return !connected || len(people) > 0 && !slices.Contains(people, access.Person.Key)
	})
}

// canonicalPeople are the keys of the people that --person names.
func (a *app) canonicalPeople(roster *sources.Roster) []string {
	keys := []string{}
	for _, email := range a.people {
		if person, known := roster.Person(email); known {
			keys = append(keys, person.Key)
		}
	}
	return sorted(keys)
}

func sorted(names []string) []string {
	list := append([]string{}, names...)
	slices.SortFunc(list, cmp.Compare[string])
	return slices.Compact(list)
}
