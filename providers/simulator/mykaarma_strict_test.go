package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each rule of strictness, with what is wrong.
func TestMyKaarmaStrictness(t *testing.T) {
	one := mykaarmaMake + "/" + gus
	role := func(name string) string { return inDepartment("dep-1", gus, "roleName/"+name) }
	associate := inDepartment("dep-1", gus, "dealerAssociate")
	type strict struct {
		name, method, path, body string
		header                   string
		options                  MyKaarmaOptions
		status                   int
		said                     string // the beginning of the only error, or of each, parted by |
	}
	tests := []strict{
		{name: "no credentials", method: "GET", path: mykaarmaDealer1, header: "Authorization:", status: 401, said: "the credentials"},
		{name: "bearer", method: "GET", path: mykaarmaDealer1, header: "Authorization: Bearer c3Vic2NyaWJlcjpzZWNyZXQ=", status: 401, said: "the credentials"},
		{name: "no password", method: "GET", path: mykaarmaDealer1, header: "Authorization: Basic c3Vic2NyaWJlcjo=", status: 401, said: "the credentials"},
		{name: "no user name", method: "GET", path: mykaarmaDealer1, header: "Authorization: Basic OnNlY3JldA==", status: 401, said: "the credentials"},
		{name: "no colon", method: "GET", path: mykaarmaDealer1, header: "Authorization: Basic c2VjcmV0", status: 401, said: "the credentials"},
		{name: "no base64", method: "GET", path: mykaarmaDealer1, header: "Authorization: Basic a:b", status: 401, said: "the credentials"},
		{name: "another user name", method: "GET", path: mykaarmaDealer1, options: MyKaarmaOptions{Username: "other", Password: "secret-password"}, status: 401, said: "the credentials"},
		{name: "another password", method: "POST", path: mykaarmaMake, body: mykaarmaNew, options: MyKaarmaOptions{Username: "subscriber", Password: "secret"}, status: 401, said: "the credentials"},
		{name: "no credentials for an update", method: "PUT", path: one, body: `{}`, header: "Authorization:", status: 401, said: "the credentials"},
		{name: "no credentials for a role", method: "POST", path: role("Technician"), header: "Authorization:", status: 401, said: "the credentials"},
		{name: "no credentials for an associate", method: "PUT", path: associate, body: mykaarmaInvalid, header: "Authorization:", status: 401, said: "the credentials"},
		{name: "no credentials for associates", method: "POST", path: mykaarmaLookup, body: `{}`, header: "Authorization:", status: 401, said: "the credentials"},

		{name: "no content type", method: "POST", path: mykaarmaMake, body: mykaarmaNew, header: "Content-Type:", status: 400, said: "the Content-Type must be application/json"},
		{name: "a form", method: "PUT", path: one, body: "firstName=G", header: "Content-Type: application/x-www-form-urlencoded", status: 400, said: "the Content-Type"},
		{name: "text, to associates", method: "POST", path: mykaarmaLookup, body: `{"departmentUuids":["dep-1"]}`, header: "Content-Type: text/plain", status: 400, said: "the Content-Type"},
		{name: "too large", method: "POST", path: mykaarmaMake, body: strings.Repeat(" ", maxBody+1), status: 413, said: "the request body is too large"},
		{name: "parameter of a create", method: "POST", path: mykaarmaMake + "?x=1", body: mykaarmaNew, status: 400, said: "there are no parameters"},
		{name: "parameter of an update", method: "PUT", path: one + "?includeInvalid=true", body: `{"emailAddress":"a@b.example"}`, status: 400, said: "there are no parameters"},
		{name: "parameter of associates", method: "POST", path: mykaarmaLookup + "?page=1", body: `{"departmentUuids":["dep-1"]}`, status: 400, said: "there are no parameters"},
		{name: "parameter of a role", method: "POST", path: role("Technician") + "?x", status: 400, said: "there are no parameters"},

		{name: "page of the list", method: "GET", path: mykaarmaDealer1 + "?page=1", status: 400, said: "page is not known here"},
		{name: "two unknown parameters", method: "GET", path: mykaarmaDealer1 + "?b=1&a=1", status: 400, said: "a is not known here|b is not known here"},
		{name: "no flag", method: "GET", path: mykaarmaDealer1 + "?includeInvalid=1", status: 400, said: "includeInvalid must be true or false"},
		{name: "no value", method: "GET", path: mykaarmaDealer1 + "?includeInvalid", status: 400, said: "includeInvalid must be true or false"},
		{name: "another case", method: "GET", path: mykaarmaDealer1 + "?includeinvalid=true", status: 400, said: "includeinvalid is not known here"},
		{name: "twice", method: "GET", path: mykaarmaDealer1 + "?includeInvalid=true&includeInvalid=true", status: 400, said: "includeInvalid may be given once"},
		{name: "bad query", method: "GET", path: mykaarmaDealer1 + "?%zz", status: 400, said: "the query can not be decoded"},
		{name: "body of the list", method: "GET", path: mykaarmaDealer1, body: "{}", status: 400, said: "there is no body here"},
		{name: "body of a role", method: "POST", path: role("Technician"), body: "{}", status: 400, said: "there is no body here"},

		{name: "no JSON", method: "POST", path: mykaarmaMake, body: "{", status: 400, said: "the body is no JSON"},
		{name: "no body", method: "POST", path: mykaarmaMake, header: "Content-Type: application/json", status: 400, said: "the body is no JSON"},
		{name: "two values", method: "PUT", path: one, body: "{}{}", status: 400, said: "there is something after the body's end"},
		{name: "a list to create", method: "POST", path: mykaarmaMake, body: "[]", status: 400, said: "must be an object"},
		{name: "a list to update", method: "PUT", path: one, body: "[]", status: 400, said: "must be an object"},
		{name: "a list to associates", method: "POST", path: mykaarmaLookup, body: "[]", status: 400, said: "must be an object"},
		{name: "a list to an associate", method: "PUT", path: associate, body: "[]", status: 400, said: "must be an object"},

		{name: "unknown field", method: "POST", path: mykaarmaMake, body: adding(`"title":"x"`), status: 400, said: "title is not a known member"},
		{name: "name of the list", method: "POST", path: mykaarmaMake, body: adding(`"userName":"x"`), status: 400, said: "userName is not a known member"},
		{name: "unknown template", method: "POST", path: mykaarmaMake, body: adding(`"userInviteEmailTemplate":"simple"`), status: 400, said: "userInviteEmailTemplate must be one of SIMPLE, SSO"},
		{name: "no address", method: "POST", path: mykaarmaMake, body: adding(`"emailAddress":"bill"`), status: 400, said: "emailAddress must be an email address"},
		{name: "invited by text, no number", method: "POST", path: mykaarmaMake, body: adding(`"userInvite":true,"sendText":true,"phone":"1"`), status: 400, said: "textNumber must be given"},
		{name: "invited by text, an empty number", method: "POST", path: mykaarmaMake, body: adding(`"userInvite":true,"sendText":true,"sendEmail":true,"textNumber":""`), status: 400, said: "textNumber must be given"},
		{name: "three mistakes", method: "POST", path: mykaarmaMake, body: adding(`"phone":1,"sendText":"x","z":0`), status: 400, said: "z is not|phone must be a string|sendText must be a boolean"},

		{name: "no address to update", method: "PUT", path: one, body: `{"firstName":"G"}`, status: 400, said: "emailAddress must be given"},
		{name: "an empty address", method: "PUT", path: one, body: `{"emailAddress":""}`, options: MyKaarmaOptions{UpdateMerges: true}, status: 400, said: "emailAddress must be an email address"},

		{name: "an unknown role", method: "POST", path: role("Janitor"), status: 400, said: "roleName is not the name of a role"},
		{name: "a role in another case", method: "POST", path: role("technician"), status: 400, said: "roleName is not the name of a role"},
		{name: "a role by its UUID", method: "POST", path: role("r-2"), status: 400, said: "roleName is not the name of a role"},

		{name: "associates of nothing", method: "POST", path: mykaarmaLookup, body: `{"validate":true,"departmentUuids":[]}`, status: 400, said: "dealerAssociateUuids or departmentUuids must be given"},
		{name: "associates of a text", method: "POST", path: mykaarmaLookup, body: `{"departmentUuids":"dep-1"}`, status: 400, said: "departmentUuids must be an array"},
		{name: "associates of a number", method: "POST", path: mykaarmaLookup, body: `{"dealerAssociateUuids":["x",1]}`, status: 400, said: "dealerAssociateUuids.1 must be a string"},
		{name: "associates of null", method: "POST", path: mykaarmaLookup, body: `{"departmentUuids":null}`, status: 400, said: "departmentUuids must be an array"},
		{name: "no flag validate", method: "POST", path: mykaarmaLookup, body: `{"departmentUuids":["dep-1"],"validate":1}`, status: 400, said: "validate must be a boolean"},
		{name: "no flag doNotValidate", method: "POST", path: mykaarmaLookup, body: `{"departmentUuids":["dep-1"],"doNotValidate":null}`, status: 400, said: "doNotValidate must be a boolean"},
		{name: "unknown member of associates", method: "POST", path: mykaarmaLookup, body: `{"departmentUUIDs":["dep-1"],"departmentUuids":["dep-1"]}`, status: 400, said: "departmentUUIDs is not a known member"},

		{name: "no associate", method: "PUT", path: associate, body: `{"changeValidStatus":true}`, status: 400, said: "dealerAssociate must be an object"},
		{name: "no status", method: "PUT", path: associate, body: `{"dealerAssociate":{},"changeValidStatus":true}`, status: 400, said: "dealerAssociate.isValid must be given"},
		{name: "a null status", method: "PUT", path: associate, body: `{"dealerAssociate":{"isValid":null},"changeValidStatus":true}`, status: 400, said: "dealerAssociate.isValid must be given"},
		{name: "a text as status", method: "PUT", path: associate, body: `{"dealerAssociate":{"isValid":"false"},"changeValidStatus":true}`, status: 400, said: "dealerAssociate.isValid must be a boolean"},
		{name: "a text as changeValidStatus", method: "PUT", path: associate, body: `{"dealerAssociate":{"isValid":false},"changeValidStatus":"true"}`, status: 400, said: "changeValidStatus must be a boolean"},
		{name: "a null as changeValidStatus", method: "PUT", path: associate, body: `{"dealerAssociate":{"isValid":false},"changeValidStatus":null}`, status: 400, said: "changeValidStatus must be a boolean"},
		{name: "unknown member of an associate", method: "PUT", path: associate, body: `{"dealerAssociate":{"dmsID":"1"}}`, status: 400, said: "dealerAssociate.dmsID is not a known member"},
		{name: "isValid outside the associate", method: "PUT", path: associate, body: `{"dealerAssociate":{},"isValid":false}`, status: 400, said: "isValid is not a known member"},
		{name: "wrong types in an associate", method: "PUT", path: associate, status: 400, body: `{"dealerAssociate":{"id":"7","role":{"roleName":1},"department":{"dealer":{"isValid":"x","id":1.5,"owner":1}},"outOfOffice":0}}`, said: "dealerAssociate.department.dealer.owner is not|" +
			"dealerAssociate.department.dealer.id must be an integer|dealerAssociate.department.dealer.isValid must be a boolean|" +
			"dealerAssociate.id must be an integer|dealerAssociate.outOfOffice must be a boolean|dealerAssociate.role.roleName must be a string"},
		{name: "a text as a department", method: "PUT", path: associate, body: `{"dealerAssociate":{"department":"dep-1"}}`, status: 400, said: "dealerAssociate.department must be an object"},
	}
	// Each field with a value of another type, and those that are missing or empty.
	for _, f := range mykaarmaFields {
		wrong, kind := `1`, "must be a string"
		if f.flag {
			wrong, kind = `"true"`, "must be a boolean"
		}
		null := map[bool]string{true: kind, false: "must not be null"}[f.flag]
		tests = append(
			tests,
			strict{name: "wrong type of " + f.name, method: "POST", path: mykaarmaMake, body: adding(`"` + f.name + `":` + wrong), status: 400, said: f.name + " " + kind},
			strict{name: "null as " + f.name, method: "POST", path: mykaarmaMake, body: adding(`"` + f.name + `":null`), status: 400, said: f.name + " " + null},
		)
		body := fmt.Sprintf(`{"emailAddress":"gus@example.com",%q:%s}`, f.name, wrong)
		if !f.update {
			body, kind = strings.Replace(body, wrong, `""`, 1), "is not a known member"
		}
		tests = append(tests, strict{name: "update with a wrong " + f.name, method: "PUT", path: one, body: body, status: 400, said: f.name + " " + kind})
		if !slices.Contains([]string{"dealerUUID", "firstName", "lastName", "emailAddress", "roleUUID", "departmentUUID"}, f.name) {
			continue
		}
		tests = append(
			tests,
			strict{name: "empty " + f.name, method: "POST", path: mykaarmaMake, body: adding(`"` + f.name + `":""`), status: 400, said: f.name + " must not be empty"},
			strict{name: "no " + f.name, method: "POST", path: mykaarmaMake, body: without(t, f.name), status: 400, said: f.name + " must be given"},
		)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{MyKaarma: test.options})
			before := w.Users("mykaarma")
			var headers []string
			if test.header != "" {
				headers = []string{test.header}
			}
			resp, text := askMyKaarma(t, w, test.method, test.path, test.body, headers...)
			if resp.StatusCode != test.status {
				t.Fatalf("%d, want %d: %s", resp.StatusCode, test.status, text)
			}
			body := decode(t, text)
			if len(body) != 3 || body["apiRequestId"] != "req-00000001" || len(body["warnings"].([]any)) != 0 {
				t.Errorf("envelope %s", text)
			}
			said, want := body["errors"].([]any), strings.Split(test.said, "|")
			if len(said) != len(want) {
				t.Fatalf("%d errors, want %d: %s", len(said), len(want), text)
			}
			for i, item := range said {
				if code := dig(t, item, "errorCode"); code != float64(test.status) || dig(t, item, "errorTitle") == "" {
					t.Errorf("error %v", item)
				}
				if message := dig(t, item, "errorMessage").(string); !strings.HasPrefix(message, want[i]) {
					t.Errorf("message %q, want %q", message, want[i])
				}
			}
			if diff := cmp.Diff(before, w.Users("mykaarma")); diff != "" || w.Counts().Mails != 0 {
				t.Errorf("a refused request had an effect: %s", diff)
			}
		})
	}
}

