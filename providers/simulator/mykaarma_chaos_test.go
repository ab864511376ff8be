package simulator

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each fault of a rule happens, has or has not its effect, and is counted.
func TestMyKaarmaFaults(t *testing.T) {
	said := func(code int, title, message string) string {
		return fmt.Sprintf(`{"errorCode":%d,"errorMessage":%q,"errorTitle":%q}`, code, message, title)
	}
	const purpose = "the service failed on purpose"
	tests := []struct {
		name    string
		rule    Rule
		status  int
		text    string // part of the body
		err     error
		effects int64 // users created
		fired   string
	}{
		{name: "400", rule: Rule{Status: 400}, status: 400, text: said(400, "BAD_REQUEST", purpose), fired: "status-400"},
		{name: "401", rule: Rule{Status: 401}, status: 401, text: said(401, "UNAUTHORIZED", purpose), fired: "status-401"},
		{name: "403", rule: Rule{Status: 403}, status: 403, text: said(100004, "REQUEST_NOT_AUTHORIZED", purpose), fired: "status-403"},
		{name: "404", rule: Rule{Status: 404}, status: 404, text: said(404, "NOT_FOUND", purpose), fired: "status-404"},
		{name: "500", rule: Rule{}, status: 500, text: said(500, "INTERNAL_SERVER_ERROR", purpose), fired: "status-500"},
		{name: "502 after", rule: Rule{Status: 502, After: true}, status: 502, effects: 1, fired: "status-502"},
		{name: "html", rule: Rule{Fault: FaultHTML}, status: 502, text: "<html>", fired: "html-502"},
		{name: "empty", rule: Rule{Fault: FaultEmpty}, status: 200, fired: "empty"},
		{name: "no content", rule: Rule{Fault: FaultNoContent}, status: 204, fired: "no-content"},
		{name: "redirect", rule: Rule{Fault: FaultRedirect, Location: "https://elsewhere.example/"}, status: 307, fired: "redirect"},
		{name: "refused", rule: Rule{Fault: FaultRefused}, err: syscall.ECONNREFUSED, fired: "refused"},
		{name: "closed", rule: Rule{Fault: FaultClosed}, err: syscall.ECONNRESET, fired: "closed"},
		{name: "lost answer", rule: Rule{Fault: FaultLostAnswer}, err: io.EOF, effects: 1, fired: "lost-answer"},
		{name: "cut body", rule: Rule{Fault: FaultCutBody}, status: 200, err: io.ErrUnexpectedEOF, effects: 1, fired: "cut-body"},
		{name: "wrong type", rule: Rule{Fault: FaultWrongType}, status: 200, text: `"userUuid"`, effects: 1, fired: "wrong-type"},
		{name: "429", rule: Rule{Status: 429, RetryAfter: time.Minute}, status: 429, text: said(429, "TOO_MANY_REQUESTS", "too many requests"), fired: "status-429"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Operation = Create
			w := world(t, Options{})
			w.SetChaos(Chaos{Fail: []Rule{test.rule}}, "mykaarma")
			resp, text, err := tryMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if resp != nil && (resp.StatusCode != test.status || !strings.Contains(text, test.text)) {
				t.Errorf("%d %s", resp.StatusCode, text)
			}
			if test.status == 429 && resp.Header.Get("Retry-After") != "60" {
				t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
			}
			fired(t, w, test.fired, 1)
			if c := w.Counts(); c.Created != test.effects || len(w.Users("mykaarma")) != 4+int(test.effects) || c.Vendors["partoo"].Faults != nil {
				t.Errorf("%+v", c)
			}
			// Another vendor is as it was.
			if resp, _ := askPartoo(t, w, "POST", "/user", partooNew); resp.StatusCode != 200 {
				t.Errorf("partoo: %d", resp.StatusCode)
			}
		})
	}
}

