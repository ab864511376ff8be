package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The receivers, by the names that settings and metrics have for them.
const (
	Webhook   = "webhook"
	Slack     = "slack"
	Heartbeat = "heartbeat"
)

// The headers of what the webhook is sent.
const (
	headerSignature = "X-Rollcall-Signature"
	headerEvent     = "X-Rollcall-Event"
	headerDelivery  = "X-Rollcall-Delivery"
)

const (
	attemptTime   = 10 * time.Second // that one attempt may take, with its answer
	maxRetryAfter = 15 * time.Minute // that a receiver is waited for at its word
	maxQueue      = 64               // notifications that wait for one receiver
	maxDrain      = 64 << 10         // bytes of an answer that are read
	maxHeader     = 64 << 10
)

// backoff are the waits between attempts; there is one attempt more than waits. A
// receiver that is away for a quarter of an hour misses nothing.
var backoff = []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}

// A target is one receiver. Its fields are guarded by the Notifier's lock.
type target struct {
	name     string
	limit    int
	queue    []*delivery
	busy     bool
	failures int
	wake     chan struct{}
}

func newTarget(name string) *target {
	t := &target{name: name, limit: maxQueue, wake: make(chan struct{}, 1)}
	if name == Heartbeat {
		t.limit = 1 // the last one says all that those before it did
	}
	return t
}

// A delivery is one notification on its way to one receiver.
type delivery struct {
	id, event string
	payload   []byte // nil for a heartbeat
	news      *news
}

// News are one notification on its way to all receivers.
type news struct {
	about   *condition // nil where it is not to be told again
	pending int
	arrived bool
}

// undelivered says how many notifications were dropped at the end.
func undelivered(n int) error {
	return fmt.Errorf("%s not delivered: there was no time left", number(n, "notification was", "notifications were"))
}

func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: attemptTime}).DialContext,
			TLSHandshakeTimeout:    attemptTime,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
			// There is a night between two notifications.
			DisableKeepAlives: true,
		}
	}
	return &http.Client{
		Transport: transport,
		// Whoever may redirect a notification may read it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (n *Notifier) target(name string) *target {
	for _, t := range n.targets {
		if t.name == name {
			return t
		}
	}
	return nil
}

// address is where a receiver is; empty is nowhere.
func (n *Notifier) address(t *target) string {
	switch t.name {
	case Webhook:
		return n.settings.Webhook.Reveal()
	case Slack:
		return n.settings.Slack.Reveal()
	default:
		return n.settings.Heartbeat.Reveal()
	}
}

