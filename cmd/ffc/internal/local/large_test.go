package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// largeFile returns a flag file with n flags.
func largeFile(n int) string {
	var b strings.Builder
	b.WriteString(`{"flags": {`)
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `
    "flag-%d": {
      "name": "Flag %d",
      "variations": ["on", "off"],
      "targets": {"on": ["user-%d"]},
      "rules": [
        {"if": [{"attribute": "country", "isOneOf": ["FR", "BE"]}], "rollout": {"on": 50, "off": 50}},
        {"if": [{"inSegment": "beta"}], "serve": "off"}
      ],
      "serve": "on"
    }`, i, i, i)
	}
	b.WriteString("\n  },\n  \"segments\": {\"beta\": {\"included\": [\"bob\"]}}\n}\n")
	return b.String()
}

// A change costs by what has changed, not by what the file has: of a thousand
// flags one is built, put and shown again, and the others are not even copied.
func TestChangeOfOneFlagOfMany(t *testing.T) {
	t.Parallel()
	flags := 200
	if testkit.All() {
		flags = 1000
	}
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(largeFile(flags)), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	versions := func() map[string]int64 {
		out := make(map[string]int64)
		for i := range p.file.doc.Len() {
			key := p.file.doc.Key(i)
			_, out[key] = p.server.FlagJSON(key)
		}
		return out
	}
	before := versions()
	if _, err := p.edit("flag-7", flagfile.Change{On: new(false)}); err != nil {
		t.Fatal(err)
	}
	after := versions()
	for i := range p.file.doc.Len() {
		key := p.file.doc.Key(i)
		if other := key != "flag-7"; p.file.doc.Same(i) != other || (after[key] == before[key]) != other {
			t.Errorf("flag %s has version %d, had %d", key, after[key], before[key])
		}
	}
	// An editor removes one, changes one and adds one.
	saved, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(strings.Replace(string(saved), `"flag-8"`, `"other"`, 1), `"Flag 9"`, `"The ninth"`, 1)
	if err := p.load([]byte(text)); err != nil {
		t.Fatal(err)
	}
	now := versions()
	for key, version := range now {
		if changed := key == "other" || key == "flag-9"; (version != after[key]) != changed {
			t.Errorf("flag %s has version %d, had %d", key, version, after[key])
		}
	}
	if name := p.newRenderer().flag("flag-9").Name; now["flag-8"] != 0 || name != "The ninth" || len(now) != flags {
		t.Errorf("got %d flags, and the name %q", len(now), name)
	}
	// What the server holds is what the file says.
	again, err := New(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.load([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if got, want := normal(t, p.server.Snapshot()), normal(t, again.server.Snapshot()); got != want {
		t.Error("the server holds something else than after a restart")
	}
}

// The state of a large file comes in parts, which are one line of JSON.
func TestStateOfManyFlags(t *testing.T) {
	t.Parallel()
	const flags = 2000
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(largeFile(flags)), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	parts := 0
	for part := range p.state() {
		if len(part) > 2*statePart {
			t.Errorf("a part has %d bytes", len(part))
		}
		text = append(text, part...)
		parts++
	}
	var state stateView
	if err := json.Unmarshal(text, &state); err != nil || bytes.ContainsRune(text, '\n') {
		t.Fatalf("%v in a state of %d bytes", err, len(text))
	}
	if n := len(state.Flags); n != flags || state.Flags[n-1].Key != fmt.Sprintf("flag-%d", n-1) || len(state.Segments) != 1 || state.File != path || parts < 3 {
		t.Errorf("%d flags in %d parts, %d segments, file %s", n, parts, len(state.Segments), state.File)
	}
	for range p.state() {
		break // a page that is gone
	}
}

// All flags of a large file are explained part by part, each with the flags that it
// depends on, wherever in the file these are.
func TestExplainAllOfManyFlags(t *testing.T) {
	t.Parallel()
	const flags = 2*explained + 7
	text := strings.Replace(largeFile(flags), `"name": "Flag 0",`, fmt.Sprintf(`"prerequisites": {"flag-%d": "on"},`, flags-1), 1)
	text = strings.Replace(text, fmt.Sprintf(`"name": "Flag %d",`, flags-1), fmt.Sprintf(`"on": false, "prerequisites": {"flag-%d": "on"},`, explained+1), 1)
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if keys := p.shown.Load().view.withPrerequisites([]string{"flag-0", "flag-3"}); !slices.Equal(keys, []string{"flag-0", "flag-3", fmt.Sprintf("flag-%d", flags-1), fmt.Sprintf("flag-%d", explained+1)}) {
		t.Errorf("got %q", keys)
	}
	for _, user := range []ffc.User{ffc.NewUser("u"), ffc.NewUser("bob")} {
		out := []byte("[")
		parts := 0
		if err := p.explainAll(user, func(part []byte) error {
			parts++
			out = append(out, part...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var all []struct {
			FlagKey, Value, Reason string
			Err                    string
		}
		if err := json.Unmarshal(append(out, ']'), &all); err != nil || len(all) != flags || parts != 3 {
			t.Fatalf("%d explanations in %d parts: %v", len(all), parts, err)
		}
		whole, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: p.server.Snapshot()})
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range all {
			key := fmt.Sprintf("flag-%d", i)
			want := whole.VariationDetail(t.Context(), key, user, "-")
			if got.FlagKey != key || got.Value != want.Value || got.Reason != string(want.Reason) || got.Err != "" {
				t.Errorf("%s: got %+v, want %q, %s", key, got, want.Value, want.Reason)
			}
		}
		whole.Close(t.Context())
	}
}
