// Command statsig is the cold-start program of peers/statsig.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/statsig"
)

func main() { cold.Run(statsig.Open) }
