// Package providertest is the laws of one provider, without a plan.
//
// A vendor's package says in a Subject what only it knows, as data, and runs
// every law against its simulated vendor:
//
//	func TestConformance(t *testing.T) { providertest.Run(t, subject()) }
//	func TestConformanceFails(t *testing.T) { providertest.Prove(t, subject()) }
//
// The laws are those that stand above the abilities in package providers, and
// the fault table: what a vendor can do wrong at each operation, and what may
// come of it. Every fault that is injected has to be counted by the simulator as
// fired. Prove runs the laws against providers that are broken on purpose, and
// fails for each one that no law finds.
//
// Each law runs in a bubble of testing/synctest, with a world of its own: waits
// cost nothing, and no law sees what another one did.
package providertest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// A Subject is what the laws have to be told of a vendor. Records are in the form
// of simulator.World.Add, and places in them are dotted paths, such as
// attributes.givenName.
type Subject struct {
	Kind *providers.Kind
	// Settings, Lists and Tables are the kind's own settings, as rollcall.yaml has them,
	// and Assume the operations that it assumes.
	Settings map[string]string
	Lists    map[string][]string
	Tables   map[string]map[string]string
	Assume   []string
	// World is what the simulated vendor is like; chaos is the laws' own.
	World simulator.Options

	// User is the record of somebody with that address who has everything that a
	// user can have at once and who is not suspended; no id is in it.
	User func(email string) map[string]any
	// New is the record of somebody with that address for whom a create sent
	// nothing else: what the vendor fills in by itself.
	New func(email string) map[string]any
	// Volatile are the places of a record that the vendor sets as it likes, such as
	// times.
	Volatile []string
	// Shown says, of attributes that the vendor shows of certain users alone, what
	// has to stand in a record for it to be shown.
	Shown map[string]map[string]any
	// Needs says, of attributes that can not be read without another one, which that
	// is.
	Needs map[string]string
	// ByID names attributes that a look by id shows and a search or list does not.
	ByID []string
	// Asks says, of what is asked of a connection by a request that counts as another
	// operation, which that is: get is a search where users are read in lists alone.
	Asks map[string]simulator.Operation
	// Looks names the operations that read the user before they write, so that what is
	// wrong with that read ends them and nothing is done.
	Looks []string
	// Unproven says why an id that the vendor does not know is not proven to be nobody's;
	// empty where it is.
	Unproven string
	// Unaccounted says why no setting tells one account from another; empty where one
	// does.
	Unaccounted string
	// Answers are documents that are a proper answer to a search there.
	Answers []string
	// TokenPath is what the path of the token endpoint ends with; empty where there is
	// none.
	TokenPath string
	// Invitable is what has to stand in a record for a welcome mail to be sent.
	Invitable map[string]any

	// Creates are users to make, Updates changes of a user; together they have
	// every attribute that can be sent. The first of each has nothing special.
	Creates, Updates []Sample
	// Frozen are changes of attributes that can not be changed.
	Frozen []Sample

	// Together are groups of names that credentials which lack a permission see
	// blank together.
	Together [][]string
	// SearchPage and ListPage are how many users the vendor answers at once when
	// the provider searches and lists.
	SearchPage, ListPage int
	// Without names the faults of the table that the vendor can not have, and the flaws
	// that a provider of it can not, with the reason.
	Without map[string]string

	// bend makes of a sound connection a broken one, for Prove.
	bend func(b *bench, c *providers.Connection)
	// tune changes what a connection is opened with, for Prove.
	tune func(*providers.Settings)
}

// A Sample is values to send, and what the record then has.
type Sample struct {
	Name   string
	Values map[string]any
	// Record is by place; nil means that the places are called as the values are.
	Record map[string]any
	// With names attributes that the vendor wants to be sent along.
	With []string
	// Mails is how many mails that is to send.
	Mails int64
}

func (s Sample) record() map[string]any {
	if s.Record != nil {
		return s.Record
	}
	return s.Values
}

// T is what a law reports to; *testing.T is one.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	// Fatalf ends the law.
	Fatalf(format string, args ...any)
}

// A law is one thing that has to hold.
type law struct {
	name  string
	check func(*bench)
}

// laws are all laws that concern the subject.
func (s Subject) laws() []law {
	var all []law
	for _, some := range [][]law{
		s.kindLaws(), s.lookupLaws(), s.attributeLaws(), s.createLaws(), s.updateLaws(), s.suspensionLaws(), s.deleteLaws(),
		s.inviteLaws(), s.accessLaws(), s.limitLaws(), s.pageLaws(), s.storageLaws(), s.answerLaws(), s.faultLaws(),
	} {
		all = append(all, some...)
	}
	return all
}

// lacks says what a subject does not say, or says of nothing; "" is nothing.
func (s Subject) lacks() string {
	switch {
	case s.Kind == nil || s.User == nil || s.New == nil:
		return "Kind, User and New have to be given"
	case s.can("create") && len(s.Creates) == 0, s.can("update") && len(s.Updates) == 0:
		return "there are no samples of what the vendor can do"
	case s.can("search") && s.SearchPage < 1, s.can("list") && s.Kind.ListPage > 0 && s.ListPage < 1:
		return "SearchPage and ListPage have to be given"
	}
	known := []string{"singular-error", "ignored-filter", "misspelled-email-case"}
	for _, f := range faults() {
		known = append(known, f.name, f.fired)
	}
	for _, d := range disorders {
		known = append(known, d.fired)
	}
	for _, f := range flaws() {
		known = append(known, f.name)
	}
	for fault, reason := range s.Without {
		if reason == "" || !slices.Contains(known, fault) {
			return "Without has a fault without a reason, or one that is not there: " + fault
		}
	}
	return ""
}

// Run checks every law, each as a subtest.
func Run(t *testing.T, s Subject) {
	t.Helper()
	if lacks := s.lacks(); lacks != "" {
		t.Fatal(lacks)
	}
	for _, l := range s.laws() {
		t.Run(l.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { l.check(newBench(t, t.Context(), s)) })
		})
	}
}

// newBench is a bench in a bubble whose clock shows a present day: in the year in
// which it begins Unix seconds can not be told from a span.
func newBench(t T, ctx context.Context, s Subject) *bench { //nolint:revive // what a law reports to comes first
	time.Sleep(27 * 365 * 24 * time.Hour)
	b := &bench{T: t, Subject: s, ctx: ctx, world: simulator.New(s.World), rotating: make(map[string]sources.Rotating)}
	for _, name := range s.Kind.Rotates {
		b.rotating[name] = sources.MemorySecret(sources.NewSecret(b.secret(name)))
	}
	return b
}
