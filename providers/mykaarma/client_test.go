package mykaarma

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/providers/internal/vendortest"
)

func TestRoutes(t *testing.T) {
	done := providers.Receipt{UserID: userU1, RequestID: "req-1"}
	named := create("create-full-request.json")
	named.Header = http.Header{"X-Request-Id": {"r-1"}}
	odd := list()
	odd.Path = "/manage/v2/dealer/d%2F1%3Fx/users"
	for _, test := range []struct {
		name  string
		steps []scripted
		call  vendortest.Call
		want  any
		how   func(*providers.Settings)
	}{
		{"create with every field that is documented", []scripted{named}, vendortest.Create(fullDraft()), providers.Receipt{UserID: userU1, RequestID: "r-1"}, all()},
		{"nobody", []scripted{list().Answers(nobody)}, vendortest.Who(vendortest.List()), []string(nil), all()},
		{"nobody has no roles", []scripted{list().Answers(nobody)}, vendortest.Who(vendortest.List()), []string(nil), roles},
		{"users who are not valid too", []scripted{list().Answers("list-all-response.json")}, vendortest.Who(vendortest.List()), []string{"u-0 ana@example.com", "u-1 Bill@example.com"}, all()},
		{"the dealer is one path segment", []scripted{odd}, vendortest.Who(vendortest.List()), []string{"u-1 bill@example.com"}, func(s *providers.Settings) {
			s.Config.Settings = map[string]string{dealerUUID: "d/1?x"}
		}},
		{
			"the whole profile, of which fields differ",
			[]scripted{
				list().Answers("list-all-response.json"),
				update(`{"firstName":"A","lastName":"B","emailAddress":"Bill@example.com","username":"c","phone":"1","textNumber":"2","imageUrl":"3","bio":"4"}`),
			},
			vendortest.Update(userU1, map[string]any{"firstName": "A", "lastName": "B", username: "c", "phone": "1", textNumber: "2", imageURL: "3", bio: "4"}), done, assuming("update"),
		},
		{
			"what the list does not show is given",
			[]scripted{
				list(),
				update(`{"firstName":"William","lastName":"Smith","emailAddress":"bill@example.com","username":"bill","phone":"+1 306 555 1234","textNumber":"","imageUrl":"3","bio":"4"}`),
			},
			vendortest.Update(userU1, map[string]any{imageURL: "3", bio: "4"}), done, assuming("update"),
		},
		{"fields that differ alone", []scripted{update(`{"phone":"1","bio":"4"}`)}, vendortest.Update(userU1, map[string]any{"phone": "1", bio: "4"}), done, all(assuming("update"), merges)},
		{"a role with blanks", []scripted{associates(), role("dep-1", "Service%20Advisor")}, vendortest.Update(userU1, map[string]any{roleUUID: "r-1"}), done, roles},
		{"a role with a slash", []scripted{associates(), role("dep-1", "Body%20Shop%2FPaint")}, vendortest.Update(userU1, map[string]any{roleUUID: "r-3"}), done, roles},
		{"the role of the one department in which he is valid", []scripted{associates().Answers("associates-two-response.json"), role("dep-2", "Technician")}, vendortest.Update(userU1, map[string]any{roleUUID: "r-2"}), done, roles},
		{
			"suspend in each configured department, in their order",
			[]scripted{associates().Answers("associates-two-response.json"), validity("dep-1", "false"), validity("dep-2", "false")},
			vendortest.Update(userU1, Kind().Suspension.Suspended), done, assuming("suspend"),
		},
		{
			"restore in each",
			[]scripted{associates().Answers("associates-two-response.json"), validity("dep-1", "true"), validity("dep-2", "true")},
			vendortest.Update(userU1, Kind().Suspension.Active), done, assuming("suspend"),
		},
		{
			"all at once, in a fixed order",
			[]scripted{list().Answers("list-all-response.json"), associates(), update("update-request.json"), role("dep-1", "Technician"), validity("dep-1", "true")},
			vendortest.Update(userU1, map[string]any{isValid: true, roleUUID: "r-2", "firstName": "Will"}), done, everything,
		},
	} {
		t.Run(test.name, func(t *testing.T) { vendor.Succeeds(t, test.steps, test.call, test.want, test.how) })
	}
	for name, u := range uses() {
		t.Run(name, func(t *testing.T) { vendor.Succeeds(t, u.steps, u.call, u.want, u.change) })
	}
	if got, err := vendortest.Update(userU1, nil)(t.Context(), vendor.Connect(t, vendor.Plays(t), everything)); err != nil || got != (providers.Receipt{UserID: userU1}) {
		t.Errorf("nothing to do: %v %v", got, err)
	}
}

