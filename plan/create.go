package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/providers"
	"rollcall/sources"
)

// create makes the user. When its outcome is not known he is looked up, and only
// a proven absence is followed by a second and last try.
func (w *worker) create(ctx context.Context, creator providers.Creator) ChangeResult {
	early, late, err := w.values(ctx)
	if err != nil {
		return w.failed(Failed, providers.Receipt{}, err)
	}
	draft := providers.Draft{Email: w.access.Email, Values: early}
	mailToo := ""
	if slices.Contains(w.change.Effects, EffectInvite) {
		mailToo = ", and send the welcome mail if he has not had it"
	}
	inDoubt := false // whether a create of ours may have had an effect
	for try := 1; ; try++ {
		receipt, err := creator.Create(ctx, draft)
		finish := underWay(ctx)
		if err == nil {
			return w.created(finish, receipt, late)
		}
		inDoubt = inDoubt || providers.OutcomeUnknown(err)
		if !inDoubt && providers.DidNothing(err) {
			return w.failed(Failed, receipt, err)
		}
		o := w.settle(finish, receipt.UserID, inDoubt)
		switch {
		case o.Finding == providers.Found && inDoubt:
			w.log.Info("a create without an answer had its effect", "change", w.change.ID, "user", o.User.ID)
			return w.created(finish, providers.Receipt{UserID: o.User.ID, RequestID: receipt.RequestID, Stored: o.User}, late)
		case o.Finding == providers.Found:
			outcome := w.end(Failed, "a user with this address is there meanwhile and differs from what is wanted; plan again")
			if w.wanted(o) {
				return w.found(o)
			}
			return stamp(outcome, providers.Receipt{UserID: o.User.ID})
		case o.Finding == providers.Absent && providers.Repeatable(err) && try == 1:
			continue
		case inDoubt:
			return w.failed(Unknown, receipt, fmt.Errorf("%w; whether the user was created is not known: look at him by hand%s", err, mailToo))
		default:
			return w.failed(Failed, receipt, err)
		}
	}
}

// settle looks the user up after a write whose outcome is in doubt. While a create
// of ours may have had an effect, absence counts only once the vendor's index had
// time to show the user.
func (w *worker) settle(ctx context.Context, id string, inDoubt bool) providers.Observation {
	if !inDoubt {
		return w.lookFor(ctx, id)
	}
	o := w.lookFor(ctx, id)
	for _, wait := range lookAgain {
		if o.Finding != providers.Absent || sleep(ctx, wait) != nil {
			break
		}
		o = w.lookFor(ctx, id)
	}
	return o
}

// created sets what the create could not carry, verifies the new user and sends the
// welcome mail if that takes a call.
func (w *worker) created(ctx context.Context, receipt providers.Receipt, late map[string]any) ChangeResult {
	outcome := w.completed(ctx, receipt, late)
	if !slices.ContainsFunc(w.change.Attributes, func(a AttributeChange) bool {
		attribute, _ := w.provider.Kind.Attribute(a.Name)
		return attribute.Invites
	}) {
		return outcome
	}
	if outcome.Status != Applied {
		return unconfirmed(outcome, outcome.Status, "it was not sent")
	}
	inviter, can := w.connection.Writer.(providers.Inviter)
	if !can || outcome.UserID == "" {
		return unconfirmed(outcome, Failed, "the vendor's answer has no user id")
	}
	sent, err := inviter.Invite(ctx, outcome.UserID)
	switch {
	case err == nil:
		return outcome
	case providers.OutcomeUnknown(err):
		return stamp(unconfirmed(outcome, Unknown, err.Error()), sent)
	default:
		return stamp(unconfirmed(outcome, Failed, err.Error()), sent)
	}
}

// completed sets what a create could not carry and verifies the new user.
func (w *worker) completed(ctx context.Context, receipt providers.Receipt, late map[string]any) ChangeResult {
	if len(late) == 0 {
		return w.verify(ctx, receipt)
	}
	names := strings.Join(slices.Sorted(maps.Keys(late)), ", ")
	updater, can := w.connection.Writer.(providers.Updater)
	if !can || receipt.UserID == "" {
		return stamp(w.end(Failed, "created, but "+names+" could not be set"), receipt)
	}
	// The id is an answer's: nothing is set at a user before he is seen to be the one.
	if err := w.isHis(ctx, receipt.UserID); err != nil {
		return stamp(w.end(Unknown, "created, but "+names+" could not be set: "+err.Error()), receipt)
	}
	// What the create was answered with is older than what is set now.
	receipt.Stored = nil
	set, err := updater.Update(ctx, providers.Patch{UserID: receipt.UserID, Values: late})
	if err != nil {
		status := Failed
		if providers.OutcomeUnknown(err) {
			status = Unknown
		}
		// Also when it was interrupted: the user is there.
		outcome := stamp(w.end(status, "created, but "+names+" could not be set: "+err.Error()), receipt)
		if remedy := providers.Remedy(err); remedy != "" {
			outcome.Error += "; " + remedy
		}
		return outcome
	}
	receipt.Stored = set.Stored
	return w.verify(ctx, receipt)
}

// isHis says why the user with the id is not known to be the person, who was just
// created.
func (w *worker) isHis(ctx context.Context, id string) error {
	var err error
	for _, wait := range append([]time.Duration{0}, lookAgain...) {
		if wait > 0 && sleep(ctx, wait) != nil {
			break
		}
		var user *providers.User
		if user, err = w.connection.Live.Get(ctx, id); err == nil {
			if user.ID != id || !w.carries(user) {
				return fmt.Errorf("the vendor answered the id %s, which is that of a user with another address", id)
			}
			return nil
		}
		if !errors.Is(err, providers.ErrAbsent) {
			break // a new user may not be to be read yet, but this is something else
		}
	}
	return err
}

// carries reports whether a user's address, as far as it is shown, is one of the
// person's.
func (w *worker) carries(user *providers.User) bool {
	return user.Email == "" || slices.ContainsFunc(w.access.Emails(), func(e string) bool { return sources.SameEmail(e, user.Email) })
}

func unconfirmed(outcome ChangeResult, status Status, cause string) ChangeResult {
	if outcome.Error != "" {
		cause = outcome.Error + "; " + cause
	}
	outcome.Status = status
	outcome.Error = "created; welcome email not confirmed, send it by hand (" + cause + ")"
	return outcome
}
