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

// maxFile is how large a flag file may be: what a client takes at most is less.
const maxFile = 64 << 20

// exampleFile is what a new file has in it.
//
//go:embed example.json
var exampleFile []byte

// file is the flag file as it was when it was last valid. The platform's lock
// guards it.
type file struct {
	path string
	text []byte
	doc  flagfile.Document
	// seen is the file as of the last look that may be relied on.
	seen stamp
	// doubt is what was wrong at the last look, if that was news.
	doubt string
}

// stamp is how a file looked from outside at a time.
type stamp struct {
	info fs.FileInfo // nil: unknown
	at   time.Time
}

// holds reports whether a file that looks like info need not be read: it is the
// same file, not one that took its place with the same size and time, as with
// links that are swapped, and was read lately.
func (s stamp) holds(info fs.FileInfo, now time.Time) bool {
	return s.info != nil && now.Sub(s.at) < rereadInterval &&
		os.SameFile(info, s.info) && info.Size() == s.info.Size() && info.ModTime().Equal(s.info.ModTime())
}

// sameText reports whether the file has the text that was loaded. It keeps no
// more than a part of the file in memory.
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

// errChanged says that the file is not what was loaded.
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
		_ = os.Remove(path) // half a file would be in the way next time
	}
	return err
}

// statFile is os.Stat of what can be read without waiting, as opening a pipe
// may last for ever.
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
		return nil, fmt.Errorf("%s is no flag file: expected %d MiB at most", path, maxFile>>20)
	}
	return text.Bytes(), err
}

// write puts text in the place of the file, unless that is not what was loaded.
// Nobody ever sees half of it.
func (f *file) write(text []byte) (err error) {
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w: it is gone", f.path, errChanged)
	}
	if err != nil {
		return err
	}
	info, err := statFile(path)
	if err != nil {
		return err
	}
	// Renaming would not ask whether the file may be written.
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