// Every path that no text gives whole can be configured.
func TestPaths(t *testing.T) {
	own := func(s *providers.Settings) {
		everything(s)
		s.Config.Tables[pathsSetting] = map[string]string{
			listUsers: "/v3/{dealerUUID}/people", updateUser: "/v3/people/{userUUID}", dealerAssociates: "/v3/associates", updateAssociate: "/v3/people/{userUUID}/of/{departmentUUID}",
		}
	}
	at := func(s scripted, path string) scripted {
		s.Path = path
		return s
	}
	steps := []scripted{
		at(list().Answers("list-all-response.json"), "/v3/d-1/people"), at(associates(), "/v3/associates"), at(update("update-request.json"), "/v3/people/u-1"),
		at(validity("dep-1", "true"), "/v3/people/u-1/of/dep-1"),
	}
	vendor.Succeeds(t, steps, vendortest.Update(userU1, map[string]any{isValid: true, "firstName": "Will"}), providers.Receipt{UserID: userU1, RequestID: "req-1"}, own)
}

// What no answer proves is an error, at the list and at what is read beside it.
func TestReadErrors(t *testing.T) {
	const base, subscriber, envelope = "check baseURL and paths.listUsers", "manage.user.read", `"errors":[],"warnings":[],"apiRequestId":"x"`
	for _, test := range []struct {
		name   string
		step   scripted
		says   string
		remedy string
	}{
		{"400", list().Refuses(400, "error-400.json"), "400 Bad Request (code 0, request req-1)", ""},
		{"401", list().Refuses(401, "error-400.json"), "401 Unauthorized", "look at environment variable MYKAARMA_PASSWORD and environment variable MYKAARMA_USERNAME"},
		{"403", list().Refuses(403, "error-403.json"), "403 Forbidden (code 100004, request req-1)", subscriber},
		{"404", list().Refuses(404, "error-400.json"), "404 Not Found", base},
		{"404 of a proxy", list().Refuses(404, html).As("text/html"), "404 Not Found", base},
		{"405", list().Refuses(405, ""), "405", base},
		{"501", list().Refuses(501, ""), "501", base},
		{"201", list().Refuses(201, nobody), "201", base},
		{"204", list().Refuses(204, ""), "204", base},
		{"206", list().Refuses(206, nobody), "206", base},
		{"a page to sign in", list().Answers(html).As("text/html; charset=utf-8"), "the answer is text/html", base},
		{"protobuf", list().Answers("\n\x00").As("application/x-protobuf"), "the answer is application/x-protobuf", base},
		{"no body", list().Answers(""), "can not be decoded", base},
		{"null", list().Answers("null"), "documented form at users", base},
		{"a list", list().Answers("[]"), "does not have the documented form", base},
		{"without users", list().Answers("{" + envelope + "}"), "documented form at users", base},
		{"users is null", list().Answers(`{"users":null,` + envelope + "}"), "documented form at users", base},
		{"users is an object", list().Answers(`{"users":{},` + envelope + "}"), "documented form at users", base},
		{"users in another spelling", list().Answers(`{"Users":[],` + envelope + "}"), "documented form at users", base},
		{"users twice", list().Answers(`{"users":[{"uuid":"u-1"}],"users":[]}`), "says the same thing twice", base},
		{"an error with 200", list().Answers("error-400.json"), "200 OK: refused, whatever the status says (code 0, request req-1)", ""},
		{"no right with 200", list().Answers("error-403.json"), "200 OK: refused, whatever the status says (code 100004", subscriber},
		{"nobody and an error", list().Answers(`{"users":[],"errors":[{"errorCode":7}]}`), "200 OK: refused, whatever the status says (code 7)", ""},
		{"an error without a code", list().Answers(`{"users":[],"errors":[{}]}`), "documented form at errors.errorCode", base},
		{"an error that is null", list().Answers(`{"users":[],"errors":[null]}`), "documented form at errors.errorCode", base},
		{"errors that are no list", list().Answers(`{"users":[],"errors":"no"}`), "documented form at errors", base},
		{"no UTF-8", list().Answers("{\"users\":[],\"x\":\"\xff\"}"), "can not be decoded", base},
		{"a hole in the list", list().Answers(`{"users":[null]}`), "documented form at users.uuid", base},
		{"without id", list().Answers(`{"users":[{"email":"ana@example.com"}]}`), "documented form at users.uuid", base},
		{"an empty id", list().Answers(`{"users":[{"uuid":"","email":"ana@example.com"}]}`), "documented form at users.uuid", base},
		{"an id that is a number", list().Answers(`{"users":[{"uuid":7,"email":"ana@example.com"}]}`), "documented form at users.uuid", base},
		{"an address that is a number", list().Answers(`{"users":[{"uuid":"u-1","email":7}]}`), "documented form at users.email", base},
		{"a name to sign in that is a number", list().Answers(`{"users":[{"uuid":"u-1","email":"ana@example.com","userName":7}]}`), "documented form at users.userName", base},
		{"an address that is not shown", list().Answers(`{"users":[{"uuid":"u-1","email":"ana@example.com"},{"uuid":"u-2","userName":"bill"}]}`), "documented form at users.email", base},
		{"no address at all", list().Answers(`{"users":[{"uuid":"u-1","email":""},{"uuid":"u-2","email":null,"userName":"bill"}]}`), "shows the address of nobody", base},
		{"a user twice", list().Answers(`{"users":[{"uuid":"u-1","email":"ana@example.com"},{"uuid":"u-1","email":"bill@example.com"}]}`), "a user is there twice", base},
	} {
		t.Run("list: "+test.name, func(t *testing.T) {
			vendor.ReadFails(t, []scripted{test.step}, vendortest.List(), test.says, test.remedy)
			steps := []scripted{test.step}
			vendor.ReadFails(t, steps, vendortest.Search(bill), test.says, test.remedy)
			vendor.ReadFails(t, steps, vendortest.Get(userU1), test.says, test.remedy)
		})
	}
	const own = "check baseURL and paths.dealerAssociates"
	one := func(members string) scripted {
		return associates().Answers(`{"errors":[],"dealerAssociates":{"da-1":{` + members + `}}}`)
	}
	for _, test := range []struct {
		name   string
		step   scripted
		says   string
		remedy string
	}{
		{"400", associates().Refuses(400, "error-400.json"), "400 Bad Request (code 0, request req-1)", ""},
		{"401", associates().Refuses(401, "error-400.json"), "401 Unauthorized", "MYKAARMA_PASSWORD"},
		{"403", associates().Refuses(403, "error-403.json"), "403 Forbidden (code 100004", "manage.dealerassociate.read"},
		{"404", associates().Refuses(404, ""), "404 Not Found", own},
		{"a page to sign in", associates().Answers(html).As("text/html"), "the answer is text/html", own},
		{"an error with 200", associates().Answers("error-400.json"), "200 OK: refused", ""},
		{"null", associates().Answers("null"), "documented form at dealerAssociates", own},
		{"without associates", associates().Answers(`{"errors":[]}`), "documented form at dealerAssociates", own},
		{"associates are null", associates().Answers(`{"errors":[],"dealerAssociates":null}`), "documented form at dealerAssociates", own},
		{"associates are a list", associates().Answers(`{"errors":[],"dealerAssociates":[]}`), "documented form at dealerAssociates", own},
		{"whose it is not shown", one(`"uuid":"da-1"`), "documented form at dealerAssociates.userUuid", own},
		{"whose it is is a number", one(`"userUuid":7`), "documented form at dealerAssociates.userUuid", own},
		{"valid as a text", one(`"userUuid":"u-1","isValid":"true"`), "documented form at dealerAssociates.isValid", own},
		{"the department as a text", one(`"userUuid":"u-1","department":"dep-1"`), "documented form at dealerAssociates.department", own},
		{"the department's id as a number", one(`"userUuid":"u-1","department":{"uuid":1}`), "documented form at dealerAssociates.department.uuid", own},
		{"the role as a text", one(`"userUuid":"u-1","role":"Technician"`), "documented form at dealerAssociates.role", own},
		{"the name of the role as a number", one(`"userUuid":"u-1","role":{"roleName":1}`), "documented form at dealerAssociates.role.roleName", own},
	} {
		t.Run("associates: "+test.name, func(t *testing.T) {
			vendor.ReadFails(t, []scripted{list(), test.step}, vendortest.List(), test.says, test.remedy, roles)
			for _, name := range []string{"role", "suspend"} {
				u := uses()[name]
				got, err := u.call(t.Context(), vendor.Connect(t, vendor.Plays(t, test.step), u.change))
				if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), test.says) || !strings.Contains(providers.Remedy(err), test.remedy) || got.(providers.Receipt).UserID != userU1 {
					t.Errorf("%s: %v %v", name, got, err)
				}
			}
		})
	}
}

