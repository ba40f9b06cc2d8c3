package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// sinkVariable in the environment makes a test binary a sink.
const sinkVariable = "BENCHMARKS_SINK"

// sinkURL is where events go, while Main runs.
var sinkURL string

// startSink starts the sink process, which ends with stop or with this one.
func startSink() (stop func(), err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), sinkVariable+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the sink did not start: %w", err), cmd.Wait())
	}
	sinkURL = strings.TrimSpace(line)
	return func() {
		_ = stdin.Close()
		_ = cmd.Wait() // its status says nothing that a test needs
	}, nil
}

// received is what the sink has got so far.
type received struct{ Posts, Bytes int64 }

// since returns what came after earlier.
func (r received) since(earlier received) received {
	return received{Posts: r.Posts - earlier.Posts, Bytes: r.Bytes - earlier.Bytes}
}

// askSink asks what has arrived, once there is more than some number of posts.
func askSink(ctx context.Context, moreThan int64) (r received, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/received?more-than=%d", sinkURL, moreThan), nil)
	if err != nil {
		return r, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	return r, json.NewDecoder(resp.Body).Decode(&r)
}

// settled is askSink once nothing more arrives: not all SDKs have sent everything
// when they are closed.
func settled(ctx context.Context, moreThan int64) (received, error) {
	r, err := askSink(ctx, moreThan)
	for err == nil {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		before := r
		if r, err = askSink(ctx, -1); r == before {
			break
		}
	}
	return r, err
}

// sink takes every request for a delivery of events.
type sink struct {
	mu       sync.Mutex
	received received
	changed  chan struct{} // closed, and replaced, at each post
}

// serveSink is the sink process.
func serveSink() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "sink:", err)
		os.Exit(1)
	}
	s := &sink{changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/received", s.tell)
	mux.HandleFunc("/", s.take)
	fmt.Printf("http://%s\n", listener.Addr())
	server := &http.Server{Handler: mux}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		_ = server.Close()
	}()
	_ = server.Serve(listener)
}

// take answers what the SDKs like to hear.
func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	if r.Method == http.MethodPost {
		s.mu.Lock()
		s.received.Posts++
		s.received.Bytes += n
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"success":true,"status":1}`)
}

// tell answers askSink.
func (s *sink) tell(w http.ResponseWriter, r *http.Request) {
	var moreThan int64
	if _, err := fmt.Sscan(r.URL.Query().Get("more-than"), &moreThan); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for {
		s.mu.Lock()
		got, changed := s.received, s.changed
		s.mu.Unlock()
		if got.Posts > moreThan {
			_ = json.NewEncoder(w).Encode(got)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
