package providertest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
)

// An outcome is what may come of an operation that met a fault.
type outcome string

// The outcomes. None of them is an absence that was not proven, and none has an
// effect twice.
const (
	// recovers: it is as if nothing had been wrong.
	recovers outcome = "recovers"
	// fails: an error, and certainly nothing was done.
	fails outcome = "fails"
	// later: nothing was done, and another try is no use now.
	later outcome = "is told to come later"
	// doubtful: an error that says that it may have been done.
	doubtful outcome = "is in doubt"
	// believed: the vendor says that it was done, without what would show it;
	// either that is believed, or it is in doubt.
	believed outcome = "is believed or in doubt"
	// absent: nobody has the id.
	absent outcome = "proves absence"
)

// A fault is one row of the table.
type fault struct {
	name  string
	rule  simulator.Rule
	fired string
	// What comes of it, by the class of the operation; of an operation itself where
	// it is another.
	reads, sets, makes outcome
	own                map[string]outcome
	// done tells that what is done once had its effect, although it may be in doubt.
	done bool
	// takes is how long it takes, where that is known; waits up to a second more
	// are what a clock in whole seconds makes of it.
	takes time.Duration
}

// status is a fault answered with an error in the vendor's form.
func status(code int, more simulator.Rule) simulator.Rule {
	more.Fault, more.Status = simulator.FaultStatus, code
	return more
}

