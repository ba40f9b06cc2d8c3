package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// Real engines, in real time, which proves nothing about times: relay.TestHammer has
// that, with an engine in memory.
func TestSoak(t *testing.T) {
	for _, e := range engines[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			opened, err := e.open()
			if notInstalled(err) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer opened.close()
			s := soak{length: 5 * time.Second, seed: rand.Uint64(), readers: 30}
			r, err := s.hammer(opened)
			if err != nil {
				t.Errorf("seed %d: %v", s.seed, err)
			}
			if r.Faults == 0 || r.Reads == 0 || r.UndoReaders != s.readers {
				t.Errorf("%+v: the test shows little", r)
			}
		})
	}
}

// The times mean nothing here.
func TestLoadWorks(t *testing.T) {
	t.Parallel()
	for _, m := range slices.Concat(measures, relayMeasures) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := soak{instances: 100, out: t.Output()}
			figures, err := m.measure(&s)
			if notInstalled(err) {
				t.Skip(err)
			}
			if err != nil || len(figures) == 0 {
				t.Errorf("figures %q, error %v", figures, err)
			}
			for _, f := range figures {
				t.Log(f.what, ": ", f.measured)
				if failed := regexp.MustCompile(`\b[1-9]\d* (failed|fallbacks|of \d+ evaluations)`); failed.MatchString(f.measured) {
					t.Errorf("%s: %s", f.what, f.measured)
				}
			}
		})
	}
}

func TestRewriteReplacesWhatIsBetweenMarkers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.md")
	for before, want := range map[string]string{
		"a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n": "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n",
		"a\n<!-- x:begin -->\nold\n":                    "",
		"<!-- x:end -->\n<!-- x:begin -->\n":            "",
		"<!-- y:begin -->\n<!-- y:end -->\n":            "",
	} {
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		err := rewrite(file, "x", "new\n")
		if (err == nil) != (want != "") {
			t.Errorf("%q: error %v", before, err)
		}
		if want == "" {
			want = before
		}
		if after, _ := os.ReadFile(file); string(after) != want {
			t.Errorf("%q becomes %q, want %q", before, after, want)
		}
	}
}

func TestCleanupEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	c := cleanup{left: make(map[int]func())}
	var ended [2]int
	first := c.add(func() { ended[0]++ })
	c.add(func() { ended[1]++ })
	first()
	first()
	c.run()
	if ended != [2]int{1, 1} {
		t.Errorf("ended %v times, want each once", ended)
	}
}
