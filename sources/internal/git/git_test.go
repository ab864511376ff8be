package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

// TestMain keeps the settings of whoever runs the tests from git.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "", "GIT_SSH_COMMAND": "", "GIT_ASKPASS": ""} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func needsGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
}

// TestTimeout: a server that never answers is left alone after a while, or at once when
// the context ends.
func TestTimeout(t *testing.T) {
	t.Parallel()
	needsGit(t)
	asked := make(chan struct{}, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	fetch := func(ctx context.Context, limit time.Duration) error {
		folder := t.TempDir()
		m, err := Open(ctx, folder, Remote{URL: server.URL + "/r", Timeout: limit}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = m.Close() }()
		_, err = m.Fetch(ctx, "main")
		if m.Damaged(t.Context()) {
			t.Error("what was cut off is taken for damage")
		}
		return err
	}
	if err := fetch(t.Context(), 2*time.Second); err == nil || err.Error() != "git did not end within 2s" {
		t.Errorf("got %v", err)
	}
	<-asked
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(errors.New("enough"))
	}()
	if err := fetch(ctx, time.Minute); err == nil || err.Error() != "enough" {
		t.Errorf("got %v", err)
	}
}

// TestHeld: whoever holds a mirror is waited for, and not for ever.
func TestHeld(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "git")
	remote := Remote{URL: "https://git.example.com/r", Timeout: 100 * time.Millisecond}
	first, err := Open(t.Context(), folder, remote, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), folder, remote, true); err == nil || !strings.Contains(err.Error(), "another rollcall holds ") {
		t.Errorf("got %v", err)
	}
	if other, err := Open(t.Context(), folder, Remote{URL: "https://git.example.com/other"}, true); err != nil {
		t.Error(err)
	} else if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), folder, remote, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), folder, remote, false); !errors.Is(err, ErrNotFetched) {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), filepath.Join(file, "git"), remote, true); err == nil || !strings.Contains(err.Error(), "can not be made: ") {
		t.Errorf("got %v", err)
	}
}

