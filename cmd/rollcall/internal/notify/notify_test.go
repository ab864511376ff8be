package notify

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
)

const day = 24 * time.Hour

// Each way a run can end, and what is told of it.
func TestWhatARunTells(t *testing.T) {
	interrupted := open()
	interrupted.Outcome, interrupted.Exit, interrupted.Result.Interrupted = service.Interrupted, plan.ExitInterrupted, true
	interrupted.Result.Changes = []plan.ChangeResult{{Provider: "partoo", Email: "x@example.com", Status: plan.Skipped}}
	status := func(s plan.Status) service.Report {
		r := failingRun("why", "bill@example.com")
		r.Result.Changes[0].Status = s
		return r
	}
	partial := open()
	partial.Plan.Providers[0].State = plan.Partial
	warned := open(ana("2000-01-01"))
	warned.Problems = []string{"rollcall.yaml:3:1: a warning"}
	unrecorded := open()
	unrecorded.Result.Error = "the ledger could not be written"
	for name, c := range map[string]struct {
		report  service.Report
		event   string
		beats   int
		summary string
	}{
		"converged":    {converged(), "", 1, ""},
		"open leavers": {open(ana("2000-01-01")), "", 0, ""},
		"a warning":    {warned, "", 0, ""},
		"interrupted":  {interrupted, "", 0, ""},
		"overlapped":   {service.Report{Outcome: service.Overlapped, Exit: plan.ExitError, Error: "another run is under way"}, "", 0, ""},
		"broke":        {broke("the ledger is locked."), RunFailed, 0, "The run of 2000-01-01 00:00 UTC broke: the ledger is locked."},
		"invalid": {
			invalid("roster.yaml:3:1: two people are called ana@example.com", "roster.yaml:9:1: unknown key"), RunFailed, 0,
			"The run of 2000-01-01 00:00 UTC did nothing, since roster or configuration is wrong: roster.yaml:3:1: two people are called ana@example.com (and 1 more).",
		},
		"failed": {
			failingRun("PATCH /user/7: 500", "bill@example.com"), RunFailed, 0,
			"The run of 2000-01-01 00:00 UTC left something undone: partoo: update of bill@example.com: failed: PATCH /user/7: 500.",
		},
		"unknown": {status(plan.Unknown), RunFailed, 0, ""},
		"stale":   {status(plan.Stale), RunFailed, 0, ""},
		"skipped": {status(plan.Skipped), RunFailed, 0, ""},
		"unread": {
			unread(), RunFailed, 0,
			"The run of 2000-01-01 00:00 UTC left something undone: partoo: could not be read: GET /user: 401 (and 1 more).",
		},
		"partial":    {partial, RunFailed, 0, "The run of 2000-01-01 00:00 UTC left something undone: vendasta: not everything could be read."},
		"unrecorded": {unrecorded, RunFailed, 0, ""},
		"silent":     {service.Report{Outcome: service.Incomplete, Exit: 3}, RunFailed, 0, ""},
		"unheard of": {service.Report{Outcome: "odd", Exit: 9}, RunFailed, 0, ""},
		"refused": {
			refused(), RunRefused, 0,
			"A guard refused what the run of 2000-01-01 00:00 UTC was to do: partoo: the guard maxRemovals tripped: 7 where 3 are allowed (and 1 more); the rest was done as far as it could be.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, everybody(), func(s *stage) {
				s.night(c.report)
				bodies := s.bodies()
				if c.event == "" {
					s.told()
					if slack := s.at("slack"); len(slack) > 0 {
						t.Errorf("Slack got %s", slack[0].payload)
					}
				} else {
					s.told(c.event)
					if len(bodies) == 1 && c.summary != "" && bodies[0].Summary != c.summary {
						t.Errorf("it says %q, want %q", bodies[0].Summary, c.summary)
					}
					if slack := s.at("slack"); len(slack) != 1 || !strings.Contains(string(slack[0].payload), `{"text":"*rollcall: `) {
						t.Errorf("Slack got %v", slack)
					}
				}
				if beats := s.at("beat"); len(beats) != c.beats {
					t.Errorf("%d heartbeats, want %d", len(beats), c.beats)
				} else if c.beats > 0 && (beats[0].method != "GET" || len(beats[0].payload) > 0 || beats[0].url != heartbeatURL) {
					t.Errorf("the heartbeat is %+v", beats[0])
				}
			})
		})
	}
}

