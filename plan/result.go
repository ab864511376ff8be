package plan

import (
	"slices"
)

// ResultFormat is the version of the result's JSON.
const ResultFormat = "rollcall.result/1"

// A Status is how a change ended.
type Status string

// The statuses.
const (
	Applied Status = "applied"
	Already Status = "already" // as wanted before anything was sent
	Stale   Status = "stale"   // the user is not as he was when the plan was made
	Failed  Status = "failed"
	Unknown Status = "unknown" // it may or may not have been done
	Skipped Status = "skipped" // not begun
	Refused Status = "refused" // by a guard
)

// A Result is what an apply did, change by change. It is complete on every way
// out.
type Result struct {
	Format      string         `json:"format"`
	PlanDigest  string         `json:"planDigest"` // empty when there is no plan
	Exit        int            `json:"exit"`
	Error       string         `json:"error,omitempty"` // why the run broke
	Interrupted bool           `json:"interrupted,omitempty"`
	Changes     []ChangeResult `json:"changes"`
	Held        []Held         `json:"held"`
	Manual      []Manual       `json:"manual"`
	// Open lists the leavers who still have access.
	Open []Open `json:"open"`
	// LedgerHead names the end of the ledger's chain, for rollcall history --verify.
	LedgerHead string `json:"ledgerHead,omitempty"`
	// Unrecorded says what the ledger could not take, "" being nothing.
	unrecorded string
}

// A ChangeResult is how one change ended.
type ChangeResult struct {
	ID         string            `json:"id"`
	Provider   string            `json:"provider"`
	Email      string            `json:"email"`
	Action     Action            `json:"action"`
	Status     Status            `json:"status"`
	UserID     string            `json:"userId"`
	RequestID  string            `json:"requestId"`
	Error      string            `json:"error"`
	Attributes []AttributeChange `json:"attributes"`
}

// NewResult is the result of a run that has changed nothing yet; p may be nil.
func NewResult(p *Plan) *Result {
	r := &Result{Format: ResultFormat, Changes: []ChangeResult{}, Held: []Held{}, Manual: []Manual{}, Open: []Open{}}
	if p == nil {
		return r
	}
	r.PlanDigest, r.Held, r.Manual = p.Digest, p.Held, p.Manual
	for i := range p.Changes {
		r.Changes = append(r.Changes, newChangeResult(&p.Changes[i], Skipped, "not begun"))
	}
	r.Open = append(r.Open, openLeavers(p, r.Changes)...)
	return r
}

func newChangeResult(c *Change, status Status, message string) ChangeResult {
	return ChangeResult{
		ID: c.ID, Provider: c.Provider, Email: c.Email, Action: c.Action, Status: status,
		UserID: c.UserID, Error: message, Attributes: c.Attributes,
	}
}

// JSON is the result as a file: indented, with one line feed at the end.
func (r *Result) JSON() []byte { return indented(r) }

// Count is how many changes ended with the status.
func (r *Result) Count(status Status) int {
	n := 0
	for _, c := range r.Changes {
		if c.Status == status {
			n++
		}
	}
	return n
}

// done reports whether the change is as the plan wants it.
func (c *ChangeResult) done() bool { return c.Status == Applied || c.Status == Already }

// The exit codes of the program.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitChanges     = 2
	ExitIncomplete  = 3
	ExitRefused     = 4
	ExitInvalid     = 5
	ExitInterrupted = 130
)

// Exit is the exit code of a plan that is only shown; detailed tells changes from
// none.
func (p *Plan) Exit(detailed bool) int {
	switch {
	case slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Blocked == BlockedLimit }):
		return ExitRefused
	case p.incomplete():
		return ExitIncomplete
	case detailed && len(p.Changes) > 0:
		return ExitChanges
	default:
		return ExitOK
	}
}

// Applicable is how many changes an apply would carry out, the limit on removals
// being lifted when allow is the plan's digest.
func (p *Plan) Applicable(allow string) int {
	n := 0
	for _, c := range p.Changes {
		if c.Blocked == "" || c.Blocked == BlockedLimit && allow == p.Digest {
			n++
		}
	}
	return n
}

// incomplete reports whether anything could not be read.
func (p *Plan) incomplete() bool {
	return slices.ContainsFunc(p.Held, func(h Held) bool { return h.Reason == HeldUnknown }) ||
		slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Blocked == BlockedIncomplete }) ||
		slices.ContainsFunc(p.Providers, func(e ProviderState) bool { return e.State != Read })
}

// finish sets what follows from how the changes ended: the open leavers and the
// exit code.
func (r *Result) finish(p *Plan) {
	r.Open = append([]Open{}, openLeavers(p, r.Changes)...)
	if r.unrecorded != "" {
		r.Error = r.unrecorded
	}
	r.Exit = ExitOK
	failed := slices.ContainsFunc(r.Changes, func(c ChangeResult) bool { return !c.done() && c.Status != Refused })
	switch {
	case r.Interrupted:
		r.Exit = ExitInterrupted
	case r.refused(p):
		r.Exit = ExitRefused
	case failed, p.incomplete(), len(r.Open) > 0, r.unrecorded != "":
		r.Exit = ExitIncomplete
	}
}

// refused reports whether a guard other than that for incomplete reads refused
// a change.
func (r *Result) refused(p *Plan) bool {
	for i, c := range r.Changes {
		if c.Status == Refused && p.Changes[i].Blocked != BlockedIncomplete {
			return true
		}
	}
	return false
}

// openLeavers lists the leavers who still have access once the changes ended as
// they did: those that are held or manual, and those whose change is not done.
// Each is there once.
func openLeavers(p *Plan, changes []ChangeResult) []Open {
	var open []Open
	seen := make(map[[2]string]bool)
	add := func(o Open) {
		if key := [2]string{o.Provider, o.Email}; !seen[key] {
			seen[key] = true
			open = append(open, o)
		}
	}
	for i := range changes {
		if c := &changes[i]; p.Changes[i].leaver() && !c.done() {
			add(Open{Provider: c.Provider, Email: c.Email, UserID: c.UserID, Reason: string(c.Status) + ": " + c.Error, Since: p.Changes[i].Since})
		}
	}
	for _, h := range p.Held {
		if h.Leaver {
			add(Open{Provider: h.Provider, Email: h.Email, UserID: h.UserID, Reason: string(h.Reason) + ": " + h.Detail, Since: h.Since})
		}
	}
	for _, m := range p.Manual {
		if m.Leaver {
			add(Open{Provider: m.Provider, Email: m.Email, UserID: m.UserID, Reason: "manual: " + m.What, Since: m.Since})
		}
	}
	return open
}

// Open lists the leavers who keep their access even if every change that is not
// blocked succeeds.
func (p *Plan) Open() []Open {
	ends := make([]ChangeResult, len(p.Changes))
	for i := range p.Changes {
		ends[i] = newChangeResult(&p.Changes[i], Applied, "")
		if blocked := p.Changes[i].Blocked; blocked != "" {
			ends[i].Status, ends[i].Error = Refused, string(blocked)
		}
	}
	return openLeavers(p, ends)
}
