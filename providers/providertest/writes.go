package providertest

import (
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
)

// createLaws are about making users.
func (s Subject) createLaws() []law {
	if !s.can("create") {
		return nil
	}
	var laws []law
	for _, sample := range s.Creates {
		laws = append(laws, law{"create/" + sample.Name, func(b *bench) { b.creates(sample) }})
	}
	laws = append(
		laws,
		law{"create/a duplicate", func(b *bench) { b.duplicate(ana, nil) }},
		law{"create/a duplicate whose capitals differ", func(b *bench) { b.duplicate("Ana@Example.com", nil) }},
	)
	if s.can("suspend") {
		laws = append(laws, law{"create/a duplicate of somebody suspended", func(b *bench) { b.duplicate(ana, b.suspended()) }})
	}
	return laws
}

// creates: one request makes one user who has what the draft has and nothing
// else, and no mail goes out that was not asked for.
func (b *bench) creates(sample Sample) {
	b.add(bill)
	before := b.records()
	c := b.connect()
	draft := providers.Draft{Email: ana, Values: maps.Clone(sample.Values)}
	receipt, err := b.creator(c).Create(b.ctx, draft)
	if err != nil {
		b.Fatalf("%v", err)
	}
	if diff := cmp.Diff(sample.Values, draft.Values); diff != "" {
		b.Errorf("the draft is changed:\n%s", diff)
	}
	if _, was := before[receipt.UserID]; was || b.records()[receipt.UserID] == nil {
		b.Fatalf("the receipt has the id %q, which is not that of the new user", receipt.UserID)
	}
	if receipt.RequestID == "" {
		b.Errorf("the receipt has no request id")
	}
	before[receipt.UserID] = b.settled(b.New(ana))
	b.changed(before, receipt.UserID, sample.record())
	if n := b.counts(); n.Created != 1 || n.Writes != 1 || n.Mails != sample.Mails {
		b.Errorf("%d users created by %d requests, %d mails, want %d", n.Created, n.Writes, n.Mails, sample.Mails)
	}
	b.sendsOnly(sample)
	b.stored(c, receipt)
	user := b.get(c, receipt.UserID)
	for name, value := range sample.Values {
		attribute, _ := b.Kind.Attribute(name)
		if live := user.Attributes[name]; slices.Contains(b.readable(), name) && (!live.Shown || !attribute.Matches(live.Data, value)) {
			b.Errorf("%s is %#v, want %v", name, live, value)
		}
	}
}

// sendsOnly fails when a request names an attribute that it was not given: what is
// sent is overwritten, also by the value that it had.
func (b *bench) sendsOnly(sample Sample) {
	b.Helper()
	keys := b.keys()
	for _, a := range b.Kind.Attributes {
		_, given := sample.Values[a.Name]
		if !given && slices.Contains(keys, a.Name) && !slices.Contains(sample.With, a.Name) {
			b.Errorf("%s is sent, which was not asked for", a.Name)
		}
	}
}

// stored: what a receipt says of the user is what is to be read.
func (b *bench) stored(c *providers.Connection, receipt providers.Receipt) {
	b.Helper()
	if receipt.Stored == nil {
		return
	}
	if diff := cmp.Diff(visible(b.get(c, receipt.UserID)), visible(receipt.Stored)); diff != "" {
		b.Errorf("the receipt does not have what is stored:\n%s", diff)
	}
}

// duplicate: whoever has the address already is not changed, no second one is
// made, and there is no doubt about it.
func (b *bench) duplicate(email string, places map[string]any) {
	b.add(ana, places)
	b.add(bill)
	before := b.records()
	c := b.connect()
	for _, sample := range b.Creates {
		receipt, err := b.creator(c).Create(b.ctx, providers.Draft{Email: email, Values: sample.Values})
		if err == nil || providers.OutcomeUnknown(err) || providers.DidNothing(err) || providers.Repeatable(err) || receipt.UserID != "" {
			b.Errorf("%s: user %q, outcome unknown is %v, to be repeated is %v: %v", sample.Name, receipt.UserID, providers.OutcomeUnknown(err), providers.Repeatable(err), err)
		}
	}
	b.unchanged(before)
	if n := b.counts(); n.Created != 0 || n.Mails != 0 || n.Writes != int64(len(b.Creates)) {
		b.Errorf("%d users created, %d mails, %d requests", n.Created, n.Mails, n.Writes)
	}
}

