package sources

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/sources/internal/document"
	"rollcall/sources/internal/git"
)

// DefaultGitUser is the user that a token is sent with where none is written: those that
// do not look at it take any, and this is the one that some ask for.
const DefaultGitUser = "x-access-token"

// gitFolder is where the mirrors stand, beside the configuration.
const gitFolder = ".rollcall/git"

// A GitSource is an entry of the roster that is read from a repository.
type GitSource struct {
	URL  string // as it is written
	Ref  string // a branch, a tag or a commit; empty is the remote's HEAD
	Path string // a file, a folder or a pattern, from the root; empty is the root
	// User is sent with Token, which nil is for no token.
	User   string
	Token  *SecretRef
	Origin Origin

	remote string // what git is given: the URL, or an absolute path
}

// A Commit is what a repository was read at.
type Commit struct {
	Repository string // as people know it: the last part of its address
	URL, Ref   string // as they are written
	ID         string // in full
}

// String names repository and commit: roster.git@ and 40 digits.
func (c Commit) String() string { return c.Repository + "@" + c.ID }

// file is the name of one of its files, as people know it.
func (c Commit) file(path string) string {
	return fmt.Sprintf("%s@%.12s:%s", c.Repository, c.ID, path)
}

var (
	errGitAuth = errors.New("a token is for https:// only: leave auth and user out; ssh has its keys")
	errGitUser = errors.New("goes with a token, and none is named: add auth, or leave user out")
)

// git reads an entry of the roster that is a mapping.
func (r configReader) git(config *Config, node *document.Node, origin Origin) {
	g := GitSource{Origin: origin, User: DefaultGitUser}
	check := func(node *document.Node, err error) {
		if err != nil {
			config.gitRefused = true
			r.src.reportAt(node, err.Error())
		}
	}
	var user, auth *document.Node
	addressed := false
	for _, e := range entries(node) {
		switch e.Key {
		case "git":
			g.URL = e.Value.Text()
			err := git.CheckURL(g.URL)
			if addressed = err == nil; !addressed && !r.src.refused[e.Value] {
				// The line is not shown: a password may stand in it, in whatever form.
				config.gitRefused = true
				r.src.add(Error, int(e.Value.Line), int(e.Value.Column), err.Error(), false)
			}
		case "ref":
			g.Ref = e.Value.Text()
			check(e.Value, git.CheckRef(g.Ref))
		case "path":
			clean, err := git.CleanPath(e.Value.Text())
			g.Path = clean
			check(e.Value, err)
		case "user":
			g.User, user = e.Value.Text(), e.Value
		case "auth":
			g.Token, auth = r.secretAt(e), e.Value
		}
	}
	g.remote = g.URL
	if git.IsPath(g.URL) {
		absolute, err := filepath.Abs(relativeTo(r.src.name, g.URL))
		check(node, err)
		g.remote = filepath.ToSlash(absolute)
	}
	switch {
	case user != nil && auth == nil:
		check(user, errGitUser)
	case auth != nil && addressed && !git.IsHTTP(g.URL):
		check(auth, errGitAuth)
	}
	config.Git = append(config.Git, g)
}

// gitFiles reads the files of all repositories that the configuration names, each of
// which is fetched first. The repositories are read side by side, and each ref of one is
// fetched once, so that all that is read of it is of one commit.
func gitFiles(ctx context.Context, config *Config, options Options) ([]rosterInput, []Commit, Diagnostics) {
	var remotes []string
	for _, source := range config.Git {
		if !slices.Contains(remotes, source.remote) {
			remotes = append(remotes, source.remote)
		}
	}
	if options.Secrets == nil {
		options.Secrets = &Secrets{}
	}
	readers := make([]*gitReader, len(remotes))
	panics := make([]any, len(remotes))
	var all sync.WaitGroup
	for i, remote := range remotes {
		sources := slices.DeleteFunc(slices.Clone(config.Git), func(s GitSource) bool { return s.remote != remote })
		readers[i] = &gitReader{config: config, options: options, sources: sources}
		all.Go(func() {
			defer func() { panics[i] = recover() }()
			readers[i].read(ctx)
		})
	}
	all.Wait()
	for _, broke := range panics {
		if broke != nil {
			// It goes on in the caller's goroutine, where it can be recovered.
			panic(broke)
		}
	}
	var files []rosterInput
	var commits []Commit
	var ds Diagnostics
	named := make(map[string]bool)
	for _, reader := range readers {
		commits = append(commits, reader.commits...)
		for _, p := range reader.problems {
			d := config.diagnostic(p.severity, p.at, p.message)
			d.Unread = p.unread
			ds = append(ds, d)
		}
		for _, file := range reader.files {
			if !named[file.name] {
				named[file.name] = true
				files = append(files, file)
			}
		}
	}
	return files, commits, ds
}

