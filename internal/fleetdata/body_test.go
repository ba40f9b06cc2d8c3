package fleetdata

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestPackAndUnpack(t *testing.T) {
	t.Parallel()
	data := []byte(strings.Repeat(`{"key":"flag"},`, 10_000))
	body := Pack(data)
	if again := Pack(data); again.Sum != body.Sum {
		t.Error("the same data packs into another body")
	}
	for _, most := range []int{0, 1 << 20, 100, 7} {
		chunks := body.Chunks(most)
		h := example()
		body.Describe(h, len(chunks))
		got, err := Unpack(h, chunks, int64(len(data)))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("chunks of %d: %d bytes, error %v", most, len(got), err)
		}
		if most > 0 && slices.ContainsFunc(chunks, func(c []byte) bool { return len(c) > most }) {
			t.Errorf("a chunk is larger than %d", most)
		}
	}
}

func TestUnpackRejects(t *testing.T) {
	t.Parallel()
	data := []byte(strings.Repeat("data", 1000))
	body := Pack(data)
	tests := map[string]func(h *Head, chunks [][]byte) [][]byte{
		"a chunk less":         func(_ *Head, c [][]byte) [][]byte { return c[:len(c)-1] },
		"a changed byte":       func(_ *Head, c [][]byte) [][]byte { c[0] = bytes.Clone(c[0]); c[0][5] ^= 1; return c },
		"chunks in disorder":   func(_ *Head, c [][]byte) [][]byte { slices.Reverse(c); return c },
		"another size":         func(h *Head, c [][]byte) [][]byte { h.Size++; return c },
		"a smaller size":       func(h *Head, c [][]byte) [][]byte { h.Size--; return c },
		"another size of gzip": func(h *Head, c [][]byte) [][]byte { h.GZip--; return c },
		"an impossible size":   func(h *Head, c [][]byte) [][]byte { h.Size = 1 << 30; return c },
		"not gzip": func(h *Head, _ [][]byte) [][]byte {
			h.Body, h.GZip = Sum(data), int64(len(data))
			return [][]byte{data}
		},
		"data after the end": func(h *Head, c [][]byte) [][]byte {
			var more bytes.Buffer
			z := gzip.NewWriter(&more)
			_, _ = z.Write([]byte("more"))
			_ = z.Close()
			all := slices.Concat(slices.Concat(c...), more.Bytes())
			h.Body, h.GZip = Sum(all), int64(len(all))
			return [][]byte{all}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, chunks := example(), body.Chunks(10)
			body.Describe(h, len(chunks))
			if got, err := Unpack(h, change(h, chunks), 2<<30); err == nil {
				t.Errorf("%d bytes without an error", len(got))
			}
		})
	}
}

func TestUnpackRejectsLargeData(t *testing.T) {
	t.Parallel()
	body, h := Pack(make([]byte, 1<<20)), example()
	body.Describe(h, 1)
	_, err := Unpack(h, body.Chunks(0), 1<<20-1)
	if tooLarge := (*TooLargeError)(nil); !errors.As(err, &tooLarge) {
		t.Errorf("error %v, want a *TooLargeError", err)
	}
	// What the head says is not believed: the memory is bounded by the gzip bytes.
	h.Size = 100
	if _, err := Unpack(h, body.Chunks(0), 1<<20); err == nil {
		t.Error("a body that is longer than its head says was accepted")
	}
}

func TestCheckComparesData(t *testing.T) {
	t.Parallel()
	data, h := []byte("data"), example()
	Pack(data).Describe(h, 1)
	if err := h.Check(data); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"", "Data", "datum", "data "} {
		if h.Check([]byte(other)) == nil {
			t.Errorf("%q passes for %q", other, data)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	body := Pack([]byte(strings.Repeat("flag", 100)))
	f.Add(body.GZip, int64(400))
	f.Fuzz(func(t *testing.T, packed []byte, size int64) {
		if len(packed) == 0 || size < 1 {
			return
		}
		h := &Head{Body: Sum(packed), GZip: int64(len(packed)), Size: size, Chunks: 1}
		data, err := Unpack(h, [][]byte{packed}, 1<<20)
		if err != nil {
			return
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatalf("%d bytes of what is not gzip: %v", len(data), err)
		}
		if want, err := io.ReadAll(z); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%d bytes, want %d, error %v", len(data), len(want), err)
		}
	})
}
