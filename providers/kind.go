package providers

import (
	"context"
	"fmt"
	"strings"

	"rollcall/sources"
)

// A Kind describes a vendor. It is data, made once and never changed; its
// functions are pure and safe for concurrent use, but for Open.
type Kind struct {
	Name  string // as in rollcall.yaml
	Title string // as the vendor writes itself

	// Defaults for what rollcall.yaml leaves out.
	BaseURL, TokenURL string
	Rate              sources.Rate
	OnLeave           sources.OnLeave // empty: removing is manual there
	// Lookups are the ways in which users can be found there, the default first.
	Lookups []sources.Lookup
	// ByLedger tells that they may be found by the ledger alone instead, since no text has
	// a search. OwnID is then the id that somebody has there whom rollcall creates, or
	// "" where that is not known before.
	ByLedger bool
	OwnID    func(config sources.ProviderConfig, access *sources.Access) string
	// ListPage is how many users one answer of the list of all has at most; 0 tells
	// that they come in one answer, which then can not change while it is read.
	ListPage int

	// Account names the setting that tells one account from another (a partner,
	// an organisation), for a plan's target.
	Account []string

	Attributes   []Attribute
	Capabilities []Capability
	Suspension   Suspension
	// Administrators are those who manage the others; nil where no text says what makes
	// one.
	Administrators *Administrators

	// Missing and Conflicts judge merged access, Doubts a block as written; see
	// sources.Rules.
	Missing   func(sources.Values) string
	Conflicts func(config sources.ProviderConfig, values sources.Values) []sources.Issue
	Doubts    func(sources.Values) []sources.Issue
	// Address says why the vendor takes no such address, or ""; nil takes all.
	Address func(email string) string
	// Unfit judges a person's own values beside his access, beyond what the attributes
	// say of theirs; nil is nothing.
	Unfit func(config sources.ProviderConfig, person, access sources.Values) []sources.Issue
	// Referable says why a person can not be named by an attribute that refers to
	// people, or "".
	Referable func(config sources.ProviderConfig, person *sources.Person, access sources.Values) string

	// Adapt fits the kind, which is a copy then, to a provider's own settings; nil
	// is not needed.
	Adapt func(kind *Kind, config sources.ProviderConfig)

	// Privilege reports whether the change of a grant may give access that the
	// user does not have. In doubt it does.
	Privilege func(attribute string, before, after any) bool
	// HasAccess reports whether the grants, by attribute, let a user see anything;
	// an attribute that is missing was not shown. nil: any grant does.
	HasAccess func(grants map[string]any) bool
	// Confirm says why a user found by address may be somebody else's, or "".
	Confirm func(user *User, access *sources.Access) string
	// Required names the attributes that every create has to have.
	Required []string
	// Readdress tells that the vendor documents changing a user's address.
	Readdress bool
	// AbsenceReads is how many requests prove an address absent; 0 is one.
	AbsenceReads int
	// ReadBack tells that the answers to writes do not show the user, so that each
	// is followed by reading him; ShowsCreated that the answer to a create does.
	ReadBack, ShowsCreated bool
	// Requests is how many requests a change of these attributes takes, the look at what
	// was stored included; nil is one, and another one where there is ReadBack.
	Requests func(action string, attributes []string) int
	// Remedies says what would show an attribute that was not shown, by attribute;
	// email stands for the address.
	Remedies map[string]string
	// Notes says of an action what people should know, or "".
	Notes func(action string) string
	// Immovable says why nothing can be changed at a user, or ""; nil is never.
	Immovable func(user *User) string
	// Unsendable says why an update that sets these attributes of the user could not be
	// sent, and what would let it be, or ""; nil is never.
	Unsendable func(user *User, changed map[string]any) string
	// Deletion says what deleting a user would do; nil where it is the same for all.
	// DeleteReads names the attributes that it judges by.
	Deletion    func(user *User) Deletion
	DeleteReads []string
	// MailsAtCreate tells that every create has the vendor mail the new user; Mails
	// whether one with these values does, where no attribute that Mails says so alone.
	// nil is never.
	MailsAtCreate bool
	Mails         func(values map[string]any) bool
	// Billable names the actions that the vendor may charge for: create, update.
	Billable []string

	// SimulatedAuth holds credentials for the simulated vendor, which accepts any.
	SimulatedAuth map[string]string
	// Rotates names the credentials that are renewed as they are used, so that they
	// have to stand in files that can be written; see Settings.Rotating.
	Rotates []string
	// Consent says how a person gives his consent once, for rollcall login; nil
	// where the vendor needs none.
	Consent *Consent

	// Open connects. It reads no network; a credential that is malformed is an
	// error that names its place.
	Open func(ctx context.Context, settings Settings) (*Connection, error)
}

