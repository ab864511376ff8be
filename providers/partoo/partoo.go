// Package partoo makes the users of Partoo's REST API v2 a provider.
//
// Facts carry the tags of the vendor's texts that they come from, as the README
// of this folder lists them: [SEED] is the OpenAPI description of the create, [UPD],
// [GET], … the pages of the other calls, [OLD] an earlier version of them. What no
// text says is marked "assumed".
package partoo

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/providers"
	"rollcall/sources"
)

// Names of the attributes that are treated in a way of their own.
const (
	roleName       = "role"
	customRole     = "custom_role"
	accesses       = "accesses"
	businessIDs    = "business_ids"
	sidebarPages   = "sidebar_pages"
	disabled       = "disabled"
	sendInvitation = "send_invitation"
	welcomeEmail   = "welcomeEmail"
	statusName     = "status"
)

// Roles that rules are about ([SEED]); PROVIDER is only read ([GET]).
const (
	orgAdmin        = "ORG_ADMIN"
	groupManager    = "GROUP_MANAGER"
	businessManager = "BUSINESS_MANAGER"
	providerRole    = "PROVIDER"
)

// Kind describes Partoo.
func Kind() *providers.Kind {
	//nolint:gosec // the credentials below are those of the simulated vendor, which accepts any
	return &providers.Kind{
		Name:    "partoo",
		Title:   "Partoo",
		BaseURL: "https://api.partoo.co/v2", // [SEED]
		// 300 requests a minute and organisation ([RATE]), which others may share.
		Rate:         sources.Rate{{Requests: 4, Per: time.Second}},
		OnLeave:      sources.LeaveSuspend,
		Lookups:      []sources.Lookup{sources.LookupSearch, sources.LookupList},
		ListPage:     pageSize,
		Account:      []string{organization},
		Attributes:   attributes(),
		Capabilities: capabilities(),
		Suspension: providers.Suspension{
			Suspended: map[string]any{disabled: true}, // [UPD]
			Active:    map[string]any{disabled: false},
			Means:     "the account is disabled; role and accesses stay",
		},
		// [ROLES], [GUIDE]. One who was invited and has not come yet is not counted on.
		Administrators: &providers.Administrators{
			Means: "the role ORG_ADMIN", Reads: []string{roleName},
			Is:   func(values map[string]any) bool { return text(values[roleName]) == orgAdmin },
			Acts: func(user *providers.User) bool { return user.State == "active" },
		},
		Missing:      missing,
		Conflicts:    conflicts,
		Doubts:       doubts,
		Privilege:    privilege,
		HasAccess:    hasAccess,
		Required:     []string{"first_name", "last_name"}, // [SEED]
		Readdress:    true,                                // [UPD]
		ReadBack:     true,                                // a write answers only the id ([SEED], [UPD])
		AbsenceReads: 2,                                   // disabled users are searched for too
		Remedies: map[string]string{
			disabled: "Partoo documents that it shows whether an account is disabled: ask it why it does not, and see to him by hand until then",
		},
		Notes:         note,
		SimulatedAuth: map[string]string{"apiKey": "simulated"},
		Open:          open,
	}
}

// attributes are the fields of [SEED], [UPD] and [GET]. No text says how a field is
// cleared; that a list which is sent replaces the old one is assumed, and so an
// empty one clears.
func attributes() []providers.Attribute {
	scalar := func(name, person, source string) providers.Attribute {
		return providers.Attribute{
			Name: name, Shape: sources.Scalar, Mode: providers.Managed, Clear: providers.ClearUnsupported, Person: person, Source: source,
		}
	}
	set := func(name, source string) providers.Attribute {
		return providers.Attribute{Name: name, Shape: sources.Set, Mode: providers.Managed, Clear: providers.ClearEmpty, Source: source}
	}
	grant := func(a providers.Attribute) providers.Attribute {
		a.Grant = true
		return a
	}
	flag := func(a providers.Attribute) providers.Attribute {
		a.Default = false
		return a
	}
	once := func(a providers.Attribute) providers.Attribute {
		a.Mode = providers.CreateOnly
		return a
	}
	groups := grant(set(accesses, "[SEED] accesses, [GROUPS]"))
	groups.Shape = sources.SetOfSets
	pages := grant(set(sidebarPages, "[SEED] SidebarPages, deprecated"))
	pages.Clear = providers.ClearUnsupported // an absent list means all of them
	lang := scalar("lang", "locale", "[SEED] Lang")
	lang.FromPerson = langFromPerson
	phone := scalar("phone", "phones", "[UPD]; not in the create of [SEED]")
	phone.FromPerson, phone.Normal, phone.AfterCreate = phoneFromPerson, normalPhone, true
	keywords := set("keywords", "[UPD]; not in the create of [SEED]")
	keywords.AfterCreate = true
	// No answer shows it ([UPD]), so it can not be compared.
	reviews := once(scalar("receive_reviews_email_notifications", "", "[UPD]; not in the create of [SEED]"))
	reviews.AfterCreate = true
	invitation := once(scalar(sendInvitation, "", "[SEED]"))
	invitation.Mails = true
	welcome := once(scalar(welcomeEmail, "", "[SEED] send_invitation, [INV]"))
	welcome.Invites = true
	password := once(scalar("password", "", "[SEED] Password"))
	password.Sensitive, password.Fits = true, fitsPassword
	return []providers.Attribute{
		scalar("first_name", "givenName", "[SEED] UserFirstName"),
		scalar("last_name", "familyName", "[SEED] UserLastName"),
		grant(scalar(roleName, "", "[SEED] RoleWithoutProvider")),
		grant(scalar(customRole, "", "[SEED] CustomRoleApiId")),
		groups,
		grant(set(businessIDs, "[SEED] business_ids")),
		pages,
		grant(scalar("org_id", "", "[SEED] UserCreateUpdateOrgId")),
		lang, phone, keywords,
		flag(scalar("sso_only", "", "[SEED] SsoOnly, its default")),
		reviews,
		once(scalar(statusName, "", "[SEED] UserStatus")),
		invitation, welcome, password,
		grant(flag(scalar(disabled, "", "[UPD], [GET]; that nothing is false is assumed"))),
	}
}

