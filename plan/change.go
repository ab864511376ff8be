package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/providers"
	"rollcall/sources"
)

// A worker carries out one change.
type worker struct {
	log        *slog.Logger
	secrets    *sources.Secrets
	simulated  bool
	provider   Provider
	access     *sources.Access
	connection *providers.Connection
	change     *Change
}

// lookAgain is how long to wait before each further look at a user whose state is
// in doubt: an index may lag behind a write.
var lookAgain = []time.Duration{time.Second, 2 * time.Second}

// again observes the user once more before he is changed. Unless he is as he was
// when the plan was made, the change is settled: already done, stale or unknown.
func (w *worker) again(ctx context.Context, protect []sources.Pattern, insiders *watch) (ChangeResult, bool) {
	query := w.provider.query(w.access)
	for _, a := range w.change.Attributes {
		if attribute, _ := w.provider.Kind.Attribute(a.Name); attribute.Mode == providers.Managed {
			query.Stated = append(query.Stated, a.Name)
		}
	}
	o := observe(ctx, w.connection.Recent, query)
	if o.Finding == providers.Absent && w.change.UserID != "" && w.access.UserID != w.change.UserID {
		// Nobody has his address: whether he is gone, or has another one, his id tells.
		_, err := w.connection.Recent.Get(ctx, w.change.UserID)
		switch {
		case err == nil:
			return w.stale(), true
		case !errors.Is(err, providers.ErrAbsent) && !providers.NotOpen(err):
			return w.failed(Failed, providers.Receipt{}, fmt.Errorf("can not be looked up again: %w", err)), true
		}
	}
	if o.User != nil {
		if by := protectedBy(protect, o.User.Addresses()...); by != "" {
			return w.end(Refused, "guardrails.protect has "+by), true
		}
	}
	switch {
	case providers.Interrupted(o.Err):
		return w.end(Skipped, "not done: interrupted"), true
	case o.Finding == providers.Unknown:
		detail := "can not be looked up again: " + strings.TrimPrefix(o.Detail, w.change.Provider+": ")
		if o.Remedy != "" {
			detail += "; " + o.Remedy
		}
		return w.end(Failed, detail), true
	case w.provider.fingerprint(o, w.access, w.change.Attributes) == w.change.Fingerprint:
		if outcome, settled := w.asked(o, protect); settled {
			return outcome, true
		}
		return w.kept(o, insiders)
	case w.already(o, protect):
		return w.found(o), true
	default:
		return w.stale(), true
	}
}

// kept refuses a change that would remove rollcall's own user or the last administrator,
// as they are by now.
func (w *worker) kept(o providers.Observation, insiders *watch) (outcome ChangeResult, settled bool) {
	if o.User == nil {
		return ChangeResult{}, false
	}
	switch why, err := insiders.keeps(w.change, o.User); {
	case err != nil:
		return w.end(Failed, err.Error()), true
	case why != "":
		return w.end(Refused, why), true
	default:
		return ChangeResult{}, false
	}
}

// wanted reports whether an observation is as the change wants it.
func (w *worker) wanted(o providers.Observation) bool {
	if o.Finding == providers.Absent {
		return w.change.leaver()
	}
	if o.Finding != providers.Found || w.change.Action == Delete {
		return false
	}
	different, unshown := w.compare(o.User)
	return len(different)+len(unshown) == 0
}

func (w *worker) end(status Status, message string) ChangeResult {
	return newChangeResult(w.change, status, message)
}

// failed ends the change with an error and what to do about it.
func (w *worker) failed(status Status, receipt providers.Receipt, err error) ChangeResult {
	if status == Failed && providers.Interrupted(err) {
		return stamp(w.end(Skipped, "not done: interrupted"), receipt)
	}
	outcome := w.end(status, "")
	outcome.Error = err.Error()
	if remedy := providers.Remedy(err); remedy != "" {
		outcome.Error += "; " + remedy
	}
	return stamp(outcome, receipt)
}

// stamp adds what the vendor answered to an outcome.
func stamp(outcome ChangeResult, receipt providers.Receipt) ChangeResult {
	if receipt.UserID != "" {
		outcome.UserID = receipt.UserID
	}
	if receipt.RequestID != "" {
		outcome.RequestID = receipt.RequestID
	}
	return outcome
}

