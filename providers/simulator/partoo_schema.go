package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words of the documented enums (DOC S001, P-UPD, P-GET).
const (
	partooProvider        = "PROVIDER" // read only
	partooOrgAdmin        = "ORG_ADMIN"
	partooGroupManager    = "GROUP_MANAGER"
	partooBusinessManager = "BUSINESS_MANAGER"
	partooActive          = "active"
	partooInvited         = "invited"
)

var (
	partooRoles     = []string{partooOrgAdmin, "ORG_MANAGER", partooGroupManager, partooBusinessManager, "PUBLISHER"}
	partooReadRoles = append(slices.Clone(partooRoles), partooProvider)
	partooStatuses  = []string{partooActive, partooInvited}
	partooLanguages = []string{"fr", "en", "es", "it", "pt-br", "de", "ar", "nl", "pl", "cs", "ca", "sk", "pt", "lv", "ro", "bg", "hu"}
	partooSidebar   = []string{
		"bulk_modification", "diffusion", "feedback_management", "messages", "posts",
		"presence_analytics", "review_analytics", "review_invite", "review_management",
	}
)

// partooType is the type of a field, in JSON and in a state.
type partooType int

const (
	partooText partooType = iota
	partooFlag
	partooNumber // an integer
	partooTexts
	partooNumberSets // a list of lists of integers
)

// partooField is one field of a user, as the table of fields has it.
type partooField struct {
	name           string
	kind           partooType
	create, update bool
	// rule says what is wrong with a value of the right type, "" if nothing is.
	rule func(v any) string
}

// partooFields are the fields that a user can be given. phone, disabled, keywords
// and receive_reviews_email_notifications stand in the update schema only, and
// send_invitation in that of create (DOC S001, P-UPD). No least length is
// documented for names, so that "" is let through.
var partooFields = []partooField{
	{name: "email", create: true, update: true, rule: partooEmailRule},
	{name: "first_name", create: true, update: true},
	{name: "last_name", create: true, update: true},
	{name: "org_id", kind: partooNumber, create: true, update: true},
	{name: "role", create: true, update: true, rule: partooEnum(partooRoles)},
	{name: "custom_role", create: true, update: true, rule: partooCustomRoleRule},
	{name: "accesses", kind: partooNumberSets, create: true, update: true},
	{name: "business_ids", kind: partooTexts, create: true, update: true},
	{name: "sidebar_pages", kind: partooTexts, create: true, update: true, rule: partooEnum(partooSidebar)},
	{name: "status", create: true, update: true, rule: partooEnum(partooStatuses)},
	{name: "send_invitation", kind: partooFlag, create: true},
	{name: "password", create: true, update: true, rule: partooPasswordRule},
	{name: "lang", create: true, update: true, rule: partooEnum(partooLanguages)},
	{name: "sso_only", kind: partooFlag, create: true, update: true},
	{name: "phone", update: true},
	{name: "disabled", kind: partooFlag, update: true},
	{name: "keywords", kind: partooTexts, update: true, rule: partooKeywordsRule},
	{name: "receive_reviews_email_notifications", kind: partooFlag, update: true},
}

// partooEnum allows some words, as a text or in a list.
func partooEnum(words []string) func(any) string {
	return func(v any) string {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, item := range list {
			if s, _ := item.(string); !slices.Contains(words, s) {
				return "must be one of " + strings.Join(words, ", ")
			}
		}
		return ""
	}
}

func partooEmailRule(v any) string {
	if !isEmail(v.(string)) {
		return "must be an email address"
	}
	return ""
}

// partooCustomRoleRule is the documented form of an api_id (DOC P-CR). Whether the
// organisation has such a role is not checked: none are simulated.
func partooCustomRoleRule(v any) string {
	s := v.(string)
	if n := utf8.RuneCountInString(s); n < 1 || n > 100 || strings.ContainsAny(s, `,;/\|<>`) {
		return `must have 1 to 100 characters and none of , ; / \ | < >`
	}
	return ""
}

// partooPasswordRule is the documented rule (DOC S001). What counts as special is
// not said; assumed is whatever is neither letter nor digit.
func partooPasswordRule(v any) string {
	s := v.(string)
	special := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	if utf8.RuneCountInString(s) < 8 || !strings.ContainsFunc(s, unicode.IsUpper) ||
		!strings.ContainsFunc(s, unicode.IsLower) || !strings.ContainsFunc(s, special) {
		return "must have 8 characters, an upper case letter, a lower case letter and a special character"
	}
	return ""
}

func partooKeywordsRule(v any) string {
	if len(v.([]any)) > 12 {
		return "must have 12 items at most"
	}
	return ""
}

// fields reads the body of a create or an update: the fields that it has, as they
// are kept.
func (p *partoo) fields(k *checker, body []byte, update bool) map[string]any {
	given := map[string]any{}
	decoded, ok := k.decode(body)
	if !ok {
		return given
	}
	var known []string
	for _, f := range partooFields {
		if update && f.update || !update && f.create {
			known = append(known, f.name)
		}
	}
	m, _ := k.object("", decoded, known...)
	for _, f := range partooFields {
		v, ok := m[f.name]
		if !ok || !slices.Contains(known, f.name) {
			continue
		}
		if v == nil && f.name == "sidebar_pages" && !update {
			continue // as if it were absent (DOC S001), for create alone
		}
		value, ok := f.sent(k, "/"+f.name, v)
		switch ignored := f.name == "password" && m["send_invitation"] == true; { // (DOC S001)
		case !ok || ignored:
			continue
		case f.rule != nil:
			if wrong := f.rule(value); wrong != "" {
				k.wrong("/"+f.name, "%s", wrong)
				continue
			}
		}
		given[f.name] = value
	}
	return given
}

// sent checks the type of a value and returns it as it is kept.
func (f partooField) sent(k *checker, pointer string, v any) (any, bool) {
	switch f.kind {
	case partooFlag:
		b, ok := v.(bool)
		if !ok {
			k.wrong(pointer, "must be a boolean")
		}
		return b, ok
	case partooNumber:
		return k.integer(pointer, v)
	case partooTexts:
		return k.list(pointer, v, func(at string, item any) (any, bool) { return k.text(at, item) })
	case partooNumberSets:
		return k.list(pointer, v, func(at string, item any) (any, bool) { return k.list(at, item, k.integer) })
	default:
		return k.text(pointer, v)
	}
}

// integer wants a whole number.
func (k *checker) integer(pointer string, v any) (any, bool) {
	number, ok := v.(json.Number)
	n, err := number.Int64()
	if !ok || err != nil {
		k.wrong(pointer, "must be an integer")
		return nil, false
	}
	return n, true
}

// list wants an array, each item of which is checked.
func (k *checker) list(pointer string, v any, item func(pointer string, v any) (any, bool)) (any, bool) {
	items, ok := v.([]any)
	if !ok {
		k.wrong(pointer, "must be an array")
		return nil, false
	}
	all := make([]any, len(items))
	good := true
	for i, v := range items {
		if all[i], ok = item(fmt.Sprintf("%s/%d", pointer, i), v); !ok {
			good = false
		}
	}
	return all, good
}
