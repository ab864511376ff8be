package providertest

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/sources"
)

// kindLaws are about what a kind says of itself.
func (s Subject) kindLaws() []law {
	return []law{
		{"kind/names and addresses", (*bench).names},
		{"kind/capabilities", (*bench).capabilities},
		{"kind/insiders", (*bench).insiders},
		{"kind/attributes", (*bench).attributes},
		{"kind/equality", (*bench).equality},
		{"kind/suspension", (*bench).suspension},
		{"kind/privilege", (*bench).privilege},
		{"kind/functions take whatever there is", (*bench).functions},
		{"kind/opens without a network", (*bench).opens},
		{"kind/refuses broken credentials", (*bench).brokenCredentials},
		{"kind/samples have every attribute", (*bench).samples},
	}
}

func (b *bench) names() {
	k := b.Kind
	for what, text := range map[string]string{"name": k.Name, "title": k.Title, "base URL": k.BaseURL} {
		if text == "" {
			b.Errorf("there is no %s", what)
		}
	}
	for _, address := range []string{k.BaseURL, k.TokenURL} {
		if address != "" && (sources.CheckURL(address) != nil || !strings.HasPrefix(address, "https://") || strings.HasSuffix(address, "/")) {
			b.Errorf("%q is no address to send credentials to", address)
		}
	}
	if len(k.Account) == 0 && b.Unaccounted == "" {
		b.Errorf("no setting tells one account from another")
	}
	if len(k.Rate) == 0 {
		b.Errorf("there is no rate")
	}
	switch {
	case k.OnLeave == sources.LeaveDelete:
		b.Errorf("nobody is deleted unless it is written, and this is a default")
	case k.OnLeave == sources.LeaveSuspend && !b.can("suspend"):
		b.Errorf("leavers are to be suspended, which the vendor does not document")
	}
}

// capabilities: every operation is told once with its evidence and source, and a
// connection has the abilities that are documented.
func (b *bench) capabilities() {
	want := []string{"administrators", "create", "delete", "find", "invite", "restore", "self", "suspend", "update"}
	var told []string
	for _, c := range b.Kind.Capabilities {
		told = append(told, c.Operation)
		if c.How == "" || c.Source == "" && c.Evidence == providers.Documented {
			b.Errorf("%s does not say how, or where that is said", c.Operation)
		}
		if !slices.Contains([]providers.Evidence{providers.Documented, providers.Assumed, providers.None}, c.Evidence) {
			b.Errorf("%s has the evidence %q", c.Operation, c.Evidence)
		}
	}
	if slices.Sort(told); !slices.Equal(told, want) {
		b.Errorf("told are %v, want %v", told, want)
	}
	w := b.connect().Writer
	_, creates := w.(providers.Creator)
	_, updates := w.(providers.Updater)
	_, deletes := w.(providers.Deleter)
	_, invites := w.(providers.Inviter)
	for operation, has := range map[string]bool{"create": creates, "update": updates, "delete": deletes, "invite": invites} {
		if has != b.can(operation) {
			b.Errorf("%s is documented: %v, and there is a method: %v", operation, b.can(operation), has)
		}
	}
	if !b.can("find") || len(b.Kind.Lookups) == 0 {
		b.Errorf("nobody can be found")
	}
	if lister := b.connect().Lists(); (lister != nil) != b.can("list") {
		b.Errorf("users can be listed: %v, and there is a method: %v", b.can("list"), lister != nil)
	}
}

// insiders: what is told of the user whom the credentials belong to, and of those who
// manage the others, is there to be asked. It is judged by attributes alone, and what is
// not shown makes nobody an administrator.
func (b *bench) insiders() {
	k, c := b.Kind, b.connect()
	before := len(b.requests())
	user, err := c.Self(b.ctx)
	switch {
	case err != nil && !errors.Is(err, providers.ErrAbsent):
		b.Errorf("whose the credentials are: %v", err)
	case err == nil && k.Capability("self").Evidence == providers.None:
		b.Errorf("the credentials are told to be those of %s%s, which is said to be absent", user.Email, user.ID)
	case err != nil && len(b.requests()) > before:
		b.Errorf("it is asked whose the credentials are, and nothing comes of it")
	}
	if (k.Administrators != nil) != (k.Capability("administrators").Evidence != providers.None) {
		b.Errorf("what is told of administrators does not agree with how they are known")
	}
	if k.Administrators == nil {
		return
	}
	if k.Administrators.Means == "" || len(k.Administrators.Reads) == 0 {
		b.Errorf("administrators are known by nothing")
	}
	for _, name := range k.Administrators.Reads {
		if attribute, known := k.Attribute(name); !known || !attribute.Grant {
			b.Errorf("administrators are known by %s, which is no grant", name)
		}
	}
	if is, known := k.Administrator(&providers.User{}, nil); is || known || k.ActiveAdministrator(&providers.User{}) {
		b.Errorf("somebody of whom nothing is shown is an administrator")
	}
	for _, value := range []any{nil, "", true, int64(1), []any{}, []any{nil}, map[string]any{}} {
		values := make(map[string]any)
		for _, name := range k.Administrators.Reads {
			values[name] = value
		}
		if k.Administrators.Is(values) {
			b.Errorf("%#v makes an administrator", value)
		}
	}
}

