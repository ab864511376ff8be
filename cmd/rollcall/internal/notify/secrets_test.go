package notify

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/sources"
)

const canary = "s3cr&t/canary<é>"

// poison writes a text into every string of a value.
func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(text)
		}
	case reflect.Pointer:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		poison(v.Elem(), text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				poison(v.Field(i), text)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	}
}

// No secret leaves in any field, in any form, into any receiver or the log.
func TestNoSecretIsTold(t *testing.T) {
	// Long texts have it at the place where they are cut too.
	for name, text := range map[string]string{
		"plain": canary, "in a sentence": "it is " + canary + ", look", "escaped": url.QueryEscape(canary),
		"encoded": base64.StdEncoding.EncodeToString([]byte("user:" + canary)),
		"cut":     strings.Repeat("x", longText-8) + canary, "cut short": strings.Repeat("x", shortText-8) + canary,
	} {
		t.Run(name, func(t *testing.T) {
			settings := everybody()
			settings.OpenFor, settings.QuietFor = 0, time.Hour
			bubble(t, settings, func(s *stage) {
				s.secrets.Remember(canary)
				var told []string
				s.options.Instance = text
				for _, outcome := range service.Outcomes {
					var r service.Report
					poison(reflect.ValueOf(&r).Elem(), text)
					r.Outcome = outcome
					r.Plan.Held[0].Reason, r.Plan.Held[0].Leaver = plan.HeldUnknown, true
					r.Plan.Guards[0].Tripped = true
					r.Result.Changes[0].Status = plan.Failed
					s.night(r)
					time.Sleep(2 * time.Hour)
				}
				s.set("hooks", func(*http.Request) (*http.Response, error) { return nil, errors.New(text) })
				s.night(broke(text))
				time.Sleep(time.Hour)
				synctest.Wait()
				for _, host := range []string{"hooks", "slack", "beat"} {
					for _, c := range s.at(host) {
						told = append(told, string(c.payload), c.header.Get("X-Rollcall-Event"))
						// As JSON has it, and as people read it.
						var value map[string]any
						if len(c.payload) > 0 && json.Unmarshal(c.payload, &value) != nil {
							t.Errorf("%s is no JSON", c.payload)
						}
					}
				}
				if len(told) < 10 {
					t.Fatalf("%d texts are told", len(told))
				}
				for _, text := range append(told, s.log.String()) {
					for _, part := range []string{"s3cr", "canary<", "canary&lt;", "canary%3C", url.QueryEscape(canary), "czNjciZ0", "zM2NyJnQ", "MzY3ImdC"} {
						if at := strings.Index(text, part); at >= 0 {
							t.Fatalf("%q is told in %q", part, text[max(at-100, 0):min(at+100, len(text))])
						}
					}
				}
			})
		})
	}
}

// Texts from outside move no cursor and turn no direction.
func TestTextsAreHarmless(t *testing.T) {
	bubble(t, everybody(), func(s *stage) {
		s.night(broke("a\x1b[2Jb\r\nc\u202ed\xffe\x00"))
		got := s.bodies()[0].Problems[0]
		if got != "a\ufffd[2Jb  c\ufffdd\ufffde\ufffd" {
			t.Errorf("it is told as %q", got)
		}
	})
}

// What is written in a roster or by a vendor can mention nobody, nor lead anywhere.
func TestSlackIsHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"<!channel> & <@U1>":           "&lt;!channel&gt; &amp; &lt;@U1&gt;",
		"@channel @HERE @all @alloy":   "@\u200bchannel @\u200bHERE @\u200ball @alloy",
		"ask @everyone.":               "ask @\u200beveryone.",
		"[sign in](https://evil.test)": "[sign in]\u200b(https://evil.test)",
		"<https://evil.test|sign in>":  "&lt;https://evil.test|sign in&gt;",
	} {
		if got := slackEscape(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		bubble(t, everybody(), func(s *stage) {
			r := failingRun(text, text)
			r.Result.Open = []plan.Open{{Provider: text, Email: text, Reason: text, Since: "1999-01-01"}}
			r.Error = text
			s.night(r)
			synctest.Wait()
			for _, c := range s.at("slack") {
				var message struct{ Text string }
				if err := json.Unmarshal(c.payload, &message); err != nil {
					t.Fatal(err)
				}
				if strings.ContainsAny(message.Text, "<>") || mention.MatchString(message.Text) || strings.Contains(message.Text, "](") {
					t.Errorf("Slack gets %q", message.Text)
				}
			}
			if len(s.at("slack")) != 2 {
				t.Errorf("Slack got %d", len(s.at("slack")))
			}
		})
	}
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{
		"https://hooks.slack.com/services/T0/B0/abc", "https://example.com/?a=b&c=d", "https://user:pass@example.com:8443/x",
		"http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:1/", "HTTPS://example.com",
	} {
		if err := CheckAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]error{
		"": errAddress, "example.com": errAddress, "https://": errAddress, "https:///x": errAddress, "https:example.com": errAddress,
		"ftp://example.com": errAddress, "file:///etc/passwd": errAddress, "https://example.com/#x": errAddress,
		"https://example.com/a b": errAddress, "https://example.com/%zz": errAddress, "https://exa\nmple.com": errAddress,
		"https://example.com/" + strings.Repeat("x", 9000): errAddress,
		"http://example.com/":                              errPlain, "http://10.0.0.1/": errPlain, "http://localhost.example.com/": errPlain,
	} {
		if err := CheckAddress(bad); err != want { //nolint:errorlint // these are never wrapped
			t.Errorf("%.40s: %v, want %v", bad, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	t.Setenv("NOTIFY_WEBHOOK", webhookURL+"\n")
	t.Setenv("NOTIFY_SIGN", "sign-canary")
	t.Setenv("NOTIFY_SLACK", "http://slack.example.com/slack-canary")
	ref := func(name string) *sources.SecretRef { return &sources.SecretRef{Env: name} }
	secrets := &sources.Secrets{}
	settings, err := Read(t.Context(), secrets, sources.NotifyConfig{
		Webhook: ref("NOTIFY_WEBHOOK"), Sign: ref("NOTIFY_SIGN"), OpenFor: time.Hour, QuietFor: 2 * time.Hour,
	})
	if err != nil || settings.Webhook.Reveal() != webhookURL || settings.Sign.Reveal() != "sign-canary" || settings.Slack.Reveal() != "" || settings.OpenFor != time.Hour || settings.QuietFor != 2*time.Hour {
		t.Errorf("%+v, %v", settings, err)
	}
	if text := secrets.Redact(webhookURL); strings.Contains(text, "canary") {
		t.Errorf("the address is no secret: %s", text)
	}
	_, err = Read(t.Context(), secrets, sources.NotifyConfig{Webhook: ref("NOTIFY_NOWHERE"), Slack: ref("NOTIFY_SLACK")})
	if err == nil || !strings.Contains(err.Error(), "notify.webhook.url: environment variable NOTIFY_NOWHERE is not set") || !strings.Contains(err.Error(), "notify.slack: is http to another machine") || strings.Contains(err.Error(), "canary") {
		t.Errorf("it says %v", err)
	}
}
