package main

import (
	"flag"
	"strings"
	"testing"
	"unicode/utf8"
)

const wantOverview = `ffc works with the feature flags of featureflag.co and FeatBit.

Usage: ffc COMMAND [options]

  serve      run a platform for development on this machine, with a page
  eval       evaluate a flag for a user, and show what led to the value
  snapshot   write the current flags and segments to a file, to embed in a program
  doctor     find out why a program does not get its flags
  help       show how to use a command
  version    show which version this is

Run "ffc help COMMAND" for how to use one.
`

func TestOverview(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"-help"}, {"--help"}, {"help", "help"}, {"help", "-h"}, {"help", "--help"}} {
		bare(t, args...).is(t, outcome{stdout: wantOverview})
	}
	bare(t).is(t, outcome{code: exitUsage, stderr: "ffc: there is no command\n\n" + wantOverview})
}

func TestHelpOfCommands(t *testing.T) {
	helps := map[string]string{"eval": evalHelp, "snapshot": snapshotHelp, "doctor": doctorHelp, "serve": serveHelp, "version": versionHelp}
	for name, want := range helps {
		bare(t, "help", name).is(t, outcome{stdout: want})
		for _, line := range strings.Split(want, "\n") {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("a line of the help of %s is longer than a terminal is wide: %q", name, line)
			}
		}
		if name == "version" {
			continue
		}
		bare(t, name, "-h").is(t, outcome{stdout: want})
		bare(t, name, "--help").is(t, outcome{stdout: want})
	}
	bare(t, "help", "evla").is(t, outcome{code: exitUsage,
		stderr: "ffc: there is no command \"evla\": did you mean \"eval\"?\nRun \"ffc help\" for the list.\n"})
	bare(t, "help", "eval", "doctor").is(t, outcome{code: exitUsage, stderr: "ffc: help takes one command, got 2\n"})
}

// TestHelpIsWhole: help tells of the options that there are, and of no others.
func TestHelpIsWhole(t *testing.T) {
	for text, all := range map[string]options{
		evalHelp:     newEvalOptions().options,
		snapshotHelp: newSnapshotOptions().options,
		doctorHelp:   newDoctorOptions().options,
		serveHelp:    newServeOptions().options,
	} {
		told := make(map[string]bool)
		for _, line := range strings.Split(text, "\n") {
			if option, ok := strings.CutPrefix(line, "  -"); ok {
				told[strings.Fields(option)[0]] = true
			}
		}
		all.VisitAll(func(f *flag.Flag) {
			if !told[f.Name] {
				t.Errorf("help does not tell of -%s:\n%s", f.Name, text)
			}
			delete(told, f.Name)
		})
		if len(told) > 0 {
			t.Errorf("help tells of options that are none: %v", told)
		}
	}
}

func TestUnknownCommand(t *testing.T) {
	bare(t, "snapshto").is(t, outcome{code: exitUsage,
		stderr: "ffc: there is no command \"snapshto\": did you mean \"snapshot\"?\nRun \"ffc help\" for the list.\n"})
	bare(t, "frobnicate").is(t, outcome{code: exitUsage,
		stderr: "ffc: there is no command \"frobnicate\"\nRun \"ffc help\" for the list.\n"})
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "-version", "--version", "-v"} {
		out := bare(t, arg)
		if out.code != 0 || !strings.HasPrefix(out.stdout, "ffc ") || strings.Count(out.stdout, "\n") != 1 || out.stderr != "" {
			t.Errorf("%s: %+v", arg, out)
		}
	}
	bare(t, "version", "x").is(t, outcome{code: exitUsage, stderr: "ffc: version takes no arguments, got \"x\"\n"})
}
