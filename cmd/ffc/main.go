package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run runs a command line and returns the exit code. When it returns, nothing that
// it started runs, except a read of stdin that ctx interrupted.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	return program().Run(ctx, args, stdin, stdout, stderr, env)
}

func program() *cli.Program {
	return &cli.Program{
		Name:  "ffc",
		About: "ffc works with the feature flags of featureflag.co and FeatBit.",
		Commands: func() []*cli.Command {
			return []*cli.Command{serveCommand(), evalCommand(), snapshotCommand(), manifestCommand(), unusedCommand(), doctorCommand()}
		},
	}
}