// AttributeMode says when an attribute is sent and compared.
type AttributeMode string

// The modes of an attribute.
const (
	Managed    AttributeMode = "managed"     // compared, and set where it differs
	CreateOnly AttributeMode = "create only" // sent at create, never compared
	Immutable  AttributeMode = "immutable"   // a difference is for a person to settle
	ReadOnly   AttributeMode = "read only"
)

// Clearing says how an attribute is emptied.
type Clearing string

// The ways to empty an attribute. Unsupported means that the vendor documents
// none.
const (
	ClearUnsupported Clearing = "unsupported"
	ClearEmpty       Clearing = "empty"
)

// An Attribute is one named thing about a user that a vendor can show or set.
type Attribute struct {
	Name  string
	Shape sources.Shape
	Mode  AttributeMode
	Grant bool // it gives access
	// Sensitive values are secrets: the roster says where each stands
	// (sources.Value.Reference), and they are never compared or printed.
	Sensitive bool
	Clear     Clearing
	// Normal brings a value into the form in which two spellings of it compare
	// equal; nil means that the value compares as it is.
	Normal func(any) any
	// Default is what the vendor means by nothing; nil is nothing.
	Default any
	// Person is the roster's name of the person's value that stands in where the
	// access block states none; FromPerson translates it, nil meaning as it is.
	// What it translates to nil the vendor has no place for: nothing is stated then,
	// and people are warned.
	Person     string
	FromPerson func(any) any
	// Fits says why the vendor would refuse a value that comes from the person's
	// entry, or ""; nil takes all. What an access block states is checked by its
	// schema.
	Fits func(any) string
	// Invites marks a flag of rollcall's own that has the vendor's welcome mail sent
	// by a call after a create; Mails one that is sent in the create, which then
	// mails by itself.
	Invites, Mails bool
	// AfterCreate tells that a create can not carry it: it is set in an update right
	// after.
	AfterCreate bool
	// Fallback is what a create sends of somebody of whom the roster states nothing
	// for it, nil being nothing. It is not managed afterwards.
	Fallback func(person sources.Values) any
	// FromBlock translates what access blocks state; nil means as it is.
	FromBlock func(any) any
	// FromReference translates a value that is the address of somebody in the roster,
	// whose user has to be there first; nil tells that no value is one.
	FromReference func(sources.Reference) any
	// Names is the id by which a value of that kind names a user, so that it can be
	// compared with that of whoever was found; nil compares nothing.
	Names func(value any) string
	// Whole tells that every update sends it, changed or not, so that it has to be
	// shown for one. OwnCall tells that it is changed by a call of its own, whatever an
	// update is; unless it is what suspends, the vendor documents that call.
	Whole, OwnCall bool
	// Manual says why a difference is for a person to settle, and what would let
	// rollcall do it; empty where it can. Configure fills it in.
	Manual string
	Source string // where the vendor says so
}

// A Deletion is what deleting one user does.
type Deletion struct {
	Means string // in words, for the plan
	// Refused says why it is not done, and Remedy what would let it be; empty where
	// it may.
	Refused, Remedy string
}

// Attribute returns the kind's attribute of that name.
func (k *Kind) Attribute(name string) (Attribute, bool) {
	for _, a := range k.Attributes {
		if a.Name == name {
			return a, true
		}
	}
	return Attribute{}, false
}

// Rules are what the roster's checks need to know of the kind.
func (k *Kind) Rules() sources.Rules {
	shapes := make(map[string]sources.Shape)
	for _, a := range k.Attributes {
		if a.Shape != sources.Scalar {
			shapes[a.Name] = a.Shape
		}
	}
	var references []string
	for _, a := range k.Attributes {
		if a.FromReference != nil {
			references = append(references, a.Name)
		}
	}
	return sources.Rules{
		Shapes: shapes, Missing: k.Missing, Address: k.Address, Unfit: k.unfit, Conflicts: k.Conflicts, Doubts: k.Doubts,
		References: references, Referable: k.Referable,
	}
}

