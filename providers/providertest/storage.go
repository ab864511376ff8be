package providertest

import (
	"maps"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
)

// storageLaws are about a vendor that keeps something else than it was sent, or
// shows it late.
func (s Subject) storageLaws() []law {
	var laws []law
	if s.can("update") {
		for _, sample := range s.Updates {
			if len(sample.Values) == 1 && !providers.Empty(sample.Values[sole(sample.Values)]) {
				laws = append(laws, law{"storage/otherwise/" + sample.Name, func(b *bench) { b.otherwise(sample) }})
			}
		}
	}
	if s.can("create") {
		if s.Without["misspelled-email-case"] == "" {
			laws = append(laws, law{"storage/an address in another case", (*bench).misspelled})
		}
		laws = append(laws, law{"storage/a search that learns late", (*bench).late})
	}
	return laws
}

// otherwise: a value that is stored otherwise is seen, by the receipt or by
// reading the user.
func (b *bench) otherwise(sample Sample) {
	id := b.add(ana)
	b.chaos(simulator.Chaos{StoreDifferently: map[string]func(any) any{sole(sample.Values): another}})
	c := b.connect()
	receipt, err := b.updater(c).Update(b.ctx, providers.Patch{UserID: id, Values: sample.Values})
	if err != nil {
		b.Fatalf("%v", err)
	}
	b.fired("stored-differently")
	b.stored(c, receipt)
	user := b.get(c, id)
	for name, value := range sample.Values {
		if attribute, _ := b.Kind.Attribute(name); attribute.Matches(user.Attributes[name].Data, value) {
			b.Errorf("%s is stored otherwise and read as it was sent", name)
		}
	}
}

func sole(values map[string]any) string {
	for name := range values {
		return name
	}
	return ""
}

// another is a value of the same type that means something else.
func another(value any) any {
	switch v := value.(type) {
	case string:
		return v + "x"
	case bool:
		return !v
	case int:
		return v + 1
	case int64:
		return v + 1
	case float64:
		return v + 1
	case []string:
		return append([]string{"else"}, v...)
	case []any:
		return []any{}
	case map[string]any:
		other := maps.Clone(v)
		for name, item := range other {
			other[name] = another(item)
		}
		return other
	default:
		return value
	}
}

// misspelled: whoever is made and kept under the same address in another case is
// the one who was made.
func (b *bench) misspelled() {
	b.chaos(simulator.Chaos{MisspelledEmailCase: true})
	c := b.connect()
	receipt, err := b.creator(c).Create(b.ctx, providers.Draft{Email: ana, Values: b.Creates[0].Values})
	if err != nil {
		b.Fatalf("%v", err)
	}
	b.fired("misspelled-email-case")
	if u, _ := b.world.User(b.Kind.Name, receipt.UserID); u.Email == ana {
		b.Errorf("the address is kept as it was sent")
	}
	o := providers.Lookup(b.ctx, c.Reader, providers.Query{Emails: []string{ana}})
	if o.Finding != providers.Found || o.User.ID != receipt.UserID {
		b.Errorf("a lookup is %s: %s", o.Finding, o.Detail)
	}
}

// late: while the search does not know a new user, his id does, and afterwards
// both do.
func (b *bench) late() {
	b.chaos(simulator.Chaos{IndexLag: time.Minute})
	c := b.connect()
	receipt, err := b.creator(c).Create(b.ctx, providers.Draft{Email: ana, Values: b.Creates[0].Values})
	if err != nil {
		b.Fatalf("%v", err)
	}
	if users, err := c.Reader.Search(b.ctx, ana); err != nil || len(users) != 0 {
		b.Errorf("%d users, %v", len(users), err)
	}
	b.fired("index-lag")
	if !b.byList() {
		if user := b.get(c, receipt.UserID); user.Email != ana {
			b.Errorf("by id he has the address %q", user.Email)
		}
	}
	time.Sleep(time.Minute)
	if users, err := c.Reader.Search(b.ctx, ana); err != nil || len(users) != 1 {
		b.Errorf("%d users, %v", len(users), err)
	}
}
