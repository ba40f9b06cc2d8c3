package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// evalOptions are the options of eval.
type evalOptions struct {
	options
	connection
	user      userOptions
	file      string
	all, json bool
}

func newEvalOptions() *evalOptions {
	e := &evalOptions{options: newOptions("eval")}
	e.connection.define(e.options, connectTime)
	e.connection.definePoll(e.options)
	e.user.define(e.options)
	e.StringVar(&e.file, "file", "", "")
	e.BoolVar(&e.all, "all", false, "")
	e.BoolVar(&e.json, "json", false, "")
	return e
}

func runEval(ctx context.Context, c *console, args []string) error {
	e := newEvalOptions()
	rest, err := e.parse(args)
	switch {
	case err != nil:
		return c.helpOr(err, evalHelp)
	case e.all && len(rest) > 0:
		return e.usage("-all is given, and so is %q: expected one of them", rest[0])
	case !e.all && len(rest) == 0:
		return e.usage("which flag? Give its key, or -all")
	case len(rest) > 1:
		return e.usage("more than one flag is given: %s", strings.Join(rest, ", "))
	}
	user, err := e.user.user(c, e.options)
	if err != nil {
		return err
	}
	client, err := e.client(ctx, c)
	if err != nil {
		return err
	}
	defer disconnect(client)
	keys := client.AllVariations(ctx, user).Keys()
	if e.all {
		return evalAll(c, client, keys, user, e.json)
	}
	return evalOne(c, client, keys, rest[0], user, e.json)
}

// client returns a client of the file, or else of the platform.
func (e *evalOptions) client(ctx context.Context, c *console) (*ffc.Client, error) {
	if !e.given("file") {
		return e.connect(ctx, c, e.options)
	}
	return e.offline(ctx, c, e.options, e.file)
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
	if err := c.print(visible(e.String()) + "\n"); err != nil {
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
	var err error
	if asJSON {
		err = c.printJSON(explanations)
	} else {
		err = c.print(table(explanations))
	}
	if err != nil {
		return err
	}
	for _, e := range explanations {
		if e.Err == nil {
			continue
		}
		err = &failure{code: exitNo}
		if !asJSON { // which has it
			c.warn("%q: %s", e.FlagKey, strings.TrimPrefix(e.Err.Error(), "ffc: "))
		}
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
	return visible(text)
}

func (c *console) printJSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return c.print(visible(b.String()))
}
