package jsontext

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
)

// Members yields the names and the raw values of an object's members, in order.
// It is for valid JSON: of other text it yields what it finds, and of a value
// that is no object nothing. Names and values are parts of raw, unless a name has
// escapes.
func Members(raw []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := SkipSpace(raw, 0)
		if i >= len(raw) || raw[i] != '{' {
			return
		}
		for i = SkipSpace(raw, i+1); i < len(raw) && raw[i] == '"'; {
			end := skipString(raw, i)
			name := unquoted(raw[i:end])
			if i = SkipSpace(raw, end); i >= len(raw) || raw[i] != ':' {
				return
			}
			i = SkipSpace(raw, i+1)
			end = Skip(raw, i)
			if end == i || !yield(name, raw[i:end]) {
				return
			}
			if i = SkipSpace(raw, end); i >= len(raw) || raw[i] != ',' {
				return
			}
			i = SkipSpace(raw, i+1)
		}
	}
}

// Set returns an object, which is valid JSON, with another value for the member of
// a name, or with the member at its end. Raw does not change.
func Set(raw []byte, name string, value []byte) []byte {
	out := make([]byte, 0, len(raw)+len(name)+len(value)+4)
	for i := SkipSpace(raw, 0) + 1; ; {
		i = SkipSpace(raw, i)
		if i >= len(raw) || raw[i] != '"' {
			break
		}
		end := skipString(raw, i)
		found := string(unquoted(raw[i:end])) == name
		start := SkipSpace(raw, SkipSpace(raw, end)+1)
		end = Skip(raw, start)
		if found {
			out = append(out, raw[:start]...)
			out = append(out, value...)
			return append(out, raw[end:]...)
		}
		if i = SkipSpace(raw, end); i >= len(raw) || raw[i] != ',' {
			break
		}
		i++
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

// Elements yields the raw elements of an array, as Members does with an object.
func Elements(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := SkipSpace(raw, 0)
		if i >= len(raw) || raw[i] != '[' {
			return
		}
		for i = SkipSpace(raw, i+1); i < len(raw) && raw[i] != ']'; {
			end := Skip(raw, i)
			if end == i || !yield(raw[i:end]) {
				return
			}
			if i = SkipSpace(raw, end); i >= len(raw) || raw[i] != ',' {
				return
			}
			i = SkipSpace(raw, i+1)
		}
	}
}

// Skip returns the index after the value at raw[i], which is valid JSON.
func Skip(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			i = skipString(raw, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			if depth < 0 {
				return i
			}
			i++
		case ' ', '\t', '\r', '\n', ',', ':':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			for i++; i < len(raw) && isWord(raw[i]); i++ {
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(raw)
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '+'
}

// skipString returns the index after the string at raw[i].
func skipString(raw []byte, i int) int {
	for i++; i < len(raw); {
		n := bytes.IndexByte(raw[i:], '"')
		if n < 0 {
			break
		}
		end := i + n
		backslashes := 0
		for raw[end-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return end + 1
		}
		i = end + 1
	}
	return len(raw)
}

// unquoted returns what a string says.
func unquoted(quoted []byte) []byte {
	if len(quoted) < 2 {
		return nil
	}
	if inside := quoted[1 : len(quoted)-1]; bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	var name string
	_ = json.Unmarshal(quoted, &name)
	return []byte(name)
}

// Compact appends valid JSON to dst without the white space between its parts.
func Compact(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		start := i
		for i < len(raw) && raw[i] > ' ' {
			if raw[i] == '"' {
				i = skipString(raw, i)
			} else {
				i++
			}
		}
		dst = append(dst, raw[start:i]...)
		i = SkipSpace(raw, i)
		if i < len(raw) && raw[i] <= ' ' && i == start {
			i++ // not valid
		}
	}
	return dst
}
