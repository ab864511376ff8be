package rest

import (
	"context"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/sources"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

type instant struct{}

func (instant) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(`{"data":[]}`)),
	}, nil
}

// BenchmarkCall is what a call costs beside the network.
func BenchmarkCall(b *testing.B) {
	token := NewToken(func(context.Context) (Issued, error) { return Issued{Token: "token", Lifetime: time.Hour}, nil }, 0, nil)
	c := client(b, instant{}, with(token), rate("1000000/s"), func(o *Options) { o.Secrets = new(sources.Secrets) })
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := c.Read(context.Background(), Call{Path: "/users/U-1"}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkLimiter is one pass when the rate is no hindrance.
func BenchmarkLimiter(b *testing.B) {
	l := newLimiter(sources.Rate{{Requests: 1_000_000, Per: time.Millisecond}, {Requests: 10_000, Per: time.Nanosecond}})
	b.ReportAllocs()
	for b.Loop() {
		if err := l.pass(context.Background(), func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
