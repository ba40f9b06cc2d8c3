package ffctest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

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
			stamped.source = sha256.Sum256(e.json)
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
	return held.source == sha256.Sum256(e.json) ||
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
