package main

import (
	"strings"
	"testing"
)

// TestRun runs the generated code with the provider.
func TestRun(t *testing.T) {
	const want = `the new checkout
Welcome! 50 products a page, the first one for 78.00
upload-limits map[formats:[png svg] megabytes:20] STATIC <nil>
`
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil || out.String() != want {
		t.Errorf("%v: printed\n%s\nwant\n%s", err, out.String(), want)
	}
}
