package plan

import (
	"errors"
	"fmt"

	"rollcall/providers"
	"rollcall/sources"
)

// unproven says, where people are looked up by the ledger alone, why it does not prove
// that somebody is not there whom no id has found; nil where its word is taken for that.
//
// It is taken only from a ledger that has somebody at the provider: one that is empty may
// be new because the one before was lost, and then everybody would be created a second
// time. Whoever is named is created from an empty one too, which is how it begins. Whom
// a run was about to create, or has created, is never created again.
func (p Provider) unproven(access *sources.Access) error {
	seeToHim := "look for him at the vendor: pin him with userID if he is there; if he is not, create him there by hand, and pin him then"
	record, known := p.Memory.of(access)
	_, interrupted := p.Memory.interrupted(access)
	switch {
	case p.Memory == nil:
		return providers.WithRemedy(errors.New("there is no ledger, and lookup: ledger finds people by nothing else"), "put the ledger back; where there never was one, rollcall apply begins it")
	case interrupted:
		return providers.WithRemedy(errors.New("a change of his was under way when its run ended, and the vendor is not searched"), seeToHim)
	case known && record.UserID == "":
		return providers.WithRemedy(errors.New("the ledger has him without the id by which he could be looked up"), "look for him at the vendor, and pin him with userID")
	case p.Memory.several(access):
		return providers.WithRemedy(errors.New("the ledger has several users who may be this person"), "pin the right one with userID")
	case known:
		return providers.WithRemedy(fmt.Errorf("the vendor does not have user %s any more, as whom the ledger has him, and is not searched for another one", record.UserID), seeToHim)
	case len(p.Memory.users) == 0 && !p.Named:
		return providers.WithRemedy(errors.New("the ledger has nobody there, so it does not prove that anybody is absent"),
			"if it is the right one and nobody has been created yet, begin with one person: rollcall apply --person "+ShellWord(access.Person.Email))
	}
	return nil
}
