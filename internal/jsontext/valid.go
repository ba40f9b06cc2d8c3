package jsontext

import (
	"encoding/binary"
	"math/bits"
)

// Valid reports whether text is exactly one JSON value with at most the given levels
// of nesting. Like json.Valid, which takes several times as long, it accepts strings
// that are not UTF-8.
func Valid(text []byte, nesting int) bool {
	v := validator{text, nesting}
	end := v.value(SkipSpace(text, 0), 0)
	return end != invalid && SkipSpace(text, end) == len(text)
}

type validator struct {
	text    []byte
	nesting int
}

// invalid is returned instead of an index.
const invalid = -1

// value returns the index after the value at text[i], or invalid.
func (v *validator) value(i, depth int) int {
	if i >= len(v.text) || depth > v.nesting {
		return invalid
	}
	switch v.text[i] {
	case '"':
		return v.string(i)
	case '{':
		return v.object(i, depth)
	case '[':
		return v.array(i, depth)
	case 't':
		return v.literal(i, "true")
	case 'f':
		return v.literal(i, "false")
	case 'n':
		return v.literal(i, "null")
	}
	return v.number(i)
}

func (v *validator) object(i, depth int) int {
	b := v.text
	if i = SkipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return invalid
		}
		if i = v.string(i); i == invalid {
			return invalid
		}
		if i = SkipSpace(b, i); i >= len(b) || b[i] != ':' {
			return invalid
		}
		if i = v.value(SkipSpace(b, i+1), depth+1); i == invalid {
			return invalid
		}
		next, last, err := nextElement(b, i, '}')
		if last || err != nil {
			return endOf(next, err)
		}
		i = next
	}
}

func (v *validator) array(i, depth int) int {
	b := v.text
	if i = SkipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = v.value(i, depth+1); i == invalid {
			return invalid
		}
		next, last, err := nextElement(b, i, ']')
		if last || err != nil {
			return endOf(next, err)
		}
		i = next
	}
}

func endOf(i int, err error) int {
	if err != nil {
		return invalid
	}
	return i
}

// string checks eight bytes at once, as SkipString does.
func (v *validator) string(i int) int {
	b := v.text
	for i++; i < len(b); {
		if i+8 <= len(b) {
			word := binary.LittleEndian.Uint64(b[i:])
			found := bytesThatAre('"', word) | bytesThatAre('\\', word) | bytesBelowSpace(word)
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) / 8
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = v.escape(i + 1); i == invalid {
				return invalid
			}
		case c < ' ':
			return invalid
		default:
			i++
		}
	}
	return invalid
}

// escape checks what follows a backslash.
func (v *validator) escape(i int) int {
	b := v.text
	if i >= len(b) {
		return invalid
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if _, ok := unitAt(b, i-1); ok {
			return i - 1 + escapeLen
		}
	}
	return invalid
}

func (v *validator) literal(i int, want string) int {
	if end := i + len(want); end <= len(v.text) && string(v.text[i:end]) == want {
		return end
	}
	return invalid
}

func (v *validator) number(i int) int {
	b := v.text
	if b[i] == '-' {
		i++
	}
	start := i
	if i = v.digits(i); i == invalid || b[start] == '0' && i > start+1 {
		return invalid
	}
	if i < len(b) && b[i] == '.' {
		if i = v.digits(i + 1); i == invalid {
			return invalid
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return v.digits(i)
	}
	return i
}

// digits returns the index after the digits at text[i], of which there must be one.
func (v *validator) digits(i int) int {
	start := i
	for i < len(v.text) && v.text[i] >= '0' && v.text[i] <= '9' {
		i++
	}
	if i == start {
		return invalid
	}
	return i
}
