package local

import (
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// What is legal and can hardly be meant is a warning, on the page and in the
// terminal, once.
func TestWarnings(t *testing.T) {
	t.Parallel()
	const text = `{"flags": {
		"pattern": {"rules": [{"if": [{"attribute": "email", "matchRegex": "(unclosed"}], "serve": "true"}]},
		"twice": {"variations": ["red", "blue"], "targets": {"red": ["ann", "bob"], "blue": ["ann"]}},
		"reserved": {"rules": [{"if": [{"attribute": "EMAIL", "equal": "x"}], "serve": "true"}]},
		"blanks": {"rules": [{"if": [{"attribute": " plan", "equal": "x"}], "serve": "true"}]},
		"none": {"rules": [{"if": [{"attribute": "plan", "isOneOf": []}], "serve": "true"}]},
		"a": {"prerequisites": {"b": "true"}}, "b": {"prerequisites": {"c": "true"}}, "c": {"prerequisites": {"a": "true"}},
		"after": {"prerequisites": {"a": "true"}},
		"good": {"rules": [{"if": [{"attribute": "email", "matchRegex": "^a"}], "serve": "true"}], "targets": {"true": ["ann"]}}
	}, "segments": {"s": {"rules": [{"if": [{"attribute": "Key ", "equal": "x"}]}]}}}`
	w := start(t, text, Config{})
	circle := "its prerequisites form a circle of a, b, c"
	for key, want := range map[string]string{
		"pattern": "regular expression", "twice": `user "ann" is in the targets of "red" and of "blue"`, "reserved": `no user can have the attribute "EMAIL"`,
		"blanks": `the attribute " plan" has blanks around it`, "none": "matches no user",
		"a": circle, "b": circle, "c": circle,
	} {
		if got := w.flag(key).Warnings; len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: got warnings %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"good", "after"} {
		if got := w.flag(key).Warnings; len(got) != 0 {
			t.Errorf("%s: got warnings %q", key, got)
		}
	}
	if got := w.state().Segments[0].Warnings; len(got) != 1 {
		t.Errorf("the segment has warnings %q", got)
	}
	logged := func() []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Clone(w.log)
	}
	if lines := logged(); len(lines) != 9 || !strings.HasPrefix(lines[0], "warning: "+w.path+`: flag "a": its prerequisites`) {
		t.Errorf("the terminal has %q", lines)
	}
	w.change("good", `{"on":false}`)
	w.change("a", `{"on":false}`)
	if lines := logged(); len(lines) != 9 {
		t.Errorf("warnings were repeated: %q", lines)
	}
}

// FeatBit takes attribute names as they are.
func TestFeatBitHasNoReservedNames(t *testing.T) {
	t.Parallel()
	w := start(t, `{"flags": {"f": {"rules": [{"if": [{"attribute": "EMAIL", "equal": "x"}], "serve": "true"}]}}}`, Config{Platform: ffctest.FeatBit.String()})
	if got := w.flag("f").Warnings; len(got) != 0 {
		t.Errorf("got warnings %q", got)
	}
}

func TestManyWarningsAreCounted(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(largeFile(30), `"attribute": "country"`, `"attribute": "COUNTRY"`)
	w := start(t, text, Config{})
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := w.log[len(w.log)-1]; len(w.log) != maxWarned+1 || !strings.Contains(last, "10 more; the page shows them") {
		t.Errorf("got %d lines, the last %q", len(w.log), last)
	}
}
