package jsontext

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A message can be tens of MB, and most of it is never evaluated. So it is
// scanned and not parsed: the scanner finds where the elements of the top-level
// arrays begin and end, and reads the few members that storing them needs. It
// checks only the JSON that it has to read. The rest is checked when an element
// is decoded.

// Errors of text that is not JSON. Their texts follow the name of what was read.
var (
	ErrTruncated = errors.New("is incomplete JSON: unexpected end")
	ErrNotJSON   = errors.New("is not JSON")
)

// MaxNesting is how deep arrays and objects may nest, as in fastjson.
const MaxNesting = 300

var errNesting = fmt.Errorf("is nested deeper than %d levels", MaxNesting)

// SkipSpace returns the index of the first byte from i on that is not white
// space.
func SkipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// SkipString returns the index after the string that starts at b[i]. Most
// strings are short, so it checks eight bytes at once, without a call.
func SkipString(b []byte, i int) (int, error) {
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
		i += 2 // the backslash and the escaped character
	}
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1, nil
		case '\\':
			i++
		}
	}
	return 0, ErrTruncated
}

// bytesThatAre finds the first byte of the word, from the lowest on, that is c,
// and sets the highest bit of that byte. Higher bits are undefined.
func bytesThatAre(c byte, word uint64) uint64 {
	const each = 0x0101010101010101
	word ^= uint64(c) * each // bytes that are c become 0
	return (word - each) & ^word & (each << 7)
}

// bytesBelowSpace is bytesThatAre for control characters.
func bytesBelowSpace(word uint64) uint64 {
	const each = 0x0101010101010101
	return (word - ' '*each) & ^word & (each << 7)
}

// SkipValue returns the index after the value that starts at b[i].
func SkipValue(b []byte, i int) (int, error) {
	if i >= len(b) {
		return 0, ErrTruncated
	}
	switch b[i] {
	case '"':
		return SkipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != ':' && b[i] != '"' && opens[b[i]] == 0 {
		i++
	}
	if i == start {
		return 0, ErrNotJSON
	}
	return i, nil
}

// opens is how much a byte outside of strings changes the depth.
var opens = [256]int8{'{': 1, '[': 1, '}': -1, ']': -1}

func skipNested(b []byte, i int) (int, error) {
	depth := 0
next:
	for i < len(b) {
		c := b[i]
		if c == '"' {
			// SkipString, for strings that do not end with b: most of the time goes
			// into this loop.
			for i++; i+8 <= len(b); {
				word := binary.LittleEndian.Uint64(b[i:])
				found := bytesThatAre('"', word) | bytesThatAre('\\', word)
				if found == 0 {
					i += 8
					continue
				}
				if i += bits.TrailingZeros64(found) / 8; b[i] == '"' {
					i++
					continue next
				}
				i += 2
			}
			var err error
			if i, err = SkipString(b, i-1); err != nil {
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
			if depth > MaxNesting {
				return 0, errNesting
			}
		}
	}
	return 0, ErrTruncated
}

// EachMember calls visit with the raw name (escapes not decoded) and value of
// each member of the object at b[i] and returns the index after it.
func EachMember(b []byte, i int, visit func(name, value []byte) error) (int, error) {
	return EachMemberAt(b, i, func(name []byte, i int) (int, error) {
		end, err := SkipValue(b, i)
		if err != nil {
			return 0, err
		}
		return end, visit(name, b[i:end])
	})
}

// EachMemberAt is EachMember for a visitor that finds the end of a value
// itself. The value begins at b[i].
func EachMemberAt(b []byte, i int, visit func(name []byte, i int) (end int, err error)) (int, error) {
	if i >= len(b) {
		return 0, ErrTruncated
	}
	if b[i] != '{' {
		return 0, ErrNotJSON
	}
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) {
			return 0, ErrTruncated
		}
		if b[i] != '"' {
			return 0, ErrNotJSON
		}
		nameEnd, err := SkipString(b, i)
		if err != nil {
			return 0, err
		}
		name := b[i+1 : nameEnd-1]
		if i = SkipSpace(b, nameEnd); i >= len(b) {
			return 0, ErrTruncated
		}
		if b[i] != ':' {
			return 0, ErrNotJSON
		}
		end, err := visit(name, SkipSpace(b, i+1))
		if err != nil {
			return 0, err
		}
		var last bool
		if i, last, err = nextElement(b, end, '}'); last || err != nil {
			return i, err
		}
	}
}

