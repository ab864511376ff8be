package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/sources"
)

// authorized is the Authorization header that an authenticator puts on.
func authorized(t *testing.T, a Authenticator) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = a.Authorize(t.Context(), request)
	return request.Header.Get("Authorization"), err
}

func TestBasic(t *testing.T) {
	secrets := &sources.Secrets{}
	a, err := Basic(sources.NewSecret("Aladdin"), sources.NewSecret("open sesame"), secrets)
	if err != nil {
		t.Fatal(err)
	}
	const pair = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==" // of RFC 7617
	if header, err := authorized(t, a); err != nil || header != "Basic "+pair {
		t.Errorf("%q, %v", header, err)
	}
	if a.Answered(nil, http.StatusUnauthorized) {
		t.Error("a refused password may do another time")
	}
	if text := fmt.Sprintf("%v %#v %s", a, a, secrets.Redact(pair)); strings.Contains(text, pair) {
		t.Errorf("is shown: %s", text)
	}
	for name, halves := range map[string][2]string{
		"no user": {"", "p"}, "no password": {"u", ""}, "a colon": {"u:v", "p"}, "two lines": {"u", "p\nq"}, "no UTF-8": {"u", "\xff"},
	} {
		if _, err := Basic(sources.NewSecret(halves[0]), sources.NewSecret(halves[1]), nil); !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTogether(t *testing.T) {
	first, _ := Headers(Header{Name: "X-Key", Value: sources.NewSecret("k")})
	broken := NewToken(nil, 0, nil) // a panic while it fetches
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
	if err := Together(broken, first).Authorize(t.Context(), request); err == nil || request.Header.Get("X-Key") != "" {
		t.Errorf("goes on after an error: %v", err)
	}
	bearer, _ := Bearer(sources.NewSecret("t"))
	both := Together(first, bearer)
	if err := both.Authorize(t.Context(), request); err != nil || request.Header.Get("X-Key") != "k" || request.Header.Get("Authorization") != "Bearer t" {
		t.Errorf("%v: %v", err, request.Header)
	}
	if both.Answered(request, http.StatusUnauthorized) {
		t.Error("a fixed token may do another time")
	}
}

// keyed is the token of an account key.
func keyed(t *testing.T, transport http.RoundTripper) *Token {
	t.Helper()
	also, err := Headers(Header{Name: "X-Subscription", Value: sources.NewSecret("sub")})
	if err != nil {
		t.Fatal(err)
	}
	token, err := NewAccountKey(AccountKey{
		URL: "https://apim.example.com/api/Accounts", Name: "accountKey", Key: sources.NewSecret("key-1"), Also: also,
		Header: map[string]string{"ApiVersion": "2.0"}, Transport: transport, Secrets: &sources.Secrets{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAccountKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.0000000Z")
		v := answers(reply(200, `{"token":"abc","expires":"`+ends+`"}`))
		token := keyed(t, v)
		for range 2 {
			if header, err := authorized(t, token); err != nil || header != "Bearer abc" {
				t.Fatalf("%q, %v", header, err)
			}
		}
		asked := v.requests()
		if len(asked) != 1 {
			t.Fatalf("%d requests for one token", len(asked))
		}
		if s := asked[0]; s.method != "POST" || s.url != "https://apim.example.com/api/Accounts" || s.body != `{"accountKey":"key-1"}` ||
			s.contentType != "application/json" || s.header.Get("X-Subscription") != "sub" || s.header.Get("ApiVersion") != "2.0" || s.auth != "" {
			t.Errorf("asked %+v", s)
		}
		time.Sleep(59*time.Minute + time.Second) // shortly before it ends
		if _, err := authorized(t, token); err != nil || len(v.requests()) != 2 {
			t.Errorf("%d requests, %v", len(v.requests()), err)
		}
	})
}

// The end of a token is told by the issuer's clock, and one that makes no sense is
// taken for a short life.
func TestAccountKeyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		stamp := func(at time.Time) string { return at.UTC().Format(time.RFC3339) }
		for name, test := range map[string]struct {
			expires string
			date    time.Time
			want    time.Duration
		}{
			"an hour":                  {stamp(now.Add(time.Hour)), now, time.Hour},
			"no clock":                 {stamp(now.Add(time.Hour)), time.Time{}, time.Hour},
			"a clock that is ahead":    {stamp(now.Add(3 * time.Hour)), now.Add(2 * time.Hour), time.Hour},
			"a clock that is behind":   {stamp(now.Add(-time.Hour)), now.Add(-2 * time.Hour), time.Hour},
			"over already":             {stamp(now.Add(-time.Hour)), now, 0},
			"no end":                   {"", now, 0},
			"an end that is no moment": {"soon", now, 0},
		} {
			x := newExchange(t.Context(), &url.URL{Host: "x"}, nil, 0, nil)
			x.read = accountAnswer
			var headers []string
			if !test.date.IsZero() {
				headers = []string{"Date", test.date.UTC().Format(http.TimeFormat)}
			}
			response, _ := reply(200, `{"token":"a","expires":"`+test.expires+`"}`, headers...)(nil)
			body, err := readBody(response, 1000)
			x.judge(response, body, err)
			if x.failure != nil || x.issued.Lifetime != test.want {
				t.Errorf("%s: %s, %v", name, x.issued.Lifetime, x.failure)
			}
		}
	})
}

