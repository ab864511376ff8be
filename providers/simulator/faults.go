package simulator

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// after says whether the effect happens before the fault.
func (r *Rule) after() bool {
	switch r.Fault {
	case FaultLostAnswer, FaultCutBody, FaultWrongType:
		return true
	case FaultRedirect, FaultClosed, FaultRefused:
		return false
	default:
		return r.After
	}
}

// status is the status given, or the fault's default.
func (r *Rule) status() int {
	if r.Status != 0 {
		return r.Status
	}
	switch r.Fault {
	case FaultHTML:
		return http.StatusBadGateway
	case FaultEmpty:
		return http.StatusOK
	case FaultRedirect:
		return http.StatusTemporaryRedirect
	default:
		return http.StatusInternalServerError
	}
}

// name is what the fault counts as.
func (r *Rule) name() string {
	switch r.Fault {
	case FaultStatus, FaultHTML, "":
		kind := r.Fault
		if kind == "" {
			kind = FaultStatus
		}
		return fmt.Sprintf("%s-%d", kind, r.status())
	default:
		return string(r.Fault)
	}
}

// inject answers in the fault's way. done is the vendor's answer, or nil where
// the effect has not happened and will not.
func (r *Rule) inject(c *call, done *response) *response {
	c.fired(r.name())
	switch r.Fault {
	case FaultHTML:
		return &response{
			status: r.status(),
			header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
			body:   []byte("<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>Please try again later</h1></body></html>\n"),
		}
	case FaultEmpty:
		return &response{status: r.status()}
	case FaultNoContent:
		return &response{status: http.StatusNoContent}
	case FaultRedirect:
		return &response{status: r.status(), header: http.Header{"Location": {r.Location}}}
	case FaultRefused:
		return &response{lost: errRefused}
	case FaultClosed:
		return &response{lost: errReset}
	case FaultLostAnswer:
		return &response{lost: errNoReply}
	case FaultHang:
		<-c.Context().Done()
		return &response{lost: context.Cause(c.Context())}
	case FaultCutBody:
		if len(done.body) == 0 {
			return &response{lost: errNoReply} // nothing to cut: all of it is lost
		}
		done.short = (len(done.body) + 1) / 2
		return done
	case FaultWrongType:
		done.header.Set("Content-Type", "text/plain; charset=utf-8")
		return done
	default:
		return r.fail(c)
	}
}

// fail is FaultStatus.
func (r *Rule) fail(c *call) *response {
	status := r.status()
	verdict := rateVerdict{limited: true, over: true, resets: c.now.Add(r.RetryAfter), form: r.Form}
	if status == http.StatusTooManyRequests {
		if r.RetryAfter == 0 && r.Form == "" {
			verdict.form = RetryNone
		}
		c.rate = verdict
		return c.host.vendor.limited(c, verdict)
	}
	resp := c.host.vendor.failure(c, status, "the service failed on purpose")
	if r.RetryAfter > 0 {
		verdict.hint(resp.header, c.now)
	}
	return resp
}

// hint sets the header that says when to come again, if the form has one.
func (v rateVerdict) hint(h http.Header, now time.Time) {
	wait := max(0, v.resets.Sub(now))
	switch v.form {
	case RetrySeconds, "":
		h.Set("Retry-After", strconv.FormatInt(seconds(wait), 10))
	case RetryDate:
		h.Set("Retry-After", time.Unix(unixUp(v.resets), 0).UTC().Format(http.TimeFormat))
	case RetryEpoch:
		h.Set("Retry-After", strconv.FormatInt(unixUp(v.resets), 10))
	case RetryEpochMillis:
		h.Set("Retry-After", strconv.FormatInt(v.resets.UnixMilli(), 10))
	case RetryMillis:
		h.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
	case RetryReset:
		h.Set("X-RateLimit-Reset", strconv.FormatInt(unixUp(v.resets), 10))
	case RetryBody, RetryNone:
	}
}

// seconds rounds up: who comes again after that many seconds is let in.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// unixUp is the first whole second that is not before t.
func unixUp(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}
