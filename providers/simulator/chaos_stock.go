package simulator

import (
	"net/http"
	"time"
)

// StockChaos is the mix that `rollcall simulate --chaos` uses: what every vendor
// does on a bad day, all at once. A run under it is expected to apply everything,
// later and with more requests: a mail is never met, because nobody may repeat
// one whose outcome is not known. It is repeatable; the jitter comes from
// [Options].Seed. The README shows it as YAML, to copy and to change.
func StockChaos() Chaos {
	return Chaos{
		// Every answer takes its time.
		Latency: 50 * time.Millisecond, Jitter: 150 * time.Millisecond,
		// Who was just created is not found at once.
		IndexLag: 1500 * time.Millisecond,
		Fail: []Rule{
			// Too many requests: come back in a second.
			{Every: 19, Fault: FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: time.Second},
			// Out of order for a moment.
			{Operation: Search, Every: 13, Fault: FaultStatus, Status: http.StatusServiceUnavailable},
			{Operation: Update, Every: 11, Fault: FaultStatus, Status: http.StatusServiceUnavailable},
			// A write is done, and nobody says so.
			{Operation: Create, First: 1, Fault: FaultLostAnswer},
			{Operation: Create, Every: 5, Fault: FaultLostAnswer},
			{Operation: Update, First: 1, Fault: FaultLostAnswer},
			{Operation: Update, Every: 13, Fault: FaultLostAnswer},
			{Operation: Delete, First: 1, Fault: FaultLostAnswer},
			{Operation: Delete, Every: 13, Fault: FaultLostAnswer},
			// An answer breaks off in the middle.
			{Operation: Search, Every: 17, Fault: FaultCutBody},
			{Operation: Get, Every: 11, Fault: FaultCutBody},
		},
	}
}
