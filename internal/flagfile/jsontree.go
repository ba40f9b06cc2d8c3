package flagfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// kind is what a JSON value is.
type kind int

const (
	object kind = iota
	list
	text
	number
	boolean
	null
)

// node is a JSON value and where it stands in its document, from start to
// before end.
type node struct {
	kind       kind
	start, end int
	text       string // of a text: its value; of a number or boolean: its token
	members    []member
	items      []*node
	// lazy: an object of which only start and end are known. See expand.
	lazy bool
	// name caches the identity of a lazy flag or segment of a snapshot, from the
	// member identity.
	name     *node
	identity string
}

type member struct {
	name  string
	at    int // where the name begins
	value *node
}

// get returns the member with a name, or nil. Of several it returns the last,
// as other JSON decoders do.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

// expand returns the whole node, which may be lazy.
func (n *node) expand(doc []byte) (*node, error) {
	if n == nil || !n.lazy {
		return n, nil
	}
	return (&jsonParser{doc: doc, i: n.start}).value(lazyDepth, "an object")
}

// describe returns the kind of a value, for an error.
func (n *node) describe() string {
	switch n.kind {
	case object:
		return "an object"
	case list:
		return "a list"
	case text:
		return Quote(n.text)
	case number:
		return "the number " + clip(n.text)
	default:
		return n.text
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

func (m *Mismatch) Error() string { return "expected " + m.expected + ", got " + m.got }

// position returns the line and the column of an offset, both from 1. A column
// is a character.
func position(doc []byte, offset int) (line, column int) {
	before := doc[:min(offset, len(doc))]
	line = 1 + bytes.Count(before, []byte("\n"))
	before = bytes.TrimPrefix(before[bytes.LastIndexByte(before, '\n')+1:], bom())
	return line, 1 + utf8.RuneCount(before)
}

// Explain is "file:line:column: what is wrong", or "file: what is
// wrong" when there is no place for it.
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

// maxDepth is the maximum nesting of values. Flags need less than a tenth of
// it.
const maxDepth = 200

// parseJSON reads a document, which must be one value.
func parseJSON(doc []byte) (*node, error) {
	p := &jsonParser{doc: doc}
	if bytes.HasPrefix(doc, bom()) {
		p.i = len(bom())
	}
	n, err := p.value(0, "a flag file, which begins with {")
	if err != nil {
		return nil, err
	}
	if p.space(); p.i < len(doc) {
		return nil, p.wrong("the end of the file")
	}
	return n, nil
}

// lazyDepth is where the flags and segments of a file are in its tree: in an object
// or a list that is a member of the file, or of the data in a message.
const lazyDepth = 3

// parseLazily is parseJSON, but leaves the flags and segments lazy: parsing tens of
// thousands because one has changed takes seconds and hundreds of MB.
func parseLazily(doc []byte) (*node, error) {
	if !json.Valid(jsontext.TrimBOM(doc)) {
		return parseJSON(doc) // for the error and its place
	}
	p := &jsonParser{doc: doc, lazy: true}
	if bytes.HasPrefix(doc, bom()) {
		p.i = len(bom())
	}
	return p.value(0, "a flag file, which begins with {")
}

type jsonParser struct {
	doc  []byte
	i    int
	lazy bool // leave flags and segments lazy; doc is valid
	// within: the next value is a flag or a segment.
	within bool
	free   []node // allocated, but not used yet
}

// node returns a new node that starts here. Nodes are allocated many at a time.
func (p *jsonParser) node() *node {
	if len(p.free) == 0 {
		p.free = make([]node, 32)
	}
	n := &p.free[0]
	p.free = p.free[1:]
	n.start = p.i
	return n
}

// isItems reports whether the member of a file with a name holds flags or segments.
func isItems(name string) bool {
	return name == "flags" || name == "featureFlags" || name == "segments"
}

func (p *jsonParser) space() {
	for p.i < len(p.doc) && (p.doc[p.i] == ' ' || p.doc[p.i] == '\n' || p.doc[p.i] == '\r' || p.doc[p.i] == '\t') {
		p.i++
	}
}

// wrong returns the error for the next token.
func (p *jsonParser) wrong(expected string) error {
	got := "the end of the file"
	if p.i < len(p.doc) {
		r, _ := utf8.DecodeRune(p.doc[p.i:])
		got = strconv.QuoteRune(r)
		if r == utf8.RuneError {
			got = "bytes that are not UTF-8"
		}
	}
	return &Mismatch{p.i, expected, got}
}

// take skips c if it is next.
func (p *jsonParser) take(c byte) bool {
	p.space()
	if p.i == len(p.doc) || p.doc[p.i] != c {
		return false
	}
	p.i++
	return true
}

func (p *jsonParser) value(depth int, expected string) (*node, error) {
	p.space()
	n := p.node()
	var err error
	switch {
	case p.within && p.i < len(p.doc) && p.doc[p.i] == '{':
		p.i = jsontext.Skip(p.doc, p.i)
		n.kind, n.lazy = object, true
	case depth > maxDepth:
		return nil, &Mismatch{p.i, "less nesting", fmt.Sprintf("more than %d levels", maxDepth)}
	case p.take('{'):
		err = p.object(n, depth)
	case p.take('['):
		err = p.list(n, depth)
	case p.i < len(p.doc) && p.doc[p.i] == '"':
		n.kind = text
		n.text, err = p.string()
	default:
		err = p.literal(n, expected)
	}
	n.end = p.i
	return n, err
}

func (p *jsonParser) object(n *node, depth int) error {
	n.kind = object
	if p.take('}') {
		return nil
	}
	for {
		p.space()
		m := member{at: p.i}
		if p.i == len(p.doc) || p.doc[p.i] != '"' {
			if len(n.members) == 0 {
				return p.wrong(`a name in double quotes, or }`)
			}
			return p.wrong(`a name in double quotes`)
		}
		var err error
		if m.name, err = p.string(); err != nil {
			return err
		}
		if !p.take(':') {
			return p.wrong("a colon after " + Quote(m.name))
		}
		if m.value, err = p.member(depth, m.name); err != nil {
			return err
		}
		n.members = append(n.members, m)
		switch {
		case p.take('}'):
			return nil
		case !p.take(','):
			return p.wrong("a comma or }")
		}
	}
}

// member reads the value of a member. Flags and segments of a file stay lazy.
func (p *jsonParser) member(depth int, name string) (*node, error) {
	if !p.lazy || p.within || depth > 1 || !isItems(name) {
		return p.value(depth+1, "a value for "+Quote(name))
	}
	p.space()
	n := &node{start: p.i}
	p.within = true
	defer func() { p.within = false }()
	var err error
	switch {
	case p.take('{'):
		err = p.object(n, depth+1)
	case p.take('['):
		err = p.list(n, depth+1)
	default:
		p.within = false
		return p.value(depth+1, "a value for "+Quote(name))
	}
	n.end = p.i
	return n, err
}

func (p *jsonParser) list(n *node, depth int) error {
	n.kind = list
	if p.take(']') {
		return nil
	}
	for {
		item, err := p.value(depth+1, "a value")
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
		switch {
		case p.take(']'):
			return nil
		case !p.take(','):
			return p.wrong("a comma or ]")
		}
	}
}

// string reads a text, which must be next.
func (p *jsonParser) string() (string, error) {
	start, escaped := p.i, false
	for p.i++; p.i < len(p.doc); p.i++ {
		switch c := p.doc[p.i]; {
		case c == '\\':
			escaped = true
			p.i++
		case c < ' ':
			return "", &Mismatch{p.i, "the closing quote of a text", "the end of the line or a control character"}
		case c == '"':
			p.i++
			var s string
			raw := p.doc[start:p.i]
			if !utf8.Valid(raw) {
				return "", &Mismatch{start, "a text in UTF-8", "other bytes"}
			}
			if !escaped {
				return string(raw[1 : len(raw)-1]), nil
			}
			if json.Unmarshal(raw, &s) != nil {
				return "", &Mismatch{start, "a text with the escapes of JSON", clip(string(raw))}
			}
			return s, nil
		}
	}
	p.i = len(p.doc)
	return "", p.wrong("the closing quote of a text")
}

// literal reads a number, true, false or null.
func (p *jsonParser) literal(n *node, expected string) error {
	end := p.i
	for end < len(p.doc) && isWord(p.doc[end]) {
		end++
	}
	n.text = string(p.doc[p.i:end])
	switch {
	case n.text == "":
		return p.wrong(expected)
	case n.text == "true" || n.text == "false":
		n.kind = boolean
	case n.text == "null":
		n.kind = null
	case json.Valid(p.doc[p.i:end]):
		n.kind = number
	default:
		return &Mismatch{p.i, expected, clip(n.text)}
	}
	p.i = end
	return nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' || c == '_'
}

// AttributeText returns the text of an attribute, as rules compare it.
func AttributeText(raw []byte) (string, error) {
	n, err := parseJSON(raw)
	if err != nil {
		return "", err
	}
	switch n.kind {
	case text, number, boolean:
		return n.text, nil
	}
	return "", fmt.Errorf("is %s: expected a text, a number, true or false", n.describe())
}
