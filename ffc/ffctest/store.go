package ffctest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
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
	version  int64 // Unix ms
	kind     kind
	archived bool
}

// owned returns e with its own copy of its JSON, without white space between tokens.
func (e entity) owned(w *writer) entity {
	e.json = w.exact(len(e.json), func(dst []byte) []byte { return jsontext.Compact(dst, e.json) })
	return e
}

// writer writes the JSON of one entity after the other. It reuses the memory for
// short texts.
type writer struct{ buffer []byte }

// writerKeeps is the size in bytes from which a text is not copied out of a buffer.
const writerKeeps = 32 << 10

// text returns what fill appends, which has about size bytes. It is valid until the
// next call.
func (w *writer) text(size int, fill func(dst []byte) []byte) []byte {
	w.buffer = fill(slices.Grow(w.buffer[:0], size+128))
	return w.buffer
}

// exact is text, but the result stays valid and wastes little memory.
func (w *writer) exact(size int, fill func(dst []byte) []byte) []byte {
	out := w.text(size, fill)
	if len(out) < writerKeeps || cap(out)-len(out) > len(out)/8 {
		return bytes.Clone(out)
	}
	w.buffer = nil
	return out
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
