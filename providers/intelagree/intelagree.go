// Package intelagree makes the users of IntelAgree's API v2 a provider.
//
// Facts carry the tags of the vendor's texts that they come from, as the README of
// this folder lists them: [SEED] is the description of the create, [START] that of the
// token call and the headers. IntelAgree documents nothing else about users: how they
// are found, read and changed is assumed, and each path of it is a setting.
package intelagree

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/providers"
	"rollcall/sources"
)

// Names of the attributes that are treated in a way of their own.
const (
	nameName      = "name"
	legalName     = "legalName"
	titleName     = "title"
	businessKeys  = "businessKeys"
	permissions   = "userPermissions"
	presets       = "permissionPresets"
	clone         = "userPermissionsToClone"
	everywhere    = "hasAllOrganizations"
	primaryEntity = "primaryLegalEntityId"
)

// ways are the fields that say what a user may do. Which of them wins is not
// documented; that a request has one of them at most is assumed.
var ways = []string{permissions, presets, clone}

// Settings of rollcall.yaml.
const (
	keyTypeSetting = "businessKeyType"
	asUser         = "asUser"
	paths          = "paths"
)

// ownKeyType is the type of the business keys by which rollcall knows its users,
// unless the provider has another one.
const ownKeyType = "rollcall"

// userEntity is the entity of a user's business key, as the page of the original
// version shows it; that it is the same here is inferred.
const userEntity = "User"

// Kind describes IntelAgree.
func Kind() *providers.Kind {
	//nolint:gosec // the credentials below are those of the simulated vendor, which accepts any
	kind := &providers.Kind{
		Name:    "intelagree",
		Title:   "IntelAgree",
		BaseURL: "https://apim.intelagree.com/api", // [START]; for users inferred
		// No limit is documented.
		Rate:       sources.Rate{{Requests: 5, Per: time.Second}},
		Lookups:    []sources.Lookup{sources.LookupSearch},
		ByLedger:   true, // the search is assumed
		Unsendable: bothWays,
		OwnID: func(config sources.ProviderConfig, access *sources.Access) string {
			return keyOf(keyType(config), access.Person.Values, access.Values)
		},
		Capabilities: capabilities(),
		Conflicts:    conflicts,
		Unfit:        unfit,
		Referable:    referable,
		Adapt:        adapt,
		Privilege:    privilege,
		HasAccess:    hasAccess,
		Required:     []string{nameName, legalName}, // [SEED]
		Remedies: map[string]string{
			"email": "rollcall assumes that IntelAgree shows the address of a user as email: ask it how users are found, and set paths.findUser",
		},
		Notes:         note,
		SimulatedAuth: map[string]string{"subscriptionKey": "simulated", "accountKey": "simulated"},
		Open:          open,
	}
	adapt(kind, sources.ProviderConfig{})
	return kind
}

// adapt fits the kind to the type of business key that the provider's users carry.
func adapt(kind *providers.Kind, config sources.ProviderConfig) {
	own := keyType(config)
	kind.Attributes = attributes(own)
	kind.Immovable = func(user *providers.User) string {
		if user.ID != "" {
			return ""
		}
		return fmt.Sprintf("he has no business key of the type %s, by which rollcall would name him: give him one in IntelAgree, whose value is his id in the roster", own)
	}
}

// keyType is the type of the business keys by which users are known.
func keyType(config sources.ProviderConfig) string {
	if own := config.Settings[keyTypeSetting]; own != "" {
		return own
	}
	return ownKeyType
}

