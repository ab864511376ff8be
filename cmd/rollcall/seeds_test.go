package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/providers/registry"
)

// A documented vendor is one whose create page is all that this test knows: what it
// asks of the request, by headers and by every field of the body, and what the page
// says of the answer. Of everything else it has the least that lets rollcall get so
// far. The simulated vendors have no part in it.
type documented struct {
	config, block string // of the provider, and of the person's access
	person        string // further lines of his entry
	path          string // of the create, below the server
	headers       map[string]string
	body          string // what has to be sent, value by value
	status        int
	answer        string // to the create
	// reads answers every other request; created tells whether the create was.
	reads func(r *http.Request, body string, created bool) (status int, answer string)
	media string
}

// vendorsAsDocumented has every kind of the registry. Names that a page calls
// deprecated, or that its API has renamed since, stand under their current ones.
var vendorsAsDocumented = map[string][]documented{
	"vendasta": {{
		config: `{partner: ABC, baseURL: HERE/platform, auth: {token: {env: SEED_TOKEN}}}`,
		person: `givenName: William, familyName: Smith, nickname: Billy, locale: en-US, timeZone: America/Regina, phones: [{number: "+1 306 555 1234 ext. 5", type: mobile}],
      address: {line1: 190 11th Street E., line2: Unit 342, city: Saskatoon, region: CA-SK, postalCode: H0H 0H0, country: CA},`,
		block:   `{platformAccess: ["ssc:access", "ssc:manage"]}`,
		path:    "/platform/users",
		headers: map[string]string{"Authorization": "Bearer token-of-the-seeds", "Content-Type": "application/vnd.api+json"},
		body: `{"data": {"type": "users", "attributes": {
			"givenName": "William", "familyName": "Smith", "greetingName": "Billy", "email": "bill@example.com", "languageLocaleCode": "en-US",
			"phoneNumbers": [{"number": "+1 306 555 1234 ext. 5", "typeCode": "mobile"}],
			"address": {"line1": "190 11th Street E.", "line2": "Unit 342", "city": "Saskatoon", "postalCode": "H0H 0H0", "regionCode": "CA-SK", "countryCode": "CA"},
			"timeZone": "America/Regina"},
			"relationships": {"partner": {"data": {"type": "partners", "id": "ABC"}},
			"platformAccess": {"data": [{"type": "appFeatures", "id": "ssc:access"}, {"type": "appFeatures", "id": "ssc:manage"}]}}}}`,
		status: 201, media: "application/vnd.api+json",
		answer: `{"data": {"type": "users", "id": "U-1"}}`,
		reads: func(r *http.Request, _ string, created bool) (int, string) {
			user := `{"type": "users", "id": "U-1", "attributes": {
				"givenName": "William", "familyName": "Smith", "greetingName": "Billy", "email": "bill@example.com", "languageLocaleCode": "en-US",
				"phoneNumbers": [{"number": "+1 306 555 1234 ext. 5", "typeCode": "mobile"}], "timeZone": "America/Regina",
				"address": {"line1": "190 11th Street E.", "line2": "Unit 342", "city": "Saskatoon", "postalCode": "H0H 0H0", "regionCode": "CA-SK", "countryCode": "CA"}},
				"relationships": {"platformAccess": {"data": [{"type": "appFeatures", "id": "ssc:access"}, {"type": "appFeatures", "id": "ssc:manage"}]}, "businessLocations": {"data": []}}}`
			switch {
			case r.URL.Path != "/platform/users":
				return 200, `{"data": ` + user + `}`
			case created:
				return 200, `{"data": [` + user + `]}`
			default:
				return 200, `{"data": []}`
			}
		},
	}},
	"partoo": {{
		config:  `{baseURL: HERE/v2, auth: {apiKey: {env: SEED_TOKEN}}}`,
		person:  `givenName: Perceval, familyName: de Galles, locale: fr-FR,`,
		block:   `{role: GROUP_MANAGER, org_id: 42, accesses: [[1, 2], [1, 3]], custom_role: my_custom_role, sidebar_pages: [posts, messages], send_invitation: false, status: active, password: {env: SEED_PASSWORD}, sso_only: true}`,
		path:    "/v2/user",
		headers: map[string]string{"X-Apikey": "token-of-the-seeds", "Content-Type": "application/json"},
		body: `{"email": "bill@example.com", "first_name": "Perceval", "last_name": "de Galles", "org_id": 42, "accesses": [[1, 2], [1, 3]], "role": "GROUP_MANAGER",
			"custom_role": "my_custom_role", "sidebar_pages": ["messages", "posts"], "send_invitation": false, "status": "active", "password": "Password!1", "lang": "fr", "sso_only": true}`,
		status: 200, media: "application/json",
		answer: `{"id": "5309c3a237bbc544d8e26737", "status": "success"}`,
		reads: func(r *http.Request, _ string, created bool) (int, string) {
			user := `{"id": "5309c3a237bbc544d8e26737", "email": "bill@example.com", "first_name": "Perceval", "last_name": "de Galles", "org_id": 42, "accesses": [[1, 2], [1, 3]],
					"role": "GROUP_MANAGER", "custom_role": "my_custom_role", "sidebar_pages": ["messages", "posts"], "lang": "fr", "sso_only": true, "disabled": false}`
			switch {
			case r.URL.Path != "/v2/user/search":
				return 200, user
			case created:
				return 200, `{"users": [` + user + `], "count": 1, "max_page": 1}`
			default:
				return 200, `{"users": [], "count": 0, "max_page": 0}`
			}
		},
	}},
	"mykaarma": {{
		config: `{baseURL: "HERE", dealerUUID: d-1, auth: {username: {env: SEED_USER}, password: {env: SEED_TOKEN}}}`,
		person: `givenName: William, familyName: Smith, nickname: Billy,`,
		block: `{dealerUUID: d-1, departmentUUID: dep-1, roleUUID: r-1, username: bill, password: {env: SEED_PASSWORD}, dmsID: DMS-7, phone: "+1 306 555 1234", textNumber: "+1 306 555 9999",
        userInvite: true, sendEmail: true, sendText: true, userInviteEmailTemplate: SIMPLE, imageUrl: "https://img.example.com/b.png", ssoFeatureEnabled: true, bio: Sells cars, mfaFeatureEnabled: true}`,
		path:    "/manage/v2/user/partner",
		headers: map[string]string{"Authorization": "Basic c2VlZGVyOnRva2VuLW9mLXRoZS1zZWVkcw==", "Content-Type": "application/json", "Accept": "application/json"},
		body: `{"dealerUUID": "d-1", "firstName": "William", "lastName": "Smith", "emailAddress": "bill@example.com", "username": "bill", "password": "Password!1", "dmsID": "DMS-7",
			"phone": "+1 306 555 1234", "textNumber": "+1 306 555 9999", "roleUUID": "r-1", "departmentUUID": "dep-1", "userInvite": true, "sendEmail": true, "sendText": true,
			"userInviteEmailTemplate": "SIMPLE", "imageUrl": "https://img.example.com/b.png", "ssoFeatureEnabled": true, "bio": "Sells cars", "mfaFeatureEnabled": true, "nickName": "Billy"}`,
		status: 200, media: "application/json",
		answer: `{"errors": [], "warnings": [], "apiRequestId": "req-1", "userUuid": "u-1"}`,
		reads: func(_ *http.Request, _ string, created bool) (int, string) {
			users := ""
			if created {
				users = `{"firstName": "William", "lastName": "Smith", "userName": "bill", "email": "bill@example.com", "phone": "+1 306 555 1234", "textNumber": "+1 306 555 9999", "nickName": "Billy", "uuid": "u-1", "isValid": true}`
			}
			return 200, `{"errors": [], "warnings": [], "apiRequestId": "req-2", "users": [` + users + `]}`
		},
	}},
	"intelagree": {
		intelagreeAsDocumented(`permissionPresets: [Reviewer, 12, {id: 3}]`, `"permissionPresets": ["Reviewer", 12, {"id": 3}]`, `"permissionPresets": ["Reviewer", 12, {"id": 3}], "userPermissions": []`),
		intelagreeAsDocumented(`userPermissions: [Contracts.View, 7, {id: 4}]`, `"userPermissions": ["Contracts.View", 7, {"id": 4}]`, `"permissionPresets": [], "userPermissions": ["Contracts.View", 7, {"id": 4}]`),
		intelagreeAsDocumented(`userPermissionsToClone: {name: HR, value: "9"}`, `"userPermissionsToClone": {"entity": "User", "name": "HR", "value": "9"}`, `"permissionPresets": ["Reviewer"], "userPermissions": []`),
	},
	"myreports": {{
		config:  `{baseURL: "HERE", tokenURL: HERE/connect/token, account: 8d1b7e0c-8f5e-4a3e-9d52-2f6a4a1f0c11, auth: {clientId: {env: SEED_USER}, clientSecret: {env: SEED_PASSWORD}, refreshToken: {file: refresh.token}}}`,
		person:  `displayName: New User,`,
		block:   `{roles: [customer.admin]}`,
		path:    "/api/v1.0/accounts/8d1b7e0c-8f5e-4a3e-9d52-2f6a4a1f0c11/users",
		headers: map[string]string{"Authorization": "Bearer issued", "Accept-Charges": "true", "Content-Type": "application/json"},
		body:    `{"email": "bill@example.com", "displayName": "New User", "roles": ["account.user", "customer.admin"]}`,
		status:  201, media: "application/json; charset=utf-8",
		answer: `{"data": {"id": "0f0f0f0f-1111-4222-8333-444444444444", "displayName": "New User", "email": "bill@example.com", "primaryTenant": "8d1b7e0c-8f5e-4a3e-9d52-2f6a4a1f0c11",
			"roles": ["account.user", "customer.admin"]}, "status": "success", "timestamp": "2019-11-29T16:03:23.9251680Z"}`,
		reads: func(r *http.Request, body string, created bool) (int, string) {
			user := `{"id": "0f0f0f0f-1111-4222-8333-444444444444", "displayName": "New User", "email": "bill@example.com", "primaryTenant": "8d1b7e0c-8f5e-4a3e-9d52-2f6a4a1f0c11", "roles": ["account.user", "customer.admin"]}`
			switch {
			case r.URL.Path == "/connect/token" && strings.Contains(body, "refresh_token=token-of-the-seeds"):
				return 200, `{"access_token": "issued", "expires_in": 3600, "token_type": "Bearer"}`
			case strings.HasSuffix(r.URL.Path, "/users") && !created:
				return 200, `{"page_size": 0, "data": [], "status": "success", "timestamp": "2019-11-29T16:03:23.9251680Z"}`
			case strings.HasSuffix(r.URL.Path, "/users"):
				return 200, `{"page_size": 1, "data": [` + user + `], "status": "success", "timestamp": "2019-11-29T16:03:23.9251680Z"}`
			default:
				return 200, `{"data": ` + user + `, "status": "success", "timestamp": "2019-11-29T16:03:23.9251680Z"}`
			}
		},
	}},
}

