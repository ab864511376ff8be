package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/sources"
)

// only are settings with the webhook alone.
func only() Settings {
	settings := everybody()
	settings.Slack, settings.Heartbeat = sources.Secret{}, sources.Secret{}
	return settings
}

// verify checks a signature as a receiver does.
func verify(key string, c call) error {
	var at, mac string
	for part := range strings.SplitSeq(c.header.Get("X-Rollcall-Signature"), ",") {
		if value, is := strings.CutPrefix(part, "t="); is {
			at = value
		} else if value, is := strings.CutPrefix(part, "v1="); is {
			mac = value
		}
	}
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(at + "." + string(c.payload)))
	if hex.EncodeToString(h.Sum(nil)) != mac {
		return fmt.Errorf("the signature %q is not that of the body", c.header.Get("X-Rollcall-Signature"))
	}
	if at != strconv.FormatInt(c.at.Unix(), 10) {
		return fmt.Errorf("the signature is of %s, and it is %d", at, c.at.Unix())
	}
	return nil
}

func TestHeaders(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.night(broke("no"))
		id := s.bodies()[0].ID
		for host, want := range map[string]map[string]string{
			"hooks": {"X-Rollcall-Event": RunFailed, "X-Rollcall-Delivery": id, "Content-Type": "application/json", "User-Agent": "rollcall"},
			"slack": {"X-Rollcall-Event": "", "X-Rollcall-Delivery": id, "X-Rollcall-Signature": "", "Content-Type": "application/json"},
		} {
			for name, value := range want {
				if got := s.at(host)[0].header.Get(name); got != value {
					t.Errorf("%s: %s is %q, want %q", host, name, got, value)
				}
			}
		}
		c := s.at("hooks")[0]
		if err := verify("sign-canary", c); err != nil {
			t.Error(err)
		}
		c.payload = append(c.payload, ' ')
		if verify("sign-canary", c) == nil {
			t.Error("another body has the same signature")
		}
		if s.at("hooks")[0].url != webhookURL || s.at("slack")[0].url != slackURL {
			t.Error("the addresses are others")
		}
	})
	unsigned := only()
	unsigned.Sign = sources.Secret{}
	bubble(t, unsigned, func(s *stage) {
		s.night(broke("no"))
		synctest.Wait()
		if header := s.at("hooks")[0].header; header.Get("X-Rollcall-Signature") != "" {
			t.Error("it is signed with nothing")
		}
	})
}

// A receiver that is away for a while gets everything, in order, once for each id.
func TestRetries(t *testing.T) {
	bubble(t, only(), func(s *stage) {
		s.set("hooks", status(503))
		s.night(broke("one"))
		s.night(refused())
		time.Sleep(10 * time.Minute)
		s.set("hooks", nil)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		var ids []string
		var waits []time.Duration
		calls := s.at("hooks")
		for i, c := range calls {
			if err := verify("sign-canary", c); err != nil {
				t.Error(err)
			}
			ids = append(ids, c.header.Get("X-Rollcall-Delivery"))
			if i > 0 {
				waits = append(waits, c.at.Sub(calls[i-1].at))
			}
		}
		if len(ids) != 7 || len(slices.Compact(slices.Clone(ids))) != 2 || ids[6] == ids[5] {
			t.Fatalf("the deliveries are %v", ids)
		}
		for i, wait := range waits[:5] {
			if near := backoff[i]; wait < near*9/10 || wait > near*11/10 {
				t.Errorf("wait %d is %s, not about %s", i, wait, near)
			}
		}
		if failures := s.Failures(); failures[Webhook]+failures[Slack]+failures[Heartbeat] != 0 || len(failures) != 3 {
			t.Errorf("failures: %v", failures)
		}
	})
}

