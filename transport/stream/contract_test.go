package stream_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/transporttest"
)

// TestContract checks the contract of package transport in each mode of the
// transport, with default timeouts.
func TestContract(t *testing.T) {
	t.Parallel()
	modes := []struct {
		name      string
		transport stream.Transport
		blocked   bool // websockets are
	}{
		{"push", stream.Transport{}, false},
		{"on demand", stream.Transport{OnDemand: true}, false},
		{"push with a fallback", stream.Transport{Fallback: &poll.Transport{}}, false},
		{"fallback", stream.Transport{Fallback: &poll.Transport{Interval: time.Second}}, true},
	}
	for _, mode := range modes {
		for _, platform := range []string{"classic", "featbit"} {
			t.Run(mode.name+", "+platform, func(t *testing.T) {
				transporttest.RunSynctest(t, func(t testing.TB) transporttest.Source {
					server := newContractServer(t, mode.blocked)
					source := transporttest.Source{
						Transport: &mode.transport,
						Env: transport.Env{
							Platform: platform, BaseURL: "http://platform.test", StreamingURL: "ws://platform.test",
							HTTPClient: server.client,
						},
						Publish: server.publish,
						Pushes:  !mode.blocked && !mode.transport.OnDemand,
						Fail:    server.fail,
						Stall:   server.stall,
						Reject:  func() { server.set(func() { server.rejected = true }) },
					}
					if mode.blocked { // the websocket might still work
						source.Reject = nil
					}
					return source
				})
			})
		}
	}
}

// contractServer is a platform whose data is one message. Its connections are
// in memory.
type contractServer struct {
	client  *http.Client
	blocked bool
	conns   chan net.Conn // that clients have opened
	closed  chan struct{}

	mu       sync.Mutex
	message  []byte
	down     bool
	rejected bool
	sockets  []*contractSocket
	asked    chan struct{}
	resumed  chan struct{} // nil if requests do not wait
}

type contractSocket struct {
	*websocket.Conn
	synced bool // is pushed to
}

func newContractServer(t testing.TB, blocked bool) *contractServer {
	s := &contractServer{blocked: blocked, conns: make(chan net.Conn), closed: make(chan struct{})}
	rt := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case s.conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	s.client = &http.Client{Transport: rt}
	server := &http.Server{Handler: s}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(s) })
	t.Cleanup(func() {
		rt.CloseIdleConnections()
		_ = server.Close()
		s.cut()
		serving.Wait()
	})
	return s
}

// Accept implements net.Listener.
func (s *contractServer) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *contractServer) Close() error {
	close(s.closed)
	return nil
}

// Addr implements net.Listener.
func (s *contractServer) Addr() net.Addr { return &net.TCPAddr{} }

func (s *contractServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *contractServer) publish(message []byte) {
	var pushed []*contractSocket
	s.set(func() {
		s.message = message
		for _, socket := range s.sockets {
			if socket.synced {
				pushed = append(pushed, socket)
			}
		}
	})
	for _, socket := range pushed {
		_ = socket.Write(context.Background(), websocket.MessageText, message)
	}
}

// fail cuts the connections, also those that clients open, until restore is
// called.
func (s *contractServer) fail() (restore func()) {
	s.set(func() { s.down = true })
	s.cut()
	return func() { s.set(func() { s.down = false }) }
}

func (s *contractServer) cut() {
	var sockets []*contractSocket
	s.set(func() { sockets, s.sockets = s.sockets, nil })
	for _, socket := range sockets {
		_ = socket.CloseNow()
	}
}

func (s *contractServer) stall() (asked <-chan struct{}, resume func()) {
	requests, resumed := make(chan struct{}, 100), make(chan struct{})
	s.set(func() { s.asked, s.resumed = requests, resumed })
	return requests, func() {
		s.set(func() { s.resumed = nil })
		close(resumed)
	}
}

// data waits while the server is stalled, and returns the message.
func (s *contractServer) data(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	asked, resumed := s.asked, s.resumed
	s.mu.Unlock()
	if resumed != nil {
		asked <- struct{}{}
		select {
		case <-resumed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errors.New("down")
	}
	return s.message, nil
}

// ServeHTTP implements http.Handler.
func (s *contractServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down, rejected := s.down, s.rejected
	s.mu.Unlock()
	socket := strings.HasSuffix(r.URL.Path, "/streaming")
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case socket && s.blocked:
		w.WriteHeader(http.StatusBadGateway)
	case socket:
		s.serveSocket(w, r, rejected)
	case rejected:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		message, err := s.data(r.Context())
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(message)
	}
}

func (s *contractServer) serveSocket(w http.ResponseWriter, r *http.Request, rejected bool) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	if rejected {
		_ = ws.Close(4003, "invalid request, close by server")
		return
	}
	socket := &contractSocket{Conn: ws}
	s.set(func() { s.sockets = append(s.sockets, socket) })
	defer s.set(func() {
		s.sockets = slices.DeleteFunc(s.sockets, func(other *contractSocket) bool { return other == socket })
	})
	// Reading goes on while a request waits, as closing the connection is read.
	ctx, cancel := context.WithCancel(context.Background())
	var responding sync.WaitGroup
	defer responding.Wait()
	defer cancel()
	for {
		_, request, err := ws.Read(ctx)
		if err != nil {
			return
		}
		if strings.Contains(string(request), "data-sync") {
			responding.Go(func() {
				message, err := s.data(ctx)
				if err != nil {
					_ = ws.CloseNow()
					return
				}
				s.set(func() { socket.synced = true })
				_ = ws.Write(ctx, websocket.MessageText, message)
			})
			continue
		}
		_ = ws.Write(ctx, websocket.MessageText, []byte(pong))
	}
}
