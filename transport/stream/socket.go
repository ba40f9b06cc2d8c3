package stream

import (
	"io"
	"net/http"
)

// socket is what a websocket runs on. The library hides it, but only here can
// each sign of life be seen, also those inside a frame, and only closing it
// ends all that the library does.
type socket struct {
	io.ReadWriteCloser
	heard func()
}

// socketOf puts a socket into an answer that opens a websocket. It returns nil
// for any other.
func socketOf(answer *http.Response, heard func()) *socket {
	body, ok := answer.Body.(io.ReadWriteCloser)
	if !ok || answer.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	s := &socket{body, heard}
	answer.Body = s
	return s
}

// Read implements io.Reader.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	if n > 0 {
		s.heard()
	}
	if err == io.EOF {
		// The library would take it for the end of a message.
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
