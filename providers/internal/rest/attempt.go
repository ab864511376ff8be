package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const maxRedirects = 5

// An outcome is what one attempt came to: a response, or an error with its
// fault, or that the client is paused.
type outcome struct {
	response *Response
	err      *Error
	fault    fault
	wait     time.Duration // before another attempt, if there is one
	renewed  bool          // after a 401: other credentials may do
	pauseAll bool          // the wait is everybody's
	paused   bool          // nothing was sent, since the client is paused
}

var (
	errPaused  = errors.New("paused")
	errRefused = errors.New("refused")
)

// attempt makes one try and holds a slot for as long as it lasts. A pause is put
// on the client before the slot is given back, so that nobody who waits for the
// slot slips through.
func (c *Client) attempt(ctx context.Context, op *operation) outcome {
	if err := c.slots.acquire(ctx); err != nil {
		return outcome{err: op.canceled(err), fault: definitive}
	}
	defer c.slots.release()
	out := c.try(ctx, op)
	if out.err != nil {
		out.wait = out.err.retryAfter
		if out.wait == 0 {
			out.wait = backoff(op.retries, c.options.jitter)
		}
	}
	if out.pauseAll {
		c.pause.extend(time.Now().Add(out.wait))
	}
	return out
}

// try sends one request and, for a Read, follows the redirects it is answered
// with.
func (c *Client) try(ctx context.Context, op *operation) (out outcome) {
	sent := false
	defer func() {
		// A panic of a transport, an authenticator or a vendor's own reader ends
		// the call and not the program. Its value may hold anything, so only its
		// type is told.
		if value := recover(); value != nil {
			out = outcome{err: op.fail(KindNetwork, fmt.Sprintf("panic in the transport (%T)", value), nil), fault: definitive}
			if sent {
				out.fault = spoiled
			}
		}
	}()
	target := op.target
	for hop := 0; ; hop++ {
		var request *http.Request
		err := c.limiter.pass(ctx, func() error {
			if c.refused.Load() != nil {
				return errRefused
			}
			if c.pause.left() > 0 {
				return errPaused
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			request = op.request(target)
			if c.options.Authenticator == nil {
				return nil
			}
			return c.options.Authenticator.Authorize(ctx, request)
		})
		if err != nil {
			return c.unsent(ctx, op, err)
		}
		sent = true
		location, answered := c.send(ctx, op, request)
		if location == nil {
			return answered
		}
		if hop == maxRedirects {
			return outcome{err: op.fail(KindRedirect, "too many redirects", nil), fault: definitive}
		}
		target = location
	}
}

// unsent is the outcome of a request that was not sent.
func (c *Client) unsent(ctx context.Context, op *operation, err error) outcome {
	switch {
	case errors.Is(err, errRefused):
		first := c.refused.Load()
		e := op.fail(KindAuth, "not sent, as they were before", first)
		return outcome{err: e, fault: definitive}
	case errors.Is(err, errPaused):
		return outcome{paused: true}
	case ctx.Err() != nil:
		return outcome{err: op.canceled(ctx.Err()), fault: definitive}
	case errors.Is(err, context.Canceled): // by WithStop
		return outcome{err: op.canceled(err), fault: definitive}
	}
	// The status is left at 0: what a token endpoint answers says nothing about
	// the user that the call is about.
	e := op.fail(KindAuth, "no credentials", nil)
	var cause *Error
	if !errors.As(err, &cause) {
		e.Kind = KindUnsent
		e.Detail = c.redact("no credentials: " + err.Error())
		return outcome{err: e, fault: definitive}
	}
	e.Err, e.Kind, e.retryAfter = cause, cause.Kind, cause.retryAfter
	switch cause.Kind {
	case KindRateLimited, KindUnavailable, KindNetwork:
		// Nobody can go on without a token, so the wait is everybody's.
		return outcome{err: e, fault: nothingDone, pauseAll: true}
	case KindAuth, KindForbidden, KindRefused:
		e.Kind = KindAuth
		c.refused.CompareAndSwap(nil, cause)
	}
	return outcome{err: e, fault: definitive}
}

// send makes one request and judges its answer. A location is where a Read is
// redirected to.
func (c *Client) send(ctx context.Context, op *operation, request *http.Request) (location *url.URL, out outcome) {
	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	var connected atomic.Bool
	if c.traced {
		limited = httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
		})
	}
	request = request.WithContext(limited)
	op.attempts++
	c.tally.add(func(n *Counts) { n.Attempts++ })
	begun := time.Now()
	var response *http.Response
	defer func() {
		took := time.Since(begun)
		op.spent += took
		c.log(ctx, op, response, out, took)
		c.observed(op, response, took)
	}()

	response, err := c.transport.RoundTrip(request)
	if err != nil || response == nil {
		return nil, c.unanswered(ctx, op, err, c.traced && !connected.Load())
	}
	if response.Body == nil {
		response.Body = http.NoBody
	}
	c.limits.note(response.Header)
	body, err := readBody(response, c.options.MaxBody)
	if c.options.Authenticator != nil {
		out.renewed = c.options.Authenticator.Answered(request, response.StatusCode)
	}
	if location, refusal := op.redirect(response, request.URL); location != nil || refusal != "" {
		e := op.answerError(response, body)
		e.Kind, e.Detail = KindRedirect, refusal
		return location, outcome{err: e, fault: definitive}
	}
	renewed := out.renewed
	out = op.judge(ctx, response, body, err)
	out.renewed = renewed
	if out.fault == unauthorised && !renewed {
		first := *out.err
		first.Attempts = op.attempts
		c.refused.CompareAndSwap(nil, &first)
	}
	return nil, out
}