// What a body holds.
func TestBody(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		r := unread()
		r.Commit = "c0ffee"
		r.Result.Open = []plan.Open{ana("1999-12-20"), {Provider: "vendasta", Email: "new@example.com", Reason: "x", Since: "2000-01-01"}}
		s.night(r)
		bodies := s.bodies()
		s.told(RunFailed, LeaverOpen)
		b := bodies[0]
		if b.Run == nil || b.Run.Tick != "2000-01-01T00:00:00Z" || b.Run.Ended != "2000-01-01T00:01:00Z" || b.Run.Outcome != "incomplete" || b.Run.Exit != 3 || b.Run.Commit != "c0ffee" {
			t.Errorf("the run is %+v", b.Run)
		}
		if b.Instance != "host-1" || b.Since != "2000-01-01T00:01:00Z" {
			t.Errorf("the body is %+v", b)
		}
		if want := []providerBody{{"vendasta", "read", ""}, {"partoo", "unread", "GET /user: 401"}}; !slices.Equal(b.Providers, want) {
			t.Errorf("the providers are %+v", b.Providers)
		}
		if b.Counts == nil || b.Counts.Open != 2 {
			t.Errorf("the counts are %+v", b.Counts)
		}
		if want := "partoo: 3 people could not be looked up; the first is p0@example.com: the provider could not be read"; b.ProblemsTotal != 2 || b.Problems[1] != want {
			t.Errorf("the problems are %q", b.Problems)
		}
		l := bodies[1]
		if l.Summary != "1 leaver has kept access for 2 days or longer: ana@example.com at partoo since 1999-12-20." || l.Since != "1999-12-20T00:00:00Z" {
			t.Errorf("the leaver's is %+v", l)
		}
		if want := []leaverBody{{"partoo", "ana@example.com", "1999-12-20", "manual: disable the user by hand"}}; !slices.Equal(l.Leavers, want) {
			t.Errorf("the leavers are %+v", l.Leavers)
		}
	})
}

// However much goes wrong, a body is bounded and says how much there is.
func TestBounds(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		var emails []string
		r := open()
		for i := range 3000 {
			email := strings.Repeat("x", i%7) + string(rune('a'+i%26)) + time.Unix(int64(i), 0).UTC().Format("150405") + "@example.com"
			emails = append(emails, email)
			r.Result.Open = append(r.Result.Open, plan.Open{Provider: "partoo", Email: email, Reason: strings.Repeat("long ", 150), Since: "1999-01-01"})
		}
		r.Result.Changes = failingRun(strings.Repeat("&<é", 200), emails...).Result.Changes
		s.night(r)
		s.told(RunFailed, LeaverOpen)
		for _, b := range s.bodies() {
			if len(b.Problems) != maxProblems || b.ProblemsTotal != 3000 || len(b.Leavers) != maxLeavers || b.LeaversTotal != 3000 {
				t.Errorf("%d of %d problems, %d of %d leavers", len(b.Problems), b.ProblemsTotal, len(b.Leavers), b.LeaversTotal)
			}
		}
		for host, most := range map[string]int{"hooks": 100_000, "slack": 5 * maxSlack} {
			for _, c := range s.at(host) {
				if len(c.payload) > most {
					t.Errorf("%s got %d bytes", host, len(c.payload))
				}
			}
		}
	})
}

