package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

const (
	// reloadEvery is how often the configuration and the files of secrets are read
	// again, to find changes.
	reloadEvery = 5 * time.Second
	// together is how many environments -once publishes at the same time.
	together = 8
)

// publishRun is the publish command with its options.
type publishRun struct {
	common
	pinOptions
	once, accept, dryRun bool
	timeout              time.Duration
	snapshot             string
}

func (a *app) publishCommand() *cli.Command {
	p := &publishRun{common: common{a: a, Command: &cli.Command{
		Name:    "publish",
		Summary: "publish environments from the platform to their engines",
		Help: `Usage: ffc-relay publish [options] [ENV...]
       ffc-relay publish -file FILE [options] ENV

Publishes the environments of the configuration, or those that are named, until a
signal ends it. Any number of replicas may run: one leads for each environment.
An environment that fails affects no other. SIGHUP, and any change of the
configuration and of files with secrets, reads them again: new environments start,
removed ones stop, and the others keep running. If the new configuration is
invalid, the one before stays in effect.

SIGTERM makes /readyz fail, and hands over to another replica at once.

With -once the command publishes once and ends, for a job. With -dry-run it
prints what that would publish, and writes nothing. With -file it publishes a
snapshot, pinned, and needs no platform.

`,
		Footer: commonHelp + `HTTP endpoints, without authentication: /healthz fails only if the process is
stuck; /readyz until each environment has data or an error; /status is JSON;
/metrics is for Prometheus.

Exit codes: 0 ended by a signal, or published; 1 an environment was not published,
or the address cannot be used; 2 the command line or the configuration is invalid;
3 the file of -file cannot be read.
`,
	}}}
	o := &p.Options
	p.define()
	o.Toggle(&p.once, "once", "publish once and end")
	o.Toggle(&p.dryRun, "dry-run", "with -once: write nothing, print what would be published; implies -once")
	o.Toggle(&p.accept, "accept", "publish the platform's first response even if it is older, empty or much smaller")
	o.Duration(&p.timeout, "timeout", "with -once: how long an environment may take", 30*time.Second)
	o.Text(&p.snapshot, "file", "FILE", "publish the snapshot in a file, as ffc snapshot writes it")
	p.definePin(o, "with -file: ")
	p.Run = p.publish
	return p.Command
}

func (p *publishRun) publish(ctx context.Context, c *cli.Console, args []string) error {
	o := &p.Options
	if p.dryRun {
		p.once = true
	}
	for _, name := range []string{"by", "reason", "until"} {
		if o.Given(name) && !o.Given("file") {
			return o.Usage("-%s needs -file", name)
		}
	}
	switch {
	case o.Given("file") && (p.once || p.accept):
		return o.Usage("-file excludes -once, -dry-run and -accept: it does not need the platform")
	case o.Given("file") && len(args) != 1:
		return o.Usage("-file: expected one environment, got %d", len(args))
	case o.Given("file"):
		return p.publishFile(ctx, c, args[0])
	case o.Given("timeout") && !p.once:
		return o.Usage("-timeout needs -once")
	}
	config, err := p.read(args)
	if err != nil {
		return err
	}
	if p.once {
		return p.publishOnce(ctx, c, config)
	}
	d := &daemon{common: p.common, accept: p.accept, publishes: true, read: p.read, listen: config.listen}
	return d.run(ctx, c, config, args)
}

// read reads the configuration with only the named environments; all without names.
func (p *publishRun) read(only []string) (*config, error) {
	config, err := p.load()
	if err != nil {
		return nil, err
	}
	if err := config.only(&p.Options, only); err != nil {
		return nil, err
	}
	publishable := false
	for name, e := range config.environments {
		publishable = publishable || e.secret != "" || config.broken[name] != nil
	}
	if !publishable {
		return nil, p.Options.Usage("missing environment: set FFC_RELAY_ENVIRONMENTS_NAME_SECRET_FILE, with a name of your own for NAME, or use -config FILE")
	}
	for _, name := range only { // one that is not named may be for commands that need no secret
		if config.environments[name].secret == "" && config.broken[name] == nil {
			config.broken[name] = fmt.Errorf("%s.%s: missing secret: set secret or secretFile", environmentsGroup, name)
		}
	}
	return config, nil
}

