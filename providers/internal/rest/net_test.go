package rest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A raw is a listener that speaks HTTP by hand: it tells what arrived on the
// wire, and closes the connection without an answer from the n-th request on.
type raw struct {
	net.Listener
	answered int64 // requests that get an answer
	arrived  atomic.Int64
	mu       sync.Mutex
	heads    []string
	group    sync.WaitGroup
}

func newRaw(t *testing.T, answered int64) *raw {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{Listener: listener, answered: answered}
	r.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.group.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.group.Wait()
	})
	return r
}

func (r *raw) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	for {
		var head strings.Builder
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
			head.WriteString(line)
		}
		r.mu.Lock()
		r.heads = append(r.heads, head.String())
		r.mu.Unlock()
		if r.arrived.Add(1) > r.answered {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}
}

func socketClient(t *testing.T, url string, change ...func(*Options)) *Client {
	c := client(t, nil, append([]func(*Options){func(o *Options) {
		o.BaseURL, o.Retries, o.jitter = url, 0, func() float64 { return 0 }
	}}, change...)...)
	t.Cleanup(c.Close)
	return c
}

// TestNoSilentReplay: net/http sends a GET again by itself when a kept connection
// closes without an answer. A Read may be; a WriteOnce arrives exactly once.
func TestNoSilentReplay(t *testing.T) {
	for name, test := range map[string]struct {
		method  string
		replays bool
	}{"read": {"GET", true}, "once": {"GET", false}, "once HEAD": {"HEAD", false}, "once DELETE": {"DELETE", false}, "once POST": {"POST", false}} {
		t.Run(name, func(t *testing.T) {
			server := newRaw(t, 1)
			c := socketClient(t, "http://"+server.Addr().String())
			if _, err := c.Read(t.Context(), Call{Path: "/warm"}); err != nil {
				t.Fatal(err)
			}
			call := calls(c)[strings.Fields(name)[0]]
			_, err := call(t.Context(), Call{Method: test.method, Path: "/users/U-1/actions/sendWelcomeEmail"})
			e := failure(t, err)
			if test.replays {
				// That it is sent again here shows that the test would notice.
				if n := server.arrived.Load(); n != 3 {
					t.Errorf("%d arrivals", n)
				}
				return
			}
			if n := server.arrived.Load(); n != 2 || !e.OutcomeUnknown || e.Attempts != 1 {
				t.Errorf("%d arrivals, %v", n, err)
			}
		})
	}
}

// TestWire: the body that keeps net/http from repeating a WriteOnce leaves no
// trace on the wire.
func TestWire(t *testing.T) {
	server := newRaw(t, 100)
	c := socketClient(t, "http://"+server.Addr().String())
	for _, method := range []string{"GET", "DELETE"} {
		for _, call := range []func(context.Context, Call) (*Response, error){c.Write, c.WriteOnce} {
			if _, err := call(t.Context(), Call{Method: method, Path: "/users/U-1"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := 0; i < len(server.heads); i += 2 {
		if server.heads[i] != server.heads[i+1] || strings.Contains(server.heads[i], "Content-Length") || strings.Contains(server.heads[i], "Transfer-Encoding") {
			t.Errorf("write\n%sonce\n%s", server.heads[i], server.heads[i+1])
		}
	}
	if _, err := c.WriteOnce(t.Context(), Call{Method: "POST", Path: "/users/U-1"}); err != nil {
		t.Fatal(err)
	}
	if head := server.heads[4]; !strings.Contains(head, "Content-Length: 0\r\n") {
		t.Errorf("a POST without a body is\n%s", head)
	}
}

// TestConnectionsAreReused: whatever the answers, no more connections are opened
// than requests may be under way.
func TestConnectionsAreReused(t *testing.T) {
	var opened atomic.Int64
	var n atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		switch n.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, strings.Repeat("x", 10000))
		case 1:
			_, _ = io.WriteString(w, `{"data":[]}`)
		case 2:
			_, _ = io.WriteString(w, `"`+strings.Repeat("x", 4000)+`"`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := socketClient(t, server.URL, func(o *Options) { o.Concurrency, o.MaxBody = 3, 2000 })
	defer c.Close()
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			for range 10 {
				_, _ = c.Write(t.Context(), Call{Method: "PATCH", Path: "/users/U-1", Body: map[string]int{"a": 1}})
			}
		})
	}
	group.Wait()
	if opened.Load() > 3 || n.Load() != 300 {
		t.Errorf("%d connections for %d requests", opened.Load(), n.Load())
	}
}

// TestNeverOpened: without a connection nothing happened, so even a WriteOnce is
// tried again and its outcome is known.
func TestNeverOpened(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	// This one takes connections and never finishes the TLS handshake.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for name, url := range map[string]string{"refused": "http://" + closed.Addr().String(), "no handshake": "https://" + silent.Addr().String()} {
		c := socketClient(t, url, func(o *Options) { o.Retries, o.Timeout = 2, 50*time.Millisecond })
		_, err := c.WriteOnce(t.Context(), Call{Method: "POST", Path: "/users", Body: struct{}{}})
		if e := failure(t, err); e.Kind != KindNetwork || e.OutcomeUnknown || e.Attempts != 3 {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// TestUntrusted: a certificate that is not trusted will not be trusted a moment
// later.
func TestUntrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	c := socketClient(t, server.URL, func(o *Options) { o.Retries = 3 })
	_, err := c.WriteOnce(t.Context(), Call{Method: "POST", Path: "/users"})
	if e := failure(t, err); e.Kind != KindNetwork || e.Attempts != 1 || e.OutcomeUnknown || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

// TestHTTP2: a WriteOnce without a body is an ordinary request there too.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"proto":%q,"method":%q,"body":%q}`, r.Proto, r.Method, body)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := newTransport(2)
	transport.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
	defer transport.CloseIdleConnections()
	c := socketClient(t, server.URL, func(o *Options) { o.Transport = transport })
	for _, method := range []string{"GET", "DELETE", "POST"} {
		response, err := c.WriteOnce(t.Context(), Call{Method: method, Path: "/users/U-1"})
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`{"proto":"HTTP/2.0","method":%q,"body":""}`, method); string(response.Body) != want {
			t.Errorf("got %s", response.Body)
		}
	}
}
