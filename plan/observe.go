package plan

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// Observe looks everybody up who has to be, all providers side by side and each
// within its concurrency. It is given readers, which can not write. What goes
// wrong with one lookup is that entry's observation and stops nothing else; the
// error is the context's. progress is told of the lookups; nil is nobody.
func Observe(ctx context.Context, in []Provider, readers map[string]providers.Reader, access []*sources.Access, progress Progress) ([]Entry, error) {
	entries := make([]Entry, len(access))
	for i, a := range access {
		entries[i].Access = a
	}
	progress = told(progress)
	var all errgroup.Group
	for _, provider := range in {
		reader := readers[provider.Config.Name]
		all.Go(func() error {
			progress.Begin(provider.Config.Name, provider.lookups(access))
			var group errgroup.Group
			group.SetLimit(provider.Config.Concurrency)
			for i := range entries {
				e := &entries[i]
				if e.Access.Provider != provider.Config.Name || !provider.needsLookup(e.Access) || ctx.Err() != nil {
					continue
				}
				group.Go(func() error {
					defer progress.Done(e.Access.Provider)
					e.Observation = observe(ctx, reader, provider.query(e.Access))
					return nil
				})
			}
			return group.Wait()
		})
	}
	_ = all.Wait() // every task returns nil: its outcome is its observation
	return entries, ctx.Err()
}

// lookups is how many of the people the plan has to know the live users of.
func (p Provider) lookups(access []*sources.Access) int {
	n := 0
	for _, a := range access {
		if a.Provider == p.Config.Name && p.needsLookup(a) {
			n++
		}
	}
	return n
}

// observe looks one person up. A panic on the way is a failed lookup.
func observe(ctx context.Context, reader providers.Reader, q providers.Query) (o providers.Observation) {
	defer func() {
		if r := recover(); r != nil {
			err := fmt.Errorf("the lookup broke: %v", r)
			o = providers.Observation{Finding: providers.Unknown, Err: err, Detail: "the lookup broke inside rollcall", Remedy: "report this, with the output of -v"}
		}
	}()
	o = providers.Lookup(ctx, reader, q)
	if q.Patient {
		for _, wait := range lookAgain {
			if o.Finding != providers.Absent || sleep(ctx, wait) != nil {
				break
			}
			o = providers.Lookup(ctx, reader, q)
		}
	}
	return o
}

// youngFor is how long a vendor may take to show a new user in the list of all.
const youngFor = time.Hour

// query is whom to look up for an entry, and what has to be shown of him.
func (p Provider) query(access *sources.Access) providers.Query {
	q := providers.Query{UserID: access.UserID, Emails: access.Emails(), ShowEmail: p.Kind.Remedies["email"]}
	record, known := p.Memory.of(access)
	// Where several may be his, whoever has his address is; both is ambiguous.
	if known && access.UserID == "" && !p.Memory.several(access) {
		q.KnownID, q.Only = record.UserID, access.State == sources.Vanished && record.UserID != ""
		q.Young = record.How == ledger.Created && p.Memory.today.Sub(record.Since) < youngFor
	}
	_, q.Patient = p.Memory.interrupted(access)
	if p.Config.Lookup == sources.LookupLedger {
		q.IDsOnly, q.Patient = true, false
		q.Unproven = p.unproven(access)
		q.Only = q.Only || known && record.UserID != "" && access.State.Leaver()
		if p.Kind.OwnID != nil {
			q.OwnID = p.Kind.OwnID(p.Config, access)
		}
	}
	if access.State.Leaver() {
		for name := range p.Kind.Suspension.Suspended {
			q.Stated = append(q.Stated, name)
		}
		if p.Kind.Administrators != nil {
			q.Stated = append(q.Stated, p.Kind.Administrators.Reads...)
		}
		if p.leaving(access) == sources.LeaveDelete {
			q.Stated = append(q.Stated, p.Kind.DeleteReads...)
		}
		return q
	}
	q.Doubtful = p.Kind.PerhapsSuspended
	for name := range record.Applied {
		if a, is := p.Kind.Attribute(name); is && p.losable(a) {
			q.Stated = append(q.Stated, name)
		}
	}
	for _, w := range wants(p.Kind, access) {
		if w.Attribute.Mode == providers.Managed || w.Attribute.Mode == providers.Immutable {
			q.Stated = append(q.Stated, w.Attribute.Name)
		}
	}
	for _, a := range p.Kind.Attributes {
		if a.Whole && p.Kind.Cannot("update") == "" {
			q.Stated = append(q.Stated, a.Name)
		}
	}
	return q
}
