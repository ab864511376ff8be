//go:build unix

package sources_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"rollcall/sources"
)

// TestPipes: a pipe that nobody writes to must not hold the program up.
func TestPipes(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"rollcall.yaml": from("people"), "people/a.yaml": one("a")})
	pipe := filepath.Join(dir, "people", "b.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	loadFrom(t, dir).wantSaid(t, "people/b.yaml: is not a regular file")
	if _, ds := sources.LoadConfig(pipe); !ds.Failed() {
		t.Error("a pipe is a configuration")
	}
	var secrets sources.Secrets
	if _, err := secrets.Read(t.Context(), sources.SecretRef{File: pipe}); err == nil {
		t.Error("a pipe is a secret")
	}
}
