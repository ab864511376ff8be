// Package vendasta makes Vendasta's platform users API a provider.
//
// Facts carry the tags of the vendor's texts that they come from, as the README
// of this folder lists them: [P] is the OpenAPI description, [G-…] a guide. What
// no text says is marked "assumed".
package vendasta

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/providers"
	"rollcall/sources"
)

// Kind describes Vendasta.
func Kind() *providers.Kind {
	//nolint:gosec // the credentials below are those of the simulated vendor, which accepts any
	return &providers.Kind{
		Name:     "vendasta",
		Title:    "Vendasta",
		BaseURL:  "https://prod.apigateway.co/platform", // [P]
		TokenURL: "https://sso-api-prod.apigateway.co/oauth2/token",
		// Assumed from an unpublished text: 100/s, 500/min and 10,000/h a partner and
		// endpoint. 8/s stays below 500/min.
		Rate:         sources.Rate{{Requests: 8, Per: second}, {Requests: 10000, Per: hour}},
		OnLeave:      sources.LeaveSuspend,
		Lookups:      []sources.Lookup{sources.LookupSearch, sources.LookupList},
		ListPage:     pageSize,
		Account:      []string{"partner"},
		Attributes:   attributes(),
		Capabilities: capabilities(),
		Suspension: providers.Suspension{
			Suspended: map[string]any{platformAccess: []any{}, businessLocations: []any{}}, // [G-SYNC]
			Means:     "can still sign in, sees nothing",
		},
		Administrators: &providers.Administrators{
			Means: "pc:access", Reads: []string{platformAccess}, Is: administrates, Acts: administratesAll,
		},
		Missing:   missing,
		Conflicts: conflicts,
		Doubts:    doubts,
		Privilege: privilege,
		Confirm:   confirm,
		Remedies: map[string]string{
			platformAccess:    permissionRemedy,
			businessLocations: permissionRemedy,
			"email":           "let the credentials read contact data: the scope user.contact:read",
			"phoneNumbers":    "let the credentials read contact data: the scope user.contact:read",
			"address":         "let the credentials read contact data: the scope user.contact:read",
		},
		Notes:         note,
		SimulatedAuth: map[string]string{"token": "simulated"},
		Open:          open,
	}
}

const (
	platformAccess    = "platformAccess"
	businessLocations = "businessLocations"
	welcomeEmail      = "welcomeEmail"
	permissionRemedy  = "let the credentials read permissions: the scope user.permission:read"
)

// attributes are those of [P], users, with the person's values that stand in for
// them. Nothing says whether an attribute can be cleared; the two lists can
// ([G-SYNC]).
func attributes() []providers.Attribute {
	text := func(name, person string) providers.Attribute {
		return providers.Attribute{
			Name: name, Shape: sources.Scalar, Mode: providers.Managed, Clear: providers.ClearUnsupported, Person: person, Source: "[P] users.attributes",
		}
	}
	phones := text("phoneNumbers", "phones")
	phones.Shape, phones.Normal, phones.FromPerson = sources.Set, normalPhones, phonesFromPerson
	address := text("address", "address")
	address.Shape, address.FromPerson = sources.Object, addressFromPerson
	phonesSet := text("phoneNumbersSet", "")
	phonesSet.Mode = providers.CreateOnly // sent in the examples of [P], its meaning is not said
	access := providers.Attribute{
		Name: platformAccess, Shape: sources.Set, Mode: providers.Managed, Grant: true, Clear: providers.ClearEmpty, Source: "[P] users.relationships, [G-SYNC]",
	}
	locations := access
	locations.Name = businessLocations
	locale := text("languageLocaleCode", "locale")
	locale.FromPerson, locale.Fits = localeFromPerson, fitsLocale
	welcome := providers.Attribute{
		Name: welcomeEmail, Shape: sources.Scalar, Mode: providers.CreateOnly, Invites: true, Source: "[P] get-sendWelcomeEmail-by-userid",
	}
	name := func(name, person string) providers.Attribute {
		attribute := text(name, person)
		attribute.Fits = fitsName
		return attribute
	}
	return []providers.Attribute{
		name("givenName", "givenName"),
		name("familyName", "familyName"),
		name("greetingName", "nickname"),
		locale,
		phones, phonesSet, address,
		text("timeZone", "timeZone"),
		access, locations, welcome,
	}
}