// attributes are the fields of [SEED]. No text says how a field is cleared; an update
// is assumed to replace the user, so that every update sends all of them, and what it
// leaves out or sends as an empty list is taken away.
func attributes(own string) []providers.Attribute {
	scalar := func(name, person string) providers.Attribute {
		return providers.Attribute{
			Name: name, Shape: sources.Scalar, Mode: providers.Managed, Clear: providers.ClearUnsupported, Whole: true, Person: person, Source: "[SEED]",
		}
	}
	set := func(name string) providers.Attribute {
		a := scalar(name, "")
		a.Shape, a.Clear = sources.Set, providers.ClearEmpty
		return a
	}
	grant := func(a providers.Attribute) providers.Attribute {
		a.Grant = true
		return a
	}
	name, legal := scalar(nameName, "displayName"), scalar(legalName, "legalName")
	name.Fallback = fullName
	legal.Fallback = func(person sources.Values) any {
		if shown, _ := person.Get("displayName"); text(shown.Data) != "" {
			return shown.Data
		}
		return fullName(person)
	}
	keys := set(businessKeys)
	keys.Mode, keys.Whole, keys.Person, keys.FromBlock = providers.CreateOnly, false, "id", withEntities
	keys.FromPerson = func(id any) any {
		if text(id) == "" {
			return nil
		}
		return []any{businessKey(own, text(id))}
	}
	source := scalar(clone, "")
	source.Shape, source.Mode, source.Whole = sources.Object, providers.CreateOnly, false
	source.FromBlock = withEntity
	source.FromReference = func(other sources.Reference) any {
		return businessKey(own, keyOf(own, other.Person.Values, other.Values))
	}
	source.Names = func(key any) string { return keyIn([]any{key}, own) }
	all := scalar(everywhere, "")
	all.Default = false
	return []providers.Attribute{
		name, legal, scalar(titleName, "title"), keys,
		grant(set(permissions)), grant(set(presets)), source, grant(all), scalar(primaryEntity, ""),
	}
}

func capabilities() []providers.Capability {
	return []providers.Capability{
		{Operation: "find", Evidence: providers.Assumed, How: "GET /users?email=, answered by a list; whatever is no such answer proves nothing", Source: "no text"},
		{Operation: "create", Evidence: providers.Documented, How: "its answer is not documented: the user is looked up afterwards where it does not show him", Source: "[SEED]"},
		{Operation: "update", Evidence: providers.Assumed, How: "PUT /users/{type}/{value} with all fields of a create", Source: "no text"},
		{Operation: "suspend", Evidence: providers.None, How: "no text has a way"},
		{Operation: "restore", Evidence: providers.None, How: "no text has a way"},
		{Operation: "delete", Evidence: providers.None, How: "no text has a way"},
		{Operation: "invite", Evidence: providers.None, How: "whether a create mails is not documented"},
		{Operation: "self", Evidence: providers.None, How: "no text tells whose the account key is"},
		{Operation: "administrators", Evidence: providers.None, How: "no text says what makes one"},
	}
}

func note(action string) string {
	switch action {
	case "create":
		return "whether IntelAgree mails the new user is not documented"
	case "update":
		return "the update is assumed to replace all fields that the create documents; what IntelAgree keeps besides may be lost"
	default:
		return ""
	}
}

// businessKey is one as requests have it.
func businessKey(kind, value string) map[string]any {
	return map[string]any{"entity": userEntity, "name": kind, "value": value}
}

// withEntity adds to a business key of an access block what it may leave out.
func withEntity(data any) any {
	key, is := data.(map[string]any)
	if !is {
		return data
	}
	full := map[string]any{"entity": userEntity}
	for name, value := range key {
		full[name] = value
	}
	return full
}

// withEntities is withEntity for a list.
func withEntities(data any) any {
	list, is := data.([]any)
	if !is {
		return data
	}
	full := make([]any, len(list))
	for i, key := range list {
		full[i] = withEntity(key)
	}
	return full
}

// keyIn is the value of the first business key of that type, or "".
func keyIn(keys any, kind string) string {
	list, _ := keys.([]any)
	for _, item := range list {
		key, _ := item.(map[string]any)
		if text(key["name"]) == kind && strings.EqualFold(text(key["entity"]), userEntity) {
			return text(key["value"])
		}
	}
	return ""
}

// fullName is given and family name.
func fullName(person sources.Values) any {
	given, _ := person.Get("givenName")
	family, _ := person.Get("familyName")
	return strings.TrimSpace(text(given.Data) + " " + text(family.Data))
}

