package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStateRoundTrip(t *testing.T) {
	w := world(t, Options{})
	ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	var first, second strings.Builder
	if err := w.Save(&first); err != nil {
		t.Fatal(err)
	}
	golden(t, "state.json", first.String())
	again := New(Options{Clock: fixedClock})
	if err := again.Load(strings.NewReader(first.String())); err != nil {
		t.Fatal(err)
	}
	for _, kind := range w.Kinds() {
		if diff := cmp.Diff(w.Users(kind), again.Users(kind)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	if err := again.Save(&second); err != nil || first.String() != second.String() {
		t.Errorf("%v: %s", err, cmp.Diff(first.String(), second.String()))
	}
	// Ids go on where they were.
	if resp, text := ask(t, again, "POST", "/users", strings.ReplaceAll(fixture(t, "create-request.json"), "bill@", "bob@")); resp.StatusCode != 201 {
		t.Error(resp.StatusCode, text)
	}
}

func TestSeedIsStrict(t *testing.T) {
	user := func(s string) string { return `{"vendasta":{"users":[{` + s + `}]}}` }
	partoo := func(s string) string { return `{"partoo":{"users":[{` + s + `}]}}` }
	intelagree := func(s string) string { return `{"intelagree":{"users":[{` + s + `}]}}` }
	mykaarma := func(s string) string {
		return `{"mykaarma":{"users":[{"dealerUUID":"d-1","emailAddress":"a@b.example"` + s + `}]}}`
	}
	myreports := func(s string) string { return `{"myreports":{"users":[{` + s + `}]}}` }
	good := `"partner":"ABC","attributes":{"email":"a@b.example"}`
	tests := []struct{ state, want string }{
		{``, "empty"},
		{`{`, "unexpected EOF"},
		{`{} {}`, "after the end"},
		{`[]`, "state: expected an object, got a list"},
		{`null`, "expected an object, got nothing"},
		{`{"format":"other/1"}`, `format: expected "rollcall.simulator/1"`},
		{`{"format":1}`, "format: expected text, got a number"},
		{`{"vendesta":{}}`, `state: unknown key "vendesta"`},
		{`{"vendasta":[]}`, "vendasta: expected an object"},
		{`{"vendasta":{"people":[]}}`, `vendasta: unknown key "people"; known are`},
		{`{"vendasta":{"users":{}}}`, "vendasta.users: expected a list, got an object"},
		{`{"vendasta":{"made":-1}}`, "vendasta.made: must be between"},
		{`{"vendasta":{"made":1.5}}`, "vendasta.made: expected a whole number"},
		{`{"vendasta":{"users":[1]}}`, "vendasta.users[0]: expected an object"},
		{user(``), "vendasta.users[0]: partner must be given"},
		{user(`"partner":"ABC"`), "vendasta.users[0]: attributes must be given"},
		{user(`"partner":"ABC","attributes":{}`), "vendasta.users[0].attributes: email must be given"},
		{user(`"partner":"ABC","attributes":{"email":" "}`), "email: must not be empty"},
		{user(`"partner":"ABC","attributes":{"email":"a@b.example","title":"x"}`), `attributes: unknown key "title"`},
		{user(`"partner":"ABC","attributes":{"email":"a@b.example","phoneNumbers":["1"]}`), "phoneNumbers[0]: expected an object, got text"},
		{user(`"partner":"ABC","attributes":{"email":"a@b.example","address":{"line1":1}}`), "address.line1: expected text, got a number"},
		{user(good + `,"platformAccess":["tm:access",2]`), "vendasta.users[0].platformAccess[1]: expected text, got a number"},
		{user(good + `,"createdAt":"yesterday"`), "createdAt: expected a time"},
		{user(good + `,"id":""`), "id: must not be empty"},
		{intelagree(``), "intelagree.users[0]: email must be given"},
		{intelagree(`"email":" "`), "intelagree.users[0].email: must not be empty"},
		{intelagree(`"email":"a@b.example","isActive":true`), `intelagree.users[0]: unknown key "isActive"; known are businessKeys`},
		{intelagree(`"email":"a@b.example","userPermissionsToClone":{}`), `unknown key "userPermissionsToClone"`},
		{intelagree(`"email":"a@b.example","name":1`), "users[0].name: expected text, got a number"},
		{intelagree(`"email":"a@b.example","title":null`), "users[0].title: expected text, got nothing"},
		{intelagree(`"email":"a@b.example","hasAllOrganizations":1`), "users[0].hasAllOrganizations: expected true or false, got a number"},
		{intelagree(`"email":"a@b.example","primaryLegalEntityId":"1"`), "users[0].primaryLegalEntityId: expected a whole number, got text"},
		{intelagree(`"email":"a@b.example","permissionPresets":"x"`), "users[0].permissionPresets: expected a list, got text"},
		{intelagree(`"email":"a@b.example","permissionPresets":["x",true]`), "permissionPresets[1]: expected text, a whole number or an object, got true or false"},
		{intelagree(`"email":"a@b.example","userPermissions":[{"a.b":[1e999]}]`), "userPermissions[0]: has a number that can not be kept"},
		{intelagree(`"email":"a@b.example","userPermissions":[{"a":[[[[[[[[1]]]]]]]]}]`), "userPermissions[0]: has a number that can not be kept, or is nested too deep"},
		{intelagree(`"email":"a@b.example","businessKeys":{}`), "businessKeys: expected a list, got an object"},
		{intelagree(`"email":"a@b.example","businessKeys":["E-1"]`), "businessKeys[0]: expected an object, got text"},
		{intelagree(`"email":"a@b.example","businessKeys":[{"entity":"User","name":"HR"}]`), "businessKeys[0]: value must be given"},
		{intelagree(`"email":"a@b.example","businessKeys":[{"entity":"User","name":"","value":"1"}]`), "businessKeys[0].name: must not be empty"},
		{intelagree(`"email":"a@b.example","businessKeys":[{"entity":"User","name":"HR","value":1}]`), "businessKeys[0].value: expected text, got a number"},
		{intelagree(`"email":"a@b.example","createdBy":["HR","1"]`), "users[0].createdBy: expected text, got a list"},
		{intelagree(`"id":"1","email":"a@b.example"},{"id":"1","email":"b@b.example"`), "intelagree.users[1]: there is another user with the id 1"},
		{partoo(``), "partoo.users[0]: email must be given"},
		{partoo(`"email":""`), "partoo.users[0].email: must not be empty"},
		{partoo(`"email":"a@b.example","password":"x"`), `partoo.users[0]: unknown key "password"`},
		{partoo(`"email":"a@b.example","send_invitation":true`), `unknown key "send_invitation"`},
		{partoo(`"email":"a@b.example","disabled":"yes"`), "users[0].disabled: expected true or false, got text"},
		{partoo(`"email":"a@b.example","org_id":1.5`), "users[0].org_id: expected a whole number, got a number"},
		{partoo(`"email":"a@b.example","role":null`), "users[0].role: expected text, got nothing"},
		{partoo(`"email":"a@b.example","business_ids":"b-1"`), "users[0].business_ids: expected a list, got text"},
		{partoo(`"email":"a@b.example","accesses":[[1],2]`), "users[0].accesses[1]: expected a list, got a number"},
		{partoo(`"email":"a@b.example","accesses":[[1,"2"]]`), "users[0].accesses[0][1]: expected a whole number, got text"},
		{partoo(`"email":"a@b.example","created_at":-1`), "users[0].created_at: expected Unix seconds"},
		{partoo(`"email":"a@b.example","invited_at":1615299414`), "users[0].invited_at: expected text"},
		{partoo(`"id":"1","email":"a@b.example"},{"id":"1","email":"a@b.example"`), "partoo.users[1]: there is another user with the id 1"},
		{`{"mykaarma":{"users":[{}]}}`, "mykaarma.users[0]: dealerUUID must be given"},
		{`{"mykaarma":{"users":[{"dealerUUID":"d-1"}]}}`, "mykaarma.users[0]: emailAddress must be given"},
		{`{"mykaarma":{"users":[{"dealerUUID":"","emailAddress":"a@b.example"}]}}`, "mykaarma.users[0].dealerUUID: must not be empty"},
		{`{"mykaarma":{"users":[{"dealerUUID":"d-1","emailAddress":" "}]}}`, "mykaarma.users[0].emailAddress: must not be empty"},
		{mykaarma(`,"password":"x"`), `mykaarma.users[0]: unknown key "password"`},
		{mykaarma(`,"userInvite":true`), `mykaarma.users[0]: unknown key "userInvite"`},
		{mykaarma(`,"uuid":"x"`), `mykaarma.users[0]: unknown key "uuid"`},
		{mykaarma(`,"roleName":"Technician"`), `mykaarma.users[0]: unknown key "roleName"`},
		{mykaarma(`,"bio":1`), "mykaarma.users[0].bio: expected text, got a number"},
		{mykaarma(`,"nickName":null`), "mykaarma.users[0].nickName: expected text, got nothing"},
		{mykaarma(`,"isValid":"yes"`), "mykaarma.users[0].isValid: expected true or false, got text"},
		{mykaarma(`,"invitedAt":1`), "mykaarma.users[0].invitedAt: expected text, got a number"},
		{mykaarma(`,"inviteStatus":true`), "mykaarma.users[0].inviteStatus: expected text, got true or false"},
		{mykaarma(`,"departmentUUID":"p","mfaFeatureEnabled":"x"`), "mykaarma.users[0].mfaFeatureEnabled: expected true or false, got text"},
		{mykaarma(`,"departmentUUID":"p","associateIsValid":1`), "mykaarma.users[0].associateIsValid: expected true or false, got a number"},
		{mykaarma(`,"departmentUUID":""`), "mykaarma.users[0].departmentUUID: must not be empty"},
		{mykaarma(`,"roleUUID":"r-1"`), "mykaarma.users[0]: departmentUUID must be given beside what is true of a department"},
		{mykaarma(`,"associateIsValid":false`), "mykaarma.users[0]: departmentUUID must be given beside what is true of a department"},
		{mykaarma(`,"associates":{}`), "mykaarma.users[0].associates: expected a list, got an object"},
		{mykaarma(`,"associates":[{}]`), "mykaarma.users[0].associates[0]: departmentUUID must be given"},
		{mykaarma(`,"associates":[1]`), "mykaarma.users[0].associates[0]: expected an object, got a number"},
		{mykaarma(`,"associates":[{"departmentUUID":"p","phone":"1"}]`), `mykaarma.users[0].associates[0]: unknown key "phone"`},
		{mykaarma(`,"associates":[{"departmentUUID":"p","dmsID":1}]`), "mykaarma.users[0].associates[0].dmsID: expected text, got a number"},
		{mykaarma(`,"departmentUUID":"p","associates":[{"departmentUUID":"p"}]`), "mykaarma.users[0]: there is another associate in the department p"},
		{mykaarma(`,"id":"1"},{"id":"1","dealerUUID":"d-2","emailAddress":"b@b.example"`), "mykaarma.users[1]: there is another user with the id 1"},
		{myreports(``), "myreports.users[0]: email must be given"},
		{myreports(`"email":" "`), "myreports.users[0].email: must not be empty"},
		{myreports(`"email":"a@b.example","enabled":true`), `myreports.users[0]: unknown key "enabled"; known are accounts, displayName, email, id, primaryTenant, roles`},
		{myreports(`"email":"a@b.example","displayName":null`), "users[0].displayName: expected text, got nothing"},
		{myreports(`"email":"a@b.example","roles":"account.user"`), "users[0].roles: expected a list, got text"},
		{myreports(`"email":"a@b.example","roles":["account.user",1]`), "users[0].roles[1]: expected text, got a number"},
		{myreports(`"email":"a@b.example","accounts":[""]`), "users[0].accounts[0]: must not be empty"},
		{myreports(`"email":"a@b.example","primaryTenant":""`), "users[0].primaryTenant: must not be empty"},
		{myreports(`"email":"a@b.example","primaryTenant":true`), "users[0].primaryTenant: expected text, got true or false"},
		{myreports(`"id":"1","email":"a@b.example"},{"id":"1","email":"c@b.example"`), "myreports.users[1]: there is another user with the id 1"},
		{user(`"id":"U-1",` + good + `},{"id":"U-1",` + good), "vendasta.users[1]: there is another user with the id U-1"},
		{strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "nested too deep"},
	}
	for _, test := range tests {
		w := world(t, Options{})
		before := slices.Concat(w.Users("vendasta"), w.Users("partoo"), w.Users("intelagree"), w.Users("mykaarma"), w.Users("myreports"))
		err := w.Load(strings.NewReader(test.state))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.state, err, test.want)
		}
		if diff := cmp.Diff(before, slices.Concat(w.Users("vendasta"), w.Users("partoo"), w.Users("intelagree"), w.Users("mykaarma"), w.Users("myreports"))); diff != "" {
			t.Errorf("%s: the state changed: %s", test.state, diff)
		}
	}
}

