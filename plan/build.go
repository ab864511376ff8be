package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/providers"
	"rollcall/sources"
)

// Input is what a plan is built from.
type Input struct {
	Created    time.Time
	AsOf       string
	Roster     RosterInfo
	Scope      Scope
	Guardrails sources.Guardrails
	Providers  []Provider // sorted by name
	// Reads is how many requests it took to look everybody up, by provider.
	Reads   map[string]int
	Entries []Entry // in any order
	// Ledger is whether there is one; empty is absent.
	Ledger LedgerState
	// Insiders are what FindInsiders found out, by provider; where there is nothing of
	// one, nothing is known.
	Insiders map[string]Insiders
}

// A Provider is one provider that a plan is made for; NewProvider makes one.
type Provider struct {
	Config sources.ProviderConfig
	Kind   *providers.Kind // as it is configured
	Target string
	// Memory is what the ledger has of the provider; nil where there is no ledger.
	Memory *Memory
	// Record is what the ledger has where the plan was made without one and is recorded
	// in it all the same; nil is as Memory.
	Record *Memory
	// Named tells that the plan is for people who are named.
	Named bool
}

// NewProvider is the provider of a configuration, with what its kind says of it.
func NewProvider(kind *providers.Kind, config sources.ProviderConfig) Provider {
	target := Target(kind, config)
	fitted, config := kind.Configure(config)
	return Provider{Config: config, Kind: fitted, Target: target}
}

// recorded is what the ledger has, whatever the plan was made with.
func (p Provider) recorded() *Memory { return cmp.Or(p.Memory, p.Record) }

// onLeave is what happens to a leaver there; empty means that a person has to do
// it.
func (p Provider) onLeave() sources.OnLeave { return cmp.Or(p.Config.OnLeave, p.Kind.OnLeave) }

// rate is the provider's rate limit.
func (p Provider) rate() sources.Rate {
	if p.Config.RateSet {
		return p.Config.Rate
	}
	return p.Kind.Rate
}

// needsLookup reports whether the plan has to know the live user.
func (p Provider) needsLookup(access *sources.Access) bool {
	if access.State == sources.NotStarted {
		return false
	}
	return access.State == sources.Active || p.leaving(access) != sources.LeaveKeep
}

// leaving is what is to happen to a leaver; empty means that a person has to do it.
// Whoever is only suspended is never deleted, nor is somebody who comes back.
func (p Provider) leaving(access *sources.Access) sources.OnLeave {
	canSuspend := len(p.Kind.Suspension.Suspended) > 0 && p.Kind.Cannot("suspend") == ""
	switch {
	case p.onLeave() == sources.LeaveDelete && p.Kind.Cannot("delete") != "":
		return ""
	case access.State != sources.Suspended && access.Returns == "" && p.dueNow(access):
		return sources.LeaveDelete
	case access.State == sources.Suspended && canSuspend:
		return sources.LeaveSuspend
	case access.State == sources.Suspended:
		return ""
	case p.onLeave() == sources.LeaveSuspend && !canSuspend:
		return ""
	case p.onLeave() == sources.LeaveDelete && access.Returns != "" && canSuspend:
		return sources.LeaveSuspend
	}
	return p.onLeave()
}

// dueNow reports whether somebody who left was suspended for so long that he is to be
// deleted now.
func (p Provider) dueNow(access *sources.Access) bool {
	if !access.State.Leaver() || p.Kind.Cannot("delete") != "" {
		return false
	}
	record, known := p.Memory.of(access)
	return known && p.due(record)
}

// An Entry is one person at one provider: what is wanted and what was seen.
type Entry struct {
	Access      *sources.Access
	Observation providers.Observation // the zero value when no lookup was needed
}

// Build compares what is wanted with what was seen. It is pure: the same input
// gives the same plan, in whatever order the entries come.
func Build(in Input) *Plan {
	p := &Plan{
		Format: Format, Created: in.Created.UTC().Format(time.RFC3339), AsOf: in.AsOf, Ledger: cmp.Or(in.Ledger, LedgerAbsent),
		Roster: in.Roster, Scope: in.Scope, Guardrails: guardrailsOf(in.Guardrails),
		Providers: []ProviderState{}, Changes: []Change{}, Held: []Held{}, Manual: []Manual{},
	}
	for _, provider := range in.Providers {
		b := draft(p, provider, in)
		b.insiders = in.Insiders[provider.Config.Name]
		b.finish(in)
	}
	p.Digest = digest(p)
	return p
}

