package flagfile

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// kind is what a JSON value is.
type kind uint8

const (
	object kind = iota
	list
	text
	number
	boolean
	null
)

// kindOf returns the kind of a valid value that begins with b.
func kindOf(b byte) kind {
	switch b {
	case '{':
		return object
	case '[':
		return list
	case '"':
		return text
	case 't', 'f':
		return boolean
	case 'n':
		return null
	}
	return number
}

// node is a JSON value in a valid document, from start to before end. What is inside
// is read when a method needs it.
type node struct {
	doc        []byte
	start, end int
	kind       kind
	read       bool // own is known
	own        []member
}

type member struct {
	name  string
	at    int // where the name begins
	value node
}

// nodeAt returns the value that begins at doc[i].
func nodeAt(doc []byte, i int) node {
	return node{doc: doc, start: i, end: jsontext.Skip(doc, i), kind: kindOf(doc[i])}
}

// parse checks a document and returns its value.
func parse(doc []byte) (*node, error) {
	if err := check(doc); err != nil {
		return nil, err
	}
	i := 0
	if bytes.HasPrefix(doc, bom()) {
		i = len(bom())
	}
	i = jsontext.SkipSpace(doc, i)
	return &node{doc: doc, start: i, end: len(bytes.TrimRight(doc, " \t\r\n")), kind: kindOf(doc[i])}, nil
}

// raw returns the JSON of the value.
func (n *node) raw() []byte { return n.doc[n.start:n.end] }

// text returns the value of a text, and the JSON of another value.
func (n *node) text() string {
	if n.kind == text {
		return decode(n.raw())
	}
	return string(n.raw())
}

// decode returns the value of a JSON string with its quotes.
func decode(quoted []byte) string { return jsontext.Text(quoted[1 : len(quoted)-1]) }

// walk calls visit with each member of an object, in order. name is the JSON of the
// name, with quotes. It returns the index after the object.
func (n *node) walk(visit func(name []byte, at int, value node)) (end int) {
	if n == nil || n.kind != object {
		return 0
	}
	i := jsontext.SkipSpace(n.doc, n.start+1)
	for n.doc[i] == '"' {
		at := i
		i = jsontext.Skip(n.doc, i)
		name := n.doc[at:i]
		value := nodeAt(n.doc, jsontext.SkipSpace(n.doc, jsontext.SkipSpace(n.doc, i)+1))
		visit(name, at, value)
		if i = jsontext.SkipSpace(n.doc, value.end); n.doc[i] == ',' {
			i = jsontext.SkipSpace(n.doc, i+1)
		}
	}
	return i + 1
}

// members returns the members of an object. They take several times the memory of
// the object: walk is for objects that may be large.
func (n *node) members() []member {
	if n == nil {
		return nil
	}
	if !n.read {
		n.read = true
		n.own = make([]member, 0, 2) // of a condition
		n.walk(func(name []byte, at int, value node) {
			n.own = append(n.own, member{decode(name), at, value})
		})
	}
	return n.own
}

// items yields the items of a list; none of another value, or of nil.
func (n *node) items() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		n.eachItem(func(i int) int {
			item := nodeAt(n.doc, i)
			if !yield(&item) {
				return 0
			}
			return item.end
		})
	}
}

// eachItem calls visit with the index of each item of a list. visit returns the index
// after the item, or 0 to stop.
func (n *node) eachItem(visit func(i int) (end int)) {
	if n == nil || n.kind != list {
		return
	}
	for i := jsontext.SkipSpace(n.doc, n.start+1); n.doc[i] != ']'; {
		end := visit(i)
		if end == 0 {
			return
		}
		if i = jsontext.SkipSpace(n.doc, end); n.doc[i] == ',' {
			i = jsontext.SkipSpace(n.doc, i+1)
		}
	}
}

// get returns the member with a name, or nil. Of several it returns the last,
// as other JSON decoders do.
func (n *node) get(name string) *node {
	members := n.members()
	for i := len(members) - 1; i >= 0; i-- {
		if members[i].name == name {
			return &members[i].value
		}
	}
	return nil
}

// pickInto is get for several members of an object that may be large: it sets out to
// the members with the names. It returns the index after the object.
func (n *node) pickInto(out []*node, names []string) (end int) {
	return n.walk(func(name []byte, _ int, value node) {
		if i := slices.IndexFunc(names, func(s string) bool { return isName(name, s) }); i >= 0 {
			found := value // value itself would be allocated for every member
			out[i] = &found
		}
	})
}

// isName reports whether quoted, which is JSON, is a name.
func isName(quoted []byte, name string) bool {
	inside := quoted[1 : len(quoted)-1]
	return string(inside) == name || bytes.IndexByte(inside, '\\') >= 0 && jsontext.Text(inside) == name
}

// describe returns the kind of a value, for an error.
func (n *node) describe() string {
	switch n.kind {
	case object:
		return "an object"
	case list:
		return "a list"
	case text:
		return Quote(n.text())
	case number:
		return "the number " + clip(n.text())
	default:
		return n.text()
	}
}

// Quote quotes a text of the file for an error, and shortens a long one.
func Quote(s string) string { return strconv.Quote(clip(s)) }

func clip(s string) string {
	const enough = 60
	if len(s) <= enough {
		return s
	}
	end := enough
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// Mismatch is a place in a document where something else was expected.
type Mismatch struct {
	Offset        int
	expected, got string
}

// Error implements error.
func (m *Mismatch) Error() string { return "expected " + m.expected + ", got " + m.got }

// position returns the line and the column of an offset, both from 1. A column
// is a character.
func position(doc []byte, offset int) (line, column int) {
	before := doc[:min(offset, len(doc))]
	line = 1 + bytes.Count(before, []byte("\n"))
	before = bytes.TrimPrefix(before[bytes.LastIndexByte(before, '\n')+1:], bom())
	return line, 1 + utf8.RuneCount(before)
}

// Explain returns err as "file:line:column: what is wrong", or as "file: what
// is wrong" if err has no place in the file.
func Explain(file string, text []byte, err error) string {
	if wrong, ok := err.(*Mismatch); ok {
		line, column := position(text, wrong.Offset)
		return fmt.Sprintf("%s:%d:%d: %v", file, line, column, wrong)
	}
	return file + ": " + strings.TrimPrefix(err.Error(), "ffctest: ")
}

// bom returns the byte-order mark, which some editors write at the start of a
// file.
func bom() []byte { return []byte("\ufeff") }

// AttributeText returns the text of an attribute, as rules compare it.
func AttributeText(raw []byte) (string, error) {
	n, err := parse(raw)
	if err != nil {
		return "", err
	}
	switch n.kind {
	case text, number, boolean:
		return n.text(), nil
	}
	return "", fmt.Errorf("is %s: expected a text, a number, true or false", n.describe())
}
