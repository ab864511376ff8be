package git

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// What is wrong with an address, a ref or a path, and what to write.
var (
	errAddress  = errors.New("write an address such as https://git.example.com/hr/roster.git or git@git.example.com:hr/roster.git, or the path of a repository on this machine")
	errScheme   = errors.New("is of a kind that is not read: write https://, ssh:// or git@host:path, or the path of a repository on this machine")
	errHTTP     = errors.New("http:// can be read and changed on the way: write https:// (http:// is allowed for this machine only)")
	errUser     = errors.New("has a user or a password in it, and secrets never stand in a file: leave it out, and use ssh, a credential helper of git, or auth: {env: NAME} beside it")
	errPassword = errors.New("has a password in it, and secrets never stand in a file: leave it out, and use a key of ssh")
	errQuery    = errors.New("has ? or # in it, which the address of a repository has not")
	errOption   = errors.New("begins with a hyphen, which git would take for an option")
	errHidden   = errors.New("has a control character or a blank in it")
	errRef      = errors.New("is not the name of a branch or a tag, nor the 40 digits of a commit")
	errPath     = errors.New("has to be a path from the root of the repository down, without .. and without a slash at its beginning")
)

// CheckURL says what is wrong with the address of a repository. One that is a path is for
// the caller to resolve.
func CheckURL(text string) error {
	switch {
	case text == "":
		return errAddress
	case strings.HasPrefix(text, "-"):
		return errOption
	case strings.ContainsFunc(text, unicode.IsControl):
		return errHidden
	case IsPath(text):
		return nil
	case helper(text):
		return errScheme
	case !strings.Contains(text, "://"):
		return checkShort(text)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "@"):
		return errUser // what it is exactly is not said, since it may be a secret
	case err != nil:
		return errAddress
	case u.Scheme == "file" && u.Host == "" && u.User == nil && strings.HasPrefix(u.Path, "/"):
		return nil
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return errScheme
	case u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || strings.Trim(u.Path, "/") == "":
		return errAddress
	case strings.ContainsFunc(text, unicode.IsSpace):
		return errHidden
	case u.Scheme != "ssh" && u.User != nil:
		return errUser
	case strings.ContainsAny(text, "?#"):
		return errQuery
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errHTTP
	}
	if _, has := u.User.Password(); has {
		return errPassword
	}
	if strings.HasPrefix(u.User.Username(), "-") {
		return errOption
	}
	return nil
}

// helper reports whether git would run a program for an address, as for ext::sh.
func helper(text string) bool {
	before, _, is := strings.Cut(text, "::")
	return is && !strings.Contains(before, "://")
}

// checkShort checks user@host:path, as scp has it.
func checkShort(text string) error {
	host, path, _ := strings.Cut(text, ":")
	user, name, with := strings.Cut(host, "@")
	if !with {
		name = user
	}
	switch {
	case strings.Contains(path, "@") && !strings.Contains(host, "@"):
		return errPassword // user:password@host:path
	case with && user == "" || name == "" || path == "" || strings.HasPrefix(name, "-") || strings.HasPrefix(path, "-"):
		return errAddress
	case strings.ContainsFunc(text, unicode.IsSpace):
		return errHidden
	}
	return nil
}

// IsPath reports whether an address is a path on this machine.
func IsPath(text string) bool {
	first, _, _ := strings.Cut(strings.ReplaceAll(text, `\`, "/"), "/")
	drive := len(first) == 2 && first[1] == ':'
	return !strings.Contains(text, "://") && (drive || !strings.Contains(first, ":"))
}

// IsSSH reports whether an address is reached by ssh.
func IsSSH(text string) bool {
	return strings.HasPrefix(text, "ssh://") || !strings.Contains(text, "://") && !IsPath(text)
}

// IsHTTP reports whether an address is reached in a way that takes a token.
func IsHTTP(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// Name is what people call a repository: the last part of its address.
func Name(address string) string {
	address = strings.TrimRight(strings.ReplaceAll(address, `\`, "/"), "/")
	name := address[strings.LastIndexAny(address, "/:")+1:]
	if name == "" || name == ".git" {
		return "roster"
	}
	return name
}

func loopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// CheckRef says what is wrong with a ref, by the rules of git check-ref-format. It is
// written into a refspec, which has characters of its own.
func CheckRef(ref string) error {
	switch {
	case strings.HasPrefix(ref, "-"):
		return errOption
	case strings.ContainsFunc(ref, unicode.IsControl) || strings.ContainsFunc(ref, unicode.IsSpace):
		return errHidden
	case ref == "" || ref == "@" || strings.ContainsAny(ref, `~^:?*[\`) || strings.HasPrefix(ref, "+"),
		strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.Contains(ref, "//"),
		strings.HasPrefix(ref, "/") || strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, "."):
		return errRef
	}
	for part := range strings.SplitSeq(ref, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return errRef
		}
	}
	return nil
}

// CleanPath is a path or a pattern in a repository in its shortest form, "" for the root.
func CleanPath(text string) (string, error) {
	switch {
	case strings.HasPrefix(text, "-"):
		return "", errOption
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", errHidden
	case strings.HasPrefix(text, "/"):
		return "", errPath
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == ".." {
			return "", errPath
		}
	}
	clean := path.Clean(text)
	if clean == "." {
		clean = ""
	}
	return clean, nil
}
