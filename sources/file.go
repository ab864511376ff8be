package sources

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rollcall/schemas"
	"rollcall/sources/internal/document"
)

// What is wrong with a value, and what to write.
var (
	errLimit         = errors.New("write a whole number, or a share from 0% to 100%")
	errURL           = errors.New("is not a URL: write it like https://host/path")
	errURLParts      = errors.New("a URL here has no user, query or fragment")
	errURLPath       = errors.New("has a path with an empty or relative segment: write it like https://host/path")
	errHTTP          = errors.New("http:// would send credentials in the clear: write https:// (http:// is allowed for this machine only)")
	errDuration      = errors.New("is not a duration: write it like 30s, 5m, 12h or 2d")
	errSpan          = errors.New("write a time of at least 1d, such as 30d")
	errTimeout       = errors.New("write a time of more than 0s and at most 10m")
	errLedgerAddress = errors.New("is the address of a database, and secrets never stand in a file: write ledger: {url: {env: NAME}}, and the address in that variable")
	errRosterAddress = errors.New("is the address of a repository: write {git: ADDRESS, ref: main}, without a user or password in it")
	errOpenAddress   = errors.New("is open to other machines, which takes a token: write token: {env: NAME} beside it, or an address of this machine such as 127.0.0.1:9090")
	errTwoLedgers    = errors.New("a ledger is a file or in a database: leave out path or url")
	errJitter        = errors.New("must be shorter than the time between two runs of cron")
	errZone          = errors.New("is not a time zone: write an IANA name like America/Regina")
)

// maxShown is how long a line may be that is shown, or looked through for secrets,
// in bytes.
const maxShown = 64 << 10

// maxFile is how large one file may be, in bytes. A roster of 50,000 people fits.
const maxFile = 16 << 20

// A sourceFile is one YAML file being read, with what was found wrong in it.
type sourceFile struct {
	name        string // as people know it, with slashes
	path        string // that paths in the file are relative to
	fetched     bool   // whether it comes from a repository: no path is relative to it then
	data        []byte
	root        *document.Node
	diagnostics Diagnostics
	lines       [][]byte        // split on the first use
	hidden      []bool          // the lines that may hold a secret, made with lines
	problems    map[[2]int]bool // the places, line and column, that the parser refused
	// refused are the nodes that the schema reported: nothing more is said of them.
	refused map[*document.Node]bool
}

// readFile reads and parses a file. Without a usable document the source is nil
// and the diagnostics say why. With one, what was refused in it is among the
// diagnostics of the source, and can be checked further.
func readFile(path string) (*sourceFile, Diagnostics) {
	name := filepath.ToSlash(path)
	file, problem := openRegular(path)
	if problem != "" {
		return nil, Diagnostics{{File: name, Message: problem}}
	}
	defer func() { _ = file.Close() }()
	return readFrom(name, path, file)
}

// openRegular opens a file, or says why that is not possible. It looks at the
// file first: a pipe would wait for somebody to write to it.
func openRegular(path string) (file *os.File, problem string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fileProblem(err)
	case info.IsDir():
		return nil, "is a directory, not a file"
	case !info.Mode().IsRegular():
		return nil, "is not a regular file"
	}
	if file, err = os.Open(path); err != nil { //nolint:gosec // the user names the file
		return nil, fileProblem(err)
	}
	return file, ""
}

// readFrom reads and parses what r gives, up to maxFile.
func readFrom(name, path string, r io.Reader) (*sourceFile, Diagnostics) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, Diagnostics{{File: name, Message: fileProblem(err)}}
	}
	return parseSource(name, path, data)
}

func parseSource(name, path string, data []byte) (*sourceFile, Diagnostics) {
	src := &sourceFile{name: name, path: path, data: data}
	root, problems := document.Parse(data, document.Limits{Bytes: maxFile})
	src.problems = make(map[[2]int]bool, len(problems))
	for _, p := range problems {
		src.problems[[2]int{p.Line, p.Column}] = true
		src.report(p.Line, p.Column, src.withoutSecret(p))
	}
	if root == nil {
		return nil, sortDiagnostics(src.diagnostics)
	}
	src.root = root
	return src, nil
}

const problemNotThere = "does not exist"

func fileProblem(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problemNotThere
	case errors.Is(err, fs.ErrPermission):
		return "can not be read: permission denied"
	default:
		return "can not be read: " + pathCause(err).Error()
	}
}

func (s *sourceFile) report(line, column int, message string) {
	s.add(Error, line, column, message, true)
}

// reportAt reports a node unless the schema did already.
func (s *sourceFile) reportAt(node *document.Node, message string) {
	if !s.refused[node] {
		s.report(int(node.Line), int(node.Column), message)
	}
}

func (s *sourceFile) add(severity Severity, line, column int, message string, show bool) {
	d := Diagnostic{Severity: severity, File: s.name, Line: line, Column: column, Message: message}
	if show {
		d.Source = s.line(line, column)
	}
	s.diagnostics = append(s.diagnostics, d)
}