// A user of the list who can not be read concerns nobody else.
func TestUnreadableUser(t *testing.T) {
	const before, after = `{"users":[{"uuid":"u-1","email":"ana@example.com"},{"uuid":"u-2","email":"bill@example.com",`, `},{"uuid":"u-3","email":""}]}`
	for member, says := range map[string]string{
		`"firstName":7`: "documented form at users.firstName", `"isValid":"yes"`: "documented form at users.isValid", `"phone":{}`: "documented form at users.phone",
	} {
		t.Run(member, func(t *testing.T) {
			found, err := vendor.Connect(t, vendor.Plays(t, list().Answers(before+member+after), associates()), roles).Lists().List(t.Context())
			if err != nil || len(found) != 3 || found[0].Unreadable != nil || found[2].Unreadable != nil {
				t.Fatal(found, err)
			}
			if broken := found[1]; broken.ID != "u-2" || broken.Email != bill || broken.Attributes != nil || broken.Unreadable == nil || !strings.Contains(broken.Unreadable.Error(), says) {
				t.Errorf("%+v", broken)
			}
		})
	}
	// Nothing of him is sent along either.
	broken := `{"users":[{"uuid":"u-1","email":"bill@example.com","phone":7}]}`
	_, err := vendortest.Update(userU1, map[string]any{bio: "x"})(t.Context(), vendor.Connect(t, vendor.Plays(t, list().Answers(broken)), assuming("update")))
	if err == nil || !strings.Contains(err.Error(), "documented form at users.phone") {
		t.Error(err)
	}
}

