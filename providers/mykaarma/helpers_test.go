package mykaarma

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	userU1   = "u-1" // of the fixtures
	bill     = "bill@example.com"
	password = "p-0123456789"
	basic    = "Basic c3Vic2NyaWJlcjpwLTAxMjM0NTY3ODk=" // subscriber:p-0123456789
	html     = "<html>sign in</html>"
	// nobody is a list without users.
	nobody = "list-none-response.json"
)

// vendor is myKaarma with a dealer and nothing that is assumed.
var vendor = vendortest.Vendor{
	Kind:     configured(),
	Config:   "{dealerUUID: d-1, auth: {username: {env: MYKAARMA_USERNAME}, password: {env: MYKAARMA_PASSWORD}}}",
	Settings: map[string]string{dealerUUID: "d-1"},
	Auth:     map[string]sources.SecretRef{"username": {Env: "MYKAARMA_USERNAME"}, "password": {Env: "MYKAARMA_PASSWORD"}},
	Secrets:  map[string]string{"username": "subscriber", "password": password},
	Media:    "application/json", Credentials: http.Header{"Authorization": {basic}},
	Created: vendortest.Step{Status: http.StatusOK, Answer: "write-response.json"},
}

func configured() *providers.Kind {
	kind, _ := Kind().Configure(sources.ProviderConfig{Settings: map[string]string{dealerUUID: "d-1"}})
	return kind
}

// assuming turns operations on.
func assuming(operations ...string) func(*providers.Settings) {
	return func(s *providers.Settings) {
		s.Config.Assume = operations
		departments(s)
	}
}

// departments configures two.
func departments(s *providers.Settings) {
	s.Config.Lists = map[string][]string{departmentsSetting: {"dep-1", "dep-2"}}
}

// roles has roles managed.
func roles(s *providers.Settings) {
	departments(s)
	s.Config.Tables = map[string]map[string]string{rolesSetting: {"r-1": "Service Advisor", "r-2": "Technician", "r-3": "Body Shop/Paint"}}
}

// merges tells that an update keeps what it does not send.
func merges(s *providers.Settings) {
	s.Config.Settings = map[string]string{dealerUUID: "d-1", updateSetting: merge}
}

// everything is all of it.
func everything(s *providers.Settings) {
	assuming("update", "suspend")(s)
	roles(s)
}

func all(changes ...func(*providers.Settings)) func(*providers.Settings) {
	return func(s *providers.Settings) {
		for _, f := range changes {
			f(s)
		}
	}
}

type scripted = vendortest.Step

func list() scripted {
	return scripted{Method: "GET", Path: "/manage/v2/dealer/d-1/users", Query: url.Values{"includeInvalid": {"true"}}, Status: 200, Answer: "list-response.json"}
}

func associates() scripted {
	return scripted{Method: "POST", Path: "/manage/v2/department/dealerAssociate/list", Body: `{"departmentUuids":["dep-1","dep-2"]}`, Status: 200, Answer: "associates-response.json"}
}

func create(body string) scripted {
	return scripted{Method: "POST", Path: "/manage/v2/user/partner", Body: body, Status: 200, Answer: "write-response.json"}
}

func update(body string) scripted {
	return scripted{Method: "PUT", Path: "/manage/v2/user/partner/u-1", Body: body, Status: 200, Answer: "write-response.json"}
}

func role(department, name string) scripted {
	return scripted{Method: "POST", Path: "/manage/v2/department/" + department + "/user/u-1/roleName/" + name, Status: 200, Answer: "associate-response.json"}
}

func validity(department, value string) scripted {
	return scripted{
		Method: "PUT", Path: "/manage/v2/department/" + department + "/user/u-1/dealerAssociate",
		Body: `{"dealerAssociate":{"isValid":` + value + `},"changeValidStatus":true}`, Status: 200, Answer: "associate-response.json",
	}
}

// with is a map with further values.
func with(values, more map[string]any) map[string]any {
	all := maps.Clone(values)
	maps.Copy(all, more)
	return all
}

// billDraft is the draft of create-request.json, fullDraft that of
// create-full-request.json.
func billDraft(more map[string]any) providers.Draft {
	return providers.Draft{Email: bill, Values: with(map[string]any{"firstName": "William", "lastName": "Smith", departmentUUID: "dep-1", roleUUID: "r-1"}, more)}
}

func fullDraft() providers.Draft {
	return billDraft(map[string]any{
		dealerUUID: "d-1", username: "bill", "password": "Excalibur!", "dmsID": "DMS-7", "phone": "+1 306 555 1234", textNumber: "+1 306 555 9999",
		userInvite: true, sendEmail: true, sendText: false, inviteTemplate: "SIMPLE", imageURL: "https://images.example.com/bill.png",
		"ssoFeatureEnabled": true, bio: "Sells cars", "mfaFeatureEnabled": false, "nickName": "Billy",
	})
}

// shown are the attributes that a user with these values has.
func shown(values map[string]any) map[string]providers.Live {
	live := make(map[string]providers.Live)
	for name, value := range values {
		live[name] = providers.Show(value)
	}
	return live
}

// liveBill is the user of list-response.json.
func liveBill(more map[string]any) *providers.User {
	return &providers.User{ID: userU1, Email: bill, Attributes: shown(with(map[string]any{
		"firstName": "William", "lastName": "Smith", username: "bill", "phone": "+1 306 555 1234", textNumber: nil, "nickName": "Billy", isValid: true,
	}, more))}
}

// A use is one use of a connection, with the requests that it is made of: the last one
// is that which the use is about.
type use struct {
	call   vendortest.Call
	steps  []scripted
	change func(*providers.Settings)
	want   any
}

// uses are all of them.
func uses() map[string]use {
	done := providers.Receipt{UserID: userU1, RequestID: "req-1"}
	return map[string]use{
		"list":            {vendortest.List(), []scripted{list()}, all(), []*providers.User{liveBill(nil)}},
		"list with roles": {vendortest.List(), []scripted{list(), associates()}, roles, []*providers.User{liveBill(map[string]any{roleUUID: "r-1"})}},
		"create":          {vendortest.Create(billDraft(nil)), []scripted{create("create-request.json")}, all(), done},
		"update":          {vendortest.Update(userU1, map[string]any{"firstName": "Will"}), []scripted{list().Answers("list-all-response.json"), update("update-request.json")}, assuming("update"), done},
		"merging update":  {vendortest.Update(userU1, map[string]any{"firstName": "Will"}), []scripted{update(`{"firstName":"Will"}`)}, all(assuming("update"), merges), done},
		"role":            {vendortest.Update(userU1, map[string]any{roleUUID: "r-2"}), []scripted{associates(), role("dep-1", "Technician")}, roles, done},
		"suspend":         {vendortest.Update(userU1, map[string]any{isValid: false}), []scripted{associates(), validity("dep-1", "false")}, assuming("suspend"), done},
		"restore":         {vendortest.Update(userU1, map[string]any{isValid: true}), []scripted{associates(), validity("dep-1", "true")}, assuming("suspend"), done},
	}
}

// writes are the names of those that write, in their order.
func writes() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(uses())), func(name string) bool { return name == "list" || name == "list with roles" })
}

// last is the use with another last step.
func (u use) last(change func(scripted) scripted) []scripted {
	steps := slices.Clone(u.steps)
	steps[len(steps)-1] = change(steps[len(steps)-1])
	return steps
}
