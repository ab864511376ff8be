package intelagree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// A record is a user as answers are assumed to show him: under the names of the
// create's fields ([SEED]). Unknown members are ignored; those that are missing are
// not shown.
type record map[string]json.RawMessage

var errForm = errors.New("the answer does not have the assumed form")

// malformed is errForm with the place.
func malformed(place string) error { return fmt.Errorf("%w at %s", errForm, place) }

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// lists are the members that may hold the users of an answer.
var lists = []string{"users", "data", "items", "results", "value"}

// found are the users of an answer to a search: a list, or an object in which one
// known member is a list, and in which nothing says that there is more.
func found(response *rest.Response) ([]record, error) {
	var records []record
	body := bytes.TrimLeft(response.Body, "\xef\xbb\xbf \t\r\n")
	if bytes.HasPrefix(body, []byte("[")) {
		if err := response.Decode(&records); err != nil {
			return nil, err
		}
		return records, nil
	}
	var members map[string]json.RawMessage
	if err := response.Decode(&members); err != nil {
		return nil, err
	}
	place := ""
	for _, name := range lists {
		if _, has := members[name]; !has {
			continue
		}
		if place != "" {
			return nil, response.Unusable(malformed(name))
		}
		place = name
	}
	if place == "" || json.Unmarshal(members[place], &records) != nil || absent(members[place]) {
		return nil, response.Unusable(malformed("users"))
	}
	if name := furtherMembers(members, place, len(records)); name != "" {
		return nil, response.Unusable(fmt.Errorf("%w: beside the users it tells of more, or of an error", errForm))
	}
	return records, nil
}

// furtherMembers names a member that speaks of further users or of an error, or "".
// Where the users are counted and all of them came, what speaks of pages is no matter.
func furtherMembers(members map[string]json.RawMessage, place string, n int) string {
	all := false
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if speaks(name, "count", "total") && string(members[name]) != "null" {
			if string(members[name]) != strconv.Itoa(n) {
				return name
			}
			all = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		further := speaks(name, "next", "more", "cursor", "continuation", "error", "exception", "fault") ||
			!all && speaks(name, "page", "offset", "skip", "last")
		if name != place && further && !slices.Contains(nothings, string(members[name])) {
			return name
		}
	}
	return ""
}

// nothings are the values of members that say nothing.
var nothings = []string{"null", "false", `""`, "[]", "{}"}

func speaks(name string, words ...string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) })
}

// user reads a record; his id is the value of his business key of that type, "" where
// he has none.
func (r record) user(keyType string) (*providers.User, error) {
	if !absent(r["error"]) || !absent(r["errors"]) {
		return nil, malformed("errors")
	}
	email, shown, err := read[string](r, "email")
	if err != nil || !shown || strings.TrimSpace(email) == "" {
		return nil, malformed("email")
	}
	user := &providers.User{Email: strings.TrimSpace(email), Attributes: make(map[string]providers.Live)}
	for _, name := range []string{nameName, legalName, titleName} {
		if err := show[string](r, name, user.Attributes); err != nil {
			return nil, err
		}
	}
	if err := show[bool](r, everywhere, user.Attributes); err != nil {
		return nil, err
	}
	if err := show[int64](r, primaryEntity, user.Attributes); err != nil {
		return nil, err
	}
	for _, name := range []string{permissions, presets} {
		list, shown, err := r.list(name)
		if err != nil {
			return nil, err
		}
		if shown {
			user.Attributes[name] = providers.Show(list)
		}
	}
	keys, _, err := r.keys()
	if err != nil {
		return nil, err
	}
	user.ID = keyIn(keys, keyType)
	return user, nil
}

// keys are his business keys, as requests have them.
func (r record) keys() ([]any, bool, error) {
	list, shown, err := r.list(businessKeys)
	if err != nil {
		return nil, false, err
	}
	for i, item := range list {
		key, _ := item.(map[string]any)
		if text(key["name"]) == "" || text(key["value"]) == "" {
			return nil, false, malformed(businessKeys)
		}
		list[i] = businessKey(text(key["name"]), text(key["value"]))
		if entity := text(key["entity"]); entity != "" {
			list[i].(map[string]any)["entity"] = entity
		}
	}
	return list, shown, nil
}

// list reads a member that is a list of values.
func (r record) list(name string) ([]any, bool, error) {
	items, shown, err := read[[]json.RawMessage](r, name)
	if err != nil || !shown {
		return nil, false, err
	}
	list := make([]any, len(items))
	for i, item := range items {
		if list[i], err = plain(item); err != nil {
			return nil, false, malformed(name)
		}
	}
	return list, true, nil
}

// read takes a member of the wanted type. shown is false when it is missing; null is
// the zero value, shown.
func read[T any](r record, name string) (value T, shown bool, err error) {
	raw, present := r[name]
	if !present {
		return value, false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return value, false, malformed(name)
	}
	return value, true, nil
}

// show reads a member as an attribute.
func show[T any](r record, name string, attributes map[string]providers.Live) error {
	value, shown, err := read[T](r, name)
	switch {
	case err != nil || !shown:
		return err
	case absent(r[name]):
		attributes[name] = providers.Show(nil)
	default:
		attributes[name] = providers.Show(value)
	}
	return nil
}

// plain is a JSON value in the forms of sources.Value. null in a list has no form.
func plain(raw json.RawMessage) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if value == nil {
		return nil, errForm
	}
	return numbers(value)
}

// numbers makes whole numbers of those that are, and of the others fractions.
func numbers(value any) (any, error) {
	switch v := value.(type) {
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole, nil
		}
		return v.Float64()
	case []any:
		for i, item := range v {
			one, err := numbers(item)
			if err != nil {
				return nil, err
			}
			v[i] = one
		}
	case map[string]any:
		for name, item := range v {
			one, err := numbers(item)
			if err != nil {
				return nil, err
			}
			v[name] = one
		}
	}
	return value, nil
}

// whole is the body of an update: the user as he was just read, with the values of
// the patch. What he has not is not sent. It is an error where something that has to
// be sent is not shown, or where he would have permissions in two ways, which a
// request can not have (assumed).
func whole(user *providers.User, keys []any, patch providers.Patch) (map[string]any, error) {
	fields := map[string]any{"email": user.Email}
	if len(keys) > 0 {
		fields[businessKeys] = keys
	}
	for _, attribute := range attributes("") {
		if attribute.Mode != providers.Managed {
			continue
		}
		live := user.Attributes[attribute.Name]
		value, changed := patch.Values[attribute.Name]
		switch {
		case changed:
		case !live.Shown:
			return nil, providers.WithRemedy(fmt.Errorf("%s of the user is not shown, and an update has to send it", attribute.Name), "ask IntelAgree to let the account key read it")
		default:
			value = live.Data
		}
		if changed || !providers.Empty(value) {
			fields[attribute.Name] = value
		}
	}
	both := true
	for _, way := range []string{permissions, presets} {
		if providers.Empty(fields[way]) {
			delete(fields, way) // what is not sent is taken away (assumed)
			both = false
		}
	}
	if both {
		return nil, providers.WithRemedy(errors.New("he would have userPermissions and permissionPresets, and one request can have one of them (assumed)"), "state the one that he is to lose as null in the roster")
	}
	return fields, nil
}
