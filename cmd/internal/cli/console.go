package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// Console holds the streams and the environment variables of a command. What writes
// to stderr may be called concurrently.
type Console struct {
	Stdin  io.Reader
	Stdout io.Writer
	Env    func(string) string

	program string
	colour  bool // stdout can show colours
	live    bool // stderr can show a line that changes

	mu     sync.Mutex // guards stderr and drawn
	stderr io.Writer
	drawn  bool // stderr shows a line that changes
}

// NewConsole returns a console. It shows colours and progress only on
// terminals.
func NewConsole(stdin io.Reader, stdout, stderr io.Writer, env func(string) string) *Console {
	c := &Console{Stdin: stdin, Stdout: stdout, Env: env, stderr: stderr}
	capable := env("TERM") != "dumb" && (env("TERM") != "" || runtime.GOOS == "windows" && env("WT_SESSION") != "")
	c.colour = capable && env("NO_COLOR") == "" && isTerminal(stdout)
	c.live = capable && isTerminal(stderr)
	return c
}

// interruptible is a reader whose Read returns when ctx ends. The read of r then goes
// on: a file of the system cannot be interrupted.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (i interruptible) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	// Not p, which the caller may use again before the read of r ends.
	buffer := make([]byte, min(len(p), 64<<10))
	ended := make(chan result, 1)
	go func() {
		n, err := i.r.Read(buffer)
		ended <- result{n, err}
	}()
	select {
	case r := <-ended:
		return copy(p, buffer[:r.n]), r.err
	case <-i.ctx.Done():
		return 0, context.Cause(i.ctx)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Say writes a line to stderr.
func (c *Console) Say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	_, _ = fmt.Fprintf(c.stderr, format+"\n", args...)
}

// Stderr returns a writer for the lines of a log, on stderr.
func (c *Console) Stderr() io.Writer { return logWriter{c} }

// logWriter writes whole lines to stderr.
type logWriter struct{ c *Console }

// Write implements io.Writer.
func (w logWriter) Write(line []byte) (int, error) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	w.c.erase()
	return w.c.stderr.Write(line)
}

// Warn writes a warning to stderr.
func (c *Console) Warn(format string, args ...any) { c.Say(c.program+": warning: "+format, args...) }

// erase removes the line that changes. The caller holds the lock.
func (c *Console) erase() {
	if c.drawn {
		_, _ = io.WriteString(c.stderr, "\r\x1b[K")
		c.drawn = false
	}
}

// The colours.
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Faint  = "2"
)

// Paint colours a text if stdout can show colours.
func (c *Console) Paint(colour, text string) string {
	if !c.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// Print writes the output of a command to stdout.
func (c *Console) Print(text string) error {
	if _, err := io.WriteString(c.Stdout, text); err != nil {
		return Errorf("cannot write the output: %v", err)
	}
	return nil
}

// PrintJSON writes the output of a command as JSON to stdout.
func (c *Console) PrintJSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return c.Print(Visible(b.String()))
}
