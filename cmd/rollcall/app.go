package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/cmd/rollcall/internal/monitor"
	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/providers"
	"rollcall/sources"
)

// app is one run of the program: its streams, its flags and what it remembers of
// secrets.
type app struct {
	stdin  io.Reader
	stdout *output
	stderr *output

	config    string
	chdir     string
	providers []string
	people    []string
	simulate  bool
	logFormat string
	verbose   bool
	noColor   bool
	// resultFile is where the result is to be written.
	resultFile    string
	reads         []string       // files that the run reads, and may not write over
	sizes         map[string]int // people of the roster, at providers that choose by it how they are looked up
	resultWritten bool
	// offline tells that nothing may be fetched.
	offline bool
	// moved tells that --chdir has been followed.
	moved bool
	// counted is what the simulated vendors counted: the last line on standard
	// error.
	counted string

	secrets *sources.Secrets
	log     *slog.Logger
	// memory is what the ledger has; nil where there is none.
	memory *ledger.State
	// placed is the database with the ledger of a configuration.
	placed struct {
		of *sources.Config
		at place
	}
	// forgetful tells that a saved plan was made without a ledger.
	forgetful bool

	// unattended tells that nobody looks on: what is wrong goes to the log, and what was
	// planned and done to whoever asks for it.
	unattended bool
	// hangups, where it is there, gets what would otherwise be an interrupt: the
	// configuration is to be read again.
	hangups chan struct{}
	trace   trace
	// listener, where it is there, is told of runs beside those that the configuration
	// names.
	listener service.Listener
	// transport carries notifications; nil is the network.
	transport http.RoundTripper
	// monitor shows how the service is; nil where nobody listens.
	monitor *monitor.Monitor
	// turn is the right to run that the program has already; nil asks for it.
	turn *turnTaken

	// stop is closed by the first interrupt: nothing further is begun. While
	// finishing is set that is all it does; otherwise it ends the run.
	stop      chan struct{}
	once      sync.Once
	mu        sync.Mutex
	finishing bool
}

// A trace is what a run leaves behind for whoever reports it.
type trace struct {
	problems []string // of roster and configuration
	made     *made    // nil where it did not come to a plan
	config   *sources.Config
	requests map[string]providers.Requests
	commit   string // of the roster, where it comes from git
	code     int    // that it ended with
	why      error  // nil when all is well
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	secrets := &sources.Secrets{}
	return &app{
		stdin: stdin, stdout: &output{to: stdout, secrets: secrets}, stderr: &output{to: stderr, secrets: secrets, inert: true},
		secrets: secrets, log: slog.New(slog.DiscardHandler), stop: make(chan struct{}),
	}
}

// interrupts handles signals: the first lets what is under way finish, the second
// ends that too.
func (a *app) interrupts(ctx context.Context, signals <-chan os.Signal, cancel context.CancelFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case signal := <-signals:
			if signal == syscall.SIGHUP && a.hungUp() {
				continue
			}
		}
		first, finishing := a.halt()
		if !first || !finishing {
			cancel()
			continue
		}
		if a.unattended {
			a.log.Warn("told to stop: what is under way is finished")
		} else {
			_, _ = fmt.Fprintln(a.stderr, "interrupted: finishing the changes under way; interrupt again to leave them")
		}
		ignore(ctx, signals, sameInterrupt)
	}
}

// halt has nothing further begun. It tells whether it is the first to do so, and whether
// what is under way is to be let finish.
func (a *app) halt() (first, finishing bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	// Under the lock, so that whoever begins to finish sees that it is too late.
	a.once.Do(func() {
		close(a.stop)
		first = true
	})
	return first, a.finishing
}

// hungUp reports whether a hangup is no interrupt, and passes it on.
func (a *app) hungUp() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hangups == nil {
		return false
	}
	select {
	case a.hangups <- struct{}{}:
	default: // it is to be read again already
	}
	return true
}

// remark says something to whoever looks on, or else to the log.
func (a *app) remark(text string) {
	if a.unattended {
		a.log.Warn(text)
		return
	}
	_, _ = fmt.Fprintln(a.stderr, text)
}

// sameInterrupt is how long further signals count as the same interrupt: a wrapper
// and the terminal may both pass it on.
const sameInterrupt = 300 * time.Millisecond

