package providertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"rollcall/providers"
)

func createFlaws() []flaw {
	create := func(change func(x *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error)) func(*bench, *providers.Connection) {
		return bend(func(x *bent) {
			x.create = func(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
				return change(x, x.writer.(providers.Creator), ctx, draft)
			}
		})
	}
	again := create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
		receipt, err := creator.Create(ctx, draft)
		if err != nil {
			return creator.Create(ctx, draft)
		}
		return receipt, nil
	})
	return []flaw{
		{name: "a lost answer followed by a second create", found: "faults/a lost answer, twice/create", needs: "create", bend: again},
		{name: "a 500 followed by a second create", found: "faults/500 twice/create", needs: "create", bend: again},
		{name: "a create in doubt that is told as failed", found: "faults/a lost answer, always/create", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			if err != nil {
				err = errors.New(err.Error())
			}
			return receipt, err
		})},
		{name: "a refused create that is told as in doubt", found: "faults/422/create", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			if err != nil {
				err = providers.InDoubt(err)
			}
			return receipt, err
		})},
		{name: "a duplicate that is told as in doubt", found: "create/a duplicate", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			if err != nil {
				err = providers.InDoubt(err)
			}
			return receipt, err
		})},
		{name: "a duplicate that changes who is there", found: "create/a duplicate", needs: "update", bend: create(func(x *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			if users, _ := x.reader.Search(ctx, draft.Email); err != nil && len(users) > 0 {
				_, _ = x.writer.(providers.Updater).Update(ctx, providers.Patch{UserID: users[0].ID, Values: x.b.Updates[0].Values})
			}
			return receipt, err
		})},
		{name: "a duplicate that is taken for made", found: "create/a duplicate", needs: "create", bend: create(func(x *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			if users, _ := x.reader.Search(ctx, draft.Email); err != nil && len(users) > 0 {
				return providers.Receipt{UserID: users[0].ID}, nil
			}
			return receipt, err
		})},
		{name: "a create that loses a value", found: "create/", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			kept := maps.Clone(draft.Values)
			for _, name := range slices.Sorted(maps.Keys(kept)) {
				if len(kept) > 1 {
					delete(kept, name)
					break
				}
			}
			return creator.Create(ctx, providers.Draft{Email: draft.Email, Values: kept})
		})},
		{name: "a create that invites unasked", found: "create/", needs: "invite", bend: create(func(x *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			for range 2 {
				_, _ = x.writer.(providers.Inviter).Invite(ctx, receipt.UserID)
			}
			return receipt, err
		})},
		{name: "a receipt without the id", found: "create/", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			receipt.UserID = ""
			return receipt, err
		})},
		{name: "a create that changes the draft", found: "create/", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			clear(draft.Values)
			return receipt, err
		})},
		{name: "an answer without an id that is believed", found: "faults/200 without a body, after the effect/create", needs: "create", bend: create(func(_ *bent, creator providers.Creator, ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
			receipt, err := creator.Create(ctx, draft)
			if providers.OutcomeUnknown(err) {
				err = nil
			}
			return receipt, err
		})},
	}
}

func updateFlaws() []flaw {
	update := func(change func(x *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error)) func(*bench, *providers.Connection) {
		return bend(func(x *bent) {
			x.update = func(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
				return change(x, x.writer.(providers.Updater), ctx, patch)
			}
		})
	}
	return []flaw{
		{name: "an update that sends what did not change", found: "update/", needs: "update", bend: update(func(x *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			values := maps.Clone(patch.Values)
			if user, err := x.reader.Get(ctx, patch.UserID); err == nil {
				for _, a := range x.b.Kind.Attributes {
					live := user.Attributes[a.Name]
					if _, given := values[a.Name]; !given && a.Mode == providers.Managed && live.Data != nil {
						values[a.Name] = live.Data
					}
				}
			}
			return updater.Update(ctx, providers.Patch{UserID: patch.UserID, Values: values})
		})},
		{name: "an update that blanks another attribute", found: "update/", needs: "update", bend: update(func(x *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			receipt, err := updater.Update(ctx, patch)
			for _, sample := range x.b.Updates {
				name := sole(sample.Values)
				if _, given := patch.Values[name]; !given && len(sample.Values) == 1 && err == nil {
					_, err = updater.Update(ctx, providers.Patch{UserID: patch.UserID, Values: sample.Values})
					break
				}
			}
			return receipt, err
		})},
		{name: "an update that does nothing", found: "update/", needs: "update", bend: update(func(_ *bent, _ providers.Updater, _ context.Context, patch providers.Patch) (providers.Receipt, error) {
			return providers.Receipt{UserID: patch.UserID, RequestID: "r"}, nil
		})},
		{name: "an update that tells what it sent as stored", found: "storage/otherwise", needs: "update", bend: update(func(x *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			receipt, err := updater.Update(ctx, patch)
			if user, failed := x.reader.Get(ctx, patch.UserID); failed == nil {
				for name, value := range patch.Values {
					user.Attributes[name] = providers.Show(value)
				}
				receipt.Stored = user
			}
			return receipt, err
		})},
		{name: "an update in doubt that is told as failed", found: "faults/a lost answer, always/update", needs: "update", bend: update(func(_ *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			receipt, err := updater.Update(ctx, patch)
			if err != nil {
				err = errors.New(err.Error())
			}
			return receipt, err
		})},
		{name: "an update that fails and is told as done", found: "faults/422/update", needs: "update", bend: update(func(_ *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			receipt, _ := updater.Update(ctx, patch)
			return receipt, nil
		})},
		{name: "a suspension that leaves something", found: "suspend/takes", needs: "suspend", bend: update(func(x *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			values := maps.Clone(patch.Values)
			for _, name := range slices.Sorted(maps.Keys(x.b.suspended())) {
				delete(values, name)
				break
			}
			if len(values) == 0 {
				return providers.Receipt{UserID: patch.UserID, RequestID: "r"}, nil
			}
			return updater.Update(ctx, providers.Patch{UserID: patch.UserID, Values: values})
		})},
		{name: "another address that is not sent", found: "update/another address", needs: "readdress", bend: update(func(_ *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			patch.Email = ""
			return updater.Update(ctx, patch)
		})},
		{name: "an update of another user", found: "update/", needs: "update", bend: update(func(x *bent, updater providers.Updater, ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
			if users, _ := x.reader.Search(ctx, bill); len(users) == 1 {
				patch.UserID = users[0].ID
			}
			return updater.Update(ctx, patch)
		})},
	}
}

