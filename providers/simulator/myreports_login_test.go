package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// myreportsVerifier and its challenge are the example of RFC 7636, appendix B.
const (
	myreportsVerifier   = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	myreportsVerifiable = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// set is a copy of a form or a query with other values; "" takes one away.
func set(form url.Values, pairs ...string) url.Values {
	copied := maps.Clone(form)
	for i := 0; i < len(pairs); i += 2 {
		copied.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			copied.Del(pairs[i])
		}
	}
	return copied
}

func consent() url.Values {
	return url.Values{
		"client_id": {"client"}, "response_type": {"code"}, "state": {"s t&1"},
		"redirect_uri": {"http://127.0.0.1:8000"}, "scope": {"openid offline_access onboarding"},
	}
}

// approve opens the page and returns where it leads, or the error.
func approve(t *testing.T, w *World, q url.Values) (*url.URL, string) {
	t.Helper()
	resp, text := askMyReports(t, w, "GET", "/connect/authorize?"+q.Encode(), "", "Authorization:")
	if resp.StatusCode != 302 {
		if resp.StatusCode != 400 {
			t.Fatal(resp.StatusCode, text)
		}
		return nil, decode(t, text)["error"].(string)
	}
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || text != "" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatal(err, resp.Header, text)
	}
	return to, ""
}

func code(t *testing.T, w *World, q url.Values) string {
	t.Helper()
	to, wrong := approve(t, w, q)
	if wrong != "" {
		t.Fatal(wrong)
	}
	return to.Query().Get("code")
}

func byCode(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"http://127.0.0.1:8000"},
		"client_id": {"client"}, "client_secret": {"secret"},
	}
}

func byRefresh(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"client"}, "client_secret": {"secret"}}
}

func askToken(t *testing.T, w *World, form url.Values, headers ...string) (int, map[string]any) {
	t.Helper()
	resp, text := askMyReports(t, w, "POST", "/connect/token", form.Encode(),
		append([]string{"Authorization:", "Accept-Charges:", "Content-Type: application/x-www-form-urlencoded"}, headers...)...)
	if kind := resp.Header.Get("Content-Type"); kind != "application/json" || resp.StatusCode == 200 && resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", resp.Header)
	}
	return resp.StatusCode, decode(t, text)
}

// tokenWorks asks for a user with an access token.
func tokenWorks(t *testing.T, w *World, token any) bool {
	t.Helper()
	resp, _ := askMyReports(t, w, "GET", atHome+"/"+gina, "", "Authorization: Bearer "+token.(string))
	return resp.StatusCode == 200
}

func TestMyReportsDiscovery(t *testing.T) {
	w := world(t, Options{})
	resp, text := askMyReports(t, w, "GET", "/.well-known/openid-configuration", "", "Authorization:")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatal(resp.StatusCode, resp.Header)
	}
	golden(t, "myreports/discovery.json", text)
	if at := decode(t, text)["token_endpoint"]; at != w.TokenURL("myreports") {
		t.Errorf("%v, want %s", at, w.TokenURL("myreports"))
	}
	if resp, _ := askMyReports(t, w, "GET", "/.well-known/openid-configuration?x=1", ""); resp.StatusCode != 400 {
		t.Error(resp.StatusCode)
	}
	if resp, _ := askMyReports(t, w, "POST", "/.well-known/openid-configuration", "{}"); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET" {
		t.Error(resp.StatusCode, resp.Header)
	}
	w = world(t, Options{MyReports: MyReportsOptions{NoPKCE: true}})
	if _, text = askMyReports(t, w, "GET", "/.well-known/openid-configuration", ""); strings.Contains(text, "code_challenge") {
		t.Error(text)
	}
	w = world(t, Options{MyReports: MyReportsOptions{NoDiscovery: true}})
	if resp, _ := askMyReports(t, w, "GET", "/.well-known/openid-configuration", ""); resp.StatusCode != 404 {
		t.Error(resp.StatusCode)
	}
	if to, _ := approve(t, w, consent()); to == nil {
		t.Error("no login without a description")
	}
}

