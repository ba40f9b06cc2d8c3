//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// tryLock locks a file. unlock is nil if another process, or another call in this
// one, has locked it.
//
// On Windows the lock is the file itself, held open. A file that is open cannot
// be removed, and the system closes the file when its process dies: a lock file
// that can be removed is that of a process that has died.
func tryLock(path string) (unlock func(), err error) {
	if runtime.GOOS != "windows" {
		return nil, fmt.Errorf("writing to a directory on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case err == nil:
		return func() {
			_ = f.Close()
			_ = os.Remove(path)
		}, nil
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission): // being removed
		_ = os.Remove(path)
		return nil, nil
	}
	return nil, err
}
