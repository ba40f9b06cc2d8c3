package ffctest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

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
// bootstrap form: NewServer makes an equal server from it. If there are keys, it
// has only the flags with these keys, and all segments.
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

// Replace makes the server hold what data say, which are as for NewServer and of
// the server's environment. Flags and segments that differ in more than their
// version are put and get a new one, whatever version data have for them. Those
// that data lack are archived. Everything else stays as it is, and nothing is
// pushed for it. After an error, which says what is wrong with the data, nothing
// has changed.
func (s *Server) Replace(data []byte) error { return s.take(data, true) }

// Merge is Replace for a part of the server's flags and segments: those that data
// lack stay as they are.
func (s *Server) Merge(data []byte) error { return s.take(data, false) }

func (s *Server) take(data []byte, whole bool) error {
	d := s.platform.protocol()
	entities, err := d.load(data)
	silent := false // of which environment the data is
	if f, ok := d.(*featBit); ok {
		silent = f.env == guid{}
	}
	if err == nil && !silent && len(entities) > 0 && entities[0].kind == flags && d.secret() != s.EnvSecret {
		err = errors.New("its flags are of another environment")
	}
	if err != nil {
		return fmt.Errorf("ffctest: cannot use the data as data of %v: %w", s.platform, err)
	}
	s.replace(entities, whole)
	return nil
}

// replace returns the version that what has changed has. Entities are the whole
// that the server is to hold, or a part.
func (s *Server) replace(entities []entity, whole bool) (version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entities {
		s.store.version = max(s.store.version, e.version)
	}
	version = s.nextVersion()
	var has [kinds]map[string]bool
	for _, e := range entities {
		if has[e.kind] == nil {
			has[e.kind] = make(map[string]bool)
		}
		has[e.kind][e.id] = true
		if held, ok := s.store.entities[e.kind][e.id]; !ok || !s.same(held, e) {
			stamped := s.protocolLocked().stamp(e, version)
			stamped.source = new(sha256.Sum256(e.json))
			s.apply(stamped)
		}
	}
	if !whole {
		return version
	}
	for k := range kinds {
		for _, held := range s.store.each(k, func(e entity) bool { return !e.archived && !has[k][e.id] }) {
			s.apply(s.protocolLocked().archive(held, version))
		}
	}
	return version
}

// same reports whether two entities differ in no more than their version.
func (s *Server) same(held, e entity) bool {
	return held.source != nil && *held.source == sha256.Sum256(e.json) ||
		bytes.Equal(canonical(s.protocolLocked().stamp(held, 0).json), canonical(s.protocolLocked().stamp(e, 0).json))
}

// canonical returns JSON with the members of objects in alphabetical order.
func canonical(raw []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return raw
	}
	return mustMarshal(v)
}

// Restore makes the server hold exactly what data say, which are as for
// NewServer and of the server's environment, in the versions that data have.
// Nothing is pushed and nothing is archived. So a platform looks whose database
// was restored from a backup; one that lost an item without a trace, if data lack
// it; and one whose notification of a change was lost, if data have the change.
// Clients see it when they ask. After an error, which says what is wrong with the
// data, nothing has changed.
func (s *Server) Restore(data []byte) error {
	d := s.platform.protocol()
	entities, err := d.load(data)
	if err == nil && len(entities) > 0 && entities[0].kind == flags && d.secret() != s.EnvSecret {
		err = errors.New("its flags are of another environment")
	}
	if err != nil {
		return fmt.Errorf("ffctest: cannot use the data as data of %v: %w", s.platform, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store{}
	for _, e := range entities {
		s.store.put(e)
	}
	return nil
}
