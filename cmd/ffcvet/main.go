// Command ffcvet lists the feature flags that Go code reads. Package flagkeys says
// which code it recognises.
//
// To install it:
//
//	go install github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffcvet@latest
//
// To list the flags, one line for each place:
//
//	ffcvet ./...
//	go vet -vettool=$(which ffcvet) ./...
//
// With -json both print JSON. The command ffc unused reads that, and compares the
// flags with those of an environment.
//
// # Exit codes
//
// ffcvet exits with 0 if it found nothing, or with -json; with 3 if it listed
// something; and with 1 if the code does not compile.
package main

import (
	"golang.org/x/tools/go/analysis/singlechecker"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffcvet/flagkeys"
)

func main() { singlechecker.Main(flagkeys.Analyzer) }
