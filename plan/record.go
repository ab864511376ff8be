package plan

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// A Recorder keeps the ledger of one run: each change before it is sent and after it
// is known, and in the end what the run showed. Its methods are safe for concurrent
// use. A nil Recorder records nothing.
type Recorder struct {
	Ledger *ledger.Ledger
	// Run names the run.
	Run string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Point is called before and after anything is written to the ledger; nil is not
	// needed. A test ends the program there.
	Point func()
}

// write writes to the ledger.
func (r *Recorder) write(ctx context.Context, u ledger.Update, entries ...*ledger.Entry) (head string, err error) {
	if r.Point != nil {
		r.Point()
		defer r.Point()
	}
	return r.Ledger.Append(ctx, u, entries...)
}

func (r *Recorder) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Began records that the run begins, with what it is about.
func (r *Recorder) Began(ctx context.Context, who, where string, facts map[string]string) error {
	if r == nil {
		return nil
	}
	_, err := r.write(ctx, ledger.Update{}, &ledger.Entry{Kind: ledger.RunBegan, Run: r.Run, Details: &ledger.Details{Who: who, Where: where, Facts: facts}})
	return err
}

// values are the attributes of a change as the ledger has them.
func recorded(attributes []AttributeChange) []ledger.Value {
	values := make([]ledger.Value, 0, len(attributes))
	for _, a := range attributes {
		before, _ := json.Marshal(a.Before) // of encoding/json's own types
		after, _ := json.Marshal(a.After)
		values = append(values, ledger.Value{Name: a.Name, Before: before, After: after})
	}
	return values
}

// sent records a change that is about to be sent. What a suspension is about to take
// away is kept from here on, whatever becomes of the run.
func (r *Recorder) sent(ctx context.Context, w *worker) (seq int64, err error) {
	if r == nil {
		return 0, nil
	}
	c := w.change
	e := &ledger.Entry{
		Kind: ledger.ChangeSent, Run: r.Run, Provider: c.Provider, Action: string(c.Action),
		Details: &ledger.Details{Email: w.access.Person.Key, Person: w.access.Person.ID, UserID: c.UserID, Values: recorded(c.Attributes)},
	}
	if slices.Contains(c.Effects, EffectInvite) {
		e.Details.Facts = map[string]string{"mail": "follows"}
	}
	var update ledger.Update
	if c.Action == Suspend {
		record := w.record()
		record.Before = w.before(record)
		update.Put = []ledger.User{record}
	}
	_, err = r.write(ctx, update, e)
	return e.Seq, err
}

// before is what suspensions took from the user, by attribute: this one, and those that
// took something else, such as what was not shown then.
func (w *worker) before(record ledger.User) map[string]any {
	before := maps.Clone(record.Before)
	for _, a := range w.change.Attributes {
		_, part := w.provider.Kind.Suspension.Suspended[a.Name]
		if part && !providers.Empty(a.Before) {
			if before == nil {
				before = make(map[string]any)
			}
			before[a.Name] = a.Before
		}
	}
	return before
}

// record is what the ledger has of the change's user, or will have.
func (w *worker) record() ledger.User {
	record, known := w.provider.recorded().of(w.access, w.change.UserID)
	if !known || record.UserID != "" && w.change.UserID != "" && record.UserID != w.change.UserID {
		record = ledger.User{UserID: w.change.UserID, How: ledger.Adopted}
		if w.change.Action == Create {
			record.How = ledger.Created
		}
	}
	record.Key = ledger.Key{Provider: w.change.Provider, Email: w.access.Person.Key}
	if w.access.Person.ID != "" {
		record.Person = w.access.Person.ID
	}
	if record.UserID == "" {
		record.UserID = w.change.UserID
	}
	return record
}

// ended records how a change ended that was sent.
func (r *Recorder) ended(ctx context.Context, w *worker, seq int64, outcome ChangeResult) error {
	if r == nil {
		return nil
	}
	e := &ledger.Entry{
		Kind: ledger.ChangeEnded, Run: r.Run, Provider: outcome.Provider, Action: string(outcome.Action), Status: string(outcome.Status),
		Details: &ledger.Details{
			Email: w.access.Person.Key, Person: w.access.Person.ID, UserID: outcome.UserID, RequestID: outcome.RequestID, Error: outcome.Error, Values: recorded(outcome.Attributes),
		},
	}
	update := r.after(w, outcome)
	if outcome.Status != Unknown {
		update.Finished = append(update.Finished, seq)
	}
	_, err := r.write(ctx, update, e)
	return err
}

