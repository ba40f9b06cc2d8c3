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

const trackOK = `{"success":true,"message":"api call success","data":{"code":"OK","message":"OK","messages":null}}`

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
		f.answer(w, r)
		return
	}
	status, answer := http.StatusRequestEntityTooLarge, ""
	if tooLarge == nil {
		status, answer = s.takeEvents(r, body)
	}
	if failing {
		s.answered(Events, index, f.status())
		f.answer(w, r)
		return
	}
	s.answered(Events, index, status)
	if answer != "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer) // the client may be gone
}

// takeEvents judges a request in the platform's order, captures its events if
// it is good, and returns the answer.
func (s *Server) takeEvents(r *http.Request, body []byte) (status int, answer string) {
	env, ok := parseSecret(requestSecret(r))
	if !ok {
		return http.StatusUnauthorized, ""
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return http.StatusUnsupportedMediaType, ""
	}
	items, err := parseTrack(body)
	if err != nil {
		return http.StatusBadRequest, string(mustMarshal(struct {
			Success bool   `json:"success"`
			Message string `json:"message"`
			Data    *int   `json:"data"`
		}{Message: err.Error()}))
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.nowLocked()
	for _, item := range items {
		events, dropped := item.events(now)
		if env != s.classic.env {
			// Any well-formed secret authenticates; these went elsewhere.
			events, dropped = nil, dropped+len(events)
		}
		s.track.events = append(s.track.events, events...)
		s.track.dropped += dropped
	}
	s.changed()
	return http.StatusOK, trackOK
}

// requestSecret looks where the platform looks, in its order.
func requestSecret(r *http.Request) string {
	if secret := r.URL.Query().Get("envSecret"); strings.TrimSpace(secret) != "" {
		return secret
	}
	if secret := r.Header.Get("envSecret"); strings.TrimSpace(secret) != "" {
		return secret
	}
	if cookie, err := r.Cookie("envSecret"); err == nil {
		return cookie.Value
	}
	return ""
}

func isJSON(contentType string) bool {
	mediaType, params, err := mime.ParseMediaType(contentType)
	charset, has := params["charset"]
	return err == nil && mediaType == "application/json" && (!has || strings.EqualFold(charset, "utf-8"))
}
