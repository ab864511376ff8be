package myreports

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rollcall/providers"
)

// A record is a user as the vendor answers it ([GET]; without roles [LIST]). Unknown
// members are ignored; those that are missing are not shown.
type record map[string]json.RawMessage

// page is the answer to a list ([LIST]).
type page struct {
	Index  *int      `json:"page_index"`
	Size   *int      `json:"page_size"`
	Data   *[]record `json:"data"`
	Status *string   `json:"status"`
}

// one is the answer about one user ([GET], [SEED]).
type one struct {
	Data   record  `json:"data"`
	Status *string `json:"status"`
}

// success is the status of an answer that is no error ([GET]).
const success = "success"

var errForm = errors.New("the answer does not have the documented form")

// malformed is errForm with the place.
func malformed(place string) error { return fmt.Errorf("%w at %s", errForm, place) }

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// contradicts says what in a page makes it prove nothing: users that are missing, or
// there under another spelling only, another status than that of a success, and a size
// that is less than what came. Some members may be missing ([REF]); of a page without
// users the status is wanted.
func (p *page) contradicts(body []byte) error {
	var members map[string]json.RawMessage
	switch {
	case p.Data == nil, json.Unmarshal(body, &members) != nil, absent(members["data"]):
		return malformed("data")
	case p.Status != nil && *p.Status != success, p.Status == nil && len(*p.Data) == 0:
		return malformed("status")
	case p.Size != nil && *p.Size < len(*p.Data):
		return malformed("page_size")
	default:
		return nil
	}
}

// user reads the user of an answer.
func (o *one) user() (*providers.User, error) {
	if o.Status != nil && *o.Status != success {
		return nil, malformed("status")
	}
	return o.Data.user()
}

// read takes a member of the wanted type. shown is false when it is missing; null
// is the zero value, shown.
func read[T any](r record, name string) (value T, shown bool, err error) {
	raw, present := r[name]
	if !present {
		return value, false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return value, false, malformed("data." + name)
	}
	return value, true, nil
}

// user reads a record. A user beside an error has an id and an address that could be
// read.
func (r record) user() (*providers.User, error) {
	id, _, err := read[string](r, "id")
	if err != nil || id == "" {
		return nil, malformed("data.id")
	}
	email, _, err := read[string](r, "email")
	if err != nil {
		return nil, err
	}
	user := &providers.User{ID: id, Email: strings.TrimSpace(email), Attributes: make(map[string]providers.Live)}
	for _, name := range []string{displayName, primaryTenant} {
		value, shown, err := read[string](r, name)
		if err != nil {
			return user, err
		}
		if shown {
			user.Attributes[name] = providers.Show(value)
		}
	}
	roles, shown, err := read[[]*string](r, rolesName)
	if err != nil {
		return user, err
	}
	if shown {
		list := make([]any, len(roles))
		for i, role := range roles {
			if role == nil {
				return user, malformed("data." + rolesName)
			}
			list[i] = *role
		}
		user.Attributes[rolesName] = providers.Show(list)
	}
	return user, nil
}

// draft is the body of a create ([SEED]): the values under their names, and the
// address.
func draft(d providers.Draft) map[string]any {
	fields := maps.Clone(d.Values)
	if fields == nil {
		fields = make(map[string]any)
	}
	fields["email"], fields[rolesName] = d.Email, withSignIn(fields[rolesName])
	return fields
}

// An operation is one of a JSON Patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patch is the body of an update: each value replaces the old one, roles as a whole
// ([PATCH]; that their path is /roles is inferred).
func patch(values map[string]any) []operation {
	operations := make([]operation, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if name == rolesName {
			value = withSignIn(value)
		}
		operations = append(operations, operation{Op: "replace", Path: "/" + name, Value: value})
	}
	return operations
}

// errorCode reads what kind of error an answer has: its errorCode or, where it has
// none, the status that stands in it ([SEED], [ACT]). Whatever stands in front of the
// vendor has errors of other forms.
func errorCode(body []byte) (code, place string) {
	var answer struct {
		Error  *int    `json:"error"`
		Code   *string `json:"errorCode"`
		Status string  `json:"status"`
	}
	switch {
	case json.Unmarshal(body, &answer) != nil, answer.Error == nil, answer.Status != "error":
		return "", ""
	case answer.Code != nil && *answer.Code != "":
		return *answer.Code, ""
	default:
		return strconv.Itoa(*answer.Error), ""
	}
}
