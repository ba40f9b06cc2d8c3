package ffctest

import "fmt"

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

// forget shortens list to the last keep, unless that is 0, and returns how many
// are gone.
func forget[T any](list *[]T, keep int) int {
	n := len(*list) - max(keep, 0)
	if keep == 0 || n <= 0 {
		return 0
	}
	clear((*list)[:n]) // not kept alive by the array
	*list = (*list)[n:]
	return n
}
