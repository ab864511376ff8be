package vendasta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/providers"
	"rollcall/providers/internal/vendortest"
)

// phone, fullAddress and liveBill are what the fixtures show.
var (
	phone       = map[string]any{"number": "+1 306 555 1234 ext. 5", "typeCode": "mobile"}
	fullAddress = map[string]any{
		"line1": "190 11th Street E.", "line2": "Unit 342", "city": "Saskatoon",
		"postalCode": "H0H 0H0", "regionCode": "CA-SK", "countryCode": "CA",
	}
)

func liveBill(change map[string]any) *providers.User {
	user := &providers.User{ID: userID, Email: "bill@example.com", Attributes: map[string]providers.Live{
		"givenName": providers.Show("William"), "familyName": providers.Show("Smith"), "greetingName": providers.Show("Billy"),
		"languageLocaleCode": providers.Show("en-US"), "timeZone": providers.Show("America/Regina"),
		"phoneNumbers": providers.Show([]any{phone}), "address": providers.Show(fullAddress),
		platformAccess: providers.Show(nil), businessLocations: providers.Show(nil),
	}}
	for name, value := range change {
		user.Attributes[name] = providers.Show(value)
	}
	return user
}

// ana2023 is the user of the answers of 2023: blank where nothing is set, and
// platformAccess without data.
func ana2023() *providers.User {
	return &providers.User{ID: userID, Email: "ana@example.com", Attributes: map[string]providers.Live{
		"givenName": providers.Show("Ana"), "familyName": providers.Show("Souza"), "greetingName": providers.Show(nil),
		"languageLocaleCode": providers.Show(nil), "timeZone": providers.Show(nil), "phoneNumbers": providers.Show(nil),
		"address":         providers.Show(map[string]any{"line1": "1 Main St", "city": "Regina", "regionCode": "CA-SK", "countryCode": "CA"}),
		businessLocations: providers.Show(anyList("AG-123")),
	}}
}

func search(email string) step {
	return step{Method: "GET", Path: "/users", Query: url.Values{"filter[partner.id]": {"ABC"}, "filter[email]": {email}}, Status: 200}
}

func get(status int, answer string) step {
	return step{Method: "GET", Path: "/users/" + userID, Status: status, Answer: answer}
}

// seedDraft is the create request of the seed, under the current names.
func seedDraft() providers.Draft {
	return providers.Draft{Email: "bill@example.com", Values: map[string]any{
		"givenName": "William", "familyName": "Smith", "greetingName": "Billy", "languageLocaleCode": "en-US",
		"phoneNumbers": []any{phone}, "address": fullAddress, "timeZone": "America/Regina",
		platformAccess: anyList("ssc:access", "ssc:manage"),
	}}
}

func cursor(value string) url.Values {
	return url.Values{"page[limit]": {"10"}, "page[cursor]": {value}}
}