func TestSeedIDs(t *testing.T) {
	for kind, user := range map[string]func(email string) map[string]any{
		"vendasta": func(email string) map[string]any {
			return map[string]any{"partner": "ABC", "attributes": map[string]any{"email": email}}
		},
		"partoo":     func(email string) map[string]any { return map[string]any{"email": email} },
		"intelagree": func(email string) map[string]any { return map[string]any{"email": email} },
		"mykaarma":   func(email string) map[string]any { return map[string]any{"dealerUUID": "d-1", "emailAddress": email} },
		"myreports":  func(email string) map[string]any { return map[string]any{"email": email} },
	} {
		ids := func(emails ...string) (list []string) {
			var users []any
			for _, email := range emails {
				users = append(users, user(email))
			}
			w := New(Options{})
			if err := w.Seed(map[string]any{kind: map[string]any{"users": users}}); err != nil {
				t.Fatal(err)
			}
			for _, u := range w.Users(kind) {
				list = append(list, u.ID)
			}
			return list
		}
		a, b := ids("a@x.example", "a@x.example"), ids("new@x.example", "a@x.example")
		if a[0] == a[1] || a[0] != b[1] {
			t.Errorf("%s: %v %v", kind, a, b)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	seeds := 0
	open := func() (*World, error) {
		return Open(dir, func() (any, error) { seeds++; return seed(), nil }, Options{Clock: fixedClock})
	}
	w, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	ask(t, w, "POST", "/users", fixture(t, "create-request.json"))
	users := w.Users("vendasta")
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, filepath.FromSlash(StateFile))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if w, err = open(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(users, w.Users("vendasta")); diff != "" || seeds != 2 {
		t.Errorf("%d seeds, %s", seeds, diff)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tmp"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenWithoutSeed(t *testing.T) {
	w, err := Open(t.TempDir(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.Users("vendasta")); n != 0 {
		t.Errorf("%d users", n)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	bad := errors.New("bad seed")
	dir := t.TempDir()
	if _, err := Open(dir, func() (any, error) { return nil, bad }, Options{}); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(dir, func() (any, error) { return []any{}, nil }, Options{}); err == nil || !strings.Contains(err.Error(), "simulator seed") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(StateFile))); err == nil {
		t.Error("a bad seed left a state")
	}
}

func TestBrokenStateFile(t *testing.T) {
	for _, text := range []string{"", "{", "{}{}", `{"vendasta":7}`, "\x00", strings.Repeat("[", 100_000)} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(StateFile))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time shows that the lock is free again
			_, err := Open(dir, nil, Options{})
			if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "delete the file") {
				t.Errorf("%.20q: %v", text, err)
			}
		}
		if data, _ := os.ReadFile(path); string(data) != text { //nolint:gosec // made by this test
			t.Errorf("%.20q was overwritten", text)
		}
	}
}

