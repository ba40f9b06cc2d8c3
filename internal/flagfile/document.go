package flagfile

import (
	"bytes"
	"cmp"
	"errors"
	"hash/maphash"
	"iter"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// Document is a flag file: its form, and where its flags are. It has the text of the
// file, and the flags as clients get them, only until Served: both are large.
type Document struct {
	layout layout
	simple bool
	flags  []place        // in the order of the file, without archived flags
	index  map[string]int // of flags, by key
	ids    []string       // of segments
	size   int            // of Data in bytes, about

	// Until Served:
	text  []byte
	whole bool // everything may differ from the previous document
	// built has the flags of a file of the simple form: all flags if whole, else those
	// that differ from the previous document. parts has its segments, and those of a
	// snapshot.
	built []*Part
	parts Part
}

// Part is a part of a document's data, in bootstrap form.
type Part struct {
	Data            []byte
	flags, segments []item
	whole           *Document // the snapshot whose text this is
}

// item is where a flag or a segment is in a part, and its number in the document.
type item struct{ number, start, end int }

// Flags yields the flags that are not those of the previous document, by number.
func (p *Part) Flags() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if d := p.whole; d != nil {
			for i := range d.flags {
				if f := &d.flags[i]; !f.same && !yield(i, d.text[f.start:f.end]) {
					return
				}
			}
		}
		for _, f := range p.flags {
			if !yield(f.number, p.Data[f.start:f.end]) {
				return
			}
		}
	}
}

// Segments yields the segments, by number.
func (p *Part) Segments() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		data := p.Data
		if p.whole != nil {
			data = p.whole.text
		}
		for _, s := range p.segments {
			if !yield(s.number, data[s.start:s.end]) {
				return
			}
		}
	}
}

// add appends an item to the list that Data ends with.
func (p *Part) add(to *[]item, number int, raw []byte) {
	if p.Data[len(p.Data)-1] != '[' {
		p.Data = append(p.Data, ',')
	}
	start := len(p.Data)
	p.Data = append(p.Data, raw...)
	*to = append(*to, item{number, start, len(p.Data)})
}

// place is where a flag is in a file, and the hash of its text.
type place struct {
	key        string
	start, end int
	hash       uint64
	// alone: the flag has no prerequisites, so in the simple form it depends only on
	// its text and on the ids of the file's segments.
	alone bool
	// same: the flag is that of the previous document.
	same bool
}

// newDocument returns a document without flags.
func newDocument(text []byte, l layout) *Document {
	return &Document{text: text, layout: l, index: make(map[string]int), whole: true}
}

// seed is that of all hashes, so that those of two documents can be compared.
var seed = maphash.MakeSeed()

// add adds a flag. It reports false if there is one with its key.
func (d *Document) add(key string, value *node, before *Document) bool {
	if _, twice := d.index[key]; twice {
		return false
	}
	p := place{key: key, start: value.start, end: value.end, hash: maphash.Bytes(seed, value.raw())}
	p.alone = !d.simple || !bytes.Contains(value.raw(), []byte("prerequisites"))
	if before != nil {
		i, known := before.index[key]
		p.same = known && p.alone && before.flags[i].hash == p.hash
	}
	d.index[key] = len(d.flags)
	d.flags = append(d.flags, p)
	return true
}

// Len returns the number of flags.
func (d *Document) Len() int { return len(d.flags) }

// Key returns the key of the flag with the number i: see Index.
func (d *Document) Key(i int) string { return d.flags[i].key }

// Index returns the number of the flag with a key, from 0 in the order of the
// file. ok is false if there is no such flag.
func (d *Document) Index(key string) (i int, ok bool) {
	i, ok = d.index[key]
	return i, ok
}

// Same reports whether the flag with the number i is equal in the previous
// document.
func (d *Document) Same(i int) bool { return d.flags[i].same }

// SegmentIDs returns the ids of all segments, in the order of the file.
func (d *Document) SegmentIDs() []string { return d.ids }

// Size returns about the size of Data in bytes.
func (d *Document) Size() int { return d.size }

const (
	partFlags    = `{"featureFlags":[`
	partSegments = `],"segments":[`
	partEnd      = `]}`
)

