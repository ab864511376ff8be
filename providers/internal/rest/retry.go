package rest

import (
	"context"
	"net/http"
	"time"
)

// A class says what a call does, declared by its caller.
type class uint8

const (
	read class = iota
	write
	writeOnce
)

// A fault says how a request failed, as far as it matters for what may be done
// next.
type fault uint8

const (
	nothingDone  fault = iota + 1 // certainly without effect, and may pass: 429, not connected, no token yet
	tooEarly                      // 425: without effect, but not ours to repeat blindly
	doubtful                      // may have had an effect, and may pass: 5xx, 408, a cut answer
	spoiled                       // may have had an effect, and will not pass: an unusable answer
	definitive                    // without effect, and will not pass: 4xx
	unauthorised                  // 401: without effect, and may pass with new credentials
)

// repeatable is the table of what may be sent again.
func (f fault) repeatable(c class) bool {
	switch f {
	case nothingDone:
		return true
	case tooEarly, doubtful:
		return c != writeOnce
	default:
		return false
	}
}

// effective reports whether a write that met the fault may have had an effect.
func (f fault) effective() bool { return f == doubtful || f == spoiled }

// judge maps a status that is not a success to kind and fault.
//
// A redirect that is not followed: 307 and 308 say that the request is to be
// made elsewhere, so nothing was done here; 303 says that it was done, and 301
// and 302 are in use for both.
func judge(status int) (Kind, fault) {
	switch status {
	case http.StatusUnauthorized:
		return KindAuth, unauthorised
	case http.StatusForbidden:
		return KindForbidden, definitive
	case http.StatusTooManyRequests:
		return KindRateLimited, nothingDone
	case http.StatusTooEarly:
		return KindUnavailable, tooEarly
	case http.StatusRequestTimeout:
		return KindUnavailable, doubtful
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired:
		return KindRefused, definitive
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return KindRedirect, definitive
	}
	switch {
	case status >= 500:
		return KindUnavailable, doubtful
	case status >= 400:
		return KindRefused, definitive
	case status >= 300:
		return KindRedirect, spoiled
	default:
		return KindAnswer, spoiled
	}
}

// Waiting before another try: exponential, with full jitter so that callers that
// failed together do not come back together.
const (
	firstBackoff   = 500 * time.Millisecond
	longestBackoff = 30 * time.Second
	// callBudget bounds one call with all its tries and waits. Waiting for the
	// client's own slots and rate is not counted: a long list of people takes as
	// long as its rate makes it take. No wait begins that would end later; the
	// last try still has its own timeout.
	callBudget = 10 * time.Minute
)

func backoff(retry int, jitter func() float64) time.Duration {
	longest := longestBackoff
	if retry < 6 {
		longest = min(longest, firstBackoff<<retry)
	}
	return time.Duration(jitter() * float64(longest))
}

// next decides what follows a failed attempt: the wait before another one, or
// that there is none. It keeps in mind whether the call may have had an effect.
func (op *operation) next(ctx context.Context, out outcome) (time.Duration, bool) {
	if op.class != read && out.fault.effective() {
		op.doubt = true
	}
	if out.fault == unauthorised {
		if !out.renewed || op.renewed || op.class == writeOnce {
			return 0, false
		}
		op.renewed = true
		return 0, true
	}
	if !out.fault.repeatable(op.class) || op.retries >= op.client.options.Retries || !op.affords(ctx, out.wait) {
		return 0, false
	}
	op.retries++
	return out.wait, true
}

// affords reports whether a wait of that length ends within the call's budget
// and its context's deadline.
func (op *operation) affords(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && wait >= time.Until(deadline) {
		return false
	}
	budget := callBudget
	if patience, given := ctx.Value(patienceKey{}).(time.Duration); given {
		budget = patience
	}
	return op.spent+wait <= budget
}

type patienceKey struct{}

// WithPatience returns a context under which one call with all its waits may take so
// long, and not ten minutes.
func WithPatience(ctx context.Context, patience time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, patience)
}

// wait holds no slot.
func (op *operation) wait(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return ctx.Err()
	}
	op.client.tally.add(func(n *Counts) { n.Waits++ })
	begun := time.Now()
	err := sleep(ctx, wait)
	waited := time.Since(begun)
	op.spent += waited
	op.waited += waited
	op.client.tally.add(func(n *Counts) { n.Waited += waited })
	return err
}