// do sends the change.
func (w *worker) do(ctx context.Context) ChangeResult {
	switch w.change.Action {
	case Create:
		if creator, can := w.connection.Writer.(providers.Creator); can {
			return w.create(ctx, creator)
		}
	case Delete:
		if deleter, can := w.connection.Writer.(providers.Deleter); can {
			return w.delete(ctx, deleter)
		}
	case Update, Adopt, Restore, Suspend:
		if updater, can := w.connection.Writer.(providers.Updater); can {
			return w.update(ctx, updater)
		}
	}
	return w.end(Failed, fmt.Sprintf("%s can not %s a user", w.provider.Kind.Title, w.change.Action))
}

// underWay is the context for what follows the first write of a change: an
// interrupt finishes it.
func underWay(ctx context.Context) context.Context { return providers.WithStop(ctx, nil) }

// values are what the change sends: early in the write itself, late in an update
// after a create that can not carry it. A plan does not hold sensitive values: the
// roster says where they stand, and they are read now.
func (w *worker) values(ctx context.Context) (early, late map[string]any, err error) {
	early, late = make(map[string]any), make(map[string]any)
	for _, a := range w.change.Attributes {
		attribute, known := w.provider.Kind.Attribute(a.Name)
		if !known {
			continue
		}
		value := a.After
		if attribute.Sensitive {
			if value, err = w.secret(ctx, attribute); err != nil {
				return nil, nil, err
			}
		}
		if attribute.AfterCreate && w.change.Action == Create {
			late[a.Name] = value
		} else {
			early[a.Name] = value
		}
	}
	return early, late, nil
}

// simulatedSecret stands for every secret of the roster at simulated vendors.
const simulatedSecret = "Simulated-1!"

// secret reads the value of a sensitive attribute.
func (w *worker) secret(ctx context.Context, attribute providers.Attribute) (any, error) {
	if w.simulated {
		return simulatedSecret, nil
	}
	value, _ := w.access.Values.Get(attribute.Name)
	ref, stated := value.Reference()
	if !stated || w.secrets == nil {
		return nil, fmt.Errorf("%s: the roster does not say where it stands", attribute.Name)
	}
	secret, err := w.secrets.Read(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", ref.Origin, attribute.Name, err)
	}
	if text := secret.Reveal(); !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\uFEFF' }) {
		return nil, fmt.Errorf("%s: %s: what %s holds can not be sent: it has to be one line of UTF-8 text, without a byte order mark", ref.Origin, attribute.Name, ref)
	}
	if attribute.Fits != nil {
		if reason := attribute.Fits(secret.Reveal()); reason != "" {
			return nil, fmt.Errorf("%s: %s: what %s holds can not be used: %s", ref.Origin, attribute.Name, ref, reason)
		}
	}
	return secret.Reveal(), nil
}

// look finds the user as he is now: nothing that was read before counts.
func (w *worker) look(ctx context.Context) providers.Observation {
	return observe(ctx, w.connection.Live, w.provider.query(w.access))
}

// lookFor is look after a create that may have made the user with that id, which may be
// empty. What the ledger has was recorded before, and proves nothing of it.
func (w *worker) lookFor(ctx context.Context, id string) providers.Observation {
	query := w.provider.query(w.access)
	if query.IDsOnly {
		query.Unproven, query.OwnID = errors.New("the vendor is not searched"), cmp.Or(id, query.OwnID)
	}
	return observe(ctx, w.connection.Live, query)
}

// update sets the attributes. It may be repeated inside; when its outcome is not
// known, what is stored decides.
func (w *worker) update(ctx context.Context, updater providers.Updater) ChangeResult {
	values, _, err := w.values(ctx)
	if err != nil {
		return w.failed(Failed, providers.Receipt{}, err)
	}
	patch := providers.Patch{UserID: w.change.UserID, Values: values}
	for _, a := range w.change.Attributes {
		if a.Name == emailName {
			patch.Email, _ = a.After.(string)
		}
	}
	receipt, err := updater.Update(ctx, patch)
	ctx = underWay(ctx)
	switch {
	case err == nil:
		return w.verify(ctx, receipt)
	case !providers.OutcomeUnknown(err):
		if w.change.leaver() && w.wanted(w.look(ctx)) {
			return stamp(w.end(Already, ""), receipt)
		}
		return w.failed(Failed, receipt, err)
	}
	user, lookErr := w.connection.Live.Get(ctx, w.change.UserID)
	if errors.Is(lookErr, providers.ErrAbsent) && w.change.leaver() && w.wanted(w.look(ctx)) {
		return stamp(w.end(Applied, ""), receipt)
	}
	if lookErr != nil {
		return w.failed(Unknown, receipt, fmt.Errorf("%w; whether it was done is not known", err))
	}
	different, unshown := w.compare(user)
	switch {
	case len(different) > 0:
		return w.failed(Failed, receipt, err)
	case len(unshown) > 0:
		return w.failed(Unknown, receipt, fmt.Errorf("%w; the vendor does not show %s", err, strings.Join(unshown, ", ")))
	}
	return stamp(w.end(Applied, ""), receipt)
}

