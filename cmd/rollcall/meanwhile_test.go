package main

import (
	"encoding/json"
	"maps"

	"github.com/rogpeppe/go-internal/testscript"
)

// meanwhile plays somebody else at the vendor that is served:
//
//	meanwhile add KIND USER
//	meanwhile edit KIND ID MEMBERS
//	meanwhile remove KIND ID
//
// USER and MEMBERS are JSON in the form of simulator.yaml; members that are
// mappings are changed member by member.
func (s *stage) meanwhile(ts *testscript.TestScript, args []string) {
	decode := func(text string) (data map[string]any) {
		ts.Check(json.Unmarshal([]byte(text), &data))
		return data
	}
	switch {
	case s.world == nil:
		ts.Fatalf("no vendor is served")
	case len(args) == 3 && args[0] == "add":
		_, err := s.world.Add(args[1], decode(args[2]))
		ts.Check(err)
	case len(args) == 4 && args[0] == "edit":
		ts.Check(s.world.Edit(args[1], args[2], func(data map[string]any) { lay(data, decode(args[3])) }))
	case len(args) == 3 && args[0] == "remove":
		if !s.world.Remove(args[1], args[2]) {
			ts.Fatalf("%s has no user %s", args[1], args[2])
		}
	default:
		ts.Fatalf("usage: meanwhile add KIND USER | edit KIND ID MEMBERS | remove KIND ID")
	}
}

// lay lays members over those that are there.
func lay(below, over map[string]any) {
	for name, value := range maps.All(over) {
		old, isOld := below[name].(map[string]any)
		members, is := value.(map[string]any)
		if isOld && is {
			lay(old, members)
		} else {
			below[name] = value
		}
	}
}