// after is what follows from how a change ended.
func (r *Recorder) after(w *worker, outcome ChangeResult) ledger.Update {
	var u ledger.Update
	now := r.now()
	record := w.record()
	old, known := w.provider.recorded().of(w.access, w.change.UserID)
	if known && old.Key != record.Key {
		u.Drop = append(u.Drop, old.Key) // he has got another address
	}
	if record.Since.IsZero() {
		record.Since = now
	}
	if outcome.UserID != "" {
		record.UserID = outcome.UserID
	}
	switch {
	case !outcome.done() && w.change.leaver():
		u.Open = map[ledger.Key]time.Time{record.Key: now}
		if known {
			if outcome.Action == Suspend {
				record.Before = w.before(record)
			}
			u.Put = append(u.Put, record)
		}
	case !outcome.done() && outcome.Action == Create && outcome.UserID == "":
		return u // nobody was made, as far as is known
	case !outcome.done():
		record.Left = time.Time{}
		if outcome.Status == Unknown {
			record.Applied = w.perhapsApplied(record)
		}
		u.Put = append(u.Put, record)
	case outcome.Action == Delete:
		u.Drop, u.Closed = append(u.Drop, record.Key), append(u.Closed, record.Key)
	case outcome.Action == Suspend:
		switch {
		case mayReturn(w.access):
			record.Left = time.Time{}
		case record.Left.IsZero():
			record.Left = now
		}
		record.Before = w.before(record)
		u.Put, u.Closed = append(u.Put, record), append(u.Closed, record.Key)
	default:
		after := make(map[string]any)
		for _, a := range w.change.Attributes {
			after[a.Name] = a.After
		}
		var address any = w.access.Email
		if after[emailName] != nil {
			address = after[emailName]
		} else if known {
			address = seen(old)
		}
		record.Applied = w.provider.applied(w.access, record, func(name string) providers.Live {
			if value, set := after[name]; set {
				return providers.Show(value)
			}
			return providers.Live{}
		})
		record.Applied[emailName] = address
		record.Before, record.Left = nil, time.Time{}
		u.Put, u.Closed, u.Undone = append(u.Put, record), append(u.Closed, record.Key), append(u.Undone, record.Key)
	}
	return u
}

// perhapsApplied is what was applied together with the grants of a change of which it is
// not known whether it was done: if it was, they are the roster's, and lost with it.
func (w *worker) perhapsApplied(record ledger.User) map[string]any {
	applied := maps.Clone(record.Applied)
	for _, c := range w.change.Attributes {
		a, known := w.provider.Kind.Attribute(c.Name)
		if !known || !w.provider.losable(a) || providers.Empty(c.After) {
			continue
		}
		if applied == nil {
			applied = make(map[string]any)
		}
		old, both := applied[c.Name].([]any)
		given, set := c.After.([]any)
		if both && set {
			applied[c.Name] = sources.Normal(slices.Concat(old, given))
		} else {
			applied[c.Name] = c.After
		}
	}
	return applied
}

// mayReturn reports of a leaver that he is only away: he is never deleted for having
// been away for long, and that time does not count once he leaves for good.
func mayReturn(access *sources.Access) bool {
	return access.State == sources.Suspended || access.Returns != ""
}

// Ended records the end of the run and what it showed of everybody who was looked up:
// whom rollcall manages by now, and which leavers are open. entries are those that the
// plan was built from; a saved plan has none. It returns the head of the chain.
func (r *Recorder) Ended(ctx context.Context, p *Plan, in []Provider, entries []Entry, access []*sources.Access, result *Result) (head string, err error) {
	if r == nil {
		return "", nil
	}
	s := settling{recorder: r, plan: p, result: result, now: r.now(), providers: make(map[string]Provider), ends: make(map[string]ChangeResult)}
	for _, provider := range in {
		s.providers[provider.Config.Name] = provider
	}
	for _, c := range result.Changes {
		s.ends[c.ID] = c
	}
	s.update.Targets, s.update.People = make(map[string]string), make(map[string]int)
	s.entries = entries
	for _, e := range entries {
		s.entry(e)
	}
	s.leavers()
	// Addresses may have gone from one to another.
	s.update.Drop = slices.DeleteFunc(s.update.Drop, func(k ledger.Key) bool {
		return slices.ContainsFunc(s.update.Put, func(u ledger.User) bool { return u.Key == k })
	})
	s.accounts(in, access)
	end := &ledger.Entry{Kind: ledger.RunEnded, Run: r.Run, Status: exitWord(result.Exit), Details: &ledger.Details{Error: result.Error, Facts: map[string]string{"plan": p.Digest}}}
	return r.write(ctx, s.update, append(s.rows, end)...)
}

