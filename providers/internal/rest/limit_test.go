package rest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rollcall/sources"
)

func rate(limits ...string) func(*Options) {
	return func(o *Options) {
		for _, text := range limits {
			limit, err := sources.ParseRateLimit(text)
			if err != nil {
				panic(err)
			}
			o.Rate = append(o.Rate, limit)
		}
	}
}

// most is the largest number of moments in any span of that length, its end not
// included.
func most(at []time.Time, per time.Duration) int {
	largest := 0
	for i := range at {
		n := 0
		for _, other := range at[i:] {
			if other.Sub(at[i]) < per {
				n++
			}
		}
		largest = max(largest, n)
	}
	return largest
}

func moments(asked []seen) []time.Time {
	list := make([]time.Time, len(asked))
	for i, request := range asked {
		list[i] = request.at
	}
	return list
}

// TestConcurrency: reads and writes share the slots.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		v.takes = 100 * time.Millisecond
		c := client(t, v, func(o *Options) { o.Concurrency = 3 })
		var group sync.WaitGroup
		for i := range 60 {
			group.Go(func() {
				call := []func(context.Context, Call) (*Response, error){c.Read, c.Write, c.WriteOnce}[i%3]
				if _, err := call(t.Context(), Call{Path: "/users"}); err != nil {
					t.Error(err)
				}
			})
		}
		begun := time.Now()
		group.Wait()
		if v.most != 3 || time.Since(begun) != 2*time.Second {
			t.Errorf("at most %d at once, %s in all", v.most, time.Since(begun))
		}
		if n := c.Counts(); n.Reads != 20 || n.Writes != 40 || n.Attempts != 60 || n.Retries != 0 {
			t.Errorf("counts %+v", n)
		}
	})
}

// TestRate: reads and writes share the rate, no span holds more than the limit,
// and the last request goes out when it may and not later.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		c := client(t, v, rate("8/s", "20/m"))
		begun := time.Now()
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				call := []func(context.Context, Call) (*Response, error){c.Read, c.Write, c.WriteOnce}[i%3]
				if _, err := call(t.Context(), Call{Path: "/users"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		at := moments(v.requests())
		if n := most(at, time.Second); n != 8 {
			t.Errorf("%d in a second", n)
		}
		if n := most(at, time.Minute); n != 20 {
			t.Errorf("%d in a minute", n)
		}
		if took := time.Since(begun); took != 2*time.Minute+time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// TestRateAfterAQuietTime is where a token bucket lets nearly twice its number
// through: a full bucket, and what it refills in the same span.
func TestRateAfterAQuietTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		c := client(t, v, rate("10/s"))
		time.Sleep(time.Hour)
		for range 100 {
			_, _ = c.Read(t.Context(), Call{Path: "/users"})
		}
		if n := most(moments(v.requests()), time.Second); n != 10 {
			t.Errorf("%d in a second", n)
		}
	})
}

func TestRateProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limits := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) sources.RateLimit {
			return sources.RateLimit{
				Requests: rapid.IntRange(1, 6).Draw(r, "requests"),
				Per:      time.Duration(rapid.IntRange(1, 50).Draw(r, "per")) * time.Second,
			}
		}), 1, 3).Draw(r, "limits")
		pauses := rapid.SliceOfN(rapid.IntRange(0, 30), 1, 25).Draw(r, "pauses")
		synctest.Test(t, func(*testing.T) {
			l := newLimiter(limits)
			var at []time.Time
			for _, wait := range pauses {
				time.Sleep(time.Duration(wait) * time.Second)
				if err := l.pass(context.Background(), func() error { return nil }); err != nil {
					r.Fatal(err)
				}
				now := time.Now()
				at = append(at, now)
				// Nobody waits longer than needed: a moment before, one more would
				// have been too many.
				for _, limit := range limits {
					if n := most(at, limit.Per); n > limit.Requests {
						r.Fatalf("%d in %s, limits %v", n, limit.Per, limits)
					}
				}
			}
		})
	})
}

// TestRateIsCancelable: and who is canceled takes nothing from the others.
func TestRateIsCancelable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		c := client(t, v, rate("1/m"))
		_, _ = c.Read(t.Context(), Call{Path: "/users"})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		done := make(chan *Error, 5)
		for range 5 {
			go func() {
				_, err := c.Write(ctx, Call{Path: "/users/U-1"})
				done <- failure(t, err)
			}()
		}
		begun := time.Now()
		for range 5 {
			if e := <-done; e.Kind != KindCanceled || e.OutcomeUnknown || e.Attempts != 0 {
				t.Error(e)
			}
		}
		if time.Since(begun) != 10*time.Second {
			t.Errorf("canceled after %s", time.Since(begun))
		}
		_, _ = c.Read(t.Context(), Call{Path: "/users"})
		if wait := spans(v.requests()); len(wait) != 1 || wait[0] != time.Minute {
			t.Errorf("the next request after %v", wait)
		}
	})
}

// TestSlowCredentialsKeepTheRate: a request is counted when it leaves, not when
// its credentials began to be fetched.
func TestSlowCredentialsKeepTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		first := true
		token := NewToken(func(ctx context.Context) (Issued, error) {
			if first {
				first = false
				return Issued{Token: "token", Lifetime: time.Hour}, sleep(ctx, 900*time.Millisecond)
			}
			return Issued{}, nil
		}, 0, nil)
		c := client(t, v, rate("2/s"), func(o *Options) { o.Authenticator = token })
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() { _, _ = c.Read(t.Context(), Call{Path: "/users"}) })
		}
		group.Wait()
		if n := most(moments(v.requests()), time.Second); n != 2 {
			t.Errorf("%d in a second", n)
		}
	})
}

// TestTokenCountsAsUnderWay: the token is fetched inside the caller's slot, and
// the request is counted when it is sent, not before the token was there.
func TestTokenCountsAsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		v.takes = time.Second
		token := NewToken(func(ctx context.Context) (Issued, error) {
			request, _ := http.NewRequestWithContext(ctx, http.MethodPost, "https://sso.example.com/token", nil)
			_, err := v.RoundTrip(request)
			return Issued{Token: "first-token", Lifetime: 10 * time.Second}, err
		}, 0, nil)
		c := client(t, v, rate("2/s"), func(o *Options) { o.Concurrency, o.Authenticator = 2, token })
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() { _, _ = c.Read(t.Context(), Call{Path: "/users"}) })
		}
		group.Wait()
		var sent []seen
		for _, request := range v.requests() {
			if request.method == http.MethodGet {
				sent = append(sent, request)
			}
		}
		if n := most(moments(sent), time.Second); v.most > 2 || n > 2 || len(sent) != 40 {
			t.Errorf("%d at once, %d in a second, %d in all", v.most, n, len(sent))
		}
	})
}