// A definitive refusal of a write did nothing, says what to do, tells nothing of what
// was answered, and is not repeated; neither is one that comes as a success.
func TestRefusedWrites(t *testing.T) {
	for _, refusal := range []struct {
		status       int
		answer, says string
		remedy       string
	}{
		{400, "error-400.json", "400 Bad Request (code 0, request ", ""},
		{400, "", "400 Bad Request", ""},
		{401, "error-400.json", "401 Unauthorized (code 0, request ", "look at environment variable MYKAARMA_PASSWORD and"},
		{403, "error-403.json", "403 Forbidden (code 100004, request ", "manage.user.write"},
		{404, "error-400.json", "404 Not Found", "check baseURL"},
		{405, "", "405", "check baseURL"},
		{409, "error-400.json", "409", ""},
		{501, "", "501", "check baseURL"},
		{200, "refused", "200 OK: refused, whatever the status says (code 100023, request ", ""},
		{200, "error-403.json", "200 OK: refused, whatever the status says (code 100004, request ", "manage.user.write"},
	} {
		for _, name := range writes() {
			u, answer := uses()[name], refusal.answer
			if answer == "refused" {
				answer = map[bool]string{true: "duplicate-response.json", false: "associate-refused-response.json"}[strings.Contains(name, "update") || name == "create"]
			}
			t.Run(fmt.Sprintf("%s: %d %s", name, refusal.status, refusal.answer), func(t *testing.T) {
				steps := u.last(func(s scripted) scripted {
					s.Header = http.Header{"X-Request-Id": {"r-7"}}
					return s.Refuses(refusal.status, answer)
				})
				got, err := u.call(t.Context(), vendor.Connect(t, vendor.Plays(t, steps...), u.change))
				if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), refusal.says) || !strings.Contains(err.Error(), "request r-7") {
					t.Fatalf("error %v", err)
				}
				if remedy := providers.Remedy(err); !strings.Contains(remedy, refusal.remedy) || refusal.remedy == "" && remedy != "" || strings.Contains(err.Error()+remedy, "@") {
					t.Errorf("remedy %q of %v", remedy, err)
				}
				if receipt := got.(providers.Receipt); receipt.RequestID != "r-7" || receipt.Stored != nil || name == "create" && receipt.UserID != "" {
					t.Errorf("%+v", receipt)
				}
			})
		}
	}
}