// A person approves, and the code is exchanged for tokens that work.
func TestMyReportsLogin(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Tokens: Issued, TokenLifetime: time.Minute})
	to, wrong := approve(t, w, consent())
	if wrong != "" || to.Scheme != "http" || to.Host != "127.0.0.1:8000" || to.Query().Get("state") != "s t&1" || len(to.Query()) != 2 {
		t.Fatal(wrong, to)
	}
	status, first := askToken(t, w, byCode(to.Query().Get("code")))
	if status != 200 {
		t.Fatal(status, first)
	}
	refresh := first["refresh_token"].(string)
	if len(first) != 5 || first["token_type"] != "Bearer" || first["expires_in"] != 60.0 || first["scope"] != "offline_access onboarding openid" || refresh == "" {
		t.Error(first)
	}
	if !tokenWorks(t, w, first["access_token"]) || tokenWorks(t, w, "made-up") || tokenWorks(t, w, refresh) {
		t.Error("which tokens work")
	}
	now = now.Add(time.Minute)
	if tokenWorks(t, w, first["access_token"]) {
		t.Error("an expired token works")
	}
	// The refresh token stays the same.
	for range 2 {
		status, again := askToken(t, w, byRefresh(refresh))
		if status != 200 || len(again) != 4 || again["access_token"] == first["access_token"] || !tokenWorks(t, w, again["access_token"]) {
			t.Error(status, again)
		}
	}
	if c := w.Counts().Vendors["myreports"]; c.Tokens != 3 || c.Writes != 0 {
		t.Errorf("%+v", c)
	}
	// After a revocation only a login helps.
	_, last := askToken(t, w, byRefresh(refresh))
	w.RevokeTokens()
	if tokenWorks(t, w, last["access_token"]) {
		t.Error("a revoked token works")
	}
	if status, body := askToken(t, w, byRefresh(refresh)); status != 400 || body["error"] != "invalid_grant" {
		t.Error(status, body)
	}
	if status, _ := askToken(t, w, byCode(code(t, w, consent()))); status != 200 {
		t.Error(status)
	}
}

func TestMyReportsConsentIsStrict(t *testing.T) {
	tests := []struct {
		name    string
		query   url.Values
		options MyReportsOptions
		want    string // "": leads back
	}{
		{name: "as documented", query: consent()},
		{name: "scopes in another order", query: set(consent(), "scope", "onboarding openid offline_access")},
		{name: "localhost", query: set(consent(), "redirect_uri", "http://localhost:8000/callback?x=1")},
		{name: "IPv6", query: set(consent(), "redirect_uri", "http://[::1]:8000/")},
		{name: "PKCE", query: set(consent(), "code_challenge", myreportsVerifiable, "code_challenge_method", "S256")},
		{name: "the client", query: consent(), options: MyReportsOptions{ClientID: "client"}},

		{name: "no client", query: set(consent(), "client_id", ""), want: "invalid_request"},
		{name: "no scope", query: set(consent(), "scope", ""), want: "invalid_request"},
		{name: "no state", query: set(consent(), "state", ""), want: "invalid_request"},
		{name: "no response type", query: set(consent(), "response_type", ""), want: "invalid_request"},
		{name: "nowhere to lead back to", query: set(consent(), "redirect_uri", ""), want: "invalid_request"},
		{name: "another client", query: consent(), options: MyReportsOptions{ClientID: "other"}, want: "unauthorized_client"},
		{name: "token", query: set(consent(), "response_type", "token"), want: "unsupported_response_type"},
		{name: "the sample's scope", query: set(consent(), "scope", "open id offline_access onboarding"), want: "invalid_scope"},
		{name: "a scope less", query: set(consent(), "scope", "openid onboarding"), want: "invalid_scope"},
		{name: "a scope more", query: set(consent(), "scope", "openid offline_access onboarding profile"), want: "invalid_scope"},
		{name: "elsewhere", query: set(consent(), "redirect_uri", "http://example.com/"), want: "invalid_request"},
		{name: "looks like here", query: set(consent(), "redirect_uri", "http://127.0.0.1.example.com/"), want: "invalid_request"},
		{name: "another machine", query: set(consent(), "redirect_uri", "http://10.0.0.1:8000"), want: "invalid_request"},
		{name: "https", query: set(consent(), "redirect_uri", "https://127.0.0.1:8000"), want: "invalid_request"},
		{name: "with a user", query: set(consent(), "redirect_uri", "http://a@127.0.0.1:8000"), want: "invalid_request"},
		{name: "with a fragment", query: set(consent(), "redirect_uri", "http://127.0.0.1:8000/#x"), want: "invalid_request"},
		{name: "no address", query: set(consent(), "redirect_uri", "http://[::1"), want: "invalid_request"},
		{name: "unknown parameter", query: set(consent(), "prompt", "none"), want: "invalid_request"},
		{name: "twice", query: url.Values{"client_id": {"a", "a"}}, want: "invalid_request"},
		{name: "plain", query: set(consent(), "code_challenge", myreportsVerifiable, "code_challenge_method", "plain"), want: "invalid_request"},
		{name: "no method", query: set(consent(), "code_challenge", myreportsVerifiable), want: "invalid_request"},
		{name: "no challenge", query: set(consent(), "code_challenge_method", "S256"), want: "invalid_request"},
		{name: "short challenge", query: set(consent(), "code_challenge", myreportsVerifiable[1:], "code_challenge_method", "S256"), want: "invalid_request"},
		{
			name: "PKCE where there is none", query: set(consent(), "code_challenge", myreportsVerifiable, "code_challenge_method", "S256"),
			options: MyReportsOptions{NoPKCE: true}, want: "invalid_request",
		},
	}
	for _, test := range tests {
		w := world(t, Options{MyReports: test.options})
		if to, wrong := approve(t, w, test.query); wrong != test.want {
			t.Errorf("%s: %q at %v, want %q", test.name, wrong, to, test.want)
		} else if wrong == "" && to.Query().Get("code") == "" {
			t.Errorf("%s: no code in %s", test.name, to)
		}
	}
	w := world(t, Options{})
	if to, _ := approve(t, w, set(consent(), "redirect_uri", "http://localhost:8000/callback?x=1")); to.Path != "/callback" || to.Query().Get("x") != "1" {
		t.Error(to)
	}
	if resp, _ := askMyReports(t, w, "GET", "/connect/authorize?%zz", ""); resp.StatusCode != 400 {
		t.Error(resp.StatusCode)
	}
	if resp, _ := askMyReports(t, w, "POST", "/connect/authorize", "{}"); resp.StatusCode != 405 {
		t.Error(resp.StatusCode)
	}
}

