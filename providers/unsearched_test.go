package providers

import (
	"errors"
	"strings"
	"testing"

	"rollcall/sources"
)

// Where nobody is searched for, an id finds somebody or nobody does, and absence is what
// the caller says that it is.
func TestLookupByIDsOnly(t *testing.T) {
	empty, down := errors.New("the ledger has nobody there"), errors.New("503")
	ana := user("E-1", "ana@example.com")
	for name, test := range map[string]struct {
		byID map[string]any
		q    Query
		want Finding
		says string
	}{
		"nobody":                         {nil, Query{}, Absent, ""},
		"nobody, which proves nothing":   {nil, Query{Unproven: empty}, Unknown, "the ledger has nobody there"},
		"the ledger's":                   {map[string]any{"E-1": ana}, Query{KnownID: "E-1", Unproven: empty}, Found, ""},
		"the ledger's is gone":           {nil, Query{KnownID: "E-1", Unproven: empty}, Unknown, "nobody there"},
		"the ledger's is gone, who left": {nil, Query{KnownID: "E-1", Only: true, Unproven: empty}, Absent, ""},
		"the ledger's does not answer":   {map[string]any{"E-1": down}, Query{KnownID: "E-1"}, Unknown, "503"},
		"his own":                        {map[string]any{"E-1": ana}, Query{OwnID: "E-1", Unproven: empty}, Found, ""},
		"his own, another's":             {map[string]any{"E-1": user("E-1", "bo@example.com")}, Query{OwnID: "E-1"}, Ambiguous, "bo@example.com"},
		"his own, another user":          {map[string]any{"E-1": user("E-2", "ana@example.com")}, Query{OwnID: "E-1"}, Unknown, "another user"},
		"his own does not answer":        {map[string]any{"E-1": down}, Query{OwnID: "E-1"}, Unknown, "503"},
		"his own is not there":           {nil, Query{OwnID: "E-1"}, Absent, ""},
		"a pin":                          {map[string]any{"E-1": ana}, Query{UserID: "E-1", Unproven: empty}, Found, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := &vendor{byID: test.byID, anywhere: []*User{ana}}
			test.q.IDsOnly, test.q.Emails = true, []string{"ana@example.com"}
			o := Lookup(t.Context(), v, test.q)
			if o.Finding != test.want || !strings.Contains(o.Detail, test.says) {
				t.Errorf("%s: %s", o.Finding, o.Detail)
			}
			for _, asked := range v.asked {
				if strings.HasPrefix(asked, "search") {
					t.Error(asked)
				}
			}
			if o.ByID != (test.q.UserID != "") && o.Finding == Found {
				t.Error("found by the roster's id, or not")
			}
		})
	}
}

// Which way is taken follows from how many people there are and how many users a page
// has.
func TestChoose(t *testing.T) {
	search, list := sources.LookupSearch, sources.LookupList
	for _, test := range []struct {
		lookups []sources.Lookup
		people  int
		want    sources.Lookup
	}{
		{[]sources.Lookup{search, list}, 0, search},
		{[]sources.Lookup{search, list}, 100, search},
		{[]sources.Lookup{search, list}, 101, list},
		{[]sources.Lookup{search}, 1000, search},
		{[]sources.Lookup{list}, 1, list},
	} {
		kind := Kind{Lookups: test.lookups, ListPage: 100}
		if got := kind.Choose(test.people); got != test.want {
			t.Errorf("%d people, %v: %s", test.people, test.lookups, got)
		}
	}
}
