package simulator

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxTokens bounds the tokens remembered; beyond it the oldest are forgotten,
// which to a client looks like a revocation.
const maxTokens = 10_000

// tokenStore is the access tokens that one vendor issued.
type tokenStore struct {
	mu     sync.Mutex
	issued int64
	live   map[string]token
	order  []string
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
	if s.live == nil {
		s.live = map[string]token{}
	}
	s.live[name] = token{expires: now.Add(lifetime), scopes: scopes}
	s.order = append(s.order, name)
	for len(s.order) > maxTokens {
		delete(s.live, s.order[0])
		s.order = slices.Delete(s.order, 0, 1)
	}
	return name
}

// scopes returns what the token allows, and false for one that is unknown or
// expired.
func (s *tokenStore) scopes(name string, now time.Time) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.live[name]
	if !ok || !now.Before(t.expires) {
		return nil, false
	}
	return t.scopes, true
}

func (s *tokenStore) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.live)
	s.order = nil
}
