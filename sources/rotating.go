package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// A Rotating secret is replaced by a newer one as it is used: a refresh token that
// its issuer exchanges for the next one. It is safe for concurrent use.
type Rotating interface {
	// Exchange calls use with the newest value, while nobody else may use it, and
	// keeps what use returns. An empty Secret keeps the present one. An error of use
	// is returned as it is; ErrNotKept tells that use succeeded and its value could
	// not be kept.
	Exchange(ctx context.Context, use func(ctx context.Context, current Secret) (next Secret, err error)) error
}

// ErrNotKept means that a newer secret was issued and could not be stored: the
// stored one may be worthless by now.
var ErrNotKept = errors.New("the renewed secret could not be stored")

// MemorySecret keeps a rotating secret in memory alone, as for a simulated vendor.
func MemorySecret(value Secret) Rotating {
	return &memorySecret{turn: make(chan struct{}, 1), value: value}
}

type memorySecret struct {
	turn  chan struct{} // holds one while the value is in use
	value Secret
}

// Exchange is that of Rotating. It waits for its turn until the context ends.
func (m *memorySecret) Exchange(ctx context.Context, use func(context.Context, Secret) (Secret, error)) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	next, err := use(ctx, m.value)
	if err == nil && next.Reveal() != "" {
		m.value = next
	}
	return err
}

// A SecretFile keeps a rotating secret in a file of mode 0600, which is replaced
// as a whole and locked against other processes (by FILE.lock beside it) for as
// long as the secret is in use.
type SecretFile struct {
	ref     SecretRef
	secrets *Secrets
	// unkept is the newest value when it could not be written.
	mu     sync.Mutex
	unkept Secret
}

// NewSecretFile checks that the reference is to a file that can be replaced; what
// it holds is read when it is used. The error names the place and what to do.
func NewSecretFile(ref SecretRef, secrets *Secrets) (*SecretFile, error) {
	if ref.File == "" {
		return nil, fmt.Errorf("%s can not be written: a secret that is renewed has to stand in a file", ref)
	}
	probe, err := os.CreateTemp(filepath.Dir(target(ref.File)), "."+filepath.Base(ref.File)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("%s can not be replaced: %w: the secret in it is renewed as it is used, so its folder has to be writable", ref, pathCause(err))
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return &SecretFile{ref: ref, secrets: secrets}, nil
}

// target is where a path leads to.
func target(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

// lockRetry is how often a lock that somebody else holds is asked for again.
const lockRetry = 50 * time.Millisecond

// Exchange is that of Rotating. It waits for other processes until the context
// ends.
func (f *SecretFile) Exchange(ctx context.Context, use func(context.Context, Secret) (Secret, error)) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	current := f.unkept
	if current.Reveal() == "" {
		if current, err = f.secrets.Read(ctx, f.ref); err != nil {
			return err
		}
	}
	next, err := use(ctx, current)
	if err != nil || next.Reveal() == "" || next.Reveal() == current.Reveal() {
		return err
	}
	f.secrets.Remember(next.Reveal())
	if err := f.write(next); err != nil {
		f.unkept = next
		return fmt.Errorf("%s: %w: %w", f.ref, ErrNotKept, pathCause(err))
	}
	f.unkept = Secret{}
	return nil
}

// Store replaces the secret, whatever it was.
func (f *SecretFile) Store(ctx context.Context, value Secret) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	f.secrets.Remember(value.Reveal())
	if err := f.write(value); err != nil {
		return fmt.Errorf("%s can not be written: %w", f.ref, pathCause(err))
	}
	return nil
}

// lock keeps everybody else, of this process and of others, from the secret.
func (f *SecretFile) lock(ctx context.Context) (unlock func(), err error) {
	f.mu.Lock()
	lock := flock.New(target(f.ref.File)+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		f.mu.Unlock()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s is in use by another rollcall: %w", f.ref, ctx.Err())
		}
		return nil, fmt.Errorf("%s can not be locked: %w", f.ref, pathCause(err))
	}
	return func() {
		_ = lock.Unlock()
		f.mu.Unlock()
	}, nil
}

func (f *SecretFile) write(value Secret) error {
	return WriteFile(f.ref.File, func(w io.Writer) error {
		_, err := io.WriteString(w, value.Reveal()+"\n")
		return err
	})
}
