package simulator

import "time"

// vendastaTime is how times are shown: UTC with fractions ([G-SYNC]).
const vendastaTime = "2006-01-02T15:04:05.000000000Z"

// resource is a user as answers show it ([G-SYNC] sample): unset values as "",
// [] or false rather than left out, links as strings.
func (v *vendasta) resource(c *call, u *vendastaUser, search bool) map[string]any {
	attributes := u.shown()
	self := c.root() + vendastaBase + "/users/" + u.id
	relationships := map[string]any{}
	relate := func(name string, data any) {
		relationships[name] = map[string]any{
			"links": map[string]any{"self": self + "/relationships/" + name, "related": self + "/" + name},
			"data":  data,
		}
	}
	relate("partner", linkage("partners", u.partner))
	relate("customFields", linkage("userCustomFields", u.id))
	relate("businessLocations", linkages("businessLocations", u.businessLocations))
	relate("platformAccess", linkages("appFeatures", u.platformAccess))

	hide(c, c.ch.Hidden, attributes, relationships)
	if search {
		hide(c, c.ch.HiddenInSearch, attributes, relationships)
	}
	return map[string]any{
		"type": "users", "id": u.id,
		"attributes": attributes, "relationships": relationships,
	}
}

func linkage(kind, id string) map[string]any { return map[string]any{"type": kind, "id": id} }

func linkages(kind string, ids []string) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = linkage(kind, id)
	}
	return list
}

// shown is all attributes of an answer. The address carries both names of its
// lines ([P]), the number flag the spelling of the [G-SYNC] sample. That an
// unset greetingName stays "" is what the sample shows; [P] has it default to
// givenName.
func (u *vendastaUser) shown() map[string]any {
	address, _ := u.attributes["address"].(map[string]any)
	field := func(name string) any {
		if s, ok := address[name]; ok {
			return s
		}
		return ""
	}
	phones, _ := u.attributes["phoneNumbers"].([]any)
	if phones == nil {
		phones = []any{}
	}
	return map[string]any{
		"email":              u.email(),
		"displayName":        u.displayName(),
		"givenName":          u.text("givenName"),
		"familyName":         u.text("familyName"),
		"greetingName":       u.text("greetingName"),
		"emailVerified":      false,
		"emailSet":           u.email() != "",
		"languageLocaleCode": u.text("languageLocaleCode"),
		"phoneNumberSet":     len(phones) > 0,
		"phoneNumbers":       phones,
		"address": map[string]any{
			"line1": field("line1"), "line2": field("line2"),
			"streetAddress": field("line1"), "additionalAddress": field("line2"),
			"city": field("city"), "postalCode": field("postalCode"),
			"regionCode": field("regionCode"), "countryCode": field("countryCode"),
		},
		"profileImage": "",
		"timeZone":     u.text("timeZone"),
		"createdAt":    u.created.UTC().Format(vendastaTime),
		"updatedAt":    u.updated.UTC().Format(vendastaTime),
		// What the flags mean is inferred from the kinds of users ([G-USERS]).
		"isPartnerUser":  len(u.platformAccess) > 0,
		"isBusinessUser": len(u.businessLocations) > 0,
		"isBotUser":      false,
		"isGuestUser":    false,
		"isSelf":         false,
	}
}

// user is the user in the form of the state file.
func (u *vendastaUser) user() User {
	copied, err := plain(u.attributes, 0)
	if err != nil {
		panic("simulator: " + err.Error()) // what is stored was checked
	}
	return User{ID: u.id, Email: u.email(), Data: map[string]any{
		"id": u.id, "partner": u.partner, "attributes": copied,
		"platformAccess": texts(u.platformAccess), "businessLocations": texts(u.businessLocations),
		"createdAt": u.created.UTC().Format(time.RFC3339Nano),
		"updatedAt": u.updated.UTC().Format(time.RFC3339Nano),
	}}
}