// ignore drops the signals of a while.
func ignore(ctx context.Context, signals <-chan os.Signal, while time.Duration) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	for {
		select {
		case <-signals:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
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

// execute runs the command that the arguments name and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	// Whatever has no code of its own comes from the parsing of the command line.
	code, why, tell := outcome(root.ExecuteContext(ctx), plan.ExitInvalid)
	if lost := a.stdout.err; lost != nil && (code == plan.ExitOK || code == plan.ExitInvalid && errors.Is(tell, lost)) {
		// Help and versions are printed by cobra.
		code, tell = plan.ExitError, unwritten(a.stdout.err)
	}
	if a.interrupted() && code != plan.ExitOK {
		code = plan.ExitInterrupted
	}
	if file := a.unwrittenResult(root, args); file != "" && code != plan.ExitOK {
		// The command line or the directory was wrong: the apply never began.
		tell = errors.Join(tell, a.writeResult(file, plan.NewResult(nil), code, why))
	}
	a.tell(tell)
	if a.counted != "" {
		_, _ = fmt.Fprintln(a.stderr, a.counted)
	}
	return code
}

// tell prints an error to standard error, each line of it as one of rollcall.
func (a *app) tell(err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintf(a.stderr, "rollcall: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// unwrittenResult is where an apply that never began was to write its result, or
// "". The command line may be wrong before --result or --chdir is read, so both
// are looked for once more, whatever else stands there.
func (a *app) unwrittenResult(root *cobra.Command, args []string) string {
	if a.resultWritten {
		return ""
	}
	if cmd, _, err := root.Find(args); err != nil || cmd.Name() != "apply" {
		return ""
	}
	flags := (&cobra.Command{}).Flags()
	flags.ParseErrorsAllowlist.UnknownFlags = true
	file := flags.String("result", a.resultFile, "")
	dir := flags.StringP("chdir", "C", a.chdir, "")
	config := flags.StringP("config", "c", defaultConfig, "")
	_ = flags.Parse(args) // what is wrong with the rest is told already
	a.reads = append(append(a.reads, *config), flags.Args()...)
	if *dir != "" && !a.moved {
		_ = os.Chdir(*dir) // where there is no such directory, the result stays here
	}
	return *file
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
		Args:              noArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("rollcall {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&a.config, "config", "c", defaultConfig, "the configuration `FILE`")
	flags.StringVarP(&a.chdir, "chdir", "C", "", "work in `DIR`, as if started there")
	flags.StringSliceVar(&a.providers, "provider", nil, "only the providers of these `NAME`s; repeated or with commas")
	flags.StringSliceVar(&a.people, "person", nil, "only the people with these `EMAIL`s; repeated or with commas")
	flags.BoolVar(&a.simulate, "simulate", false, "use simulated vendors inside the process, without credentials")
	flags.StringVar(&a.logFormat, "log-format", "text", "write the log as `FORM`: text or json")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log each request and change to standard error")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours, as NO_COLOR does")
	root.AddCommand(a.validateCommand(), a.planCommand(), a.applyCommand(), a.explainCommand(), a.runCommand(), a.doctorCommand(), a.historyCommand(), a.loginCommand(), a.schemaCommand(), a.providersCommand(), a.simulateCommand())
	completions(root)
	return root
}

// defaultConfig is the configuration when --config names none.
const defaultConfig = "rollcall.yaml"

// completions gives cobra's own command examples like those of every other.
func completions(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	completion.Example = "  source <(rollcall completion bash)"
	for shell, example := range map[string]string{
		"bash":       "  source <(rollcall completion bash)",
		"zsh":        "  source <(rollcall completion zsh)",
		"fish":       "  rollcall completion fish | source",
		"powershell": "  rollcall completion powershell | Out-String | Invoke-Expression",
	} {
		if cmd, _, err := completion.Find([]string{shell}); err == nil {
			cmd.Example = example
		}
	}
}

// noArgs refuses arguments in words that name what may be meant.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasParent():
		return fmt.Errorf("%s takes no argument %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	near := ""
	if names := cmd.SuggestionsFor(args[0]); len(names) > 0 {
		near = " (did you mean " + strings.Join(names, " or ") + "?)"
	}
	return fmt.Errorf("there is no command %q%s; see rollcall --help", args[0], near)
}

// prepare follows the global flags.
func (a *app) prepare(cmd *cobra.Command) error {
	// Empty as with an unset variable, these would mean something else than was
	// meant: every provider and everybody, or this directory.
	if err := notEmpty(cmd, "config", "chdir", "provider", "person", "result", "out", "chaos"); err != nil {
		return err
	}
	if a.chdir != "" {
		if err := os.Chdir(a.chdir); err != nil {
			return invalid(fmt.Errorf("--chdir %s: %w", a.chdir, unwrapPath(err)))
		}
		a.moved = true
	}
	if a.logFormat != "text" && a.logFormat != "json" {
		return invalid(fmt.Errorf("--log-format %q: write text or json", a.logFormat))
	}
	a.openLog()
	trim(a.providers)
	trim(a.people)
	a.openScreen()
	return nil
}

// openLog begins the log on standard error.
func (a *app) openLog() {
	level := slog.LevelWarn
	switch {
	case a.verbose:
		level = slog.LevelDebug
	case a.unattended:
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if a.logFormat == "json" {
		a.log = slog.New(slog.NewJSONHandler(a.stderr, options))
	} else {
		a.log = slog.New(slog.NewTextHandler(a.stderr, options))
	}
}

// trim drops the blanks around names that were written with a comma and a blank.
func trim(names []string) {
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
}

// notEmpty refuses flags that are given and say nothing.
func notEmpty(cmd *cobra.Command, names ...string) error {
	var empty []error
	for _, name := range names {
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed && (flag.Value.String() == "" || flag.Value.String() == "[]") {
			empty = append(empty, fmt.Errorf("--%s is empty: write what you mean, or leave the flag out", name))
		}
	}
	if len(empty) == 0 {
		return nil
	}
	return invalid(errors.Join(empty...))
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
	off := a.noColor || os.Getenv("NO_COLOR") != ""
	return plan.Style{Color: !off && isTerminal(a.stdout), Program: a.program()}
}

// isTerminal reports whether a stream is one that a person sits at.
func isTerminal(stream any) bool {
	if w, is := stream.(*output); is {
		stream = w.to
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
