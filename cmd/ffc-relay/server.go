package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"
)

const (
	// stuckAfter is how long the process may not respond to /healthz.
	stuckAfter = 5 * time.Second
	// closeTime bounds the end of requests.
	closeTime = 2 * time.Second
)

// server has the HTTP endpoints.
type server struct {
	http  *http.Server
	ended chan struct{}
}

// endpoints returns the handler of all endpoints. /healthz receives from loop: the
// process works as long as it sends.
func endpoints(s *supervisor, loop <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() { // the loop has ended
			respond(w, http.StatusOK, "draining\n")
			return
		}
		select {
		case <-loop:
			respond(w, http.StatusOK, "ok\n")
		case <-r.Context().Done():
		case <-time.After(stuckAfter):
			if s.draining.Load() { // meanwhile
				respond(w, http.StatusOK, "draining\n")
				return
			}
			respond(w, http.StatusInternalServerError, "stuck\n")
		}
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch now := s.report(); {
		case now.Draining:
			respond(w, http.StatusServiceUnavailable, "draining\n")
		case !now.Ready:
			respond(w, http.StatusServiceUnavailable, "waiting for the first data\n")
		default:
			respond(w, http.StatusOK, "ready\n")
		}
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(s.report())
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.write(r.Context(), &exposition{w: w})
	})
	return mux
}

// newServer serves until close.
func newServer(s *supervisor, loop <-chan struct{}, listener net.Listener) *server {
	out := &server{
		http:  &http.Server{Handler: endpoints(s, loop), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10},
		ended: make(chan struct{}),
	}
	go func() {
		defer close(out.ended)
		_ = out.http.Serve(listener) // until close
	}()
	return out
}

func respond(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// close ends the server.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.ended
}
