package vendasta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
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
	return step{method: "GET", path: "/users", query: url.Values{"filter[partner.id]": {"ABC"}, "filter[email]": {email}}, status: 200}
}

func (s step) answers(fixture string) step { s.answer = fixture; return s }

func get(status int, answer string) step {
	return step{method: "GET", path: "/users/" + userID, status: status, answer: answer}
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
		do    func(ctx context.Context, c *providers.Connection) (any, error)
		want  any
	}{
		{
			"create",
			[]step{{method: "POST", path: "/users", body: "create-request.json", status: 201, answer: "create-response.json", header: location}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Creator).Create(ctx, seedDraft())
			},
			providers.Receipt{UserID: userID, RequestID: "r-1", Stored: created},
		},
		{
			"update",
			[]step{{method: "PATCH", path: "/users/" + userID, body: "update-request.json", status: 200, answer: "update-response.json"}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Updater).Update(ctx, providers.Patch{UserID: userID, Values: map[string]any{"givenName": "Will", "address": fullAddress, platformAccess: anyList("tm:access")}})
			},
			providers.Receipt{UserID: userID, Stored: updated},
		},
		{
			"suspend: both lists empty in one PATCH",
			[]step{{method: "PATCH", path: "/users/" + userID, body: "suspend-request.json", status: 200, answer: "suspend-response.json"}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Updater).Update(ctx, providers.Patch{UserID: userID, Values: lists})
			},
			providers.Receipt{UserID: userID, Stored: liveBill(nil)},
		},
		{
			"an update answered without the user",
			[]step{{method: "PATCH", path: "/users/" + userID, body: "suspend-request.json", status: 200, answer: `{"data":null}`}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Updater).Update(ctx, providers.Patch{UserID: userID, Values: lists})
			},
			providers.Receipt{UserID: userID},
		},
		{
			"an update answered with another user",
			[]step{{method: "PATCH", path: "/users/U-2", body: `{"data":{"type":"users","id":"U-2","attributes":{"givenName":"Will"}}}`, status: 200, answer: "update-response.json"}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Updater).Update(ctx, providers.Patch{UserID: "U-2", Values: map[string]any{"givenName": "Will"}})
			},
			providers.Receipt{UserID: "U-2"},
		},
		{
			"delete",
			[]step{{method: "DELETE", path: "/users/" + userID, status: 204, header: location}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Deleter).Delete(ctx, userID)
			},
			providers.Receipt{UserID: userID, RequestID: "r-1"},
		},
		{
			"invite",
			[]step{{method: "GET", path: "/users/" + userID + "/actions/sendWelcomeEmail", status: 202}},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Writer.(providers.Inviter).Invite(ctx, userID)
			},
			providers.Receipt{UserID: userID},
		},
		{
			"get",
			[]step{get(200, "get-response.json")},
			func(ctx context.Context, c *providers.Connection) (any, error) { return c.Reader.Get(ctx, userID) },
			liveBill(map[string]any{platformAccess: anyList("pc:access", "crm:contacts:write:own"), businessLocations: anyList("AG-123")}),
		},
		{
			"get as answered in 2023",
			[]step{get(200, "get-2023-response.json")},
			func(ctx context.Context, c *providers.Connection) (any, error) { return c.Reader.Get(ctx, userID) },
			ana2023(),
		},
		{
			"an id is one path segment",
			[]step{{method: "GET", path: "/users/a%2Fb%3Fc", status: 200, answer: `{"data":{"type":"users","id":"a/b?c"}}`}},
			func(ctx context.Context, c *providers.Connection) (any, error) { return c.Reader.Get(ctx, "a/b?c") },
			&providers.User{ID: "a/b?c", Attributes: map[string]providers.Live{}},
		},
		{
			"search finds nobody",
			[]step{search("ana@example.com").answers("search-empty-response.json")},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Reader.Search(ctx, "ana@example.com")
			},
			[]*providers.User(nil),
		},
		{
			"search finds one",
			[]step{search("ana@example.com").answers("search-one-response.json")},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Reader.Search(ctx, "ana@example.com")
			},
			[]*providers.User{ana2023()},
		},
		{
			"search sends the address as it is written",
			[]step{search("A+b&c=d#e@Example.com").answers("search-empty-response.json")},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				return c.Reader.Search(ctx, "A+b&c=d#e@Example.com")
			},
			[]*providers.User(nil),
		},
		{
			"search follows links.next as given",
			[]step{
				search("bill@example.com").answers("search-page-1-response.json"),
				{method: "GET", path: "/users", query: cursor("eyJwIjoiQUJDIiwiYSI6MX0=="), status: 200, answer: "search-page-2-response.json"},
			},
			func(ctx context.Context, c *providers.Connection) (any, error) {
				users, err := c.Reader.Search(ctx, "bill@example.com")
				var ids []string
				for _, u := range users {
					ids = append(ids, u.ID+" "+u.Email)
				}
				return ids, err
			},
			[]string{"U-1 bill@example.com", "U-2 Bill@Example.com"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.do(t.Context(), connect(t, plays(t, test.steps...)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is no proof is an error: no search and no get below tells of absence.
func TestReadErrors(t *testing.T) {
	html := "<html>not here</html>"
	loop := `{"data":[],"links":{"next":"` + Kind().BaseURL + `/users?page[cursor]=a"}}`
	page := func(answer string) step {
		return step{method: "GET", path: "/users", query: url.Values{"page[cursor]": {"a"}}, status: 200, answer: answer}
	}
	one := search("ana@example.com")
	status := func(code int, answer, media string) step {
		s := one
		s.status, s.answer, s.media = code, answer, media
		return s
	}
	for _, test := range []struct {
		name   string
		steps  []step
		get    bool
		says   string
		remedy string
	}{
		{"search: 400", []step{status(400, "error-422-query.json", "")}, false, "400 Bad Request (code QueryParameterBadValue, at filter[partner.id])", ""},
		{"search: 422", []step{status(422, "error-422-query.json", "")}, false, "QueryParameterBadValue", ""},
		{"search: 403", []step{status(403, "error-403.json", "")}, false, "403 Forbidden (code Forbidden)", "user.admin"},
		{"search: 401", []step{status(401, "error-401.json", "")}, false, "401 Unauthorized", "look at environment variable VENDASTA_TOKEN"},
		{"search: 404 in the vendor's form", []step{status(404, "error-404.json", "")}, false, "404 Not Found (code NotFound)", "check baseURL"},
		{"search: 404 of a proxy", []step{status(404, html, "text/html")}, false, "404 Not Found", "check baseURL"},
		{"search: 405", []step{status(405, "", "")}, false, "405", "check baseURL"},
		{"search: 501", []step{status(501, "", "")}, false, "501", "check baseURL"},
		{"search: 204", []step{status(204, "", "")}, false, "204", ""},
		{"search: 206", []step{status(206, "search-empty-response.json", "")}, false, "206", ""},
		{"search: 200 without a body", []step{one}, false, "can not be decoded", ""},
		{"search: HTML", []step{status(200, html, "text/html")}, false, "the answer is text/html", ""},
		{"search: not JSON", []step{one.answers("data")}, false, "broken JSON", ""},
		{"search: without data", []step{one.answers(`{"links":{}}`)}, false, "documented form at data", ""},
		{"search: null", []step{one.answers(`null`)}, false, "documented form at data", ""},
		{"search: data is null", []step{one.answers(`{"data":null}`)}, false, "documented form at data", ""},
		{"search: data is an object", []step{one.answers("get-response.json")}, false, "documented form at data", ""},
		{"search: an error with 200", []step{one.answers("error-404.json")}, false, "documented form at errors", ""},
		{"search: nobody and an error", []step{one.answers(`{"data":[],"errors":[{"status":"500"}]}`)}, false, "documented form at errors", ""},
		{"search: data twice", []step{one.answers(`{"data":[{"type":"users","id":"U-1"}],"data":[]}`)}, false, "says the same thing twice", ""},
		{"search: data in another spelling", []step{one.answers(`{"Data":[]}`)}, false, "documented form at data", ""},
		{"search: no UTF-8", []step{one.answers("{\"data\":[],\"x\":\"\xff\"}")}, false, "can not be decoded", ""},
		{"search: a link to what has an effect", []step{one.answers(`{"data":[],"links":{"next":"https://prod.apigateway.co/platform/users/U-1/actions/sendWelcomeEmail"}}`)}, false, "something else than was asked for", ""},
		{"search: a hole in the list", []step{one.answers(`{"data":[null]}`)}, false, "documented form at data.type", ""},
		{"search: another type", []step{one.answers(`{"data":[{"type":"businesses","id":"U-1"}]}`)}, false, "documented form at data.type", ""},
		{"search: without id", []step{one.answers(`{"data":[{"type":"users"}]}`)}, false, "documented form at data.id", ""},
		{"search: another partner's user", []step{one.answers(`{"data":[{"type":"users","id":"U-1","relationships":{"partner":{"data":{"type":"partners","id":"XYZ"}}}}]}`)}, false, "another partner", "setting partner"},
		{"search: one bad user among good ones", []step{one.answers(`{"data":[{"type":"users","id":"U-1","attributes":{"email":"ana@example.com"}},{"type":"users","id":"U-2","attributes":{"email":7}}]}`)}, false, "documented form at data.attributes.email", ""},
		{"search: links.next is no text", []step{one.answers(`{"data":[],"links":{"next":7}}`)}, false, "documented form at links.next", ""},
		{"search: links.next to another host", []step{one.answers(`{"data":[],"links":{"next":"https://evil.example.com/platform/users?a=b"}}`)}, false, "another host", ""},
		{"search: links.next out of the API", []step{one.answers(`{"data":[],"links":{"next":"https://prod.apigateway.co/other/users"}}`)}, false, "out of the base URL", ""},
		{"search: links.next over http", []step{one.answers(`{"data":[],"links":{"next":"http://prod.apigateway.co/platform/users"}}`)}, false, "another host", ""},
		{"search: a page that names itself", []step{one.answers(loop), page(loop)}, false, "the same page again", ""},
		{"search: the second page fails", []step{one.answers(loop), func() step { s := page("error-403.json"); s.status = 403; return s }()}, false, "403", "user.admin"},
		{"get: another partner's user", []step{get(200, `{"data":{"type":"users","id":"U-1","relationships":{"partner":{"data":{"type":"partners","id":"XYZ"}}}}}`)}, true, "another partner", "setting partner"},
		{"get: without data", []step{get(200, `{"links":{}}`)}, true, "documented form at data", ""},
		{"get: null", []step{get(200, `null`)}, true, "documented form at data", ""},
		{"get: data is a list", []step{get(200, "search-one-response.json")}, true, "documented form at data", ""},
		{"get: another type", []step{get(200, `{"data":{"type":"user","id":"U-1"}}`)}, true, "documented form at data.type", ""},
		{"get: without id", []step{get(200, `{"data":{"type":"users","id":""}}`)}, true, "documented form at data.id", ""},
		{"get: 404 of a proxy", []step{{method: "GET", path: "/users/" + userID, status: 404, answer: html, media: "text/html"}}, true, "404", "does not prove"},
		{"get: 404 without a body", []step{get(404, "")}, true, "404", "does not prove"},
		{"get: 404 of a gateway", []step{{method: "GET", path: "/users/" + userID, status: 404, answer: `{"message":"no Route matched"}`, media: "application/json"}}, true, "404", "does not prove"},
		{"get: 403", []step{get(403, "error-403.json")}, true, "403", "user.admin"},
		{"get: 405", []step{get(405, "")}, true, "405", "check baseURL"},
		{"get: 410", []step{get(410, "error-404.json")}, true, "410", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := connect(t, plays(t, test.steps...))
			var err error
			if test.get {
				_, err = c.Reader.Get(t.Context(), userID)
			} else {
				var users []*providers.User
				if users, err = c.Reader.Search(t.Context(), "ana@example.com"); users != nil {
					t.Errorf("users beside the error: %v", users)
				}
			}
			if err == nil || errors.Is(err, providers.ErrAbsent) || !strings.Contains(err.Error(), test.says) || !strings.Contains(providers.Remedy(err), test.remedy) {
				t.Errorf("error %v; remedy %q", err, providers.Remedy(err))
			}
			if rest.KindOf(err) == 0 || !strings.HasPrefix(err.Error(), "vendasta: GET ") {
				t.Errorf("the error does not say what was asked: %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "@") {
				t.Errorf("the error tells an address: %v", err)
			}
		})
	}
}

// A 404 in the vendor's own form is the proof, whatever the code.
func TestGetProvesAbsence(t *testing.T) {
	for _, body := range []string{"error-404.json", `{"errors":[{"status":"404","title":"Not found"}]}`, `{"errors":[{"title":"Not found"}]}`, `{"errors":[{"code":404}]}`, `{"errors":[{"code":"Not Found!"}]}`} {
		_, err := connect(t, plays(t, get(404, body))).Reader.Get(t.Context(), userID)
		if !errors.Is(err, providers.ErrAbsent) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestSearchPageBudget(t *testing.T) {
	steps := make([]step, maxPages)
	for i := range steps {
		steps[i] = step{
			method: "GET", path: "/users", query: url.Values{"page[cursor]": {fmt.Sprint(i)}}, status: 200,
			answer: fmt.Sprintf(`{"data":[],"links":{"next":%q}}`, fmt.Sprintf("%s/users?page[cursor]=%d", Kind().BaseURL, i+1)),
		}
	}
	steps[0].query = search("ana@example.com").query
	_, err := connect(t, plays(t, steps...)).Reader.Search(t.Context(), "ana@example.com")
	if err == nil || !strings.Contains(err.Error(), "more than 20 pages") {
		t.Error(err)
	}
}

// As many pages as are allowed are an answer.
func TestSearchLastPage(t *testing.T) {
	steps := make([]step, maxPages)
	for i := range steps {
		steps[i] = step{
			method: "GET", path: "/users", query: url.Values{"page[cursor]": {fmt.Sprint(i)}}, status: 200,
			answer: fmt.Sprintf(`{"data":[],"links":{"next":%q}}`, fmt.Sprintf("%s/users?page[cursor]=%d", Kind().BaseURL, i+1)),
		}
	}
	steps[0].query = search("ana@example.com").query
	steps[maxPages-1].answer = "search-empty-response.json"
	if users, err := connect(t, plays(t, steps...)).Reader.Search(t.Context(), "ana@example.com"); err != nil || len(users) > 0 {
		t.Error(users, err)
	}
}

// Waits are as the vendor's plain 429 and its header say.
func TestRateLimitForms(t *testing.T) {
	limited := search("ana@example.com")
	limited.status, limited.answer, limited.media = 429, "error-429.json", "application/json"
	header := limited
	header.answer, header.header = "", http.Header{"Retry-After": {"9"}}
	for _, test := range []struct {
		name  string
		first step
		wait  time.Duration
	}{{"in the body", limited, 7 * time.Second}, {"in the header", header, 9 * time.Second}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := plays(t, test.first, search("ana@example.com").answers("search-empty-response.json"))
				if _, err := connect(t, s).Reader.Search(t.Context(), "ana@example.com"); err != nil {
					t.Fatal(err)
				}
				if got := s.at[1].Sub(s.at[0]); got != test.wait {
					t.Errorf("waited %s, want %s", got, test.wait)
				}
			})
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
	for body, want := range map[string][2]string{
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
	} {
		code, place := errorCode(fixture(t, body))
		if code != want[0] || place != want[1] {
			t.Errorf("%s: %q %q", body, code, place)
		}
	}
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
			c := connect(t, plays(t, step{method: "POST", path: "/users", body: "create-request.json", status: 201, answer: answer}))
			receipt, err := c.Writer.(providers.Creator).Create(t.Context(), seedDraft())
			if !providers.OutcomeUnknown(err) || !providers.Repeatable(err) || providers.DidNothing(err) || receipt.UserID != "" || receipt.Stored != nil {
				t.Fatalf("%+v %v", receipt, err)
			}
			if n := strings.Count(err.Error(), "it may have taken effect"); n != 1 {
				t.Errorf("says %d times that it may have taken effect: %v", n, err)
			}
		})
	}
}

// A create answered with the address in another case, or with a hidden one, is
// answered with the new user.
func TestCreateShowsAddressDifferently(t *testing.T) {
	for _, attributes := range []string{`{"email":"BILL@Example.com"}`, `{"email":""}`, `null`} {
		answer := `{"data":{"type":"users","id":"U-1","attributes":` + attributes + `}}`
		c := connect(t, plays(t, step{method: "POST", path: "/users", body: "create-request.json", status: 201, answer: answer}))
		receipt, err := c.Writer.(providers.Creator).Create(t.Context(), seedDraft())
		if err != nil || receipt.UserID != "U-1" || receipt.Stored == nil {
			t.Errorf("%s: %+v %v", attributes, receipt, err)
		}
	}
}

// A definitive refusal of a write did nothing, says what to do, and is not
// repeated.
func TestRefusedWrites(t *testing.T) {
	create := func(c *providers.Connection) error {
		_, err := c.Writer.(providers.Creator).Create(t.Context(), seedDraft())
		return err
	}
	update := func(c *providers.Connection) error {
		_, err := c.Writer.(providers.Updater).Update(t.Context(), providers.Patch{UserID: userID, Values: map[string]any{platformAccess: []any{}, businessLocations: []any{}}})
		return err
	}
	remove := func(c *providers.Connection) error {
		_, err := c.Writer.(providers.Deleter).Delete(t.Context(), userID)
		return err
	}
	invite := func(c *providers.Connection) error {
		_, err := c.Writer.(providers.Inviter).Invite(t.Context(), userID)
		return err
	}
	requests := map[string]step{
		"create": {method: "POST", path: "/users", body: "create-request.json"},
		"update": {method: "PATCH", path: "/users/" + userID, body: "suspend-request.json"},
		"delete": {method: "DELETE", path: "/users/" + userID},
		"invite": {method: "GET", path: "/users/" + userID + "/actions/sendWelcomeEmail"},
	}
	actions := map[string]func(*providers.Connection) error{"create": create, "update": update, "delete": remove, "invite": invite}
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
			s := requests[test.action]
			s.status, s.answer, s.header = test.status, test.answer, http.Header{"X-Request-Id": {"r-7"}}
			err := actions[test.action](connect(t, plays(t, s)))
			if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "request r-7") {
				t.Errorf("error %v", err)
			}
			if remedy := providers.Remedy(err); !strings.Contains(remedy, test.remedy) || test.remedy == "" && remedy != "" {
				t.Errorf("remedy %q", remedy)
			}
			if strings.Contains(err.Error(), "bill@example.com") {
				t.Errorf("the error repeats the body: %v", err)
			}
		})
	}
}

