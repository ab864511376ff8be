package myreports

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// A login at the simulated vendor, whose only client is that of the tests, and which
// takes none but the tokens that it issued.
func world(options simulator.MyReportsOptions) *simulator.World {
	options.ClientID, options.ClientSecret, options.Account = vendor.Secrets[clientID], vendor.Secrets[clientSecret], tenant
	return simulator.New(simulator.Options{Tokens: simulator.Issued, TokenLifetime: 10 * time.Minute, MyReports: options})
}

// at leads settings to the simulated vendor.
func at(w *simulator.World) func(*providers.Settings) {
	return func(s *providers.Settings) {
		with("authorizeURL", w.BaseURL("myreports")+"/connect/authorize")(s)
		s.Config.BaseURL, s.Config.TokenURL, s.Transport = w.BaseURL("myreports"), w.TokenURL("myreports"), w.Transport()
	}
}

// login begins a login at the simulated vendor.
func login(t *testing.T, w *simulator.World) *providers.Login {
	t.Helper()
	l, err := Kind().Login(vendor.Open(nil, at(w)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// agree is what a person's browser comes back with.
func agree(t *testing.T, w *simulator.World, l *providers.Login) url.Values {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Transport().RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := response.Location()
	if err != nil || response.StatusCode != http.StatusFound || !strings.HasPrefix(back.String(), l.RedirectURL()) {
		t.Fatalf("%d %v %v", response.StatusCode, back, err)
	}
	return back.Query()
}

// A consent leads to a refresh token, and that to the users; a challenge goes with it
// where the login says that it knows one.
func TestLogin(t *testing.T) {
	for name, test := range map[string]struct {
		options simulator.MyReportsOptions
		offered bool
	}{
		"as usual": {simulator.MyReportsOptions{}, true}, "without a challenge": {simulator.MyReportsOptions{NoPKCE: true}, false},
		"without a description": {simulator.MyReportsOptions{NoDiscovery: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := world(test.options)
			if _, err := w.Add("myreports", map[string]any{"email": gina}); err != nil {
				t.Fatal(err)
			}
			l := login(t, w)
			if offered := l.Discover(t.Context()); offered != test.offered {
				t.Errorf("a challenge is offered: %v", offered)
			}
			asked, err := url.Parse(l.URL())
			if err != nil {
				t.Fatal(err)
			}
			query := asked.Query()
			if query.Get("client_id") != vendor.Secrets[clientID] || query.Get("response_type") != "code" || query.Get("scope") != "openid offline_access onboarding" ||
				query.Get("redirect_uri") != "http://127.0.0.1:8000" || len(query.Get("state")) < 32 || query.Has("code_challenge") != test.offered || query.Has("client_secret") {
				t.Errorf("asked %v", query)
			}
			answer := agree(t, w, l)
			token, err := l.Redeem(t.Context(), answer)
			if err != nil || token.Reveal() == "" {
				t.Fatal(err)
			}
			if _, err := l.Redeem(t.Context(), answer); err == nil || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), answer.Get("code")) {
				t.Errorf("a code is taken twice: %v", err)
			}
			c := vendor.Connect(t, nil, at(w), func(s *providers.Settings) { s.Auth[refreshToken] = token })
			if found, err := c.Reader.Search(t.Context(), gina); err != nil || len(found) != 1 {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
}

// What does not belong to a login is not redeemed, and what was declined is told.
func TestLoginRefuses(t *testing.T) {
	w := world(simulator.MyReportsOptions{})
	first, second := login(t, w), login(t, w)
	for _, l := range []*providers.Login{first, second} {
		if !l.Discover(t.Context()) {
			t.Fatal("no challenge is offered")
		}
	}
	answer := agree(t, w, first)
	own := agree(t, w, second)
	stolen := url.Values{"state": own["state"], "code": answer["code"]}
	for name, test := range map[string]struct {
		answer url.Values
		is     error
		says   string
	}{
		"the answer to another login":         {answer, providers.ErrState, ""},
		"no state":                            {url.Values{"code": own["code"]}, providers.ErrState, ""},
		"declined":                            {url.Values{"state": own["state"], "error": {"access_denied"}}, providers.ErrDeclined, "access_denied"},
		"declined with an address":            {url.Values{"state": own["state"], "error_description": {gina}}, providers.ErrDeclined, ""},
		"another login's code with its state": {stolen, nil, "invalid_grant"},
		"a code that is none":                 {url.Values{"state": own["state"], "code": {"x"}}, nil, "invalid_grant"},
	} {
		token, err := second.Redeem(t.Context(), test.answer)
		if err == nil || token.Reveal() != "" || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "@") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := second.Redeem(t.Context(), own); err != nil {
		t.Errorf("after all that: %v", err)
	}
	_, err := Kind().Login(vendor.Open(nil, at(w), with("redirectURL", "http://10.0.0.1:8000")))
	if err == nil || !strings.Contains(err.Error(), "redirectURL") {
		t.Errorf("the browser is sent to another machine: %v", err)
	}
}

// A login that renews its refresh tokens takes each once: the newest one is kept in
// the file, whoever uses it, and two who use it at once do not take each other's.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(simulator.MyReportsOptions{RotateRefreshTokens: true, RefreshToken: "first-token"})
		id, err := w.Add("myreports", map[string]any{"email": gina})
		if err != nil {
			t.Fatal(err)
		}
		ref := sources.SecretRef{File: filepath.Join(t.TempDir(), "myreports.token")}
		if err := os.WriteFile(ref.File, []byte("first-token\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		connect := func() *providers.Connection {
			secrets := &sources.Secrets{}
			file, err := sources.NewSecretFile(ref, secrets)
			if err != nil {
				t.Fatal(err)
			}
			return vendor.Connect(t, nil, at(w), func(s *providers.Settings) {
				s.Secrets, s.Rotating = secrets, map[string]sources.Rotating{refreshToken: file}
			})
		}
		kept := func() string {
			t.Helper()
			data, err := os.ReadFile(ref.File)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		seen := map[string]bool{kept(): true}
		two := []*providers.Connection{connect(), connect()}
		for range 3 {
			var group sync.WaitGroup
			for _, c := range two {
				for range 4 {
					group.Go(func() {
						if _, err := c.Reader.Get(t.Context(), id); err != nil {
							t.Error(err)
						}
					})
				}
			}
			group.Wait()
			if now := kept(); seen[now] {
				t.Errorf("the file still has %q", now)
			} else {
				seen[now] = true
			}
			time.Sleep(time.Hour) // the access tokens end
		}
		// Whoever comes next has the newest.
		if _, err := connect().Reader.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
		if n := w.Counts().Vendors["myreports"].Tokens; n != 7 {
			t.Errorf("%d requests for a token, want one for each connection and hour, and one for the last", n)
		}
	})
}

// A refresh token that has been used up elsewhere, as when its file was copied, is told
// with what helps.
func TestRefreshTokenUsedUp(t *testing.T) {
	w := world(simulator.MyReportsOptions{RotateRefreshTokens: true, RefreshToken: vendor.Secrets[refreshToken]})
	if _, err := vendor.Connect(t, nil, at(w)).Lists().List(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := vendor.Connect(t, nil, at(w)).Lists().List(t.Context())
	if !providers.CredentialsRefused(err) || !strings.Contains(providers.Remedy(err), "file myreports.token, or give the consent again: rollcall login myreports") {
		t.Errorf("%v, remedy %q", err, providers.Remedy(err))
	}
}

// While tokens are revoked, whatever is under way fails with what helps, and nothing is
// made twice.
func TestRevoked(t *testing.T) {
	w := world(simulator.MyReportsOptions{RefreshToken: vendor.Secrets[refreshToken]})
	c := vendor.Connect(t, nil, at(w))
	if _, err := c.Lists().List(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.RevokeTokens()
	_, err := c.Writer.(providers.Creator).Create(t.Context(), newDraft())
	if !providers.CredentialsRefused(err) || providers.OutcomeUnknown(err) || len(w.Users("myreports")) != 0 {
		t.Errorf("%v", err)
	}
}
