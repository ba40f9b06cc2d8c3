package flagfile

import (
	"bytes"
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// snapshot is a file in bootstrap form.
type snapshot struct {
	text      []byte
	layout    layout
	root      *node
	keys, ids []string
	flags     map[string]*node // lazy
}

// Changed implements Document.
func (s *snapshot) Changed(keys []string) []byte {
	if keys == nil {
		return nil
	}
	out := []byte(`{"featureFlags":[`)
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		n := s.flags[key]
		out = append(out, s.text[n.start:n.end]...)
	}
	return append(out, `]}`...)
}

// Parts implements Document. It yields one part: the server finds the environment
// in the flags of a part.
func (s *snapshot) Parts() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { yield(s.Data()) }
}

// Served implements Document.
func (s *snapshot) Served() {}

func (s *snapshot) source() []byte       { return s.text }
func (s *snapshot) tree() *node          { return s.root }
func (s *snapshot) Data() []byte         { return bytes.TrimPrefix(s.text, bom()) }
func (s *snapshot) Size() int            { return len(s.text) }
func (s *snapshot) FlagKeys() []string   { return s.keys }
func (s *snapshot) SegmentIDs() []string { return s.ids }

// isSnapshot reports whether a file is in bootstrap form. Both forms can have
// "segments": a list in bootstrap form, an object in the simple form. A file with
// "flags" is of the simple form, even if its segments are a list by mistake.
func isSnapshot(root *node) bool {
	segments := root.get("segments")
	return root.get("messageType") != nil || root.get("featureFlags") != nil ||
		segments != nil && segments.kind == list && root.get("flags") == nil
}

func parseSnapshot(doc []byte, root *node, wanted string) (Document, string, error) {
	s := &snapshot{text: doc, root: root, flags: make(map[string]*node)}
	data := s.Data()
	body := root
	if root.get("messageType") != nil {
		if body = root.get("data"); body == nil || body.kind != object {
			return nil, "", &Mismatch{root.start, `a data-sync message with an object "data"`, "one without"}
		}
	}
	name := registry.CodecOfData(data).Name
	flags, segments := body.get("featureFlags"), body.get("segments")
	empty := (flags == nil || len(flags.items) == 0) && (segments == nil || len(segments.items) == 0)
	if wanted != "" && wanted != name {
		if !empty {
			return nil, "", fmt.Errorf("expected a snapshot of the platform %s, got one of %s", wanted, name)
		}
		name = wanted
	}
	var err error
	if s.layout, err = layoutOf(name); err != nil {
		return nil, "", err
	}
	err = each(doc, flags, s.layout.identity, func(identity, n *node) error {
		key, err := s.layout.key(identity)
		if _, twice := s.flags[key]; twice && err == nil {
			err = &Mismatch{identity.start, "each flag once", "a second " + identity.describe()}
		}
		s.flags[key] = n
		if err == nil && !isArchived(n) {
			s.keys = append(s.keys, key)
		}
		return err
	})
	if err == nil {
		err = each(doc, segments, "id", func(id, n *node) error {
			if !isArchived(n) {
				s.ids = append(s.ids, id.text)
			}
			return nil
		})
	}
	return s, name, err
}

func isArchived(n *node) bool {
	archived := n.get("isArchived")
	return archived != nil && archived.text == "true"
}

// each visits the items of a list, which may be missing or null, with the member
// that identifies each item.
func each(doc []byte, of *node, identity string, visit func(name, n *node) error) error {
	switch {
	case of == nil || of.kind == null:
		return nil
	case of.kind != list:
		return &Mismatch{of.start, "a list", of.describe()}
	}
	for _, item := range of.items {
		if item.lazy {
			if name := lazyName(doc, item, identity); name != nil {
				if err := visit(name, item); err != nil {
					return err
				}
				continue
			}
			var err error
			if item, err = item.expand(doc); err != nil {
				return err
			}
		}
		name := item.get(identity)
		switch {
		case item.kind != object:
			return &Mismatch{item.start, "an object", item.describe()}
		case name == nil:
			return &Mismatch{item.start, fmt.Sprintf("an object with %q", identity), "one without"}
		case name.kind != text || name.text == "":
			return &Mismatch{name.start, "a text that is not empty", name.describe()}
		}
		if err := visit(name, item); err != nil {
			return err
		}
	}
	return nil
}

// lazyName returns the identity of a lazy item, and records whether the item is
// archived. It returns nil if the item must be read completely.
func lazyName(doc []byte, item *node, identity string) *node {
	if item.name != nil && item.identity == identity {
		return item.name
	}
	var name *node
	for key, value := range jsontext.Members(doc[item.start:item.end]) {
		switch string(key) {
		case identity:
			if name != nil || len(value) <= 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 || !utf8.Valid(value) {
				return nil
			}
			start := cap(doc) - cap(value) // value is a part of doc
			name = &node{kind: text, start: start, end: start + len(value), text: string(value[1 : len(value)-1])}
		case "isArchived":
			item.members = nil
			if string(value) == "true" {
				item.members = []member{{name: "isArchived", value: &node{kind: boolean, text: "true"}}}
			}
		}
	}
	item.name, item.identity = name, identity
	return name
}

// Edit implements Document. It also raises the version: clients that started from
// this file ignore a flag without a newer version.
func (s *snapshot) Edit(key string, c Change, version int64) ([]byte, error) {
	flag, err := s.flags[key].expand(s.text)
	if err != nil {
		return nil, err
	}
	e := &edits{doc: s.text}
	if err := s.layout.edit(e, flag, c, version); err != nil {
		return nil, err
	}
	return e.apply(), nil
}