// A rule matches by the operation, whatever the method.
func TestMyKaarmaOperations(t *testing.T) {
	requests := []struct {
		op           Operation
		method, path string
	}{
		{Search, "GET", mykaarmaDealer1},
		{Get, "POST", mykaarmaLookup},
		{Create, "POST", mykaarmaMake},
		{Update, "PUT", mykaarmaMake + "/" + gus},
		{Update, "PUT", inDepartment("dep-1", gus, "dealerAssociate")},
		{Update, "POST", inDepartment("dep-1", gus, "roleName/Technician")},
		{Other, "GET", "/manage/v2/dealer/list"},
		{Other, "DELETE", mykaarmaMake + "/" + gus},
	}
	writes := map[Operation]bool{Create: true, Update: true}
	for _, op := range operations {
		for _, request := range requests {
			w := world(t, Options{Chaos: Chaos{Fail: []Rule{{Operation: op, Status: 599}}}})
			if resp, _ := askMyKaarma(t, w, request.method, request.path, ""); (resp.StatusCode == 599) != (request.op == op) {
				t.Errorf("rule for %s, %s %s: %d", op, request.method, request.path, resp.StatusCode)
			}
			if c := w.Counts(); (c.Writes == 1) != (writes[request.op] || request.method == "DELETE") {
				t.Errorf("%s %s: %+v", request.method, request.path, c)
			}
		}
	}
}

func TestMyKaarmaRateLimit(t *testing.T) {
	for _, test := range []struct {
		form          RetryForm
		retry, millis string
		body          bool
	}{
		{form: "", retry: "2"},
		{form: RetryDate, retry: epoch.Add(2 * time.Second).Format(http.TimeFormat)},
		{form: RetryMillis, millis: "1500"},
		{form: RetryBody, body: true},
		{form: RetryNone},
	} {
		now := epoch
		w := world(t, Options{
			Clock: func() time.Time { return now },
			Chaos: Chaos{RateLimit: &RateLimit{Limit: 2, Window: 1500 * time.Millisecond, Form: test.form}},
		})
		for range 2 {
			if resp, _ := askMyKaarma(t, w, "GET", mykaarmaDealer1, ""); resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode)
			}
		}
		// Errors are JSON, whatever is accepted.
		resp, text := askMyKaarma(t, w, "GET", mykaarmaDealer1, "", "Accept:")
		h := resp.Header
		if resp.StatusCode != 429 || dig(t, decode(t, text), "errors", 0, "errorTitle") != "TOO_MANY_REQUESTS" || decode(t, text)["apiRequestId"] == "" {
			t.Fatalf("%d %v %s", resp.StatusCode, h, text)
		}
		if h.Get("Retry-After") != test.retry || h.Get("Retry-After-Ms") != test.millis || strings.Contains(text, `"retryAfter":2`) != test.body {
			t.Errorf("%s: %v %s", test.form, h, text)
		}
		fired(t, w, "rate-limit", 1)
		now = now.Add(1500 * time.Millisecond)
		if resp, _ := askMyKaarma(t, w, "GET", mykaarmaDealer1, ""); resp.StatusCode != 200 {
			t.Errorf("after the window: %d", resp.StatusCode)
		}
	}
}

