package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// TestTerminal: colours and a line that changes are for terminals that can show
// them. The null device passes for one.
func TestTerminal(t *testing.T) {
	device, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tests := []struct {
		name           string
		stdout, stderr io.Writer
		env            func(string) string
		colour, live   bool
	}{
		{"terminal", device, device, environment("TERM", "xterm"), true, true},
		{"output to a file", file, device, environment("TERM", "xterm"), false, true},
		{"errors to a file", device, file, environment("TERM", "xterm"), true, false},
		{"no file at all", io.Discard, io.Discard, environment("TERM", "xterm"), false, false},
		{"NO_COLOR", device, device, environment("TERM", "xterm", "NO_COLOR", "1"), false, true},
		{"dumb", device, device, environment("TERM", "dumb"), false, false},
	}
	for _, test := range tests {
		c := NewConsole(nil, test.stdout, test.stderr, test.env)
		if c.colour != test.colour || c.live != test.live {
			t.Errorf("%s: colour %v, live %v", test.name, c.colour, c.live)
		}
	}
}

// TestInterruptedRead: a command that reads stdin ends when it is interrupted, and a
// read that ends in time has its bytes and its error.
func TestInterruptedRead(t *testing.T) {
	var got string
	program := &Program{Name: "prog", Commands: func() []*Command {
		return []*Command{{Name: "read", Run: func(_ context.Context, c *Console, _ []string) error {
			text, err := io.ReadAll(c.Stdin)
			got = string(text)
			return err
		}}}
	}}
	read := func(ctx context.Context, stdin io.Reader) int {
		return program.Run(ctx, []string{"read"}, stdin, io.Discard, io.Discard, environment())
	}
	if code := read(t.Context(), iotest.OneByteReader(strings.NewReader("text"))); code != 0 || got != "text" {
		t.Errorf("code %d, %q", code, got)
	}
	if code := read(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF)); code != ExitFailed {
		t.Errorf("a read that fails: code %d", code)
	}
	synctest.Test(t, func(t *testing.T) {
		terminal, typed := io.Pipe()
		defer typed.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if code := read(ctx, terminal); code != ExitInterrupted {
			t.Errorf("interrupted: code %d", code)
		}
	})
}

func TestPaint(t *testing.T) {
	c := &Console{}
	if got := c.Paint(Red, "no"); got != "no" {
		t.Errorf("without colours: %q", got)
	}
	c.colour = true
	if got := c.Paint(Red, "no"); got != "\x1b[31mno\x1b[0m" {
		t.Errorf("with colours: %q", got)
	}
}

// TestProgress: the line comes after a second, follows what happens, makes room
// for other lines, and leaves nothing behind.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stderr bytes.Buffer
		c := &Console{stderr: &stderr, live: true}
		after := func(d time.Duration) string {
			time.Sleep(d)
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			defer stderr.Reset()
			return stderr.String()
		}
		p := c.Progress("connecting")
		if got := after(999 * time.Millisecond); got != "" {
			t.Errorf("before a second: %q", got)
		}
		if got := after(2 * time.Millisecond); got != "connecting … 1 s" {
			t.Errorf("after a second: %q", got)
		}
		p.Set(strings.Repeat("é", 100))
		if got := after(progressAfter / 4); got != "\r\x1b[Kconnecting: "+strings.Repeat("é", progressWidth-18)+" … 1 s" {
			t.Errorf("with a long detail: %q", got)
		}
		c.Say("by the way")
		if got := after(0); got != "\r\x1b[Kby the way\n" {
			t.Errorf("another line: %q", got)
		}
		if got := after(progressAfter / 4); !strings.HasPrefix(got, "connecting: ") {
			t.Errorf("after another line: %q", got)
		}
		p.Stop()
		p.Stop()
		if got := after(time.Minute); got != "\r\x1b[K" {
			t.Errorf("at the end: %q", got)
		}

		c.Progress("quick").Stop()
		if got := after(time.Minute); got != "" {
			t.Errorf("of something quick: %q", got)
		}
		c.live = false
		p = c.Progress("unseen")
		p.Set("detail")
		if got := after(time.Minute); got != "" {
			t.Errorf("where it cannot be shown: %q", got)
		}
		p.Stop()
	})
}
