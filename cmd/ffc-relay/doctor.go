package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

const (
	// doctorEnvironment is the environment of the values that doctor writes.
	doctorEnvironment = "ffc-relay-doctor"
	// rounds and racers are how often how many writers race for one value.
	rounds, racers = 25, 8
	// maxSkew is how far clocks may be apart.
	maxSkew = 30 * time.Second
)

func (a *app) doctorCommand() *cli.Command {
	m := common{a: a, Command: &cli.Command{
		Name:    "doctor",
		Summary: "find out whether engines are fit for a fleet",
		Help: `Usage: ffc-relay doctor [options] [ENGINE...]

Checks each engine of the configuration, or those that are named: whether it is
reachable, the rights to read and write, whether its compare-and-swap is atomic
when writers race, whether a value is visible at once, and what it says about
durability. Compares this machine's clock with the platform's: pins end by it.

It writes values below PREFIX/` + doctorEnvironment + `, and deletes them. No environment
is touched. Do not run two at a time on an engine.

`,
		Footer: commonHelp + `Exit codes: 0 no check failed, warnings are possible; 1 a check failed, or the
output cannot be written; 2 the command line or the configuration is invalid.
`,
	}}
	asJSON, timeout := false, time.Duration(0)
	m.define()
	m.Options.Toggle(&asJSON, "json", "print the checks as JSON")
	m.Options.Duration(&timeout, "timeout", "how long a call of an engine may take", 5*time.Second)
	m.Run = func(ctx context.Context, c *cli.Console, args []string) error {
		config, err := m.load()
		if err != nil {
			return err
		}
		all := slices.Sorted(maps.Keys(config.engines))
		for _, name := range args {
			if _, ok := config.engines[name]; !ok {
				return m.Options.Usage("unknown engine %q%s", name, hint(name, config.engines))
			}
		}
		if len(args) > 0 {
			all = args
		}
		if len(all) == 0 {
			return m.Options.Usage("missing engine: set FFC_RELAY_ENGINES_MAIN_URL, or use -config FILE")
		}
		d := &examination{timeout: timeout, report: cli.NewReport(), width: len(slices.MaxFunc(all, func(a, b string) int { return len(a) - len(b) })) + len(" durability")}
		d.print = func(k cli.Check) error {
			if asJSON {
				return nil
			}
			return c.Print(c.Check(k, d.width))
		}
		s := &engines{open: a.open, metrics: new(metrics)}
		for _, name := range all {
			if strings.HasPrefix(config.engines[name].url, "sqs:") {
				d.queue(name, config.engines[name], a.openQueue)
				continue
			}
			b, release, err := s.take(config.engines[name])
			if err != nil {
				d.add(cli.Check{Name: name, Outcome: cli.Fail, Seen: textOf(err)})
				continue
			}
			d.engine(ctx, name, b)
			if name == config.queue {
				d.check(ctx, name+" events", (&probe{b: b, timeout: d.timeout}).events)
			}
			release()
		}
		if len(args) == 0 {
			d.clocks(ctx, config)
		}
		if d.broken != nil {
			return d.broken
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return d.report.Conclude(c, asJSON)
	}
	return m.Command
}

// examination is one run of doctor.
type examination struct {
	timeout time.Duration
	report  *cli.Report
	width   int
	print   func(cli.Check) error
	broken  error // the output
}

func (d *examination) add(k cli.Check) {
	d.report.Add(k)
	if err := d.print(k); err != nil && d.broken == nil {
		d.broken = err
	}
}

// check runs a check of an engine and reports whether it has not failed.
func (d *examination) check(ctx context.Context, name string, f func(ctx context.Context) (cli.Outcome, string, string)) bool {
	if d.broken != nil || ctx.Err() != nil {
		return false
	}
	began := time.Now()
	outcome, seen, advice := f(ctx)
	took := time.Since(began)
	if outcome == cli.Skipped {
		took = 0
	}
	d.add(cli.Check{Name: name, Outcome: outcome, Seen: seen, Advice: advice, Took: took})
	return outcome != cli.Fail
}

// engine checks an engine.
func (d *examination) engine(ctx context.Context, name string, b fleet.Backend) {
	v := &probe{b: b, timeout: d.timeout}
	if !d.check(ctx, name+" read", v.read) {
		return
	}
	if _, readOnly := v.single().(fleet.HTTP); readOnly {
		d.add(cli.Check{Name: name + " write", Outcome: cli.Skipped, Seen: "the engine is read-only"})
		return
	}
	defer v.clean(ctx)
	if d.check(ctx, name+" write", v.write) && d.check(ctx, name+" swap", v.swap) {
		d.check(ctx, name+" race", v.race)
	}
	d.check(ctx, name+" durability", v.durability)
}

// queue checks the settings of an engine that keeps events only. It takes and puts
// none: those are users'.
func (d *examination) queue(name string, e engineConfig, open queueOpener) {
	_, closeIt, err := open(e, func() *engineConfig { return &e })
	defer closeIt()
	if err != nil {
		d.add(cli.Check{Name: name, Outcome: cli.Fail, Seen: textOf(err)})
		return
	}
	d.add(cli.Check{Name: name + " events", Outcome: cli.OK, Seen: "AWS promises that each batch is in several zones before it counts; nothing was sent"})
}

// probe examines one engine.
type probe struct {
	b       fleet.Backend
	timeout time.Duration
}

// single returns the engine, or nil if it is split.
func (v *probe) single() fleet.Backend {
	if parts := partsOf(v.b); len(parts) == 1 {
		return parts[0]
	}
	return nil
}

// The values that doctor writes.
var (
	doctorHead = fleetdata.Name(doctorEnvironment, fleetdata.HeadObject)
	doctorBody = fleetdata.ChunkName(doctorEnvironment, fleetdata.Sum([]byte(doctorEnvironment)), 0)
)

// within calls a method of the engine, for at most timeout.
func (v *probe) within(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	return f(ctx)
}

func (v *probe) get(ctx context.Context, name string) (value []byte, tag string, err error) {
	err = v.within(ctx, func(ctx context.Context) (err error) {
		value, tag, err = v.b.Get(ctx, name)
		return err
	})
	return value, tag, err
}

func (v *probe) swapValue(ctx context.Context, value, tag string) (newTag string, err error) {
	err = v.within(ctx, func(ctx context.Context) (err error) {
		newTag, err = v.b.Swap(ctx, doctorHead, []byte(value), tag)
		return err
	})
	return newTag, err
}

func (v *probe) remove(ctx context.Context, name string) error {
	return v.within(ctx, func(ctx context.Context) error { return v.b.Delete(ctx, name) })
}

// clean removes what doctor has written.
func (v *probe) clean(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_ = v.remove(ctx, doctorHead)
	_ = v.remove(ctx, doctorBody)
	for _, part := range partsOf(v.b) {
		if d, ok := part.(fleet.Dir); ok { // with the file of its lock
			_ = os.RemoveAll(filepath.Join(d.Path, doctorEnvironment))
		}
	}
}

const (
	adviceReach = "check the address, the network, the user and the password, and the right to read"
	adviceUser  = "give the user of publishers the rights that docs/fleet.md lists"
	adviceDir   = "let the user that publishes create the directory, and write to it"
	adviceSwap  = "do not publish to this engine: readers may miss changes, and two publishers may lead. Use another engine for the heads"
)

// adviceWrite says who has to get the right to write.
func (v *probe) adviceWrite() string {
	if slices.ContainsFunc(partsOf(v.b), func(b fleet.Backend) bool { _, ok := b.(fleet.Dir); return ok }) {
		return adviceDir
	}
	return adviceUser
}

func (v *probe) read(ctx context.Context) (cli.Outcome, string, string) {
	_, _, err := v.get(ctx, doctorHead)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return cli.Fail, textOf(err), adviceReach
	}
	return cli.OK, "reachable: " + engineName(v.b), ""
}