// A code is for whom and what it was issued for, once, and for five minutes.
func TestMyReportsCode(t *testing.T) {
	pkce := set(consent(), "code_challenge", myreportsVerifiable, "code_challenge_method", "S256")
	tests := []struct {
		name  string
		query url.Values
		pairs []string
		wait  time.Duration
		want  string
	}{
		{name: "in time", wait: 5*time.Minute - 1},
		{name: "too late", wait: 5 * time.Minute, want: "invalid_grant"},
		{name: "another client", pairs: []string{"client_id", "other"}, want: "invalid_grant"},
		{name: "another address", pairs: []string{"redirect_uri", "http://127.0.0.1:8001"}, want: "invalid_grant"},
		{name: "nobody's", pairs: []string{"code", "made-up"}, want: "invalid_grant"},
		{name: "no code", pairs: []string{"code", ""}, want: "invalid_request"},
		{name: "no address", pairs: []string{"redirect_uri", ""}, want: "invalid_request"},
		{name: "verifier", query: pkce, pairs: []string{"code_verifier", myreportsVerifier}},
		{name: "no verifier", query: pkce, want: "invalid_grant"},
		{name: "another verifier", query: pkce, pairs: []string{"code_verifier", myreportsVerifier + "x"}, want: "invalid_grant"},
		{name: "challenge for a verifier", query: pkce, pairs: []string{"code_verifier", myreportsVerifiable}, want: "invalid_grant"},
		{name: "verifier without a challenge", pairs: []string{"code_verifier", myreportsVerifier}, want: "invalid_grant"},
	}
	for _, test := range tests {
		now := epoch
		w := world(t, Options{Clock: func() time.Time { return now }})
		if test.query == nil {
			test.query = consent()
		}
		name := code(t, w, test.query)
		now = now.Add(test.wait)
		status, body := askToken(t, w, set(byCode(name), test.pairs...))
		if got, _ := body["error"].(string); got != test.want || (status == 200) != (test.want == "") {
			t.Errorf("%s: %d %v, want %q", test.name, status, body, test.want)
		}
		if status, body := askToken(t, w, byCode(name)); test.want != "invalid_request" && test.name != "nobody's" && body["error"] != "invalid_grant" {
			t.Errorf("%s, a second time: %d %v", test.name, status, body)
		}
	}
}

