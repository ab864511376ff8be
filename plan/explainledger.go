package plan

import (
	"fmt"
	"time"

	"rollcall/plan/ledger"
)

// howWords say how a user came to be managed.
var howWords = map[ledger.How]string{
	ledger.Created:   "rollcall created it",
	ledger.Adopted:   "it was there before, and rollcall changed it",
	ledger.Met:       "it was there before, as the roster wanted it",
	ledger.Recovered: "it was created by a run that ended before it recorded that",
}

// ledgerLines say what the ledger has of the person there. Without a ledger there is
// nothing to say.
func (part *ExplainedPart) ledgerLines() []string {
	memory, access := part.Provider.Memory, part.Access
	if memory == nil {
		return nil
	}
	lines := []string{"does not have this person there: rollcall manages no such user"}
	key := access.Person.Key
	if record, known := memory.of(access); known {
		who := "user " + record.UserID
		if record.UserID == "" {
			who = "a user without an id"
		}
		lines[0] = fmt.Sprintf("manages %s since %s: %s", who, record.Since.Format(time.DateOnly), howWords[record.How])
		if key = record.Email; key != access.Person.Key {
			lines = append(lines, "under the address "+record.Email)
		}
		if !record.Left.IsZero() {
			line := "without access since " + record.Left.Format(time.DateOnly)
			if day := part.Provider.dueDay(record); !day.IsZero() && part.Provider.deletesLater(access) {
				line += ", to be deleted on " + day.Format(time.DateOnly)
			}
			lines = append(lines, line)
		}
	}
	if since := memory.openSince(key); !since.IsZero() {
		lines = append(lines, "access was to end, and is open since "+since.Format(time.DateOnly))
	}
	if mark, is := memory.done[key]; is {
		line := "seen to by hand on " + mark.At.Format(time.DateOnly) + " by " + mark.Who
		if mark.Note != "" {
			line += ": " + mark.Note
		}
		lines = append(lines, line)
	}
	if u, was := memory.interrupted(access); was {
		lines = append(lines, fmt.Sprintf("a %s was under way when the run %s ended, on %s", u.Action, u.Run, u.At.Format(time.DateOnly)))
	}
	for i := range lines {
		lines[i] = inert(lines[i])
	}
	return lines
}
