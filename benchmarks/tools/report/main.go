// Command report turns the output of one run into Markdown: every table to
// standard output and, with -docs, the most telling ones between the markers of
// README.md, docs/performance.md and docs/lambda.md of a repository.
//
//	report [-docs REPOSITORY [-only PART]] FOLDER
//
// -only rewrites one part, that between the markers of this name, and prints
// nothing.
//
// The folder has NAME.txt with the output of go test -bench for each peer and
// for data, events and lambda, cold.txt and size.txt. Of repeated times the best counts,
// as noise only ever adds; of all else the median.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	docs := flag.String("docs", "", "repository with the markers")
	only := flag.String("only", "", "name of the markers, if one part is to be rewritten")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *docs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(folder, docs, only string) error {
	r, err := read(folder)
	if err != nil {
		return err
	}
	if only == "" {
		fmt.Print(r.everything())
	}
	if docs == "" {
		return nil
	}
	for _, part := range []struct{ file, name, text string }{
		{"README.md", "benchmarks", r.overview()},
		{"docs/performance.md", "benchmarks", r.summary()},
		{"docs/performance.md", "traffic", r.traffic()},
		{"docs/lambda.md", "lambda", r.lambda()},
	} {
		if only != "" && part.name != only {
			continue
		}
		if err := rewrite(filepath.Join(docs, part.file), part.name, part.text); err != nil {
			return err
		}
	}
	return nil
}

// ours are the rows of this SDK, by the platform it gets its data from.
func ours() []string { return []string{"ffc", "ffcfeatbit"} }

// others are those that it is compared with. noop is no SDK: it is the harness's
// own cost.
func others() []string {
	return []string{"launchdarkly", "growthbook", "statsig", "posthog", "openfeature", "noop"}
}

// rows are all peers, in the order of the tables.
func rows() []string { return append(ours(), others()...) }

// title is what tables call a peer or a program.
func title(name string) string {
	switch name {
	case "ffcfeatbit":
		return "ffc, FeatBit"
	case "awslambda":
		return "aws-lambda-go alone"
	case "ffclambda":
		return "ffcpoll with aws-lambda-go"
	}
	return name
}
