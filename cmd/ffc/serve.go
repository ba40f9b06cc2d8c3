package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/local"
)

const serveUsage = `Usage: ffc serve [flags] [file]

Runs a platform for development on this machine. Its flags are in a file, which
is followed while it changes; a page shows and changes them. Without a file it is
flags.json, which is made with a few example flags if it does not exist.

Flags:
`

// defaultFile is what is served, and made, when no file is named.
const defaultFile = "flags.json"

// serveOptions are what the command line says.
type serveOptions struct {
	addr       string
	platform   string
	allowHosts []string
	create     bool
	file       string
}

// serve runs a local platform until ctx ends. It returns the exit code: 0, 1 if
// the platform cannot run, 2 if the command was not understood.
func serve(ctx context.Context, stdout, stderr io.Writer, args []string) int {
	opts, err := parseServe(stderr, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	out := &lines{w: stderr}
	if err := opts.run(ctx, stdout, out); err != nil {
		out.print("ffc: " + err.Error())
		return 1
	}
	return 0
}

func parseServe(stderr io.Writer, args []string) (*serveOptions, error) {
	o := &serveOptions{}
	set := flag.NewFlagSet("ffc serve", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&o.addr, "addr", "127.0.0.1:4400", "`host:port` to listen on; port 0 is a free one")
	set.StringVar(&o.platform, "platform", "", "the platform to be: `classic` or featbit (default what the file is of, else classic)")
	set.Func("allow-host", "another `name` under which this machine is reached, such as host.docker.internal; may be repeated", func(name string) error {
		if name == "" {
			return errors.New("the name is empty")
		}
		o.allowHosts = append(o.allowHosts, name)
		return nil
	})
	set.BoolVar(&o.create, "create", false, "make the file, with a few example flags, if it does not exist")
	set.Usage = func() {
		_, _ = io.WriteString(stderr, serveUsage)
		set.PrintDefaults()
	}
	// Flags may follow the file too.
	for rest := args; ; {
		if err := set.Parse(rest); err != nil {
			return nil, err
		}
		if set.NArg() == 0 {
			break
		}
		if o.file != "" {
			_, _ = fmt.Fprintf(stderr, "ffc serve takes one file, got %q and %q\n", o.file, set.Arg(0))
			return nil, errors.New("more than one file")
		}
		o.file, rest = set.Arg(0), set.Args()[1:]
	}
	if o.file == "" {
		o.file, o.create = defaultFile, true
	}
	return o, nil
}

func (o *serveOptions) run(ctx context.Context, stdout io.Writer, out *lines) error {
	platform, err := local.New(local.Config{
		File:       o.file,
		Create:     o.create,
		Platform:   o.platform,
		AllowHosts: o.allowHosts,
		Log:        out.print,
	})
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", o.addr)
	if err != nil {
		return o.explainListen(err)
	}
	if _, err := io.WriteString(stdout, welcome(local.URL(listener.Addr()), platform.EnvSecret(), platform.Generation().String(), o.file)); err != nil {
		return errors.Join(err, listener.Close())
	}
	if warning := exposed(listener.Addr()); warning != "" {
		out.print(warning)
	}
	return platform.Run(ctx, listener)
}

// welcome is what a user needs to begin.
func welcome(url, secret, generation, file string) string {
	return fmt.Sprintf(`The %s platform runs on this machine. Ctrl-C ends it.

  page    %s
  secret  %s
  file    %s

client, err := ffc.New(ctx, ffc.Config{
	EnvSecret: %q,
	BaseURL:   %q,
	Transport: &stream.Transport{},
})
`, generation, url, secret, file, secret, url)
}

// exposed says what it means to listen on more than loopback; "" if that is not
// so.
func exposed(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return ""
	}
	return fmt.Sprintf("ffc: warning: listening on %v: whoever reaches this port can read the flags, change them and the file, "+
		"and send events, as the secret is in the source of this program; use it on networks you trust, "+
		"or leave out -addr to listen on this machine only. Browsers elsewhere see the page under names given with -allow-host.", addr)
}

// explainListen says what to do when the port cannot be had.
func (o *serveOptions) explainListen(err error) error {
	host, port, splitErr := net.SplitHostPort(o.addr)
	if splitErr != nil {
		return fmt.Errorf("-addr is %q: expected host:port, such as 127.0.0.1:4400", o.addr)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on -addr %s: %w", o.addr, err)
	}
	other := "0"
	if n, err := strconv.Atoi(port); err == nil && n < 65535 {
		other = strconv.Itoa(n + 1)
	}
	return fmt.Errorf("port %s is taken, perhaps by another ffc serve: end that one, or take another port with -addr %s",
		port, net.JoinHostPort(host, other))
}

// lines writes whole lines, of any goroutine.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) print(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.w, strings.TrimRight(line, "\n")+"\n")
}