func exitWord(code int) string {
	text, _ := json.Marshal(code)
	return string(text)
}

// A settling collects what a run showed.
type settling struct {
	recorder  *Recorder
	plan      *Plan
	result    *Result
	now       time.Time
	providers map[string]Provider
	ends      map[string]ChangeResult
	entries   []Entry
	rows      []*ledger.Entry
	update    ledger.Update
}

// entry settles one person at one provider for whom nothing was sent.
func (s *settling) entry(e Entry) {
	provider, known := s.providers[e.Access.Provider]
	if !known || provider.Memory == nil && s.recorder == nil {
		return
	}
	if u, was := provider.Memory.interrupted(e.Access); was && e.Observation.Finding != providers.Unknown && e.Observation.Finding != "" {
		s.update.Finished = append(s.update.Finished, u.Seq)
	}
	key := ledger.Key{Provider: e.Access.Provider, Email: e.Access.Person.Key}
	absent := e.Observation.Finding == providers.Absent
	if provider.Memory.marked(e.Access) && (e.Access.State == sources.Active || absent) {
		s.update.Undone = append(s.update.Undone, key) // whatever access he has later is another one
	}
	if end, changed := s.ends[e.Access.Provider+"/"+e.Access.Person.Email]; changed && end.Status != Skipped && end.Status != Refused {
		return // what follows from it is recorded already
	}
	record, managed := provider.Memory.manages(e.Access, e.Observation.User)
	switch {
	case e.Access.State == sources.NotStarted:
	case e.Access.State.Leaver():
		s.leaver(provider, e, key)
	case e.Observation.Finding == providers.Found && !s.held(key):
		s.settled(provider, e, key, record, managed)
	}
	_, recorded := provider.Memory.of(e.Access)
	if e.Observation.Finding == providers.Found && managed && !recorded && record.How == ledger.Recovered && !s.puts(key) {
		s.update.Put = append(s.update.Put, record) // created by a run that died, and not changed yet
	}
}

// puts reports whether a record is to be written.
func (s *settling) puts(key ledger.Key) bool {
	return slices.ContainsFunc(s.update.Put, func(u ledger.User) bool { return u.Key == key })
}

// held reports whether the plan holds something of the person's there, or proposes it.
func (s *settling) held(key ledger.Key) bool {
	same := func(name, email string) bool {
		canonical, err := sources.CanonicalEmail(email)
		return name == key.Provider && (email == key.Email || err == nil && canonical == key.Email)
	}
	return slices.ContainsFunc(s.plan.Held, func(h Held) bool { return same(h.Provider, h.Email) && h.Reason != HeldUnreadable }) ||
		slices.ContainsFunc(s.plan.Changes, func(c Change) bool { return same(c.Provider, c.Email) })
}

// settled notes somebody who is as the roster wants him, what is manual or not shown
// aside.
func (s *settling) settled(provider Provider, e Entry, key ledger.Key, record ledger.User, managed bool) {
	fresh := record
	if !managed {
		fresh = ledger.User{How: ledger.Met, Since: s.now}
		s.rows = append(s.rows, &ledger.Entry{
			Kind: ledger.Recognised, Run: s.recorder.Run, Provider: key.Provider,
			Details: &ledger.Details{Email: key.Email, Person: e.Access.Person.ID, UserID: e.Observation.User.ID},
		})
	}
	if old := record.Key; managed && old != key && old.Email != "" {
		s.update.Drop = append(s.update.Drop, old)
	}
	if provider.Memory.several(e.Access) && !e.Observation.ByID {
		for _, other := range provider.Memory.candidates(e.Access) { // of whom all but one are gone
			s.update.Drop = append(s.update.Drop, other.Key)
		}
	}
	fresh.Key, fresh.UserID = key, e.Observation.User.ID
	if e.Access.Person.ID != "" {
		fresh.Person = e.Access.Person.ID
	}
	if !provider.Kind.Suspended(e.Observation.User) {
		fresh.Before, fresh.Left = nil, time.Time{}
	}
	fresh.Applied = provider.applied(e.Access, record, func(name string) providers.Live { return e.Observation.User.Attributes[name] })
	fresh.Applied[emailName] = e.Observation.User.Email
	if !managed || !same(fresh, record) {
		s.update.Put = append(s.update.Put, fresh)
	}
	if !provider.Memory.openSince(key.Email).IsZero() {
		s.update.Closed = append(s.update.Closed, key)
	}
}

