package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/sources"
)

const (
	userAgent         = "rollcall"
	defaultTimeout    = 30 * time.Second
	defaultParallel   = 8
	defaultMaxBody    = 8 << 20
	defaultMediaType  = "application/json"
	idleConnTimeout   = 30 * time.Second
	connectTimeout    = 10 * time.Second
	maxResponseHeader = 256 << 10
)

// Options make a Client.
type Options struct {
	// Provider is the configured name, for errors and logs.
	Provider string
	// BaseURL is what paths are appended to: https, or http on this machine. A
	// trailing slash is ignored. Requests, and the credentials with them, never
	// leave its origin.
	BaseURL string
	// Transport sends the requests; nil is an own pool that fits Concurrency.
	Transport http.RoundTripper
	// Authenticator puts the credentials on; nil is none.
	Authenticator Authenticator
	// Concurrency is how many requests may be under way at once; 0 is 8.
	Concurrency int
	// Rate holds for reads and writes together; empty is unlimited.
	Rate sources.Rate
	// Timeout is that of one attempt, its answer read whole; 0 is 30 seconds.
	Timeout time.Duration
	// Retries is how often one call may be repeated.
	Retries int
	// Accept is the header of that name; empty is MediaTypes.
	Accept string
	// MediaTypes are those in which the vendor answers, parameters such as charset
	// aside; empty is application/json.
	MediaTypes []string
	// Header holds headers that every request carries beside the credentials.
	Header map[string]string
	// MaxBody bounds an answer; 0 is 8 MiB.
	MaxBody int64
	// RetryAfter reads the vendor's own form of a wait from the body of a 429 or
	// 503; nil if it has none.
	RetryAfter func(body []byte) (wait time.Duration, ok bool)
	// ErrorCode reads the machine-readable code of an error answer, and the
	// parameter or pointer it is about; nil if there is none. What it returns is
	// dropped unless it is short and plain.
	ErrorCode func(body []byte) (code, place string)
	// RequestID reads the vendor's name for a request from the body of an answer whose
	// headers have none; nil if there is none.
	RequestID func(body []byte) string
	// Secrets are taken out of whatever is shown; nil is none.
	Secrets *sources.Secrets
	// Log gets one debug line for each request; nil is none.
	Log *slog.Logger
	// Effect reports of a decoded path below the base URL that a GET of it has an
	// effect: no Read goes there, whatever links or redirects a vendor answers. nil
	// is none.
	Effect func(path string) bool
	// ReadOnly makes a planning client: Write and WriteOnce are refused before
	// anything is sent.
	ReadOnly bool
	// Observed is told of every request that was sent, once its answer is judged and
	// from the goroutine that sent it, so that it has to be safe for concurrent use, to
	// return at once and never to panic; nil is none.
	Observed func(Exchange)

	jitter func() float64 // in [0, 1), for tests
}

// A Client sends the calls of one provider. It is safe for concurrent use.
//
// These hold for all calls of one client together, whatever their class:
//
//   - at most Concurrency requests are under way, a token request included;
//   - in no span more requests are sent than Rate allows;
//   - after a 429 nobody sends anything until the wait it asks for is over;
//   - once the credentials are known to be refused nothing is sent any more, and
//     every call fails at once with the error that showed it.
//
// A call ends when its context does, and after ten minutes with all its tries
// and waits; a vendor that asks for a longer wait ends it at once, with the time
// to come back in the error. Every error of a call is an *Error.
type Client struct {
	options   Options
	base      *url.URL
	transport http.RoundTripper
	traced    bool // the transport reports its connections
	slots     slots
	limiter   *limiter
	pause     pause
	refused   atomic.Pointer[Error]
	tally     tally
	limits    limits
}

// New checks the options and makes a client. It sends nothing.
func New(options Options) (*Client, error) {
	base, err := checkURL(options.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("%s: baseURL %w", options.Provider, err)
	}
	if options.Concurrency < 0 || options.Timeout < 0 || options.Retries < 0 || options.MaxBody < 0 {
		return nil, fmt.Errorf("%s: concurrency, timeout, retries and body size can not be negative", options.Provider)
	}
	if options.Concurrency == 0 {
		options.Concurrency = defaultParallel
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	if options.MaxBody == 0 {
		options.MaxBody = defaultMaxBody
	}
	if len(options.MediaTypes) == 0 {
		options.MediaTypes = []string{defaultMediaType}
	}
	options.MediaTypes = slices.Clone(options.MediaTypes)
	if options.Accept == "" {
		options.Accept = strings.Join(options.MediaTypes, ", ")
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.jitter == nil {
		options.jitter = rand.Float64
	}
	c := &Client{
		options: options, base: base, transport: options.Transport,
		slots: make(slots, options.Concurrency), limiter: newLimiter(options.Rate),
	}
	if c.transport == nil {
		c.transport = newTransport(options.Concurrency)
	}
	_, c.traced = c.transport.(*http.Transport)
	return c, nil
}

// newTransport makes a pool in which each of the requests under way finds its
// connection again. Idle connections end early: a connection that the vendor
// closes while a write is sent on it leaves the outcome unknown.
func newTransport(concurrency int) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: idleConnTimeout}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        concurrency,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        idleConnTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
}

// Close closes the idle connections of the client's own pool. A Transport that
// was given is left to its owner.
func (c *Client) Close() {
	if own, ok := c.transport.(*http.Transport); ok && c.options.Transport == nil {
		own.CloseIdleConnections()
	}
}

