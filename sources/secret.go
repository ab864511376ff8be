package sources

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of a secret: how large it may be, and how long a command may take to
// print it.
const (
	maxSecretBytes   = 1 << 20
	secretCommandMax = 30 * time.Second
	redacted         = "[secret]"
	minSecret        = 4 // characters of a text that is worth hiding
)

// A SecretRef says where a secret stands: exactly one of its fields is set. It
// is what rollcall.yaml and rosters hold; they never hold the secret.
type SecretRef struct {
	Env     string   // name of an environment variable
	File    string   // path of a file, already relative to the working directory
	Command []string // program and arguments, run without a shell
	// Origin is where the reference is written.
	Origin Origin
}

// String names the place of the secret, for messages; it holds nothing secret.
// A command is named by its program alone, since an argument may be sensitive.
func (r SecretRef) String() string {
	switch {
	case r.Env != "":
		return "environment variable " + r.Env
	case r.File != "":
		return "file " + filepath.ToSlash(r.File)
	case len(r.Command) > 0:
		return "command " + r.Command[0]
	default:
		return "secret"
	}
}

// Reference is the place of the secret that a value of the roster names, as
// {env: NAME} or {file: PATH}; a path is relative to the file it is written in.
// It is false for anything else.
func (v Value) Reference() (SecretRef, bool) {
	fields, _ := v.Data.(map[string]any)
	ref := SecretRef{}
	if len(v.Origins) > 0 {
		ref.Origin = v.Origins[0]
	}
	ref.Env, _ = fields["env"].(string)
	if file, _ := fields["file"].(string); file != "" {
		ref.File = relativeTo(filepath.FromSlash(ref.Origin.File), file)
	}
	return ref, len(fields) == 1 && (ref.Env != "" || ref.File != "")
}

// relative reports whether the value names the file of a secret by a relative path.
func (v Value) relative() bool {
	fields, _ := v.Data.(map[string]any)
	file, _ := fields["file"].(string)
	_, is := v.Reference()
	return is && file != "" && !filepath.IsAbs(filepath.FromSlash(file))
}

// A Secret is a value that prints as "[secret]" however it is printed,
// marshalled or logged. Reveal is the only way to it. The value stands behind a
// pointer because fmt prints the unexported fields of a struct without asking
// their methods.
type Secret struct{ value *string }

// NewSecret hides a value that comes from elsewhere than a reference. It is not
// remembered for redaction; see Secrets.Remember.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the value, for the one place that sends it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String hides the value.
func (Secret) String() string { return redacted }

// GoString hides the value from %#v.
func (Secret) GoString() string { return redacted }

// Format hides the value from every verb.
func (Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// MarshalJSON hides the value.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText hides the value from other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Secrets reads secrets and remembers each, so that Redact can take them out of
// a text whatever way they came into it. It is safe for concurrent use; the zero
// value is ready.
type Secrets struct {
	mu    sync.RWMutex
	known map[string]struct{}
	forms []string // every encoded form of every known secret

	commandTime time.Duration // that a command may take; 0: secretCommandMax
}

// Read resolves the reference. The error names the place and what to do, and
// never holds the value.
func (s *Secrets) Read(ctx context.Context, ref SecretRef) (Secret, error) {
	value, err := s.read(ctx, ref)
	if err != nil {
		return Secret{}, err
	}
	if line, ended := strings.CutSuffix(value, "\n"); ended {
		value = strings.TrimSuffix(line, "\r")
	}
	if strings.TrimSpace(value) == "" {
		return Secret{}, fmt.Errorf("%s is empty: give it the secret", ref)
	}
	if strings.ContainsRune(value, 0) {
		return Secret{}, fmt.Errorf("%s holds a NUL character: it is not a text secret", ref)
	}
	s.Remember(value)
	return NewSecret(value), nil
}

func (s *Secrets) read(ctx context.Context, ref SecretRef) (string, error) {
	switch {
	case ref.Env != "":
		value, set := os.LookupEnv(ref.Env)
		if !set {
			return "", fmt.Errorf("%s is not set: export it with the secret", ref)
		}
		return value, nil
	case ref.File != "":
		return readSecretFile(ref)
	case len(ref.Command) > 0:
		return readSecretCommand(ctx, ref, cmp.Or(s.commandTime, secretCommandMax))
	default:
		return "", errors.New("the secret has no env, file or command")
	}
}

func readSecretFile(ref SecretRef) (string, error) {
	file, problem := openRegular(ref.File)
	if problem == problemNotThere {
		problem += ": a path is relative to the file it is written in"
	}
	if problem != "" {
		return "", fmt.Errorf("%s %s", ref, problem)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSecretBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s can not be read: %w", ref, pathCause(err))
	case len(data) > maxSecretBytes:
		return "", fmt.Errorf("%s is larger than %d bytes: it is not a secret", ref, maxSecretBytes)
	}
	return string(data), nil
}

func readSecretCommand(ctx context.Context, ref SecretRef, limit time.Duration) (string, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	command := exec.CommandContext(limited, ref.Command[0], ref.Command[1:]...) //nolint:gosec // the configuration names the program on purpose
	command.WaitDelay = time.Second
	out := limitedWriter{left: maxSecretBytes}
	command.Stdout = &out
	// What the program says about itself may hold the secret, so it is dropped.
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.buffer.String(), nil
	case out.full:
		return "", fmt.Errorf("%s printed more than %d bytes: it is not a secret", ref, maxSecretBytes)
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", ref, context.Cause(ctx))
	case limited.Err() != nil:
		return "", fmt.Errorf("%s did not end within %s", ref, limit)
	case errors.Is(err, exec.ErrWaitDelay):
		return "", fmt.Errorf("%s ended, but something that it started still holds its output open", ref)
	case errors.As(err, &exit):
		return "", fmt.Errorf("%s ended with %s: run it by hand to see why", ref, exit.ProcessState)
	default:
		return "", fmt.Errorf("%s can not be run: %w", ref, pathCause(err))
	}
}