// The same every night is told once a day, whatever ids and times its errors have; more
// of it is told at once, and less of it is not.
func TestSameIsToldOnceADay(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		hour := func(r service.Report) { // one hour from the begin of a run to the next
			s.night(r)
			time.Sleep(time.Hour - time.Minute)
		}
		hour(failingRun("PATCH /user/7: 500 (request 8f3a-11)", "bill2@example.com"))
		hour(failingRun("PATCH /user/7: 500 (request 77b1-90) after 12.5s", "bill2@example.com"))
		s.told(RunFailed, RunFailed) // another text
		s.forget()
		hour(failingRun("PATCH /user/7: 500 (request 0c-4) after 9s", "bill2@example.com"))
		s.told()
		hour(failingRun("PATCH /user/7: 403 (request 0c-4) after 9s", "bill2@example.com"))
		s.told(RunFailed)
		hour(failingRun("PATCH /user/7: 403 (request 0c-4) after 9s", "bill2@example.com", "bill3@example.com"))
		s.told(RunFailed, RunFailed)
		s.forget()
		hour(failingRun("PATCH /user/7: 403 (request 0c-4) after 9s", "bill3@example.com"))
		s.told()
		hour(failingRun("PATCH /user/7: 403 (request 0c-4) after 9s", "bill2@example.com", "bill3@example.com"))
		s.told(RunFailed) // he was well in between
		s.forget()
		for range 23 {
			hour(failingRun("PATCH /user/7: 403 (request 0c-4) after 9s", "bill3@example.com"))
			s.told()
		}
		hour(failingRun("PATCH /user/7: 403 (request 0c-4) after 9s", "bill3@example.com"))
		s.told(RunFailed + "+")
		if b := s.bodies()[0]; !strings.HasPrefix(b.Summary, "Still: the run of ") || b.Since != "2000-01-01T00:01:00Z" {
			t.Errorf("it says %q since %s", b.Summary, b.Since)
		}
		s.forget()
		// It is told again where there is no run too.
		time.Sleep(day)
		s.told(RunFailed + "+")
		s.forget()
		hour(refused())
		s.told(RunRefused)
	})
}

// Places of a roster tell one mistake from another.
func TestPlacesAreNotTheSame(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.night(invalid("roster.yaml:3:1: unknown key"))
		s.night(invalid("roster.yaml:3:1: unknown key"))
		s.told(RunFailed)
		s.night(invalid("roster.yaml:4:1: unknown key"))
		s.told(RunFailed, RunFailed)
	})
}

func TestRecovery(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.night(converged())
		s.told() // nothing was wrong
		s.night(broke("no"))
		interrupted := service.Report{Outcome: service.Interrupted, Exit: plan.ExitInterrupted}
		s.night(interrupted)
		s.night(service.Report{Outcome: service.Overlapped})
		s.told(RunFailed)
		s.forget()
		// A leaver is open for long: the run is well, all is not.
		s.night(open(ana("1999-12-01")))
		s.told(LeaverOpen)
		s.night(converged())
		s.told(LeaverOpen, Recovered)
		if b := s.bodies()[1]; b.Summary != "All is well again: the run of 2000-01-01 00:05 UTC left nothing undone." || b.Since != "1999-12-01T00:00:00Z" || b.ProblemsTotal+b.LeaversTotal > 0 {
			t.Errorf("the recovery is %+v", b)
		}
		s.forget()
		s.night(converged())
		s.told()
		s.night(broke("no"))
		s.night(open(ana("2000-01-01")))
		s.told(RunFailed, Recovered) // one who left today is no trouble yet
		if b := s.bodies()[1]; !strings.Contains(b.Summary, "did all that it could; 1 leaver has access still") {
			t.Errorf("the recovery is %q", b.Summary)
		}
	})
	// What was wrong before this process is told to be well too.
	bubble(t, everybody(), func(s *stage) {
		s.Remember(Past{Troubled: true})
		s.night(converged())
		s.told(Recovered)
	})
}

func TestLeaverOpen(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.night(open(ana("2000-01-01")))
		time.Sleep(47 * time.Hour)
		s.told()
		time.Sleep(time.Hour) // no run is needed to tell
		s.told(LeaverOpen)
		s.night(open(ana("2000-01-01")))
		s.told(LeaverOpen)
		bill := plan.Open{Provider: "vendasta", Email: "bill@example.com", Reason: "failed: 403", Since: "1999-01-01"}
		s.night(open(ana("2000-01-01"), bill))
		s.told(LeaverOpen, LeaverOpen)
		s.forget()
		// A run that does not come so far says nothing about leavers: they stay open.
		s.night(broke("no"))
		s.told(RunFailed)
		s.forget()
		time.Sleep(day)
		s.told(LeaverOpen+"+", RunFailed+"+")
	})
	// Without a ledger it counts since he was first seen.
	bubble(t, everybody(), func(s *stage) {
		for range 2 {
			s.night(open(ana("")))
			time.Sleep(day - time.Minute)
		}
		s.told()
		s.night(open(ana("")))
		s.told(LeaverOpen)
		s.night(open())
		s.night(open(ana("")))
		s.told(LeaverOpen, Recovered)
	})
	now := everybody()
	now.OpenFor = 0
	bubble(t, now, func(s *stage) {
		s.night(open(ana("")))
		s.told(LeaverOpen)
	})
}

