package intelagree

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
	"rollcall/sources"
)

// The token call is the documented one, and every call carries both keys' fruits.
func TestToken(t *testing.T) {
	asked := 0
	transport := vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != "/api/Accounts" {
			return vendor.Reply(t, r, search().Answers("[]")), nil
		}
		asked++
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != `{"accountKey":"a-0123456789"}` || r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("Ocp-Apim-Subscription-Key") != "s-0123456789" || r.Header.Get("ApiVersion") != "2.0" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s %s %v", r.Method, r.URL, body, r.Header)
		}
		return vendor.Reply(t, r, step{Status: 200, Answer: vendor.Tokens}), nil
	})
	bare := vendor
	bare.Tokens = ""
	c := bare.Connect(t, transport)
	for range 3 {
		if _, err := c.Reader.Search(t.Context(), bill); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("%d requests for tokens", asked)
	}
}

func TestSearch(t *testing.T) {
	const one = `{"email":"` + bill + `","businessKeys":[{"entity":"User","name":"rollcall","value":"E-1"}]}`
	for name, test := range map[string]struct {
		answer string
		want   []string
	}{
		"nobody":                        {`[]`, nil},
		"a list":                        {`[` + one + `]`, []string{"E-1 " + bill}},
		"users":                         {`{"users":[` + one + `]}`, []string{"E-1 " + bill}},
		"data":                          {`{"data":[` + one + `],"count":1}`, []string{"E-1 " + bill}},
		"items, counted on one page":    {`{"items":[` + one + `],"page":1,"pageSize":50,"totalCount":1}`, []string{"E-1 " + bill}},
		"results":                       {`{"results":[],"total":0,"next":null}`, nil},
		"value":                         {`{"@odata.context":"https://x","value":[` + one + `]}`, []string{"E-1 " + bill}},
		"without a business key":        {`[{"email":"` + bill + `"}]`, []string{" " + bill}},
		"with a key of another type":    {`[{"email":"` + bill + `","businessKeys":[{"entity":"User","name":"HR","value":"1"}]}]`, []string{" " + bill}},
		"with a key of another entity":  {`[{"email":"` + bill + `","businessKeys":[{"entity":"Party","name":"rollcall","value":"1"}]}]`, []string{" " + bill}},
		"with a key without its entity": {`[{"email":"` + bill + `","businessKeys":[{"name":"rollcall","value":"1"}]}]`, []string{"1 " + bill}},
	} {
		t.Run(name, func(t *testing.T) {
			vendor.Succeeds(t, []step{search().Answers(test.answer)}, vendortest.Who(vendortest.Search(bill)), test.want)
		})
	}
	vendor.Succeeds(t, []step{search().Answers("{\"users\":[" + string(vendortest.Fixture(t, "get-response.json")) + "]}")}, vendortest.Search(bill), []*providers.User{liveBill()})
}

// Whatever is not the assumed answer proves nothing, and nobody is created for it.
func TestReadErrors(t *testing.T) {
	const assumed, path, unproven = "assumed form", "set paths", "does not prove"
	find, read := vendortest.Search(bill), vendortest.Get("E-1042")
	for _, test := range []struct {
		name   string
		step   step
		call   vendortest.Call
		says   string
		remedy string
	}{
		{"search: 404", search().Refuses(404, "error.json"), find, "404", path},
		{"search: 405", search().Refuses(405, ""), find, "405", path},
		{"search: 501", search().Refuses(501, ""), find, "501", path},
		{"search: 400", search().Refuses(400, "error.json"), find, "400", ""},
		{"search: 403", search().Refuses(403, "error.json"), find, "403", "ask IntelAgree which rights"},
		{"search: HTML", search().Answers("<html>").As("text/html"), find, "text/html", ""},
		{"search: null", search().Answers("null"), find, assumed, ""},
		{"search: a user", search().Answers("get-response.json"), find, assumed, ""},
		{"search: users is null", search().Answers(`{"users":null}`), find, assumed, ""},
		{"search: two lists", search().Answers(`{"users":[],"data":[]}`), find, assumed, ""},
		{"search: a next page", search().Answers(`{"value":[],"@odata.nextLink":"https://x"}`), find, "tells of more", ""},
		{"search: a page of many", search().Answers(`{"items":[],"pageNumber":1}`), find, "tells of more", ""},
		{"search: more than came", search().Answers(`{"items":[],"totalCount":3}`), find, "tells of more", ""},
		{"search: has more", search().Answers(`{"items":[],"hasMore":true,"count":0}`), find, "tells of more", ""},
		{"search: an error beside it", search().Answers(`{"items":[],"errors":["x"]}`), find, "or of an error", ""},
		{"search: without an address", search().Answers(`[{"name":"Bill"}]`), find, assumed, ""},
		{"search: an empty address", search().Answers(`[{"email":" "}]`), find, assumed, ""},
		{"search: a hole", search().Answers(`[null]`), find, assumed, ""},
		{"search: permissions are a text", search().Answers(`[{"email":"b@x.example","userPermissions":"x"}]`), find, "userPermissions", ""},
		{"search: a hole in permissions", search().Answers(`[{"email":"b@x.example","userPermissions":[null]}]`), find, "userPermissions", ""},
		{"search: keys are texts", search().Answers(`[{"email":"b@x.example","businessKeys":["x"]}]`), find, "businessKeys", ""},
		{"search: a flag is a text", search().Answers(`[{"email":"b@x.example","hasAllOrganizations":"yes"}]`), find, "hasAllOrganizations", ""},
		{"search: an id is a fraction", search().Answers(`[{"email":"b@x.example","primaryLegalEntityId":1.5}]`), find, "primaryLegalEntityId", ""},
		{"get: 404", get().Refuses(404, "error.json"), read, "404", unproven},
		{"get: 405", get().Refuses(405, ""), read, "405", unproven},
		{"get: a list", get().Answers("[]"), read, "does not have the documented form", ""},
		{"get: an error with 200", get().Answers(`{"email":"b@x.example","error":"x"}`), read, assumed, ""},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.ReadFails(t, []step{test.step}, test.call, test.says, test.remedy) })
	}
	// After a 401 another token is asked for, once.
	refused := search().Refuses(401, "error.json")
	vendor.ReadFails(t, []step{refused, refused}, find, "401", "INTELAGREE_ACCOUNT_KEY")
}

