package providertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// accessLaws are about what a connection may do and whom it may trust.
func (s Subject) accessLaws() []law {
	return []law{
		{"access/a reader can not write", (*bench).readers},
		{"access/refused credentials", (*bench).refused},
		{"access/credentials are in no error", (*bench).secretive},
		{"access/credentials go nowhere else", (*bench).atHome},
	}
}

// readers: what is given to whoever plans has no method that writes, and a
// connection for reading has no writer.
func (b *bench) readers() {
	b.add(ana)
	before := b.records()
	c, only := b.connect(), b.connect(readOnly)
	if c.Writer == nil || only.Writer != nil {
		b.Errorf("the writer is %T, and for reading only %T", c.Writer, only.Writer)
	}
	for _, r := range []any{c.Reader, only.Reader, b.connect(readOnly, listedIf(b.can("list"))).Reader} {
		_, creates := r.(providers.Creator)
		_, updates := r.(providers.Updater)
		_, deletes := r.(providers.Deleter)
		_, invites := r.(providers.Inviter)
		if creates || updates || deletes || invites {
			b.Errorf("%T can write", r)
		}
	}
	if users, err := only.Reader.Search(b.ctx, ana); err != nil || len(users) != 1 {
		b.Errorf("%d users, %v", len(users), err)
	}
	b.readsOnly(before)
}

func listedIf(can bool) func(*providers.Settings) {
	if can {
		return listed
	}
	return func(*providers.Settings) {}
}

// refused: credentials that the vendor does not take prove nothing, are told with
// the place that they come from, and are not tried again and again.
func (b *bench) refused() {
	id := b.add(ana)
	before := b.records()
	b.chaos(failing(simulator.Rule{Fault: simulator.FaultStatus, Status: 401}))
	c := b.connect()
	for range 3 {
		for _, o := range b.operations() {
			err := o.do(b.ctx, b, c, id)
			if !providers.CredentialsRefused(err) || isAbsent(err) || providers.OutcomeUnknown(err) {
				b.Errorf("%s: credentials refused is %v, outcome unknown is %v: %v", o.name, providers.CredentialsRefused(err), providers.OutcomeUnknown(err), err)
			}
			for auth := range b.Kind.SimulatedAuth {
				if place := strings.ToUpper(auth) + "_OF_SUBJECT"; !strings.Contains(providers.Remedy(err), place) {
					b.Errorf("%s does not say where to look, which is %s: %q", o.name, place, providers.Remedy(err))
				}
			}
		}
	}
	o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}})
	if o.Finding != providers.Unknown || o.Remedy == "" {
		b.Errorf("a lookup is %s, remedy %q", o.Finding, o.Remedy)
	}
	if n := b.counts(); n.Reads+n.Writes > 2 {
		b.Errorf("%d requests with credentials that are refused", n.Reads+n.Writes)
	}
	b.fired("status-401")
	b.unchanged(before)
}

// secretive: a vendor may repeat the credentials in what it answers; no error
// does.
func (b *bench) secretive() {
	id := b.add(ana)
	for _, status := range []int{400, 403, 404, 409, 422, 500} {
		b.chaos(simulator.Chaos{})
		c := b.connect(single)
		b.warm(c, id)
		b.chaos(simulator.Chaos{EchoAuthorization: true, Fail: []simulator.Rule{{Fault: simulator.FaultStatus, Status: status}}})
		for _, o := range b.operations() {
			err := o.do(b.ctx, b, c, id)
			for _, secret := range b.secrets() {
				if err != nil && strings.Contains(err.Error()+providers.Remedy(err), secret) {
					b.Errorf("%s answered with %d: the error has the credentials", o.name, status)
				}
			}
		}
	}
	b.fired("echo-authorization")
}

// secrets are the credentials, and what was sent for them.
func (b *bench) secrets() []string {
	var all []string
	for name := range b.Kind.SimulatedAuth {
		all = append(all, b.secret(name))
	}
	for _, s := range b.requests() {
		if s.authorization != "" {
			all = append(all, s.authorization)
		}
	}
	return all
}

// atHome: a redirect takes neither the credentials nor anything else to another
// host.
func (b *bench) atHome() {
	id := b.add(ana)
	before := b.records()
	for _, status := range []int{301, 302, 303, 307, 308} {
		b.chaos(failing(simulator.Rule{Fault: simulator.FaultRedirect, Status: status, Location: "https://elsewhere.example.com/users"}))
		c := b.connect(single)
		for _, o := range b.operations() {
			if err := o.do(b.ctx, b, c, id); err == nil || isAbsent(err) {
				b.Errorf("%s redirected with %d: %v", o.name, status, err)
			}
		}
	}
	home := ""
	for _, s := range b.requests() {
		if home == "" {
			home = s.host
		}
		if s.host != home {
			b.Errorf("a request went to %s", s.host)
		}
	}
	b.fired("redirect")
	b.unchanged(before)
}