// A 404 to a delete is done only when the id and a search for it both prove that
// there is no such user.
func TestDeleteNotFound(t *testing.T) {
	remove := step{method: "DELETE", path: "/users/" + userID, status: 404, answer: "error-404.json"}
	byID := step{method: "GET", path: "/users", query: url.Values{"filter[id]": {userID}}, status: 200}
	refused := byID
	refused.status, refused.answer = 422, "error-422-query.json"
	for _, test := range []struct {
		name  string
		steps []step
		gone  bool
	}{
		{"gone", []step{remove, get(404, "error-404.json"), byID.answers("search-empty-response.json")}, true},
		{"still there", []step{remove, get(200, "get-response.json")}, false},
		{"no answer by id", []step{remove, get(403, "error-403.json")}, false},
		{"no proof by id", []step{remove, get(404, "")}, false},
		{"found by a search", []step{remove, get(404, "error-404.json"), byID.answers("search-one-response.json")}, false},
		{"the search is refused", []step{remove, get(404, "error-404.json"), refused}, false},
		{"the search proves nothing", []step{remove, get(404, "error-404.json"), byID.answers(`{"data":null}`)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := connect(t, plays(t, test.steps...)).Writer.(providers.Deleter).Delete(t.Context(), userID)
			if (err == nil) != test.gone || receipt.UserID != userID {
				t.Fatalf("%+v %v", receipt, err)
			}
			if !test.gone && (!strings.Contains(err.Error(), "DELETE") || !strings.Contains(providers.Remedy(err), "onLeave: suspend")) {
				t.Errorf("error %v; remedy %q", err, providers.Remedy(err))
			}
		})
	}
}
