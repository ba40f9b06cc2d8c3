package batchgzip

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestUnpackReturnsWhatWasPacked(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "[]", strings.Repeat(`{"user":{"keyId":"ü"}},`, 10_000), strings.Repeat(" ", MaxBody)} {
		packed := Pack([]byte(body))
		got, err := Unpack(bytes.NewReader(packed))
		if err != nil || string(got) != body {
			t.Errorf("a body of %d bytes: got %d bytes, error %v", len(body), len(got), err)
		}
		if len(body) > 1000 && len(packed) > len(body)/10 {
			t.Errorf("a body of %d bytes has %d compressed", len(body), len(packed))
		}
	}
}

func TestUnpackRejects(t *testing.T) {
	t.Parallel()
	if _, err := Unpack(bytes.NewReader(Pack(make([]byte, MaxBody+1)))); !errors.Is(err, errTooLarge) {
		t.Errorf("a body that is too large: error %v, want %v", err, errTooLarge)
	}
	packed := Pack([]byte("[1,2,3]"))
	for n := range packed {
		if got, err := Unpack(bytes.NewReader(packed[:n])); err == nil || got != nil {
			t.Errorf("%d of %d bytes: got %q, error %v, want an error", n, len(packed), got, err)
		}
	}
}

// FuzzUnpack: what can be unpacked can be packed and unpacked again.
func FuzzUnpack(f *testing.F) {
	f.Add(Pack([]byte("[]")))
	f.Add([]byte("\x1f\x8b"))
	f.Add(append(Pack([]byte("[1")), Pack([]byte("]"))...))
	f.Fuzz(func(t *testing.T, packed []byte) {
		body, err := Unpack(bytes.NewReader(packed))
		if err != nil {
			return
		}
		if again, err := Unpack(bytes.NewReader(Pack(body))); err != nil || !bytes.Equal(again, body) {
			t.Fatalf("got %d bytes again, error %v, want %d", len(again), err, len(body))
		}
	})
}
