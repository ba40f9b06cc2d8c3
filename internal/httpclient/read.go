package httpclient

import (
	"bytes"
	"io"
)

// maxPiece is how many bytes ReadAll makes room for at once at most.
const maxPiece = 1 << 20

// ReadAll reads r to its end and returns a slice of just the size. buffer is room
// for a short text, which a longer one goes on from; it must not be empty, and is
// the caller's again when ReadAll returns. A long text is read in pieces: room
// that grows by being copied takes up to four times the text.
func ReadAll(r io.Reader, buffer []byte) ([]byte, error) {
	n, err := fill(r, buffer)
	if err == io.EOF {
		return bytes.Clone(buffer[:n]), nil
	}
	pieces := [][]byte{buffer[:n]}
	for total := n; err == nil; total += n {
		piece := make([]byte, min(total, maxPiece))
		n, err = fill(r, piece)
		pieces = append(pieces, piece[:n])
	}
	if err != io.EOF {
		return nil, err
	}
	return bytes.Join(pieces, nil), nil
}

// fill reads until the buffer is full. Its error is that of r.
func fill(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}
