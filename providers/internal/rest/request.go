package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/sources"
)

// Path fills the ids into a path as a vendor documents it, each escaped as one
// segment:
//
//	rest.Path("/users/{id}/actions/sendWelcomeEmail", id)
//
// A path whose placeholders and ids do not match in number, and one with an
// empty id, is refused when it is used.
func Path(template string, ids ...string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		_, after, closed := strings.Cut(rest, "}")
		if !found || !closed || len(ids) == 0 {
			break
		}
		b.WriteString(before + url.PathEscape(ids[0]))
		template, ids = after, ids[1:]
	}
	if len(ids) > 0 {
		return ""
	}
	return b.String() + template
}

// checkURL parses an address that credentials are sent to.
func checkURL(raw string) (*url.URL, error) {
	raw = strings.TrimRight(raw, "/")
	if err := sources.CheckURL(raw); err != nil {
		return nil, err
	}
	return url.Parse(raw)
}

// origin is scheme, host and port, with the default port written out.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// properSegment refuses what a server could take for another path: the empty
// segment that an empty id leaves (DELETE /users/ is not DELETE /users/{id}),
// dot segments however they are written, and characters that end a path.
func properSegment(segment string) bool {
	text, err := url.PathUnescape(segment)
	return err == nil && text != "" && text != "." && text != ".." &&
		!strings.ContainsAny(segment, "?#{}\\ ") && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// resolve returns the address of a call and its path below the base.
func (c *Client) resolve(call Call) (target *url.URL, path string, err error) {
	if call.URL != "" {
		return c.resolveLink(call)
	}
	if !strings.HasPrefix(call.Path, "/") {
		return nil, "", errors.New("the path is not complete")
	}
	for segment := range strings.SplitSeq(call.Path[1:], "/") {
		if !properSegment(segment) {
			return nil, "", errors.New("an id in the path is missing, or has characters that can not be sent")
		}
	}
	u := *c.base
	u.RawPath = c.base.EscapedPath() + call.Path
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, "", errors.New("the path is wrongly escaped")
	}
	u.RawQuery = call.Query.Encode()
	return &u, call.Path, nil
}

// effect applies Options.Effect to a path below the host. What lies outside of the
// base URL is judged as a whole.
func (c *Client) effect(path string) bool {
	below, _ := strings.CutPrefix(path, c.base.Path)
	return c.options.Effect != nil && c.options.Effect(below)
}

// resolveLink takes an address that a vendor sent, such as links.next: it has to
// stay on the configured origin, below the configured path.
func (c *Client) resolveLink(call Call) (*url.URL, string, error) {
	link, err := url.Parse(call.URL)
	if err != nil || len(call.Query) > 0 {
		return nil, "", errors.New("the vendor's link can not be used")
	}
	below := *c.base
	below.Path, below.RawPath = c.base.Path+"/", ""
	if c.base.RawPath != "" {
		below.RawPath = c.base.RawPath + "/"
	}
	u := below.ResolveReference(link)
	u.Fragment, u.RawFragment = "", ""
	if origin(u) != origin(c.base) || u.User != nil {
		return nil, "", errors.New("the vendor's link leads to another host")
	}
	path, found := strings.CutPrefix(u.EscapedPath(), c.base.EscapedPath())
	if !found || !strings.HasPrefix(path, "/") {
		return nil, "", errors.New("the vendor's link leads out of the base URL")
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !properSegment(segment) {
			return nil, "", errors.New("the vendor's link has an empty or relative path segment")
		}
	}
	if call.Path != "" && path != call.Path {
		return nil, "", errors.New("the vendor's link leads to something else than was asked for")
	}
	return u, path, nil
}

// shown is a path as errors and logs may hold it: segments that are an email are
// masked, long ones are cut.
func shown(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		switch {
		case err != nil:
			segments[i] = "{unreadable}"
		case strings.Contains(text, "@") || strings.Contains(strings.ToLower(text), "%40"):
			segments[i] = "{email}"
		case len(segment) > 80:
			segments[i] = plain(segment[:16], "-_.:%", 16) + "…"
		case strings.ContainsFunc(segment, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
			segments[i] = url.PathEscape(text)
		}
	}
	return strings.Join(segments, "/")
}

