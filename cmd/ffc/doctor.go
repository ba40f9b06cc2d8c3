package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"
)

// checkTime is how long a check of doctor may take.
const checkTime = 5 * time.Second

// doctorRun is the doctor command with its options.
type doctorRun struct {
	*command
	connection
	eventsURL string
	json      bool
}

func doctorCommand() *command {
	d := &doctorRun{command: &command{
		name:    "doctor",
		summary: "find out why a program does not get its flags",
		help: `Usage: ffc doctor [options]

Finds out why a program does not get its flags or cannot deliver its events. It
checks the secret, the URL, DNS, TCP, TLS, the clock, the websocket, the token,
the data, polling, the event endpoint and the proxy, in this order. It changes
nothing: it sends an empty list to the event endpoint.

  ffc doctor -secret-file secret.txt

`,
		footer: connectionHelp + `Exit codes: 0 no check failed, warnings are possible; 1 a check failed, or the
output cannot be written; 2 the command line is invalid; 130 interrupted.
`,
	}}
	o := &d.options
	o.toggle(&d.json, "json", "print the checks as JSON")
	o.duration(&d.timeout, "timeout", "how long a check may take", checkTime)
	d.connection.define(o)
	o.text(&d.eventsURL, "events-url", "URL", "http(s)://host[/prefix] of the event endpoint (default as -url)")
	d.run = d.examine
	return d.command
}

func (d *doctorRun) examine(ctx context.Context, c *console, args []string) error {
	if len(args) > 0 {
		return d.options.usage("unexpected argument %q", args[0])
	}
	if err := d.complete(c, &d.options); err != nil {
		return err
	}
	r := report{Checks: []check{}}
	p := &progress{stop: func() {}}
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
		Env:          c.env,
	}, func(name string) {
		p = c.progress("checking " + name)
	}, func(result doctor.Check) {
		p.stop()
		r.add(result)
		if d.json {
			return
		}
		if broken = c.print(c.line(result)); broken != nil {
			stop()
		}
	})
	p.stop()
	switch {
	case broken != nil:
		return broken
	case err != nil:
		return err
	case d.json:
		err = c.printJSON(r)
	default:
		err = c.print("\n" + r.String())
	}
	if err == nil && r.Failures > 0 {
		err = &failure{code: exitNo}
	}
	return err
}

// line returns the text of a check.
func (c *console) line(k doctor.Check) string {
	colour := map[doctor.Outcome]string{doctor.OK: green, doctor.Warn: yellow, doctor.Fail: red, doctor.Skipped: faint}[k.Outcome]
	text := c.paint(colour, fmt.Sprintf("%-4s", k.Outcome)) + fmt.Sprintf("  %-9s  %s", k.Name, k.Seen)
	if k.Took > 0 {
		text += c.paint(faint, " ("+duration(k.Took)+")")
	}
	if k.Advice != "" {
		text += "\n                 " + strings.TrimSpace(c.paint(yellow, "do:")+" "+k.Advice)
	}
	return text + "\n"
}

// duration returns a duration with two or three digits.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", milliseconds(d))
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", milliseconds(d))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// report is all checks.
type report struct {
	Failures int     `json:"failures"`
	Warnings int     `json:"warnings"`
	Checks   []check `json:"checks"`
}

// check is the JSON form of a doctor.Check.
type check struct {
	Name    string         `json:"name"`
	Outcome doctor.Outcome `json:"outcome"`
	Seen    string         `json:"seen"`
	Advice  string         `json:"advice,omitempty"`
	Took    float64        `json:"ms"`
}

func (r *report) add(k doctor.Check) {
	r.Checks = append(r.Checks, check{k.Name, k.Outcome, k.Seen, k.Advice, math.Round(milliseconds(k.Took)*10) / 10})
	switch k.Outcome {
	case doctor.Fail:
		r.Failures++
	case doctor.Warn:
		r.Warnings++
	}
}

// String implements fmt.Stringer.
func (r *report) String() string {
	switch {
	case r.Failures > 0 && r.Warnings > 0:
		return fmt.Sprintf("%s and %s.\n", count(r.Failures, "failure"), count(r.Warnings, "warning"))
	case r.Failures > 0:
		return fmt.Sprintf("%s.\n", count(r.Failures, "failure"))
	case r.Warnings > 0:
		return fmt.Sprintf("No failure, %s.\n", count(r.Warnings, "warning"))
	}
	return "No problem found.\n"
}
