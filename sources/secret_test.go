package sources_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/sources"
)

func TestSecretFromEnvironment(t *testing.T) {
	var secrets sources.Secrets
	ref := sources.SecretRef{Env: "ROLLCALL_TEST_SECRET"}
	if _, err := secrets.Read(t.Context(), ref); err == nil || err.Error() != "environment variable ROLLCALL_TEST_SECRET is not set: export it with the secret" {
		t.Errorf("unset: %v", err)
	}
	for value, want := range map[string]string{
		"a-value": "a-value", "a-value\n": "a-value", "a-value\n\n": "a-value\n", "a-value\r\n": "a-value", "a-value\r": "a-value\r", " a value ": " a value ", "a\nb": "a\nb",
	} {
		t.Setenv(ref.Env, value)
		if got, err := secrets.Read(t.Context(), ref); err != nil || got.Reveal() != want {
			t.Errorf("%q is read as %q, %v, want %q", value, got.Reveal(), err, want)
		}
	}
	for _, empty := range []string{"", "\n", "\r\n", "\n\n", "  \t"} {
		t.Setenv(ref.Env, empty)
		if _, err := secrets.Read(t.Context(), ref); err == nil || err.Error() != "environment variable ROLLCALL_TEST_SECRET is empty: give it the secret" {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func TestSecretFromFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"conf/rollcall.yaml": strings.Replace(minimal, "{env: TOKEN}", "{file: ../keys/token}", 1),
		"keys/token":         "hunter2hunter2\n", "keys/two": "hunter2hunter2\n\n", "keys/windows": "hunter2hunter2\r\n", "keys/empty": "", "keys/blank": "\n",
		"keys/binary": "hunter2\x00hunter2", "keys/large": strings.Repeat("hunter2\n", 1<<17) + "x", "keys/full": strings.Repeat("h", 1<<20),
	})
	config, ds := sources.LoadConfig(filepath.Join(dir, "conf", "rollcall.yaml"))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	var secrets sources.Secrets
	ref := config.Providers[0].Auth["token"]
	if got, err := secrets.Read(t.Context(), ref); err != nil || got.Reveal() != "hunter2hunter2" {
		t.Errorf("relative to the configuration: %q, %v", got.Reveal(), err)
	}
	if ref.Origin.Line != 3 || !strings.HasSuffix(ref.Origin.File, "conf/rollcall.yaml") {
		t.Errorf("origin %s", ref.Origin)
	}
	for name, want := range map[string]string{"two": "hunter2hunter2\n", "windows": "hunter2hunter2", "full": strings.Repeat("h", 1<<20)} {
		if got, err := secrets.Read(t.Context(), sources.SecretRef{File: filepath.Join(dir, "keys", name)}); err != nil || got.Reveal() != want {
			t.Errorf("%s: %.40q, %v", name, got.Reveal(), err)
		}
	}
	for name, want := range map[string]string{
		"missing": "does not exist: a path is relative to the file it is written in", "empty": "is empty: give it the secret", "blank": "is empty: give it the secret",
		"binary": "holds a NUL character: it is not a text secret", "large": "is larger than 1048576 bytes: it is not a secret", "": "is a directory, not a file",
	} {
		ref := sources.SecretRef{File: filepath.Join(dir, "keys", name)}
		_, err := secrets.Read(t.Context(), ref)
		if err == nil || err.Error() != "file "+filepath.ToSlash(ref.File)+" "+want || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := secrets.Read(t.Context(), sources.SecretRef{}); err == nil {
		t.Error("a reference to nothing was read")
	}
}

func shell(t *testing.T, script string) sources.SecretRef {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no sh")
	}
	return sources.SecretRef{Command: []string{"sh", "-c", script}}
}

func TestSecretFromCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ script, want, problem string }{
		{script: "echo hunter2hunter2", want: "hunter2hunter2"},
		{script: "printf 'a\\nb\\n\\n'", want: "a\nb\n"},
		{script: "echo hunter2hunter2; echo hunter2 >&2; exit 3", problem: "command sh ended with exit status 3: run it by hand to see why"},
		{script: "kill -9 $$", problem: "command sh ended with signal: killed: run it by hand to see why"},
		{script: "true", problem: "command sh is empty: give it the secret"},
		{script: "read x || echo no-input", want: "no-input"},
		{script: "while :; do echo hunter2hunter2hunter2hunter2hunter2; done", problem: "command sh printed more than 1048576 bytes: it is not a secret"},
	} {
		t.Run(test.script, func(t *testing.T) {
			t.Parallel()
			var secrets sources.Secrets
			got, err := secrets.Read(t.Context(), shell(t, test.script))
			if test.problem != "" {
				if err == nil || err.Error() != test.problem {
					t.Errorf("%v, want %s", err, test.problem)
				}
			} else if err != nil || got.Reveal() != test.want {
				t.Errorf("%q, %v, want %q", got.Reveal(), err, test.want)
			}
		})
	}
	var secrets sources.Secrets
	for _, program := range []string{"rollcall-no-such-program", "./rollcall-no-such-program"} {
		_, err := secrets.Read(t.Context(), sources.SecretRef{Command: []string{program, "--token", "hunter2"}})
		if err == nil || !strings.HasPrefix(err.Error(), "command "+program+" can not be run: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", program, err)
		}
	}
}

