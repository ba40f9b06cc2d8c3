package flagfile

import (
	"cmp"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// isSnapshot reports whether a file is in bootstrap form. Both forms can have
// "segments": a list in bootstrap form, an object in the simple form. A file with
// "flags" is of the simple form, even if its segments are a list by mistake.
func isSnapshot(root *node) bool {
	m := root.pick("messageType", "featureFlags", "segments", "flags")
	return m[0] != nil || m[1] != nil || m[2] != nil && m[2].kind == list && m[3] == nil
}

// bodyOf returns the data object of a snapshot, which may be in a message; nil if the
// message has none.
func bodyOf(root *node) *node {
	m := root.pick("messageType", "data")
	switch {
	case m[0] == nil:
		return root
	case m[1] == nil || m[1].kind != object:
		return nil
	}
	return m[1]
}

func parseSnapshot(text []byte, root *node, wanted string, before *Document) (*Document, string, error) {
	body := bodyOf(root)
	if body == nil {
		return nil, "", &Mismatch{root.start, `a data-sync message with an object "data"`, "one without"}
	}
	d := newDocument(text, layout{})
	d.size = len(text)
	name := registry.CodecOfData(d.Data()).Name
	lists := body.pick("featureFlags", "segments")
	flags, segments := lists[0], lists[1]
	items := count(flags) + count(segments)
	if wanted != "" && wanted != name {
		if items > 0 {
			return nil, "", fmt.Errorf("expected a snapshot of the platform %s, got one of %s", wanted, name)
		}
		name = wanted
	}
	var err error
	if d.layout, err = layoutOf(name); err != nil {
		return nil, "", err
	}
	if before != nil && (before.simple || before.layout.platform != name) {
		before = nil
	}
	most := model.MaxItems(len(text))
	left := most
	// tooMany bounds the memory for flags without text.
	tooMany := func() error {
		if left--; left < 0 {
			return fmt.Errorf("%d flags and segments in %d bytes: clients accept at most %d", items, len(text), most)
		}
		return nil
	}
	archived := make(map[string]bool)
	err = each(flags, d.layout.identity, func(identity, n *node, isArchived bool) error {
		key, err := d.layout.key(identity)
		if err = cmp.Or(err, tooMany()); err != nil {
			return err
		}
		_, twice := d.index[key]
		switch {
		case twice || archived[key]:
			return &Mismatch{identity.start, "each flag once", "a second " + identity.describe()}
		case isArchived:
			archived[key] = true
		default:
			d.add(key, n, before)
		}
		return nil
	})
	if err == nil {
		err = each(segments, "id", func(id, _ *node, isArchived bool) error {
			if !isArchived {
				d.ids = append(d.ids, id.text())
			}
			return tooMany()
		})
	}
	return d, name, err
}

// count returns the number of items of a list, which may be nil.
func count(n *node) (items int) {
	for range n.items() {
		items++
	}
	return items
}

// each visits the items of a list, which may be missing or null, with the member
// that identifies each item.
func each(of *node, identity string, visit func(name, n *node, archived bool) error) error {
	switch {
	case of == nil || of.kind == null:
		return nil
	case of.kind != list:
		return &Mismatch{of.start, "a list", of.describe()}
	}
	for item := range of.items() {
		members := item.pick(identity, "isArchived")
		name, archived := members[0], members[1]
		switch {
		case item.kind != object:
			return &Mismatch{item.start, "an object", item.describe()}
		case name == nil:
			return &Mismatch{item.start, fmt.Sprintf("an object with %q", identity), "one without"}
		case name.kind != text || name.end-name.start == len(`""`):
			return &Mismatch{name.start, "a text that is not empty", name.describe()}
		}
		if err := visit(name, item, archived != nil && string(archived.raw()) == "true"); err != nil {
			return err
		}
	}
	return nil
}
