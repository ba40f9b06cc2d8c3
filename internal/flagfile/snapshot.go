package flagfile

import (
	"cmp"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// topLevel has the members of a file that decide what it is, and the lists of data.
type topLevel struct {
	messageType, data, featureFlags, segments, flags *node
	dataFlags, dataSegments                          *node
}

func topLevelOf(root *node) (t topLevel) {
	if root.kind != object {
		return t
	}
	// Each value is scanned once, to its end: data with its members, at the same time.
	_, _ = jsontext.EachMemberAt(root.doc, root.start, func(name []byte, i int) (int, error) {
		value := &node{doc: root.doc, start: i, kind: kindOf(root.doc[i])}
		field := t.member(jsontext.Text(name))
		if field == &t.data && value.kind == object {
			var lists [2]*node
			value.end = value.pickInto(lists[:], []string{"featureFlags", "segments"})
			t.dataFlags, t.dataSegments = lists[0], lists[1]
		} else {
			value.end = jsontext.Skip(root.doc, i)
		}
		if field != nil {
			*field = value
		}
		return value.end, nil
	})
	return t
}

// member returns the field of a member; nil for a member that does not matter.
func (t *topLevel) member(name string) **node {
	switch name {
	case "messageType":
		return &t.messageType
	case "data":
		return &t.data
	case "featureFlags":
		return &t.featureFlags
	case "segments":
		return &t.segments
	case "flags":
		return &t.flags
	}
	return nil
}

// isSnapshot reports whether a file is in bootstrap form. Both forms can have
// "segments": a list in bootstrap form, an object in the simple form. A file with
// "flags" is of the simple form, even if its segments are a list by mistake.
func (t *topLevel) isSnapshot() bool {
	return t.messageType != nil || t.featureFlags != nil || t.segments != nil && t.segments.kind == list && t.flags == nil
}

func parseSnapshot(text []byte, root *node, top *topLevel, wanted string, before *Document) (*Document, string, error) {
	flags, segments := top.featureFlags, top.segments
	if top.messageType != nil {
		if top.data == nil || top.data.kind != object {
			return nil, "", &Mismatch{root.start, `a data-sync message with an object "data"`, "one without"}
		}
		flags, segments = top.dataFlags, top.dataSegments
	}
	d := newDocument(text, layout{})
	d.size = len(text)
	name := registry.CodecOfData(d.Data()).Name
	if wanted != "" && wanted != name {
		if count(flags)+count(segments) > 0 {
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
	seen := 0
	// tooMany bounds the memory for items without text.
	tooMany := func() error {
		if seen++; seen != countedAt {
			return nil
		}
		if n, most := count(flags)+count(segments), model.MaxItems(len(text)); n > most {
			return fmt.Errorf("%d flags and segments in %d bytes: clients accept at most %d", n, len(text), most)
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
		err = each(segments, "id", func(id, n *node, isArchived bool) error {
			if !isArchived {
				d.parts.segments = append(d.parts.segments, item{len(d.ids), n.start, n.end})
				d.ids = append(d.ids, id.text())
			}
			return tooMany()
		})
	}
	return d, name, err
}

// countedAt is the number of items at which all are counted. Any file may have more.
const countedAt = 1000

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
	var err error
	var members [2]*node
	names := []string{identity, "isArchived"}
	of.eachItem(func(i int) int {
		item := node{doc: of.doc, start: i, kind: kindOf(of.doc[i])}
		clear(members[:])
		item.end = item.pickInto(members[:], names)
		name, archived := members[0], members[1]
		switch {
		case item.kind != object:
			item = nodeAt(of.doc, i)
			err = &Mismatch{item.start, "an object", item.describe()}
		case name == nil:
			err = &Mismatch{item.start, fmt.Sprintf("an object with %q", identity), "one without"}
		case name.kind != text || name.end-name.start == len(`""`):
			err = &Mismatch{name.start, "a text that is not empty", name.describe()}
		default:
			err = visit(name, &item, archived != nil && string(archived.raw()) == "true")
		}
		if err != nil {
			return 0
		}
		return item.end
	})
	return err
}