// faults is the table: what a vendor, or what stands before it, can do wrong.
// Connections retry four times, so that what is wrong twice passes.
func faults() []fault {
	const wait = 3 * time.Second
	twice := simulator.Rule{First: 2}
	var table []fault
	for _, form := range []simulator.RetryForm{
		simulator.RetrySeconds, simulator.RetryDate, simulator.RetryEpoch, simulator.RetryEpochMillis,
		simulator.RetryMillis, simulator.RetryBody, simulator.RetryReset,
	} {
		table = append(table, fault{
			name: "429 twice, " + string(form), rule: status(http.StatusTooManyRequests, simulator.Rule{First: 2, RetryAfter: wait, Form: form}),
			fired: "status-429", reads: recovers, sets: recovers, makes: recovers, done: true, takes: 2 * wait,
		})
	}
	table = append(
		table,
		fault{name: "429 twice, without a hint", rule: status(429, twice), fired: "status-429", reads: recovers, sets: recovers, makes: recovers, done: true},
		fault{name: "429 for an hour", rule: status(429, simulator.Rule{RetryAfter: time.Hour}), fired: "status-429", reads: later, sets: later, makes: later},
		fault{name: "503 twice, with a wait", rule: status(503, simulator.Rule{First: 2, RetryAfter: wait}), fired: "status-503", reads: recovers, sets: recovers, makes: doubtful},
	)
	for _, code := range []int{408, 500, 502, 503, 504} {
		name, fired := strconv.Itoa(code), fmt.Sprintf("status-%d", code)
		table = append(
			table,
			fault{name: name + " twice", rule: status(code, twice), fired: fired, reads: recovers, sets: recovers, makes: doubtful},
			fault{name: name + " twice, after the effect", rule: status(code, simulator.Rule{First: 2, After: true}), fired: fired, reads: recovers, sets: recovers, makes: doubtful, done: true},
			fault{name: name + " always", rule: status(code, simulator.Rule{}), fired: fired, reads: fails, sets: doubtful, makes: doubtful},
		)
	}
	for _, code := range []int{400, 401, 403, 405, 406, 409, 410, 415, 422, 501} {
		table = append(table, fault{name: strconv.Itoa(code), rule: status(code, simulator.Rule{}), fired: fmt.Sprintf("status-%d", code), reads: fails, sets: fails, makes: fails})
	}
	return append(
		table,
		fault{name: "425 twice", rule: status(425, twice), fired: "status-425", reads: recovers, sets: recovers, makes: fails},
		// Only by id does a 404 say that there is nobody: a search answers nobody
		// with an empty list, and a user who is to be deleted may be there.
		fault{name: "404", rule: status(404, simulator.Rule{}), fired: "status-404", reads: fails, sets: fails, makes: fails, own: map[string]outcome{"get": absent}},
		fault{name: "404 as HTML", rule: simulator.Rule{Fault: simulator.FaultHTML, Status: 404}, fired: "html-404", reads: fails, sets: fails, makes: fails},
		fault{name: "404 without a body", rule: simulator.Rule{Fault: simulator.FaultEmpty, Status: 404}, fired: "empty", reads: fails, sets: fails, makes: fails},
		fault{name: "403 as HTML", rule: simulator.Rule{Fault: simulator.FaultHTML, Status: 403}, fired: "html-403", reads: fails, sets: fails, makes: fails},
		fault{name: "502 as HTML, twice", rule: simulator.Rule{Fault: simulator.FaultHTML, First: 2}, fired: "html-502", reads: recovers, sets: recovers, makes: doubtful},
		fault{name: "502 as HTML, always", rule: simulator.Rule{Fault: simulator.FaultHTML}, fired: "html-502", reads: fails, sets: doubtful, makes: doubtful},
		fault{name: "200 as HTML", rule: simulator.Rule{Fault: simulator.FaultHTML, Status: 200}, fired: "html-200", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}},
		fault{name: "200 as HTML, after the effect", rule: simulator.Rule{Fault: simulator.FaultHTML, Status: 200, After: true}, fired: "html-200", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}, done: true},
		fault{name: "200 without a body", rule: simulator.Rule{Fault: simulator.FaultEmpty}, fired: "empty", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}},
		fault{name: "200 without a body, after the effect", rule: simulator.Rule{Fault: simulator.FaultEmpty, After: true}, fired: "empty", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}, done: true},
		fault{name: "204", rule: simulator.Rule{Fault: simulator.FaultNoContent}, fired: "no-content", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}},
		fault{name: "an answer of the wrong type", rule: simulator.Rule{Fault: simulator.FaultWrongType}, fired: "wrong-type", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}, done: true},
		fault{name: "a cut answer, twice", rule: simulator.Rule{Fault: simulator.FaultCutBody, First: 2}, fired: "cut-body", reads: recovers, sets: recovers, makes: doubtful, own: map[string]outcome{"invite": believed}, done: true},
		fault{name: "a cut answer, always", rule: simulator.Rule{Fault: simulator.FaultCutBody}, fired: "cut-body", reads: fails, sets: believed, makes: doubtful, own: map[string]outcome{"invite": believed}, done: true},

		fault{name: "never connected, twice", rule: simulator.Rule{Fault: simulator.FaultRefused, First: 2}, fired: "refused", reads: recovers, sets: recovers, makes: recovers, done: true},
		fault{name: "never connected", rule: simulator.Rule{Fault: simulator.FaultRefused}, fired: "refused", reads: fails, sets: fails, makes: fails},
		fault{name: "closed before the effect, twice", rule: simulator.Rule{Fault: simulator.FaultClosed, First: 2}, fired: "closed", reads: recovers, sets: recovers, makes: doubtful},
		fault{name: "closed before the effect, always", rule: simulator.Rule{Fault: simulator.FaultClosed}, fired: "closed", reads: fails, sets: doubtful, makes: doubtful},
		fault{name: "a lost answer, twice", rule: simulator.Rule{Fault: simulator.FaultLostAnswer, First: 2}, fired: "lost-answer", reads: recovers, sets: recovers, makes: doubtful, done: true},
		fault{name: "a lost answer, always", rule: simulator.Rule{Fault: simulator.FaultLostAnswer}, fired: "lost-answer", reads: fails, sets: doubtful, makes: doubtful, done: true},
		fault{name: "hangs once", rule: simulator.Rule{Fault: simulator.FaultHang, First: 1}, fired: "hang", reads: recovers, sets: recovers, makes: doubtful},
		fault{name: "hangs once, after the effect", rule: simulator.Rule{Fault: simulator.FaultHang, First: 1, After: true}, fired: "hang", reads: recovers, sets: recovers, makes: doubtful, done: true},
		fault{name: "hangs always", rule: simulator.Rule{Fault: simulator.FaultHang}, fired: "hang", reads: fails, sets: doubtful, makes: doubtful},

		fault{name: "redirected to itself, once", rule: simulator.Rule{Fault: simulator.FaultRedirect, Location: "#again", First: 1}, fired: "redirect", reads: recovers, sets: fails, makes: fails},
		fault{name: "redirected in a circle", rule: simulator.Rule{Fault: simulator.FaultRedirect, Location: "#again"}, fired: "redirect", reads: fails, sets: fails, makes: fails},
		fault{name: "redirected to nowhere", rule: simulator.Rule{Fault: simulator.FaultRedirect, Status: 308}, fired: "redirect", reads: fails, sets: fails, makes: fails},
		fault{name: "told to see elsewhere", rule: simulator.Rule{Fault: simulator.FaultRedirect, Status: 303, Location: "https://elsewhere.example.com/"}, fired: "redirect", reads: fails, sets: doubtful, makes: doubtful},
	)
}

func (f fault) outcome(s Subject, o operation) outcome {
	own, is := f.own[o.name]
	if own == absent && (s.byList() || !s.can("absence")) {
		is = false
	}
	if is {
		return own
	}
	switch o.class {
	case reading:
		return f.reads
	case setting:
		return f.sets
	default:
		return f.makes
	}
}

// faultLaws are every fault at every operation that the vendor has.
func (s Subject) faultLaws() []law {
	var laws []law
	for _, f := range faults() {
		if s.Without[f.name] != "" || s.Without[f.fired] != "" {
			continue
		}
		for _, o := range s.operations() {
			laws = append(laws, law{"faults/" + f.name + "/" + o.name, func(b *bench) { b.meets(f, o) }})
		}
	}
	return laws
}

