// Command growthbook is the cold-start program of peers/growthbook.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/growthbook"
)

func main() { cold.Run(growthbook.Open) }