// conflicts: one of the ways to say what a user may do, and no key twice.
func conflicts(_ sources.ProviderConfig, values sources.Values) []sources.Issue {
	var issues []sources.Issue
	var stated []string
	for _, way := range ways {
		if value, is := values.Get(way); is && !providers.Empty(value.Data) {
			stated = append(stated, way)
		}
	}
	if len(stated) > 1 {
		issues = append(issues, sources.Issue{Attribute: stated[1], Message: fmt.Sprintf(
			"%s together: which of them IntelAgree would take is not documented; state one", strings.Join(stated, " and "),
		)})
	}
	keys, _ := values.Get(businessKeys)
	list, _ := keys.Data.([]any)
	seen := make(map[string]bool)
	for _, item := range list {
		key, _ := withEntity(item).(map[string]any)
		at := fmt.Sprint(key["entity"], "/", key["name"])
		if seen[at] {
			issues = append(issues, sources.Issue{Attribute: businessKeys, Message: fmt.Sprintf("two business keys of the type %s: rollcall could not tell by which to know him; state one", text(key["name"]))})
		}
		seen[at] = true
	}
	return issues
}

// bothWays says of an update that would give somebody permissions in two ways that a
// request can not have them (assumed).
func bothWays(user *providers.User, changed map[string]any) string {
	for _, way := range []string{permissions, presets} {
		value, set := changed[way]
		if !set {
			value = user.Attributes[way].Data
		}
		if providers.Empty(value) {
			return ""
		}
	}
	return "he has, or would have, userPermissions and permissionPresets, and one request can have one of them (assumed): state the one that he is to lose as null in the roster, and rollcall does it"
}

// keyOf is the value of the business key of that type which somebody gets when he is
// created: that of his access block, or else his id; "" where he gets none.
func keyOf(own string, person, access sources.Values) string {
	if stated, is := access.Get(businessKeys); is {
		return keyIn(withEntities(stated.Data), own)
	}
	id, _ := person.Get("id")
	return text(id.Data)
}

// referable: whoever is cloned is named by his business key.
func referable(config sources.ProviderConfig, person *sources.Person, access sources.Values) string {
	own := keyType(config)
	if keyOf(own, person.Values, access) != "" {
		return ""
	}
	if _, is := access.Get(businessKeys); is {
		return fmt.Sprintf("who has businessKeys without one of the type %s, by which he would be named: add it", own)
	}
	return "who has no id, by which IntelAgree would know him: give him one"
}

// unfit warns of somebody who would have no business key that rollcall knows him by.
func unfit(config sources.ProviderConfig, person, access sources.Values) []sources.Issue {
	own := keyType(config)
	if keyOf(own, person, access) != "" {
		return nil
	}
	remedy := "give him an id"
	if _, is := access.Get(businessKeys); is {
		remedy = "add one to his businessKeys"
	}
	return []sources.Issue{{Attribute: "id", Warning: true, Message: fmt.Sprintf(
		"he gets no business key of the type %s, so rollcall finds him by his address alone and can change nothing at him once he is created: %s", own, remedy,
	)}}
}

// privilege reports whether a change may give something that was not there.
func privilege(attribute string, before, after any) bool {
	if attribute == everywhere {
		return after == true && before != true
	}
	had, _ := before.([]any)
	gets, _ := after.([]any)
	one := providers.Attribute{Shape: sources.Set}
	return slices.ContainsFunc(gets, func(item any) bool {
		return !slices.ContainsFunc(had, func(other any) bool { return one.Equal([]any{item}, []any{other}) })
	})
}

// hasAccess: whoever has neither permissions nor presets may see nothing, whatever the
// organisations are that these would hold for.
func hasAccess(grants map[string]any) bool {
	for _, name := range []string{permissions, presets} {
		if given, shown := grants[name]; !shown || !providers.Empty(given) {
			return true
		}
	}
	return false
}

// text is a value that is text, or "".
func text(data any) string {
	value, _ := data.(string)
	return value
}
