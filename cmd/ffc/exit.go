package main

import (
	"context"
	"errors"
	"fmt"
)

// The exit codes.
const (
	exitNo          = 1   // the answer is no
	exitUsage       = 2   // the command was not understood
	exitNoData      = 3   // there is no data to answer from
	exitInterrupted = 130 // what shells have for a process that Ctrl-C ended
)

// failure is an error that decides the exit code. Without a text, everything
// has been said already.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

func noError(format string, args ...any) error {
	return &failure{exitNo, fmt.Sprintf(format, args...)}
}

func usageError(format string, args ...any) error {
	return &failure{exitUsage, fmt.Sprintf(format, args...)}
}

func noDataError(format string, args ...any) error {
	return &failure{exitNoData, fmt.Sprintf(format, args...)}
}

// conclude tells why a command failed and returns the exit code.
func (c *console) conclude(ctx context.Context, err error) int {
	var f *failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f) && f.text == "":
		return f.code
	case ctx.Err() != nil:
		return exitInterrupted
	case f == nil:
		f = &failure{exitNo, err.Error()}
	}
	c.say("ffc: %s", f.text)
	return f.code
}
