package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/plan"
	"rollcall/plan/ledger"
	"rollcall/sources"
)

type historyFlags struct {
	since, until, format       string
	open, done, forget, verify bool
	note, head                 string
}

func (a *app) historyCommand() *cobra.Command {
	var flags historyFlags
	cmd := &cobra.Command{
		Use:   "history [EMAIL]",
		Short: "Print what the ledger has of runs, changes and leavers",
		Long: `Prints what happened, from rollcall's own record: each run with its roster, commit
and plan, each change with the values before and after, whoever was met for the
first time. EMAIL, --provider, --since and --until narrow it.

  --open                 leavers who still have access, and since when
  --done PROVIDER EMAIL  notes that a person took a leaver's access away by hand,
                         with --note, so that he is no longer open
  --verify               looks whether any row was altered; with --head, the head that
                         a run printed, also whether later rows were cut off
  --forget EMAIL         takes away what the rows say of somebody; the chain stays whole,
                         and whether rollcall manages him is still known

Exit codes:
  0    printed, noted, or whole
  1    there is no ledger, it can not be read, or --verify found that it was altered
  5    invalid configuration or flags`,
		Example: `  rollcall history ana@example.com
  rollcall history --provider vendasta --since 2026-11-01 --format json
  rollcall history --open
  rollcall history --done intelagree ana@example.com --note "deactivated in the portal, HR-77"
  rollcall history --verify --head 12-75c4…`,
		Args: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error { return a.history(cmd.Context(), flags, args) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.since, "since", "", "only what happened on or after this `DAY`, such as 2026-11-01")
	f.StringVar(&flags.until, "until", "", "only what happened on or before this `DAY`")
	f.StringVar(&flags.format, "format", "text", "print as `FORM`: text or json")
	f.BoolVar(&flags.open, "open", false, "print the leavers who still have access")
	f.BoolVar(&flags.done, "done", false, "note that a leaver's access was taken away by hand")
	f.StringVar(&flags.note, "note", "", "with --done, the `TEXT` that says what was done")
	f.BoolVar(&flags.forget, "forget", false, "take away what the rows say of somebody")
	f.BoolVar(&flags.verify, "verify", false, "look whether the ledger was altered")
	f.StringVar(&flags.head, "head", "", "with --verify, a `HEAD` that a run printed")
	return cmd
}

// check refuses flags and arguments that do not go together.
func (f historyFlags) check(args []string) error {
	modes, want := 0, 1
	for _, mode := range []bool{f.open, f.done, f.forget, f.verify} {
		if mode {
			modes++
		}
	}
	switch {
	case modes > 1:
		return errors.New("--open, --done, --forget and --verify exclude each other")
	case f.format != "text" && f.format != "json":
		return fmt.Errorf("--format %q: write text or json", f.format)
	case f.note != "" && !f.done:
		return errors.New("--note goes with --done")
	case f.head != "" && !f.verify:
		return errors.New("--head goes with --verify")
	case f.head != "" && !headForm.MatchString(f.head):
		return fmt.Errorf("--head %q is no head: write the ledgerHead of a result, a number, a hyphen and 64 digits", f.head)
	case f.done && strings.TrimSpace(f.note) == "":
		return errors.New("--done: say with --note what was done")
	case f.done:
		if want = 2; len(args) != want {
			return errors.New("--done takes a provider and an email")
		}
	case f.forget && len(args) != 1:
		return errors.New("--forget takes one email")
	case (f.open || f.verify) && len(args) > 0:
		return fmt.Errorf("takes no argument %q here", args[0])
	case len(args) > want:
		return fmt.Errorf("takes one email, not %d", len(args))
	}
	return nil
}

func (a *app) history(ctx context.Context, flags historyFlags, args []string) error {
	if err := flags.check(args); err != nil {
		return invalid(fmt.Errorf("rollcall history: %w; see rollcall history --help", err))
	}
	filter, err := a.historyFilter(flags, args)
	if err != nil {
		return invalid(err)
	}
	config, problems := sources.LoadConfig(a.config)
	if config == nil {
		return a.refuse(problems, plan.ExitInvalid)
	}
	for _, name := range a.providers {
		if _, known := config.Provider(name); !known {
			return invalid(fmt.Errorf("--provider %q: %s has no provider of that name, only %s", name, config.File, strings.Join(providerNames(config), ", ")))
		}
	}
	at, err := a.place(ctx, config)
	if err != nil {
		return err
	}
	opened, err := at.read(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noLedger(at)
	case err != nil:
		return broken(err)
	}
	if flags.done || flags.forget {
		_ = opened.Close() // none was made for this
		if opened, err = at.open(ctx); err != nil {
			return broken(err)
		}
	}
	defer func() { _ = opened.Close() }()
	switch {
	case flags.verify:
		return a.verifyLedger(ctx, opened, flags.head)
	case flags.open:
		return a.openLeavers(ctx, opened, flags.format)
	case flags.done:
		return a.markDone(ctx, opened, config, args[0], filter.Email, flags.note)
	case flags.forget:
		n, err := opened.Forget(ctx, filter.Email, username())
		if err != nil {
			return broken(err)
		}
		return a.print([]byte(fmt.Sprintf("forgotten: what %s said of %s\n", plural(n, "row"), inert(args[0]))))
	}
	entries, err := opened.Entries(ctx, filter)
	if err != nil {
		return broken(err)
	}
	entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool {
		return len(a.providers) > 0 && !slices.Contains(a.providers, e.Provider)
	})
	if flags.format == "json" {
		return a.printJSON(entries)
	}
	return a.print([]byte(historyText(entries)))
}

