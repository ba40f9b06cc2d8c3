//go:build !race

package local

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// Memory goes with the file: what loading it, holding it and changing one flag
// take is bounded in bytes, which no busy machine changes.
func TestMemoryOfALargeFile(t *testing.T) {
	const flags = 4000
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(largeFile(flags)), 0o600); err != nil {
		t.Fatal(err)
	}
	var p *Platform
	load, held := memoryOf(func() {
		var err error
		if p, err = New(Config{File: path}); err != nil {
			t.Fatal(err)
		}
	})
	changing, more := memoryOf(func() {
		if _, err := p.edit("flag-7", flagfile.Change{On: new(false)}); err != nil {
			t.Fatal(err)
		}
	})
	for _, tt := range []struct {
		what     string
		got, max int
	}{
		{"loading allocates", load / flags, 20_000},
		{"loaded, it holds", held / flags, 2_500},
		{"a change allocates", changing / flags, 150},
		{"after a change, it holds", more / flags, 20},
	} {
		t.Logf("%s %d bytes for each flag", tt.what, tt.got)
		if tt.got > tt.max {
			t.Errorf("%s %d bytes for each flag, of %d", tt.what, tt.got, tt.max)
		}
	}
	runtime.KeepAlive(p)
}

// memoryOf returns how many bytes f allocates, and how many of those are still in
// use.
func memoryOf(f func()) (allocated, held int) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc), int(after.HeapAlloc) - int(before.HeapAlloc)
}
