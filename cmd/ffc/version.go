package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func runVersion(_ context.Context, c *console, args []string) error {
	if len(args) > 0 {
		return usageError("version takes no arguments, got %q", args[0])
	}
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return c.print(fmt.Sprintf("ffc %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
}