func (b *bench) attributes() {
	shapes := []sources.Shape{sources.Scalar, sources.Set, sources.SetOfSets, sources.Object}
	modes := []providers.AttributeMode{providers.Managed, providers.CreateOnly, providers.Immutable, providers.ReadOnly}
	seen, grants := make(map[string]bool), 0
	for _, a := range b.Kind.Attributes {
		if a.Name == "" || seen[a.Name] || a.Name == "email" || a.Name == "userID" {
			b.Errorf("%q is no name, is another attribute's, or is rollcall's own", a.Name)
		}
		seen[a.Name] = true
		if a.Source == "" {
			b.Errorf("%s does not say where the vendor tells of it", a.Name)
		}
		if !slices.Contains(shapes, a.Shape) || !slices.Contains(modes, a.Mode) {
			b.Errorf("%s has the shape %q and the mode %q", a.Name, a.Shape, a.Mode)
		}
		if a.Mode == providers.Managed && a.Clear != providers.ClearEmpty && a.Clear != providers.ClearUnsupported {
			b.Errorf("%s does not say how it is cleared", a.Name)
		}
		if a.Grant && a.Mode == providers.Managed {
			grants++
		}
		if a.Sensitive && a.Mode != providers.CreateOnly {
			b.Errorf("%s is a secret, so it can not be compared", a.Name)
		}
		if a.Invites && (a.Mode != providers.CreateOnly || !b.can("invite")) {
			b.Errorf("%s has a mail sent after a create, which takes a call that sends it", a.Name)
		}
		if found, _ := b.Kind.Attribute(a.Name); found.Name != a.Name {
			b.Errorf("%s is not found by its name", a.Name)
		}
	}
	if grants == 0 {
		b.Errorf("no attribute gives access")
	}
	for _, name := range b.Kind.Required {
		if !seen[name] {
			b.Errorf("%s is required and is no attribute", name)
		}
	}
	for name, remedy := range b.Kind.Remedies {
		if !seen[name] && name != "email" || remedy == "" {
			b.Errorf("%s has the remedy %q", name, remedy)
		}
	}
}

// equality: a value equals itself, the same in another order,
// and nothing that is empty.
func (b *bench) equality() {
	for _, sample := range slices.Concat(b.Creates, b.Updates, b.Frozen) {
		for name, value := range sample.Values {
			a, known := b.Kind.Attribute(name)
			if !known || a.Sensitive {
				continue
			}
			if !a.Equal(value, plain(value)) || !a.Matches(plain(value), value) {
				b.Errorf("%s: %v does not equal itself", name, value)
			}
			if !providers.Empty(value) && (a.Equal(value, nil) || a.Matches(nil, value)) {
				b.Errorf("%s: %v equals nothing", name, value)
			}
			if a.Normal != nil && !providers.Empty(value) && !a.Equal(a.Normal(value), value) {
				b.Errorf("%s: the normal form of %v is another value", name, value)
			}
			if !a.Equal(value, reversed(value)) {
				b.Errorf("%s: %v is another value in another order", name, value)
			}
			if other := another(plain(value)); !providers.Empty(value) && a.Equal(value, other) {
				b.Errorf("%s: %v equals %v", name, value, other)
			}
		}
	}
}

// reversed is a value whose lists are the other way round.
func reversed(value any) any {
	list, is := value.([]any)
	if !is {
		return value
	}
	back := make([]any, len(list))
	for i, item := range list {
		back[len(list)-1-i] = reversed(item)
	}
	return back
}

func (b *bench) suspension() {
	s := b.Kind.Suspension
	if documented := b.can("suspend"); documented != (len(s.Suspended) > 0) || documented != b.can("restore") {
		b.Errorf("suspending is documented: %v, restoring: %v, and it sets %v", documented, b.can("restore"), s.Suspended)
	}
	if len(s.Suspended) > 0 && s.Means == "" {
		b.Errorf("it does not say what a suspended user can still do")
	}
	for name, value := range s.Suspended {
		if a, known := b.Kind.Attribute(name); !known || a.Mode != providers.Managed {
			b.Errorf("%s is no attribute that can be set", name)
		} else if active, has := s.Active[name]; has && a.Equal(active, value) {
			b.Errorf("%s is the same for those suspended and active", name)
		}
	}
	for name := range s.Active {
		if _, has := s.Suspended[name]; !has {
			b.Errorf("%s ends a suspension that does not set it", name)
		}
	}
	if b.Kind.Suspended(&providers.User{}) || b.Kind.PerhapsSuspended(&providers.User{}) {
		b.Errorf("somebody of whom nothing is shown is taken for suspended")
	}
}