// draft adds to a plan what is to happen at a provider, before the guards on the whole.
func draft(p *Plan, provider Provider, in Input) *builder {
	b := newBuilder(p, provider, in.Guardrails.Protect)
	entries := slices.DeleteFunc(slices.Clone(in.Entries), func(e Entry) bool { return e.Access.Provider != provider.Config.Name })
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Access.Person.Key, b.Access.Person.Key) })
	b.all = entries
	for _, e := range distinct([]Provider{provider}, entries) {
		b.entry(e)
	}
	return b
}

// builder builds the part of a plan that concerns one provider.
type builder struct {
	plan     *Plan
	provider Provider
	protect  []sources.Pattern

	first     int // index of the provider's first change
	lookups   int
	unknown   int
	found     int                          // people of the roster who were found
	findings  map[string]providers.Finding // by person
	ids       map[string]string            // of those who were found
	refers    map[string][]referral        // whom a create refers to, by its id
	unchanged int
	kept      int             // leavers whom onLeave keeps
	people    map[string]bool // of the roster, who have something there
	marked    int             // leavers whom a person has seen to by hand
	authError string

	entries  map[string]Entry // by the id of the change
	users    []*providers.User
	insiders Insiders
	unarmed  []string // guards
	all      []Entry  // of the provider; none where one is judged alone
}

func newBuilder(p *Plan, provider Provider, protect []sources.Pattern) *builder {
	return &builder{
		plan: p, provider: provider, protect: protect, first: len(p.Changes),
		people: make(map[string]bool), findings: make(map[string]providers.Finding), ids: make(map[string]string), refers: make(map[string][]referral),
		entries: make(map[string]Entry),
	}
}

func (b *builder) entry(e Entry) {
	access, o := e.Access, e.Observation
	if access.State != sources.Vanished {
		b.people[access.Person.Key] = true
	}
	if access.State == sources.NotStarted {
		b.plan.NotStarted = append(b.plan.NotStarted, NotStarted{Provider: access.Provider, Email: access.Person.Email, From: access.Starts})
		return
	}
	if !b.provider.needsLookup(access) {
		b.kept++
		return
	}
	b.lookups++
	b.interrupted(e)
	b.findings[access.Person.Key] = o.Finding
	if o.Finding == providers.Found {
		b.ids[access.Person.Key] = o.User.ID
		b.users = append(b.users, o.User)
	}
	switch o.Finding {
	case providers.Found:
		b.found++
		if handedOver(e, b.all) != nil {
			b.unchanged++ // somebody else has the user now
			return
		}
		if why, remedy := b.whose(e); why != "" {
			b.hold(e, "", HeldAmbiguous, why, remedy)
			return
		}
		if access.State.Leaver() {
			b.leaver(e)
		} else {
			b.present(e)
		}
	case providers.Absent:
		b.absent(e)
	case providers.Ambiguous:
		b.hold(e, "", HeldAmbiguous, o.Detail, o.Remedy)
	case providers.Unknown:
		b.unread(e)
	default:
		// An entry that was never looked up proves nothing.
		b.unknown++
		b.hold(e, "", HeldUnknown, "was not looked up", "run again")
	}
}

func (b *builder) unread(e Entry) {
	b.unknown++
	detail := strings.TrimPrefix(e.Observation.Detail, e.Access.Provider+": ")
	if providers.CredentialsRefused(e.Observation.Err) && b.authError == "" {
		b.authError = detail
	}
	b.hold(e, "", HeldUnknown, detail, cmp.Or(e.Observation.Remedy, "nothing is done for him until he can be looked up; run again"))
}

// hold adds a held entry; a leaver's wanted action is said even when it is not
// known whether it is needed.
func (b *builder) hold(e Entry, wanted Action, reason Reason, detail, remedy string) {
	held := Held{
		Provider: e.Access.Provider, Email: e.Access.Person.Email, Wanted: wanted,
		Leaver: e.Access.State.Leaver(), Reason: reason, Detail: detail, Remedy: remedy,
	}
	if e.Observation.User != nil {
		held.UserID = e.Observation.User.ID
	}
	held.Since = b.since(e)
	if wanted == "" && held.Leaver {
		held.Wanted = Suspend
		if b.provider.leaving(e.Access) == sources.LeaveDelete {
			held.Wanted = Delete
		}
	}
	b.plan.Held = append(b.plan.Held, held)
}

