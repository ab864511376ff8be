package ledger

import (
	"encoding/json"
	"time"
)

// A Key is one person at one provider: the provider's name and the person's canonical
// address.
type Key struct{ Provider, Email string }

// State is what a plan is made with: what follows from everything that was recorded.
// It is a copy.
type State struct {
	Users map[Key]User
	// Open says since when the access of a leaver who still has it was to have ended.
	Open map[Key]time.Time
	// Done has the manual steps that a person has done for a leaver.
	Done map[Key]Mark
	// Unfinished are the changes of which it is not recorded how they ended, the oldest
	// first: the program died while they were under way.
	Unfinished []Unfinished
	// People is how many people had access at a provider by the last applied roster.
	People map[string]int
	// Targets identifies the account behind a provider's name, by name.
	Targets map[string]string
	// Last is when the last row was written; zero when there is none.
	Last time.Time
	Head string
}

// A User is one that rollcall manages.
type User struct {
	Key
	UserID string // the vendor's
	Person string // the person's id in the roster; empty when he has none
	How    How
	Since  time.Time
	// Applied is the last applied value of each attribute that the roster stated.
	Applied map[string]any
	// Before is what a suspension took away, by attribute; nil when he is not suspended.
	Before map[string]any
	// Left is when his access was first seen to be gone; zero when he has it.
	Left time.Time
}

// How a user came to be managed.
type How string

// The ways.
const (
	Created   How = "created"
	Adopted   How = "adopted"    // was there, and was changed
	Met       How = "recognised" // was there, as wanted
	Recovered How = "recovered"  // created by a run that died
)

// A Mark is what a person did by hand.
type Mark struct {
	At        time.Time
	Note, Who string
}

// An Unfinished change was sent, or about to be, when its run ended.
type Unfinished struct {
	Key
	Seq    int64 // of its row
	Run    string
	Action string
	UserID string
	Mail   bool // a mail was to follow
	At     time.Time
}

// An Update changes the state together with the rows that tell why.
type Update struct {
	// Put adds managed users or replaces them.
	Put []User
	// Drop takes users from the record.
	Drop []Key
	// Open and Closed are the leavers who still have access, and those who no longer do.
	Open   map[Key]time.Time
	Closed []Key
	// Done and Undone are marks of manual steps.
	Done   map[Key]Mark
	Undone []Key
	// Finished are rows of changes that are no longer under way.
	Finished []int64
	// People and Targets are by provider.
	People  map[string]int
	Targets map[string]string
}

// values are what a column holds of attributes.
func values(data map[string]any) (string, error) {
	if data == nil {
		return "", nil
	}
	text, err := json.Marshal(data)
	return string(text), err
}

// attributes are what a column held, with whole numbers as rosters have them.
func attributes(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return nil, err
	}
	return data, nil
}
