package flagfile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// edits are changes of a document that leave the rest of its text alone.
type edits struct {
	doc  []byte
	list []edit
}

// edit replaces the bytes from start to before end by text.
type edit struct {
	start, end int
	text       string
}

// set sets a member of an object to a value, which is JSON. It appends a member that
// the object does not have, formatted like the member before.
func (e *edits) set(of *node, name, value string) {
	if n := of.get(name); n != nil {
		e.replace(n, value)
		return
	}
	e.add(of, name, value)
}

// swap replaces one member by another, or sets the new member if there is no old one.
func (e *edits) swap(of *node, old, name, value string) {
	for _, m := range of.members() {
		if m.name == old {
			e.list = append(e.list, edit{m.at, m.value.end, MarshalText(name) + ": " + value})
			return
		}
	}
	e.set(of, name, value)
}

func (e *edits) replace(n *node, value string) {
	e.list = append(e.list, edit{n.start, n.end, value})
}

func (e *edits) add(of *node, name, value string) {
	line := MarshalText(name) + ": " + value
	members := of.members()
	if len(members) == 0 {
		at := of.start + 1
		if slices.ContainsFunc(e.list, func(x edit) bool { return x.start == at }) {
			line = ", " + line
		}
		e.list = append(e.list, edit{at, at, line})
		return
	}
	last := members[len(members)-1]
	before := e.doc[:last.at]
	space := string(before[len(bytes.TrimRight(before, " \t\r\n")):])
	if !strings.Contains(space, "\n") {
		space = " "
	}
	e.list = append(e.list, edit{last.value.end, last.value.end, "," + space + line})
}

// apply appends the changed document.
func (e *edits) apply(out []byte) []byte {
	slices.SortStableFunc(e.list, func(a, b edit) int { return a.start - b.start })
	size := len(e.doc) + spareEdit
	for _, x := range e.list {
		size += len(x.text)
	}
	out = slices.Grow(out, size)
	done := 0
	for _, x := range e.list {
		out = append(append(out, e.doc[done:x.start]...), x.text...)
		done = x.end
	}
	return append(out, e.doc[done:]...)
}

// spareEdit is the space in bytes that a changed document leaves for what follows it.
const spareEdit = 8

// MarshalText returns a text as JSON, as Marshal does.
func MarshalText(s string) string { return string(Marshal(s)) }

// Marshal returns v as JSON. It does not escape <, > and &. V must be a value that
// always marshals.
func Marshal(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("flagfile: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
