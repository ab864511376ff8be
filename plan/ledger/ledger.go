// Package ledger is rollcall's own record: which users it manages, since when
// somebody's access is to end, and what every run did.
//
// It is a record of ownership and of what happened, never the truth about live
// users: those are looked at in each run. Losing it is safe, because whatever it would
// have shown is then unmanaged.
//
// A ledger has two parts. The chain has one row for everything that happened, each
// holding the hash of the one before, so that an altered row shows and, with a head
// that was noted elsewhere, a missing one. Rows name nobody: who it was, and what was
// set, stands beside the chain, bound to its row by a salted hash, so that it can be
// forgotten without the chain breaking. The state is what follows from the rows: the
// users that are managed, their last applied values, and what is still open.
//
// It stands in a file, which is SQLite's, or in a PostgreSQL database that several
// machines share. There one of them at a time has the lease, and whoever has lost it can
// write nothing any more.
//
// A Ledger is safe for concurrent use. What Append writes, it writes whole or not at
// all, and it is on the disk when Append returns.
package ledger

import (
	"encoding/json"
	"errors"
	"time"
)

// Errors of a ledger.
var (
	// ErrUnreadable means that there is a ledger that can not be used: locked, corrupt,
	// or made by a newer rollcall.
	ErrUnreadable = errors.New("the ledger can not be read")
	// ErrAltered means that the chain does not hold together.
	ErrAltered = errors.New("the ledger was altered")
)

// A Kind is what a row of the chain is about.
type Kind string

// The kinds of rows.
const (
	RunBegan    Kind = "run began"
	RunEnded    Kind = "run ended"
	ChangeSent  Kind = "change sent"  // before anything is sent
	ChangeEnded Kind = "change ended" // once it is known, or known not to be
	Recognised  Kind = "recognised"   // a user as wanted, met for the first time
	Done        Kind = "done"         // by hand
	Forgot      Kind = "forgot"       // details that were taken away
)

// An Entry is one row with its details.
type Entry struct {
	Seq      int64     `json:"seq"` // from 1, without gaps
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind"`
	Run      string    `json:"run,omitempty"`
	Provider string    `json:"provider,omitempty"`
	Action   string    `json:"action,omitempty"`
	Status   string    `json:"status,omitempty"`
	Hash     string    `json:"hash"`
	// Details stand beside the chain; nil when they were forgotten.
	Details *Details `json:"details,omitempty"`
}

// Details are what a row says of people, and whatever else is not for the chain.
type Details struct {
	Email     string            `json:"email,omitempty"` // of the person, canonical
	Person    string            `json:"person,omitempty"`
	UserID    string            `json:"userId,omitempty"`
	RequestID string            `json:"requestId,omitempty"`
	Error     string            `json:"error,omitempty"`
	Values    []Value           `json:"values,omitempty"`
	Note      string            `json:"note,omitempty"`
	Who       string            `json:"who,omitempty"`
	Where     string            `json:"where,omitempty"`
	Facts     map[string]string `json:"facts,omitempty"` // of a run: roster, commit, plan, guards
	Rows      []int64           `json:"rows,omitempty"`  // whose details were forgotten
}

// A Value is an attribute before and after a change. Sensitive values are not among
// them.
type Value struct {
	Name   string          `json:"name"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}
