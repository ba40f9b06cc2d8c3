package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// console holds the streams and the environment variables of a command.
type console struct {
	stdin  io.Reader
	stdout io.Writer
	env    func(string) string
	colour bool // stdout can show colours
	live   bool // stderr can show a line that changes

	mu     sync.Mutex // guards stderr and drawn
	stderr io.Writer
	drawn  bool // stderr shows a line that changes
}

func newConsole(stdin io.Reader, stdout, stderr io.Writer, env func(string) string) *console {
	c := &console{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	capable := env("TERM") != "dumb" && (env("TERM") != "" || runtime.GOOS == "windows" && env("WT_SESSION") != "")
	c.colour = capable && env("NO_COLOR") == "" && isTerminal(stdout)
	c.live = capable && isTerminal(stderr)
	return c
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// say writes a line to stderr.
func (c *console) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	_, _ = fmt.Fprintf(c.stderr, format+"\n", args...)
}

// warn writes a warning to stderr.
func (c *console) warn(format string, args ...any) { c.say("ffc: warning: "+format, args...) }

// erase removes the line that changes. The caller holds the lock.
func (c *console) erase() {
	if c.drawn {
		_, _ = io.WriteString(c.stderr, "\r\x1b[K")
		c.drawn = false
	}
}

// The colours.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

// paint colours a text if stdout can show colours.
func (c *console) paint(colour, text string) string {
	if !c.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// print writes the output of a command to stdout.
func (c *console) print(text string) error {
	if _, err := io.WriteString(c.stdout, text); err != nil {
		return noError("cannot write the output: %v", err)
	}
	return nil
}
