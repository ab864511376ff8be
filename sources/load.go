package sources

import (
	"context"
	"io"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"rollcall/schemas"
)

// Options of Load.
type Options struct {
	// Stdin is read for the roster named "-".
	Stdin io.Reader
	// Rules gives the rules of a kind. Without it there are none.
	Rules func(kind string) Rules
	// Secrets reads the tokens of repositories, and knows them then; nil takes one of its
	// own.
	Secrets *Secrets
	// Offline fetches nothing: what was fetched last of a repository counts, and a
	// warning says so.
	Offline bool
}

// Load reads rollcall.yaml and the rosters that it names, in parallel, and checks
// them one by one and together. All problems of all files are reported at once,
// sorted by place. Repositories that the roster names are fetched; other than that it
// needs no network and reads no secret. Configuration and roster are returned only when
// no diagnostic is an Error.
func Load(ctx context.Context, file string, options Options) (*Config, *Roster, Diagnostics) {
	config, rosters, ds := readConfig(file)
	if !rosters {
		return nil, nil, ds
	}
	if options.Rules == nil {
		options.Rules = func(string) Rules { return Rules{} }
	}
	if config.rosterOrigin == nil && ds.Failed() && !exists(relativeTo(file, config.Roster[0])) {
		// Nobody named the roster that is not there, and the mistakes in the
		// configuration may well be why.
		return nil, nil, ds
	}
	if len(config.Git) > 0 && ds.Failed() {
		// A configuration that is wrong makes no connection to anywhere.
		return nil, nil, ds
	}
	roster, more := loadRoster(ctx, config, options)
	ds = sortDiagnostics(append(ds, more...))
	if ds.Failed() {
		return nil, nil, ds
	}
	return config, roster, ds
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func loadRoster(ctx context.Context, config *Config, options Options) (*Roster, Diagnostics) {
	paths, ds := rosterFiles(config)
	inputs, commits, problems := gitFiles(ctx, config, options)
	for _, path := range paths {
		inputs = append(inputs, rosterInput{path: path})
	}
	ds = append(ds, problems...)
	partial := ds.Failed()
	schema, err := schemas.CompileRoster(config.Kinds())
	if err != nil {
		return nil, Diagnostics{{File: config.File, Message: err.Error()}}
	}
	files := make([]*rosterFile, len(inputs))
	wrong := make([]Diagnostics, len(inputs))
	panics := make([]any, len(inputs))
	interrupted := ctx
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, input := range inputs {
		group.Go(func() error {
			defer func() { panics[i] = recover() }()
			if ctx.Err() == nil {
				files[i], wrong[i] = readRosterFile(input, options.Stdin, schema)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil || interrupted.Err() != nil {
		return nil, Diagnostics{{File: config.File, Message: "reading the rosters was interrupted"}}
	}
	for _, broke := range panics {
		if broke != nil {
			// It goes on in the caller's goroutine, where it can be recovered.
			panic(broke)
		}
	}
	var read []*rosterFile
	for i, file := range files {
		ds = append(ds, wrong[i]...)
		if file != nil {
			read = append(read, file)
		}
	}
	roster, checks := assemble(read, partial || len(read) < len(files), config, options.Rules)
	ds = append(ds, checks...)
	roster.Commits = commits
	if len(roster.People) == 0 && !ds.Failed() {
		d := Diagnostic{Severity: Warning, File: config.File, Message: "the roster names nobody"}
		if config.rosterOrigin != nil {
			d = config.diagnostic(Warning, *config.rosterOrigin, d.Message)
		}
		ds = append(ds, d)
	}
	ds = sortDiagnostics(ds)
	if ds.Failed() {
		return nil, ds
	}
	return roster, ds
}

const stdinName = "<stdin>"

// A rosterInput is one file of the roster: one to be read, or one that was read from a
// repository.
type rosterInput struct {
	path string // - is standard input
	name string // of what was read from a repository
	data []byte
}

func readRosterFile(input rosterInput, stdin io.Reader, schema *schemas.Schema) (*rosterFile, Diagnostics) {
	var src *sourceFile
	var ds Diagnostics
	switch {
	case input.name != "":
		if src, ds = parseSource(input.name, input.name, input.data); src != nil {
			src.fetched = true
		}
	case input.path != "-":
		src, ds = readFile(input.path)
	case stdin == nil:
		ds = Diagnostics{{File: stdinName, Message: "there is no standard input to read a roster from"}}
	default:
		src, ds = readFrom(stdinName, "-", stdin)
	}
	if src == nil {
		return nil, ds
	}
	file := decodeRoster(src, src.validate(schema))
	// The document is not needed any more: the roster keeps values and places of its
	// own. The bytes are, for the lines that diagnostics show.
	diagnostics := src.diagnostics
	src.root = nil
	return file, diagnostics
}
