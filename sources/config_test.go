package sources_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// loadConfig reads a configuration alone.
func loadConfig(t testing.TB, text string) (*sources.Config, sources.Diagnostics) {
	t.Helper()
	return sources.LoadConfig(filepath.Join(folder(t, map[string]string{"rollcall.yaml": text}), "rollcall.yaml"))
}

func mustConfig(t testing.TB, text string) *sources.Config {
	t.Helper()
	config, ds := loadConfig(t, text)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	return config
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	config := mustConfig(t, minimal)
	p, known := config.Provider("vendasta")
	if !known || len(config.Providers) != 1 {
		t.Fatalf("providers: %v", config.Providers)
	}
	if diff := cmp.Diff([]string{"roster.yaml"}, config.Roster); diff != "" {
		t.Error(diff)
	}
	if config.Zone != time.UTC || config.Guardrails.MaxRemovals.Set || config.Guardrails.Protect != nil {
		t.Errorf("zone %v, guardrails %v", config.Zone, config.Guardrails)
	}
	if p.Kind != "vendasta" || p.Mode != sources.ModeFull || p.OnLeave != "" || p.Concurrency != 8 || p.Timeout != 30*time.Second ||
		p.Retries != 4 || p.RateSet || p.BaseURL != "" || p.TokenURL != "" {
		t.Errorf("defaults: %+v", p)
	}
	if _, known := config.Provider("nobody"); known {
		t.Error("a provider that is not configured is known")
	}
}

func TestConfigEveryKey(t *testing.T) {
	t.Parallel()
	config := mustConfig(t, `version: 1
x-note: {any: [thing]}
roster: [a.yaml, people/, "-"]
schedule: {timeZone: America/Regina, x-note: 1}
guardrails: {maxRemovals: 12.5%, protect: [Owner@example.com, "*@*.example.com"], x-note: 1}
providers:
  x-off: {kind: whatever, any: thing}
  zeta:
    kind: vendasta
    partner: ABC
    auth: {serviceAccount: {command: [pass, show, vendasta], x-note: 1}, x-note: hunter2}
    baseURL: https://sandbox.example.com/platform//
    tokenURL: http://[::1]:8080/token
    onLeave: delete
    mode: add
    lookup: search
    concurrency: 2
    rate: [8/s, 10000/h]
    timeout: 1m30s
    retries: 0
    x-note: 1
  alpha: {kind: vendasta, partner: abcd, auth: {token: {file: secrets/token}}, rate: unlimited}
`)
	if diff := cmp.Diff([]string{"a.yaml", "people/", "-"}, config.Roster); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"zeta": "vendasta", "alpha": "vendasta"}, config.Kinds()); diff != "" {
		t.Error(diff)
	}
	if config.Zone.String() != "America/Regina" {
		t.Errorf("zone %s", config.Zone)
	}
	limit := config.Guardrails.MaxRemovals
	if !limit.Set || !limit.Share || limit.Percent != 12.5 || limit.String() != "12.5%" {
		t.Errorf("limit %+v", limit)
	}
	if protect := config.Guardrails.Protect; len(protect) != 2 || !protect[0].Match("OWNER@example.com") || !protect[1].Match("a@b.example.com") {
		t.Errorf("protect %v", protect)
	}
	alpha, zeta := config.Providers[0], config.Providers[1]
	if alpha.Name != "alpha" || zeta.Name != "zeta" {
		t.Fatalf("not sorted by name: %s, %s", alpha.Name, zeta.Name)
	}
	if !alpha.RateSet || alpha.Rate != nil || alpha.Rate.String() != "unlimited" {
		t.Errorf("rate %v", alpha.Rate)
	}
	if file := alpha.Auth["token"].File; file != filepath.Join(filepath.Dir(config.File), "secrets", "token") {
		t.Errorf("a secret's file is relative to the configuration, not %s", file)
	}
	if command := zeta.Auth["serviceAccount"].Command; !slices.Equal(command, []string{"pass", "show", "vendasta"}) {
		t.Errorf("command %q", command)
	}
	if len(zeta.Auth) != 1 || !cmp.Equal(zeta.Settings, map[string]string{"partner": "ABC"}) {
		t.Errorf("auth %v, settings %v", zeta.Auth, zeta.Settings)
	}
	if zeta.BaseURL != "https://sandbox.example.com/platform" || zeta.TokenURL != "http://[::1]:8080/token" {
		t.Errorf("URLs %s, %s", zeta.BaseURL, zeta.TokenURL)
	}
	if zeta.OnLeave != sources.LeaveDelete || zeta.Mode != sources.ModeAdd || zeta.Concurrency != 2 || zeta.Retries != 0 || zeta.Timeout != 90*time.Second {
		t.Errorf("%+v", zeta)
	}
	if want := (sources.Rate{{Requests: 8, Per: time.Second}, {Requests: 10000, Per: time.Hour}}); !cmp.Equal(zeta.Rate, want) || zeta.Rate.String() != "8/s, 10000/h" {
		t.Errorf("rate %v", zeta.Rate)
	}
	if o := zeta.Origin; o.Line != 8 || o.Column != 3 {
		t.Errorf("origin %s", o)
	}
}

