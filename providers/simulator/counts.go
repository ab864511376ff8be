package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"
)

// Counts says what the vendors were asked and what came of it, since the world
// was made. They are no part of the saved state.
type Counts struct {
	// Reads and Writes are requests, whatever they were answered. A request
	// that has an effect is a write, even where its method is GET. Requests to
	// a token endpoint are neither.
	Reads  int64 `json:"reads"`
	Writes int64 `json:"writes"`
	// Mails and Created are effects: mails sent, users created.
	Mails   int64 `json:"mails"`
	Created int64 `json:"created"`
	// AtOnce is the highest number of reads and writes in flight together. For
	// the world it is taken over all vendors, so it is no sum of theirs.
	AtOnce int64 `json:"atOnce"`
	// Tokens is how many requests came to a token endpoint.
	Tokens int64 `json:"tokens"`
	// Faults says how often each fault of [Chaos] really happened, by name.
	Faults map[string]int64 `json:"faults,omitempty"`
	// Vendors holds the same figures by kind.
	Vendors map[string]Counts `json:"vendors,omitempty"`
}

// Counts returns a consistent copy of the counters.
func (w *World) Counts() Counts { return w.tally.counts(w.Kinds()) }

func (w *World) serveCounts(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		rw.Header().Set("Allow", "GET, HEAD")
		http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := json.Marshal(w.Counts())
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write(append(body, '\n'))
}

// tally is the counters of a world. One lock makes them exact together; it is
// held for a few additions only.
type tally struct {
	mu      sync.Mutex
	total   meter
	vendors map[string]*meter
}

type meter struct {
	Counts
	inFlight int64
}

// each runs f on the world's counters and on the vendor's.
func (t *tally) each(kind string, f func(*meter)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.vendors[kind]
	if !ok {
		if t.vendors == nil {
			t.vendors = map[string]*meter{}
		}
		m = &meter{}
		t.vendors[kind] = m
	}
	f(&t.total)
	f(m)
}

func (t *tally) begin(kind string, op Operation, write bool) {
	t.each(kind, func(m *meter) {
		switch {
		case op == Token:
			m.Tokens++
			return
		case write:
			m.Writes++
		default:
			m.Reads++
		}
		m.inFlight++
		m.AtOnce = max(m.AtOnce, m.inFlight)
	})
}

func (t *tally) end(kind string, op Operation) {
	if op != Token {
		t.each(kind, func(m *meter) { m.inFlight-- })
	}
}

func (t *tally) created(kind string) { t.each(kind, func(m *meter) { m.Created++ }) }
func (t *tally) mailed(kind string)  { t.each(kind, func(m *meter) { m.Mails++ }) }

func (t *tally) fired(kind, name string) {
	t.each(kind, func(m *meter) {
		if m.Faults == nil {
			m.Faults = map[string]int64{}
		}
		m.Faults[name]++
	})
}

func (t *tally) counts(kinds []string) Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := t.total.copy()
	total.Vendors = map[string]Counts{}
	for _, kind := range kinds {
		if m, ok := t.vendors[kind]; ok {
			total.Vendors[kind] = m.copy()
		} else {
			total.Vendors[kind] = Counts{}
		}
	}
	return total
}

func (m *meter) copy() Counts {
	c := m.Counts
	c.Faults = maps.Clone(m.Faults)
	return c
}
