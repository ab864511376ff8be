package sources

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// RateLimit allows at most Requests requests in any span of length Per.
type RateLimit struct {
	Requests int
	Per      time.Duration
}

// Rate is a set of limits that hold at the same time. An empty Rate is
// unlimited.
type Rate []RateLimit

// errRate is what every malformed rate is answered with: the forms that exist.
var errRate = errors.New("write N/s, N/m or N/h with N a whole number from 1 to 1000000, a list of these, or unlimited")

// ParseRateLimit reads "8/s", "300/m" or "10000/h".
func ParseRateLimit(text string) (RateLimit, error) {
	number, unit, found := strings.Cut(text, "/")
	n, err := strconv.ParseUint(number, 10, 32) // which knows no sign
	if !found || err != nil || n < 1 || n > 1_000_000 {
		return RateLimit{}, errRate
	}
	per, known := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !known {
		return RateLimit{}, errRate
	}
	return RateLimit{Requests: int(n), Per: per}, nil
}

// String renders the limit as it is written in rollcall.yaml.
func (l RateLimit) String() string {
	unit := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h"}[l.Per]
	return fmt.Sprintf("%d/%s", l.Requests, unit)
}

// String renders the rate as it is written in rollcall.yaml.
func (r Rate) String() string {
	if len(r) == 0 {
		return "unlimited"
	}
	parts := make([]string, len(r))
	for i, limit := range r {
		parts[i] = limit.String()
	}
	return strings.Join(parts, ", ")
}

// Seconds is how long n requests take at least under the rate, the first of
// them being sent at once: what a plan says it will cost.
func (r Rate) Seconds(n int) int {
	longest := time.Duration(0)
	for _, limit := range r {
		if n > limit.Requests {
			longest = max(longest, time.Duration((n-1)/limit.Requests)*limit.Per)
		}
	}
	return int(longest / time.Second)
}
