package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

func (a *app) configCommand() *cli.Command {
	m := common{a: a, Command: &cli.Command{
		Name:    "config",
		Summary: "show the settings in effect, and where each is from",
		Help: `Usage: ffc-relay config [options]

Shows the settings in effect, without secrets, and where each is from. A variable
comes before the file. Secrets are read from the variable, from the file, or from a
file that secretFile, passwordFile, or a variable that ends in _FILE names.

  {
    "engines": {"main": {"url": "redis://127.0.0.1:6379"}},
    "environments": {"prod": {"secretFile": "/run/secrets/prod", "engine": "main"}}
  }

`,
		Footer: "\n" + settingsHelp() + `Exit codes: 0 the configuration is valid; 1 an engine or an environment cannot be
used; 2 the command line or the configuration is invalid.
`,
	}}
	m.define()
	m.Run = func(_ context.Context, c *cli.Console, args []string) error {
		if len(args) > 0 {
			return m.Options.Usage("unexpected argument %q", args[0])
		}
		config, err := m.load()
		if err != nil {
			return err
		}
		if err := c.Print(config.table()); err != nil {
			return err
		}
		unusable := len(config.broken) > 0
		for _, name := range slices.Sorted(maps.Keys(config.broken)) {
			c.Say("ffc-relay: environment %s: %s", name, textOf(config.broken[name]))
		}
		s := &engines{open: m.a.open, metrics: new(metrics)} // opening does not connect
		for _, name := range slices.Sorted(maps.Keys(config.engines)) {
			e := config.engines[name]
			if e.url == "" || e.heads != nil {
				continue // reported above, and as the two engines that it splits
			}
			_, release, err := s.take(e)
			release()
			if err != nil {
				unusable = true
				c.Say("ffc-relay: %v", err)
			}
		}
		if unusable {
			return &cli.Failure{Code: cli.ExitFailed}
		}
		return nil
	}
	return m.Command
}

// table lists all settings that have an effect, without secrets.
func (c *config) table() string {
	rows := maps.Clone(c.values)
	normal := func(at, scheme string, settings []setting) {
		for _, s := range settings {
			if _, ok := rows[at+s.name]; !ok && s.normal != "" && s.fits(scheme) {
				rows[at+s.name] = value{text: s.normal, source: "default"}
			}
		}
	}
	normal("", "", programSettings)
	for name, e := range c.engines {
		scheme, _, _ := strings.Cut(e.url, ":")
		normal(enginesGroup+"."+name+".", scheme, engineSettings)
	}
	for name := range c.environments {
		normal(environmentsGroup+"."+name+".", "", environmentSettings)
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, path := range slices.Sorted(maps.Keys(rows)) {
		v := rows[path]
		if v.secret {
			v.text = "(secret)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", path, oneLine(withoutSecrets(v.text)), v.source)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// withoutSecrets returns a text without what is secret in it if it is a URL: user and
// password, and the query, which may be a signature.
func withoutSecrets(text string) string {
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		return text
	}
	rest, _, _ = strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "(secret)" + rest[at:]
	}
	return scheme + "://" + rest
}