// line returns a line of the file as it may be shown, or "" when a caret at the
// column would not stand under what it means.
func (s *sourceFile) line(number, column int) string {
	line := s.rawLine(number)
	if len(line) > maxShown || line == nil || s.hidden[number-1] {
		return ""
	}
	text := strings.ToValidUTF8(string(bytes.TrimRight(line, "\r")), "\uFFFD")
	shown := maskSource(text)
	if !faithful(text, shown, column) {
		return ""
	}
	return shown
}

// rawLine is a line of the file, or nil.
func (s *sourceFile) rawLine(number int) []byte {
	if s.lines == nil {
		s.lines = bytes.Split(bytes.TrimPrefix(s.data, []byte("\uFEFF")), []byte("\n"))
		s.hidden = secretLines(s.lines)
	}
	if number < 1 || number > len(s.lines) {
		return nil
	}
	return s.lines[number-1]
}

// withoutSecret is the message of a problem without the number that it begins
// with, where that may be a secret.
func (s *sourceFile) withoutSecret(p document.Problem) string {
	line := s.rawLine(p.Line)
	if len(line) > maxShown {
		first, rest, _ := strings.Cut(p.Message, " ")
		if strings.ContainsAny(first[:min(1, len(first))], "0123456789+-.") {
			return "this value " + rest
		}
		return p.Message
	}
	before := string([]rune(string(line))[:min(max(p.Column-1, 0), len([]rune(string(line))))])
	first, rest, _ := strings.Cut(p.Message, " ")
	if line == nil || !strings.HasPrefix(string(line[len(before):]), first) || !s.hidden[p.Line-1] && !namesSecret(before) {
		return p.Message
	}
	return "this value " + rest
}

func (s *sourceFile) origin(node *document.Node) Origin {
	return Origin{File: s.name, Line: int(node.Line), Column: int(node.Column)}
}

// validate reports each violation of the schema at its place, and returns the
// paths at which there was one.
func (s *sourceFile) validate(schema *schemas.Schema) [][]string {
	violations := schema.Validate(s.root.Any())
	paths := make([][]string, 0, len(violations))
	s.refused = make(map[*document.Node]bool)
	for _, v := range violations {
		node, line, column, found := s.root.Find(v.Path)
		if found && !v.Key && node != nil {
			line, column = int(node.Line), int(node.Column)
		}
		if found && !v.Key {
			s.refused[node] = true
		}
		// One place is reported once: what the parser refused may violate the schema
		// as well.
		if !s.problems[[2]int{line, column}] {
			s.add(Error, line, column, v.Message, !schemas.Sensitive(v.Path))
		}
		paths = append(paths, v.Path)
	}
	return paths
}

// secret reads a secret reference that the schema accepted.
func (s *sourceFile) secret(entry document.Entry) SecretRef {
	ref := SecretRef{Origin: Origin{File: s.name, Line: int(entry.Line), Column: int(entry.Column)}}
	for _, e := range entries(entry.Value) {
		switch e.Key {
		case "env":
			ref.Env = e.Value.Text()
		case "file":
			ref.File = relativeTo(s.path, e.Value.Text())
		case "command":
			for _, item := range items(e.Value) {
				ref.Command = append(ref.Command, item.Text())
			}
		}
	}
	return ref
}

// quote shows a value in a message: short, and with nothing that could move the
// cursor.
func quote(text string) string {
	runes := []rune(text)
	if len(runes) > 60 {
		runes = append(runes[:60], '…')
	}
	return strconv.Quote(inert(string(runes)))
}

// maxListed is how many names a message lists.
const maxListed = 20

// list joins names for a message.
func list(names []string) string {
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > maxListed:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), len(names)-maxListed)
	default:
		return strings.Join(names, ", ")
	}
}

// at is the place of another value, for a message that names two.
func at(o Origin) string { return fmt.Sprintf("at %s", o) }

// entries are the pairs of a mapping without its x- keys, which are for people;
// whatever is no mapping has none.
func entries(node *document.Node) []document.Entry {
	if node == nil {
		return nil
	}
	ignored := func(e document.Entry) bool { return schemas.Ignored(e.Key) }
	if !slices.ContainsFunc(node.Entries, ignored) {
		return node.Entries
	}
	return slices.DeleteFunc(slices.Clone(node.Entries), ignored)
}

// items are the elements of a list; whatever is none has none.
func items(node *document.Node) []*document.Node {
	if node == nil {
		return nil
	}
	return node.Items
}

// plainValue is what a node states: the types of encoding/json, without the x-
// keys, which are for people.
func plainValue(node *document.Node) any { return withoutIgnored(node.Any()) }

func withoutIgnored(data any) any {
	switch v := data.(type) {
	case []any:
		for i := range v {
			v[i] = withoutIgnored(v[i])
		}
	case map[string]any:
		for key := range v {
			if schemas.Ignored(key) {
				delete(v, key)
			} else {
				v[key] = withoutIgnored(v[key])
			}
		}
	}
	return data
}
