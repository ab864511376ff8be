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

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// TestTokenIsRenewedInTime: before its last minute, or its last tenth.
func TestTokenIsRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for lifetime, used := range map[time.Duration]time.Duration{
			time.Hour: 59 * time.Minute, 100 * time.Second: 90 * time.Second,
			0: assumedLifetime - 30*time.Second, 1000 * time.Hour: 24*time.Hour - time.Minute,
		} {
			issuer := &numbered{lifetime: lifetime}
			c := client(t, answers(ok), with(NewToken(issuer.fetch, 0, nil)))
			var tokens []int
			for _, wait := range []time.Duration{0, used - 1, 1} {
				time.Sleep(wait)
				_, _ = c.Read(t.Context(), Call{Path: "/users"})
				tokens = append(tokens, issuer.n)
			}
			if diff := cmp.Diff([]int{1, 1, 2}, tokens); diff != "" {
				t.Errorf("%s: %s", lifetime, diff)
			}
		}
	})
}

// TestTokenAfterALongQueue: a token that ends while its caller waits for the rate
// is not used.
func TestTokenAfterALongQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &numbered{lifetime: 2 * time.Minute}
		v := answers(ok)
		c := client(t, v, rate("1/h"), with(NewToken(issuer.fetch, 0, nil)))
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() { _, _ = c.Read(t.Context(), Call{Path: "/users"}) })
		}
		group.Wait()
		for i, request := range v.requests() {
			if want := fmt.Sprintf("Bearer token-%d", i+1); request.auth != want {
				t.Errorf("request %d with %s", i, request.auth)
			}
		}
	})
}

func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := errors.New("shared")
		issuer := &numbered{takes: time.Minute, fail: func(n int) error {
			if n == 1 {
				return shared
			}
			return nil
		}}
		token := NewToken(issuer.fetch, 2*time.Minute, nil)
		get := func(ctx context.Context) error {
			request, _ := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
			return token.Authorize(ctx, request)
		}
		results := make(chan error, 50)
		for range 50 {
			go func() { results <- get(t.Context()) }()
		}
		for range 50 {
			if err := <-results; !errors.Is(err, shared) {
				t.Errorf("got %v", err)
			}
		}
		if issuer.n != 1 {
			t.Errorf("%d fetches", issuer.n)
		}
		// The first caller gives up; the fetch goes on for the second.
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		go func() { results <- get(short) }()
		synctest.Wait()
		go func() { results <- get(t.Context()) }()
		if err := <-results; !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("the impatient one, after %s: %v", time.Since(begun), err)
		}
		if err := <-results; err != nil || issuer.n != 2 || time.Since(begun) != time.Minute {
			t.Errorf("the patient one, after %s and %d fetches: %v", time.Since(begun), issuer.n, err)
		}
	})
}

// TestAbandonedFlight: when nobody waits any more the fetch is canceled, and the
// next caller starts afresh.
func TestAbandonedFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		first := true
		token := NewToken(func(ctx context.Context) (Issued, error) {
			if first {
				first = false
				err := sleep(ctx, time.Hour)
				ended <- err
				return Issued{}, err
			}
			return Issued{Token: "token"}, nil
		}, 2*time.Hour, nil)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
		if err := token.Authorize(short, request); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the fetch ended with %v", err)
		}
		if err := token.Authorize(t.Context(), request); err != nil {
			t.Error(err)
		}
	})
}

func TestTokenPanic(t *testing.T) {
	token := NewToken(func(context.Context) (Issued, error) { panic("secret") }, 0, nil)
	_, err := client(t, answers(ok), with(token)).Read(t.Context(), Call{Path: "/users"})
	if e := failure(t, err); strings.Contains(e.Error(), "secret") || e.OutcomeUnknown {
		t.Error(err)
	}
}

func TestIssuedTokenIsASecret(t *testing.T) {
	var secrets sources.Secrets
	issuer := &numbered{}
	c := client(t, answers(ok), with(NewToken(issuer.fetch, 0, &secrets)))
	_, _ = c.Read(t.Context(), Call{Path: "/users"})
	if text := secrets.Redact("token-1"); text != "[secret]" {
		t.Error(text)
	}
}
