package flagfile

import (
	"bytes"
	"encoding/json"
)

// reparse returns the tree of doc, a changed text of the file. root is the tree of
// the text before. reparse reads only the flag that has changed: the page and most
// editors change one flag of a file at a time, and the file may have tens of MB. If
// more than one flag has changed, or text outside of flags, reparse returns nil.
func reparse(root *node, before, doc []byte) *node {
	start := commonPrefix(before, doc)
	end := len(before) - commonSuffix(before[start:], doc[start:])
	flag := root.lazyAround(start, end)
	if flag == nil {
		return nil
	}
	m := move{from: flag.start, by: len(doc) - len(before)}
	if !json.Valid(doc[flag.start : flag.end+m.by]) {
		return nil
	}
	return m.node(root)
}

// lazyAround returns the lazy node that has the bytes from start to before end
// between its braces, or nil.
func (n *node) lazyAround(start, end int) *node {
	if start <= n.start || end >= n.end {
		return nil
	}
	if n.lazy {
		return n
	}
	for i := range n.members {
		if found := n.members[i].value.lazyAround(start, end); found != nil {
			return found
		}
	}
	for _, item := range n.items {
		if found := item.lazyAround(start, end); found != nil {
			return found
		}
	}
	return nil
}

// move copies nodes for a text in which everything behind from has moved. The node
// that starts there has changed.
type move struct{ from, by int }

func (m move) offset(at int) int {
	if at > m.from {
		return at + m.by
	}
	return at
}

func (m move) node(n *node) *node {
	out := *n
	out.start, out.end = m.offset(n.start), m.offset(n.end)
	if n.lazy && n.start == m.from {
		out.name, out.members = nil, nil
		return &out
	}
	if n.name != nil {
		out.name = m.node(n.name)
	}
	if len(n.members) > 0 {
		out.members = make([]member, len(n.members))
		for i, of := range n.members {
			out.members[i] = member{of.name, m.offset(of.at), m.node(of.value)}
		}
	}
	if len(n.items) > 0 {
		out.items = make([]*node, len(n.items))
		for i, item := range n.items {
			out.items[i] = m.node(item)
		}
	}
	return &out
}

// block is how many bytes are compared at a time.
const block = 4096

// commonPrefix returns how many bytes at the beginning of a and b are equal.
func commonPrefix(a, b []byte) (n int) {
	limit := min(len(a), len(b))
	for n+block <= limit && bytes.Equal(a[n:n+block], b[n:n+block]) {
		n += block
	}
	for n < limit && a[n] == b[n] {
		n++
	}
	return n
}

// commonSuffix returns how many bytes at the end of a and b are equal.
func commonSuffix(a, b []byte) (n int) {
	limit := min(len(a), len(b))
	for n+block <= limit && bytes.Equal(a[len(a)-n-block:len(a)-n], b[len(b)-n-block:len(b)-n]) {
		n += block
	}
	for n < limit && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