// A gitReader reads what the configuration names of one repository.
type gitReader struct {
	config  *Config
	options Options
	sources []GitSource

	files    []rosterInput
	commits  []Commit
	problems []gitProblem
}

// A gitProblem is a diagnostic about an entry of the configuration, whose lines only one
// goroutine may look at.
type gitProblem struct {
	severity Severity
	at       Origin
	message  string
	unread   bool
}

// report tells an error of one entry.
func (r *gitReader) report(source GitSource, format string, args ...any) {
	message := "git " + quote(source.URL) + " " + fmt.Sprintf(format, args...)
	r.problems = append(r.problems, gitProblem{at: source.Origin, message: message})
}

// unread says that a repository can not be got at; nothing is planned then.
func (r *gitReader) unread(source GitSource, err error) {
	r.report(source, "can not be read: %s", err)
	r.problems[len(r.problems)-1].unread = true
}

// read fetches and reads. A mirror that turns out to be damaged is made anew, once.
func (r *gitReader) read(ctx context.Context) {
	first := r.sources[0]
	remote := git.Remote{URL: first.remote, Redact: r.options.Secrets.Redact}
	for _, source := range r.sources {
		if source.Token == nil || r.options.Offline {
			continue
		}
		token, err := r.options.Secrets.Read(ctx, *source.Token)
		if err != nil {
			r.report(source, "can not be read without its token: %s", err)
			r.problems[0].at = source.Token.Origin
			return
		}
		remote.User, remote.Token = source.User, token.Reveal()
		r.options.Secrets.Remember(remote.Header())
		break
	}
	folder := relativeTo(r.config.File, gitFolder)
	mirror, err := git.Open(ctx, folder, remote, !r.options.Offline)
	if errors.Is(err, git.ErrNotFetched) {
		err = errNeverFetched
	}
	if err != nil {
		r.unread(first, err)
		return
	}
	defer func() { _ = mirror.Close() }()
	failed, err := r.readAll(ctx, mirror)
	if err != nil && ctx.Err() == nil && mirror.Damaged(ctx) {
		if r.options.Offline {
			err = fmt.Errorf("what was fetched is damaged, and nothing is fetched offline: run rollcall plan, which fetches it anew (%w)", err)
		} else if err = mirror.Remove(); err == nil {
			failed, err = r.readAll(ctx, mirror)
		}
	}
	if err != nil {
		r.unread(failed, err)
	}
}

var errNeverFetched = errors.New("it was not fetched yet, and nothing is fetched offline: run rollcall plan once, which fetches it")

// readAll reads everything, from the beginning. An error is one of reading, and comes
// with the entry at which it happened; what is wrong with what was read is reported.
func (r *gitReader) readAll(ctx context.Context, mirror *git.Mirror) (GitSource, error) {
	r.files, r.commits, r.problems = nil, nil, nil
	commits := make(map[string]Commit) // by ref
	absent := make(map[string]bool)    // refs that are not there
	for _, source := range r.sources {
		commit, known := commits[source.Ref]
		if absent[source.Ref] {
			continue
		}
		if !known {
			fetched, err := r.fetch(ctx, mirror, source)
			if errors.Is(err, git.ErrNoRef) {
				absent[source.Ref] = true
				r.report(source, "has no branch, tag or commit %s", quote(cmp.Or(source.Ref, "HEAD")))
				continue
			}
			if err != nil {
				return source, err
			}
			commit = Commit{Repository: git.Name(source.remote), URL: source.URL, Ref: source.Ref, ID: fetched.Commit}
			commits[source.Ref], r.commits = commit, append(r.commits, commit)
		}
		if err := r.readSource(ctx, mirror, source, commit); err != nil {
			return source, err
		}
	}
	return GitSource{}, nil
}

// fetch fetches what a source names, or offline finds what was fetched last and warns.
func (r *gitReader) fetch(ctx context.Context, mirror *git.Mirror, source GitSource) (git.Fetched, error) {
	if !r.options.Offline {
		return mirror.Fetch(ctx, source.Ref)
	}
	fetched, err := mirror.Last(ctx, source.Ref)
	if errors.Is(err, git.ErrNotFetched) {
		return fetched, errNeverFetched
	}
	if err == nil {
		when := ""
		if !fetched.At.IsZero() {
			when = ", fetched at " + fetched.At.UTC().Format(time.RFC3339)
		}
		r.report(source, "is read as of commit %.12s%s: nothing is fetched offline", fetched.Commit, when)
		r.problems[len(r.problems)-1].severity = Warning
	}
	return fetched, err
}