// What a write is answered in a way that can not be used may have had its effect.
func TestWritesInDoubt(t *testing.T) {
	for _, name := range writes() {
		u := uses()[name]
		id := changedID
		if strings.Contains(name, "update") || name == "create" {
			id = writtenID
		}
		answers := map[string]func(scripted) scripted{
			"HTML":     func(s scripted) scripted { return s.Answers(html).As("text/html") },
			"protobuf": func(s scripted) scripted { return s.Answers("\n\x00").As("application/x-protobuf") },
			"201":      func(s scripted) scripted { return s.Refuses(201, s.Answer) },
			"204":      func(s scripted) scripted { return s.Refuses(204, "") },
			"302":      func(s scripted) scripted { return s.Refuses(302, "") },
		}
		for what, body := range map[string]string{
			"no body": "", "null": "null", "a list": "[]", "a text": `"ok"`, "without id": `{"errors":[]}`, "an id that is null": `{"errors":[],"` + id + `":null}`,
			"an empty id": `{"errors":[],"` + id + `":""}`, "an id that is a number": `{"errors":[],"` + id + `":7}`, "another spelling of the id": `{"errors":[],"` + strings.ToUpper(id) + `":"u-1"}`,
			"errors and an id": `{"errors":[{"errorCode":7}],"` + id + `":"u-1"}`, "an error without a code": `{"errors":[{}]}`, "errors that are no list": `{"errors":{"a":1},"` + id + `":"u-1"}`,
			"two ids": `{"` + id + `":"u-1","` + id + `":"u-1"}`,
		} {
			answers[what] = func(s scripted) scripted { return s.Answers(body) }
		}
		for what, answer := range answers {
			t.Run(name+": "+what, func(t *testing.T) {
				got, err := u.call(t.Context(), vendor.Connect(t, vendor.Plays(t, u.last(answer)...), u.change))
				if !providers.OutcomeUnknown(err) || strings.Count(err.Error(), "it may have taken effect") != 1 {
					t.Fatalf("%v %v", got, err)
				}
				if name == "create" {
					vendortest.InDoubt(t, got.(providers.Receipt), err)
				}
			})
		}
	}
	// An update that is answered with somebody else's id is not taken for done.
	u := uses()["merging update"]
	steps := u.last(func(s scripted) scripted { return s.Answers(`{"errors":[],"userUuid":"u-2"}`) })
	if _, err := u.call(t.Context(), vendor.Connect(t, vendor.Plays(t, steps...), u.change)); !providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), "about another user") {
		t.Error(err)
	}
}

// Errors that are missing or null are none, and warnings are not looked at.
func TestSuccess(t *testing.T) {
	for _, body := range []string{`{"userUuid":"u-1"}`, `{"userUuid":"u-1","errors":null}`, `{"userUuid":"u-1","errors":[],"warnings":[{"warningCode":"x"},7]}`} {
		u := uses()["create"]
		vendor.Succeeds(t, []scripted{u.steps[0].Answers(body)}, u.call, providers.Receipt{UserID: userU1}, u.change)
	}
}

// lost are the ways in which an answer does not come, or not from the vendor.
func lost(s scripted) map[string]scripted {
	closed := s
	closed.Lost = true
	all := map[string]scripted{"closed": closed, "cut": s.Answers(`{"errors":[`), "502 of a proxy": s.Refuses(502, html).As("text/html")}
	for _, status := range []int{408, 500, 503, 504} {
		all[fmt.Sprint(status)] = s.Refuses(status, "")
	}
	return all
}

