package myreports

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
)

func TestRoutes(t *testing.T) {
	done := providers.Receipt{UserID: ginaID}
	named := create("create-request.json")
	named.Header = http.Header{"X-Request-Id": {"r-1"}}
	gone := remove().Refuses(204, "")
	gone.Header = named.Header
	plain := func(s step) step { s.Sends = nil; return s }
	for _, test := range []struct {
		name   string
		steps  []step
		call   vendortest.Call
		want   any
		change []func(*providers.Settings)
	}{
		{name: "create", steps: []step{named}, call: vendortest.Create(newDraft(signIn)), want: providers.Receipt{UserID: newID, RequestID: "r-1", Stored: newUser()}},
		{name: "create without a role", steps: []step{create("create-request.json")}, call: vendortest.Create(newDraft()), want: providers.Receipt{UserID: newID, Stored: newUser()}},
		{name: "create with every field that is documented", steps: []step{create("create-full-request.json")}, call: vendortest.Create(newDraft(signIn, "customer.admin", "webhooks.admin")), want: providers.Receipt{UserID: newID, Stored: newUser()}},
		{name: "create with roles that lack the first", steps: []step{create("create-full-request.json")}, call: vendortest.Create(newDraft("customer.admin", "webhooks.admin")), want: providers.Receipt{UserID: newID, Stored: newUser()}},
		{name: "create of somebody whom another account owns", steps: []step{create("create-request.json").Answers("create-joined-response.json")}, call: vendortest.Create(newDraft()), want: providers.Receipt{UserID: joinedUser().ID, Stored: joinedUser()}},
		{name: "create that agrees to no charges", steps: []step{plain(create("create-request.json"))}, call: vendortest.Create(newDraft()), want: providers.Receipt{UserID: newID, Stored: newUser()}, change: []func(*providers.Settings){with(acceptCharges, "false")}},
		{name: "create that agrees to charges in so many words", steps: []step{create("create-request.json")}, call: vendortest.Create(newDraft()), want: providers.Receipt{UserID: newID, Stored: newUser()}, change: []func(*providers.Settings){with(acceptCharges, "true")}},
		{name: "update", steps: []step{update("update-request.json")}, call: vendortest.Update(ginaID, map[string]any{displayName: "Gina Diaz", rolesName: vendortest.Texts(signIn, "branding.admin")}), want: done},
		{name: "update with roles that lack the first", steps: []step{update("update-request.json")}, call: vendortest.Update(ginaID, map[string]any{displayName: "Gina Diaz", rolesName: vendortest.Texts("branding.admin")}), want: done},
		{name: "update of the name alone", steps: []step{update(`[{"op":"replace","path":"/displayName","value":"Gina Diaz"}]`)}, call: vendortest.Update(ginaID, map[string]any{displayName: "Gina Diaz"}), want: done},
		{name: "update that takes every role", steps: []step{update(`[{"op":"replace","path":"/roles","value":["account.user"]}]`)}, call: vendortest.Update(ginaID, map[string]any{rolesName: []any{}}), want: done},
		{name: "update to no role at all", steps: []step{update(`[{"op":"replace","path":"/roles","value":["account.user"]}]`)}, call: vendortest.Update(ginaID, map[string]any{rolesName: nil}), want: done},
		{name: "update that agrees to no charges", steps: []step{plain(update("update-request.json"))}, call: vendortest.Update(ginaID, map[string]any{displayName: "Gina Diaz", rolesName: vendortest.Texts(signIn, "branding.admin")}), want: done, change: []func(*providers.Settings){with(acceptCharges, "false")}},
		{name: "delete of a membership", steps: []step{get(200, "get-elsewhere-response.json"), remove()}, call: vendortest.Delete(ginaID), want: done},
		{name: "delete answered without a body", steps: []step{get(200, "get-elsewhere-response.json"), gone}, call: vendortest.Delete(ginaID), want: providers.Receipt{UserID: ginaID, RequestID: "r-1"}},
		{name: "delete everywhere", steps: []step{get(200, "get-response.json"), remove()}, call: vendortest.Delete(ginaID), want: done, change: []func(*providers.Settings){with(deleteEverywhere, "true")}},
		{name: "delete of somebody who is gone", steps: []step{get(404, "error-404.json")}, call: vendortest.Delete(ginaID), want: done},
		{name: "get", steps: []step{get(200, "get-response.json")}, call: vendortest.Get(ginaID), want: liveGina()},
		{name: "get, answered with a charset", steps: []step{get(200, "get-response.json").As("application/json; charset=utf-8")}, call: vendortest.Get(ginaID), want: liveGina()},
		{
			name: "an id is one path segment", steps: []step{{Method: "GET", Path: users + "/a%2Fb%3Fc", Status: 200, Answer: `{"data":{"id":"a/b?c"}}`}},
			call: vendortest.Get("a/b?c"), want: &providers.User{ID: "a/b?c", Attributes: map[string]providers.Live{}},
		},
		{
			name: "list", steps: []step{list(0).Answers("list-response.json")}, call: vendortest.List(),
			want: []*providers.User{listed(ginaID, "Gina@example.com", "Gina Costa", tenant), listed("a1b2c3d4-0000-4000-8000-000000000002", "hugo@example.com", "Hugo Lima", other)},
		},
		{name: "list of nobody", steps: []step{list(0).Answers("list-empty-response.json")}, call: vendortest.List(), want: []*providers.User(nil)},
		{name: "search in the list", steps: []step{list(0).Answers("list-response.json")}, call: vendortest.Search(gina), want: []*providers.User{listed(ginaID, "Gina@example.com", "Gina Costa", tenant)}},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Succeeds(t, test.steps, test.call, test.want, test.change...) })
	}
}

