package rest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"rollcall/sources"
)

const (
	// assumedLifetime is that of a token whose issuer does not say how long it
	// lasts. It is shorter than any documented one, so that such a token is
	// renewed too often rather than used too long.
	assumedLifetime = 5 * time.Minute
	longestLifetime = 24 * time.Hour
	longestEarly    = time.Minute
)

// Issued is an access token as an issuer gave it.
type Issued struct {
	Token string
	// Lifetime is how long it lasts; 0 if the issuer does not say, and then five
	// minutes are assumed.
	Lifetime time.Duration
}

// A Token authenticates with a bearer token that it fetches when there is none,
// and again shortly before it ends: the last minute of its life, or the last
// tenth of a short one, is not used. However many callers need it, one fetch is
// under way; those who wait for it heed their own context and share its failure.
// A fetch that nobody waits for any more is canceled.
type Token struct {
	fetch   func(context.Context) (Issued, error)
	timeout time.Duration
	secrets *sources.Secrets

	mu      sync.Mutex
	current *credential
	flight  *flight
	suspect bool // the last token was refused: the next one is the last chance
}

type credential struct {
	header   string
	renewAt  time.Time
	suspect  bool // made after a refusal
	accepted bool // a request with it was answered
}

type flight struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	header  string
	err     error
}

// NewToken makes a Token from a function that fetches one, in one try and within
// the timeout. Its errors are treated as Authenticator says.
func NewToken(fetch func(context.Context) (Issued, error), timeout time.Duration, secrets *sources.Secrets) *Token {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &Token{fetch: fetch, timeout: timeout, secrets: secrets}
}

// Authorize puts the token on the request.
func (t *Token) Authorize(ctx context.Context, request *http.Request) error {
	header, err := t.header(ctx)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", header)
	return nil
}

func (t *Token) header(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	t.mu.Lock()
	if t.current != nil && time.Now().Before(t.current.renewAt) {
		defer t.mu.Unlock()
		return t.current.header, nil
	}
	f := t.flight
	if f == nil {
		// The fetch is not the first caller's alone, so it outlives his context.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.timeout)
		f = &flight{cancel: cancel, done: make(chan struct{})}
		t.flight = f
		go t.fly(limited, f)
	}
	f.waiters++
	t.mu.Unlock()

	select {
	case <-f.done:
		return f.header, f.err
	case <-ctx.Done():
	}
	t.mu.Lock()
	f.waiters--
	abandoned := f.waiters == 0
	if abandoned {
		f.cancel()
		if t.flight == f {
			t.flight = nil
		}
	}
	t.mu.Unlock()
	if abandoned {
		// Until the request has ended, the caller's slot stands for it.
		<-f.done
	}
	return "", ctx.Err()
}

func (t *Token) fly(ctx context.Context, f *flight) {
	defer f.cancel()
	begun := time.Now()
	issued, err := t.guardedFetch(ctx)
	if err == nil {
		err = headerValue(issued.Token)
	}
	if err == nil && t.secrets != nil {
		t.secrets.Remember(issued.Token)
	}
	t.mu.Lock()
	if t.flight == f {
		t.flight = nil
	}
	if err == nil {
		lifetime := min(issued.Lifetime, longestLifetime)
		if lifetime <= 0 {
			lifetime = assumedLifetime
		}
		f.header = "Bearer " + issued.Token
		t.current = &credential{
			header: f.header, suspect: t.suspect,
			renewAt: begun.Add(lifetime - min(longestEarly, lifetime/10)),
		}
	}
	f.err = err
	t.mu.Unlock()
	close(f.done)
}

func (t *Token) guardedFetch(ctx context.Context) (issued Issued, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic while fetching a token (%T)", value)
		}
	}()
	return t.fetch(ctx)
}

// Answered forgets a token that was refused with a 401. If that token was itself
// fetched because of a refusal and nothing was ever answered to it, the
// credentials behind it are the reason and Answered is false.
func (t *Token) Answered(request *http.Request, status int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	used := t.current
	stale := used == nil || used.header != request.Header.Get("Authorization")
	if status != http.StatusUnauthorized {
		if !stale && answersFor(status) {
			used.accepted = true
			t.suspect = false
		}
		return true
	}
	switch {
	case stale:
		return true // renewed meanwhile, or about to be
	case used.suspect && !used.accepted:
		return false
	default:
		t.current, t.suspect = nil, true
		return true
	}
}

// answersFor reports whether the status shows that the vendor looked at the
// request and not only that something in front of it turned it away.
func answersFor(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status < 500
}
