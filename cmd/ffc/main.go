package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run runs a command line and returns the exit code. When it returns, nothing that
// it started runs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	c := newConsole(stdin, stdout, stderr, env)
	return c.conclude(ctx, dispatch(ctx, c, args))
}

// The exit codes.
const (
	exitNo          = 1   // the answer is no
	exitUsage       = 2   // the command line is invalid
	exitNoData      = 3   // there is no data to evaluate or write
	exitInterrupted = 130 // as shells have it for a process that Ctrl-C ended
)

// failure is an error with an exit code. Without a text, the command has printed
// the reason already.
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

// conclude prints the error of a command and returns the exit code.
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
