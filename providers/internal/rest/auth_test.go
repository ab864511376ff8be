package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/sources"
)

// numbered issues token-1, token-2, … and counts them.
type numbered struct {
	mu       sync.Mutex
	n        int
	takes    time.Duration
	lifetime time.Duration
	fail     func(n int) error
}

func (i *numbered) fetch(ctx context.Context) (Issued, error) {
	i.mu.Lock()
	i.n++
	n := i.n
	i.mu.Unlock()
	if err := sleep(ctx, i.takes); err != nil {
		return Issued{}, err
	}
	if i.fail != nil {
		if err := i.fail(n); err != nil {
			return Issued{}, err
		}
	}
	return Issued{Token: fmt.Sprintf("token-%d", n), Lifetime: i.lifetime}, nil
}

// accepting answers 401 to every token but those given.
func accepting(tokens ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		for _, token := range tokens {
			if r.Header.Get("Authorization") == "Bearer "+token {
				return ok(r)
			}
		}
		return reply(401, "", "X-Request-Id", "req-401")(r)
	}
}

func with(a Authenticator) func(*Options) { return func(o *Options) { o.Authenticator = a } }

func TestFixedHeaders(t *testing.T) {
	var secrets sources.Secrets
	key, user := secretValue(t, &secrets, "key-123456"), secretValue(t, &secrets, "robot")
	bearer, err := Bearer(key)
	if err != nil {
		t.Fatal(err)
	}
	header, err := Headers(Header{Name: "x-APIKey", Value: key}, Header{Name: "x-Account", Value: user})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		authenticator Authenticator
		name, want    string
	}{
		{bearer, "Authorization", "Bearer key-123456"},
		{header, "X-Apikey", "key-123456"},
		{header, "X-Account", "robot"},
	} {
		v := answers(ok)
		if _, err := client(t, v, with(test.authenticator)).Read(t.Context(), Call{Path: "/users"}); err != nil {
			t.Fatal(err)
		}
		if got := v.asked[0].header.Get(test.name); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if printed := fmt.Sprintf("%v %+v %#v", test.authenticator, test.authenticator, test.authenticator); strings.Contains(printed, test.want) {
			t.Errorf("printed: %s", printed)
		}
	}
	_, err = Bearer(secretValue(t, &secrets, "two\nlines"))
	if !errors.Is(err, ErrCredentials) || strings.Contains(err.Error(), "lines\"") {
		t.Errorf("a token of two lines: %v", err)
	}
}

// TestFixedCredentialsRefused: one 401, and nothing is sent any more.
func TestFixedCredentialsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var secrets sources.Secrets
		bearer, _ := Bearer(secretValue(t, &secrets, "key-123456"))
		v := answers(reply(401, "", "X-Request-Id", "req-1"))
		c := client(t, v, with(bearer))
		_, first := c.Read(t.Context(), Call{Path: "/users"})
		for name, call := range calls(c) {
			_, err := call(t.Context(), Call{Path: "/users/U-1"})
			e := failure(t, err)
			if e.Kind != KindAuth || e.Attempts != 0 || e.OutcomeUnknown || !strings.Contains(e.Error(), "req-1") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if e := failure(t, first); e.Kind != KindAuth || e.Status != 401 || len(v.asked) != 1 {
			t.Errorf("%d requests, %v", len(v.asked), first)
		}
	})
}

// TestQueueStopsWhenRefused: those who wait for their slot send nothing either.
func TestQueueStopsWhenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var secrets sources.Secrets
		bearer, _ := Bearer(secretValue(t, &secrets, "key-123456"))
		v := answers(reply(401, ""))
		v.takes = time.Second
		c := client(t, v, with(bearer), func(o *Options) { o.Concurrency = 2 })
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { _, _ = c.Read(t.Context(), Call{Path: "/users"}) })
		}
		group.Wait()
		if len(v.asked) != 2 {
			t.Errorf("%d requests", len(v.asked))
		}
	})
}

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &numbered{lifetime: time.Hour}
		var revoked sync.Map
		v := answers(func(r *http.Request) (*http.Response, error) {
			if _, gone := revoked.Load(r.Header.Get("Authorization")); gone {
				return reply(401, "")(r)
			}
			return ok(r)
		})
		v.takes = time.Second
		c := client(t, v, with(NewToken(issuer.fetch, 0, nil)))
		// Many callers meet the revoked token together: one renewal serves all.
		for round := 1; round <= 3; round++ {
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					if _, err := c.Write(t.Context(), Call{Path: "/users/U-1", Method: "PATCH"}); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if issuer.n != round {
				t.Errorf("round %d: %d tokens", round, issuer.n)
			}
			revoked.Store(fmt.Sprintf("Bearer token-%d", round), true)
		}
		// A WriteOnce is not repeated, but the renewal is made.
		before := len(v.asked)
		_, err := c.WriteOnce(t.Context(), Call{Path: "/users", Method: "POST"})
		if e := failure(t, err); e.Kind != KindAuth || e.OutcomeUnknown || e.Attempts != 1 || len(v.asked) != before+1 {
			t.Errorf("%d requests: %v", len(v.asked)-before, err)
		}
		if _, err := c.WriteOnce(t.Context(), Call{Path: "/users", Method: "POST"}); err != nil || issuer.n != 4 {
			t.Errorf("afterwards, with %d tokens: %v", issuer.n, err)
		}
	})
}

