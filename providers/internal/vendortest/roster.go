package vendortest

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/providers"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// Load resolves a roster of one person as rollcall does, with a provider of the
// kind.
func (v Vendor) Load(t testing.TB, roster string) *sources.Access {
	t.Helper()
	all, diagnostics := v.LoadAll(t, roster)
	if diagnostics.Failed() || len(all) != 1 {
		t.Fatalf("%d entries\n%v", len(all), diagnostics)
	}
	return all[0]
}

// LoadAll resolves a roster; where it has errors, there is no access.
func (v Vendor) LoadAll(t testing.TB, roster string) ([]*sources.Access, sources.Diagnostics) {
	t.Helper()
	folder := t.TempDir()
	config := "version: 1\nproviders:\n  " + v.Kind.Name + ": " + v.Config + "\n"
	for name, text := range map[string]string{"rollcall.yaml": config, "roster.yaml": roster} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules := func(string) sources.Rules { return v.Kind.Rules() }
	loaded, people, diagnostics := sources.Load(t.Context(), filepath.Join(folder, "rollcall.yaml"), sources.Options{Rules: rules})
	if diagnostics.Failed() {
		return nil, diagnostics
	}
	return sources.Resolve(people, loaded, rules, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)), diagnostics
}

// Draft is what a plan sends for somebody who is to be created: in the create, and
// in an update right after. A sensitive value is "secret of" and its place.
func (v Vendor) Draft(access *sources.Access) (create providers.Draft, after map[string]any) {
	create, after = providers.Draft{Email: access.Email, Values: make(map[string]any)}, make(map[string]any)
	for _, w := range v.Kind.Drafts(access) {
		data := w.Data
		if providers.Empty(data) || data == false && w.Attribute.Invites {
			continue
		}
		if w.Attribute.Sensitive {
			value, _ := access.Values.Get(w.Attribute.Name)
			place, _ := value.Reference()
			data = "secret of " + place.String()
		}
		if w.Attribute.AfterCreate {
			after[w.Attribute.Name] = data
		} else {
			create.Values[w.Attribute.Name] = data
		}
	}
	return create, after
}

// Unstated is what Wanted finds where the roster states nothing.
const Unstated = "not stated"

// Wanted is what the roster wants of an attribute.
func (v Vendor) Wanted(access *sources.Access, attribute string) any {
	for _, w := range v.Kind.Wants(access) {
		if w.Attribute.Name == attribute {
			return w.Data
		}
	}
	return Unstated
}

// CreateBody is what a create with the draft sends.
func (v Vendor) CreateBody(t testing.TB, draft providers.Draft) any {
	t.Helper()
	var body []byte
	c := v.Connect(t, RoundTripper(func(r *http.Request) (*http.Response, error) {
		body = Sent(t, r)
		return v.Reply(t, r, v.Created), nil
	}))
	if _, err := Create(draft)(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return Decoded(t, body)
}

// Strictly has the simulated vendor, which refuses what is not documented, create
// the user that the access is for, and reads back what was sent.
func (v Vendor) Strictly(t testing.TB, access *sources.Access) {
	t.Helper()
	draft, after := v.Draft(access)
	c := v.Simulated(t, simulator.New(simulator.Options{}))
	created, err := Create(draft)(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	id := created.(providers.Receipt).UserID
	if len(after) > 0 {
		if _, err := Update(id, after)(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	user, err := c.Reader.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range v.Kind.Wants(access) {
		live := user.Attributes[w.Attribute.Name]
		if w.Attribute.Mode == providers.Managed && (!live.Shown || !w.Attribute.Equal(live.Data, w.Data)) {
			t.Errorf("%s is stored as %v, wanted is %v", w.Attribute.Name, live, w.Data)
		}
	}
}

// Person is a roster of one person: his access block, and the further lines of his
// entry.
func (v Vendor) Person(block string, lines ...string) string {
	text := "version: 1\npeople:\n  - email: bill@example.com\n"
	for _, line := range slices.DeleteFunc(lines, func(l string) bool { return l == "" }) {
		text += "    " + line + "\n"
	}
	return text + "    access: {" + v.Kind.Name + ": " + block + "}\n"
}

// Objects checks that one thing is said of a roster, at a place: an error, or a
// warning.
func (v Vendor) Objects(t *testing.T, roster, says string, warning bool) {
	t.Helper()
	_, diagnostics := v.LoadAll(t, roster)
	if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Message, says) || diagnostics[0].Line == 0 {
		t.Fatalf("%v", diagnostics)
	}
	if diagnostics.Failed() == warning {
		t.Errorf("a warning is %v: %v", !warning, diagnostics)
	}
}

// Sound fails the test where what was read of a user does not hold together: he
// carries an id, an address without blanks around it, only declared attributes, and
// only values in the forms that compare.
func (v Vendor) Sound(t testing.TB, user *providers.User) {
	t.Helper()
	if user.ID == "" || user.Email != strings.TrimSpace(user.Email) {
		t.Fatalf("%+v", user)
	}
	grants := make(map[string]any)
	for name, live := range user.Attributes {
		attribute, declared := v.Kind.Attribute(name)
		if !declared || !live.Shown || live.Data != nil && providers.Empty(live.Data) {
			t.Fatalf("%s: %+v", name, live)
		}
		if !attribute.Equal(live.Data, live.Data) || !attribute.Matches(live.Data, live.Data) || attribute.Takes(live.Data, live.Data) {
			t.Fatalf("%s: %+v is not equal to itself", name, live)
		}
		if attribute.Grant {
			grants[name] = live.Data
			if v.Kind.Privilege(name, live.Data, live.Data) {
				t.Fatalf("%s: keeping %v gives more", name, live.Data)
			}
		}
	}
	if v.Kind.Suspended(user) && v.Kind.Accesses(grants) {
		t.Fatalf("a suspended user sees something: %+v", user)
	}
}
