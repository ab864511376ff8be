package vendasta

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// rsaKey is made once: making keys takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pkcs1(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// credentials is a key file as [G-AUTH] describes it, with changes: a path with
// dots and its value, nil deleting the member.
func credentials(t *testing.T, key string, changes ...any) string {
	t.Helper()
	file := map[string]any{
		"type": "service_account", "private_key_id": "k-1", "private_key": key,
		"client_email":         "robot@partner-service-account.apigateway.co",
		"token_uri":            Kind().TokenURL,
		"assertionHeaderData":  map[string]any{"alg": "RS256", "kid": "k-1"},
		"assertionPayloadData": map[string]any{"aud": "https://iam-prod.apigateway.co", "iss": "robot@partner-service-account.apigateway.co", "sub": "subject@partner-service-account.apigateway.co"},
	}
	for i := 0; i < len(changes); i += 2 {
		object := file
		path := strings.Split(changes[i].(string), ".")
		for _, name := range path[:len(path)-1] {
			object = object[name].(map[string]any)
		}
		if name := path[len(path)-1]; changes[i+1] == nil {
			delete(object, name)
		} else {
			object[name] = changes[i+1]
		}
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func withAccount(text string) func(*providers.Settings) {
	return func(s *providers.Settings) {
		s.Config.Auth = map[string]sources.SecretRef{"serviceAccount": {File: "vendasta-key.json"}}
		s.Auth = map[string]sources.Secret{"serviceAccount": sources.NewSecret(text)}
	}
}

// An issuer is the token endpoint and the API behind it.
type issuer struct {
	t        *testing.T
	lifetime string // expires_in as it is written, "" for none
	tokenURL string
	refuse   int // requests to the API that are answered with 401 whatever they hold

	mu     sync.Mutex
	issued int
	used   []string // the tokens of the API's requests
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if at := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path; at != i.tokenURL {
		if r.URL.Host != "prod.apigateway.co" {
			i.t.Errorf("a request to %s", at)
		}
		i.used = append(i.used, r.Header.Get("Authorization"))
		if i.refuse > 0 {
			i.refuse--
			return vendor.Reply(i.t, r, step{Status: 401, Answer: "error-401.json"}), nil
		}
		return vendor.Reply(i.t, r, step{Status: 200, Answer: "search-empty-response.json"}), nil
	}
	i.issued++
	i.check(r)
	answer := fmt.Sprintf(`{"access_token":"issued-%d","token_type":"Bearer"%s}`, i.issued, i.lifetime)
	return vendor.Reply(i.t, r, step{Status: 200, Answer: answer, Media: "application/json"}), nil
}

// check verifies the assertion as the vendor documents it ([G-AUTH]).
func (i *issuer) check(r *http.Request) {
	t := i.t
	form, err := url.ParseQuery(string(vendortest.Sent(t, r)))
	if err != nil || len(form) != 2 || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("form %v %v", form, err)
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("Authorization") != "" {
		t.Errorf("%s with %v", r.Method, r.Header)
	}
	parts := strings.Split(form.Get("assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("the assertion has %d parts", len(parts))
	}
	part := func(n int) []byte {
		data, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err != nil {
			t.Error(err)
		}
		return data
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, sum[:], part(2)); err != nil {
		t.Errorf("the signature: %v", err)
	}
	header := vendortest.Decoded(t, part(0)).(map[string]any)
	if header["alg"] != "RS256" || header["kid"] != "k-1" || header["aud"] != nil {
		t.Errorf("header %v", header)
	}
	var claims struct {
		Aud, Iss, Sub, Scope string
		Iat, Exp             int64
	}
	if err := json.Unmarshal(part(1), &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Aud != "https://iam-prod.apigateway.co" || claims.Iss != "robot@partner-service-account.apigateway.co" ||
		claims.Sub != "subject@partner-service-account.apigateway.co" || claims.Scope != "user.admin" {
		t.Errorf("claims %+v", claims)
	}
	now := time.Now().Unix()
	if claims.Iat > now || claims.Iat < now-60 || claims.Exp <= now || claims.Exp-claims.Iat > 600 {
		t.Errorf("iat %d, exp %d, now %d", claims.Iat, claims.Exp, now)
	}
}

func lookFor(t *testing.T, c *providers.Connection) error {
	t.Helper()
	_, err := c.Reader.Search(t.Context(), "ana@example.com")
	return err
}

func TestServiceAccount(t *testing.T) {
	const other = "https://sso.example.com/oauth2/token"
	for _, test := range []struct {
		name     string
		key      string
		changes  []any
		tokenURL string // of rollcall.yaml
		want     string // where the token comes from
	}{
		{"PKCS #1", pkcs1(rsaKey()), nil, "", Kind().TokenURL},
		{"PKCS #8", pkcs8(t, rsaKey()), nil, "", Kind().TokenURL},
		{"token_uri of the file", pkcs1(rsaKey()), []any{"token_uri", other}, "", other},
		{"tokenURL beats token_uri", pkcs1(rsaKey()), []any{"token_uri", "https://sso-api-demo.apigateway.co/oauth2/token"}, other, other},
		{"no token_uri", pkcs1(rsaKey()), []any{"token_uri", nil}, "", Kind().TokenURL},
		{"no alg", pkcs1(rsaKey()), []any{"assertionHeaderData.alg", nil}, "", Kind().TokenURL},
	} {
		t.Run(test.name, func(t *testing.T) {
			tokens := &issuer{t: t, lifetime: `,"expires_in":1800`, tokenURL: test.want}
			c := vendor.Connect(t, tokens, withAccount(credentials(t, test.key, test.changes...)), func(s *providers.Settings) { s.Config.TokenURL = test.tokenURL })
			if tokens.issued != 0 {
				t.Error("a token was fetched before one was needed")
			}
			for range 3 {
				if err := lookFor(t, c); err != nil {
					t.Fatal(err)
				}
			}
			if tokens.issued != 1 || len(tokens.used) != 3 || tokens.used[2] != "Bearer issued-1" {
				t.Errorf("%d tokens for %v", tokens.issued, tokens.used)
			}
		})
	}
}

// A token is used until shortly before it ends; one whose end is not said, for
// five minutes less a tenth.
func TestTokenLifetime(t *testing.T) {
	for name, test := range map[string]struct {
		lifetime string
		lasts    time.Duration
	}{
		"said": {`,"expires_in":1800`, 29 * time.Minute}, "not said": {"", 4*time.Minute + 30*time.Second},
		"as a text": {`,"expires_in":"600"`, 9 * time.Minute}, "nonsense": {`,"expires_in":[]`, 4*time.Minute + 30*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			file := credentials(t, pkcs1(rsaKey()))
			synctest.Test(t, func(t *testing.T) {
				tokens := &issuer{t: t, lifetime: test.lifetime, tokenURL: Kind().TokenURL}
				c := vendor.Connect(t, tokens, withAccount(file))
				for _, at := range []struct {
					wait   time.Duration
					issued int
				}{{0, 1}, {test.lasts - time.Second, 1}, {time.Second, 2}} {
					time.Sleep(at.wait)
					if err := lookFor(t, c); err != nil || tokens.issued != at.issued {
						t.Errorf("after %s: %d tokens, %v", at.wait, tokens.issued, err)
					}
				}
			})
		})
	}
}

// After a 401 a new token is fetched once; if that is refused too, nothing is
// sent any more, and the error says where the credentials come from.
func TestTokenRefused(t *testing.T) {
	tokens := &issuer{t: t, tokenURL: Kind().TokenURL, refuse: 1}
	c := vendor.Connect(t, tokens, withAccount(credentials(t, pkcs1(rsaKey()))))
	if err := lookFor(t, c); err != nil || strings.Join(tokens.used, " ") != "Bearer issued-1 Bearer issued-2" {
		t.Fatalf("%v %v", tokens.used, err)
	}
	tokens.refuse = 100
	err := lookFor(t, c)
	if !providers.CredentialsRefused(err) || providers.Remedy(err) != "look at file vendasta-key.json" || tokens.issued != 3 {
		t.Fatalf("%d tokens, %v, remedy %q", tokens.issued, err, providers.Remedy(err))
	}
	sent := len(tokens.used)
	if err := lookFor(t, c); !providers.CredentialsRefused(err) || len(tokens.used) != sent || tokens.issued != 3 {
		t.Errorf("%d requests and %d tokens more, %v", len(tokens.used)-sent, tokens.issued-3, err)
	}
}

// What the token endpoint refuses is the credentials' fault and nobody's
// absence.
func TestTokenEndpointRefuses(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404} {
		c := vendor.Connect(t, vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "prod.apigateway.co" {
				t.Error("the API was asked without a token")
			}
			return vendor.Reply(t, r, step{Status: status, Answer: `{"error":"invalid_grant","error_description":"secret words"}`, Media: "application/json"}), nil
		}), withAccount(credentials(t, pkcs1(rsaKey()))))
		_, err := c.Reader.Get(t.Context(), userID)
		if !providers.CredentialsRefused(err) || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "secret words") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Credentials that can not be used are refused before anything is sent; the
// error names the file and what is wrong, and shows nothing of the key.
func TestUnusableCredentials(t *testing.T) {
	good := pkcs1(rsaKey())
	body := strings.Split(good, "\n")[3]
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, file, says string }{
		{"no JSON", good, "is not the JSON key file of a service account"},
		{"cut JSON", credentials(t, good)[:900], "is not the JSON key file"},
		{"a list", "[]", "is not the JSON key file"},
		{"a member of another type", strings.Replace(credentials(t, good), `"kid":"k-1"`, `"kid":7`, 1), "is not the JSON key file"},
		{"private_key", credentials(t, good, "private_key", nil), "lacks private_key:"},
		{"aud", credentials(t, good, "assertionPayloadData.aud", nil), "lacks assertionPayloadData.aud:"},
		{"iss", credentials(t, good, "assertionPayloadData.iss", ""), "lacks assertionPayloadData.iss:"},
		{"sub", credentials(t, good, "assertionPayloadData.sub", nil), "lacks assertionPayloadData.sub:"},
		{"kid", credentials(t, good, "assertionHeaderData.kid", nil), "lacks assertionHeaderData.kid:"},
		{"several", credentials(t, good, "assertionHeaderData", nil, "assertionPayloadData", nil), "lacks assertionPayloadData.aud, assertionPayloadData.iss, assertionPayloadData.sub, assertionHeaderData.kid:"},
		{"an empty object", "{}", "lacks private_key, "},
		{"ES256", credentials(t, pkcs8(t, curve), "assertionHeaderData.alg", "ES256"), "another algorithm than RS256: generate an RS256 key"},
		{"an EC key that says RS256", credentials(t, pkcs8(t, curve)), "not an RSA key: make one for RS256"},
		{"no PEM", credentials(t, strings.ReplaceAll(good, "-----", "")), "not PEM"},
		{"cut PEM", credentials(t, good[:len(good)/2]), "not PEM"},
		{"PEM of something else", credentials(t, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte(body)}))), "can not be read"},
		{"token_uri over http", credentials(t, good, "token_uri", "http://sso-api-prod.apigateway.co/oauth2/token"), "token_uri: "},
		{"token_uri is no URL", credentials(t, good, "token_uri", "sso"), "token_uri: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := vendor.Open(vendor.Plays(t), withAccount(test.file))
			_, err := Kind().Connect(t.Context(), s)
			if err == nil || !strings.HasPrefix(err.Error(), "file vendasta-key.json: ") || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error %v", err)
			}
			for n := 0; n+8 <= len(body); n += 4 {
				if strings.Contains(err.Error(), body[n:n+8]) {
					t.Errorf("the error shows a part of the key: %v", err)
				}
			}
		})
	}
}

