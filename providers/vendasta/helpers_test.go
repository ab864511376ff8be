package vendasta

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	userID = "U-7a3c4f2e-5d0b-4f6e-9c1a-2b8d6e4f0a13" // of the fixtures
	token  = "t-0123456789"
)

// A step is one request that is expected and what it is answered with. Bodies
// are names of fixtures.
type step struct {
	method string
	path   string     // below the base URL, escaped
	query  url.Values // exact
	body   string     // "" is none
	status int
	answer string // "" is none
	media  string // of the answer; JSON:API when empty
	header http.Header
}

// A script is the vendor's side: it checks each request and answers it.
type script struct {
	t     *testing.T
	mu    sync.Mutex
	steps []step
	at    []time.Time // of each request
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.at)
	s.at = append(s.at, time.Now())
	if n >= len(s.steps) {
		s.t.Errorf("request %d is one too many: %s %s", n+1, r.Method, r.URL)
		return nil, io.ErrUnexpectedEOF
	}
	want := s.steps[n]
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	address := Kind().BaseURL + want.path
	if got := r.URL.Scheme + "://" + r.URL.Host + r.URL.EscapedPath(); r.Method != want.method || got != address {
		s.t.Errorf("request %d is %s %s, want %s %s", n+1, r.Method, got, want.method, address)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.t.Error(err)
	}
	if want.query == nil {
		want.query = url.Values{}
	}
	if diff := cmp.Diff(want.query, query); diff != "" {
		s.t.Errorf("query of request %d:\n%s", n+1, diff)
	}
	wanted := http.Header{"Accept": {mediaType}, "Authorization": {"Bearer " + token}, "User-Agent": {"rollcall"}}
	if want.body != "" {
		wanted["Content-Type"] = []string{mediaType}
		if diff := cmp.Diff(decoded(s.t, fixture(s.t, want.body)), decoded(s.t, sent)); diff != "" {
			s.t.Errorf("body of request %d:\n%s", n+1, diff)
		}
	} else if len(sent) > 0 {
		s.t.Errorf("request %d has a body: %s", n+1, sent)
	}
	if diff := cmp.Diff(wanted, r.Header); diff != "" {
		s.t.Errorf("headers of request %d:\n%s", n+1, diff)
	}
	return reply(s.t, r, want), nil
}

func reply(t testing.TB, r *http.Request, s step) *http.Response {
	header := s.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	var body []byte
	if s.answer != "" {
		body = fixture(t, s.answer)
		if s.media == "" {
			s.media = mediaType
		}
		header.Set("Content-Type", s.media)
	}
	return &http.Response{
		StatusCode: s.status, Header: header, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
}

// fixture is a file of testdata, or the text itself when it is no name of one.
func fixture(t testing.TB, name string) []byte {
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

func decoded(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return v
}

// plays makes a script; it fails the test unless every step is asked for.
func plays(t *testing.T, steps ...step) *script {
	t.Helper()
	s := &script{t: t, steps: steps}
	t.Cleanup(func() {
		if len(s.at) != len(steps) {
			t.Errorf("%d requests, want %d", len(s.at), len(steps))
		}
	})
	return s
}

// settings are those of a provider with a static token.
func settings(transport http.RoundTripper, change ...func(*providers.Settings)) providers.Settings {
	s := providers.Settings{
		Config: sources.ProviderConfig{
			Name: "vendasta", Kind: "vendasta", Concurrency: 4, Retries: 4, Timeout: 30 * time.Second, RateSet: true,
			Settings: map[string]string{"partner": "ABC"},
			Auth:     map[string]sources.SecretRef{"token": {Env: "VENDASTA_TOKEN"}},
		},
		Auth:      map[string]sources.Secret{"token": sources.NewSecret(token)},
		Transport: transport, Secrets: &sources.Secrets{},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func connect(t testing.TB, transport http.RoundTripper, change ...func(*providers.Settings)) *providers.Connection {
	t.Helper()
	connection, err := Kind().Open(context.Background(), settings(transport, change...))
	if err != nil {
		t.Fatal(err)
	}
	return connection
}

// load resolves a roster of one person as rollcall does, with a provider of this
// kind.
func load(t testing.TB, roster string) *sources.Access {
	t.Helper()
	all, diagnostics := loadAll(t, roster)
	if diagnostics.Failed() || len(all) != 1 {
		t.Fatalf("%d entries\n%v", len(all), diagnostics)
	}
	return all[0]
}

func loadAll(t testing.TB, roster string) ([]*sources.Access, sources.Diagnostics) {
	t.Helper()
	folder := t.TempDir()
	config := "version: 1\nproviders:\n  vendasta: {partner: ABC, auth: {token: {env: VENDASTA_TOKEN}}}\n"
	for name, text := range map[string]string{"rollcall.yaml": config, "roster.yaml": roster} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules := func(string) sources.Rules { return Kind().Rules() }
	loaded, people, diagnostics := sources.Load(t.Context(), filepath.Join(folder, "rollcall.yaml"), sources.Options{Rules: rules})
	if diagnostics.Failed() {
		return nil, diagnostics
	}
	return sources.Resolve(people, loaded, rules, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)), diagnostics
}

// draft is what a create of that access sends: everything wanted that is not to
// be cleared.
func draft(access *sources.Access) providers.Draft {
	d := providers.Draft{Email: access.Email, Values: make(map[string]any)}
	for _, w := range Kind().Wants(access) {
		if w.Data != nil && !w.Attribute.Invites {
			d.Values[w.Attribute.Name] = w.Data
		}
	}
	return d
}

// anyList is a list as values hold it.
func anyList(items ...string) []any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = item
	}
	return list
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func readAll(t testing.TB, r *http.Request) []byte {
	t.Helper()
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return body
}

// simulated connects to the simulated vendor.
func simulated(t testing.TB, world *simulator.World, change ...func(*providers.Settings)) *providers.Connection {
	t.Helper()
	address := func(s *providers.Settings) { s.Config.BaseURL = world.BaseURL("vendasta") }
	return connect(t, world.Transport(), append([]func(*providers.Settings){address}, change...)...)
}
