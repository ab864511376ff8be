package git

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// A Mirror is what was fetched of one repository. It is held by one process at a time,
// and not safe for concurrent use.
type Mirror struct {
	remote Remote
	dir    string
	lock   *flock.Flock
}

// A Fetched is a commit that a ref led to when it was fetched.
type Fetched struct {
	Commit string    // in full
	At     time.Time // when it was last fetched; zero where that is not known
}

// ErrNotFetched says that the mirror does not have what is asked for.
var ErrNotFetched = errors.New("it was never fetched here")

// maxListing is how long the list of the files of a commit may be, in bytes.
const maxListing = 64 << 20

// maxPacks is how many fetches that brought something are kept side by side.
const maxPacks = 50

// Open holds the mirror of a remote below a folder until Close. Another process that
// holds it is waited for. With make set it is made if it is not there; else that is
// ErrNotFetched.
func Open(ctx context.Context, folder string, remote Remote, make bool) (*Mirror, error) {
	name := sha256.Sum256([]byte(remote.URL))
	m := &Mirror{remote: remote, dir: filepath.Join(folder, hex.EncodeToString(name[:8]))}
	if !make && !m.exists() {
		return nil, ErrNotFetched
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder %s can not be made: %w", filepath.ToSlash(folder), cause(err))
	}
	m.lock = flock.New(m.dir+".lock", flock.SetPermissions(0o600))
	limit := cmp.Or(remote.Timeout, DefaultTimeout)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	switch held, err := m.lock.TryLockContext(limited, 50*time.Millisecond); {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case limited.Err() != nil:
		return nil, fmt.Errorf("another rollcall holds %s.lock for %s: wait until it ends", filepath.ToSlash(m.dir), limit)
	case err != nil || !held:
		return nil, fmt.Errorf("%s.lock can not be locked: %w", filepath.ToSlash(m.dir), cause(err))
	}
	if m.exists() {
		if err := m.mend(); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// Close lets others have the mirror.
func (m *Mirror) Close() error { return m.lock.Unlock() }

func (m *Mirror) exists() bool {
	info, err := os.Stat(m.dir)
	return err == nil && info.IsDir()
}

// config is all that the mirror's own settings are: whatever else stands there was put
// there by somebody else, and could make git run something.
const config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"

// mend puts right what a git that was killed, or somebody else, left behind. Nobody else
// is at work here, so whatever is locked is locked by the dead.
func (m *Mirror) mend() error {
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		return m.unusable(err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path == "objects":
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".lock"):
			return root.Remove(path)
		}
		return nil
	})
	if err != nil {
		return m.unusable(err)
	}
	path := filepath.Join(m.dir, "config")
	if text, err := os.ReadFile(path); err == nil && string(text) == config { //nolint:gosec // the mirror is ours
		return nil
	}
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return m.unusable(err)
	}
	return nil
}

func (m *Mirror) unusable(err error) error {
	return fmt.Errorf("the copy in %s can not be used: %w; delete that folder, and it is made anew", filepath.ToSlash(m.dir), cause(err))
}

// Remove deletes the mirror; the next Fetch makes it anew.
func (m *Mirror) Remove() error {
	if err := os.RemoveAll(m.dir); err != nil {
		return m.unusable(err)
	}
	return nil
}

// Damaged reports whether what is there is not what was fetched.
func (m *Mirror) Damaged(ctx context.Context) bool {
	return m.exists() && m.git(ctx, nil, io.Discard, "fsck", "--full", "--no-dangling", "--no-progress") != nil && ctx.Err() == nil
}

func (m *Mirror) git(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	return m.remote.run(ctx, stdin, stdout, nil, append([]string{"--git-dir=" + m.dir}, args...)...)
}

