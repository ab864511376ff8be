package rest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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

	"golang.org/x/oauth2/jws" //nolint:staticcheck // what the package under test signs with

	"rollcall/sources"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func grant(transport http.RoundTripper) JWTBearer {
	return JWTBearer{
		TokenURL: "https://sso.example.com/oauth2/token", Issuer: "robot@example.com", Subject: "robot@example.com",
		Audience: "https://iam.example.com", KeyID: "kid-1", Scopes: []string{"user.admin", "user.list"},
		PrivateKeyPEM: pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey())), Transport: transport,
	}
}

// fetched runs one authorization against the token endpoint.
func fetched(t *testing.T, g JWTBearer) (string, error) {
	t.Helper()
	token, err := NewJWTBearer(g)
	if err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
	err = token.Authorize(t.Context(), request)
	return request.Header.Get("Authorization"), err
}

func TestAssertion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(200, `{"access_token":"abc.def","token_type":"bearer","expires_in":3600,"refresh_token":"r","id_token":"not a JWT"}`))
		header, err := fetched(t, grant(v))
		if err != nil || header != "Bearer abc.def" {
			t.Fatalf("%q, %v", header, err)
		}
		asked := v.asked[0]
		if asked.method != "POST" || asked.url != "https://sso.example.com/oauth2/token" || asked.contentType != "application/x-www-form-urlencoded" {
			t.Errorf("asked %+v", asked)
		}
		form, _ := url.ParseQuery(asked.body)
		if form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(form) != 2 {
			t.Errorf("form %v", form)
		}
		assertion := form.Get("assertion")
		if err := jws.Verify(assertion, &testKey().PublicKey); err != nil {
			t.Error(err)
		}
		var head map[string]string
		var claims struct {
			Iss, Sub, Aud, Scope string
			Iat, Exp             int64
		}
		for i, into := range []any{&head, &claims} {
			part, _ := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[i])
			if err := json.Unmarshal(part, into); err != nil {
				t.Error(err)
			}
		}
		if head["alg"] != "RS256" || head["kid"] != "kid-1" || head["typ"] != "JWT" {
			t.Errorf("header %v", head)
		}
		if claims.Iss != "robot@example.com" || claims.Sub != "robot@example.com" || claims.Aud != "https://iam.example.com" || claims.Scope != "user.admin user.list" {
			t.Errorf("claims %+v", claims)
		}
		if claims.Exp-claims.Iat != 600 || claims.Iat != time.Now().Add(-10*time.Second).Unix() {
			t.Errorf("iat %d, exp %d, now %d", claims.Iat, claims.Exp, time.Now().Unix())
		}
	})
}

func TestTokenLifetimes(t *testing.T) {
	for member, want := range map[string]time.Duration{
		``: 0, `,"expires_in":3600`: time.Hour, `,"expires_in":"3600"`: time.Hour, `,"expires_in":3600.0`: time.Hour,
		`,"expires_in":0`: 0, `,"expires_in":-1`: 0, `,"expires_in":null`: 0, `,"expires_in":"soon"`: 0, `,"expires_in":{}`: 0,
		`,"expires_in":1e300`: 24 * time.Hour,
	} {
		x := newExchange(t.Context(), &url.URL{Host: "sso.example.com"}, nil, 0, nil)
		response, _ := reply(200, `{"access_token":"a"`+member+`}`)(nil)
		body, err := readBody(response, 1000)
		x.judge(response, body, err)
		if x.failure != nil || x.issued.Lifetime != want {
			t.Errorf("%q: %s, %v", member, x.issued.Lifetime, x.failure)
		}
	}
}

// TestTokenFailures: each kind of failure, and nothing of the body in any.
func TestTokenFailures(t *testing.T) {
	const hidden = "hidden-value"
	for name, test := range map[string]struct {
		step  step
		kind  Kind
		code  string
		after time.Duration
	}{
		"refused":       {reply(400, `{"error":"invalid_grant","error_description":"`+hidden+`"}`), KindRefused, "invalid_grant", 0},
		"odd code":      {reply(400, `{"error":"`+hidden+` with words"}`), KindRefused, "", 0},
		"error object":  {reply(401, `{"error":{"message":"`+hidden+`"}}`), KindAuth, "", 0},
		"rate limited":  {reply(429, hidden, "Retry-After", "77"), KindRateLimited, "", 77 * time.Second},
		"broken":        {reply(502, "<html>"+hidden), KindUnavailable, "", 0},
		"unavailable":   {reply(503, "", "Retry-After", "5"), KindUnavailable, "", 5 * time.Second},
		"redirect":      {reply(307, "", "Location", "https://evil.example/"+hidden), KindRedirect, "", 0},
		"html":          {reply(200, "<html>"+hidden, "Content-Type", "text/html"), KindAnswer, "", 0},
		"no token":      {reply(200, `{"message":"`+hidden+`"}`), KindAnswer, "", 0},
		"mac token":     {reply(200, `{"access_token":"`+hidden+`","token_type":"mac"}`), KindAnswer, "", 0},
		"two lines":     {reply(200, `{"access_token":"`+hidden+`\n"}`), KindAnswer, "", 0},
		"too large":     {reply(200, `{"x":"`+strings.Repeat(hidden, 100000)+`"}`), KindAnswer, "", 0},
		"cut":           {cut, KindNetwork, "", 0},
		"not connected": {dialing, KindNetwork, "", 0},
		"odd error":     {fails(errors.New(hidden)), KindNetwork, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := answers(test.step)
			_, err := fetched(t, grant(v))
			e := failure(t, err)
			if e.Kind != test.kind || e.Code != test.code || e.retryAfter != test.after {
				t.Errorf("kind %q, code %q, after %s: %v", e.Kind, e.Code, e.retryAfter, err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, *e, *e); strings.Contains(text, hidden) || strings.Contains(text, "assertion=") {
				t.Errorf("the error tells too much: %s", text)
			}
			if len(v.asked) != 1 {
				t.Errorf("%d requests", len(v.asked))
			}
		})
	}
}

