package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	sdk "github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestSnapshot: what is written is what a program can start with.
func TestSnapshot(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		out := at(t, s, "snapshot")
		if out.code != 0 || !strings.HasPrefix(out.stderr, "wrote 2 flags and 1 segment, version 3, ") {
			t.Errorf("code %d, %q", out.code, out.stderr)
		}
		client, err := sdk.New(t.Context(), sdk.Config{Offline: true, Bootstrap: []byte(out.stdout)})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		if v := client.Variation(t.Context(), "banner", sdk.NewUser("tester-1"), ""); v != "winter" {
			t.Errorf("a program that starts with the snapshot answers %q", v)
		}

		path := filepath.Join(t.TempDir(), "flags.json")
		filed := at(t, s, "snapshot", "-o", path, "-json")
		written, err := os.ReadFile(path)
		if err != nil || string(written) != out.stdout {
			t.Errorf("the file has %q, %v", written, err)
		}
		var told summary
		if err := json.Unmarshal([]byte(filed.stdout), &told); err != nil || filed.stderr != "" || filed.code != 0 {
			t.Errorf("%+v: %v", filed, err)
		}
		if want := (summary{File: path, Flags: 2, Segments: 1, Version: 3, Bytes: len(written)}); told != want {
			t.Errorf("told %+v, want %+v", told, want)
		}
		if n := len(s.Requests(ffctest.Events)); n != 0 {
			t.Errorf("%d requests with events", n)
		}
		noneConnected(t, s)
	})
}

// TestArchivedFlagsDoNotCount: FeatBit sends them, so that a program knows that they are
// gone.
func TestArchivedFlagsDoNotCount(t *testing.T) {
	s := platforms.NewServer(t, ffctest.FeatBit, ffctest.Flag("a"), ffctest.Flag("gone"))
	s.Archive("gone")
	if out := at(t, s, "snapshot"); !strings.HasPrefix(out.stderr, "wrote 1 flag and 0 segments, ") || !strings.Contains(out.stdout, `"gone"`) {
		t.Errorf("snapshot: %+v", out)
	}
	if out := at(t, s, "doctor"); !strings.Contains(out.stdout, "data       1 flag, 0 segments (") {
		t.Errorf("doctor:\n%s", out.stdout)
	}
}

// TestSnapshotByPolling: the platform is asked as -poll says. Without segments that
// flags use there is no snapshot: a program would evaluate these flags differently.
func TestSnapshotByPolling(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		out := at(t, s, "snapshot", "-poll")
		switch p {
		case ffctest.Classic:
			out.is(t, outcome{code: cli.ExitNoData, stderr: "ffc: warning: polling does not update segments on this platform: rules that use them evaluate with outdated segments or with none" +
				" (flag banner) (segment testers): leave out -poll\nffc: the snapshot is not written: it would not have segments that flags use, such as testers\n"})
		default:
			if out.code != 0 || !strings.HasPrefix(out.stderr, "wrote 2 flags and 1 segment, version 3,") {
				t.Errorf("code %d, %q", out.code, out.stderr)
			}
		}
		if n := len(s.Requests(ffctest.Streaming)); n != 0 {
			t.Errorf("%d websockets", n)
		}
		if out := at(t, platforms.NewServer(t, p, ffctest.Flag("a"), ffctest.Segment("unused")), "snapshot", "-poll"); out.code != 0 || !strings.HasPrefix(out.stderr, "wrote 1 flag and ") {
			t.Errorf("no flag uses a segment: %+v", out)
		}
	})
}

// slowWriter is a terminal that is slower than what is written to it.
type slowWriter struct{ bytes.Buffer }

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(150 * time.Millisecond)
	return w.Buffer.Write(p)
}

