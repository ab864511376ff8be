package main

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// watch is an app whose standard error is a terminal of that size, or none.
func watch(t *testing.T, u *tube) (*app, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	a := newApp(nil, &bytes.Buffer{}, &log)
	a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey || attr.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return attr
	}}))
	if u != nil {
		a.stderr = &output{to: u, screen: &screen{to: u, size: u.size}, secrets: &sources.Secrets{}}
	}
	return a, &log
}

// TestBars follows a run of two providers at a terminal.
func TestBars(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newTube(t, 100, 24)
		a, _ := watch(t, u)
		progress, end := a.progress("lookups", &session{})
		progress.Begin("vendasta", 300)
		progress.Begin("partoo", 40)
		progress.Begin("idle", 0)
		see := func(after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := strings.TrimRight(u.String(), "\n"); got != strings.Join(want, "\n") {
				t.Errorf("there is\n%s\nand not\n%s", got, strings.Join(want, "\n"))
			}
		}
		see(499 * time.Millisecond)
		see(time.Millisecond,
			"partoo    lookups  [----------------------------]    0 of 40",
			"vendasta  lookups  [----------------------------]    0 of 300")
		// Nobody knows yet how fast it goes.
		progress.Done("vendasta")
		see(200*time.Millisecond,
			"partoo    lookups  [----------------------------]    0 of 40",
			"vendasta  lookups  [----------------------------]    1 of 300")
		for range 10 {
			time.Sleep(130 * time.Millisecond)
			for range 2 {
				progress.Done("vendasta")
			}
		}
		see(200*time.Millisecond,
			"partoo    lookups  [----------------------------]    0 of 40",
			"vendasta  lookups  [#---------------------------]   21 of 300      10/s  28s left")
		// A list ends all of a provider's lookups at once.
		for range 40 {
			progress.Done("partoo")
		}
		see(200*time.Millisecond,
			"partoo    lookups  [############################]   40 of 40             done",
			"vendasta  lookups  [#---------------------------]   21 of 300     9.1/s  31s left")
		// While nothing goes on there is no time left to be said.
		see(2*time.Minute,
			"partoo    lookups  [############################]   40 of 40             done",
			"vendasta  lookups  [#---------------------------]   21 of 300")
		end()
		see(0)
		end()
		see(time.Minute)
	})
}

// TestShortRuns: of a run that takes no half second nothing is to be seen, not even
// for a moment.
func TestShortRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newTube(t, 100, 24)
		a, _ := watch(t, u)
		progress, end := a.progress("lookups", &session{})
		progress.Begin("vendasta", 2)
		time.Sleep(450 * time.Millisecond)
		progress.Done("vendasta")
		end()
		synctest.Wait()
		if u.String() != "" || slices.ContainsFunc(u.rows, func(row string) bool { return row != "" }) {
			t.Errorf("there is %q", u.rows)
		}
	})
}

// TestPauses: a provider that waits because its vendor asks for it says so instead
// of a time that nobody knows.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(time.Minute)
		m := &meter{what: "changes", names: make(map[string]*gauge), pause: func(string) time.Duration { return max(0, time.Until(until)) }}
		m.Begin("vendasta", 9)
		m.Done("vendasta")
		time.Sleep(2 * time.Second)
		if got := m.bars(time.Now(), 100)[0]; got != "vendasta  changes  [###-------------------------]  1 of 9            paused 58s by the vendor" {
			t.Errorf("it is %q", got)
		}
		m.Done("vendasta")
		time.Sleep(58 * time.Second)
		if got := m.bars(time.Now(), 100)[0]; strings.Contains(got, "paused") || !strings.HasSuffix(got, " left") {
			t.Errorf("it is %q", got)
		}
	})
}

// TestPauseOfAConnection: what a vendor asks for with a 429 is known while it lasts.
func TestPauseOfAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(simulator.Options{})
		world.SetChaos(simulator.Chaos{Fail: []simulator.Rule{{First: 1, Fault: simulator.FaultStatus, Status: 429, RetryAfter: 30 * time.Second}}})
		kind := registry.Kind("vendasta")
		connection, err := kind.Connect(t.Context(), simulated(world, kind, providers.Settings{Config: sources.ProviderConfig{
			Name: "vendasta", Kind: "vendasta", Settings: map[string]string{"partner": "ABC"}, Retries: 1,
		}}))
		if err != nil {
			t.Fatal(err)
		}
		s := &session{connections: map[string]*providers.Connection{"vendasta": connection}}
		if pause := s.pause("vendasta") + s.pause("other"); pause != 0 {
			t.Errorf("it waits %s from the start", pause)
		}
		go func() { _, _ = connection.Reader.Search(t.Context(), "ana@example.com") }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if pause := s.pause("vendasta"); pause < 19*time.Second || pause > 21*time.Second {
			t.Errorf("after 10 seconds of 30 it still waits %s", pause)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if pause := s.pause("vendasta"); pause != 0 {
			t.Errorf("afterwards it waits %s", pause)
		}
	})
}

