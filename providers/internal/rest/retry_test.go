package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// TestRepetition is the table of fault and class: what is sent again, and after
// what the outcome is unknown when every attempt meets the same fault.
func TestRepetition(t *testing.T) {
	html := reply(200, "<html>sign in</html>", "Content-Type", "text/html")
	const many = 5 // one and four retries
	type want struct {
		attempts int
		unknown  bool
	}
	for name, test := range map[string]struct {
		step              step
		kind              Kind
		read, write, once want
	}{
		"400":            {reply(400, `{}`), KindRefused, want{1, false}, want{1, false}, want{1, false}},
		"403":            {reply(403, ``), KindForbidden, want{1, false}, want{1, false}, want{1, false}},
		"404":            {reply(404, ``), KindRefused, want{1, false}, want{1, false}, want{1, false}},
		"408":            {reply(408, ``), KindUnavailable, want{many, false}, want{many, true}, want{1, true}},
		"409":            {reply(409, `{}`), KindRefused, want{1, false}, want{1, false}, want{1, false}},
		"425":            {reply(425, ``), KindUnavailable, want{many, false}, want{many, false}, want{1, false}},
		"429":            {reply(429, ``), KindRateLimited, want{many, false}, want{many, false}, want{many, false}},
		"500":            {reply(500, ``), KindUnavailable, want{many, false}, want{many, true}, want{1, true}},
		"501":            {reply(501, ``), KindRefused, want{1, false}, want{1, false}, want{1, false}},
		"502":            {reply(502, ``), KindUnavailable, want{many, false}, want{many, true}, want{1, true}},
		"503":            {reply(503, ``), KindUnavailable, want{many, false}, want{many, true}, want{1, true}},
		"504":            {reply(504, ``), KindUnavailable, want{many, false}, want{many, true}, want{1, true}},
		"dial":           {dialing, KindNetwork, want{many, false}, want{many, false}, want{many, false}},
		"reset":          {fails(resetErr), KindNetwork, want{many, false}, want{many, true}, want{1, true}},
		"eof":            {fails(io.EOF), KindNetwork, want{many, false}, want{many, true}, want{1, true}},
		"timeout":        {hangs, KindNetwork, want{many, false}, want{many, true}, want{1, true}},
		"nil answer":     {fails(nil), KindNetwork, want{many, false}, want{many, true}, want{1, true}},
		"cut transfer":   {cut, KindAnswer, want{many, false}, want{many, true}, want{1, true}},
		"truncated JSON": {reply(200, `{"data":[`), KindAnswer, want{many, false}, want{many, true}, want{1, true}},
		"broken JSON":    {reply(200, `{"data":}`), KindAnswer, want{1, false}, want{1, true}, want{1, true}},
		"two values":     {reply(200, `{} {}`), KindAnswer, want{1, false}, want{1, true}, want{1, true}},
		"HTML":           {html, KindAnswer, want{1, false}, want{1, true}, want{1, true}},
		"no media type":  {reply(200, `{}`, "Content-Type", ""), KindAnswer, want{1, false}, want{1, true}, want{1, true}},
		"206":            {reply(206, `{}`), KindAnswer, want{1, false}, want{1, true}, want{1, true}},
		"304":            {reply(304, ``), KindRedirect, want{1, false}, want{1, true}, want{1, true}},
		"303":            {reply(303, ``, "Location", "https://elsewhere.example/"), KindRedirect, want{1, false}, want{1, true}, want{1, true}},
		"302":            {reply(302, ``, "Location", "/platform/x"), KindRedirect, want{6, false}, want{1, true}, want{1, true}},
		"307":            {reply(307, ``, "Location", "/platform/x"), KindRedirect, want{6, false}, want{1, false}, want{1, false}},
		"panic":          {func(*http.Request) (*http.Response, error) { panic("token=secret") }, KindNetwork, want{1, false}, want{1, true}, want{1, true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for class, want := range map[string]want{"read": test.read, "write": test.write, "once": test.once} {
					v := answers(test.step)
					// The welcome email is a GET: the class decides, not the method.
					_, err := calls(client(t, v))[class](t.Context(), Call{Path: "/users/U-1"})
					e := failure(t, err)
					if len(v.asked) != want.attempts || e.Attempts != want.attempts {
						t.Errorf("%s: %d requests, error says %d, want %d", class, len(v.asked), e.Attempts, want.attempts)
					}
					if e.OutcomeUnknown != want.unknown || OutcomeUnknown(err) != want.unknown {
						t.Errorf("%s: outcome unknown %v, want %v", class, e.OutcomeUnknown, want.unknown)
					}
					if e.Kind != test.kind || KindOf(err) != test.kind {
						t.Errorf("%s: kind %q, want %q", class, e.Kind, test.kind)
					}
				}
			})
		})
	}
}

