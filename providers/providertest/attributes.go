package providertest

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
)

// attributeLaws are about what a reader shows of a user.
func (s Subject) attributeLaws() []law {
	laws := []law{
		{"attributes/search and id show the same", (*bench).sameShown},
		{"attributes/of a new user", (*bench).newShown},
	}
	for _, sample := range s.Updates {
		laws = append(laws, law{"attributes/read/" + sample.Name, func(b *bench) { b.reads(sample) }})
	}
	for _, name := range s.readable() {
		laws = append(laws, law{"attributes/hidden/" + name, func(b *bench) { b.hidden(name) }})
	}
	for i, group := range s.Together {
		laws = append(laws, law{fmt.Sprintf("attributes/blank/%d", i+1), func(b *bench) { b.blank(group) }})
	}
	return laws
}

// sameShown: whichever way a user is read, he has the same attributes, and none
// that the kind does not know.
func (b *bench) sameShown() {
	places := []map[string]any{nil, b.suspended()}
	for _, name := range b.readable() {
		places = append(places, b.Shown[name])
	}
	for _, record := range places {
		email := fmt.Sprintf("p%d@example.com", len(b.world.Users(b.Kind.Name)))
		id := b.add(email, record)
		c := b.connect()
		byID := b.get(c, id)
		found, err := c.Reader.Search(b.ctx, email)
		if err != nil || len(found) != 1 {
			b.Fatalf("%d users, %v", len(found), err)
		}
		if diff := cmp.Diff(b.searched(byID), visible(found[0])); diff != "" {
			b.Errorf("by id and by address he is not the same:\n%s", diff)
		}
		if byID.Email != email {
			b.Errorf("his address is %q, want %q", byID.Email, email)
		}
		for name, live := range byID.Attributes {
			if !slices.Contains(b.readable(), name) {
				b.Errorf("%s is no attribute to be read", name)
			}
			if providers.Empty(live.Data) != (live.Data == nil) || !live.Shown && live.Data != nil {
				b.Errorf("%s is empty in another way than Show says it: %#v", name, live)
			}
		}
	}
}

// newShown: what a new user does not have is shown to be empty; only so can it be
// given to him.
func (b *bench) newShown() {
	user := b.get(b.connect(), b.put(b.New(ana)))
	for _, name := range b.readable() {
		if _, special := b.Shown[name]; !special && !slices.Contains(b.Kind.Required, name) && !user.Attributes[name].Shown {
			b.Errorf("%s is not shown", name)
		}
	}
}

// reads: what stands in a record is what a reader shows.
func (b *bench) reads(sample Sample) {
	id := b.add(ana)
	b.edit(id, sample.record())
	user := b.get(b.connect(), id)
	for name, value := range sample.Values {
		attribute, _ := b.Kind.Attribute(name)
		if attribute.Mode == providers.CreateOnly || attribute.Sensitive {
			continue
		}
		if live := user.Attributes[name]; !live.Shown || !attribute.Matches(live.Data, value) {
			b.Errorf("%s is %#v, want %v", name, live, value)
		}
	}
}

// hidden: what is not shown is never empty, whichever answer leaves it out, and
// everything else is as it was. What the search alone leaves out is read by id.
func (b *bench) hidden(name string) {
	id := b.add(ana, b.Shown[name])
	c := b.connect()
	sound := b.get(c, id)
	if !sound.Attributes[name].Shown {
		b.Fatalf("%s is not shown of a user who has everything", name)
	}
	without := &providers.User{ID: sound.ID, Email: sound.Email, Attributes: map[string]providers.Live{}}
	for other, live := range sound.Attributes {
		if other != name && b.Needs[other] != name {
			without.Attributes[other] = live
		}
	}
	for _, everywhere := range []bool{true, false} {
		if !everywhere && b.byList() {
			continue // there is nothing but the search
		}
		b.chaos(hiding(name, everywhere))
		found, err := c.Reader.Search(b.ctx, ana)
		if err != nil || len(found) != 1 {
			b.Fatalf("%d users, %v", len(found), err)
		}
		if diff := cmp.Diff(b.searched(without), b.telling(found[0], name)); diff != "" {
			b.Errorf("the search shows of what is hidden:\n%s", diff)
		}
		want, got := visible(sound), visible(b.get(c, id))
		if everywhere {
			want, got = without, b.telling(got, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("by id is shown, hidden everywhere being %v:\n%s", everywhere, diff)
		}
		o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}, Stated: []string{name}})
		if o.Finding != providers.Found || o.User.Attributes[name].Shown == everywhere {
			b.Errorf("a lookup is %s, and %s is shown: %v", o.Finding, name, o.User.Attributes[name].Shown)
		}
		if b.can("suspend") {
			b.unsure(o.User, name)
		}
	}
	b.fired("hidden")
}

// telling is what a user shows apart from that which needs the attribute.
func (b *bench) telling(user *providers.User, name string) *providers.User {
	shown := visible(user)
	for other, needed := range b.Needs {
		if needed == name {
			delete(shown.Attributes, other)
		}
	}
	return shown
}

// unsure: whoever's suspension is not shown whole is not known to be suspended.
func (b *bench) unsure(user *providers.User, name string) {
	b.Helper()
	_, of := b.Kind.Suspension.Suspended[name]
	if of && !user.Attributes[name].Shown && b.Kind.Suspended(user) {
		b.Errorf("he is taken for suspended although %s is not shown", name)
	}
}

// visible is a user with those of his attributes that are shown.
func visible(user *providers.User) *providers.User {
	shown := &providers.User{ID: user.ID, Email: user.Email, Attributes: make(map[string]providers.Live)}
	for name, live := range user.Attributes {
		if live.Shown {
			shown.Attributes[name] = live
		}
	}
	return shown
}

// searched is what a search or a list shows of a user.
func (b *bench) searched(user *providers.User) *providers.User {
	shown := visible(user)
	for _, name := range b.ByID {
		delete(shown.Attributes, name)
	}
	return shown
}

// blank: credentials that lack a permission see blanks; none of them is a value.
func (b *bench) blank(group []string) {
	id := b.add(ana)
	c := b.connect()
	chaos := hiding("", true)
	chaos.Hidden, chaos.Blank = group, true
	b.chaos(chaos)
	for name, live := range b.get(c, id).Attributes {
		if slices.Contains(group, name) && live.Shown {
			b.Errorf("%s is blank and shown as %#v", name, live)
		}
	}
	o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}})
	if found := !slices.Contains(group, "email"); o.Finding == providers.Absent || (o.Finding == providers.Found) != found {
		b.Errorf("a lookup is %s: %s", o.Finding, o.Detail)
	}
	b.fired("hidden")
}