// TestConfigRefuses has one mistake a case: the line, written into a whole that is
// right otherwise, and what is said of it.
func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ top, provider, want string }{
		{top: "ledger: {keep: 12h}", want: "2:16: write a time of at least 1d, such as 30d"},
		{top: "ledger: {require: yes}", want: `2:19: must be true or false, not "yes"`},
		{top: `schedule: {cron: "0 2 * *"}`, want: `2:18: "0 2 * *" is not a schedule: write five fields (minute, hour, day of month, month, day of week) such as "0 2 * * *", or @daily, @hourly, @every 6h`},
		{top: `schedule: {cron: "0 0 31 2 *"}`, want: `2:18: "0 0 31 2 *" names a day that never comes, so it would never run`},
		{top: `schedule: {cron: "TZ=Asia/Tokyo"}`, want: `2:18: "TZ=Asia/Tokyo" names a time zone: write it as timeZone beside cron`},
		{top: `schedule: {cron: "@every 1s"}`, want: `2:18: "@every 1s" runs too often: write @every with at least 1m`},
		{top: `schedule: {cron: "*/61 * * * *"}`, want: `2:18: "*/61 * * * *" "*/61" steps over the whole minute: the step is from 1 to 59`},
		{top: `schedule: {cron: "0 2 * * 7"}`, want: `2:18: "0 2 * * 7" the day of the week is from 0 (Sunday) to 6 (Saturday), or sun to sat`},
		{top: `schedule: {cron: "@hourly", jitter: 1h}`, want: "2:37: must be shorter than the time between two runs of cron"},
		{top: `schedule: {deadline: 10s}`, want: "2:22: write a time from 1m to 1d"},
		{top: `ledger: {path: a.db, url: {env: DB}}`, want: "2:16: a ledger is a file or in a database: leave out path or url"},
		{top: `listen: {address: "0.0.0.0:9090"}`, want: "2:19: is open to other machines, which takes a token: write token: {env: NAME} beside it, or an address of this machine such as 127.0.0.1:9090"},
		{top: `listen: {address: ":9090"}`, want: "2:19: is open to other machines, which takes a token: write token: {env: NAME} beside it, or an address of this machine such as 127.0.0.1:9090"},
		{top: `ledger: "postgres://u:open-sesame@db/x"`, want: "2:9: is the address of a database, and secrets never stand in a file: write ledger: {url: {env: NAME}}, and the address in that variable"},
		{top: `ledger: {path: "postgres://u:open-sesame@db/x"}`, want: "2:16: is the address of a database, and secrets never stand in a file: write ledger: {url: {env: NAME}}, and the address in that variable"},
		{top: `roster: ["https://u:open-sesame@example.com/r.git"]`, want: "2:10: is the address of a repository: write {git: ADDRESS, ref: main}, without a user or password in it"},
		{top: `roster: ["git@example.com:r.git"]`, want: "2:10: is the address of a repository: write {git: ADDRESS, ref: main}, without a user or password in it"},
		{top: `notify: "https://hooks.example.com/open-sesame"`, want: "2:9: must be a mapping such as {webhook: {url: {env: NAME}}, quietFor: 26h}"},
		{top: `notify: {webhook: "https://hooks.example.com/open-sesame"}`, want: "2:19: must be a mapping such as {url: {env: NAME}, sign: {env: NAME}}"},
		{top: `notify: {webhook: {url: {env: "https://hooks.example.com/open-sesame"}}}`, want: "2:31: must be the name of an environment variable: letters, digits and _, no digit first"},
		{top: `notify: {slack: "https://hooks.example.com/open-sesame"}`, want: "2:17: secrets never stand in a file of rollcall: write {env: NAME}, {file: PATH} or {command: [program, argument]}"},
		{top: `notify: {webhok: {}}`, want: `2:10: unknown key "webhok"; did you mean "webhook"?`},
		{top: `schedule: "0 2 * * *"`, want: `2:11: must be a mapping such as {cron: "0 2 * * *", timeZone: America/Regina}`},
		{top: `listen: {address: localhost}`, want: `2:19: must be an address and a port such as 127.0.0.1:9090, not "localhost"`},
		{top: `notify: {slack: "https://hooks.example.com/x"}`, want: "2:17: secrets never stand in a file of rollcall: write {env: NAME}, {file: PATH} or {command: [program, argument]}"},
		{provider: "onLeave: {suspend: now, delete: 1h}", want: "7:37: write a time of at least 1d, such as 30d"},
		{provider: "onLeave: {delete: 30d}", want: "7:14: suspend is missing"},
		{provider: "onLeave: deactivate", want: `7:14: must be one of suspend, delete, keep, not "deactivate"`},
		{provider: "lookup: ledger", want: `7:13: must be one of search, list, auto, not "ledger"`},
		{provider: "assume: [update]", want: `7:5: unknown key "assume": known here are auth, baseURL, concurrency, kind, lookup, mode, onLeave, partner, rate, retries, timeout, tokenURL`},
		{top: "guardrail: {}", want: `2:1: unknown key "guardrail"; did you mean "guardrails"?`},
		{top: "schedule: {timeZone: Local}", want: `2:22: must be a time zone such as America/Regina, not "Local"`},
		{top: "roster: roster.yaml", want: `2:9: must be a list, not "roster.yaml"`},
		{top: "roster: []", want: "2:9: must have at least 1 item"},
		{top: "roster: [a.yaml, a.yaml]", want: `2:18: "a.yaml" stands in this list twice`},
		{top: "guardrails: {maxRemovals: -1}", want: "2:27: must be at least 0, not -1"},
		{top: "guardrails: {maxRemovals: 101%}", want: `2:27: must be a whole number or a share such as 10%, not "101%"`},
		{top: "guardrails: {maxRemovals: 1.5}", want: "2:27: must be a whole number or a share such as 10%"},
		{top: "guardrails: {protect: [nobody]}", want: `2:24: must be an address or a pattern such as "*@breakglass.example.com", not "nobody"`},
		{top: `guardrails: {protect: ["*@b\u00fc*.example"]}`, want: "2:24: \"*@b\u00fc*.example\" has a * beside a letter that is not ASCII in one label of its domain: write that label without *, or in its xn-- form"},
		{top: `guardrails: {protect: ["a@b..c"]}`, want: `2:24: "a@b..c" is not an email address: write it like ana@example.com`},
		{provider: "timeout: 0s", want: "7:14: write a time of more than 0s and at most 10m"},
		{provider: "timeout: 1d", want: "7:14: write a time of more than 0s and at most 10m"},
		{provider: "timeout: 30", want: "7:14: must be a duration such as 30s, 1m30s or 2d"},
		{provider: "timeout: soon", want: `7:14: must be a duration such as 30s, 1m30s or 2d, not "soon"`},
		{provider: "concurrency: 0", want: "7:18: must be from 1 to 100, not 0"},
		{provider: "retries: 11", want: "7:14: must be from 0 to 10, not 11"},
		{provider: "rate: fast", want: `7:11: must be a rate such as 8/s, 300/m or 10000/h, a list of these, or unlimited, not "fast"`},
		{provider: "rate: [8/s, unlimited]", want: `7:17: must be a rate such as 8/s, 300/m or 10000/h, not "unlimited"`},
		{provider: "rate: [8/s, null]", want: "7:17: must be text: null is not allowed in a list"},
		{provider: "mode: dry", want: `7:11: must be one of report, add, full, not "dry"`},
		{provider: "baseURL: http://api.example.com", want: "7:14: http:// would send credentials in the clear: write https:// (http:// is allowed for this machine only)"},
		{provider: "baseURL: https://api.example.com:port", want: "7:14: is not a URL: write it like https://host/path"},
		{provider: "tokenURL: ftp://api.example.com", want: `7:15: must be an https:// address without user, query and fragment, such as https://api.example.com/v2, not "ftp://api.example.com"`},
	} {
		name := test.top + test.provider
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top, provider := test.top, test.provider
			if top == "" {
				top = "x-nothing: 0"
			}
			if provider == "" {
				provider = "x-nothing: 0"
			}
			config, ds := loadConfig(t, "version: 1\n"+top+"\nproviders:\n  vendasta:\n    partner: ABC\n    auth: {token: {env: TOKEN}}\n    "+provider+"\n")
			if config != nil || len(ds) != 1 || !ds.Failed() {
				t.Fatalf("configuration %v, diagnostics:\n%v", config, ds)
			}
			_, said, _ := strings.Cut(ds[0].String(), "rollcall.yaml:")
			if said != test.want {
				t.Errorf("said  %s\nwanted %s", said, test.want)
			}
			if shown := ds[0].Message + ds[0].Source; strings.Contains(shown, "sesame") {
				t.Errorf("a secret is shown: %s", shown)
			}
		})
	}
}

