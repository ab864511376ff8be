package providertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/providers"
)

// A flaw is one way to be broken, and the laws that have to find it.
type flaw struct {
	name  string
	found string // what the names of these laws begin with
	needs string // the operations and abilities, with commas; empty: none
	bend  func(b *bench, c *providers.Connection)
	tune  func(*providers.Settings)
	kind  func(*providers.Kind)
}

// flaws are the mistakes that a provider's package could make, each as far as it
// can be told from outside.
func flaws() []flaw {
	return slices.Concat(readFlaws(), listFlaws(), createFlaws(), updateFlaws(), endFlaws(), settingFlaws(), kindFlaws())
}

func readFlaws() []flaw {
	return []flaw{
		{name: "a search that fails is nobody", found: "faults/500 always/search", bend: bend(func(x *bent) {
			x.search = func(ctx context.Context, email string) ([]*providers.User, error) {
				users, _ := x.reader.Search(ctx, email)
				return users, nil
			}
		})},
		{name: "an id that can not be read is nobody's", found: "faults/500 always/get", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if err != nil {
					return nil, fmt.Errorf("%w: %w", providers.ErrAbsent, err)
				}
				return user, nil
			}
		})},
		{name: "an id that nobody has is only an error", found: "lookup/an id that is nobody's", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if isAbsent(err) {
					err = errors.New("not found")
				}
				return user, err
			}
		})},
		{name: "a search that tells capitals apart", found: "lookup/search/capitals at the vendor", bend: bend(func(x *bent) {
			x.search = x.only(func(email string, user *providers.User) bool { return user.Email == email })
		})},
		{name: "a search that leaves suspended users out", found: "lookup/search/suspended", needs: "suspend", bend: bend(func(x *bent) {
			x.search = x.only(func(_ string, user *providers.User) bool { return !x.b.Kind.Suspended(user) })
		})},
		{name: "a plus that becomes a blank", found: "lookup/search/plus", bend: bend(func(x *bent) {
			x.search = func(ctx context.Context, email string) ([]*providers.User, error) {
				return x.reader.Search(ctx, strings.ReplaceAll(email, "+", " "))
			}
		})},
		{name: "an address that is not escaped", found: "lookup/search/characters with a meaning", bend: bend(func(x *bent) {
			x.search = func(ctx context.Context, email string) ([]*providers.User, error) {
				email, _, _ = strings.Cut(email, "&")
				return x.reader.Search(ctx, email)
			}
		})},
		{name: "a search that reads page 1 alone", found: "pages/search/three pages", needs: "search pages", bend: bend(func(x *bent) {
			x.search = func(ctx context.Context, email string) ([]*providers.User, error) {
				users, err := x.reader.Search(ctx, email)
				return users[:min(len(users), x.b.SearchPage)], err
			}
		})},
		{name: "a search that ends where a page fails", found: "pages/search/second page", needs: "search pages", bend: bend(func(x *bent) {
			x.search = func(ctx context.Context, email string) ([]*providers.User, error) {
				users, err := x.reader.Search(ctx, email)
				if err != nil && len(x.b.requests()) > 1 {
					err = nil
				}
				return users, err
			}
		})},
		{name: "the first of several is taken", found: "lookup/search/two with one address", bend: bend(func(x *bent) {
			x.search = func(ctx context.Context, email string) ([]*providers.User, error) {
				users, err := x.reader.Search(ctx, email)
				return users[:min(len(users), 1)], err
			}
		})},
		{name: "what is not shown is empty", found: "attributes/hidden", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if err == nil {
					for _, a := range x.b.Kind.Attributes {
						if !user.Attributes[a.Name].Shown {
							user.Attributes[a.Name] = providers.Show(nil)
						}
					}
				}
				return user, err
			}
		})},
		{name: "what is empty is not shown", found: "attributes/of a new user", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if err == nil {
					maps.DeleteFunc(user.Attributes, func(_ string, live providers.Live) bool { return live.Data == nil })
				}
				return user, err
			}
		})},
		{name: "an attribute is never read", found: "attributes/read", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if err == nil {
					user.Attributes[x.b.readable()[0]] = providers.Show("something else")
				}
				return user, err
			}
		})},
		{name: "a reader that can write", found: "access/a reader can not write", bend: func(_ *bench, c *providers.Connection) {
			c.Reader = struct {
				providers.Reader
				providers.Deleter
			}{Reader: c.Reader}
		}},
		{name: "a writer of a connection for reading", found: "access/a reader can not write", tune: func(s *providers.Settings) { s.ReadOnly = false }},
		{name: "errors that have the credentials", found: "access/credentials are in no error", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if sent := x.b.requests(); err != nil && len(sent) > 0 {
					err = fmt.Errorf("%w: %s", err, sent[len(sent)-1].credentials)
				}
				return user, err
			}
		})},
		{name: "refused credentials that are told without their place", found: "access/refused credentials", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				user, err := x.reader.Get(ctx, id)
				if err != nil {
					err = providers.WithRemedy(err, "look at the credentials")
				}
				return user, err
			}
		})},
		{name: "a read that can not be given up", found: "limits/given up on the way", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				return x.reader.Get(context.WithoutCancel(ctx), id)
			}
		})},
		{name: "a wait that can not be stopped", found: "limits/stopped while it waits", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				return x.reader.Get(providers.WithStop(ctx, nil), id)
			}
		})},
		{name: "a stop that ends what is under way", found: "limits/stopped while it is under way", bend: bend(func(x *bent) {
			x.get = func(ctx context.Context, id string) (*providers.User, error) {
				ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				return x.reader.Get(ctx, id)
			}
		})},
	}
}

