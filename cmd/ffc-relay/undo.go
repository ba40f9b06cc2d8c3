package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

// pinOptions are the options of commands that pin.
type pinOptions struct {
	by, reason string
	until      func(now time.Time) time.Time
}

// definePin adds the options. context begins their help.
func (p *pinOptions) definePin(o *cli.Options, context string) {
	o.Text(&p.by, "by", "NAME", context+"who does this (default USER)")
	o.Text(&p.reason, "reason", "TEXT", context+"why")
	p.until = func(now time.Time) time.Time { return now.Add(time.Hour) }
	o.Define("until", "TIME", context+"when the pin ends: a duration from now such as 2h, or a time such as 2026-12-31T18:00:00Z (default 1h)", func(text string) error {
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			p.until = func(now time.Time) time.Time { return now.Add(d) }
			return nil
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || !at.After(time.Now()) {
			return fmt.Errorf("invalid time %q: expected a duration from now such as 2h, or a time in the future such as 2026-12-31T18:00:00Z", text)
		}
		p.until = func(time.Time) time.Time { return at }
		return nil
	})
}

// environment returns an environment by its name in the configuration or on the
// platform. release must be called. advice ends a sentence about an environment that the
// configuration does not name; it is "" if it does.
func (m *common) environment(name string) (e *relay.Environment, release func(), advice string, err error) {
	c, err := m.load()
	if err != nil {
		return nil, nil, "", err
	}
	found, ok := c.environments[name]
	for _, other := range slices.Sorted(maps.Keys(c.environments)) {
		if e := c.environments[other]; !ok && strings.EqualFold(e.environment, name) {
			found, ok = e, true
		}
	}
	if !ok {
		advice = hint(name, c.environments)
	}
	switch {
	case !ok && len(c.engines) == 0:
		return nil, nil, "", m.Options.Usage("missing engine: set FFC_RELAY_ENGINES_MAIN_URL, or use -config FILE")
	case !ok:
		if len(c.engines) == 1 {
			for only := range c.engines {
				found.engine = only
			}
		}
		found.engine, found.environment = cmp.Or(found.engine, "main"), name
		if _, ok := c.engines[found.engine]; !ok {
			return nil, nil, "", m.Options.Usage("unknown environment %q%s", name, advice)
		}
	case found.environment == "":
		return nil, nil, "", m.Options.Usage("%v", cmp.Or(c.broken[found.name], errors.New("the name of the environment is unknown")))
	}
	engine, mirrors, release, err := c.backends(found, &engines{open: m.a.open, metrics: new(metrics)})
	if err != nil {
		return nil, nil, "", m.Options.Usage("%v", err)
	}
	return &relay.Environment{Name: found.environment, Platform: ffc.Platform(found.platform), Keep: c.keep, Backend: engine, Mirrors: mirrors}, release, advice, nil
}

// change changes an environment, and prints the result.
func (p *pinOptions) change(ctx context.Context, c *cli.Console, m *common, name string, change func(context.Context, *relay.Environment, relay.Pin) (int64, error)) error {
	pin := relay.Pin{By: cmp.Or(p.by, c.Env("USER")), Reason: p.reason, Until: p.until(time.Now()).UTC().Truncate(time.Second)}
	return m.call(ctx, name, func(ctx context.Context, e *relay.Environment) error {
		number, err := change(ctx, e, pin)
		if err != nil && !errors.Is(err, relay.ErrMirror) {
			return err
		}
		printed := c.Print(fmt.Sprintf("%s: published revision %d, pinned until %s. Readers follow within their MaxAge or Interval. To end the pin: ffc-relay unpin %s\n",
			name, number, pin.Until.Format(time.RFC3339), name))
		return cmp.Or(err, printed)
	})
}

// call calls f with an environment, for at most callTime, and explains its error.
func (m *common) call(ctx context.Context, name string, f func(context.Context, *relay.Environment) error) error {
	e, release, advice, err := m.environment(name)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := f(ctx, e); err != nil {
		if errors.Is(err, relay.ErrNotPublished) && advice != "" {
			return cli.NoDataError("%s has no data of environment %q%s", engineName(e.Backend), e.Name, advice)
		}
		return explained(e, name, err)
	}
	return nil
}

