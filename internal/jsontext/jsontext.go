// Package jsontext prepares JSON text for parsers that are stricter, or more
// lenient, than encoding/json.
package jsontext

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
)

// bom is the byte-order mark of UTF-8, which editors and shells write before a
// text.
const bom = "\ufeff"

// TrimBOM returns text without the byte-order mark before it.
func TrimBOM(text []byte) []byte { return bytes.TrimPrefix(text, []byte(bom)) }

// errUTF16 is what a file has that was written by `command > file` in Windows
// PowerShell.
var errUTF16 = errors.New("is UTF-16: expected UTF-8, so write the file again in that encoding")

// CheckEncoding returns an error if text begins with the byte-order mark of
// UTF-16.
func CheckEncoding(text []byte) error {
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		return errUTF16
	}
	return nil
}

// escapeLen is the length of \uXXXX.
const escapeLen = 6

// ReplaceLoneSurrogates returns raw JSON with each \uXXXX that is half of a
// surrogate pair replaced by \ufffd, which is how encoding/json reads one.
// fastjson would read it as the six characters that it is written with, and they
// are the text of another user. It returns raw itself if there is none, and
// otherwise a copy.
func ReplaceLoneSurrogates(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return raw
	}
	copied := false
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			next := bytes.IndexByte(raw[i:], '\\')
			if next < 0 {
				break
			}
			i += next
		}
		unit, ok := unitAt(raw, i)
		if !ok {
			i += 2 // the backslash and what it escapes
			continue
		}
		if low, ok := unitAt(raw, i+escapeLen); ok && utf16.DecodeRune(unit, low) != '\ufffd' {
			i += 2 * escapeLen
			continue
		}
		if utf16.IsSurrogate(unit) {
			if !copied {
				raw, copied = bytes.Clone(raw), true
			}
			copy(raw[i:], `\ufffd`)
		}
		i += escapeLen
	}
	return raw
}

// unitAt returns the UTF-16 code unit that is escaped at raw[i].
func unitAt(raw []byte, i int) (unit rune, ok bool) {
	if i+escapeLen > len(raw) || raw[i] != '\\' || raw[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[i+2:i+escapeLen]), 16, 16)
	return rune(n), err == nil
}
