package main

import (
	"context"
	"fmt"
	"strings"
)

// command is one of the things that ffc does. Its error says how it ended: see
// failure.
type command struct {
	name    string
	summary string // for the list of commands
	run     func(ctx context.Context, c *console, args []string) error
}

// commands returns all of them, in the order in which help lists them.
func commands() []command {
	return []command{
		{"serve", "run a platform for development on this machine, with a page", runServe},
		{"eval", "evaluate a flag for a user, and show what led to the value", runEval},
		{"snapshot", "write the current flags and segments to a file, to embed in a program", runSnapshot},
		{"doctor", "find out why a program does not get its flags", runDoctor},
		{"help", "show how to use a command", runHelp},
		{"version", "show which version this is", runVersion},
	}
}

// dispatch runs the command that args begin with.
func dispatch(ctx context.Context, c *console, args []string) error {
	if len(args) == 0 {
		return usageError("there is no command\n\n%s", strings.TrimSuffix(overview(), "\n"))
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
	return cmd.run(ctx, c, rest)
}

func findCommand(name string) (command, error) {
	var names []string
	for _, cmd := range commands() {
		if cmd.name == name {
			return cmd, nil
		}
		names = append(names, cmd.name)
	}
	return command{}, usageError("there is no command %q%s\nRun \"ffc help\" for the list.", name, didYouMean(nearest(name, names)))
}

// didYouMean is the end of a sentence about a name that does not exist.
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
