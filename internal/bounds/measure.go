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

// The entries through which data comes.
const (
	EntryNothing        = "" // to measure a process without data
	EntryBootstrap      = "Bootstrap"
	EntryPoll           = "poll on demand"
	EntryPollInterval   = "poll at an interval"
	EntryStream         = "stream"
	EntryStreamOnDemand = "stream on demand"
	EntryFallback       = "fallback"
	EntryFFCTest        = "ffctest"
	EntryServe          = "ffc serve"
	entryRefused        = "ffc serve, refused" // of a program that ends
)

// Entries are all entries.
var Entries = []string{EntryBootstrap, EntryPoll, EntryPollInterval, EntryStream, EntryStreamOnDemand, EntryFallback, EntryFFCTest, EntryServe}

// Measured is the memory and time of a process for data.
type Measured struct {
	Size  int     // of the data, decompressed, in bytes
	Peak  int64   // memory of the process, in bytes
	CPU   float64 // seconds
	Value string  // of the flag "probe"
	Err   string  // why the data was rejected
}

// Multiple returns the memory of the process as a multiple of the size of the
// data, less the memory that it takes without data.
func (m *Measured) Multiple(nothing int64) float64 { return float64(m.Peak-nothing) / float64(m.Size) }

// Nothing returns the memory, in bytes, that a process takes without data for
// an entry.
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

// Measure starts a process that gets a message through an entry. limit is
// MaxMessage of its transport; 0 means the default.
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

// answering starts a server that responds to polls, compressed, and rejects
// websockets.
func answering(message []byte) *httptest.Server {
	var body bytes.Buffer
	z, _ := gzip.NewWriterLevel(&body, gzip.BestSpeed)
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

// run runs the task in its own process, which has the memory settings of
// applications: no limit and the default garbage collection.
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
		return nil, fmt.Errorf("unexpected output of the child process: %.200q", answer)
	}
	return &out, nil
}