// TestNarrowBars: what there is no room for is left out, the least telling first.
func TestNarrowBars(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{what: "lookups", names: make(map[string]*gauge)}
		m.Begin("evil\x1b[2J", 40)
		time.Sleep(2 * time.Second)
		for range 10 {
			m.Done("evil\x1b[2J")
		}
		for _, test := range []struct {
			width int
			want  string
		}{
			{200, `evil\u001b[2J  lookups  [#######---------------------]  10 of 40     5.0/s  6s left`},
			{70, `evil\u001b[2J  lookups  [##-------]  10 of 40     5.0/s  6s left`},
			{60, `evil\u001b[2J  10 of 40     5.0/s  6s left`},
			{40, `evil\u001b[2J  10 of 40  6s left`},
			{30, `evil\u001b[2J  10 of 40`},
			{1, `evil\u001b[2J  10 of 40`}, // for fit to cut
		} {
			if got := m.bars(time.Now(), test.width); len(got) != 1 || got[0] != test.want {
				t.Errorf("on %d columns it is %q, want %q", test.width, got, test.want)
			}
		}
		for width := range 200 {
			for _, line := range fit(m.bars(time.Now(), width), width, 24) {
				if len(line) >= max(width, 2) {
					t.Errorf("on %d columns it is %q", width, line)
				}
			}
		}
	})
}

// TestPace: how fast it goes is said of the last seconds, so that neither a burst
// nor a rest long ago counts.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{what: "lookups", names: make(map[string]*gauge)}
		m.Begin("vendasta", 100000)
		steps := func(n int, each time.Duration) {
			for range n {
				time.Sleep(each)
				m.Done("vendasta")
			}
		}
		about := func(want float64) {
			t.Helper()
			g := m.gauges()[0]
			rate, left := g.pace(time.Now())
			if rate < want*0.8 || rate > want*1.25 {
				t.Errorf("the rate is %.2f/s, want about %.2f/s", rate, want)
			}
			if byHand := float64(g.total-g.done) / rate; left.Seconds() < byHand*0.99 || left.Seconds() > byHand*1.01 {
				t.Errorf("%s are left at %.2f/s of %d", left, rate, g.total-g.done)
			}
		}
		steps(1000, 2*time.Millisecond) // a burst
		about(500)
		steps(100, 200*time.Millisecond)
		about(5)
		time.Sleep(time.Hour)
		steps(200, 100*time.Millisecond)
		about(10)
		steps(8, 10*time.Second) // fewer than enough in all the time that counts
		about(0.1)
		time.Sleep(2 * time.Minute)
		if rate, left := m.gauges()[0].pace(time.Now()); rate != 0 || left != 0 {
			t.Errorf("after a rest it is %.2f/s, %s left", rate, left)
		}
	})
}

// TestProgressInTheLog: without a terminal -v has a line every ten seconds and one
// at the end; without -v there is nothing.
func TestProgressInTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, log := watch(t, nil)
		if progress, end := a.progress("changes", &session{}); progress != nil {
			t.Error("it is counted for nobody")
		} else {
			end()
		}
		a.verbose = true
		progress, end := a.progress("changes", &session{})
		progress.Begin("vendasta", 30)
		progress.Begin("partoo", 1)
		time.Sleep(time.Millisecond)
		progress.Done("partoo")
		for range 25 {
			time.Sleep(time.Second)
			progress.Done("vendasta")
		}
		end()
		end()
		want := `msg=progress provider=partoo changes=1 of=1 took=1ms
msg=progress provider=vendasta changes=9 of=30 rate=0.9/s left=24s
msg=progress provider=vendasta changes=19 of=30 rate=0.9/s left=12s
msg=progress provider=vendasta changes=25 of=30 rate=1.1/s left=5s
`
		if got := log.String(); got != want {
			t.Errorf("the log is\n%s\nand not\n%s", got, want)
		}
	})
}

func TestTimeAndRateWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Millisecond: "1s", 59 * time.Second: "59s", 59*time.Second + 1: "1m 00s", 61 * time.Second: "1m 01s",
		time.Hour - time.Second: "59m 59s", time.Hour: "1h 00m", 26*time.Hour + 5*time.Minute: "26h 05m",
	} {
		if got := timeWords(d); got != want || len(got) > len("59m 59s") {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
	for rate, want := range map[float64]string{1234.5: "1234/s", 10: "10/s", 7.94: "7.9/s", 0.1: "0.1/s", 0.05: "3.0/m"} {
		if got := rateWords(rate); got != want {
			t.Errorf("%g is %q, want %q", rate, got, want)
		}
	}
}

// TestBarsWhileListing: before the list of all users is read nobody is found, and that
// is said.
func TestBarsWhileListing(t *testing.T) {
	s := &session{inScope: []plan.Provider{
		{Config: sources.ProviderConfig{Name: "partoo", Lookup: sources.LookupList}}, {Config: sources.ProviderConfig{Name: "vendasta", Lookup: sources.LookupSearch}},
	}}
	m := &meter{what: lookups, names: make(map[string]*gauge), listed: s.listed}
	m.Begin("partoo", 9)
	m.Begin("vendasta", 9)
	bars := m.bars(time.Now(), 100)
	if !strings.HasSuffix(bars[0], "reading the list") || strings.Contains(bars[1], "list") {
		t.Errorf("%q", bars)
	}
	m.Done("partoo")
	if bars := m.bars(time.Now(), 100); strings.Contains(bars[0], "list") {
		t.Errorf("%q", bars)
	}
}
