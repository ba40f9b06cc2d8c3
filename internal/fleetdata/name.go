package fleetdata

import (
	"strconv"
	"strings"
)

// The objects of an environment that are replaced by compare-and-swap.
const (
	HeadObject = "head"
	OldObject  = "old"
	PinObject  = "pin"
	DeadObject = "dead"
)

// maxPart is how long a part of a name may be.
const maxPart = 255

// Name returns the name of an object of an environment in an engine. The name is
// two parts with one slash in between. The parts have only the characters A-Z,
// a-z, 0-9, '-', '_', '.' and '=', and do not begin with a dot. Other bytes of
// the environment are '=' and two hexadecimal digits. A part has at most maxPart
// characters, as file systems want it; Head.Encode checks that.
func Name(environment, object string) string {
	return escape(environment) + "/" + object
}

// ChunkName returns the name of chunk i of a body.
func ChunkName(environment, body string, i int) string {
	return Name(environment, body+"."+strconv.Itoa(i))
}

// IsBody reports whether a name is that of a chunk, whose value never changes.
func IsBody(name string) bool {
	_, object, _ := strings.Cut(name, "/")
	return object != HeadObject && object != OldObject && object != PinObject && object != DeadObject
}

func escape(environment string) string {
	const digits = "0123456789abcdef"
	plain := true
	for i := range len(environment) {
		plain = plain && isPlain(environment, i)
	}
	if plain {
		return environment
	}
	escaped := make([]byte, 0, 3*len(environment))
	for i := range len(environment) {
		if c := environment[i]; isPlain(environment, i) {
			escaped = append(escaped, c)
		} else {
			escaped = append(escaped, '=', digits[c>>4], digits[c&15])
		}
	}
	return string(escaped)
}

// isPlain reports whether the byte at i stands for itself.
func isPlain(text string, i int) bool {
	switch c := text[i]; {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		return true
	case c == '.':
		return i > 0
	}
	return false
}
