// Package myreports makes the users of one account of MyReports a provider: the
// Enterprise API v1.0 of Xarios Dimensions, which is sold under that name.
//
// Facts carry the tags of the vendor's pages that they come from, as the README of
// this folder lists them: [SEED] is the page of the create, [USERS], [LIST], [GET],
// [PATCH], [DEL], … those of the other calls. What is deduced from a page that is
// about something else is marked "inferred", what no page says "assumed".
package myreports

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/providers"
	"rollcall/sources"
)

// Names of the attributes.
const (
	displayName   = "displayName"
	rolesName     = "roles"
	primaryTenant = "primaryTenant"
)

// Names of the kind's own settings and credentials.
const (
	region           = "region"
	account          = "account"
	acceptCharges    = "acceptCharges"
	deleteEverywhere = "deleteEverywhere"

	clientID     = "clientId"
	clientSecret = "clientSecret"
	refreshToken = "refreshToken"
)

// signIn is the role that every new user has, whatever is sent ([SEED]). Without it
// nobody can sign in, so every set of roles is sent with it (inferred).
const signIn = "account.user"

// roleKeys are those that the vendor documents for accounts ([USERS]).
var roleKeys = []string{
	signIn, "user.admin", "account.service.status", "account.storage.admin",
	"branding.admin", "customer.admin", "onboarding.admin", "webhooks.admin",
}

// The longest texts ([USERS]), counted in characters (assumed).
const (
	longestName  = 100
	longestEmail = 200
)

// baseURLs are the addresses of the regions ([REF]).
var baseURLs = map[string]string{
	"na": "https://api.na.myreports.cloud",
	"eu": "https://api.eu.myreports.cloud",
	"uk": "https://api.uk.myreports.cloud",
	"au": "https://api.au.myreports.cloud",
}

// Kind describes MyReports.
func Kind() *providers.Kind {
	//nolint:gosec // the credentials below are those of the simulated vendor, which accepts any
	return &providers.Kind{
		Name:     "myreports",
		Title:    "MyReports",
		BaseURL:  baseURLs["na"], // until Adapt knows the region
		TokenURL: "https://login.xarios.cloud/connect/token",
		// No limit is documented.
		Rate:         sources.Rate{{Requests: 5, Per: time.Second}},
		Lookups:      []sources.Lookup{sources.LookupList},
		ListPage:     pageSize,
		Account:      []string{region, account},
		Attributes:   attributes(),
		Capabilities: capabilities(),
		// [USERS]: Manage Users. Without account.user nobody can sign in (inferred).
		Administrators: &providers.Administrators{
			Means: "the role user.admin", Reads: []string{rolesName},
			Is: func(values map[string]any) bool {
				list, _ := values[rolesName].([]any)
				return holds(list, "user.admin")
			},
			Acts: func(user *providers.User) bool {
				list, _ := user.Attributes[rolesName].Data.([]any)
				return holds(list, signIn)
			},
		},
		Address:      address,
		Unfit:        unfit,
		Doubts:       doubts,
		Adapt:        adapt,
		Privilege:    privilege,
		Required:     []string{displayName}, // [USERS]
		ReadBack:     true,                  // an update answers no user ([PATCH])
		ShowsCreated: true,                  // [SEED]
		Remedies: map[string]string{
			rolesName:     "MyReports documents that it shows the roles of a user who is read by id: ask it why it does not",
			primaryTenant: "MyReports documents that it shows the primary tenant of users: ask it why it does not, and see to him by hand until then",
		},
		Notes:         note,
		DeleteReads:   []string{primaryTenant},
		MailsAtCreate: true,                         // [SEED]
		Billable:      []string{"create", "update"}, // inferred from accept-charges ([SEED], [PATCH])
		SimulatedAuth: map[string]string{clientID: "simulated", clientSecret: "simulated", refreshToken: "simulated"},
		Rotates:       []string{refreshToken},
		Consent: &providers.Consent{ // [AUTH]
			AuthorizeURL: "https://login.xarios.cloud/connect/authorize", RedirectURL: "http://127.0.0.1:8000",
			Scopes:   []string{"openid", "offline_access", "onboarding"},
			ClientID: clientID, ClientSecret: clientSecret, RefreshToken: refreshToken,
		},
		Open: open,
	}
}

// adapt fits the kind to a provider: where its region answers, whether it agrees to
// charges, and what deleting somebody does at its account.
func adapt(kind *providers.Kind, config sources.ProviderConfig) {
	kind.BaseURL = baseURLs[config.Settings[region]]
	if config.Settings[acceptCharges] == "false" {
		kind.Billable = nil
	}
	kind.Deletion = deletion(config)
}

// deletion is what deleting a user does, which depends on who owns him ([DEL]).
func deletion(config sources.ProviderConfig) func(*providers.User) providers.Deletion {
	own, allowed := config.Settings[account], config.Settings[deleteEverywhere] == "true"
	return func(user *providers.User) providers.Deletion {
		switch owner := text(user.Attributes[primaryTenant].Data); {
		case owner == "":
			return providers.Deletion{
				Means: "unknown", Refused: "his primary tenant is not shown, so it is not known what deleting him does",
				Remedy: "see to him by hand",
			}
		case !sameTenant(owner, own):
			return providers.Deletion{Means: "removes his membership of this account; he stays at " + owner}
		case allowed:
			return providers.Deletion{Means: everywhere}
		default:
			return providers.Deletion{
				Means: everywhere, Refused: "this account owns him, so deleting him here deletes him from all account tenants",
				Remedy: "set deleteEverywhere: true for " + config.Name + ", or remove him by hand",
			}
		}
	}
}

const everywhere = "deletes him everywhere, from all account tenants"

