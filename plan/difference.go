package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/sources"
)

// difference is what has to happen to a user who is there.
type difference struct {
	changes    []AttributeChange
	origins    []sources.Origin // of the changes
	manual     []Manual
	unreadable []string
	// unsendable can not be set because unshown would have to be sent with it.
	unsendable, unshown []string
	// lost tells that something is taken that the roster does not state any more, edited
	// that something is set that it states otherwise than before, and drifted that
	// something is set once more.
	lost, edited, drifted bool
}

// cause is why the changes are planned: the weightiest reason.
func (d *difference) cause() Cause {
	switch {
	case d.edited || !d.lost && !d.drifted:
		return CauseEdited
	case d.lost:
		return CauseLeft
	default:
		return CauseDrifted
	}
}

// nothing reports whether there is nothing to do, and nothing in the way.
func (d *difference) nothing() bool {
	return len(d.changes)+len(d.manual)+len(d.unreadable)+len(d.unsendable) == 0
}

// difference compares what the roster states with what the vendor shows,
// attribute by attribute. What is not shown is never compared.
func (b *builder) difference(e Entry) difference {
	kind, user := b.provider.Kind, e.Observation.User
	record, managed := b.provider.Memory.manages(e.Access, user)
	var d difference
	if !sources.SameEmail(user.Email, e.Access.Email) {
		switch unshown := unshownOf(kind, user); {
		case !managed || !kind.Readdress || kind.Cannot("update") != "":
			d.manual = append(d.manual, Manual{
				What: fmt.Sprintf("change his address from %s to %s", user.Email, e.Access.Email),
				Why:  b.whyNoAddress(),
			})
		case len(unshown) > 0:
			d.unsendable, d.unshown = append(d.unsendable, emailName), unshown
		default:
			d.changes = append(d.changes, AttributeChange{Name: emailName, Before: user.Email, After: e.Access.Email})
			d.origins, d.edited = append(d.origins, e.Access.EmailOrigin()), true
		}
	}
	if why := kind.Cannot("restore"); why != "" && kind.Suspended(user) {
		d.changes, d.origins = nil, nil
		d.manual = append(d.manual, Manual{What: "give him his access back", Why: why})
		return d
	}
	immovable := ""
	if kind.Immovable != nil {
		immovable = kind.Immovable(user)
	}
	byHand := make(map[string][]string) // by reason: what to set
	for _, w := range wants(kind, e.Access) {
		if w.Attribute.Mode != providers.Managed && w.Attribute.Mode != providers.Immutable {
			continue
		}
		live := user.Attributes[w.Attribute.Name]
		if !live.Shown {
			d.unreadable = append(d.unreadable, w.Attribute.Name)
			continue
		}
		after, cleared := target(w, live.Data)
		for _, name := range cleared {
			d.manual = append(d.manual, Manual{What: "clear " + name, Why: kind.Title + " documents no way to clear it"})
		}
		switch {
		case w.Attribute.Matches(live.Data, after):
		case w.Attribute.Mode == providers.Immutable:
			d.manual = append(d.manual, Manual{What: fmt.Sprintf("set %s to %s", w.Attribute.Name, inline(after)), Why: kind.Title + " can not change it after the create"})
		case w.Attribute.Manual != "" || immovable != "":
			why := cmp.Or(w.Attribute.Manual, immovable)
			byHand[why] = append(byHand[why], fmt.Sprintf("set %s to %s", w.Attribute.Name, inline(after)))
		case !w.Attribute.OwnCall && len(unshownOf(kind, user)) > 0:
			d.unsendable, d.unshown = append(d.unsendable, w.Attribute.Name), unshownOf(kind, user)
		default:
			d.changes = append(d.changes, shown(w.Attribute, emptyList(w.Attribute, live.Data), after))
			d.origins = append(d.origins, w.Origins...)
			if last, was := record.Applied[w.Attribute.Name]; was && w.Attribute.Equal(last, w.Data) {
				d.drifted = true
			} else {
				d.edited = true
			}
		}
	}
	if managed {
		d.takeLost(b.provider, e, record)
		d.giveBack(b.provider, e, record)
	}
	d.unsent(kind, user)
	for _, why := range slices.Sorted(maps.Keys(byHand)) {
		d.manual = append(d.manual, Manual{What: strings.Join(byHand[why], ", "), Why: why})
	}
	return d
}

// unsent makes manual what would be set in an update that could not be sent.
func (d *difference) unsent(kind *providers.Kind, user *providers.User) {
	if kind.Unsendable == nil || len(d.changes) == 0 {
		return
	}
	changed := make(map[string]any, len(d.changes))
	what := make([]string, len(d.changes))
	for i, c := range d.changes {
		changed[c.Name] = c.After
		what[i] = fmt.Sprintf("set %s to %s", c.Name, inline(c.After))
	}
	if why := kind.Unsendable(user, changed); why != "" {
		d.manual = append(d.manual, Manual{What: strings.Join(what, ", "), Why: why})
		d.changes, d.origins = nil, nil
	}
}

