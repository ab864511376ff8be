package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each route as the vendor documents it, answers as fixtures.
func TestVendastaRoutes(t *testing.T) {
	locations := `{"data":[{"type":"businessLocations","id":"AG-2"},{"type":"businessLocations","id":"AG-9"}]}`
	tests := []struct {
		name, method, path, body string
		status                   int
		golden                   string
	}{
		{"create", "POST", "/users", fixture(t, "create-request.json"), 201, "create-response.json"},
		{"duplicate", "POST", "/users", strings.ReplaceAll(fixture(t, "create-request.json"), "bill@", "ANA@"), 409, "duplicate.json"},
		{"get", "GET", "/users/U-1", "", 200, "get.json"},
		{"get another partner's", "GET", "/users/U-3", "", 200, ""},
		{"get with fields", "GET", "/users/U-1?fields[users]=email", "", 200, "get.json"},
		{"get nobody", "GET", "/users/U-none", "", 404, "not-found.json"},
		{"get me", "GET", "/users/me", "", 404, ""},
		{"search", "GET", "/users?filter[partner.id]=ABC&filter[email]=ana%40example.com", "", 200, "search.json"},
		{"search nobody", "GET", "/users?filter%5Bpartner.id%5D=ABC&filter%5Bemail%5D=x%2By%40example.com", "", 200, "search-none.json"},
		{"search page", "GET", "/users?filter[partner.id]=ABC&page[limit]=1", "", 200, "search-page.json"},
		{"update", "PATCH", "/users/U-1", `{"data":{"type":"users","id":"U-1","attributes":{"familyName":"Silva"},"relationships":{"platformAccess":{"data":[]}}}}`, 200, "update.json"},
		{"update nobody", "PATCH", "/users/U-9", `{"data":{"type":"users","id":"U-9"}}`, 404, ""},
		{"delete", "DELETE", "/users/U-1", "", 204, ""},
		{"delete nobody", "DELETE", "/users/U-9", "", 404, ""},
		{"welcome", "GET", "/users/U-1/actions/sendWelcomeEmail", "", 202, ""},
		{"welcome nobody", "GET", "/users/U-9/actions/sendWelcomeEmail", "", 404, ""},
		{"locations", "GET", "/users/U-2/relationships/businessLocations", "", 200, ""},
		{"locations add", "POST", "/users/U-2/relationships/businessLocations", locations, 201, "locations-add.json"},
		{"locations replace", "PATCH", "/users/U-2/relationships/businessLocations", locations, 200, ""},
		{"locations remove", "DELETE", "/users/U-2/relationships/businessLocations", locations, 204, ""},
		{"locations of nobody", "PATCH", "/users/U-9/relationships/businessLocations", locations, 404, ""},
		{"options", "OPTIONS", "/users", "", 204, ""},
		{"put", "PUT", "/users/U-1", "{}", 405, ""},
		{"undocumented link", "GET", "/users/U-1/relationships/partner", "", 404, ""},
		{"no path", "GET", "/user", "", 404, ""},
		{"trailing slash", "GET", "/users/", "", 404, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			resp, text := ask(t, w, test.method, test.path, test.body)
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, test.status, text)
			}
			if test.golden != "" {
				golden(t, test.golden, text)
			}
			if (resp.StatusCode == 202 || resp.StatusCode == 204) && text != "" {
				t.Errorf("unexpected body %s", text)
			}
			for _, name := range []string{"Date", "X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used", "X-RateLimit-Reset"} {
				if resp.Header.Get(name) == "" {
					t.Errorf("no %s header", name)
				}
			}
			if kind := resp.Header.Get("Content-Type"); text != "" && kind != jsonAPI {
				t.Errorf("Content-Type %q", kind)
			}
		})
	}
}

