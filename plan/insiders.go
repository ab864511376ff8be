package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollcall/providers"
	"rollcall/sources"
)

// Insiders are what is known of a provider's users whose removal would lock people or
// rollcall out: whose credentials it uses, and who besides the people of the plan might
// be an administrator. The zero value knows nothing.
type Insiders struct {
	// Own is the user whom rollcall's credentials belong to; nil where that is not told.
	// OwnErr is why it is not known although it may be told.
	Own    *providers.User
	OwnErr error
	// Other is an administrator who is not among the people of the plan, if one was looked
	// for and found; OtherErr is why it is not known whether there is one.
	Other    *providers.User
	OtherErr error
}

// The guards that are told as not armed.
const (
	unarmedOwn            = "own user"
	unarmedAdministrators = "administrators"
)

// FindInsiders finds out what the guards on rollcall's own user and on administrators
// need to know. A provider where nothing is to be taken away is not asked, and its
// users are listed only where an administrator is to be removed and no other is known.
// The error is the context's.
func FindInsiders(ctx context.Context, in Input, connections map[string]*providers.Connection) (map[string]Insiders, error) {
	found := make(map[string]Insiders)
	var mu sync.Mutex
	var all errgroup.Group
	for _, provider := range in.Providers {
		b := draft(&Plan{}, provider, in)
		connection := connections[provider.Config.Name]
		if len(b.taking()) == 0 || connection == nil {
			continue
		}
		all.Go(func() error {
			var x Insiders
			x.Own, x.OwnErr = toldSelf(connection.Self(ctx))
			b.insiders = x
			if leaving, others, gone := b.administrators(); len(leaving) > 0 && others == 0 {
				x.Other, x.OtherErr = connection.FindAdministrator(ctx, provider.Kind, false, func(user *providers.User) bool { return !gone[user.ID] })
			}
			mu.Lock()
			defer mu.Unlock()
			found[provider.Config.Name] = x
			return nil
		})
	}
	_ = all.Wait() // what could not be found out is in what is known
	return found, ctx.Err()
}

// toldSelf is the user whom a connection's credentials belong to, if that is told.
func toldSelf(user *providers.User, err error) (*providers.User, error) {
	if errors.Is(err, providers.ErrAbsent) {
		return nil, nil
	}
	return user, err
}

// Taking names the providers where access is to be taken away from somebody, whatever
// the guards make of it.
func Taking(in Input) map[string]bool {
	names := make(map[string]bool)
	for _, provider := range in.Providers {
		if len(draft(&Plan{}, provider, in).taking()) > 0 {
			names[provider.Config.Name] = true
		}
	}
	return names
}

// demotes reports whether a change makes no administrator of somebody who is one and who
// is not suspended.
func (p Provider) demotes(c *Change, user *providers.User) bool {
	if is, _ := p.Kind.Administrator(user, nil); !is || p.Kind.Suspended(user) {
		return false
	}
	if c.removal() {
		return true
	}
	changed := make(map[string]any)
	for _, a := range c.Attributes {
		changed[a.Name] = a.After
	}
	is, _ := p.Kind.Administrator(user, changed)
	return !is
}

// isOwn reports whether a user is the one whom rollcall's credentials belong to.
func (x Insiders) isOwn(user *providers.User) bool {
	if x.Own == nil || user == nil {
		return false
	}
	return x.Own.ID != "" && x.Own.ID == user.ID || x.Own.Email != "" && sources.SameEmail(x.Own.Email, user.Email)
}

// taking are the changes that remove somebody, or that make no administrator of one.
func (b *builder) taking() []*Change {
	var some []*Change
	for i := range b.plan.Changes[b.first:] {
		c := &b.plan.Changes[b.first+i]
		if user := b.entries[c.ID].Observation.User; user != nil && (c.removal() || b.provider.demotes(c, user)) {
			some = append(some, c)
		}
	}
	return some
}

// administrators are the changes by which administrators would go, by whose ids they
// are gone, and how many others are known to be there afterwards.
func (b *builder) administrators() (leaving []*Change, others int, gone map[string]bool) {
	gone = make(map[string]bool)
	for _, c := range b.taking() {
		if user := b.entries[c.ID].Observation.User; b.provider.demotes(c, user) {
			leaving = append(leaving, c)
			gone[user.ID] = true
		}
	}
	for _, user := range append([]*providers.User{b.insiders.Own, b.insiders.Other}, b.users...) {
		if user != nil && user.ID != "" && !gone[user.ID] && b.provider.Kind.ActiveAdministrator(user) {
			others++
		}
	}
	return leaving, others, gone
}

