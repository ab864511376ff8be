package vendasta

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
)

// shownAs reads a user with these members beside type and id.
func shownAs(t *testing.T, members string) (*providers.User, error) {
	t.Helper()
	if members != "" {
		members = "," + members
	}
	var answer one
	if err := json.Unmarshal([]byte(`{"data":{"type":"users","id":"U-1"`+members+`}}`), &answer); err != nil {
		return nil, err
	}
	return answer.Data.user("ABC")
}

// Not shown, empty and a value are told apart for every attribute. A blank one is
// empty only where something else of its kind is shown.
func TestShown(t *testing.T) {
	hidden, empty := providers.Live{}, providers.Live{Shown: true}
	text := providers.Show("x")
	type expectation struct {
		value string // of the attribute, "" is a missing member
		alone providers.Live
		known providers.Live // where email and displayName are shown
	}
	texts := []expectation{{"", hidden, hidden}, {"null", hidden, hidden}, {`""`, hidden, empty}, {`"x"`, text, text}}
	phones := providers.Show([]any{map[string]any{"number": "1", "typeCode": "work"}})
	street := providers.Show(map[string]any{"line1": "a", "line2": "b"})
	for name, cases := range map[string][]expectation{
		"givenName": texts, "familyName": texts, "greetingName": texts, "languageLocaleCode": texts, "timeZone": texts,
		"phoneNumbers": {
			{"", hidden, hidden},
			{"null", hidden, hidden},
			{"[]", hidden, empty},
			{`[{"number":"1","typeCode":"work"}]`, phones, phones},
			{`[{"number":"1","typeCode":"work","new":true}]`, phones, phones},
			{`[{"number":"","typeCode":"work"}]`, hidden, hidden},
			{`[{"typeCode":"work"}]`, hidden, hidden},
			{`[{"number":"1","typeCode":"work"},{"number":" ","typeCode":""}]`, hidden, hidden},
			{`[null]`, hidden, hidden},
		},
		"address": {
			{"", hidden, hidden},
			{"null", hidden, hidden},
			{"{}", hidden, empty},
			{`{"line1":"","city":null}`, hidden, empty},
			{`{"line1":"a","line2":"b"}`, street, street},
			{`{"streetAddress":"a","additionalAddress":"b"}`, street, street},
			{`{"line1":"a","streetAddress":"old","line2":"b","additionalAddress":"old"}`, street, street},
			{`{"line1":"","streetAddress":"a","line2":null,"additionalAddress":"b","county":"x"}`, street, street},
		},
	} {
		for _, c := range cases {
			member := ""
			if c.value != "" {
				member = `,"` + name + `":` + c.value
			}
			for context, want := range map[string]providers.Live{
				`"attributes":{"email":"","displayName":" "` + member + `}`:                                   c.alone,
				`"attributes":{"email":"ana@example.com","displayName":"Ana"` + member + `}`:                  c.known,
				`"attributes":{"email":null` + member + `}`:                                                   c.alone,
				`"new":1,"attributes":{"email":" ana@example.com ","displayName":"A","new":{}` + member + `}`: c.known,
			} {
				user, err := shownAs(t, context)
				if err != nil {
					t.Fatalf("%s: %v", context, err)
				}
				if diff := cmp.Diff(want, user.Attributes[name]); diff != "" {
					t.Errorf("%s of %s:\n%s", name, context, diff)
				}
			}
		}
	}
	for _, members := range []string{"", `"attributes":null,"relationships":null`, `"attributes":{},"relationships":{}`} {
		user, err := shownAs(t, members)
		if err != nil || user.Email != "" || len(user.Attributes) != 0 {
			t.Errorf("%s: %+v %v", members, user, err)
		}
	}
}