// sameTenant compares two ids of tenants. They look like UUIDs ([REF]), whose case
// means nothing.
func sameTenant(a, b string) bool { return strings.EqualFold(a, b) }

// attributes are the fields of [USERS].
func attributes() []providers.Attribute {
	return []providers.Attribute{
		{
			Name: displayName, Shape: sources.Scalar, Mode: providers.Managed, Clear: providers.ClearUnsupported,
			Person: displayName, Fits: fitsName, Fallback: fullName, Source: "[USERS], [SEED], [PATCH]",
		},
		{
			Name: rolesName, Shape: sources.Set, Mode: providers.Managed, Clear: providers.ClearEmpty, Grant: true,
			FromBlock: withSignIn, Fallback: func(sources.Values) any { return withSignIn(nil) }, Source: "[USERS], [SEED], [PATCH]",
		},
		{
			Name: primaryTenant, Shape: sources.Scalar, Mode: providers.ReadOnly, Clear: providers.ClearUnsupported,
			Normal: lower, Source: "[USERS]",
		},
	}
}

func capabilities() []providers.Capability {
	return []providers.Capability{
		{Operation: "find", Evidence: providers.Documented, How: "a list of all users, matched by address; that it comes in pages is assumed", Source: "[LIST]; its pages [ACC], of accounts"},
		{Operation: "create", Evidence: providers.Documented, How: "mails the activation at once; may be charged for", Source: "[SEED]"},
		{Operation: "update", Evidence: providers.Documented, How: "JSON Patch of displayName and of the whole set of roles, whose path is inferred", Source: "[PATCH]"},
		{Operation: "suspend", Evidence: providers.None, How: "users have no such state"},
		{Operation: "restore", Evidence: providers.None, How: "users have no such state"},
		{Operation: "delete", Evidence: providers.Documented, How: "removes the membership of an account that does not own him; everywhere only with deleteEverywhere", Source: "[DEL]"},
		{Operation: "invite", Evidence: providers.Documented, How: "at the create, always", Source: "[SEED]"},
		{Operation: "self", Evidence: providers.None, How: "no text tells who gave the consent"},
		{Operation: "administrators", Evidence: providers.Documented, How: "the role user.admin", Source: "[USERS]"},
	}
}

// note: whoever is known at another account already is taken into this one by a
// create, which is inferred: users can belong to several tenants ([DEL]).
func note(action string) string {
	if action == "create" {
		return "MyReports mails the activation at once; somebody whom another account owns becomes a member of this one"
	}
	return ""
}

// withSignIn is a set of roles with the one that every user has. A list that has
// something else than texts is left as it is.
func withSignIn(data any) any {
	list, _ := data.([]any)
	if data != nil && list == nil || slices.Contains(list, any(signIn)) {
		return data
	}
	return append([]any{signIn}, list...)
}

// fullName is what stands in for a displayName: given and family name.
func fullName(person sources.Values) any {
	given, _ := person.Get("givenName")
	family, _ := person.Get("familyName")
	return strings.TrimSpace(text(given.Data) + " " + text(family.Data))
}

// fitsName says what the vendor would refuse of a displayName ([USERS]).
func fitsName(data any) string {
	if n := utf8.RuneCountInString(text(data)); n > longestName {
		return fmt.Sprintf("at most %d characters, and it has %d", longestName, n)
	}
	return ""
}

// fitsAddress says what the vendor would refuse of an address ([USERS]).
func fitsAddress(email string) string {
	if n := utf8.RuneCountInString(email); n > longestEmail {
		return fmt.Sprintf("MyReports takes addresses of at most %d characters, and this one has %d", longestEmail, n)
	}
	return ""
}

// shorter is what a person can do about an address that is too long.
const shorter = "state a shorter email in his access block"

// address is fitsAddress with what to do about it.
func address(email string) string {
	why := fitsAddress(email)
	if why != "" {
		why += "; " + shorter
	}
	return why
}

// unfit judges the name that stands in where none is stated.
func unfit(_ sources.ProviderConfig, person, access sources.Values) []sources.Issue {
	_, own := access.Get(displayName)
	_, stated := person.Get(displayName)
	if own || stated {
		return nil
	}
	if reason := fitsName(fullName(person)); reason != "" {
		return []sources.Issue{{Attribute: "givenName", Message: "given and family name together are too long for MyReports: " + reason + "; state a displayName"}}
	}
	return nil
}

// doubts: the vendor may have other roles than it documents, which sees to it.
func doubts(values sources.Values) []sources.Issue {
	stated, _ := values.Get(rolesName)
	list, _ := stated.Data.([]any)
	var issues []sources.Issue
	for _, role := range list {
		if key := text(role); key != "" && !slices.Contains(roleKeys, key) {
			issues = append(issues, sources.Issue{
				Attribute: rolesName, Message: fmt.Sprintf("MyReports documents no role %q for accounts; it documents %s", key, strings.Join(roleKeys, ", ")),
			})
		}
	}
	return issues
}

// privilege reports whether a change of roles gives one that was not there.
func privilege(_ string, before, after any) bool {
	had, _ := before.([]any)
	gets, _ := after.([]any)
	return slices.ContainsFunc(gets, func(role any) bool { return !holds(had, role) })
}

// holds reports whether a list has the item, whatever it is.
func holds(list []any, item any) bool {
	one := providers.Attribute{Shape: sources.Set}
	return slices.ContainsFunc(list, func(other any) bool { return one.Equal([]any{other}, []any{item}) })
}

// lower is a text in lower case.
func lower(data any) any {
	if value, is := data.(string); is {
		return strings.ToLower(value)
	}
	return data
}

// text is a value that is text, or "".
func text(data any) string {
	value, _ := data.(string)
	return value
}
