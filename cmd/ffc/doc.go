// Command ffc works with the feature flags of featureflag.co and FeatBit. It
// evaluates flags and explains the values, writes snapshots that programs embed,
// describes flags for OpenFeature's code generator, compares the flags that code reads
// with an environment, finds out why a program does not get its flags, and runs a
// platform for development on this machine.
//
//	go run ./cmd/ffc help
//	go run ./cmd/ffc eval -file flags.json -user u1 -attr country=FR checkout
//	go run ./cmd/ffc snapshot -o flags.json
//	go run ./cmd/ffc unused -dir ./... -file flags.json
//	go run ./cmd/ffc doctor
//	go run ./cmd/ffc serve
//
// To install it:
//
//	go install github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc@latest
//
// # The environment
//
// The option -secret-file names a file with the secret of the environment, or
// standard input. Without it, FFC_ENV_SECRET has the secret. Prefer both to the
// option -secret: other users can see the command line in the list of processes.
//
// The URL of the platform is that of the option -url, or of FFC_BASE_URL. The
// default is https://api.featureflag.co; FeatBit has no default. The form of the
// secret selects the platform, unless -platform does. HTTPS_PROXY, HTTP_PROXY and
// NO_PROXY select the proxy.
//
// # eval
//
//	ffc eval [options] FLAG
//	ffc eval [options] -all
//
// Evaluates a flag for a user and explains the value, by the rules of the platform
// that the data comes from. The data is in a flag file or a snapshot (-file), or
// comes from the platform: over a websocket, or by a request with -poll, which
// brings no segments on featureflag.co. The command sends no events.
//
// The user is -user KEY with any number of -attr NAME=VALUE, or -user-json with
// an object for ffc.UserFromMap.
//
// # snapshot
//
//	ffc snapshot [-o FILE] [options]
//
// Writes the current flags and segments in the form of ffc.Config.Bootstrap, to
// standard output or to a file. The file is replaced as a whole. With -file the
// command converts a flag file. With -poll featureflag.co sends no segments: the
// command fails if flags use some. A summary goes to standard error.
//
// # manifest
//
//	ffc manifest [-o FILE] [options] [FLAG...]
//
// Writes a flag manifest of OpenFeature (github.com/open-feature/cli) from the same
// sources as eval: the key, type, default and description of each flag. A flag's type
// is the one that all its variations have, its default is its off variation, and its
// description is that of FeatBit or the flag's name. -default zero writes the zero
// values of the types instead, and -keep keeps what a manifest has. Flags that have no
// name in generated code are left out, with a warning. A summary goes to standard
// error.
//
// # unused
//
//	ffc unused [-dir PATTERN] [options]
//
// Lists the flags that Go code reads and the environment does not have, with file
// and line, and the flags of the environment that the code does not read. The
// program ffcvet reads the code; -reads names a file with its output instead. A
// flag that is a prerequisite of a flag in use is in use. docs/unused.md says what
// counts as a read.
//
// # doctor
//
//	ffc doctor [options]
//
// Checks the form of the secret, the URLs, DNS, TCP, TLS and its certificate, the
// clock of this machine, the websocket, the token, the data, polling, the event
// endpoint and proxies, in this order. Each check prints ok, warn, fail or skip, a
// description, its duration, and what to do. A check that an earlier failure makes
// pointless is skipped. The output does not contain the secret. The platform does
// not change: the event endpoint gets an empty list.
//
// # serve
//
//	ffc serve [options] [FILE]
//
// Runs a platform of either kind on this machine, for development. Clients connect
// to it by websocket or polling and send it their events. The flags are in a flag
// file or a snapshot. serve reads the file again whenever it changes. The page at
// the address switches flags and changes percentages, which changes the file. The
// page also evaluates users, explains the values, and shows clients and events.
// serve listens on loopback only, unless -addr has another address, and rejects
// requests that other web sites send through a browser.
//
// # Output
//
// Results go to standard output, everything else to standard error. With -json the
// results are JSON: of eval an explanation, or a list of them with -all; of doctor
// an object with the checks; of unused an object with the differences; of snapshot
// a summary, which needs -o FILE. Colours and the progress line, which appears after
// a second, are for terminals only. They are off if TERM is dumb. NO_COLOR switches
// off the colours.
//
// # Exit codes
//
//	          0                   1                     2             3
//	eval      a value             no such flag, an      command line  no data
//	                              evaluation failed,
//	                              output
//	snapshot  written             output                command line  no data
//	manifest  written             no such flag, output  command line, no data
//	                                                    -keep
//	unused    no difference       differences,        command line  no data
//	                              output
//	doctor    no check failed     a check failed,       command line
//	                              output
//	serve     ended by a signal   cannot listen         command line  file
//
// "Output" means that standard output or the file of -o cannot be written. "No
// data" means that the platform is unreachable or rejects the secret, that the file
// of -file is invalid, or that ffcvet is missing or fails. Commands that are
// interrupted, as by Ctrl-C, exit with 130, except serve.
package main
