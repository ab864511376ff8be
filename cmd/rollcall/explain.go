package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/plan"
	"rollcall/providers/registry"
	"rollcall/sources"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain EMAIL",
		Short: "Say why the plan has what it has for one person",
		Long: `Says for one person, provider by provider, what the roster wants and which lines
and teams say so, how the user was looked up and what was answered, how each
attribute compares, and what follows in the plan, with every guard; and what the
ledger has, also of somebody whom the roster does not have any more. EMAIL may be a
previous one.

It looks up this person alone, unless access is to be taken away: then everybody at
that provider is looked up, because only the whole plan says whether a guard
refuses it. It sends no request that could change anything, and of what could not
be read only what concerns this person counts for the exit code.

` + exitHelp(situation.explain),
		Example: `  rollcall explain ana@example.com
  rollcall explain ana@example.com --provider vendasta`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes one email, not %d; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.explain(cmd.Context(), strings.TrimSpace(args[0]))
		},
	}
}

// explain is how the command ends in a situation: only what concerns the person
// counts, and a change that a guard refuses is explained like any other.
func (s situation) explain() string {
	if s.plan == fmt.Sprint(plan.ExitRefused) {
		return fmt.Sprint(plan.ExitOK)
	}
	return s.plan
}

func (a *app) explain(ctx context.Context, email string) (err error) {
	if len(a.people) > 0 {
		return invalid(errors.New("--person: rollcall explain takes the one person as its argument; leave the flag out"))
	}
	in, err := a.load(ctx)
	if err != nil {
		return err
	}
	if err := a.remember(ctx, in.config); err != nil {
		return err
	}
	asked, now := a.providers, time.Now()
	all := sources.Resolve(in.roster, in.config, registry.Rules, now)
	whole := a.withVanished(a.everyProvider(in.config), all)
	person, known := in.roster.Person(email)
	if !known {
		if person = vanished(whole, email); person == nil {
			return invalid(a.nobody(in, email))
		}
	}
	// Nothing is opened, and no secret read, where neither the roster nor the ledger has
	// anything of the person.
	a.providers = nil
	for _, access := range whole {
		if plan.Concerns(access, person) && (len(asked) == 0 || slices.Contains(asked, access.Provider)) {
			a.providers = append(a.providers, access.Provider)
		}
	}
	s := &session{inputs: in}
	if len(a.providers) > 0 {
		if s, err = a.connect(ctx, in, true); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.disconnect(s)) }()
	}
	input, err := a.observePerson(ctx, s, all, person, now)
	if err != nil {
		return err
	}
	explanation := plan.Explain(input, person, in.config.Zone, now)
	for _, config := range in.config.Providers {
		if !slices.Contains(a.providers, config.Name) && (len(asked) == 0 || slices.Contains(asked, config.Name)) {
			explanation.Nowhere = append(explanation.Nowhere, config.Name)
		}
	}
	if err := a.print([]byte(explanation.Text(a.style()))); err != nil {
		return err
	}
	if explanation.Unknown() {
		return exit(plan.ExitIncomplete)
	}
	return nil
}

// everyProvider are all configured providers, in the scope or not.
func (a *app) everyProvider(config *sources.Config) []plan.Provider {
	all := make([]plan.Provider, len(config.Providers))
	for i, c := range config.Providers {
		all[i] = a.provider(c)
	}
	return all
}

// vanished is somebody whom the ledger has and the roster does not, or nil.
func vanished(whole []*sources.Access, email string) *sources.Person {
	for _, access := range whole {
		if access.State == sources.Vanished && sources.SameEmail(access.Email, email) {
			return access.Person
		}
	}
	return nil
}

// nobody says that the roster does not have an address, nor the ledger a user with it.
func (a *app) nobody(in *inputs, email string) error {
	where := "nobody in the roster has this as email or previous email, and users whom the roster does not have are never touched"
	if a.memory != nil {
		where = "nobody in the roster has this as email or previous email, nor does the ledger have a user of this name, and such users are never touched"
	}
	return fmt.Errorf("%q: %s%s", email, where, meant(in, email))
}

// observePerson looks up one person and, where a change takes access away, everybody
// else there: the guards judge all that a plan has at a provider.
func (a *app) observePerson(ctx context.Context, s *session, all []*sources.Access, person *sources.Person, now time.Time) (plan.Input, error) {
	there := a.narrow(s, a.withVanished(s.inScope, all))
	own := slices.DeleteFunc(slices.Clone(there), func(access *sources.Access) bool { return !plan.Concerns(access, person) })
	entries, err := a.observe(ctx, s, own)
	if err != nil {
		return plan.Input{}, err
	}
	removed := plan.Taking(a.draftInput(s, all, entries, now))
	others := slices.DeleteFunc(there, func(access *sources.Access) bool { return plan.Concerns(access, person) || !removed[access.Provider] })
	if len(others) > 0 {
		rest, err := a.observe(ctx, s, others)
		if err != nil {
			return plan.Input{}, err
		}
		entries = append(entries, rest...)
	}
	return a.planInput(ctx, s, all, entries, now)
}

// How near an address has to be to be one that may be meant, and how many of them
// are named.
const (
	nearby  = 2
	maxNear = 3
)

// meant names the people whose addresses are near to one that nobody has.
func meant(in *inputs, email string) string {
	type near struct {
		distance int
		words    string
	}
	wanted := sources.FoldText(strings.TrimSpace(email))
	var found []near
	for _, person := range in.roster.People {
		best := near{distance: nearby + 1}
		consider := func(address, words string) {
			address = sources.FoldText(address)
			d := distance(wanted, address, nearby)
			if local, _, _ := strings.Cut(address, "@"); strings.HasPrefix(wanted, local+"@") {
				d = min(d, nearby) // the right name at another domain
			}
			if d < best.distance {
				best = near{d, words}
			}
		}
		consider(person.Email, person.Email)
		for _, previous := range person.PreviousEmails {
			consider(previous, previous+" (previous of "+person.Email+")")
		}
		for _, config := range in.config.Providers {
			if own := person.Own[config.Name]; own != nil && own.Email != "" {
				consider(own.Email, person.Email+" (who has "+own.Email+" at "+config.Name+")")
			}
		}
		if best.distance <= nearby {
			found = append(found, best)
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.words, b.words))
	})
	var words []string
	for _, n := range found[:min(len(found), maxNear)] {
		words = append(words, n.words)
	}
	return "; did you mean " + strings.Join(words, " or ") + "?"
}

// distance is how many letters have to be put in, taken out or replaced to make one
// text the other, or more than most when there are more.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > most || len(y)-len(x) > most {
		return most + 1
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, other := range y {
			replaced := diagonal
			if r != other {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(y)]
}
