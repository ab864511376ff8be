package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// leaver plans for somebody who is there and should not be.
func (b *builder) leaver(e Entry) {
	kind, user := b.provider.Kind, e.Observation.User
	cause := CauseLeft
	switch e.Access.State {
	case sources.Expired:
		cause = CauseExpired
	case sources.Suspended:
		cause = CauseEdited
	case sources.Active, sources.NotStarted, sources.Departed, sources.Vanished:
	}
	record, managed := b.provider.Memory.manages(e.Access, user)
	if e.Access.State == sources.Vanished && !managed {
		b.unchanged++ // he is gone, and somebody else has his address
		return
	}
	leaving := b.provider.leaving(e.Access)
	due := b.provider.dueNow(e.Access)
	if kind.Suspended(user) && !due {
		b.unchanged++
		b.schedule(e, record)
		return
	}
	action := Suspend
	if leaving == sources.LeaveDelete {
		action = Delete
	}
	if b.protected(e) != "" {
		b.holdProtected(e, action)
		return
	}
	if leaving == "" {
		if b.provider.Memory.marked(e.Access) {
			b.marked++
			return
		}
		b.manual(e, "take the access away", b.whyByHand())
		return
	}
	if b.doubted(e, action) {
		return
	}
	change := b.change(e, action, cause)
	change.Risks = []Risk{RiskRemoval}
	change.Note = b.note(action)
	if due {
		change.Note = strings.TrimPrefix(change.Note+"; suspended since "+record.Left.Format(time.DateOnly)+", as onLeave says", "; ")
	}
	if action == Suspend && b.provider.deletesLater(e.Access) {
		change.Note = strings.TrimPrefix(change.Note+"; "+b.laterWords(), "; ")
	}
	if action == Delete {
		if !b.deletable(e, &change) {
			return
		}
		for _, attribute := range kind.Attributes {
			_, isState := kind.Suspension.Active[attribute.Name]
			if live := user.Attributes[attribute.Name]; attribute.Grant && live.Data != nil && !isState {
				change.Attributes = append(change.Attributes, shown(attribute, live.Data, nil))
			}
		}
		b.propose(e, change)
		return
	}
	attributes, unreadable := suspension(kind, user)
	for _, name := range unreadable {
		b.hold(e, action, HeldUnreadable, name+" is not shown, so it can not be taken away", b.remedy(name)+deleteHint(e.Access))
	}
	if attributes == nil {
		return
	}
	if len(unreadable) > 0 {
		change.Note = "takes away what is shown only"
	}
	change.Attributes = attributes
	b.propose(e, change)
}

// deletesLater reports whether a leaver who is suspended now is deleted later.
func (p Provider) deletesLater(access *sources.Access) bool {
	return p.Config.DeleteAfter > 0 && access.State != sources.Suspended && access.Returns == "" && p.Kind.Cannot("delete") == ""
}

// laterWords say when somebody is deleted who is suspended today.
func (b *builder) laterWords() string {
	if b.provider.Memory == nil {
		return "without a ledger nobody knows since when, so he is not deleted later"
	}
	return "to be deleted on " + b.provider.Memory.today.Add(b.provider.Config.DeleteAfter).Format(time.DateOnly) + " unless he comes back"
}

// schedule notes that a suspended leaver is deleted later.
func (b *builder) schedule(e Entry, record ledger.User) {
	if b.provider.Memory == nil || !b.provider.deletesLater(e.Access) {
		return
	}
	on := b.provider.dueDay(record)
	if on.IsZero() { // the next apply notes that he is gone
		on = b.provider.Memory.today.Add(b.provider.Config.DeleteAfter)
	}
	b.plan.Scheduled = append(b.plan.Scheduled, Scheduled{Provider: e.Access.Provider, Email: e.Access.Person.Email, UserID: e.Observation.User.ID, On: on.Format(time.DateOnly)})
}

// whyByHand says why a leaver's access is for a person to end.
func (b *builder) whyByHand() string {
	kind := b.provider.Kind
	if b.provider.onLeave() == sources.LeaveDelete && kind.Cannot("delete") != "" {
		return kind.Cannot("delete")
	}
	why := kind.Cannot("suspend")
	if kind.Cannot("delete") == "" && b.provider.onLeave() != sources.LeaveDelete {
		why += ", and onLeave does not say delete"
	}
	return why
}

// deletable reports whether a deletion may go on, and notes what it does; else it
// holds it.
func (b *builder) deletable(e Entry, c *Change) bool {
	kind, user := b.provider.Kind, e.Observation.User
	if kind.Deletion == nil {
		return true
	}
	for _, name := range kind.DeleteReads {
		if !user.Attributes[name].Shown {
			b.hold(e, Delete, HeldUnreadable, name+" is not shown, so it is not known what deleting him does", b.remedy(name))
			return false
		}
	}
	d := kind.Deletion(user)
	if d.Refused != "" {
		b.hold(e, Delete, HeldMode, d.Refused, d.Remedy)
		return false
	}
	c.Note = d.Means
	return true
}

// deleteHint offers deletion to the leavers to whom onLeave applies.
func deleteHint(access *sources.Access) string {
	if access.State == sources.Suspended || access.Returns != "" {
		return ""
	}
	return "; or set onLeave: delete"
}

// suspension is what suspends a user: every attribute of the state that is shown,
// also those that have its value already, so that one request leaves no doubt. It
// is nil when all that is shown is as it has to be. What is not shown is named.
func suspension(kind *providers.Kind, user *providers.User) (changes []AttributeChange, unreadable []string) {
	differs := false
	for _, name := range slices.Sorted(maps.Keys(kind.Suspension.Suspended)) {
		attribute, _ := kind.Attribute(name)
		live, after := user.Attributes[name], kind.Suspension.Suspended[name]
		if !live.Shown {
			unreadable = append(unreadable, name)
			continue
		}
		differs = differs || !attribute.Equal(live.Data, after)
		changes = append(changes, shown(attribute, emptyList(attribute, live.Data), after))
	}
	if !differs {
		return nil, unreadable
	}
	return changes, unreadable
}
