package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// parsed is a command line as options understand it.
type parsed struct {
	text   string
	toggle bool
	wait   time.Duration
	each   []string
	rest   []string
	given  bool // -text
}

func parse(args ...string) (parsed, error) {
	var p parsed
	o := Options{program: "ffc", command: "test"}
	o.Section("All:")
	o.Text(&p.text, "text", "TEXT", "a text")
	o.Toggle(&p.toggle, "toggle", "a switch")
	o.Duration(&p.wait, "wait", "a duration", time.Second)
	o.Define("each", "ITEM", "an item", func(item string) error {
		if item == "bad" {
			return errors.New("invalid item: expected a good one")
		}
		p.each = append(p.each, item)
		return nil
	})
	var err error
	p.rest, err = o.parse(args)
	p.given = o.Given("text")
	return p, err
}

func TestOptionsParse(t *testing.T) {
	for line, want := range map[string]parsed{
		"":                          {},
		"a b":                       {rest: []string{"a", "b"}},
		"a -text x b":               {text: "x", given: true, rest: []string{"a", "b"}},
		"--text=x=y":                {text: "x=y", given: true},
		"-text= a":                  {given: true, rest: []string{"a"}},
		"-text -toggle":             {text: "-toggle", given: true},
		"-toggle a":                 {toggle: true, rest: []string{"a"}},
		"-toggle=false -toggle=1":   {toggle: true},
		"-each a -wait 5ms -each b": {each: []string{"a", "b"}, wait: 5 * time.Millisecond},
		"-text --":                  {text: "--", given: true},
		"- -- -text -- x":           {rest: []string{"-", "-text", "--", "x"}},
	} {
		if want.wait == 0 {
			want.wait = time.Second
		}
		got, err := parse(strings.Fields(line)...)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%q: got %+v, %v; want %+v", line, got, err, want)
		}
	}
	for line, want := range map[string]string{
		"-tex x":       `unknown option -tex: did you mean "-text"?`,
		"-":            "",
		"---text x":    "unknown option --text: did you mean \"-text\"?",
		"-=x":          "unknown option -",
		"-text":        "-text: missing value: expected TEXT",
		"-toggle=yes":  `-toggle: invalid value "yes": expected true, false or no value`,
		"-wait 5":      `-wait: invalid duration "5": expected more than 0, such as 500ms or 10s`,
		"-wait=-1s":    `-wait: invalid duration "-1s": expected more than 0, such as 500ms or 10s`,
		"-each bad -x": "-each: invalid item: expected a good one",
	} {
		_, err := parse(strings.Fields(line)...)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", line, err)
			}
			continue
		}
		if want := "test: " + want + "\nRun \"ffc help test\" for usage."; err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
	for _, line := range []string{"-h", "a --help", "-toggle -help"} {
		if _, err := parse(strings.Fields(line)...); !errors.Is(err, errHelp) {
			t.Errorf("%q: got %v", line, err)
		}
	}
}

func TestWrapBreaksAtSpaces(t *testing.T) {
	for text, want := range map[string][]string{
		"":             {""},
		"one":          {"one"},
		"one two":      {"one two"},
		"one two four": {"one two", "four"},
		"é é é é é":    {"é é é é", "é"},
		"longerthan8 a": {
			"longerthan8", "a"},
	} {
		if got := Wrap(text, 8); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