// A lost answer to a create is never followed by a second one; a lost answer to what
// sets a state is followed by another try.
func TestLostAnswers(t *testing.T) {
	for _, name := range writes() {
		u := uses()[name]
		for what, answer := range lost(u.steps[len(u.steps)-1]) {
			t.Run(name+": "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					steps := u.last(func(scripted) scripted { return answer })
					if name != "create" {
						vendor.Succeeds(t, append(steps, u.steps[len(u.steps)-1]), u.call, u.want, u.change)
						return
					}
					got, err := u.call(t.Context(), vendor.Connect(t, vendor.Plays(t, steps...), u.change))
					vendortest.InDoubt(t, got.(providers.Receipt), err)
				})
			})
		}
	}
}

// A wait that the vendor asks for is kept to, on every route, and then the call is made
// once more: nothing was done.
func TestRateLimited(t *testing.T) {
	for name, u := range uses() {
		for i := range u.steps {
			t.Run(fmt.Sprintf("%s %d", name, i+1), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					limited := u.steps[i].Refuses(429, "")
					limited.Header = http.Header{"Retry-After": {"60"}}
					steps := append(append(append([]scripted{}, u.steps[:i]...), limited), u.steps[i:]...)
					script := vendor.Plays(t, steps...)
					got, err := u.call(t.Context(), vendor.Connect(t, script, u.change))
					if diff := cmp.Diff(u.want, got); diff != "" || err != nil || script.Wait(i+1) != time.Minute {
						t.Errorf("%v, waited %s\n%s", err, script.Wait(i+1), diff)
					}
				})
			})
		}
	}
}

// An update that fails after a part of it was done is in doubt: what is stored has to
// be looked at. What comes before it is not undone, nor is what comes after it tried.
func TestDoneInPart(t *testing.T) {
	whole := vendortest.Update(userU1, map[string]any{isValid: false, roleUUID: "r-2", "firstName": "Will"})
	first := []scripted{list().Answers("list-all-response.json"), associates(), update("update-request.json")}
	suspends := []scripted{associates().Answers("associates-two-response.json"), validity("dep-1", "false")}
	for name, test := range map[string]struct {
		steps []scripted
		call  vendortest.Call
	}{
		"the role":              {append(first[:3:3], role("dep-1", "Technician").Refuses(400, "error-400.json")), whole},
		"the role, with 200":    {append(first[:3:3], role("dep-1", "Technician").Answers("associate-refused-response.json")), whole},
		"whether he is valid":   {append(first[:3:3], role("dep-1", "Technician"), validity("dep-1", "false").Refuses(403, "error-403.json")), whole},
		"the second department": {append(suspends[:2:2], validity("dep-2", "false").Refuses(400, "error-400.json")), vendortest.Update(userU1, map[string]any{isValid: false})},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.call(t.Context(), vendor.Connect(t, vendor.Plays(t, test.steps...), everything))
			if !providers.OutcomeUnknown(err) || !strings.HasPrefix(err.Error(), "done in part: mykaarma: ") {
				t.Error(err)
			}
		})
	}
	// When the first part fails nothing was done.
	_, err := whole(t.Context(), vendor.Connect(t, vendor.Plays(t, append(first[:2:2], update("update-request.json").Refuses(400, "error-400.json"))...), everything))
	if err == nil || providers.OutcomeUnknown(err) {
		t.Error(err)
	}
}

// Once a part of an update is done the rest of it is, whatever there is to wait for;
// before that, who is stopped while he waits has done nothing.
func TestStopped(t *testing.T) {
	call := vendortest.Update(userU1, map[string]any{isValid: false, "firstName": "Will"})
	steps := []scripted{list().Answers("list-all-response.json"), associates(), update("update-request.json"), validity("dep-1", "false")}
	for at := range steps {
		synctest.Test(t, func(t *testing.T) {
			limited := steps[at].Refuses(429, "")
			limited.Header = http.Header{"Retry-After": {"60"}}
			some := append(append([]scripted{}, steps[:at]...), limited)
			begun := at > 2
			if begun {
				some = append(some, steps[at:]...)
			}
			stop := make(chan struct{})
			timer := time.AfterFunc(time.Second, func() { close(stop) })
			defer timer.Stop()
			_, err := call(providers.WithStop(t.Context(), stop), vendor.Connect(t, vendor.Plays(t, some...), everything))
			if begun && err != nil || !begun && (!providers.Interrupted(err) || !providers.DidNothing(err)) {
				t.Errorf("stopped at request %d: %v", at+1, err)
			}
		})
	}
	// Given up altogether after a part was done, it is not told that nothing was.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	script, n := vendor.Plays(t, steps[:3]...), 0
	transport := vendortest.RoundTripper(func(r *http.Request) (*http.Response, error) {
		if n++; n == 4 {
			cancel()
			return nil, ctx.Err()
		}
		return script.RoundTrip(r)
	})
	if _, err := call(ctx, vendor.Connect(t, transport, everything)); err == nil || providers.Interrupted(err) || !providers.OutcomeUnknown(err) {
		t.Error(err)
	}
}

