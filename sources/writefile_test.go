package sources_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"rollcall/sources"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	content := func() string {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if err := sources.WriteFile(path, text("one")); err != nil || content() != "one" {
		t.Fatal(err, content())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	broken := errors.New("broken")
	err := sources.WriteFile(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) || content() != "one" {
		t.Errorf("a write that breaks leaves %q, %v", content(), err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err == nil {
		if err := sources.WriteFile(link, text("two")); err != nil || content() != "two" {
			t.Errorf("through a link: %q, %v", content(), err)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 2 {
		t.Errorf("something is left behind: %v, %v", names, err)
	}
	if err := sources.WriteFile(os.DevNull, text("gone")); err != nil {
		t.Errorf("a device: %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("the device was replaced: %v, %v", info, err)
	}
	if err := sources.WriteFile(filepath.Join(dir, "none", "file"), text("x")); err == nil {
		t.Error("a folder that is not there is no error")
	}
}