// What a receiver answers decides whether there is another attempt, and when.
func TestAnswers(t *testing.T) {
	header := func(after string) http.Header {
		return http.Header{"Retry-After": {after}, "Location": {"https://slack.example.com/elsewhere"}}
	}
	for name, c := range map[string]struct {
		answer   func(*http.Request) (*http.Response, error)
		attempts int
		second   time.Duration // until the second attempt; 0: any
		says     string
	}{
		"200":          {status(200), 1, 0, ""},
		"redirect":     {func(*http.Request) (*http.Response, error) { return respond(302, header(""), ""), nil }, 1, 0, "answered 302, and a redirect is not followed"},
		"same, kept":   {func(*http.Request) (*http.Response, error) { return respond(307, header(""), ""), nil }, 1, 0, "answered 307"},
		"gone":         {status(410), 1, 0, "answered 410"},
		"unauthorised": {status(401), 1, 0, "answered 401"},
		"busy":         {status(429), 6, 0, "answered 429"},
		"seconds":      {func(*http.Request) (*http.Response, error) { return respond(429, header("120"), ""), nil }, 6, 2 * time.Minute, ""},
		"date": {func(*http.Request) (*http.Response, error) {
			return respond(503, header("Sat, 01 Jan 2000 00:05:00 GMT"), ""), nil
		}, 6, 4 * time.Minute, ""},
		"too long": {func(*http.Request) (*http.Response, error) { return respond(503, header("86400"), ""), nil }, 6, maxRetryAfter, ""},
		"nonsense": {func(*http.Request) (*http.Response, error) { return respond(503, header("-5"), ""), nil }, 6, 0, ""},
		"refused":  {func(*http.Request) (*http.Response, error) { return nil, errRefused }, 6, 0, "connection refused"},
		"panic":    {func(*http.Request) (*http.Response, error) { panic("boo") }, 6, 0, "panic in the transport"},
		"hangs":    {hang, 6, 0, "no answer within 10s"},
		"names addresses": {func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("bad %s and %s", r.URL, r.URL.RawQuery)
		}, 6, 0, "[address]"},
		"endless body": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(endless{})}, nil
		}, 1, 0, ""},
		"body that hangs": {func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(hanging{r.Context()})}, nil
		}, 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, only(), func(s *stage) {
				s.set("hooks", c.answer)
				s.night(broke("no"))
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				calls := s.at("hooks")
				if len(calls) != c.attempts {
					t.Errorf("%d attempts, want %d", len(calls), c.attempts)
				}
				if c.second > 0 && len(calls) > 1 {
					if wait := calls[1].at.Sub(calls[0].at); wait != c.second {
						t.Errorf("the second attempt is after %s, want %s", wait, c.second)
					}
				}
				if !strings.Contains(s.log.String(), c.says) {
					t.Errorf("the log does not say %q: %s", c.says, s.log)
				}
				wantFailures := 0
				if c.says != "" || c.attempts > 1 {
					wantFailures = 1
					if !strings.Contains(s.log.String(), "level=WARN") || !strings.Contains(s.log.String(), "host=hooks.example.com") {
						t.Errorf("the log is %s", s.log)
					}
				}
				if got := s.Failures()[Webhook]; got != wantFailures {
					t.Errorf("%d failures, want %d", got, wantFailures)
				}
				if len(s.at("slack")) > 0 {
					t.Error("a redirect was followed")
				}
			})
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

// What nobody got is told again after the next run; what one got is not.
func TestUndeliveredIsToldAgain(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.set("hooks", status(410))
		s.night(broke("no"))
		time.Sleep(time.Minute)
		s.night(broke("no"))
		s.told(RunFailed) // Slack got it
		s.forget()
		s.set("slack", status(410))
		s.night(broke("other"))
		time.Sleep(time.Minute)
		s.set("hooks", nil)
		s.night(broke("other"))
		s.night(broke("other"))
		s.told(RunFailed, RunFailed)
	})
}