func TestQuiet(t *testing.T) {
	settings := everybody()
	settings.QuietFor = 26 * time.Hour
	bubble(t, settings, func(s *stage) {
		s.Waiting(time.Now().Add(time.Hour))
		time.Sleep(26*time.Hour - time.Minute)
		s.told()
		time.Sleep(2 * time.Minute)
		s.told(Quiet)
		if b := s.bodies()[0]; b.Summary != "No run has succeeded since 2000-01-01 00:00 UTC, for 26 hours, and none has ended since this instance began." || b.Run != nil {
			t.Errorf("it says %+v", b)
		}
		s.forget()
		// Runs that fail do not end it, nor does one that begins.
		s.night(broke("no"))
		s.night(broke("no"))
		s.told(RunFailed)
		s.forget()
		s.night(open(ana("2000-01-02"))) // which did all that it could
		s.told(Recovered)
	})
	// What is known from before counts, after a moment in which a missed run may begin.
	bubble(t, settings, func(s *stage) {
		s.Remember(Past{Succeeded: time.Now().Add(-30 * time.Hour)})
		s.Waiting(time.Now())
		s.told()
		s.night(converged())
		time.Sleep(25 * time.Hour)
		s.told()
	})
	bubble(t, settings, func(s *stage) {
		s.Remember(Past{Succeeded: time.Now().Add(-30 * time.Hour)})
		s.Waiting(time.Now().Add(5 * time.Hour))
		time.Sleep(2 * time.Minute)
		s.told(Quiet)
	})
	// A single run tells it at once.
	bubble(t, settings, func(s *stage) {
		s.Remember(Past{Succeeded: time.Now().Add(-30 * time.Hour)})
		s.Ended(broke("no"))
		s.told(RunFailed, Quiet)
	})
	// A run that hangs is not waited for forever.
	bubble(t, settings, func(s *stage) {
		s.Waiting(time.Now())
		time.Sleep(25 * time.Hour)
		s.Began(service.Run{Began: time.Now()})
		time.Sleep(25 * time.Hour)
		s.told()
		time.Sleep(2 * time.Hour)
		s.told(Quiet)
	})
	// Whoever stands by leaves it to the one that runs, and what it knew is old.
	bubble(t, settings, func(s *stage) {
		s.night(broke("no"))
		s.night(open(ana("2000-01-01")))
		s.told(RunFailed, Recovered)
		s.forget()
		s.night(broke("no"))
		s.Standby("host-2")
		time.Sleep(100 * time.Hour)
		s.told(RunFailed)
		s.Waiting(time.Now().Add(time.Hour))
		s.Skipped(3)
		time.Sleep(25 * time.Hour)
		s.told(RunFailed)
		time.Sleep(2 * time.Hour)
		s.told(RunFailed, Quiet)
	})
}

// Nobody is told before there is anybody to tell, and then it is.
func TestConfigureTellsWhatIsWrong(t *testing.T) {
	bubble(t, Settings{}, func(s *stage) {
		s.night(broke("no"))
		time.Sleep(3 * day)
		if err := s.Configure(everybody()); err != nil {
			t.Fatal(err)
		}
		s.told(RunFailed)
		time.Sleep(time.Hour)
		if err := s.Configure(Settings{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * day)
		synctest.Wait()
		s.told(RunFailed)
	})
}

// A bug in what is told of a run harms no run.
func TestEndedContainsPanics(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		synctest.Wait()
		s.broken.Store(true)
		s.Ended(service.Report{Outcome: service.Failed})
		if !strings.Contains(s.log.String(), "could not be told") {
			t.Errorf("the log is %s", s.log)
		}
		s.night(broke("no"))
		s.told(RunFailed)
	})
}
