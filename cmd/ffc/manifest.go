package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/manifest"
	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
)

// manifestRun is the manifest command with its options.
type manifestRun struct {
	*cli.Command
	connection
	output string
	input  string // read instead of the platform
	zero   bool
	keep   string
}

func manifestCommand() *cli.Command {
	m := &manifestRun{Command: &cli.Command{
		Name:    "manifest",
		Summary: "describe the flags for OpenFeature's code generator",
		Help: `Usage: ffc manifest [options] [FLAG...]

Writes a flag manifest of OpenFeature: the key, type, default and description of
all flags, or of those on the command line. From the manifest the OpenFeature
CLI generates code with an accessor for each flag, so that the compiler finds
wrong keys and types. A summary goes to standard error.

  ffc manifest -file flags.json -o manifest.json
  openfeature generate go -m manifest.json -o flags --package-name flags

The type is the one that all variations have: integer, float, boolean, object (a
JSON object or array), else string. On FeatBit the type of the flag decides if
its variations agree.

`,
		Footer: connectionHelp + `Flags are left out, with a warning, if their keys make no identifier in
generated code, or the same identifier as another flag.

Exit codes: 0 the manifest is written; 1 a FLAG does not exist, or the manifest
cannot be written; 2 the command line or the manifest of -keep is invalid; 3
there is no data from the platform or in the file; 130 interrupted.
`,
	}}
	o := &m.Options
	o.Text(&m.input, "file", "FILE", "read a flag file of ffc serve or a snapshot instead of the platform; - is standard input")
	o.Text(&m.output, "o", "FILE", "where to write (default standard output); the file is replaced as a whole, "+
		"and a failure leaves the old one")
	o.Define("default", "VALUE", "the default of a flag, which generated code returns if the flag cannot be evaluated: "+
		"off is the flag's off variation, zero is false, \"\", 0 or {} (default off)", func(value string) error {
		if value != "off" && value != "zero" {
			return fmt.Errorf("invalid value %q: expected off or zero", value)
		}
		m.zero = value == "zero"
		return nil
	})
	o.Text(&m.keep, "keep", "FILE", "a manifest whose types, defaults and descriptions are kept for flags that still exist, as far as "+
		"the types still fit; may be the file of -o")
	m.defineWait(o)
	m.connection.define(o)
	m.Run = m.write
	return m.Command
}

func (m *manifestRun) write(ctx context.Context, c *cli.Console, keys []string) error {
	kept, err := m.kept()
	if err != nil {
		return err
	}
	client, err := m.client(ctx, c, &m.Options, m.input)
	if err != nil {
		return err
	}
	defer disconnect(client)
	for _, key := range keys {
		if !client.FlagKnown(key) {
			known := client.AllVariations(ctx, ffc.NewUser("any")).Keys()
			return cli.Errorf("the environment has no flag %q%s", key, nearest.DidYouMean(nearest.Names(key, known)))
		}
	}
	items, err := itemsOf(client)
	if err != nil {
		return err
	}
	described := manifest.Build(items, manifest.Config{Keys: keys, Zero: m.zero, Keep: kept}, c.Warn)
	text, err := described.Text()
	if err != nil {
		return err
	}
	if m.output == "" || m.output == "-" {
		err = c.Print(text)
	} else {
		err = writeFile(m.output, []byte(text))
	}
	if err == nil {
		c.Say("%s", summaryOf(described, m.output))
	}
	return err
}

// kept returns the manifest of -keep, or nil.
func (m *manifestRun) kept() (*manifest.Manifest, error) {
	if !m.Options.Given("keep") {
		return nil, nil
	}
	text, err := os.ReadFile(m.keep)
	if err != nil {
		return nil, m.Options.Usage("-keep: %v", err)
	}
	kept, err := manifest.Parse(text)
	if err != nil {
		return nil, m.Options.Usage("-keep: %s: %v", m.keep, err)
	}
	return kept, nil
}

// summaryOf counts the flags of a manifest by type.
func summaryOf(m *manifest.Manifest, file string) string {
	counts := make(map[manifest.Type]int)
	for _, f := range m.Flags {
		counts[f.Type]++
	}
	var types []string
	for _, t := range []manifest.Type{manifest.Boolean, manifest.String, manifest.Integer, manifest.Float, manifest.Object} {
		if counts[t] > 0 {
			types = append(types, fmt.Sprintf("%d %s", counts[t], t))
		}
	}
	text := "described " + cli.Count(len(m.Flags), "flag")
	if file != "" && file != "-" {
		text += " in " + file
	}
	if len(types) > 0 {
		text += ": " + strings.Join(types, ", ")
	}
	return text
}
