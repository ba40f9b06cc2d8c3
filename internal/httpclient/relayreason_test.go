package httpclient

import (
	"io"
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
