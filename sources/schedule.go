package sources

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// DefaultDeadline is how long one run of the schedule may take unless the
// configuration says otherwise.
const DefaultDeadline = 4 * time.Hour

// A Schedule says when rollcall run syncs. The zero value never does.
type Schedule struct {
	// Cron is the expression as it is written: five fields, or a descriptor such as
	// @daily or @every 6h. Empty means that there is no schedule.
	Cron string
	// Jitter is by how much at most a run begins later than its time.
	Jitter time.Duration
	// CatchUp has a run that was missed while nobody was there made up for once, at the
	// start.
	CatchUp bool
	// Deadline is how long one run may take.
	Deadline time.Duration

	zone  *time.Location
	every time.Duration // of @every
	// fields is the expression, read as if in a zone that never changes its clocks.
	fields cron.Schedule
	// hourly tells that it names no hour: it goes by the time that passes, not by what
	// clocks show.
	hourly bool
}

// everyHour are all hours of a day, as the library has them.
const everyHour = 1<<24 - 1

// minEvery is the shortest time between two runs, which is what five fields can say too.
const minEvery = time.Minute

var (
	errNeverFires = errors.New("names a day that never comes, so it would never run")
	errCronZone   = errors.New("names a time zone: write it as timeZone beside cron")
	errEvery      = errors.New("runs too often: write @every with at least 1m")
	errCronForm   = errors.New(`is not a schedule: write five fields (minute, hour, day of month, month, day of week) such as "0 2 * * *", or @daily, @hourly, @every 6h`)
)

// stepForm is a step in a field of an expression.
var stepForm = regexp.MustCompile(`^[^/]*/([0-9]+)$`)

// cronFields are the fields of an expression, and the largest step that says something
// in each.
var cronFields = []struct {
	name string
	step int
}{{"minute", 59}, {"hour", 23}, {"day of month", 31}, {"month", 12}, {"day of week", 6}}

// NewSchedule reads a cron expression for a zone. now is when it has to have a next
// time.
func NewSchedule(text string, zone *time.Location, now time.Time) (*Schedule, error) {
	s := &Schedule{Cron: text, Deadline: DefaultDeadline, zone: zone}
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(strings.ToUpper(text), "TZ="):
		return nil, errCronZone // which would also end the program where nothing follows
	case strings.HasPrefix(text, "@every"):
		every, err := ParseDuration(strings.TrimSpace(strings.TrimPrefix(text, "@every")))
		if err != nil {
			return nil, fmt.Errorf("@every: %w", err)
		}
		if every < minEvery {
			return nil, errEvery
		}
		s.every = every
		return s, nil
	}
	fields := strings.Fields(text)
	if !strings.HasPrefix(text, "@") {
		if len(fields) != len(cronFields) {
			return nil, errCronForm
		}
		for i, field := range fields {
			if err := checkField(i, field); err != nil {
				return nil, err
			}
		}
	}
	parsed, err := parseCron(text)
	if err != nil {
		return nil, err
	}
	s.fields = parsed
	if spec, is := parsed.(*cron.SpecSchedule); is {
		s.hourly = spec.Hour&everyHour == everyHour
	}
	if s.Next(now).IsZero() {
		return nil, errNeverFires
	}
	return s, nil
}

// Every is a schedule whose times are so far apart, counted from 1970 on. It is not held
// to a minute.
func Every(apart time.Duration) *Schedule {
	return &Schedule{Cron: "@every " + apart.String(), Deadline: DefaultDeadline, zone: time.UTC, every: apart}
}

// checkField refuses what the library takes for something else.
func checkField(i int, field string) error {
	for part := range strings.SplitSeq(field, ",") {
		m := stepForm.FindStringSubmatch(part)
		if m == nil {
			continue
		}
		if n, err := strconv.Atoi(m[1]); err != nil || n < 1 || n > cronFields[i].step {
			return fmt.Errorf("%q steps over the whole %s: the step is from 1 to %d", part, cronFields[i].name, cronFields[i].step)
		}
	}
	return nil
}

// parseCron calls the library, which may panic over what it does not know.
func parseCron(text string) (schedule cron.Schedule, err error) {
	defer func() {
		if recover() != nil {
			err = errCronForm
		}
	}()
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	if schedule, err = parser.Parse(text); err == nil {
		return schedule, nil
	}
	if strings.Contains(err.Error(), "above maximum (6)") {
		return nil, errors.New("the day of the week is from 0 (Sunday) to 6 (Saturday), or sun to sat")
	}
	if _, reason, found := strings.Cut(err.Error(), ": "); found && !strings.Contains(reason, "\n") {
		return nil, fmt.Errorf("%w (%s)", errCronForm, reason)
	}
	return nil, errCronForm
}

// Next is the first time of the schedule after a moment, or the zero time where there
// is none.
//
// A time that is skipped when clocks are put forward comes when they have been; one that
// comes twice when they are put back counts once. A schedule that names no hour comes
// each hour that passes. The times of @every are counted from 1970 on, so that they are
// the same wherever and whenever a program starts.
func (s *Schedule) Next(after time.Time) time.Time {
	switch {
	case s == nil || s.Cron == "":
		return time.Time{}
	case s.every > 0:
		return time.Unix(0, 0).Add(after.Sub(time.Unix(0, 0)).Truncate(s.every) + s.every).In(s.zone)
	case s.hourly:
		return s.fields.Next(after.In(s.zone))
	}
	local := after.In(s.zone)
	shown := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	for {
		shown = s.fields.Next(shown)
		if shown.IsZero() {
			return time.Time{}
		}
		if next := whenShown(shown, s.zone); next.After(after) {
			return next
		}
	}
}

// whenShown is the first moment at which clocks of the zone show what t, in UTC, has, or
// if none does, the one at which they are put forward over it.
func whenShown(t time.Time, zone *time.Location) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
	begins, ends := at.ZoneBounds()
	if at.Day() != t.Day() || at.Hour() != t.Hour() || at.Minute() != t.Minute() {
		// Nobody's clock shows it. It is not said on which side of the change at lies.
		if !begins.IsZero() && at.Sub(begins) < 48*time.Hour {
			return begins
		}
		return ends
	}
	if !begins.IsZero() {
		// Shown twice, the first time is before the change.
		_, now := at.Zone()
		_, before := begins.Add(-1).Zone()
		if earlier := at.Add(time.Duration(now-before) * time.Second); before > now && earlier.Before(begins) {
			return earlier
		}
	}
	return at
}

// Missed is the last time of the schedule in the span after one moment up to another,
// or the zero time where there is none.
func (s *Schedule) Missed(after, upTo time.Time) time.Time {
	// Looked for from behind, since a span may hold very many: twice as far back each
	// time.
	for back := minEvery; ; back *= 2 {
		from := upTo.Add(-back)
		if from.Before(after) {
			from = after
		}
		last := time.Time{}
		for next := s.Next(from); !next.IsZero() && !next.After(upTo); next = s.Next(next) {
			last = next
		}
		if !last.IsZero() || !from.After(after) {
			return last
		}
	}
}