func TestConfigRefusesWhatIsNoConfiguration(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "# nothing\n", "null\n", "- a\n", "text\n", "version: 2\n", "providers: {}\n", "version: 1\nproviders: null\n", "version: 1\nproviders: []\n",
		"version: 1\nproviders: {Vendasta: {kind: vendasta}}\n", "version: 1\nproviders: {vendasta: null}\n", "version: 1\nproviders: {vendasta: 5}\n",
		"version: 1\nproviders: {fax: {}}\n", "version: 1\nproviders: {intelagree: {auth: {subscriptionKey: {env: KEY}}}}\n", "version: \"1\"\n", "a: &a [*a]\n",
		"version: 1\n---\nversion: 1\n", "\x00", "version: 1\nversion: 1\n", "version: 1\nproviders: {vendasta: {kind: [vendasta]}}\n",
	} {
		config, ds := loadConfig(t, text)
		if config != nil || !ds.Failed() {
			t.Errorf("%q was accepted", text)
		}
		l := load(t, map[string]string{"rollcall.yaml": text, "roster.yaml": "version: 1\npeople: [{email: a@example.com}]\n"})
		if !l.diagnostics.Failed() {
			t.Errorf("%q was accepted with a roster", text)
		}
	}
}

func TestTwoProvidersOfOneKind(t *testing.T) {
	t.Parallel()
	l := load(t, map[string]string{
		"rollcall.yaml": minimal + "  agency: {kind: vendasta, partner: DEF, auth: {token: {env: TOKEN}}}\n",
		// One address, and one id, at two accounts are two users.
		"roster.yaml": "version: 1\npeople:\n" +
			"  - {email: a@example.com, access: {vendasta: {platformAccess: [x], userID: U-1}, agency: {platformAccess: [y], userID: U-1}}}\n" +
			"  - {email: b@example.com, access: {vendasta: {platformAccess: [x], email: c@example.com}}}\n" +
			"  - {email: d@example.com, access: {agency: {platformAccess: [x], email: c@example.com}}}\n",
	})
	l.wantSaid(t)
	access := sources.Resolve(l.roster, l.config, rules, time.Now())
	var where []string
	for _, a := range access {
		where = append(where, a.Provider+" "+a.Email)
	}
	want := []string{"agency a@example.com", "agency c@example.com", "vendasta a@example.com", "vendasta c@example.com"}
	if !slices.Equal(where, want) {
		t.Errorf("access %q, want %q", where, want)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://api.example.com", "https://api.example.com:8443/v2/", "http://127.0.0.1:8080", "http://127.9.9.9/x", "http://[::1]:80/x", "http://localhost", "http://LOCALHOST:1/",
	} {
		if err := sources.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "api.example.com", "//api.example.com", "https://", "https:///path", "https://:443", "http:localhost", "ftp://localhost", "file:///etc/passwd",
		"http://api.example.com", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://localhost@evil.example", "http://evil.example#localhost",
		"http://evil.example/localhost", "http://127.0.0.1@evil.example", "http://0.0.0.0", "http://[::]", "http://10.0.0.1", "http://[fe80::1]", "http://2130706433", "http://127.1", "http://0x7f.1",
		"https://user:hunter2@api.example.com", "https://user@api.example.com", "https://api.example.com?x=1", "https://api.example.com/?", "https://api.example.com/#", "https://api.example.com#x",
		"https://api.example.com:port", "https://api example.com", "https://api.example.com/%zz", "http://localhost\\.evil.example", "https://api.example.com\n", "http://\u2488localhost",
	} {
		err := sources.CheckURL(bad)
		if err == nil {
			t.Errorf("%s was accepted", bad)
		} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: the message shows it: %v", bad, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1m30s": 90 * time.Second, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "1.5h": 90 * time.Minute, "99999d": 99999 * 24 * time.Hour,
	} {
		if got, err := sources.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "30", "-1s", "-1d", "1d-1h", "1d1d", "1.5d", "100000d", "1w", "s", " 1s", "1s ", "99999d9999999h", "99999d200000h", "9999999999h"} {
		if got, err := sources.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s", text, got)
		}
	}
}

func TestParseRateLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]sources.RateLimit{
		"8/s": {Requests: 8, Per: time.Second}, "300/m": {Requests: 300, Per: time.Minute}, "1000000/h": {Requests: 1_000_000, Per: time.Hour},
	} {
		got, err := sources.ParseRateLimit(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseRateLimit(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "8", "8/", "/s", "0/s", "-8/s", "+8/s", "8.5/s", "1000001/s", "99999999999999999999/s", "8/d", "8/S", "8 /s", "8/ s", "8/s/s", "unlimited"} {
		if got, err := sources.ParseRateLimit(text); err == nil {
			t.Errorf("ParseRateLimit(%q) = %v", text, got)
		}
	}
}

func TestRateSeconds(t *testing.T) {
	t.Parallel()
	rate := sources.Rate{{Requests: 8, Per: time.Second}, {Requests: 100, Per: time.Hour}}
	for n, want := range map[int]int{0: 0, 1: 0, 8: 0, 9: 1, 17: 2, 100: 12, 101: 3600} {
		if got := rate.Seconds(n); got != want {
			t.Errorf("%d requests take %d s, want %d", n, got, want)
		}
	}
	if got := sources.Rate(nil).Seconds(1_000_000); got != 0 {
		t.Errorf("unlimited takes %d s", got)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		written string
		base    int
		want    int
	}{
		{"0", 100, 0}, {"7", 3, 7}, {"10%", 0, 0}, {"10%", 1, 1}, {"10%", 10, 1}, {"10%", 11, 2}, {"0%", 1000, 0}, {"100%", 7, 7}, {"33.33%", 100, 34}, {"0.01%", 10_000, 1}, {"2147483648", 1, 1<<31 - 1},
	} {
		limit := mustConfig(t, "guardrails: {maxRemovals: "+test.written+"}\n"+minimal).Guardrails.MaxRemovals
		if got := limit.Of(test.base); got != test.want || !limit.Set {
			t.Errorf("%s of %d is %d, want %d", test.written, test.base, got, test.want)
		}
	}
	if (sources.Limit{}).String() != "default" || (sources.Limit{Set: true, Count: 3}).String() != "3" {
		t.Error("a limit prints as something else than it is written")
	}
}

// TestLiteralSecretsAreNotShown writes a secret into every place where one could
// be written by mistake, and wants the file refused without showing it.
func TestLiteralSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	const digits = "0123456789012" // is refused by the parser, as an ambiguous number
	for i, provider := range []string{
		"{partner: ABC, auth: hunter2hunter2}",
		"{partner: ABC, auth: [hunter2hunter2]}",
		"{partner: ABC, auth: {token: hunter2hunter2}}",
		"{partner: ABC, auth: {token: [hunter2hunter2]}}",
		"{partner: ABC, auth: {token: {hunter2hunter2: x}}}",
		"{partner: ABC, auth: {token: {env: hunter2 hunter2hunter2}}}",
		"{partner: ABC, auth: {token: {env: TOKEN, value: hunter2hunter2}}}",
		"{partner: ABC, auth: {token: {command: hunter2hunter2}}}",
		"{partner: ABC, auth: {token: {command: [x, [hunter2hunter2]]}}}",
		"{partner: ABC, auth: {serviceAccount: {type: service_account, private_key: hunter2hunter2}}}",
		"{partner: ABC, auth: {token: hunter2hunter2}, onLeve: suspend}",
		"{partner: ABC, auth: {username: hunter2hunter2, password: hunter2hunter2, token: x}, onLeve: suspend}",
		"{partner: ABC, token: hunter2hunter2, auth: {token: {env: T}}}",
		"{partner: ABC, apiKey: hunter2hunter2, auth: {token: {env: T}}}",
		"{partner: ABC, baseURL: \"https://me:hunter2hunter2@api.example.com\", auth: {token: {env: T}}}",
		"{partner: ABC, baseURL: \"http://hunter2hunter2@api.example.com\", retries: 99, auth: {token: {env: T}}}",
		"{partner: ABC, auth: {token: 0123456789012}}",
		"\n    partner: ABC\n    auth:\n      token:\n        0123456789012",
		"\n    partner: ABC\n    auth:\n      token: 0123456789012",
		"\n    partner: ABC\n    auth:\n      token: |\n        hunter2hunter2\n        line\n    onLeve: suspend",
		"\n    partner: ABC\n    auth:\n      token:\n      - hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token: {env: A}\n    password:\n      - hunter2hunter2\n      - {hunter2hunter2: 1}",
		// Files that do not parse.
		"{partner: ABC, auth: {token: hunter2hunter2}",
		"{partner: ABC, auth: {token: \"hunter2hunter2}}",
		"{partner: ABC, auth: {hunter2hunter2}}",
		"{partner: ABC, auth: {token: {env:hunter2hunter2}}}",
		"\n    partner: ABC\n    auth:\n      token: @hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token:\n        @hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token:\n@hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token:\nhunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token:\n      hunter2hunter2: x: y",
		"\n    partner: ABC\n    auth:\n      token: |\n     hunter2hunter2\n  hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token: !!str hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token: *hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token:\n        *hunter2hunter2",
		"\n    partner: ABC\n    auth:\n      token: hunter2hunter2\thunter2hunter2",
		"\n    partner: ABC\n    auth:\n      serviceAccount: {\"private_key\": \"-----BEGIN PRIVATE KEY-----\n  hunter2hunter2\n  -----END",
		"\r\n    partner: ABC\r\n    auth:\r\n      token:\r\n        @hunter2hunter2\r\n",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			l := load(t, map[string]string{
				"rollcall.yaml": "version: 1\nproviders:\n  vendasta: " + provider + "\n",
				"roster.yaml":   "version: 1\npeople: [{email: a@example.com}]\n",
			})
			if !l.diagnostics.Failed() {
				t.Fatalf("accepted:\n%s", provider)
			}
			text := l.diagnostics.Error() + fmt.Sprintf("%#v %v", l.diagnostics, l.said())
			if strings.Contains(text, secret) || strings.Contains(text, digits) {
				t.Errorf("%s\nis told with its secret:\n%s", provider, text)
			}
		})
	}
}

