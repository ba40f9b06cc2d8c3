package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// command is one of the things that ffc does.
type command struct {
	name    string
	summary string // for the list of commands
	help    string // above the options: usage, what it does, examples
	footer  string // below the options
	options options
	// run gets the arguments that are no options. Its error decides the exit code:
	// see failure.
	run func(ctx context.Context, c *console, args []string) error
}

// commands returns all commands, in the order in which help lists them.
func commands() []*command {
	all := []*command{serveCommand(), evalCommand(), snapshotCommand(), doctorCommand(), helpCommand(), versionCommand()}
	for _, cmd := range all {
		cmd.options.command = cmd.name
	}
	return all
}

// dispatch runs the command that args begin with.
func dispatch(ctx context.Context, c *console, args []string) error {
	if len(args) == 0 {
		return usageError("missing command\n\n%s", strings.TrimSuffix(overview(), "\n"))
	}
	name, rest := args[0], args[1:]
	switch strings.TrimLeft(name, "-") {
	case "h", "help":
		name = "help"
	case "v", "version":
		name = "version"
	}
	cmd, err := findCommand(name)
	if err != nil {
		return err
	}
	rest, err = cmd.options.parse(rest)
	switch {
	case errors.Is(err, errHelp):
		return c.print(cmd.helpText())
	case err != nil:
		return err
	}
	return cmd.run(ctx, c, rest)
}

func findCommand(name string) (*command, error) {
	var names []string
	for _, cmd := range commands() {
		if cmd.name == name {
			return cmd, nil
		}
		names = append(names, cmd.name)
	}
	return nil, usageError("unknown command %q%s\nRun \"ffc help\" for the list.", name, didYouMean(nearest(name, names)))
}

// didYouMean is the end of a sentence about an unknown name.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return ": did you mean " + strings.Join(quoted, " or ") + "?"
}

// helpText is what "ffc help NAME" prints.
func (cmd *command) helpText() string {
	if cmd.name == "help" {
		return overview()
	}
	return cmd.help + cmd.options.help() + cmd.footer
}

// overview is the list of commands.
func overview() string {
	var b strings.Builder
	b.WriteString("ffc works with the feature flags of featureflag.co and FeatBit.\n\nUsage: ffc COMMAND [options]\n\n")
	for _, cmd := range commands() {
		fmt.Fprintf(&b, "  %-10s %s\n", cmd.name, cmd.summary)
	}
	b.WriteString("\nRun \"ffc help COMMAND\" for the usage of a command.\n")
	return b.String()
}

func helpCommand() *command {
	return &command{
		name:    "help",
		summary: "show the usage of a command",
		run: func(_ context.Context, c *console, args []string) error {
			switch len(args) {
			case 0:
				return c.print(overview())
			case 1:
			default:
				return usageError("help: too many arguments: expected one command, got %d", len(args))
			}
			cmd, err := findCommand(args[0])
			if err != nil {
				return err
			}
			return c.print(cmd.helpText())
		},
	}
}

func versionCommand() *command {
	return &command{
		name:    "version",
		summary: "show the version of ffc",
		help: `Usage: ffc version

Shows the version of ffc, and the Go version that built it.
`,
		run: func(_ context.Context, c *console, args []string) error {
			if len(args) > 0 {
				return usageError("version: unexpected argument %q", args[0])
			}
			version := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			return c.print(fmt.Sprintf("ffc %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
		},
	}
}
