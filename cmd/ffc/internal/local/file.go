package local

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxFile is the maximum size of a flag file. A client accepts less.
const maxFile = 64 << 20

// exampleFile is the content of a new file.
//
//go:embed example.json
var exampleFile []byte

// file is the flag file as it was when it was last valid. The platform's lock
// guards it.
type file struct {
	path string
	text []byte
	doc  flagfile.Document
	// seen is the file as of the last reliable check.
	seen stamp
	// doubt is the problem of the last check, if it was new.
	doubt string
}

// stamp is the metadata of a file at a time.
type stamp struct {
	info fs.FileInfo // nil: unknown
	at   time.Time
}

// holds reports whether a file with this info need not be read: it is the same
// file, with the same size and time, and was read recently. A swapped link is
// another file even if size and time are equal.
func (s stamp) holds(info fs.FileInfo, now time.Time) bool {
	return s.info != nil && now.Sub(s.at) < rereadInterval &&
		os.SameFile(info, s.info) && info.Size() == s.info.Size() && info.ModTime().Equal(s.info.ModTime())
}

// sameText reports whether the file has the text that was loaded. It reads the
// file in parts, to save memory.
func (f *file) sameText() bool {
	if _, err := statFile(f.path); err != nil {
		return false
	}
	in, err := os.Open(f.path)
	if err != nil {
		return false
	}
	defer in.Close()
	rest := f.text
	part := make([]byte, 64<<10)
	for {
		n, err := in.Read(part)
		if n > len(rest) || !bytes.Equal(part[:n], rest[:n]) {
			return false
		}
		rest = rest[n:]
		if err != nil {
			return err == io.EOF && len(rest) == 0
		}
	}
}

// errChanged means that the file is not the one that was loaded.
var errChanged = errors.New("has changed on disk")

func openFile(path string, create bool) (*file, error) {
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, fmt.Errorf("there is no file %s: check the path, or use ffc serve -create to create it with a few example flags", path)
		}
		text = exampleFile
		// This fails if the file exists by now.
		err = writeNew(path, text)
	}
	if err != nil {
		return nil, err
	}
	return &file{path: path, text: text}, nil
}

func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot write %s: there is no directory %s: create it first", path, filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // do not leave half a file
	}
	return err
}

// statFile is os.Stat, but an error unless the file is regular: opening a pipe may
// block.
func statFile(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return info, err
}

func readFile(path string) ([]byte, error) {
	info, err := statFile(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text bytes.Buffer
	text.Grow(int(min(info.Size(), maxFile)) + bytes.MinRead) // the text is kept
	_, err = text.ReadFrom(io.LimitReader(f, maxFile+1))
	if text.Len() > maxFile {
		return nil, fmt.Errorf("%s is too large for a flag file: expected at most %d MiB", path, maxFile>>20)
	}
	return text.Bytes(), err
}

// write replaces the file by text, unless the file has changed since it was
// loaded. Readers see the old or the new text as a whole.
func (f *file) write(text []byte) (err error) {
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w: it does not exist any more", f.path, errChanged)
	}
	if err != nil {
		return err
	}
	info, err := statFile(path)
	if err != nil {
		return err
	}
	// Renaming does not check whether the file may be written.
	target, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := target.Close(); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".ffc-*.tmp")
	if err != nil {
		return fmt.Errorf("cannot create the new file in the directory of the old one: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if !f.sameText() { // as late as possible
		return fmt.Errorf("%s %w", f.path, errChanged)
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return fmt.Errorf("cannot replace the file; if only the file is mounted, mount its directory: %w", err)
	}
	return nil
}