func TestHugeState(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, filepath.FromSlash(StateFile))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxState+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil, Options{}); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "larger") {
		t.Errorf("file: %v", err)
	}
	if err := New(Options{}).load(io.MultiReader(strings.NewReader(`{"a":"`), endless{}), 1<<16); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("reader: %v", err)
	}
}

// endless is text without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// A change is on the disk before Close.
func TestSavedBetween(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, nil, Options{SaveEvery: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	fill(t, w, 1)
	deadline := time.Now().Add(10 * time.Second)
	for {
		data, _ := os.ReadFile(filepath.Join(dir, filepath.FromSlash(StateFile))) //nolint:gosec // made by this test
		if strings.Contains(string(data), "u000@example.com") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("not saved")
		}
	}
}

// Chaos is read at every start and never kept, so that it can be switched on and
// off between two runs.
func TestOpenReadsChaosEachTime(t *testing.T) {
	dir := t.TempDir()
	open := func(data any) (int, error) {
		w, err := Open(dir, func() (any, error) { return data, nil }, Options{Clock: fixedClock})
		if err != nil {
			return 0, err
		}
		resp, _ := ask(t, w, "GET", "/users/U-1", "")
		return resp.StatusCode, w.Close()
	}
	chaos := map[string]any{"fail": []any{map[string]any{"status": 503}}}
	withChaos, all := seed(), map[string]any{"chaos": chaos}
	withChaos["vendasta"].(map[string]any)["chaos"] = chaos
	for i, test := range []struct {
		data any
		want int
	}{{withChaos, 503}, {seed(), 200}, {withChaos, 503}, {nil, 200}, {all, 503}} {
		if got, err := open(test.data); err != nil || got != test.want {
			t.Errorf("start %d: %d %v, want %d", i, got, err, test.want)
		}
	}
	var wrong *SeedError
	_, err := open(map[string]any{"vendasta": map[string]any{"chaos": map[string]any{"fail": []any{map[string]any{"status": 9}}}}})
	if !errors.As(err, &wrong) || errors.Is(err, ErrState) || !slices.Equal(wrong.Path, []string{"vendasta", "chaos", "fail", "0"}) {
		t.Errorf("%v at %v", err, wrong)
	}
	// Older versions kept the chaos in the state: it is ignored, whatever it says.
	path := filepath.Join(dir, filepath.FromSlash(StateFile))
	data, err := os.ReadFile(path) //nolint:gosec // made by this test
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Replace(string(data), `"vendasta": {`, `"vendasta": {"chaos": {"fail": [{"status": 503}], "gone": 1},`, 1)
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil || old == string(data) {
		t.Fatal(err)
	}
	if got, err := open(seed()); err != nil || got != 200 {
		t.Errorf("old state: %d %v", got, err)
	}
}

