package httpclient

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

const plainJSON = `{"featureFlags":[]}`

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zlibbed(data []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := zlib.NewWriterLevel(&b, level)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func response(body io.Reader, encoding string) *http.Response {
	resp := &http.Response{Header: http.Header{}, Body: io.NopCloser(body)}
	if encoding != "" {
		resp.Header.Set("Content-Encoding", encoding)
	}
	return resp
}

func TestDecompress(t *testing.T) {
	t.Parallel()
	plain := []byte(plainJSON)
	tests := []struct {
		name, encoding string
		body           []byte
	}{
		{"plain", "", plain},
		{"plain under the name of gzip", "gzip", plain},
		{"plain under the name of deflate", "deflate", plain},
		{"plain under an unknown name", "br", plain},
		{"gzip", "gzip", gzipped(plain)},
		{"gzip without the header", "", gzipped(plain)},
		{"gzip as x-gzip", "x-gzip", gzipped(plain)},
		{"gzip from an object store", "gzip,aws-chunked", gzipped(plain)},
		{"gzip under the name of deflate", "deflate", gzipped(plain)},
		{"zlib", "deflate", zlibbed(plain, zlib.DefaultCompression)},
		{"zlib, fast", "deflate", zlibbed(plain, zlib.BestSpeed)},
		{"zlib, small", "", zlibbed(plain, zlib.BestCompression)},
		{"deflate without the header of zlib", "deflate", deflated(plain)},
		{"compressed twice", "gzip, gzip", gzipped(gzipped(plain))},
		{"compressed by two methods", "", gzipped(zlibbed(plain, zlib.DefaultCompression))},
		{"gzip of two members", "", append(gzipped(plain[:5]), gzipped(plain[5:])...)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := Decompress(response(bytes.NewReader(test.body), test.encoding), 1000)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if string(got) != plainJSON || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestDecompressKeepsEmptyAndShortBodies(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "7", "\x1f", "x"} {
		r, err := Decompress(response(strings.NewReader(body), ""), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != body || err != nil {
			t.Errorf("%q: got %q, %v", body, got, err)
		}
	}
}

func TestDecompressNamesOtherEncodings(t *testing.T) {
	t.Parallel()
	for encoding, want := range map[string]string{"br": "Content-Encoding br", "gzip, zstd": "Content-Encoding zstd", "SECRET": "unknown name"} {
		_, err := Decompress(response(strings.NewReader("\x28\xb5\x2f\xfd"), encoding), 1000)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v, expected %q in it", encoding, err, want)
		}
	}
}

func TestDecompressReportsBrokenBodies(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	whole := gzipped([]byte(plainJSON))
	for name, body := range map[string]io.Reader{
		"truncated header": bytes.NewReader(whole[:5]),
		"truncated":        bytes.NewReader(whole[:len(whole)-3]),
		"not gzip":         strings.NewReader("\x1f\x8bnonsense"),
		"cut":              io.MultiReader(bytes.NewReader(whole[:15]), iotest.ErrReader(cut)),
		"cut at once":      iotest.ErrReader(cut),
	} {
		r, err := Decompress(response(body, ""), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err == nil || strings.HasPrefix(name, "cut") != errors.Is(err, cut) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Compressed data may give no bytes at all: the limit holds for it as well.
func TestDecompressBoundsCompressedBytes(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	empty := gzipped(nil)
	in := &endless{chunk: empty}
	r, err := Decompress(response(in, ""), limit)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, r)
	if in.read > limit+8192 {
		t.Errorf("%d bytes were read, limit %d", in.read, limit)
	}
}

// endless is a chunk again and again.
type endless struct {
	chunk []byte
	read  int
}

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.chunk[e.read%len(e.chunk):])
	e.read += n
	return n, nil
}
