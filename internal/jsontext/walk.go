package jsontext

import (
	"bytes"
	"errors"
	"iter"
	"strconv"
)

// errStop ends a walk. No caller sees it.
var errStop = errors.New("stop")

// Members yields the names and the raw values of an object's members, in order.
// raw must be valid JSON; if not, the result is undefined. It yields nothing if
// the value is not an object. Names and values are slices of raw, unless a name
// has escapes.
func Members(raw []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		_, _ = EachMember(raw, SkipSpace(raw, 0), func(name, value []byte) error {
			if !yield(unescaped(name), value) {
				return errStop
			}
			return nil
		})
	}
}

// Elements yields the raw elements of an array, as Members does for an object.
func Elements(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		_, _ = EachElementAt(raw, SkipSpace(raw, 0), func(i int) (int, error) {
			end, err := SkipValue(raw, i)
			if err == nil && !yield(raw[i:end]) {
				err = errStop
			}
			return end, err
		})
	}
}

// Change is another value for a member of an object.
type Change struct {
	Name  string
	Value []byte
	// Inside, if not nil, are changes of the members of the value. They are made only
	// if the member exists and is an object.
	Inside []Change
}

// AppendWith appends an object with changed members to dst, without white space
// between tokens. Members that the object does not have are added at its end. raw must
// be valid JSON; a value that is not an object is appended unchanged.
func AppendWith(dst, raw []byte, changes ...Change) []byte {
	start := SkipSpace(raw, 0)
	if start == len(raw) || raw[start] != '{' {
		return Compact(dst, raw)
	}
	dst = append(dst, '{')
	empty := len(dst)
	var made uint64 // a bit for each change
	_, _ = EachMemberAt(raw, start, func(name []byte, i int) (end int, err error) {
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), name...), `":`...)
		name = unescaped(name)
		for change := range changes {
			if string(name) == changes[change].Name {
				made |= 1 << change
				end, err = SkipValue(raw, i)
				dst = changes[change].append(dst, raw[i:end])
				return end, err
			}
		}
		dst, end = compactAt(dst, raw, i)
		return end, nil
	})
	for i, c := range changes {
		if made&(1<<i) != 0 || c.Inside != nil {
			continue
		}
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		dst = append(append(strconv.AppendQuote(dst, c.Name), ':'), c.Value...)
	}
	return append(dst, '}')
}

// append appends the new value of a member.
func (c *Change) append(dst, old []byte) []byte {
	if c.Inside != nil {
		return AppendWith(dst, old, c.Inside...)
	}
	return append(dst, c.Value...)
}

// Skip returns the index after the value at raw[i], or the end of text that is not
// valid JSON.
func Skip(raw []byte, i int) int {
	end, err := SkipValue(raw, i)
	if err != nil {
		return len(raw)
	}
	return end
}

// unescaped decodes a name. Most have no escapes.
func unescaped(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 {
		return name
	}
	return AppendText(nil, name)
}

// Compact appends raw, which must be valid JSON, to dst without the white space
// between its tokens.
func Compact(dst, raw []byte) []byte {
	dst, _ = compactAt(dst, raw, SkipSpace(raw, 0))
	return dst
}

// compactAt is Compact for the value at raw[i]. It also returns the index after it.
func compactAt(dst, raw []byte, i int) ([]byte, int) {
	start, depth := i, 0
	for i < len(raw) {
		switch c := raw[i]; {
		case c == '"':
			end, err := SkipString(raw, i)
			if err != nil {
				end = len(raw)
			}
			if i = end; depth == 0 {
				return append(dst, raw[start:i]...), i
			}
		case c <= ' ':
			dst = append(dst, raw[start:i]...)
			if depth == 0 {
				return dst, i
			}
			i++
			start = i
		case opens[c] > 0:
			depth++
			i++
		case opens[c] < 0:
			if depth == 0 { // after a number or a literal
				return append(dst, raw[start:i]...), i
			}
			i++
			if depth--; depth == 0 {
				return append(dst, raw[start:i]...), i
			}
		case c == ',' && depth == 0:
			return append(dst, raw[start:i]...), i
		default:
			i++
		}
	}
	return append(dst, raw[start:]...), i
}
