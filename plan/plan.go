// Package plan builds, guards, renders and applies plans.
//
// Build is pure: effective access and observations in, a Plan out, with no
// request and no clock. A Plan is data: it can be saved, compared, hashed and
// rendered. Guard limits it before the first write. Apply carries it out with
// what a provider's connection can write, and gives a Result for every change,
// whatever happens.
package plan

import (
	"encoding/json"
	"slices"
	"strings"

	"rollcall/sources"
)

// Format is the version of the plan's JSON.
const Format = "rollcall.plan/1"

// An Action is what a change does to a user.
type Action string

// The actions, the weakest first. Of several that a user needs, the plan has the
// strongest, and the attributes ride along.
const (
	Update  Action = "update"
	Create  Action = "create"
	Adopt   Action = "adopt" // an update of a user whom rollcall did not manage before
	Restore Action = "restore"
	Suspend Action = "suspend"
	Delete  Action = "delete"
)

// A Risk is why a change deserves a second look.
type Risk string

// The risks.
const (
	RiskRemoval      Risk = "removal"       // access ends
	RiskEmail        Risk = "email"         // the address changes
	RiskPrivilege    Risk = "privilege"     // access may grow
	RiskFirstContact Risk = "first-contact" // rollcall has no record of this user
)

// An Effect is what a change does beyond the user record.
type Effect string

// The effects.
const (
	EffectInvite   Effect = "invite"   // a mail goes out
	EffectBillable Effect = "billable" // the vendor may charge for it
)

// A Cause is why a change is planned.
type Cause string

// The causes.
const (
	CauseJoined  Cause = "joined"
	CauseEdited  Cause = "edited"
	CauseLeft    Cause = "left"
	CauseExpired Cause = "expired"
	CauseDrifted Cause = "drifted" // somebody changed what rollcall had set
)

// A Reason is why an entry is held.
type Reason string

// The reasons.
const (
	HeldAmbiguous  Reason = "ambiguous"
	HeldUnknown    Reason = "unknown"
	HeldProtected  Reason = "protected"
	HeldMode       Reason = "mode"
	HeldUnreadable Reason = "unreadable"
	HeldNeeds      Reason = "needs" // another change would have to come first
)

// A Block is why a guard refuses a change.
type Block string

// The blocks.
const (
	BlockedLimit      Block = "limit"      // more removals than the guardrails allow
	BlockedIncomplete Block = "incomplete" // the provider could not be read well enough
)

// A Plan is the changes that would make the live users match the roster, with
// what is held and what is manual. It holds no secret.
type Plan struct {
	Format  string      `json:"format"`
	Digest  string      `json:"digest"`
	Created string      `json:"created"` // RFC 3339
	AsOf    string      `json:"asOf"`    // the day it was made for
	Ledger  LedgerState `json:"ledger"`
	Roster  RosterInfo  `json:"roster"`
	Scope   Scope       `json:"scope"`
	// Guardrails are those that the plan was judged by.
	Guardrails Guardrails      `json:"guardrails"`
	Providers  []ProviderState `json:"providers"`
	Changes    []Change        `json:"changes"`
	Held       []Held          `json:"held"`
	Manual     []Manual        `json:"manual"`
	// NotStarted lists the people whose access has not begun.
	NotStarted []NotStarted `json:"notStarted,omitempty"`
	// Scheduled lists the deletions that are to come.
	Scheduled []Scheduled `json:"scheduled,omitempty"`
	// Interrupted lists the changes of earlier runs that were under way when they ended.
	Interrupted []Interrupted `json:"interrupted,omitempty"`
	// Recognised lists the users whom rollcall manages from now on.
	Recognised []Recognised `json:"recognised,omitempty"`
	// Guards says what each guard counted and what it allows.
	Guards []GuardInfo `json:"guards,omitempty"`
}

// LedgerState says whether there was a ledger.
type LedgerState string

// The states of a ledger. A run with an unreadable one makes no plan.
const (
	LedgerPresent    LedgerState = "present"
	LedgerAbsent     LedgerState = "absent"
	LedgerUnreadable LedgerState = "unreadable"
)

// RosterInfo identifies the roster that a plan was made for.
type RosterInfo struct {
	Digest string   `json:"digest"`
	Files  []string `json:"files"`
}

// Scope is what a plan was narrowed to; empty lists mean everything.
type Scope struct {
	Providers []string `json:"providers"`
	People    []string `json:"people"`
}

// Guardrails are the limits of rollcall.yaml as they are written there.
type Guardrails struct {
	MaxRemovals string   `json:"maxRemovals"` // default where nothing is written
	Protect     []string `json:"protect"`     // sorted
}

// guardrailsOf writes guardrails down.
func guardrailsOf(g sources.Guardrails) Guardrails {
	written := Guardrails{MaxRemovals: g.MaxRemovals.String(), Protect: []string{}}
	for _, pattern := range g.Protect {
		written.Protect = append(written.Protect, pattern.String())
	}
	slices.Sort(written.Protect)
	return written
}