// intelagreeAsDocumented is IntelAgree with one of its three ways to say what a user
// may do: as the roster, the request and an answer have it.
func intelagreeAsDocumented(block, request, shows string) documented {
	return documented{
		config: `{baseURL: HERE/api, auth: {subscriptionKey: {env: SEED_USER}, accountKey: {env: SEED_TOKEN}}, asUser: {type: HR, key: K-1}}`,
		person: `id: E-1042, givenName: William, familyName: Smith, legalName: William A. Smith, title: Counsel,`,
		block: `{name: Bill Smith, businessKeys: [{name: HR, value: "7"}, {name: rollcall, value: E-1042}], ` + block + `,
        hasAllOrganizations: true, primaryLegalEntityId: 99}`,
		path:    "/api/users",
		headers: map[string]string{"Authorization": "Bearer issued", "Ocp-Apim-Subscription-Key": "seeder", "Apiversion": "2.0", "Asusertype": "HR", "Asuserkey": "K-1", "Content-Type": "application/json"},
		body: `{"name": "Bill Smith", "legalName": "William A. Smith", "email": "bill@example.com", "title": "Counsel",
			"businessKeys": [{"entity": "User", "name": "HR", "value": "7"}, {"entity": "User", "name": "rollcall", "value": "E-1042"}],
			` + request + `, "hasAllOrganizations": true, "primaryLegalEntityId": 99}`,
		status: 201, media: "application/json", answer: ``,
		reads: func(r *http.Request, body string, created bool) (int, string) {
			user := `{"name": "Bill Smith", "legalName": "William A. Smith", "email": "bill@example.com", "title": "Counsel",
				"businessKeys": [{"entity": "User", "name": "HR", "value": "7"}, {"entity": "User", "name": "rollcall", "value": "E-1042"}],
				` + shows + `, "hasAllOrganizations": true, "primaryLegalEntityId": 99}`
			switch {
			case r.URL.Path == "/api/Accounts" && body == `{"accountKey":"token-of-the-seeds"}`:
				return 200, `{"token": "issued", "expires": "2999-01-01T00:00:00.0000000Z"}`
			case r.URL.Path == "/api/users" && !created:
				return 200, `[]`
			case r.URL.Path == "/api/users":
				return 200, `[` + user + `]`
			default:
				return 200, user
			}
		},
	}
}

