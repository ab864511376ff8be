package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve runs the world on loopback for the time of a test.
func serve(t *testing.T, w *World) (root string, client *http.Client) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, listener) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), &http.Client{Transport: transport}
}

func get(ctx context.Context, client *http.Client, url string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer x")
	resp, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// Over sockets everything is as in memory.
func TestServe(t *testing.T) {
	w := world(t, Options{})
	root, client := serve(t, w)
	want := []Endpoint{
		{Kind: "intelagree", BaseURL: root + "/intelagree/api"},
		{Kind: "mykaarma", BaseURL: root + "/mykaarma"},
		{Kind: "myreports", BaseURL: root + "/myreports", TokenURL: root + "/myreports/connect/token"},
		{Kind: "partoo", BaseURL: root + "/partoo/v2"},
		{Kind: "vendasta", BaseURL: root + "/vendasta/platform", TokenURL: root + "/vendasta/oauth2/token"},
	}
	if diff := cmp.Diff(want, w.Endpoints(root+"/")); diff != "" {
		t.Error(diff)
	}
	base := w.Endpoint(root, "vendasta").BaseURL
	over := func(path string) (*http.Response, []byte, error) { return get(t.Context(), client, base+path) }
	resp, body, err := over("/users/U-1")
	if err != nil || resp.StatusCode != 200 || !bytes.Contains(body, []byte(base+"/users/U-1")) {
		t.Fatalf("%v %s", err, body)
	}
	w.SetChaos(Chaos{Fail: []Rule{{Fault: FaultCutBody, Nth: 1}, {Fault: FaultLostAnswer, Method: "PUT"}}})
	if _, body, err = over("/users/U-1"); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 {
		t.Errorf("cut: %v after %d bytes", err, len(body))
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, base+"/users/U-1", strings.NewReader("{}"))
	if resp, err := client.Do(r); err == nil {
		_ = resp.Body.Close()
		t.Error("lost answer: no error")
	}
	for path, status := range map[string]int{"/": 404, "/counts": 200, "/none/users": 404} {
		resp, _, err := get(t.Context(), client, root+path)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%s: %v %v", path, resp, err)
		}
	}
	_, body, _ = get(t.Context(), client, root+"/counts")
	var counts Counts
	if err := json.Unmarshal(body, &counts); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.Counts(), counts); diff != "" || counts.Reads != 2 || counts.Writes != 1 {
		t.Errorf("%s %s", body, diff)
	}
}

func TestServeEndsHangingRequests(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{Fail: []Rule{{Fault: FaultHang}}}})
	root, client := serve(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := get(ctx, client, w.Endpoint(root, "vendasta").BaseURL+"/users/U-1")
		done <- err
	}()
	for w.Counts().Faults["hang"] == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// AtOnce is exact: as many as were let in, and never one more, whatever the
// order in which answers are written and read.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Options{Chaos: Chaos{Latency: time.Second}})
		if err := w.Seed(seed()); err != nil {
			t.Fatal(err)
		}
		crowd(t, &http.Client{Transport: w.Transport()}, w.BaseURL("vendasta"), 7, 21)
		if c := w.Counts(); c.AtOnce != 7 || c.Reads != 21 || c.Vendors["vendasta"].AtOnce != 7 {
			t.Errorf("%+v", c)
		}
	})
	w := world(t, Options{})
	root, client := serve(t, w)
	crowd(t, client, w.Endpoint(root, "vendasta").BaseURL, 4, 600)
	if c := w.Counts(); c.AtOnce > 4 || c.Reads != 600 {
		t.Errorf("%+v", c)
	}
}

// crowd sends n requests by some clients at once.
func crowd(t *testing.T, client *http.Client, base string, clients, n int) {
	t.Helper()
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range n / clients {
				if resp, _, err := get(t.Context(), client, base+"/users?filter[partner.id]=ABC"); err != nil || resp.StatusCode != 200 {
					t.Error(resp, err)
				}
			}
		})
	}
	group.Wait()
}

// Creates, updates, searches, saves and chaos side by side, for the race
// detector; of two creates of one email one wins.
func TestConcurrency(t *testing.T) {
	w := world(t, Options{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 25 {
				body := strings.ReplaceAll(fixture(t, "create-request.json"), "bill@", fmt.Sprintf("b%d@", j))
				ask(t, w, "POST", "/users", body)
				ask(t, w, "PATCH", "/users/U-1", fmt.Sprintf(`{"data":{"type":"users","id":"U-1","attributes":{"givenName":"n%d"}}}`, i))
				ask(t, w, "GET", "/users?filter[partner.id]=ABC&page[limit]=100", "")
				_ = w.Users("vendasta")
				_ = w.Save(io.Discard)
				w.SetChaos(Chaos{Hidden: []string{"address"}})
			}
		})
	}
	group.Wait()
	if c := w.Counts(); c.Created != 25 || len(w.Users("vendasta")) != 28 {
		t.Errorf("%d created, %d there", c.Created, len(w.Users("vendasta")))
	}
}

func TestTransport(t *testing.T) {
	w := world(t, Options{})
	client := &http.Client{Transport: w.Transport()}
	var dns *net.DNSError
	if _, _, err := get(t.Context(), client, "http://elsewhere.example/vendasta/platform/users"); !errors.As(err, &dns) {
		t.Errorf("other host: %v", err)
	}
	if _, _, err := get(t.Context(), client, "ftp://127.0.0.1/"); err == nil {
		t.Error("other scheme: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := get(ctx, client, w.BaseURL("vendasta")+"/users/U-1"); !errors.Is(err, context.Canceled) || w.Counts().Reads != 0 {
		t.Errorf("cancelled: %v", err)
	}
	// A context that ends while the body is read ends the body.
	ctx, cancel = context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.BaseURL("vendasta")+"/users/U-1", nil)
	r.Header.Set("Authorization", "Bearer x")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("body: %v", err)
	}
	_ = resp.Body.Close()
	if w.BaseURL("none") != "" || w.TokenURL("none") != "" || w.Users("none") != nil {
		t.Error("an unknown kind is known")
	}
}

func BenchmarkSearch(b *testing.B) {
	w := New(Options{})
	for i := range 5000 {
		if _, err := w.Add("vendasta", map[string]any{
			"partner": "ABC", "attributes": map[string]any{"email": fmt.Sprintf("u%d@example.com", i)},
		}); err != nil {
			b.Fatal(err)
		}
	}
	client := &http.Client{Transport: w.Transport()}
	url := w.BaseURL("vendasta") + "/users?filter[partner.id]=ABC&filter[email]=u77@example.com"
	b.ReportAllocs()
	for b.Loop() {
		if resp, _, err := get(b.Context(), client, url); err != nil || resp.StatusCode != 200 {
			b.Fatal(resp, err)
		}
	}
}
