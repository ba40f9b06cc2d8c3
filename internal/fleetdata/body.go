package fleetdata

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// maxRatio is how much longer data can be than its gzip bytes, and a bit.
const maxRatio = 1100

// Body is data as it is stored.
type Body struct {
	Sum  string // SHA-256 of GZip
	Data string // SHA-256 of the data
	Size int64  // of the data
	GZip []byte
}

// Pack compresses data. Its result depends on nothing but the data and the
// version of Go.
func Pack(data []byte) *Body {
	var packed bytes.Buffer
	z, ok := deflaters.Get().(*gzip.Writer)
	if !ok {
		z = gzip.NewWriter(nil)
	}
	z.Reset(&packed)
	_, _ = z.Write(data) // a bytes.Buffer does not fail
	_ = z.Close()
	z.Reset(nil) // the pool keeps no data
	deflaters.Put(z)
	return &Body{Sum: Sum(packed.Bytes()), Data: Sum(data), Size: int64(len(data)), GZip: packed.Bytes()}
}

// deflaters and inflaters are used again: each has up to 800 KiB of tables, and a
// process may have many environments.
var deflaters, inflaters sync.Pool

// Sum returns the SHA-256 of data in hexadecimal.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Chunks cuts the gzip bytes into values that each have the maximum size most,
// in bytes; 0 is one value.
func (b *Body) Chunks(most int) [][]byte {
	if most <= 0 {
		most = len(b.GZip)
	}
	return slices.Collect(slices.Chunk(b.GZip, most))
}

// Describe sets the fields of h that describe the body, which is cut into a
// number of chunks.
func (b *Body) Describe(h *Head, chunks int) {
	h.Body, h.Data, h.Size, h.GZip, h.Chunks = b.Sum, b.Data, b.Size, int64(len(b.GZip)), chunks
}

// TooLargeError is the error of a body that is larger than a reader accepts.
type TooLargeError struct{ Size, Max int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the data has %d bytes: expected at most MaxMessage, which is %d", e.Size, e.Max)
}

var (
	errGZip = errors.New("the body is not what the head says: its SHA-256 differs")
	errData = errors.New("the data is not what the head says: its size or SHA-256 differs")
)

// Unpack returns the data of the body that h names. chunks are its gzip bytes. It
// checks their sum and the size of the data, but not h.Data: the gzip bytes determine
// the data. It fails if h.Size exceeds limit, in bytes, and allocates no more than
// that size.
func Unpack(h *Head, chunks [][]byte, limit int64) ([]byte, error) {
	if h.Size > limit {
		return nil, &TooLargeError{h.Size, limit}
	}
	total := int64(0)
	sum := sha256.New()
	for _, chunk := range chunks {
		total += int64(len(chunk))
		_, _ = sum.Write(chunk)
	}
	if total != h.GZip || hex.EncodeToString(sum.Sum(nil)) != h.Body {
		return nil, errGZip
	}
	if h.Size > total*maxRatio {
		return nil, errData
	}
	z, ok := inflaters.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer inflaters.Put(z)
	if z.Reset(readerOf(chunks)) != nil {
		return nil, errData
	}
	data := make([]byte, h.Size)
	if _, err := io.ReadFull(z, data); err != nil {
		return nil, errData
	}
	// The end checks the trailer, and that there is no more.
	if n, err := z.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, errData
	}
	return data, nil
}

// Check returns an error if data is not what h says. A publisher needs it, because it
// compares h.Data with the sum of the platform's data.
func (h *Head) Check(data []byte) error {
	if int64(len(data)) != h.Size || Sum(data) != h.Data {
		return errData
	}
	return nil
}

// readerOf returns a reader of chunks. That of a single chunk needs no buffer.
func readerOf(chunks [][]byte) io.Reader {
	if len(chunks) == 1 {
		return bytes.NewReader(chunks[0])
	}
	readers := make([]io.Reader, len(chunks))
	for i, chunk := range chunks {
		readers[i] = bytes.NewReader(chunk)
	}
	return io.MultiReader(readers...)
}