func TestGet(t *testing.T) {
	vendor.Succeeds(t, []step{get()}, vendortest.Get("E-1042"), liveBill())
	// Of several keys of the type the one that was asked for counts.
	several := `{"email":"` + bill + `","businessKeys":[{"name":"rollcall","value":"E-1"},{"name":"rollcall","value":"E-1042"}]}`
	vendor.Succeeds(t, []step{get().Answers(several)}, vendortest.Get("E-1042"), &providers.User{ID: "E-1042", Email: bill, Attributes: map[string]providers.Live{}})
}

// Type and paths are settings, and what stands in a path is escaped.
func TestSettings(t *testing.T) {
	other := func(s *providers.Settings) {
		s.Config.Settings = map[string]string{keyTypeSetting: "CRM/eu"}
		s.Config.Tables = map[string]map[string]string{
			paths:  {findPath: "/people", getPath: "/by/{value}", updatePath: "/put/{type}/{value}"},
			asUser: {"type": "HR", "key": "E-0"},
		}
		s.Config.Assume = []string{"update"}
	}
	who := http.Header{"Asusertype": {"HR"}, "Asuserkey": {"E-0"}}
	user := `{"email":"` + bill + `","name":"B","legalName":"B","title":null,"userPermissions":[],"permissionPresets":[],"hasAllOrganizations":false,` +
		`"primaryLegalEntityId":null,"businessKeys":[{"name":"CRM/eu","value":"c 7/ü"}]}`
	find := step{Method: "GET", Path: "/people", Query: search().Query, Status: 200, Answer: "[" + user + "]"}
	vendor.Succeeds(t, []step{find}, vendortest.Who(vendortest.Search(bill)), []string{"c 7/ü " + bill}, other)
	one := step{Method: "GET", Path: "/by/c%207%2F%C3%BC", Status: 200, Answer: user}
	put := step{
		Method: "PUT", Path: "/put/CRM%2Feu/c%207%2F%C3%BC", Sends: who, Status: 204,
		Body: `{"email":"` + bill + `","name":"C","legalName":"B","hasAllOrganizations":false,"businessKeys":[{"entity":"User","name":"CRM/eu","value":"c 7/ü"}]}`,
	}
	vendor.Succeeds(t, []step{one, put}, vendortest.Update("c 7/ü", map[string]any{nameName: "C"}), providers.Receipt{UserID: "c 7/ü"}, other)
	post := create(`{"email":"` + bill + `"}`)
	post.Sends = who
	vendor.Succeeds(t, []step{post}, vendortest.Create(providers.Draft{Email: bill}), providers.Receipt{Stored: func() *providers.User { u := liveBill(); u.ID = ""; return u }()}, other)
}

