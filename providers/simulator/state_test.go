package simulator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	if diff := cmp.Diff(w.Users("vendasta"), again.Users("vendasta")); diff != "" {
		t.Error(diff)
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
	good := `"partner":"ABC","attributes":{"email":"a@b.example"}`
	chaos := func(s string) string { return `{"vendasta":{"chaos":{` + s + `}}}` }
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
		{user(`"id":"U-1",` + good + `},{"id":"U-1",` + good), "vendasta.users[1]: there is another user with the id U-1"},
		{strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "nested too deep"},
		{chaos(`"latency":5`), "vendasta.chaos.latency: expected text"},
		{chaos(`"latency":"soon"`), "vendasta.chaos.latency: expected a duration"},
		{chaos(`"late":true`), `vendasta.chaos: unknown key "late"`},
		{chaos(`"fail":[{"fault":"boom"}]`), "vendasta.chaos.fail[0].fault: expected one of"},
		{chaos(`"fail":[{"status":42}]`), "fail[0]: status must be between"},
		{chaos(`"fail":[{"path":"["}]`), "fail[0]: path is no pattern"},
		{chaos(`"fail":[{"probability":2}]`), "probability: expected a number from 0 to 1"},
		{chaos(`"rateLimit":{"limit":0,"window":"1s"}`), "rateLimit: limit and window"},
		{chaos(`"storeDifferently":[]`), "storeDifferently: expected an object"},
	}
	for _, test := range tests {
		w := world(t, Options{})
		before := w.Users("vendasta")
		err := w.Load(strings.NewReader(test.state))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.state, err, test.want)
		}
		if diff := cmp.Diff(before, w.Users("vendasta")); diff != "" {
			t.Errorf("%s: the state changed: %s", test.state, diff)
		}
	}
}

func TestSeedIDs(t *testing.T) {
	ids := func(emails ...string) (list []string) {
		var users []any
		for _, email := range emails {
			users = append(users, map[string]any{"partner": "ABC", "attributes": map[string]any{"email": email}})
		}
		w := New(Options{})
		if err := w.Seed(map[string]any{"vendasta": map[string]any{"users": users}}); err != nil {
			t.Fatal(err)
		}
		for _, u := range w.Users("vendasta") {
			list = append(list, u.ID)
		}
		return list
	}
	a, b := ids("a@x.example", "a@x.example"), ids("new@x.example", "a@x.example")
	if a[0] == a[1] || a[0] != b[1] {
		t.Errorf("%v %v", a, b)
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
	if diff := cmp.Diff(users, w.Users("vendasta")); diff != "" || seeds != 1 {
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

func FuzzLoad(f *testing.F) {
	f.Add(`{"vendasta":{"made":1,"users":[{"id":"U-1","partner":"ABC","attributes":{"email":"a@b.example","phoneNumbers":[{"number":"1"}],"address":{"city":"x"}},"platformAccess":["tm:access"],"createdAt":"2026-01-01T00:00:00Z"}]}}`)
	f.Add(`{"format":"rollcall.simulator/1","vendasta":{"chaos":{"fail":[{"nth":1,"fault":"html"}],"rateLimit":{"limit":1,"window":"1s"}}}}`)
	f.Add(`[[[[`)
	f.Fuzz(func(t *testing.T, text string) {
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
		if err := again.Save(&second); err != nil || first.String() != second.String() {
			t.Fatalf("%v: %s", err, cmp.Diff(first.String(), second.String()))
		}
	})
}
