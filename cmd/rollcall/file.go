package main

import (
	"errors"
	"os"
	"path/filepath"
)

// writeFile writes a file whole or not at all, readable by its owner only: what
// was there before stays until the new one is complete.
func writeFile(path string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(data)
	// CreateTemp makes files of mode 0600.
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
