package rest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestObserved shows each request to whoever counts them: its class, its answer, how long
// it took and what was waited before it.
func TestObserved(t *testing.T) {
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	for name, test := range map[string]struct {
		steps []step
		call  func(*Client) func(context.Context, Call) (*Response, error)
		takes time.Duration
		want  []Exchange
	}{
		"one read": {
			steps: []step{ok}, call: func(c *Client) func(context.Context, Call) (*Response, error) { return c.Read }, takes: seconds(2),
			want: []Exchange{{Attempt: 1, Status: 200, Duration: seconds(2)}},
		},
		"a write that is repeated": {
			steps: []step{reply(429, "", "Retry-After", "7"), dialing, ok}, call: func(c *Client) func(context.Context, Call) (*Response, error) { return c.Write },
			want: []Exchange{
				{Write: true, Attempt: 1, Status: 429},
				{Write: true, Attempt: 2, Waited: seconds(7)},
				{Write: true, Attempt: 3, Status: 200, Waited: seconds(1)},
			},
		},
		"a redirect": {
			steps: []step{reply(307, "", "Location", "/platform/x"), ok}, call: func(c *Client) func(context.Context, Call) (*Response, error) { return c.Read },
			want: []Exchange{{Attempt: 1, Status: 307}, {Attempt: 2, Status: 200}},
		},
		"no answer in time": {
			steps: []step{hangs}, call: func(c *Client) func(context.Context, Call) (*Response, error) { return c.WriteOnce },
			want: []Exchange{{Write: true, Attempt: 1, Duration: seconds(30)}},
		},
		"a cut answer": {
			steps: []step{cut}, call: func(c *Client) func(context.Context, Call) (*Response, error) { return c.WriteOnce },
			want: []Exchange{{Write: true, Attempt: 1, Status: 200}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var got []Exchange
				transport := answers(test.steps...)
				transport.takes = test.takes
				c := client(t, transport, func(o *Options) {
					o.Observed = func(e Exchange) {
						mu.Lock()
						defer mu.Unlock()
						got = append(got, e)
					}
				})
				_, _ = test.call(c)(t.Context(), Call{Path: "/users"})
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

// TestObservedNothing sees nothing of what was not sent.
func TestObservedNothing(t *testing.T) {
	c := client(t, answers(ok), func(o *Options) {
		o.ReadOnly = true
		o.Observed = func(e Exchange) { t.Errorf("observed %+v", e) }
	})
	if _, err := c.Write(t.Context(), Call{Path: "/users"}); err == nil {
		t.Error("a planning client writes")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Read(stopped, Call{Path: "/users"}); err == nil {
		t.Error("a call that is over is sent")
	}
}
