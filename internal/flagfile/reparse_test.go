package flagfile

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// reparsed are files of each form with a few flags.
func reparsed(t *testing.T) map[string]string {
	t.Helper()
	const simple = "\ufeff{\n \"flags\": {\n  \"a\": {\"on\": true},\n  \"b\": {\"variations\": [\"x\", \"y\"], \"serve\": \"x\"},\n  \"c\": {}\n },\n \"segments\": {\"s\": {\"included\": [\"é\"]}}\n}\n"
	files := map[string]string{"simple": simple}
	for _, platform := range []string{classic.Name, featbit.Name} {
		doc, _, err := Parse([]byte(simple), platform)
		if err != nil {
			t.Fatal(err)
		}
		files[platform] = string(doc.Data())
	}
	return files
}

// Whatever changes in a file, the tree is that of the new text.
func TestReparseIsParse(t *testing.T) {
	t.Parallel()
	for name, before := range reparsed(t) {
		random := rand.New(rand.NewPCG(1, 2))
		again := 0
		for range 20_000 {
			from := random.IntN(len(before))
			to := min(len(before), from+random.IntN(9))
			text := []string{"", "x", "7", "true", "{", "}", "\"", ",", "{}", "\"k\":1,", "[1]", " ", "é", before[from:to] + before[from:to]}[random.IntN(14)]
			after := before[:from] + text + before[to:]
			root, err := parseLazily([]byte(before))
			if err != nil {
				t.Fatal(err)
			}
			got := reparse(root, []byte(before), []byte(after))
			if got == nil {
				continue
			}
			again++
			want, err := parseLazily([]byte(after))
			if err != nil || !json.Valid([]byte(strings.TrimPrefix(after, "\ufeff"))) {
				t.Fatalf("%s: %q is invalid: %v", name, after, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %q has another tree", name, after)
			}
		}
		if again < 500 {
			t.Errorf("%s: only %d texts were read again", name, again)
		}
	}
}

// A toggle reads one flag, and is found under its key in the next text.
func TestReparseReadsOneFlag(t *testing.T) {
	t.Parallel()
	for name, text := range reparsed(t) {
		doc, platform, err := Parse([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			next, err := doc.Edit("b", Change{On: new(i%2 == 1)}, 1_700_000_000_000+int64(i)*10_000_000_000_000)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && name == "simple" { // "on" is new, the rest is not
				if !strings.Contains(string(next), `"on": false`) {
					t.Fatalf("got %s", next)
				}
			}
			if reparse(doc.tree(), doc.source(), next) == nil {
				t.Fatalf("%s: all of %s would be read", name, next)
			}
			if doc, _, err = ParseChanged(doc, next, platform); err != nil {
				t.Fatal(err)
			}
			fresh, _, err := Parse(next, platform)
			if err != nil || !slices.Equal(doc.FlagKeys(), fresh.FlagKeys()) || !slices.Equal(doc.SegmentIDs(), fresh.SegmentIDs()) {
				t.Fatalf("%s: %v, got %q, want %q", name, err, doc.FlagKeys(), fresh.FlagKeys())
			}
			if s, ok := doc.(*snapshot); ok {
				for key, n := range s.flags {
					of := fresh.(*snapshot).flags[key]
					if n.start != of.start || n.end != of.end || !json.Valid(next[n.start:n.end]) {
						t.Fatalf("%s: flag %s is at %d to %d, want %d to %d", name, key, n.start, n.end, of.start, of.end)
					}
				}
			}
		}
	}
}

// Bytes that are equal are counted over blocks and single ones.
func TestCommonPrefixAndSuffix(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, block - 1, block, block + 1, 3*block + 7} {
		same := strings.Repeat("a", n)
		for _, rest := range [][2]string{{"", ""}, {"b", "c"}, {"", "c"}, {"bbb", "cc"}} {
			if got := commonPrefix([]byte(same+rest[0]), []byte(same+rest[1])); got != n {
				t.Errorf("prefix of %d: got %d", n, got)
			}
			if got := commonSuffix([]byte(rest[0]+same), []byte(rest[1]+same)); got != n {
				t.Errorf("suffix of %d: got %d", n, got)
			}
		}
	}
}
