package httpclient

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestRelayReasonShowsTextsOfARelayOnly(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for text, want := range map[string]string{
		RelayHasNoQueue + "\n":            ": " + RelayHasNoQueue,
		RelayIsBehind:                     ": " + RelayIsBehind,
		"":                                "",
		RelayHasNoQueue + " s3cret ann\n": "",
		"the user ann is unknown":         "",
		long:                              "",
	} {
		body := strings.NewReader(text)
		if got := RelayReason(body, 250); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if rest, _ := io.ReadAll(body); len(rest) != max(0, len(text)-250) {
			t.Errorf("%q: %d bytes are left, want what is beyond 250", text, len(rest))
		}
	}
}

// TestRelayReasonKnowsEachReason: a reason that RelayReason does not list, or that is
// too long for what it reads, would be dropped.
func TestRelayReasonKnowsEachReason(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("relayreason.go")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`\n\tRelay\w+ += "(.+)"`).FindAllSubmatch(source, -1)
	if len(reasons) < 9 {
		t.Fatalf("found %d reasons", len(reasons))
	}
	for _, reason := range reasons {
		text := string(reason[1])
		if got := RelayReason(strings.NewReader(text+"\n"), 1000); got != ": "+text {
			t.Errorf("%q: got %q", text, got)
		}
	}
}
