package sources

import (
	"math"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/schemas"
	"rollcall/sources/internal/document"
)

// OnLeave says what happens to a leaver.
type OnLeave string

// The answers that OnLeave can be. Empty means the kind's own default.
const (
	LeaveSuspend OnLeave = "suspend"
	LeaveDelete  OnLeave = "delete"
	LeaveKeep    OnLeave = "keep"
)

// Lookup says how users are found at a provider.
type Lookup string

// The ways to find users: one search for each address, one list of all users, whichever
// of the two takes fewer requests, or by the ids that the ledger has and nothing else.
const (
	LookupSearch Lookup = "search"
	LookupList   Lookup = "list"
	LookupAuto   Lookup = "auto"
	LookupLedger Lookup = "ledger"
)

// Mode says how much of a plan may be applied at a provider.
type Mode string

// The modes. Report holds every change; Add holds all but creates and updates
// that take no grant; Full holds nothing.
const (
	ModeReport Mode = "report"
	ModeAdd    Mode = "add"
	ModeFull   Mode = "full"
)

// Defaults of a provider's settings that are the same for every kind.
const (
	DefaultConcurrency = 8
	DefaultTimeout     = 30 * time.Second
	DefaultRetries     = 4
)

// A Config is rollcall.yaml, validated.
type Config struct {
	File       string   // as it was named
	Roster     []string // patterns, relative to the file's directory; - is standard input
	Git        []GitSource
	Guardrails Guardrails
	// Zone is the schedule's time zone: the day that a plan is made for, and the
	// zone of everybody who has none.
	Zone *time.Location
	// Schedule is when rollcall run syncs.
	Schedule  Schedule
	Ledger    LedgerConfig
	Notify    NotifyConfig
	Listen    ListenConfig
	Providers []ProviderConfig // sorted by name

	rosterOrigins []Origin    // of Roster, one by one; empty when it is the default
	rosterOrigin  *Origin     // of the first of Roster and Git; nil when they are the default
	gitRefused    bool        // whether something is left out of Git
	source        *sourceFile // for diagnostics about the files that it names
}

// LedgerConfig says where the ledger stands.
type LedgerConfig struct {
	Path string // already relative to the working directory
	// URL is the secret that names a PostgreSQL database; nil where the ledger is a file.
	URL *SecretRef
	// Lease is for how long whoever runs with a ledger in a database holds it without
	// saying so again.
	Lease time.Duration
	// Require refuses to go on without one.
	Require bool
	// Keep is for how long the details of what happened are kept; 0 is for good.
	Keep time.Duration
}

// DefaultLedger is where the ledger stands, beside the configuration, unless it says
// otherwise.
const DefaultLedger = ".rollcall/ledger.db"

// DefaultLease is for how long a lease of a ledger in a database holds.
const DefaultLease = 30 * time.Second

// NotifyConfig says who is told of runs, and of what.
type NotifyConfig struct {
	// Webhook is sent every notification as JSON; Slack the same as text, in the form that
	// Slack and those like it take. Heartbeat is called after every run that left nothing
	// undone. Each is the secret that is its address, and nil where there is none.
	Webhook, Slack, Heartbeat *SecretRef
	// Sign is the secret that what goes to Webhook is signed with; nil signs nothing.
	Sign *SecretRef
	// OpenFor is how long a leaver may keep access before it is told.
	OpenFor time.Duration
	// QuietFor is how long no run may succeed before it is told; 0 is never.
	QuietFor time.Duration
}

// DefaultOpenFor is how long a leaver may keep access before it is told.
const DefaultOpenFor = 24 * time.Hour

// ListenConfig says where rollcall run shows how it is.
type ListenConfig struct {
	// Address is what --listen would say; empty is nowhere.
	Address string
	// Token is the secret that every request has to bring; nil is none, which only this
	// machine may have.
	Token *SecretRef
}

// Guardrails limit what one plan may do.
type Guardrails struct {
	MaxRemovals Limit
	Protect     []Pattern
}

// A Limit is a number or a share of a base. The zero value is unset.
type Limit struct {
	Set     bool
	Count   int     // when Percent is not positive and Share is false
	Share   bool    // whether Percent counts
	Percent float64 // of the base
}

// Of returns the limit for a base, a share being rounded up. Unset is 0.
func (l Limit) Of(base int) int {
	if l.Share {
		return int(math.Ceil(l.Percent*float64(base)/100 - 1e-9))
	}
	return l.Count
}

// String is the limit as it is written in rollcall.yaml.
func (l Limit) String() string {
	switch {
	case !l.Set:
		return "default"
	case l.Share:
		return strconv.FormatFloat(l.Percent, 'g', -1, 64) + "%"
	default:
		return strconv.Itoa(l.Count)
	}
}

