package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

// serving has the settings of serve and run.
type serving struct {
	settings
	keys *relay.Keys // nil if there is no file
	err  error       // why the file of keys cannot be used
}

// settings are those of serving that are compared.
type settings struct {
	listen, keysFile, keysText string
	refresh, drainWait, drain  time.Duration
}

// serving reads the settings of serve and run. Commands that do not serve need no
// file of keys, so its problems are in serving.err.
func (r *reader) serving() serving {
	s := serving{settings: settings{listen: ":8031", refresh: 2 * time.Second, drainWait: 5 * time.Second, drain: 20 * time.Second}}
	if v, ok := r.values["serve"]; ok {
		s.listen = v.text
	}
	for name, d := range map[string]*time.Duration{"drainWait": &s.drainWait, "drain": &s.drain} {
		v, ok := r.values[name]
		if !ok {
			continue
		}
		var err error
		if *d, err = time.ParseDuration(v.text); err != nil || *d < 0 {
			r.problem("%s (from %s): invalid duration %q: expected 0 or more, such as 5s", name, v.source, v.text)
		}
	}
	if v, ok := r.values["keys"]; ok {
		s.keysFile = v.text
		text, err := os.ReadFile(v.text)
		if err == nil {
			s.keysText = string(text)
			s.keys, err = relay.ParseKeys(text)
		}
		if err == nil && s.keys.Len() == 0 { // it may be about to be written
			err = errors.New(`the file has no keys: add the lines that "ffc-relay key" prints`)
		}
		if err != nil {
			s.err = fmt.Errorf("keys (from %s): %w", v.source, err)
		}
	}
	return s
}

// serveRun is the serve command, or the run command, with its options.
type serveRun struct {
	publishRun
	publishes bool
	dryRun    bool
}

func (a *app) serveCommand() *cli.Command {
	s := &serveRun{publishRun: publishRun{common: common{a: a, Command: &cli.Command{
		Name:    "serve",
		Summary: "serve environments from their engines to SDKs and readers",
		Help: `Usage: ffc-relay serve [options] [ENV...]

Serves the environments of the configuration, or those that are named, until a
signal ends it. Server-side SDKs of both platforms use it as if it were the platform:
its address is their base URL, and a key is their environment secret. "ffc-relay key"
makes keys; the setting keys names the file with their lines. Any number of replicas
may run behind a load balancer. They need neither the platform nor its secrets.

Keys and the configuration are read again on SIGHUP and every 5 s. A websocket whose
key has ended is closed within 5 s.

SIGTERM makes /readyz fail. After drainWait (5 s), websockets are closed evenly over
drain (20 s); other requests are answered until the end.

With -dry-run the command prints what it would serve, and ends.

`,
		Footer: serveFooter,
	}}}}
	s.define()
	s.Options.Toggle(&s.dryRun, "dry-run", "read everything, write nothing, print what would be served, and end")
	s.Run = s.serve
	return s.Command
}

func (a *app) runCommand() *cli.Command {
	s := &serveRun{publishes: true, publishRun: publishRun{common: common{a: a, Command: &cli.Command{
		Name:    "run",
		Summary: "publish and serve environments in one process",
		Help: `Usage: ffc-relay run [options] [ENV...]

Does what "ffc-relay publish" and "ffc-relay serve" do, in one process, until a signal
ends it. Any number of replicas may run: one publishes each environment, all serve.

`,
		Footer: serveFooter,
	}}}}
	s.define()
	s.Run = s.serve
	return s.Command
}

const serveFooter = commonHelp + `HTTP endpoints of the address of listen, without authentication: /healthz fails only
if the process is stuck; /readyz until each environment has data or an error, and
while draining; /status is JSON; /metrics is for Prometheus. SDKs and readers connect
to the address of serve.

Exit codes: 0 ended by a signal; 1 an address cannot be used, or with -dry-run an
environment cannot be served; 2 the command line or the configuration is invalid.
`

// readServed reads the configuration with only the named environments.
func (s *serveRun) readServed(only []string) (*config, error) {
	c, err := s.load()
	if err != nil {
		return nil, err
	}
	if err := c.only(&s.Options, only); err != nil {
		return nil, err
	}
	switch {
	case len(c.environments) == 0:
		return nil, s.Options.Usage("missing environment: set FFC_RELAY_ENVIRONMENTS_NAME_ENVIRONMENT to its name on the platform, with a name of your own for NAME, or use -config FILE")
	case c.serving.err != nil:
		return nil, cli.UsageError("%v", c.serving.err)
	case c.serving.keys == nil:
		return nil, s.Options.Usage(`missing keys: set FFC_RELAY_KEYS to a file with the lines that "ffc-relay key" prints`)
	}
	return c, nil
}

// only leaves the named environments; all without names.
func (c *config) only(o *cli.Options, names []string) error {
	for _, name := range names {
		if _, ok := c.environments[name]; !ok {
			return o.Usage("unknown environment %q%s", name, hint(name, c.environments))
		}
	}
	if len(names) > 0 {
		maps.DeleteFunc(c.environments, func(name string, _ environmentConfig) bool { return !slices.Contains(names, name) })
		maps.DeleteFunc(c.broken, func(name string, _ error) bool { return !slices.Contains(names, name) })
	}
	return nil
}

