package vendasta

import (
	"testing"

	"rollcall/providers/providertest"
)

// The laws of every provider hold for this one.
func TestConformance(t *testing.T) { providertest.Run(t, subject()) }

// They hold too where the vendor does what is not documented in the other way.
func TestConformanceOtherwise(t *testing.T) {
	s := subject()
	s.World.Vendasta.MergeAddress = true
	providertest.Run(t, s)
}

// The laws would find a provider that is broken.
func TestConformanceFinds(t *testing.T) { providertest.Prove(t, subject()) }

// subject is what the laws have to be told of Vendasta.
func subject() providertest.Subject {
	phones := []any{map[string]any{"number": "+1 306 555 1234", "typeCode": "mobile"}, map[string]any{"number": "+1 306 555 1235 ext. 5", "typeCode": "work"}}
	street := map[string]any{"line1": "190 11th Street E.", "line2": "Unit 342", "city": "Saskatoon", "regionCode": "CA-SK", "postalCode": "H0H 0H0", "countryCode": "CA"}
	text := func(name string, value any) providertest.Sample {
		return providertest.Sample{Name: name, Values: map[string]any{name: value}, Record: map[string]any{"attributes." + name: value}}
	}
	list := func(name, of string, ids ...any) providertest.Sample {
		return providertest.Sample{Name: name, Values: map[string]any{of: ids}}
	}
	return providertest.Subject{
		Kind: Kind(), Settings: map[string]string{"partner": "ABC"}, SearchPage: 10, ListPage: 100, Volatile: []string{"createdAt", "updatedAt"},
		User: func(email string) map[string]any {
			return map[string]any{
				"partner": "ABC", platformAccess: anyList("tm:access", "pc:access"), businessLocations: anyList("AG-1"),
				"attributes": map[string]any{
					"email": email, "givenName": "Ana", "familyName": "Souza", "greetingName": "Annie", "languageLocaleCode": "pt-BR",
					"timeZone": "America/Regina", "phoneNumbers": phones[:1], "address": map[string]any{"line1": "1 Main St", "city": "Regina"},
				},
			}
		},
		New: func(email string) map[string]any {
			return map[string]any{"partner": "ABC", "attributes": map[string]any{"email": email}}
		},
		Creates: []providertest.Sample{
			{Name: "with one feature", Values: map[string]any{platformAccess: anyList("tm:access")}},
			{
				Name: "to be welcomed later", Values: map[string]any{platformAccess: anyList("tm:access"), welcomeEmail: true},
				Record: map[string]any{platformAccess: anyList("tm:access")},
			},
			{Name: "with one location", Values: map[string]any{businessLocations: anyList("AG-1")}},
			{
				Name: "with everything",
				Values: map[string]any{
					platformAccess: anyList("tm:access", "pc:access"), businessLocations: anyList("AG-1", "AG-2"), "givenName": "Ana", "familyName": "Souza",
					"greetingName": "Annie", "languageLocaleCode": "en-US", "timeZone": "America/Regina", "phoneNumbers": phones, "phoneNumbersSet": true, "address": street,
				},
				Record: map[string]any{
					platformAccess: anyList("tm:access", "pc:access"), businessLocations: anyList("AG-1", "AG-2"), "attributes.givenName": "Ana", "attributes.familyName": "Souza",
					"attributes.greetingName": "Annie", "attributes.languageLocaleCode": "en-US", "attributes.timeZone": "America/Regina", "attributes.phoneNumbers": phones, "attributes.address": street,
				},
			},
		},
		Updates: []providertest.Sample{
			text("givenName", "Anna-Lena"), text("familyName", "da Silva"), text("greetingName", "A."), text("languageLocaleCode", "it"), text("timeZone", "Europe/Rome"),
			text("phoneNumbers", phones), text("address", street), list("features", platformAccess, "ssc:access", "tm:access"), list("no feature", platformAccess),
			list("locations", businessLocations, "AG-2", "AG-3", "AG-4"), list("no location", businessLocations),
		},
		Together: [][]string{
			{"displayName", "givenName", "familyName", "greetingName", "languageLocaleCode", "timeZone"},
			{"email", "phoneNumbers", "address"},
			{platformAccess, businessLocations},
		},
		Without: map[string]string{"phantom-pages": "pages have no numbers here", "singular-error": "errors have one form here"},
	}
}