func (b *builder) manual(e Entry, what, why string) {
	m := Manual{Provider: e.Access.Provider, Email: e.Access.Person.Email, Leaver: e.Access.State.Leaver(), What: what, Why: why}
	if e.Observation.User != nil {
		m.UserID = e.Observation.User.ID
	}
	m.Since = b.since(e)
	b.plan.Manual = append(b.plan.Manual, m)
}

// since is the day since when a leaver's access is open, as far as the ledger knows.
func (b *builder) since(e Entry) string {
	since := b.provider.Memory.openSince(e.Access.Person.Key)
	if !e.Access.State.Leaver() || since.IsZero() {
		return ""
	}
	return since.Format(time.DateOnly)
}

// absent plans for somebody who is proven not to be there: a leaver is done, and
// anybody else is created, unless the roster pins an id that the vendor does not
// know.
func (b *builder) absent(e Entry) {
	if e.Access.State.Leaver() {
		b.unchanged++
		return
	}
	if e.Observation.PinMissing {
		b.hold(e, Create, HeldUnknown, fmt.Sprintf("the vendor knows no user %s, which the roster pins, and nobody with his address", e.Access.UserID), "remove the userID line, and he is created")
		return
	}
	change := b.change(e, Create, CauseJoined)
	change.Note = strings.TrimPrefix(b.note(Create)+b.lostWords(e), "; ")
	change.Origin = append(change.Origin, e.Access.Person.Origin)
	change.Attributes = append(change.Attributes, AttributeChange{Name: "email", After: e.Access.Email})
	lacking := slices.Clone(b.provider.Kind.Required)
	mails, values := b.provider.Kind.MailsAtCreate, make(map[string]any)
	for _, w := range b.provider.Kind.Drafts(e.Access) {
		data, sent := atCreate(w)
		if !sent {
			continue
		}
		lacking = slices.DeleteFunc(lacking, func(name string) bool { return name == w.Attribute.Name })
		change.Attributes = append(change.Attributes, shown(w.Attribute, nil, data))
		values[w.Attribute.Name] = data
		mails = mails || w.Attribute.Invites || w.Attribute.Mails && data == true
		if other, refers := e.Access.References[w.Attribute.Name]; refers && w.Attribute.FromReference != nil {
			r := referral{person: other.Person}
			if w.Attribute.Names != nil {
				r.id = w.Attribute.Names(data)
			}
			b.refers[change.ID] = append(b.refers[change.ID], r)
		}
	}
	if mails || b.provider.Kind.Mails != nil && b.provider.Kind.Mails(values) {
		change.Effects = append(change.Effects, EffectInvite)
	}
	if len(lacking) > 0 {
		names := strings.Join(lacking, " and ")
		b.manual(e, "create him, or state "+names+" and he is created", fmt.Sprintf("%s creates nobody without %s, and the roster does not state it", b.provider.Kind.Title, names))
		return
	}
	b.propose(e, change)
}

// lostWords say of somebody who is to be created that rollcall managed him, and that he
// is not there any more: somebody else's decision, or his own, which the create undoes.
func (b *builder) lostWords(e Entry) string {
	record, managed := b.provider.Memory.of(e.Access)
	if !managed || record.UserID == "" || !record.Left.IsZero() {
		return ""
	}
	return "; he was there as " + record.UserID + " and is not any more: if he is to stay away, the roster has to say so"
}

// atCreate is what a create sends of a wanted value, if anything.
func atCreate(w providers.Wanted) (data any, sent bool) {
	data = withoutNulls(w.Data)
	return data, !providers.Empty(data) && (data != false || !w.Attribute.Invites)
}

// withoutNulls drops the cleared fields of an object: there is nothing to clear
// at a create.
func withoutNulls(data any) any {
	object, is := data.(map[string]any)
	if !is {
		return data
	}
	kept := maps.Clone(object)
	maps.DeleteFunc(kept, func(_ string, v any) bool { return v == nil })
	return kept
}

