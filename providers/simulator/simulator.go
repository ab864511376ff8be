// Package simulator is each vendor's user API as its documentation describes
// it, served from memory.
//
// It is written from the vendors' documentation and never from rollcall's
// clients, so that the two can disagree. It is strict: what the documentation
// does not allow is refused with the vendor's documented error. Where the
// documentation is silent the simulator picks one behaviour, and the comment
// there says "assumed" and why; where it speaks, the comment carries the
// source's tag ([P], [G-SYNC], (DOC S001), …), as the notes on that vendor use
// them.
//
// A [World] holds all vendors of one run. It is served on a listener
// ([World.Serve]), as an [http.Handler], or without sockets
// ([World.Transport]), which also works inside a testing/synctest bubble.
// [Chaos] makes it misbehave on purpose, and [World.Counts] says how often it
// was asked, what effects it had and which faults really happened.
//
// What a vendor alone knows stands in files named after it; everything else is
// shared by all vendors.
package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Root is the root URL of the in-memory vendors, as [World.Transport] serves
// them. It is a loopback address because rollcall refuses plain HTTP elsewhere.
const Root = "http://127.0.0.1"

// Tokens says which access tokens the vendors accept.
type Tokens int

const (
	// AnyBearer accepts every well-formed credential.
	AnyBearer Tokens = iota
	// Issued accepts only tokens that the token endpoint issued, that are not
	// expired or revoked, and whose scopes cover the operation.
	Issued
)

// Options are the settings of a [World]. The zero value is what
// `rollcall simulate` uses.
type Options struct {
	// Clock tells the vendors' time; default time.Now.
	Clock func() time.Time
	// Seed makes the ids of created users and the chances of chaos repeatable.
	Seed int64
	// Chaos is how every vendor misbehaves at the start; see [World.SetChaos].
	Chaos Chaos
	// Tokens says which access tokens are accepted.
	Tokens Tokens
	// TokenLifetime is how long an issued token is valid; default 30 minutes,
	// which is documented for another flow only ([MKT]), hence assumed.
	TokenLifetime time.Duration
	// SaveEvery is how often a world made by [Open] saves changed state at
	// most; default one second.
	SaveEvery time.Duration
	// IntelAgree, MyKaarma, MyReports, Partoo and Vendasta hold what is
	// undocumented there, as settings.
	IntelAgree IntelAgreeOptions
	MyKaarma   MyKaarmaOptions
	MyReports  MyReportsOptions
	Partoo     PartooOptions
	Vendasta   VendastaOptions
}

// World is the simulated vendors of one run: one state, one set of counters.
// All methods may be called concurrently.
type World struct {
	options Options
	hosts   map[string]*host
	tally   tally
	store   *store // nil without a state file
}

// New returns a world without users that lives in memory only.
func New(options Options) *World {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.TokenLifetime <= 0 {
		options.TokenLifetime = 30 * time.Minute
	}
	if options.SaveEvery <= 0 {
		options.SaveEvery = time.Second
	}
	w := &World{options: options, hosts: map[string]*host{}}
	for _, v := range vendors(options) {
		h := &host{world: w, vendor: v, kind: v.kind()}
		h.chaos.Store(newChaosState(options.Chaos, options.Seed))
		w.hosts[h.kind] = h
	}
	return w
}

// vendors is the registry: one line a vendor.
func vendors(options Options) []vendor {
	return []vendor{
		newIntelAgree(options),
		newMyKaarma(options),
		newMyReports(options),
		newPartoo(options),
		newVendasta(options),
	}
}

// Kinds returns the kinds of the simulated vendors, sorted.
func (w *World) Kinds() []string { return slices.Sorted(maps.Keys(w.hosts)) }

// Endpoint is where one vendor is to be found below a root URL.
type Endpoint struct {
	Kind     string
	BaseURL  string // what a provider's baseURL is set to
	TokenURL string // what its tokenURL is set to; "" where the vendor has no token endpoint
}

// Endpoints returns the endpoints of all vendors below root, which is the URL
// of the listener, such as http://127.0.0.1:8080. They are sorted by kind.
func (w *World) Endpoints(root string) []Endpoint {
	var all []Endpoint
	for _, kind := range w.Kinds() {
		all = append(all, w.Endpoint(root, kind))
	}
	return all
}

// BaseURL returns the base URL of a vendor under [World.Transport], "" for an
// unknown kind.
func (w *World) BaseURL(kind string) string { return w.Endpoint(Root, kind).BaseURL }

// TokenURL returns the token endpoint of a vendor under [World.Transport], ""
// where there is none.
func (w *World) TokenURL(kind string) string { return w.Endpoint(Root, kind).TokenURL }

// Endpoint returns the one of a vendor, the zero value for an unknown kind.
func (w *World) Endpoint(root, kind string) Endpoint {
	h, ok := w.hosts[kind]
	if !ok {
		return Endpoint{}
	}
	root = strings.TrimRight(root, "/") + "/" + kind
	base, token := h.vendor.paths()
	e := Endpoint{Kind: kind, BaseURL: root + base}
	if token != "" {
		e.TokenURL = root + token
	}
	return e
}

// Handler serves every vendor below its kind (/vendasta/…) and the counts as
// JSON at /counts. Everything else is 404.
func (w *World) Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if h, ok := w.hosts[first]; ok {
			h.ServeHTTP(rw, r)
			return
		}
		if r.URL.Path == "/counts" {
			w.serveCounts(rw, r)
			return
		}
		http.NotFound(rw, r)
	})
}

// Vendor serves one vendor under the same paths as [World.Handler] does, and
// nothing else. An unknown kind is answered with 404 throughout.
func (w *World) Vendor(kind string) http.Handler {
	if h, ok := w.hosts[kind]; ok {
		return h
	}
	return http.NotFoundHandler()
}

// SetChaos replaces the chaos of the vendors named, or of all of them. The
// counters of its rules and windows start anew; a request that has already
// arrived keeps the chaos it came under. Unknown kinds are ignored.
func (w *World) SetChaos(c Chaos, kinds ...string) {
	for kind, h := range w.hosts {
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			h.chaos.Store(newChaosState(c, w.options.Seed))
		}
	}
}

// RevokeTokens makes every token issued until now unknown, as after a key was
// rotated. It matters under [Issued] only.
func (w *World) RevokeTokens() {
	for _, h := range w.hosts {
		h.vendor.revokeTokens()
	}
}

func (w *World) host(kind string) (*host, error) {
	h, ok := w.hosts[kind]
	if !ok {
		return nil, fmt.Errorf("no simulated vendor %q: there are %s", kind, strings.Join(w.Kinds(), ", "))
	}
	return h, nil
}

// changed notes that the state differs from what was saved last.
func (w *World) changed() {
	if w.store != nil {
		w.store.changed()
	}
}

// host is one vendor with what all vendors share around it.
type host struct {
	world    *World
	vendor   vendor
	kind     string
	chaos    atomic.Pointer[chaosState]
	requests atomic.Int64
}
