package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// assertion builds a JWT; sign may be nil for a signature of nobody.
func assertion(t *testing.T, header, claims map[string]any, sign func([]byte) []byte) string {
	t.Helper()
	part := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := part(header) + "." + part(claims)
	signature := []byte("nobody")
	if sign != nil {
		sum := sha256.Sum256([]byte(text))
		signature = sign(sum[:])
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func goodHeader() map[string]any { return map[string]any{"alg": "RS256", "kid": "k-1", "typ": "JWT"} }

func goodClaims() map[string]any {
	return map[string]any{
		"aud": "https://iam-prod.apigateway.co", "iss": "a@partner-service-account.apigateway.co",
		"sub": "a@partner-service-account.apigateway.co", "iat": epoch.Unix(), "exp": epoch.Add(10 * time.Minute).Unix(),
		"scope": "user.admin user.permission:read",
	}
}

func exchange(t *testing.T, w *World, contentType string, form url.Values) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.TokenURL("vendasta"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	resp, err := w.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, decode(t, string(body))
}

const formType = "application/x-www-form-urlencoded"

func grant(jwt string) url.Values { return url.Values{"grant_type": {jwtBearer}, "assertion": {jwt}} }

func TestToken(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Tokens: Issued, TokenLifetime: time.Minute})
	jwt := assertion(t, goodHeader(), goodClaims(), nil)
	status, first := exchange(t, w, formType, grant(jwt))
	if status != 200 || first["token_type"] != "Bearer" || first["expires_in"] != 60.0 {
		t.Fatal(status, first)
	}
	_, second := exchange(t, w, formType, grant(jwt))
	if first["access_token"] == second["access_token"] {
		t.Error("two tokens are one")
	}
	try := func(token any, method, path string) int {
		resp, _ := ask(t, w, method, path, "", "Authorization: Bearer "+token.(string))
		return resp.StatusCode
	}
	if got := try(first["access_token"], "GET", "/users/U-1"); got != 200 {
		t.Errorf("issued: %d", got)
	}
	if got := try("made-up", "GET", "/users/U-1"); got != 401 {
		t.Errorf("unknown: %d", got)
	}
	now = now.Add(time.Minute)
	if got := try(first["access_token"], "GET", "/users/U-1"); got != 401 {
		t.Errorf("expired: %d", got)
	}
	list := goodClaims()
	list["scope"] = "user.list"
	_, third := exchange(t, w, formType, grant(assertion(t, goodHeader(), list, nil)))
	if got := try(third["access_token"], "GET", findAna); got != 200 {
		t.Errorf("search by user.list: %d", got)
	}
	if got := try(third["access_token"], "DELETE", "/users/U-1"); got != 403 {
		t.Errorf("delete by user.list: %d", got)
	}
	w.RevokeTokens()
	if got := try(third["access_token"], "GET", findAna); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	if c := w.Counts(); c.Tokens != 3 || c.Reads != 5 || c.Writes != 1 {
		t.Errorf("%+v", c)
	}
}

