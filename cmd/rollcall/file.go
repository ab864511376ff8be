package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"rollcall/sources"
)

// writeFile writes a file whole or not at all, readable by its owner only.
func writeFile(path string, data []byte) error {
	return sources.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// checkWritable finds out before anything is changed whether writeFile could
// write there.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errors.New("is a directory")
	case err == nil && !info.Mode().IsRegular():
		return nil // a device or a pipe
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
