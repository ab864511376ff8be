package simulator

import (
	"slices"
	"strings"
)

// mykaarmaPart is what a field belongs to.
type mykaarmaPart int

const (
	ofUser      mykaarmaPart = iota // the login
	ofAssociate                     // what he is in a department
	ofRequest                       // said once and not kept
)

// mykaarmaField is one field of a create, as the schema has it.
type mykaarmaField struct {
	name     string
	part     mykaarmaPart
	flag     bool // a boolean; else text
	required bool // by a create
	update   bool // can be updated
	rule     func(string) string
}

// mykaarmaFields are the twenty fields of a create (DOC S002) and which of them an
// update has (K-REF). The schema marks none as required and states no formats; that
// some are required, and that an address must look like one, is assumed.
var mykaarmaFields = []mykaarmaField{
	{name: "dealerUUID", required: true},
	{name: "firstName", required: true, update: true},
	{name: "lastName", required: true, update: true},
	{name: "emailAddress", required: true, update: true, rule: mykaarmaEmailRule},
	{name: "username", update: true},
	{name: "password", part: ofRequest},
	{name: "dmsID", part: ofAssociate},
	{name: "phone", update: true},
	{name: "textNumber", update: true},
	{name: "roleUUID", part: ofAssociate, required: true},
	{name: "departmentUUID", part: ofAssociate, required: true},
	{name: "userInvite", part: ofRequest, flag: true},
	{name: "sendEmail", part: ofRequest, flag: true},
	{name: "sendText", part: ofRequest, flag: true},
	{name: "userInviteEmailTemplate", part: ofRequest, rule: mykaarmaTemplateRule},
	{name: "imageUrl", update: true},
	{name: "ssoFeatureEnabled", part: ofAssociate, flag: true},
	{name: "bio", update: true},
	{name: "mfaFeatureEnabled", part: ofAssociate, flag: true},
	{name: "nickName"},
}

func mykaarmaEmailRule(s string) string {
	if !isEmail(s) {
		return "must be an email address"
	}
	return ""
}

func mykaarmaTemplateRule(s string) string {
	if words := []string{"SIMPLE", "SSO"}; !slices.Contains(words, s) { // (DOC S002)
		return "must be one of " + strings.Join(words, ", ")
	}
	return ""
}

// mykaarmaNames are the fields of those parts.
func mykaarmaNames(parts ...mykaarmaPart) (names []string) {
	for _, f := range mykaarmaFields {
		if slices.Contains(parts, f.part) {
			names = append(names, f.name)
		}
	}
	return names
}

// fields reads the body of a create or an update.
func (m *mykaarma) fields(k *checker, c *call, update bool) map[string]any {
	var known []string
	for _, f := range mykaarmaFields {
		if f.update || !update {
			known = append(known, f.name)
		}
	}
	given := map[string]any{}
	sent, ok := k.body(c, known...)
	if !ok {
		return given
	}
	for _, f := range mykaarmaFields {
		v, ok := sent[f.name]
		switch {
		case !slices.Contains(known, f.name):
		case !ok && f.required && !update:
			k.wrong("/"+f.name, "must be given")
		case v == "" && f.required && !update:
			k.wrong("/"+f.name, "must not be empty")
		case ok:
			if value, ok := f.sent(k, "/"+f.name, v); ok {
				given[f.name] = value
			}
		}
	}
	return given
}

// sent checks a value and returns it as it is kept.
func (f mykaarmaField) sent(k *checker, pointer string, v any) (any, bool) {
	if f.flag {
		b, ok := v.(bool)
		if !ok {
			k.wrong(pointer, "must be a boolean")
		}
		return b, ok
	}
	s, ok := k.text(pointer, v)
	if !ok || f.rule == nil {
		return s, ok
	}
	wrong := f.rule(s)
	if wrong != "" {
		k.wrong(pointer, "%s", wrong)
	}
	return s, wrong == ""
}

// read reads a value of a seed or a state as it is kept.
func (f mykaarmaField) read(n node) (any, error) {
	switch {
	case f.flag:
		return n.boolean()
	case f.name == "dealerUUID" || f.name == "emailAddress" || f.name == "departmentUUID":
		return n.filled()
	default:
		return n.text()
	}
}

// mykaarmaShape is the members of an object by type, as the vendor documents it.
type mykaarmaShape struct {
	texts, flags, numbers []string
	objects               map[string]mykaarmaShape
}

// mykaarmaListed is a user of the list, mykaarmaAssociated a dealer associate
// (K-REF).
var (
	mykaarmaListed = mykaarmaShape{
		texts: []string{
			"firstName", "lastName", "userName", "email", "phone", "textNumber", "nickName", "uuid", "passwordExpires",
			"latestInviteStatus", "latestInviteDate", "latestInviteUUID", "lastLoginTimestamp", "userRolloutStage",
		},
		flags: []string{"forcePasswordChange", "isValid"},
	}
	mykaarmaAssociated = mykaarmaShape{
		texts: []string{
			"uuid", "userUuid", "firstName", "lastName", "userName", "cellPhone", "textNumber", "emailAddress", "nickname",
			"associateDmsID", "imageUrl", "bio", "userInviteStatus", "defaultThreadOwnerUserUUID", "outOfOfficeStartDate",
		},
		flags: []string{
			"isTextNumberVerified", "isValid", "outOfOffice", "ssoFeatureEnabled", "isDealerMappedToSsoPartner", "isSsoPartnerMapped",
		},
		numbers: []string{"id"},
		objects: map[string]mykaarmaShape{
			"department": {
				texts: []string{
					"name", "uuid", "calendarUuid", "brokerNumber", "communicationGroup", "departmentType", "phoneNumber",
					"textNumber", "emailAddress", "contactFName", "contactLName",
				},
				numbers: []string{"id"},
				objects: map[string]mykaarmaShape{"dealer": {texts: []string{"name", "uuid"}, flags: []string{"isValid"}, numbers: []string{"id"}}},
			},
			"role": {texts: []string{"roleName", "roleAcronym"}},
		},
	}
)

// unset is an object of which nothing is known. That texts are null then is
// assumed.
func (s mykaarmaShape) unset() map[string]any {
	object := map[string]any{}
	for _, name := range s.texts {
		object[name] = nil
	}
	for _, name := range s.flags {
		object[name] = false
	}
	for _, name := range s.numbers {
		object[name] = int64(0)
	}
	for name, inner := range s.objects {
		object[name] = inner.unset()
	}
	return object
}

// check wants an object of this shape, of which any member may be missing, or be
// null as in an answer (assumed: an associate that was read can be sent back).
func (s mykaarmaShape) check(k *checker, pointer string, v any) map[string]any {
	known := slices.Concat(s.texts, s.flags, s.numbers)
	for name := range s.objects {
		known = append(known, name)
	}
	object, _ := k.object(pointer, v, known...)
	for _, name := range slices.Sorted(slices.Values(known)) {
		value, at := object[name], pointer+"/"+name
		if value == nil {
			continue
		}
		switch inner, is := s.objects[name]; {
		case is:
			inner.check(k, at, value)
		case slices.Contains(s.flags, name):
			mykaarmaField{flag: true}.sent(k, at, value)
		case slices.Contains(s.numbers, name):
			k.integer(at, value)
		default:
			k.text(at, value)
		}
	}
	return object
}