func TestTokenIsStrict(t *testing.T) {
	with := func(m map[string]any, name string, value any) map[string]any {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = value
		}
		return m
	}
	claim := func(name string, value any) url.Values {
		return grant(assertion(t, goodHeader(), with(goodClaims(), name, value), nil))
	}
	header := func(name string, value any) url.Values {
		return grant(assertion(t, with(goodHeader(), name, value), goodClaims(), nil))
	}
	good := grant(assertion(t, goodHeader(), goodClaims(), nil))
	extra := url.Values{"grant_type": good["grant_type"], "assertion": good["assertion"], "scope": {"user.admin"}}
	tests := []struct {
		name, contentType string
		form              url.Values
		want              string
	}{
		{"content type", "application/json", good, "invalid_request"},
		{"extra field", formType, extra, "invalid_request"},
		{"grant type", formType, url.Values{"grant_type": {"client_credentials"}}, "unsupported_grant_type"},
		{"no assertion", formType, url.Values{"grant_type": {jwtBearer}}, "invalid_grant"},
		{"two parts", formType, grant("a.b"), "invalid_grant"},
		{"no base64", formType, grant("?.?.?"), "invalid_grant"},
		{"alg", formType, header("alg", "none"), "invalid_grant"},
		{"kid", formType, header("kid", nil), "invalid_grant"},
		{"aud", formType, claim("aud", nil), "invalid_grant"},
		{"iss", formType, claim("iss", nil), "invalid_grant"},
		{"sub", formType, claim("sub", nil), "invalid_grant"},
		{"iat", formType, claim("iat", nil), "invalid_grant"},
		{"iat in the future", formType, claim("iat", epoch.Add(5*time.Minute).Unix()), "invalid_grant"},
		{"iat with fraction", formType, claim("iat", 1.5), "invalid_grant"},
		{"exp", formType, claim("exp", nil), "invalid_grant"},
		{"exp too late", formType, claim("exp", epoch.Add(10*time.Minute+time.Second).Unix()), "invalid_grant"},
		{"expired", formType, with2(t, goodClaims(), epoch.Add(-time.Hour)), "invalid_grant"},
		{"no scope", formType, claim("scope", nil), "invalid_grant"},
		{"other scope", formType, claim("scope", "user.profile:read"), "invalid_scope"},
	}
	for _, test := range tests {
		w := world(t, Options{})
		if status, body := exchange(t, w, test.contentType, test.form); status != 400 || body["error"] != test.want {
			t.Errorf("%s: %d %v", test.name, status, body)
		}
	}
}

func with2(t *testing.T, claims map[string]any, issued time.Time) url.Values {
	t.Helper()
	claims["iat"], claims["exp"] = issued.Unix(), issued.Add(time.Minute).Unix()
	return grant(assertion(t, goodHeader(), claims, nil))
}

func TestTokenSignature(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	byRSA := func(sum []byte) []byte {
		s, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, sum)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	byEC := func(sum []byte) []byte {
		r, s, err := ecdsa.Sign(rand.Reader, ecKey, sum)
		if err != nil {
			t.Fatal(err)
		}
		both := make([]byte, 64)
		r.FillBytes(both[:32])
		s.FillBytes(both[32:])
		return both
	}
	es := goodHeader()
	es["alg"] = "ES256"
	tests := []struct {
		name   string
		key    crypto.PublicKey
		jwt    string
		status int
	}{
		{"RS256", &rsaKey.PublicKey, assertion(t, goodHeader(), goodClaims(), byRSA), 200},
		{"ES256", &ecKey.PublicKey, assertion(t, es, goodClaims(), byEC), 200},
		{"nobody", &rsaKey.PublicKey, assertion(t, goodHeader(), goodClaims(), nil), 400},
		{"other key", &ecKey.PublicKey, assertion(t, goodHeader(), goodClaims(), byRSA), 400},
		{"nobody's ES256", &ecKey.PublicKey, assertion(t, es, goodClaims(), nil), 400},
		{"no key kind", "key", assertion(t, goodHeader(), goodClaims(), byRSA), 400},
	}
	for _, test := range tests {
		w := world(t, Options{Vendasta: VendastaOptions{Key: test.key}})
		if status, body := exchange(t, w, formType, grant(test.jwt)); status != test.status {
			t.Errorf("%s: %d %v", test.name, status, body)
		}
	}
}

func TestTokenFaults(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{EchoAuthorization: true, Fail: []Rule{{Operation: Token, Status: 503, Nth: 1}}}})
	good := grant(assertion(t, goodHeader(), goodClaims(), nil))
	status, body := exchange(t, w, formType, good)
	if status != 503 || !strings.Contains(body["error_description"].(string), "assertion=") {
		t.Errorf("%d %v", status, body)
	}
	if status, _ = exchange(t, w, formType, good); status != 200 {
		t.Errorf("second: %d", status)
	}
	fired(t, w, "status-503", 1)
	fired(t, w, "echo-authorization", 1)
}

// Tokens are bounded.
func TestTokensForgotten(t *testing.T) {
	var s tokenStore
	first := s.issue("v", epoch, time.Hour, nil)
	for range maxTokens {
		s.issue("v", epoch, time.Hour, nil)
	}
	if _, ok := s.scopes(first, epoch); ok || len(s.live.items) != maxTokens {
		t.Errorf("%d tokens", len(s.live.items))
	}
}