// readSource reads the files of one entry.
func (r *gitReader) readSource(ctx context.Context, mirror *git.Mirror, source GitSource, commit Commit) error {
	within := source.Path
	pattern := strings.ContainsAny(within, "*?[")
	listed, err := mirror.List(ctx, commit.ID, within)
	if err != nil {
		return err
	}
	chosen, problem := chooseFiles(listed, within)
	if pattern && problem == problemNotThere {
		if listed, err = mirror.List(ctx, commit.ID, withoutWildcards(within)); err != nil {
			return err
		}
		chosen, problem = matchFiles(listed, within)
	}
	if problem == problemNotThere || problem == problemNoMatch {
		along, err := mirror.Along(ctx, commit.ID, cmp.Or(withoutWildcards(within), "."))
		if err != nil {
			return err
		}
		for _, entry := range along {
			if refused := refusedKind(entry); refused != "" {
				problem = refused
			}
		}
	}
	if problem != "" {
		if within != "" {
			problem = "at " + quote(within) + " " + problem
		}
		r.report(source, "%s (commit %.12s)", problem, commit.ID)
		return nil
	}
	contents, err := mirror.Read(ctx, chosen, maxFile)
	if err != nil {
		return err
	}
	for i, entry := range chosen {
		r.files = append(r.files, rosterInput{name: commit.file(entry.Path), data: contents[i]})
	}
	return nil
}

// withoutWildcards is the part of a path before the first wildcard, as a folder; all of a
// path that has none.
func withoutWildcards(within string) string {
	if i := strings.IndexAny(within, "*?["); i >= 0 {
		return within[:max(strings.LastIndexByte(within[:i], '/'), 0)]
	}
	return within
}

// refusedKind says why what is no file and no folder is not read: where a link leads, and
// what another repository holds, is not part of what was reviewed here.
func refusedKind(entry git.Entry) string {
	switch entry.Kind {
	case git.Link:
		return fmt.Sprintf("leads to %s, a link, which is not followed in a repository: put the file or the folder itself there", quote(entry.Path))
	case git.Module:
		return fmt.Sprintf("leads to %s, a submodule, which is not read: name its repository as a source of its own", quote(entry.Path))
	default:
		return ""
	}
}

// chooseFiles is what a path without wildcards stands for: the file, or the YAML files of
// the folder and of those below it, without names that begin with a dot. What is neither
// file nor folder is refused, since whoever is left out of a roster loses access.
func chooseFiles(listed []git.Entry, within string) (chosen []git.Entry, problem string) {
	there := within == ""
	for _, entry := range listed {
		if entry.Path == within {
			if entry.Kind == git.File {
				return []git.Entry{entry}, ""
			}
			if problem := refusedKind(entry); problem != "" {
				return nil, problem
			}
			there = true
		}
	}
	if !there {
		return nil, problemNotThere
	}
	for _, entry := range listed {
		below := entry.Path
		if within != "" {
			rest, is := strings.CutPrefix(entry.Path, within+"/")
			if !is {
				continue // the folder itself, or one that leads to it
			}
			below = rest
		}
		extension := path.Ext(entry.Path)
		switch {
		case hiddenName(below) || entry.Kind == git.Folder:
		case entry.Kind != git.File:
			return nil, refusedKind(entry)
		case extension == ".yaml" || extension == ".yml":
			chosen = append(chosen, entry)
		}
	}
	if len(chosen) == 0 {
		return nil, "holds no .yaml or .yml file"
	}
	return chosen, ""
}

// hiddenName reports whether a path has a name that begins with a dot.
func hiddenName(within string) bool {
	return strings.HasPrefix(within, ".") || strings.Contains(within, "/.")
}

// matchFiles are the files that a pattern matches. As in a shell, a wildcard matches no
// slash, and no dot that a name begins with.
func matchFiles(listed []git.Entry, pattern string) (chosen []git.Entry, problem string) {
	if strings.Contains(pattern, "**") {
		return nil, problemTwoStars
	}
	for _, entry := range listed {
		switch matched, err := path.Match(pattern, entry.Path); {
		case err != nil:
			return nil, problemPattern
		case !matched || hiddenMatch(filepath.FromSlash(pattern), filepath.FromSlash(entry.Path)) || entry.Kind == git.Folder:
		case entry.Kind != git.File:
			return nil, refusedKind(entry)
		default:
			chosen = append(chosen, entry)
		}
	}
	if len(chosen) == 0 {
		return nil, problemNoMatch
	}
	return chosen, ""
}