// enqueue has something delivered.
func (n *Notifier) enqueue(t *target, d *delivery) {
	if n.closed || n.address(t) == "" {
		return
	}
	if len(t.queue) >= t.limit {
		oldest := t.queue[0]
		t.queue = t.queue[1:]
		n.options.Log.Warn("a notification is dropped, since too many wait", "to", t.name, "event", oldest.event, "delivery", oldest.id)
		n.settle(t, oldest, false)
	}
	t.queue = append(t.queue, d)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// settle notes whether something arrived. What nobody got is told again.
func (n *Notifier) settle(t *target, d *delivery, arrived bool) {
	if !arrived {
		t.failures++
	}
	d.news.pending--
	d.news.arrived = d.news.arrived || arrived
	if c := d.news.about; c != nil && c.last == d.news && d.news.pending == 0 && !d.news.arrived {
		c.missed = true
	}
}

// work delivers what is in a receiver's queue until the Notifier is closed and the queue
// is empty.
func (n *Notifier) work(t *target) {
	for {
		n.mu.Lock()
		var d *delivery
		if len(t.queue) > 0 {
			d, t.queue = t.queue[0], t.queue[1:]
		}
		t.busy = d != nil
		closed := n.closed
		n.mu.Unlock()
		switch {
		case d != nil:
			arrived := n.deliver(t, d)
			n.mu.Lock()
			n.settle(t, d, arrived)
			t.busy = false
			n.mu.Unlock()
		case closed:
			return
		default:
			select {
			case <-t.wake:
			case <-n.closing:
			}
		}
	}
}

// deliver sends something until it has arrived or there is no use in going on.
func (n *Notifier) deliver(t *target, d *delivery) bool {
	for tries := 0; ; tries++ {
		n.mu.Lock()
		address, sign := n.address(t), n.settings.Sign.Reveal()
		n.mu.Unlock()
		if address == "" {
			return false // somebody took it out of the settings
		}
		err := n.attempt(t, d, address, sign)
		if err == nil {
			n.options.Log.Debug("a notification was delivered", "to", t.name, "host", hostOf(address), "event", d.event, "delivery", d.id)
			return true
		}
		last := tries >= len(backoff) || err.final
		wait := time.Duration(0)
		if !last {
			wait = max(backoff[tries]*time.Duration(90+rand.IntN(21))/100, min(err.after, maxRetryAfter)) //nolint:gosec // spreads load, hides nothing
		}
		log := n.options.Log.Info
		if last {
			log = n.options.Log.Warn
		}
		log("a notification was not delivered", "to", t.name, "host", hostOf(address), "event", d.event, "delivery", d.id, "attempt", tries+1, "again in", wait, "error", n.clean(err.text, longText))
		if last {
			return false
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-n.stopped.Done():
			timer.Stop()
			return false
		}
	}
}

// A failure is why an attempt failed, without the address.
type failure struct {
	text  string
	final bool          // whether there is no use in trying again
	after time.Duration // that the receiver asks to wait
}

func (n *Notifier) attempt(t *target, d *delivery, address, sign string) (failed *failure) {
	defer func() {
		if value := recover(); value != nil {
			failed = &failure{text: fmt.Sprintf("panic in the transport (%T)", value)}
		}
	}()
	ctx, cancel := context.WithTimeout(n.stopped, attemptTime)
	defer cancel()
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if d.payload != nil {
		method, content = http.MethodPost, bytes.NewReader(d.payload)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return &failure{text: "the address can not be used", final: true}
	}
	request.Header.Set("User-Agent", "rollcall")
	request.Header.Set(headerDelivery, d.id)
	if d.payload != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if t.name == Webhook {
		request.Header.Set(headerEvent, d.event)
		if sign != "" {
			request.Header.Set(headerSignature, signature(sign, d.payload, n.now()))
		}
	}
	response, err := n.client.Do(request)
	if err != nil {
		return &failure{text: n.transportError(ctx, err, request.URL)}
	}
	defer func() { _ = response.Body.Close() }()
	// The status is the answer. The rest is read for the connection's sake, and not far.
	_, _ = io.CopyN(io.Discard, response.Body, maxDrain)
	switch code := response.StatusCode; {
	case code >= 200 && code <= 299:
		return nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return &failure{text: "it answered " + strconv.Itoa(code), after: n.retryAfter(response.Header.Get("Retry-After"))}
	case code >= 300 && code <= 399:
		return &failure{text: "it answered " + strconv.Itoa(code) + ", and a redirect is not followed: write the address that it leads to", final: true}
	default:
		return &failure{text: "it answered " + strconv.Itoa(code), final: true}
	}
}

// transportError says why there was no answer, without the address.
func (n *Notifier) transportError(ctx context.Context, err error, u *url.URL) string {
	if n.stopped.Err() != nil {
		return "there was no time left"
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "no answer within " + attemptTime.String()
	}
	// Its text begins with the address.
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	text := err.Error()
	for _, part := range []string{u.String(), u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery, u.User.String()} {
		if len(part) > 1 {
			text = strings.ReplaceAll(text, part, "[address]")
		}
	}
	return text
}

// retryAfter is how long a receiver asks to wait, in seconds or until a date.
func (n *Notifier) retryAfter(text string) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(n.now()), 0)
	}
	return 0
}

// signature is the value of the header that proves who sent a body, and when: the
// receiver computes the same over the time, a dot and the body as it came.
func signature(key string, payload []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(t + "."))
	mac.Write(payload)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
