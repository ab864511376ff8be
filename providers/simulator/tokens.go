package simulator

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxTokens bounds the tokens remembered; beyond it the oldest are forgotten,
// which to a client looks like a revocation.
const maxTokens = 10_000

// kept is what was issued lately, by name.
type kept[V any] struct {
	items map[string]V
	order []string
}

func (k *kept[V]) put(name string, item V) {
	if k.items == nil {
		k.items = map[string]V{}
	}
	k.items[name] = item
	k.order = append(k.order, name)
	for len(k.order) > maxTokens {
		delete(k.items, k.order[0])
		k.order = slices.Delete(k.order, 0, 1)
	}
}

// take returns what has the name, and forgets it.
func (k *kept[V]) take(name string) (V, bool) {
	item, ok := k.items[name]
	if ok {
		delete(k.items, name)
		k.order = slices.DeleteFunc(k.order, func(other string) bool { return other == name })
	}
	return item, ok
}

// tokenStore is the access tokens that one vendor issued.
type tokenStore struct {
	mu     sync.Mutex
	issued int64
	live   kept[token]
}

type token struct {
	expires time.Time
	scopes  []string
}

// issue returns a token that was never issued before.
func (s *tokenStore) issue(kind string, now time.Time, lifetime time.Duration, scopes []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	name := fmt.Sprintf("%s-access-%06d-%x", kind, s.issued, digest(kind, "token", s.issued)[:8])
	s.live.put(name, token{expires: now.Add(lifetime), scopes: scopes})
	return name
}

// scopes returns what the token allows, and false for one that is unknown or
// expired.
func (s *tokenStore) scopes(name string, now time.Time) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.live.items[name]
	if !ok || !now.Before(t.expires) {
		return nil, false
	}
	return t.scopes, true
}

func (s *tokenStore) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = kept[token]{}
}

// oauthError is an error of a token endpoint. Of no vendor here is it documented;
// assumed is the form of RFC 6749, section 5.2.
func oauthError(c *call, status int, code, text string) *response {
	return jsonAnswer(status, "application/json", map[string]any{"error": code, "error_description": text + c.echo()})
}

// tokenForm reads the form that a token endpoint is sent (RFC 6749).
func tokenForm(c *call) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errors.New("the Content-Type must be application/x-www-form-urlencoded")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, errors.New("the form can not be decoded")
	}
	return form, nil
}

// onlyFields says what is wrong with the names in a form or a query: none but those
// known may be given, and each once.
func onlyFields(form url.Values, known ...string) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		switch {
		case !slices.Contains(known, name):
			return "none but these is known: " + strings.Join(known, ", ")
		case len(form[name]) > 1:
			return name + " is repeated"
		}
	}
	return ""
}
