//go:build !race

package ffctest_test

// The race detector makes copying tens of megabytes take a minute, and finds
// nothing here that it does not find in small messages.

import (
	"bytes"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("v", 12<<20) // is written three times
	srv := newServer(t, ffctest.Flag("large").Variations(large))
	c := dial(t, srv)
	c.sync(0)
	full := c.read()
	srv.Put(ffctest.Flag("large").Variations(large))
	for _, frame := range [][]byte{full, c.read()} {
		if len(frame) < 36<<20 || !bytes.HasSuffix(frame, []byte(`],"segments":[],"userTags":[]}}`)) {
			t.Errorf("got %d bytes, want all of them", len(frame))
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	if a := post(t, srv, "["+strings.Repeat(" ", 29_999_998)+"]"); a.status != 200 {
		t.Errorf("got %d, want 200", a.status)
	}
	if a := post(t, srv, "["+strings.Repeat(" ", 30_000_000)+"]"); a.status != 413 {
		t.Errorf("got %d, want 413", a.status)
	}
}