func TestVendastaEffects(t *testing.T) {
	w := world(t, Options{})
	resp, text := ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	id := dig(t, decode(t, text), "data", "id").(string)
	if want := w.BaseURL("vendasta") + "/users/" + id; resp.Header.Get("Location") != want {
		t.Errorf("Location %q, want %q", resp.Header.Get("Location"), want)
	}
	ask(t, w, "GET", "/users/"+id+"/actions/sendWelcomeEmail", "")
	ask(t, w, "DELETE", "/users/"+id, "")
	if resp, _ := ask(t, w, "DELETE", "/users/"+id, ""); resp.StatusCode != 404 {
		t.Errorf("second delete: %d", resp.StatusCode)
	}
	_, text = ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	if again := dig(t, decode(t, text), "data", "id"); again == id {
		t.Errorf("the id %s was used again", id)
	}
	c := w.Counts()
	want := Counts{Writes: 5, Mails: 1, Created: 2, AtOnce: 1}
	c.Vendors = nil
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestVendastaUpdateKeepsAndReplaces(t *testing.T) {
	patch := func(inner string) string { return `{"data":{"type":"users","id":"U-1",` + inner + `}}` }
	tests := []struct {
		name, body string
		options    VendastaOptions
		want       func(data map[string]any)
	}{
		{"nothing", `{"data":{"type":"users","id":"U-1"}}`, VendastaOptions{}, func(map[string]any) {}},
		{"same email", patch(`"attributes":{"email":"Ana@example.com"}`), VendastaOptions{}, func(map[string]any) {}},
		{"list", patch(`"relationships":{"platformAccess":{"data":[{"type":"appFeatures","id":"tm:manage"}]}}`), VendastaOptions{}, func(d map[string]any) {
			d["platformAccess"] = []any{"tm:manage"} // and no updatedAt: permissions are no profile
		}},
		{"address", patch(`"attributes":{"address":{"line2":"B","additionalAddress":"B"}}`), VendastaOptions{}, func(d map[string]any) {
			d["attributes"].(map[string]any)["address"] = map[string]any{"line2": "B"}
			d["updatedAt"] = "2026-11-21T09:30:00.123456789Z"
		}},
		{"merged address", patch(`"attributes":{"address":{"line2":"B"}}`), VendastaOptions{MergeAddress: true}, func(d map[string]any) {
			d["attributes"].(map[string]any)["address"].(map[string]any)["line2"] = "B"
			d["updatedAt"] = "2026-11-21T09:30:00.123456789Z"
		}},
		{"no phones", patch(`"attributes":{"phoneNumbers":[]}`), VendastaOptions{}, func(d map[string]any) {
			d["attributes"].(map[string]any)["phoneNumbers"] = []any{}
			d["updatedAt"] = "2026-11-21T09:30:00.123456789Z"
		}},
		{"unicode", patch(`"attributes":{"givenName":"Ñandú 李"}`), VendastaOptions{}, func(d map[string]any) {
			d["attributes"].(map[string]any)["givenName"] = "Ñandú 李"
			d["updatedAt"] = "2026-11-21T09:30:00.123456789Z"
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{Vendasta: test.options})
			before, _ := w.User("vendasta", "U-1")
			if resp, text := ask(t, w, "PATCH", "/users/U-1", test.body); resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode, text)
			}
			after, _ := w.User("vendasta", "U-1")
			test.want(before.Data)
			if diff := cmp.Diff(before.Data, after.Data); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVendastaLocations(t *testing.T) {
	item := func(ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, fmt.Sprintf(`{"type":"businessLocations","id":%q}`, id))
		}
		return `{"data":[` + strings.Join(items, ",") + `]}`
	}
	for _, test := range []struct {
		method, body string
		want         []any
	}{
		{"POST", item("AG-2", "AG-3"), []any{"AG-1", "AG-2", "AG-3"}},
		{"PATCH", item("AG-3"), []any{"AG-3"}},
		{"PATCH", item(), []any{}},
		{"DELETE", item("AG-1", "AG-9"), []any{"AG-2"}},
	} {
		w := world(t, Options{})
		ask(t, w, test.method, "/users/U-2/relationships/businessLocations", test.body)
		u, _ := w.User("vendasta", "U-2")
		if diff := cmp.Diff(test.want, u.Data["businessLocations"]); diff != "" {
			t.Error(test.method, diff)
		}
	}
}

