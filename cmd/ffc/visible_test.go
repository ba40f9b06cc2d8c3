package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

// Invisible characters and those that turn the order of others around are shown
// as escapes.
func TestInvisibleCharactersAreEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"checkout":            "checkout",
		"check\u200bout":      `check\u200bout`,
		"a\u202eb\u2066c":     `a\u202eb\u2066c`,
		"a\u00a0b\u3000c\x1b": `a\u00a0b\u3000c\u001b`,
		"two\nlines\tand é":   "two\nlines\tand é",
		"tag\U000e0041":       `tag\udb40\udc41`,
	} {
		if got := cli.Visible(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(`{"flags": {"a\u202eb": {"variations": ["x\u200by"]}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"a\u202eb"}, {"-all"}, {"-json", "a\u202eb"}, {"-json", "-all"}} {
		out := bare(t, append([]string{"eval", "-file", path, "-user", "u"}, args...)...)
		if out.code != 0 || strings.ContainsAny(out.stdout, "\u202e\u200b") || !strings.Contains(out.stdout, `\u202e`) || !strings.Contains(out.stdout, `x\u200by`) {
			t.Errorf("%q: %+v", args, out)
		}
	}
}