// TestDoubtStays: what one attempt left in doubt, a later definitive answer does
// not take back.
func TestDoubtStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			steps   []step
			unknown bool
		}{
			"500 then 404":  {[]step{reply(500, ""), reply(404, "")}, true},
			"429 then 404":  {[]step{reply(429, ""), reply(404, "")}, false},
			"dial then 400": {[]step{dialing, reply(400, "")}, false},
			"cut then dial": {[]step{cut, dialing}, true},
		} {
			_, err := client(t, answers(test.steps...)).Write(t.Context(), Call{Method: "DELETE", Path: "/users/U-1"})
			if OutcomeUnknown(err) != test.unknown {
				t.Errorf("%s: unknown %v, want %v", name, OutcomeUnknown(err), test.unknown)
			}
		}
		// Nor does a WriteOnce that is repeated after a 429 lose track of itself.
		v := answers(reply(429, ""), dialing, reply(500, ""))
		_, err := client(t, v).WriteOnce(t.Context(), Call{Method: "POST", Path: "/users"})
		if !OutcomeUnknown(err) || Status(err) != 500 || len(v.asked) != 3 {
			t.Errorf("got %v after %d requests", err, len(v.asked))
		}
	})
}

func TestRetrySucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(503, ""), cut, dialing, reply(201, `{"data":{"id":"U-1"}}`))
		c := client(t, v)
		response, err := c.Write(t.Context(), Call{Method: "PATCH", Path: "/users/U-1", Body: map[string]string{"a": "b"}})
		if err != nil || response.Attempts != 4 || response.Status != 201 {
			t.Fatalf("got %+v, %v", response, err)
		}
		for _, request := range v.requests() {
			if request.body != `{"a":"b"}` || request.contentType != "application/json" {
				t.Errorf("a repetition sent %q as %q", request.body, request.contentType)
			}
		}
		want := Counts{Writes: 1, Attempts: 4, Retries: 3, Waits: 3, Waited: 3500 * time.Millisecond}
		if diff := cmp.Diff(want, c.Counts()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestBackoff: the longest wait doubles up to its bound, and the jitter goes all
// the way down.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(500, ""))
		_, _ = client(t, v, func(o *Options) { o.Retries = 8 }).Read(t.Context(), Call{Path: "/users"})
		want := []time.Duration{
			500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second,
			16 * time.Second, 30 * time.Second, 30 * time.Second,
		}
		if diff := cmp.Diff(want, spans(v.requests())); diff != "" {
			t.Error(diff)
		}
		half := backoff(3, func() float64 { return 0.25 })
		if none := backoff(3, func() float64 { return 0 }); none != 0 || half != time.Second {
			t.Errorf("jitter 0 gives %s, 0.25 gives %s", none, half)
		}
		if long := backoff(500, func() float64 { return 1 }); long != longestBackoff {
			t.Errorf("retry 500 waits %s", long)
		}
	})
}

// TestRetryAfterIsHonoured: in full, and by every caller of the client.
func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(429, "", "Retry-After", "300"), ok)
		c := client(t, v)
		go func() { _, _ = c.WriteOnce(t.Context(), Call{Method: "POST", Path: "/users"}) }()
		synctest.Wait()
		begun := time.Now()
		for range 20 {
			go func() { _, _ = c.Read(t.Context(), Call{Path: "/users"}) }()
		}
		synctest.Wait()
		if n := len(v.requests()); n != 1 {
			t.Fatalf("%d requests during the pause", n)
		}
		time.Sleep(300*time.Second - 1)
		synctest.Wait()
		if n := len(v.requests()); n != 1 {
			t.Fatalf("%d requests before the pause was over", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		asked := v.requests()
		if len(asked) != 22 {
			t.Fatalf("%d requests in the end", len(asked))
		}
		for _, request := range asked[1:] {
			if waited := request.at.Sub(begun); waited != 300*time.Second {
				t.Errorf("a request was sent after %s", waited)
			}
		}
	})
}