// unanswered is the outcome of a request whose transport gave no answer.
func (c *Client) unanswered(ctx context.Context, op *operation, err error, unconnected bool) outcome {
	untouched := unconnected || neverOpened(err)
	if ctx.Err() != nil {
		out := outcome{err: op.canceled(ctx.Err()), fault: spoiled}
		if untouched {
			out.fault = definitive
		}
		return out
	}
	detail, cause := network(err, c.base.Host, c.options.Timeout)
	out := outcome{err: op.fail(KindNetwork, detail, cause), fault: doubtful}
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		out.fault = definitive
	case untouched:
		out.fault = nothingDone
	}
	return out
}

// redirect returns where a Read goes on, or why it does not. Only the same
// origin is followed, so that credentials go nowhere else, and only when the
// method stays the same.
func (op *operation) redirect(response *http.Response, from *url.URL) (*url.URL, string) {
	if op.class != read || op.succeeded(response.StatusCode) {
		return nil, ""
	}
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		if op.method == http.MethodPost {
			return nil, "it would turn a POST into a GET"
		}
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, ""
	}
	location := response.Header.Get("Location")
	next, err := from.Parse(location)
	switch {
	case location == "" || err != nil:
		return nil, "no usable location"
	case origin(next) != origin(op.client.base) || next.User != nil:
		return nil, "to another host, which is not followed"
	case op.client.effect(next.Path):
		return nil, "to something that has an effect, which is not followed"
	}
	next.Fragment, next.RawFragment = "", ""
	return next, ""
}

// observed tells whoever counts requests of one.
func (c *Client) observed(op *operation, response *http.Response, took time.Duration) {
	if c.options.Observed == nil {
		return
	}
	seen := Exchange{Write: op.class != read, Attempt: op.attempts, Duration: took, Waited: op.waited - op.told}
	op.told = op.waited
	if response != nil {
		seen.Status = response.StatusCode
	}
	c.options.Observed(seen)
}

func (c *Client) log(ctx context.Context, op *operation, response *http.Response, out outcome, took time.Duration) {
	if !c.options.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attributes := []slog.Attr{
		slog.String("provider", c.options.Provider), slog.String("method", op.method), slog.String("path", op.path),
		slog.Int("attempt", op.attempts), slog.Duration("duration", took), slog.Duration("waited", op.waited),
	}
	if response != nil {
		attributes = append(attributes, slog.Int("status", response.StatusCode), slog.String("request", c.redact(requestID(response.Header))))
	}
	if out.err != nil {
		attributes = append(attributes, slog.String("outcome", out.err.Kind.String()))
	}
	c.options.Log.LogAttrs(ctx, slog.LevelDebug, "request", attributes...)
}
