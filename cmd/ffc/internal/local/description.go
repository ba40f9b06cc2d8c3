package local

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// view is what has to be known of all flags and segments at any time. The rest is
// read from the server's data when the page needs it. A view does not change.
type view struct {
	doc   *flagfile.Document
	codec *platform.Codec
	// By number of the flag:
	prerequisites map[int][]string // keys
	own           map[int][]string // warnings that do not depend on other flags
	warnings      map[int][]string

	segmentWarnings map[string][]string // by id
}

// description is a view on the way: the data may come in parts.
type description struct{ *view }

// newDescription returns the description of doc for clients of a platform with this
// secret. Flags that are those of the document before are described as before.
func newDescription(doc *flagfile.Document, g ffctest.Platform, secret string, before *view) (*description, error) {
	codec, _, err := registry.CodecFor(g.String(), secret)
	if err != nil {
		return nil, err
	}
	d := &description{
		view: &view{
			doc:             doc,
			codec:           codec,
			prerequisites:   make(map[int][]string),
			own:             make(map[int][]string),
			segmentWarnings: make(map[string][]string),
		},
	}
	for i := range doc.Len() {
		if old, ok := before.index(doc.Key(i)); ok && doc.Same(i) {
			d.set(i, flagNotes{before.prerequisites[old], before.own[old]})
		}
	}
	for _, id := range doc.SegmentIDs() {
		if before != nil && len(before.segmentWarnings[id]) > 0 {
			d.segmentWarnings[id] = before.segmentWarnings[id]
		}
	}
	return d, nil
}

// flagNotes is what a view has of a flag.
type flagNotes struct {
	prerequisites []string
	own           []string
}

func (d *description) set(i int, notes flagNotes) {
	if len(notes.prerequisites) > 0 {
		d.prerequisites[i] = notes.prerequisites
	}
	if len(notes.own) > 0 {
		d.own[i] = notes.own
	}
}

// describedAtOnce is how many flags are described at a time, on all processors.
const describedAtOnce = 500

// add describes a part of the data.
func (d *description) add(part *flagfile.Part) {
	var numbers []int
	var raw [][]byte
	describe := func() {
		notes := make([]flagNotes, len(raw))
		flagfile.InParallel(len(raw), func(i int) { notes[i] = notesOf(d.codec, raw[i]) })
		for i, n := range notes {
			d.set(numbers[i], n)
		}
		numbers, raw = numbers[:0], raw[:0]
	}
	for i, flag := range part.Flags() {
		numbers, raw = append(numbers, i), append(raw, flag)
		if len(raw) == describedAtOnce {
			describe()
		}
	}
	describe()
	for i, segment := range part.Segments() {
		id := d.doc.SegmentIDs()[i]
		if warnings := segmentWarnings(d.codec, segment); len(warnings) > 0 {
			d.segmentWarnings[id] = warnings
		} else {
			delete(d.segmentWarnings, id)
		}
	}
}

// done returns the view, after all parts.
func (d *description) done() *view {
	d.warn()
	return d.view
}

func notesOf(codec *platform.Codec, raw []byte) flagNotes {
	f, err := codec.DecodeFlag(raw)
	if err != nil {
		return flagNotes{own: []string{err.Error()}}
	}
	notes := flagNotes{own: warnFlag(codec.Semantics, f)}
	for _, p := range f.Prerequisites {
		notes.prerequisites = append(notes.prerequisites, p.FlagKey)
	}
	return notes
}

// variationIDs returns the ids of the variations of a flag, as the server has it; none
// if the flag is malformed.
func (p *Platform) variationIDs(codec *platform.Codec, key string) []string {
	raw, _ := p.server.FlagJSON(key)
	f, err := codec.DecodeFlag(raw)
	if err != nil {
		return nil
	}
	variations := variationsOf(f, raw)
	ids := make([]string, len(variations))
	for i, v := range variations {
		ids[i] = v.ID
	}
	return ids
}

func segmentWarnings(codec *platform.Codec, raw []byte) []string {
	s, err := codec.DecodeSegment(raw)
	if err != nil {
		return []string{err.Error()}
	}
	return warnSegment(codec.Semantics, s)
}

// index returns the number of a flag. v may be nil.
func (v *view) index(key string) (i int, ok bool) {
	if v == nil {
		return 0, false
	}
	return v.doc.Index(key)
}
