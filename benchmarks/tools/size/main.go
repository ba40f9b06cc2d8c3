// Command size writes a line for each program of a folder to standard output:
// name, bytes, packages and modules.
//
//	size FOLDER
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/size"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: size FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	ctx := context.Background()
	for _, program := range size.Programs() {
		bytes, err := size.Bytes(ctx, folder, program)
		if err != nil {
			return err
		}
		packages, modules, err := size.Linked(ctx, folder, program)
		if err != nil {
			return err
		}
		fmt.Println(program, bytes, packages, modules)
	}
	return nil
}
