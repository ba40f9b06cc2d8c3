package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// snapshotRun is the snapshot command with its options.
type snapshotRun struct {
	*cli.Command
	connection
	output string
	input  string // read instead of the platform
	json   bool
}

func snapshotCommand() *cli.Command {
	s := &snapshotRun{Command: &cli.Command{
		Name:    "snapshot",
		Summary: "write the flags and segments to a file, to embed in a program",
		Help: `Usage: ffc snapshot [options]

Writes the current flags and segments, for the setting Bootstrap of the SDK: a
program that embeds the file has flags before it has a connection. A summary
goes to standard error.

  ffc snapshot -secret-file secret.txt -o snapshot.json
  ffc snapshot -file flags.json -o snapshot.json

`,
		Footer: connectionHelp + `Exit codes: 0 the snapshot is written; 1 the snapshot cannot be written; 2 the
command line is invalid; 3 there is no data from the platform or in the file, or
with -poll no segments; 130 interrupted.
`,
	}}
	o := &s.Options
	o.Text(&s.input, "file", "FILE", "read a flag file of ffc serve or another snapshot instead of the platform; - is standard input")
	o.Text(&s.output, "o", "FILE", "where to write (default standard output); the file is replaced as a whole, "+
		"and a failure leaves the old one")
	o.Toggle(&s.json, "json", "print the summary as JSON on standard output; needs -o FILE")
	s.defineWait(o)
	s.connection.define(o)
	s.Run = s.write
	return s.Command
}

func (s *snapshotRun) write(ctx context.Context, c *cli.Console, args []string) error {
	switch {
	case len(args) > 0:
		return s.Options.Usage("unexpected argument %q: use -o %s to write to a file", args[0], args[0])
	case s.json && (s.output == "" || s.output == "-"):
		return s.Options.Usage("-json prints to standard output, as the snapshot does: use -o FILE")
	}
	client, err := s.client(ctx, c, &s.Options, s.input)
	if err != nil {
		return err
	}
	defer disconnect(client)
	if s.lacking != "" { // a program that starts with it would get other values
		return cli.NoDataError("the snapshot is not written: it would not have segments that flags use, such as %s", s.lacking)
	}
	return writeSnapshot(c, client, s.output, s.json)
}

// writeSnapshot writes the client's data to a file, or to stdout, and prints a
// summary.
func writeSnapshot(c *cli.Console, client *ffc.Client, file string, asJSON bool) error {
	var data bytes.Buffer
	if err := client.WriteSnapshot(&data); err != nil {
		return cli.NoDataError("%v", err)
	}
	data.WriteByte('\n')
	written, err := summarize(data.Bytes(), client.Status().DataVersion)
	if err != nil {
		return cli.NoDataError("the snapshot is invalid: %v", err)
	}
	if file == "" || file == "-" {
		err = c.Print(data.String())
	} else {
		written.File = file
		err = writeFile(file, data.Bytes())
	}
	switch {
	case err != nil:
		return err
	case asJSON:
		text, err := json.Marshal(written)
		if err != nil {
			return err
		}
		if err := c.Print(string(text) + "\n"); err != nil {
			return err
		}
	default:
		c.Say("%s", written)
	}
	if written.Flags == 0 {
		c.Warn("the snapshot has no flags: check the environment or the file")
	}
	return nil
}

// summary describes a snapshot.
type summary struct {
	File     string `json:"file,omitempty"`
	Flags    int    `json:"flags"`
	Segments int    `json:"segments"`
	Version  int64  `json:"version"` // Unix milliseconds
	Bytes    int    `json:"bytes"`
}

// summarize counts the flags and segments that are not archived.
func summarize(snapshot []byte, version int64) (summary, error) {
	type item struct {
		Archived bool `json:"isArchived"`
	}
	var message struct {
		Data struct {
			Flags    []item `json:"featureFlags"`
			Segments []item `json:"segments"`
		} `json:"data"`
	}
	if err := json.Unmarshal(snapshot, &message); err != nil {
		return summary{}, err
	}
	count := func(items []item) (n int) {
		for _, i := range items {
			if !i.Archived {
				n++
			}
		}
		return n
	}
	return summary{
		Flags:    count(message.Data.Flags),
		Segments: count(message.Data.Segments),
		Version:  version,
		Bytes:    len(snapshot),
	}, nil
}

// firstTime is the lowest version that is a time, in milliseconds: versions of flag
// files and of tests are small numbers.
const firstTime = 1e12

// String implements fmt.Stringer.
func (s summary) String() string {
	where := ""
	if s.File != "" {
		where = " to " + s.File
	}
	at := ""
	if s.Version >= firstTime {
		at = time.UnixMilli(s.Version).UTC().Format(" (2006-01-02 15:04:05 UTC)")
	}
	return fmt.Sprintf("wrote %s and %s%s, version %d%s, %d bytes", cli.Count(s.Flags, "flag"), cli.Count(s.Segments, "segment"),
		where, s.Version, at, s.Bytes)
}

// count returns a number with a noun in the right form.
