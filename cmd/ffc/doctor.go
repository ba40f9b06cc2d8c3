package main

import (
	"context"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

const (
	// checkTime is how long a check of doctor may take.
	checkTime = 5 * time.Second
	// nameWidth is the length of the longest name of a check.
	nameWidth = 9
)

// doctorRun is the doctor command with its options.
type doctorRun struct {
	*cli.Command
	connection
	eventsURL string
	json      bool
}

func doctorCommand() *cli.Command {
	d := &doctorRun{Command: &cli.Command{
		Name:    "doctor",
		Summary: "find out why a program does not get its flags",
		Help: `Usage: ffc doctor [options]

Finds out why a program does not get its flags or cannot deliver its events. It
checks the secret, the URL, DNS, TCP, TLS, the clock, the websocket, the token,
the data, polling, the event endpoint and the proxy, in this order. It changes
nothing: it sends an empty list to the event endpoint.

  ffc doctor -secret-file secret.txt

`,
		Footer: connectionHelp + `Exit codes: 0 no check failed, warnings are possible; 1 a check failed, or the
output cannot be written; 2 the command line is invalid; 130 interrupted.
`,
	}}
	o := &d.Options
	o.Toggle(&d.json, "json", "print the checks as JSON")
	o.Duration(&d.timeout, "timeout", "how long a check may take", checkTime)
	d.connection.define(o)
	o.Text(&d.eventsURL, "events-url", "URL", "http(s)://host[/prefix] of the event endpoint (default as -url)")
	d.Run = d.examine
	return d.Command
}

func (d *doctorRun) examine(ctx context.Context, c *cli.Console, args []string) error {
	if len(args) > 0 {
		return d.Options.Usage("unexpected argument %q", args[0])
	}
	if err := d.complete(c, &d.Options); err != nil {
		return err
	}
	r := cli.NewReport()
	p := &cli.Progress{Stop: func() {}}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var broken error // the output
	err := doctor.Run(running, doctor.Config{
		EnvSecret:    d.secret,
		Platform:     d.platform,
		BaseURL:      d.url,
		StreamingURL: d.streamingURL,
		EventsURL:    d.eventsURL,
		Timeout:      d.timeout,
		Env:          c.Env,
	}, func(name string) {
		p = c.Progress("checking " + name)
	}, func(result doctor.Check) {
		p.Stop()
		r.Add(result)
		if d.json {
			return
		}
		if broken = c.Print(c.Check(result, nameWidth)); broken != nil {
			stop()
		}
	})
	p.Stop()
	switch {
	case broken != nil:
		return broken
	case err != nil:
		return err
	}
	return r.Conclude(c, d.json)
}
