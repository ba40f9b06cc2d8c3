package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
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
	items, err := itemsOf(client)
	if err != nil {
		return err
	}
	if segment := lackingSegment(items); s.poll && segment != "" { // a program that starts with the snapshot would get other values
		return cli.NoDataError("the snapshot is not written: it would not have segments that flags use, such as %s", safelog.Quote(segment))
	}
	var data bytes.Buffer
	if err := client.WriteSnapshot(&data); err != nil {
		return cli.NoDataError("%v", err)
	}
	data.WriteByte('\n')
	return writeSnapshot(c, data.Bytes(), s.output, s.json, summary{
		Flags:    store.Present(items.Flags),
		Segments: store.Present(items.Segments),
		Version:  client.Status().DataVersion,
		Bytes:    data.Len(),
	})
}

// lackingSegment returns a segment that flags use and that polling did not bring, or
// "".
func lackingSegment(items *platform.Whole) string {
	if items.Codec.PollHasSegments || len(items.Segments) > 0 {
		return ""
	}
	source := items.Codec.Source(func(eval.Problem) {})
	_, segment := eval.NewSnapshot(source).Bootstrap(&store.Update{Full: true, Flags: items.Flags}).SegmentUse()
	return segment
}

// writeSnapshot writes a snapshot to a file, or to stdout, and prints its summary.
func writeSnapshot(c *cli.Console, data []byte, file string, asJSON bool, written summary) (err error) {
	if file == "" || file == "-" {
		err = c.Print(string(data))
	} else {
		written.File = file
		err = writeFile(file, data)
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