// EachElementAt calls visit with the index of each element of the array at
// b[i]. visit returns the index after the element. EachElementAt returns the
// index after the array.
func EachElementAt(b []byte, i int, visit func(i int) (end int, err error)) (int, error) {
	if i >= len(b) || b[i] != '[' {
		return 0, ErrNotJSON
	}
	i = SkipSpace(b, i+1)
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

// nextElement skips a comma and returns the index of the next element, or skips
// the closing bracket and reports last.
func nextElement(b []byte, i int, closing byte) (next int, last bool, err error) {
	i = SkipSpace(b, i)
	if i >= len(b) {
		return 0, false, ErrTruncated
	}
	switch b[i] {
	case closing:
		return i + 1, true, nil
	case ',':
		return SkipSpace(b, i+1), false, nil
	}
	return 0, false, ErrNotJSON
}

// IsNull reports whether a value is absent or null.
func IsNull(value []byte) bool { return len(value) == 0 || string(value) == "null" }

// Check returns an error if value is not exactly one JSON value. It does not
// check the characters in strings and the digits of numbers.
func Check(value []byte) error {
	end, err := checker(value).value(0, 0)
	if err == nil && end != len(value) {
		err = ErrNotJSON
	}
	return err
}

type checker []byte

// value returns the index after the value at b[i].
func (c checker) value(i, depth int) (int, error) {
	if i >= len(c) {
		return 0, ErrTruncated
	}
	if depth > MaxNesting {
		return 0, errNesting
	}
	switch c[i] {
	case '"':
		return SkipString(c, i)
	case '{':
		return EachMemberAt(c, i, func(_ []byte, i int) (int, error) { return c.value(i, depth+1) })
	case '[':
		return EachElementAt(c, i, func(i int) (int, error) { return c.value(i, depth+1) })
	}
	end, err := SkipValue(c, i)
	if err == nil && !isLiteral(c[i:end]) {
		err = ErrNotJSON
	}
	return end, err
}

// isLiteral reports whether text is true, false, null, or looks like a number.
func isLiteral(text []byte) bool {
	switch string(text) {
	case "true", "false", "null":
		return true
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return false
		}
	}
	return true
}

// Member is a member of an object.
type Member struct {
	Name  []byte // without escapes
	Value []byte
}

// CheckMembers is Check for an object. It also appends the first members, at most
// limit.
func CheckMembers(dst []Member, object []byte, limit int) ([]Member, error) {
	end, err := EachMemberAt(object, 0, func(name []byte, i int) (int, error) {
		end, err := checker(object).value(i, 1)
		if err == nil && limit > 0 {
			dst = append(dst, Member{unescaped(name), object[i:end]})
			limit--
		}
		return end, err
	})
	if err == nil && end != len(object) {
		err = ErrNotJSON
	}
	return dst, err
}

// AppendMembers appends the first members of the object at b[i], at most limit,
// and returns the index after the object. Check must have accepted the object.
func AppendMembers(dst []Member, b []byte, i, limit int) (members []Member, end int) {
	for i = SkipSpace(b, i+1); i < len(b) && b[i] == '"'; {
		after, err := SkipString(b, i)
		if err != nil {
			break
		}
		name := b[i+1 : after-1]
		i = SkipSpace(b, SkipSpace(b, after)+1)
		if after, err = SkipValue(b, i); err != nil {
			break
		}
		if limit > 0 {
			dst = append(dst, Member{unescaped(name), b[i:after]})
			limit--
		}
		if i = SkipSpace(b, after); i < len(b) && b[i] == ',' {
			i = SkipSpace(b, i+1)
		}
	}
	return dst, i + 1
}

// Find returns the value of the first member of that name; nil if there is none,
// or if object is not an object.
func Find(object []byte, name string) []byte {
	for n, value := range Members(object) {
		if string(n) == name {
			return value
		}
	}
	return nil
}

// Count returns the number of elements of the array, which Check must have
// accepted; 0 if it is not an array.
func Count(array []byte) (n int) {
	_, _ = EachElementAt(array, 0, func(i int) (int, error) {
		n++
		return SkipValue(array, i)
	})
	return n
}
