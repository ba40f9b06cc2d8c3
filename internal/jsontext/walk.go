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

// Set returns a copy of an object with another value for the member of that name,
// or with the member added at the end. raw must be valid JSON.
func Set(raw []byte, name string, value []byte) []byte {
	out := make([]byte, 0, len(raw)+len(name)+len(value)+4)
	start, end := 0, 0
	_, _ = EachMemberAt(raw, SkipSpace(raw, 0), func(found []byte, i int) (int, error) {
		after, err := SkipValue(raw, i)
		if err == nil && string(unescaped(found)) == name {
			start, end, err = i, after, errStop
		}
		return after, err
	})
	if end > 0 {
		out = append(out, raw[:start]...)
		out = append(out, value...)
		return append(out, raw[end:]...)
	}
	last := bytes.LastIndexByte(raw, '}')
	if last < 0 {
		return append(out, raw...)
	}
	out = append(out, raw[:last]...)
	if before := bytes.TrimRight(raw[:last], " \t\r\n"); len(before) > 0 && before[len(before)-1] != '{' {
		out = append(out, ',')
	}
	out = strconv.AppendQuote(out, name)
	out = append(out, ':')
	out = append(out, value...)
	return append(out, raw[last:]...)
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
	for i := 0; i < len(raw); {
		start := i
		for i < len(raw) && raw[i] > ' ' {
			if raw[i] != '"' {
				i++
				continue
			}
			end, err := SkipString(raw, i)
			if err != nil {
				end = len(raw)
			}
			i = end
		}
		dst = append(dst, raw[start:i]...)
		i = SkipSpace(raw, i)
		if i < len(raw) && raw[i] <= ' ' && i == start {
			i++ // invalid
		}
	}
	return dst
}