var errTooLarge = errors.New("too large")

// limitedWriter fails once more than left bytes were written to it, and is full
// then.
type limitedWriter struct {
	buffer bytes.Buffer
	left   int
	full   bool
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		w.full = true
		return 0, errTooLarge
	}
	w.left -= len(p)
	return w.buffer.Write(p)
}

// pathCause strips the path from an error of the file system, since the message
// around it names the path already.
func pathCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var program *exec.Error
	if errors.As(err, &program) {
		return program.Err
	}
	return err
}

// Remember adds a secret that was not read but issued, such as an access token.
// Each line of a longer text counts as a secret of its own. Values shorter than
// minSecret are not remembered: taking them out would garble every text.
func (s *Secrets) Remember(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[string]struct{})
	}
	parts := append(strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }), value)
	parts = append(parts, jsonStrings(value)...)
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if _, seen := s.known[part]; seen || len(part) < minSecret || strings.HasPrefix(part, "-----") && !strings.Contains(part, "\n") {
			continue
		}
		s.known[part] = struct{}{}
		s.forms = append(s.forms, encodings(part)...)
	}
}

// The members of a key file that are secret, and those whose names only look so.
var (
	privateMember = regexp.MustCompile(`(?i)key|secret|token|password`)
	publicMember  = regexp.MustCompile(`(?i)(id|ur[il])$`)
)

// jsonStrings returns the private members of a JSON key file: what stands in a
// key file beside the key (an address, an id) is not secret and is worth
// printing.
func jsonStrings(value string) []string {
	var members map[string]json.RawMessage
	if !strings.HasPrefix(strings.TrimSpace(value), "{") || json.Unmarshal([]byte(value), &members) != nil {
		return nil
	}
	var found []string
	for name, raw := range members {
		var text string
		if privateMember.MatchString(name) && !publicMember.MatchString(name) && json.Unmarshal(raw, &text) == nil {
			found = append(found, text)
			found = append(found, strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })...)
		}
	}
	return found
}

// encodings lists the forms in which a secret may turn up in a text: as it is,
// URL-escaped, JSON-escaped, in hex, and in base64 at each of the three
// alignments that it can have inside a longer encoded text.
func encodings(secret string) []string {
	forms := map[string]struct{}{secret: {}}
	query := url.QueryEscape(secret)
	for _, escaped := range []string{query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(secret)} {
		forms[escaped] = struct{}{}
		forms[lowerEscapes(escaped)] = struct{}{}
	}
	quotedForms := []string{strconv.Quote(secret), strconv.QuoteToASCII(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		quotedForms = append(quotedForms, string(quoted))
	}
	for _, quoted := range quotedForms {
		forms[quoted[1:len(quoted)-1]] = struct{}{}
	}
	digits := hex.EncodeToString([]byte(secret))
	forms[digits], forms[strings.ToUpper(digits)] = struct{}{}, struct{}{}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			encoded := encoding.EncodeToString(append(make([]byte, offset), secret...))
			// The characters at both ends also encode neighbours; what is left in
			// between is the same wherever the secret stands at this alignment.
			first := (offset*8 + 5) / 6
			last := len(encoded)
			if (offset+len(secret))%3 != 0 {
				last--
			}
			if last-first >= minSecret {
				forms[encoded[first:last]] = struct{}{}
				forms[url.QueryEscape(encoded[first:last])] = struct{}{}
			}
		}
	}
	list := make([]string, 0, len(forms))
	for form := range forms {
		list = append(list, form)
	}
	return list
}

// lowerEscapes writes the digits of percent escapes in lower case.
func lowerEscapes(text string) string {
	return escape.ReplaceAllStringFunc(text, strings.ToLower)
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

// Redact takes every known secret out of the text, in every form that encodings
// lists. Where two overlap, nothing of either is left.
func (s *Secrets) Redact(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	type span struct{ from, to int }
	var spans []span
	for _, form := range s.forms {
		for from := 0; ; {
			i := strings.Index(text[from:], form)
			if i < 0 {
				break
			}
			spans = append(spans, span{from + i, from + i + len(form)})
			from += i + 1
		}
	}
	if len(spans) == 0 {
		return text
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.from-b.from, b.to-a.to) })
	var out strings.Builder
	end := 0
	for i, hit := range spans {
		if i == 0 || hit.from >= end {
			out.WriteString(text[end:hit.from])
			out.WriteString(redacted)
		}
		end = max(end, hit.to)
	}
	out.WriteString(text[end:])
	return out.String()
}
