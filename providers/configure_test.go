package providers

import (
	"strings"
	"testing"
	"time"

	"rollcall/sources"
)

// acme documents creates and deletions, and nothing else that writes.
func acme() *Kind {
	return &Kind{
		Title: "Acme", BaseURL: "https://api.acme.example", Rate: sources.Rate{{Requests: 5, Per: time.Second}},
		Lookups: []sources.Lookup{sources.LookupList},
		Attributes: []Attribute{
			{Name: "name", Mode: Managed},
			{Name: "role", Mode: Managed, OwnCall: true},
			{Name: "once", Mode: CreateOnly},
			{Name: "valid", Mode: Managed},
		},
		Capabilities: []Capability{
			{Operation: "find", Evidence: Assumed},
			{Operation: "create", Evidence: Documented},
			{Operation: "update", Evidence: Assumed, How: "a PUT"},
			{Operation: "suspend", Evidence: Assumed, How: "valid: false"},
			{Operation: "restore", Evidence: Assumed, How: "valid: true"},
			{Operation: "delete", Evidence: Documented},
			{Operation: "invite", Evidence: None},
		},
		Suspension: Suspension{Suspended: map[string]any{"valid": false}, Active: map[string]any{"valid": true}},
	}
}

// What no vendor documents is off, and manual with the line that turns it on, until
// the configuration assumes it. Reads that are assumed are on.
func TestAssume(t *testing.T) {
	for _, test := range []struct {
		assume []string
		off    string // operations
		manual string // attributes
		leave  sources.OnLeave
	}{
		{nil, "update suspend restore invite", "name valid", ""},
		{[]string{"update"}, "suspend restore invite", "valid", ""},
		{[]string{"suspend"}, "update invite", "name", sources.LeaveSuspend},
		{[]string{"update", "suspend"}, "invite", "", sources.LeaveSuspend},
	} {
		base := acme()
		kind, config := base.Configure(sources.ProviderConfig{Assume: test.assume})
		var off, manual []string
		for _, operation := range []string{"find", "create", "update", "suspend", "restore", "delete", "invite"} {
			why := kind.Cannot(operation)
			if why == "" {
				continue
			}
			off = append(off, operation)
			word := assumable(operation)
			if hint := "assume: [" + word + "]"; operation != "invite" && !strings.Contains(why, hint) || !strings.Contains(why, "Acme documents no way to "+inWords(operation)) {
				t.Errorf("%v: %s: %s", test.assume, operation, why)
			}
		}
		for _, a := range kind.Attributes {
			if a.Manual != "" {
				manual = append(manual, a.Name)
			}
		}
		if strings.Join(off, " ") != test.off || strings.Join(manual, " ") != test.manual || kind.OnLeave != test.leave {
			t.Errorf("%v: off are %v, manual %v, onLeave %q", test.assume, off, manual, kind.OnLeave)
		}
		if config.BaseURL != kind.BaseURL || config.Lookup != sources.LookupList || len(config.Rate) != 1 {
			t.Errorf("the defaults are not filled in: %+v", config)
		}
		// It is a copy, and configuring it again changes nothing.
		if base.Attributes[0].Manual != "" || base.Capabilities[2].On {
			t.Error("the kind itself was changed")
		}
		if again, _ := kind.Configure(config); again.Cannot("update") != kind.Cannot("update") || again.OnLeave != kind.OnLeave {
			t.Error("twice is not as once")
		}
	}
}

// A kind that fits itself to settings does so on a copy.
func TestAdapt(t *testing.T) {
	base := acme()
	base.Adapt = func(k *Kind, config sources.ProviderConfig) {
		if config.Settings["region"] == "eu" {
			k.BaseURL = "https://eu.acme.example"
			k.Attributes[2].Mode = Managed
		}
	}
	kind, config := base.Configure(sources.ProviderConfig{Settings: map[string]string{"region": "eu"}, Assume: []string{"update"}})
	if config.BaseURL != "https://eu.acme.example" || kind.Attributes[2].Mode != Managed || base.Attributes[2].Mode != CreateOnly || base.BaseURL == kind.BaseURL {
		t.Errorf("%+v %+v", config, kind)
	}
	if _, config := base.Configure(sources.ProviderConfig{BaseURL: "https://own.example", Settings: map[string]string{"region": "eu"}}); config.BaseURL != "https://own.example" {
		t.Errorf("what is written is overwritten: %s", config.BaseURL)
	}
}