// Links without data are not an empty list.
func TestShownLists(t *testing.T) {
	for _, name := range []string{platformAccess, businessLocations} {
		for value, want := range map[string]providers.Live{
			`null`:                   {},
			`{}`:                     {},
			`{"links":{"self":"x"}}`: {},
			`{"data":null}`:          {},
			`{"data":[]}`:            {Shown: true},
			`{"data":[{"type":"x","id":"A"},{"id":"B","meta":1}]}`: providers.Show(anyList("A", "B")),
		} {
			user, err := shownAs(t, `"relationships":{"`+name+`":`+value+`}`)
			if err != nil {
				t.Fatalf("%s: %v", value, err)
			}
			if diff := cmp.Diff(want, user.Attributes[name]); diff != "" {
				t.Errorf("%s %s:\n%s", name, value, diff)
			}
			if kind := Kind(); kind.Suspended(user) {
				t.Errorf("%s %s: one list says that the user is suspended", name, value)
			}
		}
	}
	for lists, suspended := range map[string]bool{
		`"platformAccess":{"data":[]},"businessLocations":{"data":[]}`:                   true,
		`"platformAccess":{"data":[]},"businessLocations":{"data":[{"id":"AG-1"}]}`:      false,
		`"platformAccess":{"data":[{"id":"tm:access"}]},"businessLocations":{"data":[]}`: false,
		`"platformAccess":{"links":{}},"businessLocations":{"data":[]}`:                  false,
		`"platformAccess":{"data":[]},"businessLocations":{"data":null}`:                 false,
	} {
		user, err := shownAs(t, `"relationships":{`+lists+`}`)
		if err != nil || Kind().Suspended(user) != suspended {
			t.Errorf("%s: suspended is %v, %v", lists, !suspended, err)
		}
	}
}

// A wrong type is an error that names its place; what nobody asks for may have
// any.
func TestWrongTypes(t *testing.T) {
	for members, place := range map[string]string{
		`"attributes":{"email":7}`:                                             "data.attributes.email",
		`"attributes":{"displayName":[]}`:                                      "data.attributes.displayName",
		`"attributes":{"givenName":{}}`:                                        "data.attributes.givenName",
		`"attributes":{"familyName":false}`:                                    "data.attributes.familyName",
		`"attributes":{"greetingName":1.5}`:                                    "data.attributes.greetingName",
		`"attributes":{"languageLocaleCode":["en"]}`:                           "data.attributes.languageLocaleCode",
		`"attributes":{"timeZone":0}`:                                          "data.attributes.timeZone",
		`"attributes":{"phoneNumbers":{}}`:                                     "data.attributes.phoneNumbers",
		`"attributes":{"phoneNumbers":["1"]}`:                                  "data.attributes.phoneNumbers",
		`"attributes":{"phoneNumbers":[{"number":1}]}`:                         "data.attributes.phoneNumbers",
		`"attributes":{"address":"x"}`:                                         "data.attributes.address",
		`"attributes":{"address":[]}`:                                          "data.attributes.address",
		`"attributes":{"address":{"line1":1}}`:                                 "data.attributes.address",
		`"relationships":{"platformAccess":{"data":{}}}`:                       "data.relationships.platformAccess",
		`"relationships":{"platformAccess":{"data":"x"}}`:                      "data.relationships.platformAccess",
		`"relationships":{"platformAccess":{"data":["tm:access"]}}`:            "data.relationships.platformAccess",
		`"relationships":{"platformAccess":{"data":[{"type":"appFeatures"}]}}`: "data.relationships.platformAccess",
		`"relationships":{"platformAccess":{"data":[null]}}`:                   "data.relationships.platformAccess",
		`"relationships":{"businessLocations":{"data":{"id":"AG-1"}}}`:         "data.relationships.businessLocations",
		`"relationships":{"businessLocations":{"data":[{"id":""}]}}`:           "data.relationships.businessLocations",
		`"relationships":{"partner":{"data":[]}}`:                              "data.relationships.partner",
		`"relationships":{"partner":{"data":"ABC"}}`:                           "data.relationships.partner",
	} {
		user, err := shownAs(t, members)
		// Who it is can be read, unless it is that which has another form.
		if (user == nil) != (place == "data.attributes.email") || !errors.Is(err, errForm) || !strings.HasSuffix(err.Error(), "at "+place) {
			t.Errorf("%s: %v %v", members, user, err)
		}
	}
	for _, members := range []string{`"attributes":{"emailVerified":"x","createdAt":7,"profileImage":[]}`, `"relationships":{"customFields":{"data":7}}`} {
		if _, err := shownAs(t, members); err != nil {
			t.Errorf("%s: %v", members, err)
		}
	}
}