// TestManyFetches: what was fetched before does not pile up.
func TestManyFetches(t *testing.T) {
	t.Parallel()
	needsGit(t)
	source := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", source, "-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	git("init", "--quiet", "--initial-branch=main")
	m, err := Open(t.Context(), t.TempDir(), Remote{URL: source}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	packs := func() int {
		all, _ := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "*.pack"))
		return len(all)
	}
	fetch := func(n int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(source, "a.yaml"), fmt.Appendf(nil, "%d", n), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "--quiet", "-m", "x")
		f, err := m.Fetch(t.Context(), "main")
		if err != nil {
			t.Fatal(err)
		}
		entries, err := m.List(t.Context(), f.Commit, "")
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		if contents, err := m.Read(t.Context(), entries, 100); err != nil || string(contents[0]) != fmt.Sprint(n) {
			t.Fatalf("%q, %v", contents, err)
		}
	}
	fetch(0)
	one, _ := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "*.pack"))
	if len(one) != 1 {
		t.Fatalf("%d packs after one fetch", len(one))
	}
	data, err := os.ReadFile(one[0])
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(strings.TrimSuffix(one[0], ".pack") + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxPacks {
		name := filepath.Join(m.dir, "objects", "pack", fmt.Sprintf("pack-%040x", i))
		if err := errors.Join(os.WriteFile(name+".pack", data, 0o600), os.WriteFile(name+".idx", index, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	fetch(1)
	if n := packs(); n > 3 {
		t.Errorf("%d packs are left", n)
	}
	if m.Damaged(t.Context()) {
		t.Error("damaged")
	}
}

// TestEnvironment: what would lead git elsewhere is left out, what the user set to get at
// repositories is not, and a token stands in no argument.
func TestEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"GIT_DIR": "/x", "GIT_TRACE_CURL": "1", "GIT_CONFIG_PARAMETERS": "'a.b=c'", "GIT_ALLOW_PROTOCOL": "ext", "GIT_SSH_COMMAND": "ssh -i key",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.proxy", "GIT_CONFIG_VALUE_0": "http://proxy.example.com",
	} {
		t.Setenv(name, value)
	}
	env := strings.Join(Remote{URL: "https://git.example.com/r", User: "u", Token: "hunter2"}.environment(), "\n") + "\n"
	for _, want := range []string{
		"GIT_SSH_COMMAND=ssh -i key\n", "GIT_CONFIG_KEY_0=http.proxy\n", "GIT_CONFIG_COUNT=5\n", "GIT_ALLOW_PROTOCOL=https:ssh:file\n", "GIT_TERMINAL_PROMPT=0\n",
		"GIT_CONFIG_KEY_2=http.https://git.example.com/r.extraHeader\nGIT_CONFIG_VALUE_2=Authorization: Basic dTpodW50ZXIy\n",
	} {
		if !strings.Contains(env, want) {
			t.Errorf("%q is not in\n%s", want, env)
		}
	}
	for _, not := range []string{"GIT_DIR=", "GIT_TRACE_CURL=", "GIT_CONFIG_PARAMETERS=", "GIT_ALLOW_PROTOCOL=ext\n", "hunter2"} {
		if strings.Contains(env, "\n"+not) {
			t.Errorf("%q is in\n%s", not, env)
		}
	}
	if env := strings.Join(Remote{URL: "http://127.0.0.1/r"}.environment(), "\n"); !strings.Contains(env, "GIT_ALLOW_PROTOCOL=https:ssh:file:http\n") {
		t.Error("http to this machine is not allowed")
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	remote := Remote{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "[secret]") }}
	for said, want := range map[string]string{
		"": "",
		"remote: a banner\nremote:\nfatal: no hunter2\n": "fatal: no [secret]; remote: a banner",
		"git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n": "fatal: Could not read from remote repository.; git@x: Permission denied (publickey).",
		"progress 1%\rfatal: \x1b[31mred\u202e\xff": "fatal: \uFFFD[31mred\uFFFD\uFFFD; progress 1%",
	} {
		if got := remote.line(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
	if got := []rune(remote.line(strings.Repeat("é", 1000))); len(got) != maxLine+1 {
		t.Errorf("%d characters", len(got))
	}
}

func TestGood(t *testing.T) {
	t.Parallel()
	for address, name := range map[string]string{
		"https://git.example.com/hr/roster.git": "roster.git", "https://git.example.com:8443/hr/roster/": "roster", "http://localhost:3000/r.git": "r.git",
		"http://[::1]:3000/r.git": "r.git", "ssh://git@git.example.com:2222/hr/roster.git": "roster.git", "git@git.example.com:hr/roster.git": "roster.git",
		"git.example.com:roster.git": "roster.git", "file:///srv/roster.git": "roster.git", "../people": "people", "/srv/roster/.git": "roster", ".": ".", `C:\hr\roster`: "roster", "a/b:c": "c",
	} {
		if err := CheckURL(address); err != nil || Name(address) != name {
			t.Errorf("%s: %v, %s", address, err, Name(address))
		}
	}
	for address, want := range map[string][3]bool{ // path, ssh, http
		"../x": {true, false, false}, "/x:y": {true, false, false}, `C:\x`: {true, false, false}, "C:/x": {true, false, false},
		"git@h:x": {false, true, false}, "h:x": {false, true, false}, "ssh://h/x": {false, true, false}, "https://h/x": {false, false, true}, "file:///x": {},
	} {
		if got := [3]bool{IsPath(address), IsSSH(address), IsHTTP(address)}; got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	for _, ref := range []string{"main", "release/2026-11", "v1.0", "refs/heads/x", "HEAD", "größe", "a@b", "a+b"} {
		if err := CheckRef(ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// FuzzCheck: what is accepted can not be an option, run a program or hold a password.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{"https://h/x", "git@h:x", "ext::sh", "-x", "a:b@c:d", "ssh://-o/x", "https://a:b@c/d", "main", "../a", "http://localhost/x", "a\x00b", "ssh://u@h/x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckURL(text) == nil {
			scheme, rest, is := strings.Cut(text, "://")
			authority, _, _ := strings.Cut(rest, "/")
			user, _, with := strings.Cut(authority, "@")
			if strings.HasPrefix(text, "-") || strings.ContainsFunc(text, unicode.IsControl) || !IsPath(text) && helper(text) ||
				is && with && (!strings.EqualFold(scheme, "ssh") || strings.Contains(user, ":")) {
				t.Errorf("%q is accepted", text)
			}
		}
		if CheckRef(text) == nil && (strings.HasPrefix(text, "-") || strings.ContainsAny(text, ":*?[ ~^\\\n\x00") || strings.HasPrefix(text, "+")) {
			t.Errorf("ref %q is accepted", text)
		}
		if clean, err := CleanPath(text); err == nil && (strings.HasPrefix(clean, "/") || clean == ".." || strings.HasPrefix(clean, "../") || strings.HasPrefix(clean, "-")) {
			t.Errorf("path %q becomes %q", text, clean)
		}
	})
}

// FuzzReadBatch: whatever git answers, no more is kept of a file than its limit.
func FuzzReadBatch(f *testing.F) {
	f.Add([]byte("a blob 3\nabc\nb blob 0\n\n"))
	f.Add([]byte("a missing\n"))
	f.Add([]byte("a blob 99999999999\nabc"))
	f.Add([]byte("a blob -1\nabc"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		contents, err := readBatch(bytes.NewReader(answer), 2, 4)
		for _, content := range contents {
			if err == nil && len(content) > 5 {
				t.Errorf("%d bytes", len(content))
			}
		}
	})
}

// TestReadBatch: a file that is larger is cut, and those after it are still found.
func TestReadBatch(t *testing.T) {
	t.Parallel()
	contents, err := readBatch(strings.NewReader("a blob 6\nab\ncde\nb blob 1\nz\n"), 2, 3)
	if err != nil || string(contents[0]) != "ab\nc" || string(contents[1]) != "z" {
		t.Errorf("%q, %v", contents, err)
	}
	for _, answer := range []string{"", "a missing\n", "a tree 1\nx\n", "a blob 5\nabc", "a blob 9223372036854775807\nx"} {
		if _, err := readBatch(strings.NewReader(answer), 1, 3); err == nil {
			t.Errorf("%q is accepted", answer)
		}
	}
}

// TestNobodyThere: a port at which nobody listens.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	needsGit(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String() + "/r"
	_ = listener.Close()
	err = Remote{URL: address}.run(t.Context(), nil, io.Discard, nil, "ls-remote", "--", address)
	var failed *Failure
	if !errors.As(err, &failed) || !strings.HasPrefix(failed.Told, "git said: fatal: unable to access '"+address) {
		t.Errorf("got %v", err)
	}
}
