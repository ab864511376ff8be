package sources_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"rollcall/sources"
)

// kept is a file with a secret that is renewed as it is used.
func kept(t *testing.T, value string) (string, *sources.SecretFile, *sources.Secrets) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refresh.token")
	if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := &sources.Secrets{}
	file, err := sources.NewSecretFile(sources.SecretRef{File: path}, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return path, file, secrets
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// next gives each value's successor: one more letter.
func next(_ context.Context, current sources.Secret) (sources.Secret, error) {
	return sources.NewSecret(current.Reveal() + "x"), nil
}

func TestSecretFile(t *testing.T) {
	t.Parallel()
	path, file, secrets := kept(t, "token-1")
	if err := file.Exchange(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "token-1x\n" {
		t.Errorf("the file has %q", got)
	}
	if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	if got := secrets.Redact("token-1 token-1x"); strings.Contains(got, "token") {
		t.Errorf("is shown: %s", got)
	}
	// Nothing newer, and an error, leave it as it is.
	for name, use := range map[string]func(context.Context, sources.Secret) (sources.Secret, error){
		"nothing newer": func(context.Context, sources.Secret) (sources.Secret, error) { return sources.Secret{}, nil },
		"the same":      func(_ context.Context, s sources.Secret) (sources.Secret, error) { return s, nil },
		"an error": func(context.Context, sources.Secret) (sources.Secret, error) {
			return sources.NewSecret("lost"), errors.New("refused")
		},
	} {
		err := file.Exchange(t.Context(), use)
		if (err != nil) != (name == "an error") || content(t, path) != "token-1x\n" {
			t.Errorf("%s: %v, and the file has %q", name, err, content(t, path))
		}
	}
	if err := file.Store(t.Context(), sources.NewSecret("token-9")); err != nil || content(t, path) != "token-9\n" {
		t.Errorf("%v: %q", err, content(t, path))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("is left behind: %v", left)
	}
}

// Whoever uses the secret has the newest one, and has it alone: two files, as two
// processes have them, take turns.
func TestSecretFileTakesTurns(t *testing.T) {
	t.Parallel()
	path, one, secrets := kept(t, "t")
	other, err := sources.NewSecretFile(sources.SecretRef{File: path}, secrets)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			file := one
			if i%2 == 0 {
				file = other
			}
			if err := file.Exchange(t.Context(), next); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := content(t, path); got != "t"+strings.Repeat("x", 20)+"\n" {
		t.Errorf("one was lost: %q", got)
	}
}

// A secret that is in use elsewhere is waited for as long as the context lasts.
func TestSecretFileLocked(t *testing.T) {
	t.Parallel()
	path, file, _ := kept(t, "t")
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := file.Exchange(ctx, next)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "in use by another rollcall") || content(t, path) != "t\n" {
		t.Errorf("%v: %q", err, content(t, path))
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := file.Exchange(t.Context(), next); err != nil {
		t.Error(err)
	}
}

// What can not be kept is told, and not forgotten while the program runs.
func TestSecretFileNotKept(t *testing.T) {
	t.Parallel()
	path, file, _ := kept(t, "t")
	folder := filepath.Dir(path)
	use := func(_ context.Context, current sources.Secret) (sources.Secret, error) {
		// The folder goes away while the secret is exchanged.
		if err := os.Rename(folder, folder+".away"); err != nil {
			return sources.Secret{}, err
		}
		return sources.NewSecret(current.Reveal() + "x"), nil
	}
	err := file.Exchange(t.Context(), use)
	if !errors.Is(err, sources.ErrNotKept) || !strings.Contains(err.Error(), "refresh.token") {
		t.Fatal(err)
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	if err := file.Exchange(t.Context(), next); err != nil || content(t, path) != "txx\n" {
		t.Errorf("%v: %q", err, content(t, path))
	}
}

func TestSecretFileRefuses(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no", "folder", "token")
	for name, test := range map[string]struct {
		ref  sources.SecretRef
		says string
	}{
		"a variable": {sources.SecretRef{Env: "TOKEN"}, "environment variable TOKEN can not be written"},
		"a command":  {sources.SecretRef{Command: []string{"pass"}}, "has to stand in a file"},
		"no folder":  {sources.SecretRef{File: missing}, "its folder has to be writable"},
	} {
		if _, err := sources.NewSecretFile(test.ref, &sources.Secrets{}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMemorySecret(t *testing.T) {
	t.Parallel()
	memory := sources.MemorySecret(sources.NewSecret("t"))
	var seen []string
	for range 3 {
		err := memory.Exchange(t.Context(), func(ctx context.Context, current sources.Secret) (sources.Secret, error) {
			seen = append(seen, current.Reveal())
			return next(ctx, current)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(seen); got != "[t tx txx]" {
		t.Error(got)
	}
}

// Whoever waits for his turn heeds his own context.
func TestMemorySecretTakesTurns(t *testing.T) {
	t.Parallel()
	memory := sources.MemorySecret(sources.NewSecret("t"))
	ctx, cancel := context.WithCancel(t.Context())
	err := memory.Exchange(t.Context(), func(context.Context, sources.Secret) (sources.Secret, error) {
		cancel()
		if err := memory.Exchange(ctx, next); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		return sources.Secret{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := memory.Exchange(t.Context(), next); err != nil {
		t.Error(err)
	}
}