// explained returns an error of package relay about the environment that a command
// names.
func explained(e *relay.Environment, name string, err error) error {
	text := strings.Replace(textOf(err), "relay: ", "", 1) // the name of a file may come before it
	switch {
	case errors.Is(err, relay.ErrNotPublished):
		return cli.NoDataError("%s has no data of environment %q: check the name, the engine and the prefix, and that ffc-relay publish has published it",
			engineName(e.Backend), e.Name)
	case errors.Is(err, relay.ErrNoRevision):
		return cli.Errorf("%s\nRun \"ffc-relay log -n 0 %s\" for those that it has.", text, name)
	case errors.Is(err, relay.ErrSnapshot):
		return cli.NoDataError("%s", text)
	}
	return cli.Errorf("%s", text)
}

// one returns the only argument of a command.
func (m *common) one(args []string, more string) (string, error) {
	if len(args) == 0 {
		return "", m.Options.Usage("missing environment: expected ENV%s", more)
	}
	if len(args) > 1 {
		return "", m.Options.Usage("unexpected argument %q", args[1])
	}
	return args[0], nil
}

const (
	undoFooter = engineHelp + "The command needs the right to write to the engine.\n" + engineCodes
	readFooter = engineHelp + "The command needs the right to read the engine, and writes nothing.\n" + engineCodes

	engineHelp = commonHelp + `ENV is the name of an environment in the configuration, or its name on the
platform if there is one engine, or an engine main. The command needs neither the
platform nor a publisher.
`
	engineCodes = `
Exit codes: 0 done; 1 it failed; 2 the command line or the configuration is
invalid; 3 the engine has no data of the environment.
`
)

func (a *app) logCommand() *cli.Command {
	m := common{a: a, Command: &cli.Command{
		Name:    "log",
		Summary: "list what was published, and what changed",
		Help: `Usage: ffc-relay log [options] ENV

Lists the revisions that the engine has, newest first: when the platform last
confirmed each, who published it, and the flags and segments that differ from the
revision before.

`,
		Footer: readFooter,
	}}
	limit, asJSON := 20, false
	m.define()
	m.Options.Define("n", "NUMBER", "how many revisions; 0 is all (default 20)", func(text string) (err error) {
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return fmt.Errorf("invalid number %q: expected 0 or more", text)
		}
		return nil
	})
	m.Options.Toggle(&asJSON, "json", "print the revisions as JSON")
	m.Run = func(ctx context.Context, c *cli.Console, args []string) error {
		name, err := m.one(args, "")
		if err != nil {
			return err
		}
		var log []relay.Revision
		if err := m.call(ctx, name, func(ctx context.Context, e *relay.Environment) (err error) {
			log, err = e.Log(ctx, limit)
			return err
		}); err != nil {
			return err
		}
		if asJSON {
			return c.PrintJSON(logJSON(log))
		}
		return c.Print(logTable(log))
	}
	return m.Command
}

// revisionJSON is the JSON form of a revision.
type revisionJSON struct {
	Revision int64     `json:"revision"`
	Current  bool      `json:"current"`
	AsOf     time.Time `json:"asOf"`
	Owner    string    `json:"owner,omitempty"`
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Flags    []string  `json:"flags"`
	Segments []string  `json:"segments"`
	Error    string    `json:"error,omitempty"`
}

func logJSON(log []relay.Revision) []revisionJSON {
	out := make([]revisionJSON, len(log))
	for i, r := range log {
		out[i] = revisionJSON{r.Revision, r.Current, r.AsOf, r.Owner, r.Pin.By, r.Pin.Reason, r.Flags, r.Segments, textOf(r.Err)}
	}
	return out
}