// TestTokenTimeout: x/oauth2 itself would post without any context.
func TestTokenTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := grant(answers(hangs))
		g.Timeout = 7 * time.Second
		begun := time.Now()
		_, err := fetched(t, g)
		if e := failure(t, err); e.Kind != KindNetwork || time.Since(begun) != 7*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		token, _ := NewJWTBearer(g)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
		if err := token.Authorize(short, request); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("canceled after %s: %v", time.Since(begun), err)
		}
	})
}

func TestKeys(t *testing.T) {
	key := testKey()
	pkcs1 := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	der8, _ := x509.MarshalPKCS8PrivateKey(key)
	pkcs8 := pemOf("PRIVATE KEY", der8)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecDER, _ := x509.MarshalECPrivateKey(curve)
	ec8, _ := x509.MarshalPKCS8PrivateKey(curve)
	for name, text := range map[string][]byte{
		"PKCS #1": pkcs1, "PKCS #8": pkcs8, "escaped line breaks": []byte(strings.ReplaceAll(string(pkcs1), "\n", `\n`)),
		"blanks around": []byte("\n  " + string(pkcs8) + "\n\n"),
	} {
		g := grant(nil)
		g.PrivateKeyPEM = text
		if _, err := NewJWTBearer(g); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	half := string(pkcs1)[:len(pkcs1)/2]
	for name, text := range map[string]string{
		"empty": "", "not PEM": "hidden-key-material", "half": half, "half with an end": half + "\n-----END RSA PRIVATE KEY-----\n",
		"garbage": string(pemOf("PRIVATE KEY", []byte("hidden-key-material"))),
		"EC":      string(pemOf("EC PRIVATE KEY", ecDER)), "EC in PKCS #8": string(pemOf("PRIVATE KEY", ec8)),
		"encrypted": string(pemOf("ENCRYPTED PRIVATE KEY", der8)),
	} {
		g := grant(nil)
		g.PrivateKeyPEM = []byte(text)
		_, err := NewJWTBearer(g)
		if !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(err.Error()) > 120 || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s tells too much: %v", name, err)
		}
		if printed := fmt.Sprintf("%v %+v %#v", g, g, g); text != "" && strings.Contains(printed, "PRIVATE") {
			t.Errorf("%s is printed", name)
		}
	}
	for name, change := range map[string]func(*JWTBearer){
		"http":      func(g *JWTBearer) { g.TokenURL = "http://sso.example.com/token" },
		"no url":    func(g *JWTBearer) { g.TokenURL = "" },
		"no issuer": func(g *JWTBearer) { g.Issuer = "" },
	} {
		g := grant(nil)
		change(&g)
		if _, err := NewJWTBearer(g); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestServiceAccount goes all the way: token, call, expiry, refusal.
func TestServiceAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var secrets sources.Secrets
		tokens, gone := 0, false
		v := answers(func(r *http.Request) (*http.Response, error) {
			switch {
			case r.URL.Host == "sso.example.com" && gone:
				return reply(400, `{"error":"invalid_grant"}`)(r)
			case r.URL.Host == "sso.example.com":
				if r.Header.Get("Authorization") != "" {
					t.Error("the token endpoint got an access token")
				}
				tokens++
				return reply(200, fmt.Sprintf(`{"access_token":"token-%d","expires_in":1800}`, tokens))(r)
			case r.Header.Get("Authorization") == fmt.Sprintf("Bearer token-%d", tokens) && !gone:
				return ok(r)
			}
			return reply(401, "")(r)
		})
		g := grant(v)
		g.Secrets = &secrets
		token, err := NewJWTBearer(g)
		if err != nil {
			t.Fatal(err)
		}
		c := client(t, v, with(token), func(o *Options) { o.Secrets = &secrets })
		for range 3 {
			if _, err := c.Read(t.Context(), Call{Path: "/users"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Minute)
		}
		if tokens != 2 {
			t.Errorf("%d tokens in an hour", tokens)
		}
		gone = true
		_, err = c.Write(t.Context(), Call{Path: "/users/U-1"})
		if e := failure(t, err); e.Kind != KindAuth || !strings.Contains(err.Error(), "invalid_grant") || e.OutcomeUnknown {
			t.Error(err)
		}
		n := len(v.asked)
		_, err = c.Read(t.Context(), Call{Path: "/users"})
		if e := failure(t, err); e.Kind != KindAuth || len(v.asked) != n {
			t.Errorf("%d requests more: %v", len(v.asked)-n, err)
		}
	})
}
