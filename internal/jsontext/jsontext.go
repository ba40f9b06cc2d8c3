// Package jsontext prepares JSON text for parsers that are stricter, or more
// lenient, than encoding/json.
package jsontext

import (
	"bytes"
	"errors"
	"strconv"
)

// bom is the byte-order mark of UTF-8, which some editors and shells write at
// the start of a file.
const bom = "\ufeff"

// TrimBOM returns text without the byte-order mark at its start.
func TrimBOM(text []byte) []byte { return bytes.TrimPrefix(text, []byte(bom)) }

// errUTF16 is the error for UTF-16. `command > file` in Windows PowerShell
// writes files so.
var errUTF16 = errors.New("is UTF-16: expected UTF-8; write the file again in that encoding")

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

// unitAt returns the UTF-16 code unit that is escaped at raw[i].
func unitAt(raw []byte, i int) (unit rune, ok bool) {
	if i+escapeLen > len(raw) || raw[i] != '\\' || raw[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[i+2:i+escapeLen]), 16, 16)
	return rune(n), err == nil
}
