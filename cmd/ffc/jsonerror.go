package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// positionError is an error with its line and column.
type positionError struct {
	name         string
	line, column int
	problem      string
}

func (e *positionError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.name, e.line, e.column, e.problem)
}

// checkJSON returns an error with the position where data is not JSON.
func checkJSON(name string, data []byte) error {
	var syntax *json.SyntaxError
	err := json.Unmarshal(data, new(json.RawMessage))
	if !errors.As(err, &syntax) {
		return err
	}
	line, column := position(data, int(syntax.Offset))
	return &positionError{name, line, column, syntax.Error()}
}

// position returns the line and column, both from 1, of the last of the first n
// bytes, which is where a JSON decoder was when it found an error after n.
func position(data []byte, n int) (line, column int) {
	before := data[:min(max(n-1, 0), len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}
