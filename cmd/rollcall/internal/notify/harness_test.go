package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/schemas"
	"rollcall/sources"
)

const (
	webhookURL   = "https://hooks.example.com/in?token=webhook-canary"
	slackURL     = "https://slack.example.com/services/slack-canary"
	heartbeatURL = "https://beat.example.com/ping/heartbeat-canary"
)

// A call is a request that a receiver got.
type call struct {
	at      time.Time
	method  string
	url     string
	header  http.Header
	payload []byte
}

// receivers are all receivers, in memory.
type receivers struct {
	mu    sync.Mutex
	calls map[string][]call // by host
	// answer is what a host does; nil is 204.
	answer map[string]func(*http.Request) (*http.Response, error)
}

func (r *receivers) RoundTrip(request *http.Request) (*http.Response, error) {
	payload, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.calls[request.URL.Host] = append(r.calls[request.URL.Host], call{time.Now(), request.Method, request.URL.String(), request.Header.Clone(), payload})
	answer := r.answer[request.URL.Host]
	r.mu.Unlock()
	if answer == nil {
		return respond(204, nil, ""), nil
	}
	return answer(request)
}

func (r *receivers) at(host string) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call{}, r.calls[host+".example.com"]...)
}

func (r *receivers) set(host string, answer func(*http.Request) (*http.Response, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer[host+".example.com"] = answer
}

func respond(code int, header http.Header, text string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader(text))}
}

func status(code int) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return respond(code, nil, ""), nil }
}

// hang answers once the request is given up.
func hang(request *http.Request) (*http.Response, error) {
	<-request.Context().Done()
	return nil, request.Context().Err()
}

// A stage is a Notifier among receivers, in a bubble of its own.
type stage struct {
	*Notifier
	*receivers
	t       *testing.T
	secrets *sources.Secrets
	log     *logBuffer
	broken  atomic.Bool // has the clock panic once
}

// A logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func bubble(t *testing.T, settings Settings, play func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, secrets: &sources.Secrets{}, log: &logBuffer{}}
		s.receivers = &receivers{calls: map[string][]call{}, answer: map[string]func(*http.Request) (*http.Response, error){}}
		s.Notifier = New(Options{
			Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Now: func() time.Time {
				if s.broken.CompareAndSwap(true, false) {
					panic("no time")
				}
				return time.Now()
			},
			Transport: s.receivers, Secrets: s.secrets, Instance: "host-1",
		})
		if err := s.Configure(settings); err != nil {
			t.Fatal(err)
		}
		play(s)
		synctest.Wait()
		s.conform()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for _, canary := range []string{"webhook-canary", "slack-canary", "heartbeat-canary"} {
			if strings.Contains(s.log.String(), canary) {
				t.Errorf("the log holds an address: %s", s.log)
			}
		}
	})
}

// everybody are settings with all receivers.
func everybody() Settings {
	return Settings{
		Webhook: sources.NewSecret(webhookURL), Sign: sources.NewSecret("sign-canary"), Slack: sources.NewSecret(slackURL),
		Heartbeat: sources.NewSecret(heartbeatURL), OpenFor: 48 * time.Hour,
	}
}

// conform holds every body to the schema.
func (s *stage) conform() {
	s.t.Helper()
	schema, err := schemas.CompileNotification()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range s.at("hooks") {
		var value any
		if err := json.Unmarshal(c.payload, &value); err != nil {
			s.t.Fatal(err)
		}
		for _, violation := range schema.Validate(value) {
			s.t.Errorf("%s: %s", c.payload, violation)
		}
	}
}

// bodies are what the webhook got.
func (s *stage) bodies() []body {
	s.t.Helper()
	synctest.Wait()
	var all []body
	for _, c := range s.at("hooks") {
		var b body
		if err := json.Unmarshal(c.payload, &b); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// told are the events that the webhook got since the last time that was asked, with + for
// those that were told before.
func (s *stage) told(want ...string) {
	s.t.Helper()
	var got []string
	for _, b := range s.bodies() {
		event := b.Event
		if b.Repeated {
			event += "+"
		}
		got = append(got, event)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("told %v, want %v", got, want)
	}
}

// forget empties what the receivers got.
func (s *stage) forget() {
	s.t.Helper()
	synctest.Wait()
	s.conform()
	s.receivers.mu.Lock()
	defer s.receivers.mu.Unlock()
	clear(s.calls)
}

// night plays one run that ends as the report says.
func (s *stage) night(report service.Report) {
	s.t.Helper()
	report.Run = service.Run{Tick: time.Now().Truncate(time.Minute), Reason: service.Scheduled, Began: time.Now()}
	s.Began(report.Run)
	time.Sleep(time.Minute)
	report.Ended = time.Now()
	before := time.Now()
	s.Ended(report)
	if took := time.Since(before); took > 0 {
		s.t.Errorf("telling the end of a run took %s", took)
	}
	s.Waiting(time.Now().Add(24 * time.Hour))
}

// The runs that the tests play.

func aPlan() *plan.Plan {
	return &plan.Plan{Providers: []plan.ProviderState{{Name: "vendasta", State: plan.Read}, {Name: "partoo", State: plan.Read}}}
}

func converged() service.Report {
	return service.Report{Outcome: service.Converged, Plan: aPlan(), Result: plan.NewResult(nil), Providers: []string{"partoo", "vendasta"}}
}

// open is a run after which leavers have access still, and nothing else is wrong.
func open(leavers ...plan.Open) service.Report {
	r := converged()
	r.Outcome, r.Exit = service.Incomplete, plan.ExitIncomplete
	r.Result.Exit, r.Result.Open = plan.ExitIncomplete, leavers
	return r
}

// failing is a run in which the changes of some people fail.
func failingRun(why string, emails ...string) service.Report {
	r := open()
	for _, email := range emails {
		r.Result.Changes = append(r.Result.Changes, plan.ChangeResult{
			ID: "partoo/" + email, Provider: "partoo", Email: email, Action: plan.Update, Status: plan.Failed, Error: why,
		})
	}
	return r
}

func refused() service.Report {
	r := converged()
	r.Outcome, r.Exit = service.Refused, plan.ExitRefused
	r.Plan.Guards = []plan.GuardInfo{{Provider: "partoo", Guard: "maxRemovals", Figure: 7, Limit: 3, Base: 12, Tripped: true}}
	r.Plan.Changes = []plan.Change{{ID: "partoo/ana@example.com", Provider: "partoo", Email: "ana@example.com", Action: plan.Suspend, Blocked: plan.BlockedLimit}}
	r.Result = plan.NewResult(r.Plan)
	r.Result.Changes[0].Status, r.Result.Changes[0].Error = plan.Refused, ""
	return r
}

func unread() service.Report {
	r := open()
	r.Plan.Providers[1].State, r.Plan.Providers[1].Error = plan.Unread, "GET /user: 401"
	for i := range 3 {
		r.Plan.Held = append(r.Plan.Held, plan.Held{Provider: "partoo", Email: fmt.Sprintf("p%d@example.com", i), Reason: plan.HeldUnknown, Detail: "the provider could not be read"})
	}
	return r
}

func invalid(problems ...string) service.Report {
	return service.Report{Outcome: service.Invalid, Exit: plan.ExitInvalid, Problems: problems}
}

func broke(why string) service.Report {
	return service.Report{Outcome: service.Failed, Exit: plan.ExitError, Error: why, Providers: []string{"partoo"}}
}

func ana(since string) plan.Open {
	return plan.Open{Provider: "partoo", Email: "ana@example.com", UserID: "7", Reason: "manual: disable the user by hand", Since: since}
}

var errRefused = errors.New("connection refused")