// Every region answers at an address of its own, and a baseURL that is configured
// beats it.
func TestRegions(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*providers.Settings)
		host   string
	}{
		"na": {with(region, "na"), "api.na.myreports.cloud"}, "eu": {with(region, "eu"), "api.eu.myreports.cloud"},
		"uk": {with(region, "uk"), "api.uk.myreports.cloud"}, "au": {with(region, "au"), "api.au.myreports.cloud"},
		"an address of its own": {func(s *providers.Settings) { with(region, "eu")(s); s.Config.BaseURL = "https://proxy.example.com/my" }, "proxy.example.com"},
		"an address alone":      {func(s *providers.Settings) { with(region, "")(s); s.Config.BaseURL = "https://proxy.example.com/my" }, "proxy.example.com"},
	} {
		asked := ""
		c := vendor.Connect(t, vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
			asked = r.URL.Host
			return vendor.Reply(t, r, get(200, "get-response.json")), nil
		}), test.change)
		if _, err := c.Reader.Get(t.Context(), ginaID); err != nil || asked != test.host {
			t.Errorf("%s: asked %q, %v", name, asked, err)
		}
	}
	for name, change := range map[string]func(*providers.Settings){"no region": with(region, ""), "another region": with(region, "us"), "no account": with(account, "")} {
		_, err := vendor.Kind.Connect(t.Context(), vendor.Open(vendor.Plays(t), change))
		if err == nil || !strings.Contains(err.Error(), "set "+strings.TrimPrefix(strings.TrimPrefix(name, "no "), "another ")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a read is refused with proves nothing, says what to do, and tells nothing of
// what was answered.
func TestReadsThatProveNothing(t *testing.T) {
	const credentials = "look at environment variable MYREPORTS_CLIENT_ID and environment variable MYREPORTS_CLIENT_SECRET and file myreports.token, or give the consent again: rollcall login myreports"
	const unproven, there = "does not prove that there is no such user", "check account, and region or baseURL"
	html := func(s step) step { return s.Refuses(404, "<html></html>").As("text/html") }
	for _, test := range []struct {
		name         string
		step         step
		says, remedy string
	}{
		{"get: a bad id", get(400, "error-400.json"), "400 Bad Request (code 400)", ""},
		{"get: not permitted", get(403, ""), "403 Forbidden", "REST API Administrator"},
		{"get: not permitted, with a body", get(403, `{"error":403,"message":"gina@example.com","status":"error"}`), "403 Forbidden (code 403)", "REST API Administrator"},
		{"get: 404 without a body", get(404, ""), "404", unproven},
		{"get: 404 of a proxy", html(get(404, "")), "404", unproven},
		{"get: 404 called something else", get(404, "error-404.json").As("text/plain"), "404", unproven},
		{"get: 404 of a gateway", get(404, `{"message":"no Route matched"}`), "404", unproven},
		{"get: 404 of a gateway with a status", get(404, `{"timestamp":"x","status":404,"error":"Not Found"}`), "404", unproven},
		{"get: 404 of a gateway with an error in it", get(404, `{"error":404,"message":"Not Found"}`), "404", unproven},
		{"get: 404 with another error in it", get(404, "error-400.json"), "404", unproven},
		{"get: 404 that is about something else", get(404, "error-400-primary.json"), "404", unproven},
		{"get: 405", get(405, ""), "405", unproven},
		{"get: nobody", get(200, `{"data":null,"status":"success"}`), "documented form at data.id", ""},
		{"get: an error with 200", get(200, "error-404.json"), "documented form at status", ""},
		{"get: another status", get(200, `{"data":{"id":"U-1"},"status":"Success"}`), "documented form at status", ""},
		{"get: two ids", get(200, `{"data":{"id":"U-1","id":"U-2"}}`), "says the same thing twice", ""},
		{"get: a list", get(200, `{"data":[{"id":"U-1"}]}`), "documented form at data", ""},
		{"list: a bad account", list(0).Refuses(400, "error-400.json"), "400 Bad Request (code 400)", ""},
		{"list: an account that there is not", list(0).Refuses(404, "error-404.json"), "404", there},
		{"list: 404 of a proxy", html(list(0)), "404", there},
		{"list: 405", list(0).Refuses(405, ""), "405", there},
		{"list: not permitted", list(0).Refuses(403, ""), "403", "REST API Administrator"},
		{"list: no users", list(0).Answers(`{"page_size":0,"status":"success"}`), "documented form at data", ""},
		{"list: users that are null", list(0).Answers(`{"data":null,"status":"success"}`), "documented form at data", ""},
		{"list: users under another spelling", list(0).Answers(`{"DATA":[],"status":"success"}`), "documented form at data", ""},
		{"list: nobody, without a status", list(0).Answers(`{"page_size":0,"data":[]}`), "documented form at status", ""},
		{"list: nobody, with another status", list(0).Answers(`{"data":[],"status":"error"}`), "documented form at status", ""},
		{"list: somebody, with another status", list(0).Answers(`{"data":[{"id":"U-1"}],"status":"error"}`), "documented form at status", ""},
		{"list: more users than its size", list(0).Answers(someone("u", 2, `"page_size":1`)), "documented form at page_size", ""},
		{"list: a size below 0", list(0).Answers(`{"page_size":-1,"data":[],"status":"success"}`), "documented form at page_size", ""},
		{"list: another page", list(0).Answers(someone("u", 2, `"page_index":1`)), "documented form at page_index", ""},
		{"list: a user without an id", list(0).Answers(`{"data":[{"id":"U-1"},{"email":"x@example.com"}],"status":"success"}`), "documented form at data.id", ""},
		{"list: a user whose address is none", list(0).Answers(`{"data":[{"id":"U-1","email":7}],"status":"success"}`), "documented form at data.email", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			call := vendortest.Get(ginaID)
			if strings.HasPrefix(test.name, "list") {
				call = vendortest.List()
			}
			vendor.ReadFails(t, []step{test.step}, call, test.says, test.remedy)
		})
	}
	for _, name := range []string{"get", "list", "search"} {
		t.Run(name+": credentials refused", func(t *testing.T) {
			once := uses()[name].steps[0].Refuses(401, "")
			vendor.ReadFails(t, []step{once, once}, uses()[name].call, "401 Unauthorized", credentials)
		})
	}
}

// A 404 in the vendor's own form is the proof.
func TestGetProvesAbsence(t *testing.T) {
	for _, body := range []string{"error-404.json", `{"error":404,"status":"error"}`, `{"error":404,"errorCode":"","message":"x","status":"error"}`} {
		_, err := vendor.Connect(t, vendor.Plays(t, get(404, body))).Reader.Get(t.Context(), ginaID)
		if !errors.Is(err, providers.ErrAbsent) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// A definitive refusal of a write did nothing, says what to do, tells nothing of what
// was sent, and is not repeated.
func TestRefusedWrites(t *testing.T) {
	const role, owner = "REST API Administrator", "another account owns this user, and only that one may do this"
	for _, refusal := range []struct {
		status       int
		answer       string
		says, remedy string
	}{
		{400, "error-400.json", "400 Bad Request (code 400, request", ""},
		{400, "error-400-primary.json", "400 Bad Request (code TenantNotPrimary, request", owner},
		{400, "", "400 Bad Request (request", ""},
		{403, "", "403 Forbidden (request", role},
		{404, "error-404.json", "404 Not Found (code 404, request", ""},
		{405, "", "405", ""},
		{409, "", "409", ""},
		{415, "", "415", ""},
	} {
		for _, operation := range []string{"create", "update"} {
			t.Run(fmt.Sprintf("%s: %d %s", operation, refusal.status, refusal.answer), func(t *testing.T) {
				vendor.WriteFails(t, []step{uses()[operation].steps[0].Refuses(refusal.status, refusal.answer)}, uses()[operation].call, refusal.says, refusal.remedy)
			})
		}
		t.Run(fmt.Sprintf("delete: %d %s", refusal.status, refusal.answer), func(t *testing.T) {
			refused := remove().Refuses(refusal.status, refusal.answer)
			refused.Header = http.Header{"X-Request-Id": {"r-1"}}
			steps := []step{get(200, "get-elsewhere-response.json"), refused}
			if refusal.status == 404 { // it is looked whether he is gone
				steps = append(steps, get(200, "get-elsewhere-response.json"))
			}
			got, err := vendortest.Delete(ginaID)(t.Context(), vendor.Connect(t, vendor.Plays(t, steps...)))
			if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), refusal.says) || !strings.Contains(providers.Remedy(err), refusal.remedy) || got.(providers.Receipt).RequestID != "r-1" {
				t.Errorf("%+v %v, remedy %q", got, err, providers.Remedy(err))
			}
		})
	}
	// Credentials that are refused are renewed once.
	for _, operation := range []string{"create", "update", "delete"} {
		t.Run(operation+": credentials refused", func(t *testing.T) {
			first := uses()[operation].steps[0].Refuses(401, "")
			steps := []step{first, first}
			if operation == "create" { // which is left to whoever looks first
				steps = steps[:1]
			}
			_, err := uses()[operation].call(t.Context(), vendor.Connect(t, vendor.Plays(t, steps...)))
			if !providers.CredentialsRefused(err) || providers.OutcomeUnknown(err) || !strings.Contains(providers.Remedy(err), "rollcall login myreports") {
				t.Errorf("%v, remedy %q", err, providers.Remedy(err))
			}
		})
	}
}

// Whom a deletion would take away is looked at before it is sent.
func TestDeleteLooksFirst(t *testing.T) {
	owned := strings.Replace(string(vendortest.Fixture(t, "get-response.json")), tenant, strings.ToUpper(tenant), 1)
	const held, remedy = "deletes him from all account tenants", "set deleteEverywhere: true for myreports, or remove him by hand"
	for _, test := range []struct {
		name         string
		look         step
		change       func(*providers.Settings)
		says, remedy string
	}{
		{"this account owns him", get(200, "get-response.json"), with(), held, remedy},
		{"this account owns him, in capitals", get(200, owned), with(), held, remedy},
		{"this account owns him, and the configuration says no", get(200, "get-response.json"), with(deleteEverywhere, "false"), held, remedy},
		{"his owner is not shown", get(200, `{"data":{"id":"`+ginaID+`"}}`), with(deleteEverywhere, "true"), "his primary tenant is not shown", "by hand"},
		{"his owner is null", get(200, `{"data":{"id":"`+ginaID+`","primaryTenant":null}}`), with(), "his primary tenant is not shown", "by hand"},
		{"somebody else", get(200, "create-joined-response.json"), with(deleteEverywhere, "true"), "answered another user", ""},
		{"no proof that he is gone", get(404, ""), with(), "404", "does not prove"},
		{"not permitted", get(403, ""), with(), "403", "REST API Administrator"},
		{"a bad id", get(400, "error-400.json"), with(), "400", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.look.Header = http.Header{"X-Request-Id": {"r-1"}}
			receipt, err := vendor.Connect(t, vendor.Plays(t, test.look), test.change).Writer.(providers.Deleter).Delete(t.Context(), ginaID)
			if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), test.says) || !strings.Contains(providers.Remedy(err), test.remedy) {
				t.Errorf("%v, remedy %q", err, providers.Remedy(err))
			}
			if receipt.UserID != ginaID || receipt.RequestID != "r-1" {
				t.Errorf("%+v", receipt)
			}
		})
	}
}