// present plans for somebody who is there and should be: what differs is set,
// and what can not be is held or manual.
func (b *builder) present(e Entry) {
	user := e.Observation.User
	_, managed := b.provider.Memory.manages(e.Access, user)
	d := b.difference(e)
	action, cause := Update, d.cause()
	switch {
	case b.provider.Kind.Suspended(user):
		action, cause = Restore, CauseJoined
	case b.provider.Memory != nil && !managed:
		action, cause = Adopt, CauseJoined
	}
	if b.protected(e) != "" {
		if d.nothing() {
			b.unchanged++
			return
		}
		b.holdProtected(e, action)
		return
	}
	if !d.nothing() && b.doubted(e, action) {
		return
	}
	for _, m := range d.manual {
		b.manual(e, m.What, m.Why)
	}
	for _, name := range d.unreadable {
		b.hold(e, action, HeldUnreadable, name+" is not shown", b.remedy(name))
	}
	if len(d.unsendable) > 0 {
		detail := strings.Join(d.unsendable, " and ") + " can not be set: an update replaces the whole user, and " + notShown(d.unshown)
		b.hold(e, action, HeldUnreadable, detail, b.remedy(d.unshown[0]))
	}
	if len(d.changes) == 0 {
		if d.nothing() {
			b.unchanged++
			b.meet(e, managed)
		}
		return
	}
	change := b.change(e, action, cause)
	change.Attributes = d.changes
	if len(d.origins) > 0 {
		change.Origin = d.origins
	}
	change.Risks = d.risks(b.provider.Kind, user)
	if !managed && action != Adopt {
		change.Risks = append(change.Risks, RiskFirstContact)
	}
	if action == Restore {
		change.Note = b.note(Restore)
	}
	b.propose(e, change)
}

// notShown says of attributes that the vendor does not show them.
func notShown(names []string) string {
	if len(names) == 1 {
		return names[0] + " is not shown"
	}
	return strings.Join(names, " and ") + " are not shown"
}

// meet notes a user whom the ledger does not have and who is as wanted.
func (b *builder) meet(e Entry, managed bool) {
	if b.provider.Memory == nil || managed {
		return
	}
	b.plan.Recognised = append(b.plan.Recognised, Recognised{Provider: e.Access.Provider, Email: e.Access.Person.Email, UserID: e.Observation.User.ID})
}

// interrupted notes a change of the person's that was under way when its run ended.
func (b *builder) interrupted(e Entry) {
	u, was := b.provider.Memory.interrupted(e.Access)
	if !was {
		return
	}
	found := map[providers.Finding]string{
		providers.Found: "the user is there", providers.Absent: "there is no such user", providers.Ambiguous: "several users may be this person",
	}[e.Observation.Finding]
	if e.Access.State == sources.Vanished && e.Observation.Finding == providers.Found && u.Action == string(Delete) {
		found = "the user is still there"
	}
	b.plan.Interrupted = append(b.plan.Interrupted, Interrupted{
		Provider: e.Access.Provider, Email: e.Access.Person.Email, Action: Action(u.Action), Run: u.Run, Found: cmp.Or(found, "it could not be looked up"),
	})
	if u.Mail && e.Observation.Finding == providers.Found && !e.Access.State.Leaver() {
		b.manual(e, "send the welcome mail, if he has not had it", "the run that created him ended before it was recorded")
	}
}

func (b *builder) note(action Action) string {
	if b.provider.Kind.Notes == nil {
		return ""
	}
	return b.provider.Kind.Notes(string(action))
}

func (b *builder) remedy(attribute string) string {
	return cmp.Or(b.provider.Kind.Remedies[attribute], "let the credentials read it, or take it out of the roster")
}

// change is a new change for the entry.
func (b *builder) change(e Entry, action Action, cause Cause) Change {
	c := Change{
		ID: e.Access.Provider + "/" + e.Access.Person.Email, Provider: e.Access.Provider, Email: e.Access.Person.Email,
		Action: action, Cause: cause, Attributes: []AttributeChange{}, Origin: slices.Clone(e.Access.Origins),
		Risks: []Risk{}, Effects: []Effect{}, Needs: []string{},
	}
	if e.Observation.User != nil {
		c.UserID = e.Observation.User.ID
	}
	c.Since = b.since(e)
	return c
}

