package intelagree

import (
	"maps"
	"testing"

	"rollcall/providers/providertest"
	"rollcall/providers/simulator"
)

// The laws of every provider hold for this one.
func TestConformance(t *testing.T) { providertest.Run(t, subject()) }

// They hold too where the vendor does what is not documented in the other way.
func TestConformanceOtherwise(t *testing.T) {
	s := subject()
	s.World.IntelAgree = simulator.IntelAgreeOptions{Envelope: "value"}
	providertest.Run(t, s)
}

// They hold where changes are not assumed.
func TestConformanceDocumented(t *testing.T) {
	s := subject()
	s.Assume, s.Updates, s.Looks = nil, nil, nil
	providertest.Run(t, s)
}

// The laws would find a provider that is broken.
func TestConformanceFinds(t *testing.T) { providertest.Prove(t, subject()) }

// subject is what the laws have to be told of IntelAgree.
func subject() providertest.Subject {
	key := func(name, value string) map[string]any {
		return map[string]any{"entity": "User", "name": name, "value": value}
	}
	least := map[string]any{nameName: "Ana Souza", legalName: "Ana Maria Souza", businessKeys: []any{key("rollcall", "E-1")}}
	with := func(name string, more map[string]any) providertest.Sample {
		values := maps.Clone(least)
		maps.Copy(values, more)
		return providertest.Sample{Name: name, Values: values}
	}
	user := func(email string) map[string]any {
		return map[string]any{
			"email": email, nameName: "Ana Souza", legalName: "Ana Maria Souza", titleName: "Buyer",
			permissions: []any{"Contracts.View", 12}, everywhere: false, primaryEntity: 40,
		}
	}
	// An update replaces everything, so that it sends everything.
	change := func(name string, values map[string]any) providertest.Sample {
		return providertest.Sample{Name: name, Values: values, With: []string{nameName, legalName, titleName, businessKeys, permissions, presets, everywhere, primaryEntity}}
	}
	set := func(name string, value any) providertest.Sample { return change(name, map[string]any{name: value}) }
	// The laws make somebody beside the one whom they are about.
	other, err := simulator.New(simulator.Options{}).Add("intelagree", user("bill@example.com"))
	if err != nil {
		panic(err)
	}
	cloned := with("with another one's permissions", map[string]any{clone: key("rollcall", other)})
	cloned.Record = maps.Clone(least)
	cloned.Record[permissions] = user("")[permissions]
	return providertest.Subject{
		Kind: Kind(), Assume: []string{"update"}, SearchPage: 1 << 30,
		User: user,
		New: func(email string) map[string]any {
			return map[string]any{"email": email, permissions: []any{}, presets: []any{}, everywhere: false}
		},
		Creates: []providertest.Sample{
			with("with the least", nil),
			with("with everything", map[string]any{
				titleName: "Buyer", permissions: []any{"Contracts.View", int64(12), map[string]any{"id": int64(3)}}, everywhere: true, primaryEntity: int64(40),
				businessKeys: []any{key("rollcall", "E-1"), key("HR", "77")},
			}),
			with("with presets", map[string]any{presets: []any{"Reviewer"}}), cloned,
		},
		Updates: []providertest.Sample{
			set(nameName, "Anna-Lena"), set(legalName, "Anna-Lena Souza"), set(titleName, "Head of Buying"), set(everywhere, true), set(primaryEntity, int64(41)),
			set(permissions, []any{"Contracts.Edit"}), set(permissions, []any{}),
			change("presets instead", map[string]any{permissions: []any{}, presets: []any{"Reviewer"}}),
		},
		Unproven:    "what a 404 means is not documented",
		Unaccounted: "the keys alone say which account it is",
		Answers:     []string{`[]`, `{"users": [], "count": 0}`},
		TokenPath:   "/Accounts",
		Looks:       []string{"update"},
		Without: map[string]string{
			"singular-error": "no form of errors is documented", "429 twice, body": "no body of a 429 is documented",
			"an id that nobody has is only an error": "it is never more", "an update that sends what did not change": "every update sends everything",
		},
	}
}