// What is not turned on, and what can not be changed, is refused before anything is
// sent, whatever else the patch has.
func TestRefusedPatches(t *testing.T) {
	for _, test := range []struct {
		name   string
		values map[string]any
		how    func(*providers.Settings)
		says   string
	}{
		{"a profile, where it is not assumed", map[string]any{"firstName": "Will"}, all(assuming("suspend"), roles), "assume: [update]"},
		{"whether he is valid, where it is not assumed", map[string]any{isValid: false}, all(assuming("update"), roles), "assume: [suspend]"},
		{"both of which one is", map[string]any{isValid: false, "firstName": "Will"}, assuming("update"), "assume: [suspend]"},
		{"a role without names", map[string]any{roleUUID: "r-1"}, assuming("update", "suspend"), "no way to change roleUUID"},
		{"a role without a name", map[string]any{roleUUID: "r-9"}, everything, "no name under roleNames"},
		{"no role", map[string]any{roleUUID: nil}, everything, "no name under roleNames"},
		{"a nickname", map[string]any{"nickName": "Will", "firstName": "Will"}, everything, "no way to change nickName"},
		{"a department", map[string]any{departmentUUID: "dep-2"}, everything, "no way to change departmentUUID"},
		{"a password", map[string]any{"password": "secret"}, everything, "no way to change password"},
		{"what there is not", map[string]any{"x": 1}, everything, "no way to change x"},
		{"valid as a text", map[string]any{isValid: "false"}, everything, "isValid is true or false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := vendortest.Update(userU1, test.values)(t.Context(), vendor.Connect(t, vendor.Plays(t), test.how))
			if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
		})
	}
	if _, can := vendor.Connect(t, vendor.Plays(t)).Writer.(providers.Updater); can {
		t.Error("there is nothing that could be changed, and a method that does")
	}
	for name, how := range map[string]func(*providers.Settings){"update": assuming("update"), "suspend": assuming("suspend"), "roles": roles} {
		if _, can := vendor.Connect(t, vendor.Plays(t), how).Writer.(providers.Updater); !can {
			t.Errorf("%s: there is no method that changes anything", name)
		}
	}
}

// An update that would lose what is not shown is not sent.
func TestUnsendable(t *testing.T) {
	record := func(members string) scripted {
		return list().Answers(`{"users":[{"uuid":"u-1",` + members + `}]}`)
	}
	const rest1 = `"firstName":"W","lastName":"S","phone":null,"textNumber":null,"imageUrl":"","bio":""`
	for _, test := range []struct {
		name, says, remedy string
		step               scripted
	}{
		{"bio is not shown", "bio is not shown", "update: merge", record(`"email":"bill@example.com","userName":"b","firstName":"W","lastName":"S","phone":null,"textNumber":null,"imageUrl":""`)},
		{"imageUrl is not shown", "imageUrl is not shown", "update: merge", list()},
		{"phone is not shown", "phone is not shown", "update: merge", record(`"email":"bill@example.com","userName":"b","firstName":"W","lastName":"S","textNumber":null,"imageUrl":"","bio":""`)},
		{"userName is not shown", "username is not shown", "update: merge", record(`"email":"bill@example.com",` + rest1)},
		{"there is no address", "shown to have no address", "", record(`"email":"","userName":"bill@example.com",` + rest1)},
		{"he is not there", "does not have the id", "", list().Answers(`{"users":[{"uuid":"u-2","email":"bill@example.com"}]}`)},
		{"nobody is there", "does not have the id", "", list().Answers(nobody)},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := vendortest.Update(userU1, map[string]any{"lastName": "X"})(t.Context(), vendor.Connect(t, vendor.Plays(t, test.step), assuming("update")))
			if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), test.says) || !strings.Contains(providers.Remedy(err), test.remedy) {
				t.Errorf("%v, remedy %q", err, providers.Remedy(err))
			}
		})
	}
}

