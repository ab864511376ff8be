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

// What suspends may be a call of its own: it is manual like any other, unless it is
// assumed.
func TestAssumeOwnCall(t *testing.T) {
	base := acme()
	base.Attributes[3].OwnCall = true
	for _, assumes := range []bool{false, true} {
		var config sources.ProviderConfig
		if assumes {
			config.Assume = []string{"suspend"}
		}
		kind, _ := base.Configure(config)
		if valid, _ := kind.Attribute("valid"); (valid.Manual == "") != assumes {
			t.Errorf("assumed %v: %q", assumes, valid.Manual)
		}
		if role, _ := kind.Attribute("role"); role.Manual != "" {
			t.Errorf("a documented call is manual: %s", role.Manual)
		}
	}
}

// One value of a person's may come to several attributes, each taking a part of it: it
// has no place where none of them takes any.
func TestUnplacedValues(t *testing.T) {
	part := func(wanted string) func(any) any {
		return func(data any) any {
			if data == wanted || data == "both" {
				return data
			}
			return nil
		}
	}
	kind := &Kind{Title: "Acme", Attributes: []Attribute{
		{Name: "desk", Person: "phones", FromPerson: part("work")},
		{Name: "cell", Person: "phones", FromPerson: part("mobile")},
		{Name: "nick", Person: "nickname"},
	}}
	for data, want := range map[any]string{
		"work": "", "mobile": "", "both": "", "fax": "Acme has no phones like this, so it is left alone there; state desk or cell in his access block", "": "", nil: "",
	} {
		issues := kind.unfit(sources.ProviderConfig{}, sources.Values{{Name: "nickname", Data: "x"}, {Name: "phones", Data: data}}, nil)
		got := ""
		for _, issue := range issues {
			got += issue.Message
			if !issue.Warning || issue.Attribute != "phones" {
				t.Errorf("%+v", issue)
			}
		}
		if got != want {
			t.Errorf("%v: %q", data, got)
		}
	}
	if issues := kind.unfit(sources.ProviderConfig{}, sources.Values{{Name: "phones", Data: "fax"}}, sources.Values{{Name: "desk", Data: "1"}}); len(issues) > 0 {
		t.Errorf("the block has a number: %v", issues)
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