func TestMyReportsTokenIsStrict(t *testing.T) {
	good := byRefresh("r-1")
	tests := []struct {
		name    string
		form    url.Values
		header  string
		options MyReportsOptions
		want    string
	}{
		{name: "anybody", form: good},
		{name: "the client", form: good, options: MyReportsOptions{ClientID: "client", ClientSecret: "secret"}},
		{name: "charset", form: good, header: "Content-Type: application/x-www-form-urlencoded; charset=utf-8"},
		{name: "JSON", form: good, header: "Content-Type: application/json", want: "invalid_request"},
		{name: "no type", form: good, header: "Content-Type:", want: "invalid_request"},
		{name: "no grant type", form: set(good, "grant_type", ""), want: "invalid_request"},
		{name: "client credentials", form: set(good, "grant_type", "client_credentials"), want: "unsupported_grant_type"},
		{name: "no client", form: set(good, "client_id", ""), want: "invalid_client"},
		{name: "no secret", form: set(good, "client_secret", ""), want: "invalid_client"},
		{name: "another client", form: good, options: MyReportsOptions{ClientID: "other"}, want: "invalid_client"},
		{name: "another secret", form: good, options: MyReportsOptions{ClientSecret: "other"}, want: "invalid_client"},
		{name: "credentials in the header", form: set(good, "client_id", "", "client_secret", ""), header: "Authorization: Basic YTpi", want: "invalid_client"},
		{name: "no refresh token", form: set(good, "refresh_token", ""), want: "invalid_request"},
		{name: "scope", form: set(good, "scope", "openid"), want: "invalid_request"},
		{name: "code of a refresh", form: set(good, "code", "c"), want: "invalid_request"},
		{name: "refresh token of a code", form: set(byCode("c"), "refresh_token", "r"), want: "invalid_request"},
		{name: "twice", form: url.Values{"grant_type": {"refresh_token", "refresh_token"}}, want: "invalid_request"},
		{name: "verifier where there is none", form: set(byCode("c"), "code_verifier", myreportsVerifier), options: MyReportsOptions{NoPKCE: true}, want: "invalid_request"},
	}
	for _, test := range tests {
		w := world(t, Options{MyReports: test.options})
		var headers []string
		if test.header != "" {
			headers = append(headers, test.header)
		}
		status, body := askToken(t, w, test.form, headers...)
		if got, _ := body["error"].(string); got != test.want || (status == 200) != (test.want == "") || status != 200 && (status != 400 || body["error_description"] == "") {
			t.Errorf("%s: %d %v, want %q", test.name, status, body, test.want)
		}
	}
	if resp, _ := askMyReports(t, world(t, Options{}), "GET", "/connect/token", ""); resp.StatusCode != 405 {
		t.Error(resp.StatusCode)
	}
	resp, text := askMyReports(t, world(t, Options{}), "POST", "/connect/token", "%zz", "Content-Type: application/x-www-form-urlencoded")
	if resp.StatusCode != 400 || decode(t, text)["error"] != "invalid_request" {
		t.Error(resp.StatusCode, text)
	}
}

// Which refresh tokens are accepted, and what becomes of them.
func TestMyReportsRefresh(t *testing.T) {
	refresh := func(w *World, token, client string) (int, string) {
		status, body := askToken(t, w, set(byRefresh(token), "client_id", client))
		next, _ := body["refresh_token"].(string)
		return status, next
	}
	for _, test := range []struct {
		name    string
		options Options
		token   string
		want    int
	}{
		{"whatever", Options{}, "made-up", 200},
		{"none was issued", Options{Tokens: Issued}, "made-up", 400},
		{"the one from before", Options{Tokens: Issued, MyReports: MyReportsOptions{RefreshToken: "r-0"}}, "r-0", 200},
		{"not the one from before", Options{Tokens: Issued, MyReports: MyReportsOptions{RefreshToken: "r-0"}}, "r-1", 400},
	} {
		w := world(t, test.options)
		for _, client := range []string{"client", "other", "client"} { // it stays the same
			if status, next := refresh(w, test.token, client); status != test.want || next != "" {
				t.Errorf("%s: %d %q", test.name, status, next)
			}
		}
	}
	// The one from before is revoked with the others.
	w := world(t, Options{Tokens: Issued, MyReports: MyReportsOptions{RefreshToken: "r-0"}})
	w.RevokeTokens()
	if status, _ := refresh(w, "r-0", "client"); status != 400 {
		t.Error(status)
	}
	// One that a login issued is that client's, also where any is accepted.
	w = world(t, Options{})
	_, body := askToken(t, w, byCode(code(t, w, consent())))
	for client, want := range map[string]int{"other": 400, "client": 200} {
		if status, _ := refresh(w, body["refresh_token"].(string), client); status != want {
			t.Errorf("%s: %d", client, status)
		}
	}
	// Rotated, each is good for one refresh, by its client.
	for _, tokens := range []Tokens{AnyBearer, Issued} {
		w := world(t, Options{Tokens: tokens, MyReports: MyReportsOptions{RotateRefreshTokens: true, RefreshToken: "r-0"}})
		token := "r-0"
		for range 3 {
			status, next := refresh(w, token, "client")
			if status != 200 || next == "" || next == token {
				t.Fatal(tokens, status, next)
			}
			if status, _ := refresh(w, token, "client"); status != 400 {
				t.Errorf("%v: used twice: %d", tokens, status)
			}
			if status, _ := refresh(w, next, "other"); status != 400 {
				t.Errorf("%v: another client: %d", tokens, status)
			}
			token = next
		}
	}
}