func TestVendastaSearch(t *testing.T) {
	tests := []struct {
		query string
		want  []string
	}{
		{"filter[partner.id]=ABC", []string{"Ana@example.com", "shop@example.com"}},
		{"filter[partner.id]=XYZ", []string{"ana@example.com"}},
		{"filter[partner.id]=ABC&filter[email]=ANA@EXAMPLE.COM", []string{"Ana@example.com"}},
		{"filter[partner.id]=ABC&filter[email]=na@example.com", []string{}},
		{"filter[partner.id]=ABC&filter[searchTerm]=souza", []string{"Ana@example.com"}},
		{"filter[partner.id]=ABC&filter[category]=business", []string{"shop@example.com"}},
		{"filter[partner.id]=ABC&filter[category]=business&filter[category]=partner", []string{"Ana@example.com", "shop@example.com"}},
		{"filter[partner.id]=ABC&filter[category]=bot", []string{}},
		{"filter[id]=U-3,U-2,U-2", []string{"shop@example.com", "ana@example.com"}},
		{"filter[id]=U-3,U-2&filter[partner.id]=ABC", []string{"shop@example.com"}},
		{"filter[partner.id]=ABC&fields[users]=email", []string{"Ana@example.com", "shop@example.com"}},
	}
	w := world(t, Options{})
	for _, test := range tests {
		_, text := ask(t, w, "GET", "/users?"+test.query, "")
		if diff := cmp.Diff(test.want, emails(t, text)); diff != "" {
			t.Errorf("%s: %s", test.query, diff)
		}
	}
	w = world(t, Options{Vendasta: VendastaOptions{CaseSensitiveSearch: true}})
	_, text := ask(t, w, "GET", "/users?filter[partner.id]=ABC&filter[email]=ana@example.com", "")
	if got := emails(t, text); len(got) != 0 {
		t.Errorf("case-sensitive search found %v", got)
	}
}

