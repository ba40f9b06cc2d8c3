// Package cold is what the cold-start programs do: open an SDK, evaluate one
// flag, exit.
package cold

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// Run does it. The program's arguments are what sdk.Config.Snapshot is and the
// key of a flag that is true. With a third argument it prints the peak of its
// memory in KiB, how many goroutines there are more than before opening, and by
// how many bytes the live heap has grown.
func Run[U any](open func(sdk.Config) (sdk.Client[U], error)) {
	if err := run(open, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run[U any](open func(sdk.Config) (sdk.Client[U], error), args []string) error {
	measure := len(args) == 3
	var before, after runtime.MemStats
	goroutines := runtime.NumGoroutine()
	if measure {
		runtime.GC()
		runtime.ReadMemStats(&before)
	}
	c, err := open(sdk.Config{Snapshot: args[0]})
	if err != nil {
		return err
	}
	if !c.Bool(args[1], c.User(fixture.Hit())) {
		return fmt.Errorf("%s is false", args[1])
	}
	if measure {
		peak := peakKiB()
		time.Sleep(300 * time.Millisecond) // whatever is only for starting ends
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		fmt.Println(peak, runtime.NumGoroutine()-goroutines, int64(after.HeapAlloc)-int64(before.HeapAlloc))
		runtime.KeepAlive(c)
	}
	return nil
}

// peakKiB returns the largest resident memory of this process so far, as the
// kernel knows it; 0 where that is not Linux. What it tells the parent process
// will not do: that is never less than the parent's own.
func peakKiB() (kib int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib
		}
	}
	return 0
}