// Hidden is what chaos names, in whichever of its names an answer has it.
func TestMyKaarmaHidden(t *testing.T) {
	const here = `{"departmentUuids":["dep-1"]}`
	listed := func(w *World) map[string]any {
		_, text := askMyKaarma(t, w, "GET", mykaarmaDealer1, "")
		return dig(t, decode(t, text), "users", 0).(map[string]any)
	}
	associated := func(w *World) map[string]any {
		for _, a := range mykaarmaAssociatesOf(t, w, here) {
			if a["userUuid"] == gus {
				return a
			}
		}
		t.Fatal("he is not there")
		return nil
	}
	missing := func(shown, sound map[string]any) string {
		var names []string
		for name := range sound {
			if _, is := shown[name]; !is {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	sound := world(t, Options{})
	for name, want := range map[string][2]string{
		"firstName": {"firstName", "firstName"}, "isValid": {"isValid", "isValid"}, "textNumber": {"textNumber", "textNumber"},
		"email": {"email", "emailAddress"}, "emailAddress": {"email", "emailAddress"},
		"userName": {"userName", "userName"}, "username": {"userName", "userName"},
		"phone": {"phone", "cellPhone"}, "cellPhone": {"phone", "cellPhone"}, "nickName": {"nickName", "nickname"}, "nickname": {"nickName", "nickname"},
		"uuid": {"uuid", "uuid"}, "latestInviteStatus": {"latestInviteStatus", ""},
		"bio": {"", "bio"}, "imageUrl": {"", "imageUrl"}, "dmsID": {"", "associateDmsID"}, "associateDmsID": {"", "associateDmsID"},
		"ssoFeatureEnabled": {"", "ssoFeatureEnabled"}, "mfaFeatureEnabled": {"", ""}, "unknown": {"", ""},
		"role": {"", "role"}, "roleName": {"", "role"}, "roleUUID": {"", "role"}, "department": {"", "department"}, "departmentUUID": {"", "department"},
	} {
		w := world(t, Options{Chaos: Chaos{Hidden: []string{name}}})
		inList := missing(listed(w), listed(sound))
		before := w.Counts().Faults["hidden"]
		inAssociate := missing(associated(w), associated(sound))
		if diff := cmp.Diff(want, [2]string{inList, inAssociate}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		// Of two users in the list, and three associates.
		if after := w.Counts().Faults["hidden"]; (before == 2) != (inList != "") || (after-before == 3) != (inAssociate != "") {
			t.Errorf("%s fired %d and %d times", name, before, after-before)
		}
		w.SetChaos(Chaos{HiddenInSearch: []string{name}})
		if got := [2]string{missing(listed(w), listed(sound)), missing(associated(w), associated(sound))}; got != [2]string{want[0], ""} {
			t.Errorf("%s, hidden in searches: %q", name, got)
		}
	}
	w := world(t, Options{Chaos: Chaos{Hidden: []string{"email", "isValid", "nickName"}, Blank: true}})
	want := maps.Clone(listed(sound))
	want["email"], want["isValid"], want["nickName"] = "", false, ""
	if diff := cmp.Diff(want, listed(w)); diff != "" {
		t.Error(diff)
	}
	w.SetChaos(Chaos{Hidden: []string{"role", "department"}, Blank: true})
	if a := associated(w); dig(t, a, "role", "roleName") != "" || dig(t, a, "department", "dealer", "uuid") != "" || dig(t, a, "department", "id") != 0.0 {
		t.Errorf("%v", a)
	}
}

func TestMyKaarmaIndexLag(t *testing.T) {
	now := epoch
	w := world(t, Options{Clock: func() time.Time { return now }, Chaos: Chaos{IndexLag: 5 * time.Second}})
	list := func() int {
		_, text := askMyKaarma(t, w, "GET", mykaarmaDealer1+"?includeInvalid=true", "")
		return len(dig(t, decode(t, text), "users").([]any))
	}
	_, text := askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew)
	id := decode(t, text)["userUuid"].(string)
	if n := list(); n != 3 {
		t.Errorf("%d listed at once", n)
	}
	// By department and by id he is there at once.
	if n := len(mykaarmaAssociatesOf(t, w, `{"departmentUuids":["dep-1"]}`)); n != 4 {
		t.Errorf("%d associates", n)
	}
	if resp, _ := askMyKaarma(t, w, "PUT", mykaarmaMake+"/"+id, `{"emailAddress":"bill@example.com"}`); resp.StatusCode != 200 {
		t.Errorf("by id: %d", resp.StatusCode)
	}
	if resp, _ := askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew); resp.StatusCode != 400 {
		t.Errorf("second create: %d", resp.StatusCode)
	}
	fired(t, w, "index-lag", 1)
	// Another dealer's list does not miss him.
	askMyKaarma(t, w, "GET", "/manage/v2/dealer/d-2/users", "")
	fired(t, w, "index-lag", 1)
	now = now.Add(5 * time.Second)
	if n := list(); n != 4 {
		t.Errorf("%d listed later", n)
	}
	fired(t, w, "index-lag", 1)

	w = world(t, Options{Chaos: Chaos{IndexLagSearches: 2}})
	askMyKaarma(t, w, "POST", mykaarmaMake, mykaarmaNew)
	if found := []int{list(), list(), list(), list()}; !slices.Equal(found, []int{3, 3, 4, 4}) {
		t.Errorf("listed %v", found)
	}
}

func TestMyKaarmaTricks(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{
		EchoAuthorization: true, ClockSkew: time.Hour, MisspelledEmailCase: true,
		StoreDifferently: map[string]func(any) any{
			"firstName":         Always("Bob"),
			"lastName":          func(v any) any { return v },
			"roleUUID":          func(v any) any { return v.(string) + "x" },
			"ssoFeatureEnabled": func(v any) any { return !v.(bool) },
			"bio":               Always(7),  // a wrong type is not stored
			"departmentUUID":    Always(""), // nor is what nobody can be without
			"password":          Always("x"),
		},
	}})
	resp, text := askMyKaarma(t, w, "POST", mykaarmaMake, adding(`"ssoFeatureEnabled":true,"bio":"b","password":"p","userInvite":true,"sendEmail":true`))
	if want := epoch.Add(time.Hour).Format(http.TimeFormat); resp.StatusCode != 200 || resp.Header.Get("Date") != want {
		t.Fatal(resp.Header, text)
	}
	u, _ := w.User("mykaarma", decode(t, text)["userUuid"].(string))
	want := map[string]any{
		"id": u.ID, "dealerUUID": "d-1", "emailAddress": "Bill@example.com", "username": "bill@example.com", "firstName": "Bob", "lastName": "Smith",
		"roleUUID": "r-1x", "departmentUUID": "dep-1", "ssoFeatureEnabled": false, "bio": "b", "isValid": true,
		"inviteStatus": "PENDING", "invitedAt": "2026-11-21T10:30:00.123456789Z",
	}
	if diff := cmp.Diff(want, u.Data); diff != "" {
		t.Error(diff)
	}
	fired(t, w, "stored-differently", 3)
	fired(t, w, "misspelled-email-case", 1)
	fired(t, w, "clock-skew", 1)

	// An update, a role and an associate.
	w.SetChaos(Chaos{StoreDifferently: map[string]func(any) any{
		"phone": Always("2"), "roleName": func(v any) any { return v.(string) + "x" }, "isValid": func(v any) any { return !v.(bool) },
	}})
	askMyKaarma(t, w, "PUT", mykaarmaMake+"/"+gus, `{"emailAddress":"gus@example.com","phone":"1"}`)
	askMyKaarma(t, w, "POST", inDepartment("dep-1", gus, "roleName/Technician"), "")
	askMyKaarma(t, w, "PUT", inDepartment("dep-1", gus, "dealerAssociate"), mykaarmaInvalid)
	u, _ = w.User("mykaarma", gus)
	if u.Data["phone"] != "2" || u.Data["roleUUID"] != "Technicianx" || u.Data["isValid"] != true {
		t.Errorf("%v", u.Data)
	}
	fired(t, w, "stored-differently", 6)
	w.SetChaos(Chaos{StoreDifferently: map[string]func(any) any{"roleName": Always("BDC Rep")}})
	askMyKaarma(t, w, "POST", inDepartment("dep-1", gus, "roleName/Technician"), "")
	if u, _ = w.User("mykaarma", gus); u.Data["roleUUID"] != "r-4" {
		t.Errorf("%v", u.Data)
	}
	fired(t, w, "stored-differently", 7)
	w.SetChaos(Chaos{StoreDifferently: map[string]func(any) any{"roleUUID": Always("r-9")}})
	askMyKaarma(t, w, "POST", inDepartment("dep-1", gus, "roleName/Technician"), "")
	if u, _ = w.User("mykaarma", gus); u.Data["roleUUID"] != "r-9" {
		t.Errorf("%v", u.Data)
	}
	fired(t, w, "stored-differently", 8)

	// Errors repeat the credentials, once for each request.
	w = world(t, Options{Chaos: Chaos{EchoAuthorization: true}, MyKaarma: MyKaarmaOptions{ErrorsIn200: true, Dealers: []string{"d-1"}}})
	const mine = "(request had Basic c3Vic2NyaWJlcjpzZWNyZXQtcGFzc3dvcmQ=)"
	for i, request := range [][3]string{
		{"POST", mykaarmaMake, `{"firstName":1}`},
		{"POST", mykaarmaMake, strings.Replace(mykaarmaNew, "bill@", "gus@", 1)},
		{"PUT", mykaarmaMake + "/none", `{"emailAddress":"a@b.example"}`},
		{"GET", "/manage/v2/dealer/d-2/users", ""},
		{"POST", inDepartment("dep-9", gus, "roleName/Technician"), ""},
	} {
		if _, text := askMyKaarma(t, w, request[0], request[1], request[2]); !strings.Contains(text, mine) {
			t.Errorf("%v: %s", request, text)
		}
		fired(t, w, "echo-authorization", int64(i+1))
	}
}