// endFlaws are those of deleting and inviting.
func endFlaws() []flaw {
	return []flaw{
		{name: "a delete of somebody gone that is an error", found: "delete/", needs: "delete", bend: bend(func(x *bent) {
			x.remove = func(ctx context.Context, id string) (providers.Receipt, error) {
				if _, err := x.reader.Get(ctx, id); err != nil {
					return providers.Receipt{UserID: id, RequestID: "r"}, err
				}
				return x.writer.(providers.Deleter).Delete(ctx, id)
			}
		})},
		{name: "a delete answered with 404 that is taken for done", found: "faults/404/delete", needs: "delete", bend: bend(func(x *bent) {
			x.remove = func(ctx context.Context, id string) (providers.Receipt, error) {
				receipt, err := x.writer.(providers.Deleter).Delete(ctx, id)
				if err != nil && strings.Contains(err.Error(), "404") {
					err = nil
				}
				return receipt, err
			}
		})},
		{name: "a delete that takes somebody else too", found: "delete/", needs: "delete", bend: bend(func(x *bent) {
			x.remove = func(ctx context.Context, id string) (providers.Receipt, error) {
				deleter := x.writer.(providers.Deleter)
				if users, _ := x.reader.Search(ctx, bill); len(users) == 1 {
					_, _ = deleter.Delete(ctx, users[0].ID)
				}
				return deleter.Delete(ctx, id)
			}
		})},
		{name: "a delete that only suspends", found: "delete/", needs: "delete", bend: bend(func(x *bent) {
			x.remove = func(ctx context.Context, id string) (providers.Receipt, error) {
				if _, err := x.reader.Get(ctx, id); err != nil {
					return x.writer.(providers.Deleter).Delete(ctx, id)
				}
				return x.writer.(providers.Updater).Update(ctx, providers.Patch{UserID: id, Values: x.b.suspended()})
			}
		})},
		{name: "an odd id that deletes somebody", found: "lookup/odd ids", needs: "delete", bend: bend(func(x *bent) {
			x.remove = func(ctx context.Context, id string) (providers.Receipt, error) {
				return x.writer.(providers.Deleter).Delete(ctx, strings.Trim(id, "./ ?#x=1"))
			}
		})},
		{name: "an invitation that is sent twice", found: "invite/", needs: "invite", bend: bend(func(x *bent) {
			x.invite = func(ctx context.Context, id string) (providers.Receipt, error) {
				_, _ = x.writer.(providers.Inviter).Invite(ctx, id)
				return x.writer.(providers.Inviter).Invite(ctx, id)
			}
		})},
		{name: "a lost answer followed by a second invitation", found: "faults/a lost answer, twice/invite", needs: "invite", bend: bend(func(x *bent) {
			x.invite = func(ctx context.Context, id string) (providers.Receipt, error) {
				receipt, err := x.writer.(providers.Inviter).Invite(ctx, id)
				if err != nil {
					return x.writer.(providers.Inviter).Invite(ctx, id)
				}
				return receipt, nil
			}
		})},
		{name: "an invitation that is not sent", found: "invite/", needs: "invite", bend: bend(func(x *bent) {
			x.invite = func(_ context.Context, id string) (providers.Receipt, error) {
				return providers.Receipt{UserID: id, RequestID: "r"}, nil
			}
		})},
	}
}