// TestQueuedCallersPause: those who already wait for a slot when the 429 comes do
// not send either.
func TestQueuedCallersPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(429, "", "Retry-After", "60"), ok)
		v.takes = time.Second
		c := client(t, v, func(o *Options) { o.Concurrency = 1 })
		for range 5 {
			go func() { _, _ = c.Read(t.Context(), Call{Path: "/users"}) }()
		}
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if n := len(v.requests()); n != 1 {
			t.Errorf("%d requests during the pause", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(v.requests()); n != 6 {
			t.Errorf("%d requests in the end", n)
		}
	})
}

// TestRetryAfter503 is honoured by the call; others go on.
func TestRetryAfter503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(503, "", "Retry-After", "90"), ok)
		c := client(t, v)
		go func() { _, _ = c.Read(t.Context(), Call{Path: "/slow"}) }()
		synctest.Wait()
		if _, err := c.Read(t.Context(), Call{Path: "/fast"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		asked := v.requests()
		if len(asked) != 3 || asked[1].at != asked[0].at || asked[2].at.Sub(asked[0].at) != 90*time.Second {
			t.Errorf("requests after %v", spans(asked))
		}
	})
}

// TestLongRetryAfter: a wait that a call has no time for ends it at once, and
// the others too as long as it lasts.
func TestLongRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, deadline := range map[string]time.Duration{"budget": 0, "deadline": time.Minute} {
			after, long := "120", 2*time.Minute
			ctx := t.Context()
			if deadline == 0 {
				after, long = "601", 601*time.Second
			} else {
				limited, cancel := context.WithTimeout(ctx, deadline)
				defer cancel()
				ctx = limited
			}
			v := answers(reply(429, "", "Retry-After", after), ok)
			c := client(t, v)
			begun := time.Now()
			_, err := c.Read(ctx, Call{Path: "/users"})
			e := failure(t, err)
			if e.Kind != KindRateLimited || !e.RetryAt.Equal(begun.Add(long)) || time.Since(begun) != 0 {
				t.Errorf("%s: after %s: %v", name, time.Since(begun), err)
			}
			_, err = c.Write(ctx, Call{Path: "/users", Method: "PATCH"})
			e = failure(t, err)
			if e.Kind != KindRateLimited || !e.RetryAt.Equal(begun.Add(long)) || e.Attempts != 0 || e.OutcomeUnknown || time.Since(begun) != 0 {
				t.Errorf("%s: another call, after %s: %v", name, time.Since(begun), err)
			}
			if len(v.asked) != 1 {
				t.Errorf("%s: %d requests", name, len(v.asked))
			}
			time.Sleep(long)
			if _, err := c.Read(t.Context(), Call{Path: "/users"}); err != nil {
				t.Errorf("%s: when the pause is over: %v", name, err)
			}
		}
	})
}

// TestBudget: the waits of one call together have ten minutes.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(429, "", "Retry-After", "250"))
		begun := time.Now()
		_, err := client(t, v, func(o *Options) { o.Retries = 100 }).Read(t.Context(), Call{Path: "/users"})
		e := failure(t, err)
		if time.Since(begun) != 500*time.Second || len(v.asked) != 3 || !e.RetryAt.Equal(begun.Add(750*time.Second)) {
			t.Errorf("after %s and %d requests: %v", time.Since(begun), len(v.asked), err)
		}
	})
}

// TestBudgetIsNotForTheRate: a list of people takes as long as its rate.
func TestBudgetIsNotForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(ok)
		c := client(t, v, rate("1/m"))
		done := make(chan error)
		for range 30 {
			go func() {
				_, err := c.Read(t.Context(), Call{Path: "/users"})
				done <- err
			}()
		}
		for range 30 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestWaitingHoldsNoSlot: with one slot, a call that waits for its retry lets
