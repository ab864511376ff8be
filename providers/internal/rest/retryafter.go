package rest

import (
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// longestRetryAfter bounds what a vendor may say, so that no arithmetic
// overflows; it is far longer than any call lasts.
const longestRetryAfter = 366 * 24 * time.Hour

// Numbers from these on are no longer taken for a span: as seconds they would be
// thirty years, so they are a moment, in Unix seconds or milliseconds.
const (
	leastUnixSeconds = 1e9
	leastUnixMillis  = 1e11
)

// retryAfter is how long the answer says to wait, or 0 if it does not say. Of
// the header and the vendor's own body form the longer one counts. Only when
// both are missing and the answer is a 429 does X-RateLimit-Reset speak: with
// several windows it may name the end of the longest.
func retryAfter(status int, header http.Header, body []byte, own func([]byte) (time.Duration, bool), now time.Time) time.Duration {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		// A moment that the vendor names is meant by the vendor's clock.
		now = date
	}
	var longest time.Duration
	for _, value := range header.Values("Retry-After") {
		longest = max(longest, parseRetryAfter(value, now))
	}
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if millis, err := strconv.ParseFloat(strings.TrimSpace(header.Get(name)), 64); err == nil && millis > 0 {
			longest = max(longest, clamp(time.Duration(min(millis, float64(longestRetryAfter.Milliseconds()))*float64(time.Millisecond))))
		}
	}
	if own != nil {
		if wait, ok := own(body); ok {
			longest = max(longest, min(wait, longestRetryAfter))
		}
	}
	if longest == 0 && status == http.StatusTooManyRequests {
		for _, name := range []string{"X-Ratelimit-Reset", "X-Rate-Limit-Reset", "Ratelimit-Reset"} {
			longest = max(longest, parseRetryAfter(header.Get(name), now))
		}
	}
	return longest
}

// parseRetryAfter reads seconds, decimal seconds, Unix seconds, Unix
// milliseconds, an HTTP date or an RFC 3339 date. What it can not read, and what
// lies in the past, is 0.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if date, err := http.ParseTime(value); err == nil {
		return clamp(date.Sub(now))
	}
	if date, err := time.Parse(time.RFC3339, value); err == nil {
		return clamp(date.Sub(now))
	}
	number, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil || math.IsNaN(number) || number <= 0:
		return 0
	case number >= leastUnixMillis*1e3:
		return longestRetryAfter
	case number >= leastUnixMillis:
		return clamp(time.UnixMilli(int64(math.Ceil(number))).Sub(now))
	case number >= leastUnixSeconds:
		return clamp(time.UnixMilli(int64(math.Ceil(number * 1e3))).Sub(now))
	case number >= longestRetryAfter.Seconds():
		return longestRetryAfter
	default:
		return time.Duration(math.Ceil(number * float64(time.Second)))
	}
}

func clamp(wait time.Duration) time.Duration {
	return min(max(wait, 0), longestRetryAfter)
}

// limits keeps the headers by which a vendor tells of its rate limit, as it sent them
// last.
type limits struct {
	mu   sync.Mutex
	seen map[string]string
}

func (l *limits) note(header http.Header) {
	for name := range header {
		folded := strings.ToLower(name)
		if !strings.Contains(folded, "ratelimit") && !strings.Contains(folded, "rate-limit") && folded != "retry-after" {
			continue
		}
		if value := plain(header.Get(name), "-_.:;,= ", 128); value != "" {
			l.mu.Lock()
			if l.seen == nil {
				l.seen = make(map[string]string)
			}
			l.seen[name] = value
			l.mu.Unlock()
		}
	}
}

// RateHeaders are the headers by which the vendor told of its rate limit last, by
// name: those that are called so, and Retry-After.
func (c *Client) RateHeaders() map[string]string {
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	return maps.Clone(c.limits.seen)
}
