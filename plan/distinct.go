package plan

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/providers"
)

// distinct makes ambiguous what was seen of people who were all found to be one user:
// which of them he is, is for the roster to say. What is done for one of them would be
// undone for the other, and who leaves would take the other's access with him.
func distinct(entries []Entry) []Entry {
	type user struct{ provider, id string }
	emails := make(map[user][]string)
	of := func(e Entry) user { return user{e.Access.Provider, e.Observation.User.ID} }
	for _, e := range entries {
		if e.Observation.Finding == providers.Found && e.Observation.User.ID != "" {
			emails[of(e)] = append(emails[of(e)], e.Access.Person.Email)
		}
	}
	entries = slices.Clone(entries)
	for i := range entries {
		e := &entries[i]
		if e.Observation.Finding != providers.Found || len(emails[of(*e)]) < 2 {
			continue
		}
		found := e.Observation.User
		others := slices.DeleteFunc(slices.Sorted(slices.Values(emails[of(*e)])), func(email string) bool { return email == e.Access.Person.Email })
		e.Observation = providers.Observation{
			Finding: providers.Ambiguous, Candidates: []*providers.User{found}, Steps: e.Observation.Steps,
			Detail: fmt.Sprintf("user %s (%s) is found for %s too", found.ID, found.Email, strings.Join(others, " and ")),
			Remedy: "if they are one person, keep one entry and put the other address under its previousEmails; else see to it at the vendor that each has a user of his own",
		}
	}
	return entries
}
