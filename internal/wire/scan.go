package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A message can be tens of MB, most of which is never evaluated. So it is not
// parsed but cut: the scanner finds where the elements of the top-level arrays
// begin and end and reads the few members that storing them needs. It checks
// no more JSON than it has to; the rest is checked when an element is decoded.

var (
	errTruncated = errors.New("ends too early")
	errNotJSON   = errors.New("is not JSON")
)

// maxNesting is how deep arrays and objects may nest, as in fastjson.
const maxNesting = 300

// skipSpace returns the index of the first byte from i on that is no space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the index after the string that starts at b[i]. Most are
// short, so eight bytes are looked at in one go, without a call.
func skipString(b []byte, i int) (int, error) {
	for i++; i+8 <= len(b); {
		word := binary.LittleEndian.Uint64(b[i:])
		found := bytesThatAre('"', word) | bytesThatAre('\\', word)
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if b[i] == '"' {
			return i + 1, nil
		}
		i += 2 // the backslash and what it escapes
	}
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1, nil
		case '\\':
			i++
		}
	}
	return 0, errTruncated
}

// bytesThatAre sets the highest bit of the first byte of the word, from the
// lowest on, that is c; bits above that one say nothing.
func bytesThatAre(c byte, word uint64) uint64 {
	const each = 0x0101010101010101
	word ^= uint64(c) * each // what is c becomes 0
	return (word - each) & ^word & (each << 7)
}

// skipValue returns the index after the value that starts at b[i].
func skipValue(b []byte, i int) (int, error) {
	if i >= len(b) {
		return 0, errTruncated
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != ':' && b[i] != '"' && opens[b[i]] == 0 {
		i++
	}
	if i == start {
		return 0, errNotJSON
	}
	return i, nil
}

// opens tells by how much a byte outside of strings changes the depth.
var opens = [256]int8{'{': 1, '[': 1, '}': -1, ']': -1}

func skipNested(b []byte, i int) (int, error) {
	depth := 0
	for i < len(b) {
		c := b[i]
		if c == '"' {
			var err error
			if i, err = skipString(b, i); err != nil {
				return 0, err
			}
			continue
		}
		i++
		if change := opens[c]; change != 0 {
			depth += int(change)
			if depth == 0 {
				return i, nil
			}
			if depth > maxNesting {
				return 0, fmt.Errorf("nests deeper than %d", maxNesting)
			}
		}
	}
	return 0, errTruncated
}

// eachMember calls visit with the raw name (its escapes not undone) and value
// of each member of the object at b[i] and returns the index after it.
func eachMember(b []byte, i int, visit func(name, value []byte) error) (int, error) {
	return eachMemberAt(b, i, func(name []byte, i int) (int, error) {
		end, err := skipValue(b, i)
		if err != nil {
			return 0, err
		}
		return end, visit(name, b[i:end])
	})
}

// eachMemberAt is eachMember for a visitor that finds the end of a value, which
// begins at b[i], itself.
func eachMemberAt(b []byte, i int, visit func(name []byte, i int) (end int, err error)) (int, error) {
	if i >= len(b) {
		return 0, errTruncated
	}
	if b[i] != '{' {
		return 0, errNotJSON
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) {
			return 0, errTruncated
		}
		if b[i] != '"' {
			return 0, errNotJSON
		}
		nameEnd, err := skipString(b, i)
		if err != nil {
			return 0, err
		}
		name := b[i+1 : nameEnd-1]
		if i = skipSpace(b, nameEnd); i >= len(b) {
			return 0, errTruncated
		}
		if b[i] != ':' {
			return 0, errNotJSON
		}
		end, err := visit(name, skipSpace(b, i+1))
		if err != nil {
			return 0, err
		}
		var last bool
		if i, last, err = nextElement(b, end, '}'); last || err != nil {
			return i, err
		}
	}
}

// eachElementAt calls visit with the index of each element of the array at
// b[i], for which it returns the index after the element, and returns the index
// after the array.
func eachElementAt(b []byte, i int, visit func(i int) (end int, err error)) (int, error) {
	if i >= len(b) || b[i] != '[' {
		return 0, errNotJSON
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := visit(i)
		if err != nil {
			return 0, err
		}
		var last bool
		if i, last, err = nextElement(b, end, ']'); last || err != nil {
			return i, err
		}
	}
}

// nextElement passes a comma and returns the index of what follows it, or
// passes the closing bracket.
func nextElement(b []byte, i int, closing byte) (next int, last bool, err error) {
	i = skipSpace(b, i)
	if i >= len(b) {
		return 0, false, errTruncated
	}
	switch b[i] {
	case closing:
		return i + 1, true, nil
	case ',':
		return skipSpace(b, i+1), false, nil
	}
	return 0, false, errNotJSON
}

// isNull reports whether a value is absent or null.
func isNull(value []byte) bool { return len(value) == 0 || string(value) == "null" }
