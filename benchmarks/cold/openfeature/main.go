// Command openfeature is the cold-start program of peers/openfeature.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/openfeature"
)

func main() { cold.Run(openfeature.Open) }
