package simulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// Transport serves requests to [Root] (and other loopback hosts) without
// sockets, as a real server on the other end would: answers that are lost come
// back as errors, cut bodies end in [io.ErrUnexpectedEOF], and a cancelled
// context ends the request. Requests to any other host fail as an unknown host
// does. The handler runs on the caller's goroutine, so that nothing is left
// behind and it works inside a testing/synctest bubble.
func (w *World) Transport() http.RoundTripper { return &transport{handler: w.Handler()} }

type transport struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer closeBody(r)
	ctx := r.Context()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := reachable(r.URL); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	rw := &memoryWriter{header: http.Header{}}
	rw.serve(t.handler, atServer(r, body))
	// A handler that gave up because its client did has nothing better to say.
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return rw.response(r)
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

func reachable(u *url.URL) error {
	host := u.Hostname()
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("unsupported protocol scheme %q", u.Scheme)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.ContentLength > 0 && int64(len(body)) != r.ContentLength {
		return nil, fmt.Errorf("http: ContentLength=%d with Body length %d", r.ContentLength, len(body))
	}
	return body, nil
}

// atServer is the request as a server sees it.
func atServer(r *http.Request, body []byte) *http.Request {
	s := r.Clone(r.Context())
	if s.Host == "" {
		s.Host = r.URL.Host
	}
	s.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if s.URL.Path == "" {
		s.URL.Path = "/"
	}
	s.RequestURI = s.URL.RequestURI()
	s.RemoteAddr = "127.0.0.1:1"
	s.Proto, s.ProtoMajor, s.ProtoMinor = "HTTP/1.1", 1, 1
	s.Body = io.NopCloser(bytes.NewReader(body))
	s.ContentLength = int64(len(body))
	if s.Method == "" {
		s.Method = http.MethodGet
	}
	if u := r.URL.User; u != nil && s.Header.Get("Authorization") == "" {
		password, _ := u.Password()
		s.SetBasicAuth(u.Username(), password)
	}
	return s
}

// memoryWriter collects an answer.
type memoryWriter struct {
	header http.Header
	sent   http.Header // as of WriteHeader
	status int
	body   bytes.Buffer
	broken bool  // the handler broke the connection
	lost   error // and said why
}

// serve runs the handler. Its panics are the handler's own affair, except the
// one by which it breaks the connection.
func (m *memoryWriter) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			m.broken = true
		default:
			panic(v)
		}
	}()
	h.ServeHTTP(m, r)
	m.WriteHeader(http.StatusOK)
}

func (m *memoryWriter) Header() http.Header { return m.header }

func (m *memoryWriter) WriteHeader(status int) {
	if m.status == 0 {
		m.status = status
		m.sent = m.header.Clone()
	}
}

func (m *memoryWriter) Write(p []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.body.Write(p)
}

func (m *memoryWriter) Flush() { m.WriteHeader(http.StatusOK) }

func (m *memoryWriter) response(r *http.Request) (*http.Response, error) {
	if m.status == 0 {
		if m.lost != nil {
			return nil, m.lost
		}
		return nil, io.EOF
	}
	data, end := m.body.Bytes(), io.EOF
	length := int64(len(data))
	if declared, err := strconv.ParseInt(m.sent.Get("Content-Length"), 10, 64); err == nil {
		length = declared
	}
	if m.broken {
		end = io.ErrUnexpectedEOF
	}
	if r.Method == http.MethodHead {
		data, end = nil, io.EOF
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", m.status, http.StatusText(m.status)),
		StatusCode: m.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        m.sent,
		Body:          &memoryBody{ctx: r.Context(), data: data, end: end},
		ContentLength: length,
		Request:       r,
	}, nil
}

// memoryBody is an answer's body; it ends early when the context does.
type memoryBody struct {
	ctx    context.Context // a body lives as long as its request
	data   []byte
	end    error
	closed bool
}

func (b *memoryBody) Read(p []byte) (int, error) {
	if b.closed {
		return 0, errors.New("http: read on closed response body")
	}
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	if len(b.data) == 0 {
		return 0, b.end
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

func (b *memoryBody) Close() error {
	b.closed = true
	return nil
}