// Data returns the flags and segments in bootstrap form.
func (d *Document) Data() []byte {
	if !d.simple {
		return jsontext.TrimBOM(d.text)
	}
	const start, end = `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`, `}`
	size := len(start) + len(end) + len(d.parts.Data)
	for _, part := range d.built {
		size += len(part.Data)
	}
	all := d.all(append(make([]byte, 0, size), start...))
	return append(all.Data, end...)
}

// all appends all parts, as one, to a text that begins the list of flags.
func (d *Document) all(out []byte) *Part {
	all := &Part{Data: out}
	for _, part := range d.built {
		for _, f := range part.flags {
			all.add(&all.flags, f.number, part.Data[f.start:f.end])
		}
	}
	all.Data = append(all.Data, partSegments...)
	for i, raw := range d.parts.Segments() {
		all.add(&all.segments, i, raw)
	}
	all.Data = append(all.Data, partEnd...)
	return all
}

// Parts yields Data in parts, and frees each part: the data of a file of the simple
// form is several times as large as the file. A snapshot is one part: the server
// finds the environment in the flags of a part.
func (d *Document) Parts() iter.Seq[*Part] {
	return func(yield func(*Part) bool) {
		if !d.simple {
			yield(d.Whole())
			return
		}
		if !yield(&d.parts) {
			return
		}
		for i, part := range d.built {
			d.built[i] = nil
			if !yield(part) {
				return
			}
		}
	}
}

// Whole returns all data in one part.
func (d *Document) Whole() *Part {
	if d.simple {
		return d.all([]byte(partFlags))
	}
	return &Part{Data: d.Data(), segments: d.parts.segments, whole: d}
}

// Changed returns the flags that differ from those of the previous document, and all
// segments. It returns nil if everything may differ.
func (d *Document) Changed() *Part {
	if d.whole {
		return nil
	}
	return d.all([]byte(partFlags))
}

// Served frees the text of the file and the flags: call it once the server has
// the data.
func (d *Document) Served() { d.text, d.built, d.parts = nil, nil, Part{} }

// Parse reads a flag file of either form, and returns the name of its platform.
// Platform is the platform that the file must be for; if it is "", the file is for
// the platform of the snapshot in it, and otherwise for classic. The error may be
// a *Mismatch. The document uses text until Served.
func Parse(text []byte, platform string) (*Document, string, error) {
	return ParseChanged(nil, text, platform)
}

// ParseChanged is Parse for a changed file: Same and Changed compare the flags with
// those of the previous document. name is the platform that the file must be for.
func ParseChanged(previous *Document, text []byte, name string) (*Document, string, error) {
	root, err := parse(text)
	switch {
	case err != nil:
		return nil, "", err
	case root.kind != object:
		return nil, "", &Mismatch{root.start, "a flag file, which begins with {", root.describe()}
	}
	top := topLevelOf(root)
	if top.isSnapshot() {
		return parseSnapshot(text, root, &top, name, previous)
	}
	l, err := layoutOf(cmp.Or(name, registry.Default().Name))
	if err != nil {
		return nil, "", err
	}
	if previous != nil && !previous.simple {
		previous = nil
	}
	doc, err := parseSimple(text, root, &top, l, previous)
	return doc, l.platform, err
}

// Bootstrap returns the flags and segments of a flag file in bootstrap form if the
// file has the simple form, for a platform as in Parse. It returns other text
// unchanged. The error names the file, the line and the column.
func Bootstrap(name string, text []byte, platform string) ([]byte, error) {
	if err := CheckPlatform(platform); err != nil {
		return nil, err
	}
	root, err := parse(text)
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
	}
	if top := topLevelOf(root); root.kind != object || top.isSnapshot() || top.data != nil {
		return text, nil
	}
	return Snapshot(name, text, platform)
}

// Snapshot is Bootstrap for a file of either form. A snapshot of another platform
// is an error.
func Snapshot(name string, text []byte, platform string) ([]byte, error) {
	doc, _, err := Parse(text, platform)
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
	}
	return doc.Data(), nil
}

// CheckPlatform fails unless name is the name of a platform or "".
func CheckPlatform(name string) error {
	if name == "" {
		return nil
	}
	_, err := layoutOf(name)
	return err
}
