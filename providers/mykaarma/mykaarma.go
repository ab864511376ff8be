// Package mykaarma makes the users of one dealer at myKaarma, by its Manage API v2, a
// provider.
//
// Facts carry the tags of the vendor's texts that they come from, as the README of
// this folder lists them: [SEED] is the page of the create, [LIST], [UPD], [DA], [ROLE]
// those of other calls. What no text says is marked "assumed".
package mykaarma

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/providers"
	"rollcall/sources"
)

// Names of the attributes that are treated in a way of their own.
const (
	dealerUUID     = "dealerUUID"
	departmentUUID = "departmentUUID"
	roleUUID       = "roleUUID"
	isValid        = "isValid"
	username       = "username"
	textNumber     = "textNumber"
	bio            = "bio"
	imageURL       = "imageUrl"
	userInvite     = "userInvite"
	sendEmail      = "sendEmail"
	sendText       = "sendText"
	inviteTemplate = "userInviteEmailTemplate"
)

// Names of the kind's own settings.
const (
	updateSetting      = "update" // replace, which is assumed, or merge
	merge              = "merge"
	departmentsSetting = "departments"
	rolesSetting       = "roleNames"
	pathsSetting       = "paths"
)

// Kind describes myKaarma.
func Kind() *providers.Kind {
	//nolint:gosec // the credentials below are those of the simulated vendor, which accepts any
	return &providers.Kind{
		Name:    "mykaarma",
		Title:   "myKaarma",
		BaseURL: "https://api.mykaarma.com", // [SEED], [DEALER]
		// No limit is documented.
		Rate:    sources.Rate{{Requests: 5, Per: time.Second}},
		Lookups: []sources.Lookup{sources.LookupList}, // no search is documented
		// The list has no parameters for pages ([LIST]): it is one answer.
		ListPage:     0,
		Account:      []string{dealerUUID},
		Attributes:   attributes(),
		Capabilities: capabilities(),
		Suspension: providers.Suspension{
			Suspended: map[string]any{isValid: false}, // [LIST]; that it says so is assumed
			Active:    map[string]any{isValid: true},
			Means:     "his dealer associates in the configured departments are invalid; the user and his roles stay (assumed)",
		},
		Missing:   missing,
		Conflicts: conflicts,
		Unfit:     unfit,
		Adapt:     adapt,
		Privilege: privilege,
		HasAccess: hasAccess,
		Required:  []string{"firstName", "lastName"}, // assumed: the schema marks nothing
		Mails:     mails,
		ReadBack:  true, // a write answers only the id ([SEED], [UPD], [DA])
		Remedies: map[string]string{
			isValid:  "myKaarma documents that its list shows isValid: ask it why it does not, and see to him by hand until then",
			bio:      remedyUnlisted(bio),
			imageURL: remedyUnlisted(imageURL),
			roleUUID: "he has no dealer associate, or several that are valid, in the configured departments, or its role is not shown: look at his roles by hand, or list the department under departments",
			"email":  "myKaarma documents that its list shows email: ask it why it does not",
		},
		Notes:         note,
		SimulatedAuth: map[string]string{"username": "simulated", "password": "simulated"},
		Open:          open,
	}
}

func remedyUnlisted(name string) string {
	return "myKaarma does not document that its list shows " + name + ". Where the roster states it, take it out. For other updates set update: merge, once myKaarma says that an update keeps what it does not send"
}

// attributes are the fields of [SEED], [UPD] and [LIST]. No text says how a field is
// cleared.
func attributes() []providers.Attribute {
	managed := func(name, person, source string) providers.Attribute {
		return providers.Attribute{
			Name: name, Shape: sources.Scalar, Mode: providers.Managed, Clear: providers.ClearUnsupported, Person: person, Source: source,
		}
	}
	once := func(name, source string) providers.Attribute {
		a := managed(name, "", source)
		a.Mode = providers.CreateOnly
		return a
	}
	grant := func(a providers.Attribute) providers.Attribute {
		a.Grant = true
		return a
	}
	number := func(name, kind, source string) providers.Attribute {
		a := managed(name, "phones", source)
		a.Normal, a.FromPerson = normalNumber, func(data any) any { return first(data, kind) }
		return a
	}
	nickName := managed("nickName", "nickname", "[SEED], [LIST]; not in [UPD]")
	nickName.Mode = providers.Immutable
	name := managed(username, "", "[SEED], [UPD], [LIST] userName; that it is the address by default, and that case does not matter, is assumed")
	name.Normal = folded
	password := once("password", "[SEED]")
	password.Sensitive = true
	// What suspends is a call of its own, to each dealer associate.
	valid := grant(managed(isValid, "", "[LIST], [DA]"))
	valid.OwnCall = true
	return []providers.Attribute{
		once(dealerUUID, "[SEED]; the provider's by default"),
		grant(once(departmentUUID, "[SEED]")),
		grant(once(roleUUID, "[SEED]; a change is by name ([ROLE]): manual without roleNames and departments")),
		managed("firstName", "givenName", "[SEED], [UPD], [LIST]"),
		managed("lastName", "familyName", "[SEED], [UPD], [LIST]"),
		nickName,
		name,
		number("phone", "work", "[SEED], [UPD], [LIST]; that the work number belongs here is assumed"),
		number(textNumber, "mobile", "[SEED], [UPD], [LIST]; that the mobile number belongs here is assumed"),
		managed(bio, "", "[SEED], [UPD]; not in [LIST]"),
		managed(imageURL, "", "[SEED], [UPD]; not in [LIST]"),
		once("dmsID", "[SEED]"), once("ssoFeatureEnabled", "[SEED]"), once("mfaFeatureEnabled", "[SEED]"),
		once(userInvite, "[SEED]"), once(sendEmail, "[SEED]"), once(sendText, "[SEED]"), once(inviteTemplate, "[SEED]"),
		password,
		valid,
	}
}

