package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

// brokenWriter is a pipe whose reader is closed.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestOutputCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"help"}, {"doctor", "-url", "http://127.0.0.1:1"}} {
		var stderr bytes.Buffer
		code := run(t.Context(), args, nil, brokenWriter{}, &stderr, func(string) string { return "" })
		if want := "ffc: cannot write the output: io: read/write on closed pipe\n"; code != cli.ExitFailed || stderr.String() != want {
			t.Errorf("%v: code %d, %q", args, code, stderr.String())
		}
	}
}
