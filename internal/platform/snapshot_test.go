package platform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// load applies messages to an empty snapshot.
func load(t *testing.T, messages ...[]byte) *eval.Snapshot {
	t.Helper()
	d := classic.Protocol().CodecOf("FF__11__22__33")
	snapshot := eval.NewSnapshot(d.Source(func(eval.Problem) {}))
	for _, message := range messages {
		u, skipped, err := d.Update(message)
		if err != nil || len(skipped) > 0 {
			t.Fatal(err, skipped)
		}
		snapshot, _ = snapshot.Apply(u, snapshot.Updates())
	}
	return snapshot
}

func describe(s *eval.Snapshot) (texts []string) {
	flags, segments, tags := s.Items()
	for kind, items := range [][]store.Item{flags, segments, tags} {
		for _, item := range items {
			texts = append(texts, fmt.Sprintf("%d %q %d %v %s", kind, item.Key, item.Version, item.Archived, item.Raw))
		}
	}
	return texts
}

// TestSnapshotRoundTrip: what is written reads as the same data.
func TestSnapshotRoundTrip(t *testing.T) {
	t.Parallel()
	patch := []byte(`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[
		{"id":"FF__11__22__33__checkout","isArchived":true,"timestamp":1662595200900},
		{"id":"FF__11__22__33__\u5f00","timestamp":1662595200901,"ff":{},"odd" : [ 1 , "\u0000" ]}]}}`)
	tests := []struct {
		name     string
		messages [][]byte
		count    int
	}{
		{name: "empty"},
		{name: "full", messages: [][]byte{readFile(t, "classic/testdata/bootstrap.json")}, count: 8},
		{name: "patched", messages: [][]byte{readFile(t, "classic/testdata/bootstrap.json"), patch}, count: 9},
		{name: "patch alone", messages: [][]byte{patch}, count: 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := load(t, test.messages...)
			written := classic.Protocol().AppendSnapshot(nil, before)
			if !json.Valid(written) {
				t.Fatalf("not JSON: %s", written)
			}
			after := load(t, written)
			if got, want := describe(after), describe(before); !slices.Equal(got, want) || len(got) != test.count {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if after.Version() != before.Version() || !after.Synced() {
				t.Errorf("version %d, synced %v; want version %d", after.Version(), after.Synced(), before.Version())
			}
			if again := classic.Protocol().AppendSnapshot(nil, after); !bytes.Equal(again, written) {
				t.Errorf("written again:\n%s\nat first:\n%s", again, written)
			}
		})
	}
}

// TestSnapshotLeavesOutWhatIsNotJSON: storing an element reads too little of
// it to know that it is malformed.
func TestSnapshotLeavesOutWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	const flag = `{"id":"FF__11__22__33__%s","ff":{},"x":%s}`
	for _, malformed := range []string{`tru`, `[1,]`, `{"a"}`, `NaN`, `01`, `"` + "\n" + `"`, `"\q"`, `{]`} {
		message := `{"featureFlags":[` + fmt.Sprintf(flag, "a", "1") + "," + fmt.Sprintf(flag, "b", malformed) + "," + fmt.Sprintf(flag, "c", "null") + `],"segments":[{"id":"s","x":` + malformed + `}]}`
		written := classic.Protocol().AppendSnapshot([]byte("before"), load(t, []byte(message)))
		written, ok := bytes.CutPrefix(written, []byte("before"))
		if !ok || !json.Valid(written) {
			t.Errorf("%q: got %s", malformed, written)
			continue
		}
		after := load(t, written)
		if _, segments, _ := after.Items(); len(segments) > 0 || !slices.Equal(after.Keys(), []string{"a", "c"}) {
			t.Errorf("%q: got %s", malformed, written)
		}
	}
}

// TestSnapshotLeavesOutWhatIsBroken: it could not be loaded as a bootstrap.
func TestSnapshotLeavesOutWhatIsBroken(t *testing.T) {
	t.Parallel()
	d := classic.Protocol().CodecOf("FF__11__22__33")
	u, _, err := d.Update([]byte(`{"featureFlags":[{"id":"FF__11__22__33__a","timestamp":1,"ff":{}},{"id":"FF__11__22__33__b"}],"segments":[{"id":"s","timestamp":"1"},{"id":"r"}]}`))
	if err != nil || len(u.Flags) != 2 || len(u.Segments) != 2 {
		t.Fatal(u, err)
	}
	s := eval.NewSnapshot(&eval.Source{}).Bootstrap(u)
	if _, skipped, err := d.Update(classic.Protocol().AppendSnapshot(nil, s)); err != nil || len(skipped) > 0 {
		t.Error(skipped, err)
	}
	if got := describe(load(t, classic.Protocol().AppendSnapshot(nil, s))); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// TestFeatBitSnapshot: what is written reads as the same data, archived items
// included, and has nothing that FeatBit does not know.
func TestFeatBitSnapshot(t *testing.T) {
	t.Parallel()
	d := featbit.Protocol().CodecOf("")
	s := eval.NewSnapshot(d.Source(func(eval.Problem) {}))
	for _, message := range [][]byte{
		readFile(t, "../../testdata/featbit/sdk-fbclient-test-data.json"),
		[]byte(`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[{"key":"gone","isArchived":true,"updatedAt":"2026-01-01T00:00:00Z"}],"segments":[]}}`),
	} {
		u, skipped, err := d.Update(message)
		if err != nil || len(skipped) > 0 {
			t.Fatal(skipped, err)
		}
		s, _ = s.Apply(u, s.Updates())
	}
	written := d.AppendSnapshot(nil, s)
	u, skipped, err := d.Update(written)
	if err != nil || len(skipped) > 0 || !json.Valid(written) || strings.Contains(string(written), "userTags") {
		t.Fatalf("%v, %v in %s", skipped, err, written)
	}
	again, _ := eval.NewSnapshot(d.Source(func(eval.Problem) {})).Apply(u, 0)
	if got, want := describe(again), describe(s); !slices.Equal(got, want) || len(got) != 9 || again.Version() != 1767225600000 {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