func logTable(log []relay.Revision) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REVISION\tCONFIRMED\tBY\tCHANGED")
	for _, r := range log {
		number := strconv.FormatInt(r.Revision, 10)
		if r.Current {
			number += " *"
		}
		by := cmp.Or(r.Owner, "-")
		if !r.Pin.Until.IsZero() {
			by = cmp.Or(r.Pin.By, someone)
		}
		what := "-"
		switch {
		case r.Err != nil:
			what = "its data is lost: " + textOf(r.Err)
		case len(r.Flags)+len(r.Segments) > 0:
			what = differences(r)
		case r.Flags != nil:
			what = "no flag or segment"
		}
		if r.Pin.Reason != "" {
			what += " (" + r.Pin.Reason + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", number, r.AsOf.UTC().Format(time.RFC3339), oneLine(by), oneLine(what))
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String() + "* is current.\n"
}

// someone is who pinned, if the pin does not say.
const someone = "someone"

// oneLine makes a text fit for a table on a terminal.
func oneLine(text string) string {
	return cli.Visible(strings.NewReplacer("\n", " ", "\t", " ").Replace(text))
}

// pinCommand returns a command that pins. define adds options of its own, and change
// gets the arguments after ENV, as many as more names.
func (a *app) pinCommand(cmd *cli.Command, more string, define func(*cli.Options), change func(o *cli.Options, args []string) (func(context.Context, *relay.Environment, relay.Pin) (int64, error), error)) *cli.Command {
	m, p := common{a: a, Command: cmd}, new(pinOptions)
	m.define()
	define(&m.Options)
	p.definePin(&m.Options, "")
	m.Run = func(ctx context.Context, c *cli.Console, args []string) error {
		rest := args[min(len(args), 1):]
		if more == "" || len(args) == 0 {
			rest = nil
			if _, err := m.one(args, more); err != nil {
				return err
			}
		}
		f, err := change(&m.Options, rest)
		if err != nil {
			return err
		}
		return p.change(ctx, c, &m, args[0], f)
	}
	return cmd
}

func (a *app) rollbackCommand() *cli.Command {
	to := int64(0)
	return a.pinCommand(&cli.Command{
		Name:    "rollback",
		Summary: "publish an earlier revision again, also while the platform is down",
		Help: `Usage: ffc-relay rollback ENV -to REVISION [options]

Publishes an earlier revision again, pinned: publishers leave it until the pin
ends, and then publish the platform's data. ffc-relay log lists the revisions.

  ffc-relay rollback prod -to 1795909271123 -reason "wrong price"

`,
		Footer: undoFooter,
	}, "", func(o *cli.Options) {
		o.Define("to", "REVISION", "the revision; required", func(text string) (err error) {
			if to, err = strconv.ParseInt(text, 10, 64); err != nil || to < 1 {
				return fmt.Errorf("invalid revision %q: expected a number of ffc-relay log", text)
			}
			return nil
		})
	}, func(o *cli.Options, _ []string) (func(context.Context, *relay.Environment, relay.Pin) (int64, error), error) {
		if to == 0 {
			return nil, o.Usage("missing revision: use -to REVISION")
		}
		return func(ctx context.Context, e *relay.Environment, pin relay.Pin) (int64, error) {
			return e.Rollback(ctx, to, pin)
		}, nil
	})
}

func (a *app) overrideCommand() *cli.Command {
	return a.pinCommand(&cli.Command{
		Name:    "override",
		Summary: "serve one variation of a flag to all users, also while the platform is down",
		Help: `Usage: ffc-relay override ENV FLAG=VARIATION [options]

Publishes what is current with one flag changed, pinned: the flag serves one
variation to every user. VARIATION is its value, or its id.

  ffc-relay override prod new-checkout=false -until 2h

`,
		Footer: undoFooter,
	}, " FLAG=VARIATION", func(*cli.Options) {}, func(o *cli.Options, args []string) (func(context.Context, *relay.Environment, relay.Pin) (int64, error), error) {
		if len(args) != 1 {
			return nil, o.Usage("expected ENV FLAG=VARIATION, got %s", cli.Count(len(args)+1, "argument"))
		}
		flag, variation, ok := strings.Cut(args[0], "=")
		if !ok || flag == "" {
			return nil, o.Usage("invalid argument %q: expected FLAG=VARIATION", args[0])
		}
		return func(ctx context.Context, e *relay.Environment, pin relay.Pin) (int64, error) {
			return e.Override(ctx, flag, variation, pin)
		}, nil
	})
}

func (a *app) unpinCommand() *cli.Command {
	m := common{a: a, Command: &cli.Command{
		Name:    "unpin",
		Summary: "end a pin: publish the platform's data again",
		Help: `Usage: ffc-relay unpin [options] ENV

Ends a pin before its time. The publisher that leads then publishes the platform's
data.

`,
		Footer: undoFooter,
	}}
	m.define()
	m.Run = func(ctx context.Context, c *cli.Console, args []string) error {
		name, err := m.one(args, "")
		if err != nil {
			return err
		}
		var number int64
		pinned := true
		if err := m.call(ctx, name, func(ctx context.Context, e *relay.Environment) error {
			s, err := e.Status(ctx)
			if err != nil {
				return err
			}
			pinned = !s.Pin.Until.IsZero()
			number, err = e.Unpin(ctx)
			return err
		}); err != nil {
			return err
		}
		if !pinned {
			return c.Print(fmt.Sprintf("%s: there is no pin to end, at revision %d.\n", name, number))
		}
		return c.Print(fmt.Sprintf("%s: not pinned any more, revision %d. A publisher that leads publishes the platform's data within its Beat.\n", name, number))
	}
	return m.Command
}