// TestCreateAsDocumented runs the program against a server for each vendor that was
// written from the page of its create alone. What it sends has every field of that
// page, and the next plan is empty.
func TestCreateAsDocumented(t *testing.T) {
	t.Setenv("SEED_TOKEN", "token-of-the-seeds")
	t.Setenv("SEED_USER", "seeder")
	t.Setenv("SEED_PASSWORD", "Password!1")
	for _, kind := range registry.Kinds() {
		if len(vendorsAsDocumented[kind.Name]) == 0 {
			t.Errorf("there is no server for %s", kind.Name)
		}
		for i, v := range vendorsAsDocumented[kind.Name] {
			t.Run(fmt.Sprintf("%s %d", kind.Name, i+1), func(t *testing.T) { createAsDocumented(t, kind.Name, v) })
		}
	}
}

func createAsDocumented(t *testing.T, kind string, v documented) {
	s := &documentedServer{t: t, vendor: v}
	server := httptest.NewServer(s)
	defer server.Close()
	dir := t.TempDir()
	write(t, dir, "refresh.token", "token-of-the-seeds\n")
	write(t, dir, "rollcall.yaml", "version: 1\nproviders:\n  "+kind+": "+strings.ReplaceAll(v.config, "HERE", server.URL)+"\n")
	write(t, dir, "roster.yaml", fmt.Sprintf("version: 1\npeople:\n  - {email: bill@example.com, %s access: {%s: %s}}\n", v.person, kind, v.block))
	result := filepath.Join(dir, "result.json")
	code, stdout, stderr := rollcall(dir, "apply", "--yes", "--result", result)
	if code != plan.ExitOK || !strings.Contains(stdout, "1 applied") {
		t.Fatalf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	if s.creates != 1 {
		t.Errorf("%d creates", s.creates)
	}
	code, stdout, stderr = rollcall(dir, "plan", "--detailed-exitcode")
	if code != plan.ExitOK || !strings.Contains(stdout, "nothing to change; 0 held, 0 manual") {
		t.Errorf("exit code %d of the next plan:\n%s%s", code, stdout, stderr)
	}
	for _, secret := range []string{"token-of-the-seeds", "Password!1", "issued"} {
		if strings.Contains(stdout+stderr+read(t, result), secret) {
			t.Errorf("%s is shown", secret)
		}
	}
}

// documentedServer is the vendor.
type documentedServer struct {
	t      *testing.T
	vendor documented

	mu      sync.Mutex
	creates int
}

func (s *documentedServer) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent, _ := io.ReadAll(r.Body)
	status, answer := s.vendor.status, s.vendor.answer
	if r.Method == http.MethodPost && r.URL.Path == s.vendor.path {
		s.created(r, sent)
	} else {
		status, answer = s.vendor.reads(r, string(sent), s.creates > 0)
	}
	if answer != "" {
		rw.Header().Set("Content-Type", s.vendor.media)
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, answer)
}

// created looks at a create.
func (s *documentedServer) created(r *http.Request, sent []byte) {
	s.creates++
	for name, want := range s.vendor.headers {
		if got := r.Header.Get(name); got != want {
			s.t.Errorf("the header %s is %q, want %q", name, got, want)
		}
	}
	var got, want any
	if err := json.Unmarshal(sent, &got); err != nil {
		s.t.Errorf("the body is no JSON: %v", err)
	}
	if err := json.Unmarshal([]byte(s.vendor.body), &want); err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(unordered(want), unordered(got)); diff != "" {
		s.t.Errorf("the body (-documented +sent):\n%s", diff)
	}
}

// unordered is a document whose lists have one order: where rollcall sends a set, the
// order says nothing.
func unordered(data any) any {
	switch v := data.(type) {
	case map[string]any:
		out := make(map[string]any)
		for name, item := range v {
			out[name] = unordered(item)
		}
		return out
	case []any:
		texts := make(map[string]any)
		for _, item := range v {
			item = unordered(item)
			text, _ := json.Marshal(item)
			texts[string(text)] = item
		}
		return texts
	default:
		return data
	}
}