// A ProviderConfig is one entry under providers.
type ProviderConfig struct {
	Name, Kind        string
	BaseURL, TokenURL string // empty: the kind's own
	OnLeave           OnLeave
	// DeleteAfter is how long after it a suspension of a leaver is followed by a
	// deletion; 0 is never.
	DeleteAfter time.Duration
	Mode        Mode
	Lookup      Lookup // empty: the kind's own
	// Assume names the operations that the vendor does not document and that are
	// to be tried all the same.
	Assume      []string
	Concurrency int
	Rate        Rate // meaningful when RateSet; an empty Rate is unlimited
	RateSet     bool
	Timeout     time.Duration // of one attempt
	Retries     int
	// Settings are the kind's own keys that are text, a whole number or a flag, such
	// as partner; Lists those that are lists of texts, and Tables those that map
	// texts to texts.
	Settings map[string]string
	Lists    map[string][]string
	Tables   map[string]map[string]string
	// Auth holds the secret references under auth by their name.
	Auth   map[string]SecretRef
	Origin Origin
}

// diagnostic is one about a place in rollcall.yaml, with the line shown.
func (c *Config) diagnostic(severity Severity, o Origin, message string) Diagnostic {
	d := Diagnostic{Severity: severity, File: c.File, Line: o.Line, Column: o.Column, Message: message}
	if c.source != nil {
		d.Source = c.source.line(o.Line, o.Column)
	}
	return d
}

// Assumes reports whether an operation that the vendor does not document is to be
// tried.
func (p *ProviderConfig) Assumes(operation string) bool { return slices.Contains(p.Assume, operation) }

// Provider returns the provider of that name.
func (c *Config) Provider(name string) (ProviderConfig, bool) {
	i, found := slices.BinarySearchFunc(c.Providers, name, func(p ProviderConfig, n string) int { return strings.Compare(p.Name, n) })
	if !found {
		return ProviderConfig{}, false
	}
	return c.Providers[i], true
}

// Kinds maps each provider's name to its kind.
func (c *Config) Kinds() map[string]string {
	kinds := make(map[string]string, len(c.Providers))
	for _, p := range c.Providers {
		kinds[p.Name] = p.Kind
	}
	return kinds
}

// commonKeys are the keys that providers of every kind have; the others are the
// kind's own.
var commonKeys = []string{
	"kind", "baseURL", "tokenURL", "onLeave", "mode", "lookup", "assume", "concurrency", "rate", "timeout", "retries", "auth",
}

// LoadConfig reads rollcall.yaml. It reads no secret. A Config is returned only
// when no diagnostic is an Error.
func LoadConfig(file string) (*Config, Diagnostics) {
	config, _, ds := readConfig(file)
	if ds.Failed() {
		return nil, ds
	}
	return config, ds
}

// readConfig reads rollcall.yaml as far as it can be read; rosters tells whether
// enough of it is right for the rosters to be checked against it.
func readConfig(file string) (config *Config, rosters bool, ds Diagnostics) {
	src, ds := readFile(file)
	if src == nil {
		return nil, false, ds
	}
	kinds := providerKinds(src)
	schema, err := schemas.CompileConfig(kinds)
	if err != nil {
		src.report(1, 1, err.Error())
		return nil, false, src.diagnostics
	}
	violations := src.validate(schema)
	config = (&configReader{src: src}).config()
	rosters = len(config.Providers) > 0 && len(config.Roster)+len(config.Git) > 0 && !config.gitRefused && !slices.ContainsFunc(violations, func(path []string) bool {
		return len(path) > 0 && path[0] == "roster" || len(path) == 1 && path[0] == "providers"
	})
	return config, rosters, sortDiagnostics(src.diagnostics)
}

// providerKinds finds the name and kind of each provider, as far as the file
// states them in a readable way; the schema reports what is wrong with the rest.
func providerKinds(src *sourceFile) map[string]string {
	kinds := make(map[string]string)
	for _, entry := range entries(src.root.Get("providers")) {
		kinds[entry.Key] = entry.Key
		if stated := entry.Value.Get("kind"); stated != nil && stated.Kind == document.String {
			kinds[entry.Key] = stated.Text()
		}
	}
	return kinds
}

// CheckURL accepts https URLs, and http ones whose host is this machine: over
// http to anywhere else, credentials could be read on the way.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return errURL
	case slices.ContainsFunc(strings.Split(strings.Trim(u.EscapedPath(), "/"), "/"), relative) && strings.Trim(u.EscapedPath(), "/") != "":
		return errURLPath
	case u.User != nil || strings.ContainsAny(text, "?#"):
		return errURLParts
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errHTTP
	default:
		return errURL
	}
}

// relative reports of a segment of a path that it is empty, or one of dots, which
// servers take for another path than it reads.
func relative(segment string) bool {
	text, err := url.PathUnescape(segment)
	return err != nil || text == "" || text == "." || text == ".." || strings.ContainsAny(text, "\\ ")
}

func loopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

var dayDuration = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// ParseDuration reads Go's durations with d for a day of 24 hours, as in 30d or
// 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	days, rest := 0, text
	if m := dayDuration.FindStringSubmatch(text); m != nil {
		days, _ = strconv.Atoi(m[1])
		rest = m[2]
		if rest == "" {
			rest = "0s"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	total := time.Duration(days)*24*time.Hour + d
	if total < d {
		return 0, errDuration
	}
	return total, nil
}

// LoadZone returns the IANA time zone of that name. Local is refused: it would
// mean another zone on another machine.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, errZone
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	return location, nil
}

// relativeTo resolves a path that is written in a file.
func relativeTo(file, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(file), filepath.FromSlash(path))
}