// another one through.
func TestWaitingHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := answers(reply(503, "", "Retry-After", "100"), ok)
		c := client(t, v, func(o *Options) { o.Concurrency = 1 })
		first := make(chan error)
		go func() {
			_, err := c.Write(t.Context(), Call{Path: "/users/U-1", Method: "PATCH"})
			first <- err
		}()
		synctest.Wait()
		begun := time.Now()
		if _, err := c.Read(t.Context(), Call{Path: "/users"}); err != nil || time.Since(begun) != 0 {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		late := func(after time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			t.Cleanup(cancel)
			return ctx
		}
		for name, test := range map[string]struct {
			ctx     context.Context
			step    step
			sent    int
			unknown bool
			cause   error
		}{
			"before":                {gone, ok, 0, false, context.Canceled},
			"in flight":             {late(time.Second), hangs, 1, true, context.DeadlineExceeded},
			"waiting after a doubt": {nil, reply(500, ""), 1, true, context.Canceled},
			"waiting after a 429":   {nil, reply(429, ""), 1, false, context.Canceled},
		} {
			ctx := test.ctx
			if ctx == nil { // canceled in the wait, without a deadline that forbids it
				canceled, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				ctx = canceled
			}
			v := answers(test.step)
			_, err := client(t, v).Write(ctx, Call{Path: "/users/U-1", Method: "PATCH"})
			e := failure(t, err)
			if e.Kind != KindCanceled || !errors.Is(err, test.cause) || len(v.asked) != test.sent || e.OutcomeUnknown != test.unknown {
				t.Errorf("%s: %d requests, unknown %v, %v", name, len(v.asked), e.OutcomeUnknown, err)
			}
		}
		_, err := client(t, answers(hangs)).Read(late(time.Second), Call{Path: "/users"})
		if OutcomeUnknown(err) {
			t.Errorf("a read: %v", err)
		}
	})
}

// TestStopLeavesTheRest: who need not wait is served although stop is closed, and a
// nil stop is none.
func TestStopLeavesTheRest(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	ctx := WithStop(t.Context(), stop)
	c := client(t, answers(ok), func(o *Options) { o.Rate = sources.Rate{{Requests: 10000, Per: time.Hour}} })
	for range 200 {
		if _, err := c.Read(ctx, Call{Path: "/users"}); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := client(t, answers(ok), func(o *Options) { o.Rate = sources.Rate{{Requests: 1, Per: time.Minute}} })
		for range 3 {
			if _, err := c.Read(WithStop(WithStop(t.Context(), stop), nil), Call{Path: "/users"}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestStopEndsWaits: once stop is closed nobody waits for another try, for a pause
// or for the rate, and what is under way is finished.
func TestStopEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		ctx := WithStop(t.Context(), stop)
		limited := client(t, answers(reply(429, "", "Retry-After", "300")))
		slow := client(t, answers(func(r *http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Second)
			return ok(r)
		}))
		rated := client(t, answers(ok), func(o *Options) { o.Rate = sources.Rate{{Requests: 1, Per: time.Hour}} })
		if _, err := rated.Read(ctx, Call{Path: "/users"}); err != nil {
			t.Fatal(err)
		}
		type end struct {
			err   error
			after time.Duration
		}
		ends := make(map[string]chan end)
		begun := time.Now()
		for name, call := range map[string]func() (*Response, error){
			"waits":     func() (*Response, error) { return limited.WriteOnce(ctx, Call{Method: "POST", Path: "/users"}) },
			"under way": func() (*Response, error) { return slow.WriteOnce(ctx, Call{Method: "POST", Path: "/users"}) },
			"rate":      func() (*Response, error) { return rated.Read(ctx, Call{Path: "/users"}) },
		} {
			ended := make(chan end, 1)
			ends[name] = ended
			go func() {
				_, err := call()
				ended <- end{err, time.Since(begun)}
			}()
		}
		time.Sleep(5 * time.Second)
		close(stop)
		for _, name := range []string{"waits", "rate"} {
			if e := <-ends[name]; KindOf(e.err) != KindCanceled || OutcomeUnknown(e.err) || e.after != 5*time.Second {
				t.Errorf("%s: %v after %s", name, e.err, e.after)
			}
		}
		if e := <-ends["under way"]; e.err != nil || e.after != 10*time.Second {
			t.Errorf("under way: %v after %s", e.err, e.after)
		}
	})
}