// A refused write fires nothing that it did not do.
func TestMyKaarmaFaultsOfRefusals(t *testing.T) {
	w := world(t, Options{Chaos: Chaos{MisspelledEmailCase: true, StoreDifferently: map[string]func(any) any{
		"firstName": Always("Bob"), "roleUUID": Always("x"), "roleName": Always("x"), "isValid": Always(true),
	}}})
	askMyKaarma(t, w, "POST", mykaarmaMake, strings.Replace(mykaarmaNew, "bill@", "gus@", 1))
	askMyKaarma(t, w, "PUT", mykaarmaMake+"/"+gus, `{"emailAddress":"hana@example.com","firstName":"x"}`)
	askMyKaarma(t, w, "POST", inDepartment("dep-9", gus, "roleName/Technician"), "")
	askMyKaarma(t, w, "PUT", inDepartment("dep-9", gus, "dealerAssociate"), mykaarmaInvalid)
	askMyKaarma(t, w, "PUT", inDepartment("dep-1", gus, "dealerAssociate"), `{"dealerAssociate":{"isValid":false}}`)
	if faults := w.Counts().Faults; len(faults) > 0 {
		t.Error(faults)
	}
}

// Creates, updates, roles, lists and saves side by side, for the race detector; of
// creates of one address, or of one user name, one wins.
func TestMyKaarmaConcurrency(t *testing.T) {
	w := world(t, Options{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 25 {
				askMyKaarma(t, w, "POST", mykaarmaMake, strings.ReplaceAll(mykaarmaNew, "bill@", fmt.Sprintf("b%d@", j)))
				askMyKaarma(t, w, "POST", mykaarmaMake, strings.ReplaceAll(adding(`"username":"one"`), "bill@", fmt.Sprintf("c%d.%d@", i, j)))
				askMyKaarma(t, w, "PUT", mykaarmaMake+"/"+gus, fmt.Sprintf(`{"emailAddress":"gus@example.com","phone":"%d"}`, i))
				askMyKaarma(t, w, "POST", inDepartment("dep-2", hana, "roleName/Technician"), "")
				askMyKaarma(t, w, "PUT", inDepartment("dep-1", hana, "dealerAssociate"), mykaarmaInvalid)
				askMyKaarma(t, w, "GET", mykaarmaDealer1+"?includeInvalid=true", "")
				_ = mykaarmaAssociatesOf(t, w, `{"departmentUuids":["dep-1","dep-2"]}`)
				_ = w.Users("mykaarma")
				_ = w.Save(io.Discard)
				w.SetChaos(Chaos{Hidden: []string{"phone"}})
			}
		})
	}
	group.Wait()
	if c := w.Counts(); c.Created != 26 || len(w.Users("mykaarma")) != 30 {
		t.Errorf("%d created, %d there", c.Created, len(w.Users("mykaarma")))
	}
}
