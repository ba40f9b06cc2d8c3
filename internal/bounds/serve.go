//go:build linux

package bounds

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Served is a running "ffc serve" with its own file.
type Served struct {
	URL  string
	dir  string
	file string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// program is the built command. Each process that measures builds it once.
var program struct {
	sync.Mutex
	dir string // "" until it is built
}

// buildServe builds the command, and returns its path.
func buildServe() (string, error) {
	program.Lock()
	defer program.Unlock()
	if program.dir == "" {
		dir, err := os.MkdirTemp("", "ffc")
		if err != nil {
			return "", err
		}
		// Unlike go build, go run does not link again what the build cache has.
		build := exec.Command("go", "run", "-exec", "cp", "github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc", filepath.Join(dir, "ffc"))
		if out, err := build.CombinedOutput(); err != nil {
			_ = os.RemoveAll(dir)
			return "", fmt.Errorf("go run: %w: %s", err, out)
		}
		program.dir = dir
	}
	return filepath.Join(program.dir, "ffc"), nil
}

// RemoveProgram removes the command that StartServe has built. Programs that
// measure must call it last.
func RemoveProgram() {
	program.Lock()
	defer program.Unlock()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir)
		program.dir = ""
	}
}

// StartServe starts "ffc serve" with a copy of data, which is a flag file or a
// snapshot of platform, or of any platform if that is "". If the program rejects
// the data, the error has its output. The caller must call Close.
func StartServe(platform string, data []byte) (*Served, error) {
	program, err := buildServe()
	if err != nil {
		return nil, err
	}
	s := &Served{}
	if s.dir, err = os.MkdirTemp("", "served"); err != nil {
		return nil, err
	}
	s.file = filepath.Join(s.dir, "flags.json")
	if err := os.WriteFile(s.file, data, 0o600); err != nil {
		s.Close()
		return nil, err
	}
	s.cmd = exec.Command(program, serveArgs(platform, s.file)...)
	s.cmd.Env = append(os.Environ(), "GOGC=100", "GOMEMLIMIT=off")
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.Close()
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.Close()
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for s.URL == "" && lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "page" {
			s.URL = fields[1]
		}
	}
	if s.URL == "" {
		err := s.cmd.Wait()
		s.cmd = nil
		s.Close()
		return nil, &rejectedError{fmt.Sprintf("%v: %.2000s", err, s.log.Bytes())}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the program
	return s, nil
}

// serveArgs returns the arguments of "ffc serve" for a file.
func serveArgs(platform, file string) []string {
	args := []string{"serve", "-addr", "127.0.0.1:0"}
	if platform != "" {
		args = append(args, "-platform", platform)
	}
	return append(args, file)
}

// rejectedError is the error for data that the program rejects.
type rejectedError struct{ text string }

func (e *rejectedError) Error() string { return e.text }

// Close ends the program and removes its file.
func (s *Served) Close() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	_ = os.RemoveAll(s.dir)
}

// Toggle switches a flag off or on, as the page does.
func (s *Served) Toggle(key string, on bool) error {
	return s.post("/local/flags/"+key, map[string]bool{"on": on}, nil)
}

// Evaluate returns the value of a flag for a user, as the page shows it.
func (s *Served) Evaluate(flag, user string) (string, error) {
	var out struct {
		Value string `json:"value"`
	}
	err := s.post("/local/evaluate", map[string]any{"flag": flag, "user": map[string]string{"key": user}}, &out)
	return out.Value, err
}

// State gets what the page shows first, and returns its size.
func (s *Served) State() (int, error) {
	resp, err := http.Get(s.URL + "/local/state")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	return int(n), err
}

// Peak returns the maximum memory of the program, in bytes.
func (s *Served) Peak() int64 { return peak(strconv.Itoa(s.cmd.Process.Pid)) }

// CPU returns the processor time of the program so far.
func (s *Served) CPU() (time.Duration, error) { return testkit.ProcessorTime(s.cmd.Process.Pid) }

