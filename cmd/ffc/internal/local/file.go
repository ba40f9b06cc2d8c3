package local

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// maxFile is the maximum size of a flag file. A client accepts less.
const maxFile = 64 << 20

// exampleFile is the content of a new file.
//
//go:embed example.json
var exampleFile []byte

// file is the flag file as it was when it was last valid. Its text is not kept. The
// platform's lock guards it.
type file struct {
	path string
	sum  uint64 // hash of the text; see sumOf
	doc  *flagfile.Document
	// seen is the file as of the last reliable check.
	seen stamp
	// doubt is the problem of the last check, if it was new.
	doubt string
}

// seed is that of all hashes of texts.
var seed = maphash.MakeSeed()

// sumOf returns the hash of a text.
func sumOf(text []byte) uint64 { return maphash.Bytes(seed, text) }

// newSum returns a writer that computes sumOf.
func newSum() *maphash.Hash {
	sum := new(maphash.Hash)
	sum.SetSeed(seed)
	return sum
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
	sum := newSum()
	_, err = io.Copy(sum, in)
	return err == nil && sum.Sum64() == f.sum
}

// errChanged means that the file is not the one that was loaded.
var errChanged = errors.New("has changed on disk")

// openFile returns the file and its text.
func openFile(path string, create bool) (*file, []byte, error) {
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, nil, fmt.Errorf("there is no file %s: check the path, or use ffc serve -create to create it with a few example flags", path)
		}
		text = exampleFile
		// This fails if the file exists by now.
		err = writeNew(path, text)
	}
	if err != nil {
		return nil, nil, err
	}
	return &file{path: path, sum: sumOf(text)}, text, nil
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
	text := make([]byte, 0, min(info.Size(), maxFile)+bytes.MinRead)
	for err == nil && len(text) <= maxFile {
		text = slices.Grow(text, 1)
		var n int
		n, err = f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
	}
	switch {
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s is too large for a flag file: expected at most %d MiB", path, maxFile>>20)
	case err != io.EOF:
		return nil, err
	}
	return text, nil
}

// open opens the file for a change. It fails if the file is gone or not regular.
func (f *file) open() (*os.File, error) {
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s %w: it does not exist any more", f.path, errChanged)
	}
	if err == nil {
		_, err = statFile(path)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// write replaces a part of the file, which is open as old, unless the file has
// changed since it was loaded. Readers see the old or the new text as a whole.
func (f *file) write(old *os.File, e *flagfile.Edit) (err error) {
	path := old.Name()
	info, err := old.Stat()
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
	oldSum, sum, err := replaced(temp, old, e)
	if err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if oldSum != f.sum || !f.sameText() { // as late as possible
		return fmt.Errorf("%s %w", f.path, errChanged)
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return fmt.Errorf("cannot replace the file; if only the file is mounted, mount its directory: %w", err)
	}
	f.sum = sum
	return nil
}

// replaced writes old with its change to out, and returns sumOf of both texts.
func replaced(out io.Writer, old *os.File, e *flagfile.Edit) (oldText, newText uint64, err error) {
	before, after := newSum(), newSum()
	start, length := int64(e.Start), int64(e.End-e.Start)
	both := io.MultiWriter(out, before, after)
	_, err1 := io.Copy(both, io.NewSectionReader(old, 0, start))
	_, err2 := io.Copy(before, io.NewSectionReader(old, start, length))
	_, err3 := io.MultiWriter(out, after).Write(e.Text)
	_, err4 := io.Copy(both, io.NewSectionReader(old, start+length, maxFile))
	return before.Sum64(), after.Sum64(), errors.Join(err1, err2, err3, err4)
}
