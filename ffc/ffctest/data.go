package ffctest

import (
	"bytes"
	"errors"
	"fmt"
)

// Put adds or replaces flags and segments and pushes each of them to every
// connected client, one patch for each item, as the platform does. Each item gets a
// new version: the time of the server's clock, but higher than any version before.
// An item whose builder sets a version keeps that version, even if it is older than
// the clients' version.
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

// Archive removes a flag: it pushes the whole flag to the clients, marked as
// archived and, on the classic platform, switched off. Put restores the flag.
// Archive panics if there is no such flag.
func (s *Server) Archive(key string) {
	s.archive(flags, func(d protocol) string { return d.flagID(key) })
}

// ArchiveSegment removes a segment: it pushes the whole segment to the clients,
// marked as archived. Put restores the segment. ArchiveSegment panics if there is
// no such segment.
func (s *Server) ArchiveSegment(id string) {
	s.archive(segments, func(protocol) string { return id })
}

// Snapshot returns all flags and segments of the server, including archived ones,
// in bootstrap form: NewServer makes an equal server from it. With keys, it
// returns only the flags with these keys, and all segments.
func (s *Server) Snapshot(keys ...string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.protocolLocked()
	if len(keys) == 0 {
		return s.store.snapshot(d)
	}
	part := store{entities: s.store.entities}
	part.entities[flags] = make(map[string]entity, len(keys))
	for _, key := range keys {
		id := d.flagID(key)
		if e, ok := s.store.entities[flags][id]; ok {
			part.entities[flags][id] = e
		}
	}
	return part.snapshot(d)
}

// FlagJSON returns a flag as clients get it, and its version; nil and 0 if the server
// does not have it. The caller must not change the JSON.
func (s *Server) FlagJSON(key string) (json []byte, version int64) {
	return s.itemJSON(flags, func(d protocol) string { return d.flagID(key) })
}

// SegmentJSON is FlagJSON for the segment with this id.
func (s *Server) SegmentJSON(id string) (json []byte, version int64) {
	return s.itemJSON(segments, func(protocol) string { return id })
}

func (s *Server) itemJSON(k kind, identity func(protocol) string) ([]byte, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.store.entities[k][identity(s.protocolLocked())]
	return e.json, e.version
}

// Version returns the highest version that any flag or segment of the server ever
// had, in milliseconds since 1970; 0 if there never was one.
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
	s.applyArchived(e, s.nextVersion())
}

// applyArchived stores e as archived and pushes it. The lock is held.
func (s *Server) applyArchived(e entity, version int64) {
	e.archived = true
	s.apply(s.at(new(writer), e, version))
}

// at returns e at another version.
func (s *Server) at(w *writer, e entity, version int64) entity {
	e.version = version
	e.json = w.exact(len(e.json), func(dst []byte) []byte { return appendItem(s.protocolLocked().wire(), dst, e, version) })
	return e
}

// apply stores e and pushes it to the clients. The lock is held.
func (s *Server) apply(e entity) {
	s.store.put(e)
	if len(s.sockets) == 0 {
		return
	}
	var one [kinds][]entity
	one[e.kind] = []entity{e}
	s.push(message(s.protocolLocked().wire(), "patch", one))
}

// nextVersion returns the time, or the last version plus 1 if that is higher. The
// lock is held.
func (s *Server) nextVersion() int64 {
	return max(s.nowLocked().UnixMilli(), s.store.version+1)
}

// Replace makes the server hold the flags and segments of data, which are as for
// NewServer and of the server's environment. Items that differ in more than their
// version are put with a new version, whatever version they have in data. Items
// that are not in data are archived. Replace neither changes nor pushes equal
// items. It fails if it cannot use data, and then changes nothing.
func (s *Server) Replace(data []byte) error { return s.take(data, true) }

// Merge is like Replace, but keeps the items that are not in data.
func (s *Server) Merge(data []byte) error { return s.take(data, false) }

func (s *Server) take(data []byte, whole bool) error {
	entities, err := s.load(data)
	if err != nil {
		return err
	}
	s.replace(entities, whole)
	return nil
}

// load reads data of the server's environment.
func (s *Server) load(data []byte) ([]entity, error) {
	d := s.platform.protocol()
	entities, err := s.platform.load(d, data)
	anyEnvironment := false // data do not name theirs
	if f, ok := d.(*featBit); ok {
		anyEnvironment = f.env == guid{}
	}
	if err == nil && !anyEnvironment && len(entities) > 0 && entities[0].kind == flags && d.secret() != s.EnvSecret {
		err = errors.New("its flags are of another environment")
	}
	if err != nil {
		return nil, fmt.Errorf("ffctest: cannot use the data as data of %v: %w", s.platform, err)
	}
	return entities, nil
}

// replace puts entities that differ from the stored ones, and returns the version
// that they get. If entities are the whole data, it archives all others.
func (s *Server) replace(entities []entity, whole bool) (version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entities {
		s.store.version = max(s.store.version, e.version)
	}
	version = s.nextVersion()
	var w writer
	for _, e := range entities {
		if held, ok := s.store.entities[e.kind][e.id]; !ok || !s.same(&w, held, e) {
			s.apply(s.at(&w, e, version))
		}
	}
	if !whole {
		return version
	}
	var has [kinds]map[string]bool
	for k := range kinds {
		has[k] = make(map[string]bool)
	}
	for _, e := range entities {
		has[e.kind][e.id] = true
	}
	for k := range kinds {
		for _, held := range s.store.each(k, func(e entity) bool { return !e.archived && !has[k][e.id] }) {
			s.applyArchived(held, version)
		}
	}
	return version
}

// same reports whether two entities are equal except for their versions.
func (s *Server) same(w *writer, held, e entity) bool {
	d := s.protocolLocked()
	at := func(e entity, version int64) []byte {
		return w.text(len(e.json), func(dst []byte) []byte { return appendItem(d.wire(), dst, e, version) })
	}
	if bytes.Equal(held.json, at(e, held.version)) {
		return true
	}
	return meaningOf(at(held, 0)) == meaningOf(at(e, 0))
}

// Restore replaces the server's data by data, which are as for NewServer and of
// the server's environment, and keeps the versions of data. It pushes and archives
// nothing: clients see the data when they fetch. This is how a platform behaves
// whose database was restored from a backup, which lost an item, or which lost the
// notification of a change. Restore fails if it cannot use data, and then changes
// nothing.
func (s *Server) Restore(data []byte) error {
	entities, err := s.load(data)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store{}
	var w writer
	for _, e := range entities {
		s.store.put(e.owned(&w))
	}
	return nil
}
