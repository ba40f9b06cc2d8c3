package lambda

import (
	"bytes"
	"encoding/json"
	"io"
)

// response is the io.Reader that aws-lambda-go posts and then closes. It has no
// exported field, so that its JSON is {}: aws-lambda-go encodes each result, and
// reads from an io.Reader if its JSON is {}.
type response struct {
	w      *wrapper
	ctx    sooner // of the invocation, which lasts until Close
	body   bytes.Buffer
	small  [256]byte // for a body that fits
	stream io.Reader // instead, if the handler returned one
	kind   string    // of content; "" is that of the stream
	after  bool      // Close delivers the events
	posted bool      // Close ends the invocation
}

const (
	contentJSON  = "application/json"
	contentBytes = "application/octet-stream"
)

// handled is deferred around the handler, which may have failed, panicked or ended
// its goroutine.
func (r *response) handled() {
	if !r.posted {
		defer r.w.calls.end()
	}
	if !r.after {
		r.w.deliver(r.ctx.Context, heldFlush)
	}
}

// result returns the results of the wrapped handler after the application's handler
// has returned err.
func (r *response) result(err error) (*response, error) {
	if err != nil {
		return nil, err
	}
	r.after = !r.w.before || r.stream != nil
	r.posted = true
	return r, nil
}

// encode encodes a handler's value as aws-lambda-go does.
func (r *response) encode(value any) error {
	s := &r.w.settings
	r.body = *bytes.NewBuffer(r.small[:0])
	encoder := json.NewEncoder(&r.body)
	encoder.SetEscapeHTML(s.escapeHTML)
	encoder.SetIndent(s.prefix, s.indent)
	err := encoder.Encode(value)
	if reader, ok := value.(io.Reader); ok && (err != nil || bytes.HasPrefix(r.body.Bytes(), []byte("{}"))) {
		r.stream = reader
		return nil
	}
	if err != nil {
		return err
	}
	r.kind = contentJSON
	if s.prefix == "" && s.indent == "" {
		r.body.Truncate(r.body.Len() - 1) // the line break
	}
	return nil
}

// setBytes sets the response to the bytes that a Handler returned.
func (r *response) setBytes(body []byte) { r.body, r.kind = *bytes.NewBuffer(body), contentBytes }

// Read implements io.Reader.
func (r *response) Read(p []byte) (int, error) {
	if r.stream != nil {
		return r.stream.Read(p)
	}
	return r.body.Read(p)
}

// ContentType returns the content type; aws-lambda-go calls it.
func (r *response) ContentType() string {
	if r.kind != "" {
		return r.kind
	}
	if stream, ok := r.stream.(interface{ ContentType() string }); ok {
		return stream.ContentType()
	}
	return contentBytes
}

// Close implements io.Closer. aws-lambda-go calls it after the response has been
// posted, and requests the next invocation after Close has returned.
func (r *response) Close() error {
	if r.posted {
		r.posted = false // once, however often Close is called
		defer r.w.calls.end()
	}
	if r.after {
		defer r.w.deliver(r.ctx.Context, freeFlush)
	}
	if stream, ok := r.stream.(io.Closer); ok {
		return stream.Close()
	}
	return nil
}
