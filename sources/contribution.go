package sources

import "time"

// A Contribution is one block that gives a person access at a provider, his own or
// that of one of his teams, as it stands on a day.
type Contribution struct {
	Origin Origin // of the block; its Team is empty for his own
	Values Values // as the block states them
	// From and Until are the days on which it begins and ends, both included, his own
	// window counted in; empty where there is no such end. The origins say where
	// they are written.
	From, Until             string
	FromOrigin, UntilOrigin Origin
	// Counts tells that the day lies between them.
	Counts bool
}

// Contributions are the blocks that make a person's access at a provider, his
// teams' in the order of their names, then his own. The day is that of the instant
// in the person's zone, else in the one given.
func Contributions(p *Person, provider string, zone *time.Location, instant time.Time) []Contribution {
	if p.zone != nil {
		zone = p.zone
	}
	today := dayOf(instant, zone)
	var list []Contribution
	for _, b := range p.contributions(provider) {
		w := b.window.within(p.window)
		list = append(list, Contribution{
			Origin: b.origin, Values: b.Values, From: w.From.String(), Until: w.Until.String(),
			FromOrigin: w.fromOrigin, UntilOrigin: w.untilOrigin, Counts: w.contains(today),
		})
	}
	return list
}

// EmailOrigin is where the address wanted at the provider is written.
func (a *Access) EmailOrigin() Origin {
	if own := a.Person.Own[a.Provider]; own != nil && own.Email != "" {
		return own.emailOrigin
	}
	return a.Person.Origin
}

// PinOrigin is where the userID is written; meaningful when there is one.
func (a *Access) PinOrigin() Origin {
	if own := a.Person.Own[a.Provider]; own != nil {
		return own.idOrigin
	}
	return Origin{}
}

// PreviousOrigin is where one of the person's previous emails is written, in
// whatever spelling it is asked for.
func (p *Person) PreviousOrigin(email string) Origin {
	for i, previous := range p.PreviousEmails {
		if SameEmail(previous, email) {
			return p.previousOrigins[i]
		}
	}
	return Origin{}
}
