package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// Options are the options of a command. On a command line they may stand before
// and after the other arguments, with one hyphen or two.
type Options struct {
	program, command string
	all              []*option // in the order of help
}

// option is one of them. An option without a placeholder is a switch, which needs
// no value.
type option struct {
	section     string // the heading above it in help
	name        string
	placeholder string // what help shows for its value
	help        string
	set         func(value string) error
	given       bool
}

// errHelp says that the command line asks for help.
var errHelp = errors.New("help")

// Section begins a section of help.
func (o *Options) Section(heading string) { o.all = append(o.all, &option{section: heading}) }

// Define adds an option. The error of set says what is expected.
func (o *Options) Define(name, placeholder, help string, set func(value string) error) {
	o.all = append(o.all, &option{name: name, placeholder: placeholder, help: help, set: set})
}

// Text adds an option whose value is a text.
func (o *Options) Text(value *string, name, placeholder, help string) {
	o.Define(name, placeholder, help, func(text string) error {
		*value = text
		return nil
	})
}

// Toggle adds a switch.
func (o *Options) Toggle(value *bool, name, help string) {
	o.Define(name, "", help, func(text string) (err error) {
		if *value, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("invalid value %q: expected true, false or no value", text)
		}
		return nil
	})
}

// Duration adds an option whose value is a duration of more than 0.
func (o *Options) Duration(value *time.Duration, name, help string, otherwise time.Duration) {
	*value = otherwise
	o.Define(name, "DURATION", fmt.Sprintf("%s (default %v)", help, otherwise), func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("invalid duration %q: expected more than 0, such as 500ms or 10s", text)
		}
		*value = d
		return nil
	})
}

// Platform adds the option -platform.
func (o *Options) Platform(value *string, help string) {
	o.Define("platform", "NAME", help, func(name string) error {
		_, err := registry.ProtocolOf(name)
		*value = name
		return err
	})
}

// parse sets the options that args have, and returns the other arguments. After
// the argument -- all are. The error is errHelp if args ask for help.
func (o *Options) parse(args []string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return append(rest, args...), nil
		}
		if len(arg) < 2 || arg[0] != '-' { // "-" alone is an argument
			rest = append(rest, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		option := o.find(name)
		switch {
		case option == nil && (name == "h" || name == "help"):
			return nil, errHelp
		case option == nil:
			return nil, o.Usage("unknown option -%s%s", name, nearest.DidYouMean(o.nearest(name)))
		case option.placeholder == "" && !hasValue:
			value = "true"
		case !hasValue && len(args) == 0:
			return nil, o.Usage("-%s: missing value: expected %s", name, option.placeholder)
		case !hasValue:
			value, args = args[0], args[1:]
		}
		option.given = true
		if err := option.set(value); err != nil {
			return nil, o.Usage("-%s: %v", name, err)
		}
	}
	return rest, nil
}

// find returns the option with a name, or nil.
func (o *Options) find(name string) *option {
	i := slices.IndexFunc(o.all, func(p *option) bool { return p.name == name && name != "" })
	if i < 0 {
		return nil
	}
	return o.all[i]
}

// nearest returns the options that name may stand for.
func (o *Options) nearest(name string) []string {
	var names []string
	for _, option := range o.all {
		if option.name != "" {
			names = append(names, option.name)
		}
	}
	near := nearest.Names(strings.TrimLeft(name, "-"), names)
	for i := range near {
		near[i] = "-" + near[i]
	}
	return near
}

// Given reports whether the command line has an option.
func (o *Options) Given(name string) bool {
	option := o.find(name)
	return option != nil && option.given
}

// Usage returns an error about how the command was used.
func (o *Options) Usage(format string, args ...any) error {
	return UsageError("%s: "+format+"\nRun \"%s help %s\" for usage.", append(append([]any{o.command}, args...), o.program, o.command)...)
}

const (
	helpIndent = 27 // of the texts of options
	HelpWidth  = 80 // of a line of help
)

// help returns the text of all options, in lines of at most HelpWidth characters.
func (o *Options) help() string {
	var b strings.Builder
	for _, option := range o.all {
		if option.name == "" {
			fmt.Fprintf(&b, "\n%s\n", option.section)
			continue
		}
		left := strings.TrimRight("  -"+option.name+" "+option.placeholder, " ")
		for _, line := range Wrap(option.help, HelpWidth-helpIndent) {
			fmt.Fprintf(&b, "%-*s%s\n", helpIndent, left, line)
			left = ""
		}
	}
	return b.String()
}

// Wrap breaks a text into lines of at most width characters.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