// propose adds a change unless protection or the provider's mode holds it.
func (b *builder) propose(e Entry, c Change) {
	switch {
	case b.protected(e) != "":
		b.holdProtected(e, c.Action)
		return
	case !b.allowed(c):
		b.hold(e, c.Action, HeldMode, fmt.Sprintf("the provider's mode, %s, holds %s", b.provider.Config.Mode, b.heldByMode(c)), "set mode: full for "+c.Provider)
		b.plan.Held[len(b.plan.Held)-1].Attributes = c.Attributes
		return
	}
	charged := "update"
	if c.Action == Create {
		charged = "create"
	}
	if c.Action != Delete && slices.Contains(b.provider.Kind.Billable, charged) {
		c.Effects = append(c.Effects, EffectBillable)
	}
	if whose := otherAddress(e, c); whose != "" {
		c.Note = strings.TrimSuffix("the user there has the address "+whose+"; "+c.Note, "; ")
	}
	c.Origin = tidyOrigins(c.Origin)
	c.Requests = requests(b.provider.Kind, c, e.Access)
	c.Fingerprint = b.provider.fingerprint(e.Observation, e.Access, c.Attributes)
	b.entries[c.ID] = e
	b.plan.Changes = append(b.plan.Changes, c)
}

// otherAddress is the address of the user whom the change is about where it is another
// than that of the person, and nothing else shows it, as the change of an address would:
// a roster can give anybody's address to a person, and whoever reads the plan has to see
// whose user it is.
func otherAddress(e Entry, c Change) string {
	user := e.Observation.User
	if user == nil || sources.SameEmail(user.Email, e.Access.Person.Email) || !c.leaver() && !sources.SameEmail(user.Email, e.Access.Email) {
		return ""
	}
	return user.Email
}

// doubted holds an entry whose user, found by address alone, may be somebody
// else's.
func (b *builder) doubted(e Entry, action Action) bool {
	confirm, user := b.provider.Kind.Confirm, e.Observation.User
	if confirm == nil || user == nil || e.Observation.ByID {
		return false
	}
	doubt := confirm(user, e.Access)
	if doubt != "" {
		b.hold(e, action, HeldAmbiguous, doubt, "if this is him, add to his access block: userID: "+user.ID)
	}
	return doubt != ""
}

// heldByMode names what the provider's mode does not let through.
func (b *builder) heldByMode(c Change) string {
	switch {
	case b.provider.Config.Mode == sources.ModeReport:
		return "every change"
	case c.Action == Update:
		return "an update that takes a grant"
	case c.Action == Adopt:
		return "an adoption that takes a grant"
	default:
		return "a " + string(c.Action)
	}
}

// allowed applies the provider's mode.
func (b *builder) allowed(c Change) bool {
	switch b.provider.Config.Mode {
	case sources.ModeReport:
		return false
	case sources.ModeAdd:
		return c.Action == Create || (c.Action == Update || c.Action == Adopt) && !b.takesGrant(c)
	case sources.ModeFull:
	}
	return true
}

func (b *builder) takesGrant(c Change) bool {
	return slices.ContainsFunc(c.Attributes, func(a AttributeChange) bool {
		attribute, _ := b.provider.Kind.Attribute(a.Name)
		if privilege := b.provider.Kind.Privilege; attribute.Grant && privilege != nil {
			// What would be more on the way back is less on the way there.
			return privilege(a.Name, a.After, a.Before)
		}
		return attribute.Grant && attribute.Takes(a.Before, a.After)
	})
}

// protected returns the pattern that protects the person or the user found, or
// "".
func (b *builder) protected(e Entry) string {
	addresses := e.Access.Emails()
	if e.Observation.User != nil {
		addresses = append(addresses, e.Observation.User.Addresses()...)
	}
	return protectedBy(b.protect, addresses...)
}

func protectedBy(protect []sources.Pattern, addresses ...string) string {
	for _, pattern := range protect {
		if slices.ContainsFunc(addresses, pattern.Match) {
			return pattern.String()
		}
	}
	return ""
}

func (b *builder) holdProtected(e Entry, action Action) {
	b.hold(e, action, HeldProtected, "guardrails.protect has "+b.protected(e), "change him by hand, or take him out of guardrails.protect")
}

// tidyOrigins sorts the places and names each once.
func tidyOrigins(origins []sources.Origin) []sources.Origin {
	sorted := append([]sources.Origin{}, origins...)
	slices.SortFunc(sorted, func(a, b sources.Origin) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Team, b.Team))
	})
	return slices.Compact(sorted)
}
