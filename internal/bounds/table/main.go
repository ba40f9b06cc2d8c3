//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/bounds"
)

func main() {
	bounds.Main()
	size := flag.Int("size", 8<<20, "size of the data, in bytes")
	only := flag.String("only", "", "kinds of data that have this in their names")
	entry := flag.String("entry", "", "this entry only")
	flag.Parse()
	nothing, err := bounds.Measure(bounds.EntryNothing, "", nil, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("nothing: %d MiB\n", nothing.Peak>>20)
	for _, in := range bounds.Inputs() {
		if !strings.Contains(in.Name, *only) {
			continue
		}
		message := in.Message(*size)
		for _, e := range bounds.Entries {
			if *entry != "" && e != *entry {
				continue
			}
			m, err := bounds.Measure(e, in.Platform, message, 0)
			if err != nil {
				fmt.Println(in.Name, e, err)
				continue
			}
			fmt.Printf("%-45s %-20s %4d MiB  x%.1f  %.2f s  %s %.80s\n", in.Name, e, m.Peak>>20, m.Multiple(nothing.Peak), m.CPU, m.Value, m.Err)
		}
	}
}
