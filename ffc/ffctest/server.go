package ffctest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// Server is a platform with one environment. It listens on loopback, or is an
// [http.Handler]. NewServer and NewHandler make servers; the zero Server is an empty
// classic platform that is closed. The methods of a Server are safe for concurrent
// use. Only Close, ServeHTTP and the Wait methods block.
type Server struct {
	// URL is the base URL for clients, http://127.0.0.1:port. It is "" if NewHandler
	// made the server.
	URL string
	// EnvSecret is a secret of the server's environment, which is the environment of
	// the data given to NewServer or NewHandler, and by default of [Platform.EnvSecret].
	// On the classic platform every other secret of that environment works as well.
	EnvSecret string

	platform  Platform
	protocol  protocol
	http      *http.Server   // nil if NewHandler made the server
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
	sockets  map[*socket]struct{}                // passed the token check, not cut
	streamed bool                                // there was such a socket
	open     map[*platformserver.Socket]struct{} // every websocket, to cut at Close
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
		entities, err := p.load(s.protocol, data)
		if err != nil {
			panic(fmt.Sprintf("ffctest: cannot use the data given to NewServer as data of %v: %v", p, err))
		}
		var w writer
		for _, e := range entities {
			s.store.put(e.owned(&w))
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

// HandlerConfig configures [NewHandler]. The zero value is an empty environment of
// the classic platform.
type HandlerConfig struct {
	Platform Platform
	// Data are flags and segments as for NewServer, but each of them gets a new
	// version, so that clients of an earlier server accept it. A client that requests
	// the changes since a version of an earlier server, as FeatBit clients do when
	// they reconnect, gets all data: no patch would remove items that only the
	// earlier server had.
	Data []byte
	// Keep is the maximum number of events, and of requests to each endpoint, that
	// stay in memory: the newest. 0 is no limit, a negative number keeps none.
	// Dropped, WaitEvents and WaitRequests also count the others.
	Keep int
	// OnEvents, if not nil, is called with the events of each accepted request. It
	// may be called concurrently, and owns the slice. It delays the response, so it
	// should be quick.
	OnEvents func([]Event)
	// PeersChanged, if not nil, gets a value after each change of the result of
	// Peers, unless the channel is full or a peer only expired. It should have a
	// capacity of 1.
	PeersChanged chan<- struct{}
}

// NewHandler returns a server that does not listen, for the caller's own listener
// and mux. The caller must call Close. The handler needs connections that can be
// hijacked, that is HTTP/1.1. NewHandler fails if it cannot use cfg.Data.
func NewHandler(cfg HandlerConfig) (*Server, error) {
	s := newServer(cfg.Platform)
	s.keep, s.onEvents, s.onPeers = cfg.Keep, cfg.OnEvents, cfg.PeersChanged
	var entities []entity
	if cfg.Data != nil {
		var err error
		if entities, err = s.platform.load(s.protocol, cfg.Data); err != nil {
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

// newServer returns a server without data that does not listen.
func newServer(p Platform) *Server {
	return &Server{
		platform: p,
		protocol: p.protocol(),
		closing:  make(chan struct{}),
		sockets:  make(map[*socket]struct{}),
		open:     make(map[*platformserver.Socket]struct{}),
		waiters:  make(map[*waiter]struct{}),
	}
}

// Close cuts every connection, stops listening and waits until all goroutines of
// the server have ended. Wait methods that are blocked fail. Further calls do
// nothing. If NewHandler made the server, Close cuts its websockets, aborts stalled
// requests, and waits for all requests.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		if s.closing == nil { // the zero Server
			return
		}
		s.mu.Lock()
		s.closed = true
		close(s.closing)
		for c := range s.open {
			c.Cut()
		}
		s.mu.Unlock()
		if s.http != nil {
			_ = s.http.Close()
		}
		s.running.Wait()
	})
}

// ServeHTTP handles one request. It returns when the response is written or the
// websocket has ended. After Close it aborts requests. Paths are matched exactly:
// "//streaming" does not exist.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.running.Done()
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	endpoint, ok := endpointOf(s.protocol.wire(), r.URL.Path)
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

// begin counts a request that Close waits for. It returns false if Close was
// called.
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

// now returns the time of the server's clock.
func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nowLocked()
}

func (s *Server) nowLocked() time.Time { return time.Now().Add(s.skew) }

var errClosed = errors.New("ffctest: server closed")