func fill(t *testing.T, w *World, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.Add("vendasta", map[string]any{
			"partner": "BIG", "platformAccess": []string{"tm:access"},
			"attributes": map[string]any{"email": fmt.Sprintf("u%03d@example.com", i)},
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// pages follows links.next up to most pages.
func pages(t *testing.T, w *World, path string, most int) (found []string, n int) {
	t.Helper()
	for n < most {
		_, text := ask(t, w, "GET", path, "")
		found = append(found, emails(t, text)...)
		n++
		next, ok := dig(t, decode(t, text), "links").(map[string]any)["next"].(string)
		if !ok {
			break
		}
		path = strings.TrimPrefix(next, w.BaseURL("vendasta"))
	}
	return found, n
}

// The list of a partner, page by page: each link carries the limit and the
// filter, and the last page has none.
func TestVendastaPages(t *testing.T) {
	w := world(t, Options{})
	fill(t, w, 205)
	for query, want := range map[string]int{"": 21, "&page[limit]=1": 205, "&page[limit]=41": 5, "&page[limit]=100": 3} {
		found, n := pages(t, w, "/users?filter[partner.id]=BIG"+query, 999)
		if len(found) != 205 || n != want || !slices.IsSorted(found) || len(slices.Compact(found)) != 205 {
			t.Errorf("%s: %d users on %d pages", query, len(found), n)
		}
	}
	if found, n := pages(t, w, "/users?filter[partner.id]=NONE&page[limit]=100", 99); n != 1 || len(found) != 0 {
		t.Errorf("nobody: %v on %d pages", found, n)
	}
	// Who is deleted or added while the list is read shifts nobody out of it.
	_, text := ask(t, w, "GET", "/users?filter[partner.id]=BIG&page[limit]=100", "")
	w.Remove("vendasta", w.Users("vendasta")[3].ID)
	if _, err := w.Add("vendasta", map[string]any{"partner": "BIG", "attributes": map[string]any{"email": "v@example.com"}}); err != nil {
		t.Fatal(err)
	}
	next := dig(t, decode(t, text), "links", "next").(string)
	if found, n := pages(t, w, strings.TrimPrefix(next, w.BaseURL("vendasta")), 99); len(found) != 106 || n != 2 || found[0] != "u100@example.com" || found[105] != "v@example.com" {
		t.Errorf("%d users on %d pages, from %s", len(found), n, found[0])
	}
}

// Each rule of strictness, with the documented error.
func TestVendastaStrictness(t *testing.T) {
	const good = `"partner":{"data":{"type":"partners","id":"ABC"}}`
	const role = `"platformAccess":{"data":[{"type":"appFeatures","id":"tm:access"}]}`
	create := func(attributes, relationships string) string {
		return `{"data":{"type":"users","attributes":{` + attributes + `},"relationships":{` + relationships + `}}}`
	}
	attribute := func(s string) string { return create(`"email":"new@example.com",`+s, good+","+role) }
	relation := func(s string) string { return create(`"email":"new@example.com"`, s) }
	patch := func(s string) string { return `{"data":{"type":"users","id":"U-1","attributes":{` + s + `}}}` }
	access := func(ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, `{"type":"appFeatures","id":"`+id+`"}`)
		}
		return good + `,"platformAccess":{"data":[` + strings.Join(items, ",") + `]}`
	}
	tests := []struct {
		name, method, path, body string
		header                   string
		status                   int
		code, source             string
	}{
		{name: "no authorization", method: "GET", path: "/users/U-1", header: "Authorization:", status: 401, code: "Unauthorized"},
		{name: "basic authorization", method: "GET", path: "/users/U-1", header: "Authorization: Basic eA==", status: 401, code: "Unauthorized"},
		{name: "empty bearer", method: "GET", path: "/users/U-1", header: "Authorization: Bearer", status: 401, code: "Unauthorized"},
		{name: "no content type", method: "POST", path: "/users", body: "{}", header: "Content-Type:", status: 415, code: "UnsupportedMediaType"},
		{name: "plain JSON", method: "PATCH", path: "/users/U-1", body: "{}", header: "Content-Type: application/json", status: 415, code: "UnsupportedMediaType"},
		{name: "plain JSON on delete", method: "DELETE", path: "/users/U-1/relationships/businessLocations", body: "{}", header: "Content-Type: application/json", status: 415, code: "UnsupportedMediaType"},
		{name: "too large", method: "POST", path: "/users", body: strings.Repeat(" ", maxBody+1), status: 413, code: "RequestTooLarge"},

		{name: "no partner filter", method: "GET", path: "/users?filter[email]=a@b.example", status: 422, code: vendastaBadQuery, source: "filter[partner.id]"},
		{name: "empty partner filter", method: "GET", path: "/users?filter[partner.id]=", status: 422, code: vendastaBadQuery, source: "filter[partner.id]"},
		{name: "limit 0", method: "GET", path: "/users?filter[partner.id]=ABC&page[limit]=0", status: 422, code: vendastaBadQuery, source: "page[limit]"},
		{name: "limit 101", method: "GET", path: "/users?filter[partner.id]=ABC&page[limit]=101", status: 422, code: vendastaBadQuery, source: "page[limit]"},
		{name: "limit x", method: "GET", path: "/users?filter[partner.id]=ABC&page[limit]=x", status: 422, code: vendastaBadQuery, source: "page[limit]"},
		{name: "unknown parameter", method: "GET", path: "/users?filter[partner.id]=ABC&sort=email", status: 422, code: vendastaBadQuery, source: "sort"},
		{name: "repeated parameter", method: "GET", path: "/users?filter[partner.id]=ABC&filter[partner.id]=ABC", status: 422, code: vendastaBadQuery, source: "filter[partner.id]"},
		{name: "unknown category", method: "GET", path: "/users?filter[partner.id]=ABC&filter[category]=guest", status: 422, code: vendastaBadQuery, source: "filter[category]"},
		{name: "bad cursor", method: "GET", path: "/users?page[cursor]=eA==", status: 422, code: vendastaBadQuery, source: "page[cursor]"},
		{name: "bad query", method: "GET", path: "/users?%zz", status: 422, code: vendastaBadQuery},
		{name: "parameter of get", method: "GET", path: "/users/U-1?include=partner", status: 422, code: vendastaBadQuery, source: "include"},
		{name: "parameter of create", method: "POST", path: "/users?x=1", body: "{}", status: 422, code: vendastaBadQuery, source: "x"},

		{name: "no JSON", method: "POST", path: "/users", body: "{", status: 422, code: vendastaBadBody},
		{name: "two values", method: "POST", path: "/users", body: "{}{}", status: 422, code: vendastaBadBody},
		{name: "no object", method: "POST", path: "/users", body: "[]", status: 422, code: vendastaBadBody},
		{name: "no data", method: "POST", path: "/users", body: "{}", status: 422, code: vendastaBadBody, source: "/data"},
		{name: "unknown top member", method: "POST", path: "/users", body: strings.Replace(relation(good+","+role), "{", `{"meta":{},`, 1), status: 422, code: vendastaBadBody, source: "/meta"},
		{name: "other type", method: "POST", path: "/users", body: strings.Replace(relation(good+","+role), `"users"`, `"people"`, 1), status: 422, code: vendastaBadBody, source: "/data/type"},
		{name: "no email", method: "POST", path: "/users", body: create(``, good+","+role), status: 422, code: vendastaBadBody, source: "/data/attributes/email"},
		{name: "no partner", method: "POST", path: "/users", body: relation(role), status: 422, code: vendastaBadBody, source: "/data/relationships/partner"},
		{name: "no role", method: "POST", path: "/users", body: relation(good), status: 422, code: vendastaBadBody, source: "/data/relationships"},
		{name: "empty role", method: "POST", path: "/users", body: relation(access()), status: 422, code: vendastaBadBody, source: "/data/relationships"},
		{name: "partner too long", method: "POST", path: "/users", body: strings.Replace(relation(good+","+role), "ABC", "ABCDE", 1), status: 422, code: vendastaBadBody, source: "/data/relationships/partner/data/id"},
		{name: "unknown relationship", method: "POST", path: "/users", body: relation(good + "," + role + `,"roles":{"data":[]}`), status: 422, code: vendastaBadBody, source: "/data/relationships/roles"},
		{name: "linkage member", method: "POST", path: "/users", body: relation(good + `,"businessLocations":{"data":[{"type":"businessLocations","id":"AG-1","meta":{}}]}`), status: 422, code: vendastaBadBody, source: "/data/relationships/businessLocations/data/0/meta"},
		{name: "location id", method: "POST", path: "/users", body: relation(good + `,"businessLocations":{"data":[{"type":"businessLocations","id":"1"}]}`), status: 422, code: vendastaBadBody, source: "/data/relationships/businessLocations/data/0/id"},
		{name: "unknown feature", method: "POST", path: "/users", body: relation(access("pc:canManageRetailBilling")), status: 422, code: vendastaBadBody, source: "/data/relationships/platformAccess/data/0/id"},
		{name: "two write scopes", method: "POST", path: "/users", body: relation(access("crm:contacts:write:own", "crm:contacts:write:all")), status: 422, code: vendastaBadBody, source: "/data/relationships/platformAccess/data"},

		{name: "unknown attribute", method: "POST", path: "/users", body: attribute(`"title":"x"`), status: 422, code: vendastaBadBody, source: "/data/attributes/title"},
		{name: "read-only attribute", method: "POST", path: "/users", body: attribute(`"displayName":"x"`), status: 422, code: vendastaBadBody, source: "/data/attributes/displayName"},
		{name: "number for text", method: "POST", path: "/users", body: attribute(`"givenName":1`), status: 422, code: vendastaBadBody, source: "/data/attributes/givenName"},
		{name: "51 characters", method: "POST", path: "/users", body: attribute(`"givenName":"` + strings.Repeat("é", 51) + `"`), status: 422, code: vendastaBadBody, source: "/data/attributes/givenName"},
		{name: "locale", method: "POST", path: "/users", body: attribute(`"languageLocaleCode":"en_US"`), status: 422, code: vendastaBadBody, source: "/data/attributes/languageLocaleCode"},
		{name: "no email address", method: "POST", path: "/users", body: create(`"email":"nobody"`, good+","+role), status: 422, code: vendastaBadBody, source: "/data/attributes/email"},
		{name: "phone type", method: "POST", path: "/users", body: attribute(`"phoneNumbers":[{"number":"1","typeCode":"cell"}]`), status: 422, code: vendastaBadBody, source: "/data/attributes/phoneNumbers/0/typeCode"},
		{name: "phone without number", method: "POST", path: "/users", body: attribute(`"phoneNumbers":[{"typeCode":"work"}]`), status: 422, code: vendastaBadBody, source: "/data/attributes/phoneNumbers/0/number"},
		{name: "region", method: "POST", path: "/users", body: attribute(`"address":{"regionCode":"SK"}`), status: 422, code: vendastaBadBody, source: "/data/attributes/address/regionCode"},
		{name: "country", method: "POST", path: "/users", body: attribute(`"address":{"countryCode":"CAN"}`), status: 422, code: vendastaBadBody, source: "/data/attributes/address/countryCode"},
		{name: "two names, two values", method: "POST", path: "/users", body: attribute(`"address":{"line1":"a","streetAddress":"b"}`), status: 422, code: vendastaBadBody, source: "/data/attributes/address/streetAddress"},

		{name: "other id", method: "PATCH", path: "/users/U-1", body: `{"data":{"type":"users","id":"U-2"}}`, status: 422, code: vendastaBadBody, source: "/data/id"},
		{name: "no type", method: "PATCH", path: "/users/U-1", body: `{"data":{"id":"U-1"}}`, status: 422, code: vendastaBadBody, source: "/data/type"},
		{name: "other email", method: "PATCH", path: "/users/U-1", body: patch(`"email":"other@example.com"`), status: 422, code: vendastaBadBody, source: "/data/attributes/email"},
		{name: "other partner", method: "PATCH", path: "/users/U-1", body: `{"data":{"type":"users","id":"U-1","relationships":{"partner":{"data":{"type":"partners","id":"XYZ"}}}}}`, status: 422, code: vendastaBadBody, source: "/data/relationships/partner"},
		{name: "null", method: "PATCH", path: "/users/U-1", body: patch(`"givenName":null`), status: 422, code: vendastaBadBody, source: "/data/attributes/givenName"},
		{name: "cleared", method: "PATCH", path: "/users/U-1", body: patch(`"givenName":""`), status: 422, code: vendastaBadBody, source: "/data/attributes/givenName"},
		{name: "null address", method: "PATCH", path: "/users/U-1", body: patch(`"address":null`), status: 422, code: vendastaBadBody, source: "/data/attributes/address"},
		{name: "null list", method: "PATCH", path: "/users/U-1", body: `{"data":{"type":"users","id":"U-1","relationships":{"platformAccess":{"data":null}}}}`, status: 422, code: vendastaBadBody, source: "/data/relationships/platformAccess/data"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := world(t, Options{})
			before := w.Users("vendasta")
			var headers []string
			if test.header != "" {
				headers = append(headers, test.header)
			}
			resp, text := ask(t, w, test.method, test.path, test.body, headers...)
			body := decode(t, text)
			first := dig(t, body, "errors", 0)
			if resp.StatusCode != test.status || dig(t, first, "status") != fmt.Sprint(test.status) || dig(t, first, "code") != test.code {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
			if test.source != "" {
				source := dig(t, first, "source").(map[string]any)
				if source["parameter"] != test.source && source["pointer"] != test.source {
					t.Errorf("source %v, want %s", source, test.source)
				}
			}
			if diff := cmp.Diff(before, w.Users("vendasta")); diff != "" {
				t.Errorf("a refused request had an effect: %s", diff)
			}
		})
	}
}

// Several errors at once are grouped to 400, each with its own status.
func TestVendastaSeveralErrors(t *testing.T) {
	w := world(t, Options{})
	resp, text := ask(t, w, "POST", "/users", `{"data":{"attributes":{"email":1,"title":"x"}}}`)
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", resp.StatusCode)
	}
	golden(t, "several-errors.json", text)
}

func TestVendastaCursorBelongsToFilters(t *testing.T) {
	w := world(t, Options{})
	_, text := ask(t, w, "GET", "/users?filter[partner.id]=ABC&page[limit]=1", "")
	next := strings.TrimPrefix(dig(t, decode(t, text), "links", "next").(string), w.BaseURL("vendasta"))
	for query, status := range map[string]int{"": 200, "&filter[partner.id]=ABC": 200, "&filter[partner.id]=XYZ": 422} {
		if resp, text := ask(t, w, "GET", next+query, ""); resp.StatusCode != status {
			t.Errorf("%s: %d %s", query, resp.StatusCode, text)
		}
	}
}
