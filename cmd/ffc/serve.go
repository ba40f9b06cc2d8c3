package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/local"
	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// defaultFile is served, and created, if the command line names no file.
const defaultFile = "flags.json"

// serveRun is the serve command with its options.
type serveRun struct {
	*cli.Command
	addr       string
	platform   string
	allowHosts []string
	create     bool
	file       string
}

func serveCommand() *cli.Command {
	s := &serveRun{addr: "127.0.0.1:4400", Command: &cli.Command{
		Name:    "serve",
		Summary: "run a platform for development on this machine, with a page",
		Help: `Usage: ffc serve [options] [FILE]

Runs a platform for development on this machine. It reads the flags from FILE,
and again whenever FILE changes. A page shows and changes the flags, evaluates
users, and shows the clients and their events. The default of FILE is
flags.json; ffc creates it with a few example flags if it does not exist. FILE
may also be a snapshot that ffc snapshot wrote.

  ffc serve
  ffc serve -platform featbit -addr 127.0.0.1:5100 flags.json

`,
		Footer: `
A flag file is JSON:

  {"flags": {"checkout": {"variations": ["old", "new"], "serve": "new"}}}

docs/local.md in the SDK's repository describes the whole format.

Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 the address cannot be used; 2 the
command line is invalid; 3 the file is invalid.
`,
	}}
	o := &s.Options
	o.Text(&s.addr, "addr", "HOST:PORT", "where to listen (default "+s.addr+"); port 0 is any free port")
	o.Platform(&s.platform, "the platform to run: "+registry.Names()+" (default that of the file, or else "+registry.Default().Name+")")
	o.Toggle(&s.create, "create", "create FILE if it does not exist")
	o.Define("allow-host", "NAME", "another name of this machine, such as host.docker.internal; may be repeated", func(name string) error {
		s.allowHosts = append(s.allowHosts, name)
		return local.CheckHost(name)
	})
	s.Run = s.serveArgs
	return s.Command
}

func (s *serveRun) serveArgs(ctx context.Context, c *cli.Console, args []string) error {
	switch {
	case len(args) > 1:
		return s.Options.Usage("too many files: expected one, got %s", strings.Join(args, ", "))
	case len(args) == 1:
		s.file = args[0]
	default:
		s.file, s.create = defaultFile, true
	}
	return s.serve(ctx, c)
}

// restoreMemory returns a function that restores the limits of memory, which the
// platform sets.
func restoreMemory() func() {
	limit := debug.SetMemoryLimit(-1) // a negative limit only returns it
	percent := debug.SetGCPercent(100)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// serve runs the platform until ctx ends.
func (s *serveRun) serve(ctx context.Context, c *cli.Console) error {
	defer restoreMemory()()
	platform, err := local.New(local.Config{
		File:       s.file,
		Create:     s.create,
		Platform:   s.platform,
		AllowHosts: s.allowHosts,
		KeepSmall:  true,
		Log:        func(line string) { c.Say("ffc: %s", line) },
	})
	if err != nil {
		return cli.NoDataError("%v", err)
	}
	protocol, err := registry.ProtocolOf(platform.Platform().String())
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return s.explainListen(err)
	}
	if err := c.Print(welcome(local.URL(listener.Addr()), platform.EnvSecret(), protocol, s.file)); err != nil {
		_ = listener.Close()
		return err
	}
	if listensElsewhere(listener.Addr()) {
		c.Warn(exposed, listener.Addr())
	}
	return platform.Run(ctx, listener)
}

// welcome returns the text that serve prints when it is ready.
func welcome(url, secret string, imitated *platform.Protocol, file string) string {
	return fmt.Sprintf(`A platform compatible with %s (%s) runs on this machine. Press Ctrl-C to stop it.

  page    %s
  secret  %s
  file    %s

client, err := ffc.New(ctx, ffc.Config{
	EnvSecret: %q,
	BaseURL:   %q,
	Transport: &stream.Transport{},
})
`, imitated.Title, imitated.Name, url, secret, file, secret, url)
}

// listensElsewhere reports whether other machines can reach an address.
func listensElsewhere(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// exposed is the warning about such an address.
const exposed = "listening on %v: any machine that reaches this port can read the flags, change the file and send events, " +
	"because the secret is public; use -addr only on networks that you trust. Browsers on other machines need a name from -allow-host."

// explainListen returns an error that says what to do if listening fails.
func (s *serveRun) explainListen(err error) error {
	host, port, splitErr := net.SplitHostPort(s.addr)
	if splitErr != nil {
		return s.Options.Usage("-addr: invalid address %q: expected host:port, such as 127.0.0.1:4400", s.addr)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return cli.Errorf("cannot listen on -addr %s: %v; expected an address of this machine and a free port, such as 127.0.0.1:4400", s.addr, err)
	}
	other := "0"
	if n, err := strconv.Atoi(port); err == nil && n < 65535 {
		other = strconv.Itoa(n + 1)
	}
	return cli.Errorf("port %s is in use, perhaps by another ffc serve: stop that program, or use another port with -addr %s",
		port, net.JoinHostPort(host, other))
}
