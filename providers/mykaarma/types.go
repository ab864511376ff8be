package mykaarma

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A field is one field of a user by the names that the calls have for it.
type field struct {
	name   string // in a create and an update, and of the attribute ([SEED], [UPD])
	listed string // in the list ([LIST])
	update bool   // an update has it ([UPD])
}

// emailAddress is the field with the address, which is no attribute.
const emailAddress = "emailAddress"

// fields are those of a user that answers may show. bio and imageUrl are not among the
// documented ones of the list; that it would call them so is assumed.
var fields = []field{
	{"firstName", "firstName", true},
	{"lastName", "lastName", true},
	{emailAddress, "email", true},
	{username, "userName", true},
	{"phone", "phone", true},
	{textNumber, textNumber, true},
	{imageURL, imageURL, true},
	{bio, bio, true},
	{"nickName", "nickName", false},
}

// userID is the member with a user's id, in the list and in the answer to a write.
const (
	listedID  = "uuid"                // [LIST]
	writtenID = "userUuid"            // [SEED], [UPD]
	changedID = "dealerAssociateUuid" // [DA], [ROLE]
)

// updatable reports whether an update has the attribute.
func updatable(name string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return f.name == name && f.update })
}

// An object is one of the vendor's, by its members as they are spelt. Unknown members
// are ignored; those that are missing are not shown.
type object map[string]json.RawMessage

var errForm = errors.New("the answer does not have the documented form")

// malformed is errForm with the place.
func malformed(place string) error { return fmt.Errorf("%w at %s", errForm, place) }

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// read takes a member of the wanted type; null is the zero value. shown is false when
// it is missing.
func read[T any](o object, name, place string) (value T, shown bool, err error) {
	raw, present := o[name]
	if !present {
		return value, false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return value, false, malformed(place + name)
	}
	return value, true, nil
}

// An envelope is an answer: beside what it is about stand errors, warnings and the id
// of the request ([SEED]).
type envelope struct {
	object
	codes []string // of the errors
}

// unwrap reads an answer. Errors that are not as documented say nothing.
func unwrap(response *rest.Response) (envelope, error) {
	var e envelope
	if err := response.Decode(&e.object); err != nil {
		return e, err
	}
	found, _, err := read[[]struct {
		Code *int64 `json:"errorCode"`
	}](e.object, "errors", "")
	if err != nil {
		return e, response.Unusable(err)
	}
	for _, one := range found {
		if one.Code == nil {
			return e, response.Unusable(malformed("errors.errorCode"))
		}
		e.codes = append(e.codes, strconv.FormatInt(*one.Code, 10))
	}
	return e, nil
}

// wrote reads the id that a write answers. A success has no errors and an id; with
// errors alone nothing was done ([DA] says so of associates, of the others it is
// assumed); anything else is in doubt.
func wrote(response *rest.Response, name string) (string, error) {
	e, err := unwrap(response)
	if err != nil {
		return "", err
	}
	id, _, err := read[string](e.object, name, "")
	switch {
	case err != nil:
		return "", response.Unusable(err)
	case len(e.codes) > 0 && id == "":
		return "", response.Refused(e.codes[0])
	case len(e.codes) > 0:
		return "", response.Unusable(fmt.Errorf("%w: there are errors and an id", errForm))
	case id == "":
		return "", response.Unusable(malformed(name))
	}
	return id, nil
}

// A listed user is one of the list.
type listed struct {
	*providers.User
	address string // as the list has it, also where a name to sign in with stands in
}

// user reads a user of the list. A user beside an error has an id and an address that
// could be read. Whoever has no address may sign in with one, and whoever signs in with
// another one is known by both.
func (o object) user() (listed, error) {
	const place = "users."
	id, _, err := read[string](o, listedID, place)
	if err != nil || id == "" {
		return listed{}, malformed(place + listedID)
	}
	address, shown, err := read[string](o, "email", place)
	if err != nil {
		return listed{}, err
	}
	signIn, _, err := read[string](o, "userName", place)
	if err != nil {
		return listed{}, err
	}
	address, signIn = strings.TrimSpace(address), strings.TrimSpace(signIn)
	if _, err := sources.CanonicalEmail(signIn); err != nil {
		signIn = ""
	}
	u := listed{&providers.User{ID: id, Email: address, Attributes: make(map[string]providers.Live)}, address}
	switch {
	case address == "" && signIn != "":
		u.Email = signIn
	case !shown:
		return listed{}, malformed(place + "email") // nobody could be told from him
	case signIn != "" && !sources.SameEmail(address, signIn):
		u.Aliases = []string{signIn}
	}
	for _, f := range fields {
		if f.name == emailAddress {
			continue
		}
		value, shown, err := read[string](o, f.listed, place)
		if err != nil {
			return u, err
		}
		if shown {
			u.Attributes[f.name] = providers.Show(value)
		}
	}
	valid, _, err := read[*bool](o, isValid, place)
	if err != nil {
		return u, err
	}
	if valid != nil {
		u.Attributes[isValid] = providers.Show(*valid)
	}
	return u, nil
}

// An associate is what a user is in one department ([DA]).
type associate struct {
	user, department string
	valid            *bool
	role             *string // its name, nil where it is not shown
}

// isAssociate reports whether an object among the associates is one at all: their UUIDs
// are the names of members, so that others may stand beside them.
func (o object) isAssociate() bool { return !absent(o[listedID]) || !absent(o["userUuid"]) }

// associate reads a dealer associate.
func (o object) associate() (a associate, err error) {
	const place = "dealerAssociates."
	if a.user, _, err = read[string](o, "userUuid", place); err != nil || a.user == "" {
		return a, malformed(place + "userUuid")
	}
	if a.valid, _, err = read[*bool](o, isValid, place); err != nil {
		return a, err
	}
	department, _, err := read[object](o, "department", place)
	if err != nil {
		return a, err
	}
	if a.department, _, err = read[string](department, listedID, place+"department."); err != nil {
		return a, err
	}
	role, _, err := read[object](o, "role", place)
	if err != nil {
		return a, err
	}
	name, shown, err := read[string](role, "roleName", place+"role.")
	if shown {
		a.role = &name
	}
	return a, err
}

// sole is the associate whose role is the user's: the only one, or the only one that is
// valid. Where there are others it is not known which is meant.
func sole(associates []associate) (associate, bool) {
	if len(associates) == 1 {
		return associates[0], true
	}
	var found associate
	valid := 0
	for _, a := range associates {
		if a.valid == nil {
			return associate{}, false
		}
		if *a.valid {
			found = a
			valid++
		}
	}
	return found, valid == 1
}

// errorCode is the code of the first error of an answer ([TPL]).
func errorCode(body []byte) (code, place string) {
	var answer struct {
		Errors []struct {
			Code *int64 `json:"errorCode"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 || answer.Errors[0].Code == nil {
		return "", ""
	}
	return strconv.FormatInt(*answer.Errors[0].Code, 10), ""
}

// requestID is the vendor's name for a request ([SEED]).
func requestID(body []byte) string {
	var answer struct {
		ID string `json:"apiRequestId"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return answer.ID
}