// engineName returns the name of an engine in texts.
func engineName(b fleet.Backend) string {
	if s, ok := b.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", b)
}

func (v *probe) write(ctx context.Context) (cli.Outcome, string, string) {
	want := []byte(rand.Text())
	if err := v.within(ctx, func(ctx context.Context) error { return v.b.Put(ctx, doctorBody, want) }); err != nil {
		return cli.Fail, "cannot write: " + textOf(err), v.adviceWrite()
	}
	switch got, _, err := v.get(ctx, doctorBody); {
	case err != nil:
		return cli.Fail, "cannot read what was written: " + textOf(err), v.adviceWrite()
	case !bytes.Equal(got, want):
		return cli.Fail, "a value that was read is not the one that was written", "use an engine without a cache in front of it"
	}
	if err := v.remove(ctx, doctorBody); err != nil {
		return cli.Fail, "cannot delete: " + textOf(err), v.adviceWrite()
	}
	if _, _, err := v.get(ctx, doctorBody); !errors.Is(err, fleet.ErrNotFound) {
		return cli.Warn, "a value that was deleted can still be read", "use an engine without a cache in front of it"
	}
	return cli.OK, "writes, reads and deletes", ""
}

// swap checks compare-and-swap with one writer.
func (v *probe) swap(ctx context.Context) (cli.Outcome, string, string) {
	if err := v.remove(ctx, doctorHead); err != nil {
		return cli.Fail, "cannot delete: " + textOf(err), v.adviceWrite()
	}
	first, err := v.swapValue(ctx, "first", "")
	if err != nil {
		return cli.Fail, "cannot swap: " + textOf(err), v.adviceWrite()
	}
	second, err := v.swapValue(ctx, "second", first)
	if err != nil {
		return cli.Fail, "cannot swap: " + textOf(err), v.adviceWrite()
	}
	for tag, what := range map[string]string{"": "in place of a value, although none was expected", first: "in place of a value with another tag"} {
		if _, err := v.swapValue(ctx, "wrong", tag); !errors.Is(err, fleet.ErrConflict) {
			if err != nil {
				return cli.Fail, "a swap that must conflict failed otherwise: " + textOf(err), adviceSwap
			}
			return cli.Fail, "a swap wrote " + what, adviceSwap
		}
	}
	if got, tag, err := v.get(ctx, doctorHead); err != nil || string(got) != "second" || tag != second {
		return cli.Fail, "a value is not visible as soon as it is written", adviceSwap
	}
	return cli.OK, "compares and swaps", ""
}