// adapt fits the attributes to a provider: which of them every update has to send, and
// which can be seen and changed at all.
func adapt(kind *providers.Kind, config sources.ProviderConfig) {
	replaces := config.Settings[updateSetting] != merge
	for i := range kind.Attributes {
		a := &kind.Attributes[i]
		switch a.Name {
		case roleUUID:
			a.Mode, a.OwnCall, a.Normal = providers.CreateOnly, false, nil
			if names := roleNames(config); len(names) > 0 {
				a.Mode, a.OwnCall, a.Normal = providers.Managed, true, func(data any) any { return nameOf(names, data) }
			}
		case bio, imageURL:
			// Where no update can set them, and no list is known to show them, there is
			// nothing to compare.
			a.Mode = providers.CreateOnly
			if config.Assumes("update") {
				a.Mode = providers.Managed
			}
		}
		a.Whole = replaces && updatable(a.Name)
	}
	looks := 1 // a list, and the dealer associates for roles
	if len(roleNames(config)) > 0 {
		looks = 2
	}
	kind.Requests = func(action string, attributes []string) int {
		if action == "create" {
			return 1 + looks
		}
		return looks + calls(replaces, attributes)
	}
}

// calls is how many requests the steps of an update take, for somebody with one dealer
// associate.
func calls(replaces bool, attributes []string) int {
	n := 0
	if slices.ContainsFunc(attributes, updatable) {
		n++
		if replaces {
			n++ // a look at what has to be sent along
		}
	}
	associates := 0
	for _, name := range []string{roleUUID, isValid} {
		if slices.Contains(attributes, name) {
			associates++
		}
	}
	if associates > 0 {
		n += associates + 1
	}
	return n
}

// roleNames are the names of roles by their UUID, if roles are managed.
func roleNames(config sources.ProviderConfig) map[string]string {
	if len(config.Lists[departmentsSetting]) == 0 {
		return nil
	}
	return config.Tables[rolesSetting]
}

// nameOf is the name of a role, whether it stands by its UUID or by its name: two roles
// of one name are the same, since it is by name that they are changed ([ROLE]).
func nameOf(names map[string]string, data any) any {
	if name, known := names[text(data)]; known {
		return name
	}
	return data
}

func capabilities() []providers.Capability {
	return []providers.Capability{
		{Operation: "find", Evidence: providers.Assumed, How: "in a list of all users of the dealer, whose path is assumed", Source: "[LIST] the answer; the path is inferred"},
		{Operation: "create", Evidence: providers.Documented, How: "no invitation unless userInvite and sendEmail or sendText say so", Source: "[SEED]"},
		{Operation: "update", Evidence: providers.Assumed, How: "a PUT of the eight fields of a profile", Source: "[UPD] the body; method and path are assumed"},
		{Operation: "suspend", Evidence: providers.Assumed, How: "his dealer associates are made invalid", Source: "[DA] the body; method, path and what it does are assumed"},
		{Operation: "restore", Evidence: providers.Assumed, How: "his dealer associates are made valid", Source: "[DA] the body; method, path and what it does are assumed"},
		{Operation: "delete", Evidence: providers.None, How: "no way is documented"},
		{Operation: "invite", Evidence: providers.Documented, How: "at the create; again by hand", Source: "[SEED], [HELP]"},
		{Operation: "self", Evidence: providers.None, How: "the account of a service subscriber is no user of a dealer"},
		{Operation: "administrators", Evidence: providers.None, How: "no text says which role is one's"},
	}
}

