package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// queueOpener opens the queue of an engine. now is that of an opener. It does not
// connect. close is never nil.
type queueOpener func(e engineConfig, now func() *engineConfig) (q flush.Queue, closeIt func(), err error)

// openQueue is the queueOpener of all engines.
func openQueue(e engineConfig, now func() *engineConfig) (q flush.Queue, closeIt func(), err error) {
	nothing := func() {}
	scheme, place, _ := strings.Cut(e.url, ":")
	if err := e.unused(scheme); err != nil {
		return nil, nothing, err
	}
	switch scheme {
	case "sqs":
		q, err := openSQS(e, place)
		return q, nothing, err
	case "redis", "rediss":
		b, closeIt, err := openRedis(e, now, scheme == "rediss", strings.TrimPrefix(place, "//"))
		if err != nil {
			return nil, nothing, err
		}
		q, err := fleetredis.NewQueue(fleetredis.QueueConfig{Backend: b.(*fleetredis.Backend)})
		return q, closeIt, err
	case "nats", "tls":
		config, err := e.nats(now)
		if err != nil {
			return nil, nothing, err
		}
		q, err := fleetnats.NewQueue(fleetnats.QueueConfig{Servers: config.Servers, Options: config.Options, Name: cmp.Or(config.Bucket, "ffc") + "_events"})
		if err != nil {
			return nil, nothing, e.problem("url", "%w", err)
		}
		return q, q.Close, nil
	}
	return nil, nothing, e.problem("url", "the engine has no queue of events: expected sqs://HOST/ACCOUNT/NAME, Redis or NATS")
}

// openSQS opens a queue of SQS. place is its URL without the scheme.
func openSQS(e engineConfig, place string) (flush.Queue, error) {
	ctx, cancel := context.WithTimeout(context.Background(), awsTime)
	defer cancel()
	found, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, e.problem("url", "AWS's configuration cannot be read: %w", err)
	}
	q, err := fleetaws.NewSQS(fleetaws.SQSConfig{
		QueueURL: "https:" + place, Region: cmp.Or(e.region, found.Region), Credentials: found.Credentials, Endpoint: e.endpoint,
	})
	if err != nil {
		return nil, e.problem("url", "%w", err)
	}
	return q, nil
}

// openQueue opens the queue that a configuration names; nil if it names none. From then
// on, refresh gives it new passwords.
func (s *engines) openQueue(c *config, open queueOpener) (q flush.Queue, closeIt func(), err error) {
	if c.queue == "" {
		return nil, func() {}, nil
	}
	e, ok := c.engines[c.queue]
	if !ok {
		return nil, func() {}, c.unknownEngine("queue", c.queue)
	}
	s.queue.Store(&e)
	return open(e, s.queue.Load)
}

// forwarding delivers events from the queue to the platform.
type forwarding struct {
	name      string // of the queue
	forwarder *relay.Forwarder
	log       *slog.Logger
	running   sync.WaitGroup
	used      map[string]*forwarded                 // by name in the configuration; of apply and release
	to        atomic.Pointer[map[string]*forwarded] // by environment
}

// forwarded is an environment whose events are delivered.
type forwarded struct {
	name        string // in the configuration
	environment string
	to          relay.Destination
	dead        fleet.Backend // for dead letters; nil if it cannot be used
	release     func()        // dead
}

// newForwarding returns what delivers the events of a queue with a name, once start is
// called.
func newForwarding(name string, queue flush.Queue, log *slog.Logger) *forwarding {
	f := &forwarding{name: name, log: log}
	f.to.Store(new(map[string]*forwarded))
	f.forwarder = &relay.Forwarder{
		Queue: queue,
		Destination: func(environment string) (relay.Destination, bool) {
			e, ok := (*f.to.Load())[environment]
			if !ok {
				return relay.Destination{}, false
			}
			return e.to, true
		},
		DeadLetters: &relay.DeadLetters{Backend: routed(func(environment string) fleet.Backend {
			if e := (*f.to.Load())[environment]; e != nil {
				return e.dead
			}
			return nil
		})},
		Logger: log,
	}
	return f
}

