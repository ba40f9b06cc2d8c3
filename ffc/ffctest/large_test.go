//go:build !race

package ffctest_test

// The race detector makes copying tens of megabytes take a minute, and finds
// nothing here that it does not find in small messages.

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("v", 12<<20) // is written three times
	srv := newServer(t, ffctest.Flag("large").Variations(large))
	c := dial(t, srv)
	c.Sync(0)
	full := c.Read()
	srv.Put(ffctest.Flag("large").Variations(large))
	for _, frame := range [][]byte{full, c.Read()} {
		if len(frame) < 36<<20 || !bytes.HasSuffix(frame, []byte(`],"segments":[],"userTags":[]}}`)) {
			t.Errorf("got %d bytes, want all of them", len(frame))
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	if a := post(t, srv, "["+strings.Repeat(" ", 29_999_998)+"]"); a.Status != 200 {
		t.Errorf("got %d, want 200", a.Status)
	}
	if a := post(t, srv, "["+strings.Repeat(" ", 30_000_000)+"]"); a.Status != 413 {
		t.Errorf("got %d, want 413", a.Status)
	}
}

// Clients reject a message with more than 20,000 items and one for each 128 bytes
// of it, so a server rejects such data.
func TestTooManyItems(t *testing.T) {
	t.Parallel()
	data := func(n int) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, `,{"id":"FF__11__22__33__%06d"}`, i)
		}
		return fmt.Appendf(nil, `{"featureFlags":[%s]}`, b.Bytes()[1:])
	}
	for n, ok := range map[int]bool{26_000: true, 27_000: false} {
		srv, err := ffctest.NewHandler(ffctest.HandlerConfig{Data: data(n)})
		switch {
		case ok && err != nil, !ok && (err == nil || !strings.Contains(err.Error(), "clients accept at most 26")):
			t.Errorf("%d flags: %v", n, err)
		case err == nil:
			srv.Close()
		}
	}
}
