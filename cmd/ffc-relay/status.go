package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

func (a *app) statusCommand() *cli.Command {
	m := common{a: a, Command: &cli.Command{
		Name:    "status",
		Summary: "show what an engine has of an environment",
		Help: `Usage: ffc-relay status [options] ENV

Shows what the engine has: the revision, when the platform confirmed the data, the
replica that publishes it, the pin, and how far the mirrors are.

`,
		Footer: readFooter,
	}}
	asJSON := false
	m.define()
	m.Options.Toggle(&asJSON, "json", "print the status as JSON")
	m.Run = func(ctx context.Context, c *cli.Console, args []string) error {
		name, err := m.one(args, "")
		if err != nil {
			return err
		}
		var s relay.EnvironmentStatus
		if err := m.call(ctx, name, func(ctx context.Context, e *relay.Environment) (err error) {
			s, err = e.Status(ctx)
			return err
		}); err != nil {
			return err
		}
		if asJSON {
			return c.PrintJSON(statusOf(s))
		}
		return c.Print(statusTable(s))
	}
	return m.Command
}

// statusJSON is the JSON form of a status.
type statusJSON struct {
	Environment string         `json:"environment"`
	Platform    string         `json:"platform"`
	Lineage     string         `json:"lineage"`
	Revision    int64          `json:"revision"`
	AsOf        time.Time      `json:"asOf"`
	Age         float64        `json:"ageSeconds"`
	Owner       string         `json:"owner,omitempty"`
	Blind       bool           `json:"blind"`
	Beat        float64        `json:"beatSeconds"`
	Size        int64          `json:"bytes"`
	Stored      int64          `json:"storedBytes"`
	PinnedUntil *time.Time     `json:"pinnedUntil,omitempty"`
	PinnedBy    string         `json:"pinnedBy,omitempty"`
	PinReason   string         `json:"pinReason,omitempty"`
	Mirrors     []mirrorReport `json:"mirrors,omitempty"`
}

func statusOf(s relay.EnvironmentStatus) statusJSON {
	out := statusJSON{
		Environment: s.Environment, Platform: string(s.Platform), Lineage: s.Lineage, Revision: s.Revision, AsOf: s.AsOf, Age: max(0, time.Since(s.AsOf).Seconds()),
		Owner: s.Owner, Blind: s.Blind, Beat: s.Beat.Seconds(), Size: s.Size, Stored: s.Stored, PinnedBy: s.Pin.By, PinReason: s.Pin.Reason,
	}
	if !s.Pin.Until.IsZero() {
		out.PinnedUntil = &s.Pin.Until
	}
	for _, m := range s.Mirrors {
		mirror := mirrorReport{Name: m.Name, Revision: m.Revision, Error: textOf(m.Err)}
		if !m.Behind.IsZero() {
			mirror.Lag = max(0, time.Since(m.Behind).Seconds())
		}
		out.Mirrors = append(out.Mirrors, mirror)
	}
	return out
}

func statusTable(s relay.EnvironmentStatus) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, oneLine(fmt.Sprintf(format, args...)))
	}
	row("environment", "%s (%s)", s.Environment, s.Platform)
	row("revision", "%d of lineage %s, %d bytes, %d compressed", s.Revision, s.Lineage, s.Size, s.Stored)
	row("confirmed", "%s, %v ago", s.AsOf.UTC().Format(time.RFC3339), max(0, time.Since(s.AsOf)).Round(time.Second))
	switch {
	case s.Owner == "":
		row("publisher", "none leads at present")
	case s.Blind:
		row("publisher", "%s, which gets no responses from the platform", s.Owner)
	default:
		row("publisher", "%s, which writes every %v", s.Owner, s.Beat)
	}
	if s.Pin.Until.IsZero() {
		row("pin", "none")
	} else {
		row("pin", "until %s by %s: %s", s.Pin.Until.UTC().Format(time.RFC3339), cmp.Or(s.Pin.By, someone), cmp.Or(s.Pin.Reason, "no reason given"))
	}
	for _, m := range s.Mirrors {
		switch {
		case m.Err != nil:
			row("mirror", "%s: %s", m.Name, textOf(m.Err))
		case m.Behind.IsZero():
			row("mirror", "%s: the same revision", m.Name)
		default:
			row("mirror", "%s: revision %d, confirmed %v ago", m.Name, m.Revision, max(0, time.Since(m.Behind)).Round(time.Second))
		}
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}
