package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const base = "https://api.example.com/platform"

// A seen is one request as the vendor got it.
type seen struct {
	method, url, auth, contentType, body string
	at                                   time.Time
	header                               http.Header
}

// A vendor is an http.RoundTripper that answers by a function and remembers what
// it was asked and how many requests were under way at once.
type vendor struct {
	answer func(n int, r *http.Request) (*http.Response, error)
	takes  time.Duration

	mu             sync.Mutex
	asked          []seen
	inFlight, most int
}

// answers replies with the given steps in turn, the last one for ever.
func answers(steps ...func(*http.Request) (*http.Response, error)) *vendor {
	return &vendor{answer: func(n int, r *http.Request) (*http.Response, error) {
		return steps[min(n, len(steps)-1)](r)
	}}
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	s := seen{
		method: r.Method, url: r.URL.String(), auth: r.Header.Get("Authorization"),
		contentType: r.Header.Get("Content-Type"), at: time.Now(), header: r.Header.Clone(),
	}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		s.body = string(body)
	}
	v.mu.Lock()
	n := len(v.asked)
	v.asked = append(v.asked, s)
	v.inFlight++
	v.most = max(v.most, v.inFlight)
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.inFlight--
		v.mu.Unlock()
	}()
	if v.takes > 0 {
		if err := sleep(r.Context(), v.takes); err != nil {
			return nil, err
		}
	}
	return v.answer(n, r)
}

func (v *vendor) requests() []seen {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]seen(nil), v.asked...)
}

type step = func(*http.Request) (*http.Response, error)

// reply answers with a status, a body and headers given as name, value pairs.
func reply(status int, body string, headers ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		header := http.Header{}
		if body != "" {
			header.Set("Content-Type", "application/json; charset=utf-8")
		}
		for i := 0; i+1 < len(headers); i += 2 {
			header.Set(headers[i], headers[i+1])
		}
		return &http.Response{
			StatusCode: status, Header: header, Request: r, ContentLength: int64(len(body)),
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

func fails(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hangs answers nothing until the request is given up.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// cut answers with a body that ends too early.
func cut(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	body := io.MultiReader(strings.NewReader(`{"data":`), brokenReader{})
	return &http.Response{StatusCode: 200, Header: header, Request: r, ContentLength: 100, Body: io.NopCloser(body)}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

var (
	ok       = reply(200, `{"data":[]}`)
	dialing  = fails(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
	resetErr = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
)

// client makes a client over the transport; the jitter is all of the backoff, so
// that waits are exact.
func client(t testing.TB, transport http.RoundTripper, change ...func(*Options)) *Client {
	t.Helper()
	options := Options{
		Provider: "vendasta", BaseURL: base, Transport: transport, Retries: 4, Timeout: 30 * time.Second,
		jitter: func() float64 { return 1 },
	}
	for _, f := range change {
		f(&options)
	}
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func secretValue(t testing.TB, secrets *sources.Secrets, value string) sources.Secret {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	secret, err := secrets.Read(context.Background(), sources.SecretRef{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// failure returns the *Error that every failed call ends with.
func failure(t testing.TB, err error) *Error {
	t.Helper()
	e, found := errors.AsType[*Error](err)
	if !found {
		t.Fatalf("got %T %v, want an *Error", err, err)
	}
	return e
}

// calls are the three classes by name.
func calls(c *Client) map[string]func(context.Context, Call) (*Response, error) {
	return map[string]func(context.Context, Call) (*Response, error){
		"read": c.Read, "write": c.Write, "once": c.WriteOnce,
	}
}

// spans returns the time from each request to the next.
func spans(asked []seen) []time.Duration {
	var list []time.Duration
	for i := 1; i < len(asked); i++ {
		list = append(list, asked[i].at.Sub(asked[i-1].at))
	}
	return list
}

// A sink is a buffer that may be written concurrently.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
