package partoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/providers"
)

// A record is a user as the vendor answers it ([GET]). Unknown members are
// ignored; those that are missing are not shown.
type record map[string]json.RawMessage

// page is the answer to a search ([SEARCH], its envelope [OLD] and, for other
// lists, [ROLES]).
type page struct {
	MaxPage *int            `json:"max_page"`
	Count   *int            `json:"count"`
	Users   *[]record       `json:"users"`
	Error   json.RawMessage `json:"error"`
	Errors  json.RawMessage `json:"errors"`
}

// done is the answer to a write ([SEED], [UPD], [DEL], [INV]).
type done struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

var errForm = errors.New("the answer does not have the documented form")

// malformed is errForm with the place.
func malformed(place string) error { return fmt.Errorf("%w at %s", errForm, place) }

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// contradicts says what in an answer that was decoded makes it prove nothing:
// users that are missing, or there under another spelling only, and errors beside
// them.
func (p *page) contradicts(body []byte) error {
	var members map[string]json.RawMessage
	switch {
	case !absent(p.Errors), !absent(p.Error):
		return malformed("errors")
	case p.Users == nil, json.Unmarshal(body, &members) != nil, absent(members["users"]):
		return malformed("users")
	case p.Count != nil && *p.Count < 0:
		return malformed("count")
	default:
		return nil
	}
}

// read takes a member of the wanted type. shown is false when it is missing; null
// is the zero value, shown.
func read[T any](r record, name string) (value T, shown bool, err error) {
	raw, present := r[name]
	if !present {
		return value, false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return value, false, malformed("users." + name)
	}
	return value, true, nil
}

// reading collects what a record shows, up to the first error.
type reading struct {
	record record
	shown  map[string]providers.Live
	err    error
}

// show reads a member as an attribute; as tells that it has the documented form.
func show[T any](r *reading, name string, as func(T) (data any, documented bool)) {
	if r.err != nil {
		return
	}
	value, shown, err := read[T](r.record, name)
	if err != nil || !shown {
		r.err = err
		return
	}
	if absent(r.record[name]) {
		r.shown[name] = providers.Show(nil)
		return
	}
	data, documented := as(value)
	if !documented {
		r.err = malformed("users." + name)
		return
	}
	r.shown[name] = providers.Show(data)
}

// asIs is a value that has the form of rosters.
func asIs[T any](value T) (any, bool) { return value, true }

// whole is a list in which nothing is null.
func whole[T any](items []*T) (any, bool) {
	list := make([]any, len(items))
	for i, item := range items {
		if item == nil {
			return nil, false
		}
		list[i] = *item
	}
	return list, true
}

// groups are the accesses, each the ids of its groups.
func groups(accesses []*[]*int64) (any, bool) {
	list := make([]any, len(accesses))
	for i, access := range accesses {
		if access == nil {
			return nil, false
		}
		ids, documented := whole(*access)
		if !documented {
			return nil, false
		}
		list[i] = ids
	}
	return list, true
}

// user reads a record. Where an organisation is configured, a user of another one
// is an error. A user beside an error has an id and an address that could be read. null for sidebar pages means all of them ([SEED], said of the create;
// assumed of answers); an empty list is none.
func (r record) user(organization string) (*providers.User, error) {
	if errors := r["errors"]; !absent(errors) || !absent(r["error"]) {
		return nil, malformed("errors")
	}
	id, _, err := read[string](r, "id")
	if err != nil || id == "" {
		return nil, malformed("users.id")
	}
	email, _, err := read[string](r, "email")
	if err != nil {
		return nil, err
	}
	in := reading{record: r, shown: make(map[string]providers.Live)}
	for _, name := range []string{"first_name", "last_name", roleName, customRole, "lang", "phone"} {
		show(&in, name, asIs[string])
	}
	show(&in, "sso_only", asIs[bool])
	show(&in, disabled, asIs[bool])
	show(&in, "org_id", asIs[int64])
	for _, name := range []string{businessIDs, "keywords", sidebarPages} {
		show(&in, name, whole[string])
	}
	show(&in, accesses, groups)
	user := &providers.User{ID: id, Email: strings.TrimSpace(email), Attributes: in.shown}
	if in.err != nil {
		return user, in.err
	}
	if org, shown := in.shown["org_id"].Data.(int64); shown && organization != "" && fmt.Sprint(org) != organization {
		return user, errOrganization
	}
	if pages, is := r[sidebarPages]; is && absent(pages) {
		in.shown[sidebarPages] = providers.Show(anyList(sidebarFeatures))
	}
	// Little hangs on it, so that another form than the documented one is as if it were not
	// shown.
	user.State, _, _ = read[string](r, statusName)
	settle(in.shown)
	return user, nil
}

var errOrganization = providers.WithRemedy(errors.New("the user belongs to another organization than the configured one"), "check the setting organization, and the userID line if there is one")

// scopes are the lists that one role each reads ([SEED]).
var scopes = map[string]string{accesses: groupManager, businessIDs: businessManager}

// settle brings what is shown into what it means. The lists that give a role its
// scope count for that role only, and business_ids is shown for no other ([SEED],
// [GET]): for the others they are empty, so that whoever is given that role is
// given its scope with it.
func settle(shown map[string]providers.Live) {
	role := text(shown[roleName].Data)
	for name, only := range scopes {
		switch role {
		case only:
		case "":
			delete(shown, name) // whether it counts is not known
		default:
			shown[name] = providers.Show(nil)
		}
	}
}

// sidebarFeatures are those of [SEED].
var sidebarFeatures = []string{
	"bulk_modification", "diffusion", "feedback_management", "messages", "posts",
	"presence_analytics", "review_analytics", "review_invite", "review_management",
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, item := range texts {
		list[i] = item
	}
	return list
}

// body is what a create or an update sends: the values under their names. A list
// that is emptied because the role no longer reads it is not sent beside that role:
// it may be refused there ([SEED]), and it does not count any more.
func body(values map[string]any) map[string]any {
	fields := maps.Clone(values)
	if fields == nil {
		fields = make(map[string]any)
	}
	delete(fields, welcomeEmail) // a call of its own, not a field
	role := text(fields[roleName])
	for name, only := range scopes {
		if value, sent := fields[name]; sent && role != "" && role != only && providers.Empty(value) {
			delete(fields, name)
		}
	}
	return fields
}

// word tells whether a text is one plain word.
func word(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// errorCode reads what kind of error an answer has and which fields it is about.
// The descriptions have it under errors ([SEED], [OLD]), the guide under error
// ([ERR]); what stands under json is an object or a text.
func errorCode(body []byte) (code, place string) {
	var answer struct {
		Error  map[string]json.RawMessage `json:"error"`
		Errors map[string]json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", ""
	}
	found := answer.Errors
	if len(found) == 0 {
		found = answer.Error
	}
	for _, code := range slices.Sorted(maps.Keys(found)) {
		if !word(code) {
			continue
		}
		var fields map[string]json.RawMessage
		if json.Unmarshal(found[code], &fields) != nil {
			return code, ""
		}
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(fields)), func(name string) bool { return !word(name) })
		return code, strings.Join(names[:min(len(names), maxFields)], ".")
	}
	return "", ""
}

// maxFields is how many fields of one error are named.
const maxFields = 5