func TestRoutes(t *testing.T) {
	created := liveBill(map[string]any{platformAccess: anyList("ssc:access", "ssc:manage")})
	location := http.Header{"Location": {Kind().BaseURL + "/users/" + userID}, "X-Request-Id": {"r-1"}}
	updated := liveBill(map[string]any{"givenName": "Will", platformAccess: anyList("tm:access")})
	lists := map[string]any{platformAccess: []any{}, businessLocations: []any{}}
	for _, test := range []struct {
		name  string
		steps []step
		call  vendortest.Call
		want  any
	}{
		{
			"create",
			[]step{{Method: "POST", Path: "/users", Body: "create-request.json", Status: 201, Answer: "create-response.json", Header: location}},
			vendortest.Create(seedDraft()),
			providers.Receipt{UserID: userID, RequestID: "r-1", Stored: created},
		},
		{
			"update",
			[]step{{Method: "PATCH", Path: "/users/" + userID, Body: "update-request.json", Status: 200, Answer: "update-response.json"}},
			vendortest.Update(userID, map[string]any{"givenName": "Will", "address": fullAddress, platformAccess: anyList("tm:access")}),
			providers.Receipt{UserID: userID, Stored: updated},
		},
		{
			"suspend: both lists empty in one PATCH",
			[]step{{Method: "PATCH", Path: "/users/" + userID, Body: "suspend-request.json", Status: 200, Answer: "suspend-response.json"}},
			vendortest.Update(userID, lists),
			providers.Receipt{UserID: userID, Stored: liveBill(nil)},
		},
		{
			"an update answered without the user",
			[]step{{Method: "PATCH", Path: "/users/" + userID, Body: "suspend-request.json", Status: 200, Answer: `{"data":null}`}},
			vendortest.Update(userID, lists),
			providers.Receipt{UserID: userID},
		},
		{
			"an update answered with another user",
			[]step{{Method: "PATCH", Path: "/users/U-2", Body: `{"data":{"type":"users","id":"U-2","attributes":{"givenName":"Will"}}}`, Status: 200, Answer: "update-response.json"}},
			vendortest.Update("U-2", map[string]any{"givenName": "Will"}),
			providers.Receipt{UserID: "U-2"},
		},
		{
			"delete",
			[]step{{Method: "DELETE", Path: "/users/" + userID, Status: 204, Header: location}},
			vendortest.Delete(userID),
			providers.Receipt{UserID: userID, RequestID: "r-1"},
		},
		{
			"invite",
			[]step{{Method: "GET", Path: "/users/" + userID + "/actions/sendWelcomeEmail", Status: 202}},
			vendortest.Invite(userID),
			providers.Receipt{UserID: userID},
		},
		{
			"get",
			[]step{get(200, "get-response.json")},
			vendortest.Get(userID),
			liveBill(map[string]any{platformAccess: anyList("pc:access", "crm:contacts:write:own"), businessLocations: anyList("AG-123")}),
		},
		{
			"get as answered in 2023",
			[]step{get(200, "get-2023-response.json")},
			vendortest.Get(userID),
			ana2023(),
		},
		{
			"an id is one path segment",
			[]step{{Method: "GET", Path: "/users/a%2Fb%3Fc", Status: 200, Answer: `{"data":{"type":"users","id":"a/b?c"}}`}},
			vendortest.Get("a/b?c"),
			&providers.User{ID: "a/b?c", Attributes: map[string]providers.Live{}},
		},
		{
			"search finds nobody",
			[]step{search("ana@example.com").Answers("search-empty-response.json")},
			vendortest.Search("ana@example.com"),
			[]*providers.User(nil),
		},
		{
			"search finds one",
			[]step{search("ana@example.com").Answers("search-one-response.json")},
			vendortest.Search("ana@example.com"),
			[]*providers.User{ana2023()},
		},
		{
			"search sends the address as it is written",
			[]step{search("A+b&c=d#e@Example.com").Answers("search-empty-response.json")},
			vendortest.Search("A+b&c=d#e@Example.com"),
			[]*providers.User(nil),
		},
		{
			"search follows links.next as given",
			[]step{
				search("bill@example.com").Answers("search-page-1-response.json"),
				{Method: "GET", Path: "/users", Query: cursor("eyJwIjoiQUJDIiwiYSI6MX0=="), Status: 200, Answer: "search-page-2-response.json"},
			},
			vendortest.Who(vendortest.Search("bill@example.com")),
			[]string{"U-1 bill@example.com", "U-2 Bill@Example.com"},
		},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Succeeds(t, test.steps, test.call, test.want) })
	}
}