// privilege: whoever gets a first grant gets more, and whoever keeps what he has
// does not.
func (b *bench) privilege() {
	risk := b.Kind.Privilege
	if risk == nil {
		return // then every change of a grant is one
	}
	for _, sample := range slices.Concat(b.Creates, b.Updates) {
		for name, value := range sample.Values {
			a, _ := b.Kind.Attribute(name)
			if !a.Grant || a.Shape == sources.Scalar || providers.Empty(value) {
				continue
			}
			if !risk(name, nil, value) || !risk(name, []any{}, value) {
				b.Errorf("%s: %v is no more than nothing", name, value)
			}
			if risk(name, value, plain(value)) {
				b.Errorf("%s: %v is more than itself", name, value)
			}
		}
	}
}

// functions: what a kind judges may be anything that a roster or a vendor holds.
func (b *bench) functions() {
	k := b.Kind
	odd := []any{nil, "", "x", []any{}, []any{nil, "x", []any{"x"}}, map[string]any{"x": nil}, true, int64(7), 7.5}
	for _, a := range k.Attributes {
		for _, value := range odd {
			values := sources.Values{{Name: a.Name, Data: value}}
			if k.Missing != nil {
				_ = k.Missing(values)
			}
			if k.Conflicts != nil {
				_ = k.Conflicts(sources.ProviderConfig{}, values)
			}
			if k.Doubts != nil {
				_ = k.Doubts(values)
			}
			if a.Normal != nil {
				_ = a.Normal(value)
			}
			if a.FromPerson != nil {
				_ = a.FromPerson(value)
			}
			if a.Fits != nil {
				_ = a.Fits(value)
			}
			user := &providers.User{ID: "x", Email: ana, Attributes: map[string]providers.Live{a.Name: providers.Show(value)}}
			if k.Confirm != nil {
				_ = k.Confirm(user, &sources.Access{Person: &sources.Person{}, Values: values})
			}
			_ = k.Accesses(map[string]any{a.Name: value})
			_, _ = k.Suspended(user), k.PerhapsSuspended(user)
			for _, other := range odd {
				_, _, _ = a.Equal(value, other), a.Matches(value, other), a.Takes(value, other)
				if k.Privilege != nil {
					_ = k.Privilege(a.Name, value, other)
				}
			}
		}
	}
	if k.Notes != nil {
		for _, action := range []string{"create", "update", "suspend", "restore", "delete", "x"} {
			_ = k.Notes(action)
		}
	}
}

// opens: a connection opens with the credentials of the simulated vendor, and
// sends nothing.
func (b *bench) opens() {
	if len(b.Kind.SimulatedAuth) == 0 {
		b.Errorf("there are no credentials for the simulated vendor")
	}
	c := b.connect(func(s *providers.Settings) {
		for name, value := range b.Kind.SimulatedAuth {
			s.Auth[name] = sources.NewSecret(value)
		}
		s.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			b.Errorf("a request to %s", r.URL.Host)
			return nil, http.ErrServerClosed
		})
	})
	if c.Reader == nil || c.Requests == nil || c.Requests() != (providers.Requests{}) {
		b.Errorf("it has no reader, or counts what was not sent")
	}
}

// brokenCredentials: one that can not be sent as it is is told by its place.
func (b *bench) brokenCredentials() {
	for name, value := range b.Kind.SimulatedAuth {
		s := b.settings()
		s.Auth[name] = sources.NewSecret(value + "\nbroken-7q1x")
		_, err := b.Kind.Connect(b.ctx, s)
		if err == nil || !strings.Contains(err.Error(), s.Config.Auth[name].String()) || strings.Contains(err.Error(), "7q1x") {
			b.Errorf("%s: %v", name, err)
		}
	}
}

// samples: the suite has seen nothing of an attribute that no sample sends.
func (b *bench) samples() {
	sent := func(samples []Sample) map[string]bool {
		names := make(map[string]bool)
		for _, sample := range samples {
			for name := range maps.Keys(sample.Values) {
				names[name] = true
			}
		}
		return names
	}
	created, updated, frozen := sent(b.Creates), sent(b.Updates), sent(b.Frozen)
	for _, a := range b.Kind.Attributes {
		_, state := b.Kind.Suspension.Active[a.Name]
		creatable := a.Mode != providers.ReadOnly && !a.AfterCreate && !state
		if b.can("create") && creatable && !created[a.Name] {
			b.Errorf("no create has %s", a.Name)
		}
		if b.can("update") && (a.Mode == providers.Managed || a.AfterCreate) && !updated[a.Name] {
			b.Errorf("no update has %s", a.Name)
		}
		if a.Mode == providers.Immutable && !frozen[a.Name] {
			b.Errorf("no sample changes %s, which can not be changed", a.Name)
		}
	}
}