func capabilities() []providers.Capability {
	return []providers.Capability{
		{Operation: "find", Evidence: providers.Documented, How: "search by exact email, disabled users too; or a list of all", Source: "[SEARCH]; the name of the filter on disabled is inferred"},
		{Operation: "create", Evidence: providers.Documented, How: "no mail unless send_invitation says so", Source: "[SEED]"},
		{Operation: "update", Evidence: providers.Documented, How: "only what changed is sent", Source: "[UPD]"},
		{Operation: "suspend", Evidence: providers.Documented, How: "the account is disabled", Source: "[UPD]"},
		{Operation: "restore", Evidence: providers.Documented, How: "the account is enabled; that it is as before is assumed", Source: "[UPD]"},
		{Operation: "delete", Evidence: providers.Documented, How: "whether for good is not documented", Source: "[DEL], [GUIDE]"},
		{Operation: "invite", Evidence: providers.Documented, How: "at the create, or later by a call of its own", Source: "[SEED], [INV]"},
		{Operation: "self", Evidence: providers.Assumed, How: "the user whom the key belongs to, by GET /user/me, which only older texts have", Source: "[OLD]"},
		{Operation: "administrators", Evidence: providers.Documented, How: "the role ORG_ADMIN", Source: "[ROLES], [GUIDE]"},
	}
}

func note(action string) string {
	switch action {
	case "suspend":
		return "the account is disabled; role and accesses stay"
	case "restore":
		return "the account is enabled; that it is then as it was before is assumed"
	case "delete":
		return "Partoo does not say whether anything is kept, or whether the address can be used again"
	default:
		return ""
	}
}

// missing: a user without a role is made an ORG_ADMIN ([USER]), who may do
// everything, so it is never left out.
func missing(values sources.Values) string {
	if role, _ := values.Get(roleName); text(role.Data) == "" {
		return "no role: state one, for Partoo makes an ORG_ADMIN of a user without"
	}
	return ""
}

// conflicts are the rules that span fields.
func conflicts(config sources.ProviderConfig, values sources.Values) []sources.Issue {
	get := func(name string) any {
		v, _ := values.Get(name)
		return v.Data
	}
	var issues []sources.Issue
	say := func(attribute, message string) {
		issues = append(issues, sources.Issue{Attribute: attribute, Message: message})
	}
	role := text(get(roleName))
	if role != "" && role != groupManager && !providers.Empty(get(accesses)) {
		say(accesses, "accesses are only for a GROUP_MANAGER, not for a "+role) // [SEED]
	}
	if role != "" && role != businessManager && !providers.Empty(get(businessIDs)) {
		say(businessIDs, "business_ids are only for a BUSINESS_MANAGER, not for a "+role) // [SEED]
	}
	org, _ := get("org_id").(int64)
	if own := config.Settings[organization]; own != "" && org != 0 && fmt.Sprint(org) != own {
		say("org_id", fmt.Sprintf("the provider's organization is %s, and users of another one are never looked at: take org_id out, or configure a provider for it", own))
	}
	if role == orgAdmin && !providers.Empty(get(customRole)) {
		say(customRole, "an ORG_ADMIN can not have a custom role") // [ROLES]
	}
	if keywords, _ := get("keywords").([]any); len(keywords) > maxKeywords {
		say("keywords", "Partoo takes at most 12 keywords, those of teams and his own together") // [UPD]
	}
	if get(sendInvitation) == true && get(welcomeEmail) == true {
		say(welcomeEmail, "send_invitation and welcomeEmail together would mail him twice: state one of them")
	}
	if get(sendInvitation) == true && get("sso_only") == true {
		say(sendInvitation, "Partoo mails no invitation at the create of a user with sso_only: take send_invitation out") // [USER]
	}
	if get(welcomeEmail) == true && get(statusName) == "active" {
		say(statusName, "an invitation works for users whose status is invited only: take status out, or welcomeEmail") // [INV]
	}
	return issues
}

