// Package size tells what importing an SDK costs, from the smallest programs
// that use one with its defaults, which are in the folders below. They are
// built and never run.
package size

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Programs are the folders, the first of which is the floor: a program with a
// client of net/http and nothing else.
func Programs() []string {
	return []string{"empty", "ffcpoll", "ffcstream", "awslambda", "ffclambda", "launchdarkly", "growthbook", "statsig", "posthog", "openfeature"}
}

// Bytes builds a program, stripped, and returns how large it is. dir is this
// folder.
func Bytes(ctx context.Context, dir, program string) (int64, error) {
	tmp, err := os.MkdirTemp("", "size")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	binary := filepath.Join(tmp, program)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./"+program)
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building %s: %w\n%s", program, err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Linked returns how many packages a program links, and how many modules they
// are from beside the standard library and its own.
func Linked(ctx context.Context, dir, program string) (packages, modules int, err error) {
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}", "./"+program)
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("listing what %s links: %w", program, err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		packages++
		fields := strings.Fields(line)
		if len(fields) == 2 && !strings.HasSuffix(fields[1], "/benchmarks") {
			seen[fields[1]] = true
		}
	}
	return packages, len(seen), nil
}
