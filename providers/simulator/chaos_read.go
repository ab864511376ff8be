package simulator

import (
	"encoding/json"
	"path"
	"slices"
	"time"
)

// fields takes members of an object one by one, up to the first error.
type fields struct {
	members map[string]node
	err     error
}

// take reads a member, if there is one.
func take[T any](f *fields, key string, into *T, read func(node) (T, error)) {
	n, ok := f.members[key]
	if f.err != nil || !ok {
		return
	}
	*into, f.err = read(n)
}

// The keys of a chaos, its rate limit and its rules: the names of [Chaos],
// [RateLimit] and [Rule] with a small first letter.
var (
	chaosKeys = []string{
		"latency", "jitter", "rateLimit", "fail", "hidden", "hiddenInSearch", "blank",
		"indexLag", "indexLagSearches", "repeatedCursor", "overlappingPages", "phantomPages", "ignoreFilter",
		"echoAuthorization", "singularError", "storeDifferently", "misspelledEmailCase", "clockSkew",
	}
	rateLimitKeys = []string{"limit", "window", "perEndpoint", "form"}
	ruleKeys      = []string{
		"method", "path", "operation", "nth", "every", "first", "probability",
		"fault", "status", "after", "retryAfter", "form", "location",
	}
	// The words that such keys can have.
	operations = []Operation{Search, Get, Create, Update, Delete, Invite, Token, Other}
	faults     = []Fault{
		FaultStatus, FaultHTML, FaultEmpty, FaultNoContent, FaultRedirect, FaultRefused,
		FaultClosed, FaultLostAnswer, FaultCutBody, FaultWrongType, FaultHang,
	}
	retryForms = []RetryForm{RetrySeconds, RetryDate, RetryEpoch, RetryEpochMillis, RetryMillis, RetryBody, RetryReset, RetryNone}
)

// readChaos reads the chaos of a seed. Durations are Go's ("250ms").
func readChaos(n node) (Chaos, error) {
	var c Chaos
	members, err := n.object(chaosKeys...)
	f := &fields{members: members, err: err}
	take(f, "latency", &c.Latency, node.duration)
	take(f, "jitter", &c.Jitter, node.duration)
	take(f, "rateLimit", &c.RateLimit, readRateLimit)
	take(f, "fail", &c.Fail, readRules)
	take(f, "hidden", &c.Hidden, node.texts)
	take(f, "hiddenInSearch", &c.HiddenInSearch, node.texts)
	take(f, "blank", &c.Blank, node.boolean)
	take(f, "indexLag", &c.IndexLag, node.duration)
	take(f, "indexLagSearches", &c.IndexLagSearches, node.count)
	take(f, "repeatedCursor", &c.RepeatedCursor, node.boolean)
	take(f, "overlappingPages", &c.OverlappingPages, node.boolean)
	take(f, "phantomPages", &c.PhantomPages, node.count)
	take(f, "ignoreFilter", &c.IgnoreFilter, node.boolean)
	take(f, "echoAuthorization", &c.EchoAuthorization, node.boolean)
	take(f, "singularError", &c.SingularError, node.boolean)
	take(f, "storeDifferently", &c.StoreDifferently, readStoreDifferently)
	take(f, "misspelledEmailCase", &c.MisspelledEmailCase, node.boolean)
	take(f, "clockSkew", &c.ClockSkew, node.skew)
	return c, f.err
}

func readRateLimit(n node) (*RateLimit, error) {
	l := &RateLimit{}
	members, err := n.object(rateLimitKeys...)
	f := &fields{members: members, err: err}
	take(f, "limit", &l.Limit, node.count)
	take(f, "window", &l.Window, node.duration)
	take(f, "perEndpoint", &l.PerEndpoint, node.boolean)
	take(f, "form", &l.Form, readForm)
	if f.err == nil && (l.Limit < 1 || l.Window <= 0) {
		f.err = n.errorf("limit and window must be given, and be more than nothing")
	}
	return l, f.err
}

func readRules(n node) ([]Rule, error) {
	list, err := n.list()
	if err != nil {
		return nil, err
	}
	rules := make([]Rule, len(list))
	for i, item := range list {
		if rules[i], err = readRule(item); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

func readRule(n node) (Rule, error) {
	var r Rule
	members, err := n.object(ruleKeys...)
	f := &fields{members: members, err: err}
	take(f, "method", &r.Method, node.filled)
	take(f, "path", &r.Path, node.filled)
	take(f, "operation", &r.Operation, oneOf(operations...))
	given := 0
	for _, key := range []string{"nth", "every", "first", "probability"} {
		if _, is := members[key]; is {
			given++
		}
	}
	take(f, "nth", &r.Nth, node.some)
	take(f, "every", &r.Every, node.some)
	take(f, "first", &r.First, node.some)
	take(f, "probability", &r.Probability, node.fraction)
	take(f, "fault", &r.Fault, oneOf(faults...))
	take(f, "status", &r.Status, node.count)
	take(f, "after", &r.After, node.boolean)
	take(f, "retryAfter", &r.RetryAfter, node.duration)
	take(f, "form", &r.Form, readForm)
	take(f, "location", &r.Location, node.filled)
	if f.err != nil {
		return r, f.err
	}
	switch {
	case given > 1:
		return r, n.errorf("of nth, every, first and probability only one may be given")
	case given == 1 && r.Nth+r.Every+r.First == 0 && r.Probability == 0:
		return r, n.errorf("probability must be more than 0: leave the rule out instead")
	}
	if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		return r, n.errorf("status must be between 200 and 599")
	}
	if _, err := path.Match(r.Path, ""); err != nil {
		return r, n.errorf("path is no pattern")
	}
	return r, nil
}

// some is a whole number from 1.
func (n node) some() (int, error) {
	i, err := n.count()
	if err == nil && i == 0 {
		err = n.errorf("expected a whole number from 1")
	}
	return i, err
}

func readForm(n node) (RetryForm, error) {
	return oneOf(retryForms...)(n)
}

func readStoreDifferently(n node) (map[string]func(any) any, error) {
	m, ok := n.v.(map[string]any)
	if !ok {
		return nil, n.wrong("an object")
	}
	all := map[string]func(any) any{}
	for name, value := range m {
		all[name] = Always(value)
	}
	return all, nil
}

// oneOf reads one of the given words.
func oneOf[T ~string](words ...T) func(node) (T, error) {
	return func(n node) (T, error) {
		s, err := n.text()
		if err == nil && !slices.Contains(words, T(s)) {
			err = n.errorf("expected one of %v, got %q", words, s)
		}
		return T(s), err
	}
}

func (n node) duration() (time.Duration, error) {
	d, err := n.skew()
	if err == nil && d < 0 {
		err = n.errorf("expected a duration that is not negative")
	}
	return d, err
}

// skew is a duration in either direction.
func (n node) skew() (time.Duration, error) {
	s, err := n.text()
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, n.errorf("expected a duration such as 250ms")
	}
	return d, nil
}

// fraction is a number from 0 to 1.
func (n node) fraction() (float64, error) {
	x := -1.0
	switch v := n.v.(type) {
	case float64:
		x = v
	case json.Number:
		if parsed, err := v.Float64(); err == nil {
			x = parsed
		}
	default:
		if i, err := n.count(); err == nil {
			x = float64(i)
		}
	}
	if x < 0 || x > 1 {
		return 0, n.errorf("expected a number from 0 to 1")
	}
	return x, nil
}
