package httpclient

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

const (
	transportFunction = "HTTPClient.Transport"
	bodyFunction      = "the response Body of HTTPClient.Transport"
	// maxForeignRead is the maximum number of bytes that one read of a foreign
	// body returns.
	maxForeignRead = 32 << 10
)

// throughForeign sends a request through a RoundTripper of the application's.
func (p *Pool) throughForeign(req *http.Request) (*http.Response, error) {
	var conn retry.ConnTrace
	ctx := conn.Record(req.Context())
	req = req.WithContext(ctx)
	if p.suspect.Load() {
		// A request cannot get another connection in any other way. On HTTP/1
		// this request gets one. On HTTP/2 net/http sends it over the old
		// connection and then does not use that again: recovery takes two
		// timeouts.
		req.Close = true
	}
	var resp *http.Response
	var err error
	closeLate := func() {
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
	}
	if failed := p.calls.do(ctx.Done(), transportFunction, func() { resp, err = p.foreign.RoundTrip(req) }, closeLate); failed != nil {
		p.suspect.Store(true)
		return nil, failed
	}
	if err != nil {
		if conn.Suspicious(ctx) || ctx.Err() != nil {
			p.suspect.Store(true)
		}
		return nil, err
	}
	if err := complete(req, resp); err != nil {
		return nil, err
	}
	p.suspect.Store(false)
	if socket, ok := resp.Body.(io.ReadWriteCloser); ok && resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = newForeignSocket(&p.calls, socket)
		return resp, nil
	}
	resp.Body = &foreignBody{
		foreignReader: foreignReader{calls: &p.calls, from: resp.Body, done: ctx.Done()},
		failed:        func() { p.suspect.Store(true) },
	}
	return resp, nil
}

// complete adds what a RoundTripper may omit, as net/http does.
func complete(req *http.Request, resp *http.Response) error {
	if resp == nil {
		return errNoAnswer
	}
	if resp.Body == nil {
		if resp.ContentLength > 0 && req.Method != http.MethodHead {
			return errors.New("the HTTP client's transport returned a response without a body")
		}
		resp.Body = http.NoBody
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	return nil
}

// foreignReader reads from a reader of the application. Only one goroutine may
// use it at a time.
type foreignReader struct {
	calls  *calls
	from   io.Reader
	done   <-chan struct{}
	buf    []byte // its own, because an abandoned call may still write
	broken error
}

// Read implements io.Reader.
func (r *foreignReader) Read(p []byte) (int, error) {
	if r.broken != nil {
		return 0, r.broken
	}
	if len(p) == 0 {
		return 0, nil
	}
	if want := min(len(p), maxForeignRead); len(r.buf) < want {
		r.buf = make([]byte, want)
	}
	buf := r.buf[:min(len(p), len(r.buf))]
	var n int
	var err error
	if failed := r.calls.do(r.done, bodyFunction, func() { n, err = r.from.Read(buf) }, nil); failed != nil {
		r.broken, r.buf = failed, nil
		return 0, failed
	}
	if n < 0 || n > len(buf) {
		r.broken = errors.New(bodyFunction + " returned an invalid count")
		return 0, r.broken
	}
	return copy(p, buf[:n]), err
}

// foreignBody is the body of a response from the application's RoundTripper.
type foreignBody struct {
	foreignReader
	failed func() // called when the connection may be dead
}

// Read implements io.Reader.
func (b *foreignBody) Read(p []byte) (int, error) {
	n, err := b.foreignReader.Read(p)
	if err != nil && err != io.EOF {
		b.failed()
	}
	return n, err
}

// Close implements io.Closer.
func (b *foreignBody) Close() error {
	done := b.done
	if b.broken != nil {
		done = closedChannel // the call gets no time beyond grace
	}
	var err error // not a result, which a return would write, too
	if failed := b.calls.do(done, bodyFunction, func() { err = b.from.(io.Closer).Close() }, nil); failed != nil {
		return failed
	}
	return err
}

var closedChannel = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// foreignSocket is a connection that was upgraded by the application's
// RoundTripper.
type foreignSocket struct {
	foreignReader
	to     io.ReadWriteCloser
	closed chan struct{}
	once   sync.Once
}

func newForeignSocket(c *calls, socket io.ReadWriteCloser) *foreignSocket {
	s := &foreignSocket{to: socket, closed: make(chan struct{})}
	s.foreignReader = foreignReader{calls: c, from: socket, done: s.closed}
	return s
}

// Write implements io.Writer. It copies the bytes, because an abandoned call
// may still read them.
func (s *foreignSocket) Write(p []byte) (int, error) {
	bytes := append([]byte(nil), p...)
	var n int
	var err error
	if failed := s.calls.do(s.closed, bodyFunction, func() { n, err = s.to.Write(bytes) }, nil); failed != nil {
		return 0, failed
	}
	return n, err
}

// Close implements io.Closer.
func (s *foreignSocket) Close() error {
	s.once.Do(func() { close(s.closed) })
	var err error
	if failed := s.calls.do(s.closed, bodyFunction, func() { err = s.to.Close() }, nil); failed != nil {
		return failed
	}
	return err
}
