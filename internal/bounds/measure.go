//go:build linux

package bounds

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
)

// The entries that data has.
const (
	EntryNothing        = "" // to know what a process takes without data
	EntryBootstrap      = "Bootstrap"
	EntryPoll           = "poll on demand"
	EntryPollInterval   = "poll at an interval"
	EntryStream         = "stream"
	EntryStreamOnDemand = "stream on demand"
	EntryFallback       = "fallback"
	EntryFFCTest        = "ffctest"
	EntryServe          = "ffc serve"
)

// Entries are all of them.
var Entries = []string{EntryBootstrap, EntryPoll, EntryPollInterval, EntryStream, EntryStreamOnDemand, EntryFallback, EntryFFCTest, EntryServe}

// Measured is what a process took for data.
type Measured struct {
	Size  int     // of the data, decompressed, in bytes
	Peak  int64   // memory of the process, in bytes
	CPU   float64 // seconds
	Value string  // of the flag "probe"
	Err   string  // why the data cannot be used
}

// Multiple is how many times the size of the data the process took, beside what
// it takes without any.
func (m *Measured) Multiple(nothing int64) float64 { return float64(m.Peak-nothing) / float64(m.Size) }

// Nothing returns the memory in bytes that a process takes by an entry without
// data.
func Nothing(entry string) (int64, error) {
	if entry != EntryServe {
		entry = EntryNothing
	}
	m, err := Measure(entry, "", nil, 0)
	if err != nil {
		return 0, err
	}
	return m.Peak, nil
}

// Measure starts a process that gets a message by an entry. The most that its
// transport takes of a message is limit; 0 is the default.
func Measure(entry, platform string, message []byte, limit int64) (*Measured, error) {
	if entry == EntryServe {
		return measureServe(platform, message)
	}
	t := task{Entry: entry, Platform: platform, Max: limit}
	switch entry {
	case EntryNothing:
	case EntryBootstrap, EntryFFCTest:
		dir, err := os.MkdirTemp("", "bounds")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		t.File = filepath.Join(dir, "data.json")
		if err := os.WriteFile(t.File, message, 0o600); err != nil {
			return nil, err
		}
	case EntryStream, EntryStreamOnDemand:
		frame := faults.Frame(faults.Final|faults.Text, message)
		server, err := faults.NewLiar(true, func() []byte { return frame })
		if err != nil {
			return nil, err
		}
		defer server.Close()
		t.Server = server.URL
	default:
		server := answering(message)
		defer server.Close()
		t.Server = server.URL
	}
	out, err := t.run()
	if err != nil {
		return nil, err
	}
	return &Measured{Size: len(message), Peak: out.Peak, CPU: out.CPU, Value: out.Value, Err: out.Err}, nil
}

// answering is a server that answers polling requests, compressed, and opens no
// websockets.
func answering(message []byte) *httptest.Server {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = z.Write(message)
	_ = z.Close()
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body.Bytes())
	}))
}

// run does the task in a process of its own, which has the memory that
// applications have: no limit and the usual garbage collection.
func (t *task) run() (*outcome, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	child := exec.Command(program)
	child.Env = append(os.Environ(), taskVariable+"="+string(text), "GOGC=100", "GOMEMLIMIT=off")
	child.Stderr = &stderr
	answer, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %.2000s", err, stderr.Bytes())
	}
	var out outcome
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("the child answered %.200q", answer)
	}
	return &out, nil
}
