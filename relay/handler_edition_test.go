package relay

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestMessagesAreEncodedOnce: clients share encoded messages, also those of an edition
// with the same data. A message that is not used for 30 s is dropped.
func TestMessagesAreEncodedOnce(t *testing.T) {
	t.Parallel()
	for _, wire := range wires() {
		t.Run(wire.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &edition{wire: wire}
				e.lists[0] = []*served{{key: "flag", raw: []byte(`{"key":"flag"}`)}}
				forms := map[string]func() []byte{
					"websocket": func() []byte { return e.message() },
					"polling":   func() []byte { return e.polled(false) },
					"gzip":      func() []byte { return e.polled(true) },
				}
				for name, form := range forms {
					first := form()
					same := func() bool { return &form()[0] == &first[0] }
					if !same() {
						t.Errorf("%s: encoded twice", name)
					}
					e = e.with(e.lists, e.proven, e.past)
					time.Sleep(dropAfter - time.Second)
					if e.dropUnused(); !same() {
						t.Errorf("%s: dropped while in use", name)
					}
					time.Sleep(dropAfter - time.Second)
					if e.dropUnused(); !same() {
						t.Errorf("%s: dropped although it was used again", name)
					}
					time.Sleep(dropAfter)
					if e.dropUnused(); same() != (name == "gzip") {
						t.Errorf("%s: dropped %v after it was not used", name, !same())
					}
				}
				z, err := gzip.NewReader(bytes.NewReader(e.polled(true)))
				if err != nil {
					t.Fatal(err)
				}
				if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, e.polled(false)) {
					t.Errorf("gzip has %q, %v, want %q", plain, err, e.polled(false))
				}
			})
		})
	}
}
