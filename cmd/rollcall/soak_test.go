package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

var soak = flag.Duration("soak", 0, "run the service for that long, a run each second, instead of for some runs that follow each other")

// every is the variable by which a program under test is told to run oftener than a
// schedule can say.
const every = "ROLLCALL_TEST_EVERY"

// schedules are those of configurations in this process, by file.
var schedules sync.Map

// oftener has the program run as often as the variable says.
func oftener() {
	if apart, err := time.ParseDuration(os.Getenv(every)); err == nil {
		scheduleOf = func(c *sources.Config) sources.Schedule { return inPlaceOf(c, apart) }
	}
}

func inPlaceOf(c *sources.Config, apart time.Duration) sources.Schedule {
	schedule := *sources.Every(apart)
	schedule.CatchUp, schedule.Deadline = c.Schedule.CatchUp, c.Schedule.Deadline
	return schedule
}

func scheduleInTests(c *sources.Config) sources.Schedule {
	if apart, is := schedules.Load(c.File); is {
		return inPlaceOf(c, apart.(time.Duration))
	}
	return c.Schedule
}

// reports hands on what became of each run.
type reports chan service.Report

func (reports) Waiting(time.Time)        {}
func (reports) Standby(string)           {}
func (reports) Began(service.Run)        {}
func (r reports) Ended(s service.Report) { r <- s }
func (reports) Skipped(int)              {}

// soakRoster is one of the rosters that follow each other; each changes who is there,
// and what some have.
func soakRoster(round int) string {
	var out strings.Builder
	out.WriteString("version: 1\npeople:\n")
	for i := range 30 {
		status := ""
		if (i+round)%5 == 0 {
			status = "status: departed, "
		}
		where := fmt.Sprintf(`vendasta: {platformAccess: [%q]}`, []string{"tm:access", "ssc:access"}[(i+round)%2])
		if i%2 == 0 {
			where = fmt.Sprintf("partoo: {role: %s}", []string{"PUBLISHER", "BUSINESS_MANAGER"}[round/2%2])
		}
		fmt.Fprintf(&out, "  - {email: p%03d@example.com, %sgivenName: Given, familyName: Person%d, access: {%s}}\n", i, status, round%3, where)
	}
	return out.String()
}

// TestSoak has the service run again and again at vendors that misbehave, while the
// roster changes: nothing is lost or doubled there, and neither memory nor goroutines
// grow. -soak 10m makes it a run each second for so long.
func TestSoak(t *testing.T) {
	h := &theatre{t: t, dir: t.TempDir(), world: simulator.New(simulator.Options{})}
	h.serve()
	write(t, h.dir, "rollcall.yaml", "version: 1\nguardrails: {maxRemovals: 100%}\nproviders:\n"+
		fmt.Sprintf("  vendasta: {partner: ABC, baseURL: %q, auth: {token: {command: [echo, anything-goes]}}, rate: unlimited}\n", h.endpoint("vendasta"))+
		fmt.Sprintf("  partoo: {baseURL: %q, auth: {apiKey: {command: [echo, anything-goes]}}, rate: unlimited}\n", h.endpoint("partoo")))
	round := 0
	next := func() {
		round++
		file := filepath.Join(h.dir, "roster.yaml")
		if err := os.WriteFile(file+".new", []byte(soakRoster(round)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	next()
	apart, rounds := 20*time.Millisecond, 8
	if *soak > 0 {
		apart = time.Second
	}
	config := filepath.Join(h.dir, "rollcall.yaml")
	schedules.Store(config, apart)
	defer schedules.Delete(config)
	ended := make(reports)
	var told tail
	a := newApp(strings.NewReader(""), &told, &told)
	a.listener = ended
	done := make(chan int)
	go func() { done <- a.execute(context.Background(), []string{"-c", config, "run"}) }()

	chaos := lossy
	if *soak > 0 {
		// What makes calls wait is for whoever has the time.
		chaos = simulator.StockChaos()
		chaos.Fail = append(slices.Clone(chaos.Fail), lossy.Fail...)
	}
	h.world.SetChaos(chaos)
	var before, after weight
	outcomes := make(map[service.Outcome]int)
	begun := time.Now()
	for i := 0; i < rounds || time.Since(begun) < *soak; i++ {
		report := <-ended
		outcomes[report.Outcome]++
		if report.Outcome == service.Failed || report.Outcome == service.Invalid {
			t.Errorf("run %d: %s: %s", i, report.Outcome, report.Error)
		}
		if *soak == 0 && i == rounds/3 || before.at == 0 && *soak > 0 && time.Since(begun) > *soak/5 {
			before = weigh()
			before.at = i
		}
		next()
	}
	after = weigh()
	runs := 0
	for _, n := range outcomes {
		runs += n
	}
	h.world.SetChaos(simulator.Chaos{})
	for tries := 0; ; tries++ {
		report := <-ended
		if report.Outcome == service.Converged && tries > 0 {
			break
		}
		if tries > 5 {
			t.Errorf("it does not come to rest: %s %s %+v", report.Outcome, report.Error, report.Result)
			break
		}
	}
	a.once.Do(func() { close(a.stop) })
	for {
		select {
		case <-ended:
			continue
		case code := <-done:
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
		break
	}
	t.Logf("%d runs: %v; %s after %d, then %s", runs, outcomes, before, before.at, after)
	if after.goroutines > before.goroutines*11/10+1 || *soak > 0 && after.heap > before.heap*11/10 {
		t.Errorf("it grows: %s, then %s", before, after)
	}
	if twice := h.twice(); len(twice) > 0 {
		t.Errorf("are there twice: %v", twice)
	}
	if wrong := h.agrees(); wrong != "" {
		t.Error(wrong)
	}
	// One run more, as by hand, has nothing to do.
	if code, out, told := rollcall(h.dir, "plan", "--detailed-exitcode"); code != 0 {
		t.Errorf("exit code %d: %s%s", code, out, told)
	}
	if t.Failed() {
		t.Log(string(told.text))
	}
}

// A tail is the end of what was written to it.
type tail struct{ text []byte }

func (l *tail) Write(p []byte) (int, error) {
	const kept = 1 << 16
	if l.text = append(l.text, p...); len(l.text) > 2*kept {
		l.text = append(l.text[:0], l.text[len(l.text)-kept:]...)
	}
	return len(p), nil
}

// A weight is what a program holds.
type weight struct {
	heap       uint64
	goroutines int
	at         int // after which run
}

func (w weight) String() string {
	return fmt.Sprintf("%.1f MB and %d goroutines", float64(w.heap)/1e6, w.goroutines)
}

func weigh() weight {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return weight{heap: m.HeapAlloc, goroutines: runtime.NumGoroutine()}
}
