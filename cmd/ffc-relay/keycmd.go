package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

func (a *app) keyCommand() *cli.Command {
	m := common{a: a, Command: &cli.Command{
		Name:    "key",
		Summary: "make a key for readers, and its line for the file of keys",
		Help: `Usage: ffc-relay key [options] ENV

Makes a random key for readers of a relay. It has the shape of the environment
secret, so every SDK accepts it, but it does not open the platform. The line for the
file of keys has the key's SHA-256, not the key. The key is shown once.

  ffc-relay key prod -name checkout

`,
		Footer: commonHelp + `ENV is the name of an environment in the configuration, or its name on the
platform: FF__account__project__environment, or the GUID on FeatBit.

Exit codes: 0 done; 2 the command line or the configuration is invalid.
`,
	}}
	var name, platform string
	until := time.Time{}
	m.define()
	o := &m.Options
	o.Text(&name, "name", "NAME", "who uses the key, without spaces; required")
	o.Platform(&platform, "classic or featbit (default that of the environment)")
	o.Define("until", "TIME", "when the key ends, such as 2026-12-31T18:00:00Z (default never)", func(text string) (err error) {
		if until, err = time.Parse(time.RFC3339, text); err != nil || !until.After(time.Now()) {
			return fmt.Errorf("invalid time %q: expected a time in the future such as 2026-12-31T18:00:00Z", text)
		}
		return nil
	})
	m.Run = func(_ context.Context, c *cli.Console, args []string) error {
		env, err := m.one(args, "")
		if err != nil {
			return err
		}
		if name == "" {
			return o.Usage("missing name: use -name NAME")
		}
		config, err := m.load()
		if err != nil {
			return err
		}
		if e, ok := config.environments[env]; ok {
			if e.environment == "" {
				return o.Usage("%v", config.broken[env])
			}
			env, platform = e.environment, cmp.Or(platform, e.platform)
		}
		if platform == "" {
			platform = string(ffc.PlatformFeatBit)
			if p := admin.ProtocolOfEnvironment(env); p != nil {
				platform = p.Name
			}
		}
		key, line, err := relay.NewKey(ffc.Platform(platform), env, name, until)
		if err != nil {
			return o.Usage("%s", strings.TrimPrefix(err.Error(), "relay: "))
		}
		return c.Print("key:  " + key + "\nline: " + line + "\n")
	}
	return m.Command
}