const maxKeywords = 12

// doubts: a password is ignored where an invitation is sent ([SEED]).
func doubts(values sources.Values) []sources.Issue {
	invitation, _ := values.Get(sendInvitation)
	if _, stated := values.Get("password"); stated && invitation.Data == true {
		return []sources.Issue{{Attribute: "password", Message: "Partoo ignores a password beside send_invitation: true"}}
	}
	return nil
}

// privilege reports whether the change of a grant may give something. Any of a
// user's accesses lets him see a business, so fewer accesses are less. Within one,
// groups of different sections have to come together ([GROUPS]), so that an access
// with a group less may be more: every access that was not there before counts.
func privilege(attribute string, before, after any) bool {
	switch attribute {
	case accesses, businessIDs, sidebarPages:
		had, _ := sources.Normal(before).([]any)
		gets, _ := sources.Normal(after).([]any)
		return slices.ContainsFunc(gets, func(access any) bool {
			return !slices.ContainsFunc(had, func(other any) bool { return same(access, other) })
		})
	case roleName:
		role := text(before)
		return role != orgAdmin && role != providerRole && text(after) != role
	case disabled:
		return after != true && before == true
	default:
		return !same(before, after)
	}
}

// same compares values of one attribute.
func same(x, y any) bool {
	return providers.Attribute{Shape: sources.Set}.Equal([]any{x}, []any{y})
}

// hasAccess: a manager of groups or businesses sees what he was given and no more
// ([SEED]); the others see their organisation ([GUIDE]).
func hasAccess(grants map[string]any) bool {
	if grants[disabled] == true {
		return false
	}
	for name, only := range scopes {
		if given, shown := grants[name]; shown && only == text(grants[roleName]) && providers.Empty(given) {
			return false
		}
	}
	return true
}

// text is a value that is text, or "".
func text(data any) string {
	value, _ := data.(string)
	return value
}

// languages are those of [SEED].
var languages = []string{"fr", "en", "es", "it", "pt-br", "de", "ar", "nl", "pl", "cs", "ca", "sk", "pt", "lv", "ro", "bg", "hu"}

// langFromPerson is the language of a locale that Partoo has, or nil.
func langFromPerson(data any) any {
	locale := strings.ToLower(text(data))
	language, _, _ := strings.Cut(locale, "-")
	for _, candidate := range []string{locale, language} {
		if slices.Contains(languages, candidate) {
			return candidate
		}
	}
	return nil
}

// phoneFromPerson is the first of the phones that somebody can be called at, or nil:
// Partoo has a place for one ([UPD]).
func phoneFromPerson(data any) any {
	list, _ := data.([]any)
	for _, item := range list {
		phone, _ := item.(map[string]any)
		if number := text(phone["number"]); number != "" && phone["type"] != "fax" && phone["type"] != "pager" {
			return number
		}
	}
	return nil
}

// normalPhone: the vendor's formatting is not documented (assumed free).
func normalPhone(data any) any {
	if number := text(data); number != "" {
		return providers.NormalPhone(number)
	}
	return data
}

// minPassword is how long a password is at least, in characters ([SEED]).
const minPassword = 8

// fitsPassword says what the vendor would refuse of a password ([SEED]), without
// showing it. What counts as special is not documented: whatever is neither letter
// nor digit nor blank (assumed).
func fitsPassword(data any) string {
	password := text(data)
	var lacks []string
	if utf8.RuneCountInString(password) < minPassword {
		lacks = append(lacks, "8 characters")
	}
	for _, rule := range []struct {
		what string
		is   func(rune) bool
	}{
		{"an upper case letter", unicode.IsUpper},
		{"a lower case letter", unicode.IsLower},
		{"a special character", func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) }},
	} {
		if !strings.ContainsFunc(password, rule.is) {
			lacks = append(lacks, rule.what)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	return "Partoo wants a password with at least " + strings.Join(lacks, " and ")
}
