package ffctest

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"time"
)

const (
	// peerAge is how long a polling client counts as a peer after its last request.
	peerAge = 5 * time.Minute
	// maxPollers is the maximum number of polling clients that are peers.
	maxPollers = 1000
)

// Peer is a client of the server.
type Peer struct {
	// ID is the number of the peer, from 1.
	ID int64
	// Endpoint is Streaming, or Polling.
	Endpoint Endpoint
	// Address is the host and port of the client; for Polling only the host, because
	// each request may have another port.
	Address string
	// UserAgent is the client's X-User-Agent, which clients send that cannot set
	// User-Agent, or else its User-Agent. It is cut to 200 bytes.
	UserAgent string
	// Since is the time of the upgrade or of the first request.
	Since time.Time
	// Seen is the time of the last message or request.
	Seen time.Time
}

// peers are the polling clients. The server's lock guards them.
type peers struct {
	pollers map[poller]*Peer
	lastID  int64
}

// poller identifies a polling client.
type poller struct{ host, userAgent string }

func (p *peers) nextID() int64 {
	p.lastID++
	return p.lastID
}

// Peers returns the clients in the order of their first connection or request: the
// clients that Connections counts, and those that fetched flags by polling in the
// last 5 minutes. Polling clients with the same host and user agent are one peer.
func (s *Server) Peers() []Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers.expire(time.Now())
	out := make([]Peer, 0, len(s.sockets)+len(s.peers.pollers))
	for c := range s.sockets {
		out = append(out, c.peer)
	}
	for _, p := range s.peers.pollers {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// newPeer describes the client that sent r. The peer has no ID yet.
func newPeer(e Endpoint, r *http.Request) Peer {
	now := time.Now()
	agent := cmp.Or(r.Header.Get("X-User-Agent"), r.UserAgent())
	return Peer{
		Endpoint:  e,
		Address:   r.RemoteAddr,
		UserAgent: agent[:min(len(agent), 200)],
		Since:     now,
		Seen:      now,
	}
}

// polled records that a client fetched flags by polling.
func (s *Server) polled(r *http.Request) {
	peer := newPeer(Polling, r)
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		peer.Address = host
	}
	key := poller{peer.Address, peer.UserAgent}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers.expire(peer.Seen)
	if known := s.peers.pollers[key]; known != nil {
		known.Seen = peer.Seen
	} else {
		if s.peers.pollers == nil {
			s.peers.pollers = make(map[poller]*Peer)
		}
		if len(s.peers.pollers) == maxPollers {
			s.peers.forgetOldest()
		}
		peer.ID = s.peers.nextID()
		s.peers.pollers[key] = &peer
	}
	s.peersChanged()
}

func (p *peers) expire(now time.Time) {
	for key, peer := range p.pollers {
		if now.Sub(peer.Seen) > peerAge {
			delete(p.pollers, key)
		}
	}
}

func (p *peers) forgetOldest() {
	var oldest poller
	var seen time.Time
	for key, peer := range p.pollers {
		if seen.IsZero() || peer.Seen.Before(seen) {
			oldest, seen = key, peer.Seen
		}
	}
	delete(p.pollers, oldest)
}

// peersChanged notifies HandlerConfig.PeersChanged. It does not block. The lock is
// held.
func (s *Server) peersChanged() {
	if s.onPeers == nil {
		return
	}
	select {
	case s.onPeers <- struct{}{}:
	default: // the value in the channel is enough
	}
}