func TestSecretFromCommandThatHangs(t *testing.T) {
	t.Parallel()
	ref := shell(t, "echo hunter2hunter2; exec sleep 600")
	var secrets sources.Secrets
	secrets.SetCommandTime(50 * time.Millisecond)
	if _, err := secrets.Read(t.Context(), ref); err == nil || err.Error() != "command sh did not end within 50ms" {
		t.Errorf("past its limit: %v", err)
	}
	// What the program started can hold its output open; that is not waited for.
	if _, err := secrets.Read(t.Context(), shell(t, "sleep 5 & echo hunter2hunter2; wait")); err == nil || err.Error() != "command sh did not end within 50ms" {
		t.Errorf("with a child: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	secrets.SetCommandTime(0)
	if _, err := secrets.Read(ctx, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestSecretsAreNotPrinted prints one in every way there is.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	secret := sources.NewSecret(value)
	type exported struct{ S sources.Secret }
	type hidden struct{ s sources.Secret }
	type deep struct {
		m map[string]hidden
		p *hidden
		l []any
	}
	values := []any{
		secret, &secret,
		exported{secret},
		&exported{secret},
		hidden{secret},
		&hidden{secret},
		[]sources.Secret{secret},
		map[string]sources.Secret{"k": secret},
		map[sources.Secret]int{secret: 1},
		deep{map[string]hidden{"k": {secret}}, &hidden{secret}, []any{secret, hidden{secret}}},
		[]hidden{{secret}},
		fmt.Errorf("about %v", secret),
	}
	var logged bytes.Buffer
	loggers := []*slog.Logger{slog.New(slog.NewTextHandler(&logged, nil)), slog.New(slog.NewJSONHandler(&logged, nil))}
	for _, v := range values {
		for _, verb := range "vsqxXdtTbcoOUeEfFgGp" {
			for _, flags := range []string{"", "+", "#", "#+", "10.2", " ", "0"} {
				checkHidden(t, fmt.Sprintf("%"+flags+string(verb), v))
			}
		}
		checkHidden(t, fmt.Sprint(v), fmt.Sprintln(v))
		encoded, _ := json.Marshal(v)
		inXML, _ := xml.Marshal(v)
		checkHidden(t, string(encoded), string(inXML))
		for _, logger := range loggers {
			logger.Info("message", "secret", v, slog.Group("group", "secret", v))
			logger.With("secret", v).Info(fmt.Sprint(v))
		}
	}
	checkHidden(t, logged.String())
	checkHidden(t, secret.String(), secret.GoString(), secret.LogValue().String())
	if text, _ := secret.MarshalText(); fmt.Sprint(secret) != "[secret]" || string(text) != "[secret]" {
		t.Errorf("prints as %v", secret)
	}
	if secret.Reveal() != value || (sources.Secret{}).Reveal() != "" {
		t.Error("the value is lost")
	}
}

// checkHidden looks for hunter2 in a text, plain, in hex, as numbers and in
// base64.
func checkHidden(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for _, form := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), strings.ToUpper(hex.EncodeToString([]byte("hunter2"))), "104 117 110", "68 75 6e", "aHVudGVyMg"} {
			if strings.Contains(text, form) {
				t.Errorf("shown: %s", text)
			}
		}
	}
}

// TestRedact embeds secrets in texts in every form they can come into one.
func TestRedact(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		"hunter2-hunter2", "abcd", "p\u00e4ss w\u00f6rd/+?&=%<>\"'\\", "tab\tand\x01control", "k\u00e9\u2028y", "100%-sure!", "YWJj+/==",
		"line one is long\nline two is long",
	} {
		var secrets sources.Secrets
		secrets.Remember(secret)
		quoted, _ := json.Marshal(secret)
		var plainJSON bytes.Buffer
		encoder := json.NewEncoder(&plainJSON)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(secret); err != nil {
			t.Fatal(err)
		}
		inner := func(text string) string { return strings.Trim(strings.TrimSpace(text), `"`) }
		for name, form := range map[string]string{
			"raw": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "lower query": lower(url.QueryEscape(secret)), "lower path": lower(url.PathEscape(secret)),
			"percent": strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"), "JSON": inner(string(quoted)), "plain JSON": inner(plainJSON.String()), "Go": inner(fmt.Sprintf("%q", secret)), "ASCII": inner(fmt.Sprintf("%+q", secret)),
			"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		} {
			if got := secrets.Redact("before " + form + " after " + form); got != "before [secret] after [secret]" {
				t.Errorf("%q as %s: %q", secret, name, got)
			}
		}
	}
}

