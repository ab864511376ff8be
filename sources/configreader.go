package sources

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/sources/internal/document"
)

// configReader makes a Config of a file that its schema accepts, and reports
// what a schema can not tell.
type configReader struct{ src *sourceFile }

func (r configReader) config() *Config {
	root := r.src.root
	config := &Config{source: r.src, File: r.src.name, Roster: []string{"roster.yaml"}, Zone: time.UTC}
	if roster := root.Get("roster"); roster != nil {
		config.Roster = nil
		for _, item := range items(roster) {
			origin := r.src.origin(item)
			if config.rosterOrigin == nil {
				config.rosterOrigin = &origin
			}
			if item.Kind == document.Map {
				r.git(config, item, origin)
				continue
			}
			if repositoryAddress(item.Text()) {
				// Neither is shown: a password may stand in it.
				config.gitRefused = true
				r.src.add(Error, origin.Line, origin.Column, errRosterAddress.Error(), false)
				continue
			}
			config.Roster = append(config.Roster, item.Text())
			config.rosterOrigins = append(config.rosterOrigins, origin)
		}
	}
	r.guardrails(root.Get("guardrails"), &config.Guardrails)
	config.Ledger = r.ledger(root.Get("ledger"))
	if zone := root.Get("schedule").Get("timeZone"); zone != nil {
		location, err := LoadZone(zone.Text())
		if err != nil {
			r.src.reportAt(zone, err.Error())
		} else {
			config.Zone = location
		}
	}
	config.Schedule = r.schedule(root.Get("schedule"), config.Zone)
	config.Notify = r.notify(root.Get("notify"))
	for _, e := range entries(root.Get("listen")) {
		switch e.Key {
		case "address":
			config.Listen.Address = e.Value.Text()
		case "token":
			config.Listen.Token = r.secretAt(e)
		}
	}
	if address := root.Get("listen").Get("address"); address != nil && config.Listen.Token == nil && open(config.Listen.Address) {
		r.src.reportAt(address, errOpenAddress.Error())
	}
	for _, entry := range entries(root.Get("providers")) {
		config.Providers = append(config.Providers, r.provider(entry))
	}
	slices.SortFunc(config.Providers, func(a, b ProviderConfig) int { return strings.Compare(a.Name, b.Name) })
	return config
}

func (r configReader) ledger(node *document.Node) LedgerConfig {
	path := DefaultLedger
	c := LedgerConfig{Lease: DefaultLease}
	if node != nil && node.Kind == document.String {
		path = node.Text()
	}
	for _, e := range entries(node) {
		switch e.Key {
		case "path":
			path = e.Value.Text()
		case "require":
			c.Require = e.Value.Bool()
		case "keep":
			c.Keep = r.span(e.Value)
		case "url":
			c.URL = r.secretAt(e)
		case "lease":
			c.Lease = r.between(e.Value, time.Second, 10*time.Minute)
		}
	}
	if strings.Contains(path, "://") {
		at := node
		if stated := node.Get("path"); stated != nil {
			at = stated
		}
		r.src.add(Error, int(at.Line), int(at.Column), errLedgerAddress.Error(), false)
	}
	if c.URL != nil && node.Get("path") != nil {
		r.src.reportAt(node.Get("path"), errTwoLedgers.Error())
	}
	c.Path = relativeTo(r.src.name, path)
	return c
}

func (r configReader) schedule(node *document.Node, zone *time.Location) Schedule {
	s := &Schedule{Deadline: DefaultDeadline}
	if expression := node.Get("cron"); expression != nil {
		read, err := NewSchedule(expression.Text(), zone, time.Now())
		if err != nil {
			r.src.reportAt(expression, quote(expression.Text())+" "+err.Error())
		} else {
			s = read
		}
	}
	for _, e := range entries(node) {
		switch e.Key {
		case "jitter":
			s.Jitter = r.between(e.Value, 0, 12*time.Hour)
		case "catchUp":
			s.CatchUp = e.Value.Bool()
		case "deadline":
			s.Deadline = r.between(e.Value, time.Minute, 24*time.Hour)
		}
	}
	if first := s.Next(time.Now()); s.Jitter > 0 && !first.IsZero() && s.Next(first).Sub(first) <= s.Jitter {
		r.src.reportAt(node.Get("jitter"), errJitter.Error())
	}
	return *s
}

func (r configReader) notify(node *document.Node) NotifyConfig {
	c := NotifyConfig{OpenFor: DefaultOpenFor}
	for _, e := range entries(node) {
		switch e.Key {
		case "webhook":
			for _, part := range entries(e.Value) {
				switch part.Key {
				case "url":
					c.Webhook = r.secretAt(part)
				case "sign":
					c.Sign = r.secretAt(part)
				}
			}
		case "slack":
			c.Slack = r.secretAt(e)
		case "heartbeat":
			c.Heartbeat = r.secretAt(e)
		case "openFor":
			c.OpenFor = r.between(e.Value, 0, 365*24*time.Hour)
		case "quietFor":
			c.QuietFor = r.between(e.Value, time.Minute, 365*24*time.Hour)
		}
	}
	return c
}

func (r configReader) secretAt(entry document.Entry) *SecretRef {
	ref := r.src.secret(entry)
	return &ref
}

// between is a duration from least to most.
func (r configReader) between(node *document.Node, least, most time.Duration) time.Duration {
	d, err := ParseDuration(node.Text())
	if err == nil && (d < least || d > most) {
		err = fmt.Errorf("write a time from %s to %s", shortly(least), shortly(most))
	}
	if err != nil {
		r.src.reportAt(node, err.Error())
	}
	return d
}

