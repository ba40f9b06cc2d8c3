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
	text []byte
	// built has the flags of a file of the simple form in parts of bootstrap form:
	// all flags if whole, else those that differ from the previous document.
	built    [][]byte
	segments []byte // a part, too
	whole    bool
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

// Key returns the key of a flag, by its number in the order of the file.
func (d *Document) Key(i int) string { return d.flags[i].key }

// Index returns the number of a flag.
func (d *Document) Index(key string) (i int, ok bool) {
	i, ok = d.index[key]
	return i, ok
}

// Same reports whether the flag of this number is that of the previous document.
func (d *Document) Same(i int) bool { return d.flags[i].same }

// SegmentIDs are in the order of the file.
func (d *Document) SegmentIDs() []string { return d.ids }

// Size returns about the size of Data in bytes.
func (d *Document) Size() int { return d.size }

const (
	partStart    = `{"featureFlags":[`
	partSegments = `{"segments":[`
	partEnd      = `]}`
)

// Data returns the flags and segments in bootstrap form.
func (d *Document) Data() []byte {
	if !d.simple {
		return jsontext.TrimBOM(d.text)
	}
	out := append(make([]byte, 0, d.builtSize()), `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`...)
	return append(append(d.appendBuilt(out), partEnd...), partEnd[1:]...)
}

// appendBuilt appends the built flags, and the segments without the end of their
// list.
func (d *Document) appendBuilt(out []byte) []byte {
	for i, part := range d.built {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, part[len(partStart):len(part)-len(partEnd)]...)
	}
	out = append(out, `],"segments":[`...)
	return append(out, d.segments[len(partSegments):len(d.segments)-len(partEnd)]...)
}

// builtSize returns the size in bytes of what is built.
func (d *Document) builtSize() int {
	size := len(d.segments) + 100
	for _, part := range d.built {
		size += len(part)
	}
	return size
}

// Parts yields Data in parts, and frees each part: the data of a file of the simple
// form is several times as large as the file. A snapshot is one part: the server
// finds the environment in the flags of a part.
func (d *Document) Parts() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !d.simple {
			yield(d.Data())
			return
		}
		if !yield(d.segments) {
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

// Changed returns the flags that differ from those of the previous document, and all
// segments, in bootstrap form. It returns nil if everything may differ.
func (d *Document) Changed() []byte {
	if d.whole {
		return nil
	}
	return append(d.appendBuilt([]byte(partStart)), partEnd...)
}

// Flags yields the flags of a part of Data that are not those of the previous
// document, by number.
func (d *Document) Flags(part []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for item := range listIn(part, "featureFlags") {
			key := d.keyOf(item)
			if i, ok := d.index[key]; ok && !d.flags[i].same && !yield(i, item.raw()) {
				return
			}
		}
	}
}

// Segments yields the segments of a part of Data.
func (d *Document) Segments(part []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for item := range listIn(part, "segments") {
			if id := item.get("id"); id != nil && !yield(id.text(), item.raw()) {
				return
			}
		}
	}
}

// listIn yields the items of a list of bootstrap data, which is valid.
func listIn(data []byte, name string) iter.Seq[*node] {
	root := nodeAt(data, jsontext.SkipSpace(data, 0))
	return bodyOf(&root).pick(name)[0].items()
}

// keyOf returns the key of a flag in bootstrap form; "" if the flag has none.
func (d *Document) keyOf(flag *node) string {
	identity := flag.pick(d.layout.identity)[0]
	if identity == nil {
		return ""
	}
	key, err := d.layout.key(identity)
	if err != nil {
		return ""
	}
	return key
}

// Served reports to the document that the server has the flags.
func (d *Document) Served() { d.text, d.built, d.segments = nil, nil, nil }

// Parse reads a flag file of either form, and returns the name of its platform.
// Platform is the platform that the file must be for; if it is "", the file is for
// the platform of the snapshot in it, and otherwise for classic. The error may be
// a *Mismatch. The document uses text until Served.
func Parse(text []byte, platform string) (*Document, string, error) {
	return ParseChanged(nil, text, platform)
}

// ParseChanged is Parse for a changed file. It compares the flags with those of the
// previous document.
func ParseChanged(previous *Document, text []byte, name string) (*Document, string, error) {
	root, err := parse(text)
	switch {
	case err != nil:
		return nil, "", err
	case root.kind != object:
		return nil, "", &Mismatch{root.start, "a flag file, which begins with {", root.describe()}
	case isSnapshot(root):
		return parseSnapshot(text, root, name, previous)
	}
	l, err := layoutOf(cmp.Or(name, registry.Default().Name))
	if err != nil {
		return nil, "", err
	}
	if previous != nil && !previous.simple {
		previous = nil
	}
	doc, err := parseSimple(text, root, l, previous)
	return doc, l.platform, err
}

// Bootstrap returns the flags and segments of a flag file of the simple form in
// bootstrap form, for a platform as in Parse. It returns other text unchanged. The
// error names the file, the line and the column.
func Bootstrap(name string, text []byte, platform string) ([]byte, error) {
	if err := CheckPlatform(platform); err != nil {
		return nil, err
	}
	root, err := parse(text)
	if err == nil && (root.kind != object || isSnapshot(root) || root.pick("data")[0] != nil) {
		return text, nil
	}
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
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