// limitLaws are about how much is asked of a vendor at once, and when a call ends.
func (s Subject) limitLaws() []law {
	return []law{
		{"limits/given up before it began", (*bench).givenUpBefore},
		{"limits/given up on the way", (*bench).givenUp},
		{"limits/stopped while it waits", (*bench).stopped},
		{"limits/stopped while it is under way", (*bench).finished},
		{"limits/requests at once", (*bench).atOnce},
		{"limits/the configured rate", (*bench).rate},
		{"limits/the kind's own rate", (*bench).ownRate},
		{"limits/a vendor that asks for a pause", (*bench).pause},
		{"limits/a vendor that allows less", (*bench).tight},
		{"limits/a vendor whose clock is wrong", (*bench).skewed},
	}
}

// givenUpBefore: a call whose context has ended sends nothing and says so.
func (b *bench) givenUpBefore() {
	id := b.add(ana, b.Invitable)
	before := b.records()
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	c := b.connect()
	for _, o := range b.operations() {
		if err := o.do(ctx, b, c, id); !errors.Is(err, context.Canceled) || !providers.DidNothing(err) || !providers.Interrupted(err) || isAbsent(err) {
			b.Errorf("%s: did nothing is %v, interrupted is %v: %v", o.name, providers.DidNothing(err), providers.Interrupted(err), err)
		}
	}
	if n := len(b.requests()); n != 0 {
		b.Errorf("%d requests", n)
	}
	b.unchanged(before)
}

// givenUp: a call that is given up while its request is under way ends at once; a
// read proved nothing, and of a write it is not known whether it was done.
func (b *bench) givenUp() {
	id := b.add(ana, b.Invitable)
	c := b.connect()
	b.warm(c, id)
	for _, o := range b.operations() {
		b.chaos(failing(simulator.Rule{Operation: o.asks, Fault: simulator.FaultHang}))
		ctx, cancel := context.WithTimeout(b.ctx, 3*time.Second)
		begun := time.Now()
		err := o.do(ctx, b, c, id)
		cancel()
		if took := time.Since(begun); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) || isAbsent(err) {
			b.Errorf("%s: %v after %s", o.name, err, took)
		}
		if writes := o.class != reading; providers.OutcomeUnknown(err) != writes || providers.DidNothing(err) == writes || providers.Interrupted(err) == writes {
			b.Errorf("%s: outcome unknown is %v, did nothing is %v, interrupted is %v: %v", o.name, providers.OutcomeUnknown(err), providers.DidNothing(err), providers.Interrupted(err), err)
		}
	}
	b.fired("hang")
}

// stopped: who waits for another try when the run is stopped does nothing more.
func (b *bench) stopped() {
	id := b.add(ana, b.Invitable)
	before := b.records()
	for _, o := range b.operations() {
		b.chaos(simulator.Chaos{})
		c := b.connect()
		b.warm(c, id)
		b.chaos(failing(simulator.Rule{Fault: simulator.FaultStatus, Status: 429, RetryAfter: time.Minute}))
		stop := make(chan struct{})
		timer := time.AfterFunc(3*time.Second, func() { close(stop) })
		begun := time.Now()
		err := o.do(providers.WithStop(b.ctx, stop), b, c, id)
		timer.Stop()
		if took := time.Since(begun); took != 3*time.Second || !providers.Interrupted(err) || !providers.DidNothing(err) || isAbsent(err) {
			b.Errorf("%s: did nothing is %v, interrupted is %v after %s: %v", o.name, providers.DidNothing(err), providers.Interrupted(err), took, err)
		}
	}
	b.fired("status-429")
	b.unchanged(before)
}

// finished: a request that is under way when the run is stopped is finished.
func (b *bench) finished() {
	id := b.add(ana, b.Invitable)
	c := b.connect()
	b.warm(c, id)
	b.chaos(simulator.Chaos{Latency: 5 * time.Second})
	for _, o := range b.operations() {
		stop := make(chan struct{})
		timer := time.AfterFunc(time.Second, func() { close(stop) })
		if err := o.do(providers.WithStop(b.ctx, stop), b, c, id); err != nil {
			b.Errorf("%s: %v", o.name, err)
		}
		timer.Stop()
	}
	b.fired("latency")
}

