package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

const (
	// dirWatch is how often Dir.Watch reads the file.
	dirWatch = 250 * time.Millisecond
	// lockWait is how long a writer waits before it tries to lock again.
	lockWait = 2 * time.Millisecond
	// renameTries is how often a rename is tried on Windows, where it fails
	// while a reader has the file open.
	renameTries = 100
)

// Dir is a Backend in a directory of a file system, for development and for
// volumes that one machine writes and others read. Publishers must run on one
// machine: a lock file makes Swap atomic, and network file systems do not promise
// that it does for several. Values are replaced by renaming, after they have
// been written to the disk.
//
// Other users can read the files if the umask permits. Dir is a Watcher: Watch
// reads the file four times a second.
type Dir struct {
	Path string // the directory, which Put and Swap make if it is missing; required
}

var errNoPath = errors.New("missing path: expected the directory, as in Dir{Path: \"flags\"}")

var _ Watcher = Dir{}

// Get implements Backend.
func (d Dir) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", context.Cause(ctx)
	}
	file, err := d.file(name)
	if err != nil {
		return nil, "", err
	}
	value, err = os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", ErrNotFound
	}
	if err != nil {
		return nil, "", dirError(err)
	}
	return value, fleetdata.Sum(value), nil
}

// Put implements Backend.
func (d Dir) Put(ctx context.Context, name string, value []byte) error {
	return d.locked(ctx, name, func(file string) error { return replaceFile(file, value) })
}

// Swap implements Backend.
func (d Dir) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	err = d.locked(ctx, name, func(file string) error {
		old, err := os.ReadFile(file)
		switch {
		case err == nil && fleetdata.Sum(old) != tag, errors.Is(err, fs.ErrNotExist) && tag != "":
			return ErrConflict
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		return replaceFile(file, value)
	})
	if err != nil {
		return "", err
	}
	return fleetdata.Sum(value), nil
}

// Delete implements Backend.
func (d Dir) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	file, err := d.file(name)
	if err != nil {
		return err
	}
	err = os.Remove(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return dirError(err)
}

// Watch implements Watcher.
func (d Dir) Watch(ctx context.Context, name string, changed func()) error {
	file, err := d.file(name)
	if err != nil {
		return err
	}
	tick := time.NewTicker(dirWatch)
	defer tick.Stop()
	last, err := os.ReadFile(file)
	changed()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		value, now := os.ReadFile(file)
		if !bytes.Equal(value, last) || (now == nil) != (err == nil) {
			changed()
		}
		last, err = value, now
	}
}

// String returns the path.
func (d Dir) String() string { return "directory " + d.Path }

// check returns an error if the path is missing: names would be files of the folder that
// the program runs in.
func (d Dir) check() error {
	if d.Path == "" {
		return errNoPath
	}
	return nil
}

// file returns the path of the file with a value.
func (d Dir) file(name string) (string, error) {
	if err := d.check(); err != nil {
		return "", dirError(err)
	}
	return filepath.Join(d.Path, filepath.FromSlash(name)), nil
}

// locked calls write with the file of a name, while no other writer of the same
// environment runs.
func (d Dir) locked(ctx context.Context, name string, write func(file string) error) error {
	file, err := d.file(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return dirError(err)
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// No object has a name that begins with a dot.
		unlock, err := tryLock(filepath.Join(filepath.Dir(file), ".lock"))
		if err != nil {
			return dirError(err)
		}
		if unlock != nil {
			defer unlock()
			return dirError(write(file))
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockWait):
		}
	}
}

// replaceFile writes a file as a whole: a reader sees the old or the new value,
// also after the machine has lost its power. The lock is held, so that what a
// killed writer left behind is overwritten.
func replaceFile(file string, value []byte) error {
	temporary := filepath.Join(filepath.Dir(file), ".new")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(value)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err = os.Rename(temporary, file)
		if err == nil || runtime.GOOS != "windows" || try == renameTries {
			return err
		}
		time.Sleep(lockWait)
	}
}

// lacks says why the directory does not have an environment.
func (d Dir) lacks(what string) string {
	const most = 3
	entries, err := os.ReadDir(d.Path)
	var found []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(d.Path, e.Name(), fleetdata.HeadObject)); err == nil {
			found = append(found, safelog.Quote(e.Name()))
		}
	}
	if len(found) > most {
		found = append(found[:most], fmt.Sprintf("%d more", len(found)-most))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the directory does not exist: check Path, and the folder that the program runs in"
	case err != nil:
		return "the directory cannot be listed: " + err.Error()
	case found == nil:
		return "no publisher has written the " + what + " here, and no other"
	}
	return "it has no " + what + ": check Environment and Platform; it has " + strings.Join(found, ", ")
}

func dirError(err error) error {
	if err == nil || errors.Is(err, ErrConflict) {
		return err
	}
	return fmt.Errorf("fleet: %w", err)
}