// start delivers events until ctx ends. Call apply before: batches of environments that
// are unknown are given back for a minute.
func (f *forwarding) start(ctx context.Context) {
	f.running.Go(func() { _ = f.forwarder.Run(ctx) }) // returns the cause of ctx
}

// apply delivers the events of the environments of a configuration. Those of others, and
// of those without a secret, stay in the queue. An environment whose new settings are
// invalid keeps the old ones. The lock of the supervisor is held.
func (f *forwarding) apply(c *config, from *engines) (problem error) {
	used, to := make(map[string]*forwarded), make(map[string]*forwarded)
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		e, err := c.environments[name], c.broken[name]
		if err == nil && e.secret == "" {
			continue
		}
		var next *forwarded
		if err == nil {
			next, err = c.forwarded(e, from)
		}
		if err != nil {
			problem = err
			event := "ffc: the events of the environment cannot be delivered"
			if next != nil {
				event = "ffc: dead letters of the environment cannot be stored; they stay in the queue"
			}
			f.log.Error(event, "environment", name, "error", err)
			if old := f.used[name]; old != nil {
				next = old
				delete(f.used, name)
			}
		}
		if next == nil {
			continue
		}
		used[name] = next
		if to[next.environment] == nil { // two names may have the same environment: the first counts
			to[next.environment] = next
		}
	}
	before := f.used
	f.used = used
	f.to.Store(&to)
	for _, old := range before {
		old.release()
	}
	return problem
}

// release closes the engines. Nothing is delivered any more, and the lock of the
// supervisor is held.
func (f *forwarding) release() {
	for _, e := range f.used {
		e.release()
	}
}

// forwarded returns where the events of an environment go. With an error about its engine
// it has none for dead letters: what the platform rejects stays in the queue.
func (c *config) forwarded(e environmentConfig, from *engines) (*forwarded, error) {
	protocol, err := registry.ProtocolOf(e.platform)
	if err != nil {
		return nil, err
	}
	f := &forwarded{name: e.name, environment: e.environment, to: relay.Destination{EventsURL: cmp.Or(e.url, protocol.DefaultBaseURL), EnvSecret: e.secret}}
	f.dead, _, f.release, err = c.backends(e, from)
	return f, err
}

// routed is the engine of each environment, for dead letters.
type routed func(environment string) fleet.Backend

var _ fleet.Limiter = routed(nil)

// of returns the engine for a value.
func (r routed) of(name string) (fleet.Backend, error) {
	environment, _, _ := strings.Cut(name, "/")
	if b := r(environment); b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("the environment %s has no engine", environment)
}

// MaxValue implements fleet.Limiter. It returns what every engine accepts.
func (routed) MaxValue() int { return 30 << 10 }

// Get implements fleet.Backend.
func (r routed) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	b, err := r.of(name)
	if err != nil {
		return nil, "", err
	}
	return b.Get(ctx, name)
}

// Put implements fleet.Backend.
func (r routed) Put(ctx context.Context, name string, value []byte) error {
	b, err := r.of(name)
	if err != nil {
		return err
	}
	return b.Put(ctx, name, value)
}

// Swap implements fleet.Backend.
func (r routed) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	b, err := r.of(name)
	if err != nil {
		return "", err
	}
	return b.Swap(ctx, name, value, tag)
}

// Delete implements fleet.Backend.
func (r routed) Delete(ctx context.Context, name string) error {
	b, err := r.of(name)
	if err != nil {
		return err
	}
	return b.Delete(ctx, name)
}

func (a *app) forwardCommand() *cli.Command {
	p := &publishRun{common: common{a: a, Command: &cli.Command{
		Name:    "forward",
		Summary: "deliver events from the queue to the platform",
		Help: `Usage: ffc-relay forward [options] [ENV...]

Delivers the events in the queue that the setting queue names to the platform, until a
signal ends it. Any number of replicas may run. It needs the secrets of the
environments; events of other environments stay in the queue. Events that the platform
rejects are dead letters, in the engine of the environment: see "ffc-relay events".
"ffc-relay run" does the same beside its other work.

`,
		Footer: commonHelp + `HTTP endpoints, without authentication: /healthz, /readyz, /status, and /metrics.

Exit codes: 0 ended by a signal; 1 the address cannot be used; 2 the command line or
the configuration is invalid.
`,
	}}}
	p.define()
	p.Run = func(ctx context.Context, c *cli.Console, args []string) error {
		config, err := p.read(args)
		if err != nil {
			return err
		}
		if config.queue == "" {
			return p.Options.Usage("missing queue: set FFC_RELAY_QUEUE to the name of an engine")
		}
		d := &daemon{common: p.common, forwards: true, read: p.read, listen: config.listen}
		return d.run(ctx, c, config, args)
	}
	return p.Command
}

