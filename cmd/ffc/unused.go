package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// unusedRun is the unused command with its options.
type unusedRun struct {
	*cli.Command
	connection
	dirs   []string
	ffcvet string
	reads  string
	file   string
	json   bool
}

func unusedCommand() *cli.Command {
	u := &unusedRun{Command: &cli.Command{
		Name:    "unused",
		Summary: "compare the flags that Go code reads with an environment",
		Help: `Usage: ffc unused [options]

Lists the flags that Go code reads and the environment does not have, and the
flags of the environment that the code does not read. A flag that is a
prerequisite of a flag in use is in use. Test files are not looked at.

The program ffcvet reads the code:
  ` + installVet + `

  ffc unused -dir ./... -file flags.json
  ffcvet -json -test=false ./... | ffc unused -reads - -secret-file secret.txt
`,
		Footer: connectionHelp + `Exit codes: 0 code and environment have the same flags; 1 they differ, or the
output cannot be written; 2 the command line is invalid; 3 there is no data from
the platform, in the file or from ffcvet; 130 interrupted.
`,
	}}
	o := &u.Options
	o.Section("The code:")
	o.Define("dir", "PATTERN", "the Go packages to look at (default ./...); may be repeated, also for other modules", func(text string) error {
		u.dirs = append(u.dirs, text)
		return nil
	})
	o.Text(&u.ffcvet, "ffcvet", "PATH", "the program ffcvet (default: the one in PATH)")
	o.Text(&u.reads, "reads", "FILE", "read the output of ffcvet -json instead of running it; - is standard input")
	o.Section("The flags (default: those of the platform):")
	o.Text(&u.file, "file", "FILE", "a flag file of ffc serve, or a snapshot of either platform; - is standard input")
	u.defineWait(o)
	u.connection.define(o)
	o.Section("The output:")
	o.Toggle(&u.json, "json", "print JSON")
	u.Run = u.compare
	return u.Command
}

func (u *unusedRun) compare(ctx context.Context, c *cli.Console, args []string) error {
	o := &u.Options
	switch {
	case len(args) > 0:
		return o.Usage("unexpected argument %q: use -dir for the packages to look at", args[0])
	case o.Given("reads") && (o.Given("dir") || o.Given("ffcvet")):
		return o.Usage("-reads excludes -dir and -ffcvet: it is the output of ffcvet")
	case u.reads == "-" && (u.file == "-" || u.secretFile == "-"):
		return o.Usage("-reads and another option cannot both read standard input")
	}
	client, err := u.client(ctx, c, o, u.file)
	if err != nil {
		return err
	}
	defer disconnect(client)
	items, err := itemsOf(client)
	if err != nil {
		return err
	}
	reads, err := u.flagReads(ctx, c)
	if err != nil {
		return err
	}
	r := newUseReport(reads, flagsOf(items))
	if u.json {
		err = c.PrintJSON(r)
	} else {
		err = c.Print(cli.Visible(r.String()))
	}
	if err == nil && len(r.Missing)+len(r.Unused) > 0 {
		err = &cli.Failure{Code: cli.ExitFailed}
	}
	return err
}

// flagReads returns what ffcvet finds in the code.
func (u *unusedRun) flagReads(ctx context.Context, c *cli.Console) (*flagReads, error) {
	r := &flagReads{places: make(map[string][]place)}
	if u.reads != "" {
		output, err := readFile(c.Stdin, u.reads)
		if err == nil {
			err = r.add(sourceName(u.reads), output)
		}
		if err != nil {
			return nil, cli.NoDataError("%v", err)
		}
	} else {
		p := c.Progress("reading the code")
		defer p.Stop()
		if u.dirs == nil {
			u.dirs = []string{"./..."}
		}
		if u.ffcvet == "" {
			u.ffcvet = "ffcvet"
		}
		for _, dir := range u.dirs {
			output, err := runVet(ctx, u.ffcvet, dir)
			if err != nil {
				return nil, err
			}
			if err := r.add(dir, output); err != nil {
				return nil, cli.NoDataError("%v", err)
			}
		}
	}
	if len(r.places)+len(r.unknown) == 0 {
		return nil, cli.NoDataError("ffcvet found no code that reads flags: check the packages, and whether the code compiles")
	}
	r.sort()
	return r, nil
}