// An operation is one call on its way through the client.
type operation struct {
	client      *Client
	class       class
	method      string
	target      *url.URL
	path        string // as shown
	body        []byte
	contentType string
	header      map[string]string
	success     []int
	discard     bool

	attempts int           // requests sent
	retries  int           // repetitions, apart from the one after a 401
	renewed  bool          // the credentials were renewed for this call
	doubt    bool          // a write that may have had an effect
	spent    time.Duration // of the call's budget
	waited   time.Duration
	told     time.Duration // of waited, to Observed
}

// prepare turns a call into an operation, or says why it is not sent.
func (c *Client) prepare(kind class, call Call) (op *operation, failure *Error) {
	op = &operation{
		client: c, class: kind, method: call.Method, path: "…", contentType: call.ContentType,
		header: call.Header, success: call.Success, discard: call.DiscardBody,
	}
	if op.method == "" {
		op.method = http.MethodGet
	}
	defer func() {
		// A MarshalJSON of the caller's may panic.
		if recover() != nil {
			failure = op.fail(KindUnsent, "the request can not be encoded", nil)
		}
	}()
	target, path, err := c.resolve(call)
	if err != nil {
		if call.URL == "" {
			op.path = c.redact(shown(call.Path))
		}
		return op, op.fail(KindUnsent, err.Error(), nil)
	}
	op.target, op.path = target, c.redact(shown(path))
	switch {
	case kind != read && c.options.ReadOnly:
		return op, op.fail(KindUnsent, ErrReadOnly.Error(), ErrReadOnly)
	case kind == read && c.effect(target.Path):
		return op, op.fail(KindUnsent, "a read of it would have an effect", nil)
	case kind == read && op.method != http.MethodGet && op.method != http.MethodHead && op.method != http.MethodPost:
		return op, op.fail(KindUnsent, op.method+" is no method of a read", nil)
	}
	if call.Body != nil {
		if op.body, err = json.Marshal(call.Body); err != nil {
			return op, op.fail(KindUnsent, "the request can not be encoded", nil)
		}
		if op.contentType == "" {
			op.contentType = "application/json"
		}
	}
	return op, nil
}

// request makes one HTTP request of the operation.
//
// A request for a WriteOnce is made so that net/http does not send it a second
// time by itself: it does that with a GET when a kept connection closes without
// an answer, although the server may have read the request. It does not when
// there is a body that can not be had again, and an empty body of a method that
// usually has none is found out and sent as no body at all.
func (op *operation) request(target *url.URL) *http.Request {
	r := &http.Request{
		Method: op.method, URL: target, Host: target.Host, Header: make(http.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	r.Header.Set("Accept", op.client.options.Accept)
	r.Header.Set("User-Agent", userAgent)
	for _, headers := range []map[string]string{op.client.options.Header, op.header} {
		for name, value := range headers {
			r.Header.Set(name, value)
		}
	}
	if op.contentType != "" {
		r.Header.Set("Content-Type", op.contentType)
	}
	switch {
	case op.body != nil:
		r.ContentLength = int64(len(op.body))
		r.Body = io.NopCloser(bytes.NewReader(op.body))
		if op.class != writeOnce {
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(op.body)), nil }
		}
	case op.class == writeOnce && usuallyWithoutBody(op.method):
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	return r
}

func usuallyWithoutBody(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return true
	}
	return false
}

// fail makes an Error of the operation.
func (op *operation) fail(kind Kind, detail string, cause error) *Error {
	return &Error{
		Provider: op.client.options.Provider, Method: op.method, Path: op.path, Kind: kind,
		Detail: op.client.redact(detail), Err: cause,
	}
}

// finish completes an error with what the whole call knows.
func (op *operation) finish(e *Error) *Error {
	e.Attempts = op.attempts
	e.OutcomeUnknown = op.doubt
	if e.retryAfter > 0 {
		e.RetryAt = time.Now().Add(e.retryAfter)
	}
	return e
}