// What is no proof is an error: no search and no get below tells of absence.
func TestReadErrors(t *testing.T) {
	find, read := vendortest.Search("ana@example.com"), vendortest.Get(userID)
	html := "<html>not here</html>"
	loop := `{"data":[],"links":{"next":"` + Kind().BaseURL + `/users?page[cursor]=a"}}`
	page := func(answer string) step {
		return step{Method: "GET", Path: "/users", Query: url.Values{"page[cursor]": {"a"}}, Status: 200, Answer: answer}
	}
	one := search("ana@example.com")
	for _, test := range []struct {
		name   string
		steps  []step
		call   vendortest.Call
		says   string
		remedy string
	}{
		{"search: 400", []step{one.Refuses(400, "error-422-query.json")}, find, "400 Bad Request (code QueryParameterBadValue, at filter[partner.id])", ""},
		{"search: 422", []step{one.Refuses(422, "error-422-query.json")}, find, "QueryParameterBadValue", ""},
		{"search: 403", []step{one.Refuses(403, "error-403.json")}, find, "403 Forbidden (code Forbidden)", "user.admin"},
		{"search: 401", []step{one.Refuses(401, "error-401.json")}, find, "401 Unauthorized", "look at environment variable VENDASTA_TOKEN"},
		{"search: 404 in the vendor's form", []step{one.Refuses(404, "error-404.json")}, find, "404 Not Found (code NotFound)", "check baseURL"},
		{"search: 404 of a proxy", []step{one.Refuses(404, html).As("text/html")}, find, "404 Not Found", "check baseURL"},
		{"search: 405", []step{one.Refuses(405, "")}, find, "405", "check baseURL"},
		{"search: 501", []step{one.Refuses(501, "")}, find, "501", "check baseURL"},
		{"search: 204", []step{one.Refuses(204, "")}, find, "204", ""},
		{"search: 206", []step{one.Refuses(206, "search-empty-response.json")}, find, "206", ""},
		{"search: 200 without a body", []step{one}, find, "can not be decoded", ""},
		{"search: HTML", []step{one.Refuses(200, html).As("text/html")}, find, "the answer is text/html", ""},
		{"search: not JSON", []step{one.Answers("data")}, find, "broken JSON", ""},
		{"search: without data", []step{one.Answers(`{"links":{}}`)}, find, "documented form at data", ""},
		{"search: null", []step{one.Answers(`null`)}, find, "documented form at data", ""},
		{"search: data is null", []step{one.Answers(`{"data":null}`)}, find, "documented form at data", ""},
		{"search: data is an object", []step{one.Answers("get-response.json")}, find, "documented form at data", ""},
		{"search: an error with 200", []step{one.Answers("error-404.json")}, find, "documented form at errors", ""},
		{"search: nobody and an error", []step{one.Answers(`{"data":[],"errors":[{"status":"500"}]}`)}, find, "documented form at errors", ""},
		{"search: data twice", []step{one.Answers(`{"data":[{"type":"users","id":"U-1"}],"data":[]}`)}, find, "says the same thing twice", ""},
		{"search: data in another spelling", []step{one.Answers(`{"Data":[]}`)}, find, "documented form at data", ""},
		{"search: no UTF-8", []step{one.Answers("{\"data\":[],\"x\":\"\xff\"}")}, find, "can not be decoded", ""},
		{"search: a link to what has an effect", []step{one.Answers(`{"data":[],"links":{"next":"https://prod.apigateway.co/platform/users/U-1/actions/sendWelcomeEmail"}}`)}, find, "something else than was asked for", ""},
		{"search: a hole in the list", []step{one.Answers(`{"data":[null]}`)}, find, "documented form at data.type", ""},
		{"search: another type", []step{one.Answers(`{"data":[{"type":"businesses","id":"U-1"}]}`)}, find, "documented form at data.type", ""},
		{"search: without id", []step{one.Answers(`{"data":[{"type":"users"}]}`)}, find, "documented form at data.id", ""},
		{"search: another partner's user", []step{one.Answers(`{"data":[{"type":"users","id":"U-1","relationships":{"partner":{"data":{"type":"partners","id":"XYZ"}}}}]}`)}, find, "another partner", "setting partner"},
		{"search: one bad user among good ones", []step{one.Answers(`{"data":[{"type":"users","id":"U-1","attributes":{"email":"ana@example.com"}},{"type":"users","id":"U-2","attributes":{"email":7}}]}`)}, find, "documented form at data.attributes.email", ""},
		{"search: links.next is no text", []step{one.Answers(`{"data":[],"links":{"next":7}}`)}, find, "documented form at links.next", ""},
		{"search: links.next to another host", []step{one.Answers(`{"data":[],"links":{"next":"https://evil.example.com/platform/users?a=b"}}`)}, find, "another host", ""},
		{"search: links.next out of the API", []step{one.Answers(`{"data":[],"links":{"next":"https://prod.apigateway.co/other/users"}}`)}, find, "out of the base URL", ""},
		{"search: links.next over http", []step{one.Answers(`{"data":[],"links":{"next":"http://prod.apigateway.co/platform/users"}}`)}, find, "another host", ""},
		{"search: a page that names itself", []step{one.Answers(loop), page(loop)}, find, "the same page again", ""},
		{"search: the second page fails", []step{one.Answers(loop), page("").Refuses(403, "error-403.json")}, find, "403", "user.admin"},
		{"get: another partner's user", []step{get(200, `{"data":{"type":"users","id":"U-1","relationships":{"partner":{"data":{"type":"partners","id":"XYZ"}}}}}`)}, read, "another partner", "setting partner"},
		{"get: without data", []step{get(200, `{"links":{}}`)}, read, "documented form at data", ""},
		{"get: null", []step{get(200, `null`)}, read, "documented form at data", ""},
		{"get: data is a list", []step{get(200, "search-one-response.json")}, read, "documented form at data", ""},
		{"get: another type", []step{get(200, `{"data":{"type":"user","id":"U-1"}}`)}, read, "documented form at data.type", ""},
		{"get: without id", []step{get(200, `{"data":{"type":"users","id":""}}`)}, read, "documented form at data.id", ""},
		{"get: 404 of a proxy", []step{get(404, html).As("text/html")}, read, "404", "does not prove"},
		{"get: 404 without a body", []step{get(404, "")}, read, "404", "does not prove"},
		{"get: 404 of a gateway", []step{get(404, `{"message":"no Route matched"}`).As("application/json")}, read, "404", "does not prove"},
		{"get: 403", []step{get(403, "error-403.json")}, read, "403", "user.admin"},
		{"get: 405", []step{get(405, "")}, read, "405", "check baseURL"},
		{"get: 410", []step{get(410, "error-404.json")}, read, "410", ""},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.ReadFails(t, test.steps, test.call, test.says, test.remedy) })
	}
}