// shortly is a duration in the largest unit that it is whole in.
func shortly(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= unit.of && d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
		}
	}
	return d.String()
}

// span is a duration of days.
func (r configReader) span(node *document.Node) time.Duration {
	d, err := ParseDuration(node.Text())
	if err == nil && d < 24*time.Hour {
		err = errSpan
	}
	if err != nil {
		r.src.reportAt(node, err.Error())
	}
	return d
}

func (r configReader) guardrails(node *document.Node, g *Guardrails) {
	if limit := node.Get("maxRemovals"); limit != nil {
		parsed, err := parseLimit(limit)
		if err != nil {
			r.src.reportAt(limit, err.Error())
		}
		g.MaxRemovals = parsed
	}
	for _, item := range items(node.Get("protect")) {
		pattern, err := ParsePattern(item.Text())
		if err != nil {
			r.src.reportAt(item, quote(item.Text())+" "+err.Error())
			continue
		}
		g.Protect = append(g.Protect, pattern)
	}
}

func parseLimit(node *document.Node) (Limit, error) {
	if node.Kind == document.Int {
		return Limit{Set: true, Count: int(min(node.Int(), math.MaxInt32))}, nil
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(node.Text(), "%"), 64)
	if err != nil || percent < 0 || percent > 100 {
		return Limit{}, errLimit
	}
	return Limit{Set: true, Share: true, Percent: percent}, nil
}

func (r configReader) provider(entry document.Entry) ProviderConfig {
	node := entry.Value
	p := ProviderConfig{
		Name: entry.Key, Kind: entry.Key, Mode: ModeFull,
		Concurrency: DefaultConcurrency, Timeout: DefaultTimeout, Retries: DefaultRetries,
		Settings: make(map[string]string), Lists: make(map[string][]string), Tables: make(map[string]map[string]string), Auth: make(map[string]SecretRef),
		Origin: Origin{File: r.src.name, Line: int(entry.Line), Column: int(entry.Column)},
	}
	for _, e := range entries(node) {
		value := e.Value
		switch e.Key {
		case "kind":
			p.Kind = value.Text()
		case "baseURL":
			p.BaseURL = r.address(value)
		case "tokenURL":
			p.TokenURL = r.address(value)
		case "onLeave":
			p.OnLeave = OnLeave(value.Text())
			if after := value.Get("delete"); after != nil {
				p.OnLeave, p.DeleteAfter = LeaveSuspend, r.span(after)
			}
		case "mode":
			p.Mode = Mode(value.Text())
		case "lookup":
			p.Lookup = Lookup(value.Text())
		case "assume":
			p.Assume = textsOf(value)
		case "concurrency":
			p.Concurrency = int(value.Int())
		case "retries":
			p.Retries = int(value.Int())
		case "rate":
			p.Rate, p.RateSet = r.rate(value), true
		case "timeout":
			p.Timeout = r.duration(value)
		case "auth":
			for _, secret := range entries(value) {
				p.Auth[secret.Key] = r.src.secret(secret)
			}
		default:
			if !slices.Contains(commonKeys, e.Key) {
				p.own(e.Key, value)
			}
		}
	}
	return p
}

// own takes one of the kind's own keys.
func (p *ProviderConfig) own(key string, value *document.Node) {
	switch value.Kind {
	case document.String:
		p.Settings[key] = value.Text()
	case document.Int:
		p.Settings[key] = strconv.FormatInt(value.Int(), 10)
	case document.Bool:
		p.Settings[key] = strconv.FormatBool(value.Bool())
	case document.List:
		p.Lists[key] = textsOf(value)
	case document.Map:
		p.Tables[key] = make(map[string]string)
		for _, e := range entries(value) {
			if e.Value.Kind == document.String {
				p.Tables[key][e.Key] = e.Value.Text()
			}
		}
	default: // the schema says what is wrong with it
	}
}

// textsOf are the texts of a list.
func textsOf(node *document.Node) []string {
	texts := []string{}
	for _, item := range items(node) {
		if item.Kind == document.String {
			texts = append(texts, item.Text())
		}
	}
	return texts
}

func (r configReader) rate(node *document.Node) Rate {
	if node.Kind == document.String && node.Text() == "unlimited" {
		return nil
	}
	limits := []*document.Node{node}
	if node.Kind == document.List {
		limits = node.Items
	}
	var rate Rate
	for _, item := range limits {
		limit, err := ParseRateLimit(item.Text())
		if err != nil {
			r.src.reportAt(item, err.Error())
			continue
		}
		rate = append(rate, limit)
	}
	return rate
}

func (r configReader) duration(node *document.Node) time.Duration {
	d, err := ParseDuration(node.Text())
	if err == nil && (d <= 0 || d > 10*time.Minute) {
		err = errTimeout
	}
	if err != nil {
		r.src.reportAt(node, err.Error())
	}
	return d
}

func (r configReader) address(node *document.Node) string {
	if err := CheckURL(node.Text()); err != nil {
		r.src.reportAt(node, err.Error())
	}
	return strings.TrimRight(node.Text(), "/")
}

// repositoryAddress reports of an entry of the roster that it is no path but the address
// of a repository, by any of the forms that git has for one.
func repositoryAddress(text string) bool {
	host, _, ssh := strings.Cut(text, ":")
	return strings.Contains(text, "://") || ssh && strings.Contains(host, "@") && !strings.ContainsAny(host, `/\`)
}

// open reports of an address to listen at that other machines reach it. What a name leads
// to is for whoever listens to find out.
func open(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && !ip.IsLoopback()
}
