//go:build unix

package local

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipeInsteadOfAFile: opening it would wait for somebody at its other end.
func TestPipeInsteadOfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "is not a regular file"
	if _, err := New(Config{File: path}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}

	file := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(file, []byte(twoFlags), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, file); err != nil {
		t.Fatal(err)
	}
	p.look()
	p.look()
	if problem := p.shown.Load().problem; !strings.Contains(problem, want) {
		t.Errorf("got problem %q", problem)
	}
	if _, err := p.edit("a", flagfile.Change{On: new(false)}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}