// Fetch asks the remote what a ref leads to, and gets it. An empty ref is the remote's
// HEAD. A branch comes before a tag of the same name, since who may push tags may not be
// who may push to the branch. What is no branch and no tag there is ErrNoRef.
func (m *Mirror) Fetch(ctx context.Context, ref string) (Fetched, error) {
	if !m.exists() {
		if err := os.MkdirAll(m.dir, 0o700); err != nil {
			return Fetched{}, fmt.Errorf("the folder %s can not be made: %w", filepath.ToSlash(m.dir), cause(err))
		}
		err := m.remote.run(ctx, nil, io.Discard, nil, "init", "--quiet", "--bare", "--template=", "--object-format=sha1", m.dir)
		if err == nil {
			err = m.mend()
		}
		if err != nil {
			return Fetched{}, errors.Join(err, m.Remove())
		}
	}
	if packs, _ := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "*.pack")); len(packs) > maxPacks {
		_ = m.git(ctx, nil, io.Discard, "gc", "--quiet", "--prune=now") // it only takes room
	}
	for _, name := range candidates(ref) {
		err := m.fetch(ctx, name, refOf(ref))
		var failed *Failure
		if errors.As(err, &failed) && unknownRef(failed) {
			continue
		}
		if err != nil {
			return Fetched{}, err
		}
		if err := os.WriteFile(m.stamp(ref), []byte(time.Now().UTC().Format(time.RFC3339)), 0o600); err != nil {
			return Fetched{}, fmt.Errorf("%s can not be written: %w", filepath.ToSlash(m.stamp(ref)), cause(err))
		}
		return m.Last(ctx, ref)
	}
	return Fetched{}, ErrNoRef
}

// unknownRef reports whether a fetch failed since the remote has nothing of that name.
func unknownRef(failed *Failure) bool {
	return strings.Contains(failed.Told, "couldn't find remote ref") || strings.Contains(failed.Told, "not our ref")
}

func (m *Mirror) fetch(ctx context.Context, from, to string) error {
	env, err := m.quietly(ctx)
	if err != nil {
		return err
	}
	return m.remote.run(ctx, nil, io.Discard, env, "--git-dir="+m.dir,
		"fetch", "--quiet", "--no-tags", "--depth=1", "--force", "--no-recurse-submodules", "--", m.remote.URL, "+"+from+":"+to)
}

// quietly keeps ssh from asking for anything at the terminal, unless the user has said by
// which command it is called.
func (m *Mirror) quietly(ctx context.Context) ([]string, error) {
	if os.Getenv("GIT_SSH_COMMAND") != "" || os.Getenv("GIT_SSH") != "" || !IsSSH(m.remote.URL) {
		return nil, nil
	}
	var own bytes.Buffer
	err := m.git(ctx, nil, &own, "config", "--get", "core.sshCommand")
	var failed *Failure
	if err != nil && !errors.As(err, &failed) || own.Len() > 0 {
		return nil, err
	}
	return []string{"GIT_SSH_COMMAND=ssh -o BatchMode=yes"}, nil
}

var fullID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// candidates are what a ref may mean at the remote, in the order in which it does.
func candidates(ref string) []string {
	switch {
	case ref == "" || ref == "HEAD":
		return []string{"HEAD"}
	case strings.HasPrefix(ref, "refs/") || fullID.MatchString(ref):
		return []string{ref}
	default:
		return []string{"refs/heads/" + ref, "refs/tags/" + ref}
	}
}

// refOf is the ref of the mirror that keeps what another ref led to.
func refOf(ref string) string { return "refs/rollcall/" + short(ref) }

func (m *Mirror) stamp(ref string) string { return filepath.Join(m.dir, "fetched-"+short(ref)) }

func short(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	return hex.EncodeToString(sum[:8])
}

// Last is what the ref led to when it was fetched last, or ErrNotFetched.
func (m *Mirror) Last(ctx context.Context, ref string) (Fetched, error) {
	var out bytes.Buffer
	if err := m.git(ctx, nil, &out, "rev-parse", "--verify", "--quiet", refOf(ref)+"^{commit}"); err != nil {
		var failed *Failure
		if errors.As(err, &failed) {
			err = ErrNotFetched
		}
		return Fetched{}, err
	}
	f := Fetched{Commit: strings.TrimSpace(out.String())}
	if text, err := os.ReadFile(m.stamp(ref)); err == nil { //nolint:gosec // the mirror is ours
		f.At, _ = time.Parse(time.RFC3339, string(text))
	}
	return f, nil
}

