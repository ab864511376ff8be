package sources_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/sources"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := sources.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// TestScheduleOverClockChanges: nothing is skipped when clocks are put forward, and
// nothing comes twice when they are put back.
func TestScheduleOverClockChanges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, cron, zone, after, want string }{
		{"in the hour that is skipped", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
		{"in the hour that comes twice", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
		{"asked between the two", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-26T02:30:00+01:00 2026-10-27T02:30:00+01:00"},
		{"more than one in the skipped hour is one", "15,45 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:15:00+02:00"},
		{"the one that clocks are put forward to is not doubled", "30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-29T03:30:00+02:00"},
		{"each hour that passes, forward", "@hourly", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T03:00:00+02:00 2026-03-29T04:00:00+02:00"},
		{"each hour that passes, back", "0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T02:00:00+02:00 2026-10-25T02:00:00+01:00"},
		{"each hour of the day is the same", "0 0-23 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T02:00:00+02:00 2026-10-25T02:00:00+01:00"},
		{"half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00"},
		{"midnight is skipped", "@daily", "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-06T01:00:00-03:00 2026-09-07T00:00:00-03:00"},
		{"a day that was never", "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-31T00:00:00+14:00 2012-12-30T12:00:00+14:00"},
		{"no changes", "0 2 * * *", "America/Regina", "2026-03-08T07:00:00Z", "2026-03-08T02:00:00-06:00 2026-03-09T02:00:00-06:00"},
		{"from 1970 on", "@every 6h", "UTC", "2026-03-08T07:00:00Z", "2026-03-08T12:00:00Z 2026-03-08T18:00:00Z"},
		{"weekdays", "0 2 * * mon-fri", "UTC", "2026-11-27T02:00:00Z", "2026-11-30T02:00:00Z 2026-12-01T02:00:00Z"},
		{"a leap day", "0 2 29 2 *", "UTC", "2026-11-27T02:00:00Z", "2028-02-29T02:00:00Z 2032-02-29T02:00:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, test.after)
			if err != nil {
				t.Fatal(err)
			}
			schedule, err := sources.NewSchedule(test.cron, mustZone(t, test.zone), at)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range 2 {
				at = schedule.Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

// TestScheduleProperties: the times of a schedule rise, whatever lies between, each is
// the next one of every moment since the one before, and looking back finds the last.
func TestScheduleProperties(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca"}
	crons := []string{"30 2 * * *", "*/7 * * * *", "0 */5 * * *", "15,45 1-3 * * sun", "0 0 1 * *", "@hourly", "@every 95m", "59 23 31 12 *", "0 3 29 2 *"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := sources.LoadZone(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		schedule, err := sources.NewSchedule(rapid.SampledFrom(crons).Draw(t, "cron"), zone, time.Unix(1.7e9, 0))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1.5e9, 2e9).Draw(t, "at"), 0)
		first := schedule.Next(at)
		second := schedule.Next(first)
		if !first.After(at) || !second.After(first) {
			t.Fatalf("after %s comes %s, after that %s", at, first, second)
		}
		between := at.Add(time.Duration(rapid.Int64Range(0, int64(first.Sub(at))-1).Draw(t, "between")))
		if got := schedule.Next(between); !got.Equal(first) {
			t.Fatalf("after %s comes %s, not %s", between, got, first)
		}
		if got := schedule.Missed(at, first.Add(-1)); !got.IsZero() {
			t.Fatalf("nothing was missed, but %s", got)
		}
		if got := schedule.Missed(at, second); !got.Equal(second) {
			t.Fatalf("%s was missed, not %s", second, got)
		}
		if got := schedule.Missed(at, second.Add(-1)); !got.Equal(first) {
			t.Fatalf("%s was missed, not %s", first, got)
		}
	})
}

func FuzzSchedule(f *testing.F) {
	for _, text := range []string{"0 2 * * *", "@every 5m", "@daily", "TZ=", "CRON_TZ=x 0 0 * * *", "*/61 * * * *", "0 0 31 2 *", "? ? ? ? ?", "1-2/3,4 jan mon", "@", "99999999999999999999 * * * *"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := sources.NewSchedule(text, time.UTC, now)
		if err != nil {
			if schedule != nil || err.Error() == "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if next := schedule.Next(now); !next.After(now) {
			t.Errorf("%q comes next at %s", text, next)
		}
	})
}

// TestScheduleConfigured: what rollcall.yaml says comes through.
func TestScheduleConfigured(t *testing.T) {
	t.Parallel()
	config := mustConfig(t, `version: 1
schedule: {cron: "0 2 * * *", timeZone: America/Regina, jitter: 5m, catchUp: true, deadline: 90m}
ledger: {url: {env: LEDGER}, lease: 5s}
notify:
  webhook: {url: {env: HOOK}, sign: {file: sign.key}}
  slack: {env: SLACK}
  heartbeat: {command: [pass, beat]}
  openFor: 2d
  quietFor: 26h
listen: {address: "127.0.0.1:9090", token: {env: TOKEN}}
providers:
  vendasta: {partner: ABC, auth: {token: {env: TOKEN}}}
`)
	s := config.Schedule
	if next := s.Next(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)); next.Format(time.RFC3339) != "2026-11-29T02:00:00-06:00" {
		t.Errorf("next at %s", next)
	}
	if s.Jitter != 5*time.Minute || !s.CatchUp || s.Deadline != 90*time.Minute {
		t.Errorf("%+v", s)
	}
	if l := config.Ledger; l.URL == nil || l.URL.Env != "LEDGER" || l.Lease != 5*time.Second {
		t.Errorf("%+v", l)
	}
	n := config.Notify
	if n.Webhook.Env != "HOOK" || !strings.HasSuffix(n.Sign.File, "sign.key") || n.Slack.Env != "SLACK" || !slices.Equal(n.Heartbeat.Command, []string{"pass", "beat"}) ||
		n.OpenFor != 48*time.Hour || n.QuietFor != 26*time.Hour {
		t.Errorf("%+v", n)
	}
	if config.Listen.Address != "127.0.0.1:9090" || config.Listen.Token.Env != "TOKEN" {
		t.Errorf("%+v", config.Listen)
	}
	plain := mustConfig(t, "version: 1\nproviders: {vendasta: {partner: ABC, auth: {token: {env: TOKEN}}}}\n")
	if s := plain.Schedule; s.Cron != "" || !s.Next(time.Now()).IsZero() || s.Deadline != sources.DefaultDeadline || plain.Notify.OpenFor != sources.DefaultOpenFor || plain.Ledger.URL != nil {
		t.Errorf("defaults: %+v", plain)
	}
}