// unfit judges the person's values that stand in where the access states none.
func (k *Kind) unfit(config sources.ProviderConfig, person, access sources.Values) []sources.Issue {
	var issues []sources.Issue
	if k.Unfit != nil {
		issues = k.Unfit(config, person, access)
	}
	for _, a := range k.Attributes {
		value, stated := person.Get(a.Person)
		_, own := access.Get(a.Name)
		if own || !stated || Empty(value.Data) {
			continue
		}
		data := value.Data
		if a.FromPerson != nil {
			data = a.FromPerson(data)
		}
		if data == nil {
			if places, first := k.unplaced(a, value.Data); first {
				issues = append(issues, sources.Issue{
					Attribute: a.Person, Warning: true,
					Message: fmt.Sprintf("%s has no %s like this, so it is left alone there; state %s in his access block", k.Title, a.Person, strings.Join(places, " or ")),
				})
			}
			continue
		}
		if a.Fits == nil {
			continue
		}
		if reason := a.Fits(data); reason != "" {
			issues = append(issues, sources.Issue{
				Attribute: a.Person, Message: fmt.Sprintf("%s takes no such %s: %s; state another %s in his access block", k.Title, a.Person, reason, a.Name),
			})
		}
	}
	return issues
}

// unplaced names the attributes that come of the same value of a person's as a, when
// none of them takes it; first tells that a is the first one.
func (k *Kind) unplaced(a Attribute, data any) (places []string, first bool) {
	for _, other := range k.Attributes {
		if other.Person != a.Person {
			continue
		}
		if other.FromPerson == nil || other.FromPerson(data) != nil {
			return nil, false
		}
		places = append(places, other.Name)
	}
	return places, places[0] == a.Name
}

// Evidence says how sure it is that a vendor can do something.
type Evidence string

// The degrees of evidence.
const (
	Documented Evidence = "documented"
	Assumed    Evidence = "assumed"
	None       Evidence = "absent"
)

// A Capability is one operation at a vendor and what is known of it.
type Capability struct {
	Operation string // find, create, update, suspend, restore, delete, invite, self, administrators
	Evidence  Evidence
	How       string // in a few words, for people
	Source    string // where that is said
	// On tells of one that is assumed that the configuration turns it on.
	On bool
}

// Suspension is how a suspended user looks at a vendor: setting Suspended
// suspends, and a user is suspended when all of it is shown and as it says.
type Suspension struct {
	// Suspended maps attributes to the values that they have then; empty when the
	// vendor has no such state.
	Suspended map[string]any
	// Active maps those of them to the values that end the suspension which the
	// roster can not state; everybody who is to have access has them.
	Active map[string]any
	// Means says in words what a suspended user can still do.
	Means string
}

// Accesses reports whether a user with these grants can see anything.
func (k *Kind) Accesses(grants map[string]any) bool {
	if k.HasAccess != nil {
		return k.HasAccess(grants)
	}
	for _, data := range grants {
		if !Empty(data) {
			return true
		}
	}
	return false
}

// PerhapsSuspended reports whether what is shown of the user is as a suspended one
// has it, while something of that state is not shown.
func (k *Kind) PerhapsSuspended(u *User) bool {
	hidden, seen := false, false
	for name, value := range k.Suspension.Suspended {
		attribute, _ := k.Attribute(name)
		live := u.Attributes[name]
		switch {
		case !live.Shown:
			hidden = true
		case !attribute.Equal(live.Data, value):
			return false
		default:
			seen = true
		}
	}
	return hidden && seen
}

// Suspended reports whether the user is suspended: every attribute of the state
// is shown and as it is then.
func (k *Kind) Suspended(u *User) bool {
	if len(k.Suspension.Suspended) == 0 {
		return false
	}
	for name, value := range k.Suspension.Suspended {
		attribute, _ := k.Attribute(name)
		live := u.Attributes[name]
		if !live.Shown || !attribute.Equal(live.Data, value) {
			return false
		}
	}
	return true
}