// environmentFlag is a flag of an environment.
type environmentFlag struct {
	name          string
	prerequisites []string
}

// flagsOf returns the flags of an environment by their keys.
func flagsOf(items *platform.Whole) map[string]environmentFlag {
	flags := make(map[string]environmentFlag)
	for _, item := range items.Flags {
		if item.Archived {
			continue
		}
		var flag environmentFlag
		if m, err := items.Codec.DecodeFlag(item.Raw); err == nil { // a malformed flag is a flag
			flag.name = m.Name
			for _, p := range m.Prerequisites {
				flag.prerequisites = append(flag.prerequisites, p.FlagKey)
			}
		}
		flags[item.Key] = flag
	}
	return flags
}

// useReport compares the flags that code reads with those of an environment. Its
// JSON form is the output of the command.
type useReport struct {
	Missing []missingFlag   `json:"missing"`
	Unused  []unusedFlag    `json:"unused"`
	Unknown []unknownInCode `json:"unknown"`
	InUse   int             `json:"inUse"`
}

// missingFlag is a flag that code reads and the environment does not have.
type missingFlag struct {
	Key        string   `json:"key"`
	Places     []place  `json:"places"`
	DidYouMean []string `json:"didYouMean,omitempty"`
}

// unusedFlag is a flag of the environment that the code does not read.
type unusedFlag struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"` // if it differs from the key
}

// unknownInCode is a place where code reads a flag whose key cannot be known.
type unknownInCode struct {
	Place  place  `json:"place"`
	Reason string `json:"reason"`
}

func newUseReport(reads *flagReads, flags map[string]environmentFlag) *useReport {
	r := &useReport{Missing: []missingFlag{}, Unused: []unusedFlag{}, Unknown: []unknownInCode{}}
	used := make(map[string]bool)
	var use func(key string)
	use = func(key string) {
		flag, ok := flags[key]
		if !ok || used[key] {
			return
		}
		used[key] = true
		for _, p := range flag.prerequisites {
			use(p)
		}
	}
	keys := slices.Sorted(maps.Keys(flags))
	for _, key := range slices.Sorted(maps.Keys(reads.places)) {
		if _, ok := flags[key]; !ok {
			r.Missing = append(r.Missing, missingFlag{key, reads.places[key], nearest.Names(key, keys)})
		}
		use(key)
	}
	for _, key := range keys {
		if used[key] {
			continue
		}
		name := flags[key].name
		if name == key {
			name = ""
		}
		r.Unused = append(r.Unused, unusedFlag{key, name})
	}
	for _, u := range reads.unknown {
		r.Unknown = append(r.Unknown, unknownInCode{u.place, u.why})
	}
	r.InUse = len(used)
	return r
}

// String implements fmt.Stringer.
func (r *useReport) String() string {
	var b strings.Builder
	if len(r.Missing) > 0 {
		b.WriteString("Read by the code, but not in the environment:\n")
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "  %s%s\n", oneLine(m.Key), nearest.DidYouMean(m.DidYouMean))
		for _, p := range m.Places {
			fmt.Fprintf(&b, "    %s\n", p)
		}
	}
	if len(r.Unused) > 0 {
		b.WriteString("In the environment, but not read by the code:\n")
	}
	for _, u := range r.Unused {
		fmt.Fprintf(&b, "  %s", oneLine(u.Key))
		if u.Name != "" {
			fmt.Fprintf(&b, "  (%s)", oneLine(u.Name))
		}
		b.WriteString("\n")
	}
	if len(r.Unknown) > 0 {
		b.WriteString("The code also reads flags whose keys cannot be known:\n")
	}
	for _, u := range r.Unknown {
		fmt.Fprintf(&b, "  %s: %s\n", u.Place, oneLine(u.Reason))
	}
	fmt.Fprintf(&b, "%s in use, %d missing, %d unused, %s with unknown keys.\n",
		cli.Count(r.InUse, "flag"), len(r.Missing), len(r.Unused), cli.Count(len(r.Unknown), "place"))
	return b.String()
}