// A 404 to a delete is done only when reading the user proves that there is none.
func TestDeleteNotFound(t *testing.T) {
	for _, test := range []struct {
		name string
		then step
		gone bool
	}{
		{"gone", get(404, "error-404.json"), true},
		{"still there", get(200, "get-elsewhere-response.json"), false},
		{"no answer", get(403, ""), false},
		{"no proof", get(404, ""), false},
		{"no proof of a proxy", get(404, "<html></html>").As("text/html"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			steps := []step{get(200, "get-elsewhere-response.json"), remove().Refuses(404, "error-404.json"), test.then}
			receipt, err := vendor.Connect(t, vendor.Plays(t, steps...)).Writer.(providers.Deleter).Delete(t.Context(), ginaID)
			if (err == nil) != test.gone || receipt.UserID != ginaID || !test.gone && !strings.Contains(err.Error(), "DELETE") {
				t.Errorf("%+v %v", receipt, err)
			}
		})
	}
}

// A create that is answered in a way that can not be used may have had its effect.
func TestCreateInDoubt(t *testing.T) {
	made := create("create-request.json")
	for name, answer := range map[string]step{
		"no body": made.Answers(""), "null": made.Answers("null"), "a list": made.Answers("[]"), "a text": made.Answers(`"success"`),
		"without a user": made.Answers(`{"status":"success"}`), "without id": made.Answers(`{"data":{"email":"x@example.com"},"status":"success"}`),
		"an empty id": made.Answers(`{"data":{"id":""},"status":"success"}`), "an id that is a number": made.Answers(`{"data":{"id":7},"status":"success"}`),
		"roles that are none": made.Answers(`{"data":{"id":"U-1","roles":7},"status":"success"}`), "another status": made.Answers(`{"data":{"id":"U-1"},"status":"error"}`),
		"an error with 201": made.Answers("error-400.json"), "two ids": made.Answers(`{"data":{"id":"U-1","id":"U-2"}}`),
		"broken": made.Answers(`{"data":`), "HTML": made.Answers("<html></html>").As("text/html"),
		"200": made.Refuses(200, "create-response.json"), "204": made.Refuses(204, ""), "302": made.Refuses(302, ""),
	} {
		t.Run(name, func(t *testing.T) {
			receipt, err := vendor.Connect(t, vendor.Plays(t, answer)).Writer.(providers.Creator).Create(t.Context(), newDraft())
			vendortest.InDoubt(t, receipt, err)
		})
	}
}

