package ffctest

import "fmt"

// Put adds or replaces flags and segments and pushes each to every connected
// client, one patch an item, as the platform does. Each gets a new version, from
// the server's clock and higher than any before, unless the builder sets one:
// that one is kept even when it is older than what clients hold.
//
// Put returns when the pushes are queued, not when they have arrived: see
// WaitSynced.
func (s *Server) Put(items ...Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range items {
		s.apply(item.entity(s.protocolLocked(), s.nextVersion()))
	}
}

// Archive removes a flag: clients are pushed the whole flag, marked as archived
// and on the classic platform switched off. Put brings it back. It panics when there is no such flag.
func (s *Server) Archive(key string) {
	s.archive(flags, func(d protocol) string { return d.flagID(key) })
}

// ArchiveSegment removes a segment: clients are pushed the whole segment, marked
// as archived. Put brings it back. It panics when there is no such segment.
func (s *Server) ArchiveSegment(id string) {
	s.archive(segments, func(protocol) string { return id })
}

// Snapshot returns everything that the server holds, archived items too, in
// bootstrap form: NewServer makes an equal server from it.
func (s *Server) Snapshot() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.snapshot(s.protocolLocked())
}

// Version returns the highest version of anything the server ever held, in
// milliseconds since 1970; 0 means that it never held anything.
func (s *Server) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.version
}

func (s *Server) archive(k kind, identity func(protocol) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := identity(s.protocolLocked())
	e, ok := s.store.entities[k][id]
	if !ok {
		panic(fmt.Sprintf("ffctest: there is no %q to archive", id))
	}
	s.apply(s.protocolLocked().archive(e, s.nextVersion()))
}

// apply stores e and pushes it. The lock is held.
func (s *Server) apply(e entity) {
	s.store.put(e)
	if len(s.sockets) == 0 {
		return
	}
	var one [kinds][]entity
	one[e.kind] = []entity{e}
	s.push(s.protocolLocked().message("patch", one))
}

// nextVersion is the clock, or one more than the last when the clock has not
// moved on. The lock is held.
func (s *Server) nextVersion() int64 {
	return max(s.nowLocked().UnixMilli(), s.store.version+1)
}
