package plan

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/providers"
)

// distinct makes ambiguous what was seen of people who may all be one user: which of them
// he is, is for the roster to say. What is done for one of them would be undone for the
// other, and who leaves would take the other's access with him. For whom it is certain,
// since the roster pins the user or the ledger has him by the person's id, the others do
// not count.
func distinct(in []Provider, entries []Entry) []Entry {
	seen, entries := entries, slices.Clone(entries)
	for i, e := range seen {
		at := slices.IndexFunc(in, func(p Provider) bool { return p.Config.Name == e.Access.Provider })
		if at < 0 || e.Observation.Finding != providers.Found || e.Observation.User.ID == "" || handedOver(e, seen) != nil {
			continue
		}
		if others := in[at].sharing(e, seen); len(others) > 0 {
			found := e.Observation.User
			entries[i].Observation = providers.Observation{
				Finding: providers.Ambiguous, Candidates: []*providers.User{found}, Steps: e.Observation.Steps,
				Detail: fmt.Sprintf("user %s (%s) is found for %s too", found.ID, found.Email, strings.Join(others, " and ")),
				Remedy: "if they are one person, keep one entry and put the other address under its previousEmails; if the user was given on, pin him with userID for whoever has him now; else see to it at the vendor that each has a user of his own",
			}
		}
	}
	return entries
}

// sharing names the others of the entries whose the same user may be, unless it is certain
// that he is this one's, and no other's.
func (p Provider) sharing(e Entry, all []Entry) []string {
	user := e.Observation.User
	certain := func(e Entry) bool { return e.Observation.ByID || p.Memory.his(e.Access, user) }
	var others []string
	rivals := 0
	for _, other := range all {
		if other.Access.Provider != e.Access.Provider || other.Access.Person == e.Access.Person || !p.mayBe(other, user) || handedOver(other, all) != nil {
			continue
		}
		others = append(others, other.Access.Person.Email)
		if certain(other) {
			rivals++
		}
	}
	if certain(e) && rivals == 0 {
		return nil
	}
	slices.Sort(others)
	return others
}

// mayBe reports whether a user may be that of the entry's person: he was found or, where
// it is not known whether the person is there, the user has his address, or is the one
// whom roster or ledger have for him.
func (p Provider) mayBe(e Entry, user *providers.User) bool {
	switch o := e.Observation; {
	case o.Finding == providers.Found:
		return o.User.ID == user.ID
	case o.Finding == providers.Absent, o.Finding == providers.Ambiguous, o.Finding == "" && e.Access.State.Leaver():
		return false
	}
	record, known := p.Memory.of(e.Access, user.ID)
	return known && record.UserID == user.ID || e.Access.UserID == user.ID || hasAddress(e.Access, user.Email)
}