// A Kind is what an entry of a commit is.
type Kind uint8

// The kinds.
const (
	File Kind = iota
	Folder
	Link
	Module // another repository
)

// An Entry is one name in a commit.
type Entry struct {
	Kind Kind
	Path string // from the root, with slashes
	ID   string
}

var kinds = map[string]Kind{"040000": Folder, "120000": Link, "160000": Module}

// List lists what stands at a path of a commit and below it, and the folders that lead
// there. An empty path is the root.
func (m *Mirror) List(ctx context.Context, commit, path string) ([]Entry, error) {
	args := []string{"ls-tree", "-r", "-t", "-z", "--full-tree", commit}
	if path != "" {
		args = append(args, "--", path)
	}
	return m.list(ctx, args)
}

// Along lists what of a path there is: the path itself and each folder that leads there.
func (m *Mirror) Along(ctx context.Context, commit, path string) ([]Entry, error) {
	args := []string{"ls-tree", "-t", "-z", "--full-tree", commit, "--"}
	for i, c := range path + "/" {
		if c == '/' {
			args = append(args, path[:i])
		}
	}
	entries, err := m.list(ctx, args)
	return slices.DeleteFunc(entries, func(e Entry) bool { return !strings.HasPrefix(path+"/", e.Path+"/") }), err
}

func (m *Mirror) list(ctx context.Context, args []string) ([]Entry, error) {
	out := &head{left: maxListing}
	if err := m.git(ctx, nil, out, args...); err != nil {
		return nil, err
	}
	if out.left == 0 {
		return nil, &Failure{Told: "it holds more names than are read: name a folder of the repository in path"}
	}
	var entries []Entry
	for line := range strings.SplitSeq(strings.TrimSuffix(out.buffer.String(), "\x00"), "\x00") {
		about, path, named := strings.Cut(line, "\t")
		words := strings.Fields(about)
		if !named || len(words) != 3 {
			continue
		}
		entries = append(entries, Entry{Kind: kinds[words[0]], Path: path, ID: words[2]})
	}
	return entries, nil
}

// Read reads files, of each at most limit bytes and one more, which tells that it is
// larger.
func (m *Mirror) Read(ctx context.Context, files []Entry, limit int64) ([][]byte, error) {
	var ids strings.Builder
	for _, file := range files {
		ids.WriteString(file.ID + "\n")
	}
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := m.git(ctx, strings.NewReader(ids.String()), writer, "cat-file", "--batch")
		_ = writer.CloseWithError(io.EOF)
		done <- err
	}()
	contents, err := readBatch(reader, len(files), limit)
	_ = reader.CloseWithError(errEnough)
	if ended := <-done; ended != nil && (err != nil || ctx.Err() != nil) {
		return nil, ended
	}
	return contents, err
}

var errEnough = errors.New("nobody reads any more")

// readBatch reads what cat-file --batch answers: for each object its id, kind and size,
// and then itself.
func readBatch(r io.Reader, n int, limit int64) ([][]byte, error) {
	in := bufio.NewReader(r)
	contents := make([][]byte, n)
	for i := range contents {
		line, err := in.ReadString('\n')
		words := strings.Fields(line)
		if err != nil || len(words) != 3 || words[1] != "blob" {
			return nil, &Failure{Told: "an object is missing in the copy of the repository"}
		}
		size, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil || size < 0 {
			return nil, &Failure{Told: "git gave a size that is none"}
		}
		content, err := io.ReadAll(io.LimitReader(in, min(size, limit+1)))
		if err == nil {
			_, err = io.CopyN(io.Discard, in, size-int64(len(content))+1) // and a line end
		}
		if err != nil {
			return nil, &Failure{Told: "git gave less than a file has"}
		}
		contents[i] = content
	}
	return contents, nil
}

// cause drops the path from an error of the file system whose message names it already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