// lost are the ways in which an answer does not come, or not from the vendor.
func lost(s step) map[string]step {
	closed := s
	closed.Lost = true
	all := map[string]step{"closed": closed, "cut": s.Answers(`{"data":{"id":"b9126c20`), "502 of a proxy": s.Refuses(502, "<html></html>").As("text/html")}
	for _, status := range []int{408, 500, 503, 504} {
		all[fmt.Sprint(status)] = s.Refuses(status, "")
	}
	return all
}

// A lost answer to what must not be done twice is never followed by a second POST.
func TestLostAnswerIsNotFollowedBySecondPost(t *testing.T) {
	for name, answer := range lost(create("create-request.json")) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				receipt, err := vendor.Connect(t, vendor.Plays(t, answer)).Writer.(providers.Creator).Create(t.Context(), newDraft())
				vendortest.InDoubt(t, receipt, err)
			})
		})
	}
}

// A lost answer to what sets a state is followed by another try.
func TestLostAnswerToUpdateIsFollowedByAnother(t *testing.T) {
	for _, operation := range []string{"update", "delete"} {
		use := uses()[operation]
		last := len(use.steps) - 1
		for name, answer := range lost(use.steps[last]) {
			if name == "cut" { // what they are answered with is not needed
				continue
			}
			t.Run(operation+": "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					steps := append(slices.Clone(use.steps[:last]), answer, use.steps[last])
					vendor.Succeeds(t, steps, use.call, providers.Receipt{UserID: ginaID})
				})
			})
		}
	}
}