// eventsRun is the events command with its options.
type eventsRun struct {
	common
	reveal, resend, remove bool
	user                   string
}

func (a *app) eventsCommand() *cli.Command {
	e := &eventsRun{common: common{a: a, Command: &cli.Command{
		Name:    "events",
		Summary: "list, send again or delete events that could not be delivered",
		Help: `Usage: ffc-relay events [options] ENV [ID...]

Lists the dead letters of an environment: events that the platform has rejected, that
were malformed, or older than 7 days. They stay for 14 days. Their data, which is of
users, is shown only with -reveal.

`,
		Footer: commonHelp + `Exit codes: 0 done; 1 the engine or the queue failed; 2 the command line or the
configuration is invalid.
`,
	}}}
	e.define()
	o := &e.Options
	o.Toggle(&e.reveal, "reveal", "show the events")
	o.Toggle(&e.resend, "resend", "put the events, or those of the IDs, into the queue again")
	o.Toggle(&e.remove, "delete", "delete the dead letters of the IDs")
	o.Text(&e.user, "delete-user", "KEY", "delete all events of a user")
	e.Run = e.events
	return e.Command
}

func (r *eventsRun) events(ctx context.Context, c *cli.Console, args []string) error {
	given := 0
	for _, name := range []string{"reveal", "resend", "delete", "delete-user"} {
		if r.Options.Given(name) {
			given++
		}
	}
	switch {
	case len(args) == 0:
		return r.Options.Usage("missing environment")
	case given > 1:
		return r.Options.Usage("-reveal, -resend, -delete and -delete-user exclude each other")
	case r.remove != (len(args) > 1) && !r.resend:
		return r.Options.Usage("expected one environment, and IDs with -resend or -delete only")
	}
	config, err := r.load()
	if err != nil {
		return err
	}
	if err := config.only(&r.Options, args[:1]); err != nil {
		return err
	}
	env := config.environments[args[0]]
	if err := config.broken[args[0]]; err != nil {
		return cli.UsageError("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	engine, _, release, err := config.backends(env, &engines{open: r.a.open, metrics: new(metrics)})
	defer release()
	if err != nil {
		return cli.UsageError("%v", err)
	}
	dead := &relay.DeadLetters{Backend: routed(func(string) fleet.Backend { return engine })}
	text, err := r.do(ctx, config, dead, env.environment, args[1:])
	if err != nil {
		return cli.Errorf("%s: %s", args[0], textOf(err))
	}
	return c.Print(text)
}

// do does what the options say, and returns what to print.
func (r *eventsRun) do(ctx context.Context, config *config, dead *relay.DeadLetters, environment string, ids []string) (string, error) {
	switch {
	case r.resend:
		queue, closeIt, err := new(engines).openQueue(config, r.a.openQueue)
		defer closeIt()
		if err == nil && queue == nil {
			err = fmt.Errorf("missing queue: set %sQUEUE to the name of an engine", prefix)
		}
		if err != nil {
			return "", err
		}
		n, err := dead.Resend(ctx, queue, environment, ids...)
		return fmt.Sprintf("%d dead letters are in the queue again\n", n), err
	case r.remove:
		return "deleted\n", dead.Delete(ctx, environment, ids...)
	case r.user != "":
		n, err := dead.DeleteUser(ctx, environment, r.user)
		return fmt.Sprintf("%d items deleted\n", n), err
	}
	letters, err := dead.List(ctx, environment)
	if err != nil || len(letters) == 0 {
		return "no dead letters\n", err
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSINCE\tMADE\tEVENTS\tBYTES\tREASON")
	for _, l := range letters {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", l.ID, l.DeadAt.UTC().Format(time.DateTime), l.At.UTC().Format(time.DateTime), l.Events, len(l.Body), l.Reason)
	}
	_ = table.Flush() // a strings.Builder does not fail
	if r.reveal {
		for _, l := range letters {
			fmt.Fprintf(&b, "\n%s %s\n%s\n", l.ID, l.Route, l.Body)
		}
	}
	return b.String(), nil
}

// eventsReport is what /status says about events that are delivered.
type eventsReport struct {
	Queue   string          `json:"queue"`
	Error   string          `json:"error,omitempty"` // of the queue
	Failing []failingReport `json:"failing,omitempty"`
}

// failingReport is an environment whose events are not delivered.
type failingReport struct {
	Environment string     `json:"environment"` // its name in the configuration
	Until       *time.Time `json:"pausedUntil,omitempty"`
	Error       string     `json:"error"`
}

// configName returns the name of an environment in the configuration, or the environment if
// the configuration does not have it.
func (f *forwarding) configName(environment string) string {
	if e := (*f.to.Load())[environment]; e != nil {
		return e.name
	}
	return environment
}

// report returns which events are not delivered; f may be nil.
func (f *forwarding) report() *eventsReport {
	if f == nil {
		return nil
	}
	s := f.forwarder.Stats()
	out := &eventsReport{Queue: f.name, Error: textOf(s.Err)}
	for _, e := range s.Failing {
		if _, ok := (*f.to.Load())[e.Environment]; !ok {
			continue // it was removed
		}
		failing := failingReport{Environment: f.configName(e.Environment), Error: textOf(e.Err)}
		if time.Until(e.Until) > 0 {
			failing.Until = &e.Until
		}
		out.Failing = append(out.Failing, failing)
	}
	return out
}

// sizeTime bounds how long metrics wait for the size of a queue.
const sizeTime = 3 * time.Second

// write writes the metrics of what is forwarded; f may be nil.
func (f *forwarding) write(ctx context.Context, x *exposition) {
	if f == nil {
		for _, of := range []family{undelivered, queueBatches, queueBytes, queueOldest} {
			x.begin(of)
		}
		return
	}
	s := f.forwarder.Stats()
	x.sample(eventsTotal.name, float64(s.Forwarded), "result", "forwarded")
	x.sample(eventsTotal.name, float64(s.Resent), "result", "resent")
	x.sample(eventsTotal.name, float64(s.Dead), "result", "dead")
	failing := make(map[string]bool)
	for _, e := range s.Failing {
		failing[e.Environment] = true
	}
	x.begin(undelivered)
	for _, environment := range slices.Sorted(maps.Keys(*f.to.Load())) {
		x.sample(undelivered.name, number(failing[environment]), "environment", f.configName(environment))
	}
	sizes, err := f.sizes(ctx)
	if err != nil {
		x.print("# The queue %s does not report its size: %s\n", f.name, textOf(err))
	}
	now := time.Now()
	for _, of := range []struct {
		family
		value func(flush.QueueSize) float64 // below 0 if it is unknown
	}{
		{queueBatches, func(s flush.QueueSize) float64 { return float64(s.Batches) }},
		{queueBytes, func(s flush.QueueSize) float64 { return float64(s.Bytes) }},
		{queueOldest, func(s flush.QueueSize) float64 {
			switch {
			case !s.Oldest.IsZero():
				return max(0, now.Sub(s.Oldest).Seconds())
			case s.Batches > 0:
				return -1
			}
			return 0
		}},
	} {
		x.begin(of.family)
		for _, s := range sizes {
			labels := []string{"queue", f.name}
			if s.Environment != "" {
				labels = append(labels, "environment", f.configName(s.Environment))
			}
			if v := of.value(s); v >= 0 {
				x.sample(of.name, v, labels...)
			}
		}
	}
}

// sizes returns what is in the queue; nothing if the queue does not report it.
func (f *forwarding) sizes(ctx context.Context) (sizes []flush.QueueSize, err error) {
	sizer, ok := f.forwarder.Queue.(flush.QueueSizer)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, sizeTime)
	defer cancel()
	err = safelog.Contain("the queue", func() error {
		sizes, err = sizer.Size(ctx)
		return err
	})
	return sizes, safelog.Error(err)
}