// A ProviderState is one provider as the plan found it.
type ProviderState struct {
	Name      string          `json:"name"`
	Kind      string          `json:"kind"`
	Target    string          `json:"target"` // identifies the account
	State     ReadState       `json:"state"`
	Mode      sources.Mode    `json:"mode"`
	OnLeave   sources.OnLeave `json:"onLeave,omitempty"` // empty: manual
	Lookup    sources.Lookup  `json:"lookup"`            // how users were found
	Reads     int             `json:"reads"`             // requests that it took to look everybody up
	Requests  int             `json:"requests"`          // that applying sends
	Seconds   int             `json:"seconds"`           // that they take at least under the rate
	Unchanged int             `json:"unchanged"`         // people as wanted already
	Kept      int             `json:"kept,omitempty"`    // leavers whose access onLeave: keep leaves
	Marked    int             `json:"marked,omitempty"`  // leavers whom a person has seen to by hand
	Error     string          `json:"error,omitempty"`
	// Unarmed names the guards that could not judge the removals there, because the
	// vendor does not tell what they need to know.
	Unarmed []string `json:"unarmed,omitempty"`
}

// ReadState says how much of a provider could be read.
type ReadState string

// The read states.
const (
	Read    ReadState = "read"
	Partial ReadState = "partial"
	Unread  ReadState = "unread"
)

// A Change is one action on one user at one provider, as data.
type Change struct {
	ID          string            `json:"id"` // provider/email
	Provider    string            `json:"provider"`
	Email       string            `json:"email"` // the person's in the roster
	UserID      string            `json:"userId"`
	Action      Action            `json:"action"`
	Attributes  []AttributeChange `json:"attributes"`
	Cause       Cause             `json:"cause"`
	Origin      []sources.Origin  `json:"origin"`
	Risks       []Risk            `json:"risks"`
	Effects     []Effect          `json:"effects"`
	Needs       []string          `json:"needs"` // ids of changes that come first
	Fingerprint string            `json:"fingerprint"`
	Requests    int               `json:"requests"` // that it sends when all goes well
	Blocked     Block             `json:"blocked,omitempty"`
	Note        string            `json:"note,omitempty"`
	Since       string            `json:"since,omitempty"` // as that of Held
}

// An AttributeChange is one attribute before and after. Values of sensitive
// attributes are Masked.
type AttributeChange struct {
	Name   string `json:"name"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Masked stands for a value that is not printed.
const Masked = "•••"

// Held is something that the roster asks and that the plan leaves alone, with
// what would let it go on.
type Held struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	UserID   string `json:"userId,omitempty"`
	Wanted   Action `json:"wanted"` // empty when it is not known
	Leaver   bool   `json:"leaver"`
	Reason   Reason `json:"reason"`
	Detail   string `json:"detail"`
	Remedy   string `json:"remedy"`
	// Attributes are what the change would have set that the provider's mode holds.
	Attributes []AttributeChange `json:"attributes,omitempty"`
	// Since is the day since when a leaver's access is open, where the ledger knows it.
	Since string `json:"since,omitempty"`
}

// Manual is something that the roster asks and that the vendor's documented API
// can not do.
type Manual struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	UserID   string `json:"userId"`
	Leaver   bool   `json:"leaver"`
	What     string `json:"what"`
	Why      string `json:"why"`
	Since    string `json:"since,omitempty"` // as that of Held
}

// A Scheduled deletion is that of a leaver who is suspended until then.
type Scheduled struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	UserID   string `json:"userId"`
	On       string `json:"on"` // the first day
}

// An Interrupted change was under way when its run ended, and it is not recorded how it
// ended.
type Interrupted struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	Action   Action `json:"action"`
	Run      string `json:"run"`
	Found    string `json:"found"` // what was found out about it now
}

// A Recognised user is one whom rollcall meets for the first time, as the roster wants
// him.
type Recognised struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	UserID   string `json:"userId"`
}

// NotStarted is somebody whose access begins later.
type NotStarted struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	From     string `json:"from"`
}

// GuardInfo is what one guard counted at one provider.
type GuardInfo struct {
	Provider string `json:"provider"`
	Guard    string `json:"guard"`
	Figure   int    `json:"figure"`
	Limit    int    `json:"limit"`
	Base     int    `json:"base"`
	Tripped  bool   `json:"tripped"`
}

// Open is a leaver who still has access.
type Open struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	UserID   string `json:"userId"`
	Reason   string `json:"reason"`
	Since    string `json:"since,omitempty"` // the day, where the ledger knows it
}

// indented renders a value of this package; they marshal without fail. What a CI service
// would obey is written as an escape, which reads as the same text.
func indented(v any) []byte {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		panic(err) // unreachable: every value is of encoding/json's own types
	}
	return []byte(sources.WithoutCommands(out.String()))
}

// leaver reports whether the change ends somebody's access.
func (c *Change) leaver() bool { return c.Action == Suspend || c.Action == Delete }

// removal reports whether the change counts against maxRemovals.
func (c *Change) removal() bool { return c.leaver() || slices.Contains(c.Risks, RiskRemoval) }