// logger returns the logger of a configuration.
func (c *config) logger(to *cli.Console) *slog.Logger {
	if c.jsonLog {
		return slog.New(slog.NewJSONHandler(to.Stderr(), nil))
	}
	return slog.New(slog.NewTextHandler(to.Stderr(), nil))
}

// fingerprint is the same for configurations that do the same. It holds secrets.
func (c *config) fingerprint() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		fmt.Fprintf(&b, "%q %q %s\n", name, c.environmentKey(c.environments[name]), textOf(c.broken[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(c.engines)) {
		e := c.engines[name]
		fmt.Fprintf(&b, "%s %q %q %q\n", e.key(), e.password, e.sentinelPassword, e.credentials)
	}
	fmt.Fprintf(&b, "%s %v %+v %v %q\n", c.listen, c.jsonLog, c.serving.settings, textOf(c.serving.err), c.queue)
	return b.String()
}

// publishOnce publishes each environment once.
func (p *publishRun) publishOnce(ctx context.Context, c *cli.Console, config *config) error {
	log := slog.New(slog.DiscardHandler) // the errors of Once have all
	s := &engines{open: p.a.open, metrics: new(metrics)}
	type job struct {
		name    string
		p       *relay.Publisher
		err     error
		summary string
	}
	var jobs []*job
	for _, name := range slices.Sorted(maps.Keys(config.environments)) {
		e := config.environments[name]
		if e.secret == "" && config.broken[name] == nil {
			continue
		}
		j := &job{name: name, err: config.broken[name]}
		if j.err == nil {
			var release func()
			if j.p, release, j.err = config.publisher(e, log, s); j.err == nil {
				defer release()
			}
		}
		if j.err == nil && p.a.adjust != nil {
			p.a.adjust(name, j.p)
		}
		jobs = append(jobs, j)
	}
	var working sync.WaitGroup
	slots := make(chan struct{}, together)
	for _, j := range jobs {
		if j.err != nil {
			continue
		}
		working.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, p.timeout)
			defer cancel()
			j.p.Accept = p.accept
			if p.dryRun {
				j.summary, j.err = dryRun(ctx, j.p)
				return
			}
			if j.err = j.p.Once(ctx); j.err == nil {
				j.summary = fmt.Sprintf("published revision %d", j.p.Status().Revision)
			}
		})
	}
	working.Wait()
	failed := 0
	for _, j := range jobs {
		if j.err != nil {
			failed++
			c.Say("ffc-relay: %s: %s", j.name, p.explain(j.err))
		} else if err := c.Print(j.name + ": " + j.summary + "\n"); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &cli.Failure{Code: cli.ExitFailed}
	}
	return nil
}

// explain returns the text of an error of Once, with the option that helps.
func (p *publishRun) explain(err error) string {
	if errors.Is(err, relay.ErrHeld) {
		return "the platform responded with older, fewer or no flags than are published; nothing was published: use -accept if that is right"
	}
	return strings.TrimPrefix(textOf(err), "relay: ")
}

// publishFile publishes a snapshot.
func (p *publishRun) publishFile(ctx context.Context, c *cli.Console, name string) error {
	data, err := os.ReadFile(p.snapshot)
	if err != nil {
		return cli.NoDataError("%v", err)
	}
	return p.change(ctx, c, &p.common, name, func(ctx context.Context, e *relay.Environment, pin relay.Pin) (int64, error) {
		number, err := e.Publish(ctx, data, pin)
		if errors.Is(err, relay.ErrSnapshot) {
			err = fmt.Errorf("%s: %w", p.snapshot, err)
		}
		return number, err
	})
}
