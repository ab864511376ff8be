package simulator

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 11, 21, 9, 30, 0, 123456789, time.UTC)

func fixedClock() time.Time { return epoch }

// seed is a small world: a partner user, a business user, a stranger.
func seed() map[string]any {
	return map[string]any{"vendasta": map[string]any{"users": []any{
		map[string]any{
			"id": "U-1", "partner": "ABC", "platformAccess": []any{"tm:access", "pc:access"},
			"attributes": map[string]any{
				"email": "Ana@example.com", "givenName": "Ana", "familyName": "Souza",
				"phoneNumbers": []any{map[string]any{"number": "+1 306 555 0000", "typeCode": "work"}},
				"address":      map[string]any{"line1": "1 Main St", "city": "Regina", "countryCode": "CA"},
			},
			"createdAt": "2024-01-02T03:04:05.987654321Z",
		},
		map[string]any{
			"id": "U-2", "partner": "ABC", "businessLocations": []any{"AG-1", "AG-2"},
			"attributes": map[string]any{"email": "shop@example.com"},
		},
		map[string]any{
			"id": "U-3", "partner": "XYZ", "platformAccess": []any{"tm:access"},
			"attributes": map[string]any{"email": "ana@example.com"},
		},
	}}}
}

func world(t *testing.T, options Options) *World {
	t.Helper()
	if options.Clock == nil {
		options.Clock = fixedClock
	}
	w := New(options)
	if err := w.Seed(seed()); err != nil {
		t.Fatal(err)
	}
	return w
}

// ask sends one request; the header is what a good client sends, changed by
// "Name: value" lines ("Name:" takes it away).
func ask(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp, text, err := try(t, w, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, text
}

func try(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.BaseURL("vendasta")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret-token")
	if body != "" {
		r.Header.Set("Content-Type", jsonAPI)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := w.Transport().RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return m
}

// dig walks objects by name and lists by index.
func dig(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: no object at %q in %v", path, step, v)
			}
			v = m[step]
		case int:
			l, ok := v.([]any)
			if !ok || step >= len(l) {
				t.Fatalf("%v: no item %d in %v", path, step, v)
			}
			v = l[step]
		}
	}
	return v
}

// emails lists whom a search found.
func emails(t *testing.T, text string) []string {
	t.Helper()
	list := []string{}
	for _, item := range dig(t, decode(t, text), "data").([]any) {
		list = append(list, dig(t, item, "attributes", "email").(string))
	}
	return list
}

func golden(t *testing.T, name, text string) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a fixture
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name)) //nolint:gosec // a fixture
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// fired wants a fault to have happened n times.
func fired(t *testing.T, w *World, name string, n int64) {
	t.Helper()
	if got := w.Counts().Faults[name]; got != n {
		t.Errorf("%s fired %d times, want %d; all: %v", name, got, n, w.Counts().Faults)
	}
}
