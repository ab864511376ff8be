package providers

import (
	"fmt"
	"slices"

	"rollcall/sources"
)

// Configure returns the kind as it is for one provider, and the provider's
// configuration with the kind's defaults filled in. What the vendor does not document
// and the configuration does not assume can not be done then: it is manual.
func (k *Kind) Configure(config sources.ProviderConfig) (*Kind, sources.ProviderConfig) {
	fitted := *k
	fitted.Attributes, fitted.Capabilities = slices.Clone(k.Attributes), slices.Clone(k.Capabilities)
	if k.Adapt != nil {
		k.Adapt(&fitted, config)
	}
	for i, c := range fitted.Capabilities {
		if c.Evidence == Assumed && assumable(c.Operation) != "" {
			fitted.Capabilities[i].On = config.Assumes(assumable(c.Operation))
		}
	}
	if fitted.OnLeave == "" && len(fitted.Suspension.Suspended) > 0 && config.Assumes("suspend") {
		fitted.OnLeave = sources.LeaveSuspend
	}
	for i := range fitted.Attributes {
		a := &fitted.Attributes[i]
		_, state := fitted.Suspension.Active[a.Name]
		if a.Mode != Managed || a.OwnCall && !state || a.Manual != "" {
			continue
		}
		operation := "update"
		if state {
			operation = "restore"
		}
		a.Manual = fitted.Cannot(operation)
	}
	if config.BaseURL == "" {
		config.BaseURL = fitted.BaseURL
	}
	if !config.RateSet {
		config.Rate, config.RateSet = fitted.Rate, true
	}
	if config.Lookup == "" && len(fitted.Lookups) > 0 {
		config.Lookup = fitted.Lookups[0]
	}
	return &fitted, config
}

// assumable is the word under assume that turns an operation on which the vendor
// does not document, or "" for one that needs none: reads are always tried.
func assumable(operation string) string {
	switch operation {
	case "update", "suspend", "create", "delete", "invite":
		return operation
	case "restore":
		return "suspend"
	default:
		return ""
	}
}

// Capability is what is known of an operation.
func (k *Kind) Capability(operation string) Capability {
	for _, c := range k.Capabilities {
		if c.Operation == operation {
			return c
		}
	}
	return Capability{Operation: operation, Evidence: None}
}

// Cannot says why an operation is not done there, and what would have it done, or
// "" where it is. It is meant for a configured kind: of one that is not, nothing is
// assumed.
func (k *Kind) Cannot(operation string) string {
	c := k.Capability(operation)
	switch {
	case c.Evidence == Documented, c.Evidence == Assumed && (c.On || assumable(operation) == ""):
		return ""
	case c.Evidence == Assumed:
		return fmt.Sprintf("%s documents no way to %s; rollcall assumes one (%s) and tries it once the provider has assume: [%s]", k.Title, inWords(operation), c.How, assumable(operation))
	case len(k.Suspension.Suspended) == 0 && operation == "suspend":
		return k.Title + " documents no way to suspend a user"
	default:
		return fmt.Sprintf("%s documents no way to %s", k.Title, inWords(operation))
	}
}

// inWords is an operation as a sentence has it.
func inWords(operation string) string {
	switch operation {
	case "update":
		return "change a user"
	case "find":
		return "find users"
	default:
		return operation + " a user"
	}
}

// Finds reports whether users can be found in that way there.
func (k *Kind) Finds(lookup sources.Lookup) bool {
	return slices.Contains(k.Lookups, lookup) || lookup == sources.LookupLedger && k.ByLedger
}

// Choose is the way in which so many people are looked up where the configuration leaves
// that open (auto): in one list of all users if they are more than one page of it has
// users, since it then takes fewer requests unless the vendor has a hundred users or so
// for each of them; else, and where there is no choice, in the kind's own way.
func (k *Kind) Choose(people int) sources.Lookup {
	if k.Finds(sources.LookupSearch) && k.Finds(sources.LookupList) && people > k.ListPage {
		return sources.LookupList
	}
	return k.Lookups[0]
}
