package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

// writeFile replaces a file as a whole: readers see the old or the new content, and
// a failure leaves the old content.
func writeFile(path string, data []byte) (err error) {
	name := path
	defer func() {
		if err != nil {
			if cause := errors.Unwrap(err); cause != nil {
				err = cause // without the name of the temporary file
			}
			err = cli.Errorf("cannot write the file %s: %v", name, err)
		}
	}()
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // keep the link
	}
	mode := os.FileMode(0o600) // for a new file: flags may name users
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() { // a pipe or a device cannot be renamed
			return os.WriteFile(path, data, mode)
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ffc-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