func noLedger(at place) error {
	return broken(fmt.Errorf("there is no ledger at %s: the first apply makes one", at.name))
}

func (a *app) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return broken(err)
	}
	return a.print([]byte(inert(string(text)) + "\n"))
}

// historyFilter is what the arguments select.
func (a *app) historyFilter(flags historyFlags, args []string) (f ledger.Filter, err error) {
	if len(args) > 0 {
		email := args[len(args)-1]
		if f.Email, err = sources.CanonicalEmail(email); err != nil {
			return f, fmt.Errorf("%q %w", email, err)
		}
	}
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
		days       int
	}{{"--since", flags.since, &f.Since, 0}, {"--until", flags.until, &f.Until, 1}} {
		if bound.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, bound.text)
		if err != nil {
			return f, fmt.Errorf("%s %q: write a day, such as 2026-11-01", bound.flag, bound.text)
		}
		*bound.to = day.AddDate(0, 0, bound.days)
	}
	return f, nil
}

// headForm is a head of the chain.
var headForm = regexp.MustCompile(`^[0-9]+-[0-9a-f]{64}$`)

func (a *app) verifyLedger(ctx context.Context, l *ledger.Ledger, head string) error {
	present, err := l.Verify(ctx, head)
	if err != nil {
		return broken(err)
	}
	if present == "" {
		return a.print([]byte("whole: the ledger has no rows\n"))
	}
	rows, _, _ := strings.Cut(present, "-")
	return a.print([]byte(fmt.Sprintf("whole: %s rows, head %s\n", rows, present)))
}

// An openLeaver is a leaver who still has access, as --open prints him.
type openLeaver struct {
	Provider string `json:"provider"`
	Email    string `json:"email"`
	Since    string `json:"since"`
	Days     int    `json:"days"`
}

func (a *app) openLeavers(ctx context.Context, l *ledger.Ledger, format string) error {
	state, err := l.State(ctx)
	if err != nil {
		return broken(err)
	}
	leavers := []openLeaver{}
	for key, since := range state.Open {
		if a.inScope(key.Provider) {
			leavers = append(leavers, openLeaver{key.Provider, key.Email, since.Format(time.DateOnly), int(time.Since(since).Hours() / 24)})
		}
	}
	slices.SortFunc(leavers, func(x, y openLeaver) int {
		return strings.Compare(x.Since+x.Provider+x.Email, y.Since+y.Provider+y.Email)
	})
	if format == "json" {
		return a.printJSON(leavers)
	}
	if len(leavers) == 0 {
		return a.print([]byte("nobody is open\n"))
	}
	var out strings.Builder
	for _, o := range leavers {
		fmt.Fprintf(&out, "open: %s %s, since %s (%s)\n", inertLine(o.Provider), inertLine(o.Email), o.Since, plural(o.Days, "day"))
	}
	return a.print([]byte(out.String()))
}