func note(action string) string {
	switch action {
	case "suspend":
		return "his dealer associates in the configured departments are made invalid; nobody takes over his message threads, which myKaarma's own Deactivate asks for"
	case "restore":
		return "all his dealer associates in the configured departments are made valid, those too that were not before he was suspended; no invitation is sent"
	default:
		return ""
	}
}

// mails: an invitation goes out by mail or by text or by both ([SEED]); that either
// flag alone sends nothing is assumed.
func mails(values map[string]any) bool {
	return values[userInvite] == true && (values[sendEmail] == true || values[sendText] == true)
}

// missing: which fields a create needs is assumed, since the schema marks none.
func missing(values sources.Values) string {
	var lacks []string
	for _, name := range []string{departmentUUID, roleUUID} {
		if v, _ := values.Get(name); text(v.Data) == "" {
			lacks = append(lacks, name)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	return "no " + strings.Join(lacks, " and no ") + ": state one, for rollcall takes it that myKaarma makes nobody without"
}

// conflicts are the rules that span fields, or the provider's settings.
func conflicts(config sources.ProviderConfig, values sources.Values) []sources.Issue {
	get := func(name string) any {
		v, _ := values.Get(name)
		return v.Data
	}
	var issues []sources.Issue
	say := func(warning bool, attribute, message string) {
		issues = append(issues, sources.Issue{Attribute: attribute, Message: message, Warning: warning})
	}
	if own, stated := config.Settings[dealerUUID], text(get(dealerUUID)); own != "" && stated != "" && own != stated {
		say(false, dealerUUID, fmt.Sprintf("the provider's dealerUUID is %s, and users of another dealer are never looked at: configure a provider for it, or take dealerUUID out", own))
	}
	if names := roleNames(config); len(names) > 0 {
		if role := text(get(roleUUID)); role != "" && names[role] == "" {
			say(false, roleUUID, fmt.Sprintf("roleUUID %s has no name under roleNames, so that it can not be compared: add it there", role))
		}
		if department := text(get(departmentUUID)); department != "" && !slices.Contains(config.Lists[departmentsSetting], department) {
			say(false, departmentUUID, fmt.Sprintf("departmentUUID %s is not among the provider's departments, so that his role is not seen: add it there", department))
		}
	}
	switch {
	case get(userInvite) != true:
		for _, name := range []string{sendEmail, sendText, inviteTemplate} {
			if value := get(name); value == true || text(value) != "" {
				say(true, name, name+" says nothing without userInvite: true, and nobody is invited (assumed)")
			}
		}
	case get(sendEmail) != true && get(sendText) != true:
		say(true, userInvite, "userInvite: true sends nothing by itself (assumed): state sendEmail or sendText too")
	}
	return issues
}

// unfit: an invitation by text needs a number ([HELP]); that it is textNumber is
// inferred.
func unfit(_ sources.ProviderConfig, person, access sources.Values) []sources.Issue {
	get := func(values sources.Values, name string) any {
		v, _ := values.Get(name)
		return v.Data
	}
	number := get(access, textNumber)
	if _, stated := access.Get(textNumber); !stated {
		number = first(get(person, "phones"), "mobile")
	}
	if get(access, userInvite) != true || get(access, sendText) != true || !providers.Empty(number) {
		return nil
	}
	return []sources.Issue{{Attribute: "phones", Warning: true, Message: "sendText: true needs a number to text to: state textNumber, or a mobile phone"}}
}

// privilege reports whether the change of a grant may give something: what a role may
// do is not documented, so another one always does.
func privilege(attribute string, before, after any) bool {
	if attribute == isValid {
		return after != false && before != true
	}
	return !providers.Attribute{}.Equal(before, after)
}

// hasAccess: whoever is not valid has none; whoever is has what his roles give, which
// is not always shown.
func hasAccess(grants map[string]any) bool { return grants[isValid] != false }

// text is a value that is text, or "".
func text(data any) string {
	value, _ := data.(string)
	return value
}

// first is the first of a person's phones that is of the kind, or nil.
func first(data any, kind string) any {
	list, _ := data.([]any)
	for _, item := range list {
		phone, _ := item.(map[string]any)
		if number := text(phone["number"]); number != "" && phone["type"] == kind {
			return number
		}
	}
	return nil
}

// normalNumber: the form of numbers is not documented (assumed free).
func normalNumber(data any) any {
	if number := text(data); number != "" {
		return providers.NormalPhone(number)
	}
	return data
}

// folded is a name to sign in with as it compares (assumed).
func folded(data any) any {
	if name := text(data); name != "" {
		return sources.FoldText(name)
	}
	return data
}

// uuidOf is the first UUID that has the name of a role, or the name where none has, so
// that it differs from every role that a roster can state.
func uuidOf(names map[string]string, name string) string {
	for _, id := range slices.Sorted(maps.Keys(names)) {
		if names[id] == name {
			return id
		}
	}
	return name
}
