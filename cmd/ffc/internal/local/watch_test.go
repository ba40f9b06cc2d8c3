package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestFileReachesClients saves the file in the ways that editors have.
func TestFileReachesClients(t *testing.T) {
	t.Parallel()
	blue := strings.Replace(twoFlags, `"serve": "red"`, `"serve": "blue"`, 1)
	platforms.EachParallel(t, func(t *testing.T, g ffctest.Platform) {
		w := start(t, twoFlags, Config{Platform: g.String()})
		client, user := w.client(&stream.Transport{}), ffc.NewUser("u1")
		before := w.flag("b").Version

		w.write(blue) // truncates and writes
		w.serves(client, "a", user, "blue")

		next := filepath.Join(filepath.Dir(w.path), ".swap") // renames
		if err := os.WriteFile(next, []byte(twoFlags), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, w.path); err != nil {
			t.Fatal(err)
		}
		w.serves(client, "a", user, "red")

		w.write(blue[:len(blue)/2]) // half
		testkit.Eventually(t, "the problem", func() bool { return w.state().Problem != "" })
		if got := w.state().Problem; !strings.HasPrefix(got, w.path+":3:") || !strings.Contains(got, "expected ") {
			t.Errorf("got problem %q", got)
		}
		if got := client.Variation(t.Context(), "a", user, ""); got != "red" {
			t.Errorf("got %q meanwhile", got)
		}
		if got := w.flag("a").Shares[0].Variation; got != "1" {
			t.Errorf("the page shows %q meanwhile", got)
		}
		w.write(blue) // and the rest
		w.serves(client, "a", user, "blue")
		testkit.Eventually(t, "the problem to be gone", func() bool { return w.state().Problem == "" })

		if err := os.Remove(w.path); err != nil { // gone for a while
			t.Fatal(err)
		}
		testkit.Eventually(t, "the problem", func() bool { return strings.Contains(w.state().Problem, "cannot be read") })
		w.write(blue)
		testkit.Eventually(t, "the problem to be gone", func() bool { return w.state().Problem == "" })

		if after := w.flag("b").Version; after != before {
			t.Errorf("a flag that was not changed has version %d, had %d", after, before)
		}
		w.write(`{"flags": {"b": {"name": "The second"}, "c": {}}}`)
		w.serves(client, "c", user, "true")
		testkit.Eventually(t, "a flag to be gone", func() bool { return !client.FlagKnown("a") })
		if got := len(w.state().Flags); got != 2 {
			t.Errorf("the page shows %d flags", got)
		}
	})
}

// TestClientsOutliveThePlatform: they have what the file has become meanwhile,
// and no more. Of many flags one is deleted: more than a tenth would be held back
// until several answers agree.
func TestClientsOutliveThePlatform(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, g ffctest.Platform) {
		for name, how := range map[string]transport.Transport{
			"stream": &stream.Transport{FirstRetry: time.Millisecond},
			"poll":   &poll.Transport{MaxAge: time.Millisecond},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg, user := Config{Platform: g.String()}, ffc.NewUser("u1")
				others := ""
				for i := range 20 {
					others += fmt.Sprintf(`, "other-%d": {}`, i)
				}
				w := start(t, `{"flags": {"a": {}, "b": {}`+others+`}}`, cfg)
				client := w.client(how)
				w.serves(client, "a", user, "true")
				w.restart(cfg, func() { w.write(`{"flags": {"b": {"serve": "false"}, "c": {}` + others + `}}`) })
				w.serves(client, "b", user, "false")
				w.serves(client, "c", user, "true")
				if client.FlagKnown("a") {
					t.Error("a flag that was deleted is still there")
				}
			})
		}
	})
}

// TestOwnWritesAreNoNews: what the page has written is not loaded once more.
func TestOwnWritesAreNoNews(t *testing.T) {
	t.Parallel()
	w := start(t, twoFlags, Config{})
	version := w.change("a", `{"on":false}`).Version
	w.p.look()
	w.p.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.log) != 0 {
		t.Errorf("the log has %q", w.log)
	}
	if got := w.p.newRenderer().flag("a").Version; got != version {
		t.Errorf("got version %d, had %d", got, version)
	}
}

func TestSnapshotOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	first := snapshotOf(t, ffctest.Classic, ffctest.Flag("a"))
	path := filepath.Join(t.TempDir(), "flags.json")
	for _, other := range []string{
		strings.ReplaceAll(first, "__11__22__33__", "__7__8__9__"),
		snapshotOf(t, ffctest.FeatBit, ffctest.Flag("a")),
	} {
		if err := os.WriteFile(path, []byte(first), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := New(Config{File: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		p.look()
		p.look()
		if now := p.shown.Load(); now.problem == "" || now.view.doc.Len() != 1 {
			t.Errorf("got problem %q and %d flags", now.problem, now.view.doc.Len())
		}
	}
}

// A file that is replaced by another one of the same size and time is seen: by a
// link that is swapped, by renaming, and by writing in place.
func TestReplacedFileOfSameSizeAndTime(t *testing.T) {
	t.Parallel()
	old := time.Unix(1, 0) // as in a Nix store
	red := strings.Replace(twoFlags, `"serve": "red"`, `"serve":  "red"`, 1)
	blue := strings.Replace(twoFlags, `"serve": "red"`, `"serve": "blue"`, 1)
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	for name, replace := range map[string]func(path, store string) error{
		"swapped link": func(path, store string) error {
			next := filepath.Join(store, "next")
			put(next, blue)
			if err := os.Symlink(next, path+".new"); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"renamed": func(path, store string) error {
			next := filepath.Join(store, "next")
			put(next, blue)
			return os.Rename(next, path)
		},
		"written in place": func(path, _ string) error {
			target, err := filepath.EvalSymlinks(path)
			if err == nil {
				put(target, blue)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := t.TempDir()
			path := filepath.Join(t.TempDir(), "flags.json")
			put(filepath.Join(store, "first"), red)
			if err := os.Symlink(filepath.Join(store, "first"), path); err != nil {
				t.Skip(err)
			}
			p, err := New(Config{File: path})
			if err != nil {
				t.Fatal(err)
			}
			p.look()
			if p.file.seen.info == nil {
				t.Fatal("the look is not relied on")
			}
			if err := replace(path, store); err != nil {
				t.Fatal(err)
			}
			if name == "written in place" {
				p.file.seen.at = p.file.seen.at.Add(-rereadInterval)
			}
			p.look()
			if got := p.newRenderer().flag("a").Shares[0].Variation; got != "2" {
				t.Errorf("variation %s is served, want that of the new file", got)
			}
		})
	}
}
