package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"rollcall/sources"
)

// AccountKey describes a token endpoint that takes a key as JSON and answers a token
// with the moment at which it ends.
type AccountKey struct {
	// URL is where to post it: https, or http on this machine.
	URL string
	// Name is the member that holds the key.
	Name string
	Key  sources.Secret
	// Also puts on whatever else the endpoint asks for; nil is nothing.
	Also Authenticator
	// Header holds further headers.
	Header map[string]string
	// Transport, Timeout and Secrets are as in Options.
	Transport http.RoundTripper
	Timeout   time.Duration
	Secrets   *sources.Secrets
}

// String hides the key.
func (AccountKey) String() string { return "account key" }

// GoString hides the key.
func (AccountKey) GoString() string { return "account key" }

// NewAccountKey makes a Token of the key: {"token": …, "expires": …} is what the
// endpoint answers, the end being a moment of RFC 3339 by the issuer's clock. An end
// that can not be read is taken for a short life.
func NewAccountKey(a AccountKey) (*Token, error) {
	endpoint, err := checkURL(a.URL)
	if err != nil {
		return nil, fmt.Errorf("the token endpoint %w", err)
	}
	if err := headerValue(a.Key.Reveal()); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{a.Name: a.Key.Reveal()})
	if err != nil {
		return nil, ErrCredentials
	}
	fetch := func(ctx context.Context) (Issued, error) {
		x := newExchange(ctx, endpoint, a.Transport, a.Timeout, a.Secrets)
		x.read = accountAnswer
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.String(), bytes.NewReader(body))
		if err == nil && a.Also != nil {
			err = a.Also.Authorize(ctx, request)
		}
		if err == nil {
			request.Header.Set("Content-Type", "application/json")
			for name, value := range a.Header {
				request.Header.Set(name, value)
			}
			var response *http.Response
			if response, err = x.RoundTrip(request); err == nil {
				_ = response.Body.Close()
			}
		}
		return x.outcome(err)
	}
	return NewToken(fetch, a.Timeout, a.Secrets), nil
}

// accountAnswer reads a token and its end.
func accountAnswer(body []byte, now time.Time) (issued Issued, _, wrong string) {
	var answer struct {
		Token   string `json:"token"`
		Expires string `json:"expires"`
	}
	switch err := decode(body, &answer); {
	case err != nil:
		return Issued{}, "", "the answer is no token"
	case headerValue(answer.Token) != nil:
		return Issued{}, "", "the answer holds no token that can be sent"
	}
	issued.Token = answer.Token
	if ends, err := time.Parse(time.RFC3339, answer.Expires); err == nil {
		issued.Lifetime = max(ends.Sub(now), 0)
	}
	return issued, "", ""
}