func capabilities() []providers.Capability {
	return []providers.Capability{
		{Operation: "find", Evidence: providers.Documented, How: "search by exact email, or a list of all", Source: "[P] get-users, [G-SYNC]"},
		{Operation: "create", Evidence: providers.Documented, How: "no mail is sent", Source: "[P] post-users, [G-PARTNER]"},
		{Operation: "update", Evidence: providers.Documented, How: "labelled proposed: may be refused", Source: "[P] patch-users-id, [G-SYNC]"},
		{Operation: "suspend", Evidence: providers.Documented, How: "all grants are taken away", Source: "[G-SYNC]"},
		{Operation: "restore", Evidence: providers.Documented, How: "the grants are given back", Source: "[G-SYNC]"},
		{Operation: "delete", Evidence: providers.Documented, How: "for good", Source: "[P] delete-users-id"},
		{Operation: "invite", Evidence: providers.Documented, How: "welcome mail, a call of its own", Source: "[P] get-sendWelcomeEmail-by-userid"},
		{Operation: "self", Evidence: providers.Documented, How: "the service account, which its key file names; whose a static token is, is not asked", Source: "[G-AUTH]"},
		{Operation: "administrators", Evidence: providers.Documented, How: "pc:access; relied on only where nothing narrows it, or with pc:canManageAdmins", Source: "[SEED], [G-SYNC]"},
	}
}

func note(action string) string {
	switch action {
	case "suspend":
		return "can still sign in, sees nothing"
	case "restore":
		return "gives back what the roster states; what it does not state stands in the result of the run that suspended him"
	case "delete":
		return "for good: Vendasta strips the personal data and never uses the id again"
	default:
		return ""
	}
}

// missing: a role has to be given at creation, through one of the two lists
// ([G-BUS]).
func missing(values sources.Values) string {
	for _, name := range []string{platformAccess, businessLocations} {
		if v, _ := values.Get(name); len(texts(v.Data)) > 0 {
			return ""
		}
	}
	return "no grant: state platformAccess or businessLocations"
}

// conflicts: at most one write scope for each CRM object; two in one request are
// rejected ([G-PARTNER]).
func conflicts(_ sources.ProviderConfig, values sources.Values) []sources.Issue {
	access, _ := values.Get(platformAccess)
	scopes := make(map[string][]string)
	var objects []string
	for _, id := range texts(access.Data) {
		if object, _, ok := crmWrite(id); ok {
			if len(scopes[object]) == 0 {
				objects = append(objects, object)
			}
			scopes[object] = append(scopes[object], id)
		}
	}
	var issues []sources.Issue
	slices.Sort(objects)
	for _, object := range objects {
		slices.Sort(scopes[object])
		if ids := slices.Compact(scopes[object]); len(ids) > 1 {
			issues = append(issues, sources.Issue{Attribute: platformAccess, Message: fmt.Sprintf("%s can not stand together: at most one write scope for %s", strings.Join(ids, " and "), object)})
		}
	}
	return issues
}

// doubts: the enum of features may grow ([G-VER]), so an unknown id is passed on
// with a warning.
func doubts(values sources.Values) []sources.Issue {
	access, _ := values.Get(platformAccess)
	var issues []sources.Issue
	for _, id := range texts(access.Data) {
		if !slices.Contains(features, id) {
			issues = append(issues, sources.Issue{Attribute: platformAccess, Message: fmt.Sprintf("%q is no feature that Vendasta documents; it is sent as it is", id)})
		}
	}
	return issues
}

// confirm: a search answers the users of client businesses too ([G-USERS]). One
// who has locations and no feature looks like one of them.
func confirm(user *providers.User, access *sources.Access) string {
	locations, features := user.Attributes[businessLocations], user.Attributes[platformAccess]
	if _, stated := access.Values.Get(businessLocations); stated || locations.Data == nil || !features.Shown || features.Data != nil {
		return ""
	}
	return fmt.Sprintf("user %s has business locations and no platform access, so it may be a client's user and not this person's", user.ID)
}

// texts are the texts of a list; whatever is no list has none.
func texts(data any) []string {
	list, _ := data.([]any)
	found := make([]string, 0, len(list))
	for _, item := range list {
		if text, is := item.(string); is {
			found = append(found, text)
		}
	}
	return found
}

// crmWrite splits crm:<object>:write:<scope>.
func crmWrite(id string) (object, scope string, ok bool) {
	parts := strings.Split(id, ":")
	if len(parts) != 4 || parts[0] != "crm" || parts[2] != "write" {
		return "", "", false
	}
	return parts[1], parts[3], true
}