// updateLaws are about setting attributes.
func (s Subject) updateLaws() []law {
	if !s.can("update") {
		return nil
	}
	var laws []law
	for _, sample := range s.Updates {
		laws = append(laws, law{"update/" + sample.Name, func(b *bench) { b.updates(sample) }})
	}
	if s.Kind.Readdress {
		laws = append(laws, law{"update/another address", (*bench).readdresses})
	}
	for _, sample := range s.Frozen {
		laws = append(laws, law{"update/frozen/" + sample.Name, func(b *bench) { b.frozen(sample) }})
	}
	return laws
}

// updates: the attributes named get their values, every other one keeps its own,
// and twice is as once.
func (b *bench) updates(sample Sample) {
	id := b.add(ana)
	b.add(bill)
	before := b.records()
	c := b.connect()
	patch := providers.Patch{UserID: id, Values: maps.Clone(sample.Values)}
	for range 2 {
		receipt, err := b.updater(c).Update(b.ctx, patch)
		if err != nil {
			b.Fatalf("%v", err)
		}
		if receipt.UserID != id || receipt.RequestID == "" {
			b.Errorf("the receipt has the user %q and the request %q", receipt.UserID, receipt.RequestID)
		}
		b.stored(c, receipt)
		b.changed(before, id, sample.record())
	}
	if diff := cmp.Diff(sample.Values, patch.Values); diff != "" {
		b.Errorf("the patch is changed:\n%s", diff)
	}
	b.sendsOnly(sample)
	if n := b.counts(); n.Writes != 2 || n.Mails != 0 || n.Created != 0 {
		b.Errorf("%d requests that write, %d mails, %d users created", n.Writes, n.Mails, n.Created)
	}
}

// readdresses: he has the new address and nothing else that is new, whether it is sent
// alone or with an attribute.
func (b *bench) readdresses() {
	id := b.add(ana)
	b.add(bill)
	before := b.records()
	c := b.connect()
	for _, email := range []string{"ana.lima@example.com", ana} {
		receipt, err := b.updater(c).Update(b.ctx, providers.Patch{UserID: id, Email: email})
		if err != nil {
			b.Fatalf("%v", err)
		}
		b.stored(c, receipt)
		if u, _ := b.world.User(b.Kind.Name, id); u.Email != email {
			b.Errorf("has the address %s, want %s", u.Email, email)
		}
	}
	b.unchanged(before)
	if n := b.counts(); n.Writes != 2 || n.Mails != 0 {
		b.Errorf("%d requests that write, %d mails", n.Writes, n.Mails)
	}
	sample := b.Updates[0]
	b.update(c, id, sample.Values)
	after := b.records()
	for _, email := range []string{"ana.lima@example.com", ana} {
		if _, err := b.updater(c).Update(b.ctx, providers.Patch{UserID: id, Email: email, Values: sample.Values}); err != nil {
			b.Errorf("with %s: %v", sample.Name, err)
		}
	}
	b.unchanged(after)
}

// frozen: what can not be changed is an error, and nothing is done in part.
func (b *bench) frozen(sample Sample) {
	id := b.add(ana)
	before := b.records()
	_, err := b.updater(b.connect()).Update(b.ctx, providers.Patch{UserID: id, Values: sample.Values})
	if err == nil || providers.OutcomeUnknown(err) {
		b.Errorf("%v", err)
	}
	b.unchanged(before)
}

// suspensionLaws are about taking all access away and giving it back.
func (s Subject) suspensionLaws() []law {
	if !s.can("suspend") {
		return nil
	}
	return []law{
		{"suspend/takes the access and nothing else", (*bench).suspends},
		{"suspend/gives back what was", (*bench).restores},
	}
}

