package main

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// startRedis starts a redis-server, and skips the test if there is none.
func startRedis(t *testing.T) (address string) {
	t.Helper()
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	process, err := testkit.RunRedis(port.Address, t.TempDir())
	if errors.Is(err, testkit.ErrNoRedis) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Kill(process) })
	return port.Address
}

var numbers = regexp.MustCompile(`\d{10,}`)

// The way of a bad flag, on each engine: the platform is down, and the flag is rolled
// back, overridden and released with the commands.
func TestUndoABadFlag(t *testing.T) {
	for name, place := range map[string]func(t *testing.T, w *world){
		"directory": func(*testing.T, *world) {},
		"memory":    func(_ *testing.T, w *world) { w.inMemory(new(fleettest.Memory)) },
		"redis": func(t *testing.T, w *world) {
			w.app.environ = append(w.app.environ, "FFC_RELAY_ENGINES_MAIN_PASSWORD=")
			w.app.environ[2] = "FFC_RELAY_ENGINES_MAIN_URL=redis://" + startRedis(t)
			c, err := load("", w.app.environ)
			if err != nil {
				t.Fatal(err)
			}
			b, closeIt, err := openEngine(c.engines["main"], nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(closeIt)
			w.engine = b
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			place(t, w)
			w.ok("publish", "-once")
			w.platform.Put(ffctest.Flag("checkout").Variations("old", "new").Serve("new")) // the bad change
			w.ok("publish", "-once")
			w.serves("checkout", "new")
			snapshot := string(w.platform.Snapshot())
			w.platform.Close()

			log := w.ok("log", "prod")
			revisions := numbers.FindAllString(log, -1)
			if len(revisions) != 2 || !strings.Contains(log, revisions[0]+" *") || !strings.Contains(log, "1 flag: checkout") {
				t.Fatalf("log:\n%s", log)
			}
			w.ok("rollback", "prod", "-to", revisions[1], "-reason", "wrong\nprice", "-until", "2h")
			w.serves("checkout", "old")
			var status statusJSON
			if err := json.Unmarshal([]byte(w.ok("status", "prod", "-json")), &status); err != nil {
				t.Fatal(err)
			}
			if status.PinnedUntil == nil || status.PinnedBy != "ann" || status.PinReason != "wrong\nprice" || time.Until(*status.PinnedUntil) > 2*time.Hour {
				t.Errorf("status %+v", status)
			}
			if text := w.ok("status", w.environment()); !strings.Contains(text, "by ann: wrong price") || !strings.Contains(text, strconv.FormatInt(status.Revision, 10)) {
				t.Errorf("status:\n%s", text)
			}
			w.ok("override", "prod", "banner=false")
			w.serves("checkout", "old")
			w.serves("banner", "false")
			w.ok("publish", "prod", "-file", w.write("snapshot.json", snapshot), "-by", "bob")
			w.serves("checkout", "new")
			w.serves("banner", "true")
			var entries []revisionJSON
			if err := json.Unmarshal([]byte(w.ok("log", "prod", "-json", "-n", "2")), &entries); err != nil || len(entries) != 2 || entries[0].By != "bob" || entries[1].By != "ann" {
				t.Errorf("log %+v, error %v", entries, err)
			}
			if got := w.ok("unpin", "prod"); !strings.Contains(got, "not pinned any more") {
				t.Errorf("got %q", got)
			}
			if text := w.ok("status", "prod"); !strings.Contains(text, "pin          none") {
				t.Errorf("status:\n%s", text)
			}
			if got := w.ok("unpin", "prod"); !strings.Contains(got, "there is no pin to end, at revision ") {
				t.Errorf("got %q", got)
			}
			current := numbers.FindString(w.ok("log", "prod", "-n", "1"))
			w.ok("rollback", "prod", "-to", current, "-by", "carl")
			if log := w.ok("log", "prod", "-n", "2"); !strings.Contains(log, " carl  no flag or segment\n") || !strings.Contains(log, " bob   2 flags: banner, checkout\n") {
				t.Errorf("log:\n%s", log)
			}
			w.fails(1, "does not have the revision", "rollback", "prod", "-to", "1")
			w.fails(1, `no flag chekout: did you mean "checkout"?`, "override", "prod", "chekout=old")
			w.fails(1, "no variation has this value or id: got blue, expected one of old, new\n", "override", "prod", "checkout=blue")
			bad := w.write("bad.json", "{")
			w.fails(3, bad+": the snapshot cannot be published", "publish", "prod", "-file", bad)
			w.fails(1, "Run \"ffc-relay log -n 0 prod\"", "rollback", "prod", "-to", "1")
			w.fails(3, ` has no data of environment "11111111-2222-3333-4444-555555555556": the configuration has prod`, "log", "11111111-2222-3333-4444-555555555556")
			w.fails(3, ` has no data of environment "prdo": did you mean "prod"?`, "status", "prdo")
		})
	}
}

func TestUndoUsage(t *testing.T) {
	w := newWorld(t)
	w.fails(usage, "missing environment: expected ENV", "log")
	w.fails(usage, `unexpected argument "b"`, "status", "a", "b")
	w.fails(usage, "missing revision: use -to", "rollback", "prod")
	w.fails(usage, "missing environment", "rollback", "-to", "1")
	w.fails(usage, `unexpected argument "1"`, "rollback", "prod", "1")
	w.fails(usage, "-to: invalid revision", "rollback", "prod", "-to", "x")
	w.fails(usage, "missing environment: expected ENV FLAG=VARIATION", "override")
	w.fails(usage, "expected ENV FLAG=VARIATION, got 1 argument", "override", "prod")
	w.fails(usage, "expected FLAG=VARIATION", "override", "prod", "banner")
	w.fails(usage, "-until: invalid time", "override", "prod", "banner=false", "-until", "2001-01-01T00:00:00Z")
	w.fails(usage, "-n: invalid number", "log", "-n", "-1", "prod")
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENVIRONMENTS_PROD_ENGINE=nope")
	w.fails(usage, `environments.prod: unknown engine "nope": the configuration has main`, "log", "prod")
	w.app.environ = slices.DeleteFunc(w.app.environ, func(pair string) bool { return strings.HasPrefix(pair, "FFC_RELAY_ENGINES_") })
	w.fails(usage, `environments.prod: missing engine "nope": set FFC_RELAY_ENGINES_NOPE_URL to dir:PATH, `, "log", "prod")
	w.app.environ = nil
	w.fails(usage, "missing engine", "log", "prod")
}
