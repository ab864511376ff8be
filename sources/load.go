package sources

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"rollcall/schemas"
)

// Options of Load.
type Options struct {
	// Stdin is read for the roster named "-".
	Stdin io.Reader
	// Rules gives the rules of a kind.
	Rules func(kind string) Rules
}

// Load reads rollcall.yaml and the rosters that it names, in parallel, and checks
// them one by one and together. All problems of all files are reported at once,
// sorted by place. It reads no secret and needs no network. Configuration and
// roster are returned only when no diagnostic is an Error.
func Load(ctx context.Context, file string, options Options) (*Config, *Roster, Diagnostics) {
	config, rosters, ds := readConfig(file)
	if !rosters {
		return nil, nil, ds
	}
	roster, more := loadRoster(ctx, config, options)
	ds = sortDiagnostics(append(ds, more...))
	if ds.Failed() {
		return nil, nil, ds
	}
	return config, roster, ds
}

func loadRoster(ctx context.Context, config *Config, options Options) (*Roster, Diagnostics) {
	paths, ds := rosterFiles(config)
	if ds.Failed() {
		return nil, sortDiagnostics(ds)
	}
	schema, err := schemas.CompileRoster(config.Kinds())
	if err != nil {
		return nil, Diagnostics{{File: config.File, Message: err.Error()}}
	}
	files := make([]*rosterFile, len(paths))
	problems := make([]Diagnostics, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		group.Go(func() error {
			if ctx.Err() == nil {
				files[i], problems[i] = readRosterFile(path, options.Stdin, schema, config.Kinds())
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, Diagnostics{{File: config.File, Message: "reading the rosters was interrupted"}}
	}
	var read []*rosterFile
	for i, file := range files {
		ds = append(ds, problems[i]...)
		if file != nil {
			read = append(read, file)
		}
	}
	roster, checks := assemble(read, config, options.Rules)
	ds = append(ds, checks...)
	if len(roster.People) == 0 && !ds.Failed() {
		ds = append(ds, Diagnostic{Severity: Warning, File: config.File, Line: config.origin.Line, Column: config.origin.Column, Message: "the roster names nobody"})
	}
	ds = sortDiagnostics(ds)
	if ds.Failed() {
		return nil, ds
	}
	return roster, ds
}

const stdinName = "<stdin>"

func readRosterFile(path string, stdin io.Reader, schema *schemas.Schema, kinds map[string]string) (*rosterFile, Diagnostics) {
	var src *sourceFile
	var ds Diagnostics
	switch {
	case path != "-":
		src, ds = readFile(path)
	case stdin == nil:
		ds = Diagnostics{{File: stdinName, Message: "there is no standard input to read a roster from"}}
	default:
		src, ds = readFrom(stdinName, "-", stdin)
	}
	if src == nil {
		return nil, ds
	}
	file := decodeRoster(src, src.validate(schema), kinds)
	// The bytes and the document are not needed any more; the roster keeps values
	// and places of its own.
	diagnostics := src.diagnostics
	src.root = nil
	return file, diagnostics
}

// rosterFiles resolves the roster entries of the configuration to files: each
// once, sorted, standard input last.
func rosterFiles(config *Config) ([]string, Diagnostics) {
	var ds Diagnostics
	seen := make(map[string]bool)
	add := func(path string) {
		path = filepath.Clean(path)
		if !sameFile(path, config.File) {
			seen[path] = true
		}
	}
	for _, entry := range config.Roster {
		if entry == "-" {
			seen["-"] = true
			continue
		}
		if problem := resolveEntry(relativeTo(config.File, entry), add); problem != "" {
			o := config.origin
			file := filepath.ToSlash(relativeTo(config.File, entry))
			if o.Line == 0 {
				ds = append(ds, Diagnostic{File: file, Message: problem})
			} else {
				ds = append(ds, Diagnostic{File: config.File, Line: o.Line, Column: o.Column, Message: fmt.Sprintf("roster %s %s", quote(entry), problem)})
			}
		}
	}
	var paths []string
	for path := range seen {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int {
		if a == "-" || b == "-" {
			return strings.Compare(b, a)
		}
		return strings.Compare(filepath.ToSlash(a), filepath.ToSlash(b))
	})
	return paths, ds
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// resolveEntry adds the files of one roster entry and says what is wrong with it.
func resolveEntry(path string, add func(string)) string {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return resolveDirectory(path, add)
	case err == nil:
		add(path)
		return ""
	case !strings.ContainsAny(path, "*?["):
		return fileProblem(err)
	}
	matches, err := filepath.Glob(path)
	if err != nil {
		return "is not a pattern that can be read: look at its brackets"
	}
	found := false
	for _, match := range matches {
		if info, err := os.Stat(match); err == nil && !info.IsDir() {
			add(match)
			found = true
		}
	}
	if !found {
		return "matches no file"
	}
	return ""
}

// resolveDirectory adds the YAML files of a directory and of those below it.
// Names that begin with a dot are left out.
func resolveDirectory(directory string, add func(string)) string {
	found := false
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != directory && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() {
			if hidden {
				return filepath.SkipDir
			}
			return nil
		}
		if extension := filepath.Ext(path); !hidden && (extension == ".yaml" || extension == ".yml") {
			add(path)
			found = true
		}
		return nil
	})
	switch {
	case err != nil:
		return fileProblem(err)
	case !found:
		return "holds no .yaml or .yml file"
	}
	return ""
}
