package sources_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// TestContributions: the blocks that make somebody's access, in the order in which
// they are merged, with their windows, the lines that say so, and whether they count.
func TestContributions(t *testing.T) {
	l := load(t, map[string]string{"roster.yaml": `version: 1
teams:
  summer: {access: {vendasta: {from: 2026-06-01, until: 2026-08-31, platformAccess: ["tm:summer"]}}}
  always: {access: {vendasta: {platformAccess: ["tm:access"]}}}
  elsewhere: {access: {}}
people:
  - email: a@example.com
    previousEmails: [old@example.com, older@example.com]
    timeZone: Pacific/Kiritimati
    until: 2026-07-31
    teams: [summer, elsewhere, always]
    access: {vendasta: {email: at@example.com, userID: U-1, from: 2026-07-01, businessLocations: [AG-1]}}
`})
	l.wantSaid(t)
	person := l.roster.People[0]
	at := func(line, column int, team string) sources.Origin {
		return sources.Origin{File: person.Origin.File, Line: line, Column: column, Team: team}
	}
	// It is July there already, fourteen hours ahead.
	got := sources.Contributions(person, "vendasta", time.UTC, instant(t, "2026-06-30T10:00:00Z"))
	type short struct {
		Origin, FromOrigin, UntilOrigin sources.Origin
		From, Until                     string
		Counts                          bool
		Values                          int
	}
	var list []short
	for _, c := range got {
		list = append(list, short{c.Origin, c.FromOrigin, c.UntilOrigin, c.From, c.Until, c.Counts, len(c.Values)})
	}
	if diff := cmp.Diff([]short{
		{at(4, 21, "always"), sources.Origin{}, at(10, 5, ""), "", "2026-07-31", true, 1},
		{at(3, 21, "summer"), at(3, 32, ""), at(10, 5, ""), "2026-06-01", "2026-07-31", true, 1},
		{at(12, 14, ""), at(12, 61, ""), at(10, 5, ""), "2026-07-01", "2026-07-31", true, 1},
	}, list); diff != "" {
		t.Error(diff)
	}
	for day, want := range map[string][]bool{"2026-06-29": {true, true, false}, "2026-07-30": {true, true, true}, "2026-08-01": {false, false, false}, "2026-05-01": {true, false, false}} {
		for i, c := range sources.Contributions(person, "vendasta", time.UTC, instant(t, day)) {
			if c.Counts != want[i] {
				t.Errorf("%s: contribution %d counts: %v", day, i, c.Counts)
			}
		}
	}
	if other := sources.Contributions(person, "partoo", time.UTC, instant(t, "2026-07-01")); other != nil {
		t.Errorf("where there is nothing there is %v", other)
	}

	access := sources.Resolve(l.roster, l.config, rules, instant(t, "2026-07-10"))[0]
	for name, pair := range map[string][2]sources.Origin{
		"email":              {access.EmailOrigin(), at(12, 25, "")},
		"userID":             {access.PinOrigin(), at(12, 48, "")},
		"previous email":     {person.PreviousOrigin("OLDER@example.com"), at(8, 39, "")},
		"no previous email":  {person.PreviousOrigin("a@example.com"), sources.Origin{}},
		"userID where none":  {(&sources.Access{Person: person, Provider: "partoo"}).PinOrigin(), sources.Origin{}},
		"email of the entry": {(&sources.Access{Person: person, Provider: "partoo"}).EmailOrigin(), person.Origin},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: at %v, want %v", name, pair[0], pair[1])
		}
	}
}
