package providertest

import (
	"context"
	"slices"

	"rollcall/providers"
	"rollcall/providers/simulator"
)

// A class says what may be repeated: reads have no effect, settings set a state,
// and what is done once must not be done twice.
type class int

const (
	reading class = iota
	setting
	once
)

// An operation is one thing that can be asked of a connection.
type operation struct {
	name  string
	asks  simulator.Operation
	class class
	// do asks for it, for the user with that id.
	do func(ctx context.Context, b *bench, c *providers.Connection, id string) error
}

// every operation in the order in which one user can live through them.
var every = []operation{
	{"list", simulator.Search, reading, func(ctx context.Context, b *bench, c *providers.Connection, _ string) error {
		_, err := b.lister(c).List(ctx)
		return err
	}},
	{"search", simulator.Search, reading, func(ctx context.Context, _ *bench, c *providers.Connection, _ string) error {
		_, err := c.Reader.Search(ctx, ana)
		return err
	}},
	{"get", simulator.Get, reading, func(ctx context.Context, _ *bench, c *providers.Connection, id string) error {
		_, err := c.Reader.Get(ctx, id)
		return err
	}},
	{"create", simulator.Create, once, func(ctx context.Context, b *bench, c *providers.Connection, _ string) error {
		_, err := b.creator(c).Create(ctx, providers.Draft{Email: cara, Values: b.Creates[0].Values})
		return err
	}},
	{"update", simulator.Update, setting, func(ctx context.Context, b *bench, c *providers.Connection, id string) error {
		_, err := b.updater(c).Update(ctx, providers.Patch{UserID: id, Values: b.Updates[0].Values})
		return err
	}},
	{"invite", simulator.Invite, once, func(ctx context.Context, b *bench, c *providers.Connection, id string) error {
		_, err := b.inviter(c).Invite(ctx, id)
		return err
	}},
	{"delete", simulator.Delete, setting, func(ctx context.Context, b *bench, c *providers.Connection, id string) error {
		_, err := b.deleter(c).Delete(ctx, id)
		return err
	}},
}

// operations are those that the vendor has.
func (s Subject) operations() []operation {
	has := map[string]bool{"search": true, "get": true, "list": s.can("list")}
	for _, name := range []string{"create", "update", "invite", "delete"} {
		has[name] = s.can(name)
	}
	all := slices.DeleteFunc(slices.Clone(every), func(o operation) bool { return !has[o.name] })
	for i := range all {
		if asks, otherwise := s.Asks[all[i].name]; otherwise {
			all[i].asks = asks
		}
	}
	return all
}