func TestPartnerOf(t *testing.T) {
	for partner, ours := range map[string]bool{
		`{"data":{"type":"partners","id":"ABC"}}`: true, `{"data":{"type":"partners","id":"XYZ"}}`: false, `{"data":{"type":"partners","id":"abc"}}`: false,
		`{"data":null}`: true, `{"links":{}}`: true, `null`: true, `{"data":{"type":"partners"}}`: true,
	} {
		_, err := shownAs(t, `"relationships":{"partner":`+partner+`}`)
		if (err == nil) != ours || !ours && !errors.Is(err, errPartner) {
			t.Errorf("%s: %v", partner, err)
		}
	}
}

// The body of a write has what was given and nothing else.
func TestDocument(t *testing.T) {
	for name, test := range map[string]struct {
		got  map[string]any
		want string
	}{
		"nothing":                  {document("", "", "", nil), `{"data":{"type":"users"}}`},
		"an attribute":             {document("U-1", "", "", map[string]any{"givenName": "Ana"}), `{"data":{"type":"users","id":"U-1","attributes":{"givenName":"Ana"}}}`},
		"one list alone":           {document("U-1", "", "", map[string]any{platformAccess: []any{}}), `{"data":{"type":"users","id":"U-1","relationships":{"platformAccess":{"data":[]}}}}`},
		"no numbers":               {document("U-1", "", "", map[string]any{"phoneNumbers": []any{}}), `{"data":{"type":"users","id":"U-1","attributes":{"phoneNumbers":[]}}}`},
		"the welcome mail is none": {document("", "ABC", "a@b.example", map[string]any{welcomeEmail: true}), `{"data":{"type":"users","attributes":{"email":"a@b.example"},"relationships":{"partner":{"data":{"type":"partners","id":"ABC"}}}}}`},
	} {
		body, err := json.Marshal(test.got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(vendortest.Decoded(t, []byte(test.want)), vendortest.Decoded(t, body)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Whatever a vendor answers, reading it does not panic, and what is read holds
// together.
func FuzzUser(f *testing.F) {
	for _, name := range []string{"get-response.json", "get-2023-response.json", "create-response.json", "suspend-response.json", "error-404.json", "search-one-response.json"} {
		f.Add(vendortest.Fixture(f, name))
	}
	f.Add([]byte(`{"data":{"type":"users","id":"U-1","attributes":{"phoneNumbers":[null,{"number":"1"}],"address":{"line1":null}},"relationships":{"platformAccess":{"data":[{"id":"x"}]}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer one
		if json.Unmarshal(body, &answer) != nil {
			return
		}
		user, err := answer.Data.user("ABC")
		if err != nil {
			if user != nil && user.ID == "" {
				t.Fatalf("%v beside %v", user, err)
			}
			if !errors.Is(err, errForm) && !errors.Is(err, errPartner) {
				t.Fatalf("error %v", err)
			}
			return
		}
		vendor.Sound(t, user)
		for name, live := range user.Attributes {
			if attribute, _ := vendor.Kind.Attribute(name); attribute.Grant && privilege(name, live.Data, nil) {
				t.Fatalf("%s: losing %v gives more", name, live.Data)
			}
		}
		confirm(user, noAccess)
	})
}
