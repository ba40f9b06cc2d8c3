package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	a := &app{environ: os.Environ(), reload: make(chan os.Signal, 1), open: openEngine, openQueue: openQueue}
	if hangup != nil {
		signal.Notify(a.reload, hangup)
	}
	os.Exit(a.run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// app is what is around the command.
type app struct {
	environ   []string       // NAME=VALUE
	reload    chan os.Signal // reads the configuration again
	open      opener
	openQueue queueOpener
	// adjust changes a publisher before it runs; nil leaves it.
	adjust func(name string, p *relay.Publisher)
	// listening is called with the address of the HTTP endpoints, and that for SDKs,
	// "" without; nil is not.
	listening func(address, serving string)
}

// run runs a command line and returns the exit code. When it returns, nothing that
// it started runs.
func (a *app) run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return a.program().Run(ctx, args, stdin, stdout, stderr, a.env)
}

func (a *app) program() *cli.Program {
	return &cli.Program{
		Name:  "ffc-relay",
		About: "ffc-relay publishes feature flags to the engines of a fleet, and serves them to SDKs.",
		Commands: func() []*cli.Command {
			return []*cli.Command{
				a.publishCommand(), a.serveCommand(), a.runCommand(), a.forwardCommand(), a.eventsCommand(), a.statusCommand(), a.logCommand(), a.rollbackCommand(), a.overrideCommand(), a.unpinCommand(),
				a.doctorCommand(), a.keyCommand(), a.configCommand(),
			}
		},
	}
}

// env returns an environment variable.
func (a *app) env(name string) string {
	for _, pair := range a.environ {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

// common are the options of commands that need the configuration.
type common struct {
	*cli.Command
	a    *app
	file string
}

// define adds the option -config.
func (m *common) define() {
	m.Options.Text(&m.file, "config", "FILE", "the configuration (default FFC_RELAY_CONFIG)")
}

// path returns the file of the configuration; "" if there is none.
func (m *common) path() string {
	if m.file != "" {
		return m.file
	}
	return m.a.env(prefix + "CONFIG")
}

// load reads the configuration. Its error is one of usage.
func (m *common) load() (*config, error) {
	c, err := load(m.path(), m.a.environ)
	if err != nil {
		return nil, cli.UsageError("%v", err)
	}
	return c, nil
}

const commonHelp = `
The configuration is a JSON file and variables that begin with FFC_RELAY_. Run
"ffc-relay config" to see what is in effect, and "ffc-relay help config" for all
settings.

`

// callTime bounds a command that works with an engine.
const callTime = time.Minute
