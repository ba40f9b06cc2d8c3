package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
)

// evalRun is the eval command with its options.
type evalRun struct {
	*cli.Command
	connection
	user      userOptions
	file      string
	all, json bool
}

func evalCommand() *cli.Command {
	e := &evalRun{Command: &cli.Command{
		Name:    "eval",
		Summary: "evaluate a flag for a user, and explain the value",
		Help: `Usage: ffc eval [options] FLAG
       ffc eval [options] -all

Evaluates a flag for a user and explains the value: it shows the prerequisites,
targets, rules and percentages that were looked at. It sends no events.

  ffc eval -file flags.json -user u1 -attr country=FR -attr plan=pro checkout
  ffc eval -secret-file secret.txt -user-json @user.json -json checkout
`,
		Footer: connectionHelp + `Exit codes: 0 the flag has a value; 1 the flag does not exist, a flag cannot be
evaluated, or the output cannot be written; 2 the command line is invalid; 3
there is no data from the platform or in the file; 130 interrupted.
`,
	}}
	o := &e.Options
	o.Section("The user:")
	e.user.define(o)
	o.Section("The data (default: that of the platform):")
	o.Text(&e.file, "file", "FILE", "a flag file of ffc serve, or a snapshot of either platform; - is standard input")
	e.defineWait(o)
	e.connection.define(o)
	o.Section("The output:")
	o.Toggle(&e.all, "all", "evaluate all flags, one line each")
	o.Toggle(&e.json, "json", "print JSON: an explanation, or a list of them with -all")
	e.Run = e.evaluate
	return e.Command
}

func (e *evalRun) evaluate(ctx context.Context, c *cli.Console, args []string) error {
	switch {
	case e.all && len(args) > 0:
		return e.Options.Usage("-all and the flag key %q exclude each other", args[0])
	case !e.all && len(args) == 0:
		return e.Options.Usage("missing flag key: pass one, or use -all")
	case len(args) > 1:
		return e.Options.Usage("too many flag keys: expected one, got %s", strings.Join(args, ", "))
	}
	user, err := e.user.user(c, &e.Options)
	if err != nil {
		return err
	}
	client, err := e.client(ctx, c, &e.Options, e.file)
	if err != nil {
		return err
	}
	defer disconnect(client)
	keys := client.AllVariations(ctx, user).Keys()
	if e.all {
		return evalAll(c, client, keys, user, e.json)
	}
	return evalOne(c, client, keys, args[0], user, e.json)
}

// evalOne explains one flag.
func evalOne(c *cli.Console, client *ffc.Client, keys []string, key string, user ffc.User, asJSON bool) error {
	e := client.Explain(key, user)
	if asJSON {
		if err := c.PrintJSON(e); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(e.Err, ffc.ErrFlagNotFound):
		return cli.Errorf("the environment has no flag %q%s", key, nearest.DidYouMean(nearest.Names(key, keys)))
	case asJSON && e.Err != nil:
		return &cli.Failure{Code: cli.ExitFailed}
	case asJSON:
		return nil
	}
	if err := c.Print(cli.Visible(e.String()) + "\n"); err != nil {
		return err
	}
	if e.Err != nil {
		return &cli.Failure{Code: cli.ExitFailed}
	}
	return nil
}

// evalAll lists the values of all flags.
func evalAll(c *cli.Console, client *ffc.Client, keys []string, user ffc.User, asJSON bool) error {
	explanations := make([]ffc.Explanation, len(keys))
	for i, key := range keys {
		explanations[i] = client.Explain(key, user)
	}
	var err error
	if asJSON {
		err = c.PrintJSON(explanations)
	} else {
		err = c.Print(table(explanations))
	}
	if err != nil {
		return err
	}
	for _, e := range explanations {
		if e.Err == nil {
			continue
		}
		err = &cli.Failure{Code: cli.ExitFailed}
		if !asJSON { // JSON has the error
			c.Warn("%q: %s", e.FlagKey, strings.TrimPrefix(e.Err.Error(), "ffc: "))
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
	return cli.Visible(text)
}
