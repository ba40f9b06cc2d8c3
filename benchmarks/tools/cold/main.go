// Command cold runs the cold-start programs in turn and writes a line for each
// to standard output: name, flags, bytes of the snapshot; median, smallest and
// largest wall time in ms, the same for CPU time; then peak memory in KiB,
// goroutines and bytes of live heap.
//
//	cold -n 10 FOLDER
//
// Programs and snapshots go to the folder.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	n := flag.Int("n", 10, "runs of each program that count, after one to warm up")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *n); err != nil {
		fmt.Fprintln(os.Stderr, "cold:", err)
		os.Exit(1)
	}
}

func run(folder string, n int) error {
	programs, err := prepare(folder)
	if err != nil {
		return err
	}
	for i := range n + 1 {
		for _, p := range programs {
			m, err := p.start()
			if err != nil {
				return err
			}
			if i > 0 { // the first run warms up
				p.runs = append(p.runs, m)
			}
		}
	}
	for _, p := range programs {
		if err := p.report(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}