// delete removes the user and looks for him afterwards: only who is proven absent
// has no access any more.
func (w *worker) delete(ctx context.Context, deleter providers.Deleter) ChangeResult {
	receipt, err := deleter.Delete(ctx, w.change.UserID)
	ctx = underWay(ctx)
	if err != nil && !providers.OutcomeUnknown(err) {
		return w.failed(Failed, receipt, err)
	}
	var o providers.Observation
	for _, wait := range append([]time.Duration{0}, lookAgain...) {
		if wait > 0 && sleep(ctx, wait) != nil {
			break
		}
		if o = w.look(ctx); o.Finding != providers.Found {
			break
		}
	}
	switch {
	case o.Finding == providers.Absent:
		return stamp(w.end(Applied, ""), receipt)
	case o.Finding == providers.Found && err != nil:
		return w.failed(Failed, receipt, err)
	case o.Finding == providers.Found:
		return stamp(w.end(Failed, "the vendor says that he is deleted, but he is still there"), receipt)
	case err != nil:
		return w.failed(Unknown, receipt, fmt.Errorf("%w; whether it was done is not known", err))
	default:
		return stamp(w.end(Unknown, "the vendor says that he is deleted, but it can not be looked up: "+o.Detail), receipt)
	}
}

// verify compares what is stored with what was written: by the answer where it
// shows the user, else by reading him. A vendor that is late gets some time; a
// value that it stores differently is a failed change, not a nightly repetition.
func (w *worker) verify(ctx context.Context, receipt providers.Receipt) ChangeResult {
	user := receipt.Stored
	var different, unshown []string
	var unread error
	if user != nil {
		different, unshown = w.compare(user)
	}
	if user == nil || len(different)+len(unshown) > 0 {
		id := receipt.UserID
		if id == "" {
			id = w.change.UserID
		}
		for _, wait := range append([]time.Duration{0}, lookAgain...) {
			if wait > 0 && sleep(ctx, wait) != nil {
				break
			}
			var read *providers.User
			read, unread = w.connection.Live.Get(ctx, id)
			if unread != nil && !errors.Is(unread, providers.ErrAbsent) {
				break
			}
			if unread != nil {
				continue // a new user may not be to be read yet
			}
			if different, unshown = w.compare(read); len(different) == 0 {
				break
			}
		}
	}
	if unread != nil {
		return w.failed(Unknown, receipt, fmt.Errorf("was written, but can not be read back: %w", unread))
	}
	outcome := stamp(w.end(Applied, ""), receipt)
	switch {
	case len(different) > 0:
		outcome.Status = Failed
		outcome.Error = "the vendor stores another value than was sent: " + strings.Join(different, ", ")
	case len(unshown) > 0 && w.change.leaver():
		outcome.Status = Unknown
		outcome.Error = "was written, but the vendor does not show it: " + strings.Join(unshown, ", ")
	}
	return outcome
}

// compare lists the managed attributes of the change that a user has otherwise,
// and those that are not shown.
func (w *worker) compare(user *providers.User) (different, unshown []string) {
	if w.change.Action == Create && !w.carries(user) {
		different = append(different, "email")
	}
	if w.change.Action == Create && w.provider.Kind.Suspended(user) {
		different = append(different, "suspended")
	}
	for _, a := range w.change.Attributes {
		if address, is := a.After.(string); is && a.Name == emailName && w.change.Action != Create && !sources.SameEmail(user.Email, address) {
			different = append(different, emailName)
		}
		attribute, known := w.provider.Kind.Attribute(a.Name)
		if !known || attribute.Mode != providers.Managed && attribute.Mode != providers.Immutable || attribute.Sensitive {
			continue
		}
		live := user.Attributes[a.Name]
		switch {
		case !live.Shown:
			unshown = append(unshown, a.Name)
		case !attribute.Matches(live.Data, a.After):
			different = append(different, a.Name)
		}
	}
	return different, unshown
}

// sleep waits, or ends early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
