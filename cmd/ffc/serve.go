package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/local"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// defaultFile is what is served, and made, when no file is named.
const defaultFile = "flags.json"

// serveOptions are the options of serve.
type serveOptions struct {
	options
	addr       string
	platform   string
	allowHosts []string
	create     bool
	file       string
}

func newServeOptions() *serveOptions {
	s := &serveOptions{options: newOptions("serve")}
	s.StringVar(&s.addr, "addr", "127.0.0.1:4400", "")
	s.StringVar(&s.platform, "platform", "", "")
	s.Func("allow-host", "", func(name string) error {
		s.allowHosts = append(s.allowHosts, name)
		return local.CheckHost(name)
	})
	s.BoolVar(&s.create, "create", false, "")
	return s
}

// runServe runs a local platform until ctx ends, which is how it is meant to
// end.
func runServe(ctx context.Context, c *console, args []string) error {
	s := newServeOptions()
	rest, err := s.parse(args)
	switch {
	case err != nil:
		return c.helpOr(err, serveHelp)
	case s.platform != "" && !isPlatform(s.platform):
		return s.usage("-platform is %q: expected classic or featbit", s.platform)
	case len(rest) > 1:
		return s.usage("it takes one file, got %s", strings.Join(rest, ", "))
	case len(rest) == 1:
		s.file = rest[0]
	default:
		s.file, s.create = defaultFile, true
	}
	return s.serve(ctx, c)
}

// smallHeap is the percentage by which garbage may exceed what is in use: a large
// file is read again and again, and the machine is a developer's.
const smallHeap = 40

// smallMemory is what the process may take before garbage is collected more often,
// in bytes, unless what it keeps needs more.
const smallMemory = 160 << 20

// keepSmall sets how much memory the process may take beside what it keeps.
func keepSmall() (restore func()) {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	before := debug.SetMemoryLimit(max(smallMemory, int64(now.HeapAlloc)*3/2))
	return func() { debug.SetMemoryLimit(before) }
}

func (s *serveOptions) serve(ctx context.Context, c *console) error {
	defer debug.SetGCPercent(debug.SetGCPercent(smallHeap))
	platform, err := local.New(local.Config{
		File:       s.file,
		Create:     s.create,
		Platform:   s.platform,
		AllowHosts: s.allowHosts,
		Log:        func(line string) { c.say("ffc: %s", line) },
	})
	if err != nil {
		return noDataError("%v", err)
	}
	defer keepSmall()()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return s.explainListen(err)
	}
	if err := c.print(welcome(local.URL(listener.Addr()), platform.EnvSecret(), platform.Platform(), s.file)); err != nil {
		_ = listener.Close()
		return err
	}
	if listensElsewhere(listener.Addr()) {
		c.warn(exposed, listener.Addr())
	}
	return platform.Run(ctx, listener)
}

// welcome is what a user needs to begin.
func welcome(url, secret string, platform ffctest.Platform, file string) string {
	like := "featureflag.co (classic)"
	if platform == ffctest.FeatBit {
		like = "FeatBit"
	}
	return fmt.Sprintf(`A platform like %s runs on this machine. Ctrl-C ends it.

  page    %s
  secret  %s
  file    %s

client, err := ffc.New(ctx, ffc.Config{
	EnvSecret: %q,
	BaseURL:   %q,
	Transport: &stream.Transport{},
})
`, like, url, secret, file, secret, url)
}

// listensElsewhere reports whether an address can be reached from other
// machines.
func listensElsewhere(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// exposed says what that means.
const exposed = "listening on %v: whoever reaches this port can read the flags, change them and the file, " +
	"and send events, as the secret is in the source of this program; use it on networks you trust, " +
	"or leave out -addr to listen on this machine only. Browsers elsewhere see the page under names given with -allow-host."

// explainListen says what to do when the port cannot be had.
func (s *serveOptions) explainListen(err error) error {
	host, port, splitErr := net.SplitHostPort(s.addr)
	if splitErr != nil {
		return s.usage("-addr is %q: expected host:port, such as 127.0.0.1:4400", s.addr)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return noError("cannot listen on -addr %s: %v; expected an address of this machine and a free port, such as 127.0.0.1:4400", s.addr, err)
	}
	other := "0"
	if n, err := strconv.Atoi(port); err == nil && n < 65535 {
		other = strconv.Itoa(n + 1)
	}
	return noError("port %s is taken, perhaps by another ffc serve: end that one, or take another port with -addr %s",
		port, net.JoinHostPort(host, other))
}
