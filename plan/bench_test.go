package plan_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
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

// BenchmarkList plans for 3,000 people of a vendor with 5,000 users, by list: the
// requests that 100 users a page imply, one more because the last page is full, and
// one for those whose account is disabled; and what a user of the list takes in
// memory.
func BenchmarkList(b *testing.B) {
	const people, users = 3000, 5000
	var roster strings.Builder
	roster.WriteString("version: 1\npeople:\n")
	for i := range people {
		fmt.Fprintf(&roster, "  - {email: p%d@example.com, givenName: P%d, access: {partoo: {role: BUSINESS_MANAGER, business_ids: [b1]}}}\n", i, i)
	}
	config := strings.Replace(partooConfig, "rate: unlimited", "rate: unlimited, lookup: list", 1)
	h := newHouse(b, config, roster.String())
	for i := range users {
		record := partooUser(fmt.Sprintf("%024x", i), fmt.Sprintf("p%d@example.com", i), "BUSINESS_MANAGER", "first_name", fmt.Sprintf("P%d", i), "business_ids", list("b1"))
		if _, err := h.world.Add("partoo", record); err != nil {
			b.Fatal(err)
		}
	}
	var held float64
	b.ResetTimer()
	for range b.N {
		before := h.count().Reads
		p := h.plan()
		if got := h.count().Reads - before; got != users/100+2 || len(p.Changes) != 0 {
			b.Fatalf("%d reads, %d changes", got, len(p.Changes))
		}
		b.StopTimer()
		with := heap()
		runtime.KeepAlive(p)
		p.connections = nil
		held = float64(with-heap()) / users
		runtime.KeepAlive(p)
		b.StartTimer()
	}
	b.ReportMetric(held, "B/user")
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
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
