package vendasta

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rollcall/providers"
)

// mediaType is JSON:API's.
const mediaType = "application/vnd.api+json"

// A linkage names another resource.
type linkage struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// A resource is a user as the vendor answers it. Every member may be missing:
// what the token may not see is left out, null or blank ([G-USERS]).
type resource struct {
	Type          string                     `json:"type"`
	ID            string                     `json:"id"`
	Attributes    map[string]json.RawMessage `json:"attributes"`
	Relationships map[string]struct {
		Data json.RawMessage `json:"data"`
	} `json:"relationships"`
}

// one is the answer to a call for one user, page that of a search.
type one struct {
	Data   *resource       `json:"data"`
	Errors json.RawMessage `json:"errors"`
}

type page struct {
	Data   *[]resource     `json:"data"`
	Errors json.RawMessage `json:"errors"`
	Links  struct {
		Next string `json:"next"`
	} `json:"links"`
}

// contradicts says what in an answer that was decoded makes it prove nothing:
// data that is missing, or there under another spelling only, and errors, which
// JSON:API keeps apart from data.
func contradicts(body []byte, errors json.RawMessage) error {
	var members map[string]json.RawMessage
	switch {
	case !absent(errors):
		return malformed("errors")
	case json.Unmarshal(body, &members) != nil || absent(members["data"]):
		return malformed("data")
	default:
		return nil
	}
}

// phoneNumber and address are as in [P]; the two deprecated names of address are
// only read.
type phoneNumber struct {
	Number   string `json:"number"`
	TypeCode string `json:"typeCode"`
}

type address struct {
	Line1             string `json:"line1"`
	Line2             string `json:"line2"`
	StreetAddress     string `json:"streetAddress"`
	AdditionalAddress string `json:"additionalAddress"`
	City              string `json:"city"`
	PostalCode        string `json:"postalCode"`
	RegionCode        string `json:"regionCode"`
	CountryCode       string `json:"countryCode"`
}

var (
	errForm    = errors.New("the answer does not have the documented form")
	errPartner = providers.WithRemedy(errors.New("the user belongs to another partner than the configured one"), "check the setting partner, and the userID line if there is one")
)

// malformed is errForm with the place.
func malformed(place string) error { return fmt.Errorf("%w at %s", errForm, place) }

// user reads a resource. A blank value counts as empty only where the answer
// shows something else of the same kind: the address of a user is contact data,
// his display name, which always has a value ([P]), is profile data. Where that
// is blank too, the token may not see any of it (assumed). A user beside an error has
// an id and an address that could be read.
func (r *resource) user(partner string) (*providers.User, error) {
	switch {
	case r == nil:
		return nil, malformed("data")
	case r.Type != "users":
		return nil, malformed("data.type")
	case r.ID == "":
		return nil, malformed("data.id")
	}
	email, _, err := r.text("email")
	if err != nil {
		return nil, err
	}
	user := &providers.User{ID: r.ID, Email: strings.TrimSpace(email), Attributes: make(map[string]providers.Live)}
	if err := r.belongs(partner); err != nil {
		return user, err
	}
	return user, r.show(user)
}

// show reads what a resource shows of a user.
func (r *resource) show(user *providers.User) error {
	name, _, err := r.text("displayName")
	if err != nil {
		return err
	}
	contact, profile := user.Email != "", strings.TrimSpace(name) != ""
	for _, attribute := range []string{"givenName", "familyName", "greetingName", "languageLocaleCode", "timeZone"} {
		value, present, err := r.text(attribute)
		if err != nil {
			return err
		}
		if present && (profile || value != "") {
			user.Attributes[attribute] = providers.Show(value)
		}
	}
	if err := r.contact(user, contact); err != nil {
		return err
	}
	for _, list := range []string{platformAccess, businessLocations} {
		if err := r.linked(user, list); err != nil {
			return err
		}
	}
	return nil
}