func TestAccountKeyFailures(t *testing.T) {
	for name, test := range map[string]struct {
		step step
		kind Kind
	}{
		"refused":      {reply(401, `{"statusCode":401,"message":"hidden-value"}`), KindAuth},
		"not there":    {reply(404, ``), KindRefused},
		"busy":         {reply(429, ``, "Retry-After", "9"), KindRateLimited},
		"no token":     {reply(200, `{"message":"hidden-value"}`), KindAnswer},
		"a list":       {reply(200, `["hidden-value"]`), KindAnswer},
		"two lines":    {reply(200, `{"token":"hidden-value\n"}`), KindAnswer},
		"HTML":         {reply(200, `<html>hidden-value`), KindAnswer},
		"cut":          {cut, KindNetwork},
		"no answer":    {dialing, KindNetwork},
		"sent onwards": {reply(302, ``, "Location", "https://evil.example/"), KindRedirect},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := authorized(t, keyed(t, answers(test.step)))
			if e := failure(t, err); e.Kind != test.kind {
				t.Errorf("kind %q: %v", e.Kind, err)
			}
			if text := fmt.Sprintf("%v %#v", err, err); strings.Contains(text, "hidden-value") || strings.Contains(text, "key-1") {
				t.Errorf("tells too much: %s", text)
			}
		})
	}
	for _, bad := range []AccountKey{{URL: "http://apim.example.com/x", Key: sources.NewSecret("k")}, {URL: "https://apim.example.com/x"}, {URL: "https://apim.example.com/x", Key: sources.NewSecret("a\nb")}} {
		if _, err := NewAccountKey(bad); err == nil || strings.Contains(fmt.Sprintf("%v %#v", bad, bad), "a\nb") {
			t.Errorf("%s: %v", bad.URL, err)
		}
	}
}

func consented(transport http.RoundTripper) OAuth {
	return OAuth{
		TokenURL: "https://login.example.com/connect/token", ClientID: sources.NewSecret("client-1"), ClientSecret: sources.NewSecret("secret-1"),
		Transport: transport, Secrets: &sources.Secrets{},
	}
}

