package httpclient

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// AsOf returns when the platform confirmed the data of a response, which a relay
// says in the header Ffc-As-Of. Zero is a response of the platform itself.
func AsOf(h http.Header) time.Time {
	at, _ := time.Parse(time.RFC3339, h.Get("Ffc-As-Of"))
	return at
}

// maxPiece is the maximum number of bytes that ReadAll allocates at once.
const maxPiece = 1 << 20

// ReadAll reads r to its end and returns a slice of exactly the size. It reads
// the first bytes into buffer, which must not be empty and belongs to the caller
// again when ReadAll returns. It reads a long text in pieces: a buffer that grows
// by copying takes up to four times the size of the text.
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

// fill reads until the buffer is full. It returns the error of r.
func fill(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}