// belongs checks the partner where the answer shows it: ids are unique over all
// partners ([P]), so one by id may be another partner's.
func (r *resource) belongs(partner string) error {
	raw := r.Relationships["partner"].Data
	if absent(raw) {
		return nil
	}
	var link linkage
	if json.Unmarshal(raw, &link) != nil {
		return malformed("data.relationships.partner")
	}
	if link.ID != "" && link.ID != partner {
		return errPartner
	}
	return nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// text reads a text attribute; present is false when it is missing or null.
func (r *resource) text(name string) (value string, present bool, err error) {
	raw := r.Attributes[name]
	if absent(raw) {
		return "", false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return "", false, malformed("data.attributes." + name)
	}
	return value, true, nil
}

// contact reads phone numbers and address. A number that is blank is hidden, for
// an item has to have one ([P]), and then the list is not shown.
func (r *resource) contact(user *providers.User, shown bool) error {
	if raw := r.Attributes["phoneNumbers"]; !absent(raw) {
		var numbers []phoneNumber
		if json.Unmarshal(raw, &numbers) != nil {
			return malformed("data.attributes.phoneNumbers")
		}
		list := make([]any, 0, len(numbers))
		hidden := false
		for _, n := range numbers {
			hidden = hidden || strings.TrimSpace(n.Number) == ""
			list = append(list, map[string]any{"number": n.Number, "typeCode": n.TypeCode})
		}
		if !hidden && (shown || len(list) > 0) {
			user.Attributes["phoneNumbers"] = providers.Show(list)
		}
	}
	if raw := r.Attributes["address"]; !absent(raw) {
		var a address
		if json.Unmarshal(raw, &a) != nil {
			return malformed("data.attributes.address")
		}
		fields := make(map[string]any)
		for name, value := range map[string]string{
			"line1": cmp.Or(a.Line1, a.StreetAddress), "line2": cmp.Or(a.Line2, a.AdditionalAddress), "city": a.City,
			"postalCode": a.PostalCode, "regionCode": a.RegionCode, "countryCode": a.CountryCode,
		} {
			if value != "" {
				fields[name] = value
			}
		}
		if shown || len(fields) > 0 {
			user.Attributes["address"] = providers.Show(fields)
		}
	}
	return nil
}

// linked reads a list of grants. Links without data mean that the list is not
// shown ([G-SYNC]), which is not that it is empty.
func (r *resource) linked(user *providers.User, name string) error {
	raw := r.Relationships[name].Data
	if absent(raw) {
		return nil
	}
	var links []linkage
	if json.Unmarshal(raw, &links) != nil {
		return malformed("data.relationships." + name)
	}
	ids := make([]any, 0, len(links))
	for _, link := range links {
		if link.ID == "" {
			return malformed("data.relationships." + name)
		}
		ids = append(ids, link.ID)
	}
	user.Attributes[name] = providers.Show(ids)
	return nil
}

// linkTypes are the types of the linked resources ([P]).
var linkTypes = map[string]string{platformAccess: "appFeatures", businessLocations: "businessLocations"}

// document is the body of a create or an update: the attributes as they are, the
// lists as relationships.
func document(id, partner, email string, values map[string]any) map[string]any {
	attributes := make(map[string]any)
	relationships := make(map[string]any)
	if email != "" {
		attributes["email"] = email
	}
	for name, value := range values {
		if name == welcomeEmail {
			continue // a call of its own, not an attribute
		}
		kind, isList := linkTypes[name]
		if !isList {
			attributes[name] = value
			continue
		}
		links := []linkage{}
		for _, id := range texts(value) {
			links = append(links, linkage{Type: kind, ID: id})
		}
		relationships[name] = map[string]any{"data": links}
	}
	if partner != "" {
		relationships["partner"] = map[string]any{"data": linkage{Type: "partners", ID: partner}}
	}
	data := map[string]any{"type": "users"}
	if id != "" {
		data["id"] = id
	}
	if len(attributes) > 0 {
		data["attributes"] = attributes
	}
	if len(relationships) > 0 {
		data["relationships"] = relationships
	}
	return map[string]any{"data": data}
}