// form is what was posted.
func form(t *testing.T, s seen) url.Values {
	t.Helper()
	if s.method != http.MethodPost || s.url != "https://login.example.com/connect/token" || s.contentType != "application/x-www-form-urlencoded" || s.auth != "" {
		t.Errorf("asked %+v", s)
	}
	values, err := url.ParseQuery(s.body)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestRedeem(t *testing.T) {
	v := answers(reply(200, `{"access_token":"a","refresh_token":"r-1","expires_in":60}`))
	o := consented(v)
	token, err := o.Redeem(t.Context(), "code-1", "http://127.0.0.1:8000", "verifier-1")
	if err != nil || token.Reveal() != "r-1" {
		t.Fatalf("%q, %v", token.Reveal(), err)
	}
	if got := form(t, v.requests()[0]).Encode(); got != "client_id=client-1&client_secret=secret-1&code=code-1&code_verifier=verifier-1&grant_type=authorization_code&redirect_uri=http%3A%2F%2F127.0.0.1%3A8000" {
		t.Error(got)
	}
	for name, test := range map[string]struct {
		step step
		says string
	}{
		"refused":          {reply(400, `{"error":"invalid_grant","error_description":"hidden-value"}`), "invalid_grant"},
		"no refresh token": {reply(200, `{"access_token":"hidden-value"}`), "no refresh token that can be kept"},
		"two lines":        {reply(200, `{"access_token":"a","refresh_token":"hidden-value\n"}`), "no refresh token that can be kept"},
		"HTML":             {reply(200, `<html>hidden-value`), "no token"},
	} {
		v := answers(test.step)
		token, err := consented(v).Redeem(t.Context(), "code-1", "http://127.0.0.1:8000", "")
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(fmt.Sprintf("%v %#v", err, err), "hidden-value") || token.Reveal() != "" {
			t.Errorf("%s: %v", name, err)
		}
		if len(v.requests()) != 1 || form(t, v.requests()[0]).Has("code_verifier") {
			t.Errorf("%s: %d requests, a code is redeemed once", name, len(v.requests()))
		}
	}
}

// The newest refresh token is the one that is used, and a newer one is kept before the
// access token that it came with is used.
func TestRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		v := &vendor{answer: func(_ int, r *http.Request) (*http.Response, error) {
			n++
			newer := fmt.Sprintf(`,"refresh_token":"r-%d"`, n+1)
			if n == 2 {
				newer = "" // the issuer keeps the present one
			}
			return reply(200, fmt.Sprintf(`{"access_token":"a-%d","expires_in":600%s}`, n, newer))(r)
		}}
		kept := sources.MemorySecret(sources.NewSecret("r-1"))
		token, err := NewRefreshToken(consented(v), kept)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"r-1", "r-2", "r-2", "r-4"} {
			if header, err := authorized(t, token); err != nil || header != fmt.Sprintf("Bearer a-%d", i+1) {
				t.Fatalf("%q, %v", header, err)
			}
			got := form(t, v.requests()[i])
			if got.Get("refresh_token") != want || got.Get("grant_type") != "refresh_token" || got.Get("client_id") != "client-1" || got.Get("client_secret") != "secret-1" || len(got) != 4 {
				t.Errorf("asked with %v, want %s", got, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestRefreshTokenFailures(t *testing.T) {
	kept := sources.MemorySecret(sources.NewSecret("r-secret"))
	token, err := NewRefreshToken(consented(answers(reply(400, `{"error":"invalid_grant"}`))), kept)
	if err != nil {
		t.Fatal(err)
	}
	_, err = authorized(t, token)
	if e := failure(t, err); e.Kind != KindRefused || e.Code != "invalid_grant" || strings.Contains(err.Error(), "r-secret") {
		t.Error(err)
	}
	// A newer token that can not be kept is no token: the next run would have none.
	token, err = NewRefreshToken(consented(answers(reply(200, `{"access_token":"a","refresh_token":"r-2"}`))), unkeeping{})
	if err != nil {
		t.Fatal(err)
	}
	if header, err := authorized(t, token); !errors.Is(err, sources.ErrNotKept) || header != "" {
		t.Errorf("%q, %v", header, err)
	}
	for name, o := range map[string]OAuth{
		"http":       {TokenURL: "http://login.example.com/", ClientID: sources.NewSecret("c"), ClientSecret: sources.NewSecret("s")},
		"no client":  {TokenURL: "https://login.example.com/", ClientSecret: sources.NewSecret("s")},
		"two lines":  {TokenURL: "https://login.example.com/", ClientID: sources.NewSecret("c"), ClientSecret: sources.NewSecret("s\nt")},
		"no address": {ClientID: sources.NewSecret("c"), ClientSecret: sources.NewSecret("s")},
	} {
		if _, err := NewRefreshToken(o, kept); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}

// unkeeping is a secret whose newer value can not be stored.
type unkeeping struct{}

func (unkeeping) Exchange(ctx context.Context, use func(context.Context, sources.Secret) (sources.Secret, error)) error {
	if _, err := use(ctx, sources.NewSecret("r-1")); err != nil {
		return err
	}
	return sources.ErrNotKept
}

// Further headers are sent with every request, and with one call alone.
func TestHeaders(t *testing.T) {
	v := answers(reply(200, `{}`))
	c, err := New(Options{Provider: "x", BaseURL: base, Transport: v, Header: map[string]string{"ApiVersion": "2.0"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []Call{{Path: "/a"}, {Path: "/b", Header: map[string]string{"accept-charges": "true"}}} {
		if _, err := c.Read(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"", "true"} {
		if h := v.requests()[i].header; h.Get("ApiVersion") != "2.0" || h.Get("Accept-Charges") != want {
			t.Errorf("request %d has %v", i+1, h)
		}
	}
}

// What a vendor tells of its limit is kept, as it told it last; prose is not.
func TestRateHeaders(t *testing.T) {
	v := answers(
		reply(200, `{}`, "X-RateLimit-Remaining", "10", "RateLimit-Policy", "100;w=60"),
		reply(200, `{}`, "X-RateLimit-Remaining", "9", "X-Rate-Limit-Reset", "17", "X-RateLimit-Note", "write to ana@example.com"),
	)
	c, err := New(Options{Provider: "x", BaseURL: base, Transport: v})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RateHeaders(); len(got) != 0 {
		t.Error(got)
	}
	for range 2 {
		if _, err := c.Read(t.Context(), Call{Path: "/a"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(c.RateHeaders()); got != "map[Ratelimit-Policy:100;w=60 X-Rate-Limit-Reset:17 X-Ratelimit-Remaining:9]" {
		t.Error(got)
	}
}

// What can not be sent is told before anything is, and not shown.
func TestSendable(t *testing.T) {
	for value, can := range map[string]bool{"k-1": true, "k 1": true, "": false, " k-hidden": false, "k-hidden\n": false, "k-hidden\u2026": false} {
		err := Sendable(sources.NewSecret(value))
		if (err == nil) != can || err != nil && (!errors.Is(err, ErrCredentials) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// The code of a failed call is the vendor's, and not that of a login.
func TestCode(t *testing.T) {
	refused := &Error{Kind: KindRefused, Status: 400, Code: "TenantNotPrimary"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{refused, "TenantNotPrimary"},
		{fmt.Errorf("reading: %w", refused), "TenantNotPrimary"},
		{errors.New("x"), ""},
		{nil, ""},
		{&Error{Kind: KindAuth, Err: &Error{Code: "invalid_grant"}}, ""},
	} {
		if got := Code(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}
