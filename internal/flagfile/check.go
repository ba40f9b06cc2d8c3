package flagfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth is the maximum nesting of values. Flags need less than a tenth of
// it.
const maxDepth = 200

// check returns an error, with its place, unless doc is one JSON value. It allocates
// nothing for a valid document. Nodes need a valid document.
func check(doc []byte) error {
	c := checker{doc: doc}
	if bytes.HasPrefix(doc, bom()) {
		c.i = len(bom())
	}
	if err := c.value(0, nil); err != nil {
		return err
	}
	if c.space(); c.i < len(doc) {
		return c.wrong("the end of the file")
	}
	return nil
}

// checker reads a document. Its methods skip what they check.
type checker struct {
	doc []byte
	i   int
}

func (c *checker) space() {
	for c.i < len(c.doc) && (c.doc[c.i] == ' ' || c.doc[c.i] == '\n' || c.doc[c.i] == '\r' || c.doc[c.i] == '\t') {
		c.i++
	}
}

// wrong returns the error for the next token.
func (c *checker) wrong(expected string) error {
	got := "the end of the file"
	if c.i < len(c.doc) {
		r, _ := utf8.DecodeRune(c.doc[c.i:])
		got = strconv.QuoteRune(r)
		if r == utf8.RuneError {
			got = "bytes that are not UTF-8"
		}
	}
	return &Mismatch{c.i, expected, got}
}

// take skips b if it is next.
func (c *checker) take(b byte) bool {
	c.space()
	if c.i == len(c.doc) || c.doc[c.i] != b {
		return false
	}
	c.i++
	return true
}

// value checks the value of the member with this name in quotes; nil is an item of a
// list or, at depth 0, the document.
func (c *checker) value(depth int, name []byte) error {
	c.space()
	switch {
	case depth > maxDepth:
		return &Mismatch{c.i, "less nesting", fmt.Sprintf("more than %d levels", maxDepth)}
	case c.take('{'):
		return c.object(depth)
	case c.take('['):
		return c.list(depth)
	case c.i < len(c.doc) && c.doc[c.i] == '"':
		return c.text()
	}
	return c.literal(depth, name)
}

func (c *checker) object(depth int) error {
	if c.take('}') {
		return nil
	}
	for first := true; ; first = false {
		c.space()
		if c.i == len(c.doc) || c.doc[c.i] != '"' {
			if first {
				return c.wrong(`a name in double quotes, or }`)
			}
			return c.wrong(`a name in double quotes`)
		}
		start := c.i
		if err := c.text(); err != nil {
			return err
		}
		name := c.doc[start:c.i]
		if !c.take(':') {
			return c.wrong("a colon after " + quoteName(name))
		}
		if err := c.value(depth+1, name); err != nil {
			return err
		}
		switch {
		case c.take('}'):
			return nil
		case !c.take(','):
			return c.wrong("a comma or }")
		}
	}
}

func (c *checker) list(depth int) error {
	if c.take(']') {
		return nil
	}
	for {
		if err := c.value(depth+1, nil); err != nil {
			return err
		}
		switch {
		case c.take(']'):
			return nil
		case !c.take(','):
			return c.wrong("a comma or ]")
		}
	}
}

// text checks a text, which must be next.
func (c *checker) text() error {
	start, escaped, ascii := c.i, false, true
	for c.i++; c.i < len(c.doc); c.i++ {
		switch b := c.doc[c.i]; {
		case b >= utf8.RuneSelf:
			ascii = false
		case b > '"' && b != '\\':
		case b == '\\':
			escaped = true
			c.i++
		case b < ' ':
			return &Mismatch{c.i, "the closing quote of a text", "the end of the line or a control character"}
		case b == '"':
			c.i++
			raw := c.doc[start:c.i]
			switch {
			case (!ascii || escaped) && !utf8.Valid(raw):
				return &Mismatch{start, "a text in UTF-8", "other bytes"}
			case escaped && !json.Valid(raw):
				return &Mismatch{start, "a text with the escapes of JSON", clip(string(raw))}
			}
			return nil
		}
	}
	c.i = len(c.doc)
	return c.wrong("the closing quote of a text")
}

// literal checks a number, true, false or null.
func (c *checker) literal(depth int, name []byte) error {
	expected := func() string {
		switch {
		case depth == 0:
			return "a flag file, which begins with {"
		case name != nil:
			return "a value for " + quoteName(name)
		}
		return "a value"
	}
	end := c.i
	for end < len(c.doc) && isWord(c.doc[end]) {
		end++
	}
	word := c.doc[c.i:end]
	switch {
	case len(word) == 0:
		return c.wrong(expected())
	case kindOf(word[0]) != number && string(word) != "true" && string(word) != "false" && string(word) != "null", kindOf(word[0]) == number && !json.Valid(word):
		return &Mismatch{c.i, expected(), clip(string(word))}
	}
	c.i = end
	return nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' || c == '_'
}

// quoteName quotes a name that is in the quotes of JSON.
func quoteName(name []byte) string { return Quote(decode(name)) }
