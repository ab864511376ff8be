package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxBody bounds a request body, in bytes.
const maxBody = 1 << 20

// Operation is what a request asks for, in words that fit every vendor.
type Operation string

// The operations by which requests are counted and chaos rules match.
// Operations on a part of a user, such as a list of locations, count as Get
// and Update.
const (
	Search Operation = "search"
	Get    Operation = "get"
	Create Operation = "create"
	Update Operation = "update"
	Delete Operation = "delete"
	Invite Operation = "invite" // MyReports' activation email, Partoo's invitation, Vendasta's welcome email
	Token  Operation = "token"
	Other  Operation = "other" // nothing the vendor documents, and the page of a login
)

// vendor is what one vendor alone knows. Its methods are called concurrently.
type vendor interface {
	kind() string
	// paths returns the path of the API and of the token endpoint ("" if none),
	// both below the vendor's own root.
	paths() (base, token string)
	// classify names the operation, and says whether it has an effect.
	classify(method, path string) (op Operation, write bool)
	// serve does what is asked and answers.
	serve(c *call) *response
	// failure is an error of the given status in the vendor's own form.
	failure(c *call, status int, detail string) *response
	// limited is the vendor's answer to one request too many.
	limited(c *call, rate rateVerdict) *response
	// stamp adds what stands on every answer.
	stamp(c *call, header http.Header)
	// credentials is the header that carries them.
	credentials() string
	revokeTokens()

	// read reads a seed or a saved state; replace puts it in the place of the
	// present one. dump returns the state in the same form.
	read(n node, now time.Time) (replace func(), err error)
	dump() map[string]any
	// list, put and drop serve the hooks of tests: put adds or replaces.
	list() []User
	find(id string) (User, bool)
	put(data map[string]any, now time.Time) (id string, err error)
	drop(id string) bool
}

// call is one request under way.
type call struct {
	*http.Request
	host *host
	op   Operation
	path string // below the vendor's root
	body []byte
	now  time.Time // the vendor's clock, with its skew
	id   string    // of this request, for X-Request-Id
	ch   *chaosState
	rate rateVerdict
}

// fired counts a fault that really happened.
func (c *call) fired(name string) { c.host.world.tally.fired(c.host.kind, name) }

// created and mailed count effects; changed has the state saved in time.
func (c *call) created() { c.host.world.tally.created(c.host.kind) }
func (c *call) mailed()  { c.host.world.tally.mailed(c.host.kind) }
func (c *call) changed() { c.host.world.changed() }

// root is the URL of the vendor's own root, as this client addressed it.
func (c *call) root() string {
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.Host + "/" + c.host.kind
}

// echo returns the credentials that an error text repeats under
// [Chaos.EchoAuthorization], else "".
func (c *call) echo() string {
	if !c.ch.EchoAuthorization {
		return ""
	}
	text := c.Header.Get(c.host.vendor.credentials())
	if text == "" && c.op == Token {
		text = string(c.body)
	}
	if text == "" {
		return ""
	}
	c.fired("echo-authorization")
	return " (request had " + text + ")"
}

// hasType tells whether the body is said to be of that media type.
func (c *call) hasType(kind string) bool {
	given, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(given), kind)
}

// notAllowed answers a method that a documented path does not have; assumed is
// what HTTP has for it.
func notAllowed(c *call, allowed []string) *response {
	resp := c.host.vendor.failure(c, http.StatusMethodNotAllowed, "this method is not allowed here")
	resp.header.Set("Allow", strings.Join(allowed, ", "))
	return resp
}

// response is an answer before it is written.
type response struct {
	status int
	header http.Header
	body   []byte
	// short is how many bytes of the body are not delivered before the
	// connection breaks.
	short int
	// lost is set when there is no answer at all: what a client without
	// sockets sees as the error.
	lost error
}

// Errors that the in-memory transport reports for an answer that never came.
var (
	errRefused error = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	errReset   error = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	errNoReply       = io.EOF
)

// ServeHTTP counts the request, lets chaos have its way and asks the vendor.
func (h *host) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h.answer(r).write(rw)
}

// answer is the whole life of a request. When it returns the request is no
// longer in flight, although its answer is not written yet: a client that has
// read its answer must never be counted beside its own next request.
func (h *host) answer(r *http.Request) *response {
	ch := h.chaos.Load()
	c := &call{
		Request: r, host: h, ch: ch,
		path: strings.TrimPrefix(r.URL.Path, "/"+h.kind),
		now:  h.world.options.Clock().Add(ch.ClockSkew),
		id:   fmt.Sprintf("req-%08d", h.requests.Add(1)),
	}
	var write bool
	c.op, write = h.vendor.classify(r.Method, c.path)

	c.rate = ch.admit(c)
	var rule *Rule
	if !c.rate.over {
		rule = ch.pick(c)
	}
	if rule != nil && rule.Fault == FaultRefused {
		c.fired(rule.name())
		return &response{lost: errRefused} // the vendor never saw it
	}

	h.world.tally.begin(h.kind, c.op, write)
	defer h.world.tally.end(h.kind, c.op)

	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return &response{lost: errReset}
	}
	c.body = body
	if wait := ch.latency(); wait > 0 {
		c.fired("latency")
		if err := sleep(r.Context(), wait); err != nil {
			return &response{lost: err}
		}
	}
	resp := h.act(c, rule)
	if resp.lost != nil {
		return resp
	}
	if resp.header == nil {
		resp.header = http.Header{}
	}
	h.vendor.stamp(c, resp.header)
	resp.header.Set("Date", c.now.UTC().Format(http.TimeFormat))
	resp.header.Set("X-Request-Id", c.id)
	if ch.ClockSkew != 0 {
		c.fired("clock-skew")
	}
	return resp
}

// act answers by the rate limit, the rule or the vendor.
func (h *host) act(c *call, rule *Rule) *response {
	switch {
	case c.rate.over:
		c.fired("rate-limit")
		return h.vendor.limited(c, c.rate)
	case len(c.body) > maxBody:
		return h.vendor.failure(c, http.StatusRequestEntityTooLarge, "the request body is too large")
	case rule == nil:
		return h.vendor.serve(c)
	case !rule.after():
		return rule.inject(c, nil)
	default:
		return rule.inject(c, h.vendor.serve(c))
	}
}

// write delivers the answer, or breaks the connection where it is lost or cut.
func (resp *response) write(rw http.ResponseWriter) {
	if resp.lost != nil {
		if m, ok := rw.(*memoryWriter); ok {
			m.lost = resp.lost
		}
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.header {
		rw.Header()[name] = values
	}
	if resp.status != http.StatusNoContent && resp.status != http.StatusNotModified {
		rw.Header().Set("Content-Length", strconv.Itoa(len(resp.body)))
	}
	rw.WriteHeader(resp.status)
	_, err := rw.Write(resp.body[:len(resp.body)-resp.short]) //nolint:gosec // JSON, or text on purpose; never shown by a browser
	if resp.short > 0 {
		_ = http.NewResponseController(rw).Flush() // what was cut is delivered up to the cut
		panic(http.ErrAbortHandler)
	}
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		panic(http.ErrAbortHandler)
	}
}

// sleep waits, or returns why the client gave up.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
