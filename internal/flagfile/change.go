package flagfile

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// Change is a change that the page can make to a flag.
type Change struct {
	On     *bool   `json:"on"`
	Shares []Share `json:"shares"`
}

// Share is the part of users that gets a variation.
type Share struct {
	Variation string  `json:"variation"` // its id
	Percent   float64 `json:"percent"`
}

// Check fails if the change is invalid for a flag with these variations.
func (c Change) Check(variationIDs []string) error {
	if c.On == nil && c.Shares == nil {
		return errors.New(`nothing to change: expected "on" or "shares"`)
	}
	if c.Shares == nil {
		return nil
	}
	known := make(map[string]bool)
	for _, id := range variationIDs {
		known[id] = true
	}
	sum := 0.0
	for _, s := range c.Shares {
		if !known[s.Variation] {
			return fmt.Errorf("%q is not the id of a variation, or is there twice", s.Variation)
		}
		known[s.Variation] = false
		if s.Percent < 0 || s.Percent > 100 {
			return fmt.Errorf("%v is not a percentage", s.Percent)
		}
		sum += s.Percent
	}
	if !flagjson.IsWhole(sum) {
		return errors.New("the percentages do not have a sum of 100")
	}
	return nil
}

// Tidy rounds a percentage to 7 decimals, which removes errors of subtraction.
func Tidy(percent float64) float64 { return math.Round(percent*1e7) / 1e7 }

// Edit is a change of the text of one flag in a file.
type Edit struct {
	Start, End int    // of the text that Text replaces
	Text       []byte // of the flag; nil: nothing changes
	key        string
	part       []byte // with Text, for files in bootstrap form
}

// Edit returns the change of the flag with this key, which must exist, in file, whose
// text is that of the document. It reads nothing but the flag. Forms that have
// versions set version: clients that started from this file ignore a flag without a
// newer version.
func (d *Document) Edit(file io.ReaderAt, key string, c Change, version int64) (*Edit, error) {
	p := d.flags[d.index[key]]
	flag, err := d.read(file, key)
	if err != nil {
		return nil, err
	}
	e := &edits{doc: flag.doc}
	if d.simple {
		err = editSimple(e, flag, c)
	} else {
		err = d.layout.edit(e, flag, c, version)
	}
	if err != nil {
		return nil, err
	}
	out := &Edit{Start: p.start, End: p.end, key: key}
	changed := e.apply([]byte(partFlags))
	if text := changed[len(partFlags):]; !bytes.Equal(text, flag.doc) {
		out.Text, out.part = text, append(changed, partEnd...)
	}
	return out, nil
}

// read returns a flag in file.
func (d *Document) read(file io.ReaderAt, key string) (*node, error) {
	p := d.flags[d.index[key]]
	text := make([]byte, p.end-p.start)
	if _, err := file.ReadAt(text, int64(p.start)); err != nil && err != io.EOF {
		return nil, err
	}
	return parse(text)
}

// Edited returns the document of the file after an edit, and a part with the changed
// flag. file has the text before the edit.
func (d *Document) Edited(file io.ReaderAt, e *Edit) (*Document, *Part, error) {
	flag, err := parse(e.Text)
	if err != nil {
		return nil, nil, err
	}
	number := d.index[e.key]
	part := &Part{Data: e.part, flags: []item{{number, len(partFlags), len(partFlags) + len(e.Text)}}}
	if d.simple {
		served, err := d.buildEdited(file, e.key, flag)
		if err != nil {
			return nil, nil, err
		}
		part = &Part{Data: []byte(partFlags)}
		part.add(&part.flags, number, served)
		part.Data = append(part.Data, partEnd...)
	}
	next := &Document{layout: d.layout, simple: d.simple, index: d.index, ids: d.ids, size: d.size, flags: slices.Clone(d.flags)}
	by := len(e.Text) - (e.End - e.Start)
	for i := range next.flags {
		p := &next.flags[i]
		switch p.same = true; {
		case p.start == e.Start:
			p.hash, p.end, p.same = maphash.Bytes(seed, e.Text), e.Start+len(e.Text), false
		case p.start > e.Start:
			p.start, p.end = p.start+by, p.end+by
		}
	}
	return next, part, nil
}