// leaver notes a leaver for whom there is nothing to do any more.
func (s *settling) leaver(provider Provider, e Entry, key ledger.Key) {
	found := ""
	if e.Observation.User != nil {
		found = e.Observation.User.ID
	}
	record, known := provider.Memory.of(e.Access, found)
	if known {
		key = record.Key
	}
	switch {
	case e.Observation.Finding == providers.Absent && known:
		s.update.Drop = append(s.update.Drop, key)
	case e.Observation.Finding != providers.Found || !known:
	case handedOver(e, s.entries) != nil:
		s.update.Drop = append(s.update.Drop, key)
	case mayReturn(e.Access) && !record.Left.IsZero():
		record.Left = time.Time{}
		s.update.Put = append(s.update.Put, record)
	case provider.Kind.Suspended(e.Observation.User) && record.Left.IsZero() && !mayReturn(e.Access):
		record.Left = s.now
		s.update.Put = append(s.update.Put, record)
	}
}

// leavers notes who of the leavers is open, and who is not any more.
func (s *settling) leavers() {
	open := make(map[ledger.Key]time.Time)
	for _, o := range s.result.Open {
		email := o.Email
		if canonical, err := sources.CanonicalEmail(o.Email); err == nil {
			email = canonical
		}
		open[ledger.Key{Provider: o.Provider, Email: email}] = s.now
	}
	s.update.Open = open
	for name, provider := range s.providers {
		if provider.Memory == nil || len(s.plan.Scope.People) > 0 {
			continue
		}
		for email := range provider.Memory.open {
			key := ledger.Key{Provider: name, Email: email}
			if _, still := open[key]; !still && !slices.Contains(s.update.Closed, key) {
				s.update.Closed = append(s.update.Closed, key)
			}
		}
	}
}

// accounts notes how many people the roster had at each provider. A roster that is much
// smaller than the one before is not what was applied as long as the removal of somebody
// who is gone from it was not tried: a guard or an interrupt came before it, or he could
// not be looked up.
func (s *settling) accounts(in []Provider, access []*sources.Access) {
	for _, provider := range in {
		name := provider.Config.Name
		here := make(map[string]bool)
		for _, a := range access {
			if a.Provider == name && a.State != sources.Vanished {
				here[a.Person.Key] = true
			}
		}
		people := len(here)
		// Of those who are not named nothing was done.
		if last := provider.recorded().lastRoster(); len(s.plan.Scope.People) > 0 || shrunk(people, last) && s.untried(name, here) {
			people = last
		}
		s.update.Targets[name], s.update.People[name] = provider.Target, people
	}
}

// untried reports whether somebody who is gone from the roster has what he had there
// because nothing was sent for him. Of whom guardrails.protect has nothing ever is.
func (s *settling) untried(name string, here map[string]bool) bool {
	gone := func(provider, email string) bool {
		key, err := sources.CanonicalEmail(email)
		return provider == name && (err != nil || !here[key])
	}
	return slices.ContainsFunc(s.plan.Held, func(h Held) bool { return h.Leaver && h.Reason != HeldProtected && gone(h.Provider, h.Email) }) ||
		slices.ContainsFunc(s.plan.Manual, func(m Manual) bool { return m.Leaver && gone(m.Provider, m.Email) }) ||
		slices.ContainsFunc(s.result.Changes, func(c ChangeResult) bool {
			return (c.Status == Refused || c.Status == Skipped) && gone(c.Provider, c.Email)
		})
}