// race lets several writers swap one value at the same time: one of them must win.
func (v *probe) race(ctx context.Context) (cli.Outcome, string, string) {
	several, stale, failed := 0, 0, error(nil)
	for round := range rounds {
		_, tag, err := v.get(ctx, doctorHead)
		if err != nil {
			return cli.Fail, textOf(err), adviceReach
		}
		type result struct {
			value string
			err   error
		}
		results := make([]result, racers)
		var racing sync.WaitGroup
		begin := make(chan struct{})
		for i := range results {
			racing.Go(func() {
				results[i].value = fmt.Sprintf("round %d, writer %d", round, i)
				<-begin
				_, results[i].err = v.swapValue(ctx, results[i].value, tag)
			})
		}
		close(begin)
		racing.Wait()
		var winners []string
		for _, r := range results {
			switch {
			case r.err == nil:
				winners = append(winners, r.value)
			case !errors.Is(r.err, fleet.ErrConflict):
				failed = r.err
			}
		}
		got, _, err := v.get(ctx, doctorHead)
		if err != nil {
			return cli.Fail, textOf(err), adviceReach
		}
		switch {
		case len(winners) > 1:
			several++
		case len(winners) == 1 && string(got) != winners[0]:
			stale++
		}
	}
	switch {
	case several > 0:
		return cli.Fail, fmt.Sprintf("several of %d writers won in %d of %d rounds: the compare-and-swap is not atomic", racers, several, rounds), adviceSwap
	case stale > 0:
		return cli.Fail, fmt.Sprintf("the value of the winner was not there in %d of %d rounds", stale, rounds), adviceSwap
	case failed != nil:
		return cli.Warn, fmt.Sprintf("at most one of %d writers won in each of %d rounds, but calls failed: %s", racers, rounds, textOf(failed)), "run doctor again when the engine is less busy"
	}
	return cli.OK, fmt.Sprintf("one of %d writers won in each of %d rounds", racers, rounds), ""
}

// durability checks what the engine keeps when it fails, as far as the engine reports it.
func (v *probe) durability(ctx context.Context) (cli.Outcome, string, string) {
	switch b := partsOf(v.b)[0].(type) {
	case fleet.Dir:
		return cli.OK, "each write is on the disk before it counts", ""
	case *fleetaws.S3, *fleetaws.DynamoDB:
		return cli.OK, "AWS promises that each write is in several zones before it counts", ""
	case *fleetredis.Backend:
		var got fleetredis.Durability
		err := v.within(ctx, func(ctx context.Context) (err error) {
			got, err = b.Durability(ctx)
			return err
		})
		return redisDurability(got, err)
	case *fleetnats.Backend:
		var got fleetnats.Durability
		err := v.within(ctx, func(ctx context.Context) (err error) {
			got, err = b.Durability(ctx)
			return err
		})
		return natsDurability(got, err)
	}
	return cli.Skipped, "the engine does not say", ""
}