// A rotated token whose answer is lost is lost with it.
func TestMyReportsTokenFaults(t *testing.T) {
	w := world(t, Options{
		Tokens: Issued, MyReports: MyReportsOptions{RotateRefreshTokens: true, RefreshToken: "r-0"},
		Chaos: Chaos{EchoAuthorization: true, Fail: []Rule{{Operation: Token, Status: 503, Nth: 1}, {Operation: Token, Fault: FaultLostAnswer, Nth: 2}}},
	})
	status, body := askToken(t, w, byRefresh("r-0"))
	if status != 503 || body["error"] != "server_error" || !strings.Contains(body["error_description"].(string), "refresh_token=r-0") {
		t.Errorf("%d %v", status, body)
	}
	if _, _, err := tryMyReports(t, w, "POST", "/connect/token", byRefresh("r-0").Encode(), "Content-Type: application/x-www-form-urlencoded"); err == nil {
		t.Error("the answer was not lost")
	}
	if status, body = askToken(t, w, byRefresh("r-0")); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("%d %v", status, body)
	}
	for _, name := range []string{"status-503", "lost-answer"} {
		fired(t, w, name, 1)
	}
	fired(t, w, "echo-authorization", 2)
	// The page and the description of the login fail in its own form, too.
	w.SetChaos(Chaos{Fail: []Rule{{Operation: Other, Status: 500}}})
	for _, path := range []string{"/connect/authorize?" + consent().Encode(), "/.well-known/openid-configuration"} {
		if resp, text := askMyReports(t, w, "GET", path, ""); resp.StatusCode != 500 || decode(t, text)["error"] != "server_error" {
			t.Error(path, resp.StatusCode, text)
		}
	}
}

// Of refreshes with one token, and exchanges of one code, one wins.
func TestMyReportsGrantsConcurrently(t *testing.T) {
	w := world(t, Options{Tokens: Issued, MyReports: MyReportsOptions{RotateRefreshTokens: true, RefreshToken: "r-0"}})
	name := code(t, w, consent())
	var group sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	for range 8 {
		for _, form := range []url.Values{byCode(name), byRefresh("r-0")} {
			group.Go(func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.TokenURL("myreports"), strings.NewReader(form.Encode()))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				resp, _, err := send(w, r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if resp.StatusCode == 200 {
					won[form.Get("grant_type")]++
				}
			})
		}
	}
	group.Wait()
	if fmt.Sprint(won) != "map[authorization_code:1 refresh_token:1]" {
		t.Error(won)
	}
}

// What the login remembers is bounded.
func TestMyReportsGrantsForgotten(t *testing.T) {
	var g myreportsGrants
	first := g.newCode(myreportsCode{})
	for range maxTokens {
		g.newCode(myreportsCode{})
	}
	if _, ok := g.useCode(first); ok || len(g.codes.items) != maxTokens || len(g.codes.order) != maxTokens {
		t.Errorf("%d codes", len(g.codes.items))
	}
	last := g.newRefresh("c")
	if !g.useRefresh(last, "c", true, false) || len(g.refresh.order) != 0 {
		t.Errorf("%d refresh tokens", len(g.refresh.order))
	}
}
