package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the golden files of help and of unused")

const wantOverview = `ffc works with the feature flags of featureflag.co and FeatBit.

Usage: ffc COMMAND [options]

  serve      run a platform for development on this machine, with a page
  eval       evaluate a flag for a user, and explain the value
  snapshot   write the flags and segments to a file, to embed in a program
  manifest   describe the flags for OpenFeature's code generator
  unused     compare the flags that Go code reads with an environment
  doctor     find out why a program does not get its flags
  help       show the usage of a command
  version    show the version of ffc

Run "ffc help COMMAND" for the usage of a command.
`

func TestOverview(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"-help"}, {"--help"}, {"help", "help"}, {"help", "-h"}, {"help", "--help"}} {
		bare(t, args...).is(t, outcome{stdout: wantOverview})
	}
	bare(t).is(t, outcome{code: cli.ExitUsage, stderr: "ffc: missing command\n\n" + wantOverview})
}

// TestHelpOfCommands compares help with golden files, which -update rewrites.
func TestHelpOfCommands(t *testing.T) {
	for _, cmd := range program().All() {
		got := bare(t, "help", cmd.Name).stdout
		path := "testdata/help/" + cmd.Name + ".txt"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got != string(want) {
			t.Errorf("help of %s differs from %s (%v):\n%s", cmd.Name, path, err, got)
		}
		for _, line := range strings.Split(got, "\n") {
			if utf8.RuneCountInString(line) > cli.HelpWidth {
				t.Errorf("a line of the help of %s is longer than %d: %q", cmd.Name, cli.HelpWidth, line)
			}
		}
		bare(t, cmd.Name, "-h").is(t, outcome{stdout: string(want)})
		bare(t, cmd.Name, "--help").is(t, outcome{stdout: string(want)})
	}
	bare(t, "help", "evla").is(t, outcome{code: cli.ExitUsage,
		stderr: "ffc: unknown command \"evla\": did you mean \"eval\"?\nRun \"ffc help\" for the list.\n"})
	bare(t, "help", "eval", "doctor").is(t, outcome{code: cli.ExitUsage, stderr: "ffc: help: too many arguments: expected one command, got 2\n"})
}

func TestUnknownCommand(t *testing.T) {
	bare(t, "snapshto").is(t, outcome{code: cli.ExitUsage,
		stderr: "ffc: unknown command \"snapshto\": did you mean \"snapshot\"?\nRun \"ffc help\" for the list.\n"})
	bare(t, "frobnicate").is(t, outcome{code: cli.ExitUsage,
		stderr: "ffc: unknown command \"frobnicate\"\nRun \"ffc help\" for the list.\n"})
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "-version", "--version", "-v"} {
		out := bare(t, arg)
		if out.code != 0 || !strings.HasPrefix(out.stdout, "ffc ") || strings.Count(out.stdout, "\n") != 1 || out.stderr != "" {
			t.Errorf("%s: %+v", arg, out)
		}
	}
	bare(t, "version", "x").is(t, outcome{code: cli.ExitUsage, stderr: "ffc: version: unexpected argument \"x\"\n"})
}
