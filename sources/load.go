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
	if options.Rules == nil {
		options.Rules = func(string) Rules { return Rules{} }
	}
	if len(config.rosterOrigins) == 0 && ds.Failed() && !exists(relativeTo(file, config.Roster[0])) {
		// Nobody named the roster that is not there, and the mistakes in the
		// configuration may well be why.
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
	partial := ds.Failed()
	schema, err := schemas.CompileRoster(config.Kinds())
	if err != nil {
		return nil, Diagnostics{{File: config.File, Message: err.Error()}}
	}
	files := make([]*rosterFile, len(paths))
	problems := make([]Diagnostics, len(paths))
	panics := make([]any, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		group.Go(func() error {
			defer func() { panics[i] = recover() }()
			if ctx.Err() == nil {
				files[i], problems[i] = readRosterFile(path, options.Stdin, schema)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
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
		ds = append(ds, problems[i]...)
		if file != nil {
			read = append(read, file)
		}
	}
	roster, checks := assemble(read, partial || len(read) < len(files), config, options.Rules)
	ds = append(ds, checks...)
	if len(roster.People) == 0 && !ds.Failed() {
		d := Diagnostic{Severity: Warning, File: config.File, Message: "the roster names nobody"}
		if len(config.rosterOrigins) > 0 {
			d = config.diagnostic(Warning, config.rosterOrigins[0], d.Message)
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

func readRosterFile(path string, stdin io.Reader, schema *schemas.Schema) (*rosterFile, Diagnostics) {
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
	file := decodeRoster(src, src.validate(schema))
	// The document is not needed any more: the roster keeps values and places of its
	// own. The bytes are, for the lines that diagnostics show.
	diagnostics := src.diagnostics
	src.root = nil
	return file, diagnostics
}
