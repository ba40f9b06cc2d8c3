package ffctest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxTrackBody is the limit that the platform's web server has by default.
const maxTrackBody = 30_000_000

// serveTrack takes events.
func (s *Server) serveTrack(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTrackBody))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the client is gone
	}
	index := s.arrived(Events, r, body)
	if !s.awaitResume(r.Context(), Events) {
		panic(http.ErrAbortHandler)
	}

	// Whatever a test may look at is settled before the client has the answer.
	f, failing := s.failure(Events)
	if failing && !f.Processed {
		s.answered(Events, index, f.status())
		f.answer(w)
		return
	}
	answer := reply{status: http.StatusRequestEntityTooLarge}
	if tooLarge == nil {
		answer = s.takeEvents(r, body)
	}
	if failing {
		s.answered(Events, index, f.status())
		f.answer(w)
		return
	}
	s.answered(Events, index, answer.status)
	answer.write(w)
}

// takeEvents captures the events of a request if it is good, and returns the
// answer.
func (s *Server) takeEvents(r *http.Request, body []byte) reply {
	t := s.protocol.track(r, body, s.now())
	s.mu.Lock()
	s.track.kept = append(s.track.kept, t.events...)
	s.track.forgotten += forget(&s.track.kept, s.keep)
	s.track.dropped += t.dropped
	s.changed()
	s.mu.Unlock()
	if s.onEvents != nil && len(t.events) > 0 {
		s.onEvents(t.events)
	}
	return t.reply
}

func isJSON(contentType string) bool {
	mediaType, params, err := mime.ParseMediaType(contentType)
	charset, has := params["charset"]
	return err == nil && mediaType == "application/json" && (!has || strings.EqualFold(charset, "utf-8"))
}
