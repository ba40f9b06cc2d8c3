package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
)

// What the exit codes of commands mean. 2 is the same for all.
const (
	evalExits = `Exit codes: 0 the flag has a value; 1 there is no such flag, a flag cannot be
evaluated, or the output cannot be written; 2 the command line is invalid; 3
there is no data, of the platform or in the file; 130 interrupted.
`
	snapshotExits = `Exit codes: 0 the snapshot is written; 1 it cannot be written; 2 the command
line is invalid; 3 there is no data, of the platform or in the file; 130
interrupted.
`
	doctorExits = `Exit codes: 0 no check failed, although some may warn; 1 a check failed, or the
output cannot be written; 2 the command line is invalid; 130 interrupted.
`
	serveExits = `Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 it cannot listen at the address; 2
the command line is invalid; 3 the file cannot be used.
`
)

// overview is the list of commands.
func overview() string {
	var b strings.Builder
	b.WriteString("ffc works with the feature flags of featureflag.co and FeatBit.\n\nUsage: ffc COMMAND [options]\n\n")
	for _, cmd := range commands() {
		fmt.Fprintf(&b, "  %-10s %s\n", cmd.name, cmd.summary)
	}
	b.WriteString("\nRun \"ffc help COMMAND\" for how to use one.\n")
	return b.String()
}

func runHelp(ctx context.Context, c *console, args []string) error {
	switch len(args) {
	case 0:
		return c.print(overview())
	case 1:
	default:
		return usageError("help takes one command, got %d", len(args))
	}
	name := args[0]
	if name == "-h" || name == "-help" || name == "--help" {
		name = "help"
	}
	cmd, err := findCommand(name)
	if err != nil {
		return err
	}
	switch cmd.name {
	case "help":
		return c.print(overview())
	case "version":
		return c.print(versionHelp)
	}
	return cmd.run(ctx, c, []string{"-h"})
}

// helpOr answers a call for help with text, and returns any other error.
func (c *console) helpOr(err error, text string) error {
	if errors.Is(err, flag.ErrHelp) {
		return c.print(text)
	}
	return err
}

// connectionHelp tells of the options of connection.
const connectionHelp = `The environment:
  -secret-file FILE        a file with the secret; - is standard input
  -secret SECRET           the secret itself, which others can see in the list
                           of processes: rather use FFC_ENV_SECRET or a file
  -url URL                 http(s)://host[/prefix] of the platform, if it is not
                           https://api.featureflag.co; of FeatBit, that of the
                           evaluation server
  -streaming-url URL       ws(s)://host[/prefix], if it is not that of -url
  -platform NAME           classic or featbit, if the secret does not tell
`

const environmentHelp = `
FFC_ENV_SECRET and FFC_BASE_URL stand for -secret and -url where these are not
given. Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

`

const evalHelp = `Usage: ffc eval [options] FLAG
       ffc eval [options] -all

Evaluates a flag for a user and shows what led to the value: prerequisites,
targets, rules and percentages, up to those that decided. It sends no events.

  ffc eval -file flags.json -user u1 -attr country=FR -attr plan=pro checkout
  ffc eval -secret-file secret.txt -user-json @user.json -json checkout

The user:
  -user KEY                the key
  -attr NAME=VALUE         an attribute, as often as needed; name, email and
                           country are the built-in ones
  -user-json JSON          all of it, as in {"key":"u1","country":"FR","age":1};
                           @FILE reads a file, @- standard input

The data, of a file or else of the platform:
  -file FILE               a flag file of ffc serve, or a snapshot of either
                           platform; - is standard input
  -poll                    get the data by polling instead of a websocket; from
                           featureflag.co that has no segments
  -timeout DURATION        how long to wait for the data (default 10s)

` + connectionHelp + `
The output:
  -all                     evaluate all flags, one line each
  -json                    print JSON: an explanation, with -all a list of them
` + environmentHelp + evalExits

const snapshotHelp = `Usage: ffc snapshot [options]

Writes the current flags and segments for a program to embed and to start with
(Bootstrap in the SDK's configuration), so that it has flags before it has a
connection. A summary of what was written goes to standard error.

  ffc snapshot -secret-file secret.txt -o snapshot.json
  ffc snapshot -file flags.json -o snapshot.json

  -file FILE               make the snapshot of a flag file of ffc serve, or of
                           another snapshot; - is standard input
  -o FILE                  where to write, as a whole: no reader sees half of
                           it, and a failure leaves what was there (default
                           standard output)
  -json                    print the summary as JSON, on standard output; needs
                           -o FILE
  -poll                    get the data by polling instead of a websocket; from
                           featureflag.co that has no segments
  -timeout DURATION        how long to wait for the data (default 10s)

` + connectionHelp + environmentHelp + snapshotExits

const doctorHelp = `Usage: ffc doctor [options]

Finds out why a program does not get its flags, or does not get its events
delivered. It checks one thing after the other: the secret, the URL, DNS, TCP,
TLS, the clock, the websocket, the token, the data, polling, the event endpoint
and proxies. It changes nothing: to the event endpoint it sends an empty list.

  ffc doctor -secret-file secret.txt

  -json                    print the checks as JSON
  -timeout DURATION        how long a check may take (default 5s)

` + connectionHelp + `  -events-url URL          http(s)://host[/prefix], if it is not that of -url
` + environmentHelp + doctorExits

const serveHelp = `Usage: ffc serve [options] [FILE]

Runs a platform for development on this machine. Its flags are in a file, which
is followed while it changes; a page shows and changes them, evaluates users,
and shows clients and their events. Without FILE it is flags.json, which is made
with a few example flags if it does not exist. FILE may also be a snapshot, as
ffc snapshot writes it.

  ffc serve
  ffc serve -platform featbit -addr 127.0.0.1:5100 flags.json

  -addr HOST:PORT          where to listen (default 127.0.0.1:4400); port 0 is a
                           free one
  -platform NAME           the platform to be: classic or featbit (default what
                           the file is of, else classic)
  -create                  make FILE if it does not exist
  -allow-host NAME         another name under which this machine is reached,
                           such as host.docker.internal; as often as needed

A flag file is JSON:

  {"flags": {"checkout": {"variations": ["old", "new"], "serve": "new"}}}

docs/local.md in the SDK's repository has all that can be in it.

` + serveExits

const versionHelp = `Usage: ffc version

Shows the version of ffc, and what it was built with.
`