// TestRefusedAfterRenewal: a new token that is refused too ends it for everybody.
func TestRefusedAfterRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &numbered{lifetime: time.Hour}
		v := answers(accepting())
		c := client(t, v, with(NewToken(issuer.fetch, 0, nil)))
		_, err := c.Read(t.Context(), Call{Path: "/users"})
		if e := failure(t, err); e.Kind != KindAuth || e.Status != 401 || e.Attempts != 2 || issuer.n != 2 {
			t.Errorf("%d tokens, %v", issuer.n, err)
		}
		_, err = c.Write(t.Context(), Call{Path: "/users/U-1"})
		if e := failure(t, err); e.Kind != KindAuth || e.Attempts != 0 || len(v.asked) != 2 || issuer.n != 2 {
			t.Errorf("afterwards: %d requests, %d tokens, %v", len(v.asked), issuer.n, err)
		}
	})
}

// TestOneEndpointRefuses: where one endpoint answers 401 to a token that others
// accept, a call there renews once and ends, and the others go on.
func TestOneEndpointRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &numbered{lifetime: time.Hour}
		other := make(chan struct{}, 1)
		var c *Client
		v := answers(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/odd") {
				return ok(r)
			}
			select {
			case other <- struct{}{}:
			default: // the renewed token is accepted elsewhere before it is refused here
				_, _ = c.Read(t.Context(), Call{Path: "/users"})
			}
			return reply(401, "")(r)
		})
		c = client(t, v, with(NewToken(issuer.fetch, 0, nil)))
		_, err := c.Read(t.Context(), Call{Path: "/odd"})
		if e := failure(t, err); e.Kind != KindAuth || e.Attempts != 2 || issuer.n != 2 {
			t.Errorf("%d tokens: %v", issuer.n, err)
		}
		if _, err := c.Read(t.Context(), Call{Path: "/users"}); err != nil {
			t.Error(err)
		}
	})
}

// TestTokenEndpointRefuses: a definitive answer is not asked for again; its
// status is never taken for the vendor's.
func TestTokenEndpointRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{400, 401, 403, 404} {
			kind, _ := judge(status)
			issuer := &numbered{fail: func(int) error {
				return &Error{Method: "POST", Path: "sso.example.com/token", Kind: kind, Status: status}
			}}
			v := answers(ok)
			c := client(t, v, with(NewToken(issuer.fetch, 0, nil)))
			for range 3 {
				_, err := c.WriteOnce(t.Context(), Call{Path: "/users/U-1"})
				if e := failure(t, err); e.Kind != KindAuth || Status(err) != 0 || e.OutcomeUnknown {
					t.Errorf("%d: status %d, %v", status, Status(err), err)
				}
			}
			if issuer.n != 1 || len(v.asked) != 0 {
				t.Errorf("%d: %d token requests, %d requests", status, issuer.n, len(v.asked))
			}
		}
	})
}

// TestTokenRetries: what may pass is tried again by the client, for every class,
// as long as nothing was sent; the wait is everybody's.
func TestTokenRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, class := range map[string]int{"read": 0, "write": 1, "once": 2} {
			issuer := &numbered{lifetime: time.Hour, takes: time.Second, fail: func(n int) error {
				return []error{
					nil,
					&Error{Kind: KindUnavailable, Status: 503},
					&Error{Kind: KindNetwork},
					&Error{Kind: KindRateLimited, Status: 429, retryAfter: 100 * time.Second}, nil,
				}[n]
			}}
			v := answers(ok)
			c := client(t, v, with(NewToken(issuer.fetch, 0, nil)), func(o *Options) { o.Retries = 3 })
			begun := time.Now()
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					call := []func(context.Context, Call) (*Response, error){c.Read, c.Write, c.WriteOnce}[class]
					if _, err := call(t.Context(), Call{Path: "/users"}); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			group.Wait()
			if issuer.n != 4 || len(v.asked) != 10 || time.Since(begun) != 105500*time.Millisecond {
				t.Errorf("%s: %d token requests, %d requests, %s", name, issuer.n, len(v.asked), time.Since(begun))
			}
		}
	})
}

func TestTokenExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &numbered{fail: func(int) error { return &Error{Method: "POST", Path: "sso/token", Kind: KindUnavailable, Status: 503} }}
		v := answers(ok)
		_, err := client(t, v, with(NewToken(issuer.fetch, 0, nil))).Write(t.Context(), Call{Path: "/users/U-1"})
		e := failure(t, err)
		if e.Kind != KindUnavailable || e.OutcomeUnknown || e.Attempts != 0 || Status(err) != 0 || issuer.n != 5 {
			t.Errorf("%d token requests: %v", issuer.n, err)
		}
		if want := "vendasta: GET /users/U-1: unavailable: no credentials: POST sso/token: 503 Service Unavailable"; err.Error() != want {
			t.Errorf("got %q", err)
		}
	})
}
