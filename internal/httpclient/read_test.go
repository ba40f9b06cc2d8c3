package httpclient

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadAll(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 15, 16, 17, 31, 32, 33, 100, 5000, maxPiece + 1, 3*maxPiece + 7} {
		text := strings.Repeat("0123456789", size/10+1)[:size]
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "end with data": iotest.DataErrReader,
		} {
			buffer := make([]byte, 16)
			got, err := ReadAll(wrap(strings.NewReader(text)), buffer)
			clear(buffer)
			if err != nil || string(got) != text || cap(got) > size+size/4+64 {
				t.Errorf("%s: %d bytes of %d, %d room, %v", name, len(got), size, cap(got), err)
			}
			broken := io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF))
			if got, err := ReadAll(wrap(broken), buffer); !errors.Is(err, io.ErrUnexpectedEOF) || got != nil {
				t.Errorf("%s: a text that breaks off after %d bytes: %d bytes, %v", name, size, len(got), err)
			}
		}
	}
}

// TestReadAllTakesTwiceTheText is not parallel: others' allocations would count.
func TestReadAllTakesTwiceTheText(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 1<<20)
	buffer := make([]byte, 512)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := ReadAll(bytes.NewReader(text), buffer)
	runtime.ReadMemStats(&after)
	if err != nil || !bytes.Equal(got, text) {
		t.Fatal(len(got), err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(2*len(text)+4*maxPiece) {
		t.Errorf("%d bytes are allocated to read %d", allocated, len(text))
	}
}