// TestSnapshotByPollingOnASlowTerminal: what is on the terminal does not decide
// whether there is a snapshot.
func TestSnapshotByPollingOnASlowTerminal(t *testing.T) {
	_, flags, _ := strings.Cut(string(ffctest.Snapshot(shop()...)), `"featureFlags":[`)
	flags, _, _ = strings.Cut(flags, `],"segments"`)
	malformed := strings.Repeat("7,", 5) // each is logged, before the missing segment
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"success":true,"data":{"featureFlags":[`+malformed+flags+`]}}`)
	}))
	defer s.Close()
	env := map[string]string{"FFC_ENV_SECRET": ffctest.EnvSecret, "FFC_BASE_URL": s.URL}
	var stdout bytes.Buffer
	var stderr slowWriter
	code := run(t.Context(), []string{"snapshot", "-poll"}, strings.NewReader(""), &stdout, &stderr, func(name string) string { return env[name] })
	if want := "ffc: the snapshot is not written: it would not have segments that flags use, such as testers\n"; code != cli.ExitNoData || stdout.Len() > 0 ||
		!strings.HasSuffix(stderr.String(), want) {
		t.Errorf("code %d, %d bytes, %q", code, stdout.Len(), stderr.String())
	}
}

// A flag file becomes a snapshot that serves the same, for either platform.
func TestSnapshotOfFile(t *testing.T) {
	dir := t.TempDir()
	flags, snapshot := filepath.Join(dir, "flags.json"), filepath.Join(dir, "snapshot.json")
	text := `{"flags": {"checkout": {"variations": ["old", "new"], "rules": [{"if": [{"inSegment": "beta"}], "serve": "new"}]}}, "segments": {"beta": {"included": ["ann"]}}}`
	if err := os.WriteFile(flags, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		if out := bare(t, "snapshot", "-file", flags, "-o", snapshot, "-platform", p.String()); out.code != 0 || !strings.HasPrefix(out.stderr, "wrote 1 flag and 1 segment to "+snapshot) {
			t.Fatalf("%+v", out)
		}
		data, err := os.ReadFile(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		client, err := sdk.New(t.Context(), sdk.Config{EnvSecret: p.EnvSecret(), Offline: true, Bootstrap: data})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		if a, b := client.Variation(t.Context(), "checkout", sdk.NewUser("ann"), ""), client.Variation(t.Context(), "checkout", sdk.NewUser("bob"), ""); a != "new" || b != "old" {
			t.Errorf("got %q and %q", a, b)
		}
	})
	if out := bare(t, "snapshot", "-file", flags, "-poll"); out.code != cli.ExitUsage {
		t.Errorf("%+v", out)
	}
	if out := bare(t, "snapshot", "-file", filepath.Join(dir, "none")); out.code != cli.ExitNoData {
		t.Errorf("%+v", out)
	}
}

func TestSnapshotOfNothing(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		out := at(t, platforms.NewServer(t, p), "snapshot")
		if out.code != 0 || !strings.Contains(out.stderr, "ffc: warning: the snapshot has no flags: check the environment or the file\n") {
			t.Errorf("code %d, %q", out.code, out.stderr)
		}
	})
}

func TestSnapshotUsage(t *testing.T) {
	const run = "Run \"ffc help snapshot\" for usage.\n"
	for want, args := range map[string][]string{
		"unexpected argument \"flags.json\": use -o flags.json to write to a file":     {"flags.json"},
		"unknown option -ulr: did you mean \"-url\"?":                                  {"-ulr", "x"},
		"-o: missing value: expected FILE":                                             {"-o"},
		"-timeout: invalid duration \"5\": expected more than 0, such as 500ms or 10s": {"-timeout", "5"},
		"-poll: invalid value \"maybe\": expected true, false or no value":             {"-poll=maybe"},
		"-timeout: invalid duration \"0\": expected more than 0, such as 500ms or 10s": {"-timeout", "0"},
		"-platform: unknown platform \"Classic\": expected classic or featbit":         {"-platform", "Classic"},
		"-json prints to standard output, as the snapshot does: use -o FILE":           {"-json"},
		missingSecret: nil,
	} {
		bare(t, append([]string{"snapshot"}, args...)...).is(t, outcome{code: cli.ExitUsage, stderr: "ffc: snapshot: " + want + "\n" + run})
	}
}

// TestWriteFile: a file is replaced as a whole, with its mode, where a link
// leads; a failure leaves what was there and nothing else.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "flags.json"), filepath.Join(dir, "link.json")
	check := func(want string, mode os.FileMode) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil || string(data) != want {
			t.Errorf("the file has %q, %v", data, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if err := writeFile(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	check("one", 0o600)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(link, []byte("two")); err != nil {
		t.Fatal(err)
	}
	check("two", 0o600)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
	if err := writeFile(os.DevNull, []byte("three")); err != nil {
		t.Errorf("a device: %v", err)
	}
	for _, bad := range []string{dir, filepath.Join(dir, "missing", "flags.json")} {
		if err := writeFile(bad, []byte("x")); err == nil || !strings.HasPrefix(err.Error(), "cannot write the file "+bad+": ") || strings.Contains(err.Error(), ".ffc-") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}