func lower(text string) string {
	out := []byte(text)
	for i := range out {
		if i >= 1 && out[i-1] == '%' || i >= 2 && out[i-2] == '%' {
			out[i] = bytes.ToLower(out[i : i+1])[0]
		}
	}
	return string(out)
}

// TestRedactBase64 wants no run of a secret's bytes left in base64 of a text
// around it, at any alignment, in either alphabet.
func TestRedactBase64(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ0189?>~\u00ff-_")), 6, 40, -1).Draw(t, "secret")
		before := rapid.StringN(0, 5, 5).Draw(t, "before")
		after := rapid.StringN(0, 5, 5).Draw(t, "after")
		var secrets sources.Secrets
		secrets.Remember(secret)
		for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "url": base64.URLEncoding, "raw": base64.RawStdEncoding, "raw url": base64.RawURLEncoding} {
			got := secrets.Redact("Authorization: Basic " + encoding.EncodeToString([]byte(before+secret+after)))
			left := strings.TrimPrefix(got, "Authorization: Basic ")
			if !strings.Contains(left, "[secret]") || len(left)-len("[secret]") > (len(before)+len(after)+4)*4/3+4 {
				t.Fatalf("%s: %q between %q and %q leaves %q", name, secret, before, after, got)
			}
		}
	})
}

func TestRedactKeyFiles(t *testing.T) {
	t.Parallel()
	lines := []string{strings.Repeat("MIIEvQ", 10), strings.Repeat("kL9x+/", 10), "AbCd=="}
	pem := "-----BEGIN PRIVATE KEY-----\n" + strings.Join(lines, "\n") + "\n-----END PRIVATE KEY-----\n"
	key, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "private_key": pem, "private_key_id": "id-of-the-key", "client_email": "rollcall@example.com",
		"client_id": "1234567890", "token_uri": "https://example.com/token", "client_secret": "and-another",
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compact := &bytes.Buffer{}
	if err := json.Compact(compact, key); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"PEM": pem, "key file": string(key), "compact key file": compact.String()} {
		var secrets sources.Secrets
		secrets.Remember(value)
		for _, line := range append(lines, pem, strings.ReplaceAll(pem, "\n", `\n`), strings.Join(lines, ""), value) {
			got := secrets.Redact("error near " + line + " in the key")
			for _, part := range lines {
				if strings.Contains(got, part) {
					t.Errorf("%s: %q is left", name, got)
				}
			}
		}
		harmless := "rollcall@example.com asked https://example.com/token with the key id-of-the-key: service_account 1234567890"
		if got := secrets.Redact(harmless); got != harmless {
			t.Errorf("%s: %q", name, got)
		}
		if name != "PEM" && secrets.Redact("and-another") != "[secret]" {
			t.Errorf("%s: client_secret is left", name)
		}
	}
}

func TestRedactOverlaps(t *testing.T) {
	t.Parallel()
	var secrets sources.Secrets
	for _, secret := range []string{"abcdef", "defghi", "secret", "abc", "", "aaaa"} {
		secrets.Remember(secret)
	}
	for text, want := range map[string]string{
		"": "", "nothing": "nothing", "xabcdefghix": "x[secret]x", "abcdef defghi": "[secret] [secret]", "my secret is secret": "my [secret] is [secret]",
		"abc is too short": "abc is too short", "abcdefabcdef": "[secret][secret]", "baaaaaaab": "b[secret]b",
	} {
		if got := secrets.Redact(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestReadSecretsAreRedacted: what was read is known without being told.
func TestReadSecretsAreRedacted(t *testing.T) {
	t.Setenv("ROLLCALL_TEST_SECRET", "  hunter2hunter2\n")
	var secrets sources.Secrets
	if _, err := secrets.Read(t.Context(), sources.SecretRef{Env: "ROLLCALL_TEST_SECRET"}); err != nil {
		t.Fatal(err)
	}
	if got := secrets.Redact("Bearer hunter2hunter2"); got != "Bearer [secret]" {
		t.Errorf("%q", got)
	}
}

func TestSecretsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var secrets sources.Secrets
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			value := fmt.Sprintf("value-number-%d", i)
			file := filepath.Join(dir, fmt.Sprint(i))
			if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
				t.Error(err)
			}
			for range 20 {
				if _, err := secrets.Read(t.Context(), sources.SecretRef{File: file}); err != nil {
					t.Error(err)
				}
				secrets.Remember(value + "-issued")
				if got := secrets.Redact("x " + value + "-issued"); got != "x [secret]" {
					t.Errorf("%q", got)
				}
			}
		})
	}
	group.Wait()
}
