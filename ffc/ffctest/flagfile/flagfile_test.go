package flagfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// A file serves the same flags offline, from a server and after Replace, on both
// platforms, and so does a snapshot.
func TestFileServesEverywhere(t *testing.T) {
	t.Parallel()
	const path = "testdata/flags.json"
	for _, p := range platforms.All() {
		data, err := flagfile.Read(path, p)
		if err != nil {
			t.Fatal(err)
		}
		server := p.NewServer(data)
		defer server.Close()
		if err := server.Replace(data); err != nil {
			t.Error(err)
		}
		again, err := flagfile.Parse("snapshot.json", server.Snapshot(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{data, again} {
			client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: data})
			if err != nil {
				t.Fatal(err)
			}
			for country, want := range map[string]string{"FR": "blue", "DE": "red"} {
				if got := client.Variation(t.Context(), "checkout", ffc.NewUser("u1", ffc.Country(country)), "none"); got != want {
					t.Errorf("%v: a user of %s gets %q, not %q", p, country, got, want)
				}
			}
		}
	}
}

// Parse keeps nothing of the text that it was given.
func TestParseKeepsNoText(t *testing.T) {
	t.Parallel()
	text := ffctest.Snapshot(ffctest.Flag("a"))
	data, err := flagfile.Parse("snapshot.json", text, ffctest.Classic)
	if err != nil {
		t.Fatal(err)
	}
	clear(text)
	if !strings.HasPrefix(string(data), "{") {
		t.Errorf("the data has changed with the text: %q", data)
	}
}

func TestErrorsNameFileAndPlace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte("{\"flags\": {\n  \"a\": {\"variation\": []}}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := flagfile.Read(path, ffctest.Classic); err == nil || !strings.HasPrefix(err.Error(), path+":2:9: expected ") {
		t.Errorf("got %v", err)
	}
	if _, err := flagfile.Read(path+".gone", ffctest.Classic); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	_, err := flagfile.Parse("snapshot.json", ffctest.Snapshot(ffctest.Flag("a")), ffctest.FeatBit)
	if err == nil || !strings.Contains(err.Error(), "snapshot.json: expected a snapshot of the platform featbit, got one of classic") {
		t.Errorf("got %v", err)
	}
}
