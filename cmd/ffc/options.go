package main

import (
	"errors"
	"flag"
	"io"
	"regexp"
	"slices"
	"strings"
)

// options are the flags of a command line, which unlike those of package flag
// may also follow the other arguments.
type options struct {
	*flag.FlagSet
}

func newOptions(command string) options {
	o := options{flag.NewFlagSet(command, flag.ContinueOnError)}
	o.SetOutput(io.Discard)
	return o
}

// parse returns the arguments that are no options. The error is flag.ErrHelp if
// help is asked for.
func (o options) parse(args []string) (rest []string, err error) {
	var verbatim []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, verbatim = args[:i], args[i+1:]
	}
	for {
		if err := o.Parse(args); err != nil {
			return nil, o.problem(err)
		}
		if o.NArg() == 0 {
			return append(rest, verbatim...), nil
		}
		rest = append(rest, o.Arg(0))
		args = o.Args()[1:]
	}
}

// problem says what is wrong with options.
func (o options) problem(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	text := err.Error()
	name, unknown := strings.CutPrefix(text, "flag provided but not defined: -")
	if unknown {
		var names []string
		o.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		near := nearest(strings.TrimLeft(name, "-"), names)
		for i := range near {
			near[i] = "-" + near[i]
		}
		text = "there is no option -" + name + didYouMean(near)
	} else {
		text = reword(text)
	}
	return o.usage("%s", text)
}

var (
	invalid = regexp.MustCompile(`(?s)^invalid (boolean )?value (".*") for (?:flag )?-(\S+): (.*)$`)
	missing = regexp.MustCompile(`^flag needs an argument: -(\S+)$`)
)

// reword says what package flag says without its flags, which are not those of
// this program.
func reword(text string) string {
	if m := missing.FindStringSubmatch(text); m != nil {
		return "-" + m[1] + ": expected a value after it"
	}
	m := invalid.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	why := m[4]
	switch {
	case m[1] != "":
		why = "expected true or false, or nothing"
	case why == "parse error": // durations are all that is parsed
		why = "expected a duration, such as 500ms or 10s"
	}
	return "-" + m[3] + " is " + m[2] + ": " + why
}

// usage is an error about how the command was used.
func (o options) usage(format string, args ...any) error {
	return usageError("%s: "+format+"\nRun \"ffc help %s\" for how to use it.", append(append([]any{o.Name()}, args...), o.Name())...)
}

// given reports whether an option was given.
func (o options) given(name string) (yes bool) {
	o.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}
