package plan_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// BenchmarkThousand plans and applies a roster of 1,000 new people against the
// simulator on a loopback socket with 20 ms latency and no rate limit. It reports
// the time over the ideal one (requests × latency ÷ concurrency) and, as
// allowance, over 1.10 times the ideal plus 0.3 s, which has to stay below 1.
func BenchmarkThousand(b *testing.B) {
	const people, latency = 1000, 20 * time.Millisecond
	var roster strings.Builder
	roster.WriteString("version: 1\npeople:\n")
	for i := range people {
		fmt.Fprintf(&roster, "  - {email: p%d@example.com, givenName: P%d, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", i, i)
	}
	for _, concurrency := range []int{10, 50} {
		for _, applies := range []bool{false, true} {
			name, requests := "plan", people
			if applies {
				name, requests = "apply", 2*people
			}
			b.Run(fmt.Sprintf("%s/concurrency=%d", name, concurrency), func(b *testing.B) {
				var elapsed time.Duration
				for range b.N {
					b.StopTimer()
					config := strings.Replace(baseConfig, "rate: unlimited", fmt.Sprintf("rate: unlimited, concurrency: %d", concurrency), 1)
					h := newHouse(b, config, roster.String())
					h.serve(latency)
					b.StartTimer()
					begin := time.Now()
					p := h.plan()
					if applies {
						if r := h.apply(p); r.Exit != 0 {
							b.Fatal(r.Text(plan.Style{}))
						}
					}
					elapsed += time.Since(begin)
					b.StopTimer()
					counts := h.count()
					if got := counts.Reads + counts.Writes; got != int64(requests) || counts.AtOnce > int64(concurrency) {
						b.Fatalf("%d requests, at most %d at once; want %d, %d", got, counts.AtOnce, requests, concurrency)
					}
				}
				ideal := time.Duration(requests) * latency / time.Duration(concurrency)
				mean := elapsed / time.Duration(b.N)
				b.ReportMetric(float64(mean)/float64(ideal), "ratio")
				b.ReportMetric(float64(mean)/(1.10*float64(ideal)+float64(300*time.Millisecond)), "allowance")
			})
		}
	}
}

// serve puts the vendors on a loopback socket; the providers then use the network.
func (h *house) serve(latency time.Duration) {
	h.t.Helper()
	h.world.SetChaos(simulator.Chaos{Latency: latency})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.world.Serve(ctx, listener) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	})
	h.root = "http://" + listener.Addr().String()
}

// BenchmarkBuild builds a plan for 10,000 people from observations in memory.
func BenchmarkBuild(b *testing.B) {
	var roster strings.Builder
	roster.WriteString("version: 1\npeople:\n")
	for i := range 10000 {
		fmt.Fprintf(&roster, "  - {email: p%d@example.com, givenName: P%d, access: {vendasta: {platformAccess: [\"tm:access\"]}}}\n", i, i)
	}
	h := newHouse(b, "", roster.String())
	accounts, _ := h.accounts(true)
	p := h.plan()
	entries := make([]plan.Entry, len(p.access))
	for i, access := range p.access {
		entries[i] = plan.Entry{Access: access}
		entries[i].Observation.Finding = "absent"
	}
	b.ResetTimer()
	for range b.N {
		built := plan.Build(plan.Input{Created: today, AsOf: "2026-11-21", Roster: plan.RosterInfo{Digest: sources.Digest(p.access)}, Providers: accounts, Entries: entries})
		if len(built.Changes) != 10000 {
			b.Fatal(len(built.Changes))
		}
	}
}
