package registry

import (
	"testing"

	"rollcall/providers/simulator"
	"rollcall/sources"
)

// Every kind can be found by its name, names what a plan needs, and is simulated.
func TestKinds(t *testing.T) {
	world := simulator.New(simulator.Options{})
	seen := make(map[string]bool)
	for _, kind := range Kinds() {
		if kind.Name == "" || seen[kind.Name] || kind.Title == "" || kind.Open == nil || len(kind.Attributes) == 0 || len(kind.Capabilities) == 0 {
			t.Errorf("%+v", kind)
		}
		seen[kind.Name] = true
		if found := Kind(kind.Name); found == nil || found.Name != kind.Name {
			t.Errorf("%s is not found by its name", kind.Name)
		}
		if world.BaseURL(kind.Name) == "" || len(kind.SimulatedAuth) == 0 {
			t.Errorf("%s is not simulated", kind.Name)
		}
		for _, address := range []string{kind.BaseURL, kind.TokenURL} {
			if address != "" && sources.CheckURL(address) != nil {
				t.Errorf("%s: %s is no address", kind.Name, address)
			}
		}
	}
	if Kind("none") != nil || Rules("none").Shapes != nil || Rules("vendasta").Missing == nil {
		t.Error("the rules of a kind that is not there, or none of one that is")
	}
}
