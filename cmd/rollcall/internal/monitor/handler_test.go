package monitor

import (
	"net/http"
	"strings"
	"testing"

	"rollcall/sources"
)

func TestPaths(t *testing.T) {
	m, _ := watch(t)
	m.Waiting(tick)
	for _, test := range []struct {
		method, path string
		status       int
		is, says     string
	}{
		{http.MethodGet, "/", 200, "text/html; charset=utf-8", "<h1>No run yet</h1>"},
		{http.MethodHead, "/", 200, "text/html; charset=utf-8", ""},
		{http.MethodGet, "/?a=b", 200, "text/html; charset=utf-8", ""},
		{http.MethodGet, "/metrics", 200, "text/plain; version=0.0.4", "rollcall_build_info"},
		{http.MethodHead, "/metrics", 200, "text/plain; version=0.0.4", ""},
		{http.MethodGet, "/healthz", 200, "text/plain; charset=utf-8", "ok\n"},
		{http.MethodGet, "/readyz", 200, "text/plain; charset=utf-8", "ok\n"},
		{http.MethodGet, "/metrics/", 404, "text/plain; charset=utf-8", "nothing here"},
		{http.MethodGet, "//", 404, "text/plain; charset=utf-8", ""},
		{http.MethodGet, "/debug/pprof/", 404, "text/plain; charset=utf-8", ""},
		{http.MethodGet, "/favicon.ico", 404, "text/plain; charset=utf-8", ""},
		{http.MethodPost, "/x", 404, "text/plain; charset=utf-8", ""},
		{http.MethodPost, "/", 405, "text/plain; charset=utf-8", "only to be read"},
		{http.MethodPut, "/metrics", 405, "text/plain; charset=utf-8", ""},
		{http.MethodDelete, "/healthz", 405, "text/plain; charset=utf-8", ""},
		{http.MethodOptions, "/", 405, "text/plain; charset=utf-8", ""},
	} {
		w := ask(m, sources.Secret{}, test.method, test.path)
		if w.Code != test.status || !strings.HasPrefix(w.Header().Get("Content-Type"), test.is) || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s %s is %d %s %.80q; want %d %s %q", test.method, test.path, w.Code, w.Header().Get("Content-Type"), w.Body, test.status, test.is, test.says)
		}
		if allow := w.Header().Get("Allow"); (allow == "GET, HEAD") != (test.status == 405) {
			t.Errorf("%s %s allows %q", test.method, test.path, allow)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s has %s: %q", test.method, test.path, name, got)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s %s has the policy %q, without %s", test.method, test.path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s %s has the policy %q", test.method, test.path, policy)
		}
	}
}

func TestToken(t *testing.T) {
	m, _ := watch(t)
	token := sources.NewSecret("correct horse battery")
	head := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for name, test := range map[string]struct {
		with func(*http.Request)
		in   bool
	}{
		"none":                 {func(*http.Request) {}, false},
		"bearer":               {head("Bearer correct horse battery"), true},
		"bearer in small":      {head("bearer  correct horse battery"), true},
		"basic":                {basic("ana", "correct horse battery"), true},
		"basic without a user": {basic("", "correct horse battery"), true},
		"the token as user":    {basic("correct horse battery", ""), false},
		"another":              {head("Bearer correct horse batterx"), false},
		"a part":               {head("Bearer correct horse"), false},
		"more":                 {head("Bearer correct horse battery staple"), false},
		"empty":                {head("Bearer "), false},
		"no scheme":            {head("correct horse battery"), false},
		"another scheme":       {head("Token correct horse battery"), false},
		"another password":     {basic("ana", "x"), false},
		"in the query":         {func(r *http.Request) { r.URL.RawQuery = "token=correct+horse+battery" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/", "/metrics", "/nowhere"} {
				w := ask(m, token, http.MethodGet, path, test.with)
				want := http.StatusUnauthorized
				if test.in {
					want = map[string]int{"/": 200, "/metrics": 200, "/nowhere": 404}[path]
				}
				if w.Code != want {
					t.Errorf("%s is %d, want %d", path, w.Code, want)
				}
				if challenge := w.Header().Get("WWW-Authenticate"); strings.HasPrefix(challenge, `Basic realm="rollcall"`) == test.in {
					t.Errorf("%s asks for %q", path, challenge)
				}
				if strings.Contains(w.Body.String(), "horse") {
					t.Errorf("%s tells the token", path)
				}
			}
			// Whatever probes can not bring one.
			for _, path := range []string{"/healthz", "/readyz"} {
				if w := ask(m, token, http.MethodGet, path, test.with); w.Code == http.StatusUnauthorized || len(w.Body.String()) > len("starting\n") {
					t.Errorf("%s is %d %q", path, w.Code, w.Body)
				}
			}
		})
	}
}

// TestHost keeps pages of the web out that reach this machine under a name of theirs.
func TestHost(t *testing.T) {
	m, _ := watch(t)
	for host, in := range map[string]bool{
		"localhost": true, "localhost:9090": true, "LOCALHOST:1": true, "localhost.": true, "127.0.0.1": true, "127.0.0.1:9090": true,
		"127.8.8.8:1": true, "[::1]:9090": true, "[::1]": true, "[::ffff:127.0.0.1]:1": true,
		"": false, "evil.example": false, "evil.example:9090": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"192.168.1.7:9090": false, "0.0.0.0:9090": false, "[::]:9090": false, "notlocalhost": false,
	} {
		for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/nowhere"} {
			at := func(r *http.Request) { r.Host = host }
			if w := ask(m, sources.Secret{}, http.MethodGet, path, at); (w.Code == http.StatusForbidden) == in {
				t.Errorf("%s of %q is %d", path, host, w.Code)
			}
			// With a token, whoever brings it is let in by any name.
			if w := ask(m, sources.NewSecret("t0k3n"), http.MethodGet, path, at); w.Code == http.StatusForbidden {
				t.Errorf("%s of %q is %d with a token", path, host, w.Code)
			}
		}
	}
}