// unshownOf names what every update has to send and what is not shown of the user.
func unshownOf(kind *providers.Kind, user *providers.User) []string {
	var names []string
	for _, a := range kind.Attributes {
		if a.Whole && !user.Attributes[a.Name].Shown {
			names = append(names, a.Name)
		}
	}
	return names
}

// emailName is the name under which a plan has the address.
const emailName = "email"

// whyNoAddress says why an address is not changed.
func (b *builder) whyNoAddress() string {
	kind := b.provider.Kind
	switch {
	case !kind.Readdress:
		return kind.Title + " documents no way to change an address"
	case kind.Cannot("update") != "":
		return kind.Cannot("update")
	case b.provider.Memory == nil:
		return "without a ledger nothing shows that the user is his, so an address is never changed"
	default:
		return "rollcall did not manage the user until now, and an address is never changed at the first contact"
	}
}

// wants is what somebody who is to have access is to have: what the roster states,
// and that he is not suspended.
func wants(kind *providers.Kind, access *sources.Access) []providers.Wanted {
	wanted := kind.Wants(access)
	for _, name := range slices.Sorted(maps.Keys(kind.Suspension.Active)) {
		if attribute, known := kind.Attribute(name); known {
			wanted = append(wanted, providers.Wanted{Attribute: attribute, Data: kind.Suspension.Active[name]})
		}
	}
	return wanted
}

// target is the value that an attribute is to have, and the names of what would
// have to be cleared for it where the vendor documents no way; these keep their
// live values. An object keeps the live fields that the roster does not state;
// its cleared fields are named with a dot.
func target(w providers.Wanted, live any) (after any, cleared []string) {
	clears := w.Attribute.Clear != providers.ClearUnsupported
	wanted, isObject := w.Data.(map[string]any)
	if w.Attribute.Shape != sources.Object || !isObject {
		switch {
		case !providers.Empty(w.Data):
			return w.Data, nil
		case w.Attribute.Equal(live, nil):
			return live, nil
		case !clears:
			return live, []string{w.Attribute.Name}
		case w.Attribute.Shape == sources.Set || w.Attribute.Shape == sources.SetOfSets:
			return []any{}, nil
		default:
			return nil, nil
		}
	}
	old, _ := live.(map[string]any)
	fields := make(map[string]any, len(old)+len(wanted))
	maps.Copy(fields, old)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		switch {
		case !providers.Empty(wanted[name]):
			fields[name] = wanted[name]
		case providers.Empty(old[name]):
		case !clears:
			cleared = append(cleared, w.Attribute.Name+"."+name)
		default:
			fields[name] = nil
		}
	}
	return fields, cleared
}

// shown is an attribute's change as a plan may show it.
func shown(a providers.Attribute, before, after any) AttributeChange {
	if a.Sensitive {
		return AttributeChange{Name: a.Name, Before: nil, After: Masked}
	}
	return AttributeChange{Name: a.Name, Before: ordered(a, before), After: ordered(a, after)}
}

// emptyList is a live value, an empty set being a list without members: in a plan
// null is what nothing is known of.
func emptyList(a providers.Attribute, live any) any {
	if live == nil && (a.Shape == sources.Set || a.Shape == sources.SetOfSets) {
		return []any{}
	}
	return live
}

// ordered brings sets into one order, so that a plan does not depend on the order
// of the roster or of the vendor's answer.
func ordered(a providers.Attribute, data any) any {
	if a.Shape == sources.Set || a.Shape == sources.SetOfSets {
		return sources.Normal(data)
	}
	return data
}

// risks judges the changes by what they mean at the vendor.
func (d *difference) risks(kind *providers.Kind, user *providers.User) []Risk {
	risks := []Risk{}
	after := make(map[string]any)
	privilege := false
	for _, c := range d.changes {
		after[c.Name] = c.After
		if attribute, _ := kind.Attribute(c.Name); attribute.Grant && (kind.Privilege == nil || kind.Privilege(c.Name, c.Before, c.After)) {
			privilege = true
		}
	}
	had, keeps := make(map[string]any), make(map[string]any)
	for _, attribute := range kind.Attributes {
		live := user.Attributes[attribute.Name]
		if !attribute.Grant || !live.Shown {
			continue
		}
		had[attribute.Name], keeps[attribute.Name] = live.Data, live.Data
		if changed, is := after[attribute.Name]; is {
			keeps[attribute.Name] = changed
		}
	}
	if kind.Accesses(had) && !kind.Accesses(keeps) {
		risks = append(risks, RiskRemoval)
	}
	if _, moves := after[emailName]; moves {
		risks = append(risks, RiskEmail)
	}
	if privilege {
		risks = append(risks, RiskPrivilege)
	}
	return risks
}