// only keeps those users of a search that are wanted.
func (x *bent) only(wanted func(email string, user *providers.User) bool) func(context.Context, string) ([]*providers.User, error) {
	return func(ctx context.Context, email string) ([]*providers.User, error) {
		users, err := x.reader.Search(ctx, email)
		return slices.DeleteFunc(users, func(u *providers.User) bool { return !wanted(email, u) }), err
	}
}

func listFlaws() []flaw {
	list := func(change func(x *bent, users []*providers.User, err error) ([]*providers.User, error)) func(*bench, *providers.Connection) {
		return bend(func(x *bent) {
			x.list = func(ctx context.Context) ([]*providers.User, error) {
				users, err := x.lister.List(ctx)
				return change(x, users, err)
			}
		})
	}
	return []flaw{
		{name: "a list that reads page 1 alone", found: "pages/list/three pages", needs: "pages", bend: list(func(x *bent, users []*providers.User, err error) ([]*providers.User, error) {
			return users[:min(len(users), x.b.ListPage)], err
		})},
		{name: "a list that ends where a page fails", found: "pages/list/second page", needs: "pages", bend: list(func(_ *bent, users []*providers.User, _ error) ([]*providers.User, error) {
			return users, nil
		})},
		{name: "a list that believes a repeated page", found: "pages/list/a repeated cursor", needs: "pages", bend: list(func(_ *bent, users []*providers.User, _ error) ([]*providers.User, error) {
			return users, nil
		})},
		{name: "a list that has somebody twice", found: "pages/list/three pages", needs: "pages", bend: list(func(_ *bent, users []*providers.User, err error) ([]*providers.User, error) {
			return append(users, users...), err
		})},
		{name: "a list that leaves suspended users out", found: "pages/list/those suspended too", needs: "list,suspend", bend: list(func(x *bent, users []*providers.User, err error) ([]*providers.User, error) {
			return slices.DeleteFunc(users, x.b.Kind.Suspended), err
		})},
		{name: "a list that fails is empty", found: "faults/500 always/list", needs: "list", bend: list(func(_ *bent, users []*providers.User, _ error) ([]*providers.User, error) {
			return users, nil
		})},
	}
}