// suspends: what the kind calls suspended is what a suspended user is seen to be,
// and he is still found.
func (b *bench) suspends() {
	id := b.add(ana)
	b.add(bill)
	before := b.records()
	c := b.connect()
	if b.Kind.Suspended(b.get(c, id)) {
		b.Errorf("somebody with access is taken for suspended")
	}
	for range 2 {
		b.update(c, id, b.suspended())
		b.changed(before, id, b.suspended())
	}
	o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}})
	if o.Finding != providers.Found || o.User.ID != id || !b.Kind.Suspended(o.User) {
		b.Errorf("a lookup is %s, and he is not seen to be suspended", o.Finding)
	}
	if n := b.counts(); n.Mails != 0 {
		b.Errorf("%d mails", n.Mails)
	}
}

// restores: the values from before bring back the very record.
func (b *bench) restores() {
	id := b.add(ana)
	before := b.records()
	c := b.connect()
	values := make(map[string]any)
	user := b.get(c, id)
	for name := range b.suspended() {
		values[name] = user.Attributes[name].Data
	}
	maps.Copy(values, b.Kind.Suspension.Active)
	b.update(c, id, b.suspended())
	b.update(c, id, values)
	if b.Kind.Suspended(b.get(c, id)) {
		b.Errorf("he is still taken for suspended")
	}
	b.unchanged(before)
}

func (b *bench) update(c *providers.Connection, id string, values map[string]any) {
	b.Helper()
	receipt, err := b.updater(c).Update(b.ctx, providers.Patch{UserID: id, Values: values})
	if err != nil {
		b.Fatalf("%v", err)
	}
	b.stored(c, receipt)
}

// deleteLaws are about removing users for good.
func (s Subject) deleteLaws() []law {
	if !s.can("delete") {
		return nil
	}
	return []law{
		{"delete/one and nobody else", func(b *bench) { b.deletes(nil) }},
		{"delete/somebody suspended", func(b *bench) { b.deletes(b.suspended()) }},
	}
}

// deletes: the user is gone, by id and by address, everybody else is as he was,
// and one who is gone already is no error.
func (b *bench) deletes(places map[string]any) {
	id := b.add(ana, places)
	b.add("ana@example.com.br")
	b.add(bill)
	after := b.records()
	delete(after, id)
	c := b.connect()
	for range 2 {
		receipt, err := b.deleter(c).Delete(b.ctx, id)
		if err != nil || receipt.UserID != id || receipt.RequestID == "" {
			b.Errorf("user %q, request %q: %v", receipt.UserID, receipt.RequestID, err)
		}
		b.unchanged(after)
	}
	if _, err := c.Reader.Get(b.ctx, id); !isAbsent(err) {
		b.Errorf("he is not proven to be gone: %v", err)
	}
	if o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}}); o.Finding != providers.Absent {
		b.Errorf("a lookup is %s: %s", o.Finding, o.Detail)
	}
	if n := b.counts(); n.Mails != 0 || n.Created != 0 {
		b.Errorf("%d mails, %d users created", n.Mails, n.Created)
	}
}

// inviteLaws are about the welcome mail.
func (s Subject) inviteLaws() []law {
	if !s.can("invite") {
		return nil
	}
	return []law{{"invite/one mail and nothing else", (*bench).invites}}
}

// invites: one call is one mail, and no record is another.
func (b *bench) invites() {
	id := b.add(ana, b.Invitable)
	b.add(bill, b.Invitable)
	before := b.records()
	receipt, err := b.inviter(b.connect()).Invite(b.ctx, id)
	if err != nil || receipt.UserID != id || receipt.RequestID == "" {
		b.Errorf("user %q, request %q: %v", receipt.UserID, receipt.RequestID, err)
	}
	if n := b.counts(); n.Mails != 1 || n.Writes != 1 || n.Created != 0 {
		b.Errorf("%d mails by %d requests, %d users created", n.Mails, n.Writes, n.Created)
	}
	b.unchanged(before)
}
