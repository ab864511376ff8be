package simulator

import (
	"math/rand/v2"
	"path"
	"sync"
	"time"
)

// Chaos is how a vendor misbehaves, as data. The zero value behaves well.
// Every fault counts as fired, under the name given here, when it really
// happens; see [Counts].Faults.
type Chaos struct {
	// Latency is waited before each effect, plus a random part of Jitter.
	// Fires "latency".
	Latency, Jitter time.Duration
	// RateLimit answers what exceeds it with 429. Fires "rate-limit".
	RateLimit *RateLimit
	// Fail are rules; of those that want to fail a request the first one does.
	Fail []Rule

	// Hidden names attributes and relationships, as the API does, that no answer shows,
	// HiddenInSearch those that only answers to searches and lists leave out. Where
	// myKaarma has several names for one thing any of them will do. A hidden
	// relationship keeps its links and loses its data; a hidden attribute is
	// left out or, with Blank, shown as if it were unset. Fires "hidden".
	Hidden, HiddenInSearch []string
	Blank                  bool

	// IndexLag hides users from searches for that long after their creation,
	// IndexLagSearches for that many searches; by id, at IntelAgree by business
	// key, they are found at once.
	// Fires "index-lag".
	IndexLag         time.Duration
	IndexLagSearches int

	// What is about pages does nothing at IntelAgree, whose search has one.

	// RepeatedCursor gives every page a next link, which from the second page
	// on is the one of the page itself. Numbered pages always claim to have one
	// more, and from the second on it is the second; at MyReports, where nothing is
	// claimed, it is the second alone that comes again. Fires "repeated-cursor".
	RepeatedCursor bool
	// OverlappingPages begins each page with the last user of the one before.
	// Fires "overlapping-pages".
	OverlappingPages bool
	// PhantomPages is how many pages more than there are a list that tells their
	// number claims to have, as Partoo's do; they come empty. Fires "phantom-pages".
	PhantomPages int
	// IgnoreFilter answers a search with all users, at Partoo with all that match
	// but for the email; myKaarma and MyReports have no search. Fires
	// "ignored-filter" when one of
	// them should not be there.
	IgnoreFilter bool

	// EchoAuthorization repeats the request's credentials in the texts of
	// errors. Fires "echo-authorization".
	EchoAuthorization bool
	// SingularError spells the member of Partoo's error bodies "error". Fires
	// "singular-error".
	SingularError bool
	// StoreDifferently keeps another value than the one written, without a
	// word: attribute or relationship name to what becomes of the value (Vendasta's
	// relationships and MyReports' roles are []string, other vendors' lists []any).
	// Fires "stored-differently" when the value differs.
	StoreDifferently map[string]func(any) any
	// MisspelledEmailCase stores the emails of created users in another case.
	// Fires "misspelled-email-case".
	MisspelledEmailCase bool
	// ClockSkew is how far the vendor's clock is ahead, in the Date header and
	// wherever else it tells or compares time. Fires "clock-skew".
	ClockSkew time.Duration
}

// Always is for [Chaos.StoreDifferently]: whatever was written, v is kept.
func Always(v any) func(any) any { return func(any) any { return v } }

// RateLimit allows Limit requests in each Window, which begins with the first
// request after the last one ended.
type RateLimit struct {
	Limit  int
	Window time.Duration
	// PerEndpoint counts each operation by itself, as Vendasta says it does
	// ([UNMERGED-RL]); else one count serves all. Token endpoints are free.
	PerEndpoint bool
	// Form is how the answer says when to come again.
	Form RetryForm
}

// RetryForm is a way to say when to come again.
type RetryForm string

// The forms. RetrySeconds, the default, is the documented answer of the vendor
// with all its members; each of the others shows its own hint and no other.
const (
	RetrySeconds     RetryForm = "seconds"      // Retry-After: 2
	RetryDate        RetryForm = "date"         // Retry-After: Sun, 06 Nov 1994 08:49:37 GMT
	RetryEpoch       RetryForm = "epoch"        // Retry-After: Unix seconds
	RetryEpochMillis RetryForm = "epoch-millis" // Retry-After: Unix milliseconds
	RetryMillis      RetryForm = "millis"       // Retry-After-Ms: 2000
	RetryBody        RetryForm = "body"         // only in the body
	RetryReset       RetryForm = "reset"        // only X-RateLimit-Reset: Unix seconds
	RetryNone        RetryForm = "none"         // no hint at all
)

