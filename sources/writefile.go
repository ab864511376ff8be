package sources

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// WriteFile writes a file so that it has either its old or its new content,
// whatever happens, and is readable by its owner only (mode 0600). Through a
// symbolic link it writes the file that the link names; what is no regular file,
// such as a device or a pipe, is written to as it is.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	if strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") {
		// An open stream such as /dev/stdout, whatever it leads to.
		return writeThrough(path, write)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeThrough(path, write)
	}
	directory := filepath.Dir(path)
	// CreateTemp makes files of mode 0600.
	file, err := os.CreateTemp(directory, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	if parent, err := os.Open(directory); err == nil {
		_ = parent.Sync() // not every system can
		_ = parent.Close()
	}
	return nil
}

func writeThrough(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
