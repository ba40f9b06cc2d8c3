package jsontext

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Text decodes a JSON string; inside is the part between its quotes.
func Text(inside []byte) string {
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	return string(AppendText(make([]byte, 0, len(inside)), inside))
}

// AppendText appends a decoded JSON string. It copies unknown escapes as they
// are. It decodes half of a surrogate pair as U+FFFD, as encoding/json does: the
// six characters of the escape could be the text of another user.
func AppendText(dst, inside []byte) []byte {
	for {
		at := bytes.IndexByte(inside, '\\')
		if at < 0 || at+1 == len(inside) {
			return append(dst, inside...)
		}
		dst = append(dst, inside[:at]...)
		length := 2
		switch c := inside[at+1]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		default:
			unit, ok := unitAt(inside, at)
			if !ok {
				dst = append(dst, '\\', c)
				break
			}
			length = escapeLen
			if utf16.IsSurrogate(unit) {
				low, _ := unitAt(inside, at+escapeLen)
				if unit = utf16.DecodeRune(unit, low); unit != utf8.RuneError {
					length = 2 * escapeLen
				}
			}
			dst = utf8.AppendRune(dst, unit)
		}
		inside = inside[at+length:]
	}
}
