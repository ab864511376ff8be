package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rollcall/plan"
	"rollcall/providers/simulator"
)

// A browser is somebody who follows the address that rollcall login prints.
type browser struct {
	mu   sync.Mutex
	out  bytes.Buffer
	done sync.WaitGroup
	page string // that he ends up at
}

// Write is standard output: each address in it is opened.
func (b *browser) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.Write(p)
	if address := strings.TrimSpace(string(p)); strings.HasPrefix(address, "http://") {
		b.done.Go(func() {
			page := fetched(address)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.page = page
		})
	}
	return len(p), nil
}

func fetched(address string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(address)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	return fmt.Sprint(string(page), err)
}

// TestLogin: somebody agrees at the vendor, the token is kept where the configuration
// says, and from then on the vendor can be read.
func TestLogin(t *testing.T) {
	t.Setenv("LOGIN_ID", "client-of-login")
	t.Setenv("LOGIN_SECRET", "secret-of-login")
	world := simulator.New(simulator.Options{Tokens: simulator.Issued})
	server := httptest.NewServer(world.Handler())
	defer server.Close()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	back := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	vendor := world.Endpoint(server.URL, "myreports")
	dir := t.TempDir()
	write(t, dir, "rollcall.yaml", fmt.Sprintf(`version: 1
providers:
  calls:
    kind: myreports
    account: 00000000-0000-0000-0000-000000000000
    baseURL: %s
    tokenURL: %s
    authorizeURL: %s/connect/authorize
    redirectURL: http://%s
    auth: {clientId: {env: LOGIN_ID}, clientSecret: {env: LOGIN_SECRET}, refreshToken: {file: calls.token}}
  vendasta: {partner: ABC, auth: {token: {env: LOGIN_SECRET}}}
`, vendor.BaseURL, vendor.TokenURL, vendor.BaseURL, back))
	write(t, dir, "roster.yaml", "version: 1\npeople: []\n")
	file := filepath.Join(dir, "calls.token")

	// Without it nothing can be read, and that is said.
	if code, _, stderr := rollcall(dir, "plan", "--provider", "calls"); code != plan.ExitInvalid || !strings.Contains(stderr, "calls.token") {
		t.Errorf("plan before the login ends with %d: %s", code, stderr)
	}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"login"}, plan.ExitInvalid, "takes the name of one provider"},
		{[]string{"login", "call"}, plan.ExitInvalid, "no provider of that name, only calls, vendasta"},
		{[]string{"login", "vendasta"}, plan.ExitInvalid, "needs no login"},
		{[]string{"login", "calls", "--simulate"}, plan.ExitInvalid, "simulated vendors need no login"},
		{[]string{"login", "calls", "--wait", "0s"}, plan.ExitInvalid, "--wait 0s"},
		{[]string{"login", "calls", "--wait", "20ms"}, plan.ExitError, "nobody agreed within 20ms"},
		{[]string{"login", "calls", "--paste"}, plan.ExitError, "no token was stored"},
	} {
		if code, _, stderr := rollcall(dir, test.args...); code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("%v ends with %d: %s", test.args, code, stderr)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a login that failed left a file")
	}

	login := func() (string, string) {
		var b browser
		var told bytes.Buffer
		code := run([]string{"-c", filepath.Join(dir, "rollcall.yaml"), "login", "calls"}, strings.NewReader(""), &b, &told)
		b.done.Wait()
		token, err := os.ReadFile(file)
		if code != plan.ExitOK || err != nil || !strings.Contains(b.page, "You can close this window") {
			t.Fatalf("login ends with %d, %v: %s%s%s", code, err, b.out.String(), told.String(), b.page)
		}
		all := b.out.String() + told.String() + b.page
		for _, secret := range []string{strings.TrimSpace(string(token)), "secret-of-login"} {
			if secret == "" || strings.Contains(all, secret) {
				t.Errorf("a secret is told: %s", all)
			}
		}
		return string(token), all
	}
	first, said := login()
	if !strings.Contains(said, "calls: the refresh token is stored in file "+file) {
		t.Error(said)
	}
	if code, stdout, stderr := rollcall(dir, "plan", "--provider", "calls"); code != plan.ExitOK {
		t.Errorf("plan after the login ends with %d: %s%s", code, stdout, stderr)
	}
	// Another consent takes the place of the first.
	if second, _ := login(); second == first {
		t.Error("the second login kept the token of the first")
	}
	if code, _, stderr := rollcall(dir, "doctor", "--provider", "calls"); code != plan.ExitOK {
		t.Errorf("doctor after the login ends with %d: %s", code, stderr)
	}
}
