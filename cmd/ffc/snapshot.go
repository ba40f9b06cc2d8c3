package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// connectTime is how long a command waits for data.
const connectTime = 10 * time.Second

// snapshotOptions are the options of snapshot.
type snapshotOptions struct {
	options
	connection
	file string // to write
	of   string // to read, instead of the platform
	json bool
}

func newSnapshotOptions() *snapshotOptions {
	s := &snapshotOptions{options: newOptions("snapshot")}
	s.connection.define(s.options, connectTime)
	s.connection.definePoll(s.options)
	s.StringVar(&s.file, "o", "", "")
	s.StringVar(&s.of, "file", "", "")
	s.BoolVar(&s.json, "json", false, "")
	return s
}

func runSnapshot(ctx context.Context, c *console, args []string) error {
	s := newSnapshotOptions()
	rest, err := s.parse(args)
	switch {
	case err != nil:
		return c.helpOr(err, snapshotHelp)
	case len(rest) > 0:
		return s.usage("%q is not an option: to write to a file, give -o %s", rest[0], rest[0])
	}
	if s.json && (s.file == "" || s.file == "-") {
		return s.usage("-json writes to standard output, which has the snapshot: give -o FILE")
	}
	client, err := s.client(ctx, c)
	if err != nil {
		return err
	}
	defer disconnect(client)
	return writeSnapshot(c, client, s.file, s.json)
}

// client returns a client of the file, or else of the platform.
func (s *snapshotOptions) client(ctx context.Context, c *console) (*ffc.Client, error) {
	if !s.given("file") {
		return s.connect(ctx, c, s.options)
	}
	return s.offline(ctx, c, s.options, s.of)
}

// writeSnapshot writes the client's data to a file, or to stdout, and tells
// what it was.
func writeSnapshot(c *console, client *ffc.Client, file string, asJSON bool) error {
	var data bytes.Buffer
	if err := client.WriteSnapshot(&data); err != nil {
		return noDataError("%v", err)
	}
	data.WriteByte('\n')
	written, err := summarize(data.Bytes(), client.Status().DataVersion)
	if err != nil {
		return noDataError("the platform's data cannot be read again: %v", err)
	}
	if file == "" || file == "-" {
		err = c.print(data.String())
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
		if err := c.print(string(text) + "\n"); err != nil {
			return err
		}
	default:
		c.say("%s", written)
	}
	if written.Flags == 0 {
		c.warn("there are no flags: is it the right environment or file?")
	}
	return nil
}

// summary says what a snapshot has.
type summary struct {
	File     string `json:"file,omitempty"`
	Flags    int    `json:"flags"`
	Segments int    `json:"segments"`
	Version  int64  `json:"version"` // Unix milliseconds
	Bytes    int    `json:"bytes"`
}

// summarize counts what a snapshot has that is not archived.
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

// String implements fmt.Stringer.
func (s summary) String() string {
	where := ""
	if s.File != "" {
		where = " to " + s.File
	}
	return fmt.Sprintf("wrote %s and %s%s, version %d (%s), %d bytes", count(s.Flags, "flag"), count(s.Segments, "segment"),
		where, s.Version, time.UnixMilli(s.Version).UTC().Format("2006-01-02 15:04:05 UTC"), s.Bytes)
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