// atOnce: as many requests are under way as the configuration allows, reads and
// writes together, and never more.
func (b *bench) atOnce() {
	const people, latency = 6 * concurrency, time.Second
	var there []string
	for range people {
		there = append(there, b.add(ana))
	}
	c := b.connect()
	b.warm(c, there[0])
	b.chaos(simulator.Chaos{Latency: latency})
	var group sync.WaitGroup
	begun := time.Now()
	for i, id := range there {
		group.Go(func() {
			var err error
			if i%2 == 0 && b.can("update") {
				_, err = b.updater(c).Update(b.ctx, providers.Patch{UserID: id, Values: b.Updates[0].Values})
			} else {
				err = b.ask(c, id)
			}
			if err != nil {
				b.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	requests := people * b.requestsOf()
	if b.can("update") && slices.Contains(b.Looks, "update") && !b.byList() {
		requests += people / 2 // every other one is an update
	}
	want := time.Duration(requests/concurrency) * latency
	if n, took := b.counts().AtOnce, time.Since(begun); n != concurrency || took != want {
		b.Errorf("%d requests at once and %s for all, want %d and %s", n, took, concurrency, want)
	}
	b.fired("latency")
}

// rate: no span has more requests than the configuration allows, so that a vendor
// with that very limit never has to say so.
func (b *bench) rate() {
	limit := sources.RateLimit{Requests: 3, Per: time.Second}
	id := b.add(ana)
	c := b.connect(func(s *providers.Settings) { s.Config.Rate = sources.Rate{limit} })
	b.warm(c, id)
	time.Sleep(limit.Per)
	b.chaos(simulator.Chaos{RateLimit: &simulator.RateLimit{Limit: limit.Requests, Window: limit.Per}})
	b.paced(c, id, limit)
	if faults := b.counts().Faults; len(faults) != 0 {
		b.Errorf("the vendor had to say that it was too much: %v", faults)
	}
}

// ownRate: without a configured rate the kind's own one holds.
func (b *bench) ownRate() {
	id := b.add(ana)
	for _, limit := range b.Kind.Rate {
		if limit.Per <= time.Minute { // the longer ones are the limiter's own affair
			b.paced(b.connect(func(s *providers.Settings) { s.Config.RateSet = false }), id, limit)
		}
	}
}

// paced makes as many requests as fill three spans and one more.
func (b *bench) paced(c *providers.Connection, id string, limit sources.RateLimit) {
	b.Helper()
	begun := time.Now()
	var group sync.WaitGroup
	for range 3*limit.Requests + 1 {
		group.Go(func() {
			if err := b.ask(c, id); err != nil {
				b.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	if took := time.Since(begun); took < 3*limit.Per {
		b.Errorf("%d requests took %s, with a rate of %s", 3*limit.Requests+1, took, limit)
	}
}

// pause: a wait that the vendor asks one call for is kept by all.
func (b *bench) pause() {
	id := b.add(ana)
	chaos := failing(simulator.Rule{Fault: simulator.FaultStatus, Status: 429, First: 1, RetryAfter: time.Minute})
	chaos.Latency = time.Second
	c := b.connect()
	b.warm(c, id)
	b.chaos(chaos)
	begun := time.Now()
	var group sync.WaitGroup
	for range 3 * concurrency {
		group.Go(func() {
			if err := b.ask(c, id); err != nil {
				b.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	early := 0
	for _, s := range b.requests() {
		if s.at.Sub(begun) < time.Minute {
			early++
		}
	}
	// Those under way together with the first one, and those that took their places
	// in the very moment, had been sent.
	if early >= 2*concurrency || len(b.requests()) != 3*concurrency*b.requestsOf()+1 {
		b.Errorf("%d of %d requests were sent before the pause was over", early, len(b.requests()))
	}
	b.fired("status-429")
}

// tight: a vendor that allows less than is configured is asked until it has
// answered everything, and as often as it allows.
func (b *bench) tight() {
	const allowed, per, calls = 2, 10 * time.Second, 6
	id := b.add(ana)
	c := b.connect()
	b.warm(c, id)
	b.chaos(simulator.Chaos{RateLimit: &simulator.RateLimit{Limit: allowed, Window: per}})
	begun := time.Now()
	for range calls {
		if err := b.ask(c, id); err != nil {
			b.Errorf("%v", err)
		}
	}
	if took := time.Since(begun); took != time.Duration(calls*b.requestsOf()/allowed-1)*per {
		b.Errorf("%d calls took %s, with %d allowed each %s", calls, took, allowed, per)
	}
	b.fired("rate-limit")
}

// skewed: when to come again is told by the vendor's own clock.
func (b *bench) skewed() {
	const wait = 3 * time.Second
	id := b.add(ana)
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		for _, form := range []simulator.RetryForm{simulator.RetryDate, simulator.RetryEpoch} {
			chaos := failing(simulator.Rule{Fault: simulator.FaultStatus, Status: 429, First: 1, RetryAfter: wait, Form: form})
			chaos.ClockSkew = skew
			b.chaos(simulator.Chaos{})
			c := b.connect()
			b.warm(c, id)
			b.chaos(chaos)
			begun := time.Now()
			b.get(c, id)
			if took := time.Since(begun); took < wait || took > wait+time.Second {
				b.Errorf("%s, %s ahead: it took %s, and the vendor asked for %s", form, skew, took, wait)
			}
		}
	}
	b.fired("clock-skew")
}
