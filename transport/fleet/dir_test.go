package fleet_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

func TestDirConforms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fleettest.Run(t, func(*testing.T) fleet.Backend { return fleet.Dir{Path: dir} })
}

func TestSplitConforms(t *testing.T) {
	t.Parallel()
	heads, bodies := new(fleettest.Memory), &fleettest.Memory{Limit: 20_000}
	fleettest.Run(t, func(*testing.T) fleet.Backend { return fleet.Split{Heads: heads, Bodies: bodies} })
	dir := t.TempDir()
	t.Run("without watching", func(t *testing.T) {
		fleettest.Run(t, func(*testing.T) fleet.Backend {
			return fleet.Split{Heads: silent{heads}, Bodies: fleet.Dir{Path: dir}}
		})
	})
}

// silent is a Backend and nothing more.
type silent struct{ fleet.Backend }

func TestReaderOfADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := fleet.Dir{Path: dir}
	write(t, b, headOf("a", 1, 1, nil), data("on", 1), 50)
	r := newReader(t, nil, b)
	defer r.close()
	r.expect("on", ffc.StateOK, 1)
	if got := r.Status().Source.Backend; got != "directory "+dir {
		t.Errorf("source %q", got)
	}
}

// A writer that was killed leaves nothing that the next one trips over, and no
// half of a value.
func TestDirAfterAKilledWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := fleet.Dir{Path: dir}
	write(t, b, headOf("a", 1, 1, nil), data("on", 1), 0)
	leftover := filepath.Join(dir, environment, ".new")
	if err := os.WriteFile(leftover, []byte(strings.Repeat("x", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, b, headOf("a", 2, 2, nil), data("off", 2), 0)
	if _, err := os.Stat(leftover); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
	r := newReader(t, nil, b)
	defer r.close()
	r.expect("off", ffc.StateOK, 2)
}

func TestDirErrorsAreWhole(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := fleet.Dir{Path: file} // not a directory
	for name, err := range map[string]error{
		"Put":    b.Put(t.Context(), "env/body.0", []byte("x")),
		"Delete": b.Delete(t.Context(), "env/head"),
	} {
		if err == nil || errors.Is(err, fleet.ErrNotFound) || !strings.HasPrefix(err.Error(), "fleet: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, _, err := b.Get(t.Context(), "env/head"); err == nil || errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("Get: error %v", err)
	}
}