func (s *Served) post(path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	resp, err := http.Post(s.URL+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %.500s", path, resp.Status, answer)
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}

// LargeServe is the memory and time of "ffc serve" for a large file.
type LargeServe struct {
	Form   string        // of the file
	Size   int           // of the file, in bytes
	Start  time.Duration // processor time until clients could connect
	Toggle time.Duration // processor time of a toggle
	Peak   int64         // memory in bytes, after the page was shown, toggles and evaluations
}

// LargeFlags is the number of flags of a large file.
const LargeFlags = 20_000

// MeasureLargeServe serves a large file of each form, and does what a user of the
// page does: shows the page, evaluates a flag, and switches flags.
func MeasureLargeServe() (all []LargeServe, err error) {
	text := largeFile()
	for _, form := range []string{"flag file", classic.Name, featbit.Name} {
		data := text
		if form != "flag file" {
			if data, err = flagfile.Snapshot("", text, form); err != nil {
				return nil, err
			}
		}
		m, err := measureLarge(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", form, err)
		}
		m.Form = form
		all = append(all, *m)
	}
	return all, nil
}

// largeFile returns a flag file of LargeFlags flags with a target, two rules and a
// segment.
func largeFile() []byte {
	b := []byte(`{"segments": {"beta": {"included": ["bob"]}}, "flags": {`)
	for i := range LargeFlags {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `
    "flag-%d": {
      "name": "Flag %d",
      "variations": ["on", "off"],
      "targets": {"on": ["user-%d"]},
      "rules": [
        {"if": [{"attribute": "country", "isOneOf": ["FR", "BE"]}], "rollout": {"on": 50, "off": 50}},
        {"if": [{"inSegment": "beta"}], "serve": "off"}
      ],
      "serve": "on"
    }`, i, i, i)
	}
	return append(b, "\n}}\n"...)
}

func measureLarge(data []byte) (*LargeServe, error) {
	s, err := StartServe("", data)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	m := &LargeServe{Size: len(data)}
	if m.Start, err = s.CPU(); err != nil {
		return nil, err
	}
	if _, err := s.State(); err != nil {
		return nil, err
	}
	check := func(flag, want string) error {
		if got, err := s.Evaluate(flag, "u"); err != nil || got != want {
			return fmt.Errorf("%s is %q, want %q: %w", flag, got, want, err)
		}
		return nil
	}
	if err := check("flag-7", "on"); err != nil {
		return nil, err
	}
	const toggles = 8
	before, err := s.CPU()
	if err != nil {
		return nil, err
	}
	for i := range toggles {
		if err := s.Toggle(fmt.Sprintf("flag-%d", i*(LargeFlags/toggles)+7), false); err != nil {
			return nil, err
		}
	}
	after, err := s.CPU()
	if err != nil {
		return nil, err
	}
	m.Toggle = (after - before) / toggles
	if err := check("flag-7", "off"); err != nil {
		return nil, err
	}
	m.Peak = s.Peak()
	return m, nil
}

// measureServe serves a message as a file, shows the page, evaluates the flag "probe"
// there, and switches it. If the program rejects the message, its memory until then
// counts.
func measureServe(platform string, message []byte) (*Measured, error) {
	m := &Measured{Size: len(message)}
	if message == nil {
		message = []byte(`{"flags":{"probe":{}}}`)
	}
	s, err := StartServe(platform, message)
	if _, rejected := err.(*rejectedError); rejected {
		return measureRefused(platform, message)
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if m.Value, err = s.Evaluate("probe", "u"); err != nil {
		return nil, err
	}
	if m.Value == "" {
		m.Value = "-"
	}
	if _, err := s.State(); err != nil {
		return nil, err
	}
	if err := s.Toggle("probe", false); err != nil {
		return nil, err
	}
	m.Peak = s.Peak()
	return m, nil
}

// measureRefused measures the program for a file that it rejects.
func measureRefused(platform string, message []byte) (*Measured, error) {
	program, err := buildServe()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "refused")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "flags.json")
	if err := os.WriteFile(file, message, 0o600); err != nil {
		return nil, err
	}
	t := task{Entry: entryRefused, Command: program, Args: serveArgs(platform, file)}
	out, err := t.run()
	if err != nil {
		return nil, err
	}
	return &Measured{Size: len(message), Peak: out.Peak, Err: out.Err}, nil
}
