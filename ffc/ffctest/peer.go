package ffctest

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"time"
)

const (
	// peerAge is how long a polling client counts after its last request.
	peerAge = 5 * time.Minute
	// maxPollers is how many polling clients are told apart.
	maxPollers = 1000
)

// Peer is a client, as the server sees it.
type Peer struct {
	// ID is the server's own number for it, from 1.
	ID int64
	// Endpoint is Streaming, or Polling.
	Endpoint Endpoint
	// Address is the host and port of the other end; for Polling only the
	// host, as each request may come from another port.
	Address string
	// UserAgent is what the client calls itself, cut to 200 bytes: its
	// X-User-Agent, which clients send that cannot set User-Agent, or else its
	// User-Agent.
	UserAgent string
	// Since is the time of the upgrade or of the first request.
	Since time.Time
	// Seen is the time of the last message or request.
	Seen time.Time
}

// peers are the clients without a socket. The server's lock guards them.
type peers struct {
	pollers map[poller]*Peer
	lastID  int64
}

// poller is what a polling client is known by.
type poller struct{ host, userAgent string }

func (p *peers) nextID() int64 {
	p.lastID++
	return p.lastID
}

// Peers returns the clients in the order in which they came: those that
// Connections counts, and those that had flags by polling in the last five
// minutes. Pollers that share a host and a user agent are one.
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

// newPeer describes whoever sent r. It has no ID yet.
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

// polled notes who had flags by polling.
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

// peersChanged tells whoever wants to know, and never waits. The lock is held.
func (s *Server) peersChanged() {
	if s.onPeers == nil {
		return
	}
	select {
	case s.onPeers <- struct{}{}:
	default: // one that has not been taken says it as well
	}
}
