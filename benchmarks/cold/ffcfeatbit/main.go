// Command ffcfeatbit is the cold-start program of peers/ffcfeatbit with a
// snapshot, offline.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/ffc"
)

func main() { cold.Run(ffc.FeatBit().Open) }
