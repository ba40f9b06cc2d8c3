package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/growthbook"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/launchdarkly"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/noop"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/posthog"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/statsig"
)

// peer is a cold-start program and the data it takes.
type peer struct {
	name   string
	encode func(*fixture.Dataset) ([]byte, error)
	polls  bool // it takes the URL of a platform, not a file
}

func peers() []peer {
	return []peer{
		{name: "noop", encode: noop.Encode},
		{name: "ffc", encode: fixture.Classic},
		{name: "ffcpoll", encode: fixture.ClassicPolled, polls: true},
		{name: "launchdarkly", encode: launchdarkly.Encode},
		{name: "growthbook", encode: growthbook.Encode},
		{name: "statsig", encode: statsig.Encode},
		{name: "posthog", encode: posthog.Encode},
		{name: "openfeature", encode: openfeature.Encode},
	}
}

// prepare builds the programs, without cgo as for a container or a function, and
// writes the snapshots. A program that polls gets them from this process, which
// idles meanwhile.
func prepare(folder string) ([]*program, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	platform := http.NewServeMux()
	go func() { _ = http.Serve(listener, platform) }() // until the process ends
	var programs []*program
	for _, p := range peers() {
		binary := filepath.Join(folder, "cold-"+p.name)
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cold/"+p.name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("building %s: %w", p.name, err)
		}
		for _, flags := range []int{1000, 10_000} {
			raw, err := p.encode(fixture.Bulk(flags))
			if err != nil {
				return nil, err
			}
			source := filepath.Join(folder, fmt.Sprintf("%s-%d.json", p.name, flags))
			if p.polls {
				path := fmt.Sprintf("/%d", flags)
				source = "http://" + listener.Addr().String() + path
				platform.HandleFunc(path+"/api/public/sdk/latest-feature-flag", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) })
			} else if err := os.WriteFile(source, raw, 0o644); err != nil {
				return nil, err
			}
			programs = append(programs, &program{name: p.name, flags: flags, size: len(raw), binary: binary, source: source})
		}
	}
	return programs, nil
}
