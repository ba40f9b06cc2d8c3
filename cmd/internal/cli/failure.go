package cli

import (
	"context"
	"errors"
	"fmt"
)

// The exit codes.
const (
	ExitFailed      = 1   // the command failed, or a check of it did
	ExitUsage       = 2   // the command line is invalid
	ExitNoData      = 3   // there is no data to evaluate, write or publish
	ExitInterrupted = 130 // as shells have it for a process that Ctrl-C ended
)

// Failure is an error with an exit code. Without a text, the command has printed
// the reason already. Any other error has the exit code ExitFailed.
type Failure struct {
	Code int
	Text string
}

// Error implements error.
func (f *Failure) Error() string { return f.Text }

// Errorf returns an error with the exit code ExitFailed.
func Errorf(format string, args ...any) error {
	return &Failure{ExitFailed, fmt.Sprintf(format, args...)}
}

// UsageError returns an error with the exit code ExitUsage.
func UsageError(format string, args ...any) error {
	return &Failure{ExitUsage, fmt.Sprintf(format, args...)}
}

// NoDataError returns an error with the exit code ExitNoData.
func NoDataError(format string, args ...any) error {
	return &Failure{ExitNoData, fmt.Sprintf(format, args...)}
}

// conclude prints the error of a command and returns the exit code.
func (c *Console) conclude(ctx context.Context, err error) int {
	var f *Failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f) && f.Text == "":
		return f.Code
	case ctx.Err() != nil:
		return ExitInterrupted
	case f == nil:
		f = &Failure{ExitFailed, err.Error()}
	}
	c.Say("%s: %s", c.program, f.Text)
	return f.Code
}
