// Command noop is the cold-start program of peers/noop.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/noop"
)

func main() { cold.Run(noop.Open) }
