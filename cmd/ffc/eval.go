package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

func runEval(ctx context.Context, c *console, args []string) error {
	o := newOptions("eval")
	var n connection
	var u userOptions
	n.define(o, connectTime)
	n.definePoll(o)
	u.define(o)
	file := o.String("file", "", "")
	all := o.Bool("all", false, "")
	asJSON := o.Bool("json", false, "")
	rest, err := o.parse(args)
	switch {
	case err != nil:
		return c.helpOr(err, evalHelp)
	case *all && len(rest) > 0:
		return o.usage("-all is given, and so is %q: expected one of them", rest[0])
	case !*all && len(rest) == 0:
		return o.usage("which flag? Give its key, or -all")
	case len(rest) > 1:
		return o.usage("more than one flag is given: %s", strings.Join(rest, ", "))
	}
	user, err := u.user(c, o)
	if err != nil {
		return err
	}
	client, err := dataSource(ctx, c, o, &n, *file)
	if err != nil {
		return err
	}
	defer disconnect(client)
	keys := client.AllVariations(ctx, user).Keys()
	if *all {
		return evalAll(c, client, keys, user, *asJSON)
	}
	return evalOne(c, client, keys, rest[0], user, *asJSON)
}

// dataSource returns a client of the file, or else of the platform.
func dataSource(ctx context.Context, c *console, o options, n *connection, file string) (*ffc.Client, error) {
	if !o.given("file") {
		return n.connect(ctx, c, o)
	}
	for _, name := range connectionOptions {
		if o.given(name) && name != "platform" {
			return nil, o.usage("-file and -%s are given: is the data in a file, or the platform's?", name)
		}
	}
	if err := n.complete(c, o); err != nil {
		return nil, err
	}
	data, err := readData(c.stdin, file)
	if err != nil {
		return nil, err
	}
	return offline(c, n.platform, sourceName(file), data)
}

// evalOne explains one flag.
func evalOne(c *console, client *ffc.Client, keys []string, key string, user ffc.User, asJSON bool) error {
	e := client.Explain(key, user)
	if asJSON {
		if err := c.printJSON(e); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(e.Err, ffc.ErrFlagNotFound):
		return noError("the environment has no flag %q%s", key, didYouMean(nearest(key, keys)))
	case asJSON && e.Err != nil:
		return &failure{code: exitNo}
	case asJSON:
		return nil
	}
	if err := c.print(e.String() + "\n"); err != nil {
		return err
	}
	if e.Err != nil {
		return &failure{code: exitNo}
	}
	return nil
}

// evalAll lists the values of all flags.
func evalAll(c *console, client *ffc.Client, keys []string, user ffc.User, asJSON bool) error {
	explanations := make([]ffc.Explanation, len(keys))
	for i, key := range keys {
		explanations[i] = client.Explain(key, user)
	}
	failed := slices.ContainsFunc(explanations, func(e ffc.Explanation) bool { return e.Err != nil })
	var err error
	if asJSON {
		err = c.printJSON(explanations)
	} else {
		err = c.print(table(explanations))
	}
	if err == nil && failed {
		err = &failure{code: exitNo}
	}
	return err
}

func table(explanations []ffc.Explanation) string {
	if len(explanations) == 0 {
		return "The environment has no flags.\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "FLAG\tVALUE\tREASON")
	for _, e := range explanations {
		value := oneLine(e.Value)
		if e.Err != nil {
			value = "-"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", oneLine(e.FlagKey), value, e.Reason)
	}
	_ = w.Flush()
	return b.String()
}

// oneLine quotes a text that would break a table, or a terminal.
func oneLine(text string) string {
	if text == "" || strings.ContainsFunc(text, unicode.IsControl) {
		return strconv.Quote(text)
	}
	return text
}

func (c *console) printJSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return c.print(b.String())
}