func TestStaticToken(t *testing.T) {
	with := func(value string) func(*providers.Settings) {
		return func(s *providers.Settings) { s.Auth = map[string]sources.Secret{"token": sources.NewSecret(value)} }
	}
	for _, value := range []string{"", "a\nb"} {
		if _, err := Kind().Connect(t.Context(), vendor.Open(vendor.Plays(t), with(value))); err == nil || !strings.HasPrefix(err.Error(), "environment variable VENDASTA_TOKEN: ") {
			t.Errorf("%q: %v", value, err)
		}
	}
	// Its 401 is final: there is nothing to renew it with.
	c := vendor.Connect(t, vendor.Plays(t, search("ana@example.com").Refuses(401, "error-401.json")))
	for range 2 {
		if err := lookFor(t, c); !providers.CredentialsRefused(err) || providers.Remedy(err) != "look at environment variable VENDASTA_TOKEN" {
			t.Errorf("%v, remedy %q", err, providers.Remedy(err))
		}
	}
}

func TestOpenRefusesAddresses(t *testing.T) { vendor.RefusesAddresses(t) }

func TestRate(t *testing.T) {
	vendor.KeepsRate(t, vendortest.Search("ana@example.com"), step{Status: 200, Answer: "search-empty-response.json"}, 2*time.Second)
}

// The service account is told by its key file, without a request; whose a token is, by
// nothing.
func TestSelf(t *testing.T) {
	unsent := vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
		t.Errorf("asked for %s", r.URL)
		return nil, http.ErrNotSupported
	})
	user, err := vendor.Connect(t, unsent, withAccount(credentials(t, pkcs1(rsaKey())))).Self(t.Context())
	if err != nil || user.Email != "subject@partner-service-account.apigateway.co" || user.ID != "" {
		t.Errorf("%+v, %v", user, err)
	}
	if user, err := vendor.Connect(t, unsent).Self(t.Context()); !errors.Is(err, providers.ErrAbsent) {
		t.Errorf("%+v, %v", user, err)
	}
}