func TestHooks(t *testing.T) {
	w := world(t, Options{})
	data := map[string]any{"partner": "ABC", "attributes": map[string]any{"email": "Ana@Example.com"}}
	id, err := w.Add("vendasta", data)
	if err != nil {
		t.Fatal(err)
	}
	_, text := ask(t, w, "GET", findAna, "")
	if got := emails(t, text); len(got) != 2 {
		t.Errorf("duplicates: %v", got)
	}
	rename := func(d map[string]any) { d["attributes"].(map[string]any)["email"] = "renamed@example.com" }
	if err := w.Edit("vendasta", id, rename); err != nil {
		t.Fatal(err)
	}
	_, text = ask(t, w, "GET", "/users?filter[partner.id]=ABC&filter[email]=renamed@example.com", "")
	if got := emails(t, text); len(got) != 1 {
		t.Errorf("renamed: %v", got)
	}
	if err := w.Edit("vendasta", id, func(d map[string]any) { d["partner"] = 1 }); err == nil {
		t.Error("a wrong type was accepted")
	}
	if !w.Remove("vendasta", id) || w.Remove("vendasta", id) || w.Remove("none", id) {
		t.Error("remove")
	}
	data["id"] = "U-1"
	for _, err := range []error{
		w.Edit("vendasta", id, rename), w.Edit("none", id, rename),
		func() error { _, err := w.Add("vendasta", data); return err }(),
		func() error { _, err := w.Add("none", nil); return err }(),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
	// What the hooks return is a copy.
	u, _ := w.User("vendasta", "U-1")
	rename(u.Data)
	if again, _ := w.User("vendasta", "U-1"); again.Email != "Ana@example.com" || fmt.Sprint(again.Data) == fmt.Sprint(u.Data) {
		t.Error("the state was reached through a copy")
	}
}

// A state that can be read can be saved, and is the same then.
func FuzzLoad(f *testing.F) {
	f.Add(`{"vendasta":{"made":1,"users":[{"id":"U-1","partner":"ABC","attributes":{"email":"a@b.example","phoneNumbers":[{"number":"1"}],"address":{"city":"x"}},"platformAccess":["tm:access"],"createdAt":"2026-01-01T00:00:00Z"}]}}`)
	f.Add(`{"partoo":{"made":1,"users":[{"id":"1","email":"a@b.example","org_id":-1,"accesses":[[1,2],[]],"business_ids":["b"],"disabled":true,"created_at":1615299414,"invited_at":"2026-01-01T00:00:00.5+01:00"}]},"chaos":{}}`)
	f.Add(`{"format":"rollcall.simulator/1","vendasta":{"chaos":{"fail":[{"nth":1,"fault":"html"}],"rateLimit":{"limit":1,"window":"1s"}}}}`)
	f.Add(`[[[[`)
	f.Fuzz(roundTrip)
}

// The same with one user of Partoo, so that every input comes as far as that.
func FuzzLoadPartoo(f *testing.F) {
	f.Add(`"email":"a@b.example"`)
	f.Add(`"id":"5309c3a237bbc544d8e26737","email":"a@b.example","first_name":"A","role":"GROUP_MANAGER","accesses":[[1,2],[1,3]],"org_id":42`)
	f.Add(`"email":"A@B.example","role":"BUSINESS_MANAGER","business_ids":["b"],"sidebar_pages":[],"keywords":["k"],"status":"invited","lang":"fr"`)
	f.Add(`"email":"a","sso_only":true,"disabled":true,"receive_reviews_email_notifications":false,"phone":"","custom_role":"r","created_at":0,"invited_at":"2026-01-01T00:00:00.123456789Z"`)
	f.Add(`"email":"a","created_at":1e3,"org_id":9223372036854775807`)
	f.Fuzz(func(t *testing.T, members string) { roundTrip(t, `{"partoo":{"users":[{`+members+`}]}}`) })
}

// The same with one user of IntelAgree.
func FuzzLoadIntelAgree(f *testing.F) {
	f.Add(`"email":"a@b.example"`)
	f.Add(`"id":"E-1","email":"A@B.example","name":"","legalName":"A","title":"t","primaryLegalEntityId":-1,"hasAllOrganizations":true,"createdBy":"HR/E-0"`)
	f.Add(`"email":"a","businessKeys":[{"entity":"User","name":"HR","value":"1"},{"entity":"User","name":"HR","value":"1"}]`)
	f.Add(`"email":"a","businessKeys":[],"userPermissions":["x",1e3,{"a":[1.5,1e20,-0.0,9223372036854775808,null,true,{}]}],"permissionPresets":[]`)
	f.Fuzz(func(t *testing.T, members string) { roundTrip(t, `{"intelagree":{"users":[{`+members+`}]}}`) })
}

// The same with one user of MyReports.
func FuzzLoadMyReports(f *testing.F) {
	f.Add(`"email":"a@b.example"`)
	f.Add(`"id":"a1b2c3d4-0000-4000-8000-000000000001","email":"A@B.example","displayName":"A","roles":["account.user"],"accounts":["x","y"]`)
	f.Add(`"email":"a","displayName":"","roles":[],"primaryTenant":"x","accounts":["y","y"]`)
	f.Add(`"email":"a","accounts":[]`)
	f.Fuzz(func(t *testing.T, members string) { roundTrip(t, `{"myreports":{"users":[{`+members+`}]}}`) })
}

func roundTrip(t *testing.T, text string) {
	w := New(Options{Clock: fixedClock})
	if w.Load(strings.NewReader(text)) != nil {
		return
	}
	var first, second strings.Builder
	if err := w.Save(&first); err != nil {
		t.Fatal(err)
	}
	again := New(Options{Clock: fixedClock})
	if err := again.Load(strings.NewReader(first.String())); err != nil {
		t.Fatalf("%v: %s", err, first.String())
	}
	for _, kind := range w.Kinds() {
		if diff := cmp.Diff(w.Users(kind), again.Users(kind)); diff != "" {
			t.Fatalf("%s: %s", kind, diff)
		}
	}
	if err := again.Save(&second); err != nil || first.String() != second.String() {
		t.Fatalf("%v: %s", err, cmp.Diff(first.String(), second.String()))
	}
}

// What is no chaos is an error with a place in it, and what is one can be lived
// with.
func FuzzChaos(f *testing.F) {
	f.Add(`"latency":"1ms","jitter":"1ms","rateLimit":{"limit":1,"window":"1s","form":"date"},"indexLag":"1s","clockSkew":"-1h"`)
	f.Add(`"fail":[{"operation":"search","nth":1,"fault":"html"},{"path":"/partoo/*","probability":0.5,"status":429,"retryAfter":"2s","form":"millis"}]`)
	f.Add(`"hidden":["role"],"blank":true,"phantomPages":2,"overlappingPages":true,"storeDifferently":{"lang":"fr","accesses":[[1]]}`)
	f.Fuzz(func(t *testing.T, members string) {
		var data any
		if json.Unmarshal([]byte(`{"chaos":{`+members+`}}`), &data) != nil {
			return
		}
		chaos, err := ReadChaos(data)
		var wrong *SeedError
		if err != nil {
			if !errors.As(err, &wrong) || wrong.Error() == "" {
				t.Fatalf("%v has no place", err)
			}
			return
		}
		c := chaos["partoo"]
		c.Latency, c.Jitter = 0, 0
		c.Fail = slices.DeleteFunc(c.Fail, func(r Rule) bool { return r.Fault == FaultHang })
		w := world(t, Options{Chaos: c})
		for _, request := range [][3]string{{"GET", "/user/search?page=3&per_page=2"}, {"POST", "/user", partooNew}, {"POST", "/user/" + cara, `{"lang":"fr"}`}} {
			_, _, _ = tryPartoo(t, w, request[0], request[1], request[2])
		}
		for _, request := range [][3]string{{"GET", findGina}, {"POST", "/users", intelagreeNew}, {"PUT", gina, alongside(`"permissionPresets":[1],"title":"x"`)}} {
			_, _, _ = tryIntelAgree(t, w, request[0], request[1], request[2])
		}
		var saved strings.Builder
		if err := w.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
			t.Fatalf("what chaos stored can not be read again: %v", err)
		}
	})
}

