// Package git fetches a repository and reads files of it, by the git program.
//
// What is fetched goes to a bare mirror on the disk, one commit deep. Nothing is ever
// checked out: files are read from the objects, so that no link, no hook, no filter and
// no path of the repository can do anything on the machine.
package git

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// DefaultTimeout is how long a fetch, or the wait for another one, may take.
const DefaultTimeout = 2 * time.Minute

// A Remote is a repository elsewhere, and how to get at it.
type Remote struct {
	URL string // checked by CheckURL, or an absolute path
	// User and Token are sent in a header, which only the environment of git has; an
	// empty Token sends none.
	User, Token string
	// Redact takes secrets out of what git says; nil leaves it.
	Redact func(string) string
	// Timeout is how long a fetch may take; 0 is DefaultTimeout.
	Timeout time.Duration
}

// ErrNoRef says that a repository has no such branch, tag or commit.
var ErrNoRef = errors.New("there is no such branch, tag or commit")

// A Failure is a git that did not do what it was told to.
type Failure struct {
	// Told is what there is to tell of it, in one line without secrets and control
	// characters.
	Told string
}

// Error is what there is to tell.
func (f *Failure) Error() string { return f.Told }

// errNoGit says that the program is missing.
var errNoGit = errors.New("there is no program git on this machine: install it")

// kept are the variables of git's own that are passed on: how the user's git gets at
// repositories. Others would lead it to another repository, or make it write traces.
var kept = []string{
	"GIT_ASKPASS=", "GIT_SSH=", "GIT_SSH_COMMAND=", "GIT_SSH_VARIANT=", "GIT_EXEC_PATH=",
	"GIT_CONFIG_GLOBAL=", "GIT_CONFIG_SYSTEM=", "GIT_CONFIG_NOSYSTEM=", "GIT_CONFIG_COUNT=", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_",
	"GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_",
}

// environment is that of every git: it asks nobody, answers in English, and knows no
// repository but the one it is told.
func (r Remote) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "GIT_") && !slices.ContainsFunc(kept, func(name string) bool { return strings.HasPrefix(variable, name) })
	})
	protocols := "https:ssh:file"
	if strings.HasPrefix(r.URL, "http://") {
		protocols += ":http"
	}
	env = append(env, "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_LITERAL_PATHSPECS=1", "GIT_ALLOW_PROTOCOL="+protocols, "LC_ALL=C", "LANGUAGE=")
	if os.Getenv("GIT_ASKPASS") == "" {
		env = append(env, "GIT_ASKPASS=") // set and empty, no window is opened to ask
	}
	if r.Token == "" {
		return env
	}
	// The settings of the environment are numbered. An empty header drops those that the
	// user's own settings have for this address: two of them are refused.
	count, _ := strconv.Atoi(os.Getenv("GIT_CONFIG_COUNT"))
	for _, setting := range [][2]string{
		{"http." + r.URL + ".extraHeader", ""},
		{"http." + r.URL + ".extraHeader", "Authorization: Basic " + r.credentials()},
		// The header would go along to wherever a redirect leads.
		{"http.followRedirects", "false"},
		{"credential.helper", ""},
	} {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", count, setting[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", count, setting[1]))
		count++
	}
	return append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", count))
}

// credentials are user and token as a header has them.
func (r Remote) credentials() string {
	return base64.StdEncoding.EncodeToString([]byte(r.User + ":" + r.Token))
}

// settings are given to every git, above those of the user: nothing is run and nothing
// else is fetched because somebody's settings say so.
var settings = []string{
	"core.hooksPath=" + os.DevNull, "core.fsmonitor=false", "protocol.ext.allow=never", "credential.interactive=false",
	"fetch.recurseSubmodules=false", "submodule.recurse=false", "gc.auto=0", "maintenance.auto=false", "fetch.unpackLimit=1",
	"fetch.writeCommitGraph=false", "init.defaultRefFormat=files", "color.ui=false",
}

// maxSaid is how much is kept of what git says about an error, in bytes.
const maxSaid = 16 << 10

// run runs git. The error is one of the context, errNoGit or a Failure.
func (r Remote) run(ctx context.Context, stdin io.Reader, stdout io.Writer, env []string, args ...string) error {
	all := make([]string, 0, 2*len(settings)+len(args))
	for _, setting := range settings {
		all = append(all, "-c", setting)
	}
	limit := cmp.Or(r.Timeout, DefaultTimeout)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	command := exec.CommandContext(limited, "git", append(all, args...)...) //nolint:gosec // addresses, refs and paths are checked, and none can be an option
	command.Env = append(r.environment(), env...)
	said := &head{left: maxSaid}
	command.Stdin, command.Stdout, command.Stderr = stdin, stdout, said
	grouped(command)
	command.WaitDelay = 5 * time.Second
	err := command.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return &Failure{Told: fmt.Sprintf("git did not end within %s", limit)}
	case errors.Is(err, exec.ErrNotFound):
		return errNoGit
	}
	if line := r.line(said.buffer.String()); line != "" {
		return &Failure{Told: "git said: " + line}
	}
	return &Failure{Told: "git said nothing, and ended with " + err.Error()}
}

// head keeps the beginning of what is written to it.
type head struct {
	buffer bytes.Buffer
	left   int
}

func (h *head) Write(p []byte) (int, error) {
	taken := p[:min(len(p), h.left)]
	h.left -= len(taken)
	h.buffer.Write(taken)
	return len(p), nil
}

// maxLine is how long the line is that what git said becomes, in characters.
const maxLine = 400

// line makes one harmless line of what git said, with the errors first: a server may say
// a lot before.
func (r Remote) line(said string) string {
	if r.Redact != nil {
		said = r.Redact(said) // a secret may stand across lines
	}
	var errs, rest []string
	for _, line := range strings.FieldsFunc(strings.ToValidUTF8(said, "\uFFFD"), func(c rune) bool { return c == '\n' || c == '\r' }) {
		line = strings.TrimSpace(strings.Map(func(c rune) rune {
			if unicode.IsControl(c) || unicode.In(c, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
				return unicode.ReplacementChar
			}
			return c
		}, line))
		switch {
		case line == "" || line == "remote:" || strings.HasPrefix(line, "Please make sure you have the correct access") || line == "and the repository exists.":
		case strings.HasPrefix(line, "fatal: ") || strings.HasPrefix(line, "error: "):
			errs = append(errs, line)
		default:
			rest = append(rest, line)
		}
	}
	line := []rune(strings.Join(append(errs, rest...), "; "))
	if len(line) > maxLine {
		line = append(line[:maxLine], '…')
	}
	return string(line)
}

// Header is what a token becomes in the header that is sent, to be kept out of what is
// told.
func (r Remote) Header() string {
	if r.Token == "" {
		return ""
	}
	return r.credentials()
}