// meets checks one fault at one operation.
func (b *bench) meets(f fault, o operation) {
	id := b.add(ana, b.Invitable)
	b.add(bill)
	before := b.records()
	rule := f.rule
	rule.Operation = o.asks
	b.chaos(failing(rule))
	begun := time.Now()
	err := o.do(b.ctx, b, b.connect(), id)
	took := time.Since(begun)
	b.fired(f.fired)

	want := f.outcome(b.Subject, o)
	if got, as := b.seen(err, want); !as {
		b.Errorf("%s, and it %s: %v", want, got, err)
	}
	if isAbsent(err) != (want == absent) {
		b.Errorf("it is taken for a proof that there is nobody: %v", err)
	}
	if f.takes > 0 && (took < f.takes || took > f.takes+time.Second) {
		b.Errorf("it took %s, and the vendor asked for %s", took, f.takes)
	}
	b.effects(f, o, want, id, before)
	if o.class == reading && o.name != "list" {
		b.proves(f, o, want, id)
	}
}

// seen is what an error says, and whether that is what is wanted.
func (b *bench) seen(err error, want outcome) (outcome, bool) {
	got := fails
	switch {
	case err == nil:
		got = recovers
	case providers.OutcomeUnknown(err):
		got = doubtful
	case providers.DidNothing(err):
		got = later
	case isAbsent(err):
		got = absent
	}
	if want == believed {
		return got, got == recovers || got == doubtful
	}
	return got, got == want
}

// effects looks at what the vendor has now: nothing is done in part, or twice, or
// to somebody else.
func (b *bench) effects(f fault, o operation, want outcome, id string, before map[string]map[string]any) {
	b.Helper()
	n := b.counts()
	effects := map[string]int64{"create": n.Created, "invite": n.Mails}
	if b.Kind.MailsAtCreate {
		effects["invite"] -= n.Created // one mail goes with each
	}
	for name, got := range effects {
		if name == o.name && f.done {
			got--
		}
		if got != 0 {
			b.Errorf("%d users created, %d mails", n.Created, n.Mails)
		}
	}
	if o.class == once && want == doubtful && n.Writes != 1 {
		b.Errorf("%d requests, of which it is not known what they did", n.Writes)
	}
	switch {
	case o.class == reading, o.name == "invite", want == fails, want == later:
		b.unchanged(before)
	case o.name == "create":
		now := b.records()
		for other, record := range now {
			if before[other] == nil {
				before[other] = record
			}
		}
		b.unchanged(before)
	case o.name == "update" && want == recovers:
		b.changed(before, id, b.Updates[0].record())
	case o.name == "delete" && want == recovers:
		delete(before, id)
		b.unchanged(before)
	default:
		b.elsewhere(before, id)
	}
}

// elsewhere fails when anybody but the user was changed.
func (b *bench) elsewhere(before map[string]map[string]any, id string) {
	b.Helper()
	now := b.records()
	if record, there := now[id]; there {
		before[id] = record
	} else {
		delete(before, id)
	}
	b.unchanged(before)
}

// proves: a lookup that met the fault finds whoever is there, or is unknown; it is
// absent only where the vendor came to say so.
func (b *bench) proves(f fault, o operation, want outcome, id string) {
	b.Helper()
	rule := f.rule
	rule.Operation = o.asks
	for email, there := range map[string]bool{ana: true, cara: false} {
		b.chaos(failing(rule))
		query := providers.Query{Emails: []string{email}}
		finding := providers.Unknown
		switch {
		case want == recovers && there:
			finding = providers.Found
		case want == recovers:
			finding = providers.Absent
		}
		if o.name == "get" {
			if query.UserID = id; want == absent && there {
				finding = providers.Found // by his address
			} else if want == absent {
				finding = providers.Absent
			} else if want == recovers && !there {
				finding = providers.Ambiguous // the id is somebody else's
			}
			if !b.can("search") && !b.byList() {
				finding, query.Stated = b.byListAlone(want, there), b.ByID
			}
		}
		if got := providers.Lookup(b.ctx, b.connect().Reader, query); got.Finding != finding {
			b.Errorf("a lookup of somebody who is there (%v) is %s, want %s: %s", there, got.Finding, finding, got.Detail)
		}
	}
}

// byListAlone is what a lookup by id comes to where the list has the user, who is read
// by his id for what the list does not show, and that meets a fault.
func (b *bench) byListAlone(want outcome, there bool) providers.Finding {
	switch {
	case !there:
		return providers.Ambiguous // the id is somebody else's
	case want == recovers, len(b.ByID) == 0:
		return providers.Found
	default:
		return providers.Unknown
	}
}
