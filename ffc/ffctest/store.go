package ffctest

import (
	"cmp"
	"crypto/sha256"
	"slices"
)

// kind is the kind of an entity.
type kind uint8

const (
	flags kind = iota
	segments
	userTags // only loaded and sent; there is no builder for them
	kinds    // the number of kinds
)

// entity is one flag, segment or user tag, written as its platform writes it. It
// does not change: a change makes another entity.
type entity struct {
	id       string
	json     []byte
	version  int64              // Unix ms
	source   *[sha256.Size]byte // hash of the JSON that Replace got for it; else nil
	kind     kind
	archived bool
}

// store holds the newest state of every entity.
type store struct {
	entities [kinds]map[string]entity
	version  int64 // the highest ever stored
	first    int64 // the version of NewHandler's data; 0 for NewServer
}

func (s *store) put(e entity) {
	if s.entities[e.kind] == nil {
		s.entities[e.kind] = make(map[string]entity)
	}
	s.entities[e.kind][e.id] = e
	s.version = max(s.version, e.version)
}

// since returns the version from which a client with this version needs changes;
// 0 is everything. A client whose version is from another server needs everything:
// no patch would remove items that only the other server had.
func (s *store) since(version int64) int64 {
	if s.first > 0 && (version < s.first || version > s.version) {
		return 0
	}
	return version
}

// each returns the entities of one kind for which keep is true, newest first.
func (s *store) each(k kind, keep func(entity) bool) []entity {
	var out []entity
	for _, e := range s.entities[k] {
		if keep(e) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b entity) int {
		return cmp.Or(cmp.Compare(b.version, a.version), cmp.Compare(a.id, b.id))
	})
	return out
}

// all returns the entities of all kinds for which keep is true, newest first.
func (s *store) all(keep func(entity) bool) (out [kinds][]entity) {
	for k := range kinds {
		out[k] = s.each(k, keep)
	}
	return out
}

func everything(entity) bool { return true }
