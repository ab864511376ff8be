package providertest

import (
	"context"
	"time"

	"rollcall/providers"
	"rollcall/sources"
)

// settingFlaws are those of a connection that is opened with something else than
// is configured.
func settingFlaws() []flaw {
	return []flaw{
		{name: "more at once than is configured", found: "limits/requests at once", tune: func(s *providers.Settings) { s.Config.Concurrency++ }},
		{name: "one after the other", found: "limits/requests at once", tune: func(s *providers.Settings) { s.Config.Concurrency = 1 }},
		{name: "no rate", found: "limits/the configured rate", tune: func(s *providers.Settings) { s.Config.Rate = nil }},
		{name: "no rate of the kind's own", found: "limits/the kind's own rate", tune: func(s *providers.Settings) { s.Config.RateSet = true }},
		{name: "no second try", found: "faults/500 twice", tune: func(s *providers.Settings) { s.Config.Retries = 0 }},
		{name: "an attempt that waits for an hour", found: "faults/hangs once", tune: func(s *providers.Settings) { s.Config.Timeout = time.Hour }},
		{name: "a pause that one call keeps alone", found: "limits/a vendor that asks for a pause", bend: bend(func(x *bent) {
			// A connection of its own for every call: nobody hears of the others' pause.
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				c, err := x.b.Kind.Connect(ctx, x.b.settings())
				if err != nil {
					return nil, err
				}
				return c.Reader.Get(ctx, id)
			}
			x.update = func(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
				c, err := x.b.Kind.Connect(ctx, x.b.settings())
				if err != nil {
					return providers.Receipt{}, err
				}
				return c.Writer.(providers.Updater).Update(ctx, patch)
			}
		})},
	}
}

func kindFlaws() []flaw {
	return []flaw{
		{name: "an attribute without a source", found: "kind/attributes", kind: func(k *providers.Kind) { k.Attributes[0].Source = "" }},
		{name: "an attribute twice", found: "kind/attributes", kind: func(k *providers.Kind) { k.Attributes = append(k.Attributes, k.Attributes[0]) }},
		{name: "an attribute that the laws have not seen", found: "kind/samples", kind: func(k *providers.Kind) {
			more := k.Attributes[0]
			more.Name = "unseen"
			k.Attributes = append(k.Attributes, more)
		}},
		{name: "a capability that is not told", found: "kind/capabilities", kind: func(k *providers.Kind) { k.Capabilities = k.Capabilities[1:] }},
		{name: "a capability told twice", found: "kind/capabilities", kind: func(k *providers.Kind) { k.Capabilities = append(k.Capabilities, k.Capabilities[0]) }},
		{name: "a capability that there is no method for", found: "kind/capabilities", bend: func(_ *bench, c *providers.Connection) {
			if c.Writer != nil {
				c.Writer = struct{}{}
			}
		}},
		{name: "administrators who are known by nothing that is shown", found: "kind/insiders", kind: func(k *providers.Kind) {
			k.Administrators = &providers.Administrators{Means: "nothing", Reads: []string{"nothing"}, Is: func(map[string]any) bool { return true }}
		}},
		{name: "leavers that are deleted by default", found: "kind/names", kind: func(k *providers.Kind) { k.OnLeave = sources.LeaveDelete }},
		{name: "a base URL without encryption", found: "kind/names", kind: func(k *providers.Kind) { k.BaseURL = "http://api.example.com" }},
		{name: "a suspension by what is no attribute", found: "kind/suspension", kind: func(k *providers.Kind) {
			k.Suspension.Suspended = map[string]any{"nothing": true}
		}},
		{name: "sets whose order matters", found: "kind/equality", needs: "sets", kind: func(k *providers.Kind) {
			for i := range k.Attributes {
				k.Attributes[i].Shape = sources.Scalar
			}
		}},
		{name: "everything equals everything", found: "kind/equality", kind: func(k *providers.Kind) {
			for i := range k.Attributes {
				k.Attributes[i].Normal = func(any) any { return nil }
			}
		}},
		{name: "more access that is no risk", found: "kind/privilege", needs: "sets", kind: func(k *providers.Kind) {
			k.Privilege = func(string, any, any) bool { return false }
		}},
		{name: "a judgement that breaks on what it does not expect", found: "kind/functions", kind: func(k *providers.Kind) {
			k.Doubts = func(v sources.Values) []sources.Issue {
				_ = v[0].Data.([]any)[0]
				return nil
			}
		}},
		{name: "a network at the opening", found: "kind/opens", bend: func(b *bench, c *providers.Connection) { _, _ = c.Reader.Get(b.ctx, "x") }},
	}
}
