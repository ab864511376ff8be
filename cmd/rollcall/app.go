package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/plan"
	"rollcall/sources"
)

// app is one run of the program: its streams, its flags and what it remembers of
// secrets.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	config    string
	chdir     string
	providers []string
	people    []string
	simulate  bool
	logFormat string
	verbose   bool
	noColor   bool
	// resultFile is where the result is still to be written.
	resultFile string

	secrets *sources.Secrets
	log     *slog.Logger

	// stop is closed by the first interrupt: nothing further is begun. While
	// finishing is set that is all it does; otherwise it ends the run.
	stop      chan struct{}
	once      sync.Once
	mu        sync.Mutex
	finishing bool
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	secrets := &sources.Secrets{}
	return &app{
		stdin: stdin, stdout: redacting{stdout, secrets}, stderr: redacting{stderr, secrets},
		secrets: secrets, log: slog.New(slog.DiscardHandler), stop: make(chan struct{}),
	}
}

// redacting takes known secrets out of everything that is written: the last net
// below those that keep them from coming so far.
type redacting struct {
	io.Writer
	secrets *sources.Secrets
}

func (w redacting) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, w.secrets.Redact(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// interrupts handles signals: the first lets what is under way finish, the second
// ends that too.
func (a *app) interrupts(ctx context.Context, signals <-chan os.Signal, cancel context.CancelFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		a.mu.Lock()
		finishing := a.finishing
		a.mu.Unlock()
		first := false
		a.once.Do(func() {
			close(a.stop)
			first = true
		})
		if !first || !finishing {
			cancel()
			continue
		}
		_, _ = fmt.Fprintln(a.stderr, "interrupted: finishing the changes under way; interrupt again to leave them")
	}
}

// finish says that an interrupt is to let the changes under way finish.
func (a *app) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.finishing = true
}

func (a *app) interrupted() bool {
	select {
	case <-a.stop:
		return true
	default:
		return false
	}
}

// An exitError ends the program with a code; its error, if any, is told.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit is an error that says nothing more, what was wrong being told already.
func exit(code int) error {
	if code == plan.ExitOK {
		return nil
	}
	return &exitError{code: code}
}

// invalid is an error of input: files, flags, secrets.
func invalid(err error) error { return &exitError{code: plan.ExitInvalid, err: err} }

// execute runs the command that the arguments name and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return plan.ExitOK
	}
	// Whatever is no exitError comes from the parsing of the command line.
	coded := &exitError{code: plan.ExitInvalid, err: err}
	if !errors.As(err, &coded) {
		coded.err = fmt.Errorf("%w; see rollcall --help", err)
	}
	if a.interrupted() {
		coded.code = plan.ExitInterrupted
	}
	if a.resultFile != "" {
		// The command line or the directory was wrong: the apply never began.
		result := plan.NewResult(nil)
		result.Exit, result.Error = coded.code, a.secrets.Redact(coded.Error())
		if err := writeFile(a.resultFile, result.JSON()); err != nil {
			coded.err = errors.Join(coded.err, fmt.Errorf("--result %s: %w", a.resultFile, unwrapPath(err)))
		}
	}
	if coded.err != nil {
		_, _ = fmt.Fprintf(a.stderr, "rollcall: %s\n", coded.err)
	}
	return coded.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "Keep people's access at many vendors true to one roster",
		Long: `rollcall reads a YAML roster of people and the access each of them has at each
vendor, finds the live users by email, and prints the difference as a plan.
It applies that plan when told to.`,
		Example: `  rollcall validate
  rollcall plan
  rollcall apply
  rollcall apply --person ana@example.com --yes`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.prepare() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("rollcall {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVarP(&a.config, "config", "c", "rollcall.yaml", "the configuration `FILE`")
	flags.StringVarP(&a.chdir, "chdir", "C", "", "work in `DIR`, as if started there")
	flags.StringSliceVar(&a.providers, "provider", nil, "only the providers of these `NAME`s; repeated or with commas")
	flags.StringSliceVar(&a.people, "person", nil, "only the people with these `EMAIL`s; repeated or with commas")
	flags.BoolVar(&a.simulate, "simulate", false, "use simulated vendors inside the process, without credentials")
	flags.StringVar(&a.logFormat, "log-format", "text", "the form of the log: text or json")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log each request and change to standard error")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours, as NO_COLOR does")
	root.AddCommand(a.validateCommand(), a.planCommand(), a.applyCommand(), a.schemaCommand(), a.providersCommand(), a.simulateCommand())
	return root
}

// prepare follows the global flags.
func (a *app) prepare() error {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(a.stderr, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.stderr, options))
	default:
		return invalid(fmt.Errorf("--log-format %q: write text or json", a.logFormat))
	}
	if a.chdir != "" {
		if err := os.Chdir(a.chdir); err != nil {
			return invalid(fmt.Errorf("--chdir %s: %w", a.chdir, unwrapPath(err)))
		}
	}
	return nil
}

// unwrapPath drops the path from an error whose message names it already.
func unwrapPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// style is how text on standard output is coloured.
func (a *app) style() plan.Style {
	_, off := os.LookupEnv("NO_COLOR")
	return plan.Style{Color: !a.noColor && !off && isTerminal(a.stdout)}
}

// isTerminal reports whether a stream is one that a person sits at.
func isTerminal(stream any) bool {
	if w, is := stream.(redacting); is {
		stream = w.Writer
	}
	file, is := stream.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

// version is the module's version and commit as far as the build knows them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" || text == "(devel)" {
		text = "development"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			text += " (" + setting.Value[:12] + ")"
		}
	}
	return text
}