// A dead receiver fills its queue, no other's, and no run waits for it.
func TestDeadReceiver(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.set("hooks", hang)
		s.set("beat", hang)
		for i := range maxQueue + 3 {
			s.Ended(broke("error " + strings.Repeat("x", i)))
			synctest.Wait()
		}
		for range 3 {
			s.Ended(converged())
			synctest.Wait()
		}
		if got := len(s.at("slack")); got != maxQueue+4 {
			t.Errorf("Slack got %d", got)
		}
		s.Notifier.mu.Lock()
		queued := len(s.target(Webhook).queue)
		s.Notifier.mu.Unlock()
		if queued != maxQueue {
			t.Errorf("%d wait, want %d", queued, maxQueue)
		}
		if n := strings.Count(s.log.String(), "since too many wait"); n != 3+1 {
			t.Errorf("%d are told to be dropped", n)
		}
		s.set("hooks", nil)
		s.set("beat", nil)
	})
}

func TestClose(t *testing.T) {
	// What waits is delivered.
	bubble(t, everybody(), func(s *stage) {
		var tries atomic.Int32
		s.set("hooks", func(*http.Request) (*http.Response, error) {
			if tries.Add(1) < 3 {
				return respond(503, nil, ""), nil
			}
			return respond(200, nil, ""), nil
		})
		s.Ended(broke("no"))
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := s.Close(ctx); err != nil || tries.Load() != 3 || time.Since(begin) > 13*time.Second {
			t.Errorf("%v after %d tries and %s", err, tries.Load(), time.Since(begin))
		}
		s.Ended(broke("another")) // nobody is told any more
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if tries.Load() != 3 {
			t.Error("something is sent after the end")
		}
	})
	// What can not be delivered in time is dropped, and told.
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){"hangs": hang, "is away": status(503)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, only(), func(s *stage) {
				s.set("hooks", answer)
				s.Ended(broke("no"))
				s.Ended(refused())
				synctest.Wait()
				ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
				defer cancel()
				begin := time.Now()
				err := s.Close(ctx)
				if err == nil || err.Error() != "2 notifications were not delivered: there was no time left" {
					t.Errorf("the end says %v", err)
				}
				if took := time.Since(begin); took != 5*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// An address that is taken out of the settings gets nothing more, and another one gets
// what waits.
func TestConfigureMeanwhile(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.set("hooks", status(503))
		s.set("slack", status(503))
		s.night(broke("no"))
		time.Sleep(5 * time.Second) // two attempts
		settings := everybody()
		settings.Webhook, settings.Slack = sources.NewSecret("https://new.example.com/x"), sources.Secret{}
		if err := s.Configure(settings); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if hooks, slack, fresh := len(s.at("hooks")), len(s.at("slack")), len(s.at("new")); fresh != 1 || slack != 2 || hooks != 2 {
			t.Errorf("%d, %d, %d", hooks, slack, fresh)
		}
	})
}

// An address that can not be one is told, without it, and the one before stays.
func TestConfigureKeepsWhatWorks(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		settings := everybody()
		settings.Webhook, settings.Slack = sources.NewSecret("http://hooks.example.com/webhook-canary"), sources.NewSecret("slack-canary")
		err := s.Configure(settings)
		if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "notify.webhook.url: is http to another machine") || !strings.Contains(err.Error(), "notify.slack: is not an address") {
			t.Errorf("it says %v", err)
		}
		s.night(broke("no"))
		s.told(RunFailed)
		if len(s.at("slack")) != 1 {
			t.Error("Slack was not told")
		}
	})
}

// The transport of its own: over real connections, a redirect leads nowhere and an answer
// without an end costs no more than a moment.
func TestOwnTransport(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	got := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b body
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			got <- "moved"
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			t.Error(err)
		}
		got <- b.Event
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	n := New(Options{})
	if err := n.Configure(Settings{Webhook: sources.NewSecret(server.URL + "/in"), Slack: sources.NewSecret(server.URL + "/moved")}); err != nil {
		t.Fatal(err)
	}
	n.Ended(broke("no"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		t.Error(err)
	}
	events := []string{<-got, <-got}
	slices.Sort(events)
	if !slices.Equal(events, []string{"moved", RunFailed}) {
		t.Errorf("the receivers got %v", events)
	}
	if failures := n.Failures(); failures[Webhook] != 0 || failures[Slack] != 1 {
		t.Errorf("failures: %v", failures)
	}
}
