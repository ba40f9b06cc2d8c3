// Command ffc works with the feature flags of featureflag.co and FeatBit: it
// says which value a user gets and why, writes snapshots for programs to embed,
// finds out why a program does not get its flags, and is a platform for
// development on this machine.
//
//	go run ./cmd/ffc help
//	go run ./cmd/ffc eval -file flags.json -user u1 -attr country=FR checkout
//	go run ./cmd/ffc snapshot -o flags.json
//	go run ./cmd/ffc doctor
//	go run ./cmd/ffc serve
//
// To have it at hand:
//
//	go install github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc@latest
//
// # The environment
//
// The secret of the environment is taken from -secret-file, a file or standard
// input, or else from FFC_ENV_SECRET. There is -secret as well, but what is on a
// command line, others can see in the list of processes. The platform is
// https://api.featureflag.co, or what -url or else FFC_BASE_URL says; FeatBit
// needs one of these. The shape of the secret tells which of the two platforms
// it is of, unless -platform does. Proxies are taken from HTTPS_PROXY,
// HTTP_PROXY and NO_PROXY.
//
// # eval
//
//	ffc eval [options] FLAG
//	ffc eval [options] -all
//
// Evaluates a flag for a user and shows the value and what led to it, by the
// rules of the platform that the data is of. The data is that of a flag file or
// a snapshot (-file), or else of the platform, over a websocket that is closed
// again, or with -poll by a request; the latter has no segments on
// featureflag.co. Nothing is reported to the platform.
//
// The user is -user KEY with any number of -attr NAME=VALUE, or -user-json with
// an object as ffc.UserFromMap takes it.
//
// # snapshot
//
//	ffc snapshot [-o FILE] [options]
//
// Writes the current flags and segments in the form of ffc.Config.Bootstrap: to
// standard output, or to a file that is replaced as a whole. With -file they are
// those of a flag file. A summary goes to standard error.
//
// # doctor
//
//	ffc doctor [options]
//
// Checks, in this order, the shape of the secret, the URLs, DNS, TCP, TLS and
// its certificate, this machine's clock, the websocket, whether the token is
// taken and data arrives, polling, the event endpoint and proxies. For each it
// prints ok, warn, fail or skip, what was seen, how long it took, and what to
// do. A check that makes no sense after an earlier one is skipped. The secret is
// never shown, and nothing on the platform changes: to the event endpoint goes
// an empty list.
//
// # serve
//
//	ffc serve [options] [FILE]
//
// Runs a platform of either platform on this machine, for development: clients
// connect to it as to the real one, by websocket or polling, and send it their
// events. The flags are in a file, in a form that is easy to write or as a
// snapshot; it is followed while an editor changes it. The page that the address
// shows in a browser switches flags, changes percentages and writes that to the
// file, evaluates users and says why, and shows clients and events as they come.
// It listens on loopback only unless -addr says otherwise, and refuses what other
// sites send through a browser.
//
// # Output
//
// Results go to standard output, everything else to standard error. With -json,
// results are JSON: of eval an explanation, with -all a list of them; of doctor
// an object with the checks; of snapshot a summary, which needs -o FILE. Colours, and a line that says what takes longer
// than a second, appear on terminals only, unless TERM is dumb; NO_COLOR takes
// the colours away.
//
// # Exit codes
//
//	          0                   1                     2             3
//	eval      a value             no such flag, an      command line  no data
//	                              evaluation failed,
//	                              output
//	snapshot  written             output                command line  no data
//	doctor    no check failed     a check failed,       command line
//	                              output
//	serve     ended by a signal   cannot listen         command line  file
//
// Output is that standard output or the file of -o cannot be written. No data is
// that the platform is unreachable or rejects the secret, or that the file of
// -file is invalid. Commands that are interrupted, as by Ctrl-C, exit with 130,
// except serve.
package main