// A Call describes one request.
type Call struct {
	// Method is GET when empty.
	Method string
	// Path is below the base URL and escaped: see the function Path.
	Path  string
	Query url.Values
	// URL is an address that the vendor sent, such as links.next, instead of Query.
	// It has to be on the base URL's origin and to lead to Path, or, without one,
	// below the base URL.
	URL string
	// Body is sent as JSON; nil is no body.
	Body any
	// ContentType is that of Body; empty is application/json, and none without a
	// Body.
	ContentType string
	// Header holds further headers of this call.
	Header map[string]string
	// Success lists the statuses that are a success; empty is every 2xx but 206,
	// which is an incomplete answer.
	Success []int
	// DiscardBody says that the body of a success means nothing: it is read and
	// neither checked nor kept.
	DiscardBody bool
}

// Read makes a call that has no effect at the vendor, whatever its method. It is
// repeated after 408, 425, 429, a 5xx that may pass, a broken connection and a
// cut answer, and once with new credentials after a 401. Redirects are followed
// on the same origin, at most five.
func (c *Client) Read(ctx context.Context, call Call) (*Response, error) {
	return c.do(ctx, read, call)
}

// Write makes a call that sets a state, so that repeating it does no harm. It is
// repeated as a Read is, but follows no redirect. If it fails after any attempt
// that may have had an effect, OutcomeUnknown is true for its error.
func (c *Client) Write(ctx context.Context, call Call) (*Response, error) {
	return c.do(ctx, write, call)
}

// WriteOnce makes a call that must not be made twice. It is repeated only after
// a 429, when the connection never opened, and when no token could be had: then
// nothing happened. After a 401 nothing happened either, but it is left to the
// caller to try again with the renewed credentials. Any other failure that is not
// a definitive refusal has an unknown outcome.
func (c *Client) WriteOnce(ctx context.Context, call Call) (*Response, error) {
	return c.do(ctx, writeOnce, call)
}

// A Reader is a Client that can not write: what a planner is given.
type Reader struct{ client *Client }

// Reader returns the reading half of the client.
func (c *Client) Reader() Reader { return Reader{client: c} }

// Read is the Read of the client.
func (r Reader) Read(ctx context.Context, call Call) (*Response, error) {
	return r.client.Read(ctx, call)
}

// Counts are what a client has done so far.
type Counts struct {
	Reads, Writes int           // calls that were begun
	Attempts      int           // requests sent: repetitions and followed redirects too, token requests not
	Retries       int           // further tries of a call after a failed one
	Waits         int           // waits for another try, or for a pause to end
	Waited        time.Duration // the sum of these waits
}

// Counts returns the counts of this moment.
func (c *Client) Counts() Counts {
	var snapshot Counts
	c.tally.add(func(n *Counts) { snapshot = *n })
	return snapshot
}

// Paused is how long from now nothing is sent, because a 429 asked for it.
func (c *Client) Paused() time.Duration { return c.pause.left() }

// An Exchange is one request that was sent and what it was answered with, without a
// word of either. Each try of a call and each redirect that is followed is one; requests
// for tokens are none.
type Exchange struct {
	// Write tells of a call that was declared as one with an effect, whatever its method.
	Write bool
	// Attempt counts the requests of one call, from 1.
	Attempt int
	// Status is that of the answer; 0 is no answer.
	Status   int
	Duration time.Duration // until the answer was read whole
	// Waited is how long the call waited since the request before, or since it began:
	// for another try, or for a pause to end, and not for its turn.
	Waited time.Duration
}

type tally struct {
	mu     sync.Mutex
	counts Counts
}

func (t *tally) add(change func(*Counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.counts)
}

func (c *Client) redact(text string) string {
	if c.options.Secrets == nil {
		return text
	}
	return c.options.Secrets.Redact(text)
}

// do is the life of one call.
func (c *Client) do(ctx context.Context, kind class, call Call) (*Response, error) {
	op, failure := c.prepare(kind, call)
	if failure != nil {
		return nil, failure
	}
	c.tally.add(func(n *Counts) {
		if kind == read {
			n.Reads++
		} else {
			n.Writes++
		}
	})
	for {
		if failure := op.waitForPause(ctx); failure != nil {
			return nil, op.finish(failure)
		}
		out := c.attempt(ctx, op)
		if out.paused {
			continue
		}
		if out.err == nil {
			out.response.Attempts = op.attempts
			return out.response, nil
		}
		wait, again := op.next(ctx, out)
		if !again {
			return nil, op.finish(out.err)
		}
		if err := op.wait(ctx, wait); err != nil {
			return nil, op.finish(op.canceled(err))
		}
		c.tally.add(func(n *Counts) { n.Retries++ })
	}
}

// waitForPause waits, without a slot, until the vendor lets the client go on.
func (op *operation) waitForPause(ctx context.Context) *Error {
	for {
		if err := ctx.Err(); err != nil {
			return op.canceled(err)
		}
		left := op.client.pause.left()
		if left == 0 {
			return nil
		}
		if !op.affords(ctx, left) {
			e := op.fail(KindRateLimited, "the vendor asked for a pause that is longer than the call may last", nil)
			e.retryAfter = left
			return e
		}
		if err := op.wait(ctx, left); err != nil {
			return op.canceled(err)
		}
	}
}

// canceled is the error for a context that ended.
func (op *operation) canceled(err error) *Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return op.fail(KindCanceled, "the deadline passed", context.DeadlineExceeded)
	}
	return op.fail(KindCanceled, "", context.Canceled)
}