// markDone notes what a person did for a leaver.
func (a *app) markDone(ctx context.Context, l *ledger.Ledger, config *sources.Config, provider, email, note string) error {
	if _, known := config.Provider(provider); !known {
		return invalid(fmt.Errorf("--done %q: %s has no provider of that name, only %s", provider, config.File, strings.Join(providerNames(config), ", ")))
	}
	state, err := l.State(ctx)
	if err != nil {
		return broken(err)
	}
	key := ledger.Key{Provider: provider, Email: email}
	if _, open := state.Open[key]; !open {
		return invalid(fmt.Errorf("--done: no leaver %s is open at %s; rollcall history --open lists those who are", email, provider))
	}
	mark := ledger.Mark{At: time.Now(), Note: note, Who: username()}
	_, err = l.Append(ctx, ledger.Update{Done: map[ledger.Key]ledger.Mark{key: mark}, Closed: []ledger.Key{key}},
		&ledger.Entry{Kind: ledger.Done, Provider: provider, Details: &ledger.Details{Email: email, Note: note, Who: mark.Who, Where: hostname()}})
	if err != nil {
		return broken(err)
	}
	return a.print([]byte(fmt.Sprintf("noted: %s %s\n", inert(provider), inert(email))))
}

// historyText is the history for people. That a change was about to be sent is told
// only where nothing says how it ended.
func historyText(entries []ledger.Entry) string {
	if len(entries) == 0 {
		return "nothing is recorded\n"
	}
	type change struct{ run, provider, email, action string }
	of := func(e ledger.Entry) change {
		c := change{e.Run, e.Provider, "", e.Action}
		if e.Details != nil {
			c.email = e.Details.Email
		}
		return c
	}
	ended := make(map[change]bool)
	for _, e := range entries {
		if e.Kind == ledger.ChangeEnded {
			ended[of(e)] = true
		}
	}
	var out strings.Builder
	for _, e := range entries {
		if e.Kind == ledger.ChangeSent && ended[of(e)] {
			continue
		}
		historyLine(&out, e)
	}
	return out.String()
}

func historyLine(out *strings.Builder, e ledger.Entry) {
	d := e.Details
	if d == nil {
		d = &ledger.Details{}
	}
	who := inertLine(d.Email)
	if e.Details == nil {
		who = "(forgotten)"
	}
	if d.UserID != "" {
		who += " (" + inertLine(d.UserID) + ")"
	}
	text := ""
	switch e.Kind {
	case ledger.RunBegan:
		text = fmt.Sprintf("run %s began", e.Run)
		if d.Who != "" {
			text += " by " + inertLine(d.Who) + " on " + inertLine(d.Where)
		}
	case ledger.RunEnded:
		text = fmt.Sprintf("run %s ended with exit code %s", e.Run, e.Status)
	case ledger.ChangeSent:
		text = fmt.Sprintf("%s: %s %s: under way, and nothing says how it ended", inertLine(e.Provider), e.Action, who)
	case ledger.ChangeEnded:
		text = fmt.Sprintf("%s: %s %s: %s", inertLine(e.Provider), e.Action, who, e.Status)
		if d.RequestID != "" {
			text += ", request " + inertLine(d.RequestID)
		}
	case ledger.Recognised:
		text = fmt.Sprintf("%s: recognised %s", inertLine(e.Provider), who)
	case ledger.Done:
		text = fmt.Sprintf("%s: %s was seen to by hand by %s: %s", inertLine(e.Provider), who, inertLine(d.Who), inertLine(d.Note))
	case ledger.Forgot:
		text = fmt.Sprintf("the details of %s were forgotten, by %s", plural(len(d.Rows), "row"), inertLine(d.Who))
	}
	fmt.Fprintf(out, "%s  %s\n", e.At.Local().Format("2006-01-02 15:04:05"), text)
	facts := make([]string, 0, len(d.Facts))
	for name, fact := range d.Facts {
		facts = append(facts, name+": "+fact)
	}
	slices.Sort(facts)
	for _, fact := range facts {
		fmt.Fprintf(out, "    %s\n", inertLine(fact))
	}
	for _, v := range d.Values {
		fmt.Fprintf(out, "    %s: %s -> %s\n", inertLine(v.Name), inertLine(string(v.Before)), inertLine(string(v.After)))
	}
	if d.Error != "" {
		fmt.Fprintf(out, "    %s\n", inertLine(d.Error))
	}
}