// A wait that the vendor asks for is kept to, on every route, and then the call is
// made once more: nothing was done.
func TestRateLimited(t *testing.T) {
	for _, operation := range operations() {
		t.Run(operation, func(t *testing.T) {
			use := uses()[operation]
			limited := use.steps[0].Refuses(429, "")
			limited.Header = http.Header{"Retry-After": {"60"}}
			vendor.Waits(t, use.call, time.Minute, append([]step{limited}, use.steps...)...)
		})
	}
}

// An address that is longer than the vendor takes is not sent.
func TestLongAddress(t *testing.T) {
	draft := newDraft()
	draft.Email = strings.Repeat("x", 190) + "@example.com"
	receipt, err := vendor.Connect(t, vendor.Plays(t)).Writer.(providers.Creator).Create(t.Context(), draft)
	if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), "at most 200 characters, and this one has 202") || strings.Contains(err.Error(), "@") || providers.Remedy(err) == "" || receipt.UserID != "" {
		t.Errorf("%+v %v", receipt, err)
	}
}

func TestErrorCode(t *testing.T) {
	vendortest.ErrorCodes(t, errorCode, map[string][2]string{
		"error-400.json":                                    {"400", ""},
		"error-400-primary.json":                            {"TenantNotPrimary", ""},
		"error-404.json":                                    {"404", ""},
		`{"error":404,"status":"error"}`:                    {"404", ""},
		`{"error":404,"errorCode":null,"status":"error"}`:   {"404", ""},
		`{"error":404,"errorCode":"","status":"error"}`:     {"404", ""},
		`{"error":"Not Found","status":404}`:                {"", ""},
		`{"error":404}`:                                     {"", ""},
		`{"error":404,"status":"success"}`:                  {"", ""},
		`{"errorCode":"TenantNotPrimary","status":"error"}`: {"", ""},
		`{"error":404.5,"status":"error"}`:                  {"", ""},
		`{"error":404,"errorCode":7,"status":"error"}`:      {"", ""},
		`{"message":"x"}`:                                   {"", ""},
		`[]`:                                                {"", ""},
		``:                                                  {"", ""},
	})
}

// The calls that have to be told apart by tests are all there are.
func TestUses(t *testing.T) {
	if got := slices.Sorted(maps.Keys(uses())); !slices.Equal(got, []string{"create", "delete", "get", "list", "search", "update"}) {
		t.Error(got)
	}
}
