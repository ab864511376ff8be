package monitor

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"rollcall/sources"
)

// TestListenRefuses opens nothing that others can reach without a token.
func TestListenRefuses(t *testing.T) {
	for address, says := range map[string]string{
		":9090":                "other machines can reach it",
		"0.0.0.0:9090":         "other machines can reach it",
		"[::]:9090":            "other machines can reach it",
		"192.0.2.1:9090":       "other machines can reach it",
		"[::ffff:0.0.0.0]:1":   "other machines can reach it",
		"9090":                 "write an address and a port",
		"":                     "write an address and a port",
		"127.0.0.1":            "write an address and a port",
		"127.0.0.1:":           "write an address and a port",
		"127.0.0.1:http":       "write an address and a port",
		"127.0.0.1:99999":      "write an address and a port",
		"127.0.0.1:-1":         "write an address and a port",
		"nowhere.invalid:9090": "can not be resolved",
	} {
		listener, err := Listen(t.Context(), address, sources.Secret{})
		if err == nil {
			_ = listener.Close()
			t.Errorf("it listens on %q", address)
			continue
		}
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v; want it to say %q", address, err, says)
		}
		if says == "other machines can reach it" && !strings.Contains(err.Error(), "127.0.0.1:") {
			t.Errorf("%q: it is not said what to do: %v", address, err)
		}
	}
}

func TestListen(t *testing.T) {
	token := sources.NewSecret("t0k3n")
	for _, test := range []struct {
		address string
		token   sources.Secret
	}{
		{"127.0.0.1:0", sources.Secret{}}, {"localhost:0", sources.Secret{}}, {"127.0.0.1:0", token}, {"0.0.0.0:0", token}, {":0", token},
	} {
		listener, err := Listen(t.Context(), test.address, test.token)
		if err != nil {
			t.Errorf("%s: %v", test.address, err)
			continue
		}
		if at, _ := listener.Addr().(*net.TCPAddr); test.token.Reveal() == "" && !at.IP.IsLoopback() {
			t.Errorf("%s without a token listens on %s", test.address, at)
		}
		_ = listener.Close()
	}
	first, err := Listen(t.Context(), "127.0.0.1:0", sources.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	if _, err = Listen(t.Context(), first.Addr().String(), sources.Secret{}); err == nil || strings.Count(err.Error(), first.Addr().String()) != 1 {
		t.Errorf("an address that is taken: %v", err)
	}
}

func TestServe(t *testing.T) {
	m, _ := watch(t)
	listener, err := Listen(t.Context(), "localhost:0", sources.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx, listener, sources.Secret{}) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(change func(*http.Request)) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(request)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := get(func(*http.Request) {}); status != http.StatusOK || !strings.Contains(body, "No run yet") {
		t.Errorf("it is %d %s", status, body)
	}
	if status, _ := get(func(r *http.Request) { r.Header.Set("X-Long", strings.Repeat("x", 2*maxHeaderBytes)) }); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header without end is %d", status)
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("it ends with %v", err)
	}
	if connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String()); err == nil {
		_ = connection.Close()
		t.Error("it still listens")
	}
}

// TestServeBreaks says it when nobody can reach the page any more.
func TestServeBreaks(t *testing.T) {
	m, _ := watch(t)
	listener, err := Listen(t.Context(), "127.0.0.1:0", sources.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := m.Serve(t.Context(), listener, sources.Secret{}); err == nil || !strings.Contains(err.Error(), "not served any more") {
		t.Errorf("it ends with %v", err)
	}
}
