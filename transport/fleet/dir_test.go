package fleet_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
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

// A reader with a wrong setting says which, and does not blame the platform.
func TestDirSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	full, empty := t.TempDir(), t.TempDir()
	write(t, fleet.Dir{Path: full}, headOf("a", 1, 1, data("on", 1)), data("on", 1), 0)
	tests := map[string]struct {
		path, environment string
		platform          ffc.Platform
		want              string
	}{
		"no directory":      {filepath.Join(full, "no"), environment, ffc.PlatformFeatBit, "/no: the directory does not exist"},
		"wrong environment": {full, "dev", ffc.PlatformFeatBit, `: it has no environment "dev" of FeatBit: check Environment and Platform; it has ` + environment},
		"wrong platform":    {full, "FF__11__22__33", ffc.PlatformClassic, `: it has no environment "FF__11__22__33" of featureflag.co: check Environment and Platform; it has ` + environment},
		"empty directory":   {empty, environment, ffc.PlatformFeatBit, `: no publisher has written the environment "` + environment + `" of FeatBit here, and no other`},
		"split":             {empty, environment, ffc.PlatformFeatBit, "here, and no other"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b fleet.Backend = fleet.Dir{Path: test.path}
			if name == "split" {
				b = fleet.Split{Heads: b, Bodies: b}
			}
			log := new(testkit.Log)
			client, err := ffc.New(t.Context(), ffc.Config{
				Platform: test.platform, Transport: &fleet.Transport{Environment: test.environment, Backends: []fleet.Backend{b}},
				Events: flush.Config{Disabled: true}, StartWait: -1, Logger: slog.New(slog.NewTextHandler(log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(context.WithoutCancel(t.Context()))
			_ = client.Refresh(t.Context())
			if err := client.Status().Err; err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if text := log.String(); strings.Contains(text, "the platform is") || !strings.Contains(text, "the engine is unavailable, or has no current data; retrying, evaluations return fallbacks") {
				t.Errorf("log:\n%s", text)
			}
		})
	}
}

func TestDirNeedsAPath(t *testing.T) {
	t.Parallel()
	for _, b := range []fleet.Backend{fleet.Dir{}, fleet.Split{Heads: fleet.Dir{}, Bodies: fleet.Dir{Path: t.TempDir()}}} {
		_, err := ffc.New(t.Context(), ffc.Config{
			Platform: ffc.PlatformFeatBit, Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{b}}, Events: flush.Config{Disabled: true}, StartWait: -1,
		})
		if _, ok := errors.AsType[*ffc.ConfigError](err); !ok || !strings.Contains(err.Error(), "Backends[0]: missing path") {
			t.Errorf("error %v, want a ConfigError", err)
		}
	}
	// Calls of a publisher would read, write and remove files of the folder that the
	// program runs in.
	d, ctx := fleet.Dir{}, t.Context()
	_, _, getErr := d.Get(ctx, "a/head")
	_, swapErr := d.Swap(ctx, "a/head", nil, "")
	for call, err := range map[string]error{
		"Get": getErr, "Swap": swapErr, "Put": d.Put(ctx, "a/x", nil), "Delete": d.Delete(ctx, "a/x"), "Watch": d.Watch(testkit.Within(t), "a/head", func() {}),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "fleet: missing path: expected the directory") {
			t.Errorf("%s: error %v", call, err)
		}
	}
}

// A directory that cannot be made is not a value that is missing.
func TestDirThatCannotBeMade(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("there is no /proc")
	}
	if err := (fleet.Dir{Path: "/proc/x"}).Put(t.Context(), "a/b", nil); errors.Is(err, fleet.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/proc/x") {
		t.Errorf("error %v, want that of the file system", err)
	}
}