// without is a create's body that lacks one of its members.
func without(t *testing.T, name string) string {
	t.Helper()
	var members []string
	for _, member := range strings.Split(strings.Trim(mykaarmaNew, "{}"), ",") {
		if !strings.HasPrefix(member, `"`+name+`"`) {
			members = append(members, member)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestMyKaarmaManyMistakes(t *testing.T) {
	w := world(t, Options{})
	members := make([]string, 30)
	for i := range members {
		members[i] = fmt.Sprintf(`"x%d":1`, i)
	}
	_, text := askMyKaarma(t, w, "POST", mykaarmaMake, "{"+strings.Join(members, ",")+"}")
	if got := len(dig(t, decode(t, text), "errors").([]any)); got != 20 {
		t.Errorf("%d of 36 mistakes are told", got)
	}
}

// One pair of credentials in one header, and no tokens.
func TestMyKaarmaCredentials(t *testing.T) {
	w := world(t, Options{Tokens: Issued, MyKaarma: MyKaarmaOptions{Username: "a", Password: "b:c"}})
	const good = "Basic YTpiOmM="
	for _, test := range []struct {
		values []string
		status int
	}{{[]string{good}, 200}, {[]string{"basic YTpiOmM="}, 200}, {[]string{good, good}, 401}, {nil, 401}, {[]string{""}, 401}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.BaseURL("mykaarma")+mykaarmaDealer1, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = test.values
		r.Header.Set("Accept", mykaarmaJSON)
		resp, _, err := send(w, r, nil)
		if err != nil || resp.StatusCode != test.status {
			t.Errorf("%q: %v %v", test.values, resp, err)
		}
	}
	w.RevokeTokens() // nothing is issued, so nothing is revoked
	if resp, _ := askMyKaarma(t, w, "GET", mykaarmaDealer1, "", "Authorization: "+good); resp.StatusCode != 200 || w.TokenURL("mykaarma") != "" {
		t.Error(resp.StatusCode, w.TokenURL("mykaarma"))
	}
}
