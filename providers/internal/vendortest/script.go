package vendortest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A Step is one request that is expected and what it is answered with. Bodies are
// names of fixtures, or their text.
type Step struct {
	Method string
	Path   string      // below the base URL, escaped
	Query  url.Values  // exact
	Body   string      // "" is none
	Typed  bool        // it has a content type although it has no body
	Sends  http.Header // further headers of the request
	Status int
	Answer string // "" is none
	Media  string // of the answer; the vendor's when empty
	Header http.Header
	Lost   bool // no answer comes
}

// Answers is the step with another answer.
func (s Step) Answers(fixture string) Step {
	s.Answer = fixture
	return s
}

// Refuses is the step with another status and answer.
func (s Step) Refuses(status int, fixture string) Step {
	s.Status, s.Answer = status, fixture
	return s
}

// As is the step answered in another media type.
func (s Step) As(media string) Step {
	s.Media = media
	return s
}

// A Script is the vendor's side: it checks each request and answers it. It is safe
// for concurrent use, but the order of the steps counts.
type Script struct {
	vendor Vendor
	t      testing.TB
	mu     sync.Mutex
	steps  []Step
	at     []time.Time // of each request
}

// Plays makes a script; it fails the test unless every step is asked for.
func (v Vendor) Plays(t testing.TB, steps ...Step) *Script {
	t.Helper()
	s := &Script{vendor: v, t: t, steps: steps}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.at) != len(steps) {
			t.Errorf("%d requests, want %d", len(s.at), len(steps))
		}
	})
	return s
}

// Wait is the time between a request, counted from 1, and the next one.
func (s *Script) Wait(request int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request >= len(s.at) {
		return 0
	}
	return s.at[request].Sub(s.at[request-1])
}

// RoundTrip checks a request and answers it.
func (s *Script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.at)
	s.at = append(s.at, time.Now())
	if n >= len(s.steps) {
		s.t.Errorf("request %d is one too many: %s %s", n+1, r.Method, r.URL)
		return nil, io.ErrUnexpectedEOF
	}
	want := s.steps[n]
	sent := Sent(s.t, r)
	address := s.vendor.Kind.BaseURL + want.Path
	if got := r.URL.Scheme + "://" + r.URL.Host + r.URL.EscapedPath(); r.Method != want.Method || got != address {
		s.t.Errorf("request %d is %s %s, want %s %s", n+1, r.Method, got, want.Method, address)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.t.Error(err)
	}
	if want.Query == nil {
		want.Query = url.Values{}
	}
	if diff := cmp.Diff(want.Query, query); diff != "" {
		s.t.Errorf("query of request %d:\n%s", n+1, diff)
	}
	wanted := s.vendor.Credentials.Clone()
	wanted.Set("Accept", s.vendor.Media)
	wanted.Set("User-Agent", "rollcall")
	if want.Body != "" || want.Typed {
		wanted.Set("Content-Type", s.vendor.Media)
	}
	maps.Copy(wanted, want.Sends)
	if diff := cmp.Diff(wanted, r.Header); diff != "" {
		s.t.Errorf("headers of request %d:\n%s", n+1, diff)
	}
	switch {
	case want.Body != "" && len(sent) == 0:
		s.t.Errorf("request %d has no body", n+1)
	case want.Body != "":
		if diff := cmp.Diff(Decoded(s.t, Fixture(s.t, want.Body)), Decoded(s.t, sent)); diff != "" {
			s.t.Errorf("body of request %d:\n%s", n+1, diff)
		}
	case len(sent) > 0:
		s.t.Errorf("request %d has a body: %s", n+1, sent)
	}
	if want.Lost {
		return nil, io.ErrUnexpectedEOF
	}
	return s.vendor.Reply(s.t, r, want), nil
}

// Reply is the answer of a step.
func (v Vendor) Reply(t testing.TB, r *http.Request, s Step) *http.Response {
	t.Helper()
	header := s.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	var body []byte
	if s.Answer != "" {
		body = Fixture(t, s.Answer)
		if s.Media == "" {
			s.Media = v.Media
		}
		header.Set("Content-Type", s.Media)
	}
	return &http.Response{
		StatusCode: s.Status, Header: header, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
}

// RoundTripper is a transport that is a function.
type RoundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f RoundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Always answers every request with the step, whatever it asks for.
func (v Vendor) Always(t testing.TB, s Step) http.RoundTripper {
	return RoundTripper(func(r *http.Request) (*http.Response, error) { return v.Reply(t, r, s), nil })
}

// Sent is the body of a request.
func Sent(t testing.TB, r *http.Request) []byte {
	t.Helper()
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	_ = r.Body.Close()
	return body
}

// Fixture is a file of testdata, or the text itself when it is no name of one.
func Fixture(t testing.TB, name string) []byte {
	t.Helper()
	if !strings.HasSuffix(name, ".json") {
		return []byte(name)
	}
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Decoded is the value of a JSON text.
func Decoded(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return v
}

// Leaves maps the path of every value that is no list or object to the value.
func Leaves(data any) map[string]any {
	found := make(map[string]any)
	add := func(name string, item any) {
		for path, value := range Leaves(item) {
			found["/"+name+path] = value
		}
	}
	switch v := data.(type) {
	case map[string]any:
		for name, item := range v {
			add(name, item)
		}
	case []any:
		for i, item := range v {
			add(strconv.Itoa(i), item)
		}
	default:
		found[""] = data
	}
	return found
}

// Texts is a list as values hold it.
func Texts(items ...string) []any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = item
	}
	return list
}