// Whatever the body, a create or an update is done or refused, and leaves a state
// that can be read again.
func FuzzPartooBody(f *testing.F) {
	f.Add(partooNew)
	f.Add(`{"accesses":[[1]],"business_ids":["b"],"sidebar_pages":null,"send_invitation":true,"password":"x","sso_only":true}`)
	f.Add(`{"email":"a@b","first_name":"","last_name":"\u0000","org_id":-1,"lang":"hu","keywords":[],"disabled":true,"phone":"1"}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := world(t, Options{})
		for _, path := range []string{"/user", "/user/" + cara, "/user/" + dora} {
			if resp, text := askPartoo(t, w, "POST", path, body); resp.StatusCode != 200 && resp.StatusCode != 400 {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
		}
		var saved strings.Builder
		if err := w.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
			t.Fatal(err)
		}
	})
}

// The same for IntelAgree.
func FuzzIntelAgreeBody(f *testing.F) {
	f.Add(intelagreeNew)
	f.Add(alongside(`"title":"","businessKeys":[{"entity":"User","name":"HR","value":"E-1"}],"userPermissions":["x",1,{"a":[1.5,1e20]}]`))
	f.Add(alongside(`"userPermissionsToClone":{"entity":"User","name":"HR","value":"E-1"},"hasAllOrganizations":false,"primaryLegalEntityId":-1`))
	f.Add(`{"name":"\u0000","legalName":"x","email":"a@b","permissionPresets":[{"":{"":[[]]}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := world(t, Options{})
		for _, request := range [][2]string{{"POST", "/users"}, {"PUT", pathGina}} {
			if resp, text := askIntelAgree(t, w, request[0], request[1], body); resp.StatusCode >= 300 && resp.StatusCode != 400 {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
		}
		var saved strings.Builder
		if err := w.Save(&saved); err != nil {
			t.Fatal(err)
		}
		again := New(Options{})
		if err := again.Load(strings.NewReader(saved.String())); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w.Users("intelagree"), again.Users("intelagree")); diff != "" {
			t.Fatal(diff)
		}
	})
}

// The same at MyReports, for a create and a patch.
func FuzzMyReportsBody(f *testing.F) {
	f.Add(myreportsNew)
	f.Add(`{"email":"iris@example.com","displayName":"\u0000","roles":["webhooks.admin","webhooks.admin"]}`)
	f.Add(`[{"op":"replace","path":"/displayName","value":"x"},{"op":"add","path":"/roles/-","value":"user.admin"},{"op":"remove","path":"/roles/0"}]`)
	f.Add(`[{"op":"replace","path":"/roles","value":[]},{"op":"remove","path":"/roles/0"}]`)
	f.Add(`[{"op":"remove","path":"/roles/999999999"},{},null]`)
	f.Fuzz(func(t *testing.T, body string) {
		w := world(t, Options{})
		for path, method := range map[string]string{atHome: "POST", atHome + "/" + gina: "PATCH", atBranch + "/" + iris: "PATCH"} {
			resp, text := askMyReports(t, w, method, path, body, "Content-Type: application/json")
			if resp.StatusCode != 200 && resp.StatusCode != 201 && resp.StatusCode != 400 {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
		}
		var saved strings.Builder
		if err := w.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if err := New(Options{}).Load(strings.NewReader(saved.String())); err != nil {
			t.Fatal(err)
		}
	})
}
