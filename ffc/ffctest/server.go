package ffctest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a platform with one environment, listening on loopback, or the
// [http.Handler] of one. Its methods are safe for concurrent use. Only Close,
// ServeHTTP and the Wait methods block. NewServer and NewHandler make one; the
// zero Server is an empty classic platform that is closed.
type Server struct {
	// URL is where the platform is, as http://127.0.0.1:port, for the base URL
	// of a client's configuration. It is "" for what NewHandler returns.
	URL string
	// EnvSecret is a secret of the environment that the server's flags belong
	// to: that of its [Platform], unless NewServer was given flags of another
	// one. On the classic platform every other secret of that environment is as
	// good.
	EnvSecret string

	platform  Platform
	protocol  protocol
	http      *http.Server   // nil for what NewHandler returns
	running   sync.WaitGroup // the accept loop, connections and requests
	closing   chan struct{}  // closed when Close begins
	closeOnce sync.Once
	keep      int // see HandlerConfig
	onEvents  func([]Event)
	onPeers   chan<- struct{}

	mu       sync.Mutex // guards what follows
	closed   bool
	store    store
	skew     time.Duration
	sockets  map[*socket]struct{}  // passed the token check, not cut
	streamed bool                  // there has been such a socket
	hijacked map[net.Conn]struct{} // every open websocket, to cut at Close
	peers    peers
	track    trackLog
	requests [endpoints]requestLog
	faults   faults
	waiters  map[*waiter]struct{}
}

// NewServer starts a server of the [Classic] platform on a free port of
// 127.0.0.1. Data are flags and segments in bootstrap form: a whole data-sync
// message, such as [Snapshot] and [Server.Snapshot] return, or its data object;
// nil is an empty environment. NewServer panics if it cannot use data or cannot
// listen. The caller must call Close.
func NewServer(data []byte) *Server { return Classic.NewServer(data) }

// NewServer is like the function [NewServer], for platform p. It panics if data
// are of the other platform.
func (p Platform) NewServer(data []byte) *Server {
	s := newServer(p)
	if data != nil {
		entities, err := s.protocol.load(data)
		if err != nil {
			panic(fmt.Sprintf("ffctest: cannot use the data given to NewServer as data of %v: %v", p, err))
		}
		for _, e := range entities {
			s.store.put(e)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("ffctest: cannot listen: " + err.Error())
	}
	s.URL = "http://" + listener.Addr().String()
	s.EnvSecret = s.protocol.secret()
	s.http = &http.Server{
		Handler:   s,
		ConnState: s.connState,
		// Tests make clients go away: such errors are expected.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	s.running.Go(func() {
		_ = s.http.Serve(listener) // always ErrServerClosed, after Close
	})
	return s
}

// HandlerConfig says what [NewHandler] makes. The zero value is an empty
// environment of the classic platform.
type HandlerConfig struct {
	Platform Platform
	// Data are as for NewServer, with one difference: everything gets a new
	// version, as from Replace, so that clients of an earlier server take it. A
	// client that has a version of an earlier server and asks for what is newer,
	// as those of FeatBit do when they reconnect, gets everything instead: no
	// patch would take away what only the earlier server had.
	Data []byte
	// Keep is how many events and, of each endpoint, requests stay in memory:
	// the newest. 0 is all of them, negative is none. Dropped, WaitEvents and
	// WaitRequests count the others too.
	Keep int
	// OnEvents is called with the events of each request that the server
	// accepted, by the goroutine that serves it and before the client has its
	// answer, so it should be quick. It may be called concurrently, and owns
	// the slice. nil is nobody.
	OnEvents func([]Event)
	// PeersChanged gets a value, if there is room in it, after each change of
	// what Peers returns but for one that time alone makes. It should have a
	// capacity of 1. nil is nobody.
	PeersChanged chan<- struct{}
}

// NewHandler returns a server that does not listen, for a listener and a mux of
// the caller's own, who must call Close. The handler needs connections that can
// be hijacked, so HTTP/1.1. The error says why it cannot use the data.
func NewHandler(cfg HandlerConfig) (*Server, error) {
	s := newServer(cfg.Platform)
	s.keep, s.onEvents, s.onPeers = cfg.Keep, cfg.OnEvents, cfg.PeersChanged
	var entities []entity
	if cfg.Data != nil {
		var err error
		if entities, err = s.protocol.load(cfg.Data); err != nil {
			return nil, fmt.Errorf("ffctest: cannot use the data as data of %v: %w", s.platform, err)
		}
	}
	s.store.first = s.replace(entities, true)
	s.EnvSecret = s.protocol.secret()
	return s, nil
}

// protocolLocked returns the protocol with the server's environment.
func (s *Server) protocolLocked() protocol {
	if s.protocol == nil { // the zero Server
		s.protocol = s.platform.protocol()
	}
	return s.protocol
}

// newServer returns a server without data that nothing leads to yet.
func newServer(p Platform) *Server {
	return &Server{
		platform: p,
		protocol: p.protocol(),
		closing:  make(chan struct{}),
		sockets:  make(map[*socket]struct{}),
		hijacked: make(map[net.Conn]struct{}),
		waiters:  make(map[*waiter]struct{}),
	}
}

// Close cuts every connection, stops listening and waits until all that the
// server started has ended. Waiting calls return an error. More calls do nothing.
// What NewHandler returns has no connections of its own but websockets: Close
// cuts those, answers stalled requests with nothing, and waits for all requests.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		if s.closing == nil { // the zero Server
			return
		}
		s.mu.Lock()
		s.closed = true
		close(s.closing)
		for conn := range s.hijacked {
			_ = conn.Close()
		}
		s.mu.Unlock()
		if s.http != nil {
			_ = s.http.Close()
		}
		s.running.Wait()
	})
}

// ServeHTTP is the platform, for one request; that of a websocket lasts as long
// as the socket. After Close it answers nothing. Paths are matched exactly: a
// client that writes "//streaming" is wrong.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.running.Done()
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	endpoint, ok := s.protocol.endpoint(r.URL.Path)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	switch endpoint {
	case Streaming:
		s.serveStreaming(w, r)
	case Events:
		s.serveTrack(w, r)
	case Polling:
		s.servePolling(w, r)
	}
}

// begin counts a request that Close has to wait for, unless it has begun.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.closing == nil {
		return false
	}
	s.running.Add(1)
	return true
}

// connState counts connections, because http.Server.Close does not wait for
// them. The first state comes from the accept loop, which Close waits for too.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateHijacked, http.StateClosed:
		s.running.Done()
	}
}

// now is the server's clock.
func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nowLocked()
}

func (s *Server) nowLocked() time.Time { return time.Now().Add(s.skew) }

var errClosed = errors.New("ffctest: server closed")
