package providertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"rollcall/providers"
)

// A recorder is a T that keeps what a law reports.
type recorder struct {
	mu     sync.Mutex
	failed bool
	said   []string
}

func (*recorder) Helper() {}

// Errorf keeps a failure.
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// Fatalf keeps a failure and ends the law.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// try checks a law without failing the test, and returns what it reported.
func try(t *testing.T, s Subject, l law) (said []string, failed bool) {
	t.Helper()
	r := &recorder{}
	synctest.Test(t, func(t *testing.T) {
		var ended sync.WaitGroup
		ended.Go(func() {
			defer func() {
				if value := recover(); value != nil {
					r.Errorf("it broke: %v", value)
				}
			}()
			l.check(newBench(r, t.Context(), s))
		})
		ended.Wait()
	})
	return r.said, r.failed
}

// Prove fails for each provider, broken on purpose, that no law finds: what the
// subject says has to be enough for the laws to see it.
func Prove(t *testing.T, s Subject) {
	t.Helper()
	if lacks := s.lacks(); lacks != "" {
		t.Fatal(lacks)
	}
	laws := s.laws()
	for _, f := range flaws() {
		if s.Without[f.name] == "" && s.canAll(f.needs) {
			t.Run(f.name, func(t *testing.T) {
				if by, said := f.foundBy(t, s, laws); by == "" {
					t.Errorf("none of the laws %s… finds it", f.found)
				} else {
					t.Logf("found by %s: %s", by, said)
				}
			})
		}
	}
}

// canAll reports whether the vendor has all that a flaw needs.
func (s Subject) canAll(needs string) bool {
	return needs == "" || !slices.ContainsFunc(strings.Split(needs, ","), func(one string) bool { return !s.can(one) })
}

// foundBy is the first of the laws named in the flaw that finds it, with what it
// says, or "".
func (f flaw) foundBy(t *testing.T, s Subject, laws []law) (name, said string) {
	t.Helper()
	s.bend, s.tune = f.bend, f.tune
	if f.kind != nil {
		kind := *s.Kind
		kind.Attributes, kind.Capabilities = slices.Clone(kind.Attributes), slices.Clone(kind.Capabilities)
		f.kind(&kind)
		s.Kind = &kind
	}
	// What is wrong with a search shows in whatever way users are found.
	found := strings.Replace(f.found, "lookup/search/", "lookup/"+s.ways()[0]+"/", 1)
	for _, l := range laws {
		if !strings.HasPrefix(l.name, found) {
			continue
		}
		if said, failed := try(t, s, l); failed {
			return l.name, said[0]
		}
	}
	return "", ""
}

// A bent connection asks the sound one unless it is told otherwise. It has every
// ability; a law asks for those that the kind says it has.
type bent struct {
	b      *bench
	reader providers.Reader
	lister providers.Lister // nil where the vendor has no list
	writer any

	get    func(ctx context.Context, id string) (*providers.User, error)
	search func(ctx context.Context, email string) ([]*providers.User, error)
	list   func(ctx context.Context) ([]*providers.User, error)
	create func(ctx context.Context, draft providers.Draft) (providers.Receipt, error)
	update func(ctx context.Context, patch providers.Patch) (providers.Receipt, error)
	remove func(ctx context.Context, id string) (providers.Receipt, error)
	invite func(ctx context.Context, id string) (providers.Receipt, error)
}

// bentReader and bentWriter are its two halves.
type (
	bentReader struct{ *bent }
	bentWriter struct{ *bent }
)

func (r bentReader) Get(ctx context.Context, id string) (*providers.User, error) {
	if r.get != nil {
		return r.get(ctx, id)
	}
	return r.reader.Get(ctx, id)
}

func (r bentReader) Search(ctx context.Context, email string) ([]*providers.User, error) {
	if r.search != nil {
		return r.search(ctx, email)
	}
	return r.reader.Search(ctx, email)
}

func (r bentReader) List(ctx context.Context) ([]*providers.User, error) {
	if r.list != nil {
		return r.list(ctx)
	}
	return r.lister.List(ctx)
}

func (w bentWriter) Create(ctx context.Context, draft providers.Draft) (providers.Receipt, error) {
	if w.create != nil {
		return w.create(ctx, draft)
	}
	return w.writer.(providers.Creator).Create(ctx, draft)
}

func (w bentWriter) Update(ctx context.Context, patch providers.Patch) (providers.Receipt, error) {
	if w.update != nil {
		return w.update(ctx, patch)
	}
	return w.writer.(providers.Updater).Update(ctx, patch)
}

func (w bentWriter) Delete(ctx context.Context, id string) (providers.Receipt, error) {
	if w.remove != nil {
		return w.remove(ctx, id)
	}
	return w.writer.(providers.Deleter).Delete(ctx, id)
}

func (w bentWriter) Invite(ctx context.Context, id string) (providers.Receipt, error) {
	if w.invite != nil {
		return w.invite(ctx, id)
	}
	return w.writer.(providers.Inviter).Invite(ctx, id)
}

// bend makes a flaw of one that changes what a connection does.
func bend(change func(b *bent)) func(*bench, *providers.Connection) {
	return func(b *bench, c *providers.Connection) {
		x := &bent{b: b, reader: c.Reader, lister: c.Lists(), writer: c.Writer}
		change(x)
		c.Reader = bentReader{x}
		c.Live = c.Reader
		if c.Writer != nil {
			c.Writer = bentWriter{x}
		}
	}
}