// What a user is in departments has to be clear before it is changed.
func TestUnclearAssociates(t *testing.T) {
	of := func(members ...string) scripted {
		var all []string
		for i, m := range members {
			all = append(all, fmt.Sprintf(`"da-%d":{"userUuid":"u-1",%s}`, i, m))
		}
		return associates().Answers(`{"errors":[],"dealerAssociates":{` + strings.Join(all, ",") + `}}`)
	}
	const dep1, dep2 = `"isValid":true,"department":{"uuid":"dep-1"}`, `"isValid":true,"department":{"uuid":"dep-2"}`
	toRole, toValid := map[string]any{roleUUID: "r-1"}, map[string]any{isValid: false}
	for _, test := range []struct {
		name   string
		step   scripted
		values map[string]any
		says   string
	}{
		{"none", of(), toValid, "nothing in the configured departments"},
		{"none", of(), toRole, "nothing in the configured departments"},
		{"in another department alone", of(`"isValid":true,"department":{"uuid":"dep-9"}`), toValid, "nothing in the configured departments"},
		{"a department that is not shown", of(`"isValid":true`), toValid, "nothing in the configured departments"},
		{"one of two departments is not shown", of(dep1, `"isValid":true`), toValid, "nothing in the configured departments"},
		{"two that are valid", of(dep1, dep2), toRole, "not one thing alone"},
		{"one of which it is not shown", of(dep1, `"department":{"uuid":"dep-2"}`), toRole, "not one thing alone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := vendortest.Update(userU1, test.values)(t.Context(), vendor.Connect(t, vendor.Plays(t, test.step), everything))
			if err == nil || providers.OutcomeUnknown(err) || !strings.Contains(err.Error(), test.says) {
				t.Error(err)
			}
		})
	}
}

// An id that the list does not have is nobody's: the list is one answer, and complete.
func TestGetProvesAbsence(t *testing.T) {
	c := vendor.Connect(t, vendor.Plays(t, list(), list()))
	if user, err := c.Live.Get(t.Context(), userU1); err != nil || user.Email != bill {
		t.Error(user, err)
	}
	if _, err := c.Live.Get(t.Context(), "u-2"); !errors.Is(err, providers.ErrAbsent) {
		t.Error(err)
	}
}

func TestErrorCode(t *testing.T) {
	vendortest.ErrorCodes(t, errorCode, map[string][2]string{
		"error-403.json": {"100004", ""}, "error-400.json": {"0", ""}, "duplicate-response.json": {"100023", ""}, "write-response.json": {"", ""},
		`{"errors":[{"errorCode":1},{"errorCode":2}]}`: {"1", ""}, `{"errors":[{"errorCode":"1"}]}`: {"", ""}, `{"errors":[{}]}`: {"", ""}, `{"errors":[null]}`: {"", ""},
		`{"errors":{}}`: {"", ""}, `[]`: {"", ""}, ``: {"", ""}, html: {"", ""},
	})
	for body, want := range map[string]string{"write-response.json": "req-1", `{"apiRequestId":7}`: "", `[]`: "", "": ""} {
		if got := requestID(vendortest.Fixture(t, body)); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

// The template of a path is filled in whatever order it has its places.
func TestFill(t *testing.T) {
	ids := map[string]string{"a": "1/2", "b": "x y"}
	for template, want := range map[string][2]string{
		"/p": {"/p", ""}, "/{a}/{b}": {"/1%2F2/x%20y", ""}, "/{b}/q/{a}/r": {"/x%20y/q/1%2F2/r", ""}, "/{c}": {"", "c"}, "/{a}/{}": {"", ""},
	} {
		path, unknown := fill(template, ids)
		if path != want[0] || unknown != want[1] {
			t.Errorf("%s: %q %q", template, path, unknown)
		}
	}
	for name, template := range defaultPaths {
		if path, unknown := fill(template, map[string]string{"dealerUUID": "a", "departmentUUID": "b", "userUUID": "c"}); path == "" || unknown != "" || strings.Contains(path, "{") {
			t.Errorf("%s: %q %q", name, path, unknown)
		}
	}
	if rest.Path(changeRole, "a", "b", "c") == "" {
		t.Error(changeRole)
	}
}