// A 404 in the vendor's own form is the proof, whatever the code.
func TestGetProvesAbsence(t *testing.T) {
	for _, body := range []string{"error-404.json", `{"errors":[{"status":"404","title":"Not found"}]}`, `{"errors":[{"title":"Not found"}]}`, `{"errors":[{"code":404}]}`, `{"errors":[{"code":"Not Found!"}]}`} {
		_, err := vendor.Connect(t, vendor.Plays(t, get(404, body))).Reader.Get(t.Context(), userID)
		if !errors.Is(err, providers.ErrAbsent) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestSearchPageBudget(t *testing.T) {
	steps := make([]step, maxPages)
	for i := range steps {
		steps[i] = step{
			Method: "GET", Path: "/users", Query: url.Values{"page[cursor]": {fmt.Sprint(i)}}, Status: 200,
			Answer: fmt.Sprintf(`{"data":[],"links":{"next":%q}}`, fmt.Sprintf("%s/users?page[cursor]=%d", Kind().BaseURL, i+1)),
		}
	}
	steps[0].Query = search("ana@example.com").Query
	_, err := vendor.Connect(t, vendor.Plays(t, steps...)).Reader.Search(t.Context(), "ana@example.com")
	if err == nil || !strings.Contains(err.Error(), "more than 20 pages") {
		t.Error(err)
	}
}

// As many pages as are allowed are an answer.
func TestSearchLastPage(t *testing.T) {
	steps := make([]step, maxPages)
	for i := range steps {
		steps[i] = step{
			Method: "GET", Path: "/users", Query: url.Values{"page[cursor]": {fmt.Sprint(i)}}, Status: 200,
			Answer: fmt.Sprintf(`{"data":[],"links":{"next":%q}}`, fmt.Sprintf("%s/users?page[cursor]=%d", Kind().BaseURL, i+1)),
		}
	}
	steps[0].Query = search("ana@example.com").Query
	steps[maxPages-1].Answer = "search-empty-response.json"
	if users, err := vendor.Connect(t, vendor.Plays(t, steps...)).Reader.Search(t.Context(), "ana@example.com"); err != nil || len(users) > 0 {
		t.Error(users, err)
	}
}

// Waits are as the vendor's plain 429 and its header say.
func TestRateLimitForms(t *testing.T) {
	find := search("ana@example.com")
	header := find.Refuses(429, "")
	header.Header = http.Header{"Retry-After": {"9"}}
	for _, test := range []struct {
		name  string
		first step
		wait  time.Duration
	}{{"in the body", find.Refuses(429, "error-429.json").As("application/json"), 7 * time.Second}, {"in the header", header, 9 * time.Second}} {
		t.Run(test.name, func(t *testing.T) {
			vendor.Waits(t, vendortest.Search("ana@example.com"), test.wait, test.first, find.Answers("search-empty-response.json"))
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"details":{"retryAfter":7}}`: 7 * time.Second, `{"details":{"retryAfter":0.5}}`: 500 * time.Millisecond,
		`{"details":{"retryAfter":1e300}}`: 1e9 * time.Second, `{"details":{"retryAfter":-1}}`: 0, `{"details":{"retryAfter":0}}`: 0,
		`{"details":{"retryAfter":"7"}}`: 0, `{"details":[]}`: 0, `{}`: 0, `[]`: 0, ``: 0, `<html>`: 0, `{"retryAfter":7}`: 0,
	} {
		if got, said := retryAfter([]byte(body)); got != want || said != (want > 0) {
			t.Errorf("%s: %s %v", body, got, said)
		}
	}
}

func TestErrorCode(t *testing.T) {
	vendortest.ErrorCodes(t, errorCode, map[string][2]string{
		"error-404.json":       {"NotFound", ""},
		"error-422-query.json": {"QueryParameterBadValue", "filter[partner.id]"},
		"error-422-body.json":  {"MalformedRequestBody", "/data/attributes/languageLocaleCode"},
		"error-409.json":       {"409", ""},
		"error-429.json":       {"", ""},
		`{"errors":[{"code":"A","source":"timeZone"}]}`:        {"A", "timeZone"},
		`{"errors":[{"code":409,"source":7}]}`:                 {"409", ""},
		`{"errors":[{"code":null,"status":422}]}`:              {"422", ""},
		`{"errors":[{"code":"ana@example.com is taken"}]}`:     {"unnamed", ""},
		`{"errors":[{"code":{"a":1}}]}`:                        {"unnamed", ""},
		`{"errors":[{}]}`:                                      {"unnamed", ""},
		`{"errors":[]}`:                                        {"", ""},
		`{"errors":{}}`:                                        {"", ""},
		`{"errors":["no"]}`:                                    {"", ""},
		`{"errors":[{"code":"A","source":{"parameter":"p"}}]}`: {"A", "p"},
		`{"errors":null}`:                                      {"", ""},
		`[]`:                                                   {"", ""},
		``:                                                     {"", ""},
	})
}

// A create that is answered in a way that can not be used may have had its
// effect, and nothing of it is taken for the new user.
func TestCreateInDoubt(t *testing.T) {
	for name, answer := range map[string]string{
		"no body": "", "null": "null", "without data": `{"links":{}}`, "data is null": `{"data":null}`, "a list": `{"data":[]}`,
		"without id": `{"data":{"type":"users"}}`, "another type": `{"data":{"type":"partners","id":"ABC"}}`,
		"another partner": `{"data":{"type":"users","id":"U-1","relationships":{"partner":{"data":{"type":"partners","id":"XYZ"}}}}}`,
		"broken":          `{"data":`, "HTML": "<html></html>",
	} {
		t.Run(name, func(t *testing.T) {
			c := vendor.Connect(t, vendor.Plays(t, step{Method: "POST", Path: "/users", Body: "create-request.json", Status: 201, Answer: answer}))
			receipt, err := c.Writer.(providers.Creator).Create(t.Context(), seedDraft())
			vendortest.InDoubt(t, receipt, err)
		})
	}
}

// A create answered with the address in another case, or with a hidden one, is
// answered with the new user.
func TestCreateShowsAddressDifferently(t *testing.T) {
	for _, attributes := range []string{`{"email":"BILL@Example.com"}`, `{"email":""}`, `null`} {
		answer := `{"data":{"type":"users","id":"U-1","attributes":` + attributes + `}}`
		c := vendor.Connect(t, vendor.Plays(t, step{Method: "POST", Path: "/users", Body: "create-request.json", Status: 201, Answer: answer}))
		receipt, err := c.Writer.(providers.Creator).Create(t.Context(), seedDraft())
		if err != nil || receipt.UserID != "U-1" || receipt.Stored == nil {
			t.Errorf("%s: %+v %v", attributes, receipt, err)
		}
	}
}

// A definitive refusal of a write did nothing, says what to do, and is not
// repeated.
func TestRefusedWrites(t *testing.T) {
	requests := map[string]step{
		"create": {Method: "POST", Path: "/users", Body: "create-request.json"},
		"update": {Method: "PATCH", Path: "/users/" + userID, Body: "suspend-request.json"},
		"delete": {Method: "DELETE", Path: "/users/" + userID},
		"invite": {Method: "GET", Path: "/users/" + userID + "/actions/sendWelcomeEmail"},
	}
	calls := map[string]vendortest.Call{
		"create": vendortest.Create(seedDraft()), "delete": vendortest.Delete(userID), "invite": vendortest.Invite(userID),
		"update": vendortest.Update(userID, map[string]any{platformAccess: []any{}, businessLocations: []any{}}),
	}
	const proposed, testers = "labels updating users as proposed", "open to trusted testers"
	for _, test := range []struct {
		action string
		status int
		answer string
		says   string
		remedy string
	}{
		{"create", 409, "error-409.json", "409 Conflict (code 409, request", ""},
		{"create", 422, "error-422-body.json", "code MalformedRequestBody, at /data/attributes/languageLocaleCode", ""},
		{"create", 400, "", "400 Bad Request", ""},
		{"create", 403, "error-403.json", "403 Forbidden", "user.admin"},
		{"create", 404, "", "404", testers},
		{"create", 405, "", "405", testers},
		{"create", 501, "", "501", testers},
		{"create", 401, "error-401.json", "401", "VENDASTA_TOKEN"},
		{"update", 403, "error-403.json", "403", proposed},
		{"update", 404, "error-404.json", "404", proposed},
		{"update", 405, "", "405", proposed},
		{"update", 501, "", "501", proposed},
		{"update", 422, "error-422-body.json", "422", ""},
		{"delete", 403, "error-403.json", "403", testers},
		{"delete", 405, "", "405", testers},
		{"delete", 501, "", "501", testers},
		{"delete", 409, "error-409.json", "409", ""},
		{"invite", 403, "error-403.json", "403", "user.admin"},
		{"invite", 404, "error-404.json", "404", ""},
	} {
		t.Run(fmt.Sprintf("%s %d", test.action, test.status), func(t *testing.T) {
			vendor.WriteFails(t, []step{requests[test.action].Refuses(test.status, test.answer)}, calls[test.action], test.says, test.remedy)
		})
	}
}

// A 404 to a delete is done only when the id and a search for it both prove that
// there is no such user.
func TestDeleteNotFound(t *testing.T) {
	remove := step{Method: "DELETE", Path: "/users/" + userID, Status: 404, Answer: "error-404.json"}
	byID := step{Method: "GET", Path: "/users", Query: url.Values{"filter[id]": {userID}}, Status: 200}
	for _, test := range []struct {
		name  string
		steps []step
		gone  bool
	}{
		{"gone", []step{remove, get(404, "error-404.json"), byID.Answers("search-empty-response.json")}, true},
		{"still there", []step{remove, get(200, "get-response.json")}, false},
		{"no answer by id", []step{remove, get(403, "error-403.json")}, false},
		{"no proof by id", []step{remove, get(404, "")}, false},
		{"found by a search", []step{remove, get(404, "error-404.json"), byID.Answers("search-one-response.json")}, false},
		{"the search is refused", []step{remove, get(404, "error-404.json"), byID.Refuses(422, "error-422-query.json")}, false},
		{"the search proves nothing", []step{remove, get(404, "error-404.json"), byID.Answers(`{"data":null}`)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := vendor.Connect(t, vendor.Plays(t, test.steps...)).Writer.(providers.Deleter).Delete(t.Context(), userID)
			if (err == nil) != test.gone || receipt.UserID != userID {
				t.Fatalf("%+v %v", receipt, err)
			}
			if !test.gone && (!strings.Contains(err.Error(), "DELETE") || !strings.Contains(providers.Remedy(err), "onLeave: suspend")) {
				t.Errorf("error %v; remedy %q", err, providers.Remedy(err))
			}
		})
	}
}
