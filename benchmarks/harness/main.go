// Package harness runs the scenarios against one SDK.
package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// Main is the TestMain of every peer: the test binary starts itself a second
// time as the sink of events, so that the sink's work is not counted in B/op
// and allocs/op.
func Main(m *testing.M) {
	if os.Getenv(sinkVariable) != "" {
		serveSink()
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	folder, err = os.MkdirTemp("", "benchmarks")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	stop, err := startSink()
	if err != nil {
		return 0, err
	}
	defer stop()
	return m.Run(), nil
}

// folder is where snapshots are, while Main runs.
var folder string

// The data to open a peer with.
const (
	scenario = "scenario" // s1 to s6 among 1,000 flags
	bulk     = "bulk"     // 1,000 flags, for s7
)

// open starts the SDK on the data.
func open[U any](tb testing.TB, p sdk.Peer[U], data string, cfg sdk.Config) sdk.Client[U] {
	tb.Helper()
	cfg.Snapshot, cfg.Sink = filepath.Join(folder, data), sinkURL
	if _, err := os.Stat(cfg.Snapshot); err != nil {
		d := fixture.Bulk(1000)
		if data == scenario {
			d = fixture.Scenario(1000)
		}
		raw, err := p.Encode(d)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(cfg.Snapshot, raw, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	c, err := p.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
