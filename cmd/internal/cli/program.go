// Package cli is what the commands of this repository have in common: a program
// with named commands, their options and help, a console, errors with exit codes,
// and the list of a doctor's checks.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
)

// Program is a program with commands.
type Program struct {
	Name  string
	About string // a sentence for the list of commands
	// Commands returns the commands, in the order in which help lists them. The
	// commands help and version follow.
	Commands func() []*Command
}

// Command is one of the things that a program does.
type Command struct {
	Name    string
	Summary string // for the list of commands
	Help    string // above the options: usage, what it does, examples
	Footer  string // below the options
	Options Options
	// Run gets the arguments that are no options. Its error decides the exit code:
	// see Failure.
	Run func(ctx context.Context, c *Console, args []string) error
}

// Run runs a command line and returns the exit code.
func (p *Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	c := NewConsole(interruptible{ctx, stdin}, stdout, stderr, env)
	c.program = p.Name
	return c.conclude(ctx, p.dispatch(ctx, c, args))
}

// All returns all commands.
func (p *Program) All() []*Command {
	all := append(p.Commands(), p.helpCommand(), p.versionCommand())
	for _, cmd := range all {
		cmd.Options.program, cmd.Options.command = p.Name, cmd.Name
	}
	return all
}

// dispatch runs the command that args begin with.
func (p *Program) dispatch(ctx context.Context, c *Console, args []string) error {
	if len(args) == 0 {
		return UsageError("missing command\n\n%s", strings.TrimSuffix(p.overview(), "\n"))
	}
	name, rest := args[0], args[1:]
	switch strings.TrimLeft(name, "-") {
	case "h", "help":
		name = "help"
	case "v", "version":
		name = "version"
	}
	cmd, err := p.find(name)
	if err != nil {
		return err
	}
	rest, err = cmd.Options.parse(rest)
	switch {
	case errors.Is(err, errHelp):
		return c.Print(p.helpText(cmd))
	case err != nil:
		return err
	}
	return cmd.Run(ctx, c, rest)
}

func (p *Program) find(name string) (*Command, error) {
	var names []string
	for _, cmd := range p.All() {
		if cmd.Name == name {
			return cmd, nil
		}
		names = append(names, cmd.Name)
	}
	return nil, UsageError("unknown command %q%s\nRun \"%s help\" for the list.", name, nearest.DidYouMean(nearest.Names(name, names)), p.Name)
}

// helpText is what "help NAME" prints.
func (p *Program) helpText(cmd *Command) string {
	if cmd.Name == "help" {
		return p.overview()
	}
	return cmd.Help + cmd.Options.help() + cmd.Footer
}

// overview is the list of commands.
func (p *Program) overview() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s COMMAND [options]\n\n", p.About, p.Name)
	for _, cmd := range p.All() {
		fmt.Fprintf(&b, "  %-10s %s\n", cmd.Name, cmd.Summary)
	}
	fmt.Fprintf(&b, "\nRun \"%s help COMMAND\" for the usage of a command.\n", p.Name)
	return b.String()
}

func (p *Program) helpCommand() *Command {
	return &Command{
		Name:    "help",
		Summary: "show the usage of a command",
		Run: func(_ context.Context, c *Console, args []string) error {
			switch len(args) {
			case 0:
				return c.Print(p.overview())
			case 1:
			default:
				return UsageError("help: too many arguments: expected one command, got %d", len(args))
			}
			cmd, err := p.find(args[0])
			if err != nil {
				return err
			}
			return c.Print(p.helpText(cmd))
		},
	}
}

func (p *Program) versionCommand() *Command {
	return &Command{
		Name:    "version",
		Summary: "show the version of " + p.Name,
		Help: fmt.Sprintf(`Usage: %[1]s version

Shows the version of %[1]s, and the Go version that built it.
`, p.Name),
		Run: func(_ context.Context, c *Console, args []string) error {
			if len(args) > 0 {
				return UsageError("version: unexpected argument %q", args[0])
			}
			version := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			return c.Print(fmt.Sprintf("%s %s %s %s/%s\n", p.Name, version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
		},
	}
}
