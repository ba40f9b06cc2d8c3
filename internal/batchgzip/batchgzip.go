// Package batchgzip compresses the bodies of batches of events for queues: quickly,
// because clients do it while they deliver.
package batchgzip

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"
)

// MaxBody is how many bytes a body may have that Unpack returns.
const MaxBody = 16 << 20

// compressors are writers of gzip, which are large.
var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

// Pack returns the gzip bytes of a body. It may be called concurrently.
func Pack(body []byte) []byte {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	defer z.Reset(nil) // the pool keeps no data
	var packed bytes.Buffer
	z.Reset(&packed)
	_, _ = z.Write(body) // a bytes.Buffer does not fail
	_ = z.Close()
	return packed.Bytes()
}

var errTooLarge = errors.New("the body is larger than a batch may be")

// Unpack returns the body of gzip bytes. It fails if they are not whole, or if the body
// has more than MaxBody bytes. It may be called concurrently.
func Unpack(packed io.Reader) ([]byte, error) {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(z, MaxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > MaxBody:
		return nil, errTooLarge
	}
	return body, nil
}
