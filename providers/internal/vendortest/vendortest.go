// Package vendortest is what the tests of every vendor's package share: a script
// that plays the vendor, checks each request on the vendor's side and answers it
// with a fixture; calls of a connection as data; and the way from the text of a
// roster to the request.
package vendortest

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// A Vendor is what the tests of one vendor's package have to tell of it.
type Vendor struct {
	Kind *providers.Kind
	// Config is the provider in rollcall.yaml, under the name of its kind.
	Config string
	// Settings, Auth and Secrets are what Config comes to when it is read.
	Settings map[string]string
	Auth     map[string]sources.SecretRef
	Secrets  map[string]string
	// Media is the media type of requests and answers.
	Media string
	// Credentials are the headers that every request carries for them.
	Credentials http.Header
	// Tokens is what the token endpoint answers with JSON; a script has no steps for that.
	// Where it is empty, requests for tokens are as all others. TokenPath is where the
	// endpoint is below the base URL, where the kind has no TokenURL.
	Tokens, TokenPath string
	// Created answers a create.
	Created Step
}

// Open are the settings that connections are opened with, unless they are changed:
// four requests at once, four tries more, no rate.
func (v Vendor) Open(transport http.RoundTripper, change ...func(*providers.Settings)) providers.Settings {
	s := providers.Settings{
		Config: sources.ProviderConfig{
			Name: v.Kind.Name, Kind: v.Kind.Name, Concurrency: 4, Retries: 4, Timeout: 30 * time.Second, RateSet: true,
			Settings: v.Settings, Auth: v.Auth,
		},
		Auth: make(map[string]sources.Secret), Transport: v.issues(transport), Secrets: &sources.Secrets{},
	}
	for name, secret := range v.Secrets {
		s.Auth[name] = sources.NewSecret(secret)
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// issues is a transport that answers requests for tokens by itself.
func (v Vendor) issues(next http.RoundTripper) http.RoundTripper {
	if v.Tokens == "" {
		return next
	}
	return RoundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.String() != cmp.Or(v.Kind.TokenURL, v.Kind.BaseURL+v.TokenPath) {
			return next.RoundTrip(r)
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			ContentLength: int64(len(v.Tokens)), Body: io.NopCloser(strings.NewReader(v.Tokens)),
		}, nil
	})
}

// Connect opens a connection.
func (v Vendor) Connect(t testing.TB, transport http.RoundTripper, change ...func(*providers.Settings)) *providers.Connection {
	t.Helper()
	connection, err := v.Kind.Connect(context.Background(), v.Open(transport, change...))
	if err != nil {
		t.Fatal(err)
	}
	return connection
}

// Simulated opens a connection to the simulated vendor.
func (v Vendor) Simulated(t testing.TB, world *simulator.World, change ...func(*providers.Settings)) *providers.Connection {
	t.Helper()
	address := func(s *providers.Settings) {
		s.Config.BaseURL, s.Config.TokenURL = world.BaseURL(v.Kind.Name), world.TokenURL(v.Kind.Name)
	}
	return v.Connect(t, world.Transport(), append([]func(*providers.Settings){address}, change...)...)
}