func (s *serveRun) serve(ctx context.Context, c *cli.Console, args []string) error {
	if s.publishes {
		if _, err := s.read(args); err != nil { // an environment has a secret
			return err
		}
	}
	config, err := s.readServed(args)
	if err != nil {
		return err
	}
	if s.dryRun {
		return s.preview(ctx, c, config)
	}
	d := &daemon{common: s.common, publishes: s.publishes, serves: true, forwards: s.publishes && config.queue != "", read: s.readServed, listen: config.listen}
	return d.run(ctx, c, config, args)
}

// preview prints what would be served.
func (s *serveRun) preview(ctx context.Context, c *cli.Console, config *config) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	from := &engines{open: s.a.open, metrics: new(metrics)}
	failed := false
	for _, name := range slices.Sorted(maps.Keys(config.environments)) {
		e := config.environments[name]
		err := config.broken[name]
		line := ""
		if err == nil {
			line, err = config.preview(ctx, e, from)
		}
		if err != nil {
			failed = true
			c.Say("ffc-relay: %s: %s", name, strings.TrimPrefix(textOf(err), "relay: "))
		} else if err := c.Print(name + ": " + line + "\n"); err != nil {
			return err
		}
	}
	if err := c.Print(fmt.Sprintf("keys: %d\n", config.serving.keys.Len())); err != nil {
		return err
	}
	if failed {
		return &cli.Failure{Code: cli.ExitFailed}
	}
	return nil
}

// preview reads what would be served of an environment.
func (c *config) preview(ctx context.Context, e environmentConfig, from *engines) (string, error) {
	engine, _, release, err := c.backends(e, from)
	defer release()
	if err != nil {
		return "", err
	}
	status, err := (&relay.Environment{Name: e.environment, Backend: engine}).Status(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("would serve revision %d, %d bytes, confirmed %v ago", status.Revision, status.Size, max(0, time.Since(status.AsOf)).Round(time.Second)), nil
}

// daemon runs publish, serve or run until a signal.
type daemon struct {
	common
	accept, publishes, serves bool
	forwards                  bool
	read                      func(only []string) (*config, error)
	listen                    string
}

// listenOn listens on an address of a setting.
func listenOn(address, setting string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, cli.Errorf("cannot listen on %s: %v\nSet %s or %s%s to another HOST:PORT, or :PORT for all interfaces.", address, errors.Unwrap(err), setting, prefix, variable(setting))
	}
	return listener, nil
}

// run publishes and serves until ctx ends.
func (d *daemon) run(ctx context.Context, c *cli.Console, config *config, only []string) error {
	if err := config.noneUsable(); err != nil {
		return cli.UsageError("%v", err)
	}
	listener, err := listenOn(config.listen, "listen")
	if err != nil {
		return err
	}
	s := &supervisor{log: config.logger(c), accept: d.accept, adjust: d.a.adjust, publishes: d.publishes, files: config.files}
	s.engines.open, s.engines.metrics = d.a.open, &s.metrics
	loop := make(chan struct{})
	server := newServer(s, loop, listener)
	defer server.close()
	served := ""
	queue, closeQueue, err := s.engines.openQueue(config, d.a.openQueue)
	if err != nil {
		return cli.UsageError("%v", err)
	}
	defer closeQueue()
	if d.forwards {
		s.forwarding = newForwarding(config.queue, queue, s.log)
	}
	if d.serves {
		open, err := listenOn(config.serving.listen, "serve")
		if err != nil {
			return err
		}
		served = open.Addr().String()
		s.service = newService(s, config, open, queue)
		defer s.service.close()
	}
	if d.a.listening != nil {
		d.a.listening(listener.Addr().String(), served)
	}
	s.log.Info("ffc: started", "publishes", d.publishes, "serves", d.serves, "environments", len(config.environments), "address", listener.Addr().String(), "serve", served)
	s.noneUsable = make(chan error, 1)
	s.apply(ctx, config)
	if s.forwarding != nil {
		s.forwarding.start(ctx)
	}
	last := config.fingerprint()
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.drain()
			if s.service != nil {
				s.service.drain()
			}
			if s.forwarding != nil {
				s.endForwarding()
			}
			s.wait()
			s.log.Info("ffc: ended by a signal")
			return nil
		case loop <- struct{}{}: // /healthz
			continue
		case err := <-s.noneUsable:
			if d.serves || d.forwards {
				continue // there is other work
			}
			s.drain()
			return cli.UsageError("%v", err)
		case <-d.a.reload:
		case <-tick.C:
		}
		next, err := d.read(only)
		now := textOf(err)
		if err == nil {
			now = next.fingerprint()
		}
		switch {
		case now == last:
		case err != nil:
			s.reloadFailed(err)
		default:
			s.log.Info("ffc: the configuration has changed", "environments", len(next.environments))
			queueChanged := next.queue != config.queue || next.engineKey(next.queue) != config.engineKey(config.queue)
			if next.listen != config.listen || next.jsonLog != config.jsonLog || queueChanged || d.serves && (next.serving.listen != config.serving.listen || next.serving.refresh != config.serving.refresh) {
				s.log.Warn("ffc: the settings listen, serve, refresh, queue and log take effect when the program starts again")
			}
			s.apply(ctx, next)
		}
		last = now
	}
}

const (
	// answerTime is how long requests may take to end when the program ends.
	answerTime = 10 * time.Second
	// maxHeaders is the size of the largest headers of a request, in bytes. A token is
	// in the address.
	maxHeaders = 16 << 10
)

// newHTTP returns the server for SDKs. Websockets are not bound by its times.
func newHTTP(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 100 * time.Second, MaxHeaderBytes: maxHeaders,
	}
}
