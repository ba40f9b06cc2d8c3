package httpclient

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxLayers is how many times a body may be compressed: in its store, and by
// proxies on the way.
const maxLayers = 3

// Decompress returns a reader that decodes gzip and deflate in a response's
// body. The first bytes of the body decide, not Content-Encoding: object stores
// keep compressed files without the header or under names such as x-gzip and
// "gzip,aws-chunked", and proxies drop the header. JSON never begins like
// compressed data. The reader reads at most limit compressed bytes; the caller
// limits how much of the result it reads.
//
// Decompress fails if the body has another encoding. The reader returns the
// errors of a malformed body. The caller must close the response's body.
func Decompress(resp *http.Response, limit int64) (io.Reader, error) {
	in := bufio.NewReader(resp.Body)
	bounded := false
	for range maxLayers {
		head, _ := in.Peek(2) // reading returns the error again
		layer := layerOf(head, resp.Header)
		if layer == nil {
			break
		}
		var source io.Reader = in
		if !bounded {
			// Compressed data can be endless without decoding to any bytes.
			source, bounded = bufio.NewReader(io.LimitReader(in, limit)), true
		}
		plain, err := layer(source)
		if err != nil {
			return broken{err}, nil
		}
		in = bufio.NewReader(plain)
	}
	head, _ := in.Peek(1)
	if encoding := unknownEncoding(resp.Header); encoding != "" && len(head) > 0 && !beginsText(head[0]) {
		return nil, fmt.Errorf("the body has the Content-Encoding %s: expected gzip, deflate or none", encoding)
	}
	return in, nil
}

// broken is a body that cannot be read.
type broken struct{ err error }

// Read implements io.Reader.
func (b broken) Read([]byte) (int, error) { return 0, b.err }

// layerOf returns the decoder of a body that begins with head, or nil if it is
// not compressed.
func layerOf(head []byte, header http.Header) func(io.Reader) (io.Reader, error) {
	switch {
	case len(head) < 2:
	case head[0] == 0x1f && head[1] == 0x8b:
		return func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case head[0]&0x0f == 8 && head[0]>>4 <= 7 && (int(head[0])<<8|int(head[1]))%31 == 0:
		return func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	case strings.EqualFold(header.Get("Content-Encoding"), "deflate") && !beginsText(head[0]):
		// Some servers omit the header of zlib.
		return func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil }
	}
	return nil
}

// beginsText reports whether a byte can begin JSON or a byte-order mark.
func beginsText(b byte) bool {
	return b == 0xef || strings.IndexByte(" \t\r\n{[\"-0123456789tfn", b) >= 0
}

// unknownEncoding returns an encoding that Decompress does not know, or "". It
// quotes the server's text only if that is a short word.
func unknownEncoding(header http.Header) string {
	for _, name := range strings.Split(header.Get("Content-Encoding"), ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "", "identity", "gzip", "x-gzip", "deflate", "aws-chunked":
		case "br", "zstd", "compress", "x-compress", "dcb", "dcz":
			return name
		default:
			return "with an unknown name"
		}
	}
	return ""
}