// events checks what the queue of events in a Redis keeps.
func (v *probe) events(ctx context.Context) (cli.Outcome, string, string) {
	if _, ok := v.single().(*fleetnats.Backend); ok {
		return cli.Skipped, "a stream of NATS is in files, if it is one of Queue.Create; nothing was sent", ""
	}
	redis, ok := v.single().(*fleetredis.Backend)
	if !ok {
		return cli.Fail, "the engine has no queue of events", "use SQS, Redis or NATS"
	}
	var got fleetredis.Durability
	if err := v.within(ctx, func(ctx context.Context) (err error) {
		got, err = redis.Durability(ctx)
		return err
	}); err != nil {
		return cli.Skipped, "the server does not say: " + textOf(err), "give the user of this command +info"
	}
	return eventsDurability(got)
}

func eventsDurability(got fleetredis.Durability) (cli.Outcome, string, string) {
	switch {
	case got.Evicts:
		return cli.Warn, "the server removes events when its memory is full", "set maxmemory-policy noeviction"
	case !got.AppendOnly:
		return cli.Warn, "the server does not write to a file: a restart loses the events in the queue", "set appendonly yes and appendfsync always, unless the engine stores writes in a second zone"
	}
	return cli.OK, "the server writes to a file; only with appendfsync always no failure of it loses events", ""
}

func redisDurability(got fleetredis.Durability, err error) (cli.Outcome, string, string) {
	switch {
	case err != nil:
		return cli.Skipped, "the server does not say: " + textOf(err), "give the user of this command +info"
	case got.Evicts:
		return cli.Warn, "the server removes values when its memory is full", "set maxmemory-policy noeviction"
	case !got.AppendOnly && got.Replicas == 0:
		return cli.Warn, "the server has no replica and no append-only file: a restart loses all data, until a publisher writes it again", "use a replica, or set appendonly yes"
	}
	return cli.OK, fmt.Sprintf("append-only file: %t, replicas: %d", got.AppendOnly, got.Replicas), ""
}

func natsDurability(got fleetnats.Durability, err error) (cli.Outcome, string, string) {
	switch {
	case err != nil:
		return cli.Skipped, "the server does not say: " + textOf(err), "give the user of this command the right to publish to $JS.API.STREAM.INFO.KV_BUCKET"
	case got.Expires != 0:
		return cli.Warn, fmt.Sprintf("values of the bucket expire after %v, also the current ones", got.Expires), "remove the TTL of the bucket"
	case !got.File && got.Replicas < 2:
		return cli.Warn, "the bucket is in the memory of one server: a restart loses all data, until a publisher writes it again", "store it in files, or on three servers"
	}
	return cli.OK, fmt.Sprintf("in files: %t, servers: %d", got.File, got.Replicas), ""
}

// clocks compares this machine's clock with that of each platform.
func (d *examination) clocks(ctx context.Context, c *config) {
	var urls []string
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		e := c.environments[name]
		url := e.url
		if p, err := registry.ProtocolOf(e.platform); url == "" && err == nil {
			url = p.DefaultBaseURL
		}
		if url != "" && e.secret != "" && !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
	}
	for _, url := range urls {
		d.check(ctx, "clock", func(ctx context.Context) (cli.Outcome, string, string) { return d.clock(ctx, url) })
	}
}

// clock compares the clocks by the header Date of any response.
func (d *examination) clock(ctx context.Context, url string) (cli.Outcome, string, string) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return cli.Fail, "the URL of the platform cannot be requested", ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return cli.Warn, "the platform is unreachable, so its clock is unknown", "run ffc doctor, which finds the cause"
	}
	_ = resp.Body.Close()
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return cli.Skipped, "the platform does not send its time", ""
	}
	return skew(time.Since(at))
}

// skew judges how far this machine's clock is ahead.
func skew(ahead time.Duration) (cli.Outcome, string, string) {
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	// The platform's time is in whole seconds, so a second is no difference.
	if ahead.Abs() < 2*time.Second {
		return cli.OK, "this machine's clock agrees with the platform's", ""
	}
	seen := fmt.Sprintf("this machine's clock is %v %s the platform's", ahead.Abs().Round(time.Second), side)
	if ahead.Abs() > maxSkew {
		return cli.Warn, seen, "set the clock: ages are wrong, and pins end at another time"
	}
	return cli.OK, seen, ""
}