// keepInsiders holds what would remove the user whom rollcall's credentials belong to,
// or the last administrator: of several who would go at once, the last by address stays.
func (b *builder) keepInsiders() {
	taking := b.taking()
	if len(taking) == 0 {
		return
	}
	x := b.insiders
	if x.Own == nil && x.OwnErr == nil {
		b.unarmed = append(b.unarmed, unarmedOwn)
	}
	if b.provider.Kind.Administrators == nil {
		b.unarmed = append(b.unarmed, unarmedAdministrators)
	}
	kept := make(map[string]func(Entry, Action))
	for _, c := range taking {
		switch user := b.entries[c.ID].Observation.User; {
		case x.OwnErr != nil:
			kept[c.ID] = func(e Entry, action Action) {
				b.hold(e, action, HeldUnknown, b.provider.unreadOwn(x.OwnErr), remedyOf(x.OwnErr))
			}
		case x.isOwn(user):
			kept[c.ID] = func(e Entry, action Action) {
				b.hold(e, action, HeldProtected, ownUser, "give rollcall the credentials of another user first, or change him by hand")
			}
		}
	}
	b.keep(kept)
	leaving, others, _ := b.administrators()
	if len(leaving) == 0 || others > 0 {
		return
	}
	b.keep(map[string]func(Entry, Action){leaving[len(leaving)-1].ID: func(e Entry, action Action) {
		if x.OtherErr != nil && !errors.Is(x.OtherErr, providers.ErrNoList) {
			b.hold(e, action, HeldUnknown, b.provider.unreadAdministrators(x.OtherErr), remedyOf(x.OtherErr))
			return
		}
		b.hold(e, action, HeldProtected, b.provider.lastAdministrator(), "make somebody else one first, or change him by hand")
	}})
}

// keep holds the changes that it is given a way to hold.
func (b *builder) keep(kept map[string]func(Entry, Action)) {
	changes := slices.Clone(b.plan.Changes[:b.first])
	for _, c := range b.plan.Changes[b.first:] {
		if hold, is := kept[c.ID]; is {
			hold(b.entries[c.ID], c.Action)
			continue
		}
		changes = append(changes, c)
	}
	b.plan.Changes = changes
}

const ownUser = "this is the user whom the credentials belong to that rollcall uses"

// lastAdministrator says why somebody is kept who has what makes an administrator.
func (p Provider) lastAdministrator() string {
	return fmt.Sprintf("he may be the last administrator there: nobody else is known who is active and has %s", p.Kind.Administrators.Means)
}

func (p Provider) unreadOwn(err error) string {
	return "it could not be read whether he is the user whom the credentials belong to that rollcall uses: " + p.bareError(err)
}

func (p Provider) unreadAdministrators(err error) string {
	return "he is an administrator, and it could not be read whether there is another one: " + p.bareError(err)
}

// bareError is an error without the provider's name before it.
func (p Provider) bareError(err error) string {
	return strings.TrimPrefix(err.Error(), p.Config.Name+": ")
}

func remedyOf(err error) string { return cmp.Or(providers.Remedy(err), "run again") }

// unarmedLine says which guards a provider has not armed, or "".
func unarmedLine(p ProviderState) string {
	if len(p.Unarmed) == 0 {
		return ""
	}
	words := map[string]string{
		unarmedOwn:            "whose credentials rollcall uses",
		unarmedAdministrators: "who is an administrator",
	}
	var parts []string
	for _, name := range p.Unarmed {
		parts = append(parts, words[name])
	}
	return fmt.Sprintf("it is not told %s, so only guardrails.protect keeps such users", strings.Join(parts, ", nor "))
}

// A watch finds out for an apply who the insiders of a provider are by now, once and
// only if a change has to know.
type watch struct {
	provider Provider
	changes  map[string]*Change // of the plan, by user id
	own      func() (*providers.User, error)
	other    func() (*providers.User, error) // an administrator who stays
}

// watch is that of the provider, for the changes of the plan.
func (r *run) watch(ctx context.Context, name string, connection *providers.Connection) *watch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.watches[name]; w != nil {
		return w
	}
	w := &watch{
		provider: r.byName[name], changes: make(map[string]*Change),
		own: sync.OnceValues(func() (*providers.User, error) { return toldSelf(connection.Self(ctx)) }),
	}
	w.other = sync.OnceValues(func() (*providers.User, error) {
		return connection.FindAdministrator(ctx, w.provider.Kind, true, w.stays)
	})
	for i := range r.Plan.Changes {
		if c := &r.Plan.Changes[i]; c.Provider == name && c.UserID != "" {
			w.changes[c.UserID] = c
		}
	}
	r.watches[name] = w
	return w
}

// keeps says why the user may not be changed so, as he was just seen, or "". The error
// tells that it could not be found out.
func (w *watch) keeps(c *Change, user *providers.User) (string, error) {
	demotes := w.provider.demotes(c, user)
	if !demotes && !c.removal() {
		return "", nil
	}
	own, err := w.own()
	if err != nil {
		return "", errors.New(w.provider.unreadOwn(err))
	}
	if (Insiders{Own: own}).isOwn(user) {
		return ownUser, nil
	}
	if !demotes {
		return "", nil
	}
	if own != nil && own.ID != "" && w.provider.Kind.ActiveAdministrator(own) && w.stays(own) {
		return "", nil
	}
	switch other, err := w.other(); {
	case other != nil:
		return "", nil
	case err != nil && !errors.Is(err, providers.ErrNoList):
		return "", errors.New(w.provider.unreadAdministrators(err))
	default:
		return w.provider.lastAdministrator(), nil
	}
}

// stays reports of an administrator that the plan leaves him one.
func (w *watch) stays(user *providers.User) bool {
	change := w.changes[user.ID]
	return change == nil || !change.removal() && !w.provider.demotes(change, user)
}
