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

// Users of Partoo in the seed.
const (
	cara = "5309c3a237bbc544d8e26737"
	dora = "5309c3a237bbc544d8e26738"
	evan = "5309c3a237bbc544d8e26739"
	fred = "5309c3a237bbc544d8e26740"
)

// Users and accounts of MyReports in the seed.
const (
	gina = "a1b2c3d4-0000-4000-8000-000000000001"
	hugo = "a1b2c3d4-0000-4000-8000-000000000002"
	iris = "a1b2c3d4-0000-4000-8000-000000000003"
	ivan = "a1b2c3d4-0000-4000-8000-000000000004"

	home   = "3f0c2b1e-5d7a-4c1b-9e2f-0a1b2c3d4e5f"
	branch = "7b9d1c42-8e3f-4a56-b1c0-5d6e7f809112"
)

// seed is a small world. At Vendasta: a partner user, a business user, a
// stranger. At Partoo: one of groups, one of businesses who is invited, one who
// is disabled, and a stranger. At IntelAgree: one of whom everything is known, one
// of whom the least, and one without a business key. At MyReports: one who is at
// home and in the branch, a guest whom the branch owns, one of the branch alone who
// has no role, and a stranger. At myKaarma: see there.
func seed() map[string]any {
	return map[string]any{"intelagree": map[string]any{"users": []any{
		map[string]any{
			"name": "Gina Ito", "legalName": "Regina Ito", "email": "Gina@example.com", "title": "Buyer",
			"businessKeys": []any{
				map[string]any{"entity": "User", "name": "HR", "value": "E-1"},
				map[string]any{"entity": "User", "name": "CRM/eu", "value": "c 7/ü"},
			},
			"userPermissions": []any{"Contracts.View", 12, map[string]any{"id": 3, "levels": []any{1.5, nil, true}}}, "permissionPresets": []any{"Reviewer"},
			"hasAllOrganizations": true, "primaryLegalEntityId": 40, "createdBy": "HR/E-0",
		},
		map[string]any{"id": "hank", "email": "hank@example.com"},
		map[string]any{"id": "iris", "name": "Iris", "legalName": "Iris Ode", "email": "iris@example.com", "businessKeys": []any{}},
	}}, "mykaarma": mykaarmaSeed(), "myreports": map[string]any{"users": []any{
		map[string]any{
			"id": gina, "email": "Gina@example.com", "displayName": "Gina Costa",
			"roles": []any{"account.user", "user.admin"}, "accounts": []any{home, branch},
		},
		map[string]any{"id": hugo, "email": "hugo@example.com", "displayName": "Hugo Lima", "primaryTenant": branch, "accounts": []any{home}},
		map[string]any{"id": iris, "email": "iris@example.com", "displayName": "Iris Neri", "roles": []any{}, "accounts": []any{branch}},
		map[string]any{"id": ivan, "email": "ivan@example.com"},
	}}, "partoo": map[string]any{"users": []any{
		map[string]any{
			"id": cara, "email": "Cara@example.com", "first_name": "Cara", "last_name": "Doe", "role": "GROUP_MANAGER", "org_id": 42,
			"accesses": []any{[]any{1, 2}, []any{1, 3}}, "lang": "fr", "phone": "+33 1 23 45 67 89",
			"keywords": []any{"a", "b"}, "created_at": 1615299414, "receive_reviews_email_notifications": true,
		},
		map[string]any{
			"id": dora, "email": "dora@example.com", "first_name": "Dora", "last_name": "Abel",
			"role": "BUSINESS_MANAGER", "org_id": 42, "business_ids": []any{"b-1", "b-2"}, "status": "invited", "sidebar_pages": []any{"posts"},
		},
		map[string]any{
			"id": evan, "email": "evan@example.com", "first_name": "Evan", "last_name": "Cole",
			"disabled": true, "custom_role": "my_role",
		},
		map[string]any{"id": fred, "email": "fred@example.com", "first_name": "Fred", "last_name": "Bell", "role": "PUBLISHER", "org_id": 7},
	}}, "vendasta": map[string]any{"users": []any{
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
	return send(w, r, headers)
}

func send(w *World, r *http.Request, headers []string) (*http.Response, string, error) {
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

// askPartoo is ask for Partoo.
func askPartoo(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp, text, err := tryPartoo(t, w, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, text
}

func tryPartoo(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.BaseURL("partoo")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-APIKey", "secret-key")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", partooJSON)
	}
	return send(w, r, headers)
}

// askIntelAgree is ask for IntelAgree.
func askIntelAgree(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp, text, err := tryIntelAgree(t, w, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, text
}

func tryIntelAgree(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.BaseURL("intelagree")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Ocp-Apim-Subscription-Key", "subscription-key")
	r.Header.Set("ApiVersion", "2.0")
	if path != "/Accounts" {
		r.Header.Set("Authorization", "Bearer secret-token")
	}
	if method == http.MethodPost || method == http.MethodPut {
		r.Header.Set("Content-Type", "application/json")
	}
	return send(w, r, headers)
}

// askMyReports is ask for MyReports.
func askMyReports(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp, text, err := tryMyReports(t, w, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, text
}

func tryMyReports(t *testing.T, w *World, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.BaseURL("myreports")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret-token")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept-Charges", "true")
	}
	return send(w, r, headers)
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