// What a create answers is not documented: only the user himself is believed.
func TestCreateAnswers(t *testing.T) {
	draft := providers.Draft{Email: bill, Values: map[string]any{businessKeys: []any{businessKey("rollcall", "E-1042")}}}
	body := `{"email":"` + bill + `","businessKeys":[{"entity":"User","name":"rollcall","value":"E-1042"}]}`
	vendor.Succeeds(t, []step{create(body)}, vendortest.Create(draft), providers.Receipt{UserID: "E-1042", Stored: liveBill()})
	for _, answer := range []step{
		create(body).Refuses(201, ""), create(body).Refuses(204, ""), create(body).Refuses(202, `{"jobId":7}`), create(body).Refuses(200, `"E-1042"`),
		create(body).Refuses(200, `{"email":"other@example.com"}`), create(body).Refuses(200, `{"email":"`+bill+`","error":"x"}`), create(body).Refuses(201, "<html>"),
		create(body).Answers("<html>").As("text/html"), create(body).Answers(`{"email":`), create(body).Refuses(206, ""),
	} {
		receipt, err := vendor.Connect(t, vendor.Plays(t, answer)).Writer.(providers.Creator).Create(t.Context(), draft)
		// The vendor said that it is done: a second create could make a second user.
		if !providers.OutcomeUnknown(err) || providers.Repeatable(err) || receipt.Stored != nil {
			t.Errorf("%d %s: %+v %v", answer.Status, answer.Answer, receipt, err)
		}
	}
	for _, status := range []int{400, 403, 404, 409, 422} {
		vendor.WriteFails(t, []step{create(body).Refuses(status, "error.json")}, vendortest.Create(draft), http.StatusText(status), map[int]string{403: "ask IntelAgree which rights", 404: "check baseURL"}[status])
	}
}

// Without assume: [update] there is nothing to change users with.
func TestUpdateHasToBeAssumed(t *testing.T) {
	if _, can := vendor.Connect(t, vendor.Plays(t)).Writer.(providers.Updater); can {
		t.Error("users can be changed")
	}
	kind, config := vendor.Kind.Configure(sources.ProviderConfig{Name: "intelagree", Kind: "intelagree"})
	if kind.Cannot("update") == "" || config.OnLeave != "" {
		t.Errorf("%q %q", kind.Cannot("update"), config.OnLeave)
	}
	for _, a := range kind.Attributes {
		if (a.Mode == providers.Managed) != (a.Manual != "") {
			t.Errorf("%s: %q", a.Name, a.Manual)
		}
	}
}

// An update sends the whole user as he was read right before, with the new values.
func TestUpdate(t *testing.T) {
	title := map[string]any{titleName: "Head of Contracts"}
	vendor.Succeeds(t, []step{get(), update("update-request.json")}, vendortest.Update("E-1042", title), providers.Receipt{UserID: "E-1042", Stored: liveBill()}, assuming)
	// An answer that shows no user is no matter: he is read afterwards.
	vendor.Succeeds(t, []step{get(), update("update-request.json").Answers(`{"ok":true}`)}, vendortest.Update("E-1042", title), providers.Receipt{UserID: "E-1042"}, assuming)
	instead := `{"name":"Bill Smith","legalName":"William Smith","email":"` + bill + `","title":"Contract Manager","permissionPresets":["Reviewer"],"hasAllOrganizations":true,"primaryLegalEntityId":3,` +
		`"businessKeys":[{"entity":"User","name":"HR","value":"E-77"},{"entity":"User","name":"rollcall","value":"E-1042"}]}`
	vendor.Succeeds(t, []step{get(), update(instead)}, vendortest.Update("E-1042", map[string]any{permissions: []any{}, presets: []any{"Reviewer"}}), providers.Receipt{UserID: "E-1042", Stored: liveBill()}, assuming)
}

// Nothing is sent of somebody who is not wholly shown, is somebody else, or would have
// permissions in two ways.
func TestUpdateRefuses(t *testing.T) {
	for _, test := range []struct {
		answer, says, remedy string
		values               map[string]any
	}{
		{`{"email":"` + bill + `","name":"B","businessKeys":[{"name":"rollcall","value":"E-1042"}]}`, "legalName of the user is not shown", "ask IntelAgree", map[string]any{nameName: "C"}},
		{`{"email":"` + bill + `","businessKeys":[{"name":"rollcall","value":"E-2"}]}`, "another user", "", map[string]any{nameName: "C"}},
		{"get-response.json", "one request can have one of them", "as null", map[string]any{presets: []any{"Reviewer"}}},
	} {
		receipt, err := vendor.Connect(t, vendor.Plays(t, get().Answers(test.answer)), assuming).Writer.(providers.Updater).
			Update(t.Context(), providers.Patch{UserID: "E-1042", Values: test.values})
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(providers.Remedy(err), test.remedy) || providers.OutcomeUnknown(err) {
			t.Errorf("%+v %v; %s", receipt, err, providers.Remedy(err))
		}
	}
}

func TestRefusedCredentials(t *testing.T) {
	for name, broken := range map[string]string{"subscriptionKey": "", "accountKey": "two\nlines"} {
		_, err := vendor.Kind.Connect(t.Context(), vendor.Open(nil, func(s *providers.Settings) { s.Auth[name] = sources.NewSecret(broken) }))
		if err == nil || !strings.Contains(err.Error(), "INTELAGREE_") || strings.Contains(err.Error(), "two") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if cmp.Diff(vendor.Kind.Required, []string{nameName, legalName}) != "" {
		t.Error("a create wants other fields")
	}
}