// TestSecretInTheFirstLine stands behind a byte order mark.
func TestSecretInTheFirstLine(t *testing.T) {
	t.Parallel()
	_, ds := loadConfig(t, "\ufeffx-token: 0123456789012\nversion: 1\nproviders: {vendasta: {partner: ABC, auth: {token: {env: T}}}}\n")
	if text := ds.Error(); len(ds) != 1 || strings.Contains(text, "0123456789012") || !strings.Contains(text, "this value is a different number") {
		t.Errorf("said %s", text)
	}
}

// TestLinesWithoutSecretsAreShown: hiding everything would be no help.
func TestLinesWithoutSecretsAreShown(t *testing.T) {
	t.Parallel()
	_, ds := loadConfig(t, "version: 1\nproviders:\n  vendasta:\n    auth:\n      token: {env: TOKEN}\n    partner: A\n    retries: 99\n  agency: {kind: vendasta, retries: 98, partner: ABC, auth: {token: {env: T}}}\n")
	var shown []string
	for _, d := range ds {
		shown = append(shown, strings.TrimSpace(d.Source))
	}
	want := []string{"partner: A", "retries: 99", "agency: {kind: vendasta, retries: 98, partner: ABC, auth: [secret]"}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
}

// TestLiteralSecretsInARoster: a roster holds no secret either.
func TestLiteralSecretsInARoster(t *testing.T) {
	t.Parallel()
	for _, block := range []string{
		"{platformAccess: [x], password: hunter2hunter2}",
		"{platformAccess: [x], email: 5, x-token: hunter2hunter2}",
		"\n        password: hunter2hunter2\n        platformAccess: 5",
		"\n        password:\n          @hunter2hunter2",
		"\n        x-api-key: hunter2hunter2\n          platformAccess: 5",
	} {
		l := load(t, people("  - email: a@example.com", "    access:", "      vendasta: "+block))
		if text := l.diagnostics.Error(); !l.diagnostics.Failed() || strings.Contains(text, "hunter2hunter2") {
			t.Errorf("%s:\n%s", block, text)
		}
	}
}