// Rule fails some of the requests that it matches. Of Nth, Every, First and
// Probability at most one is set; without any it fails them all.
type Rule struct {
	Method    string    // "" is any
	Path      string    // a path.Match pattern on the path with the vendor's kind; "" is any
	Operation Operation // "" is any

	Nth         int     // the nth match only, from 1
	Every       int     // each such match
	First       int     // that many matches
	Probability float64 // by chance, from the world's seed

	Fault Fault
	// Status is the status of FaultStatus (default 500), FaultHTML (502),
	// FaultEmpty (200) and FaultRedirect (307).
	Status int
	// After lets the effect happen before FaultStatus, FaultHTML, FaultEmpty,
	// FaultNoContent and FaultHang; the other faults have their fixed place.
	After bool
	// RetryAfter is hinted at by FaultStatus, in the given form; with the
	// status 429 the body is that of the vendor's rate limit.
	RetryAfter time.Duration
	Form       RetryForm
	// Location is where FaultRedirect points to.
	Location string
}

// Fault is what a [Rule] does to a request.
type Fault string

// The faults. They fire under their own names, FaultStatus and FaultHTML with
// a dash and the status after it ("status-503").
const (
	FaultStatus     Fault = "status"      // an error in the vendor's form
	FaultHTML       Fault = "html"        // a page, as of a proxy
	FaultEmpty      Fault = "empty"       // a status and no body
	FaultNoContent  Fault = "no-content"  // 204
	FaultRedirect   Fault = "redirect"    // instead of the effect
	FaultRefused    Fault = "refused"     // in memory: the connection never opened, and nothing is counted; over sockets as FaultClosed
	FaultClosed     Fault = "closed"      // the connection ends before the effect
	FaultLostAnswer Fault = "lost-answer" // the connection ends after the effect
	FaultCutBody    Fault = "cut-body"    // half of the answer's body, after the effect
	FaultWrongType  Fault = "wrong-type"  // the answer as text/plain, after the effect
	FaultHang       Fault = "hang"        // no answer until the client gives up
)

// chaosState is chaos at work.
type chaosState struct {
	Chaos
	mu      sync.Mutex
	seen    []int // matches of each rule
	chance  *rand.Rand
	windows map[Operation]*window
}

type window struct {
	ends time.Time
	used int
}

func newChaosState(c Chaos, seed int64) *chaosState {
	return &chaosState{
		Chaos:   c,
		seen:    make([]int, len(c.Fail)),
		chance:  rand.New(rand.NewPCG(uint64(seed), 1)), //nolint:gosec // repeatable on purpose, guards nothing
		windows: map[Operation]*window{},
	}
}

func (s *chaosState) latency() time.Duration {
	if s.Jitter <= 0 {
		return s.Latency
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Latency + time.Duration(s.chance.Int64N(int64(s.Jitter)))
}

// pick returns the rule that fails this request, or nil. Every rule counts the
// requests it matches, also those that an earlier rule fails.
func (s *chaosState) pick(c *call) *Rule {
	if len(s.Fail) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var picked *Rule
	for i := range s.Fail {
		rule := &s.Fail[i]
		if !rule.matches(c) {
			continue
		}
		s.seen[i]++
		if rule.due(s.seen[i], s.chance) && picked == nil {
			picked = rule
		}
	}
	return picked
}

func (r *Rule) matches(c *call) bool {
	if r.Method != "" && r.Method != c.Method || r.Operation != "" && r.Operation != c.op {
		return false
	}
	if r.Path == "" {
		return true
	}
	ok, err := path.Match(r.Path, c.URL.Path)
	return ok && err == nil
}

func (r *Rule) due(n int, chance *rand.Rand) bool {
	switch {
	case r.Nth > 0:
		return n == r.Nth
	case r.Every > 0:
		return n%r.Every == 0
	case r.First > 0:
		return n <= r.First
	case r.Probability > 0:
		return chance.Float64() < r.Probability
	default:
		return true
	}
}

// rateVerdict is what the rate limit says about one request.
type rateVerdict struct {
	limited bool // a limit is in force
	over    bool // and this request exceeds it
	limit   int
	used    int
	resets  time.Time
	form    RetryForm
}

// admit counts the request against the limit.
func (s *chaosState) admit(c *call) rateVerdict {
	l := s.RateLimit
	if l == nil || c.op == Token {
		return rateVerdict{}
	}
	key := Operation("")
	if l.PerEndpoint {
		key = c.op
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[key]
	if w == nil || !c.now.Before(w.ends) {
		w = &window{ends: c.now.Add(l.Window)}
		s.windows[key] = w
	}
	v := rateVerdict{limited: true, limit: l.Limit, resets: w.ends, form: l.Form}
	if w.used >= l.Limit {
		v.over = true
	} else {
		w.used++
	}
	v.used = w.used
	return v
}
